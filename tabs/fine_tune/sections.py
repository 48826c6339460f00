"""Around a fine-tune: what it will take, one step by hand, what it changed, its diagnosis, other
seeds, script, model.
"""

import functools
import hashlib
import hmac
import html
import secrets
from dataclasses import asdict, dataclass, replace

import gradio as gr
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from languages import _, say
from pipeline.answers import digest
from pipeline.dataset import load_raw_datasets
from pipeline.errors import InputError
from pipeline.explain import step_by_hand as by_hand
from pipeline.explain.diagnosis import changed_config, diagnose
from pipeline.explain.evidence import evidence_of
from pipeline.explain.forecast import forecast
from pipeline.explain.what_changed import read_judgement
from pipeline.export import model as saving
from pipeline.export.scripts import by_hand_script, run_script
from pipeline.runs.supervisor import curves, outline, read_run, start_runs
from pipeline.settings import LABELS
from pipeline.training import TrainingConfig, config_from
from tabs.errors import explain, notice_on_error
from tabs.fine_tune.shortcut import GIVEN_AWAY
from tabs.scripts import script_block
from views import code as code_drawing
from views import drawing, markup
from views import runs as run_drawing
from web.gate import CHECKED, LOOPBACK, is_foreign

PRIVATE = {"api_visibility": "private", "show_progress": "hidden"}
SEEDS = 3
# Behind a curve, and in the table of a browser's runs
OVERLAID, LISTED = 4, 12
# Under which key of the browser's storage its own name is kept, beside the runs' ids: no id is a
# word.
BROWSER = "browser"
# Addresses of visitors are counted, not kept: what a run's folder holds of one can't be traced back
# without this key.
ADDRESS_KEY = secrets.token_bytes(32)
# Below this prefix Gradio's own front server hands every request on to Python, also where it
# renders pages itself.
ROUTE = "gradio_api/runs"
SIGNED_OUT = say("Sign in with the button beside this one first; then push.")
STRICTER = say(
    'The embedded pairs are stricter than MRPC: one other number, name or "not" makes a pair '
    "not_equivalent. "
    "What this run gained holds for such pairs. On MRPC's validation pairs the model of the "
    "default run was "
    "measured below the majority class; the card of the embedded pairs has the figures."
)
NO_TOKEN = say(
    "There is no token of yours on this machine. Run `hf auth login` in a terminal here, with a "
    "token that may "
    "write (huggingface.co/settings/tokens), and push again."
)
NOT_HERE = say(
    "This page is open on another machine than the app, whose token is not yours. Download the "
    "model, or open "
    "the page on the app's own machine."
)


NO_CODE = say(
    "Give the code that stands in the terminal in which the app was started: the token is that of "
    "the machine's "
    "owner."
)
PUSH_CODE = secrets.token_hex(
    5
)  # another one each time the server starts; app.py writes it to the terminal


def address_of(request):
    """For whose address a run counts; "" where there is no telling."""
    host = request.client.host if request and request.client else ""
    return (
        hmac.new(ADDRESS_KEY, host.encode(errors="replace"), hashlib.sha256).hexdigest()
        if host
        else ""
    )


def no_run():
    """What stands where an ended run's things will be."""
    return f'<p class="quiet">{_("Start a run; what belongs here appears when it has ended.")}</p>'


# ---------------------------------------------------------------- before it starts


def build_forecast(settings, controls):
    """The line above Start and the arithmetic behind it. Returns what draws them, as an event's fn,
    inputs and outputs.
    """
    line = gr.HTML('<p class="forecast"> </p>', min_height=40)
    with gr.Accordion(_("Before it starts: steps, time, memory, download"), open=False):
        tables = gr.HTML()
    names, inputs = tuple(controls), list(controls.values())

    def show(*values):
        try:
            expected = forecast(config_from(dict(zip(names, values, strict=True))), settings)
        except Exception as error:
            return markup.notice(explain(error), kind="error"), ""
        return run_drawing.forecast_line(expected), run_drawing.forecast_tables(expected)

    # Filling the form changes many fields at once, and only the last look counts
    gr.on(
        [part.change for part in inputs],
        show,
        inputs,
        [line, tables],
        trigger_mode="always_last",
        concurrency_id="forecast",
        concurrency_limit=4,
        **PRIVATE,
    )
    return {"fn": show, "inputs": inputs, "outputs": [line, tables]}


