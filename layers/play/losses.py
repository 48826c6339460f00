"""A prediction and a target through each loss, in every reduction."""

from dataclasses import dataclass

import torch
from torch import nn

REGRESSION = ("L1Loss", "MSELoss")


@dataclass(frozen=True)
class Losses:
    """One loss in its three reductions."""

    none: list | float  # one value an element (L1, MSE) or an example (cross-entropy)
    none_shape: tuple[int, ...]
    sum: float
    mean: float
    worked_out: str  # the mean in numbers
    predict_shape: tuple[int, ...]
    target_shape: tuple[int, ...]


def regression_loss(predict, target, loss="MSELoss"):
    """Two equal shapes through L1Loss or MSELoss -> Losses.

    >>> regression_loss([1.0, 4.0], [0.0, 2.0]).worked_out
    'mean = sum / n = 5 / 2 = 2.5'
    """
    if loss not in REGRESSION:
        raise ValueError(f"loss is {loss!r}. Choose one of {', '.join(REGRESSION)}.")
    predict, target = torch.as_tensor(predict, dtype=torch.float32), torch.as_tensor(target, dtype=torch.float32)
    if predict.shape != target.shape:
        raise ValueError(
            f"predict has the shape {tuple(predict.shape)}, target {tuple(target.shape)}. Make them equal: PyTorch "
            "would broadcast what it can, warn, and compare values that don't belong together."
        )
    if not predict.numel():
        raise ValueError("predict and target are empty; a mean of nothing isn't a number. Give at least one value.")
    return _reduced(getattr(nn, loss), predict, target)


def cross_entropy(logits, target):
    """(N, C) or (C) logits, and indices (N) or class probabilities (N, C) -> Losses."""
    logits = torch.as_tensor(logits, dtype=torch.float32)
    if logits.dim() not in (1, 2) or not logits.numel():
        raise ValueError(f"logits have the shape {tuple(logits.shape)}. Give N × C numbers, or C for one example.")
    target = torch.as_tensor(target)
    if target.shape == logits.shape:
        target = _probabilities(target.float())
    elif target.shape == logits.shape[:-1]:
        target = _indices(target, logits.shape[-1])
    else:
        raise ValueError(
            f"target has the shape {tuple(target.shape)}, logits {tuple(logits.shape)}. Give one class index an "
            f"example, {tuple(logits.shape[:-1])}, or probabilities of the logits' shape."
        )
    return _reduced(nn.CrossEntropyLoss, logits, target)


def _indices(target, classes):
    if target.is_floating_point() and not torch.equal(target, target.round()):
        raise ValueError(f"target is {target.tolist()}. Class indices are whole numbers from 0 to {classes - 1}.")
    target = target.long()
    if target.min() < 0 or target.max() >= classes:
        raise ValueError(
            f"target is {target.tolist()}, but there are {classes} classes. Choose indices 0 to {classes - 1}."
        )
    return target


def _probabilities(target):
    if (target < 0).any() or not torch.allclose(target.sum(dim=-1), torch.ones(()), atol=1e-4):
        raise ValueError(
            f"target's rows are {target.tolist()}. As class probabilities each is 0 to 1, and they add up to 1."
        )
    return target


def _reduced(loss, predict, target):
    none, total, mean = (loss(reduction=reduction)(predict, target) for reduction in ("none", "sum", "mean"))
    return Losses(
        none.tolist(), tuple(none.shape), total.item(), mean.item(),
        f"mean = sum / n = {total.item():.6g} / {none.numel()} = {mean.item():.6g}",
        tuple(predict.shape), tuple(target.shape),
    )  # fmt: skip
