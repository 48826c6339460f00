"""PyTorch's modules once more, from their weights alone.

    step = worked_out(module, given, gave, "embeddings.LayerNorm", token=0)
    step.worked         # '(0.0102 − (−0.0004)) / √(0.0021 + 1e-12) · 0.87 + 0.013 = 0.2134'
    step.difference     # 4.8e-07, the largest to what the module gave

What stands between two modules (a sum, a softmax, a row that is taken) belongs to no module:
`between` tries what it can be, and is believed only where the numbers agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # importing torch takes seconds
    from torch import Tensor
    from torch.nn import Module

TOLERANCE = 1e-5
# So many numbers of a row travel and are drawn
MOST_NUMBERS = 768
Named = tuple[str, "Tensor"]


@dataclass(frozen=True)
class Step:
    """One operation, worked out for one token: what comes out, and how its first number does."""

    name: str  # the module's, in its part; or what stands between two
    kind: str  # a key of DOES in way_through.py
    shape: tuple[int, ...]  # of all that it gives, the batch's row first
    parameters: int
    numbers: tuple[float, ...]  # what it gives for the token, MOST_NUMBERS at most
    worked: str  # the formula with the first number's values
    # From the model's own numbers, the largest; of numbers above 1, as a share of the largest.
    # None: not computed here
    difference: float | None

    @property
    def agrees(self) -> bool:
        """Whether it was computed here, and is what the model has."""
        return self.difference is not None and self.difference <= TOLERANCE


# ---------------------------------------------------------------- modules


def linear(module: Module, x: Tensor) -> Tensor:
    """(…, in) -> (…, out): W·x + b."""
    product = x @ module.weight.T
    return product if module.bias is None else product + module.bias


def layer_norm(module: Module, x: Tensor) -> Tensor:
    """(…, width) -> the same shape: mean 0 and variance 1 for each token, then γ and β."""
    mean = x.mean(-1, keepdim=True)
    variance = ((x - mean) ** 2).mean(-1, keepdim=True)
    normal = (x - mean) / (variance + module.eps).sqrt() * module.weight
    return normal if module.bias is None else normal + module.bias


def embedding(module: Module, ids: Tensor) -> Tensor:
    """ids (…) -> the rows (…, width) of the table that they number."""
    return module.weight[ids]


def gelu(x: Tensor) -> Tensor:
    """x · Φ(x): Φ(x) is the share of a normal distribution below x."""
    return x * 0.5 * (1 + (x / 2**0.5).erf())


def gelu_by_tanh(x: Tensor) -> Tensor:
    """GELU's approximation, as GPT-2 and ALBERT compute it."""
    inner = (2 / 3.141592653589793) ** 0.5 * (x + 0.044715 * x**3)
    return 0.5 * x * (1 + inner.tanh())


def attention_weights(query: Tensor, key: Tensor) -> Tensor:
    """(rows, heads, positions, d) twice -> (rows, heads, positions, positions): each row sums
    to 1.
    """
    scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
    exps = (scores - scores.amax(-1, keepdim=True)).exp()
    return exps / exps.sum(-1, keepdim=True)


