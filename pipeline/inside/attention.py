"""Where a model's heads look: the weights of each head on one pair, and what heads do on a hundred.

>>> pair = ("A cat sat.", "A cat was sitting.")
>>> heads, shown = all_heads("adapter:paraphrase", pair, settings=Settings())
>>> heads.layers, heads.heads, heads.side
(6, 12, 12)
>>> len(shown.weights), round(sum(shown.weights[0]), 4)
(12, 1.0)

A head's weights are softmax(Q·Kᵀ/√d + mask), one row a token, and each row sums to 1. They are the
model's own (`output_attentions`). All of them are 12 × 12 × 512 × 512 numbers for 512 positions of
BERT-base: what leaves this file is scaled, or is one head's, and plain data, for a stranger's
checkpoint is open in another process.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from languages import say
from pipeline.errors import InputError, NoAnswer, shown
from pipeline.hub.isolated import ask
from pipeline.inside.forward import Encoded, Loaded, Pair, encoded, loaded
from pipeline.memory import LoadCache
from pipeline.settings import Settings

if TYPE_CHECKING:  # importing these takes seconds
    from torch import Tensor

    from pipeline.hub.sources import Origin

# A small picture has so many rows and columns at most, all of a model's so many cells together: in
# four bits a cell they are 320 kB, whatever the model
MOST_SIDE, MOST_CELLS = 64, 640_000
# The large picture, and the most tokens of which all rows are sent
MOST_ROWS = 128
# What a head may look at. A token can be two of them: the one before the first word is [CLS].
KINDS = ("same", "previous", "next", "itself", "first", "separator")
HABIT_PAIRS, HABIT_SECONDS = 100, 8.0


@dataclass(frozen=True)
class Choice:
    """One head of one layer, and one token whose row is read; as a page names them."""

    layer: int  # from 1
    head: int | None = None  # from 1; None: the mean of the layer's heads
    token: int | None = None  # its position, from 0; None: one that tells something of the head


@dataclass(frozen=True)
class Looks:
    """How much of their attention heads give to each of KINDS, averaged over the tokens of the
    sentences that have such a one to look at. A kind that none of them has is left out.
    """

    shares: dict[str, list[list[float]]]  # {kind: [layer][head], 0 to 1}
    even: dict[str, float]  # {kind: what a head gives it that looks at all tokens alike}

    def best(self, kind: str, count: int = 3) -> list[tuple[int, int, float]]:
        """(layer, head, share) of the heads that look at it most, the first one most of all."""
        places = [
            (layer, head, share)
            for layer, shares in enumerate(self.shares[kind], 1)
            for head, share in enumerate(shares, 1)
        ]
        return sorted(places, key=lambda place: -place[2])[:count]


@dataclass(frozen=True)
class Heads:
    """All heads of a model on one pair."""

    pieces: list[str]
    sentences: list[int | None]  # of each token: 0 or 1, None for a special one
    side: int  # rows and columns of each picture
    # [layer][head]: side × side cells, 0 to 255: the root of the share with which the tokens of a
    # row look at those of a column. The last of each layer is the mean of its heads.
    pictures: list[list[bytes]]
    looks: Looks
    window: int | None  # ModernBERT: in some layers a token sees so many on each side
    origin: Origin

    @property
    def layers(self) -> int:
        """How many layers."""
        return len(self.pictures)

    @property
    def heads(self) -> int:
        """How many heads a layer has."""
        return len(self.pictures[0]) - 1


@dataclass(frozen=True)
class Head:
    """One head, or the mean of a layer's: its weights and its picture."""

    layer: int
    head: int | None
    token: int
    pieces: list[str]
    sentences: list[int | None]
    rows: list[int]  # the positions whose rows `weights` holds: all, or the chosen token's
    weights: list[list[float]]  # [row][position]
    side: int  # of its picture, MOST_ROWS at most
    picture: bytes  # as those of Heads

    @property
    def row(self) -> list[float]:
        """The chosen token's weights."""
        return self.weights[self.rows.index(self.token)]

    def most(self, position: int, count: int = 5) -> list[tuple[int, float]]:
        """(position, weight) of those at whom the token of a row looks most."""
        weights = self.weights[self.rows.index(position)]
        return sorted(enumerate(weights), key=lambda place: -place[1])[:count]


# ---------------------------------------------------------------- what is asked


def all_heads(
    checkpoint: str,
    pair: Pair,
    choice: Choice | None = None,
    max_length: int | None = None,
    *,
    settings: Settings,
) -> tuple[Heads, Head]:
    """Pair -> (all heads as pictures, the chosen one with its numbers).

    A choice that this model or this pair hasn't, and None, give way to the head that tells most.
    Raises InputError for what can't be taken, and for a model that doesn't show its attention.
    """
    length = max_length or settings.max_length
    return ask(checkpoint, _all_heads, pair, choice, length, weights=True, settings=settings)


