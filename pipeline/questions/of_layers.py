"""Questions about the layers of the Layers tab, on small cases that are drawn anew each time."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from random import Random

from languages import say
from pipeline.questions.question import Choice, Question, asked


@dataclass(frozen=True)
class Played:
    """What Play's controls say now: of a convolution over (in_channels, height, height), and p of a
    dropout.
    """

    height: int = 6
    kernel_size: int = 3
    stride: int = 1
    padding: int = 1
    in_channels: int = 1
    out_channels: int = 1
    p: float = 0.5


def size_of_an_output(shown: Played, chance: Random) -> Question | None:
    """The height of a convolution's output."""
    case = replace(
        shown,
        height=shown.height + chance.randrange(1, 6),
        stride=chance.choice((2, 3)),
        padding=chance.choice((1, 2)),
    )
    padded = case.height + 2 * case.padding
    if padded < case.kernel_size:
        return None
    size = _output_height(case)
    figures = {
        "height": case.height,
        "padding": case.padding,
        "kernel": case.kernel_size,
        "stride": case.stride,
    }
    right = Choice(
        f"{size}",
        say(
            "floor(({height} + 2·{padding} − {kernel}) / {stride}) + 1: the first place of the "
            "window, and one more for each whole stride that fits behind it.",
            **figures,
        ),
    )
    whole = (padded - case.kernel_size) // case.stride
    wrong = [
        Choice(
            f"{whole}",
            say("That counts the strides. The window's first place is before any of them: + 1."),
        ),
        Choice(
            f"{(case.height - case.kernel_size) // case.stride + 1}",
            say("That leaves out the padding, {padding} on either side.", **figures),
        ),
        Choice(
            f"{(case.height + case.padding - case.kernel_size) // case.stride + 1}",
            say("padding = {padding} is added on both sides, so it counts twice.", **figures),
        ),
        Choice(
            f"{padded - case.kernel_size + 1}",
            say("That is with stride 1. The window moves by {stride}.", **figures),
        ),
        Choice(
            f"{math.ceil((padded - case.kernel_size) / case.stride) + 1}",
            say("A stride that leads past the border isn't made: it is rounded down."),
        ),
        Choice(f"{case.height}", say("The size stays only with stride 1 and a fitting padding.")),
    ]
    text = say(
        "Conv2d with kernel_size = {kernel}, stride = {stride} and padding = {padding} on a "
        "picture of height {height}: how high is the output?",
        **figures,
    )
    return asked(text, right, [one for one in wrong if int(one.text) > 0], chance)


def _output_height(case: Played) -> int:
    """What torch's Conv2d gives, on the meta device: shapes alone."""
    import torch

    with torch.device("meta"):
        layer = torch.nn.Conv2d(1, 1, case.kernel_size, case.stride, case.padding)
        width = max(case.height, case.kernel_size)
        return layer(torch.empty(1, 1, case.height, width)).shape[2]


def parameters_of_a_convolution(shown: Played, chance: Random) -> Question | None:
    """How many parameters a Conv2d has."""
    case = replace(
        shown,
        in_channels=shown.in_channels + chance.randrange(1, 4),
        out_channels=shown.out_channels + chance.randrange(2, 8),
        kernel_size=max(2, shown.kernel_size),
    )
    ins, outs, kernel = case.in_channels, case.out_channels, case.kernel_size
    figures = {"ins": ins, "outs": outs, "kernel": kernel}
    count = _parameters(case)
    right = Choice(
        f"{count}",
        say(
            "{outs} filters of {ins} × {kernel} × {kernel} weights, and a bias for each.", **figures
        ),
    )
    wrong = [
        Choice(f"{count - outs}", say("The {outs} biases are parameters, too.", **figures)),
        Choice(
            f"{outs * (kernel**2 + 1)}",
            say("Each filter looks at all {ins} input channels, with weights for each.", **figures),
        ),
        Choice(
            f"{ins * kernel**2 + 1}",
            say("That is one filter. Each of the {outs} output channels has its own.", **figures),
        ),
        Choice(
            f"{outs * (ins * kernel + 1)}",
            say("The kernel has {kernel} × {kernel} places, in both directions.", **figures),
        ),
    ]
    text = say(
        "How many parameters does Conv2d({ins}, {outs}, kernel_size={kernel}) have, its bias "
        "included?",
        **figures,
    )
    return asked(text, right, wrong, chance)


def _parameters(case: Played) -> int:
    import torch

    with torch.device("meta"):
        layer = torch.nn.Conv2d(case.in_channels, case.out_channels, case.kernel_size)
    return sum(each.numel() for each in layer.parameters())