def in_heads(x: Tensor, heads: int) -> Tensor:
    """(rows, positions, heads · d) -> (rows, heads, positions, d)."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def worked_out(module: Module, given: Tensor, gave: Tensor, name: str, token: int) -> Step | None:
    """A module's call as a Step; None for one that is not known here. token: whose numbers are
    shown, where it gives some for each.
    """
    known = _rule_of(module)
    if known is None:
        return None
    kind, compute, work = known
    row, result = _row(given, token), _row(gave, token)
    return step(
        name,
        kind,
        gave,
        compute(given),
        work(row, result),
        token,
        sum(each.numel() for each in module.parameters()),
    )


def _rule_of(module) -> tuple[str, Callable, Callable] | None:
    """(kind, what computes it from its input, what writes it down) of a module."""
    from torch import nn

    if isinstance(module, nn.Embedding):
        return "embedding", lambda ids: embedding(module, ids), _row_of_table(module)
    if isinstance(module, nn.Linear):
        return "linear", lambda x: linear(module, x), _products(module)
    if isinstance(module, nn.LayerNorm):
        return "norm", lambda x: layer_norm(module, x), _normal(module)
    if isinstance(module, nn.Dropout):
        return "dropout", lambda x: x, lambda x, y: f"p = {module.p:g}: y = x"
    function = ACTIVATIONS.get(type(module).__name__)
    if function:
        return function, FUNCTIONS[function], _applied(function)
    return None


# transformers' and torch's names of the same functions
ACTIVATIONS = {
    "GELUActivation": "gelu",
    "GELU": "gelu",
    "NewGELUActivation": "gelu by tanh",
    "GELUTanh": "gelu by tanh",
    "PytorchGELUTanh": "gelu by tanh",
    "Tanh": "tanh",
    "ReLU": "relu",
}
FUNCTIONS: dict[str, Callable] = {
    "tanh": lambda x: x.tanh(),
    "relu": lambda x: x.clamp(min=0),
    "gelu": gelu,
    "gelu by tanh": gelu_by_tanh,
}


def step(
    name: str,
    kind: str,
    gave: Tensor,
    computed: Tensor | None,
    worked: str,
    token: int = 0,
    parameters: int = 0,
) -> Step:
    """A Step of what the model has and what was computed beside it."""
    difference = None
    if computed is not None:
        difference = _difference(computed, gave)
    numbers = _row(gave, token).flatten()[:MOST_NUMBERS].tolist()
    return Step(name, kind, tuple(gave.shape), parameters, tuple(numbers), worked, difference)


def _difference(computed, gave):
    """The largest difference; where there are numbers above 1, as a share of the largest."""
    return (computed - gave).abs().max().item() / max(1.0, gave.abs().max().item())


def _agrees(computed, gave) -> bool:
    return computed.shape == gave.shape and _difference(computed, gave) <= TOLERANCE


def _row(tensor, token):
    """A token's numbers of (1, positions, …); all of what has no positions."""
    whole = tensor[0]
    has_positions = tensor.dim() == 3 or (tensor.dim() == 2 and not tensor.is_floating_point())
    return whole[token] if has_positions else whole


# ---------------------------------------------------------------- between modules


def between(known: Sequence[Named], target: Tensor, token: int) -> Step | None:
    """How `target` comes from tensors that are `known`, the latest last; None where it is none of
    what is tried.
    """
    for attempt in (_function, _row_taken, _sum, _gate, _half):
        found = attempt(known, target, token)
        if found:
            return found
    return None


def _function(known, target, token):
    """An activation that is no module of the model's own."""
    name, x = known[-1]
    for function, compute in FUNCTIONS.items():
        if x.is_floating_point() and _agrees(compute(x), target):
            worked = _applied(function)(_row(x, token), _row(target, token))
            return step(function, function, target, compute(x), worked, token)
    return None


def _row_taken(known, target, token):
    """The first row alone, or the mean of all."""
    for _name, x in reversed(known):
        if x.dim() != 3 or target.dim() != 2:
            continue
        for kind, value in (("row", x[:, 0]), ("mean", x.mean(1))):
            if _agrees(value, target):
                first = number(target[0, 0])
                worked = f"x[0] = ({first}, …)" if kind == "row" else f"Σ x[i] / {x.shape[1]}"
                return step(kind, kind, target, value, worked)
    return None


def _sum(known, target, token):
    """Two or three tensors, added."""
    same = [(name, x) for name, x in known if x.shape == target.shape and x.is_floating_point()]
    # Three are only added where there are few: word, position and type
    for count in (2, 3) if len(same) < 5 else (2,):
        for parts in combinations(reversed(same), count):
            total = sum(x for _name, x in parts)
            if _agrees(total, target):
                rows = [_row(x, token)[0] for _name, x in reversed(parts)]
                worked = f"{' + '.join(map(signed, rows))} = {number(_row(target, token)[0])}"
                name = " + ".join(name for name, _x in reversed(parts))
                return step(name, "sum", target, total, worked, token)
    return None


def _gate(known, target, token):
    """An activation, times the other half of what a gated layer gave."""
    for (_one, a), (_other, both) in combinations(reversed(known), 2):
        if a.shape == target.shape and both.shape[-1] == 2 * target.shape[-1]:
            product = a * both.chunk(2, -1)[1]
            if _agrees(product, target):
                one, other = _row(a, token)[0], _row(both.chunk(2, -1)[1], token)[0]
                worked = f"{number(one)} · {signed(other)} = {number(_row(target, token)[0])}"
                return step("activation · gate", "gate", target, product, worked, token)
    return None


