"""The page's own script and style: static/*.js as one file, static/*.css as another.

Gradio 6.31: what `launch(head=...)` brings is added by Gradio's script, too late for what that
script needs. `launch(css=...)` writes each rule out twice, once with a prefix, drops some kinds of
rules and stands in each page anew. So the page names both files in its head, where web/language.py
puts them.
"""

import functools
import hashlib
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

STATIC = Path(__file__).parent.parent / "static"
# Two files may have a function of the same name: each stands in a scope of its own.
IN_A_SCOPE = '// static/{name}\n(() => {{\n"use strict";\n{source}}})();\n'


class PageFile(NamedTuple):
    """A file by its name, which holds a hash of its content: it never changes."""

    name: str
    content: bytes
    media_type: str


@functools.cache
def page_files() -> tuple[PageFile, PageFile]:
    """(script, style), one of each: each request costs a phone a round trip."""
    scripts = [
        IN_A_SCOPE.format(name=path.name, source=path.read_text(encoding="utf-8"))
        for path in sorted(STATIC.glob("*.js"))
    ]
    # page.css comes first: the other rooms' rules build on it
    styles = sorted(STATIC.glob("*.css"), key=lambda path: (path.name != "page.css", path.name))
    style = "\n".join(path.read_text(encoding="utf-8") for path in styles)
    return _named("\n".join(scripts), "js", "text/javascript"), _named(style, "css", "text/css")


def _named(text: str, ending: str, media_type: str) -> PageFile:
    content = text.encode()
    hashed = hashlib.sha256(content).hexdigest()[:12]
    return PageFile(f"page-{hashed}.{ending}", content, media_type)


def is_page_file(name: str) -> bool:
    """Whether /assets/<name> is one of them: web/assets.py compresses and keeps those, too."""
    return any(file.name == name for file in page_files())


def head_tags() -> str:
    """The tags that load them; relative, so that they hold below whatever path, behind any proxy.

    Gradio 6.31: its own scripts are modules, which run once the page is parsed, in the order in
    which they stand there with those that are deferred. Chromium fetches a deferred script after
    all others unless it is told to hurry: on a phone's connection the page came 1.5 s later.
    """
    script, style = page_files()
    return (
        f'<link rel="stylesheet" href="./assets/{style.name}">'
        f'<script defer fetchpriority="high" src="./assets/{script.name}"></script>'
    )


def page_routes() -> list[Route]:
    """GET /assets/page-….js and .css, beside Gradio's own."""
    return [Route(f"/assets/{file.name}", _answer(file)) for file in page_files()]


def _answer(file: PageFile):
    def answer(request: Request) -> Response:
        return Response(file.content, media_type=file.media_type)

    return answer
