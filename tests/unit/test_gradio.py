"""What web/ does to Gradio is written for one release; each test fails where its reason is gone.

Each place says "Gradio <release>: <reason>". Before such a line gets the next release's number,
read there whether the reason still holds; where it doesn't, the code goes.
"""

import inspect
import re
from pathlib import Path

import gradio as gr
import pytest
from fastapi import FastAPI
from gradio import blocks, queueing, route_utils, routes, state_holder
from starlette.testclient import TestClient

from tests.conftest import ROOT
from web import gate, language
from web.fair_queue import FairQueue
from web.plain_errors import AppBlocks
from web.quiet_events import show_no_progress
from web.sessions import LightSession

BUILD = Path(gr.__file__).parent / "templates" / "frontend"
PLACES = [
    *(ROOT / "web").glob("*.py"),
    *(ROOT / "static").glob("*.*"),
    *(ROOT / "tabs").rglob("*.py"),
    ROOT / "app.py",
]


@pytest.fixture(scope="module")
def served():
    """Gradio's own server of a small app, with nothing of web/ around it."""
    with gr.Blocks() as demo:
        gr.Textbox("Hi.").submit(str.upper, None, None, api_name="shout")
    with TestClient(routes.App.create_app(demo)) as client:
        yield client


def test_every_place_was_written_for_the_release_that_is_installed():
    said = {
        release
        for path in PLACES
        for release in re.findall(r"Gradio (\d+\.\d+)", path.read_text(encoding="utf-8"))
    }
    assert said == {".".join(gr.__version__.split(".")[:2])}


def test_every_module_that_changes_gradio_says_why():
    silent = [
        path.name
        for path in (ROOT / "web").glob("*.py")
        if "gradio" in path.read_text() and "Gradio 6" not in path.read_text()
    ]
    assert set(silent) <= {"theme.py"}, "colours and fonts alone, through Gradio's own door"


def test_the_page_has_each_of_the_bytes_that_are_replaced_once():
    page = (BUILD / "index.html").read_bytes()
    for replaced in (language.ENGLISH, language.MANIFEST, language.HEAD):
        assert page.count(replaced) == 1
    changed = language.change_head(page, "zh-CN").decode()
    assert 'lang="zh-CN"' in changed and 'href="./manifest.json"' in changed


def test_the_scripts_of_the_page_are_modules_which_wait_for_deferred_ones():
    page = (BUILD / "index.html").read_text(encoding="utf-8")
    sources = re.findall(r"<script[^>]*\bsrc=[^>]*>", page)
    assert len(sources) == 1 and 'type="module"' in sources[0]


def test_scripts_and_styles_are_sent_anew_to_each_visitor(served):
    name = next(path.name for path in (BUILD / "assets").glob("index-*.js"))
    answer = served.get(f"/assets/{name}", headers={"Accept-Encoding": "br"})
    assert answer.status_code == 200 and answer.headers["content-encoding"] == "br"
    assert "max-age" not in answer.headers.get("cache-control", "")
    assert "content-length" not in answer.headers, "it is compressed while it is sent"
    assert Path(route_utils.BUILD_PATH_LIB) == BUILD / "assets"


def test_the_page_is_sent_as_it_is():
    with gr.Blocks() as demo:
        gr.Markdown("A cat sat.")
    app = gr.mount_gradio_app(FastAPI(), demo, path="/x", ssr_mode=False)
    with TestClient(app) as client:
        answer = client.get("/x/", headers={"Accept-Encoding": "gzip"})
    assert b"gradio_config" in answer.content and "content-encoding" not in answer.headers


def test_the_build_folder_is_flat_and_its_names_carry_a_hash():
    entries = list((BUILD / "assets").iterdir())
    assert entries and all(entry.is_file() for entry in entries)
    assert all(re.search(r"-[\w-]{6,9}\.\w+$", entry.name) for entry in entries)


def test_a_session_copies_the_configuration_of_every_component():
    gradios = LightSession.__base__  # another test may have put ours in its place
    source = inspect.getsource(gradios.__init__)
    assert "self.config_values = {" in source and "in blocks.blocks" in source
    assert "SessionState(" in inspect.getsource(state_holder.StateHolder), "looked up by its name"


def test_blocks_names_the_class_of_its_queue_itself():
    assert "self._queue = queueing.Queue(" in inspect.getsource(blocks.Blocks.queue)
    with AppBlocks() as demo:
        pass
    assert type(demo.queue()._queue) is FairQueue


