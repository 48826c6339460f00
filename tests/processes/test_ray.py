"""Runs that train on a Ray cluster: a real one of two nodes with one CPU each, on this machine."""

import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.config import TrainingConfig
from pipeline.prediction import predict
from pipeline.runs.executors.ray_trainer import remove_left_behind
from pipeline.runs.parcel import Receiver
from pipeline.runs.queue import read_run
from pipeline.runs.supervisor import start_run, stop_run
from pipeline.settings import WARMED
from tests.conftest import ROOT
from tests.processes.test_runs import until
from tests.processes.test_tasks import kept
from views.runs import run_message

if os.environ.get("CI") == "true":  # where nothing skips for a missing part
    import ray
else:
    ray = pytest.importorskip("ray")
SHORT = TrainingConfig(
    checkpoint=WARMED,
    source="folder",
    train_pairs=16,
    eval_pairs=8,
    batch_size=8,
    epochs=1,
    max_steps=2,
    eval_strategy="no",
    method="lora",
    frozen_layers=0,
)
# Long enough that a stop, or the end of a node, comes in its midst
LONG = replace(SHORT, train_pairs=64, batch_size=1, epochs=5, max_steps=300)
SMALL = {"object_store_memory": 2 * 10**8, "include_dashboard": False}
SECONDS = 200  # for whatever a test waits


@pytest.fixture(scope="module")
def cluster():
    """A head that trains nothing, as the page's machine, and two nodes."""
    from ray.cluster_utils import Cluster

    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **SMALL})
    for _ in range(2):
        cluster.add_node(num_cpus=1, **SMALL)
    yield cluster
    cluster.shutdown()
    until(lambda: not trainers(), SECONDS)


@pytest.fixture
def on_ray(settings, cluster):
    return replace(settings, executor="ray", ray_address=cluster.address)


def parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def trainers():
    """The process ids of the runs that train on nodes."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().split(b"\0")
            if b"pipeline.runs.worker" in words and "ray::" in command_of(parent(path.name)):
                found.append(int(path.name))
        except OSError:  # it has just ended
            pass
    return found


def command_of(pid):
    return Path(f"/proc/{pid}/cmdline").read_text()


def kill_node_that_trains(cluster):
    """The machine of the only run is gone at once."""
    [trainer] = trainers()
    raylet = parent(parent(trainer))
    [node] = [
        node
        for node in cluster.list_all_nodes()
        if node.all_processes["raylet"][0].process.pid == raylet
    ]
    cluster.remove_node(node, allow_graceful=False)
    until(lambda: not Path(f"/proc/{trainer}").exists(), SECONDS)


def ended(run_id, settings):
    return until(lambda: (run := read_run(run_id, settings)).ended and run, SECONDS)


def stepped(run_id, settings):
    return until(lambda: (run := read_run(run_id, settings)).of("log") and run, SECONDS)


def figures(run):
    names = ("loss", "eval_loss", "grad_norm")
    return [event[name] for event in run.events for name in names if name in event]


def test_a_run_on_a_node_tells_what_one_on_this_machine_tells(on_ray, settings):
    own_pair = ("A cat sat.", "A cat was sitting.")
    run_id, _ = start_run(SHORT, on_ray, own_pair=own_pair)
    run = ended(run_id, on_ray)
    assert run.state == "done", run.events[-1]
    kinds = [event["event"] for event in run.events]
    assert kinds == ["start", "evaluation", "log", "log", "evaluation", "done"]
    beside = replace(settings, runs_folder=settings.runs_folder / "here")
    here, _ = start_run(SHORT, beside, own_pair=own_pair)
    local = ended(here, beside)
    assert figures(run) == pytest.approx(figures(local), rel=1e-4)
    assert own_share(run) == pytest.approx(own_share(local), abs=2e-3)
    folder = on_ray.runs_folder / run_id
    assert (folder / "predictions.json").exists() and not (folder / "model.part").exists()
    assert (folder / "lora.safetensors").exists()
    assert len(list((on_ray.runs_folder / "before").glob("*.json"))) == 1
    [answer], _ = predict(f"run:{run_id}", [own_pair], settings=on_ray)
    assert answer.label in ("equivalent", "not_equivalent")


def own_share(run):
    return [event["own_share"] for event in run.of("evaluation")]


def test_a_visitors_own_pairs_and_a_strangers_checkpoint_train_on_a_node(on_ray, tiny):
    """The pairs travel; the process that opens the checkpoint is confined there as here."""
    rows = [f"It is {n} degrees today .,Today it is {n} .,{n % 2}" for n in range(40)]
    reference = kept(on_ray, "sentence1,sentence2,label", rows)
    config = replace(SHORT, checkpoint=tiny, task_name=reference, source="auto")
    run = ended(start_run(config, on_ray)[0], on_ray)
    assert run.state == "done", run.events[-1]
    assert run.first("start")["data"]["place"] == "own"


def test_a_stop_keeps_the_model_and_a_second_one_ends_the_run(on_ray):
    now = replace(on_ray, double_click_seconds=0)
    run_id, secret = start_run(LONG, on_ray)
    stepped(run_id, on_ray)
    stop_run(run_id, secret, on_ray)
    run = ended(run_id, on_ray)
    assert run.state == "stopped" and run.has_model and run.events[-1]["step"] < 300
    assert (on_ray.runs_folder / run_id / "model" / "model.safetensors").is_file()
    run_id, secret = start_run(replace(LONG, seed=1), on_ray)
    stepped(run_id, on_ray)
    [trainer] = trainers()
    stop_run(run_id, secret, now)
    stop_run(run_id, secret, now)
    run = ended(run_id, on_ray)
    assert run.state == "stopped" and not run.has_model
    until(lambda: not Path(f"/proc/{trainer}").exists(), SECONDS)


def test_a_run_whose_node_is_lost_begins_again_once_and_says_so(on_ray, cluster):
    run_id, _ = start_run(replace(LONG, seed=2), on_ray)
    stepped(run_id, on_ray)
    kill_node_that_trains(cluster)
    again = until(
        lambda: (
            (start := (run := read_run(run_id, on_ray)).first("start"))
            and start.get("message")
            and run.of("log")
            and run
        ),
        SECONDS,
    )
    assert again.state == "running" and again.of("log")[0]["step"] == 1
    assert "began again" in again.first("start")["message"]
    assert "began again" in run_message(again)
    kill_node_that_trains(cluster)
    run = ended(run_id, on_ray)
    assert run.state == "failed" and run.events[-1]["message"].startswith("The machine that")
    assert "Start a new run" in run.events[-1]["message"]


@pytest.mark.parametrize(
    ("address", "installed", "said"),
    [
        ("127.0.0.1:1", True, "can't be reached"),
        ("", True, "RAY_ADDRESS is ''"),
        ("ray://127.0.0.1:10001", True, "host:port"),
        ("127.0.0.1:1", False, "the package ray isn't installed"),
    ],
)
def test_what_keeps_a_run_from_its_cluster_is_said(
    settings, tmp_path, monkeypatch, address, installed, said
):
    if not installed:
        (tmp_path / "ray.py").write_text("raise ImportError")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    elsewhere = replace(settings, executor="ray", ray_address=address)
    run = ended(start_run(SHORT, elsewhere)[0], elsewhere)
    assert run.state == "failed" and said in run.events[-1]["message"], run.events[-1]


def test_a_port_that_never_answers_is_given_up(tmp_path):
    code = (
        "import os, sys; from dataclasses import replace; from pipeline.settings import Settings\n"
        "from pipeline.runs.executors.ray_driver import connect\n"
        "try: connect(replace(Settings(), ray_address=sys.argv[1], ray_connect_seconds=2.0))\n"
        "except ValueError as error: print(error, flush=True); os._exit(0)"
    )
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-c", code, address],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert "can't be reached" in done.stdout, done.stderr


@pytest.mark.parametrize(
    "name", ["RUN/config.json", "RUN/model/../owner", "../x", "before/x.json", "other/model/a"]
)
def test_a_node_writes_only_what_a_run_leaves(settings, name):
    folder = settings.runs_folder / ("a" * 32)
    folder.mkdir(parents=True)
    receiver = Receiver(folder, settings)
    with pytest.raises(ValueError, match="no run leaves"):
        receiver.receive(name.replace("RUN", folder.name), b"x")
    with pytest.raises(ValueError, match="more than"):
        few = replace(settings, max_checkpoint_bytes=1)
        Receiver(folder, few).receive(f"{folder.name}/model/model.safetensors", b"xxx")


def test_what_a_lost_node_left_on_a_disk_goes_with_a_later_run(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name, age in (("paraphrase-run-a", 100), ("paraphrase-run-b", 1), ("else", 100)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    remove_left_behind(50)
    assert sorted(os.listdir(tmp_path)) == ["else", "paraphrase-run-b"]


def test_the_app_runs_without_ray():
    code = "import app, sys; app.build_app(app.page_settings()); assert 'ray' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
