"""Notes, PyTorch 7: what is where in torch."""

import inspect

import torch
from torch import nn

from layers.claims.claim import PYTORCH, Evidence, Section, error_of, noted, renamed

section = Section("torch_map", "PyTorch 7: The map of torch")
TORCH = PYTORCH + "torch.html"


@section.claim(
    "map-normal",
    "torch.normal() draws from a normal distribution.",
    "mean and std are arguments, and the mean and std of 100,000 draws come close to them.",
    PYTORCH + "generated/torch.normal.html",
)
def normal() -> Evidence:
    draws = torch.normal(mean=3.0, std=2.0, size=(100_000,))
    return noted(
        abs(draws.mean() - 3) < 0.05 and abs(draws.std() - 2) < 0.05,
        mean=draws.mean().item(),
        std=draws.std().item(),
    )


@section.claim(
    "map-randn",
    "torch.randn() draws from the standard normal distribution: mean 0, standard deviation 1.",
    "It is normal() with mean 0 and std 1: 68% of the draws lie within ±1, as in every standard "
    "normal distribution.",
    PYTORCH + "generated/torch.randn.html",
)
def randn() -> Evidence:
    draws = torch.randn(100_000)
    within_one = (draws.abs() < 1).float().mean().item()  # 0.683 if normal
    return noted(
        abs(draws.mean()) < 0.02 and abs(draws.std() - 1) < 0.02 and abs(within_one - 0.683) < 0.01,
        mean=draws.mean().item(),
        std=draws.std().item(),
        within_one=within_one,
    )


@section.claim(
    "map-ones-zeros",
    "torch.ones() and torch.zeros() make tensors of a given shape; torch.ones_like() and "
    "torch.zeros_like() take the shape of a tensor.",
    "The first two are given the shape; the _like functions read it from a tensor, along with "
    "its dtype and device.",
    TORCH + "#creation-ops",
)
def ones_zeros() -> Evidence:
    like = torch.randn(2, 3, dtype=torch.float64)
    made = {"ones": torch.ones(2, 3), "zeros": torch.zeros(2, 3)}
    made_like = {"ones_like": torch.ones_like(like), "zeros_like": torch.zeros_like(like)}
    right_values = all(
        (tensor == name.startswith("ones")).all() for name, tensor in (made | made_like).items()
    )
    right_shapes = all(tensor.shape == (2, 3) for tensor in (made | made_like).values())
    dtypes = {name: str(tensor.dtype) for name, tensor in (made | made_like).items()}
    return noted(right_values and right_shapes, dtypes=dtypes)


@section.claim(
    "map-nn",
    "For building networks torch.nn has functional, Parameter, and layers such as Conv2d.",
    "functional is a module of functions, a layer is a class, and a Parameter is a tensor that a "
    "module lists among its parameters. A module doesn't list a plain tensor, so no optimizer "
    "would get it.",
    PYTORCH + "nn.html",
)
def what_is_in_nn() -> Evidence:
    module = nn.Module()
    module.weight, module.note = nn.Parameter(torch.zeros(2)), torch.zeros(2)
    listed = [name for name, _ in module.named_parameters()]
    return noted(
        inspect.ismodule(nn.functional)
        and issubclass(nn.Conv2d, nn.Module)
        and listed == ["weight"],
        parameters=listed,
    )


@section.claim(
    "map-init-normal-randn",
    "torch.nn.init.normal_ and torch.nn.init.randn_ fill a tensor with values from normal or "
    "randn.",
    "normal_ exists, but randn_ never did: the defaults of normal_ are already mean 0 and std 1.",
    PYTORCH + "nn.init.html",
    reviewed="corrected",
)
def init_normal_randn() -> Evidence:
    there = {name: hasattr(nn.init, name) for name in ("normal_", "randn_")}
    weight = torch.zeros(10_000)
    nn.init.normal_(weight)
    return noted(all(there.values()), {"std after normal_": weight.std().item()}, there=there)


@section.claim(
    "map-losses-in-nn",
    "nn has the loss functions too, such as torch.nn.MSELoss().",
    "A loss is a module, like a layer: create it first, then call it.",
    PYTORCH + "nn.html#loss-functions",
)
def losses_in_nn() -> Evidence:
    losses = [name for name in dir(nn) if name.endswith("Loss")]
    called = nn.MSELoss()(torch.ones(2), torch.zeros(2))
    return noted(issubclass(nn.MSELoss, nn.Module) and called == 1, losses=losses)


