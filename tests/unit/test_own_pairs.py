"""A visitor's own pairs, from files as people have them: what is read, guessed, split, kept and left out."""

import csv
import io
import json
import os
import re
import shutil
import stat
import time
from collections import Counter
from dataclasses import replace

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from languages import speaking
from pipeline.errors import InputError
from pipeline.export.own_pairs import pairs_csv
from pipeline.own_pairs import store
from pipeline.own_pairs.columns import Columns, guess_columns
from pipeline.own_pairs.pairs import own_pairs, pair_key
from pipeline.own_pairs.read import read_table
from pipeline.runs import cleanup
from pipeline.sentence import is_blank
from pipeline.settings import Settings

PAIRS = [(f"The cat {n} sat, on a mat.", f"A cat {n} was sitting.", n % 2) for n in range(30)]
CHINESE = [(f"今天的天气很好，气温{n}度。", f"今天是晴天，有{n}度。", n % 2) for n in range(30)]


def as_csv(rows, header=("sentence1", "sentence2", "label"), **dialect):
    file = io.StringIO(newline="")
    csv.writer(file, **dialect).writerows([*([header] if header else []), *rows])
    return file.getvalue()


def read(content, name="pairs.csv", columns=None, **settings):
    """The OwnPairs of a file."""
    settings = replace(Settings(), **settings)
    content = content if isinstance(content, bytes) else content.encode()
    table = read_table(content, name, settings)
    return own_pairs(table, columns or guess_columns(table), settings=settings)


def rows_in(own):
    """Each row of all splits as (sentence1, sentence2, its label's name), in the file's order."""
    rows = sorted((row for part in own.splits.values() for row in part), key=lambda row: row["idx"])
    name = dict(enumerate(own.labels))
    return [(row["sentence1"], row.get("sentence2"), name.get(row["label"])) for row in rows]


# ---------------------------------------------------------------- formats


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gbk", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("header", [("句子1", "句子2", "标签"), None])
def test_each_encoding_and_delimiter_gives_the_same_pairs(encoding, delimiter, header):
    text = as_csv(CHINESE, header, delimiter=delimiter)
    own = read(text.encode(encoding))
    assert rows_in(own) == [(one, two, str(label)) for one, two, label in CHINESE]
    assert own.left_out == () and own.rows == 30


@pytest.mark.parametrize(
    "text, name",
    [
        ("\n".join(json.dumps({"s1": a, "s2": b, "y": c}) for a, b, c in PAIRS), "x.jsonl"),
        (json.dumps([{"s1": a, "s2": b, "y": c} for a, b, c in PAIRS], indent=2), "x.json"),
        ("sep=|\n" + as_csv(PAIRS, delimiter="|"), "x.csv"),
        (as_csv(PAIRS, ("idx", *"abc")[1:], delimiter="\t"), ""),
        (as_csv(PAIRS, quoting=csv.QUOTE_ALL).replace("\n", "\r\n"), "x.csv"),
    ],
)
def test_the_same_pairs_from_each_format(text, name):
    own = read(text, name)
    assert rows_in(own) == [(one, two, str(label)) for one, two, label in PAIRS]


def parquet_of(**columns):
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()


def test_parquet():
    one, two, label = map(list, zip(*PAIRS))
    own = read(
        parquet_of(premise=one, hypothesis=two, label=label, vector=[[0.5]] * 30), "x.parquet"
    )
    assert rows_in(own) == [(one, two, str(label)) for one, two, label in PAIRS]
    assert "vector" in own.notes[0]


def test_a_small_parquet_file_does_not_become_a_large_one():
    """Twenty thousand times the same megabyte, written once; and forty megabytes of one letter."""
    once = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 20_000), ["x" * 10**6])
    for text in (once, ["x" * 10**7] * 4):
        content = parquet_of(text=text)
        assert len(content) < 3 * 2**20
        with pytest.raises(InputError, match="holds more text than the limit of 3 MiB"):
            read(content, "x.parquet")
    with pytest.raises(InputError, match="more rows than the limit of 20,000"):
        read(parquet_of(text=["a"] * 20_001), "x.parquet")
    with pytest.raises(InputError, match="101 columns; the limit is 100"):
        read(parquet_of(**{f"c{number}": ["a"] for number in range(101)}), "x.parquet")


