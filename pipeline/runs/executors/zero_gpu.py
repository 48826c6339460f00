"""Runs on ZeroGPU: each is a call that borrows a GPU for a while.

ZeroGPU (https://huggingface.co/docs/hub/spaces-zerogpu) has no GPU but inside a function decorated
by `spaces.GPU`. It runs that in a daemon forked from the server, pickles what goes in and out, lets
it start no process of its own, and ends it after `duration` seconds. So no worker process can train
there, and the model is served from the CPU.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from languages import say
from pipeline.config import config_from
from pipeline.runs.executors.thread import ThreadWorker
from pipeline.runs.folder import read_config
from pipeline.runs.own_pair import read_pair
from pipeline.settings import Settings, zero_gpu
from pipeline.training import fine_tune


def start(folder: Path, settings: Settings) -> ThreadWorker:
    """The call for a GPU that trains the run of a folder."""
    values = read_config(folder)
    return ThreadWorker(folder, lambda: gpu_function()(values, str(folder), settings), _reason)


def keep_ready() -> None:
    """Nothing: what is forked from the server has imported what the server has."""


def renew() -> None:
    """Nothing, likewise."""


def warm_up(settings: Settings) -> None:
    """Nothing, likewise."""


def register() -> None:
    """To be called when the app is built, before torch is imported: ZeroGPU looks for a decorated
    function when the app starts. Does nothing elsewhere.
    """
    if zero_gpu():
        gpu_function()


@lru_cache(maxsize=1)
def gpu_function() -> Callable[..., Iterator[dict]]:
    """`on_gpu` as `spaces` lends it a GPU."""
    import spaces

    return spaces.GPU(duration=int(Settings.zero_gpu_seconds))(on_gpu)


def on_gpu(values: dict, folder: str, settings: Settings) -> Iterator[dict]:
    """What ZeroGPU forks: the events of a run. The arguments are pickled, so they are plain
    values.
    """
    import torch

    # Threads of the server's that compute don't live on in a fork, and waiting for them would never
    # end
    torch.set_num_threads(1)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    # Told apart from a call that ZeroGPU ends: the run stops by itself before, and keeps its model
    most = settings.zero_gpu_seconds - settings.zero_gpu_margin_seconds
    settings = replace(settings, max_run_seconds=most)
    run, stop = Path(folder), Path(folder) / "stop"
    config, pair = config_from(values), read_pair(run)
    yield from fine_tune(config, run, settings, should_stop=stop.exists, own_pair=pair)


def _reason(error: Exception) -> str:
    """Why ZeroGPU gave no answer, out of what its client raised."""
    text = str(error).lower()
    if "quota" in text:
        reason = say("the account's time there is used up")
    elif "no gpu" in text or "queue" in text:
        reason = say("no GPU was free")
    else:
        reason = say("the call took too long or was interrupted")
    return say("ZeroGPU ended the run: {reason}. Try again later.", reason=reason)
