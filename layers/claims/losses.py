"""Notes, PyTorch 6: L1Loss, MSELoss, CrossEntropyLoss, and what reduction does."""

import importlib
import inspect
import warnings

import torch
import torch.nn.functional as F
from torch import nn

from layers.claims.claim import PYTORCH, Evidence, Section, error_of, noted

section = Section("losses", "PyTorch 6: Loss functions")
L1 = PYTORCH + "generated/torch.nn.L1Loss.html"
MSE = PYTORCH + "generated/torch.nn.MSELoss.html"
CROSS_ENTROPY = PYTORCH + "generated/torch.nn.CrossEntropyLoss.html"


@section.claim(
    "loss-l1-signature",
    "L1Loss(size_average=None, reduce=None, reduction='mean').",
    "The installed release has the same arguments. The first two are deprecated; None means that "
    "only reduction decides.",
    L1,
)
def l1_signature() -> Evidence:
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(nn.L1Loss).parameters.items()
    }
    return noted(
        defaults == {"size_average": None, "reduce": None, "reduction": "mean"}, defaults=defaults
    )


@section.claim(
    "loss-import",
    "import torch.nn.L1Loss doesn't work, since a plain import takes packages; from torch.nn "
    "import L1Loss does.",
    "After a plain import each part of the dotted name must be a package or a module, and "
    "L1Loss is a class inside one.",
    "https://docs.python.org/3/reference/simple_stmts.html#import",
)
def plain_import() -> Evidence:
    error = error_of(importlib.import_module, "torch.nn.L1Loss")  # import torch.nn.L1Loss
    from torch.nn import L1Loss

    return noted(
        isinstance(error, ModuleNotFoundError) and L1Loss is nn.L1Loss, plain_import=str(error)
    )


@section.claim(
    "loss-size-average-dead",
    "size_average and reduce have no effect any more.",
    "They are deprecated and cause a warning, but they still override reduction. Leave them out.",
    L1,
    reviewed="corrected",
)
def size_average_dead() -> Evidence:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loss = nn.L1Loss(size_average=False, reduction="mean")
    output = loss(torch.tensor([1.0, 2.0]), torch.zeros(2))
    return noted(
        output == 1.5,
        output=output.item(),
        reduction_now=loss.reduction,
        warning=str(caught[0].message),
    )


@section.claim(
    "loss-reduction-suffices",
    "reduction alone can do what both of them did.",
    "Each combination of the two switches is one value of reduction: both True is 'mean', "
    "size_average=False is 'sum', reduce=False is 'none'.",
    L1,
)
def reduction_suffices() -> Evidence:
    predict, target, agree = torch.randn(3, 2), torch.randn(3, 2), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for size_average, reduce, reduction in [
            (True, True, "mean"),
            (False, True, "sum"),
            (True, False, "none"),
        ]:
            old = nn.L1Loss(size_average=size_average, reduce=reduce)(predict, target)
            agree.append(torch.equal(old, nn.L1Loss(reduction=reduction)(predict, target)))
    return noted(all(agree), agree=agree)


@section.claim(
    "loss-any-shape",
    "predict and target can have any shape, as long as it is the same. Make the L1Loss first, "
    "then pass both.",
    "|x − y| is computed element by element, so both can have any shape, as long as it is the "
    "same. Different shapes raise an error if they can't be broadcast. If they can, there is "
    "only a warning, and the loss is wrong: (3, 1) against (3,) compares every value with every "
    "other, and equal values no longer give 0.",
    L1,
)
def any_shape() -> Evidence:
    loss = nn.L1Loss()
    outputs = {
        shape: loss(torch.ones(shape), torch.zeros(shape)).item()
        for shape in [(), (3,), (2, 3), (2, 3, 4, 5)]
    }
    values = torch.tensor([1.0, 2.0, 3.0])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        broadcast = loss(values.reshape(3, 1), values)
        refused = error_of(loss, torch.ones(3), torch.ones(2))
    return noted(
        all(output == 1 for output in outputs.values()) and refused is not None and broadcast > 0,
        {"(3,) against (2,)": str(refused), "(3, 1) against (3,)": broadcast.item()},
        outputs=outputs,
        warning=str(caught[0].message)[:88] + " …",
    )


@section.claim(
    "loss-three-reductions",
    "reduction is one of 'none', 'mean', 'sum'.",
    "The loss checks the name only when it is called, and then rejects any other.",
    L1,
)
def three_reductions() -> Evidence:
    x, taken = torch.ones(2), []
    for reduction in ("none", "mean", "sum", "batchmean", "average"):
        if error_of(nn.L1Loss(reduction=reduction), x, x) is None:
            taken.append(reduction)
    return noted(taken == ["none", "mean", "sum"], taken=taken)


