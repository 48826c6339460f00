"""The values of the tab's fields, in the order in which its handlers get them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from languages import _
from pipeline.dataset import load_raw_datasets, parse_rows, rows_at
from pipeline.errors import InputError
from pipeline.hub.sources import Origin
from pipeline.settings import Settings
from pipeline.task import SPLITS
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


class BatchInputs(NamedTuple):
    """What the grid of a batch is made of."""

    rows: str  # such as "0-7"
    split: str
    checkpoint: str
    max_length: int
    truncation: bool
    show: str = "pieces"  # or the tensor whose numbers stand in the cells


def ask(checkpoint: str, function: Callable, *arguments: Any, settings: Settings) -> tuple:
    """(function(tokenizer, *arguments, settings), Origin of the tokenizer), where that checkpoint
    may be opened.
    """
    return ask_tokenizer(checkpoint, function, *arguments, settings, settings=settings)


def load_split(split: str, settings: Settings) -> "tuple[Dataset, Origin]":
    """A split and where it came from; an InputError for a name that is no split."""
    if split not in SPLITS:
        raise InputError(
            _(
                "{split!r} is not a split. Choose one of {splits}.",
                split=str(split)[:60],
                splits=", ".join(SPLITS),
            )
        )
    raw_datasets, origin = load_raw_datasets("auto", settings)
    return raw_datasets[split], origin


def load_rows(inputs: BatchInputs, settings: Settings) -> tuple[list[dict], Origin]:
    """The chosen rows, each with its number, and where they came from."""
    dataset, origin = load_split(inputs.split, settings)
    return rows_at(dataset, parse_rows(inputs.rows, settings)), origin
