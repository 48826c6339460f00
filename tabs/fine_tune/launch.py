"""Starting a run: as the form says, on the lesson's pairs, or as a diagnosis proposes."""

from collections.abc import Mapping
from dataclasses import asdict

import gradio as gr
from gradio.components import Component

from languages import _
from pipeline.config import TrainingConfig, config_from
from pipeline.runs.queue import read_run
from pipeline.runs.supervisor import start_run
from pipeline.settings import Settings
from tabs.errors import error_notice
from tabs.fine_tune.diagnosis import remedied
from tabs.fine_tune.owned_runs import BROWSER, address_of, remembered
from tabs.fine_tune.run_panel import RunPanel, status_of
from views.markup import notice

SHORTCUT = "shortcut"  # the source of the lesson's pairs


class Launch:
    """Handlers of the buttons that start a run. `controls`: the form, {setting: its field}."""

    def __init__(
        self, settings: Settings, controls: Mapping[str, Component], panel: RunPanel
    ) -> None:
        self.settings, self.controls, self.panel = settings, controls, panel

    @property
    def outputs(self) -> list[Component]:
        """All that a start may change."""
        panel = self.panel
        return [panel.status, panel.run_id, panel.owned, *self.controls.values()]

    def start(self, request: gr.Request, owned: object, *values: object) -> dict:
        """Start what the form says."""
        try:
            return self._started(self._config(values), owned, request)
        except Exception as error:
            return {self.panel.status: error_notice(error)}

    def start_on_shortcut(
        self, request: gr.Request, fixed: object, owned: object, *values: object
    ) -> dict:
        """Start what the form says on the pairs that give their label away; the form shows them."""
        if "source" in (fixed or ()):
            refused = _("The pairs are fixed on this page, so this run can't be started here.")
            return {self.panel.status: notice(refused, kind="error")}
        try:
            config = self._config(values, source=SHORTCUT)
            started = self._started(config, owned, request)
        except Exception as error:
            return {self.panel.status: error_notice(error)}
        return {**started, self.controls["source"]: SHORTCUT}

    def start_remedy(self, request: gr.Request, run_id: str, owned: object) -> dict:
        """Start what the diagnosis of an ended run proposes; the form shows its settings."""
        try:
            config = remedied(run_id, self.settings)
            started = self._started(config, owned, request)
        except Exception as error:
            return {self.panel.status: error_notice(error)}
        values = asdict(config)
        return {**started, **{field: values[name] for name, field in self.controls.items()}}

    def _config(self, values: tuple, **changes: object) -> TrainingConfig:
        return config_from({**dict(zip(self.controls, values, strict=True)), **changes})

    def _started(self, config: TrainingConfig, owned: object, request: gr.Request) -> dict:
        owned = remembered(owned)
        run_id, secret = start_run(
            config, self.settings, browser=owned[BROWSER], address=address_of(request)
        )
        return {
            self.panel.status: status_of(read_run(run_id, self.settings)),
            self.panel.run_id: run_id,
            self.panel.owned: {**owned, run_id: secret},
        }
