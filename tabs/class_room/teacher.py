"""The teacher's part of a class: the link, the task, what pupils may change, who is there.

Each handler asks first whether the key is the teacher's (pipeline/classes/store.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component

from languages import _, say
from pipeline.classes.stopping import stop_run_of_pupil
from pipeline.classes.store import (
    MOST_OF_A_TASK,
    Class,
    Pupil,
    change_class,
    hide_pupil,
    is_teacher,
    pupils_of,
    read_class,
)
from pipeline.config import RUN_SETTINGS
from pipeline.runs.names import name_of
from pipeline.runs.progress import Run, list_runs
from pipeline.settings import Settings
from tabs.class_room.locked_form import LockedForm
from tabs.class_room.membership import Membership, teacher_key
from tabs.errors import error_notice, sent
from tabs.fine_tune.listeners import PRIVATE
from views.class_room import TEACHER, ListedRun, banner, pupils_table, settings_line
from views.markup import notice, quiet
from views.runs import STATE_NAMES

CLOSE, REOPEN = say("Close the class"), say("Open it again")
STOP, STOP_NOW = say("Stop it"), say("Stop it now, discard the model")


@dataclass(frozen=True)
class TeacherPart:
    """The components and their handlers. part: holds them all, and is shown to the teacher."""

    settings: Settings
    membership: Membership
    form: LockedForm
    part: gr.Column
    link: gr.Textbox
    own_link: gr.Textbox
    task: gr.Textbox
    open_setting: gr.Dropdown
    most: gr.Slider
    base: gr.HTML
    close: gr.Button
    saved: gr.HTML
    pupils: gr.HTML

    @property
    def outputs(self) -> list[Block]:
        """All that `draw` fills."""
        fields = [self.task, self.open_setting, self.most]
        return [self.part, *fields, *self._told, self.close, self.pupils]

    @property
    def _told(self) -> list[Component]:
        """What each change of the class tells."""
        return [self.membership.banner, self.base, self.saved]

    def draw(self, one: Class) -> dict[Block, Any]:
        """The class as it is kept, for its teacher."""
        return {
            self.part: gr.Column(visible=True),
            self.task: one.task,
            self.open_setting: one.open_setting,
            self.most: one.max_steps or self.settings.max_steps,
            **self._tell(one, ""),
            self.close: gr.Button(str(REOPEN if one.is_closed else CLOSE)),
            self.pupils: self._listed(one.code),
        }

    def hide(self) -> dict[Block, Any]:
        """Nothing of it, on another's page."""
        return {self.part: gr.Column(visible=False), self.pupils: ""}

    def save_task(self, code: str, kept: str, task: str) -> dict[Block, Any]:
        """Keep the task, while it is typed."""
        return self._save(code, kept, task=task)

    def save_open(self, code: str, kept: str, name: str) -> dict[Block, Any]:
        """Keep which setting pupils may change."""
        return self._save(code, kept, open_setting=name)

    def save_most(self, code: str, kept: str, most: float) -> dict[Block, Any]:
        """Keep the cap of steps. The server's own cap is none of the class."""
        is_cap = most != self.settings.max_steps
        return self._save(code, kept, max_steps=most if is_cap else None)

    def save_values(self, code: str, kept: str, *values: Any) -> dict[Block, Any]:
        """Keep the form's settings as the class's. What is wrong with them is said above the tabs,
        for the form is in another one.
        """
        found = self._save(code, kept, values=self.form.values_of(values))
        if list(found) == [self.saved] and is_teacher(code, teacher_key(kept), self.settings):
            one = read_class(code, self.settings)
            found[self.membership.banner] = banner(one, TEACHER) + found[self.saved]
        return found

    def close_or_reopen(self, code: str, kept: str) -> dict[Block, Any]:
        """Close an open class, open a closed one again."""
        try:
            is_closed = not read_class(code, self.settings).is_closed
        except Exception as error:
            return {self.saved: error_notice(error)}
        found = self._save(code, kept, is_closed=is_closed)
        if self.base in found:
            found[self.close] = gr.Button(str(REOPEN if is_closed else CLOSE))
        return found

    def _save(self, code: str, kept: str, **changes: Any) -> dict[Block, Any]:
        try:
            before = read_class(code, self.settings)
            one = change_class(code, teacher_key(kept), self.settings, **changes)
        except Exception as error:
            return {self.saved: error_notice(error)}
        if one == before:  # the field was filled with what is kept
            return gr.skip()
        return self._tell(one, quiet(_("Saved. Open pages of the class follow within seconds.")))

    def _tell(self, one: Class, saved: str) -> dict[Block, Any]:
        drawn = (banner(one, TEACHER), settings_line(one), saved)
        return dict(zip(self._told, drawn, strict=True))

    def press(self, code: str, kept: str, event: gr.EventData) -> dict[Block, Any]:
        """A button of the list: {"hide": pupil's id, "hidden": whether} or {"stop": run's id}."""
        asked, key = sent(event), teacher_key(kept)
        try:
            if "stop" in asked:
                stop_run_of_pupil(code, key, asked["stop"], self.settings)
            else:
                hidden = bool(asked.get("hidden"))
                hide_pupil(code, key, asked.get("hide"), hidden, self.settings)
        except Exception as error:
            return {self.saved: error_notice(error)}
        return {self.pupils: self._listed(code), self.saved: ""}

    def listed(self, code: str, kept: str) -> dict[Block, Any]:
        """The list once more, for the teacher alone: it has the names that are hidden."""
        if not is_teacher(code, teacher_key(kept), self.settings):
            return {self.pupils: ""}
        return {self.pupils: self._listed(code)}

    def _listed(self, code: str) -> str:
        pupils = pupils_of(code, self.settings)
        mine = {run_id for pupil in pupils for run_id, started in pupil.runs.items() if started}
        runs = {run.id: run for run in list_runs(self.settings) if mine and not run.ended}
        return pupils_table([(pupil, _listed_runs(pupil, runs)) for pupil in pupils])


