"""python -m recipes.embedded_pairs: write the embedded pairs, the same ones each time.

`recipes/facts/*.txt` holds some 270 short news items, written by hand, `recipes/facts_zh/*.txt`
some 70 in Chinese. An item looks like this:

    The airline Norvia will hire 300 pilots this year.         the sentence
    = Norvia, the airline, intends to take on 300 pilots ...   the same, reworded
    + This year, the airline Norvia will hire 300 pilots.      the same, rearranged
    ~ hire > recruit                                           a synonym
    ! number: 300 > 500                                        a change of meaning, with its kind
    ! role: Norvia <> Kelland                                  two phrases that change places
    - Pilots at the airline Norvia voted to strike.            another statement on the subject

Each item gives pairs of both labels, so that no sentence and no degree of similarity tells the
label: the base sentence stands beside its copy, its synonym, its rewording (equivalent), beside
its changed version, and the changed version stands beside the rewording, too (not equivalent).
"""

import csv
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.task import CHINESE_PAIRS, EMBEDDED_PAIRS

# ", a spokeswoman said on Monday": who said it, which changes nothing of what was said
ATTRIBUTIONS = "attributions.txt"
HAS_ONE = re.compile(r"\b(said|say|says|showed|found\.|according|reported|complained|concluded)\b")
CHINESE_HAS_ONE = re.compile("说|称|表示|认定|认为|预计|显示|据|报道|透露")
# Pairs of each kind among 160, the size of the validation and of the test split.
# Train has four times as many.
QUOTAS = {
    1: {
        "same": 8,
        "blank": 4,
        "full stop": 4,
        "letter case": 4,
        "synonym": 20,
        "rearranged": 14,
        "reworded": 30,
        "attributed": 20,
    },
    0: {
        "not": 5,
        "number": 4,
        "name": 4,
        "direction": 5,
        "role": 4,
        "not, attributed": 2,
        "number, attributed": 2,
        "name, attributed": 2,
        "direction, attributed": 2,
        "role, attributed": 1,
        "not, rearranged": 2,
        "number, rearranged": 1,
        "name, rearranged": 1,
        "direction, rearranged": 2,
        "role, rearranged": 1,
        "not, reworded": 3,
        "number, reworded": 2,
        "name, reworded": 2,
        "direction, reworded": 3,
        "role, reworded": 2,
        "other": 6,
    },
}
SHARES = {"train": 4, "validation": 1, "test": 1}
# Of 40 Chinese pairs; train has three times as many
CHINESE_QUOTAS = {
    1: {
        "same": 3,
        "punctuation": 2,
        "synonym": 5,
        "rearranged": 4,
        "reworded": 6,
        "attributed": 5,
    },
    0: {
        "not": 1,
        "number": 1,
        "name": 1,
        "direction": 1,
        "role": 1,
        "not, attributed": 1,
        "number, rearranged": 1,
        "direction, attributed": 1,
        "not, reworded": 1,
        "number, reworded": 1,
        "name, reworded": 1,
        "direction, reworded": 1,
        "role, reworded": 1,
        "other": 2,
    },
}
CHINESE_SHARES = {"train": 3, "validation": 1, "test": 1}
CHANGES = ("not", "number", "name", "direction", "role")


@dataclass
class Fact:
    """One item of a facts file. `synonyms` and `changes` hold lists of (old, new, swap)."""

    sentence: str
    reworded: str = ""
    rearranged: str = ""
    synonyms: list = field(default_factory=list)
    changes: list = field(default_factory=list)  # (kind, substitutions)
    other: str = ""


@dataclass(frozen=True)
class Candidate:
    """A possible pair; `fact` is the number of the item that both sentences come from."""

    fact: int
    label: int
    kind: str
    sentences: tuple


@dataclass(frozen=True)
class PairSet:
    """How one set of embedded pairs is made from its facts.

    quotas: {label: {kind: pairs}}, which a split has as often as `shares` says. turn: the splits in
    the order in which the items are dealt out. copies: a sentence -> (kind, the same sentence
    with other spelling). attributed: a sentence and who said so -> both in one sentence, where
    `has_one` doesn't find that it has one.
    """

    facts: Path
    folder: Path
    seed: int
    quotas: dict[int, dict[str, int]]
    shares: dict[str, int]
    turn: tuple[str, ...]
    copies: Callable[[str, random.Random], Iterator[tuple[str, str]]]
    attributed: Callable[[str, str], str]
    has_one: re.Pattern

    def with_attribution(self, sentence: str, rng: random.Random) -> str | None:
        """The sentence with the name of somebody who said so; None where it has one already."""
        if self.has_one.search(sentence):
            return None
        lines = (self.facts / ATTRIBUTIONS).read_text(encoding="utf-8").splitlines()
        return self.attributed(sentence, rng.choice(lines))


# ------------------------------------------------------------------------ facts


