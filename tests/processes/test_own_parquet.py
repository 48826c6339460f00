"""A parquet file of a visitor's is parsed in a process of its own: what ends that one ends no page."""

import io
import random
from dataclasses import replace

import pyarrow
import pyarrow.parquet
import pytest

from pipeline.errors import InputError
from pipeline.own_pairs.columns import guess_columns
from pipeline.own_pairs.pairs import own_pairs
from pipeline.own_pairs.read import read_table
from pipeline.settings import Settings

pytestmark = pytest.mark.slow
PAGE = replace(Settings(), isolates=True)


def parquet_of(**columns):
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()


GOOD = parquet_of(text=["a b", "c d"], other=["e", "f"], label=[0, None], same=[True, False])


@pytest.mark.parametrize("settings", [PAGE, Settings()])
def test_a_parquet_file_is_read_there(settings):
    table = read_table(GOOD, "x.parquet", settings)
    assert [row.cells for row in table.rows] == [
        ("a b", "e", "0", "true"),
        ("c d", "f", "", "false"),
    ]


def test_a_full_one_fits_into_its_answer():
    """Three mebibytes of text in twenty thousand rows, which is as much as may be."""
    content = parquet_of(text=["x" * 120] * 20_000, other=["y"] * 20_000, label=[0, 1] * 10_000)
    assert len(read_table(content, "x.parquet", PAGE).rows) == 20_000


def damaged(seed):
    """The file with one to four bytes changed."""
    draw = random.Random(seed)
    content = bytearray(GOOD)
    for _ in range(draw.randint(1, 4)):
        content[draw.randrange(4, len(content) - 4)] = draw.randrange(256)
    return bytes(content)


# Over these Arrow 26 calls terminate(), which no Python catches
DEADLY = (516, 1227, 1707)


@pytest.mark.parametrize("settings", [PAGE, Settings()])
def test_a_file_that_ends_its_parser_is_refused_in_a_sentence(settings):
    for seed in DEADLY:
        with pytest.raises(InputError, match="'x.parquet' can't be read as parquet"):
            read_table(damaged(seed), "x.parquet", settings)


def test_a_damaged_file_is_read_or_refused():
    refused = 0
    for seed in range(20):
        try:
            table = read_table(damaged(seed), "x.parquet", PAGE)
            own_pairs(table, guess_columns(table), settings=PAGE)
        except InputError:
            refused += 1
    assert 0 < refused < 20
