"""A heat map: two settings, a cell for each pair of their values, fuller in colour for more.

>>> tones = Tones.of([0.7, 0.8, math.nan])
>>> tones.full(0.7), tones.full(0.775), tones.full(math.nan)
(0, 75, 50)
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Tones:
    """From the least value to the most: from no colour to all of it."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Tones":
        """The tones of these values; those that are no number don't count."""
        finite = [value for value in values if math.isfinite(value)]
        return cls(min(finite, default=0.0), max(finite, default=1.0))

    def full(self, value: float) -> int:
        """How full the colour of a value is, 0 to 100; 50 where there is nothing to compare."""
        if self.high <= self.low or not math.isfinite(value):
            return 50
        return round(100 * (value - self.low) / (self.high - self.low))


@dataclass(frozen=True)
class HeatCell:
    """text: its figure; small: what stands below; title: what is said of that on a look.

    full: of its Tones, None without a figure. run: the id of a run that a click opens, said: what
    its button is called. kind: "best", or "alike" where chance alone may have put it below the
    best.
    """

    text: str
    small: str = ""
    title: str = ""
    full: int | None = None
    run: str = ""
    said: str = ""
    kind: str = ""


@dataclass(frozen=True)
class HeatTable:
    """label: its name; caption: what is across and down. xs: the heads of the columns; rows: (head,
    a cell for each column, None where there is nothing).
    """

    label: str
    caption: str
    xs: Sequence[str]
    rows: Sequence[tuple[str, Sequence[HeatCell | None]]]
