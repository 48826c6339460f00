"""tokenized_datasets -> a fine-tuned checkpoint, told as events.

    >>> for event in fine_tune(TrainingConfig(source="embedded", max_steps=2), folder):   # doctest: +SKIP
    ...     print(event["event"])
    start
    evaluation
    log
    log
    evaluation
    done
"""

import queue
import threading
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from pipeline.collation import build_data_collator
from pipeline.dataset import SOURCES, load_raw_datasets, majority
from pipeline.metrics import build_compute_metrics, load_metric
from pipeline.settings import EMBEDDED_CHECKPOINT, InputError, Settings
from pipeline.sources import load_model, load_tokenizer, validated_checkpoint
from pipeline.tokenization import checked_length, tokenize_datasets

EVAL_STRATEGIES = ("no", "steps", "epoch")
SCHEDULES = ("linear", "cosine", "constant")


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides a run's curve. The same config on the same machine gives the same curve."""

    checkpoint: str = EMBEDDED_CHECKPOINT
    source: str = "auto"
    train_pairs: int = 320
    eval_pairs: int = 80
    epochs: int = 3
    max_steps: int = 60  # the run ends after `epochs` or `max_steps`, whichever comes first
    batch_size: int = 16
    learning_rate: float = 1e-4
    warmup_ratio: float = 0.1
    weight_decay: float = 0.01
    schedule: str = "linear"
    eval_strategy: str = "steps"
    eval_steps: int = 10
    max_length: int = 128
    group_by_length: bool = False
    seed: int = 42

    def checked(self, settings=None):
        """The same config with every value within its cap, or an InputError that names the value."""
        settings = settings or Settings()
        validated_checkpoint(self.checkpoint)
        _one_of("source", self.source, SOURCES)
        _one_of("eval_strategy", self.eval_strategy, EVAL_STRATEGIES)
        _one_of("schedule", self.schedule, SCHEDULES)
        values = asdict(self)
        for name, (cap, low) in CAPS.items():
            values[name] = settings.checked(cap, values[name], low)
        for name, (low, high) in RANGES.items():
            values[name] = _number(name, values[name], low, high)
        values["group_by_length"] = bool(self.group_by_length)
        return TrainingConfig(**values)


CAPS = {  # field -> (its cap in Settings, the least)
    "train_pairs": ("max_train_pairs", 2), "eval_pairs": ("max_eval_pairs", 2), "epochs": ("max_epochs", 1),
    "max_steps": ("max_steps", 1), "eval_steps": ("max_steps", 1), "batch_size": ("max_batch_size", 1),
    "max_length": ("longest_max_length", 8), "seed": ("largest_seed", 0),
}  # fmt: skip
RANGES = {"learning_rate": (1e-7, 1e-2), "warmup_ratio": (0.0, 0.99), "weight_decay": (0.0, 1.0)}


def _one_of(name, value, allowed):
    if value not in allowed:
        raise InputError(f"{name} is {str(value)[:60]!r}. Choose one of {', '.join(allowed)}.")


def _number(name, value, low, high):
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InputError(f"{name} is {value!r}, which is not a number. Give {low:g} to {high:g}.") from None
    if not low <= number <= high:  # also false for nan
        raise InputError(f"{name} is {number:g}, but {low:g} to {high:g} is allowed. Choose a value in that range.")
    return number


def build_training_args(config, output_dir):
    """The real TrainingArguments, each of the notes' parameters visible. No reports go anywhere."""
    from transformers import TrainingArguments

    return TrainingArguments(
        output_dir=str(output_dir),
        num_train_epochs=config.epochs,
        max_steps=-1,  # the cap is kept by a callback, so that an epoch stays an epoch on the curve's axis
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=64,
        learning_rate=config.learning_rate,
        lr_scheduler_type=config.schedule,
        warmup_steps=config.warmup_ratio,  # a float below 1 is a ratio
        weight_decay=config.weight_decay,
        max_grad_norm=1.0,
        eval_strategy=config.eval_strategy,
        eval_steps=config.eval_steps if config.eval_strategy == "steps" else None,
        logging_steps=1,  # the default of 500 would log nothing in a short run
        save_strategy="no",
        train_sampling_strategy="group_by_length" if config.group_by_length else "random",
        seed=config.seed,
        data_seed=config.seed,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )


