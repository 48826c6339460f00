"""Tensors as tables, with their sizes and one number worked out. Nothing here imports gradio.

>>> number(-0.1254), number(3.0), number(float("-inf")), number(None)
('−0.13', '3', '−∞', '')
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from languages import _, say
from views.render import macro, render

if TYPE_CHECKING:  # layers imports torch
    from layers.play import Shapes

Plane = Sequence[Sequence[float | None]]  # H × W; None where there is no cell
Place = tuple[int, ...]

TIMES = "∗"
STEP_OUTPUT = say("or click an output number and use the arrow keys")
IN_WINDOW = say("in the window")
CHOSEN = say("the tracked one")


def number(value: float | None, digits: int = 2) -> str:
    """A cell's number: whole ones without a point, others with `digits` after it."""
    if value is None:
        return ""
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else "∞" if value > 0 else "−∞"
    whole = value == round(value) and abs(value) < 1e6
    written = f"{value:.0f}" if whole else f"{value:.{digits}f}"
    # What rounds to zero is not minus zero.
    return written.replace("-", "−") if float(written) else written.lstrip("-")


def shape(sizes: Sequence[int]) -> str:
    """
    >>> shape((1, 3, 8, 8))
    '1 × 3 × 8 × 8'
    """
    return " × ".join(map(str, sizes)) if sizes else _("a single number")


def largest(planes: Iterable[Plane]) -> float:
    """The largest absolute value: what a cell's colour is measured against. 1 where all are 0."""
    values = [value for plane in planes for row in plane for value in row if value is not None]
    return max((abs(value) for value in values if math.isfinite(value)), default=0) or 1


# ---------------------------------------------------------------- grids


@dataclass(frozen=True)
class GridStyle:
    """How the cells of a grid look."""

    largest: float = 1  # the value with the full colour
    origin: Place = (0, 0)  # row and column of the first cell
    inside: Place | None = None  # (height, width): what lies outside is padding
    marked: frozenset[Place] = frozenset()  # cells in a frame
    hatch_zeros: bool = False
    plane: Place | None = None  # (channel,) or (example, channel) of a grid that can be clicked on
    missing: int = 0  # 1 where the tensor is but a row, 2 where it is one number


@dataclass(frozen=True)
class Cell:
    """A cell as it is drawn."""

    number: str
    kinds: str  # its classes in page.css
    share: str  # of the full colour, 0 to 1
    is_marked: bool
    place: str  # its plane, row and column, for a click; "" where it can't be clicked on


@dataclass(frozen=True)
class Grid:
    """H × W numbers as a table. What colour says, the number and the frame say too."""

    caption: str
    columns: list[str]
    rows: list[tuple[str, list[Cell]]]
    mark_name: str

    @property
    def cell_width(self) -> float:
        """Of each cell, in em: its longest number has room."""
        longest = max(len(cell.number) for _row, cells in self.rows for cell in cells)
        return max(0.61 * longest + 0.45, 1.65)

    @property
    def width(self) -> float:
        """Of the whole table, in em."""
        return self.cell_width * len(self.columns) + 1.3


def grid(plane: Plane, caption: str, style: GridStyle, mark_name: object = IN_WINDOW) -> Grid:
    """A plane as a Grid. mark_name: what a screen reader says of a marked cell."""
    top, left = style.origin
    rows = [
        (number(r), [_cell(value, (r, c), style) for c, value in enumerate(row, left)])
        for r, row in enumerate(plane, top)
    ]
    columns = [number(c) for c in range(left, left + len(plane[0]))]
    return Grid(caption, columns, rows, str(mark_name))


def _cell(value: float | None, at: Place, style: GridStyle) -> Cell:
    kinds = [name for name, true in _kinds(value, at, style).items() if true]
    share = 0.0
    if value is not None and math.isfinite(value):
        share = min(abs(value) / style.largest, 1)
    place = "" if style.plane is None else " ".join(map(str, (*style.plane, *at[style.missing :])))
    return Cell(number(value), " ".join(kinds), f"{share:.3f}", at in style.marked, place)


def _kinds(value: float | None, at: Place, style: GridStyle) -> dict[str, bool]:
    inside = style.inside is None or all(
        0 <= place < size for place, size in zip(at, style.inside, strict=True)
    )
    return {
        "negative": value is not None and -math.inf < value < 0,
        "pad": not inside and value is not None,
        "nothing": value is None,
        "marked": at in style.marked,
        "dropped": style.hatch_zeros and value == 0,
    }


