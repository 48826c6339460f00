"""What a run will take, before it starts: steps, seconds on this machine, memory, what will be
downloaded.

    >>> [(part.name, part.bytes) for part in memory_parts(Size(100, 60, 1, 8, 16, 2), 2, 4, in_bf16=False)][:3]
    [('weights', 400), ('gradients', 240), ('AdamW', 480)]

Nothing is trained or downloaded for it but a checkpoint's config and vocabulary: the config says
how many numbers its model has.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from typing import TYPE_CHECKING

from languages import say, say_plural
from pipeline.config import TrainingConfig, config_from
from pipeline.dataset import pairs_ahead
from pipeline.errors import HubUnavailable, SourceError
from pipeline.hub import repository
from pipeline.hub.availability import expect_hub
from pipeline.hub.isolated import ask
from pipeline.hub.sources import cached_files, checkpoint_files, stand_in
from pipeline.metrics import HUB_METRIC, metric_ahead
from pipeline.model import on_meta
from pipeline.runs.supervisor import SECONDS_A_PAIR, SECONDS_TO_START, list_runs, read_run
from pipeline.settings import ADAPTERS, EMBEDDED_CHECKPOINT, Settings, zero_gpu
from pipeline.task import task_named
from pipeline.training import freeze, has_fast_bf16

if TYPE_CHECKING:  # importing these takes seconds, or goes round in a circle
    from pipeline.runs.supervisor import Run

# What a worker takes before it has loaded a model or pairs: Python, PyTorch, transformers, datasets
# and evaluate. Measured: its resident memory with all of workers.IMPORTS imported.
LIBRARIES_BYTES = 520 * 10**6
# Batches differ in length, so what one gave back fits the next badly, and oneDNN keeps a routine
# for each length. Measured as the rest of the peak of runs of 12 and 125 steps, in shares of their
# largest passing part: 0.3 to 1.2.
LEFT_OVER = 0.8
# Trainer's per_device_eval_batch_size, as build_training_args sets it
JUDGED_AT_ONCE = 64
# A run's pace is that of the machine in its minute: other runs, other visitors. The median of a few
# is steadier.
RUNS_LOOKED_AT, RUNS_TAKEN = 12, 5


@dataclass(frozen=True)
class Size:
    """A classifier's numbers: all parameters, those that learn, and the encoder's shape (`layers`:
    those that learn).

    frozen: layers that only run forwards.
    """

    parameters: int
    trainable: int
    layers: int
    hidden: int
    intermediate: int
    heads: int
    frozen: int = 0


@dataclass(frozen=True)
class Part:
    """One share of a run's memory, and the arithmetic behind it."""

    name: str
    bytes: int
    arithmetic: str
    passing: bool = False  # held for the length of a step or an evaluation only


@dataclass(frozen=True)
class Download:
    """What a run fetches before its first step; `said`: from where, or why it need not."""

    name: str
    bytes: int
    said: str


@dataclass(frozen=True)
class Pace:
    """Seconds until the first event, for a pair in training, and for a pair judged; `source` says
    where they are from.

    peak_bytes: the most memory that runs took here that were alike in all that memory depends on,
    where they told;
    peak_source: what that is.
    """

    start: float
    pair: float
    judged: float
    source: str
    peak_bytes: int | None = None
    peak_source: str = ""


@dataclass(frozen=True)
class Forecast:
    """A run's expected course. `seconds` and `bytes` are estimates; `memory` reckons every pair
    with max_length tokens.
    """

    config: TrainingConfig
    pairs: int
    eval_pairs: int
    steps_per_epoch: int
    steps: int
    evaluations: int
    seconds: float
    pace: Pace
    size: Size | None
    memory: list[Part]
    downloads: list[Download]
    data: str
    notes: list[str]  # what the settings ask for and won't get
    warnings: list[str]  # what would end the run otherwise than expected

    @property
    def bytes(self) -> int:
        """As measured where that is known, else as reckoned."""
        return self.pace.peak_bytes or self.reckoned_bytes

    @property
    def download_bytes(self) -> int:
        return sum(download.bytes for download in self.downloads)

    @property
    def reckoned_bytes(self) -> int:
        """Of the parts that come and go, the larger counts: a run doesn't judge while it learns."""
        passing = [part.bytes for part in self.memory if part.passing]
        return sum(part.bytes for part in self.memory if not part.passing) + max(passing, default=0)


