"""Training beside validation, and one evaluation beside another: what chance explains."""

import math
import random

import pytest

from pipeline.explain.evaluations import Evaluation
from pipeline.explain.gap import Gap, best_and_last, compared, gap_of, gap_said
from pipeline.runs.progress import Run, kept_step


def test_the_error_of_a_gap_is_what_chance_does_to_it():
    """Drawn a thousand times: four samples of pairs that are right with the same probability."""
    draw = random.Random(3)

    def share(pairs):
        return sum(draw.random() < 0.8 for _ in range(pairs)) / pairs

    grown = [100 * (share(64) - share(408) - share(64) + share(408)) for _ in range(1000)]
    deviation = math.sqrt(sum(points**2 for points in grown) / len(grown))
    assert Gap(0.8, 0.8, (0.8, 0.8), 64, 408).error == pytest.approx(deviation, rel=0.1)


@pytest.mark.parametrize(
    ("began", "ended", "said"),
    [
        ((0.7, 0.7), (1.0, 0.7), "the gap grew from 0.0 to 30.0 points, more than chance"),
        # A sample that was easier from the start says nothing
        ((0.85, 0.72), (0.87, 0.73), "a gap of 14.0 points, 13.0 before training, which is within"),
        ((0.8, 0.8), (0.85, 0.8), "a gap of 5.0 points, 0.0 before training, which is within"),
        ((0.8, 0.8), (0.7, 0.8), "a gap of -10.0 points"),
        ((1.0, 1.0), (1.0, 1.0), "a gap of 0.0 points"),
    ],
)
def test_a_gap_is_named(began, ended, said):
    assert said in str(gap_said(Gap(*ended, began, 64, 408)))


def evaluation(step, rights):
    labels = (1,) * len(rights)
    shares = tuple(0.9 if right else 0.1 for right in rights)
    return Evaluation(step, 0.5, sum(rights), len(rights), 50, 1, labels, shares)


def test_two_evaluations_are_told_apart_by_the_pairs_that_changed():
    base = [True] * 70 + [False] * 30
    ten_more = evaluation(8, [True] * 80 + [False] * 20)
    said = str(compared(ten_more, evaluation(4, base)))
    assert "80.0% at step 8 is better than 70.0% at step 4: 10 more pairs are right" in said
    assert "chance brings up to 6" in said  # two standard errors of ten pairs that changed
    # As many more are right, but other pairs: fifty changed
    others = evaluation(8, [False] * 20 + [True] * 80)
    said = str(compared(others, evaluation(4, base)))
    assert "isn't clearly better than 70.0%" in said and "chance brings up to 14" in said


def test_the_best_is_compared_with_the_last_or_the_one_before():
    low, high = [True] * 60 + [False] * 40, [True] * 90 + [False] * 10
    told = [evaluation(0, high), evaluation(4, high), evaluation(8, low)]
    assert str(best_and_last(told)).startswith("90.0% at step 4 is better than 60.0% at step 8")
    told = [evaluation(0, high), evaluation(4, low), evaluation(8, high)]
    assert str(best_and_last(told)).startswith("90.0% at step 8 is better than 60.0% at step 4")
    assert best_and_last(told[:2]) == "" == best_and_last([])


def run_with(config, values):
    events = [
        {"event": "evaluation", "seconds": 1, "step": step, name: value}
        for step, name, value in values
    ]
    return Run("0" * 32, "running", config, events)


def test_the_kept_step_is_the_first_of_the_best_after_the_start():
    losses = [(0, "eval_loss", 0.1), (5, "eval_loss", 0.5), (10, "eval_loss", 0.4)]
    losses += [(15, "eval_loss", 0.4), (20, "eval_loss", math.nan)]
    by_loss = {"metric_for_best_model": "loss", "eval_strategy": "steps"}
    assert kept_step(run_with(by_loss, losses)) == 10
    scores = [(5, "eval_macro_f1", 0.5), (10, "eval_macro_f1", 0.7), (15, "eval_macro_f1", 0.6)]
    assert kept_step(run_with({"metric_for_best_model": "f1"}, scores)) == 10
    for config in ({}, {"metric_for_best_model": "none"}, {**by_loss, "eval_strategy": "no"}):
        assert kept_step(run_with(config, losses)) is None
    assert kept_step(run_with(by_loss, losses[:1])) is None


def test_no_gap_where_no_training_pairs_were_judged_or_no_step_was_made():
    start = {"event": "start", "seconds": 0, "eval_pairs": 408, "train_sample": 64}
    first = {"event": "evaluation", "seconds": 1, "step": 0, "eval_accuracy": 0.7}
    first = {**first, "train_accuracy": 0.75}
    last = {**first, "step": 5, "eval_accuracy": 0.8, "train_accuracy": 0.9}

    def gap(*events):
        return gap_of(Run("0" * 32, "running", {}, list(events)))

    assert gap(start, first, last) == Gap(0.9, 0.8, (0.75, 0.7), 64, 408)
    assert gap(start, first) is None and gap({**start, "train_sample": 0}, first, last) is None
    assert gap(start, first, {**last, "train_accuracy": math.nan}) is None
