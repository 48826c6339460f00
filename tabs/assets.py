"""Gradio's own scripts and styles: compressed once for all visitors, and named to a browser before it needs them.

A page asks for some ninety of them, one lot after another, and Gradio compresses each one anew for each visitor: that was
a fifth of the time until a page can be used on busy cores, and a third on a phone's connection (dev/LOG.md). Their names
carry a hash of what they hold, so that an answer is good for ever, here and in the browser.
"""

import time

from gradio.brotli_middleware import BrotliMiddleware
from starlette.datastructures import Headers, MutableHeaders

FOLDER = "/assets/"
FOR_EVER = "public, max-age=31536000, immutable"  # https://www.rfc-editor.org/rfc/rfc8246


class NeededScripts:
    """The scripts that a page needs, learnt from the first one: a browser that is told can ask for all of them at once."""

    SECONDS = 10.0  # from its first: whoever opens the API's or the settings' window later needs more than a visit does

    def __init__(self):
        self.paths, self.since = [], None

    def asked(self, path):
        """A file that is there was asked for, as no other visitor has before."""
        now = time.monotonic()
        self.since = self.since or now
        if path.endswith(".js") and path not in self.paths and now - self.since < self.SECONDS:
            self.paths.append(path)

    def links(self):
        """What a page says at its top; relative, so that it holds behind whatever proxy. (Styles named early are late.)"""
        return "".join(f'<link rel="modulepreload" href=".{path}">' for path in self.paths)


class KeptAssets:
    """ASGI middleware: the first answer for a script or style is compressed and kept; the next ones are given that.

    What is kept is bounded by the files there are (10 MB before compression, as plain, gzip and brotli at most): only
    a 200 is kept, and whatever follows the name in an address makes no second copy. needed: is told what is asked for.
    """

    def __init__(self, app, needed):
        self.app, self.needed = app, needed
        self.compressed = BrotliMiddleware(app)  # at Gradio's quality: better ones save 7% and cost the first visitor 0.1 s
        self.kept = {}

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(FOLDER):
            return await self.app(scope, receive, send)
        asked = Headers(scope=scope)
        if "range" in asked:
            return await self.app(scope, receive, send)
        accepted = asked.get("accept-encoding", "")
        key = scope["path"], next((name for name in ("br", "gzip") if name in accepted), "")
        for message in self.kept.get(key) or await self._answer(key, scope, receive):
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
            self.kept[key] = answer
            self.needed.asked(key[0])
        return answer
