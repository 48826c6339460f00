"""A CSV of pairs -> a CSV with predictions. A bad row gets its own error and spoils no other.

    pairs = read_pairs("pairs.csv", Settings())
    pairs.rows[0].sentence1, pairs.rows[0].error    # ('A cat sat.', '')

What comes out may be opened by a spreadsheet, and a spreadsheet runs a cell that begins with =, +,
- or @ as a formula (https://owasp.org/www-community/attacks/CSV_Injection). Such a text gets an
apostrophe before it; see `as_text`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from languages import say, sentences
from pipeline.errors import InputError, NoAnswer, shown
from pipeline.metrics import majority, scores
from pipeline.own_pairs.csv_reader import Cells, first_row, lines_of, rows_of
from pipeline.prediction import Prediction, predict
from pipeline.sentence import is_blank
from pipeline.settings import LABELS, Settings
from pipeline.tokenization import checked_pair

if TYPE_CHECKING:  # importing these takes seconds, or goes round in a circle
    from pipeline.hub.sources import Origin

COLUMNS = ("sentence1", "sentence2")
LABEL = "label"  # the column of a file's own answers
# Spreadsheets of some languages write commas in numbers and semicolons between cells
DELIMITERS = (",", ";", "\t")
BETWEEN = {",": say("commas"), ";": say("semicolons"), "\t": say("tabs")}
# Excel's first line that names the delimiter, with the quotation marks that another program may
# have put around it
NAMED_DELIMITER = re.compile(r'\s*"?sep=(.)"?\s*', re.IGNORECASE)
# A label as files write it: MRPC's numbers, also as a spreadsheet and pandas write them, and the
# names
GOLD = {
    "0": 0,
    "1": 1,
    "0.0": 0,
    "1.0": 1,
    "false": 0,
    "true": 1,
    **{name: i for i, name in enumerate(LABELS)},
}


# The commonest characters of Chinese: two of five in a text are among them
COMMON = frozenset(
    "，。、“”的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能"
    "而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起"
    "看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与"
)


@dataclass(frozen=True)
class PairRow:
    """One row of a file. `error` says why it can't be predicted, "" if it can; `note` what to know
    of it all the same.
    """

    line: int  # of the file, where the row begins; its first line is 1
    sentence1: str
    sentence2: str
    error: str = ""
    note: str = ""
    label: str | None = None  # the file's own answer, one of LABELS; None where it has none
    cells: tuple[
        str, ...
    ] = ()  # all of the row, one for each of the file's columns; () for the two sentences alone


@dataclass(frozen=True)
class PairFile:
    """A file's rows, its columns as its first line names them, and what to know of the whole."""

    rows: list[PairRow]
    columns: tuple[str, ...] = COLUMNS
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answered:
    """A row and its prediction; None where the row's error says why there is none."""

    row: PairRow
    prediction: Prediction | None


# ---------------------------------------------------------------- in


def read_pairs(
    path: Path,
    settings: Settings,
    name: str | None = None,
    max_rows: int | None = None,
    max_bytes: int | None = None,
) -> PairFile:
    """The rows of a CSV or TSV whose first line names sentence1 and sentence2.

    Commas, semicolons, tabs or what a first line `sep=|` names stand between cells; blank lines are
    skipped, and no
    other line is: each is a row, or a part of one that says so. A column `label` is the file's own
    answer. UTF-8, UTF-16 and GB18030 are read. `name` is what messages call the file. Raises
    InputError where the file as a whole can't be used or has more than `max_rows` rows or
    `max_bytes` bytes.
    """
    name = shown(name) if name else str(path)
    text, notes = _text_of(Path(path), name, max_bytes)
    delimited = _delimited(text, name)
    rows, columns = _rows_of(*delimited, name=name, settings=settings, max_rows=max_rows)
    return PairFile(rows, columns, (*notes, *_notes_of_labels(rows, columns)))


