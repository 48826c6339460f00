"""Whether a run's worker is alive, and how it is killed.

A run's `worker` holds one line: a process id, and when that process started. A server restarted on
the same machine finds the workers of the one before it by that. A worker may be a thread of the
server (on ZeroGPU, say), whose process lives on when the run has ended; so the line ends with one
more word, and the server knows its threads.

    >>> _parsed("4242 17 call")
    Claim(pid=4242, started='17', is_call=True)
"""

import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from pipeline.runs.executors import Worker
from pipeline.runs.folder import read_text, write_whole

_workers: dict[str, Worker] = {}  # run id -> the worker that this server started


@dataclass(frozen=True)
class Claim:
    """Who trains in a folder. started: in the kernel's ticks, "" where it can't be told."""

    pid: int
    started: str
    is_call: bool = False


def claim(folder: Path, pid: int | None = None, is_call: bool = False) -> None:
    """Note which process trains here (default: this one), so that everybody can see whether it is
    alive. Raises OSError.
    """
    pid = pid or os.getpid()
    write_whole(folder / "worker", f"{pid} {_started(pid)}{' call' if is_call else ''}")


def read_claim(folder: Path) -> Claim | None:
    """The claim on a run's folder; None where there is none, or one that can't be read."""
    return _parsed(read_text(folder / "worker"))


def _parsed(line: str) -> Claim | None:
    pid, started, *rest = [*line.split(" "), ""]
    if not re.fullmatch(r"[1-9][0-9]{0,9}", pid) or int(pid) >= 2**31:
        return None
    return Claim(int(pid), started, "call" in rest)


# ---------------------------------------------------------------- this server's own workers


def register(folder: Path, worker: Worker) -> None:
    """Claim a folder for the worker that was just started for it. Raises OSError, and kills it."""
    _workers[folder.name] = worker
    try:
        claim(folder, worker.pid, is_call=worker.pid == os.getpid())
    except OSError:  # a worker that nobody knows of would be started a second time
        worker.kill()
        raise


def registered(folder: Path) -> Worker | None:
    """The worker of this server that trains the run; None once its end was noticed."""
    return _workers.get(folder.name)


def wait_for_a_worker(runs_folder: Path, seconds: float = 1.0) -> None:
    """So many seconds, or less if a worker of ours ends before; those that have ended are
    forgotten.
    """
    for run_id, worker in list(_workers.items()):
        if worker.poll() is not None:
            _workers.pop(run_id, None)
    ours = [worker for run_id, worker in list(_workers.items()) if (runs_folder / run_id).exists()]
    if not ours:
        time.sleep(seconds)
        return
    try:
        ours[0].wait(seconds)
    except subprocess.TimeoutExpired:
        pass


# ---------------------------------------------------------------- alive or not


def is_alive(folder: Path) -> bool:
    """Whether this folder's worker runs."""
    who = read_claim(folder)
    if not who:
        return False
    worker = registered(folder)
    if worker and worker.pid == who.pid:
        return worker.poll() is None
    # forgotten: the call is over, though this process lives
    if who.is_call and who.pid == os.getpid():
        return False
    return bool(_exists(who.pid) and _started(who.pid) == who.started)


def kill(folder: Path) -> None:
    """Kill this folder's worker. The server itself is never killed: of a call in it nothing more is
    written.
    """
    who, worker = read_claim(folder), registered(folder)
    if worker and who and worker.pid == who.pid:
        worker.kill()
    elif who and not who.is_call and who.pid != os.getpid() and is_alive(folder):
        try:
            os.kill(who.pid, 9)
        except ProcessLookupError:  # it has ended by itself just now
            pass


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _started(pid: int) -> str:
    """When a process started, in the kernel's ticks; "" for a zombie, or without a /proc."""
    try:
        # the name may hold anything
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
