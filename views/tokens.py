"""One pair's tokens, a padded batch, and why one of their cells has its value."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import Any

from markupsafe import Markup

from languages import _, say
from pipeline.collation import MODEL_INPUTS, BatchView
from pipeline.explain.why_cell import Why
from pipeline.tokenization import Token, TokenView
from views.markup import made_of
from views.render import WORD_MARKS, bdi, render, visible

ROLE_NAMES = {
    "special": say("special"),
    "sentence1": say("sentence 1"),
    "sentence2": say("sentence 2"),
    "padding": say("padding"),
}
ROLE_LETTERS = {"special": "s", "sentence1": "1", "sentence2": "2", "padding": "p"}
NO_TYPE_IDS = say("this checkpoint has none: its model knows the sentences only by the separators")
NOTHING_BETWEEN = say(
    "this checkpoint has none and puts no token between the sentences: its model reads one text"
)
# Of a task of one sentence
ONE_TYPE = say("one sentence, so every token has type 0: type 1 would be a second sentence's")
FATES = {"kept": say("✓ kept"), "dropped": say("✕ dropped"), "renamed": say("→ renamed")}


def token_grid(view: TokenView, inputs: Mapping[str, Any] | None = None) -> Markup:
    """A pair's tokens as cards, and as a table of one column a token below both sentences.

    inputs: what the grid was made of. The page sends it back with the cell that is asked about, so
    that the server keeps nothing.
    """
    parts = [(role, len(list(tokens))) for role, tokens in groupby(view.tokens, _role)]
    asked = inputs or {}
    return render(
        "token_grid.html",
        view=view,
        inputs=_written(inputs),
        sentences=[
            _parts_of_sentence(sentence, view, which)
            for which, sentence in enumerate((view.sentence1, view.sentence2), 1)
            if sentence is not None
        ],
        parts=parts,
        seam=_seam(view.tokens),
        characters=len(view.sentence1) + len(view.sentence2 or ""),
        made_of=made_of(
            asked.get("sentence1", view.sentence1), asked.get("sentence2", view.sentence2) or ""
        ),
        role_names=ROLE_NAMES,
        no_type_ids=NO_TYPE_IDS if view.has_separator else NOTHING_BETWEEN,
        one_type=ONE_TYPE if view.sentence2 is None and view.has_type_ids else "",
    )


def _role(token: Token) -> str:
    return token.role


def _seam(tokens: Sequence[Token]) -> int | None:
    """The position of the first token whose type is not that of the token before it."""
    for before, token in pairwise(tokens):
        if token.type_id != before.type_id:
            return token.position
    return None


def _written(inputs: Mapping[str, Any] | None) -> str:
    """As JSON, in ASCII: no control character is changed on its way through the page."""
    return json.dumps(inputs) if inputs else ""


@dataclass
class _Part:
    """A stretch of a sentence: the characters of a token, or text that no token has."""

    text: str
    positions: list[int] = field(default_factory=list)  # an emoji's bytes may be several tokens
    is_cut: bool = False


def _parts_of_sentence(sentence: str, view: TokenView, which: int) -> list[_Part]:
    """Sentence 1 or 2 (`which`) from its beginning to its end."""
    cut = view.cut[which - 1].strip()

    def between(start: int, stop: int) -> _Part:
        text = sentence[start:stop]
        return _Part(text, is_cut=bool(cut) and cut in text)

    parts: list[_Part] = []
    end = 0
    for token in view.tokens:
        if token.sentence != which or token.start is None or token.end is None:
            continue
        if token.start < end:
            parts[-1].positions.append(token.position)
            continue
        parts += [between(end, token.start), _Part(token.text, [token.position])]
        end = token.end
    return [*parts, between(end, len(sentence))]


def batch_grid(
    view: BatchView, numbers: Sequence[int], inputs: Mapping[str, Any] | None = None
) -> Markup:
    """The padded batch: its picture and its table, both drawn in the page (static/batch.js).

    numbers: of each row in its split; inputs: as for `token_grid`.
    """
    lengths = view.lengths
    shown = {role for row in view.roles for role in row} | {"padding"}
    data = {
        "numbers": numbers,
        "lengths": lengths,
        "roles": ["".join(ROLE_LETTERS[role] for role in row) for row in view.roles],
        "pieces": [[visible(piece) for piece in row] for row in view.pieces],
        "tensors": {name: view.tensors[name] for name in MODEL_INPUTS if name in view.tensors},
        "labels": view.tensors.get("labels"),
        "marks": WORD_MARKS,
        "words": {
            "row": _("row"),
            "pieces": _("tokens of the batch, one column per position"),
            **{
                name: _("{shown} of the batch, one column per position", shown=name)
                for name in MODEL_INPUTS
            },
        },
    }
    return render(
        "batch_grid.html",
        view=view,
        inputs=_written(inputs),
        numbers=numbers,
        longest=lengths.index(max(lengths)),
        seq_len=len(view.pieces[0]),
        role_names={role: name for role, name in ROLE_NAMES.items() if role in shown},
        data=json.dumps(data),
    )


def taken_row(number: int) -> Markup:
    """That a row of the split is now the page's pair, where its explanation would stand."""
    return _explanation(
        done=_("Row {row} is now the page's pair; its tokens are above.", row=number)
    )


def shapes_table(view: BatchView) -> Markup:
    """Name and shape of each tensor in the batch."""
    rows = [
        (name, Markup("<code>torch.Size({})</code>").format(list(shape)))
        for name, shape in view.shapes.items()
    ]
    return render("shapes.html", rows=rows)


def columns_table(view: BatchView) -> Markup:
    """What becomes of each column, and why."""
    return render("columns.html", columns=view.columns, fates=FATES)


def hint() -> Markup:
    """What stands in the explanation's place until a cell is chosen."""
    return _explanation()


def explanation(why: Why, sentence: str = "") -> Markup:
    """A cell and its reasons, read out when they change.

    sentence: shown with the cell's characters marked.
    """
    return _explanation(why=why, sentence=sentence)


def no_explanation(message: str) -> Markup:
    """The message in the explanation's place, where a screen reader hears it."""
    return _explanation(message=message)


def _explanation(
    why: Why | None = None, sentence: str = "", message: str = "", done: str = ""
) -> Markup:
    return render(
        "explanation.html",
        why=why,
        around=_around(sentence, why) if why else None,
        message=message,
        done=done,
        role_name=ROLE_NAMES.get(why.role, say("label")) if why else "",
        row_name=(_("token") if why.row == "piece" else why.row) if why else "",
        place=_place(why) if why else "",
    )


SEEN_AROUND = 40  # characters of a sentence, on each side of what is marked


def _around(sentence: str, why: Why) -> tuple[str, str, str] | None:
    """(before, marked, after) of the sentence that a token's characters stand in."""
    if not sentence or why.start is None or why.end is None:
        return None
    begin, stop = max(0, why.start - SEEN_AROUND), why.end + SEEN_AROUND
    before = ("…" if begin else "") + sentence[begin : why.start]
    after = sentence[why.end : stop] + ("…" if stop < len(sentence) else "")
    return before, sentence[why.start : why.end], after


def _place(why: Why) -> Markup | str:
    """Where the cell is; its piece, too, where it shows another value."""
    if why.row == "labels":
        return ""
    if why.value == why.piece:
        return _(" at position {position}:", position=why.position)
    place = Markup(_(" of {piece} at position {position}:"))
    return place.format(piece=bdi(why.piece), position=why.position)
