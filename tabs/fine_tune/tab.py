"""Fine-tune: launch a short Trainer run, watch its curve, stop it, keep its model."""

import html
import json
import math
import secrets
import shlex
from dataclasses import asdict, dataclass

import gradio as gr

from languages import _, say
from pipeline.dataset import SOURCES
from pipeline.errors import InputError
from pipeline.hub.sources import origin_said
from pipeline.runs.folder import is_number
from pipeline.runs.supervisor import (
    ENDED,
    Run,
    closing,
    curves,
    may_stop,
    progress,
    read_run,
    start_run,
    stop_run,
    worker_command,
)
from pipeline.settings import CHECKPOINTS, READY, WARMED
from pipeline.training import (
    EVAL_STRATEGIES,
    IN_TRAINING_ARGUMENTS,
    PRECISIONS,
    SCHEDULES,
    TrainingConfig,
    config_from,
)
from tabs.address import Shared, build_share
from tabs.errors import explain, public, toast
from tabs.fine_tune import sections as more
from tabs.fine_tune.sections import BROWSER
from tabs.fine_tune.shortcut import build_shortcut
from views import drawing, markup
from views.runs import amount, names_table
from web.first_paint import Opening

DEFAULT = TrainingConfig()
START_CHOICES = [
    (say("all-MiniLM-L6-v2 that compares pairs, saw no label (pair-warmed)"), WARMED),
    *((name, name) for name in CHECKPOINTS),
    (say("ready: all-MiniLM-L6-v2, already fine-tuned on MRPC"), READY),
]
NO_RUN = Run("", "idle")
SHORTCUT = "shortcut"  # the source of the lesson's pairs
routes, PUSH_CODE = (
    more.routes,
    more.PUSH_CODE,
)  # what a page downloads, and what its owner is asked for: app.py's
# The address carries the run, so that a refreshed page, a second device or a friend sees the same
# one.
ADDRESS = """(id) => { if (!id) return;
  const url = new URL(location); url.searchParams.set("run", id); showAddress(url); }"""
# The status is drawn anew each second, and a screen reader should hear of a new state alone: it is
# told once, elsewhere.
ANNOUNCE = """const said = document.querySelector(".gradio-container").appendChild(document.createElement("p"));
said.className = "unseen"; said.id = "run-state"; said.setAttribute("role", "status");
const tell = () => setTimeout(() => {
  const drawn = element.querySelector(".status"), state = drawn?.querySelector("strong")?.textContent;
  if (!state || said.dataset.state === state) return;
  const more = [...drawn.querySelectorAll("p + p")].map((p) => p.textContent);
  if (said.dataset.state) said.textContent = [state, ...more].join(STOP);
  said.dataset.state = state; });
watch("value", tell); tell();"""
# Each tab of a browser has what the browser remembers in a copy of its own, and writes the whole of
# it: what others have started is put to it, else the last to start would make them forget their
# secrets. And a browser has one name.
TOGETHER = """(mine) => { const key = "fine-tunes-of-all-tabs"; let all = {};
  try { all = JSON.parse(localStorage.getItem(key)) || {}; } catch {}
  const name = all.browser ?? mine?.browser;
  all = Object.entries({...all, ...mine}).filter(([id]) => id !== "browser").slice(-20);
  all = Object.fromEntries(name ? [["browser", name], ...all] : all);
  try { localStorage.setItem(key, JSON.stringify(all)); } catch {}
  return all; }"""


@dataclass(frozen=True)
class FineTuneTab:
    """What app.py wires to the rest: `finished` holds the name of a model that a run has left
    (`run:<id>`).
    """

    shared: Shared
    finished: gr.State
    openings: tuple


