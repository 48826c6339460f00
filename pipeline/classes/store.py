"""What is kept of a class and its pupils: files that this server's user alone can read, for a day.

    code, teacher_key = create_class("Which rate learns fastest?", "learning_rate", {}, settings)
    pupil_id, pupil_key = join_class(code, "", settings)
    add_runs(code, pupil_key, {run_id: True}, settings)

The code is the right to look and to join. The keys are rights to change; on disk there are only
their digests. Nobody can guess any of them.
"""

import json
import re
import secrets
import shutil
import threading
import time
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from languages import as_data, from_data, say
from pipeline.classes.names import checked_name, drawn_name, name_of_hidden
from pipeline.config import RUN_SETTINGS, config_from
from pipeline.errors import InputError, shown
from pipeline.hub.sources import RUN_ID
from pipeline.runs.folder import WIDEST, modified, parsed, read_text, write_whole
from pipeline.runs.queue import digest
from pipeline.settings import Settings, whole_number
from pipeline.task import is_own

# Neither vowels, so no words, nor 0, 1 and l: 28 characters, so that twelve are 57 bits
CODE_CHARACTERS = "23456789bcdfghjkmnpqrstvwxyz"
CODE = re.compile(f"[{CODE_CHARACTERS}]{{4}}(-[{CODE_CHARACTERS}]{{4}}){{2}}")
PUPIL_ID = re.compile("[0-9a-f]{8}")
KEY = re.compile("[0-9a-f]{32}")
ANSWERED = re.compile(r"[a-z0-9][a-z0-9_.-]{0,59}")  # the id of a question or a claim
MOST_OF_A_TASK = 300  # characters
# Of one pupil: what is more is left out, so that a file stays below MOST_BYTES
MOST_RUNS, MOST_ANSWERS = 100, 200
MOST_BYTES = 2**16

_lock = threading.Lock()


@dataclass(frozen=True)
class Class:
    """A class as its teacher left it.

    created: seconds since the epoch. task: one line, "" for none. open_setting: the name of the one
    setting that pupils may change, "" where they may change all. values: {setting: value} of a
    whole checked TrainingConfig. max_steps: the most steps of a pupil's run, None where only the
    server's cap holds. is_closed: whether joining and starting are over.
    """

    code: str
    created: float
    task: str
    open_setting: str
    values: Mapping[str, Any]
    max_steps: int | None
    is_closed: bool


@dataclass(frozen=True)
class Pupil:
    """One pupil, without what is secret. All of it may be shown within the class.

    id: 8 hexadecimal digits. name: what they typed or drew, which nobody but the teacher sees where
    it `is_hidden`: show `shown_name`. joined: seconds since the epoch. runs: {run id: whether this
    pupil started it; it was there already, if not}, in the order of starts. answers, guesses: {id
    of a question or claim: whether the first answer was right}. number: 1 for who joined first.
    """

    id: str
    name: str
    is_hidden: bool
    joined: float
    runs: Mapping[str, bool] = field(default_factory=dict)
    answers: Mapping[str, bool] = field(default_factory=dict)
    guesses: Mapping[str, bool] = field(default_factory=dict)
    number: int = 0

    @property
    def shown_name(self) -> str:
        """The name that the class sees."""
        return name_of_hidden(self.number) if self.is_hidden else self.name


# ---------------------------------------------------------------- a class


def create_class(
    task: str,
    open_setting: str,
    values: Mapping[str, Any],
    settings: Settings,
    visitor: str = "",
) -> tuple[str, str]:
    """(code, key of the teacher) of a new class.

    values: some settings of a run; the others stand at their defaults. visitor: the network address
    of the teacher, as an opaque text; one may open `max_classes_per_address`. Raises InputError for
    a value that can't be used, and where there are too many classes.
    """
    code = "-".join(
        "".join(secrets.choice(CODE_CHARACTERS) for _ in range(4)) for _group in range(3)
    )
    one = Class(code, time.time(), "", "", {}, None, False)
    one = _changed(one, {"task": task, "open_setting": open_setting, "values": values}, settings)
    teacher_key = secrets.token_hex(16)
    place = _place(code, settings)
    part = place.with_name(f"{place.name}.part")
    with _lock:
        try:
            part.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _check_room(digest(visitor), settings)
            part.mkdir(mode=0o700)
            for folder in ("pupils", "test"):
                (part / folder).mkdir(mode=0o700)
            write_whole(part / "teacher", digest(teacher_key))
            write_whole(part / "visitor", digest(visitor))
            _write_class(part, one)
            part.rename(place)
        except OSError as error:
            raise unwritten() from error
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return code, teacher_key


