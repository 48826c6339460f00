"""What to try after a run: one setting at a time, within the caps, for the cause that was found.

Each function takes the evidence and the settings and gives a Remedy, the first of its candidates
that would change anything.
"""

from dataclasses import dataclass, replace
from typing import Any

from languages import say
from pipeline.config import TrainingConfig
from pipeline.errors import InputError
from pipeline.explain.evidence import Evidence
from pipeline.settings import EMBEDDED_CHECKPOINT, READY, WARMED, Settings

Candidates = list[tuple[dict, str]]  # (settings to change, why), the best first

SMALL_BATCH, ENOUGH = 8, 16
ALL_TRIED = say("These settings already use every remedy")
SEEDS = say("Does it hold with other seeds? The three seeds below show how much of it is chance.")


@dataclass(frozen=True)
class Remedy:
    """Settings to change, and why; {} where none needs to be, or where each is at its cap."""

    changes: dict
    why: str


def _first(
    evidence: Evidence, settings: Settings, candidates: Candidates, otherwise: str
) -> Remedy:
    """The first candidate that is allowed and changes anything."""
    for changes, why in candidates:
        changes = {k: v for k, v in changes.items() if getattr(evidence.config, k) != v}
        try:
            replace(evidence.config, **changes).checked(settings)
        except InputError:
            continue
        if changes:
            return Remedy(changes, why)
    return Remedy({}, otherwise)


def planned(evidence: Evidence) -> int:
    """How many steps the run was to make."""
    return evidence.config.planned_steps(evidence.train_pairs)


def cut_short(evidence: Evidence) -> bool:
    """Whether it was stopped in the first quarter of its way, before the rate has done much."""
    return not evidence.early and evidence.steps_made < planned(evidence) / 4


# ---------------------------------------------------------------- candidates


def _larger_batch(config: TrainingConfig) -> Candidates:
    if config.effective_batch_size >= SMALL_BATCH:
        return []
    return [({"batch_size": ENOUGH}, say("Larger batches: the mean over more pairs varies less."))]


def _warm_start(evidence: Evidence) -> Candidates:
    if evidence.config.checkpoint in (WARMED, READY) or not evidence.has_pair:
        return []
    why = say("A starting checkpoint that can already compare two sentences needs far fewer steps.")
    return [({"checkpoint": WARMED}, why)]


def _larger_rate(config: TrainingConfig) -> Candidates:
    if config.learning_rate >= 1e-4:
        return []
    why = say("A larger learning rate gets further in the same number of steps.")
    return [({"learning_rate": 2e-4}, why)]


