"""The same small matrix through LayerNorm and through BatchNorm1d: which numbers share a mean."""

import torch
import torch.nn.functional as F

from languages import say
from layers.play import worked
from layers.play.backward import Layer, Place, exact, inside
from layers.play.forward import Forward, Step, column, row
from layers.play.normalization import normalized_local
from layers.play.shapes import small_picture, whole


def layer_norm(
    rows: int = 3,
    features: int = 4,
    eps: float = 1e-12,
    gamma: float = 1.0,
    beta: float = 0.0,
    seed: int = 0,
    at: Place = (0, 0),
) -> Forward:
    """rows × features numbers through nn.LayerNorm, and beside it through nn.BatchNorm1d in
    train(); `at` = (row, feature) is worked out in both.
    """
    rows, features = whole("rows", rows, 1, 8), whole("features", features, 1, 8)
    leaves = {
        "input": exact(small_picture(rows, features, seed=seed)[0]),
        "weight": torch.full((features,), float(gamma), dtype=torch.float64),
        "bias": torch.full((features,), float(beta), dtype=torch.float64),
    }
    input = leaves["input"]

    def run(input, weight, bias):
        return F.layer_norm(input, (len(weight),), weight, bias, eps)

    def local(leaf: str, place: Place, there: Place, result: float) -> tuple[str, str]:
        together = input[there[0]]
        return normalized_local(leaf, together, place[1:], there[1:], gamma, eps, result)

    expression = f"F.layer_norm(input, ({features},), weight, bias, {eps})"
    output = run(**leaves)
    at = inside(at, output.shape)
    r, c = at
    batch = _by_column(input, leaves, eps)
    lines = [
        (
            say("LayerNorm, over the {count} features of row {row}", count=features, row=r),
            _line(input[r], input[at], eps, gamma, beta, output[at]),
        )
    ]
    beside: list[list[Step]] = []
    if batch is not None:
        lines.append(
            (
                say("BatchNorm, over the {count} rows of feature {column}", count=rows, column=c),
                _line(input[:, c], input[at], eps, gamma, beta, batch[at]),
            )
        )
        beside.append(
            [
                Step(
                    say("The same input"),
                    "input",
                    input.tolist(),
                    column(c, rows),
                    note=say("one mean for each column"),
                ),
                _statistics(input, 0, [(0, c), (1, c)]),
                Step("BatchNorm1d", "output", batch.tolist(), [at], "→", say("in train()")),
            ]
        )
    return Forward(
        Layer(leaves, run, expression, local),
        f"nn.LayerNorm({features}, eps={eps})",
        at,
        [
            Step(
                say("Input"),
                "input",
                input.tolist(),
                row(r, features),
                note=say("one mean for each row"),
            ),
            _statistics(input, 1, [(r, 0), (r, 1)]),
            Step("LayerNorm", "output", output.tolist(), [at], "→", say("in train() and eval()")),
        ],
        lines,
        beside,
        [
            say(
                "LayerNorm needs no other row: a sentence gets the same numbers alone and in any "
                "batch. BatchNorm's depend on the batch, and in eval() on running statistics."
            )
        ],
    )


def _by_column(input, leaves, eps):
    """The matrix through BatchNorm1d in train(); None for a single row, which has no variance."""
    if len(input) < 2:
        return None
    return F.batch_norm(input, None, None, leaves["weight"], leaves["bias"], training=True, eps=eps)


def _statistics(input, dim, looked_at):
    mean, var = input.mean(dim), input.var(dim, unbiased=False)
    values = torch.stack([mean, var], dim)  # dim 0: 2 × features, dim 1: rows × 2
    return Step(say("mean, variance"), "", values.tolist(), looked_at, "→")


def _line(together, x, eps, gamma, beta, result):
    mean, var = together.mean().item(), together.var(unbiased=False).item()
    return worked.normalized(x.item(), mean, var, eps, gamma, beta, result.item())
