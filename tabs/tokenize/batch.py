"""Rows become a padded batch: its grid, the explanation of the cell that is chosen, its tables."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from languages import _
from pipeline.collation import rows_view
from pipeline.dataset import parse_rows, random_rows, search_rows
from pipeline.errors import InputError
from pipeline.settings import Settings
from pipeline.task import task_named
from tabs.errors import error_notice, sent
from tabs.tokenize.inputs import BatchInputs, ask, load_rows, load_split
from tabs.tokenize.padding_costs import draw_costs
from tabs.tokenize.why import explain_batch_cell
from views.markup import notice, origin_line
from views.tokens import batch_grid, columns_table, hint, shapes_table

FOUND_ROWS = 8  # of a search, and of a random choice


@dataclass(frozen=True)
class BatchGrid:
    """The components that the handlers fill, and the handlers.

    refusal: what is wrong with a search or with the rows. It stays until the next batch is drawn.
    seen_rows, seen_words: what was drawn of either field: leaving it asks again for what is new
    alone. cut_rows: the rows as `choose` cut them to what a small split has, "" where it didn't.
    """

    settings: Settings
    choice: gr.Dropdown
    split: gr.Radio
    rows: gr.Textbox
    sentence2: gr.Textbox
    seen_rows: gr.State
    seen_words: gr.State
    cut_rows: gr.State
    refusal: gr.HTML
    grid: gr.HTML
    explanation: gr.HTML
    costs: gr.HTML
    tables: gr.HTML

    @property
    def outputs(self) -> list[Component]:
        """What `draw` fills."""
        drawn = [self.grid, self.explanation, self.costs, self.tables]
        return [*drawn, self.refusal, self.seen_rows]

    @property
    def found_outputs(self) -> list[Component]:
        """What `search` and `shuffle` fill."""
        return [*self.outputs, self.rows, self.seen_words]

    def draw(self, *values: Any) -> dict[Component, Any]:
        """values: BatchInputs and the batch size. What can't be drawn empties the picture: it
        would stand beside fields that say something else.
        """
        try:
            return self._draw(*values)
        except Exception as error:
            return self._refused(error, values[0])

    def choose(self, cut: str, *values: Any) -> dict[Component, Any]:
        """Other pairs: their splits, the batch of rows that they have, and no second sentence where
        theirs have one. cut: the value of cut_rows; rows that were cut for a small split aren't
        what the visitor asked for. values: as of `draw`.
        """
        inputs = BatchInputs(*values[:-1])
        fields: dict[Component, Any] = {}
        try:
            task = task_named(inputs.task_name, self.settings)
            split = inputs.split if inputs.split in task.splits else task.splits[0]
            fields[self.choice] = gr.update(info=str(task.about))
            fields[self.split] = gr.Radio(list(task.splits), value=split)
            fields[self.sentence2] = gr.Textbox(visible=True if task.has_pair else "hidden")
            dataset, _origin, _task = load_split(split, task.name, self.settings)
            asked = f"0-{FOUND_ROWS - 1}" if inputs.rows == cut else inputs.rows
            rows = _rows_within(asked, len(dataset), self.settings)
            fields[self.cut_rows] = rows if rows != asked else ""
        except Exception as error:
            return {**fields, **self._refused(error, values[0])}
        return {**fields, self.rows: rows, **self.draw(rows, split, *values[2:])}

    @property
    def chosen_outputs(self) -> list[Component]:
        """What `choose` fills."""
        return [*self.outputs, self.choice, self.split, self.rows, self.sentence2, self.cut_rows]

    def _refused(self, error: Exception, rows: str) -> dict[Component, Any]:
        emptied = dict.fromkeys([self.grid, self.explanation, self.costs, self.tables], "")
        return {**emptied, self.refusal: error_notice(error), self.seen_rows: rows}

    def _draw(self, *values: Any) -> dict[Component, Any]:
        *batch, size = values
        inputs = BatchInputs(*batch)
        drawn = draw_batch(self.settings, inputs, size)
        return {
            self.grid: drawn.grid,
            self.explanation: hint(),
            self.costs: drawn.costs,
            self.tables: drawn.tables,
            self.refusal: "",
            self.seen_rows: inputs.rows,
        }

    def leave_rows(self, seen: str, *values: Any) -> dict[Component, Any]:
        """As `draw`, where the rows are other than those that were drawn."""
        return self._unchanged() if values[0] == seen else self.draw(*values)

    def leave_words(self, seen: str, words: str, *values: Any) -> dict[Component, Any]:
        """As `search`, where the words are others; nothing where there are none."""
        is_old = words == seen or not words.strip()
        return self._unchanged() if is_old else self.search(words, *values)

    def _unchanged(self) -> dict[Component, Any]:
        """Gradio 6.31: it takes an empty dict for a value."""
        return {self.seen_rows: gr.skip()}

    def open(self, *values: Any) -> dict[Component, Any]:
        """Without the explanation: the grid may be in the page already, and a cell explained."""
        drawn = self.draw(*values)
        return {component: drawn[component] for component in self.opened}

    @property
    def opened(self) -> list[Component]:
        """What `open` fills."""
        return [self.grid, self.costs, self.tables, self.refusal]

    def search(self, words: str, *values: Any) -> dict[Component, Any]:
        """The rows with all of these words. values: as of `draw`."""
        inputs = BatchInputs(*values[:-1])
        find = partial(found_rows, words, inputs.split, inputs.task_name, self.settings)
        return self._draw_rows(find, values) | {self.seen_words: words}

    def shuffle(self, *values: Any) -> dict[Component, Any]:
        """Random rows. values: as of `draw`."""

        def pick() -> list[int]:
            inputs = BatchInputs(*values[:-1])
            dataset, _origin, _task = load_split(inputs.split, inputs.task_name, self.settings)
            return random_rows(dataset, FOUND_ROWS)

        return self._draw_rows(pick, values)

    def _draw_rows(
        self, numbers: Callable[[], list[int]], values: Sequence[Any]
    ) -> dict[Component, Any]:
        """The batch of these rows; where there are none, why, and the batch stays as it is."""
        try:
            rows = ", ".join(map(str, numbers()))
            return self._draw(rows, *values[1:]) | {self.rows: rows}
        except Exception as error:
            return {self.refusal: error_notice(error)}

    def explain(self, task_name: str, event: gr.EventData) -> Markup:
        """Why the cell that was chosen has its value."""
        return explain_batch_cell(self.settings, sent(event), task_name)


def _rows_within(rows: str, count: int, settings: Settings) -> str:
    """`rows` as they are where a split of `count` rows has them, else its first few."""
    try:
        if max(parse_rows(rows, settings)) < count:
            return rows
    except InputError:
        pass
    return f"0-{min(FOUND_ROWS, count) - 1}"


class DrawnBatch(NamedTuple):
    """A batch's grid, what padding costs, and the tables of its shapes and columns."""

    grid: Markup
    costs: Markup
    tables: Markup


def draw_batch(settings: Settings, inputs: BatchInputs, batch_size: int = 2) -> DrawnBatch:
    """The batch's grid, what stands in for what, and what the collator did to the columns."""
    rows, data_origin, _task = load_rows(inputs, settings)
    view, origin = ask(
        inputs.checkpoint, rows_view, rows, inputs.max_length, inputs.truncation, settings=settings
    )
    parts = [origin_line(each, True) for each in (data_origin, origin) if each.stands_in]
    if inputs.show not in ("pieces", *view.tensors):
        sentence = _(
            "This checkpoint's batch has no {show}; the tokens are shown instead.", show=inputs.show
        )
        parts.append(notice(sentence))
        inputs = inputs._replace(show="pieces")
    numbers = [row["row"] for row in rows]
    parts.append(batch_grid(view, numbers, inputs._asdict()))
    costs = draw_costs(settings, view, int(inputs.max_length), batch_size)
    return DrawnBatch(Markup("").join(parts), costs, shapes_table(view) + columns_table(view))


def found_rows(words: str, split: str, task_name: str, settings: Settings) -> list[int]:
    """The numbers of the first rows with all of these words; an InputError where there are none."""
    dataset, _origin, _task = load_split(split, task_name, settings)
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
