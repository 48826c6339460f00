"""Play: nn.Embedding on a few ids."""

import gradio as gr

from languages import _
from tabs.layers.topics.controls import Controls, Played, followed_places, played, slider
from tabs.layers.topics.losses import parsed_numbers


def build_embedding() -> Controls:
    """The controls."""
    ids = gr.Textbox(
        "2, 3, 1, 3, 0",
        label="ids",
        max_length=60,
        info=_("of the tokens, with commas; one may come twice"),
    )
    inputs = [
        ids,
        slider(1, 10, 6, "num_embeddings", _("rows of the table; BERT's has 30522")),
        slider(1, 6, 3, "embedding_dim", _("numbers for each id; BERT's has 768")),
        gr.Checkbox(True, label="padding_idx=0", info=_("the id of [PAD]: zeros that never learn")),
        slider(0, 20, 0, "seed", _("a new seed gives a new table")),
    ]
    followed = followed_places(7, 5)
    return Controls([*inputs, *followed], followed)


def play_embedding(
    ids: str, num_embeddings: int, embedding_dim: int, pads: bool, seed: int, *at: int
) -> Played:
    """The ids' rows, and the number of the output at `at` worked out."""
    from layers import play

    numbers = parsed_numbers(ids.replace(";", ","), "ids")
    padding_idx = 0 if pads else None
    return played(play.embedding(numbers, num_embeddings, embedding_dim, padding_idx, seed, at))
