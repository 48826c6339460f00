"""Play: GELU, its approximation by tanh, and ReLU on the same numbers."""

import gradio as gr

from languages import _
from tabs.layers.topics.controls import Controls, Played, followed_places, played, slider


def build_gelu() -> Controls:
    """The controls."""
    layer = gr.Radio(
        ["GELU", "GELU, tanh", "ReLU"],
        value="GELU",
        label=_("Layer"),
        info=_("BERT's is GELU; some implementations approximate it by tanh"),
    )
    inputs = [
        layer,
        slider(-5, 0, -3, _("first number"), step=0.5),
        slider(0.5, 5, 3, _("last number"), step=0.5),
        slider(2, 9, 7, _("numbers")),
    ]
    followed = followed_places(8)
    return Controls([*inputs, *followed], followed)


def play_gelu(layer: str, low: float, high: float, count: int, *at: int) -> Played:
    """Numbers through the activation, and the one at `at` worked out in all three."""
    from layers import play

    return played(play.activation(layer, low, high, count, at))
