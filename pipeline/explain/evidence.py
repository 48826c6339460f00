"""What a run's curve says, and how much of it chance may have said.

How far a number varies by chance decides whether it means anything:

- Accuracy p on n pairs has the standard error sqrt(p·(1 − p)/n): on MRPC's 408 about 2.3 points.
  F1 has (1 − F1)·sqrt(F1·(2 − F1)/(n·(1 − p))), by the delta method: about 1.6 points.
- The difference between end and start has the standard error sqrt(e₁² + e₂²), as if other pairs
  had been evaluated. They are the same pairs, which makes it about 1.25 times smaller (measured:
  dev/LOG.md), by an amount that a curve doesn't tell.
- A pair's loss varies by about 1.2 times its mean (measured), so a validation loss of L over n
  pairs has the standard error 1.2·L/sqrt(n).
- Single batches vary, and small ones more. "The training loss" is the mean over a part of the run:
  an eighth of its steps, or five. Its noise is the standard deviation of steps within a part.

    >>> means([(1, 1.0), (2, 0.8), (3, 0.6), (4, 0.4)], 2)
    [0.9, 0.5]
"""

import math
from dataclasses import dataclass, field, replace
from statistics import mean, variance

from languages import say, say_plural
from pipeline.config import TrainingConfig
from pipeline.explain.what_changed import Judgement
from pipeline.runs.progress import Run
from pipeline.settings import LABELS

Points = list[tuple[int, float]]  # (step, value)

MOST_PARTS, LEAST_IN_A_PART = 8, 5
LOSS_SPREAD = 1.2  # the standard deviation of single pairs' losses, in means of them


@dataclass(frozen=True)
class Score:
    """Accuracy or F1 before the first step and after the last, and the majority's; all 0 to 1."""

    before: float
    after: float
    majority: float
    error: float  # the standard error of the majority's value
    apart: float  # the standard error of after − before

    @property
    def gain(self) -> float:
        """How many standard errors it went up; negative where it fell."""
        return in_errors(self.after - self.before, self.apart)

    @property
    def above(self) -> float:
        """How many standard errors it ends above the majority's."""
        return in_errors(self.after - self.majority, self.error)

    @property
    def began_above(self) -> float:
        """How many standard errors it began above the majority's."""
        return in_errors(self.before - self.majority, self.error)


@dataclass(frozen=True)
class Evidence:
    """What the rules look at: finite numbers, unless `broken_steps` names the others.

    Of a run that keeps its best checkpoint, the curves up to that one: what came later isn't in its
    model.
    """

    config: TrainingConfig
    loss: Points
    eval_loss: Points
    eval_accuracy: Points
    eval_f1: Points
    majority: float  # accuracy of always predicting the majority class
    majority_f1: float
    eval_pairs: int
    train_pairs: int
    # After the run, a label's number a pair; [] if not kept
    answers: list[int] = field(default_factory=list)
    labels: tuple[str, ...] = LABELS  # the task's; of three or more, eval_f1 is macro-F1
    has_pair: bool = True  # whether its rows have two sentences
    early: bool = False  # whether early stopping ended it
    later_steps: int = 0  # steps after those of `loss`, whose weights it doesn't keep

    @property
    def accuracy(self) -> Score:
        """The accuracy before and after, as shares, and its standard error."""
        (_, before), (_, after) = self.eval_accuracy[0], self.eval_accuracy[-1]
        shares = before, after, self.majority
        first, last, error = (standard_error(share, self.eval_pairs) for share in shares)
        return Score(*shares, error, math.hypot(first, last))

    @property
    def f1(self) -> Score:
        """The F1 before and after, as shares, and its standard error."""
        (_, before), (_, after) = self.eval_f1[0], self.eval_f1[-1]
        values = before, after, self.majority_f1
        shares = self.accuracy.before, self.accuracy.after, self.majority
        both = zip(values, shares, strict=True)
        # That of macro-F1 is about accuracy's (measured: dev/LOG.md)
        errors = (
            f1_error(f1, share, self.eval_pairs)
            if len(self.labels) == 2
            else standard_error(share, self.eval_pairs)
            for f1, share in both
        )
        first, last, error = errors
        return Score(*values, error, math.hypot(first, last))

    def up_to(self, step: int) -> "Evidence":
        """The same of a run that keeps that step's weights."""

        def kept(points: Points) -> Points:
            return [point for point in points if point[0] <= step]

        return replace(
            self,
            loss=kept(self.loss),
            eval_loss=kept(self.eval_loss),
            eval_accuracy=kept(self.eval_accuracy),
            eval_f1=kept(self.eval_f1),
            later_steps=self.steps_made - len(kept(self.loss)),
        )

    @property
    def steps_made(self) -> int:
        """All optimizer steps of the run."""
        return len(self.loss) + self.later_steps

    @property
    def epochs(self) -> float:
        """How often each training pair was seen."""
        return len(self.loss) / self.config.steps_per_epoch(self.train_pairs)

    @property
    def ends(self) -> tuple[float, float]:
        """The training loss in the first and in the last part of the run."""
        parts = means(self.loss)
        return parts[0], parts[-1]

    @property
    def eval_ends(self) -> tuple[float, float]:
        """The validation loss before the first step and after the last."""
        return self.eval_loss[0][1], self.eval_loss[-1][1]

    @property
    def lowest(self) -> tuple[int, float]:
        """(step, value) of the lowest validation loss, the earliest of them."""
        return min(self.eval_loss, key=lambda point: point[1])

    @property
    def at_lowest(self) -> float:
        """The accuracy where the validation loss was lowest."""
        return dict(self.eval_accuracy)[self.lowest[0]]

    @property
    def broken_steps(self) -> list[int]:
        """The steps at which a loss, accuracy or F1 is NaN or infinite."""
        curves = self.loss, self.eval_loss, self.eval_accuracy, self.eval_f1
        return [step for points in curves for step, value in points if not math.isfinite(value)]


