"""Attention in the tab Model: what a click sends is checked, and what was drawn is of the pair that was asked."""

import json
import re
from html import unescape

import gradio as gr
import pytest

from pipeline.inside.attention import all_heads
from pipeline.own_pairs import store
from pipeline.own_pairs.columns import guess_columns
from pipeline.own_pairs.pairs import own_pairs
from pipeline.own_pairs.read import read_table
from pipeline.settings import READY, Settings
from pipeline.task import MRPC
from tabs.model.attention import Asked, build_attention, choose_head, draw_habits, draw_padding
from tabs.pair import PAIR

ASKED = Asked(*PAIR, READY)
INPUTS = json.dumps(ASKED._asdict())


@pytest.fixture
def attention(settings):
    with gr.Blocks():
        return build_attention(settings)


@pytest.fixture
def unhurried(monkeypatch):
    """However busy the machine is, habits are measured on all rows."""
    monkeypatch.setattr("pipeline.inside.attention.HABIT_SECONDS", 600.0)


def shares_in(html):
    return json.loads(unescape(re.search(r'data-shares="([^"]+)"', str(html))[1]))


def test_the_page_opens_with_the_head_that_tells_most(attention):
    heads, head, looks = map(attention.draw(*ASKED).get, attention.outputs)
    assert "72 heads, each a 36 × 36 picture" in heads
    assert "Layer 3, head 10: where" in head and len(shares_in(head)) == 36
    assert 'aria-label="layer 1, head 3 98%"' in looks
    # One pair is answered within 0.5 s: so many characters go through the network
    assert len(heads) + len(head) + len(looks) < 150_000


def test_a_chosen_head_is_drawn_for_the_pair_of_its_picture(settings):
    drawn = choose_head(settings, {"inputs": INPUTS, "layer": 1, "head": 3, "token": 5})
    row = shares_in(drawn)[5]
    assert "Layer 1, head 3: where" in drawn and row.index(max(row)) == 4
    mean = choose_head(settings, {"inputs": INPUTS, "layer": 6, "head": "mean", "token": None})
    assert "mean of its heads" in mean


@pytest.mark.parametrize(
    "cell, message",
    [
        ({}, "sent no cell"),
        ({"inputs": "[]", "layer": 1, "head": 1, "token": 0}, "sent no cell"),
        ({"inputs": INPUTS, "layer": 7, "head": 1, "token": 0}, "layer is 7, but 1 to 6"),
        ({"inputs": INPUTS, "layer": 1, "head": "<b>", "token": 0}, "head is &#39;&lt;b&gt;&#39;"),
        ({"inputs": INPUTS, "layer": 1, "head": 1, "token": 36}, "token is 36, but 0 to 35"),
        ({"inputs": INPUTS, "layer": 1, "head": 1, "token": [0]}, "token is [0]"),
        ({"inputs": json.dumps(["a"]), "layer": 1, "head": 1, "token": 0}, "sent no cell"),
        (
            {"inputs": json.dumps({**ASKED._asdict(), "sentence1": ["a"]}), "layer": 1},
            "sentence1",
        ),
        ({"inputs": json.dumps({**ASKED._asdict(), "model": 7}), "layer": 1}, "not a checkpoint"),
    ],
)
def test_whatever_is_sent_is_checked(cell, message, settings):
    drawn = choose_head(settings, cell)
    assert 'class="notice error"' in drawn and message in drawn


def test_a_wrong_pair_is_said_in_the_pictures_place(attention):
    heads, *others = map(attention.draw(" ", "A cat.", READY).get, attention.outputs)
    assert 'class="notice error"' in heads and "data-pair" in heads and others == ["", ""]


def test_the_questions_are_answered(settings, unhurried):
    habits = draw_habits(Settings(data="embedded"), *ASKED, MRPC.name)
    assert "100 rows (embedded pairs, validation)" in habits and "layer 3, head 10" in habits
    padding = draw_padding(settings, *ASKED)
    assert "36 tokens" in padding and "exactly 0" in padding
    assert 'class="notice error"' in draw_padding(settings, " ", "A cat.", READY)


def own_set(settings, *columns):
    """(the name of 30 rows of a visitor's own, the sentences of their validation split)."""
    rows = [
        ("sentence1", "sentence2", "label"),
        *((f"Bird {n} sang.", f"Frog {n} sang.", "yn"[n % 2]) for n in range(30)),
    ]
    text = "\n".join(",".join(row[column] for column in columns) for row in rows)
    table = read_table(text.encode(), "mine.csv", settings)
    own = own_pairs(table, guess_columns(table), settings=settings)
    return store.keep(own, settings), own.splits["validation"]


def test_habits_are_measured_on_a_visitors_own_pairs_where_those_are_chosen(settings, unhurried):
    name, rows = own_set(settings, 0, 1, 2)
    drawn = draw_habits(settings, *ASKED, name)
    assert f"{len(rows)} rows (your own pairs, validation)" in drawn and "Bird" not in drawn
    found = [
        all_heads(READY, (row["sentence1"], row["sentence2"]), settings=settings)[0].looks
        for row in rows
    ]
    shares = sum(looks.shares["previous"][0][2] for looks in found) / len(found)
    assert f"layer 1, head 3 <b>{shares:.0%}</b>" in drawn


def test_of_single_sentences_no_head_finds_a_word_in_the_other_one(settings, unhurried):
    name, rows = own_set(settings, 0, 2)
    drawn = draw_habits(settings, *ASKED, name)
    assert f"{len(rows)} rows (your own sentences, validation)" in drawn
    assert "the token before" in drawn and "in the other sentence" not in drawn
    store.forget(name, settings)
    assert "notice error" in draw_habits(settings, *ASKED, name), "they are no longer kept"
