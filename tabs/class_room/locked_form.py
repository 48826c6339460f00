"""The Fine-tune form as a class has it: its values, all but one locked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component

from pipeline.classes.rules import first_values, locked_values
from pipeline.classes.store import Class
from pipeline.config import RUN_SETTINGS
from pipeline.settings import Settings
from tabs.address import Shared

PAIRS = "task_name"


@dataclass(frozen=True)
class LockedForm:
    """shared: of the Fine-tune tab, whose fields are the form. pairs: the other tabs' dropdowns of
    the pairs, which say what the form's says.
    """

    settings: Settings
    shared: Shared
    pairs: Sequence[Component]

    @property
    def fixed(self) -> gr.State:
        """The names of what is locked."""
        assert self.shared.fixed is not None  # the Fine-tune tab has it
        return self.shared.fixed

    @property
    def controls(self) -> dict[str, Component]:
        """The form: {setting: its field}; the tab has other fields, too."""
        return {name: one for name, one in self.shared.fields.items() if name in RUN_SETTINGS}

    @property
    def inputs(self) -> list[Component]:
        """The form's fields, in the order of `values_of`."""
        return list(self.controls.values())

    @property
    def outputs(self) -> list[Block]:
        """All that a class may change of the page's form."""
        return [*self.controls.values(), *self.pairs, *self.shared.fills, self.fixed]

    def values_of(self, values: Sequence[Any]) -> dict[str, Any]:
        """{setting: value} of what the fields hold."""
        return dict(zip(self.controls, values, strict=True))

    def for_pupil(self, one: Class, begins: bool) -> dict[Block, Any]:
        """What may not be changed is locked at the class's value. begins: whether what is open
        starts with the class's value, too; else it stays as it is.
        """
        locked, first = locked_values(one), first_values(one)
        changes: dict[str, dict[str, Any]] = {}
        for name in self.controls:
            changes[name] = {"interactive": name not in locked}
            if begins or name in locked:
                changes[name]["value"] = locked.get(name, first[name])
        changes["max_steps"]["maximum"] = self._most(one)
        return self._changed(changes, fixed=sorted(locked))

    def follow(self, one: Class, fixed: Any, values: Sequence[Any]) -> dict[Block, Any]:
        """As for_pupil, where the class's rules are others now: only what differs. fixed: what is
        locked on the page; values: what its fields hold.
        """
        locked, held = locked_values(one), self.values_of(values)
        changes: dict[str, dict[str, Any]] = {}
        for name in self.controls:
            is_other = (name in locked) != (name in (fixed or ()))
            if is_other or (name in locked and held[name] != locked[name]):
                changes[name] = {"interactive": name not in locked}
                changes[name] |= {"value": locked[name]} if name in locked else {}
        most, steps = self._most(one), held["max_steps"]
        changes.setdefault("max_steps", {})["maximum"] = most
        if "max_steps" not in locked and isinstance(steps, (int, float)) and steps > most:
            changes["max_steps"]["value"] = most
        return self._changed(changes, fixed=sorted(locked))

    def _most(self, one: Class) -> int:
        return self.settings.max_steps if one.max_steps is None else one.max_steps

    def for_teacher(self, one: Class) -> dict[Block, Any]:
        """The class's values, all free."""
        changes = {name: {"value": one.values[name], "interactive": True} for name in self.controls}
        changes["max_steps"]["maximum"] = self.settings.max_steps
        return self._changed(changes, fixed=[])

    def freed(self) -> dict[Block, Any]:
        """No class any more: what is in the fields stays, and nothing is locked."""
        changes: dict[str, dict[str, Any]] = {name: {"interactive": True} for name in self.controls}
        changes["max_steps"]["maximum"] = self.settings.max_steps
        return self._changed(changes, fixed=[])

    def _changed(self, changes: Mapping[str, dict[str, Any]], fixed: list[str]) -> dict[Block, Any]:
        found: dict[Block, Any] = {
            self.controls[name]: gr.update(**change) for name, change in changes.items()
        }
        if PAIRS in changes:
            # Gradio 6.31 changes the update that it is given: each field gets its own
            found |= {choice: gr.update(**changes[PAIRS]) for choice in self.pairs}
        for button, names in self.shared.fills.items():
            if set(names) & set(changes):
                found[button] = gr.update(visible=not set(fixed) & set(names))
        found[self.fixed] = fixed
        return found
