"""Formulas worked out in numbers, one line each: what a layer computed, so that it can be checked
with a calculator.

    >>> squared_error(2.5, 3.0, 0.25)
    '(2.5 − 3)² = 0.25'
    >>> normalized(4.0, 5.25, 8.9375, 1e-5, 1.0, 0.0, -0.41812)
    '(4 − 5.25) / √(8.9375 + 1e-05) · 1 + 0 ≈ −0.4181'

`=` where the terms as they are written come to the result as it is written, `≈` where rounding, to
four digits after the point or to a float32, stands between them.
"""

import math
from collections.abc import Iterable, Sequence

MOST_TERMS = 12  # of a sum; more are hinted at
MOST_PRODUCTS = 40  # of a sum of products


def said(value: float) -> str:
    """A number as a formula has it: four digits after the point at most, a real minus sign.

    >>> said(-0.50), said(3.0), said(1 / 3)
    ('−0.5', '3', '0.3333')
    """
    written = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if written == "-0" else written.replace("-", "−")


def bracketed(value: float) -> str:
    """
    >>> bracketed(-1.5), bracketed(1.5)
    ('(−1.5)', '1.5')
    """
    return f"({said(value)})" if said(value).startswith("−") else said(value)


def read(value: float) -> float:
    """The number that a reader of said(value) sees."""
    return float(said(value).replace("−", "-"))


def equation(terms: str, value: float, result: float) -> str:
    """`terms`, which as written come to `value`, = `result`; or ≈ it."""
    sign = "=" if math.isclose(value, read(result), rel_tol=1e-12, abs_tol=1e-12) else "≈"
    return f"{terms} {sign} {said(result)}"


# ---------------------------------------------------------------- convolution


def products(pairs: Sequence[tuple[float, float]], result: float) -> str:
    """Values under a kernel times its weights, added up.

    >>> products([(5.0, 0.25), (2.0, -1.0)], -0.75)
    '5·0.25 + 2·(−1) = −0.75'
    """
    written = [f"{bracketed(value)}·{bracketed(weight)}" for value, weight in pairs]
    terms = " + ".join(written[:MOST_PRODUCTS] + ["…"] * (len(written) > MOST_PRODUCTS))
    return equation(terms, sum(read(value) * read(weight) for value, weight in pairs), result)


def with_bias(sums: Iterable[float], bias: float, result: float) -> str:
    """Each input channel's sum, and the bias once."""
    return added([*sums, bias], result)


# ---------------------------------------------------------------- BatchNorm


def normalized(
    x: float,
    mean: float,
    var: float,
    eps: float,
    weight: float | None,
    bias: float | None,
    result: float,
) -> str:
    """One number through BatchNorm; weight and bias None with affine=False."""
    terms = f"({said(x)} − {bracketed(mean)}) / √({said(var)} + {eps:g})"
    value = (read(x) - read(mean)) / math.sqrt(read(var) + eps)
    if weight is None or bias is None:
        return equation(terms, value, result)
    return equation(
        f"{terms} · {bracketed(weight)} + {bracketed(bias)}",
        value * read(weight) + read(bias),
        result,
    )


def through_statistics(
    weight: float,
    var: float,
    eps: float,
    is_same: bool,
    n: int,
    normal: float,
    normal_there: float,
    result: float,
) -> str:
    """How much one normalized number changes with one of the n that share its mean and variance.

    is_same: whether it is that one; normal, normal_there: both, normalized.
    """
    itself = int(is_same)
    terms = (
        f"{bracketed(weight)} / √({said(var)} + {eps:g}) · "
        f"({itself} − 1/{n} − {bracketed(normal)}·{bracketed(normal_there)}/{n})"
    )
    shared = (1 + read(normal) * read(normal_there)) / n
    value = read(weight) / math.sqrt(read(var) + eps) * (itself - shared)
    return equation(terms, value, result)


def unbiased(var: float, n: int, result: float) -> str:
    """The variance over n numbers, divided by n − 1 instead."""
    return equation(f"{said(var)} · {n} / ({n} − 1)", read(var) * n / (n - 1), result)