def build_one_step(settings, controls):
    """One step by hand, next to Trainer's."""
    names = tuple(controls)
    with gr.Accordion(
        _("One step by hand, next to Trainer's"), open=False, elem_id="one-step-by-hand"
    ):
        gr.Markdown(
            _(
                "The first batch that the settings above would draw. Forward, each pair's loss, "
                "their mean, "
                "backward, update: once as `Trainer` does it, once in the lines below, from the "
                "same weights."
            )
        )
        take = gr.Button(_("Take one step"))
        answer = gr.HTML(min_height=70)
        with gr.Accordion(_("The lines that run by hand"), open=False):
            lines = script_block(by_hand.source(), "by_hand.py", whole=False)

    def step(*values):
        from layers.chance import alone  # needs torch, and nothing that is imported here may

        config = config_from(dict(zip(names, values, strict=True)))
        with alone:
            taken = by_hand.one_step(config, settings)
        return run_drawing.step_drawn(taken, LABELS), code_drawing.script(
            by_hand_script(taken), "by_hand.py"
        )

    # In a queue of its own: it takes seconds of both cores
    take.click(
        notice_on_error(2)(step),
        list(controls.values()),
        [answer, lines],
        api_visibility="private",
        concurrency_id="by-hand",
        concurrency_limit=1,
    )


# ---------------------------------------------------------------- after it


@dataclass(frozen=True)
class After:
    """What fills itself once a run has ended. `ended`: its id, "" while there is none; `fixed`:
    what a teacher locked.
    """

    ended: gr.State
    fixed: gr.State
    diagnosis: gr.HTML
    remedy: gr.Button


def build_diagnosis():
    """The card under the curves, and the button that starts what it proposes."""
    ended, diagnosis = gr.State(""), gr.HTML()
    return After(
        ended,
        gr.State([]),
        diagnosis,
        gr.Button(_("Try that: start the run with it"), visible=False),
    )


def build_pairs(settings, after):
    """What an ended run changed, pair by pair; and the diagnosis, which looks at the same answers."""
    page = _After(settings)
    with gr.Accordion(
        _("Before and after, pair by pair: what it fixed, what it broke"), open=False
    ):
        pairs = gr.HTML(no_run())
    after.ended.change(
        page.fill, [after.ended, after.fixed], [after.diagnosis, after.remedy, pairs], **PRIVATE
    )


def build_runs(settings, after, owned, known):
    """The ended run beside this browser's others. known: changes when those do."""
    page = _After(settings)
    with gr.Accordion(_("This browser's runs"), open=False):
        runs = gr.HTML(no_run())
    # What the browser remembers may reach the page after the run does
    gr.on([after.ended.change, known.change], page.runs, [after.ended, owned], runs, **PRIVATE)


def build_reproduce(settings, after, run_id):
    """The script of a run; returns the place for its command and for where everything came from."""
    page = _After(settings)
    with gr.Accordion(
        _("Reproduce: the script, the command, where everything came from"), open=False
    ) as reproduce:
        gr.Markdown(
            _(
                "The same run with Hugging Face's libraries alone. Same seed, same machine: same "
                "curve. What it reads "
                "of the app's own (the starting model, the embedded pairs) is in the download "
                "under **Save the model**, "
                "beside the script; alone, the script runs in a copy of the app's repository."
            )
        )
        script = script_block(
            _("# Start a run; its script stands here once it has loaded its model."), "train.py"
        )
        about = gr.HTML()
    gr.on(
        [reproduce.expand, run_id.change, after.ended.change],
        page.script,
        run_id,
        script,
        **PRIVATE,
    )
    return about


def gives_label_away(run):
    """Whether a run's curve says nothing of its model: its pairs can be solved by a shortcut."""
    start = run.first("start") or {}
    return (start.get("data") or {}).get("place") == "shortcut"


def is_on_own_pairs(run):
    """Whether a run learned from the embedded pairs, whose labels follow a stricter rule than
    MRPC's.
    """
    start = run.first("start") or {}
    return (start.get("data") or {}).get("place") == "embedded"


