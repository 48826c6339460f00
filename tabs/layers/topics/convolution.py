"""Play: nn.Conv2d on a small picture."""

import gradio as gr

from languages import _, say
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

DRAWN = "as Conv2d draws it"
KERNELS = {
    DRAWN: None,
    "edges (3 × 3)": [[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]],
    "average (3 × 3)": [[1 / 9] * 3] * 3,
}
KERNEL_NAMES = [
    (say("random, as in a new Conv2d"), DRAWN),
    (say("edges (3 × 3)"), "edges (3 × 3)"),
    (say("average (3 × 3)"), "average (3 × 3)"),
]


def build_convolution() -> Controls:
    """The controls."""
    window = window_controls(3, 1, 1)
    with gr.Accordion(_("Channels, groups, bias"), open=False):
        channels = [
            slider(1, 4, 1, "in_channels"),
            slider(1, 4, 1, "out_channels"),
            slider(1, 4, 1, "groups", _("must divide both numbers of channels")),
            gr.Checkbox(True, label="bias"),
        ]
    with gr.Accordion(_("Padding mode, kernel, picture"), open=False):
        picture = [
            gr.Checkbox(
                False, label="padding='same'", info=_("keeps the size; only with stride 1")
            ),
            gr.Radio(list(views.PADDING_MODES), value="zeros", label="padding_mode"),
            gr.Radio(
                [(str(name), kernel) for name, kernel in KERNEL_NAMES],
                value=DRAWN,
                label=_("kernel"),
            ),
            *picture_size(6, 6),
            slider(0, 20, 0, "seed", _("a new seed gives a new picture and kernel")),
        ]
    followed = followed_places(3, 14, 14)
    return Controls([*window, *channels, *picture, *followed], followed)


def play_convolution(
    kernel_size: int,
    stride: int,
    padding: int,
    dilation: int,
    is_tuple: bool,
    kernel_width: int,
    stride_width: int,
    padding_width: int,
    dilation_width: int,
    in_channels: int,
    out_channels: int,
    groups: int,
    bias: bool,
    same: bool,
    padding_mode: str,
    kernel: str,
    height: int,
    width: int,
    seed: int,
    *at: int,
) -> Played:
    """The picture's convolution, and the output cell `at` = (channel, row, column) worked out."""
    from layers import play

    sizes, strides, paddings, dilations = by_direction(
        (kernel_size, stride, padding, dilation),
        is_tuple,
        (kernel_width, stride_width, padding_width, dilation_width),
    )
    made = play.convolve(
        play.small_picture(height, width, in_channels, seed),
        out_channels,
        sizes,
        strides,
        "same" if same else paddings,
        dilations,
        groups,
        bias,
        padding_mode,
        KERNELS[kernel],
        seed,
    )
    place = within(at, made.output)
    window = play.follow(made, *place, strides, made.before, dilations, groups)
    return Played(place, lambda: views.convolution(made, window, place), lambda: made.layer)
