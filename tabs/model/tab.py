"""Model: what happens between the batch and the logits, with this pair's own numbers."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component

from languages import _
from pipeline.settings import READY, Settings
from tabs.address import Shared, press_open
from tabs.check_yourself import build_check_yourself
from tabs.class_room.membership import Membership
from tabs.model.attention import build_attention, build_attention_questions
from tabs.model.check import model_shown
from tabs.model.dropout import build_dropout
from tabs.model.layer_answers import build_layer_answers
from tabs.model.script import build_script
from tabs.model.way_through import build_way_through
from tabs.model.what_moved import build_what_moved
from tabs.model.your_run import build_your_run
from tabs.pair import build_pair
from tabs.predict.models import choices
from tabs.questions import questions
from tabs.share import build_share
from web.first_paint import Opening

PRIVATE = {"api_visibility": "private", "show_progress": "minimal", "trigger_mode": "always_last"}


@dataclass(frozen=True)
class ModelTab:
    """The tab's components, and what app.py wires to the rest."""

    pair: list[gr.Textbox]
    model: gr.Dropdown
    shared: Shared
    openings: tuple[Opening, ...]


def build_tab(
    settings: Settings, choice: Component, membership: Membership | None = None
) -> ModelTab:
    """The tab's components and wiring. choice: of the page's pairs; membership: of the page, which
    class it is in.
    """
    with gr.Row(elem_classes="inside-line"):
        pair = build_pair(lines=1)
        model = gr.Dropdown(
            choices(), value=READY, allow_custom_value=True, label=_("Model"), min_width=200
        )
        look = gr.Button(_("Look inside"), variant="primary", elem_id="press-look-inside")
    inputs = [*pair, model]
    # What the first screen shows: each part is built by a file of its own, which returns
    # (handler(sentence1, sentence2, model) -> {component: value}, its outputs)
    drawn: list = [build_way_through(settings)]
    with gr.Row(elem_classes="two-columns inside-columns"):
        attention = build_attention(settings)
        drawn.append((attention.draw, attention.outputs))
        with attention.beside:
            drawn.append(build_layer_answers(settings))
    with questions():
        build_your_run(settings, inputs)
        fields = build_what_moved(settings, inputs)
        build_attention_questions(settings, inputs, choice)
        fields |= build_dropout(settings, inputs)
        script = build_script(settings, inputs)

    def draw(sentence1: str, sentence2: str, model: str) -> dict[Block, Any]:
        changes: dict[Block, Any] = {}
        for handler, _outputs in drawn:
            changes |= handler(sentence1, sentence2, model)
        return changes

    outputs = [each for _handler, its_outputs in drawn for each in its_outputs]
    looked = gr.on(
        [look.click, model.change, *(sentence.submit for sentence in pair)],
        draw,
        inputs,
        outputs,
        **PRIVATE,
    )
    looked.then(**script)
    names = ("sentence1", "sentence2")
    shared = Shared("model", {**dict(zip(names, pair, strict=True)), "model": model, **fields})
    shared.follow(looked)
    shared.follow_changes(*(field.input for field in fields.values()))
    press_open("of-the-look", [looked])
    build_check_yourself(
        settings,
        "model",
        partial(model_shown, settings),
        inputs,
        membership=membership,
        renewed=[looked],
    )
    build_share(settings, shared)
    return ModelTab(pair, model, shared, (Opening(draw, inputs, outputs, again=True),))