def diagnosis_of(run, settings):
    """The Diagnosis of an ended Run, or None where there is nothing to look at."""
    if gives_label_away(run):
        return None
    kept = read_judgement(settings.runs_folder / run.id)
    evidence = evidence_of(run, kept[0] if kept else None)
    return diagnose(evidence, settings) if evidence else None


def remedied(run_id, settings):
    """The TrainingConfig that the diagnosis of an ended run proposes. InputError where it proposes
    none.
    """
    run = read_run(run_id, settings)
    found = diagnosis_of(run, settings)
    if not found or not found.remedy.changes:
        raise InputError(
            say(
                "Nothing is left to try for this run, or it has expired. Change the settings, and "
                "start one."
            )
        )
    return config_from(changed_config(config_from(run.config), found.remedy))


class _After:
    """Handlers over one app's settings; everything is read from the run's folder."""

    def __init__(self, settings):
        self.settings = settings

    def fill(self, run_id, fixed=()):
        """(diagnosis, its button, pairs) of an ended run; empty while there is none."""
        if not run_id:
            return "", gr.Button(visible=False), no_run()
        return *self._diagnosis(run_id, fixed), _guarded(self._pairs, run_id)

    def runs(self, run_id, owned):
        """The table of this browser's runs; where one is shown, with that first, and the others
        against it.
        """
        return _guarded(self._runs, run_id, owned)

    def _diagnosis(self, run_id, fixed):
        try:
            run = read_run(run_id, self.settings)
            found = diagnosis_of(run, self.settings)
        except Exception as error:
            return markup.notice(explain(error), kind="error"), gr.Button(visible=False)
        if not found:
            return markup.notice(GIVEN_AWAY, kind="warning") if gives_label_away(
                run
            ) else "", gr.Button(visible=False)
        # A remedy that would write into what a teacher locked can be read, and not be started
        may_start = found.remedy.changes and not set(found.remedy.changes) & set(fixed)
        note = markup.notice(STRICTER) if is_on_own_pairs(run) else ""
        return f"{run_drawing.diagnosis_card(found)}{note}", gr.Button(visible=bool(may_start))

    def _pairs(self, run_id):
        kept = read_judgement(self.settings.runs_folder / run_id)
        if not kept:
            broken = not read_run(run_id, self.settings).answers
            said = (
                _("The model that this run left has no answers: its logits are NaN or infinite.")
                if broken
                else _("This run kept no answers pair by pair.")
            )
            return f'<p class="quiet">{said}</p>'
        judgement, which = kept
        return run_drawing.changed_pairs(
            judgement, self._sentences(run_id, which, len(judgement.labels)), LABELS
        )

    def _sentences(self, run_id, which, count):
        """The pairs that were judged, if they still are what they were; else None."""
        try:
            rows = load_raw_datasets(
                read_run(run_id, self.settings).config["source"], self.settings
            )[0]["validation"]
        except (InputError, KeyError):
            return None
        rows = rows.select(range(min(count, len(rows))))
        same = digest(rows["sentence1"], rows["sentence2"]) == which
        return list(zip(rows["sentence1"], rows["sentence2"], strict=True)) if same else None

    def _runs(self, run_id, owned):
        shown = read_run(run_id, self.settings) if run_id else None
        others = [run for run in runs_of(owned, self.settings) if run.id != run_id][:LISTED]
        rows = [
            row for run in ([shown] if shown else []) + others if (row := self._row(run, shown))
        ]
        return run_drawing.runs_table(rows, bool(shown)) if rows or shown else no_run()

    def _row(self, run, shown):
        end = run.first(run.state)
        if not run.has_model or not end.get("before"):
            return None
        others = shown.config if shown else asdict(TrainingConfig())
        differs = ", ".join(
            f"{name} {value}" for name, value in run.config.items() if others.get(name) != value
        )
        found, is_it = diagnosis_of(run, self.settings), shown is not None and run.id == shown.id
        name = _("{id}, the one shown", id=run.id[:6]) if is_it else run.id[:6]
        return (
            f"?run={run.id}",
            name,
            differs or ("–" if is_it else _("none")),
            end["before"]["accuracy"],
            end["after"]["accuracy"],
            end["after"]["f1"],
            found.name if found else "–",
        )

    def script(self, run_id):
        """The run's script, which the server has as a file, too."""
        if not run_id:
            return gr.skip()
        try:
            source = run_script(read_run(run_id, self.settings))
        except InputError as error:
            return code_drawing.script(f"# {error}", "train.py")
        return code_drawing.script(source, "train.py", f"{ROUTE}/{run_id}/train.py")


