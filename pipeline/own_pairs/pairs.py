"""A table and its columns -> labelled pairs in splits, and what there is to know of them.

>>> from pipeline.own_pairs.columns import guess_columns
>>> from pipeline.own_pairs.read import read_table
>>> rows = [f"one {n},two {n},{n % 2 and 'yes' or 'no'}" for n in range(20)]
>>> text = "\\n".join(["a,b,same", *rows])
>>> table = read_table(text.encode(), "pairs.csv", Settings())
>>> own = own_pairs(table, guess_columns(table), settings=Settings())
>>> own.labels, {split: len(rows) for split, rows in own.splits.items()}
(('no', 'yes'), {'train': 16, 'validation': 2, 'test': 2})
"""

import random
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from languages import say, say_plural
from pipeline.errors import InputError, shown
from pipeline.own_pairs.columns import MOST_LABELS, NUMBER, SPLIT_VALUES, Columns, checked_columns
from pipeline.own_pairs.delimited import ends_before
from pipeline.own_pairs.table import Table
from pipeline.sentence import checked_sentence
from pipeline.settings import Settings

SPLITS = ("train", "validation", "test")
# Rows without a label where others have one: a run uses none of them
UNLABELLED = "unlabelled"
NO_LABEL = -1  # as GLUE's test splits have it
# Fewer labelled rows can't be split into some to learn from and some to be measured by
FEWEST_LABELLED = 8
# Of so many pairs one is for validation, and one for the test
FEW_ROWS = 20
ONE_OF = 10
LONGEST_LABEL = 100
MISSING = frozenset(("", "nan", "null", "n/a", "#n/a", "<na>", "?"))
TRUE = frozenset("true yes y t positive similar same 是 对 真 正 正面 相似 相同 一致".split())
FALSE = frozenset("false no n f negative different 否 错 假 负 负面 不相似 不同 不一致".split())
NEGATIONS = (
    "not_",
    "not ",
    "not-",
    "non_",
    "non-",
    "non",
    "not",
    "un",
    "dis",
    "不",
    "非",
    "没",
    "无",
)


@dataclass(frozen=True)
class Lengths:
    """Characters of the sentences of a column."""

    shortest: int
    median: int
    longest: int


@dataclass(frozen=True)
class OwnPairs:
    """A visitor's pairs, and what was found while they were read.

    labels: their names in the order of their numbers, () where there are none. splits: {split:
    rows}, each row {"sentence1", "sentence2" (where there is a pair), "label", "idx", "line"};
    label is -1 for none, idx counts the rows from 0. Where a run is refused all rows are in
    "train"; else those without a label are in "unlabelled". left_out: (line, why). refused: why no
    run can be made of them, "" where one can.
    """

    labels: tuple[str, ...]
    splits: dict[str, tuple[dict[str, Any], ...]]
    left_out: tuple[tuple[int, str], ...]
    columns: Columns
    rows: int  # of the file, those left out among them
    counts: dict[str, int]  # {label: rows}
    unlabelled: int
    lengths: dict[str, Lengths]  # {"sentence1": …}
    duplicates: int  # rows whose sentences an earlier row has, also the other way round
    contradictions: int  # of those, rows with another label than the earlier one
    in_two_splits: tuple[tuple[int, int], ...]  # lines of the same pair in two splits
    how_split: str
    refused: str = ""
    notes: tuple[str, ...] = ()

    @property
    def has_pair(self) -> bool:
        """Whether a row has two sentences."""
        return bool(self.columns.sentence2)

    @property
    def labelled_splits(self) -> tuple[str, ...]:
        """The splits that a run may use, in order."""
        if self.refused:
            return ()
        return tuple(split for split in SPLITS if self.splits.get(split))


def own_pairs(table: Table, columns: Columns, seed: int = 42, *, settings: Settings) -> OwnPairs:
    """The pairs of a table: labels, splits, and a report. Rows that can't be used are left out by
    their line.

    Splits are the file's own where it has some, else drawn by `seed`: a tenth of each label for
    validation and test, the same pair never on two sides. Raises InputError for columns that aren't
    there, and where no row is left.
    """
    checked_columns(columns, table)
    rows, left_out = _usable(table, columns, settings)
    if not rows:
        raise InputError(
            say(
                "No row can be used. The first, in line {line}: {why}",
                line=left_out[0][0] if left_out else 1,
                why=left_out[0][1] if left_out else say("it has no sentence."),
            )
        )
    labels, refused = _numbered(rows, columns)
    splits, how, refused = _in_splits(rows, refused, seed)
    repeated, contradictions = _duplicates(rows)
    return OwnPairs(
        labels=labels,
        splits={name: tuple(map(_finished, part)) for name, part in splits.items() if part},
        left_out=tuple(left_out),
        columns=columns,
        rows=len(table.rows),
        counts={name: _count(rows, number) for number, name in enumerate(labels)},
        unlabelled=_count(rows, NO_LABEL),
        lengths=_lengths(rows),
        duplicates=repeated,
        contradictions=contradictions,
        in_two_splits=_in_two_splits(splits),
        how_split=how,
        refused=refused,
        notes=table.notes,
    )


