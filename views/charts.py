"""Lines over training steps: scales, axes, baselines, a legend and the points as a table, as SVG.
static/charts.js reads out the values at a step, and switches between what is drawn here.

>>> drawn = line_chart("Loss", {"training loss": [(1, 0.7), (2, 0.6)]}, "step", "cross-entropy")
>>> 'aria-label="Loss: training loss from 0.7 to 0.6"' in drawn
True

Which charts a run has is listed in tabs/fine_tune/charts.py. A point is (step, value); a value that
is NaN or infinite breaks its line.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from markupsafe import Markup

from languages import _
from pipeline.prediction import written
from views.numbers import is_finite, plain_number, short_number
from views.render import render

Point = tuple[float, float]
Points = Sequence[Point]

MOST_MARKS = 40  # of a line: more of them can't be told apart
BASELINE_NAME_WIDTH = 170  # pixels, at most
BASELINE_NAME_HEIGHT = 18
SMOOTHING = (
    0.85  # the weight of what came before in a smoothed line, as TensorBoard's slider has it
)


@dataclass(frozen=True)
class Frame:
    """A chart's size and the edges of the plot in it, in pixels from the upper left corner."""

    width: int = 480
    height: int = 218
    left: int = 46
    right: int = 470
    top: int = 14
    bottom: int = 192


SMALL = Frame(height=156, left=66, top=18, bottom=124)


@dataclass(frozen=True)
class Scale:
    """Steps 0 to `x_max` and values `low` to `high` -> pixels.

    percent: the values are shares (0 to 1) and are written in percent.
    """

    x_max: float
    low: float
    high: float
    percent: bool = False
    frame: Frame = Frame()

    def x(self, step: float) -> float:
        """The pixel of a step."""
        return self.frame.left + (self.frame.right - self.frame.left) * step / self.x_max

    def y(self, value: float) -> float:
        """The pixel of a value."""
        share = (self.high - value) / (self.high - self.low)
        return self.frame.top + (self.frame.bottom - self.frame.top) * share

    def x_ticks(self) -> list[tuple[float, str]]:
        """[(pixel, label), …] of some whole steps."""
        steps = [step for step in ticks(0, self.x_max, 6) if step == int(step)]
        return [(self.x(step), plain_number(step)) for step in steps]

    def y_ticks(self) -> list[tuple[float, str]]:
        """[(pixel, label), …] of some round values."""
        return [(self.y(value), self._tick_label(value)) for value in ticks(self.low, self.high)]

    def _tick_label(self, value: float) -> str:
        return f"{plain_number(round(value * 100, 8))}%" if self.percent else plain_number(value)

    def label(self, value: float) -> str:
        """A value of a line, as the legend writes it."""
        if not is_finite(value):
            return written(value)
        return f"{value:.1%}" if self.percent else f"{value:.3g}"


@dataclass(frozen=True)
class LogScale(Scale):
    """As Scale, but `low` and `high` are powers of ten.

    >>> LogScale(10, -3, 1).y_ticks()[-1]
    (14.0, '10')
    """

    def y(self, value: float) -> float:
        """Where a value is drawn, by its logarithm."""
        return super().y(math.log10(max(value, 1e-300)))

    def y_ticks(self) -> list[tuple[float, str]]:
        """(height, name) of the powers of ten."""
        every = max(1, math.ceil((self.high - self.low) / 7))
        powers = range(int(self.low), int(self.high) + 1, every)
        return [(self.y(10.0**power), _power_label(power)) for power in powers]


@dataclass(frozen=True)
class NarrowLogScale(LogScale):
    """A LogScale over less than a few powers of ten; `low` and `high` need not be whole.

    >>> [label for _y, label in NarrowLogScale(10, math.log10(0.15), math.log10(1.2)).y_ticks()]
    ['0.2', '0.5', '1']
    """

    def y_ticks(self) -> list[tuple[float, str]]:
        """(height, name) of 1, 2 and 5 times the powers of ten, or of more where those are few."""
        powers = range(math.floor(self.low), math.ceil(self.high) + 1)
        for digits in ((1,), (1, 2, 5), (1, 2, 3, 4, 5, 6, 7, 8, 9)):
            values = [digit * 10.0**power for power in powers for digit in digits]
            inside = [value for value in values if self.low <= math.log10(value) <= self.high]
            if len(inside) > 2:
                break
        return [(self.y(value), plain_number(round(value, 12))) for value in inside]


