"""Runs in real worker processes, and what their folders tell."""

import json
import os
import signal
import time
from dataclasses import replace

import pytest

from pipeline import runs
from pipeline.prediction import predict
from pipeline.runs import curves, list_runs, may_stop, progress, read_run, start_run, stop_run, sweep
from pipeline.settings import InputError, Settings
from pipeline.training import TrainingConfig


def until(condition, seconds=60):
    """The first true value of `condition()`."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)
    return value


@pytest.fixture(scope="module")
def served(small_folder, tmp_path_factory):
    return Settings(mrpc_folder=small_folder, runs_folder=tmp_path_factory.mktemp("runs"), data="folder")


def config_for(tiny, **values):
    return replace(TrainingConfig(checkpoint=tiny, source="folder", train_pairs=16, eval_pairs=8, batch_size=8, max_steps=4,
                                  eval_steps=2), **values)  # fmt: skip


@pytest.fixture(scope="module")
def two_runs(tiny, served):
    """Two runs asked for at once; what was seen of the second while the first ran; both ended."""
    first, secret = start_run(config_for(tiny), served)
    second, second_secret = start_run(config_for(tiny, train_pairs=64, epochs=5, max_steps=300, eval_strategy="no", batch_size=1), served)
    seen = read_run(first, served), read_run(second, served)
    until(lambda: read_run(first, served).ended)
    until(lambda: read_run(second, served).of("log"))
    running = read_run(second, served)
    with pytest.raises(InputError, match="Only the visitor who started"):
        stop_run(second, secret, served)
    still = read_run(second, served).state
    stop_run(second, second_secret, served)
    until(lambda: read_run(second, served).ended)
    return {"first": first, "second": second, "seen": seen, "running": running, "still": still, "secret": secret}


def test_a_run_runs_and_its_model_predicts(two_runs, served):
    assert two_runs["seen"][0].state == "running"
    run = read_run(two_runs["first"], served)
    assert run.state == "done" and run.first("start")["total_steps"] == 4 and run.first("failed") is None
    assert [step for step, _ in curves(run)["loss"]] == [1, 2, 3, 4]
    assert [step for step, _ in curves(run)["eval_accuracy"]] == [0, 2, 4] and progress(run)[:2] == (4, 4)
    predictions, origin = predict(f"run:{run.id}", [("A cat sat.", "A cat was sitting.")], settings=served)
    assert origin.place == "run" and sum(predictions[0].probabilities.values()) == pytest.approx(1)


def test_the_second_waits_with_a_place_and_starts_afterwards(two_runs, served):
    assert (two_runs["seen"][1].state, two_runs["seen"][1].place) == ("queued", 1)
    assert two_runs["running"].state == "running" and two_runs["running"].place == 0
    assert [run.id for run in list_runs(served)][:2] == [two_runs["first"], two_runs["second"]]


def test_a_stranger_cannot_stop_and_the_owner_keeps_the_model(two_runs, served):
    run = read_run(two_runs["second"], served)
    assert two_runs["still"] == "running" and run.state == "stopped" and run.events[-1]["step"] < 300
    assert (served.runs_folder / run.id / "model" / "model.safetensors").is_file()
    assert may_stop(two_runs["first"], two_runs["secret"], served)
    assert not any(may_stop(two_runs["first"], secret, served) for secret in ("", None, "x", "é"))


def test_a_killed_worker_is_a_failed_run_with_a_message(tiny, settings):
    run_id, _ = start_run(config_for(tiny), settings)
    pid = int((settings.runs_folder / run_id / "worker").read_text())
    os.kill(pid, signal.SIGKILL)
    run = until(lambda: (run := read_run(run_id, settings)).ended and run, 10)
    assert run.state == "failed" and "The worker ended before its run did" in run.events[-1]["message"]


def test_a_run_asked_to_stop_twice_ends_at_once_and_one_stopped_in_the_queue_never_starts(tiny, settings):
    first, secret = start_run(config_for(tiny), settings)
    second, second_secret = start_run(config_for(tiny), settings)
    stop_run(second, second_secret, settings)
    assert read_run(second, settings).state == "stopped"
    stop_run(first, secret, settings)
    assert read_run(first, settings).state == "stopping"
    stop_run(first, secret, settings)
    until(lambda: read_run(first, settings).state == "stopped", 10)
    time.sleep(0.2)
    assert not (settings.runs_folder / second / "worker").exists()


# ---------------------------------------------------------------- folders told by hand


@pytest.fixture
def folder(settings, tmp_path):
    """A run's folder whose worker is gone."""
    path = settings.runs_folder / ("a" * 32)
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps({"seed": 1}))
    (path / "worker").write_text("999999999")
    return path


def test_a_torn_last_line_is_not_yet_told(folder, settings):
    lines = [json.dumps({"event": "start", "seconds": 0, "total_steps": 2}), "not json", '{"event": 7}', "[1]"]
    (folder / "events.jsonl").write_text("\n".join(lines) + '\n{"event": "lo')
    assert [event["event"] for event in read_run(folder.name, settings).events] == ["start", "failed"]
    (folder / "events.jsonl").write_text(lines[0] + '\n{"event": "done", "seconds": 1}\n')
    assert read_run(folder.name, settings).state == "done"


def test_a_process_id_used_again_by_a_stranger_is_no_worker(folder, settings):
    (folder / "worker").write_text(str(os.getpid()))
    assert read_run(folder.name, settings).state == "failed"


def test_a_worker_leaves_its_last_words(folder, settings):
    (folder / "worker.log").write_text("first\nKilled: no memory\n")
    assert "Killed: no memory" in read_run(folder.name, settings).events[-1]["message"]


def test_a_folder_that_is_gone_has_expired(settings):
    assert read_run("0" * 32, settings).state == "expired"


def test_old_ended_runs_are_swept_and_others_kept(folder, settings):
    sweep(settings)
    assert folder.is_dir()
    os.utime(folder / "config.json", (0, 0))
    sweep(settings)
    assert not folder.exists()


@pytest.mark.parametrize("run_id", ["", "..", "../" + "0" * 32, "0" * 31, "0" * 33, "A" * 32, "0" * 32 + "\n", "/etc/passwd", None, 7])
def test_a_malformed_id_is_refused(run_id, settings):
    for call in (lambda: read_run(run_id, settings), lambda: stop_run(run_id, "x", settings)):
        with pytest.raises(InputError, match="32 hexadecimal digits"):
            call()


def test_a_full_queue_and_a_config_out_of_bounds_are_refused(tiny, settings, monkeypatch):
    monkeypatch.setattr(runs, "_start_worker", lambda run, settings: None)
    for _ in range(settings.max_runs_waiting):
        start_run(config_for(tiny), settings)
    with pytest.raises(InputError, match="8 runs are waiting"):
        start_run(config_for(tiny), settings)
    with pytest.raises(InputError, match="max_steps"):
        start_run(config_for(tiny, max_steps=10**6), settings)
    assert len(list_runs(settings)) == settings.max_runs_waiting


def test_the_secret_itself_is_not_in_the_folder(tiny, settings, monkeypatch):
    monkeypatch.setattr(runs, "_start_worker", lambda run, settings: None)
    run_id, secret = start_run(config_for(tiny), settings)
    assert all(secret not in path.read_text() for path in (settings.runs_folder / run_id).iterdir())
