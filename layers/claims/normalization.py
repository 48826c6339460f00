"""Notes, PyTorch 4: BatchNorm2d, its γ and β, momentum and running statistics."""

import inspect

import torch
from torch import nn

from layers.claims.claim import PYTORCH, WORKS, Evidence, Section, error_of, noted, which

section = Section("normalization", "PyTorch 4: Normalization")
BATCHNORM2D = PYTORCH + "generated/torch.nn.BatchNorm2d.html"


@section.claim(
    "norm-not-regularization",
    "Normalization isn't regularization; regularization is a penalty on weights, against "
    "overfitting.",
    "Weight decay pulls the weights towards 0. BatchNorm centres and scales the activations and "
    "pulls on no weight: the weights of the layer before it don't shrink in a step. (The noise "
    "of the batch statistics regularizes a little, as a side effect.)",
    BATCHNORM2D,
)
def not_regularization() -> Evidence:
    images, norms = 5 + 2 * torch.randn(8, 3, 6, 6), {}
    for name, after, weight_decay in [
        ("BatchNorm", nn.BatchNorm2d(4), 0.0),
        ("weight_decay", nn.Identity(), 0.5),
    ]:
        conv = nn.Conv2d(3, 4, 3, bias=False)
        before = conv.weight.norm().item()
        output = after(conv(images))
        # BatchNorm gets a loss; weight decay shrinks weights even where the loss has no gradient.
        (output.pow(3).mean() if name == "BatchNorm" else 0 * output.sum()).backward()
        torch.optim.SGD(conv.parameters(), lr=0.1, weight_decay=weight_decay).step()
        norms[name] = conv.weight.norm().item() / before
    means = nn.BatchNorm2d(3)(images).mean(dim=(0, 2, 3))  # (C,)
    return noted(
        norms["weight_decay"] < 0.99 and norms["BatchNorm"] > 0.9999 and means.abs().max() < 1e-5,
        weight_norm_after_a_step_over_before=norms,
        means_after_BatchNorm=means.tolist(),
    )


@section.claim(
    "norm-shape-kept",
    "For images use BatchNorm2d: in and out are N × C × H × W, the shape doesn't change.",
    "It subtracts and divides element by element, so the shape can't change. An input of three "
    "dimensions is rejected.",
    BATCHNORM2D,
)
def shape_kept() -> Evidence:
    images, bn = torch.randn(8, 3, 4, 5), nn.BatchNorm2d(3)
    return noted(
        bn(images).shape == images.shape,
        shape=tuple(bn(images).shape),
        unbatched=str(error_of(bn, images[0])),
    )


@section.claim(
    "norm-formula",
    "Each pixel's value is normalized as (x − E[x]) / √(Var[x] + ε) · γ + β.",
    "In training, E and Var are those of the batch, and the variance divides by n (biased). In "
    "eval mode, the running mean and running variance replace them; the running variance was "
    "collected with n − 1.",
    BATCHNORM2D,
)
def formula() -> Evidence:
    images, bn = 5 + 2 * torch.randn(8, 3, 4, 4), nn.BatchNorm2d(3)
    nn.init.normal_(bn.weight), nn.init.normal_(bn.bias)
    per_channel = {"dim": (0, 2, 3), "keepdim": True}  # (1, C, 1, 1)
    gamma, beta, mean = (
        bn.weight.reshape(1, 3, 1, 1),
        bn.bias.reshape(1, 3, 1, 1),
        images.mean(**per_channel),
    )
    differences = {}
    for name, unbiased in (("biased", False), ("unbiased", True)):
        variance = images.var(**per_channel, unbiased=unbiased)
        by_hand = (images - mean) / torch.sqrt(variance + bn.eps) * gamma + beta
        differences[name] = (bn(images) - by_hand).abs().max().item()
    return noted(differences["biased"] < 1e-5, largest_difference=differences)


@section.claim(
    "norm-e-is-variance",
    "E[x] and Var[x] are each the variance.",
    "E[x] is the mean; Var[x] alone is the variance.",
    BATCHNORM2D,
    reviewed="corrected",
)
def e_is_variance() -> Evidence:
    images = 5 + 2 * torch.randn(8, 3, 4, 4)
    bn = nn.BatchNorm2d(3, momentum=1.0)  # running statistics = this batch's
    bn(images)
    variance = images.var(dim=(0, 2, 3))
    return noted(
        torch.allclose(bn.running_mean, variance, atol=1e-4)
        and torch.allclose(bn.running_var, variance, atol=1e-4),
        E=bn.running_mean.tolist(),
        mean=images.mean(dim=(0, 2, 3)).tolist(),
        Var=bn.running_var.tolist(),
    )


