"""Reproduce a run: its script, its command, and where everything came from."""

import hashlib
import hmac
import io
import secrets
import shlex
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import gradio as gr

from languages import _, say
from pipeline.config import TrainingConfig, flag_of
from pipeline.errors import InputError
from pipeline.export.own_pairs import PAIRS_COLUMNS, PAIRS_FILE, pairs_csv, pairs_parquet
from pipeline.export.scripts import OWN_FOLDER, run_script
from pipeline.hub.sources import origin_said
from pipeline.own_pairs import store
from pipeline.runs.progress import Run
from pipeline.runs.queue import read_run
from pipeline.runs.worker import train_command
from pipeline.settings import Settings
from pipeline.task import MRPC, is_own, task_told
from tabs.errors import error_notice
from tabs.fine_tune.downloads import script_address
from tabs.fine_tune.listeners import PRIVATE, Together
from tabs.fine_tune.owned_runs import may_read_sentences
from tabs.fine_tune.run_panel import RunPanel
from tabs.scripts import script_block
from views.code import script
from views.runs import command_and_origins
from web.fair_queue import address_of as who_asks
from web.uploads import upload_folder

# Nobody else can name the folder of a visitor's zips; another key each time the server starts
PACKED_KEY = secrets.token_bytes(32)


def build_script(settings: Settings, panel: RunPanel, fold: Together) -> None:
    """The part of a card; command and origins are drawn with the shown run. fold: that it stands
    in.
    """
    gr.Markdown(
        _(
            "The same run with Hugging Face's libraries alone. The same seed on the same machine "
            "gives the same curve. The app's files that the script needs (starting checkpoint, "
            "embedded pairs) are in the download above, beside the script. On its own, run the "
            "script inside a clone of the app's repository."
        )
    )
    pack = gr.Button(_("Pack the script with my pairs"), size="md", visible=False)
    packed = gr.DownloadButton(_("Download the script and my pairs"), size="md", visible=False)
    block = script_block(
        _("# Start a run; its script appears here when the model is loaded."), "train.py"
    )
    panel.views[gr.HTML()] = provenance_of

    packed_of = gr.State("")  # the id of the run whose pairs may be packed

    def show_script(run_id: str, owned: object, before: str) -> dict:
        try:
            is_offered = bool(run_id) and _is_owned(read_run(run_id, settings), owned, settings)
        except InputError:
            is_offered = False
        return {
            pack: gr.update(visible=is_offered),
            packed_of: run_id,
            **({block: script_of(run_id, settings)} if run_id else {}),
            **({packed: gr.update(visible=False, value=None)} if run_id != before else {}),
        }

    def pack_it(request: gr.Request, run_id: str, owned: object) -> dict:
        try:
            path = packed_pairs(run_id, owned, settings, request)
        except Exception as error:
            return {block: error_notice(error)}
        return {packed: gr.update(visible=True, value=path)}

    asked = [panel.run_id, panel.owned]
    fold.add(show_script, [*asked, packed_of], [pack, packed_of, block, packed])
    pack.click(pack_it, asked, [packed, block], **PRIVATE)


def _is_owned(run: Run, owned: object, settings: Settings) -> bool:
    """Whether a run is on pairs that this browser's visitor brought."""
    return is_own(run.config.get("task_name")) and may_read_sentences(run, owned, settings)


def packed_pairs(
    run_id: str, owned: object, settings: Settings, request: gr.Request | None = None
) -> str:
    """The path of a zip, for a run's owner alone: train.py, the pairs beside it as it reads them,
    and as a CSV. In a folder whose name nobody can guess.
    """
    run = read_run(run_id, settings)
    if not _is_owned(run, owned, settings):
        raise InputError(
            say("Only the visitor who brought a run's pairs gets them. Start a run of your own.")
        )
    own = store.load(run.config["task_name"], settings)
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train.py", run_script(run))
        archive.writestr(PAIRS_FILE, pairs_csv(own))
        for split in own.labelled_splits:
            archive.writestr(f"{OWN_FOLDER}/{split}.parquet", pairs_parquet(own, split))
    content = zipped.getvalue()
    upload_folder(settings).reserve(who_asks(request), len(content))
    folder = _packed_folder(run.config["task_name"], settings) / run.id
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "train-on-my-pairs.zip"
    path.touch(mode=0o600)
    path.write_bytes(content)
    return str(path)


def forget_packed(task_name: str, settings: Settings) -> None:
    """Remove what `packed_pairs` has made of a visitor's pairs."""
    shutil.rmtree(_packed_folder(task_name, settings), ignore_errors=True)


def _packed_folder(task_name: str, settings: Settings) -> Path:
    """Where the zips of a visitor's pairs are, among the files to download."""
    name = hmac.new(PACKED_KEY, task_name.encode(), hashlib.sha256).hexdigest()
    return upload_folder(settings).folder / name


def script_of(run_id: str, settings: Settings) -> str:
    """The run's script, which the server has as a file, too."""
    try:
        source = run_script(read_run(run_id, settings))
    except InputError as error:
        return script(f"# {error}", "train.py")
    return script(source, "train.py", script_address(run_id))


def _command(run: Run) -> list[str]:
    """What comes after `python`. Own pairs are named by the file that their owner gets, not by the
    name that this server knows them by: anybody may read this who has the run's link.
    """
    config = TrainingConfig(**run.config)
    if not is_own(config.task_name):
        return train_command(config, f"runs/{run.id}")
    command = train_command(replace(config, task_name=MRPC.name), f"runs/{run.id}")
    place = command.index(flag_of("task_name"))
    task = task_told(config.task_name, (run.first("start") or {}).get("task"))
    columns = ",".join(
        "" if name == "sentence2" and not task.has_pair else name for name in PAIRS_COLUMNS
    )
    return [*command[:place], "--pairs", PAIRS_FILE, "--columns", columns, *command[place + 2 :]]


def provenance_of(run: Run) -> str:
    """The command that runs it, and where model, pairs and metric were loaded from."""
    if not run.config:
        return ""
    command = _command(run)
    start = run.first("start") or {}
    origins = [start[part] for part in ("model", "data", "metric") if start.get(part)]
    return command_and_origins(
        shlex.join(["python", *command]),
        [
            (origin_said(origin["loaded"], origin["place"], origin["reason"]), origin["stands_in"])
            for origin in origins
        ],
    )