def build_tab(settings):
    """The tab's components and wiring."""
    page = _handlers(settings)
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
    gr.Markdown(f"{what}\n\n{start}")
    controls = _controls(settings)
    page.names = tuple(controls)
    forecast = more.build_forecast(settings, controls)
    with gr.Row():
        start = gr.Button(_("Start the fine-tune"), variant="primary", elem_id="press-start")
        stop = gr.Button(str(STOP_KEEPS), variant="stop", interactive=False)
    status = gr.HTML(
        drawing.run_status("idle", 0, 0, None, ""),
        min_height=90,
        js_on_load=ANNOUNCE.replace("STOP", json.dumps(_(". "))),
    )
    with gr.Row(equal_height=True):
        loss = gr.HTML(page.loss(NO_RUN), min_height=300)
        scores = gr.HTML(page.scores(NO_RUN), min_height=300)
    result = gr.HTML()
    after = more.build_diagnosis()
    # A component and not a gr.State: the page's script, which writes the address, can't see a
    # State's value.
    run_id = gr.Textbox("", visible="hidden", elem_id="run-id")
    finished, timer = gr.State(""), gr.Timer(1.0, active=False)
    # Whoever holds a run's secret may stop it; it stays in the visitor's browser. The storage's own
    # key is no secret (it guards nothing beyond that browser) but must outlive a restart of the
    # server.
    owned = gr.BrowserState({}, storage_key="fine-tunes", secret="fine-tunes-of-this-browser")
    # The storage says "changed" each time it is read, which a page does every second; this only
    # when it holds other runs
    known = gr.Textbox("", visible="hidden")
    owned.change(
        None,
        owned,
        known,
        js="(owned) => Object.keys(owned ?? {}).join()",
        api_visibility="private",
    )
    more.build_pairs(settings, after)
    with gr.Accordion(_("The log, as a table"), open=False):
        log = gr.HTML(drawing.log_table([]))
    more.build_runs(settings, after, owned, known)
    seeds = more.build_seeds(settings, controls, run_id, owned, _recent, after.ended)
    on_shortcut = build_shortcut(settings, after.ended)
    more.build_one_step(settings, controls)
    more.build_save(settings, after)
    about = more.build_reproduce(settings, after, run_id)
    private = {"api_visibility": "private", "show_progress": "hidden"}
    drawn = [status, loss, scores, result, log, about, stop, timer, finished, after.ended]
    watch = {"fn": page.draw, "inputs": [run_id, owned], "outputs": drawn, **private}
    seeds_button, start_seeds, seeds_outputs, look = seeds
    shared = Shared("fine-tune", controls, fixed=after.fixed)
    build_share(settings, shared)
    begun = {"outputs": [status, run_id, owned], **private}
    asked = [owned, *controls.values()]
    # The remedy of a diagnosis is one click away: the run starts, and the form shows what it was
    # started with
    tried = {**begun, "outputs": [*begun["outputs"], *controls.values()]}
    # ... and so does the one on the pairs that give their label away
    shortcut = {**begun, "outputs": [*begun["outputs"], controls["source"]]}
    for event in (
        start.click(page.start, asked, **begun),
        after.remedy.click(page.remedy, [after.ended, owned], **tried),
        on_shortcut.click(page.start_on_shortcut, [after.fixed, *asked], **shortcut),
        seeds_button.click(start_seeds, asked, seeds_outputs, **private),
    ):
        shared.follow(event)
        together = event.then(None, owned, owned, js=TOGETHER, api_visibility="private")
        together.then(**watch).then(None, run_id, None, js=ADDRESS, api_visibility="private").then(
            **look
        )
    stop.click(page.stop, [run_id, owned], status, **private).then(**watch)
    timer.tick(**watch)
    # The last look at a run may come before the browser has told of its earlier ones, which are
    # drawn behind its curves
    gr.on(
        [after.ended.change, known.change],
        page.charts,
        [after.ended, owned],
        [loss, scores],
        **private,
    )
    public(
        page.fine_tune,
        api_name="fine_tune",
        concurrency_limit=settings.max_runs_waiting + settings.max_runs_at_once,
    )
    public(page.run_status, api_name="run_status")
    public(page.stop_run, api_name="stop_run")
    # A run that has ended shows the pace of this machine
    after.ended.change(**forecast, **private, concurrency_id="forecast")
    openings = (
        Opening(page.load, owned, [run_id, *drawn]),
        Opening(forecast["fn"], forecast["inputs"], forecast["outputs"]),
    )
    return FineTuneTab(shared, finished, openings)


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


