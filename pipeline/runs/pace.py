"""How long runs take: the one estimate that the form, the queue and a run's status are told from.

>>> config = TrainingConfig(train_pairs=32, eval_pairs=10, batch_size=8, max_steps=4, eval_steps=2,
...                         train_eval_pairs=0)
>>> run_seconds(config, Pace(start=5.0, pair=0.5, judged=0.1, source="measured"))
24.0
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from statistics import median

from languages import say
from pipeline.config import TrainingConfig, config_from
from pipeline.runs.folder import modified
from pipeline.runs.progress import Run, looks_of, progress, read_folder
from pipeline.settings import Settings

# Before a run was seen: measured with the embedded checkpoint on two quiet cores, all layers
# learning, with a spare worker. Evaluating a pair takes about a third of learning from it.
SECONDS_A_PAIR, SECONDS_TO_START, JUDGED_OF_PAIR = 0.012, 3.0, 1 / 3
# A run's pace is that of the machine in its minute: other runs, other visitors. The median of a few
# is steadier.
RUNS_LOOKED_AT, RUNS_TAKEN, STEPS_NEEDED = 12, 5, 5
# From a run's last event to the next one's turn: its process ends, the server notices. Before it
# was seen here, and of how many turns the median is taken
TURNOVER_SECONDS, TURNS_TAKEN = 0.8, 5
# What a step's time depends on beside the checkpoint
ALIKE = ("method", "frozen_layers", "precision", "batch_size")


@dataclass(frozen=True)
class Pace:
    """Seconds for all but learning and judging, most of them before the first event, for a pair in
    training, and for a pair judged; `source` says where they are from.

    peak_bytes: the most memory that runs took here that were alike in all that memory depends on,
    where they told; peak_source: what that is.
    """

    start: float
    pair: float
    judged: float
    source: str
    peak_bytes: int | None = None
    peak_source: str = ""


# ---------------------------------------------------------------- from a pace to seconds


def evaluations_of(config: TrainingConfig, steps: int, per_epoch: int) -> int:
    """How often a run evaluates: before its first step, as asked, and after its last step if that
    wasn't evaluated yet.
    """
    every = {"steps": config.eval_steps, "epoch": per_epoch, "no": steps + 1}[config.eval_strategy]
    return 1 + steps // every + (1 if steps % every else 0)


def run_seconds(
    config: TrainingConfig,
    pace: Pace,
    pairs: int | None = None,
    eval_pairs: int | None = None,
) -> float:
    """Seconds of a run from its turn to its end. pairs, eval_pairs: those that there are, the
    copies that join them included, where that may be fewer than the config asks for.
    """
    if pairs is None:
        pairs = config.train_pairs + config.joined_by(config.train_pairs)
    eval_pairs = config.eval_pairs if eval_pairs is None else eval_pairs
    steps, per_epoch = config.planned_steps(pairs), config.steps_per_epoch(pairs)
    learning = pace.pair * steps * config.effective_batch_size
    judged = config.judged_pairs(pairs, eval_pairs)
    judging = pace.judged * evaluations_of(config, steps, per_epoch) * judged
    if config.changed_share:  # copies of the validation pairs, about half as many, before and after
        judging += pace.judged * eval_pairs
    return pace.start + learning + judging


def work(config: TrainingConfig) -> float:
    """How much a run computes, in pairs learned: one that is judged counts a third.

    >>> work(TrainingConfig(max_steps=60, eval_steps=30, eval_pairs=336))
    1360.0
    """
    return run_seconds(config, Pace(start=0.0, pair=1.0, judged=JUDGED_OF_PAIR, source=""))


def seconds_left(run: Run) -> float | None:
    """Seconds until a running run's end, at its own pace; None before its fifth step, when there is
    none.
    """
    pace = measured_pace(run)
    return seconds_left_at(run, pace) if pace else None


def seconds_left_at(run: Run, pace: Pace, elapsed: float = 0.0) -> float:
    """Seconds until a running run's end at a given pace, by what it has still to do: as long as the
    pace stays, it never rises. elapsed: seconds since its turn.
    """
    config, start = config_from(run.config), run.first("start")
    if not start:
        return run_seconds(config, pace) - min(max(elapsed, 0.0), pace.start)
    done, total = progress(run)
    per_epoch = start.get("steps_per_epoch") or config.steps_per_epoch(config.train_pairs)
    evaluations = evaluations_of(config, total, per_epoch) - len(run.of("evaluation"))
    if run.state == "stopping":  # the step that it is in, and the last evaluation
        total, evaluations = done, 1
    learning = pace.pair * (total - done) * config.effective_batch_size
    return learning + pace.judged * max(evaluations, 0) * _judged_pairs(config, start)


def _judged_pairs(config: TrainingConfig, start: dict) -> int:
    """Pairs of an evaluation, as a run's start tells them: an old run judged no training pairs."""
    return (start.get("eval_pairs") or config.eval_pairs) + (start.get("train_sample") or 0)


# ---------------------------------------------------------------- from runs to a pace


def measured_pace(run: Run) -> Pace | None:
    """Pace out of a run's own events; None where there are too few.

    Single steps vary, and one of them may have waited for an evaluation: the median of the gaps is
    taken.
    """
    start, log = run.first("start"), run.of("log")
    gaps = [
        later["seconds"] - earlier["seconds"]
        for earlier, later in zip(log, log[1:], strict=False)
        if later["step"] == earlier["step"] + 1
    ]
    if not start or len(gaps) < STEPS_NEEDED - 1 or not run.config:
        return None
    pair = median(gaps) / config_from(run.config).effective_batch_size
    judged = _judging(run.events, _judged_pairs(config_from(run.config), start))
    end = run.first(run.state) if run.ended else None
    return Pace(
        start["seconds"],
        pair,
        pair * JUDGED_OF_PAIR if judged is None else judged,
        "",
        (end or {}).get("peak_bytes"),
    )


