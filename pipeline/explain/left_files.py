"""What a run left on the disk: its files, and the beginning of each.

>>> [one.name for one in KNOWN][:3]
['config.json', 'events.jsonl', 'predictions.json']

Only files that are known by their name are told, and none that says whose the run is or where the
server keeps it. What is read is bounded; a pickle is never opened.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from languages import say
from pipeline.errors import InputError
from pipeline.methods import MATRICES_FILE
from pipeline.runs.folder import parsed, read_bytes, read_text, run_folder
from pipeline.runs.progress import Run, read_folder
from pipeline.settings import Settings
from pipeline.task import is_own

MOST_OF_A_HEAD = 1200  # characters
MOST_OF_A_HEADER = 2**20  # bytes of a safetensors file's description of its tensors
SHOWN_TENSORS = 9, 3  # the first and the last, which are the head's


@dataclass(frozen=True)
class LeftFile:
    """name: below the run's folder; what: what it is for; bytes: its size."""

    name: str
    what: str
    bytes: int = 0


PICKLE = "model/training_args.bin"
WEIGHTS = "model/model.safetensors"
KNOWN = (
    LeftFile("config.json", say("the settings of the run")),
    LeftFile("events.jsonl", say("what it told, an event a line: the curves are drawn from it")),
    LeftFile("predictions.json", say("the answer to each validation pair, before and after")),
    LeftFile(MATRICES_FILE, say("LoRA's matrices A and B, before they were added into W")),
    LeftFile("model/config.json", say("the architecture: layers, widths, labels")),
    LeftFile(WEIGHTS, say("the weights: names and shapes first, then the numbers")),
    LeftFile("model/tokenizer.json", say("the fast tokenizer whole: its rules and its vocabulary")),
    LeftFile("model/tokenizer_config.json", say("which class reads it, its special tokens")),
    LeftFile("model/special_tokens_map.json", say("its special tokens")),
    LeftFile("model/vocab.txt", say("the vocabulary, an entry a line")),
    LeftFile(PICKLE, say("TrainingArguments as Trainer saves them, a pickle: never opened here")),
)


def left_files(run_id: str, settings: Settings) -> list[LeftFile]:
    """The known files that are in a run's folder. Raises InputError for a malformed id."""
    folder = run_folder(run_id, settings)
    return [
        replace(one, bytes=(folder / one.name).stat().st_size)
        for one in KNOWN
        if _is_ordinary(folder, one.name)
    ]


def _is_ordinary(folder: Path, name: str) -> bool:
    """A file of the folder's own, and no link out of it."""
    parts = [folder, *(folder / part for part in ("model",) if "/" in name), folder / name]
    return not any(part.is_symlink() for part in parts) and (folder / name).is_file()


def head_of(run_id: str, name: str, settings: Settings) -> str:
    """The beginning of a file that the run left, as text. Raises InputError for another name."""
    if name not in [one.name for one in left_files(run_id, settings)]:
        raise InputError(
            say(
                "This run has no file {name!r} that is shown here. Choose one of the list.",
                name=str(name)[:60],
            )
        )
    folder = run_folder(run_id, settings)
    if name == PICKLE:
        return say("A pickle can run any code when it is opened, so its bytes stay closed.")
    text = READERS.get(name, _text)(folder / name)
    return _without_names(text, read_folder(folder))


def _without_names(text: str, run: Run) -> str:
    """A visitor's own pairs are named nowhere outside."""
    task = str(run.config.get("task_name", ""))
    return text.replace(task, "own-pairs") if is_own(task) else text


def _text(path: Path) -> str:
    return _cut(read_text(path, 4 * MOST_OF_A_HEAD))


def _indented(path: Path) -> str:
    """A JSON file a value a line; as it stands where it is too large to be read for that."""
    value = parsed(read_text(path, MOST_OF_A_HEADER))
    return _text(path) if value is None else _cut(json.dumps(value, indent=1, ensure_ascii=False))


def _cut(text: str) -> str:
    return text if len(text) <= MOST_OF_A_HEAD else text[:MOST_OF_A_HEAD] + " …"


def _tensors(path: Path) -> str:
    """A safetensors file begins with eight bytes, how long its header is, and the header: a JSON
    object that has the type, the shape and the place of each tensor.
    """
    length = int.from_bytes(read_bytes(path, 8), "little")
    header = read_bytes(path, 8 + min(length, MOST_OF_A_HEADER))[8:]
    described = parsed(header.decode(errors="replace"))
    if not isinstance(described, dict):
        raise InputError(say("This file's header can't be read. Start the run again."))
    tensors = [_tensor(name, about) for name, about in described.items() if name != "__metadata__"]
    first, last = SHOWN_TENSORS
    more = len(tensors) - first - last
    if more > 0:
        tensors = [*tensors[:first], f"… + {more} …", *tensors[-last:]]
    return _cut("\n".join([f"{length} {header[:60].decode(errors='replace')}…", "", *tensors]))


def _tensor(name: str, about: object) -> str:
    known = about if isinstance(about, dict) else {}
    return f"{known.get('dtype')} {known.get('shape')} {name}"[:200]


READERS: dict[str, Callable[[Path], str]] = {
    WEIGHTS: _tensors,
    MATRICES_FILE: _tensors,
    **{one.name: _indented for one in KNOWN if one.name.endswith(".json")},
}
