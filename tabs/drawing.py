"""Plain data -> HTML: real tables with headers, curves as SVG. Every text is escaped; nothing here imports gradio.

    >>> text("<b>")
    '&lt;b&gt;'
"""

import html
import math
import unicodedata

CONTROL_PICTURES = {**{code: chr(0x2400 + code) for code in range(32)}, 127: "\u2421"}
SERIES_MARKS = ("circle", "square", "triangle", "diamond")


def text(value):
    """A visitor's text, safe and visible: HTML escaped, control characters as pictures, lone surrogates replaced."""
    clean = "".join(_visible(character) for character in str(value))
    return html.escape(clean)


def _visible(character):
    if ord(character) in CONTROL_PICTURES:
        return CONTROL_PICTURES[ord(character)]
    if "\ud800" <= character <= "\udfff":
        return "\ufffd"
    # Direction overrides and zero-width characters change what other text looks like: they are named instead.
    if unicodedata.category(character) in ("Cf", "Cc") and character != "\u200d":
        return f"⟨U+{ord(character):04X}⟩"
    return character


def bdi(value):
    """Text whose writing direction stays its own."""
    return f"<bdi>{text(value)}</bdi>"


def framed(table, label):
    """A frame that scrolls by itself, also from the keyboard, so that the page never scrolls sideways."""
    return f'<div class="frame" tabindex="0" role="region" aria-label="{text(label)}">{table}</div>'


def notice(message, kind="info"):
    """A sentence that wants to be read: kind info, warning or error."""
    role = "alert" if kind == "error" else "note"
    return f'<p class="notice {kind}" role="{role}">{text(message)}</p>'


def origin_line(message, fallback=False):
    """Where something was loaded from; a stand-in looks like one."""
    label = "Stand-in" if fallback else "Loaded"
    return f'<p class="origin{" stands-in" if fallback else ""}"><strong>{label}</strong> {text(message)}</p>'


# ---------------------------------------------------------------- tokens

ROLE_NAMES = {"special": "special", "sentence1": "sentence 1", "sentence2": "sentence 2", "padding": "padding"}


def token_grid(view):
    """TokenView -> both sentences with their pieces marked, and the table: one column a token."""
    sentences = "".join(_marked(view, which) for which in (1, 2))
    notes = "".join(notice(note) for note in view.notes)
    rows = [_bands(view.tokens), _row("token", [bdi(token.piece) for token in view.tokens], view.tokens),
            _row("input_ids", [token.id for token in view.tokens], view.tokens), _type_ids(view),
            _row("attention_mask", [token.mask for token in view.tokens], view.tokens),
            _row("characters", [_where(token) for token in view.tokens], view.tokens)]  # fmt: skip
    caption = f"{len(view.tokens)} tokens, one a column"
    table = f'<table class="token-grid"><caption>{caption}</caption>{"".join(rows)}</table>'
    return f'<div class="sentences">{sentences}</div>{framed(table, "Token grid")}{notes}'


def _bands(tokens):
    """The head: neighbours of one role share a cell."""
    cells, start = [], 0
    for end in range(1, len(tokens) + 1):
        if end == len(tokens) or tokens[end].role != tokens[start].role:
            role, width = tokens[start].role, end - start
            cells.append(f'<th scope="colgroup" colspan="{width}" class="{role}">{ROLE_NAMES[role]}</th>')
            start = end
    return f'<tr class="bands"><th scope="row">part</th>{"".join(cells)}</tr>'


def _row(name, values, tokens):
    cells = "".join(f'<td class="{token.role}">{value}</td>' for token, value in zip(tokens, values, strict=True))
    return f'<tr><th scope="row">{name}</th>{cells}</tr>'


def _type_ids(view):
    if view.has_type_ids:
        return _row("token_type_ids", [token.type_id for token in view.tokens], view.tokens)
    absent = f'<td class="absent" colspan="{len(view.tokens)}">this checkpoint has none</td>'
    return f'<tr><th scope="row">token_type_ids</th>{absent}</tr>'


def _where(token):
    return "" if token.sentence is None else f"<small>{token.start}–{token.end}</small>"


