"""The Layers tab's pictures: tensors as tables, claims as cards, the updater's curves as SVG.
Nothing here imports gradio.

>>> number(-0.1254), number(3.0), number(float("-inf")), number(None)
('−0.13', '3', '−∞', '')
"""

import math
from dataclasses import dataclass, replace

from languages import _, ngettext, say, told
from views.code import code, highlighted
from views.markup import captioned, framed, notice, sentences, text

# ---------------------------------------------------------------- tensors


def number(value, digits=2):
    """A cell's number: whole ones without a point, others with two digits after it, a real minus
    sign.
    """
    if value is None:
        return ""
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else "∞" if value > 0 else "−∞"
    said = f"{value:.0f}" if value == round(value) and abs(value) < 1e6 else f"{value:.{digits}f}"
    # What rounds to zero is not minus zero.
    return said.replace("-", "−") if float(said) else said.lstrip("-")


def shape(sizes):
    """
    >>> shape((1, 3, 8, 8))
    '1 × 3 × 8 × 8'
    """
    return " × ".join(map(str, sizes)) if sizes else _("a single number")


def largest(planes):
    """The largest absolute value of C × H × W: what a cell's colour is measured against."""
    found = [
        abs(v)
        for plane in planes
        for row in plane
        for v in row
        if v is not None and math.isfinite(v)
    ]
    return max(found, default=0) or 1


@dataclass(frozen=True)
class Look:
    """How the cells of a grid look: `top` gets the full colour; rows and columns count from
    `origin`; cells outside
    `inside` (height, width) are padding; `marked` ones stand in a window; `dropped` ones are
    hatched."""

    top: float = 1
    origin: tuple[int, int] = (0, 0)
    inside: tuple[int, int] | None = None
    marked: frozenset = frozenset()
    dropped: frozenset = frozenset()
    plane: tuple[int, ...] | None = (
        None  # where the plane stands, (channel) or (example, channel), if a click follows it
    )


IN_WINDOW = say("in the window")


def grid(plane, caption, look, mark_name=IN_WINDOW):
    """H × W numbers -> a table with row and column numbers. What colour says, the number and the
    frame say too.
    """
    columns = range(look.origin[1], look.origin[1] + len(plane[0]))
    head = (
        '<tr><td class="corner"></td>'
        + "".join(f'<th scope="col">{number(c)}</th>' for c in columns)
        + "</tr>"
    )
    body = "".join(
        _grid_row(row, r, look, mark_name) for r, row in enumerate(plane, look.origin[0])
    )
    return captioned("tensor", caption, f"<thead>{head}</thead><tbody>{body}</tbody>")


def _grid_row(row, r, look, mark_name):
    cells = "".join(
        _grid_cell(value, (r, c), look, mark_name) for c, value in enumerate(row, look.origin[1])
    )
    return f'<tr><th scope="row">{number(r)}</th>{cells}</tr>'


def _grid_cell(value, at, look, mark_name):
    kinds = [name for name, true in _kinds(value, at, look).items() if true]
    share = min(abs(value) / look.top, 1) if value is not None and math.isfinite(value) else 0
    marked = f'<span class="unseen"> {mark_name}</span>' if "marked" in kinds else ""
    place = "" if look.plane is None else f' data-place="{" ".join(map(str, (*look.plane, *at)))}"'
    return (
        f'<td class="{" ".join(kinds)}" style="--v:{share:.3f}"{place}>{number(value)}{marked}</td>'
    )


def _kinds(value, at, look):
    """The classes of a cell."""
    inside = look.inside is None or (0 <= at[0] < look.inside[0] and 0 <= at[1] < look.inside[1])
    return {
        "negative": value is not None and -math.inf < value < 0,
        "pad": not inside and value is not None,
        "nothing": value is None,
        "marked": at in look.marked,
        "dropped": at in look.dropped,
    }


def stage(title, note, tables, elem=""):
    """A step on the tensors' way: its name, its shape, and its grids in one frame that scrolls by
    itself.
    """
    inner = f'<div class="tensors">{"".join(tables)}</div>'
    named = f' data-stage="{elem}"' if elem else ""
    return (
        f'<section class="stage"{named}><h4>{text(title)} <small>{text(note)}</small></h4>'
        f"{framed(inner, title)}</section>"
    )