def one_head(
    checkpoint: str,
    pair: Pair,
    choice: Choice,
    max_length: int | None = None,
    *,
    settings: Settings,
) -> Head:
    """One head's numbers. Raises InputError for a choice, too, that this model or pair hasn't."""
    length = max_length or settings.max_length
    return ask(checkpoint, _one_head, pair, choice, length, weights=True, settings=settings)


def _all_heads(checkpoint, pair, choice, max_length, settings):
    """`all_heads` where the checkpoint may be opened."""
    opened = loaded(checkpoint, settings)
    batch = encoded(opened, [pair], max_length, settings)
    attention, _logits = attention_of(opened, batch)
    looks = _looks(attention, _targets(batch))
    heads = Heads(
        batch.pieces[0],
        batch.sentences[0],
        *pictures(attention),
        looks,
        _window(opened),
        opened.origin,
    )
    try:
        chosen = _checked(choice or _telling_head(looks), attention)
    except InputError:
        chosen = _telling_head(looks)
    return heads, _head(attention, batch, chosen)


def _one_head(checkpoint, pair, choice, max_length, settings):
    """`one_head` where the checkpoint may be opened."""
    opened = loaded(checkpoint, settings)
    batch = encoded(opened, [pair], max_length, settings)
    attention, _logits = attention_of(opened, batch)
    return _head(attention, batch, _checked(choice, attention))


# ---------------------------------------------------------------- the weights


def attention_of(opened: Loaded, batch: Encoded) -> tuple[tuple[Tensor, ...], Tensor]:
    """A batch -> (each layer's weights (rows, heads, positions, positions), logits (rows, labels)).

    Raises InputError for a model that doesn't show its attention, NoAnswer where it is NaN.
    """
    import torch

    rows, positions = batch.tensors["input_ids"].shape
    with torch.inference_mode():
        output = opened.model(**batch.tensors, output_attentions=True)
    layers: tuple[Any, ...] = getattr(output, "attentions", None) or (None,)
    shape = (rows, positions, positions)
    if any(layer is None or (len(layer), *layer.shape[2:]) != shape for layer in layers):
        raise InputError(
            say(
                "{name} ({family}) doesn't give out one weight for each two tokens of a pair, as "
                "encoders do. Choose a model such as BERT, DistilBERT, RoBERTa, ELECTRA, "
                "ModernBERT or DeBERTa.",
                name=opened.origin.asked,
                family=opened.model.config.model_type,
            )
        )
    if not all(layer.isfinite().all() for layer in layers):
        raise NoAnswer(
            say(
                "This model's attention is NaN for this pair: its weights are NaN or infinite, as "
                "after a run whose loss became NaN. Choose another model."
            )
        )
    return tuple(layers), output.logits


def _window(opened: Loaded) -> int | None:
    config = opened.model.config
    is_local = "sliding_attention" in (getattr(config, "layer_types", None) or ())
    return config.sliding_window if is_local else None


def _head(attention: Sequence[Tensor], batch: Encoded, choice: Choice) -> Head:
    """The numbers of a choice that is there."""
    of_layer = attention[choice.layer - 1][0]  # (heads, positions, positions)
    weights = of_layer.mean(0) if choice.head is None else of_layer[choice.head - 1]
    pieces, sentences = batch.pieces[0], batch.sentences[0]
    token = _telling_token(weights, sentences) if choice.token is None else choice.token
    rows = list(range(len(pieces))) if len(pieces) <= MOST_ROWS else [token]
    side = min(len(pieces), MOST_ROWS)
    [picture] = _scaled(weights[None], side)
    sent = weights[rows].tolist()
    return Head(choice.layer, choice.head, token, pieces, sentences, rows, sent, side, picture)


def _checked(choice: Choice, attention: Sequence[Tensor]) -> Choice:
    """The choice, if this model has the head and this pair the token; else an InputError."""
    _rows, heads, positions, _columns = attention[0].shape
    _check("layer", choice.layer, 1, len(attention))
    if choice.head is not None:
        _check("head", choice.head, 1, heads)
    if choice.token is not None:
        _check("token", choice.token, 0, positions - 1)
    return choice


