"""A small batch through Linear."""

import torch.nn.functional as F

from languages import say, say_plural
from layers.play import worked
from layers.play.backward import Layer, Place, exact, inside, named
from layers.play.forward import Forward, Step, row, small_matrix
from layers.play.shapes import whole


def linear(
    rows: int = 2,
    in_features: int = 4,
    out_features: int = 3,
    bias: bool = True,
    seed: int = 0,
    at: Place = (0, 0),
) -> Forward:
    """rows × in_features numbers through nn.Linear; `at` = (row, feature) is worked out."""
    in_features = whole("in_features", in_features, 1, 8)
    out_features = whole("out_features", out_features, 1, 8)
    leaves = {
        "input": exact(small_matrix(whole("rows", rows, 1, 8), in_features, seed)),
        "weight": exact(small_matrix(out_features, in_features, seed + 1000, 9, 0.1)),
    }
    if bias:
        leaves["bias"] = exact(small_matrix(1, out_features, seed + 2000, 9, 0.1)[0])

    def local(leaf: str, place: Place, there: Place, result: float) -> tuple[str, str]:
        if leaf == "bias":
            return say("the bias is added once"), worked.said(result)
        other = (
            named("weight", (there[1], place[1]))
            if leaf == "input"
            else named("input", (there[0], place[1]))
        )
        return say("what it is multiplied by, {number}", number=other), worked.said(result)

    expression = f"F.linear(input, weight{', bias' if bias else ''})"
    layer = Layer(leaves, F.linear, expression, local)
    output = F.linear(**leaves)
    at = inside(at, output.shape)
    size = f"{out_features} × {in_features}"
    return Forward(
        layer,
        f"nn.Linear({in_features}, {out_features}{'' if bias else ', bias=False'})",
        at,
        _steps(leaves, output, at),
        _lines(leaves, output, at),
        [],
        [
            say(
                "weight: {shape}; {parameters} parameters with the bias",
                shape=size,
                parameters=out_features * (in_features + 1),
            )
            if bias
            else say_plural(
                "weight: {shape}; {count} parameter",
                "weight: {shape}; {count} parameters",
                out_features * in_features,
                shape=size,
            )
        ],
    )


def _steps(leaves, output, at):
    length = leaves["input"].shape[1]
    steps = [
        Step(say("Input"), "input", leaves["input"].tolist(), row(at[0], length)),
        Step(
            "weight",
            "weight",
            leaves["weight"].tolist(),
            row(at[1], length),
            "·",
            say("a row for each output feature"),
        ),
    ]
    if "bias" in leaves:
        steps.append(Step("bias", "bias", leaves["bias"].tolist(), [at[1:]], "+"))
    return [*steps, Step(say("Output"), "output", output.tolist(), [at], "=")]


def _lines(leaves, output, at):
    pairs = list(
        zip(leaves["input"][at[0]].tolist(), leaves["weight"][at[1]].tolist(), strict=True)
    )
    total = sum(x * weight for x, weight in pairs)
    rows = say("row {row} of the input times row {column} of the weight", row=at[0], column=at[1])
    lines = [(rows, worked.products(pairs, total))]
    if "bias" in leaves:
        bias = leaves["bias"][at[1]].item()
        lines.append((say("then the bias"), worked.added([total, bias], output[at].item())))
    return lines