def size_table(shapes):
    """Shapes -> height and width, the formula worked out in numbers."""
    head = "".join(
        f'<th scope="col">{name}</th>'
        for name in ("", _("size out = {formula}", formula=text(shapes.formula)), _("in"), _("out"))
    )
    rows = "".join(
        f'<tr><th scope="row">{name}</th><td class="formula">{text(numbers)}</td>'
        f"<td>{shapes.input[at]}</td><td><strong>{shapes.output[at]}</strong></td></tr>"
        for name, numbers, at in ((_("height"), shapes.height, 2), (_("width"), shapes.width, 3))
    )
    caption = _(
        "{input_shape} in, {output_shape} out (N × C × H × W)",
        input_shape=shape(shapes.input),
        output_shape=shape(shapes.output),
    )
    return framed(
        captioned("small-table sizes", caption, f"<tr>{head}</tr>{rows}"), _("Sizes in and out")
    )


def worked(title, lines):
    """One number of the output, worked out by hand."""
    return (
        f"<div "
        f'class="worked"><h4>{text(title)}</h4>{"".join(f"<p>{text(line)}</p>" for line in lines)}</div>'
    )


def facts(pairs, caption):
    """(name, value) pairs as a small table."""
    rows = "".join(
        f'<tr><th scope="row">{text(name)}</th><td>{text(value)}</td></tr>' for name, value in pairs
    )
    return framed(captioned("small-table facts", caption, rows), caption)


def records(head, rows, caption):
    """Rows of values, the first of each being its name, as a small table."""
    names = "".join(f'<th scope="col">{text(name)}</th>' for name in head)
    body = "".join(
        f'<tr><th scope="row">{text(row[0])}</th>{_record_cells(row[1:])}</tr>' for row in rows
    )
    return framed(
        captioned("small-table", caption, f"<thead><tr>{names}</tr></thead><tbody>{body}</tbody>"),
        caption,
    )


def _record_cells(values):
    said = (
        number(value, 4) if isinstance(value, float) else "–" if value is None else str(value)
        for value in values
    )
    return "".join(f"<td>{text(value)}</td>" for value in said)


# ---------------------------------------------------------------- one topic each


def convolution(made, window, at):
    """Convolution, the Window of the output cell `at` = (channel, row, column) -> input, kernels,
    output, the sum.
    """
    _rest, channels, height, width = made.shapes.input
    rows, columns = made.before
    look = Look(largest(made.padded), (-rows, -columns), (height, width), frozenset(window.cells))
    inputs = [
        grid(
            plane,
            _("channel {c}", c=c),
            look if c in window.terms else Look(look.top, look.origin, look.inside),
        )
        for c, plane in enumerate(made.padded)
    ]
    outputs = [
        grid(
            plane,
            _("channel {c}", c=c),
            Look(
                largest(made.output), marked=frozenset([at[1:]] if c == at[0] else ()), plane=(c,)
            ),
            _("the one followed"),
        )
        for c, plane in enumerate(made.output)
    ]
    per_group = len(made.weight[0])
    return "".join(
        [
            code(made.code),
            size_table(made.shapes),
            stage(
                _("Input"),
                _(
                    "{shape}, {padding}",
                    shape=shape(made.shapes.input),
                    padding=_padding_said(rows, columns),
                ),
                inputs,
            ),
            stage(
                _("Kernels"),
                _(
                    "weight: {shape}; {parameters} parameters with the bias",
                    shape=shape(made.weight_shape),
                    parameters=made.parameters,
                )
                if made.bias
                else ngettext(
                    "weight: {shape}; {count} parameter",
                    "weight: {shape}; {count} parameters",
                    made.parameters,
                    shape=shape(made.weight_shape),
                ),
                _kernels(made, at[0], min(window.terms), per_group),
            ),
            stage(_("Output"), shape(made.shapes.output), outputs, "output"),
            worked(
                _(
                    "Output channel {channel}, row {row}, column {column}",
                    channel=at[0],
                    row=at[1],
                    column=at[2],
                ),
                _summed(window),
            ),
        ]
    )


