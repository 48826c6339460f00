"""A run's curve in the course's words, by rules anybody can check.

The rules are asked in the order of `RULES`, at the end; the first that holds names the curve. First
what makes all other figures meaningless, then what a few steps show, then what the losses show,
then how far accuracy and F1 came, and last what kept them from coming further. evidence.py has the
figures and their noise, remedies.py what to try next.

Two standard errors of the majority's value above it are "clearly above". The error of a difference
comes out about 1.25 times too large (evidence.py), so one and a half of it is a "clear change".
"""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from statistics import mean

from languages import say, say_plural
from pipeline.config import TrainingConfig
from pipeline.explain import remedies
from pipeline.explain.evidence import (
    LOSS_SPREAD,
    Evidence,
    chance,
    in_errors,
    in_one_line,
    means,
    noise,
    numbers,
    rise_in_errors,
    standard_error,
    training_loss_fell,
)
from pipeline.explain.remedies import Remedy
from pipeline.settings import Settings

# Below these, a curve says nothing, whatever it looks like
LEAST_STEPS, LEAST_PAIRS_SEEN = 8, 64
LEAST_EVALUATED, LEAST_OF_A_LABEL = 30, 5
ONE_CLASS = 0.98
CLEARLY_ABOVE = 2.0  # standard errors of the majority's value
CLEAR_CHANGE = 1.5  # standard errors of a difference between two evaluations
CLEAR_RISE = 1.5  # standard errors of the validation loss
SEEN_AGAIN = 1.5  # epochs from which on pairs can have been memorised: half of them came twice


@dataclass(frozen=True)
class Diagnosis:
    """A curve's name, what it was named for, what to try next, and all figures in one line."""

    name: str
    because: str
    remedy: Remedy
    figures: str = ""


def diagnose(evidence: Evidence, settings: Settings) -> Diagnosis | None:
    """Name a curve; None where there is nothing to look at: no step, or no evaluated pair."""
    evaluations = evidence.eval_loss, evidence.eval_accuracy, evidence.eval_f1
    if not evidence.loss or min(map(len, evaluations)) < 2 or evidence.eval_pairs < 1:
        return None
    name, because = name_of(evidence)
    remedy = REMEDIES[name](evidence, settings)
    return Diagnosis(name, because, remedy, in_one_line(evidence))


def name_of(evidence: Evidence) -> tuple[str, str]:
    """(a curve's name, what it is named for), by the first rule that holds. It has a step and two
    evaluations at least.
    """
    return next((name, because) for rule, name in RULES if (because := rule(evidence)))


def changed_config(config: TrainingConfig, remedy: Remedy) -> dict:
    """The run's config with the remedy in it, as a dict in the form's own names."""
    return asdict(replace(config, **remedy.changes))


# ---------------------------------------------------------------- the rules: why it holds, or ""


def _broken(evidence: Evidence) -> str:
    """NaN or infinite before the first update: no setting of the run is to blame."""
    evaluated = evidence.eval_loss[0], evidence.eval_accuracy[0], evidence.eval_f1[0]
    # The first training loss, too, is computed before the first update
    if all(math.isfinite(value) for _, value in (*evaluated, evidence.loss[0])):
        return ""
    return say("the loss was NaN or infinite before the first optimizer step")


def _not_finite(evidence: Evidence) -> str:
    broken = evidence.broken_steps
    return say("the loss became NaN or infinite at step {step}", step=min(broken)) if broken else ""


def _too_few(evidence: Evidence) -> str:
    pairs, majority = evidence.eval_pairs, evidence.majority
    rare = round((1 - majority) * pairs)
    if pairs < LEAST_EVALUATED:
        return say(
            "it was evaluated on only {pairs}: a single prediction changes accuracy by {one:.1f} "
            "percentage points, and the standard error is {error:.1f}",
            one=100 / pairs,
            **numbers(evidence),
        )
    if rare < LEAST_OF_A_LABEL and len(evidence.labels) > 2:
        return say_plural(
            "only {count} of the {pairs} evaluated pairs has another label than the most frequent "
            "one, so always predicting the majority class is nearly always right",
            "only {count} of the {pairs} evaluated pairs have another label than the most frequent "
            "one, so always predicting the majority class is nearly always right",
            rare,
            pairs=pairs,
        )
    if rare < LEAST_OF_A_LABEL:
        return say_plural(
            "only {count} of the {pairs} evaluated pairs has the rarer label, so always "
            "predicting the majority class is nearly always right",
            "only {count} of the {pairs} evaluated pairs have the rarer label, so always "
            "predicting the majority class is nearly always right",
            rare,
            pairs=pairs,
        )
    return ""


