"""Whose fine-tune is running: a run is a folder, its worker a process.

runs/<id>/config.json    what was asked for
          owner          sha256 of the secret that may stop it
          visitor        sha256 of whom it counts for
          worker         who trains here: process, when it began, machine
          (pipeline/runs/liveness.py) alive          touched by the worker's server while it lives,
          for servers that can't see it events.jsonl   the story, one JSON object a line, written by
          `python -m pipeline train` stop           there once somebody asked it to stop; "now" in
          it once somebody asked again ended          the last event of a run whose worker was ended
          before it could tell one itself worker.log     what the worker said on its terminal
          predictions.json  what the model answered for each validation pair, before and after
          model/         what it left

Nothing about a run is kept anywhere else, so a refreshed page, a second visitor, a restarted server
and one on another machine all read the same story. Waiting runs are started by whichever server has
room; a worker is looked after, and ended, by the servers of its own machine.
"""

import hashlib
import itertools
import json
import logging
import math
import os
import secrets
import shutil
import stat
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache

from languages import say, say_plural
from pipeline.runs import executors
from pipeline.runs import liveness as life
from pipeline.runs import worker_process as workers
from pipeline.hub.isolated import ask
from pipeline.settings import ADAPTERS, CHECKPOINTS, Settings, zero_gpu
from pipeline.errors import InputError
from pipeline.hub.sources import RUN_ID, is_bundled
from pipeline.runs.folder import (
    as_line,
    event_in,
    is_number,
    last_told,
    modified,
    read_config,
    read_events,
    read_text,
    write_whole,
)
from pipeline.runs.cleanup import address_of, is_run, remove, sweep_folder
from pipeline.config import config_from, flags_of
from pipeline.metrics import METRICS
from pipeline.training import check_start

try:
    import fcntl
except ImportError:  # Windows: one server a folder, then
    fcntl = None

log = logging.getLogger(__name__)
ENDED = ("done", "stopped", "failed", "expired")
_starting = threading.Lock()
_keepers = {}  # runs folder -> the thread that looks after its unfinished runs
_open = set()  # folders of runs that are looked after also while no run is unfinished
# folder of an ended run -> (what its files looked like, the Run): they rarely change, and are asked
# for often
_ended = {}
AT_ONCE = "now"  # what `stop` says once somebody asked twice
LOOKS_A_SWEEP = 60  # a look a second


@dataclass(frozen=True)
class Run:
    """A run as its folder tells it."""

    id: str
    state: str  # queued | running | stopping | done | stopped | failed | expired
    config: dict = field(default_factory=dict)
    events: list[dict] = field(default_factory=list)
    place: int = 0  # in the queue, from 1; 0 once it has started
    wait: float = 0.0  # seconds until its turn, as far as the runs before it let one tell

    @property
    def ended(self):
        return self.state in ENDED

    @property
    def has_model(self):
        """Whether it left a model to predict with."""
        return self.state in ("done", "stopped") and bool(self.events and self.events[-1].get("after"))

    @property
    def answers(self) -> bool:
        """Whether the model that it left answers: after a loss that is NaN or infinite, its weights
        are, too.
        """
        # an old story may not tell it
        loss = self.events[-1]["after"].get("loss", 0.0) if self.has_model else None
        return is_number(loss) and math.isfinite(loss)

    def of(self, kind):
        """The events of one kind, in order."""
        return [event for event in self.events if event["event"] == kind]

    def first(self, kind):
        return next(iter(self.of(kind)), None)


# ---------------------------------------------------------------- starting


def start_run(config, settings=None, browser="", address=""):
    """(id, secret) of a new run; it starts now, or as soon as its turn comes. The secret may stop
    it.

    browser, address: whom the run counts for, as opaque texts; "" counts for nobody.
    Raises InputError for a config out of bounds, a queue or a disk that is full, or too many runs
    of one visitor.
    """
    return start_runs([config], settings, browser, address)[0]


