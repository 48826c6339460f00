"""One cell of the token grid -> why it holds what it holds, in sentences, each checked against the
tokenizer itself.

>>> from pipeline.settings import EMBEDDED_CHECKPOINT
>>> tokenizer, _ = load_tokenizer(EMBEDDED_CHECKPOINT, Settings())
>>> view = token_view(tokenizer, "Hi.", "Hello.")
>>> why_token(view, 3, "token_type_ids", tokenizer).says[0]
'[SEP] closes sentence 1 and counts as part of it, so its type is 0.'
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from languages import say
from pipeline.collation import rows_view
from pipeline.errors import InputError, shown
from pipeline.own_pairs.pairs import NO_LABEL
from pipeline.settings import LABELS, Settings
from pipeline.tokenization import (
    Token,
    checked_length,
    is_typed_special,
    load_tokenizer,  # noqa: F401
    pair_view,
    stands_in_for_padding,
    token_view,
    why_no_type_ids,
)

if TYPE_CHECKING:  # importing these takes seconds, or goes round in a circle
    from collections.abc import Sequence

    from transformers import PreTrainedTokenizerFast

    from pipeline.tokenization import TokenView

ROWS = ("piece", "input_ids", "token_type_ids", "attention_mask", "characters")
BYTE = re.compile(r"<0x[0-9A-F]{2}>")  # how a BPE with byte fallback names a byte


@dataclass(frozen=True)
class Why:
    """The explanation of one cell. `sentence`, `start`, `end`: the characters it is about; None for
    a token without any.
    """

    row: str
    position: int
    piece: str
    value: str  # what the cell shows
    role: str
    says: tuple[str, ...]  # the reason, the nearest first
    sentence: int | None = None
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True)
class Word:
    """The word of a sentence that a token is a part of, as the tokenizer split it."""

    text: str  # as the visitor wrote it
    pieces: list[str]
    place: int  # which of them the token is


def why_token(view: TokenView, position: int, row: str, tokenizer: PreTrainedTokenizerFast) -> Why:
    """TokenView (padded or not), a token's position, one of ROWS -> Why.

    Raises InputError for a position or a row that the view hasn't.
    """
    if row not in ROWS:
        raise InputError(
            say(
                "{row} is not a row of the grid. Choose one of {rows}.",
                row=shown(row),
                rows=", ".join(ROWS),
            )
        )
    if type(position) is not int or not 0 <= position < len(view.tokens):
        raise InputError(
            say(
                "There is no position {position}: this pair has positions 0 to {count}.",
                position=shown(position),
                count=len(view.tokens) - 1,
            )
        )
    token = view.tokens[position]
    value, says = EXPLAIN[row](view, token, tokenizer)
    return Why(
        row,
        position,
        token.piece,
        value,
        token.role,
        tuple(says),
        token.sentence,
        token.start,
        token.end,
    )


def why_of_token(
    tokenizer: PreTrainedTokenizerFast,
    sentence1: str,
    sentence2: str | None,
    max_length: int,
    truncation: bool,
    position: int,
    row: str,
    settings: Settings,
) -> Why:
    """One cell of a pair's grid -> Why, from values as a visitor's page sent them."""
    view = pair_view(tokenizer, sentence1, sentence2, max_length, truncation, settings)
    return why_token(view, position, row, tokenizer)


def why_of_cell(
    tokenizer: PreTrainedTokenizerFast,
    rows: list[dict[str, Any]],
    line: int,
    max_length: int,
    truncation: bool,
    position: int,
    row: str,
    settings: Settings,
) -> Why:
    """One cell of a batch's grid -> Why. rows: the raw rows of the batch; line: which of them."""
    seq_len = max(rows_view(tokenizer, rows, max_length, truncation, settings).lengths)
    max_length = checked_length(max_length, tokenizer, settings)
    first, second = rows[line]["sentence1"], rows[line].get("sentence2")
    view = token_view(tokenizer, first, second, max_length, truncation)
    return why_token(padded_view(view, seq_len, tokenizer), position, row, tokenizer)


def why_label(label: int | None, labels: Sequence[str] = LABELS) -> Why:
    """The label of a row of the batch -> Why. labels: the task's, in the order of their numbers.
    Raises InputError for a number that is no label.
    """
    if type(label) is not int or not NO_LABEL <= label < len(labels):
        raise InputError(
            say(
                "{label} is not a label. The labels are 0 to {count}.",
                label=shown(label),
                count=len(labels) - 1,
            )
        )
    is_missing = label == NO_LABEL
    name = say("no label") if is_missing else labels[label]
    renamed = say(
        "The collator renamed the column label to labels, the name that Trainer and the "
        "models expect."
    )
    meaning = _no_label() if is_missing else _meaning(label, labels)
    return Why("labels", 0, name, str(label), "label", (meaning, renamed))