def checked_code(code: Any) -> str:
    """A class's code as it stands in the link, or an InputError.

    >>> checked_code(" BCDF ghjk-mnpq ")
    'bcdf-ghjk-mnpq'
    """
    if isinstance(code, str) and len(code) <= 40:
        bare = re.sub(r"[\s-]", "", code).lower()
        grouped = "-".join(bare[start : start + 4] for start in range(0, len(bare), 4))
        if CODE.fullmatch(grouped):
            return grouped
    raise InputError(
        say(
            "{code} is no class's code, which is like bcdf-ghjk-mnpq. Copy the teacher's link "
            "again.",
            code=shown(code),
        )
    )


def class_folder(code: Any, settings: Settings) -> Path:
    """The folder of a class that is there. Raises InputError for a malformed code, and where there
    is no such class any more.
    """
    folder = _place(checked_code(code), settings)
    # Also before somebody sweeps: what is over is shown to nobody
    age = time.time() - modified(folder / "teacher")
    if folder.is_symlink() or age > settings.max_run_age_seconds:
        raise InputError(
            say(
                "There is no class at this link. A class is removed a day after it was opened: ask "
                "the teacher for a new link."
            )
        )
    return folder


def read_class(code: Any, settings: Settings) -> Class:
    """The class of that code. Raises InputError as class_folder does, and for a damaged one."""
    code = checked_code(code)
    path = class_folder(code, settings) / "class.json"
    one = _class_at(path, *version_of(path))
    if one is None:
        raise InputError(
            say("This class's file on the server is damaged. Open a new class and give its link.")
        )
    return replace(one, code=code)


def is_teacher(code: Any, key: Any, settings: Settings) -> bool:
    """Whether `key` is the one that create_class gave for a class that is there."""
    try:
        kept = read_text(class_folder(code, settings) / "teacher")
    except InputError:
        return False
    if not isinstance(key, str) or not KEY.fullmatch(key):
        return False
    return secrets.compare_digest(kept.encode(), digest(key).encode())


def check_teacher(code: Any, key: Any, settings: Settings) -> None:
    """Raises InputError where the key isn't that of the class's teacher."""
    class_folder(code, settings)
    if not is_teacher(code, key, settings):
        raise InputError(say("Only the browser that opened this class can do that."))


def change_class(code: Any, teacher_key: Any, settings: Settings, **changes: Any) -> Class:
    """The class after these changes of `task`, `open_setting`, `values`, `max_steps` or
    `is_closed`. Raises InputError for a value that can't be used; nothing is changed then.
    """
    with _lock:
        check_teacher(code, teacher_key, settings)
        before = read_class(code, settings)
        one = _changed(before, changes, settings)
        if one != before:
            _write_class(class_folder(code, settings), one)
    return one


def _changed(one: Class, changes: Mapping[str, Any], settings: Settings) -> Class:
    checks: dict[str, Callable[[Any], Any]] = {
        "task": _checked_task,
        "open_setting": _checked_open,
        "values": lambda values: _checked_values(values, settings),
        "max_steps": lambda most: None if most is None else settings.checked("max_steps", most),
        "is_closed": bool,
    }
    return replace(one, **{name: checks[name](value) for name, value in changes.items()})


