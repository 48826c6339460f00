"""Play: scaled dot-product attention of one small head."""

import gradio as gr

from languages import _
from tabs.layers.topics.controls import Controls, Played, followed_places, played, slider


def build_attention() -> Controls:
    """The controls."""
    inputs = [
        slider(1, 5, 3, _("tokens")),
        slider(1, 4, 2, _("numbers for each"), _("of a head; BERT's heads have 64")),
        slider(0, 4, 0, _("padding"), _("so many last tokens are [PAD], and masked")),
        gr.Checkbox(
            False,
            label=_("causal mask"),
            info=_("no token looks at a later one: GPT has it, BERT doesn't"),
        ),
        slider(0, 20, 0, "seed", _("a new seed gives new numbers")),
    ]
    followed = followed_places(4, 3)
    return Controls([*inputs, *followed], followed)


def play_attention(
    positions: int, size: int, padded: int, causal: bool, seed: int, *at: int
) -> Played:
    """A head, and the number of its output at `at` worked out."""
    from layers import play

    return played(play.attention(positions, size, padded, causal, seed, at))
