"""python -m benchmarks.cluster [--runs 30] [--rounds 3] [--steps 20]: short runs on a Ray cluster.

The makespan (from the press to the last end) on one and on two nodes of one CPU each, in turns:
each round has a share of the runs on a fresh cluster of one node, then as many on one of two. All
nodes are on this machine, which should have a core for each, and one more for the rest.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pipeline.config import TrainingConfig
from pipeline.runs.progress import list_runs, read_folder
from pipeline.runs.supervisor import start_runs
from pipeline.settings import WARMED, Settings

SMALL = {"object_store_memory": 2 * 10**8, "include_dashboard": False}
CONFIG = TrainingConfig(
    checkpoint=WARMED,
    source="embedded",
    train_pairs=320,
    eval_pairs=16,
    batch_size=8,
    epochs=1,
    eval_strategy="no",
)


def makespan(nodes: int, runs: int, steps: int) -> tuple[float, float]:
    """(seconds until as many runs have ended, the share of them in which steps were trained)."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **SMALL})
    try:
        for _ in range(nodes):
            cluster.add_node(num_cpus=1, **SMALL)
        settings = replace(
            Settings(),
            runs_folder=Path(tempfile.mkdtemp()),
            executor="ray",
            ray_address=cluster.address,
            max_runs_at_once=runs,
        )
        configs = [replace(CONFIG, max_steps=steps, seed=seed) for seed in range(runs)]
        began = time.monotonic()
        start_runs(configs, settings)
        while not all(run.ended for run in list_runs(settings)):
            time.sleep(0.2)
        took = time.monotonic() - began
        ended = [read_folder(settings.runs_folder / run.id) for run in list_runs(settings)]
        assert all(run.state == "done" for run in ended), [run.events[-1] for run in ended]
        logs = [[event["seconds"] for event in run.of("log")] for run in ended]
        assert all(len(log) == steps for log in logs)
        return took, sum(log[-1] - log[0] for log in logs) / took
    finally:
        cluster.shutdown()


def rows(runs: int = 30, rounds: int = 3, steps: int = 20) -> Iterator[tuple[str, str, str]]:
    """(what, measured, target) for the table."""
    # Ray gives its workers a niceness of 15, and whatever else this machine does would go first
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
    took = {1: 0.0, 2: 0.0}
    for _ in range(rounds):
        for nodes in took:
            seconds, share = makespan(nodes, runs // rounds, steps)
            took[nodes] += seconds
            print(f"{nodes} nodes: {seconds:.0f} s, {share:.2f} of it between steps", flush=True)
    yield (
        f"makespan of {runs} runs of {steps} steps, 1 / 2 nodes",
        f"{took[1]:.0f} / {took[2]:.0f} s",
        "",
    )
    yield "of one node's, on two", f"{took[2] / took[1]:.2f} times", "0.5, were there no limit"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cluster", description=__doc__.splitlines()[0]
    )
    for name, default in (("runs", 30), ("rounds", 3), ("steps", 20)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    for what, figure, target in rows(options.runs, options.rounds, options.steps):
        print(f"{what:48}{figure:>20}   {target}", flush=True)


if __name__ == "__main__":
    main()
