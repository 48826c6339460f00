"""What stands around a curve, as HTML: a stranger's text stays text, figures are the ones that were given, none is missing."""

import html
import json
import math
import re
from dataclasses import replace

import pytest

from pipeline.config import RUN_SETTINGS, TrainingConfig
from pipeline.explain.diagnosis import Diagnosis, Remedy
from pipeline.explain.forecast import Download, Forecast, Part, Size
from pipeline.explain.step_by_hand import Example, OneStep, Weight
from pipeline.explain.what_changed import Judgement
from pipeline.metrics import METRICS
from pipeline.runs.pace import Pace
from pipeline.runs.progress import Run
from pipeline.settings import LABELS
from pipeline.task import MRPC
from tabs.fine_tune.charts import CHARTS, RunChart
from tests.unit.test_drawing import Outline
from views import charts
from views import forecast as forecast_views
from views import one_step as one_step_views
from views import runs as run_views
from views.numbers import format_bytes

SCRIPT = "<script>alert(1)</script>\" ' & \u202e"


def said(drawn):
    Outline(drawn)
    assert "<script" not in drawn
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", drawn)).strip())


# ---------------------------------------------------------------- before it starts


def expected(peak=None, download=0, **more):
    parts = [
        Part("weights", 90_000_000, SCRIPT),
        Part("kept", 200_000_000, "a", passing=True),
        Part("evaluating", 500_000_000, "b", passing=True),
    ]
    values = {
        "config": TrainingConfig(),
        "pairs": 2000,
        "eval_pairs": 408,
        "steps_per_epoch": 125,
        "steps": 125,
        "evaluations": 4,
        "seconds": 92.0,
        "pace": Pace(2.0, 0.04, 0.01, SCRIPT, peak),
        "size": Size(1, 1, 1, 1, 1, 1),
        "memory": parts,
        "downloads": [
            Download("model", download, SCRIPT),
            Download("pairs", 0, SCRIPT),
            Download("metric", 0, SCRIPT),
        ],
        "data": SCRIPT,
        "notes": [SCRIPT],
        "warnings": [SCRIPT],
    }
    return Forecast(**{**values, **more})


@pytest.mark.parametrize(
    ("forecast", "line"),
    [
        (
            expected(),
            "125 steps · about 92 s here · 590 MB",
        ),
        (expected(peak=1_800_000_000), "1.8 GB"),
        (expected(download=438_000_000), "438 MB to download"),
    ],
)
def test_the_line_says_what_start_would_set_off(forecast, line):
    assert line in said(forecast_views.forecast_line(forecast))


def test_a_wait_for_its_turn_is_said_beforehand():
    assert "its turn comes in about 25 min" in said(forecast_views.forecast_line(expected(), 1500))
    assert "turn" not in said(forecast_views.forecast_line(expected()))


def test_nothing_is_said_of_memory_that_cannot_be_reckoned():
    assert "MB" not in said(forecast_views.forecast_line(expected(memory=[])))
    assert "Memory" not in said(forecast_views.forecast_tables(expected(memory=[])))


def test_the_arithmetic_adds_up():
    drawn = said(forecast_views.forecast_tables(expected(peak=1_800_000_000)))
    assert "125 steps × 16 pairs × 0.04 s" in drawn and "4 times 472 pairs × 0.01 s" in drawn
    assert "total 590 MB" in drawn and "measured 1.8 GB" in drawn


def test_each_download_stands_in_the_table_and_all_of_them_in_the_line():
    three = expected(
        downloads=[
            Download("model", 438_000_000, "from a"),
            Download("pairs", 996_342, "from b"),
            Download("metric", 0, "c"),
        ]
    )
    assert "439 MB to download" in said(forecast_views.forecast_line(three))
    assert "model 438 MB from a pairs 996 kB from b metric 0 c" in said(
        forecast_views.forecast_tables(three)
    )


# ---------------------------------------------------------------- while it goes on


def test_a_run_says_where_it_stands():
    drawn = run_views.run_status("running", 40, 60, 12.3)
    assert "step 40 of 60 · about 12 s left" in drawn and "aria-live" not in drawn
    assert "left" not in run_views.run_status("done", 60, 60, 12.3)
    assert "step 60 of 60<" in run_views.run_status("running", 60, 60, 0.0), (
        "what is left then is no step"
    )


@pytest.mark.parametrize(
    "state", ["queued", "running", "stopping", "done", "stopped", "failed", "expired"]
)
def test_every_state_can_be_drawn(state):
    assert run_views.STATE_NAMES[state] in run_views.run_status(state, 0, 0, None)


