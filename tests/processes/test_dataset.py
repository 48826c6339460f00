"""Where pairs come from, and rows for a visitor."""

import re
import threading
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pipeline.__main__ as command_line
from pipeline import dataset
from pipeline.dataset import (
    COLUMNS,
    load_raw_datasets,
    parse_rows,
    random_rows,
    rows_at,
    search_rows,
)
from pipeline.errors import InputError, SourceError
from pipeline.hub.sources import Origin
from pipeline.metrics import majority
from pipeline.settings import Settings
from tests.conftest import SPLITS

# ---------------------------------------------------------------- sources


def test_a_folder_of_parquet_files_is_mrpc(settings):
    raw_datasets, origin = load_raw_datasets("auto", settings)
    assert {split: len(rows) for split, rows in raw_datasets.items()} == SPLITS
    assert (origin.place, origin.loaded, origin.stands_in) == ("folder", "MRPC", False)
    assert raw_datasets["train"].features["label"].names == ["not_equivalent", "equivalent"]


def test_the_real_mrpc(mrpc_folder):
    raw_datasets, _ = load_raw_datasets("folder", Settings(mrpc_folder=mrpc_folder))
    assert {split: len(rows) for split, rows in raw_datasets.items()} == {
        "train": 3668,
        "validation": 408,
        "test": 1725,
    }
    always = majority(raw_datasets["validation"]["label"])
    assert (round(always["accuracy"], 3), round(always["f1"], 3)) == (0.684, 0.812)


def test_embedded_pairs_stand_in_for_a_hub_that_is_off_and_look_like_it(settings):
    embedded, origin = load_raw_datasets("auto", Settings(data="auto", mrpc_folder=None))
    assert (
        origin.stands_in
        and "HF_HUB_OFFLINE is set" in origin.reason
        and "MRPC_DIR" in origin.reason
    )
    asked_for, origin = load_raw_datasets("embedded", settings)
    assert not origin.stands_in and origin.place == "embedded"
    like_mrpc = load_raw_datasets("folder", settings)[0]
    assert embedded["test"].features == asked_for["test"].features == like_mrpc["test"].features
    assert tuple(embedded["train"].column_names) == COLUMNS


@pytest.mark.parametrize(
    "source, says", [("hub", "HF_HUB_OFFLINE is set. Unset that variable"), ("folder", "MRPC_DIR")]
)
def test_a_source_asked_for_by_name_has_no_stand_in(source, says):
    with pytest.raises(SourceError, match=says):
        load_raw_datasets(source, Settings(mrpc_folder=None))


def test_nobody_waits_while_the_hub_is_asked_again(monkeypatch):
    """A stand-in goes on standing in; what the Hub brings in the end is there for those who come later."""
    for thread in threading.enumerate():  # what an earlier test asked for would arrive in this one
        if thread.name == "pairs-again":
            thread.join(60)
    answer, asked = threading.Event(), []

    def load(source, task, settings):
        asked.append(source)
        if len(asked) > 1:
            answer.wait(20)
        return f"pairs {len(asked)}", Origin("MRPC", "MRPC", "hub", "", stands_in=len(asked) == 1)

    monkeypatch.setattr(dataset, "_load", load)
    monkeypatch.setattr(dataset, "_kept", {})
    settings = Settings(data="auto", mrpc_folder=None, hub_retry_seconds=0)
    began = time.monotonic()
    assert [load_raw_datasets("auto", settings)[0] for _ in range(4)] == [
        "pairs 1"
    ] * 4 and time.monotonic() - began < 10
    answer.set()
    while load_raw_datasets("auto", settings)[0] == "pairs 1" and time.monotonic() - began < 15:
        time.sleep(0.01)
    assert load_raw_datasets("auto", settings)[0] == "pairs 2" and len(asked) == 2


def test_a_folder_without_mrpc_is_named(tmp_path):
    with pytest.raises(SourceError, match=tmp_path.name):
        load_raw_datasets("auto", Settings(mrpc_folder=tmp_path))


def test_a_folder_with_other_columns_is_refused(tmp_path):
    from datasets import Dataset

    for split in SPLITS:
        Dataset.from_dict({"text": ["a"], "label": [0]}).to_parquet(tmp_path / f"{split}.parquet")
    with pytest.raises(
        SourceError,
        match="train pairs have the columns text, label, but not sentence1. They must have",
    ):
        load_raw_datasets("folder", Settings(mrpc_folder=tmp_path))


PLAIN = {
    "sentence1": ["A b.", "C d."],
    "sentence2": ["E f.", "G h."],
    "label": [1, 0],
    "idx": [0, 1],
}


def folder_with(folder, split, **columns):
    """MRPC's files, of which one split has other columns; a column given as None is left out."""
    from datasets import Dataset

    for name in SPLITS:
        rows = {**PLAIN, **columns} if name == split else PLAIN
        rows = {column: values for column, values in rows.items() if values is not None}
        Dataset.from_dict(rows).to_parquet(folder / f"{name}.parquet")
    return Settings(mrpc_folder=folder, data="folder")


