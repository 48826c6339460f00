"""Pairs -> encodings, and each number traced back to its characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dataset import load_raw_datasets
from pipeline.errors import InputError
from pipeline.hub import sources
from pipeline.prediction import predict
from pipeline.sentence import is_blank
from pipeline.settings import EMBEDDED_CHECKPOINT, Settings
from pipeline.tokenization import (
    checked_length,
    checked_pair,
    load_tokenizer,
    longest_length,
    token_view,
    tokenize_datasets,
    tokenize_function,
    tokenizer_for,
)

PAIR = ("The cat sat on the mat.", "A cat was sitting.")
ODD = [
    "🙂👩‍👩‍👧 ok",
    "שלום עולם",
    "مرحبا بالعالم",
    "日本語 テスト",
    "café CAFÉ",
    "<b>&amp;</b>",
    "a\x00b\x07c",
    "\u202eabc",
    "ﬁne ½",
    "e\u0301",
]
sentences = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60), st.sampled_from(ODD)
)


def test_the_lengths_of_the_notes(mrpc_folder, tokenizer):
    train = load_raw_datasets("folder", Settings(mrpc_folder=mrpc_folder))[0]["train"]
    encodings = tokenize_function(tokenizer, train[:8])
    assert [len(ids) for ids in encodings["input_ids"]] == [50, 59, 47, 67, 59, 50, 62, 32]


def test_map_runs_the_function_that_a_tab_shows(settings, tokenizer):
    raw_datasets, _ = load_raw_datasets("auto", settings)
    tokenized_datasets = tokenize_datasets(raw_datasets, tokenizer, max_length=12)
    row = tokenize_function(tokenizer, raw_datasets["test"][3], max_length=12)
    assert {name: tokenized_datasets["test"][3][name] for name in row} == dict(row)
    assert len(row["input_ids"]) == 12 and set(tokenized_datasets) == set(raw_datasets)
    assert set(tokenized_datasets["train"].column_names) == {
        *raw_datasets["train"].column_names,
        *row,
    }


def test_a_pair_is_framed_by_special_tokens_and_its_type_ids_follow_the_sentences(tokenizer):
    view = token_view(tokenizer, *PAIR)
    assert [token.piece for token in view.tokens if token.role == "special"] == [
        "[CLS]",
        "[SEP]",
        "[SEP]",
    ]
    assert [token.type_id for token in view.tokens if token.sentence] == [
        token.sentence - 1 for token in view.tokens if token.sentence
    ]
    assert [token.id for token in view.tokens] == tokenize_function(
        tokenizer, dict(zip(("sentence1", "sentence2"), PAIR))
    )["input_ids"]
    assert (
        view.has_type_ids
        and view.cut == ("", "")
        and view.notes == []
        and {token.mask for token in view.tokens} == {1}
    )


@given(sentences, sentences)
def test_every_token_stands_for_its_characters(tokenizer, first, second):
    view, pair = token_view(tokenizer, first, second, truncation=False), (first, second)
    normal = tokenizer.backend_tokenizer.normalizer.normalize_str
    covered = [set(), set()]
    for token in view.tokens:
        if token.sentence is None:
            assert token.text == "" and token.start is None
            continue
        text = pair[token.sentence - 1][token.start : token.end]
        assert token.text == text and token.end > token.start
        if token.id != tokenizer.unk_token_id:
            # the oracle: BERT's own normalizer (lower case, accents off) makes the piece of these very characters
            assert (
                token.piece.removeprefix("##") in normal(text).strip()
                or token.piece == normal(text).strip()
            )
        covered[token.sentence - 1] |= set(range(token.start, token.end))
    for text, positions in zip(pair, covered, strict=True):
        lost = [
            c for position, c in enumerate(text) if position not in positions and normal(c).strip()
        ]
        assert lost == [], "a character that the model could read has no token"


@given(sentences, sentences, st.integers(8, 40))
def test_what_is_kept_and_what_is_cut_make_the_sentence(tokenizer, first, second, max_length):
    view = token_view(tokenizer, first, second, max_length)
    assert len(view.tokens) == min(view.full_length, max_length)
    for which, (text, cut) in enumerate(zip((first, second), view.cut, strict=True), 1):
        kept = text[
            : max((token.end for token in view.tokens if token.sentence == which), default=0)
        ]
        assert cut in ("", text[len(kept) :].strip())
    assert (
        any(view.cut)
        == (view.full_length > max_length)
        == any("Truncation removed" in note for note in view.notes)
    )


def test_the_longer_sentence_is_cut_first_and_shown(tokenizer):
    view = token_view(tokenizer, "one two three four five six seven", "eight nine", max_length=9)
    assert view.cut == ("five six seven", "") and view.full_length == 12
    whole = token_view(
        tokenizer, "one two three four five six seven", "eight nine", max_length=9, truncation=False
    )
    assert (
        len(whole.tokens) == 12 and whole.cut == ("", "") and "Without truncation" in whole.notes[0]
    )


def test_an_unknown_piece_is_noted(tokenizer):
    view = token_view(tokenizer, "I like 🦜.", "I like parrots.")
    assert "[UNK] stands for" in view.notes[0] and "🦜" in view.notes[0]


def test_a_tokenizer_without_type_ids_says_why(tiny_distilbert, tiny_roberta_id):
    for name, special in (
        (tiny_distilbert, ["[CLS]", "[SEP]", "[SEP]"]),
        (tiny_roberta_id, ["<s>", "</s>", "</s>", "</s>"]),
    ):
        tokenizer, _ = load_tokenizer(name, settings=Settings())
        view = token_view(tokenizer, "Shares rose 🙂 today", "Shares fell")
        assert not view.has_type_ids and {token.type_id for token in view.tokens} == {None}
        assert "no token_type_ids" in view.notes[0]
        assert [token.piece for token in view.tokens if token.role == "special"] == special
        first = view.sentence1[
            min(t.start for t in view.tokens if t.sentence == 1) : max(
                t.end for t in view.tokens if t.sentence == 1
            )
        ]
        assert first == "Shares rose 🙂 today"


@pytest.mark.parametrize(
    "pair, says",
    [
        (("", "b"), "sentence1 is empty"),
        (("a", " \n\t\u3000"), "sentence2 is only white space"),
        (("a" * 2001, "b"), "2,001 characters"),
        (
            ("a", "\u200b \u00ad\u00ad\x00"),
            r"sentence2 has no readable character.*\(U\+200B, U\+00AD, U\+0000\)",
        ),
        (("\u0301", "b"), r"marks without a letter \(U\+0301\)"),
        ((None, "b"), "sentence1 is NoneType"),
        (("a", 7), "sentence2 is int"),
        (("a\ud800", "b"), "surrogate"),
    ],
)
def test_a_sentence_that_cannot_be_used_is_named(pair, says):
    with pytest.raises(InputError, match=says):
        checked_pair(*pair, Settings())


@given(sentences)
def test_any_text_with_something_in_it_is_taken_as_it_is(sentence):
    if not is_blank(sentence):
        assert checked_pair(sentence, "b" * 2000, settings=Settings()) == (sentence, "b" * 2000)


# Default_Ignorable_Code_Point of Unicode 16's DerivedCoreProperties.txt, all of it
IGNORABLE = (
    "00AD 034F 061C 115F-1160 17B4-17B5 180B-180F 200B-200F 202A-202E 2060-206F 3164 FE00-FE0F FEFF FFA0 FFF0-FFF8 "
    "1BCA0-1BCA3 1D173-1D17A E0000-E0FFF"
)


def test_whatever_unicode_draws_as_nothing_is_blank():
    ranges = [part.partition("-") for part in IGNORABLE.split()]
    points = [
        point for low, _, high in ranges for point in range(int(low, 16), int(high or low, 16) + 1)
    ]
    assert len(points) > 4000 and all(is_blank(chr(point)) for point in points)
    assert is_blank("".join(map(chr, points))) and is_blank("\x00\x1b\u2028\u2800\ufffe\ue000")
    for seen in ("a", ".", "中", "🫨", "e\u0301", "\u200bx", "1", "½"):
        assert not is_blank(seen), seen


def test_a_sentence_that_the_tokenizer_makes_nothing_of_is_noted(tokenizer, tiny, settings):
    """BERT's normalizer drops the character that stands for one that couldn't be decoded."""
    view = token_view(tokenizer, "\ufffd\ufffd", "b")
    assert [token.sentence for token in view.tokens if token.sentence] == [2]
    assert "turns sentence1 (U+FFFD) into no tokens, so the model doesn't see it" in view.notes[0]
    [answer], _ = predict(tiny, [("\ufffd", "b")], settings=settings)
    assert any("turns sentence1 (U+FFFD) into no tokens" in note for note in answer.notes)


def test_max_length_ends_where_the_checkpoint_has_no_positions(tokenizer, tiny_roberta_id):
    assert (
        checked_length("8", tokenizer, settings=Settings()) == 8
        and longest_length(tokenizer, settings=Settings()) <= Settings().longest_max_length
    )
    for number in (7, 0, -1, 513, "long", 8.5, None):
        with pytest.raises(InputError, match="longest_max_length"):
            checked_length(number, tokenizer, settings=Settings())
    with pytest.raises(InputError, match="at most 128 tokens"):
        checked_length(
            129, load_tokenizer(tiny_roberta_id, settings=Settings())[0], settings=Settings()
        )


def test_a_tokenizer_is_remembered_but_not_that_another_stands_in(settings, monkeypatch):
    embedded, looked_for = tokenizer_for(EMBEDDED_CHECKPOINT, settings)[0], []
    monkeypatch.setattr(sources, "cached_files", lambda name, weights: looked_for.append(name))
    for _ in range(2):
        tokenizer, origin = tokenizer_for("google-bert/bert-base-uncased", settings)
        assert origin.stands_in and tokenizer is embedded
    assert len(looked_for) == 2 and tokenizer_for(EMBEDDED_CHECKPOINT, settings)[0] is embedded
