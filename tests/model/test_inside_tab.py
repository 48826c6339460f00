"""The tab Model: the way through and the answers, and what a click may send."""

import json
from types import SimpleNamespace

import gradio as gr
import pytest

from pipeline.inside.layer_answers import layer_answers
from pipeline.inside.way_through import way_through
from pipeline.isolation.messages import packed, unpacked
from pipeline.settings import READY
from pipeline.task import MRPC
from tabs.address import opened
from tabs.model.attention import Asked
from tabs.model.dropout import draw as draw_modes
from tabs.model.layer_answers import LayerAnswersSection
from tabs.model.script import script
from tabs.model.tab import build_tab
from tabs.model.way_through import WayThroughSection
from tabs.pair import PAIR
from tabs.which_pairs import build_choice

INPUTS = json.dumps(Asked(*PAIR, READY)._asdict())


@pytest.fixture
def way(settings):
    with gr.Blocks():
        return WayThroughSection(settings, gr.HTML(), gr.HTML())


@pytest.fixture
def answers(settings):
    with gr.Blocks():
        return LayerAnswersSection(settings, gr.HTML())


def event(**sent):
    return SimpleNamespace(_data=sent)


def test_the_strip_is_drawn_and_each_of_its_parts_opens(way):
    strip = way.draw(*PAIR, READY)[way.strip]
    assert strip.count("data-part=") == 6 and "22,713,986" in strip
    card = way.open(event(part="layers", layer="2", token="5", label="", inputs=INPUTS))
    assert '<option value="2" selected>' in card and '<option value="5" selected>' in card
    card = way.open(event(part="classifier", layer="", token="0", label="0", inputs=INPUTS))
    assert "cross_entropy" not in card and "−ln(" in card


@pytest.mark.parametrize(
    "sent, message",
    [
        ({}, "no part"),
        ({"part": "<b>"}, "no part &#39;&lt;b&gt;&#39;"),
        ({"part": ["row"]}, "no part"),
        ({"part": "row"}, "sent no cell"),
        ({"part": "row", "inputs": INPUTS, "layer": "7"}, "layer is 7, but 1 to 6"),
        ({"part": "row", "inputs": INPUTS, "token": "36"}, "token is 36, but 0 to 35"),
        ({"part": "row", "inputs": INPUTS, "token": {"a": 1}}, "not a whole number"),
        ({"part": "row", "inputs": INPUTS, "label": "2"}, "label is 2, but 0 to 1"),
    ],
)
def test_what_the_page_never_sends_is_refused_in_a_sentence(way, sent, message):
    drawn = way.open(event(**sent))
    assert "notice error" in drawn and message in drawn


def test_an_empty_sentence_is_said_where_the_strip_would_stand(way, answers):
    assert "notice error" in way.draw("", PAIR[1], READY)[way.strip]
    assert "notice error" in answers.draw("", PAIR[1], READY)[answers.bars]


def test_the_answers_are_compared_with_the_pair_that_is_chosen(answers):
    first = answers.draw(*PAIR, READY)[answers.bars]
    other = answers.compare(event(other="1", inputs=INPUTS))
    assert first.count('class="column"') == other.count('class="column"') == 7
    assert '<option value="1" selected>' in other and first != other
    for sent in ({"other": "9", "inputs": INPUTS}, {"other": ["1"], "inputs": INPUTS}, {}):
        assert "notice error" in answers.compare(event(**sent))


def test_what_leaves_a_checkpoints_process_comes_through_whole(settings):
    """A stranger's checkpoint is opened in a process that answers with plain data alone."""
    for found in (
        way_through(READY, PAIR, settings=settings),
        layer_answers(READY, PAIR, PAIR[::-1], settings=settings),
    ):
        assert unpacked(packed(found)) == found


def test_a_link_sets_the_baseline_the_dropout_and_its_seed(settings):
    with gr.Blocks():
        choice, _bring = build_choice(settings, MRPC.name)
        shared = build_tab(settings, choice).shared
    asks = {"tab": "model", "baseline": "mask_token", "dropout": "0.3", "seed": "7"}
    address = opened(asks, [shared])
    fields = {name: address.changes[shared.fields[name]]["value"] for name in list(asks)[1:]}
    assert fields == {"baseline": "mask_token", "dropout": 0.3, "seed": 7} and not address.wrong
    for said in ({"dropout": "0.31"}, {"dropout": "nan"}, {"baseline": "<b>"}, {"seed": "x"}):
        assert len(opened({"tab": "model", **said}, [shared]).wrong) == 1, said


def test_dropout_is_the_model_s_own_or_the_chosen_share(settings):
    own, half = (draw_modes(settings, *PAIR, READY, share, 42) for share in ("own", 0.5))
    assert "10% of the numbers" in own and "50% of the numbers" in half
    assert "Choose a number from 0 to 0.5" in draw_modes(settings, *PAIR, READY, "much", 42)


def test_the_script_is_of_the_pair_on_the_page(settings):
    source = script(settings, 'A "cat" {sat}.', "B.", READY)
    compile(source, "inside.py", "exec")
    assert 'A "cat" {sat}.' in source
    assert script(settings, "", "B.", READY).startswith("# ")
