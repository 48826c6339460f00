"""The files of a run's folder, read with suspicion: a torn line, a foreign file or a link out of it
is nobody's event.

    >>> is_event({"event": "log", "seconds": 1.5, "step": 1, "loss": 0.7})
    True
    >>> is_event({"event": "log", "step": "<b>"})
    False
"""

import json
import math
import os
import re
import stat
import threading
from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from languages import as_data, from_data, say
from pipeline.answers import are_shares
from pipeline.config import config_from
from pipeline.edits.changed import are_copies, are_noticed
from pipeline.errors import InputError
from pipeline.hub.sources import RUN_ID
from pipeline.pair_map import are_points
from pipeline.settings import LABELS, Settings

# The longest run writes 300 steps, some 200 bytes each, and as many evaluations with an answer to
# each of 500 pairs and its point, some 3 and 10 kB each.
MOST_BYTES_OF_EVENTS = 2**23
MOST_OF_A_NAME = 200  # characters of a label's name
# Runs of an earlier day may have been started under other caps; their configs are only read here.
# What an evaluation tells of the pairs, which isn't one number
OF_PAIRS = ("shares", "own_share", "points", "own_point")
VERSION = re.compile(r"[\w.+-]{1,40}", re.ASCII)
WIDEST = Settings(
    max_steps=10**6,
    max_epochs=10**6,
    max_train_pairs=10**6,
    max_eval_pairs=10**6,
    max_batch_size=10**6,
)


def run_folder(run_id: str, settings: Settings) -> Path:
    """The folder of the run of that id, there or not. Raises InputError for a malformed id."""
    if not isinstance(run_id, str) or not RUN_ID.fullmatch(run_id):
        raise InputError(
            say(
                "{run_id!r} is not a run id, which has 32 hexadecimal digits. Copy the link again.",
                run_id=str(run_id)[:60],
            )
        )
    return settings.runs_folder / run_id


def is_run(folder: Path) -> bool:
    """A folder of its own with a config.json; no link to somewhere else."""
    return not folder.is_symlink() and folder.is_dir() and os.path.lexists(folder / "config.json")


def address_of(folder: Path) -> str:
    """Of whom a run is: the digest of a network address, as the run's start wrote it; "" where it
    wrote none.
    """
    return read_text(folder / "visitor").rpartition(" ")[2]


# ---------------------------------------------------------------- events


def append_event(folder: Path, event: dict) -> None:
    """One more line of events.jsonl. Raises OSError."""
    with open(folder / "events.jsonl", "a") as file:
        file.write(as_line(event) + "\n")


def as_line(event: dict) -> str:
    """An event as one line of JSON. JSON has no NaN and no infinity: they are written as texts, as
    `NOT_FINITE` names them.

    >>> as_line({"event": "log", "loss": math.nan})
    '{"event": "log", "loss": "NaN"}'
    """
    return json.dumps(_named(with_sentences(event)), allow_nan=False)


NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def _named(value: Any) -> Any:
    """The value with the name in place of each number in it that isn't finite."""
    if isinstance(value, dict):
        return {name: _named(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_named(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def event_in(line: str) -> dict | None:
    """The event that `as_line` wrote; None for a line that isn't one."""
    event = _numbered(parsed(line))
    return restore_sentences(event) if is_event(event) else None


def _numbered(event: Any) -> Any:
    """A parsed line with its numbers again: a log's and an evaluation's values, and the figures
    before and after.
    """
    if not isinstance(event, dict):
        return event
    figures = {
        name: _unnamed(event[name])
        for name in ("before", "after", "majority")
        if isinstance(event.get(name), dict)
    }
    values = _unnamed(event) if event.get("event") in ("log", "evaluation") else event
    return {**values, **figures}


def _unnamed(values: dict) -> dict:
    return {
        name: NOT_FINITE.get(value, value) if isinstance(value, str) else value
        for name, value in values.items()
    }


def with_sentences(event: dict) -> dict:
    """An event whose texts can be said in another language: "said" holds their sentences and
    values, by name.
    """
    texts = dict(event)
    for name, value in event.items():
        if isinstance(value, dict):
            texts |= {f"{name}.{inner}": text for inner, text in value.items()}
    sentences = {name: data for name, text in texts.items() if (data := as_data(text))}
    return {**event, "said": sentences} if sentences else event


def restore_sentences(event: dict) -> dict:
    """What `append_event` wrote, its texts as sentences once more. One that this app never says
    stays plain text.
    """
    restored = {
        name: dict(value) if isinstance(value, dict) else value
        for name, value in event.items()
        if name != "said"
    }
    sentences = event.get("said")
    for name, data in sentences.items() if isinstance(sentences, dict) else ():
        outer, _dot, inner = name.partition(".")
        place, key = (restored.get(outer), inner) if inner else (restored, outer)
        if isinstance(place, dict) and isinstance(place.get(key), str):
            place[key] = from_data(data, place[key])
    return restored


# ---------------------------------------------------------------- files


def write_whole(path: Path, text: str) -> None:
    """A reader sees the whole file or none. Server and worker may write the same one at once: each
    by a name of its own. Raises OSError.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        part.write_text(text)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def modified(path: Path) -> float:
    """When a file was last written, in seconds; 0.0 where there is none. Of a link, the link
    itself.
    """
    try:
        return os.lstat(path).st_mtime_ns / 1e9
    except OSError:
        return 0.0


def read_text(path: Path, most: int = 2**16) -> str:
    """The first `most` bytes of an ordinary file as text; "" for anything else: a link, a pipe, a
    folder, nothing.
    """
    return read_bytes(path, most).decode(errors="replace")


def read_bytes(path: Path, most: int, end: bool = False) -> bytes:
    """The first `most` bytes of an ordinary file, or the last ones; as read_text else."""
    try:
        # A pipe would wait for a writer, a link would lead out of the folder
        careful = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(path, os.O_RDONLY | careful)
    except OSError:
        return b""
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode):
        os.close(descriptor)
        return b""
    with open(descriptor, "rb") as file:
        if end:
            file.seek(max(0, about.st_size - most))
        return file.read(most)


def read_config(folder: Path) -> dict | None:
    """A run's config as a dict that TrainingConfig takes, or None for a damaged or foreign one."""
    values = parsed(read_text(folder / "config.json"))
    try:
        return asdict(config_from(values).checked(WIDEST))
    except (InputError, TypeError, ValueError, OverflowError):
        return None


def read_events(path: Path) -> list[dict]:
    """Whole lines only: the worker may be in the midst of writing the last one."""
    return _events(read_bytes(path, MOST_BYTES_OF_EVENTS))


def _events(written: bytes) -> list[dict]:
    lines = written.decode(errors="replace").split("\n")[:-1]
    return [event for line in lines if (event := event_in(line))]


def last_event(path: Path) -> dict | None:
    """The last event, from the file's end: thirty pages ask every second, and most runs have long
    ended.
    """
    try:
        about = os.lstat(path)
    except OSError:
        return None
    return _last_of(path, about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=512)
def _last_of(path: Path, modified: int, size: int) -> dict | None:
    return next(reversed(_events(read_bytes(path, 2**15, end=True))), None)


def parsed(text: str) -> Any:
    """The JSON value in a text; None where there is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


# ---------------------------------------------------------------- which lines can be drawn


def is_event(event: Any) -> bool:
    """Whether a parsed line is an event that a page can draw; a foreign or damaged one is left
    out.
    """
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        return False
    if not is_number(event.get("seconds")) or not _is_count(event.get("step", 0)):
        return False
    if not all(isinstance(event.get(name, ""), str) for name in ("message", "reason")):
        return False
    if event["event"] in ("log", "evaluation") and not all(
        is_number(event[name]) for name in event if name not in ("event", *OF_PAIRS)
    ):
        return False
    if event["event"] == "start" and not _labels_have_names(event):
        return False
    return all(fits(_inner(event, path)) for path, fits in NEEDED.get(event["event"], ()))


def is_number(value: Any) -> bool:
    """Whether it can be drawn; NaN and infinity can: a run may well diverge."""
    return type(value) is float or (type(value) is int and abs(value) < 10**15)


def _inner(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 10**9


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_count_or_nothing(value: Any) -> bool:
    return value is None or (type(value) is int and 0 <= value < 10**15)


def _is_flag_or_nothing(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def _are_shares_or_nothing(value: Any) -> bool:
    return value is None or (are_shares(value) and len(value) <= WIDEST.max_eval_pairs)


def _are_points_or_nothing(value: Any) -> bool:
    return value is None or (are_points(value) and len(value) <= WIDEST.max_eval_pairs)


def _is_point_or_nothing(value: Any) -> bool:
    return value is None or are_points([value])


def _are_labels_or_nothing(value: Any) -> bool:
    return value is None or (
        isinstance(value, list) and all(type(one) is int and one >= 0 for one in value)
    )


def _are_names_or_nothing(value: Any) -> bool:
    return value is None or (
        isinstance(value, list)
        and len(value) >= 2
        and all(_is_text(one) and len(one) <= MOST_OF_A_NAME for one in value)
    )


def _are_weights_or_nothing(value: Any) -> bool:
    """Names of weights that were not in a checkpoint's files."""
    return value is None or (
        isinstance(value, list)
        and all(_is_text(one) and len(one) <= MOST_OF_A_NAME for one in value)
    )


def _are_copies_or_nothing(value: Any) -> bool:
    return value is None or are_copies(value)


def _are_noticed_or_nothing(value: Any) -> bool:
    """What was noticed before and after the training."""
    if value is None:
        return True
    return isinstance(value, list) and len(value) == 2 and all(map(are_noticed, value))


def _is_task(value: Any) -> bool:
    """What a run tells of its task; an old run may not say."""
    return value is None or (
        isinstance(value, dict) and isinstance(value.get("has_pair", True), bool)
    )


def _labels_have_names(start: dict) -> bool:
    """Whether a start names each label that it gives a pair or the majority."""
    names = _inner(start, "task.labels")
    if not _are_names_or_nothing(names):
        return False
    majority = start.get("majority")
    common = majority.get("label") if isinstance(majority, dict) else None
    given = start.get("labels") or []
    numbers = [*(given if isinstance(given, list) else []), 0 if common is None else common]
    return all(type(one) is int and 0 <= one < len(names or LABELS) for one in numbers)


def _is_share_or_nothing(value: Any) -> bool:
    return value is None or are_shares([value])


def _are_versions(value: Any) -> bool:
    """What the worker imported; an old run may not say."""
    if value is None:
        return True
    return isinstance(value, dict) and all(
        _is_text(part) and VERSION.fullmatch(part) for each in value.items() for part in each
    )


def _is_origin(value: Any) -> bool:
    """Where something came from; an old run may not say."""
    if value is None:
        return True
    texts = (_inner(value, name) for name in ("loaded", "place", "reason"))
    return all(map(_is_text, texts)) and isinstance(_inner(value, "stands_in"), bool)


def _are_figures(value: Any) -> bool:
    """Numbers, accuracy and an F1 among them; a run that never came to evaluate has none."""
    if value is None:
        return True
    named = isinstance(value, dict) and "accuracy" in value and {"f1", "macro_f1"} & set(value)
    return bool(named) and all(map(is_number, value.values()))


_END = (
    ("before", _are_figures),
    ("after", _are_figures),
    ("peak_bytes", _is_count_or_nothing),
    ("kept_step", _is_count_or_nothing),
    ("early", _is_flag_or_nothing),
    ("noticed", _are_noticed_or_nothing),
)
NEEDED: dict[str, tuple[tuple[str, Callable], ...]] = {  # kind -> (what in it, what that has to be)
    "start": (
        ("total_steps", _is_count),
        ("majority", _are_figures),
        ("majority.accuracy", is_number),
        ("model", _is_origin),
        ("data", _is_origin),
        ("metric", _is_origin),
        ("bf16", _is_flag_or_nothing),
        ("versions", _are_versions),
        ("steps_per_epoch", _is_count_or_nothing),
        ("train_pairs", _is_count_or_nothing),
        ("eval_pairs", _is_count_or_nothing),
        ("train_sample", _is_count_or_nothing),
        ("parameters", _is_count_or_nothing),
        ("trained_parameters", _is_count_or_nothing),
        ("labels", _are_labels_or_nothing),
        ("copies", _are_copies_or_nothing),
        ("task", _is_task),
        ("missing", _are_weights_or_nothing),
    ),
    "log": (("step", _is_count), ("loss", is_number)),
    "evaluation": (
        ("step", _is_count),
        ("right", _is_count_or_nothing),
        ("shares", _are_shares_or_nothing),
        ("own_share", _is_share_or_nothing),
        ("points", _are_points_or_nothing),
        ("own_point", _is_point_or_nothing),
    ),
    "done": _END,
    "stopped": _END,
    "failed": (("message", _is_text),),
}
