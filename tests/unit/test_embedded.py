"""The embedded pairs: their form, that no cheap rule solves them, and that their recipe makes them."""

import csv
import statistics
from collections import Counter

import pytest

from benchmarks import quality
from benchmarks.embedded_pairs import cheap_rules, cosines
from pipeline.dataset import COLUMNS, load_raw_datasets
from pipeline.explain.shortcut import best_rule
from pipeline.metrics import majority
from pipeline.settings import Settings
from pipeline.task import EMBEDDED_PAIRS
from recipes import embedded_pairs as recipe

JUDGED = ("validation", "test")
MARGIN = 0.08  # what a cheap rule may have above the majority


@pytest.fixture(scope="module")
def embedded():
    return load_raw_datasets("embedded", Settings())[0]


@pytest.fixture(scope="module")
def kinds():
    """The rows as their files have them, with the kind of each pair."""
    return {split: rows_of(EMBEDDED_PAIRS / f"{split}.csv") for split in ("train", *JUDGED)}


@pytest.fixture(scope="module")
def found(embedded):
    """{split: {cheap rule: accuracy}}."""
    return cheap_rules({split: rows[:] for split, rows in embedded.items()})


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_sizes_and_columns_are_those_promised(embedded):
    assert {split: len(rows) for split, rows in embedded.items()} == {
        "train": 640,
        "validation": 160,
        "test": 160,
    }
    for rows in embedded.values():
        assert tuple(rows.column_names) == COLUMNS
        assert rows.features["label"].names == ["not_equivalent", "equivalent"]
        assert list(rows["idx"]) == list(range(len(rows)))


def test_about_two_thirds_are_paraphrases(embedded):
    for rows in embedded.values():
        assert 0.63 <= sum(rows["label"]) / len(rows) <= 0.70


def test_no_pair_stands_twice_and_no_sentence_in_two_splits(embedded):
    pairs = Counter(
        frozenset((row["sentence1"], row["sentence2"]))
        for rows in embedded.values()
        for row in rows
    )
    assert [pair for pair, times in pairs.items() if times > 1] == []
    splits = [
        {_bare(row[name]) for row in rows for name in ("sentence1", "sentence2")}
        for rows in embedded.values()
    ]
    assert not splits[0] & splits[1] and not splits[0] & splits[2] and not splits[1] & splits[2]


# ---------------------------------------------------------------- no cheap rule


@pytest.mark.parametrize("split", JUDGED)
@pytest.mark.slow
def test_no_cheap_rule_helps(found, embedded, split):
    """Thresholds in both directions, on the split itself and from train; all together; one sentence alone."""
    most = majority(embedded[split]["label"])["accuracy"] + MARGIN
    assert len(found[split]) == 5 * 3 + 3
    assert {rule: accuracy for rule, accuracy in found[split].items() if accuracy > most} == {}


def test_the_cosine_finds_a_label_that_is_given_away():
    """The same rule on the shortcut pairs: little similarity means equivalent, the direction that nobody had tried."""
    pairs = load_raw_datasets("shortcut", Settings())[0]["validation"][:]
    rule = best_rule(cosines(pairs), pairs["label"])
    assert rule.accuracy > 0.675 + MARGIN and rule.above == 0


# ---------------------------------------------------------------- the kinds


def test_every_split_has_every_kind(kinds):
    assert set(_kinds(kinds["train"])) >= {
        "same",
        "blank",
        "full stop",
        "letter case",
        "other",
        *recipe.CHANGES,
    }
    assert _kinds(kinds["train"]) == _kinds(kinds["validation"]) == _kinds(kinds["test"])


def test_a_kind_has_one_label_and_is_what_it_says(kinds):
    for rows in kinds.values():
        labels = {
            row["kind"]: {other["label"] for other in rows if other["kind"] == row["kind"]}
            for row in rows
        }
        assert all(len(one) == 1 for one in labels.values())
        for row in rows:
            first, second = row["sentence1"], row["sentence2"]
            if row["kind"] == "same":
                assert first == second
            elif row["kind"] == "blank":
                assert first != second and first.replace(" ", "") == second.replace(" ", "")
            elif row["kind"] == "full stop":
                assert first != second and first.rstrip(".") == second.rstrip(".")
            elif row["kind"] == "letter case":
                assert first != second and first.casefold() == second.casefold()
            else:
                assert _bare(first) != _bare(second)


def test_both_labels_have_low_and_high_overlap(kinds):
    """Low-overlap pairs of either label share a third of their words or less, minimal ones most of them."""
    for rows in kinds.values():
        for kind in ("reworded", "number, reworded", "not, reworded", "role, reworded"):
            assert statistics.median(_overlap(row) for row in rows if row["kind"] == kind) < 0.45, (
                kind
            )
        for kind in ("synonym", *recipe.CHANGES):
            assert statistics.median(_overlap(row) for row in rows if row["kind"] == kind) > 0.7, (
                kind
            )


def _kinds(rows):
    return {row["kind"] for row in rows}


def _overlap(row):
    first, second = (
        set(row[name].casefold().rstrip(".").split()) for name in ("sentence1", "sentence2")
    )
    return len(first & second) / len(first | second)


# ---------------------------------------------------------------- where they come from


def test_the_recipe_makes_the_files(kinds):
    made = recipe.make()
    for split, rows in kinds.items():
        assert [{name: str(value) for name, value in row.items()} for row in made[split]] == rows


def test_an_item_that_is_not_sound_is_named():
    with pytest.raises(ValueError, match="lacks one of"):
        recipe.parse("A cat sat.\n= There sat a cat.")
    with pytest.raises(ValueError, match="can't be put into: A cat sat."):
        recipe.parse(
            "A cat sat.\n= There sat a cat.\n~ dog > hound\n! name: cat > dog\n- A cat ran."
        )
    with pytest.raises(ValueError, match="'colour' is no kind"):
        recipe.parse("A cat sat.\n! colour: cat > dog")


def test_phrases_change_places_and_capitals():
    parts = recipe.substitutions("the union <> the city")
    assert recipe.substituted("The union sued the city.", parts) == "The city sued the union."
    assert recipe.substituted("A union sued a city.", parts) is None


def test_none_of_it_is_mrpc(embedded, mrpc_folder):
    from datasets import load_dataset

    files = [str(path) for path in sorted(mrpc_folder.glob("*.parquet"))]
    mrpc = load_dataset("parquet", data_files=files, split="train")
    theirs = {_bare(text) for name in ("sentence1", "sentence2") for text in mrpc[name]}
    ours = {
        _bare(text)
        for rows in embedded.values()
        for name in ("sentence1", "sentence2")
        for text in rows[name]
    }
    assert ours & theirs == set()


def _bare(text):
    return "".join(character for character in text.casefold() if character.isalnum())


def test_a_model_is_told_how_many_of_each_change_it_gets_right(monkeypatch):
    """Of the kinds' pairs in a split: a model that calls all equivalent sees no change."""
    monkeypatch.setattr(quality, "labels", lambda _model, pairs: ["equivalent"] * len(pairs))
    assert quality.right_by_kind("any", "test") == [
        ("direction, right", "0 of 12 (0.0%)"),
        ("name, right", "0 of 9 (0.0%)"),
        ("not, right", "0 of 12 (0.0%)"),
        ("number, right", "0 of 9 (0.0%)"),
        ("other, right", "0 of 6 (0.0%)"),
        ("role, right", "0 of 8 (0.0%)"),
        ("the same, right", "104 of 104 (100.0%)"),
    ]
