"""What a run left: its files by their names, their beginnings, what Trainer.predict and Dataset.map say."""

import json
import os
from dataclasses import asdict

import pytest
import torch

from pipeline.config import TrainingConfig
from pipeline.dataset import load_raw_datasets
from pipeline.errors import InputError
from pipeline.explain.left_files import MOST_OF_A_HEAD, head_of, left_files
from pipeline.explain.predicted import map_twice, predicted
from pipeline.methods import MATRICES_FILE
from pipeline.training import fine_tune
from views import left_files as views

RUN = "c" * 32


@pytest.fixture
def folder(settings):
    return settings.runs_folder / RUN


@pytest.fixture
def ran(tiny, settings, folder):
    """A run of two steps in its folder, as a worker leaves it."""
    config = TrainingConfig(
        checkpoint=tiny,
        source="folder",
        train_pairs=32,
        eval_pairs=12,
        batch_size=8,
        max_steps=2,
        method="lora",
        frozen_layers=0,
        precision="fp32",
        max_length=64,
    )
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(asdict(config)))
    (folder / "owner").write_text("a secret's digest")
    (folder / "worker").write_text("1")
    events = list(fine_tune(config, folder, settings))
    assert events[-1]["event"] == "done"
    (folder / "events.jsonl").write_text("".join(json.dumps(each) + "\n" for each in events))
    return events


def test_a_runs_files_are_listed_and_opened(ran, settings, folder):
    found = {one.name: one for one in left_files(RUN, settings)}
    assert {"config.json", "events.jsonl", "model/model.safetensors", "model/config.json"} <= set(
        found
    )
    assert (
        found["model/model.safetensors"].bytes
        == (folder / "model/model.safetensors").stat().st_size
    )
    assert not {"owner", "worker", "worker.log"} & set(found)
    for name in found:
        text = str(head_of(RUN, name, settings))
        assert 0 < len(text) <= MOST_OF_A_HEAD + 2
        assert str(settings.runs_folder) not in text and "/tmp" not in text, name
    weights = head_of(RUN, "model/model.safetensors", settings)
    assert "F32 [2, 16] classifier.weight" in weights and "… + " in weights
    # A line a matrix: its type, its shape (rank 8), its name as peft has it
    assert "F32 [8, 16] bert.encoder.layer.0.attention" in head_of(RUN, MATRICES_FILE, settings)
    assert '"max_steps": 2' in head_of(RUN, "config.json", settings)
    assert '"num_hidden_layers": 3' in head_of(RUN, "model/config.json", settings)
    line = views.file_line(found["model/config.json"])
    assert line.startswith("model/ config.json · ") and "the architecture" in line


@pytest.mark.parametrize(
    "name", ["owner", "../config.json", "model", "/etc/passwd", "model/../owner"]
)
def test_no_other_file_is_opened(name, ran, settings):
    with pytest.raises(InputError, match="no file"):
        head_of(RUN, name, settings)


def test_no_link_is_followed(ran, settings, folder, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (folder / "predictions.json").unlink()
    os.symlink(secret, folder / "predictions.json")
    assert "predictions.json" not in {one.name for one in left_files(RUN, settings)}
    (folder / "model").rename(tmp_path / "model")
    os.symlink(tmp_path / "model", folder / "model")
    assert not [one for one in left_files(RUN, settings) if one.name.startswith("model/")]


def test_a_damaged_header_is_said(ran, settings, folder):
    (folder / "model/model.safetensors").write_bytes(b"\xff" * 64)
    with pytest.raises(InputError, match="header can't be read"):
        head_of(RUN, "model/model.safetensors", settings)


def test_a_visitors_pairs_are_named_nowhere(ran, settings, folder):
    config = json.loads((folder / "config.json").read_text())
    own = "own:" + "d" * 32
    (folder / "config.json").write_text(json.dumps({**config, "task_name": own}))
    assert own not in head_of(RUN, "config.json", settings)


def test_predict_gives_three_parts_of_this_model(ran, settings, folder):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    told = predicted(RUN, settings)
    assert told.shapes == {"predictions": "float32 (12, 2)", "label_ids": "int64 (12,)"}
    rows = load_raw_datasets("folder", settings)[0]["validation"].select(range(6))
    model = AutoModelForSequenceClassification.from_pretrained(folder / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    for (logits, answer, label), row in zip(told.rows, rows, strict=True):
        encoding = tokenizer(
            row["sentence1"], row["sentence2"], truncation=True, max_length=64, return_tensors="pt"
        )
        with torch.inference_mode():
            expected = model(**encoding).logits[0].tolist()
        assert logits == pytest.approx(expected, abs=1e-4)
        assert answer == expected.index(max(expected)) and label == row["label"]
    assert {"test_loss", "test_accuracy", "test_f1"} <= set(told.metrics)
    drawn = str(views.predict_arrays(told))
    assert "float32 (12, 2)" in drawn and f"{told.rows[0][0][0]:+.3f}" in drawn
    assert "test_accuracy" in drawn


def test_a_second_map_reads_what_the_first_computed(ran, settings):
    first, again, changed = map_twice(RUN, settings)
    assert [call.computed for call in (first, again, changed)] == [True, False, True]
    assert first.file == again.file != changed.file
    assert "max_length=64" in first.call and "max_length=32" in changed.call
    drawn = str(views.map_calls([first, again, changed]))
    assert drawn.count('<td data-head="">computed') == 2 and "read from the cache" in drawn


def test_a_run_without_a_model_says_so(settings, folder):
    with pytest.raises(InputError, match="no model that makes predictions"):
        predicted(RUN, settings)
