"""What is learned: a task names its rows, their columns and labels, and its metrics. Each once.

>>> MRPC.repository, MRPC.config, MRPC.labels
('nyu-mll/glue', 'mrpc', ('not_equivalent', 'equivalent'))
>>> SST2.columns, SST2.has_pair, SST2.splits
({'sentence1': 'sentence', 'label': 'label', 'idx': 'idx'}, False, ('train', 'validation'))
>>> task_named("no-such", Settings())  # doctest: +ELLIPSIS
Traceback (most recent call last):
pipeline.errors.InputError: task_name is 'no-such', which is not a task of this app. Choose ...
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from languages import say
from pipeline.errors import InputError
from pipeline.own_pairs import store
from pipeline.own_pairs.pairs import SPLITS, OwnPairs
from pipeline.settings import LABELS, Settings

# GLUE keeps the labels of its test splits to itself
LABELLED = ("train", "validation")
EMBEDDED_PAIRS = Path(__file__).parent / "embedded" / "pairs"
CHINESE_PAIRS = EMBEDDED_PAIRS.with_name("pairs_zh")
BINARY = ("accuracy", "f1", "matthews_correlation")
SEVERAL = ("accuracy", "macro_f1", "matthews_correlation")


@dataclass(frozen=True)
class Task:
    """A set of labelled pairs or sentences, and how a model is judged on it.

    name: its name in a run's config; title: what a visitor reads, about: one line more.
    labels: two or more, in the order of their numbers.
    metrics: names of pipeline/metrics.py.
    columns: {column here: column of its files}; a task without idx has its rows numbered, and a
    task of one sentence has no sentence2.
    repository, config: what load_dataset takes; "" where it isn't on the Hub. downloads: the files
    that it fetches of the repository, rows: how many each split has there.
    splits: those with labels, in order; split_names: {split here: its name there}, where those
    differ. language: of its sentences.
    folder: the field of Settings that holds a folder of its files, variable: the environment
    variable that sets it, form: what its files are, as load_dataset names it; "" for no folder.
    stand_in: the folder of CSV files that stands in where the Hub can't be had, None for no such.
    refused: why no run can learn it, "" where one can; then its rows may lack labels.
    """

    name: str
    title: str
    labels: tuple[str, ...]
    metrics: tuple[str, ...]
    columns: dict[str, str] = field(hash=False)
    about: str = ""
    repository: str = ""
    config: str = ""
    downloads: tuple[str, ...] = ()
    rows: dict[str, int] = field(default_factory=dict, hash=False)
    splits: tuple[str, ...] = SPLITS
    split_names: dict[str, str] = field(default_factory=dict, hash=False)
    language: str = "en"
    folder: str = ""
    variable: str = ""
    form: str = ""
    stand_in: Path | None = None
    refused: str = ""

    @property
    def has_pair(self) -> bool:
        """Whether a row has two sentences."""
        return "sentence2" in self.columns

    @property
    def is_own(self) -> bool:
        """Whether it is a visitor's."""
        return is_own(self.name)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The columns here that hold text."""
        return ("sentence1", "sentence2") if self.has_pair else ("sentence1",)

    def folder_in(self, settings: Settings) -> Path | None:
        """The folder that a host has set for this task's files; None where none is."""
        return getattr(settings, self.folder) if self.folder else None


SENTENCE = {"sentence1": "sentence1", "label": "label"}
PAIR = {"sentence1": "sentence1", "sentence2": "sentence2", "label": "label"}
GLUE = "nyu-mll/glue"

