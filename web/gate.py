"""What every request passes before Gradio sees it: ASGI middleware that decides from the path, the
headers and the size.

ProxyHeaders        what a proxy says of the address counts only where the proxy is trusted
SameOriginCookies   a request that another site's page makes carries no cookie
AllowedPaths        paths of Gradio that this app doesn't use are closed
BodyLimit           a body has a limit, kept while it arrives
"""

import ipaddress
import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse

from languages import DEFAULT_LANGUAGE, LANGUAGES, say, speaking

MOST_BYTES = 2**20  # of a body; an upload has a cap of its own
UPLOAD = "/gradio_api/upload"
# RFC 3986's host without percent signs, or an address in brackets, and a port
HOST = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:\d{1,5})?")
PREFIX = re.compile(r"(/[A-Za-z0-9._~-]{1,100}){1,8}")
SAFE = ("GET", "HEAD", "OPTIONS")
CHECKED = "x-forwarded-by-an-unknown-proxy"  # stands where a header was that doesn't count
LOOPBACK = ("127.0.0.1", "::1", "localhost")

BAD_HOST = say("The Host header of this request is not a server's name.")
CLOSED = say("This app has no such address.")


def route_path(scope) -> str:
    """The path below the one under which the app is mounted or proxied: /x/zh of an app at /x is
    /zh.
    """
    path, root = scope["path"], scope.get("root_path", "")
    below = path.removeprefix(root)
    return (below or "/") if root and path.startswith(root) and below[:1] in ("", "/") else path


def language_of(scope) -> str:
    """The language of the page that made a request, by its Referer; a program's is English."""
    page = Headers(scope=scope).get("referer", "").partition("?")[0].rstrip("/").rpartition("/")[2]
    return page if page in LANGUAGES else DEFAULT_LANGUAGE


def refusal(scope, message, status, as_json=True):
    """A short answer that says `message` in the page's language."""
    with speaking(language_of(scope)):
        text = str(message)
    return JSONResponse({"detail": text}, status) if as_json else PlainTextResponse(text, status)


# ---------------------------------------------------------------- what proxies say


class TrustedProxies:
    """The proxies that a comma-separated list of addresses and networks names; "*" is all, as for
    uvicorn.
    """

    def __init__(self, named: str):
        self.all = named.strip() == "*"
        self.networks = [
            network for part in named.split(",") if (network := _network(part.strip()))
        ]

    def sent(self, scope) -> bool:
        """Whether a request came through one of them.

        uvicorn has put the visitor's address in the place of the proxy's by then, with the port 0,
        which no connection has.
        """
        host, port = scope.get("client") or ("", None)
        if self.all or port == 0:
            return True
        address = _network(host)
        return bool(address) and any(
            address.version == network.version and address.subnet_of(network)
            for network in self.networks
        )


def _network(text):
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


class ProxyHeaders:
    """The address at which the visitor sees the app: Host, or what a trusted proxy says instead.

    X-Forwarded-Host and X-Forwarded-Prefix of a trusted proxy become the Host and the root_path,
    from which Gradio derives every address that it writes. From anybody else they don't count, nor
    does X-Gradio-Server. On a Space (SPACE_HOST) X-Forwarded-Host counts where it is one of the
    Space's own names. A Host that is no host's name is refused.
    """

    def __init__(self, app, trusted, space_host=""):
        self.app, self.trusted = app, trusted
        self.own_names = [name.strip() for name in space_host.split(",") if name.strip()]

    async def __call__(self, scope, receive, send):
        """Answer a request as ASGI has it, or hand it on."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        scope = {**scope, "headers": list(scope["headers"])}
        headers = MutableHeaders(scope=scope)
        trusted = self.trusted.sent(scope)
        name = (
            headers.get("x-forwarded-host", "").rpartition(",")[2].strip()
        )  # the last is the nearest proxy's
        prefix = headers.get("x-forwarded-prefix", "").rpartition(",")[2].strip().rstrip("/")
        unchecked = any(header in headers for header in ("x-forwarded-host", "forwarded"))
        for header in ("x-forwarded-host", "x-forwarded-prefix", "x-gradio-server", CHECKED):
            del headers[header]
        if unchecked:
            headers[CHECKED] = "1"
        if HOST.fullmatch(name) and (name in self.own_names if self.own_names else trusted):
            headers["host"] = name
        if not HOST.fullmatch(headers.get("host", "localhost")):
            return await refusal(scope, BAD_HOST, 400)(scope, receive, send)
        if trusted and PREFIX.fullmatch(prefix) and ".." not in prefix.split("/"):
            scope["root_path"] = prefix + scope.get("root_path", "")
            scope["path"] = prefix + scope["path"]
        # Gradio 6.31: it keeps what it says of the whole API as the first request saw it, Host
        # included, for all that follow; what it says of one page it makes anew
        if (
            route_path(scope).rstrip("/") == "/gradio_api/info"
            and b"page=" not in scope["query_string"]
        ):
            scope["query_string"] = b"&".join(filter(None, [scope["query_string"], b"page="]))
        await self.app(scope, receive, send)


# ---------------------------------------------------------------- whose page asks


def is_foreign(headers) -> bool:
    """Whether a page of another origin made this request. A program sends neither header, and is
    nobody's page.

    A browser says so itself in Sec-Fetch-Site, which no page can write; to servers without TLS it
    sends Origin alone.
    https://www.w3.org/TR/fetch-metadata/
    """
    site = headers.get("sec-fetch-site")
    if site:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2] != headers.get("host", "")


class SameOriginCookies:
    """Another site's page can ask what anybody can, but not in the name of the visitor who looks at
    it.

    Its request goes on without cookies and without the session that they open, so it is signed in
    to no account. A link
    that a visitor follows from another site keeps them: that is a GET, and signing in ends with
    one.
    """

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        """Answer a request as ASGI has it, or hand it on."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            follows_link = scope["method"] in SAFE and headers.get("sec-fetch-mode") == "navigate"
            if is_foreign(headers) and not (
                follows_link and route_path(scope).rstrip("/") != "/logout"
            ):
                # A copy: the middleware that reads the session goes on to see what the browser has,
                # and doesn't clear it
                kept = [header for header in scope["headers"] if header[0] != b"cookie"]
                scope = {**scope, "headers": kept}
                if "session" in scope:
                    scope["session"] = {}
        await self.app(scope, receive, send)


