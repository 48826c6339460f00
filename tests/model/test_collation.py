"""Encodings -> one padded batch, and what padding costs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.collation import (
    ORDER,
    ORDER_SEED,
    STRATEGIES,
    batch_view,
    batched_rows,
    build_data_collator,
    collate,
    padding_cost,
)
from pipeline.dataset import load_raw_datasets, rows_at
from pipeline.settings import Settings
from pipeline.tokenization import load_tokenizer, tokenize_datasets, tokenize_function

ROWS = [
    {"row": 3, "sentence1": "One two three.", "sentence2": "Four.", "label": 1, "idx": 9},
    {"row": 4, "sentence1": "Five.", "sentence2": "Six.", "label": 0, "idx": 8},
]


def test_the_batch_of_the_notes(mrpc_folder, tokenizer):
    train = load_raw_datasets("folder", Settings(mrpc_folder=mrpc_folder))[0]["train"]
    view = batch_view(tokenizer, rows_at(train, range(8)))
    assert view.lengths == [50, 59, 47, 67, 59, 50, 62, 32]
    assert view.shapes == {
        "input_ids": (8, 67),
        "token_type_ids": (8, 67),
        "attention_mask": (8, 67),
        "labels": (8,),
    }
    assert view.padding_cells == 8 * 67 - sum(view.lengths) and view.cells == 8 * 67


def test_columns_are_kept_renamed_or_dropped_each_with_a_reason(tokenizer):
    columns = {column.name: column for column in batch_view(tokenizer, ROWS).columns}
    assert {name: column.fate for name, column in columns.items()} == {
        "row": "dropped",
        "sentence1": "dropped",
        "sentence2": "dropped",
        "idx": "dropped",
        "label": "renamed",
        "input_ids": "kept",
        "token_type_ids": "kept",
        "attention_mask": "kept",
    }
    assert columns["label"].becomes == "labels" and all(column.why for column in columns.values())


def test_the_view_is_the_collators_own_batch(tokenizer):
    view = batch_view(tokenizer, ROWS)
    plain = tokenizer(
        [row["sentence1"] for row in ROWS], [row["sentence2"] for row in ROWS], padding=True
    )
    assert {name: view.tensors[name] for name in plain} == dict(
        plain
    )  # padded by the tokenizer itself: the oracle
    assert view.tensors["labels"] == [1, 0]
    assert view.padding_cells == sum(piece == "[PAD]" for row in view.pieces for piece in row) == 2
    assert [sum(mask) for mask in view.tensors["attention_mask"]] == view.lengths


def test_without_type_ids_the_column_is_simply_not_there(tiny_distilbert, tiny_roberta_id):
    for name in (tiny_distilbert, tiny_roberta_id):
        tokenizer, _ = load_tokenizer(name, settings=Settings())
        view = batch_view(tokenizer, ROWS)
        assert set(view.shapes) == {"input_ids", "attention_mask", "labels"}
        padding = {
            view.tensors["input_ids"][1][i]
            for i, mask in enumerate(view.tensors["attention_mask"][1])
            if not mask
        }
        assert padding == {tokenizer.pad_token_id}


def test_trainer_drops_the_columns_that_the_view_says_it_drops(settings, tokenizer, tiny):
    from pipeline.config import TrainingConfig
    from pipeline.model import load_model
    from pipeline.training import build_trainer, build_training_args

    raw_datasets, _ = load_raw_datasets("auto", settings)
    tokenized = tokenize_datasets(raw_datasets, tokenizer)
    args = build_training_args(
        TrainingConfig(batch_size=4, train_sampling_strategy="random"), settings.runs_folder
    )
    collator = build_data_collator(tokenizer)
    trainer = build_trainer(
        load_model(tiny, settings=Settings())[0],
        args,
        tokenized["train"],
        tokenized["validation"],
        collator,
        None,
        tokenizer,
    )
    batch = next(iter(trainer.get_eval_dataloader()))
    rows = [raw_datasets["validation"][i] for i in range(16)]
    assert {name: tensor.tolist() for name, tensor in batch.items()} == batch_view(
        tokenizer, rows
    ).tensors


@given(st.lists(st.integers(1, 60), min_size=1, max_size=40), st.integers(1, 9))
def test_padding_costs_add_up(lengths, batch_size):
    costs = {
        strategy: padding_cost(lengths, batch_size, strategy, max_length=64)
        for strategy in STRATEGIES
    }
    for cost in costs.values():
        assert sum(rows for rows, _ in cost["batches"]) == len(lengths)
        assert len(cost["batches"]) == -(-len(lengths) // batch_size)
        assert (
            cost["cells"] - cost["padding"] == sum(lengths)
            and cost["share"] == cost["padding"] / cost["cells"]
        )
    assert costs["max_length"]["cells"] == 64 * len(lengths)
    assert costs["longest in dataset"]["cells"] == max(lengths) * len(lengths)
    assert (
        costs["dynamic"]["cells"]
        <= costs["longest in dataset"]["cells"]
        <= costs["max_length"]["cells"]
    )


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=40),
    st.integers(1, 9),
    st.sampled_from(STRATEGIES),
)
def test_each_row_is_in_one_batch_of_the_counted_shape(lengths, batch_size, strategy):
    batches = batched_rows(lengths, batch_size, strategy)
    assert sorted(row for rows in batches for row in rows) == list(range(len(lengths)))
    for rows, (count, seq_len) in zip(
        batches, padding_cost(lengths, batch_size, strategy, max_length=64)["batches"], strict=True
    ):
        assert len(rows) == count and max(lengths[row] for row in rows) <= seq_len


def test_the_order_in_which_rows_come_into_batches_is_the_one_that_is_said():
    import torch

    order = torch.randperm(8, generator=torch.Generator().manual_seed(ORDER_SEED)).tolist()
    assert (
        order != list(range(8))
        and "shuffled" in ORDER
        and f"seed {ORDER_SEED} for all four" in ORDER
    )
    alike = [batched_rows([9] * 8, 2, strategy) for strategy in STRATEGIES]
    assert alike == [[order[0:2], order[2:4], order[4:6], order[6:8]]] * 4


@pytest.mark.parametrize(
    "strategy, sampling", [("dynamic", "random"), ("grouped by length", "group_by_length")]
)
def test_the_reckoned_cost_is_what_trainers_own_batches_cost(
    settings, tokenizer, tiny, strategy, sampling
):
    from pipeline.config import TrainingConfig
    from pipeline.model import load_model
    from pipeline.training import build_trainer, build_training_args

    # sentences of many lengths, so that batches differ
    train = load_raw_datasets("auto", settings)[0]["train"]
    longer = train.map(lambda row: {"sentence1": row["sentence1"] * (1 + row["idx"] % 5)})
    from datasets import DatasetDict

    tokenized = tokenize_datasets(DatasetDict(train=longer), tokenizer, 512)["train"]
    args = build_training_args(
        TrainingConfig(batch_size=8, train_sampling_strategy=sampling, eval_strategy="no"),
        settings.runs_folder,
    )
    trainer = build_trainer(
        load_model(tiny, settings=Settings())[0],
        args,
        tokenized,
        None,
        build_data_collator(tokenizer),
        None,
        tokenizer,
    )
    shapes = [tuple(batch["input_ids"].shape) for batch in trainer.get_train_dataloader()]
    lengths = [len(ids) for ids in tokenized["input_ids"]]
    cost = padding_cost(lengths, 8, strategy)
    real = sum(rows * seq_len for rows, seq_len in shapes)
    # Trainer's own generator shuffles another way: the rows differ from batch to batch, the cost hardly
    assert cost["cells"] == pytest.approx(real, rel=0.15) and len(shapes) == len(cost["batches"])
    assert (
        padding_cost(lengths, 8, "grouped by length")["cells"]
        < padding_cost(lengths, 8, "dynamic")["cells"]
    )


def test_the_reckoned_cells_are_those_of_real_batches(settings, tokenizer):
    rows = load_raw_datasets("auto", settings)[0]["train"]
    encodings = [tokenize_function(tokenizer, row) for row in rows]
    cost = padding_cost([len(row["input_ids"]) for row in encodings], 64, "dynamic")
    batch = collate(tokenizer, encodings)["input_ids"]
    assert cost["batches"] == [tuple(batch.shape)] and cost["padding"] == int(
        (batch == tokenizer.pad_token_id).sum()
    )