def test_no_statistics_are_made_of_each_event(monkeypatch):
    """Gradio 6.31: a pandas table of the last ten thousand events, after each one."""
    with AppBlocks() as demo:
        pass
    queue = demo.queue()._queue
    assert queue.ANALYTICS_MAX_EVENTS == 1
    made = staticmethod(lambda _events: pytest.fail("a table"))
    monkeypatch.setattr(queueing.Queue, "_get_df", made)
    queue.events_recorded = 10
    event = {"function": "draw", "status": "success", "process_time": 0.1}
    assert queue.compute_analytics_summary([event]) == {"functions": {}}


def test_the_queue_has_what_the_fair_one_overrides():
    assert list(inspect.signature(queueing.Queue.push).parameters)[1:] == [
        "body",
        "request",
        "username",
    ]
    assert "event_queue.queue" in inspect.getsource(queueing.Queue.get_events)
    assert {"event_queue_per_concurrency_id", "active_jobs", "max_size"} <= set(
        re.findall(r"self\.(\w+)", inspect.getsource(queueing.Queue))
    )


def test_blocks_has_what_the_plain_errors_override():
    expected = ["block_fn", "inputs", "state", "explicit_call"]
    assert list(inspect.signature(blocks.Blocks.preprocess_data).parameters)[1:] == expected
    assert list(inspect.signature(blocks.Blocks.process_api).parameters)[1] == "block_fn"
    # Files are looked at nowhere else on their way to a handler
    assert "check_in_upload_folder=not explicit_call" in inspect.getsource(
        blocks.Blocks.preprocess_data
    )


def test_a_function_is_called_by_its_attribute():
    with gr.Blocks() as demo:
        gr.Button().click(lambda: "a", None, gr.Textbox())
    [number] = demo.fns
    demo.fns[number].fn = lambda: "b"
    assert demo.fns[number].fn() == "b" and "block_fn.fn" in inspect.getsource(
        blocks.Blocks.call_function
    )


def test_what_it_says_of_the_whole_api_is_that_of_the_first_request(served):
    first = served.get("/gradio_api/info", headers={"Host": "one.example"}).json()
    again = served.get("/gradio_api/info", headers={"Host": "two.example"}).json()
    assert first == again
    source = inspect.getsource(routes.App.create_app)
    assert "if not app.api_info:" in source and "app.page_api_info" in source


def test_a_page_shows_values_as_they_were_when_it_was_built_until_it_is_built_anew(served):
    with gr.Blocks() as demo:
        block = gr.HTML("before")
    block.value = "after"
    values = [one["props"].get("value") for one in demo.config["components"]]
    assert "before" in values
    demo.config = demo.get_config_file()
    assert "after" in [one["props"].get("value") for one in demo.config["components"]]


def test_each_path_that_is_allowed_is_one_of_gradios_or_ours():
    with gr.Blocks() as demo:
        pass
    known = set(paths_of(routes.App.create_app(demo)))
    ours = {"/health", "/zh", "/gradio_api/runs/", "/gradio_api/classes/"}
    signing_in = {"/login/huggingface", "/login/callback", "/logout"}  # on a Space alone
    for path in gate.EXACT - ours - signing_in:
        assert path in known, path
    for name in gate.GRADIO_EXACT:
        assert f"/gradio_api/{name}" in known, name
    for start in set(gate.BELOW) - ours:
        assert any(path.startswith(start) for path in known), start


def paths_of(app):
    """The paths of its routes, those of the router below /gradio_api among them."""
    for route in app.routes:
        if hasattr(route, "path"):
            yield route.path
        else:
            yield from (below.path for below in route.original_router.routes)


def test_a_page_tells_of_progress_to_each_output_of_an_event_unless_it_shows_it_on_others():
    script = "".join(path.read_text(encoding="utf-8") for path in BUILD.glob("assets/Blocks-*.js"))
    assert "get progress_targets(){return this.show_progress_on||this.outputs}" in script
    assert "Object.entries(this.loading_stati.current).map(" in script
    with gr.Blocks() as demo:
        box = gr.Textbox()
        box.submit(str.upper, box, box, show_progress="hidden")
        box.change(str.upper, box, box)
    show_no_progress(demo)
    told = [each["show_progress_on"] for each in demo.get_config_file()["dependencies"]]
    assert told == [[], None]
