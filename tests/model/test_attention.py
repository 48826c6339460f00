"""Where the heads look: against transformers' own output_attentions, a recomputation in bare PyTorch, and by hand."""

import csv
import pickle
import time

import numpy
import pytest
import torch
from transformers import AutoTokenizer

from pipeline.errors import InputError
from pipeline.hub.isolated import end_all, kept_processes
from pipeline.inside import attention
from pipeline.inside.attention import KINDS, Choice, all_heads, habits, one_head, padding
from pipeline.model import load_model
from pipeline.settings import READY, Settings
from tests.conftest import ROOT, in_cache, tiny_checkpoint
from tests.support.families import (
    ENCODER,
    FAMILIES,
    SQUARE,
    SQUARED,
    SQUARED_UNIGRAM,
    TYPES,
    checkpoint,
    told,
)

PAIR = ("Shares of Acme rose 12 cents.", "Acme stock was up 12 cents on Monday .")
# Which of BERT's family tests/support/families.py leaves to others
MORE = {
    "bert": checkpoint("BertConfig", SQUARED, told(SQUARE, "BertTokenizer", TYPES), **ENCODER),
    "deberta": checkpoint(
        "DebertaConfig",
        SQUARED_UNIGRAM,
        told(SQUARE, "DebertaV2Tokenizer", TYPES),
        relative_attention=True,
        pos_att_type=["c2p", "p2c"],
        **ENCODER,
    ),
}
SHOWN = ("bert", "distilbert", "roberta", "electra", "modernbert", "deberta", "deberta-v2", "gpt2")


def made(kind):
    """The id of the family's tiny checkpoint, made once."""
    name = f"tiny-attention/{kind}"
    if name not in _made:
        _made.add(name)
        {**FAMILIES, **MORE}[kind](in_cache(name))
    return name


_made: set[str] = set()


def array(heads):
    """The pictures, (layers, heads + 1, side, side)."""
    cells = b"".join(picture for layer in heads.pictures for picture in layer)
    shape = (heads.layers, heads.heads + 1, heads.side, heads.side)
    return numpy.frombuffer(cells, "uint8").reshape(shape)


def theirs(name, *pairs):
    """(transformers' own attention of a batch of pairs, the batch): what the Auto classes do, without this project."""
    model, _ = load_model(name, settings=Settings())
    model.set_attn_implementation("eager")
    folder = model.config._name_or_path
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    batch = tokenizer([list(pair) for pair in pairs], padding=True, return_tensors="pt")
    with torch.no_grad():
        output = model(**batch, output_attentions=True, output_hidden_states=True)
    return model, batch, output


@pytest.mark.parametrize("kind", SHOWN)
def test_the_weights_are_the_models_own(kind):
    name = made(kind)
    _model, batch, output = theirs(name, PAIR)
    heads, shown = all_heads(name, PAIR, Choice(2, 1, 3), settings=Settings())
    assert (heads.layers, heads.heads) == (3, 2)
    assert heads.side == len(heads.pieces) == batch["input_ids"].shape[1]
    assert (shown.layer, shown.head, shown.token) == (2, 1, 3)
    assert numpy.abs(numpy.array(shown.weights) - output.attentions[1][0, 0].numpy()).max() < 1e-6
    assert numpy.abs(numpy.sum(shown.weights, -1) - 1).max() < 1e-6
    mean = one_head(name, PAIR, Choice(3, None, 0), settings=Settings())
    assert (
        numpy.abs(numpy.array(mean.weights) - output.attentions[2][0].mean(0).numpy()).max() < 1e-6
    )
    every = torch.stack([layer[0] for layer in output.attentions])
    drawn = (array(heads)[:, :-1] / 255) ** 2
    assert numpy.abs(drawn - every.numpy()).max() < 0.01


@pytest.mark.parametrize("kind", ["t5", "bart"])
def test_a_model_that_shows_no_attention_says_so(kind):
    with pytest.raises(InputError, match="doesn't give out one weight for each two tokens"):
        all_heads(made(kind), PAIR, settings=Settings())


def test_bare_pytorch_gets_the_same_weights_with_the_mask():
    """softmax(Q·Kᵀ/√d + mask) of BERT's own queries and keys, in a batch with padding."""
    name = made("bert")
    model, batch, output = theirs(name, PAIR, ("Acme rose .", "Acme fell ."))
    mask = torch.where(batch["attention_mask"] == 1, 0.0, -torch.inf)[:, None, None]
    for number, layer in enumerate(model.bert.encoder.layer):
        hidden = output.hidden_states[number]  # (rows, positions, 16)
        own = layer.attention.self
        queries, keys = (
            (hidden @ part.weight.T + part.bias).unflatten(-1, (2, 8)).transpose(1, 2)
            for part in (own.query, own.key)
        )
        weights = torch.softmax(queries @ keys.mT / 8**0.5 + mask, dim=-1)
        assert torch.allclose(weights, output.attentions[number], atol=1e-6)
        alone = numpy.array(
            one_head(name, PAIR, Choice(number + 1, 2), settings=Settings()).weights
        )
        assert numpy.abs(alone - weights[0, 1].detach().numpy()).max() < 1e-6


