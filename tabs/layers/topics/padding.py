"""Play: one picture in each padding mode."""

from markupsafe import Markup

from languages import _
from tabs.layers.topics.controls import Controls, picture_size, slider
from views import layers as views


def build_padding() -> Controls:
    """The controls."""
    padding = slider(0, 6, 2, "padding")
    size = picture_size(4, 4)
    return Controls([padding, *size, slider(0, 20, 0, "seed", _("a new seed gives a new picture"))])


def draw_padding(padding: int, height: int, width: int, seed: int) -> Markup:
    """One picture padded in each mode; a mode that can't says why."""
    from layers import play

    picture = play.small_picture(height, width, seed=seed)

    def padded(mode):
        try:
            return play.pad_picture(picture, padding, mode)
        except ValueError as error:
            return str(error)

    return views.paddings(picture, {mode: padded(mode) for mode in views.PADDING_MODES}, padding)
