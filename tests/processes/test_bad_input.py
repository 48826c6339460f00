"""Whatever comes to a public endpoint or in the page's address: a clear message or a right answer.

Never a traceback or "something went wrong", no visitor's HTML interpreted, no file outside the run folders written, and
none read that isn't the app's own. About 200 inputs in all; 10,000 with

    python -m pytest -n 0 tests/processes/test_bad_input.py --hypothesis-profile=long        (or BAD_INPUTS=10000)
"""

import html
import json
import os
import shutil
import sys
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import gradio as gr
import httpx
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app import build_app, health_route
from pipeline.config import RUN_SETTINGS, config_from
from pipeline.runs.progress import list_runs
from pipeline.runs.queue import read_run
from pipeline.settings import EMBEDDED_CHECKPOINT
from tabs.errors import UNEXPECTED
from tabs.fine_tune import tab as fine_tune
from tabs.fine_tune.api import SIGNATURE, Api
from tabs.fine_tune.downloads import routes
from tabs.layers.claims import claim as api_claim
from tabs.predict.answer import Answers
from tabs.tokenize.api import tokenize_endpoint
from tests.conftest import HF_HOME, ROOT

LONG = hypothesis_settings.get_current_profile_name() == "long"
INPUTS = int(os.environ.get("BAD_INPUTS", 10_000 if LONG else 200))


def share(of_all):
    """The examples of one test, out of all inputs."""
    return hypothesis_settings(max_examples=max(5, round(of_all * INPUTS)))


# ---------------------------------------------------------------- what comes

NASTY = [
    "",
    " ",
    "\x00",
    "\ud800",
    "a\ud800b",
    "<img src=x onerror=alert(1)>",
    "</p><script>alert(1)</script>",
    "{{7*7}}",
    "%s%n",
    "'; --",
    "../../etc/passwd",
    "/etc/passwd",
    "run:../../../etc",
    "run:" + "0" * 32,
    "run:" + "A" * 32,
    "0" * 32,
    "a" * 32 + "\n",
    "https://example.com/x",
    "file:///etc/passwd",
    "~",
    "con",
    "a/b/c",
    "owner/na--me",
    "x" * 5000,
    "\u202etxt",
    "é" * 2001,
    "🙂" * 600,
    "adapter:../x",
    "adapter:" + "<b>",
    "-1",
    "1e3",
    "nan",
    "NaN",
    "Infinity",
    "0x10",
    "١٢",
    "true",
    "[CLS] [SEP] [PAD]",
    "\r\n\t",
    "\u0000\u0301",
]
NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([0, 1, -1, 8, 128, 512, 513, 2**31, 2**64, 10**400, 8.5, 1e308, float("nan")]),
)
TEXTS = st.one_of(
    st.sampled_from(NASTY),
    st.text(max_size=60),
    st.text(st.characters(), min_size=1, max_size=2500),
)
JSON = st.one_of(
    st.none(),
    st.booleans(),
    NUMBERS,
    TEXTS,
    st.lists(st.one_of(NUMBERS, TEXTS), max_size=3),
    st.dictionaries(TEXTS, st.one_of(NUMBERS, TEXTS, st.lists(NUMBERS, max_size=2)), max_size=3),
)
SENTENCES = st.one_of(st.sampled_from(["A cat sat.", "Two words", "naïve 🙂 café"]), TEXTS, JSON)
CHECKPOINTS = st.one_of(st.just(EMBEDDED_CHECKPOINT), st.just(EMBEDDED_CHECKPOINT), TEXTS, JSON)
LENGTHS = st.one_of(st.integers(8, 512), st.just(128), JSON)


@pytest.fixture(scope="module")
def pages(small_folder, tmp_path_factory):
    """The three tabs' handlers, and a queue that takes every run and starts none."""
    from pipeline.settings import Settings

    settings = replace(
        Settings(
            mrpc_folder=small_folder,
            runs_folder=tmp_path_factory.mktemp("bad") / "runs",
            data="folder",
        ),
        max_runs_at_once=0,
        max_runs_waiting=10**6,
        max_first_runs_waiting=10**6,
        max_runs_per_visitor=10**6,
        min_free_bytes=0,
    )
    made = {"tokenize": tokenize_endpoint(settings), "predict": Answers(settings)}
    with gr.Blocks():
        tab = fine_tune.build_tab(settings)
    made["panel"], made["launch"], made["fine_tune"] = (
        tab.panel,
        tab.launch,
        Api(settings),
    )
    made["claim"] = api_claim
    made["predict"].predict(
        "a", "b", EMBEDDED_CHECKPOINT
    )  # loads what the first visitor's call loads
    return SimpleNamespace(settings=settings, **made)


