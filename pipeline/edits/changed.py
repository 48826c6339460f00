"""Changed copies of labelled pairs: those that join a run's training pairs, and those by which a
run is judged: does its model notice a change?

Two sentences that say the same are no longer equivalent once one of them is changed. A sentence
beside itself joins, too, so that a model doesn't learn that every likeness means no.

    >>> pairs = [("Profits rose in May.", "In May profits were higher.", 1)]
    >>> [copy] = joining(pairs, 1, seed=0)
    >>> copy.kind, copy.sentences(pairs), copy.label
    ('negate', ('Profits rose in May.', 'In May profits were not higher.'), 0)

A copy is kept as the place of its pair and what is changed there: a script that has the pairs makes
it again, and no sentence is handed on.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from languages import say
from pipeline.edits.editor import KINDS, changes_of
from pipeline.edits.tokens import Change, replaced
from pipeline.errors import InputError

LabelledPair = tuple[str, str, int]  # sentence1, sentence2, the number of the label
NOT_EQUIVALENT, EQUIVALENT = 0, 1
SAME = "same"  # a sentence beside itself
# Without "shuffle": that shuffled words are not equivalent is a convention
CHANGES = tuple(kind for kind in KINDS if kind != "shuffle")
LOOKED_FOR = (*CHANGES, SAME)
ONE_IN = 3  # of the copies that join, so many are a sentence beside itself
# Of each kind, so many validation pairs are judged: about a second for all of them on two cores
MOST_JUDGED = 40
MOST_COPIES, MOST_CHARACTERS = 100_000, 500  # of what a run tells: more is foreign


@dataclass(frozen=True)
class Copy:
    """One copy of a pair. row: the pair's. changed: the sentence that isn't the pair's own, 1 or 2.

    changes: what is changed in it, in characters; none: it is the other sentence once more.
    """

    kind: str
    row: int
    changed: int
    changes: tuple[Change, ...] = ()

    @property
    def label(self) -> int:
        """The number of the right label."""
        return EQUIVALENT if self.kind == SAME else NOT_EQUIVALENT

    def sentences(self, pairs: Sequence[LabelledPair]) -> tuple[str, str]:
        """The copy's two sentences. pairs: those that it was made of."""
        first, second, _label = pairs[self.row]
        if self.kind == SAME:
            return (second, second) if self.changed == 1 else (first, first)
        if self.changed == 1:
            return replaced(first, self.changes), second
        return first, replaced(second, self.changes)

    @property
    def told(self) -> list[Any]:
        """As a run tells it: [kind, row, changed, [[start, end, new text], …]]."""
        return [self.kind, self.row, self.changed, [list(change) for change in self.changes]]


def copy_told(told: Sequence[Any]) -> Copy:
    """The Copy of which `Copy.told` made this."""
    kind, row, changed, changes = told
    return Copy(kind, row, changed, tuple((start, end, new) for start, end, new in changes))


def are_copies(values: Any) -> bool:
    """Whether what was read from a file is a list of copies as `Copy.told` tells them."""
    return isinstance(values, list) and len(values) <= MOST_COPIES and all(map(_is_copy, values))


def _is_copy(value: Any) -> bool:
    if not isinstance(value, list) or len(value) != 4 or not isinstance(value[3], list):
        return False
    kind, row, changed, changes = value
    return (
        kind in LOOKED_FOR
        and _is_place(row)
        and changed in (1, 2)
        and all(
            isinstance(change, list)
            and len(change) == 3
            and _is_place(change[0])
            and _is_place(change[1])
            and isinstance(change[2], str)
            and len(change[2]) <= MOST_CHARACTERS
            for change in changes
        )
    )


def _is_place(value: Any) -> bool:
    return type(value) is int and 0 <= value < 10**9


def check_can_change(title: str, labels: Sequence[str], language: str) -> None:
    """Raise InputError for a task whose pairs have no changed copies. title, labels, language: the
    task's.
    """
    if tuple(labels) == ("not_equivalent", "equivalent") and language == "en":
        return
    raise InputError(
        say(
            "changed_share makes changed copies of English pairs that are labelled equivalent or "
            "not_equivalent, and {task} has none. Set changed_share to 0, or choose mrpc.",
            task=title,
        )
    )


# ---------------------------------------------------------------- making them


