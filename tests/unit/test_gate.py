"""What a request passes before Gradio sees it: whose address counts, whose cookies, which paths, how many bytes."""

import json
from types import SimpleNamespace

import gradio as gr
import pytest

from tests.conftest import run_async
from web.gate import (
    AllowedPaths,
    BodyLimit,
    ProxyHeaders,
    SameOriginCookies,
    TrustedProxies,
    is_allowed,
    is_foreign,
    language_of,
    route_path,
)


def passed(
    gate, method="GET", path="/", headers=(), body=(b"",), client=("192.0.2.7", 50000), **scope
):
    """(the scope that the app behind the gate gets, or None; status; the answer's text; the body that the app read)."""
    seen, answers, pieces = [], [], list(body)
    headers = headers.items() if isinstance(headers, dict) else headers
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "client": client,
        "scheme": "http",
        **scope,
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
    }

    async def app(scope, receive, send):
        seen.append(scope)
        read, more = b"", True
        while more:
            message = await receive()
            read, more = read + message["body"], message.get("more_body")
        seen.append(read)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"well"})

    async def receive():
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message):
        answers.append(message)

    run_async(gate(app)(scope, receive, send))
    return SimpleNamespace(
        scope=seen[0] if seen else None,
        read=seen[1] if seen else None,
        status=answers[0].get("status"),
        left=pieces,
        text=b"".join(answer.get("body", b"") for answer in answers).decode(),
        answers=answers,
    )


def header(scope, name):
    return dict(scope["headers"]).get(name.encode(), b"").decode()


# ---------------------------------------------------------------- what proxies say


def behind(named, own=""):
    return lambda app: ProxyHeaders(app, TrustedProxies(named), own)


def host_of(named, client, headers, own=""):
    told = passed(behind(named, own), headers={"host": "app.example", **headers}, client=client)
    return told.scope and header(told.scope, "host")


PROXY, STRANGER = ("10.0.0.1", 40000), ("203.0.113.9", 40000)


@pytest.mark.parametrize(
    ("named", "client", "host", "counts"),
    [
        ("10.0.0.1", PROXY, "pairs.example", True),
        ("10.0.0.0/8", PROXY, "pairs.example:8443", True),
        ("*", STRANGER, "pairs.example", True),
        ("10.0.0.1", STRANGER, "pairs.example", False),
        ("127.0.0.1", PROXY, "pairs.example", False),
        ("", PROXY, "pairs.example", False),
        (
            "10.0.0.1",
            ("198.51.100.4", 0),
            "pairs.example",
            True,
        ),  # uvicorn has put the visitor's address there
        ("10.0.0.1", PROXY, "evil.example/x?", False),
        ("10.0.0.1", PROXY, '"><script>', False),
        ("10.0.0.1", PROXY, "", False),
        ("10.0.0.1", None, "pairs.example", False),
    ],
)
def test_a_forwarded_host_counts_where_the_proxy_is_trusted(named, client, host, counts):
    assert host_of(named, client, {"x-forwarded-host": host}) == (host if counts else "app.example")


def test_of_several_proxies_the_nearest_is_believed():
    assert (
        host_of("*", STRANGER, {"x-forwarded-host": "evil.example, pairs.example"})
        == "pairs.example"
    )


def test_on_a_space_only_its_own_names_count():
    own = "ann-pairs.hf.space, pairs.example"
    assert host_of("", STRANGER, {"x-forwarded-host": "pairs.example"}, own) == "pairs.example"
    assert host_of("*", STRANGER, {"x-forwarded-host": "evil.example"}, own) == "app.example"


def test_gradio_sees_none_of_these_headers():
    names = ("x-forwarded-host", "x-gradio-server", "x-forwarded-prefix")
    for client in (PROXY, STRANGER):
        told = passed(
            behind("10.0.0.1"),
            headers={"host": "app.example", **dict.fromkeys(names, "http://evil.example")},
            client=client,
        )
        assert not any(header(told.scope, name) for name in names)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example/x",
        'a"b',
        "a b",
        "<b>",
        "evil.example@app.example",
        "",
        "x" * 400,
        "a:b",
        "[::1",
    ],
)
def test_a_host_that_names_no_server_is_refused(host):
    told = passed(behind(""), headers={"host": host})
    assert told.scope is None and told.status == 400 and "not a server's name" in told.text


@pytest.mark.parametrize(
    "host", ["localhost:7860", "[::1]:7860", "pairs.example", "127.0.0.1:7860", "my_server"]
)
def test_ordinary_hosts_pass(host):
    assert header(passed(behind(""), headers={"host": host}).scope, "host") == host


