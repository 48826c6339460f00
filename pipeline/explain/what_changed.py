"""The evaluation's answers pair by pair, before a run and after it -> what the run fixed and what
it broke.

>>> judgement = Judgement(labels=(1, 0, 1), before=(0.4, 0.2, 0.9), after=(0.6, 0.7, 0.8))
>>> judgement.fixed, judgement.broken, judgement.accuracy("after")
([0], [1], 0.6666666666666666)
>>> judgement.confusion("after")
{(0, 0): 0, (0, 1): 1, (1, 0): 0, (1, 1): 2}
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.answers import (
    ANSWERS_FILE,
    Share,
    answer_of,
    are_shares,
    labels_told,
    probability_of,
)
from pipeline.runs.folder import MOST_BYTES_OF_EVENTS, parsed, read_text


@dataclass(frozen=True)
class Judgement:
    """One entry a validation pair, in the order of the split. `before` and `after`: the shares of
    answers.py.
    """

    labels: tuple[int, ...]
    before: tuple[Share, ...]
    after: tuple[Share, ...]

    def answers(self, when: str) -> list[int]:
        """The label that the model gave each pair, `when` "before" or "after" the run."""
        return [answer_of(share) for share in getattr(self, when)]

    def right(self, when: str) -> list[bool]:
        """Whether each answer was the gold label."""
        return [
            answer == label for answer, label in zip(self.answers(when), self.labels, strict=True)
        ]

    def accuracy(self, when: str) -> float:
        """Share of right answers."""
        return sum(self.right(when)) / len(self.labels)

    def confusion(self, when: str) -> dict[tuple[int, int], int]:
        """{(gold label, answer): number of pairs}, for each two labels."""
        numbers = range(labels_told(self.before[0]))
        counts = {(gold, answer): 0 for gold in numbers for answer in numbers}
        for gold, answer in zip(self.labels, self.answers(when), strict=True):
            counts[gold, answer] += 1
        return counts

    @property
    def fixed(self) -> list[int]:
        """Rows that were wrong before and are right now, the largest change of the gold
        label's probability first.
        """
        return self._changed(to=True)

    @property
    def broken(self) -> list[int]:
        """Rows that were right before and are wrong now, the largest change of the gold
        label's probability first.
        """
        return self._changed(to=False)

    def _changed(self, to):
        were, are = self.right("before"), self.right("after")
        rows = [row for row in range(len(self.labels)) if were[row] != are[row] and are[row] == to]
        return sorted(rows, key=lambda row: -abs(self._gain(row)))

    def _gain(self, row):
        gold = self.labels[row]
        return probability_of(self.after[row], gold) - probability_of(self.before[row], gold)


def read_judgement(folder: Path, count: int = 2) -> tuple[Judgement, str] | None:
    """(Judgement, digest of its pairs) of a run's folder; None where it left none, or what is there
    is damaged or foreign. count: how many labels its task has.
    """
    values = parsed(read_text(folder / ANSWERS_FILE, MOST_BYTES_OF_EVENTS))
    if not isinstance(values, dict) or not isinstance(values.get("pairs"), str):
        return None
    labels, shares = values.get("labels"), [values.get("before") or [], values.get("after") or []]
    if not isinstance(labels, list) or not labels:
        return None
    if not all(are_shares(each, count) and len(each) == len(labels) for each in shares):
        return None
    if any(type(label) is not int or not 0 <= label < count for label in labels):
        return None
    before, after = map(tuple, shares)
    return Judgement(tuple(labels), before, after), values["pairs"]
