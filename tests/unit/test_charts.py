"""Line charts: well-formed SVG from whatever a loss may be, lines and baselines told apart."""

import itertools
import math
import re
from xml.etree import ElementTree

import pytest

from views import charts


def draw_curve(series, baselines=None, **more):
    return charts.line_chart(
        "Scores",
        series,
        baselines=baselines or {},
        x_label="step",
        y_label="share",
        x_max=60,
        **more,
    )


def test_an_empty_curve_says_when_it_fills():
    for series in ({}, {"loss": []}, {"loss": [(3, None)]}):
        drawn = draw_curve(series, {"majority accuracy": 0.684})
        assert "appears with the first step" in drawn and "nan" not in drawn
        assert (
            "ended before there was a point" in (drawn := draw_curve(series, ended=True))
            and "first step" not in drawn
        )


def test_bad_numbers_leave_the_good_ones():
    drawn = draw_curve(
        {"f1": [(1, 0.5), (2, math.nan), (3, 0.6), (4, -math.inf)]}, {"majority F1": math.nan}
    )
    assert not re.search(r'(?:d|x|y|cx|cy)="[^"]*(?:nan|inf)', drawn)
    [path] = re.findall(r'<path d="(M[^"]*)"/><circle', drawn)[:1]
    assert re.sub("[^ML]", "", path) == "MM", "no line across a break"
    assert (
        "f1 is NaN or infinite at 2 of 4 points, first at step 2" in drawn
        and "<strong>−∞</strong>" in drawn
    )


@pytest.mark.parametrize(
    "points", [[(0, 0.0)], [(5, 0.5), (5, 0.5)], [(1, 1e-9), (2, 1e9)], [(1, -3), (900, -3)]]
)
@pytest.mark.parametrize("y_range", [None, (0, 1), (1, 1)])
def test_a_curve_is_well_formed_svg(points, y_range):
    drawn = draw_curve({"f1": points}, y_range=y_range)
    for svg in re.findall(r"<svg.*?</svg>", drawn):
        ElementTree.fromstring(svg)
    assert 'role="img" aria-label="Scores: f1 from' in drawn


def test_baselines_are_named_dashed_and_apart():
    drawn = draw_curve(
        {"f1": [(1, 0.5)]}, {"majority accuracy": 0.684, "majority F1": 0.69}, y_range=(0, 1)
    )
    assert "majority accuracy 68.4%" in drawn and drawn.count('<line class="baseline"') == 2
    heights = [float(y) for y in re.findall(r'<text class="baseline" x="\d+" y="([\d.]+)"', drawn)]
    assert abs(heights[0] - heights[1]) >= 22
    assert drawn.rindex("majority accuracy") < drawn.rindex("majority F1"), (
        "names stand in the order given"
    )


def test_lines_differ_in_their_marks():
    drawn = draw_curve({"a": [(1, 0.5)], "b": [(1, 0.6)], "c": [(1, 0.7)]})
    assert "<circle" in drawn and "<rect" in drawn and "rotate(45" in drawn


@pytest.mark.parametrize(
    "low, high", [(0, 1), (0.43, 0.71), (-2, 3), (0, 1e-6), (0, 2000), (5, 5), (0.999, 1.0)]
)
def test_ticks_rise_evenly_within_the_range(low, high):
    found = charts.ticks(low, high)
    steps = [b - a for a, b in itertools.pairwise(found)]
    assert 1 <= len(found) <= 8 and low <= found[0] and found[-1] <= high
    assert all(step > 0 and step == pytest.approx(steps[0]) for step in steps)