def _judging(events: list[dict], pairs: int) -> float | None:
    """Seconds a pair of an evaluation between two steps; the very first may have been remembered
    from another run.
    """
    times = [
        after["seconds"] - before["seconds"]
        for before, after in zip(events, events[1:], strict=False)
        if (before["event"], after["event"]) == ("log", "evaluation")
    ]
    return median(times) / pairs if times else None


def expected_pace(
    config: TrainingConfig, runs: list[Run], settings: Settings, times: float = 1.0
) -> Pace:
    """The median pace of the newest of `runs`, which list_runs gives, that have ended and are most
    like this one, or of those that run, or a stated estimate. times: how much more this run's model
    computes for a pair than the embedded checkpoint, for which that estimate was measured.

    The pace of a run that goes on changes with each step, and a wait told from it swings.
    """
    runs = [run for run in reversed(runs) if run.config.get("checkpoint") == config.checkpoint]
    for states in (("done", "stopped"), ("running", "stopping")):
        looked_at = [run for run in runs if run.state in states][:RUNS_LOOKED_AT]
        for likeness in sorted({_likeness(run, config) for run in looked_at}, reverse=True):
            alike = [run for run in looked_at if _likeness(run, config) == likeness]
            paces = ((run, _pace_in(settings.runs_folder / run.id)) for run in alike)
            if measured := [(run, pace) for run, pace in paces if pace][:RUNS_TAKEN]:
                return _median_pace(measured, config)
    return _estimate(times)


def turnover(runs: list[Run], settings: Settings) -> float:
    """Seconds from a run's last event to the turn of the next, where one was waiting: the median of
    the last few turns. It is a seventh of what a run of a few steps is waited for.
    """
    folders = [settings.runs_folder / run.id for run in runs]
    turns = sorted((began, path) for path in folders if (began := modified(path / "worker")))
    gaps = []
    for (_, ended), (began, path) in zip(turns, turns[1:], strict=False):
        end = modified(ended / "events.jsonl")
        if 0.0 < end <= began and modified(path / "config.json") < end:
            gaps.append(began - end)
    return median(gaps[-TURNS_TAKEN:]) if gaps else TURNOVER_SECONDS


def _pace_in(folder: Path) -> Pace | None:
    return _known_pace(folder, looks_of(folder))


@lru_cache(maxsize=512)
def _known_pace(folder: Path, looks: tuple | None) -> Pace | None:
    run = read_folder(folder)
    pace = measured_pace(run)
    began = modified(folder / "worker")
    if not pace or not run.ended or not began:
        return pace
    # A worker's clock starts when it has imported all; what comes before and after its steps is
    # waited for as well
    took = modified(folder / "events.jsonl") - began
    known = (run.first("start") or {}).get("eval_pairs")
    at_work = run_seconds(config_from(run.config), replace(pace, start=0.0), eval_pairs=known)
    return replace(pace, start=max(pace.start, took - at_work))


def _estimate(times: float) -> Pace:
    pair = SECONDS_A_PAIR * times
    how = say(
        "{seconds:g} s per pair with the embedded checkpoint",
        seconds=SECONDS_A_PAIR,
    )
    if abs(times - 1) > 0.05:
        how = say(
            "{seconds:g} s per pair with the embedded checkpoint, × {times:.2g} for the layers "
            "that run and learn here",
            seconds=SECONDS_A_PAIR,
            times=times,
        )
    source = say(
        "an estimate (no run from this checkpoint has been measured here yet): {how}", how=how
    )
    return Pace(SECONDS_TO_START, pair, pair * JUDGED_OF_PAIR, source)


def _median_pace(measured: list[tuple[Run, Pace]], config: TrainingConfig) -> Pace:
    """[(run, its Pace), …], all equally like this one -> one Pace."""
    same = _names(
        "checkpoint",
        *(name for name in ALIKE if all(_is_alike(run, config, name) for run, _ in measured)),
    )
    count = len(measured)
    source = (
        say("measured here: an earlier run with the same {names}", names=same)
        if count == 1
        else say(
            "measured here: the median of {count} earlier runs with the same {names}",
            count=count,
            names=same,
        )
    )
    start, pair, judged = (
        median(getattr(pace, name) for _, pace in measured) for name in ("start", "pair", "judged")
    )
    needed = (*ALIKE, "max_length")
    peaks = [
        pace.peak_bytes
        for run, pace in measured
        if pace.peak_bytes and all(_is_alike(run, config, name) for name in needed)
    ]
    if not peaks:
        return Pace(start, pair, judged, source)
    known = say(
        "measured here: the maximum of earlier runs with the same {names}",
        names=_names("checkpoint", *needed),
    )
    return Pace(start, pair, judged, source, max(peaks), known)


def _likeness(run: Run, config: TrainingConfig) -> int:
    return sum(_is_alike(run, config, name) for name in ALIKE)


def _is_alike(run: Run, config: TrainingConfig, name: str) -> bool:
    return run.config.get(name) == getattr(config, name)


def _names(*names: str) -> str:
    return ", ".join(names)
