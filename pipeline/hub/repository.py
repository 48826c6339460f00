"""A repository of the Hub that a visitor named: what it lists, what of it may come here, and its
files.

Only named files come: a tokenizer's, a config, weights as safetensors. Each has a cap, the bytes
are counted while they arrive, and on a page all of it happens in a confined process that is ended
where it stalls. So an odd repository costs its own visitor an answer, and nobody else anything.
"""

import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from languages import say
from pipeline.errors import HubUnavailable, ProcessEnded, ProcessFailed, ProcessTimeout, SourceError
from pipeline.hub.availability import (
    expect_hub,
    file_sizes,
    finish,
    hub_reason,
    is_unreachable,
    note_failure,
    run_with_deadline,
    start_in_thread,
    status_of,
)
from pipeline.isolation.confine import (
    ROOT,
    Limits,
    clean_environment,
    confine,
    use_for_temporary_files,
)
from pipeline.isolation.messages import packed, unpacked
from pipeline.settings import EMBEDDED_CHECKPOINT, Settings

MEBIBYTE = 2**20
# What transformers reads of a repository's first folder to make a tokenizer and a config, with the
# most that each may take. The largest in use: XLM-R's tokenizer.json has 17 MB. An adapter's config
# isn't among them: from_pretrained would act on it.
SMALL_FILES = {
    "config.json": MEBIBYTE,
    "tokenizer_config.json": 4 * MEBIBYTE,
    "special_tokens_map.json": MEBIBYTE,
    "added_tokens.json": 4 * MEBIBYTE,
    "tokenizer.json": 40 * MEBIBYTE,
    "vocab.json": 20 * MEBIBYTE,
    "vocab.txt": 20 * MEBIBYTE,
    "merges.txt": 20 * MEBIBYTE,
    "spiece.model": 20 * MEBIBYTE,
    "spm.model": 20 * MEBIBYTE,
    "sentencepiece.bpe.model": 20 * MEBIBYTE,
    "tokenizer.model": 20 * MEBIBYTE,
    "bpe.codes": 20 * MEBIBYTE,
}
INDEX = "model.safetensors.index.json"
# A fast tokenizer is made of any of them
VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json")
MOST_FILES = 20_000
# A download of which nothing arrives for so long is ended; its place is another's
STALLED_SECONDS = 20.0
# The Hub's client writes a little beside the files: refs, locks, and what it knows of each file
SLACK_BYTES = 4 * MEBIBYTE


def listing(name: str, settings: Settings) -> dict[str, int | None]:
    """{file: bytes} of model `name`. Raises SourceError where it is gated or not there.

    Raises HubUnavailable where the Hub doesn't say; see `availability.note_failure`.
    """
    seconds = settings.hub_decision_seconds
    return _asked(name, settings, seconds, _listed, name, seconds)


def _listed(name: str, timeout: float) -> dict[str, int | None]:
    """The listing, asked of the Hub by its client; what fails is ours, since it may cross to
    another process.
    """
    from huggingface_hub import utils

    try:
        sizes = file_sizes("model", name, timeout)
    except utils.GatedRepoError:
        raise SourceError(
            say(
                "{name} is gated: its owner asks you to sign in first. Choose an open checkpoint.",
                name=name,
            )
        ) from None
    except (utils.RepositoryNotFoundError, utils.RevisionNotFoundError):
        raise SourceError(
            say("The Hub has no model {name!r}. Check the spelling of owner and name.", name=name)
        ) from None
    except Exception as error:
        raise _refused_or_failed(name, error) from None
    if len(sizes) > MOST_FILES:
        raise SourceError(
            say(
                "{name} has {count:,} files; the limit here is {most:,}. Choose another.",
                name=name,
                count=len(sizes),
                most=MOST_FILES,
            )
        )
    return {file: size for file, size in sizes.items() if _is_wanted(file)}


class _Failed(SourceError):
    """The Hub failed: (reason, whether no connection came about). A SourceError so that it may come
    back from a process.
    """

    @classmethod
    def of(cls, error: BaseException) -> "_Failed":
        return cls(hub_reason(error), is_unreachable(error))


