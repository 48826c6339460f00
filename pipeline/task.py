"""What is learned: a task names its pairs, their columns and labels, and its metrics. Each once.

>>> MRPC.repository, MRPC.config, MRPC.labels
('nyu-mll/glue', 'mrpc', ('not_equivalent', 'equivalent'))
>>> task_named("mnli")
Traceback (most recent call last):
pipeline.errors.InputError: 'mnli' is not a task of this app. Choose one of mrpc, csv.
"""

from dataclasses import dataclass, field
from pathlib import Path

from languages import say
from pipeline.errors import InputError
from pipeline.settings import LABELS, Settings

SPLITS = ("train", "validation", "test")
EMBEDDED_PAIRS = Path(__file__).parent / "embedded" / "pairs"
CHINESE_PAIRS = EMBEDDED_PAIRS.with_name("pairs_zh")


@dataclass(frozen=True)
class Task:
    """A set of labelled pairs, and how a model is judged on it.

    name: its name in a run's config; title: what a visitor reads.
    labels: in the order of their numbers.
    metrics: names of pipeline/metrics.py.
    repository, config: what load_dataset takes; "" where it isn't on the Hub. downloads: the files
    that it fetches of the repository, rows: how many each split has there.
    columns: {column here: column of its files}; a task without idx has its rows numbered.
    folder: the field of Settings that holds a folder of its files, variable: the environment
    variable that sets it, form: what its files are, as load_dataset names it.
    stand_in: the folder of CSV files that stands in where the Hub can't be had, None for no such.
    """

    name: str
    title: str
    labels: tuple[str, ...]
    metrics: tuple[str, ...]
    folder: str
    variable: str
    form: str
    repository: str = ""
    config: str = ""
    downloads: tuple[str, ...] = ()
    rows: dict[str, int] = field(default_factory=dict, hash=False)
    columns: dict[str, str] = field(default_factory=dict, hash=False)
    stand_in: Path | None = None

    def folder_in(self, settings: Settings) -> Path | None:
        """The folder that a host has set for this task's files; None where none is."""
        return getattr(settings, self.folder)


MRPC = Task(
    name="mrpc",
    title="MRPC",
    labels=LABELS,
    metrics=("accuracy", "f1", "matthews_correlation"),
    repository="nyu-mll/glue",
    config="mrpc",
    downloads=("README.md", "mrpc/*"),
    rows={"train": 3668, "validation": 408, "test": 1725},
    columns={"sentence1": "sentence1", "sentence2": "sentence2", "label": "label", "idx": "idx"},
    folder="mrpc_folder",
    variable="MRPC_DIR",
    form="parquet",
    stand_in=EMBEDDED_PAIRS,
)
CSV = Task(
    name="csv",
    title=say("the host's own pairs"),
    labels=LABELS,
    metrics=MRPC.metrics,
    columns={"sentence1": "sentence1", "sentence2": "sentence2", "label": "label"},
    folder="pairs_folder",
    variable="PAIRS_DIR",
    form="csv",
)
TASKS = {task.name: task for task in (MRPC, CSV)}


def task_named(name: str) -> Task:
    """The task of that name; InputError for any other."""
    if name not in TASKS:
        raise InputError(
            say(
                "{name!r} is not a task of this app. Choose one of {names}.",
                name=str(name)[:60],
                names=", ".join(TASKS),
            )
        )
    return TASKS[name]