def channel_grids(
    planes: Sequence[Plane],
    style: GridStyle,
    marked: Mapping[int, Iterable[Place]] | None = None,
    mark_name: object = IN_WINDOW,
    clickable: bool = False,
) -> list[Grid]:
    """C × H × W numbers, one Grid a channel. marked: {channel: its marked cells}."""
    marked = marked or {}
    return [
        grid(
            plane,
            _("channel {c}", c=c),
            replace(style, marked=frozenset(marked.get(c, ())), plane=(c,) if clickable else None),
            mark_name,
        )
        for c, plane in enumerate(planes)
    ]


def sizes(values: Any) -> tuple[int, ...]:
    """The shape of nested lists.

    >>> sizes([[1, 2, 3], [4, 5, 6]]), sizes(1.0)
    ((2, 3), ())
    """
    return (len(values), *sizes(values[0])) if isinstance(values, list) else ()


def tensor_grids(
    name: str,
    values: Any,
    marked: Sequence[Place],
    mark_name: object = IN_WINDOW,
    before: Place | None = None,
) -> list[Grid]:
    """A tensor of any dimensions: its last two as a grid, one for each place of the others.

    before: what stands before a number's place when it is clicked on; None where none can be.
    """
    dimensions = len(sizes(values))
    drawn = list(_planes(values, dimensions))
    top = largest(plane for _index, plane in drawn)
    missing = 2 - min(dimensions, 2)
    grids = []
    for index, plane in drawn:
        marks = [place[len(index) :] for place in marked if place[: len(index)] == index]
        style = GridStyle(
            top,
            marked=frozenset((*[0] * missing, *mark) for mark in marks),
            plane=None if before is None else (*before, *index),
            missing=missing,
        )
        caption = f"{name}[{', '.join(map(str, index))}]" if index else name
        grids.append(grid(plane, caption, style, mark_name))
    return grids


def _planes(values: Any, dimensions: int, index: Place = ()) -> Iterator[tuple[Place, Plane]]:
    """(The place of a grid in the tensor, the grid), of each."""
    if dimensions > 2:
        for number, part in enumerate(values):
            yield from _planes(part, dimensions - 1, (*index, number))
    else:
        yield index, {2: values, 1: [values], 0: [[values]]}[dimensions]


def stage(title: str, note: str, grids: Sequence[Grid], name: str = "", error: str = "") -> Markup:
    """A step on the tensors' way: its name, its shape, and its grids in one frame.

    name: "output" where a click on a cell follows it. error: why there is no grid.
    """
    return render("stage.html", title=title, note=note, grids=grids, name=name, error=error)


@dataclass(frozen=True)
class Stage:
    """A step on the tensors' way, as `stage` draws one."""

    title: str
    note: str
    grids: Sequence[Grid]
    name: str = ""

    @property
    def width(self) -> float:
        """Of its widest grid or caption, in em."""
        return max(max(grid.width, 0.5 * len(grid.caption) + 1.3) for grid in self.grids)


def equation(
    stages: Sequence[Stage], signs: Sequence[str], hint: object = "", wraps: bool = False
) -> Markup:
    """Stages side by side, a sign before each but the first: input ∗ kernel = output.

    All of them fit into the frame from 320 px up: their letters shrink with it, and on a phone the
    result of a product goes on in a line of its own, or, with `wraps`, each that has no room. hint:
    where one can step through the numbers, what else to click on.
    """
    drawn = [stage(one.title, one.note, one.grids, one.name) for one in stages]
    widths = [one.width for one in stages]
    return render(
        "equation.html",
        parts=list(zip(("", *signs), drawn, widths, strict=True)),
        wraps=wraps or signs[0] == TIMES,
        width=f"{sum(widths):.1f}",
        narrow=f"{max(*widths, 0 if wraps else sum(widths[:2])):.1f}",
        hint=hint,
    )


# ---------------------------------------------------------------- tables


def size_table(shapes: "Shapes") -> Markup:
    """Height and width in and out, with the formula worked out in numbers."""
    caption = _(
        "{input_shape} in, {output_shape} out (N × C × H × W)",
        input_shape=shape(shapes.input),
        output_shape=shape(shapes.output),
    )
    return render("sizes.html", shapes=shapes, caption=caption)


def worked(title: str, lines: Iterable[str]) -> Markup:
    """One number of the output, worked out by hand."""
    return render("worked.html", title=title, lines=list(lines))


def facts(rows: Sequence[tuple[str, str]], caption: str) -> Markup:
    """(name, value) pairs as a small table."""
    return render("facts.html", rows=rows, caption=caption)


def records(heads: Sequence[str], rows: Iterable[Sequence[object]], caption: str) -> Markup:
    """Rows of values as a small table; the first value of a row is its name."""
    cells = [[name, *map(_record_cell, values)] for name, *values in rows]
    return macro("plain_table", "", caption, caption, heads, cells)


def _record_cell(value: object) -> str:
    if value is None:
        return "–"
    return number(value, 4) if isinstance(value, float) else str(value)
