"""The queue: who may start a run, whose turn it is, and how long one waits."""

import hashlib
import heapq
import math
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

from languages import say, say_plural
from pipeline.config import TrainingConfig, config_from
from pipeline.errors import InputError
from pipeline.runs.folder import address_of, modified, read_text, run_folder
from pipeline.runs.pace import (
    ALIKE,
    Pace,
    expected_pace,
    run_seconds,
    seconds_left_at,
    turnover,
    work,
)
from pipeline.runs.progress import Run, list_runs, look_at, read_folder
from pipeline.settings import Settings

NEXT = "next"  # no run's id is a word
GRID_FILE = "grid"  # in the folder of a run that a grid asked for (grid.py)
# Who had a run so lately isn't somebody who had none
HAD_ONE_SECONDS = 3600.0
# A look at the queue takes some 10 ms, and each page of those who wait asks every second
LOOK_SECONDS, MANY_WAIT = 1.0, 10
_looking = threading.Lock()
_looked: dict[Path, tuple[float, dict[str, float]]] = {}  # folder -> when a look began, its waits


def digest(text: str) -> str:
    """What a run's folder keeps of a secret, a browser's name or an address: its sha256."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


NOBODY = digest("")  # in place of a browser or an address that wasn't told


def read_run(run_id: str, settings: Settings) -> Run:
    """The run of that id, with its place in the queue; one whose folder is gone has expired.
    Raises InputError for a malformed id.
    """
    run = look_at(run_folder(run_id, settings))
    if run.state != "queued":
        return run
    begins = _waits_told(run_id, settings)
    place = list(begins).index(run_id) + 1 if run_id in begins else 0
    return replace(run, place=place, wait=begins.get(run_id, 0.0))


def _waits_told(run_id: str, settings: Settings) -> dict[str, float]:
    """`waits` for a page that asks each second: of a long queue one look a second serves all, and
    of those who ask at once one looks.
    """
    asked = time.monotonic()
    with _looking:
        when, begins = _looked.get(settings.runs_folder, (0.0, {}))
        serves = when >= asked or (asked - when < LOOK_SECONDS and len(begins) > MANY_WAIT)
        if not serves or run_id not in begins:
            began = time.monotonic()
            begins = waits(list_runs(settings), settings)
            _looked[settings.runs_folder] = began, begins
    return begins


def visitor_of(folder: Path) -> str:
    """For whom a run counts: a digest of the browser's name, of the network address of a program,
    which has no name, or "" for nobody's run.
    """
    browser, _space, address = read_text(folder / "visitor").partition(" ")
    if browser != NOBODY:
        return browser
    return f"program {address}" if address != NOBODY else ""


def is_of_grid(folder: Path) -> bool:
    """Whether a grid asked for the run of this folder, and not somebody for this one run."""
    return (folder / GRID_FILE).exists()


def in_turn(runs: list[Run], settings: Settings) -> list[Run]:
    """Those of `runs`, which list_runs gives, that wait, in the order of their turns.

    Turns go round the visitors: a run waits behind every first run, if its visitor had another that
    waited or ran when it was asked for; with two others, behind every second one. Of the first
    ones, short runs of visitors who had none within the hour go before the rest. Who has waited for
    `overtaken_seconds` is overtaken by nobody any more.

    Runs of grids wait behind all single runs, however long, and take turns among themselves.

    All that is decided by what was there when a run was asked for, so a place changes only with
    runs that start, come or go.
    """
    folder, now = settings.runs_folder, time.time()
    # (visitor, whether of a grid) -> when each earlier run of theirs had ended
    over: dict[tuple[str, bool], list[float]] = {}
    keys: dict[str, tuple] = {}
    for run in runs:
        visitor, of_grid = visitor_of(folder / run.id), is_of_grid(folder / run.id)
        earlier = over.setdefault((visitor, of_grid), []) if visitor else []
        if run.state == "queued":
            asked = modified(folder / run.id / "config.json")
            behind = sum(ended > asked for ended in earlier)
            had_one = not visitor or any(ended > asked - HAD_ONE_SECONDS for ended in earlier)
            is_short = work(config_from(run.config)) <= settings.short_run_pairs
            if of_grid:
                keys[run.id] = 2, behind, False
            elif now - asked > settings.overtaken_seconds:
                keys[run.id] = 0, 0, False
            else:
                keys[run.id] = 1, behind, had_one or not is_short
        earlier.append(_ended_at(run, folder / run.id))
    waiting = [run for run in runs if run.id in keys]
    return sorted(waiting, key=lambda run: keys[run.id])


def _ended_at(run: Run, folder: Path) -> float:
    """When a run's last event was written; 0.0 for one that left the queue, or never was one."""
    return modified(folder / "events.jsonl") if run.ended else math.inf


def waits(runs: list[Run], settings: Settings) -> dict[str, float]:
    """{id of a waiting run: seconds until its turn}, in the order of the turns; under NEXT those of
    a single run that would be asked for now and be the last of these. runs: as list_runs gives
    them.
    """
    paces: dict[tuple, Pace] = {}

    def pace_of(config: TrainingConfig) -> Pace:
        kind = (config.checkpoint, *(getattr(config, name) for name in ALIKE))
        if kind not in paces:
            paces[kind] = expected_pace(config, runs, settings)
        return paces[kind]

    def left(run: Run) -> float:
        folder = settings.runs_folder / run.id
        elapsed = time.time() - modified(folder / "worker")
        return seconds_left_at(read_folder(folder), pace_of(config_from(run.config)), elapsed)

    training = [run for run in runs if run.state in ("running", "stopping") and run.config]
    places = max(settings.max_runs_at_once, 1)
    turn = turnover(runs, settings)
    # When each place is free again
    free = sorted((left(run) + turn for run in training), reverse=True)[:places]
    free += [0.0] * (places - len(free))
    heapq.heapify(free)
    begins: dict[str, float] = {}
    next_begins = None
    for run in in_turn(runs, settings):
        if next_begins is None and is_of_grid(settings.runs_folder / run.id):
            next_begins = free[0]
        begins[run.id] = heapq.heappop(free)
        config = config_from(run.config)
        heapq.heappush(free, begins[run.id] + run_seconds(config, pace_of(config)) + turn)
    return {**begins, NEXT: free[0] if next_begins is None else next_begins}