def start_runs(configs, settings=None, browser="", address=""):
    """[(id, secret), …] of as many new runs: all of them, one after the other, or none. As
    start_run.
    """
    settings = settings or Settings()
    configs = [config.checked(settings) for config in configs]
    for config in configs:
        _check_hardware(config)
        if not is_bundled(config.checkpoint):
            ask(config.checkpoint, check_start, config, settings=settings)
    started = [(secrets.token_hex(16), secrets.token_urlsafe(24)) for _ in configs]
    try:
        sweep(settings)
        with _alone(settings):
            _check_room(settings, browser, address, len(configs))
            for (run_id, secret), config in zip(started, configs, strict=True):
                _make_folder(settings.runs_folder / run_id, config, secret, browser, address)
        advance(settings)
    except OSError as error:
        for run_id, _ in started:
            remove(settings.runs_folder / run_id)
        log.error("a run that can't be written", exc_info=error)
        raise InputError(say("This server can't write a new run; its disk may be full. Try again "
                             "in some minutes.")) from error
    return started


def _check_hardware(config):
    """On ZeroGPU a run is forked from the server itself, where no stranger's checkpoint is opened.
    """
    if zero_gpu() and config.checkpoint not in (*CHECKPOINTS, *ADAPTERS):
        raise InputError(say("On this Space a run starts from one of {names}. Choose one, or "
                             "duplicate the Space on other "
                             "hardware to start from {checkpoint}.", names=", ".join((*ADAPTERS, *CHECKPOINTS)),
                             checkpoint=config.checkpoint))


def _make_folder(folder, config, secret, browser, address):
    folder.mkdir(parents=True)
    (folder / "owner").write_text(_digest(secret))
    (folder / "visitor").write_text(f"{_digest(browser)} {_digest(address)}")
    # Last, and in one move: a folder without config.json is not yet a run
    write_whole(folder / "config.json", json.dumps(asdict(config)))


def _check_room(settings, browser, address, wanted=1):
    unfinished = [run for run in list_runs(settings) if not run.ended]
    waiting = sum(run.state == "queued" for run in unfinished)
    if waiting + wanted > settings.max_runs_waiting:
        room = settings.max_runs_waiting - waiting
        said = say("the most this server takes") if room <= 0 else say("and only {room} more may wait", room=room)
        raise InputError(
            say_plural(
                "{count} run is waiting already, {said}. Try again in some minutes.",
                "{count} runs are waiting already, {said}. Try again in some minutes.",
                waiting,
                said=said,
            )
        )
    visitors = [read_text(settings.runs_folder / run.id / "visitor").split(" ") for run in unfinished]
    # A page names its browser, a program has no name and counts for its address alone
    for of, most, whose in ((browser, settings.max_runs_per_visitor, say("your browser")),
                            ("" if browser else address, settings.max_runs_per_address, say("your network address"))):
        theirs = sum(_digest(of) in digests for digests in visitors) if of else 0
        if of and theirs + wanted > most:
            said = say("the most for one") if wanted == 1 else say("and {wanted} more would be "
                                                                   "over the {most} for one",
                                                              wanted=wanted, most=most)
            raise InputError(
                say_plural(
                    "{count} run of {whose} is waiting or running already, {said}. Wait until it "
                    "has ended, or stop it.",
                    "{count} runs of {whose} are waiting or running already, {said}. Wait until "
                    "one has ended, or stop one.",
                    theirs,
                    whose=whose,
                    said=said,
                )
            )
    # Whoever invents a browser for each run is still behind one address, as is a classroom
    behind = sum(_digest(address) in digests for digests in visitors) if address else 0
    if address and behind + wanted > 1 and waiting + wanted > settings.max_runs_waiting - settings.places_for_others:
        raise InputError(say("The last {places} places of the queue are for network addresses "
                             "that have no run yet, one for "
                             "each. Yours has {behind}, and {wanted} more would take them. Try "
                             "again when a run has ended.",
                             places=settings.places_for_others, behind=behind, wanted=wanted))
    free = shutil.disk_usage(settings.runs_folder).free
    if free < settings.min_free_bytes:
        raise InputError(say("This server's disk has {free:.1f} GB left, and a run needs up to "
                             "{min_free_bytes:.1f} GB. "
                             "Try again when older runs have expired.", free=free / 2 ** 30,
                             min_free_bytes=settings.min_free_bytes / 2 ** 30))


