"""`pipeline train` on two processes, as accelerate's and torch's launchers start them, on CPU cores through gloo."""

import json
import os
import subprocess
import sys

import pytest

from dev.server import free_port
from pipeline.settings import Launch, is_unlaunched, launch
from tests.conftest import ROOT

TRAIN = [
    "--source",
    "folder",
    "--train-pairs",
    "60",
    "--eval-pairs",
    "16",
    "--batch-size",
    "8",
    "--max-steps",
    "12",
    "--epochs",
    "2",
    "--eval-steps",
    "5",
    "--learning-rate",
    "1e-3",
    "--dropout",
    "0",
    "--frozen-layers",
    "0",
    "--precision",
    "fp32",
]


def two(launcher):
    port = str(free_port())
    return {
        "alone": [sys.executable],
        "accelerate": [
            sys.executable,
            "-m",
            "accelerate.commands.launch",
            "--multi_gpu",
            "--num_processes",
            "2",
            "--num_machines",
            "1",
            "--mixed_precision",
            "no",
            "--dynamo_backend",
            "no",
            "--main_process_port",
            port,
        ],
        "torchrun": [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--nproc_per_node",
            "2",
            "--master_port",
            port,
        ],
        "lonely": [
            sys.executable,
            "-m",
            "accelerate.commands.launch",
            "--cpu",
            "--num_processes",
            "2",
            "--num_machines",
            "1",
            "--mixed_precision",
            "no",
            "--dynamo_backend",
            "no",
        ],
    }[launcher]


@pytest.fixture(scope="module")
def train(tiny, small_folder, tmp_path_factory):
    """train(launcher, *flags) -> (folder, events, the finished process), each launcher's plain run once."""
    told = {}

    def run(launcher, *flags):
        if (launcher, flags) not in told:
            folder = tmp_path_factory.mktemp(launcher)
            environment = {
                **os.environ,
                "MRPC_DIR": str(small_folder),
                "RUNS_DIR": str(folder),
                "OMP_NUM_THREADS": "1",
            }
            command = [
                *two(launcher),
                "-m",
                "pipeline",
                "train",
                "--checkpoint",
                tiny,
                *TRAIN,
                "--output",
                str(folder / "run"),
                *flags,
            ]
            done = subprocess.run(
                command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=400
            )
            path = folder / "run" / "events.jsonl"
            events = (
                [json.loads(line) for line in path.read_text().splitlines()]
                if path.exists()
                else []
            )
            told[launcher, flags] = folder, events, done
        return told[launcher, flags]

    return run


def figures(events, kind, name):
    return [event[name] for event in events if event["event"] == kind]


@pytest.mark.parametrize("launcher", ["accelerate", "torchrun"])
def test_two_processes_train_the_one_model(train, launcher):
    folder, events, done = train(launcher)
    assert done.returncode == 0, done.stderr[-2000:]
    start, last = events[0], events[-1]
    assert (start["world_size"], start["pairs_a_process"], start["config"]["batch_size"]) == (
        2,
        4,
        8,
    )
    assert (
        start["total_steps"] == last["step"] == 12
        and [event["event"] for event in events].count("start") == 1
    )
    assert figures(events, "log", "step") == list(range(1, 13)), (
        "one process tells, and each step once"
    )
    assert (
        len(list(folder.rglob("events.jsonl"))) == len(list(folder.rglob("model.safetensors"))) == 1
    )
    assert (
        done.stdout.count("majority: ") == 1
        and "2 processes, 4 pairs each: 8 pairs in one update" in done.stdout
    )

    _, alone, finished = train("alone")
    assert (
        finished.returncode == 0 and alone[0]["world_size"] == 1 and alone[0]["total_steps"] == 12
    )
    # The same pairs in the same updates: only the order of sums differs
    assert figures(events, "log", "loss") == pytest.approx(figures(alone, "log", "loss"), abs=0.02)
    for name in ("loss", "accuracy", "f1"):
        assert last["before"][name] == pytest.approx(alone[-1]["before"][name], abs=1e-4)
        assert last["after"][name] == pytest.approx(alone[-1]["after"][name], abs=0.07), (
            name
        )  # one of 16 pairs is 0.0625
    assert figures(events, "evaluation", "eval_loss") == pytest.approx(
        figures(alone, "evaluation", "eval_loss"), abs=0.02
    )


def test_a_stop_ends_both(train, tmp_path):
    """Asked for before the first step: were only one process to hear it, the other would wait for ever."""
    (tmp_path / "stop").touch()
    folder, events, done = train("torchrun", "--output", str(tmp_path))
    assert (
        done.returncode == 0 and events == []
    )  # its story is in the other folder: the later --output counts
    told = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert (
        told[-1]["event"] == "stopped"
        and told[-1]["step"] == 1
        and (tmp_path / "model" / "model.safetensors").exists()
    )


def test_a_batch_that_two_cannot_share_is_refused(train):
    folder, events, done = train("torchrun", "--batch-size", "7")
    assert done.returncode != 0 and events[-1]["event"] == "failed"
    assert "batch_size is 7, which 2 processes can't share evenly" in events[-1]["message"]


def test_a_launch_that_starts_one_process_says_so(train):
    _, events, done = train("lonely")
    assert (
        done.returncode == 0
        and events[0]["world_size"] == 1
        and "accelerate launch --multi_gpu" in done.stderr
    )
    assert "accelerate" not in train("alone")[2].stderr


@pytest.mark.parametrize(
    "environment, expected",
    [
        ({}, Launch(0, 1)),
        ({"RANK": "1", "WORLD_SIZE": "2"}, Launch(1, 2)),
        ({"WORLD_SIZE": "x", "RANK": "3"}, Launch(0, 1)),
        ({"PMI_RANK": "2", "PMI_SIZE": "4"}, Launch(2, 4)),
        ({"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "3"}, Launch(0, 3)),
    ],
)
def test_the_launchers_environment(environment, expected, monkeypatch):
    for name in (
        "RANK",
        "WORLD_SIZE",
        "PMI_RANK",
        "PMI_SIZE",
        "OMPI_COMM_WORLD_RANK",
        "OMPI_COMM_WORLD_SIZE",
        "MASTER_ADDR",
    ):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert launch() == expected and launch().is_main == (expected.rank == 0) and not is_unlaunched()
