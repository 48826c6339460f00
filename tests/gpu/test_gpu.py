"""A short run and predictions on a CUDA GPU, against the same on the CPU: `pytest -m gpu`."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from pipeline.collation import collate
from pipeline.config import TrainingConfig, flags_of
from pipeline.model import load_model
from pipeline.prediction import predict
from pipeline.serving import served
from pipeline.settings import LABELS, READY, WARMED
from pipeline.tokenization import load_tokenizer, tokenize_function
from pipeline.training import fine_tune
from tests.conftest import ROOT, small_pairs
from tests.processes.test_distributed import launched

pytestmark = pytest.mark.gpu

CONFIG = TrainingConfig(
    checkpoint=WARMED,
    source="folder",
    train_pairs=64,
    eval_pairs=16,
    train_eval_pairs=0,
    max_steps=8,
    epochs=2,
    eval_steps=4,
    # Grouping by length, two processes with half a batch each put other pairs together
    train_sampling_strategy="random",
)
# How far a loss may be off: float32 sums in another order, bfloat16 besides keeps 8 bits
ROUNDING = {"fp32": 0.005, "bf16": 0.1}


def trained_by(command, folder, small_folder, gpus):
    """The events of CONFIG's run in a process of its own that sees these GPUs ("" none, "0,1" two)."""
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": gpus, "MRPC_DIR": str(small_folder)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def train_flags(precision, folder):
    config = replace(CONFIG, precision=precision)
    return ["-m", "pipeline", "train", *flags_of(config), "--output", str(folder)]


def losses(events):
    trained = [event["loss"] for event in events if event["event"] == "log"]
    return trained + [event["eval_loss"] for event in events if event["event"] == "evaluation"]


@pytest.mark.parametrize("precision", ROUNDING)
def test_a_run_has_the_losses_of_the_cpu(precision, small_folder, settings, tmp_path):
    torch.cuda.reset_peak_memory_stats()
    config = replace(CONFIG, precision=precision)
    events = list(fine_tune(config, tmp_path / "gpu", settings))
    assert events[-1]["event"] == "done" and events[-1]["step"] == 8, events[-1]
    assert events[0]["bf16"] == (precision == "bf16")
    # The body alone is 90 MB of float32
    assert torch.cuda.max_memory_allocated() > 9e7, "it trained somewhere else"
    command = [sys.executable, *train_flags(precision, tmp_path / "cpu")]
    on_cpu = trained_by(command, tmp_path / "cpu", small_folder, gpus="")
    assert len(losses(events)) == 8 + 3  # steps, and evaluations at 0, 4 and 8
    assert losses(events) == pytest.approx(losses(on_cpu), abs=ROUNDING[precision])


@pytest.mark.gpu(2)
@pytest.mark.parametrize("launcher", ["accelerate", "torchrun"])
def test_two_gpus_train_the_one_model(launcher, small_folder, tmp_path):
    both, one = tmp_path / "both", tmp_path / "one"
    command = [*launched(launcher), *train_flags("fp32", both)]
    together = trained_by(command, both, small_folder, gpus="0,1")
    alone = trained_by([sys.executable, *train_flags("fp32", one)], one, small_folder, gpus="0")
    assert together[0]["world_size"] == 2 and alone[0]["world_size"] == 1
    assert losses(together) == pytest.approx(losses(alone), abs=0.02)


@pytest.mark.parametrize("in_bf16, rounding", [(False, 1e-3), (True, 0.06)])
def test_its_logits_are_those_of_the_cpu(in_bf16, rounding, settings):
    rows = small_pairs(16, 0)
    pairs = list(zip(rows["sentence1"], rows["sentence2"]))
    tokenizer = load_tokenizer(READY, settings=settings)[0]
    examples = [{"sentence1": first, "sentence2": second} for first, second in pairs]
    batch = collate(tokenizer, [tokenize_function(tokenizer, example) for example in examples])
    with torch.inference_mode():
        expected = load_model(READY, settings=settings)[0](**batch).logits  # (16, 2)
    serve = served(load_model(READY, settings=settings)[0], in_bf16=in_bf16)
    assert serve.device.type == "cuda" and expected.device.type == "cpu"
    assert (serve(**batch).cpu() - expected).abs().max() < rounding

    answers, _ = predict(READY, pairs, settings=settings)
    labels = [LABELS[number] for number in expected.argmax(-1).tolist()]
    assert [answer.label for answer in answers] == labels
