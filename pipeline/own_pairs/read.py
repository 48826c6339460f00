"""A file of pairs, whatever it is -> a Table.

>>> table = read_table(b"sentence1,sentence2\\nA,B\\n", "pairs.csv", Settings())
>>> table.columns, table.rows[0].line, table.rows[0].cells
(('sentence1', 'sentence2'), 2, ('A', 'B'))
"""

from languages import say
from pipeline.errors import InputError, shown
from pipeline.own_pairs.delimited import delimited_table
from pipeline.own_pairs.encoding import text_of
from pipeline.own_pairs.json_rows import json_table, looks_like_json
from pipeline.own_pairs.parquet_file import MAGIC, parquet_table
from pipeline.own_pairs.table import Row, Table
from pipeline.settings import Settings

__all__ = ["Row", "Table", "read_table"]

# How files begin that hold pairs, but not as text
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


def read_table(content: bytes, name: str, settings: Settings) -> Table:
    """The rows of a CSV, a TSV, JSON lines, a JSON array or a parquet file.

    name: what the file is called, "" for a text that was pasted. Each line with any text is a row,
    or a part of one; a row that can't be trusted has an error. Raises InputError where the file as
    a whole can't be used or is larger than `settings` allow.
    """
    said = shown(name) if name else say("The text")
    if len(content) > settings.max_csv_bytes:
        raise InputError(
            say(
                "{name} is larger than the limit of {max_bytes:.3g} MiB. Split it.",
                name=said,
                max_bytes=settings.max_csv_bytes / 2**20,
            )
        )
    if content.startswith(WORKBOOKS):
        raise InputError(
            say(
                "{name} is a workbook or an archive. In a spreadsheet, save the sheet as “CSV "
                "UTF-8”.",
                name=said,
            )
        )
    table = _table(content, name, said, settings)
    if not table.rows:
        raise InputError(say("{name} has no rows. Write a pair into it.", name=said))
    return table


def _table(content: bytes, name: str, said: str, settings: Settings) -> Table:
    if content.startswith(MAGIC):
        return parquet_table(content, said, settings)
    text, notes = text_of(content, said)
    read = json_table if looks_like_json(text, name) else delimited_table
    return read(text, said, notes, settings.max_own_pairs, settings.max_own_columns)
