"""The text of a CSV or TSV -> rows of cells, each with the lines that it stands on. No line is lost
on the way.

    >>> [row.cells for row in rows_of('a,b\\n"x, y", z\\n', ",", lambda cells: len(cells) == 2)]
    [('a', 'b'), ('x, y', 'z')]

The csv module reads on from an open quotation mark until the next one, however many lines further
down, and drops the quotation marks of `"Yes," he said`. Here a cell in quotation marks ends on its
own line, unless the lines that it would take are clearly one cell; and what is no proper cell in
quotation marks keeps every character.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

LINE_BREAK = re.compile(r"\r\n|\r|\n")
# Of the lines that a quotation mark takes into its cell: so many that are whole rows themselves
# show that it was left open; so many make it unclear
SURELY_ROWS, PERHAPS_ROWS = 0.8, 0.5


@dataclass(frozen=True)
class Cells:
    """One row as the file has it."""

    line: int  # where it begins; the file's first line is 1
    last: int  # where it ends: a cell in quotation marks may hold line breaks
    cells: tuple[str, ...]
    quoted: tuple[bool, ...]  # which of them stand in quotation marks
    open: bool = False  # a quotation mark begins a cell and nothing closes it
    unclear: bool = False  # it goes over lines that look like rows of their own


def lines_of(text: str) -> list[str]:
    """The lines of a text; the empty one after the last line break is none."""
    lines = LINE_BREAK.split(text)
    return lines[:-1] if lines and not lines[-1] else lines


def count_lines(text: str) -> int:
    """How many line breaks a text has, counted without splitting it."""
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def first_row(text: str, delimiter: str) -> tuple[str, ...]:
    """The cells of the first line that has any text, () for none."""
    reader, lines = _Reader(delimiter), lines_of(text)
    rows = (reader.row([line], 0, one_line=True).cells for line in lines)
    return next((cells for cells in rows if any(cell.strip() for cell in cells)), ())


def rows_of(
    text: str,
    delimiter: str,
    is_whole: Callable[[Sequence[str]], bool],
    most: int | None = None,
) -> Iterator[Cells]:
    """Each row of a text, empty lines and rows without any text left out; the first `most` of them.

    is_whole: whether these cells could be a row of their own. It decides what an open quotation
    mark meant. A tabulator's file mostly knows no quotation marks: if one row breaks their rules,
    they are letters in all of it.
    """
    lines = lines_of(text)
    first = next((line for line in lines if line.strip()), "")
    reader = _Reader(delimiter, spaced=f"{delimiter} " in first)
    rows = list(islice(_rows(lines, reader, is_whole), most))
    if delimiter == "\t" and any(row.open or row.unclear for row in rows):
        reader = _Reader(delimiter, quotes=False)
        rows = list(islice(_rows(lines, reader, is_whole), most))
    yield from rows


def _rows(lines, reader, is_whole):
    at = 0
    while at < len(lines):
        row = _row_at(lines, at, reader, is_whole)
        if any(cell.strip() for cell in row.cells):
            yield row
        at = row.last


def _row_at(lines, at, reader, is_whole):
    row = reader.row(lines, at)
    if row.last == row.line:
        return row
    alone = reader.row(lines, at, one_line=True)
    if not is_whole(row.cells):
        return alone
    taken = [line for line in lines[at : row.last] if line.strip()]
    ends = (taken[0], taken[-1])
    if all(reader.is_row(line, is_whole) for line in ends):
        # Had the mark been forgotten, both would be rows, and most of what is between them
        share = _share(taken, lambda line: reader.is_row(line, is_whole))
        if share >= SURELY_ROWS:
            return alone
        unclear = share >= PERHAPS_ROWS
    else:
        unclear = len(taken) > 2 and all(
            reader.is_row(line, is_whole, in_prose=True) for line in taken
        )
    return Cells(row.line, row.last, row.cells, row.quoted, unclear=unclear)


def _share(lines, holds):
    return sum(map(holds, lines)) / len(lines)


class _Reader:
    """Rows of one delimiter.

    quotes: whether quotation marks may hold a cell together. spaced: whether this file has a blank
    after its delimiters.
    """

    def __init__(self, delimiter: str, quotes: bool = True, spaced: bool = False):
        self.delimiter, self.quotes, self.spaced = delimiter, quotes, spaced
        self.blanks = re.compile(r"[ \u00a0]*" if delimiter == "\t" else r"[ \t\u00a0]*")
        self.strict = re.compile(
            r'"((?:[^"]|"")*)"(?!")' + f"{self.blanks.pattern}(?={re.escape(delimiter)}|$)"
        )
        # What `_marks` said last, and of which line
        self._marked: tuple[str, list[int], tuple[list[int], list[int]]] = ("", [], ([], []))

    def is_row(
        self, line: str, is_whole: Callable[[Sequence[str]], bool], in_prose: bool = False
    ) -> bool:
        """Whether a line alone is a whole row. in_prose: also by delimiters before a blank, as a
        sentence has them.
        """
        if in_prose or self.spaced or self.delimiter == "\t":
            return is_whole(self.row([line], 0, one_line=True).cells)
        return is_whole(re.split(f"{re.escape(self.delimiter)}(?! )", line))

    def row(self, lines: list[str], at: int, one_line: bool = False) -> Cells:
        """The row that begins with line `at`, counted from 0."""
        if not self.quotes or '"' not in lines[at]:
            found = tuple(map(self._unquoted, lines[at].split(self.delimiter)))
            return Cells(at + 1, at + 1, found, (False,) * len(found))
        line, place, cells, quoted, is_open = at, 0, [], [], False
        while True:
            cell, is_quoted, line, place, opened = self._cell(lines, line, place, one_line)
            cells.append(cell)
            quoted.append(is_quoted)
            is_open |= opened
            if not lines[line].startswith(self.delimiter, place):
                return Cells(at + 1, line + 1, tuple(cells), tuple(quoted), is_open)
            place += len(self.delimiter)

    def _cell(self, lines, line, place, one_line):
        """(cell, whether it is quoted, line and place behind it, whether its quotation mark is
        open).
        """
        text = lines[line]
        begins = self.blanks.match(text, place).end()
        if not self.quotes or not text.startswith('"', begins):
            end = self._end(text, place)
            return self._unquoted(text[place:end]), False, line, end, False
        if found := self.strict.match(text, begins):
            return found[1].replace('""', '"'), True, line, found.end(), False
        if not one_line and (end := self._far_end(lines, line, begins + 1)):
            inside = "\n".join(
                [text[begins + 1 :], *lines[line + 1 : end[0]], lines[end[0]][: end[1]]]
            )
            behind = self.blanks.match(lines[end[0]], end[1] + 1).end()
            return inside.replace('""', '"'), True, end[0], behind, False
        if end := self._lenient_end(text, begins + 1):
            return (
                text[begins + 1 : end[0]].replace('""', '"'),
                True,
                line,
                end[1],
                self.delimiter == "\t",
            )
        end = self._end(text, place)
        # "Yes" he said: the marks are part of the text; "Yes he said: where would it close?
        is_open = text[begins:end].count('"') % 2 == 1 or self.delimiter == "\t"
        return self._unquoted(text[place:end]), False, line, end, is_open

    def _unquoted(self, cell):
        return cell if self.delimiter == "\t" else cell.lstrip(" \t\u00a0")

    def _end(self, text, place):
        end = text.find(self.delimiter, place)
        return len(text) if end < 0 else end

    def _lenient_end(self, text, begins):
        """(place of the closing mark, place behind it) where marks within the cell weren't doubled;
        None for none.

        Those within come in pairs: `"He said "hi", and left",` closes at the second `",`.
        """
        places, closing = self._marks(text)
        first = bisect_left(places, begins)
        alike = closing[first % 2]
        found = bisect_left(alike, first)
        if found == len(alike):
            return None
        place = places[alike[found]]
        return place, self.blanks.match(text, place + 1).end()

    def _marks(self, text):
        """(places of the line's quotation marks; of those behind which a cell could end, the
        numbers: the even ones, the odd ones). Looked for once: each cell of the line may ask.
        """
        if self._marked[0] != text:
            places = [found.start() for found in re.finditer('"', text)]
            closing: tuple[list[int], list[int]] = ([], [])
            for number, place in enumerate(places):
                behind = self.blanks.match(text, place + 1).end()
                if behind == len(text) or text.startswith(self.delimiter, behind):
                    closing[number % 2].append(number)
            self._marked = (text, places, closing)
        return self._marked[1:]

    def _far_end(self, lines, line, place):
        """(line, place) of the mark that closes a cell on a later line; None where one in between
        isn't doubled.
        """
        for number in range(line, len(lines)):
            text, at = lines[number], place if number == line else 0
            while (at := text.find('"', at)) >= 0:
                if text.startswith('""', at):
                    at += 2
                    continue
                behind = self.blanks.match(text, at + 1).end()
                closes = behind == len(text) or text.startswith(self.delimiter, behind)
                return (number, at) if closes and number > line else None
        return None
