"""How good the class's models are on the test split, which the teacher opens once.

A run's model is judged when the run has ended and the test split is open: one model at a time, in a
process behind everything else. The result stays in the class's folder, in test/<run id>.json. A
restarted server goes on when somebody looks at the board.

Within two standard errors of their difference, two scores may differ by chance:

>>> are_alike(Score(408, 0.814, 0.8), Score(408, 0.801, 0.8))
True
>>> are_alike(Score(1725, 0.814, 0.8), Score(1725, 0.701, 0.8))
False
"""

import faulthandler
import json
import logging
import math
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeGuard

from languages import say
from pipeline.classes.store import (
    check_teacher,
    checked_code,
    class_folder,
    pupils_of,
    read_class,
    unwritten,
    version_of,
)
from pipeline.errors import InputError
from pipeline.explain.evidence import standard_error
from pipeline.hub.sources import RUN_ID, RUN_PREFIX
from pipeline.isolation.priority import WORKER_OOM_SCORE, put_in_background, set_oom_score
from pipeline.runs.cleanup import remove
from pipeline.runs.executors.local import environment_of, start_process
from pipeline.runs.folder import is_number, parsed, read_text, write_whole
from pipeline.runs.progress import Run, outline
from pipeline.settings import Settings
from pipeline.task import SPLITS, task_named
from pipeline.training import evaluate_checkpoint

log = logging.getLogger(__name__)
TEST = SPLITS[-1]
OPEN = "open"  # the file that says that the test split is open
MOST_TRIES = 2  # of a model whose process ended without a result
BAD_INPUT = 2  # the exit code of a process that would say the same again
# Models wait to be judged while their class stands here: {runs folder: classes in their turn}
turns: dict[Path, dict[str, None]] = {}
tries: dict[tuple[str, str], int] = {}  # (code, run id) -> processes that ended without a result
_lock = threading.Lock()


@dataclass(frozen=True)
class Score:
    """A model on the first `pairs` pairs of a test split: the share that is right, and its F1
    (macro-F1 of three or more labels).
    """

    pairs: int
    accuracy: float
    f1: float

    @property
    def right(self) -> int:
        """How many pairs are right."""
        return round(self.accuracy * self.pairs)

    @property
    def error(self) -> float:
        """The standard error of the accuracy, by the binomial distribution."""
        return standard_error(self.accuracy, self.pairs)


@dataclass(frozen=True)
class Scores:
    """is_open: whether the teacher has opened the test split. of_run: {run id: its score}. failed:
    ids of runs whose model couldn't be judged. waiting: ids of those that will be.
    """

    is_open: bool = False
    of_run: Mapping[str, Score] = field(default_factory=dict)
    failed: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


def are_alike(one: Score, other: Score) -> bool:
    """Whether chance alone may have made the difference of two scores: it is within two standard
    errors of it, as if other pairs had been judged. They are the same pairs, so the true error is
    smaller, and this is on the safe side.
    """
    return abs(one.accuracy - other.accuracy) <= 2 * math.hypot(one.error, other.error)


def open_test_split(code: str, teacher_key: object, settings: Settings) -> None:
    """Have each model of the class judged on the test split, now or when its run ends. Once more
    changes nothing.

    Raises InputError where the key isn't the teacher's, and where no pairs of the class have a
    labelled test split.
    """
    check_teacher(code, teacher_key, settings)
    code = checked_code(code)
    tasks = [read_class(code, settings).values["task_name"]]
    tasks += [run.config.get("task_name") for run in _runs_of(code, settings)]
    if not any(_has_test(name, settings) for name in tasks):
        raise InputError(
            say(
                "{name} has no test split with labels here, so no model can be judged on one. "
                "Choose other pairs, such as mrpc.",
                name=tasks[0],
            )
        )
    try:
        (_folder(code, settings) / OPEN).touch()
    except OSError as error:
        raise unwritten() from error
    _judge_soon(code, settings)


def read_scores(code: str, settings: Settings) -> Scores:
    """What is known by now. Where a model still waits to be judged, that begins or goes on. Raises
    InputError where there is no such class.
    """
    code = checked_code(code)
    folder = _folder(code, settings)
    if not (folder / OPEN).exists():
        return Scores()
    found = _results(folder)
    waiting = _waiting_of(code, found, settings)
    if waiting:
        _judge_soon(code, settings)
    # Of which a full disk kept no file: a restarted server tries them again
    given_up = [
        run_id
        for (of, run_id), count in list(tries.items())
        if of == code and count >= MOST_TRIES and run_id not in found
    ]
    failed = [run_id for run_id, score in found.items() if not score]
    return Scores(
        True,
        {run_id: score for run_id, score in found.items() if score},
        (*failed, *given_up),
        tuple(run.id for run in waiting),
    )


# ---------------------------------------------------------------- what is to be judged


def _folder(code: str, settings: Settings) -> Path:
    return class_folder(code, settings) / "test"


def _runs_of(code: str, settings: Settings) -> list[Run]:
    """The runs of the class, each once, in the order in which pupils came by them."""
    ids = dict.fromkeys(run_id for pupil in pupils_of(code, settings) for run_id in pupil.runs)
    return [outline(run_id, settings) for run_id in ids]


def _waiting_of(code: str, found: Mapping[str, Score | None], settings: Settings) -> list[Run]:
    """The runs whose model has no result yet. found: the results by run id."""
    return [
        run
        for run in _runs_of(code, settings)
        if run.id not in found
        and run.answers
        and _has_test(run.config.get("task_name"), settings)
        and tries.get((code, run.id), 0) < MOST_TRIES
    ]


