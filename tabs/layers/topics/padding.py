"""Play: one picture in each padding mode."""

import gradio as gr

from languages import _
from tabs.layers.topics.controls import Controls, Played, followed_places, picture_size, slider
from views import layers as views


def build_padding() -> Controls:
    """The controls."""
    padding = slider(0, 6, 2, "padding")
    size = picture_size(4, 4)
    seed = slider(0, 20, 0, "seed", _("a new seed gives a new picture"))
    mode = gr.Radio(
        list(views.PADDING_MODES),
        value="reflect",
        label="padding_mode",
        info=_("whose backward pass is worked out"),
    )
    followed = followed_places(0, 19, 19)
    return Controls([padding, *size, seed, mode, *followed], followed)


def play_padding(
    padding: int, height: int, width: int, seed: int, padding_mode: str, *at: int
) -> Played:
    """One picture padded in each mode; a mode that can't says why."""
    from layers import play

    picture = play.small_picture(height, width, seed=seed)

    def padded(mode):
        try:
            return play.pad_picture(picture, padding, mode)
        except ValueError as error:
            return str(error)

    def forward():
        return views.paddings(
            picture, {mode: padded(mode) for mode in views.PADDING_MODES}, padding
        )

    return Played(at, forward, lambda: play.padding_layer(picture, padding, padding_mode))
