"""Notes, PyTorch 5: Dropout, Dropout2d, and the other means against overfitting."""

import inspect
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from layers.claims.claim import PYTORCH, Evidence, Section, noted, which

section = Section("dropout", "PyTorch 5: Dropout")
DROPOUT = PYTORCH + "generated/torch.nn.Dropout.html"
DROPOUT2D = PYTORCH + "generated/torch.nn.Dropout2d.html"
# Weight decay and L2: the same in SGD, not in Adam. AdamW's page of PyTorch refers to it.
DECOUPLED = "https://arxiv.org/abs/1711.05101"


def noisy_regression(seed: int = 0) -> tuple[torch.Tensor, ...]:
    """30 noisy training rows of 40 features, of which 5 matter: easy to overfit. (x, y, new_x,
    new_y).
    """
    generator = torch.Generator().manual_seed(seed)
    x, new_x = torch.randn(30, 40, generator=generator), torch.randn(500, 40, generator=generator)
    weight = torch.zeros(40, 1)
    weight[:5] = 1.0
    noise = torch.randn(30, 1, generator=generator)
    return x, x @ weight + noise, new_x, new_x @ weight


def fit(
    model: nn.Module,
    x: Any,
    y: Any,
    weight_decay: float = 0.0,
    watch: Callable[[nn.Module], float] | None = None,
    steps: int = 400,
) -> list[float]:
    """Train with SGD; returns the watched loss after each step."""
    optimizer, seen = torch.optim.SGD(model.parameters(), lr=0.05, weight_decay=weight_decay), []
    for _ in range(steps):
        optimizer.zero_grad()
        F.mse_loss(model.train()(x), y).backward()
        optimizer.step()
        if watch:
            seen.append(watch(model.eval()))
    return seen


@section.claim(
    "dropout-against-overfitting",
    "Dropout prevents a model from overfitting.",
    "Roughly, yes: dropout reduces overfitting. Averaged over five small noisy regressions, the "
    "error on new rows is lower with dropout, and closer to the error on the training rows. A "
    "gap remains, so 'prevents' says too much.",
    DROPOUT,
)
def against_overfitting() -> Evidence:
    new_rows, gap = {"p=0": 0.0, "p=0.3": 0.0}, {"p=0": 0.0, "p=0.3": 0.0}
    for seed in range(5):
        x, y, new_x, new_y = noisy_regression(seed)
        for name, p in (("p=0", 0.0), ("p=0.3", 0.3)):
            model = nn.Sequential(nn.Dropout(p), nn.Linear(40, 1))
            fit(model, x, y)
            error = F.mse_loss(model.eval()(new_x), new_y).item()
            new_rows[name] += error / 5
            gap[name] += (error - F.mse_loss(model(x), y).item()) / 5
    return noted(
        new_rows["p=0.3"] < new_rows["p=0"] and gap["p=0.3"] < gap["p=0"],
        error_on_new_rows=new_rows,
        minus_the_error_on_training_rows=gap,
    )


@section.claim(
    "dropout-co-adaptation",
    "It makes a unit work with other units that are picked at random, and so weakens their "
    "co-adaptation.",
    "Without dropout, the initial values decide how the weight is divided between two copies of "
    "one feature. With dropout, either copy may be missing at any step, so neither can rely on "
    "the other, and both end with the same weight.",
    "https://jmlr.org/papers/v15/srivastava14a.html",
)
def co_adaptation() -> Evidence:
    feature = torch.randn(64, 1)
    twins, spread = feature.repeat(1, 2), {}  # (64, 2): the same feature twice
    for name, p in (("p=0", 0.0), ("p=0.5", 0.5)):
        model = nn.Sequential(nn.Dropout(p), nn.Linear(2, 1, bias=False))
        model[1].weight.data = torch.tensor([[2.0, -1.0]])
        fit(model, twins, feature, steps=800)
        spread[name] = (model[1].weight[0, 0] - model[1].weight[0, 1]).abs().item()
    return noted(spread["p=0.5"] < spread["p=0"] / 2, difference_between_the_two_weights=spread)


@section.claim(
    "dropout-early-stopping",
    "Another method: stop early, once the results on a validation set get worse.",
    "The validation loss has its lowest point in the first half of training and rises "
    "afterwards, while the training loss keeps falling: from there on the model learns the "
    "noise. (transformers has EarlyStoppingCallback.)",
    "https://huggingface.co/docs/transformers/main_classes/callback#transformers.EarlyStoppingCallback",
)
def early_stopping() -> Evidence:
    x, y, new_x, new_y = noisy_regression()

    def losses(model):
        return F.mse_loss(model(new_x), new_y).item(), F.mse_loss(model(x), y).item()

    validation, train = zip(*fit(nn.Linear(40, 1), x, y, watch=losses), strict=True)
    best = min(range(len(validation)), key=validation.__getitem__)
    return noted(
        best < len(validation) / 2
        and validation[best] < validation[-1]
        and train[-1] < train[best],
        best_step=best + 1,
        of_steps=len(validation),
        loss_there=validation[best],
        loss_at_the_end=validation[-1],
        training_loss_there=train[best],
        training_loss_at_the_end=train[-1],
    )