def _listed_runs(pupil: Pupil, runs: dict[str, Run]) -> list[ListedRun]:
    """The pupil's own runs that wait or train."""
    found: Sequence[Run] = [
        runs[run_id] for run_id, started in pupil.runs.items() if started and run_id in runs
    ]
    return [
        ListedRun(
            run.id,
            str(name_of(run.id)),
            str(STATE_NAMES[run.state]),
            str(STOP_NOW if run.state == "stopping" else STOP),
        )
        for run in found
    ]


def build_teacher(settings: Settings, membership: Membership, form: LockedForm) -> TeacherPart:
    """The part, hidden until the page is the teacher's."""
    names = [(str(one.label or one.name), name) for name, one in RUN_SETTINGS.items()]
    private: dict[str, Any] = {**PRIVATE, "trigger_mode": "always_last"}
    with gr.Column(visible=False, elem_id="class-teacher") as part:
        gr.Markdown(
            _(
                "Give your pupils this link, or show it. Whoever has it may look and join; only "
                "this browser can change the class, stop a pupil's run or close it."
            ),
            elem_classes="introduction",
        )
        with gr.Row(elem_classes="class-link"):
            link = gr.Textbox(
                "",
                label=_("The class's link"),
                interactive=True,
                min_width=260,
                elem_id="class-link",
            )
            copy = gr.Button(_("Copy it"), variant="primary", scale=0, min_width=120)
        with gr.Row():
            task = gr.Textbox(
                "",
                label=_("Task"),
                info=_("one line of plain text, shown to the class above each tab"),
                max_length=MOST_OF_A_TASK,
                interactive=True,
                min_width=260,
            )
            open_setting = gr.Dropdown(
                [(_("every setting"), ""), *names],
                value="",
                label=_("What pupils may change"),
                info=_("all other settings are locked"),
                interactive=True,
                min_width=200,
            )
            most = gr.Slider(
                1,
                settings.max_steps,
                settings.max_steps,
                step=1,
                label=_("Most steps of a pupil's run"),
                interactive=True,
                buttons=[],
                min_width=200,
            )
        base = gr.HTML(padding=False)
        saved = gr.HTML(padding=False, elem_id="class-saved")
        with gr.Row():
            to_form = gr.Button(_("To the settings"), size="sm", min_width=160)
            close = gr.Button(str(CLOSE), size="sm", min_width=160, variant="stop")
        title = _("The pupils: hide a name, stop a run")
        with gr.Accordion(title, open=False, elem_id="open-class-pupils"):
            pupils = gr.HTML(
                js_on_load="page.classRoom.listenToList(element, trigger)", elem_id="class-pupils"
            )
        with gr.Accordion(_("Go on with this class on another machine"), open=False):
            gr.HTML(
                notice(
                    _(
                        "Your own link holds your key: whoever has it can change the class. Keep "
                        "it to yourself, and show it on no screen."
                    ),
                    "warning",
                )
            )
            own_link = gr.Textbox("", label=_("Your own link"), interactive=True, type="password")
            copy_own = gr.Button(_("Copy your own link"), size="sm", min_width=160)
    built = TeacherPart(
        settings,
        membership,
        form,
        part,
        link,
        own_link,
        task,
        open_setting,
        most,
        base,
        close,
        saved,
        pupils,
    )
    who = membership.inputs
    told = [membership.banner, base, saved]
    # By change: `input` misses a paste (tabs/pair.py)
    task.change(built.save_task, [*who, task], told, **private)
    open_setting.change(built.save_open, [*who, open_setting], told, **private)
    most.change(built.save_most, [*who, most], told, **private)
    close.click(built.close_or_reopen, who, [*told, close], **PRIVATE)
    pupils.click(built.press, who, [pupils, saved], **PRIVATE)
    # The form's fields change in pages that are in no class, too: only a teacher's asks the server
    changed = gr.Textbox("", visible="hidden")
    gr.on(
        [field.change for field in form.inputs],
        None,
        None,
        changed,
        js="() => page.classRoom.formChanged()",
        api_visibility="private",
        show_progress="hidden",
    )
    changed.change(built.save_values, [*who, *form.inputs], told, **private)
    to_form.click(None, js="() => page.rail.open('fine-tune')", api_visibility="private")
    for button, field in ((copy, link), (copy_own, own_link)):
        button.click(
            None, field, js="(text) => page.classRoom.copy(text)", api_visibility="private"
        )
    return built
