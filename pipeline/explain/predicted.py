"""What `Trainer.predict` gives for a run's own model, and what a second `Dataset.map` computes."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from languages import say
from pipeline.collation import build_data_collator
from pipeline.config import TrainingConfig, config_from
from pipeline.dataset import load_raw_datasets
from pipeline.errors import InputError
from pipeline.explain.step_by_hand import one_at_a_time
from pipeline.hub.isolated import ask
from pipeline.metrics import build_compute_metrics
from pipeline.model import load_model
from pipeline.runs.queue import read_run
from pipeline.settings import Settings
from pipeline.task import Task, task_named
from pipeline.tokenization import load_tokenizer, tokenize_datasets
from pipeline.training import build_trainer, build_training_args

if TYPE_CHECKING:  # importing datasets takes seconds
    from datasets import Dataset

MOST_PAIRS, SHOWN_ROWS = 64, 6


@dataclass(frozen=True)
class Predicted:
    """The three parts of Trainer.predict's answer, with their shapes.

    rows: [(logits, argmax, label)] of the first pairs; labels: their names in order; metrics: as
    they are, test_loss among them.
    """

    shapes: dict[str, str]
    rows: list[tuple[list[float], int, int]]
    metrics: dict[str, float]
    labels: tuple[str, ...]
    seconds: float


def predicted(run_id: str, settings: Settings) -> Predicted:
    """Trainer.predict on the first validation pairs of an ended run, with the model that it left.
    Raises InputError where it left none that answers.
    """
    run = read_run(run_id, settings)
    if not run.answers:
        raise InputError(
            say("This run has left no model that makes predictions. Start a new run, or wait.")
        )
    config = config_from(run.config)
    task = task_named(config.task_name, settings)
    rows = load_raw_datasets(config.source, settings, task)[0]["validation"]
    rows = rows.select(range(min(MOST_PAIRS, config.eval_pairs, len(rows))))
    return ask(f"run:{run_id}", _predicted, config, rows[:], task, weights=True, settings=settings)


def _predicted(
    checkpoint: str, config: TrainingConfig, columns: dict, task: Task, settings: Settings
) -> Predicted:
    from datasets import Dataset, DatasetDict

    began = time.monotonic()
    model, _origin = load_model(checkpoint, config.seed, task.labels, settings=settings)
    tokenizer, _ = load_tokenizer(checkpoint, settings)
    pairs = DatasetDict(validation=Dataset.from_dict(columns))
    tokenized = tokenize_datasets(pairs, tokenizer, config.max_length)["validation"]
    # In the rows' own order: grouped by length, row 0 would be another pair
    here = TrainingConfig(train_sampling_strategy="random", precision="fp32", eval_strategy="no")
    with one_at_a_time, tempfile.TemporaryDirectory() as folder:
        trainer = build_trainer(
            model,
            build_training_args(here, folder),
            None,
            None,
            build_data_collator(tokenizer),
            build_compute_metrics(None, task),
            tokenizer,
        )
        output = trainer.predict(tokenized)
    arrays: dict[str, Any] = {"predictions": output.predictions, "label_ids": output.label_ids}
    answers = output.predictions.argmax(axis=-1).tolist()
    shown = zip(output.predictions.tolist(), answers, output.label_ids.tolist(), strict=True)
    return Predicted(
        {name: f"{array.dtype} {array.shape}" for name, array in arrays.items()},
        list(shown)[:SHOWN_ROWS],
        {name: float(value) for name, value in output.metrics.items()},
        task.labels,
        time.monotonic() - began,
    )


# ---------------------------------------------------------------- Dataset.map, twice


@dataclass(frozen=True)
class MapCall:
    """One call of Dataset.map: whether it computed or read its cache, and the cache's file name,
    which is the fingerprint of the rows and of all that the function is made of.
    """

    call: str
    computed: bool
    file: str
    seconds: float


def map_twice(run_id: str, settings: Settings) -> list[MapCall]:
    """The first training pairs of a run through Dataset.map three times: anew, once more, and with
    another max_length.
    """
    config = config_from(read_run(run_id, settings).config)
    task = task_named(config.task_name, settings)
    rows = load_raw_datasets(config.source, settings, task)[0]["train"]
    rows = rows.select(range(min(settings.max_mapped_rows, len(rows))))
    longer = config.max_length if config.max_length < 64 else config.max_length // 2
    lengths = (config.max_length, config.max_length, longer)
    return ask(f"run:{run_id}", _map_calls, rows[:], lengths, weights=True, settings=settings)


def _map_calls(
    checkpoint: str, columns: dict, lengths: tuple[int, ...], settings: Settings
) -> list[MapCall]:
    from datasets import Dataset, load_from_disk

    tokenizer, _ = load_tokenizer(checkpoint, settings)
    with tempfile.TemporaryDirectory() as folder:
        Dataset.from_dict(columns).save_to_disk(f"{folder}/pairs")
        pairs = load_from_disk(f"{folder}/pairs")  # rows with a file behind them have a cache
        return [_map_call(pairs, tokenizer, length) for length in lengths]


def _map_call(pairs: Dataset, tokenizer: Any, max_length: int) -> MapCall:
    from datasets import DatasetDict

    began, folder = time.perf_counter(), Path(pairs.cache_files[0]["filename"]).parent
    there = set(folder.glob("cache-*.arrow"))
    mapped = tokenize_datasets(DatasetDict(train=pairs), tokenizer, max_length)["train"]
    seconds = time.perf_counter() - began
    file = Path(mapped.cache_files[0]["filename"])
    call = f"raw_datasets.map(tokenize_function, batched=True)  # max_length={max_length}"
    return MapCall(call, file not in there, file.name, seconds)