@section.claim(
    "dropout-l1-l2",
    "Another method: L1 and L2 penalties, which keep the parameters small.",
    "Either penalty pulls the weights towards 0 and leaves less room for noise. In SGD "
    "weight_decay is the gradient of an L2 penalty; AdamW's decoupled weight decay shrinks "
    "weights too, but isn't the gradient of an L2 term. L1 is added to the loss by hand.",
    DECOUPLED,
)
def l1_l2() -> Evidence:
    x, y, _, _ = noisy_regression()

    def trained(optimizer, penalty=0.0, steps=400, **settings):
        torch.manual_seed(0)  # the same start for all
        model = nn.Linear(40, 1, bias=False)
        step = optimizer(model.parameters(), lr=0.05, **settings)
        for _ in range(steps):
            step.zero_grad()
            (F.mse_loss(model(x), y) + (penalty(model.weight) if penalty else 0)).backward()
            step.step()
        return model.weight.detach()

    def l2(weight):  # its gradient is 0.3 · weight
        return 0.3 / 2 * weight.square().sum()

    sgd, adamw = torch.optim.SGD, torch.optim.AdamW
    weights = {
        "none": trained(sgd),
        "L2": trained(sgd, l2),
        "L1": trained(sgd, lambda weight: 0.3 * weight.abs().sum()),
    }
    sizes = {name: weight.abs().sum().item() for name, weight in weights.items()}
    sgd_is_l2 = torch.allclose(trained(sgd, weight_decay=0.3), weights["L2"], atol=1e-4)
    adamw_is_l2 = torch.allclose(
        trained(adamw, weight_decay=0.3), trained(adamw, l2, weight_decay=0.0), atol=1e-4
    )
    return noted(
        sizes["L2"] < sizes["none"] and sizes["L1"] < sizes["none"],
        {"weight_decay is an L2 penalty": {"SGD": sgd_is_l2, "AdamW": adamw_is_l2}},
        sum_of_absolute_weights=sizes,
    )


@section.claim(
    "dropout-ensemble",
    "Another method: an ensemble of several models that predict together; but its training costs "
    "too much.",
    "Models trained on different samples of the rows make different errors, and averaging "
    "cancels part of them. Averaged over ten data seeds, five models together have a lower error "
    "on new rows than one model trained on all rows (not for every seed), at five times the "
    "training cost.",
    "https://scikit-learn.org/stable/modules/ensemble.html#bagging-meta-estimator",
)
def ensemble() -> Evidence:
    errors = {"knowing nothing": [], "one model": [], "five together": []}
    seconds = {"one model": 0.0, "five together": 0.0}
    fit(
        nn.Linear(40, 1), *noisy_regression()[:2], steps=50
    )  # the first steps of a process are slow
    for seed in range(10):
        x, y, new_x, new_y = noisy_regression(seed)
        everything = [torch.arange(30)]
        drawn = [torch.randint(0, 30, (30,)) for _ in range(5)]  # each model's own draw of the rows
        for name, row_sets in (("one model", everything), ("five together", drawn)):
            began, outputs = time.thread_time(), []
            for rows in row_sets:
                model = nn.Linear(40, 1)
                fit(model, x[rows], y[rows], steps=150)
                outputs.append(model(new_x).detach())
            seconds[name] += time.thread_time() - began
            errors[name].append(F.mse_loss(torch.stack(outputs).mean(dim=0), new_y).item())
        errors["knowing nothing"].append(new_y.square().mean().item())  # always predicting 0
    mean = {name: sum(each) / len(each) for name, each in errors.items()}
    better = [
        five < one for one, five in zip(errors["one model"], errors["five together"], strict=True)
    ]
    lowest = min(mean, key=mean.get) == "five together"
    return noted(
        lowest and seconds["five together"] > 2 * seconds["one model"],
        error_on_new_rows=mean,
        seeds_with_the_five_better=f"{sum(better)} / {len(better)}",
        seconds=seconds,
    )