def _checked_task(task: Any) -> str:
    """One line of what can be read: it is drawn as plain text, and a writer of Arabic needs no
    control characters either.
    """
    text = "".join(
        character
        for character in " ".join(str(task or "").split())
        if character == "\u200d" or unicodedata.category(character)[0] != "C"
    )
    if len(text) > MOST_OF_A_TASK:
        raise InputError(
            say(
                "The task has {count} characters; the limit is {most}. Shorten it.",
                count=len(text),
                most=MOST_OF_A_TASK,
            )
        )
    return text


def _checked_open(name: Any) -> str:
    if name and (not isinstance(name, str) or name not in RUN_SETTINGS):
        raise InputError(
            say(
                "{name} is not a setting of a run. The settings are {known}.",
                name=shown(name),
                known=", ".join(RUN_SETTINGS),
            )
        )
    return name or ""


def _checked_values(values: Any, settings: Settings) -> dict[str, Any]:
    checked = asdict(config_from(values).checked(settings))
    if is_own(checked["task_name"]):
        raise InputError(
            say(
                "A class can't learn from a visitor's own pairs, which are shown to nobody else. "
                "Choose other pairs."
            )
        )
    return checked


def _check_room(visitor: str, settings: Settings) -> None:
    """InputError where this would be one class too many. visitor: a digest."""
    if shutil.disk_usage(classes_folder(settings)).free < settings.min_free_bytes:
        raise InputError(
            say("This server's disk is nearly full, so no class can be opened. Try again later.")
        )
    classes = [path for path in classes_folder(settings).iterdir() if path.is_dir()]
    theirs = sum(read_text(path / "visitor") == visitor for path in classes)
    if theirs >= settings.max_classes_per_address:
        raise InputError(
            say(
                "{count} classes were opened from your network address within a day, which is the "
                "limit. Go on with one of them.",
                count=theirs,
            )
        )
    if len(classes) >= settings.max_classes:
        raise InputError(
            say("This server has as many classes as it may have. Try again in a few hours.")
        )


# ---------------------------------------------------------------- pupils


def join_class(code: Any, name: Any, settings: Settings) -> tuple[str, str]:
    """(id, key) of a new pupil. name: a nickname, or "" to draw one.

    Raises InputError where the class is closed, full or gone, and for a name that can't be used.
    """
    with _lock:
        one = read_class(code, settings)
        if one.is_closed:
            raise InputError(say("This class is closed: nobody can join it any more."))
        pupils = pupils_of(code, settings)
        count = _count_of_pupils(code, settings)
        if count >= settings.max_pupils:
            raise InputError(
                say("This class is full: it has {count} pupils. Ask the teacher.", count=count)
            )
        called = _name_among(name, pupils)
        taken = {pupil.id for pupil in pupils}
        key = secrets.token_hex(16)
        while _id_of(key) in taken:
            key = secrets.token_hex(16)
        numbers = [pupil.number for pupil in pupils]
        pupil = Pupil(_id_of(key), called, False, time.time(), number=max([count, *numbers]) + 1)
        _write_pupil(class_folder(code, settings), pupil, digest(key))
    return pupil.id, key


def rename_pupil(code: Any, pupil_key: Any, name: Any, settings: Settings) -> Pupil:
    """The pupil with that key under a new nickname, "" to draw one. A hidden one stays hidden.
    Raises InputError for a name that can't be used.
    """

    def renamed(pupil: Pupil) -> Pupil:
        others = [other for other in pupils_of(code, settings) if other.id != pupil.id]
        return replace(pupil, name=_name_among(name, others))

    return _change_pupil(code, pupil_key, settings, renamed)


def pupils_of(code: Any, settings: Settings) -> list[Pupil]:
    """All pupils of a class in the order in which they joined; a damaged file is left out.
    What hasn't changed isn't read again.
    """
    paths = (class_folder(code, settings) / "pupils").glob("*.json")
    found = (_pupil_at(path, *version_of(path)) for path in paths)
    return sorted((one[0] for one in found if one), key=lambda pupil: (pupil.number, pupil.id))


