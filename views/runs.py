"""A run before, beside and after its charts: forecast, status, result, diagnosis, pairs, seeds.

>>> format_bytes(90_855_944), format_bytes(1_266_539_296), format_bytes(812)
('91 MB', '1.3 GB', '812 bytes')
"""

from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup

from languages import _, ngettext, say
from pipeline.config import RunSetting
from pipeline.explain.diagnosis import (
    KNEW,
    LEARNS,
    SOMETHING,
    TOO_CLOSE,
    TOO_FEW,
    TOO_SHORT,
    Diagnosis,
)
from pipeline.explain.forecast import Forecast
from pipeline.explain.step_by_hand import OneStep
from pipeline.explain.what_changed import Judgement
from pipeline.metrics import METRICS, Metric, metrics_in
from pipeline.runs.progress import Run, closing
from views.charts import is_finite, short_number
from views.markup import notice, sentences
from views.render import bdi, element, macro, render, rich, visible

SHOWN_PAIRS = 12
# Names of a diagnosis that is neither good nor bad
NEUTRAL = (KNEW, SOMETHING, TOO_CLOSE, TOO_FEW, TOO_SHORT)
STATE_NAMES = {
    "idle": say("No run yet"),
    "queued": say("Queued"),
    "running": say("Running"),
    "stopping": say("Stopping after this step"),
    "done": say("Done"),
    "stopped": say("Stopped"),
    "failed": say("Failed"),
    "expired": say("Expired"),
}
LOG_COLUMNS = (
    "step",
    "epoch",
    "loss",
    "learning_rate",
    "grad_norm",
    "eval_loss",
    *(f"eval_{name}" for name in METRICS),
)


def format_bytes(count: float) -> str:
    """Bytes in the largest unit that fits."""
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= unit:
            return f"{count / unit:.{1 if count < 10 * unit and name == 'GB' else 0}f} {name}"
    return ngettext("{count} byte", "{count} bytes", count)


def duration(seconds: float) -> str:
    """
    >>> duration(12.4), duration(200)
    ('12 s', '3 min')
    """
    if seconds < 100:
        return _("{seconds:.0f} s", seconds=seconds)
    return _("{minutes:.0f} min", minutes=seconds / 60)


def percent(share: float | None) -> str:
    """
    >>> percent(0.721), percent(None)
    ('72.1%', '–')
    """
    return f"{share:.1%}" if is_finite(share) else "–"


def percentage_points(difference: float) -> str:
    """
    >>> percentage_points(0.042)
    '+4.2 percentage points'
    """
    if not is_finite(difference):
        return "–"
    return _("{change:+.1f} percentage points", change=100 * difference)


def stacked_table(
    name: str, caption: str, heads: Sequence[str], rows: Sequence[Sequence[object]]
) -> Markup:
    """A table, the first cell of each row its header; on a phone each row is a block of its own."""
    return macro("stacked_table", name, caption, heads, rows)


def quiet(sentence: str) -> Markup:
    """A sentence in a lower voice, also for what has nothing to show yet."""
    return macro("paragraph", "quiet", sentence)


def no_run_yet() -> Markup:
    """The place of what belongs to an ended run."""
    return quiet(_("Start a run; what belongs here appears when it has ended."))


# ---------------------------------------------------------------- before it starts


def names_table(run_settings: Iterable[RunSetting]) -> Markup:
    """The settings under their names in TrainingArguments, the defaults here and there, and how
    many of those differ.
    """
    declared = list(run_settings)
    there = [setting for setting in declared if setting.argument]
    rows = [
        (
            element("code", setting.name),
            element("code", setting.argument),
            setting.default,
            setting.trainer_default,
        )
        for setting in there
    ]
    heads = (_("here"), _("in TrainingArguments"), _("default here"), _("Trainer's default"))
    other = [setting.name for setting in there if setting.default != setting.trainer_default]
    said = _(
        "The default run differs from Trainer's defaults in {count} of {whole}: {names}. A "
        "warmup_steps below 1 is a fraction of the steps, there and here. The training loss is "
        "logged at each step, by default at every 500th. {own} are no TrainingArguments: "
        "max_length goes to the tokenizer, dropout to the model's config (BERT's default is 0.1), "
        "the others are this app's own.",
        count=len(other),
        whole=len(there),
        names=", ".join(other),
        own=", ".join(setting.name for setting in declared if not setting.argument),
    )
    caption = _("The settings under their names in Trainer")
    return stacked_table("names", caption, heads, rows) + quiet(said)


