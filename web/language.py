"""The head of the page: what this is, and in which language.

>>> chosen_language("lang=zh", ""), chosen_language("", "zh-CN,zh;q=0.9,en;q=0.8"), chosen_language("lang=xx", "fr")
('zh', 'zh', 'en')
"""

import json
from urllib.parse import parse_qs

import gradio as gr
from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import RedirectResponse

from languages import DEFAULT_LANGUAGE, LANGUAGES, _, language
from tabs.address import QUIET, SHOW_ADDRESS
from web.assets import preload_links
from web.gate import route_path
from web.scripts import script_tag

# On a phone Gradio hides its API's link, and the dot beside it should go; to a rule for some widths
# alone, Gradio's page adds a prefix that its own foot is not under.
FOOT = "@media (max-width: 640px) { footer .divider { display: none !important; } }"
HEAD = f"<script>{SHOW_ADDRESS}</script><style>{FOOT}</style>"
# Gradio's own words (Settings, Drop file here) follow the browser's language, and so does the
# page's `lang`. Both are to be those of the page; what `launch(head=...)` brings comes too late for
# that, since Gradio's script adds it.
TAGS = {"en": "en", "zh": "zh-CN"}
# Where the address will fill fields, what was drawn ahead of it isn't shown (static/page.css).
EARLY = """<head><script>Object.defineProperty(navigator, "language", {get: () => "TAG", configurable: true});
document.documentElement.classList.toggle("filling", [...new URLSearchParams(location.search).keys()].some(
  (key) => !QUIET.includes(key) && !key.startsWith("__")));</script>""".replace(
    "QUIET", json.dumps(QUIET)
)

# The other language's link keeps what the address says (the run, the tab, a teacher's task) and
# what stands in the fields: those are known to the open tab's own button (tabs/address.py), which
# is there once the tab is.
SWITCH = """element.addEventListener("click", (event) => {
  const link = event.target.closest("a[hreflang]"); if (!link) return;
  event.preventDefault();
  window.languageWanted = link.hreflang;
  const tab = document.querySelector("[role=tab][aria-selected=true][aria-controls^=tab-]")?.getAttribute("aria-controls");
  const fields = document.getElementById(tab?.replace("tab-", "language-of-"));
  if (fields) { fields.click(); return; }
  const url = new URL(location); url.searchParams.set("lang", link.hreflang); openLanguage(url); });"""


def build_header():
    """Title, one sentence, and links to the other languages."""
    links = "".join(
        f'<a href="?lang={name}" hreflang="{name}" lang="{name}">{called}</a>'
        for name, called in LANGUAGES.items()
        if name != language()
    )
    title = _("From a pair of sentences to a paraphrase classifier")
    intro = _(
        "Follow one pair the whole way, on real parts: <strong>tokenize</strong> it, see the "
        "<strong>padding</strong> of "
        "its batch, <strong>fine-tune</strong> a classifier with <code>Trainer</code>, and ask it "
        "for a "
        "<strong>prediction</strong>."
    )
    gr.Navbar(visible=False)  # the link above is it
    gr.HTML(
        f'<header class="page-head"><nav>{links}</nav><h1>{title}</h1><p>{intro}</p></header>',
        js_on_load=SWITCH,
    )


def chosen_language(query, accepted):
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


class SpokenPage:
    """ASGI middleware: leads from / to the page of the visitor's language, and back where the
    address asks for English.

    Gradio sends its page as it is, half a megabyte: from here it goes out gzipped. Nothing else
    does.
    """

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        path = route_path(scope) if scope["type"] == "http" else ""
        page = path.strip("/")
        if (
            scope["type"] == "http"
            and scope["method"] in ("GET", "HEAD")
            and (page == "" or page in LANGUAGES)
        ):
            query = scope["query_string"].decode("latin-1")
            accepted = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
            wanted = chosen_language(query, page or accepted)
            wanted = "" if wanted == DEFAULT_LANGUAGE else wanted
            if path != f"/{wanted}":
                # Relative, so that it holds behind whatever proxy
                target = ("../" if page and path.endswith("/") else "./") + wanted
                leads = RedirectResponse(
                    f"{target}?{query}" if query else target, headers=OF_THE_VISITOR
                )
                return await leads(scope, receive, send)
            tag = TAGS[wanted or DEFAULT_LANGUAGE]

            async def spoken_page(scope, receive, send):
                await self.app(scope, receive, _in_language(send, tag, script_tag() + preload_links()))

            return await GZipMiddleware(spoken_page, compresslevel=5)(scope, receive, send)
        await self.app(scope, receive, send)


def _in_language(send, tag, links):
    """`send` of ASGI, for a page of HTML: its language stands there before Gradio's script asks for
    one.
    """
    early = (EARLY.replace("TAG", tag) + links).encode()

    async def spoken(message):
        if message["type"] == "http.response.start":
            message = {
                **message,
                "headers": [
                    each for each in message["headers"] if each[0].lower() != b"content-length"
                ],
            }
            headers = MutableHeaders(scope=message)
            headers.add_vary_header(OF_THE_VISITOR["Vary"])
            headers["Cache-Control"] = OF_THE_VISITOR["Cache-Control"]
        elif message["type"] == "http.response.body":
            body = message.get("body", b"").replace(
                b'<html\n\tlang="en"', f'<html\n\tlang="{tag}"'.encode(), 1
            )
            body = body.replace(
                b'href="/manifest.json"', b'href="./manifest.json"', 1
            )  # below whatever path the app is
            message = {**message, "body": body.replace(b"<head>", early, 1)}
        await send(message)

    return spoken
