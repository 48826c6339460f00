"""A run's evaluations as dots: each validation pair by a probability, coloured by its gold label.

Of two labels it is the probability of label 1: a right dot is on its label's side of the line. Of
more it is that of the gold label, and each gold label has a lane of its own.
A second picture, the map, has them where their [CLS] vectors lie in a plane (pair_map.py).
static/theatre.js draws the dots of `dots_data`; the sentences of a pair come when it is asked for.

>>> binned([0.04, 0.5, 0.51, 1.0], [0, 1, 1, 0])[0], binned([1.0], [0])[-1]
(('0.0 – 0.1', 1, 0), ('0.9 – 1.0', 1, 0))
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from languages import _
from pipeline.answers import Share, answer_of, probability_of
from pipeline.explain.evaluations import Evaluation, Point, said_of
from pipeline.pair_map import centre, share_between
from pipeline.settings import LABELS
from views.markup import quiet
from views.numbers import percent
from views.render import render

BINS = 10
# A run can evaluate after each of 300 steps; a page moves its dots through this many at most
MOST_STEPS = 24
MAP_SIDE = 1000  # the longer side of the map, in the units of what the script gets


def empty_theatre() -> Markup:
    """The picture before the first evaluation; the script fills it."""
    return render("theatre.html", texts=dots_texts(), labels=LABELS)


def dots_texts() -> dict[str, Any]:
    """What the script says of the dots; in some texts it fills in the run's own labels."""
    return {
        "caption": _("Validation pairs by P({label})"),
        "gold": _("gold label {label}"),
        "goldCaption": _("Validation pairs by P(gold label)"),
        "mapCaption": _("Validation pairs by what the classifier reads"),
        "mapStage": _(
            "Validation pairs as dots, each where its [CLS] vector lies in a plane. Arrow keys "
            "left and right go from dot to dot, up and down to the other gold label, Enter to "
            "your pair."
        ),
        "lane": _("{label}: {right} of {count} right"),
        "lanes": _("all labels: {right} of {count} right"),
        "axis": _("P(gold label)"),
        "wrong": _("hollow: predicted wrongly"),
        "turned": _("outlined: right now, wrong before training, or the other way round"),
        "crossed": _("outlined: crossed the line since training began"),
        "ownAnswer": _("your pair: {label}"),
        "stage": _(
            "Validation pairs as dots, by P({label}) from 0 to 1. Arrow keys left and right go "
            "from dot to dot, up and down to the other gold label, Enter to your pair."
        ),
        "goldStage": _(
            "Validation pairs as dots, by P(gold label) from 0 to 1, in one lane for each gold "
            "label. Arrow keys left and right go from dot to dot, up and down to the next lane, "
            "Enter to your pair."
        ),
        "before": _("before training"),
        "step": _("step {step}"),
        "answered": _("{count} predicted {label}"),
        "own": _("your pair"),
        "waiting": _("The dots appear with the first evaluation."),
        "untold": _("This run didn't save its predictions pair by pair."),
    }


def dots_data(run_id: str, evaluations: Sequence[Evaluation]) -> str:
    """The evaluations as JSON for the script, "" before the first one: the gold labels' numbers and
    all names, and each dot's probability in thousandths. Of three labels or more the answers too,
    which that doesn't tell.
    """
    if not evaluations:
        return ""
    told = thinned([one for one in evaluations if one.shares])
    if not told:
        return json.dumps({"run": run_id})
    data: dict[str, Any] = {
        "run": run_id,
        "names": list(told[0].names),
        "labels": list(told[0].labels),
        "steps": [one.step for one in told],
        "shares": [[round(1000 * share) for share in places(one)] for one in told],
    }
    if len(told[0].names) > 2:
        data["answers"] = [one.answers for one in told]
    if frame := map_frame(told):
        data["map"] = {
            "size": frame.size,
            "points": [[frame.placed(point) for point in one.points] for one in told],
            "said": [str(map_said(one)) for one in told],
        }
    return json.dumps(data, separators=(",", ":"))


def places(one: Evaluation) -> list[float]:
    """Where each dot is, 0 to 1: P(label 1) of two labels, P(gold label) of more."""
    is_binary = len(one.names) == 2
    return [
        probability_of(share, 1 if is_binary else gold)
        for share, gold in zip(one.shares, one.labels, strict=True)
    ]


