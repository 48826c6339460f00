"""Runs, and what their folders tell. They train in threads of the test (tests/support/in_process.py)
but where a process itself is looked at; tests/test_workers.py and tests/test_faults.py have real workers.
"""

import itertools
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from types import SimpleNamespace

import gradio as gr
import pytest

from pipeline.config import TrainingConfig
from pipeline.errors import HubUnavailable, InputError
from pipeline.explain.forecast import forecast
from pipeline.own_pairs.columns import guess_columns
from pipeline.own_pairs.pairs import own_pairs
from pipeline.own_pairs.read import read_table
from pipeline.own_pairs.store import keep
from pipeline.prediction import predict
from pipeline.runs import cleanup, liveness, progress, queue, same, supervisor
from pipeline.runs.cleanup import sweep
from pipeline.runs.liveness import claim
from pipeline.runs.names import name_of
from pipeline.runs.own_pair import pair_to_keep, read_pair
from pipeline.runs.pace import (
    TURNOVER_SECONDS,
    Pace,
    run_seconds,
    seconds_left,
    seconds_left_at,
    turnover,
)
from pipeline.runs.progress import Run, closing, list_runs, outline, points
from pipeline.runs.queue import NEXT, in_turn, read_run, waits
from pipeline.runs.supervisor import advance, check_runs, may_stop, start_run, stop_run
from pipeline.settings import WARMED, Settings
from tabs.fine_tune import run_panel
from tabs.fine_tune.api import build_fine_tune
from tabs.fine_tune.tab import build_tab
from tests.conftest import ROOT
from tests.support.in_process import InProcess, trained
from views.runs import run_message


def until(condition, seconds=90):
    """The first true value of `condition()`."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)
    return value


@pytest.fixture(scope="module")
def served(small_folder, tmp_path_factory):
    """Settings under which runs train for real, in threads."""
    return InProcess(trained).serves(
        Settings(
            mrpc_folder=small_folder, runs_folder=tmp_path_factory.mktemp("runs"), data="folder"
        )
    )


def config_for(tiny, **values):
    return replace(
        TrainingConfig(
            checkpoint=tiny,
            source="folder",
            train_pairs=16,
            eval_pairs=8,
            train_eval_pairs=0,  # a wait is reckoned from the validation pairs alone
            batch_size=8,
            max_steps=4,
            eval_steps=2,
            frozen_layers=0,
        ),
        **values,
    )


def long_config(tiny):
    return config_for(
        tiny, train_pairs=64, epochs=5, max_steps=300, eval_strategy="no", batch_size=1
    )


@pytest.fixture(scope="module")
def two_runs(tiny, served):
    """Two runs asked for at once; what was seen of the second while the first ran; both ended."""
    first, secret = start_run(config_for(tiny), served)
    second, second_secret = start_run(long_config(tiny), served)
    seen = read_run(first, served), read_run(second, served)
    until(lambda: read_run(first, served).ended)
    until(lambda: read_run(second, served).of("log"))
    running = read_run(second, served)
    with pytest.raises(InputError, match="Only the visitor who started"):
        stop_run(second, secret, served)
    still = read_run(second, served).state
    stop_run(second, second_secret, served)
    until(lambda: read_run(second, served).ended)
    return {
        "first": first,
        "second": second,
        "seen": seen,
        "running": running,
        "still": still,
        "secret": secret,
    }


def test_a_run_runs_and_its_model_predicts(two_runs, served):
    assert two_runs["seen"][0].state == "running"
    run = read_run(two_runs["first"], served)
    assert (
        run.state == "done"
        and run.first("start")["total_steps"] == 4
        and run.first("failed") is None
    )
    assert [step for step, _ in points(run, "loss")] == [1, 2, 3, 4]
    assert [step for step, _ in points(run, "eval_accuracy")] == [0, 2, 4]
    assert progress.progress(run) == (4, 4)
    predictions, origin = predict(
        f"run:{run.id}", [("A cat sat.", "A cat was sitting.")], settings=served
    )
    assert origin.place == "run" and sum(predictions[0].probabilities.values()) == pytest.approx(1)


def test_the_second_waits_with_a_place_and_starts_afterwards(two_runs, served):
    assert (two_runs["seen"][1].state, two_runs["seen"][1].place) == ("queued", 1)
    assert two_runs["running"].state == "running" and two_runs["running"].place == 0
    assert [run.id for run in list_runs(served)][:2] == [two_runs["first"], two_runs["second"]]


def test_a_stranger_cannot_stop_and_the_owner_keeps_the_model(two_runs, served):
    run = read_run(two_runs["second"], served)
    assert (
        two_runs["still"] == "running" and run.state == "stopped" and run.events[-1]["step"] < 300
    )
    assert (served.runs_folder / run.id / "model" / "model.safetensors").is_file()
    # Whoever has joined it may ask that model
    _answers, origin = predict(f"run:{run.id}", [("A cat sat.", "A cat slept.")], settings=served)
    assert origin.place == "run"
    assert may_stop(two_runs["first"], two_runs["secret"], served)
    assert not any(may_stop(two_runs["first"], secret, served) for secret in ("", None, "x", "é"))


def worker_of(run_id, settings):
    return liveness.read_claim(settings.runs_folder / run_id).pid


def deaf(config, folder, settings):
    """A run in the midst of a long step: it doesn't look for `stop`."""
    yield {**START, "total_steps": 1000}
    for step in range(1, 1000):
        time.sleep(0.01)
        yield {"event": "log", "seconds": step, "step": step, "loss": 0.7}


def test_a_run_asked_to_stop_twice_ends_at_once_and_one_stopped_in_the_queue_never_starts(settings):
    acted = InProcess(deaf).serves(settings)
    first, secret = start_run(long_config(WARMED), acted)
    second, second_secret = start_run(config_for(WARMED), acted)
    stop_run(second, second_secret, acted)
    left = read_run(second, acted)
    assert left.state == "stopped" and "removed from the queue" in left.events[-1]["reason"]
    assert not left.has_model
    until(lambda: read_run(first, acted).of("log"))
    stop_run(first, secret, acted)
    assert read_run(first, acted).state == "stopping", (
        "the second click of a double click asks for nothing more"
    )
    assert not (acted.runs_folder / first / "ended").exists()
    stop_run(first, secret, replace(acted, double_click_seconds=0))
    ended = until(lambda: (run := read_run(first, acted)).ended and run, 10)
    assert ended.state == "stopped" and "at once by request" in ended.events[-1]["reason"]
    assert not ended.has_model
    time.sleep(1.5)
    assert not (acted.runs_folder / second / "worker").exists()


def test_the_queue_is_worked_off_in_turn_and_what_has_ended_expires(settings):
    executor = InProcess()
    settings = executor.serves(settings)
    config = config_for(WARMED, train_pairs=400, max_steps=50)
    started = [start_run(config, settings, address=address) for address in "aaab"]
    (first, secret), (second, _), (third, _), (others, _) = started
    told = [read_run(run_id, settings).place for run_id in (others, second, third)]
    with pytest.raises(InputError, match="Only the visitor who started"):
        stop_run(second, secret, settings)
    until(lambda: all(run.ended for run in list_runs(settings)))
    assert told == [1, 2, 3]
    assert executor.started == [first, others, second, third], "in the order that was told"
    runs = [read_run(run_id, settings) for run_id, _ in started]
    assert [run.state for run in runs] == ["done"] * 4
    assert [progress.progress(run) for run in runs] == [(50, 50)] * 4
    stop_run(first, secret, settings)
    assert read_run(first, settings).state == "done", "nothing is left to stop"
    sweep(replace(settings, max_run_age_seconds=-1))
    assert [read_run(run_id, settings).state for run_id, _ in started] == ["expired"] * 4


# ---------------------------------------------------------------- the queue, with nobody to work it off


@pytest.fixture
def closed(settings):
    """Settings under which runs wait for ever: the queue alone, no worker."""
    return replace(settings, max_runs_at_once=0)


