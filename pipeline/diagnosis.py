"""A run's curve in the course's words, by rules anybody can check, and the settings that a remedy would change.

The rules are asked in this order; the first that holds names the curve. A standard error is that of a share p over n
validation pairs, sqrt(p·(1 − p)/n): on 408 pairs about 2.3 points. Single batches vary, so "the training loss" is the mean
over a part of the run: an eighth of its steps, or five. Its noise is the standard deviation of the steps within a part.

1. erratic: a loss became infinite or NaN.
2. predicts one class only: at least 98% of the answers after the run are the same label, and the gold labels aren't.
3. too short to tell: fewer than 8 steps, or it was stopped in the first quarter of its way.
4. overfits: the validation loss ends at least 5% above its lowest while the training loss fell below half of it, or ends
   at least 10% above its lowest while the training loss fell by a fifth.
5. knew it already: it began at least two standard errors above the majority, and ended within one of where it began.
6. learns well: accuracy ends at least one standard error above the majority, and above where it began by more than the
   standard error of that difference; and the validation loss ends lower.
7. erratic: the training loss rises from one part to the next by more than a fifth of what it began with, and by more than
   three times what the noise explains; or its noise is more than half of it, and more than it fell.
8. too close to tell: accuracy ends at least one standard error above the majority, but no further than the standard error
   of the difference from where it began: most of it was there before the first update.
9. underfits: none of these, so neither did it learn, nor did anything stop it.

The standard error of the difference is that of two shares of other pairs, sqrt(p·(1 − p)/n + q·(1 − q)/n). Here they are the
same pairs, which makes it smaller by an amount that the curve doesn't tell; so a gain has to be the clearer.

7 comes after 6: batches of like length differ from part to part, so a curve that gets somewhere may rise on its way.

    >>> means([(1, 1.0), (2, 0.8), (3, 0.6), (4, 0.4)], 2)
    [0.9, 0.5]
"""

import math
from dataclasses import asdict, dataclass, field, replace
from statistics import mean, variance

from languages import say
from pipeline.settings import EMBEDDED_CHECKPOINT, READY, WARMED, InputError, Settings
from pipeline.training import TrainingConfig, planned_steps

MOST_PARTS, LEAST_IN_A_PART = 8, 5
LEAST_STEPS = 8
ONE_CLASS = 0.98
ERRATIC = say("Erratic")
ONE_CLASS_ONLY = say("Predicts one class only")
TOO_SHORT = say("Too short to tell")
OVERFITS = say("Overfits")
KNEW = say("Knew it already")
LEARNS = say("Learns well")
TOO_CLOSE = say("Too close to tell")
UNDERFITS = say("Underfits")
ALL_TRIED = say("Every remedy is in these settings already")


@dataclass(frozen=True)
class Evidence:
    """What the rules look at. Losses and accuracies as (step, value); `majority` is a share; `answers` 0 or 1 a pair."""

    config: TrainingConfig
    loss: list[tuple[int, float]]
    eval_loss: list[tuple[int, float]]
    eval_accuracy: list[tuple[int, float]]
    majority: float
    eval_pairs: int
    train_pairs: int
    answers: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Remedy:
    """Settings to change, and why: {} where nothing needs to be, or where every setting is at its cap."""

    changes: dict
    why: str


@dataclass(frozen=True)
class Diagnosis:
    """A curve's name, the figures that it was named for, and what to try next."""

    name: str
    because: str
    remedy: Remedy


def diagnose(evidence, settings=None):
    """Evidence -> Diagnosis; None where there is nothing to look at: no training step, or no judged pair."""
    settings = settings or Settings()
    if not evidence.loss or len(evidence.eval_loss) < 2 or not evidence.eval_accuracy or evidence.eval_pairs < 1:
        return None
    for rule in (_not_finite, _one_class, _too_short, _overfits, _knew, _learns, _erratic, _too_close, _underfits):
        if because := rule(evidence):
            return Diagnosis(NAMES[rule], because, REMEDIES[NAMES[rule]](evidence, settings))
    raise AssertionError("the last rule holds always")


