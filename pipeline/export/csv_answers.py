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
from pipeline.own_pairs.columns import Columns, checked_columns, renamed
from pipeline.own_pairs.delimited import delimited_table, ends_before
from pipeline.own_pairs.encoding import text_of
from pipeline.own_pairs.pairs import label_numbers
from pipeline.own_pairs.read import Table, read_table
from pipeline.prediction import Prediction, predict
from pipeline.settings import LABELS, Settings
from pipeline.task import metrics_for
from pipeline.tokenization import checked_pair

if TYPE_CHECKING:  # importing these takes seconds, or goes round in a circle
    from pipeline.hub.sources import Origin

COLUMNS = ("sentence1", "sentence2")
LABEL = "label"  # the column of a file's own answers


@dataclass(frozen=True)
class PairRow:
    """One row of a file. `error` says why it can't be predicted, "" if it can; `note` what to know
    of it all the same.
    """

    line: int  # of the file, where the row begins; its first line is 1
    sentence1: str
    sentence2: str | None  # None for a model of one sentence
    error: str = ""
    note: str = ""
    label: str | None = None  # the file's own answer, one of the labels; None where it has none
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
    labels: Sequence[str] = LABELS,
    has_pair: bool = True,
    choose: Callable[[Table], Columns] | None = None,
) -> PairFile:
    """The rows of a CSV or TSV whose first line names sentence1 and sentence2; of a task of one
    sentence (has_pair is False) sentence1 alone is needed and read.

    Commas, semicolons, tabs or what a first line `sep=|` names stand between cells; blank lines are
    skipped, and no other line is: each is a row, or a part of one that says so. A column `label` is
    the file's own answer, by its number or name among `labels`. UTF-8, UTF-16 and GB18030 are read.
    `choose` says which columns these are in a file that names others; then any file of pairs is
    read, JSON lines and parquet, too. `name` is what messages call the file. Raises InputError
    where the file as a whole can't be used or has more than `max_rows` rows or `max_bytes` bytes.
    """
    name = shown(name) if name else str(path)
    content = content_of(Path(path), name, max_bytes)
    if choose is None:
        text, notes = text_of(content, name)
        table = delimited_table(text, name, notes, max_rows)
    else:
        table = read_table(content, str(path), settings)
        table = renamed(table, checked_columns(choose(table), table))
    needed = COLUMNS if has_pair else COLUMNS[:1]
    _check_columns(table, name, needed)
    rows = [_pair_row(row, table, needed, labels, settings) for row in table.rows]
    notes = _notes_of_labels(rows, table.header, labels)
    return PairFile(rows, table.header, (*table.notes, *notes))


def content_of(path: Path, name: str, max_bytes: int | None = None) -> bytes:
    """The bytes of a file, at most `max_bytes`. Raises InputError where it can't be read."""
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
    return content


def _check_columns(table, name, needed):
    """InputError where the first line doesn't name the columns once each, or has no row below."""
    header = [column.casefold() for column in table.header]
    is_pair = needed == COLUMNS
    if not is_pair and needed[0] not in header:
        raise InputError(
            say("{name} has no column sentence1. Name it in the first line.", name=name)
        )
    if not all(column in header for column in needed):
        raise InputError(
            say(
                "{name} has no rows with the columns sentence1 and sentence2. Name them in its "
                "first line.",
                name=name,
            )
        )
    for column in (*needed, LABEL):
        if header.count(column) > 1:
            raise InputError(
                say(
                    "{name} names the column {column} twice in its first line. Rename one of them.",
                    name=name,
                    column=column,
                )
            )
    if not table.rows and not is_pair:
        raise InputError(
            say(
                "{name} has the column sentence1, but no rows. Write a sentence below it.",
                name=name,
            )
        )
    if not table.rows:
        raise InputError(
            say(
                "{name} has the columns sentence1 and sentence2, but no rows. Write a pair below "
                "them.",
                name=name,
            )
        )


def _pair_row(row, table, needed, labels, settings):
    header = [column.casefold() for column in table.header]
    sentence1, *second = (row.cells[header.index(column)] for column in needed)
    sentence2 = second[0] if second else None
    label = row.cells[header.index(LABEL)].strip() if LABEL in header else ""
    gold = label_numbers(labels).get(label.casefold())
    error = row.error or ends_before(row, table, [table.columns[header.index(c)] for c in needed])
    notes = [row.note]
    if label and gold is None and not error:
        notes.append(_foreign_label(label, labels))
    if not error:
        try:
            checked_pair(sentence1, sentence2, settings)
        except InputError as refused:
            error = refused.args[0]
    known = None if gold is None else labels[gold]
    return PairRow(row.line, sentence1, sentence2, error, sentences(*notes), known, row.cells)