def forecast(config: TrainingConfig, settings: Settings) -> Forecast:
    """TrainingConfig -> Forecast. Raises InputError for a setting out of bounds, or a checkpoint
    that isn't there.
    """
    config = config.checked(settings)
    pairs, eval_pairs, data, of_pairs, notes, warnings = _pairs(config, settings)
    of_metric = _download(say("metric"), HUB_METRIC, *metric_ahead(settings))
    downloads = [download_of(config.checkpoint, settings), of_pairs, of_metric]
    size, loaded = size_of(config.checkpoint, config.frozen_layers, settings)
    if loaded != config.checkpoint:
        warnings.append(
            say(
                "The forecast is that of {loaded}, which would stand in for {checkpoint}.",
                loaded=loaded,
                checkpoint=config.checkpoint,
            )
        )
    steps, per_epoch = config.planned_steps(pairs), config.steps_per_epoch(pairs)
    evaluations = _evaluations(config, steps, per_epoch)
    pace = pace_of(config, size, settings)
    seconds = (
        pace.start
        + pace.pair * steps * config.effective_batch_size
        + pace.judged * evaluations * eval_pairs
    )
    if seconds > settings.max_run_seconds:
        warnings.append(
            say(
                "A run is stopped after {max_run_seconds:g} s, and keeps the model it has by "
                "then. Choose fewer "
                "steps or a smaller batch_size to see it through.",
                max_run_seconds=settings.max_run_seconds,
            )
        )
    # The GPU that ZeroGPU lends a run multiplies bf16 fast; none is there to be asked
    in_bf16 = (
        zero_gpu() or has_fast_bf16() if config.precision == "auto" else config.precision == "bf16"
    )
    memory = memory_parts(size, config.batch_size, config.max_length, in_bf16) if size else []
    if memory:
        measured = say("Python, PyTorch, transformers and datasets, as measured")
        kept = int(LEFT_OVER * max(part.bytes for part in memory if part.passing))
        memory[:0] = [
            Part(say("libraries"), LIBRARIES_BYTES, measured),
            Part(
                say("kept by the allocator"),
                kept,
                say(
                    "what batches of other lengths leave behind in the allocator: about {share} "
                    "of the larger of "
                    "the last two, as measured",
                    share=LEFT_OVER,
                ),
            ),
        ]
    return Forecast(
        config,
        pairs,
        eval_pairs,
        per_epoch,
        steps,
        evaluations,
        seconds,
        pace,
        size,
        memory,
        downloads,
        data,
        notes,
        warnings,
    )


def _pairs(config, settings):
    """(pairs to learn from, pairs to judge by, where they come from, their Download, notes,
    warnings).
    """
    try:
        task = task_named(config.task)
        rows, origin, size = pairs_ahead(config.source, settings, task)
    except SourceError as error:
        fails = say("The run would fail: {error}", error=error)
        return (
            config.train_pairs,
            config.eval_pairs,
            error.args[0],
            Download(say("pairs"), 0, fails),
            [],
            [fails],
        )
    pairs, eval_pairs = (
        min(config.train_pairs, rows["train"]),
        min(config.eval_pairs, rows["validation"]),
    )
    fewer = say_plural(
        "There is {count:,} pair to learn from, fewer than train_pairs asks for.",
        "There are {count:,} pairs to learn from, fewer than train_pairs asks for.",
        pairs,
    )
    notes = [fewer] if pairs < config.train_pairs else []
    return (
        pairs,
        eval_pairs,
        origin.said,
        _download(say("pairs"), task.repository, origin, size),
        notes,
        [],
    )


def _evaluations(config, steps, per_epoch):
    """How often the run judges: before its first step, as asked, and after its last step if that
    wasn't judged yet.
    """
    every = {"steps": config.eval_steps, "epoch": per_epoch, "no": steps + 1}[config.eval_strategy]
    return 1 + steps // every + (1 if steps % every else 0)


# ---------------------------------------------------------------- memory


