"""The learning rate of each optimizer step, as Trainer's scheduler sets it, before a run starts.

>>> rates = learning_rates(TrainingConfig(learning_rate=1e-4, warmup_steps=0.5), steps=4)
>>> [f"{rate:.3g}" for rate in rates]
['0', '5e-05', '0.0001', '5e-05']
"""

import math

from pipeline.config import TrainingConfig


def learning_rates(config: TrainingConfig, steps: int) -> list[float]:
    """The learning rate with which each of `steps` optimizer steps is made, in their order.

    As transformers.get_scheduler: warm-up to `learning_rate` over a share of the steps, then down
    to 0. A constant rate has no warm-up there, whatever warmup_steps says. The first step of a run
    that warms up is made with 0.
    """
    warmup = warmup_of(config, steps)
    return [config.learning_rate * _share(config, step, warmup, steps) for step in range(steps)]


def warmup_of(config: TrainingConfig, steps: int) -> int:
    """Steps of warm-up, as TrainingArguments counts them.

    >>> warmup_of(TrainingConfig(warmup_steps=0.1), 125)
    13
    """
    if config.lr_scheduler_type == "constant":
        return 0
    return math.ceil(steps * config.warmup_steps)


def _share(config: TrainingConfig, step: int, warmup: int, steps: int) -> float:
    """Which share of `learning_rate` the step of this number has; the first has number 0."""
    if config.lr_scheduler_type == "constant":
        return 1.0
    if step < warmup:
        return step / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    if config.lr_scheduler_type == "cosine":
        return 0.5 * (1 + math.cos(math.pi * progress))
    return 1 - progress
