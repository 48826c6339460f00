"""Notes, PyTorch 7: what is where in torch."""

import inspect

import torch
from torch import nn

from layers.claims.claim import PYTORCH, Section, error_of, noted, renamed

section = Section("torch_map", "PyTorch 7: The map of torch")
TORCH = PYTORCH + "torch.html"


@section.claim(
    "map-normal",
    "torch.normal() draws from a normal distribution.",
    "So it does, with the mean and standard deviation given.",
    PYTORCH + "generated/torch.normal.html",
)
def normal():
    draws = torch.normal(mean=3.0, std=2.0, size=(100_000,))
    return noted(
        abs(draws.mean() - 3) < 0.05 and abs(draws.std() - 2) < 0.05, mean=draws.mean().item(), std=draws.std().item()
    )


@section.claim(
    "map-randn",
    "torch.randn() draws from the standard normal distribution: mean 0, standard deviation 1.",
    "So it does.",
    PYTORCH + "generated/torch.randn.html",
)
def randn():
    draws = torch.randn(100_000)
    within_one = (draws.abs() < 1).float().mean().item()  # 0.683 if normal
    return noted(
        abs(draws.mean()) < 0.02 and abs(draws.std() - 1) < 0.02 and abs(within_one - 0.683) < 0.01,
        mean=draws.mean().item(), std=draws.std().item(), within_one=within_one,
    )  # fmt: skip


@section.claim(
    "map-ones-zeros",
    "torch.ones() and torch.zeros() make tensors of a shape; torch.ones_like() and torch.zeros_like() take a tensor's.",
    "So they do; the _like ones take over its dtype and device as well.",
    TORCH + "#creation-ops",
)
def ones_zeros():
    like = torch.randn(2, 3, dtype=torch.float64)
    ones, zeros = torch.ones_like(like), torch.zeros_like(like)
    same = torch.equal(ones, torch.ones(2, 3, dtype=torch.float64)) and torch.equal(zeros, torch.zeros_like(ones))
    return noted(same and not zeros.any(), ones=ones.tolist(), dtype=str(ones.dtype))


@section.claim(
    "map-nn",
    "For building networks torch.nn has functional, Parameter, and layers such as Conv2d.",
    "So it has: functional a module of functions, Parameter a tensor that a module lists among its parameters.",
    PYTORCH + "nn.html",
)
def what_is_in_nn():
    module = nn.Module()
    module.weight, module.note = nn.Parameter(torch.zeros(2)), torch.zeros(2)
    listed = [name for name, _ in module.named_parameters()]
    return noted(
        inspect.ismodule(nn.functional) and issubclass(nn.Conv2d, nn.Module) and listed == ["weight"], parameters=listed
    )


@section.claim(
    "map-init-normal-randn",
    "torch.nn.init.normal_ and torch.nn.init.randn_ change a tensor's values by normal or by randn.",
    "normal_ is there, randn_ never was: normal_'s defaults are mean 0 and std 1 already.",
    PYTORCH + "nn.init.html",
    reviewed="corrected",
)
def init_normal_randn():
    there = {name: hasattr(nn.init, name) for name in ("normal_", "randn_")}
    weight = torch.zeros(10_000)
    nn.init.normal_(weight)
    return noted(all(there.values()), there=there, std_after_normal_=weight.std().item())


@section.claim(
    "map-losses-in-nn",
    "nn has the loss functions too, such as torch.nn.MSELoss().",
    "So it has.",
    PYTORCH + "nn.html#loss-functions",
)
def losses_in_nn():
    losses = [name for name in dir(nn) if name.endswith("Loss")]
    return noted("MSELoss" in losses and nn.MSELoss()(torch.ones(2), torch.zeros(2)) == 1, losses=losses)


@section.claim(
    "map-optim",
    "The optimizers are in torch.optim.",
    "So they are.",
    PYTORCH + "optim.html",
)
def optim():
    optimizers = [
        name for name, thing in vars(torch.optim).items()
        if inspect.isclass(thing) and issubclass(thing, torch.optim.Optimizer)
    ]  # fmt: skip
    return noted({"SGD", "Adam", "AdamW"} <= set(optimizers), optimizers=optimizers)


@section.claim(
    "map-activations",
    "Activation functions: torch.relu, torch.sigmoid and so on.",
    "So they are, and the same as layers: nn.ReLU, nn.Sigmoid. Some (gelu, silu) are only in nn.functional and nn.",
    TORCH + "#pointwise-ops",
)
def activations():
    x = torch.randn(10)
    same = torch.equal(torch.relu(x), nn.ReLU()(x)) and torch.equal(torch.sigmoid(x), nn.Sigmoid()(x))
    return noted(same, there={name: hasattr(torch, name) for name in ("relu", "sigmoid", "tanh", "gelu")})


@section.claim(
    "map-max-min",
    "torch.max(a, b) and torch.min(a, b) give a tensor with the larger or smaller value of each element.",
    "So they do. torch.max(a, 1) is another thing: the largest along a dimension, with its index.",
    PYTORCH + "generated/torch.maximum.html",
)
def max_min():
    a, b = torch.tensor([1, 5, 3]), torch.tensor([4, 2, 3])
    larger, smaller = torch.max(a, b), torch.min(a, b)
    return noted(
        larger.tolist() == [4, 5, 3] and smaller.tolist() == [1, 2, 3] and torch.equal(larger, torch.maximum(a, b)),
        max=larger.tolist(), min=smaller.tolist(),
    )  # fmt: skip


@section.claim(
    "map-max-same-shape",
    "The output has the shape of a and b.",
    "If they share one. If not they are broadcast first, and the output may have neither's shape.",
    PYTORCH + "generated/torch.maximum.html",
    reviewed="corrected",
)
def max_same_shape():
    a, b = torch.tensor([[1], [3]]), torch.tensor([[2, 0, 4]])
    error = error_of(torch.max, a, b)
    output = torch.max(a, b)
    return noted(error is not None, a=tuple(a.shape), b=tuple(b.shape), output=tuple(output.shape))


@section.claim(
    "map-norm",
    "torch.norm(input, p=2) gives the input's Lp norm.",
    "It still computes it, but it is deprecated: today's name is torch.linalg.vector_norm(input, ord=2) "
    "(matrix_norm for matrices). Its default p isn't 2 but 'fro', which for a vector is the same.",
    PYTORCH + "generated/torch.norm.html",
    reviewed="outdated",
)
def norm():
    x = torch.tensor([3.0, -4.0])
    by_hand = {p: (x.abs() ** p).sum() ** (1 / p) for p in (1, 2, 3)}
    right = all(torch.isclose(torch.norm(x, p=p), by_hand[p]) for p in by_hand)
    todays = all(torch.isclose(torch.linalg.vector_norm(x, ord=p), by_hand[p]) for p in by_hand)
    deprecated = "deprecated" in torch.norm.__doc__
    return renamed(right and not deprecated, todays, torch_norm=torch.norm(x, p=2).item(), deprecated=deprecated)