def evidence_of(run: Run, judgement: Judgement | None = None) -> Evidence | None:
    """A run and its judgement, if any -> Evidence; None where the story tells too little."""
    start = run.first("start")
    end = run.first(run.state) if run.ended else None
    if not start or not run.config or not end or not end.get("after"):
        return None
    f1 = "f1" if len(run.labels) == 2 else "macro_f1"
    told = {"eval_loss": "eval_loss", "eval_accuracy": "eval_accuracy", "eval_f1": f"eval_{f1}"}
    events = [event for event in run.of("evaluation") if {*told.values()} <= set(event)]
    if f1 not in start["majority"]:
        return None
    whole = Evidence(
        config=TrainingConfig(**run.config),
        loss=[(event["step"], event["loss"]) for event in run.of("log")],
        **{
            name: [(event["step"], event[figure]) for event in events]
            for name, figure in told.items()
        },
        majority=start["majority"]["accuracy"],
        majority_f1=start["majority"][f1],
        eval_pairs=start.get("eval_pairs") or run.config["eval_pairs"],
        train_pairs=start.get("train_pairs") or run.config["train_pairs"],
        answers=judgement.answers("after") if judgement else [],
        labels=run.labels,
        has_pair=run.has_pair,
        early=bool(end.get("early")),
        later_steps=0,
    )
    kept = end.get("kept_step")
    # A run that broke has to say so, whatever it keeps
    return whole.up_to(kept) if kept and not whole.broken_steps else whole


# ---------------------------------------------------------------- standard errors


def standard_error(share: float, pairs: int) -> float:
    """Of a share over so many pairs."""
    share = min(max(share, 0.0), 1.0)
    return math.sqrt(share * (1 - share) / pairs)


def f1_error(f1: float, accuracy: float, pairs: int) -> float:
    """The standard error of F1 on so many pairs, of which the share `accuracy` is right."""
    f1, wrong = min(max(f1, 0.0), 1.0), pairs * (1 - min(max(accuracy, 0.0), 1.0))
    return (1 - f1) * math.sqrt(f1 * (2 - f1) / wrong) if wrong > 0 else 0.0


def in_errors(difference: float, error: float) -> float:
    """A difference in standard errors; infinite where there is one and the error is 0."""
    if error:
        return difference / error
    return math.copysign(math.inf, difference) if difference else 0.0


# ---------------------------------------------------------------- losses and their noise


