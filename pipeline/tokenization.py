"""Raw pairs -> encodings (input_ids, token_type_ids, attention_mask), and one pair's tokens as data.

    >>> tokenizer, _ = tokenizer_for(EMBEDDED_CHECKPOINT)
    >>> tokenize_function(tokenizer, {"sentence1": ["Hi."], "sentence2": ["Hello."]}, max_length=16)["input_ids"]
    [[101, 7632, 1012, 102, 7592, 1012, 102]]
"""

from dataclasses import dataclass
from functools import partial

from languages import say
from pipeline.isolation.checkpoints import ask
from pipeline.memory import Kept
from pipeline.settings import EMBEDDED_CHECKPOINT, InputError, Settings, shown  # noqa: F401
from pipeline.sources import kept_for, tokenizer_in


def tokenize_function(tokenizer, examples, max_length=128, truncation=True):
    """The one way in which pairs become encodings here: Dataset.map, the Tokenize tab and prediction all call it.

    `examples` holds sentence1 and sentence2, each one string or a list of them. Nothing is padded
    (`padding=False` is the tokenizer's default): the data collator does that, batch by batch.
    """
    return tokenizer(
        examples["sentence1"], examples["sentence2"], truncation=truncation, max_length=max_length if truncation else None
    )


def tokenize_datasets(raw_datasets, tokenizer, max_length=128):
    """DatasetDict of pairs -> the same with the encodings as new columns. Rows keep their own lengths."""
    return raw_datasets.map(partial(tokenize_function, tokenizer, max_length=max_length), batched=True, desc="Tokenizing")


_tokenizers = Kept(most=8)


def tokenizer_for(name, settings=None):
    """load_tokenizer, remembered. A stand-in is not remembered: the Hub may be back the next time."""
    return kept_for(_tokenizers, name, tokenizer_in, settings=settings)


def ask_tokenizer(checkpoint, function, *arguments, settings=None, **keywords):
    """(function(tokenizer, *arguments, **keywords), Origin), where that checkpoint may be opened.

    `function` is of a module's top level, and what goes in and comes out is plain data: on a page it may run in another
    process (isolation/checkpoints.py).
    """
    return ask(checkpoint, _with_tokenizer, function, arguments, keywords, settings=settings or Settings())


def _with_tokenizer(checkpoint, function, arguments, keywords, settings):
    tokenizer, origin = tokenizer_for(checkpoint, settings)
    return function(tokenizer, *arguments, **keywords), origin


def longest_length(tokenizer, settings=None, config=None):
    """The most tokens that this checkpoint has positions for, capped by settings. config: its model's, where it is known."""
    settings = settings or Settings()
    positions = getattr(config, "max_position_embeddings", None) or settings.longest_max_length
    if getattr(config, "model_type", "") in POSITIONS_AFTER_PADDING:
        positions -= (config.pad_token_id or 0) + 1
    return min(tokenizer.model_max_length, settings.longest_max_length, positions)


# They count positions from the padding token's id + 1: 514 positions hold 512 tokens
POSITIONS_AFTER_PADDING = ("roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "longformer", "mpnet", "xmod",
                           "roberta-prelayernorm", "data2vec-text", "ibert")  # fmt: skip


def checked_length(max_length, tokenizer, settings=None, config=None):
    """`max_length` in tokens; it must leave room for the special tokens and one token a sentence."""
    settings = settings or Settings()
    number = settings.checked("longest_max_length", max_length, low=8)
    most = longest_length(tokenizer, settings, config)
    if number > most:
        raise InputError(say("max_length is {number}, but this checkpoint reads at most {most} tokens. Choose {most} or "
                             "less.", number=number, most=most))
    return number


def checked_truncation(truncation):
    """`truncation` if it is True or False; transformers takes other values, too, and means other things by them."""
    if not isinstance(truncation, bool):
        raise InputError(say("truncation is {truncation}. Give true or false.", truncation=shown(truncation)))
    return truncation


