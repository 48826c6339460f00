"""Questions about the pair and the batch of the Tokenize tab."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from languages import say
from pipeline.collation import BatchView, rows_view
from pipeline.questions.question import Choice, Question, asked
from pipeline.settings import Settings
from pipeline.tokenization import TokenView, pair_view

if TYPE_CHECKING:  # importing it takes seconds
    from transformers import PreTrainedTokenizerFast

SHORTEST = 8  # max_length of a pair that is cut
BATCH_SIZE = 2
WORD = re.compile("[A-Za-zÀ-ÖØ-öø-ÿ]{3,}")  # Chinese has no blanks between words


@dataclass(frozen=True)
class Tokens:
    """The pair and the batch that the tab shows.

    turned: the pair in the other order; twice: each sentence beside itself; apart: each sentence
    alone; None and () in a task of one sentence. cut: the pair at about half its length, None where
    it is too short for that. rows: the numbers of the batch's rows. pad_token: and its id, pad_id.
    """

    pair: TokenView
    turned: TokenView | None
    twice: tuple[TokenView, ...]
    apart: tuple[TokenView, ...]
    cut: TokenView | None
    batch: BatchView
    rows: tuple[int, ...]
    max_length: int
    pad_token: str
    pad_id: int


def tokens_of(
    tokenizer: PreTrainedTokenizerFast,
    sentence1: str,
    sentence2: str | None,
    rows: list[dict[str, Any]],
    max_length: int,
    truncation: bool,
    settings: Settings,
) -> Tokens:
    """What the questions need of a visitor's pair and rows, each value checked.

    rows: dicts with sentence1, perhaps sentence2, and `row`, its number.
    """

    def view(first: str, second: str | None, length: int = max_length) -> TokenView:
        return pair_view(tokenizer, first, second, length, truncation, settings)

    pair = view(sentence1, sentence2)
    half = pair.full_length // 2
    has_room = truncation and half >= SHORTEST
    sentences = [sentence1] if sentence2 is None else [sentence1, sentence2]
    is_pair = sentence2 is not None
    return Tokens(
        pair=pair,
        turned=view(sentences[1], sentence1) if is_pair else None,
        twice=tuple(view(each, each) for each in sentences) if is_pair else (),
        apart=tuple(view(each, None) for each in sentences) if is_pair else (),
        cut=view(sentence1, sentence2, half) if has_room else None,
        batch=rows_view(tokenizer, rows, max_length, truncation, settings),
        rows=tuple(row["row"] for row in rows),
        max_length=int(max_length),
        pad_token=str(tokenizer.pad_token),
        pad_id=tokenizer.pad_token_id,
    )


def _is_whole(*views: TokenView) -> bool:
    """Whether none of the views is cut, and each sentence has a token."""
    return all(
        len(view.tokens) == view.full_length
        and {token.sentence for token in view.tokens} >= ({1} if view.sentence2 is None else {1, 2})
        for view in views
    )


def _own(view: TokenView, sentence: int) -> int:
    return sum(token.sentence == sentence for token in view.tokens)


def _specials(view: TokenView) -> str:
    return " ".join(token.piece for token in view.tokens if token.role == "special")


# ---------------------------------------------------------------- the pair


def sentence_beside_itself(shown: Tokens, chance: Random) -> Question | None:
    """How many tokens a sentence has that stands in both fields."""
    if not shown.twice or not _is_whole(shown.pair, *shown.twice, *shown.apart):
        return None
    which = chance.randrange(2)
    twice, apart = shown.twice[which], shown.apart[which]
    own, whole = _own(twice, 1), len(twice.tokens)
    special = whole - 2 * own
    if special < 1:
        return None
    right = Choice(
        f"{whole}",
        say(
            "{own} + {own} tokens of the two sentences, and {special} that the tokenizer adds for "
            "a pair: {specials}.",
            own=own,
            special=special,
            specials=_specials(twice),
        ),
    )
    wrong = [
        Choice(
            f"{2 * own}",
            say(
                "2 × {own} counts the sentences alone. The special tokens ({specials}) have "
                "input_ids, too.",
                own=own,
                specials=_specials(twice),
            ),
        ),
        Choice(
            f"{2 * len(apart.tokens)}",
            say(
                "2 × {alone} is the length of both tokenized one by one, each with its own "
                "{specials}. A pair is one sequence and begins only once.",
                alone=len(apart.tokens),
                specials=_specials(apart),
            ),
        ),
        Choice(
            f"{shown.max_length}",
            say(
                "{max_length} is max_length, the most that a pair may have. The tokenizer doesn't "
                "fill up to it: padding is the data collator's work.",
                max_length=shown.max_length,
            ),
        ),
        Choice(
            f"{len(shown.pair.tokens)}",
            say(
                "{tokens} are the tokens of your pair as it is. Here sentence {which} stands in "
                "both fields.",
                tokens=len(shown.pair.tokens),
                which=which + 1,
            ),
        ),
    ]
    text = say(
        "Sentence {which} of your pair has {own} tokens of its own. If it stood in both fields, "
        "how many input_ids would the pair have?",
        which=which + 1,
        own=own,
    )
    return asked(text, right, wrong, chance)


def types_after_a_swap(shown: Tokens, chance: Random) -> Question | None:
    """How many token_type_ids are 1 once the sentences have changed places."""
    view, turned = shown.pair, shown.turned
    if turned is None or not view.has_type_ids or not _is_whole(view, turned):
        return None
    before, after = (sum(token.type_id == 1 for token in each.tokens) for each in (view, turned))
    own = _own(turned, 2)
    if not before or not after:
        return None
    right = Choice(
        f"{after}",
        say(
            "What stands second gets type 1: the {own} tokens of what was sentence 1, and the "
            "special token after them.",
            own=own,
        ),
    )
    wrong = [
        Choice(
            f"{before}",
            say(
                "{before} are 1 now. A type says where a sentence stands, not which it is: after "
                "the swap, the other sentence's tokens are 1.",
                before=before,
            ),
        ),
        Choice(
            f"{own}",
            say(
                "{own} are the tokens of the sentence alone. The {special} that closes the pair "
                "belongs to the second segment, too.",
                own=own,
                special=turned.tokens[-1].piece,
            ),
        ),
        Choice(
            f"{len(turned.tokens) - after}",
            say(
                "That is how many are 0: {first} and all up to the first separator belong to the "
                "first segment.",
                first=turned.tokens[0].piece,
            ),
        ),
        Choice(
            f"{len(turned.tokens)}",
            say("That is every token of the pair. Those of the first segment stay 0."),
        ),
    ]
    text = say(
        "{before} of your pair's {tokens} token_type_ids are 1. Swap sentence1 and sentence2: how "
        "many are 1 then?",
        before=before,
        tokens=len(view.tokens),
    )
    return asked(text, right, wrong, chance)


def word_in_pieces(shown: Tokens, chance: Random) -> Question | None:
    """Which word of the pair became several tokens."""
    pieces = _pieces_of_words(shown.pair)
    split = sorted(word for word, parts in pieces.items() if len(parts) > 1)
    whole = sorted(word for word, parts in pieces.items() if len(parts) == 1)
    if not split or len(whole) < 2:
        return None
    word = chance.choice(split)
    right = Choice(
        word,
        say(
            "“{word}” as a whole isn't in the vocabulary, so it is put together from {count} "
            "pieces: {pieces}.",
            word=word,
            count=len(pieces[word]),
            pieces=" ".join(pieces[word]),
        ),
    )
    wrong = [
        Choice(
            one,
            say(
                "“{word}” is one token, {piece}, with an id of its own: how long a word is doesn't "
                "decide, only whether the vocabulary has it.",
                word=one,
                piece=pieces[one][0],
            ),
        )
        # The longest first: length is what one would go by
        for one in sorted(whole, key=lambda one: (-len(one), one))
    ]
    text = say("Which of these words of your pair is more than one token?")
    return asked(text, right, wrong, chance)


def _pieces_of_words(view: TokenView) -> dict[str, list[str]]:
    """{word: its pieces} of the pair's words whose tokens begin and end where the word does."""
    found: dict[str, list[str]] = {}
    for which, text in enumerate((view.sentence1, view.sentence2), 1):
        tokens = [token for token in view.tokens if token.sentence == which]
        for word in WORD.finditer(text or ""):
            inside = [
                token
                for token in tokens
                if word.start() <= (token.start or 0) < (token.end or 0) <= word.end()
            ]
            if inside and (inside[0].start, inside[-1].end) == word.span():
                found.setdefault(word.group(), [token.piece for token in inside])
    return found


