"""Confusion matrices, and under each what follows from it, with the numbers in the formulas."""

from collections.abc import Sequence

from markupsafe import Markup

from languages import _
from pipeline.explain.confusion import Confusion
from views.render import render


def matrices(told: Sequence[tuple[str, str, Confusion]], labels: Sequence[str]) -> Markup:
    """[(caption, name for a screen reader, counts)] of the same pairs, and beside them what always
    giving the majority's label would bring. labels: the two labels' names.
    """
    _caption, _label, first = told[0]
    majority = labels[first.majority_label]
    return render(
        "matrices.html",
        matrices=[
            {
                "caption": caption,
                "label": label,
                "counts": confusion.counts,
                "most": max(confusion.counts.values()) or 1,
                "formulas": confusion.formulas(),
            }
            for caption, label, confusion in told
        ],
        labels=labels,
        always=_("Always “{label}”", label=majority),
        always_formulas=first.always_majority().formulas(),
    )