def parts_of(points: Points, count: int | None = None) -> list[list[float]]:
    """The values of `count` parts of a curve, as equal as may be.

    By default these are eight parts, or as many as have five values.
    """
    fitting = max(2, min(MOST_PARTS, len(points) // LEAST_IN_A_PART))
    count = min(count or fitting, len(points))
    edges = [round(part * len(points) / count) for part in range(count + 1)]
    return [[value for _, value in points[a:b]] for a, b in zip(edges, edges[1:], strict=False)]


def means(points: Points, count: int | None = None) -> list[float]:
    """The mean of each part."""
    return [mean(values) for values in parts_of(points, count)]


def noise(points: Points) -> float:
    """The standard deviation of the values around their part's mean, 0 where no part has two."""
    parts = [values for values in parts_of(points) if len(values) > 1]
    return math.sqrt(mean(variance(values) for values in parts)) if parts else 0.0


def chance(evidence: Evidence) -> float:
    """How far apart noise may put two parts' means of the training loss: three standard errors."""
    steps_in_a_part = len(evidence.loss) / len(means(evidence.loss))
    return 3 * noise(evidence.loss) * math.sqrt(2 / steps_in_a_part)


def training_loss_fell(evidence: Evidence) -> bool:
    """By a fifth at least, and by more than chance explains."""
    first, last = evidence.ends
    return first - last > max(first / 5, chance(evidence))


def rise_in_errors(evidence: Evidence) -> float:
    """How many standard errors the validation loss ends above its lowest."""
    final = evidence.eval_ends[1]
    return in_errors(
        final - evidence.lowest[1], LOSS_SPREAD * final / math.sqrt(evidence.eval_pairs)
    )


# ---------------------------------------------------------------- as sentences name them


def numbers(evidence: Evidence) -> dict[str, float | str]:
    """Every figure that a sentence on the curve may name. Errors and gains of scores in points."""
    accuracy, f1 = evidence.accuracy, evidence.f1
    first, last = evidence.ends
    val_first, val_last = evidence.eval_ends
    best_step, best = evidence.lowest
    return {
        "before": accuracy.before,
        "after": accuracy.after,
        "majority": accuracy.majority,
        "error": 100 * accuracy.error,
        "apart": 100 * accuracy.apart,
        "points": 100 * (accuracy.after - accuracy.before),
        "above": accuracy.above,
        "gain": accuracy.gain,
        "at_best": evidence.at_lowest,
        "f1": "F1" if len(evidence.labels) == 2 else say("macro-F1"),
        "f1_before": f1.before,
        "f1_after": f1.after,
        "f1_majority": f1.majority,
        "f1_error": 100 * f1.error,
        "f1_above": f1.above,
        "f1_gain": f1.gain,
        "first": first,
        "last": last,
        "val_first": val_first,
        "val_last": val_last,
        "best_step": best_step,
        "best": best,
        "rise": val_last / best - 1 if best else 0.0,
        "pairs": say_plural("{count} pair", "{count} pairs", evidence.eval_pairs),
        "steps": say_plural("{count} step", "{count} steps", len(evidence.loss)),
        "epochs": evidence.epochs,
        "batch": say_plural("{count} pair", "{count} pairs", evidence.config.effective_batch_size),
    }


def in_one_line(evidence: Evidence) -> str:
    """All that the rules look at; "" where not all of it is numbers."""
    if evidence.broken_steps:
        return ""
    figures = _figures_said(evidence)
    if not evidence.later_steps:
        return figures
    return say(
        "The run keeps the weights of step {kept} of {made}, so these are the figures up to "
        "there. {figures}",
        kept=len(evidence.loss),
        made=evidence.steps_made,
        figures=figures,
    )


def _figures_said(evidence: Evidence) -> str:
    return say(
        "Accuracy {before:.1%} → {after:.1%} (majority {majority:.1%}, standard error "
        "{error:.1f} percentage points), {f1} {f1_before:.1%} → {f1_after:.1%} (majority "
        "{f1_majority:.1%}, standard error {f1_error:.1f}), on {pairs}. Validation loss "
        "{val_first:.3f} → {val_last:.3f}, training loss {first:.3f} → {last:.3f}. {steps} of "
        "{batch} each: each training pair was seen {epochs:.1f} times.",
        **numbers(evidence),
    )
