"""The pair's sentences separately, as a pair, and swapped."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from languages import _, say
from pipeline.errors import InputError
from pipeline.explain.experiments import ways_of
from pipeline.settings import Settings
from tabs.errors import notice_on_error
from tabs.tokenize.inputs import PairInputs, ask, sentences_of
from tabs.tokenize.listeners import draw_always
from views.experiments import ways

ONE_SENTENCE = say(
    "The rows of the chosen task have one sentence: there is no second one to swap it with. Choose "
    "other pairs below, such as MRPC."
)


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
    inputs = PairInputs(*values)
    sentences = sentences_of(inputs, settings)
    if sentences[1] is None:
        raise InputError(ONE_SENTENCE)
    cut = inputs.max_length, inputs.truncation
    made, _origin = ask(inputs.checkpoint, ways_of, *sentences, *cut, settings=settings)
    return ways(made)
