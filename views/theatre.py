"""A run's evaluations as dots: each validation pair by P(equivalent), coloured by its gold label.

static/theatre.js draws the dots of `dots_data`; the sentences of a pair come when it is asked for.

>>> binned([0.04, 0.5, 0.51, 1.0], [0, 1, 1, 0])[0], binned([1.0], [0])[-1]
(('0.0 – 0.1', 1, 0), ('0.9 – 1.0', 1, 0))
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from languages import _
from pipeline.explain.evaluations import Evaluation, said_of
from views.markup import quiet
from views.numbers import percent
from views.render import render

BINS = 10
# A run can evaluate after each of 300 steps; a page moves its dots through this many at most
MOST_STEPS = 24


def empty_theatre() -> Markup:
    """The picture before the first evaluation; the script fills it."""
    return render("theatre.html")


def dots_texts(labels: Sequence[str]) -> dict[str, Any]:
    """What the script says of the dots. labels: the names of the two labels."""
    return {
        "labels": list(labels),
        "before": _("before training"),
        "step": _("step {step}"),
        "answered": _("{count} predicted {label}"),
        "own": _("your pair"),
        "waiting": _("The dots appear with the first evaluation."),
        "untold": _("This run didn't save its predictions pair by pair."),
    }


def dots_data(run_id: str, evaluations: Sequence[Evaluation]) -> str:
    """The evaluations as JSON for the script, P(equivalent) in thousandths; "" before the first
    one.
    """
    if not evaluations:
        return ""
    told = thinned([one for one in evaluations if one.shares])
    if not told:
        return json.dumps({"run": run_id})
    data = {
        "run": run_id,
        "labels": list(told[0].labels),
        "steps": [one.step for one in told],
        "shares": [[round(1000 * share) for share in one.shares] for one in told],
    }
    return json.dumps(data, separators=(",", ":"))


def own_data(run_id: str, evaluations: Sequence[Evaluation]) -> str:
    """P(equivalent) of the visitor's own pair at each evaluation of `dots_data`, as JSON; "" where
    the run judges none. For who owns the run alone.
    """
    told = thinned([one for one in evaluations if one.shares])
    own = [round(1000 * one.own_share) for one in told if one.own_share is not None]
    if not own or len(own) != len(told):
        return ""
    return json.dumps({"run": run_id, "own": own})


def thinned(evaluations: Sequence[Evaluation], most: int = MOST_STEPS) -> list[Evaluation]:
    """At most so many of them, the first and the last among them, evenly apart."""
    if len(evaluations) <= most:
        return list(evaluations)
    last = len(evaluations) - 1
    return [evaluations[round(place * last / (most - 1))] for place in range(most)]


def last_said(evaluations: Sequence[Evaluation]) -> Markup:
    """The last evaluation in one sentence."""
    if not evaluations:
        return quiet(_("After each evaluation, one sentence here says what it means."))
    before = evaluations[-2] if len(evaluations) > 1 else None
    return render("last_evaluation.html", sentence=said_of(evaluations[-1], before))


# ---------------------------------------------------------------- as a table


def binned(shares: Sequence[float], labels: Sequence[int]) -> list[tuple[str, int, int]]:
    """[(bin, pairs of label 0 in it, pairs of label 1)] of ten bins; 0.5 itself is in the lower
    half, as it is answered with label 0.
    """
    counts = [[0, 0] for _bin in range(BINS)]
    for share, label in zip(shares, labels, strict=True):
        place = max(-(-round(1000 * share) * BINS // 1000) - 1, 0)
        counts[place][label] += 1
    return [
        (f"{place / BINS:.1f} – {(place + 1) / BINS:.1f}", pairs[0], pairs[1])
        for place, pairs in enumerate(counts)
    ]


def bins_table(evaluations: Sequence[Evaluation], labels: Sequence[str]) -> Markup:
    """The last evaluation's dots in ten bins, for who doesn't see them; empty without any."""
    told = [one for one in evaluations if one.shares]
    if not told:
        return Markup()
    last = told[-1]
    when = _("before training") if last.step == 0 else _("step {step}", step=last.step)
    return render(
        "theatre_table.html",
        caption=_("Validation pairs by P(equivalent), {when}", when=when),
        heads=("P(equivalent)", *(_("gold label {label}", label=label) for label in labels)),
        rows=binned(last.shares, last.labels),
    )


# ---------------------------------------------------------------- one pair


@dataclass(frozen=True)
class JudgedPair:
    """A pair of the theatre and what a run said of it.

    name: "#12" or the visitor's own. gold: its label's name, "" where nobody knows it.
    shares: [(step, P(equivalent))] of each evaluation. at: the step that is looked at.
    """

    name: str
    sentences: tuple[str, str] | None
    gold: str
    shares: Sequence[tuple[int, float]]
    at: int


def judged_pair(pair: JudgedPair, labels: Sequence[str]) -> Markup:
    """The two sentences, gold label, P, and whether the pair crossed the line."""
    now = dict(pair.shares)[pair.at]
    answer = labels[int(now > 0.5)]
    return render(
        "theatre_pair.html",
        pair=pair,
        answer=answer,
        share=percent(now),
        right=None if not pair.gold else answer == pair.gold,
        crossed=crossing(pair),
    )


def crossing(pair: JudgedPair) -> str:
    """Where a pair stood before training, and when it crossed the line since."""
    until = [(step, share) for step, share in pair.shares if step <= pair.at]
    first, *later = until
    if not later:
        return ""
    sides = [share > 0.5 for _step, share in until]
    crossed = [
        step
        for (step, _share), was, now in zip(later, sides, sides[1:], strict=False)
        if was != now
    ]
    began = percent(first[1])
    if not crossed:
        return _("Before training {began}; it hasn't crossed the line.", began=began)
    steps = _(", ").join(map(str, crossed))
    return _(
        "Before training {began}; it crossed the line by step {steps}.", began=began, steps=steps
    )


def no_pair() -> Markup:
    """What stands where a chosen pair is read."""
    return quiet(
        _("Point at a dot, touch it, or go from dot to dot with the arrow keys, to read its pair.")
    )