def test_the_corpus_file_as_microsoft_wrote_it():
    """Tabs, a mark of UTF-8, ids beside the sentences, and quotation marks that don't balance."""
    lines = [
        f'{label}\t70{n}\t71{n}\t"{one}\t{two} "so"' for n, (one, two, label) in enumerate(PAIRS)
    ]
    head = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String"
    own = read("\r\n".join([head, *lines]).encode("utf-8-sig"), "msr_paraphrase_train.txt")
    assert own.columns == Columns("#1 String", "#2 String", "Quality")
    assert rows_in(own)[3] == (f'"{PAIRS[3][0]}', f'{PAIRS[3][1]} "so"', "1")
    assert len(rows_in(own)) == 30 and own.left_out == ()


# ---------------------------------------------------------------- which columns


@pytest.mark.parametrize(
    "header, expected",
    [
        ("sentence1,sentence2,label", ("sentence1", "sentence2", "label")),
        ("id,text_a,text_b,gold_label", ("text_a", "text_b", "gold_label")),
        ("qid1,qid2,question1,question2,is_duplicate", ("question1", "question2", "is_duplicate")),
        ("premise,hypothesis,y", ("premise", "hypothesis", "y")),
        ("编号,句子一,句子二,是否相似", ("句子一", "句子二", "是否相似")),
        (
            "similar,First Sentence,Second Sentence",
            ("First Sentence", "Second Sentence", "similar"),
        ),
        ("left,right,same", ("left", "right", "same")),
        ("review,stars", ("review", "", "stars")),
        ("label,sentence", ("sentence", "", "label")),
        ("text", ("text", "", "")),
    ],
)
def test_columns_by_names_and_contents(header, expected):
    names = header.split(",")
    sentences = [name for name in expected[:2] if name]
    rows = []
    for number in range(12):
        cells = {name: str(1000 + number) for name in names}
        cells |= {name: f"Cat {number} sat, {place}." for place, name in enumerate(sentences)}
        cells |= {expected[2]: str(number % 2)} if expected[2] else {}
        rows.append([cells[name] for name in names])
    table = read_table(as_csv(rows, names).encode(), "x.csv", Settings())
    assert guess_columns(table) == Columns(*expected)


def test_columns_without_names_are_known_by_what_they_hold():
    rows = [(n, label, one, two) for n, (one, two, label) in enumerate(PAIRS)]
    table = read_table(as_csv(rows, None).encode(), "", Settings())
    assert guess_columns(table) == Columns("column3", "column4", "column2")
    assert len(table.rows) == 30 and "numbered" in table.notes[0]


def test_columns_that_are_chosen():
    text = as_csv(PAIRS, ("left", "right", "y"))
    assert rows_in(read(text, columns=Columns("right", "", "y")))[0][:2] == (PAIRS[0][1], None)
    for columns, says in [
        (Columns("lef"), "no column 'lef'. Choose one of left, right, y"),
        (Columns("left", "left"), "'left' is chosen twice"),
        (Columns(""), "No column is chosen as sentence1"),
    ]:
        with pytest.raises(InputError, match=says):
            read(text, columns=columns)


def test_two_columns_of_one_name_can_both_be_chosen():
    own = read(
        "text,text,label\n" + "a b,c d,1\n" * 3, columns=Columns("text", "text (2)", "label")
    )
    assert rows_in(own)[0][:2] == ("a b", "c d")


# ---------------------------------------------------------------- labels


