"""What the page's process and a confined one say to each other.

Requests are pickled by the page, which is trusted. Answers come from a process that holds a
stranger's files: they are read by an unpickler that makes plain values, the pipeline's own
dataclasses and its errors, and nothing else. It hands out no class and no function of Python's:
what an answer gets hold of, it could also change.
"""

import dataclasses
import importlib
import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from languages import Said, as_data, from_data
from pipeline.errors import InputError

MOST_ANSWER_BYTES = 4 * 2**20
BUILT_IN = {kind.__name__: kind for kind in (set, frozenset, complex)}


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
        if isinstance(value, Path):
            return _path, (str(value),)
        kind = type(value)
        if isinstance(value, InputError):
            return _error, (kind.__module__, kind.__name__, value.args)
        if dataclasses.is_dataclass(kind):
            state = {field.name: getattr(value, field.name) for field in dataclasses.fields(kind)}
            return _instance, (kind.__module__, kind.__name__, state)
        return NotImplemented


# ---------------------------------------------------------------- what an answer is made of


def _said(data: list, text: str) -> str:
    """A sentence counts only if a catalogue has it: no stranger's template is ever formatted."""
    return from_data(data, text)


def _path(text: str) -> Path:
    return Path(text)


def _error(module: str, name: str, arguments: tuple) -> InputError:
    return _kind(module, name, lambda kind: issubclass(kind, InputError))(*arguments)


def _instance(module: str, name: str, state: dict[str, Any]) -> Any:
    """One of the pipeline's dataclasses with all of its fields, as they are in `state`."""
    kind = _kind(module, name, dataclasses.is_dataclass)
    if set(state) != {field.name for field in dataclasses.fields(kind)}:
        raise pickle.UnpicklingError(f"a {name} has other fields")
    made: Any = object.__new__(kind)
    for field, value in state.items():
        object.__setattr__(made, field, value)
    return made


def _kind(module: str, name: str, is_allowed: Callable[[type], bool]) -> type:
    """A class of the pipeline by its name."""
    if module.startswith("pipeline.") and "." not in name:
        kind = getattr(importlib.import_module(module), name, None)
        if isinstance(kind, type) and is_allowed(kind):
            return kind
    raise pickle.UnpicklingError("an answer holds something that is no plain data")


class _Maker:
    """A function that an answer may have called, and do nothing else with: pickle's BUILD would set
    attributes.
    """

    __slots__ = ("_function",)
    _function: Callable

    def __init__(self, function: Callable) -> None:
        object.__setattr__(self, "_function", function)

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("an answer tries to change what makes it")


MAKERS = {function.__name__: _Maker(function) for function in (_said, _path, _error, _instance)}


class _Unpacker(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Callable:
        makers: dict[str, Any] = {__name__: MAKERS, "builtins": BUILT_IN}
        found = makers.get(module, {}).get(name)
        if found is None:
            raise pickle.UnpicklingError("an answer holds something that is no plain data")
        return found
