"""What a layer does to small matrices, drawn step by step. Nothing here imports gradio."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from languages import _
from views.code import code, script
from views.markup import quiet
from views.tensors import (
    CHOSEN,
    IN_WINDOW,
    STEP_OUTPUT,
    Stage,
    equation,
    shape,
    sizes,
    tensor_grids,
    worked,
)

if TYPE_CHECKING:  # layers imports torch
    from layers.play import Forward
    from layers.play.forward import Step


def forward(made: "Forward") -> Markup:
    """The steps as an equation, one number of the output worked out, the same input elsewhere."""
    title = _("Output[{place}]", place=", ".join(map(str, made.at)))
    lines = [_("{name}: {line}", name=name, line=line) for name, line in made.lines]
    beside = [_equation(steps, "", last="") for steps in made.beside]
    return Markup("").join(
        [
            _equation(made.steps, STEP_OUTPUT, last="output"),
            *beside,
            worked(title, lines),
            code(made.code),
            *map(quiet, map(str, made.notes)),
            script(made.script, "forward.py"),
        ]
    )


def _equation(steps: Sequence["Step"], hint: object, last: str) -> Markup:
    """last: how the last stage is called for a click."""
    stages = []
    for number, step in enumerate(steps):
        is_output = number == len(steps) - 1 and bool(last)
        note = shape(sizes(step.values))
        if step.note:
            note = _("{shape}, {note}", shape=note, note=step.note)
        grids = tensor_grids(
            step.name or str(step.title),
            step.values,
            step.looked_at,
            CHOSEN if is_output else IN_WINDOW,
            () if is_output else None,
        )
        stages.append(Stage(str(step.title), note, grids, last if is_output else ""))
    return equation(stages, [step.sign for step in steps[1:]], hint, wraps=True)