def _text_of(path, name, max_bytes):
    """(the file's text, notes on how it was read)."""
    try:
        with open(path, "rb") as file:
            content = file.read(-1 if max_bytes is None else max_bytes + 1)
    except OSError as error:
        raise InputError(
            say(
                "{name} can't be read: {reason}. Name a CSV file.",
                name=name,
                reason=error.strerror,
            )
        ) from None
    if max_bytes is not None and len(content) > max_bytes:
        raise InputError(
            say(
                "{name} is larger than the limit of {max_bytes:.3g} MiB. Split it.",
                name=name,
                max_bytes=max_bytes / 2**20,
            )
        )
    try:
        return content.decode(_unicode_of(content)), ()
    except UnicodeDecodeError:
        text = _chinese(content)
    if text is None:
        raise InputError(
            say(
                "{name} can't be read as a CSV in UTF-8. In a spreadsheet, save it as “CSV UTF-8”.",
                name=name,
            )
        )
    return text, (
        say(
            "This file is not in UTF-8; it was read as GB18030, the encoding of Chinese "
            "spreadsheets."
        ),
    )


def _unicode_of(content: bytes) -> str:
    """The encoding of Unicode that a file's first bytes show: by its mark, or by the zeros that
    UTF-16 puts beside ASCII.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    return {(True, False): "utf-16-be", (False, True): "utf-16-le"}.get(
        (content[:1] == b"\0", content[1:2] == b"\0"), "utf-8-sig"
    )


def _chinese(content: bytes) -> str | None:
    """The text if these bytes are GB18030, of which GBK and GB2312 are parts; None for another
    encoding.

    It reads nearly any two bytes as some character, but those of another encoding make rare ones,
    and no Chinese text is without the common ones.
    """
    try:
        text = content.decode("gb18030")
    except UnicodeDecodeError:
        return None
    foreign = [character for character in text if not character.isascii()]
    kana = [character for character in foreign if "\u3040" <= character <= "\u30ff"]
    simple = sum(
        len(character.encode("gb2312", errors="ignore")) == 2 for character in foreign
    ) - len(kana)
    common = sum(character in COMMON for character in foreign)
    return text if simple >= 0.9 * len(foreign) and common >= 0.15 * len(foreign) else None


def _delimited(text, name):
    """(the text, its delimiter, the names in its first line in lower case, the same as they are
    written).
    """
    lines = lines_of(text)
    named = next((place for place, line in enumerate(lines) if line.strip()), 0)
    delimiters = DELIMITERS
    if lines and (found := NAMED_DELIMITER.fullmatch(lines[named])):
        delimiters = (found[1],)
        text = "\n".join(
            ["" if place == named else line for place, line in enumerate(lines)]
        )  # the others keep their number
    for delimiter in delimiters:
        columns = [cell.strip() for cell in first_row(text, delimiter)]
        while columns and not columns[-1]:  # a spreadsheet may end its lines with delimiters
            columns.pop()
        header = [column.casefold() for column in columns]
        if all(column in header for column in COLUMNS):
            for column in (*COLUMNS, LABEL):
                if header.count(column) > 1:
                    raise InputError(
                        say(
                            "{name} names the column {column} twice in its first line. Rename one "
                            "of them.",
                            name=name,
                            column=column,
                        )
                    )
            return text, delimiter, header, columns
    raise InputError(
        say(
            "{name} has no rows with the columns sentence1 and sentence2. Name them in its first "
            "line.",
            name=name,
        )
    )


def _rows_of(text, delimiter, header, columns, *, name, settings, max_rows):
    """([PairRow, …], the file's columns)."""
    at = [header.index(column) for column in COLUMNS]

    def is_whole(cells):
        if not max(at) < len(cells) or len(_fitting(cells, header)) > len(header):
            return False
        return not any(is_blank(cells[place]) for place in at)

    found = []
    for row in list(rows_of(text, delimiter, is_whole))[1:]:
        if len(found) == max_rows:
            raise InputError(
                say(
                    "{name} has more rows than the limit of {max_rows:,}. Split it.",
                    name=name,
                    max_rows=max_rows,
                )
            )
        found.append(_pair_row(row, header, at, delimiter, settings))
    if not found:
        raise InputError(
            say(
                "{name} has the columns sentence1 and sentence2, but no rows. Write a pair below "
                "them.",
                name=name,
            )
        )
    return found, tuple(columns)


def _fitting(cells, header):
    """The cells without the empty last ones for which there is no column."""
    last = len(cells)
    while last > len(header) and not cells[last - 1].strip():
        last -= 1
    return tuple(cells[:last])


def _pair_row(row: Cells, header, at, delimiter, settings):
    cells = _fitting(row.cells, header)
    sentence1, sentence2 = (cells[place] if place < len(cells) else "" for place in at)
    label = (
        cells[header.index(LABEL)].strip()
        if LABEL in header and header.index(LABEL) < len(cells)
        else ""
    )
    gold = GOLD.get(label.casefold())
    notes = []
    if row.last > row.line:
        notes.append(
            say(
                "This row spans lines {first} to {last} of the file: a quoted cell has line "
                "breaks.",
                first=row.line,
                last=row.last,
            )
        )
    error = _error_of(row, cells, header, at, delimiter)
    if label and gold is None and not error:
        notes.append(
            say(
                "label is {label}, which is neither 0 nor 1, so this row isn't counted.",
                label=shown(label),
            )
        )
    if not error:
        try:
            checked_pair(sentence1, sentence2, settings)
        except InputError as refused:
            error = refused.args[0]
    whole = (*cells, *[""] * (len(header) - len(cells)))
    if len(whole) > len(header):  # what has no column stays with the last one
        whole = (*whole[: len(header) - 1], delimiter.join(whole[len(header) - 1 :]))
    return PairRow(
        row.line,
        sentence1,
        sentence2,
        error,
        sentences(*notes),
        None if gold is None else LABELS[gold],
        whole,
    )


def _error_of(row: Cells, cells, header, at, delimiter):
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
    if len(cells) > len(header):
        return _too_many(row, cells, header, at, delimiter)
    missing = [column for column, place in zip(COLUMNS, at, strict=True) if place >= len(cells)]
    if missing:
        return say(
            "This row ends before {missing}: it has only {cells} of the {columns} cells that the "
            "first line names. Separate the cells with {between}.",
            missing=missing[0],
            cells=len(cells),
            columns=len(header),
            between=_between(delimiter),
        )
    return ""


def _too_many(row, cells, header, at, delimiter):
    said = say(
        "This row has {cells} cells, but the first line names {columns}.",
        cells=len(cells),
        columns=len(header),
    )
    if delimiter == "\t":
        return say(
            "{said} Tabs separate the cells here. Remove the tab from the sentence that contains "
            "it.",
            said=said,
        )
    if all(row.quoted[place] for place in at):
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
        between=_between(delimiter),
    )


