"""The app: Tokenize, Model, Fine-tune, Predict, Layers, and the Class that a link leads to.

python app.py            starts it at http://127.0.0.1:7860
"""

import os
import tempfile
from dataclasses import replace

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # no request leaves the machine unasked
# Visitors' files, in a folder of their own: what is old in it is removed
os.environ.setdefault("GRADIO_TEMP_DIR", os.path.join(tempfile.gettempdir(), "paraphrase-files"))
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = (
    "1"  # a visitor could name a private model of the host's
)

import gc
import logging
import threading

import gradio as gr
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import Route

from languages import DEFAULT_LANGUAGE, LANGUAGES, _, speaking
from pipeline.isolation import processes
from pipeline.isolation.secrets import forget_secrets
from pipeline.runs.executors import zero_gpu
from pipeline.runs.health import health
from pipeline.runs.supervisor import start_supervisor
from pipeline.settings import Settings
from tabs.address import read_address
from tabs.class_room import board as class_board
from tabs.class_room import state as class_state
from tabs.class_room import tab as class_room
from tabs.class_room.membership import build_membership
from tabs.errors import in_language
from tabs.fine_tune import tab as fine_tune
from tabs.fine_tune.downloads import routes
from tabs.fine_tune.save import PUSH_CODE
from tabs.fine_tune.watching import watch_route
from tabs.header import build_header
from tabs.layers import tab as layers
from tabs.model import tab as model
from tabs.own_pairs import build_own_pairs
from tabs.pair import keep_equal
from tabs.predict import tab as predict
from tabs.share import share_data
from tabs.tokenize import tab as tokenize
from tabs.walk import build_walk
from tabs.which_pairs import keep_choices_equal
from web.assets import CachedAssets
from web.first_paint import prerender
from web.gate import AllowedPaths, BodyLimit, ProxyHeaders, SameOriginCookies, TrustedProxies
from web.language import LanguagePages
from web.plain_errors import EXCEPTION_HANDLERS, AppBlocks
from web.quiet_events import show_no_progress
from web.sessions import use_light_sessions
from web.theme import THEME
from web.uploads import Uploads, upload_folder

log = logging.getLogger(__name__)
TITLE = "From a pair of sentences to a paraphrase classifier"
MOST_WAITING = 500  # calls, of all visitors together
LAUNCH = {
    "theme": THEME,
    "footer_links": ["api", "settings"],
    "run_history": False,
    "enable_monitoring": False,
    "ssr_mode": False,
    "max_file_size": 2
    * Settings.max_csv_bytes,  # above its cap a file of pairs is refused with a remedy
}


def build_app(settings):
    """settings -> gr.Blocks: one page a language, at / and /zh. Builds components only: nothing is
    loaded here.
    """
    with AppBlocks(
        title=TITLE, analytics_enabled=False, delete_cache=(3600, 3600)
    ) as demo:  # visitors' files
        demo.openings = {DEFAULT_LANGUAGE: _build_page(demo, settings)}
    for language in LANGUAGES:
        if language == DEFAULT_LANGUAGE:
            continue
        known = set(demo.fns)
        # The page is built in its language, and its handlers answer in it
        with (
            demo.route(LANGUAGES[language], f"/{language}", show_in_navbar=False),
            speaking(language),
        ):
            demo.openings[language] = _build_page(demo, settings)
        for number in set(demo.fns) - known:
            # Gradio 6.31: a function knows nothing of the page that it belongs to
            demo.fns[number].fn = in_language(demo.fns[number].fn, language)
            demo.function_languages[number] = language
    show_no_progress(demo)
    zero_gpu.register()
    use_light_sessions()
    # Handlers are short; long work lives in a run's own process. More than a class with its timers
    # is somebody's flood. Twice as many at once as may wait for strangers' checkpoints: those keep
    # nobody else from an answer
    return demo.queue(
        default_concurrency_limit=2 * settings.max_isolated_calls,
        max_size=MOST_WAITING,
        # Else all who wait are told their place anew with each call that starts
        status_update_rate=1.0,
        api_open=False,
    )  # no call passes the queue by


