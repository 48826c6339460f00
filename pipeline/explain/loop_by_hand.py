"""Twenty steps of training written out in bare PyTorch, and with Accelerate, beside the twenty that
`Trainer` takes from the same weights on the same batches.

    >>> small = TrainingConfig(source="embedded", train_pairs=16, batch_size=2, max_length=32)
    >>> taken = loops(small, Settings(), steps=2)
    >>> max(taken.differences("bare")) < 1e-5, max(taken.differences("accelerate")) < 1e-5
    (True, True)

All three run in float32 and without dropout, so that they compute the same.
"""

from __future__ import annotations

import copy
import inspect
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from languages import say
from pipeline.collation import MODEL_INPUTS, build_data_collator
from pipeline.config import TrainingConfig
from pipeline.dataset import load_raw_datasets
from pipeline.explain.step_by_hand import one_at_a_time, opened_to_train
from pipeline.hub.isolated import ask
from pipeline.settings import Settings
from pipeline.task import task_named
from pipeline.training import build_trainer, build_training_args

if TYPE_CHECKING:  # importing these takes seconds
    import torch
    from datasets import Dataset

STEPS = 20
# A page waits for three times so many pairs in so many steps: some ten seconds on two cores
MOST_PAIRS = 4
HONOURED = (
    "checkpoint",
    "task_name",
    "source",
    "train_pairs",
    "learning_rate",
    "weight_decay",
    "warmup_steps",
    "lr_scheduler_type",
    "max_length",
    "method",
    "frozen_layers",
    "seed",
)

# ---------------------------------------------------------------- the loops; the page shows them


