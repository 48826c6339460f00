"""What a run's metric says beyond its two numbers: how far the training pairs are ahead of the
others, and whether one evaluation is better than another.

>>> str(gap_said(Gap(0.95, 0.79, training_pairs=64, pairs=408)))
'Training 95.0%, validation 79.0%: a gap of 16.0 points, more than chance (standard error 3.4).'
>>> str(gap_said(Gap(0.84, 0.81, training_pairs=64, pairs=408)))
'Training 84.0%, validation 81.0%: a gap of 3.0 points, within chance (standard error 5.0).'
"""

import math
from dataclasses import dataclass
from typing import TypeGuard

from languages import say, say_plural
from pipeline.explain.evaluations import Evaluation, changed_sides
from pipeline.explain.evidence import f1_error, in_errors, standard_error
from pipeline.runs.progress import Run

CLEAR = 2.0  # standard errors of the gap, from which on chance would seldom bring it

# ---------------------------------------------------------------- errors of a curve


def error_of(metric: str, event: dict, run: Run) -> float | None:
    """The standard error of a metric at an evaluation, over the validation pairs; None where the
    event or the run tells too little, or the metric is no share. metric: a name of METRICS.
    """
    pairs = (run.first("start") or {}).get("eval_pairs")
    value, accuracy = event.get(f"eval_{metric}"), event.get("eval_accuracy")
    if not pairs or not _is_share(value) or not _is_share(accuracy):
        return None
    if metric == "f1":
        return f1_error(value, accuracy, pairs)
    # That of macro-F1 is about accuracy's (measured: dev/LOG.md)
    return standard_error(accuracy, pairs) if metric in ("accuracy", "macro_f1") else None


def _is_share(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and 0 <= value <= 1  # false for NaN


# ---------------------------------------------------------------- training beside validation


@dataclass(frozen=True)
class Gap:
    """The accuracy on a sample of the training pairs and on validation, at one evaluation; both are
    shares, of so many pairs.
    """

    training: float
    validation: float
    training_pairs: int
    pairs: int

    @property
    def points(self) -> float:
        """Percentage points by which the training pairs are ahead."""
        return 100 * (self.training - self.validation)

    @property
    def error(self) -> float:
        """The standard error of the gap, in points: the two samples have no pair in common."""
        first = standard_error(self.training, self.training_pairs)
        return 100 * math.hypot(first, standard_error(self.validation, self.pairs))


def gap_of(run: Run) -> Gap | None:
    """The gap at the run's last evaluation; None where it judged no training pairs."""
    start, evaluations = run.first("start") or {}, run.of("evaluation")
    if not evaluations or not start.get("train_sample") or not start.get("eval_pairs"):
        return None
    last = evaluations[-1]
    training, validation = last.get("train_accuracy"), last.get("eval_accuracy")
    if not _is_share(training) or not _is_share(validation):
        return None
    return Gap(training, validation, start["train_sample"], start["eval_pairs"])


def gap_said(gap: Gap) -> str:
    """The gap in a sentence, with whether chance explains it."""
    values = {
        "training": gap.training,
        "validation": gap.validation,
        "points": abs(gap.points),
        "error": gap.error,
    }
    if abs(in_errors(gap.points, gap.error)) < CLEAR:
        return say(
            "Training {training:.1%}, validation {validation:.1%}: a gap of {points:.1f} points, "
            "within chance (standard error {error:.1f}).",
            **values,
        )
    if gap.points < 0:
        return say(
            "Training {training:.1%}, validation {validation:.1%}: the validation pairs are "
            "easier, by {points:.1f} points (standard error {error:.1f}).",
            **values,
        )
    return say(
        "Training {training:.1%}, validation {validation:.1%}: a gap of {points:.1f} points, more "
        "than chance (standard error {error:.1f}).",
        **values,
    )


# ---------------------------------------------------------------- is 81 better than 79?


def best_and_last(evaluations: list[Evaluation]) -> str:
    """Whether a run's best evaluation after its start is better than its last one, or, where that
    is the best, than the one before; "" of fewer than two.
    """
    trained = [one for one in evaluations if one.step > 0 and math.isfinite(one.loss)]
    if len(trained) < 2:
        return ""
    best = max(trained, key=lambda one: one.right)
    other = trained[-2] if best is trained[-1] else trained[-1]
    return compared(best, other)


def compared(better: Evaluation, other: Evaluation) -> str:
    """Two evaluations of the same pairs: how many more are right, and how many more chance would
    bring as the pairs that changed sides fell either way (McNemar's test).
    """
    more = better.right - other.right
    changed = changed_sides(better, other)
    chance = 2 * math.sqrt(changed)
    values = {
        "better": better.right / better.pairs,
        "step": better.step,
        "other": other.right / other.pairs,
        "other_step": other.step,
        "more": say_plural("{count} more pair is right", "{count} more pairs are right", more),
        "chance": chance,
    }
    if more > chance:
        return say(
            "{better:.1%} at step {step} is better than {other:.1%} at step {other_step}: {more}, "
            "and chance brings up to {chance:.0f}.",
            **values,
        )
    return say(
        "{better:.1%} at step {step} isn't clearly better than {other:.1%} at step {other_step}: "
        "{more}, and chance brings up to {chance:.0f}.",
        **values,
    )
