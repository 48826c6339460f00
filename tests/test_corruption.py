"""Noise in unlabeled pairs."""

import pytest

from pipeline.corruption import Corruption

SENTENCE = "On Monday Alice paid Bob 12 dollars, and he was pleased."
LENDERS = ["Yesterday Carol met Dave in 1999.", "It was cold outside."]


def test_each_change_changes_what_it_says_it_does():
    corrupt = Corruption(LENDERS, seed=3)
    assert corrupt.negate(SENTENCE) == SENTENCE.replace("was", "was not")
    assert corrupt.swap_names(SENTENCE) == "On Alice Monday paid Bob 12 dollars, and he was pleased."
    number = corrupt.number(SENTENCE)
    assert number != SENTENCE and len(number) == len(SENTENCE) and number.replace("12", "") != SENTENCE
    name = corrupt.name(SENTENCE)
    assert name != SENTENCE and any(other in name for other in ("Carol", "Dave"))
    assert sorted(corrupt.shuffle(SENTENCE).split()) == sorted(SENTENCE.split())


@pytest.mark.parametrize("change", ["negate", "number", "name", "swap_names"])
def test_nothing_to_change(change):
    assert getattr(Corruption(LENDERS), change)("so be it") is None


def test_the_same_seed_the_same_changes():
    first, second = ([Corruption(LENDERS, seed=1)(SENTENCE) for _ in range(1)] for _ in range(2))
    assert first == second


def test_short_sentences_survive_every_change():
    corrupt = Corruption(LENDERS)
    for sentence in ("Hi", "a b", "x " * 200):
        for change in corrupt.all:
            changed = change(sentence)
            assert changed is None or isinstance(changed, str)
        assert isinstance(corrupt(sentence), str)
