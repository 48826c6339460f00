"""Runs that differ in one setting alone. Here it is the seed: a table, and charts with a band
between them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Unpack

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from languages import _
from pipeline.config import TrainingConfig, config_from
from pipeline.metrics import f1_in
from pipeline.runs.grid import SEEDS, with_seeds
from pipeline.runs.own_pair import pair_to_keep
from pipeline.runs.progress import Run
from pipeline.runs.queue import read_run
from pipeline.runs.supervisor import joined_run, start_runs
from pipeline.settings import Settings
from tabs.class_room.membership import How, Member, check_start, count_runs
from tabs.errors import error_notice
from tabs.fine_tune.charts import SEED_CHARTS
from tabs.fine_tune.listeners import PRIVATE, Together
from tabs.fine_tune.owned_runs import (
    BROWSER,
    address_of,
    config_to_repeat,
    remembered,
    runs_of,
    with_runs,
)
from tabs.fine_tune.run_panel import RunPanel
from views.render import render
from views.runs import STATE_NAMES, seeds_table


@dataclass(frozen=True)
class AlikeSection:
    """The components of a section, and their handlers. `controls`: {setting: its field}; pair:
    the fields of the page's two sentences, which each run judges along, or none.

    varied: the setting in which the runs differ; variants: gives all that are to be run for a
    config, which is the first of them; views: {component: what it gets of the runs}.
    """

    settings: Settings
    controls: Mapping[str, Component]
    pair: Sequence[Component]
    panel: RunPanel
    button: gr.Button
    message: gr.HTML
    table: gr.HTML
    timer: gr.Timer
    varied: str
    variants: Callable[[TrainingConfig], Sequence[TrainingConfig]]
    views: Mapping[Component, Callable[[Sequence[Run]], str]]

    @property
    def inputs(self) -> list[Component]:
        """What `start` takes: the browser's runs, the form, the pair."""
        return [self.panel.owned, *self.controls.values(), *self.pair]

    @property
    def shown_inputs(self) -> list[Component]:
        """What `start_shown` takes: the ended run, the browser's runs, the pair."""
        return [self.panel.ended, self.panel.owned, *self.pair]

    @property
    def outputs(self) -> list[Component]:
        """All that a start may change."""
        return [self.message, *self.panel.shown_outputs]

    def follow(self, fold: Together) -> None:
        """Draw it with the fold in which it stands, and while its runs go on."""
        looked = [self.panel.run_id, self.panel.owned], [*self.views, self.timer]
        fold.add(self.draw, *looked)
        self.timer.tick(self.draw, *looked, **PRIVATE)

    def start(
        self, request: gr.Request, owned: object, *values: object, **how: Unpack[How]
    ) -> dict | None:
        """Start the variants of the form's settings; a run that is there already counts, whoever
        started it.
        """
        form = dict(zip(self.controls, values, strict=False))
        return self._start(request, owned, form, values[len(form) :], **how)

    def start_shown(
        self, request: gr.Request, run_id: str, owned: object, *pair: object, **how: Unpack[How]
    ) -> dict | None:
        """Start the variants of an ended run that aren't there. As start."""
        try:
            config = config_to_repeat(run_id, owned, self.settings)
        except Exception as error:
            return {self.message: error_notice(error)}
        return self._start(request, owned, config, pair, **how)

    def _start(
        self,
        request: gr.Request,
        owned: object,
        values: Mapping,
        pair: Sequence[object],
        may_start: bool = True,
        who: Member | None = None,
    ) -> dict | None:
        try:
            owned = remembered(owned)
            config = config_from(dict(values)).checked(self.settings)
            wanted = {getattr(one, self.varied): one for one in self.variants(config)}
            alike = self._alike(asdict(config), owned)
            there = {run.config[self.varied]: run.id for run in alike}
            missing = [one for value, one in wanted.items() if value not in there]
            for one in missing:
                check_start(who, one, self.settings)
            joined = [joined_run(one, self.settings, owned) for one in missing]
            if not may_start and not all(joined):
                return None
            visitor = {"browser": owned[BROWSER], "address": address_of(request)}
            own_pair = pair_to_keep(pair, config.task_name, self.settings)
            started = (
                start_runs(missing, self.settings, **visitor, own_pair=own_pair, joining=owned)
                if missing
                else []
            )
            count_runs(who, started, self.settings)
        except Exception as error:
            return {self.message: error_notice(error)}
        return {
            self.message: "",
            # The run that the form describes stays on the screen where it is there already
            **self.panel.show(
                there.get(getattr(config, self.varied)) or started[0][0], with_runs(owned, started)
            ),
        }

    def _alike(self, config: Mapping, owned: object) -> list[Run]:
        """This browser's runs of these settings, but for the one that varies, that wait, run or are
        done.
        """
        return [
            run
            for run in runs_of(owned, self.settings)
            if (not run.ended or run.state == "done")
            and run.config
            and {**run.config, self.varied: 0} == {**config, self.varied: 0}
        ]

    def alike(self, run_id: str, owned: object) -> list[Run]:
        """The run of this id, and the browser's runs that differ from it in that setting alone: one
        for each value.
        """
        shown = read_run(run_id, self.settings)
        owned = {**owned, run_id: ""} if isinstance(owned, dict) else {run_id: ""}
        return [
            *{run.config[self.varied]: run for run in self._alike(shown.config, owned)}.values()
        ]

    def draw(self, run_id: str, owned: object) -> dict:
        """All this browser's runs that differ from the shown one in that setting alone."""
        if not run_id:
            return {**dict.fromkeys(self.views, ""), self.timer: gr.Timer(active=False)}
        try:
            runs = self.alike(run_id, owned)
            is_waiting = any(not run.ended for run in runs)
            drawn = {component: view(runs) for component, view in self.views.items()}
            return {**drawn, self.timer: gr.Timer(active=is_waiting)}
        except Exception as error:
            return {self.table: error_notice(error), self.timer: gr.Timer(active=False)}


