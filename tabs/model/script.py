"""Reproduce: the plain script of the figures on the screen."""

from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component

from languages import _
from pipeline.errors import InputError
from pipeline.export.inside import inside_script
from pipeline.inside.changes import start_of
from pipeline.settings import Settings
from tabs.model.way_through import PRIVATE
from tabs.scripts import script_listener, script_of_answer


def build_script(settings: Settings, inputs: list[Component]) -> dict[str, Any]:
    """The section. Returns what an event listener needs to write the script anew.

    inputs: both sentences and the model.
    """
    waiting = _("# Press Look inside, then open this again")
    title = _("How do I compute all this myself?")
    with gr.Accordion(title, open=False, elem_id="open-inside-script") as section:
        return script_listener(
            section, partial(script, settings), inputs, "inside.py", waiting, **PRIVATE
        )


def script(settings: Settings, sentence1: str, sentence2: str, model: str) -> str:
    """The script that gives the same figures; where there is none, why, as comments."""
    return script_of_answer(settings, sentence1, sentence2, model, partial(_written, settings))


def _written(
    settings: Settings, model: str, pair: tuple[str, str | None], labels: tuple[str, ...]
) -> str:
    """The script that gives the same figures, beside the model's start where the page compares it
    with one.
    """
    try:
        start = start_of(model, settings)
    except InputError:
        start = None
    return inside_script(model, pair, None, settings.max_length, settings.seed, len(labels), start)