def _no_label() -> str:
    return say(
        "{label} stands for no label: this row has none, so that no run can learn from it.",
        label=NO_LABEL,
    )


def _meaning(label: int, labels: Sequence[str]) -> str:
    """What a label says, where this app knows it."""
    known = {
        "equivalent": say("the two sentences mean the same"),
        "not_equivalent": say("they don't mean the same"),
    }
    about = {"label": label, "name": labels[label]}
    if labels[label] in known:
        meaning = known[labels[label]]
        return say(
            "{label} stands for {name}: the annotators decided that {meaning}.",
            meaning=meaning,
            **about,
        )
    return say(
        "{label} stands for {name}, one of {count} labels of this task.",
        count=len(labels),
        **about,
    )


def padded_view(view: TokenView, seq_len: int, tokenizer: PreTrainedTokenizerFast) -> TokenView:
    """TokenView -> the same with padding up to `seq_len` positions, as the collator pads; at the
    side where it does.
    """
    missing = max(seq_len - len(view.tokens), 0)
    type_id = tokenizer.pad_token_type_id if view.has_type_ids else None
    padding = [
        Token(
            0,
            tokenizer.pad_token,
            tokenizer.pad_token_id,
            type_id,
            0,
            None,
            None,
            None,
            "",
            "padding",
        )
    ] * missing
    tokens = padding + view.tokens if tokenizer.padding_side == "left" else view.tokens + padding
    return replace(
        view, tokens=[replace(token, position=position) for position, token in enumerate(tokens)]
    )


# ---------------------------------------------------------------- the piece


def _piece(view, token, tokenizer):
    if token.role == "padding":
        own = sum(other.role != "padding" for other in view.tokens)
        says = [
            say(
                "The collator pads this row with {piece} to {count} positions, the length of the "
                "longest row in the batch. The row itself has {length} tokens.",
                piece=token.piece,
                count=len(view.tokens),
                length=own,
            ),
            say("A tensor is rectangular, so all rows of a batch need the same length."),
            *_pads_instead(token, tokenizer),
        ]
    elif token.sentence is None:
        says = [_special(view, token, tokenizer)]
    elif is_typed_special(token, tokenizer):
        says = _typed(view, token, tokenizer)
    elif token.id == tokenizer.unk_token_id:
        says = _unknown(view, token, tokenizer)
    else:
        says = _known(view, token, tokenizer)
    return token.piece, says


def _pads_instead(token, tokenizer):
    """What to know of a padding token that is another special token, too."""
    if not stands_in_for_padding(tokenizer):
        return []
    return [
        say(
            "This checkpoint has no padding token of its own: {piece}, one of its other special "
            "tokens, stands in.",
            piece=token.piece,
        )
    ]


def _typed(view, token, tokenizer):
    """A special token that a visitor wrote: the tokenizer takes it for the real one."""
    says = [
        say(
            "The sentence contains “{text}”. The tokenizer reads it as its special token "
            "{piece}, not as a word.",
            text=token.text.strip(),
            piece=token.piece,
        )
    ]
    if any(other.role == "special" and other.id == token.id for other in view.tokens):
        says.append(
            say(
                "It has the same id as the {piece} that the tokenizer adds, so the model can't "
                "tell the two apart by their ids.",
                piece=token.piece,
            )
        )
    elif token.id == tokenizer.pad_token_id:
        says.append(
            say(
                "Padding has the same id. But attention_mask is {mask} here, so the model does "
                "read this token.",
                mask=token.mask,
            )
        )
    elif token.id == tokenizer.unk_token_id:
        says.append(say("Text that isn't in the vocabulary gets the same id."))
    return says


def _special(view, token, tokenizer):
    """What a special token that the tokenizer added is for."""
    name = token.piece
    if token.id == tokenizer.cls_token_id and (end := _end(view, token)):
        return say(
            "The tokenizer puts {name} at the {end} of every sequence. A classifier such as "
            "BERT's makes its prediction from this position.",
            name=name,
            end=end,
        )
    place, closes = _closes(view, token, tokenizer)
    if place is None:
        return say(
            "The tokenizer of this checkpoint adds {name} here. It stands for no characters of "
            "the sentences.",
            name=name,
        )
    if closes is None:
        return say(
            "{name} again: this checkpoint puts {count} of them between the sentences.",
            name=name,
            count=place,
        )
    return say("{name} closes sentence {number}.", name=name, number=closes)