class _handlers:
    """The tab's handlers over one app's settings."""

    def __init__(self, settings):
        self.settings = settings
        self.names = ()  # of the form's fields, in the order in which Start receives their values

    def start(self, request: gr.Request, owned, *values):
        """(status, the run to watch, the browser's runs)."""
        try:
            return self._started(
                config_from(dict(zip(self.names, values, strict=True))), owned, request
            )
        except Exception as error:
            return markup.notice(explain(error), kind="error"), gr.skip(), gr.skip()

    def start_on_shortcut(self, request: gr.Request, fixed, owned, *values):
        """As `start`, with the pairs that give their label away; and the value for the field of
        pairs.
        """
        if "source" in (fixed or ()):
            fixed_here = _("The pairs are fixed on this page, so this run can't be started here.")
            return markup.notice(fixed_here, kind="error"), *(gr.skip(),) * 3
        values = (
            *(
                SHORTCUT if name == "source" else value
                for name, value in zip(self.names, values, strict=True)
            ),
        )
        begun = self.start(request, owned, *values)
        return *begun, SHORTCUT if isinstance(begun[1], str) else gr.skip()

    def remedy(self, request: gr.Request, run_id, owned):
        """Start the run that tries what the diagnosis of this one proposes; as `start`, and a value
        for each field.
        """
        try:
            config = more.remedied(run_id, self.settings)
            return *self._started(config, owned, request), *(
                getattr(config, name) for name in self.names
            )
        except Exception as error:
            return markup.notice(explain(error), kind="error"), *(gr.skip(),) * (
                2 + len(self.names)
            )

    def _started(self, config, owned, request):
        owned = _recent(owned)
        run_id, secret = start_run(
            config, self.settings, browser=owned[BROWSER], address=more.address_of(request)
        )
        run = read_run(run_id, self.settings)
        return (
            drawing.run_status(run.state, 0, 0, None, _message(run)),
            run_id,
            {**owned, run_id: secret},
        )

    def stop(self, run_id, owned):
        try:
            stop_run(run_id, _secret_of(run_id, owned), self.settings)
        except Exception as error:
            return markup.notice(explain(error), kind="error")
        return gr.skip()

    def load(self, owned, request: gr.Request):
        """The run named in the page's address, if any."""
        run_id = request.query_params.get("run", "")
        return (run_id, *self.draw(run_id, owned)) if run_id else (gr.skip(),) * 11

    def draw(self, run_id, owned):
        """One look at the run's folder -> every picture of it."""
        if not run_id:
            return (gr.skip(),) * 10
        try:
            return self._drawn(read_run(run_id, self.settings), owned)
        except Exception as error:
            # What nobody foresaw may be over at the next look
            timer = gr.Timer(active=False) if isinstance(error, InputError) else gr.skip()
            return (
                markup.notice(explain(error), kind="error"),
                *(gr.skip(),) * 6,
                timer,
                *(gr.skip(),) * 2,
            )

    def _drawn(self, run, owned):
        mine = not run.ended and may_stop(run.id, _secret_of(run.id, owned), self.settings)
        again = str(STOP.get(run.state, STOP_KEEPS))
        earlier = more.behind(run, owned, self.settings)
        return (
            drawing.run_status(run.state, *progress(run), _message(run)),
            self.loss(run, earlier),
            self.scores(run, earlier),
            _result(run),
            drawing.log_table(_log(run), run.ended),
            self.about(run),
            gr.Button(again, interactive=mine),
            gr.Timer(active=run.state not in ENDED),
            f"run:{run.id}" if run.answers else gr.skip(),
            run.id if run.ended else "",
        )

    def charts(self, run_id, owned):
        """Both curves of an ended run once more, with this browser's earlier runs behind them."""
        if not run_id:
            return (gr.skip(),) * 2
        try:
            run = read_run(run_id, self.settings)
        except Exception as error:
            return markup.notice(explain(error), kind="error"), gr.skip()
        earlier = more.behind(run, owned, self.settings)
        return self.loss(run, earlier), self.scores(run, earlier)

    def loss(self, run, earlier=()):
        points = curves(run)
        total = progress(run)[1]
        series = {_("training loss"): points["loss"], _("validation loss"): points["eval_loss"]}
        return drawing.curve(
            _("Loss"),
            series,
            baselines={},
            x_label=_("step"),
            y_label=_("cross-entropy"),
            x_max=total,
            behind=more.faint(earlier, "eval_loss"),
            ended=run.ended,
        )

    def scores(self, run, earlier=()):
        points, start = curves(run), run.first("start")
        majority = start["majority"] if start else None
        baselines = (
            {_("majority accuracy"): majority["accuracy"], _("majority F1"): majority["f1"]}
            if majority
            else {}
        )
        series = {_("accuracy"): points["eval_accuracy"], "F1": points["eval_f1"]}
        return drawing.curve(
            _("Accuracy and F1 on validation"),
            series,
            baselines=baselines,
            x_label=_("step"),
            y_label=_("fraction"),
            x_max=progress(run)[1],
            behind=more.faint(earlier, "eval_accuracy"),
            ended=run.ended,
        )

    def about(self, run):
        if not run.config:
            return ""
        command = shlex.join(
            ["python", *worker_command(TrainingConfig(**run.config), f"runs/{run.id}")[1:]]
        )
        start = run.first("start") or {}
        origins = [start[part] for part in ("model", "data", "metric") if start.get(part)]
        lines = [
            markup.origin_line(origin_said(o["loaded"], o["place"], o["reason"]), o["stands_in"])
            for o in origins
        ]
        return f"<pre class='command'>{html.escape(command)}</pre>{''.join(lines)}"

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
                config_from(values), self.settings, address=more.address_of(request)
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
            return _told(read_run(run, self.settings))
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
            return _told(read_run(run, self.settings))
        except Exception as error:
            raise toast(error) from None


