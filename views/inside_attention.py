"""The heads of a model as pictures, one of them on the token cards, their habits, and padding."""

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from PIL import Image

from languages import _
from pipeline.inside.attention import KINDS, Habits, Head, Heads, Looks, Padding
from pipeline.prediction import written
from views.markup import made_of
from views.render import piece, render

# Of what is drawn in the page: a shade of 16 is told from the next one by nobody
SHADES = 16
# Weights are sent in ten-thousandths, rounded down: a page that rounds them to percent gets what
# the weights themselves would give
PARTS = 10_000
ROLES = {None: "special", 0: "sentence1", 1: "sentence2"}


@dataclass(frozen=True)
class _Best:
    """A head that looks at a kind more than others."""

    layer: int
    head: int
    share: float


@dataclass(frozen=True)
class _Kind:
    """One line of the table of kinds."""

    kind: str
    name: str
    best: list[_Best]
    even: float


def heads_picture(heads: Heads, inputs: Mapping[str, Any]) -> Markup:
    """All heads as small pictures.

    inputs: what was asked, sentence1, sentence2 and model. The page sends it back with the head
    that is chosen, so that the server keeps nothing.
    """
    shares = {
        kind: [_parts(of_layer) for of_layer in looks] for kind, looks in _shares(heads.looks)
    }
    return render(
        "attention_heads.html",
        heads=heads,
        side=heads.side,
        positions=len(heads.pieces),
        rows=[
            [png(picture, heads.side, SHADES) for picture in of_layer]
            for of_layer in heads.pictures
        ],
        names=_most(heads.looks, heads.pieces, heads.sentences),
        shares=json.dumps(shares, separators=(",", ":")),
        inputs=json.dumps(inputs),
        made_of=made_of(inputs["sentence1"], inputs["sentence2"]),
    )


def looks_table(heads: Heads, inputs: Mapping[str, Any]) -> Markup:
    """Which heads look at what on this pair, beside the chosen one, large."""
    return render(
        "attention_looks.html",
        kinds=_kinds(heads.looks, heads.pieces, heads.sentences),
        percent=_whole,
        made_of=made_of(inputs["sentence1"], inputs["sentence2"]),
    )


def head_cards(head: Head, inputs: Mapping[str, Any]) -> Markup:
    """Where a head's tokens look, on the cards of the Tokenize tab, and as a table."""
    shares = [_parts(row) for row in head.weights]
    chosen = head.rows.index(head.token)
    return render(
        "attention_head.html",
        head=head,
        inputs=json.dumps(inputs),
        made_of=made_of(inputs["sentence1"], inputs["sentence2"]),
        cards=[
            (ROLES[which], text, share)
            for which, text, share in zip(head.sentences, head.pieces, shares[chosen], strict=True)
        ],
        shares=json.dumps(shares, separators=(",", ":")),
        picture=png(head.picture, head.side, 256),
        title=_title(head),
        percent=_percent,
        whole=_whole,
        rows=[
            (position, ROLES[head.sentences[position]], head.most(position))
            for position in head.rows
        ],
        most=head.most(head.token, 3),
    )


def _title(head: Head) -> Markup:
    """What is shown, with the place of the token's name, which the page's script fills anew."""
    token = Markup('<b class="looks-from {}">{}</b>').format(
        ROLES[head.sentences[head.token]], piece(head.pieces[head.token])
    )
    if head.head is None:
        sentence = _("Layer {layer}, mean of its heads: where {token} looks")
    else:
        sentence = _("Layer {layer}, head {head}: where {token} looks")
    return Markup(sentence).format(layer=head.layer, head=head.head, token=token)


def habits_table(habits: Habits, heads: Heads, place: str) -> Markup:
    """Which heads look at what on many pairs, beside what the same heads do on the page's pair.

    place: where the rows are from.
    """
    kinds = _kinds(habits.looks, heads.pieces, heads.sentences)
    here = {
        kind.kind: [heads.looks.shares[kind.kind][one.layer - 1][one.head - 1] for one in kind.best]
        for kind in kinds
        if kind.kind in heads.looks.shares
    }
    return render(
        "attention_habits.html", habits=habits, kinds=kinds, here=here, place=place, percent=_whole
    )