@section.claim(
    "loss-none",
    "'none' takes |x − y| of each element: the output is not a scalar but has the shape of "
    "predict and target.",
    "Nothing is added up, so each element keeps its own loss.",
    L1,
)
def none() -> Evidence:
    predict, target = torch.randn(2, 3), torch.randn(2, 3)
    output = nn.L1Loss(reduction="none")(predict, target)
    return noted(torch.equal(output, (predict - target).abs()), shape=tuple(output.shape))


@section.claim(
    "loss-mean",
    "'mean' sums all |x − y| and divides by n, which gives a scalar.",
    "n counts all elements, here 2 × 3 = 6, and not only the rows of the batch. So the loss "
    "doesn't grow with the batch.",
    L1,
)
def mean() -> Evidence:
    predict, target = torch.randn(2, 3), torch.randn(2, 3)
    output = nn.L1Loss(reduction="mean")(predict, target)
    total = (predict - target).abs().sum()
    return noted(
        torch.isclose(output, total / 6) and output.dim() == 0,
        output=output.item(),
        sum=total.item(),
        n=6,
    )


@section.claim(
    "loss-sum",
    "'sum' sums all |x − y| without dividing, which gives a scalar.",
    "Without the division, the loss and its gradient grow with the number of elements: the same "
    "rows twice give twice the loss.",
    L1,
)
def total() -> Evidence:
    predict, target = torch.randn(2, 3), torch.randn(2, 3)
    loss = nn.L1Loss(reduction="sum")
    output, twice = loss(predict, target), loss(predict.repeat(2, 1), target.repeat(2, 1))
    return noted(
        torch.isclose(output, (predict - target).abs().sum()) and output.dim() == 0,
        output=output.item(),
        same_rows_twice=twice.item(),
    )


@section.claim(
    "loss-mse-same-rules",
    "MSELoss has the same parameters and rules as L1Loss, only with (x − y)² for |x − y|.",
    "Only the distance between two elements differs; reduction works in the same way. Note that "
    "there is no ½ in front.",
    MSE,
)
def mse_same_rules() -> Evidence:
    predict, target = torch.randn(2, 3), torch.randn(2, 3)
    squared = (predict - target) ** 2
    right = {"none": squared, "mean": squared.mean(), "sum": squared.sum()}
    agree = {r: torch.allclose(nn.MSELoss(reduction=r)(predict, target), right[r]) for r in right}
    return noted(
        all(agree.values()) and inspect.signature(nn.MSELoss) == inspect.signature(nn.L1Loss),
        agree=agree,
    )


@section.claim(
    "loss-ce-input",
    "CrossEntropyLoss's input is always (N, C) or (C).",
    "It can also be (N, C, d1, d2, …): one prediction for each pixel or token, with C always in "
    "second place.",
    CROSS_ENTROPY,
    reviewed="corrected",
)
def ce_input() -> Evidence:
    loss, zeros = nn.CrossEntropyLoss(), {"dtype": torch.long}
    taken = {}
    for shape, target in [
        ((3,), ()),
        ((2, 3), (2,)),
        ((2, 3, 5), (2, 5)),
        ((2, 3, 4, 4), (2, 4, 4)),
    ]:
        taken[shape] = error_of(loss, torch.randn(shape), torch.zeros(target, **zeros)) is None
    return noted([shape for shape in taken if taken[shape]] == [(3,), (2, 3)], taken=taken)


@section.claim(
    "loss-ce-one-hot",
    "The target may be one-hot: then it has the input's shape.",
    "A one-hot row is a distribution with all its probability on one class. Any class "
    "probabilities are accepted, as floats; integers of that shape are rejected.",
    CROSS_ENTROPY,
)
def ce_one_hot() -> Evidence:
    logits, index = torch.randn(4, 3), torch.tensor([0, 2, 1, 1])
    one_hot = F.one_hot(index, num_classes=3)  # (4, 3), integers
    loss = nn.CrossEntropyLoss()
    return noted(
        torch.isclose(loss(logits, one_hot.float()), loss(logits, index)),
        by_index=loss(logits, index).item(),
        by_one_hot=loss(logits, one_hot.float()).item(),
        by_probabilities=loss(logits, torch.full((4, 3), 1 / 3)).item(),
        as_integers=str(error_of(loss, logits, one_hot)),
    )