def _foreign_label(label, labels):
    if tuple(labels) == LABELS:
        return say(
            "label is {label}, which is neither 0 nor 1, so this row isn't counted.",
            label=shown(label),
        )
    return say(
        "label is {label}, which is none of {labels}, so this row isn't counted.",
        label=shown(label),
        labels=", ".join(labels)[:200],
    )


def _notes_of_labels(rows, columns, labels):
    """What to know of a column `label` that names no answers."""
    if LABEL not in [column.casefold() for column in columns] or any(row.label for row in rows):
        return ()
    if tuple(labels) == LABELS:
        said = say("The column label holds no 0 or 1, so the correct predictions can't be counted.")
    else:
        said = say(
            "The column label holds none of {labels}, so the correct predictions can't be counted.",
            labels=", ".join(labels)[:200],
        )
    return (said,)


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


# What comes out behind a file's own columns and the model's answer: {name: its cell of an answered
# row}, in this order. A new column is one line here.
ANSWER_COLUMNS: dict[str, Callable[[Answered], str | float]] = {
    "error": lambda answer: answer.row.error,
    "note": lambda answer: sentences(*notes_of(answer)),
}


def answer_columns(labels: Sequence[str] = LABELS) -> dict[str, Callable[[Answered], str | float]]:
    """The answer of a model with these labels, then ANSWER_COLUMNS."""
    return {
        "predicted_label": predicted(lambda prediction: prediction.label),
        **{f"probability_{label}": _probability(label) for label in labels},
        **{f"logit_{label}": _logit(label) for label in labels},
        **ANSWER_COLUMNS,
    }


def labels_of(answers: Iterable[Answered]) -> tuple[str, ...]:
    """The labels of the model that answered; LABELS where no row has an answer."""
    for answer in answers:
        if answer.prediction:
            return tuple(answer.prediction.probabilities)
    return LABELS


NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?")


def write_answers(
    answers: Iterable[Answered], file: TextIO, columns: Sequence[str] = COLUMNS
) -> None:
    """Answered rows as a CSV into an open text file: the file's own columns, then answer_columns,
    under names that none of them has.

    Texts go through `as_text` and stand in quotation marks; the numbers are numbers, the negative
    ones, too.
    """
    writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
    answers = list(answers)
    added = answer_columns(labels_of(answers))
    writer.writerow([*map(as_text, columns), *map(as_text, _free_names(columns, added))])
    names = [column.casefold() for column in columns]
    places = [names.index(column) for column in COLUMNS if column in names]
    for answer in answers:
        own = answer.row.cells or (answer.row.sentence1, answer.row.sentence2 or "")
        kept = [
            cell if place not in places and NUMBER.fullmatch(cell) else as_text(cell)
            for place, cell in enumerate(own)
        ]
        cells = [cell(answer) for cell in added.values()]
        writer.writerow(
            [*kept, *(as_text(str(cell)) if isinstance(cell, str) else cell for cell in cells)]
        )


def _free_names(columns, names):
    """The names, each with a number behind it where the file has that column.

    >>> _free_names(["sentence1", "sentence2", "Error"], ["error", "note"])
    ['error_2', 'note']
    """
    taken = {column.casefold() for column in columns}
    return [
        name
        if name.casefold() not in taken
        else next(f"{name}_{n}" for n in count(2) if f"{name}_{n}".casefold() not in taken)
        for name in names
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


def relabelled(answers: Sequence[Answered], rows: Sequence[PairRow]) -> list[Answered]:
    """Answered rows with the labels and notes of `rows`: the same file, read once more with the
    labels of the model that answered (`labels_of`).
    """
    return [
        replace(answer, row=replace(answer.row, label=row.label, note=row.note))
        for answer, row in zip(answers, rows, strict=True)
    ]


@dataclass(frozen=True)
class Scores:
    """How many of a file's own labels the answers match; F1 counts label 1 of two as positive."""

    pairs: int  # that have both a label and an answer
    figures: dict[str, float]  # of each metric
    majority: dict[str, Any]  # the same of always giving the majority class, and its "label"
    confusion: dict[tuple[str, str], int]  # {(the file's label, answer): pairs}, each two labels
    labels: tuple[str, ...] = LABELS  # the model's


def scores_of(answers: Sequence[Answered]) -> Scores | None:
    """Answered rows -> Scores; None where no answered row has a label."""
    both = [
        (answer.row.label, answer.prediction.label)
        for answer in answers
        if answer.prediction and answer.row.label in answer.prediction.probabilities
    ]
    if not both:
        return None
    names = labels_of(answers)
    confusion = {(gold, said): both.count((gold, said)) for gold in names for said in names}
    gold, said = ([names.index(label) for label in labels] for labels in zip(*both, strict=True))
    metrics = metrics_for(names)
    figures = scores(gold, said, metrics)
    return Scores(len(both), figures, majority(gold, metrics), confusion, names)
