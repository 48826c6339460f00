"""Starts the workers of runs in their turn, looks after them, and ends them.

run_id, secret = start_run(TrainingConfig(max_steps=10), settings)
stop_run(run_id, secret, settings)
"""

import itertools
import json
import logging
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from languages import say
from pipeline.config import TrainingConfig
from pipeline.errors import InputError
from pipeline.hub.isolated import ask
from pipeline.hub.sources import is_bundled
from pipeline.runs import liveness
from pipeline.runs.cleanup import remove, sweep
from pipeline.runs.executors import executor_of
from pipeline.runs.folder import as_line, last_event, modified, read_text, run_folder, write_whole
from pipeline.runs.names import drawn_id
from pipeline.runs.own_pair import OwnPair, write_pair
from pipeline.runs.progress import Run, list_runs, read_folder
from pipeline.runs.queue import GRID_FILE, check_room, check_room_for_grid, digest, in_turn
from pipeline.runs.same import CURVE_FILE, curve_of, same_run
from pipeline.settings import ADAPTERS, CHECKPOINTS, Settings
from pipeline.task import is_own, task_named
from pipeline.training import check_start, check_task

try:
    import fcntl
except ImportError:  # Windows: one server a folder, then
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger(__name__)
CHECKS_PER_SWEEP = 60  # a check a second
permanent: set[Path] = set()  # folders that are looked after also while no run is unfinished
_lock = threading.Lock()
_supervisors: dict[Path, threading.Thread] = {}  # runs folder -> who looks after its runs


# ---------------------------------------------------------------- starting


def start_run(
    config: TrainingConfig,
    settings: Settings,
    browser: str = "",
    address: str = "",
    own_pair: OwnPair | None = None,
    joining: Mapping[str, object] | None = None,
) -> tuple[str, str]:
    """(id, secret) of a new run; it starts now, or as soon as its turn comes. The secret may stop
    it.

    browser, address: whom the run counts for, as opaque texts; "" counts for nobody. own_pair: the
    visitor's, which the run judges at each evaluation. joining: the runs that the visitor may stop,
    {id: secret}, {} for none. Where it is given and the same run is there already, that run's id is
    returned, its secret is "", and nothing is started.
    Raises InputError for a config out of bounds, a queue or a disk that is full, or too many runs
    of one visitor.
    """
    return start_runs([config], settings, browser, address, own_pair, joining)[0]


def start_runs(
    configs: list[TrainingConfig],
    settings: Settings,
    browser: str = "",
    address: str = "",
    own_pair: OwnPair | None = None,
    joining: Mapping[str, object] | None = None,
    grid: tuple[str, str] | None = None,
) -> list[tuple[str, str]]:
    """[(id, secret), …] of as many new runs: all of them, one after the other, or none. As
    start_run.

    grid: where a grid asks for them, (what each run's folder keeps of it, the one secret of all).
    """
    configs = [config.checked(settings) for config in configs]

    def there(config: TrainingConfig) -> str:
        return "" if joining is None else joined_run(config, settings, joining)

    ids = [there(config) for config in configs]
    for config, run_id in zip(configs, ids, strict=True):
        if not run_id:
            _check_start(config, settings)
    if all(ids):
        return [(run_id, "") for run_id in ids]
    started, made = [], []
    try:
        sweep(settings)
        with _locked(settings):  # of those who ask for the same at once, one starts it
            ids = [run_id or there(config) for run_id, config in zip(ids, configs, strict=True)]
            if wanted := ids.count(""):
                if grid:
                    check_room_for_grid(settings, browser, wanted)
                else:
                    check_room(settings, browser, address, wanted)
            taken = {run.id for run in list_runs(settings)}
            for config, run_id in zip(configs, ids, strict=True):
                secret = ""
                if not run_id:
                    secret = grid[1] if grid else secrets.token_urlsafe(24)
                    run_id = drawn_id(taken)
                    taken.add(run_id)
                    folder = settings.runs_folder / run_id
                    made.append(folder)
                    kept = grid[0] if grid else ""
                    _make_folder(folder, config, settings, secret, browser, address, own_pair, kept)
                started.append((run_id, secret))
        advance(settings)
    except OSError as error:
        for folder in made:
            remove(folder)
        log.error("a run that can't be written", exc_info=error)
        raise InputError(
            say(
                "This server can't save a new run; its disk may be full. Try again in a few "
                "minutes."
            )
        ) from error
    return started


