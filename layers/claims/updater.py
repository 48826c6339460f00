"""Notes, PyTorch 8: d2l's own loss and updater, and PyTorch's."""

import inspect

import torch
from torch import nn

from layers.claims.claim import PYTORCH, Evidence, Section, error_of, noted, which
from layers.updater import compare, squared_loss

section = Section("updater", "PyTorch 8: Loss and updater")
SCRATCH = "https://zh.d2l.ai/chapter_linear-networks/softmax-regression-scratch.html"
MSE = PYTORCH + "generated/torch.nn.MSELoss.html"
SGD = PYTORCH + "generated/torch.optim.SGD.html"
BACKWARD = PYTORCH + "generated/torch.Tensor.backward.html"


@section.claim(
    "updater-loss-keeps-shape",
    "squared_loss keeps the dimensions: one loss for each example, as with reduction='none'.",
    "It works element by element and adds nothing up, so the shape stays. The values are "
    "another matter: see the next card.",
    MSE,
)
def loss_keeps_shape() -> Evidence:
    y_hat, y = torch.randn(8, 1), torch.randn(8)
    own, torchs = squared_loss(y_hat, y), nn.MSELoss(reduction="none")(y_hat, y.reshape(8, 1))
    return noted(
        own.shape == torchs.shape == (8, 1),
        {"squared_loss": tuple(own.shape), "MSELoss": tuple(torchs.shape)},
    )


@section.claim(
    "updater-none-is-squared-loss",
    "MSELoss with reduction='none' is equivalent to squared_loss.",
    "It is exactly twice as large, since squared_loss divides by 2. With the same learning rate, "
    "the steps are then twice as long.",
    MSE,
    reviewed="corrected",
)
def none_is_squared_loss() -> Evidence:
    y_hat, y = torch.randn(8, 1), torch.randn(8, 1)
    own, torchs = squared_loss(y_hat, y), nn.MSELoss(reduction="none")(y_hat, y)
    return noted(
        torch.equal(own, torchs),
        ratio=(torchs / own).unique().tolist(),
        exactly_twice=torch.equal(2 * own, torchs),
    )


@section.claim(
    "updater-vector-backward",
    "backward() can't start from a vector, so it is loss.sum().backward().",
    "Without an argument it can't. loss.backward(torch.ones_like(loss)) can, and gives the same "
    "gradient as sum().",
    BACKWARD,
    reviewed="corrected",
)
def vector_backward() -> Evidence:
    w = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    plain = error_of((w**2).backward)
    (w**2).sum().backward()
    by_sum, w.grad = w.grad, None
    with_ones = error_of((w**2).backward, torch.ones(3))
    return noted(
        plain is not None and with_ones is not None,
        error=str(plain),
        by_sum=by_sum.tolist(),
        by_ones=str(with_ones) if with_ones else w.grad.tolist(),
    )


@section.claim(
    "updater-sum-needs-division",
    "sgd divides by batch_size because of loss.sum(); with loss.mean() it needn't.",
    "The gradient of the mean is that of the sum divided by the batch size, so one division is "
    "enough, in either place. They differ for a smaller last batch: mean() divides by its actual "
    "size, sgd by the batch size that it was given.",
    BACKWARD,
)
def sum_needs_division() -> Evidence:
    x, y, gradients = torch.randn(8, 2), torch.randn(8, 1), {}
    for reduction in ("sum", "mean"):
        w = torch.zeros(2, 1, requires_grad=True)
        getattr(squared_loss(x @ w, y), reduction)().backward()
        gradients[reduction] = w.grad
    return noted(
        torch.allclose(gradients["sum"] / 8, gradients["mean"]),
        sum_over_8=(gradients["sum"] / 8).flatten().tolist(),
        mean=gradients["mean"].flatten().tolist(),
    )


@section.claim(
    "updater-mse-default",
    "PyTorch's own loss is a mean by default, so loss.backward() works directly.",
    "The mean of all losses is a scalar, and backward() needs no argument to start from a scalar.",
    MSE,
)
def mse_default() -> Evidence:
    w = torch.randn(2, 1, requires_grad=True)
    loss = nn.MSELoss()(torch.randn(8, 2) @ w, torch.randn(8, 1))
    return noted(
        nn.MSELoss().reduction == "mean" and error_of(loss.backward) is None,
        gradient=w.grad.flatten().tolist(),
    )


