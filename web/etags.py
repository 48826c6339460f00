"""Whether a browser has an answer already: HTTP's conditional requests."""

from starlette.requests import Request


def is_known(request: Request, etag: str) -> bool:
    """Whether the request names this ETag, alone or among others, as If-None-Match has them. A
    proxy that compresses makes a weak one of it, `W/"…"`, which counts here as the same
    (https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2).
    """
    named = request.headers.get("if-none-match", "").split(",")
    return etag in (each.strip().removeprefix("W/") for each in named)