def test_a_full_queue_and_a_config_out_of_bounds_are_refused(closed):
    closed = replace(closed, max_runs_waiting=3, max_first_runs_waiting=5, places_for_others=0)
    for number in range(3):
        start_run(config_for(WARMED), closed, browser="ann" if number else "")
    for browser in ("", "ann"):
        with pytest.raises(InputError, match="3 runs are waiting already, the limit"):
            start_run(config_for(WARMED), closed, browser=browser)
    with pytest.raises(InputError, match="max_steps"):
        start_run(config_for(WARMED, max_steps=10**6), closed)
    # The last places are for visitors who have none, one each
    start_run(config_for(WARMED), closed, browser="bob")
    start_run(config_for(WARMED), closed, address="192.0.2.7")
    with pytest.raises(InputError, match="5 runs are waiting already"):
        start_run(config_for(WARMED), closed, browser="cid")
    assert len(list_runs(closed)) == 5


def test_sixty_clicks_at_once_behind_one_address_are_all_let_in_and_each_has_a_place(closed):
    """A class of sixty, and eight more who come to a full queue."""

    def click(number):
        config = config_for(WARMED, seed=number)
        try:
            return start_run(config, closed, browser=f"{number}", address="192.0.2.7")
        except InputError:
            return None

    with ThreadPoolExecutor(30) as pool:
        started = [run for run in pool.map(click, range(60)) if run]
        assert len(started) == len(list_runs(closed)) == 60
        assert [run for run in pool.map(click, range(60, 68)) if run] == []
    turns = list(waits(list_runs(closed), closed))[:-1]
    assert sorted(turns) == sorted(run_id for run_id, _ in started)
    assert [read_run(turns[place], closed).place for place in (0, 29, 59)] == [1, 30, 60]
    # Four places are left for whoever is behind another address
    for number in range(4):
        start_run(config_for(WARMED), closed, browser=f"b{number}", address=f"198.51.{number}.1")
    with pytest.raises(InputError, match="64 runs are waiting"):
        start_run(config_for(WARMED), closed, browser="c", address="203.0.113.1")


def test_leaving_the_queue_frees_the_place(closed):
    closed = replace(closed, max_runs_waiting=2)
    (first, secret), (second, _) = (
        start_run(config_for(WARMED), closed),
        start_run(config_for(WARMED), closed),
    )
    assert (read_run(second, closed).state, read_run(second, closed).place) == ("queued", 2)
    stop_run(first, secret, closed)
    assert read_run(second, closed).place == 1 and read_run(first, closed).state == "stopped"
    third, _ = start_run(config_for(WARMED), closed)
    assert read_run(third, closed).place == 2


def test_one_visitor_has_a_few_runs_and_leaves_room_for_others(closed):
    _, secret = start_run(config_for(WARMED), closed, browser="ann")
    first = list_runs(closed)[0].id
    for _ in range(3):
        start_run(config_for(WARMED), closed, browser="ann")
    with pytest.raises(InputError, match="4 runs of your browser are waiting or running.*stop one"):
        start_run(config_for(WARMED), closed, browser="ann")
    start_run(config_for(WARMED), closed, browser="bob")
    stop_run(first, secret, closed)
    start_run(config_for(WARMED), closed, browser="ann")
    narrow = replace(closed, max_runs_per_address=1)
    start_run(config_for(WARMED), narrow, address="10.0.0.1")
    with pytest.raises(InputError, match="1 run of your network address is waiting or running"):
        start_run(config_for(WARMED), narrow, address="10.0.0.1")


def test_one_address_leaves_the_last_places_to_others_whatever_names_its_browsers_take(closed):
    """A class behind one address has most of the queue, a stranger who invents a browser for each run meets an end."""
    closed = replace(closed, max_first_runs_waiting=10, places_for_others=2)
    with gr.Blocks():
        page = build_tab(closed).launch
    seeds = itertools.count()

    def start(address):
        config = asdict(config_for(WARMED, seed=next(seeds)))
        values = [config[name] for name in page.controls]
        request = SimpleNamespace(client=SimpleNamespace(host=address))
        return page.start(request, {}, *values)[page.panel.status]

    assert all("Place" in start("192.0.2.7") for _ in range(8))
    assert (
        "last 2 places of the queue are reserved for network addresses that have no run yet, one each. Your address has 8"
        in start("192.0.2.7")
    )
    assert "Place" in start("192.0.2.8")
    assert "Your address has 1, and 1 more" in start("192.0.2.8")
    assert "Your address has 8" in start("192.0.2.7")
    assert "Place" in start("192.0.2.9")
    assert "10 runs are waiting already" in start("192.0.2.10") and len(list_runs(closed)) == 10


def test_the_programs_of_an_address_dont_count_its_browsers(closed):
    closed = replace(closed, max_runs_per_address=1)
    for number in range(3):
        start_run(config_for(WARMED), closed, browser=f"{number}", address="192.0.2.7")
    start_run(config_for(WARMED), closed, address="192.0.2.7")
    with pytest.raises(InputError, match="1 run of your network address"):
        start_run(config_for(WARMED), closed, address="192.0.2.7")


def queued(settings, visitors, **values):
    """The ids of one waiting run a letter, each of that visitor, asked for in this order."""
    return [
        start_run(config_for(WARMED, **values), settings, browser=letter)[0] for letter in visitors
    ]


def turns(settings):
    return [run.id for run in in_turn(list_runs(settings), settings)]


LONG = {"max_steps": 300, "train_pairs": 2400, "batch_size": 8, "epochs": 1}


def test_visitors_take_turns(closed):
    ids = queued(closed, "aaabbc")
    assert [read_run(run_id, closed).place for run_id in ids] == [1, 4, 6, 2, 5, 3]
    assert turns(closed) == [ids[number] for number in (0, 3, 5, 1, 4, 2)]


def test_a_turn_that_was_had_counts_while_the_others_wait(closed):
    """Else the next run of the same visitor would be their first again, each time."""
    first, second = queued(closed, "aa")
    told_steps(closed.runs_folder / first, steps=4, seconds=1.0)
    (other,) = queued(closed, "b")
    assert turns(closed) == [other, second]
    ended(closed.runs_folder / first)
    assert turns(closed) == [other, second], "its end changes no order"
    # Who has left the queue has had no turn
    (left,) = queued(closed, "c")
    third, fourth = queued(closed, "cd")
    (closed.runs_folder / left / "stop").touch()
    assert turns(closed) == [other, third, fourth, second]


def test_short_runs_of_those_who_had_none_go_first(closed):
    long_of_a, long_of_b = queued(closed, "ab", **LONG)
    (short,) = queued(closed, "c")
    assert turns(closed) == [short, long_of_a, long_of_b]
    told_steps(closed.runs_folder / short, steps=4, seconds=1.0)
    ended(closed.runs_folder / short)
    (again,) = queued(closed, "c")
    assert turns(closed) == [long_of_a, long_of_b, again], "c had one within the hour"
    assert turns(replace(closed, short_run_pairs=10**6)) == [long_of_a, long_of_b, again]
    (nobodys,) = queued(closed, [""])
    assert turns(closed)[-1] == nobodys, "nobody's runs come in their order"


def test_who_has_waited_long_is_overtaken_by_nobody(closed):
    (long,) = queued(closed, "a", **LONG)
    first, second = queued(closed, "bb")
    late = queued(closed, "cde")
    assert turns(closed) == [first, *late, long, second]
    for number, waiting in enumerate((long, first, second)):
        path = closed.runs_folder / waiting / "config.json"
        os.utime(path, (time.time() - closed.overtaken_seconds - 9 + number,) * 2)
    assert turns(closed) == [long, first, second, *late]


def test_the_expected_wait_grows_with_the_runs_ahead_and_their_steps(closed):
    short, long = (
        config_for(WARMED, max_steps=4),
        config_for(WARMED, max_steps=300, train_pairs=2400, epochs=1),
    )
    ids = [start_run(config, closed)[0] for config in (short, long, short)]
    waits = [read_run(run_id, closed).wait for run_id in ids]
    assert waits[0] == 0 < waits[1] < waits[2] and waits[2] - waits[1] > 2 * (waits[1] - waits[0])


