"""Gradio's own scripts and styles: compressed once for all visitors, and named to a browser before
it needs them.

Gradio 6.31: a page asks for some ninety of them, one lot after another, and each is compressed anew
for each visitor. That was a fifth of the time until a page can be used on busy cores, and a third
on a phone's connection (dev/LOG.md). Their names carry a hash of what they hold, so that an answer
is good for ever, here and in the browser; Gradio says so to no browser.

Nothing here is learnt from visitors: what is kept are files of Gradio's build folder, by their
plain names, and the scripts that a page names are listed in needed_scripts.txt beside this file
(`python -m dev.needed_scripts` writes it).
"""

import functools
import html
import os
from pathlib import Path

from gradio.brotli_middleware import BrotliMiddleware
from gradio.route_utils import BUILD_PATH_LIB
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

from web.gate import route_path

FOLDER = "/assets/"
FOR_EVER = "public, max-age=31536000, immutable"  # https://www.rfc-editor.org/rfc/rfc8246
NEEDED = Path(__file__).with_name("needed_scripts.txt")


@functools.cache
def build_files() -> frozenset[str]:
    """The names of the files in Gradio's build folder, which is flat."""
    return frozenset(entry.name for entry in os.scandir(BUILD_PATH_LIB) if entry.is_file())


@functools.cache
def preload_links() -> str:
    """What a page says at its top of the scripts it will need, so that a browser can ask for all of
    them at once.

    The links are relative, so that they hold behind whatever proxy. A listed name that this
    Gradio's folder lacks is left out: another release loses some speed and nothing else. (Styles
    named early are late.)
    """
    names = [name for name in NEEDED.read_text(encoding="utf-8").split() if name in build_files()]
    return "".join(
        f'<link rel="modulepreload" href="./assets/{html.escape(name)}">' for name in names
    )


class CachedAssets:
    """ASGI middleware: the first answer for a script or style is compressed and kept; the next ones
    are given that.

    Only plain names of files in Gradio's folder get an answer; any other
    path below /assets/ is refused here. So what is kept is bounded by the files there are (10 MB
    before compression, as plain, gzip and brotli at most).
    """

    def __init__(self, app):
        self.app = app
        # At Gradio's quality: better ones save 7% and cost the first visitor 0.1 s
        self.compressed = BrotliMiddleware(app)
        self.cached = {}

    async def __call__(self, scope, receive, send):
        """Answer a request as ASGI has it, or hand it on."""
        path = route_path(scope) if scope["type"] == "http" else ""
        if not path.startswith(FOLDER):
            return await self.app(scope, receive, send)
        name = path.removeprefix(FOLDER)
        if name not in build_files():
            return await PlainTextResponse("There is no such file.", status_code=404)(
                scope, receive, send
            )
        asked = Headers(scope=scope)
        if scope["method"] != "GET" or "range" in asked:
            return await self.app(scope, receive, send)
        accepted = asked.get("accept-encoding", "")
        key = name, next((encoding for encoding in ("br", "gzip") if encoding in accepted), "")
        for message in self.cached.get(key) or await self._answer(key, scope, receive):
            await send(dict(message))

    async def _answer(self, key, scope, receive):
        """The messages of the answer: its start and its whole body."""
        messages = []

        async def collect(message):
            messages.append(message)

        await self.compressed(scope, receive, collect)
        start, *rest = messages
        body = b"".join(message.get("body", b"") for message in rest)
        headers = MutableHeaders(raw=list(start["headers"]))
        headers["Content-Length"] = str(len(body))  # sent in pieces, it had none
        found = start["status"] == 200
        if found:
            headers["Cache-Control"] = FOR_EVER
        answer = {**start, "headers": headers.raw}, {"type": "http.response.body", "body": body}
        if found:
            self.cached[key] = answer
        return answer
