"""What a layer does to small matrices, step by step, and one number of its output worked out.

BERT's own layers (embedding.py, linear.py, layer_norm.py, activations.py, attention.py) all come as
a Forward; the convolutional ones have data of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from layers.play.backward import Layer, Place, exact, forward_script
from layers.play.shapes import whole


@dataclass(frozen=True)
class Step:
    """A tensor on the way through a layer."""

    title: str
    name: str  # in Python; "" where there is no such variable
    values: Any  # nested lists
    looked_at: Sequence[Place] = ()  # what the number that is worked out is made of
    sign: str = ""  # before it
    note: str = ""


@dataclass(frozen=True)
class Forward:
    """One layer, run."""

    layer: Layer
    code: str  # the module in PyTorch
    at: Place  # of the output's number that is worked out
    steps: list[Step]  # the output is the last
    lines: Sequence[tuple[str, str]]  # (what, its formula in numbers), of that number
    beside: Sequence[Sequence[Step]]  # the same input through other layers, to compare
    notes: list[str]

    @property
    def script(self) -> str:
        """Computes the same."""
        return forward_script(self.layer, self.at)


def small_matrix(
    rows: int, columns: int, seed: int = 0, most: int = 3, step: float = 1.0
) -> list[list[float]]:
    """rows × columns multiples of `step`, from -most to most steps. The same seed, the same matrix.

    >>> small_matrix(1, 3, step=0.5)
    [[0.5, 0.0, -1.5]]
    """
    generator = torch.Generator().manual_seed(int(seed))
    size = whole("size", rows, 1), whole("size", columns, 1)
    drawn = torch.randint(-most, most + 1, size, generator=generator)
    return exact((drawn * step).tolist()).tolist()


def row(number: int, length: int) -> list[Place]:
    """
    >>> row(2, 3)
    [(2, 0), (2, 1), (2, 2)]
    """
    return [(number, column) for column in range(length)]


def column(number: int, length: int) -> list[Place]:
    """
    >>> column(2, 3)
    [(0, 2), (1, 2), (2, 2)]
    """
    return [(row, number) for row in range(length)]
