"""Notes, PyTorch 3: pooling, and MaxPool2d's parameters."""

import inspect

import torch
import torch.nn.functional as F
from torch import nn

from layers.claims.claim import PYTORCH, Evidence, Section, noted, which

section = Section("pooling", "PyTorch 3: Pooling")
MAXPOOL2D = PYTORCH + "generated/torch.nn.MaxPool2d.html"


@section.claim(
    "pool-fewer-numbers",
    "Pooling reduces the features' dimensions, and with them the cost of computing.",
    "A 2 × 2 window with stride 2 turns four numbers into one, so the following layers process a "
    "quarter of the numbers.",
    MAXPOOL2D,
)
def fewer_numbers() -> Evidence:
    features = torch.randn(1, 16, 32, 32)
    pooled = nn.MaxPool2d(2)(features)
    return noted(pooled.numel() < features.numel(), before=features.numel(), after=pooled.numel())


@section.claim(
    "pool-position-kept",
    "Pooling blurs the picture, but recognition and localization don't suffer.",
    "The position does suffer: a dot anywhere in one window gives the same output, so only its "
    "window remains known. And max pooling doesn't blur: the largest value passes unchanged and "
    "the rest is dropped, while average pooling thins it out.",
    MAXPOOL2D,
    reviewed="corrected",
)
def position_kept() -> Evidence:
    dots = torch.eye(16).reshape(16, 1, 4, 4)  # sixteen pictures, a dot at each place of 4 × 4
    pooled = nn.MaxPool2d(2)(dots)  # (16, 1, 2, 2)
    different = {tuple(picture.flatten().tolist()) for picture in pooled}
    return noted(
        len(different) == len(dots),
        pictures=len(dots),
        different_outputs=len(different),
        dot_after_max=pooled.max().item(),
        dot_after_average=nn.AvgPool2d(2)(dots).max().item(),
    )


@section.claim(
    "pool-signature",
    "MaxPool2d(kernel_size, stride=None, padding=0, dilation=1, return_indices=False, "
    "ceil_mode=False).",
    "The installed release has the same names and defaults. stride=None means kernel_size, so "
    "the windows lie side by side.",
    MAXPOOL2D,
)
def signature() -> Evidence:
    parameters = inspect.signature(nn.MaxPool2d).parameters
    defaults = {
        name: parameter.default for name, parameter in parameters.items() if name != "kernel_size"
    }
    return noted(
        defaults
        == {
            "stride": None,
            "padding": 0,
            "dilation": 1,
            "return_indices": False,
            "ceil_mode": False,
        },
        defaults=defaults,
    )


@section.claim(
    "pool-channels-kept",
    "Pooling doesn't change the number of channels, so neither in_channels nor out_channels is "
    "passed.",
    "Each channel is pooled separately, so their number stays the same.",
    MAXPOOL2D,
)
def channels_kept() -> Evidence:
    channels = [nn.MaxPool2d(2)(torch.randn(1, c, 6, 6)).shape[1] for c in (1, 3, 7)]
    parameters = list(inspect.signature(nn.MaxPool2d).parameters)
    return noted(channels == [1, 3, 7] and "in_channels" not in parameters, channels=channels)


@section.claim(
    "pool-nothing-to-learn",
    "The rule within a window is fixed, so there is no kernel and no bias to learn.",
    "Taking the largest value needs no weight, so parameters() is empty. The gradient still "
    "passes through, to the largest element of each window.",
    MAXPOOL2D,
)
def nothing_to_learn() -> Evidence:
    image = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]], requires_grad=True)
    pool = nn.MaxPool2d(2)
    gradient = torch.autograd.grad(pool(image).sum(), image)[0]
    parameters = list(pool.parameters())
    return noted(
        not parameters, parameters=len(parameters), gradient_of_the_input=gradient[0, 0].tolist()
    )


@section.claim(
    "pool-only-height-width",
    "As with Conv2d, make an instance and pass it the input. Input and output differ only in H and "
    "W; batch size and channels are the same.",
    "The window moves only over H and W, separately for each picture of the batch and each "
    "channel.",
    MAXPOOL2D,
)
def only_height_width() -> Evidence:
    pool = nn.MaxPool2d(3, stride=2)
    output = pool(torch.randn(5, 4, 20, 15))
    return noted(
        output.shape[:2] == (5, 4) and output.shape[2:] != (20, 15), output=tuple(output.shape)
    )