@pytest.mark.parametrize("labels", [[1, 0], [1.0, 0.0], [True, False]])
def test_labels_that_are_exactly_0_and_1_are_read(tmp_path, labels):
    raw_datasets, _ = load_raw_datasets("folder", folder_with(tmp_path, "validation", label=labels))
    embedded, _ = load_raw_datasets("embedded", Settings())
    assert (
        list(raw_datasets["validation"]["label"]) == [1, 0]
        and type(raw_datasets["validation"]["label"][0]) is int
    )
    assert {split: rows.features for split, rows in raw_datasets.items()} == dict.fromkeys(
        SPLITS, embedded["train"].features
    )


def test_labels_in_another_order_are_read_by_their_names(tmp_path):
    from datasets import ClassLabel, Dataset

    settings = folder_with(tmp_path, "test")
    rows = Dataset.from_dict(PLAIN).cast_column(
        "label", ClassLabel(names=["equivalent", "not_equivalent"])
    )
    rows.to_parquet(tmp_path / "test.parquet")
    raw_datasets, _ = load_raw_datasets("folder", settings)
    assert list(raw_datasets["test"]["label"]) == [0, 1] and list(
        raw_datasets["train"]["label"]
    ) == [1, 0]


@pytest.mark.parametrize(
    "split, columns, says",
    [
        (
            "test",
            {"label": [1, -1]},
            "Row 1 of the test pairs has -1 as label, which should be 0 (not_equivalent) or 1 (equivalent)",
        ),
        ("train", {"label": [2, 0]}, "Row 0 of the train pairs has 2 as label"),
        ("train", {"label": [1.0, 0.5]}, "Row 1 of the train pairs has 0.5 as label"),
        ("train", {"label": [1.0, float("nan")]}, "Row 1 of the train pairs has nan as label"),
        (
            "validation",
            {"label": ["equivalent", "no"]},
            "Row 0 of the validation pairs has 'equivalent' as label",
        ),
        ("validation", {"label": [1, None]}, "Row 1 of the validation pairs has nothing as label"),
        (
            "train",
            {"sentence1": ["A b.", None]},
            "Row 1 of the train pairs has nothing as sentence1, which should be a sentence. Write",
        ),
        ("test", {"sentence2": ["A b.", "  "]}, "Row 1 of the test pairs has '  ' as sentence2"),
        ("test", {"sentence2": [1, 2]}, "Row 0 of the test pairs has 1 as sentence2"),
        (
            "test",
            {"sentence2": None},
            "The test pairs have the columns sentence1, label, idx, but not sentence2. They must",
        ),
        (
            "validation",
            {"label": None},
            "The validation pairs have the columns sentence1, sentence2, idx, but not label",
        ),
        (
            "validation",
            {column: [] for column in PLAIN},
            "There are no validation pairs: that split has no rows. Name the folder of MRPC",
        ),
        (
            "train",
            {"idx": ["a", "b"]},
            "idx of the train pairs must hold only whole numbers. Number the rows",
        ),
    ],
)
def test_what_cannot_be_learned_from_is_named_with_split_row_and_remedy(
    tmp_path, split, columns, says, monkeypatch, capsys
):
    settings = folder_with(tmp_path, split, **columns)
    monkeypatch.setattr(
        command_line, "Settings", lambda: replace(settings, runs_folder=tmp_path / "runs")
    )
    with pytest.raises(SourceError) as refused:
        load_raw_datasets("folder", settings)
    assert says in str(refused.value) and str(tmp_path) not in str(refused.value)
    for command in (["tokenize", "--rows", "0"], ["train"]):
        assert command_line.main(command) == 2
        told = capsys.readouterr()
        assert [line for line in told.err.splitlines() if not line.startswith("checkpoint:")] == [
            f"error: {refused.value}"
        ]


def test_a_damaged_file_is_named(tmp_path):
    settings = folder_with(tmp_path, "train")
    (tmp_path / "test.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(
        SourceError, match="test pairs in MRPC_DIR can't be read .*Replace test.parquet"
    ):
        load_raw_datasets("folder", settings)


def test_an_unknown_source_is_refused(settings):
    with pytest.raises(InputError, match="Choose one of auto, hub, folder, embedded"):
        load_raw_datasets("/etc/passwd", settings)


# ---------------------------------------------------------------- the real clients against a Hub on loopback

ASK = """
from pipeline.dataset import load_raw_datasets
from pipeline.settings import Settings
import datasets, huggingface_hub.hf_api
(loaded, seconds) = timed(load_raw_datasets, "auto", Settings(mrpc_folder=None, data="auto", hub_download_seconds=5))
if isinstance(loaded, Exception): raise loaded
raw_datasets, origin = loaded
print(json.dumps({**vars(origin), "seconds": seconds, "rows": [len(raw_datasets[split]) for split in ("train", "test")],
                  "first": raw_datasets["train"][0], "columns": raw_datasets["train"].column_names}))
import os, sys; sys.stdout.flush(); os._exit(0)  # a download that goes on in the background is not waited for
"""