def _one_class(evidence: Evidence) -> str:
    if not evidence.answers or evidence.majority > ONE_CLASS:
        return ""
    [(number, count)] = Counter(evidence.answers).most_common(1)
    share, label = count / len(evidence.answers), evidence.labels[number]
    if share < ONE_CLASS:
        return ""
    return say(
        "{share:.1%} of its predictions are {label}, while the majority class makes up "
        "{majority:.1%} of the gold labels; accuracy went from {before:.1%} to {after:.1%}",
        share=share,
        label=label,
        **numbers(evidence),
    )


def _spoiled(evidence: Evidence) -> str:
    """Its start could do something, its end clearly less: by a metric, or by accuracy and loss."""
    accuracy, f1, (first, last) = evidence.accuracy, evidence.f1, evidence.eval_ends
    worse_loss = first < last and rise_in_errors(evidence) > CLEAR_RISE
    fell = accuracy.gain < -(1 if worse_loss else CLEAR_CHANGE)
    if not (accuracy.began_above >= 1 and fell) and not (
        f1.began_above >= 1 and f1.gain < -CLEAR_CHANGE
    ):
        return ""
    return say(
        "accuracy went from {before:.1%} to {after:.1%} ({gain:+.1f} standard errors of the "
        "difference), {f1} from {f1_before:.1%} to {f1_after:.1%} ({f1_gain:+.1f}), and the "
        "validation loss from {val_first:.3f} to {val_last:.3f}",
        **numbers(evidence),
    )


def _too_short(evidence: Evidence) -> str:
    steps, batch_size = evidence.steps_made, evidence.config.effective_batch_size
    if steps < LEAST_STEPS or steps * batch_size < LEAST_PAIRS_SEEN:
        made = say_plural("{count} step", "{count} steps", steps)
        return say("it made only {steps} of {batch} each", **{**numbers(evidence), "steps": made})
    if remedies.cut_short(evidence):
        planned = remedies.planned(evidence)
        return say("it was stopped after {steps} of {planned} steps", steps=steps, planned=planned)
    return ""


