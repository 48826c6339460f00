"""Rows become a padded batch: its grid, the explanation of the cell that is chosen, its tables."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from languages import _
from pipeline.collation import rows_view
from pipeline.dataset import random_rows, search_rows
from pipeline.errors import InputError
from pipeline.settings import Settings
from tabs.errors import sent
from tabs.tokenize.inputs import BatchInputs, ask, load_rows, load_split
from tabs.tokenize.listeners import draws_errors
from tabs.tokenize.why import explain_batch_cell
from views.markup import notice, origin_line
from views.tokens import batch_grid, columns_table, hint, shapes_table

FOUND_ROWS = 8  # of a search, and of a random choice


@dataclass(frozen=True)
class BatchGrid:
    """The components that the handlers fill, and the handlers."""

    settings: Settings
    rows: gr.Textbox
    grid: gr.HTML
    explanation: gr.HTML
    tables: gr.HTML

    @property
    def outputs(self) -> list[Component]:
        """What `draw` fills."""
        return [self.grid, self.explanation, self.tables]

    @draws_errors
    def draw(self, *values: Any) -> dict[Component, Any]:
        """values: BatchInputs. Explanation and tables go with the grid that they are about."""
        drawn = draw_batch(self.settings, BatchInputs(*values))
        return {self.grid: drawn.grid, self.explanation: hint(), self.tables: drawn.tables}

    def open(self, *values: Any) -> dict[Component, Any]:
        """Without the explanation: the grid may be in the page already, and a cell explained."""
        drawn = self.draw(*values)
        return {component: drawn[component] for component in (self.grid, self.tables)}

    @draws_errors
    def search(self, words: str, *values: Any) -> dict[Component, Any]:
        """The rows with all of these words. values: BatchInputs."""
        inputs = BatchInputs(*values)
        return self._draw_rows(found_rows(words, inputs.split, self.settings), inputs)

    @draws_errors
    def shuffle(self, *values: Any) -> dict[Component, Any]:
        """Random rows. values: BatchInputs."""
        inputs = BatchInputs(*values)
        dataset, _origin = load_split(inputs.split, self.settings)
        return self._draw_rows(random_rows(dataset, FOUND_ROWS), inputs)

    def _draw_rows(self, numbers: list[int], inputs: BatchInputs) -> dict[Component, Any]:
        rows = ", ".join(map(str, numbers))
        return self.draw(*inputs._replace(rows=rows)) | {self.rows: rows}

    def explain(self, event: gr.EventData) -> Markup:
        """Why the cell that was chosen has its value."""
        return explain_batch_cell(self.settings, sent(event))


class DrawnBatch(NamedTuple):
    """A batch's grid, and the tables of its shapes and columns."""

    grid: Markup
    tables: Markup


def draw_batch(settings: Settings, inputs: BatchInputs) -> DrawnBatch:
    """The batch's grid, where it came from, and what the collator did to the columns."""
    rows, data_origin = load_rows(inputs, settings)
    view, origin = ask(
        inputs.checkpoint, rows_view, rows, inputs.max_length, inputs.truncation, settings=settings
    )
    parts = [origin_line(each, each.stands_in) for each in (data_origin, origin)]
    if inputs.show not in ("pieces", *view.tensors):
        sentence = _(
            "This checkpoint's batch has no {show}; the tokens are shown.", show=inputs.show
        )
        parts.append(notice(sentence))
        inputs = inputs._replace(show="pieces")
    parts.append(batch_grid(view, inputs.show, inputs._asdict()))
    return DrawnBatch(Markup("").join(parts), shapes_table(view) + columns_table(view))


def found_rows(words: str, split: str, settings: Settings) -> list[int]:
    """The numbers of the first rows with all of these words; an InputError where there are none."""
    dataset, _origin = load_split(split, settings)
    if not words.strip():
        raise InputError(_("The search is empty. Type a word, such as police."))
    found = search_rows(dataset, words[:200], FOUND_ROWS)
    if not found:
        raise InputError(
            _(
                "No row of {split} has all of {words!r} in it. Try fewer words.",
                split=split,
                words=words[:60],
            )
        )
    return found
