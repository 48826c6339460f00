"""Stress it: the pair changed, so that the right answer is known."""

from functools import partial

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from languages import _, say
from pipeline.explain import probing
from pipeline.settings import LABELS, Settings
from tabs.errors import notice_on_error
from tabs.predict.listeners import OF_THE_ANSWER, PRIVATE
from views.markup import origin_line
from views.predictions import stress_table

READINGS = [(say("they say the same"), LABELS[1]), (say("they don't"), LABELS[0])]


def build_stress(settings: Settings, inputs: list[Component]) -> dict[str, Component]:
    """The section. Returns its field, by the name that an address has for it.

    inputs: both sentences and the model.
    """
    with gr.Accordion(
        _("Stress it: change the pair"), open=False, elem_id="open-stress"
    ) as section:
        reading = gr.Radio(
            [(str(name), label) for name, label in READINGS],
            value=LABELS[1],
            label=_("Your own pair, as you read it"),
            info=_("what the answer to a changed pair should be follows from this"),
        )
        again = gr.Button(_("Change the pair"), **OF_THE_ANSWER)
        gr.on(
            [section.expand, again.click, reading.change],
            partial(stress, settings),
            [*inputs, reading],
            gr.HTML(min_height=300),
            **PRIVATE,
        )
    return {"reading": reading}


@notice_on_error
def stress(settings: Settings, sentence1: str, sentence2: str, model: str, label: str) -> Markup:
    """The pair and its changes, each with what is right and what the model says.

    label: the right one of the pair as it is.
    """
    rows, origin = probing.stress(
        model, sentence1, sentence2, label, settings.max_length, settings=settings
    )
    table = stress_table(rows, probing.record_of(origin.loaded))
    return origin_line(origin, origin.stands_in) + table
