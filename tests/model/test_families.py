"""Each family of classifiers is trained two steps and asked once, on a tiny checkpoint of its own made on the spot."""

import json
from dataclasses import replace

import pytest
import torch

from pipeline.collation import batch_view, collate
from pipeline.config import TrainingConfig
from pipeline.dataset import load_raw_datasets, rows_at
from pipeline.errors import InputError
from pipeline.explain.forecast import forecast
from pipeline.explain.step_by_hand import one_step
from pipeline.explain.why_cell import ROWS, padded_view, why_token
from pipeline.export.scripts import batch_script
from pipeline.hub.checkpoint_rules import check_fit
from pipeline.hub.sources import checkpoint_files
from pipeline.methods import embeddings_of, layers_of
from pipeline.model import NEW_HEAD, load_model, model_in
from pipeline.pair_map import vectors_read
from pipeline.prediction import logits_of, predict
from pipeline.settings import Settings
from pipeline.tokenization import (
    load_tokenizer,
    longest_length,
    stands_in_for_padding,
    token_view,
    tokenize_function,
)
from pipeline.training import failure_message, fine_tune, set_dropout
from tests.conftest import in_cache
from tests.support.families import END, FAMILIES

PAIR = ("Shares of Acme rose 12 cents.", "Acme stock was up 12 cents.")
LONG = ("The fine café fell 789 cents on Monday , he said .", "Acme stock was up 34 cents Monday .")
RUN = "a" * 32
# Their layers share one set of weights, or answer before they have learnt: nothing to freeze
NOT_FROZEN = ("albert",)


# One of each kind is in the quick lane: a decoder without a padding token, byte-level BPE without
# type ids, an encoder-decoder with SentencePiece
QUICK = ("gpt2", "roberta", "t5")


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(kind, marks=() if kind in QUICK else pytest.mark.slow) for kind in FAMILIES
    ],
)
def family(request):
    """(the family's name, the id of its tiny checkpoint)."""
    name = f"tiny-families/{request.param}"
    FAMILIES[request.param](in_cache(name))
    return request.param, name


def opened(name):
    """(model, tokenizer) of a checkpoint, as a prediction opens them."""
    model, _ = load_model(name, settings=Settings())
    tokenizer, _ = load_tokenizer(name, settings=Settings())
    check_fit(name, model.config, tokenizer)
    return model, tokenizer


def encoded(tokenizer, *pairs):
    return [
        tokenize_function(tokenizer, dict(zip(("sentence1", "sentence2"), pair, strict=True)))
        for pair in pairs
    ]


def test_a_pairs_point_is_of_what_its_logits_depend_on(family):
    """The gradient of the logits tells at which positions a head reads its body's output."""
    kind, name = family
    model, tokenizer = opened(name)
    batch = collate(tokenizer, encoded(tokenizer, PAIR, LONG))
    kept = []
    model.base_model.register_forward_hook(lambda body, given, out: kept.append(out[0]))
    logits = model(**batch).logits
    kept[0].retain_grad()
    logits[:, 0].sum().backward()
    hidden, mask = kept[0].detach(), batch["attention_mask"]  # (2, positions, hidden size)
    vectors = vectors_read(hidden, mask, model.config)
    for row in range(2):
        read = kept[0].grad[row].abs().sum(-1).nonzero().flatten()
        assert torch.allclose(vectors[row], hidden[row, read].mean(0), atol=1e-6), kind
        assert len(read) == 1


