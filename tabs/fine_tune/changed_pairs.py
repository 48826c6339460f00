"""What an ended run changed, pair by pair: confusion matrices, pairs that it fixed or broke."""

import gradio as gr

from languages import _
from pipeline.answers import digest
from pipeline.config import config_from
from pipeline.dataset import load_raw_datasets
from pipeline.errors import InputError
from pipeline.explain.what_changed import read_judgement
from pipeline.runs.progress import Run
from pipeline.runs.queue import read_run
from pipeline.settings import Settings
from pipeline.task import task_named
from tabs.errors import error_notice
from tabs.fine_tune.listeners import Together
from tabs.fine_tune.owned_runs import may_read_sentences
from tabs.fine_tune.run_panel import RunPanel
from views.markup import quiet
from views.runs import changed_pairs, no_run_yet


def build_changed_pairs(settings: Settings, panel: RunPanel, *drawn_with: Together) -> None:
    """The section; it follows the panel's run once that has ended, and is drawn with these."""
    with gr.Accordion(_("What did it fix and break?"), open=True, elem_id="open-changed"):
        pairs = gr.HTML(no_run_yet())

    def show_changes(run_id: str, owned: object) -> dict:
        try:
            return {pairs: changes_of(run_id, settings, owned)}
        except Exception as error:
            return {pairs: error_notice(error)}

    for together in drawn_with:
        together.add(show_changes, [panel.ended, panel.owned], [pairs])


def changes_of(run_id: str, settings: Settings, owned: object = None) -> str:
    """What stands in the section for the ended run of this id, or for none (""). Sentences that a
    visitor brought are shown to who owns the run alone.
    """
    if not run_id:
        return no_run_yet()
    run = read_run(run_id, settings)
    kept = read_judgement(settings.runs_folder / run_id, len(run.labels))
    if kept:
        judgement, digest_of_pairs = kept
        pairs = None
        if may_read_sentences(run, owned, settings):
            pairs = sentences_of(run, digest_of_pairs, len(judgement.labels), settings)
        return changed_pairs(judgement, pairs, run.labels)
    if run.answers:
        return quiet(_("This run didn't save its predictions pair by pair."))
    return quiet(_("This run's model makes no predictions: its logits are NaN or infinite."))


def sentences_of(
    run: Run, digest_of_pairs: str, count: int, settings: Settings
) -> list[tuple[str, ...]] | None:
    """The validation pairs that were answered, if they still are what they were; else None. A task
    of one sentence has that alone.
    """
    try:
        task = task_named(config_from(run.config).task_name, settings)
        rows = load_raw_datasets(run.config["source"], settings, task)[0]["validation"]
    except (InputError, KeyError):
        return None
    rows = rows.select(range(min(count, len(rows))))
    if digest(rows) != digest_of_pairs:
        return None
    columns = [name for name in ("sentence1", "sentence2") if name in rows.column_names]
    return list(zip(*(rows[name] for name in columns), strict=True))