def own_data(run_id: str, evaluations: Sequence[Evaluation]) -> str:
    """Where the visitor's own pair is at each evaluation of `dots_data`, as JSON; "" where the run
    judges none. Nobody knows its gold label: of three labels or more it is at the probability of
    its answer, which is told, too. For who owns the run alone.
    """
    told = thinned([one for one in evaluations if one.shares])
    shares = [one.own_share for one in told if one.own_share is not None]
    if not shares or len(shares) != len(told):
        return ""
    frame, points = map_frame(told), [one.own_point for one in told if one.own_point]
    data: dict[str, Any] = {"run": run_id}
    if frame and len(points) == len(told):
        data["ownPoints"] = [frame.placed(point) for point in points]
    answers = [answer_of(share) for share in shares]
    if len(told[0].names) == 2:
        own = [round(1000 * probability_of(share, 1)) for share in shares]
        return json.dumps({**data, "own": own})
    own = [
        round(1000 * probability_of(share, answer))
        for share, answer in zip(shares, answers, strict=True)
    ]
    return json.dumps({**data, "own": own, "ownAnswers": answers})


@dataclass(frozen=True)
class MapFrame:
    """The part of the plane that the map shows, one for all evaluations: what moves are the points.

    left, top: its corner; unit: how much of the plane is one of MAP_SIDE. size: [width, height].
    """

    left: float
    top: float
    unit: float
    size: list[int]

    def placed(self, point: Point) -> list[int]:
        """Where a point of the plane is, [x to the right, y down]; at the edge if it is outside."""
        place = (point[0] - self.left) / self.unit, (self.top - point[1]) / self.unit
        return [round(min(max(one, 0), most)) for one, most in zip(place, self.size, strict=True)]


def map_frame(told: Sequence[Evaluation]) -> MapFrame | None:
    """The frame that holds the points of all these evaluations; None where one has none."""
    if not told or not all(one.points for one in told):
        return None
    columns = [x for one in told for x, _y in one.points]
    rows = [y for one in told for _x, y in one.points]
    width, height = max(columns) - min(columns), max(rows) - min(rows)
    unit = max(width, height) / MAP_SIDE
    if unit == 0:
        return None
    size = [max(round(width / unit), 1), max(round(height / unit), 1)]
    return MapFrame(min(columns), max(rows), unit, size)


def map_said(one: Evaluation) -> str:
    """What the map shows at an evaluation, in numbers."""
    between = share_between(one.points, one.labels)
    return _(
        "Each dot is a pair's [CLS] vector, of which two numbers are drawn: the directions in "
        "which these vectors varied most before training (PCA). They hold {held} of the variance "
        "here; {between} of the dots' scatter is between the gold labels.",
        held=_whole_percent(one.held),
        between=_whole_percent(between),
    )


def _whole_percent(share: float) -> str:
    return f"{share:.0%}" if math.isfinite(share) else "–"


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


