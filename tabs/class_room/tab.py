"""Class: a teacher's link, at which pupils meet. What the page shows depends on whose it is: the
teacher's, a pupil's, or a guest's who may join.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component

from languages import _
from pipeline.classes.store import Class, Pupil, create_class, is_teacher, pupil_of, read_class
from pipeline.errors import InputError
from pipeline.settings import Settings
from tabs.address import Shared
from tabs.class_room.board import build_board
from tabs.class_room.locked_form import LockedForm
from tabs.class_room.membership import Membership, member, teacher_key
from tabs.class_room.pupil import PupilPart, build_pupil, left_pupil
from tabs.class_room.teacher import TeacherPart, build_teacher
from tabs.errors import error_notice
from tabs.fine_tune.listeners import PRIVATE
from tabs.fine_tune.owned_runs import address_of
from views.class_room import PUPIL, TEACHER, banner
from views.markup import notice

NAME = "class"  # of the tab, in an address


@dataclass(frozen=True)
class ClassTab:
    """The tab's parts. What there is to say of no class stands in the line above the tabs."""

    settings: Settings
    membership: Membership
    form: LockedForm
    tabs: gr.Tabs
    tab: gr.Tab
    teacher: TeacherPart
    pupil: PupilPart
    shared: Shared

    @property
    def outputs(self) -> list[Block]:
        """All that entering or leaving a class may change."""
        parts = [*self.teacher.outputs, *self.pupil.outputs, *self.form.outputs]
        return list(dict.fromkeys([*self.line, *parts]))

    @property
    def line(self) -> list[Block]:
        """Which class the page is in, and what is said of it above the tabs."""
        return [*self.membership.inputs, self.membership.banner]

    @property
    def followed(self) -> list[Block]:
        """All that `follow` changes: each output costs a third of a millisecond, for each of the
        pupils (dev/LOG.md).
        """
        return [*self.line, *self.pupil.door_outputs, *self.form.outputs]

    @property
    def opened(self) -> list[Block]:
        """All that `open` changes."""
        return [*self.line, self.tabs, self.tab]

    def open(self, request: gr.Request, *values: Any) -> dict[Block, Any]:
        """A new class with the form's settings. The page enters it with the teacher's key."""
        try:
            settings = self.form.values_of(values)
            visitor = address_of(request)
            code, key = create_class("", "learning_rate", settings, self.settings, visitor)
        except Exception as error:
            return {self.membership.banner: error_notice(error)}
        return {
            self.tab: gr.Tab(visible=True),
            self.tabs: gr.Tabs(selected=NAME),
            self.membership.code: code,
            self.membership.kept: json.dumps({"teacher": key}),
        }

    def enter(self, code: str, kept: str, request: gr.Request) -> dict[Block, Any]:
        """The class of the page's address, as the browser's keys allow; nothing of one where the
        page has left it.
        """
        if not code:
            return {**self.teacher.hide(), **self.pupil.hide(), **self.form.freed()}
        try:
            one = read_class(code, self.settings)
        except Exception as error:
            return self._left(error_notice(error))
        if is_teacher(code, teacher_key(kept), self.settings):
            drawn = {**self.pupil.hide(), **self.teacher.draw(one)}
            return {**drawn, **self.form.for_teacher(one)}
        pupil = self._pupil(code, kept)
        if not pupil:
            return self._as_guest(one, kept)
        # What the address says of a setting that is open is the pupil's own choice
        begins = "tab" not in request.query_params
        return {
            **self.teacher.hide(),
            **self.pupil.draw_inside(one, pupil),
            **self.form.for_pupil(one, begins),
        }

    def follow(self, code: str, kept: str, fixed: Any, *values: Any) -> dict[Block, Any]:
        """The class's rules are others now. fixed, values: what is locked in the form, and what its
        fields hold. A name that is being typed stays as it is.
        """
        if not code:
            return gr.skip()
        try:
            one = read_class(code, self.settings)
            if is_teacher(code, teacher_key(kept), self.settings):
                return {self.membership.banner: banner(one, TEACHER)}
            who = member(code, kept)
            if not who:
                return self.pupil.follow_outside(one)
            pupil = pupil_of(*who, self.settings)
        except Exception as error:
            return self._left(error_notice(error))
        return {
            self.membership.banner: banner(one, PUPIL, pupil),
            **self.form.follow(one, fixed, values),
        }

    def leave(self) -> dict[Block, Any]:
        """This page is in no class any more."""
        said = _(
            "You have left the class. Your name and your runs stay on its board until the class is "
            "removed; the link leads back."
        )
        return self._left(notice(said))

    def _left(self, said: str) -> dict[Block, Any]:
        """No code any more: its change frees the form (`enter`)."""
        return dict(zip(self.line, ("", "", said), strict=True))

    def _as_guest(self, one: Class, kept: str) -> dict[Block, Any]:
        return {
            **self.teacher.hide(),
            **self.pupil.draw_outside(one, left_pupil(one.code, kept, self.settings)),
            **self.form.freed(),
        }

    def _pupil(self, code: str, kept: str) -> Pupil | None:
        """The pupil that the browser's key names, None where it has none or a wrong one."""
        who = member(code, kept)
        try:
            return pupil_of(*who, self.settings) if who else None
        except InputError:
            return None


