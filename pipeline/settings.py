"""Every default and every cap, once. Environment variables are read here and nowhere else.

>>> Settings().max_length
128
>>> Settings(max_steps=10).checked("max_steps", 11)  # doctest: +ELLIPSIS
Traceback (most recent call last):
pipeline.errors.InputError: max_steps is 11, but 1 to 10 is allowed here. ...
"""

import multiprocessing
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from languages import say
from pipeline.errors import InputError, shown

EMBEDDED_CHECKPOINT = "sentence-transformers/all-MiniLM-L6-v2"
NOTES_CHECKPOINT = "google-bert/bert-base-uncased"
CHINESE_CHECKPOINT = "google-bert/bert-base-chinese"
CHECKPOINTS = (
    EMBEDDED_CHECKPOINT,
    NOTES_CHECKPOINT,
    "distilbert/distilbert-base-uncased",
    CHINESE_CHECKPOINT,
    "FacebookAI/roberta-base",
)
# What comes with the app beside that checkpoint: two small sets of weights on top of it
# (pipeline/embedded/adapters)
READY, WARMED = "adapter:paraphrase", "adapter:pair-warmed"
ADAPTERS = {
    READY: say("a paraphrase classifier, fine-tuned on MRPC"),
    WARMED: say(
        "has learned to compare two sentences in 600 steps of distillation on the sentences of "
        "MRPC's train split, without pairing and labels; its classification head is not trained "
        "yet"
    ),
}
LABELS = ("not_equivalent", "equivalent")


def _folder(variable):
    value = os.environ.get(variable, "").strip()
    return Path(value).expanduser() if value else None


def _runs_folder():
    # Spaces mount a writable /data where persistent storage is bought; elsewhere runs live as long
    # as the machine's temp.
    return _folder("RUNS_DIR") or Path(tempfile.gettempdir()) / "paraphrase-runs"


@dataclass(frozen=True)
class Launch:
    """This process among those that train one model together, as torchrun, accelerate or MPI
    started it.
    """

    rank: int = 0
    world_size: int = 1

    @property
    def is_main(self) -> bool:
        """Only the main process tells, prints and saves."""
        return self.rank == 0