def _padding_said(rows, columns):
    if not rows and not columns:
        return _("no padding")
    return (
        _("padding {rows}", rows=rows)
        if rows == columns
        else _("padding {rows} and {columns}", rows=rows, columns=columns)
    )


def _kernels(made, channel, first, per_group):
    """One table a kernel; those that make the followed channel are framed as its window is."""
    top = max(largest(kernels) for kernels in made.weight)
    for out, kernels in enumerate(made.weight):
        whole = frozenset((r, c) for r in range(len(kernels[0])) for c in range(len(kernels[0][0])))
        for number_in, kernel in enumerate(kernels):
            where = _("for output {channel}, ", channel=out) + (
                _(
                    "its input {number_in} of {per_group}",
                    number_in=number_in + 1,
                    per_group=per_group,
                )
                if out != channel
                else _("input {channel}", channel=first + number_in)
            )
            yield grid(
                kernel,
                where,
                Look(top, marked=whole if out == channel else frozenset()),
                _("used here"),
            )


def _summed(window):
    """The products of each input channel, then their sum and the bias."""
    lines = [
        _("input {channel}: {line}", channel=channel, line=line)
        for channel, line in window.lines.items()
    ]
    return [*lines, _("summed, then the bias: {line}", line=window.total)]


def paddings(picture, padded, padding):
    """{padding_mode: C × H' × W' or why not} -> one grid a mode, the picture inside, its padding
    hatched.
    """
    size, top = (len(picture[0]), len(picture[0][0])), largest(picture)
    sizes = [
        (name, f"{length} + 2·{padding} = {length + 2 * padding}")
        for name, length in zip((_("height"), _("width")), size, strict=True)
    ]
    parts = [facts(sizes, _("Padded size"))]
    for mode, result in padded.items():
        if isinstance(result, str):
            parts.append(
                f"<section "
                f'class="stage"><h4>{text(mode)}</h4>{notice(result, kind="error")}</section>'
            )
            continue
        table = grid(
            result[0],
            f"{len(result[0])} × {len(result[0][0])}",
            Look(top, (-padding, -padding), size),
        )
        parts.append(stage(mode, PADDING_SAYS[mode], [table]))
    return f'{parts[0]}<div class="side-by-side">{"".join(parts[1:])}</div>'


PADDING_SAYS = {
    "zeros": say("zeros all round"),
    "reflect": say("a mirror on the edge cells"),
    "replicate": say("the edge cells go on"),
    "circular": say("the other side comes round"),
}


def pooling(picture, area, made, window, at, padding, restored):
    """Pooling, and the window of its output cell `at` = (channel, row, column): ([cells], their
    maximum in numbers)
    -> the input, the output, the indices, the sum, and max_unpool2d's way back (or why not)."""
    size, (cells, line) = (len(picture[0]), len(picture[0][0])), window

    def looks(top, here, **more):
        """A Look a channel; what is marked `here` stands in the channel followed."""
        return [
            Look(top, marked=frozenset(here) if c == at[0] else frozenset(), **more)
            for c in range(len(picture))
        ]

    def grids(planes, looks, *named):
        return [
            grid(p, _("channel {c}", c=c), look, *named)
            for c, (p, look) in enumerate(zip(planes, looks, strict=True))
        ]

    ins = looks(largest(picture), cells, origin=(-padding[0], -padding[1]), inside=size)
    outs = [
        replace(look, plane=(c,)) for c, look in enumerate(looks(largest(made.output), [at[1:]]))
    ]
    parts = [
        code(made.code),
        size_table(made.shapes),
        stage(_("Input"), shape(made.shapes.input), grids(area, ins)),
        stage(
            _("Output"),
            _("the largest value of each window"),
            grids(made.output, outs, _("the one followed")),
            "output",
        ),
        worked(
            _(
                "Output channel {channel}, row {row}, column {column}",
                channel=at[0],
                row=at[1],
                column=at[2],
            ),
            [line, *_index_line(made, at, size[1])],
        ),
    ]
    if made.indices is not None:
        parts.append(
            stage(
                _("Indices"),
                _("row · width + column of each largest value, counted anew in each channel"),
                grids(made.indices, looks(size[0] * size[1], [at[1:]]), _("the one followed")),
            )
        )
        parts.append(_unpooled(restored))
    return "".join(parts)