def _end(view, token):
    """At which end of the row's own tokens one stands; None within them."""
    own = [other.position for other in view.tokens if other.role != "padding"]
    return {own[-1]: say("end"), own[0]: say("beginning")}.get(token.position)


def _closes(view, token, tokenizer):
    """(how many separators stand between the sentences, the sentence that this one closes or None).

    (None, None) for what is no separator, or closes nothing: `<s> A </s></s> B </s>` closes 1 by
    the first </s>, 2 by the last one, and has two between.
    """
    separators = [
        other.position
        for other in view.tokens
        if other.role == "special" and other.id == tokenizer.sep_token_id
    ]
    if token.position not in separators:
        return None, None
    if view.sentence2 is None:
        own = [other.position for other in view.tokens if other.sentence == 1]
        closing = [at for at in separators if at > max(own, default=-1)]
        return (0, 1) if token.position in closing[:1] else (None, None)
    places = {
        which: [other.position for other in view.tokens if other.sentence == which]
        for which in (1, 2)
    }
    # Of a sentence of which no token is left, the order tells: the last separator closes the second
    # one
    begins = min(places[2], default=separators[-1])
    between = [
        position for position in separators if max(places[1], default=-1) < position < begins
    ]
    after = [position for position in separators if position > max(places[2], default=begins - 1)]
    if token.position in between:
        return len(between), 1 if token.position == between[0] else None
    return (len(between), 2) if token.position in after[:1] else (None, None)


def _word(view, token, tokenizer):
    """The Word a token is a part of; None where that can't be told."""
    sentence = (view.sentence1, view.sentence2)[token.sentence - 1]
    # Alone and whole: truncation may have cut a word in two
    alone = tokenizer(sentence, add_special_tokens=False).encodings[0]
    kept = [other.position for other in view.tokens if other.sentence == token.sentence]
    place = kept.index(token.position)
    if tokenizer.truncation_side == "left":
        place += len(alone.tokens) - len(kept)
    if place >= len(alone.tokens) or alone.ids[place] != token.id or alone.word_ids[place] is None:
        return None
    parts = [at for at, word in enumerate(alone.word_ids) if word == alone.word_ids[place]]
    text = sentence[
        min(alone.offsets[at][0] for at in parts) : max(alone.offsets[at][1] for at in parts)
    ]
    pieces = [
        tokenizer.unk_token if alone.ids[at] == tokenizer.unk_token_id else alone.tokens[at]
        for at in parts
    ]
    return None if len(text.split()) > 1 else Word(text.strip(), pieces, parts.index(place))


def _kind(tokenizer):
    """The tokenizer's algorithm: WordPiece, BPE, Unigram, WordLevel."""
    return type(tokenizer.backend_tokenizer.model).__name__


def _joint(tokenizer):
    """What a tokenizer puts before a piece that goes on a word: ## in BERT; "" for none."""
    return getattr(tokenizer.backend_tokenizer.model, "continuing_subword_prefix", None) or ""


def _steps(tokenizer):
    """What the normalizer and the pre-tokenizer do, as the JSON of tokenizer.json."""
    parts = (tokenizer.backend_tokenizer.normalizer, tokenizer.backend_tokenizer.pre_tokenizer)
    return "".join(part.__getstate__().decode() for part in parts if part)


def _is_byte_level(tokenizer):
    """Whether its pieces are made of bytes, each written as one letter: GPT-2, RoBERTa."""
    return '"ByteLevel"' in _steps(tokenizer)


def _blank_mark(tokenizer):
    """The letter by which this tokenizer writes the blank before a word: Ġ, ▁ or None."""
    if _is_byte_level(tokenizer):
        return "Ġ"
    return "▁" if "▁" in _steps(tokenizer) else None


def _normalized(text, tokenizer):
    normalizer = tokenizer.backend_tokenizer.normalizer
    return normalizer.normalize_str(text).strip() if normalizer else text


def _entries(tokenizer):
    return say("{count:,} entries", count=len(tokenizer))


def _entry(piece, tokenizer):
    """The id of a piece, None where the vocabulary hasn't it."""
    return tokenizer.backend_tokenizer.token_to_id(piece)


