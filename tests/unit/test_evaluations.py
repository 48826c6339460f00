"""What an evaluation means in counts, by its numbers."""

import math
from dataclasses import replace

import pytest

from languages import speaking
from pipeline.explain.evaluations import Evaluation, evaluations_of, said_of
from pipeline.runs.folder import as_line, event_in
from pipeline.runs.progress import Run

LABELS = (1,) * 279 + (0,) * 129  # as MRPC's validation split
MAJORITY = 279


def evaluation(step, loss, misses, false_alarms, sure=0.7):
    """Of the 279 equivalent pairs so many are missed, and so many of the others called equivalent."""
    shares = [1 - sure] * misses + [sure] * (279 - misses)
    shares += [sure] * false_alarms + [1 - sure] * (129 - false_alarms)
    right = 408 - misses - false_alarms
    return Evaluation(step, loss, right, 408, MAJORITY, 1, LABELS, tuple(shares))


BEFORE = evaluation(0, 0.60, 40, 74)  # 294 right


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (
            evaluation(42, 0.55, 30, 69),
            "After step 42: 309 of 408 right, 30 more than always predicting “equivalent”; "
            "15 more right than at step 0, and the loss fell.",
        ),
        (evaluation(42, 0.598, 30, 69), "15 more right than at step 0."),
        (
            evaluation(42, 0.70, 30, 69),
            "no fewer right, but the wrong predictions are further from",
        ),
        (
            evaluation(42, 0.70, 30, 69, sure=0.95),
            "more confident, even when wrong: 99 wrong predictions with a probability of 90% or more.",
        ),
        (
            evaluation(42, 0.55, 40, 75),
            "no change beyond chance in the number right since step 0, but closer",
        ),
        (evaluation(42, 0.602, 40, 75), "no change beyond chance since step 0."),
        (evaluation(42, 0.80, 100, 74), "60 fewer right than at step 0."),
        (evaluation(42, 0.80, 100, 74), "234 of 408 right, 45 fewer than always predicting"),
        (evaluation(42, 0.60, 29, 100), "279 of 408 right, as many as always predicting"),
        (
            evaluation(42, 0.60, 0, 129),
            "279 of 408 right, because it predicts “equivalent” for every pair",
        ),
        (
            evaluation(42, 0.60, 279, 0),
            "129 of 408 right, because it predicts “not_equivalent” for every pair",
        ),
        (evaluation(42, math.nan, 0, 0), "the loss is NaN or infinite"),
        (evaluation(42, math.inf, 0, 0), "the loss is NaN or infinite"),
    ],
)
def test_an_evaluation_in_one_sentence(now, said):
    sentence = str(said_of(now, BEFORE))
    assert said in sentence and sentence.endswith(".")
    with speaking("zh"):
        chinese = str(said_of(now, BEFORE))
    assert chinese != sentence and "right" not in chinese and chinese.endswith("。")


def test_the_first_stands_alone_and_one_after_nan_is_not_compared():
    assert str(said_of(BEFORE)) == (
        "Before training: 294 of 408 right, 15 more than always predicting “equivalent”."
    )
    broken = replace(BEFORE, loss=math.nan)
    assert "than at step" not in str(said_of(evaluation(42, 0.5, 30, 69), broken))


@pytest.mark.parametrize(("more", "is_noise"), [(5, True), (6, False)])
def test_where_pairs_change_sides_chance_is_counted_by_those_that_did(more, is_noise):
    """32 pairs change sides, 2 · more of them net: chance brings up to 2·sqrt(32) = 11.3."""
    now = evaluation(42, 0.60, 40, 74)
    shares = list(now.shares)
    for row in range(16 + more):  # missed before, right now
        shares[row] = 0.7
    for row in range(16 - more):  # right before, missed now
        shares[100 + row] = 0.3
    now = replace(now, right=294 + 2 * more, shares=tuple(shares))
    assert ("beyond chance" in str(said_of(now, BEFORE))) == is_noise


def test_a_few_changes_are_noise_and_the_same_few_among_fewer_are_not():
    without = replace(BEFORE, labels=(), shares=())
    after = replace(evaluation(42, 0.60, 30, 69), labels=(), shares=())
    assert "beyond chance" in str(said_of(after, without)), "other pairs would vary by more"
    assert "15 more right" in str(said_of(evaluation(42, 0.60, 30, 69), BEFORE))


# ---------------------------------------------------------------- of a run's events

