"""Fine-tune: launch a short Trainer run, watch its charts, stop it, keep its model."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import gradio as gr

from languages import _, say
from pipeline.dataset import SOURCES
from pipeline.runs.folder import is_number
from pipeline.runs.supervisor import progress, read_run, start_run, stop_run
from pipeline.settings import CHECKPOINTS, READY, WARMED, Settings
from pipeline.training import (
    EVAL_STRATEGIES,
    IN_TRAINING_ARGUMENTS,
    PRECISIONS,
    SCHEDULES,
    TrainingConfig,
    config_from,
)
from tabs.address import Shared, build_share
from tabs.errors import public, toast
from tabs.fine_tune.changed_pairs import build_changed_pairs
from tabs.fine_tune.diagnosis import DiagnosisSection, build_diagnosis
from tabs.fine_tune.forecast import build_forecast
from tabs.fine_tune.launch import Launch
from tabs.fine_tune.one_step import build_one_step
from tabs.fine_tune.owned_runs import address_of
from tabs.fine_tune.run_panel import RunPanel
from tabs.fine_tune.runs_list import build_runs_list
from tabs.fine_tune.save import build_save
from tabs.fine_tune.script import build_script
from tabs.fine_tune.seeds import SeedsSection, build_seeds
from tabs.fine_tune.shortcut import build_shortcut
from tabs.page_data import json_block
from views.runs import log_rows, log_table, names_table, run_message
from web.first_paint import Opening

DEFAULT = TrainingConfig()
START_CHOICES = [
    (say("all-MiniLM-L6-v2 that compares pairs, saw no label (pair-warmed)"), WARMED),
    *((name, name) for name in CHECKPOINTS),
    (say("ready: all-MiniLM-L6-v2, already fine-tuned on MRPC"), READY),
]
PRIVATE = {"api_visibility": "private", "show_progress": "hidden"}


@dataclass(frozen=True)
class FineTuneTab:
    """The tab's parts; `finished` holds the name of a model that a run has left (`run:<id>`)."""

    shared: Shared
    finished: gr.State
    openings: tuple[Opening, ...]
    panel: RunPanel
    launch: Launch
    diagnosis: DiagnosisSection
    seeds: SeedsSection


def build_tab(settings: Settings) -> FineTuneTab:
    """The tab's components and wiring."""
    json_block("fine-tune", {"separator": _(". ")})
    gr.Markdown(_introduction())
    controls = _controls(settings)
    forecast = build_forecast(settings, controls)
    panel = RunPanel(settings)
    diagnosis = build_diagnosis(settings, panel.ended)
    build_changed_pairs(settings, panel.ended)
    with gr.Accordion(_("The log, as a table"), open=False):
        panel.views[gr.HTML(log_table([]))] = lambda run: log_table(log_rows(run), run.ended)
    build_runs_list(settings, panel)
    seeds = build_seeds(settings, controls, panel)
    on_shortcut = build_shortcut(settings, panel.ended)
    build_one_step(settings, controls)
    build_save(settings, panel.ended)
    build_script(settings, panel)
    shared = Shared("fine-tune", controls, fixed=diagnosis.fixed)
    build_share(settings, shared)

    launch = Launch(settings, controls, panel)
    form = [panel.owned, *controls.values()]
    starts = (
        panel.start.click(launch.start, form, launch.outputs, **PRIVATE),
        diagnosis.remedy.click(
            launch.start_remedy, [panel.ended, panel.owned], launch.outputs, **PRIVATE
        ),
        on_shortcut.click(
            launch.start_on_shortcut, [diagnosis.fixed, *form], launch.outputs, **PRIVATE
        ),
        seeds.button.click(seeds.start, form, seeds.outputs, **PRIVATE),
    )
    _follow(panel, seeds, shared, starts)
    # A run that has ended shows the pace of this machine
    panel.ended.change(
        forecast.fn, forecast.inputs, forecast.outputs, **PRIVATE, concurrency_id="forecast"
    )
    _build_api(settings)
    openings = (
        Opening(panel.load, panel.owned, [panel.run_id, *panel.outputs]),
        Opening(forecast.fn, forecast.inputs, forecast.outputs),
    )
    return FineTuneTab(shared, panel.finished, openings, panel, launch, diagnosis, seeds)


