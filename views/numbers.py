"""Numbers as people read them.

>>> format_bytes(90_855_944), format_bytes(1_266_539_296), format_bytes(812)
('91 MB', '1.3 GB', '812 bytes')
"""

import math
from typing import TypeGuard

from languages import _, ngettext
from pipeline.prediction import written


def format_bytes(count: float) -> str:
    """Bytes in the largest unit that fits."""
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= unit:
            return f"{count / unit:.{1 if count < 10 * unit and name == 'GB' else 0}f} {name}"
    return ngettext("{count} byte", "{count} bytes", round(count))


def duration(seconds: float) -> str:
    """
    >>> duration(12.4), duration(200), duration(9000)
    ('12 s', '3 min', '2.5 h')
    """
    if seconds < 100:
        return _("{seconds:.0f} s", seconds=seconds)
    if seconds < 6000:
        return _("{minutes:.0f} min", minutes=seconds / 60)
    return _("{hours:.1f} h", hours=seconds / 3600)


def percent(share: float | None) -> str:
    """
    >>> percent(0.721), percent(None)
    ('72.1%', '–')
    """
    return f"{share:.1%}" if is_finite(share) else "–"


def percentage_points(after: float, before: float) -> str:
    """How far a share went up, as the two are shown: 78.9% − 72.1% is 6.8, whatever was rounded.

    >>> percentage_points(0.78922, 0.72059)
    '+6.8 percentage points'
    """
    if not (is_finite(after) and is_finite(before)):
        return "–"
    change = round(100 * after, 1) - round(100 * before, 1)
    return _("{change:+.1f} percentage points", change=change)


def is_finite(value: object) -> TypeGuard[float]:
    """Whether a value is a number that can be drawn."""
    return isinstance(value, (int, float)) and math.isfinite(value)


def plain_number(value: float) -> str:
    """
    >>> plain_number(20.0), plain_number(0.25)
    ('20', '0.25')
    """
    return f"{value:.10g}"


def tiny(value: float) -> str:
    """A difference that may be nothing.

    >>> tiny(0.0), tiny(0.00000123)
    ('0', '1.2e-06')
    """
    return "0" if value == 0 else f"{value:.1e}"


def short_number(value: object) -> str:
    """A number in four digits, "" for None, anything else as it is.

    >>> short_number(0.123456), short_number(math.nan), short_number(None), short_number("a")
    ('0.1235', 'NaN', '', 'a')
    """
    if not isinstance(value, (int, float)):
        return "" if value is None else str(value)
    return f"{value:.4g}" if is_finite(value) else written(value)
