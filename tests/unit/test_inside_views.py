"""The strip of a model's parts and their cards, drawn from plain data."""

from pipeline.hub.sources import Origin
from pipeline.inside.by_hand import Step
from pipeline.inside.layer_answers import LayerAnswer, LayerAnswers
from pipeline.inside.way_through import Part, WayThrough
from views.inside_layers import layer_bars
from views.inside_way import ASKED, formula, part_card, short_count, way_strip

ORIGIN = Origin("tiny", "tiny", "hub", "")
PAIR = ("A <b>", "B & c")
INPUTS = {"sentence1": PAIR[0], "sentence2": PAIR[1], "model": "tiny"}


def step(name, kind, **values):
    return Step(
        **{
            "name": name,
            "kind": kind,
            "shape": (1, 3, 4),
            "parameters": 0,
            "numbers": (1.0, -1.0, 0.0, 0.01, 0.0),
            "worked": "1 + (−2) = −1",
            "difference": 1e-7,
            **values,
        }
    )


def way(**values):
    pooler = step("dense", "linear", shape=(1, 4)), step("tanh", "tanh", shape=(1, 4))
    parts = (
        Part("input", (1, 3), 0, (101, 7, 102)),
        Part("embeddings", (1, 3, 4), 600, (0.5, 0.25), (step("word_embeddings", "embedding"),)),
        Part("layers", (1, 3, 4), 300, (0.5, 0.25), (step("<i>", "linear", parameters=300),)),
        Part("row", (1, 4), 0, (0.5, 0.25), (step("row", "row"),), strips=((1.0, 2.0), (0.0, 0.0))),
        Part("pooler", (1, 4), 90, (0.5, 0.25), pooler),
        Part("classifier", (1, 2), 10, (-1.5, 2.5), (step("classifier", "linear"),)),
    )
    return WayThrough(
        **{
            "origin": ORIGIN,
            "pieces": ("[CLS]", "<x>", "[SEP]"),
            "ids": (101, 7, 102),
            "sentences": (None, 0, None),
            "parts": parts,
            "parameters": 1000,
            "layers": 2,
            "heads": 2,
            "layer": 2,
            "token": 1,
            "logits": {"no": -1.5, "yes": 2.5},
            "probabilities": {"no": 0.018, "yes": 0.982},
            "predicted": {"no": -1.4984, "yes": 2.4922},
            "in_bf16": True,
            "label": None,
            "loss": None,
            **values,
        }
    )


def test_the_strip_says_where_the_parameters_sit():
    drawn = way_strip(way(), INPUTS)
    assert "A &lt;b&gt;" in drawn and "B &amp; c" in drawn
    assert "A <b>" not in drawn and "60.0%" in drawn and "tanh(W·x + b)" in drawn
    assert drawn.count("data-part=") == len(ASKED) and "--v: 0.3000" in drawn
    assert "1,000" in drawn and "−1.5 · 2.5" in drawn


def test_a_card_escapes_what_a_checkpoint_calls_its_modules():
    drawn = part_card(way(), "layers")
    assert "<i>" not in drawn and "&lt;i&gt;" in drawn and "300" in drawn
    assert '<option value="2" selected>' in drawn and "&lt;x&gt;" in drawn
    assert 'class="up l5" d="M0 0h1v1h-1z"' in drawn and 'class="down l5" d="M1 0h1v1h-1z"' in drawn


def test_each_part_has_a_card():
    for name in ASKED:
        assert f'data-card="{name}"' in part_card(way(), name)
    last = part_card(way(label=1, loss=0.018), "classifier")
    assert "2.4922" in last and "bfloat16" in last and '<option value="1" selected>' in last
    assert "bfloat16" not in part_card(way(in_bf16=False), "classifier")


def test_a_difference_is_not_hidden():
    wrong = step("<i>", "linear", difference=0.5)
    parts = tuple(
        Part("layers", (1, 3, 4), 300, (0.5,), (wrong,), ("gate",), 0.5, False)
        if part.name == "layers"
        else part
        for part in way().parts
    )
    other = way(parts=parts)
    assert "5.0e-01" in way_strip(other, INPUTS) and not other.agrees
    card = part_card(other, "layers")
    assert "✗ 5.0e-01" in card and "gate is not worked out" in card


def test_formulas_and_counts():
    norm = step("norm", "norm"), step("drop", "dropout"), step("dense", "linear")
    assert formula(norm) == "W·(LayerNorm(x)) + b"
    assert [short_count(n) for n in (9_999, 10_000, 999_999)] == ["9,999", "10 k", "1.0 M"]


def test_the_answers_after_each_layer():
    answers = tuple(
        LayerAnswer(n, {"no": 0.0, "yes": n}, {"no": 1 - n / 4, "yes": n / 4}, 1 - n / 10)
        for n in range(3)
    )
    found = LayerAnswers(ORIGIN, answers, PAIR, PAIR)
    drawn = layer_bars(found, INPUTS, [("swapped", "swapped"), ("0", "other")], "0")
    assert "P(yes)" in drawn and "50%" in drawn and "--share: 0.2500" in drawn
    assert "0.800" in drawn and '<option value="0" selected>' in drawn and "A <b>" not in drawn
