"""Where a visitor's pairs are kept: a folder that this server's user alone can read, for a while.

    >>> re.fullmatch("own:[0-9a-f]{32}", reference_of(new_key())) is not None
    True

A reference `own:<32 hex>` is the digest of a random key. Who brought the pairs has the key; the
reference may stand in a run's config. Nobody can guess either.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Collection
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from languages import as_data, from_data, say
from pipeline.errors import InputError
from pipeline.own_pairs.columns import Columns
from pipeline.own_pairs.pairs import Lengths, OwnPairs
from pipeline.settings import Settings

PREFIX = "own:"
REFERENCE = re.compile(r"own:[0-9a-f]{32}")
ABOUT = "about.json"
PART = ".part"


def new_key() -> str:
    """A key that nobody can guess: the right to the pairs that are kept by it."""
    return secrets.token_hex(32)


def reference_of(key: str) -> str:
    """The reference of the pairs that are kept by a key; the key can't be found by it."""
    return PREFIX + hashlib.sha256(key.encode(errors="replace")).hexdigest()[:32]


def keep(own: OwnPairs, settings: Settings, key: str = "", visitor: str = "") -> str:
    """The reference under which these pairs are kept now.

    key: of `new_key`, one nobody has where it is "". visitor: the digest of a network address,
    which may take as much room as it leaves free. Raises InputError where there is no room.
    """
    folder = pairs_folder(settings)
    reference = reference_of(key or new_key())
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if shutil.disk_usage(folder).free < settings.min_free_bytes:
            raise InputError(
                say(
                    "This server's disk is nearly full, so no more pairs are kept. Try again later."
                )
            )
        part = folder / f"{secrets.token_hex(16)}{PART}"
        part.mkdir(mode=0o700)
        try:
            _write(part, own, visitor)
            _check_room(folder, part, visitor, settings)
            place = _place(reference, settings)
            shutil.rmtree(place, ignore_errors=True)
            part.rename(place)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise InputError(
            say(
                "The pairs can't be kept ({reason}). Try again later.",
                reason=error.strerror or type(error).__name__,
            )
        ) from None
    _read.cache_clear()
    return reference


def load(reference: str, settings: Settings) -> OwnPairs:
    """The pairs of a reference. Raises InputError where they aren't kept, or it is no reference."""
    if not isinstance(reference, str) or not REFERENCE.fullmatch(reference):
        raise InputError(
            say("{reference!r} names no pairs. Bring a file.", reference=str(reference)[:60])
        )
    place = _place(reference, settings)
    try:
        return _read(place, (place / ABOUT).stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            say("These pairs are no longer on this server. Bring the file again.")
        ) from None


def forget(reference: str, settings: Settings) -> None:
    """Nothing of these pairs is kept any more."""
    if isinstance(reference, str) and REFERENCE.fullmatch(reference):
        shutil.rmtree(_place(reference, settings), ignore_errors=True)
        _read.cache_clear()


def remove_unused(used: Collection[str], settings: Settings) -> None:
    """Forget the pairs that are older than `max_run_age_seconds`, but for the references in `used`:
    those of runs that are still there.
    """
    now = time.time()
    for path in pairs_folder(settings).glob("*"):
        mark = path / ABOUT if (path / ABOUT).exists() else path
        try:
            age = now - mark.lstat().st_mtime
        except OSError:  # a server that is just ending was faster
            continue
        if f"{PREFIX}{path.name}" not in used and age > settings.max_run_age_seconds:
            shutil.rmtree(path, ignore_errors=True)
            _read.cache_clear()


def pairs_folder(settings: Settings) -> Path:
    """The folder of all that visitors brought."""
    return settings.runs_folder / "pairs"


def _place(reference: str, settings: Settings) -> Path:
    return pairs_folder(settings) / reference.removeprefix(PREFIX)


# ---------------------------------------------------------------- the files of one


def _write(folder: Path, own: OwnPairs, visitor: str) -> None:
    from pyarrow import Table, parquet

    for split, rows in own.splits.items():
        path = folder / f"{split}.parquet"
        parquet.write_table(Table.from_pylist(list(rows)), path)
        path.chmod(0o600)
    about = asdict(replace(own, splits={}))
    about |= {
        "splits": list(own.splits),
        "left_out": [[line, _as_said(why)] for line, why in own.left_out],
        "how_split": _as_said(own.how_split),
        "refused": _as_said(own.refused),
        "notes": [_as_said(note) for note in own.notes],
        "visitor": visitor,
    }
    descriptor = os.open(folder / ABOUT, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(about, file)


@lru_cache(maxsize=8)
def _read(folder: Path, _written: int) -> OwnPairs:
    from pyarrow import parquet

    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    about.pop("visitor")
    splits = {
        split: tuple(parquet.read_table(folder / f"{split}.parquet").to_pylist())
        for split in about["splits"]
    }
    about |= {
        "labels": tuple(about["labels"]),
        "splits": splits,
        "left_out": tuple((line, _said(why)) for line, why in about["left_out"]),
        "columns": Columns(**about["columns"]),
        "lengths": {which: Lengths(**lengths) for which, lengths in about["lengths"].items()},
        "in_two_splits": tuple(tuple(lines) for lines in about["in_two_splits"]),
        "how_split": _said(about["how_split"]),
        "refused": _said(about["refused"]),
        "notes": tuple(_said(note) for note in about["notes"]),
    }
    return OwnPairs(**about)


def _as_said(text: str) -> list[Any]:
    """A sentence that can be said in another language once it is read again."""
    return [str.__str__(text), as_data(text)]


def _said(kept: list[Any]) -> str:
    text, data = kept
    return from_data(data, text) if data else text


def _check_room(folder: Path, part: Path, visitor: str, settings: Settings) -> None:
    """InputError where these pairs would leave too little for others: an address may take as much
    as it leaves free.
    """
    total = mine = 0
    for path in folder.iterdir():
        size = sum(file.lstat().st_size for file in path.glob("*"))
        total += size
        if _visitor_of(path) == visitor:
            mine += size
    if mine > settings.max_own_pairs_bytes - total:
        raise InputError(
            say("This server keeps as many pairs as it may. Try again later, or with fewer rows.")
        )


def _visitor_of(path: Path) -> str:
    try:
        return str(json.loads((path / ABOUT).read_text(encoding="utf-8")).get("visitor"))
    except (OSError, ValueError, AttributeError):
        return ""
