"""A class's board, drawn: its runs, their curves over each other, a grid over two settings, who
leads on the test split, what was answered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import segno
from markupsafe import Markup

from languages import _, ngettext, sentences
from pipeline.classes.board import Board, BoardPupil, BoardRun, Cell, Grid, grid_of
from pipeline.classes.scores import are_alike
from pipeline.runs.names import written_value
from views.charts import Frame, Scale, svg_path
from views.heat import HeatCell, HeatTable, Tones
from views.numbers import duration, is_finite, percent
from views.render import render
from views.runs import STATE_NAMES

TONES = 8  # of lines: from the least value of the open setting to the most
NAMED = 3  # lines that have their name beside their end
NAME_HEIGHT = 17  # pixels
ON_THE_WALL = 8  # runs of the test split that a projector shows
MOST_NAMES = 3  # of a run's pupils
MOST_SETTINGS = 3  # in which a run differs from the class's
FRAME = Frame(width=720, height=330, left=58, right=590, top=14, bottom=292)


@dataclass(frozen=True)
class Line:
    """A run's curve as it is drawn. said: what its line says when it is asked."""

    id: str
    path: str
    tone: int
    is_over: bool
    said: str
    x: float
    y: float
    name: str = ""
    name_y: float = 0.0


@dataclass(frozen=True)
class Standing:
    """A run on the test split. low, high: one standard error to each side, in percent of a bar.
    is_alike: whether the best is within chance of it.
    """

    name: str
    apart: str
    accuracy: str
    error: str
    f1: str
    width: float
    low: float
    high: float
    is_alike: bool


def board(
    board: Board, *, x: str = "", y: str = "", link: str = "", is_projector: bool = False
) -> Markup:
    """The whole board. x, y: the settings of its grid, as grid_of takes them. link: the class's,
    drawn as a QR code where it is given.
    """
    grid, leading = grid_of(board, x, y), standings(board)
    return render(
        "board.html",
        the_class=board.the_class,
        is_projector=is_projector,
        summary=_summary(board),
        names=[str(pupil.name) for pupil in board.pupils],
        link=link,
        qr=qr_code(link) if link else "",
        lines=lines(board),
        frame=FRAME,
        scale=_scale(board),
        majority=board.majority,
        tones=_tones(board),
        grid=grid,
        heat_table=_heat_table(grid) if grid else None,
        choices=list(board.varied),
        rows=[_row(run) for run in _sorted(board.runs)],
        answers=_answers(board.pupils),
        standings=leading[: ON_THE_WALL if is_projector else None],
        more=max(len(leading) - ON_THE_WALL, 0) if is_projector else 0,
        is_test_open=board.is_test_open,
        test_said=test_said(board),
        percent=percent,
        written=written_value,
    )


