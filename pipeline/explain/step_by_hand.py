"""One training step written out in bare PyTorch, beside the one that `Trainer` takes from the same
weights.

    >>> step = one_step(TrainingConfig(source="embedded", train_pairs=16, batch_size=4), Settings())
    >>> step.loss_difference < 1e-6, step.weight_difference < 1e-6
    (True, True)

Both get the same batch: the first that a run with these settings would draw. Everything is float32
and without dropout, so that the two compute the same; and the step is taken at the full
learning_rate, because in a warm-up the first step's rate is 0 and nothing would move.
"""

from __future__ import annotations

import copy
import inspect
import math
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from languages import say
from pipeline.collation import build_data_collator
from pipeline.config import TrainingConfig
from pipeline.dataset import load_raw_datasets
from pipeline.errors import InputError
from pipeline.hub.checkpoint_rules import check_fit
from pipeline.hub.isolated import ask
from pipeline.hub.sources import checkpoint_files
from pipeline.methods import use_method
from pipeline.model import held_parameters, model_in
from pipeline.settings import Settings
from pipeline.task import Task, task_named
from pipeline.tokenization import checked_length, load_tokenizer, tokenize_datasets
from pipeline.training import build_trainer, build_training_args, check_weights, set_dropout

if TYPE_CHECKING:  # importing these takes seconds, or goes round in a circle
    import torch
    from datasets import Dataset
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from pipeline.hub.sources import Origin


# What both steps honour. All other settings are off, those that are declared later too.
HONOURED = (
    "checkpoint",
    "task_name",
    "source",
    "train_pairs",
    "batch_size",
    "learning_rate",
    "weight_decay",
    "max_length",
    "train_sampling_strategy",
    "method",
    "frozen_layers",
    "seed",
)
# A page waits for it: a batch this large and a model this size take about two seconds on two cores.
MOST_PAIRS = 16
MOST_PARAMETERS = 40_000_000
# Trainer sets the seed of all chance, which is the process's, and draws its batch from it
one_at_a_time = threading.Lock()


# ---------------------------------------------------------------- the step itself; the page shows t


def losses_by_hand(model: torch.nn.Module, batch: dict) -> torch.Tensor:
    """Each example's cross-entropy, (batch,): minus the logarithm of the probability that its gold
    label got.
    """
    inputs = {name: tensor for name, tensor in batch.items() if name != "labels"}
    logits = model(**inputs).logits  # (batch, labels)
    log_probabilities = logits.log_softmax(dim=-1)  # (batch, labels)
    return -log_probabilities[range(len(logits)), batch["labels"]]  # (batch,)


