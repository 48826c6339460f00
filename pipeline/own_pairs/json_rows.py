"""JSON lines, or one JSON array of objects -> a Table.

>>> table = json_table('{"a": "x", "label": true}\\n\\n{"a": "y", "label": null}\\n', "x.jsonl")
>>> table.columns, [row.cells for row in table.rows], table.rows[1].line
(('a', 'label'), [('x', 'true'), ('y', '')], 3)
"""

import json
import math
import re
from itertools import islice
from typing import Any

from languages import say
from pipeline.errors import InputError, shown
from pipeline.own_pairs.csv_reader import lines_of
from pipeline.own_pairs.table import (
    Row,
    Table,
    too_many_columns,
    too_many_rows,
    unique_names,
)
from pipeline.sentence import SURROGATE

SUFFIXES = (".json", ".jsonl", ".ndjson")
EXAMPLE = '{"sentence1": "…", "sentence2": "…", "label": 1}'
BLANK = re.compile(r"[\s,]*")


def looks_like_json(text: str, name: str) -> bool:
    """Whether a text is meant as JSON, by its file's name or by how it begins."""
    begins = text.lstrip()[:1000]
    return name.lower().endswith(SUFFIXES) or bool(re.match(r'\{\s*"|\[\s*\{', begins))


def json_table(
    text: str,
    name: str,
    notes: tuple[str, ...] = (),
    max_rows: int | None = None,
    max_columns: int | None = None,
) -> Table:
    """The objects of a text as rows: one a line, or all in one array. `name` is what messages call
    the text.

    A line that is no object is a row with an error. Raises InputError where no line is one, where
    an array breaks off, or where there are more rows or columns than may be.
    """
    is_array = text.lstrip().startswith("[")
    values = _of_array(text, name) if is_array else _of_lines(text)
    found = list(islice(values, None if max_rows is None else max_rows + 1))
    if not any(isinstance(value, dict) for _line, value in found):
        raise InputError(
            say(
                "{name} holds no JSON object. Write one in each line, such as {example}.",
                name=name,
                example=EXAMPLE,
            )
        )
    if max_rows is not None and len(found) > max_rows:
        raise too_many_rows(name, max_rows)
    keys = dict.fromkeys(key for _, value in found if isinstance(value, dict) for key in value)
    if max_columns is not None and len(keys) > max_columns:
        raise too_many_columns(name, len(keys), max_columns)
    columns = tuple(keys)
    rows = tuple(_row(line, value, columns) for line, value in found)
    form = say("a JSON array") if is_array else say("JSON lines")
    names = tuple(SURROGATE.sub("\ufffd", column) for column in columns)
    return Table(unique_names(names), rows, notes, form, names)


def _row(line, value, columns):
    if isinstance(value, dict):
        try:
            cells = tuple(cell_text(value.get(column)) for column in columns)
        except RecursionError:  # what can just be read can't always be written
            error = say("This row holds lists that are nested too deeply. Write a text there.")
            return Row(line, ("",) * len(columns), 0, error)
        halves = any(SURROGATE.search(cell) for cell in cells)
        error = (
            say("It contains half of a surrogate pair, which is not a character. Correct it.")
            if halves
            else ""
        )
        return Row(line, cells, len(columns), error)
    error = value if isinstance(value, str) else say("This is not a JSON object.")
    return Row(line, ("",) * len(columns), 0, error)


def cell_text(value: Any) -> str:
    """A value as a cell: a number as it is written, what is missing as "".

    >>> cell_text(1), cell_text(1.0), cell_text(True), cell_text(math.nan), cell_text(["a"])
    ('1', '1.0', 'true', '', '["a"]')
    """
    if value is None or isinstance(value, float) and math.isnan(value):
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _of_lines(text):
    """(line, its object or why it is none) of each line with any text."""
    for number, line in enumerate(lines_of(text), 1):
        if line.strip():
            yield number, _parsed(line)


def _parsed(line):
    try:
        value = json.loads(line)
        return value if isinstance(value, dict) else say("This line is not a JSON object.")
    except (ValueError, RecursionError):
        return say("This line is not JSON: {line}. Correct it.", line=shown(line.strip()))


def _of_array(text, name):
    """(line, object) of each of an array."""
    decoder = json.JSONDecoder()
    place = text.index("[") + 1
    line, counted = 1, 0
    while True:
        place = BLANK.match(text, place).end()
        line, counted = line + text.count("\n", counted, place), place
        if text.startswith("]", place):
            return
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            raise InputError(
                say(
                    "{name} is a JSON array that breaks off in line {line}. Correct that line.",
                    name=name,
                    line=line,
                )
            ) from None
        yield line, value
