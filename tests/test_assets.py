"""Gradio's scripts and styles: answered as Gradio answers, compressed once, kept for ever."""

import gzip
from pathlib import Path

import brotli
import gradio
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from tabs.assets import FOR_EVER, KeptAssets, NeededScripts

ASSETS = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"
LARGE = max(ASSETS.glob("index-*.js"), key=lambda path: path.stat().st_size)


@pytest.fixture
def asks():
    return []


@pytest.fixture
def needed():
    return NeededScripts()


@pytest.fixture
def client(asks, needed):
    """A server of Gradio's own files that writes down what it was asked for."""

    def asset(request):
        asks.append(request.url.path)
        path = ASSETS / request.path_params["name"]
        return FileResponse(path) if path.is_file() else Response("none here", status_code=404)

    def other(request):
        asks.append(request.url.path)
        return Response("other")

    routes = [Route("/assets/{name}", asset, methods=["GET", "HEAD"]), Route("/config", other)]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(KeptAssets, needed=needed)]))


def sent(client, path, encoding):
    """(headers, body as it went over the wire)."""
    with client.stream("GET", path, headers={"Accept-Encoding": encoding}) as answer:
        return answer.headers, b"".join(answer.iter_raw())


@pytest.mark.parametrize(("encoding", "named", "unpacked"), [
    ("gzip, deflate, br", "br", brotli.decompress), ("gzip", "gzip", gzip.decompress), ("identity", None, bytes),
])  # fmt: skip
def test_a_file_is_compressed_once_and_stays_what_it_is(client, asks, encoding, named, unpacked):
    path = f"/assets/{LARGE.name}"
    first, again = sent(client, path, encoding), sent(client, f"{path}?v=1", encoding)
    assert asks == [path], "the second visitor's answer was made anew"
    for headers, body in (first, again):
        assert unpacked(body) == LARGE.read_bytes()
        assert headers.get("content-encoding") == named and int(headers["content-length"]) == len(body)
        assert headers["cache-control"] == FOR_EVER and "javascript" in headers["content-type"]
    if named:
        assert first[0]["vary"] == "Accept-Encoding" and len(first[1]) < LARGE.stat().st_size / 2


def test_each_encoding_has_its_own_answer(client):
    path = f"/assets/{LARGE.name}"
    assert [sent(client, path, each)[0].get("content-encoding") for each in ("br", "gzip", "identity", "br")] == [
        "br",
        "gzip",
        None,
        "br",
    ]


def test_what_is_not_there_is_not_kept(client, asks):
    answers = [client.get("/assets/none.js") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [404, 404] and len(asks) == 2
    assert all("cache-control" not in answer.headers and answer.text == "none here" for answer in answers)


def test_nothing_else_is_touched(client, asks):
    path = f"/assets/{LARGE.name}"
    part = client.get(path, headers={"Range": "bytes=0-9"})
    assert part.status_code == 206 and part.content == LARGE.read_bytes()[:10]
    assert client.head(path).headers["content-length"] == str(LARGE.stat().st_size)
    for _ in range(2):
        assert client.get("/config").text == "other"
    assert asks == [path, path, "/config", "/config"]


def test_what_the_first_page_needs_is_learnt_and_nothing_later(client, needed):
    scripts = sorted(ASSETS.glob("*.js"))[:3]
    style = next(ASSETS.glob("*.css"))
    for name in (scripts[0].name, style.name, scripts[1].name, "none.js", "<b>.js", scripts[0].name):
        client.get(f"/assets/{name}")
    needed.since -= needed.SECONDS
    client.get(f"/assets/{scripts[2].name}")
    assert needed.paths == [f"/assets/{path.name}" for path in scripts[:2]]
    assert needed.links().count("<link") == 2 and f'href="./assets/{scripts[0].name}"' in needed.links()