@section.claim(
    "pool-output-size",
    "kernel_size, stride, padding and dilation give the output's H and W here too.",
    "A window moves like a kernel, so the formula is the same as Conv2d's: rounded down, or up "
    "with ceil_mode.",
    MAXPOOL2D,
)
def output_size() -> Evidence:
    image, differs = torch.randn(1, 1, 11, 11), []
    for k, s, p, d in [
        (3, 1, 0, 1),
        (3, 2, 1, 1),
        (2, 3, 0, 2),
        (5, 2, 2, 1),
        (3, 1, 1, 2),
        (4, 3, 2, 3),
    ]:
        output = nn.MaxPool2d(k, stride=s, padding=p, dilation=d)(image)
        if output.shape[2] != (11 + 2 * p - d * (k - 1) - 1) // s + 1:
            differs.append((k, s, p, d))
    return noted(not differs, settings_that_differ=differs)


@section.claim(
    "pool-stride-default",
    "stride's default isn't 1 here but kernel_size.",
    "The signature says None, and the instance puts kernel_size in its place.",
    MAXPOOL2D,
)
def stride_default() -> Evidence:
    stride = nn.MaxPool2d(3).stride
    return noted(stride == 3, {"MaxPool2d(3).stride": stride})


@section.claim(
    "pool-no-overlap",
    "So max pooling doesn't let windows overlap.",
    "With the defaults they don't overlap. A stride below kernel_size makes them overlap "
    "(ResNet's first pooling has kernel_size 3 and stride 2), and with dilation they overlap "
    "even at the default stride.",
    MAXPOOL2D,
    reviewed="corrected",
)
def no_overlap() -> Evidence:
    # 144 pictures, each with one dot: the windows that see it are the outputs above 0.
    dots = torch.eye(144).reshape(144, 1, 12, 12)
    pools = {
        "MaxPool2d(2)": nn.MaxPool2d(2),
        "MaxPool2d(3, stride=2)": nn.MaxPool2d(3, stride=2),
        "MaxPool2d(2, dilation=2)": nn.MaxPool2d(2, dilation=2),
    }
    most = {
        name: (pool(dots) > 0).flatten(1).sum(dim=1).max().item() for name, pool in pools.items()
    }
    return noted(all(count == 1 for count in most.values()), most_windows_over_one_pixel=most)


@section.claim(
    "pool-no-padding-mode",
    "There is no padding_mode, because only the largest value counts.",
    "The padding is −∞, which is never the largest value, so no other way of padding is needed: "
    "a padded picture of −1 stays −1 up to its border.",
    MAXPOOL2D,
)
def no_padding_mode() -> Evidence:
    parameters = list(inspect.signature(nn.MaxPool2d).parameters)
    padded = nn.MaxPool2d(2, padding=1)(-torch.ones(1, 1, 4, 4))
    padding_never_counts = bool((padded == -1).all())
    return noted(
        "padding_mode" not in parameters and padding_never_counts,
        parameters=parameters,
        padded_picture_of_minus_1=padded[0, 0].tolist(),
    )


@section.claim(
    "pool-class-pads-zero",
    "The class MaxPool2d fills the padding with 0.",
    "It fills with negative infinity. A picture of −1 stays −1 everywhere; with zeros its border "
    "would become 0.",
    MAXPOOL2D,
    reviewed="corrected",
)
def class_pads_zero() -> Evidence:
    output = nn.MaxPool2d(2, padding=1)(-torch.ones(1, 1, 4, 4))
    return noted((output == 0).any(), output=output[0, 0].tolist())


@section.claim(
    "pool-function-pads-infinity",
    "The function max_pool2d fills with negative infinity.",
    "If a window contains nothing but padding, its output is −∞. The class calls this function, "
    "so the two are the same.",
    PYTORCH + "generated/torch.nn.functional.max_pool2d.html",
)
def function_pads_infinity() -> Evidence:
    # One pixel, and a window with a gap just there: only padding stands under it.
    only_padding = F.max_pool2d(torch.zeros(1, 1, 1, 1), 2, stride=1, padding=1, dilation=2)
    by_class = nn.MaxPool2d(2, stride=1, padding=1, dilation=2)(torch.zeros(1, 1, 1, 1))
    return noted(
        only_padding.item() == float("-inf"),
        function_gives=only_padding.item(),
        class_gives=by_class.item(),
    )