def build_seeds(
    settings: Settings,
    controls: Mapping[str, Component],
    panel: RunPanel,
    pair: Sequence[Component] = (),
) -> AlikeSection:
    """The part of a fold; tab.py wires it, and its button as it does with all that start runs."""
    gr.Markdown(
        _(
            "How much of a result is chance? The seed sets the order of the pairs, the dropout "
            "masks and a new head's initial weights. The default settings have no dropout and no "
            "new head, so it sets only the order. The choice of evaluation pairs is chance too "
            "(about ±2 percentage points of accuracy on 408 pairs), but the band doesn't show it. "
            "A few runs show that results differ, not how far they can differ. This runs the "
            "settings above with {seeds} seeds, one after another; a run that is here already is "
            "reused.",
            seeds=SEEDS,
        )
    )
    button = gr.Button(_("Run these settings with three seeds"))
    message, table = gr.HTML(), gr.HTML(js_on_load="page.charts.listen(element)")
    timer = gr.Timer(3.0, active=False)
    components = panel, button, message, table, timer
    views = {table: compared_seeds}
    return AlikeSection(settings, controls, pair, *components, "seed", with_seeds, views)


def compared_seeds(runs: Sequence[Run]) -> Markup:
    """The runs in a table, and charts of those that are done; nothing for a single run."""
    if len(runs) < 2:
        return Markup()
    runs = sorted(runs, key=lambda run: run.config["seed"])
    rows = [(run.config["seed"], STATE_NAMES[run.state], *_metrics_of(run)) for run in runs]
    done = [run for run in runs if run.state == "done"]
    charts = []
    if len(done) > 1:
        label = _("range of {count} seeds", count=len(done))
        charts = [chart.draw_range(done, label) for chart in SEED_CHARTS]
    return render("seeds.html", table=seeds_table(rows), charts=charts)


def _metrics_of(run: Run) -> tuple:
    after = (run.first("done") or {}).get("after") or {}
    return after.get("accuracy"), f1_in(after), after.get("loss")
