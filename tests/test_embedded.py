"""The embedded pairs: their form, and that they are worth learning from."""

import re
import statistics
import sys
from collections import Counter
from pathlib import Path

import pytest

from pipeline.dataset import COLUMNS, load_raw_datasets

sys.path.insert(0, str(Path(__file__).parent.parent))
from benchmarks.embedded_pairs import best_threshold, cosines


@pytest.fixture(scope="module")
def embedded():
    return load_raw_datasets("embedded")[0]


def test_sizes_and_columns_are_those_promised(embedded):
    assert {split: len(rows) for split, rows in embedded.items()} == {"train": 320, "validation": 80, "test": 80}
    for rows in embedded.values():
        assert tuple(rows.column_names) == COLUMNS
        assert rows.features["label"].names == ["not_equivalent", "equivalent"]
        assert list(rows["idx"]) == list(range(len(rows)))


def test_no_sentence_stands_twice(embedded):
    sentences = Counter(text.casefold() for rows in embedded.values() for name in ("sentence1", "sentence2") for text in rows[name])
    assert [text for text, times in sentences.items() if times > 1] == []


def test_about_two_thirds_are_paraphrases(embedded):
    for rows in embedded.values():
        assert 0.63 <= sum(rows["label"]) / len(rows) <= 0.70


def test_words_alone_do_not_tell(embedded):
    """Non-paraphrases share their words too: in the middle as many of the shorter sentence's as half of them."""
    shares = [_shared(row) for rows in embedded.values() for row in rows if row["label"] == 0]
    assert statistics.median(shares) > 0.5


def _shared(row):
    first, second = (set(re.findall(r"\w+", row[name].casefold())) for name in ("sentence1", "sentence2"))
    return len(first & second) / min(len(first), len(second))


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_cosine_alone_does_not_tell(embedded, split):
    pairs = embedded[split][:]
    assert best_threshold(cosines(pairs), pairs["label"]) < 0.85


def test_none_of_it_is_mrpc(embedded, mrpc_folder):
    from datasets import load_dataset

    files = [str(path) for path in sorted(mrpc_folder.glob("*.parquet"))]
    mrpc = load_dataset("parquet", data_files=files, split="train")
    theirs = {_bare(text) for name in ("sentence1", "sentence2") for text in mrpc[name]}
    ours = {_bare(text) for rows in embedded.values() for name in ("sentence1", "sentence2") for text in rows[name]}
    assert ours & theirs == set()


def _bare(text):
    return "".join(character for character in text.casefold() if character.isalnum())