# ---------------------------------------------------------------- what is allowed to happen


class Watch:
    """Files opened while it is on. An audit hook can't be taken away again, so there is one."""

    opened, on, hooked, others = (
        [],
        False,
        False,
        (),
    )  # others: threads that look after runs of other tests

    @classmethod
    def hook(cls, name, arguments):
        if not cls.on or threading.get_ident() in cls.others:
            return
        if name == "open" and isinstance(arguments[0], (str, bytes, Path)):
            cls.opened.append((os.fsdecode(arguments[0]), arguments[1], arguments[2] or 0))
        elif name in (
            "os.mkdir",
            "os.rename",
            "os.remove",
            "os.rmdir",
            "os.symlink",
            "shutil.rmtree",
        ):
            cls.opened.append((os.fsdecode(arguments[0]), "w", 0))


@contextmanager
def nothing_foreign_opened(settings):
    if not Watch.hooked:
        sys.addaudithook(Watch.hook)
        Watch.hooked = True
    Watch.others = [
        thread.ident
        for thread in threading.enumerate()
        if thread.name.startswith("runs in ") and thread.name != f"runs in {settings.runs_folder}"
    ]
    Watch.opened, Watch.on = [], True
    try:
        yield
    finally:
        Watch.on = False
    mine = [settings.runs_folder.resolve()]
    others = [
        HF_HOME,
        ROOT,
        sys.prefix,
        sys.base_prefix,
        Path(os.__file__).parent,
        "/proc",
        "/dev",
        "/sys",
        tempfile.gettempdir(),
    ]
    readable = [*mine, *(Path(folder).resolve() for folder in others)]
    for path, mode, flags in Watch.opened:
        if path.isdigit() or path == os.devnull:
            continue
        writes = any(letter in (mode or "") for letter in "wax+") or flags & (
            os.O_WRONLY | os.O_RDWR | os.O_CREAT
        )
        # Parents resolved, the last part not: a link in the runs' folder is that folder's
        where = Path(path).parent.resolve() / Path(path).name
        allowed = [*mine, HF_HOME.resolve()] if writes else readable
        assert any(where.is_relative_to(folder) for folder in allowed), (path, mode, flags)


def answered(call, settings):
    """The call's answer, or None where it refused with a message fit for a visitor."""
    with nothing_foreign_opened(settings):
        try:
            answer = call()
        except gr.Error as error:
            message = error.message
            assert (
                len(message) > 10
                and "Traceback" not in message
                and html.escape(UNEXPECTED) not in message
            ), message
            assert "<" not in message and '"' not in message and len(message) < 3000, message
            return None
    json.dumps(answer)
    return answer


def harmless(page):
    """A picture of the page: no handler failed, and no text of the visitor's became a tag."""
    text = " ".join(str(part) for part in page)
    assert (
        UNEXPECTED not in text and html.escape(UNEXPECTED) not in text and "Traceback" not in text
    ), text[:500]
    assert not any(tag in text for tag in ("<img", "<script", "</p><script")), text[:500]


def html_in(answer):
    """What a handler's {component: value} draws."""
    return [value for component, value in answer.items() if isinstance(component, gr.HTML)]


# ---------------------------------------------------------------- the endpoints


@share(0.3)
@given(SENTENCES, SENTENCES, CHECKPOINTS, LENGTHS, st.one_of(st.booleans(), JSON))
@example("A cat.", "<img src=x>", EMBEDDED_CHECKPOINT, 128, True)
@example("naïve 🙂", "a\u0301", EMBEDDED_CHECKPOINT, "8", False)
@example("A cat.", "A dog.", EMBEDDED_CHECKPOINT, 128, 0)
@example("A cat.", "B", {"<b>": 1}, 10**400, True)
def test_tokenize(pages, sentence1, sentence2, checkpoint, max_length, truncation):
    answer = answered(
        lambda: pages.tokenize(sentence1, sentence2, checkpoint, max_length, truncation),
        pages.settings,
    )
    if answer is None:
        return
    for token in answer["tokens"]:
        if token["sentence"]:
            assert (
                token["text"]
                == (sentence1, sentence2)[token["sentence"] - 1][token["start"] : token["end"]]
            )
    assert len(answer["tokens"]) <= int(max_length) or not truncation
    assert answer["full_length"] >= len(answer["tokens"]) >= 3


