"""A finished run -> its model as files to take away: a zip, or a repository of one's own on the
Hub, each with a model card.

    >>> checked_repo_name("my-first-classifier")
    'my-first-classifier'

What goes out is the model's own files (safetensors, config, tokenizer), the card with the run's
figures, and the script that trains it again with what it needs of the app's. The pickle that
Trainer leaves beside a model stays here. A token is handed to huggingface_hub's client and kept
nowhere: in no folder, no log, no message.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from languages import say
from pipeline.config import config_from
from pipeline.dataset import APP_PLACES, app_pairs, either
from pipeline.errors import HubUnavailable, InputError
from pipeline.export.scripts import model_folder, run_script
from pipeline.hub.availability import hub_reason, is_permanent, run_with_deadline
from pipeline.hub.sources import RUN_PREFIX, run_files, validated_checkpoint
from pipeline.metrics import metrics_in
from pipeline.runs.queue import read_run
from pipeline.settings import ADAPTERS, EMBEDDED_CHECKPOINT, LABELS, READY, Settings
from pipeline.task import MRPC, Task, is_own, task_told

if TYPE_CHECKING:  # importing these takes seconds, or goes round in a circle
    from pipeline.runs.progress import Run

KEPT = (".safetensors", ".json", ".txt", ".model")
CHUNK = 2**20
# What came with the app, here and in what goes out
EMBEDDED_FOLDER, EMBEDDED = Path(__file__).parent.parent / "embedded", "embedded"
# As the Hub defines names; a repository of one's own has no "/" here, the owner is whoever signed
# in.
REPO_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,94}[A-Za-z0-9]|[A-Za-z0-9]", re.ASCII)


def saved_run(run_id: str, settings: Settings) -> Run:
    """The Run of that id, if it left a model; else an InputError that says what to do."""
    run = read_run(run_id, settings)
    if not run.has_model:
        raise InputError(
            say(
                "This run has no model to save: it is still going, has failed or has expired. "
                "Wait for it, or start a new run."
            )
        )
    return run


def files_of(run: Run, settings: Settings, name: str | None = None) -> dict[str, Path | bytes]:
    """{name in the repository or zip: Path, or text as bytes} of a run's model. Raises SourceError
    for links and pickles.

    name: of the repository; by default the zip's. With it goes what the script reads and no Hub
    has: the start, if it was an adapter of the app's, and its pairs.
    """
    folder = run_files(f"{RUN_PREFIX}{run.id}", settings).folder
    files = {
        path.name: path
        for path in sorted(folder.iterdir())
        if path.suffix in KEPT and path.is_file()
    }
    card = model_card(run, name or zip_name(run)).encode()
    return {
        "README.md": card,
        **files,
        "train.py": run_script(run, EMBEDDED).encode(),
        **_embedded_files(run),
    }


def _embedded_files(run):
    """{name: Path} of what came with the app and a run was trained from."""
    start, folders = run.first("start"), []
    if start["model"]["loaded"] in ADAPTERS:
        folders.append(f"adapters/{start['model']['loaded'].removeprefix('adapter:')}")
    if start["data"]["place"] in APP_PLACES:
        task = task_told(run.config["task_name"], start.get("task"))
        folders.append(app_pairs(start["data"]["place"], task).name)
    return {
        f"{EMBEDDED}/{folder}/{path.name}": path
        for folder in folders
        for path in sorted((EMBEDDED_FOLDER / folder).iterdir())
        if path.is_file()
    }


# ---------------------------------------------------------------- the card


def model_card(run: Run, name: str) -> str:
    """The README.md of a run's model: what it is, its figures beside the majority's, settings,
    seed, versions, licences.
    """
    start, end = run.first("start"), run.first(run.state) or {}
    if not start or not start.get("model") or not start.get("data") or not end.get("before"):
        raise InputError(
            say(
                "This run doesn't record what it was trained from, so there can be no model "
                "card. Start a new run."
            )
        )
    if not run.answers:
        raise InputError(
            say(
                "This run's weights are NaN or infinite, so there is no model to save. Start a new "
                "run with a smaller learning_rate."
            )
        )
    loaded = validated_checkpoint(start["model"]["loaded"])  # it stands in a file, and becomes YAML
    base = EMBEDDED_CHECKPOINT if loaded in ADAPTERS else loaded
    task = task_told(config_from(run.config).task_name, start.get("task"))
    place = start["data"]["place"]
    of_app = place in APP_PLACES
    on_hub = not of_app and bool(task.repository)
    data = f"the {place} pairs" if of_app else task.title
    return "\n".join(
        [
            "---",
            *_front_matter(name, base, task, on_hub, of_app, data.removeprefix("the "), end),
            "---",
            "",
            f"# {name}",
            "",
            f"{_what_it_says(task)} It was fine-tuned with "
            f"`Trainer` in a teaching app, in one short run, from `{loaded}`.",
            "",
            *_use(name, task),
            *_figures(run, start, end, data),
            *_settings(run, start, end, data),
            *_licences(task, of_app, loaded),
        ]
    )


def _what_it_says(task: Task) -> str:
    if task.labels == LABELS and task.language == "en":
        return "Says whether two English sentences mean the same: `equivalent` or `not_equivalent`."
    what = "two sentences" if task.has_pair else "one sentence"
    return f"Reads {what} and answers {either(f'`{_plain(label)}`' for label in task.labels)}."


def _plain(label: str) -> str:
    """A label that a visitor may have named, as no markup and no YAML."""
    return re.sub(r"[^\w .,+-]", "_", label)[:60]


def _front_matter(
    name: str, base: str, task: Task, on_hub: bool, of_app: bool, data: str, end: dict
) -> list[str]:
    """YAML for the Hub. Every value is a name from a fixed set, a checked id, or a number.

    on_hub: whether it learned the task's pairs on the Hub; of_app: whether the app's own.
    """
    datasets, dataset = [], f"{{name: {data}, type: custom}}"
    if on_hub:
        datasets = ["datasets:", f"- {task.repository}"]
        split = task.split_names.get("validation", "validation")
        where = f"type: {task.repository}, config: {task.config}, split: {split}"
        dataset = f"{{name: {task.title}, {where}}}"
    measured = metrics_in(end["after"])
    return [
        f"license: {'apache-2.0' if of_app and base == EMBEDDED_CHECKPOINT else 'other'}",
        *([f"language: {task.language}"] if task.language else []),
        "library_name: transformers",
        "pipeline_tag: text-classification",
        f"base_model: {base}",
        *datasets,
        "metrics:",
        *(f"- {metric.name}" for metric in measured),
        "model-index:",
        f"- name: {name}",
        "  results:",
        "  - task: {type: text-classification}",
        f"    dataset: {dataset}",
        "    metrics:",
        *(
            f"    - {{type: {metric.name}, value: {end['after'][metric.name]:.4f}}}"
            for metric in measured
        ),
    ]


EXAMPLES = {
    ("en", True): '{"text": "A cat sat.", "text_pair": "A cat was sitting."}',
    ("zh", True): '{"text": "猫坐着。", "text_pair": "一只猫坐在那里。"}',
    ("en", False): '"A film to see twice."',
}


def _use(name, task):
    example = EXAMPLES.get((task.language or "en", task.has_pair), EXAMPLES["en", task.has_pair])
    return [
        "```python",
        "from transformers import pipeline",
        "",
        f'classifier = pipeline("text-classification", model="{name}")  # this folder, or its id '
        f"on the Hub",
        f"print(classifier({example}))",
        "```",
        "",
    ]


def _figures(run, start, end, data):
    told, pairs = (end["before"], end["after"], start["majority"]), start.get("eval_pairs")
    rows = [
        "| "
        + " | ".join([metric.label, *(metric.written(each[metric.name]) for each in told)])
        + " |"
        for metric in metrics_in(end["after"])
        if all(metric.name in each for each in told)
    ]
    early = f"The run was stopped early, at step {end.get('step')} of {start['total_steps']}."
    return [
        "## Figures",
        "",
        f'On the first {pairs} validation pairs of {data}. "Majority" is what always answering the '
        "majority class scores there.",
        "",
        "| | before | after | majority |",
        "|---|---|---|---|",
        *rows,
        "",
        *([early, ""] if run.state == "stopped" else []),
    ]


def _settings(run, start, end, data):
    settings = [
        # A visitor's own pairs are named nowhere outside
        f"| {name} | {'own pairs' if is_own(value) else value} |"
        for name, value in run.config.items()
    ]
    versions = start.get("versions") or {}
    used = (
        ", ".join(f"{package} {version}" for package, version in versions.items()) or "not recorded"
    )
    precision = {True: "bfloat16 autocast", False: "float32"}.get(start.get("bf16"), "not recorded")
    return [
        "## Training",
        "",
        f"{end.get('step')} steps over {start.get('train_pairs')} pairs of {data}, in {precision}; "
        f"seed {run.config['seed']}. Versions: {used}.",
        "",
        "| setting | value |",
        "|---|---|",
        *settings,
        "",
        "`train.py` beside this card trains it again.",
        "",
    ]


def _licences(task, of_app, loaded):
    """The card's last part: the licences of the pairs and of `loaded`, where the run started, and
    what not to expect.
    """
    base = EMBEDDED_CHECKPOINT if loaded in ADAPTERS else loaded
    lines = ["## Licences and limits", ""]
    if of_app:
        lines += [
            "The pairs were written for the teaching app and are part of its repository (CC0-1.0).",
            "",
        ]
    elif task is MRPC:
        lines += [
            "The pairs are the Microsoft Research Paraphrase Corpus, which is under Microsoft "
            "Research's licence for non-commercial research; it is not part of this repository. "
            "Look at its terms before you use this model for anything else.",
            "",
        ]
    elif task.repository:
        lines += [
            f"The data is {task.title}, `{task.repository}` on the Hub: its own terms hold. It is "
            "not part of this repository.",
            "",
        ]
    else:
        lines += [f"The data, {task.title}, is not part of this repository.", ""]
    if loaded in ADAPTERS:
        how = "with their labels" if loaded == READY else "without pairing and labels"
        lines += [
            f"The start, `{loaded}`, was itself trained on the sentences of MRPC's train split, "
            f"{how}.",
            "",
        ]
    if base == EMBEDDED_CHECKPOINT:
        lines += [f"The checkpoint below it all, `{base}`, is under Apache 2.0.", ""]
    else:
        lines += [f"The start is `{base}`: its own licence goes on to hold for these weights.", ""]
    limits = "A model of one short run is for learning how fine-tuning works."
    if task.labels == LABELS:
        limits += " Change a number or a name in a sentence, and it may still answer `equivalent`."
    return [*lines, limits, ""]


# ---------------------------------------------------------------- a zip


def zip_chunks(files: dict[str, Path | bytes], root: str) -> Iterator[bytes]:
    """The bytes of a zip of `files` (as files_of gives them) under the folder `root`, piece by
    piece: nothing is copied.

    Weights don't get smaller by compressing, so nothing is compressed.
    """
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            with archive.open(
                zipfile.ZipInfo(f"{root}/{name}", (1980, 1, 1, 0, 0, 0)), "w", force_zip64=True
            ) as entry:
                for chunk in _chunks(content):
                    entry.write(chunk)
                    yield pipe.taken()
    yield pipe.taken()


class _Pipe(io.RawIOBase):
    """A file that only goes forwards; `taken` gives what was written since."""

    def __init__(self):
        self.written = []

    def writable(self):
        return True

    def write(self, data):
        self.written.append(bytes(data))
        return len(data)

    def taken(self):
        whole, self.written = b"".join(self.written), []
        return whole


def _chunks(content):
    if isinstance(content, bytes):
        yield content
        return
    descriptor = os.open(
        content, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)
    )  # no link, not even one made just now
    with open(descriptor, "rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


# ---------------------------------------------------------------- the Hub


def checked_repo_name(name: str) -> str:
    """A repository's name without its owner, as the Hub takes it; else an InputError."""
    name = name.strip() if isinstance(name, str) else name
    if (
        not isinstance(name, str)
        or not REPO_NAME.fullmatch(name)
        or "--" in name
        or ".." in name
        or name.endswith(".git")
    ):
        raise InputError(
            say(
                "{name!r} is not a valid repository name. Use letters, digits, '-', '_' and '.', "
                "at most 96 characters. Leave out the owner and '/': your account adds them.",
                name=str(name)[:60],
            )
        )
    return name


