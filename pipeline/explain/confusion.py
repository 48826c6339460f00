"""What follows from a confusion matrix: precision, recall, F1 and accuracy, with the numbers in
their formulas. `equivalent` is the positive class, as GLUE has it.

>>> counts = Confusion(right_positive=190, false_positive=19, false_negative=89, right_negative=110)
>>> [formula.written for formula in counts.formulas()][0]
'precision = 190 / (190 + 19) = 90.9%'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from languages import say


@dataclass(frozen=True)
class Formula:
    """One figure: its name, what stands before and after the fraction bar, and both as numbers."""

    name: str
    over: str
    under: str
    over_value: int
    under_value: int

    @property
    def value(self) -> float | None:
        """The share; None where it is 0 / 0."""
        return self.over_value / self.under_value if self.under_value else None

    @property
    def written(self) -> str:
        """The formula in one line."""
        share = "–" if self.value is None else f"{self.value:.1%}"
        return f"{self.name} = {self.over} / {self.under} = {share}"


@dataclass(frozen=True)
class Confusion:
    """The four counts of a confusion matrix.

    right_positive: equivalent pairs that were called so. false_positive: others that were.
    false_negative: equivalent pairs that were not. right_negative: the rest.
    """

    right_positive: int
    false_positive: int
    false_negative: int
    right_negative: int

    @classmethod
    def of(cls, counts: Mapping[tuple[int, int], int]) -> Confusion:
        """Of {(gold label, answer): pairs}."""
        return cls(counts[1, 1], counts[0, 1], counts[1, 0], counts[0, 0])

    @property
    def counts(self) -> dict[tuple[int, int], int]:
        """{(gold label, answer): pairs}, all four."""
        return {
            (0, 0): self.right_negative,
            (0, 1): self.false_positive,
            (1, 0): self.false_negative,
            (1, 1): self.right_positive,
        }

    @property
    def majority_label(self) -> int:
        """The gold label that most pairs have; label 1 where both have as many."""
        positive = self.right_positive + self.false_negative
        return int(2 * positive >= sum(self.counts.values()))

    def always_majority(self) -> Confusion:
        """The matrix of giving each of the same pairs the majority's label."""
        positive = self.right_positive + self.false_negative
        negative = self.false_positive + self.right_negative
        if self.majority_label == 1:
            return Confusion(positive, negative, 0, 0)
        return Confusion(0, 0, positive, negative)

    def formulas(self) -> list[Formula]:
        """Precision, recall, F1 and accuracy."""
        hits, alarms, misses = self.right_positive, self.false_positive, self.false_negative
        right, pairs = hits + self.right_negative, sum(self.counts.values())
        return [
            Formula(say("precision"), f"{hits}", f"({hits} + {alarms})", hits, hits + alarms),
            Formula(say("recall"), f"{hits}", f"({hits} + {misses})", hits, hits + misses),
            Formula(
                "F1",
                f"2 · {hits}",
                f"(2 · {hits} + {alarms} + {misses})",
                2 * hits,
                2 * hits + alarms + misses,
            ),
            Formula(say("accuracy"), f"({hits} + {self.right_negative})", f"{pairs}", right, pairs),
        ]
