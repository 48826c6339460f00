"""train() and eval(): ten answers in each mode as dots on a line, and what a forward pass keeps.

>>> axis([0.957, 0.945])
(0.92, 0.98)
>>> axis([0.999, 0.998])
(0.94, 1.0)
"""

import math
from collections.abc import Sequence

from markupsafe import Markup

from languages import _
from pipeline.inside.dropout import Kept, Modes
from views.numbers import format_bytes, percent
from views.render import render

NARROWEST = 6  # hundredths: a smaller spread shall look small


def axis(shares: Sequence[float]) -> tuple[float, float]:
    """The two ends, in hundredths, between which all shares and a little more are."""
    low, high = math.floor(100 * min(shares)), math.ceil(100 * max(shares))
    low = max(0, low - max(0, NARROWEST - (high - low)) // 2)
    high = min(100, max(high, low + NARROWEST))
    return min(low, high - NARROWEST) / 100, high / 100


def both_modes(found: Modes) -> Markup:
    """The dots of both modes, their spread, and the table of bytes."""
    low, high = axis([*found.train, *found.eval])

    def place(share: float) -> str:
        return f"{100 * (share - low) / (high - low):.2f}%"

    lanes = [
        ("train()", [place(share) for share in found.train], _spread(found)),
        (
            "eval()",
            [place(share) for share in found.eval],
            _("{times} × exactly {share}", times=len(found.eval), share=percent(found.eval[0]))
            if len(set(found.eval)) == 1
            else _("not all equal"),
        ),
    ]
    return render(
        "both_modes.html",
        found=found,
        dropout=f"{found.dropout:.0%}",
        lanes=lanes,
        ends=(percent(low), percent(high)),
        rows=[
            (number, percent(train), percent(in_eval))
            for number, (train, in_eval) in enumerate(zip(found.train, found.eval, strict=True), 1)
        ],
        kept=[_kept_row(kept) for kept in found.kept],
        formula=_megabytes(found.formula) if found.formula else "",
    )


def _spread(found: Modes) -> str:
    return _(
        "mean {mean}, standard deviation {spread:.1f} percentage points",
        mean=percent(found.mean),
        spread=100 * found.spread,
    )


def _kept_row(kept: Kept) -> tuple[object, ...]:
    if kept.train is None or kept.eval is None or kept.no_grad is None:
        told = _("about {size}, not measured here", size=format_bytes(kept.expected))
        return kept.rows, told, "–", "–"
    return (
        kept.rows,
        *(_megabytes(size) for size in (kept.train, kept.eval, kept.no_grad)),
    )


def _megabytes(size: int) -> str:
    """Bytes with one decimal of a megabyte, where there is one.

    >>> _megabytes(5_802_208), _megabytes(0)
    ('5.8 MB', '0')
    """
    if size == 0:
        return "0"
    return f"{size / 10**6:.1f} MB" if size >= 10**6 else format_bytes(size)
