"""Confined processes as the page's process sees them: start, ask, end.

process = Process([folder], [], 2**32, 2**26)
process.ask(function, *arguments, seconds=20)
"""

import atexit
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from languages import language
from pipeline.errors import ProcessBusy, ProcessEnded, ProcessFailed, ProcessTimeout
from pipeline.isolation.confine import ROOT, clean_environment
from pipeline.isolation.fork_server import Start, ask
from pipeline.isolation.messages import MOST_ANSWER_BYTES, unpacked
from pipeline.isolation.priority import PASSIVE_WAIT

# An import takes seconds on busy cores; what it is to open is asked for within its own deadline
SECONDS_TO_START = 60.0
# A process that computes on two cores uses two seconds of processor time a second
PROCESSORS = max(2, os.cpu_count() or 1)


def available() -> bool:
    """Whether this system can fork confined processes: POSIX can, Windows can't."""
    return hasattr(os, "fork") and hasattr(socket, "send_fds")


class _ForkServer:
    """The process that forks, started when first needed and again when it has died."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen | None = None
        self._control: socket.socket | None = None

    def start(self) -> None:
        with self._lock:
            self._start()

    def fork(self, start: Start, theirs: socket.socket) -> int:
        """The id of a new process that has the other end of `theirs`. Raises ProcessEnded."""
        with self._lock:
            for _attempt in range(2):
                control = self._start()
                try:
                    socket.send_fds(control, [start.as_json()], [theirs.fileno()])
                    if answer := control.recv(8, socket.MSG_WAITALL):
                        return int.from_bytes(answer, "big")
                except OSError:
                    pass
                self._stop()
        raise ProcessEnded("the fork server gives no process")

    def stop(self) -> None:
        with self._lock:
            self._stop()

    def _start(self) -> socket.socket:
        if self._process and self._process.poll() is None and self._control:
            return self._control
        self._stop()
        self._control, theirs = socket.socketpair()
        self._control.settimeout(SECONDS_TO_START)
        with theirs:
            command = [sys.executable, "-m", "pipeline.isolation.fork_server", str(theirs.fileno())]
            environment = {
                **PASSIVE_WAIT,
                **clean_environment(),
                "HF_HUB_DISABLE_XET": "1",
                "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
                "TOKENIZERS_PARALLELISM": "false",
            }
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        return self._control

    def _stop(self) -> None:
        if self._control:
            self._control.close()
        if self._process:
            self._process.kill()
            self._process.wait()
        self._control = self._process = None


fork_server = _ForkServer()
atexit.register(fork_server.stop)


class Process:
    """One confined process. Requests are answered one after the other.

    readable, writable: the folders that it sees, beside the installed packages and a private one.
    memory_bytes, file_bytes: the most memory beyond the libraries', and the largest file it writes.
    """

    def __init__(
        self,
        readable: list[Path],
        writable: list[Path],
        memory_bytes: int,
        file_bytes: int,
        network: bool = False,
    ) -> None:
        self._private = tempfile.mkdtemp(prefix="isolated-")
        reads, writes = (list(map(str, paths)) for paths in (readable, writable))
        start = Start(self._private, reads, writes, memory_bytes, file_bytes, network)
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                pid = fork_server.fork(start, theirs)
        except BaseException:
            shutil.rmtree(self._private, ignore_errors=True)
            ours.close()
            raise
        # The process isn't ours to wait for: only a pidfd can't come to mean another one
        self._pid, self._pidfd = pid, os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None
        self._connection = Connection(ours.detach())
        self._lock = threading.Lock()
        self.asked = 0  # how many wait for an answer
        self.ended = False
        self.used = time.monotonic()

    def ask(
        self,
        function: Callable,
        *arguments: Any,
        seconds: float,
        watch: Any = None,
        **keywords: Any,
    ) -> Any:
        """`function(*arguments, **keywords)` as that process computes it.

        seconds: for this answer, and as long to wait for those of others before it. watch():
        called every half second meanwhile; what it raises ends the process. Raises what the
        function raises as an InputError, and ProcessTimeout, ProcessEnded, ProcessFailed or
        ProcessBusy.
        """
        self.asked += 1
        try:
            if not self._lock.acquire(timeout=seconds):
                raise ProcessBusy(f"others are asking, and {seconds:g} s are over")
            try:
                if self.ended:
                    raise ProcessBusy("it was ended while others asked")
                until = time.monotonic() + seconds
                request = (function, arguments, keywords, language(), PROCESSORS * seconds)
                kind, value = self._answer(request, until, watch)
            finally:
                self.used = time.monotonic()
                self._lock.release()
        finally:
            self.asked -= 1
        if kind == "refused":
            raise value
        if kind == "failed":
            raise ProcessFailed(value)
        return value

    def _answer(self, request: tuple, until: float, watch: Callable | None) -> tuple[str, Any]:
        try:
            ask(self._connection, request)
            while not self._connection.poll(min(0.5, max(0.0, until - time.monotonic()))):
                if watch:
                    watch()
                if time.monotonic() >= until:
                    raise ProcessTimeout("no answer in time")
            return unpacked(self._connection.recv_bytes(MOST_ANSWER_BYTES))
        except (EOFError, OSError) as error:
            self.end()
            raise ProcessEnded(str(error)) from None
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """Kill it. What still waits for it hears ProcessEnded."""
        if self.ended:
            return
        self.ended = True
        with contextlib.suppress(ProcessLookupError):
            if self._pidfd is None:
                os.kill(self._pid, signal.SIGKILL)
            else:
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
                os.close(self._pidfd)
        shutil.rmtree(self._private, ignore_errors=True)


def ask_once(
    process: Process,
    function: Callable,
    *arguments: Any,
    seconds: float,
    watch: Callable | None = None,
) -> Any:
    """`process.ask`, and the end of the process."""
    try:
        return process.ask(function, *arguments, seconds=seconds, watch=watch)
    finally:
        process.end()
