"""Why a cell has its value: what the page's script sent of it -> the explanation.

A grid is sent back with what it was made of, so that the server keeps nothing. All of it is checked
like any other input, and what is wrong with it is said in the explanation's place.
"""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from markupsafe import Markup

from languages import _
from pipeline.errors import InputError, shown
from pipeline.explain.why_cell import why_label, why_of_cell, why_of_token
from pipeline.settings import Settings
from pipeline.task import is_own
from tabs.errors import explain
from tabs.tokenize.inputs import BatchInputs, PairInputs, ask, load_rows, sentences_of
from views.tokens import explanation, no_explanation

# The most that a grid of ours writes into data-inputs: both sentences, each character as \\uXXXX
MOST_CHARACTERS = 60_000


def _or_no_explanation(handler: Callable) -> Callable:
    @wraps(handler)
    def explained(*values: Any) -> Markup:
        try:
            return handler(*values)
        except Exception as error:
            return no_explanation(explain(error))

    return explained


@_or_no_explanation
def explain_pair_cell(settings: Settings, cell: dict) -> Markup:
    """A cell of the pair's grid. cell: {"inputs": PairInputs as JSON, "row", "position"}."""
    inputs = inputs_of(cell, PairInputs)
    why, _origin = ask(
        inputs.checkpoint,
        why_of_token,
        *sentences_of(inputs, settings),
        inputs.max_length,
        inputs.truncation,
        cell.get("position"),
        cell.get("row"),
        settings=settings,
    )
    return explanation(why, inputs._asdict().get(f"sentence{why.sentence}", ""))


@_or_no_explanation
def explain_batch_cell(settings: Settings, cell: dict, chosen: str = "") -> Markup:
    """A cell of the batch's grid, with its row's sentence. cell: {"inputs": BatchInputs as JSON,
    "line": which row of the batch, "position", "row": "labels" for a label}. chosen: the page's
    pairs; a visitor's own are explained where they are chosen, and nowhere else.
    """
    inputs = inputs_of(cell, BatchInputs)
    if is_own(inputs.task_name) and inputs.task_name != chosen:
        raise InputError(_("Other pairs are chosen now. Draw the batch again, then choose a cell."))
    rows, _origin, task = load_rows(inputs, settings)
    line = cell.get("line")
    if type(line) is not int or not 0 <= line < len(rows):
        raise InputError(
            _(
                "There is no line {line}: the batch has lines 0 to {count}.",
                line=shown(line),
                count=len(rows) - 1,
            )
        )
    if cell.get("row") == "labels":
        return explanation(why_label(rows[line].get("label"), task.labels))
    why, _origin = ask(
        inputs.checkpoint,
        why_of_cell,
        rows,
        line,
        inputs.max_length,
        inputs.truncation,
        cell.get("position"),
        "piece" if inputs.show == "pieces" else inputs.show,
        settings=settings,
    )
    return explanation(why, rows[line].get(f"sentence{why.sentence}", ""))


def inputs_of(cell: dict, kind: type) -> Any:
    """What the cell's grid was made of, as it says itself in data-inputs; nothing is checked."""
    written = cell.get("inputs")
    try:
        if not isinstance(written, str) or len(written) > MOST_CHARACTERS:
            raise ValueError
        inputs = json.loads(written)
        if not isinstance(inputs, dict):
            raise ValueError
    except (ValueError, RecursionError):
        message = _("The page sent no cell of a grid. Draw the grid again, then choose a cell.")
        raise InputError(message) from None
    return kind(*(inputs.get(name, kind._field_defaults.get(name)) for name in kind._fields))
