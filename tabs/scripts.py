"""A Python script on the page: shown, copied, downloaded. (Gradio's own gr.Code brings an editor,
which every visit loads.)
"""

import functools
from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.components import Component

from languages import _
from pipeline.errors import shown
from pipeline.explain.probing import asked_pair
from pipeline.hub.isolated import find
from pipeline.prediction import labels_answered
from pipeline.settings import Settings
from pipeline.tokenization import checked_pair
from tabs.errors import explain
from views import code as code_drawing


def script_block(source: str, name: str, whole: bool = True) -> gr.HTML:
    """The place of a script; `source` stands there first: it, lines of it that don't run alone, or
    a comment that says when it comes.
    """
    return gr.HTML(
        code_drawing.script(source, name) if whole else code_drawing.code(source),
        js_on_load="page.code.listen(element)",
    )


def in_block(handler: Callable[..., str], name: str) -> Callable[..., str]:
    """A handler that returns a script's source -> the one that draws it."""

    @functools.wraps(handler)
    def block(*values: Any) -> str:
        return code_drawing.script(handler(*values), name)

    return block


# (loaded checkpoint, the pair, its labels) -> a script's source
WriteScript = Callable[[str, tuple[str, str | None], tuple[str, ...]], str]


def script_of_answer(
    settings: Settings, sentence1: str, sentence2: str, model: str, write: WriteScript
) -> str:
    """The source that `write` gives for a pair and a model; where there is none, why, as comments.

    Where another model stands in for the one that was asked, the script has that.
    """
    try:
        pair = checked_pair(*asked_pair(model, sentence1, sentence2, settings), settings)
        origin = find(model, True, settings).origin
        labels = labels_answered(model, settings)
    except Exception as error:
        return "\n".join(f"# {line}" for line in explain(error).splitlines())
    source = write(origin.loaded, pair, labels)
    if not origin.stands_in:
        return source
    note = _("{loaded} stands in for {asked}.", loaded=origin.loaded, asked=shown(origin.asked))
    return f"# {note}\n{source}"


def script_listener(
    section: gr.Accordion,
    handler: Callable[..., str],
    inputs: list[Component],
    name: str,
    waiting: str,
    **how: Any,
) -> dict[str, Any]:
    """In `section`, a script that is written when it is opened. Returns what an event listener
    needs to write it anew. waiting: a comment that stands there first; how: as a listener takes it.
    """
    block = script_block(waiting, name)
    listener = {"fn": in_block(handler, name), "inputs": inputs, "outputs": block, **how}
    section.expand(**listener)
    return listener
