"""A CSV of pairs -> a CSV with predictions. A bad row gets its own error and spoils no other.

    >>> rows = read_pairs("pairs.csv")                                                              # doctest: +SKIP
    >>> rows[0].sentence1, rows[0].error                                                            # doctest: +SKIP
    ('A cat sat.', '')

What comes out may be opened by a spreadsheet, and a spreadsheet runs a cell that begins with =, +, - or @ as a formula
(https://owasp.org/www-community/attacks/CSV_Injection). Such a text gets an apostrophe before it; see `as_text`.
"""

import csv
import io
from dataclasses import dataclass, replace
from pathlib import Path

from languages import say
from pipeline.prediction import NoAnswer, Prediction, predict
from pipeline.settings import LABELS, InputError, Settings, shown
from pipeline.tokenization import checked_pair

COLUMNS = ("sentence1", "sentence2")
# Spreadsheets of some languages write commas in numbers and semicolons between cells
DELIMITERS = (",", ";", "\t")
ADDED = ("label", *(f"probability_{label}" for label in LABELS), *(f"logit_{label}" for label in LABELS), "error", "note")


@dataclass(frozen=True)
class PairRow:
    """One row of a file. `error` says why it can't be predicted, "" if it can."""

    line: int  # of the file, where the row ends; the header is line 1
    sentence1: str
    sentence2: str
    error: str = ""


@dataclass(frozen=True)
class Answered:
    """A row and its prediction; None where the row's error says why there is none."""

    row: PairRow
    prediction: Prediction | None


# ---------------------------------------------------------------- in


def read_pairs(path, settings=None, name=None, max_rows=None, max_bytes=None):
    """The rows of a CSV in UTF-8 (or UTF-16 with its mark) whose first line names sentence1 and sentence2: [PairRow, …].

    Commas, semicolons or tabs stand between cells; other columns are left out, blank lines skipped. `name` is what
    messages call the file. Raises InputError where the file as a whole can't be used or has more than `max_rows` rows or
    `max_bytes` bytes.
    """
    settings, name = settings or Settings(), shown(name) if name else str(path)
    text = _text_of(Path(path), name, max_bytes)
    try:
        return _rows_of(text, name, settings, max_rows)
    except csv.Error:
        raise InputError(say("{name} can't be read as a CSV. Is a quotation mark left open?", name=name)) from None


def _text_of(path, name, max_bytes):
    try:
        with open(path, "rb") as file:
            content = file.read(-1 if max_bytes is None else max_bytes + 1)
    except OSError as error:
        raise InputError(say("{name} can't be read: {strerror}. Name a CSV file.", name=name,
                             strerror=error.strerror)) from None
    if max_bytes is not None and len(content) > max_bytes:
        raise InputError(say("{name} has more than {max_bytes:.3g} MiB, which is the most here. Split it.", name=name,
                             max_bytes=max_bytes / 2 ** 20))
    try:
        return content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(say("{name} can't be read as a CSV in UTF-8. In a spreadsheet, save it as “CSV UTF-8”.",
                             name=name)) from None


def _rows_of(text, name, settings, max_rows):
    header, rows = _header_of(text, name)
    at = [header.index(column) for column in COLUMNS]
    found = []
    for cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        if len(found) == max_rows:
            raise InputError(say("{name} has more than {max_rows:,} rows, which is the most here. Split it.", name=name,
                                 max_rows=max_rows))
        found.append(_pair_row(rows.line_num, cells, header, at, settings))
    if not found:
        raise InputError(say("{name} has the columns sentence1 and sentence2, but no rows. Write a pair below them.",
                             name=name))
    return found


def _header_of(text, name):
    """The names in the first line, and a reader that stands behind it."""
    for delimiter in DELIMITERS:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        header = [cell.strip().casefold() for cell in next(rows, [])]
        if all(column in header for column in COLUMNS):
            return header, rows
    raise InputError(say("{name} has no rows with the columns sentence1 and sentence2. Name them in its first line.",
                         name=name))