def running(before: float, batch: float, share: float, result: float) -> str:
    """One running statistic: the newest batch gets its share."""
    terms = f"(1 − {said(share)}) · {bracketed(before)} + {said(share)} · {bracketed(batch)}"
    return equation(terms, (1 - read(share)) * read(before) + read(share) * read(batch), result)


# ---------------------------------------------------------------- losses


def absolute_error(predict: float, target: float, result: float) -> str:
    """What L1Loss computes of one element."""
    return equation(
        f"|{said(predict)} − {bracketed(target)}|", abs(read(predict) - read(target)), result
    )


def squared_error(predict: float, target: float, result: float) -> str:
    """What MSELoss computes of one element."""
    return equation(
        f"({said(predict)} − {bracketed(target)})²", (read(predict) - read(target)) ** 2, result
    )


def cross_entropy_of_class(logits: Sequence[float], index: int, result: float) -> str:
    """−log softmax of the right class.

    >>> cross_entropy_of_class([2.0, 1.0], 0, 0.31326)
    '−log(e^2 / (e^2 + e^1)) ≈ 0.3133'
    """
    terms = f"−log(e^{bracketed(logits[index])} / ({_exponentials(logits)}))"
    return equation(terms, _log_sum(logits) - read(logits[index]), result)


def cross_entropy_of_probabilities(
    logits: Sequence[float], probabilities: Sequence[float], result: float
) -> str:
    """
    >>> cross_entropy_of_probabilities([2.0, 1.0], [0.5, 0.5], 0.81326)
    'log(e^2 + e^1) − (0.5 · 2 + 0.5 · 1) ≈ 0.8133'
    """
    expected = " + ".join(
        f"{said(p)} · {bracketed(z)}" for p, z in zip(probabilities, logits, strict=True)
    )
    value = _log_sum(logits) - sum(
        read(p) * read(z) for p, z in zip(probabilities, logits, strict=True)
    )
    return equation(f"log({_exponentials(logits)}) − ({expected})", value, result)


def softmax_minus_target(logits: Sequence[float], index: int, target: float, result: float) -> str:
    """How much a cross-entropy changes with the logit at `index`.

    >>> softmax_minus_target([2.0, 1.0], 0, 1.0, -0.26894)
    'e^2 / (e^2 + e^1) − 1 ≈ −0.2689'
    """
    terms = f"e^{bracketed(logits[index])} / ({_exponentials(logits)}) − {said(target)}"
    value = math.exp(read(logits[index]) - _log_sum(logits)) - read(target)
    return equation(terms, value, result)


def twice_difference(predict: float, target: float, result: float) -> str:
    """
    >>> twice_difference(2.5, 3.0, -1.0)
    '2·(2.5 − 3) = −1'
    """
    terms = f"2·({said(predict)} − {bracketed(target)})"
    return equation(terms, 2 * (read(predict) - read(target)), result)


def _exponentials(logits):
    return " + ".join(f"e^{bracketed(z)}" for z in logits)


def _log_sum(logits):
    """log Σ e^z, safe for large logits too."""
    most = max(map(read, logits))
    return most + math.log(sum(math.exp(read(z) - most) for z in logits))


def added(values: Sequence[float], result: float) -> str:
    """
    >>> added([0.5, 1.0], 1.5)
    '0.5 + 1 = 1.5'
    """
    terms = [bracketed(value) for value in values[:MOST_TERMS]] + ["…"] * (len(values) > MOST_TERMS)
    return equation(" + ".join(terms), sum(map(read, values)), result)


def averaged(total: float, n: int, result: float) -> str:
    """
    >>> averaged(5.0, 2, 2.5)
    '5 / 2 = 2.5'
    """
    return equation(f"{said(total)} / {n}", read(total) / n, result)


# ---------------------------------------------------------------- activations, attention


def activated(name: str, x: float, result: float) -> str:
    """One number through GELU, its approximation, or ReLU.

    >>> activated("GELU", 1.0, 0.841345)
    '0.5·1·(1 + erf(1 / √(2))) ≈ 0.8413'
    """
    b = bracketed(x)
    if name == "ReLU":
        return equation(f"max(0, {said(x)})", max(0.0, read(x)), result)
    if name == "GELU":
        inner, value = f"erf({said(x)} / √(2))", math.erf(read(x) / math.sqrt(2))
    else:
        inner = f"tanh(√(2 / π)·({said(x)} + 0.044715·{b}³))"
        value = math.tanh(_tanh_of(read(x)))
    return equation(f"0.5·{b}·(1 + {inner})", 0.5 * read(x) * (1 + value), result)