def _named(token):
    """The token's characters in quotes; its piece where it stands for none, such as a blank by
    itself.
    """
    return f"“{token.text or token.piece}”"


def _unknown(view, token, tokenizer):
    lost = say(
        "The model only sees {piece}; the original text is lost.",
        piece=token.piece,
    )
    word = _normalized(token.text, tokenizer)
    if _kind(tokenizer) != "WordPiece":
        text = token.text.strip()
        if word and word != text and len(_sharing(view, token)) > 1:
            return [
                say(
                    "The tokenizer turned “{text}” into “{changed}”. Part of that can't be built "
                    "from the vocabulary's {entries}.",
                    text=text,
                    changed=word,
                    entries=_entries(tokenizer),
                ),
                lost,
            ]
        return [
            say(
                "“{text}” can't be built from the vocabulary's {entries}.",
                text=text,
                entries=_entries(tokenizer),
            ),
            lost,
        ]
    most = tokenizer.backend_tokenizer.model.max_input_chars_per_word
    if len(word) > most:
        return [
            say(
                "This word has {count} characters; WordPiece doesn't split words of more than "
                "{most}.",
                count=len(word),
                most=most,
            ),
            lost,
        ]
    looked_up = [
        (_joint(tokenizer) if place else "") + character for place, character in enumerate(word)
    ]
    missing = [
        word[place] for place, entry in enumerate(looked_up) if _entry(entry, tokenizer) is None
    ]
    if not missing:
        return [
            say(
                "“{text}” is not in the vocabulary of {entries} and can't be split into tokens "
                "that are.",
                text=token.text,
                entries=_entries(tokenizer),
            ),
            lost,
        ]
    what = "" if missing[0] == word else say(" at this position in “{text}”", text=token.text)
    none = say(
        "The vocabulary of {entries} has no entry for “{missing}”{what}",
        entries=_entries(tokenizer),
        missing=missing[0],
        what=what,
    )
    return [say("{reason}, so the whole word can't be split into tokens.", reason=none), lost]


def _known(view, token, tokenizer):
    word = _word(view, token, tokenizer)
    if word is None:
        return [
            say(
                "{piece} is one of the vocabulary's {entries}.",
                piece=token.piece,
                entries=_entries(tokenizer),
            )
        ]
    says = (
        _wordpiece(word, token, tokenizer)
        if _kind(tokenizer) == "WordPiece"
        else _subword(view, word, token, tokenizer)
    )
    return _change(word, tokenizer) + says


def _change(word, tokenizer):
    """What the normalizer made of the text before anything was looked up."""
    changed = _normalized(word.text, tokenizer)
    return (
        [
            say(
                "First the tokenizer normalized “{text}” to “{changed}”.",
                text=word.text,
                changed=changed,
            )
        ]
        if changed and changed != word.text
        else []
    )


def _wordpiece(word, token, tokenizer):
    """Longest match first, told for one piece; `##` explained where it stands."""
    joint = _joint(tokenizer)
    bare = [
        piece.removeprefix(joint) if place else piece for place, piece in enumerate(word.pieces)
    ]
    whole = "".join(bare)
    if len(bare) == 1:
        return [
            say(
                "“{whole}” is in the vocabulary of {entries}, so it stays whole.",
                whole=whole,
                entries=_entries(tokenizer),
            )
        ]
    because = say(
        "“{whole}” is not in the vocabulary of {entries}", whole=whole, entries=_entries(tokenizer)
    )
    if word.place == 0:
        return [
            say(
                "{reason}, so it is split. WordPiece takes its longest prefix in the vocabulary: "
                "“{piece}”.",
                reason=because,
                piece=token.piece,
            ),
            say("The whole word becomes {pieces}.", pieces=" ".join(word.pieces)),
        ]
    rest = "".join(bare[word.place :])
    longest = say(
        "At this point “{rest}” is left. Its longest prefix in the vocabulary is "
        "“{joint}{beginning}”.",
        rest=rest,
        beginning=bare[word.place],
        joint=joint,
    )
    if rest == bare[word.place]:
        longest = say(
            "At this point “{rest}” is left, which is in the vocabulary as “{joint}{rest}”.",
            rest=rest,
            joint=joint,
        )
    begins = bare[word.place]
    number = _entry(begins, tokenizer)
    other = (
        say(
            "Without {joint}, at the beginning of a word, “{piece}” is a different entry, with "
            "the id {number}.",
            piece=begins,
            joint=joint,
            number=number,
        )
        if number is not None
        else say(
            "Without {joint}, at the beginning of a word, “{piece}” is not in the vocabulary.",
            joint=joint,
            piece=begins,
        )
    )
    return [
        say(
            "{reason}, so it is split: {pieces}. {joint} means that this token continues the word.",
            reason=because,
            pieces=" ".join(word.pieces),
            joint=joint,
        ),
        longest,
        other,
    ]