@section.question(
    "dropout-soft-weight-sharing",
    "What is soft weight sharing? (The notes name it without explaining it.)",
    "It is a penalty, the negative log-likelihood of the weights under a mixture of Gaussians "
    "(Nowlan and Hinton, 1992): the weights gather around a few shared values, not only around "
    "0. The mixture's centres and widths are learned along with the weights. PyTorch has no "
    "option for it, but a few lines with torch.distributions are enough.",
    "https://doi.org/10.1162/neco.1992.4.4.473",
)
def soft_weight_sharing() -> Evidence:
    from torch.distributions import Categorical, MixtureSameFamily, Normal

    # Data made with weights of three values; what is learned starts elsewhere and knows nothing of
    # them.
    x, made_with = torch.randn(64, 40), torch.tensor([1.0] * 10 + [-2.0] * 10 + [0.0] * 20)
    y = x @ made_with + 0.5 * torch.randn(64)
    weights = nn.Parameter(0.1 * torch.randn(40))
    centres, widths, shares = (
        nn.Parameter(torch.tensor(v)) for v in ([-1.0, 0.0, 0.5], [-1.0] * 3, [0.0] * 3)
    )
    optimizer = torch.optim.Adam([weights, centres, widths, shares], lr=0.02)
    for _ in range(600):
        # Not below 0.05: on weights that have met, a width going to 0 makes the likelihood grow
        # without end.
        mixture = MixtureSameFamily(
            Categorical(logits=shares), Normal(centres, widths.exp().clamp(min=0.05))
        )
        optimizer.zero_grad()
        (
            (x @ weights - y).square().sum() / (2 * 0.5**2) - mixture.log_prob(weights).sum()
        ).backward()
        optimizer.step()
    nearest = (weights[:, None] - centres).abs().min(dim=1).values  # (40,)
    return which(
        {
            "weights gather around a few shared values": (nearest < 0.1).all()
            and weights.abs().max() > 0.9,
            "all weights shrink to 0, as with L2": weights.abs().max() < 0.1,
        },
        learned_centres=sorted(centres.tolist()),
        farthest_from_a_centre=nearest.max().item(),
        values=sorted({round(w, 1) for w in weights.tolist()}),
    )


@section.claim(
    "dropout-class-name",
    "The class is torch.nn.DropOut2d.",
    "It is nn.Dropout2d, with a lowercase o: Python is case-sensitive.",
    DROPOUT2D,
    reviewed="corrected",
)
def class_name() -> Evidence:
    return noted(
        hasattr(nn, "DropOut2d"), there=[name for name in dir(nn) if name.lower() == "dropout2d"]
    )


@section.claim(
    "dropout-signature",
    "Its parameters are p=0.5 and inplace=False.",
    "p is the probability that a map is zeroed; inplace=True writes the result over the input, "
    "which saves memory and loses the input.",
    DROPOUT2D,
)
def signature() -> Evidence:
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(nn.Dropout2d).parameters.items()
    }
    maps = torch.ones(1, 4, 2, 2)
    nn.Dropout2d(p=1.0)(maps)
    kept = bool(maps.all())
    nn.Dropout2d(p=1.0, inplace=True)(maps)
    return noted(
        defaults == {"p": 0.5, "inplace": False},
        {"input kept with inplace=False": kept, "input kept with inplace=True": bool(maps.all())},
        defaults=defaults,
    )


@section.claim(
    "dropout2d-whole-maps",
    "Each two-dimensional feature map is set to zero with probability p.",
    "In training, one draw decides about a whole map, separately for each channel of each "
    "picture. The kept values are multiplied by 1 / (1 − p), so the expected value stays the "
    "same. In eval mode nothing happens.",
    DROPOUT2D,
)
def whole_maps() -> Evidence:
    maps = torch.ones(500, 4, 3, 3)
    output, in_eval = nn.Dropout2d(0.25)(maps), nn.Dropout2d(0.25).eval()(maps)
    values = output.flatten(2)  # (N, C, H·W)
    uniform = (values == values[..., :1]).all()
    zeroed = (values[..., 0] == 0).float().mean().item()
    return noted(
        uniform and abs(zeroed - 0.25) < 0.03,
        fraction_zeroed=zeroed,
        kept_value=output.max().item(),
        eval_changes_nothing=torch.equal(in_eval, maps),
    )