def test_it_learns_two_steps_and_its_model_answers_as_it_did(family, settings):
    kind, name = family
    config = TrainingConfig(
        checkpoint=name,
        source="folder",
        train_pairs=16,
        eval_pairs=8,
        batch_size=8,
        max_steps=2,
        frozen_layers=0 if kind in NOT_FROZEN else 1,
        max_length=64,
        warmup_steps=0.0,
        learning_rate=1e-3,
        precision="fp32",
    )
    folder = settings.runs_folder / RUN
    events = list(fine_tune(config, folder, settings))
    assert events[-1]["event"] == "done" and events[-1]["step"] == 2, events[-1]
    evaluations = [event for event in events if event["event"] == "evaluation"]
    shares = [event["shares"] for event in evaluations]
    assert shares[0] != shares[-1]  # at least the head has moved
    assert [len(event["points"]) for event in evaluations] == [8, 8]

    from datasets import load_dataset

    rows = load_dataset("parquet", data_files=str(next(settings.mrpc_folder.glob("val*"))))["train"]
    pairs = [(row["sentence1"], row["sentence2"]) for row in rows][:8]
    answers, origin = predict(f"run:{RUN}", pairs, 64, settings=settings)
    assert origin.place == "run" and NEW_HEAD not in answers[0].notes
    told = [answer.probabilities["equivalent"] for answer in answers]
    assert told == pytest.approx(shares[-1], abs=0.02)  # a prediction may be made in bfloat16
    [before], _ = predict(name, [PAIR], 64, settings=settings)
    assert before.notes[0] == NEW_HEAD

    after, drawn = (
        load_model(f"run:{RUN}", settings=settings)[0],
        load_model(name, settings=settings)[0],
    )
    if kind not in NOT_FROZEN:
        first, last = (
            [
                torch.equal(mine, theirs)
                for mine, theirs in zip(
                    layers_of(after)[at].parameters(),
                    layers_of(drawn)[at].parameters(),
                    strict=True,
                )
            ]
            for at in (0, -1)
        )
        assert all(first) and not all(last)
    for mine, theirs in zip(embeddings_of(after), embeddings_of(drawn), strict=True):
        same = [
            torch.equal(*both) for both in zip(mine.parameters(), theirs.parameters(), strict=True)
        ]
        assert same and (all(same) or kind in NOT_FROZEN)


def test_a_step_by_hand_is_the_trainers(family, settings):
    """Which weights are pulled towards zero differs: T5's relative positions are called a bias."""
    kind, name = family
    config = TrainingConfig(
        checkpoint=name,
        source="folder",
        train_pairs=8,
        batch_size=4,
        frozen_layers=0 if kind in NOT_FROZEN else 1,
        max_length=64,
        weight_decay=1.0,
        learning_rate=1e-3,
    )
    step = one_step(config, settings)
    assert step.loss_difference < 1e-5
    # Of a gradient that is 0 but for rounding AdamW makes a step all the same, as in the biases of
    # their keys. A weight that is decayed and shouldn't be is 5e-4 off.
    assert step.weight_difference < (4e-4 if kind in ("bart", "gpt2") else 1e-5)


def test_padding_changes_no_prediction(family):
    _, name = family
    model, tokenizer = opened(name)
    short, long = encoded(tokenizer, PAIR, LONG)
    assert len(short["input_ids"]) < len(long["input_ids"])
    with torch.no_grad():
        alone, together = (
            torch.tensor(logits)
            for logits in (
                [
                    model(**{key: torch.tensor([value]) for key, value in row.items()})
                    .logits[0]
                    .tolist()
                    for row in (short, long)
                ],
                [
                    row.tolist()
                    for row in model(**tokenizer.pad([short, long], return_tensors="pt")).logits
                ],
            )
        )
    assert torch.allclose(alone, together, atol=1e-5), (alone, together)
    assert not torch.allclose(alone[0], alone[1], atol=1e-4)  # the pairs do differ


def test_its_grid_and_its_batch_agree_and_every_cell_has_a_reason(family):
    _, name = family
    tokenizer, _ = load_tokenizer(name, settings=Settings())
    rows = [dict(zip(("sentence1", "sentence2"), pair, strict=True)) for pair in (PAIR, LONG)]
    batch = batch_view(tokenizer, rows)
    for line, row in enumerate(rows):
        view = padded_view(token_view(tokenizer, **row), max(batch.lengths), tokenizer)
        assert batch.roles[line] == [token.role for token in view.tokens]
        assert batch.tensors["input_ids"][line] == [token.id for token in view.tokens]
        assert batch.tensors["attention_mask"][line] == [token.mask for token in view.tokens]
        if view.has_type_ids:
            assert batch.tensors["token_type_ids"][line] == [t.type_id for t in view.tokens]
        for name_of_row in ROWS:
            for token in view.tokens:
                says = " ".join(
                    map(str, why_token(view, token.position, name_of_row, tokenizer).says)
                )
                assert says.strip() and "None" not in says, (name_of_row, token)
    assert batch.lengths[0] < batch.lengths[1]
    at_the_left = tokenizer.padding_side == "left"
    assert batch.roles[0][0 if at_the_left else -1] == "padding"