def _power_label(power: int) -> str:
    """
    >>> _power_label(-3), _power_label(0), _power_label(-12)
    ('0.001', '1', '10⁻¹²')
    """
    if -3 <= power <= 3:
        return f"{10.0**power:g}"
    return "10" + str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


@dataclass(frozen=True)
class Background:
    """What is drawn behind a chart's lines: areas or thin lines with one entry in the legend."""

    kind: str  # its class in fine_tune.css: "earlier" or "band"
    label: str
    lines: Sequence[Points]
    closed: bool = False
    run: str = ""  # the id of the run whose line it is: the legend switches it on and off

    def paths(self, scale: Scale) -> list[str]:
        """An SVG path for each line of two points or more."""
        end = " Z" if self.closed else ""
        return [svg_path(scale, line) + end for line in self.lines if len(line) > 1]


def earlier_run(run_id: str, name: str, line: Points) -> Background:
    """An earlier run's line, thin and grey."""
    return Background("earlier", name, [line], run=run_id)


def range_band(label: str, edges: Sequence[tuple[float, float, float]]) -> Background:
    """From the least to the most of several runs at each step: [(step, least, most), …]."""
    upper = [(step, most) for step, _least, most in edges]
    lower = [(step, least) for step, least, _most in reversed(edges)]
    return Background("band", label, [upper + lower], closed=True)


def mean_and_range(lines: Sequence[Points]) -> tuple[list[Point], list[tuple[float, float, float]]]:
    """Several runs' points -> (mean, [(step, least, most), …]) at the steps that all of them have.

    Only finite values count.

    >>> mean_and_range([[(1, 0.5), (2, 0.4)], [(1, 0.7)]])
    ([(1, 0.6)], [(1, 0.5, 0.7)])
    """
    known = [{step: value for step, value in line if is_finite(value)} for line in lines]
    steps = sorted(set.intersection(*map(set, known))) if known else []
    columns = [(step, [values[step] for values in known]) for step in steps]
    mean = [(step, sum(values) / len(values)) for step, values in columns]
    return mean, [(step, min(values), max(values)) for step, values in columns]


def smoothed(points: Points, weight: float = SMOOTHING) -> list[Point]:
    """The running mean of a noisy line, in which what is long past counts ever less. Without its
    start's pull to 0 (as Adam's averages are mended). A value that isn't finite breaks the line.

    >>> smoothed([(1, 4.0), (2, 2.0)], weight=0.5)
    [(1, 4.0), (2, 2.6666666666666665)]
    """
    drawn, mean, count = [], 0.0, 0
    for step, value in points:
        if not is_finite(value):
            drawn.append((step, value))
            continue
        count += 1
        mean = weight * mean + (1 - weight) * value
        drawn.append((step, mean / (1 - weight**count)))
    return drawn