def told_steps(folder, steps, seconds):
    """A run's folder whose worker is this process and has made so many steps, each of so many seconds."""
    claim(folder)
    start = {**START, "total_steps": 100, "eval_pairs": 8}
    logs = [
        {"event": "log", "step": step, "loss": 0.7, "seconds": seconds * step}
        for step in range(1, steps + 1)
    ]
    events = [start, {"event": "evaluation", "seconds": 0, "step": 0}, *logs]
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))


def ended(folder):
    """The worker of `told_steps` has ended, and told so."""
    figures = {"loss": 0.5, "accuracy": 0.7, "f1": 0.8}
    done = {"event": "done", "seconds": 99, "before": figures, "after": figures}
    with open(folder / "events.jsonl", "a") as file:
        file.write(json.dumps(done) + "\n")


def test_the_expected_wait_follows_the_running_run(closed):
    config = config_for(WARMED, max_steps=100, train_pairs=800, eval_strategy="no")
    running, _ = start_run(config, closed)
    waiting, _ = start_run(config_for(WARMED), closed)
    told_steps(closed.runs_folder / running, steps=40, seconds=2.0)
    assert read_run(running, closed).state == "running"
    # 60 steps of 2 s, and the last evaluation of 8 pairs, each a third of what a step takes for one
    at_work = 120.0 + 8 * (2.0 / 8) / 3
    assert read_run(waiting, closed).wait == pytest.approx(at_work + TURNOVER_SECONDS)


def test_form_queue_and_status_tell_the_same_time(closed):
    """One estimate, whoever asks."""
    config = config_for(WARMED, max_steps=100, train_pairs=800)
    running, _ = start_run(config, closed)
    second, _ = start_run(config, closed)
    third, _ = start_run(config, closed)
    told_steps(closed.runs_folder / running, steps=40, seconds=2.0)
    left = seconds_left(read_run(running, closed))
    expected = forecast(config, closed)
    assert expected.pace.pair == 0.25 and "an earlier run with the same" in expected.pace.source
    whole = run_seconds(config, expected.pace)
    assert read_run(second, closed).wait == pytest.approx(left + TURNOVER_SECONDS)
    assert read_run(third, closed).wait == pytest.approx(left + whole + 2 * TURNOVER_SECONDS)
    # There are 64 pairs alone: the form knows, the queue hasn't looked
    assert expected.seconds == pytest.approx(run_seconds(config, expected.pace, 64, 8))


def test_a_wait_is_told_from_runs_that_ended_and_only_goes_down(closed):
    """Where the running run's own pace was asked, one place said 39, 3, 48 and 4 minutes."""
    config = config_for(WARMED, max_steps=20, train_pairs=160, eval_steps=10)
    earlier, running, second, third = [start_run(config, closed)[0] for _ in range(4)]
    told_steps(closed.runs_folder / earlier, steps=20, seconds=2.0)
    ended(closed.runs_folder / earlier)
    folder = closed.runs_folder / running
    claim(folder)
    told = [[read_run(run_id, closed).wait for run_id in (second, third)]]
    # It makes its steps at whatever pace: a fifth, ten times as fast, and stands still
    log = [{**START, "total_steps": 20, "eval_pairs": 8}]
    for step, seconds in enumerate(itertools.accumulate([9, 9, 9, 0.2, 9, 0.1] * 3), 1):
        log.append({"event": "log", "step": step, "loss": 0.7, "seconds": seconds})
        if step in (1, 10):
            evaluated = {"eval_loss": 0.6, "eval_accuracy": 0.7, "eval_f1": 0.8}
            log.append({"event": "evaluation", "seconds": seconds, "step": step, **evaluated})
        (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in log))
        told.append([read_run(run_id, closed).wait for run_id in (second, third)])
    falls = [before[0] - after[0] for before, after in itertools.pairwise(told)]
    assert all(fall > 1.5 for fall in falls[1:]), "a step takes 2 s off"
    whole = told[0][1] - told[0][0]
    assert all(third - second == pytest.approx(whole) for second, third in told)
    at_work = 20 * 2.0 + 3 * 8 * (2.0 / 8) / 3
    assert whole == pytest.approx(at_work + turnover(list_runs(closed), closed))


def test_of_a_long_queue_one_look_a_second_serves_all_pages(closed, monkeypatch):
    ids = [start_run(config_for(WARMED), closed, browser=f"{number}")[0] for number in range(20)]
    looks, clock = [], [time.monotonic() + 100]
    listed = queue.list_runs
    monkeypatch.setattr(queue, "list_runs", lambda given: looks.append(1) or listed(given))
    monkeypatch.setattr(queue.time, "monotonic", lambda: clock[0])
    assert [read_run(run_id, closed).place for run_id in ids] == list(range(1, 21))
    assert len(looks) == 1
    clock[0] += queue.LOOK_SECONDS
    read_run(ids[0], closed)
    assert len(looks) == 2
    late, _ = start_run(config_for(WARMED), closed, browser="late")
    assert read_run(late, closed).place == 21, "who isn't in the last look is looked for"


def test_what_a_worker_imports_before_its_first_event_is_waited_for_as_well(closed):
    """Tiny runs took five times as long as was told: their worker wasn't warm."""
    config = config_for(WARMED, max_steps=20, train_pairs=160, eval_steps=10)
    earlier, _running, second = [start_run(config, closed)[0] for _ in range(3)]
    folder = closed.runs_folder / earlier
    told_steps(folder, steps=20, seconds=2.0)
    ended(folder)
    before = read_run(second, closed).wait
    at = (folder / "events.jsonl").stat().st_mtime - 100.0
    os.utime(folder / "worker", (at, at))
    at_work = 20 * 2.0 + 3 * 8 * (2.0 / 8) / 3
    assert before == pytest.approx(at_work + TURNOVER_SECONDS)
    assert read_run(second, closed).wait == pytest.approx(100.0 + TURNOVER_SECONDS)


# Runs of 6 steps that benchmarks.queue saw, in seconds: until the worker had imported all, its start
# event, its first step, the other steps, the rest; and what passed since the end of the run before
RECORDED = (
    (0.0, 0.9, 1.6, 0.7, 0.2, 0.0),
    (6.0, 0.5, 0.5, 0.6, 0.3, 0.05),
    (4.5, 0.5, 0.6, 0.7, 0.4, 0.56),
    (4.1, 0.6, 0.6, 0.7, 0.3, 0.66),
    (3.8, 0.6, 0.6, 0.7, 0.3, 0.84),
    (3.8, 0.7, 0.7, 0.8, 0.3, 0.95),
    (3.0, 0.5, 0.6, 0.6, 0.3, 0.99),
    (3.9, 0.5, 0.6, 0.7, 0.4, 0.88),
    (3.0, 0.5, 0.5, 0.6, 0.3, 0.35),
    (2.7, 0.6, 0.5, 0.6, 0.3, 0.21),
    (2.9, 0.5, 0.5, 0.5, 0.2, 0.64),
)


def recorded_run(folder, recorded, began):
    """As `recorded` tells of a run of six steps whose turn came at `began`; when it ended."""
    imported, start, first, steps, rest, _gap = recorded
    at = start + first
    logs = [
        {"event": "log", "step": step, "loss": 0.7, "seconds": at + (step - 1) * steps / 5}
        for step in range(1, 7)
    ]
    figures = {"loss": 0.5, "accuracy": 0.7, "f1": 0.8}
    whole = at + steps + rest
    done = {"event": "done", "seconds": whole, "before": figures, "after": figures}
    told = [{**START, "total_steps": 6, "eval_pairs": 16, "seconds": start}, *logs, done]
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in told))
    (folder / "worker").write_text("4242 17")
    ended_at = began + imported + whole
    os.utime(folder / "worker", (began, began))
    os.utime(folder / "events.jsonl", (ended_at, ended_at))
    return ended_at