def _introduction() -> str:
    what = _(
        "`Trainer` fine-tunes a sequence classifier on pairs, on this server. The dashed lines "
        "show the accuracy and "
        "the F1 of always predicting the majority class; each curve starts at the score before "
        "training. Watch whether "
        "both curves rise clearly above both: on MRPC's 408 validation pairs, two standard errors "
        "are 4.6 points of "
        "accuracy and 3.2 of F1."
    )
    start = _(
        "The default starting checkpoint has been trained before, for 600 steps on the sentences "
        "of MRPC's train "
        "split, without their pairing and labels: it compares two sentences already, so its first "
        "point isn't a "
        "beginner's. From the plain checkpoint, as in the course, a run as short as this one "
        "hardly leaves the "
        "majority."
    )
    return f"{what}\n\n{start}"


def _follow(panel: RunPanel, seeds: SeedsSection, shared: Shared, starts: tuple) -> None:
    """What is drawn follows the shown run: after a start, each second, and when it is stopped."""
    look = {"fn": panel.draw, "inputs": [panel.run_id, panel.owned], "outputs": panel.outputs}
    look_at_seeds = {
        "fn": seeds.draw,
        "inputs": [panel.run_id, panel.owned],
        "outputs": [seeds.table, seeds.timer],
    }
    for start in starts:
        shared.follow(start)
        remembered = start.then(
            None,
            panel.owned,
            panel.owned,
            js="(owned) => page.fineTune.remember(owned)",
            api_visibility="private",
        )
        shown = remembered.then(**look, **PRIVATE).then(
            None,
            panel.run_id,
            None,
            js="(id) => page.fineTune.showRun(id)",
            api_visibility="private",
        )
        shown.then(**look_at_seeds, **PRIVATE)
    panel.timer.tick(**look, **PRIVATE)
    stopped = panel.stop.click(
        panel.ask_to_stop, [panel.run_id, panel.owned], panel.status, **PRIVATE
    )
    stopped.then(**look, **PRIVATE)
    seeds.timer.tick(**look_at_seeds, **PRIVATE)
    gr.on([panel.ended.change, panel.run_id.change], **look_at_seeds, **PRIVATE)
    panel.owned.change(
        None,
        panel.owned,
        panel.known,
        js="(owned) => page.fineTune.idsOf(owned)",
        api_visibility="private",
    )
    # The last look at a run may come before the browser has told of its earlier ones, which are
    # drawn behind its lines
    gr.on(
        [panel.ended.change, panel.known.change],
        panel.draw_charts,
        [panel.ended, panel.owned],
        list(panel.charts),
        **PRIVATE,
    )


def _build_api(settings: Settings) -> None:
    api = Api(settings)
    public(
        api.fine_tune,
        api_name="fine_tune",
        concurrency_limit=settings.max_runs_waiting + settings.max_runs_at_once,
    )
    public(api.run_status, api_name="run_status")
    public(api.stop_run, api_name="stop_run")


