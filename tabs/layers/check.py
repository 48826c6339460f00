"""Check yourself, in Layers: what its questions are about."""

import inspect
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from gradio.components import Component

from pipeline.questions.of_layers import Played
from tabs.layers.play import Play
from tabs.layers.topics import TOPICS

# Play's topic -> what of its controls the questions take
TAKEN = {
    "convolution": [one.name for one in fields(Played) if one.name != "p"],
    "dropout": ["p"],
}


def played_controls(play: Play) -> dict[str, Component]:
    """{field of Played: its control}. A topic's controls are in the order of its play function's
    parameters.
    """
    controls: dict[str, Component] = {}
    for slug, names in TAKEN.items():
        parameters = inspect.signature(TOPICS[slug].play).parameters
        by_name = dict(zip(parameters, play.panels[slug].controls.inputs, strict=False))
        controls |= {name: by_name[name] for name in names}
    return controls


def layers_played(names: Sequence[str], *values: Any) -> Played:
    """What Play's controls say now."""
    return Played(**dict(zip(names, values, strict=True)))
