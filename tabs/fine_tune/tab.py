"""Fine-tune: launch a short Trainer run, watch its charts, stop it, keep its model."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import gradio as gr
from gradio.components import Component

from languages import _, language
from pipeline.config import RUN_SETTINGS, renamed
from pipeline.settings import Settings
from tabs.address import Shared
from tabs.check_yourself import build_check_yourself
from tabs.class_room.membership import Membership
from tabs.errors import public
from tabs.fine_tune.api import Api
from tabs.fine_tune.changed_pairs import build_changed_pairs
from tabs.fine_tune.check import training_shown, wait_for_a_run
from tabs.fine_tune.diagnosis import DiagnosisSection, build_diagnosis
from tabs.fine_tune.forecast import follow_form
from tabs.fine_tune.form import build_main_settings, build_more_settings, more_settings_title
from tabs.fine_tune.grid import GridSection, build_grid
from tabs.fine_tune.launch import Launch
from tabs.fine_tune.left_files import build_left_files
from tabs.fine_tune.listeners import PRIVATE, Together, fold_of_the_run, follow_the_run
from tabs.fine_tune.loop import build_loop
from tabs.fine_tune.methods import build_methods
from tabs.fine_tune.noticed import build_noticed
from tabs.fine_tune.one_step import build_one_step
from tabs.fine_tune.presets import FILLED, PresetChoice, build_choice, build_shows, fill_form
from tabs.fine_tune.run_panel import FILL, RunPanel
from tabs.fine_tune.runs_list import RunsList, build_runs_list
from tabs.fine_tune.save import build_save
from tabs.fine_tune.script import build_script
from tabs.fine_tune.seeds import AlikeSection, build_seeds
from tabs.fine_tune.shortcut import build_shortcut
from tabs.fine_tune.start_another import Start, StartAnother, build_start_another
from tabs.fine_tune.theatre import build_sentence, build_theatre
from tabs.page_data import json_block
from tabs.questions import questions
from tabs.share import build_share
from views.forecast import names_table
from views.runs import log_rows, log_table
from web.first_paint import Opening


@dataclass(frozen=True)
class FineTuneTab:
    """The tab's parts; `finished` holds the name of a model that a run has left (`run:<id>`)."""

    shared: Shared
    choice: gr.Dropdown
    bring: gr.Button
    finished: gr.State
    openings: tuple[Opening, ...]
    panel: RunPanel
    launch: Launch
    diagnosis: DiagnosisSection
    seeds: AlikeSection
    grid: GridSection
    methods: AlikeSection
    another: StartAnother
    runs: RunsList