def build_tab(
    settings: Settings,
    membership: Membership,
    tabs: gr.Tabs,
    tab: gr.Tab,
    fine_tune: Shared,
    pairs: Sequence[Component],
) -> ClassTab:
    """The tab's components and wiring, inside `tab`, one of the page's `tabs`. fine_tune: the tab
    whose form a class locks; pairs: the other tabs' dropdowns of the pairs.
    """
    form = LockedForm(settings, fine_tune, pairs)
    teacher = build_teacher(settings, membership, form)
    pupil = build_pupil(settings, membership, form)
    build_board()
    shared = Shared(NAME, for_class=False)
    built = ClassTab(settings, membership, form, tabs, tab, teacher, pupil, shared)
    _listen(built)
    return built


def _listen(built: ClassTab) -> None:
    membership, teacher, pupil = built.membership, built.teacher, built.pupil
    who, fields = membership.inputs, built.form.inputs
    quietly: dict[str, Any] = {"api_visibility": "private"}
    membership.opener.click(built.open, fields, built.opened, **PRIVATE)
    entered = membership.code.change(built.enter, who, built.outputs, **PRIVATE)
    joined = [
        event(pupil.enter, [*who, pupil.name], _of_pupil(built), **PRIVATE)
        for event in (pupil.join.click, pupil.name.submit)
    ]
    renamed = [
        event(pupil.change_name, [*who, pupil.new_name], _of_pupil(built), **PRIVATE)
        for event in (pupil.rename.click, pupil.new_name.submit)
    ]
    for event in (entered, *joined, *renamed):
        kept = event.then(
            None,
            who,
            [teacher.link, teacher.own_link],
            js="(code, kept) => page.classRoom.keep(code, kept)",
            **quietly,
        )
        kept.then(None, js="() => page.classRoom.look()", **quietly)
    left = pupil.leave.click(None, who, None, js="(code) => page.classRoom.leave(code)", **quietly)
    left.then(built.leave, None, built.line, **PRIVATE)
    pupil.to_form.click(None, js="() => page.rail.open('fine-tune')", **quietly)
    # The page's script has seen that the rules are others, or it is time for the teacher's list
    held = [*who, built.form.fixed, *fields]
    membership.banner.click(built.follow, held, built.followed, **PRIVATE)
    looks = gr.Button("", visible="hidden", elem_id="list-pupils")
    looks.click(teacher.listed, who, teacher.pupils, **PRIVATE)


def _of_pupil(built: ClassTab) -> list[Block]:
    return [*built.line, *built.pupil.outputs, *built.form.outputs]