def _controls(settings):
    """A form field for each setting of a run, with one line of help, by name."""
    controls = {}
    with gr.Row():
        controls["checkpoint"] = gr.Dropdown(
            [(str(name), value) for name, value in START_CHOICES],
            value=DEFAULT.checkpoint,
            allow_custom_value=True,
            label=_("Checkpoint"),
            info=_(
                "what the run starts from: one of these, or an id of the Hub with safetensors, a "
                "fast tokenizer "
                "and a padding token"
            ),
            min_width=280,
        )
        controls["source"] = gr.Radio(
            list(SOURCES),
            value=DEFAULT.source,
            label=_("Pairs"),
            info=_(
                'auto: MRPC where it can be had, else the embedded pairs; shortcut: see "Look for '
                'the shortcut"'
            ),
        )
    with gr.Row():
        controls["max_steps"] = _slider(
            "max_steps", 1, settings.max_steps, _("optimizer steps, at most")
        )
        controls["learning_rate"] = gr.Number(
            DEFAULT.learning_rate,
            label="learning_rate",
            step=1e-4,
            info=_("how far an optimizer step goes"),
        )
        controls["batch_size"] = _slider(
            "batch_size", 1, settings.max_batch_size, _("pairs in one optimizer step")
        )
    with gr.Accordion(_("More settings"), open=False):
        with gr.Row():
            controls["train_pairs"] = _slider(
                "train_pairs", 2, settings.max_train_pairs, _("pairs to train on")
            )
            controls["eval_pairs"] = _slider(
                "eval_pairs", 2, settings.max_eval_pairs, _("pairs to evaluate on")
            )
            controls["epochs"] = _slider(
                "epochs", 1, settings.max_epochs, _("times through the training pairs, at most")
            )
        with gr.Row():
            controls["eval_strategy"] = gr.Radio(
                list(EVAL_STRATEGIES),
                value=DEFAULT.eval_strategy,
                label="eval_strategy",
                info=_("when to evaluate; the notes' evaluation_strategy"),
            )
            controls["eval_steps"] = _slider(
                "eval_steps", 1, settings.max_steps, _("optimizer steps between two evaluations")
            )
            controls["schedule"] = gr.Radio(
                list(SCHEDULES),
                value=DEFAULT.schedule,
                label="lr_scheduler_type",
                info=_("how the learning rate falls"),
            )
        with gr.Row():
            controls["warmup_ratio"] = gr.Slider(
                0,
                0.99,
                DEFAULT.warmup_ratio,
                label="warmup",
                info=_("fraction of the steps in which the learning rate rises"),
            )
            controls["weight_decay"] = gr.Slider(
                0, 1, DEFAULT.weight_decay, label="weight_decay", info=_("pull towards zero")
            )
            controls["max_length"] = gr.Slider(
                8,
                settings.longest_max_length,
                DEFAULT.max_length,
                step=1,
                label="max_length",
                info=_("the most tokens of a pair"),
            )
        with gr.Row():
            controls["group_by_length"] = gr.Checkbox(
                DEFAULT.group_by_length,
                label="group_by_length",
                info=_("batches of like length: less padding"),
            )
            controls["frozen_layers"] = _slider(
                "frozen_layers",
                0,
                settings.max_frozen_layers,
                _("lowest layers that stay as they are, and the embeddings with them"),
            )
            controls["dropout"] = gr.Slider(
                0,
                0.9,
                DEFAULT.dropout,
                label="dropout",
                info=_("fraction of the activations that are dropped"),
            )
        with gr.Row():
            controls["precision"] = gr.Radio(
                list(PRECISIONS),
                value=DEFAULT.precision,
                label="precision",
                info=_("of matrix products; auto: bf16 where this machine is faster with it"),
            )
            controls["seed"] = gr.Number(
                DEFAULT.seed, precision=0, label="seed", info=_("same seed, same curve")
            )
        gr.HTML(names_table(IN_TRAINING_ARGUMENTS, asdict(DEFAULT)))
    return controls


def _slider(name, low, high, info):
    return gr.Slider(low, high, getattr(DEFAULT, name), step=1, label=name, info=info)