def build_tab(
    settings: Settings, pair: Sequence[Component] = (), membership: Membership | None = None
) -> FineTuneTab:
    """The tab's components and wiring. pair: the fields of the page's two sentences. membership:
    which class the page is in.
    """
    at_its_end, at_ones_own = Together(), Together()
    json_block("fine-tune", {"separator": _(". "), "language": language()})
    with gr.Row(elem_classes="two-columns", elem_id="fine-tune"):
        with gr.Column(elem_classes="run-form"):
            gr.Markdown(
                _("`Trainer` fine-tunes the model on pairs."),
                elem_classes="introduction",
            )
            controls, bring = build_main_settings(settings)
            curve = gr.HTML(min_height=62, padding=False)
            start = gr.Button(_("Start the fine-tune"), variant="primary", elem_id="press-start")
            line = gr.HTML('<p class="forecast"> </p>', min_height=26, padding=False)
            preset = PresetChoice(build_choice(), build_shows())
            title = more_settings_title({})
            with gr.Accordion(title, open=False, elem_id="more-settings") as more:
                controls |= build_more_settings(settings)
        with gr.Column(elem_classes="run-picture"):
            panel = RunPanel(settings)
            with panel.words:
                diagnosis = build_diagnosis(settings, panel.ended, at_its_end)
                sentence = build_sentence()
            theatre = build_theatre(settings, panel, sentence)
    with questions():
        build_changed_pairs(settings, panel, at_its_end, at_ones_own)
        title = _("How do I read the curves, and how much is chance?")
        with fold_of_the_run(title, "open-chance") as fold:
            gr.Markdown(_explanation())
            seeds = build_seeds(settings, controls, panel, pair)
            seeds.follow(fold)
        title = _("What does LoRA cost, and what does it give?")
        with fold_of_the_run(title, "open-methods") as fold:
            methods = build_methods(settings, controls, panel, pair)
            methods.follow(fold)
        title = _("What happens in one step, and what does a run need?")
        with gr.Accordion(title, open=False, elem_id="open-step"):
            build_one_step(settings, controls)
            build_loop(settings, controls)
            with gr.Accordion(_("Steps, time, memory and download of these settings"), open=False):
                tables = gr.HTML()
        title = _("How do I do this again, or keep the model?")
        with fold_of_the_run(title, "open-again") as fold:
            build_save(settings, panel.ended, fold)
            build_left_files(settings, panel.ended, fold)
            build_script(settings, panel, fold)
            with gr.Accordion(_("The log, as a table"), open=False):
                log = gr.HTML(log_table([]), js_on_load=FILL.format(part="log"))
                panel.views[log] = lambda run: log_table(log_rows(run), run.ended)
            with gr.Accordion(_("What Trainer calls these settings"), open=False):
                gr.HTML(names_table(RUN_SETTINGS.values()))
        with_copies = build_noticed(settings, panel)
        on_shortcut = build_shortcut(settings, panel.ended)
        grid = build_grid(settings, controls, diagnosis.fixed, panel, line)
        runs = build_runs_list(settings, panel)
    build_check_yourself(
        settings,
        "fine-tune",
        partial(training_shown, settings, tuple(controls)),
        [panel.run_id, *controls.values()],
        membership=membership,
        waiting=wait_for_a_run,
    )
    forecast = follow_form(
        settings, controls, line=line, curve=curve, more=more, tables=tables, preset=preset
    )
    fill_form(preset, controls)
    fills = {bring: ("task_name",), preset.choice: FILLED, preset.shows: FILLED}
    in_address = {**controls, **grid.fields}
    shared = Shared("fine-tune", in_address, fills, fixed=diagnosis.fixed, renamed=renamed)
    build_share(settings, shared)

    launch = Launch(settings, controls, panel, pair)
    changed = [diagnosis.fixed, *launch.inputs]
    remedied = [panel.ended, panel.owned, *launch.pair]
    another = build_start_another(settings, panel.owned, membership)
    same_run = [panel.run_id, panel.owned, *launch.pair]
    by_button = {
        "again": (panel.again, launch.start_again, same_run, launch.outputs),
        "form": (start, launch.start, launch.inputs, launch.outputs),
        "remedy": (diagnosis.remedy, launch.start_remedy, remedied, launch.outputs),
        "copies": (with_copies, launch.start_with_copies, changed, launch.outputs),
        "shortcut": (on_shortcut, launch.start_on_shortcut, changed, launch.outputs),
        "seeds": (seeds.button, seeds.start, seeds.inputs, seeds.outputs),
        "grid": (grid.button, grid.start, grid.inputs, grid.outputs),
        "methods": (methods.button, methods.start, methods.inputs, methods.outputs),
        "more seeds": (
            diagnosis.more_seeds,
            seeds.start_shown,
            seeds.shown_inputs,
            seeds.outputs,
        ),
    }
    starts = [
        another.before(name, button, Start(*start)) for name, (button, *start) in by_button.items()
    ]
    starts.append(another.answered())
    look = {"fn": panel.draw, "inputs": [panel.run_id, panel.owned], "outputs": panel.outputs}
    outputs = [grid.status, panel.run_id, panel.owned]
    opened = grid.drawn.click(grid.open, panel.owned, outputs, **PRIVATE).then(**look, **PRIVATE)
    looks = _follow(panel, look, shared, [*starts, opened])
    # The browser may tell of its runs after the tab was drawn, and before the run that the address
    # names is there. Here, since each section above has added to what the panel draws
    at_ones_own.add(panel.look, [panel.run_id, panel.owned, panel.known], panel.outputs)
    js = "(ended, owned, id) => [ended, owned, id, page.fineTune.shown(id)]"
    theatre.move_dots(*looks, at_ones_own.listen([panel.known.change], js=js))
    # A run that has ended shows the pace of this machine
    at_its_end.add(forecast.fn, forecast.inputs, forecast.outputs)
    at_its_end.listen([panel.ended.change])
    follow_the_run(panel.run_id.change, panel.ended.change, panel.known.change)
    _build_api(settings)
    openings = (
        Opening(panel.load, panel.owned, [panel.run_id, *panel.outputs], follow=theatre.move_dots),
        Opening(forecast.fn, forecast.inputs, forecast.outputs, again=True),
    )
    return FineTuneTab(
        shared,
        controls["task_name"],
        bring,
        panel.finished,
        openings,
        panel,
        launch,
        diagnosis,
        seeds,
        grid,
        methods,
        another,
        runs,
    )


