"""Reproduce: the plain script of the answer on the screen."""

from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component

from languages import _
from pipeline.errors import shown
from pipeline.explain.probing import asked_pair
from pipeline.export.scripts import predict_script
from pipeline.hub.isolated import find
from pipeline.prediction import labels_answered
from pipeline.settings import Settings
from pipeline.tokenization import checked_pair
from tabs.errors import explain
from tabs.predict.listeners import PRIVATE
from tabs.scripts import in_block, script_block


def build_script(settings: Settings, inputs: list[Component]) -> dict[str, Any]:
    """The section. Returns what an event listener needs to write the script anew.

    inputs: both sentences and the model.
    """
    with gr.Accordion(_("How do I do this again?"), open=False, elem_id="open-script") as section:
        block = script_block(_("# Press Predict, then open this again"), "predict.py")
        listener = {
            "fn": in_block(partial(script, settings), "predict.py"),
            "inputs": inputs,
            "outputs": block,
            **PRIVATE,
        }
        section.expand(**listener)
    return listener


def script(settings: Settings, sentence1: str, sentence2: str, model: str) -> str:
    """The script that gives the same answer; where there is none, why, as comments.

    Where another model stands in for the one that was asked, the script has that.
    """
    try:
        pair = checked_pair(*asked_pair(model, sentence1, sentence2, settings), settings)
        origin = find(model, True, settings).origin
        labels = labels_answered(model, settings)
    except Exception as error:
        return "\n".join(f"# {line}" for line in explain(error).splitlines())
    source = predict_script(origin.loaded, *pair, settings.max_length, settings.seed, labels)
    if not origin.stands_in:
        return source
    note = _("{loaded} stands in for {asked}.", loaded=origin.loaded, asked=shown(origin.asked))
    return f"# {note}\n{source}"