def worker_command(config, folder):
    """The command that trains: the one that runs here, and the one that the page shows."""
    train = [sys.executable, "-m", "pipeline", "train"]
    return [*train, *flags_of(config), "--allow-stand-in", "--output", str(folder)]


def open_house(settings=None):
    """What a server does once, when it starts: go on with the runs of the one before it, and keep a
    worker warm.
    """
    settings = settings or Settings()
    if not zero_gpu():
        workers.keep_spare()
    with _alone(settings):
        _open.add(settings.runs_folder)
        _have_kept(settings)
    # one after the other: both want the cores
    if not zero_gpu() and workers.spare_is_ready(settings.prepare_seconds):
        _prepare(settings)


# The first learner of a class shouldn't wait for what all of them need. In a process: the server
# stays small.
JUDGE = "from pipeline.training import judge_before; judge_before()"


def _prepare(settings):
    command = [sys.executable, "-c", JUDGE]
    child = workers.start_in_background(command, _environment(settings), settings.runs_folder / "before.log")
    try:
        child.wait(settings.prepare_seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def advance(settings=None):
    """Start waiting runs, in their turn, while fewer than `max_runs_at_once` are running."""
    settings = settings or Settings()
    with _alone(settings):
        runs = list_runs(settings)
        free = settings.max_runs_at_once - len(_training_here(runs, settings))
        for run in _in_turn(runs, settings)[: max(free, 0)]:
            _start_worker(run, settings)
        if settings.max_runs_at_once > 0 and any(not run.ended for run in list_runs(settings)):
            _have_kept(settings)


def _in_turn(runs, settings):
    """Those of `runs` that wait: the longest waiting of each network address first, then the second
    of each, and so on.
    """
    waiting = [run for run in runs if run.state == "queued"]
    addresses, round_of = Counter(), {}
    for run in waiting:
        address = address_of(settings.runs_folder / run.id)
        round_of[run.id] = addresses[address]
        addresses[address] += 1
    return sorted(waiting, key=lambda run: round_of[run.id])


def _training_here(runs, settings):
    """Those of `runs` that this machine trains."""
    return [run for run in runs if run.state in ("running", "stopping") and _is_mine(settings.runs_folder / run.id)]


def _is_mine(folder):
    who = life.claimed(folder)
    return bool(who) and who.is_mine


@contextmanager
def _alone(settings):
    """One thread of one server at a time: a server that is just ending may share the folder with
    its successor.
    """
    with _starting:
        settings.runs_folder.mkdir(parents=True, exist_ok=True)
        with open(settings.runs_folder / ".lock", "w") as file:
            if fcntl:
                fcntl.flock(file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                # closing is not enough: a run's call on ZeroGPU, forked in here, has the file open
                # as well
                if fcntl:
                    fcntl.flock(file, fcntl.LOCK_UN)


def _start_worker(run, settings):
    folder = settings.runs_folder / run.id
    environment = _environment(settings)
    config = config_from(run.config)
    command = worker_command(config, folder)
    life.hold(folder, executors.start(command, config, folder, environment, settings))


def _environment(settings):
    """Settings as a worker reads them."""
    return {**settings.environment(), "CONFINE": "1"}


def _have_kept(settings):
    if settings.runs_folder not in _keepers:
        name = f"runs-{settings.runs_folder.name}"
        _keepers[settings.runs_folder] = threading.Thread(target=_keep, args=(settings,), daemon=True, name=name)
        _keepers[settings.runs_folder].start()


def _keep(settings):
    """Look after a folder of runs, also of those that a server before this one started: in an open
    house for good, else until none is unfinished.
    """
    for look in itertools.count():
        if not _one_look(settings, sweeps=look % LOOKS_A_SWEEP == 0):
            return
        life.wait_for_a_child(settings.runs_folder)


def _one_look(settings, sweeps):
    """Whether there is more to look after. Ends what takes too long, starts what has its turn."""
    try:
        runs = list_runs(settings)
        _look_after(_training_here(runs, settings), settings)
        if sweeps:
            sweep(settings)
        if not all(run.ended for run in runs):
            advance(settings)
        with _alone(settings):
            if settings.runs_folder in _open or not all(run.ended for run in list_runs(settings)):
                return True
            _keepers.pop(settings.runs_folder, None)
            return False
    except Exception:  # a full disk, say: the next look may find it better, and nobody else looks
        log.exception("runs in %s", settings.runs_folder)
        return True


def _look_after(training, settings):
    """The runs that train here: a sign of life for each, and an end where its time is over or its
    owner asked twice.
    """
    # The next run's process gets ready while this one trains, but not while it is on its way to its
    # first step
    if all(_has_stepped(settings.runs_folder / run.id) for run in training):
        workers.renew_spare()
    most = settings.max_run_seconds + settings.max_overtime_seconds
    for folder in [settings.runs_folder / run.id for run in training]:
        if read_text(folder / "stop") == AT_ONCE:
            _end_hard(folder, _ended_by_request())
        elif time.time() - modified(folder / "worker") > most:
            message = say("This run took longer than {most:g} s, the most a run gets, and was "
                          "ended. Choose fewer steps.",
                          most=most)
            _end_hard(folder, {"event": "failed", "seconds": most, "message": message})
        life.give_sign(folder)


def _has_stepped(folder):
    return (last_told(folder / "events.jsonl") or {}).get("step", 0) > 0


# ---------------------------------------------------------------- reading


def read_run(run_id, settings=None):
    """The run of that id; one whose folder is gone has expired. A malformed id is an InputError."""
    settings = settings or Settings()
    folder = _folder(run_id, settings)
    if not is_run(folder):
        return Run(run_id, "expired")
    # first: what a worker tells before it ends is then among its events
    living = life.lives(folder)
    events = read_events(folder / "events.jsonl")
    config, state = read_config(folder), _state(folder, living, events[-1] if events else None)
    last = _last_event(folder, state, events[-1] if events else None)
    if last:
        events = [*(events[:-1] if events and events[-1]["event"] in ENDED else events), last]
    place, wait = _queue_ahead(folder, settings) if state == "queued" else (0, 0.0)
    return Run(run_id, state, config or {}, events, place, wait)


def _state(folder, living, last):
    """What is true of the run now. living: whether its worker is; `last`: its last event, if any.
    """
    if last and last["event"] in ENDED:
        # Asked to stop while it was already saving: whoever pressed Stop shouldn't read "done"
        return "stopped" if last["event"] == "done" and (folder / "stop").exists() else last["event"]
    ended = _ended_by_server(folder)
    if living:
        return "stopping" if ended or (folder / "stop").exists() else "running"
    if ended:
        return ended["event"]
    if (folder / "worker").exists() or not (folder / "owner").exists() or read_config(folder) is None:
        return "failed"
    return "stopped" if (folder / "stop").exists() else "queued"


def _last_event(folder, state, last):
    """The last event of an ended run, told in the worker's place where it couldn't; None while
    there is none.
    """
    if state not in ENDED:
        return None
    if last and last["event"] in ENDED:
        return last if last["event"] == state else {**last, "event": state, "reason": say("stopped by request, at its last "
                                                                                          "step")}
    seconds = last["seconds"] if last else 0
    if ended := _ended_by_server(folder):
        return ended
    if state == "stopped":
        return {"event": state, "seconds": seconds, "reason": say("It left the queue before its "
                                                                  "turn; nothing was trained.")}
    return {"event": state, "seconds": seconds, "message": _why_failed(folder)}


def _ended_by_server(folder):
    event = event_in(read_text(folder / "ended"))
    return event if event and event["event"] in ENDED else None


def _why_failed(folder):
    if read_config(folder) is None:
        return say("This run's config.json is damaged or isn't a run's. Start a new run.")
    if not (folder / "worker").exists():
        return say("This folder was not started by this app: no worker belongs to it. Start a new "
                   "run.")
    # What it said last stands in worker.log, for the host: it may name anything on this machine
    return say("The worker ended before its run did; the machine may be short of memory or of "
               "disk. Start a new run.")


def list_runs(settings=None):
    """All runs of this server, oldest first; without their events."""
    folder = (settings or Settings()).runs_folder
    try:
        looks = {name: looks_of(f"{folder}/{name}") for name in os.listdir(folder) if RUN_ID.fullmatch(name)}
    except OSError:  # not there yet
        return []
    names = sorted((name for name in looks if looks[name]), key=lambda name: (looks[name][1][0], name))
    if len(_ended) > 2 * len(names) + 100:  # most of them are gone
        _ended.clear()
    return [_kept_brief(f"{folder}/{name}", looks[name]) or _brief(folder / name, looks[name]) for name in names]


def looks_of(folder):
    """What changes with whatever may make another story of an ended run; None for a folder that is
    no run.
    """
    try:
        about = os.lstat(folder)
        looks = [(about.st_mtime_ns, about.st_mode)] if stat.S_ISDIR(about.st_mode) else None
        for name in ("config.json", "worker", "alive", "events.jsonl") if looks else ():
            looks.append(_look(f"{folder}/{name}"))
    except OSError:
        return None
    return tuple(looks) if looks and looks[1] else None


def _look(path):
    try:
        about = os.lstat(path)
    except OSError:
        return None
    return about.st_mtime_ns, about.st_size


def _kept_brief(path, looks):
    known, run = _ended.get(path, (None, None))
    return run if known == looks else None


def _brief(folder, looks):
    """Id, state and config without a look at the queue."""
    living = life.lives(folder)  # first, as in read_run
    run = Run(folder.name, _state(folder, living, last_told(folder / "events.jsonl")), read_config(folder) or {})
    if run.ended:
        _ended[str(folder)] = looks, run
    return run


def outline(run_id, settings):
    """A run as read_run tells it, without the lines of its log; one that has ended is read once and
    kept.

    The pages that watch a run draw earlier ones behind it, every second.
    """
    folder = _folder(run_id, settings)
    return _outline(folder, looks_of(folder), settings)


@lru_cache(maxsize=512)
def _outline(folder, looks, settings):
    run = read_run(folder.name, settings)
    return replace(run, events=[event for event in run.events if event["event"] != "log"])


def _queue_ahead(folder, settings):
    """(place from 1, seconds until its turn) of a waiting run."""
    runs = list_runs(settings)
    waiting = _in_turn(runs, settings)
    place = next((number for number, run in enumerate(waiting, 1) if run.id == folder.name), 0)
    running = [read_run(run.id, settings) for run in runs if run.state in ("running", "stopping")]
    pace = next((pace for run in running if (pace := _pace(run))), SECONDS_A_PAIR)
    left = [_seconds_left(run, pace) for run in running]
    ahead = [_seconds_whole(run.config, pace) for run in waiting[: max(place - 1, 0)]]
    return place, sum(left + ahead) / max(settings.max_runs_at_once, 1)


# What a run is expected to take before one has been seen: measured with the embedded checkpoint on
# two cores.
SECONDS_A_PAIR, SECONDS_TO_START = 0.02, 8.0


def _pace(run):
    """Seconds that a pair takes in training, from the run's own log; None before its second step.
    """
    log = run.of("log")
    if len(log) < 2 or not run.config or log[-1]["step"] <= log[0]["step"]:
        return None
    step = (log[-1]["seconds"] - log[0]["seconds"]) / (log[-1]["step"] - log[0]["step"])
    return step / config_from(run.config).effective_batch_size


def _seconds_left(run, pace):
    if run.state == "stopping":
        return SECONDS_TO_START
    done, total, left = progress(run)
    whole = _seconds_whole(run.config, pace)
    return left if left is not None else whole * (1 - done / total if total else 1)


def _seconds_whole(config, pace):
    """A run from its turn to its end. Judging a pair takes about a third of learning from it."""
    config = config_from(config)
    steps = config.planned_steps(config.train_pairs)
    every = {"steps": steps // config.eval_steps, "epoch": config.epochs, "no": 0}[config.eval_strategy]
    return SECONDS_TO_START + pace * (steps * config.effective_batch_size + (2 + every) * config.eval_pairs / 3)


# ---------------------------------------------------------------- stopping and sweeping


def may_stop(run_id, secret, settings=None):
    """Whether `secret` is the one that start_run gave for this run."""
    owner = read_text(_folder(run_id, settings or Settings()) / "owner")
    if not isinstance(secret, str) or not secret or not owner:
        return False
    return secrets.compare_digest(owner.encode(), _digest(secret).encode())


def stop_run(run_id, secret, settings=None):
    """Ask a run to stop after its next step and keep what it has; asked twice, end its worker at
    once.

    A run that still waits leaves the queue, and its place is free.
    Raises InputError where `secret` isn't the one that start_run gave.
    """
    settings = settings or Settings()
    folder = _folder(run_id, settings)
    if not may_stop(run_id, secret, settings):
        raise InputError(say("Only the visitor who started this run can stop it."))
    with _alone(settings):  # else its turn could come between the look and the stop
        if read_run(run_id, settings).ended:
            return
        asked = folder / "stop"
        if not asked.exists():
            asked.touch()
        elif time.time() - modified(asked) >= settings.double_click_seconds:
            if _is_mine(folder):
                _end_hard(folder, _ended_by_request())
            else:
                asked.write_text(AT_ONCE)  # its own server looks every second


def _ended_by_request():
    return {"event": "stopped", "seconds": 0, "reason": say("It was ended at once by request; no "
                                                            "model was kept.")}


def _end_hard(folder, event):
    """Kill the worker; `event` stands as the last one, unless the worker has just told its own."""
    try:
        write_whole(folder / "ended", as_line(event))
    finally:  # on a full disk, too
        life.end(folder)


def sweep(settings=None):
    """Remove ended runs older than `max_run_age_seconds`, and some while they are more than
    `max_run_folders` or take more than
    `max_runs_bytes`: the oldest of the network address whose ended runs take most.

    A disk that something else has filled costs nobody a model: new runs are refused until there is
    room again.
    """
    settings = settings or Settings()
    if settings.runs_folder.is_dir():
        ended = [run.id for run in list_runs(settings) if run.ended and not _may_come_back(run, settings)]
        sweep_folder(settings.runs_folder, ended, settings)


def _may_come_back(run, settings):
    return run.state == "failed" and life.may_come_back(settings.runs_folder / run.id)


def _folder(run_id, settings):
    if not isinstance(run_id, str) or not RUN_ID.fullmatch(run_id):
        raise InputError(say("{run_id!r} is not a run's id, which is 32 hexadecimal digits. Copy "
                             "its link again.",
                             run_id=str(run_id)[:60]))
    return settings.runs_folder / run_id


def _digest(secret):
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


# ---------------------------------------------------------------- a run as data to draw


def curves(run):
    """{"train": {"loss": [(step, value), …]}, "evaluation": {"eval_loss": …, "eval_accuracy": …,
    "eval_f1": …}}.
    """
    evaluations = run.of("evaluation")
    names = ("eval_loss", *(f"eval_{name}" for name in METRICS))
    evaluation = {name: [(event["step"], event[name]) for event in evaluations if name in event] for name in names}
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


def closing(run):
    """Whether a run that hasn't ended has made its last step: what is left is to judge the model
    and to save it.
    """
    done, total, _left = progress(run)
    return run.state in ("running", "stopping") and (0 < total <= done or any(event.get("last") for event in run.of("log")))
