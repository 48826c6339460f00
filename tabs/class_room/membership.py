"""Which class this page is in, and as whom: hidden fields that the page's script fills from the
address and from what the browser keeps (static/class_room.js).

>>> member("bcdf-ghjk-mnpq", '{"pupil": "0f"}')
Member(code='bcdf-ghjk-mnpq', key='0f')
>>> member("bcdf-ghjk-mnpq", '{"teacher": "0f"}') is None
True
"""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypedDict

import gradio as gr
from gradio.components import Component

from pipeline.classes.rules import check_config
from pipeline.classes.store import add_answer, add_guess, add_runs, pupil_of, read_class
from pipeline.config import TrainingConfig
from pipeline.errors import InputError
from pipeline.settings import Settings

log = logging.getLogger(__name__)
MOST_KEPT = 1000  # characters


class Member(NamedTuple):
    """A pupil as the page says it, which nobody has checked: a class's code, the pupil's key."""

    code: str
    key: str


class How(TypedDict, total=False):
    """How a run may be started. may_start: else the answer is None where one would be started. who:
    the pupil of a class, which has to allow it.
    """

    may_start: bool
    who: Member | None


@dataclass(frozen=True)
class Membership:
    """code: of the class, "" on a page that is in none. kept: the keys that this browser has to it,
    as JSON: `{"teacher": key}`, `{"pupil": key}`, `{"left": key}` of a pupil who has left, or "".
    banner: the class's line above the tabs. opener: pressed by the Share panels' "Open a class".
    """

    code: gr.Textbox
    kept: gr.Textbox
    banner: gr.HTML
    opener: gr.Button

    @property
    def inputs(self) -> list[Component]:
        """What `member` takes."""
        return [self.code, self.kept]


def build_membership() -> Membership:
    """The hidden fields: a change of the code is an event that the page itself can raise. And the
    line, which stands above the tabs.
    """
    return Membership(
        gr.Textbox("", visible="hidden"),
        gr.Textbox("", visible="hidden"),
        gr.HTML(
            elem_id="class-banner",
            js_on_load="page.classRoom.listen(element, trigger)",
            padding=False,
        ),
        gr.Button("", visible="hidden", elem_id="open-a-class"),
    )


def member(code: object, kept: object) -> Member | None:
    """The pupil that this page says it is; None for a teacher, for a guest, and in no class."""
    key = keys_in(kept).get("pupil")
    return Member(code, key) if isinstance(code, str) and code and key else None


def teacher_key(kept: object) -> str:
    """The key by which this page says it is the class's teacher, or ""."""
    return keys_in(kept).get("teacher", "")


def keys_in(kept: object) -> dict[str, str]:
    """The keys in what a browser keeps, which may be anything."""
    if not isinstance(kept, str) or len(kept) > MOST_KEPT:
        return {}
    try:
        keys = json.loads(kept or "{}")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(keys, dict):
        return {}
    return {role: key for role, key in keys.items() if isinstance(key, str)}


def check_start(who: Member | None, config: TrainingConfig, settings: Settings) -> None:
    """InputError where `who` is a pupil whose class doesn't allow a run of that config. Raises
    InputError for a config out of bounds, too.
    """
    if who:
        pupil_of(*who, settings)
        check_config(config.checked(settings), read_class(who.code, settings))


def count_runs(who: Member | None, started: Sequence[tuple[str, str]], settings: Settings) -> None:
    """The class's board has these runs, where `who` is a pupil. started: as start_runs gives them:
    a run that was there already has no secret.
    """
    if not who:
        return
    try:
        add_runs(*who, {run_id: bool(secret) for run_id, secret in started}, settings)
    except InputError as error:  # the run goes on, and its owner must hear of it
        log.warning("a run that its class doesn't count: %s", error.args[0])


def count_answer(who: Member | None, question_id: str, right: bool, settings: Settings) -> None:
    """The class's board has this answer to a question, where `who` is a pupil."""
    _count(add_answer, who, question_id, right, settings)


def count_guess(who: Member | None, claim_id: str, right: bool, settings: Settings) -> None:
    """The class's board has this guess at a claim, where `who` is a pupil."""
    _count(add_guess, who, claim_id, right, settings)


def _count(add: Callable, who: Member | None, name: str, right: bool, settings: Settings) -> None:
    if not who:
        return
    try:
        add(*who, name, right, settings)
    except InputError as error:  # the answer counts in the browser, and must be seen
        log.warning("an answer that its class doesn't count: %s", error.args[0])
