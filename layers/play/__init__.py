"""Play: a layer's settings -> its shapes, with the formula in numbers, and its tensors as plain
lists.

    convolve(), pad_picture()      conv.py
    pool(), unpool(), largest_of() pooling.py
    follow(), window_cells(), pooled_area()    windows.py: which input cells an output cell looks at
    batch_norm(), normalized_lines()    normalization.py
    dropout()                      dropout.py
    regression_loss(), cross_entropy()    losses.py
    embedding(), linear(), layer_norm(), attention()    each in a file of its name, and
    activation(), softmax()        activations.py: BERT's own layers, each a Forward (forward.py)
    backward()                     backward.py: of each layer, the gradients and one worked out
    worked.py                      formulas with their numbers put in, one line each

An impossible setting is a ValueError that names the value and says what to choose instead.

>>> output_size(7, kernel_size=3, stride=2, padding=1)
(4, 'floor((7 + 2·1 − 1·(3 − 1) − 1) / 2) + 1 = floor(6 / 2) + 1 = 4')
"""

from layers.play.activations import ACTIVATIONS, activation, softmax
from layers.play.attention import attention
from layers.play.backward import Backward, Layer, backward
from layers.play.conv import convolve, pad_picture, padding_layer
from layers.play.dropout import dropout
from layers.play.embedding import embedding
from layers.play.forward import Forward
from layers.play.layer_norm import layer_norm
from layers.play.linear import linear
from layers.play.losses import cross_entropy, regression_loss
from layers.play.normalization import batch_norm, normalized_lines
from layers.play.pooling import largest_of, pool, unpool
from layers.play.shapes import Shapes, output_size, small_picture
from layers.play.windows import Window, follow, pooled_area, window_cells

__all__ = [
    "ACTIVATIONS",
    "Backward",
    "Forward",
    "Layer",
    "Shapes",
    "Window",
    "activation",
    "attention",
    "backward",
    "batch_norm",
    "convolve",
    "cross_entropy",
    "dropout",
    "embedding",
    "follow",
    "largest_of",
    "layer_norm",
    "linear",
    "normalized_lines",
    "output_size",
    "pad_picture",
    "padding_layer",
    "pool",
    "pooled_area",
    "regression_loss",
    "small_picture",
    "softmax",
    "unpool",
    "window_cells",
]
