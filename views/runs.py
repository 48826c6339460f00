"""What belongs to a run before, beside and after its curve, as HTML: plain data in, every text
escaped, no gradio.

>>> amount(90_855_944), amount(1_266_539_296), amount(812)
('91 MB', '1.3 GB', '812 bytes')
"""

import math
from dataclasses import dataclass

from languages import _
from pipeline.explain.diagnosis import KNEW, LEARNS, SOMETHING, TOO_CLOSE, TOO_FEW, TOO_SHORT
from views.drawing import duration, stretches
from views.markup import captioned, framed, notice, sentences, text

SHOWN_PAIRS = 12


def amount(count):
    """Bytes as people say them."""
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= unit:
            return f"{count / unit:.{1 if count < 10 * unit and name == 'GB' else 0}f} {name}"
    return _("{count} bytes", count=count)


def percent(share):
    return f"{share:.1%}" if isinstance(share, (int, float)) and math.isfinite(share) else "–"


def points(difference):
    return (
        _("{change:+.1f} percentage points", change=100 * difference)
        if math.isfinite(difference)
        else "–"
    )


def table(kind, caption, head, rows):
    """Rows of cells that are HTML already; the first cell of each is its header. On a phone each
    row is a block of its own, so a cell knows its column's name.
    """
    headers = "".join(f'<th scope="col">{name}</th>' for name in head)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>{_cells(head[1:], row[1:])}</tr>' for row in rows
    )
    return framed(
        captioned(f"small-table stacks {kind}", caption, f'<tr class="heads">{headers}</tr>{body}'),
        caption,
    )


def _cells(head, row):
    return "".join(
        f'<td data-head="{text(name)}">{cell}</td>' for name, cell in zip(head, row, strict=True)
    )


# ---------------------------------------------------------------- what the form's fields are in Tra


def names_table(in_training_arguments, defaults):
    """{form label: (field, argument, its default)} and the form's {field: default} -> the table of
    names and defaults.
    """
    body = [
        (
            f"<code>{text(label)}</code>",
            f"<code>{text(argument)}</code>",
            text(defaults[field]),
            text(default),
        )
        for label, (field, argument, default) in in_training_arguments.items()
    ]
    head = (_("here"), _("in TrainingArguments"), _("default here"), _("Trainer's default"))
    own = _(
        "A warmup below 1 is a fraction of the steps, there and here; group_by_length is "
        "train_sampling_strategy='group_by_length'. max_length goes to the tokenizer, dropout to "
        "the model's config "
        "(BERT's default is 0.1). train_pairs, eval_pairs and frozen_layers are this app's own: "
        "TrainingArguments "
        "has none of them. The training loss is logged at each step, by default at every 500th."
    )
    return (
        table("names", _("The settings under their names in Trainer"), head, body)
        + f'<p class="quiet">{own}</p>'
    )


# ---------------------------------------------------------------- before it starts


def forecast_line(forecast):
    """What Start would set off, in one line; read out when it changes."""
    download = forecast.download_bytes
    loads = _("{size} to download", size=amount(download)) if download else _("nothing to download")
    memory = (
        _(" · about <strong>{bytes}</strong> of memory", bytes=amount(forecast.bytes))
        if forecast.memory
        else ""
    )
    said = _(
        "<strong>{steps} steps</strong> · about <strong>{time}</strong> on this machine{memory} · "
        "{loads}",
        steps=forecast.steps,
        time=duration(forecast.seconds),
        memory=memory,
        loads=loads,
    )
    notes = "".join(
        notice(note, kind=kind)
        for kind, notes in (("warning", forecast.warnings), ("info", forecast.notes))
        for note in notes
    )
    return f'<p class="forecast" aria-live="polite">{said}</p>{notes}'