MRPC = Task(
    name="mrpc",
    title="MRPC",
    about=say("two sentences of the news: do they mean the same?"),
    labels=LABELS,
    metrics=BINARY,
    repository=GLUE,
    config="mrpc",
    downloads=("README.md", "mrpc/*"),
    rows={"train": 3668, "validation": 408, "test": 1725},
    columns={**PAIR, "idx": "idx"},
    folder="mrpc_folder",
    variable="MRPC_DIR",
    form="parquet",
    stand_in=EMBEDDED_PAIRS,
)
QQP = Task(
    name="qqp",
    title="QQP",
    about=say("two questions asked on Quora: do they ask the same?"),
    labels=("not_duplicate", "duplicate"),
    metrics=BINARY,
    repository=GLUE,
    config="qqp",
    downloads=("README.md", "qqp/*"),
    rows={"train": 363_846, "validation": 40_430},
    splits=LABELLED,
    columns={"sentence1": "question1", "sentence2": "question2", "label": "label", "idx": "idx"},
    stand_in=EMBEDDED_PAIRS,
)
# No embedded pairs stand in: "entailment" runs one way, and it is label 0
RTE = Task(
    name="rte",
    title="RTE",
    about=say("does the second sentence follow from the first?"),
    labels=("entailment", "not_entailment"),
    metrics=BINARY,
    repository=GLUE,
    config="rte",
    downloads=("README.md", "rte/*"),
    rows={"train": 2_490, "validation": 277},
    splits=LABELLED,
    columns={**PAIR, "idx": "idx"},
)
PAWS = Task(
    name="paws",
    title="PAWS",
    about=say("two sentences of nearly the same words in another order: do they mean the same?"),
    labels=("not_paraphrase", "paraphrase"),
    metrics=BINARY,
    repository="google-research-datasets/paws",
    config="labeled_final",
    downloads=("README.md", "labeled_final/*"),
    rows={"train": 49_401, "validation": 8_000, "test": 8_000},
    columns={**PAIR, "idx": "id"},
    stand_in=EMBEDDED_PAIRS,
)
SST2 = Task(
    name="sst2",
    title="SST-2",
    about=say("one sentence of a film review: is it negative or positive?"),
    labels=("negative", "positive"),
    metrics=BINARY,
    repository=GLUE,
    config="sst2",
    downloads=("README.md", "sst2/*"),
    rows={"train": 67_349, "validation": 872},
    splits=LABELLED,
    columns={"sentence1": "sentence", "label": "label", "idx": "idx"},
)
MNLI = Task(
    name="mnli",
    title="MNLI",
    about=say("does the second sentence follow from the first, contradict it, or neither?"),
    labels=("entailment", "neutral", "contradiction"),
    metrics=SEVERAL,
    repository=GLUE,
    config="mnli",
    downloads=("README.md", "mnli/*"),
    rows={"train": 392_702, "validation": 9_815},
    splits=LABELLED,
    split_names={"validation": "validation_matched"},
    columns={"sentence1": "premise", "sentence2": "hypothesis", "label": "label", "idx": "idx"},
)
PAWS_X_ZH = Task(
    name="paws-x-zh",
    title=say("PAWS-X (Chinese)"),
    about=say("PAWS translated into Chinese: do two sentences mean the same?"),
    labels=PAWS.labels,
    metrics=BINARY,
    repository="google-research-datasets/paws-x",
    config="zh",
    downloads=("README.md", "zh/*"),
    rows={"train": 49_401, "validation": 2_000, "test": 2_000},
    columns={**PAIR, "idx": "id"},
    language="zh",
    stand_in=CHINESE_PAIRS,
)
AFQMC = Task(
    name="afqmc",
    title="AFQMC",
    about=say("two questions of bank customers, in Chinese: do they mean the same?"),
    labels=("not_similar", "similar"),
    metrics=BINARY,
    repository="clue/clue",
    config="afqmc",
    downloads=("README.md", "afqmc/*"),
    rows={"train": 34_334, "validation": 4_316},
    splits=LABELLED,
    columns={**PAIR, "idx": "idx"},
    language="zh",
    stand_in=CHINESE_PAIRS,
)
EMBEDDED_ZH = Task(
    name="embedded-zh",
    title=say("embedded Chinese pairs"),
    about=say("two sentences of the news, in Chinese: do they mean the same?"),
    labels=LABELS,
    metrics=BINARY,
    rows={"train": 120, "validation": 40, "test": 40},
    columns={**PAIR, "idx": "idx"},
    language="zh",
    stand_in=CHINESE_PAIRS,
)
CSV = Task(
    name="csv",
    title=say("the host's own pairs"),
    labels=LABELS,
    metrics=BINARY,
    columns=PAIR,
    folder="pairs_folder",
    variable="PAIRS_DIR",
    form="csv",
)
TASKS = {
    task.name: task
    for task in (MRPC, QQP, RTE, PAWS, SST2, MNLI, PAWS_X_ZH, AFQMC, EMBEDDED_ZH, CSV)
}


def task_named(name: str, settings: Settings) -> Task:
    """The task of that name, a visitor's own pairs among them; InputError for any other, and for
    pairs that are no longer kept.
    """
    if is_own(validated_task(name)):
        return own_task(name, store.load(name, settings))
    return TASKS[name]


def is_own(name: object) -> bool:
    """Whether a task of that name is a visitor's own pairs."""
    return isinstance(name, str) and name.startswith(store.PREFIX)


def validated_task(name: Any) -> str:
    """The name itself if a task could have it; an InputError for any other."""
    if isinstance(name, str) and (name in TASKS or store.REFERENCE.fullmatch(name)):
        return name
    raise InputError(
        say(
            "task_name is {name!r}, which is not a task of this app. Choose one of {names}.",
            name=str(name)[:60],
            names=", ".join(TASKS),
        )
    )


def told_of(task: Task) -> dict[str, Any]:
    """What a run tells of its task, so that its model can be asked once the pairs are gone."""
    return {"labels": list(task.labels), "splits": list(task.splits), "has_pair": task.has_pair}


def task_told(name: str, told: Any) -> Task:
    """The task of a run: `name` from its config, told: what it told of it, None in an older run."""
    if name in TASKS or not isinstance(told, dict) or not isinstance(told.get("labels"), list):
        return TASKS.get(name, MRPC)
    labels, has_pair = tuple(map(str, told["labels"])), bool(told.get("has_pair", True))
    return Task(
        name=name,
        title=_own_title(has_pair),
        labels=labels,
        metrics=metrics_for(labels),
        columns=PAIR if has_pair else SENTENCE,
        splits=tuple(map(str, told.get("splits") or LABELLED)),
        language="",
    )


def own_task(name: str, own: OwnPairs) -> Task:
    """The task that a visitor's OwnPairs are. Where no run can be made of them, it has all splits,
    labelled or not.
    """
    splits = own.labelled_splits or tuple(own.splits)
    return Task(
        name=name,
        title=_own_title(own.has_pair),
        labels=own.labels,
        metrics=metrics_for(own.labels),
        columns=PAIR if own.has_pair else SENTENCE,
        rows={split: len(own.splits[split]) for split in splits},
        splits=splits,
        language="",
        refused=own.refused,
    )


def _own_title(has_pair: bool) -> str:
    return say("your own pairs") if has_pair else say("your own sentences")


def metrics_for(labels: Sequence[str]) -> tuple[str, ...]:
    """The metrics of a task with these labels that doesn't declare its own."""
    return BINARY if len(labels) <= len(LABELS) else SEVERAL
