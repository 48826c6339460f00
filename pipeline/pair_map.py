"""Pairs as points: the vector that a classifier reads of each pair, projected to two numbers.

Of BERT that vector is the last layer's [CLS]. The plane is the one of a PCA that is fitted before
training, so that the points of a run move in one plane from evaluation to evaluation.

>>> plane = fitted_plane([[0, 0, 1], [4, 0, 1], [2, 1, 1], [2, -1, 1]])
>>> plane.points([[3, 5, 9]]), round(plane.variance_held([[0, 0, 0], [1, 0, 1]]), 6)
([[1.0, 5.0]], 0.5)
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.hub.checkpoint_rules import CAUSAL

if TYPE_CHECKING:  # importing these takes seconds
    from numpy.typing import ArrayLike
    from torch import Tensor
    from transformers import PretrainedConfig, PreTrainedModel

# They answer from the last token that isn't padding; all others of this app from the first one
READ_THE_LAST = (*CAUSAL, "bart", "mt5", "t5", "umt5", "xlnet")
DECIMALS = 4  # of a point's coordinates


# ---------------------------------------------------------------- the vectors


def vectors_read(hidden: Tensor, attention_mask: Tensor, config: PretrainedConfig) -> Tensor:
    """What a classifier reads of its body's last hidden states: (pairs, positions, hidden size) ->
    (pairs, hidden size). attention_mask: (pairs, positions).
    """
    import torch

    # ModernBERT and EuroBERT say it; "late" averages the logits of all tokens, to the same effect
    if getattr(config, "classifier_pooling", "") in ("mean", "late"):
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)  # (pairs, positions, 1)
        return (hidden * mask).sum(1) / mask.sum(1)
    if config.model_type not in READ_THE_LAST:
        return hidden[:, 0]
    positions = torch.arange(hidden.shape[1], device=hidden.device)
    last = (positions * attention_mask).argmax(-1)  # (pairs,)
    return hidden[torch.arange(len(hidden), device=hidden.device), last]


class VectorReader:
    """Keeps what the classifier reads in each forward pass in eval mode, until it is taken."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._config, self._kept = model.config, list[Any]()
        self.is_paused = False
        model.base_model.register_forward_hook(self._keep, with_kwargs=True)

    def _keep(self, body, arguments, keywords, outputs):
        if body.training or self.is_paused:
            return
        vectors = vectors_read(outputs[0].detach(), keywords["attention_mask"], self._config)
        self._kept.append(vectors.float().cpu())

    def take(self) -> Tensor | None:
        """The vectors since the last time, (pairs, hidden size) in float32; None without any."""
        import torch

        kept, self._kept = self._kept, []
        return torch.cat(kept) if kept else None


# ---------------------------------------------------------------- the plane
# In PyTorch, which raises an error where it gets no memory. SciPy's OpenBLAS 0.3.30, with which
# scikit-learn's PCA computes, asks for it again for ever; NumPy's ends the process.


def _in_float64(values: ArrayLike | Tensor) -> Tensor:
    import torch

    return torch.as_tensor(values, dtype=torch.float64)


@dataclass(frozen=True)
class Plane:
    """A PCA's two first components. mean: (hidden size,); axes: (2, hidden size)."""

    mean: tuple[float, ...]
    axes: tuple[tuple[float, ...], tuple[float, ...]]

    def points(self, vectors: ArrayLike | Tensor) -> list[list[float]]:
        """Where each vector lies in the plane, [[x, y], ...]; NaN where a vector is NaN."""
        points = (_in_float64(vectors) - _in_float64(self.mean)) @ _in_float64(self.axes).T
        return [[round(x, DECIMALS), round(y, DECIMALS)] for x, y in points.tolist()]  # (pairs, 2)

    def variance_held(self, vectors: ArrayLike | Tensor) -> float:
        """The share of these vectors' variance that lies in the plane, 0 to 1; NaN without any
        variance.
        """
        vectors = _in_float64(vectors)
        centred = vectors - vectors.mean(0)
        whole = centred.square().sum().item()
        in_plane = (centred @ _in_float64(self.axes).T).square().sum().item()
        return in_plane / whole if whole > 0 else math.nan


