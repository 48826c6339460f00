"""GET gradio_api/runs/<id>/model.zip and train.py: files of any size, of which no copy is made."""

import functools
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from pipeline.errors import InputError
from pipeline.export.model import files_of, saved_run, zip_chunks, zip_name
from pipeline.export.scripts import run_script
from pipeline.runs.queue import read_run
from pipeline.settings import Settings
from tabs.errors import explain

# Below this prefix Gradio's own front server hands every request on to Python, also where it
# renders pages itself.
ROUTE = "gradio_api/runs"


def model_address(run_id: str) -> str:
    """Where a run's model is downloaded, relative to the page."""
    return f"{ROUTE}/{run_id}/model.zip"


def script_address(run_id: str) -> str:
    """Where a run's script is downloaded, relative to the page."""
    return f"{ROUTE}/{run_id}/train.py"


def routes(settings: Settings) -> list[Route]:
    """Both downloads."""

    def model(run_id: str) -> Response:
        run = saved_run(run_id, settings)
        name = zip_name(run)
        return StreamingResponse(
            zip_chunks(files_of(run, settings), name),
            media_type="application/zip",
            headers=_as_file(f"{name}.zip"),
        )

    def script(run_id: str) -> Response:
        return Response(
            run_script(read_run(run_id, settings)),
            media_type="text/x-python",
            headers=_as_file("train.py"),
        )

    return [
        Route(f"/{model_address('{run_id}')}", _explained(model)),
        Route(f"/{script_address('{run_id}')}", _explained(script)),
    ]


def _explained(answer: Callable[[str], Response]) -> Callable[[Request], Response]:
    """A download that says why there is none."""

    @functools.wraps(answer)
    def explained(request: Request) -> Response:
        try:
            return answer(request.path_params["run_id"])
        except (InputError, OSError) as error:  # OSError: the run was removed just now
            return PlainTextResponse(explain(error), status_code=404)
        except Exception as error:
            return PlainTextResponse(explain(error), status_code=500)

    return explained


def _as_file(name: str) -> dict[str, str]:
    return {
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
    }