def joining(pairs: Sequence[LabelledPair], count: int, seed: int) -> list[Copy]:
    """`count` copies of these training pairs, fewer where no more can surely be made: two changed
    ones for each sentence beside itself. The same arguments give the same copies.

    Each pair is changed at most once, in the kind that has been used least so far: a number or a
    "not" could be changed far oftener than an opposite.
    """
    rng = random.Random(f"{seed} {count}")
    alike = _equivalent(pairs, rng)
    wanted = count - count // ONE_IN
    used = dict.fromkeys(CHANGES, 0)
    made: list[Copy] = []
    for row in alike:
        if len(made) == wanted:
            break
        for kind in sorted(CHANGES, key=used.__getitem__):
            if copy := _changed(kind, pairs, row):
                used[kind] += 1
                made.append(copy)
                break
    # Where fewer could be changed, fewer stand beside themselves
    same = min(count // ONE_IN, len(made) // (ONE_IN - 1))
    return [*made, *_beside_themselves(pairs, same, rng)]


def held_out(pairs: Sequence[LabelledPair], most: int = MOST_JUDGED) -> list[Copy]:
    """Up to `most` copies of each kind of validation pairs, always the same ones of the same
    pairs; a pair may be changed in several ways.
    """
    rng = random.Random(most)
    alike = _equivalent(pairs, rng)
    made: list[Copy] = []
    for kind in CHANGES:
        of_kind: list[Copy] = []
        for row in alike:
            if len(of_kind) == most:
                break
            if copy := _changed(kind, pairs, row):
                of_kind.append(copy)
        made += of_kind
    return [*made, *_beside_themselves(pairs, most, rng)]


def _equivalent(pairs: Sequence[LabelledPair], rng: random.Random) -> list[int]:
    """The rows of the equivalent pairs in a random order: the changed ones are certainly no longer
    equivalent.
    """
    rows = [row for row, (_first, _second, label) in enumerate(pairs) if label == EQUIVALENT]
    rng.shuffle(rows)
    return rows


def _changed(kind: str, pairs: Sequence[LabelledPair], row: int) -> Copy | None:
    """The pair with its second sentence changed, else its first; None where neither can be."""
    first, second, _label = pairs[row]
    for which, sentence, other in ((2, second, first), (1, first, second)):
        changes = changes_of(kind, sentence, other)
        if replaced(sentence, changes) != sentence:
            return Copy(kind, row, which, tuple(changes))
    return None


def _beside_themselves(pairs: Sequence[LabelledPair], count: int, rng: random.Random) -> list[Copy]:
    rows = rng.sample(range(len(pairs)), min(count, len(pairs)))
    return [Copy(SAME, row, rng.choice((1, 2))) for row in rows]


# ---------------------------------------------------------------- what was noticed

# {kind: [how many were noticed, of how many]}; of SAME, how many were called equivalent
Noticed = dict[str, list[int]]


def noticed(
    copies: Sequence[Copy], answers: Sequence[int], whole: Sequence[int] | Mapping[int, int]
) -> Noticed:
    """Of the copies whose unchanged pair is recognised as equivalent, how many are called not
    equivalent, by kind. Of a sentence beside itself: how many are called equivalent.

    A model that calls everything not equivalent notices nothing, so only recognised pairs count.
    answers: of the copies. whole: of the unchanged pairs, by row.

    >>> copies = [*(Copy("negate", row, 2) for row in range(3)), Copy(SAME, 0, 1)]
    >>> noticed(copies, answers=[0, 1, 0, 1], whole=[1, 1, 0])
    {'negate': [1, 2], 'same': [1, 1]}
    """
    seen: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for copy, answer in zip(copies, answers, strict=True):
        if copy.kind == SAME or whole[copy.row] == EQUIVALENT:
            asked[copy.kind] += 1
            seen[copy.kind] += answer == copy.label
    return {kind: [seen[kind], asked[kind]] for kind in LOOKED_FOR if asked[kind]}


def are_noticed(values: Any) -> bool:
    """Whether what was read from a file is what `noticed` gives."""
    return isinstance(values, dict) and all(
        kind in LOOKED_FOR
        and isinstance(counts, list)
        and len(counts) == 2
        and all(map(_is_place, counts))
        and counts[0] <= counts[1]
        and counts[1] > 0
        for kind, counts in values.items()
    )
