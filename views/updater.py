"""d2l's loss and updater beside PyTorch's: who agrees, the curves, the table. No gradio here."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from languages import _, ngettext
from views.charts import Frame, LogScale, svg_path
from views.render import render
from views.tensors import records

if TYPE_CHECKING:  # layers imports torch
    from layers.updater import Curve

LETTERS = "ABCDEFGH"
FRAME = Frame(width=760, height=400, left=64, right=704, top=34, bottom=350)
NAME_HEIGHT = 17  # pixels, of a line's letters
MOST_POINTS = 100  # of a curve, in the table


def grouped(curves: Sequence["Curve"]) -> list[list[int]]:
    """The numbers of the curves, those together that are equal at every step but for rounding."""
    groups: list[list[int]] = []
    for n, curve in enumerate(curves):
        for group in groups:
            if _alike(curves[group[0]].losses, curve.losses):
                group.append(n)
                break
        else:
            groups.append([n])
    return groups


def _alike(one: Sequence[float | None], other: Sequence[float | None]) -> bool:
    return all(
        a == b or (a is not None and b is not None and math.isclose(a, b, rel_tol=1e-9))
        for a, b in zip(one, other, strict=True)
    )


# ---------------------------------------------------------------- the chart


def updater_chart(curves: Sequence["Curve"]) -> Markup:
    """One chart; lines that lie on each other are drawn once and named together."""
    groups, scale = grouped(curves), _scale(curves)
    steps = len(curves[0].losses) - 1
    ends = _ends(scale, [curves[group[0]].losses[-1] for group in groups])
    every = math.ceil(steps / MOST_POINTS)
    caption = _("Loss before each step")
    if every > 1:
        caption = _("Loss every {every} steps, and at the end", every=every)
    return render(
        "updater_chart.html",
        summary=_(
            "Loss of {combinations} combinations over {steps}, in {lines}",
            combinations=len(curves),
            steps=ngettext("{count} step", "{count} steps", steps),
            lines=ngettext("{count} different line", "{count} different lines", len(groups)),
        ),
        scale=scale,
        lines=[
            {
                "style": number % 6,
                "path": svg_path(scale, _known(curves[group[0]].losses)),
                "end": end,
                "curves": [(LETTERS[n], curves[n].name) for n in group],
                "verdict": curves[group[0]].verdict,
            }
            for number, (group, end) in enumerate(zip(groups, ends, strict=True))
        ],
        points_caption=caption,
        points_heads=[
            _("step"),
            *(f"{LETTERS[n]}: {curve.name}" for n, curve in enumerate(curves)),
        ],
        points=[
            (step, *(_loss(curve.losses[step]) for curve in curves))
            for step in sorted({*range(0, steps + 1, every), steps})
        ],
    )


def _known(losses: Sequence[float | None]) -> list[tuple[float, float]]:
    return [(step, loss) for step, loss in enumerate(losses) if loss is not None]


def _scale(curves: Sequence["Curve"]) -> LogScale:
    """A curve that diverges leaves through the top, rather than flatten the others."""
    most = 100 * (curves[0].losses[0] or 0)
    losses = [loss for curve in curves for _step, loss in _known(curve.losses) if 0 < loss <= most]
    low, high = math.floor(math.log10(min(losses))), math.ceil(math.log10(max(losses)))
    steps = len(curves[0].losses) - 1
    return LogScale(max(steps, 1), low, max(high, low + 1), frame=FRAME)


def _ends(scale: LogScale, losses: Sequence[float | None]) -> list[float]:
    """The heights of the lines' names, where each line ends, pushed apart where they are close.

    losses: each line's last one. A line that has left the picture is named at its top.
    """
    wanted = [
        FRAME.top if loss is None else min(max(scale.y(loss), FRAME.top), FRAME.bottom)
        for loss in losses
    ]
    heights: dict[int, float] = {}
    y = -math.inf
    for line in sorted(range(len(wanted)), key=lambda line: wanted[line]):
        y = heights[line] = max(wanted[line], y + NAME_HEIGHT)
    # A column that has been pushed below the floor moves up as a whole.
    over = max(0, y - FRAME.bottom)
    return [heights[line] - over for line in range(len(wanted))]


def _loss(loss: float | None) -> str:
    return _("diverged") if loss is None else f"{loss:.6g}"


# ---------------------------------------------------------------- tables


def updater_table(curves: Sequence["Curve"]) -> Markup:
    """One row a combination: what it does to the first step and to the weights at the end."""
    heads = (
        "",
        _("loss"),
        _("optimizer"),
        "reduction",
        _("first step, relative to A's"),
        _("largest difference from A's weights"),
        _("final loss"),
        _("final w₁, w₂, b"),
        _("in words"),
    )
    rows = [
        (
            letter,
            curve.loss,
            curve.updater,
            _reduction(curve),
            f"{curve.step_ratio:.6g}",
            _difference(curve.largest_difference),
            _loss(curve.losses[-1]),
            _("diverged")
            if None in curve.weights
            else ", ".join(f"{w:.5g}" for w in curve.weights),
            curve.verdict,
        )
        for letter, curve in zip(LETTERS, curves, strict=True)
    ]
    return records(heads, rows, _("Eight combinations, compared with d2l's own (A)"))


def _reduction(curve: "Curve") -> str:
    """The reduction, and whether its updater wants it."""
    names = {"reduction": curve.reduction, "updater": curve.updater}
    if curve.right_reduction:
        return _("{reduction} (right for {updater})", **names)
    return _("{reduction} (wrong for {updater})", **names)


def _difference(difference: float | None) -> str:
    if difference is None:
        return _("diverged")
    return "0" if difference == 0 else f"{difference:.3g}"


def updater_summary(curves: Sequence["Curve"]) -> Markup:
    """One line a verdict: which are the same to the last digit, and what the others are off by."""
    by_verdict: dict[str, list[int]] = {}
    for n, curve in enumerate(curves):
        by_verdict.setdefault(curve.verdict, []).append(n)
    groups = []
    for verdict, numbers in by_verdict.items():
        differences = [curves[n].largest_difference for n in numbers]
        known = [difference for difference in differences if difference is not None]
        largest = _difference(max(known)) if len(known) == len(differences) else None
        groups.append((_(", ").join(LETTERS[n] for n in numbers), verdict, largest))
    return render("updater_summary.html", groups=groups)
