"""The values of the tab's fields, in the order in which its handlers get them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from languages import _
from pipeline.dataset import load_raw_datasets, parse_rows, rows_at
from pipeline.errors import InputError
from pipeline.hub.sources import Origin
from pipeline.settings import Settings
from pipeline.task import MRPC, Task, task_named
from pipeline.tokenization import ask_tokenizer

if TYPE_CHECKING:  # importing it takes a second
    from datasets import Dataset


class PairInputs(NamedTuple):
    """What the grid of a pair is made of."""

    sentence1: str
    sentence2: str
    checkpoint: str
    max_length: int
    truncation: bool
    task_name: str = MRPC.name


class BatchInputs(NamedTuple):
    """What the grid of a batch is made of."""

    rows: str  # such as "0-7"
    split: str
    checkpoint: str
    max_length: int
    truncation: bool
    task_name: str = MRPC.name
    show: str = "pieces"  # or the tensor whose numbers stand in the cells


def ask(checkpoint: str, function: Callable, *arguments: Any, settings: Settings) -> tuple:
    """(function(tokenizer, *arguments, settings), Origin of the tokenizer), where that checkpoint
    may be opened.
    """
    return ask_tokenizer(checkpoint, function, *arguments, settings, settings=settings)


def sentences_of(inputs: PairInputs, settings: Settings) -> tuple[str, str | None]:
    """What of the page's two sentences the chosen task's model gets: of a task of one sentence, the
    first alone.
    """
    has_pair = task_named(inputs.task_name, settings).has_pair
    return inputs.sentence1, inputs.sentence2 if has_pair else None


def load_split(split: str, task_name: str, settings: Settings) -> "tuple[Dataset, Origin, Task]":
    """A split of a task, where it came from, and the task; an InputError for a name that is no
    split of it.
    """
    task = task_named(task_name, settings)
    if split not in task.splits:
        raise InputError(
            _(
                "{split!r} is not a split. Choose one of {splits}.",
                split=str(split)[:60],
                splits=", ".join(task.splits),
            )
        )
    raw_datasets, origin = load_raw_datasets("auto", settings, task)
    return raw_datasets[split], origin, task


def load_rows(inputs: BatchInputs, settings: Settings) -> tuple[list[dict], Origin, Task]:
    """The chosen rows, each with its number, where they came from, and their task."""
    dataset, origin, task = load_split(inputs.split, inputs.task_name, settings)
    return rows_at(dataset, parse_rows(inputs.rows, settings)), origin, task