@section.claim(
    "map-optim",
    "The optimizers are in torch.optim.",
    "All are subclasses of torch.optim.Optimizer, so all have step() and zero_grad().",
    PYTORCH + "optim.html",
)
def optim() -> Evidence:
    optimizers = [
        name
        for name, thing in vars(torch.optim).items()
        if inspect.isclass(thing) and issubclass(thing, torch.optim.Optimizer)
    ]
    return noted({"SGD", "Adam", "AdamW"} <= set(optimizers), optimizers=optimizers)


@section.claim(
    "map-activations",
    "Activation functions: torch.relu, torch.sigmoid and so on.",
    "They are functions in torch and layers in nn (nn.ReLU, nn.Sigmoid), with the same values. "
    "Some (gelu, silu) are only in nn.functional and nn.",
    TORCH + "#pointwise-ops",
)
def activations() -> Evidence:
    x = torch.randn(10)
    same = torch.equal(torch.relu(x), nn.ReLU()(x)) and torch.equal(
        torch.sigmoid(x), nn.Sigmoid()(x)
    )
    return noted(
        same, there={name: hasattr(torch, name) for name in ("relu", "sigmoid", "tanh", "gelu")}
    )


@section.claim(
    "map-max-min",
    "torch.max(a, b) and torch.min(a, b) give the element-wise maximum or minimum.",
    "Two tensors are compared element by element, as in torch.maximum. With a number as the "
    "second argument, torch.max does something else: it gives the largest value along that "
    "dimension, with its index.",
    PYTORCH + "generated/torch.max.html",
)
def max_min() -> Evidence:
    a, b = torch.tensor([1, 5, 3]), torch.tensor([4, 2, 3])
    larger, smaller = torch.max(a, b), torch.min(a, b)
    values, indices = torch.max(torch.stack([a, b]), 1)
    return noted(
        larger.tolist() == [4, 5, 3]
        and smaller.tolist() == [1, 2, 3]
        and torch.equal(larger, torch.maximum(a, b)),
        {"max(a, b)": larger.tolist(), "min(a, b)": smaller.tolist()},
        largest_of_each_row=values.tolist(),
        with_its_index=indices.tolist(),
    )


@section.claim(
    "map-max-same-shape",
    "The output has the shape of a and b.",
    "It does if both have the same shape. If not, they are broadcast first, and the output may "
    "have the shape of neither.",
    PYTORCH + "generated/torch.maximum.html",
    reviewed="corrected",
)
def max_same_shape() -> Evidence:
    a, b = torch.tensor([[1], [3]]), torch.tensor([[2, 0, 4]])
    error = error_of(torch.max, a, b)
    output = torch.max(a, b)
    return noted(error is not None, a=tuple(a.shape), b=tuple(b.shape), output=tuple(output.shape))


@section.claim(
    "map-norm",
    "torch.norm(input, p=2) gives the input's Lp norm.",
    "It still does, but it is deprecated: today's name is torch.linalg.vector_norm(input, "
    "ord=2). The default p isn't 2 but 'fro', which gives the same result. A matrix counts as "
    "one long vector here; torch.linalg.matrix_norm(A, 2) gives a different number, the largest "
    "singular value.",
    PYTORCH + "generated/torch.norm.html",
    reviewed="outdated",
)
def norm() -> Evidence:
    x, matrix = torch.tensor([3.0, -4.0]), torch.tensor([[1.0, 2.0], [2.0, -1.0]])
    by_hand = {p: (x.abs() ** p).sum() ** (1 / p) for p in (1, 2, 3)}
    right = all(torch.isclose(torch.norm(x, p=p), by_hand[p]) for p in by_hand)
    todays = all(torch.isclose(torch.linalg.vector_norm(x, ord=p), by_hand[p]) for p in by_hand)
    deprecated = "deprecated" in torch.norm.__doc__
    of_a_matrix = {
        "torch.norm": torch.norm(matrix, 2),
        "vector_norm": torch.linalg.vector_norm(matrix, 2),
        "matrix_norm": torch.linalg.matrix_norm(matrix, 2),
    }
    return renamed(
        right and not deprecated,
        todays,
        {"torch.norm": torch.norm(x, p=2).item()},
        deprecated=deprecated,
        of_a_matrix={name: value.item() for name, value in of_a_matrix.items()},
    )
