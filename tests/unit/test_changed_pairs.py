"""The changed pairs from which an adapter learns to notice: what they are, and that none is mislabelled."""

import random
from collections import Counter

import pytest

from pipeline.edits import english
from pipeline.edits.changed import CHANGES
from recipes.changed_pairs import Mixture, Sources, embedded_items
from recipes.embedded_pairs import ENGLISH, make

PAIRS = [
    ("Profits rose 12 percent in May.", "In May profits were 12 percent higher."),
    ("Mr. Quill sued Acme Corp. in July.", "In July Mr. Quill sued Acme Corp."),
    ("Ann Wolff said Orbit Inc. will hire.", "Orbit Inc. will hire, Ann Wolff said."),
    ("John Tamm left for Paris.", "Peter Brandt stayed in Rome."),
]
OWN_NAMES = {
    *english.NEW_MEN,
    *english.NEW_WOMEN,
    *(f"Mr. {name}" for name in english.NEW_SURNAMES),
    *(f"{name} " for name in english.NEW_COMPANIES),
}


@pytest.fixture(scope="module")
def sources():
    return Sources.of(PAIRS, [1, 1, 1, 0])


def test_only_equivalent_pairs_are_changed(sources):
    pairs = {frozenset(pair) for found in sources.pairs.values() for pair in found}
    assert frozenset(PAIRS[0]) in pairs and frozenset(PAIRS[3]) not in pairs
    assert PAIRS[3][0] in sources.sentences  # its sentences may stand beside themselves


@pytest.mark.parametrize("seed", range(5))
def test_a_changed_pair_is_never_one_that_was_there(sources, seed):
    made = sources.changed(60, dict.fromkeys(CHANGES, 1.0), random.Random(seed))
    assert len(made) > 30
    unchanged = {frozenset(pair) for pair in PAIRS}
    for first, second in made:
        assert first != second and frozenset((first, second)) not in unchanged
        assert first in sources.sentences  # one sentence of two is changed


def test_names_come_from_the_sentences_and_not_from_the_editors_list(sources):
    """A model is judged with the editor's names; learned by heart, they would be a sign."""
    made = sources.changed(60, {"name": 1.0}, random.Random(1))
    assert made and not [name for name in OWN_NAMES for _, second in made if name in second]
    assert any("Peter Brandt" in second or "John Tamm" in second for _, second in made)


def test_what_is_changed_alike_is_changed_in_both_sentences(sources):
    made = sources.changed_alike(20, random.Random(0))
    for first, second in made:
        assert not {first, second} & set(sources.sentences)
    digits = [
        [Counter(word for word in one.split() if word.isdigit()) for one in pair] for pair in made
    ]
    assert all(here == there for here, there in digits)
    assert any("12" not in here for here, _ in digits if here)


def test_sentences_beside_themselves_are_the_same_twice(sources):
    made = sources.beside_themselves(16, random.Random(0))
    assert len(made) == 16 and all(first == second for first, second in made)
    assert {first for first, _ in made} & set(sources.sentences)
    assert {first for first, _ in made} - set(sources.sentences)


def test_embedded_items_are_those_of_train():
    """No sentence of the embedded validation and test splits, and half of them equivalent."""
    pairs, labels = embedded_items(1000, random.Random(0))
    assert 950 < len(pairs) < 1050 and abs(sum(labels) / len(labels) - 0.5) < 0.02
    rows = make(ENGLISH)
    held_out = {
        row[column]
        for split in ("validation", "test")
        for row in rows[split]
        for column in ("sentence1", "sentence2")
    }
    assert not held_out & {sentence for pair in pairs for sentence in pair}


def test_the_shares_of_a_mixture(sources):
    mixture = Mixture(pairs=200, changed=0.3, same=0.1, embedded=0.2)
    kept = [(pair, 0.7) for pair in PAIRS]
    pairs, targets = mixture.drawn(sources, kept, random.Random(0))
    assert len(pairs) == len(targets) == 200
    counted = Counter(targets)
    assert counted[0.7] == [pair in PAIRS for pair in pairs].count(True)
    assert counted[0.7] >= 80  # what the others leave
    assert 60 < counted[0.0] < 100 and counted[1.0] > 20
    assert mixture.drawn(sources, kept, random.Random(0)) == (pairs, targets)