def _half(known, target, token):
    name, x = known[-1]
    half = x.chunk(2, -1)[0]
    if x.is_floating_point() and _agrees(half, target):
        worked = f"x[0 … {half.shape[-1] - 1}] / {x.shape[-1]}"
        return step("half", "half", target, half, worked, token)
    return None


def attention_steps(
    projections: Sequence[Tensor], weights: Tensor, target: Tensor, token: int
) -> list[Step]:
    """The softmax of the scores, and the values that it mixes into `target` (1, positions, width).

    projections: query, key and value, each of target's shape, or the three in one tensor. weights:
    the model's own, (1, heads, positions, positions).
    [] where the mixed values aren't what the model goes on with. Where the scores hold more than
    query and key (rotary or relative positions) the first Step has no difference.
    """
    if len(projections) == 1:
        projections = projections[0].chunk(3, -1)
    query, key, value = (in_heads(each, weights.shape[1]) for each in projections)
    mixed = (weights @ value).transpose(1, 2).flatten(2)
    if not _agrees(mixed, target):
        return []
    computed = attention_weights(query, key)
    agrees = _agrees(computed, weights)
    row = weights[0, 0, token]
    most = int(row.argmax())
    score = (query[0, 0, token] @ key[0, 0, most] / query.shape[-1] ** 0.5).item()
    total = row.new_tensor(score).exp() / row[most]
    about = f"a[{token}, {most}] = exp({number(score)}) / {number(total)} = {number(row[most])}"
    own = step(
        f"softmax(Q·Kᵀ / √{query.shape[-1]})" if agrees else "softmax",
        "weights" if agrees else "model's weights",
        weights,
        computed if agrees else None,
        about if agrees else "",
    )
    a, v = row, value[0, 0, :, 0]
    first = " + ".join(f"{number(a[i])}·{signed(v[i])}" for i in range(min(2, len(a))))
    worked = f"{first} + … = {number(target[0, token, 0])}"
    numbers = tuple(row[:MOST_NUMBERS].tolist())
    return [
        replace(own, numbers=numbers),
        step("weights · V", "mixed", target, mixed, worked, token),
    ]


# ---------------------------------------------------------------- written down


def number(value: Any) -> str:
    """Four digits, with a minus sign as formulas have it.

    >>> number(-0.0125), number(2), number(1e-9)
    ('−0.0125', '2', '1e-09')
    """
    return f"{float(value):.4g}".replace("-", "−", 1) if float(value) < 0 else f"{float(value):.4g}"


def signed(value: Any) -> str:
    """A number as it stands behind another sign.

    >>> signed(-2), signed(2)
    ('(−2)', '2')
    """
    return f"({number(value)})" if float(value) < 0 else number(value)


def _row_of_table(module):
    return lambda ids, row: f"W[{int(ids)}] = ({number(row[0])}, {number(row[1])}, …)"


def _products(module):
    def work(x, result):
        weight = module.weight[0]
        first = " + ".join(f"{signed(weight[i])}·{signed(x[i])}" for i in range(min(2, len(x))))
        bias = "" if module.bias is None else f" + {signed(module.bias[0])}"
        more = " + …" if len(x) > 2 else ""
        return f"{first}{more}{bias} = {number(result[0])}"

    return work


def _normal(module):
    def work(x, result):
        mean = x.mean()
        variance = ((x - mean) ** 2).mean()
        scaled = f"({number(x[0])} − {signed(mean)}) / √({number(variance)} + {module.eps:g})"
        bias = "" if module.bias is None else f" + {signed(module.bias[0])}"
        return f"{scaled} · {signed(module.weight[0])}{bias} = {number(result[0])}"

    return work


def _applied(function):
    def work(x, result):
        value, gave = x.flatten()[0], result.flatten()[0]
        if function == "tanh":
            return f"tanh({number(value)}) = {number(gave)}"
        if function == "relu":
            return f"max(0, {number(value)}) = {number(gave)}"
        below = 0.5 * (1 + (value / 2**0.5).erf())
        almost = "≈" if function == "gelu by tanh" else "="
        share = f"{signed(value)} · {number(below)}"
        return f"{number(value)} · Φ({number(value)}) = {share} {almost} {number(gave)}"

    return work
