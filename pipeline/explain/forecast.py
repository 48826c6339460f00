"""What a run will take, before it starts: steps, seconds on this machine, memory, what will be
downloaded.

    >>> parts = memory_parts(Size(100, 60, 1, 8, 16, 2), 2, 4, in_bf16=False)
    >>> [(part.name, part.bytes) for part in parts][:3]
    [('weights', 400), ('gradients', 240), ('AdamW', 480)]

Nothing is trained or downloaded for it but a checkpoint's config and vocabulary: the config says
how many numbers its model has.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

from languages import say, say_plural
from pipeline.config import EVAL_BATCH_SIZE, TrainingConfig
from pipeline.dataset import load_raw_datasets, planned_pairs
from pipeline.edits.changed import check_can_change
from pipeline.errors import HubUnavailable, InputError, SourceError
from pipeline.hub import repository
from pipeline.hub.availability import expect_hub
from pipeline.hub.isolated import ask
from pipeline.hub.sources import cached_files, checkpoint_files, given, stand_in
from pipeline.methods import use_method
from pipeline.metrics import HUB_METRIC, planned_metric
from pipeline.model import on_meta
from pipeline.runs.pace import Pace, evaluations_of, expected_pace, run_seconds
from pipeline.runs.progress import list_runs
from pipeline.settings import ADAPTERS, EMBEDDED_CHECKPOINT, Settings, zero_gpu
from pipeline.task import task_named
from pipeline.tokenization import ask_tokenizer, padding_notes, tokenizer_for
from pipeline.training import has_fast_bf16
from pipeline.vocabulary import unknown_notes

# What a worker takes before it has loaded a model or pairs: Python, PyTorch, transformers, datasets
# and evaluate. Measured: its resident memory with all of pipeline.runs.worker.IMPORTS imported.
LIBRARIES_BYTES = 520 * 10**6
# Batches differ in length, so what one gave back fits the next badly, and oneDNN keeps a routine
# for each length. Measured as the rest of the peak of seven runs of 125 steps: 433 MB where their
# largest passing part takes 10, 1,093 where it takes 377 (and 137 to 282 MB after 12 steps).
LEFT_OVER_BYTES, LEFT_OVER_SHARE = 450 * 10**6, 1.4
# Pairs whose characters are looked up in the vocabulary
LOOKED_AT = 100


@dataclass(frozen=True)
class Size:
    """A classifier's numbers: all parameters, those that learn, and the encoder's shape (`layers`:
    those that learn).

    frozen: layers that only run forwards. notes: what to know of how its rows are padded.
    """

    parameters: int
    trainable: int
    layers: int
    hidden: int
    intermediate: int
    heads: int
    frozen: int = 0
    notes: tuple[str, ...] = ()


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
        """Bytes of all downloads together."""
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
    task = task_named(config.task_name, settings)
    pairs, eval_pairs, data, of_pairs, notes, warnings = _pairs(config, task, settings)
    of_metric = _download(say("metric"), HUB_METRIC, *planned_metric(settings, task))
    downloads = [download_of(config.checkpoint, settings), of_pairs, of_metric]
    size, loaded = size_of(config.checkpoint, config.method, config.frozen_layers, settings)
    if loaded != config.checkpoint:
        warnings.append(
            say(
                "This forecast is for {loaded}, which would be used instead of {checkpoint}.",
                loaded=loaded,
                checkpoint=config.checkpoint,
            )
        )
    warnings += _without_copies(config, task)
    notes += size.notes if size else ()
    notes += _without_evaluations(config)
    steps, per_epoch = config.planned_steps(pairs), config.steps_per_epoch(pairs)
    evaluations = evaluations_of(config, steps, per_epoch)
    times = _work(size) / _work(EMBEDDED) if size else 1.0
    pace = expected_pace(config, list_runs(settings), settings, times)
    seconds = run_seconds(config, pace, pairs, eval_pairs)
    if seconds > settings.max_run_seconds:
        warnings.append(
            say(
                "A run stops after {max_run_seconds:g} s and keeps the model it has by then. "
                "Choose fewer steps or a smaller batch_size to let it finish.",
                max_run_seconds=settings.max_run_seconds,
            )
        )
    # The GPU that ZeroGPU lends a run multiplies bf16 fast; none is there to be asked
    in_bf16 = (
        zero_gpu() or has_fast_bf16() if config.precision == "auto" else config.precision == "bf16"
    )
    memory = memory_parts(size, config.batch_size, config.max_length, in_bf16) if size else []
    if memory:
        measured = say("Python, PyTorch, transformers and datasets (measured)")
        passing = max(part.bytes for part in memory if part.passing)
        memory[:0] = [
            Part(say("libraries"), LIBRARIES_BYTES, measured),
            Part(
                say("kept by the allocator"),
                LEFT_OVER_BYTES + int(LEFT_OVER_SHARE * passing),
                say(
                    "memory that the allocator keeps after batches of other lengths: about "
                    "{base:g} MB + {share} × the larger of the last two (measured after 125 steps)",
                    base=LEFT_OVER_BYTES / 10**6,
                    share=LEFT_OVER_SHARE,
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


def _without_copies(config, task):
    """Why changed copies can't join the pairs of this task, where they are asked for."""
    if not config.changed_share:
        return []
    try:
        check_can_change(task.title, task.labels, task.language)
    except InputError as error:
        return [say("The run would fail: {error}", error=error)]
    return []


