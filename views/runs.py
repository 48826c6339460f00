"""What is drawn of a run beside its charts: status, log, result, diagnosis, pairs, seeds."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from languages import _, ngettext, say
from pipeline.answers import answer_of, probability_of
from pipeline.explain.confusion import Confusion
from pipeline.explain.diagnosis import (
    KNEW,
    LEARNS,
    SOMETHING,
    TOO_CLOSE,
    TOO_FEW,
    TOO_SHORT,
    Diagnosis,
)
from pipeline.explain.what_changed import Judgement
from pipeline.metrics import METRICS, Metric, metrics_in
from pipeline.runs.names import name_of, settings_apart
from pipeline.runs.progress import Run, closing, points, progress
from pipeline.task import MRPC
from views.confusion import matrices
from views.markup import notice, quiet, sentences, stacked_table, two_lines
from views.numbers import (
    duration,
    format_bytes,
    is_finite,
    percent,
    percentage_points,
    short_number,
)
from views.render import element, macro, render, rich, visible

SHOWN_PAIRS = 6
SETTINGS_BESIDE_A_NAME = 3
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
EVALUATED = tuple(f"eval_{name}" for name in METRICS)  # a run has those of its task
LOG_COLUMNS = ("step", "epoch", "loss", "learning_rate", "grad_norm", "eval_loss", *EVALUATED)


def no_run_yet() -> Markup:
    """The place of what belongs to an ended run."""
    return quiet(_("Start a run; the result appears here when it has ended."))


def run_label(run_id: str, config: Mapping[str, object]) -> str:
    """A run's name, and the first few settings in which it differs from the defaults.

    >>> run_label("0" * 32, {"learning_rate": 5e-4, "max_steps": 60})
    'Albatross · 60 steps · lr 5e-4'
    """
    return " · ".join(map(str, (name_of(run_id), *settings_apart(config)[:SETTINGS_BESIDE_A_NAME])))


# ---------------------------------------------------------------- while it goes on


def run_status(
    state: str,
    done_steps: int,
    total_steps: int,
    seconds_left: float | None,
    message: str = "",
    label: str = "",
    *,
    station: str = "",
    last: tuple[str, str] | None = None,
) -> Markup:
    """A run's state, its label (of run_label), its progress and the time left.
    static/fine_tune.js reads a new state out.

    station: the rail's line. last: (id, label) of a run that could be shown where none is.
    """
    # After the last step the model is still evaluated and saved, of which a pace of steps says
    # nothing
    is_training = seconds_left is not None and state == "running" and done_steps < total_steps
    left = _(" · about {seconds_left} left", seconds_left=duration(seconds_left or 0))
    return render(
        "run_status.html",
        state=state,
        name=STATE_NAMES[state],
        label=label,
        done_steps=done_steps,
        total_steps=total_steps,
        steps=_(
            "step {done_steps} of {total_steps}{remaining}",
            done_steps=done_steps,
            total_steps=total_steps,
            remaining=left if is_training else "",
        ),
        message=message,
        station=station,
        last=last,
    )


def at_the_station(run: Run) -> str:
    """What the rail says of a run: its accuracy before and by now, and its steps; "" of none."""
    start = run.first("start")
    if run.state in ("idle", "expired"):
        return ""
    if not start or run.state == "failed":
        return str(STATE_NAMES[run.state])
    done, total = progress(run)
    steps = (
        ngettext("{count} step", "{count} steps", done)
        if run.ended
        else _("step {done}/{total}", done=done, total=total)
    )
    known = [value for _step, value in points(run, "eval_accuracy") if is_finite(value)]
    if run.ended and (after := (run.first(run.state) or {}).get("after")):
        known.append(after["accuracy"])
    if not known:
        return steps
    accuracy = f"{known[-1]:.0%}"
    if len(known) > 1:
        accuracy = f"{known[0] * 100:.0f} → {accuracy}"
    return f"{accuracy} · {steps}"


def run_message(run: Run) -> str:
    """What the run waits for or ended with, in one sentence; "" where there is nothing to say."""
    last = run.events[-1] if run.events else {}
    if run.state == "queued":
        return _(
            "Place {place} in the queue; the run starts in about {wait}.",
            place=run.place,
            wait=duration(run.wait),
        )
    if run.state == "expired":
        return _("This run has expired: its folder is gone. Start a new one.")
    if run.state == "running" and not run.events:
        return _("The worker is starting: it is loading the pairs and the model.")
    if closing(run):
        return _("The last step is done; the model is being evaluated and saved.")
    if run.state == "stopping":
        return _("It will stop after the current step, then evaluate and save the model.")
    started = run.first("start") or {}  # tells where the run began again
    return last.get("message") or last.get("reason") or started.get("message") or ""


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
        return quiet(_("The log starts with the first step."))
    told = {name for row in rows for name in row} | {f"eval_{name}" for name in MRPC.metrics}
    if "eval_macro_f1" in told:
        told -= {"eval_f1"}
    columns = [name for name in LOG_COLUMNS if name in told or name not in EVALUATED]
    cells = [[short_number(row.get(name)) for name in columns] for row in rows]
    return macro("plain_table", "log", _("Log"), _("Log"), columns, cells)


def another_behind(unfinished: Sequence[Run]) -> Markup:
    """The question whether to start one more run behind these."""
    first = unfinished[0]
    name = name_of(first.id)
    if len(unfinished) > 1:
        question = ngettext(
            "{count} run of yours hasn't ended yet. Start another, behind it?",
            "{count} runs of yours haven't ended yet. Start another, behind them?",
            len(unfinished),
        )
    elif first.state == "queued":
        question = _("{name} is still waiting. Start another, behind it?", name=name)
    else:
        question = _("{name} is still training. Start another, behind it?", name=name)
    return render("start_another.html", question=question)


def same_settings(run: Run, age: float) -> Markup:
    """That a run which was asked for `age` seconds ago has the settings of the one asked for."""
    said = _(
        "{name}, a run of {ago} ago, has the same settings; same seed, same curve.",
        name=name_of(run.id),
        ago=duration(age),
    )
    return notice(said)


def stopped_by_owner(run: Run) -> Markup:
    """For a visitor who has joined a run: that its owner has stopped it, and what is left of it."""
    name = name_of(run.id)
    if run.answers:
        said = ngettext(
            "{name} was stopped after {count} step by whoever started it. You can ask its model "
            "in Predict; for the whole curve, train it again.",
            "{name} was stopped after {count} steps by whoever started it. You can ask its model "
            "in Predict; for the whole curve, train it again.",
            progress(run)[0],
            name=name,
        )
    else:
        said = _(
            "{name} was stopped by whoever started it and has left no model. Train it again to "
            "have one.",
            name=name,
        )
    return notice(said)


def state_in_words(run: Run) -> str:
    """Where an unfinished run stands: its place in the queue, or its step."""
    name = str(STATE_NAMES[run.state])
    done, total = progress(run)
    if run.state == "queued":
        return _(
            "{state}: place {place}, starts in about {wait}",
            state=name,
            place=run.place,
            wait=duration(run.wait),
        )
    if not total:
        return name
    return _("{state}: step {done} of {total}", state=name, done=done, total=total)


def unfinished_table(runs: Sequence[tuple[Run, str]]) -> Markup:
    """[(a run that hasn't ended, what its button says, "" for none)] as a table; empty for none."""
    if not runs:
        return Markup()
    return render(
        "unfinished_runs.html",
        caption=_("Not ended yet"),
        runs=[
            {
                "id": run.id,
                "address": f"?run={run.id}",
                "name": name_of(run.id),
                "label": run_label(run.id, run.config),
                "state": state_in_words(run),
                "stop": stop,
            }
            for run, stop in runs
        ],
    )


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
            "This run's loss and its final weights became NaN or infinite, so its model makes no "
            "predictions."
        )
        return table + notice(sentences(broken, _took(end)), kind="warning")
    ready = _("The model is ready: it is chosen in the Predict tab.")
    return table + notice(sentences(*_kept(run, end), ready, _took(end)))


def _kept(run: Run, end: Mapping) -> list[str]:
    """Which step's weights were kept, where those aren't the last ones."""
    if not end.get("kept_step"):
        return []
    said = _(
        "It keeps the weights of step {step}, the best of its evaluations by {metric}.",
        step=end["kept_step"],
        metric=run.config["metric_for_best_model"],
    )
    return [said]


def _took(end: Mapping) -> str:
    seconds = duration(end["seconds"])
    if not end.get("peak_bytes"):
        return _("The run took {seconds}.", seconds=seconds)
    return _(
        "The run took {seconds} and at most {peak} of memory.",
        seconds=seconds,
        peak=format_bytes(end["peak_bytes"]),
    )


def result_table(rows: Sequence[tuple[Metric, float | None, float | None, float | None]]) -> Markup:
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
    if metric.share:
        return percentage_points(after, before)
    return f"{round(after, 3) - round(before, 3):+.3f}"


def diagnosis_card(diagnosis: Diagnosis) -> Markup:
    """The diagnosis, why it was made, what to try, and the figures behind it."""
    kind = "good" if diagnosis.name == LEARNS else "calm" if diagnosis.name in NEUTRAL else "sick"
    changes = Markup(_(", ")).join(
        element("code", f"{name} = {value:g}" if isinstance(value, float) else f"{name} = {value}")
        for name, value in diagnosis.remedy.changes.items()
    )
    return render("diagnosis.html", diagnosis=diagnosis, kind=kind, changes=changes)


def changed_pairs(
    judgement: Judgement, pairs: Sequence[tuple[str, ...]] | None, labels: Sequence[str]
) -> Markup:
    """Both confusion matrices, the pairs that the run fixed, and those that it broke.

    pairs: [(sentence1, sentence2), …], of a task of one sentence [(sentence1,), …], or None where
    the split isn't here any more; labels: the labels' names.
    """
    right = zip(judgement.right("before"), judgement.right("after"), strict=True)
    both = sum(before and after for before, after in right)
    fixed, broken = judgement.fixed, judgement.broken
    before = (
        _("Before: accuracy {right}", right=percent(judgement.accuracy("before"))),
        _("Confusion matrix, before"),
        Confusion.of(judgement.confusion("before")),
    )
    after = (
        _("After: accuracy {right}", right=percent(judgement.accuracy("after"))),
        _("Confusion matrix, after"),
        Confusion.of(judgement.confusion("after")),
    )
    return render(
        "changed_pairs.html",
        matrices=matrices([before, after], labels),
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


def _changes(
    name: str,
    rows: Sequence[int],
    judgement: Judgement,
    pairs: Sequence[tuple[str, ...]] | None,
    labels: Sequence[str],
) -> Markup:
    if not rows:
        return quiet(_("{name}: none.", name=name))
    cells = [
        (
            f"#{row}",
            two_lines(*pairs[row]) if pairs else "–",
            labels[judgement.labels[row]],
            _moved(judgement, row, labels),
        )
        for row in rows[:SHOWN_PAIRS]
    ]
    some = (
        _(", the {count} that changed most", count=SHOWN_PAIRS) if len(rows) > SHOWN_PAIRS else ""
    )
    caption = ngettext(
        "{name}: {count} pair{some}", "{name}: {count} pairs{some}", len(rows), name=name, some=some
    )
    probability = f"P({labels[1]})" if len(labels) == 2 else _("P(gold label), and the prediction")
    heads = (_("pair"), _("sentences"), _("gold label"), probability)
    return stacked_table("pairs", caption, heads, cells)


def _moved(judgement: Judgement, row: int, labels: Sequence[str]) -> Markup:
    """Where a pair's probability was before the run, and where it is after: of label 1 of two, of
    the gold label of more, whose answers are told, too.
    """
    both = judgement.before[row], judgement.after[row]
    of = 1 if len(labels) == 2 else judgement.labels[row]
    before, after = (percent(probability_of(share, of)) for share in both)
    if len(labels) > 2:
        first, last = (labels[answer_of(share)] for share in both)
        before, after = f"{before} ({first})", f"{after} ({last})"
    return Markup("{} → {}").format(before, element("strong", after))


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
        caption = _("The run shown, then this browser's other runs, newest first")
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
    table = stacked_table("seeds", _("The same settings with other seeds"), heads, cells)
    known = [accuracy for _seed, _state, accuracy, *_rest in rows if is_finite(accuracy)]
    if len(known) < 2:
        return table
    said = _(
        "mean accuracy {mean}, from {least} to {most}: the seed alone makes a difference of "
        "{spread}",
        spread=percentage_points(max(known), min(known)).lstrip("+"),
        mean=percent(sum(known) / len(known)),
        least=percent(min(known)),
        most=percent(max(known)),
    )
    return table + macro("paragraph", "sum", said)


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
