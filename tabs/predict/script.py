"""Reproduce: the plain script of the answer on the screen."""

from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component

from languages import _
from pipeline.export.scripts import predict_script
from pipeline.settings import Settings
from tabs.predict.listeners import PRIVATE
from tabs.scripts import script_listener, script_of_answer


def build_script(settings: Settings, inputs: list[Component]) -> dict[str, Any]:
    """The section. Returns what an event listener needs to write the script anew.

    inputs: both sentences and the model.
    """
    waiting = _("# Press Predict, then open this again")
    with gr.Accordion(_("How do I do this again?"), open=False, elem_id="open-script") as section:
        return script_listener(
            section, partial(script, settings), inputs, "predict.py", waiting, **PRIVATE
        )


def script(settings: Settings, sentence1: str, sentence2: str, model: str) -> str:
    """The script that gives the same answer; where there is none, why, as comments."""
    return script_of_answer(settings, sentence1, sentence2, model, partial(_written, settings))


def _written(
    settings: Settings, model: str, pair: tuple[str, str | None], labels: tuple[str, ...]
) -> str:
    """The script that gives the same answer."""
    return predict_script(model, *pair, settings.max_length, settings.seed, labels)
