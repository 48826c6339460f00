"""The learning rate that the form draws, against the scheduler that Trainer uses."""

import pytest
import torch
from transformers import get_scheduler

from pipeline.config import RUN_SETTINGS, TrainingConfig
from pipeline.explain.schedule import learning_rates, warmup_of
from pipeline.training import build_training_args


def scheduled(config, steps, warmup):
    """The rate of each step, as a bare loop over the real scheduler meets it."""
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=config.learning_rate)
    scheduler = get_scheduler(config.lr_scheduler_type, optimizer, warmup, steps)
    rates = []
    for _step in range(steps):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize("kind", RUN_SETTINGS["lr_scheduler_type"].choices)
@pytest.mark.parametrize("warmup_steps", [0.0, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("steps", [1, 7, 125])
def test_it_is_the_schedulers(kind, warmup_steps, steps, tmp_path):
    config = TrainingConfig(
        lr_scheduler_type=kind, warmup_steps=warmup_steps, learning_rate=3e-4, precision="fp32"
    )
    warmup = build_training_args(config, tmp_path).get_warmup_steps(steps)
    assert learning_rates(config, steps) == pytest.approx(scheduled(config, steps, warmup))
    if kind != "constant":
        assert warmup_of(config, steps) == warmup
