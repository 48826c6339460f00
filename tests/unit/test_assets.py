"""Gradio's scripts and styles: answered as Gradio answers, compressed once, kept for ever."""

import asyncio
import gzip
from pathlib import Path
from urllib.parse import unquote

import brotli
import gradio
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from tests.conftest import run_async
from web import assets
from web.assets import FOR_EVER, CachedAssets, preload_links

ASSETS = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"
LARGE = max(ASSETS.glob("index-*.js"), key=lambda path: path.stat().st_size)


@pytest.fixture
def asks():
    return []


@pytest.fixture
def client(asks):
    """A server of Gradio's own files that writes down what it was asked for."""

    def asset(request):
        asks.append(request.url.path)
        path = (ASSETS / request.path_params["name"]).resolve()
        return FileResponse(path) if path.is_file() else Response("none here", status_code=404)

    def other(request):
        asks.append(request.url.path)
        return Response("other")

    routes = [Route("/assets/{name:path}", asset, methods=["GET", "HEAD"]), Route("/config", other)]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(CachedAssets)]))


def sent(client, path, encoding):
    """(headers, body as it went over the wire)."""
    with client.stream("GET", path, headers={"Accept-Encoding": encoding}) as answer:
        return answer.headers, b"".join(answer.iter_raw())


@pytest.mark.parametrize(
    ("encoding", "named", "unpacked"),
    [
        ("gzip, deflate, br", "br", brotli.decompress),
        ("gzip", "gzip", gzip.decompress),
        ("identity", None, bytes),
    ],
)
def test_a_file_is_compressed_once_and_stays_what_it_is(client, asks, encoding, named, unpacked):
    path = f"/assets/{LARGE.name}"
    first, again = sent(client, path, encoding), sent(client, f"{path}?v=1", encoding)
    assert asks == [path], "the second visitor's answer was made anew"
    for headers, body in (first, again):
        assert unpacked(body) == LARGE.read_bytes()
        assert headers.get("content-encoding") == named and int(headers["content-length"]) == len(
            body
        )
        assert headers["cache-control"] == FOR_EVER and "javascript" in headers["content-type"]
    if named:
        assert first[0]["vary"] == "Accept-Encoding" and len(first[1]) < LARGE.stat().st_size / 2


def test_each_encoding_has_its_own_answer(client):
    path = f"/assets/{LARGE.name}"
    assert [
        sent(client, path, each)[0].get("content-encoding")
        for each in ("br", "gzip", "identity", "br")
    ] == ["br", "gzip", None, "br"]


def status_of(middleware, path, encoding="br"):
    """The status of GET /assets/<path>, with no client between that would tidy the path up first."""
    statuses = []

    async def send(message):
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def receive():
        await asyncio.sleep(60)  # a GET has no body, and this client stays

    path, _, query = f"/assets/{path}".partition("?")
    scope = {
        "type": "http",
        "method": "GET",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"accept-encoding", encoding.encode())],
        "scheme": "http",
        "http_version": "1.1",
    }
    run_async(middleware(scope, receive, send))
    return statuses[0]


@pytest.mark.parametrize(
    "path",
    [
        "none.js",
        "%22%3E%3Cimg%20src=x%20onerror=alert(1)%22%3E/../{name}",
        "x/../{name}",
        "..%2fassets%2f{name}",
        "%2e%2e/assets/{name}",
        "{name}/",
        "/{name}",
        "./{name}",
        "{name}%00",
        "",
        "..",
        "../index.html",
        "%2e%2e/%2e%2e/app.py",
        "{upper}",
    ],
)
def test_only_plain_names_of_files_that_are_there_get_an_answer(client, asks, path):
    middleware = CachedAssets(client.app)
    path = path.format(name=LARGE.name, upper=LARGE.name.upper())
    assert (
        [status_of(middleware, path) for _ in range(2)] == [404, 404]
        and middleware.cached == {}
        and asks == []
    )


def test_what_is_kept_is_bounded_by_the_files(client, asks):
    """However often and however a file is asked for, it is kept once for each way of compressing it."""
    middleware = CachedAssets(client.app)
    for number in range(40):
        for encoding in ("br", "gzip", "identity", f"x{number}"):
            for path in (LARGE.name, f"x{number}/../{LARGE.name}", f"{LARGE.name}?{number}"):
                status_of(middleware, path, encoding)
    assert len(middleware.cached) == 3 and len(asks) == 3


def test_nothing_else_is_touched(client, asks):
    path = f"/assets/{LARGE.name}"
    part = client.get(path, headers={"Range": "bytes=0-9"})
    assert part.status_code == 206 and part.content == LARGE.read_bytes()[:10]
    assert client.head(path).headers["content-length"] == str(LARGE.stat().st_size)
    for _ in range(2):
        assert client.get("/config").text == "other"
    assert asks == [path, path, "/config", "/config"]


def test_a_page_names_files_that_are_there_escaped_and_nothing_that_a_visitor_asked_for(
    client, tmp_path, monkeypatch
):
    client.get(f"/assets/{LARGE.name}")
    assert preload_links().count("<link") == len(assets.NEEDED.read_text().split()) > 20, (
        "a listed script isn't there"
    )
    scripts = sorted(path.name for path in ASSETS.glob("*.js"))[:2]
    monkeypatch.setattr(assets, "NEEDED", tmp_path / "needed")
    monkeypatch.setattr(assets, "build_files", lambda: frozenset([*scripts, '"><b>.js']))
    assets.NEEDED.write_text("\n".join([scripts[0], "gone-1234.js", '"><b>.js', "../../app.py"]))
    assert assets.preload_links.__wrapped__() == (
        f'<link rel="modulepreload" href="./assets/{scripts[0]}"><link rel="modulepreload" href="./assets/&quot;&gt;&lt;b&gt;.js">'
    )
