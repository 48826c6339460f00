"""Which curve is this? A small classifier trained on the spot, and its curve to be named.

The classifier is a logistic regression on drawn numbers, trained in the way of a run: shuffled
batches, evaluations on other examples. What its curve is called, the rules of diagnosis.py say.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from languages import say
from pipeline.config import TrainingConfig
from pipeline.explain.diagnosis import DIVERGES, LEARNS, OVERFITS, UNDERFITS, name_of
from pipeline.explain.evidence import Evidence
from pipeline.metrics import f1, majority
from pipeline.questions.question import Choice, Points, Question, asked

if TYPE_CHECKING:  # importing it takes a moment
    import numpy as np

FEATURES, EVALUATED, BATCH_SIZE = 60, 300, 16
EVERY = 10  # steps between two evaluations
TRIES = 12  # chance may give a recipe's curve another name: then it is drawn anew


@dataclass(frozen=True)
class Recipe:
    """How many examples to train on, how often, and how large each step is."""

    examples: int
    steps: int
    rate: float


RECIPES: dict[str, Recipe] = {
    OVERFITS: Recipe(examples=64, steps=200, rate=1.0),
    UNDERFITS: Recipe(examples=2000, steps=80, rate=2e-4),
    DIVERGES: Recipe(examples=2000, steps=80, rate=60.0),
    LEARNS: Recipe(examples=2000, steps=120, rate=0.15),
}


def trained(recipe: Recipe, seed: int) -> Evidence:
    """A recipe's curve: losses of each batch and of the evaluations, accuracies, F1."""
    import numpy as np

    drawn = np.random.default_rng(seed)
    truth = drawn.normal(size=FEATURES) * (np.arange(FEATURES) < 12)  # the others say nothing

    def examples(count: int) -> tuple[np.ndarray, np.ndarray]:
        inputs = drawn.normal(size=(count, FEATURES))  # (count, FEATURES)
        chance = 1 / (1 + np.exp(-(inputs @ truth + 0.6)))
        return inputs, (drawn.random(count) < chance).astype(float)

    inputs, labels = examples(recipe.examples)
    others, gold = examples(EVALUATED)
    weights = drawn.normal(size=FEATURES) * 0.05
    losses, evaluations = [], [(0, *_judged(others, gold, weights))]
    order: list[int] = []
    for step in range(1, recipe.steps + 1):
        if not order:
            order = drawn.permutation(recipe.examples).tolist()
        batch, order = order[:BATCH_SIZE], order[BATCH_SIZE:]
        x, y = inputs[batch], labels[batch]
        losses.append((step, _loss(x @ weights, y)))
        weights = weights - recipe.rate * x.T @ (_sigmoid(x @ weights) - y) / len(batch)
        if step % EVERY == 0:
            evaluations.append((step, *_judged(others, gold, weights)))
    common = majority([int(label) for label in gold], ("accuracy", "f1"))
    return Evidence(
        config=TrainingConfig(batch_size=BATCH_SIZE, max_steps=recipe.steps),
        loss=losses,
        eval_loss=[(step, loss) for step, loss, _accuracy, _f1 in evaluations],
        eval_accuracy=[(step, accuracy) for step, _loss, accuracy, _f1 in evaluations],
        eval_f1=[(step, each) for step, _loss, _accuracy, each in evaluations],
        majority=common["accuracy"],
        majority_f1=common["f1"],
        eval_pairs=EVALUATED,
        train_pairs=recipe.examples,
    )


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    import numpy as np

    return 1 / (1 + np.exp(-np.clip(logits, -500, 500)))


def _loss(logits: np.ndarray, labels: np.ndarray) -> float:
    """The mean cross-entropy; ln(1 + e^−z), counted so that no e^z overflows."""
    import numpy as np

    towards = np.where(labels > 0, logits, -logits)
    return float(np.logaddexp(0, -towards).mean())


def _judged(
    inputs: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> tuple[float, float, float]:
    """Loss, accuracy and F1 of these weights."""
    logits = inputs @ weights
    answers, gold = [int(z > 0) for z in logits], [int(y) for y in labels]
    right = sum(one == other for one, other in zip(answers, gold, strict=True))
    return _loss(logits, labels), right / len(gold), f1(gold, answers)


def curve_named(name: str, chance: Random) -> Evidence | None:
    """A curve that the rules give that name, one of RECIPES; None where none came of the tries."""
    for _try in range(TRIES):
        evidence = trained(RECIPES[name], chance.randrange(2**32))
        if name_of(evidence)[0] == name:
            return evidence
    return None


def which_curve(shown: object, chance: Random) -> Question | None:
    """The name of a curve. It is another at each drawing, whatever the page shows."""
    name = chance.choice(list(RECIPES))
    evidence = curve_named(name, chance)
    if evidence is None:
        return None
    choices = {each: Choice(each, because) for each, because in _signs(evidence).items()}
    wrong = [choice for each, choice in choices.items() if each != name]
    right = Choice(name, say("It is called so because {because}.", because=name_of(evidence)[1]))
    text = say(
        "A small classifier was trained just now: {steps} steps on {examples} examples. What does "
        "its curve show?",
        steps=len(evidence.loss),
        examples=evidence.train_pairs,
    )
    curves: dict[str, Points] = {
        say("training loss"): evidence.loss,
        say("validation loss"): evidence.eval_loss,
    }
    return asked(text, right, wrong, chance, curves=curves)


def _signs(evidence: Evidence) -> dict[str, str]:
    """{name: by what one would know such a curve, and what this one does instead}."""
    first, last = evidence.ends
    began, ended = evidence.eval_ends
    lowest = evidence.lowest[1]
    figures = {
        "first": first,
        "last": last,
        "began": began,
        "ended": ended,
        "lowest": lowest,
        "coin": math.log(2),
    }
    return {
        OVERFITS: say(
            "Then the training loss would go on falling while the validation loss rises again. "
            "Here they go from {first:.2f} to {last:.2f}, and from {lowest:.2f} at the lowest to "
            "{ended:.2f}.",
            **figures,
        ),
        UNDERFITS: say(
            "Then both losses would hardly move. Here the training loss goes from {first:.2f} to "
            "{last:.2f}, the validation loss from {began:.2f} to {ended:.2f}.",
            **figures,
        ),
        DIVERGES: say(
            "Then the training loss would climb above {coin:.2f}, that of a coin toss, and stay "
            "there. Here it goes from {first:.2f} to {last:.2f}.",
            **figures,
        ),
        LEARNS: say(
            "Then both losses would fall together and stay down. Here the validation loss goes "
            "from {began:.2f} to {ended:.2f}, with {lowest:.2f} at the lowest.",
            **figures,
        ),
    }
