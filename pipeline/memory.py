"""The last few of what takes long to load, kept in memory; and memory that nobody uses, back to the
system.

>>> cache = LoadCache(most=2)
>>> [cache.get(name, name.upper) for name in ("a", "b", "a", "c")], len(cache), "b" in cache
(['A', 'B', 'A', 'C'], 2, False)
"""

from __future__ import annotations

import ctypes
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from functools import lru_cache
from typing import Any

# As glibc's malloc.h numbers them
TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8


class LoadCache:
    """What `make` made for the last `most` keys. Two who ask for one key at once wait for one
    making.
    """

    def __init__(self, most: int) -> None:
        self.most, self._lock = most, threading.Lock()
        self._made: OrderedDict[Hashable, Future] = OrderedDict()

    def get(
        self,
        key: Hashable,
        make: Callable[[], Any],
        keep: Callable[[Any], bool] = lambda made: True,
    ) -> Any:
        """make()'s result, or the one kept. What `keep` says no to, and what failed, costs no other
        its place.
        """
        with self._lock:
            asked_first = key not in self._made
            future = self._made.setdefault(key, Future())
            self._made.move_to_end(key)
        if asked_first:
            self._make(key, future, make, keep)
        return future.result()

    def _make(self, key, future, make, keep):
        _glibc()  # before the first load, so that it leaves no holes either
        try:
            made = make()
            if not keep(made):
                self._drop(key, future)
            future.set_result(made)
        except BaseException as error:
            self._drop(key, future)
            future.set_exception(error)
        self._shorten()
        trim_memory()

    def _drop(self, key, future):
        with self._lock:
            if self._made.get(key) is future:
                del self._made[key]

    def _shorten(self):
        """What is still being made has no place yet that it could take or lose."""
        with self._lock:
            done = [key for key, future in self._made.items() if future.done()]
            for key in done[: max(0, len(done) - self.most)]:
                del self._made[key]

    def __contains__(self, key: Hashable) -> bool:
        future = self._made.get(key)
        return future is not None and future.done()

    def __len__(self) -> int:
        return len(self._made)


@lru_cache
def _glibc():
    """The C library, told how to keep memory; None where it isn't glibc.

    Left to itself it gives each thread an arena and hands out of it even what is as large as a
    matrix, so that a model
    that was dropped leaves holes in several: 24 models, five of them kept, took twice the memory of
    five.
    """
    try:
        library = ctypes.CDLL(None)
        _ = library.malloc_trim, library.mallopt
    except (OSError, TypeError, AttributeError):  # the first two: Windows
        return None
    library.mallopt(ARENA_MAX, 2)
    library.mallopt(
        MMAP_THRESHOLD, 2**20
    )  # a matrix of weights is mapped by itself, and unmapped when it goes
    # Fixing one threshold would leave the other at 128 KiB: each prediction would give up and take
    # again 400 pages
    library.mallopt(TRIM_THRESHOLD, 2**25)
    return library


def trim_memory() -> None:
    """Freed pages go back to the system; a few milliseconds. Nothing happens where the C library
    isn't glibc.

    No gc.collect() with it: models are freed as the last one lets go of them, and with all
    libraries imported it would stop every thread for half a second.
    """
    if library := _glibc():
        library.malloc_trim(0)
