"""Runs on a Ray cluster: this machine has one small process for each run that trains there.

That process (ray_driver.py) asks the cluster for a place, follows the run and writes its folder. So
the server never imports ray, which ends a process that has lost its cluster; and a restarted server
finds its runs by their processes, as it does with those that train here.
"""

import subprocess
import sys
from pathlib import Path

from pipeline.isolation.priority import WORKER_OOM_SCORE, set_oom_score
from pipeline.runs.executors.local import environment_of, start_process
from pipeline.settings import Settings


def start(folder: Path, settings: Settings) -> subprocess.Popen:
    """The process that has the run of a folder trained on the cluster, and follows it there. With
    its end, the run on the cluster ends.
    """
    command = [sys.executable, "-m", "pipeline.runs.executors.ray_driver", str(folder)]
    environment = {**environment_of(settings), "RAY_USAGE_STATS_ENABLED": "0"}
    worker = start_process(command, environment, folder / "worker.log")
    set_oom_score(worker.pid, WORKER_OOM_SCORE)
    return worker


def keep_ready() -> None:
    """Nothing: it is the nodes that import what a run needs."""


def renew() -> None:
    """Nothing, likewise."""


def warm_up(settings: Settings) -> None:
    """Nothing: the first run's evaluation at step 0 travels to the later ones."""