def build_trainer(model, training_args, train_dataset, eval_dataset, data_collator, compute_metrics, processing_class):
    """The Trainer of the notes, nothing hidden. `processing_class` was called `tokenizer` when they were written."""
    from transformers import Trainer

    return Trainer(
        model=model,
        args=training_args,
        train_dataset=train_dataset,
        eval_dataset=eval_dataset,
        data_collator=data_collator,
        compute_metrics=compute_metrics,
        processing_class=processing_class,
    )


def planned_steps(config, train_pairs):
    """Optimizer steps of a run over that many pairs."""
    per_epoch = -(-train_pairs // config.batch_size)
    return min(config.max_steps, config.epochs * per_epoch)


def prepare(config, output_dir, settings=None):
    """(Trainer, start event): names become objects, in the order of the pipeline."""
    settings = settings or Settings()
    raw_datasets, data_origin = load_raw_datasets(config.source, settings)
    tokenizer, _ = load_tokenizer(config.checkpoint, settings)
    checked_length(config.max_length, tokenizer, settings)
    model, model_origin = load_model(config.checkpoint, config.seed, settings)
    metric, metric_origin = load_metric(settings)
    chosen = _chosen(raw_datasets, config)
    tokenized_datasets = tokenize_datasets(chosen, tokenizer, config.max_length)
    trainer = build_trainer(
        model=model,
        training_args=build_training_args(config, output_dir),
        train_dataset=tokenized_datasets["train"],
        eval_dataset=tokenized_datasets["validation"],
        data_collator=build_data_collator(tokenizer),
        compute_metrics=build_compute_metrics(metric),
        processing_class=tokenizer,
    )
    pairs = len(chosen["train"])
    start = {
        "event": "start", "config": asdict(config), "train_pairs": pairs, "eval_pairs": len(chosen["validation"]),
        "total_steps": planned_steps(config, pairs), "steps_per_epoch": -(-pairs // config.batch_size),
        "majority": majority(chosen["validation"]["label"]),
        "model": asdict(model_origin), "data": asdict(data_origin), "metric": asdict(metric_origin),
    }  # fmt: skip
    return trainer, start


def _chosen(raw_datasets, config):
    """The first pairs of each split: which ones a run saw can be said in one number."""
    from datasets import DatasetDict

    counts = {"train": config.train_pairs, "validation": config.eval_pairs}
    return DatasetDict(
        {split: raw_datasets[split].select(range(min(count, len(raw_datasets[split])))) for split, count in counts.items()}
    )


def fine_tune(config, folder, settings=None, should_stop=lambda: False):
    """Run one fine-tune and yield its events, dicts with "event" and "seconds":

    start (config, total_steps, majority, where everything came from), log (step, loss, learning_rate …),
    evaluation (step, eval_loss, eval_accuracy, eval_f1; the one at step 0 is before any training), and last
    one of done, stopped, failed. done and stopped leave model and tokenizer in `folder`/model.
    `should_stop()` is asked after each step. Raises InputError before the first event for a config out of bounds.
    """
    settings = settings or Settings()
    config = config.checked(settings)
    events = queue.Queue()
    began = time.monotonic()

    def tell(event, **what):
        events.put({"event": event, "seconds": round(time.monotonic() - began, 3), **what})

    def work():
        try:
            _work(config, Path(folder), settings, should_stop, tell)
        except InputError as error:
            tell("failed", message=str(error))
        except Exception as error:
            tell("failed", message=_failure(error))
        events.put(None)

    threading.Thread(target=work, daemon=True, name="fine-tune").start()
    while (event := events.get()) is not None:
        yield event


def _failure(error):
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return "The machine ran out of memory. Choose a smaller batch size or max_length."
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0][:300] if str(error).strip() else 'no message'}"


