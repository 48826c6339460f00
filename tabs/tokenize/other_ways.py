"""The pair's sentences separately, as a pair, and swapped."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from languages import _
from pipeline.explain.experiments import ways_of
from pipeline.settings import Settings
from tabs.errors import notice_on_error
from tabs.tokenize.inputs import PairInputs, ask
from tabs.tokenize.listeners import draw_always
from views.experiments import ways


def build_other_ways(settings: Settings, inputs: Sequence[Component], drawn: Sequence[Any]) -> None:
    """The section. inputs: of PairInputs; drawn: the events after which it is drawn again."""
    with gr.Accordion(
        _("What if each sentence goes alone, or the two are swapped?"),
        open=False,
        elem_id="open-ways",
    ) as section:
        output = gr.HTML(min_height=200)
    draw_always(partial(draw_ways, settings), inputs, output, section, drawn)


@notice_on_error
def draw_ways(settings: Settings, *values: Any) -> Markup:
    """values: PairInputs."""
    sentence1, sentence2, checkpoint, *rest = PairInputs(*values)
    made, _origin = ask(checkpoint, ways_of, sentence1, sentence2, *rest, settings=settings)
    return ways(made)