def optimizer_and_scheduler(
    model: torch.nn.Module, steps: int, config: TrainingConfig
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """AdamW, which doesn't pull biases and LayerNorm towards zero, and its learning rates."""
    import math

    import torch
    from transformers import get_scheduler

    learning = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
    pulled = [weight for name, weight in learning if weight.ndim > 1 and "bias" not in name]
    others = [weight for name, weight in learning if weight.ndim < 2 or "bias" in name]
    groups = [
        {"params": pulled, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)
    warmup = math.ceil(config.warmup_steps * steps)
    return optimizer, get_scheduler(config.lr_scheduler_type, optimizer, warmup, steps)


def bare_loop(
    model: torch.nn.Module,
    train_dataset: Dataset,
    data_collator: Callable,
    steps: int,
    config: TrainingConfig,
) -> list[tuple[float, float, float]]:
    """[(loss, gradient norm before clipping, learning rate) of each step] in bare PyTorch."""
    import torch
    from torch.utils.data import DataLoader, RandomSampler

    order = torch.Generator()
    sampler = RandomSampler(train_dataset, generator=order)
    loader = DataLoader(train_dataset, config.batch_size, sampler=sampler, collate_fn=data_collator)
    optimizer, scheduler = optimizer_and_scheduler(model, steps, config)
    told: list[tuple[float, float, float]] = []
    epoch = 0
    model.train()
    optimizer.zero_grad()
    while True:
        order.manual_seed(config.seed + epoch)  # another order in each epoch
        for batch in loader:
            loss = model(**batch).loss  # forward
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            rate = optimizer.param_groups[0]["lr"]
            scheduler.step()
            optimizer.zero_grad()
            told.append((loss.item(), norm.item(), rate))
            if len(told) == steps:
                return told
        epoch += 1


def accelerate_loop(
    model: torch.nn.Module,
    train_dataset: Dataset,
    data_collator: Callable,
    steps: int,
    config: TrainingConfig,
) -> list[tuple[float, float, float]]:
    """The same with Accelerate: these lines run on several GPUs, too, and in half precision."""
    from accelerate import Accelerator
    from accelerate.utils import DataLoaderConfiguration
    from torch.utils.data import DataLoader

    accelerator = Accelerator(
        dataloader_config=DataLoaderConfiguration(use_seedable_sampler=True, data_seed=config.seed)
    )
    loader = DataLoader(train_dataset, config.batch_size, shuffle=True, collate_fn=data_collator)
    optimizer, scheduler = optimizer_and_scheduler(model, steps, config)
    model, optimizer, loader, scheduler = accelerator.prepare(model, optimizer, loader, scheduler)
    told: list[tuple[float, float, float]] = []
    epoch = 0
    model.train()
    optimizer.zero_grad()
    while True:
        loader.set_epoch(epoch)
        for batch in loader:
            loss = model(**batch).loss
            accelerator.backward(loss)
            norm = accelerator.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            rate = optimizer.param_groups[0]["lr"]
            scheduler.step()
            optimizer.zero_grad()
            told.append((loss.item(), norm.item(), rate))
            if len(told) == steps:
                return told
        epoch += 1


# ---------------------------------------------------------------- which line of Trainer is which


@dataclass(frozen=True)
class Phase:
    """One phase of a step: a line of each loop, and the line of Trainer that does it.

    method: of Trainer; theirs: what the line begins with; number: of the line in trainer.py of the
    installed transformers, 0 where that version has it no more.
    """

    name: str
    bare: str
    accelerate: str
    method: str
    theirs: str
    number: int = 0


_PHASES = (
    Phase(
        say("the next batch"),
        "for batch in loader:",
        "for batch in loader:",
        "_run_epoch",
        "batch_samples, num_items_in_batch = self.get_batch_samples(",
    ),
    Phase(
        say("forward"),
        "loss = model(**batch).loss",
        "loss = model(**batch).loss",
        "compute_loss",
        "outputs = model(**inputs)",
    ),
    Phase(
        say("backward"),
        "loss.backward()",
        "accelerator.backward(loss)",
        "training_step",
        "self.accelerator.backward(loss",
    ),
    Phase(
        say("clip the gradient"),
        "clip_grad_norm_(model.parameters(), 1.0)",
        "accelerator.clip_grad_norm_(model.parameters(), 1.0)",
        "_run_epoch",
        "grad_norm = self._clip_grad_norm(model)",
    ),
    Phase(
        say("update the weights"),
        "optimizer.step()",
        "optimizer.step()",
        "_run_epoch",
        "self.optimizer.step()",
    ),
    Phase(
        say("the next learning rate"),
        "scheduler.step()",
        "scheduler.step()",
        "_run_epoch",
        "self.lr_scheduler.step()",
    ),
    Phase(
        say("forget the gradient"),
        "optimizer.zero_grad()",
        "optimizer.zero_grad()",
        "_run_epoch",
        "model.zero_grad()",
    ),
    Phase(
        say("log, evaluate, save"),
        "told.append(...)",
        "told.append(...)",
        "_run_epoch",
        "self._maybe_log_save_evaluate(",
    ),
)


def phases() -> tuple[Phase, ...]:
    """The phases of a step, in order, with the lines of the installed Trainer."""
    from transformers import Trainer

    found = []
    for one in _PHASES:
        lines, first = inspect.getsourcelines(getattr(Trainer, one.method, Trainer.train))
        places = [
            first + at for at, line in enumerate(lines) if line.strip().startswith(one.theirs)
        ]
        found.append(replace(one, number=places[0] if places else 0))
    return tuple(found)


# ---------------------------------------------------------------- all three


@dataclass(frozen=True)
class Loops:
    """{who: [(loss, gradient norm, learning rate) of each step]} of trainer, bare and accelerate.

    config: as all three ran under it; notes: what of the visitor's it leaves out.
    """

    steps: dict[str, list[tuple[float, float, float]]]
    config: TrainingConfig
    notes: list[str]
    phases: tuple[Phase, ...]
    seconds: float
    labels: tuple[str, ...] = ()

    def differences(self, who: str) -> list[float]:
        """The largest difference from Trainer's of each of the three numbers, over all steps."""
        ours, theirs = (zip(*self.steps[name], strict=True) for name in (who, "trainer"))
        return [
            max(abs(one - other) for one, other in zip(*both, strict=True))
            for both in zip(ours, theirs, strict=True)
        ]


def loops(config: TrainingConfig, settings: Settings, steps: int = STEPS) -> Loops:
    """TrainingConfig -> Loops. Raises InputError as step_by_hand.one_step does."""
    config, notes = _as_here(config.checked(settings), steps)
    task = task_named(config.task_name, settings)
    raw_datasets, _place = load_raw_datasets(config.source, settings, task)
    rows = raw_datasets["train"].select(range(min(config.train_pairs, len(raw_datasets["train"]))))
    return ask(
        config.checkpoint,
        _loops,
        config,
        notes,
        rows[:],
        task,
        steps,
        weights=True,
        settings=settings,
    )


def _as_here(config, steps):
    """(the config that all three run under, what of the visitor's it leaves out)."""
    honoured = {name: getattr(config, name) for name in HONOURED}
    # Pairs beyond those that the steps take would be tokenized in vain
    taken = min(config.batch_size, MOST_PAIRS)
    honoured["train_pairs"] = min(config.train_pairs, 2 * taken * steps)
    here = TrainingConfig(
        **honoured,
        batch_size=taken,
        epochs=Settings.max_epochs,
        max_steps=steps,
        dropout=0.0,
        train_sampling_strategy="random",
        eval_strategy="no",
        precision="fp32",
    )
    names = ("batch_size", "train_sampling_strategy", "dropout", "precision")
    asked, given = asdict(config), asdict(here)
    other = [name for name in names if asked[name] != given[name]]
    changed = ", ".join(f"{name} = {given[name]}" for name in other)
    if not other:
        return here, []
    return here, [
        say("To keep the wait short and the three alike, they run with {changed}.", changed=changed)
    ]


def _loops(checkpoint, config, notes, columns, task, steps, settings):
    """`loops` where the checkpoint may be opened. columns: the training pairs' lists."""
    began = time.monotonic()
    with one_at_a_time:
        model, origin, tokenizer, _rows, tokenized = opened_to_train(
            checkpoint, config, columns, task, settings
        )
        if origin.stands_in:
            notes = [*notes, origin.said]
        # What Trainer drops by itself
        kept = [name for name in tokenized.column_names if name in (*MODEL_INPUTS, "label")]
        dataset, collator = tokenized.select_columns(kept), build_data_collator(tokenizer)
        told = {
            "trainer": _trainers(copy.deepcopy(model), dataset, tokenizer, config, steps),
            "bare": bare_loop(copy.deepcopy(model), dataset, collator, steps, config),
            "accelerate": accelerate_loop(model, dataset, collator, steps, config),
        }
    return Loops(told, config, notes, phases(), time.monotonic() - began, task.labels)


def _trainers(model, dataset, tokenizer, config, steps):
    from transformers import PrinterCallback, set_seed

    with tempfile.TemporaryDirectory() as folder:
        args = build_training_args(config, folder)
        args.max_steps = steps
        trainer = build_trainer(
            model, args, dataset, None, build_data_collator(tokenizer), None, tokenizer
        )
        trainer.remove_callback(PrinterCallback)
        set_seed(config.seed)
        trainer.train()
    logs = [log for log in trainer.state.log_history if "loss" in log]
    return [(log["loss"], log["grad_norm"], log["learning_rate"]) for log in logs]


def source() -> str:
    """The lines of both loops, as they stand in this file."""
    shown = (optimizer_and_scheduler, bare_loop, accelerate_loop)
    return "\n\n".join(inspect.getsource(one) for one in shown)