def _guarded(draw, *values):
    try:
        return draw(*values)
    except Exception as error:
        return markup.notice(explain(error), kind="error")


def all_runs_of(owned, settings, most=40, read=read_run):
    """This browser's runs, newest first, read by `read`. `owned`: what its storage holds, which may
    be anything.
    """
    names = [name for name in owned if isinstance(name, str)] if isinstance(owned, dict) else []
    found = []
    for name in reversed(names[-most:]):
        try:
            found.append(read(name, settings))
        except InputError:  # the browser's own name, or whatever was put there
            pass
    return found


def runs_of(owned, settings, most=40, read=read_run):
    """Those of them that have ended and left a model."""
    return [
        run
        for run in all_runs_of(owned, settings, most, read)
        if run.has_model and run.first("start")
    ]


def behind(run, owned, settings):
    """Earlier runs to be drawn behind this one's curves: the newest few over the same pairs, others
    can't be compared.
    """
    if not run.config:
        return []
    alike = ("source", "eval_pairs")
    return [
        other
        for other in runs_of(owned, settings, 3 * OVERLAID, outline)
        if other.id != run.id
        and all(other.config.get(name) == run.config.get(name) for name in alike)
    ][:OVERLAID]


def faint(earlier, key):
    """Their points of one kind, as what `drawing.curve` draws first."""
    lines = [line for other in earlier if (line := curves(other)[key])]
    return [run_drawing.Faint(lines)] if lines else []


# ---------------------------------------------------------------- three seeds


def build_seeds(settings, controls, run_id, owned, recent, ended):
    """Three runs of the same settings; (button, handler of its click, its outputs, so far without
    the tab's own).
    """
    page = _Seeds(settings, tuple(controls), recent)
    with gr.Accordion(_("Three seeds of the same settings, as a band"), open=False):
        gr.Markdown(
            _(
                "How much of a result is chance? The seed decides the order of the pairs, what "
                "dropout drops, and the "
                "numbers that a new head starts from; with the default settings, without dropout "
                "or a new head, the "
                "order alone. Which pairs are evaluated on is chance, too (on 408 pairs about ±2 "
                "percentage points of "
                "accuracy), and isn't in the band; and a few runs show that results differ, not "
                "how far they can. "
                "This starts the settings above with {seeds} seeds, one run after the other; a "
                "run of yours that is "
                "there already counts.",
                seeds=SEEDS,
            )
        )
        start = gr.Button(_("Run these settings with three seeds"))
        said, drawn = gr.HTML(), gr.HTML()
    timer = gr.Timer(3.0, active=False)
    look = {"fn": page.draw, "inputs": [run_id, owned], "outputs": [drawn, timer], **PRIVATE}
    timer.tick(**look)
    gr.on([ended.change, run_id.change], **look)
    return start, page.start, [said, run_id, owned], look


