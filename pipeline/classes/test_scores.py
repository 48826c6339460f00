"""How good the class's models are on the test split, which the teacher opens once.

A model is judged when its run has ended and the test split is open: one at a time, in a process
behind everything else. What it found stays in `test/<run id>.json` of the class's folder.
"""

import json
import logging
import math
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from pipeline.classes.store import check_teacher, class_folder, pupils_of
from pipeline.errors import InputError
from pipeline.hub.sources import RUN_ID, RUN_PREFIX
from pipeline.isolation.priority import put_in_background
from pipeline.runs.executors.local import environment_of, start_process
from pipeline.runs.folder import is_number, parsed, read_text, write_whole
from pipeline.runs.progress import outline
from pipeline.settings import ADAPTERS, CHECKPOINTS, Settings
from pipeline.task import task_named
from pipeline.training import evaluate_checkpoint

log = logging.getLogger(__name__)
OPEN = "open"  # the file that says that the test split is open
JUDGE_COMMAND = (
    sys.executable,
    "-c",
    "import sys; from pipeline.settings import Settings; "
    "from pipeline.classes.test_scores import print_score; print_score(sys.argv[1], Settings())",
)
MOST_LINKS = 10  # of a run that began with a run's model, and so on
MOST_TRIES = 2  # of a model whose evaluation ended without a result
_judge: dict[Path, threading.Thread] = {}  # runs folder -> who judges its models
_tries: dict[tuple[str, str], int] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class Score:
    """A model on a test split of `pairs` pairs: the share that is right, and its F1 (macro-F1 of
    three or more labels).
    """

    pairs: int
    accuracy: float
    f1: float

    @property
    def error(self) -> float:
        """The standard error of the accuracy, by the binomial distribution."""
        return math.sqrt(self.accuracy * (1 - self.accuracy) / self.pairs)


@dataclass(frozen=True)
class Scores:
    """is_open: whether the teacher has opened the test split. of_run: {run id: its score}."""

    is_open: bool = False
    of_run: Mapping[str, Score] = field(default_factory=dict)


def are_alike(one: Score, other: Score) -> bool:
    """Whether chance alone may have made the difference of two scores: it is within two standard
    errors of it. The pairs are the same ones, so that this is on the safe side.

    >>> are_alike(Score(408, 0.814, 0.8), Score(408, 0.801, 0.8))
    True
    """
    return abs(one.accuracy - other.accuracy) <= 2 * math.hypot(one.error, other.error)


def open_test_split(code: str, teacher_key: object, settings: Settings) -> None:
    """Have each model of the class judged on the test split, now or when its run ends. Raises
    InputError where the key isn't the teacher's.
    """
    check_teacher(code, teacher_key, settings)
    (_folder(code, settings) / OPEN).touch()
    judge_waiting(code, settings)


def read_scores(code: str, settings: Settings) -> Scores:
    """What is known by now. Where a model still waits to be judged, that goes on."""
    folder = _folder(code, settings)
    if not (folder / OPEN).exists():
        return Scores()
    judge_waiting(code, settings)
    found = {path.stem: _read(path) for path in folder.glob("*.json")}
    return Scores(True, {run_id: score for run_id, score in found.items() if score})


def judge_waiting(code: str, settings: Settings) -> None:
    """Start to judge what waits for it, in the background; nothing happens while that goes on."""
    with _lock:
        thread = _judge.get(settings.runs_folder)
        if (thread and thread.is_alive()) or not _waiting(code, settings):
            return
        thread = threading.Thread(
            target=_judge_all, args=(code, settings), daemon=True, name=f"test of {code[:4]}"
        )
        _judge[settings.runs_folder] = thread
        thread.start()


def _folder(code: str, settings: Settings) -> Path:
    return class_folder(code, settings) / "test"


def _waiting(code: str, settings: Settings) -> list[str]:
    """The runs of the class that left a model which nobody has judged yet."""
    folder = _folder(code, settings)
    ids = dict.fromkeys(run_id for pupil in pupils_of(code, settings) for run_id in pupil.runs)
    return [
        run_id
        for run_id in ids
        if not (folder / f"{run_id}.json").exists()
        and _tries.get((code, run_id), 0) < MOST_TRIES
        and (run := outline(run_id, settings)).answers
        and _is_known(run.config, settings)
    ]


def _judge_all(code: str, settings: Settings) -> None:
    try:
        while waiting := _waiting(code, settings):
            run_id = waiting[0]
            _tries[code, run_id] = _tries.get((code, run_id), 0) + 1
            score = _judged(run_id, settings)
            if score:
                path = _folder(code, settings) / f"{run_id}.json"
                write_whole(path, json.dumps(score))
    except InputError:  # the class is over
        pass
    except Exception:
        log.exception("judging the models of a class on the test split")


def _judged(run_id: str, settings: Settings) -> dict[str, Any] | None:
    """What a process says of the run's model; None where it says nothing."""
    said = settings.runs_folder / run_id / "test.log"
    process = start_process([*JUDGE_COMMAND, run_id], environment_of(settings), said)
    put_in_background(process.pid)
    try:
        process.wait(settings.max_run_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    lines = read_text(said).splitlines()
    found = parsed(lines[-1]) if lines and process.returncode == 0 else None
    if found is None:
        log.warning("run %s wasn't judged on the test split: %s", run_id, " / ".join(lines[-2:]))
    return found


def print_score(run_id: str, settings: Settings) -> None:
    """Print the score of a run's model on the test split of its task, as JSON."""
    task = task_named(outline(run_id, settings).config["task_name"], settings)
    split = "test" if "test" in task.splits else task.splits[-1]
    result = evaluate_checkpoint(f"{RUN_PREFIX}{run_id}", split=split, settings=settings, task=task)
    f1 = result["f1"] if "f1" in result else result["macro_f1"]
    print(json.dumps({"pairs": result["pairs"], "accuracy": result["accuracy"], "f1": f1}))


def _is_known(config: Mapping[str, Any], settings: Settings) -> bool:
    """Whether a run began with a checkpoint that the page offers, or with a run that did: a
    stranger's is opened by no process of the server's own rights.
    """
    for _link in range(MOST_LINKS):
        checkpoint = str(config.get("checkpoint", ""))
        if not checkpoint.startswith(RUN_PREFIX):
            return checkpoint in (*CHECKPOINTS, *ADAPTERS)
        config = outline(checkpoint.removeprefix(RUN_PREFIX), settings).config
    return False


def _read(path: Path) -> Score | None:
    """The score in a file; None for what is none."""
    values = parsed(read_text(path))
    if not RUN_ID.fullmatch(path.stem) or not isinstance(values, dict):
        return None
    pairs, accuracy, f1 = (values.get(name) for name in ("pairs", "accuracy", "f1"))
    if type(pairs) is not int or pairs < 1 or not (_is_share(accuracy) and _is_share(f1)):
        return None
    return Score(pairs, accuracy, f1)


def _is_share(value: Any) -> TypeGuard[float]:
    return is_number(value) and 0 <= value <= 1
