"""Faults that a public server meets, each one really done: to a worker, to the disk, to the server, to the Hub, to a folder."""

import json
import os
import pickle
import resource
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace

import gradio as gr
import pytest

from pipeline.errors import InputError
from pipeline.prediction import predict
from pipeline.runs.cleanup import sweep
from pipeline.runs.progress import list_runs
from pipeline.runs.queue import read_run
from pipeline.runs.supervisor import advance, start_run, stop_run
from pipeline.settings import WARMED
from tabs.fine_tune import run_panel
from tests.conftest import ROOT, tiny_checkpoint
from tests.processes.test_runs import START, config_for, long_config, until, worker_of
from tests.support.in_process import InProcess, trained

PAIR = [("A cat sat.", "A cat was sitting.")]
limits = pytest.mark.skipif(
    not hasattr(resource, "prlimit"), reason="only Linux limits another process"
)


def ended(run_id, settings, seconds=90):
    return until(lambda: (run := read_run(run_id, settings)).ended and run, seconds)


def until_told(run_id, kind, settings, times=1):
    """Wait until the run has told so many events of a kind; a run that ends before fails the test at once."""

    def told():
        run = read_run(run_id, settings)
        assert not run.ended, run.events[-1]
        return len(run.of(kind)) >= times

    until(told)


def page_of(run_id, settings):
    """What a visitor sees of a run, as one text."""
    return " ".join(str(part) for part in panel(settings).draw(run_id, {}).values())


def panel(settings):
    with gr.Blocks():
        return run_panel.RunPanel(settings)


# ---------------------------------------------------------------- the worker


def test_a_worker_killed_in_training_fails_alone_and_the_next_run_starts(tiny, settings):
    first, _ = start_run(long_config(tiny), settings)
    second, _ = start_run(config_for(tiny), settings)
    until_told(first, "log", settings, 4)
    os.kill(worker_of(first, settings), signal.SIGKILL)
    run = ended(first, settings, 10)
    assert (
        run.state == "failed"
        and "The worker ended before its run was finished" in run.events[-1]["message"]
    )
    assert len(run.of("log")) > 3 and "Failed" in page_of(first, settings) and not run.has_model
    assert ended(second, settings).state == "done"


@limits
@pytest.mark.parametrize("at", ["start", "log"])
def test_a_worker_out_of_memory_says_so(at, tiny, settings):
    """The kernel refuses it more memory while it imports and in the midst of training, as under a container's limit."""
    run_id, _ = start_run(
        config_for(tiny, train_pairs=64, batch_size=64, epochs=5, max_steps=300, eval_steps=1),
        settings,
    )
    until_told(run_id, at, settings)
    resource.prlimit(worker_of(run_id, settings), resource.RLIMIT_DATA, (2**20, 2**20))
    run = ended(run_id, settings)
    assert run.state == "failed" and "memory" in run.events[-1]["message"], run.events[-1]
    assert "Traceback" not in page_of(run_id, settings)


LITTLE_MEMORY = """
import re, resource, torch
from pathlib import Path
from pipeline.errors import is_out_of_memory
from pipeline.pair_map import fitted_plane
torch.set_num_threads(1)
vectors = torch.randn(408, 384)
torch.linalg.svd(torch.eye(3))  # what is loaded and kept from the first time on
held = 1024 * int(re.search(r"VmData:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
for more in range(40):
    resource.setrlimit(resource.RLIMIT_DATA, (held + more * 2**20, -1))
    try:
        fitted_plane(vectors)
        print("found")
    except Exception as error:
        print("refused" if is_out_of_memory(error) else repr(error))
"""