def _index_line(made, at, width):
    """The index of the largest value, in numbers; nothing where no indices were asked for, or only
    padding was met.
    """
    if made.indices is None or not math.isfinite(made.output[at[0]][at[1]][at[2]]):
        return []
    index = made.indices[at[0]][at[1]][at[2]]
    return [
        _(
            "index: {row} · {width} + {column} = {index}",
            row=index // width,
            width=width,
            column=index % width,
            index=index,
        )
    ]


def _unpooled(restored):
    if isinstance(restored, str):
        return notice(restored)
    zeros = [
        frozenset((r, c) for r, row in enumerate(p) for c, v in enumerate(row) if v == 0)
        for p in restored
    ]
    tables = [
        grid(p, _("channel {c}", c=c), Look(largest(restored), dropped=zeros[c]))
        for c, p in enumerate(restored)
    ]
    return stage("max_unpool2d", _("each largest value back in its place, zeros elsewhere"), tables)


def normalization(batch, made, title, at, lines):
    """A batch, Normalized, {what: formula} of the cell `at` = (example, channel, row, column) ->
    the statistics of each channel, the batch in train() and in eval(), and that cell worked out."""
    top_out = max(largest(images) for images in (*made.train_output, *made.eval_output))
    top_in = max(largest(images) for images in batch)
    return "".join(
        [
            code(title),
            _statistics(made),
            stage(_("Input"), shape((len(batch), *_sizes(batch[0]))), _examples(batch, top_in, at)),
            stage(
                "train()",
                _("normalized with this batch's own mean and variance"),
                _examples(made.train_output, top_out, at),
                "output",
            ),
            stage(
                "eval()",
                _("normalized with what training has collected")
                if made.running_mean
                else _("no running statistics were kept: the batch's own are used"),
                _examples(made.eval_output, top_out, at),
                "output",
            ),
            worked(
                _(
                    "Example {n}, channel {c}, row {row}, column {column}",
                    n=at[0],
                    c=at[1],
                    row=at[2],
                    column=at[3],
                ),
                [_("{name}: {line}", name=name, line=line) for name, line in lines.items()],
            ),
        ]
    )


def _sizes(image):
    return len(image), len(image[0]), len(image[0][0])


def _examples(batch, top, at):
    """One grid an example and channel; the cell followed is marked."""
    return [
        grid(
            plane,
            _("example {n}, channel {c}", n=n, c=c),
            Look(top, marked=frozenset([at[2:]] if at[:2] == (n, c) else ()), plane=(n, c)),
            _("the one followed"),
        )
        for n, image in enumerate(batch)
        for c, plane in enumerate(image)
    ]


def _statistics(made):
    columns = {
        _("mean"): made.batch_mean,
        _("variance (÷ n)"): made.batch_var,
        "running_mean": made.running_mean,
        "running_var (÷ n − 1)": made.running_var,
        _("weight γ"): made.weight,
        _("bias β"): made.bias,
    }
    rows = [
        (
            _("channel {c}", c=c),
            *(float(values[c]) if values else None for values in columns.values()),
        )
        for c in range(len(made.batch_mean))
    ]
    return records(
        ("", *columns),
        rows,
        _("One number a channel: this batch's, what training collected, what is learned"),
    )


def dropout(values, made, title, line):
    """A tensor, Dropped, one kept value in numbers -> input, train() with the zeroed cells hatched,
    eval().
    """
    planes, train, kept = _planes(values), _planes(made.train_output), _planes(made.eval_output)
    top = largest([plane for _rest, plane in train] + [plane for _rest, plane in planes])
    zeroed = [
        frozenset((r, c) for r, row in enumerate(plane) for c, v in enumerate(row) if v == 0)
        for _rest, plane in train
    ]
    return "".join(
        [
            code(title),
            _warned(made.warning),
            _what_training_did(made, line),
            stage(
                _("Input"),
                shape(made.shape),
                [grid(plane, name, Look(top)) for name, plane in planes],
            ),
            stage(
                "train()",
                _("hatched: zeroed; the others scaled up, so that the expected sum stays"),
                [
                    grid(plane, name, Look(top, dropped=zeroed[i]))
                    for i, (name, plane) in enumerate(train)
                ],
            ),
            stage(
                "eval()",
                _("nothing happens"),
                [grid(plane, name, Look(top)) for name, plane in kept],
            ),
        ]
    )


