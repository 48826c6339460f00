"""The pairs from which the ready adapter can learn to notice a change, each with its label.

Not equivalent: an equivalent pair of which one sentence is changed, or a sentence beside its own
changed version. Equivalent: a sentence beside itself, changed or not, and a pair whose sentences
are both changed alike, so that no word alone is a sign of a change. And the items of the embedded
train split give their pairs, of both labels. Nothing here comes from a validation or test split.

The editor puts in a few names of its own, and a model is judged with them. So that it doesn't learn
these by heart, names out of the train split take their place here.

    >>> sources = Sources.of([("Profits rose in May.", "In May profits were higher.")], [1])
    >>> sources.changed(1, {"opposite": 1}, random.Random(0))
    [('In May profits were higher.', 'Profits fell in May.')]
    >>> sources.changed_alike(1, random.Random(0))
    [('In March profits were higher.', 'Profits rose in March.')]
"""

import random
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.edits import english
from pipeline.edits.changed import CHANGES
from pipeline.edits.editor import changes_of
from pipeline.edits.names import known_names
from pipeline.edits.tokens import Change, replaced, tokens_of
from recipes.embedded_pairs import ENGLISH, Candidate, candidates, read_facts, split_facts

Pair = tuple[str, str]
# Of the changed pairs, so many are a sentence beside its own changed version
ALONE = 0.4
TOLD_IN_BOTH = ("number", "date", "name")  # kinds that can be changed in both sentences alike


@dataclass(frozen=True)
class Sources:
    """What can be changed, by kind: equivalent pairs, and single sentences. sentences: all.

    names: {one of the editor's lists, by its first name: names of the sentences to take instead}.
    """

    pairs: Mapping[str, Sequence[Pair]]
    alone: Mapping[str, Sequence[str]]
    sentences: Sequence[str]
    names: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, pairs: Sequence[Pair], labels: Sequence[float]) -> "Sources":
        """The sources in labelled pairs. labels: 1 for equivalent. On all of MRPC some 20 s."""
        alike = [pair for pair, label in zip(pairs, labels, strict=True) if label == 1]
        sentences = list(dict.fromkeys(sentence for pair in pairs for sentence in pair))
        by_pair: dict[str, list[Pair]] = {}
        by_sentence: dict[str, list[str]] = {}
        for kind in CHANGES:
            # The second sentence is changed: either may be it
            both = [turned for pair in alike for turned in (pair, pair[::-1])]
            by_pair[kind] = [pair for pair in both if changes_of(kind, pair[1], pair[0])]
            by_sentence[kind] = [one for one in sentences if changes_of(kind, one)]
        return cls(by_pair, by_sentence, sentences, names_in(sentences))

    def changed(self, count: int, weights: Mapping[str, float], rng: random.Random) -> list[Pair]:
        """About `count` pairs that are not equivalent. weights: the kinds' shares, in proportion.

        A pair or sentence comes again where there are too few, a number or a name with another
        change.
        """
        made: list[tuple[str, str, list[Change]]] = []
        for kind, weight in weights.items():
            wanted = round(count * weight / sum(weights.values()))
            of_pairs = min(round((1 - ALONE) * wanted), 6 * len(self.pairs[kind]))
            for first, second in _again(self.pairs[kind], of_pairs, rng):
                made.append((first, second, self._changes(kind, second, first, rng)))
            for sentence in _again(self.alone[kind], wanted - of_pairs, rng):
                made.append((sentence, sentence, self._changes(kind, sentence, None, rng)))
        return [
            (first, replaced(second, changes))
            for first, second, changes in made
            if replaced(second, changes) != second
        ]

    def beside_themselves(self, count: int, rng: random.Random) -> list[Pair]:
        """`count` pairs of a sentence and itself, half of them of a changed one."""
        made = []
        for number, sentence in enumerate(_again(self.sentences, count, rng)):
            changes = self._changes(rng.choice(CHANGES), sentence, None, rng) if number % 2 else []
            made.append((replaced(sentence, changes),) * 2)
        return made

    def changed_alike(self, count: int, rng: random.Random) -> list[Pair]:
        """Up to `count` equivalent pairs with the same change in both sentences."""
        able = [(kind, *pair) for kind in TOLD_IN_BOTH for pair in self.pairs[kind]]
        made: list[Pair] = []
        for kind, first, second in _again(able, 2 * count, rng):
            changes = self._changes(kind, second, first, rng)
            if len(made) < count and len(changes) == 1:
                start, end, new = changes[0]
                other = first.replace(second[start:end], new)
                # "Mr. Smith" changed, but not the Smith that follows: no longer one person
                words = [word for word in re.findall(r"\w+", second[start:end]) if len(word) > 2]
                if other != first and not any(word in other for word in words):
                    made.append((other, replaced(second, changes)))
        return made

    def _changes(
        self, kind: str, sentence: str, other: str | None, rng: random.Random
    ) -> list[Change]:
        """What the editor changes, with other names than its own."""
        made = changes_of(kind, sentence, other, rng.randrange(2**31))
        if kind != "name":
            return made
        return [
            (start, end, rng.choice(self.names[new]) if self.names.get(new) else new)
            for start, end, new in made
        ]


