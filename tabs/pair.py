"""The page's one pair of sentences: each tab that works on it has its fields, all hold the same."""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from tabs.errors import LONGEST_TYPED

PAIR = (
    "The storm closed the harbor on Tuesday, leaving 300 ferry passengers stranded overnight.",
    "About 300 ferry passengers were stranded overnight after the harbor was shut by Tuesday's "
    "storm.",
)
PRIVATE = {"api_visibility": "private", "show_progress": "hidden"}


def build_pair(lines: int = 2) -> list[gr.Textbox]:
    """The fields sentence1 and sentence2, where a tab shows them (static/pair.js finds them)."""
    with gr.Column(elem_classes="page-pair"):
        return [
            gr.Textbox(
                text,
                label=name,
                lines=lines,
                max_lines=6,
                max_length=LONGEST_TYPED,
                elem_classes=name,
            )
            for name, text in zip(("sentence1", "sentence2"), PAIR, strict=True)
        ]


def keep_equal(pairs: Sequence[Sequence[gr.Textbox]]) -> None:
    """What is typed into one tab's fields stands in the others', too. In the browser alone."""
    for pair in pairs:
        others = [field for other in pairs if other is not pair for field in other]
        copies = len(pairs) - 1
        gr.on(
            [field.input for field in pair],
            None,
            list(pair),
            others,
            js=f"(...pair) => Array({copies}).fill(pair).flat()",
            **PRIVATE,
        )


def copy_after(
    event: Callable[..., Any], pair: Sequence[gr.Textbox], others: Sequence[Sequence[gr.Textbox]]
) -> None:
    """After an event that fills `pair` from the server, the other tabs' fields hold the same."""
    event.then(
        None,
        list(pair),
        [field for other in others for field in other],
        js=f"(...pair) => Array({len(others)}).fill(pair).flat()",
        **PRIVATE,
    )
