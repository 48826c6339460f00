"""Why a number: each explanation is checked against the tokenizer that it talks about."""

import copy
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.collation import batch_view
from pipeline.errors import InputError
from pipeline.explain.why_cell import ROWS, padded_view, why_label, why_token
from pipeline.settings import Settings
from pipeline.tokenization import load_tokenizer, token_view

PAIR = ("Distorting mirrors sell well.", "A déjà vu 🦜 of 300 mirrors!")
ODD = [
    "🙂👩‍👩‍👧",
    "مرحبا بالعالم",
    "東京タワー",
    "naïve CAFÉ",
    "a\x00b\x07c",
    "\u202eabc",
    "ﬁne ½",
    "e\u0301",
    "a" * 101,
    "un🦜able",
]
sentences = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40), st.sampled_from(ODD)
)


def says(view, piece, row, tokenizer, nth=0):
    found = [token.position for token in view.tokens if token.piece == piece][nth]
    return why_token(view, found, row, tokenizer)


def quoted(text):
    return re.findall("“(.*?)”", text, re.S)


# ---------------------------------------------------------------- pieces


def test_a_split_word_is_not_in_the_vocabulary_and_each_piece_the_longest_that_is(tokenizer):
    vocabulary, view = tokenizer.get_vocab(), token_view(tokenizer, *PAIR)
    assert "distorting" not in vocabulary and f"{len(vocabulary):,}" == "30,522"
    first, second, third = (
        says(view, piece, "piece", tokenizer) for piece in ("di", "##stor", "##ting")
    )
    assert first.says[0] == "First the tokenizer normalized “Distorting” to “distorting”."
    assert first.says[1].startswith(
        "“distorting” is not in the vocabulary of 30,522 entries, so it is split."
    )
    assert first.says[2] == "The whole word becomes di ##stor ##ting."
    assert (
        "## means that this token continues the word." in second.says[1]
        and "Its longest prefix in the vocabulary is “##stor”." in second.says[2]
    )
    assert (
        "##stort" not in vocabulary
        and "stor" not in vocabulary
        and "“stor” is not in the vocabulary" in second.says[3]
    )
    assert (
        "“ting” is left, which is in the vocabulary as “##ting”." in third.says[2]
        and f"a different entry, with the id {vocabulary['ting']}." in third.says[3]
    )
    assert (first.sentence, first.start, first.end) == (1, 0, 2) and PAIR[0][
        third.start : third.end
    ] == "ting"


@given(sentences, sentences)
def test_what_is_said_of_the_vocabulary_is_true(tokenizer, first, second):
    """The oracle is the vocabulary itself: in it or not, and no longer entry than the one taken."""
    vocabulary, view = tokenizer.get_vocab(), token_view(tokenizer, first, second)
    for token in view.tokens:
        reason = why_token(view, token.position, "piece", tokenizer).says
        if "stays whole" in reason[0]:
            assert quoted(reason[0])[0] == token.piece and token.piece in vocabulary
        if "so it is split" in reason[0]:
            assert quoted(reason[0])[0] not in vocabulary
        if "WordPiece takes its longest prefix" in reason[0]:
            whole, taken = quoted(reason[0])[:2]
            assert taken == token.piece and not any(
                whole[:end] in vocabulary for end in range(len(taken) + 1, len(whole))
            )
        if "Its longest prefix" in reason[1 if len(reason) > 1 else 0]:
            rest, taken = quoted(reason[1])
            assert taken == token.piece and taken in vocabulary
            assert not any(
                "##" + rest[:end] in vocabulary for end in range(len(taken) - 1, len(rest) + 1)
            )
        if "has no entry for" in reason[0]:
            assert token.id == tokenizer.unk_token_id and not {
                quoted(reason[0])[0],
                "##" + quoted(reason[0])[0],
            } <= set(vocabulary)


@given(sentences, sentences, st.integers(8, 20))
def test_every_cell_of_any_pair_has_a_reason(tokenizer, first, second, max_length):
    view = padded_view(token_view(tokenizer, first, second, max_length), max_length + 3, tokenizer)
    for token in view.tokens:
        for row in ROWS:
            made = why_token(view, token.position, row, tokenizer)
            assert (
                made.says
                and all(reason.strip() for reason in made.says)
                and "None" not in made.value
            )
            assert (made.sentence, made.start, made.end) == (token.sentence, token.start, token.end)
    shown = {
        row: [why_token(view, p, row, tokenizer).value for p in range(len(view.tokens))]
        for row in ROWS
    }
    assert shown["input_ids"] == [str(token.id) for token in view.tokens]
    assert shown["token_type_ids"] == [str(token.type_id) for token in view.tokens]
    assert shown["attention_mask"] == [str(token.mask) for token in view.tokens]


