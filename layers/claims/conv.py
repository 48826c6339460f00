"""Notes, PyTorch 1 and 2: Conv2d the class, conv2d the function, and what a convolution's
parameters mean.
"""

import inspect

import torch
import torch.nn.functional as F
from torch import nn

from layers.claims.claim import PYTORCH, WORKS, Evidence, Section, error_of, noted, which

section = Section("conv", "PyTorch 1, 2: Conv2d and conv2d")
CONV2D = PYTORCH + "generated/torch.nn.Conv2d.html"
FUNCTION = PYTORCH + "generated/torch.nn.functional.conv2d.html"


@section.claim(
    "conv-class-and-function",
    "Conv2d is a class: make an instance first, then call it on the input. conv2d is called "
    "directly, with the input and everything else as arguments.",
    "The instance keeps weight and bias, so its call needs only the input. The function keeps "
    "nothing, so each call needs all arguments. m(input) runs forward() and any registered hooks.",
    CONV2D,
)
def class_and_function() -> Evidence:
    image = torch.randn(1, 3, 8, 8)
    m = nn.Conv2d(3, 4, kernel_size=3)  # first an instance
    output = m(image)  # then the call
    direct = F.conv2d(image, torch.randn(4, 3, 3, 3))
    called_straight = callable(F.conv2d) and not inspect.isclass(F.conv2d)
    return noted(
        inspect.isclass(nn.Conv2d) and called_straight and output.shape == direct.shape,
        {"nn.Conv2d": type(nn.Conv2d).__name__, "F.conv2d": type(F.conv2d).__name__},
        output=tuple(output.shape),
    )


@section.claim(
    "conv-functional-is-a-class",
    "conv2d belongs to a lower-level class, torch.nn.functional().",
    "torch.nn.functional is a module: a file of functions. It can't be called, and conv2d is "
    "called without any object. (Its type is builtin_function_or_method, CPython's name for "
    "every function that is written in C.)",
    PYTORCH + "nn.functional.html",
    reviewed="corrected",
)
def functional_is_a_class() -> Evidence:
    return noted(
        inspect.isclass(torch.nn.functional),
        {"F.conv2d": type(F.conv2d).__name__},
        type=type(torch.nn.functional).__name__,
        calling_it=repr(error_of(torch.nn.functional)),
    )


@section.claim(
    "conv-class-wraps-function",
    "conv2d is the lower-level wheel; the class Conv2d is built on top of it.",
    "Conv2d keeps weight and bias and hands them to F.conv2d: the outputs agree to the last digit.",
    "https://github.com/pytorch/pytorch/blob/main/torch/nn/modules/conv.py",
)
def class_wraps_function() -> Evidence:
    image, m = torch.randn(2, 3, 8, 8), nn.Conv2d(3, 4, kernel_size=3, stride=2, padding=1)
    by_hand = F.conv2d(image, m.weight, m.bias, stride=2, padding=1)
    return noted(
        torch.equal(m(image), by_hand) and "F.conv2d(" in inspect.getsource(nn.Conv2d),
        largest_difference=(m(image) - by_hand).abs().max().item(),
    )


@section.claim(
    "conv-layers-ready-made",
    "The classic layers (convolutional, recurrent, transformer) are ready-made in torch.nn: a few "
    "arguments and you have an instance.",
    "Each is a subclass of nn.Module that creates its own weights: you only give the sizes.",
    PYTORCH + "nn.html",
)
def layers_ready_made() -> Evidence:
    layers = [nn.Conv2d(3, 4, 3), nn.RNN(8, 16), nn.LSTM(8, 16), nn.TransformerEncoderLayer(8, 2)]
    weights = {type(layer).__name__: sum(p.numel() for p in layer.parameters()) for layer in layers}
    return noted(
        all(isinstance(layer, nn.Module) for layer in layers) and all(weights.values()),
        weights_of_each=weights,
    )


