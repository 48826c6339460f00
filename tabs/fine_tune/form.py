"""The form of a run: a control for each setting, as pipeline/config.py declares it."""

import math

import gradio as gr

from languages import _, say
from pipeline.config import MAIN, MORE, RUN_SETTINGS, START, RunSetting
from pipeline.settings import CHECKPOINTS, READY, WARMED, Settings
from views.forecast import names_table

START_CHOICES = [
    (say("all-MiniLM-L6-v2 that compares pairs, saw no label (pair-warmed)"), WARMED),
    *((name, name) for name in CHECKPOINTS),
    (say("ready: all-MiniLM-L6-v2, already fine-tuned on MRPC"), READY),
]
IN_A_ROW = 3


def build_form(settings: Settings) -> dict[str, gr.components.Component]:
    """A control for each setting of a run, by the setting's name."""
    controls = {}

    def build_rows(group: str) -> None:
        names = [name for name, one in RUN_SETTINGS.items() if one.group == group]
        for first in range(0, len(names), IN_A_ROW):
            with gr.Row():
                for name in names[first : first + IN_A_ROW]:
                    controls[name] = control(RUN_SETTINGS[name], settings)

    build_rows(START)
    build_rows(MAIN)
    with gr.Accordion(_("More settings"), open=False):
        build_rows(MORE)
        gr.HTML(names_table(RUN_SETTINGS.values()))
    return controls


def control(one: RunSetting, settings: Settings) -> gr.components.Component:
    """The component in which one setting is chosen, with its line of help."""
    about = {"label": str(one.label or one.name), "info": info(one)}
    if one.name == "checkpoint":
        names = [(str(name), value) for name, value in START_CHOICES]
        own = {"allow_custom_value": True, "min_width": 280}
        return gr.Dropdown(names, value=one.default, **own, **about)
    if one.choices:
        return gr.Radio(list(one.choices), value=one.default, **about)
    if one.kind is bool:
        return gr.Checkbox(one.default, **about)
    if one.typed and one.kind is int:
        return gr.Number(one.default, precision=0, **about)
    if one.typed:
        return gr.Number(one.default, step=10 ** math.floor(math.log10(one.default)), **about)
    step = 1 if one.kind is int else None
    return gr.Slider(one.low, one.most(settings), one.default, step=step, **about)


def info(one: RunSetting) -> str:
    """The line of help, and what the setting is called in TrainingArguments, if it is there."""
    if not one.argument:
        return str(one.help)
    there = "TrainingArguments" + (f": {one.argument}" if one.argument != one.name else "")
    return f"{one.help} · {there}"