def _without_evaluations(config):
    """What of the settings needs evaluations, where there are none."""
    if config.eval_strategy != "no":
        return []
    named = {
        "metric_for_best_model": config.metric_for_best_model != "none",
        "early_stopping_patience": config.early_stopping_patience > 0,
    }
    return [
        say(
            "{name} has no effect with eval_strategy no: a run that isn't evaluated has no best "
            "step. Choose steps or epoch.",
            name=name,
        )
        for name, is_set in named.items()
        if is_set
    ]


def _pairs(config, task, settings):
    """(pairs to learn from, pairs to judge by, where they come from, their Download, notes,
    warnings).
    """
    try:
        if task.refused:
            raise SourceError(task.refused)
        rows, origin, size = planned_pairs(config.source, settings, task)
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
        "There is only {count:,} training pair, fewer than train_pairs asks for.",
        "There are only {count:,} training pairs, fewer than train_pairs asks for.",
        pairs,
    )
    notes = [fewer] if pairs < config.train_pairs else []
    pairs += config.joined_by(pairs)
    if not size and origin.place != "hub cache":  # at hand: nothing is read anew for a note
        notes += _unknown_notes(config, task, settings)
    return (
        pairs,
        eval_pairs,
        origin.said,
        _download(say("pairs"), task.repository, origin, size),
        notes,
        [],
    )


def _unknown_notes(config, task, settings):
    """What the checkpoint's vocabulary lacks of the first training pairs."""
    rows = load_raw_datasets(config.source, settings, task)[0]["train"][:LOOKED_AT]
    texts = [text for name in task.sentences for text in rows[name] if text]
    try:
        return ask_tokenizer(config.checkpoint, unknown_notes, texts, settings=settings)[0]
    except InputError:  # said where the checkpoint is loaded
        return []


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
    judged = EVAL_BATCH_SIZE * max_length
    alive = (
        judged * (8 * size.hidden + 4 * size.intermediate) + 4 * size.heads * judged * max_length
    )
    heads = say_plural("{count} head", "{count} heads", size.heads)
    # Matrix products keep bfloat16 then, norms and softmax float32: 3 bytes on average
    each, kind = (
        (3, say("about 3 bytes (half of the values are bfloat16)"))
        if in_bf16
        else (4, say("4 bytes"))
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
            say("{trainable:,} trainable × 4 bytes", trainable=size.trainable),
        ),
        Part(
            "AdamW",
            8 * size.trainable,
            say("{trainable:,} × two moving averages × 4 bytes", trainable=size.trainable),
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
            say("evaluating"),
            4 * alive,
            say(
                "one layer's intermediate results at a time: {pairs} × {max_length} tokens × (8 × "
                "{hidden} + 4 × {intermediate}) + 4 × {heads} × {pairs} × {max_length}², × 4 bytes",
                pairs=EVAL_BATCH_SIZE,
                max_length=max_length,
                hidden=size.hidden,
                intermediate=size.intermediate,
                heads=heads,
            ),
            passing=True,
        ),
    ]


def size_of(
    name: str, method: str, frozen_layers: int, settings: Settings
) -> tuple[Size | None, str]:
    """(Size of the classifier that a run from checkpoint `name` trains by `method`, or None, what
    would be loaded).

    Raises SourceError for an id that is malformed or not there, InputError for more frozen layers
    than there are.
    """
    return ask(name, _size_of, method, frozen_layers, settings=settings)


def _size_of(name, method, frozen_layers, settings):
    """`size_of` where the checkpoint may be opened."""
    files = checkpoint_files(name, settings=settings)
    size = _size(files.origin.loaded, files.folder, method, frozen_layers)
    with given(files):
        tokenizer, _ = tokenizer_for(name, settings)
    return replace(size, notes=tuple(padding_notes(tokenizer))), files.origin.loaded


# As the families name the width between the two matrices of a layer's feed-forward part
INNER_SIZES = ("intermediate_size", "hidden_dim", "d_ff", "encoder_ffn_dim", "ffn_dim", "d_inner")


@lru_cache(maxsize=64)
def _size(name, folder, method, frozen_layers):
    """Built without memory and without chance, on PyTorch's meta device: only names and shapes are
    there.
    """
    model = on_meta(name, folder)
    config = model.config
    layers, hidden = config.num_hidden_layers, config.hidden_size
    use_method(model, method, frozen_layers, seed=0)
    counts = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    named = (getattr(config, name, None) for name in INNER_SIZES)
    inner = next((size for size in named if size), 4 * hidden)
    # T5 and BART run the pair through as many layers again; frozen_layers counts none of those
    layers += getattr(config, "decoder_layers", getattr(config, "num_decoder_layers", None)) or 0
    frozen_layers = frozen_layers if method in ("full", "lora") else layers
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

# all-MiniLM-L6-v2, for which the estimate of a pair's seconds was measured
EMBEDDED = Size(0, 0, 6, 384, 1536, 12)


def _work(size: Size) -> float:
    """What the matrices of the layers cost for a token. Backwards takes twice as long as forwards;
    frozen layers save it.
    """
    matrices = 4 * size.hidden**2 + 2 * size.hidden * size.intermediate
    return matrices * (size.layers + size.frozen / 3)
