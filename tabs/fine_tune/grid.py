"""Two settings, some values of each: a run for each pair, and how much of it all is chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from languages import _
from pipeline.config import config_from
from pipeline.explain.grid import GridResult, read_grid, seconds_of
from pipeline.runs.grid import (
    MOST_WRITTEN,
    STEPS,
    VARIED,
    GridPlan,
    grid_plan,
    grid_secret,
    has_unfinished_grid,
    kept_plan,
    last_plan,
    plan_in,
    start_grid,
    stop_grid,
)
from pipeline.runs.queue import read_run
from pipeline.runs.supervisor import may_stop
from pipeline.settings import Settings
from tabs.class_room.membership import Member, check_start, count_runs
from tabs.errors import error_notice, sent
from tabs.fine_tune.listeners import PRIVATE, press_once
from tabs.fine_tune.owned_runs import BROWSER, address_of, remembered, with_runs
from tabs.fine_tune.run_panel import RunPanel
from views.grid import grid_forecast, grid_map, grid_status
from views.markup import notice

OF_THE_GRID = "of-the-grid"


@dataclass(frozen=True)
class GridSection:
    """The components of the section, and their handlers.

    controls: the form, {setting: its field}; fields: the section's own, by their names in the
    address: setting and values across, the same down, steps of each run. fixed: names of what is
    locked on the page. line: what a press would set off. shown: the plan of the grid that is drawn,
    as kept_plan writes it, or "".
    """

    settings: Settings
    controls: Mapping[str, Component]
    fields: Mapping[str, Component]
    fixed: gr.State
    panel: RunPanel
    line: gr.HTML
    button: gr.Button
    stop: gr.Button
    status: gr.HTML
    drawn: gr.HTML
    shown: gr.State
    timer: gr.Timer

    @property
    def inputs(self) -> list[Component]:
        """What `start` takes: what is locked, the browser's runs, the form, the own fields."""
        return [self.fixed, self.panel.owned, *self.controls.values(), *self.fields.values()]

    @property
    def looked(self) -> list[Component]:
        """What `look` takes: the grid that is drawn, and as `start`."""
        return [self.shown, *self.inputs]

    @property
    def changed(self) -> list[Component]:
        """All that a look may change."""
        return [self.status, self.drawn, self.stop, self.shown, self.timer]

    @property
    def outputs(self) -> list[Component]:
        """All that a start may change."""
        return [*self.changed, self.panel.owned]

    def start(
        self,
        request: gr.Request,
        fixed: object,
        owned: object,
        *values: object,
        may_start: bool = True,
        who: Member | None = None,
    ) -> dict | None:
        """Start those runs of the grid that aren't here. may_start: else None where one would be
        started. who: the pupil of a class, which has to allow each of them.
        """
        try:
            plan = self._plan(values)
            if refused := self._locked(plan, fixed, values):
                return {self.status: refused}
            for config in plan.runs:
                check_start(who, config, self.settings)
            if not may_start and not all(one.is_here for one in self._read(plan).runs):
                return None
            owned = remembered(owned)
            visitor = {"browser": owned[BROWSER], "address": address_of(request)}
            started = start_grid(plan, self.settings, **visitor)
            count_runs(who, started, self.settings)
            return {**self._draw(plan, owned), self.panel.owned: owned}
        except Exception as error:
            return {self.status: error_notice(error)}

    def look(self, shown: object, _fixed: object, owned: object, *values: object) -> dict:
        """The grid that is drawn, as far as it is; else this browser's last one; else that of the
        form, where some run of it is here.
        """
        try:
            plan = plan_in(str(shown), self.settings) or self._found(owned, values)
            if plan is None:
                return {self.timer: gr.Timer(active=False)}
            return self._draw(plan, owned)
        except Exception as error:
            return {self.status: error_notice(error), self.timer: gr.Timer(active=False)}

    def ask_to_stop(self, shown: object, _fixed: object, owned: object, *values: object) -> dict:
        """Stop this browser's grid. Takes what `look` takes."""
        try:
            stop_grid(remembered(owned)[BROWSER], self.settings)
        except Exception as error:
            return {self.status: error_notice(error)}
        return self.look(shown, _fixed, owned, *values)

    def open(self, owned: object, event: gr.EventData) -> dict:
        """Show the run of the cell that was pressed, {"run": its id} of the page's script. One of
        this browser's grid is its own from now on.
        """
        try:
            run, owned = read_run(sent(event).get("run", ""), self.settings), remembered(owned)
            secret = grid_secret(owned[BROWSER])
            if may_stop(run.id, secret, self.settings):
                owned = with_runs(owned, [(run.id, secret)])
            return {self.panel.run_id: run.id, self.panel.owned: owned}
        except Exception as error:
            return {self.status: error_notice(error)}

    def forecast(self, *values: object) -> str:
        """What a press would set off. values: of the form, then of the section's fields."""
        try:
            read = self._read(self._plan(values))
            seconds = seconds_of(read.runs, self.settings)
        except Exception as error:
            return error_notice(error)
        here = sum(one.is_here for one in read.runs)
        return grid_forecast(len(read.cells), len(read.runs), here, seconds)

    def _plan(self, values: Sequence[object]) -> GridPlan:
        """values: of the form, then of the section's fields."""
        form = dict(zip(self.controls, values, strict=False))
        x, xs, y, ys, steps = values[len(form) :]
        config = config_from({**form, "max_steps": steps})
        return grid_plan(config, {str(x): str(xs or ""), str(y): str(ys or "")}, self.settings)

    def _locked(self, plan: GridPlan, fixed: object, values: Sequence[object]) -> Markup | None:
        """What is said where a teacher's link or class has locked what the grid would change."""
        steps = dict(zip(self.controls, values, strict=False))["max_steps"]
        changed = {plan.x, plan.y} | ({"max_steps"} if plan.base.max_steps != steps else set())
        locked = sorted(changed & set(fixed if isinstance(fixed, list) else []))
        if not locked:
            return None
        said = _(
            "This page has {names} fixed, and the grid would change it. Choose other settings.",
            names=", ".join(locked),
        )
        return notice(said, kind="error")

    def _found(self, owned: object, values: Sequence[object]) -> GridPlan | None:
        if plan := last_plan(remembered(owned)[BROWSER], self.settings):
            return plan
        plan = self._plan(values)
        return plan if any(one.is_here for one in self._read(plan).runs) else None

    def _read(self, plan: GridPlan) -> GridResult:
        return read_grid(plan, self.settings)

    def _draw(self, plan: GridPlan, owned: object) -> dict:
        read = self._read(plan)
        is_mine = has_unfinished_grid(remembered(owned)[BROWSER], self.settings)
        return {
            self.status: grid_status(read),
            self.drawn: grid_map(read),
            self.stop: gr.Button(visible=is_mine),
            self.shown: kept_plan(plan),
            self.timer: gr.Timer(active=is_mine or not read.is_over),
        }


