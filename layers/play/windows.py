"""Which cells of the input one cell of the output looks at, and what they come to.

Rows and columns count from the picture's own corner: cells of the padding before it are negative,
as in the notes' pictures, and the indices of max pooling (row · width + column) can be read off.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from layers.play import worked
from layers.play.shapes import Pair, Picture

if TYPE_CHECKING:
    from layers.play.conv import Convolution


@dataclass(frozen=True)
class Window:
    """One output cell of a convolution, followed back."""

    cells: list[tuple[int, int]]  # (row, column) in the input
    terms: dict[int, list[tuple[float, float]]]  # input channel -> (value, weight) of each cell
    sums: dict[int, float]  # input channel -> the products, added up
    lines: dict[int, str]  # the same in numbers
    bias: float
    total: str  # sums and bias in numbers
    output: float  # as PyTorch computed it


def window_cells(
    row: int, column: int, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> list[Pair]:
    """The input cells under the kernel when it computes output cell (row, column). All settings as
    (height, width).

    >>> window_cells(0, 1, (1, 2), (1, 2), (0, 1), (1, 1))
    [(0, 1), (0, 2)]
    """
    spans = zip((row, column), kernel_size, stride, padding, dilation, strict=True)
    rows, columns = ([at * s - p + k * d for k in range(size)] for at, size, s, p, d in spans)
    return [(r, c) for r in rows for c in columns]


def follow(
    convolution: "Convolution",
    channel: int,
    row: int,
    column: int,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Window:
    """A Convolution and one cell of its output -> Window."""
    weight = convolution.weight[channel]
    kernel_size = len(weight[0]), len(weight[0][0])
    cells = window_cells(row, column, kernel_size, stride, padding, dilation)
    first = (
        channel // (len(convolution.weight) // groups) * len(weight)
    )  # of the group's input channels
    terms = {}
    for number, kernel in enumerate(weight):
        picture, flat = (
            convolution.padded[first + number],
            [value for line in kernel for value in line],
        )
        values = [picture[r + padding[0]][c + padding[1]] for r, c in cells]
        terms[first + number] = list(zip(values, flat, strict=True))
    sums = {
        number: sum(value * weight for value, weight in pairs) for number, pairs in terms.items()
    }
    bias = convolution.bias[channel] if convolution.bias else 0.0
    output = convolution.output[channel][row][column]
    lines = {number: worked.products(pairs, sums[number]) for number, pairs in terms.items()}
    return Window(
        cells, terms, sums, lines, bias, worked.with_bias(sums.values(), bias, output), output
    )


def pooled_area(
    picture: Picture,
    output: Picture,
    kernel_size: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
) -> list[list[list[float | None]]]:
    """C × H × W with its padding of -inf, and None where a window of ceil_mode sticks out of that.
    C × H' × W'.
    """

    def span(size, cells, axis):
        last = (cells - 1) * stride[axis] - padding[axis] + dilation[axis] * (kernel_size[axis] - 1)
        return range(-padding[axis], max(size + padding[axis], last + 1))

    height, width = len(picture[0]), len(picture[0][0])
    rows, columns = span(height, len(output[0]), 0), span(width, len(output[0][0]), 1)

    def value(plane, r, c):
        if 0 <= r < height and 0 <= c < width:
            return plane[r][c]
        return float("-inf") if r < height + padding[0] and c < width + padding[1] else None

    return [[[value(plane, r, c) for c in columns] for r in rows] for plane in picture]
