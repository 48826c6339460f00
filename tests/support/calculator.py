"""The formulas that Play writes out, computed again."""

import math
import re

SYMBOLS = (
    ("−", "-"),
    ("·", "*"),
    ("√(", "sqrt("),
    ("²", "**2"),
    ("³", "**3"),
    ("π", "pi"),
    ("∞", "inf"),
)
NAMES = {
    "sqrt": math.sqrt,
    "log": math.log,
    "exp": math.exp,
    "max": lambda *values: max(values),
    "floor": math.floor,
    "ceil": math.ceil,
    "inf": math.inf,
    "abs": abs,
    "erf": math.erf,
    "tanh": math.tanh,
    "pi": math.pi,
}


def value_of(term):
    """What a printed term comes to.

    >>> value_of("(2.5 − 3)²"), value_of("|2 − (−1)|")
    (0.25, 3.0)
    """
    for symbol, python in SYMBOLS:
        term = term.replace(symbol, python)
    term = re.sub(r"\|([^|]*)\|", r"abs(\1)", term)
    term = re.sub(r"e\^(\([^)]*\)|-?[\d.]+)", r"exp(\1)", term)
    return float(eval(term, {"__builtins__": {}}, NAMES))


def holds(line):
    """Assert that an equation holds: = to the last digit shown, ≈ to what four digits can say. A sum
    that is not written to its end can only be believed.
    """
    values = [value_of(term) for term in re.split(r" [=≈] ", line) if "…" not in term]
    rounded = 6e-5 if " ≈ " not in line else 2e-3 * max(1, abs(values[-1]))
    assert all(value == values[-1] or abs(value - values[-1]) <= rounded for value in values), line
