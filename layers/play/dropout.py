"""A tensor through Dropout, Dropout1d or Dropout2d, in train() and in eval()."""

from dataclasses import dataclass

import torch
from torch import nn

from languages import say

LAYERS = {"Dropout": None, "Dropout1d": 3, "Dropout2d": 4}  # the dimensions each one needs; None: any


@dataclass(frozen=True)
class Dropped:
    """One dropout, run."""

    train_output: list
    eval_output: list
    zeroed: float  # the share of elements that became 0
    scale: float  # what the others were multiplied by: 1 / (1 − p)


def dropout(tensor, p=0.5, layer="Dropout", seed=0):
    """Numbers of any shape (Dropout), N × C × L (Dropout1d) or N × C × H × W (Dropout2d) -> Dropped.

    >>> dropout([1.0, 1.0, 1.0, 1.0], p=0.5).eval_output
    [1.0, 1.0, 1.0, 1.0]
    """
    if layer not in LAYERS:
        raise ValueError(say("layer is {layer!r}. Choose one of {LAYERS}.", layer=layer, LAYERS=', '.join(LAYERS)))
    if not 0 <= p <= 1:
        raise ValueError(say("p is {p!r}. It is a probability: choose 0 to 1.", p=p))
    values = torch.as_tensor(tensor, dtype=torch.float32)
    if LAYERS[layer] not in (None, values.dim()):
        shape = {3: "N × C × L", 4: "N × C × H × W"}[LAYERS[layer]]
        raise ValueError(say("{layer} got the shape {tuple}. Give {shape}, or choose Dropout.", layer=layer,
                             tuple=tuple(values.shape), shape=shape))
    module = getattr(nn, layer)(p)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(seed))
        output = module(values)
    # Counted on ones, since an input may hold zeros of its own.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(seed))
        zeroed = (module(torch.ones_like(values)) == 0).float().mean().item() if values.numel() else 0.0
    return Dropped(output.tolist(), module.eval()(values).tolist(), zeroed, 1 / (1 - p) if p < 1 else 0.0)