def forecast_tables(forecast):
    """The arithmetic behind that line."""
    pace, config = forecast.pace, forecast.config
    epochs = _("{epochs} epoch{s}", epochs=config.epochs, s="s" if config.epochs > 1 else "")
    course = [
        (
            _("steps"),
            f"{forecast.steps}",
            _(
                "{pairs:,} pairs ÷ {batch_size} = {steps_per_epoch} in an epoch, × {epochs}, at "
                "most max_steps = {max_steps}",
                pairs=forecast.pairs,
                batch_size=config.batch_size,
                steps_per_epoch=forecast.steps_per_epoch,
                epochs=epochs,
                max_steps=config.max_steps,
            ),
        ),
        (_("starting"), duration(pace.start), _("loading the pairs, the model and the metric")),
        (
            _("training"),
            duration(pace.pair * forecast.steps * config.batch_size),
            _(
                "{steps} steps × {batch_size} pairs × {pair:.3g} s",
                steps=forecast.steps,
                batch_size=config.batch_size,
                pair=pace.pair,
            ),
        ),
        (
            _("judging"),
            duration(pace.judged * forecast.evaluations * forecast.eval_pairs),
            _(
                "{evaluations} times {eval_pairs} pairs × {judged:.3g} s",
                evaluations=forecast.evaluations,
                eval_pairs=forecast.eval_pairs,
                judged=pace.judged,
            ),
        ),
        (_("together"), f"<strong>{duration(forecast.seconds)}</strong>", text(pace.source)),
    ]
    course.append((_("pairs"), f"{forecast.pairs:,}", text(forecast.data)))
    memory = [
        (text(part.name), amount(part.bytes), text(part.arithmetic)) for part in forecast.memory
    ]
    if memory:
        whole = f"<strong>{amount(forecast.reckoned_bytes)}</strong>"
        memory.append(
            (
                _("together"),
                whole,
                _("of the last two the larger; every pair is reckoned with max_length tokens"),
            )
        )
        if pace.peak_bytes:
            memory.append(
                (
                    _("measured"),
                    f"<strong>{amount(pace.peak_bytes)}</strong>",
                    text(pace.peak_source),
                )
            )
    downloads = [
        (text(one.name), amount(one.bytes) if one.bytes else "0", text(one.said))
        for one in forecast.downloads
    ]
    tables = [
        (_("Steps and seconds, estimated"), course),
        (_("Memory, estimated"), memory),
        (_("To download first"), downloads),
    ]
    return "".join(
        table("arithmetic", caption, ("", _("about"), _("because")), rows)
        for caption, rows in tables
        if rows
    )


# ---------------------------------------------------------------- behind a curve


@dataclass(frozen=True)
class Faint:
    """Earlier runs' lines, thin and grey: [(x, y), …] for each."""

    lines: list

    @property
    def points(self):
        return [point for line in self.lines for point in line]

    def draw(self, scale):
        paths = "".join(f'<path d="{_path(scale, line)}"/>' for line in self.lines if len(line) > 1)
        return f'<g class="earlier">{paths}</g>'

    def legend(self, scale):
        count = len(self.lines)
        sample = (
            '<svg viewBox="0 0 28 12" aria-hidden="true"><g class="earlier"><path d="M2 6 '
            'L26 6"/></g></svg>'
        )
        said = _("your earlier run{s} ({count})", s="s" if count > 1 else "", count=count)
        return f"<li>{sample}{said}</li>"


@dataclass(frozen=True)
class Band:
    """From the least to the most of several runs at each step: [(x, least, most), …]."""

    name: str
    edges: list

    @property
    def points(self):
        return [(x, y) for x, *both in self.edges for y in both]

    def draw(self, scale):
        edge = [(x, most) for x, _rest, most in self.edges] + [
            (x, least) for x, least, _rest in reversed(self.edges)
        ]
        return f'<path class="band" d="{_path(scale, edge)} Z"/>'

    def legend(self, scale):
        sample = (
            '<svg viewBox="0 0 28 12" aria-hidden="true"><path class="band" d="M2 1 L26 1 '
            'L26 11 L2 11 Z"/></svg>'
        )
        return f"<li>{sample}{text(self.name)}</li>"


def _path(scale, line):
    """The line's path, which breaks where a value is NaN or infinite."""
    return " ".join(
        f"{'L' if i else 'M'}{scale.x(x):.1f} {scale.y(y):.1f}"
        for part in stretches(line)
        for i, (x, y) in enumerate(part)
    )


def band(lines):
    """Several runs' [(step, value), …] -> (mean, edges) at the steps that all of them have, finite
    values alone.

    >>> band([[(1, 0.5), (2, 0.4)], [(1, 0.7)]])
    ([(1, 0.6)], [(1, 0.5, 0.7)])
    """
    known = [{step: value for step, value in line if math.isfinite(value)} for line in lines]
    steps = sorted(set.intersection(*map(set, known))) if known else []
    columns = [(step, [values[step] for values in known]) for step in steps]
    return [(step, sum(row) / len(row)) for step, row in columns], [
        (step, min(row), max(row)) for step, row in columns
    ]


# ---------------------------------------------------------------- after it


CALM = (KNEW, SOMETHING, TOO_CLOSE, TOO_FEW, TOO_SHORT)  # neither good nor ill


def diagnosis_card(diagnosis):
    """The curve's name, why it is called so, what to try, and the figures that it was named by."""
    kind = "good" if diagnosis.name == LEARNS else "calm" if diagnosis.name in CALM else "sick"
    changed = diagnosis.remedy.changes.items()
    changes = _(", ").join(
        f"<code>{text(name)} = {text(_setting(value))}</code>" for name, value in changed
    )
    try_this = sentences(
        text(diagnosis.remedy.why), _("Try {changes}.", changes=changes) if changes else ""
    )
    found = _(
        "<strong>{name}</strong>: {because}.",
        name=text(diagnosis.name),
        because=text(diagnosis.because),
    )
    figures = f'<p class="quiet">{text(diagnosis.figures)}</p>' if diagnosis.figures else ""
    return f'<div class="diagnosis {kind}"><p>{found}</p><p>{try_this}</p>{figures}</div>'