@section.claim(
    "dropout2d-does-1d",
    "Dropout2d contains Dropout1d, for historical reasons: a tensor of three dimensions is "
    "treated by the 1d rule.",
    "This is still true: the tensor is read as (N, C, L), with a warning that a later release "
    "will read it as (C, H, W). Today's name for the 1d rule is nn.Dropout1d.",
    DROPOUT2D,
)
def does_1d() -> Evidence:
    rows, outputs = torch.ones(8, 6, 5), {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for name, layer in (("Dropout2d", nn.Dropout2d()), ("Dropout1d", nn.Dropout1d())):
            torch.manual_seed(1)  # the same draw for both
            outputs[name] = layer(rows)
    return noted(
        torch.equal(outputs["Dropout2d"], outputs["Dropout1d"]),
        warning=str(caught[0].message)[:110] + " …" if caught else None,
    )


@section.claim(
    "dropout2d-no-unbatched",
    "So Dropout2d can't yet zero the maps of a single picture (C, H, W) without a batch.",
    "Today (C, H, W) is read as (N, C, L), so each row of the picture is zeroed separately, and "
    "a map can be zeroed in part. picture[None] makes a batch of one.",
    DROPOUT2D,
)
def no_unbatched() -> Evidence:
    picture = torch.ones(16, 8, 8)  # (C, H, W)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        output = nn.Dropout2d()(picture)
    torn = [channel for channel in output if 0 < (channel == 0).sum() < channel.numel()]
    whole = nn.Dropout2d()(picture[None])[0].flatten(1)
    return noted(
        len(torn) > 0,
        maps_zeroed_in_part=len(torn),
        maps=16,
        with_batch_of_one_whole=bool((whole == whole[:, :1]).all()),
    )


@section.claim(
    "dropout-on-parameters",
    "Dropout's input isn't the tensor that flows through the network but other layers' parameters, "
    "a Conv2d's or a linear layer's.",
    "Its input is the tensor that flows through the network. The parameters stay unchanged; only "
    "their gradients are affected.",
    DROPOUT,
    reviewed="corrected",
)
def on_parameters() -> Evidence:
    linear, dropout = nn.Linear(8, 8), nn.Dropout(0.5)
    before = linear.weight.detach().clone()
    flowing = linear(torch.randn(4, 8))
    output = dropout(flowing)
    weights_changed = not torch.equal(linear.weight, before)
    flow_changed = bool((output == 0).any())
    return noted(
        weights_changed and not flow_changed,
        weights_changed=weights_changed,
        flowing_tensor_changed=flow_changed,
        kept_values_doubled=torch.allclose(output[output != 0], 2 * flowing[output != 0]),
    )


@section.claim(
    "dropout-in-layer-definitions",
    "So Dropout is something to use while defining other layers.",
    "Dropout is a separate layer, placed between others: Conv2d and Linear have no dropout "
    "argument. Only compound layers have one: TransformerEncoderLayer contains dropout layers, "
    "and LSTM applies dropout between its own layers.",
    DROPOUT,
    reviewed="corrected",
)
def in_layer_definitions() -> Evidence:
    takes_dropout = {
        layer.__name__: "dropout" in str(inspect.signature(layer))
        for layer in (nn.Conv2d, nn.Linear)
    }
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2))
    compound = {
        "TransformerEncoderLayer": nn.TransformerEncoderLayer(8, 2),
        "LSTM": nn.LSTM(8, 8, 2, dropout=0.5),
    }
    inside = {
        name: [
            part for part, layer in compound[name].named_modules() if isinstance(layer, nn.Dropout)
        ]
        for name in compound
    }
    rows = torch.randn(5, 1, 8)
    between = not torch.equal(
        compound["LSTM"](rows)[0], compound["LSTM"](rows)[0]
    )  # two draws of what is zeroed
    return noted(
        all(takes_dropout.values()),
        takes_dropout=takes_dropout,
        as_a_layer=str(model[2]),
        inside_compound=inside,
        LSTM_drops_too=between,
    )


@section.question(
    "dropout-which-is-common",
    "Is Dropout2d rare, and element-wise Dropout the usual one? (The notes guess so.)",
    "In transformers' own models, element-wise Dropout is by far the more common: text is a "
    "sequence of vectors, without maps to drop. In networks for images, Dropout2d and stochastic "
    "depth (DropPath, which skips whole branches) are more common than here.",
    DROPOUT,
)
def which_is_common() -> Evidence:
    import re
    from importlib.util import find_spec
    from pathlib import Path

    models = Path(find_spec("transformers").submodule_search_locations[0]) / "models"
    uses = {"nn.Dropout": 0, "nn.Dropout1d": 0, "nn.Dropout2d": 0, "DropPath": 0}
    for file in models.glob("*/modeling_*.py"):
        for name in re.findall(
            r"\bnn\.Dropout(?:1d|2d)?(?=\()|= \w*DropPath(?=\()", file.read_text(encoding="utf-8")
        ):
            uses["DropPath" if name.endswith("DropPath") else name] += 1
    often, rarely = uses["nn.Dropout"], uses["nn.Dropout2d"]
    return which(
        {
            "Dropout, element-wise": often > 10 * rarely,
            "Dropout2d": rarely > 10 * often,
            "both": often <= 10 * rarely and rarely <= 10 * often,
        },
        uses_in_transformers=uses,
    )
