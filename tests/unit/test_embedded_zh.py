"""The embedded Chinese pairs: their form, that no cheap rule solves them, that their recipe makes them."""

import re
import statistics
from collections import Counter
from functools import lru_cache

import pytest

from benchmarks.embedded_pairs import cheap_rules
from pipeline.dataset import load_raw_datasets
from pipeline.errors import SourceError
from pipeline.explain.shortcut import word_overlap, words
from pipeline.metrics import majority
from pipeline.settings import Settings
from pipeline.task import AFQMC, CHINESE_PAIRS, EMBEDDED_ZH, RTE
from recipes import embedded_pairs as recipe
from tests.unit.test_embedded import JUDGED, rows_of

# What a cheap rule may have above the majority: 4 of 40 pairs. The threshold is fitted on those
# very pairs, and one pair is 2.5 points.
MARGIN = 4 / 40
SENTENCES = ("sentence1", "sentence2")


@pytest.fixture(scope="module")
def splits():
    return {split: rows_of(CHINESE_PAIRS / f"{split}.csv") for split in ("train", *JUDGED)}


def test_sizes_columns_and_labels_are_those_promised(splits):
    assert {split: len(rows) for split, rows in splits.items()} == {
        "train": 120,
        "validation": 40,
        "test": 40,
    }
    for rows in splits.values():
        assert list(rows[0]) == [*SENTENCES, "label", "idx", "kind"]
        assert [row["idx"] for row in rows] == [str(number) for number in range(len(rows))]
        assert 0.60 <= sum(row["label"] == "1" for row in rows) / len(rows) <= 0.65


def test_no_pair_stands_twice_and_splits_share_no_sentence_and_no_news_item(splits):
    pairs = Counter(
        frozenset(row[name] for name in SENTENCES) for rows in splits.values() for row in rows
    )
    assert [pair for pair, times in pairs.items() if times > 1] == []
    facts = {
        split: {fact for row in rows for fact in _facts(row)} for split, rows in splits.items()
    }
    assert all(facts.values())
    for split, other in (("train", "validation"), ("train", "test"), ("validation", "test")):
        assert facts[split] & facts[other] == set()


def _facts(row):
    """The news item that both sentences of a row are about: whose characters they have most of."""
    found = {
        max(_versions(), key=lambda item: _nearness(row[name], item[1]))[0] for name in SENTENCES
    }
    assert len(found) == 1, row
    return found


@lru_cache
def _versions():
    """[(an item's sentence, the words of each way to say it), ...]."""
    facts = [fact for items in recipe.read_facts(recipe.CHINESE.facts).values() for fact in items]
    return [
        (
            fact.sentence,
            [set(words(text)) for text in (fact.sentence, fact.reworded, fact.other)],
        )
        for fact in facts
    ]


def _nearness(sentence, versions):
    has = set(words(sentence))
    return max(len(has & version) / len(has | version) for version in versions)


def test_each_news_item_gives_pairs_of_both_labels(splits):
    """So that one sentence alone doesn't tell the label. Of train, which has the room."""
    labels = {}
    for row in splits["train"]:
        [fact] = _facts(row)
        labels.setdefault(fact, set()).add(row["label"])
    assert {fact for fact, found in labels.items() if found != {"0", "1"}} == set()


@pytest.mark.slow
def test_no_cheap_rule_helps(splits):
    """Thresholds in both directions, on the split itself and from train; all together; one sentence alone."""
    columns = {
        split: {
            **{name: [row[name] for row in rows] for name in SENTENCES},
            "label": [int(row["label"]) for row in rows],
        }
        for split, rows in splits.items()
    }
    found = cheap_rules(columns)
    for split in JUDGED:
        assert len(found[split]) == 5 * 3 + 3
        most = majority(columns[split]["label"])["accuracy"] + MARGIN
        assert {rule: accuracy for rule, accuracy in found[split].items() if accuracy > most} == {}


def test_a_kind_has_one_label_and_is_what_it_says(splits):
    kinds = {split: {row["kind"] for row in rows} for split, rows in splits.items()}
    assert kinds["train"] == kinds["validation"] == kinds["test"] >= {"same", *recipe.CHANGES}
    for rows in splits.values():
        labels = {(row["kind"], row["label"]) for row in rows}
        assert len(labels) == len({kind for kind, _label in labels})
        for row in rows:
            first, second = (row[name] for name in SENTENCES)
            if row["kind"] == "same":
                assert first == second
            elif row["kind"] == "punctuation":
                assert first != second and words(first) == words(second)
            else:
                assert words(first) != words(second)


def test_both_labels_have_low_and_high_overlap(splits):
    rows = splits["train"]
    for kind in ("reworded", "number, reworded", "not, reworded", "role, reworded"):
        assert statistics.median(_overlap(row) for row in rows if row["kind"] == kind) < 0.7, kind
    for kind in ("synonym", *recipe.CHANGES):
        assert statistics.median(_overlap(row) for row in rows if row["kind"] == kind) > 0.7, kind


def _overlap(row):
    return word_overlap(row["sentence1"], row["sentence2"])


def test_they_are_chinese_and_news(splits):
    """Not a word of English, and a length at which a headline ends and an article hasn't begun."""
    for rows in splits.values():
        for row in rows:
            for name in SENTENCES:
                assert not re.search(r"[A-Za-z]", row[name]), row
                assert 10 <= len(words(row[name])) <= 60, row


def test_the_recipe_makes_the_files(splits):
    made = recipe.make(recipe.CHINESE)
    for split, rows in splits.items():
        assert [{name: str(value) for name, value in row.items()} for row in made[split]] == rows


@pytest.mark.parametrize("task", [EMBEDDED_ZH, AFQMC, RTE])
def test_the_english_shortcut_pairs_are_no_pairs_of_another_language_or_task(task):
    with pytest.raises(SourceError, match="no pairs that give their label away"):
        load_raw_datasets("shortcut", Settings(), task)
