"""GET gradio_api/runs/<id>/watched: what changes of a run from second to second, drawn once for all
who watch it.

A tick of Gradio's own timer costs the server more than the look at the run's folder and all that is
drawn of it. So the page's script (static/watch.js) asks here each second, fills what has changed in
itself, and asks Gradio for a look where the answer's "mark" changes: at another state, and for who
may stop the run at an evaluation.
"""

import json
import threading
import time
from collections.abc import Mapping
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from languages import DEFAULT_LANGUAGE, LANGUAGES, speaking
from pipeline.errors import InputError
from pipeline.explain.evaluations import evaluations_of
from pipeline.hub.sources import RUN_ID
from pipeline.runs.progress import Run, outline
from pipeline.runs.queue import read_run
from pipeline.settings import Settings
from tabs.errors import explain
from tabs.fine_tune.charts import CHARTS
from tabs.fine_tune.owned_runs import EARLIER_RUNS
from tabs.fine_tune.run_panel import mark_of, status_of
from views.runs import log_rows, log_table
from views.theatre import bins_table, dots_data, last_said
from web import etags

ROUTE = "gradio_api/runs/{run_id}/watched"
MOST_KEPT = 64  # answers, each of some 60 kB at most
# So many pages ask each second; of more, each asks as much less often, but for nobody longer than
WATCHERS_A_SECOND, LONGEST_SECONDS = 300, 10.0


class Asked(NamedTuple):
    """What a page asks of a run. behind: ids of the earlier runs behind its charts, separated by
    commas. seen: how many evaluations it has drawn, -1 for none. log: whether its log is open.
    """

    run_id: str
    language: str
    behind: str
    seen: str
    log: bool


class Pace:
    """How long a page waits between two questions, in seconds, and how many pages watch."""

    def __init__(self) -> None:
        self.seconds, self.watchers = 1.0, 0.0
        self._weight, self._since = 0.0, time.monotonic()

    def count(self) -> None:
        """A page asks."""
        self._weight += self.seconds  # it stands for so many seconds of one page
        passed = time.monotonic() - self._since
        if passed >= max(1.0, self.seconds):
            self.watchers = self._weight / passed
            self.seconds = min(max(1.0, self.watchers / WATCHERS_A_SECOND), LONGEST_SECONDS)
            self._weight, self._since = 0.0, time.monotonic()


class Watching:
    """Answers for the pages that watch runs. Each is drawn again where the run has changed."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.pace = settings, Pace()
        self.kept: dict[Asked, tuple[Run, etags.Drawn]] = {}  # the last asked for last
        self._drawing = threading.Lock()

    def answer(self, asked: Asked) -> etags.Drawn:
        """The answer, as JSON. Raises InputError for a malformed id."""
        run = read_run(asked.run_id, self.settings)
        kept = self.kept.get(asked)
        if not kept or kept[0] is not run and kept[0] != run:
            with self._drawing:  # of those who ask at once, one draws
                kept = self.kept.pop(asked, None)
                if not kept or kept[0] != run:
                    kept = run, etags.drawn(json.dumps(self._drawn(run, asked)))
                self.kept[asked] = kept
                if len(self.kept) > MOST_KEPT:
                    del self.kept[next(iter(self.kept))]
        return kept[1]

    def _drawn(self, run: Run, asked: Asked) -> Mapping[str, object]:
        evaluations = evaluations_of(run)
        with speaking(asked.language):
            earlier = self._earlier(asked)
            parts = {"status": status_of(run)}
            parts |= {
                f"chart{number}": chart.draw(run, earlier) for number, chart in enumerate(CHARTS)
            }
            if asked.log:
                parts["log"] = log_table(log_rows(run), run.ended)
            if asked.seen != str(len(evaluations)):
                parts["sentence"], parts["table"] = last_said(evaluations), bins_table(evaluations)
                parts["dots"] = dots_data(run.id, evaluations)
            told = {name: str(part) for name, part in parts.items()}
        return {"mark": mark_of(run), "evaluations": len(evaluations), "parts": told}

    def _earlier(self, asked: Asked) -> list[Run]:
        names = [name for name in asked.behind.split(",") if RUN_ID.fullmatch(name)]
        found = [outline(name, self.settings) for name in names[:EARLIER_RUNS]]
        return [run for run in found if run.state != "expired"]


def watch_route(settings: Settings) -> Route:
    """The route; a page that has the last answer is told 304."""
    watching = Watching(settings)

    def answer(request: Request) -> Response:
        said = request.query_params
        language = said.get("lang", "")
        asked = Asked(
            request.path_params["run_id"],
            language if language in LANGUAGES else DEFAULT_LANGUAGE,
            said.get("behind", "")[: 33 * EARLIER_RUNS],
            said.get("seen", "")[:4],
            said.get("log") == "1",
        )
        try:
            told = watching.answer(asked)
        except InputError as error:
            return PlainTextResponse(explain(error), status_code=404)
        watching.pace.count()
        headers = {
            "Cache-Control": "no-store",
            "X-Again": f"{watching.pace.seconds:.1f}",
            "X-Watchers": f"{watching.pace.watchers:.0f}",
        }
        return etags.answer(request, told, "application/json", headers)

    return Route(f"/{ROUTE}", answer)
