"""The diagnosis of an ended run: a card under the charts, and a button that tries its remedy."""

import json
from dataclasses import dataclass

import gradio as gr
from gradio.components import Component

from languages import _, say
from pipeline.config import TrainingConfig, config_from
from pipeline.errors import InputError
from pipeline.explain.diagnosis import Diagnosis, changed_config, diagnose
from pipeline.explain.evidence import evidence_of
from pipeline.explain.what_changed import read_judgement
from pipeline.runs.progress import Run
from pipeline.runs.queue import read_run
from pipeline.settings import Settings
from tabs.errors import error_notice
from tabs.fine_tune.listeners import Together
from views.markup import notice
from views.runs import diagnosis_card

GIVEN_AWAY = say(
    "These pairs give their label away, so this curve doesn't show that the model compares "
    'meanings. Open "Can it be right for the wrong reason?" below, and ask the model about a '
    "sentence and itself."
)
STRICTER = say(
    'The embedded pairs are stricter than MRPC: another number, name or "not" makes a pair '
    "not_equivalent. The gain holds for such pairs: on MRPC's validation pairs, the default "
    "run's model scores below the majority class."
)


@dataclass(frozen=True)
class DiagnosisSection:
    """fixed: names of the settings that a teacher locked or hid. try_it, changes, more_seeds: what
    comes next, where the run left a model.
    """

    settings: Settings
    fixed: gr.State
    card: gr.HTML
    remedy: gr.Button
    try_it: gr.Button
    changes: gr.Button
    more_seeds: gr.Button

    @property
    def outputs(self) -> list[Component]:
        """What `draw` fills."""
        return [self.card, self.remedy, *self._next_steps]

    @property
    def _next_steps(self) -> list[gr.Button]:
        return [self.try_it, self.changes, self.more_seeds]

    def draw(self, run_id: str, fixed: object = ()) -> dict:
        """The diagnosis of an ended run and its buttons; empty while there is none."""
        nothing = {button: gr.Button(visible=False) for button in (self.remedy, *self._next_steps)}
        if not run_id:
            return {self.card: "", **nothing}
        try:
            run = read_run(run_id, self.settings)
            drawn = self._drawn(run, fixed)
        except Exception as error:
            return {self.card: error_notice(error), **nothing}
        return {**drawn, **dict.fromkeys(self._next_steps, gr.Button(visible=run.answers))}

    def _drawn(self, run: Run, fixed: object) -> dict:
        found = diagnosis_of(run, self.settings)
        if not found:
            card = notice(GIVEN_AWAY, kind="warning") if gives_label_away(run) else ""
            return {self.card: card, self.remedy: gr.Button(visible=False)}
        # A remedy that would write into what a teacher locked can be read, and not be started
        changes = set(found.remedy.changes)
        may_start = bool(changes) and not changes & set(fixed)
        card = diagnosis_card(found)
        if is_on_embedded_pairs(run):
            card += notice(STRICTER)
        return {self.card: card, self.remedy: gr.Button(visible=may_start)}


def build_diagnosis(settings: Settings, ended: gr.State, *drawn_with: Together) -> DiagnosisSection:
    """The card and the button, drawn with these; `ended` holds the id of an ended run, or ""."""
    fixed, card = gr.State([]), gr.HTML(padding=False)
    with gr.Row(elem_classes="next-steps"):
        small = {"size": "sm", "min_width": 120, "visible": False}
        try_it = gr.Button(_("Try it on your sentences"), variant="primary", **small)
        changes = gr.Button(_("What it fixed and broke"), **small)
        more_seeds = gr.Button(_("Two more seeds"), **small)
        remedy = gr.Button(_("Try that: start a run with it"), **small)
    section = DiagnosisSection(settings, fixed, card, remedy, try_it, changes, more_seeds)
    for together in drawn_with:
        together.add(section.draw, [ended, fixed], section.outputs)
    for button, card_id in ((changes, "open-changed"), (more_seeds, "open-chance")):
        button.click(
            None, js=f"() => page.openCard({json.dumps(card_id)})", api_visibility="private"
        )
    return section


def diagnosis_of(run: Run, settings: Settings) -> Diagnosis | None:
    """The diagnosis of an ended run, or None where there is nothing to look at."""
    if gives_label_away(run):
        return None
    kept = read_judgement(settings.runs_folder / run.id, len(run.labels))
    evidence = evidence_of(run, kept[0] if kept else None)
    return diagnose(evidence, settings) if evidence else None


def remedied(run_id: str, settings: Settings) -> TrainingConfig:
    """What the diagnosis of an ended run proposes. InputError where it proposes nothing."""
    run = read_run(run_id, settings)
    found = diagnosis_of(run, settings)
    if not found or not found.remedy.changes:
        raise InputError(
            say(
                "This run has no suggestion left to try, or it has expired. Change the settings "
                "and start a new run."
            )
        )
    return config_from(changed_config(config_from(run.config), found.remedy))


def gives_label_away(run: Run) -> bool:
    """Whether a run's curve says nothing of its model: its pairs can be solved by a shortcut."""
    return _place_of_pairs(run) == "shortcut"


def is_on_embedded_pairs(run: Run) -> bool:
    """Whether a run learned from the embedded pairs in MRPC's place: their labels follow a stricter
    rule.
    """
    return _place_of_pairs(run) == "embedded" and run.config.get("task_name", "mrpc") == "mrpc"


def _place_of_pairs(run: Run) -> str | None:
    start = run.first("start") or {}
    return (start.get("data") or {}).get("place")
