"""python -m benchmarks.queue [--runs 30] [--steps 6]: so many visitors press Start at once.

Each has settings of their own (another seed), so that none joins another's run, and all are behind
one address. Three runs before them, one behind the other, show this machine's pace. While the
queue is worked off, the wait told at each place is noted every second, and compared with the time
at which the run did start. What thirty runs of 60 steps would take is computed from one such run.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from pipeline.config import TrainingConfig
from pipeline.runs.executors import executor_of
from pipeline.runs.folder import modified
from pipeline.runs.pace import expected_pace, run_seconds
from pipeline.runs.progress import list_runs, read_folder
from pipeline.runs.queue import NEXT, read_run, waits
from pipeline.runs.supervisor import start_run, start_supervisor
from pipeline.settings import Settings

CLASS = 30
SIXTY = TrainingConfig(max_steps=60)


def trained(config: TrainingConfig, settings: Settings) -> tuple[str, float]:
    """(id, seconds from the press to the end) of a run with the queue for itself."""
    began = time.monotonic()
    run_id, _secret = start_run(config, settings)
    while not (run := read_run(run_id, settings)).ended:
        time.sleep(0.2)
    assert run.state == "done", run.events[-1]
    return run_id, time.monotonic() - began


def pressed(config: TrainingConfig, runs: int, settings: Settings) -> list[str]:
    """The ids of runs that as many visitors of one address have asked for at once."""

    def press(number: int) -> str:
        seeded = replace(config, seed=number)
        return start_run(seeded, settings, f"{number}", "a classroom", joining={})[0]

    with ThreadPoolExecutor(runs) as pool:
        return list(pool.map(press, range(runs)))


def watched(ids: list[str], settings: Settings) -> list[tuple[float, str, dict[str, float]]]:
    """[(when, the run that trains, {waiting run: told seconds, in the order of the turns})], each
    second until all have ended.
    """
    seen = []
    while True:
        runs = {run.id: run for run in list_runs(settings) if run.id in ids}
        if all(run.ended for run in runs.values()):
            return seen
        training = next((run.id for run in runs.values() if run.state == "running"), "")
        told = waits(list_runs(settings), settings)
        told.pop(NEXT)
        seen.append((time.time(), training, told))
        time.sleep(1.0)


def rises(seen: list[tuple[float, str, dict[str, float]]]) -> list[float]:
    """How far the wait told for one run rose from a look to the next while the same run trained, in
    seconds.
    """
    return [
        after[run_id] - before[run_id]
        for (_, one, before), (_, other, after) in zip(seen, seen[1:], strict=False)
        if one and one == other
        for run_id in after
        if run_id in before and after[run_id] > before[run_id]
    ]


def rows(runs: int = CLASS, steps: int = 6) -> Iterator[tuple[str, str, str]]:
    """(what, measured, target) for the table."""
    settings = replace(Settings(), runs_folder=Path(tempfile.mkdtemp()))
    start_supervisor(settings)
    while not _is_ready(settings):
        time.sleep(1.0)
    config = replace(SIXTY, max_steps=steps, eval_pairs=16, eval_strategy="no", batch_size=8)
    watched(pressed(replace(config, learning_rate=1e-4), 3, settings), settings)
    began = time.time()
    ids = pressed(config, runs, settings)
    took = time.time() - began
    yield f"{runs} press Start at once", f"0 refused, {took:.1f} s", "0 refused"
    seen = watched(ids, settings)
    turn = {run_id: modified(settings.runs_folder / run_id / "worker") for run_id in ids}
    order = list(seen[0][2])
    in_order = order == sorted(order, key=turn.__getitem__)
    yield "they start in the order first told", "yes" if in_order else "no", "yes"
    last = order[-1]
    told, was = seen[0][2][last], turn[last] - seen[0][0]
    yield "wait of the last, first told and true", f"{told:.0f} s, {was:.0f} s", "alike"
    apart = [
        abs(seconds - (turn[run_id] - when)) / (turn[run_id] - when)
        for when, _training, waiting in seen
        for run_id, seconds in waiting.items()
        if turn[run_id] - when > 10
    ]
    yield (
        f"told against true, {len(apart)} looks, median",
        f"{statistics.median(apart):.0%} apart",
        "",
    )
    yield "largest rise of a wait within a run", f"{max(rises(seen), default=0.0):.1f} s", "0"
    _run_id, seconds = trained(SIXTY, settings)
    yield "a run of 60 steps, from click to result", f"{seconds:.0f} s", ""
    pace = expected_pace(SIXTY, list_runs(settings), settings)
    expected = run_seconds(SIXTY, pace, eval_pairs=_eval_pairs(_run_id, settings))
    yield (
        f"wait of the last of {CLASS} such runs",
        f"{(CLASS - 1) * seconds / 60:.0f} min",
        f"told beforehand: {(CLASS - 1) * expected / 60:.0f} min",
    )


def _is_ready(settings: Settings) -> bool:
    spare = getattr(executor_of(settings), "spare", None)
    return spare is None or spare.is_ready()


def _eval_pairs(run_id: str, settings: Settings) -> int | None:
    start = read_folder(settings.runs_folder / run_id).first("start")
    return start["eval_pairs"] if start else None


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.queue", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--runs", type=int, default=CLASS)
    parser.add_argument("--steps", type=int, default=6)
    options = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    for what, figure, target in rows(options.runs, options.steps):
        print(f"{what:44}{figure:>26}   {target}", flush=True)


if __name__ == "__main__":
    main()
