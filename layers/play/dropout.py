"""A tensor through Dropout, Dropout1d or Dropout2d, in train() and in eval()."""

import warnings
from dataclasses import dataclass

import torch
from torch import nn

from languages import say
from layers.chance import seeded
from layers.play import worked
from layers.play.backward import Layer, exact

TAKES = {
    "Dropout": "…",
    "Dropout1d": "N × C × L",
    "Dropout2d": "N × C × H × W",
}  # the shape that each one is for


@dataclass(frozen=True)
class Dropped:
    """One dropout, run."""

    train_output: list
    eval_output: list
    shape: tuple[int, ...]  # of the input, and of both outputs
    p: float
    zeroed: float  # the share of elements that became 0
    scale: (
        float | None
    )  # what the others were multiplied by: 1 / (1 − p); None at p = 1, where none is left
    warning: str  # what PyTorch said; "" where it said nothing
    layer: Layer  # in train(), with this draw


def dropout(tensor: list, p: float = 0.5, layer: str = "Dropout", seed: int = 0) -> Dropped:
    """Numbers of a shape that the layer takes -> Dropped. Dropout takes any, Dropout1d N × C × L,
    Dropout2d N × C × H × W; what PyTorch takes besides, it takes with a warning of its own.

    >>> dropout([1.0, 1.0, 1.0, 1.0], p=0.5).eval_output
    [1.0, 1.0, 1.0, 1.0]
    """
    if layer not in TAKES:
        raise ValueError(
            say("layer is {layer!r}. Choose one of {layers}.", layer=layer, layers=", ".join(TAKES))
        )
    if not 0 <= p <= 1:
        raise ValueError(say("p is {p!r}. It is a probability: choose 0 to 1.", p=p))
    values = torch.as_tensor(tensor, dtype=torch.float32)
    module = getattr(nn, layer)(p)
    output, warning = _drawn(module, values, seed)
    # Counted on ones, since an input may hold zeros of its own.
    ones, _warning = _drawn(module, torch.ones_like(values), seed)
    zeroed = (ones == 0).float().mean().item() if values.numel() else 0.0
    kept, _warning = _drawn(module.eval(), values, seed)
    return Dropped(
        output.tolist(),
        kept.tolist(),
        tuple(values.shape),
        p,
        zeroed,
        1 / (1 - p) if p < 1 else None,
        warning,
        _layer(values, ones != 0, p),
    )


def _layer(values, kept, p):
    """Dropout in train() as a Layer of its input; kept: what this draw has left, a bool each."""
    mask = kept.double()
    scale = 1 / (1 - p) if p < 1 else 0.0

    def local(leaf, place, at, result):
        why = say("it was kept, and scaled up")
        return why, worked.equation(f"1 / (1 − {worked.said(p)})", 1 / (1 - p), result)

    divided = f" / (1 - {p:g})" if p < 1 else ""
    return Layer(
        {"input": exact(values.tolist())},
        lambda input: input * mask * scale,
        f"input * mask{divided}",
        local,
        {"mask": mask},
        say("A number that was zeroed gets no gradient."),
    )


def _drawn(module, values, seed):
    """(output, PyTorch's warning or "") of a layer, drawn with a seed."""
    # Warnings are the process's, too: two that listen at once would lose each other's
    with seeded(int(seed)), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            output = module(values)
        except RuntimeError:
            layer = type(module).__name__
            raise ValueError(
                say(
                    "{layer} got the shape {shape}. Give {wanted}, or choose Dropout.",
                    layer=layer,
                    shape=tuple(values.shape),
                    wanted=TAKES[layer],
                )
            ) from None
    return output, str(caught[0].message) if caught else ""
