"""The answer after each layer: the trained head, put on each layer's first row ([CLS]).

>>> pairs = ("A cat sat.", "A cat was sitting."), ("A cat was sitting.", "A cat sat.")
>>> found = layer_answers("adapter:paraphrase", *pairs, settings=Settings())
>>> [answer.layer for answer in found.answers], found.answers[0].cosine > 0.999
([0, 1, 2, 3, 4, 5, 6], True)

The head was trained on the last layer's row alone: what it makes of an earlier one says how far
that row has come, not what the layer "thinks". Before the first layer the row of [CLS] is the same
for every pair, and so is the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.hub.isolated import ask
from pipeline.inside.calls import heard
from pipeline.inside.forward import Encoded, Loaded, Pair, encoded, loaded
from pipeline.inside.way_through import encoder_layers, walked
from pipeline.prediction import checked_logits
from pipeline.settings import Settings

if TYPE_CHECKING:  # importing torch takes seconds
    from torch import Tensor

    from pipeline.hub.sources import Origin


@dataclass(frozen=True)
class LayerAnswer:
    """What the head answers after a layer; 0 is before the first."""

    layer: int
    logits: dict[str, float]  # by label
    probabilities: dict[str, float]
    cosine: float  # of this layer's first row with the other pair's: 1 where they point one way


@dataclass(frozen=True)
class LayerAnswers:
    """A pair's answers after each layer, the last one being the model's own."""

    origin: Origin
    answers: tuple[LayerAnswer, ...]
    pair: Pair
    other: Pair


def layer_answers(
    checkpoint: str, pair: Pair, other: Pair, max_length: int = 128, *, settings: Settings
) -> LayerAnswers:
    """The answers to `pair` after each layer, and how alike its first row is to that of `other`.

    Raises InputError as way_through does, and NoAnswer where a logit is NaN.
    """
    return ask(checkpoint, _layer_answers, pair, other, max_length, weights=True, settings=settings)


def _layer_answers(checkpoint, pair, other, max_length, settings):
    """`layer_answers` where the checkpoint may be opened."""
    import torch

    opened = loaded(checkpoint, settings)
    encoder_layers(opened)  # before anything is computed
    batches = [encoded(opened, [each], max_length, settings) for each in (pair, other)]
    with torch.inference_mode():
        logits, states = logits_by_layer(opened, batches[0])
        others, _own = _states(opened, batches[1])
        shares = logits.double().softmax(-1)
        cosines = torch.cosine_similarity(_first_rows(states), _first_rows(others))
    labels = opened.labels
    rows = zip(logits.tolist(), shares.tolist(), cosines.tolist(), strict=True)
    answers = tuple(
        LayerAnswer(
            layer,
            dict(zip(labels, its_logits, strict=True)),
            dict(zip(labels, its_shares, strict=True)),
            cosine,
        )
        for layer, (its_logits, its_shares, cosine) in enumerate(rows)
    )
    return LayerAnswers(opened.origin, answers, pair, other)


def logits_by_layer(opened: Loaded, batch: Encoded) -> tuple[Tensor, list[Tensor]]:
    """(the head's logits before the first layer and after each, (layers + 1, labels); the rows that
    they are made of, (1, positions, width) each). batch: one pair's.

    Raises NoAnswer where a logit is NaN.
    """
    import torch

    states, own = _states(opened, batch)
    checked_logits(own[0].tolist())
    # Most heads read the first row alone: the others needn't go along
    logits = answers_to(opened, batch, states, 1)
    if not torch.allclose(logits[-1], own[0], atol=1e-4):
        logits = answers_to(opened, batch, states)
    return logits, states


def _states(opened, batch):
    """([what goes into the first layer and what each gives, (1, positions, width)], the logits)"""
    walk = walked(opened, batch)
    return [walk.entered[0], *walk.left], walk.logits


def _first_rows(states):
    import torch

    return torch.cat([state[:, 0] for state in states])  # (layers + 1, width)


def answers_to(
    opened: Loaded, batch: Encoded, states: list[Tensor], positions: int | None = None
) -> Tensor:
    """The head's logits (len(states), labels) for each of `states` (1, positions, width) in place
    of what the last layer gives. batch: one pair's.

    Whatever a model's head is, it gets them as it gets its own: the last layer's output is
    exchanged during one forward pass of as many rows. positions: only so many of the first.
    """
    import torch

    stacked = torch.cat(states)[:, :positions]  # (layers + 1, positions, width)

    def exchange(_layer, _given, gave):
        return (stacked, *gave[1:]) if isinstance(gave, tuple) else stacked

    rows = {
        name: tensor.expand(len(states), -1)[:, :positions].contiguous()
        for name, tensor in batch.tensors.items()
    }
    with heard(encoder_layers(opened)[-1], exchange):
        return opened.model(**rows).logits
