"""Which columns of a table are the sentences, the label and the split, by their names and contents.

>>> pair_by_name(["Quality", "#1 ID", "#2 ID", "#1 String", "#2 String"])
(3, 4)
>>> pair_by_name(["id", "premise", "hypothesis"]), pair_by_name(["qid1", "qid2"])
((1, 2), None)
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, replace
from statistics import mean

from languages import say
from pipeline.errors import InputError, shown
from pipeline.own_pairs.table import Table, unique_names

FEWEST_LABELS, MOST_LABELS = 2, 20
# The names of a pair that count before any other, and those that differ by more than a number
PAIRS = (
    ("sentence1", "sentence2"),
    ("premise", "hypothesis"),
    ("question", "sentence"),
    ("query", "passage"),
    ("anchor", "positive"),
    ("source", "target"),
    ("original", "paraphrase"),
    ("前提", "假设"),
    ("原句", "改写"),
)
# What tells the two of a pair apart, at the end or the beginning of their names
TWINS = (("1", "2"), ("a", "b"), ("一", "二"), ("甲", "乙"), ("first", "second"))
# What is left of such a name where it holds a number or a name rather than text
NO_TEXT = re.compile(r".*(id|idx|index|len|length|label|score|date|url|编号|长度|标签|分数)")
SINGLE = (
    "sentence sentence1 text text1 review comment content question utterance tweet document "
    "句子 文本 评论 内容 问题 语句"
).split()
LABEL_NAMES = (
    "label labels goldlabel quality similar issimilar duplicate isduplicate paraphrase "
    "isparaphrase equivalent class category target y gold sentiment entailment relation judgment "
    "answer result "
    "标签 标注 类别 分类 是否相似 是否相同 是否等价 是否同义 相似 情感 结果 答案"
).split()
SPLIT_NAMES = "split set subset partition fold 划分 集合 数据集 子集".split()
SPLIT_VALUES = {
    name: split
    for split, names in {
        "train": "train training trn 训练 训练集",
        "validation": "validation valid val dev devel development eval 验证 验证集 开发集",
        "test": "test testing tst 测试 测试集",
    }.items()
    for name in names.split()
}
NUMBER = re.compile(r"\s*[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?\s*")
# So many rows show what a column holds
SAMPLE = 500


@dataclass(frozen=True)
class Columns:
    """Names of columns of a table, "" for none."""

    sentence1: str
    sentence2: str = ""
    label: str = ""
    split: str = ""


def checked_columns(columns: Columns, table: Table) -> Columns:
    """The columns themselves, or an InputError for one that isn't there or is named twice."""
    named = [name for name in astuple(columns) if name]
    if not columns.sentence1:
        raise InputError(say("No column is chosen as sentence1. Choose one."))
    for name in named:
        if name not in table.columns:
            raise InputError(
                say(
                    "There is no column {name}. Choose one of {columns}.",
                    name=shown(name),
                    columns=", ".join(table.columns)[:200],
                )
            )
        if named.count(name) > 1:
            raise InputError(
                say(
                    "The column {name} is chosen twice. Choose another for one of them.",
                    name=shown(name),
                )
            )
    return columns


def columns_named(names: str) -> Columns:
    """The columns as a command names them: sentence1, sentence2, label and split, with commas.

    >>> columns_named("premise, hypothesis, gold")
    Columns(sentence1='premise', sentence2='hypothesis', label='gold', split='')
    >>> columns_named("review,,stars").label
    'stars'
    """
    parts = [name.strip() for name in names.replace("，", ",").split(",")]
    if len(parts) > 4:
        raise InputError(
            say(
                "{names} names more than four columns. Give sentence1, sentence2, label and split.",
                names=shown(names),
            )
        )
    return Columns(*parts)


def renamed(table: Table, columns: Columns) -> Table:
    """The table with these columns under our names; another that has one of them gets a number.

    >>> table = Table(("a", "b", "label"), (), header=("a", "b", "label"))
    >>> renamed(table, Columns("b", label="a")).header
    ('label', 'sentence1', 'label (2)')
    """
    ours = {name: which for which, name in asdict(columns).items() if name and which != "split"}
    others = unique_names((*ours.values(), *(name for name in table.columns if name not in ours)))
    free = iter(others[len(ours) :])
    names = tuple(ours[name] if name in ours else next(free) for name in table.columns)
    return replace(table, columns=names, header=names)


# ---------------------------------------------------------------- by names


def plain_name(name: str) -> str:
    """A column's name without what people write differently.

    >>> plain_name(" #1 String "), plain_name("Is_Duplicate"), plain_name("句子１")
    ('1string', 'isduplicate', '句子1')
    """
    return re.sub(r"[\s_\-#.:：()（）]+", "", unicodedata.normalize("NFKC", name).casefold())


def pair_by_name(names: Sequence[str]) -> tuple[int, int] | None:
    """Places of the two sentences by the names of the columns; None where those don't tell."""
    plain = [plain_name(name) for name in names]
    # A line of commas alone may have a million of them
    place_of = {name: place for place, name in reversed(list(enumerate(plain)))}
    for first, second in PAIRS:
        if first in place_of and second in place_of:
            return place_of[first], place_of[second]
    found = [
        (place, place_of[twin], stem)
        for place, name in enumerate(plain)
        for twin, stem in _twins(name)
        if twin in place_of and not NO_TEXT.fullmatch(stem)
    ]
    # "sentence1" before "topic1"
    found.sort(key=lambda pair: not any(word in pair[2] for word in (*SINGLE, "string", "sent")))
    return found[0][:2] if found else None