def slope(name: str, x: float, result: float) -> str:
    """The derivative of the same.

    >>> slope("GELU", 1.0, 1.083316)
    '0.8413 + 1·0.242 = 1.0833'
    """
    b = bracketed(x)
    if name == "ReLU":
        return said(result)
    if name == "GELU":
        below = 0.5 * (1 + math.erf(x / math.sqrt(2)))
        density = math.exp(-x * x / 2) / math.sqrt(2 * math.pi)
        value = read(below) + read(x) * read(density)
        return equation(f"{said(below)} + {b}·{said(density)}", value, result)
    t = math.tanh(_tanh_of(x))
    inner = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x)
    terms = f"0.5·(1 + {bracketed(t)}) + 0.5·{b}·(1 − {bracketed(t)}²)·{said(inner)}"
    value = 0.5 * (1 + read(t)) + 0.5 * read(x) * (1 - read(t) ** 2) * read(inner)
    return equation(terms, value, result)


def _tanh_of(x):
    return math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)


def softmax(scores: Sequence[float], index: int, result: float) -> str:
    """One share of a row.

    >>> softmax([2.0, 1.0, float("-inf")], 0, 0.731059)
    'e^2 / (e^2 + e^1 + e^(−∞)) ≈ 0.7311'
    """
    written = [f"e^{'(−∞)' if z == -math.inf else bracketed(z)}" for z in scores]
    there = [z for z in scores if z > -math.inf]
    terms = f"{written[index]} / ({' + '.join(written)})"
    value = math.exp(read(scores[index]) - _log_sum(there)) if scores[index] > -math.inf else 0.0
    return equation(terms, value, result)


def softmax_local(
    share_there: float, share: float, is_same: bool, temperature: float, result: float
) -> str:
    """How much one share of a row changes with a score of it.

    >>> softmax_local(0.75, 0.25, False, 0.5, -0.375)
    '0.75·(0 − 0.25) / 0.5 = −0.375'
    """
    terms = f"{said(share_there)}·({int(is_same)} − {said(share)}) / {said(temperature)}"
    value = read(share_there) * (int(is_same) - read(share)) / read(temperature)
    return equation(terms, value, result)


def scaled_products(pairs: Sequence[tuple[float, float]], size: int, result: float) -> str:
    """A query times a key, over the root of their size.

    >>> scaled_products([(1.0, 2.0), (0.5, -1.0)], 4, 0.75)
    '(1·2 + 0.5·(−1)) / √(4) = 0.75'
    """
    terms = " + ".join(f"{bracketed(q)}·{bracketed(k)}" for q, k in pairs)
    value = sum(read(q) * read(k) for q, k in pairs) / math.sqrt(size)
    return equation(f"({terms}) / √({size})", value, result)


def through_score(terms: Sequence[tuple[float, float, float]], size: int, result: float) -> str:
    """How much an output of attention changes with a number of a query or key: for each score that
    it moves, (its weight, value − output, the other factor of the score).
    """
    written = " + ".join("·".join(map(bracketed, term)) for term in terms)
    value = sum(math.prod(map(read, term)) for term in terms) / math.sqrt(size)
    return equation(f"({written}) / √({size})", value, result)


# ---------------------------------------------------------------- dropout, pooling


def scaled_up(value: float, p: float, result: float) -> str:
    """One number that dropout kept.

    >>> scaled_up(3.0, 0.5, 6.0)
    '3 / (1 − 0.5) = 6'
    """
    return equation(f"{said(value)} / (1 − {said(p)})", read(value) / (1 - read(p)), result)


def largest(values: Sequence[float], result: float) -> str:
    """
    >>> largest([1.0, float("-inf")], 1.0)
    'max(1, −∞) = 1'
    """
    return f"max({', '.join(_or_infinite(value) for value in values)}) = {_or_infinite(result)}"


def _or_infinite(value):
    return "−∞" if value == float("-inf") else said(value)
