"""Before a run starts: its steps, time, memory and downloads, kept up to date with the form."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import gradio as gr
from gradio.components import Component

from languages import _
from pipeline.config import config_from
from pipeline.explain.forecast import forecast
from pipeline.settings import Settings
from tabs.errors import error_notice
from tabs.fine_tune.listeners import PRIVATE
from views.forecast import forecast_line, forecast_tables


@dataclass(frozen=True)
class ForecastSection:
    """What draws the forecast, as an event's fn, inputs and outputs."""

    fn: Callable[..., dict]
    inputs: list[Component]
    outputs: list[Component]


def build_forecast(settings: Settings, controls: Mapping[str, Component]) -> ForecastSection:
    """The line above Start and the arithmetic behind it."""
    line = gr.HTML('<p class="forecast"> </p>', min_height=40)
    with gr.Accordion(_("Before it starts: steps, time, memory, download"), open=False):
        tables = gr.HTML()
    names, fields = tuple(controls), list(controls.values())

    def show(*values: object) -> dict:
        try:
            expected = forecast(config_from(dict(zip(names, values, strict=True))), settings)
        except Exception as error:
            return {line: error_notice(error), tables: ""}
        return {line: forecast_line(expected), tables: forecast_tables(expected)}

    section = ForecastSection(show, fields, [line, tables])
    # Filling the form changes many fields at once, and only the last look counts
    gr.on(
        [field.change for field in fields],
        section.fn,
        section.inputs,
        section.outputs,
        trigger_mode="always_last",
        concurrency_id="forecast",
        concurrency_limit=4,
        **PRIVATE,
    )
    return section