def _twins(name: str) -> list[tuple[str, str]]:
    """(the name of the other of a pair, what both have in common), for each way to read a name."""
    twins = []
    for one, other in TWINS:
        if name.endswith(one):
            stem = name.removesuffix(one)
            twins.append((stem + other, stem))
        elif name.startswith(one):
            stem = name.removeprefix(one)
            twins.append((other + stem, stem))
    return twins


def single_by_name(names: Sequence[str]) -> int | None:
    """Place of the one sentence by the names of the columns; None where those don't tell."""
    return _first_named(names, SINGLE)


def sentences_by_name(names: Sequence[str]) -> tuple[int, ...]:
    """Places of the sentences by the names of the columns: two, one or none."""
    if pair := pair_by_name(names):
        return pair
    single = single_by_name(names)
    return () if single is None else (single,)


def is_known(name: str) -> bool:
    """Whether this is how people name a column of sentences, labels or splits."""
    plain = plain_name(name)
    return plain in (*SINGLE, *LABEL_NAMES, *SPLIT_NAMES)


def _first_named(names: Sequence[str], known: Sequence[str]) -> int | None:
    plain = [plain_name(name) for name in names]
    return next((plain.index(name) for name in known if name in plain), None)


# ---------------------------------------------------------------- by contents


def guess_columns(table: Table) -> Columns:
    """The columns that hold the sentences, the label and the split; a person may know better.

    Names decide where they are well known, else the contents: sentences are the longest texts, a
    label has few different values. Raises InputError where the table has no column.
    """
    if not table.columns:
        raise InputError(say("There is no column. Bring a file with sentences."))
    contents = {name: _Contents(table.values(name)[:SAMPLE]) for name in table.columns}
    pair = pair_by_name(table.header)
    named = [table.columns[place] for place in pair or ()]
    split = _split_column(table.columns, contents, named)
    label = _label_by_name(table.columns, contents, [*named, split])
    sentences = named or _sentences(table.columns, contents, [split, label])
    label = label or _label_by_contents(contents, [*sentences, split])
    return Columns(sentences[0], sentences[1] if len(sentences) > 1 else "", label, split)


class _Contents:
    """What the cells of a column are like."""

    def __init__(self, cells: Sequence[str]):
        self.cells = [cell.strip() for cell in cells if cell.strip()]
        self.different = {cell.casefold() for cell in self.cells}
        self.length = mean(map(len, self.cells)) if self.cells else 0
        self.are_numbers = all(NUMBER.fullmatch(cell) for cell in self.cells)
        known = sum(cell.casefold() in SPLIT_VALUES for cell in self.cells)
        self.name_splits = bool(known) and 2 * known >= len(self.cells)
        self.are_splits = len(self.different) > 1 and known == len(self.cells)

    @property
    def could_be_labels(self) -> bool:
        return len(self.different) <= MOST_LABELS and self.length <= 40

    @property
    def are_texts(self) -> bool:
        return bool(self.cells) and not self.are_numbers and not self.are_splits


def _split_column(names, contents, taken):
    place = _first_named(names, SPLIT_NAMES)
    if place is not None and contents[names[place]].name_splits:
        return names[place]
    return next((name for name in names if name not in taken and contents[name].are_splits), "")


def _label_by_name(names, contents, taken):
    plain = {plain_name(name): name for name in reversed(names) if name not in taken}
    found = [plain[name] for name in LABEL_NAMES if name in plain]
    likely = [name for name in found if contents[name].could_be_labels]
    numbers = [name for name in found if contents[name].are_numbers]
    return next(iter(likely or numbers), "")


def _sentences(names, contents, taken):
    """The names of the columns that hold sentences, one or two."""
    free = [name for name in names if name not in taken] or list(names)
    texts = [name for name in free if contents[name].are_texts] or free
    place = single_by_name(texts)
    longest = max(texts, key=lambda name: contents[name].length)
    first = longest if place is None else texts[place]
    others = [
        name
        for name in texts
        if name != first
        and contents[name].are_texts
        and contents[name].length >= contents[first].length / 3
        and not _repeats(contents[name])
        and not NO_TEXT.fullmatch(plain_name(name))
    ]
    if not others:
        return [first]
    second = max(others, key=lambda name: contents[name].length)
    return sorted([first, second], key=names.index)


def _repeats(contents):
    """Whether a column has so few different values that it can hardly be sentences."""
    rows, different = len(contents.cells), len(contents.different)
    few = different <= min(MOST_LABELS, max(2, rows / 2))
    return few and different < rows and contents.length <= 40


def _label_by_contents(contents, taken):
    likely = [
        name
        for name, column in contents.items()
        if name not in taken
        and column.could_be_labels
        and len(column.different) >= FEWEST_LABELS
        and _repeats(column)
    ]
    # The last of those with the fewest values: that is where people write an answer
    return min(reversed(likely), key=lambda name: len(contents[name].different), default="")