def _in_splits(rows, refused, seed):
    """({split: rows}, how that was done, why no run can be made of them or "")."""
    labelled = [row for row in rows if row["label"] != NO_LABEL]
    refused = refused or _too_few(labelled)
    if not refused:
        splits, how = _split(labelled, seed)
        if splits["validation"]:
            splits[UNLABELLED] = [row for row in rows if row["label"] == NO_LABEL]
            return splits, how, ""
        refused = say(
            "No label has three different pairs, so a run would have none to be measured by. Add "
            "rows."
        )
    return {"train": rows}, say("The rows aren't split, because no run can use them."), refused


def _count(rows, label):
    return sum(row["label"] == label for row in rows)


def _finished(row):
    return {name: value for name, value in row.items() if name not in ("text", "split")}


# ---------------------------------------------------------------- which rows can be used


def _usable(table, columns, settings):
    """(rows with the text of their label and split, [(line, why it is left out), …])."""
    rows, left_out = [], []
    places = {name: place for place, name in enumerate(table.columns)}
    sentences = {"sentence1": columns.sentence1, "sentence2": columns.sentence2}
    sentences = {which: name for which, name in sentences.items() if name}
    for number, row in enumerate(table.rows):
        try:
            if error := row.error or ends_before(row, table, list(sentences.values())):
                raise InputError(error)
            texts = {
                which: checked_sentence(which, row.cells[places[name]], settings)
                for which, name in sentences.items()
            }
            split = _split_of(row.cells[places[columns.split]]) if columns.split else ""
        except InputError as refused:
            left_out.append((row.line, refused.args[0]))
            continue
        label = row.cells[places[columns.label]].strip() if columns.label else ""
        known = {"label": NO_LABEL, "idx": number, "line": row.line}
        rows.append({**texts, **known, "text": label, "split": split})
    return rows, left_out


def _split_of(cell):
    split = SPLIT_VALUES.get(cell.strip().casefold())
    if split is None:
        raise InputError(
            say(
                "The split is {split}, which is none of train, validation and test. Correct it.",
                split=shown(cell.strip()),
            )
        )
    return split


# ---------------------------------------------------------------- labels


def _numbered(rows, columns):
    """(names of the labels, why they can't be learned or ""); the rows get their numbers."""
    if not columns.label:
        return (), say("No column is chosen as the label, so a run has nothing to learn.")
    for row in rows:
        text = _readable(row["text"])
        row["text"] = "" if text.casefold() in MISSING else _as_number(text)
    _forget_minus_one(rows)
    spellings = Counter(row["text"] for row in rows if row["text"])
    names: dict[str, str] = {}  # {folded: as most rows write it}
    for text, _count_of in spellings.most_common():
        names.setdefault(text.casefold(), text)
    if len(names) < 2:
        return (), _one_label(names, columns)
    if len(names) > MOST_LABELS:
        return (), say(
            "The column {column} has {count:,} different values, but a task has at most {most} "
            "labels. "
            "Choose another column as the label.",
            column=shown(columns.label),
            count=len(names),
            most=MOST_LABELS,
        )
    longest = max(names, key=len)
    if len(longest) > LONGEST_LABEL:
        return (), say(
            "The column {column} holds {text}, which is too long for a label. Choose another "
            "column as the label.",
            column=shown(columns.label),
            text=shown(names[longest]),
        )
    order = ordered_labels(list(names))
    for row in rows:
        if row["text"]:
            row["label"] = order.index(row["text"].casefold())
    return tuple(names[folded] for folded in order), ""


def _readable(text: str) -> str:
    r"""A label as one reads it: labels that look alike are the same, and none turns the direction
    of what stands beside it.

    >>> _readable("yes\u200b"), _readable("a\nb"), _readable("\u202ecafe\u0301") == "caf\u00e9"
    ('yes', 'a b', True)
    """
    if text.isascii() and text.isprintable():
        return text
    shown = "".join(
        character
        for character in unicodedata.normalize("NFC", text)
        if character.isspace() or unicodedata.category(character) not in ("Cc", "Cf")
    )
    return " ".join(shown.split())