def _setting(value):
    return f"{value:g}" if isinstance(value, float) else value


def changed_pairs(judgement, pairs, labels):
    """Judgement -> both confusion matrices, the pairs that the run fixed, and those that it broke.

    pairs: [(sentence1, sentence2), …] or None where the split isn't here any more; labels: the two
    labels' names.
    """
    matrices = "".join(_matrix(judgement, when, labels) for when in ("before", "after"))
    lists = "".join(
        _changes(name, rows, judgement, pairs, labels)
        for name, rows in ((_("Fixed"), judgement.fixed), (_("Newly broken"), judgement.broken))
    )
    both = sum(
        before and after
        for before, after in zip(judgement.right("before"), judgement.right("after"), strict=True)
    )
    rest = len(judgement.labels) - both - len(judgement.fixed) - len(judgement.broken)
    gone = (
        ""
        if pairs
        else notice(
            _("The sentences of this run's pairs aren't here any more; their row numbers are.")
        )
    )
    said = _(
        "{fixed} fixed, {broken} newly broken, {both} right before and after, {rest} wrong both "
        "times",
        fixed=len(judgement.fixed),
        broken=len(judgement.broken),
        both=both,
        rest=rest,
    )
    return f'<div class="matrices">{matrices}</div><p class="sum">{said}</p>{gone}{lists}'


def _matrix(judgement, when, labels):
    counts = judgement.confusion(when)
    most = max(counts.values()) or 1
    rows = "".join(
        f'<tr><th scope="row">{text(labels[gold])}</th>'
        + "".join(
            f'<td class="{"right" if gold == answer else "wrong"}" '
            f'style="--v:{counts[gold, answer] / most:.3f}">'
            f"{counts[gold, answer]}<small>{'✓' if gold == answer else '✕'}</small></td>"
            for answer in (0, 1)
        )
        + "</tr>"
        for gold in (0, 1)
    )
    says = "".join(
        f'<th scope="col">{_("predicted {label}", label=text(label))}</th>' for label in labels
    )
    head = f'<tr><th scope="col">{_("gold label")}</th>{says}</tr>'
    right = percent(judgement.accuracy(when))
    caption = (
        _("Before: {right} right", right=right)
        if when == "before"
        else _("After: {right} right", right=right)
    )
    label = _("Confusion matrix, before") if when == "before" else _("Confusion matrix, after")
    return framed(captioned("small-table matrix", caption, head + rows), label)


def _changes(name, rows, judgement, pairs, labels):
    if not rows:
        return f'<p class="quiet">{_("{name}: none.", name=name)}</p>'
    body = [
        (
            _("row {row}", row=row),
            _sentences(pairs, row),
            text(labels[judgement.labels[row]]),
            f"{percent(judgement.before[row])} → <strong>{percent(judgement.after[row])}</strong>",
        )
        for row in rows[:SHOWN_PAIRS]
    ]
    some = _(", the {count} that moved most", count=SHOWN_PAIRS) if len(rows) > SHOWN_PAIRS else ""
    caption = _(
        "{name}: {count} pair{s}{some}",
        name=name,
        count=len(rows),
        s="s" if len(rows) > 1 else "",
        some=some,
    )
    return table(
        "pairs", caption, (_("pair"), _("sentences"), _("gold label"), "P(equivalent)"), body
    )


def _sentences(pairs, row):
    return (
        "–" if not pairs else "<br>".join(f"<bdi>{text(sentence)}</bdi>" for sentence in pairs[row])
    )


def runs_table(rows, shown=True):
    """[(address, short name, what differs, accuracy before, after, F1 after, diagnosis), …]; shown:
    the first is the page's.
    """
    if not rows:
        return f'<p class="quiet">{_("This browser has no finished run yet.")}</p>'
    body = [
        (
            f'<a href="{text(address)}">{text(name)}</a>',
            text(differs),
            percent(before),
            f"<strong>{percent(after)}</strong>",
            percent(f1),
            text(said),
        )
        for address, name, differs, before, after, f1, said in rows
    ]
    caption = (
        _("The one shown, then this browser's others, newest first")
        if shown
        else _("This browser's runs, newest first")
    )
    differs = (
        _("settings that differ from the run shown")
        if shown
        else _("settings that differ from the defaults")
    )
    head = (_("run"), differs, _("accuracy before"), _("after"), "F1", _("diagnosis"))
    return table("runs", caption, head, body)


