"""A visitor's grid, drawn: its heat map, the noise beside its colours, what of it is chance."""

import shlex
from dataclasses import asdict, dataclass

from markupsafe import Markup

from languages import _, ngettext
from pipeline.explain.evidence import standard_error
from pipeline.explain.grid import GridCell, GridResult
from pipeline.runs.grid import At, GridPlan, grid_command
from pipeline.runs.names import name_of, settings_apart, written_value
from pipeline.task import is_own
from views.heat import HeatCell, HeatTable, Tones
from views.markup import sentences
from views.numbers import duration, percent
from views.render import macro, render
from views.runs import STATE_NAMES


@dataclass(frozen=True)
class NoiseScale:
    """The colours from the least accuracy to the most, and beside them the noise, in percent of
    their width: a mark for each seed, and one standard error of the judged pairs to each side.
    """

    low: str
    high: str
    seeds: tuple[int, ...]
    error_from: int
    error_to: int
    of_seeds: str
    of_pairs: str


def grid_forecast(cells: int, runs: int, here: int, seconds: float) -> Markup:
    """What a press would set off. here: how many of the runs needn't be started; seconds: of the
    others, one after the other.
    """
    said = _(
        "{runs}: {cells}, and {more}",
        runs=ngettext("{count} run", "{count} runs", runs),
        cells=ngettext("{count} cell", "{count} cells", cells),
        more=ngettext(
            "{count} more seed of one cell", "{count} more seeds of one cell", runs - cells
        ),
    )
    parts = [said]
    if here:
        there = ngettext("{count} is here already", "{count} are here already", here)
        parts.append(there)
    if seconds:
        parts.append(_("about {time} of this machine", time=duration(seconds)))
    return macro("paragraph", "grid-forecast", " · ".join(parts))


def grid_status(result: GridResult) -> Markup:
    """How far a grid is."""
    over = sum(one.state == "done" for one in result.runs)
    failed = sum(one.state == "failed" for one in result.runs)
    parts = [
        ngettext(
            "{over} of {count} run is done",
            "{over} of {count} runs are done",
            len(result.runs),
            over=over,
        )
    ]
    if failed:
        parts.append(ngettext("{count} has failed", "{count} have failed", failed))
    if result.left:
        parts.append(_("the last one begins in about {wait}", wait=duration(result.left)))
    return macro("status", " · ".join(parts))


def grid_map(result: GridResult) -> Markup:
    """The heat map with its scale, what it says, and the command that runs the grid again."""
    plan = result.plan
    command = "" if is_own(plan.base.task_name) else shlex.join(["python", *grid_command(plan)])
    return render(
        "grid.html",
        heat_table=heat_table(result),
        scale=noise_scale(result),
        said=said_of(result),
        command=command,
    )


def heat_table(result: GridResult) -> HeatTable:
    """A cell for each pair of values: its accuracy and F1, or the state of its run."""
    plan, tones, alike = result.plan, _tones(result), result.alike()

    def drawn(at: At) -> HeatCell | None:
        cell, kind = result.cells[at], "alike" if at in alike else ""
        if not cell.state:
            return None
        kind = "best" if at == result.best else kind
        text = _text(cell, kind)
        said = _(
            "{x} {x_value}, {y} {y_value}: {text}. Open the run {name}.",
            **_named(plan, at),
            text=text,
            name=name_of(cell.run_id),
        )
        small = _("F1 {f1}", f1=percent(cell.f1)) if cell.is_known else ""
        full = tones.full(cell.accuracy) if cell.is_known else None
        return HeatCell(text, small, full=full, run=cell.run_id, said=said, kind=kind)

    others = {
        name: value for name, value in asdict(plan.base).items() if name not in (plan.x, plan.y)
    }
    return HeatTable(
        _("Accuracy by two settings"),
        _(
            "{x} across, {y} down; accuracy on the validation pairs, F1 below · {others}",
            x=plan.x,
            y=plan.y,
            others=" · ".join(map(str, settings_apart(others))) or _("all else as by default"),
        ),
        [written_value(plan.x, x) for x in plan.xs],
        [(written_value(plan.y, y), [drawn((x, y)) for x in plan.xs]) for y in plan.ys],
    )


def _text(cell: GridCell, kind: str) -> str:
    if cell.is_known:
        mark = {"best": _("best"), "alike": "≈"}.get(kind, "")
        return f"{percent(cell.accuracy)} {mark}".rstrip()
    return "NaN" if cell.state == "done" else str(STATE_NAMES[cell.state])


def _named(plan: GridPlan, at: At) -> dict[str, str]:
    return {
        "x": plan.x,
        "x_value": written_value(plan.x, at[0]),
        "y": plan.y,
        "y_value": written_value(plan.y, at[1]),
    }


def _tones(result: GridResult) -> Tones:
    """Of the cells and of the seeds: both are on one scale."""
    return Tones.of(one.accuracy for one in result.runs)


def noise_scale(result: GridResult) -> NoiseScale | None:
    """The noise beside the colours; None while fewer than two seeds are known."""
    known = [one for one in result.seeds if one.is_known]
    if len(known) < 2:
        return None
    tones, centre = _tones(result), known[0]
    error = standard_error(centre.accuracy, max(centre.pairs, 1))
    return NoiseScale(
        percent(tones.low),
        percent(tones.high),
        tuple(tones.full(one.accuracy) for one in known),
        max(tones.full(centre.accuracy - error), 0),
        min(tones.full(centre.accuracy + error), 100),
        _(
            "seeds {seeds} of {x} {x_value}, {y} {y_value}: {accuracies}",
            seeds=", ".join(str(one.config.seed) for one in known),
            accuracies=", ".join(percent(one.accuracy) for one in known),
            **_named(result.plan, result.plan.centre),
        ),
        _(
            "one standard error of {pairs} judged pairs to each side: {points:.1f} percentage "
            "points",
            pairs=centre.pairs,
            points=100 * error,
        ),
    )


def said_of(result: GridResult) -> str:
    """What the map shows and what of it is chance."""
    best, plan = result.best, result.plan
    if best is None:
        return _("It fills as runs end; the cell that runs with three seeds comes first.")
    named = _named(plan, best)
    accuracy = percent(result.cells[best].accuracy)
    first = (
        _("Best: {x} {x_value}, {y} {y_value} with {accuracy}.", accuracy=accuracy, **named)
        if result.is_over
        else _(
            "Best so far: {x} {x_value}, {y} {y_value} with {accuracy}.", accuracy=accuracy, **named
        )
    )
    if result.seed_error is None:
        return sentences(
            first, _("How much of a difference is chance is known once two seeds have ended.")
        )
    alike = len(result.alike())
    within = (
        ngettext(
            "{count} other cell (≈) is within two standard errors of it, so chance alone may "
            "have put it below.",
            "{count} other cells (≈) are within two standard errors of it, so chance alone may "
            "have put them below.",
            alike,
        )
        if alike
        else _("No other cell is within two standard errors of it.")
    )
    because = _(
        "Such an error has two parts: the seed (a standard deviation of {points:.1f} percentage "
        "points, known from {seeds} runs alone) and the choice of the judged pairs. And whatever "
        "is best of {cells} cells has been lucky, too.",
        points=100 * result.seed_error,
        seeds=sum(one.is_known for one in result.seeds),
        cells=sum(one.is_known for one in result.cells.values()),
    )
    return sentences(first, within, because)