def joined_run(config: TrainingConfig, settings: Settings, joining: Mapping[str, object]) -> str:
    """The id of the run that start_run would join, "" where it would start one. joining: as it has
    it. Raises InputError for a config out of bounds.
    """
    config, runs = config.checked(settings), list_runs(settings)
    owned = None
    if is_own(config.task_name):
        owned = {run.id: may_stop(run.id, joining.get(run.id), settings) for run in runs}
    return same_run(config, runs, settings, owned)


def _check_start(config: TrainingConfig, settings: Settings) -> None:
    """Raises InputError where a run of a checked config couldn't start."""
    _check_hardware(config, settings)
    task = task_named(config.task_name, settings)
    check_task(config, task, settings)
    if not is_bundled(config.checkpoint):
        ask(config.checkpoint, check_start, config, task.labels, settings=settings)


def _check_hardware(config: TrainingConfig, settings: Settings) -> None:
    """On ZeroGPU a run is forked from the server itself, where no stranger's checkpoint is
    opened.
    """
    if settings.executor == "zero_gpu" and config.checkpoint not in (*CHECKPOINTS, *ADAPTERS):
        raise InputError(
            say(
                "On this Space a run starts from one of {names}. Choose one, or duplicate the "
                "Space on other hardware to start from {checkpoint}.",
                names=", ".join((*ADAPTERS, *CHECKPOINTS)),
                checkpoint=config.checkpoint,
            )
        )


def _make_folder(
    folder: Path,
    config: TrainingConfig,
    settings: Settings,
    secret: str,
    browser: str,
    address: str,
    own_pair: OwnPair | None,
    grid: str,
) -> None:
    folder.mkdir(parents=True)
    (folder / "owner").write_text(digest(secret))
    (folder / "visitor").write_text(f"{digest(browser)} {digest(address)}")
    (folder / CURVE_FILE).write_text(curve_of(config, settings))
    if own_pair:
        write_pair(folder, own_pair)
    if grid:
        (folder / GRID_FILE).write_text(grid)
    # Last, and in one move: a folder without config.json is not yet a run
    write_whole(folder / "config.json", json.dumps(asdict(config)))


def advance(settings: Settings) -> None:
    """Start waiting runs, in their turn, while fewer than `max_runs_at_once` are running."""
    with _locked(settings):
        runs = list_runs(settings)
        free = settings.max_runs_at_once - len(_training(runs))
        for run in in_turn(runs, settings)[: max(free, 0)]:
            folder = settings.runs_folder / run.id
            liveness.register(folder, executor_of(settings).start(folder, settings))
        if settings.max_runs_at_once > 0 and not all(run.ended for run in list_runs(settings)):
            _ensure_supervisor(settings)


def _training(runs: list[Run]) -> list[Run]:
    return [run for run in runs if run.state in ("running", "stopping")]


@contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    """One thread of one server at a time: a server that is just ending may share the folder with
    its successor.
    """
    with _lock:
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


# ---------------------------------------------------------------- looking after


def start_supervisor(settings: Settings) -> None:
    """What a server does once, when it starts: go on with the runs of the one before it, and get
    ready for the next.
    """
    executor = executor_of(settings)
    executor.keep_ready()
    with _locked(settings):
        permanent.add(settings.runs_folder)
        _ensure_supervisor(settings)
    executor.warm_up(settings)


