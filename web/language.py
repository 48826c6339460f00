"""Each visitor's page in the language that its address or the browser asks for.

>>> chosen_language("lang=zh", ""), chosen_language("", "zh-CN,zh;q=0.9,en;q=0.8")
('zh', 'zh')
>>> chosen_language("lang=xx", "fr")
'en'
"""

from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from languages import DEFAULT_LANGUAGE, LANGUAGES
from web.assets import preload_links
from web.gate import route_path
from web.page_files import script_tag, style_tag

# The tag of each language in <html lang>
TAGS = {"en": "en", "zh": "zh-CN"}


def chosen_language(query: str, accepted: str) -> str:
    """The language of the page: the address's, else the first one of the browser's that is here,
    else English.

    query: the address's, undecoded; accepted: the header Accept-Language, most wanted first as
    browsers write it.
    """
    asked = parse_qs(query).get("lang", [""])[-1]
    wanted = [asked, *(part.partition(";")[0].strip() for part in accepted.split(","))]
    known = [part.partition("-")[0].lower() for part in wanted]
    return next((name for name in known if name in LANGUAGES), DEFAULT_LANGUAGE)


# Which page is sent, or where / leads, depends on the browser's languages, and what stands in it on
# the moment: no cache between keeps it for another visitor
OF_THE_VISITOR = {"Vary": "Accept-Language", "Cache-Control": "private, no-cache"}


class LanguagePages:
    """ASGI middleware: leads from / to the page of the visitor's language, and back where the
    address asks for English.

    Gradio 6.31: it sends its page as it is, half a megabyte. From here it goes out gzipped; nothing
    else does.
    """

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request as ASGI has it, or hand it on."""
        path = route_path(scope) if scope["type"] == "http" else ""
        page = path.strip("/")
        is_page = path.startswith("/") and page in ("", *LANGUAGES)
        if not is_page or scope["method"] not in ("GET", "HEAD"):
            return await self.app(scope, receive, send)
        query = scope["query_string"].decode("latin-1")
        wanted = chosen_language(query, page or Headers(scope=scope).get("accept-language", ""))
        name = "" if wanted == DEFAULT_LANGUAGE else wanted
        if path != f"/{name}":
            # Relative, so that it holds behind whatever proxy
            target = ("../" if page and path.endswith("/") else "./") + name
            address = f"{target}?{query}" if query else target
            redirect = RedirectResponse(address, headers=OF_THE_VISITOR)
            return await redirect(scope, receive, send)

        async def page_in_language(scope: Scope, receive: Receive, send: Send) -> None:
            await self.app(scope, receive, _in_language(send, TAGS[wanted]))

        await GZipMiddleware(page_in_language, compresslevel=5)(scope, receive, send)


def _in_language(send: Send, tag: str) -> Send:
    """ASGI's `send` for a page of HTML, which changes its headers and its head."""

    async def send_changed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=list(message["headers"]))
            del headers["Content-Length"]
            headers.add_vary_header(OF_THE_VISITOR["Vary"])
            headers["Cache-Control"] = OF_THE_VISITOR["Cache-Control"]
            message = {**message, "headers": headers.raw}
        elif message["type"] == "http.response.body":
            message = {**message, "body": change_head(message.get("body", b""), tag)}
        await send(message)

    return send_changed


# Gradio 6.31: its page says that it is English in every language. Its own words (Settings, Drop
# file here) follow the browser's language, which static/language.js sets to this.
ENGLISH = b'<html\n\tlang="en"'
# Gradio 6.31: this link leaves the path below which the app is mounted or proxied.
MANIFEST = b'href="/manifest.json"'
HEAD = b"<head>"
MODULES = b'<script type="module"'


def change_head(page: bytes, tag: str) -> bytes:
    """Gradio's page with its language, and with what it loads named at its top."""
    page = page.replace(ENGLISH, f'<html\n\tlang="{tag}"'.encode(), 1)
    page = page.replace(MANIFEST, b'href="./manifest.json"', 1)
    page = page.replace(HEAD, HEAD + (style_tag() + preload_links()).encode(), 1)
    return page.replace(MODULES, script_tag().encode() + MODULES, 1)
