"""A run as its folder tells it: state, events, points of its charts, how far it is."""

import math
import os
import stat
import threading
import time
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from languages import say
from pipeline.hub.sources import RUN_ID
from pipeline.runs.folder import (
    event_in,
    is_number,
    is_run,
    last_event,
    read_config,
    read_events,
    read_text,
    run_folder,
)
from pipeline.runs.liveness import is_alive
from pipeline.settings import LABELS, Settings

ENDED = ("done", "stopped", "failed", "expired")
# What of a folder's files changes with whatever may change an ended run: their times and sizes
Looks = tuple
# folder of an ended run -> (its looks, the Run): they rarely change, and are asked for often
_ended: dict[str, tuple[Looks, "Run"]] = {}
# What look_at has read: folder -> (what it was read for, when, the Run), the last read last
_seen: dict[str, tuple[tuple, float, "Run"]] = {}
MOST_SEEN, LOOK_SECONDS = 64, 1.0
_reading = threading.Lock()


@dataclass(frozen=True)
class Run:
    """A run as its folder tells it. Place and wait are the queue's to tell (queue.read_run)."""

    id: str
    state: str  # queued | running | stopping | done | stopped | failed | expired
    config: dict = field(default_factory=dict)
    events: list[dict] = field(default_factory=list)
    place: int = 0  # in the queue, from 1; 0 once it has started
    wait: float = 0.0  # expected seconds until its turn

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ENDED

    @property
    def has_model(self) -> bool:
        """Whether it left a model to predict with."""
        return self.state in ("done", "stopped") and bool(
            self.events and self.events[-1].get("after")
        )

    @property
    def answers(self) -> bool:
        """Whether the model that it left answers: after a loss that is NaN or infinite, its weights
        are, too.
        """
        if not self.has_model:
            return False
        loss = self.events[-1]["after"].get("loss", 0.0)  # an old run may not tell it
        return is_number(loss) and math.isfinite(loss)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of its task's labels, in the order of their numbers."""
        return tuple(self._task.get("labels") or LABELS)  # an old run doesn't tell them

    @property
    def has_pair(self) -> bool:
        """Whether its task's rows have two sentences."""
        return self._task.get("has_pair", True)

    @property
    def _task(self) -> dict:
        return (self.first("start") or {}).get("task") or {}

    def of(self, kind: str) -> list[dict]:
        """The events of one kind, in order."""
        return [event for event in self.events if event["event"] == kind]

    def first(self, kind: str) -> dict | None:
        """The first event of that kind; None where there is none."""
        return next(iter(self.of(kind)), None)


# ---------------------------------------------------------------- one run


def read_folder(folder: Path) -> Run:
    """The run in a folder, without a look at the queue; one whose folder is gone has expired."""
    if not is_run(folder):
        return Run(folder.name, "expired")
    # first: what a worker writes before it ends is then among its events
    return _read(folder, _worker(folder))


def look_at(folder: Path) -> Run:
    """As read_folder, shared by all who watch: the folder is read when a file of it or its worker
    has changed, and once a second at least.
    """
    worker = _worker(folder)  # first, as in read_folder
    looks = looks_of(folder)
    if looks is None:
        return read_folder(folder)
    key, now = str(folder), time.monotonic()
    known, when, run = _seen.get(key, (None, 0.0, None))
    if run and known == (looks, worker) and now - when < LOOK_SECONDS:
        return run
    with _reading:  # of those who ask at once, one reads
        known, when, run = _seen.get(key, (None, 0.0, None))
        if run and known == (looks, worker) and when >= now:
            return run
        run = _read(folder, worker)
        _seen.pop(key, None)
        _seen[key] = (looks, worker), time.monotonic(), run
        if len(_seen) > MOST_SEEN:
            del _seen[next(iter(_seen))]
    return run


def _worker(folder: Path) -> str:
    """Of a run's worker: "" where none has claimed the run yet, else "alive" or "gone". In this
    order: a claim that comes after the first look would make a run that begins seem to have failed.
    """
    if not (folder / "worker").exists():
        return ""
    return "alive" if is_alive(folder) else "gone"


def _read(folder: Path, worker: str) -> Run:
    events = read_events(folder / "events.jsonl")
    last = events[-1] if events else None
    state = _state(folder, worker, last)
    if end := _end(folder, state, last):
        events = [*(events[:-1] if last and last["event"] in ENDED else events), end]
    return Run(folder.name, state, read_config(folder) or {}, events)


def _state(folder: Path, worker: str, last: dict | None) -> str:
    """What is true of the run now. worker: as _worker says; last: its last event, if any."""
    stopping = (folder / "stop").exists()
    if last and last["event"] in ENDED:
        # Asked to stop while it was already saving: whoever pressed Stop shouldn't read "done"
        return "stopped" if last["event"] == "done" and stopping else last["event"]
    ended = _ended_by_server(folder)
    if worker == "alive":
        return "stopping" if ended or stopping else "running"
    if ended:
        return ended["event"]
    if worker or not (folder / "owner").exists():
        return "failed"
    if _config(folder) is None:
        return "failed"
    return "stopped" if stopping else "queued"


def _end(folder: Path, state: str, last: dict | None) -> dict | None:
    """The last event of an ended run, in the worker's place where it couldn't write one; None while
    there is none.
    """
    if state not in ENDED:
        return None
    if last and last["event"] in ENDED:
        if last["event"] == state:
            return last
        return {**last, "event": state, "reason": say("stopped by request, at its last step")}
    if ended := _ended_by_server(folder):
        return ended
    seconds = last["seconds"] if last else 0
    if state == "stopped":
        reason = say("It was removed from the queue before it started; nothing was trained.")
        return {"event": state, "seconds": seconds, "reason": reason}
    return {"event": state, "seconds": seconds, "message": _why_failed(folder)}