def padding_shown(padding: Padding) -> Markup:
    """What goes to padding with the mask and without, layer by layer."""
    layers = [
        (number, sum(shares) / len(shares), shares.index(max(shares)) + 1, max(shares))
        for number, shares in enumerate(padding.unmasked, 1)
    ]
    return render(
        "attention_padding.html", padding=padding, layers=layers, percent=_whole, logits=_logits
    )


# ---------------------------------------------------------------- parts


def _shares(looks: Looks) -> list[tuple[str, list[list[float]]]]:
    return [(kind, looks.shares[kind]) for kind in KINDS if kind in looks.shares]


def _kinds(looks: Looks, pieces: Sequence[str], sentences: Sequence[int | None]) -> list[_Kind]:
    """A line for each kind of token that is there to be looked at."""
    names = _names(pieces, sentences)
    return [
        _Kind(kind, names[kind], [_Best(*best) for best in looks.best(kind)], looks.even[kind])
        for kind, _looks in _shares(looks)
    ]


def _names(pieces: Sequence[str], sentences: Sequence[int | None]) -> dict[str, str]:
    """What each kind is called for these tokens."""
    specials = [
        text for text, which in zip(pieces[1:], sentences[1:], strict=True) if which is None
    ]
    return {
        "same": _("the same token in the other sentence"),
        "previous": _("the token before"),
        "next": _("the token after"),
        "itself": _("itself"),
        "first": _("the first token, {token}", token=pieces[0]),
        "separator": ", ".join(dict.fromkeys(specials)),
    }


def _most(looks: Looks, pieces: Sequence[str], sentences: Sequence[int | None]) -> list[list[str]]:
    """[layer][head]: in words, what it looks at most, for who doesn't see the pictures."""
    names, shares = _names(pieces, sentences), dict(_shares(looks))
    if not shares:
        return []
    first = next(iter(shares.values()))

    def said(layer: int, head: int) -> str:
        kind = max(shares, key=lambda kind: shares[kind][layer][head])
        return f"{names[kind]}: {_whole(shares[kind][layer][head])}"

    return [[said(layer, head) for head in range(len(first[0]))] for layer in range(len(first))]


def _parts(shares: Sequence[float]) -> list[int]:
    """
    >>> _parts([0.5, 0.00019, 1.0000001])
    [5000, 1, 10000]
    """
    return [min(int(share * PARTS), PARTS) for share in shares]


def _percent(parts: int) -> str:
    """
    >>> _percent(9110), _percent(49), _percent(50)
    ('91%', '0%', '1%')
    """
    return f"{(parts + PARTS // 200) * 100 // PARTS}%"


def _whole(share: float) -> str:
    """A share in whole percent.

    >>> _whole(0.981)
    '98%'
    """
    return _percent(int(share * PARTS))


def _logits(values: Sequence[float]) -> str:
    """
    >>> _logits([-1.2971, 1.8499])
    '−1.297, 1.850'
    """
    return ", ".join(written(value).replace("-", "−") for value in values)


def png(cells: bytes, width: int, shades: int, height: int | None = None) -> str:
    """A picture of width × height cells (a square by default), 0 to 255, as the address of a PNG:
    the more, the less transparent. The page gives it its colour (static/attention.css), light or
    dark.
    """
    shade_of = bytes(round(cell * (shades - 1) / 255) for cell in range(256))
    image = Image.frombytes("P", (width, height or width), cells.translate(shade_of))
    image.putpalette(bytes(3 * shades))
    alpha = bytes(round(255 * shade / (shades - 1)) for shade in range(shades))
    written = io.BytesIO()
    image.save(written, "PNG", bits=4 if shades == SHADES else 8, transparency=alpha)
    return "data:image/png;base64," + base64.b64encode(written.getvalue()).decode()