def push(run_id: str, name: str, token: str, private: bool = True, *, settings: Settings) -> str:
    """Make the repository `name` in the account of `token` and put the run's model there; its
    address.

    Raises InputError for a name that is malformed or taken, no token or one that may not write, and
    a Hub that can't be had. Nothing of an existing repository is ever overwritten.
    """
    name, run = checked_repo_name(name), saved_run(run_id, settings)
    if not token:
        raise InputError(
            say("You aren't signed in, so there is no account to push to. Sign in first.")
        )
    from huggingface_hub import CommitOperationAdd, HfApi

    api = HfApi(token=token, library_name="paraphrase-classifier")
    owner = _asked(
        settings.hub_decision_seconds, say("tell whose token this is"), api.whoami, name
    )["name"]
    repo = f"{owner}/{name}"
    operations = [
        CommitOperationAdd(path, content if isinstance(content, bytes) else str(content))
        for path, content in files_of(run, settings, repo).items()
    ]
    seconds = settings.hub_push_seconds
    address = _asked(
        seconds, say("create {repo}", repo=repo), api.create_repo, name, repo, private=bool(private)
    )
    _asked(
        seconds,
        say("accept the files of {repo}, which now exists but is empty", repo=repo),
        api.create_commit,
        name,
        repo,
        operations,
        commit_message="The model of one fine-tune, with its card and the script that trains it "
        "again",
    )
    return str(address)