def forecast_line(forecast: Forecast) -> Markup:
    """What Start would set off, in one line that is read out when it changes, and its warnings."""
    return render(
        "forecast.html",
        forecast=forecast,
        time=duration(forecast.seconds),
        memory=format_bytes(forecast.bytes) if forecast.memory else "",
        download=format_bytes(forecast.download_bytes) if forecast.download_bytes else "",
    )


def forecast_tables(forecast: Forecast) -> Markup:
    """The arithmetic behind that line."""
    tables = (
        (_("Steps and seconds, estimated"), _steps_and_seconds(forecast)),
        (_("Memory, estimated"), _memory(forecast)),
        (
            _("To download first"),
            [
                (part.name, format_bytes(part.bytes) if part.bytes else "0", part.said)
                for part in forecast.downloads
            ],
        ),
    )
    heads = ("", _("about"), _("because"))
    return Markup().join(
        stacked_table("arithmetic", caption, heads, rows) for caption, rows in tables if rows
    )


def _steps_and_seconds(forecast: Forecast) -> list[tuple]:
    pace, config = forecast.pace, forecast.config
    steps = _(
        "{pairs} ÷ {batch_size} = {steps_per_epoch} in an epoch, × {epochs}, at most max_steps = "
        "{max_steps}",
        pairs=ngettext("{count:,} pair", "{count:,} pairs", forecast.pairs),
        batch_size=config.effective_batch_size,
        steps_per_epoch=forecast.steps_per_epoch,
        epochs=ngettext("{count} epoch", "{count} epochs", config.epochs),
        max_steps=config.max_steps,
    )
    training = _(
        "{steps} × {pairs} × {seconds:.3g} s",
        steps=ngettext("{count} step", "{count} steps", forecast.steps),
        pairs=ngettext("{count} pair", "{count} pairs", config.effective_batch_size),
        seconds=pace.pair,
    )
    judging = _(
        "{evaluations} times {pairs} × {seconds:.3g} s",
        evaluations=forecast.evaluations,
        pairs=ngettext("{count} pair", "{count} pairs", forecast.eval_pairs),
        seconds=pace.judged,
    )
    training_seconds = pace.pair * forecast.steps * config.effective_batch_size
    judging_seconds = pace.judged * forecast.evaluations * forecast.eval_pairs
    return [
        (_("steps"), forecast.steps, steps),
        (_("starting"), duration(pace.start), _("loading the pairs, the model and the metric")),
        (_("training"), duration(training_seconds), training),
        (_("judging"), duration(judging_seconds), judging),
        (_("together"), element("strong", duration(forecast.seconds)), pace.source),
        (_("pairs"), f"{forecast.pairs:,}", forecast.data),
    ]


def _memory(forecast: Forecast) -> list[tuple]:
    rows = [(part.name, format_bytes(part.bytes), part.arithmetic) for part in forecast.memory]
    if not rows:
        return []
    whole = element("strong", format_bytes(forecast.reckoned_bytes))
    because = _("of the last two the larger; every pair is reckoned with max_length tokens")
    rows.append((_("together"), whole, because))
    pace = forecast.pace
    if pace.peak_bytes:
        measured = element("strong", format_bytes(pace.peak_bytes))
        rows.append((_("measured"), measured, pace.peak_source))
    return rows


# ---------------------------------------------------------------- while it goes on


def run_status(
    state: str,
    done_steps: int,
    total_steps: int,
    seconds_left: float | None,
    message: str = "",
) -> Markup:
    """A run's state, its progress and the time left; static/fine_tune.js reads a new state out."""
    # After the last step the model is still evaluated and saved, of which a pace of steps says
    # nothing
    is_training = seconds_left is not None and state == "running" and done_steps < total_steps
    left = _(" · about {seconds_left} left", seconds_left=duration(seconds_left or 0))
    return render(
        "run_status.html",
        state=state,
        name=STATE_NAMES[state],
        done_steps=done_steps,
        total_steps=total_steps,
        steps=_(
            "step {done_steps} of {total_steps}{remaining}",
            done_steps=done_steps,
            total_steps=total_steps,
            remaining=left if is_training else "",
        ),
        message=message,
    )