def qr_code(link: str) -> Markup:
    """A link as a QR code, dark on white whatever the page's colours are: readers expect that."""
    drawn = segno.make(link, error="m", micro=False)
    return Markup(
        drawn.svg_inline(scale=4, border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr")
    )


def names_of(run: BoardRun) -> str:
    """The pupils who have a run, the first few by name."""
    names = _(", ").join(map(str, run.pupils[:MOST_NAMES]))
    more = len(run.pupils) - MOST_NAMES
    return _("{names} and {count} more", names=names, count=more) if more > 0 else names


def _apart(run: BoardRun) -> str:
    return " · ".join(map(str, run.apart[:MOST_SETTINGS]))


def _summary(board: Board) -> str:
    pupils = ngettext("{count} pupil", "{count} pupils", len(board.pupils))
    runs = ngettext("{count} run", "{count} runs", len(board.runs))
    over = sum(run.is_over for run in board.runs)
    return " · ".join([pupils, runs, _("{count} finished", count=over)])


# ---------------------------------------------------------------- curves


def lines(board: Board) -> list[Line]:
    """The accuracy of each run on the validation pairs, the worst first: the best lie on top. The
    best few have their names.
    """
    runs = [run for run in board.runs if _finite(run)]
    runs.sort(key=lambda run: _finite(run)[-1][1])
    scale, tones = _scale(board), _tones(board)
    ends = {run.id: scale.y(_finite(run)[-1][1]) for run in runs}
    heights = _apart_from_each_other([ends[run.id] for run in runs[::-1][:NAMED]])
    named = dict(zip([run.id for run in runs[::-1]], heights, strict=False))
    return [
        Line(
            run.id,
            svg_path(scale, run.accuracy),
            tones.get(_open_value(board, run), 0),
            run.is_over,
            said_of(run),
            scale.x(_finite(run)[-1][0]),
            ends[run.id],
            names_of(run) if run.id in named else "",
            named.get(run.id, 0.0),
        )
        for run in runs
    ]


def said_of(run: BoardRun) -> str:
    """A run in one line: who, what, how good."""
    parts = [names_of(run), *map(str, run.apart[:MOST_SETTINGS])]
    if run.last is not None:
        step = run.accuracy[-1][0]
        parts.append(_("{accuracy} after step {step}", accuracy=percent(run.last), step=step))
    return " · ".join(parts)


def _finite(run: BoardRun) -> list[tuple[int, float]]:
    return [(step, value) for step, value in run.accuracy if is_finite(value)]


def _scale(board: Board) -> Scale:
    points = [point for run in board.runs for point in _finite(run)]
    values = [value for _step, value in points]
    if board.majority is not None:
        values.append(board.majority)
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    room = (high - low) * 0.1 or 0.05
    last = max([step for step, _value in points] + [run.total for run in board.runs] + [1])
    return Scale(last, max(low - room, 0), min(high + room, 1), percent=True, frame=FRAME)


def _open_value(board: Board, run: BoardRun) -> Any:
    return run.config.get(board.the_class.open_setting)


def _tones(board: Board) -> dict[Any, int]:
    """{value of the open setting: its tone, 0 to TONES - 1}, from the least to the most."""
    if not board.the_class.open_setting:
        return {}
    values = {_open_value(board, run) for run in board.runs}
    ordered = sorted(values, key=lambda value: (isinstance(value, str), value))
    most = max(len(ordered) - 1, 1)
    return {value: round(place * (TONES - 1) / most) for place, value in enumerate(ordered)}


def _apart_from_each_other(heights: Sequence[float]) -> list[float]:
    """Names from the top down, each with room for itself; the lowest stays above the axis."""
    found: list[float] = []
    for height in heights:
        found.append(max(height, found[-1] + NAME_HEIGHT) if found else height)
    over = max(found[-1] - FRAME.bottom, 0) if found else 0
    return [height - over for height in found]


# ---------------------------------------------------------------- the grid


def _heat_table(grid: Grid) -> HeatTable:
    tones = Tones.of(cell.mean for cell in grid.cells.values())

    def drawn(cell: Cell | None) -> HeatCell | None:
        if cell is None:
            return None
        spread = f"{percent(cell.least)} – {percent(cell.most)}" if cell.count > 1 else ""
        return HeatCell(percent(cell.mean), f"{cell.count} ×", spread, tones.full(cell.mean))

    return HeatTable(
        _("Mean accuracy by two settings"),
        _("{x} across, {y} down; the number of runs below", x=grid.x, y=grid.y),
        [written_value(grid.x, x) for x in grid.xs],
        [
            (written_value(grid.y, y), [drawn(grid.cells.get((x, y))) for x in grid.xs])
            for y in grid.ys
        ],
    )


# ---------------------------------------------------------------- tables


def _sorted(runs: Sequence[BoardRun]) -> list[BoardRun]:
    """Those that train first, then those that wait, in their turn, then the others, the best
    first.
    """

    def key(run: BoardRun) -> tuple:
        if run.state in ("running", "stopping"):
            return 0, 0.0
        if run.state == "queued":
            return 1, float(run.place)
        return 2, -run.last if is_finite(run.last) else 1.0

    return sorted(runs, key=key)


def _row(run: BoardRun) -> Mapping[str, str]:
    state = str(STATE_NAMES[run.state])
    if run.state == "queued":
        wait = duration(run.wait)
        state = _("waits: place {place}, {wait}", place=run.place, wait=wait)
    elif run.state in ("running", "stopping") and run.total:
        state = _("step {done} of {total}", done=run.done, total=run.total)
    return {
        "id": run.id,
        "who": names_of(run),
        "apart": _apart(run),
        "state": state,
        "accuracy": percent(run.last),
        "f1": percent(run.f1),
    }


def _answers(pupils: Sequence[BoardPupil]) -> list[tuple[str, str, str]]:
    """(name, questions, guesses) of those who have answered something, the most right ones first;
    both as "right of asked".
    """
    answered = [pupil for pupil in pupils if pupil.answered[1] or pupil.guessed[1]]
    answered.sort(key=lambda pupil: -(pupil.answered[0] + pupil.guessed[0]))

    def counts(right: int, asked: int) -> str:
        return _("{right} of {asked}", right=right, asked=asked) if asked else "–"

    return [
        (str(pupil.name), counts(*pupil.answered), counts(*pupil.guessed)) for pupil in answered
    ]


def test_said(board: Board) -> str:
    """How far the judging on the test split is; "" where all models are judged."""
    judged, said = sum(run.test is not None for run in board.runs), []
    if board.to_test:
        said.append(
            _(
                "{judged} of {count} models are judged; the others follow one by one.",
                judged=judged,
                count=judged + board.to_test,
            )
        )
    elif not judged:
        said.append(_("No model is judged yet. Each follows when its run has ended."))
    if board.untested:
        said.append(
            ngettext(
                "{count} model couldn't be judged.",
                "{count} models couldn't be judged.",
                board.untested,
            )
        )
    return sentences(*said)


def standings(board: Board) -> list[Standing]:
    """The runs that were judged on the test split, the best first. Bars begin where the worst one's
    error bar does, less a little.
    """
    scored = [(run, run.test) for run in board.runs if run.test]
    scored.sort(key=lambda item: -item[1].accuracy)
    if not scored:
        return []
    best = scored[0][1]
    floor = max(min(score.accuracy - 2 * score.error for _run, score in scored), 0.0)
    top = min(max(score.accuracy + 2 * score.error for _run, score in scored), 1.0)

    def place(value: float) -> float:
        return round(100 * (value - floor) / ((top - floor) or 1), 1)

    return [
        Standing(
            names_of(run),
            _apart(run),
            percent(score.accuracy),
            f"± {100 * score.error:.1f}",
            percent(score.f1),
            place(score.accuracy),
            place(max(score.accuracy - score.error, 0)),
            place(min(score.accuracy + score.error, 1)),
            number > 0 and are_alike(score, best),
        )
        for number, (run, score) in enumerate(scored)
    ]
