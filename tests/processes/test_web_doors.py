"""The web server's doors from outside: another site's page, proxies that say much or nothing, an app mounted in another."""

import base64
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import fastapi
import gradio as gr
import httpx
import itsdangerous
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import StreamingResponse
from starlette.routing import Route

from app import LAUNCH, app_kwargs, build_app
from dev.server import free_port
from pipeline.settings import Settings
from tabs.fine_tune import save

TOKEN, KEY = "hf_aTokenThatNobodyElseMaySee", "a-key"
PAIR = ["A cat sat.", "A dog sat.", "sentence-transformers/all-MiniLM-L6-v2", 64, True, "mrpc"]


@contextmanager
def listening(application, **config):
    """The address of an ASGI application, served by a thread."""
    server = uvicorn.Server(
        uvicorn.Config(application, host="127.0.0.1", port=0, log_level="error", **config)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not server.started:
        assert thread.is_alive() and time.monotonic() < until, "the server didn't start"
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


@contextmanager
def launched(settings, **more_of_it):
    demo = build_app(settings)
    port = free_port()
    demo.launch(
        **LAUNCH,
        app_kwargs=app_kwargs(settings),
        prevent_thread_lock=True,
        quiet=True,
        server_name="127.0.0.1",
        server_port=port,
        **more_of_it,
    )
    yield f"http://127.0.0.1:{port}", demo
    demo.close()


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return Settings(
        runs_folder=tmp_path_factory.mktemp("runs"),
        data="embedded",
        mrpc_folder=None,
        max_runs_at_once=0,
    )


@pytest.fixture(scope="module")
def app_address(settings):
    with launched(settings) as (address, _demo):
        yield address


def root_of(address, path="/", **headers):
    """Under which address the page believes itself to be."""
    told = httpx.get(address + path, headers={"Accept-Language": "en", **headers}, timeout=30)
    assert told.status_code == 200, told.text
    return json.loads(told.text.partition("window.gradio_config = ")[2].partition(";</script>")[0])[
        "root"
    ]


def tokens_through(address, **headers):
    """The public endpoint, asked there."""
    asked = httpx.post(
        f"{address}/gradio_api/call/tokenize", json={"data": PAIR}, headers=headers, timeout=60
    )
    assert asked.status_code == 200, asked.text
    told = httpx.get(
        f"{address}/gradio_api/call/tokenize/{asked.json()['event_id']}",
        headers=headers,
        timeout=60,
    ).text
    return "event: complete" in told and '"tokens"' in told


# ---------------------------------------------------------------- another site's page, on a Space


@pytest.fixture(scope="module")
def space(settings):
    """A Space's page, whose visitors are signed in by a session cookie, as Gradio has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "gradio.routes.attach_oauth",
            lambda app: app.add_middleware(SessionMiddleware, secret_key=KEY, same_site="none"),
        )
        with launched(replace(settings, signs_in=True, space_id="ann/pairs")) as served:
            yield served


def signed_in():
    session = {"oauth_info": {"access_token": TOKEN, "scope": "", "expires_at": 9e9}}
    return {
        "Cookie": "session="
        + itsdangerous.TimestampSigner(KEY)
        .sign(base64.b64encode(json.dumps(session).encode()))
        .decode()
    }


OWN = {"Sec-Fetch-Site": "same-origin"}
FOREIGN = [
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"},
]


def pushed_with(space, monkeypatch, headers):
    """(what saving.push got, what the visitor reads)."""
    address, demo = space
    sent = []
    monkeypatch.setattr(
        save.saving,
        "push",
        lambda *values, settings: (
            sent.append((*values, settings)) or "https://hub.example/ann/mine"
        ),
    )
    number = next(
        number for number, function in demo.fns.items() if function.name == "push_from_space"
    )
    # What a run that has ended leaves in a session, which is nobody's secret
    demo.app.state_holder["s"][demo.fns[number].inputs[0]._id] = "a" * 32
    body = {"fn_index": number, "session_hash": "s", "data": [None, "mine", True]}
    joined = httpx.post(
        f"{address}/gradio_api/queue/join", json=body, headers={**signed_in(), **headers}
    )
    assert joined.status_code == 200, joined.text
    with httpx.stream(
        "GET", f"{address}/gradio_api/queue/data?session_hash=s", timeout=30
    ) as stream:
        lines = [json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: ")]
    return sent, next(line for line in lines if line["msg"] == "process_completed")["output"][
        "data"
    ][0]


def test_ones_own_page_pushes_with_the_visitors_token(space, monkeypatch):
    sent, said = pushed_with(space, monkeypatch, OWN)
    assert [values[2] for values in sent] == [TOKEN] and "Pushed" in said
    sent, _ = pushed_with(space, monkeypatch, {"Origin": space[0]})
    assert len(sent) == 1


@pytest.mark.parametrize("headers", FOREIGN)
def test_another_sites_page_pushes_nothing_though_the_browser_sends_the_cookie(
    space, monkeypatch, headers
):
    # This client isn't a proxy of the host's
    monkeypatch.setattr("web.gate.TrustedProxies.sent", lambda self, scope: False)
    sent, said = pushed_with(space, monkeypatch, headers)
    assert sent == [] and "sign in with the button" in said


def test_another_site_neither_reads_the_visitors_name_nor_signs_them_out(space):
    address, _ = space
    for path in ("/config", "/logout"):
        told = httpx.get(
            address + path,
            headers={
                **signed_in(),
                "Sec-Fetch-Site": "cross-site",
                "Origin": "https://evil.example",
            },
        )
        assert "set-cookie" not in told.headers and TOKEN not in told.text


def test_another_sites_page_may_ask_what_anybody_may(app_address):
    assert tokens_through(app_address, **FOREIGN[0])


# ---------------------------------------------------------------- proxies


@contextmanager
def proxy(upstream, prefix="", name_itself=False, **headers):
    """A small reverse proxy: takes `prefix` from the path, sets these headers, and Host where it is among them.

    name_itself: X-Forwarded-Host says under which name it was asked.
    """

    async def passed_on(request):
        path = request.url.path.removeprefix(prefix)
        given = {
            name: value
            for name, value in request.headers.items()
            if name not in ("content-length", "transfer-encoding")
        }
        given = {**given, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if name_itself:
            given["x-forwarded-host"] = request.headers["host"]
        client = httpx.AsyncClient(timeout=60)
        asked = client.build_request(
            request.method,
            upstream + path,
            params=request.query_params,
            headers=given,
            content=await request.body(),
        )
        answer = await client.send(asked, stream=True)
        return StreamingResponse(answer.aiter_raw(), answer.status_code, dict(answer.headers))

    with listening(
        Starlette(routes=[Route("/{path:path}", passed_on, methods=["GET", "POST", "HEAD"])])
    ) as address:
        yield address + prefix


def test_a_proxy_that_says_its_name_and_prefix_is_believed_from_this_machine(app_address):
    said = {
        "host": "upstream",
        "x_forwarded_host": "pairs.example",
        "x_forwarded_proto": "https",
        "x_forwarded_for": "203.0.113.9",
    }
    with proxy(app_address, "/x", x_forwarded_prefix="/x", **said) as address:
        assert root_of(address) == root_of(address, "/zh") == "https://pairs.example/x"
        assert tokens_through(address)
        for path, leads in (("/", "./zh"), ("/zh/", "../zh")):
            told = httpx.get(address + path, headers={"Accept-Language": "zh"})
            assert (told.status_code, told.headers["location"]) == (307, leads)


def test_a_proxy_that_says_nothing_but_keeps_the_host_works(app_address):
    with proxy(app_address) as address:
        assert (
            root_of(address) == address
            and root_of(address, "/zh") == address
            and tokens_through(address)
        )


def test_the_root_path_of_the_host_is_used_in_both_languages(settings):
    with launched(settings, root_path="/x") as (upstream, _demo), proxy(upstream, "/x") as address:
        assert root_of(address) == root_of(address, "/zh") == address
        assert tokens_through(address)


def test_a_strangers_forwarded_host_is_echoed_nowhere(settings):
    """FORWARDED_ALLOW_IPS names another machine: this client is a stranger."""
    evil = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Prefix": "/evil",
        "X-Gradio-Server": "http://evil.example",
        "Forwarded": "host=evil.example",
        "X-Original-Host": "evil.example",
        "Accept-Language": "en",
    }
    with launched(replace(settings, trusted_proxies="10.0.0.1")) as (address, _demo):
        for path in (
            "/",
            "/zh",
            "/?lang=zh",
            "/config",
            "/gradio_api/info",
            "/gradio_api/openapi.json",
            "/theme.css",
            "/zh/",
        ):
            told = httpx.get(address + path, headers=evil, timeout=30)
            assert "evil" not in told.text + str(told.headers), path
        assert tokens_through(address, **evil)


def test_one_visitors_host_stands_in_no_others_answer(app_address):
    """Gradio keeps what it says of its API as the first one asked."""
    for path in (
        "/gradio_api/info",
        "/gradio_api/info/",
        "/gradio_api/info?all_endpoints=False",
        "/gradio_api/openapi.json",
    ):
        httpx.get(app_address + path, headers={"Host": "evil.example"}, timeout=30)
        assert "evil" not in httpx.get(app_address + path, timeout=30).text
    httpx.post(
        f"{app_address}/gradio_api/call/v2/tokenize", headers={"Host": "evil.example"}, json={}
    )
    assert "evil" not in httpx.get(app_address + "/gradio_api/info", timeout=30).text


# ---------------------------------------------------------------- mounted


@pytest.fixture(scope="module")
def mounted(settings):
    """The app at /x of another, as a host of several apps would have it: (address, demo)."""
    outer = fastapi.FastAPI()
    demo = build_app(settings)
    gr.mount_gradio_app(outer, demo, path="/x", app_kwargs=app_kwargs(settings), **LAUNCH)
    with listening(outer) as address:
        yield f"{address}/x", demo


def test_a_mounted_app_works_in_both_languages(mounted):
    address, _ = mounted
    assert root_of(address, "/") == root_of(address, "/zh") == address and tokens_through(address)
    told = httpx.get(address + "/", headers={"Accept-Language": "zh"})
    assert (
        told.status_code == 307
        and told.headers["location"] == "./zh"
        and told.headers["vary"] == "Accept-Language"
    )
    page = httpx.get(address + "/zh", headers={"Accept-Language": "zh"}).text
    assert 'lang="zh-CN"' in page
    script = page.partition('modulepreload" href="./')[2].partition('"')[0]
    assert httpx.get(f"{address}/{script}").headers["cache-control"].endswith("immutable")
    assert httpx.get(f"{address}/health").json()["status"] == "ok"
    assert httpx.get(f"{address}/gradio_api/runs/{'0' * 32}/train.py").status_code == 404


def test_what_is_shut_and_bounded_stays_so_where_the_app_is_mounted(mounted):
    address, demo = mounted
    assert httpx.post(f"{address}/gradio_api/process_recording").status_code == 404
    assert httpx.post(f"{address}/gradio_api/queue/join", content=b"x" * 2**21).status_code == 413
    number, place = next(
        (number, place)
        for number, function in demo.fns.items()
        for place, one in enumerate(function.inputs)
        if isinstance(one, gr.File)
    )
    for path in ("/etc/passwd", "/proc/self/environ", "app.py"):
        data = [None] * len(demo.fns[number].inputs)
        data[place] = {"path": path, "meta": {"_type": "gradio.FileData"}}
        httpx.post(
            f"{address}/gradio_api/queue/join",
            json={"fn_index": number, "data": data, "session_hash": "m"},
        )
        with httpx.stream(
            "GET", f"{address}/gradio_api/queue/data?session_hash=m", timeout=30
        ) as stream:
            told = "".join(stream.iter_lines())
        assert "root:" not in told and (
            "not uploaded here" in told or "files that end with" in told
        ), told
