"""The output size of a convolution or a pooling, worked out in numbers, and checks of what was
asked for.
"""

import math
from dataclasses import dataclass

import torch

from languages import say

Picture = list[list[list[float]]]  # channels × height × width
Pair = tuple[int, int]  # for height, for width
Sizes = int | Pair

FORMULA = "floor((size + 2·padding − dilation·(kernel_size − 1) − 1) / stride) + 1"
LARGEST = {
    "size": 64,
    "channels": 64,
    "kernel_size": 64,
    "stride": 64,
    "padding": 64,
    "dilation": 64,
}


@dataclass(frozen=True)
class Shapes:
    """What goes in and comes out, and how height and width were computed."""

    input: tuple[int, ...]  # (N, C, H, W)
    output: tuple[int, ...]
    height: str  # the formula in numbers
    width: str
    formula: str = FORMULA


def small_picture(height: int = 6, width: int = 6, channels: int = 1, seed: int = 0) -> Picture:
    """A picture of whole numbers 0 to 9: channels × height × width lists. The same seed, the same
    picture.
    """
    for name, value in (("size", height), ("size", width), ("channels", channels)):
        whole(name, value, low=1)
    generator = torch.Generator().manual_seed(int(seed))
    return torch.randint(0, 10, (channels, height, width), generator=generator).float().tolist()


def whole(name: str, value: object, low: int, high: int | None = None) -> int:
    """`value` as an int from `low` to `high` (else the largest allowed), or a ValueError that names
    it.
    """
    high = LARGEST.get(name, 64) if high is None else high
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or value != int(value)
        or not low <= value <= high
    ):
        raise ValueError(
            say(
                "{name} is {value!r}. Choose a whole number from {low} to {high}.",
                name=name,
                value=value,
                low=low,
                high=high,
            )
        )
    return int(value)


def both(name: str, value: Sizes, low: int) -> Pair:
    """An int or a pair -> (for height, for width).

    >>> both("stride", 2, low=1)
    (2, 2)
    """
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(pair) != 2:
        raise ValueError(
            say(
                "{name} is {value!r}. Give one number, or two: height and width.",
                name=name,
                value=value,
            )
        )
    return whole(name, pair[0], low), whole(name, pair[1], low)


def as_batch(picture: list) -> torch.Tensor:
    """C × H × W numbers, or H × W, -> a tensor (1, C, H, W)."""
    try:
        tensor = torch.as_tensor(picture, dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(
            say(
                "The picture's rows differ in length or hold no numbers. Give H × W or C × H × W "
                "numbers."
            )
        ) from None
    if tensor.dim() not in (2, 3) or tensor.numel() == 0:
        raise ValueError(
            say(
                "The picture has the shape {shape}. Give H × W or C × H × W numbers.",
                shape=tuple(tensor.shape),
            )
        )
    for name, number in zip(("channels", "size", "size"), (1, *tensor.shape)[-3:], strict=True):
        whole(name, number, low=1)
    return tensor.reshape(1, -1, *tensor.shape[-2:])


def output_size(
    size: int,
    kernel_size: int,
    stride: int = 1,
    padding: Sizes = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> tuple[int, str]:
    """(size out, the formula in numbers). ValueError where not one window fits. `padding`: a
    number, or (before, after).
    """
    before, after = padding if isinstance(padding, tuple) else (padding, padding)
    padded = f"2·{before}" if before == after else f"{before} + {after}"
    top = size + before + after - dilation * (kernel_size - 1) - 1
    rounding, steps = ("ceil", math.ceil(top / stride)) if ceil_mode else ("floor", top // stride)
    out = steps + 1
    if out < 1:
        # With ceil_mode a window may stick out by less than one stride; without it, not at all.
        _refuse(size + before + after, kernel_size, dilation)
    numbers = (
        f"{rounding}(({size} + {padded} − {dilation}·({kernel_size} − 1) − 1) / {stride}) + 1"
        f" = {rounding}({top} / {stride}) + 1 = {out}"
    )
    if ceil_mode and (out - 1) * stride >= size + before:
        out -= 1
        numbers = say(
            "{formula}, minus 1 = {size}: the last window would start in the padding",
            formula=numbers,
            size=out,
        )
    return out, numbers


def _refuse(size, kernel_size, dilation):
    raise ValueError(
        say(
            "The kernel spans {span} (kernel_size {kernel_size}, dilation {dilation}), but "
            "the padded input has only "
            "{size}. Choose a smaller kernel_size or dilation, or a larger padding or input.",
            span=dilation * (kernel_size - 1) + 1,
            kernel_size=kernel_size,
            dilation=dilation,
            size=size,
        )
    )
