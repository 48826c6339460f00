"""One step of training: what it computes by hand and what Trainer computes, side by side."""

from collections.abc import Sequence

from markupsafe import Markup

from languages import _, ngettext
from pipeline.explain.step_by_hand import OneStep
from views.markup import stacked_table, two_lines
from views.numbers import tiny
from views.render import element, render


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
        weight_difference=element("strong", tiny(step.weight_difference)),
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
        _("its probability"),
        _("loss = −ln(probability)"),
    )
    rows = [
        (
            f"#{example.row}",
            two_lines(example.sentence1, example.sentence2),
            labels[example.label],
            f"{example.share:.4f}",
            f"{example.loss:.4f}",
        )
        for example in step.examples
    ]
    return stacked_table("pairs", caption, heads, rows)


def _by_hand_and_by_trainer(step: OneStep) -> Markup:
    compared = (
        (_("loss, the mean of these"), step.loss_by_hand, step.loss_by_trainer, 7),
        (
            _("gradient norm, before clipping at 1"),
            step.norm_by_hand,
            step.norm_by_trainer,
            6,
        ),
        (_("norm of all weights after the step"), step.size_by_hand, step.size_by_trainer, 6),
    )
    rows = [
        (
            name,
            f"{by_hand:.{digits}f}",
            f"{by_trainer:.{digits}f}",
            tiny(abs(by_hand - by_trainer)),
        )
        for name, by_hand, by_trainer, digits in compared
    ]
    heads = ("", _("by hand"), "Trainer", _("largest difference"))
    return stacked_table("agreement-table", _("The same step twice"), heads, rows)


def _weights_of(step: OneStep) -> Markup:
    caption = _(
        "Three weights, with learning_rate {learning_rate:g} and weight_decay {weight_decay:g}",
        learning_rate=step.config.learning_rate,
        weight_decay=step.config.weight_decay,
    )
    heads = (_("weight"), _("before"), _("gradient"), _("by hand"), "Trainer", _("difference"))
    rows = [
        (
            element("code", weight.name),
            f"{weight.before:.7f}",
            f"{weight.gradient:+.5f}",
            f"{weight.by_hand:.7f}",
            f"{weight.by_trainer:.7f}",
            tiny(abs(weight.by_hand - weight.by_trainer)),
        )
        for weight in step.followed
    ]
    return stacked_table("followed", caption, heads, rows)
