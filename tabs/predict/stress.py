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
from views.markup import of_pair, origin_line, quiet
from views.predictions import stress_table

READINGS = [(say("they mean the same"), LABELS[1]), (say("they don't"), LABELS[0])]


def build_stress(settings: Settings, inputs: list[Component]) -> dict[str, Component]:
    """The section. Returns its field, by the name that an address has for it.

    inputs: both sentences and the model.
    """
    with gr.Accordion(_("What does it overlook?"), open=False, elem_id="open-stress") as section:
        # No default: it would call a wrong answer right before anybody has read the pair
        reading = gr.Radio(
            [(str(name), label) for name, label in READINGS],
            value=None,
            label=_("Your own reading of the pair"),
            info=_("this decides the expected answer for the changed pairs"),
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
def stress(
    settings: Settings, sentence1: str, sentence2: str, model: str, label: str | None
) -> Markup:
    """The pair and its changes, each with what is right and what the model says.

    label: the right one of the pair as it is; None until the visitor has said so.
    """
    if label is None:
        return quiet(
            _(
                "Read the two sentences and choose above: do they mean the same? Then one of them "
                "is changed in ways that leave no doubt, and the model predicts each changed pair."
            )
        )
    rows, origin = probing.stress(
        model, sentence1, sentence2, label, settings.max_length, settings=settings
    )
    drawn = stress_table(rows, probing.record_of(origin.loaded))
    if origin.stands_in:
        drawn = origin_line(origin, True) + drawn
    return of_pair((sentence1, sentence2), drawn)
