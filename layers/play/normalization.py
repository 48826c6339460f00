"""A batch through BatchNorm2d, in train() and in eval()."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from languages import say, say_plural
from layers.play import worked
from layers.play.backward import Layer, exact
from layers.play.shapes import Picture


@dataclass(frozen=True)
class Normalized:
    """One BatchNorm2d after one or more batches in training, and once in eval. All lists are one
    number a channel, except the outputs, which have the batch's shape N × C × H × W."""

    batch_mean: list
    batch_var: list  # divided by n: what training normalizes with
    running_mean: list | None  # None with track_running_stats=False
    running_var: list | None  # collected with n − 1
    weight: list | None  # γ; None with affine=False
    bias: list | None  # β
    train_output: list
    eval_output: list
    eps: float
    # of the newest batch in the running statistics: momentum, or one batch's in a plain average
    share: float
    mean_before: list | None  # the running statistics before the last batch
    var_before: list | None
    layer: Layer  # in train()


def batch_norm(
    batch: list[Picture],
    eps: float = 1e-5,
    momentum: float | None = 0.1,
    affine: bool = True,
    track_running_stats: bool = True,
    weight: list[float] | None = None,
    bias: list[float] | None = None,
    passes: int = 1,
) -> Normalized:
    """N × C × H × W numbers, seen `passes` times in training -> Normalized.

    `weight` and `bias` set γ and β, one number a channel (1 and 0 unless given).
    """
    images = _images(batch)
    _check(eps, momentum, affine, weight, bias, passes)
    bn = nn.BatchNorm2d(images.shape[1], eps, momentum, affine, track_running_stats)
    with torch.no_grad():
        for parameter, values in ((bn.weight, weight), (bn.bias, bias)):
            if values is not None:
                parameter.copy_(_one_per_channel(values, images.shape[1]))
        for _ in range(int(passes)):
            before = _list(bn.running_mean), _list(bn.running_var)
            train_output = bn(images)
        eval_output = bn.eval()(images)
        mean, var = images.mean(dim=(0, 2, 3)), images.var(dim=(0, 2, 3), unbiased=False)  # (C,)
    return Normalized(
        mean.tolist(),
        var.tolist(),
        _list(bn.running_mean),
        _list(bn.running_var),
        _list(bn.weight),
        _list(bn.bias),
        train_output.tolist(),
        eval_output.tolist(),
        eps,
        1 / int(passes) if momentum is None else momentum,
        *before,
        _layer(images, bn),
    )


def _layer(images, bn):
    """A BatchNorm2d in train() as a Layer of its batch, γ and β."""
    leaves = {"input": exact(images.tolist())}
    if bn.affine:
        leaves |= {"weight": exact(bn.weight.tolist()), "bias": exact(bn.bias.tolist())}
    parameters = "weight, bias" if bn.affine else "None, None"

    def run(input, weight=None, bias=None):
        return F.batch_norm(input, None, None, weight, bias, training=True, eps=bn.eps)

    def local(leaf, place, at, result):
        channel = leaves["input"][:, at[1]]
        weight = leaves["weight"][at[1]].item() if bn.affine else 1.0
        return normalized_local(
            leaf, channel, place[:1] + place[2:], at[:1] + at[2:], weight, bn.eps, result
        )

    expression = f"F.batch_norm(input, None, None, {parameters}, training=True, eps={bn.eps})"
    return Layer(leaves, run, expression, local)


def normalized_local(
    leaf: str,
    together: torch.Tensor,
    place: tuple[int, ...],
    at: tuple[int, ...],
    weight: float,
    eps: float,
    result: float,
) -> tuple[str, str]:
    """∂ output at `at` / ∂ a number that a normalization takes in, in words and in numbers.

    together: the numbers that share a mean and a variance; place, at: in them.
    """
    if leaf == "bias":
        return say("β is added once"), worked.said(result)
    var = together.var(unbiased=False).item()
    normal = (together - together.mean()) / (var + eps) ** 0.5
    if leaf == "weight":
        return say("the normalized number, before γ"), worked.said(result)
    return say("γ / σ · ([the same number] − 1/n − x̂ · x̂ there / n)"), worked.through_statistics(
        weight,
        var,
        eps,
        place == at,
        together.numel(),
        normal[place].item(),
        normal[at].item(),
        result,
    )


def normalized_lines(
    batch: list[Picture], made: Normalized, place: tuple[int, ...]
) -> dict[str, str]:
    """{what: formula in numbers} of one cell, `place` = (example, channel, row, column), in train()
    and in eval().
    """
    n, c, row, column = place
    x, size = batch[n][c][row][column], len(batch) * len(batch[0][0]) * len(batch[0][0][0])
    gamma, beta = (values and values[c] for values in (made.weight, made.bias))

    def line(mean, var, output):
        return worked.normalized(
            x, mean[c], var[c], made.eps, gamma, beta, output[n][c][row][column]
        )

    lines = {"train()": line(made.batch_mean, made.batch_var, made.train_output)}
    if (
        made.running_mean is None
        or made.running_var is None
        or made.mean_before is None
        or made.var_before is None
    ):
        return lines | {"eval()": line(made.batch_mean, made.batch_var, made.eval_output)}
    unbiased = made.batch_var[c] * size / (size - 1)
    return lines | {
        "running_mean": worked.running(
            made.mean_before[c], made.batch_mean[c], made.share, made.running_mean[c]
        ),
        say("the variance, with n − 1"): worked.unbiased(made.batch_var[c], size, unbiased),
        "running_var": worked.running(
            made.var_before[c], unbiased, made.share, made.running_var[c]
        ),
        "eval()": line(made.running_mean, made.running_var, made.eval_output),
    }


def _images(batch):
    try:
        images = torch.as_tensor(batch, dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(
            say("The batch's rows differ in length or hold no numbers. Give N × C × H × W numbers.")
        ) from None
    if images.dim() != 4:
        raise ValueError(
            say(
                "The batch has the shape {shape}. BatchNorm2d needs N × C × H × W.",
                shape=tuple(images.shape),
            )
        )
    if images.numel() <= images.shape[1]:
        raise ValueError(
            say(
                "The batch has the shape {shape}: it has at most one value per channel, so there "
                "is no variance. Give more pictures, or larger ones.",
                shape=tuple(images.shape),
            )
        )
    return images


def _check(eps, momentum, affine, weight, bias, passes):
    if not 0 < eps <= 1:
        raise ValueError(
            say("eps is {eps!r}. Choose a number above 0 (default 1e-5) and at most 1.", eps=eps)
        )
    if momentum is not None and not 0 <= momentum <= 1:
        raise ValueError(
            say(
                "momentum is {momentum!r}. Choose 0 to 1, or None for the plain average of all "
                "batches.",
                momentum=momentum,
            )
        )
    if not affine and (weight is not None or bias is not None):
        raise ValueError(
            say(
                "affine is False, so there is no weight and no bias to set. Choose affine=True or "
                "leave them out."
            )
        )
    if not 1 <= passes <= 1000:
        raise ValueError(say("passes is {passes!r}. Choose 1 to 1000.", passes=passes))


def _one_per_channel(values, channels):
    tensor = torch.as_tensor(values, dtype=torch.float32).flatten()
    if len(tensor) not in (1, channels):
        raise ValueError(
            say_plural(
                "{numbers} numbers were given for {count} channel. Give one.",
                "{numbers} numbers were given for {count} channels. Give one, or one per channel.",
                channels,
                numbers=len(tensor),
            )
        )
    return tensor.expand(channels)


def _list(tensor):
    return None if tensor is None else tensor.tolist()