def _refused_or_failed(name: str, error: Exception) -> SourceError:
    """A plain no of the Hub's is an answer about this repository; anything else is a failure."""
    if status_of(error) in (401, 403, 404, 410, 451):
        return SourceError(
            say(
                "The Hub denies this server access to {name} (it answered {status}). Choose an "
                "open checkpoint.",
                name=name,
                status=status_of(error),
            )
        )
    return _Failed.of(error)


def _asked(name: str, settings: Settings, seconds: float, function: Callable, *args: Any) -> Any:
    """function(*args) about repository `name`, in a process of its own on a page; its failure is
    noted.
    """
    expect_hub(name)
    with _failure_noted(name, settings):
        if settings.isolates:
            return _in_process(settings, 2**20, seconds, None, function, *args)
        return run_with_deadline(seconds, function, *args)


@contextmanager
def _failure_noted(name: str, settings: Settings) -> Iterator[None]:
    """Within it, a failure of the Hub's about this repository is noted, and raised as
    HubUnavailable.
    """
    try:
        yield
        return
    except _Failed as failed:
        reason, unreachable = failed.args
    except HubUnavailable as error:
        reason, unreachable = error.args[0], False
    note_failure(name, reason, unreachable, settings)
    raise HubUnavailable(reason)


def _in_process(
    settings: Settings,
    file_bytes: int,
    seconds: float,
    watch: Callable | None,
    function: Callable,
    *args: Any,
) -> Any:
    """function(*args) in a confined process that may ask the network and write into the Hub's
    cache.
    """
    from huggingface_hub import constants

    from pipeline.isolation import processes

    cache = Path(constants.HF_HUB_CACHE)
    cache.mkdir(parents=True, exist_ok=True)
    process = processes.Process(
        [], [cache], settings.isolated_memory_bytes, file_bytes, network=True
    )
    try:
        return processes.ask_once(process, function, *args, seconds=seconds, watch=watch)
    except ProcessTimeout:
        raise HubUnavailable(say("no answer within {seconds:g} s", seconds=seconds)) from None
    except (ProcessEnded, ProcessFailed) as error:
        raise HubUnavailable(
            say("the Hub's client failed ({error})", error=type(error).__name__)
        ) from error


# ---------------------------------------------------------------- what may come


def _is_wanted(file: str) -> bool:
    return file in SMALL_FILES or file == INDEX or _is_weights(file)


def _is_weights(file: str) -> bool:
    return file.endswith(".safetensors") and "/" not in file and not file.startswith("adapter_")


def wanted_bytes(sizes: Mapping[str, int | None], weights: bool, settings: Settings) -> int:
    """{file: bytes} -> bytes of those that are downloaded and loaded; where a size isn't told, the
    most there may be.
    """
    wanted = [
        size
        for file, size in sizes.items()
        if file in SMALL_FILES or (weights and _is_wanted(file))
    ]
    told = [size for size in wanted if size is not None]
    return sum(told) if len(told) == len(wanted) else settings.max_checkpoint_bytes


def check_listing(
    name: str, sizes: Mapping[str, int | None], weights: bool, settings: Settings
) -> None:
    """Raises SourceError for a repository that lacks what is needed, or has a file over its cap."""
    if "config.json" not in sizes:
        raise SourceError(
            say(
                "{name} has no config.json, so transformers can't tell its architecture. Choose "
                "another.",
                name=name,
            )
        )
    sentencepiece = [file for file in sizes if file.endswith(".model")]
    if sentencepiece and not any(file in sizes for file in VOCABULARIES):
        raise only_sentencepiece(name, sentencepiece[0])
    if weights and not any(map(_is_weights, sizes)):
        raise SourceError(
            say(
                "{name} has no safetensors weights, and a pickle can run code when it is loaded. "
                "Choose a checkpoint with model.safetensors.",
                name=name,
            )
        )
    for file, most in {**SMALL_FILES, INDEX: 4 * MEBIBYTE}.items():
        size = sizes.get(file) or 0
        if size > most:
            raise SourceError(
                say(
                    "{file} of {name} takes {size:.1f} MB; the limit here is {most:.1f} MB. "
                    "Choose another.",
                    file=file,
                    name=name,
                    size=size / 10**6,
                    most=most / 10**6,
                )
            )
    check_size(name, wanted_bytes(sizes, weights, settings), settings)


