"""One step by hand: the same batch as a run's first, the same loss and weights as Trainer's, and lines that really ran."""

import ast
import inspect
import math
from dataclasses import replace

import pytest
import torch

from pipeline.config import TrainingConfig
from pipeline.dataset import load_raw_datasets
from pipeline.errors import InputError
from pipeline.explain import step_by_hand as by_hand
from pipeline.explain.step_by_hand import one_step, step_by_hand
from pipeline.settings import EMBEDDED_CHECKPOINT, Settings
from pipeline.training import prepare


@pytest.fixture
def config(tiny):
    return TrainingConfig(
        checkpoint=tiny,
        source="folder",
        train_pairs=48,
        batch_size=8,
        learning_rate=1e-3,
        weight_decay=0.1,
        frozen_layers=1,
        dropout=0.2,
        seed=4,
    )


def test_both_steps_end_at_the_same_loss_and_the_same_weights(config, settings):
    step = one_step(config, settings)
    assert step.loss_difference < 1e-6 and step.norm_by_hand == pytest.approx(
        step.norm_by_trainer, rel=1e-4
    )
    assert step.weight_difference < 1e-6 < 1e-4 < step.largest_update, (
        "the difference is nothing beside the step itself"
    )
    assert 0 < step.moved < step.weights, "what is frozen stays"
    assert step.by_learning_rate > 0.5 * step.moved, (
        "AdamW's first step is as long for a large gradient as for a small one"
    )
    assert step.loss_by_hand == pytest.approx(
        sum(each.loss for each in step.examples) / len(step.examples), abs=1e-6
    )
    for weight in step.followed:
        assert weight.by_hand != weight.before and weight.by_trainer == pytest.approx(
            weight.by_hand, abs=1e-6
        )


def test_clipping_changes_nothing_that_counts_in_adamws_first_step(config, settings, monkeypatch):
    """Its factor is above and below the fraction bar; in SGD's update it would be all that counts."""
    step = one_step(replace(config, learning_rate=1e-2), settings)
    assert step.clip == pytest.approx(min(1.0, 1 / step.norm_by_hand), rel=1e-4)
    # Of a gradient as short as AdamW's epsilon something is left
    assert step.unclipped_difference < 0.05 * step.largest_update
    asked = []
    right = step_by_hand
    monkeypatch.setattr(
        by_hand,
        "step_by_hand",
        lambda *parts: asked.append(parts[4:]) or right(*parts),
    )
    one_step(config, settings)
    assert asked == [(), (math.inf,)], "once as Trainer clips, once unclipped"


def test_every_optimizer_rule_counts(config, settings, monkeypatch):
    """The comparison must be able to fail: a step by hand with another decay, rate or clip ends elsewhere."""
    right = step_by_hand
    for wrong in ({"weight_decay": 0.5}, {"learning_rate": 1.1e-3}):
        monkeypatch.setattr(
            by_hand,
            "step_by_hand",
            lambda model, batch, rate, decay, most=1.0, wrong=wrong: right(
                model, batch, **{"learning_rate": rate, "weight_decay": decay, **wrong}
            ),
        )
        assert one_step(config, settings).weight_difference > 1e-5, wrong


@pytest.mark.parametrize("strategy", ["group_by_length", "random"])
def test_it_is_the_batch_that_a_run_with_these_settings_draws_first(
    config, settings, tmp_path, strategy
):
    from transformers import set_seed

    config = replace(config, train_sampling_strategy=strategy)
    trainer, _ = prepare(config, tmp_path, settings)
    set_seed(config.seed)  # as before a run's first step
    first = next(iter(trainer.get_train_dataloader()))
    rows = [each.row for each in one_step(config, settings).examples]
    train = load_raw_datasets("folder", settings)[0]["train"]
    lengths = [len(ids) for ids in trainer.train_dataset["input_ids"]]
    assert sorted(lengths[row] for row in rows) == sorted(first["attention_mask"].sum(-1).tolist())
    assert [train[row]["label"] for row in rows] == first["labels"].tolist()
    assert [trainer.train_dataset[row]["input_ids"] for row in rows] == [
        [number for number, real in zip(ids, mask) if real]
        for ids, mask in zip(first["input_ids"].tolist(), first["attention_mask"].tolist())
    ]


def test_each_pair_is_shown_with_its_own_loss(config, settings):
    from pipeline.model import load_model
    from pipeline.tokenization import load_tokenizer

    step = one_step(config, settings)
    model, tokenizer = (
        load_model(config.checkpoint, config.seed, settings=settings)[0],
        load_tokenizer(config.checkpoint, settings=Settings())[0],
    )
    for each in step.examples[:3]:
        with torch.inference_mode():
            encoding = tokenizer(
                each.sentence1, each.sentence2, truncation=True, max_length=128, return_tensors="pt"
            )
            loss = torch.nn.functional.cross_entropy(
                model(**encoding).logits, torch.tensor([each.label])
            ).item()
        assert each.loss == pytest.approx(loss, abs=1e-5)


def test_what_it_leaves_out_of_the_settings_is_said(config, settings):
    said = " ".join(
        one_step(replace(config, batch_size=24, warmup_steps=0.3, precision="bf16"), settings).notes
    )
    assert (
        "warmup_steps 0.3" in said
        and "learning rate 0" in said
        and "float32" in said
        and "Dropout is off" in said
        and "batch of 24" in said
    )
    plain = replace(config, dropout=0.0, warmup_steps=0.0, precision="fp32", batch_size=4)
    assert one_step(plain, settings).notes == []


def test_a_model_too_large_for_a_page_is_refused(config, settings, monkeypatch):
    monkeypatch.setattr(by_hand, "MOST_PARAMETERS", 1000)
    with pytest.raises(InputError, match="parameters.*Choose the embedded checkpoint"):
        one_step(config, settings)


def test_the_lines_shown_are_the_lines_that_ran():
    code = by_hand.source()
    assert (
        inspect.getsource(step_by_hand) in code
        and inspect.getsource(by_hand.losses_by_hand) in code
    )
    names = {node.attr for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Attribute)}
    assert "backward" in names and not names & {
        "AdamW",
        "cross_entropy",
        "clip_grad_norm_",
        "step",
    }, "bare PyTorch, nothing ready made"


def test_the_embedded_checkpoint_too(settings):
    small = TrainingConfig(
        checkpoint=EMBEDDED_CHECKPOINT, source="folder", train_pairs=8, batch_size=2, max_length=24
    )
    step = one_step(small, settings)
    assert step.weight_difference < 1e-5 < step.largest_update and step.shape[0] == 2
