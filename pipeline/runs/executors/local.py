"""Runs in processes of this machine: a warm one where one waits, else a fresh one.

A fresh `python -m pipeline train` spends seconds on importing torch, transformers and datasets. A
spare (pipeline/runs/worker.py) has imported them and waits on its stdin for a run's folder. Its
stdin ends with the server, and with that the spare, unless it has become a run's worker: that one
outlives the server.
"""

import json
import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path

from pipeline.isolation.confine import clean_environment
from pipeline.isolation.priority import (
    PASSIVE_WAIT,
    RUN_NICENESS,
    WORKER_OOM_SCORE,
    put_in_background,
    set_oom_score,
)
from pipeline.settings import Settings

ROOT = Path(__file__).parent.parent.parent.parent
QUIET = {
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}
SPARE_COMMAND = (sys.executable, "-m", "pipeline.runs.worker")
# The first learner of a class shouldn't wait for what all of them need. In a process: the server
# stays small.
JUDGE_COMMAND = (
    sys.executable,
    "-c",
    "from pipeline.settings import Settings; from pipeline.training import evaluate_start; "
    "evaluate_start(Settings())",
)
# A spare that dies at once would do so again
SECONDS_BETWEEN_SPARES = 30


def start(folder: Path, settings: Settings) -> subprocess.Popen:
    """The process that trains the run of a folder: the spare, or else a fresh one.

    It gets a session of its own: it outlives the server that started it, and Ctrl-C there.
    """
    environment = environment_of(settings)
    worker = spare.take(folder, environment)
    worker = worker or start_process(worker_command(folder), environment, folder / "worker.log")
    set_oom_score(worker.pid, WORKER_OOM_SCORE)
    put_in_background(worker.pid, RUN_NICENESS)
    return worker


def keep_ready() -> None:
    """Keep a spare from now on."""
    spare.keep()


def renew() -> None:
    """The next run's process gets ready, behind the run that trains."""
    spare.renew()


def warm_up(settings: Settings) -> None:
    """Evaluate ahead what most runs evaluate before their first step."""
    # one after the other: the spare's imports and this both want the cores
    if spare.is_ready(settings.prepare_seconds):
        evaluate_start(settings)


def worker_command(folder: Path) -> list[str]:
    """The command that trains the run of a folder, which holds its config.json."""
    config = str(folder / "config.json")
    command = [sys.executable, "-m", "pipeline", "train", "--config", config]
    return [*command, "--allow-stand-in", "--output", str(folder)]


def environment_of(settings: Settings) -> dict[str, str | None]:
    """Settings as a worker reads them: {variable: value, or None to have it unset}."""
    return {**settings.environment(), "CONFINE": "1"}


def start_process(
    command: list[str], environment: dict[str, str | None], log: Path
) -> subprocess.Popen:
    """A fresh process, without this one's secrets; what it writes goes to `log`."""
    merged = {**PASSIVE_WAIT, **QUIET, **clean_environment(), **environment}
    with open(log, "wb") as file:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env={name: value for name, value in merged.items() if value is not None},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def evaluate_start(settings: Settings) -> None:
    """Evaluate the default run's checkpoint ahead, in the background, for `prepare_seconds` at
    most.
    """
    log = settings.runs_folder / "before.log"
    process = start_process(list(JUDGE_COMMAND), environment_of(settings), log)
    put_in_background(process.pid)
    try:
        process.wait(settings.prepare_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


# ---------------------------------------------------------------- the spare


class Spare:
    """A process that has imported what a run needs. At most one waits at a time."""

    def __init__(self) -> None:
        self.process: subprocess.Popen | None = None
        self._wanted, self._started = False, 0.0
        self._lock = threading.Lock()

    def keep(self) -> None:
        """Have a spare waiting from now on; `renew` starts the next one. Nothing happens where
        pipes aren't POSIX.
        """
        self._wanted = os.name == "posix"
        self.renew()

    def renew(self) -> None:
        """Start a spare if one is wanted and none is there."""
        with self._lock:
            if not self._wanted or (self.process and not self._may_replace(self.process)):
                return
            self._started = time.monotonic()
            self.process = subprocess.Popen(
                SPARE_COMMAND,
                cwd=ROOT,
                env={**PASSIVE_WAIT, **QUIET, **clean_environment()},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            set_oom_score(self.process.pid, WORKER_OOM_SCORE)

    def _may_replace(self, process: subprocess.Popen) -> bool:
        recent = time.monotonic() - self._started < SECONDS_BETWEEN_SPARES
        return process.poll() is not None and not recent

    def is_ready(self, seconds: float = 0.0) -> bool:
        """Whether it has everything imported, waiting for that at most so many `seconds`."""
        process = self.process
        if not process or process.poll() is not None:
            return False
        if process.stdout is None or process.stdout.closed:
            return False
        told, _, _ = select.select([process.stdout], [], [], seconds)
        return bool(told) and process.poll() is None

    def take(self, folder: Path, environment: dict[str, str | None]) -> subprocess.Popen | None:
        """The process, told to train the run of a folder; None where none could take the order.
        One that still imports begins once it has.
        """
        with self._lock:
            process, self.process = self.process, None
        if not process or process.poll() is not None:
            return None
        order = {"folder": str(folder), "environment": environment}
        try:
            if process.stdin:
                process.stdin.write(json.dumps(order).encode() + b"\n")
            _close_pipes(process)
        except OSError:  # it ended between the look and the write
            return None
        return process

    def drop(self) -> None:
        """No spare any more, and no next one."""
        with self._lock:
            self._wanted = False
            process, self.process = self.process, None
        if process:
            _close_pipes(process)
            process.wait()


def _close_pipes(process: subprocess.Popen) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


spare = Spare()
