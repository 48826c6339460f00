"""CSV, TSV and their kind -> a Table: which delimiter, whether the first line names the columns,
and a row for each line with any text.

    >>> table = delimited_table('0\\tYes , he said .\\tHe said "yes" .\\n', "pairs.tsv")
    >>> table.columns, table.rows[0].cells
    (('column1', 'column2', 'column3'), ('0', 'Yes , he said .', 'He said "yes" .'))
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from statistics import median

from languages import say
from pipeline.errors import shown
from pipeline.own_pairs.columns import NUMBER, is_known, pair_by_name, sentences_by_name
from pipeline.own_pairs.csv_reader import Cells, count_lines, first_row, lines_of, rows_of
from pipeline.own_pairs.table import (
    Row,
    Table,
    too_many_columns,
    too_many_rows,
    unique_names,
)
from pipeline.sentence import is_blank

# Spreadsheets of some languages write commas in numbers and semicolons between cells
DELIMITERS = (",", ";", "\t")
BETWEEN = {",": say("commas"), ";": say("semicolons"), "\t": say("tabs")}
# Excel's first line that names the delimiter, with the quotation marks that another program may
# have put around it
NAMED_DELIMITER = re.compile(r'\s*"?sep=(.)"?\s*', re.IGNORECASE)
# Between the cells of a file that has one a line: no line holds it
NO_DELIMITER = "\n"
# So many lines show how a file is written, and of each so many characters
SAMPLE, LONGEST_SAMPLE = 50, 100_000
# A row has so many lines at most, on average: what has more is refused before it is split
LINES_A_ROW = 10
MOST_LINES = 0.6
LONGEST_NAME = 60
END_OF_SENTENCE = (".", "!", "?", "。", "！", "？", "…", '"', "”")


def delimited_table(
    text: str,
    name: str,
    notes: tuple[str, ...] = (),
    max_rows: int | None = None,
    max_columns: int | None = None,
) -> Table:
    """The rows of a text with a delimiter between its cells: commas, semicolons, tabs, or what a
    first line `sep=|` names.

    Blank lines are skipped, and no other line is: each is a row, or a part of one that says so.
    `name` is what messages call the text. Raises InputError where it has more rows or columns than
    may be.
    """
    if max_rows is not None and count_lines(text) > LINES_A_ROW * max_rows:
        raise too_many_rows(name, max_rows)
    text, delimiters = _named_delimiter(text)
    sample = list(
        islice((line[:LONGEST_SAMPLE] for line in lines_of(text) if line.strip()), SAMPLE)
    )
    delimiter = _delimiter(sample, delimiters)
    rows = [row for line in sample if (row := _without_blank_ends(first_row(line, delimiter)))]
    if not rows:
        return Table((), (), notes)
    named = _names_columns(rows[0], rows[1:])
    if named:
        header = tuple(cell.strip() for cell in rows[0])
    else:
        header = ("",) * Counter(map(len, rows)).most_common(1)[0][0]
    if max_columns is not None and len(header) > max_columns:
        raise too_many_columns(name, len(header), max_columns)
    most = None if max_rows is None else max_rows + 1
    found = _rows(text, delimiter, header, named, most)
    if max_rows is not None and len(found) > max_rows:
        raise too_many_rows(name, max_rows)
    if not named:
        notes = (*notes, say("No line names the columns, so they are numbered."))
    return Table(
        unique_names(header),
        tuple(found),
        notes,
        _form(delimiter),
        header if named else (),
        "" if delimiter == NO_DELIMITER else delimiter,
    )


def between(delimiter: str) -> str:
    """What stands between cells, as a message names it."""
    return BETWEEN.get(delimiter, f"“{delimiter}”")


def _form(delimiter):
    if delimiter == NO_DELIMITER:
        return say("text, one sentence in each line")
    return say("text with {between} between the cells", between=between(delimiter))


# ---------------------------------------------------------------- how the file is written


def _named_delimiter(text):
    """(the text without a line that names its delimiter, the delimiters that it may have)."""
    lines = lines_of(text)
    named = next((place for place, line in enumerate(lines) if line.strip()), 0)
    if not lines or not (found := NAMED_DELIMITER.fullmatch(lines[named])):
        return text, DELIMITERS
    # The others keep their number
    kept = ["" if place == named else line for place, line in enumerate(lines)]
    return "\n".join(kept), (found[1],)


def _delimiter(sample, delimiters):
    """By the names of the columns where those are well known, else the one by which most lines have
    the same number of cells.
    """
    if len(delimiters) == 1 or not sample:
        return delimiters[0]
    heads = {delimiter: _first_names(sample, delimiter) for delimiter in delimiters}
    for knows in (pair_by_name, lambda names: sum(map(is_known, names)) > 1):
        for delimiter, names in heads.items():
            if knows(names):
                return delimiter

    # A tab is hardly ever part of a sentence, a comma often
    best = max(reversed(delimiters), key=lambda delimiter: _agreement(sample, delimiter))
    return best if _agreement(sample, best) >= MOST_LINES else NO_DELIMITER


def _agreement(sample, delimiter):
    """The share of lines that have as many cells as most, 0 where most have one."""
    rows = [_without_blank_ends(first_row(line, delimiter)) for line in sample]
    cells, lines = Counter(map(len, rows)).most_common(1)[0]
    if cells < 2:
        return 0
    spaced = sum(line.count(f"{delimiter} ") for line in sample)
    if 2 * spaced > sum(line.count(delimiter) for line in sample):
        # So sentences have it, and only some files
        return 1 if cells > 2 and lines == len(sample) > 1 else 0
    return lines / len(sample)


def _first_names(sample, delimiter):
    rows = (first_row(line, delimiter) for line in sample)
    return next((row for row in rows if any(cell.strip() for cell in row)), ())


def _without_blank_ends(cells):
    """A spreadsheet may end its lines with delimiters."""
    last = len(cells)
    while last and not cells[last - 1].strip():
        last -= 1
    return tuple(cells[:last])


def _names_columns(first, others):
    """Whether a first row names the columns rather than being a row of its own."""
    if any(map(is_known, first)) or pair_by_name(first):
        return True
    cells = [cell.strip() for cell in first]
    if not others or len(set(cells)) < len(cells):
        return False
    if any(_is_no_name(cell) for cell in cells):
        return False
    below = [[row[place] for row in others if place < len(row)] for place in range(len(cells))]
    if any(cell in column for cell, column in zip(cells, below, strict=True)):
        return False
    return any(
        column and (all(map(NUMBER.fullmatch, column)) or median(map(len, column)) > 2 * len(cell))
        for cell, column in zip(cells, below, strict=True)
    )


def _is_no_name(cell):
    return (
        not cell
        or len(cell) > LONGEST_NAME
        or cell.endswith(END_OF_SENTENCE)
        or NUMBER.fullmatch(cell) is not None
    )


# ---------------------------------------------------------------- its rows


def _rows(text, delimiter, header, named, most=None):
    places = sentences_by_name(header) or tuple(range(len(header)))
    needed = max(places) + 1 if named and sentences_by_name(header) else len(header)

    def is_whole(cells: Sequence[str]) -> bool:
        fits = needed <= len(cells) and len(_fitting(cells, header)) <= len(header)
        return fits and not any(is_blank(cells[place]) for place in places)

    skipped = 1 if named else 0
    found = list(rows_of(text, delimiter, is_whole, most and most + skipped))
    return [_row(row, delimiter, header, places if named else ()) for row in found[skipped:]]


def _fitting(cells, header):
    """The cells without the empty last ones for which there is no column."""
    last = len(cells)
    while last > len(header) and not cells[last - 1].strip():
        last -= 1
    return tuple(cells[:last])


def _row(row: Cells, delimiter, header, places):
    cells = _fitting(row.cells, header)
    note: str = ""
    if row.last > row.line:
        note = say(
            "This row spans lines {first} to {last} of the file: a quoted cell has line breaks.",
            first=row.line,
            last=row.last,
        )
    error = _error_of(row, cells, delimiter, header, places)
    whole = (*cells, *[""] * (len(header) - len(cells)))
    if len(whole) > len(header):  # what has no column stays with the last one
        whole = (*whole[: len(header) - 1], delimiter.join(whole[len(header) - 1 :]))
    return Row(row.line, whole, min(len(cells), len(header)), error, note)


def _error_of(row, cells, delimiter, header, places):
    """Why the cells of a row can't be trusted, "" if they can: better no answer than one to half a
    sentence.
    """
    if row.unclear:
        return say(
            "Lines {first} to {last} were read as one row: a quotation mark opens in the first "
            "line and closes in the last, but most of the lines look like separate rows. Close "
            "the quotation mark where its sentence ends.",
            first=row.line,
            last=row.last,
        )
    if row.open:
        return say(
            "A quotation mark at the beginning of a cell isn't closed at the end of that cell. "
            "Close it, and double any quotation marks inside the sentence. The lines below were "
            "read as separate rows."
        )
    return _too_many(row, cells, delimiter, header, places) if len(cells) > len(header) else ""


def _too_many(row, cells, delimiter, header, places):
    counts = {"cells": len(cells), "columns": len(header)}
    if any(header):
        said = say("This row has {cells} cells, but the first line names {columns}.", **counts)
    else:
        said = say("This row has {cells} cells, but most rows have {columns}.", **counts)
    if delimiter == "\t":
        return say(
            "{said} Tabs separate the cells here. Remove the tab from the sentence that contains "
            "it.",
            said=said,
        )
    if places and all(row.quoted[place] for place in places):
        return say(
            "{said} The cell {extra} has no column name. Add one to the first line, or remove "
            "the cell.",
            said=said,
            extra=shown(cells[len(header)]),
        )
    return say(
        "{said} In this file {between} separate the cells. Put a sentence that contains one in "
        "quotation marks.",
        said=said,
        between=between(delimiter),
    )


def ends_before(row: Row, table: Table, columns: Sequence[str]) -> str:
    """Why a row has no cell in one of these columns, "" if it has one in each."""
    missing = [name for name in columns if table.columns.index(name) >= row.given]
    if not missing or not table.delimiter:
        return ""
    known = {
        "missing": missing[0],
        "cells": row.given,
        "columns": len(table.columns),
        "between": between(table.delimiter),
    }
    if not table.header:
        return say(
            "This row ends before {missing}: it has only {cells} of {columns} cells. Separate the "
            "cells with {between}.",
            **known,
        )
    return say(
        "This row ends before {missing}: it has only {cells} of the {columns} cells that the "
        "first line names. Separate the cells with {between}.",
        **known,
    )