def read_facts(folder: Path) -> dict[str, list[Fact]]:
    """The items of each file, by the file's name. ValueError names an item that is not sound."""
    return {
        path.stem: [parse(block) for block in path.read_text("utf-8").strip().split("\n\n")]
        for path in sorted(folder.glob("*.txt"))
        if path.name != ATTRIBUTIONS
    }


def parse(block: str) -> Fact:
    """One item from its lines."""
    sentence, *lines = block.splitlines()
    fact = Fact(sentence)
    for line in lines:
        mark, text = line[0], line[2:]
        if mark == "=":
            fact.reworded = text
        elif mark == "+":
            fact.rearranged = text
        elif mark == "-":
            fact.other = text
        elif mark == "~":
            fact.synonyms.append(substitutions(text))
        elif mark == "!":
            kind, _, rest = text.partition(": ")
            if kind not in CHANGES:
                raise ValueError(f"{kind!r} is no kind of change: {line}")
            fact.changes.append((kind, substitutions(rest)))
        else:
            raise ValueError(f"a line begins with none of = + ~ ! -: {line}")
    if not (fact.reworded and fact.other and fact.synonyms and fact.changes):
        raise ValueError(f"an item lacks one of = ~ ! -: {sentence}")
    for parts in [*fact.synonyms, *(parts for _, parts in fact.changes)]:
        if substituted(sentence, parts) is None:
            raise ValueError(f"{parts} can't be put into: {sentence}")
    return fact


def substitutions(text: str) -> list[tuple[str, str, bool]]:
    """'a > b | c <> d' -> [('a', 'b', False), ('c', 'd', True)]; <> swaps the two."""
    found = []
    for part in text.split(" | "):
        swap = " <> " in part
        old, new = part.split(" <> " if swap else " > ")
        found.append((old, new, swap))
    return found


def substituted(sentence: str, parts: list[tuple[str, str, bool]]) -> str | None:
    """The sentence with each substitution made, or None where one doesn't occur just once."""
    for old, new, swap in parts:
        # A phrase is written as in mid-sentence; where it begins one, its capital goes and comes
        lowered = sentence[0].lower() + sentence[1:]
        if any(lowered.startswith(one) for one in ((old, new) if swap else (old,))):
            sentence = lowered
        if sentence.count(old) != 1 or (swap and sentence.count(new) != 1):
            return None
        if swap:
            sentence = sentence.replace(old, "\0").replace(new, old).replace("\0", new)
        else:
            sentence = sentence.replace(old, new)
        sentence = sentence[0].upper() + sentence[1:]
    return sentence


# ------------------------------------------------------------------ from facts to pairs


def candidates(pairs: PairSet, number: int, fact: Fact, rng: random.Random) -> list[Candidate]:
    """Every pair that an item can give."""
    base, found = fact.sentence, []

    def add(label, kind, *sentences):
        if None not in sentences:
            found.append(Candidate(number, label, kind, sentences))

    changed = [(kind, substituted(base, parts)) for kind, parts in fact.changes]
    for version in (base, fact.reworded, fact.other, *(text for _, text in changed)):
        for kind, text in pairs.copies(version, rng):
            add(1, kind, version, text)
    for version in (base, fact.rearranged or None, *(text for _, text in changed)):
        for text in reworded_in_places(version, fact):
            add(1, "synonym", version, text)
    alike = [base, *reworded_in_places(base, fact)]
    if fact.rearranged:
        for version in alike:
            add(1, "rearranged", version, fact.rearranged)
        for _, parts in fact.changes:
            add(1, "rearranged", substituted(base, parts), substituted(fact.rearranged, parts))
    for version in (*alike, fact.rearranged or None):
        add(1, "reworded", version, fact.reworded)
        add(0, "other", version, fact.other)
    add(0, "other", fact.reworded, fact.other)
    if pairs.with_attribution(base, rng):
        for version in (*alike, fact.reworded, fact.rearranged or None):
            add(1, "attributed", pairs.with_attribution(base, rng), version)
            add(1, "attributed", base, version and pairs.with_attribution(version, rng))
    for kind, text in changed:
        add(0, kind, base, text)
        if pairs.with_attribution(base, rng):
            for version in (base, fact.reworded):
                add(0, f"{kind}, attributed", pairs.with_attribution(version, rng), text)
                add(0, f"{kind}, attributed", version, pairs.with_attribution(text, rng))
        add(0, f"{kind}, reworded", fact.reworded, text)
        add(0, f"{kind}, rearranged", fact.rearranged or None, text)
    return found


def reworded_in_places(sentence: str | None, fact: Fact) -> list[str]:
    """The sentence with each of its item's synonyms, and with all of them together."""
    if sentence is None:
        return []
    together = [one for parts in fact.synonyms for one in parts]
    texts = [substituted(sentence, parts) for parts in (*fact.synonyms, together)]
    return list(dict.fromkeys(text for text in texts if text))


