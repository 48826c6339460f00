"""A small picture through max pooling, and back."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from languages import say
from layers.play import worked
from layers.play.backward import Layer, exact
from layers.play.shapes import Pair, Picture, Shapes, Sizes, as_batch, both, output_size


@dataclass(frozen=True)
class Pooling:
    """One MaxPool2d, run."""

    shapes: Shapes
    output: list  # C × H × W
    indices: list | None  # C × H × W: row · W + column in the input; None unless asked for
    code: str
    layer: Layer


def pool(
    picture: Picture,
    kernel_size: Sizes = 2,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    return_indices: bool = False,
    ceil_mode: bool = False,
) -> Pooling:
    """C × H × W (or H × W) through nn.MaxPool2d -> Pooling.

    With dilation a window can meet nothing but padding: its output is then -inf, as PyTorch's.

    >>> pool([[1, 2], [3, 4]]).output
    [[[4.0]]]
    """
    batch, kernel_size = as_batch(picture), both("kernel_size", kernel_size, low=1)
    by_default = {} if stride is None else {"stride": both("stride", stride, low=1)}
    stride = kernel_size if stride is None else both("stride", stride, low=1)
    padding, dilation = both("padding", padding, low=0), both("dilation", dilation, low=1)
    _check_padding(kernel_size, padding)
    numbers = zip(batch.shape[2:], kernel_size, stride, padding, dilation, strict=True)
    sizes = [output_size(*number, ceil_mode=ceil_mode) for number in numbers]
    settings = {
        "kernel_size": kernel_size,
        **by_default,
        "padding": padding,
        "dilation": dilation,
        "ceil_mode": bool(ceil_mode),
    }
    output, indices = nn.MaxPool2d(**settings, return_indices=True)(batch)
    said = ", ".join(f"{name}={value!r}" for name, value in settings.items())
    shapes = Shapes(
        tuple(batch.shape), (1, batch.shape[1], sizes[0][0], sizes[1][0]), sizes[0][1], sizes[1][1]
    )
    return Pooling(
        shapes,
        output[0].tolist(),
        indices[0].tolist() if return_indices else None,
        f"nn.MaxPool2d({said})",
        _layer(batch[0], settings),
    )


def _layer(picture, settings):
    """A MaxPool2d as a Layer of picture (C, H, W)."""

    def local(leaf, place, at, result):
        return say("it is the largest of that window"), worked.said(result)

    settings = {"stride": None, **settings}
    said = ", ".join(f"{name}={value!r}" for name, value in settings.items())
    leaves = {"input": exact(picture.tolist())}
    return Layer(
        leaves,
        lambda input: F.max_pool2d(input, **settings),
        f"F.max_pool2d(input, {said})",
        local,
        without=say("Only the largest number of a window gets a gradient."),
    )


def _check_padding(kernel_size, padding):
    for kernel, pad in zip(kernel_size, padding, strict=True):
        if pad > kernel // 2:
            raise ValueError(
                say(
                    "padding is {pad}, more than half of kernel_size {kernel_size}. Choose "
                    "padding up to {most}, or a larger kernel_size.",
                    pad=pad,
                    kernel_size=kernel,
                    most=kernel // 2,
                )
            )


def largest_of(area: list, channel: int, cells: list[Pair], padding: Pair) -> str:
    """One cell of the output in numbers: the largest of the window's `cells`, read from
    pooled_area's `area`.

    >>> largest_of([[[1.0, 4.0]]], 0, [(0, 0), (0, 1)], (0, 0))
    'max(1, 4) = 4'
    """
    values = [area[channel][row + padding[0]][column + padding[1]] for row, column in cells]
    there = [
        value for value in values if value is not None
    ]  # ceil_mode's windows stick out into nothing
    return worked.largest(there, max(there))


def unpool(picture: Picture, kernel_size: Sizes = 2) -> Picture:
    """Max pooling and back: each window's largest value in its old place, zeros elsewhere. C × H ×
    W.
    """
    batch, kernel_size = as_batch(picture), both("kernel_size", kernel_size, low=1)
    for size, kernel in zip(batch.shape[2:], kernel_size, strict=True):
        output_size(size, kernel, kernel)  # raises where the window doesn't fit
    output, indices = F.max_pool2d(batch, kernel_size, return_indices=True)
    return F.max_unpool2d(output, indices, kernel_size, output_size=torch.Size(batch.shape))[
        0
    ].tolist()
