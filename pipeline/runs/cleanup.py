"""What has had its time in the folder of runs: ended runs, the oldest first, so that disk and count
stay bounded.

Servers that share the folder sweep it side by side: whatever is looked at here may be gone a moment
later.
"""

import os
import shutil
import time

from pipeline.hub.sources import RUN_ID
from pipeline.runs.folder import modified, read_text


def sweep_folder(folder, ended, settings):
    """`ended`: ids of the ended runs in `folder`, the oldest first. What looks like a run and isn't
    one goes with age.
    """
    now = time.time()
    paths = {path.name: path for path in list(folder.iterdir()) if RUN_ID.fullmatch(path.name)}
    for name, path in paths.items():
        if (name in ended or not is_run(path)) and now - _age_mark(path) > _time_given(path, settings):
            remove(path)
    for path in folder.glob("before/*"):  # figures that trainings keep for each other
        if now - modified(path) > settings.max_run_age_seconds:
            path.unlink(missing_ok=True)
    _make_room(folder, [run_id for run_id in ended if (folder / run_id).exists()], settings)


def _time_given(path, settings):
    return min(settings.max_untrained_seconds if _is_untrained(path) else settings.max_run_age_seconds,
               settings.max_run_age_seconds)


def _age_mark(path):
    whole = os.path.lexists(path / "config.json") and not _is_untrained(path)
    return modified(path / "config.json" if whole else path)


def _is_untrained(path):
    """Whether it left the queue before its turn: nothing to come back to."""
    return is_run(path) and not any(os.path.lexists(path / name) for name in ("worker", "events.jsonl"))


def _make_room(folder, ended, settings):
    """Of too many runs or too large ones, those go first whose address has most on the disk:
    nobody's own runs push another's off.
    """
    sizes = {path.name: bytes_of(path) for path in list(folder.iterdir()) if RUN_ID.fullmatch(path.name)}
    count, total = len(sizes), sum(sizes.values())
    of_address = {}
    for run_id in ended:
        of_address.setdefault(address_of(folder / run_id), []).append(run_id)
    while of_address and (count > settings.max_run_folders or total > settings.max_runs_bytes):
        by_count = total <= settings.max_runs_bytes
        largest = max(of_address, key=lambda of: (len(of_address[of]) if by_count else
                                                  sum(sizes.get(run_id, 0) for run_id in of_address[of])))
        run_id = of_address[largest].pop(0)
        if not of_address[largest]:
            del of_address[largest]
        remove(folder / run_id)
        count, total = count - 1, total - sizes.get(run_id, 0)


def address_of(folder):
    """Of whom a run is: the digest of a network address, as the run's start wrote it; "" where it
    wrote none.
    """
    return read_text(folder / "visitor").rpartition(" ")[2]


def is_run(folder):
    """A folder of its own with a config.json; no link to somewhere else."""
    return not folder.is_symlink() and folder.is_dir() and os.path.lexists(folder / "config.json")


def remove(path):
    """Gone, or as much of it as can be. Of a link, the link and not what it leads to."""
    if path.is_symlink():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path, ignore_errors=True)


def bytes_of(folder):
    """Bytes of a folder's files; links count as nothing and aren't followed, nor does what goes
    while one looks.
    """
    if folder.is_symlink():
        return 0
    return sum(_size(os.path.join(where, name)) for where, _, names in os.walk(folder) for name in names)


def _size(path):
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0