def _ended_by_server(folder: Path) -> dict | None:
    event = event_in(read_text(folder / "ended"))
    return event if event and event["event"] in ENDED else None


def _why_failed(folder: Path) -> str:
    if read_config(folder) is None:
        return say("This run's config.json is damaged or doesn't belong to a run. Start a new run.")
    if not (folder / "worker").exists():
        return say("This folder was not created by this app: it has no worker. Start a new run.")
    # What it wrote last stands in worker.log, for the host: it may name anything on this machine
    return say(
        "The worker ended before its run was finished; the machine may be short of memory or "
        "disk space. Start a new run."
    )


# ---------------------------------------------------------------- all runs


def list_runs(settings: Settings) -> list[Run]:
    """All runs of this server, oldest first; without their events."""
    folder = settings.runs_folder
    try:
        names = [name for name in os.listdir(folder) if RUN_ID.fullmatch(name)]
    except OSError:  # not there yet
        return []
    looks = {name: seen for name in names if (seen := looks_of(folder / name))}
    names = sorted(looks, key=lambda name: (looks[name][1][0], name))
    if len(_ended) > 2 * len(names) + 100:  # most of them are gone
        _ended.clear()
    return [_brief(folder / name, looks[name]) for name in names]


def looks_of(folder: Path) -> Looks | None:
    """What changes with whatever may make another run of an ended one: times and sizes of the
    folder, its config.json (second), worker and events. None for a folder that is no run.
    """
    try:
        about = os.lstat(folder)
    except OSError:
        return None
    if not stat.S_ISDIR(about.st_mode):
        return None
    files = [_look(f"{folder}/{name}") for name in ("config.json", "worker", "events.jsonl")]
    return ((about.st_mtime_ns, about.st_mode), *files) if files[0] else None


def _look(path: str) -> tuple[int, int] | None:
    try:
        about = os.lstat(path)
    except OSError:
        return None
    return about.st_mtime_ns, about.st_size


def _brief(folder: Path, looks: Looks) -> Run:
    """Id, state and config."""
    known, run = _ended.get(str(folder), (None, None))
    if run and known == looks:
        return run
    worker = _worker(folder)  # first, as in read_folder
    state = _state(folder, worker, last_event(folder / "events.jsonl"))
    run = Run(folder.name, state, _config(folder) or {})
    if run.ended:
        _ended[str(folder)] = looks, run
    return run


def _config(folder: Path) -> dict | None:
    """As read_config, once for each time and size of the file: a long queue is looked at several
    times a second.
    """
    return _config_of(folder, _look(f"{folder}/config.json"))


@lru_cache(maxsize=512)
def _config_of(folder: Path, _looks: tuple[int, int] | None) -> dict | None:
    return read_config(folder)


def outline(run_id: str, settings: Settings) -> Run:
    """A run as read_folder tells it, without the lines of its log and the answers pair by pair; one
    that has ended is read once and kept. The pages that watch a run draw earlier ones behind it,
    every second.
    """
    folder = run_folder(run_id, settings)
    return _outline(folder, looks_of(folder))


@lru_cache(maxsize=512)
def _outline(folder: Path, looks: Looks | None) -> Run:
    run = read_folder(folder)
    kept = [event for event in run.events if event["event"] != "log"]
    heavy = ("labels", "copies", "shares", "points")
    return replace(
        run,
        events=[{name: told[name] for name in told if name not in heavy} for told in kept],
    )


# ---------------------------------------------------------------- a run as data to draw


def points(run: Run, name: str) -> list[tuple[int, float]]:
    """[(step, value), …] of one name in the run's log and evaluations, say "loss" or "eval_f1"."""
    events = run.of("log") + run.of("evaluation")
    return [(event["step"], event[name]) for event in events if name in event]


def kept_step(run: Run) -> int | None:
    """The step whose weights a run keeps because they are its best so far, as Trainer chooses it:
    the first of those that are better than all before them. None where it keeps the last step's.
    """
    metric = run.config.get("metric_for_best_model", "none")
    if metric == "none" or run.config.get("eval_strategy") == "no":
        return None
    names = [f"eval_{metric}", *(["eval_macro_f1"] if metric == "f1" else [])]
    sign = -1 if metric == "loss" else 1
    best: tuple[float, int] | None = None
    for event in run.of("evaluation"):
        value = next((event[name] for name in names if name in event), math.nan)
        if event["step"] > 0 and (best is None or sign * value > best[0]) and not math.isnan(value):
            best = sign * value, event["step"]
    return best[1] if best else None


def progress(run: Run) -> tuple[int, int]:
    """(steps done, steps in all); 0 for what isn't known yet."""
    start = run.first("start")
    steps = [event["step"] for event in run.events if "step" in event]
    return (steps[-1] if start and steps else 0), (start or {}).get("total_steps", 0)


def closing(run: Run) -> bool:
    """Whether a run that hasn't ended has made its last step: what is left is to evaluate the model
    and to save it.
    """
    done, total = progress(run)
    told = run.of("log") + run.of("evaluation")
    made_last = 0 < total <= done or any(event.get("last") for event in told)
    return run.state in ("running", "stopping") and made_last
