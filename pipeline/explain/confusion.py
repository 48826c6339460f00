"""What follows from a confusion matrix: precision, recall, F1 and accuracy, with the numbers in
their formulas. Of two labels, label 1 is the positive class, as GLUE has it; of more, each label
has its figures, and their mean over the labels is the macro average.

>>> counts = Confusion(((110, 19), (89, 190)))
>>> [formula.written for formula in counts.formulas()][0]
'precision = 190 / (190 + 19) = 90.9%'
>>> three = Confusion(((5, 1, 0), (2, 6, 0), (0, 0, 4)))
>>> [formula.written for formula in three.of_label(0)][:2]
['precision = 5 / (5 + 2) = 71.4%', 'recall = 5 / (5 + 1) = 83.3%']
>>> three.macro()[2].written
'macro-F1 = (76.9% + 80.0% + 100.0%) / 3 = 85.6%'
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
    over_value: float
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
    """rows[gold label][answer]: how many pairs; as many answers as gold labels."""

    rows: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, counts: Mapping[tuple[int, int], int]) -> Confusion:
        """Of {(gold label, answer): pairs}, which has each two labels."""
        labels = range(1 + max(gold for gold, _answer in counts))
        return cls(tuple(tuple(counts[gold, answer] for answer in labels) for gold in labels))

    @property
    def labels(self) -> range:
        """The labels' numbers."""
        return range(len(self.rows))

    @property
    def pairs(self) -> int:
        """How many pairs there are in all."""
        return sum(map(sum, self.rows))

    @property
    def most(self) -> int:
        """The largest count."""
        return max(map(max, self.rows))

    @property
    def majority_label(self) -> int:
        """The gold label that most pairs have; the last of those that have as many."""
        return max(self.labels, key=lambda label: (sum(self.rows[label]), label))

    def always_majority(self) -> Confusion:
        """The matrix of giving each of the same pairs the majority's label."""
        label = self.majority_label
        return Confusion(
            tuple(
                tuple(sum(row) if answer == label else 0 for answer in self.labels)
                for row in self.rows
            )
        )

    def of_label(self, label: int) -> list[Formula]:
        """Precision, recall and F1 of one label."""
        hits = self.rows[label][label]
        alarms = self._said(label) - hits
        misses = sum(self.rows[label]) - hits
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
        ]

    def macro(self) -> list[Formula]:
        """The mean of precision, recall and F1 over the labels that are gold or predicted
        somewhere; a label's 0 / 0 counts as 0.
        """
        names = say("macro precision"), say("macro recall"), say("macro-F1")
        found = [one for one in self.labels if sum(self.rows[one]) + self._said(one)]
        each = zip(*map(self.of_label, found), strict=True)
        return [
            _mean(name, [formula.value or 0.0 for formula in formulas])
            for name, formulas in zip(names, each, strict=True)
        ]

    def _said(self, label: int) -> int:
        return sum(row[label] for row in self.rows)

    def accuracy(self) -> Formula:
        """The share of right answers."""
        # The positive class first, as in the other formulas of two labels
        order = self.labels if len(self.rows) > 2 else (1, 0)
        hits = [self.rows[label][label] for label in order]
        over = f"({' + '.join(map(str, hits))})"
        return Formula(say("accuracy"), over, f"{self.pairs}", sum(hits), self.pairs)

    def formulas(self) -> list[Formula]:
        """Of two labels precision, recall, F1 and accuracy; of more macro F1 and accuracy."""
        if len(self.rows) == 2:
            return [*self.of_label(1), self.accuracy()]
        return [self.macro()[2], self.accuracy()]


def _mean(name: str, values: list[float]) -> Formula:
    over = f"({' + '.join(f'{value:.1%}' for value in values)})"
    return Formula(name, over, f"{len(values)}", sum(values), len(values))
