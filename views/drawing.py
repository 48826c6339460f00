"""Plain data -> HTML: real tables with headers, curves as SVG. Every text is escaped; nothing here
imports gradio.
"""

import math
from dataclasses import dataclass

from languages import _, ngettext, say
from pipeline.prediction import written
from views.markup import bdi, captioned, framed, notice, sentences, text

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
        "token-grid",
        ngettext("{count} token, one a column", "{count} tokens, one a column", len(tokens)),
        body,
        role="grid",
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
    name = ngettext(
        "row {row} <small>· {count} token</small>",
        "row {row} <small>· {count} tokens</small>",
        view.lengths[row],
        row=row,
    )
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


# ---------------------------------------------------------------- curves

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 520, 310, 60, 16, 38, 54


def ticks(low, high, about=5):
    """Round numbers from `low` to `high`, about so many.

    >>> ticks(0, 60)
    [0, 20, 40, 60]
    """
    if not high > low:
        return [low]
    raw = (high - low) / max(about - 1, 1)
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 10) for i in range(first, math.floor(high / step + 1e-9) + 1)]


@dataclass(frozen=True)
class Scale:
    """Where a point stands in the picture. `percent`: the values are shares, and are written as
    such.
    """

    x_max: float
    low: float
    high: float
    percent: bool

    def x(self, step):
        return LEFT + (WIDTH - LEFT - RIGHT) * step / self.x_max

    def y(self, value):
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.high - value) / (self.high - self.low)

    def said(self, value):
        if not _is_finite(value):
            return written(value)
        return f"{value:.1%}" if self.percent else f"{value:.4g}"


def curve(
    title, series, *, baselines, x_label, y_label, x_max, y_range=None, behind=(), ended=False
):
    """Named (x, y) points as lines over axes, baselines dashed; an SVG, its summary, and the points
    as a table.

    Baselines are shares (0 to 1), and a chart that has them counts in percent. `behind`: what is
    drawn first, and fainter; each with points, draw(scale) and legend(scale), as run_drawing.Faint
    and run_drawing.Band have them. `ended`: no more points will come.
    """
    whole = {
        name: [(x, y) for x, y in points if _is_finite(x) and y is not None]
        for name, points in series.items()
    }
    series, baselines = (
        _finite(series),
        {name: value for name, value in baselines.items() if _is_finite(value)},
    )
    breaks = _breaks_said(whole)
    if not series:
        return _empty_curve(title, ended, breaks)
    scale = _scale(
        {**series, **_finite(dict(enumerate(layer.points for layer in behind)))},
        baselines,
        x_max,
        y_range,
    )
    parts = [
        _axes(scale, x_label, y_label),
        *(layer.draw(scale) for layer in behind),
        *_baseline_lines(scale, baselines),
    ]
    parts += [_line(scale, number, whole[name]) for number, name in enumerate(series)]
    parts += _baseline_names(scale, baselines, series)
    label = text(_summary(title, series, baselines, scale))
    svg = (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{label}">{"".join(parts)}</svg>'
    )
    legend = "".join(
        _legend(scale, number, name, whole[name]) for number, name in enumerate(series)
    )
    legend += "".join(layer.legend(scale) for layer in behind)
    table = _points_table(title, x_label, {name: whole[name] for name in series})
    return (
        f'<figure class="curve"><figcaption>{text(title)}</figcaption>{svg}<ul '
        f'class="legend">{legend}</ul>{breaks}'
        f"<details><summary>{_('The points as a table')}</summary>{table}</details></figure>"
    )


def _is_finite(value):
    return isinstance(value, (int, float)) and math.isfinite(value)


def _finite(series):
    """A loss may become NaN or infinite: such points can't be drawn, and the others still can."""
    drawn = {
        name: [(x, y) for x, y in points if _is_finite(x) and _is_finite(y)]
        for name, points in series.items()
    }
    return {name: points for name, points in drawn.items() if points}


