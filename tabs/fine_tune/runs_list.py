"""This browser's runs in a table: the shown one first, and how the others' settings differ."""

from dataclasses import asdict, dataclass

import gradio as gr

from languages import _
from pipeline.config import TrainingConfig
from pipeline.metrics import f1_in
from pipeline.runs.names import name_of, settings_apart
from pipeline.runs.progress import Run
from pipeline.runs.queue import read_run
from pipeline.runs.supervisor import may_stop, stop_run
from pipeline.settings import Settings
from tabs.errors import error_notice, sent
from tabs.fine_tune.diagnosis import diagnosis_of
from tabs.fine_tune.listeners import PRIVATE, fold_of_the_run
from tabs.fine_tune.owned_runs import finished_runs_of, secret_of, unfinished_runs_of
from tabs.fine_tune.run_panel import LEAVE, STOP_AND_KEEP, RunPanel
from views.runs import no_run_yet, runs_table, unfinished_table

MOST_LISTED = 12
STOPPABLE = ("queued", "running")


@dataclass(frozen=True)
class RunsList:
    """The section's components, and their handlers. timer: ticks while a run hasn't ended."""

    settings: Settings
    unfinished: gr.HTML
    ended: gr.HTML
    timer: gr.Timer

    def draw(self, run_id: str, owned: object) -> dict:
        """Both tables. run_id: of the shown run once it has ended, or ""."""
        try:
            ended = runs_list(run_id, owned, self.settings)
        except Exception as error:
            ended = error_notice(error)
        return {self.ended: ended, **self.draw_unfinished(owned)}

    def draw_unfinished(self, owned: object) -> dict:
        """This browser's runs that wait or run, with a button for each that it may stop."""
        try:
            runs = unfinished_runs_of(owned, self.settings)
            rows = [(run, self._stop_label(run, owned)) for run in runs]
        except Exception as error:
            return {self.unfinished: error_notice(error), self.timer: gr.Timer(active=False)}
        return {self.unfinished: unfinished_table(rows), self.timer: gr.Timer(active=bool(rows))}

    def _stop_label(self, run: Run, owned: object) -> str:
        if run.state not in STOPPABLE:
            return ""
        if not may_stop(run.id, secret_of(run.id, owned), self.settings):
            return ""
        return str(LEAVE if run.state == "queued" else STOP_AND_KEEP)

    def stop(self, owned: object, event: gr.EventData) -> dict:
        """Stop the run whose button was pressed: {"stop": its id} of the page's script. One that
        stops already isn't asked again, which would cost its model.
        """
        run_id = sent(event).get("stop")
        try:
            if read_run(run_id, self.settings).state in STOPPABLE:
                stop_run(run_id, secret_of(run_id, owned), self.settings)
        except Exception as error:
            return {self.unfinished: error_notice(error)}
        return self.draw_unfinished(owned)


def build_runs_list(settings: Settings, panel: RunPanel) -> RunsList:
    """The section; it follows the shown run and what the browser remembers."""
    with fold_of_the_run(_("Which runs do I have?"), "open-runs") as fold:
        unfinished = gr.HTML(js_on_load="page.runs.listen(element, trigger)")
        ended = gr.HTML(no_run_yet())
        timer = gr.Timer(3.0, active=False)
        runs = RunsList(settings, unfinished, ended, timer)
        fold.add(runs.draw, [panel.ended, panel.owned], [ended, unfinished, timer])
    timer.tick(runs.draw_unfinished, panel.owned, [unfinished, timer], **PRIVATE)
    unfinished.click(runs.stop, panel.owned, [unfinished, timer], **PRIVATE)
    return runs


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
        _("{name} (shown)", name=name) if is_shown else str(name),
        differs or ("–" if is_shown else _("none")),
        end["before"]["accuracy"],
        end["after"]["accuracy"],
        f1_in(end["after"]),
        found.name if found else "–",
    )
