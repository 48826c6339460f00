"""Tasks beside MRPC: a folder of three CSV files."""

import csv
from dataclasses import replace

import pytest

from pipeline.config import TrainingConfig
from pipeline.dataset import load_raw_datasets, planned_pairs
from pipeline.errors import InputError, SourceError
from pipeline.explain.forecast import forecast
from pipeline.export.scripts import train_script
from pipeline.metrics import majority
from pipeline.settings import LABELS, Settings
from pipeline.task import CSV, MRPC, TASKS, task_named
from pipeline.training import fine_tune
from tests.conftest import SPLITS, small_pairs


@pytest.fixture
def with_folder(settings, tmp_path):
    """Settings with a folder of CSV files, as a spreadsheet writes them."""
    folder = tmp_path / "own"
    folder.mkdir()
    for seed, (split, count) in enumerate(SPLITS.items()):
        rows = small_pairs(count, seed)
        with open(folder / f"{split}.csv", "w", newline="", encoding="utf-8-sig") as file:
            table = csv.writer(file)
            table.writerow(["label", "sentence1", "sentence2"])
            table.writerows(zip(rows["label"], rows["sentence1"], rows["sentence2"], strict=True))
    return replace(settings, pairs_folder=folder, mrpc_folder=None)


def test_three_csv_files_are_a_task(with_folder):
    raw_datasets, origin = load_raw_datasets("auto", with_folder, CSV)
    assert {split: len(rows) for split, rows in raw_datasets.items()} == SPLITS
    assert raw_datasets["train"].features["label"].names == list(LABELS)
    assert raw_datasets["train"][5]["idx"] == 5
    assert raw_datasets["train"]["sentence1"][:] == small_pairs(64, 0)["sentence1"]
    assert origin.place == "folder" and "PAIRS_DIR" in origin.reason
    assert planned_pairs("auto", with_folder, CSV)[::2] == (SPLITS, 0)
    assert with_folder.environment()["PAIRS_DIR"] == str(with_folder.pairs_folder)


def test_a_run_learns_from_them(with_folder, tiny, tmp_path):
    config = TrainingConfig(
        checkpoint=tiny,
        task_name="csv",
        train_pairs=16,
        eval_pairs=8,
        batch_size=8,
        max_steps=2,
        frozen_layers=0,
    )
    assert forecast(config, with_folder).pairs == 16
    start, *_, done = fine_tune(config, tmp_path / "run", with_folder)
    assert done["event"] == "done" and start["data"]["place"] == "folder", done
    labels = small_pairs(16, 1)["label"][:8]
    assert start["majority"] == majority(labels, CSV.metrics)
    script = train_script(config, "folder", False)
    assert 'load_dataset("csv", data_files={' in script and "PAIRS_DIR" in script
    assert 'glue", "mrpc' in script and "nyu-mll" not in script
    compile(script, "train.py", "exec")


@pytest.mark.parametrize(
    "name, text, said",
    [
        (
            "train.csv",
            "sentence1,sentence2,label\na,b,2\n",
            "Row 0 of the train pairs has 2 as label",
        ),
        (
            "test.csv",
            "sentence1,sentence2\na,b\n",
            "but not label. They must have sentence1, sentence2",
        ),
        ("train.csv", "sentence1,sentence2,label\n,b,1\n", "has nothing as sentence1"),
        ("train.csv", "", "There are no train pairs"),
        ("train.csv", "sentence1,sentence2,label\n", "There are no train pairs"),
    ],
)
def test_what_a_file_lacks_is_said(with_folder, name, text, said):
    (with_folder.pairs_folder / name).write_text(text)
    with pytest.raises(SourceError, match=said):
        load_raw_datasets("folder", with_folder, CSV)


def test_what_is_not_there_is_said(settings, with_folder):
    with pytest.raises(SourceError, match="Set the variable PAIRS_DIR"):
        load_raw_datasets("auto", settings, CSV)
    (with_folder.pairs_folder / "test.csv").unlink()
    with pytest.raises(SourceError, match="that folder has no test.*csv"):
        load_raw_datasets("auto", with_folder, CSV)
    with pytest.raises(SourceError, match="isn't on the Hub"):
        load_raw_datasets("hub", with_folder, CSV)
    with pytest.raises(InputError, match="one of mrpc, qqp, rte"):
        task_named("no-such", settings)
    assert TASKS["mrpc"] is MRPC and Settings().pairs_folder is None
