"""GET gradio_api/classes/<code>/state: what an open page of a class asks every few seconds.

Three hundred pupils ask: an answer reads nothing that hasn't changed, and the page asks Gradio only
once the rules are others.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pipeline.classes.rules import version_of_rules
from pipeline.classes.store import read_class
from pipeline.errors import InputError
from pipeline.runs.queue import digest
from pipeline.settings import Settings

ROUTE = "gradio_api/classes"


def state_address(code: str) -> str:
    """Where a class's state is asked for, relative to the page."""
    return f"{ROUTE}/{code}/state"


def routes(settings: Settings) -> list[Route]:
    """The one route. 404 where there is no such class any more."""

    async def state(request: Request) -> Response:
        try:
            one = read_class(request.path_params["code"], settings)
        except InputError:
            return Response(status_code=404)
        rules = version_of_rules(one)
        tag = f'"{rules}-{digest(one.task)[:16]}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return JSONResponse({"rules": rules, "task": one.task}, headers=headers)

    return [Route(f"/{state_address('{code}')}", state)]
