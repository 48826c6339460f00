"""A class's board as plain data: who runs what, the curves, a grid over two settings, what was
answered.

A board is read once a second at most, however many look at it.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from pipeline.classes.scores import Score, read_scores
from pipeline.classes.store import Class, Pupil, checked_code, pupils_of, read_class
from pipeline.runs.names import name_of, settings_apart
from pipeline.runs.progress import Run, list_runs, outline, points, progress
from pipeline.runs.queue import waits
from pipeline.settings import Settings

LOOK_SECONDS = 1.0
MOST_BOARDS = 64
SEED = "seed"  # against which one setting alone is drawn
_boards: dict[tuple, tuple[float, "Board"]] = {}
_lock = threading.Lock()

Points = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class BoardRun:
    """A run on the board.

    pupils: the names of those who have it; it stands there once, whoever started it. apart: the
    settings in which it differs from the class's. place, wait: in the queue, the wait in seconds;
    0 for a run that has started. done, total: steps. accuracy: on the validation pairs, by step;
    pairs: how many of those there are, None while that isn't known. test: on the test split.
    """

    id: str
    name: str
    pupils: tuple[str, ...]
    state: str
    config: Mapping[str, Any]
    apart: tuple[str, ...]
    place: int = 0
    wait: float = 0.0
    done: int = 0
    total: int = 0
    accuracy: Points = ()
    f1: float | None = None
    pairs: int | None = None
    majority: float | None = None
    test: Score | None = None

    @property
    def last(self) -> float | None:
        """Its newest accuracy on the validation pairs, a share; None before the first."""
        return self.accuracy[-1][1] if self.accuracy else None

    @property
    def is_over(self) -> bool:
        """Whether it was trained to its end, or stopped with a model."""
        return self.state in ("done", "stopped") and self.last is not None


@dataclass(frozen=True)
class BoardPupil:
    """A pupil on the board: how many runs they have; questions and guesses, right of asked."""

    name: str
    runs: int
    answered: tuple[int, int]
    guessed: tuple[int, int]


@dataclass(frozen=True)
class Board:
    """What a class's board shows. runs: in the order in which they came; varied: the settings in
    which they differ. to_test, untested: how many models are still to be judged on the test split,
    and how many couldn't be.
    """

    the_class: Class
    pupils: tuple[BoardPupil, ...] = ()
    runs: tuple[BoardRun, ...] = ()
    varied: tuple[str, ...] = ()
    is_test_open: bool = False
    to_test: int = 0
    untested: int = 0

    @property
    def majority(self) -> float | None:
        """What always giving the commonest label scores, where that is the same for all runs."""
        known = {run.majority for run in self.runs if run.majority is not None}
        return known.pop() if len(known) == 1 else None


@dataclass(frozen=True)
class Cell:
    """Runs with the same two settings: the mean of their last accuracy, how many there are, and the
    least and the most of them.
    """

    mean: float
    count: int
    least: float
    most: float


@dataclass(frozen=True)
class Grid:
    """Two settings, the values that the class's runs have of them, and what came of each pair."""

    x: str
    y: str
    xs: tuple[Any, ...]
    ys: tuple[Any, ...]
    cells: Mapping[tuple[Any, Any], Cell]


def board_of(code: str, settings: Settings) -> Board:
    """The board of a class. Raises InputError where there is no such class."""
    key = checked_code(code), settings.runs_folder
    with _lock:
        when, board = _boards.get(key, (0.0, None))
        if board and time.monotonic() - when < LOOK_SECONDS:
            return board
        board = _read(key[0], settings)
        _boards.pop(key, None)
        _boards[key] = time.monotonic(), board
        if len(_boards) > MOST_BOARDS:
            del _boards[next(iter(_boards))]
    return board


