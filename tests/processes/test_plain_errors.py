"""What Gradio would say to a visitor, said plainly: junk at every function of both pages, over HTTP, and floods of them."""

import html
import itertools
import json
import re
import sys
import time
from collections import Counter
from types import SimpleNamespace

import gradio as gr
import httpx
import pytest
from fastapi import HTTPException

from app import LAUNCH, app_kwargs, build_app
from pipeline.settings import Settings
from tabs.errors import UNEXPECTED
from tests.conftest import run_async
from web.fair_queue import FairQueue
from web.plain_errors import AppBlocks

# What no answer may hold: a traceback, a library's or a server's path, Gradio's own words
LEAKS = re.compile(
    r"Traceback|site-packages|list of choices|Could not preprocess|Original error|event handler|gradio cache dir|\.py\b|pydantic|"
    r"ValueError|KeyError|TypeError|/root|/home/|/tmp/|/work/|/usr/"
)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    settings = Settings(
        runs_folder=tmp_path_factory.mktemp("runs"),
        data="embedded",
        mrpc_folder=None,
        max_runs_at_once=0,
    )
    demo = build_app(settings)
    _, address, _ = demo.launch(
        **LAUNCH,
        app_kwargs=app_kwargs(settings),
        prevent_thread_lock=True,
        quiet=True,
        server_name="127.0.0.1",
    )
    with httpx.Client(base_url=address.rstrip("/"), timeout=60) as client:
        yield client, demo, settings
    demo.close()


def answer_of(client, function, data, session="a", **more):
    """The message that ends a call which a page makes."""
    joined = client.post(
        "/gradio_api/queue/join",
        json={"fn_index": function, "data": data, "session_hash": session, **more},
    )
    if joined.status_code != 200:
        return joined.json()["detail"]
    with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as stream:
        for line in stream.iter_lines():
            told = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
            if told.get("msg") == "process_completed":
                return told["output"]["data"] if told["success"] else told["output"]["error"]


def function_with(demo, kind, language="en"):
    """(number of a function of that language's page, place of its first input of that kind)."""
    for number, function in demo.fns.items():
        for place, component in enumerate(function.inputs):
            if (
                isinstance(component, kind)
                and demo.function_languages.get(number, "en") == language
                and not function.batch
            ):
                return number, place
    raise AssertionError(kind)


def values_of(demo, number):
    return [getattr(component, "value", None) for component in demo.fns[number].inputs]


