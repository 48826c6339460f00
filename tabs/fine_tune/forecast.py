"""Before a run starts: its steps, time, memory, downloads and learning rates, kept up to date with
the form.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import gradio as gr
from gradio.components import Component

from pipeline.config import config_from
from pipeline.explain.forecast import forecast
from pipeline.explain.schedule import learning_rates, warmup_of
from pipeline.runs.progress import list_runs
from pipeline.runs.queue import NEXT, waits
from pipeline.settings import Settings
from tabs.errors import error_notice
from tabs.fine_tune.form import more_settings_title
from tabs.fine_tune.listeners import PRIVATE, press_once
from tabs.fine_tune.presets import PresetChoice
from views.forecast import forecast_line, forecast_tables, learning_rate_curve, no_learning_rates

OF_THE_FORM = "of-the-form"


@dataclass(frozen=True)
class ForecastSection:
    """What draws the forecast, as an event's fn, inputs and outputs."""

    fn: Callable[..., dict]
    inputs: list[Component]
    outputs: list[Component]


def follow_form(
    settings: Settings,
    controls: Mapping[str, Component],
    *,
    line: gr.HTML,
    curve: gr.HTML,
    more: gr.Accordion,
    tables: gr.HTML,
    preset: PresetChoice,
) -> ForecastSection:
    """Keep the line under Start, the learning rate's curve, the title of the folded settings, the
    arithmetic and the preset as the form says.
    """
    names, fields = tuple(controls), list(controls.values())

    def show(*values: object) -> dict:
        form = dict(zip(names, values, strict=True))
        title = {more: gr.Accordion(label=more_settings_title(form)), **preset.follow(form)}
        try:
            expected = forecast(config_from(form), settings)
            wait = waits(list_runs(settings), settings)[NEXT]
        except Exception as error:
            return {**title, line: error_notice(error), curve: no_learning_rates(), tables: ""}
        config, steps = expected.config, expected.steps
        rates = learning_rate_curve(learning_rates(config, steps), warmup_of(config, steps))
        return {
            **title,
            line: forecast_line(expected, wait),
            curve: rates,
            tables: forecast_tables(expected),
        }

    outputs = [line, curve, more, tables, preset.choice, preset.shows]
    section = ForecastSection(show, fields, outputs)
    # Filling the form changes many fields at once, and only the last look counts
    again = gr.Button(visible="hidden", elem_classes=OF_THE_FORM)
    press_once(OF_THE_FORM, [field.change for field in fields], 50)
    again.click(
        section.fn,
        section.inputs,
        section.outputs,
        trigger_mode="always_last",
        concurrency_id="forecast",
        concurrency_limit=4,
        **PRIVATE,
    )
    return section
