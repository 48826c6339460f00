"""What is drawn of a class: the line above the tabs, the door, the teacher's list of pupils."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from languages import _
from pipeline.classes.rules import rules_in_words, version_of_rules
from pipeline.classes.store import Class, Pupil
from pipeline.runs.names import settings_apart
from views.render import render

TEACHER, PUPIL, GUEST = "teacher", "pupil", "guest"


@dataclass(frozen=True)
class ListedRun:
    """A run of a pupil that hasn't ended. stop: what its button says, "" for no button."""

    id: str
    name: str
    state: str
    stop: str


def banner(the_class: Class, role: str, pupil: Pupil | None = None) -> Markup:
    """What stands above the tabs on each page of a class. role: TEACHER, PUPIL or GUEST.
    static/class_room.js reads the role and the rules' version there, and writes the task there.
    """
    return render(
        "class_banner.html",
        task=the_class.task,
        role=role,
        rules=version_of_rules(the_class),
        words=rules_in_words(the_class),
        pupil=pupil,
    )


def door(the_class: Class) -> Markup:
    """What somebody reads who may join."""
    return render("class_door.html", is_closed=the_class.is_closed)


def settings_line(the_class: Class) -> Markup:
    """The class's settings, as they differ from the defaults."""
    return render(
        "class_settings.html",
        apart=settings_apart(the_class.values),
        has_open=bool(the_class.open_setting),
    )


def pupils_table(rows: Sequence[tuple[Pupil, Sequence[ListedRun]]]) -> Markup:
    """The pupils and their unfinished runs, for the teacher: with buttons. A hidden
    name stays hidden here, too, for the teacher's page may be on the wall.
    """
    return render("class_pupils.html", rows=rows, caption=_("Pupils, and their unfinished runs"))
