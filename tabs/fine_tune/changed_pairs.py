"""What an ended run changed, pair by pair: confusion matrices, pairs that it fixed or broke."""

import gradio as gr

from languages import _
from pipeline.answers import digest
from pipeline.dataset import load_raw_datasets
from pipeline.errors import InputError
from pipeline.explain.what_changed import read_judgement
from pipeline.runs.queue import read_run
from pipeline.settings import LABELS, Settings
from tabs.errors import error_notice
from tabs.fine_tune.listeners import PRIVATE
from views.markup import quiet
from views.runs import changed_pairs, no_run_yet


def build_changed_pairs(settings: Settings, ended: gr.State) -> None:
    """The section; `ended` holds the id of an ended run, or ""."""
    with gr.Accordion(_("What did it fix and break?"), open=True, elem_id="open-changed"):
        pairs = gr.HTML(no_run_yet())

    def show_changes(run_id: str) -> str:
        try:
            return changes_of(run_id, settings)
        except Exception as error:
            return error_notice(error)

    ended.change(show_changes, ended, pairs, **PRIVATE)


def changes_of(run_id: str, settings: Settings) -> str:
    """What stands in the section for the ended run of this id, or for none ("")."""
    if not run_id:
        return no_run_yet()
    kept = read_judgement(settings.runs_folder / run_id)
    if kept:
        judgement, digest_of_pairs = kept
        pairs = sentences_of(run_id, digest_of_pairs, len(judgement.labels), settings)
        return changed_pairs(judgement, pairs, LABELS)
    if read_run(run_id, settings).answers:
        return quiet(_("This run didn't save its predictions pair by pair."))
    return quiet(_("This run's model makes no predictions: its logits are NaN or infinite."))


def sentences_of(
    run_id: str, digest_of_pairs: str, count: int, settings: Settings
) -> list[tuple[str, str]] | None:
    """The validation pairs that were answered, if they still are what they were; else None."""
    try:
        source = read_run(run_id, settings).config["source"]
        rows = load_raw_datasets(source, settings)[0]["validation"]
    except (InputError, KeyError):
        return None
    rows = rows.select(range(min(count, len(rows))))
    if digest(rows["sentence1"], rows["sentence2"]) != digest_of_pairs:
        return None
    return list(zip(rows["sentence1"], rows["sentence2"], strict=True))