def pupil_of(code: Any, key: Any, settings: Settings) -> Pupil:
    """The pupil with that key. Raises InputError where this class has none."""
    return _pupil_and_digest(code, key, settings)[0]


def hide_pupil(
    code: Any, teacher_key: Any, pupil_id: Any, hidden: bool, settings: Settings
) -> Pupil:
    """The pupil, whose name the class sees no more, or again. Raises InputError for a stranger."""
    with _lock:
        check_teacher(code, teacher_key, settings)
        folder = class_folder(code, settings)
        path = _pupil_path(folder, pupil_id if isinstance(pupil_id, str) else "")
        found = _pupil_at(path, *version_of(path))
        if found is None:
            raise InputError(
                say("{pupil} is not in this class. Choose one of the list.", pupil=shown(pupil_id))
            )
        pupil = replace(found[0], is_hidden=bool(hidden))
        _write_pupil(folder, pupil, found[1])
    return pupil


def add_runs(code: Any, pupil_key: Any, runs: Mapping[str, bool], settings: Settings) -> Pupil:
    """The pupil with these runs besides, {run id: whether they started it}; of too many, the
    oldest go.
    """
    if not all(isinstance(run_id, str) and RUN_ID.fullmatch(run_id) for run_id in runs):
        raise InputError(say("{runs} are no ids of runs.", runs=shown(list(runs))))

    def added(pupil: Pupil) -> Pupil:
        both = dict(pupil.runs)
        for run_id, started in runs.items():
            both[run_id] = bool(started) or both.get(run_id, False)
        return replace(pupil, runs=dict(list(both.items())[-MOST_RUNS:]))

    return _change_pupil(code, pupil_key, settings, added)


def add_answer(
    code: Any, pupil_key: Any, question_id: Any, right: bool, settings: Settings
) -> Pupil:
    """The pupil with an answer to a question; an earlier one counts more."""
    return _add_to("answers", code, pupil_key, question_id, right, settings)


def add_guess(code: Any, pupil_key: Any, claim_id: Any, right: bool, settings: Settings) -> Pupil:
    """The pupil with a guess of a claim's verdict; an earlier one counts more."""
    return _add_to("guesses", code, pupil_key, claim_id, right, settings)


def _add_to(
    which: str, code: Any, pupil_key: Any, answered: Any, right: bool, settings: Settings
) -> Pupil:
    if not isinstance(answered, str) or not ANSWERED.fullmatch(answered):
        raise InputError(say("{answered} is no question of this page.", answered=shown(answered)))

    def answered_by(pupil: Pupil) -> Pupil:
        before = getattr(pupil, which)
        if answered in before or len(before) >= MOST_ANSWERS:
            return pupil
        added: dict[str, Any] = {which: {**before, answered: bool(right)}}
        return replace(pupil, **added)

    return _change_pupil(code, pupil_key, settings, answered_by)


def _change_pupil(
    code: Any, key: Any, settings: Settings, change: Callable[[Pupil], Pupil]
) -> Pupil:
    with _lock:
        before, key_digest = _pupil_and_digest(code, key, settings)
        pupil = change(before)
        if pupil != before:
            _write_pupil(class_folder(code, settings), pupil, key_digest)
    return pupil


def _pupil_and_digest(code: Any, key: Any, settings: Settings) -> tuple[Pupil, str]:
    folder = class_folder(code, settings)
    if isinstance(key, str) and KEY.fullmatch(key):
        path = _pupil_path(folder, _id_of(key))
        found = _pupil_at(path, *version_of(path))
        if found and secrets.compare_digest(found[1].encode(), digest(key).encode()):
            return found
    raise InputError(say("This browser is not in the class. Join it."))


def _name_among(name: Any, others: list[Pupil]) -> str:
    names = [pupil.name for pupil in others]
    return drawn_name(names) if name in ("", None) else checked_name(name, names)


def _count_of_pupils(code: Any, settings: Settings) -> int:
    """Damaged files among them, so that their number stays bounded."""
    return len(list((class_folder(code, settings) / "pupils").glob("*.json")))


# ---------------------------------------------------------------- files


