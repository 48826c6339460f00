"""Play's topics: each has its controls, and a function that runs its layer on a small tensor.

layers.play, which needs torch, is imported when the first picture is drawn.
"""

from collections.abc import Callable
from dataclasses import dataclass

from languages import say
from tabs.layers.topics.attention import build_attention, play_attention
from tabs.layers.topics.controls import Controls, Played
from tabs.layers.topics.convolution import build_convolution, play_convolution
from tabs.layers.topics.dropout import build_dropout, play_dropout
from tabs.layers.topics.embedding import build_embedding, play_embedding
from tabs.layers.topics.gelu import build_gelu, play_gelu
from tabs.layers.topics.layer_norm import build_layer_norm, play_layer_norm
from tabs.layers.topics.linear import build_linear, play_linear
from tabs.layers.topics.losses import build_losses, play_losses
from tabs.layers.topics.normalization import build_normalization, play_normalization
from tabs.layers.topics.padding import build_padding, play_padding
from tabs.layers.topics.pooling import build_pooling, play_pooling
from tabs.layers.topics.softmax import build_softmax, play_softmax


@dataclass(frozen=True)
class Topic:
    """One topic. `play` takes the values of the controls, in their order."""

    title: str
    intro: str
    build: Callable[[], Controls]
    play: Callable[..., Played]


# By the names that an address has for them
OF_THE_NOTES = {
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
INSIDE_BERT = {
    "embedding": Topic(
        "Embedding",
        say("Each id takes its row of a table of numbers that are learned."),
        build_embedding,
        play_embedding,
    ),
    "linear": Topic(
        "Linear",
        say(
            "Each number of the output is a row of the input times a row of the weight, plus "
            "a bias."
        ),
        build_linear,
        play_linear,
    ),
    "layer_norm": Topic(
        "LayerNorm",
        say(
            "Each row is scaled to mean 0 and variance 1, over its own features. BatchNorm, below, "
            "takes the mean of each feature over the batch."
        ),
        build_layer_norm,
        play_layer_norm,
    ),
    "gelu": Topic(
        "GELU",
        say(
            "x times the probability that a normal number is below x: nearly ReLU, but smooth, and "
            "a little below 0 for small negative x."
        ),
        build_gelu,
        play_gelu,
    ),
    "softmax": Topic(
        "Softmax",
        say("Any scores become shares: above 0, and 1 in sum for each row."),
        build_softmax,
        play_softmax,
    ),
    "attention": Topic(
        say("Attention"),
        say(
            "Each token's query is compared with the keys of all; softmax makes weights of the "
            "scores, and the output is the weighted mean of the values."
        ),
        build_attention,
        play_attention,
    ),
}
GROUPS = {say("From the notes"): OF_THE_NOTES, say("Inside BERT"): INSIDE_BERT}
TOPICS = OF_THE_NOTES | INSIDE_BERT