def removed_tokens(shown: Tokens, chance: Random) -> Question | None:
    """How many tokens truncation removes at a smaller max_length."""
    cut = shown.cut
    if cut is None or len(cut.tokens) != cut.max_length:
        return None
    removed, special = cut.full_length - len(cut.tokens), _specials(cut).count(" ") + 1
    limit = cut.max_length
    right = Choice(
        f"{removed}",
        say(
            "{full} − {limit}: max_length counts every token of the pair, {specials} among them.",
            full=cut.full_length,
            limit=limit,
            specials=_specials(cut),
        ),
    )
    wrong = [
        Choice(
            f"{removed - special}",
            say(
                "That leaves {limit} tokens of the sentences and {special} special ones on top. "
                "The special tokens take their room inside max_length.",
                limit=limit,
                special=special,
            ),
        ),
        Choice(
            f"{removed + special}",
            say(
                "The special tokens aren't removed: they are among the {full} tokens before, and "
                "among the {limit} after.",
                full=cut.full_length,
                limit=limit,
            ),
        ),
        Choice(f"{limit}", say("{limit} is what stays, not what goes.", limit=limit)),
        Choice(
            "0",
            say(
                "max_length = {limit} is the limit of the whole pair, which has {full} tokens, not "
                "of each sentence.",
                limit=limit,
                full=cut.full_length,
            ),
        ),
    ]
    text = say(
        "Untruncated, your input has {full} tokens, special ones included. With max_length = "
        "{limit}, how many does truncation remove?",
        full=cut.full_length,
        limit=limit,
    )
    return asked(text, right, wrong, chance)


