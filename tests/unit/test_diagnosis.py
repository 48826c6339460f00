"""Real and made curves get the name that a lecturer would give, and every remedy is a run that may be started."""

import json
import math
import random
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import TrainingConfig
from pipeline.explain import diagnosis, evidence, remedies
from pipeline.explain.diagnosis import CLEAR_CHANGE, CLEARLY_ABOVE, diagnose
from pipeline.explain.evidence import Evidence, evidence_of, f1_error, standard_error
from pipeline.runs.progress import Run
from pipeline.settings import EMBEDDED_CHECKPOINT, READY, WARMED, Settings
from tests.conftest import ROOT

MRPC = 279 / 408  # the majority's accuracy on MRPC's validation split; its F1 is 81.2%


def made(
    train,
    val,
    accuracy,
    f1=None,
    steps=80,
    pairs=408,
    majority=MRPC,
    answers=None,
    wild=0.05,
    **config,
):
    """A curve whose training loss goes through the values of `train` and its evaluations through those of the others.

    f1: by default above the majority's by half of what accuracy is. wild: the standard deviation of a step's loss.
    """
    chosen = random.Random(0)
    at = [round(steps * i / (len(val) - 1)) for i in range(len(val))]
    majority_f1 = 2 * majority / (1 + majority)
    f1 = f1 or [min(1.0, majority_f1 + (share - majority) / 2) for share in accuracy]
    loss = [
        max(0.0, between(train, (step - 1) / max(steps - 1, 1)) + chosen.gauss(0, wild))
        for step in range(1, steps + 1)
    ]
    config = TrainingConfig(**{"max_steps": steps, "eval_pairs": pairs, **config})
    return Evidence(
        config,
        list(enumerate(loss, 1)),
        list(zip(at, val)),
        list(zip(at, accuracy)),
        list(zip(at, f1)),
        majority,
        majority_f1,
        pairs,
        config.train_pairs,
        [1, 0] * (pairs // 2) if answers is None else answers,
    )


def between(values, done):
    """The value on the line through evenly spaced ones; done: 0 to 1."""
    place = done * (len(values) - 1)
    low = min(int(place), len(values) - 2)
    return values[low] + (values[low + 1] - values[low]) * (place - low)


AGAIN = {"train_pairs": 64, "batch_size": 8, "epochs": 5}  # 40 steps see each pair five times
ONE_EPOCH = {"train_pairs": 2000, "steps": 125}
RED = [0.45, 0.7, 0.45, 0.8, 0.5, 0.75, 0.45, 0.7]  # jumps from part to part

CURVES = [
    # ---- the review's: what the rules of an earlier day named wrongly
    (
        "Too few pairs to tell",
        "two pairs",
        made([0.6, 0.4], [0.6, 0.55, 0.62], [0.5, 1.0, 0.5], pairs=2),
    ),
    (
        "Too few pairs to tell",
        "eight pairs",
        made([0.6, 0.4], [0.6, 0.55, 0.62], [0.625, 0.75, 0.75], pairs=8),
    ),
    (
        "Over-confident",
        "one epoch, accuracy up",
        made([0.6, 0.45], [0.55, 0.55, 0.615], [0.72, 0.78, 0.815], **ONE_EPOCH),
    ),
    (
        "Over-confident",
        "loss and accuracy up",
        made([0.55, 0.4], [0.50, 0.52, 0.56], [0.80, 0.82, 0.84], checkpoint=READY),
    ),
    (
        "Over-confident",
        "the same over three epochs",
        made([0.55, 0.4], [0.50, 0.52, 0.56], [0.80, 0.82, 0.842], train_pairs=400),
    ),
    (
        "Memorises",
        ".58 to .13 by heart",
        made([0.58, 0.13], [0.63, 0.62, 0.63], [0.684, 0.68, 0.686], steps=40, **AGAIN),
    ),
    (
        "Memorises",
        ".61 to .10 by heart",
        made([0.61, 0.10], [0.62, 0.62, 0.62], [0.68, 0.69, 0.684], steps=40, **AGAIN),
    ),
    (
        "Generalises poorly",
        ".58 to .13, each pair once",
        made([0.58, 0.13], [0.63, 0.62, 0.63], [0.684, 0.68, 0.686]),
    ),
    (
        "Spoiled: ends below its start",
        "82.8 to 74.0",
        made([0.4, 0.5], [0.40, 0.55, 0.52], [0.828, 0.75, 0.74], checkpoint=READY),
    ),
    (
        "Spoiled: ends below its start",
        "82.8 to 66.0",
        made([0.4, 0.6], [0.40, 0.65, 0.62], [0.828, 0.68, 0.66], checkpoint=READY),
    ),
    (
        "Spoiled: ends below its start",
        "80 to 70 at 8e-4",
        made([0.45, 0.6], [0.45, 0.6, 0.6], [0.80, 0.72, 0.70], learning_rate=8e-4),
    ),
    (
        "Learns well",
        "batch size 1",
        made(
            [0.62, 0.45], [0.62, 0.5, 0.46], [0.60, 0.76, 0.79], steps=300, batch_size=1, wild=0.5
        ),
    ),
    (
        "Learns well",
        "batch size 2",
        made(
            [0.62, 0.45], [0.62, 0.5, 0.46], [0.60, 0.76, 0.79], steps=300, batch_size=2, wild=0.4
        ),
    ),
    (
        "Too close to tell",
        "batch size 1, on its way",
        made(
            [0.5, 0.49], [0.58, 0.55, 0.54], [0.721, 0.72, 0.735], steps=300, batch_size=1, wild=0.6
        ),
    ),
    (
        "Too close to tell",
        "73.5 / 77.9 from 72.1 / 79.9",
        made([0.6, 0.5], [0.58, 0.54, 0.53], [0.721, 0.73, 0.735], [0.799, 0.79, 0.779]),
    ),
    (
        "Learns something",
        "73.5 / 77.9 from 50",
        made([0.7, 0.5], [0.7, 0.58, 0.55], [0.5, 0.7, 0.735], [0.5, 0.75, 0.779]),
    ),
    # ---- the eight names of an earlier day, each plain
    ("Learns well", "plain", made([0.7, 0.4], [0.7, 0.55, 0.45], [0.5, 0.7, 0.78])),
    ("Underfits", "plain", made([0.66, 0.66], [0.65, 0.64, 0.63], [0.6, 0.62, 0.64])),
    (
        "Overfits",
        "plain",
        made(
            [0.7, 0.05], [0.7, 0.45, 0.6, 0.9], [0.5, 0.79, 0.78, 0.77], steps=160, train_pairs=500
        ),
    ),
    ("Erratic", "plain", made(RED, [0.7, 0.7, 0.7], [0.62, 0.6, 0.64], wild=0.02, steps=80)),
    (
        "Predicts one class only",
        "plain",
        made([0.62, 0.62], [0.65, 0.63, 0.62], [0.6, 0.684, 0.684], answers=[1] * 408),
    ),
    ("Too short to tell", "plain", made([0.7, 0.6], [0.7, 0.6], [0.7, 0.71], steps=4)),
    ("Too close to tell", "plain", made([0.6, 0.5], [0.58, 0.52, 0.5], [0.721, 0.73, 0.735])),
    (
        "Knew it already",
        "plain",
        made([0.35, 0.33], [0.40, 0.40, 0.40], [0.828, 0.826, 0.830], checkpoint=READY),
    ),
    # ---- NaN
    (
        "Broken from the start",
        "NaN at once",
        made([math.nan, math.nan], [math.nan, math.nan], [math.nan, math.nan], [math.nan] * 2),
    ),
    ("Broken from the start", "infinite at once", made([0.7, 0.6], [math.inf, 0.6], [0.7, 0.7])),
    ("Diverges", "NaN in the evaluation", made([0.7, 0.4], [0.7, math.nan], [0.7, math.nan])),
    ("Diverges", "NaN on two pairs", made([0.7, 0.4], [0.7, math.nan], [0.5, math.nan], pairs=2)),
    (
        "Diverges",
        "worse than a coin",
        made([0.7, 1.2, 1.1, 1.0], [0.58, 1.3, 1.0], [0.72, 0.7, 0.71], learning_rate=5e-3),
    ),
    ("Diverges", "a slow climb", made([0.45, 0.62], [0.64, 0.64, 0.66], [0.68, 0.68, 0.69])),
    # ---- the number of evaluated pairs
    ("Too few pairs to tell", "29 pairs", made([0.7, 0.4], [0.7, 0.45], [0.5, 0.9], pairs=29)),
    ("Learns well", "30 pairs", made([0.7, 0.4], [0.7, 0.45], [0.5, 0.94], [0.5, 0.96], pairs=30)),
    (
        "Too few pairs to tell",
        "4 of 400 have the rarer label",
        made([0.7, 0.4], [0.7, 0.45], [0.9, 0.99], pairs=400, majority=0.99),
    ),
    (
        "Learns something",
        "a gain that is clear on 408, on 100",
        made([0.7, 0.4], [0.58, 0.45], [0.70, 0.77], [0.799, 0.86], pairs=100),
    ),
    (
        "Learns well",
        "the same gain on 408",
        made([0.7, 0.4], [0.58, 0.45], [0.70, 0.77], [0.799, 0.86], pairs=408),
    ),
    ("Over-confident", "a rise of 12% on 408", made([0.6, 0.5], [0.50, 0.56], [0.75, 0.76])),
    (
        "Too close to tell",
        "a rise of 12% on 100",
        made([0.6, 0.5], [0.50, 0.56], [0.75, 0.76], pairs=100),
    ),
    # ---- epochs
    (
        "Overfits",
        "seen twice",
        made([0.6, 0.2], [0.6, 0.5, 0.65], [0.6, 0.78, 0.77], steps=126, train_pairs=1000),
    ),
    (
        "Over-confident",
        "seen once",
        made([0.6, 0.2], [0.6, 0.5, 0.65], [0.6, 0.78, 0.77], steps=126, train_pairs=2000),
    ),
    (
        "Overfits",
        "by heart, accuracy hardly up",
        made([0.6, 0.02], [0.57, 0.6, 0.97], [0.708, 0.75, 0.75], steps=150, train_pairs=500),
    ),
    (
        "Over-confident",
        "by heart, accuracy far up",
        made([0.6, 0.02], [0.57, 0.6, 0.97], [0.60, 0.75, 0.79], steps=150, train_pairs=500),
    ),
    (
        "Memorises",
        "from a new head",
        made([0.69, 0.01], [0.69, 0.62, 1.5], [0.43, 0.684, 0.654], steps=40, **AGAIN),
    ),
    (
        "Learns well",
        "by heart, and others, too",
        made([0.69, 0.05], [0.69, 0.5, 0.45], [0.5, 0.78, 0.80], steps=40, **AGAIN),
    ),
    # ---- accuracy and F1, each against the majority's and its start
    (
        "Learns something",
        "F1 below the majority's",
        made([0.7, 0.5], [0.7, 0.55], [0.5, 0.75], [0.5, 0.80]),
    ),
    (
        "Learns something",
        "F1 above it, not clearly",
        made([0.7, 0.5], [0.7, 0.5], [0.72, 0.79], [0.75, 0.84]),
    ),
    (
        "Learns something",
        "accuracy above it, not clearly",
        made([0.7, 0.5], [0.7, 0.55], [0.5, 0.725], [0.5, 0.85]),
    ),
    (
        "Learns something",
        "F1 no better than its start",
        made([0.6, 0.5], [0.58, 0.5], [0.72, 0.79], [0.85, 0.852]),
    ),
    (
        "Learns something",
        "the validation loss doesn't fall",
        made([0.6, 0.5], [0.50, 0.505], [0.72, 0.79], [0.80, 0.86]),
    ),
    (
        "Underfits",
        "better than its start, below the majority",
        made([0.75, 0.62], [0.9, 0.64], [0.40, 0.62]),
    ),
    (
        "Underfits",
        "a little above the majority by one metric",
        made([0.69, 0.63], [0.69, 0.61], [0.43, 0.708], [0.5, 0.819]),
    ),
    (
        "Spoiled: ends below its start",
        "F1 alone",
        made([0.4, 0.4], [0.45, 0.45], [0.80, 0.78], [0.87, 0.82], checkpoint=READY),
    ),
    (
        "Spoiled: ends below its start",
        "accuracy and loss a little each",
        made([0.4, 0.4], [0.40, 0.49], [0.828, 0.794], [0.883, 0.860], checkpoint=READY),
    ),
    (
        "Too close to tell",
        "accuracy a little lower, the loss not",
        made([0.4, 0.4], [0.40, 0.41], [0.828, 0.795], [0.883, 0.865], checkpoint=READY),
    ),
    (
        "Learns something",
        "a good start, better by a little",
        made([0.4, 0.35], [0.40, 0.37], [0.828, 0.862], [0.883, 0.901], checkpoint=READY),
    ),
    ("Underfits", "worse than chance and worse yet", made([0.75, 0.7], [0.8, 0.7], [0.45, 0.35])),
    # ---- steps and their size
    ("Too short to tell", "7 steps", made([0.7, 0.5], [0.58, 0.5], [0.72, 0.80], steps=7)),
    ("Learns well", "8 steps", made([0.7, 0.5], [0.58, 0.5], [0.72, 0.80], [0.80, 0.87], steps=8)),
    (
        "Too short to tell",
        "60 steps of one pair",
        made([0.7, 0.5], [0.58, 0.5], [0.72, 0.80], steps=60, batch_size=1, wild=0.4),
    ),
    (
        "Learns well",
        "64 steps of one pair",
        made([0.7, 0.5], [0.58, 0.5], [0.72, 0.80], [0.80, 0.87], steps=64, batch_size=1, wild=0.4),
    ),
    (
        "Too short to tell",
        "stopped early",
        made([0.7, 0.6], [0.58, 0.57], [0.72, 0.73], steps=30, max_steps=125),
    ),
    (
        "Underfits",
        "a rate of 1e-6",
        made([0.57, 0.57], [0.5805, 0.579, 0.5795], [0.7206, 0.7206, 0.7230], learning_rate=1e-6),
    ),
    (
        "Knew it already",
        "a good start at a rate of 1e-6",
        made([0.4, 0.4], [0.3992, 0.3990], [0.828, 0.828], learning_rate=1e-6),
    ),
    (
        "Predicts one class only",
        "a collapse of 98%",
        made([0.7, 0.65], [0.4, 0.64], [0.82, 0.69], answers=[1] * 400 + [0] * 8),
    ),
    (
        "Spoiled: ends below its start",
        "a collapse of less",
        made([0.7, 0.65], [0.4, 0.64], [0.82, 0.69], answers=[1] * 399 + [0] * 9),
    ),
    (
        "Erratic",
        "batches of 16 that scatter",
        made([0.3, 0.3], [0.64, 0.63, 0.64], [0.66, 0.67, 0.66], steps=120, wild=0.9),
    ),
    (
        "Underfits",
        "single pairs that scatter as much",
        made([0.6, 0.6], [0.66, 0.63, 0.64], [0.66, 0.67, 0.66], steps=120, wild=0.9, batch_size=1),
    ),
]


@pytest.mark.parametrize(
    "name, what, curve", CURVES, ids=[f"{name}-{what}" for name, what, _ in CURVES]
)
def test_a_curve_gets_the_name_that_a_lecturer_would_give(name, what, curve):
    found = diagnose(curve, Settings())
    assert found.name == name, found.because
    assert (
        any(character.isdigit() for character in found.because)
        or "before the first optimizer step" in found.because
    )
    assert found.figures or found.name in ("Broken from the start", "Diverges")


# Runs of Trainer on MRPC (embedded pairs where it says so), as their stories told them
REAL = json.loads((ROOT / "tests" / "support" / "real_curves.json").read_text())
REAL_NAMES = {
    "default 42": "Learns well",
    "default 1": "Learns well",
    "default 2": "Learns well",
    "embedded default": "Learns well",
    "default 60 steps": "Learns something",
    "default 12 steps": "Too close to tell",
    "300 steps": "Overfits",
    "memorise plain 64x5": "Memorises",
    "overfit warmed 128x5": "Memorises",
    "plain lr 1e-3 200x5 b8": "Memorises",
    "500x5 lr 5e-4": "Overfits",
    "batch 1": "Over-confident",
    "batch 2": "Too close to tell",
    "ready lr 2e-3": "Predicts one class only",
    "lr 1e-2": "Predicts one class only",
    "lr 1e-6": "Underfits",
    "plain default": "Underfits",
    "ready default": "Knew it already",
    "ready lr 8e-4": "Spoiled: ends below its start",
    "ready 64x5 lr 5e-4": "Spoiled: ends below its start",
    "judged on 8": "Too few pairs to tell",
}


def real(name):
    told = REAL[name]
    steps, losses, accuracies, f1s = zip(*told["evals"])
    ones, pairs = told["ones"][1], told["eval_pairs"]
    return Evidence(
        TrainingConfig(**told["config"]),
        list(enumerate(told["loss"], 1)),
        list(zip(steps, losses)),
        list(zip(steps, accuracies)),
        list(zip(steps, f1s)),
        told["majority"]["accuracy"],
        told["majority"]["f1"],
        pairs,
        told["train_pairs"],
        [1] * ones + [0] * (pairs - ones),
    )


@pytest.mark.parametrize("name", REAL)
def test_a_real_run_gets_the_name_that_a_lecturer_would_give(name):
    found = diagnose(real(name), Settings())
    assert found.name == REAL_NAMES[name], found.because
    assert "{" not in found.because + found.figures + found.remedy.why


def test_the_table_is_as_large_as_it_has_to_be():
    assert len(CURVES) + len(REAL) >= 80 and {name for name, _, _ in CURVES} == set(
        map(str, diagnosis.REMEDIES)
    )


# ---------------------------------------------------------------- nothing is praised that isn't clear


def points(low=0.0, high=1.0):
    return st.floats(low, high).map(lambda value: round(value, 4))


@given(st.lists(points(), min_size=2, max_size=4), st.data())
def test_nothing_is_praised_that_is_not_clearly_above_majority_and_start(accuracies, data):
    f1s = [data.draw(points()) for _ in accuracies]
    losses = [data.draw(points(0.01, 1.5)) for _ in accuracies]
    curve = made(
        [data.draw(points(0.01, 1)), data.draw(points(0.01, 1))],
        losses,
        accuracies,
        f1s,
        pairs=data.draw(st.integers(2, 500)),
        majority=data.draw(points(0.5, 0.95)),
    )
    found = diagnose(curve, Settings())
    for score in (curve.accuracy, curve.f1):
        if found.name in ("Learns well", "Knew it already"):
            assert score.above >= CLEARLY_ABOVE and score.gain >= -1
        if found.name == "Learns well":
            assert score.gain >= CLEAR_CHANGE
    if found.name == "Learns something":
        assert max(curve.accuracy.above, curve.f1.above) >= 1 and curve.accuracy.gain > 1


# ---------------------------------------------------------------- remedies fit the cause


def remedy(name):
    curve = next(curve for _, what, curve in CURVES if what == name)
    return diagnose(curve, Settings()).remedy


@pytest.mark.parametrize(
    "what, changes",
    [
        ("NaN at once", {}),  # its start is the warm one, which isn't to blame here
        ("NaN in the evaluation", {"learning_rate": 5e-5}),
        ("eight pairs", {"eval_pairs": 500}),
        ("worse than a coin", {"learning_rate": 5e-3 / 4}),
        ("a collapse of 98%", {"learning_rate": 5e-5}),
        ("80 to 70 at 8e-4", {"learning_rate": 2e-4}),
        (".58 to .13 by heart", {"train_pairs": 128, "epochs": 2}),
        (".58 to .13, each pair once", {"train_pairs": 4000, "epochs": 1}),
        ("one epoch, accuracy up", {"learning_rate": 1e-4}),
        ("seen twice", {"train_pairs": 2000, "epochs": 1}),
        ("batch size 1, on its way", {"batch_size": 16}),
        ("single pairs that scatter as much", {"batch_size": 16}),
        ("a rate of 1e-6", {"learning_rate": 2e-4}),
        ("stopped early", {}),
    ],
)
def test_a_remedy_fits_the_cause(what, changes):
    assert remedy(what).changes == pytest.approx(changes)


def test_a_broken_checkpoint_is_changed_for_one_that_works():
    curve = next(curve for _, what, curve in CURVES if what == "NaN at once")
    broken = replace(curve, config=replace(curve.config, checkpoint=EMBEDDED_CHECKPOINT))
    assert diagnose(broken, Settings()).remedy.changes == {"checkpoint": WARMED}


def test_small_batches_are_made_larger_and_others_get_smaller_steps():
    red = next(
        curve
        for _, what, curve in CURVES
        if curve.config.batch_size == 16 and _ == "Erratic" and what == "plain"
    )
    assert diagnose(red, Settings()).remedy.changes == {
        "learning_rate": TrainingConfig.learning_rate / 4
    }
    small = replace(red, config=replace(red.config, batch_size=4))
    assert diagnose(small, Settings()).name == "Erratic" and diagnose(
        small, Settings()
    ).remedy.changes == {"batch_size": 16}
    wild = replace(small, config=replace(small.config, learning_rate=5e-3))
    assert diagnose(wild, Settings()).remedy.changes == {"learning_rate": 5e-3 / 4}, (
        "no batch makes up for such a rate"
    )


def test_one_class_from_a_start_that_gave_one_class_needs_more_and_not_less():
    new_head = made(
        [0.62, 0.62],
        [0.69, 0.63],
        [0.684, 0.684],
        answers=[1] * 408,
        checkpoint=EMBEDDED_CHECKPOINT,
    )
    assert diagnose(new_head, Settings()).remedy.changes == {"checkpoint": WARMED}
    large = replace(new_head, config=replace(new_head.config, learning_rate=5e-3))
    assert diagnose(large, Settings()).remedy.changes == {"learning_rate": 2e-4}


def test_overfitting_is_stopped_at_its_best_step_where_there_are_no_more_pairs():
    all_of_them = next(curve for _, what, curve in CURVES if what == "seen twice")
    all_of_them = replace(all_of_them, train_pairs=999)
    assert diagnose(all_of_them, Settings()).remedy.changes == {"max_steps": 63}


def test_a_raw_start_is_offered_the_warm_one_then_all_layers_then_more_steps_then_free_layers():
    sick, seen = made([0.66, 0.66], [0.65, 0.64, 0.63], [0.6, 0.62, 0.64]), []
    sick = replace(
        sick,
        config=replace(
            sick.config, checkpoint=EMBEDDED_CHECKPOINT, learning_rate=1e-5, method="head"
        ),
    )
    while changes := diagnose(sick, Settings()).remedy.changes:
        seen.append(sorted(changes))
        sick = replace(sick, config=replace(sick.config, **changes), loss=sick.loss * 4)
    assert seen[:3] == [["checkpoint"], ["learning_rate"], ["method"]]
    assert seen[-1] == ["frozen_layers"]
    assert sick.config.checkpoint == WARMED and sick.config.max_steps == Settings.max_steps


def test_a_long_run_that_is_too_close_to_tell_is_evaluated_on_more_pairs_or_repeated():
    close = made([0.6, 0.5], [0.58, 0.54], [0.721, 0.735], steps=300, pairs=500)
    few = made([0.6, 0.5], [0.58, 0.54], [0.721, 0.735], steps=300, pairs=100)
    assert diagnose(few, Settings()).remedy.changes == {"eval_pairs": 400}
    assert (
        diagnose(close, Settings()).remedy.changes == {}
        and "seeds" in diagnose(close, Settings()).remedy.why
    )


def test_a_card_says_its_figures():
    found = diagnose(real("default 42"), Settings())
    for figure in (
        "72.1% → 78.9%",
        "majority 68.4%",
        "2.3",
        "79.9% → 84.6%",
        "majority 81.2%",
        "1.6",
        "408 pairs",
        "0.581 → 0.443",
        "125 steps of 16 pairs",
        "seen 1.0 times",
    ):
        assert figure in found.figures, found.figures


def told(curve, **end):
    """The run whose story tells that curve."""
    start = {
        "event": "start",
        "majority": {"label": 1, "accuracy": curve.majority, "f1": curve.majority_f1},
        "eval_pairs": curve.eval_pairs,
        "train_pairs": curve.train_pairs,
    }
    losses = [{"event": "log", "step": step, "loss": loss} for step, loss in curve.loss]
    judged = [
        {
            "event": "evaluation",
            "step": step,
            "eval_loss": loss,
            "eval_accuracy": one,
            "eval_f1": f1,
        }
        for (step, loss), (_, one), (_, f1) in zip(
            curve.eval_loss, curve.eval_accuracy, curve.eval_f1
        )
    ]
    done = {"event": "done", "step": len(losses), "after": {"loss": 0.0}, **end}
    return Run("0" * 32, "done", asdict(curve.config), [start, *losses, *judged, done])


def test_a_run_that_keeps_its_best_is_named_for_what_it_keeps():
    """Step 40 of 80, where accuracy was 79%; the last of them had 77% and three times the loss."""
    late = {"max_steps": 160, "train_pairs": 500, "metric_for_best_model": "loss"}
    curve = made([0.7, 0.3, 0.05], [0.7, 0.45, 1.3], [0.5, 0.79, 0.77], **late)
    last = diagnose(evidence_of(told(curve)), Settings())
    assert last.name == "Overfits" and "50.0% → 77.0%" in last.figures

    run = told(curve, kept_step=40, early=True)
    kept = diagnose(evidence_of(run), Settings())
    assert kept.name == "Learns well" and "from 50.0% to 79.0%" in kept.because
    for figure in ("step 40 of 80", "50.0% → 79.0%", "0.700 → 0.450", "40 steps", "seen 1.2 times"):
        assert figure in kept.figures, kept.figures
    assert "step 40" not in last.figures


def test_a_run_that_breaks_says_so_whatever_it_keeps():
    curve = made([0.7, 0.4], [0.7, 0.5, math.nan], [0.5, 0.78, 0.3])
    kept = diagnose(evidence_of(told(curve, kept_step=40)), Settings())
    assert kept.name == "Diverges" and "step 80" in kept.because


def test_what_a_run_keeps_is_not_all_that_it_made():
    """Ten steps are kept, of 125: nobody stopped it."""
    curve = made([0.58, 0.5], [0.58, 0.57, 0.58], [0.721, 0.735, 0.72], steps=125)
    ten = curve.up_to(62).up_to(10)
    assert len(ten.loss) == 10 and ten.steps_made == 125 and not remedies.cut_short(ten)
    few = made([0.7, 0.6], [0.7, 0.6, 0.7], [0.7, 0.71, 0.7], steps=6).up_to(3)
    assert "only 6 steps" in diagnose(few, Settings()).because


def test_no_more_steps_for_a_run_that_stops_early():
    curve = made([0.66, 0.66], [0.65, 0.64, 0.63], [0.6, 0.62, 0.64], frozen_layers=2)
    assert "max_steps" in diagnose(curve, Settings()).remedy.changes
    early = diagnose(replace(curve, early=True), Settings())
    assert early.remedy.changes == {"frozen_layers": 0}


# ---------------------------------------------------------------- any curve


@given(st.data())
def test_every_curve_has_one_name_and_every_remedy_may_be_started(data):
    def values(low, high, least, most):
        return data.draw(
            st.lists(st.floats(low, high) | st.just(math.nan), min_size=least, max_size=most)
        )

    settings = Settings()
    config = data.draw(
        st.builds(
            TrainingConfig,
            train_pairs=st.integers(2, settings.max_train_pairs),
            epochs=st.integers(1, settings.max_epochs),
            max_steps=st.integers(1, settings.max_steps),
            batch_size=st.integers(1, settings.max_batch_size),
            learning_rate=st.floats(1e-7, 1e-2),
            warmup_steps=st.floats(0, 0.99),
            dropout=st.floats(0, 0.9),
            checkpoint=st.sampled_from([WARMED, READY, EMBEDDED_CHECKPOINT]),
            frozen_layers=st.integers(0, 6),
        )
    )
    count = data.draw(st.integers(2, 8))
    curves = [list(enumerate(values(0, high, count, count))) for high in (50, 1, 1)]
    some = Evidence(
        config,
        list(enumerate(values(0, 50, 1, 40), 1)),
        *curves,
        data.draw(st.floats(0.5, 1)),
        data.draw(st.floats(0, 1)),
        data.draw(st.integers(1, 500)),
        data.draw(st.integers(2, config.train_pairs)),
        data.draw(st.lists(st.integers(0, 1), max_size=20)),
    )
    found = diagnose(some, settings)
    assert found.name in diagnosis.REMEDIES and found.because and found.remedy.why
    changed = replace(config, **found.remedy.changes).checked(settings)
    assert (changed != config) == bool(found.remedy.changes)


def test_nothing_to_look_at_gets_no_name():
    assert diagnose(replace(real("default 42"), loss=[]), Settings()) is None
    assert (
        evidence_of(
            Run("0" * 32, "failed", {}, [{"event": "failed", "seconds": 1, "message": "x"}])
        )
        is None
    )
    unjudged = {"event": "stopped", "seconds": 1, "reason": "left the queue"}
    assert evidence_of(Run("0" * 32, "stopped", {"seed": 1}, [unjudged])) is None


# ---------------------------------------------------------------- standard errors


def test_a_standard_error_is_that_of_a_share():
    assert standard_error(0.684, 408) == pytest.approx(
        0.02302, abs=1e-5
    )  # sqrt(0.684 * 0.316 / 408)


@pytest.mark.parametrize(
    "both, missed, false", [(0.60, 0.08, 0.13), (0.3, 0.1, 0.1), (0.684, 0.0, 0.316)]
)
def test_the_error_of_f1_is_what_drawing_pairs_again_gives(
    both, missed, false, pairs=408, draws=4000
):
    """A thousand evaluations of one model, each on other pairs: how far their F1s scatter."""
    chosen, found = random.Random(1), []
    for _ in range(draws):
        kinds = chosen.choices("tmfn", [both, missed, false, 1 - both - missed - false], k=pairs)
        found.append(
            2 * kinds.count("t") / (2 * kinds.count("t") + kinds.count("m") + kinds.count("f"))
        )
    scatter = math.sqrt(sum((f1 - sum(found) / draws) ** 2 for f1 in found) / draws)
    f1 = 2 * both / (2 * both + missed + false)
    assert f1_error(f1, 1 - missed - false, pairs) == pytest.approx(scatter, rel=0.05)


def test_errors_of_certainties_are_0():
    assert f1_error(1.0, 1.0, 10) == f1_error(0.0, 0.5, 10) == standard_error(1.0, 10) == 0.0
    assert evidence.in_errors(0.1, 0.0) == math.inf and evidence.in_errors(0.0, 0.0) == 0.0


# ---------------------------------------------------------------- of three labels, and of one sentence


def test_three_labels_are_diagnosed_by_macro_f1_and_their_names():
    """60% of two hundred, where the commonest of three labels has 40%."""
    names = ("entailment", "neutral", "contradiction")
    start = {
        "event": "start",
        "majority": {"label": 0, "accuracy": 0.4, "macro_f1": 0.19},
        "eval_pairs": 200,
        "train_pairs": 640,
        "task": {"labels": list(names), "has_pair": True},
    }
    losses = [{"event": "log", "step": n, "loss": 1.1 - 0.004 * n} for n in range(1, 81)]
    judged = [
        {
            "event": "evaluation",
            "step": step,
            "eval_loss": loss,
            "eval_accuracy": accuracy,
            "eval_macro_f1": accuracy - 0.02,
        }
        for step, loss, accuracy in ((0, 1.12, 0.36), (40, 1.0, 0.52), (80, 0.85, 0.64))
    ]
    done = {"event": "done", "after": {"accuracy": 0.64, "macro_f1": 0.62, "loss": 0.85}}
    config = asdict(TrainingConfig(batch_size=8, max_steps=80))
    run = Run("0" * 32, "done", config, [start, *losses, *judged, done])
    three = evidence_of(run)
    assert three.labels == names and three.f1.after == pytest.approx(0.62)
    assert three.f1.error == pytest.approx(math.sqrt(0.4 * 0.6 / 200)), "as accuracy's"
    found = diagnose(three, Settings())
    assert found.name == "Learns well" and "macro-F1 from 34.0% to 62.0%" in found.because
    one = replace(three, answers=[2] * 199 + [0])
    assert "99.5% of its predictions are contradiction" in diagnose(one, Settings()).because
    guesses = replace(three, loss=[(step, 1.3) for step, _loss in three.loss])
    guesses = replace(guesses, eval_accuracy=[(0, 0.36), (40, 0.36), (80, 0.36)])
    guesses = replace(guesses, eval_f1=guesses.eval_accuracy)
    assert "guessing among 3 labels has 1.099" in diagnose(guesses, Settings()).because
    few = replace(three, majority=0.99)
    assert "another label than the most frequent one" in diagnose(few, Settings()).because


def test_no_start_for_pairs_is_offered_to_single_sentences():
    raw = made([0.66, 0.66], [0.65, 0.64, 0.63], [0.6, 0.62, 0.64])
    raw = replace(raw, config=replace(raw.config, checkpoint=EMBEDDED_CHECKPOINT))
    assert "checkpoint" in remedies.learn_more(raw, Settings()).changes
    assert "checkpoint" not in remedies.learn_more(replace(raw, has_pair=False), Settings()).changes