def seeds_table(rows):
    """[(seed, state, accuracy or None, F1, validation loss), …] -> the table, and how far they are
    apart.
    """
    body = [
        (
            _("seed {seed}", seed=seed),
            text(state),
            percent(accuracy),
            percent(f1),
            f"{loss:.3f}" if loss is not None else "–",
        )
        for seed, state, accuracy, f1, loss in rows
    ]
    known = [
        accuracy
        for _rest, _rest, accuracy, *_rest in rows
        if accuracy is not None and math.isfinite(accuracy)
    ]
    apart = ""
    if len(known) > 1:
        spread = points(max(known) - min(known)).lstrip("+")
        said = _(
            "mean accuracy {mean}, from {least} to {most}: {spread} apart by the seed alone",
            spread=spread,
            mean=percent(sum(known) / len(known)),
            least=percent(min(known)),
            most=percent(max(known)),
        )
        apart = f'<p class="sum">{said}</p>'
    head = ("", _("state"), _("accuracy"), "F1", _("validation loss"))
    return table("seeds", _("The same settings, other seeds"), head, body) + apart


# ---------------------------------------------------------------- one step by hand


def step_drawn(step, labels):
    """OneStep -> the batch with its losses, both results side by side, some weights followed."""
    notes = "".join(notice(note) for note in step.notes)
    head = (
        _("pair"),
        _("sentences"),
        _("gold label"),
        _("probability of it"),
        _("loss = −ln of that"),
    )
    batch = table(
        "pairs",
        _(
            "The batch: {pairs} pairs, padded to {tokens} tokens",
            pairs=step.shape[0],
            tokens=step.shape[1],
        ),
        head,
        [
            (
                _("row {row}", row=each.row),
                f"<bdi>{text(each.sentence1)}</bdi><br><bdi>{text(each.sentence2)}</bdi>",
                text(labels[each.label]),
                f"{each.share:.4f}",
                f"{each.loss:.4f}",
            )
            for each in step.examples
        ],
    )
    both = table(
        "agreement-table",
        _("The same step twice"),
        ("", _("by hand"), "Trainer", _("largest difference")),
        [
            (
                _("loss, the mean of these"),
                f"{step.loss_by_hand:.7f}",
                f"{step.loss_by_trainer:.7f}",
                _tiny(step.loss_difference),
            ),
            (
                _("gradient's norm, before it is clipped at 1"),
                f"{step.norm_by_hand:.6f}",
                f"{step.norm_by_trainer:.6f}",
                _tiny(abs(step.norm_by_hand - step.norm_by_trainer)),
            ),
            (
                _("norm of all weights afterwards"),
                f"{step.size_by_hand:.6f}",
                f"{step.size_by_trainer:.6f}",
                _tiny(abs(step.size_by_hand - step.size_by_trainer)),
            ),
        ],
    )
    said = _(
        "Afterwards no weight differs by more than {difference} between the two. {moved:,} of "
        "{weights:,} weights moved, by "
        "up to {update:.1e}.",
        moved=step.moved,
        weights=step.weights,
        update=step.largest_update,
        difference=f"<strong>{_tiny(step.weight_difference)}</strong>",
    )
    weights = table(
        "followed",
        _(
            "Three of them, learning_rate {learning_rate:g}, weight_decay {weight_decay:g}",
            learning_rate=step.config.learning_rate,
            weight_decay=step.config.weight_decay,
        ),
        (_("weight"), _("before"), _("gradient"), _("by hand"), "Trainer", _("difference")),
        [
            (
                f"<code>{text(each.name)}</code>",
                f"{each.before:.7f}",
                f"{each.gradient:+.5f}",
                f"{each.by_hand:.7f}",
                f"{each.by_trainer:.7f}",
                _tiny(abs(each.by_hand - each.by_trainer)),
            )
            for each in step.followed
        ],
    )
    same = _(
        "Of these, {fraction:.0%} moved by learning_rate, {learning_rate:g}, to within 5%, "
        "whatever their gradient and "
        "the clipping: AdamW divides the average gradient by the root of the average square, and "
        "in its first step both "
        "come from one gradient. Later steps differ.",
        fraction=step.by_learning_rate / max(step.moved, 1),
        learning_rate=step.config.learning_rate,
    )
    took = _("Computed just now, in {seconds:.1f} s.", seconds=step.seconds)
    # In the order in which it happens: the batch and its losses, their mean and the gradient, the
    # update
    return (
        f'{notes}{batch}{both}{weights}<p class="sum">{sentences(said, same)}</p><p '
        f'class="quiet">{took}</p>'
    )


def _tiny(value):
    return "0" if value == 0 else f"{value:.1e}"


# ---------------------------------------------------------------- taking it away


def download_link(address, label, hint):
    """A link that looks like a button; `address` is made by us, of an id that was checked."""
    return (
        f'<p class="take"><a class="take" href="{text(address)}" download>{text(label)}</a> '
        f"<small>{text(hint)}</small></p>"
    )