@share(0.15)
@given(SENTENCES, SENTENCES, CHECKPOINTS, LENGTHS)
@example("A cat.", "A dog.", "run:" + "0" * 32, 128)
@example("A cat.", "A dog.", "run:../../x", 128)
def test_predict(pages, sentence1, sentence2, model, max_length):
    answer = answered(
        lambda: pages.predict.predict(sentence1, sentence2, model, max_length),
        pages.settings,
    )
    if answer is not None:
        assert sum(answer["probabilities"].values()) == pytest.approx(1)
        assert answer["label"] == max(answer["logits"], key=answer["logits"].get) and answer[
            "tokens"
        ] <= int(max_length)


GIVEN = [name for name in SIGNATURE.parameters if name != "request"]
GOOD = {name: st.just(SIGNATURE.parameters[name].default) for name in GIVEN}


@st.composite
def run_values(draw):
    """A run's settings, of which one or two, or now and then all, are whatever."""
    bad = draw(st.one_of(st.sets(st.sampled_from(GIVEN), max_size=2), st.just(set(GIVEN))))
    numbers = st.one_of(st.integers(0, 400), st.floats(0, 1), JSON)
    return {name: draw(numbers if name in bad else strategy) for name, strategy in GOOD.items()}


@share(0.25)
@given(run_values())
def test_fine_tune(pages, values):
    answer = answered(lambda: pages.fine_tune.fine_tune(**values), pages.settings)
    if answer is None:
        assert list_runs(pages.settings) == []
        return
    run = read_run(answer["run"], pages.settings)
    assert run.state == "queued" and run.config == asdict(
        config_from(values).checked(pages.settings)
    )
    harmless(html_in(pages.panel.draw(answer["run"], {answer["run"]: answer["secret"]})))
    shutil.rmtree(pages.settings.runs_folder / answer["run"])


@share(0.1)
@given(JSON, JSON)
@example("0" * 32, "x")
@example("../" + "a" * 29, "x")
def test_run_status_and_stop_run(pages, run_id, secret):
    told = answered(lambda: pages.fine_tune.run_status(run_id), pages.settings)
    assert told is None or told["state"] == "expired"
    assert answered(lambda: pages.fine_tune.stop_run(run_id, secret), pages.settings) is None, (
        "nobody started it"
    )


@share(0.05)
@given(JSON)
@example("<b>")
def test_claim(pages, name):
    assert answered(lambda: pages.claim(name), pages.settings) is None, "no claim has such a name"


@pytest.fixture(scope="module")
def beside(pages):
    """A client of the server's own routes: what it breaks on is raised."""
    return TestClient(Starlette(routes=[*routes(pages.settings), health_route(pages.settings)]))


@share(0.1)
@given(
    st.one_of(st.sampled_from(NASTY), st.text(max_size=80)),
    st.sampled_from(["model.zip", "train.py", ""]),
)
def test_downloads_of_whatever_run(pages, beside, run_id, file):
    with nothing_foreign_opened(pages.settings):
        told = beside.get(f"/gradio_api/runs/{quote(run_id, safe='', errors='replace')}/{file}")
    assert (
        told.status_code == 404
        and "Traceback" not in told.text
        and told.headers["content-type"].startswith("text/plain")
    )


FIGURES = {"accuracy": 0.6, "f1": 0.6}
ORIGIN = {"loaded": EMBEDDED_CHECKPOINT, "place": "embedded", "reason": "r", "stands_in": False}
STORY = [
    {
        "event": "start",
        "seconds": 0,
        "total_steps": 2,
        "majority": FIGURES,
        "model": ORIGIN,
        "data": ORIGIN,
        "metric": ORIGIN,
    },
    {"event": "done", "seconds": 1, "step": 2, "before": FIGURES, "after": FIGURES},
]


@share(0.1)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 1),
            st.sampled_from(
                [
                    "before",
                    "after",
                    "model",
                    "data",
                    "majority",
                    "metric",
                    "versions",
                    "bf16",
                    "seconds",
                    "step",
                    "event",
                ]
            ),
            st.one_of(st.just({**ORIGIN, "loaded": "../x"}), JSON),
        ),
        max_size=2,
    )
)
@example([(1, "before", None)])
@example([(0, "model", {**ORIGIN, "loaded": "<b>"})])
@example([])
def test_downloads_of_a_run_with_whatever_story(pages, beside, changes):
    story = [dict(event) for event in STORY]
    for number, name, value in changes:
        story[number][name] = value
    folder = pages.settings.runs_folder / ("b" * 32)
    try:
        (folder / "model").mkdir(parents=True)
        (folder / "config.json").write_text("{}")
        (folder / "worker").write_text("999999999 1")
        (folder / "model" / "model.safetensors").write_bytes(b"x")
        (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in story))
        for file in ("model.zip", "train.py"):
            told = beside.get(f"/gradio_api/runs/{folder.name}/{file}")
            assert told.status_code in ((200, 404) if changes else (200,)), told.text
            assert (
                "Traceback" not in told.text
                and html.escape(UNEXPECTED) not in told.text
                and UNEXPECTED not in told.text
            )
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("method", ["get", "head", "post", "put", "delete", "options"])
@pytest.mark.parametrize("query", ["", "?x=<b>", "?" + "a" * 5000, "/../x", "/%00"])
def test_health_answers_whatever_asks(beside, method, query):
    told = getattr(beside, method)(f"/health{query}")
    assert told.status_code in (200, 404, 405) and "<b>" not in told.text


