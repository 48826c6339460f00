"""Start while a run of this browser goes on: the page asks before it adds one behind it."""

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr
from gradio.components import Component

from languages import _
from pipeline.runs.progress import Run
from views.runs import another_behind


@dataclass(frozen=True)
class StartAnother:
    """The question and its two buttons, hidden until it is asked."""

    text: gr.HTML
    yes: gr.Button
    no: gr.Button

    @property
    def outputs(self) -> list[Component]:
        """What asking and answering change."""
        return [self.text, self.yes, self.no]

    def ask(self, unfinished: Sequence[Run]) -> dict:
        """Ask about these runs."""
        shown = {self.yes: gr.Button(visible=True), self.no: gr.Button(visible=True)}
        return {self.text: another_behind(unfinished), **shown}

    def hide(self) -> dict:
        """Answered, or not to be asked."""
        hidden = {self.yes: gr.Button(visible=False), self.no: gr.Button(visible=False)}
        return {self.text: "", **hidden}


def build_start_another() -> StartAnother:
    """The question, where the tab places it: beside Start."""
    text = gr.HTML(elem_id="start-another", padding=False)
    with gr.Row(elem_classes="start-another"):
        yes = gr.Button(_("Start another, behind it"), size="sm", min_width=120, visible=False)
        no = gr.Button(_("Not now"), size="sm", min_width=80, visible=False)
    return StartAnother(text, yes, no)