def checked_pair(sentence1, sentence2, settings=None):
    """Both sentences as given, or an InputError that says which one is wrong and what to do."""
    settings = settings or Settings()
    for which, sentence in (("sentence1", sentence1), ("sentence2", sentence2)):
        if not isinstance(sentence, str):
            raise InputError(say("{which} is {name__}, not text. Give a sentence.", which=which,
                                 name__=type(sentence).__name__))
        if not sentence.strip():
            raise InputError(say("{which} is only white space. Write a sentence there.", which=which) if sentence else
                             say("{which} is empty. Write a sentence there.", which=which))
        if len(sentence) > settings.max_characters:
            raise InputError(say("{which} has {count:,} characters; {max_characters:,} is the most. Shorten it.",
                                 which=which, count=len(sentence), max_characters=settings.max_characters))
        # A lone surrogate is no character and no encoder takes it; browsers and APIs can send one all the same.
        if any("\ud800" <= character <= "\udfff" for character in sentence):
            raise InputError(say("{which} holds half of a surrogate pair, which is no character. Type that character again.",
                                 which=which))
    return sentence1, sentence2


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
    sentence2: str
    tokens: list[Token]
    has_type_ids: bool
    full_length: int  # tokens before truncation
    max_length: int
    cut: tuple[str, str]  # what truncation removed from each sentence
    notes: list[str]


NO_TYPE_IDS = (
    say("This checkpoint has no token_type_ids: its model makes no difference between segments, so the sentences are told "
        "apart by the separator tokens alone. The collator and the model simply do without that column.")
)


def token_view(tokenizer, sentence1, sentence2, max_length=128, truncation=True):
    """One pair -> TokenView. Offsets count characters (code points) of the sentence the token comes from."""
    pair = {"sentence1": sentence1, "sentence2": sentence2}
    encoding = tokenize_function(tokenizer, pair, max_length, truncation)
    full = tokenize_function(tokenizer, pair, truncation=False)
    tokens = [_token(encoding, tokenizer, position, (sentence1, sentence2)) for position in range(len(encoding["input_ids"]))]
    cut = tuple(_cut(encoding, full, which, text) for which, text in enumerate((sentence1, sentence2)))
    has_type_ids = "token_type_ids" in encoding
    notes = [] if has_type_ids else [NO_TYPE_IDS]
    notes += _length_notes(len(full["input_ids"]), len(tokens), max_length)
    unknown = [token.text for token in tokens if token.id == tokenizer.unk_token_id]
    if unknown:
        notes.append(say("{unk_token} stands for what the vocabulary has no piece for: {unknown}",
                         unk_token=tokenizer.unk_token, unknown=' '.join(unknown)[:80]))
    return TokenView(sentence1, sentence2, tokens, has_type_ids, len(full["input_ids"]), max_length, cut, notes)


def pair_view(tokenizer, sentence1, sentence2, max_length, truncation, settings):
    """`token_view` of values as a visitor gave them, each checked."""
    max_length = checked_length(max_length, tokenizer, settings)
    pair = checked_pair(sentence1, sentence2, settings)
    return token_view(tokenizer, *pair, max_length, checked_truncation(truncation))


def row_lengths(tokenizer, rows, max_length, settings):
    """([tokens of each row, cut at max_length], max_length as a checked number)."""
    max_length = checked_length(max_length, tokenizer, settings)
    return [len(tokenize_function(tokenizer, row, max_length)["input_ids"]) for row in rows], max_length


def _length_notes(full_length, length, max_length):
    if length < full_length:
        return [say("Truncation cut {full_length} of {full_length2} tokens, from the longer sentence first, to keep "
                    "max_length = {max_length}.", full_length=full_length - length, full_length2=full_length,
                    max_length=max_length)]  # fmt: skip
    if length > max_length:
        return [say("Without truncation this pair has {length} tokens, more than max_length = {max_length}.", length=length,
                    max_length=max_length)]
    return []


def _token(encoding, tokenizer, position, sentences):
    # offset_mapping and sequence_ids come with every fast tokenizer, also when the call didn't ask for them
    fast = encoding.encodings[0]
    sentence = encoding.sequence_ids(0)[position]
    start, end = fast.offsets[position] if sentence is not None else (None, None)
    type_ids = encoding.get("token_type_ids")
    return Token(
        position, fast.tokens[position], encoding["input_ids"][position],
        type_ids[position] if type_ids is not None else None, encoding["attention_mask"][position],
        None if sentence is None else sentence + 1, start, end,
        "" if sentence is None else sentences[sentence][start:end],
        "special" if sentence is None else f"sentence{sentence + 1}",
    )  # fmt: skip


def _cut(encoding, full, which, text):
    """The end of sentence `which` that is in `full` but no longer in `encoding`."""
    kept, before = _last_character(encoding, which), _last_character(full, which)
    return text[kept:].strip() if kept < before else ""


def _last_character(encoding, which):
    fast = encoding.encodings[0]
    pairs = zip(fast.offsets, fast.sequence_ids, strict=True)
    return max((end for (_, end), sequence in pairs if sequence == which), default=0)