def test_found_on_the_hub_then_in_its_cache_when_the_hub_has_gone(loopback, glue_folder):
    client = loopback("--dataset", f"nyu-mll/glue={glue_folder}")
    found = client.ask(ASK.replace("hub_download_seconds=5", "hub_download_seconds=60"))
    assert (found["place"], found["stands_in"], found["rows"]) == ("hub", False, [64, 16])
    loopback.stop()
    again = client.ask(ASK)
    assert (again["place"], again["rows"], again["first"]) == (
        "hub cache",
        [64, 16],
        found["first"],
    )
    assert again["seconds"] < 6


def test_the_real_mrpc_from_the_hub(loopback, mrpc_folder):
    client = loopback("--dataset", f"nyu-mll/glue={mrpc_folder.parent}")
    found = client.ask(ASK.replace("hub_download_seconds=5", "hub_download_seconds=60"))
    assert (found["place"], found["rows"], found["columns"]) == ("hub", [3668, 1725], list(COLUMNS))


@pytest.mark.parametrize(
    "name, flags, reason",
    [
        ("nyu-mll/glue", ["--status", 503], "503|within 2 s"),
        ("nyu-mll/glue", ["--stall", 20], "within 2 s|in time"),
        ("nyu-mll/glue", ["--cut", 2000], "broke off|takes longer than 2 s"),
        ("other/data", [], "the Hub has no dataset nyu-mll/glue"),
    ],
)
def test_a_hub_that_fails_leaves_the_embedded_pairs_in_time(
    loopback, glue_folder, name, flags, reason
):
    told = loopback("--dataset", f"{name}={glue_folder}", *flags).ask(
        ASK.replace("hub_download_seconds=5", "hub_decision_seconds=2, hub_download_seconds=2")
    )
    assert (told["place"], told["stands_in"], told["rows"]) == ("embedded", True, [640, 160])
    assert re.search(reason, told["reason"]), told["reason"]
    assert told["seconds"] < 4.5  # 2 s for the decision, the rest to read the embedded files


# ---------------------------------------------------------------- rows


@pytest.mark.parametrize(
    "text, rows",
    [
        ("0-3, 7", [0, 1, 2, 3, 7]),
        ("5", [5]),
        (" 3 , 1 ", [3, 1]),
        ("2-2", [2]),
        ("0-31", list(range(32))),
        ("1，2", [1, 2]),
    ],
)
def test_rows_as_people_write_them(text, rows):
    assert parse_rows(text, Settings()) == rows


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        "a",
        "-1",
        "1.5",
        "3-1",
        "0-32",
        "0-999999999999",
        "1--2",
        "1-2-3",
        "²",
        "0x1",
        "1" * 60,
    ],
)
def test_other_rows_are_refused_at_once(text):
    with pytest.raises(InputError):
        parse_rows(text, Settings())


@given(st.text(alphabet="0123456789-, ٣x", max_size=30))
def test_rows_are_few_numbers_or_an_input_error(text):
    try:
        rows = parse_rows(text, Settings())
    except InputError:
        return
    assert 1 <= len(rows) <= Settings().max_rows and all(
        type(row) is int and row >= 0 for row in rows
    )


def test_rows_come_with_their_numbers_in_the_order_asked_for(settings):
    train = load_raw_datasets("auto", settings)[0]["train"]
    rows = rows_at(train, [7, 2])
    assert [row["row"] for row in rows] == [7, 2] and rows[0]["sentence1"] == train[7]["sentence1"]
    for number in (-1, 64):
        with pytest.raises(InputError, match="rows 0 to 63"):
            rows_at(train, [number])


def test_search_finds_every_word_in_either_sentence(settings):
    train = load_raw_datasets("auto", settings)[0]["train"]
    found = search_rows(train, "ACME stock", most=3)
    texts = [f"{train[row]['sentence1']} {train[row]['sentence2']}" for row in range(64)]
    assert (
        found
        == [row for row in range(64) if "Acme" in texts[row] and "stock" in texts[row].lower()][:3]
        and found
    )
    assert search_rows(train, "no such words", most=3) == []


def test_random_rows_are_different_in_order_and_repeatable():
    rows = random_rows(range(50), 8, seed=1)
    assert (
        rows
        == sorted(set(rows))
        == random_rows(range(50), 8, seed=1)
        != random_rows(range(50), 8, seed=2)
    )
    assert len(rows) == 8 and random_rows(range(3), 8) == [0, 1, 2]


@given(st.lists(st.integers(0, 1), min_size=1))
def test_majority_is_what_scikit_learn_says_of_the_constant_answer(labels):
    from sklearn.metrics import accuracy_score, f1_score

    always = majority(labels)
    constant = [always["label"]] * len(labels)
    assert always["accuracy"] == pytest.approx(accuracy_score(labels, constant))
    assert always["f1"] == pytest.approx(f1_score(labels, constant, zero_division=0))
    assert always["accuracy"] >= 0.5