def binned(
    shares: Sequence[float], labels: Sequence[int], count: int = 2
) -> list[tuple[str | int, ...]]:
    """[(bin, pairs of label 0 in it, pairs of label 1, … of all `count` labels)] of ten bins; 0.5
    itself is in the lower half, as of two labels it is answered with label 0.
    """
    counts = [[0] * count for _bin in range(BINS)]
    for share, label in zip(shares, labels, strict=True):
        place = max(-(-round(1000 * share) * BINS // 1000) - 1, 0)
        counts[place][label] += 1
    return [
        (f"{place / BINS:.1f} – {(place + 1) / BINS:.1f}", *pairs)
        for place, pairs in enumerate(counts)
    ]


def bins_table(evaluations: Sequence[Evaluation]) -> Markup:
    """The last evaluation's dots in ten bins, for who doesn't see them; empty without any."""
    told = [one for one in evaluations if one.shares]
    if not told:
        return Markup()
    last = told[-1]
    when = _when(last)
    if len(last.names) == 2:
        axis = f"P({last.names[1]})"
        caption = _("Validation pairs by P({label}), {when}", label=last.names[1], when=when)
    else:
        axis = _("P(gold label)")
        caption = _("Validation pairs by P(gold label), {when}", when=when)
    return render(
        "theatre_table.html",
        caption=caption,
        heads=(axis, *(_("gold label {label}", label=name) for name in last.names)),
        rows=binned(places(last), last.labels, len(last.names)),
        map=map_table(told),
    )


def map_table(told: Sequence[Evaluation]) -> tuple[tuple[str, ...], list[tuple[str, ...]]] | None:
    """The map as a table, (heads, rows): where each gold label's pairs have their centre before
    training and at the last evaluation. None where there is no map.
    """
    if not map_frame(told):
        return None
    heads = (
        _("gold label"),
        _("pairs"),
        *(_("centre, {when}", when=_when(one)) for one in (told[0], told[-1])),
    )
    rows = []
    for label, name in enumerate(told[0].names):
        own = [row for row, gold in enumerate(told[0].labels) if gold == label]
        if own:
            centres = [centre([one.points[row] for row in own]) for one in (told[0], told[-1])]
            written = (f"({x:.2f}, {y:.2f})" for x, y in centres)
            rows.append((name, str(len(own)), *written))
    return heads, rows


def _when(one: Evaluation) -> str:
    return _("before training") if one.step == 0 else _("step {step}", step=one.step)


# ---------------------------------------------------------------- one pair


@dataclass(frozen=True)
class JudgedPair:
    """A pair of the theatre and what a run said of it.

    name: "#12" or the visitor's own. gold: its label's name, "" where nobody knows it.
    shares: [(step, share of answers.py)] of each evaluation. at: the step that is looked at.
    """

    name: str
    sentences: tuple[str, str | None] | None
    gold: str
    shares: Sequence[tuple[int, Share]]
    at: int


def judged_pair(pair: JudgedPair, labels: Sequence[str]) -> Markup:
    """The sentences, gold label, probabilities, and whether the answer changed since training
    began. labels: the names of the run's labels.
    """
    now = dict(pair.shares)[pair.at]
    answer = labels[answer_of(now)]
    told = [1] if len(labels) == 2 else range(len(labels))
    return render(
        "theatre_pair.html",
        pair=pair,
        answer=answer,
        shares=[(labels[label], percent(probability_of(now, label))) for label in told],
        right=None if not pair.gold else answer == pair.gold,
        crossed=crossing(pair) if len(labels) == 2 else turns(pair, labels),
    )


def crossing(pair: JudgedPair) -> str:
    """Where a pair of two labels stood before training, and when it crossed the line since."""
    (_step, share), *later = _until(pair)
    if not later:
        return ""
    crossed = [step for step, _answer in _changes(pair)]
    began = percent(probability_of(share, 1))
    if not crossed:
        return _("Before training {began}; it hasn't crossed the line.", began=began)
    steps = _(", ").join(map(str, crossed))
    return _(
        "Before training {began}; it crossed the line by step {steps}.", began=began, steps=steps
    )


def turns(pair: JudgedPair, labels: Sequence[str]) -> str:
    """What a pair of three labels or more was answered before training, and since."""
    (_step, share), *later = _until(pair)
    if not later:
        return ""
    began = labels[answer_of(share)]
    changes = [
        _("{label} by step {step}", label=labels[answer], step=step)
        for step, answer in _changes(pair)
    ]
    if not changes:
        return _("Before training {began}, and the same since.", began=began)
    return _("Before training {began}; {changes}.", began=began, changes=_(", ").join(changes))


def _until(pair: JudgedPair) -> list[tuple[int, Share]]:
    return [(step, share) for step, share in pair.shares if step <= pair.at]


def _changes(pair: JudgedPair) -> list[tuple[int, int]]:
    """[(step, its answer)] of each evaluation whose answer is another than before."""
    answers = [(step, answer_of(share)) for step, share in _until(pair)]
    return [
        (step, now)
        for (_step, was), (step, now) in zip(answers, answers[1:], strict=False)
        if was != now
    ]


def no_pair() -> Markup:
    """What stands where a chosen pair is read."""
    return quiet(
        _("Point at a dot, touch it, or go from dot to dot with the arrow keys, to read its pair.")
    )