@pytest.mark.parametrize(
    "written, labels",
    [
        (["0", "1"], ("0", "1")),
        (["1.0", "0.0"], ("0", "1")),
        (["2", "10", "-1"], ("-1", "2", "10")),
        (["Yes", "no"], ("no", "Yes")),
        (["TRUE", "FALSE"], ("FALSE", "TRUE")),
        (["是", "否"], ("否", "是")),
        (["相似", "不相似"], ("不相似", "相似")),
        (["equivalent", "not_equivalent"], ("not_equivalent", "equivalent")),
        (["entailment", "not entailment"], ("not entailment", "entailment")),
        (["sport", "art", "politics"], ("art", "politics", "sport")),
        ([f"class {n:02}" for n in range(20)], tuple(f"class {n:02}" for n in range(20))),
    ],
)
def test_labels_and_their_order(written, labels):
    rows = [(f"a {n}", f"b {n}", written[n % len(written)]) for n in range(80)]
    own = read(as_csv(rows))
    assert own.labels == labels and sum(own.counts.values()) == 80 and not own.refused
    numbers = {row["line"]: row["label"] for part in own.splits.values() for row in part}
    assert numbers[2] == list(map(str.casefold, labels)).index(
        written[0].removesuffix(".0").casefold()
    )


@pytest.mark.parametrize(
    ("written", "labels"),
    [
        (("yes", "yes\u200b", "no", "\u202eno"), ("no", "yes")),
        (("caf\u00e9", "cafe\u0301", "th\u00e9", "the\u0301"), ("caf\u00e9", "th\u00e9")),
        (("a\nb", "a b", "\x1b[31mc", "[31mc"), ("[31mc", "a b")),
        (("\u200b", "\u2060", "x", "y"), ("x", "y")),
    ],
)
def test_labels_that_look_alike_are_the_same_and_none_steers_what_shows_it(written, labels):
    rows = [(f"A {n}.", f"B {n}.", written[n % 4]) for n in range(40)]
    assert read(as_csv(rows)).labels == labels


def test_labels_of_another_case_are_the_same():
    own = read(as_csv([(f"a {n}", f"b {n}", ["yes", "Yes", "no"][n % 3]) for n in range(30)]))
    assert own.labels == ("no", "yes") and own.counts == {"no": 10, "yes": 20}


def test_rows_without_a_label_are_in_no_split_of_a_run():
    own = read(as_csv([(a, b, "" if n % 3 else c) for n, (a, b, c) in enumerate(PAIRS)]))
    assert own.unlabelled == 20 and len(own.splits["unlabelled"]) == 20
    assert own.labelled_splits == ("train", "validation", "test")
    assert all(row["label"] in (0, 1) for split in own.labelled_splits for row in own.splits[split])


def test_a_test_whose_labels_are_kept_back_has_none():
    rows = [
        (a, b, -1 if n > 20 else c, "test" if n > 20 else "dev" if n > 15 else "train")
        for n, (a, b, c) in enumerate(PAIRS)
    ]
    own = read(as_csv(rows, ("sentence1", "sentence2", "label", "split")))
    assert own.labels == ("0", "1") and own.unlabelled == 9
    assert own.labelled_splits == ("train", "validation") and len(own.splits["validation"]) == 5


@pytest.mark.parametrize(
    "rows, says",
    [
        ([(a, b, "") for a, b, _ in PAIRS], "holds no label"),
        ([(a, b, "1") for a, b, _ in PAIRS], "Every label in the column 'label' is '1'"),
        (
            [(a, b, n) for n, (a, b, _) in enumerate(PAIRS)],
            "30 different values, but a task has at most 20",
        ),
        (PAIRS[:7], "Only 7 rows have a label, and a run needs 8"),
        ([(a, b, "x" * 200 + str(c)) for a, b, c in PAIRS], "too long for a label"),
        ([PAIRS[n % 2] for n in range(30)], "No label has three different pairs"),
    ],
)
def test_a_run_is_refused_and_the_rows_stay(rows, says):
    own = read(as_csv(rows), columns=Columns("sentence1", "sentence2", "label"))
    assert says in own.refused and own.labelled_splits == ()
    assert len(own.splits["train"]) == len(rows) and list(own.splits) == ["train"]


# ---------------------------------------------------------------- splits


def shares(own, split):
    return Counter(own.labels[row["label"]] for row in own.splits[split])


