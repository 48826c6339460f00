"""Answers that many browsers ask for again and again: compressed once, and told 304 where known."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response


@dataclass(frozen=True)
class Drawn:
    """What is answered to all who ask for the same: `body`, compressed, and its ETag."""

    body: bytes
    etag: str


def drawn(content: str) -> Drawn:
    """The answer that a text makes."""
    written = content.encode()
    etag = f'"{hashlib.sha256(written).hexdigest()[:24]}"'
    return Drawn(gzip.compress(written, 5), etag)


def answer(
    request: Request, content: Drawn, media_type: str, headers: Mapping[str, str]
) -> Response:
    """304 where the browser has it, else the body, compressed where the browser takes that."""
    headers = {**headers, "ETag": content.etag}
    if is_known(request, content.etag):
        return Response(status_code=304, headers=headers)
    headers["Vary"] = "Accept-Encoding"
    body = content.body
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
    else:
        body = gzip.decompress(body)
    return Response(body, media_type=media_type, headers=headers)


def is_known(request: Request, etag: str) -> bool:
    """Whether the request names this ETag, alone or among others, as If-None-Match has them. A
    proxy that compresses makes a weak one of it, `W/"…"`, which counts here as the same
    (https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2).
    """
    named = request.headers.get("if-none-match", "").split(",")
    return etag in (each.strip().removeprefix("W/") for each in named)