def test_what_eight_who_press_at_once_are_told_comes_true(closed):
    config = config_for(WARMED, max_steps=6, eval_pairs=16, eval_strategy="no", train_pairs=48)
    ids = [start_run(config, closed, browser=f"{number}")[0] for number in range(11)]
    folders = [closed.runs_folder / run_id for run_id in ids]
    earlier = sum(sum(recorded) for recorded in RECORDED[:3])
    end = asked = time.time() - earlier
    for folder, recorded in zip(folders[:3], RECORDED, strict=False):
        os.utime(folder / "config.json", (asked, asked))
        end = recorded_run(folder, recorded, end + recorded[-1])
    claim(folders[3])  # the first of the eight has its turn now
    told = [read_run(run_id, closed).wait for run_id in ids[4:]]
    came, true = 0.0, []
    for recorded, after in itertools.pairwise(RECORDED[3:]):
        came += sum(recorded[:-1]) + after[-1]
        true.append(came)
    assert true[-1] == pytest.approx(44, abs=1)
    assert told == [pytest.approx(seconds, rel=0.25) for seconds in true]


def test_the_time_from_one_run_to_the_next_is_that_of_a_queue(closed):
    """Not that in which nobody waited."""
    ids = [start_run(config_for(WARMED), closed, browser=f"{number}")[0] for number in range(4)]
    folders = [closed.runs_folder / run_id for run_id in ids]
    assert turnover(list_runs(closed), closed) == TURNOVER_SECONDS
    end = began = time.time() - 1000
    for folder, gap in zip(folders, (0.0, 2.0, 3.0, 500.0), strict=True):
        asked = end + gap - 1 if gap > 100 else began
        os.utime(folder / "config.json", (asked, asked))
        end = recorded_run(folder, RECORDED[1], end + gap)
    assert turnover(list_runs(closed), closed) == pytest.approx(2.5, abs=0.01)


def test_waits_with_two_at_once(closed):
    ids = [start_run(config_for(WARMED, seed=seed), closed)[0] for seed in range(5)]
    two = replace(closed, max_runs_at_once=2)
    pace = forecast(config_for(WARMED), closed).pace
    expected = run_seconds(config_for(WARMED), pace) + TURNOVER_SECONDS
    assert [read_run(run_id, two).wait for run_id in ids] == pytest.approx(
        [0, 0, expected, expected, 2 * expected]
    )
    assert waits(list_runs(two), two)[NEXT] == pytest.approx(2 * expected)


def test_the_time_left_of_a_run():
    config = asdict(config_for(WARMED, max_steps=10, train_pairs=80, eval_strategy="no"))
    start = {**START, "total_steps": 10, "eval_pairs": 8}
    logs = [{"event": "log", "seconds": 2.0 * n, "step": n, "loss": 0.7} for n in range(1, 11)]
    pace = Pace(start=7.0, pair=1.0, judged=0.5, source="")

    def left(state, events, *given):
        run = Run("0" * 32, state, config, events)
        return seconds_left_at(run, *given) if given else seconds_left(run)

    assert left("running", []) is left("running", [start, *logs[:4]]) is None, "too few to tell"
    whole = 7.0 + 10 * 8 * 1.0 + 2 * 8 * 0.5
    assert [left("running", [], pace, elapsed) for elapsed in (0, 5.0, 60.0)] == [
        whole,
        whole - 5.0,
        whole - 7.0,
    ]
    assert left("running", [start, *logs[:4]], pace) == 6 * 8 * 1.0 + 2 * 8 * 0.5
    last = 8 * (2.0 / 8) / 3
    evaluated = {"event": "evaluation", "seconds": 1, "step": 0}
    assert left("running", [start, evaluated, *logs[:5]]) == pytest.approx(5 * 2.0 + last)
    assert left("stopping", [start, evaluated, *logs[:5]]) == pytest.approx(last)


def test_a_full_disk_is_said_and_leaves_no_half_run(closed):
    with pytest.raises(InputError, match="disk has .* GB left"):
        start_run(config_for(WARMED), replace(closed, min_free_bytes=2**60))
    assert list_runs(closed) == []


def test_the_secret_itself_is_not_in_the_folder(closed):
    run_id, secret = start_run(config_for(WARMED), closed, browser="a browser", address="192.0.2.7")
    for path in (closed.runs_folder / run_id).iterdir():
        assert not any(
            private in path.read_text() for private in (secret, "a browser", "192.0.2.7")
        )


# ---------------------------------------------------------------- folders told by hand


START = {"event": "start", "seconds": 0, "total_steps": 2, "majority": {"accuracy": 0.7, "f1": 0.8}}


@pytest.fixture
def folder(settings, tmp_path):
    """A run's folder whose worker is gone."""
    path = settings.runs_folder / ("a" * 32)
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps({"seed": 1}))
    (path / "owner").touch()
    (path / "worker").write_text("999999999 1")
    return path


def test_a_torn_last_line_is_not_yet_told(folder, settings):
    lines = [json.dumps(START), "not json", '{"event": 7}', "[1]"]
    (folder / "events.jsonl").write_text("\n".join(lines) + '\n{"event": "lo')
    assert [event["event"] for event in read_run(folder.name, settings).events] == [
        "start",
        "failed",
    ]
    (folder / "events.jsonl").write_text(lines[0] + '\n{"event": "done", "seconds": 1}\n')
    assert read_run(folder.name, settings).state == list_runs(settings)[0].state == "done"


def test_done_is_never_said_to_one_who_pressed_stop(folder, settings):
    done = {
        "event": "done",
        "seconds": 1,
        "step": 2,
        "before": {"accuracy": 0.5, "f1": 0.5},
        "after": {"accuracy": 0.6, "f1": 0.6},
    }
    (folder / "events.jsonl").write_text(json.dumps(START) + "\n" + json.dumps(done) + "\n")
    (folder / "stop").touch()
    run = read_run(folder.name, settings)
    assert (
        run.state == run.events[-1]["event"] == "stopped"
        and run.has_model
        and run.first("done") is None
    )


def test_a_process_id_used_again_by_a_stranger_is_no_worker(folder, settings):
    for stranger in (str(os.getpid()), f"{os.getpid()} 1", f"-{os.getpid()}", "", "x", "9" * 40):
        (folder / "worker").write_text(stranger)
        assert read_run(folder.name, settings).state == "failed", stranger
    claim(folder)
    assert read_run(folder.name, settings).state == "running"


def test_what_a_worker_said_last_is_for_the_host_alone(folder, settings):
    (folder / "worker.log").write_text("first\nOSError: /root/secret: no memory\n")
    message = read_run(folder.name, settings).events[-1]["message"]
    assert (
        message.startswith("The worker ended before its run was finished")
        and "secret" not in message
        and "OSError" not in message
    )


def test_a_folder_that_is_gone_has_expired(settings):
    assert read_run("0" * 32, settings).state == "expired"


def test_old_ended_runs_are_swept_and_others_kept(folder, settings):
    never = settings.runs_folder / ("b" * 32)
    never.mkdir()
    sweep(settings)
    assert folder.is_dir() and never.is_dir()
    os.utime(folder / "config.json", (0, 0))
    os.utime(never, (0, 0))
    sweep(settings)
    assert not folder.exists() and not never.exists()


def test_the_oldest_ended_runs_make_room(settings):
    for number, name in enumerate("cab"):
        path = settings.runs_folder / (name * 32)
        path.mkdir(parents=True)
        (path / "config.json").write_text("{}")
        (path / "owner").touch()
        (path / "events.jsonl").write_text('{"event": "failed", "seconds": 1, "message": ""}\n')
        (path / "model.safetensors").write_bytes(bytes(10**6))
        os.utime(path / "config.json", (time.time() - 100 + number,) * 2)
    waiting = settings.runs_folder / ("0" * 32)
    waiting.mkdir()
    (waiting / "config.json").write_text("{}")
    (waiting / "owner").touch()
    os.utime(waiting / "config.json", (time.time() - 200,) * 2)
    sweep(replace(settings, max_runs_bytes=2_500_000))
    assert {run.id[0] for run in list_runs(settings)} == {"0", "a", "b"}
    sweep(replace(settings, max_runs_bytes=0))
    assert [(run.id[0], run.state) for run in list_runs(settings)] == [("0", "queued")]