def _more_steps(evidence: Evidence, settings: Settings, why: str, least: int = 0) -> Candidates:
    """Twice the steps or `least`, within the caps, with as many epochs as they need; nothing where
    the run stopped early, for it would again.
    """
    if evidence.early:
        return []
    config, pairs, now = evidence.config, evidence.train_pairs, planned(evidence)
    steps = min(max(2 * now, least), settings.max_steps)
    epochs = max(config.epochs, -(-steps // config.steps_per_epoch(pairs)))
    changes: dict[str, Any] = {"max_steps": steps, "epochs": min(epochs, settings.max_epochs)}
    return [(changes, why)] if replace(config, **changes).planned_steps(pairs) > now else []


def _more_pairs(evidence: Evidence, settings: Settings) -> Candidates:
    """Twice the training pairs, each seen half as often; nothing where the set has no more."""
    config = evidence.config
    more = min(2 * config.train_pairs, settings.max_train_pairs)
    asked = config.train_pairs + config.joined_by(config.train_pairs)
    if evidence.train_pairs < asked or more <= config.train_pairs:
        return []
    why = say("More pairs, each seen less often: there is less to memorise.")
    return [({"train_pairs": more, "epochs": max(1, config.epochs // 2)}, why)]


def _more_to_evaluate(evidence: Evidence, pairs: int, why: str) -> Candidates:
    if evidence.eval_pairs < evidence.config.eval_pairs:  # these are all that there are
        return []
    return [({"eval_pairs": max(evidence.config.eval_pairs, pairs)}, why)]


def _hold_back(config: TrainingConfig) -> Candidates:
    less = say("A smaller learning rate fits the training pairs less closely.")
    return [
        ({"dropout": max(config.dropout, 0.1)}, say("Dropout makes memorising harder.")),
        ({"learning_rate": config.learning_rate / 4}, less),
    ]


# ---------------------------------------------------------------- remedies, by what they mend


def start_anew(evidence: Evidence, settings: Settings) -> Remedy:
    """For weights that were broken before the first update."""
    why = say(
        "The starting checkpoint itself is broken, whatever the settings. Choose another one."
    )
    return _first(
        evidence, settings, [({"checkpoint": WARMED}, why)], say("Choose another checkpoint.")
    )


def calm(evidence: Evidence, settings: Settings) -> Remedy:
    """For a curve that jumps or diverges: a larger batch if it is small, else smaller updates."""
    config = evidence.config
    smaller = say("A smaller learning rate: the loss jumps when a step goes too far.")
    candidates = [*_larger_batch(config), ({"learning_rate": config.learning_rate / 4}, smaller)]
    if config.learning_rate > 1e-3:  # no batch makes up for that
        candidates.reverse()
    if config.warmup_steps < 0.1:
        why = say("Warm-up lets AdamW's moving averages settle before the steps grow.")
        candidates.append(({"warmup_steps": 0.1}, why))
    otherwise = say("{finding}: choose another seed.", finding=ALL_TRIED)
    return _first(evidence, settings, candidates, otherwise)


def evaluate_on_more(evidence: Evidence, settings: Settings) -> Remedy:
    """For too few pairs: all that there are."""
    most = min(TrainingConfig.eval_pairs, settings.max_eval_pairs)
    candidates = _more_to_evaluate(evidence, most, say("Evaluate on more pairs."))
    otherwise = say("There are no more pairs to evaluate on. Choose another source of pairs.")
    return _first(evidence, settings, candidates, otherwise)


def leave_one_class(evidence: Evidence, settings: Settings) -> Remedy:
    """For one label only: smaller updates where the start could do more, else what teaches more."""
    collapsed = evidence.accuracy.began_above >= 1
    return (take_smaller_steps if collapsed else learn_more)(evidence, settings)


def take_smaller_steps(evidence: Evidence, settings: Settings) -> Remedy:
    """For a start that could do more than what became of it."""
    rate = evidence.config.learning_rate
    smaller = say(
        "A smaller learning rate: this one was so large that the model lost what it could do at "
        "the start."
    )
    fewer = say("Fewer steps: the model loses what it could do at the start step by step.")
    candidates: Candidates = [
        ({"learning_rate": 2e-4 if rate > 1e-3 else rate / 4}, smaller),
        ({"max_steps": max(1, len(evidence.loss) // 2)}, fewer),
    ]
    otherwise = say("{finding}: keep the starting checkpoint.", finding=ALL_TRIED)
    return _first(evidence, settings, candidates, otherwise)


def learn_more(evidence: Evidence, settings: Settings) -> Remedy:
    """For a curve that hasn't got anywhere yet."""
    config = evidence.config
    candidates: Candidates = []
    if config.learning_rate > 1e-3:
        why = say("Such large steps overshoot; the model may end up predicting a single class.")
        candidates.append(({"learning_rate": 2e-4}, why))
    candidates += [*_warm_start(evidence), *_larger_rate(config), *_larger_batch(config)]
    if config.method in ("frozen", "head"):
        why = say("With method full the layers learn, too, and not only what is above them.")
        candidates.append(({"method": "full"}, why))
    candidates += _more_steps(evidence, settings, say("More steps: there is time to learn more."))
    if config.frozen_layers:
        why = say("With no layer frozen, more of the model can adapt.")
        candidates.append(({"frozen_layers": 0}, why))
    otherwise = say("{finding}: change the checkpoint.", finding=ALL_TRIED)
    return _first(evidence, settings, candidates, otherwise)


def see_it_through(evidence: Evidence, settings: Settings) -> Remedy:
    """For too few steps: all of those that were asked for, or more of them."""
    if cut_short(evidence):
        return Remedy({}, say("Start it again and let it finish."))
    return learn_more(evidence, settings)


def memorise_less(evidence: Evidence, settings: Settings) -> Remedy:
    """For pairs that were memorised, and nothing learned for others."""
    candidates = [*_more_pairs(evidence, settings), *_warm_start(evidence)]
    candidates += _hold_back(evidence.config)
    otherwise = say("{finding}: choose more pairs.", finding=ALL_TRIED)
    return _first(evidence, settings, candidates, otherwise)


def fit_less(evidence: Evidence, settings: Settings) -> Remedy:
    """For a curve that went past its best."""
    best, candidates = evidence.lowest[0], _more_pairs(evidence, settings)
    if best > 0:
        why = say("Stop where the validation loss was lowest, at step {best}.", best=best)
        candidates.append(({"max_steps": best}, why))
    candidates += _hold_back(evidence.config)
    otherwise = say("{finding}: choose more pairs.", finding=ALL_TRIED)
    return _first(evidence, settings, candidates, otherwise)


def be_less_sure(evidence: Evidence, settings: Settings) -> Remedy:
    """For labels as good as ever, whose probabilities are not."""
    config = evidence.config
    why = say(
        "A smaller learning rate keeps the logits smaller and the probabilities less extreme."
    )
    candidates = [*_larger_batch(config), ({"learning_rate": config.learning_rate / 2}, why)]
    otherwise = say("You can use its predicted labels, but don't trust its probabilities.")
    return _first(evidence, settings, candidates, otherwise)


def look_at_the_pairs(evidence: Evidence, settings: Settings) -> Remedy:
    """For training pairs that don't prepare for the evaluated ones."""
    otherwise = say(
        "Read some pairs of both splits: what do the training pairs have that the others lack?"
    )
    return _first(evidence, settings, _more_pairs(evidence, settings), otherwise)


def nothing_to_mend(evidence: Evidence, settings: Settings) -> Remedy:
    """For a run that learned: whether it was chance."""
    return Remedy({}, SEEDS)


def tell_apart(evidence: Evidence, settings: Settings) -> Remedy:
    """For a gain that isn't clear: what makes it larger, then what makes its error smaller."""
    config = evidence.config
    why = say("More steps: the gain then stands out from chance.")
    halved = say("More evaluation pairs: four times as many halve the standard error.")
    candidates = [*_larger_rate(config), *_larger_batch(config)]
    candidates += _more_steps(evidence, settings, why, TrainingConfig.max_steps)
    most = min(4 * config.eval_pairs, settings.max_eval_pairs)
    candidates += _more_to_evaluate(evidence, most, halved)
    return _first(evidence, settings, candidates, SEEDS)


def start_below(evidence: Evidence, settings: Settings) -> Remedy:
    """For a start that has nothing to learn here."""
    labels = say("To watch a model learn, start from weights that have seen no labels.")
    pairs = say("To watch a model learn, start from weights that have seen no pairs.")
    candidates: Candidates = [
        ({"checkpoint": WARMED}, labels),
        ({"checkpoint": EMBEDDED_CHECKPOINT}, pairs),
    ]
    otherwise = say("Choose a starting checkpoint that hasn't learned the task yet.")
    return _first(evidence, settings, candidates, otherwise)
