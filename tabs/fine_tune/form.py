"""The form of a run: a control for each setting, as pipeline/config.py declares it."""

import math
from typing import Any

import gradio as gr
from gradio.components import Component

from languages import ngettext, say
from pipeline.config import MAIN, MORE, RUN_SETTINGS, START, RunSetting
from pipeline.settings import CHECKPOINTS, READY, WARMED, Settings
from tabs.which_pairs import build_choice

# A group that has names for its values shows those
NAMED = {
    "checkpoint": [
        (say("all-MiniLM-L6-v2, prepared for pairs"), WARMED),
        *((name, name) for name in CHECKPOINTS),
        (say("all-MiniLM-L6-v2, already fine-tuned on MRPC"), READY),
    ],
    "source": [
        (say("the real pairs, or what stands in for them"), "auto"),
        (say("the Hub"), "hub"),
        (say("this server's folder"), "folder"),
        (say("the app's embedded pairs"), "embedded"),
        (say("pairs that give their label away"), "shortcut"),
    ],
}
PAIRS = "task_name"  # the page's own choice (tabs/which_pairs.py)
MOST_NAMED = 3  # settings in the fold's title


def build_main_settings(settings: Settings) -> tuple[dict[str, Component], gr.Button]:
    """The settings that matter most, by their names; learning_rate last: its curve follows it. With
    them the button beside the pairs, by which a visitor brings others.
    """
    first = _group(START, settings)
    one = RUN_SETTINGS[PAIRS]
    pairs, bring = build_choice(settings, one.default, **_about(one))
    return {**first, PAIRS: pairs, **_group(MAIN, settings)}, bring


def build_more_settings(settings: Settings) -> dict[str, Component]:
    """All others."""
    return _group(MORE, settings)


def _group(group: str, settings: Settings) -> dict[str, Component]:
    declared = [one for one in RUN_SETTINGS.values() if one.group == group and one.name != PAIRS]
    declared.sort(key=lambda one: one.typed)
    return {one.name: control(one, settings) for one in declared}


def more_settings_title(values: dict[str, object]) -> str:
    """The title of the fold: how many settings are in it, and which of `values` aren't defaults.

    >>> more_settings_title({"seed": 7})
    '22 more settings · changed: seed'
    """
    folded = [one for one in RUN_SETTINGS.values() if one.group == MORE]
    changed = [one.name for one in folded if values.get(one.name, one.default) != one.default]
    count = len(folded)
    if not changed:
        return ngettext("{count} more setting", "{count} more settings", count)
    names = ", ".join(changed[:MOST_NAMED]) + (" …" if len(changed) > MOST_NAMED else "")
    return ngettext(
        "{count} more setting · changed: {names}",
        "{count} more settings · changed: {names}",
        count,
        names=names,
    )


def control(one: RunSetting, settings: Settings) -> Component:
    """The component in which one setting is chosen, with its line of help."""
    about = _about(one)
    if one.name in NAMED:
        names = [(str(name), value) for name, value in NAMED[one.name]]
        is_free = not one.choices
        return gr.Dropdown(names, value=one.default, allow_custom_value=is_free, **about)
    if one.choices:
        return gr.Radio(list(one.choices), value=one.default, **about)
    if one.kind is bool:
        return gr.Checkbox(one.default, **about)
    if one.typed and one.kind is int:
        return gr.Number(one.default, precision=0, **about)
    if one.typed:
        return gr.Number(one.default, step=10 ** math.floor(math.log10(one.default)), **about)
    step = 1 if one.kind is int else None
    return gr.Slider(one.low, one.most(settings), one.default, step=step, buttons=[], **about)


def _about(one: RunSetting) -> dict[str, Any]:
    return {
        "label": str(one.label or one.name),
        "info": info(one),
        "elem_id": f"setting-{one.name}",
        "min_width": 120,
    }


def info(one: RunSetting) -> str:
    """The line of help, and what the setting is called in TrainingArguments, if it is there. The
    first settings have room for their help alone.
    """
    if one.group != MORE or not one.argument:
        return str(one.help)
    there = "TrainingArguments" + (f": {one.argument}" if one.argument != one.name else "")
    return f"{one.help} · {there}"