# ---------------------------------------------------------------- room for a new run


def check_room(settings: Settings, browser: str, address: str, wanted: int = 1) -> None:
    """Raise InputError where `wanted` more single runs of this visitor would be too many for the
    queue, for one visitor or for the disk. browser, address: as start_run has them.
    """
    folder = settings.runs_folder
    unfinished, _of_grids = _unfinished(settings)
    waiting = sum(run.state == "queued" for run in unfinished)
    visitors = [visitor_of(folder / run.id) for run in unfinished]
    # A page names its browser, a program has no name and counts for its address alone
    if browser:
        theirs, most = visitors.count(digest(browser)), settings.max_runs_per_visitor
    else:
        theirs, most = visitors.count(f"program {digest(address)}"), settings.max_runs_per_address
    is_known = bool(browser or address)
    _check_queue(settings, waiting, wanted, is_first=is_known and theirs + wanted == 1)
    if is_known:
        whose = say("your browser") if browser else say("your network address")
        _check_visitor(theirs, wanted, most, whose)
    if address:
        addresses = [address_of(folder / run.id) for run in unfinished]
        _check_places_for_others(settings, waiting, addresses.count(digest(address)), wanted)
    _check_disk(settings)


def check_room_for_grid(settings: Settings, browser: str, wanted: int) -> None:
    """Raise InputError where a grid of `wanted` runs is too much: this visitor has one that hasn't
    ended, or there is no room for its runs. browser: as start_run has it.
    """
    folder = settings.runs_folder
    _single, of_grids = _unfinished(settings)
    if any(visitor_of(folder / run.id) == digest(browser) for run in of_grids):
        raise InputError(
            say(
                "A grid of your browser hasn't ended yet, and one at a time is the limit. Wait "
                "until it has ended, or stop it."
            )
        )
    room = settings.max_grid_runs_waiting - sum(run.state == "queued" for run in of_grids)
    if wanted > room:
        raise InputError(
            say(
                "This grid has {wanted} runs, and beside the grids that wait already there is "
                "room for {room}. Choose fewer values, or try again in a few minutes.",
                wanted=wanted,
                room=max(room, 0),
            )
        )
    _check_disk(settings)


def _unfinished(settings: Settings) -> tuple[list[Run], list[Run]]:
    """(single runs, runs of grids) that wait or run."""
    single: list[Run] = []
    of_grids: list[Run] = []
    for run in list_runs(settings):
        if not run.ended:
            is_grids = is_of_grid(settings.runs_folder / run.id)
            (of_grids if is_grids else single).append(run)
    return single, of_grids


def _check_queue(settings: Settings, waiting: int, wanted: int, is_first: bool) -> None:
    """is_first: whether one run is wanted, of a visitor who has none that waits or runs."""
    most = settings.max_first_runs_waiting if is_first else settings.max_runs_waiting
    room = most - waiting
    if wanted <= room:
        return
    limit = (
        say("the limit of this server")
        if room <= 0
        else say("and the queue has room for only {room} more", room=room)
    )
    raise InputError(
        say_plural(
            "{count} run is waiting already, {said}. Try again in a few minutes.",
            "{count} runs are waiting already, {said}. Try again in a few minutes.",
            waiting,
            said=limit,
        )
    )


def _check_visitor(theirs: int, wanted: int, most: int, whose: str) -> None:
    if theirs + wanted <= most:
        return
    limit = (
        say("which is the limit")
        if wanted == 1
        else say("and {wanted} more would exceed the limit of {most}", wanted=wanted, most=most)
    )
    raise InputError(
        say_plural(
            "{count} run of {whose} is waiting or running already, {said}. Wait until it "
            "has ended, or stop it.",
            "{count} runs of {whose} are waiting or running already, {said}. Wait until "
            "one has ended, or stop one.",
            theirs,
            whose=whose,
            said=limit,
        )
    )


def _check_places_for_others(settings: Settings, waiting: int, behind: int, wanted: int) -> None:
    """Whoever invents a browser for each run is still behind one address, as is a classroom.
    behind: unfinished runs of that address.
    """
    places = settings.places_for_others
    if behind + wanted <= 1:
        return
    if waiting + wanted > settings.max_first_runs_waiting - places:
        raise InputError(
            say(
                "The last {places} places of the queue are reserved for network addresses that "
                "have no run yet, one each. Your address has {behind}, and {wanted} more would "
                "take these places. Try again when a run has ended.",
                places=places,
                behind=behind,
                wanted=wanted,
            )
        )


def _check_disk(settings: Settings) -> None:
    free = shutil.disk_usage(settings.runs_folder).free
    if free < settings.min_free_bytes:
        raise InputError(
            say(
                "This server's disk has {free:.1f} GB left, and a run needs up to "
                "{min_free_bytes:.1f} GB. Try again when older runs have expired.",
                free=free / 2**30,
                min_free_bytes=settings.min_free_bytes / 2**30,
            )
        )
