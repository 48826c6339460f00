"""Line charts: well-formed SVG from whatever a loss may be, lines and baselines told apart."""

import html
import itertools
import json
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
    [path] = re.findall(r'series0"><path d="(M5[^"]*)"/><circle', drawn)
    assert re.sub("[^ML]", "", path) == "MM", "no line across a break"
    assert (
        "f1: NaN or infinite at 2 of 4 points, first at step 2" in drawn and "−∞</strong>" in drawn
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


def data_of(drawn):
    """What the page's script reads of a chart."""
    return json.loads(html.unescape(re.search('data-chart="(.*?)"', drawn)[1]))


def test_a_noisy_line_is_drawn_smoothed_and_raw():
    points = [(step, 1 + step % 2) for step in range(1, 60)]
    drawn = draw_curve({"loss": points, "eval": [(30, 1.5)]}, noisy=["loss"])
    raw, smooth = re.search(
        r'noisy"><path d="(.*?)"/><path class="smooth" d="(.*?)"', drawn
    ).groups()
    assert raw.count("L") == smooth.count("L") == 58 and raw != smooth
    loss, evaluation = data_of(drawn)["lines"]
    assert loss["points"] == [[step, value] for step, value in points]
    assert [value for _step, value in loss["smooth"][-10:]] == pytest.approx([1.5] * 10, abs=0.1)
    assert evaluation["smooth"] == []
    assert 'data-switch="smooth"' in drawn and 'data-switch="smooth"' not in draw_curve(
        {"a": points}
    )


def test_smoothing_starts_at_the_first_value_and_breaks_where_the_line_does():
    drawn = charts.smoothed([(1, 3.0), (2, math.nan), (3, 3.0)])
    assert [step for step, _value in drawn] == [1, 2, 3] and math.isnan(drawn[1][1])
    assert [value for _step, value in drawn[::2]] == pytest.approx([3.0, 3.0])


def test_a_logarithmic_scale_is_offered_where_each_value_has_a_logarithm():
    drawn = draw_curve({"loss": [(1, 0.1), (2, 1.0), (3, 10.0)]}, logarithmic=True)
    low, high = data_of(drawn)["scales"]["log"]
    assert low == pytest.approx(-1.16) and high == pytest.approx(1.16)
    heights = re.search(r'class="on-log">.*?series0"><path d="(.*?)"', drawn, re.DOTALL)[1]
    first, second, third = (float(y) for y in re.findall(r"[\d.]+ ([\d.]+)", heights))
    assert first - second == pytest.approx(second - third, abs=0.2)
    drawn = draw_curve({"loss": [(1, 0.0), (2, 1.0)]}, logarithmic=True)
    assert list(data_of(drawn)["scales"]) == ["linear"] and 'data-switch="log"' not in drawn


def test_an_earlier_run_has_its_button_and_its_values():
    drawn = draw_curve(
        {"loss": [(1, 0.5), (9, 0.4)]},
        background=[charts.earlier_run("a" * 32, "<Otter>", [(0, 0.7), (9, math.nan)])],
    )
    assert re.search(r'<button[^>]* data-run="a{32}" aria-pressed="true"', drawn)
    assert "&lt;Otter&gt;" in drawn and "<Otter>" not in drawn
    assert data_of(drawn)["lines"][1] == {
        "name": "<Otter>",
        "points": [[0, 0.7]],
        "run": "a" * 32,
    }


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
