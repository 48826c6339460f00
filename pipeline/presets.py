"""Settings that show something, each under a name: a good run, and runs that go wrong on purpose.

A preset is what differs from the default run, nothing else: the form, the command line and the
address take it as if each value had been chosen by hand. dev/LOG.md has what each run does.

>>> PRESETS["overfits"].config().train_pairs, PRESETS["good"].config() == TrainingConfig()
(64, True)
>>> preset_named("overfit")
Traceback (most recent call last):
pipeline.errors.InputError: There is no preset 'overfit'. Choose one of good, course, overfits, \
underfits, diverges, forgets.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from languages import say
from pipeline.config import TrainingConfig
from pipeline.errors import InputError
from pipeline.settings import EMBEDDED_CHECKPOINT, READY


@dataclass(frozen=True)
class Preset:
    """name: on the command line; title: on the page; shows: what to look at in its run.

    changes: {setting: value}, where it differs from the default run.
    """

    name: str
    title: str
    shows: str
    changes: Mapping[str, Any]

    def config(self) -> TrainingConfig:
        """All settings of its run, on the default run's pairs."""
        return replace(TrainingConfig(), **self.changes)


PRESETS = {
    one.name: one
    for one in (
        Preset(
            "good",
            say("a good run (the default)"),
            say(
                "It starts from all-MiniLM-L6-v2 after 600 steps of distillation on the sentences "
                "of MRPC's train split, their pairing and labels dropped. So its first point isn't "
                "a beginner's."
            ),
            {},
        ),
        Preset(
            "course",
            say("as in the course: a new head, Trainer's defaults"),
            say(
                "The plain checkpoint with a new head and Trainer's own defaults. The loss begins "
                "at ln 2, a coin's, and falls little; the accuracy ends near the majority's. The "
                "course trains a model five times this size for 1,377 steps."
            ),
            {
                "checkpoint": EMBEDDED_CHECKPOINT,
                "learning_rate": 5e-5,
                "batch_size": 8,
                "warmup_steps": 0.0,
                "weight_decay": 0.0,
                "train_sampling_strategy": "random",
                "frozen_layers": 0,
                "dropout": 0.1,
            },
        ),
        Preset(
            "overfits",
            say("overfits: 64 pairs, 25 times each"),
            say(
                "The training loss falls to 0 while the validation loss rises: the model learns "
                "64 pairs by heart. Then choose metric_for_best_model and early_stopping_patience."
            ),
            {"train_pairs": 64, "epochs": 25, "max_steps": 100, "eval_steps": 10},
        ),
        Preset(
            "underfits",
            say("underfits: a learning rate far too small"),
            say("Both lines stay where they began: sixty steps at this learning rate go nowhere."),
            # Random, larger batches: their losses scatter less, and nothing else moves
            {
                "learning_rate": 1e-6,
                "batch_size": 32,
                "max_steps": 60,
                "train_sampling_strategy": "random",
            },
        ),
        Preset(
            "diverges",
            say("diverges: a learning rate far too large"),
            say(
                "Each step overshoots: the loss jumps above ln 2, which a coin has, and every pair "
                "gets one answer."
            ),
            {
                "learning_rate": 1e-2,
                "lr_scheduler_type": "constant",
                "warmup_steps": 0.0,
                "eval_steps": 5,
                "max_steps": 60,
            },
        ),
        Preset(
            "forgets",
            say("forgets: a good start spoiled"),
            say(
                "It starts from the model that is already fine-tuned on MRPC, and steps far too "
                "large for it: what it could do at the start is lost within a few steps."
            ),
            {"checkpoint": READY, "learning_rate": 2e-3, "eval_steps": 5, "max_steps": 60},
        ),
    )
}


PAIRS = ("task_name", "source")  # a preset is tried on whatever pairs are chosen


def preset_of(values: Mapping[str, Any]) -> Preset | None:
    """The preset whose settings these are, {setting: value}, on whatever pairs; None where they are
    of none.

    >>> preset_of({"train_pairs": 64, "source": "embedded"}) is None
    True
    >>> preset_of({"source": "embedded"}).name
    'good'
    """
    given = {**asdict(TrainingConfig()), **values}
    for one in PRESETS.values():
        own = asdict(one.config())
        if all(given[name] == value for name, value in own.items() if name not in PAIRS):
            return one
    return None


def preset_named(name: str) -> Preset:
    """The preset of that name, or an InputError."""
    if name not in PRESETS:
        raise InputError(
            say(
                "There is no preset {name!r}. Choose one of {known}.",
                name=str(name)[:60],
                known=", ".join(PRESETS),
            )
        )
    return PRESETS[name]
