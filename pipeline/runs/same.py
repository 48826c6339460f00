"""The same run is run once: who asks for one that is there already is shown that one.

On one server a run is a function of its config, of the pairs and the checkpoint that it names, and
of the packages that compute it. `curve_of` digests them; a run's folder keeps the digest, so that a
run from before a change of the host's pairs or of a package is another run. What is at the Hub
counts by its name: a repository that changes within a day isn't noticed.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from pipeline.config import TrainingConfig
from pipeline.errors import HubUnavailable, SourceError
from pipeline.hub.availability import expect_hub
from pipeline.hub.sources import RUN_PREFIX, run_files
from pipeline.runs.folder import modified, read_text
from pipeline.runs.progress import Run, read_folder
from pipeline.settings import Settings
from pipeline.training import PACKAGES

CURVE_FILE = "curve"
# Which of several is shown: the whole curve rather than a live one, a live one rather than a place
# in the queue
JOINED_FIRST = ("done", "running", "queued")


def curve_of(config: TrainingConfig, settings: Settings) -> str:
    """A digest of all that decides the curve of a checked config on this server."""
    decides = {
        "config": asdict(config),
        "packages": _versions(),
        "pairs": settings.data,
        "rows": settings.max_split_rows,
        "folders": [_files_of(path) for path in (settings.mrpc_folder, settings.pairs_folder)],
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


@lru_cache(maxsize=1)
def _versions() -> list[str]:
    return [version(package) for package in PACKAGES]


def _files_of(folder: Path | None) -> list[tuple[str, int, int]]:
    """(name, bytes, time) of each file in a folder of pairs."""
    if folder is None or not folder.is_dir():
        return []
    files = [entry for entry in os.scandir(folder) if entry.is_file()]
    return sorted((file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files)


def same_run(
    config: TrainingConfig, runs: list[Run], settings: Settings, owned: Mapping[str, bool] | None
) -> str:
    """The id of the run of `runs`, which list_runs gives, that a checked config would do again, ""
    where there is none: it waits, runs or is done, neither stopped nor failed, its files whole.

    owned: where a run belongs to its owner alone, because it is on their own pairs: {run id:
    whether the visitor is that owner}; None: whoever asks may have it.
    """
    found = [
        run
        for run in alike(config, runs, settings)
        if run.state in JOINED_FIRST
        and (owned is None or owned.get(run.id, False))
        and (run.state != "done" or is_whole(run.id, settings))
    ]
    return min(found, key=lambda run: JOINED_FIRST.index(run.state)).id if found else ""


def alike(config: TrainingConfig, runs: list[Run], settings: Settings) -> list[Run]:
    """Those of `runs`, which list_runs gives, with this checked config and its curve, whatever
    became of them.
    """
    wanted = asdict(config)
    found = [run for run in runs if run.config == wanted]
    if not found:
        return []
    curve = curve_of(config, settings)
    return [run for run in found if read_text(settings.runs_folder / run.id / CURVE_FILE) == curve]


def is_whole(run_id: str, settings: Settings) -> bool:
    """Whether a run that is done has told each of its steps and left a model, and what stood in for
    something of the Hub would stand in again.
    """
    run = read_folder(settings.runs_folder / run_id)
    start = run.first("start")
    if not start or not run.has_model or len(run.of("log")) != start["total_steps"]:
        return False
    try:
        run_files(f"{RUN_PREFIX}{run_id}", settings)
    except SourceError:
        return False
    origins = [start.get(part) or {} for part in ("model", "data")]
    return all(map(_is_unreachable, (one["asked"] for one in origins if one.get("stands_in"))))


def _is_unreachable(repository: str) -> bool:
    try:
        expect_hub(repository)
    except HubUnavailable:
        return True
    return False


def asked_at(run_id: str, settings: Settings) -> float:
    """When a run was asked for, in seconds since the epoch."""
    return modified(settings.runs_folder / run_id / "config.json")