def _pair_row(line, cells, header, at, settings):
    sentences = [cells[place] if place < len(cells) else "" for place in at]
    if len(cells) != len(header):
        # A comma without quotation marks cuts a sentence in two: better no answer than one to half a sentence
        error = (say("This row has {count} cells, but the first line names {count2}. Put a sentence that holds a comma "
                     "into quotation marks.", count=len(cells), count2=len(header)))  # fmt: skip
        return PairRow(line, *sentences, error)
    try:
        checked_pair(*sentences, settings)
    except InputError as error:
        return PairRow(line, *sentences, str(error))
    return PairRow(line, *sentences)


# ---------------------------------------------------------------- the model between


def answer_rows(checkpoint, rows, max_length=128, settings=None, at_once=32):
    """([Answered, …], Origin of the model or None where no row of them could be asked), `at_once` rows at a time.

    Raises InputError where the model can't be had, or became another one on the way.
    """
    settings, first = settings or Settings(), None
    for start in range(0, len(rows), at_once):
        chunk = rows[start : start + at_once]
        answers, origin = _answered(checkpoint, chunk, max_length, settings)
        first = first or origin
        if origin and origin.loaded != first.loaded:
            raise InputError(say("{loaded} stood in for {loaded2}, which has arrived meanwhile. Start once more.",
                                 loaded=first.loaded, loaded2=origin.loaded))
        yield answers, origin


def _answered(checkpoint, rows, max_length, settings):
    """([Answered, …] of some rows, Origin of the model or None); a pair without an answer gets its own error."""
    good = [(row.sentence1, row.sentence2) for row in rows if not row.error]
    try:
        predictions, origin = predict(checkpoint, good, max_length, settings) if good else ([], None)
    except NoAnswer as error:  # to one of them, and perhaps not to the others
        if len(rows) == 1:
            return [Answered(replace(rows[0], error=str(error)), None)], None
        each = [_answered(checkpoint, [row], max_length, settings) for row in rows]
        return [answer for [answer], _ in each], next((origin for _, origin in each if origin), None)
    answers = iter(predictions)
    return [Answered(row, None if row.error else next(answers)) for row in rows], origin


# ---------------------------------------------------------------- out

# The first characters of a formula, also as East Asian keyboards write them
FORMULA = tuple("=+-@＝＋－＠")


def as_text(cell):
    """A visitor's text that no spreadsheet takes for a formula: an apostrophe before it says "this is text".

    >>> as_text("=1+1"), as_text("- he said"), as_text("A cat sat.")
    ("'=1+1", "'- he said", 'A cat sat.')
    """
    return f"'{cell}" if cell.lstrip().startswith(FORMULA) or cell.startswith(("\t", "\r", "\n")) else cell


def write_answers(answers, file):
    """Answered rows as a CSV into an open text file: the pair, label, probability and logit of each label, error, note.

    Texts go through `as_text` and stand in quotation marks; the numbers are numbers, the negative ones, too.
    """
    writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow([*COLUMNS, *ADDED])
    for answer in answers:
        writer.writerow([as_text(answer.row.sentence1), as_text(answer.row.sentence2), *_cells(answer)])


def _cells(answer):
    if answer.prediction is None:
        return ["", *[""] * (2 * len(LABELS)), as_text(str(answer.row.error)), ""]
    told = answer.prediction
    numbers = [round(values[label], 6) for values in (told.probabilities, told.logits) for label in LABELS]
    return [told.label, *numbers, "", as_text(" ".join([_cut(told.truncated), *map(str, told.notes)]).strip())]


def _cut(truncated):
    """What a reader should know of an answer that was given without all of the text."""
    cut = ", ".join(f"sentence{which}" for which, part in enumerate(truncated, 1) if part)
    return str(say("answered without the end of {cut}: it was cut to max_length", cut=cut)) if cut else ""