def english_copies(sentence: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    """(kind, copy): the sentence itself, with a blank more, without its full stop, in one case."""
    yield "same", sentence
    yield "blank", with_blank(sentence, rng)
    yield "full stop", sentence.removesuffix(".")
    yield "letter case", rng.choice((sentence.lower(), sentence.upper()))


def chinese_copies(sentence: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    """(kind, copy): the sentence itself, without its full stop, with ASCII punctuation or with
    blanks around its numbers, as people type them.
    """
    yield "same", sentence
    yield "punctuation", sentence.removesuffix("。")
    ascii_marks = str.maketrans({"，": ", ", "。": ".", "“": '"', "”": '"', "、": ", "})
    yield "punctuation", sentence.translate(ascii_marks)
    spaced = re.sub(r"(?<=[一-龥])(?=\d)|(?<=[\d%])(?=[一-龥])", " ", sentence)
    if spaced != sentence:
        yield "punctuation", spaced


def with_blank(sentence: str, rng: random.Random) -> str:
    """The sentence with one blank more: between two words, before the full stop or at the end."""
    place = rng.randrange(3)
    if place == 0:
        words = sentence.split(" ")
        cut = rng.randrange(1, len(words))
        return " ".join(words[:cut]) + "  " + " ".join(words[cut:])
    return sentence.removesuffix(".") + " ." if place == 1 else sentence + " "


def split_facts(
    facts: dict[str, list[Fact]], turn: tuple[str, ...], rng: random.Random
) -> dict[str, list[Fact]]:
    """Each file's items over the splits in turn, so that each split has every subject."""
    splits = {split: [] for split in SHARES}
    everything = []
    for items in facts.values():
        everything += rng.sample(items, len(items))
    for place, fact in enumerate(everything):
        splits[turn[place % len(turn)]].append(fact)
    return splits


def draw(pairs: PairSet, facts: list[Fact], share: int, rng: random.Random) -> list[Candidate]:
    """Pairs by the quotas; an item that has given fewer pairs comes first."""
    by_kind = defaultdict(list)
    for number, fact in enumerate(facts):
        for candidate in candidates(pairs, number, fact, rng):
            by_kind[candidate.label, candidate.kind].append(candidate)
    times, seen, drawn = Counter(), set(), []
    labels = {number: Counter() for number in range(len(facts))}
    # Scarce kinds first, so that every quota is met
    wanted = [
        (label, kind, share * count)
        for label, kinds in pairs.quotas.items()
        for kind, count in kinds.items()
    ]
    wanted.sort(key=lambda one: len(by_kind[one[:2]]) / one[2])
    for label, kind, count in wanted:
        taken = Counter()
        for _ in range(count):
            left = [one for one in by_kind[label, kind] if frozenset(one.sentences) not in seen]
            if not left:
                raise ValueError(f"there are too few pairs of the kind {kind!r}")
            rarest = min(
                left,
                key=lambda one: (
                    taken[one.fact],
                    labels[one.fact][label],
                    times[one.fact],
                    rng.random(),
                ),
            )
            seen.add(frozenset(rarest.sentences))
            taken[rarest.fact] += 1
            times[rarest.fact] += 1
            labels[rarest.fact][label] += 1
            drawn.append(rarest)
    rng.shuffle(drawn)
    return drawn


ENGLISH = PairSet(
    facts=Path(__file__).parent / "facts",
    folder=EMBEDDED_PAIRS,
    seed=17,
    quotas=QUOTAS,
    shares=SHARES,
    turn=("train", "train", "validation", "train", "train", "test"),
    copies=english_copies,
    attributed=lambda sentence, who: f"{sentence.removesuffix('.')}{who}.",
    has_one=HAS_ONE,
)
CHINESE = PairSet(
    facts=Path(__file__).parent / "facts_zh",
    folder=CHINESE_PAIRS,
    seed=29,
    quotas=CHINESE_QUOTAS,
    shares=CHINESE_SHARES,
    turn=("train", "validation", "train", "test", "train"),
    copies=chinese_copies,
    attributed=lambda sentence, who: who + sentence,
    has_one=CHINESE_HAS_ONE,
)


def make(pairs: PairSet = ENGLISH) -> dict[str, list[dict]]:
    """The rows of each split: sentence1, sentence2, label, idx, kind."""
    rng = random.Random(pairs.seed)
    rows = {}
    for split, items in split_facts(read_facts(pairs.facts), pairs.turn, rng).items():
        rows[split] = []
        for number, pair in enumerate(draw(pairs, items, pairs.shares[split], rng)):
            first, second = rng.sample(pair.sentences, 2)
            rows[split].append(
                {
                    "sentence1": first,
                    "sentence2": second,
                    "label": pair.label,
                    "idx": number,
                    "kind": pair.kind,
                }
            )
    return rows


def write(folder: Path, splits: dict[str, list[dict]]) -> None:
    """One CSV a split."""
    folder.mkdir(exist_ok=True)
    for split, rows in splits.items():
        with open(folder / f"{split}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    for one in (ENGLISH, CHINESE):
        write(one.folder, make(one))