# ---------------------------------------------------------------- the batch


def ignored_padding(shown: Tokens, chance: Random) -> Question | None:
    """Which input keeps the model from attending to the padding."""
    batch = shown.batch
    width = batch.padding_cells and max(batch.lengths)
    short = [place for place, length in enumerate(batch.lengths) if length < width]
    if not short or "attention_mask" not in batch.tensors:
        return None
    place = chance.choice(short)
    added, own = width - batch.lengths[place], batch.lengths[place]
    right = Choice(
        "attention_mask",
        say(
            "Row #{row} has {own} × 1 there and {added} × 0. Attention gives a position with 0 the "
            "weight 0, whatever token is in it.",
            row=shown.rows[place],
            own=own,
            added=added,
        ),
    )
    because = {
        "input_ids": say(
            "input_ids only says that {pad_token} (id {pad_id}) is there. For the model that is a "
            "token like any other: it has an embedding, and would be attended to.",
            pad_token=shown.pad_token,
            pad_id=shown.pad_id,
        ),
        "token_type_ids": say(
            "token_type_ids tells the two sentences apart. Its padding is 0, the number of "
            "sentence 1, so it can't tell padding from text."
        ),
        "labels": say(
            "labels has one number a row: the answer to learn, nothing about single positions."
        ),
        "position_ids": say(
            "The position says where a token stands. The padded cells have positions, too."
        ),
    }
    names = [name for name in because if name in batch.tensors or name == "position_ids"]
    text = say(
        "Row #{row} of your batch got {added} × {pad_token}. Which of the model's inputs makes it "
        "ignore them?",
        row=shown.rows[place],
        added=added,
        pad_token=shown.pad_token,
    )
    return asked(text, right, [Choice(name, because[name]) for name in names], chance)


def _some_rows(shown: Tokens, most: int, chance: Random) -> list[tuple[int, int]]:
    """[(number, tokens), …] of a few rows of the batch, two at least, in a random order."""
    known = list(zip(shown.rows, shown.batch.lengths, strict=True))
    chance.shuffle(known)
    return known[:most]


