"""What LoRA added to one matrix of a run: W = W₀ + 2·B·A with its numbers, and as pictures.

>>> picture = picture_of([[0.0, -2.0], [1.0, 0.5]])
>>> picture.width, picture.height, list(picture.cells)
(2, 2, [0, 255, 128, 64])
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from languages import say
from pipeline.errors import InputError
from pipeline.explain.left_files import WEIGHTS, left_files
from pipeline.methods import A_ENDS, ALPHA, B_ENDS, MATRICES_FILE, TURNED
from pipeline.runs.folder import run_folder
from pipeline.settings import Settings

if TYPE_CHECKING:  # importing torch takes seconds
    import torch

MOST_CELLS = 96  # of a picture's side: larger matrices are scaled down
MOST_NUMBERS = 2**23  # of a matrix that is opened while a page waits; BERT base's largest has 2.4 M


@dataclass(frozen=True)
class Picture:
    """A matrix in width × height cells, row by row, 0 to 255: the largest absolute value of the
    numbers that a cell stands for, beside the matrix's largest.
    """

    width: int
    height: int
    cells: bytes
    largest: float


@dataclass(frozen=True)
class LowRank:
    """One matrix of a run. rows, columns: of W; rank: of B·A, A's rows; pictures: of "W0", "B",
    "A", "BA", which is 2·B·A.

    at: the row and column that 2·B·A moved furthest; before, added, after: the numbers of W₀,
    2·B·A and W there; terms: [(number of B, number of A)], whose products add up to added / 2.
    moved: ‖2·B·A‖ / ‖W₀‖; singular: the first rank + 1 singular values of 2·B·A.
    """

    name: str
    rows: int
    columns: int
    rank: int
    scale: float
    pictures: dict[str, Picture]
    at: tuple[int, int]
    before: float
    added: float
    after: float
    terms: list[tuple[float, float]]
    moved: float
    singular: list[float]


def adapted_matrices(run_id: str, settings: Settings) -> list[str]:
    """The names of the matrices that a run's LoRA adapted, in the model's order; [] without LoRA.
    Raises InputError for a malformed id.
    """
    if MATRICES_FILE not in [one.name for one in left_files(run_id, settings)]:
        return []
    with _opened(run_id, MATRICES_FILE, settings) as file:
        held = file.keys()
    return sorted((one.removesuffix(A_ENDS) for one in held if one.endswith(A_ENDS)), key=_in_order)


def _in_order(name: str) -> list[tuple[int, str]]:
    """Layer 10 comes after layer 9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in name.split(".")]


def low_rank(run_id: str, name: str, settings: Settings) -> LowRank:
    """What LoRA added to the matrix of that name. Raises InputError where the run has none of that
    name, or its files are damaged.
    """
    if name not in adapted_matrices(run_id, settings):
        raise InputError(
            say(
                "This run's LoRA adapted no matrix {name!r}. Choose one of the list.",
                name=str(name)[:100],
            )
        )
    import torch

    with _opened(run_id, MATRICES_FILE, settings) as file:
        a, b = _matrix(file, name + A_ENDS), _matrix(file, name + B_ENDS)
        turned = (file.metadata() or {}).get(TURNED) == "True"
    with _opened(run_id, WEIGHTS, settings) as file:
        after = _matrix(file, f"{name}.weight")
    after = after.T if turned else after  # (out, in)
    if b.shape[1] != a.shape[0] or (b.shape[0], a.shape[1]) != tuple(after.shape):
        raise _damaged()
    scale = ALPHA / a.shape[0]
    added = scale * b @ a  # (out, in)
    if not torch.isfinite(added).all() or not torch.isfinite(after).all():
        raise InputError(say("This run's weights are NaN or infinite. Start a run that learns."))
    return _told(name, after - added, b, a, added, scale)


def _matrix(file, name: str) -> torch.Tensor:
    """A matrix of an open file, float32."""
    from safetensors import SafetensorError

    try:
        shape = file.get_slice(name).get_shape()
        if len(shape) != 2 or not 0 < math.prod(shape) <= MOST_NUMBERS:
            raise InputError(say("This matrix is too large to be drawn here. Choose another one."))
        return file.get_tensor(name).float()
    except SafetensorError as error:
        raise _damaged() from error


def _told(
    name: str,
    before: torch.Tensor,
    b: torch.Tensor,
    a: torch.Tensor,
    added: torch.Tensor,
    scale: float,
) -> LowRank:
    import torch

    row, column = divmod(int(added.abs().argmax()), added.shape[1])
    length = before.norm().item()
    matrices = {"W0": before, "B": b, "A": a, "BA": added}
    return LowRank(
        name,
        rows=added.shape[0],
        columns=added.shape[1],
        rank=a.shape[0],
        scale=scale,
        pictures={what: picture_of(_scaled(matrix).tolist()) for what, matrix in matrices.items()},
        at=(row, column),
        before=before[row, column].item(),
        added=added[row, column].item(),
        after=(before + added)[row, column].item(),
        terms=list(zip(b[row].tolist(), a[:, column].tolist(), strict=True)),
        moved=added.norm().item() / length if length else math.inf,
        singular=torch.linalg.svdvals(added)[: a.shape[0] + 1].tolist(),
    )


def _scaled(matrix: torch.Tensor) -> torch.Tensor:
    """At most MOST_CELLS rows and columns: the largest absolute value of each block."""
    import torch

    size = [min(side, MOST_CELLS) for side in matrix.shape]
    return torch.nn.functional.adaptive_max_pool2d(matrix.abs()[None], size)[0]


def picture_of(matrix: Sequence[Sequence[float]]) -> Picture:
    """A small matrix as a Picture."""
    largest = max(abs(value) for row in matrix for value in row)
    cells = bytes(round(255 * abs(value) / (largest or 1)) for row in matrix for value in row)
    return Picture(len(matrix[0]), len(matrix), cells, largest)


def _opened(run_id: str, name: str, settings: Settings):
    """A safetensors file of a run, open. The list of left files has checked that it is one of the
    folder's own.
    """
    from safetensors import SafetensorError, safe_open

    if name not in [one.name for one in left_files(run_id, settings)]:
        raise InputError(say("This run has left no model. Start a new run."))
    try:
        return safe_open(run_folder(run_id, settings) / name, "pt")
    except (SafetensorError, OSError) as error:
        raise _damaged() from error


def _damaged() -> InputError:
    return InputError(say("This run's matrices can't be read. Start the run again."))