# ---------------------------------------------------------------- the page: its address, its storage, its buttons


@share(0.2)
@given(JSON, JSON)
@example("<script>alert(1)</script>", {})
@example("../" + "a" * 32, {"browser": 7})
def test_the_address_and_the_browsers_storage(pages, run_id, owned):
    with nothing_foreign_opened(pages.settings):
        request = SimpleNamespace(query_params={"run": run_id} if run_id is not None else {})
        harmless(html_in(pages.panel.load(owned, request)))
        harmless(html_in(pages.panel.draw(run_id, owned)))
        harmless(html_in(pages.panel.ask_to_stop(run_id, owned)))
    assert list_runs(pages.settings) == []


@share(0.1)
@given(JSON, st.lists(JSON, max_size=3), run_values())
def test_the_start_button(pages, owned, more, values):
    """The page's own handler can be called from outside, too, with any number of values."""
    with nothing_foreign_opened(pages.settings):
        defaults = [values.get(name, one.default) for name, one in RUN_SETTINGS.items()]
        drawn = pages.launch.start(None, owned, *defaults)
    harmless(html_in(drawn))
    if run_id := drawn.get(pages.panel.run_id):
        assert read_run(run_id, pages.settings).state == "queued"
        assert drawn[pages.panel.owned][run_id]
        shutil.rmtree(pages.settings.runs_folder / run_id)


# ---------------------------------------------------------------- over HTTP

BODIES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'{"data": null}',
    b'{"data": []}',
    b'{"data": {}}',
    b'{"data": [1, 2, 3, 4, 5, 6, 7, 8, 9]}',
    b'{"data": [null, null]}',
    b'{"data": ["a", "b", {"path": "/etc/passwd"}]}',
    b'{"data": ["a", "b", {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}]}',
    b"\xff\xfe",
    b'{"data": ["\\ud800", "<img src=x onerror=alert(1)>"]}',
    b'{"data": ["' + b"a" * 10**6 + b'", "b"]}',
    b'{"data": ' + b"[" * 10**4 + b"]" * 10**4 + b"}",
]


ENDPOINTS = {
    "tokenize": lambda pages: pages.tokenize,
    "predict": lambda pages: pages.predict.predict,
    "fine_tune": lambda pages: pages.fine_tune.fine_tune,
    "run_status": lambda pages: pages.fine_tune.run_status,
    "stop_run": lambda pages: pages.fine_tune.stop_run,
    "claim": lambda pages: pages.claim,
}


def test_every_public_endpoint_is_looked_at(pages):
    demo = build_app(pages.settings)
    assert {
        function.api_name for function in demo.fns.values() if function.api_visibility == "public"
    } == set(ENDPOINTS)


@pytest.fixture(scope="module")
def server(pages):
    with gr.Blocks() as demo:
        for name, endpoint in ENDPOINTS.items():
            gr.api(endpoint(pages), api_name=name)
    _, address, _ = demo.launch(
        prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", show_error=False
    )
    yield address.rstrip("/")
    demo.close()


@pytest.mark.parametrize("name", ENDPOINTS)
def test_any_body_over_http(server, name, pages):
    for body in BODIES:
        asked = httpx.post(
            f"{server}/gradio_api/call/{name}",
            content=body,
            headers={"content-type": "application/json"},
            timeout=60,
        )
        assert "Traceback" not in asked.text and "/etc/passwd" not in asked.text
        if asked.status_code == 200:
            told = httpx.get(
                f"{server}/gradio_api/call/{name}/{asked.json()['event_id']}", timeout=60
            )
            assert (
                told.status_code == 200
                and "Traceback" not in told.text
                and "root:" not in told.text
            )
            assert "<img" not in told.text.replace("\\u003c", "<") or name == "tokenize", told.text[
                :300
            ]
        else:
            assert asked.status_code < 500, (asked.status_code, body[:40])
    shutil.rmtree(pages.settings.runs_folder, ignore_errors=True)