def names_in(sentences: Sequence[str]) -> dict[str, list[str]]:
    """{a name that the editor puts in: the names of its kind in these sentences}."""
    lists = {
        "man": english.NEW_MEN,
        "woman": english.NEW_WOMEN,
        "surname": english.NEW_SURNAMES,
        "company": english.NEW_COMPANIES,
    }
    found: dict[str, set[str]] = {kind: set() for kind in lists}
    for sentence in sentences:
        words = tokens_of(sentence)
        for name in known_names(sentence, words, random.Random(0)):
            kind = name.kind.rpartition(" ")[2]  # "Mr surname"
            if kind in found:
                start, end = words[name.first].start, words[name.last - 1].end
                found[kind].add(sentence[start:end])
    return {new: sorted(found[kind] - set(lists[kind])) for kind in lists for new in lists[kind]}


def embedded_items(count: int, rng: random.Random) -> tuple[list[Pair], list[float]]:
    """(pairs, labels): some `count` pairs of the items that the embedded train split is drawn from,
    each kind as often, half of them equivalent.
    """
    items = split_facts(read_facts(ENGLISH.facts), ENGLISH.turn, random.Random(ENGLISH.seed))
    by_kind: dict[int, dict[str, list[Candidate]]] = {0: defaultdict(list), 1: defaultdict(list)}
    for number, fact in enumerate(items["train"]):
        for one in candidates(ENGLISH, number, fact, rng):
            by_kind[one.label][one.kind].append(one)
    drawn = [
        one
        for kinds in by_kind.values()
        for found in kinds.values()
        for one in _again(found, round(count / 2 / len(kinds)), rng)
    ]
    return [one.sentences for one in drawn], [float(one.label) for one in drawn]


def _again(values: Sequence, count: int, rng: random.Random) -> list:
    """`count` of the values in a random order; none comes again before all have come."""
    drawn: list = []
    while values and len(drawn) < count:
        drawn += rng.sample(values, min(len(values), count - len(drawn)))
    return drawn


@dataclass(frozen=True)
class Mixture:
    """What a model goes on with. changed: the share of changed pairs; same: of sentences beside
    themselves and of pairs changed alike; embedded: of embedded items.

    The others are MRPC's, with the answers that the model gave before. weights: see
    Sources.changed.
    moved: how far the model's own weights go from where they were (0) to where these pairs take
    them (1): in between, it has more of MRPC's accuracy at the same share of changes noticed
    (Wortsman et al. 2022, https://arxiv.org/abs/2109.01903).
    """

    pairs: int = 12_800
    changed: float = 0.30
    same: float = 0.12
    embedded: float = 0.16
    weights: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(CHANGES, 1.0))
    learning_rate: float = 1e-3
    moved: float = 0.5

    def drawn(
        self, sources: Sources, kept: Sequence[tuple[Pair, float]], rng: random.Random
    ) -> tuple[list[Pair], list[float]]:
        """(pairs, their probabilities of being equivalent), about as many as `pairs`.
        kept: pairs with the model's own answers.
        """
        changed = sources.changed(round(self.changed * self.pairs), self.weights, rng)
        same = sources.beside_themselves(round(self.same * self.pairs / 2), rng)
        same += sources.changed_alike(round(self.same * self.pairs / 2), rng)
        items, labels = embedded_items(round(self.embedded * self.pairs), rng)
        others = _again(kept, self.pairs - len(changed) - len(same) - len(items), rng)
        answers = [answer for _pair, answer in others]
        return (
            [*changed, *same, *items, *(pair for pair, _answer in others)],
            [*[0.0] * len(changed), *[1.0] * len(same), *labels, *answers],
        )