BAD = [
    (
        gr.Radio,
        "<img src=x>",
        "{name}: '<img src=x>' isn't an option here. Choose one of ",
        "这里没有",
    ),
    (gr.Radio, {"a": ["b"]}, "isn't an option here. Choose one of ", "这里没有"),
    (gr.CheckboxGroup, ["none"], "'none' isn't an option here. Choose one of ", "这里没有"),
    (gr.CheckboxGroup, 7, "7 isn't an option here", "这里没有"),
    (gr.Slider, 10**9, "{name} is 1000000000, but ", "这里只允许"),
    (gr.Slider, "x", "{name} is 'x', which is not a number", "不是数"),
    (gr.Slider, None, "which is not a number", "不是数"),
    (
        gr.Slider,
        {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
        "which is not a number",
        "不是数",
    ),
    (gr.Number, [[]], "which is not a number", "不是数"),
]


@pytest.mark.parametrize(("kind", "value", "english", "chinese"), BAD)
def test_a_value_that_a_component_cannot_take_is_named_with_its_remedy(
    served, kind, value, english, chinese
):
    client, demo, _ = served
    for language, said in (("en", english), ("zh", chinese)):
        number, place = function_with(demo, kind, language)
        values = values_of(demo, number)
        values[place] = value
        message = answer_of(client, number, values)
        component = demo.fns[number].inputs[place]
        name = component.label or type(component).__name__
        assert said.replace("{name}", name) in html.unescape(message), message
        assert "<" not in message and not LEAKS.search(message), message


FILES = [
    {"path": "/etc/passwd"},
    {"path": "http://127.0.0.1:1/x.csv"},
    {"path": "https://huggingface.co/x.csv"},
    {"path": "x.csv", "url": "file:///etc/passwd"},
    {"path": "../../etc/passwd.csv"},
    {"path": "\\\\host\\share\\x.csv"},
    {"path": 7},
    {},
    "x",
    [1],
    {"path": "/proc/self/environ"},
]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_file_that_was_not_uploaded_is_neither_read_nor_fetched(served, file, language):
    client, demo, _ = served
    number, place = function_with(demo, gr.File, language)
    values = values_of(demo, number)
    values[place] = (
        {**file, "meta": {"_type": "gradio.FileData"}} if isinstance(file, dict) else file
    )
    message = answer_of(client, number, values)
    assert isinstance(message, str) and not LEAKS.search(message) and "root:" not in message, (
        message
    )
    assert any(
        said in message
        for said in (
            "was not uploaded here",
            "takes files that end with",
            "不是在这里上传的",
            "结尾的文件",
        )
    ), message


FOREIGN = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
JUNK = [
    [],
    [
        "<img src=x onerror=alert(1)>",
        None,
        10**40,
        FOREIGN,
        [[]],
        "/etc/passwd",
        {"__type__": "update", "value": "/etc/passwd"},
    ]
    * 6,
]


@pytest.mark.parametrize("junk", range(len(JUNK)))
def test_no_function_of_either_page_says_more_than_a_sentence_about_junk(served, junk):
    """Each one, private ones too, as nobody's page would call it."""
    client, demo, settings = served
    folder = str(settings.runs_folder)
    for number, function in demo.fns.items():
        if function.fn is None:
            continue
        told = answer_of(
            client,
            number,
            JUNK[junk][: max(len(function.inputs), 1)] if junk else [],
            event_data=JUNK[junk],
        )
        text = json.dumps(told, ensure_ascii=False)
        assert not re.search(
            "Traceback|site-packages|list of choices|Could not preprocess|Original error|gradio cache dir",
            text,
        ), (number, text)
        assert folder not in text and "root:x:" not in text and "<img" not in text, (number, text)
        assert isinstance(told, (str, list)), (number, told)


SECRET = "/root/hidden/site-packages/x.py"


ERRORS = [
    OSError(28, "No space left on device", SECRET),
    RuntimeError(f"Traceback in {SECRET}"),
    KeyError(SECRET),
]
SLOW = {
    "run_all",
    "measured",
    "map_times",
    "step",
}  # they run seconds of layers that no tab calls itself


def break_everything(monkeypatch):
    """Whatever a tab calls of pipeline/ and layers/ raises one of ERRORS in turn. How many functions those are."""
    errors = itertools.cycle(ERRORS)

    def breaks(*_args, **_kwargs):
        raise next(errors)

    count = 0
    for module in [module for name, module in sys.modules.items() if name.startswith("tabs.")]:
        for name, value in vars(module).items():
            home = getattr(value, "__module__", None) or ""
            if (
                callable(value)
                and not isinstance(value, type)
                and home.startswith(("pipeline.", "layers."))
                and home != "pipeline.settings"
            ):
                monkeypatch.setattr(module, name, breaks)
                count += 1
    return count


def test_under_faults_no_endpoint_tells_more_than_a_sentence(served, monkeypatch):
    """A full disk, a library's failure, a bug: at every function of both pages, public or not."""
    client, demo, settings = served
    assert break_everything(monkeypatch) > 40
    broken = 0
    for number, function in demo.fns.items():
        if function.fn is None or function.name in SLOW:
            continue
        told = answer_of(client, number, values_of(demo, number))
        text = json.dumps(told, ensure_ascii=False)
        assert (
            not re.search(
                "Traceback|site-packages|No space left|OSError|RuntimeError|KeyError", text
            )
            and SECRET not in text
        ), (number, text[:400])
        assert str(settings.runs_folder) not in text, (number, text[:400])
        broken += any(part in text for part in ("Something went wrong", str_in_chinese()))
    assert broken > 30, "the faults were met"
    for path in (
        "/health",
        f"/gradio_api/runs/{'0' * 32}/model.zip",
        f"/gradio_api/runs/{'0' * 32}/train.py",
    ):
        told = client.get(path)
        assert (
            SECRET not in told.text
            and "Traceback" not in told.text
            and str(settings.runs_folder) not in told.text
        ), told.text


def str_in_chinese():
    from languages import speaking

    with speaking("zh"):
        return str(UNEXPECTED)[:8]


BODIES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'{"data": 7}',
    b'{"data": []}',
    b'{"fn_index": "x", "data": []}',
    b'{"fn_index": 99999, "session_hash": "a", "data": []}',
    b'{"fn_index": -1, "session_hash": "a", "data": []}',
    b"\xff\xfe",
    b'{"data": ' + b"[" * 10**4 + b"]" * 10**4 + b"}",
    b'{"fn_index": 0, "session_hash": {}, "data": []}',
    b'{"fn_index": 0, "session_hash": "a", "data": [], "trigger_id": 987654}',
]
PATHS = [
    "queue/join",
    "call/predict",
    "call/nothing",
    "call/v2/nothing",
    "call/v2/predict",
    "cancel",
    "reset",
    "upload",
    "run/predict",
    "api/predict",
    "component_server",
    "process_recording",
    "vibe-edit",
    "stream/x",
    "run-history/connect",
]


