"""Padding does not change the answer: the pair's logits alone, padded, and without the mask."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from languages import _
from pipeline.explain.experiments import ASKED, padding_proof
from pipeline.settings import ADAPTERS, Settings
from pipeline.tokenization import (
    checked_length,
    checked_pair,
    checked_truncation,
    tokenizer_for,
)
from tabs.errors import notice_on_error
from tabs.tokenize.inputs import PairInputs, sentences_of
from tabs.tokenize.listeners import OF_THE_PAIR, PRIVATE
from views.experiments import logits_with_padding
from web.first_paint import Opening


def build_padding(
    settings: Settings, inputs: Sequence[Component]
) -> tuple[dict[str, Component], Opening]:
    """The section, which is open from the start; returns its field by its name in the address, and
    the call that draws it first. inputs: of PairInputs.
    """
    with gr.Accordion(
        _("Does padding change the answer?"), open=True, elem_id="open-padding"
    ) as section:
        gr.Markdown(
            _(
                "The pair goes through a model three times: alone, padded, and padded with the "
                "mask removed. Whichever checkpoint is chosen above, the model is the app's own "
                "in float32: {description}.",
                description=ADAPTERS[ASKED],
            )
        )
        padding = gr.Slider(
            1,
            settings.max_added_padding,
            64,
            step=1,
            label=_("padding"),
            info=_("positions added to the pair"),
        )
        again = gr.Button(_("Ask the model"), **OF_THE_PAIR)
        output = gr.HTML(min_height=220)
    asked = [section.expand, padding.release, again.click]
    draw, inputs = partial(draw_logits, settings), [*inputs, padding]
    gr.on(asked, draw, inputs, output, **PRIVATE)
    return {"padding": padding}, Opening(draw, inputs, [output], again=True)


@notice_on_error
def draw_logits(settings: Settings, *values: Any) -> Markup:
    """values: PairInputs and the positions to add."""
    *pair, padding = values
    inputs = PairInputs(*pair)
    tokenizer, _origin = tokenizer_for(ASKED, settings)
    max_length = checked_length(inputs.max_length, tokenizer, settings)
    sentences = checked_pair(*sentences_of(inputs, settings), settings)
    truncation = checked_truncation(inputs.truncation)
    return logits_with_padding(
        padding_proof(*sentences, padding, max_length, truncation, settings=settings)
    )