def line_chart(
    title: str,
    series: Mapping[str, Points],
    x_label: str,
    y_label: str,
    *,
    x_max: float = 0,
    y_range: tuple[float, float] | None = None,
    baselines: Mapping[str, float] | None = None,
    background: Sequence[Background] = (),
    noisy: Sequence[str] = (),
    logarithmic: bool = False,
    rises: bool = False,
    ended: bool = False,
    errors: Mapping[str, Mapping[float, float]] | None = None,
    limits: Mapping[str, float] | None = None,
    marked: tuple[float, str] | None = None,
    notes: Sequence[str] = (),
    small: bool = False,
) -> Markup:
    """{name: points} as lines over axes, a summary for screen readers, and the points as a table.

    x_max: the last step that is expected. baselines: {name: share}, drawn dashed; a chart that has
    them is written in percent. noisy: names of lines that are drawn smoothed, too. logarithmic:
    whether a logarithmic scale is offered. rises: whether a good run's line does. ended: no more
    points will come, so that an empty chart doesn't promise any. errors: {name: {step: standard
    error}} of the lines whose points have bars of one standard error. limits: {name: value}, drawn
    as baselines are. marked: (step, name) of an upright line. notes: sentences below it. small:
    whether it is less high.
    """
    frame = SMALL if small else Frame()
    known = {name: _known(points) for name, points in series.items()}
    drawn = {name: points for name, points in known.items() if _finite(points)}
    breaks = _breaks(known)
    if not drawn:
        # The axes wait with a hint of the line to come, where one may still come
        return render(
            "empty_chart.html",
            title=title,
            frame=frame,
            rises=rises,
            ended=ended,
            breaks=breaks,
        )
    baselines = {name: value for name, value in (baselines or {}).items() if is_finite(value)}
    levels = {**baselines, **(limits or {})}
    styles = {name: number % 3 for number, name in enumerate(known)}  # those of none yet count
    finite = [_finite(points) for points in drawn.values()]
    bars = {name: known for name, known in (errors or {}).items() if name in drawn}
    reach = [end for name, known in bars.items() for end in _bar_ends(drawn[name], known)]
    behind = [line for layer in background for each in layer.lines if (line := _finite(each))]
    values = [*levels.values(), *reach]
    scale = _scale([*finite, *behind], values, x_max, y_range, bool(baselines), frame)
    scales = {"linear": scale}
    if logarithmic and not levels and (log_scale := _log_scale([*finite, *behind], scale)):
        scales["log"] = log_scale
    smooth = {name: smoothed(drawn[name]) for name in noisy if name in drawn}
    return render(
        "line_chart.html",
        title=title,
        summary=_summary(title, dict(zip(drawn, finite, strict=True)), levels, scale),
        frame=scale.frame,
        x_label=x_label,
        y_label=y_label,
        background=background,
        pictures=[
            _picture(kind, each, drawn, styles, smooth, levels, bars)
            for kind, each in scales.items()
        ],
        legend=[
            (name, _last(points, bars.get(name, {}), scale), styles[name])
            for name, points in drawn.items()
        ],
        marked=marked and {"x": scale.x(marked[0]), "label": marked[1]},
        notes=notes,
        small=small,
        has_noise=bool(smooth),
        has_log="log" in scales,
        data=_chart_data(scales, drawn, smooth, background, bars),
        breaks=breaks,
        heads=_heads(drawn, bars),
        table=_points_table(drawn, bars),
    )


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from `low` to `high`, about so many.

    >>> ticks(0, 60)
    [0, 20, 40, 60]
    """
    if not high > low:
        return [low]
    raw = (high - low) / max(about - 1, 1)
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 10) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def stretches(points: Points) -> list[list[Point]]:
    """The points of a line between its breaks.

    >>> stretches([(1, 0.5), (2, math.nan), (3, 0.6), (4, 0.7)])
    [[(1, 0.5)], [(3, 0.6), (4, 0.7)]]
    """
    found: list[list[Point]] = [[]]
    for step, value in points:
        if is_finite(value):
            found[-1].append((step, value))
        elif found[-1]:
            found.append([])
    return [stretch for stretch in found if stretch]


def svg_path(scale: Scale, points: Points) -> str:
    """The line as an SVG path.

    >>> svg_path(Scale(10, 0, 1), [(0, 1), (5, math.nan), (10, 0)])
    'M46.0 14.0 M470.0 192.0'
    """
    return " ".join(
        f"{'L' if place else 'M'}{scale.x(step):.1f} {scale.y(value):.1f}"
        for stretch in stretches(points)
        for place, (step, value) in enumerate(stretch)
    )


def _known(points: Points) -> list[Point]:
    """The points whose step can be drawn and whose value is a number, NaN and infinite included."""
    return [(step, value) for step, value in points if is_finite(step) and value is not None]


def _finite(points: Points) -> list[Point]:
    return [(step, value) for step, value in points if is_finite(step) and is_finite(value)]


def _breaks(series: Mapping[str, Points]) -> list[str]:
    """A sentence for each line that breaks, with the place."""
    said = []
    for name, points in series.items():
        broken = [step for step, value in points if not is_finite(value)]
        if broken:
            said.append(
                _(
                    "{name}: NaN or infinite at {count} of {points} points, first at step "
                    "{step}; the line breaks there.",
                    name=name,
                    count=len(broken),
                    points=len(points),
                    step=plain_number(broken[0]),
                )
            )
    return said


def _scale(
    lines: Sequence[Points],
    more: Sequence[float],
    x_max: float,
    y_range: tuple[float, float] | None,
    shares: bool,
    frame: Frame,
) -> Scale:
    """more: values that have to be in the picture, too. shares: whether they are written in
    percent.
    """
    last = max(step for points in lines for step, _value in points)
    values = [value for points in lines for _step, value in points]
    low, high = y_range or _range([*values, *more], shares)
    if not high > low:
        low, high = low - 0.5, low + 0.5
    return Scale(max(x_max or 1, last, 1), low, high, shares, frame)


def _range(values: Sequence[float], shares: bool) -> tuple[float, float]:
    """Room above and below the values; shares get no room outside 0 to 1."""
    low, high = min(values), max(values)
    room = (high - low) * 0.12 or 0.05
    if shares and low >= 0 and high <= 1:
        return max(low - room, 0), min(high + room, 1)
    return low - room, high + room


def _summary(
    title: str, series: Mapping[str, Points], levels: Mapping[str, float], scale: Scale
) -> str:
    parts = [
        _(
            "{name} from {first} to {last}",
            name=name,
            first=scale.label(points[0][1]),
            last=scale.label(points[-1][1]),
        )
        for name, points in series.items()
    ]
    parts += [f"{name} {scale.label(value)}" for name, value in levels.items()]
    return _("{name}: {line}", name=title, line=_("; ").join(parts))


def _log_scale(lines: Sequence[Points], scale: Scale) -> NarrowLogScale | None:
    """The same steps over the logarithm of the values; None where one of them has none."""
    values = [value for points in lines for _step, value in points]
    if min(values) <= 0:
        return None
    low, high = math.log10(min(values)), math.log10(max(values))
    room = (high - low) * 0.08 or 0.1
    return NarrowLogScale(scale.x_max, low - room, high + room, scale.percent, scale.frame)


def _picture(
    kind: str,
    scale: Scale,
    series: Mapping[str, Points],
    styles: Mapping[str, int],
    smooth: Mapping[str, Points],
    levels: Mapping[str, float],
    errors: Mapping[str, Mapping[float, float]],
) -> dict:
    """What the template draws on one scale; kind: "linear" or "log"."""
    finite = [_finite(points) for points in series.values()]
    return {
        "kind": kind,
        "scale": scale,
        "baselines": [scale.y(value) for value in levels.values()],
        "baseline_names": list(_baseline_names(scale, levels, finite)),
        "lines": [
            _line(scale, styles[name], points, smooth.get(name), errors.get(name, {}))
            for name, points in series.items()
        ],
    }


def _line(
    scale: Scale,
    style: int,
    points: Points,
    smooth: Points | None,
    errors: Mapping[float, float],
) -> dict:
    """What the template draws of a line. A point alone between two breaks has its mark."""
    spots = [(scale.x(step), scale.y(value)) for step, value in _finite(smooth or points)]
    has_room = len(spots) <= MOST_MARKS and not smooth
    bars = [
        f"M{x:.1f} {scale.y(low):.1f} V{scale.y(high):.1f}"
        for x, low, high in (
            (scale.x(step), value - errors[step], value + errors[step])
            for step, value in _finite(points)
            if step in errors
        )
    ]
    return {
        "bars": " ".join(bars if has_room else bars[-1:]),
        "style": style,
        "path": svg_path(scale, points),
        "smooth": svg_path(scale, smooth) if smooth else "",
        "marks": spots if has_room else spots[-1:],
    }


def _brief(points: Points) -> list[Point]:
    """The finite points, in as many digits as are read out, and two more: a page that watches a run
    gets them anew each second.
    """
    return [(step, float(f"{value:.5g}")) for step, value in _finite(points)]


def _bar_ends(points: Points, errors: Mapping[float, float]) -> list[float]:
    """Both ends of each error bar of a line."""
    known = [(value, errors[step]) for step, value in _finite(points) if step in errors]
    return [end for value, error in known for end in (value - error, value + error)]


def _last(points: Points, errors: Mapping[float, float], scale: Scale) -> str:
    """A line's last value, as the legend has it: with its standard error, where that is known."""
    step, value = points[-1]
    if step not in errors or not is_finite(value):
        return scale.label(value)
    error = f"{100 * errors[step]:.1f}" if scale.percent else f"{errors[step]:.2g}"
    return f"{scale.label(value)} ± {error}"