def test_the_split_has_each_labels_share_and_is_drawn_by_its_seed():
    rows = [(f"a {n}", f"b {n}", "rare" if n % 5 == 0 else "common") for n in range(200)]
    own = read(as_csv(rows))
    assert {split: len(part) for split, part in own.splits.items()} == {
        "train": 160,
        "validation": 20,
        "test": 20,
    }
    for split, count in [("train", 32), ("validation", 4), ("test", 4)]:
        assert abs(shares(own, split)["rare"] - count) <= 1
    table = read_table(as_csv(rows).encode(), "", Settings())
    drawn = [
        own_pairs(table, own.columns, seed, settings=Settings()).splits for seed in (42, 42, 7)
    ]
    assert drawn[0] == drawn[1] == own.splits and drawn[1] != drawn[2]


@pytest.mark.parametrize("count", [8, 9, 11, 20, 33])
def test_a_few_pairs_are_split_so_that_some_are_left_to_measure_by(count):
    own = read(as_csv(PAIRS[:count]))
    assert len(own.splits["validation"]) >= 2 and set(shares(own, "train")) == {"0", "1"}
    assert set(shares(own, "validation")) == {"0", "1"}
    assert f"{len(own.splits['train'])} rows for training" in own.how_split


pair = st.tuples(st.sampled_from("abcdefghijkl"), st.sampled_from("mnopqrstuvw"), st.booleans())


@given(st.lists(pair, min_size=8, max_size=60), st.integers(0, 5))
def test_no_pair_leaks_from_one_split_into_another(rows, seed):
    """Neither as it is nor the other way round; and no row is lost or twice there."""
    swapped = [
        (two, one, label) if n % 2 else (one, two, label)
        for n, (one, two, label) in enumerate(rows)
    ]
    table = read_table(as_csv(swapped).encode(), "", Settings())
    own = own_pairs(table, Columns("sentence1", "sentence2", "label"), seed, settings=Settings())
    keys = [{pair_key(row) for row in part} for part in own.splits.values()]
    assert sum(map(len, keys)) == len(set().union(*keys)) and own.in_two_splits == ()
    lines = sorted(row["line"] for part in own.splits.values() for row in part)
    assert lines == list(range(2, len(rows) + 2))
    assert own.duplicates == len(rows) - len({frozenset(row[:2]) for row in rows})


def test_the_first_pairs_of_a_drawn_split_have_each_label_though_the_file_is_sorted():
    """A run takes the first ones. And what the page hands out is read again in the same order."""
    rows = [(f"one {n}", f"two {n}", int(n >= 150)) for n in range(300)]
    own = read(as_csv(rows))
    for split, count in (("train", 40), ("validation", 20)):
        first = [row["label"] for row in own.splits[split][:count]]
        assert count / 5 < sum(first) < count * 4 / 5, split
    again = read(pairs_csv(own).decode("utf-8-sig"))
    for split, part in own.splits.items():
        assert [row["sentence1"] for row in again.splits[split]] == [
            row["sentence1"] for row in part
        ]


def test_the_files_own_splits_are_kept_and_what_stands_in_two_is_told():
    names = ["train"] * 20 + ["dev"] * 5 + ["测试"] * 4 + ["later"]
    rows = [(a, b, c, names[n]) for n, (a, b, c) in enumerate(PAIRS)]
    rows[22] = (PAIRS[2][1], PAIRS[2][0].upper(), 1, "dev")
    own = read(as_csv(rows, ("sentence1", "sentence2", "label", "split")))
    assert {split: len(part) for split, part in own.splits.items()} == {
        "train": 20,
        "validation": 5,
        "test": 4,
    }
    assert own.in_two_splits == ((4, 24),) and own.duplicates == own.contradictions == 1
    [(line, why)] = own.left_out
    assert line == 31 and "The split is 'later'" in why and "those of the file" in own.how_split


