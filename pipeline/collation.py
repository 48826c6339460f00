"""Encodings -> one padded batch, and what the padding costs.

`DataCollatorWithPadding` pads to the longest row of *this* batch, renames label to labels and
returns tensors. Columns that are text (sentence1, sentence2) or that the model doesn't know (idx)
must be gone by then:
`Trainer` drops them, and `batch_view` says which and why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from languages import say
from pipeline.settings import Settings
from pipeline.tokenization import checked_length, checked_truncation, tokenize_function

if TYPE_CHECKING:  # importing these takes seconds, or goes round in a circle
    from transformers import BatchEncoding, DataCollatorWithPadding, PreTrainedTokenizerFast

MODEL_INPUTS = ("input_ids", "token_type_ids", "attention_mask")
RENAMED = {"label": "labels", "label_ids": "labels"}


@dataclass(frozen=True)
class Column:
    """What becomes of one column of the tokenized dataset on its way into the batch."""

    name: str
    fate: str  # "kept" | "dropped" | "renamed"
    becomes: str
    why: str


@dataclass(frozen=True)
class BatchView:
    """One collated batch as plain data; `tensors` are the collator's own numbers."""

    columns: list[Column]
    lengths: list[int]  # tokens a row before padding
    pieces: list[list[str]]  # (batch, seq_len)
    tensors: dict[str, list]
    shapes: dict[str, tuple[int, ...]]
    padding_cells: int
    cells: int
    roles: list[list[str]]  # (batch, seq_len): "special" | "sentence1" | "sentence2" | "padding"


def build_data_collator(tokenizer: PreTrainedTokenizerFast) -> DataCollatorWithPadding:
    """The real DataCollatorWithPadding, dynamic: it pads to the longest row of each batch."""
    from transformers import DataCollatorWithPadding

    return DataCollatorWithPadding(tokenizer=tokenizer)


def collate(tokenizer: PreTrainedTokenizerFast, encodings: list[dict[str, Any]]) -> BatchEncoding:
    """Rows of one dict each -> BatchEncoding of tensors: input_ids … (batch, seq_len), labels
    (batch,).
    """
    features = [
        {name: value for name, value in row.items() if _fate(name) != "dropped"}
        for row in encodings
    ]
    return build_data_collator(tokenizer)(features)


def batch_view(
    tokenizer: PreTrainedTokenizerFast,
    rows: list[dict[str, Any]],
    max_length: int = 128,
    truncation: bool = True,
) -> BatchView:
    """Raw rows (dicts with sentence1, sentence2 and perhaps label, idx) -> BatchView of their
    batch.
    """
    tokenized = [tokenize_function(tokenizer, row, max_length, truncation) for row in rows]
    encodings = [{**row, **encoding} for row, encoding in zip(rows, tokenized, strict=True)]
    batch = collate(tokenizer, encodings)  # (batch, seq_len)
    lengths = [len(row["input_ids"]) for row in encodings]
    batch_size, seq_len = batch["input_ids"].shape
    return BatchView(
        columns=[_column(name) for name in encodings[0]],
        lengths=lengths,
        pieces=[tokenizer.convert_ids_to_tokens(ids) for ids in batch["input_ids"].tolist()],
        tensors={name: tensor.tolist() for name, tensor in batch.items()},
        shapes={name: tuple(tensor.shape) for name, tensor in batch.items()},
        padding_cells=batch_size * seq_len - sum(lengths),
        cells=batch_size * seq_len,
        roles=[_roles(encoding, seq_len, tokenizer.padding_side) for encoding in tokenized],
    )


def _roles(encoding, seq_len, padding_side):
    """What each position of one padded row is, as the tokenizer tells it: no piece is asked for its
    name.
    """
    own = [
        "special" if which is None else f"sentence{which + 1}" for which in encoding.sequence_ids(0)
    ]
    padding = ["padding"] * (seq_len - len(own))
    return padding + own if padding_side == "left" else own + padding


def rows_view(
    tokenizer: PreTrainedTokenizerFast,
    rows: list[dict[str, Any]],
    max_length: int,
    truncation: bool,
    settings: Settings,
) -> BatchView:
    """`batch_view` of values as a visitor gave them, each checked."""
    max_length = checked_length(max_length, tokenizer, settings)
    return batch_view(tokenizer, rows, max_length, checked_truncation(truncation))


def _fate(name):
    return (
        "kept"
        if name in MODEL_INPUTS or name == "labels"
        else "renamed"
        if name in RENAMED
        else "dropped"
    )


WHY = {
    "input_ids": say("what the model reads; padded with the padding token's id"),
    "token_type_ids": say(
        "which sentence a token belongs to; padded with 0, the same number as sentence 1"
    ),
    "attention_mask": say(
        "1 for a token, 0 for padding; attention uses this column, not the padding token's id"
    ),
    "label": say("the collator renames it to labels, the name that Trainer and the models expect"),
    "sentence1": say("text can't be a tensor; its tokens are in input_ids"),
    "sentence2": say("text can't be a tensor; its tokens are in input_ids"),
    "idx": say("the row's number in the original corpus; the model has no input of that name"),
    "row": say("the number you asked for; the model has no input of that name"),
}


def _column(name):
    fate = _fate(name)
    becomes = {"kept": name, "renamed": RENAMED.get(name, ""), "dropped": ""}[fate]
    return Column(name, fate, becomes, WHY.get(name, say("the model has no input of that name")))


# ---------------------------------------------------------------- what padding costs

STRATEGIES = ("dynamic", "max_length", "longest in dataset", "grouped by length")
ORDER_SEED = 42
ORDER = say(
    "First the rows are shuffled, as `Trainer` does (here with seed {seed} for all four ways; a "
    "real run has its own order). So neighbouring rows rarely share a batch.",
    seed=ORDER_SEED,
)


def padding_cost(
    lengths: list[int],
    batch_size: int,
    strategy: str,
    max_length: int = 128,
    seed: int = ORDER_SEED,
) -> dict[str, Any]:
    """Cells of one epoch over rows of these `lengths`: {"cells", "padding", "share", "batches"}.

    `batches` holds each batch's (rows, seq_len), one after the other. The rows are shuffled first,
    see ORDER: like Trainer's, but not the order that Trainer's own generator draws.

    >>> padding_cost([2, 4], 2, "dynamic")
    {'cells': 8, 'padding': 2, 'share': 0.25, 'batches': [(2, 4)]}
    """
    chunks = batched_rows(lengths, batch_size, strategy, seed)
    fixed = {"max_length": max_length, "longest in dataset": max(lengths)}.get(strategy)
    batches = [(len(chunk), fixed or max(lengths[row] for row in chunk)) for chunk in chunks]
    cells = sum(rows * seq_len for rows, seq_len in batches)
    padding = cells - sum(
        min(length, max_length) if strategy == "max_length" else length for length in lengths
    )
    return {"cells": cells, "padding": padding, "share": padding / cells, "batches": batches}


def batched_rows(
    lengths: list[int], batch_size: int, strategy: str, seed: int = ORDER_SEED
) -> list[list[int]]:
    """The numbers of the rows in each batch of one epoch, in the order in which `padding_cost`
    counts them.
    """
    order = _order(lengths, batch_size, strategy, seed)
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


def _order(lengths, batch_size, strategy, seed):
    import torch

    generator = torch.Generator().manual_seed(seed)
    if strategy == "grouped by length":
        from transformers.trainer_pt_utils import get_length_grouped_indices

        return get_length_grouped_indices(lengths, batch_size, generator=generator)
    return torch.randperm(len(lengths), generator=generator).tolist()
