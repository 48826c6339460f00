"""What a grid has found: each cell's accuracy, and how much of the differences is chance.

Two things are chance: the seed, and which pairs there are to judge by. How far the seed takes the
accuracy is measured, in one cell. The pairs are the same in all cells, so what counts is on how
many of them just one of two models is right:

>>> paired_error([True] * 90 + [False] * 10, [True] * 80 + [False] * 20)
0.03
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import stdev

from pipeline.config import TrainingConfig
from pipeline.explain.evidence import standard_error
from pipeline.explain.what_changed import read_judgement
from pipeline.metrics import f1_in
from pipeline.runs.grid import At, GridPlan, run_of
from pipeline.runs.pace import expected_pace, run_seconds, turnover
from pipeline.runs.progress import Looks, Run, list_runs, looks_of, outline
from pipeline.runs.queue import waits
from pipeline.runs.same import JOINED_FIRST
from pipeline.settings import Settings

CLEAR = 2.0  # standard errors


@dataclass(frozen=True)
class GridCell:
    """A config of a grid and what became of it. run_id, state: of its run, "" where there is none.

    accuracy, f1: on the validation pairs, shares, of a run that is done; NaN of any other run, and
    where its loss is. pairs: how many it was judged by; right: which of them it answered rightly,
    None where its run doesn't tell.
    """

    config: TrainingConfig
    run_id: str = ""
    state: str = ""
    accuracy: float = math.nan
    f1: float = math.nan
    pairs: int = 0
    right: Sequence[bool] | None = None

    @property
    def is_here(self) -> bool:
        """Whether its run needn't be started: it waits, trains or is done."""
        return self.state in JOINED_FIRST

    @property
    def is_known(self) -> bool:
        """Whether it has an accuracy that is a number."""
        return math.isfinite(self.accuracy)


@dataclass(frozen=True)
class GridResult:
    """A grid as far as it has come. seeds: the cell in the centre with each of its seeds, itself
    first. left: seconds until its last run has its turn, 0.0 where none waits.
    """

    plan: GridPlan
    cells: Mapping[At, GridCell]
    seeds: Sequence[GridCell]
    left: float = 0.0

    @property
    def runs(self) -> list[GridCell]:
        """All that it runs."""
        return [*self.cells.values(), *self.seeds[1:]]

    @property
    def is_over(self) -> bool:
        """Whether none of its runs waits or trains."""
        return not any(one.state in ("queued", "running", "stopping") for one in self.runs)

    @property
    def best(self) -> At | None:
        """The cell with the highest accuracy, None while none is known."""
        known = {at: cell.accuracy for at, cell in self.cells.items() if cell.is_known}
        return max(known, key=lambda at: known[at]) if known else None

    @property
    def seed_error(self) -> float | None:
        """The standard deviation of the accuracy over the seeds; None while fewer than two are
        known.
        """
        known = [one.accuracy for one in self.seeds if one.is_known]
        return stdev(known) if len(known) > 1 else None

    def error_to(self, best: GridCell, cell: GridCell) -> float | None:
        """The standard error of the difference of two cells: of the judged pairs, and of a seed on
        each side. None while the seeds are unknown.
        """
        if self.seed_error is None:
            return None
        return math.hypot(pairs_error(best, cell), math.sqrt(2) * self.seed_error)

    def alike(self) -> set[At]:
        """The cells that chance alone may have put below the best: their difference from it is
        within two standard errors.
        """
        if self.best is None:
            return set()
        best, found = self.cells[self.best], set()
        for at, cell in self.cells.items():
            error = self.error_to(best, cell)
            if at == self.best or not cell.is_known or error is None:
                continue
            if best.accuracy - cell.accuracy <= CLEAR * error:
                found.add(at)
        return found


def pairs_error(one: GridCell, other: GridCell) -> float:
    """The standard error of the difference of two accuracies, from the pairs that there were to
    judge by. Where a run doesn't tell its answers, as if each had been judged by other pairs, which
    is too much.
    """
    if one.right and other.right and len(one.right) == len(other.right):
        return paired_error(one.right, other.right)
    errors = (standard_error(cell.accuracy, max(cell.pairs, 1)) for cell in (one, other))
    return math.hypot(*errors)


def paired_error(one: Sequence[bool], other: Sequence[bool]) -> float:
    """The standard error of the difference of two accuracies on the same pairs, from which of them
    each answered rightly.
    """
    count = len(one)
    differences = [int(left) - int(right) for left, right in zip(one, other, strict=True)]
    mean = sum(differences) / count
    variance = sum(value * value for value in differences) / count - mean * mean
    return math.sqrt(max(variance, 0.0) / count)


# ---------------------------------------------------------------- read from the runs


def read_grid(plan: GridPlan, settings: Settings) -> GridResult:
    """The grid as its runs' folders tell it, whoever started them."""
    runs = list_runs(settings)
    cells = {at: _cell(config, runs, settings) for at, config in plan.cells.items()}
    seeds = [cells[plan.centre], *(_cell(config, runs, settings) for config in plan.seeds[1:])]
    result = GridResult(plan, cells, seeds)
    queued = [one.run_id for one in result.runs if one.state == "queued"]
    if not queued:
        return result
    begins = waits(runs, settings)
    left = max(begins.get(run_id, 0.0) for run_id in queued)
    return GridResult(plan, cells, seeds, left)


def seconds_of(cells: Sequence[GridCell], settings: Settings) -> float:
    """Seconds that those runs take, one after the other, whose cells aren't here."""
    missing, runs = [cell.config for cell in cells if not cell.is_here], list_runs(settings)
    turn = turnover(runs, settings)
    return sum(
        run_seconds(config, expected_pace(config, runs, settings)) + turn for config in missing
    )


def _cell(config: TrainingConfig, runs: list[Run], settings: Settings) -> GridCell:
    found = run_of(config, runs, settings)
    if found is None:
        return GridCell(config)
    if found.state != "done":
        return GridCell(config, found.id, found.state)
    run = outline(found.id, settings)
    after = (run.first("done") or {}).get("after") or {}
    folder = settings.runs_folder / run.id
    return GridCell(
        config,
        run.id,
        run.state,
        after.get("accuracy", math.nan),
        f1_in(after) or math.nan,
        (run.first("start") or {}).get("eval_pairs") or 0,
        _right(folder, len(run.labels), looks_of(folder)),
    )


@lru_cache(maxsize=256)
def _right(folder: Path, labels: int, _looks: Looks | None) -> tuple[bool, ...] | None:
    """Whether a run's model answered each validation pair rightly in the end; None where the run
    doesn't tell.
    """
    kept = read_judgement(folder, labels)
    return tuple(kept[0].right("after")) if kept else None
