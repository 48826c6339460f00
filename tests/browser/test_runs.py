"""Whose run it is, in a browser: closed and come back, another tab, another device, a server that was started again.

The server starts no run: what is seen is what the folders of runs say, and the tests write there.
A page's first answers come late, as from a busy server: a press is answered before them.
"""

import json
import re
import shutil
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from dev import server
from pipeline.runs.liveness import claim
from pipeline.runs.progress import list_runs
from pipeline.settings import Settings
from tests.processes.test_runs import START

LEAVE, STOP = "Leave the queue", "Stop and keep the model"
SCRIPT = """
import os, sys
sys.path.insert(0, os.getcwd())
import functools
import time
import app
from dataclasses import replace
from tabs.fine_tune.run_panel import RunPanel
def late(method, seconds):
    @functools.wraps(method)
    def answer(*values):
        drawn = method(*values)
        time.sleep(seconds)
        return drawn
    return answer
RunPanel.load = late(RunPanel.load, 3)
RunPanel.look = late(RunPanel.look, 1.5)
settings = replace(app.page_settings(), max_runs_at_once=0)
app.build_app(settings).launch(**app.LAUNCH, app_kwargs=app.app_kwargs(settings))
"""


class Server:
    """A server over a folder of runs, each time at the same address. It starts no run."""

    def __init__(self, folder):
        self.runs = folder / "runs"
        self.script = folder / "serve.py"
        self.script.write_text(SCRIPT)
        self.port = server.free_port()
        self.stack = ExitStack()
        self.start()

    def start(self):
        environment = {"HF_HUB_OFFLINE": "1", "PAIRS": "embedded", "RUNS_DIR": str(self.runs)}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(server, "free_port", lambda: self.port)
            running = server.running_app(environment, script=self.script)
            self.address, _runs = self.stack.enter_context(running)

    def restart(self):
        self.stack.close()
        self.start()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The Server of this module's tests: starting one takes longer than all else."""
    server = Server(tmp_path_factory.mktemp("served"))
    yield server
    server.stack.close()


@pytest.fixture(autouse=True)
def empty_queue(served):
    """No run that a test leaves waits in the next one, nor in the same when it is tried again."""
    yield
    for run in waiting(served):
        shutil.rmtree(served.runs / run.id)


@contextmanager
def device(browser):
    """A browser of its own, with an empty storage."""
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(60_000)
    try:
        yield context
    finally:
        context.close()


def opened(context, address):
    page = context.new_page()
    page.goto(address)
    panel = page.get_by_role("tabpanel").filter(visible=True)
    expect(panel.get_by_role("button", name="Start the fine-tune")).to_be_visible(timeout=60_000)
    return page, panel


def started(page, panel):
    """The address that now carries the run."""
    panel.get_by_role("button", name="Start the fine-tune").click()
    page.wait_for_url(re.compile("run=[0-9a-f]{32}"))
    expect(panel.get_by_role("button", name=LEAVE)).to_be_enabled(timeout=60_000)
    return page.url


def said(panel, text):
    expect(panel.locator(".status")).to_contain_text(text, timeout=60_000)