@section.claim(
    "pool-ceil-fills-zero",
    "With ceil_mode=True, a window at the border that can't be filled is filled with zeros "
    "before the maximum is taken.",
    "Nothing is filled in: the maximum is taken over the elements that are there.",
    MAXPOOL2D,
    reviewed="corrected",
)
def ceil_fills_zero() -> Evidence:
    output = nn.MaxPool2d(2, ceil_mode=True)(
        -torch.ones(1, 1, 5, 5)
    )  # (1, 1, 3, 3): the last windows are cut off
    return noted((output[..., -1] == 0).any(), output=output[0, 0].tolist())


@section.claim(
    "pool-floor-drops",
    "With ceil_mode=False a region that doesn't fill a window is dropped and gives no output.",
    "The size is rounded down, so no window starts where it wouldn't fit: the largest value can "
    "vanish if it is in the last row or column.",
    MAXPOOL2D,
)
def floor_drops() -> Evidence:
    image = torch.zeros(1, 1, 5, 5)
    image[..., 4, 4] = 9.0
    output = nn.MaxPool2d(2)(image)
    return noted(output.shape[2:] == (2, 2) and output.max() == 0, output=output[0, 0].tolist())


@section.claim(
    "pool-ceil-changes-size",
    "So ceil_mode affects the output's H and W.",
    "It rounds the same quotient the other way: 5 rows under a window of 2 give (5 − 2) / 2 + 1 "
    "= 2.5, so 2 or 3.",
    MAXPOOL2D,
)
def ceil_changes_size() -> Evidence:
    image = torch.randn(1, 1, 5, 5)
    floor, ceil = nn.MaxPool2d(2)(image), nn.MaxPool2d(2, ceil_mode=True)(image)
    return noted(
        floor.shape != ceil.shape, floor=tuple(floor.shape[2:]), ceil=tuple(ceil.shape[2:])
    )


@section.claim(
    "pool-ceil-rounds",
    "ceil and floor mean what they say: the formula's H and W are rounded up or down.",
    "ceil_mode rounds them up, with one exception: a window that would start in the right or "
    "bottom padding is dropped, so the size can be one less than the ceiling.",
    MAXPOOL2D,
    reviewed="corrected",
)
def ceil_rounds() -> Evidence:
    exceptions = {}
    for height in range(4, 14):
        for k, s, p in [(2, 2, 0), (3, 2, 0), (2, 3, 1), (3, 2, 1)]:
            output = nn.MaxPool2d(k, stride=s, padding=p, ceil_mode=True)(
                torch.randn(1, 1, height, height)
            )
            ceiling = -(-(height + 2 * p - k) // s) + 1
            if output.shape[2] != ceiling:
                exceptions[f"MaxPool2d({k}, {s}, {p}), H={height}"] = (
                    f"{output.shape[2]} ≠ {ceiling}"
                )
    return noted(not exceptions, exceptions=exceptions)


@section.claim(
    "pool-indices-for-unpool",
    "return_indices=True also returns the index of each window's largest value, which "
    "max_unpool2d uses.",
    "The indices record the position of each value, so max_unpool2d puts it back there. All "
    "other positions are zero: the other values are lost.",
    PYTORCH + "generated/torch.nn.MaxUnpool2d.html",
)
def indices_for_unpool() -> Evidence:
    image = torch.rand(1, 2, 4, 4) + 1
    output, indices = nn.MaxPool2d(2, return_indices=True)(image)
    back = F.max_unpool2d(output, indices, kernel_size=2)  # (1, 2, 4, 4)
    kept = back != 0
    return noted(
        torch.equal(back[kept], image[kept]) and kept.sum() == output.numel(),
        back=back[0, 0].tolist(),
    )


@section.question(
    "pool-what-indices",
    "return_indices: what are these indices?",
    "Each index is the position of the largest value in the flattened H × W plane of its "
    "channel: row · W + column. It isn't the position within the window, and each channel counts "
    "from 0.",
    MAXPOOL2D,
)
def what_indices() -> Evidence:
    image = torch.rand(1, 2, 4, 6)
    output, indices = nn.MaxPool2d(2, return_indices=True)(image)  # both (1, 2, 2, 3)
    in_plane = image.flatten(2).gather(2, indices.flatten(2)).reshape_as(output)
    return which(
        {
            "place in the channel's H × W plane": torch.equal(in_plane, output),
            "place in the window": indices.max() < 4,
            "place in the whole tensor": indices.max() >= 4 * 6,
        },
        indices=indices[0].tolist(),
    )
