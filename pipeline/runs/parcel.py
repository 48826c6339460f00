"""What of a run's files travels to a machine that trains it, and what comes back.

Both are named by paths below a folder of runs. What comes back is bounded, and only names that a
run leaves are written.
"""

import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from languages import say
from pipeline.answers import ANSWERS_FILE
from pipeline.errors import InputError
from pipeline.methods import MATRICES_FILE
from pipeline.own_pairs import store
from pipeline.runs.folder import modified, parsed, read_text
from pipeline.runs.own_pair import PAIR_FILE
from pipeline.settings import Settings
from pipeline.task import TASKS, is_own

Files = dict[str, bytes]  # path below a folder of runs -> what is in the file
CHUNK_BYTES = 2**23
MOST_EVALUATIONS = 50  # of those at step 0 that runs keep for each other
MOST_FILES = 64
RETURNED = re.compile(
    r"before/[0-9a-f]{32}\.json|RUN/(predictions\.json|lora\.safetensors)|RUN/model/[\w-][\w.-]{0,99}"
)


def pack(folder: Path, settings: Settings) -> Files:
    """All that the run of a folder needs of this machine's disk: its config and own pair, the
    visitor's pairs or the host's folder of pairs, the evaluations that are kept. A checkpoint comes
    with the code or from the Hub. Raises InputError where that is too much to send.
    """
    runs = settings.runs_folder
    task_name = task_of(folder)
    paths = {
        f"{folder.name}/{name}": folder / name
        for name in ("config.json", PAIR_FILE)
        if (folder / name).is_file()
    }
    kept = sorted((runs / "before").glob("*.json"), key=modified)[-MOST_EVALUATIONS:]
    sent = [*kept, *_pairs_of(task_name, settings)]
    paths |= {str(path.relative_to(runs)): path for path in sent if _is_file(path)}
    task = TASKS.get(task_name)
    hosts = task.folder_in(settings) if task else None
    if task and hosts:
        found = (path for split in task.splits for path in hosts.glob(f"{split}*.{task.form}"))
        paths |= {f"host/{path.name}": path for path in found if path.is_file()}
    if sum(path.stat().st_size for path in paths.values()) > _most_bytes(settings):
        raise InputError(
            say(
                "These pairs are larger than {most:.0f} GB, which is the most that is sent to the "
                "machine that trains. Choose another task.",
                most=_most_bytes(settings) / 1e9,
            )
        )
    return {name: path.read_bytes() for name, path in paths.items()}


def task_of(folder: Path) -> str:
    """The name of a run's task; "" where its config tells none."""
    config = parsed(read_text(folder / "config.json"))
    return str(config.get("task_name", "")) if isinstance(config, dict) else ""


def unpack(files: Files, root: Path, task_name: str, settings: Settings) -> Settings:
    """Write the files of `pack` below `root`; the settings by which a run finds them there."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    field = TASKS[task_name].folder if task_name in TASKS and (root / "host").is_dir() else ""
    return replace(
        settings,
        runs_folder=root,
        mrpc_folder=root / "host" if field == "mrpc_folder" else None,
        pairs_folder=root / "host" if field == "pairs_folder" else None,
    )


def parts(root: Path, run_id: str, known: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """(name, the next bytes of the file) of all that a run has left below `root`, its model in many
    pieces. known: the names that were there before.
    """
    found = [
        *(root / "before").glob("*.json"),
        root / run_id / ANSWERS_FILE,
        root / run_id / MATRICES_FILE,
        *sorted((root / run_id / "model").glob("*")),
    ]
    for path in found:
        name = str(path.relative_to(root))
        if not _is_file(path) or name in known:
            continue
        with open(path, "rb") as file:
            while part := file.read(CHUNK_BYTES):
                yield name, part


class Receiver:
    """Writes what comes back into a run's folder: the model under its name once it is whole."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder, self.settings = folder, settings
        self._part, self._names, self._bytes = folder / "model.part", set[str](), 0
        shutil.rmtree(self._part, ignore_errors=True)

    def receive(self, name: str, content: bytes) -> None:
        """The next bytes of a file. Raises ValueError for a name that no run leaves, or too many
        bytes; OSError.
        """
        if not RETURNED.fullmatch(name.replace(f"{self.folder.name}/", "RUN/", 1)):
            raise ValueError(f"no run leaves a file {name[:200]!r}")
        is_new = name not in self._names
        self._names.add(name)
        self._bytes += len(content)
        if self._bytes > _most_bytes(self.settings) or len(self._names) > MOST_FILES:
            raise ValueError(f"the run left more than {_most_bytes(self.settings)} bytes")
        path = self._path(name)
        path.parent.mkdir(exist_ok=True)
        with open(path, "wb" if is_new else "ab") as file:
            file.write(content)

    def finish(self) -> None:
        """The model is whole. Raises OSError."""
        if self._part.exists():
            shutil.rmtree(self.folder / "model", ignore_errors=True)
            self._part.replace(self.folder / "model")

    def _path(self, name: str) -> Path:
        if name.startswith("before/"):
            return self.settings.runs_folder / name
        if "/model/" in name:
            return self._part / Path(name).name
        return self.folder / Path(name).name


def _pairs_of(task_name: str, settings: Settings) -> list[Path]:
    if not is_own(task_name):
        return []
    return list((store.pairs_folder(settings) / task_name.removeprefix(store.PREFIX)).glob("*"))


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _most_bytes(settings: Settings) -> int:
    return 2 * settings.max_checkpoint_bytes