RANKS = (
    ("RANK", "WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
)


def launch() -> Launch:
    """The Launch that the environment tells of; an ordinary process is the main one of one."""
    for rank, world_size in RANKS:
        if os.environ.get(world_size, "").isdigit():
            return Launch(int(os.environ.get(rank) or 0), int(os.environ[world_size]))
    return Launch()


def is_unlaunched() -> bool:
    """Whether `accelerate launch --cpu --num_processes N` started this process: it starts one,
    whatever N is.
    """
    # It sets an address at which the N are to meet, but no ranks: that is left to an MPI that it
    # wasn't given.
    return (
        "ACCELERATE_USE_CPU" in os.environ
        and "MASTER_ADDR" in os.environ
        and launch().world_size == 1
    )


def zero_gpu() -> bool:
    """Whether this is a Space on ZeroGPU, where only a function decorated by `spaces.GPU` has a
    GPU.
    """
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


def has_gpu() -> bool:
    """Whether this process may compute on a GPU now. On ZeroGPU torch says yes everywhere, but only
    the daemon that it forks for a call has one.
    """
    import torch

    return torch.cuda.is_available() and (
        not zero_gpu() or multiprocessing.current_process().daemon
    )


def signs_in() -> bool:
    """Whether this is a Space whose visitors can sign in with their own account (hf_oauth in the
    README).
    """
    return bool(os.environ.get("SPACE_ID") and os.environ.get("OAUTH_CLIENT_ID"))


def _executor() -> str:
    return os.environ.get("RUN_EXECUTOR", "").strip() or ("zero_gpu" if zero_gpu() else "local")


def _number(variable: str, default: int, low: int) -> int:
    return whole_number(variable, os.environ.get(variable, "").strip() or default, low, 1000)


def _set_by(variable: str, read: Callable[[], Any]) -> Any:
    """A field of Settings that a host sets by an environment variable, and that a worker needs."""
    return field(default_factory=read, metadata={"variable": variable})


@dataclass(frozen=True)
class Settings:
    """Defaults and caps of one app. Lengths in characters or tokens as named, times in seconds."""

    # Where things are
    mrpc_folder: Path | None = _set_by("MRPC_DIR", lambda: _folder("MRPC_DIR"))
    # train.csv, validation.csv and test.csv with sentence1, sentence2 and label (0 or 1)
    pairs_folder: Path | None = _set_by("PAIRS_DIR", lambda: _folder("PAIRS_DIR"))
    runs_folder: Path = _set_by("RUNS_DIR", _runs_folder)
    data: str = _set_by("PAIRS", lambda: os.environ.get("PAIRS", "auto"))
    signs_in: bool = field(default_factory=signs_in)
    space_id: str = field(default_factory=lambda: os.environ.get("SPACE_ID", ""))
    # The Space's own names, and the proxies (uvicorn's variable) that may say by which name and
    # path the app is reached
    space_host: str = field(default_factory=lambda: os.environ.get("SPACE_HOST", ""))
    trusted_proxies: str = field(
        default_factory=lambda: os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1")
    )

    # Whether the embedded checkpoint may stand in for one that can't be had: on a page it may, a
    # command says so first
    allow_stand_in: bool = True

    # How long a Hub may take: to answer at all, and from the question to the last file of a
    # download. A command can wait for a download; a page can't, and sets hub_download_seconds to
    # the decision's 5 s.
    hub_decision_seconds: float = 5.0
    hub_download_seconds: float = 300.0
    hub_retry_seconds: float = 60.0
    # What a visitor may name: bert-large fits, and is served in half of that. Downloads go on when
    # a page has given up. One of which nothing arrives is ended after 20 s
    # (pipeline/hub/repository.py).
    max_checkpoint_bytes: int = 1_500_000_000
    max_downloads_at_once: int = 6
    max_download_seconds: float = 900.0
    max_hub_cache_bytes: int = 20_000_000_000
    # Whether checkpoints that don't come with the app are opened in confined processes: a page says
    # yes, a command is its user's own. So many such processes are kept, so many calls may go on in
    # them, each for so long and with so much memory: bert-large is read in float32 and served from
    # a copy in bfloat16.
    isolates: bool = False
    confines: bool = field(
        default_factory=lambda: os.environ.get("CONFINE") == "1"
    )  # a run's worker likewise
    max_isolated_processes: int = 4
    max_isolated_calls: int = 24
    isolated_seconds: float = 20.0
    isolated_memory_bytes: int = 4 * 2**30
    # For one step of a push: a page waits for it, and an upload takes as long as its line is slow.
    hub_push_seconds: float = 300.0

    # What a visitor may send
    max_characters: int = 2_000
    max_length: int = 128
    longest_max_length: int = 512
    max_rows: int = 32
    max_batch_pairs: int = 256
    # Models side by side, and words left out in turn: each is a call of a model for one visitor
    max_models_compared: int = 6
    max_words_left_out: int = 80
    # A file of pairs on the page; the command line takes any
    max_csv_rows: int = 2_000
    max_csv_bytes: int = 4 * 2**20
    # A visitor's own pairs, in a file of max_csv_bytes at most; what those of all visitors may take
    max_own_pairs: int = 20_000
    max_own_columns: int = 100
    max_own_pairs_bytes: int = 2**28
    # Files of all visitors together, uploaded and to download, and how long each is kept; one
    # address may take as much as it leaves free
    max_upload_folder_bytes: int = 2**28
    max_upload_seconds: float = 3600.0
    # What is measured on the spot: one measurement's time, rows that Dataset.map is timed on,
    # padding put to a pair
    experiment_seconds: float = 2.0
    max_mapped_rows: int = 300
    max_added_padding: int = 256

    # What a run may use
    max_steps: int = 300
    max_epochs: int = 50  # of a few pairs; max_steps bounds the work
    # Of a split on the Hub so many are checked and kept: QQP and MNLI have 390,000
    max_split_rows: int = 10_000
    max_train_pairs: int = 4_000
    max_eval_pairs: int = 500
    max_batch_size: int = 64
    max_frozen_layers: int = 24
    max_run_seconds: float = 900.0
    # Beyond that for what a worker can't interrupt: a download, an evaluation, saving. Then the
    # server ends it.
    max_overtime_seconds: float = 600.0
    # On ZeroGPU: how long one call may keep the GPU, and how much of that is for the last
    # evaluation and saving.
    zero_gpu_seconds: float = 120.0
    zero_gpu_margin_seconds: float = 30.0
    # Where runs train (pipeline/runs/executors/): local, zero_gpu or ray
    executor: str = field(default_factory=_executor)
    # On Ray: the cluster's address, host:port, and what one run takes of a node
    ray_address: str = _set_by("RAY_ADDRESS", lambda: os.environ.get("RAY_ADDRESS", "").strip())
    run_cpus: int = _set_by("RUN_CPUS", lambda: _number("RUN_CPUS", 1, 1))
    run_gpus: int = _set_by("RUN_GPUS", lambda: _number("RUN_GPUS", 0, 0))
    # How long a cluster may take to be reached, and to have a node for a run
    ray_connect_seconds: float = 60.0
    ray_place_seconds: float = 900.0
    # When the app starts: how long what every run needs may be made ready, with a slow Hub
    prepare_seconds: float = 180.0
    max_runs_at_once: int = field(default_factory=lambda: _number("RUNS_AT_ONCE", 1, 1))
    max_runs_waiting: int = 40
    # Beyond them one run of each visitor who has none: a class presses Start at once. Of those
    # places, the last are for network addresses without a run: behind one may be a whole classroom,
    # which takes the others. Behind a proxy all visitors have its address, unless
    # FORWARDED_ALLOW_IPS (uvicorn's) names that proxy.
    max_first_runs_waiting: int = 64
    places_for_others: int = 4
    # Runs of grids (pipeline/runs/grid.py) wait behind all others, in places of their own: of three
    # grids of 16 cells and two more seeds. A grid's pairs learned, and judged at a third each: a
    # quarter of an hour on two cores.
    max_grid_values: int = 4
    max_grid_runs_waiting: int = 54
    max_grid_pairs: int = 60_000
    # Unfinished runs of one browser, and of one address's programs
    max_runs_per_visitor: int = 4  # as many as there are methods to compare
    max_runs_per_address: int = 6
    # A run is short whose pairs learned, and judged at a third each, are no more: 60 steps of 16
    # with two evaluations on all of MRPC's are. Short runs of visitors who had none go first.
    short_run_pairs: int = 2_000
    overtaken_seconds: float = 900.0  # one that has waited so long is overtaken no more
    # A second Stop ends a run at once and loses its model: the second click of a double click
    # doesn't mean that.
    double_click_seconds: float = 2.0
    # The folders of ended runs: the oldest go first. One that left the queue untrained leaves
    # nothing to come back to.
    max_run_age_seconds: float = 24 * 3600.0
    max_untrained_seconds: float = 600.0
    max_run_folders: int = 300
    max_runs_bytes: int = 4 * 2**30
    min_free_bytes: int = 2**29
    # Those that a visitor sees side by side: untrained, pair-warmed, ready, one's own, one of the
    # Hub
    max_models_in_memory: int = 5
    # Classes of a day, each with so many pupils; behind one address may be a whole school
    max_classes: int = 200
    max_classes_per_address: int = 20
    max_pupils: int = 300
    # Of a test split so many pairs are judged for each model of a class: all of MRPC's 1,725
    max_test_pairs: int = 2_000
    seed: int = 42
    largest_seed: int = 2**32 - 1

    def environment(self) -> dict[str, str | None]:
        """{variable: value} by which a worker process reads the same settings; None is unset."""
        values = {
            one.metadata["variable"]: getattr(self, one.name)
            for one in fields(self)
            if "variable" in one.metadata
        }
        return {name: None if value is None else str(value) for name, value in values.items()}

    def checked(self, name: str, value: object, low: int = 1) -> int:
        """`value` as an int between `low` and the cap called `name`; anything else is an
        InputError.
        """
        return whole_number(name, value, low, getattr(self, name))


def whole_number(name: str, value: Any, low: int, high: int) -> int:
    """`value` as an int from `low` to `high`; anything else is an InputError that names it."""
    try:
        number = int(value)
        whole = isinstance(value, str) or number == value
    except (TypeError, ValueError, OverflowError):
        whole = False
    if not whole:
        raise InputError(
            say(
                "{name} is {value}, which is not a whole number. Give a whole number from {low} "
                "to {high}.",
                name=name,
                value=shown(value),
                low=low,
                high=high,
            )
        )
    if not low <= number <= high:
        raise InputError(
            say(
                "{name} is {number}, but {low} to {high} is allowed here. Choose a value in "
                "that range.",
                name=name,
                number=shown(number),
                low=low,
                high=high,
            )
        )
    return number
