"""A model beside its start: the answers to one pair, where the heads look, how far weights moved.

>>> found = changes("adapter:paraphrase", ("A cat sat.", "A cat was sitting."), settings=Settings())
>>> found.start, [part.name for part in found.parts if part.layer is None]
('adapter:pair-warmed', ['embeddings', 'pooler', 'classifier'])
>>> found.layers, [round(shares[-1]["equivalent"], 2) for shares in (found.before, found.after)]
(6, [0.64, 0.81])
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from languages import say
from pipeline.errors import InputError
from pipeline.hub.isolated import ask
from pipeline.hub.sources import RUN_PREFIX
from pipeline.inside.attention import attention_of, pictures
from pipeline.inside.forward import Loaded, Pair, encoded, loaded
from pipeline.inside.layer_answers import logits_by_layer
from pipeline.memory import LoadCache
from pipeline.model import load_model
from pipeline.runs.folder import run_folder
from pipeline.runs.progress import look_at
from pipeline.settings import READY, WARMED, Settings

if TYPE_CHECKING:  # importing torch takes seconds
    from torch import Tensor
    from torch.nn import Module, Parameter

OF_A_LAYER = ("attention", "feed-forward", "LayerNorm")


@dataclass(frozen=True)
class Part:
    """Weights of one kind, of a layer (from 1) or of none. moved: ‖Δw‖ / ‖w‖ from the start on,
    exactly 0 where nothing moved them; infinite where they were all 0.
    """

    name: str
    layer: int | None
    parameters: int
    moved: float


@dataclass(frozen=True)
class Heads:
    """Where heads look, before and after. pictures: [layer][head] as attention.py draws them, the
    last of each layer the mean of its heads; "difference": of the weights' absolute differences.
    shift: [layer][head], the share of its attention that a head gives to others than before, 0 to
    1, averaged over the pair's tokens.
    """

    side: int
    pictures: dict[str, list[list[bytes]]]  # of "before", "after", "difference"
    shift: list[list[float]]


@dataclass(frozen=True)
class Changes:
    """What a model does with a pair, beside what its start did. before, after: the probabilities by
    label, before the first layer and after each.
    """

    start: str
    before: list[dict[str, float]]
    after: list[dict[str, float]]
    parts: list[Part]
    heads: Heads | None  # None for a model that doesn't show its attention
    layers: int


def start_of(checkpoint: str, settings: Settings) -> tuple[str, int]:
    """(the checkpoint that a model was fine-tuned from, the seed of its new head).

    Raises InputError for a model that was fine-tuned from none.
    """
    if checkpoint == READY:
        return WARMED, settings.seed
    if checkpoint.startswith(RUN_PREFIX):
        run = look_at(run_folder(checkpoint.removeprefix(RUN_PREFIX), settings))
        # What was loaded: another one may have stood in for the one that was asked for
        told = (run.first("start") or {}).get("model") or {}
        if start := told.get("loaded") or run.config.get("checkpoint"):
            return str(start), run.config.get("seed", settings.seed)
    raise InputError(
        say(
            "This model is a start: no run has changed it. Fine-tune it under “Trainer”, and "
            "choose your run's model here."
        )
    )


def changes(checkpoint: str, pair: Pair, max_length: int = 128, *, settings: Settings) -> Changes:
    """What fine-tuning changed inside a model, seen on one pair. Raises InputError as start_of, and
    where the start can't be had.
    """
    start = start_of(checkpoint, settings)
    return ask(
        checkpoint,
        _changes,
        pair,
        start,
        max_length,
        weights=True,
        start=start[0],
        settings=settings,
    )


def _changes(checkpoint, pair, start, max_length, settings):
    """`changes` where the checkpoint may be opened."""
    import torch

    after = loaded(checkpoint, settings)
    # Its own labels: a visitor's own pairs have some that no task names
    model, origin = _loaded_start(start, after.labels, settings)
    before = Loaded(model, after.tokenizer, origin)
    batch = encoded(after, [pair], max_length, settings)
    with torch.inference_mode():
        answers = [_shares(each, logits_by_layer(each, batch)[0]) for each in (before, after)]
        parts = list(moved_parts(before, after))
        try:
            heads = _heads(*(attention_of(each, batch)[0] for each in (before, after)))
        except InputError:  # it doesn't show its attention
            heads = None
    return Changes(start[0], *answers, parts, heads, len(answers[0]) - 1)


# A class compares its runs with one start
_starts = LoadCache(1)


def _loaded_start(start, labels, settings):
    """(the start's model, its Origin), remembered for the last one."""
    name, seed = start

    def load():
        model, origin = load_model(name, seed, labels, settings=settings)
        if origin.stands_in:
            raise InputError(
                say(
                    "This run started from {name}, which can't be had from the Hub now, so there "
                    "is nothing to compare with. Try again when the Hub can be reached.",
                    name=name[:80],
                )
            )
        model.set_attn_implementation("eager")
        return model, origin

    return _starts.get((name, seed, labels, settings), load)


def _shares(opened: Loaded, logits: Tensor) -> list[dict[str, float]]:
    shares = logits.double().softmax(-1).tolist()
    return [dict(zip(opened.labels, row, strict=True)) for row in shares]


def _heads(before: tuple[Tensor, ...], after: tuple[Tensor, ...]) -> Heads:
    differences = [(one - other).abs() for one, other in zip(before, after, strict=True)]
    side, drawn_before = pictures(before)
    drawn = {
        "before": drawn_before,
        "after": pictures(after)[1],
        "difference": pictures(differences)[1],
    }
    # Two rows that sum to 1 differ by twice what one gives to others than the other does
    shift = [(0.5 * layer[0].sum(-1).mean(-1)).tolist() for layer in differences]
    return Heads(side, drawn, shift)


# ---------------------------------------------------------------- weights


def moved_parts(before: Loaded, after: Loaded) -> Iterator[Part]:
    """Each part's weights beside the start's, layer by layer, in the order in which they are used.

    Raises InputError where the two models don't have the same weights.
    """
    starts = dict(before.model.named_parameters())
    groups: dict[tuple[str, int | None], list[tuple[Parameter, Parameter]]] = {}
    for name, parameter in after.model.named_parameters():
        start = starts.get(name)
        if start is None or start.shape != parameter.shape:
            raise InputError(
                say("This model has other weights than its start, so they can't be compared.")
            )
        groups.setdefault(_part_of(name, parameter, after), []).append((start, parameter))
    for (name, layer), pairs in groups.items():
        parameters = sum(parameter.numel() for _start, parameter in pairs)
        yield Part(name, layer, parameters, _moved(pairs))


def _moved(pairs: list[tuple[Parameter, Parameter]]) -> float:
    from torch import float64
    from torch.linalg import vector_norm

    def length(vectors: Iterator[Tensor]) -> float:
        """Of all of them as one vector, summed in float64, without a copy of it."""
        return math.hypot(*(vector_norm(each, dtype=float64).item() for each in vectors))

    apart = length(now - start for start, now in pairs)
    whole = length(start for start, _now in pairs)
    return apart / whole if whole else (math.inf if apart else 0.0)


def _part_of(name: str, parameter: Parameter, opened: Loaded) -> tuple[str, int | None]:
    """(what a weight belongs to, its layer from 1 or None)."""
    for number, layer in enumerate(opened.layers or (), 1):
        for path, module in layer.named_modules():
            if any(each is parameter for each in module.parameters(recurse=False)):
                return _kind_in_layer(path.lower(), module), number
    if not any(each is parameter for each in opened.encoder.parameters()):
        return "classifier", None
    path = name.lower()
    kinds: Mapping[str, str] = {"embed": "embeddings", "pooler": "pooler"}
    return next((kind for word, kind in kinds.items() if word in path), "rest"), None


def _kind_in_layer(path: str, module: Module) -> str:
    """Which of OF_A_LAYER a module's own weights belong to. path: the module's name in its layer,
    in lower case.

    A norm is known by its class: GPT-2 calls it ln_1, and RoBERTa-PreLayerNorm's own name holds
    "norm".
    """
    if "norm" in type(module).__name__.lower():
        return "LayerNorm"
    return "attention" if "attn" in path or "attention" in path else "feed-forward"
