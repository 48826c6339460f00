"""Plain data -> HTML: real tables with headers, curves as SVG. Every text is escaped; nothing here
imports gradio.
"""

from languages import _, say
from views.markup import bdi, captioned, framed, notice, text

# What a tokenizer puts before a piece to say where a word begins or goes on: WordPiece, byte-level
# BPE, SentencePiece.
JOINTS = ("##", "Ġ", "▁")


def piece(value):
    """A token's piece; the mark of a joint stands quietly before it and outside its writing
    direction.
    """
    joint = next((mark for mark in JOINTS if value.startswith(mark) and value != mark), "")
    return (f'<span class="joint">{joint}</span>' if joint else "") + bdi(value[len(joint) :])


# ---------------------------------------------------------------- tokens

ROLE_NAMES = {
    "special": say("special"),
    "sentence1": say("sentence 1"),
    "sentence2": say("sentence 2"),
    "padding": say("padding"),
}


def token_grid(view):
    """TokenView -> both sentences with their pieces marked, and the table: one column a token.

    Cells can be asked why (tokenize_more.ASK): each row says its name, each marked piece its
    tokens' positions.
    """
    sentences = "".join(_marked(view, which) for which in (1, 2))
    tokens = view.tokens
    rows = [
        _bands(tokens),
        _row("token", [piece(token.piece) for token in tokens], tokens, "pieces"),
        _row("input_ids", [token.id for token in tokens], tokens),
        _type_ids(view),
        _row("attention_mask", [token.mask for token in tokens], tokens),
        _row("characters", [_where(token) for token in tokens], tokens),
    ]
    # The first cell can be reached with Tab; the arrow keys go on from there
    body = "".join(rows).replace("<td ", '<td tabindex="0" ', 1)
    table = captioned(
        "token-grid", _("{count} tokens, one a column", count=len(tokens)), body, role="grid"
    )
    notes = "".join(notice(note) for note in view.notes)
    return f'<div class="sentences">{sentences}</div>{framed(table, _("Token grid"))}{notes}'


def _bands(tokens):
    """The head: neighbours of one role share a cell, whose name stays in sight while the grid
    scrolls.
    """
    cells, start = [], 0
    for end in range(1, len(tokens) + 1):
        if end == len(tokens) or tokens[end].role != tokens[start].role:
            role, width = tokens[start].role, end - start
            name = f"<span>{ROLE_NAMES[role]}</span>"
            cells.append(f'<th scope="colgroup" colspan="{width}" class="{role}">{name}</th>')
            start = end
    return f'<tr class="parts"><th scope="row">{_("part")}</th>{"".join(cells)}</tr>'


ROW_HEADS = {"token": say("token"), "characters": say("characters")}


def _row(name, values, tokens, kind=""):
    cells = "".join(
        f'<td class="{token.role}">{value}</td>'
        for token, value in zip(tokens, values, strict=True)
    )
    row = "piece" if name == "token" else name
    named = str(ROW_HEADS.get(name, name))
    return f'<tr class="{kind}" data-row="{row}"><th scope="row">{named}</th>{cells}</tr>'


NO_TYPE_IDS = say(
    "this checkpoint has none: its model tells the sentences apart by the separators alone"
)
NOTHING_BETWEEN = say(
    "this checkpoint has none, and puts no token between the sentences: its model reads one text"
)


def _type_ids(view):
    if view.has_type_ids:
        return _row("token_type_ids", [token.type_id for token in view.tokens], view.tokens)
    why = NO_TYPE_IDS if view.has_separator else NOTHING_BETWEEN
    absent = f'<td class="absent" colspan="{len(view.tokens)}"><span>{why}</span></td>'
    return f'<tr><th scope="row">token_type_ids</th>{absent}</tr>'


def _where(token):
    return "" if token.sentence is None else f"<small>{token.start}–{token.end}</small>"


def _marked(view, which):
    """One sentence, each piece underlined where it stands, what truncation cut struck out."""
    sentence, cut = (view.sentence1, view.sentence2)[which - 1], view.cut[which - 1]
    parts, at = [], 0
    for token, positions in _sharing(view.tokens, which):
        parts.append(_between(sentence[at : token.start], cut))
        tokens = " ".join(map(str, positions))
        parts.append(
            f'<span class="piece sentence{which}" data-tokens="{tokens}">{text(token.text)}</span>'
        )
        at = token.end
    parts.append(_between(sentence[at:], cut))
    return (
        f'<p><span class="tag sentence{which}">{_("sentence {which}", which=which)}</span> '
        f"<bdi>{''.join(parts)}</bdi></p>"
    )