def ended_run(settings, name, address, age, size=10**6):
    path = settings.runs_folder / (name * 32)
    path.mkdir(parents=True)
    for file, text in (
        ("config.json", "{}"),
        ("owner", ""),
        ("visitor", f"x {address}"),
        ("worker", "999999999 1"),
        ("events.jsonl", '{"event": "failed", "seconds": 1, "message": ""}\n'),
    ):
        (path / file).write_text(text)
    (path / "model.safetensors").write_bytes(bytes(size))
    os.utime(path / "config.json", (time.time() - age,) * 2)


def test_many_runs_of_one_address_push_only_its_own_off(settings):
    ended_run(settings, "e", "neighbour", 1000)
    for number, name in enumerate("abcd"):
        ended_run(settings, name, "flood", 500 - number)
    sweep(replace(settings, max_runs_bytes=3_500_000))
    assert {run.id[0] for run in list_runs(settings)} == {"c", "d", "e"}
    sweep(replace(settings, max_run_folders=2))
    assert {run.id[0] for run in list_runs(settings)} == {"d", "e"}
    sweep(replace(settings, max_run_folders=1))
    assert {run.id[0] for run in list_runs(settings)} == {"d"}, "of equals, the older one"


def test_a_disk_that_something_else_fills_costs_nobody_a_model(tiny, settings):
    ended_run(settings, "a", "ann", 100)
    full = replace(settings, min_free_bytes=2**60)
    sweep(full)
    with pytest.raises(InputError, match="disk has .* GB left"):
        start_run(config_for(tiny), full)
    assert [run.id[0] for run in list_runs(settings)] == ["a"]


def test_a_run_that_takes_too_long_is_ended_by_the_server(tiny, settings):
    settings = InProcess(deaf).serves(settings)
    short = replace(settings, max_run_seconds=0.5, max_overtime_seconds=0.5)
    run_id, _ = start_run(long_config(tiny), short)
    run = until(lambda: (run := read_run(run_id, short)).ended and run, 30)
    assert run.state == "failed" and "exceeded the limit of 1 s" in run.events[-1]["message"]


@pytest.mark.parametrize(
    "run_id",
    [
        "",
        "..",
        "../" + "0" * 32,
        "0" * 31,
        "0" * 33,
        "A" * 32,
        "0" * 32 + "\n",
        "/etc/passwd",
        None,
        7,
    ],
)
def test_a_malformed_id_is_refused(run_id, settings):
    for call in (lambda: read_run(run_id, settings), lambda: stop_run(run_id, "x", settings)):
        with pytest.raises(InputError, match="32 hexadecimal digits"):
            call()


def test_a_run_of_the_command_line_is_nobody_elses_to_start(folder, settings):
    """`python -m pipeline train` into the same folder of runs: the server sees it run, and leaves it alone."""
    claim(folder)
    (folder / "owner").unlink()
    assert read_run(folder.name, settings).state == "running"
    (folder / "worker").unlink()
    advance(settings)
    assert read_run(folder.name, settings).state == "failed" and not (folder / "worker").exists()


# ---------------------------------------------------------------- who lives, who doesn't


def test_a_worker_that_tells_its_end_while_somebody_looks_has_not_failed(
    folder, settings, monkeypatch
):
    """It ends between the look at its story and the look at itself."""
    worker = subprocess.Popen(["sleep", "60"])
    claim(folder, worker.pid)
    read = progress.read_events

    def read_and_end(path):
        seen = read(path)
        path.write_text('{"event": "done", "seconds": 1}\n')
        worker.kill()
        worker.wait()
        return seen

    monkeypatch.setattr(progress, "read_events", read_and_end)
    assert read_run(folder.name, settings).state == "running"
    monkeypatch.undo()
    assert read_run(folder.name, settings).state == "done"


class Call:
    """As GpuCall: its process is the server's own."""

    pid, killed, over = os.getpid(), False, False

    def poll(self):
        return 1 if self.over else None

    def wait(self, seconds):
        return 1

    def kill(self):
        self.killed = True


@pytest.fixture
def call(folder):
    call = Call()
    liveness.register(folder, call)
    yield call
    call.over = True
    liveness.wait_for_a_worker(folder.parent, 0)


def test_a_call_that_has_ended_stays_ended_though_its_server_lives(folder, settings, call):
    assert read_run(folder.name, settings).state == "running"
    (folder / "ended").write_text('{"event": "failed", "seconds": 1, "message": "no GPU"}')
    call.over = True
    assert read_run(folder.name, settings).state == "failed"
    liveness.wait_for_a_worker(settings.runs_folder, 0)
    assert liveness.registered(folder) is None
    assert read_run(folder.name, settings).state == "failed"


def test_a_server_never_ends_itself(folder, settings, call, monkeypatch):
    killed = []
    monkeypatch.setattr(
        liveness.os, "kill", lambda pid, signal: killed.append(pid) if signal else None
    )
    short = replace(settings, max_run_seconds=-1, max_overtime_seconds=0)
    check_runs(short)
    assert call.killed and read_run(folder.name, settings).state == "stopping"
    call.over = True
    liveness.wait_for_a_worker(settings.runs_folder, 0)
    claim(folder)  # even where its own process is said to be an ordinary worker
    assert read_run(folder.name, settings).state == "stopping"
    check_runs(short)
    assert killed == []


def test_server_and_worker_may_write_one_file_at_once(tmp_path):
    """Each by another name: with one for both, the slower one's was moved away under its hands."""
    code = "import sys; from pathlib import Path; from pipeline.runs.folder import write_whole; [write_whole(Path(sys.argv[1]), '1 2') for _ in range(1000)]"
    writers = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path / "worker"], cwd=ROOT)
        for _ in range(2)
    ]
    assert [writer.wait() for writer in writers] == [0, 0] and os.listdir(tmp_path) == ["worker"]


def test_after_its_last_step_a_run_is_judged_and_saved_and_says_so():
    """For 15 s of the default run it said "step 125 of 125", and how long those steps would still take: 0 s."""
    start = {"event": "start", "seconds": 1, "total_steps": 3}
    told = [
        start,
        *({"event": "log", "seconds": 1 + step, "step": step, "loss": 0.5} for step in (1, 2, 3)),
    ]
    said = "The last step is done; the model is being evaluated and saved."
    for state, events, is_over in (
        ("running", told, True),
        ("running", told[:3], False),
        ("running", told[:1], False),
        ("stopping", told, True),
        ("stopping", told[:3], False),
        ("stopping", [*told[:2], {**told[2], "last": 1}], True),
    ):
        run = Run("0" * 32, state, {"batch_size": 1}, events)
        assert closing(run) == is_over and (run_message(run) == said) == is_over
    judged = {
        "event": "evaluation",
        "seconds": 6,
        "step": 3,
        "eval_loss": 0.5,
        "eval_accuracy": 0.7,
        "eval_f1": 0.7,
    }
    assert closing(Run("0" * 32, "running", {}, [*told, judged]))
    assert not closing(Run("0" * 32, "done", {}, told)) and not closing(Run("0" * 32, "queued"))


# ---------------------------------------------------------------- many folders


def told_runs(settings, count):
    for number in range(count):
        path = settings.runs_folder / f"{number:032x}"
        path.mkdir(parents=True)
        (path / "config.json").write_text("{}")
        (path / "owner").touch()
        (path / "worker").write_text("999999999 1")
        (path / "events.jsonl").write_text('{"event": "failed", "seconds": 1, "message": ""}\n')
        os.utime(path / "config.json", (time.time() - count + number,) * 2)


