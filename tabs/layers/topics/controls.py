"""What the topics' controls share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from languages import _
from views.forward import forward

if TYPE_CHECKING:  # layers imports torch
    from layers.play import Forward, Layer

Pair = tuple[int, int]


@dataclass(frozen=True)
class Controls:
    """A topic's controls, in the order in which its play function takes their values.

    followed: those of them, the last, that the output sets (static/layers.js).
    """

    inputs: Sequence[Component]
    followed: Sequence[gr.Number]


@dataclass(frozen=True)
class Played:
    """A topic's layer as its controls set it."""

    at: Sequence[int]  # the place of the output's number that is followed
    forward: Callable[[], Markup]  # draws what the layer does
    layer: Callable[[], "Layer"]  # what the backward pass goes through


def played(made: "Forward") -> Played:
    """One of BERT's own layers."""
    return Played(made.at, lambda: forward(made), lambda: made.layer)


def slider(
    low: float, high: float, value: float, label: str, info: str | None = None, step: float = 1
) -> gr.Slider:
    """A gr.Slider, its arguments in the order in which a reader asks for them."""
    return gr.Slider(low, high, value, step=step, label=label, info=info)


def picture_size(height: int, width: int) -> list[gr.Slider]:
    """Sliders for the size of a small picture."""
    return [
        slider(1, 8, height, _("picture's height")),
        slider(1, 8, width, _("picture's width")),
    ]


def window_controls(
    kernel_size: int, stride: int, padding: int, most_padding: int = 3
) -> list[Component]:
    """kernel_size, stride, padding and dilation, whether the width has its own, and those."""
    ranges = {
        "kernel_size": (1, 5, kernel_size),
        "stride": (1, 4, stride),
        "padding": (0, most_padding, padding),
        "dilation": (1, 3, 1),
    }
    both = [slider(*numbers, name) for name, numbers in ranges.items()]
    is_tuple = gr.Checkbox(False, label=_("a tuple: a different number for the width"))
    with gr.Column(visible=False) as column:
        widths = [
            slider(*numbers, _("{name}, width", name=name)) for name, numbers in ranges.items()
        ]
    is_tuple.change(
        None,
        is_tuple,
        column,
        js="(is_tuple) => page.layers.visibleIf(is_tuple)",
        api_visibility="private",
    )
    return [*both, is_tuple, *widths]


def by_direction(heights: Sequence[int], is_tuple: bool, widths: Sequence[int]) -> list[Pair]:
    """The settings of a window as (for height, for width).

    >>> by_direction([3, 1], False, [5, 2])
    [(3, 3), (1, 1)]
    """
    return list(zip(heights, widths if is_tuple else heights, strict=True))


def followed_places(*largest: int) -> list[gr.Number]:
    """Hidden numbers, (…, channel, row, column) of the output's number that is followed.

    largest: of each, what an address may say. The picture itself sets them, by a click, a key or a
    step: no control can ask for what the output hasn't.
    """
    # Gradio 6.31: a number whose `visible` is "hidden" is seen all the same
    with gr.Column(elem_classes="followed"):
        return [
            gr.Number(0, precision=0, minimum=0, maximum=most, label=_("tracked"))
            for most in largest
        ]


def within(at: Sequence[float], output: list) -> tuple[int, ...]:
    """(..., channel, row, column), kept inside an output, ... × C × H × W, that may be smaller now.

    >>> within((0, 5), [[1, 2, 3]])
    (0, 2)
    """
    place = []
    for asked in at:
        place.append(min(int(asked), len(output) - 1))
        output = output[0]
    return tuple(place)
