"""A layer's backward pass, drawn: the gradient of each number, and one of them worked out.

Nothing here imports gradio.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from languages import _, ngettext, say
from views.code import script
from views.tensors import (
    CHOSEN,
    Grid,
    GridStyle,
    Place,
    Plane,
    Stage,
    equation,
    grid,
    largest,
    shape,
    worked,
)

if TYPE_CHECKING:  # layers imports torch
    from layers.play import Backward

STEP_GRADIENT = say("or click a gradient; a number of ∂L/∂output becomes L")
REACHED = say("reached by the tracked one")


def backward(made: "Backward") -> Markup:
    """What arrives at the output, the gradients that come of it, and the tracked one worked out."""
    places = [term.place for term in made.terms]
    arrives = Stage(
        "∂L/∂output",
        f"L = {made.loss}",
        _grids("output", made.upstream, places, (), REACHED),
        "loss",
    )
    gradients = [
        Stage(
            f"∂L/∂{leaf}",
            shape(_sizes(gradient)),
            _grids(leaf, gradient, [made.place] if leaf == made.leaf else [], (number,), CHOSEN),
            "gradient",
        )
        for number, (leaf, gradient) in enumerate(made.gradients.items())
    ]
    signs = ["→", *[""] * (len(gradients) - 1)]
    return Markup("").join(
        [
            equation([arrives, *gradients], signs, STEP_GRADIENT, wraps=True),
            worked(made.number, _lines(made)),
            script(made.script, "backward.py"),
        ]
    )


def _lines(made: "Backward") -> list[str]:
    if not made.terms:
        return [_("No number of the output that L depends on changes with it: its gradient is 0.")]
    reached = ngettext(
        "It reaches {count} number of the output that L depends on; ∂L/∂output times "
        "∂output/∂{leaf}: {line}",
        "It reaches {count} numbers of the output that L depends on; the sum of ∂L/∂output times "
        "∂output/∂{leaf}: {line}",
        len(made.terms),
        leaf=made.leaf,
        line=made.line,
    )
    why, numbers = made.local
    place = ", ".join(map(str, made.largest))
    of_one = _(
        "∂output[{place}]/∂{leaf}, {why}: {numbers}",
        place=place,
        leaf=made.leaf,
        why=why,
        numbers=numbers,
    )
    return [reached, of_one]


def _sizes(values: Any) -> tuple[int, ...]:
    """The shape of nested lists."""
    return (len(values), *_sizes(values[0])) if isinstance(values, list) else ()


def _grids(
    name: str, values: Any, marked: list[Place], leaf: Place, mark_name: object
) -> list[Grid]:
    """A tensor of any dimensions, its last two as a grid each; all can be clicked on.

    leaf: what stands before a number's place when it is clicked on.
    """
    dimensions = len(_sizes(values))
    drawn = list(_planes(values, dimensions))
    top = largest(plane for _before, plane in drawn)
    rows = 2 - min(dimensions, 2)  # dimensions that a grid has, and the tensor hasn't
    grids = []
    for before, plane in drawn:
        marks = [place[len(before) :] for place in marked if place[: len(before)] == before]
        style = GridStyle(
            top,
            marked=frozenset((*[0] * rows, *mark) for mark in marks),
            plane=(*leaf, *before),
            missing=rows,
        )
        caption = f"{name}[{', '.join(map(str, before))}]" if before else name
        grids.append(grid(plane, caption, style, mark_name))
    return grids


def _planes(values: Any, dimensions: int, before: Place = ()) -> Iterator[tuple[Place, Plane]]:
    """(The place of a grid in the tensor, the grid), of each."""
    if dimensions > 2:
        for number, part in enumerate(values):
            yield from _planes(part, dimensions - 1, (*before, number))
    else:
        yield before, {2: values, 1: [values], 0: [[values]]}[dimensions]