def _marked(view, which):
    """One sentence, each piece underlined where it stands, what truncation cut struck out."""
    sentence = (view.sentence1, view.sentence2)[which - 1]
    parts, at = [], 0
    for token in view.tokens:
        if token.sentence == which and token.start >= at:
            parts += [text(sentence[at : token.start]), f'<span class="piece sentence{which}">{text(token.text)}</span>']
            at = token.end
    rest = sentence[at:]
    if view.cut[which - 1]:
        parts.append(f'<del>{text(rest)}</del> <span class="tag">cut by truncation</span>')
    else:
        parts.append(text(rest))
    return f'<p><span class="tag sentence{which}">sentence {which}</span> <bdi>{"".join(parts)}</bdi></p>'


# ---------------------------------------------------------------- batches


def batch_grid(view, show="pieces"):
    """BatchView -> the padded batch as a table, padding hatched: one row an example, one column a position."""
    cells = view.pieces if show == "pieces" else view.tensors[show]
    labels = view.tensors.get("labels")
    seq_len = len(cells[0])
    head = "".join(f'<th scope="col">{position}</th>' for position in range(seq_len))
    label_head = '<th scope="col">labels</th>' if labels else ""
    body = "".join(_batch_row(view, cells, labels, row) for row in range(len(cells)))
    caption = f"{show} of the batch; hatched cells are padding"
    table = (f'<table class="batch-grid"><caption>{caption}</caption><thead><tr><th scope="col">row</th>{label_head}{head}'
             f"</tr></thead><tbody>{body}</tbody></table>")  # fmt: skip
    return framed(table, "Padded batch") + _padding_line(view, seq_len)


def _batch_row(view, cells, labels, row):
    length = view.lengths[row]
    label = f"<td>{labels[row]}</td>" if labels else ""
    mask = view.tensors["attention_mask"][row]
    tds = "".join(
        f'<td class="{"real" if real else "padding"}">{bdi(value)}</td>' for value, real in zip(cells[row], mask, strict=True)
    )
    return f'<tr><th scope="row">{row} <small>{length} tokens</small></th>{label}{tds}</tr>'


def _padding_line(view, seq_len):
    share = view.padding_cells / view.cells
    return (f'<p class="sum"><strong>{len(view.lengths)} × {seq_len} = {view.cells}</strong> cells, '
            f"<strong>{view.padding_cells}</strong> of them padding ({share:.1%})</p>")  # fmt: skip


def shapes_table(view):
    """Name and shape of each tensor in the batch."""
    rows = "".join(f'<tr><th scope="row">{text(name)}</th><td>torch.Size({list(shape)})</td></tr>'
                   for name, shape in view.shapes.items())  # fmt: skip
    return f'<table class="small-table"><caption>What the collator returns</caption>{rows}</table>'


def columns_table(view):
    """What becomes of each column, and why."""
    rows = "".join(
        f'<tr><th scope="row">{text(column.name)}</th><td class="fate {column.fate}">{column.fate}</td>'
        f"<td>{text(column.becomes) or '–'}</td><td>{text(column.why)}</td></tr>"
        for column in view.columns
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("column", "fate", "in the batch", "why"))
    table = f'<table class="small-table"><caption>What becomes of each column</caption><tr>{head}</tr>{rows}</table>'
    return framed(table, "Columns")


# ---------------------------------------------------------------- curves

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 320, 56, 20, 18, 44


