"""Whether a run's worker is alive, and how it is killed: by a server that can see it, and by nobody
else.

A run's `worker` holds one line: a process id, when that process started, on which machine. A worker
may be a thread of the server (on ZeroGPU, say), whose process lives on when the run has ended; so
the line ends with one more word, and the server knows its threads.

    >>> _parsed("4242 17 3f9a call")
    Claim(pid=4242, started='17', machine='3f9a', is_call=True)

Servers that share a folder of runs, each on a machine or in a container of its own, can't see each
other's processes: a neighbour's worker is alive while its folder shows fresh heartbeats. Their
clocks should agree to some seconds.
"""

import hashlib
import os
import platform
import re
import subprocess
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pipeline.runs.executors import Worker
from pipeline.runs.folder import modified, read_text, write_whole

# A worker may be silent for long (a download, an evaluation): its server sends a heartbeat in its
# place, every few seconds
HEARTBEAT_SECONDS, SILENT_SECONDS = 10, 60
# A neighbour whose line is down may come back, and its worker with it: what it trains is not
# cleared away so soon
LOST_SECONDS = 3600
_workers: dict[str, Worker] = {}  # run id -> the worker that this server started


@dataclass(frozen=True)
class Claim:
    """Who trains in a folder. machine: "" in a claim from before machines were noted, which was
    this one's.
    """

    pid: int
    started: str
    machine: str = ""
    is_call: bool = False

    @property
    def is_local(self) -> bool:
        """Whether this machine's processes are the ones to look at."""
        return self.machine in ("", machine_id())


def claim(folder: Path, pid: int | None = None, is_call: bool = False) -> None:
    """Note which process trains here (default: this one), so that everybody can see whether it is
    alive. Raises OSError.
    """
    pid = pid or os.getpid()
    line = f"{pid} {_started(pid)} {machine_id()}{' call' if is_call else ''}"
    write_whole(folder / "worker", line)


def read_claim(folder: Path) -> Claim | None:
    """The claim on a run's folder; None where there is none, or one that can't be read."""
    return _parsed(read_text(folder / "worker"))


def is_local(folder: Path) -> bool:
    """Whether a worker of this machine has claimed the folder."""
    who = read_claim(folder)
    return who is not None and who.is_local


def _parsed(line: str) -> Claim | None:
    pid, started, machine, what, *_ = [*line.split(" "), "", "", "", ""]
    if not re.fullmatch(r"[1-9][0-9]{0,9}", pid) or int(pid) >= 2**31:
        return None
    return Claim(int(pid), started, machine, what == "call")


@lru_cache(maxsize=1)
def machine_id() -> str:
    """This machine, as far as processes see each other. A container is one of its own, and so is
    the same one restarted.
    """
    parts = [platform.node()]
    for read in (
        lambda: Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        lambda: os.readlink("/proc/self/ns/pid"),
    ):
        try:
            parts.append(read())
        except OSError:  # no Linux: the name has to do
            pass
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


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
    if not who.is_local:
        return not is_silent(folder, SILENT_SECONDS)
    worker = registered(folder)
    if worker and worker.pid == who.pid:
        return worker.poll() is None
    # forgotten: the call is over, though this process lives
    if who.is_call and who.pid == os.getpid():
        return False
    return bool(_exists(who.pid) and _started(who.pid) == who.started)


def send_heartbeat(folder: Path) -> None:
    """For the servers that can't see this worker: it is alive. Called every second, done every
    few.
    """
    if time.time() - modified(folder / "alive") > HEARTBEAT_SECONDS:
        (folder / "alive").touch()


def is_silent(folder: Path, seconds: float) -> bool:
    """Whether nothing was heard of a folder's worker for so long."""
    heard = max(modified(folder / name) for name in ("worker", "alive", "events.jsonl"))
    return time.time() - heard > seconds


def may_reconnect(folder: Path) -> bool:
    """Whether a neighbour's worker that seems gone was heard of so lately that its folder should
    stay.
    """
    who = read_claim(folder)
    return who is not None and not who.is_local and not is_silent(folder, LOST_SECONDS)


def kill(folder: Path) -> None:
    """Kill this folder's worker, if it is this machine's. The server itself is never killed: of a
    call in it nothing more is written.
    """
    who, worker = read_claim(folder), registered(folder)
    if worker and who and worker.pid == who.pid:
        worker.kill()
    elif who and who.is_local and not who.is_call and who.pid != os.getpid() and is_alive(folder):
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
