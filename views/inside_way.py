"""A pair's way through the model: its parts in a strip, and a card for each with its numbers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from languages import _, ngettext
from pipeline.inside.by_hand import Step, number
from pipeline.inside.way_through import DOES, NAMES, Part, WayThrough
from views.markup import made_of
from views.numbers import percent
from views.render import render

# How strong a number's colour is, in so many levels
LEVELS = 5


def way_strip(way: WayThrough, inputs: Mapping[str, str]) -> Markup:
    """The parts one after another, as a strip of buttons and as a table.

    inputs: the pair and the model, as the page sends them back with the part that is asked about.
    """
    return render(
        "way_strip.html",
        way=way,
        parts=[_shown(part, way) for part in way.parts if part.name in ASKED],
        rows=[_row(part, way) for part in way.parts],
        inputs=json.dumps(inputs),
        made_of=made_of(inputs["sentence1"], inputs["sentence2"]),
        short=short_count,
        difference=f"{way.difference:.1e}",
    )


ASKED = ("input", "embeddings", "layers", "row", "pooler", "classifier")


def part_card(way: WayThrough, name: str) -> Markup:
    """The card of one part: what it does, its numbers, each step's formula with them put in."""
    part = next(each for each in way.parts if each.name == name)
    return render(
        "way_card.html",
        way=way,
        part=_shown(part, way),
        steps=[_step(each) for each in part.steps],
        unexplained=part.unexplained,
        difference=f"{part.difference:.1e}",
        strips=[
            (
                _("after layer {layer}", layer=layer) if layer else _("before the first layer"),
                _strip(numbers),
                _numbers(numbers),
            )
            for layer, numbers in enumerate(part.strips)
        ],
        tokens=[(position, f"{position} {piece}") for position, piece in enumerate(way.pieces)],
        ids=list(zip(way.pieces, way.ids, way.sentences, strict=True)),
        answers=[
            (label, f"{way.logits[label]:.4f}", f"{way.predicted[label]:.4f}", percent(share))
            for label, share in way.probabilities.items()
        ],
        numbers=[(layer, layer) for layer in range(1, way.layers + 1)],
        label_options=[
            ("", _("unknown")),
            *((at, f"{at} {name}") for at, name in enumerate(way.logits)),
        ],
    )


@dataclass(frozen=True)
class _Shown:
    """A part as the strip and its card name it."""

    name: str
    title: str
    shape: str
    about: str
    parameters: str
    count: int
    share: str
    width: str  # of the bar: 0 to 1


def _shown(part: Part, way: WayThrough) -> _Shown:
    share = part.parameters / way.parameters
    return _Shown(
        part.name,
        part_title(part, way),
        str(part.shape),
        _about(part, way),
        short_count(part.parameters),
        part.parameters,
        percent(share),
        f"{share:.4f}",
    )


def part_title(part: Part, way: WayThrough) -> str:
    """A part's name; of the layers with their number, of the first row the token's."""
    if part.name == "layers":
        return _("{count} × layer", count=way.layers)
    if part.name == "row":
        return way.pieces[0] if part.steps[0].kind == "row" else _("mean of all rows")
    return str(NAMES[part.name])


def _about(part, way):
    if part.name == "input":
        return ngettext("the id of {count} token", "the ids of {count} tokens", len(way.ids))
    if part.name == "embeddings":
        names = [step.name for step in part.steps if step.kind == "embedding"]
        # "word + type + position": BERT's word_embeddings, token_type_embeddings, ...
        short = (name.removesuffix("_embeddings").removeprefix("token_") for name in names)
        return " + ".join(short)
    if part.name == "layers":
        return ngettext("{count} head, feed-forward", "{count} heads, feed-forward", way.heads)
    if part.name == "row":
        return _("one row goes on, of {count}", count=len(way.ids))
    if part.name == "pooler":
        return formula(part.steps)
    return " · ".join(number(value) for value in [*way.logits.values()][:4])


def formula(steps: Sequence[Step]) -> str:
    """Steps one after another as one formula.

    >>> formula([])
    'x'
    """
    said = "x"
    for step in steps:
        if step.kind == "linear":
            said = f"W·{said} + b" if said == "x" else f"W·({said}) + b"
        elif step.kind == "norm":
            said = f"LayerNorm({said})"
        elif step.kind != "dropout":
            said = f"{step.kind}({said})"
    return said


def short_count(count: int) -> str:
    """A number of parameters in a few characters.

    >>> short_count(22_713_986), short_count(147_840), short_count(770)
    ('22.7 M', '148 k', '770')
    """
    if count >= 999_500:
        return f"{count / 10**6:.1f} M"
    return f"{count / 1000:.0f} k" if count >= 10_000 else f"{count:,}"


def _row(part, way):
    """A line of the strip's table."""
    return (
        part_title(part, way),
        str(part.shape) if part.shape else "",
        f"{part.parameters:,}",
        percent(part.parameters / way.parameters),
        _numbers(part.numbers),
    )


def _numbers(numbers):
    return ", ".join(number(value) for value in numbers[:4])


@dataclass(frozen=True)
class _StepShown:
    name: str
    does: str
    shape: str
    parameters: str
    strip: Markup
    numbers: str
    worked: str
    difference: str
    agrees: bool


def _step(step):
    return _StepShown(
        step.name,
        str(DOES[step.kind]),
        str(step.shape),
        ngettext(
            "{number} parameter",
            "{number} parameters",
            step.parameters,
            number=f"{step.parameters:,}",
        )
        if step.parameters
        else "",
        _strip(step.numbers) if len(step.numbers) > 4 else Markup(),
        _numbers(step.numbers) + (", …" if len(step.numbers) > 4 else ""),
        step.worked,
        "" if step.difference is None else f"{step.difference:.1e}" if step.difference else "0",
        step.agrees or step.difference is None,
    )


def _strip(numbers: Sequence[float]) -> Markup:
    """Numbers as a strip of cells: the farther from 0, the stronger; below 0 in the other colour.

    The strongest begins at twice the mean size: a few numbers are many times larger than the rest.
    """
    most = 2 * sum(map(abs, numbers)) / max(1, len(numbers)) or 1.0
    cells: dict[str, list[str]] = {}
    for place, value in enumerate(numbers):
        level = min(LEVELS, int(abs(value) / most * LEVELS + 0.5))
        if level:
            cells.setdefault(f"{'up' if value > 0 else 'down'} l{level}", []).append(
                f"M{place} 0h1v1h-1z"
            )
    paths = [(name, "".join(moves)) for name, moves in cells.items()]
    return render("number_strip.html", paths=paths, width=len(numbers))
