"""A layer's backward pass, drawn: the gradient of each number, and one of them worked out.

Nothing here imports gradio.
"""

from typing import TYPE_CHECKING

from markupsafe import Markup

from languages import _, ngettext, say
from views.code import script
from views.markup import sentences
from views.tensors import (
    CHOSEN,
    Stage,
    equation,
    shape,
    sizes,
    tensor_grids,
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
        tensor_grids("output", made.upstream, places, REACHED, ()),
        "loss",
    )
    gradients = [
        Stage(
            f"∂L/∂{leaf}",
            shape(sizes(gradient)),
            tensor_grids(
                leaf, gradient, [made.place] if leaf == made.leaf else [], CHOSEN, (number,)
            ),
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
        nothing = _("Nothing comes back to it from the output: its gradient is 0.")
        return [sentences(nothing, made.without), str(made.measured)]
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
    return [reached, of_one, str(made.measured)]