def test_more_folders_than_the_cap_go_the_oldest_first(settings):
    told_runs(settings, 6)
    sweep(replace(settings, max_run_folders=2))
    assert [int(run.id, 16) for run in list_runs(settings)] == [4, 5]


def test_a_run_that_left_the_queue_goes_within_minutes(closed):
    run_id, secret = start_run(config_for(WARMED), closed)
    kept, _ = start_run(config_for(WARMED), closed)
    stop_run(run_id, secret, closed)
    for folder in (closed.runs_folder / run_id, closed.runs_folder / kept):
        os.utime(folder, (time.time() - closed.max_untrained_seconds + 60,) * 2)
    sweep(closed)
    assert read_run(run_id, closed).state == "stopped"
    for folder in (closed.runs_folder / run_id, closed.runs_folder / kept):
        os.utime(folder, (time.time() - closed.max_untrained_seconds - 60,) * 2)
    sweep(closed)
    assert (read_run(run_id, closed).state, read_run(kept, closed).state) == ("expired", "queued")


def test_an_ended_run_is_read_once_and_again_when_it_changes(settings, monkeypatch):
    told_runs(settings, 3)
    list_runs(settings)
    read, seen = progress.last_event, []
    monkeypatch.setattr(progress, "last_event", lambda path: seen.append(path) or read(path))
    assert [run.state for run in list_runs(settings)] == ["failed"] * 3 and seen == []
    (settings.runs_folder / f"{1:032x}" / "events.jsonl").write_text(
        '{"event": "done", "seconds": 10}\n'
    )
    assert [run.state for run in list_runs(settings)] == ["failed", "done", "failed"] and len(
        seen
    ) == 1


def test_all_who_watch_a_run_share_one_look_and_see_a_stop_at_once(closed, monkeypatch):
    run_id, secret = start_run(config_for(WARMED), closed)
    folder = closed.runs_folder / run_id
    told_steps(folder, steps=3, seconds=2.0)
    read, seen = progress.read_events, []
    monkeypatch.setattr(progress, "read_events", lambda path: seen.append(path) or read(path))
    clock = [time.monotonic() + 100]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    with ThreadPoolExecutor(8) as pool:
        watched = list(pool.map(lambda _: read_run(run_id, closed), range(100)))
    assert {id(run) for run in watched} == {id(watched[0])} and len(seen) == 1
    clock[0] += progress.LOOK_SECONDS
    assert read_run(run_id, closed).state == "running" and len(seen) == 2
    told_steps(folder, steps=4, seconds=2.0)
    assert len(read_run(run_id, closed).of("log")) == 4, "a step is seen at once"
    seen.clear()
    stop_run(run_id, secret, closed)
    assert read_run(run_id, closed).state == "stopping" and len(seen) <= 2
    monkeypatch.setattr(progress, "is_alive", lambda folder: False)
    assert read_run(run_id, closed).state == "failed", "a worker that is gone is seen at once"


def test_a_run_whose_worker_comes_while_one_looks_has_not_failed(closed, monkeypatch):
    run_id, _secret = start_run(config_for(WARMED), closed)
    folder, read = closed.runs_folder / run_id, progress.read_events

    def read_late(path):
        claim(folder)  # between the look at the worker and the one at its files
        return read(path)

    monkeypatch.setattr(progress, "read_events", read_late)
    assert read_run(run_id, closed).state == "queued"
    assert read_run(run_id, closed).state == "running"


def test_a_file_that_goes_while_a_sweep_counts_is_no_error(settings, monkeypatch):
    told_runs(settings, 2)
    walk = os.walk
    monkeypatch.setattr(
        cleanup.os,
        "walk",
        lambda top: [(top, [], [*names, "gone"]) for top, _, names in walk(top)],
    )
    sweep(replace(settings, max_runs_bytes=1))
    assert list_runs(settings) == []


# ---------------------------------------------------------------- the visitor's own pair


def test_an_own_pair_is_judged_and_stands_in_one_private_file(settings, tiny):
    acted = InProcess(trained).serves(settings)
    pair = ("A heron stood in the reeds.", "In the reeds stood a heron.")
    run_id, _ = start_run(config_for(tiny), acted, own_pair=pair)
    run = until(lambda: (run := read_run(run_id, acted)).ended and run)
    evaluations = run.of("evaluation")
    assert evaluations and all(0 <= event["own_share"] <= 1 for event in evaluations)
    folder = acted.runs_folder / run_id
    assert read_pair(folder) == pair and (folder / "pair.json").stat().st_mode & 0o777 == 0o600
    others = [path for path in folder.rglob("*") if path.is_file() and path.name != "pair.json"]
    assert others and not any(b"heron stood" in path.read_bytes() for path in others)
    assert not any("shares" in event for event in outline(run_id, acted).events)


@pytest.mark.parametrize(
    "sentences", [("", "b"), ("a", " "), ("a", None), ("a" * 2001, "b"), ("a", "\ud800")]
)
def test_what_is_no_pair_is_kept_nowhere(settings, sentences):
    assert pair_to_keep(sentences, "mrpc", settings) is None
    assert pair_to_keep(("a" * 2000, "b"), "mrpc", settings) == ("a" * 2000, "b")


def test_of_a_task_of_one_sentence_the_first_is_kept_alone(settings):
    assert pair_to_keep(("A fine film.", ""), "sst2", settings) == ("A fine film.", None)
    assert pair_to_keep(("A fine film.", "another tab's"), "sst2", settings)[1] is None
    assert pair_to_keep((" ", "a fine film"), "sst2", settings) is None


def test_the_own_sentence_of_a_task_of_one_is_judged(settings, tiny):
    rows = [f"{('good', 'bad')[number % 2]} film {number},{number % 2}" for number in range(20)]
    table = read_table("\n".join(["text,label", *rows]).encode(), "films.csv", settings)
    task_name = keep(own_pairs(table, guess_columns(table), settings=settings), settings)
    acted = InProcess(trained).serves(settings)
    own = pair_to_keep(("A fine film.", ""), task_name, settings)
    run_id, _ = start_run(config_for(tiny, task_name=task_name), acted, own_pair=own)
    run = until(lambda: (run := read_run(run_id, acted)).ended and run)
    evaluations = run.of("evaluation")
    assert evaluations and all(0 <= event["own_share"] <= 1 for event in evaluations)
    assert read_pair(acted.runs_folder / run_id) == ("A fine film.", None)


@pytest.mark.parametrize("written", ["", "{}", '["a"]', '["a", 7]', '["a", "b", "c"]', "[" * 9999])
def test_a_damaged_pair_is_none(tmp_path, written):
    (tmp_path / "pair.json").write_text(written)
    assert read_pair(tmp_path) is None


# ---------------------------------------------------------------- this browser's runs that go on


@pytest.fixture
def tab(settings, tiny):
    """(the tab, its settings, the form's values): the server starts no run, all wait."""
    closed = replace(settings, max_runs_at_once=0)
    with gr.Blocks():
        pair = [gr.Textbox(), gr.Textbox()]
        built = build_tab(closed, pair)
    values = {name: getattr(config_for(tiny), name) for name in built.launch.controls}
    return built, closed, list(values.values())


def asked_to(**values):
    """What the page's script sends."""
    return SimpleNamespace(_data=values)


def pressed(another, name, owned, *values):
    """What a press of that start's button does. values: of the start's inputs but the browser's runs, in their order; "" where they end."""
    parts = [part for part in another.starts[name].inputs if part != another.owned]
    said = dict(zip(parts, [*values, *[""] * (len(parts) - len(values))], strict=True))
    return another.press(name, {another.owned: owned, **said}, None)


def with_seed(built, form, seed):
    return [
        seed if name == "seed" else value
        for name, value in zip(built.launch.controls, form, strict=True)
    ]