@pytest.mark.parametrize("path", PATHS)
def test_every_address_of_gradio_answers_junk_plainly(served, path):
    client, _, settings = served
    for body in BODIES:
        for kind in (
            "application/json",
            "text/plain",
            "multipart/form-data; boundary=x",
            "multipart/form-data",
        ):
            told = client.post(f"/gradio_api/{path}", content=body, headers={"content-type": kind})
            assert not LEAKS.search(told.text) and str(settings.runs_folder) not in told.text, (
                kind,
                body[:40],
                told.text[:500],
            )
            assert told.status_code != 500, (path, kind, body[:60], told.text)


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=app.py",
        "/gradio_api/file=http://127.0.0.1:1/",
        "/gradio_api/file=../../etc/passwd",
        "/static/../app.py",
        "/gradio_api/proxy=http://127.0.0.1:1/",
        "/gradio_api/file%3D/etc/passwd",
        "/gradio_api/file=%2Fproc%2Fself%2Fenviron",
        "/x",
        "/gradio_api/file=//etc/passwd",
        "/gradio_api/call/predict/none",
        "/gradio_api/runs/..%2f..%2fetc/model.zip",
        "/gradio_api/upload_progress?upload_id=x",
        "/?deep_link=../../x",
        "/config?deep_link=x",
        "/config?page=../x",
        "/gradio_api/queue/data?session_hash=none",
        "/gradio_api/info?page=../x",
        "/gradio_api/openapi.json",
    ],
)
def test_every_file_and_page_that_is_not_there_is_a_plain_no(served, path):
    client, _, settings = served
    try:
        told = client.get(path)
    except httpx.RemoteProtocolError:  # Gradio breaks off a stream of events that nobody waits for
        return
    assert (
        "root:x:" not in told.text
        and "HF_TOKEN" not in told.text
        and "import gradio" not in told.text
    )
    if told.status_code != 200:
        assert told.status_code in (403, 404) and not LEAKS.search(told.text), told.text


def test_what_nobody_foresaw_is_one_sentence_and_stands_in_the_log(caplog):
    """Also where the app is mounted in another, which would show errors, and in the page's language."""
    secret = "/root/secret.py"

    def breaks():
        raise OSError(f"no {secret}")

    with AppBlocks() as demo:
        gr.Button().click(breaks, None, gr.HTML())
    demo.show_error = True
    with pytest.raises(gr.Error) as told:
        run_async(demo.process_api(0, [], None))
    assert (
        secret not in told.value.message
        and "Something went wrong" in told.value.message
        and secret in caplog.text
    )
    demo.function_languages[0] = "zh"
    with pytest.raises(gr.Error) as told:
        run_async(demo.process_api(0, [], None))
    assert str(UNEXPECTED)[:10] not in told.value.message


# ---------------------------------------------------------------- a queue for all