# ---------------------------------------------------------------- which paths

# What a page, a client and a signed-in visitor of this app ask for. Gradio 6.31 has more: a relay
# for any URL, screen recordings that it converts, an editor of the app, links that store what is on
# a page, calls that pass the queue by.
EXACT = {
    "/",
    "/config",
    "/favicon.ico",
    "/health",
    "/logout",
    "/login/huggingface",
    "/login/callback",
    "/manifest.json",
    "/robots.txt",
    "/theme.css",
    *(f"/{name}" for name in LANGUAGES if name != DEFAULT_LANGUAGE),
}
GRADIO_EXACT = {
    "app_id",
    "cancel",
    "info",
    "login_check",
    "openapi.json",
    "queue/data",
    "queue/join",
    "queue/status",
    "reset",
    "startup-events",
    "theme.css",
    "token",
    "upload",
    "upload_progress",
    "user",
}
BELOW = (
    "/assets/",
    "/static/",
    "/svelte/",
    "/gradio_api/call/",
    "/gradio_api/file=",
    "/gradio_api/heartbeat/",
    "/gradio_api/runs/",
    "/gradio_api/classes/",
)
RELAYED = re.compile(r"/gradio_api/file=(?:[a-z][a-z0-9+.-]+:|//|\\)", re.IGNORECASE)


def is_allowed(path: str) -> bool:
    """Whether this app answers at that path."""
    plain = path if path == "/" else path.rstrip("/")
    if ".." in path.split("/") or RELAYED.match(path):
        return False
    return (
        plain in EXACT
        or plain.removeprefix("/gradio_api/") in GRADIO_EXACT
        or path.startswith(BELOW)
    )


class AllowedPaths:
    """Whatever isn't open is a 404, and no websocket is accepted."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        """Answer a request as ASGI has it, or hand it on."""
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1008})
        if scope["type"] == "http" and not is_allowed(route_path(scope)):
            return await refusal(scope, CLOSED, 404)(scope, receive, send)
        await self.app(scope, receive, send)


# ---------------------------------------------------------------- how much


class BodyLimit:
    """A body of at most `most` bytes reaches the app, whole; a larger one is answered 413 before
    anything parses it.

    The body is read here, at most `most` bytes of it, whether the request says its length or comes
    in chunks. An upload is left to web/uploads.py.
    """

    def __init__(self, app, most=MOST_BYTES):
        self.app, self.most = app, most

    async def __call__(self, scope, receive, send):
        """Answer a request as ASGI has it, or hand it on."""
        if scope["type"] != "http" or scope["method"] in SAFE or route_path(scope) == UPLOAD:
            return await self.app(scope, receive, send)
        said = Headers(scope=scope).get("content-length", "")
        body = None if said.isdigit() and int(said) > self.most else await self._read(receive)
        if body is None:
            message = say(
                "This request is larger than the server's limit of {most} MB. Send less at once.",
                most=f"{self.most / 2**20:g}",
            )
            answer = refusal(scope, message, 413)
            answer.headers["Connection"] = "close"  # what is still to come isn't read
            return await answer(scope, receive, send)
        given = False

        async def replay():
            nonlocal given
            if given:
                return await receive()  # a disconnect, if anything
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, replay, send)

    async def _read(self, receive):
        """The whole body; None where it is too large or the client has gone."""
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            more = message.get("more_body", False)
            if size > self.most:
                return None
        return b"".join(parts)
