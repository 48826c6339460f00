"""Settings under a name (pipeline/presets.py): choosing one fills the form, and says what its run
shows.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from languages import _
from pipeline.presets import PAIRS, PRESETS, Preset, preset_named, preset_of
from tabs.fine_tune.listeners import PRIVATE
from views.render import macro

# What choosing one may write into: a teacher's lock on one of them takes the choice away
FILLED = sorted({name for one in PRESETS.values() for name in one.changes})


@dataclass(frozen=True)
class PresetChoice:
    """Below Start, which has to be in the first screen. shows: what the chosen one's run shows."""

    choice: gr.Dropdown
    shows: gr.HTML

    def follow(self, form: Mapping[str, object]) -> dict:
        """The preset that the form's settings are, {setting: value}; none where they are others."""
        found = preset_of(form)
        return {self.choice: found.name if found else None, self.shows: _said(found)}


def build_choice() -> gr.Dropdown:
    """The presets, the first one chosen."""
    names = [(str(one.title), one.name) for one in PRESETS.values()]
    return gr.Dropdown(names, value=names[0][1], label=_("Preset"), elem_id="preset", min_width=120)


def build_shows() -> gr.HTML:
    """What the first one shows."""
    return gr.HTML(_said(next(iter(PRESETS.values()))), padding=False)


def _said(preset: Preset | None) -> Markup:
    return macro("paragraph", "preset-shows", preset.shows) if preset else Markup()


def fill_form(preset: PresetChoice, controls: Mapping[str, Component]) -> None:
    """Choosing a preset fills all settings but the pairs; the form's forecast then follows."""
    filled = {name: field for name, field in controls.items() if name not in PAIRS}

    def fill(name: str) -> dict:
        values = asdict(preset_named(name).config())
        return {field: values[one] for one, field in filled.items()}

    preset.choice.input(fill, preset.choice, list(filled.values()), **PRIVATE)
