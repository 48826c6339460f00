"""How the two grids and the sections under them listen.

A section is worked out when it is opened, by its own button, and while it stands open whenever the
grid above it is drawn: nobody pays for what they don't look at.
"""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

# Asked again while it still works, a section is worked out once more for what is asked last
PRIVATE = {"api_visibility": "private", "show_progress": "minimal", "trigger_mode": "always_last"}
# One measurement at a time: two would share the cores, and both would be wrong
MEASURED = {**PRIVATE, "concurrency_id": "measuring", "concurrency_limit": 1}
# A section's button, pressed where the section is open when the pair was drawn anew
OF_THE_PAIR = {"size": "md", "elem_classes": "of-the-pair"}


def explain_cells(
    grid: gr.HTML, handler: Callable, output: gr.HTML, inputs: Sequence[Component] = ()
) -> None:
    """A chosen cell of `grid`, which has the script of tokens.js, is explained in `output`."""
    # always_last: while arrow keys travel, only the newest cell is worth explaining
    private = {**PRIVATE, "show_progress": "hidden"}
    grid.click(handler, list(inputs), output, **private)


def draw_always(
    handler: Callable,
    inputs: Sequence[Component],
    output: Component,
    section: gr.Accordion,
    drawn: Sequence[Any],
) -> None:
    """Draw what costs next to nothing: when its section is opened, and after each event of `drawn`,
    which draw the grid above it.
    """
    section.expand(handler, inputs, output, **PRIVATE)
    for event in drawn:
        event.then(handler, inputs, output, **PRIVATE)
