"""Whether a run's worker still lives, and how it is ended: by the server that can see it, and by
nobody else.

A run's `worker` holds one line: a process id, when that process began, on which machine. On ZeroGPU
a run is a call inside the server, whose process lives on when the call has ended; so the line ends
with one more word, and the server knows its calls.

    >>> _parsed("4242 17 3f9a call")
    Claim(pid=4242, began='17', host='3f9a', is_call=True)

Servers that share a folder of runs, each on a machine or in a container of its own, can't see each
other's processes: a neighbour's worker lives while its folder shows fresh signs of life. Their
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

from pipeline.runs.folder import modified, read_text, write_whole

# A worker may be silent for long (a download, an evaluation): its server gives a sign in its place,
# every few seconds
SIGN_SECONDS, SILENT_SECONDS = 10, 60
# A neighbour whose line is down may come back, and its worker with it: what it trains is not
# cleared away so soon
LOST_SECONDS = 3600
_children = {}  # run id -> Popen or GpuCall that this server started


@dataclass(frozen=True)
class Claim:
    """Who trains in a folder. host: "" in a story from before hosts were noted, which was this
    machine's.
    """

    pid: int
    began: str
    host: str = ""
    is_call: bool = False

    @property
    def is_mine(self):
        """Whether this machine's processes are the ones to look at."""
        return self.host in ("", here())


def claim(folder, pid=None, is_call=False):
    """Note which process trains here (default: this one), so that everybody can see whether it
    still lives.
    """
    pid = pid or os.getpid()
    write_whole(folder / "worker", f"{pid} {_began(pid)} {here()}{' call' if is_call else ''}")


def claimed(folder):
    """The Claim on a run's folder; None where there is none, or one that nobody can read."""
    return _parsed(read_text(folder / "worker"))


def _parsed(line):
    pid, began, host, what, *_ = [*line.split(" "), "", "", "", ""]
    if not re.fullmatch(r"[1-9][0-9]{0,9}", pid) or int(pid) >= 2**31:
        return None
    return Claim(int(pid), began, host, what == "call")


@lru_cache(maxsize=1)
def here():
    """This machine, as far as processes see each other. A container is one of its own, and so is
    the same one restarted.
    """
    parts = [platform.node()]
    for read in (lambda: Path("/proc/sys/kernel/random/boot_id").read_text().strip(), lambda: os.readlink("/proc/self/ns/pid")):
        try:
            parts.append(read())
        except OSError:  # no Linux: the name has to do
            pass
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


# ---------------------------------------------------------------- a server's own children


def hold(folder, child):
    """Take a child that was just started for its run: it is this server's to look after."""
    _children[folder.name] = child
    try:
        claim(folder, child.pid, is_call=child.pid == os.getpid())
    except OSError:  # a worker that nobody knows of would be started a second time
        child.kill()
        raise


def wait_for_a_child(runs_folder, seconds=1.0):
    """A second, or less if a worker of ours ends before; those that have ended are reaped."""
    for run_id, child in list(_children.items()):
        if child.poll() is not None:
            _children.pop(run_id, None)
    mine = [child for run_id, child in list(_children.items()) if (runs_folder / run_id).exists()]
    if not mine:
        time.sleep(seconds)
        return
    try:
        mine[0].wait(seconds)
    except subprocess.TimeoutExpired:
        pass


# ---------------------------------------------------------------- alive or not


def lives(folder):
    """Whether this folder's worker runs."""
    who = claimed(folder)
    if not who:
        return False
    if not who.is_mine:
        return not is_silent(folder, SILENT_SECONDS)
    child = _children.get(folder.name)
    if child and child.pid == who.pid:
        return child.poll() is None
    # reaped: the call is over, though this process lives
    if who.is_call and who.pid == os.getpid():
        return False
    return bool(_exists(who.pid) and _began(who.pid) == who.began)


def give_sign(folder):
    """For the servers that can't see this worker: it lives. Asked every second, done every few."""
    if time.time() - modified(folder / "alive") > SIGN_SECONDS:
        (folder / "alive").touch()


def is_silent(folder, seconds):
    """Whether nothing was heard of a folder's worker for so long."""
    return time.time() - max(modified(folder / name) for name in ("worker", "alive", "events.jsonl")) > seconds


def may_come_back(folder):
    """Whether a neighbour's worker that seems gone was heard of so lately that its folder should
    stay.
    """
    who = claimed(folder)
    return bool(who) and not who.is_mine and not is_silent(folder, LOST_SECONDS)


def end(folder):
    """Kill this folder's worker, if it is this machine's. A call hears that nobody listens any
    more: its process is the server, which is never killed.
    """
    who, child = claimed(folder), _children.get(folder.name)
    if child and who and child.pid == who.pid:
        child.kill()
    elif who and who.is_mine and not who.is_call and who.pid != os.getpid() and lives(folder):
        try:
            os.kill(who.pid, 9)
        except ProcessLookupError:  # it has ended by itself just now
            pass


def _exists(pid):
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _began(pid):
    """When a process began, in the kernel's ticks; "" for a zombie, or where there is no /proc."""
    try:
        # the name may hold anything
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
