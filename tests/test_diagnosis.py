"""Curves with a known illness get its name, healthy ones none, and every remedy is a run that may be started."""

import doctest
import json
import math
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import diagnosis
from pipeline.diagnosis import Evidence, diagnose, evidence_of, standard_error
from pipeline.runs import Run
from pipeline.settings import EMBEDDED_CHECKPOINT, READY, WARMED, Settings
from pipeline.training import TrainingConfig


def evidence(loss, eval_loss, accuracy, answers=None, steps=80, **config):
    """`loss`, `eval_loss`, `accuracy`: a value for the share of the run that is done, 0 to 1."""
    noise = random.Random(0)
    return Evidence(
        config=TrainingConfig(**config),
        loss=[(step, loss(step / steps) + noise.gauss(0, 0.05)) for step in range(1, steps + 1)],
        eval_loss=[(step, eval_loss(step / steps)) for step in range(0, steps + 1, steps // 4)],
        eval_accuracy=[(step, accuracy(step / steps)) for step in range(0, steps + 1, steps // 4)],
        majority=0.684, eval_pairs=408, train_pairs=config.get("train_pairs", TrainingConfig.train_pairs),
        answers=[1, 0] * 204 if answers is None else answers,
    )  # fmt: skip


def flat(value):
    return lambda done: value


def line(start, end):
    return lambda done: start + (end - start) * done


CASES = {
    "Learns well": evidence(line(0.7, 0.4), line(0.7, 0.45), line(0.5, 0.78)),
    "Underfits": evidence(flat(0.66), flat(0.65), flat(0.685)),
    "Overfits": evidence(line(0.7, 0.05), lambda done: 0.7 - 0.4 * min(done, 0.5) + 0.8 * max(done - 0.5, 0), line(0.5, 0.76)),
    "Erratic": evidence(lambda done: 0.7 + 0.5 * (int(done * 8) % 2), flat(0.7), flat(0.7)),
    "Predicts one class only": evidence(flat(0.62), flat(0.62), flat(0.684), answers=[1] * 408),
    "Too short to tell": evidence(line(0.7, 0.6), line(0.7, 0.6), flat(0.7), steps=4),
    "Too close to tell": evidence(line(0.6, 0.5), line(0.58, 0.5), line(0.721, 0.735), checkpoint=WARMED),
    "Knew it already": evidence(flat(0.3), flat(0.4), flat(0.82), checkpoint=READY),
}


@pytest.mark.parametrize("name", CASES)
def test_a_curve_with_a_known_illness_gets_its_name(name):
    found = diagnose(CASES[name])
    assert found.name == name
    assert any(character.isdigit() for character in found.because), "the figures that it was named for"


# Three runs with the default settings on MRPC, as their stories tell them: {seed: losses and evaluations}
DEFAULT_RUNS = json.loads(Path(__file__).with_name("default_runs.json").read_text())


def default_run(seed, steps=TrainingConfig.max_steps):
    """The first steps of one of them."""
    told = DEFAULT_RUNS[seed]
    kept = [(step, loss, share) for step, loss, share in told["evaluations"] if step <= steps]
    return Evidence(TrainingConfig(seed=int(seed)), list(enumerate(told["loss"][:steps], 1)), [(step, loss) for step, loss, _ in kept],
                    [(step, share) for step, _, share in kept], 279 / 408, 408, TrainingConfig.train_pairs, [1] * 250 + [0] * 158)


@pytest.mark.parametrize("seed", DEFAULT_RUNS)
def test_the_default_run_learns_well_whichever_its_seed(seed):
    """Batches of like length make its training loss rise by a third on the way; that is no illness."""
    found = diagnose(default_run(seed))
    assert found.name == "Learns well" and found.remedy.changes == {}, found.because


def test_a_run_that_was_stopped_at_once_is_too_short_to_tell(seed="42"):
    early = replace(default_run(seed, 12), eval_loss=[(0, 0.580), (12, 0.601)], eval_accuracy=[(0, 0.721), (12, 0.703)])
    found = diagnose(early)
    assert found.name == "Too short to tell" and "12 of 125 steps" in found.because and found.remedy.changes == {}


def test_what_a_run_could_do_before_its_first_update_is_no_gain_of_it(seed="42"):
    """Its start is above the majority: 12 steps that add 1.5 points have shown nothing, and a click makes them more."""
    short = replace(default_run(seed, 12), eval_loss=[(0, 0.580), (12, 0.552)], eval_accuracy=[(0, 0.721), (12, 0.735)])
    short = replace(short, config=replace(short.config, max_steps=12))
    found = diagnose(short)
    assert found.name == "Too close to tell" and "from 72.1% to 73.5%, +1.4 points" in found.because and "is 3.1" in found.because
    assert found.remedy.changes == {"max_steps": TrainingConfig.max_steps}
    clear = diagnose(replace(short, eval_accuracy=[(0, 0.721), (12, 0.755)]))
    assert clear.name == "Learns well" and "from 72.1%" in clear.because
    worse = diagnose(replace(short, eval_accuracy=[(0, 0.78), (12, 0.73)]))
    assert worse.name == "Underfits", "above the majority, but it was further above it"


def test_a_long_run_that_is_too_close_to_tell_is_judged_on_more_pairs_or_repeated():
    longest = dict(max_steps=Settings.max_steps, steps=Settings.max_steps, epochs=3, checkpoint=WARMED)
    close = evidence(line(0.6, 0.5), line(0.58, 0.5), line(0.721, 0.735), **longest)
    few = replace(close, eval_pairs=100, config=replace(close.config, eval_pairs=100))
    assert diagnose(few).remedy.changes == {"eval_pairs": 400}
    assert diagnose(close).remedy.changes == {} and "seeds" in diagnose(close).remedy.why


def test_one_answer_more_or_less_decides():
    near = [1] * 400 + [0] * 8
    assert diagnose(replace(CASES["Predicts one class only"], answers=near)).name == "Predicts one class only"
    assert diagnose(replace(CASES["Predicts one class only"], answers=[1] * 399 + [0] * 9)).name == "Underfits"
    everyone_is_one = replace(CASES["Predicts one class only"], majority=1.0)
    assert diagnose(everyone_is_one).name != "Predicts one class only", "one label is right where there is but one"


def test_a_loss_that_is_no_number_is_erratic_and_gets_smaller_steps():
    sick = replace(CASES["Learns well"], loss=[(step, math.nan if step > 5 else 0.7) for step in range(1, 30)])
    found = diagnose(sick)
    assert found.name == "Erratic" and "step 6" in found.because
    assert found.remedy.changes == {"learning_rate": TrainingConfig.learning_rate / 4}


def test_overfitting_is_stopped_at_its_best_step_or_given_more_pairs():
    one_epoch = replace(CASES["Overfits"], config=TrainingConfig(epochs=1))
    assert diagnose(one_epoch).remedy.changes == {"max_steps": 40}
    assert diagnose(CASES["Overfits"]).remedy.changes == {"train_pairs": 4000, "epochs": 1}


def test_a_raw_start_is_offered_the_warm_one_then_more_steps_then_free_layers():
    sick, seen = CASES["Underfits"], []
    sick = replace(sick, config=replace(sick.config, checkpoint=EMBEDDED_CHECKPOINT, learning_rate=1e-5))
    while changes := diagnose(sick).remedy.changes:
        seen.append(sorted(changes))
        sick = replace(sick, config=replace(sick.config, **changes))
    assert seen[:2] == [["checkpoint"], ["learning_rate"]] and seen[-1] == ["frozen_layers"]
    assert sick.config.checkpoint == WARMED and sick.config.max_steps == Settings.max_steps


def test_steps_too_large_are_made_smaller_where_only_one_class_is_left():
    sick = replace(CASES["Predicts one class only"], config=TrainingConfig(learning_rate=5e-3))
    assert diagnose(sick).remedy.changes == {"learning_rate": 2e-4}


@given(st.data())
def test_every_curve_has_one_name_and_every_remedy_may_be_started(data):
    def points(low, high):
        values = data.draw(st.lists(st.floats(low, high) | st.just(math.nan), min_size=2, max_size=40))
        return list(enumerate(values))

    settings = Settings()
    config = data.draw(st.builds(
        TrainingConfig, train_pairs=st.integers(2, settings.max_train_pairs), epochs=st.integers(1, settings.max_epochs),
        max_steps=st.integers(1, settings.max_steps), batch_size=st.integers(1, settings.max_batch_size),
        learning_rate=st.floats(1e-7, 1e-2), warmup_ratio=st.floats(0, 0.99), dropout=st.floats(0, 0.9),
        checkpoint=st.sampled_from([WARMED, READY, EMBEDDED_CHECKPOINT]), frozen_layers=st.integers(0, 6),
    ))  # fmt: skip
    some = Evidence(config, points(0, 50), points(0, 50), points(0, 1), data.draw(st.floats(0.5, 1)), data.draw(st.integers(1, 500)),
                    data.draw(st.integers(2, config.train_pairs)), data.draw(st.lists(st.integers(0, 1), max_size=20)))  # fmt: skip
    found = diagnose(some, settings)
    assert found.name in diagnosis.REMEDIES and found.because and found.remedy.why
    changed = replace(config, **found.remedy.changes).checked(settings)
    assert (changed != config) == bool(found.remedy.changes)


def test_chance_between_few_batches_is_not_erratic_and_batches_of_one_are():
    few = evidence(flat(0.6), line(0.65, 0.6), flat(0.7), steps=24, max_steps=24)
    noisy = random.Random(3)
    assert diagnose(replace(few, loss=[(step, 0.55 + noisy.gauss(0, 0.12)) for step in range(1, 25)])).name == "Underfits"
    ones = [(step, abs(noisy.gauss(0.3, 0.6))) for step in range(1, 81)]
    found = diagnose(replace(CASES["Underfits"], loss=ones, config=TrainingConfig(batch_size=1, learning_rate=2e-5)))
    assert found.name == "Erratic" and found.remedy.changes == {"batch_size": 2}


def test_nothing_to_look_at_gets_no_name():
    assert diagnose(replace(CASES["Underfits"], loss=[])) is None
    assert evidence_of(Run("0" * 32, "failed", {}, [{"event": "failed", "seconds": 1, "message": "x"}])) is None
    unjudged = {"event": "stopped", "seconds": 1, "reason": "left the queue"}
    assert evidence_of(Run("0" * 32, "stopped", {"seed": 1}, [unjudged])) is None


def test_a_standard_error_is_that_of_a_share():
    assert standard_error(0.684, 408) == pytest.approx(0.02302, abs=1e-5)  # sqrt(0.684 * 0.316 / 408)


def test_the_examples_in_the_text():
    assert doctest.testmod(diagnosis).failed == 0