def _warned(warning):
    """What PyTorch said, in its own words; nothing where it said nothing."""
    return (
        notice(_("PyTorch runs it, and warns: {warning}", warning=warning), kind="warning")
        if warning
        else ""
    )


def _what_training_did(made, line):
    scale = (
        _("none is left to be scaled")
        if made.scale is None
        else f"1 / (1 − {made.p:g}) = {number(made.scale, 4)}"
    )
    return facts(
        [
            (_("shape in and out"), shape(made.shape)),
            (_("zeroed"), _("{zeroed:.1%} of the elements", zeroed=made.zeroed)),
            (_("the others times"), scale),
            *([(_("the first that is left"), line)] if line else []),
        ],
        _("What training did"),
    )


def _planes(values, at=()):
    """Nested lists of up to four dimensions -> [(name, H × W)]. `at`: which (example, channel) they
    are of.
    """
    if not isinstance(values[0][0], list):
        return [(_plane_name(*at), values)]
    return [plane for n, part in enumerate(values) for plane in _planes(part, (*at, n))]


def _plane_name(example=None, channel=None):
    if example is None:
        return _("rows × features")
    return (
        _("example {n}", n=example)
        if channel is None
        else _("example {n}, channel {c}", n=example, c=channel)
    )


def losses(made, title, formula, each):
    """Losses, and how `each` of its elements or examples is called -> each reduction in numbers."""
    rows = [
        (_("{element} {number}", element=each, number=n), line) for n, line in enumerate(made.lines)
    ]
    table = records(
        ("", formula), rows, _("reduction='none': {shape}", shape=shape(made.none_shape))
    )
    reductions = facts(
        [
            (
                "'none'",
                ngettext("{count} number, above", "{count} numbers, above", len(made.lines)),
            ),
            ("'sum'", made.sum_line),
            ("'mean'", _("sum / n = {line}", line=made.mean_line)),
        ],
        _("The three reductions"),
    )
    return code(title) + table + reductions


# ---------------------------------------------------------------- claims

SIGNS = {"holds": "✓", "corrected": "≠", "answered": "→", "outdated": "↻", "undecided": "?"}
UNRUN = "not run yet"
VERDICT_NAMES = {
    "holds": say("holds"),
    "corrected": say("corrected"),
    "answered": say("answered"),
    "outdated": say("outdated"),
    "undecided": say("undecided"),
    UNRUN: say("not run yet"),
    "all": say("all"),
}


def verdict_name(name):
    """A verdict as the reader's language has it."""
    return VERDICT_NAMES.get(name, name)


def claim_cards(cards, linked=""):
    """Cards as dicts, each with its result or None -> articles; the one that the address names is
    framed.
    """
    if not cards:
        said = _("No claim here has this verdict. Run the section, or choose another verdict.")
        return f'<p class="quiet">{said}</p>'
    return (
        f"<div "
        f'class="claims">{"".join(_claim_card(card, card["id"] == linked) for card in cards)}</div>'
    )


def _claim_card(card, linked):
    result = card["result"]
    verdict = result["verdict"] if result else ""
    return (
        f'<article class="claim {verdict} {"linked" if linked else ""}" '
        f'id="claim-{text(card["id"])}" '
        f'aria-labelledby="says-{text(card["id"])}" data-run="{result["run"] if result else 0}">'
        f'<div class="says">{_claim_head(card, verdict)}<h4 '
        f'id="says-{text(card["id"])}">{text(told(card["says"]))}</h4>'
        f"{_run_button(card)}{_found(card, result) if result else ''}</div>"
        f'<div class="shows">{_source(card["id"], card["source"], card["helpers"])}</div></article>'
    )


