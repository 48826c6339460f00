"""Confusion matrices, and under each what follows from it, with the numbers in the formulas."""

from collections.abc import Sequence

from markupsafe import Markup

from languages import _
from pipeline.explain.confusion import Confusion, Formula
from views.render import render


def matrices(told: Sequence[tuple[str, str, Confusion]], labels: Sequence[str]) -> Markup:
    """[(caption, name for a screen reader, counts)] of the same pairs, and beside them what always
    giving the majority's label would bring. labels: the labels' names, in the order of the counts.
    """
    _caption, _label, first = told[0]
    majority = labels[first.majority_label]
    return render(
        "matrices.html",
        matrices=[
            {
                "caption": caption,
                "label": label,
                "rows": confusion.rows,
                "most": confusion.most or 1,
                "formulas": confusion.formulas(),
                "by_label": _by_label(confusion),
            }
            for caption, label, confusion in told
        ],
        labels=labels,
        always=_("Always “{label}”", label=majority),
        always_formulas=first.always_majority().formulas(),
    )


def _by_label(confusion: Confusion) -> list[list[Formula]]:
    """Precision, recall and F1 of each of three labels or more, and their means last; [] of two,
    whose positive class says it all.
    """
    if len(confusion.rows) == 2:
        return []
    return [*map(confusion.of_label, confusion.labels), confusion.macro()]
