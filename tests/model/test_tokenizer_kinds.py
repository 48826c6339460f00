"""What is said of a pair's tokens, asked of each kind of tokenizer: byte-level BPE, Unigram, WordPiece, with and
without anything between the sentences. Each one is made on the spot; the oracle is the tokenizer itself.
"""

import re

import gradio as gr
import pytest
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

import pipeline.__main__ as command_line
from pipeline.collation import batch_view
from pipeline.errors import InputError
from pipeline.explain.probing import leave_one_out
from pipeline.explain.why_cell import ROWS, padded_view, why_token
from pipeline.export.csv_answers import read_pairs
from pipeline.settings import Settings
from pipeline.tokenization import load_tokenizer, token_view
from tabs.predict.answer import Answers
from tabs.predict.compare_models import compare
from tabs.predict.stress import stress
from tabs.predict.what_mattered import leave_words_out
from tabs.tokenize.api import tokenize_endpoint
from tabs.tokenize.inputs import PairInputs
from tabs.tokenize.pair import draw_pair
from views.tokens import NO_TYPE_IDS, NOTHING_BETWEEN, token_grid

TEXTS = [
    "Shares of Acme rose 12 cents on Monday .",
    "The fine café was fine, he said.",
    "Acme stock was up 12 cents.",
] * 20
COLUMNS = ["input_ids", "attention_mask"]
TYPED = [
    "[SEP]",
    "[CLS]",
    "[PAD]",
    "[UNK]",
    "[MASK]",
    "</s>",
    "<s>",
    "<pad>",
    "<unk>",
    "<|endoftext|>",
]


def unigram(pair="<s> $A </s> </s> $B </s>"):
    """As XLM-RoBERTa's: NFKC, a blank written ▁, one before the first word, too."""
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer, made.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    made.train_from_iterator(
        TEXTS, trainers.UnigramTrainer(vocab_size=60, special_tokens=special, unk_token="<unk>")
    )
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair=pair, special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        model_input_names=COLUMNS,
    )


