"""A worker that is a thread of the server: it only writes down the events that it is given."""

import logging
import os
import subprocess
import threading
from collections.abc import Callable, Iterable
from contextvars import copy_context
from pathlib import Path

from pipeline.runs.folder import append_event, as_line, write_whole

log = logging.getLogger(__name__)


class ThreadWorker:
    """Writes what `events()` yields into a run's folder. `failure` puts what it raises in words,
    for the run's last event.
    """

    def __init__(
        self,
        folder: Path,
        events: Callable[[], Iterable[dict]],
        failure: Callable[[Exception], str],
    ) -> None:
        self.pid = os.getpid()
        self.returncode: int | None = None
        self._folder, self._failure, self._killed = folder, failure, False
        # ZeroGPU reads from the context whose visit this is, and whose daily seconds it takes
        run = copy_context().run
        self._thread = threading.Thread(
            target=run, args=(self._write, events), daemon=True, name=f"run-{folder.name}"
        )
        self._thread.start()

    def _write(self, events: Callable[[], Iterable[dict]]) -> None:
        event: dict = {}
        code = 1
        try:
            for event in events():
                if self._killed:
                    return
                append_event(self._folder, event)
            code = 0
        except Exception as error:
            if not self._killed:
                log.error("the worker of run %s", self._folder.name, exc_info=error)
                seconds, message = event.get("seconds", 0), self._failure(error)
                end = {"event": "failed", "seconds": seconds, "message": message}
                write_whole(self._folder / "ended", as_line(end))
        finally:
            if self.returncode is None:
                self.returncode = code

    def poll(self) -> int | None:
        """The exit code; None while the thread is alive."""
        return None if self._thread.is_alive() else self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code. Raises subprocess.TimeoutExpired."""
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise subprocess.TimeoutExpired(self._thread.name, timeout or 0.0)
        return self.returncode or 0

    def kill(self) -> None:
        """Write nothing more. What trains sees the run's `stop` after its step, and ends."""
        self._killed, self.returncode = True, -9
        (self._folder / "stop").touch()
