"""The head of the page: in which language it comes, and that it comes gzipped, where nothing else does."""

import gradio as gr
import httpx
import pytest
from starlette.middleware import Middleware
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from dev.server import free_port
from web import language as header
from web.assets import preload_links
from web.page_files import style_tag


@pytest.fixture(scope="module")
def client():
    """Gradio's own server with a page a language, and beside them a file and a stream of events."""
    with gr.Blocks() as demo:
        gr.Markdown("A cat sat. " * 200)
    with demo.route("中文", "/zh"):
        gr.Markdown("一只猫坐着。" * 200)
    routes = [
        Route(
            "/model.zip",
            lambda request: Response(b"0" * 4000, media_type="application/octet-stream"),
        ),
        Route(
            "/events",
            lambda request: StreamingResponse(
                iter(["data: 1\n\n"] * 99), media_type="text/event-stream"
            ),
        ),
    ]
    app_kwargs = {"routes": routes, "middleware": [Middleware(header.LanguagePages)]}
    port = free_port()
    demo.launch(
        app_kwargs=app_kwargs,
        server_name="127.0.0.1",
        server_port=port,
        prevent_thread_lock=True,
        quiet=True,
        ssr_mode=False,
    )
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        yield client
    demo.close()


def asked(client, address, encoding="identity", language="en"):
    return client.get(
        address,
        headers={"Accept-Encoding": encoding, "Accept-Language": language},
        follow_redirects=False,
    )


@pytest.mark.parametrize(
    ("address", "language", "tag"), [("/", "en", "en"), ("/zh", "zh", "zh-CN")]
)
def test_the_page_comes_gzipped_to_who_takes_that(client, address, language, tag):
    plain, packed = (
        asked(client, address, encoding, language) for encoding in ("identity", "gzip, deflate, br")
    )
    assert "content-encoding" not in plain.headers and packed.headers["content-encoding"] == "gzip"
    assert packed.text == plain.text and f'lang="{tag}"' in plain.text and style_tag() in plain.text
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    for headers in (plain.headers, packed.headers):
        assert (
            headers["vary"] == "Accept-Language, Accept-Encoding"
            and headers["cache-control"] == "private, no-cache"
        )


@pytest.mark.parametrize("address", ["/model.zip", "/events"])
def test_nothing_else_is_touched(client, address):
    answer = asked(client, address, "gzip")
    assert answer.status_code == 200 and "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    ("address", "language", "leads"),
    [
        ("/", "zh-CN,zh;q=0.9", "./zh"),
        ("/?tab=predict&sentence1=%26", "zh", "./zh?tab=predict&sentence1=%26"),
        ("/zh?lang=en", "zh", "./?lang=en"),
        ("/?lang=zh", "en", "./zh?lang=zh"),
        ("/zh/?a=1", "en", "../zh?a=1"),
    ],
)
def test_a_visitor_is_led_to_the_page_of_the_language(client, address, language, leads):
    answer = asked(client, address, language=language)
    assert answer.status_code == 307 and answer.headers["location"] == leads
    assert (
        answer.headers["vary"] == "Accept-Language"
        and answer.headers["cache-control"] == "private, no-cache"
    )


def test_head_has_no_body(client):
    answer = client.head("/", headers={"Accept-Encoding": "gzip"})
    assert answer.status_code in (200, 405) and answer.content == b""


def test_a_page_names_its_scripts_before_anything_needs_them(client):
    for address, language in (("/", "en"), ("/zh", "zh")):
        page = asked(client, address, language=language).text
        assert 0 < page.index(preload_links()) < page.index("gradio_config")