def run_message(run: Run) -> str:
    """What the run waits for or ended with, in one sentence; "" where there is nothing to say."""
    last = run.events[-1] if run.events else {}
    if run.state == "queued":
        return _(
            "Place {place} in the queue; its turn comes in about {wait}.",
            place=run.place,
            wait=duration(run.wait),
        )
    if run.state == "expired":
        return _("This run has expired: its folder is gone. Start a new one.")
    if run.state == "running" and not run.events:
        return _("The worker is starting: it loads the pairs and the model.")
    if closing(run):
        return _("Its last step is over: the model is being evaluated and saved.")
    if run.state == "stopping":
        return _("It ends after the step that it is in, evaluates its model and saves it.")
    return last.get("message") or last.get("reason") or ""


def log_rows(run: Run) -> list[dict]:
    """Training and evaluation lines of one step joined into one row."""
    rows: dict[int, dict] = {}
    for event in run.of("log") + run.of("evaluation"):
        rows.setdefault(event["step"], {}).update(event)
    return [rows[step] for step in sorted(rows)]


def log_table(rows: Sequence[Mapping[str, object]], ended: bool = False) -> Markup:
    """Trainer's log lines, blank where a line lacks the column. ended: no more will come."""
    if not rows and ended:
        return quiet(_("The run ended before it logged a line."))
    if not rows:
        return quiet(_("The log fills with the first step."))
    cells = [[short_number(row.get(name)) for name in LOG_COLUMNS] for row in rows]
    return macro("plain_table", "log", _("Log"), _("Log"), LOG_COLUMNS, cells)


# ---------------------------------------------------------------- after it


def result(run: Run) -> Markup:
    """What an ended run changed and took, and what its model is good for; empty before."""
    end, start = run.first(run.state) if run.ended else None, run.first("start")
    if not end or not end.get("before") or not end.get("after") or not start:
        return Markup()
    told = end["before"], end["after"], start["majority"]
    known = set(told[0]) & set(told[1]) & set(told[2])
    table = result_table(
        [(metric, *(figures[metric.name] for figures in told)) for metric in metrics_in(known)]
    )
    if not run.answers:
        broken = _(
            "This run's loss became NaN or infinite, and so did the weights that it left: its "
            "model answers nothing."
        )
        return table + notice(sentences(broken, _took(end)), kind="warning")
    ready = _("The model is ready: it is chosen in the Predict tab.")
    return table + notice(sentences(ready, _took(end)))


def _took(end: Mapping) -> str:
    seconds = duration(end["seconds"])
    if not end.get("peak_bytes"):
        return _("The run took {seconds}.", seconds=seconds)
    return _(
        "The run took {seconds} and {peak} of memory at most.",
        seconds=seconds,
        peak=format_bytes(end["peak_bytes"]),
    )


def result_table(
    rows: Sequence[tuple[Metric, float | None, float | None, float | None]],
) -> Markup:
    """(metric, its figure before, after, of the majority class) -> what the run changed."""
    cells = [
        (
            str(metric.label),
            metric.written(before),
            element("strong", metric.written(after)),
            gain(metric, before, after),
            metric.written(majority),
        )
        for metric, before, after, majority in rows
    ]
    heads = (_("metric"), _("before"), _("after"), _("gain"), _("majority"))
    caption = _("Before and after, on validation")
    return macro("plain_table", "result", caption, _("Result"), heads, cells)


def gain(metric: Metric, before: float | None, after: float | None) -> str:
    """How far a figure went up, with its sign."""
    if not (is_finite(before) and is_finite(after)):
        return "–"
    return percentage_points(after - before) if metric.share else f"{after - before:+.3f}"


