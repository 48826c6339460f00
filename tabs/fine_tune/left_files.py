"""What an ended run left: its files with the beginning of each, what Trainer.predict gives for its
model, and what a second Dataset.map computes.
"""

import gradio as gr

from languages import _
from pipeline.explain.left_files import head_of, left_files
from pipeline.explain.predicted import map_twice, predicted
from pipeline.settings import Settings
from tabs.errors import error_notice
from tabs.fine_tune.listeners import PRIVATE, Together
from views.left_files import file_head, file_line, map_calls, predict_arrays
from views.runs import no_run_yet


def build_left_files(settings: Settings, ended: gr.State, fold: Together) -> None:
    """The part of a card; `ended` holds the id of an ended run, or "". fold: that it stands in."""
    with gr.Accordion(_("What did the run leave? Its files, opened"), open=False):
        nothing = gr.HTML(no_run_yet())
        files = gr.Radio([], label=_("The run's folder"), visible=False, elem_id="left-files")
        head = gr.HTML()
        with gr.Row():
            predict = gr.Button(_("trainer.predict on its validation pairs"), visible=False)
            mapping = gr.Button(_("Dataset.map, twice"), visible=False)
        answer = gr.HTML()
    listed = gr.State("")  # the id of the run whose files are listed
    parts = [listed, nothing, files, head, predict, mapping, answer]

    def list_files(run_id: str, before: str) -> dict:
        if run_id == before:  # what was opened stays
            return {}
        cleared = {listed: run_id, head: "", answer: ""}
        try:
            found = left_files(run_id, settings) if run_id else []
        except Exception as error:
            return {**cleared, nothing: error_notice(error)}
        shown = [(file_line(one), one.name) for one in found]
        has_model = any(one.name.startswith("model/") for one in found)
        return {
            **cleared,
            nothing: "" if found else no_run_yet(),
            files: gr.Radio(shown, value=None, visible=bool(found)),
            predict: gr.Button(visible=has_model),
            mapping: gr.Button(visible=has_model),
        }

    def open_file(run_id: str, name: str | None) -> str:
        if not run_id or not name:
            return ""
        try:
            return file_head(name, head_of(run_id, name, settings))
        except Exception as error:
            return error_notice(error)

    def predict_pairs(run_id: str) -> str:
        from layers.chance import alone  # needs torch, and nothing that is imported here may

        try:
            with alone:
                return predict_arrays(predicted(run_id, settings))
        except Exception as error:
            return error_notice(error)

    def map_pairs(run_id: str) -> str:
        try:
            return map_calls(map_twice(run_id, settings))
        except Exception as error:
            return error_notice(error)

    fold.add(list_files, [ended, listed], parts)
    files.input(open_file, [ended, files], head, **PRIVATE)
    # As the steps by hand, which use the same cores
    measured = {
        "api_visibility": "private",
        "concurrency_id": "by-hand",
        "concurrency_limit": 1,
    }
    predict.click(predict_pairs, ended, answer, **measured)
    mapping.click(map_pairs, ended, answer, **measured)
