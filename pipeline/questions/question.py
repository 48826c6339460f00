"""A question whose answer is computed, and the drawing of the next one.

>>> from random import Random
>>> wrong = [Choice("22", "joined"), Choice("4", "the right one"), Choice("0", "subtracted")]
>>> question = asked("2 + 2?", Choice("4", "a sum"), wrong, Random(0))
>>> sorted(choice.text for choice in question.choices), question.choices[question.right].text
(['0', '22', '4'], '4')
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

LEAST_WRONG, MOST_WRONG = 2, 3  # wrong choices of a question

Points = list[tuple[int, float]]  # (step, value)


@dataclass(frozen=True)
class Choice:
    """One answer to choose. because: why it is right, or what one who chose it confused."""

    text: str
    because: str


@dataclass(frozen=True)
class Question:
    """One question about what the learner's page shows.

    right: the place of the right one among `choices`. given: the figures that the answer is worked
    out from, a line each. curves: {name: points} to look at, for a question about a curve.
    """

    text: str
    choices: tuple[Choice, ...]
    right: int
    given: tuple[str, ...] = ()
    curves: dict[str, Points] = field(default_factory=dict)
    id: str = ""

    def is_right(self, choice: int) -> bool:
        """Whether the choice at that place is the right one."""
        return choice == self.right


# What makes a question: (what the page shows, chance) -> Question; None where there is nothing to
# ask, as of the order of one sentence
Ask = Callable[[Any, Random], Question | None]


def asked(
    text: str,
    right: Choice,
    wrong: Sequence[Choice],
    chance: Random,
    given: Sequence[str] = (),
    curves: dict[str, Points] | None = None,
) -> Question | None:
    """A Question with its choices in a random order; None where too few wrong ones are left.

    wrong: the most typical confusion first. One that reads as the right one, or as one before it,
    is left out.
    """
    kept: list[Choice] = []
    for one in wrong:
        if one.text not in [right.text, *(other.text for other in kept)]:
            kept.append(one)
    if len(kept) < LEAST_WRONG:
        return None
    choices = [right, *kept[:MOST_WRONG]]
    chance.shuffle(choices)
    return Question(text, tuple(choices), choices.index(right), tuple(given), curves or {})


def id_of(ask: Ask) -> str:
    """The name of a question in a score: that of the function that makes it."""
    return ask.__name__.replace("_", "-")


def following(
    asks: Sequence[Ask], shown: Any, answered: Collection[str], after: str, chance: Random
) -> Question | None:
    """The next question that can be asked, in the order of `asks`: first those after the one with
    the id `after` that aren't answered yet, then any. None where none can be asked.

    answered: ids.
    """
    ids = [id_of(ask) for ask in asks]
    begin = ids.index(after) + 1 if after in ids else 0
    turn = [*asks[begin:], *asks[:begin]]
    for ask in sorted(turn, key=lambda one: id_of(one) in answered):
        if question := ask(shown, chance):
            return replace(question, id=id_of(ask))
    return None