def _explanation() -> str:
    what = _(
        "The dotted lines show the accuracy and the F1 of always predicting the majority class; "
        "each curve starts at the score before training. Watch whether each curve rises clearly "
        "above its dotted line and above its start. A bar is one standard error up and one down, "
        "and two of them are a clear difference: on MRPC's 408 validation pairs, 4.6 percentage "
        "points of accuracy and 3.2 of F1. The solid lines are a sample of the training pairs: "
        "where they leave validation behind, the model knows its training pairs by heart. The loss "
        "of one batch says little; look at the smoothed line."
    )
    start = _(
        "The default starting checkpoint was already trained for 600 steps on the sentences of "
        "MRPC's train split, without their pairing and labels. It can compare two sentences, so "
        "its first point isn't a beginner's. From the plain checkpoint, as in the course, a run "
        "this short hardly rises above the majority class."
    )
    return f"{what}\n\n{start}"


def _follow(panel: RunPanel, look: dict, shared: Shared, starts: list) -> list:
    """What is drawn follows the shown run: after a start, while it goes on, when it is stopped.
    Returns the events that draw it. look: one look at it, as gr.on takes that.
    """
    for start in starts:
        shared.follow(start)
        remembered = start.then(
            None,
            panel.owned,
            panel.owned,
            js="(owned) => page.fineTune.remember(owned)",
            api_visibility="private",
        )
        remembered.then(
            None,
            panel.run_id,
            None,
            js="(id) => page.fineTune.showRun(id)",
            api_visibility="private",
        )
    panel.watched.change(
        None,
        panel.watched,
        js="(told) => page.watch.follow(told)",
        api_visibility="private",
    )
    # The page's script asks for a look
    again = panel.status.submit(**{**look, "fn": panel.look_again}, **PRIVATE)
    looks = [*starts, again]
    for button, ask, outputs in (
        (panel.stop, panel.ask_to_stop, panel.shown_outputs),
        (panel.stop_now, panel.ask_to_stop_now, [panel.status]),
    ):
        asked = button.click(ask, [panel.run_id, panel.owned], outputs, **PRIVATE)
        looks.append(asked.then(**look, **PRIVATE))
        asked.then(
            None,
            [panel.run_id, panel.owned],
            panel.owned,
            js="(id, owned) => page.fineTune.leave(id, owned)",
            api_visibility="private",
        )
    panel.owned.change(
        None,
        panel.owned,
        panel.known,
        js="(owned) => page.fineTune.idsOf(owned)",
        api_visibility="private",
    )
    return looks


def _build_api(settings: Settings) -> None:
    api = Api(settings)
    public(
        api.fine_tune,
        api_name="fine_tune",
        concurrency_limit=settings.max_first_runs_waiting + settings.max_runs_at_once,
    )
    public(api.run_status, api_name="run_status")
    public(api.stop_run, api_name="stop_run")
