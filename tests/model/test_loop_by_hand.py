"""Twenty steps by hand: Trainer's own curve, on Trainer's own batches, and Trainer's own lines."""

import ast
from dataclasses import replace

import pytest

from pipeline.config import TrainingConfig
from pipeline.explain import loop_by_hand
from pipeline.explain.loop_by_hand import loops, phases
from views import loops as views


@pytest.fixture
def config(tiny):
    return TrainingConfig(
        checkpoint=tiny,
        source="folder",
        train_pairs=24,  # fewer than twenty steps take: the second epoch has another order
        batch_size=4,
        learning_rate=1e-3,
        weight_decay=0.1,
        warmup_steps=0.12,
        lr_scheduler_type="cosine",
        frozen_layers=1,
        dropout=0.2,
        seed=4,
    )


def test_both_loops_are_on_trainers_curve(config, settings):
    taken = loops(config, settings)
    assert {len(told) for told in taken.steps.values()} == {20}
    assert len({round(loss, 4) for loss, _norm, _rate in taken.steps["trainer"]}) > 15
    for who in ("bare", "accelerate"):
        loss, norm, rate = taken.differences(who)
        assert loss < 1e-5 and norm < 1e-4 and rate < 1e-12, (who, loss, norm, rate)


@pytest.mark.parametrize("who", ["bare_loop", "accelerate_loop"])
def test_a_loop_of_other_settings_leaves_the_curve(who, config, settings, monkeypatch):
    """The comparison must be able to fail."""
    right = getattr(loop_by_hand, who)
    other = {"seed": 5}, {"weight_decay": 0.0, "learning_rate": 2e-3}
    for change in other:
        monkeypatch.setattr(
            loop_by_hand,
            who,
            lambda *parts, change=change: right(*parts[:-1], replace(parts[-1], **change)),
        )
        taken = loops(config, settings, steps=8)
        assert max(taken.differences(who.removesuffix("_loop"))) > 1e-3, change


def test_what_it_leaves_out_is_said(config, settings):
    said = " ".join(map(str, loops(config, settings, steps=2).notes))
    assert "train_sampling_strategy = random" in said and "dropout = 0.0" in said


def test_each_phase_is_a_line_of_the_installed_trainer_and_of_the_code_shown():
    code = loop_by_hand.source()
    assert ast.parse(code)
    found = phases()
    assert all(one.number > 0 for one in found), [one for one in found if not one.number]
    for one in found:
        for ours in (one.bare, one.accelerate):
            assert ours.partition("(...)")[0] in code, ours


def test_all_three_are_drawn_with_their_differences_and_trainers_lines(config, settings):
    taken = loops(config, settings, steps=3)
    drawn = str(views.loops(taken))
    assert 'aria-label="Loss: Trainer from' in drawn and "Over 3 steps of 4 pairs each" in drawn
    assert drawn.count("<strong data-line") == 3
    table = str(views.phases_table(taken.phases, "5.23.0"))
    for one in taken.phases:
        assert f"trainer.py, line {one.number}, in {one.method}" in table
