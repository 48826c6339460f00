"""What a probe is told, and that what one part of the warm-up can't have takes nothing from the others."""

import json
import os
from dataclasses import replace

import pytest
import torch
from starlette.applications import Starlette
from starlette.testclient import TestClient

import app
from pipeline import dataset, prediction
from pipeline.errors import InputError
from pipeline.runs.liveness import claim
from pipeline.runs.supervisor import start_run
from tests.processes.test_runs import config_for


def probe(settings):
    told = TestClient(Starlette(routes=[app.health_route(settings)])).get("/health")
    return told.status_code, told.json()


def test_well(settings, tiny):
    waiting = replace(settings, max_runs_at_once=0)
    assert probe(waiting)[0] == 200 and probe(waiting)[1]["runs"] == {"running": 0, "queued": 0}
    first, _ = start_run(config_for(tiny), waiting)
    start_run(config_for(tiny), waiting)
    claim(settings.runs_folder / first)
    status, report = probe(waiting)
    assert (
        status == 200 and report["status"] == "ok" and report["runs"] == {"running": 1, "queued": 1}
    )
    assert report["free_bytes"] > 0
    (settings.runs_folder / first / "stop").touch()
    assert probe(waiting)[1]["runs"] == {"running": 1, "queued": 1}, (
        "one that is stopping still has its worker"
    )


def test_where_runs_cannot_be_kept(settings, tmp_path):
    (tmp_path / "a file").touch()
    status, report = probe(replace(settings, runs_folder=tmp_path / "a file" / "runs"))
    assert (
        status == 503
        and "runs can't be kept: Not a directory. Check the folder in RUNS_DIR" in report["status"]
    )


def test_where_every_run_would_be_refused(settings, tiny):
    full = replace(settings, min_free_bytes=2**60)
    with pytest.raises(InputError, match="disk has"):
        start_run(config_for(tiny), full)
    status, report = probe(full)
    assert (
        status == 503
        and "the disk of RUNS_DIR is full" in report["status"]
        and report["free_bytes"] > 0
    )


def test_a_probe_reads_no_stranger_and_leaves_nothing(settings):
    folder = settings.runs_folder / ("a" * 32)
    folder.mkdir(parents=True)
    for name in ("config.json", "worker", "events.jsonl"):
        os.mkfifo(folder / name)
    assert probe(settings)[0] == 200
    assert os.listdir(settings.runs_folder) == [folder.name] and json.dumps(probe(settings)[1])


def test_a_server_answers_with_one_thread_each(settings, monkeypatch):
    before, seen = torch.get_num_threads(), []
    monkeypatch.setattr(
        prediction, "predict", lambda *_given, **_named: seen.append(torch.get_num_threads())
    )
    try:
        app.answer_once(settings)
    finally:
        torch.set_num_threads(before)
    assert seen == [1]


def test_what_the_warm_up_cannot_have_takes_nothing_from_the_rest(settings, monkeypatch):
    called = []

    def fails(name):
        def fail(*args, **kwargs):
            called.append(name)
            raise OSError(name)

        return fail

    monkeypatch.setattr(prediction, "predict", fails("model"))
    monkeypatch.setattr(dataset, "load_raw_datasets", fails("pairs"))
    monkeypatch.setattr(app, "prerender", fails("first tab"))
    monkeypatch.setattr(app, "start_supervisor", lambda settings: called.append("house"))
    monkeypatch.setattr(app.gc, "freeze", lambda: called.append("frozen"))
    app.warm(settings, demo=None)
    assert called == ["model", "pairs", "first tab", "house", "frozen"]
