"""Play: the dropouts on the numbers 1, 2, 3, … of a small tensor."""

import math

import gradio as gr

from languages import _
from tabs.layers.topics.controls import Controls, Played, followed_places, slider
from views import layers as views

DROPOUTS = ("Dropout", "Dropout1d", "Dropout2d")
SHAPES = {
    "(4, 6)": (4, 6),
    "(2, 3, 5) = N, C, L": (2, 3, 5),
    "(2, 3, 3, 3) = N, C, H, W": (2, 3, 3, 3),
}


def build_dropout() -> Controls:
    """The controls."""
    layer = gr.Radio(
        list(DROPOUTS),
        value="Dropout",
        label=_("Layer"),
        info=_("which elements are zeroed together"),
    )
    shape = gr.Radio(list(SHAPES), value="(2, 3, 3, 3) = N, C, H, W", label=_("The input's shape"))
    p = slider(
        0,
        1,
        0.5,
        "p",
        _("probability of an element, or of a whole channel, to be zeroed"),
        step=0.05,
    )
    seed = slider(0, 20, 0, "seed", _("a new seed gives a new draw"))
    followed = followed_places(3, 5, 4, 2)
    return Controls([layer, shape, p, seed, *followed], followed)


def play_dropout(layer: str, shape: str, p: float, seed: int, *at: int) -> Played:
    """The numbers 1, 2, 3, … through a dropout in train() and eval()."""
    from layers import play

    values = counted(SHAPES[shape])
    made = play.dropout(values, p, layer, seed)
    line = _first_kept(values, made)
    return Played(
        at, lambda: views.dropout(values, made, f"nn.{layer}(p={p:g})", line), lambda: made.layer
    )


def _first_kept(values, made) -> str:
    """The first element that training left, in numbers; "" where none is left."""
    from layers.play.worked import scaled_up

    for before, after in zip(flat(values), flat(made.train_output), strict=True):
        if after:
            return scaled_up(before, made.p, after)
    return ""


def flat(values: list) -> list[float]:
    """
    >>> flat([[1.0], [2.0, 3.0]])
    [1.0, 2.0, 3.0]
    """
    if not isinstance(values, list):
        return [values]
    return [number for part in values for number in flat(part)]


def counted(sizes: tuple[int, ...], start: int = 1) -> list:
    """1, 2, 3, … in the shape given.

    >>> counted((2, 2))
    [[1.0, 2.0], [3.0, 4.0]]
    """
    if not sizes:
        return float(start)
    first, *rest = sizes
    return [counted(tuple(rest), start + place * math.prod(rest)) for place in range(first)]
