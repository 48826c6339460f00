"""Checkpoint + pairs -> labels and probabilities."""

import math
from dataclasses import replace

import pytest

from pipeline.errors import InputError, SourceError
from pipeline.hub import sources
from pipeline.model import load_model
from pipeline.prediction import model_for, predict, predict_each, softmax
from pipeline.settings import EMBEDDED_CHECKPOINT, READY, Settings
from pipeline.tokenization import load_tokenizer
from tabs.predict.answer import Answers

ROUNDING = 0.05  # of logits in bfloat16, where the processor has it
PAIRS = [
    ("Shares rose today.", "Shares were up."),
    ("One.", "Two."),
    ("The cat sat on the mat by the door.", "It rained."),
]


def test_the_answer_is_the_models_own_and_its_softmax(tiny, settings):
    import torch

    prediction = predict(tiny, PAIRS[:1], settings=settings)[0][0]
    encoding = load_tokenizer(tiny, settings=Settings())[0](*PAIRS[0], return_tensors="pt")
    with torch.inference_mode():
        logits = load_model(tiny, settings=Settings())[0](**encoding).logits[0].tolist()
    assert list(prediction.logits.values()) == pytest.approx(logits, abs=ROUNDING)
    weights = {label: math.exp(value) for label, value in prediction.logits.items()}
    for label, weight in weights.items():
        assert prediction.probabilities[label] == pytest.approx(weight / sum(weights.values()))
    assert (
        prediction.label == max(weights, key=weights.get)
        and prediction.tokens == encoding["input_ids"].shape[1]
    )


CHINESE = ("公司称第三季度利润上升了 12%。", "公司称第三季度利润下降了 12%。")


def test_a_model_that_has_read_english_alone_says_so_where_it_is_asked_in_chinese(tiny, settings):
    [both, one, none], _ = predict(
        READY,
        [CHINESE, ("Zoë met 李 today.", CHINESE[1]), ("Zoë met 李.", "12 + 3")],
        settings=settings,
    )
    assert (
        "letters of both sentences belong to another script" in both.notes[0]
        and "is meaningless" in both.notes[0]
    )
    assert "letters of sentence2 belong" in one.notes[0] and none.notes == ()
    assert predict(tiny, [CHINESE], settings=settings)[0][0].notes == (), (
        "a stranger's model may know Chinese"
    )
    page = Answers(settings)
    assert "is meaningless" in page.answer(*CHINESE, READY) and "notice" not in page.answer(
        "Zoë met 李.", "12 + 3", READY
    )
    assert (
        page.predict(*CHINESE)["notes"] == list(both.notes)
        and page.predict("One.", "Two.")["notes"] == []
    )


def test_softmax_of_large_logits_is_still_a_distribution():
    assert softmax([1000.0, -1000.0]) == [1.0, 0.0]


def test_a_batch_answers_as_each_pair_alone(tiny, tiny_distilbert, tiny_roberta_id, settings):
    for name in (tiny, tiny_distilbert, tiny_roberta_id):
        together, origin = predict(name, PAIRS, settings=settings)
        alone = [predict(name, [pair], settings=settings)[0][0] for pair in PAIRS]
        assert origin.loaded == name
        for one, other in zip(together, alone, strict=True):
            assert list(one.logits.values()) == pytest.approx(
                list(other.logits.values())
            )  # to the last digit
            assert one.label == other.label


def test_what_truncation_cut_is_shown(tiny, settings):
    short, exact = predict(
        tiny,
        [("one two three four five six seven", "eight nine"), ("a b c", "d e")],
        9,
        settings=settings,
    )[0]
    assert (short.tokens, short.truncated) == (9, ("five six seven", "")) and exact.truncated == (
        "",
        "",
    )
    assert predict(tiny, [("a b c d", "e f")], 9, settings=settings)[0][0].truncated == (
        "",
        "",
    )  # exactly 9 tokens


@pytest.mark.parametrize(
    "pairs, says",
    [
        ([], "0 pairs"),
        ([("a", "b")] * 257, "257 pairs"),
        ([("a", "")], "sentence2 is empty"),
        ([(" ", "b")], "white space"),
        ([("a" * 2001, "b")], "2,001 characters"),
        ([("a", "b", "c")], "two sentences"),
        ([("a", 7)], "int, not text"),
    ],
)
def test_limits(tiny, settings, pairs, says):
    with pytest.raises(InputError, match=says):
        predict(tiny, pairs, settings=settings)


def test_other_limits(tiny, settings):
    for max_length in (7, 513, "x"):
        with pytest.raises(InputError, match="max_length"):
            predict(tiny, PAIRS, max_length, settings=settings)
    for name in ("../x", "run:x", "run:" + "0" * 32):
        with pytest.raises(SourceError):
            predict(name, PAIRS, settings=settings)


def test_a_stand_in_says_so_and_is_asked_for_again(settings):
    _, origin = predict("google-bert/bert-base-uncased", PAIRS[:1], settings=settings)
    assert origin.stands_in and "google-bert/bert-base-uncased" in origin.reason


def test_a_stand_in_throws_nobodys_model_out_and_is_the_embedded_one(tiny, settings):
    model = model_for(tiny, settings)[0]
    stand_in, origin = model_for("google-bert/bert-base-uncased", settings)
    assert origin.stands_in and origin.asked == "google-bert/bert-base-uncased"
    assert (
        stand_in is model_for(EMBEDDED_CHECKPOINT, settings)[0]
        and model_for(tiny, settings)[0] is model
    )


def test_a_stand_in_brings_its_own_tokenizer(tiny_roberta_id, settings, monkeypatch):
    """A tokenizer may come in time and the weights not; its ids would mean other words to the model that stands in."""

    def no_weights(name, weights=False, settings=None):
        return real(
            name if not weights or name == EMBEDDED_CHECKPOINT else "none/such",
            weights,
            settings=settings,
        )

    real = sources.checkpoint_files
    expected = predict(EMBEDDED_CHECKPOINT, PAIRS[:1], settings=settings)[0]
    monkeypatch.setattr(sources, "checkpoint_files", no_weights)
    answer, origin = predict(tiny_roberta_id, PAIRS[:1], settings=replace(settings, max_rows=31))
    assert origin.stands_in and answer == expected


def test_odd_texts_are_only_texts(tiny, settings):
    odd = ["<script>alert(1)</script>", "🙂" * 50, "שלום", "a\x00b\x1b[31m", "{}%s\\n"]
    assert len(predict(tiny, [(text, text) for text in odd], settings=settings)[0]) == len(odd)
    assert Settings().max_batch_pairs == 256


def test_a_strangers_bad_request_spoils_no_other(tiny, settings):
    answers = predict_each(
        [
            (tiny, *PAIRS[0], 128),
            (tiny, "", "b", 128),
            ("no/../id", "a", "b", 128),
            (tiny, *PAIRS[0], 128),
        ],
        settings,
    )
    assert answers[0][0] == answers[3][0] == predict(tiny, PAIRS[:1], settings=settings)[0][0]
    assert "sentence1 is empty" in str(answers[1]) and "not a checkpoint id" in str(answers[2])