def _read(code: str, settings: Settings) -> Board:
    the_class, pupils = read_class(code, settings), pupils_of(code, settings)
    scores = read_scores(code, settings)
    of_run: dict[str, list[str]] = {}
    for pupil in pupils:
        for run_id in pupil.runs:
            of_run.setdefault(run_id, []).append(pupil.shown_name)
    everybodys = list_runs(settings)
    listed = [run for run in everybodys if run.id in of_run]
    has_waiting = any(run.state == "queued" for run in listed)
    begins = waits(everybodys, settings) if has_waiting else {}
    queue = {run_id: (place, wait) for place, (run_id, wait) in enumerate(begins.items(), 1)}
    runs = tuple(
        _board_run(
            run, the_class, tuple(of_run[run.id]), queue, scores.of_run.get(run.id), settings
        )
        for run in listed
        if run.config
    )
    return Board(
        the_class,
        tuple(map(_board_pupil, pupils)),
        runs,
        varied([run.config for run in runs]),
        scores.is_open,
        len(scores.waiting),
        len(scores.failed),
    )


def _board_run(
    listed: Run,
    the_class: Class,
    pupils: tuple[str, ...],
    queue: Mapping[str, tuple[int, float]],
    score: Score | None,
    settings: Settings,
) -> BoardRun:
    run = outline(listed.id, settings)
    start = run.first("start") or {}
    place, wait = queue.get(run.id, (0, 0.0)) if run.state == "queued" else (0, 0.0)
    f1 = [value for name in ("f1", "macro_f1") for _step, value in points(run, f"eval_{name}")]
    done, total = progress(run)
    return BoardRun(
        run.id,
        name_of(run.id),
        pupils,
        run.state,
        run.config,
        tuple(settings_apart(run.config, the_class.values)),
        place,
        wait,
        # An outline leaves the log out: its steps are those of the last evaluation
        max(done, total if run.state == "done" else 0),
        total,
        tuple(points(run, "eval_accuracy")),
        f1[-1] if f1 else None,
        start.get("eval_pairs"),
        (start.get("majority") or {}).get("accuracy"),
        score,
    )


def _board_pupil(pupil: Pupil) -> BoardPupil:
    return BoardPupil(
        pupil.shown_name,
        len(pupil.runs),
        (sum(pupil.answers.values()), len(pupil.answers)),
        (sum(pupil.guesses.values()), len(pupil.guesses)),
    )


def varied(configs: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The settings in which runs differ, in the order in which a run has them.

    >>> varied([{"seed": 1, "dropout": 0.0}, {"seed": 2, "dropout": 0.0}])
    ('seed',)
    """
    if not configs:
        return ()
    return tuple(
        name
        for name in configs[0]
        if any(config.get(name) != configs[0][name] for config in configs)
    )


def grid_of(board: Board, x: str = "", y: str = "") -> Grid | None:
    """The runs that are over, by two of the settings in which the class's runs differ.

    x, y: their names, "" to have them chosen: the open setting, and the next one in which runs
    differ, else the seed. None where no run is over or none differs.
    """
    over = [run for run in board.runs if run.is_over]
    names = [name for name in (board.the_class.open_setting, *board.varied) if name in board.varied]
    names = list(dict.fromkeys(names))
    if not over or not names:
        return None
    x = x if x in names else names[0]
    others = [name for name in [*names, SEED] if name != x]
    if not others:
        return None
    y = y if y in others else others[0]
    of_cell: dict[tuple[Any, Any], list[float]] = {}
    for run in over:
        if run.last is not None:
            of_cell.setdefault((run.config[x], run.config[y]), []).append(run.last)
    cells = {
        at: Cell(fmean(values), len(values), min(values), max(values))
        for at, values in of_cell.items()
    }
    xs, ys = ({run.config[name] for run in over} for name in (x, y))
    return Grid(x, y, _in_order(xs), _in_order(ys), cells)


def _in_order(values: set[Any]) -> tuple[Any, ...]:
    return tuple(sorted(values, key=lambda value: (isinstance(value, str), value)))
