"""Where a run trains: in a process of its own, or on ZeroGPU in a call that borrows a GPU for a
while.

Both run the generator `training.fine_tune` and write its events into the run's folder; both are
handed to runs.py as something with pid, poll(), wait(seconds) and kill(), as subprocess.Popen has
them.

ZeroGPU (https://huggingface.co/docs/hub/spaces-zerogpu) has no GPU but inside a function decorated
by `spaces.GPU`. It runs that in a daemon forked from the server, pickles what goes in and out, lets
it start no process of its own, and ends it after `duration` seconds. So no worker process can train
there, and the model is served from the CPU.
"""

import logging
import os
import subprocess
import threading
from contextvars import copy_context
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path

from languages import say
from pipeline.runs import worker_process as workers
from pipeline.settings import Settings, zero_gpu
from pipeline.runs.folder import append_event, as_line, write_whole
from pipeline.config import config_from
from pipeline.training import fine_tune

log = logging.getLogger(__name__)


def start(command, config, folder, environment, settings):
    """The child that trains `config` into `folder`: the process of `command`, or a call for a GPU.
    """
    if zero_gpu():
        return GpuCall(config, folder, settings)
    return workers.start_worker(command, environment, folder / "worker.log")


def on_gpu(values, folder, settings):
    """What ZeroGPU forks: events of a run, each a dict. The arguments are pickled: plain values, no
    model.
    """
    import torch

    # Threads of the server's that compute don't live on in a fork, and waiting for them would never
    # end
    torch.set_num_threads(1)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    folder = Path(folder)
    # Told apart from a call that ZeroGPU ends: the run stops by itself before, and keeps its model
    settings = replace(settings, max_run_seconds=settings.zero_gpu_seconds - settings.zero_gpu_margin_seconds)
    yield from fine_tune(config_from(values), folder, settings, should_stop=(folder / "stop").exists)


@lru_cache(maxsize=1)
def gpu_function():
    """`on_gpu` as `spaces` lends it a GPU. ZeroGPU looks for such a function when the app starts.
    """
    import spaces

    return spaces.GPU(duration=int(Settings.zero_gpu_seconds))(on_gpu)


def prepare():
    """To be called when the app is built, before torch is imported; does nothing but on ZeroGPU."""
    if zero_gpu():
        gpu_function()


def _gpu_reason(error):
    """Why ZeroGPU gave no answer, out of what its client raised."""
    text = str(error).lower()
    if "quota" in text:
        return say("the time that an account has there is used up")
    if "no gpu" in text or "queue" in text:
        return say("no GPU was free")
    return say("the call took too long or was broken off")


class GpuCall:
    """A run's call for a GPU, in a thread of the server; looks like the Popen of a worker."""

    def __init__(self, config, folder, settings):
        self.pid, self.returncode = os.getpid(), None
        self._folder, self._dropped = folder, False
        # ZeroGPU reads from the context whose visit this is, and whose daily seconds it takes
        arguments = (asdict(config), str(folder), settings)
        self._thread = threading.Thread(target=copy_context().run, args=(self._tell, arguments), daemon=True, name="gpu-call")
        self._thread.start()

    def _tell(self, arguments):
        told = None
        try:
            for told in gpu_function()(*arguments):
                if self._dropped:
                    return
                append_event(self._folder, told)
            self.returncode = 0
        except Exception as error:  # no GPU free, none left today, or the call took too long
            if not self._dropped:
                seconds = told["seconds"] if told else 0
                log.error("a call on ZeroGPU", exc_info=error)
                message = say("ZeroGPU ended the run: {reason}. Try again later.", reason=_gpu_reason(error))
                event = {"event": "failed", "seconds": seconds, "message": message}
                write_whole(self._folder / "ended", as_line(event))
        finally:
            self.returncode = 1 if self.returncode is None else self.returncode

    def poll(self):
        return self.returncode if not self._thread.is_alive() else None

    def wait(self, timeout=None):
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise subprocess.TimeoutExpired("gpu-call", timeout)
        return self.returncode

    def kill(self):
        """Hear no more of it. The call itself sees the run's `stop` after its step, and ends."""
        self._dropped, self.returncode = True, -9
        (self._folder / "stop").touch()
