"""The validation pairs as dots that move at each evaluation, and the visitor's own pair among them.

The run's state is looked at each second; what is drawn here changes with an evaluation alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency
from markupsafe import Markup

from languages import _
from pipeline.config import config_from
from pipeline.dataset import load_raw_datasets
from pipeline.errors import InputError
from pipeline.explain.evaluations import Evaluation, evaluations_of
from pipeline.runs.own_pair import read_pair
from pipeline.runs.progress import Run
from pipeline.runs.queue import read_run
from pipeline.runs.supervisor import may_stop
from pipeline.settings import Settings
from pipeline.task import task_named
from tabs.errors import error_notice, sent
from tabs.fine_tune.listeners import PRIVATE
from tabs.fine_tune.owned_runs import may_read_sentences, secret_of
from tabs.fine_tune.run_panel import FILL, RunPanel
from tabs.page_data import json_block
from views.theatre import (
    JudgedPair,
    bins_table,
    dots_data,
    dots_texts,
    empty_theatre,
    judged_pair,
    last_said,
    no_pair,
    own_data,
    thinned,
)

OWN = "own"  # the dot of the visitor's own pair; the others are row numbers


@dataclass(frozen=True)
class Theatre:
    """The components, and their handlers. `sentence` may stand anywhere in the tab.

    data: the dots, as JSON. own: the visitor's own, which isn't written anew where the browser
    hasn't told yet that it owns the run.
    """

    settings: Settings
    sentence: gr.HTML
    dots: gr.HTML
    pair: gr.HTML
    table: gr.HTML
    data: gr.Textbox
    own: gr.Textbox

    @property
    def outputs(self) -> list[Component]:
        """What `draw` fills."""
        return [self.sentence, self.table, self.data, self.own]

    def move_dots(self, *drawn: Dependency) -> None:
        """After each of these events, which `draw`, the dots move."""
        for event in drawn:
            event.then(
                None,
                [self.data, self.own],
                None,
                js="(data, own) => page.theatre.show(data, own)",
                api_visibility="private",
            )

    def draw(self, run_id: str, owned: object) -> dict:
        """The shown run's evaluations."""
        if not run_id:
            return gr.skip()
        try:
            evaluations = evaluations_of(read_run(run_id, self.settings))
            is_owner = may_stop(run_id, secret_of(run_id, owned), self.settings)
        except Exception as error:
            return {self.sentence: error_notice(error)}
        return {
            **({self.own: own_data(run_id, evaluations)} if is_owner else {}),
            self.sentence: last_said(evaluations),
            self.table: bins_table(evaluations),
            self.data: dots_data(run_id, evaluations),
        }

    def read(self, run_id: str, owned: object, event: gr.EventData) -> Markup:
        """The pair whose dot was chosen. The page's script sends {"row": number or "own", "step":
        the evaluation that is looked at}.
        """
        try:
            return self._read(run_id, owned, sent(event))
        except Exception as error:
            return error_notice(error)

    def _read(self, run_id: str, owned: object, asked: dict) -> Markup:
        run = read_run(run_id, self.settings)
        told = thinned([one for one in evaluations_of(run) if one.shares])
        row, step = asked.get("row"), asked.get("step")
        if step not in [one.step for one in told]:
            return no_pair()
        if row == OWN:
            return self._read_own(run, owned, told, step)
        if type(row) is not int or not 0 <= row < told[0].pairs:
            return no_pair()
        pair = JudgedPair(
            name=f"#{row}",
            sentences=self._sentences(run, told[0].labels, row)
            if may_read_sentences(run, owned, self.settings)
            else None,
            gold=run.labels[told[0].labels[row]],
            shares=[(one.step, one.shares[row]) for one in told],
            at=step,
        )
        return judged_pair(pair, run.labels)

    def _sentences(
        self, run: Run, labels: Sequence[int], row: int
    ) -> tuple[str, str | None] | None:
        """The sentences of a row, if the split is still the one that was judged."""
        try:
            task = task_named(config_from(run.config).task_name, self.settings)
            rows = load_raw_datasets(run.config["source"], self.settings, task)[0]["validation"]
        except (InputError, KeyError):
            return None
        if tuple(rows["label"][: len(labels)]) != tuple(labels):
            return None
        return rows[row]["sentence1"], rows[row].get("sentence2")

    def _read_own(self, run: Run, owned: object, told: Sequence[Evaluation], step: int) -> Markup:
        """The visitor's own pair, for the browser that owns the run alone."""
        if not may_stop(run.id, secret_of(run.id, owned), self.settings):
            return no_pair()
        shares = [(one.step, one.own_share) for one in told if one.own_share is not None]
        if step not in dict(shares):
            return no_pair()
        sentences = read_pair(self.settings.runs_folder / run.id)
        return judged_pair(JudgedPair(_("your pair"), sentences, "", shares, step), run.labels)


def build_sentence() -> gr.HTML:
    """What the last evaluation means; the tab places it."""
    fill = FILL.format(part="sentence")
    return gr.HTML(last_said([]), elem_id="last-evaluation", padding=False, js_on_load=fill)


def build_theatre(settings: Settings, panel: RunPanel, sentence: gr.HTML) -> Theatre:
    """The section, drawn with the panel's run; tab.py wires `move_dots`. sentence: of
    build_sentence.
    """
    json_block("theatre", dots_texts())
    dots = gr.HTML(
        empty_theatre(),
        elem_id="theatre",
        padding=False,
        js_on_load="page.theatre.listen(element, trigger)",
    )
    pair = gr.HTML(no_pair(), elem_id="theatre-pair", padding=False)
    table = gr.HTML(padding=False, js_on_load=FILL.format(part="table"))
    data, own = [gr.Textbox("", visible="hidden") for _part in range(2)]
    theatre = Theatre(settings, sentence, dots, pair, table, data, own)
    panel.sections.append((theatre.draw, theatre.outputs))
    read = {**PRIVATE, "trigger_mode": "always_last"}
    dots.click(theatre.read, [panel.run_id, panel.owned], pair, **read)
    return theatre
