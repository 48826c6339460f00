"""Raw pairs -> encodings (input_ids, token_type_ids, attention_mask), and one pair's tokens as
data.

>>> from pipeline.settings import EMBEDDED_CHECKPOINT
>>> tokenizer, _ = tokenizer_for(EMBEDDED_CHECKPOINT, Settings())
>>> pairs = {"sentence1": ["Hi."], "sentence2": ["Hello."]}
>>> tokenize_function(tokenizer, pairs, max_length=16)["input_ids"]
[[101, 7632, 1012, 102, 7592, 1012, 102]]
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, overload

from languages import say
from pipeline.errors import InputError, SourceError, shown
from pipeline.hub.checkpoint_rules import CAUSAL, COUNTS_FROM_THE_LEFT, model_type_in
from pipeline.hub.isolated import ask
from pipeline.hub.repository import only_sentencepiece
from pipeline.hub.sources import (
    check_files,
    checkpoint_files,
    has_tokenizer,
    load_cached,
)
from pipeline.libraries import import_tokenizers
from pipeline.memory import LoadCache
from pipeline.sentence import checked_sentence, codes_of
from pipeline.settings import Settings
from pipeline.vocabulary import unknown_notes

if TYPE_CHECKING:  # importing these takes seconds, or goes round in a circle
    from datasets import DatasetDict
    from transformers import BatchEncoding, PretrainedConfig, PreTrainedTokenizerFast

    from pipeline.hub.sources import CheckpointFiles, Origin

log = logging.getLogger(__name__)


def tokenize_function(
    tokenizer: PreTrainedTokenizerFast,
    examples: dict[str, Any],
    max_length: int = 128,
    truncation: bool = True,
) -> BatchEncoding:
    """The one way in which pairs become encodings here: Dataset.map, the Tokenize tab and
    prediction all call it.

    `examples` holds sentence1 and sentence2, each one string or a list of them; a task of one
    sentence has no sentence2, or None. Nothing is padded (`padding=False` is the tokenizer's
    default): the data collator does that, batch by batch.
    """
    return tokenizer(
        examples["sentence1"],
        examples.get("sentence2"),
        truncation=truncation,
        max_length=max_length if truncation else None,
    )


def tokenize_datasets(
    raw_datasets: DatasetDict, tokenizer: PreTrainedTokenizerFast, max_length: int = 128
) -> DatasetDict:
    """DatasetDict of pairs -> the same with the encodings as new columns. Rows keep their own
    lengths.
    """
    return raw_datasets.map(
        partial(tokenize_function, tokenizer, max_length=max_length),
        batched=True,
        desc="Tokenizing",
    )


def load_tokenizer(name: str, settings: Settings) -> tuple[PreTrainedTokenizerFast, Origin]:
    """(AutoTokenizer of the checkpoint, Origin)."""
    files = checkpoint_files(name, settings=settings)
    return tokenizer_in(files), files.origin


def tokenizer_in(files: CheckpointFiles) -> PreTrainedTokenizerFast:
    """CheckpointFiles -> its AutoTokenizer, or a SourceError."""
    import_tokenizers()
    from transformers import AutoTokenizer

    name = files.origin.asked
    check_files(files)
    sentencepiece = [path.name for path in files.folder.glob("*.model")]
    if not has_tokenizer(files.folder) and sentencepiece:
        raise only_sentencepiece(name, sentencepiece[0])
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            files.folder, trust_remote_code=False, local_files_only=True
        )
    except Exception as error:
        log.info("the tokenizer of %s", name, exc_info=error)
        raise SourceError(
            say(
                "{name} has no tokenizer that transformers can load: its files are missing, "
                "damaged or of another format. Choose another.",
                name=name,
            )
        ) from error
    if not tokenizer.is_fast:
        raise SourceError(
            say(
                "{name} has only a slow tokenizer, which can't map tokens back to the text. "
                "Choose another.",
                name=name,
            )
        )
    _set_padding(name, tokenizer, model_type_in(files.folder))
    return tokenizer


# Specials that may pad where a tokenizer has no token for it, the best first
STAND_INS = ("eos_token", "unk_token", "bos_token", "sep_token")


def _set_padding(name, tokenizer, model_type):
    """The tokenizer gets what a batch needs: a padding token, and the side on which padding does no
    harm. A run saves both with its model.
    """
    tokenizer.is_causal = model_type in CAUSAL
    if tokenizer.padding_side == "left" and model_type in COUNTS_FROM_THE_LEFT:
        tokenizer.padding_side, tokenizer.padded_left = "right", True
    if tokenizer.pad_token is not None:
        return
    found = [token for token in STAND_INS if getattr(tokenizer, token) is not None]
    if not found:
        raise SourceError(
            say(
                "{name} has no padding token, and no other special token that could pad a batch "
                "instead. Choose an encoder such as BERT.",
                name=name,
            )
        )
    tokenizer.pad_token = getattr(tokenizer, found[0])


def padding_notes(tokenizer: PreTrainedTokenizerFast) -> list[str]:
    """What to know of the way in which this tokenizer's batches are padded, in sentences.

    The tokenizer is one of `tokenizer_in`.
    """
    notes: list[str] = []
    if stands_in_for_padding(tokenizer):
        notes.append(
            say(
                "This checkpoint has no padding token of its own, so {pad_token} (id {id}) stands "
                "in: rows are padded with it, and attention_mask tells padding from text.",
                pad_token=tokenizer.pad_token,
                id=tokenizer.pad_token_id,
            )
        )
    if getattr(tokenizer, "is_causal", False):
        notes.append(
            say(
                "This checkpoint is a decoder: each token attends only to itself and to those "
                "before it. So its classifier answers from the last token that isn't padding, "
                "which has seen the whole pair."
            )
        )
    if getattr(tokenizer, "padded_left", False):
        notes.append(
            say(
                "This checkpoint's tokenizer pads on the left, but its model counts positions "
                "from there, so padding would shift the tokens. Here it pads on the right."
            )
        )
    return notes


def stands_in_for_padding(tokenizer: PreTrainedTokenizerFast) -> bool:
    """Whether another special token serves as the padding token, by the checkpoint's choice or by
    ours.
    """
    return tokenizer.pad_token_id in (
        tokenizer.convert_tokens_to_ids(special)
        for special in (getattr(tokenizer, token) for token in STAND_INS)
        if special is not None
    )


_tokenizers = LoadCache(most=8)


def tokenizer_for(name: str, settings: Settings) -> tuple[PreTrainedTokenizerFast, Origin]:
    """load_tokenizer, cached. A stand-in is not: the Hub may be back the next time."""
    return load_cached(_tokenizers, name, tokenizer_in, settings=settings)


def ask_tokenizer(
    checkpoint: str,
    function: Callable[..., Any],
    *arguments: Any,
    settings: Settings,
    **keywords: Any,
) -> tuple[Any, Origin]:
    """(function(tokenizer, *arguments, **keywords), Origin), where that checkpoint may be opened.

    `function` is of a module's top level, and what goes in and comes out is plain data: on a page
    it may run in another process (hub/isolated.py).
    """
    return ask(checkpoint, _with_tokenizer, function, arguments, keywords, settings=settings)


def _with_tokenizer(checkpoint, function, arguments, keywords, settings):
    tokenizer, origin = tokenizer_for(checkpoint, settings)
    return function(tokenizer, *arguments, **keywords), origin


def longest_length(
    tokenizer: PreTrainedTokenizerFast, settings: Settings, config: PretrainedConfig | None = None
) -> int:
    """The most tokens that this checkpoint has positions for, capped by settings. config: its
    model's, where it is known.
    """
    positions = getattr(config, "max_position_embeddings", None) or settings.longest_max_length
    # Relative positions have no end: T5 names no number, XLNet -1, DeBERTa-v3 one that it ignores
    if positions < 0 or getattr(config, "position_biased_input", True) is False:
        positions = settings.longest_max_length
    elif config and config.model_type in POSITIONS_AFTER_PADDING:
        positions -= (config.pad_token_id or 0) + 1
    return min(tokenizer.model_max_length, settings.longest_max_length, positions)


# They count positions from the padding token's id + 1: 514 positions hold 512 tokens
POSITIONS_AFTER_PADDING = (
    "roberta",
    "xlm-roberta",
    "xlm-roberta-xl",
    "camembert",
    "longformer",
    "mpnet",
    "xmod",
    "roberta-prelayernorm",
    "data2vec-text",
    "ibert",
)


def checked_length(
    max_length: Any,
    tokenizer: PreTrainedTokenizerFast,
    settings: Settings,
    config: PretrainedConfig | None = None,
) -> int:
    """`max_length` in tokens, with room for the special tokens and one token a sentence."""
    number = settings.checked("longest_max_length", max_length, low=8)
    most = longest_length(tokenizer, settings, config)
    if number > most:
        raise InputError(
            say(
                "max_length is {number}, but this checkpoint reads at most {most} tokens. Choose "
                "{most} or less.",
                number=number,
                most=most,
            )
        )
    return number


def checked_truncation(truncation: Any) -> bool:
    """`truncation` if it is True or False; transformers takes other values, too, and means other
    things by them.
    """
    if not isinstance(truncation, bool):
        raise InputError(
            say("truncation is {truncation}. Give true or false.", truncation=shown(truncation))
        )
    return truncation


@overload
def checked_pair(sentence1: Any, sentence2: None, settings: Settings) -> tuple[str, None]: ...


@overload
def checked_pair(sentence1: Any, sentence2: Any, settings: Settings) -> tuple[str, str]: ...


def checked_pair(
    sentence1: Any, sentence2: Any, settings: Settings
) -> tuple[str, str] | tuple[str, None]:
    """Both sentences as given, or an InputError that says which one is wrong and what to do.

    sentence2: None in a task of one sentence.
    """
    first = checked_sentence("sentence1", sentence1, settings)
    if sentence2 is None:
        return first, None
    return first, checked_sentence("sentence2", sentence2, settings)


# ---------------------------------------------------------------- one pair, token by token


@dataclass(frozen=True)
class Token:
    """One column of the grid."""

    position: int
    piece: str
    id: int
    type_id: int | None  # None: this tokenizer makes no token_type_ids
    mask: int
    sentence: int | None  # 1, 2, or None for a special token
    start: int | None  # text == sentence[start:end]
    end: int | None
    text: str
    role: str  # "special" | "sentence1" | "sentence2" | "padding"


@dataclass(frozen=True)
class TokenView:
    """One pair as the model gets it, each number traced back to its characters."""

    sentence1: str
    sentence2: str | None  # None in a task of one sentence
    tokens: list[Token]
    has_type_ids: bool
    full_length: int  # tokens before truncation
    max_length: int
    cut: tuple[str, ...]  # what truncation removed from each of the two sentences
    notes: list[str]

    @property
    def has_separator(self) -> bool:
        """Whether the tokenizer puts anything of its own between the two sentences."""
        roles = [token.role for token in self.tokens]
        end = max((at for at, role in enumerate(roles) if role == "sentence1"), default=-1)
        begin = min(
            (at for at, role in enumerate(roles) if role == "sentence2"), default=len(roles)
        )
        return "special" in roles[end + 1 : begin]


NO_TYPE_IDS = say(
    "This checkpoint has no token_type_ids: its model doesn't distinguish segments, so only the "
    "separator tokens mark the two sentences. The collator and the model work without this "
    "column."
)
NO_SEPARATOR = say(
    "Its tokenizer puts no token between the two sentences: the model reads them as one text, and "
    "nothing marks where the second one begins."
)


def why_no_type_ids(view: TokenView) -> str:
    """Why a pair has no token_type_ids, and what tells its sentences apart then."""
    if view.sentence2 is None:
        return say(
            "This checkpoint has no token_type_ids: its model doesn't distinguish segments. One "
            "sentence would be a single segment in any case."
        )
    if view.has_separator:
        return NO_TYPE_IDS
    return say(
        "This checkpoint has no token_type_ids: its model doesn't distinguish segments. "
        "{no_separator} The collator and the model work without this column.",
        no_separator=NO_SEPARATOR,
    )


def is_typed_special(token: Token, tokenizer: PreTrainedTokenizerFast) -> bool:
    """Whether a sentence's own characters were read as a special token: "[SEP]" in a text becomes
    the real one.
    """
    return (
        token.sentence is not None
        and token.id in tokenizer.all_special_ids
        and token.text.strip() == tokenizer.convert_ids_to_tokens(token.id)
    )


def token_view(
    tokenizer: PreTrainedTokenizerFast,
    sentence1: str,
    sentence2: str | None,
    max_length: int = 128,
    truncation: bool = True,
) -> TokenView:
    """One pair -> TokenView. Offsets count characters (code points) of the sentence the token comes
    from. sentence2: None in a task of one sentence.
    """
    pair = {"sentence1": sentence1, "sentence2": sentence2}
    encoding = tokenize_function(tokenizer, pair, max_length, truncation)
    full = tokenize_function(tokenizer, pair, truncation=False)
    tokens = [
        _token(encoding, tokenizer, position, (sentence1, sentence2))
        for position in range(len(encoding["input_ids"]))
    ]
    cut_from = _cut_before if tokenizer.truncation_side == "left" else _cut
    cut = tuple(
        "" if text is None else cut_from(encoding, full, which, text)
        for which, text in enumerate((sentence1, sentence2))
    )
    view = TokenView(
        sentence1,
        sentence2,
        tokens,
        "token_type_ids" in encoding,
        len(full["input_ids"]),
        max_length,
        cut,
        [],
    )
    return replace(view, notes=_notes(view, tokenizer))


def _notes(view, tokenizer):
    """What a reader should know of the tokens of a pair, in sentences."""
    notes = [] if view.has_type_ids else [why_no_type_ids(view)]
    notes += padding_notes(tokenizer)
    notes += _length_notes(view.full_length, len(view.tokens), view.max_length)
    specials = set(tokenizer.all_special_ids)
    typed = [
        token
        for token in view.tokens
        if token.id in specials and is_typed_special(token, tokenizer)
    ]
    unknown = [
        token.text
        for token in view.tokens
        if token.id == tokenizer.unk_token_id and token not in typed
    ]
    texts = [text for text in (view.sentence1, view.sentence2) if text]
    if unknown:
        notes += unknown_notes(tokenizer, texts) or [
            say(
                "{unk_token} stands for text that the vocabulary has no token for: {unknown}",
                unk_token=tokenizer.unk_token,
                unknown=" ".join(unknown)[:80],
            )
        ]
    for which in sorted({token.sentence for token in typed}):
        pieces = dict.fromkeys(token.piece for token in typed if token.sentence == which)
        notes.append(
            say(
                "sentence{which} contains {pieces}: the tokenizer reads that as its own special "
                "token, not as a word.",
                which=which,
                pieces=", ".join(pieces),
            )
        )
    return notes + nothing_left(
        view.sentence1, view.sentence2, [token.sentence for token in view.tokens], view.cut
    )


def nothing_left(
    sentence1: str,
    sentence2: str | None,
    sentences: list[int | None],
    cut: tuple[str, ...] = ("", ""),
) -> list[str]:
    """[A note for each sentence of which the tokenizer makes no token at all]. sentences: 1, 2 or
    None of each token.
    """
    missing = [
        (which, text)
        for which, text in enumerate((sentence1, sentence2), 1)
        if text is not None and which not in sentences and not cut[which - 1]
    ]
    return [
        say(
            "This tokenizer turns sentence{which} ({codes}) into no tokens, so the model doesn't "
            "see it.",
            which=which,
            codes=codes_of(text),
        )
        for which, text in missing
    ]


def pair_view(
    tokenizer: PreTrainedTokenizerFast,
    sentence1: str,
    sentence2: str | None,
    max_length: int,
    truncation: bool,
    settings: Settings,
) -> TokenView:
    """`token_view` of values as a visitor gave them, each checked."""
    max_length = checked_length(max_length, tokenizer, settings)
    pair = checked_pair(sentence1, sentence2, settings)
    return token_view(tokenizer, *pair, max_length, checked_truncation(truncation))


def row_lengths(
    tokenizer: PreTrainedTokenizerFast,
    rows: list[dict[str, Any]],
    max_length: int,
    settings: Settings,
) -> tuple[list[int], int]:
    """([tokens of each row, cut at max_length], max_length as a checked number)."""
    max_length = checked_length(max_length, tokenizer, settings)
    return [
        len(tokenize_function(tokenizer, row, max_length)["input_ids"]) for row in rows
    ], max_length


def _length_notes(full_length, length, max_length):
    if length < full_length:
        return [
            say(
                "Truncation removed {cut} of {length} tokens, from the longer sentence first, to "
                "fit max_length = {max_length}.",
                cut=full_length - length,
                length=full_length,
                max_length=max_length,
            )
        ]
    if length > max_length:
        return [
            say(
                "Without truncation this pair has {length} tokens, more than max_length = "
                "{max_length}.",
                length=length,
                max_length=max_length,
            )
        ]
    return []


def _token(encoding, tokenizer, position, sentences):
    # offset_mapping and sequence_ids come with every fast tokenizer, also when the call didn't ask
    # for them
    fast = encoding.encodings[0]
    sentence = encoding.sequence_ids(0)[position]
    start, end = fast.offsets[position] if sentence is not None else (None, None)
    type_ids = encoding.get("token_type_ids")
    number = encoding["input_ids"][position]
    # Unigram and BPE name the text itself where they have no entry for it, beside the id of the
    # unknown token
    piece = tokenizer.unk_token if number == tokenizer.unk_token_id else fast.tokens[position]
    return Token(
        position,
        piece,
        number,
        type_ids[position] if type_ids is not None else None,
        encoding["attention_mask"][position],
        None if sentence is None else sentence + 1,
        start,
        end,
        "" if sentence is None else sentences[sentence][start:end],
        "special" if sentence is None else f"sentence{sentence + 1}",
    )


def _cut(encoding, full, which, text):
    """The end of sentence `which` that is in `full` but no longer in `encoding`."""
    kept, before = _last_character(encoding, which), _last_character(full, which)
    return text[kept:].strip() if kept < before else ""


def _cut_before(encoding, full, which, text):
    """The beginning of sentence `which` that is in `full` but no longer in `encoding`:
    truncation_side is "left".
    """
    kept, before = (
        _first_character(encoding, which, len(text)),
        _first_character(full, which, len(text)),
    )
    return text[:kept].strip() if kept > before else ""


def _first_character(encoding, which, default):
    fast = encoding.encodings[0]
    pairs = zip(fast.offsets, fast.sequence_ids, strict=True)
    return min((start for (start, _), sequence in pairs if sequence == which), default=default)


def _last_character(encoding, which):
    fast = encoding.encodings[0]
    pairs = zip(fast.offsets, fast.sequence_ids, strict=True)
    return max((end for (_, end), sequence in pairs if sequence == which), default=0)
