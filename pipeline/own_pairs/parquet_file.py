"""A parquet file -> a Table. A small one may hold gigabytes: what it says of its sizes is looked at
before anything is unpacked. A damaged one may end the process that parses it (Arrow 26 calls
terminate() over some levels that don't fit): that is another one, on a page a confined one.
"""

import logging
import pickle
import subprocess
import sys
from typing import Any

from languages import say
from pipeline.errors import InputError, ProcessEnded, ProcessError
from pipeline.isolation import processes
from pipeline.isolation.confine import ROOT
from pipeline.isolation.messages import packed, unpacked
from pipeline.own_pairs.json_rows import cell_text
from pipeline.own_pairs.table import (
    Row,
    Table,
    too_many_columns,
    too_many_rows,
    unique_names,
)
from pipeline.settings import Settings

log = logging.getLogger(__name__)
MAGIC = b"PAR1"
# Of the bytes that a file may have, so much may be text: the answer of a process is bounded
SHARE = 0.75
BYTES_AROUND_A_CELL = 5
MEMORY_BYTES = 2**30
Cells = tuple[list[str], list[list[str]], list[str]]


def parquet_table(content: bytes, name: str, settings: Settings) -> Table:
    """The rows of a parquet file: its columns of texts, numbers and truth values. `name` is what
    messages call the file.

    Raises InputError where it can't be read, or holds more than `settings` allow.
    """
    try:
        columns, rows, left = _in_its_process(content, name, settings)
    except ProcessError as error:
        log.info("a parquet file ended its process: %s", error)
        raise _unreadable(name) from None
    notes: tuple[str, ...] = ()
    if left:
        notes = (
            say(
                "Columns that hold neither texts nor numbers are left out: {columns}.",
                columns=", ".join(left)[:200],
            ),
        )
    width = len(columns)
    found = tuple(Row(line, tuple(cells), width) for line, cells in enumerate(rows, 1))
    return Table(unique_names(tuple(columns)), found, notes, "parquet", tuple(columns))


def _in_its_process(content: bytes, name: str, settings: Settings) -> Cells:
    """What `parquet_cells` returns. Raises what it raises, and ProcessError."""
    if settings.isolates and processes.available():
        process = processes.Process([], [], MEMORY_BYTES, file_bytes=2**20)
        seconds = settings.isolated_seconds
        return processes.ask_once(process, parquet_cells, content, name, settings, seconds=seconds)
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.own_pairs.parquet_file"],
        cwd=ROOT,
        input=pickle.dumps((content, name, settings)),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a library's last words
    )
    if done.returncode:
        raise ProcessEnded(f"exit code {done.returncode}")
    kind, value = unpacked(done.stdout)
    if kind == "refused":
        raise value
    return value


def main() -> None:
    """Answer the one request that stands on stdin, as a confined process would."""
    answer: tuple[str, Any]
    try:
        answer = ("made", parquet_cells(*pickle.load(sys.stdin.buffer)))
    except InputError as error:
        answer = ("refused", error)
    sys.stdout.buffer.write(packed(answer))


def parquet_cells(content: bytes, name: str, settings: Settings) -> Cells:
    """(names of the columns, the cells of each row, names of the columns that are left out)."""
    from pyarrow import ArrowException, BufferReader, parquet, types

    most_bytes = int(SHARE * settings.max_csv_bytes)
    try:
        about = parquet.read_metadata(BufferReader(content))
        _check_counts(about, name, settings)
        texts = [
            field.name
            for field in about.schema.to_arrow_schema()
            if types.is_string(field.type) or types.is_large_string(field.type)
        ]
        # A text that is written once and meant a thousand times stays written once
        file = parquet.ParquetFile(BufferReader(content), read_dictionary=texts)
        kept = [field.name for field in file.schema_arrow if _is_plain(field.type)]
        left = [field.name for field in file.schema_arrow if field.name not in kept]
        if not kept:
            raise _unreadable(name)
        if _unpacked_bytes(about, kept) > most_bytes:
            raise _too_large(name, most_bytes)
        rows: list[list[str]] = []
        taken = 0
        for batch in file.iter_batches(batch_size=1000, columns=kept):
            taken += sum(map(_text_bytes, batch.columns))
            taken += BYTES_AROUND_A_CELL * batch.num_rows * batch.num_columns
            if taken > most_bytes:
                raise _too_large(name, most_bytes)
            columns = [column.to_pylist() for column in batch.columns]
            rows += [list(map(cell_text, cells)) for cells in zip(*columns, strict=True)]
        return kept, rows, left
    except (ArrowException, OSError, ValueError, MemoryError) as error:
        if isinstance(error, InputError):
            raise
        log.info("a parquet file", exc_info=error)
        raise _unreadable(name) from None


def _check_counts(about: Any, name: str, settings: Settings) -> None:
    if about.num_rows > settings.max_own_pairs:
        raise too_many_rows(name, settings.max_own_pairs)
    if about.num_columns > settings.max_own_columns:
        raise too_many_columns(name, about.num_columns, settings.max_own_columns)


def _is_plain(kind: Any) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    tests = (types.is_string, types.is_large_string, types.is_integer, types.is_floating)
    return types.is_boolean(kind) or any(test(kind) for test in tests)


def _unpacked_bytes(about: Any, kept: list[str]) -> int:
    """What the file says that these columns take once they are unpacked."""
    groups = [about.row_group(number) for number in range(about.num_row_groups)]
    chunks = (group.column(place) for group in groups for place in range(group.num_columns))
    return sum(chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema in kept)


def _text_bytes(column: Any) -> int:
    """Bytes of the texts of a column, each as often as it is meant; 0 for numbers."""
    from pyarrow import compute, types

    if types.is_dictionary(column.type):
        if not len(column.dictionary) or types.is_integer(column.type.value_type):
            return 0
        return (
            compute.sum(compute.binary_length(column.dictionary).take(column.indices)).as_py() or 0
        )
    if types.is_string(column.type) or types.is_large_string(column.type):
        return compute.sum(compute.binary_length(column)).as_py() or 0
    return 0


def _too_large(name: str, most_bytes: int) -> InputError:
    return InputError(
        say(
            "{name} holds more text than the limit of {max_bytes:.3g} MiB. Split it.",
            name=name,
            max_bytes=most_bytes / 2**20,
        )
    )


def _unreadable(name: str) -> InputError:
    return InputError(
        say(
            "{name} can't be read as parquet with columns of texts and numbers. Save it as a CSV.",
            name=name,
        )
    )


if __name__ == "__main__":
    main()
