"""Whose fine-tune is running: a run is a folder, its worker a process.

runs/<id>/config.json    what was asked for
          owner          sha256 of the secret that may stop it
          worker         the worker's process id
          events.jsonl   the story, one JSON object a line, written by `python -m pipeline train`
          stop           there once somebody asked it to stop
          worker.log     what the worker said on its terminal
          model/         what it left

Nothing about a run is kept anywhere else, so a refreshed page, a second visitor and a restarted server
all read the same story.
"""

import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pipeline.settings import InputError, Settings
from pipeline.sources import RUN_ID
from pipeline.training import TrainingConfig

ENDED = ("done", "stopped", "failed", "expired")
_starting = threading.Lock()


@dataclass(frozen=True)
class Run:
    """A run as its folder tells it."""

    id: str
    state: str  # queued | running | stopping | done | stopped | failed | expired
    config: dict = field(default_factory=dict)
    events: list[dict] = field(default_factory=list)
    place: int = 0  # in the queue, from 1; 0 once it has started

    @property
    def ended(self):
        return self.state in ENDED

    def of(self, kind):
        """The events of one kind, in order."""
        return [event for event in self.events if event["event"] == kind]

    def first(self, kind):
        return next(iter(self.of(kind)), None)


# ---------------------------------------------------------------- starting


def start_run(config, settings=None):
    """(id, secret) of a new run; it starts now, or as soon as its turn comes. The secret may stop it.

    Raises InputError for a config out of bounds or a queue that is full.
    """
    settings = settings or Settings()
    config = config.checked(settings)
    sweep(settings)
    waiting = sum(run.state == "queued" for run in list_runs(settings))
    if waiting >= settings.max_runs_waiting:
        raise InputError(f"{waiting} runs are waiting already, the most this server takes. Try again in some minutes.")
    run_id, secret = secrets.token_hex(16), secrets.token_urlsafe(24)
    folder = settings.runs_folder / run_id
    folder.mkdir(parents=True)
    (folder / "owner").write_text(_digest(secret))
    # Last, and in one move: a folder without config.json is not yet a run
    _write_whole(folder / "config.json", json.dumps(asdict(config)))
    advance(settings)
    return run_id, secret


def worker_command(config, folder):
    """The command that trains: the one that runs here, and the one that the page shows."""
    flags = [part for name, value in asdict(config).items() for part in _flag(name, value)]
    return [sys.executable, "-m", "pipeline", "train", *flags, "--output", str(folder)]


def _flag(name, value):
    flag = "--" + name.replace("_", "-")
    if isinstance(value, bool):
        return [flag] if value else []
    return [flag, str(value)]


def advance(settings=None):
    """Start waiting runs, the longest waiting first, while fewer than `max_runs_at_once` are running."""
    settings = settings or Settings()
    with _starting:
        runs = list_runs(settings)
        free = settings.max_runs_at_once - sum(run.state in ("running", "stopping") for run in runs)
        for run in [run for run in runs if run.state == "queued"][: max(free, 0)]:
            _start_worker(run, settings)


