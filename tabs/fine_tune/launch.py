"""Starting a run: as the form says, on the lesson's pairs, or as a diagnosis proposes. Where the
same run is there already, the page shows that one, and starts none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Unpack

import gradio as gr
from gradio.components import Component

from languages import _
from pipeline.config import TrainingConfig, config_from
from pipeline.runs.own_pair import pair_to_keep
from pipeline.runs.queue import read_run
from pipeline.runs.supervisor import joined_run, start_run
from pipeline.settings import Settings
from pipeline.task import MRPC, is_own
from tabs.class_room.membership import How, Member, check_start, count_runs
from tabs.errors import error_notice
from tabs.fine_tune.diagnosis import remedied
from tabs.fine_tune.owned_runs import (
    BROWSER,
    address_of,
    check_pairs,
    config_to_repeat,
    remembered,
    with_runs,
)
from tabs.fine_tune.run_panel import RunPanel
from views.markup import notice

SHORTCUT = "shortcut"  # the source of the lesson's pairs
COPIES_SHARE = 0.3  # what its button sets changed_share to


class Launch:
    """Handlers of the buttons that start a run. `controls`: the form, {setting: its field}; pair:
    the fields of the page's two sentences, which the run judges along, or none.
    """

    def __init__(
        self,
        settings: Settings,
        controls: Mapping[str, Component],
        panel: RunPanel,
        pair: Sequence[Component] = (),
    ) -> None:
        self.settings, self.controls, self.panel = settings, controls, panel
        self.pair = list(pair)

    @property
    def inputs(self) -> list[Component]:
        """What `start` takes: the browser's runs, the form, the pair."""
        return [self.panel.owned, *self.controls.values(), *self.pair]

    @property
    def outputs(self) -> list[Component]:
        """All that a start may change."""
        return [*self.panel.shown_outputs, *self.controls.values()]

    def start(
        self, request: gr.Request, owned: object, *values: object, **how: Unpack[How]
    ) -> dict | None:
        """Start what the form says, or show such a run that is there already."""
        try:
            config, pair = self._config(values), self._pair(values)
            return self._started(config, owned, request, pair, **how)
        except Exception as error:
            return {self.panel.status: error_notice(error)}

    def start_on_shortcut(
        self, request: gr.Request, fixed: object, owned: object, *values: object, **how: Unpack[How]
    ) -> dict | None:
        """Start what the form says on the pairs that give their label away; the form shows them.
        As start.
        """
        changes = {"source": SHORTCUT, "task_name": MRPC.name}
        refused = _("This page has its pairs fixed, so this run can't be started here.")
        return self._start_changed(changes, refused, request, fixed, owned, values, **how)

    def start_with_copies(
        self, request: gr.Request, fixed: object, owned: object, *values: object, **how: Unpack[How]
    ) -> dict | None:
        """Start what the form says with changed copies among the training pairs; the form shows
        it. As start.
        """
        changes = {"changed_share": COPIES_SHARE}
        refused = _("This page has changed_share fixed, so this run can't be started here.")
        return self._start_changed(changes, refused, request, fixed, owned, values, **how)

    def _start_changed(
        self,
        changes: Mapping[str, Any],
        refused: str,
        request: gr.Request,
        fixed: Any,
        owned: object,
        values: tuple,
        **how: Unpack[How],
    ) -> dict | None:
        """Start what the form says but for `changes`. refused: what is said where the page has one
        of those settings fixed.
        """
        if set(changes) & set(fixed or ()):
            return {self.panel.status: notice(refused, kind="error")}
        try:
            config, pair = self._config(values, **changes), self._pair(values)
            started = self._started(config, owned, request, pair, **how)
        except Exception as error:
            return {self.panel.status: error_notice(error)}
        if started is None:
            return None
        return {**started, **{self.controls[name]: value for name, value in changes.items()}}

    def start_remedy(
        self, request: gr.Request, run_id: str, owned: object, *pair: object, **how: Unpack[How]
    ) -> dict | None:
        """Start what the diagnosis of an ended run proposes; the form shows its settings. As
        start.
        """
        try:
            check_pairs(read_run(run_id, self.settings), owned, self.settings)
            config = remedied(run_id, self.settings)
            started = self._started(config, owned, request, pair, **how)
        except Exception as error:
            return {self.panel.status: error_notice(error)}
        if started is None:
            return None
        # The form can't choose own pairs by their name: it takes their key
        values = {name: value for name, value in asdict(config).items() if not is_own(value)}
        fields = self.controls.items()
        return {**started, **{field: values[name] for name, field in fields if name in values}}

    def start_again(
        self,
        request: gr.Request,
        run_id: str,
        owned: object,
        *pair: object,
        may_start: bool = True,
        who: Member | None = None,
    ) -> dict | None:
        """Train the shown run's settings once more, as a run of this visitor. As start."""
        if not may_start:
            return None
        try:
            config = config_from(config_to_repeat(run_id, owned, self.settings))
            return self._started(config, owned, request, pair, who=who, may_join=False) or {}
        except Exception as error:
            return {self.panel.status: error_notice(error)}

    def _config(self, values: tuple, **changes: object) -> TrainingConfig:
        form = values[: len(self.controls)]
        return config_from({**dict(zip(self.controls, form, strict=True)), **changes})

    def _pair(self, values: tuple) -> tuple:
        """The page's two sentences, which stand behind the form's values."""
        return values[len(self.controls) :]

    def _started(
        self,
        config: TrainingConfig,
        owned: object,
        request: gr.Request,
        pair: tuple,
        may_start: bool = True,
        who: Member | None = None,
        may_join: bool = True,
    ) -> dict | None:
        check_start(who, config, self.settings)
        owned = remembered(owned)
        if not may_start and not joined_run(config, self.settings, owned):
            return None
        run_id, secret = start_run(
            config,
            self.settings,
            browser=owned[BROWSER],
            address=address_of(request),
            own_pair=pair_to_keep(pair, config.task_name, self.settings),
            joining=owned if may_join else None,
        )
        count_runs(who, [(run_id, secret)], self.settings)
        same = None if secret else read_run(run_id, self.settings)
        return self.panel.show(run_id, with_runs(owned, [(run_id, secret)]), same)