@limits
def test_a_map_that_gets_too_little_memory_raises_an_error():
    """A library that asks for memory for ever, or ends the process, would take the run with it."""
    done = subprocess.run(
        [sys.executable, "-c", LITTLE_MEMORY], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    told = done.stdout.split()
    assert done.returncode == 0 and len(told) == 40, done
    assert {*told} == {"refused", "found"}, told


# ---------------------------------------------------------------- the disk


@limits
def test_a_file_that_may_grow_no_more_while_the_model_is_saved(tiny, settings):
    run_id, _ = start_run(config_for(tiny), settings)
    until_told(run_id, "start", settings)
    # tiny's model is 2 MB, its story some 4 kB
    resource.prlimit(worker_of(run_id, settings), resource.RLIMIT_FSIZE, (2**16, 2**16))
    run = ended(run_id, settings)
    assert run.state == "failed" and "disk is full" in run.events[-1]["message"], run.events[-1]
    assert_no_model(run_id, settings)


@contextmanager
def small_disk(path, size):
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path],
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip(f"no right to mount a small disk here: {mounted.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def test_a_disk_that_is_full_while_the_model_is_saved(tiny, settings, tmp_path):
    with small_disk(tmp_path / "disk", "1m") as disk:
        full = replace(settings, runs_folder=disk / "runs", min_free_bytes=0)
        full = InProcess(trained).serves(full)
        run = ended(start_run(config_for(tiny), full)[0], full)
        assert run.state == "failed" and "disk is full" in run.events[-1]["message"], run.events[-1]
        assert_no_model(run.id, full)


def test_a_disk_that_is_full_already(tiny, settings, tmp_path):
    with small_disk(tmp_path / "disk", "64k") as disk:
        full = replace(settings, runs_folder=disk / "runs", min_free_bytes=0)
        (disk / "ballast").write_bytes(bytes(64 * 1024 - 4 * 4096))
        with pytest.raises(InputError, match="can't save a new run; its disk may be full"):
            for _ in range(8):
                start_run(config_for(tiny), replace(full, max_runs_at_once=0))
        count = len(list_runs(full))
        (disk / "ballast").unlink()
        start_run(config_for(tiny), replace(full, max_runs_at_once=0))
        assert len(list_runs(full)) == count + 1


def assert_no_model(run_id, settings):
    assert not list((settings.runs_folder / run_id).glob("model*"))
    with pytest.raises(InputError, match="has no model"):
        predict(f"run:{run_id}", PAIR, settings=settings)


# ---------------------------------------------------------------- the server

SERVER = """
import sys, time
from pathlib import Path
from pipeline.runs.supervisor import advance, start_run
from pipeline.settings import Settings
from pipeline.config import config_from
import json
settings = Settings()
advance(settings)
for config in json.loads(sys.argv[1]):
    print(*start_run(config_from(config), settings), flush=True)
print("open", flush=True)
time.sleep(600)
"""


@pytest.fixture
def serve(settings):
    """serve(configs) -> (server, [(id, secret)]): a process of its own that starts these runs and then waits."""
    servers = []

    def start(*configs):
        environment = {
            **os.environ,
            "RUNS_DIR": str(settings.runs_folder),
            "MRPC_DIR": str(settings.mrpc_folder),
            "PAIRS": "folder",
        }
        command = [sys.executable, "-c", SERVER, json.dumps([vars(config) for config in configs])]
        server = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
        )
        servers.append(server)
        lines = list(iter(lambda: server.stdout.readline().split(), ["open"]))
        assert len(lines) == len(configs), lines
        return server, lines

    yield start
    for server in servers:
        server.kill()
        server.wait()
        server.stdout.close()


def kill(server):
    server.send_signal(signal.SIGKILL)
    server.wait()


def test_runs_outlive_their_servers_and_each_next_server_goes_on_with_the_queue(
    tiny, settings, serve
):
    server, [(first, secret), (second, _), (third, _)] = serve(
        long_config(tiny), long_config(tiny), config_for(tiny)
    )
    until_told(first, "log", settings)
    kill(server)
    seen = len(read_run(first, settings).of("log"))
    until_told(first, "log", settings, seen + 1)
    next_server, _ = serve()
    assert read_run(first, settings).state == "running"
    assert [read_run(run_id, settings).place for run_id in (second, third)] == [1, 2]
    stop_run(first, secret, settings)
    assert ended(first, settings).state == "stopped" and read_run(first, settings).has_model
    until_told(second, "log", settings)
    # A worker that dies while no server looks
    kill(next_server)
    os.kill(worker_of(second, settings), signal.SIGKILL)
    run = ended(second, settings, 10)
    assert (
        run.state == "failed"
        and "The worker ended before its run was finished" in run.events[-1]["message"]
    )
    assert read_run(third, settings).state == "queued"
    serve()
    assert ended(third, settings).state == "done"


def test_a_page_goes_on_watching_after_one_bad_look(tiny, settings, monkeypatch):
    """A disk that fails once, say; but an id that is none stays none."""
    run_id, _ = start_run(config_for(tiny), replace(settings, max_runs_at_once=0))
    page = panel(settings)
    monkeypatch.setattr(
        run_panel, "read_run", lambda *_: (_ for _ in ()).throw(OSError("I/O error"))
    )
    drawn = page.draw(run_id, {})
    assert "Something went wrong" in drawn[page.status] and page.watched not in drawn
    monkeypatch.undo()
    assert run_id in page.draw(run_id, {})[page.watched]
    assert page.draw("../x", {})[page.watched] == ""


