"""A Python script on the page: shown, copied, downloaded. (Gradio's own gr.Code brings an editor,
which every visit loads.)
"""

import functools
from collections.abc import Callable
from typing import Any

import gradio as gr

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