def _chart_data(
    scales: Mapping[str, Scale],
    series: Mapping[str, Points],
    smooth: Mapping[str, Points],
    background: Sequence[Background],
    errors: Mapping[str, Mapping[float, float]],
) -> str:
    """What static/charts.js reads a chart's values from, as JSON; a point is [step, value]."""
    scale = scales["linear"]
    lines: list[dict] = [
        {"name": name, "points": _brief(points), "smooth": _brief(smooth.get(name, ()))}
        for name, points in series.items()
    ]
    for line in lines:
        if known := errors.get(line["name"]):
            line["errors"] = {step: float(f"{error:.3g}") for step, error in known.items()}
    lines += [
        {"name": layer.label, "points": _brief(layer.lines[0]), "run": layer.run}
        for layer in background
        if layer.run
    ]
    about = {
        "frame": asdict(scale.frame),
        "x_max": scale.x_max,
        "percent": scale.percent,
        "scales": {kind: [each.low, each.high] for kind, each in scales.items()},
        "lines": lines,
    }
    return json.dumps(about, separators=(",", ":"))


def _baseline_names(
    scale: Scale, levels: Mapping[str, float], lines: Sequence[Points]
) -> Iterator[dict]:
    """Each name stands at that end of its baseline where the lines leave it more room."""
    frame = scale.frame
    spots = [(scale.x(step), scale.y(value)) for points in lines for step, value in _dense(points)]
    near_start = [y for x, y in spots if x < frame.left + BASELINE_NAME_WIDTH]
    near_end = [y for x, y in spots if x > frame.right - BASELINE_NAME_WIDTH]
    heights = _baseline_name_heights(scale, list(levels.values()))
    for (name, value), height in zip(levels.items(), heights, strict=True):
        room_at_start, room_at_end = (
            min((abs(y - height) for y in near), default=frame.height)
            for near in (near_start, near_end)
        )
        at_start = room_at_start > room_at_end
        yield {
            "text": f"{name} {scale.label(value)}",
            "x": frame.left + 4 if at_start else frame.right,
            "y": height,
            "anchor": "start" if at_start else "end",
        }