def diagnosis_card(diagnosis: Diagnosis) -> Markup:
    """The diagnosis, why it was made, what to try, and the figures behind it."""
    kind = "good" if diagnosis.name == LEARNS else "calm" if diagnosis.name in NEUTRAL else "sick"
    changes = Markup(_(", ")).join(
        element("code", f"{name} = {value:g}" if isinstance(value, float) else f"{name} = {value}")
        for name, value in diagnosis.remedy.changes.items()
    )
    return render("diagnosis.html", diagnosis=diagnosis, kind=kind, changes=changes)


def changed_pairs(
    judgement: Judgement, pairs: Sequence[tuple[str, str]] | None, labels: Sequence[str]
) -> Markup:
    """Both confusion matrices, the pairs that the run fixed, and those that it broke.

    pairs: [(sentence1, sentence2), …] or None where the split isn't here any more; labels: the two
    labels' names.
    """
    right = zip(judgement.right("before"), judgement.right("after"), strict=True)
    both = sum(before and after for before, after in right)
    fixed, broken = judgement.fixed, judgement.broken
    before = _("Before: {right} right", right=percent(judgement.accuracy("before")))
    after = _("After: {right} right", right=percent(judgement.accuracy("after")))
    return render(
        "changed_pairs.html",
        matrices=[
            {
                "caption": before,
                "label": _("Confusion matrix, before"),
                **_counts(judgement, "before"),
            },
            {
                "caption": after,
                "label": _("Confusion matrix, after"),
                **_counts(judgement, "after"),
            },
        ],
        labels=labels,
        fixed=len(fixed),
        broken=len(broken),
        both=both,
        neither=len(judgement.labels) - both - len(fixed) - len(broken),
        has_pairs=bool(pairs),
        lists=[
            _changes(_("Fixed"), fixed, judgement, pairs, labels),
            _changes(_("Newly broken"), broken, judgement, pairs, labels),
        ],
    )


def _counts(judgement: Judgement, when: str) -> dict:
    counts = judgement.confusion(when)
    return {"counts": counts, "most": max(counts.values()) or 1}


def _changes(
    name: str,
    rows: Sequence[int],
    judgement: Judgement,
    pairs: Sequence[tuple[str, str]] | None,
    labels: Sequence[str],
) -> Markup:
    if not rows:
        return quiet(_("{name}: none.", name=name))
    cells = [
        (
            _("row {row}", row=row),
            two_lines(*pairs[row]) if pairs else "–",
            labels[judgement.labels[row]],
            Markup("{} → {}").format(
                percent(judgement.before[row]), element("strong", percent(judgement.after[row]))
            ),
        )
        for row in rows[:SHOWN_PAIRS]
    ]
    some = _(", the {count} that moved most", count=SHOWN_PAIRS) if len(rows) > SHOWN_PAIRS else ""
    caption = ngettext(
        "{name}: {count} pair{some}", "{name}: {count} pairs{some}", len(rows), name=name, some=some
    )
    heads = (_("pair"), _("sentences"), _("gold label"), "P(equivalent)")
    return stacked_table("pairs", caption, heads, cells)


def two_lines(sentence1: str, sentence2: str) -> Markup:
    """A pair in one cell."""
    return Markup("{}<br>{}").format(bdi(sentence1), bdi(sentence2))


def runs_table(
    rows: Sequence[tuple[str, str, str, float, float, float, str]], shown: bool = True
) -> Markup:
    """This browser's runs; shown: the first is the one on the page.

    rows: [(address, short name, settings that differ, accuracy before, after, F1 after, diagnosis)]
    """
    if not rows:
        return quiet(_("This browser has no finished run yet."))
    cells = [
        (
            Markup('<a href="{}">{}</a>').format(address, visible(name)),
            differs,
            percent(before),
            element("strong", percent(after)),
            percent(f1),
            diagnosis,
        )
        for address, name, differs, before, after, f1, diagnosis in rows
    ]
    if shown:
        caption = _("The one shown, then this browser's others, newest first")
        differs = _("settings that differ from the run shown")
    else:
        caption = _("This browser's runs, newest first")
        differs = _("settings that differ from the defaults")
    heads = (_("run"), differs, _("accuracy before"), _("after"), "F1", _("diagnosis"))
    return stacked_table("runs", caption, heads, cells)


