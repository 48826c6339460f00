"""Where a run trains. An executor starts the training of a folder that holds a config.json, and
hands it out as a `Worker`; its module is all that another kind takes.

local       a process of its own, kept warm
zero_gpu    a call that borrows a GPU for a while, in a thread of the server
ray         an actor on a node of a Ray cluster, followed by a process of this machine

All of them run `training.fine_tune` and write its events into the folder. A run is asked to stop by
the file `stop` in its folder, which the training looks for after each step.
"""

from pathlib import Path
from typing import Protocol

from languages import say
from pipeline.errors import InputError, shown
from pipeline.runs.executors import local, ray, zero_gpu
from pipeline.settings import Settings


class Worker(Protocol):
    """What trains a run; subprocess.Popen is one."""

    pid: int  # the server's own, where it is a thread

    def poll(self) -> int | None:
        """The exit code; None while it trains."""

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once there is one. Raises subprocess.TimeoutExpired."""

    def kill(self) -> None:
        """End it now, without a model; of a thread, nothing more is written."""


class Executor(Protocol):
    """Starts workers. A module with these functions is one."""

    def start(self, folder: Path, settings: Settings) -> Worker:
        """Begin to train the run of a folder."""

    def keep_ready(self) -> None:
        """Have ready what makes a run start faster, from now on; called once, when the server
        starts.
        """

    def renew(self) -> None:
        """Get that ready again for the next run; called while every run here is past its first
        step.
        """

    def warm_up(self, settings: Settings) -> None:
        """Compute what all runs share; called once, after keep_ready. May take
        `prepare_seconds`.
        """


# By Settings.executor
EXECUTORS: dict[str, Executor] = {"local": local, "zero_gpu": zero_gpu, "ray": ray}


def executor_of(settings: Settings) -> Executor:
    """The executor that these settings name. Raises InputError for a name that none has."""
    if settings.executor not in EXECUTORS:
        raise InputError(
            say(
                "RUN_EXECUTOR is {value}, which is none of {names}. Set one of them.",
                value=shown(settings.executor),
                names=", ".join(EXECUTORS),
            )
        )
    return EXECUTORS[settings.executor]
