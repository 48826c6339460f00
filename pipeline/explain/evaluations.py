"""What a run's evaluations mean, in counts: how many pairs are right, and what changed since the
evaluation before.

>>> one = Evaluation(0, 0.61, right=3, pairs=4, majority=2, shares=(0.9, 0.8, 0.6, 0.1))
>>> str(said_of(one))
'Before training: 3 of 4 right, 1 more than always predicting “equivalent”.'

A change is named only where chance would seldom bring it. The same pairs are judged again, so what
counts is how many of them changed sides: of b pairs that became right and c that became wrong,
|b - c| above 2·sqrt(b + c) (two standard errors, as in McNemar's test).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from languages import say, say_plural
from pipeline.answers import Share, answer_of, are_shares, probability_of
from pipeline.pair_map import are_points
from pipeline.runs.progress import Run
from pipeline.settings import LABELS

# Losses nearer than this are told apart by nobody who looks at a curve
SAME_LOSS = 0.005
Point = tuple[float, float]
SURE = 0.9  # P of the label that was answered, from which on an answer is called sure


@dataclass(frozen=True)
class Evaluation:
    """One evaluation of a run on its validation pairs.

    majority: how many pairs are right by always saying majority_label. labels: the pairs' gold
    labels; shares: what answers.py tells of each pair; both () where they can't be told pair by
    pair. own_share: that of the visitor's own pair. names: those of the task's labels. points:
    [(x, y), ...] as pair_map.py tells them, () where it doesn't; held: the share of the pairs'
    variance that their plane holds.
    """

    step: int
    loss: float
    right: int
    pairs: int
    majority: int
    majority_label: int = 1
    labels: tuple[int, ...] = ()
    shares: tuple[Share, ...] = ()
    own_share: Share | None = None
    names: tuple[str, ...] = LABELS
    points: tuple[Point, ...] = ()
    own_point: Point | None = None
    held: float = math.nan

    @property
    def answers(self) -> list[int]:
        """The label that each pair was given."""
        return [answer_of(share) for share in self.shares]

    @property
    def rights(self) -> list[bool]:
        """Whether each answer was the gold label."""
        return [one == gold for one, gold in zip(self.answers, self.labels, strict=True)]

    @property
    def surely_wrong(self) -> int:
        """How many answers are wrong and sure."""
        if not self.labels:
            return 0
        return sum(
            not right and probability_of(share, answer) >= SURE
            for right, share, answer in zip(self.rights, self.shares, self.answers, strict=True)
        )


def evaluations_of(run: Run) -> list[Evaluation]:
    """The evaluations of a run, in order. One without an accuracy (its logits are NaN) counts no
    pair as right.
    """
    start = run.first("start") or {}
    pairs, majority = start.get("eval_pairs"), start.get("majority")
    if not pairs or not majority:
        return []
    labels = tuple(start.get("labels") or ())
    if len(labels) != pairs:
        labels = ()
    names = run.labels
    return [_evaluation(event, pairs, majority, labels, names) for event in run.of("evaluation")]


def _evaluation(
    event: dict, pairs: int, majority: dict, labels: tuple[int, ...], names: tuple[str, ...]
) -> Evaluation:
    accuracy = event.get("eval_accuracy", math.nan)
    right = round(accuracy * pairs) if math.isfinite(accuracy) else 0
    shares, own = event.get("shares") or [], event.get("own_share")
    told = bool(labels) and len(shares) == pairs and are_shares(shares, len(names))
    points = event.get("points") or []
    own_point = event.get("own_point") if are_points([event.get("own_point")]) else None
    placed = told and len(points) == pairs and are_points(points)
    return Evaluation(
        step=event["step"],
        loss=event.get("eval_loss", math.nan),
        right=event.get("right") or right,
        pairs=pairs,
        majority=round(majority["accuracy"] * pairs),
        majority_label=majority.get("label", 1),
        labels=labels if told else (),
        shares=tuple(shares) if told else (),
        own_share=own if are_shares([own], len(names)) else None,
        names=names,
        points=tuple((x, y) for x, y in points) if placed else (),
        own_point=(own_point[0], own_point[1]) if placed and own_point else None,
        held=event.get("held", math.nan),
    )


# ---------------------------------------------------------------- in one sentence


def said_of(one: Evaluation, before: Evaluation | None = None) -> str:
    """What an evaluation means, and what changed since the one before."""
    when = say("Before training") if one.step == 0 else say("After step {step}", step=one.step)
    if not math.isfinite(one.loss):
        return say(
            "{when}: the loss is NaN or infinite; the model no longer makes predictions.", when=when
        )
    counts = say("{right} of {pairs} right", right=one.right, pairs=one.pairs)
    compared = _against_majority(one)
    change = _change(one, before) if before and math.isfinite(before.loss) else None
    if change is None:
        return say("{when}: {counts}, {compared}.", when=when, counts=counts, compared=compared)
    return say(
        "{when}: {counts}, {compared}; {change}.",
        when=when,
        counts=counts,
        compared=compared,
        change=change,
    )


def _against_majority(one: Evaluation) -> str:
    """How the count stands to that of always giving the majority's label."""
    label = one.names[one.majority_label]
    if one.shares and len(set(one.answers)) == 1:
        return say("because it predicts “{label}” for every pair", label=one.names[one.answers[0]])
    more = one.right - one.majority
    if more > 0:
        return say_plural(
            "{count} more than always predicting “{label}”",
            "{count} more than always predicting “{label}”",
            more,
            label=label,
        )
    if more < 0:
        return say_plural(
            "{count} fewer than always predicting “{label}”",
            "{count} fewer than always predicting “{label}”",
            -more,
            label=label,
        )
    return say("as many as always predicting “{label}”", label=label)