def fitted_plane(vectors: ArrayLike | Tensor) -> Plane | None:
    """The plane in which these vectors vary most, as scikit-learn's PCA finds it; None where one
    is NaN or infinite, or all are the same.
    """
    import torch

    vectors = _in_float64(vectors)
    varies = vectors.isfinite().all() and (vectors != vectors[:1]).any()
    if not varies or min(vectors.shape) < 2:
        return None
    mean = vectors.mean(0)
    axes = torch.linalg.svd(vectors - mean, full_matrices=False).Vh[:2]  # (2, hidden size)
    # Either sign of an axis gives this plane: its largest number is positive, as in scikit-learn
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    first, second = (tuple(axis) for axis in (axes * largest.sign()).tolist())
    return Plane(tuple(mean.tolist()), (first, second))


def plane_from(values: Any) -> Plane | None:
    """The plane of which `dataclasses.asdict` made these values; None for anything else."""
    if not isinstance(values, dict):
        return None
    mean: Any = values.get("mean")
    axes: Any = values.get("axes")
    rows = [mean, *axes] if isinstance(axes, list) and len(axes) == 2 else []
    if not rows or not all(isinstance(row, list) and len(row) == len(mean) for row in rows):
        return None
    if not all(type(number) is float and math.isfinite(number) for row in rows for number in row):
        return None
    return Plane(tuple(mean), (tuple(axes[0]), tuple(axes[1])))


def are_points(values: Any) -> bool:
    """Whether what was read from a file is [[x, y], ...], all numbers finite.

    >>> are_points([[0.5, -1], [2.0, 0.0]]), are_points([[0.5]]), are_points([[math.nan, 0.0]])
    (True, False, False)
    """
    return isinstance(values, list) and all(
        isinstance(point, list)
        and len(point) == 2
        and all(type(number) in (int, float) and abs(number) < 1e15 for number in point)
        for point in values
    )


# ---------------------------------------------------------------- what points tell


def share_between(points: Sequence[Sequence[float]], labels: Sequence[int]) -> float:
    """Which share of the points' scatter is between the labels' centres, 0 to 1: 0 where all labels
    lie about one centre, 1 where each has a place of its own. NaN where all points are one.

    >>> share_between([(0, 0), (2, 0), (0, 0), (2, 0)], [0, 0, 1, 1])
    0.0
    >>> share_between([(0, 0), (2, 0), (4, 0), (6, 0)], [0, 0, 1, 1])
    0.8
    """
    whole = _scatter(points)
    groups = [
        [point for point, own in zip(points, labels, strict=True) if own == label]
        for label in set(labels)
    ]
    return 1 - sum(map(_scatter, groups)) / whole if whole > 0 else math.nan


def centre(points: Sequence[Sequence[float]]) -> tuple[float, float]:
    """The mean of some points."""
    return sum(x for x, _y in points) / len(points), sum(y for _x, y in points) / len(points)


def _scatter(points):
    """The sum of the squared distances from the points' centre."""
    middle = centre(points)
    return sum(math.dist(point, middle) ** 2 for point in points)


# ---------------------------------------------------------------- during a run


class PairMap:
    """The points of the pairs that a model's evaluations judge, in the plane of the first one."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._reader = VectorReader(model)
        self.plane: Plane | None = None
        self._told: dict[str, Any] = {}

    def told(self, order: Sequence[int] | None) -> dict[str, Any]:
        """Of the last evaluation: {"points": [[x, y], ...] by row, "held": the share of the pairs'
        variance that the plane holds}; {} where that can't be told. order: the row of each pair in
        the order in which they were judged.
        """
        import torch

        vectors = self._reader.take()
        if vectors is None:  # asked again, or remembered
            return self._told
        self._told = {}
        if order is not None and len(order) == len(vectors):
            by_row = vectors[torch.as_tensor(order).argsort()]  # (pairs, hidden size)
            self.plane = self.plane or fitted_plane(by_row)
            if self.plane and by_row.isfinite().all():
                held = self.plane.variance_held(by_row)
                self._told = {"points": self.plane.points(by_row), "held": held}
        return self._told

    def remember(self, plane: Plane | None, told: dict[str, Any]) -> None:
        """What an earlier run was told of the same weights: `told` gives it back."""
        self.plane, self._told = plane, told

    @contextmanager
    def paused(self) -> Iterator[None]:
        """A context in which the model reads other pairs than those of an evaluation."""
        self._reader.is_paused = True
        try:
            yield
        finally:
            self._reader.is_paused = False

    def own_point(self) -> dict[str, Any]:
        """Of the pair that the model has just read by itself: {"own_point": [x, y]}, or {}."""
        vectors = self._reader.take()
        if vectors is None or self.plane is None:
            return {}
        return {"own_point": self.plane.points(vectors)[0]}
