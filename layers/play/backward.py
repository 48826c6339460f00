"""The backward pass of a layer: the gradient of each number that goes in, one of them worked out.

A layer says what it is as a Layer: what goes in, a function, and in words and numbers what a
derivative of it comes to. The gradients are autograd's; the terms of one of them are the local
derivatives of autograd, each times the gradient that arrives at its number of the output.

>>> x = exact([1.0, -2.0])
>>> square = Layer({"input": x}, lambda input: input**2, "input**2",
...     lambda leaf, place, at, result: ("2 · input", f"2 · {x[at]:g} = {result:g}"))
>>> made = backward(square, "sum", at=(0,), tracked=(0, 1))
>>> made.gradients["input"], made.number, made.line
([2.0, -4.0], '∂L/∂input[1]', '1·(−4) = −4')
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from languages import say
from layers.play import worked

Place = tuple[int, ...]
LOSSES = ("one", "sum", "mean", "drawn")
MOST_DIMENSIONS = 4
STEP = 1e-4  # of a difference quotient
NOTHING = 1e-12  # a derivative below this is rounding

HEADER = """import torch
import torch.nn.functional as F
"""


@dataclass(frozen=True)
class Layer:
    """A layer with its numbers, as a function of what it is differentiated by."""

    leaves: Mapping[str, torch.Tensor]  # float64: input, weight, bias, ...
    run: Callable[..., torch.Tensor]  # takes the leaves by their names
    expression: str  # the same in Python, for a script
    # (leaf, place in it, place in the output, ∂ output / ∂ leaf there as autograd has it) -> the
    # same in words and in numbers
    local: Callable[[str, Place, Place, float], tuple[str, str]]
    given: Mapping[str, torch.Tensor] = field(default_factory=dict)  # what else `expression` names
    without: str = ""  # why a number of it may have no gradient


@dataclass(frozen=True)
class Term:
    """What one number of the output hands back to the tracked one."""

    place: Place  # of that number, in the output
    upstream: float  # ∂L / ∂ that number
    local: float  # ∂ that number / ∂ the tracked one


@dataclass(frozen=True)
class Backward:
    """One backward pass. Nested lists have the shapes of the tensors."""

    upstream: Any  # ∂L / ∂ output, in its shape
    gradients: dict[str, Any]  # {leaf: ∂L / ∂ leaf}
    leaf: str
    place: Place  # of the tracked number, in that leaf
    gradient: float  # its own
    terms: list[Term]
    line: str  # the terms, added up; "" without any
    local: tuple[str, str]  # the local derivative of the largest term, in words and in numbers
    largest: Place  # where in the output that term is from
    loss: str  # L in Python
    script: str  # computes the same
    quotient: float  # how much L changes with the tracked number, measured without autograd
    without: str  # why there may be no terms

    @property
    def number(self) -> str:
        """The tracked number's name."""
        return f"∂L/∂{named(self.leaf, self.place)}"

    @property
    def measured(self) -> str:
        """The difference quotient, as a sentence."""
        return say(
            "measured: when it moves by {step}, L moves {times} times as far",
            step=worked.said(STEP),
            times=worked.said(self.quotient),
        )


def named(tensor: str, place: Place) -> str:
    """
    >>> named("weight", (0, 2)), named("loss", ())
    ('weight[0, 2]', 'loss')
    """
    return f"{tensor}[{', '.join(map(str, place))}]" if place else tensor


def exact(values: Any) -> torch.Tensor:
    """Nested lists, of float32 maybe, -> float64 as they are written: 0.18 is 0.18 again."""
    return torch.tensor(_rounded(values), dtype=torch.float64)


def _rounded(values):
    if isinstance(values, (list, tuple)):
        return [_rounded(value) for value in values]
    return float(f"{values:.7g}") + 0.0  # not -0.0


def backward(layer: Layer, loss: str, at: Place, tracked: Place) -> Backward:
    """The gradients of a loss by all leaves, and one of them worked out.

    loss: one of LOSSES: the number of the output at `at`, the sum or the mean of all, or the sum
    of each times a drawn number. tracked: (which leaf, then its place); what lies outside is moved
    inside.
    """
    if loss not in LOSSES:
        raise ValueError(
            say("loss is {loss!r}. Choose one of {losses}.", loss=loss, losses=", ".join(LOSSES))
        )
    leaves = {name: leaf.clone().requires_grad_() for name, leaf in layer.leaves.items()}
    output = layer.run(**leaves)
    at = inside(at, output.shape)
    upstream = _upstream(loss, output.detach(), at)
    names = list(leaves)
    gradients = dict(
        zip(
            names,
            torch.autograd.grad(
                output, list(leaves.values()), upstream, retain_graph=True, materialize_grads=True
            ),
            strict=True,
        )
    )
    leaf = names[min(tracked[0], len(names) - 1)]
    place = inside(tracked[1:], leaves[leaf].shape)
    local = _local_derivatives(output, leaves[leaf], place)  # in the shape of the output
    terms = [
        Term(tuple(where), upstream[tuple(where)].item(), local[tuple(where)].item())
        for where in ((upstream.abs() > 0) & (local.abs() > NOTHING)).nonzero().tolist()
    ]
    gradient = gradients[leaf][place].item()
    largest = max(terms, key=lambda term: abs(term.upstream * term.local), default=None)
    written = _loss(loss, at)
    return Backward(
        upstream.tolist(),
        {name: gradient.tolist() for name, gradient in gradients.items()},
        leaf,
        place,
        gradient,
        terms,
        worked.products([(term.upstream, term.local) for term in terms], gradient) if terms else "",
        layer.local(leaf, place, largest.place, largest.local) if largest else ("", ""),
        largest.place if largest else (),
        written,
        _script(layer, written, upstream if loss == "drawn" else None),
        _quotient(layer, leaf, place, upstream),
        layer.without,
    )