def _change(one: Evaluation, before: Evaluation) -> str:
    """What is different since the evaluation before, beyond chance."""
    more, is_chance = _moved(one, before)
    rise = one.loss - before.loss
    if rise > SAME_LOSS and (is_chance or more > 0):
        return _surer(one)
    if is_chance and rise < -SAME_LOSS:
        return say(
            "no change beyond chance in the number right since step {step}, but closer to the "
            "labels: the loss fell",
            step=before.step,
        )
    if is_chance:
        return say("no change beyond chance since step {step}", step=before.step)
    if more < 0:
        return say_plural(
            "{count} fewer right than at step {step}",
            "{count} fewer right than at step {step}",
            -more,
            step=before.step,
        )
    if rise < -SAME_LOSS:
        return say_plural(
            "{count} more right than at step {step}, and the loss fell",
            "{count} more right than at step {step}, and the loss fell",
            more,
            step=before.step,
        )
    return say_plural(
        "{count} more right than at step {step}",
        "{count} more right than at step {step}",
        more,
        step=before.step,
    )


def _surer(one: Evaluation) -> str:
    """The loss rises while no fewer are right: over-confident. Wrong answers cost the more, the
    surer they are.
    """
    if one.surely_wrong:
        return say_plural(
            "more confident, even when wrong: {count} wrong prediction with a probability of "
            "{sure:.0%} or more",
            "more confident, even when wrong: {count} wrong predictions with a probability of "
            "{sure:.0%} or more",
            one.surely_wrong,
            sure=SURE,
        )
    return say(
        "no fewer right, but the wrong predictions are further from the labels: the loss rose"
    )


def _moved(one: Evaluation, before: Evaluation) -> tuple[int, bool]:
    """(how many more are right, whether chance may have brought that)."""
    more = one.right - before.right
    return more, abs(more) <= 2 * math.sqrt(changed_sides(one, before))


def changed_sides(one: Evaluation, before: Evaluation) -> int:
    """How many pairs are right in one of two evaluations and wrong in the other; where that can't
    be told pair by pair, as many as if other pairs had been judged: chance may bring more.
    """
    if one.shares and before.shares:
        return sum(now != was for now, was in zip(one.rights, before.rights, strict=True))
    share = (one.right + before.right) / (2 * one.pairs)
    return round(2 * one.pairs * share * (1 - share))
