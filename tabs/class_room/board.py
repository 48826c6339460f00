"""The class's board: in the Class tab, and as a page of its own for the wall.

GET gradio_api/classes/<code>/board       the board as HTML, for the tab
GET gradio_api/classes/<code>/projector   a page for a projector; it asks for .../board-on-the-wall
GET gradio_api/classes/<code>/qr.svg      the class's link as a QR code
POST gradio_api/classes/<code>/test       opens the test split; with the teacher's key
GET gradio_api/classes/<code>/results.csv the class's results; with the teacher's key

The key comes as `Authorization: Bearer <key>`, so that it stands in no address and no log.

Plain routes: three hundred ask, and most of what they get is that nothing has changed.
"""

import threading
from collections.abc import Callable
from functools import cache

import gradio as gr
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from languages import DEFAULT_LANGUAGE, LANGUAGES, _, language, speaking
from pipeline.classes.board import Board, board_of
from pipeline.classes.scores import open_test_split
from pipeline.classes.store import check_teacher, read_class
from pipeline.config import RUN_SETTINGS
from pipeline.errors import InputError
from pipeline.export.class_csv import results_csv
from pipeline.settings import Settings
from tabs.class_room.state import ROUTE
from tabs.errors import explain
from views import board as drawn
from views.render import render
from web import etags
from web.page_files import STATIC

PRIVATE = {"Cache-Control": "no-cache", "X-Robots-Tag": "noindex"}
MOST_KEPT = 64
_kept: dict[tuple, tuple[Board, etags.Drawn]] = {}
_drawing = threading.Lock()
STYLES = ("page.css", "board.css", "projector.css")


def build_board() -> None:
    """The board's place in the Class tab; static/board.js fills it while it is in sight."""
    gr.HTML(
        render(
            "board_place.html",
            language=language(),
            lost=_("No answer from the server. What is shown may be out of date."),
        ),
        js_on_load="page.board.listen(element)",
        elem_id="class-board",
        padding=False,
    )


def routes(settings: Settings) -> list[Route]:
    """The board, and the page for a projector. 404 and a sentence where there is no such class."""

    def board(request: Request, is_projector: bool = False) -> Response:
        code, asked = request.path_params["code"], request.query_params
        found = board_of(code, settings)
        x, y = (name if (name := asked.get(axis)) in RUN_SETTINGS else "" for axis in ("x", "y"))
        link = link_of(request, found.the_class.code, settings) if is_projector else ""
        kept = _drawn(found, str(x or ""), str(y or ""), link, is_projector)
        headers = {**PRIVATE, "X-Pupils": str(len(found.pupils))}
        return etags.answer(request, kept, "text/html", headers)

    def on_the_wall(request: Request) -> Response:
        return board(request, is_projector=True)

    def projector(request: Request) -> Response:
        found = board_of(request.path_params["code"], settings)
        code = found.the_class.code
        html = drawn.board(found, link=link_of(request, code, settings), is_projector=True)
        page = render(
            "projector.html",
            language=language(),
            title=_("A class: {code}", code=code),
            board=html,
            style=_style(),
            script=_script(),
        )
        return HTMLResponse(str(page), headers=PRIVATE)

    def qr(request: Request) -> Response:
        code = read_class(request.path_params["code"], settings).code
        drawn_code = drawn.qr_code(link_of(request, code, settings))
        return Response(str(drawn_code), media_type="image/svg+xml", headers=PRIVATE)

    def open_test(request: Request) -> Response:
        open_test_split(request.path_params["code"], _key_in(request), settings)
        return PlainTextResponse(
            _("The test split is open: each finished model is judged on it, one after the other."),
            headers=PRIVATE,
        )

    def results(request: Request) -> Response:
        code = request.path_params["code"]
        check_teacher(code, _key_in(request), settings)
        return Response(
            "\ufeff" + results_csv(code, settings),  # Excel takes it for UTF-8 then
            media_type="text/csv",
            headers={**PRIVATE, "Content-Disposition": 'attachment; filename="class.csv"'},
        )

    found = {"board": board, "board-on-the-wall": on_the_wall, "projector": projector}
    found |= {"qr.svg": qr, "results.csv": results}
    return [
        *(Route(f"/{ROUTE}/{{code}}/{name}", _in_a_thread(each)) for name, each in found.items()),
        Route(f"/{ROUTE}/{{code}}/test", _in_a_thread(open_test), methods=["POST"]),
    ]


def _drawn(board: Board, x: str, y: str, link: str, is_projector: bool) -> etags.Drawn:
    """A board as HTML. All who look at the same one get the same drawing: three hundred
    would keep a core busy.
    """
    key = (board.the_class.code, language(), x, y, link, is_projector)
    with _drawing:
        kept = _kept.pop(key, None)
        if not kept or kept[0] is not board:  # the same one within a second
            html = drawn.board(board, x=x, y=y, link=link, is_projector=is_projector)
            kept = board, etags.drawn(str(html))
        _kept[key] = kept
        if len(_kept) > MOST_KEPT:
            del _kept[next(iter(_kept))]
    return kept[1]


def link_of(request: Request, code: str, settings: Settings) -> str:
    """The class's link as pupils open it."""
    if settings.space_id:
        return f"https://huggingface.co/spaces/{settings.space_id}?class={code}"
    here = str(request.url.replace(query="", fragment=""))
    return f"{here.partition(ROUTE)[0]}?class={code}"


def _key_in(request: Request) -> str:
    """The teacher's key that a request brings, "" for none."""
    kind, _space, key = request.headers.get("authorization", "").partition(" ")
    return key if kind.lower() == "bearer" else ""


def _in_a_thread(answer: Callable[[Request], Response]) -> Callable:
    """A route that answers in the language that is asked for, and says why where it can't."""

    def answered(request: Request) -> Response:
        asked = request.query_params.get("lang", "")
        with speaking(asked if asked in LANGUAGES else DEFAULT_LANGUAGE):
            try:
                return answer(request)
            except InputError as error:
                return PlainTextResponse(explain(error), status_code=404, headers=PRIVATE)
            except Exception as error:
                return PlainTextResponse(explain(error), status_code=500, headers=PRIVATE)

    async def route(request: Request) -> Response:
        return await run_in_threadpool(answered, request)

    return route


@cache
def _style() -> Markup:
    return Markup("\n".join((STATIC / name).read_text(encoding="utf-8") for name in STYLES))


@cache
def _script() -> Markup:
    return Markup(f'"use strict";\n{(STATIC / "board.js").read_text(encoding="utf-8")}')
