"""Runs that differ in their method: a table of what each trains, takes and reaches."""

from collections.abc import Sequence

from markupsafe import Markup

from languages import _
from pipeline.explain.methods_compared import MethodRun
from pipeline.metrics import METRICS
from views.markup import quiet, sentences, stacked_table
from views.numbers import duration, format_bytes, percent
from views.render import element, macro
from views.runs import STATE_NAMES


def methods_table(rows: Sequence[MethodRun], said: Sequence[str]) -> Markup:
    """A row a run, its state where not all are done. said: sentences on LoRA beside full."""
    all_done = all(row.state == "done" for row in rows)
    metrics = next((list(row.results) for row in rows if row.results), ["accuracy", "f1"])
    shares = [name for name in metrics if METRICS[name].share]
    heads = [
        _("method"),
        *([] if all_done else [_("state")]),
        _("parameters trained"),
        _("peak memory"),
        _("time"),
        *(str(METRICS[name].label) for name in shares),
    ]
    cells = [
        [
            element("code", row.method),
            *([] if all_done else [STATE_NAMES[row.state]]),
            _trained(row),
            format_bytes(row.peak_bytes) if row.peak_bytes else "–",
            _time(row),
            *(_result(row, name) for name in shares),
        ]
        for row in rows
    ]
    caption = _("The same settings and seed, each method once")
    about = quiet(
        _(
            "Peak memory: the most that the run's process held, with the libraries, and with the "
            "activations, which LoRA needs as full does. Each trained parameter takes 12 bytes "
            "beside its weight: 4 for its gradient, 8 for AdamW's two averages. ±: one standard "
            "error."
        )
    )
    verdict = macro("paragraph", "methods-said", sentences(*said)) if said else Markup()
    return verdict + stacked_table("methods", caption, heads, cells) + about


def _trained(row: MethodRun) -> str:
    if row.trained is None or row.share is None:
        return "–"
    share = f"{row.share:.1%}" if row.share >= 0.0005 else f"{row.share:.3%}"
    return f"{row.trained:,} ({share})"


def _time(row: MethodRun) -> str:
    if row.step_seconds is None:
        return "–"
    step = _("{seconds:.2f} s a step", seconds=row.step_seconds)
    if row.seconds is None:
        return step
    return _("{run}, {step}", run=duration(row.seconds), step=step)


def _result(row: MethodRun, name: str) -> str:
    value, error = row.results.get(name, (None, None))
    return percent(value) if error is None else f"{percent(value)} ± {100 * error:.1f}"