def _dense(points: Points, between: int = 8) -> Iterator[Point]:
    """A line's points, and some between each two."""
    yield from points[:1]
    for (step, value), (next_step, next_value) in zip(points, points[1:], strict=False):
        for part in range(1, between + 1):
            share = part / between
            yield step + (next_step - step) * share, value + (next_value - value) * share


def _baseline_name_heights(scale: Scale, values: Sequence[float]) -> list[float]:
    """Above its line, or below where a name would run into the one above it; in the given order."""
    heights: dict[int, float] = {}
    above = -math.inf
    for place, value in sorted(enumerate(values), key=lambda item: -item[1]):
        y = scale.y(value) - 6
        if y - above < BASELINE_NAME_HEIGHT:
            y = max(scale.y(value) + 16, above + BASELINE_NAME_HEIGHT)
        above = heights[place] = y
    return [heights[place] for place in range(len(values))]


def _heads(series: Mapping[str, Points], errors: Mapping[str, Mapping[float, float]]) -> list[str]:
    """The columns of the points as a table, beside the step: the lines, and their errors."""
    return [*series, *(_("{name}: standard error", name=name) for name in errors)]


def _points_table(
    series: Mapping[str, Points], errors: Mapping[str, Mapping[float, float]]
) -> list[list[str]]:
    """A row for each step: the step, each line's value there, and its standard error."""
    steps = sorted({step for points in series.values() for step, _value in points})
    known: list[Mapping[float, float]] = [dict(points) for points in series.values()]
    known += errors.values()
    return [
        [plain_number(step), *(short_number(points.get(step)) for points in known)]
        for step in steps
    ]
