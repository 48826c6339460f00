"""What the page's process and a confined one say to each other.

Requests are pickled by the page, which is trusted. Answers come from a process that holds a
stranger's files: they are read by an unpickler that makes plain values, the pipeline's own
dataclasses and its errors, and nothing else.
"""

import dataclasses
import importlib
import io
import pickle
from collections.abc import Callable
from pathlib import PosixPath
from typing import Any

from languages import Said, as_data, from_data
from pipeline.settings import InputError

MOST_ANSWER_BYTES = 64 * 2**20
PLAIN = {("builtins", "set"): set, ("builtins", "frozenset"): frozenset, ("pathlib", "PosixPath"): PosixPath,
         ("builtins", "complex"): complex}  # fmt: skip


def packed(value: object) -> bytes:
    """An answer as bytes, for `unpacked`."""
    buffer = io.BytesIO()
    _Packer(buffer, protocol=5).dump(value)
    return buffer.getvalue()


def unpacked(raw: bytes) -> Any:
    """What `packed` made. Raises pickle.UnpicklingError for anything but plain data."""
    return _Unpacker(io.BytesIO(raw)).load()


class _Packer(pickle.Pickler):
    def reducer_override(self, value: object) -> Any:
        if isinstance(value, Said):
            return _said, (as_data(value), value.english)
        return NotImplemented


def _said(data: list, text: str) -> str:
    """A sentence counts only if a catalogue has it: no template of a stranger's is ever formatted."""
    return from_data(data, text)


class _Unpacker(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Callable:
        if (module, name) == (__name__, "_said"):
            return _said
        if found := PLAIN.get((module, name)):
            return found
        if module.startswith("pipeline.") and "." not in name:
            found = getattr(importlib.import_module(module), name, None)
            if isinstance(found, type) and (dataclasses.is_dataclass(found) or issubclass(found, InputError)):
                return found
        raise pickle.UnpicklingError("an answer holds something that is no plain data")
