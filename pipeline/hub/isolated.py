"""Work with a checkpoint that anyone may have made, done where nothing else can come to harm.

    length = ask("google-bert/bert-base-uncased", len)

On a page, `function` runs in a confined process of that checkpoint's own: it sees the checkpoint's
folder and the installed packages, has no network and no secret, and is ended when it takes too long
or dies. Checkpoints that come with the app are opened in the page's own process, unless the caller
asks for another: those share one such process, which stays.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from languages import say, say_plural
from pipeline.errors import (
    InputError,
    ProcessBusy,
    ProcessEnded,
    ProcessFailed,
    ProcessTimeout,
    SourceError,
)
from pipeline.hub.sources import (
    RUN_PREFIX,
    CheckpointFiles,
    checkpoint_files,
    embedded_checkpoint,
    given,
    is_bundled,
    root_folder,
    validated_checkpoint,
)
from pipeline.isolation import processes
from pipeline.settings import Settings

log = logging.getLogger(__name__)
# A checkpoint whose process had to be ended so often in so many seconds, and that never answered,
# is not opened for as long. Of one that has answered, the fault may be a visitor's request: nobody
# can close it for all others.
MOST_ENDS, PAUSE_SECONDS = 2, 300.0
# Who comes when all calls are taken waits so long for one to end: most take milliseconds
SECONDS_FOR_A_PLACE = 1.0
MOST_RESOLVED = 64


def ask(
    checkpoint: str,
    function: Callable,
    *arguments: Any,
    weights: bool = False,
    start: str | None = None,
    leaves_page: bool = False,
    settings: Settings,
    **keywords: Any,
) -> Any:
    """`function(checkpoint, *arguments, settings=settings, **keywords)`, where `checkpoint` may be
    opened.

    `function` is of a module's top level; it, what goes in and what comes out are plain data.
    weights: whether it needs more than the tokenizer and the config. start: the checkpoint that
    this one was fine-tuned from, where `function` opens that, too: the run did, and its process
    sees no others. leaves_page: whether it leaves the page's process for a checkpoint that comes
    with the app, too.
    Raises what `function` raises, and InputError where the process had to be ended.
    """
    if not settings.isolates or (is_bundled(checkpoint) and not leaves_page):
        return function(checkpoint, *arguments, settings=settings, **keywords)
    in_process = {**keywords, "settings": settings}
    if is_bundled(checkpoint):
        files = checkpoint_files(checkpoint.strip(), weights, settings=settings)
        return _in_the_apps_process(files, settings, function, arguments, in_process)
    with _place(settings):
        files = find(checkpoint, weights, settings)
        if not files.origin.stands_in:
            all_files = [files]
            if start is not None and not is_bundled(start):
                all_files.append(find(start, weights, settings))
            return _in_its_process(all_files, settings, function, arguments, in_process)
    if leaves_page:
        return _in_the_apps_process(files, settings, function, arguments, in_process)
    return _in_the_page(files, function, arguments, in_process)


def _in_the_apps_process(
    files: CheckpointFiles, settings: Settings, function: Callable, arguments: tuple, keywords: dict
) -> Any:
    """Of what comes with the app, or stands in. Nothing of a stranger's is in it: where no process
    can be had, the page answers, and no such end closes it for others.
    """
    try:
        return _asked([files], settings, function, arguments, keywords)
    except (ProcessTimeout, ProcessEnded, ProcessFailed) as error:
        log.warning("%s, asked in the page's own process: %s", files.origin.asked, error)
        return _in_the_page(files, function, arguments, keywords)


def _in_the_page(
    files: CheckpointFiles, function: Callable, arguments: tuple, keywords: dict
) -> Any:
    # By the name under which the files are given: by any other spelling of a stand-in's the Hub
    # would be asked again, and what has come from there meanwhile would be opened here
    return _call_given([files], function, files.origin.asked, *arguments, **keywords)


# ---------------------------------------------------------------- where its files are

_resolved: "OrderedDict[tuple, CheckpointFiles]" = OrderedDict()
_resolving, _lock = threading.Lock(), threading.Lock()


def find(checkpoint: str, weights: bool, settings: Settings) -> CheckpointFiles:
    """`checkpoint_files`, remembered for what came from the Hub, so that it is asked once."""
    if isinstance(checkpoint, str) and checkpoint.startswith(RUN_PREFIX):
        return checkpoint_files(checkpoint, weights, settings=settings)
    name = validated_checkpoint(checkpoint)
    key = (name, weights, settings)
    with _resolving:
        files = _resolved.get(key)
    if files and files.folder.is_dir():
        return files
    files = checkpoint_files(name, weights, settings=settings)
    if not files.origin.stands_in:
        with _resolving:
            _resolved[key] = files
            while len(_resolved) > MOST_RESOLVED:
                _resolved.popitem(last=False)
    return files


def is_at_hand(checkpoint: str) -> bool:
    """Whether the page's own process answers for this name at once: what comes with the app, and
    what is no name.
    """
    if is_bundled(checkpoint):
        return True
    if str(checkpoint).startswith(RUN_PREFIX):
        return False
    try:
        validated_checkpoint(checkpoint)
    except InputError:
        return True
    return False


# ---------------------------------------------------------------- its process

# By the folders that it sees, a checkpoint's own first; the one asked last comes last
kept_processes: "OrderedDict[tuple[Path, ...], processes.Process]" = OrderedDict()
_ends: dict[Path, list[float]] = {}  # when a checkpoint's processes had to be ended
_answered: "OrderedDict[Path, None]" = OrderedDict()  # checkpoints that have answered
_calls = {"now": 0}
_free = threading.Condition()


def _in_its_process(
    all_files: list[CheckpointFiles],
    settings: Settings,
    function: Callable,
    arguments: tuple,
    keywords: dict,
) -> Any:
    """all_files: the checkpoint's, and perhaps those of its start."""
    files, seconds = all_files[0], settings.isolated_seconds
    name = files.origin.asked
    try:
        answer = _asked(all_files, settings, function, arguments, keywords)
        _note_answer(files.folder)
        return answer
    except ProcessTimeout:
        _note_end(files.folder)
        raise SourceError(
            say(
                "{name} did not respond within {seconds:g} s and was closed. Choose another "
                "checkpoint, or try again in a minute.",
                name=_short(name),
                seconds=seconds,
            )
        ) from None
    except ProcessEnded:
        _note_end(files.folder)
        raise SourceError(
            say(
                "{name} was closed: opening it took more memory than a checkpoint may take here, "
                "or crashed its process. Choose another checkpoint.",
                name=_short(name),
            )
        ) from None
    except ProcessFailed as error:
        log.error("%s in its own process: %s", name, error)
        raise SourceError(
            say(
                "{name} can't be used here: its files don't fit together, or ask for something "
                "unusual. Choose another checkpoint.",
                name=_short(name),
            )
        ) from None


