"""This browser's runs in a table: the shown one first, and how the others' settings differ."""

from dataclasses import asdict

import gradio as gr

from languages import _
from pipeline.config import TrainingConfig
from pipeline.runs.names import name_of, settings_apart
from pipeline.runs.progress import Run
from pipeline.runs.queue import read_run
from pipeline.settings import Settings
from tabs.errors import error_notice
from tabs.fine_tune.diagnosis import diagnosis_of
from tabs.fine_tune.listeners import PRIVATE
from tabs.fine_tune.owned_runs import finished_runs_of
from tabs.fine_tune.run_panel import RunPanel
from views.runs import no_run_yet, runs_table

MOST_LISTED = 12


def build_runs_list(settings: Settings, panel: RunPanel) -> None:
    """The section; it follows the shown run and what the browser remembers."""
    with gr.Accordion(_("Which runs of mine are there?"), open=False):
        runs = gr.HTML(no_run_yet())

    def list_runs(run_id: str, owned: object) -> str:
        try:
            return runs_list(run_id, owned, settings)
        except Exception as error:
            return error_notice(error)

    # What the browser remembers may reach the page after the run does
    gr.on(
        [panel.ended.change, panel.known.change],
        list_runs,
        [panel.ended, panel.owned],
        runs,
        **PRIVATE,
    )


def runs_list(run_id: str, owned: object, settings: Settings) -> str:
    """The table; where a run is shown (its id isn't ""), with that first."""
    shown = read_run(run_id, settings) if run_id else None
    others = [run for run in finished_runs_of(owned, settings) if run.id != run_id]
    runs = ([shown] if shown else []) + others[:MOST_LISTED]
    rows = [_row(run, shown, settings) for run in runs if _has_result(run)]
    return runs_table(rows, bool(shown)) if rows or shown else no_run_yet()


def _has_result(run: Run) -> bool:
    return run.has_model and bool(run.first(run.state).get("before"))


def _row(run: Run, shown: Run | None, settings: Settings) -> tuple:
    """A row of views.runs.runs_table."""
    is_shown = shown is not None and run.id == shown.id
    compared_with = shown.config if shown else asdict(TrainingConfig())
    differs = ", ".join(map(str, settings_apart(run.config, compared_with)))
    name = name_of(run.id)
    end, found = run.first(run.state), diagnosis_of(run, settings)
    return (
        f"?run={run.id}",
        _("{name}, the one shown", name=name) if is_shown else str(name),
        differs or ("–" if is_shown else _("none")),
        end["before"]["accuracy"],
        end["after"]["accuracy"],
        end["after"]["f1"],
        found.name if found else "–",
    )
