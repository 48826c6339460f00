"""Questions about the form and the run of the Fine-tune tab."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from languages import say
from pipeline.config import TrainingConfig
from pipeline.explain.confusion import Confusion
from pipeline.explain.evaluations import Evaluation, changed_sides
from pipeline.explain.schedule import learning_rates, warmup_of
from pipeline.metrics import majority
from pipeline.questions.curves import which_curve
from pipeline.questions.question import Choice, Question, asked

TOLD_APART = 0.005  # shares nearer than this are too much alike for two choices


@dataclass(frozen=True)
class Training:
    """What the tab shows: the form's settings, how many training pairs they have and how many
    labels, and the evaluations of the shown run, in order; () while there is none.
    """

    config: TrainingConfig
    train_pairs: int
    labels: int
    evaluations: tuple[Evaluation, ...] = ()

    @property
    def told(self) -> Evaluation | None:
        """The last evaluation that tells each pair's answer; None where there is none."""
        return next((one for one in reversed(self.evaluations) if one.shares), None)


# ---------------------------------------------------------------- the form


def steps_of_a_run(shown: Training, chance: Random) -> Question | None:
    """How many optimizer steps the form's settings make, with one of them changed."""
    config, pairs = _changed(shown.config, chance), shown.train_pairs
    steps, per_epoch = config.planned_steps(pairs), config.steps_per_epoch(pairs)
    batch = config.effective_batch_size
    each = say(
        "{pairs} / {batch}, rounded up, are {per_epoch} steps an epoch",
        pairs=pairs,
        batch=batch,
        per_epoch=per_epoch,
    )
    right = Choice(
        f"{steps:,}",
        say(
            "{each}; {epochs} × {per_epoch} = {all}, and max_steps allows {most}. The smaller "
            "counts.",
            each=each,
            epochs=config.epochs,
            per_epoch=per_epoch,
            all=config.epochs * per_epoch,
            most=config.max_steps,
        ),
    )
    rounded_down = max(1, pairs // batch) * config.epochs
    unsummed = replace(config, gradient_accumulation_steps=1).planned_steps(pairs)
    wrong = [
        Choice(
            f"{config.epochs * per_epoch:,}",
            say("{each}, but max_steps ends the run at {most}.", each=each, most=config.max_steps),
        ),
        Choice(
            f"{unsummed:,}",
            say(
                "That is without gradient accumulation. The optimizer waits for {accumulated} "
                "batches before it makes a step.",
                accumulated=config.gradient_accumulation_steps,
            ),
        ),
        Choice(
            f"{per_epoch:,}",
            say("{each}, and the run makes more than one epoch.", each=each),
        ),
        Choice(
            f"{config.max_steps:,}",
            say(
                "max_steps is the most that are allowed. {epochs} epochs end sooner: {each}.",
                epochs=config.epochs,
                each=each,
            ),
        ),
        Choice(
            f"{rounded_down:,}",
            say(
                "The last batch of an epoch is smaller and makes a step all the same: "
                "{pairs} / {batch} is rounded up.",
                pairs=pairs,
                batch=batch,
            ),
        ),
        Choice(
            f"{pairs * config.epochs:,}",
            say("That is a step for each pair. A step takes a batch of {batch}.", batch=batch),
        ),
    ]
    text = say("How many optimizer steps would a run with these settings make?")
    return asked(text, right, wrong, chance, _settings_given(config, pairs))


def _changed(config: TrainingConfig, chance: Random) -> TrainingConfig:
    """The settings with one of them another: what the page says of them doesn't answer."""
    changes: list[dict[str, Any]] = [
        {"batch_size": 2 * config.batch_size},
        {"epochs": config.epochs + 1},
        {"epochs": max(1, config.epochs - 1), "max_steps": config.max_steps + 25},
        {"gradient_accumulation_steps": 2 * config.gradient_accumulation_steps},
    ]
    return replace(config, **chance.choice(changes))


def _settings_given(config: TrainingConfig, pairs: int) -> list[str]:
    names = ("batch_size", "gradient_accumulation_steps", "epochs", "max_steps")
    return [
        say("{pairs:,} training pairs", pairs=pairs),
        *(f"{name} = {getattr(config, name):,}" for name in names),
    ]


def pairs_in_a_step(shown: Training, chance: Random) -> Question | None:
    """How many pairs one optimizer step learns from, with gradient accumulation."""
    size, times = shown.config.batch_size, chance.choice((2, 3, 4, 8))
    config = replace(shown.config, gradient_accumulation_steps=times)
    right = Choice(
        f"{config.effective_batch_size}",
        say(
            "{times} batches of {size}: their gradients are added up before the optimizer steps.",
            times=times,
            size=size,
        ),
    )
    wrong = [
        Choice(
            f"{size}",
            say(
                "{size} pairs go through the model at a time, but the optimizer waits for {times} "
                "such batches.",
                size=size,
                times=times,
            ),
        ),
        Choice(
            f"{times}",
            say("{times} is the number of batches, not of the pairs in them.", times=times),
        ),
        Choice(
            f"{size + times}",
            say("{times} batches of {size} are multiplied, not added.", times=times, size=size),
        ),
        Choice(
            f"{size / times:g}",
            say(
                "Accumulation doesn't divide a batch: each of the {times} has {size} pairs.",
                times=times,
                size=size,
            ),
        ),
    ]
    text = say(
        "With your batch_size = {size} and gradient_accumulation_steps = {times}, how many pairs "
        "does one optimizer step learn from?",
        size=size,
        times=times,
    )
    return asked(text, right, wrong, chance)


def rate_at_a_step(shown: Training, chance: Random) -> Question | None:
    """The learning rate of one step of the form's schedule."""
    config = shown.config
    steps = config.planned_steps(shown.train_pairs)
    if steps < 4:
        return None
    warmup, at = warmup_of(config, steps), chance.randrange(2, steps)
    rates = learning_rates(config, steps)
    others = {
        "no warm-up": learning_rates(replace(config, warmup_steps=0.0), steps)[at - 1],
        "linear": learning_rates(replace(config, lr_scheduler_type="linear"), steps)[at - 1],
        "cosine": learning_rates(replace(config, lr_scheduler_type="cosine"), steps)[at - 1],
        "rising": config.learning_rate * (at - 1) / steps,
    }
    kind, rate = config.lr_scheduler_type, _rate(rates[at - 1])
    right = Choice(rate, _why_rate(config, at, steps, warmup))
    wrong = [
        Choice(
            _rate(config.learning_rate),
            say(
                "{peak} is the setting, the highest rate of the run, which is used at step {step} "
                "alone.",
                peak=_rate(config.learning_rate),
                step=warmup + 1,
            ),
        ),
        Choice(
            _rate(others["no warm-up"]),
            say(
                "That is the rate without warm-up. Here it rises for {warmup} steps first, and "
                "falls only then.",
                warmup=warmup,
            ),
        ),
        Choice(
            _rate(others["linear"]),
            say("That is the rate with lr_scheduler_type = linear; here it is {kind}.", kind=kind),
        ),
        Choice(
            _rate(others["rising"]),
            say("That rate rises all the time. A schedule rises in its warm-up alone."),
        ),
        Choice(
            _rate(others["cosine"]),
            say("That is the rate with lr_scheduler_type = cosine; here it is {kind}.", kind=kind),
        ),
    ]
    text = say(
        "What learning rate would your settings give step {at} of {steps}?",
        at=at,
        steps=steps,
    )
    given = [
        f"learning_rate = {_rate(config.learning_rate)}",
        f"lr_scheduler_type = {kind}",
        say(
            "warmup_steps = {share:g}: {warmup} of {steps} steps",
            share=config.warmup_steps,
            warmup=warmup,
            steps=steps,
        ),
    ]
    return asked(text, right, wrong, chance, given)


def _rate(rate: float) -> str:
    return f"{rate:.3g}"


def _why_rate(config: TrainingConfig, at: int, steps: int, warmup: int) -> str:
    peak = _rate(config.learning_rate)
    if config.lr_scheduler_type == "constant":
        return say("A constant schedule uses {peak} at every step, without warm-up.", peak=peak)
    if at <= warmup:
        return say(
            "Step {at} is in the warm-up. The first step has the rate 0, so this one has "
            "{peak} × {done} / {warmup}.",
            at=at,
            peak=peak,
            done=at - 1,
            warmup=warmup,
        )
    if config.lr_scheduler_type == "cosine":
        return say(
            "After {warmup} steps of warm-up, half a cosine leads down to 0: {peak} × ½ · (1 + "
            "cos(π · {done} / {rest})).",
            warmup=warmup,
            peak=peak,
            done=at - 1 - warmup,
            rest=steps - warmup,
        )
    return say(
        "After {warmup} steps of warm-up it falls in a straight line to 0: {peak} × {left} / "
        "{rest}.",
        warmup=warmup,
        peak=peak,
        left=steps - at + 1,
        rest=steps - warmup,
    )


def loss_of_a_new_head(shown: Training, chance: Random) -> Question | None:
    """The first loss of a classifier whose head is new: that of guessing."""
    labels = shown.labels
    loss = math.log(labels)
    right = Choice(
        f"{loss:.3f}",
        say(
            "A new head prefers no label: each gets about 1/{labels}, and −ln(1/{labels}) = "
            "ln {labels} = {loss:.3f}.",
            labels=labels,
            loss=loss,
        ),
    )
    wrong = [
        Choice(
            f"{1 / labels:.3f}",
            say(
                "{share:.3f} is about the probability of the right label. The loss is minus its "
                "natural logarithm.",
                share=1 / labels,
            ),
        ),
        Choice(
            f"{math.log2(labels):.3f}",
            say("That is the logarithm to base 2, in bits. PyTorch takes the natural one."),
        ),
        Choice(
            f"{0:.3f}",
            say("0 is the loss of being right and certain. A new head has learned nothing yet."),
        ),
        Choice(
            f"{math.log10(labels):.3f}",
            say("That is the logarithm to base 10. PyTorch takes the natural one."),
        ),
    ]
    text = say(
        "Your task has {labels} labels. How large is the cross-entropy of a model with a new, "
        "random classification head on its first batch, about?",
        labels=labels,
    )
    return asked(text, right, wrong, chance)


# ---------------------------------------------------------------- the optimizer


def first_step_of_adamw(shown: Training, chance: Random) -> Question | None:
    """How far AdamW's first step moves a weight."""
    rate = shown.config.learning_rate
    gradient = chance.choice((0.02, 0.03, 0.05, 0.2, 0.3, 4.0))
    moved = _first_update(rate, gradient)
    right = Choice(
        _rate(moved),
        say(
            "Both running averages hold this one gradient alone, so AdamW divides {gradient:g} by "
            "√({gradient:g}²): 1 is left, times the learning rate.",
            gradient=gradient,
        ),
    )
    wrong = [
        Choice(
            _rate(rate * gradient),
            say(
                "{rate} × {gradient:g} is plain SGD. AdamW divides a gradient by its own size.",
                rate=_rate(rate),
                gradient=gradient,
            ),
        ),
        Choice(
            _rate(rate * 0.1 / math.sqrt(0.001)),
            say(
                "{rate} × 0.1 / √0.001 leaves out the bias correction: the averages begin at 0, "
                "and are divided by 1 − 0.9 and 1 − 0.999 to make up for it.",
                rate=_rate(rate),
            ),
        ),
        Choice(
            f"{gradient:g}",
            say(
                "{gradient:g} is the gradient itself. The learning rate says how far a step goes.",
                gradient=gradient,
            ),
        ),
    ]
    text = say(
        "A bias has the gradient {gradient:g}, and is at its first step with your learning_rate = "
        "{rate} (no warm-up, no decay). How far does AdamW move it?",
        gradient=gradient,
        rate=_rate(rate),
    )
    return asked(text, right, wrong, chance)


def clipping_the_first_step(shown: Training, chance: Random) -> Question | None:
    """What clipping the gradients changes in AdamW's first step."""
    norm, rate = chance.choice((2, 3, 4, 5, 8)), shown.config.learning_rate
    whole, clipped = (_first_update(rate, gradient) for gradient in (0.3, 0.3 / norm))
    same = math.isclose(whole, clipped, rel_tol=1e-3)
    answers = {
        "same": Choice(
            say("nothing"),
            say(
                "Without clipping the weight moves by {whole}, with it by {clipped}: AdamW divides "
                "the gradient by its own size, so the factor 1/{norm} cancels.",
                whole=_rate(whole),
                clipped=_rate(clipped),
                norm=norm,
            ),
        ),
        "smaller": Choice(
            say("the step is {norm} times smaller", norm=norm),
            say(
                "The gradient gets {norm} times smaller, and so would a step of plain SGD. AdamW's "
                "stays {clipped}.",
                norm=norm,
                clipped=_rate(clipped),
            ),
        ),
        "one": Choice(
            say("the step gets the length 1"),
            say(
                "max_grad_norm = 1 is the longest gradient, not the longest step: that is {rate} "
                "for each weight.",
                rate=_rate(rate),
            ),
        ),
        "none": Choice(
            say("there is no step"),
            say("A gradient that is too long is shortened, not dropped: every weight moves."),
        ),
    }
    key = "same" if same else "smaller"
    wrong = [one for name, one in answers.items() if name != key]
    text = say(
        "The gradients of a batch have the norm {norm}, and Trainer clips at max_grad_norm = 1. "
        "What does that change in AdamW's first step?",
        norm=norm,
    )
    return asked(text, answers[key], wrong, chance)


def _first_update(rate: float, gradient: float) -> float:
    """How far torch's AdamW moves a weight of that gradient in its first step, without decay."""
    import torch

    weight = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    weight.grad = torch.full_like(weight, gradient)
    torch.optim.AdamW([weight], lr=rate, weight_decay=0.0).step()
    return weight.abs().item()


# ---------------------------------------------------------------- the run


def majority_baseline(shown: Training, chance: Random) -> Question | None:
    """The accuracy of always predicting the majority class of the run's pairs."""
    told = shown.told
    if told is None:
        return None
    counts = Counter(told.labels)
    share = majority(told.labels, ("accuracy",))["accuracy"]
    common, pairs = told.majority_label, told.pairs
    right = Choice(
        f"{share:.1%}",
        say(
            "“{label}” is right for {most} of {pairs} pairs.",
            label=told.names[common],
            most=counts[common],
            pairs=pairs,
        ),
    )
    wrong = [
        Choice(
            f"{1 / len(told.names):.1%}",
            say(
                "That is guessing at random among {labels} labels. One label alone is more "
                "frequent than that.",
                labels=len(told.names),
            ),
        ),
        Choice(
            f"{2 * share / (1 + share):.1%}",
            say("That is F1 of the majority class: its recall is 100%, its precision the share."),
        ),
        Choice(
            f"{1 - share:.1%}",
            say("That is the share of all other labels: how often the majority is wrong."),
        ),
        Choice(
            f"{told.right / pairs:.1%}",
            say(
                "That is your run's own accuracy, {right} of {pairs}.",
                right=told.right,
                pairs=pairs,
            ),
        ),
    ]
    given = [f"{name}: {counts[label]}" for label, name in enumerate(told.names)]
    text = say(
        "These are the labels of the pairs that your run is evaluated on. What accuracy does a "
        "model reach that gives the most frequent label to all of them?"
    )
    return asked(text, right, wrong, chance, given)


def _of_a_label(told: Evaluation, chance: Random) -> tuple[Confusion, int]:
    """The run's confusion matrix and the label that is asked about: of two, label 1."""
    counts = Counter(zip(told.labels, told.answers, strict=True))
    labels = range(len(told.names))
    rows = tuple(tuple(counts[gold, answer] for answer in labels) for gold in labels)
    return Confusion(rows), 1 if len(labels) == 2 else chance.choice(labels)


@dataclass(frozen=True)
class _Counts:
    hits: int
    alarms: int
    misses: int
    rest: int

    @classmethod
    def of(cls, matrix: Confusion, label: int) -> _Counts:
        hits = matrix.rows[label][label]
        alarms = sum(row[label] for row in matrix.rows) - hits
        misses = sum(matrix.rows[label]) - hits
        return cls(hits, alarms, misses, matrix.pairs - hits - alarms - misses)


def _figure(shown: Training, chance: Random, name: str) -> Question | None:
    """Precision, recall or F1 of one label after the run's last evaluation."""
    told = shown.told
    if told is None:
        return None
    matrix, label = _of_a_label(told, chance)
    counts = _Counts.of(matrix, label)
    formulas = dict(zip(("precision", "recall", "f1"), matrix.of_label(label), strict=True))
    right = formulas[name]
    if not counts.hits or right.value is None:
        return None
    because = {
        "precision": say(
            "That is precision: {hits} of the {said} pairs that were given the label have it.",
            hits=counts.hits,
            said=counts.hits + counts.alarms,
        ),
        "recall": say(
            "That is recall: {hits} of the {gold} pairs that have the label were given it.",
            hits=counts.hits,
            gold=counts.hits + counts.misses,
        ),
        "f1": say(
            "That is F1, the harmonic mean of precision and recall: it is high only where both are."
        ),
    }
    wrong: list[tuple[float | None, str]] = [
        (formulas[other].value, because[other]) for other in formulas if other != name
    ]
    wrong += [
        (
            (counts.hits + counts.rest) / matrix.pairs,
            say("That is a share of all {pairs} pairs: an accuracy.", pairs=matrix.pairs),
        ),
        (
            counts.hits / matrix.pairs,
            say(
                "{hits} are divided by all {pairs} pairs here.",
                hits=counts.hits,
                pairs=matrix.pairs,
            ),
        ),
        (
            counts.hits / (counts.hits + counts.alarms + counts.misses),
            say(
                "{hits} are divided by the hits and both kinds of errors: that is the overlap of "
                "gold and given labels (Jaccard).",
                hits=counts.hits,
            ),
        ),
    ]
    choices = [
        Choice(f"{value:.1%}", why)
        for value, why in wrong
        if value is not None and abs(value - right.value) >= TOLD_APART
    ]
    answer = Choice(f"{right.value:.1%}", say("{formula}.", formula=right.written))
    given = [
        say("has the label, was given it: {count}", count=counts.hits),
        say("was given it, but hasn't it: {count}", count=counts.alarms),
        say("has it, but wasn't given it: {count}", count=counts.misses),
        say("neither: {count}", count=counts.rest),
    ]
    return asked(_figure_asked(name, told.names[label]), answer, choices, chance, given)


def _figure_asked(name: str, label: str) -> str:
    if name == "precision":
        return say(
            "Your run's last evaluation, counted for “{label}”. What is its precision?", label=label
        )
    if name == "recall":
        return say(
            "Your run's last evaluation, counted for “{label}”. What is its recall?", label=label
        )
    return say("Your run's last evaluation, counted for “{label}”. What is its F1?", label=label)


def precision_of_the_run(shown: Training, chance: Random) -> Question | None:
    """Precision from the run's counts."""
    return _figure(shown, chance, "precision")


def recall_of_the_run(shown: Training, chance: Random) -> Question | None:
    """Recall from the run's counts."""
    return _figure(shown, chance, "recall")


def f1_of_the_run(shown: Training, chance: Random) -> Question | None:
    """F1 from the run's counts."""
    return _figure(shown, chance, "f1")


def better_or_chance(shown: Training, chance: Random) -> Question | None:
    """Whether one of the run's evaluations is better than another, beyond chance."""
    known = [one for one in shown.evaluations if math.isfinite(one.loss)]
    if len(known) < 2:
        return None
    before, after = sorted(chance.sample(range(len(known)), 2))
    one, other = known[before], known[after]
    more, changed = other.right - one.right, changed_sides(other, one)
    limit = 2 * math.sqrt(changed)
    figures = {"more": more, "changed": changed, "limit": limit}
    counts = {"before": one.right, "after": other.right}
    chance_said = say(
        "Pairs that changed sides: {changed}. By chance alone about half of them would become "
        "right "
        "and half wrong; the difference seldom exceeds {limit:.1f} then. Here it is {more:+d}.",
        **figures,
    )
    answers = {
        "chance": Choice(say("can't be told: chance may have brought it"), chance_said),
        "better": Choice(
            say("yes, clearly better"),
            say(
                "{after} right are more than {before}, but a higher number alone isn't enough.",
                **counts,
            )
            if more > 0
            else say("{after} right aren't more than {before}.", **counts),
        ),
        "worse": Choice(
            say("no, clearly worse"),
            say(
                "{after} right are fewer than {before}, but a lower number alone isn't enough.",
                **counts,
            )
            if more < 0
            else say("{after} right aren't fewer than {before}.", **counts),
        ),
    }
    key = "chance" if abs(more) <= limit else "better" if more > 0 else "worse"
    if key != "chance":
        beyond = say(
            "Pairs that changed sides: {changed}. The difference of {more:+d} is beyond the "
            "{limit:.1f} that chance seldom exceeds.",
            **figures,
        )
        answers["chance"] = replace(answers["chance"], because=beyond)
        answers[key] = replace(answers[key], because=beyond)
    wrong = [answer for name, answer in answers.items() if name != key]
    given = [
        say(
            "step {step}: {right} of {pairs} right ({share:.1%})",
            step=each.step,
            right=each.right,
            pairs=each.pairs,
            share=each.right / each.pairs,
        )
        for each in (one, other)
    ]
    given.append(say("right in one of the two, wrong in the other: {changed}", changed=changed))
    text = say(
        "Two evaluations of your run, on the same {pairs} pairs. Is the model of step {step} "
        "better?",
        pairs=one.pairs,
        step=other.step,
    )
    return asked(text, answers[key], wrong, chance, given)


# Those before the run's own need no run
QUESTIONS = (
    loss_of_a_new_head,
    steps_of_a_run,
    rate_at_a_step,
    pairs_in_a_step,
    first_step_of_adamw,
    clipping_the_first_step,
    which_curve,
    majority_baseline,
    precision_of_the_run,
    recall_of_the_run,
    f1_of_the_run,
    better_or_chance,
)
OF_THE_RUN = QUESTIONS[7:]