def stretches(points: list[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """The points of a line between its breaks: it breaks where a value is NaN or infinite.

    >>> stretches([(1, 0.5), (2, math.nan), (3, 0.6), (4, 0.7)])
    [[(1, 0.5)], [(3, 0.6), (4, 0.7)]]
    """
    found = [[]]
    for x, y in points:
        if _is_finite(y):
            found[-1].append((x, y))
        elif found[-1]:
            found.append([])
    return [stretch for stretch in found if stretch]


def _breaks_said(series):
    """Which lines break, and where; "" where none does."""
    said = []
    for name, points in series.items():
        broken = [x for x, y in points if not _is_finite(y)]
        if broken:
            said.append(
                _(
                    "{name} is NaN or infinite at {count} of {points} points, first at step "
                    "{step}: its line breaks there.",
                    name=name,
                    count=len(broken),
                    points=len(points),
                    step=_number(broken[0]),
                )
            )
    return notice(sentences(*said), kind="warning") if said else ""


def _empty_curve(title, ended, breaks=""):
    """The axes wait, with a hint of the line to come; where none will, or where no value can be
    drawn, they say so.
    """
    left, right, bottom = LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM
    heights = range(TOP, bottom + 1, (bottom - TOP) // 4)
    lines = "".join(
        f'<line class="grid" x1="{left}" x2="{right}" y1="{y}" y2="{y}"/>' for y in heights
    )
    ghost = f'<path class="ghost" d="M{left} 60 C {left + 90} 190, {left + 200} 170, {right} 200"/>'
    svg = (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'aria-hidden="true">{lines}{"" if ended or breaks else ghost}</svg>'
    )
    if breaks:
        return (
            f'<figure class="curve '
            f'empty"><figcaption>{text(title)}</figcaption>{svg}{breaks}</figure>'
        )
    said = (
        _("The run ended before there was a point to draw.")
        if ended
        else _("The curve appears with the first step.")
    )
    waiting = f"<p>{said}</p>"
    return (
        f'<figure class="curve empty"><figcaption>{text(title)}</figcaption>{svg}{waiting}</figure>'
    )


def _scale(series, baselines, x_max, y_range):
    last = max(x for points in series.values() for x, _rest in points)
    low, high = y_range or _range(series, baselines)
    if not high > low:
        low, high = low - 0.5, low + 0.5
    return Scale(max(x_max or 1, last, 1), low, high, percent=bool(baselines))


def _range(series, baselines):
    """Room above and below the values; shares get no room outside 0 to 1."""
    values = [y for points in series.values() for _rest, y in points] + list(baselines.values())
    low, high = min(values), max(values)
    room = (high - low) * 0.12 or 0.05
    if baselines and 0 <= low and high <= 1:
        return max(low - room, 0), min(high + room, 1)
    return low - room, high + room


def _number(value):
    return f"{value:.10g}"


def _axes(scale, x_label, y_label):
    left, right, bottom = LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM
    lines = []
    for value in ticks(scale.low, scale.high):
        name, y = (
            _number(round(value * 100, 8)) + "%" if scale.percent else _number(value),
            scale.y(value),
        )
        lines.append(
            f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{name}</text>'
        )
    for step in (step for step in ticks(0, scale.x_max, 6) if step == int(step)):
        lines.append(
            f'<text x="{scale.x(step):.1f}" y="{bottom + 20}" '
            f'text-anchor="middle">{_number(step)}</text>'
        )
    lines.append(f'<line class="floor" x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}"/>')
    # The name of the upward axis lies flat above it: turned letters are hard to read on a phone.
    lines.append(
        f'<text class="axis" x="{right}" y="{HEIGHT - 8}" text-anchor="end">{text(x_label)}</text>'
    )
    return "".join(lines) + f'<text class="axis" x="2" y="18">{text(y_label)}</text>'


def _baseline_lines(scale, baselines):
    for value in baselines.values():
        y = scale.y(value)
        yield f'<line class="baseline" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'


NAME_WIDTH = 140  # of a baseline, at most


def _baseline_names(scale, baselines, series):
    """Each name at the end of its line where the curves leave it more room; at the right one where
    they leave the same.
    """
    spots = [(scale.x(x), scale.y(y)) for points in series.values() for x, y in _dense(points)]
    ends = {
        "start": (LEFT + 4, lambda x: x < LEFT + NAME_WIDTH),
        "end": (WIDTH - RIGHT, lambda x: x > WIDTH - RIGHT - NAME_WIDTH),
    }
    for (name, value), height in zip(
        baselines.items(), _name_heights(scale, baselines), strict=True
    ):
        room = {
            end: min((abs(y - height) for x, y in spots if near(x)), default=HEIGHT)
            for end, (_x, near) in ends.items()
        }
        end = "start" if room["start"] > room["end"] else "end"
        label = f"{text(name)} {value:.1%}"
        yield (
            f'<text class="baseline" x="{ends[end][0]}" y="{height:.1f}" '
            f'text-anchor="{end}">{label}</text>'
        )


def _dense(points, between=8):
    """A line's points, and some between each two."""
    yield from points[:1]
    for (x, y), (to_x, to_y) in zip(points, points[1:], strict=False):
        for part in range(1, between + 1):
            yield x + (to_x - x) * part / between, y + (to_y - y) * part / between


def _name_heights(scale, baselines):
    """Above its line, or below where a name would run into the one above it; in the order of the
    baselines.
    """
    heights, above = {}, -math.inf
    for name, value in sorted(baselines.items(), key=lambda item: -item[1]):
        y = scale.y(value) - 6
        above = heights[name] = y if y - above >= 22 else max(scale.y(value) + 19, above + 22)
    return [heights[name] for name in baselines]


def _line(scale, number, points):
    """A path; marks too while they are few enough to be told apart. A point alone between two
    breaks has its mark.
    """
    lines = [[(scale.x(x), scale.y(y)) for x, y in stretch] for stretch in stretches(points)]
    path = " ".join(
        f"{'L' if i else 'M'}{x:.1f} {y:.1f}" for line in lines for i, (x, y) in enumerate(line)
    )
    spots = [spot for line in lines for spot in line]
    marked = spots if len(spots) <= 40 else spots[-1:]
    marks = "".join(_mark(number, x, y) for x, y in marked)
    return f'<g class="series series{number % 3}"><path d="{path}"/>{marks}</g>'


def _mark(number, x, y):
    """A dot on the first line, a square on the second, a diamond on the third, and so on."""
    if number % 3 == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
    turned = f' transform="rotate(45 {x:.1f} {y:.1f})"' if number % 3 == 2 else ""
    return f'<rect x="{x - 3.5:.1f}" y="{y - 3.5:.1f}" width="7" height="7"{turned}/>'


def _legend(scale, number, name, points):
    sample = (
        f'<g class="series series{number % 3}"><path d="M2 6 L26 6"/>{_mark(number, 14, 6)}</g>'
    )
    svg = f'<svg viewBox="0 0 28 12" aria-hidden="true">{sample}</svg>'
    return f"<li>{svg}{text(name)} <strong>{scale.said(points[-1][1])}</strong></li>"


def _summary(title, series, baselines, scale):
    said = [
        _(
            "{name} from {first} to {last}",
            name=name,
            first=scale.said(points[0][1]),
            last=scale.said(points[-1][1]),
        )
        for name, points in series.items()
    ]
    said += [f"{name} {value:.1%}" for name, value in baselines.items()]
    return _("{name}: {line}", name=title, line=_("; ").join(said))


def _points_table(title, x_label, series):
    steps = sorted({x for points in series.values() for x, _rest in points})
    known = [dict(points) for points in series.values()]
    head = "".join(f'<th scope="col">{text(name)}</th>' for name in (x_label, *series))
    rows = "".join(_points_row(step, known) for step in steps)
    return framed(captioned("small-table", title, f"<tr>{head}</tr>{rows}"), title)


def _points_row(step, known):
    cells = "".join(_cell(points.get(step)) for points in known)
    return f'<tr><th scope="row">{_number(step)}</th>{cells}</tr>'


def _cell(value):
    return f"<td>{_short(value)}</td>"


def _short(value):
    """A number in four digits, nothing for None, anything else as it is."""
    if value is None:
        return ""
    if not isinstance(value, (int, float)):
        return text(value)
    return f"{value:.4g}" if _is_finite(value) else written(value)


# ---------------------------------------------------------------- runs and predictions

STATE_WORDS = {
    "idle": say("No run yet"),
    "queued": say("Queued"),
    "running": say("Running"),
    "stopping": say("Stopping after this step"),
    "done": say("Done"),
    "stopped": say("Stopped"),
    "failed": say("Failed"),
    "expired": say("Expired"),
}


def run_status(state, done_steps, total_steps, seconds_left, message=""):
    """A run's state, its progress and the time left. (A new state is read out by the script in
    tabs/fine_tune/tab.py.)
    """
    # After the last step the model is still judged and saved, for which a pace of steps says
    # nothing
    on_its_way = seconds_left is not None and state == "running" and done_steps < total_steps
    left = (
        _(" · about {seconds_left} left", seconds_left=duration(seconds_left)) if on_its_way else ""
    )
    steps = (
        _(
            "step {done_steps} of {total_steps}{remaining}",
            done_steps=done_steps,
            total_steps=total_steps,
            remaining=left,
        )
        if total_steps
        else ""
    )
    progress = (
        f'<progress aria-label="{_("steps")}" max="{total_steps}" '
        f'value="{done_steps}">{steps}</progress>'
    )
    bar, said = progress if total_steps else "", f"<p>{text(message)}</p>" if message else ""
    return (
        f'<div class="status {state}"><p><strong>{STATE_WORDS[state]}</strong> {steps}</p>'
        f"{bar}{said}</div>"
    )


def duration(seconds):
    """
    >>> duration(12.4), duration(200)
    ('12 s', '3 min')
    """
    return (
        _("{seconds:.0f} s", seconds=seconds)
        if seconds < 100
        else _("{minutes:.0f} min", minutes=seconds / 60)
    )


def result_table(rows):
    """(name, before, after, majority) shares -> what the run changed."""
    head = "".join(
        f'<th scope="col">{name}</th>'
        for name in (_("metric"), _("before"), _("after"), _("gain"), _("majority"))
    )
    body = "".join(
        f"<tr><th "
        f'scope="row">{text(name)}</th><td>{_percent(before)}</td><td><strong>{_percent(after)}</strong></td>'
        f"<td>{_gain(before, after)}</td><td>{_percent(majority)}</td></tr>"
        for name, before, after, majority in rows
    )
    table = captioned(
        "small-table result", _("Before and after, on validation"), f"<tr>{head}</tr>{body}"
    )
    return framed(table, _("Result"))


def _percent(share):
    return f"{share:.1%}" if _is_finite(share) else "–"


def _gain(before, after):
    if not (_is_finite(before) and _is_finite(after)):
        return "–"
    return _("{change:+.1f} percentage points", change=100 * (after - before))


LOG_COLUMNS = (
    "step",
    "epoch",
    "loss",
    "learning_rate",
    "grad_norm",
    "eval_loss",
    "eval_accuracy",
    "eval_f1",
)


def log_table(rows, ended=False):
    """Trainer's log lines, a blank where a line doesn't have the column. ended: no more will come."""
    if not rows:
        said = (
            _("The run ended before it logged a line.")
            if ended
            else _("The log fills with the first step.")
        )
        return f'<p class="quiet">{said}</p>'
    head = "".join(f'<th scope="col">{name}</th>' for name in LOG_COLUMNS)
    body = "".join(_log_row(row) for row in rows)
    return framed(captioned("small-table log", _("Log"), f"<tr>{head}</tr>{body}"), _("Log"))


def _log_row(row):
    cells = "".join(_cell(row.get(name)) for name in LOG_COLUMNS[1:])
    return f'<tr><th scope="row">{_short(row.get("step"))}</th>{cells}</tr>'


def probability_bars(prediction):
    """The label, both probabilities as bars, the logits they come from, and what the model never
    saw.
    """
    rows = "".join(
        _bar(name, share, prediction.logits[name], name == prediction.label)
        for name, share in prediction.probabilities.items()
    )
    head = "".join(
        f'<th scope="col">{name}</th>' for name in (_("label"), _("probability"), _("logit"))
    )
    table = captioned("bars", _("softmax of the logits"), f"<tr>{head}</tr>{rows}")
    cut = "".join(
        notice(
            _("Cut from sentence {which}, never seen by the model: {part}", which=which, part=part),
            kind="warning",
        )
        for which, part in enumerate(prediction.truncated, 1)
        if part
    )
    tokens = ngettext("{count} token", "{count} tokens", prediction.tokens)
    return (
        f'<p class="answer">{text(prediction.label)} <small>{tokens}</small></p>'
        f"{framed(table, _('Probabilities'))}{cut}"
    )


def _bar(name, share, logit, chosen):
    """The share as text and as a bar under it; the answer is marked by a sign as well as by colour."""
    drawn = share if _is_finite(share) else 0
    bar = f'<span>{_percent(share)}</span><span class="bar" style="--share:{drawn:.4f}"></span>'
    row = f'<th scope="row">{text(name)}</th><td>{bar}</td><td>{written(logit)}</td>'
    return f'<tr class="{"chosen" if chosen else ""}">{row}</tr>'
