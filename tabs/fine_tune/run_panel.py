"""The run that the page shows: its state, charts and result. Each look reads the run's folder."""

import json
import time
from collections.abc import Callable

import gradio as gr
from gradio.components import Component

from languages import _, say
from pipeline.errors import InputError
from pipeline.runs.names import name_of
from pipeline.runs.pace import seconds_left
from pipeline.runs.progress import Run, outline, progress
from pipeline.runs.queue import read_run
from pipeline.runs.same import asked_at
from pipeline.runs.supervisor import may_stop, stop_run
from pipeline.settings import Settings
from tabs.errors import error_notice
from tabs.fine_tune.charts import CHARTS, RunChart
from tabs.fine_tune.owned_runs import (
    JOINED,
    LEFT,
    earlier_runs_of,
    has_joined,
    remembered,
    runs_of,
    secret_of,
)
from views.runs import (
    at_the_station,
    result,
    run_label,
    run_message,
    run_status,
    same_settings,
    stopped_by_owner,
)

NO_RUN = Run("", "idle")
ANNOUNCE = "page.fineTune.announce(element, watch); page.watch.begin(element, trigger, props)"
LISTEN = "page.charts.listen(element)"
# static/watch.js fills what changes each second, by these names (watching.py)
FILL = "page.watch.fill({part!r}, element, props)"
STOP_AND_KEEP, LEAVE = say("Stop and keep the model"), say("Leave the queue")
LEAVE_THE_RUN = say("Leave this run")  # somebody else's, which goes on


def status_of(run: Run, last: Run | None = None) -> str:
    """The run's state, its progress, and what there is to say of it. last: a run to show instead
    of none.
    """
    label = run_label(run.id, run.config) if run.id else ""
    return run_status(
        run.state,
        *progress(run),
        seconds_left(run),
        run_message(run),
        label,
        station=at_the_station(run),
        last=(last.id, run_label(last.id, last.config)) if last else None,
    )


def mark_of(run: Run) -> str:
    """The run's state, and how many evaluations it has told: what the panel's own look follows.

    >>> mark_of(Run("0" * 32, "queued"))
    'queued 0'
    """
    return f"{run.state} {len(run.of('evaluation'))}"


def _chart(number: int) -> gr.HTML:
    """The component of one of CHARTS; static/watch.js fills it."""
    chart = CHARTS[number]
    return gr.HTML(
        chart.draw(NO_RUN),
        min_height=150 if chart.small else 280,
        js_on_load=f"{LISTEN}; {FILL.format(part=f'chart{number}')}",
        padding=False,
    )