def _ensure_supervisor(settings: Settings) -> None:
    folder = settings.runs_folder
    if folder not in _supervisors:
        _supervisors[folder] = threading.Thread(
            target=_supervise, args=(settings,), daemon=True, name=f"runs in {folder}"
        )
        _supervisors[folder].start()


def _supervise(settings: Settings) -> None:
    """Look after a folder of runs, also of those that a server before this one started: for good
    once start_supervisor was called, else until none is unfinished.
    """
    for number in itertools.count():
        if not check_runs(settings, sweeps=number % CHECKS_PER_SWEEP == 0):
            return
        liveness.wait_for_a_worker(settings.runs_folder)


def check_runs(settings: Settings, sweeps: bool = False) -> bool:
    """End what takes too long, start what has its turn; whether there is more to look after."""
    try:
        runs = list_runs(settings)
        _check_workers(_training(runs), settings)
        if sweeps:
            sweep(settings)
        if not all(run.ended for run in runs):
            advance(settings)
        with _locked(settings):
            if settings.runs_folder in permanent:
                return True
            if not all(run.ended for run in list_runs(settings)):
                return True
            _supervisors.pop(settings.runs_folder, None)
            return False
    except Exception:  # a full disk, say: the next check may find it better, and nobody else looks
        log.exception("runs in %s", settings.runs_folder)
        return True


def _check_workers(training: list[Run], settings: Settings) -> None:
    """End the runs that train for too long, and get ready for the next."""
    folders = [settings.runs_folder / run.id for run in training]
    # The next run's process gets ready while this one trains, but not while it is on its way to its
    # first step
    if all(_has_stepped(folder) for folder in folders):
        executor_of(settings).renew()
    most = settings.max_run_seconds + settings.max_overtime_seconds
    for folder in folders:
        if time.time() - modified(folder / "worker") > most:
            message = say(
                "This run exceeded the limit of {most:g} s and was stopped. Choose fewer steps.",
                most=most,
            )
            _end(folder, {"event": "failed", "seconds": most, "message": message})


def _has_stepped(folder: Path) -> bool:
    return (last_event(folder / "events.jsonl") or {}).get("step", 0) > 0


# ---------------------------------------------------------------- stopping


def may_stop(run_id: str, secret: object, settings: Settings) -> bool:
    """Whether `secret` is the one that start_run gave for this run."""
    owner = read_text(run_folder(run_id, settings) / "owner")
    if not isinstance(secret, str) or not secret or not owner:
        return False
    return secrets.compare_digest(owner.encode(), digest(secret).encode())


def stop_run(run_id: str, secret: str | None, settings: Settings) -> None:
    """Ask a run to stop after its next step and keep what it has; asked twice, end its worker at
    once.

    A run that still waits leaves the queue, and its place is free.
    Raises InputError where `secret` isn't the one that start_run gave.
    """
    if not may_stop(run_id, secret, settings):
        raise InputError(say("Only the visitor who started this run can stop it."))
    stop_for_another(run_id, settings)


def stop_for_another(run_id: str, settings: Settings) -> None:
    """As stop_run, for a caller who has checked by what right: a teacher stops a pupil's run
    (pipeline/classes/stopping.py).
    """
    folder = run_folder(run_id, settings)
    with _locked(settings):  # else its turn could come between the look and the stop
        if read_folder(folder).ended:
            return
        asked = folder / "stop"
        if not asked.exists():
            asked.touch()
        elif time.time() - modified(asked) >= settings.double_click_seconds:
            reason = say("It was stopped at once by request; no model was saved.")
            _end(folder, {"event": "stopped", "seconds": 0, "reason": reason})


def _end(folder: Path, event: dict) -> None:
    """Kill the worker; `event` stands as the last one, unless the worker has just written one."""
    try:
        write_whole(folder / "ended", as_line(event))
    finally:  # on a full disk, too
        liveness.kill(folder)