# ---------------------------------------------------------------- the Hub


def test_a_hub_that_breaks_off_the_weights_is_said_and_stood_in_for(tiny, loopback, tmp_path):
    client = loopback(
        "--model", f"some/bert={tiny_checkpoint(tmp_path / 'bert')}", "--cut", 100_000
    )
    story = client.ask("""
import json, tempfile, pathlib
from pipeline.settings import Settings
from pipeline.config import TrainingConfig
from pipeline.training import fine_tune
config = TrainingConfig(checkpoint="some/bert", source="embedded", train_pairs=8, eval_pairs=8, batch_size=8, max_steps=1)
folder = pathlib.Path(tempfile.mkdtemp())
print(json.dumps(list(fine_tune(config, folder, Settings(hub_download_seconds=20)))))
""")
    origin = story[0]["model"]
    assert origin["stands_in"] and origin["asked"] == "some/bert" and "Hub" in origin["reason"], (
        origin
    )
    assert story[-1]["event"] == "done"


# ---------------------------------------------------------------- what lies in a run's folder


@pytest.fixture
def model_of(settings, tiny):
    """model_of(change) -> the name of an ended run whose model folder `change` has been at."""

    def made(change, name="a" * 32):
        folder = settings.runs_folder / name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps({"checkpoint": tiny}))
        (folder / "worker").write_text("999999999 1")
        (folder / "events.jsonl").write_text(
            json.dumps(START) + '\n{"event": "done", "seconds": 1, "step": 2}\n'
        )
        tiny_checkpoint(folder / "model")
        change(folder / "model")
        return f"run:{name}"

    return made


def config_with(**values):
    def change(model):
        config = json.loads((model / "config.json").read_text())
        (model / "config.json").write_text(json.dumps({**config, **values}))

    return change


class Bomb:
    def __reduce__(self):
        return os.system, ("touch " + os.environ["BOMB"],)


def only_a_pickle(model):
    (model / "model.safetensors").unlink()
    (model / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))


def linked(model):
    shutil.move(model / "model.safetensors", model.parent.parent.parent / "elsewhere.safetensors")
    (model / "model.safetensors").symlink_to(model.parent.parent.parent / "elsewhere.safetensors")


@pytest.mark.parametrize(
    "change, says",
    [
        (only_a_pickle, "weights only as pytorch_model.bin, and a pickle can run code"),
        (linked, r"contains a link \(model.safetensors\)"),
        (
            config_with(
                architectures=["BertForSequenceClassification"],
                id2label={str(i): str(i) for i in range(3)},
            ),
            "can't be loaded",
        ),
        (
            config_with(architectures=["BertForTokenClassification"]),
            "not a sequence classifier but BertForTokenClassification",
        ),
        (config_with(architectures=None), "names no architecture"),
        (config_with(architectures=[7]), "not a sequence classifier but 7"),
        (config_with(model_type="<b>"), "has the architecture"),
        (lambda model: (model / "config.json").write_bytes(b"\xff\xfe\x00"), "config"),
        (
            lambda model: (model / "config.json").write_text("[" * 10**5),
            "config.json .* can't be read",
        ),
        (lambda model: (model / "config.json").unlink(), "config"),
        (
            lambda model: (model / "model.safetensors").write_bytes(os.urandom(1000)),
            "can't be loaded",
        ),
        (
            lambda model: (model / "model.safetensors").write_bytes(
                (model / "model.safetensors").read_bytes()[:10_000]
            ),
            "can't be loaded",
        ),
        (lambda model: (model / "tokenizer.json").write_text("{"), "tokenizer"),
    ],
)
def test_a_damaged_or_foreign_model_is_refused_with_a_reason(
    change, says, model_of, settings, monkeypatch, tmp_path
):
    monkeypatch.setenv("BOMB", str(tmp_path / "exploded"))
    with pytest.raises(InputError, match=says):
        predict(model_of(change), PAIR, settings=settings)
    assert not (tmp_path / "exploded").exists()


def test_the_bomb_would_have_exploded(monkeypatch, tmp_path):
    monkeypatch.setenv("BOMB", str(tmp_path / "exploded"))
    pickle.loads(pickle.dumps(Bomb()))
    assert (tmp_path / "exploded").exists()


