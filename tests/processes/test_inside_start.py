"""A run's model beside its start from a Hub on loopback: while the Hub serves it, from the cache alone, and with neither."""

import shutil

import pytest

from tests.conftest import tiny_checkpoint

TRAIN = """
from dataclasses import asdict
from pathlib import Path
from pipeline.config import TrainingConfig
from pipeline.runs.folder import as_line, write_whole
from pipeline.settings import Settings
from pipeline.training import fine_tune

settings = Settings(data="embedded", runs_folder=Path(RUNS))
config = TrainingConfig(checkpoint="tiny/start", source="embedded", train_pairs=16, eval_pairs=8,
    batch_size=8, max_steps=2, frozen_layers=1, max_length=32, precision="fp32", seed=7)
folder = settings.runs_folder / ("d" * 32)
events = list(fine_tune(config, folder, settings))
write_whole(folder / "config.json", json.dumps(asdict(config)))
write_whole(folder / "events.jsonl", "".join(as_line(event) + "\\n" for event in events))
print(json.dumps([events[-1]["event"], events[0]["model"]["place"]]))
"""
COMPARE = """
import torch
from pathlib import Path
from transformers import AutoModelForSequenceClassification, set_seed
from pipeline.hub import isolated
from pipeline.inside.changes import changes
from pipeline.settings import Settings

PAIR = ("A heron stood in the reeds.", "In the reeds stood a heron.")
settings = Settings(runs_folder=Path(RUNS), isolates=True)
found, seconds = timed(changes, "run:" + "d" * 32, PAIR, settings=settings)
if isinstance(found, Exception):
    said = {"refused": type(found).__name__ + ": " + str(found)}
else:
    set_seed(7)
    load = AutoModelForSequenceClassification.from_pretrained
    start, after = load("tiny/start", num_labels=2), load(Path(RUNS) / ("d" * 32) / "model")
    pairs = zip(start.classifier.parameters(), after.classifier.parameters())
    apart = torch.cat([(now - then).flatten() for then, now in pairs]).norm()
    length = torch.cat([then.flatten() for then in start.classifier.parameters()]).norm()
    said = {"start": found.start, "moved": {f"{part.name} {part.layer}": part.moved for part in found.parts},
        "classifier": (apart / length).item(), "heads": found.heads.shift, "processes": len(isolated.kept_processes)}
isolated.end_all()
print(json.dumps(said))
"""


def test_a_start_from_the_hub_is_compared_wherever_it_can_be_had(loopback, tmp_path):
    (tmp_path / "start").mkdir()
    tiny_checkpoint(tmp_path / "start", head=False)
    client = loopback("--model", f"tiny/start={tmp_path / 'start'}")
    runs = f"RUNS = {str(tmp_path / 'runs')!r}\n"
    assert client.ask(runs + TRAIN) == ["done", "hub"]
    found = client.ask(runs + COMPARE)
    assert found["start"] == "tiny/start" and found["processes"] == 1
    moved = found["moved"]
    assert moved["embeddings None"] == moved["attention 1"] == 0.0, "frozen"
    assert moved["classifier None"] == pytest.approx(found["classifier"], rel=1e-4)
    assert moved["attention 2"] > 0 and found["heads"][0] == [0.0] * len(found["heads"][0])
    loopback.stop()
    assert client.ask(runs + COMPARE) == found
    shutil.rmtree(client.home)
    refused = client.ask(runs + COMPARE)["refused"]
    assert refused.startswith("InputError: This run started from tiny/start, which can't be had")
