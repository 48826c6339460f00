"""Before and after: a fine-tuned model beside the start that it was made from."""

from collections.abc import Sequence
from functools import partial

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from languages import _
from pipeline.explain.probing import asked_pair
from pipeline.inside.changes import changes
from pipeline.settings import Settings
from tabs.errors import notice_on_error
from tabs.model.attention import OF_THE_LOOK, PRIVATE
from tabs.predict.models import short_name
from views.inside_changes import inside_changes
from views.markup import of_pair


def build_your_run(settings: Settings, inputs: Sequence[Component]) -> None:
    """The section, worked out when it is opened. inputs: both sentences and the model."""
    with gr.Accordion(
        _("What did fine-tuning change inside?"), open=False, elem_id="open-your-run"
    ) as section:
        drawn = gr.HTML(min_height=320)
        again = gr.Button(_("Compare again"), **OF_THE_LOOK)
        gr.on(
            [section.expand, again.click], partial(draw, settings), list(inputs), drawn, **PRIVATE
        )


@notice_on_error
def draw(settings: Settings, sentence1: str, sentence2: str, model: str) -> Markup:
    """The model beside its start, on the page's pair."""
    pair = asked_pair(model, sentence1, sentence2, settings)
    found = changes(model, pair, settings.max_length, settings=settings)
    return of_pair(pair, inside_changes(found, short_name(found.start)))
