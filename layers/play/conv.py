"""A small picture through a convolution, and through a padding mode."""

import functools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from languages import say
from layers.chance import seeded
from layers.play import worked
from layers.play.backward import Layer, exact, named
from layers.play.shapes import Picture, Shapes, Sizes, as_batch, both, output_size, whole
from layers.play.windows import window_cells

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


@dataclass(frozen=True)
class Convolution:
    """One Conv2d, run."""

    shapes: Shapes
    padded: list  # C × H' × W': what the kernel slides over
    before: tuple[int, int]  # rows above and columns left of the picture in it
    weight: list  # out_channels × in_channels/groups × Hk × Wk
    weight_shape: tuple[int, ...]
    bias: list | None
    output: list  # out_channels × H × W
    parameters: int
    code: str  # the call in PyTorch
    layer: Layer


def pad_picture(picture: Picture, padding: Sizes, padding_mode: str = "zeros") -> Picture:
    """C × H × W (or H × W) -> the padded picture, C × H' × W'.

    >>> pad_picture([[1, 2, 3]], (0, 2), "reflect")
    [[[3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0]]]
    """
    sides = [(pad, pad) for pad in both("padding", padding, low=0)]
    return _padded(as_batch(picture), sides, padding_mode)[0].tolist()


def padding_layer(picture: Picture, padding: Sizes, padding_mode: str) -> Layer:
    """What pad_picture does, as a Layer of the picture."""
    sides = [(pad, pad) for pad in both("padding", padding, low=0)]
    _padded(as_batch(picture), sides, padding_mode)  # raises where that can't be
    run, expression = _pad(sides, padding_mode)

    def local(leaf, place, at, result):
        return say("that cell is a copy of it"), worked.said(result)

    return Layer({"input": exact(picture)}, run, expression, local)


def _padded(batch, sides, mode):
    """`sides`: (before, after) of the rows, then of the columns."""
    _check_padding(batch.shape[2:], [max(side) for side in sides], mode)
    run, _expression = _pad(sides, mode)
    return run(batch)


def _pad(sides, mode):
    """(function of `input`, the same in Python)."""
    rows, columns = sides
    around, name = (*columns, *rows), "constant" if mode == "zeros" else mode
    return lambda input: F.pad(input, around, name), f"F.pad(input, {around}, {name!r})"


def _check_padding(size, padding, mode):
    if mode not in PADDING_MODES:
        raise ValueError(
            say(
                "padding_mode is {mode!r}. Choose one of {modes}.",
                mode=mode,
                modes=", ".join(PADDING_MODES),
            )
        )
    for name, length, pad in zip((say("height"), say("width")), size, padding, strict=True):
        # A mirror has no more to show than the picture without its border; a circle no more than
        # one turn.
        most = {"reflect": length - 1, "circular": length}.get(mode, pad)
        if pad > most:
            raise ValueError(
                say(
                    "padding is {pad}, but {mode!r} can pad a {name} of {length} by at most "
                    "{most}. Choose padding up to {most}, or padding_mode 'zeros' or 'replicate'.",
                    pad=pad,
                    mode=mode,
                    name=name,
                    length=length,
                    most=most,
                )
            )


def convolve(
    picture: Picture,
    out_channels: int = 1,
    kernel_size: Sizes = 3,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    bias: bool = True,
    padding_mode: str = "zeros",
    weight: list | None = None,
    seed: int = 0,
) -> Convolution:
    """A picture through nn.Conv2d(in_channels = its channels, …) -> Convolution.

    kernel_size, stride, padding and dilation are an int or (height, width); padding may be "same".
    `weight`, one kernel Hk × Wk, is used for every channel instead of the random draw: an edge
    detector, say.
    """
    batch = as_batch(picture)  # (1, C, H, W)
    kernel_size, stride = both("kernel_size", kernel_size, low=1), both("stride", stride, low=1)
    dilation = both("dilation", dilation, low=1)
    if not isinstance(padding, str):
        padding = both("padding", padding, low=0)
    sides = _sides(padding, kernel_size, stride, dilation)
    in_channels, out_channels = batch.shape[1], whole("channels", out_channels, low=1)
    _check_groups(in_channels, out_channels, groups)
    padded = _padded(batch, sides, padding_mode)
    sizes = [
        output_size(*numbers)
        for numbers in zip(batch.shape[2:], kernel_size, stride, sides, dilation, strict=True)
    ]
    settings = {
        "kernel_size": kernel_size,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
        "bias": bool(bias),
        "padding_mode": padding_mode,
    }
    m = _seeded_conv(in_channels, out_channels, settings, weight, seed)
    with torch.no_grad():
        output = m(batch)
    return Convolution(
        Shapes(
            tuple(batch.shape),
            (1, out_channels, sizes[0][0], sizes[1][0]),
            sizes[0][1],
            sizes[1][1],
        ),
        padded[0].tolist(),
        tuple(before for before, _after in sides),
        m.weight.tolist(),
        tuple(m.weight.shape),
        m.bias.tolist() if bias else None,
        output[0].tolist(),
        sum(p.numel() for p in m.parameters()),
        _code(in_channels, out_channels, settings),
        _layer(batch[0], m, sides, settings),
    )