def _work(config, folder, settings, should_stop, tell):
    trainer, start = prepare(config, folder, settings)
    tell(**start)
    teller = _story_teller(tell, start["total_steps"], settings, should_stop)
    trainer.add_callback(teller)
    _keep_quiet(trainer)
    before = trainer.evaluate()
    _fix_schedule(trainer, start["total_steps"])
    trainer.train()
    # The last evaluation may already be this one; a second pass over the same weights would teach nothing.
    after = teller.last_evaluation if teller.evaluated_at == trainer.state.global_step else trainer.evaluate()
    trainer.save_model(str(folder / "model"))
    tell("stopped" if teller.stopped else "done", step=trainer.state.global_step, reason=teller.reason,
         before=_figures(before), after=_figures(after))  # fmt: skip


def _keep_quiet(trainer):
    """Trainer prints each log to stdout where its bar is off; events and tables say it here, once."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)


def _fix_schedule(trainer, total_steps):
    """The schedule ends where the run ends, also when max_steps cuts the last epoch short."""
    steps = trainer.args
    per_epoch = -(-len(trainer.train_dataset) // steps.per_device_train_batch_size)
    if total_steps < per_epoch * steps.num_train_epochs:
        steps.max_steps = total_steps


LOGGED = ("epoch", "loss", "grad_norm", "learning_rate")
EVALUATED = ("epoch", "eval_loss", "eval_accuracy", "eval_f1")


def _only(values, names):
    return {name: float(values[name]) for name in names if name in values}


def _figures(metrics):
    return {name.removeprefix("eval_"): metrics[f"eval_{name}"] for name in ("loss", "accuracy", "f1")}


def _story_teller(tell, total_steps, settings, should_stop):
    from transformers import TrainerCallback

    class StoryTeller(TrainerCallback):
        """Trainer's callbacks -> events, and the two reasons for which a run ends early."""

        stopped, reason, evaluated_at, last_evaluation = False, "", -1, None
        deadline = time.monotonic() + settings.max_run_seconds

        def on_log(self, args, state, control, logs=None, **kwargs):
            if "loss" in logs:  # the other call is the summary after the last step
                tell("log", step=state.global_step, total_steps=total_steps, **_only(logs, LOGGED))

        def on_evaluate(self, args, state, control, metrics=None, **kwargs):
            self.evaluated_at, self.last_evaluation = state.global_step, metrics
            tell("evaluation", step=state.global_step, total_steps=total_steps, **_only(metrics, EVALUATED))

        def on_step_end(self, args, state, control, **kwargs):
            if should_stop():
                self.stopped, self.reason = True, "stopped by request"
            elif time.monotonic() > self.deadline:
                self.stopped, self.reason = True, f"stopped after {settings.max_run_seconds:g} s, the longest a run may take"
            control.should_training_stop = control.should_training_stop or self.stopped

    return StoryTeller()


def config_from(values):
    """A dict (from a folder, a form, a command line) -> TrainingConfig; unknown names are an InputError."""
    known = {field.name for field in fields(TrainingConfig)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise InputError(f"{unknown[0][:60]!r} is not a setting of a run. The settings are {', '.join(sorted(known))}.")
    return TrainingConfig(**values)


def evaluate_checkpoint(checkpoint, source="auto", split="validation", most=None, settings=None):
    """The Trainer's own evaluation of a checkpoint: {"loss", "accuracy", "f1", "majority", "pairs", "origins"}."""
    settings = settings or Settings()
    if most is not None and most < 1:
        raise InputError(f"pairs is {most}, but an evaluation needs at least 1. Leave it out for all of the split.")
    config = TrainingConfig(source=source)
    raw_datasets, data_origin = load_raw_datasets(source, settings)
    rows = raw_datasets[split]
    rows = rows.select(range(min(most or len(rows), len(rows))))
    tokenizer, _ = load_tokenizer(checkpoint, settings)
    model, model_origin = load_model(checkpoint, config.seed, settings)
    metric, metric_origin = load_metric(settings)
    from datasets import DatasetDict

    tokenized = tokenize_datasets(DatasetDict({split: rows}), tokenizer, config.max_length)[split]
    trainer = build_trainer(model, build_training_args(config, settings.runs_folder), None, tokenized,
                            build_data_collator(tokenizer), build_compute_metrics(metric), tokenizer)  # fmt: skip
    _keep_quiet(trainer)
    return {**_figures(trainer.evaluate()), "majority": majority(rows["label"]), "pairs": len(rows),
            "origins": [data_origin, model_origin, metric_origin]}  # fmt: skip
