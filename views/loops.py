"""Twenty steps taken three ways: their curves, how far they are apart, and Trainer's own lines."""

from markupsafe import Markup

from languages import _, ngettext
from pipeline.explain.loop_by_hand import Loops, Phase
from views.charts import line_chart
from views.markup import stacked_table
from views.numbers import tiny
from views.render import element, render


def loops(taken: Loops) -> Markup:
    """The losses of all three over the steps, the largest differences, the phases of a step."""
    names = {"trainer": "Trainer", "bare": _("bare PyTorch"), "accelerate": "Accelerate"}
    curves = {
        names[who]: [(step, loss) for step, (loss, _norm, _rate) in enumerate(told, 1)]
        for who, told in taken.steps.items()
    }
    rows = [
        (names[who], *map(tiny, taken.differences(who))) for who in taken.steps if who != "trainer"
    ]
    heads = (_("largest difference from Trainer's"), _("loss"), "grad_norm", "learning_rate")
    count = len(taken.steps["trainer"])
    caption = _(
        "Over {steps} of {pairs} each",
        steps=ngettext("{count} step", "{count} steps", count),
        pairs=ngettext("{count} pair", "{count} pairs", taken.config.batch_size),
    )
    return render(
        "loops.html",
        notes=taken.notes,
        chart=line_chart(_("Loss"), curves, _("step"), _("cross-entropy"), x_max=count, ended=True),
        apart=stacked_table("agreement-table", caption, heads, rows),
        seconds=taken.seconds,
    )


def phases_table(phases: tuple[Phase, ...], version: str) -> Markup:
    """Each phase of a step in the three ways, Trainer's with the line's number. version: that of
    transformers.
    """
    rows = [
        (
            one.name,
            element("code", one.bare),
            element("code", one.accelerate),
            Markup("{}<br>{}").format(element("code", one.theirs), _where(one)),
        )
        for one in phases
    ]
    heads = (_("phase"), _("bare PyTorch"), "Accelerate", "Trainer")
    caption = _("Which line of Trainer is which (transformers {version})", version=version)
    return stacked_table("phases", caption, heads, rows)


def _where(one: Phase) -> str:
    if not one.number:
        return _("in {method}; another line in this version", method=one.method)
    return _("trainer.py, line {line}, in {method}", line=one.number, method=one.method)
