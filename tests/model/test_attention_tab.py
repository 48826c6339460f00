"""Attention in the tab Model: what a click sends is checked, and what was drawn is of the pair that was asked."""

import json
import re
from html import unescape

import gradio as gr
import pytest

from pipeline.settings import READY, Settings
from tabs.model.attention import Asked, build_attention, choose_head, draw_habits, draw_padding
from tabs.pair import PAIR

ASKED = Asked(*PAIR, READY)
INPUTS = json.dumps(ASKED._asdict())


@pytest.fixture
def attention(settings):
    with gr.Blocks():
        return build_attention(settings)


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


def test_the_questions_are_answered(settings):
    habits = draw_habits(Settings(data="embedded"), *ASKED)
    assert "100 validation pairs" in habits and "layer 3, head 10" in habits
    padding = draw_padding(settings, *ASKED)
    assert "36 tokens" in padding and "exactly 0" in padding
    assert 'class="notice error"' in draw_padding(settings, " ", "A cat.", READY)
