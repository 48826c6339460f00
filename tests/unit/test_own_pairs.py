"""A visitor's own pairs, from files as people have them: what is read, guessed, split, kept and left out."""

import csv
import io
from dataclasses import replace

import pytest

from pipeline.own_pairs.columns import guess_columns
from pipeline.own_pairs.pairs import own_pairs
from pipeline.own_pairs.read import read_table
from pipeline.settings import Settings

PAIRS = [(f"The cat {n} sat, on a mat.", f"A cat {n} was sitting.", n % 2) for n in range(30)]
CHINESE = [(f"今天的天气很好，气温{n}度。", f"今天是晴天，有{n}度。", n % 2) for n in range(30)]


def as_csv(rows, header=("sentence1", "sentence2", "label"), **dialect):
    file = io.StringIO(newline="")
    csv.writer(file, **dialect).writerows([*([header] if header else []), *rows])
    return file.getvalue()


def read(content, name="pairs.csv", columns=None, **settings):
    """The OwnPairs of a file."""
    settings = replace(Settings(), **settings)
    content = content if isinstance(content, bytes) else content.encode()
    table = read_table(content, name, settings)
    return own_pairs(table, columns or guess_columns(table), settings=settings)


def rows_in(own):
    """Each row of all splits as (sentence1, sentence2, its label's name), in the file's order."""
    rows = sorted((row for part in own.splits.values() for row in part), key=lambda row: row["idx"])
    name = {number: label for number, label in enumerate(own.labels)}
    return [(row["sentence1"], row.get("sentence2"), name.get(row["label"])) for row in rows]


# ---------------------------------------------------------------- formats


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gbk", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("header", [("句子1", "句子2", "标签"), None])
def test_each_encoding_and_delimiter_gives_the_same_pairs(encoding, delimiter, header):
    text = as_csv(CHINESE, header, delimiter=delimiter)
    own = read(text.encode(encoding))
    assert rows_in(own) == [(one, two, str(label)) for one, two, label in CHINESE]
    assert own.left_out == () and own.rows == 30