def _worse_than_a_coin(evidence: Evidence) -> str:
    """Its second half is clearly worse than a coin, which gives each label the same probability,
    and than its start.
    """
    coin = math.log(len(evidence.labels))
    half = [value for _, value in evidence.loss[len(evidence.loss) // 2 :]]
    error = noise(evidence.loss) / math.sqrt(len(half))
    if mean(half) - max(coin, evidence.eval_ends[0]) <= 2 * error:
        return ""
    figures = {"half": mean(half), "coin": coin, **numbers(evidence)}
    if len(evidence.labels) > 2:
        return say(
            "the training loss averages {half:.3f} in the second half of the run, while guessing "
            "among {labels} labels has {coin:.3f} and the starting checkpoint had {val_first:.3f}",
            labels=len(evidence.labels),
            **figures,
        )
    return say(
        "the training loss averages {half:.3f} in the second half of the run, while a coin toss "
        "has {coin:.3f} and the starting checkpoint had {val_first:.3f}",
        **figures,
    )


def _memorises(evidence: Evidence) -> str:
    """It knows its training pairs by now, and is no better on others than the majority."""
    easier = evidence.ends[1] < 0.75 * evidence.eval_ends[1] and training_loss_fell(evidence)
    if evidence.epochs < SEEN_AGAIN or not easier or _is_above_the_majority(evidence):
        return ""
    return say(
        "the training loss went from {first:.3f} to {last:.3f} in {epochs:.1f} epochs, while the "
        "validation loss ends at {val_last:.3f}, accuracy at {after:.1%} (majority {majority:.1%}) "
        "and {f1} at {f1_after:.1%} (majority {f1_majority:.1%})",
        **numbers(evidence),
    )


def _is_above_the_majority(evidence: Evidence) -> bool:
    """Clearly by one metric, or by one standard error by both."""
    above = evidence.accuracy.above, evidence.f1.above
    return max(above) >= CLEARLY_ABOVE or min(above) >= 1


def _overconfident(evidence: Evidence) -> str:
    """The validation loss rose, but labels got better, or no pair came often enough to overfit."""
    if rise_in_errors(evidence) <= CLEAR_RISE:
        return ""
    change = _change_since_lowest(evidence)
    can_overfit = evidence.epochs >= SEEN_AGAIN and training_loss_fell(evidence)
    # Where the training pairs are known by heart, accuracy has to speak the clearer against it
    by_heart = evidence.ends[1] < evidence.eval_ends[1] / 2
    if change < -1 or (can_overfit and change <= (CLEAR_CHANGE if by_heart else 1)):
        return ""
    return say(
        "the validation loss rose from {best:.3f} at step {best_step} to {val_last:.3f}, while "
        "accuracy went from {at_best:.1%} to {after:.1%}: in {epochs:.1f} epochs its wrong "
        "predictions became more confident",
        **numbers(evidence),
    )


def _change_since_lowest(evidence: Evidence) -> float:
    """How many standard errors accuracy went up since the validation loss was lowest."""
    shares = evidence.at_lowest, evidence.accuracy.after
    errors = (standard_error(share, evidence.eval_pairs) for share in shares)
    return in_errors(shares[1] - shares[0], math.hypot(*errors))


def _overfits(evidence: Evidence) -> str:
    """The validation loss rose while the training loss fell, over pairs that came again."""
    rose = rise_in_errors(evidence) > CLEAR_RISE
    if not rose or evidence.epochs < SEEN_AGAIN or not training_loss_fell(evidence):
        return ""
    return say(
        "the validation loss was lowest at step {best_step} ({best:.3f}) and ends {rise:.0%} "
        "higher, while the training loss reached {last:.3f} in {epochs:.1f} epochs and accuracy "
        "went from {at_best:.1%} to {after:.1%}",
        **numbers(evidence),
    )


def _knew(evidence: Evidence) -> str:
    """Clearly above the majority by both metrics from the start, and about there at the end."""
    scores = evidence.accuracy, evidence.f1
    clear = all(min(score.began_above, score.above) >= CLEARLY_ABOVE for score in scores)
    stayed = all(abs(score.gain) <= 1 for score in scores)
    return _scores_said(evidence) if clear and stayed else ""


def _learns(evidence: Evidence) -> str:
    return "" if _lacks(evidence) else _scores_said(evidence)


def _learns_something(evidence: Evidence) -> str:
    """It ends above the majority and above its start, but something isn't clear."""
    if not _is_above_the_majority(evidence) or evidence.accuracy.gain <= 1:
        return ""
    both, lacks = _scores_said(evidence), _lacks(evidence)[0]
    return say("{both}; to count as “Learns well”, {lacks}", both=both, lacks=lacks)


def _lacks(evidence: Evidence) -> list[str]:
    """What keeps a run from being called good, the most telling first."""
    accuracy, f1, (first, last) = evidence.accuracy, evidence.f1, evidence.eval_ends
    name = numbers(evidence)["f1"]
    lacks = [
        (
            accuracy.above < CLEARLY_ABOVE,
            say("accuracy would have to be two standard errors above the majority class"),
        ),
        (
            f1.above < CLEARLY_ABOVE,
            say("{f1} would have to be two standard errors above the majority class", f1=name),
        ),
        (
            accuracy.gain < CLEAR_CHANGE,
            say("accuracy would have to rise by 1.5 standard errors of the difference"),
        ),
        (
            f1.gain < CLEAR_CHANGE,
            say("{f1} would have to rise by 1.5 standard errors of the difference", f1=name),
        ),
        (last >= first, say("the validation loss would have to fall")),
    ]
    return [lack for holds, lack in lacks if holds]


def _scores_said(evidence: Evidence) -> str:
    """Where both metrics went, and how far from the majority's they ended."""
    return say(
        "accuracy went from {before:.1%} to {after:.1%} ({above:+.1f} standard errors from the "
        "majority class at {majority:.1%}), and {f1} from {f1_before:.1%} to {f1_after:.1%} "
        "({f1_above:+.1f} from {f1_majority:.1%})",
        **numbers(evidence),
    )


def _climbs(evidence: Evidence) -> str:
    """The training loss ends above where it began, by more than chance explains."""
    first, last = evidence.ends
    if last - first <= max(first / 5, chance(evidence)):
        return ""
    return say("the training loss rose from {first:.3f} to {last:.3f}", first=first, last=last)


def _jumps(evidence: Evidence) -> str:
    """The training loss rises from one part to the next by more than chance explains."""
    parts = means(evidence.loss)
    rise = max((b - a for a, b in zip(parts, parts[1:], strict=False)), default=0.0)
    if rise <= max(parts[0] / 5, chance(evidence)):
        return ""
    return say(
        "the training loss rises by {rise:.3f} between two parts of the run (it started at "
        "{first:.3f})",
        rise=rise,
        first=parts[0],
    )


def _scatters(evidence: Evidence) -> str:
    """Steps vary more than batches of this size explain: single pairs' losses vary by nature."""
    parts, wild = means(evidence.loss), noise(evidence.loss)
    explained = LOSS_SPREAD * mean(parts) / math.sqrt(evidence.config.effective_batch_size)
    if wild <= max(2.5 * explained, mean(parts) / 2, parts[0] - parts[-1]):
        return ""
    return say(
        "the training loss varies by {deviation:.3f} from step to step around a mean of "
        "{mean:.3f}, while a batch size of {batch_size} explains only {explained:.3f}",
        deviation=wild,
        mean=mean(parts),
        batch_size=evidence.config.effective_batch_size,
        explained=explained,
    )


def _stands_still(evidence: Evidence) -> str:
    """Hardly anything moved: neither loss, nor accuracy."""
    first, last = evidence.eval_ends
    moved = abs(last - first) > 0.02 * first or training_loss_fell(evidence)
    return "" if moved or abs(evidence.accuracy.gain) > 1 else _ends_said(evidence)


def _poorly(evidence: Evidence) -> str:
    """Training pairs that came about once are far easier by now than the others."""
    easier = evidence.ends[1] < 0.6 * evidence.eval_ends[1] and training_loss_fell(evidence)
    if _is_above_the_majority(evidence) or not easier:
        return ""
    return say(
        "the training loss went from {first:.3f} to {last:.3f} although each pair was seen only "
        "{epochs:.1f} times, while the validation loss ends at {val_last:.3f} and accuracy at "
        "{after:.1%} (majority {majority:.1%}): the evaluation pairs differ from the training "
        "pairs",
        **numbers(evidence),
    )


def _too_close(evidence: Evidence) -> str:
    """At the majority's level or above, and no further from its start than chance explains."""
    accuracy = evidence.accuracy
    level = max(accuracy.above, accuracy.began_above) >= 1
    if not level or not -CLEAR_CHANGE <= accuracy.gain <= 1:
        return ""
    return say(
        "accuracy went from {before:.1%} to {after:.1%}, a change of {points:+.1f} percentage "
        "points with a standard error of {apart:.1f}; it was evaluated on {pairs} after {steps}",
        **numbers(evidence),
    )


def _ends_said(evidence: Evidence) -> str:
    """Where a run that got nowhere ended. The last rule: it holds always."""
    return say(
        "accuracy ends at {after:.1%} (majority {majority:.1%}), {f1} at {f1_after:.1%} (majority "
        "{f1_majority:.1%}), and the training loss went from {first:.3f} to {last:.3f}",
        **numbers(evidence),
    )


# ---------------------------------------------------------------- names, order, remedies

BROKEN = say("Broken from the start")
DIVERGES = say("Diverges")
TOO_FEW = say("Too few pairs to tell")
ONE_CLASS_ONLY = say("Predicts one class only")
SPOILED = say("Spoiled: ends below its start")
TOO_SHORT = say("Too short to tell")
MEMORISES = say("Memorises")
OVERCONFIDENT = say("Over-confident")
OVERFITS = say("Overfits")
KNEW = say("Knew it already")
LEARNS = say("Learns well")
SOMETHING = say("Learns something")
ERRATIC = say("Erratic")
POORLY = say("Generalises poorly")
TOO_CLOSE = say("Too close to tell")
UNDERFITS = say("Underfits")

# In this order. A name may have several rules.
RULES: tuple[tuple[Callable[[Evidence], str], str], ...] = (
    # Nothing else means anything
    (_broken, BROKEN),
    (_not_finite, DIVERGES),
    (_too_few, TOO_FEW),
    # A few steps show it
    (_one_class, ONE_CLASS_ONLY),
    (_spoiled, SPOILED),
    (_too_short, TOO_SHORT),
    # What the losses show
    (_worse_than_a_coin, DIVERGES),
    (_memorises, MEMORISES),
    (_overconfident, OVERCONFIDENT),
    (_overfits, OVERFITS),
    # How far accuracy and F1 came
    (_knew, KNEW),
    (_learns, LEARNS),
    (_learns_something, SOMETHING),
    # What kept them. Batches of like length differ: a curve that gets somewhere may rise on its way
    (_climbs, DIVERGES),
    (_jumps, ERRATIC),
    (_scatters, ERRATIC),
    (_stands_still, UNDERFITS),
    (_poorly, POORLY),
    (_too_close, TOO_CLOSE),
    (_ends_said, UNDERFITS),
)
REMEDIES: dict[str, Callable[[Evidence, Settings], Remedy]] = {
    BROKEN: remedies.start_anew,
    DIVERGES: remedies.calm,
    TOO_FEW: remedies.evaluate_on_more,
    ONE_CLASS_ONLY: remedies.leave_one_class,
    SPOILED: remedies.take_smaller_steps,
    TOO_SHORT: remedies.see_it_through,
    MEMORISES: remedies.memorise_less,
    OVERCONFIDENT: remedies.be_less_sure,
    OVERFITS: remedies.fit_less,
    KNEW: remedies.start_below,
    LEARNS: remedies.nothing_to_mend,
    SOMETHING: remedies.tell_apart,
    ERRATIC: remedies.calm,
    POORLY: remedies.look_at_the_pairs,
    TOO_CLOSE: remedies.tell_apart,
    UNDERFITS: remedies.learn_more,
}