def ticks(low, high, about=5):
    """Round numbers from `low` to `high`, about so many.

    >>> ticks(0, 60)
    [0.0, 20.0, 40.0, 60.0]
    """
    raw = (high - low) / max(about - 1, 1)
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 10) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def curve(title, series, *, baselines, x_label, y_label, x_max, y_range=None):
    """Named (x, y) points as lines over axes, baselines dashed; an SVG, its summary, and the points as a table."""
    series = {name: [(x, y) for x, y in points if math.isfinite(y)] for name, points in series.items()}
    series = {name: points for name, points in series.items() if points}
    if not series:
        waiting = "<p>The curve appears with the first step.</p>"
        return f'<figure class="curve empty"><figcaption>{text(title)}</figcaption>{waiting}</figure>'
    low, high = y_range or _range(series, baselines)
    x_max = max(x_max or 1, max(x for points in series.values() for x, _ in points), 1)

    def place(x, y):
        across = LEFT + (WIDTH - LEFT - RIGHT) * x / x_max
        return across, TOP + (HEIGHT - TOP - BOTTOM) * (high - y) / (high - low)

    parts = [_axes(place, low, high, x_max, x_label, y_label), *_baselines(place, baselines, x_max)]
    parts += [_line(place, number, points) for number, points in enumerate(series.values())]
    summary = _summary(title, series, baselines)
    svg = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{text(summary)}">{"".join(parts)}</svg>'
    legend = "".join(_legend(number, name, points) for number, (name, points) in enumerate(series.items()))
    table = _points_table(title, x_label, series)
    return (f'<figure class="curve"><figcaption>{text(title)}</figcaption>{svg}<ul class="legend">{legend}</ul>'
            f"<details><summary>The points as a table</summary>{table}</details></figure>")  # fmt: skip


def _range(series, baselines):
    values = [y for points in series.values() for _, y in points] + list(baselines.values())
    low, high = min(values), max(values)
    room = (high - low) * 0.08 or 0.05
    return low - room, high + room


def _number(value):
    return f"{value:.10g}"


