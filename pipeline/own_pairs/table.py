"""What any file of pairs becomes: a table of texts, each row with the line that it stands on."""

from dataclasses import dataclass

from languages import say
from pipeline.errors import InputError


@dataclass(frozen=True)
class Row:
    """One row of a file."""

    line: int  # where it begins, from 1; of a parquet file, the number of the row
    cells: tuple[str, ...]  # one for each of the table's columns; "" where the file has none
    given: int  # how many of them the file has
    error: str = ""  # why its cells can't be trusted, "" if they can
    note: str = ""  # what to know of it all the same


@dataclass(frozen=True)
class Table:
    """A file's rows, its columns, and what to know of the whole.

    columns: names, each once: a column without a name, or with one that is taken, gets another.
    header: the names as the file has them, () where it names none. form: what the file is, for a
    person. delimiter: what stands between cells, "" where nothing does.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    form: str = ""
    header: tuple[str, ...] = ()
    delimiter: str = ""

    def values(self, column: str) -> list[str]:
        """The cells of a column, of the rows whose cells can be trusted."""
        place = self.columns.index(column)
        return [row.cells[place] for row in self.rows if not row.error]


def unique_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names by which each column can be chosen.

    >>> unique_names(("text", "", "text"))
    ('text', 'column2', 'text (2)')
    """
    unique: list[str] = []
    for place, name in enumerate(names, 1):
        name = name or f"column{place}"
        again, free = 2, name
        while free in unique:
            free, again = f"{name} ({again})", again + 1
        unique.append(free)
    return tuple(unique)


def too_many_rows(name: str, max_rows: int) -> InputError:
    """The refusal of a file with more rows than may be."""
    return InputError(
        say(
            "{name} has more rows than the limit of {max_rows:,}. Split it.",
            name=name,
            max_rows=max_rows,
        )
    )


def too_many_columns(name: str, count: int, most: int) -> InputError:
    """The refusal of a file with more columns than may be."""
    return InputError(
        say(
            "{name} has {count:,} columns; the limit is {most}. Remove those that hold no "
            "sentence and no label.",
            name=name,
            count=count,
            most=most,
        )
    )