class RunPanel:
    """The components of the shown run, and the handlers that draw them.

    views: {component: function of a Run that gives its value}; sections add what follows a run.
    sections: draws what depends on whose run it is, too: (function of a run's id and the browser's
    runs that gives {component: value}, its components).
    """

    def __init__(self, settings: Settings):
        self.settings = settings
        with gr.Column(elem_id="run-status"), gr.Row():
            self.status = gr.HTML(
                status_of(NO_RUN),
                min_height=58,
                js_on_load=ANNOUNCE,
                padding=False,
            )
            with gr.Column(min_width=0, scale=0, elem_classes="stops"):
                self.stop = gr.Button(str(STOP_AND_KEEP), size="sm", visible=False)
                # In another place and colour: who presses twice shouldn't lose the model
                self.stop_now = gr.Button(
                    _("Stop now, discard the model"), size="sm", variant="stop", visible=False
                )
        with gr.Row(elem_id="same-run"):
            self.same = gr.HTML(visible=False, padding=False)
            self.again = gr.Button(
                _("Train it again all the same"),
                size="sm",
                min_width=220,
                scale=0,
                visible=False,
            )
        # For what is said of the run in words: after an evaluation, and at its end
        self.words = gr.Column(elem_id="run-words")
        self.charts: dict[Component, RunChart] = {}
        for row, small in (("run-charts", False), ("small-charts", True)):
            with gr.Row(elem_id=row):
                self.charts |= {
                    _chart(number): chart
                    for number, chart in enumerate(CHARTS)
                    if chart.small == small
                }
        self.result = gr.HTML()
        self.views: dict[Component, Callable[[Run], object]] = {
            self.status: status_of,
            self.result: result,
        }
        self.sections: list[tuple[Callable[[str, object], dict], list[Component]]] = []
        # A component and not a gr.State: the page's script, which writes the address, can't see a
        # State's value.
        self.run_id = gr.Textbox("", visible="hidden", elem_id="run-id")
        self.ended = gr.State("")  # the shown run's id once it has ended
        self.finished = gr.State("")  # run:<id>, the name of a model that a run has left
        # JSON of the run that was drawn last, "" for none: the page's script watches it while it
        # goes on, and asks for another look where it isn't the one that is shown
        self.watched = gr.Textbox("", visible="hidden", elem_id="run-watched")
        # What the browser remembers, which static/fine_tune.js reads and writes. Not a
        # gr.BrowserState: that one reads the storage when its code has come, over what a press has
        # put there before.
        self.owned = gr.JSON({}, visible="hidden")
        # Changes only when the browser remembers other runs
        self.known = gr.Textbox("", visible="hidden")

    @property
    def outputs(self) -> list[Component]:
        """All that `draw` may change."""
        states = [self.stop, self.stop_now, self.watched, self.finished, self.ended]
        parts = [part for _draw, parts in self.sections for part in parts]
        return [*self.views, *self.charts, *parts, *states, self.same, self.again]

    @property
    def shown_outputs(self) -> list[Component]:
        """All that `show` and `ask_to_stop` may change."""
        return [self.run_id, self.owned, *self.outputs]

    def show(self, run_id: str, owned: dict[str, str], same: Run | None = None) -> dict:
        """Show a run from now on. owned: what the browser remembers with it; same: as say_same."""
        drawn = {**self.draw(run_id, owned), **self.say_same(same)}
        return {**drawn, self.run_id: run_id, self.owned: owned}

    def say_same(self, run: Run | None) -> dict:
        """Tell that a run with the same settings was there already; None: that none was."""
        is_there = run is not None
        said = same_settings(run, time.time() - asked_at(run.id, self.settings)) if run else ""
        return {
            self.same: gr.HTML(said, visible=is_there),
            self.again: gr.Button(visible=is_there),
        }

    def load(self, owned: object, request: gr.Request) -> dict:
        """The run named in the page's address, if any, else the browser's last one as an offer."""
        run_id = request.query_params.get("run", "")
        if run_id:
            return {self.run_id: run_id, **self.draw(run_id, owned)}
        return self.offer_last("", owned)

    def offer_last(self, run_id: str, owned: object) -> dict:
        """Where no run is shown: this browser's last one as a link. Another tab may have started
        it.
        """
        if run_id:
            return gr.skip()
        runs = runs_of(owned, self.settings, read=outline)
        last = next((run for run in runs if run.state != "expired"), None)
        return {self.status: status_of(NO_RUN, last), self.watched: ""}

    def look(self, run_id: str, owned: object, expected: str) -> dict:
        """The shown run drawn; where none is shown and none is expected, as offer_last."""
        if run_id:
            return self.draw(run_id, owned)
        return {} if expected else self.offer_last("", owned)

    def look_again(self, run_id: str, owned: object) -> dict:
        """What is shown, as it is now: a run, or that there is none."""
        if run_id:
            return self.draw(run_id, owned)
        return {**self._none(), **self.offer_last("", owned)}

    def draw(self, run_id: object, owned: object) -> dict:
        """One look at the run's folder."""
        if not run_id:
            return gr.skip()
        try:
            return self._drawn(read_run(run_id, self.settings), owned)
        except InputError as error:
            return {self.status: error_notice(error), self.watched: ""}
        except Exception as error:  # what nobody foresaw may be over at the next look
            return {self.status: error_notice(error)}

    def _drawn(self, run: Run, owned: object) -> dict:
        mine = not run.ended and may_stop(run.id, secret_of(run.id, owned), self.settings)
        joined = not run.ended and not mine and has_joined(run.id, owned)
        stop = LEAVE if run.state == "queued" else STOP_AND_KEEP
        may_ask = joined or (mine and run.state != "stopping")
        finished = {self.finished: f"run:{run.id}"} if run.answers else {}
        earlier = earlier_runs_of(run, owned, self.settings)
        is_lost = run.state == "stopped" and has_joined(run.id, owned)
        drawn = [draw(run.id, owned) for draw, _parts in self.sections]
        return {
            **{component: draw(run) for component, draw in self.views.items()},
            **{component: chart.draw(run, earlier) for component, chart in self.charts.items()},
            **{part: value for one in drawn for part, value in one.items()},
            **finished,
            self.stop: gr.Button(
                str(LEAVE_THE_RUN if joined else stop), interactive=may_ask, visible=not run.ended
            ),
            self.stop_now: gr.Button(visible=mine and run.state == "stopping"),
            self.watched: _watched(run.id) if run.ended else _going_on(run, mine, earlier),
            self.ended: run.id if run.ended else "",
            **(self._say_stopped(run) if is_lost else {}),
        }

    def _say_stopped(self, run: Run) -> dict:
        said = gr.HTML(stopped_by_owner(run), visible=True)
        return {self.same: said, self.again: gr.Button(visible=True)}

    def ask_to_stop(self, run_id: object, owned: object) -> dict:
        """Ask the run to end after its step, with its model. Asked again, it is asked nothing. Of
        a run that somebody else has started, the view ends and the run goes on.
        """
        try:
            run = read_run(run_id, self.settings) if run_id else NO_RUN
            if has_joined(run.id, owned) and not may_stop(run.id, JOINED, self.settings):
                return self._leave(run, owned)
        except Exception as error:
            return {self.status: error_notice(error)}
        return self._stop(run_id, owned, ("queued", "running"))

    def _leave(self, run: Run, owned: object) -> dict:
        said = _("You have left {name}. It goes on for whoever started it.", name=name_of(run.id))
        return {
            **self._none(),
            self.status: run_status(NO_RUN.state, 0, 0, None, said),
            self.run_id: "",
            self.owned: {**remembered(owned), run.id: LEFT},
        }

    def _none(self) -> dict:
        """No run is shown any more."""
        return {
            **{part: draw(NO_RUN) for part, draw in self.views.items()},
            **{component: chart.draw(NO_RUN) for component, chart in self.charts.items()},
            **self.say_same(None),
            self.stop: gr.Button(visible=False),
            self.stop_now: gr.Button(visible=False),
            self.watched: "",
            self.ended: "",
        }

    def ask_to_stop_now(self, run_id: object, owned: object) -> dict:
        """End a run at once that was asked to stop, without its model."""
        return self._stop(run_id, owned, ("stopping",))

    def _stop(self, run_id: object, owned: object, states: tuple[str, ...]) -> dict:
        try:
            if read_run(run_id, self.settings).state in states:
                stop_run(run_id, secret_of(run_id, owned), self.settings)
        except Exception as error:
            return {self.status: error_notice(error)}
        return gr.skip()


def _watched(run_id: str, **more: object) -> str:
    """What static/watch.js is told of the run that was drawn."""
    return json.dumps({"run": run_id, **more})


def _going_on(run: Run, mine: bool, earlier: list[Run]) -> str:
    """The same of one that hasn't ended. mine: whether the browser owns it."""
    behind = ",".join(other.id for other in earlier)
    return _watched(run.id, mark=mark_of(run), mine=mine, behind=behind)