def test_numbers_that_are_missing_leave_a_blank():
    assert "<td></td>" in run_views.log_table([{"step": 1, "loss": 0.25, "stranger": 3}])
    assert "stranger" not in run_views.log_table([{"step": 1, "stranger": 3}])
    assert "–" in run_views.result_table([(METRICS["f1"], None, math.nan, 0.3)])


# ---------------------------------------------------------------- behind a curve


def test_earlier_runs_and_a_band_are_drawn_and_named():
    earlier = charts.earlier_run("a" * 32, SCRIPT, [(0, 0.8), (5, math.nan), (9, 0.5)])
    drawn = charts.line_chart(
        "Loss",
        {"mean": [(0, 0.7), (9, 0.5)]},
        x_label="step",
        y_label="share",
        x_max=9,
        baselines={},
        background=[earlier, charts.range_band(SCRIPT, [(0, 0.6, 0.8), (9, 0.4, 0.6)])],
    )
    assert "alert(1)" in said(drawn)
    # Each in the picture and in the legend
    assert drawn.count('class="band"') == 2 and drawn.count('class="earlier"') == 2
    assert "nan" not in drawn.lower()


def test_any_value_of_the_log_can_be_charted():
    """The chart that tabs/fine_tune/charts.py has as its example: one line there is all it takes."""
    chart = RunChart("Gradient norm", "L2 norm", {"grad_norm": "grad_norm"})
    log = [
        {"event": "log", "step": step, "seconds": step, "grad_norm": 1 / step} for step in (1, 2, 4)
    ]
    run = Run("0" * 32, "running", {}, [{"event": "start", "total_steps": 8, "seconds": 0}, *log])
    drawn = chart.draw(run)
    assert "Gradient norm: grad_norm from 1 to 0.25" in drawn and "L2 norm" in said(drawn)
    assert "appears with the first step" in said(chart.draw(Run("", "idle")))


def test_a_band_is_where_all_of_them_are():
    assert charts.mean_and_range([]) == ([], [])
    mean, edges = charts.mean_and_range(
        [[(1, 0.2), (2, math.inf), (3, 1.0)], [(3, 0.0), (1, 0.4), (2, 0.1)]]
    )
    assert mean == [(1, pytest.approx(0.3)), (3, 0.5)] and edges == [(1, 0.2, 0.4), (3, 0.0, 1.0)]


# ---------------------------------------------------------------- after it


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Learns well", "good"),
        ("Knew it already", "calm"),
        ("Too close to tell", "calm"),
        ("Learns something", "calm"),
        ("Too few pairs to tell", "calm"),
        ("Erratic", "sick"),
        ("Over-confident", "sick"),
    ],
)
def test_a_diagnosis_has_its_figures_and_its_remedy(name, kind):
    drawn = run_views.diagnosis_card(
        Diagnosis(name, SCRIPT, Remedy({"learning_rate": 5e-05, "checkpoint": SCRIPT}, SCRIPT))
    )
    assert f'class="diagnosis {kind}"' in drawn and "learning_rate = 5e-05" in said(drawn)
    assert "Try" not in said(run_views.diagnosis_card(Diagnosis(name, "x", Remedy({}, "why"))))
    figures = run_views.diagnosis_card(
        Diagnosis(name, "x", Remedy({}, "why"), f"accuracy 72.1% {SCRIPT}")
    )
    assert "accuracy 72.1%" in said(figures)


def test_what_a_run_changed_is_counted_and_listed():
    judgement = Judgement((1, 1, 0, 0, 1), (0.4, 0.1, 0.3, 0.6, 0.9), (0.6, 0.9, 0.8, 0.7, 0.95))
    pairs = [(f"{SCRIPT} {row}", "second") for row in range(5)]
    drawn = run_views.changed_pairs(judgement, pairs, LABELS)
    text = said(drawn)
    assert "2 fixed, 1 newly broken, 1 right both times, 1 wrong both times" in text
    assert "Before: accuracy 40.0%" in text and "After: accuracy 60.0%" in text
    assert re.findall(r'<td class="(\w+)"[^>]*>(\d+)<small>', drawn) == [
        ("right", "1"),
        ("wrong", "1"),
        ("wrong", "2"),
        ("right", "1"),
        ("right", "0"),
        ("wrong", "2"),
        ("wrong", "0"),
        ("right", "3"),
    ]
    assert "10.0% → 90.0%" in text and text.index("#1") < text.index("#0"), (
        "what moved most stands first"
    )
    gone = said(run_views.changed_pairs(judgement, None, LABELS))
    assert "no longer here" in gone and "#2" in gone


