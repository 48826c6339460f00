"""A few numbers through GELU and ReLU; a few rows through softmax."""

import math

import torch
import torch.nn.functional as F

from languages import say
from layers.play import worked
from layers.play.backward import Layer, Place, exact, inside
from layers.play.forward import Forward, Step, row, small_matrix
from layers.play.shapes import whole

ACTIVATIONS = {
    "GELU": ("nn.GELU()", F.gelu, "F.gelu(input)"),
    "GELU, tanh": (
        "nn.GELU(approximate='tanh')",
        lambda input: F.gelu(input, approximate="tanh"),
        "F.gelu(input, approximate='tanh')",
    ),
    "ReLU": ("nn.ReLU()", F.relu, "F.relu(input)"),
}


def activation(
    name: str = "GELU", low: float = -3.0, high: float = 3.0, count: int = 7, at: Place = (0,)
) -> Forward:
    """`count` numbers from low to high through an activation, and beside it through the others."""
    if name not in ACTIVATIONS:
        raise ValueError(
            say(
                "layer is {layer!r}. Choose one of {layers}.",
                layer=name,
                layers=", ".join(ACTIVATIONS),
            )
        )
    if not -10 <= low < high <= 10:
        raise ValueError(
            say(
                "The numbers go from {low:g} to {high:g}. Choose a lower first one.",
                low=low,
                high=high,
            )
        )
    input = exact(
        [round(x, 2) for x in torch.linspace(low, high, whole("count", count, 2, 12)).tolist()]
    )
    code, run, expression = ACTIVATIONS[name]

    def local(leaf: str, place: Place, there: Place, result: float) -> tuple[str, str]:
        return SLOPES[name], worked.slope(name, input[place].item(), result)

    output = run(input)
    at = inside(at, output.shape)
    others = [
        Step(other, "", function(input).tolist(), [at], "", say("to compare"))
        for other, (_code, function, _expression) in ACTIVATIONS.items()
        if other != name
    ]
    zero = say("ReLU is flat below 0.") if name == "ReLU" else ""
    return Forward(
        Layer({"input": input}, run, expression, local, {}, zero),
        code,
        at,
        [
            Step(say("Input"), "input", input.tolist(), [at]),
            Step(name, "output", output.tolist(), [at], "→"),
        ],
        [
            (other, worked.activated(other, input[at].item(), function(input)[at].item()))
            for other, (_code, function, _expression) in sorted(
                ACTIVATIONS.items(), key=lambda item: item[0] != name
            )
        ],
        [others],
        [],
    )


SLOPES = {
    "GELU": say("Φ(x) + x · φ(x), with the normal distribution and its density"),
    "GELU, tanh": say("½ · (1 + t) + ½ · x · (1 − t²) · u′, with t = tanh(u)"),
    "ReLU": say("its slope above 0"),
}


def softmax(
    rows: int = 2,
    columns: int = 4,
    temperature: float = 1.0,
    masked: int = 0,
    seed: int = 0,
    at: Place = (0, 0),
) -> Forward:
    """rows × columns scores through softmax over each row; `at` is worked out.

    temperature: what the scores are divided by; masked: so many last columns get −∞ before.
    """
    input = exact(small_matrix(rows, columns, seed, 6, 0.5))
    if not 0.05 <= temperature <= 20:
        raise ValueError(say("temperature is {value:g}. Choose 0.05 to 20.", value=temperature))
    columns = whole("columns", columns, 2, 8)
    masked = whole("masked", masked, 0, columns - 1)
    mask = torch.zeros(input.shape[1], dtype=torch.float64)
    mask[input.shape[1] - masked :] = -math.inf
    layer = _softmax_layer(input, temperature, mask)
    scores, output = input / temperature + mask, layer.run(input)
    at = inside(at, output.shape)
    looked = row(at[0], input.shape[1])
    scaled = f" / {temperature:g}" if temperature != 1 else ""
    return Forward(
        layer,
        "nn.Softmax(dim=-1)",
        at,
        [
            Step(say("Input"), "input", input.tolist(), looked),
            Step(
                "z", "", scores.tolist(), looked, "→", f"input{scaled}{' + mask' if masked else ''}"
            ),
            Step("exp(z)", "", scores.exp().tolist(), looked, "→"),
            Step(say("Output"), "output", output.tolist(), [at], "→", say("each row adds up to 1")),
        ],
        [
            (
                say("its share of the row's sum"),
                worked.softmax(scores[at[0]].tolist(), at[1], output[at].item()),
            )
        ],
        [],
        [],
    )


def _softmax_layer(input, temperature, mask):
    is_masked = bool(mask.any())

    def local(leaf: str, place: Place, there: Place, result: float) -> tuple[str, str]:
        shares = ((input / temperature + mask)[there[0]]).softmax(0)
        return say("p there · ([the same number] − p) / temperature"), worked.softmax_local(
            shares[there[1]].item(), shares[place[1]].item(), place == there, temperature, result
        )

    return Layer(
        {"input": input},
        lambda input: ((input / temperature) + mask).softmax(-1),
        f"torch.softmax(input / {temperature:g}{' + mask' if is_masked else ''}, dim=-1)",
        local,
        {"mask": mask} if is_masked else {},
        say("A masked number has no share, whatever it is."),
    )
