"""A prediction and a target through each loss, in every reduction."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from languages import say, say_plural
from layers.play import worked
from layers.play.backward import Layer, exact

REGRESSION = ("L1Loss", "MSELoss")


@dataclass(frozen=True)
class Losses:
    """One loss in its three reductions."""

    none: list | float  # one value an element (L1, MSE) or an example (cross-entropy)
    none_shape: tuple[int, ...]
    sum: float
    mean: float
    lines: list[str]  # each value of `none`, worked out in numbers
    sum_line: str
    mean_line: str
    predict_shape: tuple[int, ...]
    target_shape: tuple[int, ...]
    layer: Layer  # of the predictions, with reduction="none"


def regression_loss(predict: list, target: list, loss: str = "MSELoss") -> Losses:
    """Two equal shapes through L1Loss or MSELoss -> Losses.

    >>> made = regression_loss([1.0, 4.0], [0.0, 2.0])
    >>> made.lines, made.mean_line
    (['(1 − 0)² = 1', '(4 − 2)² = 4'], '5 / 2 = 2.5')
    """
    if loss not in REGRESSION:
        raise ValueError(
            say(
                "loss is {loss!r}. Choose one of {losses}.",
                loss=loss,
                losses=", ".join(REGRESSION),
            )
        )
    predictions = torch.as_tensor(predict, dtype=torch.float32)
    targets = torch.as_tensor(target, dtype=torch.float32)
    if predictions.shape != targets.shape:
        raise ValueError(
            say(
                "predict has the shape {predict_shape}, target {target_shape}. Make them equal: "
                "PyTorch would broadcast what it can, warn, and compare values that don't belong "
                "together.",
                predict_shape=tuple(predictions.shape),
                target_shape=tuple(targets.shape),
            )
        )
    if not predictions.numel():
        raise ValueError(
            say("predict and target are empty, so there is no mean. Give at least one value.")
        )
    return _reduced(getattr(nn, loss), predictions, targets)


def cross_entropy(logits: list, target: list) -> Losses:
    """(N, C) or (C) logits, and indices (N) or class probabilities (N, C) -> Losses."""
    rows = torch.as_tensor(logits, dtype=torch.float32)  # (N, C) or (C)
    if rows.dim() not in (1, 2) or not rows.numel():
        raise ValueError(
            say(
                "logits have the shape {shape}. Give N × C numbers, or C for one example.",
                shape=tuple(rows.shape),
            )
        )
    targets = torch.as_tensor(target)
    if targets.shape == rows.shape:
        targets = _probabilities(targets.float())
    elif targets.shape == rows.shape[:-1]:
        targets = _indices(targets, rows.shape[-1])
    else:
        raise ValueError(
            say(
                "target has the shape {target_shape}, logits {logits_shape}. Give one class "
                "index per example, {index_shape}, or probabilities in the shape of the logits.",
                target_shape=tuple(targets.shape),
                logits_shape=tuple(rows.shape),
                index_shape=tuple(rows.shape[:-1]),
            )
        )
    return _reduced(nn.CrossEntropyLoss, rows, targets)


def _indices(target, classes):
    if target.is_floating_point() and not torch.equal(target, target.round()):
        raise ValueError(
            say(
                "target is {target}. Class indices are whole numbers from 0 to {last}.",
                target=target.tolist(),
                last=classes - 1,
            )
        )
    target = target.long()
    if target.min() < 0 or target.max() >= classes:
        raise ValueError(
            say_plural(
                "target is {target}, but there is {count} class. Choose index {last}.",
                "target is {target}, but there are {count} classes. Choose indices 0 to {last}.",
                classes,
                target=target.tolist(),
                last=classes - 1,
            )
        )
    return target


def _probabilities(target):
    if (target < 0).any() or not torch.allclose(target.sum(dim=-1), torch.ones(()), atol=1e-4):
        raise ValueError(
            say(
                "target has the rows {rows}. As class probabilities, each number must be between "
                "0 and 1, and each row must add up to 1.",
                rows=target.tolist(),
            )
        )
    return target


def _reduced(loss, predict, target):
    none, total, mean = (
        loss(reduction=reduction)(predict, target) for reduction in ("none", "sum", "mean")
    )
    each = none.flatten().tolist()
    return Losses(
        none.tolist(),
        tuple(none.shape),
        total.item(),
        mean.item(),
        _lines(loss, predict, target, each),
        worked.added(each, total.item()),
        worked.averaged(total.item(), none.numel(), mean.item()),
        tuple(predict.shape),
        tuple(target.shape),
        _layer(loss, predict, target),
    )


def _layer(loss, predict, target):
    """A loss without reduction as a Layer of its prediction."""
    by_class = not target.is_floating_point()
    function = {nn.L1Loss: F.l1_loss, nn.MSELoss: F.mse_loss, nn.CrossEntropyLoss: F.cross_entropy}[
        loss
    ]
    leaf = {"prediction": exact(predict.tolist())}
    target = target if by_class else exact(target.tolist())

    def local(leaf_name, place, at, result):
        prediction = leaf["prediction"]
        if loss is nn.CrossEntropyLoss:
            right = float(target[at] == place[-1]) if by_class else target[place].item()
            return say("softmax − target"), worked.softmax_minus_target(
                prediction[at].tolist(), place[-1], right, result
            )
        x, y = prediction[place].item(), target[place].item()
        if loss is nn.MSELoss:
            return say("2 · (prediction − target)"), worked.twice_difference(x, y, result)
        return say("the sign of prediction − target"), worked.said(result)

    return Layer(
        leaf,
        lambda prediction: function(prediction, target, reduction="none"),
        f"F.{function.__name__}(prediction, target, reduction='none')",
        local,
        {"target": target},
    )


def _lines(loss, predict, target, each):
    """One line an element (L1, MSE) or an example (cross-entropy)."""
    if loss is nn.CrossEntropyLoss:
        by_class = target.dim() < predict.dim()
        line = worked.cross_entropy_of_class if by_class else worked.cross_entropy_of_probabilities
        predict = predict.reshape(-1, predict.shape[-1])  # (N, C)
        target = target.reshape(-1) if by_class else target.reshape(predict.shape)
    else:
        line = {nn.L1Loss: worked.absolute_error, nn.MSELoss: worked.squared_error}[loss]
        predict, target = predict.flatten(), target.flatten()
    return list(map(line, predict.tolist(), target.tolist(), each))
