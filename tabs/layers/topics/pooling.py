"""Play: nn.MaxPool2d on a small picture, and max_unpool2d's way back."""

import gradio as gr

from languages import _
from tabs.layers.topics.controls import (
    Controls,
    Played,
    by_direction,
    followed_places,
    picture_size,
    slider,
    window_controls,
    within,
)
from views import layers as views


def build_pooling() -> Controls:
    """The controls."""
    window = window_controls(2, 2, 0)
    options = [
        gr.Checkbox(
            False,
            label=_("stride left out"),
            info=_("None, the default: as large as kernel_size"),
        ),
        gr.Checkbox(False, label="ceil_mode", info=_("round up: keep a window that sticks out")),
        gr.Checkbox(
            True, label="return_indices", info=_("position of each largest value, for max_unpool2d")
        ),
    ]
    with gr.Accordion(_("Picture"), open=False):
        picture = [
            slider(1, 3, 1, _("channels")),
            gr.Checkbox(
                False,
                label=_("negative numbers"),
                info=_("with zeros as padding, those at the border could never be the largest"),
            ),
            *picture_size(5, 5),
            slider(0, 20, 0, "seed", _("a new seed gives a new picture")),
        ]
    followed = followed_places(2, 9, 9)
    return Controls([*window, *options, *picture, *followed], followed)


def play_pooling(
    kernel_size: int,
    stride: int,
    padding: int,
    dilation: int,
    is_tuple: bool,
    kernel_width: int,
    stride_width: int,
    padding_width: int,
    dilation_width: int,
    no_stride: bool,
    ceil_mode: bool,
    return_indices: bool,
    channels: int,
    negative: bool,
    height: int,
    width: int,
    seed: int,
    *at: int,
) -> Played:
    """The picture's max pooling, and the output cell `at` = (channel, row, column) worked out."""
    from layers import play

    sizes, strides, paddings, dilations = by_direction(
        (kernel_size, stride, padding, dilation),
        is_tuple,
        (kernel_width, stride_width, padding_width, dilation_width),
    )
    picture = play.small_picture(height, width, channels, seed)
    if negative:
        picture = [[[value - 10 for value in row] for row in plane] for plane in picture]
    made = play.pool(
        picture,
        sizes,
        None if no_stride else strides,
        paddings,
        dilations,
        return_indices,
        ceil_mode,
    )
    strides = sizes if no_stride else strides
    place = within(at, made.output)
    area = play.pooled_area(picture, made.output, sizes, strides, paddings, dilations)
    cells = play.window_cells(*place[1:], sizes, strides, paddings, dilations)
    window = cells, play.largest_of(area, place[0], cells, paddings)
    side_by_side = strides == sizes and paddings == (0, 0) and dilations == (1, 1)
    restored = _(
        "max_unpool2d is shown only for windows side by side: stride = kernel_size, padding 0, "
        "dilation 1, no ceil_mode."
    )
    if side_by_side and not ceil_mode:
        restored = play.unpool(picture, sizes)
    return Played(
        place,
        lambda: views.pooling(picture, area, made, window, place, paddings, restored),
        lambda: made.layer,
    )