START = {
    "event": "start",
    "seconds": 0,
    "total_steps": 4,
    "eval_pairs": 4,
    "labels": [1, 0, 1, 1],
    "majority": {"label": 1, "accuracy": 0.75, "f1": 0.857},
}


def told(**values):
    return {"event": "evaluation", "seconds": 1, "step": 0, "eval_loss": 0.5, **values}


def run_of(*events):
    return Run("0" * 32, "running", {}, [event for event in map(written, events) if event])


def written(event):
    """As a run's folder gives it back; None where the line is no event."""
    return event_in(as_line(event))


def test_a_runs_events_tell_its_evaluations():
    judged = told(eval_accuracy=0.75, right=3, shares=[0.9, 0.501, 0.7, 0.8], own_share=0.25)
    [one] = evaluations_of(run_of(START, judged))
    assert (one.right, one.pairs, one.majority, one.own_share) == (3, 4, 3, 0.25)
    assert one.answers == [1, 1, 1, 1] and one.rights == [True, False, True, True]
    [plain] = evaluations_of(run_of(START, told(eval_accuracy=0.75)))
    assert (plain.right, plain.shares, plain.own_share) == (3, (), None)
    [broken] = evaluations_of(run_of(START, told(eval_accuracy=math.nan, eval_loss=math.nan)))
    assert broken.right == 0 and math.isnan(broken.loss)
    assert evaluations_of(run_of(told())) == []


@pytest.mark.parametrize(
    "foreign",
    [
        {"shares": "<b>"},
        {"shares": [0.5, "<b>"]},
        {"shares": [1.5]},
        {"shares": [math.nan]},
        {"right": "3"},
        {"right": -1},
        {"own_share": 2},
        {"own_share": "x"},
    ],
)
def test_a_foreign_evaluation_is_no_event(foreign):
    assert written(told(**foreign)) is None


def test_an_evaluation_of_other_pairs_has_no_dots():
    [one] = evaluations_of(run_of(START, told(eval_accuracy=0.5, shares=[0.9])))
    assert one.shares == one.labels == () and one.right == 2
    assert run_of({**START, "labels": ["x"]}).events == []


# ---------------------------------------------------------------- of three labels and more

THREE = ("entailment", "neutral", "contradiction")
START_OF_THREE = {
    **START,
    "labels": [2, 0, 1, 2],
    "majority": {"label": 2, "accuracy": 0.5, "macro_f1": 0.222},
    "task": {"labels": list(THREE), "has_pair": True},
}


def test_three_labels_are_counted_by_their_most_probable_one():
    shares = [[0.1, 0.2, 0.7], [0.4, 0.35, 0.25], [0.05, 0.03, 0.92], [0.5, 0.3, 0.2]]
    judged = told(eval_accuracy=0.5, right=2, shares=shares, own_share=[0.2, 0.5, 0.3])
    run = run_of(START_OF_THREE, judged)
    assert run.labels == THREE and run_of(START).labels == ("not_equivalent", "equivalent")
    [one] = evaluations_of(run)
    assert one.answers == [2, 0, 2, 0] and one.rights == [True, True, False, False]
    assert one.surely_wrong == 1 and one.own_share == [0.2, 0.5, 0.3]
    assert str(said_of(one)) == (
        "Before training: 2 of 4 right, as many as always predicting “contradiction”."
    )
    constant = replace(one, right=1, shares=(shares[1],) * 4)
    assert "because it predicts “entailment” for every pair" in str(said_of(constant))


def test_shares_of_another_number_of_labels_have_no_dots():
    [one] = evaluations_of(run_of(START_OF_THREE, told(eval_accuracy=0.5, shares=[0.9] * 4)))
    assert one.shares == () and one.pairs == 4
    [other] = evaluations_of(run_of(START, told(eval_accuracy=0.5, shares=[[0.2, 0.3, 0.5]] * 4)))
    assert other.shares == ()


@pytest.mark.parametrize(
    "foreign",
    [
        {"labels": [3, 0, 1, 2]},
        {"labels": [-1, 0, 1, 2]},
        {"majority": {"label": 3, "accuracy": 0.5, "macro_f1": 0.2}},
        {"task": {"labels": ["alone"]}},
        {"task": {"labels": [0, 1, 2]}},
        {"task": {"labels": "abc"}},
        {"task": "mnli"},
        {"task": {"labels": list(THREE), "has_pair": "yes"}},
    ],
)
def test_a_start_that_names_not_its_labels_is_no_event(foreign):
    assert written(START_OF_THREE) and written({**START_OF_THREE, **foreign}) is None