def _has_test(task_name: Any, settings: Settings) -> bool:
    """Whether a task's test split has labels here; a visitor's pairs may be gone."""
    try:
        return TEST in task_named(task_name, settings).splits
    except InputError:
        return False


# ---------------------------------------------------------------- the results


def _results(folder: Path) -> dict[str, Score | None]:
    """{run id: score, None where the model couldn't be judged} of the files. What hasn't changed
    isn't read again.
    """
    paths = [path for path in folder.glob("*.json") if RUN_ID.fullmatch(path.stem)]
    return {path.stem: _result_in(path, *version_of(path)) for path in sorted(paths)}


@lru_cache(maxsize=1024)
def _result_in(path: Path, _modified: float, _inode: int) -> Score | None:
    values = parsed(read_text(path))
    if not isinstance(values, dict):
        return None
    pairs, accuracy, f1 = (values.get(name) for name in ("pairs", "accuracy", "f1"))
    if type(pairs) is not int or pairs < 1 or not (_is_share(accuracy) and _is_share(f1)):
        return None
    return Score(pairs, accuracy, f1)


def _is_share(value: Any) -> TypeGuard[float]:
    return is_number(value) and 0 <= value <= 1


def _keep(code: str, run_id: str, result: Mapping[str, Any], settings: Settings) -> None:
    write_whole(_folder(code, settings) / f"{run_id}.json", json.dumps(result))
    tries.pop((code, run_id), None)


# ---------------------------------------------------------------- one model after the other


def _judge_soon(code: str, settings: Settings) -> None:
    """Judge the class's models in the background, in turn with those of other classes."""
    with _lock:
        is_judging = settings.runs_folder in turns
        turns.setdefault(settings.runs_folder, {})[code] = None
        if not is_judging:
            threading.Thread(
                target=_judge_all, args=(settings,), daemon=True, name="test splits"
            ).start()


def _judge_all(settings: Settings) -> None:
    while code := _next_class(settings):
        try:
            waiting = _waiting_of(code, _results(_folder(code, settings)), settings)
            if waiting:
                _judge(code, waiting[0], settings)
            if waiting[1:]:
                _judge_soon(code, settings)
        except InputError:  # the class is over
            pass
        except Exception:  # a full disk, say; the next look at the board tries again
            log.exception("judging the models of a class on the test split")


def _next_class(settings: Settings) -> str:
    """The class whose turn it is; "" for none, and then the judging is over."""
    with _lock:
        code = next(iter(turns[settings.runs_folder]), "")
        if code:
            del turns[settings.runs_folder][code]
        else:
            del turns[settings.runs_folder]
    return code


def _judge(code: str, run: Run, settings: Settings) -> None:
    """Judge one model and keep the result, after the last try that there is none.

    Raises OSError where the class's folder can't be written.
    """
    private = Path(tempfile.mkdtemp(prefix="judging-", dir=_folder(code, settings)))
    try:
        code_of_exit, lines = said_of(run.id, private, settings)
    finally:
        remove(private)
        # Not before: a model still waits during its last try
        tries[code, run.id] = tries.get((code, run.id), 0) + 1
    result = parsed(lines[-1]) if lines and code_of_exit == 0 else None
    if isinstance(result, dict):
        _keep(code, run.id, result, settings)
        return
    log.warning("run %s wasn't judged on the test split: %s", run.id, " / ".join(lines[-2:]))
    if tries[code, run.id] >= MOST_TRIES or code_of_exit == BAD_INPUT:
        _keep(code, run.id, {"failed": True}, settings)


def said_of(run_id: str, private: Path, settings: Settings) -> tuple[int, list[str]]:
    """(exit code, last lines) of a process that judges the run's model."""
    written = private / "log"
    command = [sys.executable, "-m", __name__, run_id, str(settings.max_test_pairs), str(private)]
    process = start_process(command, environment_of(settings), written)
    put_in_background(process.pid)
    set_oom_score(process.pid, WORKER_OOM_SCORE)
    try:
        process.wait(settings.max_run_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return process.returncode, read_text(written).splitlines()


# ---------------------------------------------------------------- in that process


def judged(
    run_id: str, most_pairs: int, private: Path | None, settings: Settings
) -> dict[str, float]:
    """{"right", "pairs", "accuracy", "f1"} of a run's model on the first `most_pairs` pairs of its
    task's test split, tokenized as in the run. private: as evaluate_checkpoint has it.

    Raises InputError where the run, its model or its pairs are gone.
    """
    run = outline(run_id, settings)
    if not run.answers:
        raise InputError(say("Run {run_id}… has no model to judge.", run_id=run_id[:8]))
    config = run.config
    result = evaluate_checkpoint(
        f"{RUN_PREFIX}{run_id}",
        config["source"],
        TEST,
        most_pairs,
        settings=settings,
        task=task_named(config["task_name"], settings),
        max_length=config["max_length"],
        private=private,
    )
    score = Score(
        result["pairs"],
        result["accuracy"],
        result["f1"] if "f1" in result else result["macro_f1"],
    )
    return {"right": score.right, "pairs": score.pairs, "accuracy": score.accuracy, "f1": score.f1}


def main(arguments: Sequence[str]) -> int:
    """Print what `judged` finds as JSON; the exit code. arguments: run id, most pairs, folder."""
    settings = Settings()
    # Also where the server that started it is gone
    faulthandler.dump_traceback_later(settings.max_run_seconds, exit=True)
    run_id, most_pairs, private = arguments
    try:
        print(json.dumps(judged(run_id, int(most_pairs), Path(private), settings)))
    except InputError as error:
        print(f"error: {error}")
        return BAD_INPUT
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