def _between(delimiter):
    return BETWEEN.get(delimiter, f"“{delimiter}”")


def _notes_of_labels(rows, columns):
    """What to know of a column `label` that names no answers."""
    if LABEL not in [column.casefold() for column in columns] or any(row.label for row in rows):
        return ()
    return (say("The column label holds no 0 or 1, so the correct predictions can't be counted."),)


# ---------------------------------------------------------------- the model between


def answer_rows(
    checkpoint: str,
    rows: list[PairRow],
    max_length: int = 128,
    at_once: int = 32,
    *,
    settings: Settings,
) -> Iterator[tuple[list[Answered], Origin | None]]:
    """([Answered, …], Origin of the model or None where no row of them could be asked), `at_once`
    rows at a time.

    Raises InputError where the model can't be had, or became another one on the way.
    """
    first: Origin | None = None
    for start in range(0, len(rows), at_once):
        chunk = rows[start : start + at_once]
        answers, origin = _answered(checkpoint, chunk, max_length, settings)
        first = first or origin
        if origin and first and origin.loaded != first.loaded:
            raise InputError(
                say(
                    "{stand_in} was used instead of {loaded}, which has been downloaded in the "
                    "meantime. Start again.",
                    stand_in=first.loaded,
                    loaded=origin.loaded,
                )
            )
        yield answers, origin


def _answered(checkpoint, rows, max_length, settings):
    """([Answered, …] of some rows, Origin of the model or None); a pair without an answer gets its
    own error.
    """
    good = [(row.sentence1, row.sentence2) for row in rows if not row.error]
    try:
        predictions, origin = (
            predict(checkpoint, good, max_length, settings=settings) if good else ([], None)
        )
    except NoAnswer as error:  # to one of them, and perhaps not to the others
        if len(rows) == 1:
            return [Answered(replace(rows[0], error=error.args[0]), None)], None
        each = [_answered(checkpoint, [row], max_length, settings) for row in rows]
        return [answer for [answer], _ in each], next(
            (origin for _, origin in each if origin), None
        )
    answers = iter(predictions)
    return [Answered(row, None if row.error else next(answers)) for row in rows], origin


# ---------------------------------------------------------------- out

# The first characters of a formula, also as East Asian keyboards write them
FORMULA = tuple("=+-@＝＋－＠")