@section.claim(
    "loss-ce-index",
    "Or the target is the right index alone, without the dimension C: shape (N), or a scalar for "
    "input (C).",
    "The target only has to say which class's −log softmax to take, so one integer (long) for "
    "each example is enough.",
    CROSS_ENTROPY,
)
def ce_index() -> Evidence:
    logits = torch.randn(4, 3)
    batch = nn.CrossEntropyLoss()(logits, torch.tensor([0, 2, 1, 1]))
    single = nn.CrossEntropyLoss()(logits[0], torch.tensor(0))
    by_hand = -logits[0].log_softmax(dim=0)[0]
    return noted(
        torch.isclose(single, by_hand) and batch.dim() == 0,
        single=single.item(),
        by_hand=by_hand.item(),
    )


@section.claim(
    "loss-ce-scalar",
    "With reduction 'sum' or 'mean' the output is a scalar.",
    "The losses of all examples are added up or averaged. One number is left, and backward() "
    "starts from it. (With class weights and index targets, the mean divides by the sum of the "
    "weights used.)",
    CROSS_ENTROPY,
)
def ce_scalar() -> Evidence:
    logits, index = torch.randn(4, 3), torch.tensor([0, 2, 1, 1])
    total, mean = (
        nn.CrossEntropyLoss(reduction=reduction)(logits, index) for reduction in ("sum", "mean")
    )
    return noted(
        total.dim() == mean.dim() == 0 and torch.isclose(total, 4 * mean),
        sum=total.item(),
        mean=mean.item(),
    )


@section.claim(
    "loss-ce-none-shape",
    "With reduction='none' the output has the target's shape.",
    "With indices, yes. With one-hot or probabilities the class dimension is gone: target (N, C), "
    "output (N).",
    CROSS_ENTROPY,
    reviewed="corrected",
)
def ce_none_shape() -> Evidence:
    loss, logits, index = (
        nn.CrossEntropyLoss(reduction="none"),
        torch.randn(4, 3),
        torch.tensor([0, 2, 1, 1]),
    )
    one_hot = F.one_hot(index, 3).float()
    by_index, by_one_hot = loss(logits, index), loss(logits, one_hot)
    return noted(
        by_index.shape == index.shape and by_one_hot.shape == one_hot.shape,
        target_index=tuple(index.shape),
        output_index=tuple(by_index.shape),
        target_one_hot=tuple(one_hot.shape),
        output_one_hot=tuple(by_one_hot.shape),
    )


@section.claim(
    "loss-ce-none-unused",
    "reduction='none' is generally not used.",
    "For an ordinary training step this is right: the default 'mean' is enough. But code that "
    "needs the loss of each example needs 'none', as in the notes' own section 8: train_ch3 adds "
    "up l.sum() for its report. After 'mean' there is only one average per batch, so the sum is "
    "too small.",
    CROSS_ENTROPY,
    reviewed="corrected",
)
def ce_none_unused() -> Evidence:
    logits, index, reported = torch.randn(24, 3), torch.randint(0, 3, (24,)), {}
    for reduction in ("none", "mean"):
        loss = nn.CrossEntropyLoss(reduction=reduction)
        # train_ch3: metric.add(float(l.sum()), …, y.numel()) for each batch, here of 8, then the
        # quotient
        batches = zip(logits.split(8), index.split(8), strict=True)
        reported[reduction] = sum(loss(*batch).sum().item() for batch in batches) / len(index)
    right = -logits.log_softmax(dim=1)[torch.arange(24), index].mean().item()
    can_do_without = abs(reported["mean"] - right) < 1e-5
    return noted(can_do_without, {"train_ch3 reports": reported}, mean_loss_of_an_example=right)


@section.claim(
    "loss-ce-other-arguments",
    "Of CrossEntropyLoss's arguments only reduction matters; leave the others aside.",
    "ignore_index decides which targets don't count (transformers marks them with −100), weight "
    "helps with rare classes, and label_smoothing softens the target. Each changes the loss.",
    CROSS_ENTROPY,
    reviewed="corrected",
)
def ce_other_arguments() -> Evidence:
    logits, index = torch.randn(4, 3), torch.tensor([0, 2, 1, 1])
    losses = {
        "()": nn.CrossEntropyLoss(),
        "(ignore_index=1)": nn.CrossEntropyLoss(ignore_index=1),
        "(weight=[1, 1, 5])": nn.CrossEntropyLoss(weight=torch.tensor([1.0, 1.0, 5.0])),
        "(label_smoothing=0.1)": nn.CrossEntropyLoss(label_smoothing=0.1),
    }
    losses = {arguments: loss(logits, index).item() for arguments, loss in losses.items()}
    return noted(len(set(losses.values())) == 1, losses=losses)