def _one_label(names, columns):
    column = shown(columns.label)
    if not names:
        return say(
            "The column {column} holds no label, so a run has nothing to learn.", column=column
        )
    return say(
        "Every label in the column {column} is {label}, so a run has nothing to tell apart. Add "
        "rows with another label.",
        column=column,
        label=shown(next(iter(names.values()))),
    )


def _as_number(text):
    """A whole number without what pandas adds, 1.0 -> 1; any other text as it is."""
    if NUMBER.fullmatch(text) and len(text) <= 20:
        number = float(text.replace(",", "."))
        if number.is_integer() and abs(number) < 1e15:
            return str(int(number))
    return text


def _forget_minus_one(rows):
    """-1 is no label where all of a split has it: so GLUE writes a test without its labels."""
    of_split: dict[str, set[str]] = {}
    for row in rows:
        of_split.setdefault(row["split"], set()).add(row["text"])
    hidden = {split for split, texts in of_split.items() if split and texts <= {"-1", ""}}
    for row in rows:
        if row["split"] in hidden:
            row["text"] = ""


def ordered_labels(names: Sequence[str]) -> list[str]:
    """Labels in the order of their numbers: by value where all are numbers, no before yes where
    there are two that say so, else by alphabet.

    >>> ordered_labels(["10", "9"]), ordered_labels(["yes", "no"]), ordered_labels(["是", "否"])
    (['9', '10'], ['no', 'yes'], ['否', '是'])
    >>> ordered_labels(["equivalent", "not_equivalent"]), ordered_labels(["sports", "art"])
    (['not_equivalent', 'equivalent'], ['art', 'sports'])
    """
    if all(map(NUMBER.fullmatch, names)):
        return sorted(names, key=lambda name: float(name.replace(",", ".")))
    return list(no_and_yes(names) or sorted(names))


def no_and_yes(names: Sequence[str]) -> tuple[str, str] | None:
    """Two labels of which one says no and the other yes, in this order; None for any others.

    >>> no_and_yes(["entailment", "not_entailment"]), no_and_yes(["sports", "art"])
    (('not_entailment', 'entailment'), None)
    """
    if len(names) != 2:
        return None
    for no, yes in (names, names[::-1]):
        negated = any(no.casefold() == word + yes.casefold() for word in NEGATIONS)
        if negated or (no.casefold() in FALSE and yes.casefold() in TRUE):
            return no, yes
    return None


def label_numbers(labels: Sequence[str]) -> dict[str, int]:
    """{how a file writes a label, in lower case: its number}: its name; its number, also with the
    .0 of pandas; words for yes and no where the two labels say that.

    >>> numbers = label_numbers(["not_equivalent", "equivalent"])
    >>> numbers["equivalent"], numbers["1.0"], numbers["false"], numbers["是"]
    (1, 1, 0, 1)

    A name that is a number means what it names.

    >>> label_numbers(["1", "2"])
    {'1': 0, '2': 1}
    """
    names = {name.casefold(): number for number, name in enumerate(labels)}
    numbers = {f"{number}{end}": number for number in range(len(labels)) for end in ("", ".0")}
    if numbers.keys() & names.keys():
        return names
    words: dict[str, int] = {}
    if said := no_and_yes(labels):
        no, yes = map(labels.index, said)
        words = {**dict.fromkeys(FALSE, no), **dict.fromkeys(TRUE, yes)}
    return {**words, **numbers, **names}


def _too_few(labelled):
    if len(labelled) >= FEWEST_LABELLED:
        return ""
    return say_plural(
        "Only {count} row has a label, and a run needs {fewest}: some to learn from, some to be "
        "measured by. Add rows. Tokenize and Predict work with these.",
        "Only {count} rows have a label, and a run needs {fewest}: some to learn from, some to be "
        "measured by. Add rows. Tokenize and Predict work with these.",
        len(labelled),
        fewest=FEWEST_LABELLED,
    )


# ---------------------------------------------------------------- splits


def pair_key(row: dict[str, Any]) -> tuple[str, ...]:
    """What two rows share that have the same sentences, also the other way round: blanks and case
    don't count.

    >>> pair_key({"sentence1": "B  c", "sentence2": "a"})
    ('a', 'b c')
    """
    texts = (row[which] for which in ("sentence1", "sentence2") if which in row)
    return tuple(sorted(" ".join(text.split()).casefold() for text in texts))


