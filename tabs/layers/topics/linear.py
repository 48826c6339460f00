"""Play: nn.Linear on a small batch."""

import gradio as gr

from languages import _
from tabs.layers.topics.controls import Controls, Played, followed_places, played, slider


def build_linear() -> Controls:
    """The controls."""
    inputs = [
        slider(1, 5, 2, _("rows"), _("tokens; each goes through alone")),
        slider(1, 6, 4, "in_features"),
        slider(1, 6, 3, "out_features"),
        gr.Checkbox(True, label="bias"),
        slider(0, 20, 0, "seed", _("a new seed gives new numbers")),
    ]
    followed = followed_places(4, 5)
    return Controls([*inputs, *followed], followed)


def play_linear(
    rows: int, in_features: int, out_features: int, bias: bool, seed: int, *at: int
) -> Played:
    """Rows through a Linear, and the number of the output at `at` worked out."""
    from layers import play

    return played(play.linear(rows, in_features, out_features, bias, seed, at))