def build_grid(
    settings: Settings,
    controls: Mapping[str, Component],
    fixed: gr.State,
    panel: RunPanel,
    form_line: gr.HTML,
) -> GridSection:
    """The section; tab.py wires its button and what opens a run. form_line: the form's own
    forecast, which changes with it.
    """
    title = _("Which values are better, and is it more than chance?")
    with gr.Accordion(title, open=False, elem_id="open-grid") as section:
        gr.Markdown(
            _(
                "Two settings, up to {most} values of each: a short run for each pair, with all "
                "else as in the form. The seed alone makes a difference, too, so one cell runs "
                "with two more seeds: that of the form's own values, or else the middle one. A "
                "run that is here already is reused, and runs of others go first.",
                most=settings.max_grid_values,
            )
        )
        with gr.Row(elem_classes="grid-fields"):
            x = gr.Dropdown(list(VARIED), value="learning_rate", label=_("Setting across"))
            xs = gr.Textbox("5e-5, 2e-4, 1e-3", label=_("Values across"), max_length=MOST_WRITTEN)
            y = gr.Dropdown(list(VARIED), value="batch_size", label=_("Setting down"))
            ys = gr.Textbox("8, 16, 32", label=_("Values down"), max_length=MOST_WRITTEN)
            steps = gr.Slider(
                1, settings.max_steps, STEPS, step=1, label=_("max_steps of each run"), buttons=[]
            )
        line = gr.HTML(min_height=26, padding=False)
        with gr.Row():
            button = gr.Button(_("Try the grid"))
            stop = gr.Button(_("Stop the grid"), visible=False)
        status = gr.HTML(padding=False)
        drawn = gr.HTML(js_on_load="page.runs.listen(element, trigger)", padding=False)
        again = gr.Button(visible="hidden", elem_classes=OF_THE_GRID)
    fields = {"grid_x": x, "grid_xs": xs, "grid_y": y, "grid_ys": ys, "grid_steps": steps}
    grid = GridSection(
        settings,
        controls,
        fields,
        fixed,
        panel,
        line,
        button,
        stop,
        status,
        drawn,
        gr.State(""),
        gr.Timer(3.0, active=False),
    )
    gr.on(
        [section.expand, grid.timer.tick],
        grid.look,
        grid.looked,
        grid.changed,
        **PRIVATE,
    )
    # An address fills several fields at once
    gr.on(
        [section.expand, again.click],
        grid.forecast,
        [*controls.values(), *fields.values()],
        line,
        trigger_mode="always_last",
        **PRIVATE,
    )
    changes = [form_line.change, *(field.change for field in fields.values())]
    press_once(OF_THE_GRID, changes, 50)
    stop.click(grid.ask_to_stop, grid.looked, grid.changed, **PRIVATE)
    return grid
