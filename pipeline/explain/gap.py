"""What a run's metric says beyond its two numbers: how far the training pairs are ahead of the
others, and whether one evaluation is better than another.

>>> str(gap_said(Gap(1.0, 0.74, began=(0.59, 0.72), training_pairs=64, pairs=408)))
'Training 100.0%, validation 74.0%: the gap grew from -13.0 to 26.0 points, more than chance \
(standard error 6.9).'
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
    shares, of so many pairs. began: both before the first step. A sample may be easier than
    validation by chance, so what counts is how far the gap has grown since.
    """

    training: float
    validation: float
    began: tuple[float, float]
    training_pairs: int
    pairs: int

    @property
    def points(self) -> float:
        """Percentage points by which the training pairs are ahead."""
        return 100 * (self.training - self.validation)

    @property
    def points_before(self) -> float:
        """The same before the first step."""
        return 100 * (self.began[0] - self.began[1])

    @property
    def error(self) -> float:
        """The standard error of the gap's growth, in points, as if each evaluation had judged other
        pairs: they are the same, which makes it smaller (evidence.py).
        """
        training = (standard_error(p, self.training_pairs) for p in (self.began[0], self.training))
        validation = (standard_error(p, self.pairs) for p in (self.began[1], self.validation))
        return 100 * math.hypot(*training, *validation)


def gap_of(run: Run) -> Gap | None:
    """The gap at the run's last evaluation; None before its first step, and where it judged no
    training pairs.
    """
    start, evaluations = run.first("start") or {}, run.of("evaluation")
    if len(evaluations) < 2 or not start.get("train_sample") or not start.get("eval_pairs"):
        return None
    names = ("train_accuracy", "eval_accuracy")
    first, last = (
        [event.get(name) for name in names] for event in evaluations[:: len(evaluations) - 1]
    )
    shares = [value for value in (*first, *last) if _is_share(value)]
    if len(shares) < 4:
        return None
    began = shares[0], shares[1]
    return Gap(shares[2], shares[3], began, start["train_sample"], start["eval_pairs"])


def gap_said(gap: Gap) -> str:
    """The gap in a sentence, with whether chance explains how it grew."""
    values = {
        "training": gap.training,
        "validation": gap.validation,
        "points": gap.points,
        "before": gap.points_before,
        "error": gap.error,
    }
    if in_errors(gap.points - gap.points_before, gap.error) >= CLEAR:
        return say(
            "Training {training:.1%}, validation {validation:.1%}: the gap grew from {before:.1f} "
            "to {points:.1f} points, more than chance (standard error {error:.1f}).",
            **values,
        )
    return say(
        "Training {training:.1%}, validation {validation:.1%}: a gap of {points:.1f} points, "
        "{before:.1f} before training, which is within chance (standard error {error:.1f}).",
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