def test_dropout_is_what_the_setting_says_wherever_a_family_keeps_it(family):
    """With 0 a model in training answers as one that isn't; with a half it never answers twice alike."""
    _, name = family
    model, tokenizer = opened(name)
    batch = tokenizer.pad(encoded(tokenizer, PAIR, LONG), return_tensors="pt")
    with torch.no_grad():
        expected = model.eval()(**batch).logits
        set_dropout(model, 0.0)
        assert torch.allclose(model.train()(**batch).logits, expected, atol=1e-6)
        set_dropout(model, 0.5)
        assert not torch.allclose(model(**batch).logits, model(**batch).logits, atol=1e-6)
        assert torch.allclose(model.eval()(**batch).logits, expected, atol=1e-6)


def test_it_opens_where_there_is_a_gpu(family, monkeypatch):
    """DeBERTa and XLNet have no fused attention: asked for it by name, transformers refuses."""
    monkeypatch.setattr("pipeline.model.has_gpu", lambda: True)
    _, name = family
    files = checkpoint_files(name, weights=True, settings=Settings())
    on_gpu = model_in(files).config._attn_implementation
    assert on_gpu in ("sdpa", "eager")
    monkeypatch.undo()
    assert model_in(files).config._attn_implementation == "eager"


# ---------------------------------------------------------------- how long a row may be


@pytest.mark.parametrize(
    "kind, most",
    [
        ("bart", 130),
        ("deberta-v2", 512),  # its config names 130 positions, which it doesn't use
        ("gpt2", 128),
        ("modernbert", 512),
        ("mpnet", 128),
        ("roberta", 128),
        ("t5", 512),
        ("xlnet", 512),  # -1: none
    ],
)
def test_a_row_may_be_as_long_as_the_family_has_positions(kind, most):
    name = f"tiny-lengths/{kind}"
    FAMILIES[kind](in_cache(name))
    model, tokenizer = opened(name)
    tokenizer.model_max_length = 10**30  # what the positions say, not the tokenizer
    assert longest_length(tokenizer, Settings(), model.config) == most
    text = "Acme " * 600
    [encoding] = [tokenize_function(tokenizer, {"sentence1": text, "sentence2": text}, most)]
    assert len(encoding["input_ids"]) == most
    assert len(logits_of_one(model, tokenizer, encoding)) == 2


def logits_of_one(model, tokenizer, encoding):
    from pipeline.serving import served

    return logits_of(served(model, in_bf16=False), tokenizer, [encoding])[0]


# ---------------------------------------------------------------- no padding token


@pytest.fixture(scope="module")
def gpt2():
    name = "tiny-padding/gpt2"
    FAMILIES["gpt2"](in_cache(name), pad_token_id=None)
    return name


def test_the_token_that_stands_in_for_padding_is_said_and_set(gpt2):
    model, tokenizer = opened(gpt2)
    assert tokenizer.pad_token == END and stands_in_for_padding(tokenizer)
    assert model.config.pad_token_id == tokenizer.pad_token_id == tokenizer.eos_token_id
    view = token_view(tokenizer, *PAIR)
    stands_in, decoder = [
        [note for note in view.notes if words in note]
        for words in ("no padding token of its own", "is a decoder")
    ]
    assert END in stands_in[0] and f"(id {tokenizer.pad_token_id})" in stands_in[0] and decoder
    padded = padded_view(view, len(view.tokens) + 2, tokenizer)
    said = [
        " ".join(map(str, why_token(padded, at, "piece", tokenizer).says))
        for at in (0, -1 + len(padded.tokens))
    ]
    assert (
        "stands in" not in said[0]
        and f"{END}, one of its other special tokens, stands in" in said[1]
    )
    mask = why_token(padded, 0, "attention_mask", tokenizer).says
    assert "no token attends to a later one" in mask[0]


