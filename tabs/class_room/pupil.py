"""A pupil's part of a class: joining it under a nickname, and leaving it."""

import json
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component

from languages import _
from pipeline.classes.names import MOST_OF_A_NAME
from pipeline.classes.store import Class, Pupil, join_class, pupil_of, read_class, rename_pupil
from pipeline.errors import InputError
from pipeline.settings import Settings
from tabs.class_room.locked_form import LockedForm
from tabs.class_room.membership import Membership, keys_in, member
from tabs.errors import error_notice
from views.class_room import GUEST, PUPIL, banner, door
from views.markup import quiet


@dataclass(frozen=True)
class PupilPart:
    """The components and their handlers. outside: shown to who may join; inside: to who has."""

    settings: Settings
    membership: Membership
    form: LockedForm
    outside: gr.Column
    door: gr.HTML
    name: gr.Textbox
    join: gr.Button
    inside: gr.Column
    new_name: gr.Textbox
    rename: gr.Button
    to_form: gr.Button
    leave: gr.Button
    message: gr.HTML

    @property
    def outputs(self) -> list[Block]:
        """All that the handlers may change, beside the form and the membership's line."""
        return [self.outside, *self.door_outputs, self.inside, self.new_name, self.message]

    @property
    def door_outputs(self) -> list[Component]:
        """What is shown to who may join."""
        return [self.door, self.name, self.join]

    def draw_outside(self, one: Class, left: Pupil | None) -> dict[Block, Any]:
        """The door. left: the pupil that this browser was, who may come back."""
        return {
            **self.follow_outside(one),
            self.outside: gr.Column(visible=True),
            self.inside: gr.Column(visible=False),
            self.name: gr.Textbox(str(left.name) if left else "", visible=not one.is_closed),
            self.message: "",
        }

    def follow_outside(self, one: Class) -> dict[Block, Any]:
        """The door once more, which a teacher may have closed meanwhile."""
        return {
            self.door: door(one),
            self.name: gr.Textbox(visible=not one.is_closed),
            self.join: gr.Button(visible=not one.is_closed),
            self.membership.banner: banner(one, GUEST),
        }

    def draw_inside(self, one: Class, pupil: Pupil) -> dict[Block, Any]:
        """Who is in the class, and as whom."""
        return {
            self.outside: gr.Column(visible=False),
            self.inside: gr.Column(visible=True),
            self.new_name: str(pupil.name),
            self.message: "",
            self.membership.banner: banner(one, PUPIL, pupil),
        }

    def hide(self) -> dict[Block, Any]:
        """Nothing of it, on a teacher's page or outside a class."""
        return {
            self.outside: gr.Column(visible=False),
            self.inside: gr.Column(visible=False),
            self.message: "",
        }

    def enter(self, code: str, kept: str, name: str) -> dict[Block, Any]:
        """Join under that nickname, "" to draw one; come back where this browser has left."""
        try:
            name = str(name or "").strip()
            key = self._key_that_was_left(code, kept, name)
            key = key or join_class(code, name, self.settings)[1]
            one, pupil = read_class(code, self.settings), pupil_of(code, key, self.settings)
        except Exception as error:
            return {self.message: error_notice(error)}
        return {
            self.membership.kept: json.dumps({"pupil": key}),
            **self.draw_inside(one, pupil),
            **self.form.for_pupil(one, begins=True),
        }

    def _key_that_was_left(self, code: str, kept: str, name: str) -> str:
        """Of the pupil that this browser was, where that name is wanted again; "" else: another may
        sit at the machine by now.
        """
        key = keys_in(kept).get("left")
        left = left_pupil(code, kept, self.settings)
        return key if key and left and str(left.name) == name else ""

    def change_name(self, code: str, kept: str, name: str) -> dict[Block, Any]:
        """Another nickname for the pupil of this page."""
        try:
            who = member(code, kept)
            key = who.key if who else ""
            pupil = rename_pupil(code, key, str(name or "").strip(), self.settings)
            one = read_class(code, self.settings)
        except Exception as error:
            return {self.message: error_notice(error)}
        return {
            **self.draw_inside(one, pupil),
            self.message: quiet(_("The class sees your new name within seconds.")),
        }


def left_pupil(code: object, kept: object, settings: Settings) -> Pupil | None:
    """The pupil that this browser was before it left the class."""
    try:
        return pupil_of(code, keys_in(kept).get("left"), settings)
    except InputError:
        return None


def build_pupil(settings: Settings, membership: Membership, form: LockedForm) -> PupilPart:
    """Both sides of the door, hidden until it is known on which one this page is."""
    about: dict[str, Any] = {
        "max_length": MOST_OF_A_NAME,
        "interactive": True,
        "min_width": 200,
        "max_lines": 1,
    }
    with gr.Column(visible=False, elem_id="class-door") as outside:
        said = gr.HTML(padding=False)
        with gr.Row():
            name = gr.Textbox("", label=_("Nickname"), **about)
            join = gr.Button(_("Join"), variant="primary", scale=0, min_width=160)
    with gr.Column(visible=False, elem_id="class-inside") as inside:
        with gr.Row():
            to_form = gr.Button(_("To the settings and Start"), variant="primary", min_width=200)
            leave = gr.Button(_("Leave the class"), min_width=200, scale=0)
        with gr.Accordion(_("Change my nickname"), open=False), gr.Row():
            new_name = gr.Textbox("", label=_("Nickname"), **about)
            rename = gr.Button(_("Change it"), scale=0, min_width=160)
    message = gr.HTML(padding=False)
    return PupilPart(
        settings,
        membership,
        form,
        outside,
        said,
        name,
        join,
        inside,
        new_name,
        rename,
        to_form,
        leave,
        message,
    )
