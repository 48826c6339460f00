"""One sentence, two languages: lazily said, safely kept, and a catalogue that is neither short nor stale."""

import copy
import json
import pickle
import threading

import pytest

import languages as spoken
from dev import catalogue as check
from languages import Said, as_data, from_data, say, speaking
from pipeline.settings import InputError


@pytest.fixture
def chinese(monkeypatch):
    """A catalogue of two sentences."""
    entries = {"No row {row} in {split}.": "{split} 中没有第 {row} 行。", "the training pairs": "训练集"}
    monkeypatch.setattr(spoken, "catalogue", lambda name: entries if name == "zh" else {})
    return entries


SAID = {"sentence": "No row {row} in {split}.", "row": 9, "split": "train"}


def test_a_said_is_english_until_a_reader_is_there(chinese):
    said = say(SAID["sentence"], row=9, split="train")
    assert said == "No row 9 in train." == f"{said}" == str(said)
    with speaking("zh"):
        assert str(said) == f"{said}" == "train 中没有第 9 行。" and said.english == "No row 9 in train."
    assert str(said) == "No row 9 in train."


def test_a_value_that_is_said_itself_follows(chinese):
    said = say(SAID["sentence"], row=9, split=say("the training pairs"))
    with speaking("zh"):
        assert str(said) == "训练集 中没有第 9 行。"


def test_an_errors_message_is_in_the_readers_language(chinese):
    error = InputError(say(SAID["sentence"], row=9, split="train"))
    with speaking("zh"):
        assert str(error) == "train 中没有第 9 行。"


def test_what_the_catalogue_lacks_stays_english(chinese):
    with speaking("zh"):
        assert spoken._("Never translated: {what}.", what=1) == "Never translated: 1."


def test_another_thread_speaks_its_own_language(chinese):
    heard = []
    with speaking("zh"):
        thread = threading.Thread(target=lambda: heard.append(spoken.language()))
        thread.start()
        thread.join()
    assert heard == ["en"]


@pytest.mark.parametrize("again", [copy.deepcopy, lambda said: pickle.loads(pickle.dumps(said)),
                                   lambda said: from_data(json.loads(json.dumps(as_data(said))), "lost")])
def test_a_said_survives_being_kept(chinese, again):
    said = again(say(SAID["sentence"], row=9, split=say("the training pairs")))
    assert isinstance(said, Said) and said == "No row 9 in the training pairs."
    with speaking("zh"):
        assert str(said) == "训练集 中没有第 9 行。"


@pytest.mark.parametrize("foreign", [
    None, 3, "text", [], ["No row {row} in {split}."], ["{row.__class__}", {"row": 1}], ["No row {row} in {split}.", {"row": 1}],
    ["No row {row} in {split}.", [1]], [["a"], {}], ["No row {row} in {split}.", {"row": ["x"], 1: 2}], {"a": 1},
])
def test_what_somebody_else_wrote_is_never_formatted(chinese, foreign):
    assert from_data(foreign, "as it is") == "as it is"


def test_the_catalogue_is_complete_and_says_nothing_stale():
    assert check.report() == []


def test_every_sentence_can_be_read_from_the_code():
    assert check.not_literal() == []


def test_a_missing_a_stale_and_a_broken_entry_are_found(monkeypatch):
    monkeypatch.setattr(check, "sentences", lambda: {"Said here": "a.py:1", "With {name}": "a.py:2"})
    monkeypatch.setattr(check, "read", lambda language: {"Gone": "没了", "With {name}": "没有名字"})
    assert [line.partition(":")[0] for line in check.report()] == ["missing", "unused", "placeholders differ"]


def test_a_runs_story_is_kept_in_english_and_told_in_the_readers_language(chinese, tmp_path):
    from pipeline.story import append_event, read_events

    origin = {"loaded": "x", "reason": say(SAID["sentence"], row=1, split="test")}
    append_event(tmp_path, {"event": "stopped", "seconds": 1, "reason": say(SAID["sentence"], row=9, split="train"),
                            "model": origin})
    assert '"reason": "No row 9 in train."' in (tmp_path / "events.jsonl").read_text()
    [event] = read_events(tmp_path / "events.jsonl")
    with speaking("zh"):
        assert f"{event['reason']} {event['model']['reason']}" == "train 中没有第 9 行。 test 中没有第 1 行。"


@pytest.mark.parametrize("said", [1, [], {"reason": 3}, {"seconds": ["x", {}]}, {"model.x": ["a", {}]}, {"reason": ["{0.real}", {}]}])
def test_a_foreign_story_is_told_as_it_is(chinese, said):
    from pipeline.story import said_again

    event = {"event": "stopped", "seconds": 1, "reason": "as it is", "model": 3}
    assert said_again({**event, "said": said}) == event