def test_the_forecast_of_a_run_says_it_too(gpt2, settings):
    config = TrainingConfig(checkpoint=gpt2, source="folder", train_pairs=16, eval_pairs=8)
    notes = list(map(str, forecast(config, settings).notes))
    assert any(f"{END} (id 0) stands in" in note for note in notes)
    ours = replace(config, checkpoint="sentence-transformers/all-MiniLM-L6-v2")
    assert not any("stands in" in str(note) for note in forecast(ours, settings).notes)


def test_a_t5_that_finds_its_end_within_a_sentence_says_so(settings, tmp_path):
    """Its classifier looks for the last </s>, and takes batches with equally many in each row alone."""
    name = "tiny-padding/t5"
    FAMILIES["t5"](in_cache(name))
    assert predict(name, [("Acme </s> rose.", "Acme fell.")], 64, settings=settings)
    model, tokenizer = opened(name)
    rows = encoded(tokenizer, PAIR, ("Acme </s> rose.", "Acme fell."))
    with pytest.raises(ValueError) as raised:
        model(**tokenizer.pad(rows, return_tensors="pt"))
    assert "end-of-text token" in failure_message(raised.value)


def test_the_classifier_finds_the_last_real_token_at_either_side(gpt2):
    """Without a padding id it would answer from the last column: from padding."""
    model, tokenizer = opened(gpt2)
    short, long = encoded(tokenizer, PAIR, LONG)
    batch = tokenizer.pad([short, long], return_tensors="pt")
    with torch.no_grad():
        right = model(**batch).logits[0]
        ids = torch.tensor([short["input_ids"]])
        assert torch.allclose(right, model(input_ids=ids).logits[0], atol=1e-5)
        changed = ids.clone()
        changed[0, -1] = 40
        assert not torch.allclose(right, model(input_ids=changed).logits[0], atol=1e-4)


def test_a_model_that_counts_from_the_left_is_padded_on_the_right(settings):
    """As people save GPT-2 for generation. Padding on the left would move its tokens to other positions."""
    name = "tiny-padding/left"
    folder = FAMILIES["gpt2"](in_cache(name))
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "padding_side": "left"}))
    tokenizer, _ = load_tokenizer(name, settings=Settings())
    assert tokenizer.padding_side == "right"
    notes = token_view(tokenizer, *PAIR).notes
    assert any("pads on the left" in note and "Here it pads on the right" in note for note in notes)


@pytest.mark.parametrize("kind, side", [("gpt2", "right"), ("qwen3", "left")])
def test_the_batchs_script_pads_as_the_page_does(kind, side, capsys, settings):
    """Both checkpoints' files say left; GPT-2 has no padding token."""
    name = f"tiny-script/{kind}"
    path = FAMILIES[kind](in_cache(name)) / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "padding_side": "left"}))
    tokenizer, _ = load_tokenizer(name, settings=Settings())
    rows = rows_at(load_raw_datasets("embedded", settings)[0]["train"], [0, 1, 2])
    shown = batch_view(tokenizer, rows, 400).tensors["input_ids"]
    exec(batch_script([0, 1, 2], "train", "embedded", name, 400), {})
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == shown
    padding = [row[0 if side == "left" else -1] == tokenizer.pad_token_id for row in shown]
    assert any(padding) and tokenizer.padding_side == side


@pytest.mark.parametrize("kind", ["qwen3", "xlnet"])
def test_relative_positions_stay_padded_on_the_left(kind):
    name = f"tiny-left/{kind}"
    FAMILIES[kind](in_cache(name))
    tokenizer, _ = load_tokenizer(name, settings=Settings())
    assert tokenizer.padding_side == "left"
    assert not any("pads on the left" in note for note in token_view(tokenizer, *PAIR).notes)


def test_a_tokenizer_without_any_special_token_is_refused():
    name = "tiny-padding/bare"
    folder = FAMILIES["gpt2"](in_cache(name))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 128})
    )
    with pytest.raises(InputError, match="no padding token, and no other special token"):
        load_tokenizer(name, settings=Settings())