class Api:
    """The API's functions over one app's settings."""

    def __init__(self, settings):
        self.settings = settings

    def fine_tune(
        self,
        checkpoint: str = DEFAULT.checkpoint,
        source: str = DEFAULT.source,
        train_pairs: int = DEFAULT.train_pairs,
        eval_pairs: int = DEFAULT.eval_pairs,
        epochs: int = DEFAULT.epochs,
        max_steps: int = DEFAULT.max_steps,
        batch_size: int = DEFAULT.batch_size,
        learning_rate: float = DEFAULT.learning_rate,
        eval_strategy: str = DEFAULT.eval_strategy,
        eval_steps: int = DEFAULT.eval_steps,
        schedule: str = DEFAULT.schedule,
        warmup_ratio: float = DEFAULT.warmup_ratio,
        weight_decay: float = DEFAULT.weight_decay,
        max_length: int = DEFAULT.max_length,
        group_by_length: bool = DEFAULT.group_by_length,
        frozen_layers: int = DEFAULT.frozen_layers,
        dropout: float = DEFAULT.dropout,
        precision: str = DEFAULT.precision,
        seed: int = DEFAULT.seed,
        request: gr.Request = None,
    ) -> dict:
        """Start a fine-tune on this server and return at once; open the page at /?run=<id> to watch
        it.

        Args:
            checkpoint: what the run starts from: adapter:pair-warmed, adapter:paraphrase or an id
            of the Hub
            source: auto, hub, folder, embedded or shortcut: which pairs
            train_pairs: pairs to learn from
            eval_pairs: pairs to judge by
            epochs: times through the training pairs, at most
            max_steps: updates of the weights, at most
            batch_size: pairs in one update
            learning_rate: how far an update goes
            eval_strategy: no, steps or epoch
            eval_steps: updates between two evaluations
            schedule: how the learning rate falls: linear, cosine or constant
            warmup_ratio: share of the run in which the learning rate rises
            weight_decay: pull towards zero
            max_length: the most tokens of a pair
            group_by_length: batches of like length: less padding
            frozen_layers: lowest layers that stay as they are, and the embeddings with them; 0
            freezes nothing
            dropout: share of activations dropped in training
            precision: fp32, bf16, or auto: bf16 where this machine is faster with it
            seed: same seed, same curve

        Returns:
            run (its id, for `run_status`), secret (whoever has it may stop the run, with
            `stop_run`), and model (its name for
            `predict` once it is done)
        """
        values = {
            name: value for name, value in locals().items() if name not in ("self", "request")
        }
        try:
            run_id, secret = start_run(
                config_from(values), self.settings, address=address_of(request)
            )
        except Exception as error:
            raise toast(error) from None
        return {"run": run_id, "secret": secret, "model": f"run:{run_id}"}

    def run_status(self, run: str) -> dict:
        """Where a run stands.

        Args:
            run: its id, as `fine_tune` gave it

        Returns:
            state (queued, running, stopping, done, stopped, failed or expired), message, place in
            the queue and wait in seconds, step and total_steps, before and after (loss, accuracy
            and F1, once it has ended; null for what is NaN or infinite), and model (its name for
            `predict`, "" while there is none, or where its weights are NaN)
        """
        try:
            return run_as_data(read_run(run, self.settings))
        except Exception as error:
            raise toast(error) from None

    def stop_run(self, run: str, secret: str) -> dict:
        """Ask a run to stop after its next step and keep its model; asked again, some seconds
        later, it ends at once without.

        Args:
            run: its id, as `fine_tune` gave it
            secret: its secret, as `fine_tune` gave it

        Returns:
            where the run stands, as `run_status` says it
        """
        try:
            stop_run(run, secret, self.settings)
            return run_as_data(read_run(run, self.settings))
        except Exception as error:
            raise toast(error) from None


def run_as_data(run) -> dict:
    """A run as JSON can say it."""
    done, total, _left = progress(run)
    end = (run.first(run.state) if run.ended else None) or {}
    return {
        "state": run.state,
        "message": run_message(run),
        "place": run.place,
        "wait": run.wait,
        "step": done,
        "total_steps": total,
        "before": _metrics(end.get("before")),
        "after": _metrics(end.get("after")),
        "model": f"run:{run.id}" if run.answers else "",
    }


def _metrics(values: Mapping | None) -> dict | None:
    """Loss, accuracy and F1 as JSON can say them, which has no NaN."""
    return {
        name: value if is_number(value) and math.isfinite(value) else None
        for name, value in (values or {}).items()
    } or None
