"""The answer after each layer, as bars, and how alike the first rows of two pairs are."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from pipeline.inside.layer_answers import LayerAnswers
from views.markup import made_of
from views.render import render


@dataclass(frozen=True)
class _Column:
    layer: int  # 0 is before the first
    share: str
    width: str  # 0 to 1
    cosine: str


def layer_bars(
    found: LayerAnswers, inputs: Mapping[str, str], others: Sequence[tuple[str, str]], chosen: str
) -> Markup:
    """A column a layer: what the head makes of it, and its likeness to the other pair's.

    inputs: the pair and the model, as the page sends them back with another choice. others: (value,
    name) of the pairs to compare with, of which one is chosen.
    """
    labels = list(found.answers[0].probabilities)
    last = found.answers[-1].probabilities
    label = labels[1] if len(labels) == 2 else max(last, key=lambda name: last[name])
    columns = [
        _Column(
            answer.layer,
            f"{answer.probabilities[label]:.0%}",
            f"{answer.probabilities[label]:.4f}",
            f"{answer.cosine:.3f}",
        )
        for answer in found.answers
    ]
    return render(
        "layer_answers.html",
        columns=columns,
        label=label,
        inputs=json.dumps(inputs),
        made_of=made_of(inputs["sentence1"], inputs["sentence2"]),
        others=others,
        chosen=chosen,
    )