def test_a_start_asks_before_it_adds_a_run_to_ones_own(tab):
    built, closed, form = tab
    another = built.another
    pair = ("A heron stood.", "There stood a heron.")
    first = pressed(another, "form", {}, *form, *pair)
    run_id, owned = first[built.panel.run_id], first[built.panel.owned]
    assert read_pair(closed.runs_folder / run_id) == pair
    other = with_seed(built, form, 43)
    asked = pressed(another, "form", owned, *other, *pair)
    assert set(asked) == set(another.outputs) and asked[another.yes].visible
    name = str(name_of(run_id))
    assert f"{name} is still waiting. Start another, behind it?" in asked[another.text]
    assert len(list_runs(closed)) == 1, "nothing is started before the answer"
    assert another.hide()[another.text] == "" and not another.hide()[another.no].visible
    said = dict(zip(built.launch.inputs, (owned, *other, *pair), strict=True))
    second = another.go_on(asked[another.asked], said, None)
    assert second[built.panel.run_id] != run_id and not second[another.yes].visible
    third = with_seed(built, form, 44)
    two = pressed(another, "form", second[built.panel.owned], *third, *pair)
    assert "2 runs of yours" in two[another.text]
    # A stranger's run is no reason to ask, and one that has ended neither
    assert built.panel.run_id in pressed(another, "form", {}, *third, *pair)
    stop_run(run_id, owned[run_id], closed)
    assert built.panel.run_id in pressed(another, "form", owned, *form, *pair)


@pytest.mark.parametrize("name", ["shortcut", "seeds", "more seeds", "methods"])
def test_each_other_start_asks_too_and_the_answer_is_its_own(tab, name):
    built, closed, form = tab
    pair = ("A heron stood.", "There stood a heron.")
    started = built.launch.start(None, {}, *form, *pair)
    run_id, owned = started[built.panel.run_id], started[built.panel.owned]
    before = {
        "shortcut": ([], *form, *pair),
        "seeds": (*form, *pair),
        "methods": (*form, *pair),
        "more seeds": (run_id, *pair),
    }
    asked = pressed(built.another, name, owned, *before[name])
    assert asked[built.another.asked] == name and "Start another" in asked[built.another.text]
    assert len(list_runs(closed)) == 1, "nothing is started before the answer"
    inputs = [part for part in built.another.starts[name].inputs if part != built.panel.owned]
    said = {built.panel.owned: owned, **dict(zip(inputs, before[name], strict=True))}
    drawn = built.another.go_on(name, said, None)
    assert not drawn[built.another.yes].visible
    sources = sorted(run.config["source"] for run in list_runs(closed) if run.id != run_id)
    form_source = read_run(run_id, closed).config["source"]
    began = {"shortcut": ["shortcut"], "methods": [form_source] * 3}
    assert sources == began.get(name, [form_source] * 2)
    for run in list_runs(closed):
        assert read_pair(closed.runs_folder / run.id) == pair, "each judges the page's pair along"


def test_a_pair_that_is_none_keeps_no_run_from_starting(tab):
    built, closed, form = tab
    for pair in ((), ("", "b"), ("a" * 2001, "b"), (7, None)):
        run_id = built.launch.start(None, {}, *form, *pair)[built.panel.run_id]
        assert read_pair(closed.runs_folder / run_id) is None


def test_unfinished_runs_are_listed_and_can_be_stopped_by_their_owner(tab):
    built, closed, form = tab
    owned = {}
    for seed in range(2):
        owned = built.launch.start(None, owned, *with_seed(built, form, seed))[built.panel.owned]
    first, second = (name for name in owned if name != "browser")
    listed = built.runs.draw("", owned)
    drawn = listed[built.runs.unfinished]
    assert listed[built.runs.timer].active
    for place, run_id in enumerate((first, second), 1):
        assert f"?run={run_id}" in drawn and f'data-stop="{run_id}"' in drawn
        assert str(name_of(run_id)) in drawn and f"place {place}, starts in about" in drawn
    # Who only knows the ids sees them and can't stop one
    stranger = {first: "another secret", second: None}
    assert "data-stop" not in built.runs.draw("", stranger)[built.runs.unfinished]
    refused = built.runs.stop(stranger, asked_to(stop=first))[built.runs.unfinished]
    assert "Only the visitor who started this run" in refused
    left = built.runs.stop(owned, asked_to(stop=first))[built.runs.unfinished]
    assert first not in left and f'data-stop="{second}"' in left
    assert read_run(first, closed).state == "stopped"
    for foreign in (None, 7, "../x", {}):
        assert (
            "is not a run" in built.runs.stop(owned, asked_to(stop=foreign))[built.runs.unfinished]
        )
    done = built.runs.stop(owned, asked_to(stop=second))
    assert done[built.runs.unfinished] == "" and not done[built.runs.timer].active


def test_two_more_seeds_are_of_the_run_that_is_shown(tab):
    built, closed, form = tab
    started = built.launch.start(None, {}, *form)
    run_id, owned = started[built.panel.run_id], started[built.panel.owned]
    more = built.seeds.start_shown(None, run_id, owned)
    seeds = sorted(run.config["seed"] for run in list_runs(closed))
    assert seeds == [42, 43, 44] and more[built.panel.run_id] == run_id
    configs = [{**run.config, "seed": 0} for run in list_runs(closed)]
    assert configs[0] == configs[1] == configs[2]
    gone = built.seeds.start_shown(None, "0" * 32, owned)
    assert "has expired" in gone[built.seeds.message] and len(list_runs(closed)) == 3


# ---------------------------------------------------------------- the same run is run once


def ended_whole(run_id, settings):
    """A waiting run that is done now, with a model."""
    folder = settings.runs_folder / run_id
    told_steps(folder, steps=4, seconds=1.0)
    start = {**START, "total_steps": 4}
    lines = (folder / "events.jsonl").read_text().splitlines()[1:]
    (folder / "events.jsonl").write_text("\n".join([json.dumps(start), *lines]) + "\n")
    ended(folder)
    (folder / "model").mkdir()
    (folder / "model" / "model.safetensors").touch()
    (folder / "worker").write_text("999999999 1")
    assert read_run(run_id, settings).state == "done"


def joined(settings, **values):
    """The id of the run that is joined by these settings, "" where a new one starts."""
    return supervisor.joined_run(config_for(WARMED, **values), settings, {})


def test_the_same_settings_join_the_run_that_waits_runs_or_is_done(closed):
    first, secret = start_run(config_for(WARMED), closed, browser="ann", joining={})
    assert secret and joined(closed) == first and joined(closed, seed=7) == ""
    assert start_run(config_for(WARMED), closed, browser="bob", joining={}) == (first, "")
    told_steps(closed.runs_folder / first, steps=2, seconds=1.0)
    assert read_run(first, closed).state == "running" and joined(closed) == first
    (closed.runs_folder / first / "events.jsonl").unlink()
    ended_whole(first, closed)
    assert start_run(config_for(WARMED), closed, browser="bob", joining={}) == (first, "")
    assert len(list_runs(closed)) == 1
    # Who doesn't ask to join trains again; the whole curve is shown before one that waits
    again, its_secret = start_run(config_for(WARMED), closed)
    assert its_secret and again != first and joined(closed) == first
    sweep(replace(closed, max_run_age_seconds=-1))
    assert joined(closed) == again


def spoil_stop(folder):
    (folder / "stop").touch()


def spoil_failed(folder):
    lines = (folder / "events.jsonl").read_text().splitlines()[:-1]
    failed = {"event": "failed", "seconds": 9, "message": "no memory"}
    (folder / "events.jsonl").write_text("\n".join([*lines, json.dumps(failed)]) + "\n")


def spoil_model(folder):
    (folder / "model" / "model.safetensors").unlink()


def spoil_events(folder):
    lines = (folder / "events.jsonl").read_text().splitlines()
    (folder / "events.jsonl").write_text("\n".join([*lines[:2], *lines[3:]]) + "\n")


def spoil_config(folder):
    (folder / "config.json").write_text('{"seed": ')


def spoil_curve(folder):
    (folder / "curve").write_text("of other pairs")