def test_a_choice_that_is_not_there_is_refused_or_gives_way():
    name = made("bert")
    for choice, wrong in (
        (Choice(4, 1, 0), "layer is 4, but 1 to 3"),
        (Choice(1, 3, 0), "head is 3, but 1 to 2"),
        (Choice(1, 1, 999), "token is 999, but 0 to"),
        (Choice("1", 1, 0), "layer is '1'"),
        (Choice(1, True, 0), "head is True"),
    ):
        with pytest.raises(InputError, match=wrong):
            one_head(name, PAIR, choice, settings=Settings())
    heads, shown = all_heads(name, PAIR, Choice(4, 1, 0), settings=Settings())
    assert [(shown.layer, shown.head)] == [place[:2] for place in heads.looks.best("same", 1)]


@pytest.mark.slow  # starts a process
def test_a_strangers_checkpoint_is_looked_into_in_its_own_process():
    """What comes out of it is plain data: nothing else is let through."""
    apart, here = Settings(isolates=True), Settings()
    try:
        heads, shown = all_heads(made("roberta"), PAIR, settings=apart)
        assert (heads, shown) == all_heads(made("roberta"), PAIR, settings=here)
        choice = Choice(2, None, 3)
        alone = one_head(made("roberta"), PAIR, choice, settings=apart)
        assert alone == one_head(made("roberta"), PAIR, choice, settings=here)
        assert padding(made("roberta"), PAIR, settings=apart).masked == 0.0
        assert habits(made("roberta"), [PAIR], settings=apart).pairs == 1
        assert len(kept_processes) == 1
    finally:
        end_all()


# ---------------------------------------------------------------- what heads look at


def by_hand(name, pair):
    """{kind: a list of rows of lists of columns}, with plain loops, from transformers' tokens."""
    _model, batch, output = theirs(name, pair)
    ids, sentences = batch["input_ids"][0].tolist(), batch.sequence_ids(0)
    every = torch.stack([layer[0] for layer in output.attentions]).numpy()
    words = [at for at, which in enumerate(sentences) if which is not None]
    at_whom = {
        "previous": lambda row: [row - 1],
        "next": lambda row: [row + 1],
        "itself": lambda row: [row],
        "first": lambda row: [0],
        "separator": lambda row: [at for at, which in enumerate(sentences) if at and which is None],
        "same": lambda row: [
            at for at in words if ids[at] == ids[row] and sentences[at] != sentences[row]
        ],
    }
    found = {}
    for kind, columns in at_whom.items():
        given = [every[:, :, row, columns(row)].sum(-1) for row in words if columns(row)]
        found[kind] = sum(given) / len(given)
    return found


@pytest.mark.parametrize("name", ["bert", "roberta"])
def test_shares_are_what_plain_loops_find(name):
    looks = all_heads(made(name), PAIR, settings=Settings())[0].looks
    wanted = by_hand(made(name), PAIR)
    assert set(looks.shares) == set(KINDS)
    for kind in KINDS:
        assert numpy.abs(looks.shares[kind] - wanted[kind]).max() < 1e-6, kind
        layer, head, share = looks.best(kind)[0]
        assert share == numpy.max(looks.shares[kind]) == looks.shares[kind][layer - 1][head - 1]


def test_an_even_share_counts_only_what_a_decoder_sees():
    looks = all_heads(made("gpt2"), PAIR, settings=Settings())[0].looks
    # The token at place n sees n + 1, itself among them
    count = len(all_heads(made("gpt2"), PAIR, settings=Settings())[0].pieces)
    wanted = sum(1 / (at + 1) for at in range(count)) / count
    assert looks.even["itself"] == pytest.approx(wanted)
    assert numpy.max(looks.shares["next"]) == 0 == looks.even["next"]


def test_the_ready_models_heads_do_what_their_pictures_show():
    """The one that finds the same word in the other sentence is chosen: it looks there with more than half."""
    pair = ("The storm closed the harbor on Tuesday.", "The harbor was closed on Tuesday.")
    heads, shown = all_heads(READY, pair, settings=Settings())
    assert (shown.layer, shown.head) == (3, 10)
    assert heads.looks.best("previous", 1)[0][:2] == (1, 3)
    assert heads.looks.best("previous", 1)[0][2] > 0.9
    [most, *_rest] = shown.most(shown.token)
    assert shown.pieces[most[0]] == shown.pieces[shown.token] and most[0] != shown.token
    assert most[1] == max(shown.row) > 0.5


def test_a_sentence_alone_has_no_other():
    heads, _shown = all_heads(made("bert"), ("Acme rose .", None), settings=Settings())
    assert "same" not in heads.looks.shares and "previous" in heads.looks.shares


# ---------------------------------------------------------------- how much is sent