def test_no_more_pairs_are_listed_than_can_be_read():
    many = Judgement((1,) * 40, (0.1,) * 40, (0.9,) * 40)
    drawn = run_views.changed_pairs(many, [("a", "b")] * 40, LABELS)
    assert drawn.count(
        "10.0% → "
    ) == run_views.SHOWN_PAIRS and "Fixed: 40 pairs, the 6 that changed most" in said(drawn)
    assert "Newly broken: none." in said(drawn)


def test_the_tables_of_runs_and_seeds():
    drawn = run_views.runs_table(
        [('?run=1"><script>', SCRIPT, SCRIPT, 0.5, 0.75, math.nan, SCRIPT)]
    )
    assert "50.0% 75.0% –" in said(drawn)
    assert "no finished run" in run_views.runs_table([])
    seeds = said(
        run_views.seeds_table(
            [
                (42, "Done", 0.8, 0.85, 0.4),
                (43, "Done", 0.75, 0.8, 0.5),
                (44, "Running", None, None, None),
            ]
        )
    )
    assert (
        "mean accuracy 77.5%, from 75.0% to 80.0%: the seed alone makes a difference of 5.0 percentage points"
        in seeds
        and "seed 44 Running – – –" in seeds
    )
    assert "apart by" not in said(run_views.seeds_table([(42, "Done", 0.8, 0.85, 0.4)]))


def test_the_names_and_defaults_of_trainer_are_trainers():
    """What the form says of TrainingArguments is what the installed one has."""
    import inspect

    from transformers import TrainingArguments

    parameters = inspect.signature(TrainingArguments).parameters
    there = {one.argument: one.trainer_default for one in RUN_SETTINGS.values() if one.argument}
    assert {name: parameters[name].default for name in there} == there
    own = {name for name, one in RUN_SETTINGS.items() if not one.argument}
    assert own == {
        "changed_share",
        "train_pairs",
        "eval_pairs",
        "train_eval_pairs",
        "early_stopping_patience",
        "method",
        "frozen_layers",
        "max_length",
        "dropout",
        "checkpoint",
        "source",
        "task_name",
    }
    assert not own & parameters.keys()
    assert "group_by_length" not in parameters and parameters["logging_steps"].default == 500
    text = said(forecast_views.names_table(RUN_SETTINGS.values()))
    assert (
        "batch_size per_device_train_batch_size 16 8" in text
        and "learning_rate learning_rate 0.0002 5e-05" in text
    )
    differing = "max_steps, learning_rate, batch_size, eval_strategy, eval_steps, warmup_steps, "
    differing += "weight_decay, train_sampling_strategy, precision"
    assert f"differs from Trainer's defaults in 9 of {len(there)} settings: {differing}." in text


# ---------------------------------------------------------------- one step by hand


def test_a_step_is_told_in_the_order_in_which_it_happens():
    examples = [
        Example(7, SCRIPT, "second", 1, 0.25, 1.386294),
        Example(9, "a", "b", 0, 0.5, 0.693147),
    ]
    step = OneStep(
        examples,
        (2, 30),
        1.0397,
        1.0397,
        2.5,
        2.5000001,
        1000,
        900,
        810,
        2e-4,
        188.0,
        188.0,
        3e-9,
        0.4,
        1.2e-05,
        [Weight("classifier.weight[0, 0]", 0.5, 0.1, 0.4998, 0.4998)],
        [SCRIPT],
        1.25,
        TrainingConfig(),
        "tiny/bert",
        "embedded",
        MRPC,
    )
    text = said(one_step_views.one_step(step, LABELS))
    order = [
        "2 pairs, padded to 30 tokens",
        "#7",
        "1.3863",
        "loss, the mean of these",
        "1.0397000",
        "gradient",
        "norm of all weights",
        "Three weights",
        "0.4998000",
        "3.0e-09",
        "changed 900 of 1,000 weights",
        "90% changed by the learning_rate, 0.0002",
        "multiplied the gradient by 0.4, as its norm is 2.5",
        "more than 1.2e-05",
        "in 1.2 s",
    ]
    places = [text.find(part) for part in order]
    assert -1 not in places and places == sorted(places), dict(zip(order, places, strict=True))


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (90_855_944, "91 MB"),
        (1_266_539_296, "1.3 GB"),
        (12_000_000_000, "12 GB"),
    ],
)
def test_bytes_as_people_say_them(count, text):
    assert format_bytes(count) == text


def test_the_log_has_the_columns_of_its_tasks_metrics():
    two = {"step": 4, "eval_loss": 0.6, "eval_accuracy": 0.7, "eval_f1": 0.8}
    three = {"step": 4, "eval_loss": 0.6, "eval_accuracy": 0.7, "eval_macro_f1": 0.65}
    drawn = [run_views.log_table([row]) for row in (two, three)]
    assert ["eval_f1" in table for table in drawn] == [True, False]
    assert ["eval_macro_f1" in table for table in drawn] == [False, True]