def kept_by_dropout(shown: Played, chance: Random) -> Question | None:
    """What dropout makes of an element that it keeps."""
    p = shown.p if 0 < shown.p < 1 else 0.5
    value, mode = chance.choice((2.0, 3.0, 4.0, 5.0)), chance.choice(("train", "eval"))
    kept = _kept(value, p, trains=mode == "train")
    figures = {"value": value, "p": p, "scaled": value / (1 - p)}
    because = {
        "train": say(
            "In train() what is kept is divided by 1 − {p:g}, so that the sum stays as large on "
            "average.",
            **figures,
        ),
        "eval": say("In eval() dropout does nothing: nothing is zeroed, nothing is scaled."),
    }
    right = Choice(f"{kept:.4g}", because[mode])
    in_the_other_mode = {
        "train": Choice(
            f"{value:.4g}",
            say(
                "That is eval(). In train() the kept ones are scaled up, to make up for those that "
                "are zeroed."
            ),
        ),
        "eval": Choice(
            f"{value / (1 - p):.4g}",
            say(
                "That is what it becomes in train(), where others are zeroed. In eval() none is, "
                "so there is nothing to make up for."
            ),
        ),
    }
    wrong = [
        in_the_other_mode[mode],
        Choice(
            f"{value * (1 - p):.4g}",
            say(
                "Some scaled by 1 − p in eval(), in the first papers. PyTorch scales in train(), "
                "by 1 / (1 − p), so that eval() needs nothing."
            ),
        ),
        Choice(
            f"{value / p:.4g}",
            say("{p:g} is the share that is zeroed; 1 − {p:g} is what is kept.", **figures),
        ),
        Choice("0", say("0 is what is left of an element that is dropped. This one isn't.")),
    ]
    text = (
        say(
            "nn.Dropout(p={p:g}) in train() keeps an element of the value {value:g}. What comes "
            "out?",
            **figures,
        )
        if mode == "train"
        else say(
            "An element of the value {value:g} goes through nn.Dropout(p={p:g}) in eval(). What "
            "comes out?",
            **figures,
        )
    )
    return asked(text, right, wrong, chance)


def _kept(value: float, p: float, trains: bool) -> float:
    """The largest of many equal elements after torch's dropout: one that was kept."""
    import torch

    return torch.nn.functional.dropout(torch.full((4096,), value), p, training=trains).max().item()


def averaged_by_batch_norm(shown: Played, chance: Random) -> Question | None:
    """Over how many numbers BatchNorm2d takes each mean in train()."""
    rows, channels = chance.choice((4, 8, 16)), chance.choice((3, 6, 12))
    height, width = chance.choice((5, 7)), chance.choice((10, 14))
    figures = {"rows": rows, "channels": channels, "height": height, "width": width}
    right = Choice(
        f"{rows * height * width:,}",
        say(
            "{rows} × {height} × {width}: each of the {channels} channels has one mean, over all "
            "rows of the batch and all places.",
            **figures,
        ),
    )
    wrong = [
        Choice(
            f"{channels * height * width:,}",
            say(
                "That is LayerNorm's: one row, all of its {channels} channels and places.",
                **figures,
            ),
        ),
        Choice(
            f"{height * width:,}",
            say(
                "That is InstanceNorm's: one channel of one row. BatchNorm takes all rows.",
                **figures,
            ),
        ),
        Choice(
            f"{rows * channels * height * width:,}",
            say("That is the whole tensor. Each channel has a mean of its own.", **figures),
        ),
        Choice(
            f"{rows:,}",
            say("The {height} × {width} places of a channel share one mean, too.", **figures),
        ),
    ]
    text = say(
        "A batch of the shape ({rows}, {channels}, {height}, {width}) goes through BatchNorm2d in "
        "train(). Over how many numbers is each mean taken?",
        **figures,
    )
    return asked(text, right, wrong, chance)


def loss_at_a_probability(shown: Played, chance: Random) -> Question | None:
    """The cross-entropy of an example whose gold label has some probability."""
    share = chance.choice((0.05, 0.1, 0.2, 0.25, 0.4, 0.6, 0.75, 0.8, 0.9, 0.95))
    right = Choice(
        f"{-math.log(share):.3f}",
        say("−ln {share:g}: the other labels' probabilities don't count.", share=share),
    )
    wrong = [
        Choice(
            f"{1 - share:.3f}",
            say(
                "1 − {share:g} is what is missing to 1. The loss is a logarithm, and has no upper "
                "limit.",
                share=share,
            ),
        ),
        Choice(
            f"{-math.log(1 - share):.3f}",
            say("That is −ln(1 − {share:g}), the loss if another label were gold.", share=share),
        ),
        Choice(
            f"{-math.log10(share):.3f}",
            say("That is the logarithm to base 10. PyTorch takes the natural one."),
        ),
        Choice(
            f"{(1 - share) ** 2:.3f}",
            say("That is the squared error, the loss of a regression."),
        ),
    ]
    text = say(
        "A model gives the gold label of an example the probability {share:g}. What is its "
        "cross-entropy?",
        share=share,
    )
    return asked(text, right, wrong, chance)


QUESTIONS = (
    size_of_an_output,
    kept_by_dropout,
    loss_at_a_probability,
    averaged_by_batch_norm,
    parameters_of_a_convolution,
)