def _build_page(demo, settings):
    """Header and tabs in the language spoken here. Returns the openings to draw ahead."""
    build_header()
    build_walk()
    above = gr.HTML(elem_id="from-the-address")
    membership = build_membership()
    own_pairs = build_own_pairs(settings)
    with gr.Tabs(elem_id="tabs") as tabs:
        with gr.Tab(_("Tokenize"), id="tokenize", elem_id="tab-tokenize"):
            tokenize_tab = tokenize.build_tab(settings, membership)
        with gr.Tab(_("Model"), id="model", elem_id="tab-model"):
            model_tab = model.build_tab(settings, tokenize_tab.choice, membership)
        with gr.Tab(_("Fine-tune"), id="fine-tune", elem_id="tab-fine-tune"):
            fine_tune_tab = fine_tune.build_tab(settings, tokenize_tab.shared.pair, membership)
        with gr.Tab(_("Predict"), id="predict", elem_id="tab-predict"):
            predict_tab = predict.build_tab(settings, membership, [model_tab.model])
        with gr.Tab(_("Layers"), id="layers", elem_id="tab-layers"):
            layers_tab = layers.build_tab(settings, tabs, membership)
        # There where the address names a class, and once one is opened
        with gr.Tab(_("Class"), id="class", elem_id="tab-class", visible=False) as class_part:
            pairs = [tokenize_tab.choice]
            class_tab = class_room.build_tab(
                settings, membership, tabs, class_part, fine_tune_tab.shared, pairs
            )
    offered = fine_tune_tab.finished.change(
        predict_tab.offer_run,
        [fine_tune_tab.finished, fine_tune_tab.panel.owned],
        [*predict_tab.offered_to, predict_tab.offered],
        api_visibility="private",
    )
    offered.then(
        None,
        predict_tab.model,
        js="(model) => page.walk.modelOffered(model)",
        api_visibility="private",
    )
    asked_to_try = fine_tune_tab.diagnosis.try_it.click(
        predict_tab.offer_run,
        [fine_tune_tab.finished, fine_tune_tab.panel.owned],
        [*predict_tab.offered_to, predict_tab.offered],
        api_visibility="private",
    )
    asked_to_try.then(None, js="() => page.runs.toPredict()", api_visibility="private")
    share_data(settings)
    on_the_pair = tokenize_tab, model_tab, predict_tab
    keep_equal({tab.shared.tab: tab.shared.pair for tab in on_the_pair})
    choices = {tab.shared.tab: tab.choice for tab in (tokenize_tab, fine_tune_tab)}
    keep_choices_equal(choices)
    keep_choices_equal({tab.shared.tab: tab.model for tab in (model_tab, predict_tab)})
    own_pairs.listen(list(choices.values()), [tokenize_tab.bring, fine_tune_tab.bring])
    built = tokenize_tab, model_tab, fine_tune_tab, predict_tab, layers_tab
    parts = [*(tab.shared for tab in built), class_tab.shared]
    seen = read_address(
        demo,
        tabs,
        above,
        parts,
        own_pairs.kept,
        own_pairs.still_kept,
        fine_tune_tab.panel.owned,
        membership.inputs,
    )
    for tab in built:
        for opening in tab.openings:
            opening.after(seen[tab.shared.tab])
    return [opening for tab in built for opening in tab.openings if opening.prerender]


def page_settings():
    """Settings as a page needs them: a visitor gets the stand-in at once, while a download goes on
    behind it, and what anyone may have made is opened in a process of its own.
    """
    settings = Settings()
    return replace(
        settings, hub_download_seconds=settings.hub_decision_seconds, isolates=processes.available()
    )


def warm(settings, demo):
    """Import and load in the background what the first visitor will need, and take up runs that
    still wait.

    Each by itself: where one can't be had, the others still can. Runs come last: their processes
    want the cores, too.
    """
    for prepare, what in (
        (answer_once, settings),
        (_load_pairs, settings),
        (prerender, demo),
        (_start_fork_server, settings),
        (start_supervisor, settings),
    ):
        try:
            prepare(what)
        except Exception:
            log.exception("%s, while the app warmed up", prepare.__name__)
    # What is here now stays: a collection that looks at all of it, libraries and models, stops
    # every visitor for a second
    gc.collect()
    gc.freeze()


def answer_once(settings):
    """Make one prediction, so that a visitor's first finds its model loaded."""
    import torch

    from pipeline.prediction import predict as predict_pairs
    from pipeline.settings import READY

    # Many visitors ask for small answers. Two threads for one of them wait for each other wherever
    # something else has a core, and burn the other: a prediction took 136 ms and 67 of a core,
    # with one thread 12 and 5 (dev/LOG.md)
    torch.set_num_threads(1)
    predict_pairs(READY, [("warm", "up")], settings=settings)


def _load_pairs(settings):
    from pipeline.dataset import load_raw_datasets

    load_raw_datasets("auto", settings)


def _start_fork_server(settings):
    if settings.isolates:
        processes.fork_server.start()


def health_route(settings):
    """GET /health: 200 where runs can be kept, else 503 and why."""

    def answer(request):
        well, report = health(settings)
        return JSONResponse(report, status_code=200 if well else 503)

    return Route("/health", answer)


def app_kwargs(settings):
    """What the server has beside Gradio's own: routes, and the page in the visitor's language."""
    return {
        "routes": [
            health_route(settings),
            *routes(settings),
            watch_route(settings),
            *class_state.routes(settings),
            *class_board.routes(settings),
        ],
        "exception_handlers": EXCEPTION_HANDLERS,
        "middleware": [
            Middleware(ProxyHeaders, TrustedProxies(settings.trusted_proxies), settings.space_host),
            *(Middleware(gate) for gate in (AllowedPaths, SameOriginCookies, BodyLimit)),
            Middleware(Uploads, upload_folder(settings), LAUNCH["max_file_size"]),
            *(Middleware(page) for page in (LanguagePages, CachedAssets)),
        ],
    }


def main() -> None:
    """Start the app as a server, and warm it up in the background."""
    forget_secrets()
    settings = page_settings()
    demo = build_app(settings)
    if not settings.signs_in:
        print(
            f"* To push a model with this machine's token, give this code on the page: {PUSH_CODE}",
            flush=True,
        )
    threading.Thread(target=warm, args=(settings, demo), daemon=True, name="warm").start()
    # Of the threads that answer, a third may wait for strangers' checkpoints
    demo.launch(
        **LAUNCH, app_kwargs=app_kwargs(settings), max_threads=3 * settings.max_isolated_calls
    )


if __name__ == "__main__":
    main()