def as_text(cell: Any) -> str:
    """A visitor's text that no spreadsheet takes for a formula: an apostrophe before it says "this
    is text".

    >>> as_text("=1+1"), as_text("- he said"), as_text("A cat sat.")
    ("'=1+1", "'- he said", 'A cat sat.')
    """
    return (
        f"'{cell}"
        if cell.lstrip().startswith(FORMULA) or cell.startswith(("\t", "\r", "\n"))
        else cell
    )


def predicted(cell: Callable[[Prediction], str | float]) -> Callable[[Answered], str | float]:
    """A column of the answer: empty in a row that has none."""
    return lambda answer: cell(answer.prediction) if answer.prediction else ""


def _probability(label: str) -> Callable[[Answered], str | float]:
    return predicted(lambda prediction: round(prediction.probabilities[label], 6))


def _logit(label: str) -> Callable[[Answered], str | float]:
    return predicted(lambda prediction: round(prediction.logits[label], 6))


# What comes out behind a file's own columns: {name: its cell of an answered row}, in this order.
# A new column is one line here.
ANSWER_COLUMNS: dict[str, Callable[[Answered], str | float]] = {
    "predicted_label": predicted(lambda prediction: prediction.label),
    **{f"probability_{label}": _probability(label) for label in LABELS},
    **{f"logit_{label}": _logit(label) for label in LABELS},
    "error": lambda answer: answer.row.error,
    "note": lambda answer: sentences(*notes_of(answer)),
}
NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?")


def write_answers(
    answers: Iterable[Answered], file: TextIO, columns: Sequence[str] = COLUMNS
) -> None:
    """Answered rows as a CSV into an open text file: the file's own columns, then ANSWER_COLUMNS,
    under names that none of them has.

    Texts go through `as_text` and stand in quotation marks; the numbers are numbers, the negative
    ones, too.
    """
    writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow([*map(as_text, columns), *_free_names(columns)])
    places = [_sentence_at(columns, column) for column in COLUMNS]
    for answer in answers:
        own = answer.row.cells or (answer.row.sentence1, answer.row.sentence2)
        kept = [
            cell if place not in places and NUMBER.fullmatch(cell) else as_text(cell)
            for place, cell in enumerate(own)
        ]
        added = [cell(answer) for cell in ANSWER_COLUMNS.values()]
        writer.writerow(
            [*kept, *(as_text(str(cell)) if isinstance(cell, str) else cell for cell in added)]
        )


def _sentence_at(columns, name):
    return next(place for place, column in enumerate(columns) if column.casefold() == name)


def _free_names(columns):
    """The names of ANSWER_COLUMNS, each with a number behind it where the file has that column.

    >>> _free_names(["sentence1", "sentence2", "Error"])[-2:]
    ['error_2', 'note']
    """
    taken = {column.casefold() for column in columns}
    return [
        name
        if name not in taken
        else next(f"{name}_{n}" for n in count(2) if f"{name}_{n}" not in taken)
        for name in ANSWER_COLUMNS
    ]


def notes_of(answer: Answered) -> list[str]:
    """What a reader should know of a row and of its answer: all that the page says beside one."""
    notes = [answer.row.note] if answer.row.note else []
    if answer.prediction is None:
        return notes
    truncated = enumerate(answer.prediction.truncated, 1)
    cut = ", ".join(f"sentence{which}" for which, part in truncated if part)
    if cut:
        notes.append(
            say("The model didn't read all of {cut}: it was truncated to max_length.", cut=cut)
        )
    return [*notes, *answer.prediction.notes]


# ---------------------------------------------------------------- against the file's own labels


@dataclass(frozen=True)
class Scores:
    """How many of a file's own labels the answers match; F1 counts `equivalent` as positive."""

    pairs: int  # that have both a label and an answer
    figures: dict[str, float]  # of each metric of the task
    majority: dict[str, Any]  # the same of always giving the majority class, and its "label"
    confusion: dict[tuple[str, str], int]  # {(the file's label, answer): pairs}, all four


def scores_of(answers: Sequence[Answered]) -> Scores | None:
    """Answered rows -> Scores; None where no answered row has a label."""
    both = [
        (answer.row.label, answer.prediction.label)
        for answer in answers
        if answer.row.label and answer.prediction
    ]
    if not both:
        return None
    confusion = {(gold, said): both.count((gold, said)) for gold in LABELS for said in LABELS}
    gold, said = ([LABELS.index(label) for label in labels] for labels in zip(*both, strict=True))
    return Scores(len(both), scores(gold, said), majority(gold), confusion)
