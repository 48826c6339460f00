"""One pair becomes tokens: its grid, and the explanation of the cell that is chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from languages import _
from pipeline.dataset import rows_at
from pipeline.errors import InputError
from pipeline.hub.sources import is_bundled
from pipeline.settings import Settings
from pipeline.tokenization import pair_view
from tabs.errors import error_notice, explain, sent
from tabs.tokenize.inputs import PairInputs, ask, load_split, sentences_of
from tabs.tokenize.why import explain_pair_cell
from views.markup import made_of, origin_line
from views.tokens import hint, no_explanation, taken_row, token_grid


@dataclass(frozen=True)
class PairGrid:
    """The components that the handlers fill, and the handlers."""

    settings: Settings
    sentence1: gr.Textbox
    sentence2: gr.Textbox
    grid: gr.HTML
    explanation: gr.HTML
    told: gr.HTML  # below the batch: that a row of it was taken

    @property
    def outputs(self) -> list[Component]:
        """What `draw` fills."""
        return [self.grid, self.explanation]

    def draw(self, *values: Any) -> dict[Component, Any]:
        """values: PairInputs. The explanation goes with the grid that it is about. A message, too,
        says of which pair it is.
        """
        inputs = PairInputs(*values)
        try:
            return {self.grid: draw_pair(self.settings, inputs), self.explanation: hint()}
        except Exception as error:
            pair = made_of(inputs.sentence1, inputs.sentence2)
            wrong = Markup("<div{}>{}</div>").format(pair, error_notice(error))
            return {self.grid: wrong, self.explanation: ""}

    def follow(self, *values: Any) -> dict[Component, Any]:
        """As `draw`, at each key. A stranger's checkpoint has a process of its own, which isn't to
        be asked so often: its tokens wait until typing pauses (static/tokens.js).
        """
        return self.draw(*values) if _comes_with_the_app(values) else self._unchanged()

    def _unchanged(self) -> dict[Component, Any]:
        """Gradio 6.31: it takes an empty dict for a value."""
        return {self.grid: gr.skip()}

    def open(self, *values: Any) -> dict[Component, Any]:
        """The grid alone: it may be in the page already, and a cell of it explained by now."""
        return {self.grid: self.draw(*values)[self.grid]}

    def take_row(self, number: float | None, split: str, *rest: Any) -> dict[Component, Any]:
        """A row of the split becomes the pair. rest: PairInputs without the sentences.

        What is wrong is said where the row was taken, below the batch.
        """
        try:
            if number is None:
                raise InputError(_("No row number is given. Choose a row of the batch."))
            task_name = PairInputs("", "", *rest).task_name
            dataset, _origin, _task = load_split(split, task_name, self.settings)
            [row] = rows_at(dataset, [int(number)])
        except Exception as error:
            return {self.told: no_explanation(explain(error))}
        # A row of one sentence leaves the second field, which isn't seen, empty
        sentence1, sentence2 = row["sentence1"], row.get("sentence2") or ""
        sentences = {self.sentence1: sentence1, self.sentence2: sentence2}
        told = {self.told: taken_row(int(number))}
        return self.draw(sentence1, sentence2, *rest) | sentences | told

    def explain(self, event: gr.EventData) -> Markup:
        """Why the cell that was chosen has its value."""
        return explain_pair_cell(self.settings, sent(event))


def _comes_with_the_app(values: Sequence[Any]) -> bool:
    """Whether the checkpoint comes with the app. values: PairInputs."""
    return is_bundled(PairInputs(*values).checkpoint)


def draw_pair(settings: Settings, inputs: PairInputs) -> Markup:
    """The pair's grid, and where its tokenizer came from."""
    sentences = sentences_of(inputs, settings)
    cut = inputs.max_length, inputs.truncation
    view, origin = ask(inputs.checkpoint, pair_view, *sentences, *cut, settings=settings)
    stand_in = origin_line(origin, True) if origin.stands_in else Markup("")
    return stand_in + token_grid(view, inputs._asdict())