def test_anyone_with_the_link_sees_it_live_until_it_has_expired(browser, served):
    folder, address = served.runs / ("a" * 32), served.address
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "owner").touch()
    claim(folder)
    events = [
        {**START, "total_steps": 9},
        *({"event": "log", "step": step, "loss": 0.7, "seconds": step} for step in range(1, 6)),
    ]
    with device(browser) as visitor:
        (folder / "events.jsonl").write_text(
            "".join(json.dumps(event) + "\n" for event in events[:4])
        )
        page, panel = opened(visitor, f"{address}/?tab=fine-tune&run={folder.name}")
        said(panel, "step 3 of 9")
        expect(panel.get_by_role("button", name=STOP)).to_be_disabled()
        asked = []
        page.on("request", lambda sent: asked.append(urlsplit(sent.url).path.rsplit("/", 1)[-1]))
        for _window in range(10):  # the form is filled first, and its forecast made
            asked.clear()
            page.wait_for_timeout(4000)
            if asked.count("join") <= 2 <= asked.count("watched"):
                break
        assert 2 <= asked.count("watched") <= 5, f"one look a second: {asked}"
        assert asked.count("join") <= 2, f"nothing follows from a look: {asked}"
        (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
        said(panel, "step 5 of 9")
        (folder / "worker").write_text("999999999 1")
        said(panel, "The worker ended before its run was finished")
        page.goto(f"{address}/?tab=fine-tune&run={'0' * 32}")
        said(panel, "This run has expired: its folder is gone. Start a new one.")
        page.goto(f"{address}/?tab=fine-tune&run=nonsense")
        expect(panel.get_by_role("alert").first).to_contain_text("is not a run id", timeout=60_000)


def test_closed_and_come_back_after_the_server_was_started_again_and_from_another_device(
    browser, served
):
    with device(browser) as owner, device(browser) as friend:
        # Two tabs, both opened before either has started a run
        address = served.address
        tabs = [opened(owner, f"{address}/?tab=fine-tune&seed={seed}") for seed in (7, 8)]
        links = [started(*tab) for tab in tabs]
        said(tabs[1][1], "Place 2 in the queue")
        # A third tab is told of the last of them
        page, panel = opened(owner, f"{address}/?tab=fine-tune")
        said(panel, "No run yet")
        offer = panel.locator(".status a")
        expect(offer).to_have_attribute("href", re.compile(links[1][-32:]), timeout=60_000)
        for tab in (page, *(page for page, _panel in tabs)):
            tab.close()
        served.restart()
        _, watched = opened(friend, links[0])
        said(watched, "Place 1 in the queue")
        expect(watched.get_by_role("button", name=LEAVE)).to_be_disabled()
        # Both tabs' runs are still this browser's own
        for link in links:
            page, panel = opened(owner, link)
            said(panel, "Place 1 in the queue")
            panel.get_by_role("button", name=LEAVE).click()
            said(panel, "It was removed from the queue before it started")
            page.close()
        said(watched, "It was removed from the queue before it started")


def test_who_starts_the_same_settings_joins_that_run_and_leaves_it_running(browser, served):
    with device(browser) as owner, device(browser) as friend:
        address = f"{served.address}/?tab=fine-tune"
        first, first_panel = opened(owner, address)
        link = started(first, first_panel)
        run_id = link[-32:]
        page, panel = opened(friend, address)
        panel.get_by_role("button", name="Start the fine-tune").click()
        page.wait_for_url(re.compile(run_id))
        again = panel.get_by_role("button", name="Train it again all the same")
        expect(again).to_be_visible()
        expect(panel.locator("#same-run")).to_contain_text("has the same settings; same seed")
        expect(first_panel.locator("#same-run")).to_be_hidden()
        said(first_panel, "in the queue")
        assert [run.id for run in waiting(served)] == [run_id]
        # A page that is loaded anew still shows it as one that can be left
        page.reload()
        panel.get_by_role("button", name="Leave this run").click()
        said(panel, "It goes on for whoever started it")
        page.wait_for_url(lambda url: run_id not in url)
        said(first_panel, "in the queue")
        panel.get_by_role("button", name="Start the fine-tune").click()
        page.wait_for_url(re.compile(run_id))
        again.click()
        page.wait_for_url(re.compile(f"run=(?!{run_id})[0-9a-f]{{32}}"))
        expect(again).to_be_hidden()
        assert len(waiting(served)) == 2
        for one in (first_panel, panel):
            one.get_by_role("button", name=LEAVE).click()
            said(one, "It was removed from the queue before it started")


def waiting(served):
    settings = Settings(runs_folder=served.runs)
    return [run for run in list_runs(settings) if run.state == "queued"]