def classes_folder(settings: Settings) -> Path:
    """The folder of all classes."""
    return settings.runs_folder / "classes"


def _place(code: str, settings: Settings) -> Path:
    return classes_folder(settings) / digest(code)[:32]


def _id_of(key: str) -> str:
    return digest(key)[:8]


def _pupil_path(folder: Path, pupil_id: str) -> Path:
    return folder / "pupils" / f"{pupil_id if PUPIL_ID.fullmatch(pupil_id) else 'nobody'}.json"


def version_of(path: Path) -> tuple[float, int]:
    """What differs after each writing of a file: a new one is put in its place."""
    try:
        about = path.lstat()
    except OSError:
        return 0.0, 0
    return about.st_mtime_ns, about.st_ino


def _write_class(folder: Path, one: Class) -> None:
    _write(
        folder / "class.json",
        {name: value for name, value in asdict(one).items() if name != "code"},
    )


def _write_pupil(folder: Path, pupil: Pupil, key_digest: str) -> None:
    values = asdict(pupil) | {"name": str.__str__(pupil.name), "said": as_data(pupil.name)}
    _write(_pupil_path(folder, pupil.id), {**values, "key": key_digest})


def _write(path: Path, values: dict[str, Any]) -> None:
    try:
        write_whole(path, json.dumps(values))
    except OSError as error:
        raise unwritten() from error


def unwritten() -> InputError:
    """What to raise where a class's file can't be written."""
    return InputError(
        say("This server can't write a class; its disk may be full. Try again in a few minutes.")
    )


class _Unsound(Exception):
    """A file holds nothing that can be used. A cache forgets what is raised: it may have been the
    reading that failed, on a busy server, and not the file.
    """


def _class_at(path: Path, modified: float, inode: int) -> Class | None:
    """The class in a file, without its code; None for a damaged file."""
    try:
        return _sound_class(path, modified, inode)
    except _Unsound:
        return None


@lru_cache(maxsize=256)
def _sound_class(path: Path, _modified: float, _inode: int) -> Class:
    values = parsed(read_text(path, MOST_BYTES))
    try:
        one = Class(code="", **values)
        whole = asdict(config_from(one.values).checked(WIDEST))
        most = None if one.max_steps is None else whole_number("max_steps", one.max_steps, 1, 10**6)
        is_sound = (
            isinstance(one.created, float)
            and isinstance(one.is_closed, bool)
            and one.task == _checked_task(one.task)
            and one.open_setting == _checked_open(one.open_setting)
        )
    except (InputError, TypeError, ValueError, OverflowError) as error:
        raise _Unsound from error
    if not is_sound:
        raise _Unsound
    return replace(one, values=whole, max_steps=most)


def _pupil_at(path: Path, modified: float, inode: int) -> tuple[Pupil, str] | None:
    """The pupil in a file and the digest of their key; None for a damaged file."""
    try:
        return _sound_pupil(path, modified, inode)
    except _Unsound:
        return None


@lru_cache(maxsize=4096)
def _sound_pupil(path: Path, _modified: float, _inode: int) -> tuple[Pupil, str]:
    values = parsed(read_text(path, MOST_BYTES))
    try:
        key, said = values.pop("key"), values.pop("said")
        pupil = Pupil(**values)
        texts, numbers = (pupil.name, pupil.id, key), (pupil.joined, pupil.number)
        answered = (pupil.runs, pupil.answers, pupil.guesses)
        is_sound = (
            pupil.id == path.stem
            and all(isinstance(text, str) for text in texts)
            and all(type(number) in (int, float) for number in numbers)
            and isinstance(pupil.is_hidden, bool)
            and all(type(right) is bool for each in answered for right in each.values())
            and all(RUN_ID.fullmatch(run_id) for run_id in pupil.runs)
            and 0 < len(pupil.name) <= 60
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise _Unsound from error
    if not is_sound:
        raise _Unsound
    return replace(pupil, name=from_data(said, pupil.name) if said else pupil.name), key
