"""Cheap rules that judge a pair without understanding it, and how far they get on a set of pairs.

A data set that such a rule solves teaches a model the rule (an "annotation artefact"):

    >>> best_rule([0.9, 0.8, 0.3, 0.2], [0, 0, 1, 1])
    Rule(threshold=0.8, above=0, accuracy=1.0)

Here almost the same words mean *not* equivalent: from 0.8 up the answer is label 0.
"""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from pipeline.dataset import load_raw_datasets
from pipeline.explain.probing import check_judges_meaning, check_takes_pair
from pipeline.metrics import majority
from pipeline.prediction import predict
from pipeline.settings import Settings


@dataclass(frozen=True)
class Rule:
    """From `threshold` up the answer is label `above`, below it the other label."""

    threshold: float
    above: int
    accuracy: float

    def accuracy_on(self, values: list[float], labels: list[int]) -> float:
        """The fraction of pairs that this rule judges rightly."""
        right = (
            (value >= self.threshold) == (label == self.above)
            for value, label in zip(values, labels, strict=True)
        )
        return sum(right) / len(labels)


def words(sentence: str) -> list[str]:
    """The words of a sentence, case folded, in order. A Chinese character counts as a word: no
    blank says where a Chinese word ends.

    >>> words("Up 12% 上涨")
    ['up', '12', '上', '涨']
    """
    return re.findall(r"[一-鿿]|[^\W一-鿿]+", sentence.casefold())


def word_overlap(first: str, second: str) -> float:
    """Jaccard: the words of both, as a fraction of the words of either."""
    one, other = set(words(first)), set(words(second))
    return len(one & other) / max(len(one | other), 1)


def difflib_ratio(first: str, second: str) -> float:
    """Python's difflib: 1.0 for two equal texts, 0.0 for two without a common character."""
    return SequenceMatcher(None, first, second).ratio()


def length_difference(first: str, second: str) -> float:
    """How many words one sentence has more than the other."""
    return float(abs(len(words(first)) - len(words(second))))


def shared_numbers(first: str, second: str) -> float:
    """Jaccard of the numbers in digits; 1.0 where neither sentence has any."""
    one, other = (set(re.findall(r"\d+(?:[.,]\d+)*", text)) for text in (first, second))
    return len(one & other) / len(one | other) if one | other else 1.0


FEATURES = {
    "word overlap": word_overlap,
    "difflib ratio": difflib_ratio,
    "length difference": length_difference,
    "shared numbers": shared_numbers,
}


def best_rule(values: list[float], labels: list[int], directions: tuple[int, ...] = (1, 0)) -> Rule:
    """The threshold with the best accuracy on these very pairs.

    directions: which labels may stand above it; by default both. "Always label 1" is among the
    rules.
    """
    ones = sum(labels)
    best = Rule(min(values), 1, ones / len(labels))
    # Walk up the values: `below` counts the ones under the threshold, `place` all the pairs there
    ordered = sorted(zip(values, labels, strict=True))
    below = 0
    for place, (value, label) in enumerate(ordered):
        if place == 0 or value > ordered[place - 1][0]:
            right = (ones - below) + (place - below)  # 1 from the threshold up, 0 below it
            for above, count in ((1, right), (0, len(labels) - right)):
                if above in directions and count / len(labels) > best.accuracy:
                    best = Rule(value, above, count / len(labels))
        below += label
    return best


def measured(pairs: dict[str, list]) -> dict[str, list[float]]:
    """Each feature of each pair: {"word overlap": [0.4, …], …}."""
    both = list(zip(pairs["sentence1"], pairs["sentence2"], strict=True))
    return {name: [feature(*pair) for pair in both] for name, feature in FEATURES.items()}


# ------------------------------------------------------------------ the lesson

# Pairs whose difflib ratio is above this are "almost the same words"
ALIKE = 0.8
ASKED = 40


@dataclass(frozen=True)
class Report:
    """A source of pairs as the cheap rules see it."""

    source: str
    pairs: int
    majority: dict[str, float]  # of each split
    rules: dict[str, Rule]  # of each feature, fitted on the train split
    accuracy: dict[str, dict[str, float]]  # of each feature's rule, on each split
    alike: tuple[int, int]  # how many of the most alike pairs have label 0, and label 1
    examples: tuple[
        tuple[float, str, str, int], ...
    ]  # (difflib ratio, sentence1, sentence2, label)


@lru_cache
def report(source: str, examples: int = 5) -> Report:
    """What the cheap rules make of a source of pairs; `examples` of its most alike pairs."""
    raw_datasets, _ = load_raw_datasets(source, Settings())
    splits = {split: rows[:] for split, rows in raw_datasets.items()}
    values = {split: measured(pairs) for split, pairs in splits.items()}
    labels = {split: pairs["label"] for split, pairs in splits.items()}
    rules = {name: best_rule(values["train"][name], labels["train"]) for name in FEATURES}
    accuracy = {
        name: {split: rule.accuracy_on(values[split][name], labels[split]) for split in splits}
        for name, rule in rules.items()
    }
    alike = sorted(
        (ratio, first, second, label)
        for split, pairs in splits.items()
        for ratio, first, second, label in zip(
            values[split]["difflib ratio"],
            pairs["sentence1"],
            pairs["sentence2"],
            pairs["label"],
            strict=True,
        )
        if ratio > ALIKE
    )
    ones = sum(label for *_, label in alike)
    return Report(
        source=source,
        pairs=sum(len(one) for one in labels.values()),
        majority={split: majority(one)["accuracy"] for split, one in labels.items()},
        rules=rules,
        accuracy=accuracy,
        alike=(len(alike) - ones, ones),
        # Not the copies, which say nothing new, but the most alike of the others
        examples=tuple([one for one in reversed(alike) if one[0] < 0.99][:examples]),
    )


def identical_sentences(checkpoint: str, settings: Settings) -> list[tuple[str, float]]:
    """[(sentence, P(equivalent) of the sentence and itself), …], the least sure first.

    The sentences are of the shortcut pairs' validation split, which no run is trained on.
    Raises InputError for a checkpoint that can't be had, and for one that reads one sentence or has
    other labels.
    """
    check_takes_pair(checkpoint, settings)
    rows = load_raw_datasets("shortcut", settings)[0]["validation"][:ASKED]
    sentences = rows["sentence1"]
    predictions, _ = predict(checkpoint, [(text, text) for text in sentences], settings=settings)
    check_judges_meaning(predictions[0])
    shares = [prediction.probabilities["equivalent"] for prediction in predictions]
    return sorted(zip(sentences, shares, strict=True), key=lambda one: one[1])
