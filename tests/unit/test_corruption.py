"""Noise in unlabeled pairs: each damage does what it says, and the recipe's stays the same."""

import pytest

from recipes.corruption import Corruption

SENTENCE = "On Monday Alice paid Bob 12 dollars, and he was pleased."
# What the code drew from which the adapter was trained
EXPECTED = [
    "paid Bob 12 dollars, and he was not pleased.",
    "Bob 12 dollars, was pleased. On Monday paid",
    "met Monday Alice paid Bob 12 dollars, and he was pleased.",
]
LENDERS = ["Yesterday Carol met Dave in 1999.", "It was cold outside."]


def test_each_change_changes_what_it_says_it_does():
    corrupt = Corruption(LENDERS, seed=3)
    assert corrupt.negate(SENTENCE) == SENTENCE.replace("was", "was not")
    number = corrupt.number(SENTENCE)
    assert (
        number != SENTENCE and len(number) == len(SENTENCE) and number.replace("12", "") != SENTENCE
    )
    name = corrupt.name(SENTENCE)
    assert name != SENTENCE and any(other in name for other in ("Carol", "Dave"))


@pytest.mark.parametrize("change", ["negate", "number", "name"])
def test_nothing_to_change(change):
    assert getattr(Corruption(LENDERS), change)("so be it") is None


def test_the_recipe_draws_what_it_drew_when_pair_warmed_was_trained():
    corrupt = Corruption(LENDERS, seed=1)
    assert [corrupt(SENTENCE) for _ in range(3)] == EXPECTED


def test_short_sentences_survive_every_change():
    corrupt = Corruption(LENDERS)
    for sentence in ("Hi", "a b", "x " * 200):
        for change in corrupt.all:
            changed = change(sentence)
            assert changed is None or isinstance(changed, str)
        assert isinstance(corrupt(sentence), str)