def _start_worker(run, settings):
    folder = settings.runs_folder / run.id
    environment = {**os.environ, "RUNS_DIR": str(settings.runs_folder), "PAIRS": settings.data}
    environment |= {"MRPC_DIR": str(settings.mrpc_folder)} if settings.mrpc_folder else {}
    with open(folder / "worker.log", "wb") as log:
        # A session of its own: a worker outlives the server that started it, and Ctrl-C there.
        worker = subprocess.Popen(
            worker_command(TrainingConfig(**run.config), folder), cwd=Path(__file__).parent.parent, env=environment,
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    _write_whole(folder / "worker", str(worker.pid))
    threading.Thread(target=_watch, args=(worker, settings), daemon=True, name=f"watch-{run.id[:8]}").start()


def _watch(worker, settings):
    worker.wait()
    advance(settings)


# ---------------------------------------------------------------- reading


def read_run(run_id, settings=None):
    """The run of that id; one whose folder is gone has expired. A malformed id is an InputError."""
    settings = settings or Settings()
    folder = _folder(run_id, settings)
    config = _read_json(folder / "config.json")
    if config is None:
        return Run(run_id, "expired")
    events = _read_events(folder / "events.jsonl")
    state = _state(folder, events)
    if state == "failed" and not (events and events[-1]["event"] == "failed"):
        events = [*events, {"event": "failed", "seconds": 0, "message": _last_words(folder)}]
    return Run(run_id, state, config, events, _place(folder, settings) if state == "queued" else 0)


def _state(folder, events):
    if events and events[-1]["event"] in ENDED:
        return events[-1]["event"]
    if not (folder / "worker").exists():
        return "stopped" if (folder / "stop").exists() else "queued"
    if not _alive(folder):
        return "stopped" if (folder / "killed").exists() else "failed"
    return "stopping" if (folder / "stop").exists() else "running"


def _alive(folder):
    """Whether this folder's worker runs. The command line is compared: process ids are used again."""
    try:
        pid = int((folder / "worker").read_text())
        os.kill(pid, 0)
    except (OSError, ValueError):
        return False
    cmdline = Path(f"/proc/{pid}/cmdline")
    try:
        return folder.name.encode() in cmdline.read_bytes()  # empty for a zombie
    except OSError:
        return not Path("/proc").is_dir()


def _last_words(folder):
    try:
        lines = (folder / "worker.log").read_text(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    said = f" Its last words: {lines[-1][:200]}" if lines else ""
    return f"The worker ended before its run did; the machine may be short of memory. Start a new run.{said}"


def list_runs(settings=None):
    """All runs of this server, oldest first."""
    settings = settings or Settings()
    folders = [path for path in settings.runs_folder.glob("*/config.json") if RUN_ID.fullmatch(path.parent.name)]
    ordered = sorted(folders, key=lambda path: (_modified(path), path.parent.name))
    return [_brief(path.parent) for path in ordered]


def _brief(folder):
    """Id, state and config without a look at the queue."""
    return Run(folder.name, _state(folder, _read_events(folder / "events.jsonl")), _read_json(folder / "config.json") or {})


def _place(folder, settings):
    waiting = [run.id for run in list_runs(settings) if run.state == "queued"]
    return waiting.index(folder.name) + 1 if folder.name in waiting else 0


def _read_events(path):
    """Whole lines only: the worker may be in the midst of writing the last one."""
    try:
        lines = path.read_text(errors="replace").split("\n")[:-1]
    except OSError:
        return []
    events = [_parsed(line) for line in lines]
    return [event for event in events if isinstance(event, dict) and isinstance(event.get("event"), str)]


def _parsed(line):
    try:
        return json.loads(line)
    except ValueError:
        return None


def _read_json(path):
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def append_event(folder, event):
    """One more line of the story."""
    with open(folder / "events.jsonl", "a") as file:
        file.write(json.dumps(event) + "\n")


# ---------------------------------------------------------------- stopping and sweeping


def may_stop(run_id, secret, settings=None):
    """Whether `secret` is the one that start_run gave for this run."""
    owner = _folder(run_id, settings or Settings()) / "owner"
    return bool(secret) and owner.exists() and secrets.compare_digest(owner.read_text(), _digest(secret))


def stop_run(run_id, secret, settings=None):
    """Ask a run to stop after its next step and keep what it has; asked twice, end its worker at once.

    Raises InputError where `secret` isn't the one that start_run gave.
    """
    settings = settings or Settings()
    folder = _folder(run_id, settings)
    if not may_stop(run_id, secret, settings):
        raise InputError("Only the visitor who started this run can stop it.")
    if read_run(run_id, settings).ended:
        return
    if (folder / "stop").exists() and _alive(folder):
        (folder / "killed").touch()
        os.kill(int((folder / "worker").read_text()), 9)
    (folder / "stop").touch()


def sweep(settings=None):
    """Remove ended runs older than `max_run_age_seconds`."""
    settings = settings or Settings()
    for run in list_runs(settings):
        folder = settings.runs_folder / run.id
        if run.ended and time.time() - _modified(folder / "config.json") > settings.max_run_age_seconds:
            shutil.rmtree(folder, ignore_errors=True)


def _folder(run_id, settings):
    if not isinstance(run_id, str) or not RUN_ID.fullmatch(run_id):
        raise InputError(f"{str(run_id)[:60]!r} is not a run's id, which is 32 hexadecimal digits. Copy its link again.")
    return settings.runs_folder / run_id


def _modified(path):
    try:
        return path.stat().st_mtime_ns / 1e9
    except OSError:
        return 0.0


def _write_whole(path, text):
    """A reader sees the whole file or none."""
    path.with_suffix(".part").write_text(text)
    path.with_suffix(".part").replace(path)


def _digest(secret):
    return hashlib.sha256(secret.encode()).hexdigest()


# ---------------------------------------------------------------- a run as data to draw


def curves(run):
    """{"train": {"loss": [(step, value), …]}, "evaluation": {"eval_loss": …, "eval_accuracy": …, "eval_f1": …}}."""
    evaluation = {name: [(event["step"], event[name]) for event in run.of("evaluation") if name in event]
                  for name in ("eval_loss", "eval_accuracy", "eval_f1")}  # fmt: skip
    return {"loss": [(event["step"], event["loss"]) for event in run.of("log")], **evaluation}


def progress(run):
    """(steps done, steps in all, seconds left or None), from the pace of this run's own events."""
    start, told = run.first("start"), [event for event in run.events if "step" in event]
    if not start or not told:
        return 0, (start or {}).get("total_steps", 0), None
    done, total, last = told[-1]["step"], start["total_steps"], told[-1]["seconds"]
    first = next((event for event in told if event["event"] == "log"), None)
    if not first or done <= first["step"]:
        return done, total, None
    pace = (last - first["seconds"]) / (done - first["step"])
    return done, total, max(0.0, pace * (total - done))
