"""What is below a tab's picture: cards, each opened by a question in the learner's words."""

from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr


@contextmanager
def questions() -> Iterator[None]:
    """A grid of two columns for gr.Accordion, labelled by questions; an open one takes both.

    At most six of a tab: more can't be taken in at one look.
    """
    with gr.Column(elem_classes="questions"):
        yield
