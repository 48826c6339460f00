"""Starting a run while one of this browser goes on: the page asks before it adds one behind it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from languages import _
from pipeline.runs.progress import Run
from pipeline.settings import Settings
from tabs.class_room.membership import Membership, member
from tabs.errors import error_notice
from tabs.fine_tune.listeners import PRIVATE
from tabs.fine_tune.owned_runs import has_joined, unfinished_runs_of
from views.runs import another_behind

Values = Mapping[Component, Any]


@dataclass(frozen=True)
class Start:
    """One way to start runs. handler: takes the request, the values of `inputs` and `who`, the
    pupil of a class or None; with `may_start=False` it answers None where it would start one, and
    not show one that is there.
    """

    handler: Callable[..., dict | None]
    inputs: Sequence[Component]
    outputs: Sequence[Component]


@dataclass(frozen=True)
class StartAnother:
    """The question and its two buttons, hidden until it is asked, for all buttons that start runs.

    owned: the browser's runs. asked: the name of the start that the question is about. membership:
    which class the page is in, where pages can be in one.
    """

    settings: Settings
    owned: Component
    text: gr.HTML
    yes: gr.Button
    no: gr.Button
    asked: gr.State
    membership: Membership | None = None
    starts: dict[str, Start] = field(default_factory=dict)

    @property
    def outputs(self) -> list[Component]:
        """What asking and answering change."""
        return [self.text, self.yes, self.no, self.asked]

    @property
    def _always(self) -> list[Component]:
        """What each start asks for beside its own inputs."""
        return [self.owned, *(self.membership.inputs if self.membership else ())]

    def before(self, name: str, button: gr.Button, start: Start) -> Dependency:
        """Let this button start runs, after the question where one goes on."""
        self.starts[name] = start

        def press(values: Values, request: gr.Request) -> dict:
            return self.press(name, values, request)

        outputs = [*start.outputs, *self.outputs]
        return button.click(press, {*start.inputs, *self._always}, outputs, **PRIVATE)

    def answered(self) -> Dependency:
        """Let the question's buttons answer it, once `before` has told of all that start runs."""

        def go_on(values: Values, request: gr.Request) -> dict:
            return self.go_on(values[self.asked], values, request)

        starts = self.starts.values()
        own = [part for start in starts for part in start.inputs]
        inputs = {self.asked, *own, *self._always}
        outputs = {part for start in starts for part in start.outputs}
        self.no.click(self.hide, None, self.outputs, **PRIVATE)
        self.text.change(
            None, self.text, js="(text) => page.runs.question(text)", api_visibility="private"
        )
        return self.yes.click(go_on, inputs, [*outputs, *self.outputs], **PRIVATE)

    def press(self, name: str, values: Values, request: gr.Request | None) -> dict:
        """Start, or ask first. values: of the start's inputs and `owned`."""
        owned = values[self.owned]
        try:
            unfinished = unfinished_runs_of(owned, self.settings)
        except Exception as error:
            return {self.text: error_notice(error)}
        # Somebody else's run that the visitor has joined goes on whatever is started
        unfinished = [run for run in unfinished if not has_joined(run.id, owned)]
        if not unfinished:
            return self.go_on(name, values, request)
        # What is there already is shown, and adds no run
        changes = self._called(name, values, request, may_start=False)
        return self.ask(unfinished, name) if changes is None else {**self.hide(), **changes}

    def go_on(self, name: str, values: Values, request: gr.Request | None) -> dict:
        """Start, whatever goes on."""
        if name not in self.starts:  # nothing was asked
            return self.hide()
        return {**self.hide(), **(self._called(name, values, request) or {})}

    def _called(
        self, name: str, values: Values, request: gr.Request | None, **how: bool
    ) -> dict | None:
        start, pupil = self.starts[name], None
        if self.membership:
            pupil = member(*(values.get(part) for part in self.membership.inputs))
        given = (values[part] for part in start.inputs)
        return start.handler(request, *given, who=pupil, **how)

    def ask(self, unfinished: Sequence[Run], name: str) -> dict:
        """Ask about these runs."""
        shown = {self.yes: gr.Button(visible=True), self.no: gr.Button(visible=True)}
        return {self.text: another_behind(unfinished), self.asked: name, **shown}

    def hide(self) -> dict:
        """Answered, or not to be asked."""
        hidden = {self.yes: gr.Button(visible=False), self.no: gr.Button(visible=False)}
        return {self.text: "", **hidden}


def build_start_another(
    settings: Settings, owned: Component, membership: Membership | None = None
) -> StartAnother:
    """The question. It stands over the page, for the buttons are in several places."""
    with gr.Column(elem_id="start-another"):
        text = gr.HTML(padding=False)
        with gr.Row():
            yes = gr.Button(_("Start another, behind it"), size="sm", min_width=120, visible=False)
            no = gr.Button(_("Not now"), size="sm", min_width=80, visible=False)
    return StartAnother(settings, owned, text, yes, no, gr.State(""), membership)
