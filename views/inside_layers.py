"""The answer after each layer, as bars, and how alike the first rows of two pairs are."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from languages import _
from pipeline.inside.layer_answers import LayerAnswers
from views.numbers import percent
from views.render import render


@dataclass(frozen=True)
class _Row:
    when: str
    share: str
    width: str  # 0 to 1
    cosine: str


def layer_bars(
    found: LayerAnswers, inputs: str, others: Sequence[tuple[str, str]], chosen: str
) -> Markup:
    """A row a layer: what the head makes of it, and its likeness to the other pair's.

    inputs: what the page sends back with another choice, as JSON; others: (value, name) of the
    pairs to compare with, of which one is chosen.
    """
    labels = list(found.answers[0].probabilities)
    last = found.answers[-1].probabilities
    label = labels[1] if len(labels) == 2 else max(last, key=lambda name: last[name])
    rows = [
        _Row(
            _("after layer {layer}", layer=answer.layer) if answer.layer else _("embeddings"),
            percent(answer.probabilities[label]),
            f"{answer.probabilities[label]:.4f}",
            f"{answer.cosine:.3f}",
        )
        for answer in found.answers
    ]
    return render(
        "layer_answers.html",
        rows=rows,
        label=label,
        inputs=inputs,
        others=others,
        chosen=chosen,
        other=[sentence for sentence in found.other if sentence is not None],
    )