def _place(token):
    return token.sentence, token.start, token.end


def _sharing(view, token):
    """The tokens that stand for the same characters as this one, itself among them."""
    return [other for other in view.tokens if other.text and _place(other) == _place(token)]


def _subword(view, word, token, tokenizer):
    """Byte-level BPE, Unigram and the like: which letters are one entry, and what the mark before
    them says.
    """
    about = [*_about_blank(view, token, tokenizer), *_about_parts(view, token, tokenizer)]
    entries = _entries(tokenizer)
    if not word.text:
        return [
            say(
                "{piece} is one of the vocabulary's {entries} and contains no letters.",
                piece=token.piece,
                entries=entries,
            ),
            *about,
        ]
    if len(word.pieces) == 1:
        return [
            say(
                "“{text}” is one of the vocabulary's {entries}, so it stays whole.",
                text=word.text,
                entries=entries,
            ),
            *about,
        ]
    whole = word.pieces[0] + "".join(
        piece.removeprefix(_joint(tokenizer)) for piece in word.pieces[1:]
    )
    how = {"BPE": say("BPE's merge rules give"), "Unigram": say("the most likely split is")}
    values = {
        "text": word.text,
        "entries": entries,
        "way": how.get(_kind(tokenizer), say("it is split into")),
        "pieces": " ".join(word.pieces),
    }
    split = (
        say("“{text}” is not in the vocabulary of {entries}; {way} {pieces}.", **values)
        if _entry(whole, tokenizer) is None
        else say("“{text}” is in the vocabulary of {entries}, but {way} {pieces}.", **values)
    )
    return [split, *about]


def _about_blank(view, token, tokenizer):
    """What the mark before a word says: a blank, or only that a word begins."""
    mark = _blank_mark(tokenizer)
    if not mark or not token.piece.startswith(mark):
        return []
    sentence = (view.sentence1, view.sentence2)[token.sentence - 1]
    before = sentence[: token.start]
    if token.text[:1].isspace() or before[-1:].isspace():
        return [say("{mark} stands for the space before it.", mark=mark)]
    if before.strip():
        return [
            say("{mark} marks the beginning of a word; the sentence has no space here.", mark=mark)
        ]
    return [
        say(
            "{mark} marks the beginning of a word; this tokenizer also puts it before the first "
            "word of a sentence, where there is no space.",
            mark=mark,
        )
    ]


def _about_parts(view, token, tokenizer):
    """Why a token is not simply the letters that stand there: bytes, or what the normalizer made of
    a character.
    """
    text, mark = token.text.strip(), _blank_mark(tokenizer)
    parts = [other for other in _sharing(view, token) if other.piece != mark]
    in_bytes = _is_byte_level(tokenizer) or all(BYTE.fullmatch(other.piece) for other in parts)
    if len(parts) > 1 and token in parts:
        if in_bytes:
            return [
                say(
                    "“{text}” takes {count} tokens: each holds only some of its bytes.",
                    text=text,
                    count=len(parts),
                )
            ]
        changed = _normalized(text, tokenizer)
        return (
            [
                say(
                    "“{text}” takes {count} tokens. The tokenizer turned it into “{changed}”, "
                    "and each token holds a part of that.",
                    text=text,
                    count=len(parts),
                    changed=changed,
                )
            ]
            if changed != text
            else []
        )
    if _is_byte_level(tokenizer) and not text.isascii():
        return [
            say(
                "This tokenizer works on bytes and writes each byte as one character; “{text}” "
                "has {count} bytes.",
                text=text,
                count=len(text.encode()),
            )
        ]
    return []


# ---------------------------------------------------------------- the other rows


def _input_ids(view, token, tokenizer):
    """Where the piece stands in the vocabulary, and why it is that piece."""
    _, reasons = _piece(view, token, tokenizer)
    return str(token.id), [
        say(
            "{id} is the id of “{piece}”: its position in the vocabulary of {entries}, and its "
            "row in the model's embedding table.",
            id=token.id,
            piece=token.piece,
            entries=_entries(tokenizer),
        ),
        *reasons,
    ]


