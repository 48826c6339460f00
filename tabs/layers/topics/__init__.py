"""Play's topics: each has its controls, and a function that runs its layer on a small tensor.

layers.play, which needs torch, is imported when the first picture is drawn.
"""

from collections.abc import Callable
from dataclasses import dataclass

from languages import say
from tabs.layers.topics.controls import Controls, Played
from tabs.layers.topics.convolution import build_convolution, play_convolution
from tabs.layers.topics.dropout import build_dropout, play_dropout
from tabs.layers.topics.losses import build_losses, play_losses
from tabs.layers.topics.normalization import build_normalization, play_normalization
from tabs.layers.topics.padding import build_padding, play_padding
from tabs.layers.topics.pooling import build_pooling, play_pooling


@dataclass(frozen=True)
class Topic:
    """One topic. `play` takes the values of the controls, in their order."""

    title: str
    intro: str
    build: Callable[[], Controls]
    play: Callable[..., Played]


# By the names that an address has for them
TOPICS = {
    "convolution": Topic(
        say("Convolution"),
        say("A kernel slides over the picture; each stop gives one number of the output."),
        build_convolution,
        play_convolution,
    ),
    "padding": Topic(
        say("Padding modes"),
        say("What `padding_mode` puts around a picture before the kernel slides over it."),
        build_padding,
        play_padding,
    ),
    "pooling": Topic(
        say("Max pooling"),
        say("Each window outputs its largest value; this layer learns nothing."),
        build_pooling,
        play_pooling,
    ),
    "normalization": Topic(
        "BatchNorm",
        say(
            "Each channel is scaled to mean 0 and variance 1, then multiplied by γ and shifted by "
            "β. `train()` uses the batch's own statistics, `eval()` the running ones."
        ),
        build_normalization,
        play_normalization,
    ),
    "dropout": Topic(
        "Dropout",
        say(
            "In `train()` some elements are zeroed and the others scaled up; in `eval()` nothing "
            "happens."
        ),
        build_dropout,
        play_dropout,
    ),
    "loss": Topic(
        say("Losses"),
        say("One loss with its three reductions: each element's loss, the sum, the mean."),
        build_losses,
        play_losses,
    ),
}