STOP_KEEPS = say("Stop and keep the model")
STOP = {"queued": say("Leave the queue"), "stopping": say("Stop now, lose the model")}


def _recent(owned):
    """This browser's name, drawn with its first run, and the secrets of its last runs; older ones
    have expired anyway.
    """
    owned = owned if isinstance(owned, dict) else {}
    name = owned.get(BROWSER)
    runs = [(run_id, secret) for run_id, secret in owned.items() if run_id != BROWSER]
    return {
        BROWSER: name if isinstance(name, str) and name else secrets.token_urlsafe(24),
        **dict(runs[-20:]),
    }


def _secret_of(run_id, owned):
    """What the browser says is the run's secret; its storage may hold anything."""
    return owned.get(run_id) if isinstance(owned, dict) and isinstance(run_id, str) else None


def _told(run):
    """A run as data."""
    done, total, _left = progress(run)
    end = (run.first(run.state) if run.ended else None) or {}
    return {
        "state": run.state,
        "message": _message(run),
        "place": run.place,
        "wait": run.wait,
        "step": done,
        "total_steps": total,
        "before": _figures(end.get("before")),
        "after": _figures(end.get("after")),
        "model": f"run:{run.id}" if run.answers else "",
    }


def _figures(told):
    """Loss, accuracy and F1 as JSON can say them, which has no NaN."""
    finite = {
        name: is_number(value) and math.isfinite(value) for name, value in (told or {}).items()
    }
    return {name: told[name] if finite[name] else None for name in finite} or None


def _message(run):
    last = run.events[-1] if run.events else {}
    if run.state == "queued":
        return _(
            "Place {place} in the queue; its turn comes in about {wait}.",
            place=run.place,
            wait=drawing.duration(run.wait),
        )
    if run.state == "expired":
        return _("This run has expired: its folder is gone. Start a new one.")
    if run.state == "running" and not run.events:
        return _("The worker is starting: it loads the pairs and the model.")
    if closing(run):
        return _("Its last step is over: the model is being evaluated and saved.")
    if run.state == "stopping":
        return _("It ends after the step that it is in, evaluates its model and saves it.")
    return last.get("message") or last.get("reason") or ""


def _result(run):
    end, start = run.first(run.state) if run.ended else None, run.first("start")
    if not end or not end.get("before") or not end.get("after") or not start:
        return ""
    majority = start["majority"]
    rows = [
        (_("accuracy"), end["before"]["accuracy"], end["after"]["accuracy"], majority["accuracy"]),
        ("F1", end["before"]["f1"], end["after"]["f1"], majority["f1"]),
    ]
    peak = end.get("peak_bytes")
    seconds = drawing.duration(end["seconds"])
    took = (
        _(
            "The run took {seconds} and {peak} of memory at most.",
            seconds=seconds,
            peak=amount(peak),
        )
        if peak
        else _("The run took {seconds}.", seconds=seconds)
    )
    if not run.answers:
        broken = _(
            "This run's loss became NaN or infinite, and so did the weights that it left: its "
            "model answers nothing."
        )
        notice = markup.notice(markup.sentences(broken, took), kind="warning")
        return f"{drawing.result_table(rows)}{notice}"
    ready = markup.sentences(_("The model is ready: it is chosen in the Predict tab."), took)
    return f"{drawing.result_table(rows)}{markup.notice(ready)}"


def _log(run):
    """Training and evaluation lines of one step joined into one row."""
    rows = {}
    for event in run.of("log") + run.of("evaluation"):
        rows.setdefault(event["step"], {}).update(event)
    return [rows[step] for step in sorted(rows)]
