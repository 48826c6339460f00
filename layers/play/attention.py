"""Small queries, keys and values through scaled dot-product attention."""

import math

import torch

from languages import say
from layers.play import worked
from layers.play.backward import Layer, Place, exact, inside
from layers.play.forward import Forward, Step, column, row, small_matrix
from layers.play.shapes import whole


def attention(
    positions: int = 3,
    size: int = 2,
    padded: int = 0,
    causal: bool = False,
    seed: int = 0,
    at: Place = (0, 0),
) -> Forward:
    """One head over `positions` tokens with `size` numbers each; `at` = (position, column) is
    worked out. padded: so many last tokens are padding, which no token looks at. causal: nor does
    any at a later one.
    """
    positions, size = whole("positions", positions, 1, 8), whole("size", size, 1, 8)
    padded = whole("padded", padded, 0, positions - 1)
    leaves = {
        name: exact(small_matrix(positions, size, seed + 1000 * number, 4, 0.5))
        for number, name in enumerate(("query", "key", "value"))
    }
    mask = attention_mask(positions, padded, causal)
    layer = _layer(leaves, mask, size)
    scores, weights, output = attend(**leaves, mask=mask)
    at = inside(at, output.shape)
    i, c = at
    of_row = row(i, positions)
    every = [place for key in range(positions) for place in row(key, size)]
    is_masked = bool(mask.any())
    return Forward(
        layer,
        f"F.scaled_dot_product_attention(query, key, value{', attn_mask=mask' * is_masked})",
        at,
        [
            Step("query", "query", leaves["query"].tolist(), row(i, size)),
            Step("key", "key", leaves["key"].tolist(), every, "·"),
            Step(
                say("scores"),
                "",
                scores.tolist(),
                of_row,
                "→",
                f"query · keyᵀ / √{size}{' + mask' * is_masked}",
            ),
            Step(say("weights"), "", weights.tolist(), of_row, "→", say("softmax of each row")),
            Step("value", "value", leaves["value"].tolist(), column(c, positions), "·"),
            Step(say("Output"), "output", output.tolist(), [at], "="),
        ],
        _lines(leaves, mask, scores, weights, output, at),
        [],
        [],
    )


def attention_mask(positions: int, padded: int, causal: bool) -> torch.Tensor:
    """What is added to the scores, positions × positions: 0, or −∞ where a token may not look.

    >>> attention_mask(2, 0, True).tolist()
    [[0.0, -inf], [0.0, 0.0]]
    """
    hidden = torch.zeros(positions, positions, dtype=torch.bool)
    hidden[:, positions - padded :] = True
    if causal:
        hidden |= torch.ones_like(hidden).triu(1)
    return torch.zeros(positions, positions, dtype=torch.float64).masked_fill(hidden, -math.inf)


def attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(scores, weights, output) of one head."""
    scores = query @ key.T / math.sqrt(query.shape[-1]) + mask  # (positions, positions)
    weights = scores.softmax(-1)
    return scores, weights, weights @ value  # (positions, size)


def _layer(leaves, mask, size):
    is_masked = bool(mask.any())

    def run(query, key, value):
        return attend(query, key, value, mask)[2]

    def local(leaf: str, place: Place, there: Place, result: float) -> tuple[str, str]:
        _scores, weights, output = attend(**leaves, mask=mask)
        i, c = there
        shares = weights[i].tolist()
        if leaf == "value":
            return say("the weight of its token"), worked.said(result)
        off = (leaves["value"][:, c] - output[i, c]).tolist()
        if leaf == "key":
            j, a = place
            return say(
                "weight · (value − output) · query / √{size}", size=size
            ), worked.through_score(
                [(shares[j], off[j], leaves["query"][i, a].item())], size, result
            )
        keys = leaves["key"][:, place[1]].tolist()
        terms = [term for term in zip(shares, off, keys, strict=True) if term[0]]
        return say(
            "sum over the keys of weight · (value − output) · key, / √{size}", size=size
        ), worked.through_score(terms, size, result)

    expression = f"F.scaled_dot_product_attention(query, key, value{', mask' * is_masked})"
    return Layer(
        leaves,
        run,
        expression,
        local,
        {"mask": mask} if is_masked else {},
        say(
            "Where the mask is −∞ the weight is 0, and the weight of an only key is 1: no score "
            "moves them."
        ),
    )


def _lines(leaves, mask, scores, weights, output, at):
    i, c = at
    size = leaves["query"].shape[1]
    query = leaves["query"][i].tolist()
    lines = []
    for j, key in enumerate(leaves["key"].tolist()):
        name = say("score for key {key}", key=j)
        if mask[i, j]:
            lines.append((name, say("masked, −∞")))
        else:
            pairs = list(zip(query, key, strict=True))
            lines.append((name, worked.scaled_products(pairs, size, scores[i, j].item())))
    lines += [
        (
            say("weight of key {key}", key=j),
            worked.softmax(scores[i].tolist(), j, weights[i, j].item()),
        )
        for j in range(len(weights))
        if not mask[i, j]
    ]
    pairs = [
        (weight, value)
        for weight, value in zip(weights[i].tolist(), leaves["value"][:, c].tolist(), strict=True)
        if weight
    ]
    total = say("the values in column {column}, weighted", column=c)
    return [*lines, (total, worked.products(pairs, output[at].item()))]