@pytest.mark.parametrize(
    ("prefix", "root"),
    [
        ("/x", "/x"),
        ("/a/b/", "/a/b"),
        ("//evil.example", ""),
        ("/../x", ""),
        ("/x/<b>", ""),
        ("x", ""),
    ],
)
def test_a_prefix_is_where_the_app_is(prefix, root):
    told = passed(
        behind("10.0.0.1"),
        path="/zh",
        headers={"host": "h", "x-forwarded-prefix": prefix},
        client=PROXY,
    )
    assert (told.scope.get("root_path", ""), told.scope["path"]) == (
        root,
        f"{root}/zh",
    ) and route_path(told.scope) == "/zh"
    told = passed(
        behind("10.0.0.1"),
        path="/zh",
        headers={"host": "h", "x-forwarded-prefix": prefix},
        client=STRANGER,
    )
    assert told.scope["path"] == "/zh"


@pytest.mark.parametrize(
    ("path", "root", "below"),
    [
        ("/x/zh", "/x", "/zh"),
        ("/x/", "/x", "/"),
        ("/x", "/x", "/"),
        ("/zh", "", "/zh"),
        ("/xy", "/x", "/xy"),
        ("/assets/a.js", "/x", "/assets/a.js"),
    ],
)
def test_the_path_below_a_mounted_app(path, root, below):
    assert route_path({"path": path, "root_path": root}) == below


# ---------------------------------------------------------------- whose page asks


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        ({}, False),
        ({"sec-fetch-site": "same-origin"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": "same-site"}, True),
        ({"sec-fetch-site": "x"}, True),
        ({"origin": "http://app.example"}, False),
        ({"origin": "https://app.example"}, False),
        ({"origin": "https://evil.example"}, True),
        ({"origin": "null"}, True),
        ({"origin": "http://app.example:81"}, True),
        ({"origin": "http://app.example.evil.example"}, True),
        ({"origin": "http://app.example", "sec-fetch-site": "cross-site"}, True),
        ({"origin": "http://", "host": ""}, False),
    ],
)
def test_which_request_is_another_sites(headers, foreign):
    assert is_foreign({"host": "app.example", **headers}) is foreign


CROSS = {"host": "app.example", "cookie": "session=secret", "sec-fetch-site": "cross-site"}


@pytest.mark.parametrize(
    ("method", "path", "mode", "keeps"),
    [
        ("POST", "/gradio_api/queue/join", "cors", False),
        ("POST", "/gradio_api/queue/join", "navigate", False),
        ("GET", "/config", "cors", False),
        ("GET", "/config", "no-cors", False),
        ("GET", "/logout", "navigate", False),
        ("GET", "/", "navigate", True),
        ("GET", "/login/callback", "navigate", True),
        ("GET", "/logout/", "navigate", False),
    ],
)
def test_another_sites_request_goes_on_without_the_visitors_account(method, path, mode, keeps):
    session = {"oauth_info": {"access_token": "hf_secret"}}
    told = passed(
        SameOriginCookies, method, path, {**CROSS, "sec-fetch-mode": mode}, session=session
    )
    assert (header(told.scope, "cookie") == "session=secret") is keeps and bool(
        told.scope["session"]
    ) is keeps
    assert session["oauth_info"], "the browser's own session stays as it is"


def test_ones_own_page_and_a_program_keep_theirs():
    for headers in ({"sec-fetch-site": "same-origin", "origin": "https://app.example"}, {}):
        told = passed(
            SameOriginCookies,
            "POST",
            "/gradio_api/queue/join",
            {"host": "app.example", "cookie": "session=secret", **headers},
            session={"a": 1},
        )
        assert header(told.scope, "cookie") and told.scope["session"] == {"a": 1}


def test_the_language_is_the_asking_pages():
    def spoken(referer):
        return language_of({"headers": [(b"referer", referer.encode())]})

    assert [
        spoken(page)
        for page in (
            "http://h/zh?tab=x",
            "http://h/x/zh",
            "http://h/zh/",
            "http://h/",
            "",
            "http://h/?q=/zh",
        )
    ] == ["zh", "zh", "zh", "en", "en", "en"]


# ---------------------------------------------------------------- which paths