def _claim_head(card, verdict):
    said = f"{SIGNS[verdict]} {verdict_name(verdict)}" if verdict else verdict_name(UNRUN)
    badge = f'<span class="verdict">{said}</span>'
    link = (
        f'<a class="permalink" href="?tab=layers&amp;claim={text(card["id"])}" '
        f'title="{_("Link to this card")}">'
        f"{text(card['id'])}</a>"
    )
    return (
        f'<p class="claim-head">{badge} <span>{text(told(card["section"]))} · '
        f"{text(told(card['kind']))}</span> {link}</p>"
    )


def _run_button(card):
    name = _("Run it again") if card["result"] else _("Run")
    return (
        f'<button type="button" class="run-claim" data-claim="{text(card["id"])}" '
        f'aria-label="{_("{name}: {line}", name=name, line=text(card["id"]))}"><span>{name}</span></button>'
    )


def _found(card, result):
    """What the run gave, what is so, and how long it took."""
    rows = "".join(
        f'<tr><th scope="row">{text(told(name))}</th><td>{text(value)}</td></tr>'
        for name, value in result["findings"]
    )
    table = (
        framed(captioned("small-table found", _("What the run gave"), rows), _("What the run gave"))
        if rows
        else ""
    )
    answer = _("{answer}.", answer=told(result["answer"])) if result["answer"] else ""
    answer = f"<strong>{text(answer)}</strong>" if answer else ""
    lacks = (
        notice(_("Undecided here, for want of {needs}.", needs=result["needs"]))
        if result["needs"]
        else ""
    )
    differs = (
        ""
        if result["as_reviewed"]
        else notice(
            _(
                "A person who reviewed this card concluded otherwise: this machine's versions "
                "differ, or the card is wrong."
            ),
            kind="warning",
        )
    )
    truth = f'<p class="truth">{sentences(answer, text(told(card["truth"])))}</p>'
    return (
        f'{table}{lacks}{truth}{differs}<p class="claim-foot">{_seconds(result["seconds"])} · '
        f'<a href="{text(card["docs"])}" target="_blank" rel="noopener '
        f'noreferrer">{_("documentation")}</a></p>'
    )


def _seconds(seconds):
    return (
        _("{milliseconds:,.0f} ms", milliseconds=seconds * 1000)
        if seconds < 1
        else _("{seconds:.1f} s", seconds=seconds)
    )


def _source(id, source, helpers):
    """The lines that decide it, and the helpers they call."""
    frame = framed(f"<pre>{highlighted(source)}</pre>", _("The code of {id}", id=id))
    more = "".join(
        f"<details><summary>{_('<code>{name}()</code>, which it calls', name=text(name))}</summary>"
        f"{framed(f'<pre>{highlighted(helper)}</pre>', name)}</details>"
        for name, helper in helpers.items()
    )
    return frame + more


def claim_status(message, done=0, total=0):
    """What is running or has run; read out when it changes."""
    bar = (
        f'<progress aria-label="{_("claims run")}" max="{total}" value="{done}">{done} / '
        f"{total}</progress>"
        if total
        else ""
    )
    return f'<div class="status claims-status" aria-live="polite"><p>{text(message)}</p>{bar}</div>'


def tally(counts):
    """{verdict: how many} of a section's claims, as one line of badges."""
    badges = "".join(
        f'<li class="{name.split()[0]}"><span class="verdict">{SIGNS.get(name, "○")} {count} '
        f"{verdict_name(name)}</span></li>"
        for name, count in counts.items()
        if count
    )
    return f'<ul class="tally" aria-label="{_("Verdicts so far")}">{badges}</ul>'


# ---------------------------------------------------------------- loss and updater

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 400, 64, 56, 34, 50
LETTERS = "ABCDEFGH"


def grouped(curves):
    """Curves that run into one line, as [[their numbers], …]: equal at every step but for rounding."""
    groups = []
    for number_of, curve in enumerate(curves):
        same = next(
            (group for group in groups if _alike(curves[group[0]].losses, curve.losses)), None
        )
        if same is None:
            groups.append([number_of])
        else:
            same.append(number_of)
    return groups