def test_a_word_that_truncation_cut_in_two_is_explained_whole(tokenizer):
    view = token_view(
        tokenizer, "one two three distorting", "four five six seven eight", max_length=12
    )
    [last] = [token for token in view.tokens if token.piece in ("di", "##stor")][-1:]
    assert "##ting" not in [token.piece for token in view.tokens]
    assert (
        "“distorting” is not in the vocabulary"
        in why_token(view, last.position, "piece", tokenizer).says[0]
    )


def test_unknown_says_which_character_has_no_entry(tokenizer):
    alone = says(token_view(tokenizer, *PAIR), "[UNK]", "piece", tokenizer)
    assert "has no entry for “🦜”, so the whole word" in alone.says[0] and "lost" in alone.says[1]
    within = says(token_view(tokenizer, "un🦜able", "b"), "[UNK]", "piece", tokenizer)
    assert "no entry for “🦜” at this position in “un🦜able”" in within.says[0]
    long = says(token_view(tokenizer, "a" * 101, "b"), "[UNK]", "piece", tokenizer)
    assert "101 characters; WordPiece doesn't split words of more than 100" in long.says[0]


# ---------------------------------------------------------------- special tokens, types, mask


def test_separators_close_a_sentence_and_are_counted_with_it(tokenizer):
    view = token_view(tokenizer, *PAIR)
    for nth, sentence in enumerate((1, 2)):
        number = says(view, "[SEP]", "input_ids", tokenizer, nth)
        assert number.value == "102" and number.says[1] == f"[SEP] closes sentence {sentence}."
        kind = says(view, "[SEP]", "token_type_ids", tokenizer, nth)
        assert kind.value == str(sentence - 1)
        assert kind.says == (
            f"[SEP] closes sentence {sentence} and counts as part of it, so its type is {sentence - 1}.",
        )
    assert "comes before sentence 1" in says(view, "[CLS]", "token_type_ids", tokenizer).says[0]
    assert "beginning of every sequence" in says(view, "[CLS]", "piece", tokenizer).says[0]


def test_padding_has_the_type_of_sentence_1(tokenizer):
    view = padded_view(token_view(tokenizer, *PAIR), 40, tokenizer)
    kind = says(view, "[PAD]", "token_type_ids", tokenizer)
    assert kind.value == "0" and "Sentence 1 has the same type, which does no harm" in kind.says[0]
    piece, mask = (
        says(view, "[PAD]", "piece", tokenizer),
        says(view, "[PAD]", "attention_mask", tokenizer),
    )
    own = sum(token.role != "padding" for token in view.tokens)
    assert "to 40 positions" in piece.says[0] and f"itself has {own} tokens" in piece.says[0]
    assert "softmax gives it the weight 0" in mask.says[0]
    assert "no characters" in says(view, "[PAD]", "characters", tokenizer).says[0]


def test_attention_goes_by_the_mask_and_not_by_the_padding_tokens_id(tokenizer, tiny):
    """What the cell says, tried: another id under mask 0 changes nothing, another mask does."""
    import torch
    from transformers import AutoModelForSequenceClassification

    padded = padded_view(token_view(tokenizer, *PAIR), 40, tokenizer)
    said = " ".join(says(padded, "[PAD]", "token_type_ids", tokenizer).says)
    assert "attention uses attention_mask (0 here), not the id of [PAD]" in said
    model = AutoModelForSequenceClassification.from_pretrained(tiny).eval()
    batch = tokenizer(*PAIR, padding="max_length", max_length=40, return_tensors="pt")
    other_id = torch.where(batch["attention_mask"].bool(), batch["input_ids"], 5)
    with torch.no_grad():
        plain = model(**batch).logits
        assert torch.allclose(model(**{**batch, "input_ids": other_id}).logits, plain, atol=1e-6)
        assert not torch.allclose(
            model(**{**batch, "attention_mask": torch.ones_like(other_id)}).logits, plain, atol=1e-6
        )


def test_what_the_normalizer_did_comes_first(tokenizer):
    number, first, whole = says(
        token_view(tokenizer, "A Café.", "x"), "cafe", "input_ids", tokenizer
    ).says
    assert first == "First the tokenizer normalized “Café” to “cafe”." and whole.startswith(
        "“cafe” is in the vocabulary"
    )


def test_no_number_is_promised_that_the_tokenizer_does_not_give(tokenizer):
    """A tokenizer with other types: no sentence says that it is 0 where it is 7."""
    from dataclasses import replace

    view = token_view(tokenizer, *PAIR)
    odd = replace(
        view,
        tokens=[replace(t, type_id=7) if t.piece in ("[SEP]", "[CLS]") else t for t in view.tokens],
    )
    assert says(odd, "[SEP]", "token_type_ids", tokenizer).says == (
        "This checkpoint gives [SEP] the type 7 here.",
    )
    padded = padded_view(view, 40, tokenizer)
    other = replace(
        padded, tokens=[replace(t, type_id=5) if t.role == "padding" else t for t in padded.tokens]
    )
    assert says(other, "[PAD]", "token_type_ids", tokenizer).says == ("Padding gets the type 5.",)