def evidence_of(run, judgement=None):
    """A Run (pipeline/runs.py) and its Judgement, if it left one -> Evidence, or None where the story tells too little."""
    start = run.first("start")
    end = run.first(run.state) if run.ended else None
    if not start or not run.config or not end or not end.get("after"):
        return None
    evaluations = [event for event in run.of("evaluation") if "eval_loss" in event and "eval_accuracy" in event]
    return Evidence(
        config=TrainingConfig(**run.config),
        loss=[(event["step"], event["loss"]) for event in run.of("log")],
        eval_loss=[(event["step"], event["eval_loss"]) for event in evaluations],
        eval_accuracy=[(event["step"], event["eval_accuracy"]) for event in evaluations],
        majority=start["majority"]["accuracy"],
        eval_pairs=start.get("eval_pairs") or run.config["eval_pairs"],
        train_pairs=start.get("train_pairs") or run.config["train_pairs"],
        answers=judgement.answers("after") if judgement else [],
    )


def parts_of(points, count=None):
    """The values of `count` consecutive parts of a curve, as equal as may be; by default eight, or as many as have five."""
    count = min(count or max(2, min(MOST_PARTS, len(points) // LEAST_IN_A_PART)), len(points))
    edges = [round(part * len(points) / count) for part in range(count + 1)]
    return [[value for _, value in points[low:high]] for low, high in zip(edges, edges[1:], strict=False)]


def means(points, count=None):
    """The mean of each part."""
    return [mean(values) for values in parts_of(points, count)]


def noise(points):
    """The standard deviation of the values around their part's mean, 0 where no part has two."""
    parts = [values for values in parts_of(points) if len(values) > 1]
    return math.sqrt(mean(variance(values) for values in parts)) if parts else 0.0


def standard_error(share, pairs):
    """Of a share over so many pairs."""
    share = min(max(share, 0.0), 1.0)
    return math.sqrt(share * (1 - share) / pairs)


# ---------------------------------------------------------------- the rules: why it holds, or ""


def _not_finite(evidence):
    wild = [step for step, value in (*evidence.loss, *evidence.eval_loss) if not math.isfinite(value)]
    return say("the loss is no finite number any more at step {wild}", wild=min(wild)) if wild else ""


def _one_class(evidence):
    if not evidence.answers or evidence.majority > ONE_CLASS:
        return ""
    ones = mean(evidence.answers)
    share, label = max((ones, "equivalent"), (1 - ones, "not_equivalent"))
    if share < ONE_CLASS:
        return ""
    return say("{share:.1%} of its answers are {label}, and {majority:.1%} of the gold labels are one label", share=share,
               label=label, majority=evidence.majority)


def _too_short(evidence):
    steps = len(evidence.loss)
    if steps < LEAST_STEPS:
        return say("it made {count} steps", count=steps)
    return say("it was stopped after {count} of {planned} steps", count=steps, planned=_planned(evidence)) if _cut_short(
        evidence) else ""


def _planned(evidence):
    return planned_steps(evidence.config, evidence.train_pairs)


def _cut_short(evidence):
    """Whether the run ended in the first quarter of its way, before the learning rate has done much."""
    return len(evidence.loss) < _planned(evidence) / 4


def _overfits(evidence):
    first, last = _ends(evidence)
    best_step, best = min(evidence.eval_loss, key=lambda point: point[1])
    step, final = evidence.eval_loss[-1]
    rise = final / best - 1 if best > 0 else 0.0
    if step <= best_step:
        return ""
    if (rise >= 0.05 and last < final / 2) or (rise >= 0.10 and last < 0.8 * first):
        return (say("the validation loss was lowest at step {best_step} ({best:.3f}) and ends {rise:.0%} above that, while "
                    "the training loss went on to {last:.3f}", best_step=best_step, best=best, rise=rise, last=last))
    return ""


def _knew(evidence):
    error = standard_error(evidence.majority, evidence.eval_pairs)
    before, after = evidence.eval_accuracy[0][1], evidence.eval_accuracy[-1][1]
    if before < evidence.majority + 2 * error or not before - error < after < before + error:
        return ""
    return say("accuracy began at {before:.1%} and ended at {after:.1%}; the majority is {majority:.1%}", before=before,
               after=after, majority=evidence.majority)


def _learns(evidence):
    error, losses = standard_error(evidence.majority, evidence.eval_pairs), [value for _, value in evidence.eval_loss]
    before, after, apart = _gain(evidence)
    if after < evidence.majority + error or not after - before > apart or losses[-1] >= losses[0]:
        return ""
    return (say("accuracy went from {before:.1%} to {after:.1%}, {above:.1f} points above the majority (a standard error is "
                "{error:.1f}), and the validation loss fell from {losses:.3f} to {losses2:.3f}", before=before, after=after,
                above=100 * (after - evidence.majority), error=100 * error, losses=losses[0], losses2=losses[-1]))  # fmt: skip


def _too_close(evidence):
    error, (before, after, apart) = standard_error(evidence.majority, evidence.eval_pairs), _gain(evidence)
    if after < evidence.majority + error or abs(after - before) > apart:
        return ""
    return say("accuracy went from {before:.1%} to {after:.1%}, {gain:+.1f} points, and the standard error of such a "
               "difference is {apart:.1f}; it was judged on {pairs} pairs after {count} steps", before=before, after=after,
               gain=100 * (after - before), apart=100 * apart, pairs=evidence.eval_pairs, count=len(evidence.loss))


def _gain(evidence):
    """(accuracy before the first update, after the last, the standard error of their difference)."""
    before, after = evidence.eval_accuracy[0][1], evidence.eval_accuracy[-1][1]
    return before, after, math.hypot(*(standard_error(share, evidence.eval_pairs) for share in (before, after)))


def _erratic(evidence):
    parts, wild = means(evidence.loss), noise(evidence.loss)
    rise = max((later - earlier for earlier, later in zip(parts, parts[1:], strict=False)), default=0.0)
    explained = 3 * wild * math.sqrt(2 * len(parts) / len(evidence.loss))
    if parts[0] > 0 and rise > parts[0] / 5 and rise > explained:
        return say("the training loss rises by {rise:.3f} from one part of the run to the next, where it began with "
                   "{parts:.3f}", rise=rise, parts=parts[0])
    if wild > mean(parts) / 2 and wild > parts[0] - parts[-1]:
        return say("the training loss varies by {wild:.3f} from step to step, around {mean:.3f}, more than it fell",
                   wild=wild, mean=mean(parts))
    return ""


def _underfits(evidence):
    first, last = _ends(evidence)
    after = evidence.eval_accuracy[-1][1]
    return (say("accuracy ends at {after:.1%} where the majority has {majority:.1%}, and the training loss went from "
                "{first:.3f} to {last:.3f}", after=after, majority=evidence.majority, first=first, last=last))  # fmt: skip


def _ends(evidence):
    """The training loss in the first and in the last part of the run."""
    parts = means(evidence.loss)
    return parts[0], parts[-1]


NAMES = {_not_finite: ERRATIC, _one_class: ONE_CLASS_ONLY, _too_short: TOO_SHORT, _overfits: OVERFITS, _knew: KNEW,
         _learns: LEARNS, _erratic: ERRATIC, _too_close: TOO_CLOSE, _underfits: UNDERFITS}  # fmt: skip


# ---------------------------------------------------------------- the remedies: one thing at a time


def _first_that_changes(evidence, settings, candidates, otherwise):
    """The first candidate (changes, why) within the caps that changes anything; a run teaches most if one thing differs."""
    for changes, why in candidates:
        changes = {name: value for name, value in changes.items() if getattr(evidence.config, name) != value}
        try:
            replace(evidence.config, **changes).checked(settings)
        except InputError:
            continue
        if changes:
            return Remedy(changes, why)
    return Remedy({}, otherwise)


def _learn_more(evidence, settings):
    """For a curve that hasn't got anywhere yet."""
    config, candidates = evidence.config, []
    if config.learning_rate > 1e-3:
        candidates.append(({"learning_rate": 2e-4}, say("Steps this large overshoot, and may leave one label.")))
    if config.checkpoint not in (WARMED, READY):
        candidates.append(({"checkpoint": WARMED}, say("A start that can compare two sentences needs far fewer steps.")))
    if config.learning_rate < 1e-4:
        candidates.append(({"learning_rate": 2e-4}, say("Larger updates get further in the same number of steps.")))
    candidates.append((_more_steps(evidence, settings), say("More steps: it was still on its way.")))
    if config.frozen_layers:
        candidates.append(({"frozen_layers": 0}, say("With all layers free, there is more that can adapt.")))
    return _first_that_changes(evidence, settings, candidates, say("{ALL_TRIED}: change the checkpoint.",
                                                                   ALL_TRIED=ALL_TRIED))


def _see_it_through(evidence, settings):
    """For a curve of too few steps: all of those that were asked for, or more of them."""
    if _cut_short(evidence):
        return Remedy({}, say("Start it again, and let it run to its end."))
    return _learn_more(evidence, settings)


def _more_steps(evidence, settings, least=0):
    """Twice the steps or `least`, within the caps, with as many epochs as they need; {} where there can't be more."""
    config = evidence.config
    now = planned_steps(config, evidence.train_pairs)
    steps = min(max(2 * now, least), settings.max_steps)
    epochs = min(max(config.epochs, -(-steps * config.batch_size // evidence.train_pairs)), settings.max_epochs)
    changed = replace(config, max_steps=steps, epochs=epochs)
    return {"max_steps": steps, "epochs": epochs} if planned_steps(changed, evidence.train_pairs) > now else {}


def _learn_less(evidence, settings):
    """For a curve that went past its best."""
    config = evidence.config
    best = min(evidence.eval_loss, key=lambda point: point[1])[0]
    more = min(2 * config.train_pairs, settings.max_train_pairs)
    candidates = []
    if config.epochs > 1 and evidence.train_pairs == config.train_pairs and more > config.train_pairs:
        candidates.append(({"train_pairs": more, "epochs": max(1, config.epochs // 2)},
                           say("More pairs, each seen less often: there is less to learn by heart.")))  # fmt: skip
    if best > 0:
        candidates.append(({"max_steps": best}, say("Stop where the validation loss was lowest, at step {best}.", best=best)))
    candidates.append(({"dropout": max(config.dropout, 0.1)}, say("Dropout makes learning by heart harder.")))
    candidates.append(({"learning_rate": config.learning_rate / 4}, say("Smaller updates fit the training pairs less "
                                                                        "closely.")))
    return _first_that_changes(evidence, settings, candidates, say("{ALL_TRIED}: choose more pairs.", ALL_TRIED=ALL_TRIED))


def _calm(evidence, settings):
    """For a curve that jumps."""
    config = evidence.config
    candidates = [({"learning_rate": config.learning_rate / 4}, say("Smaller updates: the loss jumps where a step goes too "
                                                                    "far."))]
    if config.learning_rate <= 5e-5:
        candidates.insert(0, ({"batch_size": max(config.batch_size, min(16, 2 * config.batch_size))},
                              say("Larger batches: the mean over more pairs varies less.")))  # fmt: skip
    if config.warmup_ratio < 0.1:
        candidates.append(({"warmup_ratio": 0.1}, say("A warm-up lets AdamW's averages settle before the updates grow.")))
    return _first_that_changes(evidence, settings, candidates, say("{ALL_TRIED}: choose another seed.", ALL_TRIED=ALL_TRIED))


SEEDS = say("Does it hold with other seeds? Three of them, below, show how much of it is chance.")


def _nothing_to_mend(evidence, settings):
    return Remedy({}, SEEDS)


def _tell_apart(evidence, settings):
    """For a curve that may have got somewhere: what makes its gain larger, then what makes the standard error smaller."""
    config, candidates = evidence.config, []
    if config.learning_rate < 1e-4:
        candidates.append(({"learning_rate": 2e-4}, say("Larger updates get further in the same number of steps.")))
    candidates.append((_more_steps(evidence, settings, TrainingConfig.max_steps),
                       say("More steps: what it learns then stands out from chance.")))  # fmt: skip
    if evidence.eval_pairs >= config.eval_pairs:  # else these are all that there are
        candidates.append(({"eval_pairs": max(config.eval_pairs, min(4 * config.eval_pairs, settings.max_eval_pairs))},
                           say("More pairs to judge by: four times as many halve the standard error.")))  # fmt: skip
    return _first_that_changes(evidence, settings, candidates, SEEDS)


def _start_below(evidence, settings):
    return _first_that_changes(evidence, settings, [
        ({"checkpoint": WARMED}, say("Start from weights that have seen no label, to watch them learn.")),
        ({"checkpoint": EMBEDDED_CHECKPOINT}, say("Start from weights that have seen no pair, to watch them learn.")),
    ], say("Choose a start that hasn't learned the task yet."))  # fmt: skip


REMEDIES = {ERRATIC: _calm, ONE_CLASS_ONLY: _learn_more, TOO_SHORT: _see_it_through, OVERFITS: _learn_less, KNEW: _start_below,
            LEARNS: _nothing_to_mend, TOO_CLOSE: _tell_apart, UNDERFITS: _learn_more}  # fmt: skip


def changed_config(config, remedy):
    """The run's config with the remedy in it, as a dict in the form's own names."""
    return asdict(replace(config, **remedy.changes))