def test_512_positions_of_12_layers_stay_small():
    """12 × 12 × 512 × 512 weights: each head a picture of 64 × 64 cells, the chosen one a single row."""
    sizes = {"hidden_size": 24, "num_hidden_layers": 12, "num_attention_heads": 12}
    tiny_checkpoint(in_cache("tiny-attention/long"), **sizes)
    pair = (" ".join(["storm"] * 255), " ".join(["harbor"] * 254))
    name, settings = "tiny-attention/long", Settings()
    heads, shown = all_heads(name, pair, Choice(12, 12, 500), 512, settings=settings)
    began = time.process_time()
    all_heads(name, pair, Choice(12, 12, 500), 512, settings=settings)
    assert time.process_time() - began < 10, "0.9 s of a core"
    assert len(heads.pieces) == 512 and array(heads).shape == (12, 13, 64, 64)
    assert shown.rows == [500] and numpy.shape(shown.weights) == (1, 512)
    assert len(shown.picture) == 128 * 128
    assert len(pickle.dumps((heads, shown))) < 700_000

    _model, _batch, output = theirs(name, pair)
    last = output.attentions[-1][0, -1]
    # Mean over the rows of a cell, sum over its columns
    blocks = last.reshape(64, 8, 64, 8).sum(-1).mean(1).numpy()
    assert numpy.abs((array(heads)[-1, -2] / 255) ** 2 - blocks).max() < 0.01
    assert numpy.abs(numpy.array(shown.row) - last[500].numpy()).max() < 1e-6


def test_a_scaled_row_is_a_whole_row():
    """100 tokens in 64 cells: one that lies across two counts in each with its part."""
    pair = (" ".join(["storm"] * 49), " ".join(["harbor"] * 48))
    heads, _shown = all_heads(READY, pair, settings=Settings())
    drawn = (array(heads) / 255.0) ** 2
    assert len(heads.pieces) == 100 and drawn.shape == (6, 13, 64, 64)
    assert numpy.abs(drawn.sum(-1) - 1).max() < 0.05
    # Of weights that are alike, no column is twice as dark as its neighbour
    columns = drawn[0, -1].mean(0)[4:28]
    assert (columns[1:] / columns[:-1]).max() < 1.3


# ---------------------------------------------------------------- habits


def embedded_pairs(count):
    with open(ROOT / "pipeline/embedded/pairs/validation.csv", newline="") as file:
        rows = [row for row, _ in zip(csv.DictReader(file), range(count))]
    return [(row["sentence1"], row["sentence2"]) for row in rows]


def test_a_habit_is_the_mean_over_pairs():
    pairs = [PAIR, ("Acme rose .", "Acme fell ."), ("Acme rose .", "On Monday it fell")]
    found = habits(made("bert"), pairs, settings=Settings())
    each = [all_heads(made("bert"), pair, settings=Settings())[0].looks for pair in pairs]
    assert (found.pairs, found.is_whole) == (3, True) and found.seconds > 0
    for kind in KINDS:
        those = [looks.shares[kind] for looks in each if kind in looks.shares]
        assert numpy.allclose(found.looks.shares[kind], numpy.mean(those, axis=0)), kind
    again = habits(made("bert"), pairs, settings=Settings())
    assert again is found
    other = habits(made("bert"), pairs[:2], settings=Settings())
    assert other.pairs == 2


def test_a_habit_takes_so_long_at_most(monkeypatch):
    monkeypatch.setattr(attention, "HABIT_SECONDS", 0.0)
    pairs = embedded_pairs(7)
    found = habits(made("bert"), pairs, settings=Settings())
    assert (found.pairs, found.asked, found.is_whole) == (1, 7, False)
    monkeypatch.setattr(attention, "HABIT_SECONDS", 60.0)
    assert habits(made("bert"), pairs, settings=Settings()).is_whole


def test_a_hundred_pairs_are_enough():
    found = habits(made("bert"), embedded_pairs(120), settings=Settings())
    assert found.pairs == found.asked == 100


# ---------------------------------------------------------------- padding


@pytest.mark.parametrize("kind", ["bert", "roberta", "deberta-v2"])
def test_nobody_looks_at_padding_behind_the_mask(kind):
    name = made(kind)
    found = padding(name, PAIR, settings=Settings())
    longer = tuple(f"{text} {text}" for text in PAIR)
    model, batch, output = theirs(name, PAIR, longer)
    real = int(batch["attention_mask"][0].sum())
    assert (found.tokens, found.width) == (real, batch["input_ids"].shape[1])
    assert found.masked == 0.0
    assert all((layer[0, :, :real, real:] == 0).all() for layer in output.attentions)
    assert found.beside == pytest.approx(found.alone, abs=1e-5)

    batch["attention_mask"][:] = 1
    with torch.no_grad():
        without = model(**batch, output_attentions=True)
    wanted = [layer[0, :, :real, real:].sum(-1).mean(-1).numpy() for layer in without.attentions]
    assert numpy.abs(found.unmasked - numpy.stack(wanted)).max() < 1e-6
    assert 0 < numpy.min(found.unmasked) < numpy.max(found.unmasked) < 1
    assert found.without_mask == pytest.approx(without.logits[0].tolist(), abs=1e-5)
    assert found.even == pytest.approx(1 - real / found.width)


def test_a_pair_that_fills_the_batch_has_no_padding():
    with pytest.raises(InputError, match="fills all 16 tokens"):
        padding(made("bert"), PAIR, 16, settings=Settings())