@section.claim(
    "updater-torch-does-not-divide",
    "The source code of PyTorch's updater doesn't divide by batch_size either.",
    "A step is lr · grad and nothing else: the optimizer gets parameters and gradients, and "
    "never the batch size.",
    SGD,
)
def torch_does_not_divide() -> Evidence:
    w = nn.Parameter(torch.tensor([1.0, 2.0]))
    w.grad = torch.tensor([0.5, -0.5])
    torch.optim.SGD([w], lr=0.1).step()
    mentioned = "batch_size" in inspect.getsource(inspect.getmodule(torch.optim.SGD))
    return noted(
        torch.allclose(w, torch.tensor([0.95, 2.05])) and not mentioned,
        after=w.tolist(),
        mentioned=mentioned,
    )


@section.claim(
    "updater-which-goes-with-which",
    "One loss per example fits both: sum() with your own updater, mean() with PyTorch's.",
    "Each way divides by the batch size once: with squared_loss the two agree to the last digit "
    "(batch of 8). Swapped, SGD after sum() never divides and steps batch_size times too far; "
    "sgd after mean() divides twice and steps 1/batch_size as far.",
    SGD,
)
def which_goes_with_which() -> Evidence:
    curves = {
        (c.updater, c.reduction): c for c in compare(batch_size=8) if c.loss == "squared_loss"
    }
    right = curves["sgd", "sum"].weights == curves["SGD", "mean"].weights
    wrong = [curves["sgd", "mean"].step_ratio, curves["SGD", "sum"].step_ratio]
    return noted(
        right and torch.allclose(torch.tensor(wrong), torch.tensor([1 / 8, 8.0])),
        each={curve.name: curve.verdict for curve in curves.values()},
    )


@section.claim(
    "updater-default-mean-not-allowed",
    "train_ch3 can't be given a loss with the default reduction='mean'.",
    "With PyTorch's updater it trains just the same: the mean of a scalar is that scalar. With "
    "your own updater it divides by the batch size twice. Either way, train_ch3 adds up l.sum(), "
    "so its printed loss is 1/batch_size of the true one.",
    SCRATCH,
    reviewed="corrected",
)
def default_mean_not_allowed() -> Evidence:
    x, y, gradients, printed = torch.randn(8, 2), torch.randn(8, 1), {}, {}
    for reduction in ("none", "mean"):
        for then in (
            "mean",
            "sum",
        ):  # train_ch3: l.mean() for torch's updater, l.sum() for one's own
            w = torch.zeros(2, 1, requires_grad=True)
            loss = nn.MSELoss(reduction=reduction)(x @ w, y)
            getattr(loss, then)().backward()
            gradients[reduction, then] = w.grad.flatten()
            printed[reduction, then] = (
                loss.sum().item()
            )  # with both updaters: metric.add(float(l.sum()), …)
    with_torchs = torch.allclose(gradients["mean", "mean"], gradients["none", "mean"])
    return noted(
        not with_torchs,
        {
            "same steps with PyTorch's updater": with_torchs,
            "steps too short with your own": (
                gradients["none", "sum"] / gradients["mean", "sum"]
            ).tolist(),
            "printed loss too small with PyTorch's": (
                printed["none", "mean"] / printed["mean", "mean"]
            ),
            "printed loss too small with your own": printed["none", "sum"] / printed["mean", "sum"],
        },
    )


@section.question(
    "updater-why-none",
    "Why does train_ch3 get PyTorch's trainer, but a loss with reduction='none' and not the "
    "default mean?",
    "train_ch3 itself needs it: it computes l.mean() or l.sum() to fit the updater, and adds up "
    "l.sum() to report the loss. PyTorch's trainer would get the same gradient from either.",
    SCRATCH,
)
def why_none() -> Evidence:
    logits, target, gradients, reported = torch.randn(8, 3), torch.randint(0, 3, (8,)), {}, {}
    for reduction in ("none", "mean"):
        w = torch.zeros(3, requires_grad=True)
        loss = nn.CrossEntropyLoss(reduction=reduction)(logits + w, target)
        loss.mean().backward()  # what train_ch3 does for PyTorch's trainer
        gradients[reduction], reported[reduction] = (
            w.grad,
            loss.sum().item(),
        )  # and what it adds up for its report
    return which(
        {
            "PyTorch's trainer needs it": not torch.allclose(gradients["none"], gradients["mean"]),
            "train_ch3's own sums need it": abs(reported["none"] - reported["mean"]) > 1e-3,
        },
        reported_for_8_examples=reported,
    )


@section.claim(
    "updater-no-switching",
    "Once a mean has been passed, you can't switch between mean and sum.",
    "sum() and mean() of a scalar are that scalar: the losses of the examples are gone.",
    MSE,
)
def no_switching() -> Evidence:
    loss = nn.MSELoss()(torch.randn(8, 1), torch.randn(8, 1))
    return noted(loss.sum() == loss.mean() == loss, sum=loss.sum().item(), mean=loss.mean().item())