def test_tokenizers_without_type_ids(tiny_distilbert, tiny_roberta_id):
    for name in (tiny_distilbert, tiny_roberta_id):
        tokenizer, _ = load_tokenizer(name, settings=Settings())
        made = why_token(token_view(tokenizer, *PAIR), 1, "token_type_ids", tokenizer)
        assert made.value == "–" and "no token_type_ids" in made.says[0]


def test_a_roberta_has_two_separators_between_and_writes_blanks(tiny_roberta_id):
    tokenizer, _ = load_tokenizer(tiny_roberta_id, settings=Settings())
    view = token_view(tokenizer, "Shares rose 🙂 today", "Shares fell today")
    closing = [says(view, "</s>", "piece", tokenizer, nth).says[0] for nth in range(3)]
    assert closing == [
        "</s> closes sentence 1.",
        "</s> again: this checkpoint puts 2 of them between the sentences.",
        "</s> closes sentence 2.",
    ]
    assert "<s> at the beginning" in says(view, "<s>", "piece", tokenizer).says[0]
    blank = next(token for token in view.tokens if token.piece.startswith("Ġ"))
    assert (
        "Ġ stands for the space before it."
        in why_token(view, blank.position, "piece", tokenizer).says
    )
    emoji = [token for token in view.tokens if "🙂" in token.text]
    reason = " ".join(why_token(view, emoji[-1].position, "piece", tokenizer).says)
    assert len(emoji) > 1 and f"takes {len(emoji)} tokens" in reason
    for token in view.tokens:
        if token.sentence and "is not in the vocabulary" in (
            said := why_token(view, token.position, "piece", tokenizer).says[0]
        ):
            assert "Ġ" + quoted(said)[0] not in tokenizer.get_vocab() or "Ġ" not in said


# ---------------------------------------------------------------- padding as the collator does it


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_padded_view_is_the_collators_row(tokenizer, tiny_roberta_id, side):
    rows = [
        {"sentence1": "One two three.", "sentence2": "Four.", "label": 1},
        {"sentence1": "Five.", "sentence2": "Six."},
    ]
    for one in (tokenizer, load_tokenizer(tiny_roberta_id, settings=Settings())[0]):
        one = copy.deepcopy(one)
        one.padding_side = side
        batch = batch_view(one, [{**row, "label": 1} for row in rows])
        for line, row in enumerate(rows):
            view = padded_view(
                token_view(one, row["sentence1"], row["sentence2"]), max(batch.lengths), one
            )
            assert [token.id for token in view.tokens] == batch.tensors["input_ids"][line]
            assert [token.mask for token in view.tokens] == batch.tensors["attention_mask"][line]
            assert [token.piece for token in view.tokens] == batch.pieces[line]
            if view.has_type_ids:
                assert [token.type_id for token in view.tokens] == batch.tensors["token_type_ids"][
                    line
                ]
            assert [token.position for token in view.tokens] == list(range(max(batch.lengths)))


# ---------------------------------------------------------------- what can't be asked


@pytest.mark.parametrize("position", [-1, 10**9, "1", None, 1.0, True, [1], {}])
def test_a_position_that_is_not_there_is_named(tokenizer, position):
    with pytest.raises(InputError, match="There is no position .*: this pair has positions 0 to"):
        why_token(token_view(tokenizer, *PAIR), position, "piece", tokenizer)


@pytest.mark.parametrize("row", ["", "pieces", "__class__", None, 7, ["piece"], "<b>"])
def test_a_row_that_is_not_there_is_named(tokenizer, row):
    with pytest.raises(
        InputError, match="is not a row of the grid. Choose one of piece, input_ids"
    ):
        why_token(token_view(tokenizer, *PAIR), 0, row, tokenizer)


def test_labels():
    assert "equivalent" in why_label(1).says[0] and "not_equivalent" in why_label(0).says[0]
    for wrong in (2, -2, None, "1", True):
        with pytest.raises(InputError, match="is not a label"):
            why_label(wrong)


def test_labels_of_another_task_have_their_own_names_and_a_row_may_have_none():
    labels = ("entailment", "neutral", "contradiction")
    assert why_label(2, labels).says[0].startswith("2 stands for contradiction, one of 3")
    assert "no label" in why_label(-1, labels).says[0]
    with pytest.raises(InputError, match="0 to 2"):
        why_label(3, labels)