def only_sentencepiece(name: str, file: str) -> SourceError:
    """The refusal of a checkpoint whose vocabulary is in `file` alone."""
    return SourceError(
        say(
            "{name} has its vocabulary only in SentencePiece's own format ({file}), and no "
            "tokenizer.json. Choose a checkpoint with one.",
            name=name,
            file=file,
        )
    )


def check_size(name: str, size: int, settings: Settings) -> None:
    """A visitor may name any model there is; a large one would fill the disk, or the memory that
    all share.
    """
    most = settings.max_checkpoint_bytes
    if size > most:
        raise SourceError(
            say(
                "{name} takes {size:.1f} GB; the limit here is {most:.1f} GB. Choose a smaller "
                "one, such as {embedded}.",
                name=name,
                size=size / 10**9,
                most=most / 10**9,
                embedded=EMBEDDED_CHECKPOINT,
            )
        )


def _check_room(size: int, settings: Settings) -> None:
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE)
    free = shutil.disk_usage(
        next(folder for folder in (cache, *cache.parents) if folder.exists())
    ).free
    if free - size < settings.min_free_bytes:
        raise HubUnavailable(
            say("this server's disk has no room for its {size:.1f} GB", size=size / 10**9)
        )


def bytes_below(folder: Path) -> int:
    """What the files below a folder take on the disk, links left out."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += 0 if path.is_symlink() else path.stat().st_blocks * 512
        except OSError:  # it was moved meanwhile
            continue
    return total


# ---------------------------------------------------------------- its files

under_way: dict[tuple, Future] = {}
_arrived: dict[str, int] = {}  # model that this server downloaded -> its bytes, the oldest first
_beginning = threading.Lock()


def download(name: str, weights: bool, settings: Settings) -> Path:
    """The folder with the files of model `name` that are wanted, after all checks of its listing.

    Raises SourceError for what may not come here, HubUnavailable where the Hub fails or
    `settings.hub_download_seconds` are over; the download goes on then.
    """
    began = time.monotonic()
    sizes = listing(name, settings)
    check_listing(name, sizes, weights, settings)
    most = wanted_bytes(sizes, weights, settings)
    make_room(name, most, settings)
    _check_room(most, settings)
    return Path(finish(settings, began, _begun(name, weights, most, settings)))


def make_room(name: str, most: int, settings: Settings) -> None:
    """Keep what strangers had this server download within its cap: the oldest goes first."""
    with _beginning:
        _arrived[name] = max(most, _arrived.pop(name, 0))  # asked for again, nothing more arrives
        while len(_arrived) > 1 and sum(_arrived.values()) > settings.max_hub_cache_bytes:
            oldest = next(iter(_arrived))
            del _arrived[oldest]
            shutil.rmtree(_cache_of(oldest), ignore_errors=True)


def _begun(name: str, weights: bool, most: int, settings: Settings) -> Future:
    """The Future of this download; whoever asks for the same meanwhile waits for that one."""
    with _beginning:
        future = under_way.get((name, weights))
        if not future:
            if len(under_way) >= settings.max_downloads_at_once:
                raise HubUnavailable(
                    say("{count} downloads are already running", count=len(under_way))
                )
            future = under_way[name, weights] = start_in_thread(
                _counted_download, name, weights, most, settings
            )
            future.add_done_callback(lambda _done: under_way.pop((name, weights), None))
        return future


def _counted_download(name: str, weights: bool, most: int, settings: Settings) -> str:
    """Download, and end it where nothing arrives for long or more arrives than was listed."""
    folder = _cache_of(name)
    watch = _Watch(name, folder, most + bytes_below(folder) + SLACK_BYTES)
    with _failure_noted(name, settings):
        if settings.isolates:
            most_of_a_file = most + SLACK_BYTES
            return _in_process(
                settings,
                most_of_a_file,
                settings.max_download_seconds,
                watch,
                _download,
                name,
                weights,
            )
        if settings.confines:
            return _in_a_child(
                name, weights, most + SLACK_BYTES, settings.max_download_seconds, watch
            )
        return _download(name, weights)


# A run's worker has no fork server; a fresh interpreter with the Hub's client alone starts in a
# second
CHILD = "from pipeline.hub.repository import serve_download; serve_download()"


def _in_a_child(
    name: str, weights: bool, most_of_a_file: int, seconds: float, watch: Callable[[], None]
) -> str:
    """`_download` in a confined process of its own, looked at while it goes on. Raises as
    `_counted_download`.
    """
    until = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as private:
        command = [
            sys.executable,
            "-c",
            CHILD,
            name,
            str(int(weights)),
            str(most_of_a_file),
            private,
        ]
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**clean_environment(), "HF_HUB_DISABLE_XET": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    child.wait(0.5)  # an answer is shorter than what a pipe holds
                    break
                watch()
                if time.monotonic() > until:
                    raise HubUnavailable(say("no answer within {seconds:g} s", seconds=seconds))
            raw = child.stdout.read() if child.stdout else b""
        finally:
            child.kill()
            child.communicate()
    try:
        kind, value = unpacked(raw)
    except (EOFError, pickle.UnpicklingError) as error:
        raise HubUnavailable(
            say("the Hub's client failed ({error})", error=type(error).__name__)
        ) from error
    if kind == "refused":
        raise value
    return value


def serve_download() -> None:
    """Be that process: name, weights, the largest file and a private folder on the command line;
    the answer to stdout.
    """
    from huggingface_hub import constants

    name, weights, most_of_a_file, private = sys.argv[1:]
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    cache = Path(constants.HF_HUB_CACHE)
    cache.mkdir(parents=True, exist_ok=True)
    use_for_temporary_files(Path(private))
    confine([], [cache, Path(private)], Limits(2**31, int(most_of_a_file)), network=True)
    try:
        answer: tuple[str, object] = ("made", _download(name, weights == "1"))
    except SourceError as error:
        answer = "refused", error
    sys.stdout.buffer.write(packed(answer))


def _end_with_stdin() -> None:
    """End with whoever waits for the download: it holds the other end of stdin."""
    sys.stdin.buffer.read()
    os._exit(1)


def _cache_of(name: str) -> Path:
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    return Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=name, repo_type="model")


class _Watch:
    """Looks at what has arrived. Raises HubUnavailable for a download to be ended."""

    def __init__(self, name: str, folder: Path, most: int) -> None:
        self.name, self.folder, self.most = name, folder, most
        self.seen, self.since = -1, time.monotonic()

    def __call__(self) -> None:
        arrived = bytes_below(self.folder)
        if arrived > self.most:
            raise HubUnavailable(say("its download is larger than the Hub lists"))
        if arrived != self.seen:
            self.seen, self.since = arrived, time.monotonic()
        elif time.monotonic() - self.since > STALLED_SECONDS:
            raise HubUnavailable(
                say("no data of it has arrived for {seconds:g} s", seconds=STALLED_SECONDS)
            )


def _download(name: str, weights: bool) -> str:
    from huggingface_hub import snapshot_download

    def fetch(*patterns: str) -> str:
        try:
            return snapshot_download(
                name, allow_patterns=list(patterns), ignore_patterns=["*/*", "adapter_*"]
            )
        except Exception as error:
            raise _refused_or_failed(name, error) from None

    folder = fetch(*SMALL_FILES)
    if not weights:
        return folder
    # What may not be opened anyway costs no large file
    from pipeline.hub.checkpoint_rules import check_folder

    check_folder(name, Path(folder))
    if not any((Path(folder) / file).is_file() for file in VOCABULARIES):
        raise SourceError(
            say(
                "{name} has no tokenizer (none of {files}). Choose another.",
                name=name,
                files=", ".join(VOCABULARIES),
            )
        )
    return fetch(*SMALL_FILES, "*.safetensors", INDEX)