def _check(name: str, value: Any, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise InputError(
            say(
                "{name} is {value}, but {low} to {high} is there. Choose one of the pictures.",
                name=name,
                value=shown(value),
                low=low,
                high=high,
            )
        )


# ---------------------------------------------------------------- pictures


def pictures(attention: Sequence[Tensor]) -> tuple[int, list[list[bytes]]]:
    """(side, [layer][head]), each layer's heads and their mean."""
    import torch

    _rows, heads, positions, _columns = attention[0].shape
    most = math.isqrt(MOST_CELLS // (len(attention) * (heads + 1)))
    side = min(positions, MOST_SIDE, most)
    layers = [torch.cat([layer[0], layer[0].mean(0, keepdim=True)]) for layer in attention]
    return side, [_scaled(layer, side) for layer in layers]


def _scaled(weights: Tensor, side: int) -> list[bytes]:
    """Weights (heads, positions, positions) -> each head's picture of side × side cells, 0 to 255.

    A cell is the share with which its rows' tokens, on average, look at all of its columns' tokens:
    each row still sums to 1. A token that lies across two cells counts in each with its part. The
    root is drawn, or all but the largest weights would look like 0.
    """
    positions = weights.shape[-1]
    if side < positions:
        parts = _overlaps(positions, side).to(weights)  # (side, positions)
        weights = (parts * side / positions) @ weights @ parts.T
    cells = weights.clamp(0, 1).sqrt().mul(255).round().byte().cpu()
    return [picture.numpy().tobytes() for picture in cells]


def _overlaps(positions: int, side: int) -> Tensor:
    """How much of each position lies in each of `side` equal cells, (side, positions).

    >>> _overlaps(3, 2).tolist()
    [[1.0, 0.5, 0.0], [0.0, 0.5, 1.0]]
    """
    import torch

    begin = torch.arange(side)[:, None] * positions / side
    at = torch.arange(positions)
    end = begin + positions / side
    return (torch.minimum(end, at + 1) - torch.maximum(begin, at)).clamp(min=0)


# ---------------------------------------------------------------- what heads look at


def _targets(batch: Encoded) -> dict[str, Tensor]:
    """{kind: who (rows) could look at whom (columns) of it}, booleans (positions, positions) of the
    batch's only pair. The tokens of the sentences are those who look.
    """
    import torch

    ids = batch.tensors["input_ids"][0].cpu()
    positions = len(ids)
    sentence = torch.tensor([-1 if which is None else which for which in batch.sentences[0]])
    is_word = sentence >= 0
    at = torch.arange(positions)
    column, row = at[None], at[:, None]
    other = is_word[None] & (sentence[None] != sentence[:, None])
    is_separator = ~is_word & (at > 0)
    targets = {
        "same": (ids[None] == ids[:, None]) & other,
        "previous": column == row - 1,
        "next": column == row + 1,
        "itself": column == row,
        "first": (column == 0).expand(positions, positions),
        "separator": is_separator[None].expand(positions, positions),
    }
    found = {kind: mask & is_word[:, None] for kind, mask in targets.items()}
    return {kind: mask for kind, mask in found.items() if mask.any()}


def _looks(attention: Sequence[Tensor], targets: Mapping[str, Tensor]) -> Looks:
    """What each head of a pair's attention gives to each kind."""
    shares: dict[str, list[list[float]]] = {}
    even: dict[str, float] = {}
    # A decoder's tokens see only those before them, ModernBERT's those nearby
    seen = sum((layer[0] > 0).any(0) for layer in attention).bool().cpu()  # (positions, positions)
    alike = seen / seen.sum(-1, keepdim=True)
    for kind, mask in targets.items():
        rows = mask.any(-1)
        even[kind] = float((alike * mask)[rows].sum(-1).mean())
        given = [(layer[0].cpu() * mask)[:, rows].sum(-1).mean(-1) for layer in attention]
        shares[kind] = [layer.tolist() for layer in given]
    return Looks(shares, even)


def _telling_head(looks: Looks) -> Choice:
    """The head that tells a learner most: it finds the same word in the other sentence, else the
    one that comes first of KINDS.
    """
    kind = next((kind for kind in KINDS if kind in looks.shares), None)
    if kind is None:
        return Choice(1, 1)
    [(layer, head, _share)] = looks.best(kind, 1)
    return Choice(layer, head)


def _telling_token(weights: Tensor, sentences: Sequence[int | None]) -> int:
    """The position of the token that looks most at one other token of the sentences, else 0."""
    import torch

    is_word = torch.tensor([which is not None for which in sentences], device=weights.device)
    other = (
        is_word[None] & is_word[:, None] & ~torch.eye(len(is_word), dtype=torch.bool).to(is_word)
    )
    return int((weights * other).argmax()) // len(is_word)


# ---------------------------------------------------------------- a head's habit


@dataclass(frozen=True)
class Habits:
    """What heads look at on many pairs, on average."""

    looks: Looks
    pairs: int  # measured
    asked: int
    seconds: float

    @property
    def is_whole(self) -> bool:
        """Whether the time was enough for all pairs."""
        return self.pairs == self.asked


_habits_kept = LoadCache(16)


def habits(
    checkpoint: str,
    pairs: Sequence[Pair],
    max_length: int | None = None,
    *,
    settings: Settings,
) -> Habits:
    """What the heads look at on the first HABIT_PAIRS of these pairs, in HABIT_SECONDS at most;
    remembered for the last few models.
    """
    asked = tuple(pairs[:HABIT_PAIRS])
    length = max_length or settings.max_length

    def measured() -> Habits:
        return ask(checkpoint, _habits, asked, length, weights=True, settings=settings)

    return _habits_kept.get((checkpoint, hash(asked), length), measured, lambda made: made.is_whole)


def _habits(checkpoint, pairs, max_length, settings):
    """`habits` where the checkpoint may be opened."""
    began = time.monotonic()
    opened = loaded(checkpoint, settings)
    found: list[Looks] = []
    for pair in pairs:
        batch = encoded(opened, [pair], max_length, settings)
        attention, _logits = attention_of(opened, batch)
        found.append(_looks(attention, _targets(batch)))
        if time.monotonic() - began > HABIT_SECONDS:
            break
    return Habits(_mean(found), len(found), len(pairs), time.monotonic() - began)


def _mean(found: Sequence[Looks]) -> Looks:
    """Each pair counts as much as any other that has the kind."""
    import numpy

    shares: dict[str, list[list[float]]] = {}
    even: dict[str, float] = {}
    for kind in KINDS:
        those = [looks for looks in found if kind in looks.shares]
        if those:
            shares[kind] = numpy.mean([looks.shares[kind] for looks in those], axis=0).tolist()
            even[kind] = sum(looks.even[kind] for looks in those) / len(those)
    return Looks(shares, even)


# ---------------------------------------------------------------- padding


@dataclass(frozen=True)
class Padding:
    """A pair in a batch beside a longer one: what its tokens give to padding, with the mask and
    without.
    """

    tokens: int  # the pair's own
    width: int  # the batch's
    masked: float  # the largest weight of any token for padding, in any head, with the mask
    unmasked: list[list[float]]  # [layer][head]: the share that goes to padding without the mask
    even: float  # what it would be if all tokens were looked at alike
    # Logits of the pair, (labels,)
    alone: list[float]
    beside: list[float]
    without_mask: list[float]
    labels: list[str]
    origin: Origin


def padding(
    checkpoint: str, pair: Pair, max_length: int | None = None, *, settings: Settings
) -> Padding:
    """The pair beside one that says each sentence twice, as one batch.

    Raises InputError where the pair fills max_length, so that no other can be longer.
    """
    length = max_length or settings.max_length
    return ask(checkpoint, _padding, pair, length, weights=True, settings=settings)


def _padding(checkpoint, pair, max_length, settings):
    """`padding` where the checkpoint may be opened."""
    import torch

    opened = loaded(checkpoint, settings)
    alone = encoded(opened, [pair], max_length, settings)
    most = settings.max_characters
    longer = tuple(text and f"{text} {text}"[:most] for text in pair)
    batch = encoded(opened, [pair, longer], max_length, settings)
    is_padding = batch.tensors["attention_mask"][0] == 0
    if not is_padding.any():
        raise InputError(
            say(
                "The pair fills all {max_length} tokens of max_length, so no other pair can be "
                "longer and nothing is padded. Shorten a sentence.",
                max_length=max_length,
            )
        )
    ones = torch.ones_like(batch.tensors["attention_mask"])
    unmasked = Encoded({**batch.tensors, "attention_mask": ones}, batch.pieces, batch.sentences)
    attention, logits = attention_of(opened, batch)
    without, changed = attention_of(opened, unmasked)
    real, padded = torch.where(~is_padding)[0], torch.where(is_padding)[0]

    def given(layer: Tensor) -> Tensor:
        """What each head's real tokens give to padding, (heads, real tokens)."""
        return layer[0][:, real][:, :, padded].sum(-1)

    return Padding(
        len(real),
        len(is_padding),
        max(float(given(layer).max()) for layer in attention),
        [given(layer).mean(-1).tolist() for layer in without],
        len(padded) / len(is_padding),
        attention_of(opened, alone)[1][0].tolist(),
        logits[0].tolist(),
        changed[0].tolist(),
        [*opened.labels],
        opened.origin,
    )
