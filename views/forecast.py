"""Before a run starts: its settings under Trainer's names, and what it will take."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from languages import _, ngettext
from pipeline.config import RunSetting
from pipeline.explain.forecast import Forecast
from views.markup import quiet, stacked_table
from views.numbers import duration, format_bytes
from views.render import element, render


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
    # "none" is how a choice says None
    own = [(one.name, None if one.default == "none" else one.default) for one in there]
    trainers = (one.trainer_default for one in there)
    other = [name for (name, value), its in zip(own, trainers, strict=True) if value != its]
    said = _(
        "The default run differs from Trainer's defaults in {count} of {whole} settings: {names}. "
        "In both, a warmup_steps below 1 is a fraction of the steps. The app logs the training "
        "loss at every step, Trainer by default at every 500th. {own} are not TrainingArguments: "
        "max_length goes to the tokenizer, dropout to the model's config (BERT's default is 0.1), "
        "early_stopping_patience to EarlyStoppingCallback, and the others are this app's own.",
        count=len(other),
        whole=len(there),
        names=", ".join(other),
        own=", ".join(setting.name for setting in declared if not setting.argument),
    )
    caption = _("What Trainer calls these settings")
    return stacked_table("names", caption, heads, rows) + quiet(said)


def planned(steps: int) -> str:
    """What the rail says of a run before there is one."""
    return ngettext("{count} step planned", "{count} steps planned", steps)


RATES_SIZE = 280, 40  # of the small curve; the page stretches it


def learning_rate_curve(rates: Sequence[float], warmup: int) -> Markup:
    """The learning rate over a run's steps, small, with a sentence that says the same.

    rates: one for each step; warmup: over how many of them it rises.
    """
    most = max(rates)
    (width, height), edge = RATES_SIZE, 3
    across = (width - 2 * edge) / max(1, len(rates) - 1)
    points = [
        f"{edge + across * step:.1f},{height - edge - (height - 2 * edge) * rate / most:.1f}"
        for step, rate in enumerate(rates)
    ]
    if len(points) == 1:
        points.append(f"{width - edge},{points[0].partition(',')[2]}")
    return render(
        "learning_rate.html",
        size=RATES_SIZE,
        line=" ".join(points),
        said=_said_of_rates(rates, warmup),
    )


def no_learning_rates() -> Markup:
    """An empty frame of that curve's size: settings that can't be run move nothing on the page."""
    return render(
        "learning_rate.html", size=RATES_SIZE, line="", said=_("no run, no learning rate")
    )


def _said_of_rates(rates: Sequence[float], warmup: int) -> str:
    most = f"{max(rates):.3g}"
    if min(rates) == max(rates):
        return _("{rate} at every step", rate=most)
    if not warmup:
        return _("falls from {rate} to 0", rate=most)
    return _("rises to {rate} until step {step}, then falls to 0", rate=most, step=warmup + 1)


def forecast_line(forecast: Forecast, wait: float = 0.0) -> Markup:
    """What Start would set off, in one line that is read out when it changes, and its warnings.

    wait: seconds that the run would wait for its turn; 0 where it would start at once.
    """
    return render(
        "forecast.html",
        forecast=forecast,
        planned=planned(forecast.steps),
        time=duration(forecast.seconds),
        memory=format_bytes(forecast.bytes) if forecast.memory else "",
        download=format_bytes(forecast.download_bytes) if forecast.download_bytes else "",
        wait=duration(wait) if wait else "",
    )


def forecast_tables(forecast: Forecast) -> Markup:
    """The arithmetic behind that line."""
    tables = (
        (_("Steps and seconds, estimated"), _steps_and_seconds(forecast)),
        (_("Memory, estimated"), _memory(forecast)),
        (
            _("Download before the run"),
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
        "{pairs} ÷ {batch_size} = {steps_per_epoch} per epoch, × {epochs}, at most max_steps = "
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
    judged = config.judged_pairs(forecast.pairs, forecast.eval_pairs)
    judging = _(
        "{evaluations} times {pairs} × {seconds:.3g} s",
        evaluations=forecast.evaluations,
        pairs=ngettext("{count} pair", "{count} pairs", judged),
        seconds=pace.judged,
    )
    training_seconds = pace.pair * forecast.steps * config.effective_batch_size
    judging_seconds = pace.judged * forecast.evaluations * judged
    return [
        (_("steps"), forecast.steps, steps),
        (_("starting"), duration(pace.start), _("loading the pairs, the model and the metric")),
        (_("training"), duration(training_seconds), training),
        (_("evaluating"), duration(judging_seconds), judging),
        (_("total"), element("strong", duration(forecast.seconds)), pace.source),
        (_("pairs"), f"{forecast.pairs:,}", forecast.data),
    ]


def _memory(forecast: Forecast) -> list[tuple]:
    rows = [(part.name, format_bytes(part.bytes), part.arithmetic) for part in forecast.memory]
    if not rows:
        return []
    whole = element("strong", format_bytes(forecast.reckoned_bytes))
    because = _(
        "only the larger of the last two counts; every pair is assumed to have max_length tokens"
    )
    rows.append((_("total"), whole, because))
    pace = forecast.pace
    if pace.peak_bytes:
        measured = element("strong", format_bytes(pace.peak_bytes))
        rows.append((_("measured"), measured, pace.peak_source))
    return rows