def test_a_chart_has_the_metrics_of_its_task():
    def drawn(f1):
        majority = {"label": 1, "accuracy": 0.5, f1: 0.4}
        start = {"event": "start", "seconds": 0, "total_steps": 4, "majority": majority}
        figures = {"eval_loss": 0.6, "eval_accuracy": 0.7, f"eval_{f1}": 0.6}
        told = {"event": "evaluation", "seconds": 1, "step": 0, **figures}
        return CHARTS[2].draw(Run("0" * 32, "running", {}, [start, told]))

    assert "macro-F1" in drawn("macro_f1") and "macro-F1" not in drawn("f1")


def story(*evaluations, config=None, **start):
    """A run that goes on, its evaluations at step 0, 4, …"""
    majority = {"label": 1, "accuracy": 0.684, "f1": 0.812}
    told = {"total_steps": 8, "majority": majority, "eval_pairs": 408, "train_sample": 64, **start}
    events = [{"event": "start", "seconds": 0, **told}]
    events += [
        {"event": "evaluation", "seconds": 1, "step": 4 * number, "eval_loss": 0.6, **figures}
        for number, figures in enumerate(evaluations)
    ]
    return Run("0" * 32, "running", config or {}, events)


def drawn_lines(run, chart):
    """{name: its data} of the lines of one of CHARTS."""
    drawn = str(CHARTS[chart].draw(run))
    data = json.loads(html.unescape(re.search('data-chart="(.*?)"', drawn)[1]))
    return drawn, {line["name"]: line for line in data["lines"]}


BOTH = {"eval_accuracy": 0.8, "eval_f1": 0.86, "train_accuracy": 0.95, "train_f1": 0.96}


def test_training_is_drawn_beside_validation_with_its_standard_error_and_the_gap_named():
    first = {**BOTH, "eval_accuracy": 0.7, "train_accuracy": 0.55}
    drawn, lines = drawn_lines(story(first, BOTH), 1)
    assert lines["training"]["points"] == [[0, 0.55], [4, 0.95]]
    errors = lines["validation"]["errors"]
    assert errors["4"] == pytest.approx(math.sqrt(0.8 * 0.2 / 408), rel=1e-2)
    assert "errors" not in lines["training"]
    assert "80.0% ± 2.0" in said(drawn) and "validation: standard error" in said(drawn)
    # Each bar reaches one error up and one down on the chart's own scale
    bars = re.search(r'<path class="bars" d="M[\d.]+ ([\d.]+) V([\d.]+) M([^"]*)"', drawn)
    assert bars and float(bars[1]) > float(bars[2])
    assert "the gap grew from -15.0 to 15.0 points" in said(drawn)
    drawn, lines = drawn_lines(story(BOTH), 2)
    error = (1 - 0.86) * math.sqrt(0.86 * (2 - 0.86) / (408 * 0.2))
    assert lines["F1, validation"]["errors"]["0"] == pytest.approx(error, rel=1e-2)


def test_a_run_of_an_earlier_version_is_drawn_without_the_training_line():
    old = {name: BOTH[name] for name in ("eval_accuracy", "eval_f1")}
    drawn, lines = drawn_lines(story(old, train_sample=None), 1)
    assert list(lines) == ["validation"] and 'class="series series1' in drawn
    assert "gap" not in said(drawn)
    assert all(chart.draw(story(old, train_sample=None, eval_pairs=None)) for chart in CHARTS)


def test_the_step_whose_weights_are_kept_is_marked():
    worse = {**BOTH, "eval_accuracy": 0.75}
    config = {"metric_for_best_model": "accuracy", "eval_strategy": "steps"}
    run = story({**BOTH, "eval_accuracy": 0.99}, worse, BOTH, worse, BOTH, config=config)
    assert "best: step 8" in said(CHARTS[1].draw(run)), "the first of the best after the start"
    assert "best:" not in said(CHARTS[1].draw(story(BOTH, worse)))


def test_a_long_gradient_is_counted_over_the_limit_that_is_drawn():
    logs = [
        {"event": "log", "seconds": 1, "step": step, "loss": 0.6, "grad_norm": norm}
        for step, norm in enumerate((0.5, 2.0, 3.0), 1)
    ]
    run = replace(story(BOTH), events=[*story(BOTH).events, *logs])
    text = said(CHARTS[3].draw(run))
    assert "2 of 3 steps had a longer gradient; it was scaled down to 1" in text
    assert "max_grad_norm 1" in text
