"""The metric against scikit-learn's own figures."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from pipeline.metrics import build_compute_metrics, load_metric


@pytest.fixture(scope="module")
def metric():
    return load_metric()[0]


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
    }
    assert all(type(value) is float for value in figures.values())


def test_nothing_predicted_positive_is_an_f1_of_zero(metric):
    assert build_compute_metrics(metric)((np.array([[1.0, 0.0]] * 3), np.array([1, 1, 0]))) == {
        "accuracy": 1 / 3,
        "f1": 0.0,
    }


def test_where_the_hub_is_off_the_metric_says_so():
    _, origin = load_metric()
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
    metric, _ = load_metric()
    assert metric.compute(predictions=[1, 0], references=[1, 1])["accuracy"] == 0.5


def test_a_hub_without_metrics_is_stood_in_for_in_time(loopback, glue_folder):
    told = loopback("--dataset", f"nyu-mll/glue={glue_folder}").ask("""
import evaluate, huggingface_hub.hf_api
from pipeline.metrics import load_metric
(metric, origin), seconds = timed(load_metric)
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
