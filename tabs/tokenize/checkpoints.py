"""The tokens of two checkpoints side by side."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from languages import _
from pipeline.explain.experiments import compare_splits, split_of, why_the_same
from pipeline.settings import CHECKPOINTS, Settings
from tabs.errors import notice_on_error
from tabs.tokenize.inputs import PairInputs, ask, sentences_of
from tabs.tokenize.listeners import OF_THE_PAIR, PRIVATE
from views.experiments import checkpoints


def build_checkpoints(settings: Settings, inputs: Sequence[Component]) -> dict[str, Component]:
    """The section; returns its field by its name in the address. inputs: of PairInputs."""
    with gr.Accordion(
        _("How does another checkpoint tokenize this pair?"), open=False, elem_id="open-checkpoints"
    ) as section:
        second = gr.Dropdown(
            list(CHECKPOINTS),
            value=CHECKPOINTS[-1],
            allow_custom_value=True,
            label=_("Second checkpoint"),
            info=_("compared with the one chosen above"),
        )
        again = gr.Button(_("Compare"), **OF_THE_PAIR)
        output = gr.HTML(min_height=200)
    asked = [section.expand, second.change, again.click]
    gr.on(asked, partial(draw_checkpoints, settings), [*inputs, second], output, **PRIVATE)
    return {"second_checkpoint": second}


@notice_on_error
def draw_checkpoints(settings: Settings, *values: Any) -> Markup:
    """values: PairInputs and the second checkpoint."""
    *pair, second = values
    inputs = PairInputs(*pair)
    sentences = sentences_of(inputs, settings)
    cut = inputs.max_length, inputs.truncation
    splits, origins = zip(
        *(
            ask(checkpoint, split_of, *sentences, *cut, settings=settings)
            for checkpoint in (inputs.checkpoint, second)
        ),
        strict=True,
    )
    return checkpoints(compare_splits(*splits), origins, why_the_same(*origins))