@section.claim(
    "norm-per-channel",
    "There is one mean and one variance for each channel, so there are C of each.",
    "They are taken over N, H and W together, which leaves one number for each channel.",
    BATCHNORM2D,
)
def per_channel() -> Evidence:
    images, bn = (
        torch.randn(8, 3, 4, 4) + torch.tensor([1.0, 20.0, 300.0]).reshape(1, 3, 1, 1),
        nn.BatchNorm2d(3),
    )
    means = bn(images).mean(dim=(0, 2, 3))  # (C,)
    return noted(
        bn.running_mean.shape == (3,) and means.abs().max() < 1e-4,
        shape=tuple(bn.running_mean.shape),
        means_after=means.tolist(),
    )


@section.claim(
    "norm-gamma-beta-shape",
    "Each channel has one γ and one β: their shape is C, whatever the batch size, and they are "
    "available as .weight and .bias.",
    "They belong to the channels, not to the pictures of a batch: the layer is created from "
    "num_features before it sees any batch.",
    BATCHNORM2D,
)
def gamma_beta_shape() -> Evidence:
    bn = nn.BatchNorm2d(5)
    for batch_size in (2, 16):
        bn(torch.randn(batch_size, 5, 4, 4))
    return noted(
        bn.weight.shape == bn.bias.shape == (5,),
        weight=tuple(bn.weight.shape),
        bias=tuple(bn.bias.shape),
    )


@section.claim(
    "norm-standard-normal",
    "γ and β act on a standard normal distribution, whose variance and mean they change.",
    "They act on values of mean 0 and variance 1, which needn't be normal: subtracting and "
    "dividing don't change the form of a distribution. Pixels that were 0 or 1 still have just "
    "two values.",
    BATCHNORM2D,
    reviewed="corrected",
)
def standard_normal() -> Evidence:
    pixels = torch.bernoulli(torch.full((64, 1, 8, 8), 0.2))
    output = nn.BatchNorm2d(1)(pixels).detach()
    within_one = (output.abs() < 1).float().mean().item()  # 0.683 for a normal distribution
    return noted(
        abs(within_one - 0.683) < 0.02,
        mean=output.mean().item(),
        variance=output.var().item(),
        values=output.unique().tolist(),
        within_one=within_one,
    )


@section.claim(
    "norm-initial-values",
    "γ and β aren't passed in: the class makes them with the values 1 and 0, and they can be "
    "learned.",
    "With 1 and 0 they change nothing at first. Both are Parameters, so backward() gives them "
    "gradients and the optimizer updates them.",
    BATCHNORM2D,
)
def initial_values() -> Evidence:
    bn = nn.BatchNorm2d(3)
    made = bn.weight.tolist(), bn.bias.tolist()
    bn(torch.randn(4, 3, 2, 2)).square().sum().backward()
    learnable = (
        isinstance(bn.weight, nn.Parameter)
        and bn.weight.grad is not None
        and bn.bias.grad is not None
    )
    return noted(made == ([1, 1, 1], [0, 0, 0]) and learnable, weight=made[0], bias=made[1])


@section.claim(
    "norm-signature",
    "BatchNorm2d(num_features, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True, "
    "device, dtype).",
    "The installed release has all of these with the same defaults. Recent releases also have "
    "the keyword bias: bias=False drops β and keeps γ.",
    BATCHNORM2D,
)
def signature() -> Evidence:
    parameters = inspect.signature(nn.BatchNorm2d).parameters
    defaults = {
        name: parameter.default for name, parameter in parameters.items() if name != "num_features"
    }
    as_noted = {
        "eps": 1e-5,
        "momentum": 0.1,
        "affine": True,
        "track_running_stats": True,
        "device": None,
        "dtype": None,
    }
    added = {name: default for name, default in defaults.items() if name not in as_noted}
    return noted(as_noted.items() <= defaults.items(), added_since=added)


@section.claim(
    "norm-num-features",
    "num_features is the number of channels, and so the number of γ and β; 3 for an RGB picture.",
    "γ, β and the running statistics have this length, so an input with another number of "
    "channels is an error. After a convolution it is that layer's out_channels.",
    BATCHNORM2D,
)
def num_features() -> Evidence:
    rgb = torch.randn(4, 3, 8, 8)
    takes = {c: error_of(nn.BatchNorm2d(c), rgb) is None for c in (1, 3, 4)}
    return noted(
        takes == {1: False, 3: True, 4: False},
        takes_rgb=takes,
        error=str(error_of(nn.BatchNorm2d(4), rgb)),
    )


