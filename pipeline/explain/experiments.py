"""What a course says about tokenizing and padding, tried on the spot with a visitor's own pair or
rows.

    >>> tokenizer, _ = tokenizer_for(EMBEDDED_CHECKPOINT, Settings())
    >>> [(way.name, len(way.tokens)) for way in ways_to_tokenize(tokenizer, "Hi.", "Hello.")]
    [('sentence 1 alone', 4), ('sentence 2 alone', 4), ('as a pair', 7), ('swapped', 7)]

Milliseconds are those of this machine while others may be using it: each measurement takes its
turns with what it is compared with, as long as `settings.experiment_seconds` last, and the best
turn counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from languages import say
from pipeline.collation import STRATEGIES, batched_rows, padding_cost
from pipeline.errors import InputError
from pipeline.model import load_model
from pipeline.prediction import softmax
from pipeline.settings import ADAPTERS, EMBEDDED_CHECKPOINT, LABELS, READY, Settings
from pipeline.tokenization import (
    Token,
    checked_length,
    checked_pair,
    checked_truncation,
    pair_view,
    token_view,
    tokenize_function,
    tokenizer_for,
)

if TYPE_CHECKING:  # importing these takes seconds, or goes round in a circle
    from transformers import PreTrainedTokenizerFast

    from pipeline.hub.sources import Origin

# The embedded checkpoint in float32 with a head that has learned something: the model that
# experiments ask.
ASKED = READY
MOST_TURNS = 5

# ---------------------------------------------------------------- the same pair in other ways


@dataclass(frozen=True)
class Way:
    """One way to hand the two sentences to a tokenizer; `tokens` keep the role of the sentence they
    come from.
    """

    name: str
    call: str
    tokens: list[Token]
    type_ids: list[int]  # the different token_type_ids in it; empty where the tokenizer makes none


def ways_to_tokenize(
    tokenizer: PreTrainedTokenizerFast,
    sentence1: str,
    sentence2: str,
    max_length: int = 128,
    truncation: bool = True,
) -> list[Way]:
    """[Way of each sentence alone, of the pair, of the pair swapped]: lengths, separators and types
    differ.
    """
    view = partial(token_view, tokenizer, max_length=max_length, truncation=truncation)
    return [
        _way(
            say("sentence 1 alone"),
            "tokenizer(sentence1)",
            _alone(tokenizer, sentence1, 1, max_length, truncation),
        ),
        _way(
            say("sentence 2 alone"),
            "tokenizer(sentence2)",
            _alone(tokenizer, sentence2, 2, max_length, truncation),
        ),
        _way(
            say("as a pair"), "tokenizer(sentence1, sentence2)", view(sentence1, sentence2).tokens
        ),
        _way(
            say("swapped"),
            "tokenizer(sentence2, sentence1)",
            _other_way_round(view(sentence2, sentence1).tokens),
        ),
    ]


def ways_of(
    tokenizer: PreTrainedTokenizerFast,
    sentence1: str,
    sentence2: str,
    max_length: int,
    truncation: bool,
    settings: Settings,
) -> list[Way]:
    """`ways_to_tokenize` of values as a visitor gave them, each checked."""
    max_length, pair = (
        checked_length(max_length, tokenizer, settings),
        checked_pair(sentence1, sentence2, settings),
    )
    return ways_to_tokenize(tokenizer, *pair, max_length, checked_truncation(truncation))


def _way(name, call, tokens):
    return Way(name, call, tokens, sorted({token.type_id for token in tokens} - {None}))


def _alone(tokenizer, sentence, which, max_length, truncation):
    encoding = tokenize_function(
        tokenizer, {"sentence1": sentence, "sentence2": None}, max_length, truncation
    )
    fast, types = encoding.encodings[0], encoding.get("token_type_ids")
    return [
        Token(
            position,
            piece,
            number,
            types[position] if types else None,
            1,
            None if sequence is None else which,
            None if sequence is None else start,
            None if sequence is None else end,
            "" if sequence is None else sentence[start:end],
            "special" if sequence is None else f"sentence{which}",
        )
        for position, (piece, number, (start, end), sequence) in enumerate(
            zip(fast.tokens, fast.ids, fast.offsets, fast.sequence_ids, strict=True)
        )
    ]


def _other_way_round(tokens):
    """What came first in a swapped pair is sentence 2 all the same."""
    other = {
        1: {"sentence": 2, "role": "sentence2"},
        2: {"sentence": 1, "role": "sentence1"},
        None: {},
    }
    return [replace(token, **other[token.sentence]) for token in tokens]


@dataclass(frozen=True)
class Split:
    """How one checkpoint splits the pair. `differs`: positions of tokens whose characters are no
    one token of the other.
    """

    tokens: list[Token]
    entries: int  # in its vocabulary
    differs: set[int]


def split_of(
    tokenizer: PreTrainedTokenizerFast,
    sentence1: str,
    sentence2: str,
    max_length: int,
    truncation: bool,
    settings: Settings,
) -> Split:
    """Split of the pair by one tokenizer, compared with no other yet."""
    view = pair_view(tokenizer, sentence1, sentence2, max_length, truncation, settings)
    return Split(view.tokens, len(tokenizer), set())


def compare_splits(first: Split, second: Split) -> tuple[Split, Split]:
    """(Split, Split) of one pair by two tokenizers -> the same, each with what differs from the
    other.
    """
    places = [{_place(token) for token in split.tokens} for split in (first, second)]
    first, second = (
        replace(
            split,
            differs={t.position for t in split.tokens if t.sentence and _place(t) not in other},
        )
        for split, other in zip((first, second), reversed(places), strict=True)
    )
    return first, second


def why_the_same(here: Origin, there: Origin) -> str:
    """Two tokenizers' Origins -> why they are one and the same here, in a sentence; "" where they
    are two.
    """
    first, second = (
        EMBEDDED_CHECKPOINT if origin.loaded in ADAPTERS else origin.loaded
        for origin in (here, there)
    )
    if first != second:
        return ""
    strangers = [origin for origin in (here, there) if origin.stands_in]
    if not strangers:
        return say(
            "Both sides use the tokenizer of {loaded}. Choose a different second checkpoint.",
            loaded=first,
        )
    if len({origin.asked for origin in strangers}) == 1:
        return say(
            "Both sides use the tokenizer of {loaded} here: it {reason}",
            loaded=first,
            reason=strangers[0].reason,
        )
    return say(
        "Both sides use the tokenizer of {loaded} here: it {reason} The same goes for {other}.",
        loaded=first,
        reason=strangers[0].reason,
        other=strangers[1].asked,
    )


def _place(token):
    """The characters a token stands for, without the blanks that some tokenizers count in."""
    if token.sentence is None:
        return None
    return token.sentence, token.end - len(token.text.lstrip()), token.end


# ---------------------------------------------------------------- padding does not change the answe


@dataclass(frozen=True)
class Answer:
    """One row of the proof: the logits of the same tokens, in `seq_len` positions of which
    `attended` have mask 1.
    """

    name: str
    seq_len: int
    attended: int
    logits: list[float]
    probabilities: list[float]
    difference: float  # the largest from the first row's logits

    @property
    def label(self) -> str:
        """The label with the largest logit."""
        return LABELS[self.logits.index(max(self.logits))]


@lru_cache(maxsize=1)
def _experiment_model(name, settings):
    return load_model(name, settings.seed, settings=settings)[0]


def experiment_model(settings: Settings) -> Any:
    """The model that experiments ask, in float32 on the CPU as transformers runs it."""
    return _experiment_model(ASKED, settings)


def padding_proof(
    sentence1: str,
    sentence2: str,
    padding: int = 64,
    max_length: int = 128,
    truncation: bool = True,
    *,
    settings: Settings,
) -> list[Answer]:
    """One pair alone, with `padding` positions more, and with those but no mask -> [Answer, Answer,
    Answer].

    Raises InputError where the model hasn't so many positions.
    """
    import torch

    padding = settings.checked("max_added_padding", padding)
    model, (tokenizer, _) = experiment_model(settings), tokenizer_for(ASKED, settings)
    encoding = tokenize_function(
        tokenizer, {"sentence1": sentence1, "sentence2": sentence2}, max_length, truncation
    )
    length, most = len(encoding["input_ids"]), model.config.max_position_embeddings
    if length + padding > most:
        raise InputError(
            say(
                "This pair has {length} tokens. With {padding} padding tokens it exceeds the "
                "model's {most} positions. Add less padding, or lower max_length.",
                length=length,
                padding=padding,
                most=most,
            )
        )
    alone = tokenizer.pad([encoding], return_tensors="pt")
    padded = tokenizer.pad(
        [encoding], padding="max_length", max_length=length + padding, return_tensors="pt"
    )
    unmasked = {**padded, "attention_mask": torch.ones_like(padded["attention_mask"])}
    rows = {"alone": alone, "padded": padded, "padded, mask removed": unmasked}
    with torch.inference_mode():
        logits = {name: model(**batch).logits[0].tolist() for name, batch in rows.items()}
    return [
        Answer(
            name,
            batch["input_ids"].shape[1],
            int(batch["attention_mask"].sum()),
            logits[name],
            softmax(logits[name]),
            max(abs(a - b) for a, b in zip(logits[name], logits["alone"], strict=True)),
        )
        for name, batch in rows.items()
    ]


# ---------------------------------------------------------------- what padding costs


@dataclass(frozen=True)
class Cost:
    """One way to pad the same rows. `seconds` of a forward pass over all its batches; None until
    measured.
    """

    strategy: str
    batches: list[tuple[int, int]]  # (rows, seq_len)
    cells: int
    padding: int
    share: float
    seconds: float | None = None
    turns: int = 0  # of which the best counts
    # False with seconds: reckoned from the cells, since measuring would have taken too long
    measured: bool = False


def checked_batch_size(batch_size: Any, rows: int, settings: Settings) -> int:
    """`batch_size` as an int from 1 to the cap; an InputError otherwise. More than `rows` is one
    batch.
    """
    return min((settings).checked("max_rows", batch_size), max(rows, 1))


def padding_costs(lengths: list[int], batch_size: int, max_length: int = 128) -> list[Cost]:
    """Tokens a row -> [Cost of each of STRATEGIES], nothing measured yet. No length is above
    max_length.
    """
    costs = [padding_cost(lengths, batch_size, strategy, max_length) for strategy in STRATEGIES]
    return [
        Cost(strategy, cost["batches"], cost["cells"], cost["padding"], cost["share"])
        for strategy, cost in zip(STRATEGIES, costs, strict=True)
    ]


def measured_costs(
    lengths: list[int], batch_size: int, max_length: int = 128, *, settings: Settings
) -> list[Cost]:
    """padding_costs with the seconds of forward passes of the embedded checkpoint over all batches.

    What a pass takes depends on the shape alone, so the batches hold one and the same token
    wherever a token is, and each shape is measured once a turn, whichever ways have a batch of it.
    The sum of many short measurements, each at its best, is steadier than one long one.
    """
    model, costs = experiment_model(settings), padding_costs(lengths, batch_size, max_length)
    batches: dict[tuple[int, int], Any] = {}
    for cost in costs:
        for shape, batch in zip(
            cost.batches,
            _tensors(lengths, batch_size, cost, model.config.pad_token_id),
            strict=True,
        ):
            batches.setdefault(shape, batch)
    cells = {(rows, seq_len): rows * seq_len for rows, seq_len in batches}
    best, turns = best_turns(partial(_forward, model), batches, cells, settings.experiment_seconds)
    largest = max(best, key=lambda shape: cells[shape])
    rate = best[largest] / cells[largest]  # seconds a cell
    return [
        replace(
            cost,
            seconds=sum(best.get(shape, rate * cells[shape]) for shape in cost.batches),
            turns=turns,
            measured=all(shape in best for shape in cost.batches),
        )
        for cost in costs
    ]


def _tensors(lengths, batch_size, cost, pad_token_id):
    """The batches of one strategy: [{"input_ids", "attention_mask"}, …], each (rows, seq_len)."""
    import torch

    batches = []
    for rows, (_, seq_len) in zip(
        batched_rows(lengths, batch_size, cost.strategy), cost.batches, strict=True
    ):
        mask = (
            torch.arange(seq_len)[None, :] < torch.tensor([lengths[row] for row in rows])[:, None]
        )
        batches.append(
            {
                "input_ids": torch.where(mask, pad_token_id + 1, pad_token_id),
                "attention_mask": mask.long(),
            }
        )
    return batches


def _forward(model, batch):
    import torch

    with torch.inference_mode():
        model(**batch)


def best_turns(
    work: Callable[[Any], object], candidates: dict[Any, Any], sizes: dict[Any, int], seconds: float
) -> tuple[dict[Any, float], int]:
    """({name: the shortest time of work(candidate)} within about `seconds`, in turns, the smallest
    first; whole turns).

    A candidate that would take longer than what is left, by its size and what the others took, is
    left out.
    """
    best: dict[Any, float] = {}
    names, began = sorted(candidates, key=lambda name: sizes[name]), time.perf_counter()
    work(candidates[names[0]])  # the first call pays for what is loaded and allocated once
    for turn in range(MOST_TURNS):
        for name in names if turn == 0 else list(best):
            known = max((best[other] / sizes[other] for other in best), default=0)
            if best and time.perf_counter() - began + best.get(name, known * sizes[name]) > seconds:
                if turn:
                    return best, turn
                continue
            start = time.perf_counter()
            work(candidates[name])
            best[name] = min(best.get(name, float("inf")), time.perf_counter() - start)
    return best, MOST_TURNS


# ---------------------------------------------------------------- why batched=True


@dataclass(frozen=True)
class MapTimes:
    """Dataset.map over the same rows both ways, in seconds, the best of `turns`; `same`: whether
    both made the same ids.
    """

    rows: int
    one_by_one: float
    batched: float
    turns: int
    same: bool

    @property
    def ratio(self) -> float:
        """How many times as fast batched=True was."""
        return self.one_by_one / self.batched


def map_times(
    tokenizer: PreTrainedTokenizerFast,
    rows: dict[str, list],
    max_length: int,
    settings: Settings,
) -> MapTimes:
    """Rows, a dict of columns, through Dataset.map one by one and with batched=True, in turns ->
    MapTimes.

    datasets' cache is off, and its fingerprint (a hash of the function, for that cache) given: only
    the mapping is timed.
    """
    from datasets import Dataset

    dataset = Dataset.from_dict(rows)
    tokenize = partial(
        tokenize_function, tokenizer, max_length=checked_length(max_length, tokenizer, settings)
    )

    def mapped(rows, batched):
        return rows.map(
            tokenize,
            batched=batched,
            load_from_cache_file=False,
            keep_in_memory=True,
            new_fingerprint="timed",
        )

    # Several rows: the tokenizer starts its threads with the first that it shares out among them
    mapped(dataset.select(range(min(len(dataset), 16))), True)
    times: dict[bool, list[float]] = {False: [], True: []}
    made, began = {}, time.perf_counter()
    while len(times[True]) < MOST_TURNS:
        for batched in times:
            start = time.perf_counter()
            made[batched] = mapped(dataset, batched)["input_ids"][:]
            times[batched].append(time.perf_counter() - start)
        # At least once each; another turn only where it fits
        if (
            time.perf_counter() - began + times[False][-1] + times[True][-1]
            > settings.experiment_seconds
        ):
            break
    best = min(times[False]), min(times[True])
    return MapTimes(len(dataset), *best, len(times[True]), made[False] == made[True])
