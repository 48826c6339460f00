"""What has had its time in the folder of runs: ended runs, the oldest first, so that disk and count
stay bounded.

A server that is just ending may sweep beside its successor: whatever is looked at here may be gone
a moment later.
"""

import os
import shutil
import time
from pathlib import Path

from pipeline.hub.sources import RUN_ID
from pipeline.own_pairs import store
from pipeline.runs.folder import address_of, is_run, modified, parsed, read_text
from pipeline.runs.progress import list_runs
from pipeline.settings import Settings


def sweep(settings: Settings) -> None:
    """Remove ended runs older than `max_run_age_seconds`, and some while they are more than
    `max_run_folders` or take more than `max_runs_bytes`: the oldest of the network address whose
    ended runs take most. What looks like a run and isn't one goes with age.

    A disk that something else has filled costs nobody a model: new runs are refused until there is
    room again. A visitor's own pairs stay as long as a run that uses them, a class as long as a
    run.
    """
    folder = settings.runs_folder
    if not folder.is_dir():
        return
    ended = [run.id for run in list_runs(settings) if run.ended]
    now = time.time()
    for path in _run_paths(folder):
        if path.name in ended or not is_run(path):
            if now - _age_mark(path) > _time_given(path, settings):
                remove(path)
    for path in folder.glob("before/*"):  # evaluations that trainings keep for each other
        if now - modified(path) > settings.max_run_age_seconds:
            path.unlink(missing_ok=True)
    for path in folder.glob("classes/*"):  # with all that their pupils left
        mark = path / "teacher"  # written once, when the class was opened
        if now - modified(mark if mark.exists() else path) > settings.max_run_age_seconds:
            remove(path)
    store.remove_unused(set(filter(None, map(_task_of, _run_paths(folder)))), settings)
    _make_room(folder, [run_id for run_id in ended if (folder / run_id).exists()], settings)


def remove(path: Path) -> None:
    """Gone, or as much of it as can be. Of a link, the link and not what it leads to."""
    if path.is_symlink():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path, ignore_errors=True)


def bytes_of(folder: Path) -> int:
    """Bytes of a folder's files; links count as nothing and aren't followed, nor does what goes
    while one looks.
    """
    if folder.is_symlink():
        return 0
    return sum(
        _size(os.path.join(where, name)) for where, _, names in os.walk(folder) for name in names
    )


def _run_paths(folder: Path) -> list[Path]:
    return [path for path in list(folder.iterdir()) if RUN_ID.fullmatch(path.name)]


def _task_of(path: Path) -> str:
    """The name of a run's task, "" where its folder tells none."""
    config = parsed(read_text(path / "config.json"))
    name = config.get("task_name") if isinstance(config, dict) else None
    return name if isinstance(name, str) else ""


def _time_given(path: Path, settings: Settings) -> float:
    if _is_untrained(path):
        return min(settings.max_untrained_seconds, settings.max_run_age_seconds)
    return settings.max_run_age_seconds


def _age_mark(path: Path) -> float:
    whole = os.path.lexists(path / "config.json") and not _is_untrained(path)
    return modified(path / "config.json" if whole else path)


def _is_untrained(path: Path) -> bool:
    """Whether it left the queue before its turn: nothing to come back to."""
    return is_run(path) and not any(
        os.path.lexists(path / name) for name in ("worker", "events.jsonl")
    )


def _make_room(folder: Path, ended: list[str], settings: Settings) -> None:
    """Of too many runs or too large ones, those go first whose address has most on the disk:
    nobody's own runs push another's off.
    """
    sizes = {path.name: bytes_of(path) for path in _run_paths(folder)}
    count, total = len(sizes), sum(sizes.values()) + bytes_of(store.pairs_folder(settings))
    of_address: dict[str, list[str]] = {}
    for run_id in ended:
        of_address.setdefault(address_of(folder / run_id), []).append(run_id)

    def bytes_of_address(address: str) -> int:
        return sum(sizes.get(run_id, 0) for run_id in of_address[address])

    def runs_of_address(address: str) -> int:
        return len(of_address[address])

    while of_address and (count > settings.max_run_folders or total > settings.max_runs_bytes):
        too_large = total > settings.max_runs_bytes
        largest = max(of_address, key=bytes_of_address if too_large else runs_of_address)
        run_id = of_address[largest].pop(0)
        if not of_address[largest]:
            del of_address[largest]
        remove(folder / run_id)
        count, total = count - 1, total - sizes.get(run_id, 0)


def _size(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0
