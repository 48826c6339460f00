"""The sections What moved the answer and train() and eval(), drawn from plain data."""

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pipeline.hub.sources import Origin
from pipeline.inside.attributions import Attributions, TokenMoved, WordMoved
from pipeline.inside.dropout import Kept, Modes
from views.inside_attributions import what_moved
from views.inside_dropout import axis, both_modes

ORIGIN = Origin("a", "a", "package", "")
MOVED = Attributions(
    pair=("A <b>cat", "A dog"),
    label="equivalent",
    against="not_equivalent",
    score=1.0,
    baseline_score=-1.0,
    baseline="[PAD]",
    steps=16,
    tokens=(
        TokenMoved("[CLS]", None, 0.0),
        TokenMoved("<b>", 1, 3.0),
        TokenMoved("##dog", 2, -1.05),
    ),
    words=(WordMoved("<b>", 1, 3.0, 1.5), WordMoved("dog", 2, None, -6.0)),
    agreement=None,
    origin=ORIGIN,
)
MODES = Modes(
    pair=("A", "B"),
    label="equivalent",
    tokens=5,
    dropout=0.1,
    is_own=True,
    layers=20,
    seed=42,
    train=(0.5, 0.7) * 5,
    eval=(0.6,) * 10,
    kept=(Kept(1, 7_270_624, 5_802_208, 0, 7_270_624), Kept(32, None, None, None, 232_659_968)),
    formula=5_681_664,
    origin=ORIGIN,
)


def text_of(markup):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", markup))


def test_cards_and_bars_tell_sign_and_size():
    drawn = str(what_moved(MOVED))
    cards = re.findall(r'<li class="card (\w+) (\w*)" style="--size: ([\d.]+)">', drawn)
    assert cards == [
        ("special", "", "0.000"),
        ("sentence1", "for", "1.000"),
        ("sentence2", "against", "0.350"),
    ]
    bars = re.findall(
        r'moved-bar (\w*)" style="--size: ([\d.]+)"', drawn
    )  # one scale for both methods
    # The most influential word first
    assert bars == [("", "0.000"), ("against", "1.000"), ("for", "0.500"), ("for", "0.250")]
    assert "<b>cat" not in drawn and "&lt;b&gt;" in drawn
    text = text_of(drawn)
    assert "add up to 1.95; the scores differ by 2.00. Off by 2.5% after 16 steps" in text
    assert "“not_equivalent” = 1.00 . With [PAD] in place of each word it is −1.00" in text


def test_a_sum_that_is_off_says_so():
    off = replace(MOVED, baseline_score=0.5)
    assert "the shares are rough" in what_moved(off) and "moved-check open" in what_moved(off)
    assert "the shares are rough" not in what_moved(MOVED)


def test_the_verdict_follows_the_correlation():
    for agreement, said in (
        (0.9, "nearly the same order"),
        (0.5, "part of"),
        (-0.1, "hardly"),
        (-0.8, "opposite"),
    ):
        assert said in what_moved(replace(MOVED, agreement=agreement))
    assert "too few words" in what_moved(MOVED) and "Spearman" not in what_moved(MOVED)


def test_of_three_labels_the_score_is_over_the_mean_of_the_others():
    assert "minus the mean of the others" in what_moved(replace(MOVED, against=None))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_the_axis_holds_all_dots(shares):
    low, high = axis(shares)
    assert 0 <= low <= min(shares) and max(shares) <= high <= 1 and high - low > 0.059


def test_ten_dots_a_mode_and_their_spread():
    drawn = str(both_modes(MODES))
    assert (
        re.findall(r"--at: ([\d.]+)%; --row: \d", drawn) == ["0.00", "100.00"] * 5 + ["50.00"] * 10
    )
    text = text_of(drawn)
    assert "train() mean 60.0%, standard deviation 10.5 percentage points" in text
    assert "eval() 10 × exactly 60.0%" in text and "10% of the numbers" in text
    assert "1 / (1 − 0.1)" in text and "1 7.3 MB 5.8 MB 0 " in text
    assert "32 about 233 MB, not measured here – – " in text


def test_a_model_without_dropout_is_told_so():
    none = replace(MODES, layers=0, dropout=0.0, train=(0.6,) * 10)
    assert "no Dropout layer" in both_modes(none)