def _sharing(tokens, which):
    """[(token, positions of the tokens that stand for its characters), …]: an emoji's bytes may be
    several tokens.
    """
    found = []
    for token in tokens:
        if token.sentence == which and (not found or token.start >= found[-1][0].end):
            found.append((token, [token.position]))
        elif token.sentence == which:
            found[-1][1].append(token.position)
    return found


def _between(gap, cut):
    """Text that no token holds: blanks as they are, what truncation removed struck out and named."""
    if cut.strip() and cut.strip() in gap:
        return f'<del>{text(gap)}</del> <span class="tag cut">{_("cut by truncation")}</span>'
    return text(gap)


# ---------------------------------------------------------------- batches


def batch_grid(view, show="pieces"):
    """BatchView -> the padded batch as a table, padding hatched: one row an example, one column a
    position.
    """
    cells = view.pieces if show == "pieces" else view.tensors[show]
    labels = view.tensors.get("labels")
    positions = "".join(f'<th scope="col">{position}</th>' for position in range(len(cells[0])))
    label_head = '<th scope="col">labels</th>' if labels else ""
    head = f'<thead><tr><th scope="col">{_("row")}</th>{label_head}{positions}</tr></thead>'
    body = "".join(_batch_row(view, cells[row], labels, row) for row in range(len(cells)))
    body = body.replace("<td ", '<td tabindex="0" ', 1)
    caption = (
        _("tokens of the batch, one column a position")
        if show == "pieces"
        else _("{shown} of the batch, one column a position", shown=show)
    )
    table = captioned("batch-grid", caption, f"{head}<tbody>{body}</tbody>", role="grid")
    return _key() + framed(table, _("Padded batch")) + _padding_line(view, len(cells[0]))


def _key():
    """What the looks of a cell mean."""
    names = "".join(f'<span class="{role}">{name}</span>' for role, name in ROLE_NAMES.items())
    return f'<p class="key">{names}</p>'


def _batch_row(view, values, labels, row):
    cells = "".join(
        f'<td class="{role}">{piece(str(value))}</td>'
        for role, value in zip(view.roles[row], values, strict=True)
    )
    label = f'<td class="label">{labels[row]}</td>' if labels else ""
    name = _("row {row} <small>· {count} tokens</small>", row=row, count=view.lengths[row])
    return f'<tr data-line="{row}"><th scope="row">{name}</th>{label}{cells}</tr>'


def _padding_line(view, seq_len):
    share = view.padding_cells / max(view.cells, 1)
    said = _(
        "<strong>{rows} × {seq_len} = {cells}</strong> cells, <strong>{padding}</strong> of them "
        "padding ({share:.1%})",
        rows=len(view.lengths),
        seq_len=seq_len,
        cells=view.cells,
        padding=view.padding_cells,
        share=share,
    )
    return f'<p class="sum">{said}</p>'


def shapes_table(view):
    """Name and shape of each tensor in the batch."""
    rows = "".join(
        f'<tr><th scope="row">{text(name)}</th><td><code>torch.Size({list(shape)})</code></td></tr>'
        for name, shape in view.shapes.items()
    )
    head = f'<tr><th scope="col">{_("name")}</th><th scope="col">{_("shape")}</th></tr>'
    return framed(
        captioned("small-table", _("What the collator returns"), head + rows), _("Shapes")
    )


FATES = {"kept": say("✓ kept"), "dropped": say("✕ dropped"), "renamed": say("→ renamed")}


def columns_table(view):
    """What becomes of each column, and why."""
    head = "".join(
        f'<th scope="col">{name}</th>'
        for name in (_("column"), _("fate"), _("in the batch"), _("why"))
    )
    rows = "".join(
        f'<tr><th scope="row">{text(column.name)}</th><td><span class="fate '
        f'{column.fate}">{FATES[column.fate]}</span>'
        f'</td><td>{text(column.becomes) or "–"}</td><td class="why">{text(column.why)}</td></tr>'
        for column in view.columns
    )
    return framed(
        captioned("small-table", _("What becomes of each column"), f"<tr>{head}</tr>{rows}"),
        _("Columns"),
    )
