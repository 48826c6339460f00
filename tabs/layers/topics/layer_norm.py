"""Play: nn.LayerNorm beside nn.BatchNorm1d on the same numbers."""

import gradio as gr

from languages import _
from tabs.layers.topics.controls import Controls, Played, followed_places, played, slider


def build_layer_norm() -> Controls:
    """The controls."""
    inputs = [
        slider(1, 5, 3, _("rows"), _("tokens or examples")),
        slider(2, 6, 4, _("features")),
        gr.Radio([1e-12, 1e-5, 0.1, 1.0], value=1e-12, label="eps", info=_("BERT's is 1e-12")),
        slider(-3, 3, 1, _("weight γ"), step=0.5),
        slider(-3, 3, 0, _("bias β"), step=0.5),
        slider(0, 20, 0, "seed", _("a new seed gives new numbers")),
    ]
    followed = followed_places(4, 5)
    return Controls([*inputs, *followed], followed)


def play_layer_norm(
    rows: int, features: int, eps: float, gamma: float, beta: float, seed: int, *at: int
) -> Played:
    """Both normalizations, and the number of the output at `at` worked out in each."""
    from layers import play

    return played(play.layer_norm(rows, features, eps, gamma, beta, seed, at))