def byte_level(prefix=False):
    """As GPT-2's: bytes, nothing added to a pair, one special token for everything."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    made.decoder = decoders.ByteLevel()
    alphabet, end = pre_tokenizers.ByteLevel.alphabet(), "<|endoftext|>"
    made.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=320, special_tokens=[end], initial_alphabet=alphabet)
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        eos_token=end,
        unk_token=end,
        pad_token=end,
        model_input_names=COLUMNS,
    )


def said_of(tokenizer, view, row="piece"):
    """{position: the explanation of its cell in one text}."""
    return {
        token.position: " ".join(map(str, why_token(view, token.position, row, tokenizer).says))
        for token in view.tokens
    }


def at(view, piece):
    return next(token.position for token in view.tokens if token.piece == piece)


@pytest.fixture(
    scope="module", params=["wordpiece", "unigram", "byte-level", "byte-level with prefix"]
)
def kind(request, tokenizer):
    return {
        "wordpiece": lambda: tokenizer,
        "unigram": unigram,
        "byte-level": byte_level,
        "byte-level with prefix": lambda: byte_level(prefix=True),
    }[request.param]()


# ---------------------------------------------------------------- special tokens that a visitor wrote


@pytest.mark.parametrize("typed", TYPED)
def test_a_special_token_in_a_sentence_is_called_what_the_tokenizer_takes_it_for(kind, typed):
    view = token_view(kind, f"Shares {typed} rose", "Acme rose")
    read = [
        token
        for token in view.tokens
        if token.sentence == 1
        and token.id == kind.convert_tokens_to_ids(typed)
        and typed in kind.all_special_tokens
    ]
    reasons = said_of(kind, view)
    for token in view.tokens:
        assert (
            f"The sentence contains “{typed}”. The tokenizer reads it" in reasons[token.position]
        ) == (token in read)
    assert any("reads that as its own special token" in note for note in view.notes) == bool(read)
    assert not read or not any(
        "stands for text that the vocabulary has no token" in note for note in view.notes
    )
    for token in read:
        assert (
            "can't be" not in reasons[token.position]
            and "so it stays whole" not in reasons[token.position]
        )
        types = said_of(kind, view, "token_type_ids")[token.position]
        assert "belongs to sentence 1" in types or not view.has_type_ids


def test_a_typed_separator_closes_nothing(tokenizer):
    view = token_view(tokenizer, "A [SEP] b", "C [SEP] d")
    closing = [
        token.position
        for token in view.tokens
        if "closes sentence" in said_of(tokenizer, view)[token.position]
    ]
    assert [view.tokens[position].role for position in closing] == ["special", "special"] and len(
        closing
    ) == 2


@pytest.mark.parametrize(
    "sentence",
    [*TYPED, "[SEP] [SEP]", "a [PAD]", "… !", "a \u200b", "</s>\u200b", "[SEP]\u200b[UNK] a"],
)
def test_leaving_a_word_out_goes_well_with_any_of_them(tiny, tiny_roberta_id, settings, sentence):
    for checkpoint in (tiny, tiny_roberta_id):
        found = leave_one_out(checkpoint, sentence, "Shares rose.", settings=settings)
        assert found.prediction.tokens and all(
            word.prediction or word.change is None for word in found.words
        )


@pytest.mark.parametrize("nothing", ["\u200b", "\u00ad", "\x00", "\u2060\ufe0f", "\u0301"])
def test_nothing_to_read_is_refused_on_every_way_in(tiny, settings, nothing, tmp_path, capsys):
    with pytest.raises(InputError, match="sentence2 has no readable character"):
        leave_one_out(tiny, "Shares rose.", nothing, settings=settings)
    with pytest.raises(gr.Error, match="sentence1 has no readable character"):
        Answers(settings).predict(nothing, "Shares rose.", tiny, 128)
    with pytest.raises(gr.Error, match="sentence1 has no readable character"):
        tokenize_endpoint(settings)(nothing, "Shares rose.", tiny, 128, True)
    for drawn in (
        compare(settings, nothing, "Shares rose.", [tiny], ""),
        leave_words_out(settings, nothing, "Shares rose.", tiny),
        stress(settings, nothing, "Shares rose.", tiny, "equivalent"),
    ):
        assert "sentence1 has no readable character" in drawn and 'role="alert"' in drawn
    assert "sentence1 has no readable character" in str(
        Answers(settings).answer(nothing, "Shares rose.", tiny)
    )
    with pytest.raises(InputError, match="sentence1 has no readable character"):
        draw_pair(settings, PairInputs(nothing, "Shares rose.", tiny, 128, True))
    (tmp_path / "pairs.csv").write_text(
        f"sentence1,sentence2\nShares rose.,{nothing}\n", encoding="utf-8"
    )
    [row] = read_pairs(tmp_path / "pairs.csv", settings=Settings()).rows
    assert "sentence2 has no readable character" in row.error
    if "\0" not in nothing:  # which no argument of a command can hold
        assert command_line.main(["predict", "--pair", "Shares rose.", nothing]) == 2
        assert capsys.readouterr().err.startswith("error: sentence2 has no readable character")


# ---------------------------------------------------------------- what tells the sentences apart


def test_nothing_between_the_sentences_is_said():
    tokenizer = byte_level()
    view = token_view(tokenizer, "Shares rose", "Acme rose")
    assert not view.has_separator and {token.role for token in view.tokens} == {
        "sentence1",
        "sentence2",
    }
    note, padding = view.notes
    assert "<|endoftext|> (id 0) stands in" in padding
    assert (
        "puts no token between the two sentences" in note
        and "only the separator tokens" not in note
    )
    assert said_of(tokenizer, view, "token_type_ids")[0] == note
    assert NOTHING_BETWEEN in token_grid(view) and NO_TYPE_IDS not in token_grid(view)


def test_separators_are_found_by_their_place():
    with_two = token_view(unigram(), "Shares rose", "Acme rose")
    assert with_two.has_separator and "only the separator tokens" in with_two.notes[0]
    # One between, none at the end; one before, and none between
    for pair, closing in (("$A </s> $B", 1), ("</s> $A $B </s>", 2)):
        tokenizer = unigram(pair)
        view = token_view(tokenizer, "Shares rose", "Acme rose")
        closes = [said for said in said_of(tokenizer, view).values() if "closes sentence" in said]
        assert closes == [f"</s> closes sentence {closing}."], pair
        assert view.has_separator == (closing == 1)


def test_the_batch_grid_knows_the_sentences_of_any_kind(kind):
    """Also where no separator stands between, and where a visitor wrote one."""
    rows = [
        {"sentence1": "A [SEP] </s> b", "sentence2": "C <pad> d e f"},
        {"sentence1": "A", "sentence2": "B [PAD]"},
    ]
    for side in ("right", "left"):
        kind.padding_side = side
        batch = batch_view(kind, rows)
        for line, row in enumerate(rows):
            view = padded_view(
                token_view(kind, row["sentence1"], row["sentence2"]), max(batch.lengths), kind
            )
            assert batch.roles[line] == [token.role for token in view.tokens]
            assert batch.pieces[line] == [token.piece for token in view.tokens]
        assert "padding" in batch.roles[1] and {"sentence1", "sentence2"} < set(batch.roles[1])
    kind.padding_side = "right"


def test_a_row_padded_on_the_left_still_begins_with_its_first_token(tokenizer):
    view = token_view(tokenizer, "Hi.", "Ho.")
    tokenizer.padding_side = "left"
    try:
        padded = padded_view(view, 40, tokenizer)
    finally:
        tokenizer.padding_side = "right"
    first = at(padded, "[CLS]")
    assert first == 33 and "at the beginning of every sequence" in said_of(tokenizer, padded)[first]
    assert "comes before sentence 1" in said_of(tokenizer, padded, "token_type_ids")[first]


# ---------------------------------------------------------------- blanks, bytes, NFKC


def test_the_mark_of_a_blank_is_one_only_where_a_blank_is(kind):
    view = token_view(kind, "Shares rose", "Acme (rose)")
    for token in view.tokens:
        said = said_of(kind, view)[token.position]
        if token.sentence is None:
            continue
        text = (view.sentence1, view.sentence2)[token.sentence - 1]
        blank = token.text[:1] == " " or text[: token.start][-1:] == " "
        assert ("stands for the space before it" in said) == (
            blank and token.piece[:1] in ("Ġ", "▁")
        ), token
    first = said_of(kind, view)[next(token.position for token in view.tokens if token.sentence)]
    prefix = view.tokens[0].piece[:1] == "Ġ" or "▁" in view.tokens[1].piece
    assert ("also puts it before the first word of a sentence" in first) == prefix


def test_only_bytes_are_called_bytes():
    """½ is "1⁄2" after NFKC, three tokens of one character; an emoji in UTF-8 is four bytes."""
    tokenizer = unigram()
    view = token_view(tokenizer, "Shares ½ 🦜", "ﬁne")
    said = said_of(tokenizer, view)
    assert not any("byte" in reason for reason in said.values())
    half = [token for token in view.tokens if token.text == "½"]
    assert len(half) == 3 and any(
        "into “1⁄2”, and each token holds a part" in said[token.position] for token in half
    )
    unknown = [token for token in view.tokens if token.id == tokenizer.unk_token_id]
    assert {token.piece for token in unknown} == {"<unk>"} and {
        token.text for token in unknown
    } == {"½", "🦜"}
    assert all("The model only sees <unk>" in said[token.position] for token in unknown)

    tokenizer = byte_level()
    view = token_view(tokenizer, "Shares café 🦜", "Acme")
    said = said_of(tokenizer, view)
    parrot = [token for token in view.tokens if token.text.strip() == "🦜"]
    assert len(parrot) == 4
    assert all(
        "takes 4 tokens: each holds only some of its bytes" in said[token.position]
        for token in parrot
    )
    whole = [token for token in view.tokens if token.text.strip() == "café"]
    assert len(whole) == 1 and "“café” has 5 bytes" in said[whole[0].position]
    assert not any("bytes" in said[token.position] for token in view.tokens if token.text.isascii())


def test_no_cell_of_any_kind_is_without_a_reason(kind):
    pairs = [
        ("½ﬁ🦜 naïve", "[SEP]</s>"),
        ("  two   blanks ", "\tx"),
        ("東京 </s>", "e\u0301"),
        ("Ġ ▁ ##a", "<0x41>"),
    ]
    for pair in pairs:
        view = padded_view(token_view(kind, *pair, 24), 30, kind)
        for row in ROWS:
            for reason in said_of(kind, view, row).values():
                assert reason.strip() and "None" not in reason and "“”" not in reason, reason
                # An id is that of the piece beside it
        for token in view.tokens:
            assert kind.convert_tokens_to_ids(token.piece) == token.id


def test_the_left_end_is_what_a_left_truncation_cuts():
    tokenizer = unigram()
    tokenizer.truncation_side = "left"
    view = token_view(tokenizer, "Shares of Acme rose 12 cents", "Acme", max_length=20)
    assert view.cut[0] and view.sentence1.startswith(view.cut[0]) and not view.cut[1]
    kept = view.sentence1[len(view.cut[0]) :]
    assert re.sub(r"\s", "", kept) == "".join(
        t.text.strip() for t in view.tokens if t.sentence == 1 and t.piece != "▁"
    )


def test_a_real_roberta_is_bytes_with_two_separators(tiny_roberta_id):
    tokenizer, _ = load_tokenizer(tiny_roberta_id, settings=Settings())
    view = token_view(tokenizer, "Shares </s> rose", "<unk> 🦜")
    assert view.has_separator
    said = said_of(tokenizer, view)
    assert sum("The tokenizer reads it" in reason for reason in said.values()) == 2
    assert sum("closes sentence" in reason for reason in said.values()) == 2
