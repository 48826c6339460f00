"""Questions to the Hub that end in time, and what is known of a Hub that doesn't answer.

>>> run_with_deadline(1.0, max, 2, 3)
3
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from fnmatch import fnmatch
from functools import lru_cache
from typing import Any

from languages import say
from pipeline.errors import HubUnavailable, SourceError
from pipeline.settings import NOTES_CHECKPOINT, Settings

# ---------------------------------------------------------------- waiting, but not for long


def run_with_deadline(seconds: float, function: Callable, *args: Any, **kwargs: Any) -> Any:
    """The result of `function`, or its exception, or HubUnavailable after `seconds`.

    The thread is a daemon and goes on: a download that took too long is found in the cache next
    time.
    """
    return wait_for(seconds, start_in_thread(function, *args, **kwargs))


def start_in_thread(function: Callable, *args: Any, **kwargs: Any) -> Future:
    """The Future of function(*args, **kwargs) in a thread of its own."""
    future: Future = Future()

    def work() -> None:
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, daemon=True, name=f"within-{function.__name__}").start()
    return future


def wait_for(seconds: float, future: Future) -> Any:
    """The future's result, or HubUnavailable where it has none after `seconds`."""
    try:
        return future.result(seconds)
    except FutureTimeout:
        if future.done():  # the function's own TimeoutError, not ours
            raise
        raise HubUnavailable(say("no answer within {seconds:g} s", seconds=seconds)) from None


# ---------------------------------------------------------------- is it there?

SWITCHED_OFF = say("HF_HUB_OFFLINE is set")
# So many repositories that fail within `hub_retry_seconds` may be no fault of one of them
REPOSITORIES_THAT_MEAN_DOWN = 3

_refusal: dict[str, Any] = {"until": 0.0, "reason": ""}
_failed: dict[str, tuple[float, str]] = {}  # repository -> (not asked again before, why)


def hub_is_switched_off() -> bool:
    """Whether HF_HUB_OFFLINE forbids asking."""
    from huggingface_hub import constants

    return (
        constants.is_offline_mode()
        if hasattr(constants, "is_offline_mode")
        else constants.HF_HUB_OFFLINE
    )


def expect_hub(repository: str = "") -> None:
    """HubUnavailable where the Hub, or this repository, wouldn't be asked now. Asks nothing."""
    if hub_is_switched_off():
        raise HubUnavailable(SWITCHED_OFF)
    if time.monotonic() < _refusal["until"]:
        raise HubUnavailable(_refusal["reason"])
    until, reason = _failed.get(repository, (0.0, ""))
    if time.monotonic() < until:
        raise HubUnavailable(reason)


def ask_hub(settings: Settings, question: Callable, *args: Any, **kwargs: Any) -> Any:
    """Put one `question` about a repository of the app's own to the Hub, bounded; any failure but
    "not there" is HubUnavailable.

    A Hub that just failed is not asked again for `settings.hub_retry_seconds`: thirty visitors
    shouldn't each wait five seconds to learn the same. An answer that is about this one question is
    no failure.
    """
    from huggingface_hub import utils

    expect_hub()
    try:
        return run_with_deadline(settings.hub_decision_seconds, question, *args, **kwargs)
    except (utils.RepositoryNotFoundError, utils.GatedRepoError, utils.RevisionNotFoundError):
        raise
    except Exception as error:
        reason = hub_reason(error)
        if _is_down(error):
            _refusal.update(until=time.monotonic() + settings.hub_retry_seconds, reason=reason)
        raise HubUnavailable(reason) from error


def note_failure(repository: str, reason: str, unreachable: bool, settings: Settings) -> None:
    """A visitor's repository failed: it is left alone for a while, and the Hub with it only where
    it can't be reached at all, or others failed as well and it doesn't answer about a model that
    everybody knows: one visitor can name several odd repositories.
    """
    now = time.monotonic()
    for name in [name for name, (until, _) in _failed.items() if until <= now]:
        del _failed[name]
    _failed[repository] = now + settings.hub_retry_seconds, reason
    if unreachable or (
        len(_failed) >= REPOSITORIES_THAT_MEAN_DOWN and not _answers_of_others(settings)
    ):
        _refusal.update(until=now + settings.hub_retry_seconds, reason=reason)


def _answers_of_others(settings: Settings) -> bool:
    """Whether the Hub says anything of a model that is no visitor's choice, be it that it hasn't
    got it.
    """
    from huggingface_hub import HfApi

    try:
        run_with_deadline(
            settings.hub_decision_seconds,
            HfApi().model_info,
            NOTES_CHECKPOINT,
            timeout=settings.hub_decision_seconds,
        )
    except Exception as error:
        return bool(status_of(error)) and not _is_down(error)
    return True


def forget_failures() -> None:
    """Ask the Hub afresh next time."""
    _refusal.update(until=0.0, reason="")
    _failed.clear()


