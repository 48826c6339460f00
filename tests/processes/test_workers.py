"""The spare process that becomes a run's worker, and what stands in where there is none."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from pipeline.config import TrainingConfig
from pipeline.isolation.priority import BACKGROUND_NICENESS
from pipeline.runs import supervisor as runs
from pipeline.runs import worker_process as workers
from pipeline.runs.liveness import claim
from pipeline.runs.supervisor import list_runs, read_run, start_run
from tests.conftest import ROOT
from tests.processes.test_runs import START, config_for, until, worker_of


@pytest.fixture
def spare():
    """A spare with everything imported."""
    workers.keep_spare()
    assert workers.spare_is_ready(240)
    yield workers._kept["spare"]
    workers.drop_spare()


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_run_comes_out_of_the_spare_and_the_next_one_gets_ready(spare, tiny, settings):
    began = time.monotonic()
    run_id, _ = start_run(config_for(tiny), settings)
    assert worker_of(run_id, settings) == spare.pid and workers._kept["spare"] is None
    until(lambda: read_run(run_id, settings).of("log"))
    to_first_step = time.monotonic() - began
    run = until(lambda: (run := read_run(run_id, settings)).ended and run)
    assert run.state == "done" and to_first_step < 5, (run.events[-1], to_first_step)
    until(lambda: workers._kept["spare"])
    assert workers._kept["spare"].pid != spare.pid
    # The story of the warm run is that of a fresh one, to the last digit
    workers.drop_spare()
    again, _ = start_run(config_for(tiny), settings)
    fresh = until(lambda: (run := read_run(again, settings)).ended and run)
    figures = [
        [
            event[name]
            for event in story.events
            for name in ("loss", "eval_loss", "grad_norm")
            if name in event
        ]
        for story in (run, fresh)
    ]
    assert figures[0] == figures[1] and len(figures[0]) > 8


def test_an_order_given_while_the_spare_still_imports_is_taken_up(tiny, settings):
    workers.keep_spare()
    pid = workers._kept["spare"].pid
    run_id, _ = start_run(config_for(tiny), settings)
    assert worker_of(run_id, settings) == pid
    assert until(lambda: (run := read_run(run_id, settings)).ended and run).state == "done"
    workers.drop_spare()


def test_without_its_spare_a_run_starts_afresh(spare, tiny, settings):
    os.kill(spare.pid, signal.SIGKILL)
    spare.wait()
    assert not workers.spare_is_ready()
    run_id, _ = start_run(config_for(tiny), settings)
    assert worker_of(run_id, settings) != spare.pid
    assert until(lambda: (run := read_run(run_id, settings)).ended and run).state == "done"


def test_the_command_line_is_handed_over_as_it_stands(tmp_path, spare):
    command = [
        sys.executable,
        "-m",
        "pipeline",
        "train",
        "--max-steps",
        "0",
        "--output",
        str(tmp_path / "run"),
    ]
    worker = workers.start_worker(
        command, {"PAIRS": "embedded", "MRPC_DIR": None}, tmp_path / "log"
    )
    assert worker is spare and worker.wait(60) == 2
    assert (tmp_path / "log").read_text().splitlines()[-1].startswith("error: max_steps is 0")
    fresh = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (fresh.returncode, fresh.stderr) == (2, (tmp_path / "log").read_text())


def test_the_spare_ends_with_its_server_and_costs_nothing_while_it_waits():
    code = (
        "import time, os; from pipeline.runs import worker_process as workers; workers.keep_spare(); assert workers.spare_is_ready(240); "
        "print(workers._kept['spare'].pid, flush=True); time.sleep(600)"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    pid = int(server.stdout.readline())
    if os.path.exists(f"/proc/{pid}/stat"):
        before, _ = cpu_seconds(pid), time.sleep(1)
        assert cpu_seconds(pid) - before <= 0.02
    server.kill()
    server.wait()
    server.stdout.close()
    until(lambda: is_gone(pid), 20)


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_nobody_keeps_a_spare_unasked():
    code = "from pipeline.runs import worker_process as workers; workers.renew_spare(); print(workers._kept['spare'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "None", done.stderr


@pytest.fixture
def sleeping(monkeypatch):
    """Spares that only wait, as long as their server wants them."""
    monkeypatch.setattr(workers, "COMMAND", ("cat",))
    workers.keep_spare()
    yield
    workers.drop_spare()


def test_a_spare_that_dies_is_replaced_though_not_at_once(sleeping, monkeypatch):
    spare = workers._kept["spare"]
    workers.renew_spare()
    assert workers._kept["spare"] is spare
    spare.kill()
    spare.wait()
    workers.renew_spare()
    assert workers._kept["spare"] is spare, "it may die again and again"
    monkeypatch.setattr(workers, "AGAIN_SECONDS", 0)
    workers.renew_spare()
    assert workers._kept["spare"].poll() is None


def test_the_next_spare_gets_ready_while_a_run_trains_but_not_before_its_first_step(
    settings, monkeypatch
):
    renewed = []
    monkeypatch.setattr(workers, "renew_spare", lambda: renewed.append(1))
    folder = settings.runs_folder / ("a" * 32)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "owner").touch()
    claim(folder)
    told = [
        START,
        {"event": "evaluation", "seconds": 1, "step": 0},
        {"event": "log", "seconds": 2, "step": 1, "loss": 0.7},
    ]
    for count in range(len(told) + 1):
        (folder / "events.jsonl").write_text(
            "".join(json.dumps(event) + "\n" for event in told[:count])
        )
        assert runs._one_look(settings, sweeps=False) and len(renewed) == (count == len(told)), (
            count
        )


def test_what_is_made_ready_for_all_has_its_time_and_leaves_spare_and_cores_alone(
    sleeping, settings, monkeypatch
):
    """A Hub that doesn't answer holds nobody up."""
    monkeypatch.setattr(
        runs, "JUDGE", "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    )
    nice = []
    killed = subprocess.Popen.kill
    monkeypatch.setattr(
        subprocess.Popen,
        "kill",
        lambda self: (nice.append(os.getpriority(os.PRIO_PROCESS, self.pid)), killed(self)),
    )
    spare = workers._kept["spare"]
    settings.runs_folder.mkdir()
    runs._prepare(replace(settings, prepare_seconds=2))
    pid = int((settings.runs_folder / "before.log").read_text())
    assert is_gone(pid) and nice == [BACKGROUND_NICENESS]
    assert workers._kept["spare"] is spare and spare.poll() is None


def test_an_open_house_goes_on_with_waiting_runs_and_stays(sleeping, settings, monkeypatch):
    monkeypatch.setattr(workers, "spare_is_ready", lambda seconds: False)
    monkeypatch.setattr(
        runs, "_start_worker", lambda run, settings: claim(settings.runs_folder / run.id)
    )
    start_run(TrainingConfig(), replace(settings, max_runs_at_once=0))
    [run] = list_runs(settings)
    runs.open_house(settings)
    until(lambda: read_run(run.id, settings).state == "running", 10)
    (settings.runs_folder / run.id / "ended").write_text(
        '{"event": "failed", "seconds": 1, "message": ""}'
    )
    (settings.runs_folder / run.id / "worker").write_text("999999999 1")
    assert runs._one_look(settings, sweeps=False) and runs._keepers[settings.runs_folder].is_alive()
    runs._open.discard(settings.runs_folder)
    until(lambda: settings.runs_folder not in runs._keepers, 10)


@pytest.mark.skipif(
    not os.path.exists("/proc/self/oom_score_adj"), reason="Linux alone has oom_score_adj"
)
def test_where_memory_runs_out_the_worker_goes_before_the_server(sleeping):
    own, its = (
        int(open(f"/proc/{pid}/oom_score_adj").read())
        for pid in ("self", workers._kept["spare"].pid)
    )
    assert its == 500 > own


def test_an_order_holds_no_environment_but_the_runs(monkeypatch):
    """The server's tokens are not written anywhere."""
    written = []

    class Pipe:
        write, close = written.append, staticmethod(lambda: None)

    class Spare:
        pid, stdin, stdout, poll = 1, Pipe, Pipe, staticmethod(lambda: None)

    monkeypatch.setitem(workers._kept, "spare", Spare)
    monkeypatch.setenv("HF_TOKEN", "hf_private")
    assert workers._from_spare(["train"], {"PAIRS": "auto"}, "log") is Spare
    assert json.loads(written[0]) == {
        "arguments": ["train"],
        "environment": {"PAIRS": "auto"},
        "log": "log",
    }


def test_the_judgement_before_training_is_made_once_for_the_same_weights_and_pairs(
    tiny, settings, tmp_path, monkeypatch
):
    """It takes longer than all else before the first step, and every learner of a class starts from the same."""
    import transformers

    from pipeline.training import fine_tune

    config = replace(
        config_for(tiny), train_sampling_strategy="group_by_length", dropout=0.1, eval_strategy="no"
    )
    judged = []
    evaluate = transformers.Trainer.evaluate
    monkeypatch.setattr(
        transformers.Trainer,
        "evaluate",
        lambda self, *args, **more: judged.append(1) or evaluate(self, *args, **more),
    )

    def story(name, config):
        events = list(fine_tune(config, tmp_path / name, settings))
        assert events[-1]["event"] == "done", events[-1]
        return [
            {name: value for name, value in event.items() if name not in ("seconds", "peak_bytes")}
            for event in events
        ]

    first, second = story("first", config), story("second", config)
    assert first == second and len(judged) == 3, "before, after, after"
    story("other pairs", replace(config, eval_pairs=9))
    assert len(judged) == 5, "other pairs are judged anew"
    [path, *_] = (settings.runs_folder / "before").iterdir()
    path.write_text('{"eval_loss": "x"}')
    story("damaged", config)
    story("damaged", replace(config, eval_pairs=9))
    assert len(judged) == 8, "a damaged file is made anew"