def memory_parts(size: Size, batch_size: int, max_length: int, in_bf16: bool) -> list[Part]:
    """What a step of AdamW holds at most. Four bytes to a float32; bfloat16 saves on what the
    layers keep for backward.

    A layer of BERT keeps 8 vectors of the hidden size and 2 of the intermediate size for each token
    (what the matrix products and norms were given), and one number for each two tokens that look at
    each other, for each head.
    """
    tokens = batch_size * max_length
    kept = size.layers * (
        tokens * (8 * size.hidden + 2 * size.intermediate) + size.heads * tokens * max_length
    )
    judged = JUDGED_AT_ONCE * max_length
    alive = (
        judged * (8 * size.hidden + 4 * size.intermediate) + 4 * size.heads * judged * max_length
    )
    heads = say_plural("{count} head", "{count} heads", size.heads)
    # Matrix products keep bfloat16 then, norms and softmax float32: 3 bytes on average
    each, kind = (
        (3, say("about 3 bytes, half of them bfloat16")) if in_bf16 else (4, say("4 bytes"))
    )
    return [
        Part(
            say("weights"),
            4 * size.parameters,
            say("{parameters:,} × 4 bytes", parameters=size.parameters),
        ),
        Part(
            say("gradients"),
            4 * size.trainable,
            say("{trainable:,} that learn × 4 bytes", trainable=size.trainable),
        ),
        Part(
            "AdamW",
            8 * size.trainable,
            say("{trainable:,} × two averages × 4 bytes", trainable=size.trainable),
        ),
        Part(
            say("activations saved for the backward pass"),
            each * kept,
            say(
                "{layers} × ({batch_size} × {max_length} tokens × (8 × {hidden} + 2 × "
                "{intermediate}) + {heads} × {batch_size} × {max_length}²) × {kind}",
                layers=say_plural("{count} layer", "{count} layers", size.layers),
                batch_size=batch_size,
                max_length=max_length,
                hidden=size.hidden,
                intermediate=size.intermediate,
                heads=heads,
                kind=kind,
            ),
            passing=True,
        ),
        Part(
            say("judging"),
            4 * alive,
            say(
                "one layer's intermediate results at a time: {pairs} × {max_length} "
                "tokens × (8 × {hidden} + 4 × "
                "{intermediate}) + 4 × {heads} × {pairs} × {max_length}², × 4 bytes",
                pairs=JUDGED_AT_ONCE,
                max_length=max_length,
                hidden=size.hidden,
                intermediate=size.intermediate,
                heads=heads,
            ),
            passing=True,
        ),
    ]


def size_of(name: str, frozen_layers: int, settings: Settings) -> tuple[Size | None, str]:
    """(Size of the classifier that a run from checkpoint `name` trains, or None, what would be
    loaded).

    Raises SourceError for an id that is malformed or not there, InputError for more frozen layers
    than there are.
    """
    return ask(name, _size_of, frozen_layers, settings=settings)


def _size_of(name, frozen_layers, settings):
    """`size_of` where the checkpoint may be opened."""
    files = checkpoint_files(name, settings=settings)
    return _size(files.origin.loaded, files.folder, frozen_layers), files.origin.loaded


@lru_cache(maxsize=64)
def _size(name, folder, frozen_layers):
    """Built without memory and without chance, on PyTorch's meta device: only names and shapes are
    there.
    """
    model = on_meta(name, folder)
    config = model.config
    layers, hidden = config.num_hidden_layers, config.hidden_size
    freeze(model, frozen_layers)
    counts = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    inner = (
        getattr(config, "intermediate_size", None)
        or getattr(config, "hidden_dim", None)
        or 4 * hidden
    )
    return Size(
        sum(count for count, _ in counts),
        sum(count for count, learns in counts if learns),
        layers - frozen_layers,
        hidden,
        inner,
        config.num_attention_heads,
        frozen_layers,
    )


# ---------------------------------------------------------------- downloads


def download_of(name: str, settings: Settings) -> Download:
    """The Download of checkpoint `name`, weights and all."""
    if name in ADAPTERS or name == EMBEDDED_CHECKPOINT:
        return Download(say("model"), 0, say("nothing: it comes with the app"))
    if files := cached_files(name, weights=True):
        return _download(say("model"), name, files.origin, 0)
    try:
        expect_hub()
        return Download(
            say("model"), _hub_bytes(name, settings), say("{name} from the Hub", name=name)
        )
    except HubUnavailable as error:
        return _download(say("model"), name, stand_in(name, error).origin, 0)


def _download(what, name, origin, size):
    """The Download of `what`: repository `name` of the Hub, or what the Origin says of where it is
    already.
    """
    if size:
        return Download(what, size, say("{name} from the Hub", name=name))
    if origin.place in ("hub", "hub cache"):
        return Download(what, 0, say("nothing: it was downloaded earlier"))
    if origin.place in ("embedded", "shortcut") and not origin.stands_in:
        return Download(what, 0, say("nothing: it comes with the app"))
    return Download(what, 0, say("nothing: {origin}", origin=origin.said))


@lru_cache(maxsize=64)
def _hub_bytes(name, settings):
    sizes = repository.listing(name, settings)
    repository.check_listing(name, sizes, True, settings)
    return repository.wanted_bytes(sizes, True, settings)