def _asked(
    all_files: list[CheckpointFiles],
    settings: Settings,
    function: Callable,
    arguments: tuple,
    keywords: dict,
) -> Any:
    """The answer of that checkpoint's process; where it was ended over another's request, that of
    the next one.
    """
    name = all_files[0].origin.asked
    for _attempt in range(2):
        _check_pause(name, all_files[0].folder)
        process = _process_of(all_files, settings)
        try:
            return process.ask(
                _call_given,
                all_files,
                function,
                name,
                *arguments,
                seconds=settings.isolated_seconds,
                **keywords,
            )
        except ProcessBusy:
            if not process.ended:
                break
    raise InputError(
        say("Too many checkpoints are being opened right now. Try again in a few seconds.")
    )


def _call_given(
    all_files: list[CheckpointFiles], function: Callable, *arguments: Any, **keywords: Any
) -> Any:
    """`function`, which finds these files under their names, and asks no Hub."""
    with given(*all_files):
        return function(*arguments, **keywords)


def _short(name: str) -> str:
    return f"{name[:12]}…" if name.startswith(RUN_PREFIX) else name


@contextmanager
def _place(settings: Settings) -> Iterator[None]:
    """One of the calls that may go on at once, the wait for the Hub included: the page's other
    threads are for others.
    """
    with _free:
        if not _free.wait_for(
            lambda: _calls["now"] < settings.max_isolated_calls, SECONDS_FOR_A_PLACE
        ):
            raise InputError(
                say("Too many checkpoints are being opened right now. Try again in a few seconds.")
            )
        _calls["now"] += 1
    try:
        yield
    finally:
        with _free:
            _calls["now"] -= 1
            _free.notify()


def _app_key() -> tuple[Path, ...]:
    """The key of the process for what comes with the app, whose adapters share one base."""
    return (embedded_checkpoint(),)


def _process_of(all_files: list[CheckpointFiles], settings: Settings) -> processes.Process:
    key = tuple(files.folder for files in all_files)
    is_of_app = key == _app_key()
    with _lock:
        process = kept_processes.get(key)
        if process and not process.ended:
            kept_processes.move_to_end(key)
            return process
        kept_processes.pop(key, None)
        for other in [other for other, each in kept_processes.items() if each.ended]:
            del kept_processes[other]
        if not is_of_app:
            _make_room(settings)
        folders = [root_folder(files) for files in all_files]
        process = processes.Process(
            folders, [], settings.isolated_memory_bytes, file_bytes=64 * 2**20
        )
        kept_processes[key] = process
        return process


def _make_room(settings: Settings) -> None:
    """End what is idle where there are too many strangers' processes. Raises InputError where too
    many are at work.
    """
    strangers = {key: each for key, each in kept_processes.items() if key != _app_key()}
    idle = [key for key, each in strangers.items() if not each.asked]
    ended = idle[: max(0, len(strangers) + 1 - settings.max_isolated_processes)]
    for key in ended:
        kept_processes.pop(key).end()
    if len(strangers) - len(ended) >= 2 * settings.max_isolated_processes:
        raise InputError(
            say("Too many checkpoints are being opened right now. Try again in a few seconds.")
        )


def _note_answer(folder: Path) -> None:
    with _lock:
        _answered[folder] = None
        _answered.move_to_end(folder)
        while len(_answered) > MOST_RESOLVED:
            _answered.popitem(last=False)


def _note_end(folder: Path) -> None:
    now = time.monotonic()
    with _lock:
        if folder in _answered:
            return
        for other in [other for other, ends in _ends.items() if ends[-1] < now - PAUSE_SECONDS]:
            del _ends[other]
        _ends[folder] = [*(end for end in _ends.get(folder, []) if end > now - PAUSE_SECONDS), now]


def _check_pause(name: str, folder: Path) -> None:
    with _lock:
        ends = _ends.get(folder, [])
        left = ends[-1] + PAUSE_SECONDS - time.monotonic() if len(ends) >= MOST_ENDS else 0
    if left > 0:
        raise SourceError(
            say_plural(
                "{name} had to be closed {times} times and won't be opened again for {count} "
                "minute. Choose another checkpoint.",
                "{name} had to be closed {times} times and won't be opened again for {count} "
                "minutes. Choose another checkpoint.",
                max(1, round(left / 60)),
                name=_short(name),
                times=len(ends),
            )
        )


def end_all() -> None:
    """End every process, and forget what was noted; the next question starts afresh."""
    with _lock:
        for process in kept_processes.values():
            process.end()
        kept_processes.clear()
        _ends.clear()
        _answered.clear()
        _resolved.clear()