OPEN = [
    "/",
    "/zh",
    "/config",
    "/gradio_api/queue/join",
    "/gradio_api/queue/data",
    "/gradio_api/call/predict",
    "/gradio_api/call/predict/abc",
    "/gradio_api/upload",
    "/gradio_api/heartbeat/abc",
    "/gradio_api/info",
    "/gradio_api/runs/abc/model.zip",
    "/gradio_api/classes/bcdf-ghjk-mnpq/state",
    "/health",
    "/assets/a.js",
    "/gradio_api/file=/tmp/gradio/a.csv",
    "/gradio_api/file=C:/gradio/a.csv",
    "/static/img/logo.svg",
    "/theme.css",
    "/login/huggingface",
]
SHUT = [
    "/gradio_api/run/predict",
    "/gradio_api/api/predict",
    "/gradio_api/proxy=https://x.hf.space/",
    "/gradio_api/process_recording",
    "/gradio_api/component_server",
    "/gradio_api/vibe-code",
    "/gradio_api/vibe-edit/",
    "/gradio_api/deep_link",
    "/monitoring",
    "/monitoring/x",
    "/monitoring/summary",
    "/gradio_api/stream/x",
    "/gradio_api/custom_component/a/client/b/c.js",
    "/gradio_api/dev/reload",
    "/login",
    "/gradio_api/file=http://127.0.0.1:7860/",
    "/gradio_api/file=https:/x",
    "/gradio_api/file=//host/share",
    "/gradio_api/file=\\\\host\\x",
    "/gradio_api/file=file:///etc/passwd",
    "/gradio_api/file/etc/passwd",
    "/gradio_api/file=/tmp/../etc/passwd",
    "/static/../../app.py",
    "/gradio_api/run-history/connect",
    "/openapi.json",
    "/docs",
    "/x",
    "//",
    "/zh/x",
    "/gradio_api/",
    "/gradio_api/call",
    "/pwa_icon/512",
]


@pytest.mark.parametrize("path", OPEN)
def test_what_the_page_and_its_clients_ask_for_is_open(path):
    assert is_allowed(path)


@pytest.mark.parametrize("path", SHUT)
def test_what_this_app_does_not_use_is_shut(path):
    told = passed(AllowedPaths, "POST", path)
    assert (
        not is_allowed(path)
        and told.scope is None
        and told.status == 404
        and "no such address" in told.text
    )


def test_no_route_of_gradio_is_left_undecided():
    """A release of Gradio with other routes fails here: each is either asked for by this app, or shut."""

    def paths(routes):
        for route in routes:
            yield from (
                [route.path] if hasattr(route, "path") else paths(route.original_router.routes)
            )

    with gr.Blocks() as demo:
        gr.Markdown("x")
    known = {path.rstrip("/") for path in [*OPEN, *SHUT, *KNOWN]}
    found = {path.rstrip("/").partition("{")[0].rstrip("/") for path in paths(demo.app.routes)}
    unknown = [
        path
        for path in found
        if not any(
            one == path
            or one.startswith((f"{path}/", f"{path}="))
            or (path.endswith("=") and one.startswith(path))
            for one in known
        )
    ]
    assert not unknown, unknown


KNOWN = [
    "/gradio_api/call/v2/x",
    "/gradio_api/app_id",
    "/gradio_api/cancel",
    "/gradio_api/openapi.json",
    "/gradio_api/reset",
    "/gradio_api/startup-events",
    "/gradio_api/theme.css",
    "/gradio_api/token",
    "/gradio_api/upload_progress",
    "/gradio_api/user",
    "/gradio_api/login_check",
    "/gradio_api/queue/status",
    "/favicon.ico",
    "/manifest.json",
    "/robots.txt",
    "/svelte/x",
    "/logout",
    "/gradio_api/undo-vibe-edit",
    "/gradio_api/vibe-starter-queries",
    "/gradio_api/run-history/buckets",
    "/gradio_api/run-history/records",
]


def test_no_websocket_is_accepted():
    sent = []

    async def send(message):
        sent.append(message)

    run_async(AllowedPaths(None)({"type": "websocket", "path": "/", "headers": []}, None, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


# ---------------------------------------------------------------- how much


def bounded(app):
    return BodyLimit(app, 1000)


def test_a_body_within_the_limit_arrives_whole():
    told = passed(bounded, "POST", "/gradio_api/queue/join", body=[b"a" * 400, b"b" * 600])
    assert told.status == 200 and told.read == b"a" * 400 + b"b" * 600


@pytest.mark.parametrize("headers", [{}, {"content-length": "10"}, {"content-length": "x"}])
def test_a_larger_one_is_refused_while_it_arrives(headers):
    told = passed(
        bounded,
        "POST",
        "/gradio_api/queue/join",
        headers,
        body=[b"a" * 400, b"b" * 601, *[b"c" * 400] * 50],
    )
    assert told.status == 413 and told.scope is None and len(told.left) == 50, "it was read on"


def test_one_that_says_its_length_is_not_read_at_all():
    told = passed(
        bounded, "POST", "/gradio_api/call/predict", {"content-length": "1001"}, body=[b"a" * 1001]
    )
    assert (
        told.status == 413
        and told.scope is None
        and told.left
        and "limit of 0.000953674 MB" in told.text
    )


def test_it_says_so_in_the_pages_language():
    told = passed(
        BodyLimit,
        "POST",
        "/gradio_api/queue/join",
        {"content-length": str(2**30), "referer": "http://h/zh"},
    )
    assert (
        told.status == 413
        and "1 MB" in json.loads(told.text)["detail"]
        and "larger" not in told.text
    )