def _type_ids(view, token, tokenizer):
    """Which sentence a token is counted with, by the numbers that this tokenizer gave the sentences
    themselves.
    """
    number = token.type_id
    if number is None:
        return "–", [why_no_type_ids(view)]
    numbers = {
        which: {other.type_id for other in view.tokens if other.sentence == which}
        for which in (1, 2)
    }
    if token.role == "padding":
        return str(number), _padding_type(token, numbers)
    if view.sentence2 is None:
        return str(number), [
            say(
                "There is one sentence here, and so one segment: each of its tokens, and each "
                "special token, has the type {number}.",
                number=number,
            ),
            say(
                "Type {other} would mark the tokens of a second sentence. A task of one sentence "
                "has none.",
                other=1 - number if number in (0, 1) else 1,
            ),
        ]
    if token.sentence is not None:
        return str(number), [
            say(
                "{named} belongs to sentence {sentence_text}, whose tokens have the type {number}.",
                named=_named(token),
                sentence_text=token.sentence,
                number=number,
            ),
            *([_no_second_type()] if view.sentence2 is None else []),
            say(
                "A model with segment embeddings, such as BERT, adds segment embedding {number} "
                "to the embedding of each of these tokens.",
                number=number,
            ),
        ]
    first = (
        1 if token.id == tokenizer.cls_token_id and _end(view, token) == say("beginning") else None
    )
    counted = first or _closes(view, token, tokenizer)[1]
    verb = (
        say("comes before sentence {number}", number=counted)
        if first
        else say("closes sentence {number}", number=counted)
    )
    # A sentence of which no token is left has shown no number; then its order tells
    if counted and number in (numbers[counted] or {counted - 1}):
        return str(number), [
            say(
                "{piece} {role} and counts as part of it, so its type is {number}.",
                piece=token.piece,
                role=verb,
                number=number,
            )
        ]
    return str(number), [
        say(
            "This checkpoint gives {piece} the type {number} here.",
            piece=token.piece,
            number=number,
        )
    ]


def _no_second_type():
    return say(
        "The task has one sentence a row. Type 1 is for a second one, so no token has it here."
    )


def _padding_type(token, numbers):
    alike = next((which for which in (1, 2) if token.type_id in numbers[which]), None)
    if alike is None:
        return [say("Padding gets the type {type_id}.", type_id=token.type_id)]
    return [
        say(
            "Padding gets the type {type_id}. Sentence {alike} has the same type, which does no "
            "harm: attention uses attention_mask ({mask} here), not the id of {piece}.",
            type_id=token.type_id,
            alike=alike,
            mask=token.mask,
            piece=token.piece,
        )
    ]


def _mask(view, token, tokenizer):
    if token.mask:
        what = (
            say("{piece} is a token of the row", piece=token.piece)
            if token.sentence
            else say("{piece} is a special token, not padding", piece=token.piece)
        )
        if getattr(tokenizer, "is_causal", False):
            return str(token.mask), [
                say(
                    "{what}: 1 lets it and the tokens after it attend to it. In a decoder, no "
                    "token attends to a later one.",
                    what=what,
                )
            ]
        return str(token.mask), [
            say("{what}: 1 lets every token of the row attend to it.", what=what)
        ]
    return str(token.mask), [
        say(
            "0 marks padding. Attention adds the most negative number to its score, so that "
            "softmax gives it the weight 0."
        ),
        say("No token of the row attends to it, so the prediction is the same as without padding."),
    ]


def _characters(view, token, tokenizer):
    if token.sentence is None:
        what = say("is padding") if token.role == "padding" else say("was added by the tokenizer")
        return "–", [
            say(
                "{piece} {what}; it stands for no characters of the sentences.",
                piece=token.piece,
                what=what,
            )
        ]
    return f"{token.start}–{token.end}", [
        say(
            "{named} is characters {start}–{end} of sentence {sentence_text} (counted from 0, "
            "end excluded).",
            named=_named(token),
            sentence_text=token.sentence,
            start=token.start,
            end=token.end,
        ),
        say(
            "The tokenizer's offset_mapping records these positions, even where the token is "
            "spelled differently from the text."
        ),
    ]


EXPLAIN = {
    "piece": _piece,
    "input_ids": _input_ids,
    "token_type_ids": _type_ids,
    "attention_mask": _mask,
    "characters": _characters,
}