def _rows_given(rows: list[tuple[int, int]]) -> list[str]:
    return [say("row #{row}: {tokens} tokens", row=row, tokens=tokens) for row, tokens in rows]


def added_cells(shown: Tokens, chance: Random) -> Question | None:
    """How many cells the collator adds to a few of the batch's rows."""
    rows = _some_rows(shown, chance.choice((2, 3, 4)), chance)
    lengths = [length for _row, length in rows]
    count, longest, tokens = len(lengths), max(lengths), sum(lengths)
    if count < 2 or longest > shown.max_length:
        return None
    added = count * longest - tokens
    right = Choice(
        f"{added}",
        say(
            "{count} rows × {longest} positions are {cells} cells; {tokens} of them are tokens.",
            count=count,
            longest=longest,
            cells=count * longest,
            tokens=tokens,
        ),
    )
    wrong = [
        Choice(
            f"{count * shown.max_length - tokens}",
            say(
                "That is padding='max_length', up to {max_length}. The collator pads to the "
                "longest row of this batch, {longest}.",
                max_length=shown.max_length,
                longest=longest,
            ),
        ),
        Choice(
            f"{count * longest}",
            say(
                "These are all cells of the batch. {tokens} of them hold tokens.",
                tokens=tokens,
            ),
        ),
        Choice(
            f"{longest - min(lengths)}",
            say(
                "That is what the shortest row alone gets. Every row is padded to {longest}.",
                longest=longest,
            ),
        ),
        Choice(
            f"{tokens}",
            say("These are the rows' own tokens, which were there before."),
        ),
    ]
    text = say("The data collator makes one batch of these rows. How many cells does it add?")
    return asked(text, right, wrong, chance, _rows_given(rows))


def batch_shapes(shown: Tokens, chance: Random) -> Question | None:
    """The shapes of the batches of a few rows, padded dynamically."""
    rows = _some_rows(shown, chance.choice((3, 4, 5)), chance)
    lengths = [length for _row, length in rows]
    if len(lengths) < 3 or max(lengths) > shown.max_length:
        return None
    starts = range(0, len(lengths), BATCH_SIZE)
    parts = [lengths[start : start + BATCH_SIZE] for start in starts]
    right = Choice(
        _shapes([(len(part), max(part)) for part in parts]),
        say(
            "Each batch is as wide as its own longest row: {widths}.",
            widths=", ".join(f"{max(part)}" for part in parts),
        ),
    )
    longest = max(lengths)
    wrong = [
        Choice(
            _shapes([(len(part), shown.max_length) for part in parts]),
            say(
                "{max_length} is max_length. Dynamic padding doesn't look at it: it pads to the "
                "longest row of each batch.",
                max_length=shown.max_length,
            ),
        ),
        Choice(
            _shapes([(len(part), longest) for part in parts]),
            say(
                "{longest} is the longest of all these rows. The collator sees one batch at a "
                "time, so another batch's rows don't widen it.",
                longest=longest,
            ),
        ),
        Choice(
            _shapes([(max(part), len(part)) for part in parts]),
            say("The axes are swapped: a batch is (rows, positions), its rows first."),
        ),
        Choice(
            _shapes([(1, sum(part)) for part in parts]),
            say("Rows aren't joined: each stays a row of its own, which is why they need padding."),
        ),
    ]
    text = say(
        "These rows go through a DataLoader in this order, with batch_size = {batch_size} and "
        "dynamic padding. Which shapes does input_ids have, batch after batch?",
        batch_size=BATCH_SIZE,
    )
    return asked(text, right, wrong, chance, _rows_given(rows))


def _shapes(shapes: list[tuple[int, int]]) -> str:
    return ", ".join(f"({rows}, {width})" for rows, width in shapes)


QUESTIONS = (
    sentence_beside_itself,
    ignored_padding,
    types_after_a_swap,
    batch_shapes,
    word_in_pieces,
    added_cells,
    removed_tokens,
)
