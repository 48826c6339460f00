"""What is tried on the spot: other ways to tokenize, padding's cost and its innocence, batched=True."""

import pytest

from pipeline.collation import STRATEGIES, padding_cost
from pipeline.dataset import load_raw_datasets
from pipeline.errors import InputError
from pipeline.explain import experiments
from pipeline.explain.experiments import (
    checked_batch_size,
    compare_splits,
    map_times,
    measured_costs,
    padding_costs,
    padding_proof,
    split_of,
    ways_to_tokenize,
)
from pipeline.settings import Settings
from pipeline.tokenization import load_tokenizer

PAIR = ("The storm closed the harbor.", "The harbor was shut by a storm.")


# ---------------------------------------------------------------- other ways


def test_each_way_is_what_its_call_gives(tokenizer, tiny_roberta_id):
    for one in (tokenizer, load_tokenizer(tiny_roberta_id, settings=Settings())[0]):
        calls = [one(PAIR[0]), one(PAIR[1]), one(*PAIR), one(*reversed(PAIR))]
        for way, call in zip(ways_to_tokenize(one, *PAIR), calls, strict=True):
            assert [token.id for token in way.tokens] == call["input_ids"]
            assert [token.type_id for token in way.tokens] == call.get(
                "token_type_ids", [None] * len(way.tokens)
            )
            assert way.type_ids == sorted(set(call.get("token_type_ids", [])))
            for token in way.tokens:
                assert token.text == (
                    PAIR[token.sentence - 1][token.start : token.end] if token.sentence else ""
                )


def test_swapped_the_type_goes_with_the_place(tokenizer):
    first, second, pair, swapped = ways_to_tokenize(tokenizer, *PAIR)
    assert {token.type_id for token in swapped.tokens if token.sentence == 2} == {0}
    assert {token.type_id for token in swapped.tokens if token.role == "sentence1"} == {1}
    assert len(first.tokens) + len(second.tokens) == len(pair.tokens) + 1 and {
        t.sentence for t in second.tokens
    } == {None, 2}


def test_truncation_reaches_every_way(tokenizer):
    assert [
        len(way.tokens)
        for way in ways_to_tokenize(tokenizer, "word " * 30, "word " * 30, max_length=9)
    ] == [9] * 4
    whole = ways_to_tokenize(tokenizer, "word " * 30, "word " * 30, max_length=9, truncation=False)
    assert [len(way.tokens) for way in whole] == [32, 32, 63, 63]


def compare(first, second):
    return compare_splits(
        *(split_of(tokenizer, *PAIR, 128, True, Settings()) for tokenizer in (first, second))
    )


def test_two_checkpoints_differ_where_their_cuts_do(tokenizer, tiny_roberta_id):
    same = compare(tokenizer, tokenizer)
    assert [split.differs for split in same] == [set(), set()] and same[0].entries == 30522
    here, there = compare(tokenizer, load_tokenizer(tiny_roberta_id, settings=Settings())[0])
    words = [token for token in here.tokens if token.text == "storm"]
    assert words and all(
        token.position in here.differs for token in words
    )  # 320 entries don't hold it whole
    places = {(t.sentence, t.start, t.end) for t in there.tokens}
    for token in here.tokens:
        if token.sentence:
            assert (token.position in here.differs) == (
                (token.sentence, token.start, token.end) not in places
            )


# ---------------------------------------------------------------- padding does not change the answer


def test_padding_changes_nothing_and_its_mask_is_why():
    alone, padded, unmasked = padding_proof(*PAIR, padding=40, settings=Settings())
    assert (alone.seq_len, padded.seq_len, unmasked.seq_len) == (
        alone.seq_len,
        alone.seq_len + 40,
        alone.seq_len + 40,
    )
    assert (
        alone.attended == padded.attended == alone.seq_len and unmasked.attended == unmasked.seq_len
    )
    assert alone.difference == 0 and padded.difference < 1e-5 < 1e-2 < unmasked.difference
    assert sum(alone.probabilities) == pytest.approx(1) and alone.label in (
        "equivalent",
        "not_equivalent",
    )


def test_the_logits_alone_are_the_models_own():
    import torch

    from pipeline.model import load_model

    tokenizer, _ = load_tokenizer(experiments.ASKED, settings=Settings())
    with torch.inference_mode():
        logits = (
            load_model(experiments.ASKED, settings=Settings())[0](
                **tokenizer(*PAIR, return_tensors="pt")
            )
            .logits[0]
            .tolist()
        )
    alone, *_ = padding_proof(*PAIR, settings=Settings())
    assert alone.logits == pytest.approx(logits, abs=1e-5)


@pytest.mark.parametrize("padding", [0, 257, -1, "x", None, 1.5])
def test_padding_out_of_bounds_is_named(padding):
    with pytest.raises(InputError, match="1 to 256"):
        padding_proof(*PAIR, padding=padding, settings=Settings())


def test_more_positions_than_the_model_has_are_refused_with_a_remedy():
    with pytest.raises(InputError, match="512 positions. Add less padding"):
        padding_proof(
            "word " * 200, "word " * 200, padding=256, max_length=400, settings=Settings()
        )
    with pytest.raises(InputError, match="512 positions"):
        padding_proof(
            "word " * 300, "word " * 300, padding=1, truncation=False, settings=Settings()
        )