def _alike(one, other):
    pairs = zip(one, other, strict=True)
    return all(
        a == b or (a is not None and b is not None and math.isclose(a, b, rel_tol=1e-9))
        for a, b in pairs
    )


def updater_chart(curves):
    """Curves of layers.updater -> one chart; lines that lie on each other are drawn once and named
    together.
    """
    groups, scale = grouped(curves), _log_scale(curves)
    letters = [" = ".join(LETTERS[n] for n in group) for group in groups]
    lines = "".join(
        _updater_line(scale, g, curves[group[0]].losses) for g, group in enumerate(groups)
    )
    names = _updater_names(
        scale,
        [(letter, curves[group[0]].losses) for letter, group in zip(letters, groups, strict=True)],
    )
    legend = "".join(_updater_legend(g, group, curves) for g, group in enumerate(groups))
    label = _(
        "Loss of {combinations} combinations over {steps}, in {lines}",
        combinations=len(curves),
        steps=ngettext("{count} step", "{count} steps", len(curves[0].losses) - 1),
        lines=ngettext("{count} different line", "{count} different lines", len(groups)),
    )
    inside = f'<rect x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT}" height="{HEIGHT - TOP - BOTTOM}"/>'
    clip = f'<clipPath id="updater-clip">{inside}</clipPath>'
    svg = (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{label}"><defs>{clip}</defs>{_log_axes(scale)}'
        f'<g clip-path="url(#updater-clip)">{lines}</g>{names}</svg>'
    )
    title = _("Half the mean squared error on all examples")
    return (
        f'<figure class="curve updater"><figcaption>{title}</figcaption>{svg}<ul '
        f'class="legend">{legend}</ul>'
        f"<details><summary>{_('The points as a table')}</summary>{_updater_points(curves)}</details></figure>"
    )


@dataclass(frozen=True)
class LogScale:
    """Steps to the right, powers of ten upwards."""

    steps: int
    low: int
    high: int

    def x(self, step):
        return LEFT + (WIDTH - LEFT - RIGHT) * step / max(self.steps, 1)

    def y(self, loss):
        power = math.log10(max(loss, 1e-300))
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.high - power) / (self.high - self.low)


def _log_scale(curves):
    """Whole powers of ten. A curve that diverges leaves through the top rather than flatten the
    others.
    """
    start = curves[0].losses[0]
    found = [
        loss
        for curve in curves
        for loss in curve.losses
        if loss is not None and 0 < loss <= start * 100
    ]
    low, high = math.floor(math.log10(min(found))), math.ceil(math.log10(max(found)))
    return LogScale(len(curves[0].losses) - 1, low, max(high, low + 1))


def _log_axes(scale):
    left, right, bottom = LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM
    every = max(1, math.ceil((scale.high - scale.low) / 7))
    lines = []
    for power in range(scale.low, scale.high + 1, every):
        y = scale.y(10.0**power)
        lines.append(
            f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{_power(power)}</text>'
        )
    for step in _steps_marked(scale.steps):
        lines.append(
            f'<text x="{scale.x(step):.1f}" y="{bottom + 20}" text-anchor="middle">{step}</text>'
        )
    lines.append(
        f'<line class="floor" x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}"/>'
        f'<text class="axis" x="{right}" y="{HEIGHT - 8}" text-anchor="end">{_("step")}</text>'
        f'<text class="axis" x="2" y="18">{_("loss, powers of ten")}</text>'
    )
    return "".join(lines)


def _steps_marked(steps):
    from views.charts import ticks

    return [int(step) for step in ticks(0, steps, 6) if step == int(step)]