# ---------------------------------------------------------------- seconds


def pace_of(config: TrainingConfig, size: Size | None, settings: Settings) -> Pace:
    """The median pace of this server's newest runs that are most like this one, or a stated
    estimate.
    """
    runs = [
        run
        for run in reversed(list_runs(settings))
        if run.config.get("checkpoint") == config.checkpoint
        and run.state in ("done", "stopped", "running")
    ][:RUNS_LOOKED_AT]
    for likeness in sorted({_likeness(run.config, config) for run in runs}, reverse=True):
        alike = [
            read_run(run.id, settings) for run in runs if _likeness(run.config, config) == likeness
        ]
        if measured := [(run, pace) for run in alike if (pace := measured_pace(run))][:RUNS_TAKEN]:
            return _median_pace(measured, config)
    times = _work(size) / _work(EMBEDDED) if size else 1.0
    pair = SECONDS_A_PAIR * times
    how = say(
        "{seconds:g} s for a pair with the embedded checkpoint",
        seconds=SECONDS_A_PAIR,
    )
    if abs(times - 1) > 0.05:
        how = say(
            "{seconds:g} s for a pair with the embedded checkpoint, × {times:.2g} for the "
            "layers that run and "
            "learn here",
            seconds=SECONDS_A_PAIR,
            times=times,
        )
    return Pace(
        SECONDS_TO_START,
        pair,
        pair / 3,
        say("an estimate, as no run from this checkpoint was seen here yet: {how}", how=how),
    )


def _median_pace(measured, config):
    """[(run, its Pace), …], all equally like this one -> one Pace."""
    count = len(measured)
    same = _names(
        "checkpoint",
        *(name for name in ALIKE if all(_is_alike(run, config, name) for run, _ in measured)),
    )
    source = (
        say("measured here: an earlier run with the same {names}", names=same)
        if count == 1
        else say(
            "measured here: the median of {count} earlier runs with the same {names}",
            count=count,
            names=same,
        )
    )
    needed = (*ALIKE, "max_length")
    peaks = [
        pace.peak_bytes
        for run, pace in measured
        if pace.peak_bytes and all(_is_alike(run, config, name) for name in needed)
    ]
    known = say(
        "the most that an earlier run with the same {names} took here",
        names=_names("checkpoint", *needed),
    )
    start, pair, judged = (
        median(getattr(pace, name) for _, pace in measured) for name in ("start", "pair", "judged")
    )
    return (
        Pace(start, pair, judged, source, max(peaks), known)
        if peaks
        else Pace(start, pair, judged, source)
    )


def _is_alike(run, config, name):
    return run.config.get(name) == getattr(config, name)


def _names(*names):
    return ", ".join(names)


# all-MiniLM-L6-v2, for which SECONDS_A_PAIR was measured
EMBEDDED = Size(0, 0, 6, 384, 1536, 12)


def _work(size):
    """What the matrices of the layers cost for a token. Backwards takes twice as long as forwards;
    frozen layers save it.
    """
    matrices = 4 * size.hidden**2 + 2 * size.hidden * size.intermediate
    return matrices * (size.layers + size.frozen / 3)


ALIKE = ("frozen_layers", "precision", "batch_size")


def _likeness(one, config):
    return sum(one.get(name) == getattr(config, name) for name in ALIKE)


def measured_pace(run: Run) -> Pace | None:
    """Pace out of a run's own events; None where it told too few.

    Single steps vary, and one of them may have waited for an evaluation: the median of the gaps is
    taken.
    """
    start, log = run.first("start"), run.of("log")
    gaps = [
        later["seconds"] - earlier["seconds"]
        for earlier, later in zip(log, log[1:], strict=False)
        if later["step"] == earlier["step"] + 1
    ]
    if not start or len(gaps) < 4 or not run.config:
        return None
    judged = _judging(run.events, start.get("eval_pairs"))
    pair = median(gaps) / config_from(run.config).effective_batch_size
    end = run.first(run.state) if run.ended else None
    return Pace(
        start["seconds"],
        pair,
        pair / 3 if judged is None else judged,
        "",
        (end or {}).get("peak_bytes"),
    )


def _judging(events, pairs):
    """Seconds a pair of an evaluation between two steps; the very first may have been remembered
    from another run.
    """
    times = [
        after["seconds"] - before["seconds"]
        for before, after in zip(events, events[1:], strict=False)
        if (before["event"], after["event"]) == ("log", "evaluation")
    ]
    return median(times) / pairs if times and pairs else None