def _split(rows, seed):
    """({split: rows}, how that was done)."""
    own = {split: [row for row in rows if row["split"] == split] for split in SPLITS}
    by_label = [part for part in own.values() if _are_sorted(part)]
    for part in by_label:  # a run takes the first pairs of a split
        random.Random(seed).shuffle(part)
    if own["train"] and own["validation"]:
        if not by_label:
            return own, say("The splits are those of the file.")
        return own, say(
            "The splits are those of the file. What was sorted by its labels is in random order "
            "(seed {seed}).",
            seed=seed,
        )
    if own["train"] and own["test"]:
        train, validation = _drawn(own["train"], 1, seed)
        said = say(
            "The file has no validation split, so about a tenth of its training rows was drawn for "
            "it; both are in random order (seed {seed}).",
            seed=seed,
        )
        return {"train": train, "validation": validation, "test": own["test"]}, said
    train, validation, *rest = _drawn(rows, 2, seed)
    known = {"train": len(train), "validation": len(validation), "seed": seed}
    if not rest[0]:
        said = say(
            "The split was drawn: {train} rows for training and {validation} for validation, in "
            "random order; there are too few for a test (seed {seed}).",
            **known,
        )
    else:
        said = say(
            "The split was drawn: {train} rows for training, {validation} for validation, {test} "
            "for the test, in random order. Each label has its share in each, and a pair that is "
            "repeated stands in one of them (seed {seed}).",
            test=len(rest[0]),
            **known,
        )
    return {"train": train, "validation": validation, "test": rest[0]}, said


def _are_sorted(rows):
    """Whether rows stand label by label, each label's together; of fewer than FEW_ROWS chance may
    do that.
    """
    labels = [row["label"] for row in rows]
    changes = sum(one != other for one, other in zip(labels, labels[1:], strict=False))
    return len(rows) >= FEW_ROWS and 1 < len(set(labels)) == changes + 1


def _drawn(rows, held_out, seed):
    """[train, a part, …]: `held_out` parts of a tenth each, at least 2 groups of equal pairs.

    Equal pairs stay together. The groups stand in the order of their labels, shuffled within, and
    those at even distances are held out: so each label has its share to one group, and no two
    neighbours go, so that what is left has every label. A label of fewer than three groups stays in
    train. Each part is in random order: a run takes the first pairs of a split, and many files are
    sorted by their labels.
    """
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(pair_key(row), []).append(row)
    shuffled = list(groups.values())
    chance = random.Random(seed)
    chance.shuffle(shuffled)
    sizes = Counter(group[0]["label"] for group in shuffled)
    kept = [group for group in shuffled if sizes[group[0]["label"]] < 3]
    free = [group for group in shuffled if sizes[group[0]["label"]] >= 3]
    free.sort(key=lambda group: group[0]["label"])
    each = max(2, round(len(free) / ONE_OF))
    if each * held_out > len(free) // 2:  # too few for two parts, perhaps for one
        total, among = min(each, len(free) // 2), 1
    else:
        total, among = each * held_out, held_out
    places = [int((place + 0.5) * len(free) / total) for place in range(total)]
    part_of = {place: 1 + number % among for number, place in enumerate(places)}
    parts: list[list[dict[str, Any]]] = [[] for _ in range(held_out + 1)]
    for group in kept:
        parts[0] += group
    for place, group in enumerate(free):
        parts[part_of.get(place, 0)] += group
    for part in parts:
        chance.shuffle(part)
    return parts


# ---------------------------------------------------------------- what there is to know


def _lengths(rows):
    found = {}
    for which in ("sentence1", "sentence2"):
        if which in rows[0]:
            counts = [len(row[which]) for row in rows]
            found[which] = Lengths(min(counts), int(median(counts)), max(counts))
    return found


def _duplicates(rows):
    """(rows that repeat an earlier one, those of them with another label)."""
    first: dict[tuple[str, ...], int] = {}
    repeated = contradictions = 0
    for row in rows:
        key = pair_key(row)
        if key in first:
            repeated += 1
            labels = {first[key], row["label"]}
            contradictions += len(labels) == 2 and NO_LABEL not in labels
        else:
            first[key] = row["label"]
    return repeated, contradictions


def _in_two_splits(splits):
    seen: dict[tuple[str, ...], tuple[str, int]] = {}
    found = []
    for split in SPLITS:
        for row in splits.get(split, ()):
            other, line = seen.setdefault(pair_key(row), (split, row["line"]))
            if other != split:
                found.append((line, row["line"]))
    return tuple(found)
