"""Reproduce a run: its script, its command, and where everything came from."""

import shlex

import gradio as gr

from languages import _
from pipeline.config import TrainingConfig
from pipeline.errors import InputError
from pipeline.export.scripts import run_script
from pipeline.hub.sources import origin_said
from pipeline.runs.progress import Run
from pipeline.runs.queue import read_run
from pipeline.runs.worker import train_command
from pipeline.settings import Settings
from tabs.fine_tune.downloads import script_address
from tabs.fine_tune.listeners import PRIVATE
from tabs.fine_tune.run_panel import RunPanel
from tabs.scripts import script_block
from views.code import script
from views.runs import command_and_origins


def build_script(settings: Settings, panel: RunPanel, section: gr.Accordion) -> None:
    """The part of the card `section`; command and origins are drawn with the shown run."""
    gr.Markdown(
        _(
            "The same run with Hugging Face's libraries alone. The same seed on the same machine "
            "gives the same curve. The app's files that the script needs (starting checkpoint, "
            "embedded pairs) are in the download above, beside the script. On its own, run the "
            "script inside a clone of the app's repository."
        )
    )
    block = script_block(
        _("# Start a run; its script appears here when the model is loaded."), "train.py"
    )
    panel.views[gr.HTML()] = provenance_of

    def show_script(run_id: str) -> str | dict:
        return script_of(run_id, settings) if run_id else gr.skip()

    gr.on(
        [section.expand, panel.run_id.change, panel.ended.change],
        show_script,
        panel.run_id,
        block,
        **PRIVATE,
    )


def script_of(run_id: str, settings: Settings) -> str:
    """The run's script, which the server has as a file, too."""
    try:
        source = run_script(read_run(run_id, settings))
    except InputError as error:
        return script(f"# {error}", "train.py")
    return script(source, "train.py", script_address(run_id))


def provenance_of(run: Run) -> str:
    """The command that runs it, and where model, pairs and metric were loaded from."""
    if not run.config:
        return ""
    command = train_command(TrainingConfig(**run.config), f"runs/{run.id}")
    start = run.first("start") or {}
    origins = [start[part] for part in ("model", "data", "metric") if start.get(part)]
    return command_and_origins(
        shlex.join(["python", *command]),
        [
            (origin_said(origin["loaded"], origin["place"], origin["reason"]), origin["stands_in"])
            for origin in origins
        ],
    )
