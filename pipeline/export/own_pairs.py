"""A visitor's own pairs as files beside a script that trains on them."""

import csv
import io

from pipeline.own_pairs.pairs import OwnPairs

PAIRS_FILE = "pairs.csv"
# As `--columns` of the command line takes them
PAIRS_COLUMNS = ("sentence1", "sentence2", "label", "split")


def pairs_csv(own: OwnPairs) -> bytes:
    """All rows that a run uses, with the names of their labels and their splits, as UTF-8 with the
    mark by which a spreadsheet knows it.
    """
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    writer.writerow(PAIRS_COLUMNS)
    for split in own.labelled_splits:
        for row in own.splits[split]:
            label = own.labels[row["label"]]
            writer.writerow([row["sentence1"], row.get("sentence2") or "", label, split])
    return written.getvalue().encode("utf-8-sig")


def pairs_parquet(own: OwnPairs, split: str) -> bytes:
    """The rows of a split as this server keeps them, which its scripts read."""
    from pyarrow import BufferOutputStream, Table, parquet

    out = BufferOutputStream()
    parquet.write_table(Table.from_pylist(list(own.splits[split])), out)
    return out.getvalue().to_pybytes()
