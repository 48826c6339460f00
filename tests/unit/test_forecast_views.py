"""What stands beside the form: the learning rate's small curve, the fold's title, the rail's line."""

import re

import pytest

from pipeline.config import RUN_SETTINGS, TrainingConfig
from pipeline.explain.schedule import learning_rates, warmup_of
from pipeline.runs.progress import Run
from tabs.fine_tune.form import more_settings_title
from views.forecast import learning_rate_curve
from views.runs import at_the_station


def curve(steps=10, **settings):
    """([height of each step, 0 for the highest rate to 1 for none], the sentence below)."""
    config = TrainingConfig(learning_rate=2e-4, **settings)
    drawn = learning_rate_curve(learning_rates(config, steps), warmup_of(config, steps))
    spots = re.search('points="(.*?)"', drawn)[1].split()
    heights = [(float(spot.split(",")[1]) - 3) / 34 for spot in spots]
    return heights, re.search("<figcaption>(.*?)<", drawn)[1]


def test_the_rate_rises_in_the_warm_up_and_falls_afterwards():
    heights, said = curve(warmup_steps=0.2)
    assert heights == pytest.approx(
        [1, 0.5, 0, 1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8, 6 / 8, 7 / 8], abs=0.01
    )
    assert said == "rises to 0.0002 until step 3, then falls to 0"


def test_without_a_warm_up_or_a_fall_it_says_so():
    assert curve(warmup_steps=0)[1] == "falls from 0.0002 to 0"
    heights, said = curve(lr_scheduler_type="constant")
    assert heights == pytest.approx([0] * 10) and said == "0.0002 at every step"
    assert len(curve(steps=1, warmup_steps=0)[0]) == 2, "a line, not a point"


def test_the_fold_names_what_was_changed():
    defaults = {name: one.default for name, one in RUN_SETTINGS.items()}
    assert more_settings_title(defaults) == "22 more settings"
    changed = {**defaults, "seed": 7, "dropout": 0.1, "max_steps": 60}
    assert more_settings_title(changed) == "22 more settings · changed: dropout, seed"
    many = {**changed, "epochs": 1, "train_pairs": 8}
    assert more_settings_title(many).endswith("changed: train_pairs, epochs, dropout …")


def run_with(state, *accuracies, after=None):
    events = [{"event": "start", "total_steps": 125, "seconds": 0}]
    events += [
        {"event": "evaluation", "step": 25 * place, "eval_accuracy": each, "seconds": 1}
        for place, each in enumerate(accuracies)
    ]
    if after is not None:
        events.append({"event": state, "step": 125, "after": {"accuracy": after}, "seconds": 9})
    return Run("0" * 32, state, {}, events)


@pytest.mark.parametrize(
    ("run", "line"),
    [
        (Run("", "idle"), ""),
        (Run("0" * 32, "queued"), "Queued"),
        (run_with("running"), "step 0/125"),
        (run_with("running", 0.7206), "72% · step 0/125"),
        (run_with("running", 0.7206, 0.757, 0.789), "72 → 79% · step 50/125"),
        (run_with("done", 0.7206, 0.789, after=0.8137), "72 → 81% · 125 steps"),
        (Run("0" * 32, "failed"), "Failed"),
    ],
)
def test_the_rail_says_how_far_a_run_is(run, line):
    assert at_the_station(run) == line
