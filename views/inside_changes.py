"""What fine-tuning changed inside a model: answers, weights and heads beside those of the start."""

import math
from dataclasses import dataclass

from markupsafe import Markup

from languages import _
from pipeline.inside.changes import OF_A_LAYER, Changes, Part
from views.inside_attention import SHADES, png
from views.markup import notice
from views.render import render


@dataclass(frozen=True)
class _Cell:
    """A share, written, and how full its cell is, 0 to 100."""

    said: str
    full: int


def inside_changes(found: Changes, start: str) -> Markup:
    """The section. start: what the start is called."""
    last = found.after[-1]
    labels = list(last)
    label = labels[1] if len(labels) == 2 else max(last, key=lambda name: last[name])
    most = max((part.moved for part in found.parts if math.isfinite(part.moved)), default=0.0)
    layers = [
        [_moved(_part(found.parts, kind, layer), most) for kind in OF_A_LAYER]
        for layer in range(1, found.layers + 1)
    ]
    others = [(_name(each.name), each) for each in found.parts if each.layer is None]
    return render(
        "inside_changes.html",
        start=start,
        label=label,
        answers=[
            (layer, _share(before[label]), _share(after[label]))
            for layer, (before, after) in enumerate(zip(found.before, found.after, strict=True))
        ],
        kinds=[_name(kind) for kind in OF_A_LAYER],
        layers=layers,
        others=[(name, f"{each.parameters:,}", _moved(each, most)) for name, each in others],
        heads=found.heads,
        pictures=_pictures(found),
        shift=_shift(found),
        untold=notice(
            _("This model doesn't show where its heads look, so that can't be compared.")
        ),
    )


def _name(kind: str) -> str:
    """What a kind of weights is called. PyTorch's own names stay as they are."""
    names = {
        "attention": _("attention"),
        "feed-forward": _("feed-forward"),
        "embeddings": _("embeddings"),
        "pooler": _("pooler"),
        "classifier": _("classifier"),
        "rest": _("not on the way"),
    }
    return names.get(kind, kind)


def _part(parts: list[Part], kind: str, layer: int) -> Part | None:
    return next((part for part in parts if (part.name, part.layer) == (kind, layer)), None)


def _share(value: float) -> _Cell:
    return _Cell(f"{value:.0%}", round(100 * value))


def _moved(part: Part | None, most: float) -> _Cell:
    """How far a part moved, in percent of its length; 0 alone is exactly 0."""
    if part is None:
        return _Cell("–", 0)
    if part.moved == 0:
        return _Cell("0", 0)
    if math.isinf(part.moved):
        return _Cell("∞", 100)
    share = 100 * part.moved
    return _Cell(f"{share:.1f}%" if share >= 0.1 else "< 0.1%", round(share / most))


def _pictures(found: Changes) -> list[tuple[str, list[list[str]]]]:
    """(what they are of, [layer][head] as images)."""
    if not found.heads:
        return []
    names = {"before": _("before"), "after": _("yours"), "difference": _("difference")}
    return [
        (
            names[what],
            [[png(picture, found.heads.side, SHADES) for picture in row] for row in rows],
        )
        for what, rows in found.heads.pictures.items()
    ]


def _shift(found: Changes) -> list[list[_Cell]]:
    return [[_shifted(share) for share in row] for row in found.heads.shift] if found.heads else []


def _shifted(share: float) -> _Cell:
    """A head's shift; 0 alone is exactly 0."""
    if 0 < share < 0.005:
        return _Cell("< 1%", 1)
    return _share(share) if share else _Cell("0", 0)
