"""Reproduce: the plain script of the figures on the screen."""

from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component

from languages import _
from pipeline.errors import InputError, shown
from pipeline.explain.probing import asked_pair
from pipeline.export.inside import inside_script
from pipeline.hub.isolated import find
from pipeline.inside.changes import start_of
from pipeline.prediction import labels_answered
from pipeline.settings import Settings
from pipeline.tokenization import checked_pair
from tabs.errors import explain
from tabs.model.way_through import PRIVATE
from tabs.scripts import in_block, script_block


def build_script(settings: Settings, inputs: list[Component]) -> dict[str, Any]:
    """The section. Returns what an event listener needs to write the script anew.

    inputs: both sentences and the model.
    """
    title = _("How do I compute all this myself?")
    with gr.Accordion(title, open=False, elem_id="open-inside-script") as section:
        block = script_block(_("# Press Look inside, then open this again"), "inside.py")
        listener = {
            "fn": in_block(partial(script, settings), "inside.py"),
            "inputs": inputs,
            "outputs": block,
            **PRIVATE,
        }
        section.expand(**listener)
    return listener


def script(settings: Settings, sentence1: str, sentence2: str, model: str) -> str:
    """The script that gives the same figures; where there is none, why, as comments.

    Where another model stands in for the one that was asked, the script has that.
    """
    try:
        pair = checked_pair(*asked_pair(model, sentence1, sentence2, settings), settings)
        origin = find(model, True, settings).origin
        labels = labels_answered(model, settings)
    except Exception as error:
        return "\n".join(f"# {line}" for line in explain(error).splitlines())
    source = inside_script(
        origin.loaded,
        pair,
        None,
        settings.max_length,
        settings.seed,
        len(labels),
        _start(origin.loaded, settings),
    )
    if not origin.stands_in:
        return source
    note = _("{loaded} stands in for {asked}.", loaded=origin.loaded, asked=shown(origin.asked))
    return f"# {note}\n{source}"


def _start(model: str, settings: Settings) -> tuple[str, int] | None:
    """The start of a model and its seed; None where the page compares it with none."""
    try:
        return start_of(model, settings)
    except InputError:
        return None
