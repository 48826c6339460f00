"""The metric against scikit-learn's own figures."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from pipeline.__main__ import columns, figures_said
from pipeline.export.csv_answers import Answered, scores_of
from pipeline.metrics import (
    build_compute_metrics,
    load_metric,
    macro_f1,
    majority,
    matthews_correlation,
)
from pipeline.runs.supervisor import Run
from pipeline.settings import LABELS, Settings
from pipeline.task import MNLI
from tabs.fine_tune.api import run_as_data
from tabs.fine_tune.charts import CHARTS
from views.runs import LOG_COLUMNS, result


@pytest.fixture(scope="module")
def metric():
    return load_metric(Settings())[0]


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.floats(-9, 9), st.floats(-9, 9)), min_size=1, max_size=40
    )
)
def test_random_logits_score_as_scikit_learn_scores_them(metric, rows):
    labels, logits = np.array([row[0] for row in rows]), np.array([row[1:] for row in rows])
    predictions = (logits[:, 1] > logits[:, 0]).astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "error"
        )  # no positive prediction is no reason to warn at each evaluation
        figures = build_compute_metrics(metric)((logits, labels))
    assert figures == {
        "accuracy": accuracy_score(labels, predictions),
        "f1": f1_score(labels, predictions, zero_division=0),
        "matthews_correlation": pytest.approx(matthews_corrcoef(labels, predictions)),
    }
    assert all(type(value) is float for value in figures.values())


def test_nothing_predicted_positive_is_an_f1_of_zero(metric):
    assert build_compute_metrics(metric)((np.array([[1.0, 0.0]] * 3), np.array([1, 1, 0]))) == {
        "accuracy": 1 / 3,
        "f1": 0.0,
        "matthews_correlation": 0.0,
    }


def test_where_the_hub_is_off_the_metric_says_so():
    _, origin = load_metric(Settings())
    assert (origin.place, origin.stands_in) == (
        "embedded",
        True,
    ) and "HF_HUB_OFFLINE is set" in origin.reason


def test_a_folder_named_glue_in_the_working_directory_is_not_taken_for_the_metric(
    tmp_path, monkeypatch
):
    (tmp_path / "glue").mkdir()
    (tmp_path / "glue" / "glue.py").write_text("raise SystemExit('a stranger ran')")
    monkeypatch.chdir(tmp_path)
    metric, _ = load_metric(Settings())
    assert metric.compute(predictions=[1, 0], references=[1, 1])["accuracy"] == 0.5


def test_a_hub_without_metrics_is_stood_in_for_in_time(loopback, glue_folder):
    told = loopback("--dataset", f"nyu-mll/glue={glue_folder}").ask("""
import evaluate, huggingface_hub.hf_api
from pipeline.metrics import load_metric
from pipeline.settings import Settings
(metric, origin), seconds = timed(load_metric, Settings())
figures = metric.compute(predictions=[1, 0, 1], references=[1, 1, 1])
print(json.dumps([origin.place, origin.reason, seconds, figures["f1"]]))
""")
    place, reason, seconds, f1 = told
    assert (
        place == "embedded"
        and "because the Hub" in reason
        and seconds < 6
        and f1 == pytest.approx(0.8)
    )


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60))
def test_matthews_correlation_is_scikit_learns_for_any_number_of_labels(rows):
    labels, predictions = zip(*rows, strict=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of one label alone
        expected = matthews_corrcoef(labels, predictions)
    assert matthews_correlation(labels, predictions) == pytest.approx(expected)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60))
def test_macro_f1_is_scikit_learns_for_any_number_of_labels(rows):
    labels, predictions = zip(*rows, strict=True)
    expected = f1_score(labels, predictions, average="macro", zero_division=0)
    assert macro_f1(labels, predictions) == pytest.approx(expected)


def test_three_labels_are_measured_without_a_module():
    metric, origin = load_metric(Settings(), MNLI)
    assert metric is None and "macro-F1" in origin.loaded
    logits = [[2.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 3.0, 1.0], [0.0, 0.0, 1.0]]
    figures = build_compute_metrics(metric, MNLI)((logits, [0, 1, 1, 2]))
    assert figures == {
        "accuracy": 0.75,
        "macro_f1": pytest.approx(f1_score([0, 1, 1, 2], [0, 2, 1, 2], average="macro")),
        "matthews_correlation": pytest.approx(matthews_corrcoef([0, 1, 1, 2], [0, 2, 1, 2])),
    }
    assert majority([0, 1, 1, 2], MNLI.metrics)["macro_f1"] == pytest.approx(2 / 9)


def test_matthews_correlation_is_shown_where_accuracy_is():
    """Result, log, command line, scores of a file; it is no share, so no line of the chart."""
    figures = {"accuracy": 0.75, "f1": 0.8, "matthews_correlation": 0.5}
    assert LOG_COLUMNS[-1] == "eval_matthews_correlation"
    events = [
        {"event": "start", "majority": majority([1, 1, 0, 0])},
        {
            "event": "done",
            "seconds": 1,
            "before": {**figures, "loss": 1.0},
            "after": {**figures, "loss": 1.0},
        },
    ]
    drawn = result(Run("", "done", {}, events))
    assert "Matthews correlation" in drawn and "0.500" in drawn and "+0.000" in drawn
    head, row = columns(figures)
    assert head.endswith("  Matthews correlation") and row.endswith("0.500")
    assert figures_said(figures) == "accuracy 75.0%, F1 80.0%, Matthews correlation 0.500"
    assert not any("matthews" in key for chart in CHARTS for key in chart.series.values())
    shares = dict.fromkeys(LABELS, 0.5)
    right, wrong = (SimpleNamespace(label=one, probabilities=shares) for one in LABELS[::-1])
    answers = [Answered(SimpleNamespace(label=LABELS[1]), each) for each in (right, wrong)]
    assert scores_of(answers).figures["matthews_correlation"] == 0.0
    done = run_as_data(Run("", "done", {}, events))
    assert done["after"]["matthews_correlation"] == 0.5