def _layer(picture, m, sides, settings):
    """A Conv2d as a Layer of picture (C, H, W), weight and bias; sides: what is padded."""
    leaves = {"input": exact(picture.tolist()), "weight": exact(m.weight.tolist())}
    if m.bias is not None:
        leaves["bias"] = exact(m.bias.tolist())
    how = {name: settings[name] for name in ("stride", "dilation", "groups")}
    pad, padded = _pad(sides, settings["padding_mode"])

    def run(input, weight, bias=None):
        return F.conv2d(pad(input), weight, bias, **how)

    others = [f"{name}={value}" for name, value in how.items() if value not in (1, (1, 1))]
    input = padded if any(map(any, sides)) else "input"
    bias = "None" if m.bias is None else "bias"
    expression = f"F.conv2d({', '.join([input, 'weight', bias, *others])})"
    local = functools.partial(_local, m, leaves["weight"], _sources(picture, pad), sides)
    return Layer(leaves, run, expression, local)


def _sources(picture, pad):
    """Of each cell of the padded picture, which of the picture's it shows; -1 for a zero."""
    height, width = picture.shape[1:]
    return pad(torch.arange(1.0, 1 + height * width).reshape(1, height, width))[0].long() - 1


def _local(m, weights, sources, sides, leaf, place, at, result):
    """∂ output / ∂ a number of a convolution, in words and in numbers (Layer.local)."""
    if leaf == "bias":
        return say("the bias is added once"), worked.said(result)
    channel, row, column = at
    before = tuple(side[0] for side in sides)
    cells = window_cells(row, column, m.kernel_size, m.stride, before, m.dilation)
    if leaf == "weight":
        r, c = cells[place[2] * m.kernel_size[1] + place[3]]
        why = say("the number under the weight, in row {row}, column {column}", row=r, column=c)
        return why, worked.said(result)
    in_group = place[0] - channel // (m.out_channels // m.groups) * weights.shape[1]
    width = sources.shape[1] - sum(sides[1])
    over = [
        (channel, in_group, *divmod(number, m.kernel_size[1]))
        for number, (r, c) in enumerate(cells)
        if sources[r + before[0], c + before[1]] == place[1] * width + place[2]
    ]
    if len(over) == 1:
        return say("the weight over it, {weight}", weight=named("weight", over[0])), worked.said(
            result
        )
    return say("the weights over it and over its copies in the padding"), worked.added(
        [weights[one].item() for one in over], result
    )


def _sides(padding, kernel_size, stride, dilation):
    """[(before, after) of rows, of columns]. 'same' puts an odd cell after, as Conv2d does."""
    if padding != "same":
        return [(pad, pad) for pad in padding]
    if stride != (1, 1):
        raise ValueError(
            say(
                "padding is 'same', but stride is {stride}. Choose stride 1, or a number for "
                "padding.",
                stride=stride,
            )
        )
    spans = [d * (k - 1) for k, d in zip(kernel_size, dilation, strict=True)]
    return [(span // 2, span - span // 2) for span in spans]


def _check_groups(in_channels, out_channels, groups):
    whole("groups", groups, low=1)
    for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
        if channels % groups:
            both_fit = [
                str(g) for g in range(1, 65) if in_channels % g == 0 and out_channels % g == 0
            ]
            raise ValueError(
                say(
                    "groups is {groups}, which doesn't divide {name} = {channels}. Choose groups "
                    "from {both_fit}, or {name} divisible by {groups}.",
                    groups=groups,
                    name=name,
                    channels=channels,
                    both_fit=", ".join(both_fit),
                )
            )


def _seeded_conv(in_channels, out_channels, settings, weight, seed):
    with seeded(int(seed)), torch.no_grad():
        m = nn.Conv2d(in_channels, out_channels, **settings)
        if weight is not None:
            kernel = as_batch(weight)[0, 0]
            if tuple(kernel.shape) != settings["kernel_size"]:
                raise ValueError(
                    say(
                        "weight is {shape}, but kernel_size is {kernel_size}. Make them equal.",
                        shape=tuple(kernel.shape),
                        kernel_size=settings["kernel_size"],
                    )
                )
            m.weight.copy_(kernel.expand_as(m.weight))
            if m.bias is not None:
                m.bias.zero_()
        else:
            # What is written out with two digits has two: a sum worked out in numbers can be
            # checked by hand.
            for parameter in m.parameters():
                parameter.copy_((parameter * 100).round() / 100)
    return m


def _code(in_channels, out_channels, settings):
    defaults = {
        "stride": (1, 1),
        "padding": (0, 0),
        "dilation": (1, 1),
        "groups": 1,
        "bias": True,
        "padding_mode": "zeros",
    }
    said = [f"{name}={value!r}" for name, value in settings.items() if defaults.get(name) != value]
    return f"nn.Conv2d({in_channels}, {out_channels}, {', '.join(said)})"