@pytest.mark.parametrize(
    "spoil", [spoil_stop, spoil_failed, spoil_model, spoil_events, spoil_config, spoil_curve]
)
def test_a_run_that_was_stopped_or_failed_or_is_damaged_is_not_joined(closed, spoil):
    first, _ = start_run(config_for(WARMED), closed)
    ended_whole(first, closed)
    assert joined(closed) == first
    spoil(closed.runs_folder / first)
    assert joined(closed) == ""


def test_what_stood_in_for_the_hub_is_joined_while_that_is_not_asked(closed, monkeypatch):
    first, _ = start_run(config_for(WARMED), closed)
    ended_whole(first, closed)
    path = closed.runs_folder / first / "events.jsonl"
    start, *lines = path.read_text().splitlines()
    origin = {"asked": "a/b", "loaded": "c", "place": "embedded", "reason": "", "stands_in": True}
    path.write_text("\n".join([json.dumps({**json.loads(start), "data": origin}), *lines]) + "\n")

    def unreachable(_repository):
        raise HubUnavailable("no network")

    monkeypatch.setattr(same, "expect_hub", unreachable)
    assert joined(closed) == first
    monkeypatch.setattr(same, "expect_hub", lambda _repository: None)
    assert joined(closed) == ""


def test_other_pairs_in_the_hosts_folder_make_another_run(closed, tmp_path):
    (tmp_path / "train.csv").write_text("a")
    closed = replace(closed, pairs_folder=tmp_path)
    first, _ = start_run(config_for(WARMED), closed)
    assert joined(closed) == first
    (tmp_path / "train.csv").write_text("other")
    assert joined(closed) == ""


def test_thirty_who_start_the_same_at_once_have_one_run(closed):
    def click(number):
        return start_run(config_for(WARMED), closed, browser=f"{number}", joining={})

    with ThreadPoolExecutor(30) as pool:
        started = list(pool.map(click, range(30)))
    assert len({run_id for run_id, _ in started}) == 1 == len(list_runs(closed))
    assert sum(secret != "" for _, secret in started) == 1, "one owns it"
    # It counts for the first alone
    owner = next(number for number, (_, secret) in enumerate(started) if secret)
    for number in {0, 1, 2} - {owner}:
        for seed in range(3):
            start_run(config_for(WARMED, seed=seed), closed, browser=f"{number}")


def test_runs_on_own_pairs_are_joined_by_their_owner_alone(closed, monkeypatch):
    monkeypatch.setattr(supervisor, "_check_start", lambda *_given: None)
    config = config_for(WARMED, task_name="own:" + "a" * 32)
    first, secret = start_run(config, closed)
    assert supervisor.joined_run(config, closed, {first: secret}) == first
    for strangers in ({}, {first: ""}, {first: "x"}, {first: None}):
        assert supervisor.joined_run(config, closed, strangers) == ""


def test_a_joiner_sees_the_run_leaves_it_and_it_goes_on(tab):
    built, closed, form = tab
    panel, another = built.panel, built.another
    first = pressed(another, "form", {}, *form)
    run_id, owners = first[panel.run_id], first[panel.owned]
    assert not first[panel.again].visible and first[panel.same].value == ""
    came = pressed(another, "form", {"browser": "bob"}, *form, "A heron stood.", "A heron sat.")
    owned = came[panel.owned]
    assert came[panel.run_id] == run_id and len(list_runs(closed)) == 1
    said = came[panel.same].value
    assert f"{name_of(run_id)}, a run of 0 s ago, has the same settings" in said
    assert "same seed, same curve" in said and came[panel.again].visible
    assert read_pair(closed.runs_folder / run_id) is None, "the first has none, and it stays so"
    assert run_id in built.runs.draw("", owned)[built.runs.unfinished]
    assert "data-stop" not in built.runs.draw("", owned)[built.runs.unfinished]
    # Another start asks nothing: the joined run is none of this visitor's
    assert panel.run_id in pressed(another, "form", owned, *with_seed(built, form, 1))
    assert (
        panel.draw(run_id, owned)[panel.stop].value,
        panel.draw(run_id, owned)[panel.stop].interactive,
    ) == ("Leave this run", True)
    left = panel.ask_to_stop(run_id, owned)
    assert "It goes on for whoever started it" in left[panel.status] and left[panel.run_id] == ""
    assert not left[panel.again].visible and left[panel.watched] == ""
    assert read_run(run_id, closed).state == "queued"
    assert run_id not in built.runs.draw("", left[panel.owned])[built.runs.unfinished]
    # It may be joined anew, and the owner's stop ends it
    back = pressed(another, "form", left[panel.owned], *form)
    assert back[panel.run_id] == run_id and back[panel.owned][run_id] == ""
    stop_run(run_id, owners[run_id], closed)
    lost = panel.draw(run_id, owned)
    assert lost[panel.stop].visible is False and lost[panel.again].visible
    assert "by whoever started it and has left no model" in lost[panel.same].value
    assert panel.same not in panel.draw(run_id, owners) and panel.same not in panel.draw(run_id, {})


def test_a_joiner_is_told_that_the_owners_stop_left_a_model(tab, monkeypatch):
    built, _closed, _form = tab
    figures = {"loss": 0.5, "accuracy": 0.7, "f1": 0.8}
    end = {"event": "stopped", "seconds": 9, "step": 3, "before": figures, "after": figures}
    log = [{"event": "log", "seconds": n, "step": n, "loss": 0.7} for n in (1, 2, 3)]
    run = Run("a" * 32, "stopped", asdict(config_for(WARMED)), [START, *log, end])
    monkeypatch.setattr(run_panel, "read_run", lambda *_asked: run)
    drawn = built.panel.draw(run.id, {run.id: ""})
    assert "was stopped after 3 steps by whoever started it" in drawn[built.panel.same].value
    assert drawn[built.panel.finished] == f"run:{run.id}", "Predict is offered its model"


def test_a_joiner_may_train_it_again_as_a_run_of_their_own(tab):
    built, closed, form = tab
    panel = built.panel
    run_id = pressed(built.another, "form", {}, *form)[panel.run_id]
    owned = pressed(built.another, "form", {}, *form)[panel.owned]
    pair = ("A heron stood.", "A heron sat.")
    own = pressed(built.another, "again", owned, run_id, *pair)
    new = own[panel.run_id]
    assert new != run_id and own[panel.owned][new] and not own[panel.again].visible
    assert read_run(new, closed).config == read_run(run_id, closed).config
    assert read_pair(closed.runs_folder / new) == pair
    asked = pressed(built.another, "again", own[panel.owned], run_id, *pair)
    assert "is still waiting" in asked[built.another.text] and len(list_runs(closed)) == 2
    gone = built.launch.start_again(None, "0" * 32, owned)
    assert "has expired" in gone[panel.status]


def test_ones_own_run_is_shown_again_and_stays_ones_own(tab):
    built, closed, form = tab
    panel = built.panel
    first = pressed(built.another, "form", {}, *form)
    run_id, owned = first[panel.run_id], first[panel.owned]
    again = pressed(built.another, "form", owned, *form)
    assert again[panel.run_id] == run_id and again[panel.owned][run_id] == owned[run_id]
    assert again[panel.again].visible and not again[built.another.yes].visible
    assert panel.draw(run_id, again[panel.owned])[panel.stop].value == "Leave the queue"


def test_three_seeds_of_a_class_are_three_runs(tab):
    built, closed, form = tab
    ids = set()
    for _visitor in range(3):
        drawn = pressed(built.another, "seeds", {}, *form)
        ids |= set(drawn[built.panel.owned]) - {"browser"}
    assert len(ids) == 3 == len(list_runs(closed))


def test_a_call_joins_too_and_says_so(closed):
    fine_tune = build_fine_tune(closed)
    values = asdict(config_for(WARMED))
    first, second = fine_tune(**values), fine_tune(**values)
    assert (first["joined"], second["joined"]) == (False, True)
    assert second["run"] == first["run"] and second["secret"] == "" != first["secret"]
    again = fine_tune(**values, again=True)
    assert not again["joined"] and again["run"] != first["run"] and again["secret"]
