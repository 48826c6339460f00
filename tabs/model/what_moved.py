"""What moved the answer: integrated gradients on the token cards, beside leaving out each word."""

from collections.abc import Sequence
from functools import partial

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from languages import _
from pipeline.inside.attributions import BASELINES, attributions
from pipeline.settings import Settings
from tabs.errors import notice_on_error
from tabs.model.attention import OF_THE_LOOK, PRIVATE
from views.inside_attributions import what_moved
from views.markup import of_pair, origin_line


def build_what_moved(settings: Settings, inputs: Sequence[Component]) -> dict[str, Component]:
    """The section, worked out when it is opened. Returns its field, by the name that an address
    has for it.

    inputs: both sentences and the model.
    """
    with gr.Accordion(
        _("What moved the answer?"), open=False, elem_id="open-what-moved"
    ) as section:
        baseline = gr.Radio(
            [
                (_("padding token"), BASELINES[0]),
                (_("unknown token"), BASELINES[1]),
                (_("mask token"), BASELINES[2]),
            ],
            value=BASELINES[0],
            label=_("Baseline: what stands in for each word"),
        )
        drawn = gr.HTML(min_height=260)
        again = gr.Button(_("Work out again"), **OF_THE_LOOK)
        gr.on(
            [section.expand, again.click, baseline.input],
            partial(draw, settings),
            [*inputs, baseline],
            drawn,
            **PRIVATE,
        )
    return {"baseline": baseline}


@notice_on_error
def draw(settings: Settings, sentence1: str, sentence2: str, model: str, baseline: str) -> Markup:
    """What each token and word is worth to the answer."""
    found = attributions(
        model, sentence1, sentence2, settings.max_length, baseline, settings=settings
    )
    made = what_moved(found)
    if found.origin.stands_in:
        made = origin_line(found.origin, True) + made
    return of_pair(found.pair, made)