@contextmanager
def unless_missing(reason: str) -> Iterator[None]:
    """Within it, a Hub that hasn't what it is asked for is one that can't be had, because of
    `reason`.
    """
    from huggingface_hub import utils

    try:
        yield
    except utils.RepositoryNotFoundError:
        raise HubUnavailable(reason) from None


def _is_down(error: BaseException) -> bool:
    """Whether the Hub as a whole fails: it has too much to do, or gave no answer. A 403 is about
    what was asked for.
    """
    status = status_of(error)
    return (
        status >= 500 or status == 429 if status else not isinstance(error, ValueError | TypeError)
    )


def is_unreachable(error: BaseException) -> bool:
    """Whether no connection came about, which is no fault of a repository's."""
    text = f"{type(error).__name__} {error}".lower()
    return not status_of(error) and (
        "connect" in text or "name resolution" in text or "resolve host" in text
    )


def status_of(error: BaseException) -> int | None:
    """The HTTP status that an error of a Hub client's carries, if any."""
    return getattr(getattr(error, "response", None), "status_code", None)


def hub_reason(error: BaseException) -> str:
    """One short line for a person out of whatever a Hub client raised."""
    if isinstance(error, HubUnavailable):
        return error.args[
            0
        ]  # as it was said: this one may be kept, and told to readers of another language
    if status := status_of(error):
        return say("the Hub answered {status}", status=status)
    text = f"{type(error).__name__} {error}".lower()
    if "offline" in text:
        return SWITCHED_OFF
    if "timeout" in text or "timed out" in text:
        return say("the Hub did not answer in time")
    if is_unreachable(error):
        return say("the Hub can't be reached")
    if "incomplete" in text or "peer closed" in text or "consistency" in text or "protocol" in text:
        return say("the Hub interrupted the download")
    return say("the Hub's client failed ({error})", error=type(error).__name__)


def is_permanent(error: BaseException) -> bool:
    """Whether the Hub won't be asked later, either: whoever started this process has switched it
    off.
    """
    return hub_reason(error) == SWITCHED_OFF


# ---------------------------------------------------------------- downloads of the app's own

_under_way: dict[tuple, Future] = {}
_beginning = threading.Lock()


def finish_download(
    settings: Settings, began: float, download: Callable, *args: Any, **kwargs: Any
) -> Any:
    """The download's result, or HubUnavailable when it fails or hasn't ended `hub_download_seconds`
    after `began`.

    While a download goes on, whoever asks for the same waits for that one.
    """
    key = (download, args, tuple(sorted(kwargs.items())))
    return finish(settings, began, _begun(key, download, args, kwargs))


def finish(settings: Settings, began: float, future: Future) -> Any:
    """The result of a download under way; as finish_download."""
    left = settings.hub_download_seconds - (time.monotonic() - began)
    try:
        return wait_for(max(left, 0.1), future)
    except SourceError:
        raise
    except HubUnavailable as error:
        if future.done():
            raise
        reason = say(
            "its download takes longer than {hub_download_seconds:g} s and goes on in the "
            "background",
            hub_download_seconds=settings.hub_download_seconds,
        )
        raise HubUnavailable(reason) from error
    except Exception as error:
        raise HubUnavailable(hub_reason(error)) from error


def _begun(key: tuple, download: Callable, args: tuple, kwargs: dict) -> Future:
    with _beginning:
        future = _under_way.get(key)
        if not future:
            future = _under_way[key] = start_in_thread(download, *args, **kwargs)
            future.add_done_callback(lambda _done: _under_way.pop(key, None))
        return future


def download_size(kind: str, name: str, patterns: tuple[str, ...], settings: Settings) -> int:
    """Bytes that files of a repository ("dataset" or "space") like `patterns` would take to
    download. Asked once.
    """
    expect_hub()
    return _download_size(kind, name, patterns, settings)


@lru_cache(maxsize=64)
def _download_size(kind: str, name: str, patterns: tuple[str, ...], settings: Settings) -> int:
    sizes = ask_hub(settings, file_sizes, kind, name, settings.hub_decision_seconds)
    return sum(
        size for file, size in sizes.items() if any(fnmatch(file, part) for part in patterns)
    )


def file_sizes(kind: str, name: str, timeout: float) -> dict[str, int]:
    """{file: bytes} of a repository, also on a mirror that tells sizes in the tree alone."""
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    info = HfApi().repo_info(name, repo_type=kind, files_metadata=True, timeout=timeout)
    sizes = {sibling.rfilename: sibling.size for sibling in info.siblings or []}
    if (
        None in sizes.values()
    ):  # a mirror that doesn't tell them there; the client asks for a tree again and again
        entries = HfApi().list_repo_tree(name, repo_type=kind, recursive=True)
        sizes = {entry.path: entry.size for entry in entries if isinstance(entry, RepoFile)}
    return sizes