def queue_of(fns=None):
    blocks = SimpleNamespace(fns=fns or {}, function_languages={}, state_holder=None)
    return FairQueue(True, 40, 1, 60, blocks, default_concurrency_limit=2)


def waiting(queue, addresses, concurrency_id="x"):
    """One waiting event for each address."""
    queue.event_queue_per_concurrency_id[concurrency_id] = SimpleNamespace(
        queue=[], concurrency_limit=2, current_concurrency=0
    )
    queue.event_queue_per_concurrency_id[concurrency_id].queue += [
        SimpleNamespace(
            request=SimpleNamespace(client=SimpleNamespace(host=address)),
            number=number,
            fn=SimpleNamespace(batch=False),
        )
        for number, address in enumerate(addresses)
    ]


@pytest.mark.parametrize(
    ("others", "most"), [([], 30), (["b"] * 20, 20), (["b"] * 40, 10), (["b"] * 59, 1)]
)
def test_an_address_takes_as_many_places_as_it_leaves_free(others, most):
    queue, own = queue_of(), []
    while len(own) < 100:
        waiting(queue, [*others, *own])
        try:
            queue._check_room("a")
        except HTTPException as error:
            assert error.status_code == 429
            break
        own.append("a")
    assert len(own) == most


def test_a_full_queue_is_said_to_be_full():
    queue = queue_of()
    waiting(queue, [str(number) for number in range(60)])
    with pytest.raises(HTTPException, match="reached its limit of requests"):
        queue._check_room("a")


def test_the_next_event_is_that_of_whoever_has_the_fewest_under_way():
    queue = queue_of()
    waiting(queue, ["flood"] * 20 + ["ann", "bob"])
    started = []
    for _ in range(4):
        [event], _, _ = queue.get_events()
        queue.active_jobs.append([event])
        started.append(event.request.client.host)
    assert started == ["flood", "ann", "bob", "flood"]


def test_in_a_batch_nobodys_junk_costs_others_their_answer(served):
    client, demo, _ = served
    number = next(number for number, function in demo.fns.items() if function.batch)
    values = values_of(demo, number)
    assert isinstance(answer_of(client, number, []), str)
    for place in range(len(values)):
        junk = [*values]
        junk[place] = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
        joined = client.post(
            "/gradio_api/queue/join", json={"fn_index": number, "data": junk, "session_hash": "b"}
        )
        assert joined.status_code == 400, "refused before it waits with others"
    assert isinstance(answer_of(client, number, values, session="c"), list)


def test_one_clients_flood_leaves_its_neighbour_an_answer(served, monkeypatch):
    """504 calls of the slowest function from one address: half of the places at most, and another address is answered at once."""
    client, demo, _ = served
    slow = next(
        number
        for number, function in demo.fns.items()
        if getattr(function.fn, "__name__", "") == "run_all"
    )
    # As slow, and without burning the cores on answers that nobody reads
    nothing = [gr.skip()] * len(demo.fns[slow].outputs)
    monkeypatch.setattr(
        demo.fns[slow],
        "fn",
        lambda *_: time.sleep(0.5) or (nothing if len(nothing) > 1 else nothing[0]),
    )
    codes, values = Counter(), values_of(demo, slow)
    for number in range(504):
        told = client.post(
            "/gradio_api/queue/join",
            json={
                "fn_index": slow,
                "data": values,
                "session_hash": f"flood{number}",
            },
        )
        codes[told.status_code] += 1
    assert codes[429] > 200 and codes[200] + codes[429] == 504, codes
    assert len(demo._queue) <= demo._queue.max_size / 2
    neighbour = {"X-Forwarded-For": "203.0.113.9"}  # from this machine, which is a trusted proxy
    told = client.post(
        "/gradio_api/call/tokenize",
        json={
            "data": ["A cat.", "A dog.", "sentence-transformers/all-MiniLM-L6-v2", 64, True, "mrpc"]
        },
        headers=neighbour,
    )
    assert told.status_code == 200, told.text
    assert (
        "event: complete"
        in client.get(
            f"/gradio_api/call/tokenize/{told.json()['event_id']}", headers=neighbour, timeout=60
        ).text
    )