class _Seeds:
    def __init__(self, settings, names, recent):
        self.settings, self.names, self.recent = settings, names, recent

    def start(self, request: gr.Request, owned, *values):
        """(message, the run to watch, the browser's runs)."""
        try:
            owned = self.recent(owned)
            config = config_from(dict(zip(self.names, values, strict=True))).checked(self.settings)
            most = self.settings.largest_seed
            wanted = [
                replace(config, seed=(config.seed + number) % (most + 1)) for number in range(SEEDS)
            ]
            there = {run.config["seed"]: run.id for run in self._alike(asdict(config), owned)}
            missing = [one for one in wanted if one.seed not in there]
            visitor = {"browser": owned[BROWSER], "address": address_of(request)}
            started = start_runs(missing, self.settings, **visitor) if missing else []
        except Exception as error:
            return markup.notice(explain(error), kind="error"), gr.skip(), gr.skip()
        # What the form says stays on the screen where it is there already
        watched = there.get(wanted[0].seed) or started[0][0]
        return "", watched, {**owned, **dict(started)}

    def _alike(self, config, owned):
        """This browser's runs of these settings with whatever seed, that wait, run or are done."""
        alive = [
            run for run in all_runs_of(owned, self.settings) if not run.ended or run.state == "done"
        ]
        return [
            run
            for run in alive
            if run.config and {**run.config, "seed": 0} == {**config, "seed": 0}
        ]

    def draw(self, run_id, owned):
        """(the band, the timer): of all this browser's runs that differ from the shown one by their
        seed alone.
        """
        if not run_id:
            return "", gr.Timer(active=False)
        try:
            shown = read_run(run_id, self.settings)
            owned = {**owned, run_id: ""} if isinstance(owned, dict) else {run_id: ""}
            alike = {run.config["seed"]: run for run in self._alike(shown.config, owned)}
            return self._drawn(alike), gr.Timer(active=any(not run.ended for run in alike.values()))
        except Exception as error:
            return markup.notice(explain(error), kind="error"), gr.Timer(active=False)

    def _drawn(self, alike):
        if len(alike) < 2:
            return ""
        runs = [alike[seed] for seed in sorted(alike)]
        rows = run_drawing.seeds_table([self._row(run) for run in runs])
        done = [run for run in runs if run.state == "done"]
        if len(done) < 2:
            return rows
        name = _("from the least to the most of {count} seeds", count=len(done))
        charts = [
            self._chart(done, "eval_loss", _("Validation loss"), _("cross-entropy"), name),
            self._chart(done, "eval_accuracy", _("Accuracy on validation"), _("fraction"), name),
        ]
        return f'{rows}<div class="bands">{"".join(charts)}</div>'

    def _row(self, run):
        end = run.first("done") or {}
        after = end.get("after") or {}
        state = drawing.STATE_WORDS[run.state]
        return run.config["seed"], state, after.get("accuracy"), after.get("f1"), after.get("loss")

    def _chart(self, runs, key, title, unit, name):
        mean, edges = run_drawing.band([curves(run)[key] for run in runs])
        majority = (runs[0].first("start") or {}).get("majority")
        baselines = (
            {_("majority accuracy"): majority["accuracy"]}
            if majority and key == "eval_accuracy"
            else {}
        )
        layers = [run_drawing.Band(name, edges)] if edges else []
        return drawing.curve(
            title,
            {_("mean"): mean},
            baselines=baselines,
            x_label=_("step"),
            y_label=unit,
            x_max=0,
            behind=layers,
        )


# ---------------------------------------------------------------- saving it


def build_save(settings, after):
    """An ended run's model: a zip to download, a repository to push."""
    page = _Save(settings)
    on_space = settings.signs_in
    with gr.Accordion(_("Save the model: download it, or push it to your Hub account"), open=False):
        download = gr.HTML(no_run())
        with gr.Row():
            name = gr.Textbox(
                "my-paraphrase-classifier",
                label=_("Repository"),
                info=_("its name in your account"),
                min_width=240,
            )
            private = gr.Checkbox(
                True,
                label="private",
                info=_("only you see it; the Hub can change that later"),
                min_width=240,
            )
        with gr.Row():
            if on_space:
                gr.LoginButton(size="md", min_width=200)
            push = gr.Button(_("Push to my Hub account"), min_width=200)
        # For the token of this machine's owner: no header proves that somebody sits at the machine,
        # a code in its terminal does
        code = gr.Textbox(
            "",
            label=_("Code"),
            info=_("the one in the terminal in which the app was started"),
            type="password",
            max_length=40,
            visible=not on_space,
        )
        said = gr.HTML()
        gr.Markdown(
            _(
                "With it goes a model card with the metrics, the settings, the seed and the "
                "versions, and the script "
                "that trains it again. The token is used for this push and kept nowhere."
            )
        )
    after.ended.change(page.download, after.ended, download, **PRIVATE)
    pushed, asked = (page.push_from_space, []) if on_space else (page.push_from_here, [code])
    push.click(
        pushed,
        [after.ended, name, private, *asked],
        said,
        api_visibility="private",
        concurrency_id="push",
        concurrency_limit=2,
    )


