"""The page's one pair of sentences: each tab that works on it has its fields, all hold the same."""

import json
from collections.abc import Mapping, Sequence

import gradio as gr

from tabs.errors import LONGEST_TYPED

PAIR = (
    "The storm closed the harbor on Tuesday, leaving 300 ferry passengers stranded overnight.",
    "About 300 ferry passengers were stranded overnight after the harbor was shut by Tuesday's "
    "storm.",
)


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


def keep_equal(pairs: Mapping[str, Sequence[gr.Textbox]]) -> None:
    """What one tab's fields hold, the others' hold, too. In the browser alone. pairs: {tab: its
    fields}.

    Gradio 6.31: `input` isn't told of the first change after the server filled a field, such as a
    paste; `change` is told of all.
    """
    for tab, pair in pairs.items():
        others = [field for other in pairs.values() if other is not pair for field in other]
        gr.on(
            [field.change for field in pair],
            None,
            list(pair),
            others,
            js=f"(...pair) => page.pair.copy({json.dumps(tab)}, pair, {len(others)})",
            api_visibility="private",
            show_progress="hidden",
        )