def _asked(seconds, what, question, name, *args, **kwargs):
    """The answer of the Hub's client, or an InputError that says what the Hub wouldn't do, and the
    remedy.
    """
    try:
        return run_with_deadline(seconds, question, *args, **kwargs)
    except Exception as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status == 401:
            raise InputError(
                say(
                    "The Hub doesn't know this token: it has expired or was revoked. Sign in again."
                )
            ) from None
        if status == 403:
            raise InputError(
                say(
                    "The Hub knows this token, but it isn't allowed to create repositories. Sign "
                    "in again and allow it, or use a token with write access "
                    "(huggingface.co/settings/tokens)."
                )
            ) from None
        if status == 409:
            raise InputError(
                say(
                    "You already have a repository {name!r}, which was not changed. Choose "
                    "another name.",
                    name=name,
                )
            ) from None
        reason = (
            say("no answer within {seconds:g} s", seconds=seconds)
            if isinstance(error, HubUnavailable)
            else hub_reason(error)
        )
        # "from None": what the client raised may quote headers
        if is_permanent(error):
            raise InputError(
                say(
                    "The Hub did not {what}: {reason}. Download the model instead, or unset that "
                    "variable and start again.",
                    what=what,
                    reason=reason,
                )
            ) from None
        raise InputError(
            say(
                "The Hub did not {what}: {reason}. Download the model instead, or try again later.",
                what=what,
                reason=reason,
            )
        ) from None


def zip_name(run: Run) -> str:
    """The download's name, by which two runs can be told apart."""
    return model_folder(run.id)