class _Save:
    def __init__(self, settings):
        self.settings = settings

    def download(self, run_id):
        """The link to an ended run's zip; its size, or why there is none."""
        if not run_id:
            return no_run()
        return _guarded(self._link, run_id)

    def _link(self, run_id):
        run = saving.saved_run(run_id, self.settings)
        files = saving.files_of(run, self.settings)
        size = sum(
            len(content) if isinstance(content, bytes) else content.stat().st_size
            for content in files.values()
        )
        hint = _(
            "{size}, no pickle: {files}", size=run_drawing.amount(size), files=", ".join(files)
        )
        return run_drawing.download_link(
            f"{ROUTE}/{run_id}/model.zip", _("Download the model"), hint
        )

    def push_from_space(self, run_id, name, private, token: gr.OAuthToken | None):
        """With the token of whoever signed in, and never with the server's own."""
        return self._push(run_id, name, private, token.token if token else None, SIGNED_OUT)

    def push_from_here(self, run_id, name, private, code, request: gr.Request):
        """With the token of this machine's owner, for somebody who sits at this machine and reads
        its terminal.
        """
        if not is_local(request):
            return markup.notice(NOT_HERE, kind="error")
        if not isinstance(code, str) or not secrets.compare_digest(
            code.strip().encode(errors="replace"), PUSH_CODE.encode()
        ):
            return markup.notice(NO_CODE, kind="error")
        from huggingface_hub import get_token

        return self._push(run_id, name, private, get_token(), NO_TOKEN)

    def _push(self, run_id, name, private, token, without):
        if not run_id:
            return markup.notice(
                _("There is no finished run to push. Start one first."), kind="error"
            )
        if not token:
            return markup.notice(without, kind="error")
        try:
            address = saving.push(run_id, name, token, private, settings=self.settings)
        except Exception as error:
            # The log gets no traceback of a call that had the token in its hands
            unforeseen = _(
                "The push failed ({error}). Try again later, or download the model.",
                error=type(error).__name__,
            )
            return markup.notice(
                str(error) if isinstance(error, InputError) else unforeseen, kind="error"
            )
        link = (
            f'<a href="{html.escape(address)}" target="_blank" '
            f'rel="noopener">{html.escape(address)}</a>'
        )
        return f'<p class="notice info" role="note">{_("Pushed: {link}", link=link)}</p>'


def is_local(request):
    """Whether a request looks as if made on the app's own machine, by the app's own page or a
    program.

    A proxy or tunnel on this machine that says nothing of its visitors looks so, too: so this alone
    opens nothing.
    """
    host = request.headers.get("host", "").rpartition(":")[0].strip("[]") or request.headers.get(
        "host", ""
    )
    forwarded = any(
        name in request.headers
        for name in ("x-forwarded-for", "x-forwarded-host", "forwarded", "via", CHECKED)
    )
    here = bool(request.client) and request.client.host in LOOPBACK and host in LOOPBACK
    return here and not forwarded and not is_foreign(request.headers)


def routes(settings):
    """GET gradio_api/runs/<id>/model.zip and train.py: for downloads of any size, of which no copy
    is made.
    """

    def guarded(answer):
        @functools.wraps(answer)
        def safe(request):
            try:
                return answer(request.path_params["run_id"])
            except InputError as error:
                return PlainTextResponse(str(error), status_code=404)
            except OSError as error:  # it was swept away just now
                return PlainTextResponse(explain(error), status_code=404)
            except Exception as error:
                return PlainTextResponse(explain(error), status_code=500)

        return safe

    def model(run_id):
        run = saving.saved_run(run_id, settings)
        name = saving.zip_name(run)
        chunks = saving.zip_chunks(saving.files_of(run, settings), name)
        return StreamingResponse(
            chunks, media_type="application/zip", headers=_as_file(f"{name}.zip")
        )

    def script(run_id):
        return Response(
            run_script(read_run(run_id, settings)),
            media_type="text/x-python",
            headers=_as_file("train.py"),
        )

    return [
        Route(f"/{ROUTE}/{{run_id}}/model.zip", guarded(model)),
        Route(f"/{ROUTE}/{{run_id}}/train.py", guarded(script)),
    ]


def _as_file(name):
    return {
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
    }