def _axes(place, low, high, x_max, x_label, y_label):
    lines = []
    for y in ticks(low, high):
        x0, at = place(0, y)
        x1, _ = place(x_max, y)
        lines.append(f'<line class="grid" x1="{x0:.1f}" x2="{x1:.1f}" y1="{at:.1f}" y2="{at:.1f}"/>'
                     f'<text x="{x0 - 8:.1f}" y="{at + 4:.1f}" text-anchor="end">{_number(y)}</text>')  # fmt: skip
    for x in (x for x in ticks(0, x_max, 6) if x == int(x)):
        at, bottom = place(x, low)
        lines.append(f'<text x="{at:.1f}" y="{bottom + 18:.1f}" text-anchor="middle">{_number(x)}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    lines.append(f'<text class="axis" x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{text(x_label)}</text>')
    lines.append(f'<text class="axis" transform="translate(13 {HEIGHT / 2 - 10}) rotate(-90)" '
                 f'text-anchor="middle">{text(y_label)}</text>')  # fmt: skip
    return "".join(lines)


def _baselines(place, baselines, x_max):
    """Dashed lines, each with its name above its right end."""
    for name, value in baselines.items():
        (x0, at), (x1, _) = place(0, value), place(x_max, value)
        label = f"{text(name)} {value:.1%}"
        yield (f'<line class="baseline" x1="{x0:.1f}" x2="{x1:.1f}" y1="{at:.1f}" y2="{at:.1f}"/>'
               f'<text class="baseline" x="{x1:.1f}" y="{at - 5:.1f}" text-anchor="end">{label}</text>')  # fmt: skip


def _line(place, number, points):
    spots = [place(x, y) for x, y in points]
    path = " ".join(f"{'L' if i else 'M'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(spots))
    marks = "".join(_mark(number, x, y) for x, y in spots) if len(spots) <= 40 else ""
    return f'<g class="series series{number}"><path d="{path}"/>{marks}</g>'


def _mark(number, x, y):
    if SERIES_MARKS[number % 4] == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'
    return f'<rect x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6"/>'


def _legend(number, name, points):
    return (f'<li><svg viewBox="0 0 28 12" aria-hidden="true"><g class="series series{number}"><path d="M2 6 L26 6"/>'
            f"{_mark(number, 14, 6)}</g></svg>{text(name)} <strong>{points[-1][1]:.4g}</strong></li>")  # fmt: skip


def _summary(title, series, baselines):
    said = [f"{name} from {points[0][1]:.3g} to {points[-1][1]:.3g}" for name, points in series.items()]
    said += [f"{name} {value:.1%}" for name, value in baselines.items()]
    return f"{title}: {'; '.join(said)}"


def _points_table(title, x_label, series):
    steps = sorted({x for points in series.values() for x, _ in points})
    known = {name: dict(points) for name, points in series.items()}
    head = "".join(f'<th scope="col">{text(name)}</th>' for name in series)
    rows = "".join(f'<tr><th scope="row">{_number(x)}</th>' + "".join(_cell(known[name].get(x)) for name in series) + "</tr>"
                   for x in steps)  # fmt: skip
    head = f'<tr><th scope="col">{text(x_label)}</th>{head}</tr>'
    return framed(f'<table class="small-table"><caption>{text(title)}</caption>{head}{rows}</table>', title)


def _cell(value):
    return "<td></td>" if value is None else f"<td>{value:.4g}</td>"


# ---------------------------------------------------------------- runs and predictions

STATE_WORDS = {
    "idle": "No run yet", "queued": "Queued", "running": "Running", "stopping": "Stopping after this step",
    "done": "Done", "stopped": "Stopped", "failed": "Failed", "expired": "Expired",
}  # fmt: skip


def run_status(state, done_steps, total_steps, seconds_left, message=""):
    """A run's state, its progress and the time left; read out when it changes."""
    left = f" · about {seconds_left:.0f} s left" if seconds_left is not None and state == "running" else ""
    steps = f"step {done_steps} of {total_steps}{left}" if total_steps else ""
    bar = f'<progress max="{total_steps}" value="{done_steps}">{steps}</progress>' if total_steps else ""
    said = f"<p>{text(message)}</p>" if message else ""
    return (f'<div class="status {state}" aria-live="polite"><p><strong>{STATE_WORDS[state]}</strong> {steps}</p>'
            f"{bar}{said}</div>")  # fmt: skip


def result_table(rows):
    """(name, before, after, majority) shares -> what the run changed."""
    head = "".join(f'<th scope="col">{name}</th>' for name in ("", "before", "after", "gain", "majority"))
    body = "".join(
        f'<tr><th scope="row">{text(name)}</th><td>{before:.1%}</td><td><strong>{after:.1%}</strong></td>'
        f"<td>{100 * (after - before):+.1f} points</td><td>{baseline:.1%}</td></tr>"
        for name, before, after, baseline in rows
    )
    table = f'<table class="small-table result"><caption>Before and after, on validation</caption><tr>{head}</tr>{body}</table>'
    return framed(table, "Result")


LOG_COLUMNS = ("step", "epoch", "loss", "learning_rate", "grad_norm", "eval_loss", "eval_accuracy", "eval_f1")


def log_table(rows):
    """Trainer's log lines, a blank where a line doesn't have the column."""
    if not rows:
        return '<p class="quiet">The log fills with the first step.</p>'
    head = "".join(f'<th scope="col">{name}</th>' for name in LOG_COLUMNS)
    body = "".join("<tr>" + "".join(_cell(row.get(name)) for name in LOG_COLUMNS) + "</tr>" for row in rows)
    return framed(f'<table class="small-table log"><caption>Log</caption><tr>{head}</tr>{body}</table>', "Log")


def probability_bars(prediction):
    """The label, both probabilities as bars, the logits they come from, and what the model never saw."""
    rows = "".join(_bar(name, share, prediction.logits[name], name == prediction.label)
                   for name, share in prediction.probabilities.items())  # fmt: skip
    table = ('<table class="bars"><caption>softmax of the logits</caption><tr><th scope="col">label</th>'
             f'<th scope="col">probability</th><th scope="col">logit</th></tr>{rows}</table>')  # fmt: skip
    cut = "".join(notice(f"Cut from sentence {which}, never seen by the model: {part}", kind="warning")
                  for which, part in enumerate(prediction.truncated, 1) if part)  # fmt: skip
    return (f'<p class="answer">{text(prediction.label)} <small>{prediction.tokens} tokens</small></p>'
            f"{framed(table, 'Probabilities')}{cut}")  # fmt: skip


def _bar(name, share, logit, chosen):
    bar = f'<span class="bar" style="--share:{share:.4f}"></span><span>{share:.1%}</span>'
    row = f'<th scope="row">{text(name)}</th><td>{bar}</td><td>{logit:.3f}</td>'
    return f'<tr class="{"chosen" if chosen else ""}">{row}</tr>'