def inside(place: Place, shape: tuple[int, ...]) -> Place:
    """A place of a tensor of that shape: missing numbers are 0, too large ones the last.

    >>> inside((5,), (2, 3))
    (1, 0)
    """
    asked = (*place, *[0] * len(shape))
    return tuple(max(0, min(int(one), size - 1)) for one, size in zip(asked, shape, strict=False))


def _upstream(loss, output, at):
    """∂L / ∂ output."""
    if loss == "sum":
        return torch.ones_like(output)
    if loss == "mean":
        return torch.full_like(output, 1 / output.numel())
    if loss == "drawn":
        generator = torch.Generator().manual_seed(5)
        choices = torch.tensor([-2.0, -1.0, 1.0, 2.0], dtype=output.dtype)
        return choices[torch.randint(0, 4, output.shape, generator=generator)]
    one = torch.zeros_like(output)
    one[at] = 1
    return one


def _local_derivatives(output, leaf, place):
    """∂ output / ∂ leaf[place], in the shape of the output, as backward() itself counts it.

    The gradient is linear in what arrives, so its own derivative by that is the local one: a
    column of the Jacobian in one pass. (Forward-mode AD would not know of padding_idx.)
    """
    arrives = torch.zeros_like(output, requires_grad=True)
    (gradient,) = torch.autograd.grad(output, leaf, arrives, create_graph=True)
    (column,) = torch.autograd.grad(gradient[place], arrives, materialize_grads=True)
    return column


def _quotient(layer, leaf, place, upstream):
    """(L with the number STEP larger − L with it STEP smaller) / (2 · STEP)."""
    step = torch.zeros_like(layer.leaves[leaf])
    step[place] = STEP
    larger, smaller = (
        layer.run(**{**layer.leaves, leaf: layer.leaves[leaf] + moved}) for moved in (step, -step)
    )
    # -inf, of a window of padding, changes with nothing
    changed = torch.nan_to_num(larger - smaller, nan=0.0)
    return ((changed * upstream).sum() / (2 * STEP)).item()


def _loss(loss, at):
    return {
        "one": named("output", at),
        "sum": "output.sum()",
        "mean": "output.mean()",
        "drawn": "(output * g).sum()",
    }[loss]


def forward_script(layer: Layer, at: Place) -> str:
    """Lines of Python that compute the output with bare PyTorch."""
    return "\n".join([*_inputs(layer, ""), "print(output)", f"print({named('output', at)})"])


def _script(layer, loss, drawn):
    """Lines of Python that compute each gradient with bare PyTorch."""
    weights = [] if drawn is None else [f"g = {literal(drawn)}"]
    shown = [f"print({name}.grad)" for name in layer.leaves]
    lines = [*_inputs(layer, ", requires_grad=True"), *weights, f"loss = {loss}"]
    return "\n".join([*lines, "loss.backward()", *shown])


def _inputs(layer, also):
    """The lines down to the output; also: what each leaf's tensor is made with."""
    given = [f"{name} = {literal(tensor)}" for name, tensor in layer.given.items()]
    leaves = [f"{name} = {literal(tensor, also)}" for name, tensor in layer.leaves.items()]
    return [HEADER, *given, *leaves, f"output = {layer.expression}"]


def literal(tensor: torch.Tensor, also: str = "") -> str:
    """A tensor in Python.

    >>> literal(torch.tensor([1, 2]))
    'torch.tensor([1, 2])'
    """
    is_float = tensor.dtype == torch.float64
    dtype = ", dtype=torch.float64" if is_float else ""
    return f"torch.tensor({_literal(tensor.tolist())}{dtype}{also})"


def _literal(values):
    if isinstance(values, list):
        return f"[{', '.join(map(_literal, values))}]"
    if isinstance(values, float) and abs(values) == float("inf"):
        return "float('-inf')" if values < 0 else "float('inf')"
    return repr(values)
