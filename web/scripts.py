"""The page's own scripts: all of static/*.js as one file, which the page loads in its head."""

import functools
import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

STATIC = Path(__file__).parent.parent / "static"
# Two files may have a function of the same name: each stands in a scope of its own.
IN_A_SCOPE = '// static/{name}\n(() => {{\n"use strict";\n{source}}})();\n'


@functools.cache
def page_script() -> tuple[str, bytes]:
    """(name of the file, its content). The name holds a hash of the content: it never changes.

    One file, since each request costs a phone's connection a round trip.
    """
    parts = [
        IN_A_SCOPE.format(name=path.name, source=path.read_text(encoding="utf-8"))
        for path in sorted(STATIC.glob("*.js"))
    ]
    content = "\n".join(parts).encode()
    return f"page-{hashlib.sha256(content).hexdigest()[:12]}.js", content


def script_tag() -> str:
    """The tag that loads it; relative, so that it holds below whatever path and behind a proxy.

    Gradio 6.31: its own scripts are modules, which run once the page is parsed, in the order in
    which they stand there with those that are deferred. Its `launch(head=...)` comes too late: that
    is added by its script.
    """
    return f'<script defer src="./assets/{page_script()[0]}"></script>'


def script_route() -> Route:
    """GET /assets/page-….js, beside Gradio's scripts: web/assets.py compresses and keeps it."""
    name, content = page_script()

    def answer(request: Request) -> Response:
        return Response(content, media_type="text/javascript")

    return Route(f"/assets/{name}", answer)
