"""Where a run trains: ordinarily in a process, on ZeroGPU in a forked call."""

import inspect
import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from pipeline.config import TrainingConfig
from pipeline.errors import InputError
from pipeline.runs.executors import Executor, executor_of, local, ray, zero_gpu
from pipeline.runs.queue import read_run
from pipeline.runs.supervisor import start_run
from pipeline.settings import EMBEDDED_CHECKPOINT, WARMED, Settings
from tests.processes.test_runs import until
from tests.support.in_process import InProcess

# Long enough that a stop comes in its midst, also on a busy machine
LONG = {
    "checkpoint": EMBEDDED_CHECKPOINT,
    "max_steps": 300,
    "epochs": 5,
    "batch_size": 1,
    "train_pairs": 64,
}
ROOT = Path(__file__).parent.parent.parent
SERVER = """
import json, sys, time
from pathlib import Path
from pipeline.runs.executors import local, zero_gpu
from pipeline.runs.queue import read_run
from pipeline.runs.supervisor import start_run, start_supervisor, stop_run
from pipeline.settings import Settings
from pipeline.config import config_from
assert "torch" not in sys.modules
zero_gpu.register()
import spaces
from dataclasses import replace
from pipeline.prediction import predict

settings = Settings(mrpc_folder=Path(sys.argv[2]), runs_folder=Path(sys.argv[3]), data="folder", double_click_seconds=0)
start_supervisor(settings)
def ended(run_id, seconds=160):
    until = time.monotonic() + seconds
    while not (run := read_run(run_id, settings)).ended and time.monotonic() < until:
        time.sleep(0.02)
    return run
def told(config, stops):
    predict(config.checkpoint, [("a", "b")] * 4, settings=settings)   # the server's own computing threads are at work
    run_id, secret = start_run(config, settings)
    after, _ = start_run(replace(config, max_steps=1), settings)
    began = time.monotonic()
    while stops and time.monotonic() < began + 160:
        if read_run(run_id, settings).of("log"):
            stop_run(run_id, secret, settings)
            stops -= 1
        time.sleep(0.02)
    run = ended(run_id)
    ended(after)
    answer = predict("run:" + run_id, [("a", "b")], settings=settings)[0][0].label if run.has_model else None
    return {"state": run.state, "after": [read_run(name, settings).state for name in (run_id, after)], "events": [e["event"] for e in run.events], "answer": answer,
            "decorated": spaces.decorated, "spare": local.spare.is_ready(), "last": run.events[-1]}
print(json.dumps([told(config_from(config), stops) for config, stops in json.loads(sys.argv[1])]))
"""


@pytest.fixture(scope="module")
def seen(small_folder, tmp_path_factory):
    """What three runs on one Space tell: one left alone, one stopped once, one stopped twice."""
    short = TrainingConfig(
        checkpoint=WARMED,
        source="folder",
        train_pairs=16,
        eval_pairs=8,
        batch_size=8,
        epochs=1,
        max_steps=2,
        eval_strategy="no",
        frozen_layers=0,
    )
    long = replace(short, **LONG)
    asked = [(asdict(config), stops) for config, stops in ((short, 0), (long, 1), (long, 2))]
    runs = tmp_path_factory.mktemp("space") / "runs"
    done = subprocess.run(
        [sys.executable, "-c", SERVER, json.dumps(asked), small_folder, runs],
        cwd=ROOT,
        text=True,
        capture_output=True,
        timeout=900,
        env={
            **os.environ,
            "SPACES_ZERO_GPU": "true",
            "PYTHONPATH": str(ROOT / "tests" / "support" / "zero_gpu"),
            "HF_HUB_OFFLINE": "1",
        },
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def test_on_zero_gpu_a_run_is_a_forked_call_and_tells_the_same_story(seen):
    seen, *_ = seen
    assert seen["decorated"] == ["on_gpu"] and not seen["spare"]
    assert seen["state"] == "done" and seen["answer"] in ("equivalent", "not_equivalent")
    assert seen["events"] == ["start", "evaluation", "log", "log", "evaluation", "done"]


def test_on_zero_gpu_a_stop_keeps_the_model(seen):
    _, seen, _ = seen
    assert seen["state"] == "stopped" and seen["answer"], seen


def test_on_zero_gpu_a_second_stop_ends_the_run_and_not_the_server(seen):
    *_, seen = seen
    assert seen["state"] == "stopped" and seen["answer"] is None
    assert seen["after"] == ["stopped", "done"], "the ended run holds nobody up, and stays ended"


def test_without_spaces_nothing_changes(monkeypatch, tmp_path):
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    monkeypatch.setitem(sys.modules, "spaces", None)  # an import of it would fail
    zero_gpu.register()
    settings = Settings(runs_folder=tmp_path, data="embedded", mrpc_folder=None)
    assert executor_of(settings) is local
    started = []

    def start_process(*arguments):
        started.append(arguments)
        return subprocess.Popen(["true"])

    monkeypatch.setattr(local, "start_process", start_process)
    folder = tmp_path / "folder"
    local.start(folder, settings).wait()
    [(command, environment, log)] = started
    assert (command, log) == (local.worker_command(folder), folder / "worker.log")
    told = {"RUNS_DIR": str(tmp_path), "PAIRS": "embedded", "MRPC_DIR": None, "CONFINE": "1"}
    assert told.items() <= environment.items()


def test_the_host_names_the_executor(monkeypatch):
    for name, value in (("RUN_EXECUTOR", "ray"), ("RAY_ADDRESS", "h:1"), ("RUNS_AT_ONCE", "7")):
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert executor_of(settings) is ray
    assert (settings.ray_address, settings.max_runs_at_once) == ("h:1", 7)
    monkeypatch.setenv("RUN_EXECUTOR", "rye")
    with pytest.raises(InputError, match="RUN_EXECUTOR is 'rye', which is none of local, "):
        executor_of(Settings())
    monkeypatch.setenv("RUNS_AT_ONCE", "many")
    with pytest.raises(InputError, match="RUNS_AT_ONCE is 'many'"):
        Settings()


@pytest.mark.parametrize("executor", [local, zero_gpu, ray, InProcess()])
def test_each_executor_has_what_the_protocol_names(executor):
    names = [name for name in vars(Executor) if not name.startswith("_")]
    assert names == ["start", "keep_ready", "renew", "warm_up"]
    for name in names:
        asked = inspect.signature(getattr(Executor, name)).parameters
        assert list(inspect.signature(getattr(executor, name)).parameters) == list(asked)[1:]


def test_a_thread_that_breaks_off_fails_its_run_in_words(settings):
    """As a call does that ZeroGPU ends."""

    def events(config, folder, settings):
        yield {
            "event": "start",
            "seconds": 0,
            "total_steps": 2,
            "majority": {"accuracy": 1, "f1": 1},
        }
        yield {"event": "log", "seconds": 4.5, "step": 1, "loss": 0.7}
        raise RuntimeError("GPU task aborted")

    settings = InProcess(events).serves(settings)
    run_id, _ = start_run(TrainingConfig(), settings)
    run = until(lambda: (run := read_run(run_id, settings)).ended and run)
    assert run.state == "failed" and run.events[-1]["seconds"] == 4.5
    assert run.events[-1]["message"] == "GPU task aborted" and len(run.of("log")) == 1