@section.claim(
    "conv-own-layers",
    "An unusual network isn't there ready-made; it is built by wrapping conv2d or Conv2d once "
    "more.",
    "Subclass nn.Module and use any layers and functions in forward(), Conv2d and conv2d among "
    "them. Module finds the parameters, autograd computes the gradients, and the whole network "
    "learns. Here a convolutional recurrent cell learns to add up its inputs.",
    PYTORCH + "notes/modules.html",
)
def own_layers() -> Evidence:
    class ConvRecurrentCell(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Conv2d(2, 1, kernel_size=3, padding=1)

        def forward(self, image, state):  # both (N, 1, H, W)
            return state + torch.tanh(self.inner(torch.cat([image, state], dim=1)))

    cell, images = ConvRecurrentCell(), 0.3 * torch.randn(2, 4, 1, 6, 6)
    optimizer, losses = torch.optim.Adam(cell.parameters(), lr=0.1), []
    for _ in range(20):
        state = torch.zeros(4, 1, 6, 6)
        for image in images:
            state = cell(image, state)
        loss = F.mse_loss(state, images.sum(dim=0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return noted(losses[-1] < losses[0] / 4, first_loss=losses[0], last_loss=losses[-1])


@section.claim(
    "conv-kernel-shape",
    "A convolution's kernel isn't just Hk × Wk but a tensor of four dimensions: "
    "(out_channels, in_channels / groups, Hk, Wk).",
    "Each output channel needs one Hk × Wk kernel for every input channel that it sees, "
    "in_channels / groups of them, and there are out_channels outputs.",
    CONV2D,
)
def kernel_shape() -> Evidence:
    weight = nn.Conv2d(6, 4, kernel_size=(3, 5), groups=2).weight
    return noted(weight.shape == (4, 6 // 2, 3, 5), shape=tuple(weight.shape))


@section.claim(
    "conv-groups-default",
    "groups is 1 by default.",
    "With groups=1 each output channel sees every input channel. More groups divide the channels "
    "among them; with groups=in_channels each output sees one input channel (depthwise).",
    CONV2D,
)
def groups_default() -> Evidence:
    default, depthwise = nn.Conv2d(6, 4, 3), nn.Conv2d(6, 6, 3, groups=6)
    return noted(
        default.groups == 1,
        groups=default.groups,
        weight=tuple(default.weight.shape),
        depthwise_weight=tuple(depthwise.weight.shape),
    )


@section.claim(
    "conv-kernel-count",
    "So there are out_channels × in_channels two-dimensional kernels.",
    "With groups=1, the default: out_channels outputs, each with a kernel for every one of the "
    "in_channels inputs. With groups each output sees in_channels / groups of them, so there "
    "are out_channels × in_channels / groups.",
    CONV2D,
)
def kernel_count() -> Evidence:
    weight, grouped = nn.Conv2d(6, 4, 3).weight, nn.Conv2d(6, 4, 3, groups=2).weight
    return noted(
        weight.flatten(0, 1).shape[0] == 4 * 6,
        kernels=weight.flatten(0, 1).shape[0],
        kernels_with_groups_2=grouped.flatten(0, 1).shape[0],
    )


@section.question(
    "conv-sum-or-average",
    "One kernel for each input channel: are their results summed into the output map, or averaged?",
    "A convolution is one sum of products over the window and over all input channels, to which "
    "the bias is added once. Nothing is divided by the number of input channels.",
    CONV2D,
)
def sum_or_average() -> Evidence:
    image, weight = torch.randn(1, 3, 8, 8), torch.randn(1, 3, 3, 3)
    output = F.conv2d(image, weight)
    each = [
        F.conv2d(image[:, c : c + 1], weight[:, c : c + 1]) for c in range(3)
    ]  # (1, 1, 6, 6) a channel
    return which(
        {
            "summed": torch.allclose(output, sum(each), atol=1e-5),
            "averaged": torch.allclose(output, sum(each) / 3, atol=1e-5),
        },
        first_output=output[0, 0, 0, 0].item(),
        first_of_each_channel=[one[0, 0, 0, 0].item() for one in each],
    )


@section.claim(
    "conv-set-per-output",
    "Each of the out_channels output maps needs its own set of kernels.",
    "Each output map is computed from its own set alone: changing set 2 (counted from 0) "
    "changes output map 2 and no other.",
    CONV2D,
)
def set_per_output() -> Evidence:
    image, weight = torch.randn(1, 3, 8, 8), torch.randn(4, 3, 3, 3)
    before = F.conv2d(image, weight)
    weight[2] += 1
    changed = (F.conv2d(image, weight) != before).flatten(2).any(dim=2)[0]  # (out_channels,)
    return noted(changed.tolist() == [False, False, True, False], changed=changed.tolist())


@section.claim(
    "conv-input-four-dimensional",
    "The input that the weight acts on has four dimensions, like the weight.",
    "A batch has four: (N, C, H, W). But a single image, (C, H, W), is accepted too, and its "
    "output has no N. The section Shape in Conv2d's documentation lists both.",
    CONV2D,
    reviewed="corrected",
)
def input_four_dimensional() -> Evidence:
    weight, image = torch.randn(4, 3, 3, 3), torch.randn(3, 8, 8)
    unbatched = error_of(F.conv2d, image, weight)
    output = F.conv2d(image, weight)
    return noted(
        unbatched is not None,
        three_dimensions_give=tuple(output.shape),
        same_as_a_batch_of_one=torch.allclose(output, F.conv2d(image[None], weight)[0], atol=1e-6),
    )


@section.claim(
    "conv-function-needs-weight",
    "For conv2d you have to prepare all the kernels yourself.",
    "A function keeps nothing between calls, so weight is an argument without a default.",
    FUNCTION,
)
def function_needs_weight() -> Evidence:
    error = error_of(F.conv2d, torch.randn(1, 3, 8, 8))
    return noted(isinstance(error, TypeError), error=str(error).splitlines()[0])


@section.claim(
    "conv-class-makes-weight",
    "Conv2d needs only in_channels, out_channels and kernel_size (and groups); it makes the "
    "four-dimensional kernels itself.",
    "These numbers determine the shape of the weight. The instance creates the tensor, "
    "initializes it at random and keeps it. All other arguments have defaults.",
    CONV2D,
)
def class_makes_weight() -> Evidence:
    parameters = inspect.signature(nn.Conv2d).parameters.values()
    required = [parameter.name for parameter in parameters if parameter.default is parameter.empty]
    return noted(
        required == ["in_channels", "out_channels", "kernel_size"],
        required=required,
        made=tuple(nn.Conv2d(3, 4, 3).weight.shape),
    )


@section.claim(
    "conv-argument-names",
    "Conv2d's first arguments are input_channel, output_channel and kernel.",
    "The order is right, so the numbers can be passed by position. As keywords they are "
    "in_channels, out_channels and kernel_size; any other name raises a TypeError.",
    CONV2D,
    reviewed="corrected",
)
def argument_names() -> Evidence:
    by_place = error_of(nn.Conv2d, 3, 4, 3)
    as_noted = error_of(nn.Conv2d, input_channel=3, output_channel=4, kernel=3)
    right = error_of(nn.Conv2d, in_channels=3, out_channels=4, kernel_size=3)
    return noted(
        as_noted is None,
        {
            "without names": WORKS if by_place is None else str(by_place),
            "with the notes' names": str(as_noted),
            "with the right names": WORKS if right is None else str(right),
        },
    )


@section.claim(
    "conv-normal-init",
    "The kernels that Conv2d makes are drawn from a normal distribution.",
    "They are uniform between −1/√fan_in and 1/√fan_in, with fan_in = in_channels/groups · Hk · "
    "Wk (kaiming_uniform_ with a=√5). In a normal distribution with the same standard deviation, "
    "about one value in twelve would lie outside these bounds.",
    CONV2D,
    reviewed="corrected",
)
def normal_init() -> Evidence:
    weight = nn.Conv2d(16, 512, 3).weight.detach().flatten()  # 73,728 draws
    bound = 1 / (16 * 3 * 3) ** 0.5
    kurtosis = (
        (weight - weight.mean()) ** 4
    ).mean() / weight.var() ** 2  # 3 if normal, 1.8 if uniform
    return noted(
        (weight.abs() > bound).any() and abs(kurtosis - 3) < 0.2,
        bound=bound,
        largest=weight.abs().max().item(),
        kurtosis=kurtosis.item(),
    )


@section.claim(
    "conv-weight-learns",
    "These kernels change during training and can be read from the instance's attribute weight.",
    "weight is an nn.Parameter: m.parameters() hands it to the optimizer, backward() gives it a "
    "gradient, and step() changes it.",
    CONV2D,
)
def weight_learns() -> Evidence:
    m = nn.Conv2d(3, 4, 3)
    before = m.weight.detach().clone()
    m(torch.randn(1, 3, 8, 8)).square().mean().backward()
    torch.optim.SGD(m.parameters(), lr=0.1).step()
    return noted(
        isinstance(m.weight, nn.Parameter) and not torch.equal(m.weight, before),
        type=type(m.weight).__name__,
        largest_change=(m.weight - before).abs().max().item(),
    )


@section.claim(
    "conv-output-size",
    "kernel_size, stride, padding and dilation (with the input's size) give the output's height "
    "and width.",
    "With its gaps the kernel covers dilation·(kernel_size − 1) + 1 cells, and each of its "
    "positions gives one value: floor((H + 2·padding − dilation·(kernel_size − 1) − 1) / stride) "
    "+ 1.",
    CONV2D,
)
def output_size() -> Evidence:
    image, differs = torch.randn(1, 1, 11, 11), []
    for k, s, p, d in [
        (3, 1, 0, 1),
        (3, 2, 1, 1),
        (2, 3, 0, 2),
        (5, 2, 2, 1),
        (3, 1, 2, 2),
        (4, 3, 1, 3),
    ]:
        output = nn.Conv2d(1, 1, k, stride=s, padding=p, dilation=d)(image)
        if output.shape[2] != (11 + 2 * p - d * (k - 1) - 1) // s + 1:
            differs.append((k, s, p, d))
    return noted(not differs, settings_that_differ=differs)


@section.claim(
    "conv-size-not-settable",
    "The output's size can't be set directly.",
    "It follows from the input's size and the four settings, so Conv2d has no argument for it. "
    "(ConvTranspose2d goes in the opposite direction, where several sizes are possible, so its "
    "call takes output_size.)",
    CONV2D,
)
def size_not_settable() -> Evidence:
    parameters = list(inspect.signature(nn.Conv2d).parameters)
    return noted(
        not [name for name in parameters if "size" in name and name != "kernel_size"],
        parameters=parameters,
    )


@section.claim(
    "conv-padding-by-hand",
    "To get the size you want you work backwards to stride and padding yourself.",
    "In the most common case, an output as large as the input, you needn't: padding='same' "
    "computes the padding (only with stride 1).",
    CONV2D,
    reviewed="corrected",
)
def padding_by_hand() -> Evidence:
    image = torch.randn(1, 1, 9, 9)
    sizes = {
        k: tuple(nn.Conv2d(1, 1, k, padding="same", dilation=2)(image).shape[2:])
        for k in (2, 3, 4, 5)
    }
    same = all(size == (9, 9) for size in sizes.values())
    return noted(
        not same, sizes_by_kernel=sizes, with_stride_2=str(error_of(nn.Conv2d, 1, 1, 3, 2, "same"))
    )


@section.claim(
    "conv-int-or-tuple",
    "kernel_size, stride, padding and dilation are an int for both directions, or a tuple of two "
    "ints for H and W.",
    "An int is turned into a pair when the layer is made: kernel_size=3 is kept as (3, 3).",
    CONV2D,
)
def int_or_tuple() -> Evidence:
    m = nn.Conv2d(1, 1, 3, stride=2, padding=1, dilation=2)
    mixed = nn.Conv2d(1, 1, (3, 5), stride=(1, 2), padding=(1, 0), dilation=(2, 1))(
        torch.randn(1, 1, 12, 12)
    )
    return noted(
        m.kernel_size == (3, 3)
        and m.stride == (2, 2)
        and m.padding == (1, 1)
        and m.dilation == (2, 2)
        and mixed.shape == (1, 1, 10, 4),
        int_3_becomes=m.kernel_size,
        with_tuples=tuple(mixed.shape),
    )


@section.claim(
    "conv-dilation-gaps",
    "dilation is 1 by default, which means no gap between the kernel's elements; 2 means a gap of "
    "one.",
    "dilation is the distance from one element to the next. With 2 one cell is skipped, which "
    "gives the same result as a kernel with zeros inserted between its elements.",
    CONV2D,
)
def dilation_gaps() -> Evidence:
    image, weight = torch.randn(1, 1, 9, 9), torch.randn(1, 1, 3, 3)
    with_gaps = torch.zeros(1, 1, 5, 5)
    with_gaps[:, :, ::2, ::2] = weight
    dilated, gaps = F.conv2d(image, weight, dilation=2), F.conv2d(image, with_gaps)
    default = nn.Conv2d(1, 1, 3).dilation
    return noted(
        default == (1, 1) and torch.allclose(dilated, gaps, atol=1e-5),
        default=default,
        size=dilated.shape[2],
    )


@section.claim(
    "conv-bias-default",
    "bias is False by default.",
    "It is True. (It is often set to False before a BatchNorm, whose own β acts as the bias.)",
    CONV2D,
    reviewed="corrected",
)
def bias_default() -> Evidence:
    default = inspect.signature(nn.Conv2d).parameters["bias"].default
    return noted(default is False and nn.Conv2d(3, 4, 3).bias is None, default=default)


@section.claim(
    "conv-bias-shape",
    "The bias adds one number to each output channel's map. It is a learnable one-dimensional "
    "tensor of length out_channels, available as the attribute bias.",
    "The output with bias minus the output without bias is constant over each map: each output "
    "channel has one number, which is added to all of its H × W cells.",
    CONV2D,
)
def bias_shape() -> Evidence:
    image, m = torch.randn(1, 3, 8, 8), nn.Conv2d(3, 4, 3)
    added = m(image) - F.conv2d(image, m.weight)  # (1, 4, 6, 6)
    per_channel = torch.allclose(added, m.bias.reshape(1, 4, 1, 1).expand_as(added), atol=1e-6)
    return noted(
        m.bias.shape == (4,) and m.bias.requires_grad and per_channel, shape=tuple(m.bias.shape)
    )


@section.claim(
    "conv-padding-modes",
    "padding_mode has four values: 'zeros', 'reflect', 'replicate', 'circular'.",
    "Conv2d compares the name with these four when it is created, and rejects any other.",
    CONV2D,
)
def padding_modes() -> Evidence:
    modes = ["zeros", "reflect", "replicate", "circular", "zero", "constant", "symmetric", "same"]
    taken = [
        mode for mode in modes if error_of(nn.Conv2d, 1, 1, 3, padding=1, padding_mode=mode) is None
    ]
    return noted(taken == ["zeros", "reflect", "replicate", "circular"], taken=taken)


@section.claim(
    "conv-padding-default",
    "The default fills with 0.",
    "The output is the same as for a picture that was padded with zeros beforehand. The value's "
    "full name is 'zeros'.",
    CONV2D,
)
def padding_default() -> Evidence:
    image, m = torch.randn(1, 1, 5, 5), nn.Conv2d(1, 1, 3, padding=1)
    by_hand = F.conv2d(F.pad(image, (1, 1, 1, 1), value=0.0), m.weight, m.bias)
    return noted(torch.allclose(m(image), by_hand, atol=1e-6), {"padding_mode": m.padding_mode})


@section.claim(
    "conv-padding-reflect",
    "'reflect' takes the border as the axis of symmetry and mirrors the elements outwards.",
    "The border is the mirror and isn't repeated, so a row of n elements has n − 1 to mirror: "
    "the padding must be smaller than the picture.",
    PYTORCH + "generated/torch.nn.functional.pad.html",
)
def padding_reflect() -> Evidence:
    row = torch.tensor([[[1.0, 2.0, 3.0, 4.0]]])
    padded = F.pad(row, (2, 2), mode="reflect").flatten().tolist()
    too_wide = error_of(F.pad, row, (4, 4), mode="reflect")
    return noted(
        padded == [3, 2, 1, 2, 3, 4, 3, 2],
        padded=padded,
        padding_of_4=str(too_wide).split(":")[-1].strip(),
    )


@section.claim(
    "conv-padding-replicate",
    "'replicate' copies the border outwards.",
    "Each padded cell takes the value of the nearest cell of the picture.",
    PYTORCH + "generated/torch.nn.functional.pad.html",
)
def padding_replicate() -> Evidence:
    padded = (
        F.pad(torch.tensor([[[1.0, 2.0, 3.0, 4.0]]]), (2, 2), mode="replicate").flatten().tolist()
    )
    return noted(padded == [1, 1, 1, 2, 3, 4, 4, 4], padded=padded)


@section.claim(
    "conv-padding-circular",
    "'circular' tiles the picture over and over and cuts the padded size out of the middle.",
    "The picture wraps around, so each side is padded with the values at the opposite border.",
    PYTORCH + "generated/torch.nn.functional.pad.html",
)
def padding_circular() -> Evidence:
    picture = torch.arange(12.0).reshape(1, 1, 3, 4)
    tiled = picture.repeat(1, 1, 3, 3)  # (1, 1, 9, 12), the picture itself in the middle
    middle = tiled[:, :, 3 - 2 : 6 + 2, 4 - 2 : 8 + 2]  # two more on each side
    padded = F.pad(picture, (2, 2, 2, 2), mode="circular")
    return noted(torch.equal(padded, middle), first_row=padded[0, 0, 0].tolist())


@section.claim(
    "conv-device",
    "device decides on which device the layer is placed.",
    "The layer's parameters are created there. ('meta' is a device that every machine has: its "
    "tensors have shapes but no values.)",
    CONV2D,
)
def device() -> Evidence:
    m = nn.Conv2d(3, 4, 3, device="meta")
    return noted(
        m.weight.device.type == "meta" and m.bias.device.type == "meta", device=str(m.weight.device)
    )
