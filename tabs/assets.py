"""Gradio's own scripts and styles, compressed once for all visitors.

A page asks for some ninety of them, and Gradio compresses each one anew for each visitor: on busy cores that was a fifth
of the time until a page can be used (dev/LOG.md). Their names carry a hash of what they hold, so that an answer is good
for ever, here and in the browser.
"""

from gradio.brotli_middleware import BrotliMiddleware
from starlette.datastructures import Headers, MutableHeaders

FOLDER = "/assets/"
FOR_EVER = "public, max-age=31536000, immutable"  # https://www.rfc-editor.org/rfc/rfc8246


class KeptAssets:
    """ASGI middleware: the first answer for a script or style is compressed and kept; the next ones are given that.

    What is kept is bounded by the files there are (10 MB before compression, as plain, gzip and brotli at most): only
    a 200 is kept, and whatever follows the name in an address makes no second copy.
    """

    def __init__(self, app):
        self.app = app
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
        return answer