# ---------------------------------------------------------------- what padding costs


def test_costs_are_those_of_the_collations_reckoning():
    lengths = [3, 9, 4, 8, 5]
    for cost in padding_costs(lengths, 2, 16):
        known = padding_cost(lengths, 2, cost.strategy, 16)
        assert (cost.cells, cost.padding, cost.batches, cost.seconds) == (
            known["cells"],
            known["padding"],
            known["batches"],
            None,
        )
    assert [cost.strategy for cost in padding_costs(lengths, 2, 16)] == list(STRATEGIES)


def test_measured_passes_have_the_counted_shapes_and_masks(monkeypatch):
    """A model that counts what it is given: cells and tokens of every strategy, and the clock between."""
    given, lengths = [], [3, 9, 4, 8, 5]

    class Model:
        class config:
            pad_token_id = 0

        def __call__(self, input_ids, attention_mask):
            assert (
                input_ids.shape == attention_mask.shape
                and (attention_mask == (input_ids != 0)).all()
            )
            given.append((tuple(input_ids.shape), int(attention_mask.sum())))

    monkeypatch.setattr(experiments, "experiment_model", lambda settings: Model())
    costs = measured_costs(lengths, 2, 16, settings=Settings(experiment_seconds=60))
    assert all(cost.measured and cost.seconds > 0 for cost in costs)
    for cost in costs:
        shapes = [shape for shape, _ in given]
        assert all(shape in shapes for shape in cost.batches), cost
    different = {shape for cost in costs for shape in cost.batches}
    assert len(given) == 1 + experiments.MOST_TURNS * len(different), (
        "a shape that two ways have is measured once a turn"
    )
    assert {cost.turns for cost in costs} == {experiments.MOST_TURNS}
    assert all(tokens <= shape[0] * min(shape[1], 9) for shape, tokens in given), (
        "the rest is masked"
    )


def test_what_would_take_too_long_is_reckoned_and_says_so(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(experiments.time, "perf_counter", lambda: clock[0])

    def work(cells):
        clock[0] += 0.001 * cells

    def turns(**candidates):
        return experiments.best_turns(work, candidates, candidates, 2.0)

    assert (
        turns(small=100, large=10_100) == ({"small": pytest.approx(0.1)}, experiments.MOST_TURNS)
        and clock[0] < 2.0
    )
    assert turns(small=100, large=1000) == (
        {"small": pytest.approx(0.1), "large": pytest.approx(1.0)},
        1,
    )


def test_a_way_takes_the_sum_of_its_batches_at_their_best(monkeypatch):
    """A clock that advances with the cells, and stutters in the first turn: more cells are never quicker."""
    clock, calls = [0.0], [0]

    def forward(model, batch):
        calls[0] += 1
        clock[0] += batch["input_ids"].numel() * 1e-5 * (3 if calls[0] < 6 else 1)

    monkeypatch.setattr(experiments, "_forward", forward)
    monkeypatch.setattr(experiments.time, "perf_counter", lambda: clock[0])
    costs = measured_costs([30, 41, 28, 57, 33, 49, 38, 62] * 3, 2, settings=Settings())
    assert [cost.seconds for cost in costs] == pytest.approx([cost.cells * 1e-5 for cost in costs])
    dynamic, *_rest, grouped = costs
    assert grouped.cells < dynamic.cells, "24 rows are enough for groups of two batches"


def test_the_embedded_checkpoint_is_really_timed():
    costs = measured_costs([10, 20, 30, 40], 2, 48, settings=Settings(experiment_seconds=60))
    assert all(cost.seconds > 0 and cost.measured for cost in costs)
    same = {tuple(sorted(cost.batches)): cost.seconds for cost in costs}
    assert all(same[tuple(sorted(cost.batches))] == pytest.approx(cost.seconds) for cost in costs)


@pytest.mark.parametrize("size", [0, 33, "many", None, 2.5])
def test_a_batch_size_out_of_bounds_is_named(size):
    with pytest.raises(InputError, match="1 to 32"):
        checked_batch_size(size, 8, settings=Settings())


def test_a_batch_holds_no_more_than_there_are_rows():
    assert (
        checked_batch_size(32, 5, settings=Settings()) == 5
        and checked_batch_size(2, 5, settings=Settings()) == 2
    )


# ---------------------------------------------------------------- batched=True


def test_map_is_timed_both_ways_without_a_cache(settings, tokenizer):
    dataset = load_raw_datasets("auto", settings)[0]["train"]
    before = list(dataset.cache_files)
    times = map_times(tokenizer, dataset[:20], 128, Settings(experiment_seconds=0.2))
    assert (
        times.rows == 20
        and times.same
        and times.turns >= 1
        and times.one_by_one > 0 < times.batched
    )
    assert times.ratio == times.one_by_one / times.batched
    assert dataset.cache_files == before
    again = map_times(tokenizer, dataset[:], 128, Settings(experiment_seconds=0))
    assert again.rows == len(dataset) and again.turns == 1


def test_batched_is_faster_on_many_rows(tokenizer):
    rows = load_raw_datasets("embedded", Settings())[0]["train"][:300]
    times = map_times(tokenizer, rows, 128, Settings())
    assert times.rows == 300 and times.ratio > 1
