"""An executor for tests: runs in threads of the test's own process, which write the same files.

settings = InProcess().serves(settings)
run_id, secret = start_run(config, settings)
"""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

from pipeline.config import TrainingConfig, config_from
from pipeline.runs.executors import EXECUTORS
from pipeline.runs.executors.thread import ThreadWorker
from pipeline.runs.folder import read_config
from pipeline.runs.own_pair import read_pair
from pipeline.settings import Settings
from pipeline.training import fine_tune

_numbers = itertools.count()
SECONDS_A_STEP = 0.01


def told(config: TrainingConfig, folder: Path, settings: Settings) -> Iterator[dict]:
    """The events of a run that trains nothing: a step each 10 ms, `stop` looked for after each."""
    started, total = time.monotonic(), config.planned_steps(config.train_pairs)
    figures = {"loss": 0.6, "accuracy": 0.7, "f1": 0.8}
    evaluated = {f"eval_{name}": value for name, value in figures.items()}

    def event(kind: str, **values: object) -> dict:
        return {"event": kind, "seconds": round(time.monotonic() - started, 3), **values}

    yield event(
        "start",
        config=asdict(config),
        total_steps=total,
        majority={"accuracy": 0.7, "f1": 0.8},
        train_pairs=config.train_pairs,
        eval_pairs=config.eval_pairs,
    )
    yield event("evaluation", step=0, **evaluated)
    step, stopped = 0, False
    while step < total and not stopped:
        time.sleep(SECONDS_A_STEP)
        step += 1
        stopped = (folder / "stop").exists()
        yield event("log", step=step, loss=0.7 - 0.1 * step / total)
    yield event("evaluation", step=step, **evaluated)
    kind = "stopped" if stopped else "done"
    yield event(kind, step=step, reason="", before=figures, after=figures)


def trained(config: TrainingConfig, folder: Path, settings: Settings) -> Iterator[dict]:
    """The events of a real training, which leaves its model."""
    stop = folder / "stop"
    return fine_tune(config, folder, settings, should_stop=stop.exists, own_pair=read_pair(folder))


class InProcess:
    """Fulfils pipeline.runs.executors.Executor. events: what the runs tell."""

    def __init__(self, events: Callable[..., Iterator[dict]] = told) -> None:
        self.events = events
        self.started: list[str] = []  # ids of the runs, in the order in which they started
        self.renewed = 0  # how often the supervisor had the next worker prepared
        self._name = f"in_process_{next(_numbers)}"
        # for good: the supervisor's thread may look for it when its test is over
        EXECUTORS[self._name] = self

    def serves(self, settings: Settings) -> Settings:
        """These settings, with runs that train here."""
        return replace(settings, executor=self._name)

    def start(self, folder: Path, settings: Settings) -> ThreadWorker:
        self.started.append(folder.name)
        config = config_from(read_config(folder))
        return ThreadWorker(folder, lambda: self.events(config, folder, settings), str)

    def keep_ready(self) -> None:
        pass

    def renew(self) -> None:
        self.renewed += 1

    def warm_up(self, settings: Settings) -> None:
        pass