GARBAGE = [
    b"",
    b"\n",
    b"\x00\xff" * 999,
    b'{"event": "done"',
    b'{"event": "done"}\n',
    b"null\n[]\n7\n",
    b"[" * 10**5 + b"\n",
    b'{"event": "start", "seconds": 0, "total_steps": "<b>", "majority": 7}\n',
    b'{"event": "log", "seconds": 0, "step": 1e400, "loss": []}\n',
    b'{"event": "log", "seconds": 0, "step": -1, "loss": 0}\n',
    b'{"event": "log", "seconds": 0, "step": 1, "loss": 0.5, "epoch": "<img src=x>"}\n',
    b'{"event": "done", "seconds": 1, "after": "x", "before": null}\n',
    b'{"event": "failed", "seconds": 1, "message": {}}\n',
    b'{"event": "log", "seconds": 0, "step": 1, "loss": ' + b"9" * 400 + b"}\n",
    b'{"event": "log", "seconds": 0, "step": 1, "loss": NaN}\n{"event": "evaluation", "seconds": 0, "step": 1, "eval_loss": Infinity}\n',
    b'{"event": "failed", "seconds": 1, "message": "<script>alert(1)</script>"}\n',
    b"x" * 2**23,
]


@pytest.mark.parametrize("number", range(len(GARBAGE)))
@pytest.mark.parametrize(
    "file", ["events.jsonl", "config.json", "worker", "owner", "ended", "worker.log"]
)
def test_a_damaged_file_is_never_an_error_page(file, number, model_of, settings):
    run_id = model_of(lambda model: None).removeprefix("run:")
    (settings.runs_folder / run_id / "events.jsonl").write_text(json.dumps(START) + "\n")
    (settings.runs_folder / run_id / file).write_bytes(GARBAGE[number])
    advance(settings)
    sweep(settings)
    page = page_of(run_id, settings)
    assert read_run(run_id, settings).state in ("failed", "done") and len(list_runs(settings)) == 1
    assert (
        "Something went wrong" not in page
        and "<script>alert" not in page
        and "<img src=x>" not in page
    )


@pytest.mark.parametrize(
    "file", ["events.jsonl", "config.json", "worker", "owner", "ended", "worker.log"]
)
def test_links_pipes_and_folders_where_a_file_should_be(file, model_of, settings, tmp_path):
    (tmp_path / "private").write_text('{"event": "failed", "seconds": 1, "message": "private"}\n')
    run_id = model_of(lambda model: None).removeprefix("run:")
    path = settings.runs_folder / run_id / file
    for make in (
        lambda: path.symlink_to(tmp_path / "private"),
        lambda: os.mkfifo(path),
        path.mkdir,
        lambda: path.symlink_to(path),
    ):
        path.unlink(missing_ok=True)
        make()
        run = read_run(run_id, settings)
        advance(settings)
        assert run.state in ("failed", "done", "expired") and "private" not in page_of(
            run_id, settings
        )
        if path.is_dir() and not path.is_symlink():
            path.rmdir()


def test_links_and_strange_names_among_the_runs(settings, tmp_path, tiny):
    """A link named like a run is no run, and a sweep removes the link, never what it leads to."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "config.json").write_text("{}")
    settings.runs_folder.mkdir()
    (settings.runs_folder / ("a" * 32)).symlink_to(elsewhere)
    for name in ("b" * 33, "runs", "..x", "c" * 31 + "G"):
        (settings.runs_folder / name).mkdir()
        (settings.runs_folder / name / "config.json").write_text("{}")
    (settings.runs_folder / ("d" * 32)).write_text("a file")
    assert (
        list_runs(settings) == []
        and read_run("a" * 32, settings).state == read_run("d" * 32, settings).state == "expired"
    )
    with pytest.raises(InputError, match="Only the visitor"):
        stop_run("a" * 32, "x", settings)
    sweep(replace(settings, max_run_age_seconds=-1, max_runs_bytes=0))
    assert (elsewhere / "config.json").exists() and not (
        settings.runs_folder / ("a" * 32)
    ).is_symlink()
    assert (settings.runs_folder / "runs" / "config.json").exists()


def test_a_config_that_cannot_run_holds_nobody_up(settings):
    """A foreign folder with an owner and a config at the queue's head."""
    bad = settings.runs_folder / ("0" * 32)
    bad.mkdir(parents=True)
    settings = InProcess().serves(settings)
    (bad / "owner").touch()
    (bad / "config.json").write_text('{"checkpoint": "../../etc", "no_such": 1}')
    os.utime(bad / "config.json", (1, 2**31))
    run_id, _ = start_run(config_for(WARMED), settings)
    assert ended(run_id, settings).state == "done"
    assert (
        read_run(bad.name, settings).state == "failed"
        and "config.json is damaged" in read_run(bad.name, settings).events[-1]["message"]
    )
