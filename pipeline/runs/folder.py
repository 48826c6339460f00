"""What lies in a run's folder, read with suspicion: a torn line, a foreign file or a link out of it
is nobody's story.

    >>> is_event({"event": "log", "seconds": 1.5, "step": 1, "loss": 0.7}), is_event({"event": "log", "step": "<b>"})
    (True, False)
"""

import json
import math
import os
import re
import stat
import threading
from dataclasses import asdict
from functools import lru_cache

from languages import as_data, from_data
from pipeline.settings import Settings
from pipeline.errors import InputError
from pipeline.config import config_from

# The longest run tells 300 steps and as many evaluations, some 200 bytes each.
MOST_BYTES_OF_EVENTS = 2**22
# Runs of an earlier day may have been started under other caps; their configs are only read here.
VERSION = re.compile(r"[\w.+-]{1,40}", re.ASCII)
WIDEST = Settings(max_steps=10**6, max_epochs=10**6, max_train_pairs=10**6, max_eval_pairs=10**6, max_batch_size=10**6)


def append_event(folder, event):
    """One more line of the story."""
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


def _named(value):
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
    return said_again(event) if is_event(event) else None


def _numbered(event):
    """A parsed line with its numbers again: a log's and an evaluation's values, and the figures
    before and after.
    """
    if not isinstance(event, dict):
        return event
    figures = {name: _unnamed(event[name]) for name in ("before", "after", "majority") if isinstance(event.get(name), dict)}
    values = _unnamed(event) if event.get("event") in ("log", "evaluation") else event
    return {**values, **figures}


def _unnamed(values):
    return {name: NOT_FINITE.get(value, value) if isinstance(value, str) else value for name, value in values.items()}


def with_sentences(event):
    """An event whose texts can be said in another language: "said" holds their sentences and
    values, by name.
    """
    texts = {**event, **{f"{name}.{inner}": text for name, value in event.items() if isinstance(value, dict)
                         for inner, text in value.items()}}
    said = {name: data for name, text in texts.items() if (data := as_data(text))}
    return {**event, "said": said} if said else event


def said_again(event):
    """What `append_event` wrote, its texts as Saids once more. A sentence that this app never says
    stays plain text.
    """
    told = {name: dict(value) if isinstance(value, dict) else value for name, value in event.items() if name != "said"}
    said = event.get("said")
    for name, data in said.items() if isinstance(said, dict) else ():
        outer, _dot, inner = name.partition(".")
        place, key = (told.get(outer), inner) if inner else (told, outer)
        if isinstance(place, dict) and isinstance(place.get(key), str):
            place[key] = from_data(data, place[key])
    return told


def write_whole(path, text):
    """A reader sees the whole file or none. Server and worker may write the same one at once: each
    by a name of its own.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        part.write_text(text)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def modified(path):
    """When a file was last written, in seconds; 0.0 where there is none. Of a link, the link
    itself.
    """
    try:
        return os.lstat(path).st_mtime_ns / 1e9
    except OSError:
        return 0.0


def read_text(path, most=2**16):
    """The first `most` bytes of an ordinary file as text; "" for anything else: a link, a pipe, a
    folder, nothing.
    """
    return _read_bytes(path, most).decode(errors="replace")


def _read_bytes(path, most, end=False):
    try:
        # A pipe would wait for a writer, a link would lead out of the folder
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
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


def read_config(folder):
    """A run's config as a dict that TrainingConfig takes, or None for a damaged or foreign one."""
    values = parsed(read_text(folder / "config.json"))
    try:
        return asdict(config_from(values).checked(WIDEST))
    except (InputError, TypeError, ValueError, OverflowError):
        return None


def read_events(path):
    """Whole lines only: the worker may be in the midst of writing the last one."""
    return _events(_read_bytes(path, MOST_BYTES_OF_EVENTS))


def _events(told):
    lines = told.decode(errors="replace").split("\n")[:-1]
    return [event for line in lines if (event := event_in(line))]


def last_told(path):
    """The last event, from the file's end: thirty pages ask every second, and most runs have long
    ended.
    """
    try:
        about = os.lstat(path)
    except OSError:
        return None
    return _last_of(path, about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=512)
def _last_of(path, modified, size):
    return next(reversed(_events(_read_bytes(path, 2**15, end=True))), None)


def parsed(text):
    """The JSON value in a text; None where there is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


# ---------------------------------------------------------------- which lines can be drawn


def is_event(event):
    """Whether a line of the story is one that a page can draw; a foreign or damaged one is left
    out.
    """
    if not isinstance(event, dict) or not isinstance(event.get("event"), str) or not is_number(event.get("seconds")):
        return False
    if not all(isinstance(event.get(name, ""), str) for name in ("message", "reason")):
        return False
    if event["event"] in ("log", "evaluation") and not all(is_number(event[name]) for name in event if name != "event"):
        return False
    return _is_count(event.get("step", 0)) and all(fits(_inner(event, path)) for path, fits in NEEDED.get(event["event"], ()))


def _inner(value, path):
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def is_number(value):
    # nan and inf are: a run may well diverge
    return type(value) is float or (type(value) is int and abs(value) < 10**15)


def _is_count(value):
    return type(value) is int and 0 <= value < 10**9


def _is_text(value):
    return isinstance(value, str)


def _is_count_or_nothing(value):
    return value is None or (type(value) is int and 0 <= value < 10**15)


def _is_flag_or_nothing(value):
    return value is None or isinstance(value, bool)


def _are_versions(value):
    """What the worker imported; an old story may not say."""
    return value is None or (isinstance(value, dict) and all(_is_text(part) and VERSION.fullmatch(part)
                                                             for each in value.items() for part in each))


def _is_origin(value):
    """Where something came from; an old story may not say."""
    return value is None or (all(_is_text(_inner(value, name)) for name in ("loaded", "place", "reason"))
                             and isinstance(_inner(value, "stands_in"), bool))


def _are_figures(value):
    """Numbers, accuracy and F1 among them; a run that never came to judge has none."""
    if value is None:
        return True
    return isinstance(value, dict) and {"accuracy", "f1"} <= set(value) and all(map(is_number, value.values()))


NEEDED = {  # kind -> (what in it, what that has to be)
    "start": (("total_steps", _is_count), ("majority", _are_figures), ("majority.f1", is_number),
              *((part, _is_origin) for part in ("model", "data", "metric")),
              ("bf16", _is_flag_or_nothing), ("versions", _are_versions), ("steps_per_epoch", _is_count_or_nothing),
              *((part, _is_count_or_nothing) for part in ("train_pairs", "eval_pairs"))),
    "log": (("step", _is_count), ("loss", is_number)),
    "evaluation": (("step", _is_count),),
    "done": (("before", _are_figures), ("after", _are_figures), ("peak_bytes", _is_count_or_nothing)),
    "stopped": (("before", _are_figures), ("after", _are_figures), ("peak_bytes", _is_count_or_nothing)),
    "failed": (("message", _is_text),),
}