@section.claim(
    "norm-argument-names",
    "Among its arguments are num_feature and tracking_running_stats, as the notes' explanations "
    "call them.",
    "They are num_features and track_running_stats, as in the signature in the notes. The other "
    "names raise a TypeError.",
    BATCHNORM2D,
    reviewed="corrected",
)
def argument_names() -> Evidence:
    short = error_of(nn.BatchNorm2d, num_feature=3)
    long = error_of(nn.BatchNorm2d, num_features=3, tracking_running_stats=True)
    right = error_of(nn.BatchNorm2d, num_features=3, track_running_stats=True)
    return noted(
        short is None and long is None,
        {"num_feature": str(short), "tracking_running_stats": str(long)},
        the_right_names=WORKS if right is None else str(right),
    )


@section.claim(
    "norm-momentum-gamma-beta",
    "momentum is used in training to update γ and β.",
    "It updates running_mean and running_var, during the forward pass in training. The optimizer "
    "updates γ and β.",
    BATCHNORM2D,
    reviewed="corrected",
)
def momentum_gamma_beta() -> Evidence:
    images, after = 5 + torch.randn(8, 1, 4, 4), {}
    for momentum in (0.1, 0.9):
        bn = nn.BatchNorm2d(1, momentum=momentum)
        bn(images).square().mul(images).sum().backward()
        torch.optim.SGD(bn.parameters(), lr=0.01).step()
        after[momentum] = {
            "gamma": bn.weight.item(),
            "beta": bn.bias.item(),
            "running_mean": bn.running_mean.item(),
        }
    return noted(
        after[0.1]["gamma"] != after[0.9]["gamma"] or after[0.1]["beta"] != after[0.9]["beta"],
        after=after,
    )


@section.question(
    "norm-momentum-weight",
    "In an update, what is the weight of the newly observed x_t?",
    "x_t is the mean (or variance) of the current batch, and momentum is its weight: running = "
    "(1 − momentum) · running + momentum · batch. An optimizer's momentum is the opposite: the "
    "factor of the old value.",
    BATCHNORM2D,
)
def momentum_weight() -> Evidence:
    images, bn = 5 + torch.randn(8, 1, 4, 4), nn.BatchNorm2d(1, momentum=0.1)
    bn(images)  # running_mean was 0, running_var 1
    batch, n = images.mean(), images.numel()
    variance = 0.9 * 1 + 0.1 * images.var(unbiased=True)
    return which(
        {
            "momentum is the new batch's weight": torch.isclose(
                bn.running_mean[0], 0.9 * 0 + 0.1 * batch
            ),
            "momentum is the old value's weight": torch.isclose(
                bn.running_mean[0], 0.1 * 0 + 0.9 * batch
            ),
        },
        {
            "batch mean": batch.item(),
            "running_mean": bn.running_mean.item(),
            "n": n,
            "running_var divides by n − 1": torch.isclose(bn.running_var[0], variance).item(),
        },
    )


@section.claim(
    "norm-affine-learnable",
    "affine decides whether γ and β can be learned: True (default) yes, False no.",
    "With affine=False they don't exist: weight and bias are None, and the output is only "
    "normalized. To keep them but freeze them, call requires_grad_(False).",
    BATCHNORM2D,
    reviewed="corrected",
)
def affine_learnable() -> Evidence:
    learned, without = nn.BatchNorm2d(3), nn.BatchNorm2d(3, affine=False)
    frozen_but_there = without.weight is not None and not without.weight.requires_grad
    return noted(
        learned.weight.requires_grad and frozen_but_there,
        {"affine=True": tuple(learned.weight.shape), "affine=False": without.weight},
        state=list(without.state_dict()),
    )


@section.question(
    "norm-track-running-stats",
    "What does track_running_stats decide? (The notes leave it open.)",
    "It decides which mean and variance normalize in eval mode. With True they are the running "
    "ones collected in training; with False they are those of the current batch, as in training. "
    "It doesn't change the output in training.",
    BATCHNORM2D,
)
def track_running_stats() -> Evidence:
    tracking, not_tracking = nn.BatchNorm2d(1), nn.BatchNorm2d(1, track_running_stats=False)
    images = 5 + torch.randn(8, 1, 4, 4)
    in_training = torch.equal(tracking(images), not_tracking(images))
    in_eval = torch.allclose(tracking.eval()(images), not_tracking.eval()(images), atol=1e-3)
    return which(
        {
            "what training normalizes with": not in_training,
            "what eval normalizes with": not in_eval,
        },
        {"running_mean without tracking": not_tracking.running_mean},
        eval_mean_tracking=tracking(images).mean().item(),
        eval_mean_not_tracking=not_tracking(images).mean().item(),
    )