def _power(power):
    """
    >>> _power(-3), _power(0)
    ('0.001', '1')
    """
    if -3 <= power <= 3:
        return f"{10.0**power:g}"
    return "10" + str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _updater_line(scale, style, losses):
    spots = [(scale.x(step), scale.y(loss)) for step, loss in enumerate(losses) if loss is not None]
    path = " ".join(f"{'L' if i else 'M'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(spots))
    return f'<g class="series updater{style % 6}"><path d="{path}"/></g>'


def _updater_names(scale, named):
    """Each line's letters where it ends, pushed apart where lines end close together."""
    ends = sorted(
        ((_end_height(scale, losses), letters) for letters, losses in named), key=lambda end: end[0]
    )
    heights, above = [], -math.inf
    for y, _rest in ends:
        above = max(y, above + 17)
        heights.append(above)
    # A column that has been pushed below the floor moves up as a whole.
    over = max(0, heights[-1] - (HEIGHT - BOTTOM))
    return "".join(
        f'<text class="letters" x="{WIDTH - RIGHT + 6}" '
        f'y="{y - over + 4:.1f}">{letters.replace(" = ", "")}</text>'
        for y, (_rest, letters) in zip(heights, ends, strict=True)
    )


def _end_height(scale, losses):
    """Where a line ends on the right; one that has left the picture is named at its top."""
    last = losses[-1]
    return TOP if last is None else min(max(scale.y(last), TOP), HEIGHT - BOTTOM)


def _updater_legend(style, group, curves):
    line = f'<g class="series updater{style % 6}"><path d="M2 6 L42 6"/></g>'
    sample = f'<svg viewBox="0 0 44 12" aria-hidden="true">{line}</svg>'
    names = "<br>".join(f"<strong>{LETTERS[n]}</strong> {text(curves[n].name)}" for n in group)
    return (
        f"<li>{sample}<span>{names}<br><small>{text(curves[group[0]].verdict)}</small></span></li>"
    )


def _updater_points(curves):
    """Every point as a table; of long runs each so-many-th step, said in the caption."""
    steps = len(curves[0].losses) - 1
    every = math.ceil(steps / 100)
    shown = sorted({*range(0, steps + 1, every), steps})
    head = (_("step"), *(f"{LETTERS[n]}: {curve.name}" for n, curve in enumerate(curves)))
    rows = [(str(step), *(_loss(curve.losses[step]) for curve in curves)) for step in shown]
    return records(
        head,
        rows,
        _("Loss before each step")
        if every == 1
        else _("Loss before one step in {every}, and at the end", every=every),
    )


def _loss(value):
    return _("diverged") if value is None else f"{value:.6g}"


def updater_table(curves):
    """One row a combination: what it does to the first step and to the weights at the end."""
    head = (
        "",
        _("loss"),
        _("updater"),
        "reduction",
        _("first step, as a multiple of A's"),
        _("largest difference of the weights from A's"),
        _("loss at the end"),
        _("w₁, w₂, b at the end"),
        _("in words"),
    )
    rows = [
        (
            LETTERS[n],
            c.loss,
            c.updater,
            _fits(c),
            f"{c.step_ratio:.6g}",
            _exact(c.largest_difference),
            _loss(c.losses[-1]),
            _("diverged") if None in c.weights else ", ".join(f"{w:.5g}" for w in c.weights),
            c.verdict,
        )
        for n, c in enumerate(curves)
    ]
    return records(head, rows, _("Eight combinations, measured against d2l's own (A)"))


def _fits(curve):
    """Whether the reduction is the one that its updater wants."""
    if curve.right_reduction:
        return _(
            "{reduction} (right for {updater})", reduction=curve.reduction, updater=curve.updater
        )
    return _("{reduction} (wrong for {updater})", reduction=curve.reduction, updater=curve.updater)


def _exact(difference):
    return _("diverged") if difference is None else "0" if difference == 0 else f"{difference:.3g}"


def updater_summary(curves):
    """One line a verdict: which are the same to the last digit, and what the others are off by."""
    verdicts = {}
    for n, curve in enumerate(curves):
        verdicts.setdefault(curve.verdict, []).append(n)
    said = []
    for verdict, numbers in verdicts.items():
        letters = _(", ").join(LETTERS[n] for n in numbers)
        differences = [curves[n].largest_difference for n in numbers]
        worst = None if None in differences else max(differences)
        line = _("<strong>{letters}</strong>: {verdict}", letters=letters, verdict=text(verdict))
        said.append(f"<li>{line}{_worst(worst)}</li>")
    return f'<ul class="agreement" aria-live="polite">{"".join(said)}</ul>'


def _worst(worst):
    if worst is None:
        return _("; diverged")
    return _(
        " <small>(largest difference of the final weights: {exact})</small>", exact=_exact(worst)
    )
