"""The queue: who may start a run, whose turn it is, and how long one waits."""

import hashlib
import shutil
from collections import Counter
from dataclasses import replace

from languages import say, say_plural
from pipeline.config import config_from
from pipeline.errors import InputError
from pipeline.runs.folder import address_of, modified, read_text, run_folder
from pipeline.runs.pace import expected_pace, run_seconds, seconds_left
from pipeline.runs.progress import Run, list_runs, read_folder
from pipeline.settings import Settings


def digest(text: str) -> str:
    """What a run's folder keeps of a secret, a browser's name or an address: its sha256."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def read_run(run_id: str, settings: Settings) -> Run:
    """The run of that id, with its place in the queue; one whose folder is gone has expired.
    Raises InputError for a malformed id.
    """
    run = read_folder(run_folder(run_id, settings))
    if run.state != "queued":
        return run
    place, wait = _place_and_wait(run, settings)
    return replace(run, place=place, wait=wait)


def in_turn(runs: list[Run], settings: Settings) -> list[Run]:
    """Those of `runs` that wait: the longest waiting of each network address first, then the second
    of each, and so on. What an address has started while the longest waiting waited counts, too:
    else its next run would be the first of it again each time.
    """
    folder = settings.runs_folder
    waiting = [run for run in runs if run.state == "queued"]
    since = min((modified(folder / run.id / "config.json") for run in waiting), default=0.0)
    of_address = Counter(
        address_of(folder / run.id)
        for run in runs
        if run.state != "queued" and modified(folder / run.id / "worker") > since
    )
    round_of = {}
    for run in waiting:
        address = address_of(folder / run.id)
        round_of[run.id] = of_address[address]
        of_address[address] += 1
    return sorted(waiting, key=lambda run: round_of[run.id])


def _place_and_wait(waiting: Run, settings: Settings) -> tuple[int, float]:
    """(place from 1, seconds until its turn) of a waiting run."""
    runs = list_runs(settings)
    ids = [run.id for run in in_turn(runs, settings)]
    place = ids.index(waiting.id) + 1 if waiting.id in ids else 0
    ahead = set(ids[: max(place - 1, 0)])
    seconds = 0.0
    for run in runs:
        if run.id in ahead:
            config = config_from(run.config)
            seconds += run_seconds(config, expected_pace(config, runs, settings))
        elif run.state in ("running", "stopping") and run.config:
            pace = expected_pace(config_from(run.config), runs, settings)
            seconds += seconds_left(read_folder(settings.runs_folder / run.id), pace) or 0.0
    return place, seconds / max(settings.max_runs_at_once, 1)


# ---------------------------------------------------------------- room for a new run


def check_room(settings: Settings, browser: str, address: str, wanted: int = 1) -> None:
    """Raise InputError where `wanted` more runs of this visitor would be too many for the queue,
    for one visitor or for the disk. browser, address: as start_run has them.
    """
    unfinished = [run for run in list_runs(settings) if not run.ended]
    waiting = sum(run.state == "queued" for run in unfinished)
    visitors = [
        read_text(settings.runs_folder / run.id / "visitor").split(" ") for run in unfinished
    ]
    _check_queue(settings, waiting, wanted)
    # A page names its browser, a program has no name and counts for its address alone
    if browser:
        theirs = sum(digest(browser) in digests for digests in visitors)
        _check_visitor(theirs, wanted, settings.max_runs_per_visitor, say("your browser"))
    elif address:
        theirs = sum(digest(address) in digests for digests in visitors)
        _check_visitor(theirs, wanted, settings.max_runs_per_address, say("your network address"))
    behind = sum(digest(address) in digests for digests in visitors) if address else 0
    _check_places_for_others(settings, waiting, behind if address else None, wanted)
    _check_disk(settings)


def _check_queue(settings: Settings, waiting: int, wanted: int) -> None:
    room = settings.max_runs_waiting - waiting
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


def _check_places_for_others(
    settings: Settings, waiting: int, behind: int | None, wanted: int
) -> None:
    """Whoever invents a browser for each run is still behind one address, as is a classroom.
    behind: unfinished runs of that address; None where it isn't known.
    """
    places = settings.places_for_others
    if behind is None or behind + wanted <= 1:
        return
    if waiting + wanted > settings.max_runs_waiting - places:
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