def test_a_files_own_splits_that_are_sorted_by_label_are_in_random_order():
    def table(order):
        return read(as_csv(order, ("sentence1", "sentence2", "label", "split")))

    rows = [
        (f"one {split} {n}", "two", n // 20, split) for split in ("train", "dev") for n in range(40)
    ]
    own = table(rows)
    assert "What was sorted by its labels is in random order (seed 42)" in own.how_split
    for part in own.splits.values():
        if part:
            assert 2 <= sum(row["label"] for row in part[:12]) <= 10
            assert sorted(row["line"] for row in part) == [
                2 + rows.index(one) for one in rows if one[0] in {row["sentence1"] for row in part}
            ]
    again = read(pairs_csv(own).decode("utf-8-sig"))
    assert [row["sentence1"] for row in again.splits["train"]] == [
        row["sentence1"] for row in own.splits["train"]
    ]
    mixed = table([(one, two, n % 2, split) for n, (one, two, _label, split) in enumerate(rows)])
    assert mixed.how_split == "The splits are those of the file."
    assert [row["line"] for row in mixed.splits["train"]] == list(range(2, 42))


def test_a_file_without_validation_gives_some_of_its_training_rows():
    rows = [(a, b, c, "test" if n >= 20 else "train") for n, (a, b, c) in enumerate(PAIRS)]
    own = read(as_csv(rows, ("sentence1", "sentence2", "label", "split")))
    assert len(own.splits["test"]) == 10 and len(own.splits["validation"]) == 2
    assert {row["line"] for row in own.splits["test"]} == set(range(22, 32))


# ---------------------------------------------------------------- the report, and what is left out


def test_rows_that_cannot_be_used_are_named_by_their_line():
    text = as_csv(PAIRS) + f'alone\n,b,1\n{"x" * 2001},b,1\n\na,b,c,1\n"open,b,1\nlast,\u200b,1\n'
    own = read(text)
    assert [line for line, _ in own.left_out] == [32, 33, 34, 36, 37, 38]
    for (_, why), says in zip(
        own.left_out,
        [
            "ends before sentence2",
            "sentence1 is empty",
            "2,001 characters; the limit is 2,000",
            "4 cells, but the first line names 3",
            "A quotation mark at the beginning",
            "sentence2 has no readable character",
        ],
    ):
        assert says in why
    assert own.rows == 36 and len(rows_in(own)) == 30


def test_what_is_told_of_the_pairs():
    rows = [("ab", "abcd", 0), ("abcdef", "x", 1), ("abc", "xy", 1), ("X", "ABCDEF", 0)]
    own = read(as_csv(rows))
    assert [vars(own.lengths[which]) for which in ("sentence1", "sentence2")] == [
        {"shortest": 1, "median": 2, "longest": 6},
        {"shortest": 1, "median": 3, "longest": 6},
    ]
    assert (own.counts, own.duplicates, own.contradictions) == ({"0": 2, "1": 2}, 1, 1)


@pytest.mark.parametrize(
    "content, name, says",
    [
        (b"", "x.csv", "'x.csv' has no rows. Write a pair"),
        (b"sentence1,sentence2\n", "x.csv", "has no rows"),
        (
            b"sentence1,sentence2\n,b\n",
            "x.csv",
            "No row can be used. The first, in line 2: sentence1",
        ),
        (b"PK\x03\x04...", "x.xlsx", "is a workbook or an archive. In a spreadsheet, save"),
        ("naïve café,b".encode("cp1252"), "x.csv", "can't be read as a CSV in UTF-8"),
        (b"PAR1....PAR1", "x.parquet", "can't be read as parquet"),
        (b"x" * (4 * 2**20 + 1), "x.csv", "larger than the limit of 4 MiB"),
        (b"a,b\n" * 20_002, "x.csv", "more rows than the limit of 20,000"),
        (b"c," * 100 + b"c\n", "x.csv", "101 columns; the limit is 100"),
        (b'[{"a": "x"}, {"a": \n', "x.json", "breaks off in line 1"),
        (b"[1, 2]", "x.json", "holds no JSON object. Write one in each line"),
        (b"[" * 100_000, "x.json", "breaks off in line 1"),
        (b'{"a": ' * 100_000, "x.json", "holds no JSON object"),
    ],
)
def test_a_file_that_cannot_be_used(content, name, says):
    with pytest.raises(InputError, match=re.escape(says)):
        read(content, name)


@pytest.mark.parametrize(
    "piece",
    [
        ",",
        '"',
        "\t;",
        "a\n",
        "\r",
        '"a,',
        '"a, ',
        '"",',
        '"a"b,',
        '"""a,',
        '"a,b\n',
        '"x\n",y\n',
        "[1,",
        "{},",
    ],
)
def test_no_file_keeps_the_server_busy_for_long(piece):
    """Each took 12 s to hours of a core. So many bytes of an ordinary file take a second."""
    content = (piece * (2**21 // len(piece))).encode()
    began = time.process_time()
    with pytest.raises(InputError):
        read(content, "pairs.json" if piece[0] in "[{" else "pairs.csv")
    assert time.process_time() - began < 8


def test_values_nested_as_deep_as_can_be_read_are_a_row_that_says_so():
    rows = [{"sentence1": f"A {n}.", "sentence2": f"B {n}.", "label": n % 2} for n in range(10)]
    for depth in range(900, 1001):
        nested = f'{{"sentence1": "C.", "sentence2": "D.", "z": {"[" * depth}{"]" * depth}}}'
        try:
            own = read(f"[{json.dumps(rows)[1:-1]}, {nested}]", "pairs.json")
        except InputError as error:  # what can't be read at all
            assert "breaks off" in str(error)
            continue
        assert len(rows_in(own)) == 11 or "nested too deeply" in str(own.left_out[0][1])


def test_a_line_that_is_no_json_is_left_out():
    lines = [json.dumps({"s1": a, "s2": b, "y": c}) for a, b, c in PAIRS]
    own = read("\n".join([*lines, '{"s1": "a"', "[1]", '{"s1": "\\ud800", "s2": "b", "y": 1}']), "")
    assert [line for line, _ in own.left_out] == [31, 32, 33]
    assert 'is not JSON: \'{"s1"' in own.left_out[0][1] and "surrogate" in own.left_out[2][1]


files = st.one_of(
    st.binary(max_size=200),
    st.text(st.sampled_from('ab,;\t\n"{}[]:01. 是'), max_size=80).map(str.encode),
    st.text(max_size=60).map(lambda text: text.encode("utf-16", "surrogatepass")),
)


@given(files, st.sampled_from(["", "x.csv", "x.jsonl", "x.parquet"]))
def test_whatever_bytes_come_there_are_pairs_or_one_clear_sentence(content, name):
    try:
        table = read_table(content, name, Settings())
        own = own_pairs(table, guess_columns(table), settings=Settings())
    except InputError as refused:
        assert len(str(refused)) < 500
        return
    read_lines = sorted(row["idx"] for part in own.splits.values() for row in part)
    assert len(read_lines) + len(own.left_out) == own.rows == len(table.rows)


cell = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=12)


@given(
    st.lists(st.tuples(cell, cell, st.sampled_from(["0", "1", ""])), min_size=1, max_size=12),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_each_line_is_a_row_or_is_named(rows, delimiter, encoding):
    """Whatever the cells hold, quoted as the csv module does: each line stands in a split with its text, or is left out."""
    text = as_csv(rows, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    try:
        own = read(text.encode(encoding), columns=Columns("sentence1", "sentence2", "label"))
    except InputError as refused:
        assert all(is_blank(one) or is_blank(two) for one, two, _ in rows), refused
        return
    found = {row["line"]: row for part in own.splits.values() for row in part}
    left = {line for line, _ in own.left_out}
    for line, (one, two, label) in enumerate(rows, 2):
        if line in found:
            assert (found[line]["sentence1"], found[line]["sentence2"]) == (one, two)
        else:
            assert line in left or not (one + two + label).strip()


# ---------------------------------------------------------------- kept for a while


@pytest.fixture
def kept(tmp_path):
    """(settings, a reference, what is kept there)."""
    settings = Settings(runs_folder=tmp_path)
    own = read(as_csv(PAIRS) + "alone\n")
    return settings, store.keep(own, settings), own


def test_what_is_kept_is_read_again_in_the_readers_language(kept):
    settings, reference, own = kept
    again = store.load(reference, settings)
    assert again == own
    with speaking("zh"):
        assert "这一行在 sentence2 之前就结束了" in str(again.left_out[0][1]) and "随机划分" in str(
            again.how_split
        )


def test_only_the_servers_user_can_read_it(kept):
    settings, reference, _ = kept
    folder = settings.runs_folder / "pairs" / reference.removeprefix("own:")
    assert (
        stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    )
    assert {path.name for path in folder.iterdir()} == {
        "about.json",
        "train.parquet",
        "validation.parquet",
        "test.parquet",
    }
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.iterdir())


def test_a_reference_is_a_digest_of_a_key_that_nobody_can_guess(kept):
    settings, reference, own = kept
    assert store.keep(own, settings) != reference
    key = store.new_key()
    assert len(key) == 64 and store.keep(own, settings, key) == store.reference_of(key)
    assert key[:32] not in store.reference_of(key)
    # By the same key, other pairs take the place of the first
    other = read(as_csv(PAIRS[:10]))
    assert store.load(store.keep(other, settings, key), settings) == other


@pytest.mark.parametrize(
    "reference", ["own:" + "0" * 32, "own:../../etc", "mrpc", "", None, "own:" + "A" * 32]
)
def test_a_reference_of_nothing(kept, reference):
    with pytest.raises(InputError):
        store.load(reference, kept[0])
    store.forget(reference, kept[0])
    assert store.load(kept[1], kept[0]) == kept[2]


def test_what_is_forgotten_is_gone(kept):
    settings, reference, _ = kept
    store.forget(reference, settings)
    with pytest.raises(InputError, match="are no longer on this server. Bring the file again"):
        store.load(reference, settings)
    assert list((settings.runs_folder / "pairs").iterdir()) == []


def test_pairs_go_with_the_last_run_that_uses_them_or_with_age(kept):
    settings, reference, own = kept
    unused = store.keep(own, settings)
    run = settings.runs_folder / ("a" * 32)
    run.mkdir()
    (run / "config.json").write_text(json.dumps({"task_name": reference}))
    (run / "ended").touch()
    cleanup.sweep(settings)
    assert store.load(unused, settings) == store.load(reference, settings) == own
    yesterday = time.time() - settings.max_run_age_seconds - 60
    for path in (settings.runs_folder / "pairs").glob("*/about.json"):
        os.utime(path, (yesterday, yesterday))
    cleanup.sweep(settings)
    assert store.load(reference, settings) == own
    with pytest.raises(InputError, match="no longer on this server"):
        store.load(unused, settings)
    shutil.rmtree(run)
    cleanup.sweep(settings)
    with pytest.raises(InputError, match="no longer on this server"):
        store.load(reference, settings)


def test_a_full_disk_takes_no_pairs_and_leaves_those_that_are_there(kept):
    settings, reference, own = kept
    full = replace(settings, min_free_bytes=2**62)
    with pytest.raises(InputError, match="disk is nearly full"):
        store.keep(own, full)
    assert store.load(reference, settings) == own
    assert not list(store.pairs_folder(settings).glob(f"*{store.PART}"))


def test_one_address_takes_as_much_as_it_leaves_free(kept):
    settings, reference, own = kept
    each = cleanup.bytes_of(settings.runs_folder / "pairs")
    tight = replace(settings, max_own_pairs_bytes=int(5.5 * each))
    taken = [store.keep(own, tight, visitor="one") for _ in range(2)]
    with pytest.raises(InputError, match="keeps as many pairs as it may"):
        store.keep(own, tight, visitor="one")
    assert store.load(store.keep(own, tight, visitor="two"), tight) == own
    assert all(store.load(one, tight) == own for one in (reference, *taken))
    assert not list((settings.runs_folder / "pairs").glob("*.part"))