def step_by_hand(
    model: torch.nn.Module,
    batch: dict,
    learning_rate: float,
    weight_decay: float,
    max_grad_norm: float = 1.0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """One AdamW step: forward, mean, backward, clip, update. (losses, gradient norm before
    clipping).
    """
    import torch

    losses = losses_by_hand(model, batch)  # (batch,)
    losses.mean().backward()
    learning = {
        name: weight for name, weight in model.named_parameters() if weight.grad is not None
    }
    norm = torch.stack([weight.grad.norm() for weight in learning.values()]).norm()
    clip = (max_grad_norm / (norm + 1e-6)).clamp(max=1.0)
    with torch.no_grad():
        for name, weight in learning.items():
            gradient = weight.grad * clip
            # AdamW's two running averages after one step, each made up for having begun at 0
            average = (1 - 0.9) * gradient / (1 - 0.9**1)
            square = (1 - 0.999) * gradient.square() / (1 - 0.999**1)
            # biases and LayerNorm are not pulled towards zero
            decay = 0.0 if weight.ndim < 2 or "bias" in name else weight_decay
            weight -= learning_rate * decay * weight
            weight -= learning_rate * average / (square.sqrt() + 1e-8)
    return losses.detach(), norm


# ---------------------------------------------------------------- both steps, and what they have in


@dataclass(frozen=True)
class Example:
    """One pair of the batch: its row in the train split, what it says, the number of its gold
    label, its loss by hand.
    """

    row: int
    sentence1: str
    sentence2: str | None  # None in a task of one sentence
    label: int
    share: float  # the probability that its gold label got
    loss: float


@dataclass(frozen=True)
class Weight:
    """One number of the model, followed through both updates."""

    name: str
    before: float
    gradient: float
    by_hand: float
    by_trainer: float


@dataclass(frozen=True)
class OneStep:
    """Both steps from the same weights on the same batch."""

    examples: list[Example]
    shape: tuple[int, int]  # (batch, seq_len)
    loss_by_hand: float
    loss_by_trainer: float
    norm_by_hand: float
    norm_by_trainer: float
    weights: int  # numbers compared
    moved: int  # of them, those that the step changed
    by_learning_rate: int  # of these, those that it changed by learning_rate, to within 5%
    largest_update: float
    size_by_hand: float  # the norm of all weights afterwards
    size_by_trainer: float
    weight_difference: float  # the largest between the two, over all weights
    clip: float  # by what the gradient was multiplied; 1 where it was short enough
    unclipped_difference: float  # the largest, had it not been clipped, over all weights
    followed: list[Weight]
    notes: list[str]
    seconds: float
    config: TrainingConfig  # as both stepped under it
    loaded: str  # the checkpoint that was stepped
    place: str  # where the pairs came from, an Origin's
    task: Task

    @property
    def loss_difference(self) -> float:
        """How far the two losses are apart."""
        return abs(self.loss_by_hand - self.loss_by_trainer)


def one_step(config: TrainingConfig, settings: Settings) -> OneStep:
    """TrainingConfig -> OneStep.

    Raises InputError for a setting out of bounds, a checkpoint that can't be had or one that is too
    large to be stepped while a page waits.
    """
    config, notes = _as_here(config.checked(settings))
    task = task_named(config.task_name, settings)
    raw_datasets, place = load_raw_datasets(config.source, settings, task)
    rows = raw_datasets["train"].select(range(min(config.train_pairs, len(raw_datasets["train"]))))
    return ask(
        config.checkpoint,
        _one_step,
        config,
        notes,
        rows[:],
        place.place,
        task,
        weights=True,
        settings=settings,
    )


def _one_step(checkpoint, config, notes, columns, place, task, settings):
    """`one_step` where the checkpoint may be opened. columns: the training pairs' lists."""
    began = time.monotonic()
    with one_at_a_time:
        model, origin, tokenizer, rows, tokenized = opened_to_train(
            checkpoint, config, columns, task, settings
        )
        if origin.stands_in:
            notes.append(origin.said)
        twin = copy.deepcopy(model)
        batches, trainer = _trainers_step(model, tokenized, tokenizer, config)
        told = {
            "notes": notes,
            "config": config,
            "loaded": origin.loaded,
            "place": place,
            "task": task,
        }
        return _compared(twin, trainer, batches[0], rows, tokenized, config, told, began)


def _as_here(config):
    """(the config that both steps run under, what of the visitor's it leaves out)."""
    notes = []
    if config.warmup_steps > 0:
        notes.append(
            say(
                "With warmup_steps {warmup_steps:g}, the first step of a run has the learning "
                "rate 0 and changes nothing. This step uses the full learning rate.",
                warmup_steps=config.warmup_steps,
            )
        )
    if config.precision != "fp32":
        notes.append(
            say("Both use float32 here; in bfloat16 they would agree to only two or three digits.")
        )
    if config.dropout:
        notes.append(
            say(
                "Dropout is off here; with {dropout:g}, the two would drop different activations.",
                dropout=config.dropout,
            )
        )
    if config.batch_size > MOST_PAIRS:
        notes.append(
            say(
                "Only the first {count} pairs of the batch of {batch_size} are used, to keep the "
                "wait short.",
                count=MOST_PAIRS,
                batch_size=config.batch_size,
            )
        )
    honoured = {name: getattr(config, name) for name in HONOURED}
    off = {"warmup_steps": 0.0, "lr_scheduler_type": "constant", "dropout": 0.0}
    return TrainingConfig(**honoured, **off, eval_strategy="no", precision="fp32"), notes


def opened_to_train(
    checkpoint: str,
    config: TrainingConfig,
    columns: dict[str, list],
    task: Task,
    settings: Settings,
) -> tuple[PreTrainedModel, Origin, PreTrainedTokenizerFast, Dataset, Dataset]:
    """(the model as a run of `config` has it before its first step, where it came from, its
    tokenizer, the training pairs, the same tokenized). columns: the pairs' lists.

    Raises SourceError for a checkpoint that can't be taken apart here.
    """
    files = checkpoint_files(checkpoint, weights=True, settings=settings)
    check_size(config.checkpoint, files.folder)
    model, origin = model_in(files, config.seed, task.labels), files.origin
    check_weights(model, origin.loaded)
    tokenizer, rows, tokenized = tokenized_pairs(config, columns, origin.loaded, settings)
    check_fit(config.checkpoint, model.config, tokenizer)
    set_dropout(model, config.dropout)
    use_method(model, config.method, config.frozen_layers, config.seed)
    return model, origin, tokenizer, rows, tokenized


def tokenized_pairs(
    config: TrainingConfig, columns: dict[str, list], checkpoint: str, settings: Settings
) -> tuple[PreTrainedTokenizerFast, Dataset, Dataset]:
    """(the checkpoint's tokenizer, the training pairs as a Dataset, the same tokenized). columns:
    the pairs' lists.
    """
    from datasets import Dataset, DatasetDict

    tokenizer, _ = load_tokenizer(checkpoint, settings)
    checked_length(config.max_length, tokenizer, settings)
    rows = Dataset.from_dict(columns)
    return (
        tokenizer,
        rows,
        tokenize_datasets(DatasetDict(train=rows), tokenizer, config.max_length)["train"],
    )


def check_size(name: str, folder: Path) -> None:
    """Raise InputError for a model too large to be stepped while a page waits. Counted before
    anything is loaded: a safetensors file says at its beginning which tensors it holds.
    """
    numbers = held_parameters(name, folder)
    if numbers > MOST_PARAMETERS:
        raise InputError(
            say(
                "{name} has {parameters:,} parameters. This step needs two copies with "
                "gradients, so its limit is {most:,} parameters. Choose the embedded checkpoint "
                "for this step.",
                name=name,
                parameters=numbers,
                most=MOST_PARAMETERS,
            )
        )


def _trainers_step(model, tokenized, tokenizer, config):
    """([the batch it took], the Trainer after its single step)."""
    from transformers import PrinterCallback, set_seed

    batches, collator = [], build_data_collator(tokenizer)

    def collate(rows):
        batches.append(collator(rows[:MOST_PAIRS]))
        return batches[-1]

    with tempfile.TemporaryDirectory() as folder:
        args = build_training_args(config, folder)
        args.max_steps = 1
        trainer = build_trainer(model, args, tokenized, None, collate, None, tokenizer)
        trainer.remove_callback(PrinterCallback)
        set_seed(config.seed)
        trainer.train()
    return batches, trainer


def _compared(twin, trainer, batch, rows, tokenized, config, told, began):
    """The step by hand on the untouched twin, and both results side by side."""
    batch = batch.to(trainer.args.device)
    twin = twin.to(trainer.args.device).train()
    unclipped = copy.deepcopy(twin)
    before = {name: weight.detach().clone() for name, weight in twin.named_parameters()}
    losses, norm = step_by_hand(twin, batch, config.learning_rate, config.weight_decay)
    step_by_hand(unclipped, batch, config.learning_rate, config.weight_decay, math.inf)
    without = dict(unclipped.named_parameters())
    theirs = dict(trainer.model.named_parameters())
    moved, by_rate, largest, apart, by_clip, sizes = 0, 0, 0.0, 0.0, 0.0, [0.0, 0.0]
    for name, weight in twin.named_parameters():
        update = (weight.detach() - before[name]).abs()
        moved, largest = moved + int((update > 0).sum()), max(largest, update.max().item())
        by_rate += int(((update / config.learning_rate - 1).abs() < 0.05).sum())
        apart = max(apart, (weight.detach() - theirs[name].detach()).abs().max().item())
        by_clip = max(by_clip, (weight.detach() - without[name].detach()).abs().max().item())
        sizes = [
            size + one.detach().double().square().sum().item()
            for size, one in zip(sizes, (weight, theirs[name]), strict=True)
        ]
    logged = next(log for log in trainer.state.log_history if "loss" in log)
    return OneStep(
        _examples(batch, losses.tolist(), rows, tokenized),
        tuple(batch["input_ids"].shape),
        losses.mean().item(),
        logged["loss"],
        norm.item(),
        logged["grad_norm"],
        sum(weight.numel() for weight in before.values()),
        moved,
        by_rate,
        largest,
        *map(math.sqrt, sizes),
        apart,
        min(1.0, 1.0 / (norm.item() + 1e-6)),
        by_clip,
        _followed(before, twin, theirs),
        seconds=time.monotonic() - began,
        **told,
    )


def _examples(batch, losses, rows, tokenized):
    """The batch's rows, found again by their ids: a batch is numbers and doesn't say which pairs
    they were.
    """
    found = {tuple(ids): row for row, ids in enumerate(tokenized["input_ids"])}
    examples = []
    for ids, mask, label, loss in zip(
        batch["input_ids"].tolist(),
        batch["attention_mask"].tolist(),
        batch["labels"].tolist(),
        losses,
        strict=True,
    ):
        row = found[tuple(number for number, real in zip(ids, mask, strict=True) if real)]
        examples.append(
            Example(
                row,
                rows[row]["sentence1"],
                rows[row].get("sentence2"),
                label,
                math.exp(-loss),
                loss,
            )
        )
    return examples


def _followed(before, twin, theirs):
    """Three numbers: of the classifier, of its bias, and of the highest layer."""
    after = dict(twin.named_parameters())
    learning = [name for name, weight in after.items() if weight.grad is not None]
    names = [name for name in learning if name.startswith("classifier")][:2]
    names += [name for name in learning if ".layer." in name][-1:]
    one = {name: (0,) * after[name].ndim for name in names}
    return [
        Weight(
            f"{name}[{', '.join('0' * len(at))}]",
            before[name][at].item(),
            after[name].grad[at].item(),
            after[name].detach()[at].item(),
            theirs[name].detach()[at].item(),
        )
        for name, at in one.items()
    ]


def source() -> str:
    """The lines that ran by hand, as they stand in this file."""
    return inspect.getsource(losses_by_hand) + "\n\n" + inspect.getsource(step_by_hand)