def seeds_table(
    rows: Sequence[tuple[int, str, float | None, float | None, float | None]],
) -> Markup:
    """[(seed, state, accuracy, F1, validation loss), …] as a table, and how far they are apart."""
    cells = [
        (
            _("seed {seed}", seed=seed),
            state,
            percent(accuracy),
            percent(f1),
            f"{loss:.3f}" if loss is not None else "–",
        )
        for seed, state, accuracy, f1, loss in rows
    ]
    heads = ("", _("state"), _("accuracy"), "F1", _("validation loss"))
    table = stacked_table("seeds", _("The same settings, other seeds"), heads, cells)
    known = [accuracy for _seed, _state, accuracy, *_rest in rows if is_finite(accuracy)]
    if len(known) < 2:
        return table
    said = _(
        "mean accuracy {mean}, from {least} to {most}: {spread} apart by the seed alone",
        spread=percentage_points(max(known) - min(known)).lstrip("+"),
        mean=percent(sum(known) / len(known)),
        least=percent(min(known)),
        most=percent(max(known)),
    )
    return table + macro("paragraph", "sum", said)


# ---------------------------------------------------------------- one step by hand


def one_step(step: OneStep, labels: Sequence[str]) -> Markup:
    """The batch with its losses, both results side by side, and some weights, before and after.

    In the order in which it happens: the losses, their mean and the gradient, the update.
    """
    return render(
        "one_step.html",
        step=step,
        batch=_batch_of(step, labels),
        both=_by_hand_and_by_trainer(step),
        weights=_weights_of(step),
        weight_difference=element("strong", _tiny(step.weight_difference)),
    )


def _batch_of(step: OneStep, labels: Sequence[str]) -> Markup:
    pairs, tokens = step.shape
    caption = _(
        "The batch: {pairs}, padded to {tokens}",
        pairs=ngettext("{count} pair", "{count} pairs", pairs),
        tokens=ngettext("{count} token", "{count} tokens", tokens),
    )
    heads = (
        _("pair"),
        _("sentences"),
        _("gold label"),
        _("probability of it"),
        _("loss = −ln of that"),
    )
    rows = [
        (
            _("row {row}", row=example.row),
            two_lines(example.sentence1, example.sentence2),
            labels[example.label],
            f"{example.share:.4f}",
            f"{example.loss:.4f}",
        )
        for example in step.examples
    ]
    return stacked_table("pairs", caption, heads, rows)


def _by_hand_and_by_trainer(step: OneStep) -> Markup:
    rows = [
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
    ]
    heads = ("", _("by hand"), "Trainer", _("largest difference"))
    return stacked_table("agreement-table", _("The same step twice"), heads, rows)


def _weights_of(step: OneStep) -> Markup:
    caption = _(
        "Three of them, learning_rate {learning_rate:g}, weight_decay {weight_decay:g}",
        learning_rate=step.config.learning_rate,
        weight_decay=step.config.weight_decay,
    )
    heads = (
        _("weight"),
        _("before"),
        _("gradient"),
        _("by hand"),
        "Trainer",
        _("difference"),
    )
    rows = [
        (
            element("code", weight.name),
            f"{weight.before:.7f}",
            f"{weight.gradient:+.5f}",
            f"{weight.by_hand:.7f}",
            f"{weight.by_trainer:.7f}",
            _tiny(abs(weight.by_hand - weight.by_trainer)),
        )
        for weight in step.followed
    ]
    return stacked_table("followed", caption, heads, rows)


def _tiny(value: float) -> str:
    return "0" if value == 0 else f"{value:.1e}"


# ---------------------------------------------------------------- taking it away


def download_link(address: str, label: str, hint: str) -> Markup:
    """A link that looks like a button. `address` is made by us, of an id that was checked."""
    return render("download_link.html", address=address, label=label, hint=hint)


def pushed_to(address: str) -> Markup:
    """Where a pushed model is now."""
    link = Markup('<a href="{0}" target="_blank" rel="noopener">{0}</a>').format(address)
    return notice(rich(say("Pushed: {link}", link=link)))


def command_and_origins(command: str, origins: Sequence[tuple[str, bool]]) -> Markup:
    """The command of a run, and [(where a part was loaded from, whether as a stand-in), …]."""
    return render("command.html", command=command, origins=origins)
