"""Around a run: what its page draws of it, remedies and seeds that start runs, what is downloaded, who may push with whose token."""

import html
import io
import json
import re
import subprocess
import sys
import threading
import zipfile
from dataclasses import asdict, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from random import Random
from types import SimpleNamespace

import gradio as gr
import pytest
from gradio.helpers import special_args
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.testclient import TestClient

from app import build_app
from pipeline.config import TrainingConfig
from pipeline.errors import InputError
from pipeline.explain.what_changed import read_judgement
from pipeline.questions.of_runs import OF_THE_RUN, majority_baseline
from pipeline.runs.names import name_of
from pipeline.runs.progress import Run, points
from pipeline.settings import Settings
from tabs.fine_tune import downloads, owned_runs, run_panel, save
from tabs.fine_tune import seeds as seeds_section
from tabs.fine_tune.changed_pairs import changes_of, sentences_of
from tabs.fine_tune.charts import CHARTS
from tabs.fine_tune.check import training_shown, wait_for_a_run
from tabs.fine_tune.diagnosis import build_diagnosis, diagnosis_of, remedied
from tabs.fine_tune.run_panel import RunPanel
from tabs.fine_tune.runs_list import runs_list
from tabs.fine_tune.script import script_of
from tests.conftest import ROOT
from tests.model.test_save import finished_run
from tests.unit.test_code_drawing import source_of
from tests.unit.test_drawing import Outline
from web.gate import CHECKED

TOKEN = "hf_aTokenThatNobodyElseMaySee"
PUSHED = "https://hub.example/ann/mine?a=1&b=2"
SEEDS = (5, 6, 7)
OTHER = "d" * 32  # judged by fewer pairs
UNKNOWN = "0" * 32


@pytest.fixture(scope="module")
def settings(small_folder, tmp_path_factory):
    return Settings(
        mrpc_folder=small_folder, runs_folder=tmp_path_factory.mktemp("runs"), data="folder"
    )


@pytest.fixture(scope="module")
def config(tiny):
    return TrainingConfig(
        checkpoint=tiny,
        source="folder",
        train_pairs=16,
        eval_pairs=12,
        batch_size=8,
        max_steps=2,
        epochs=3,
        frozen_layers=0,
        learning_rate=1e-2,
        precision="fp32",
        seed=SEEDS[0],
    )


@pytest.fixture(scope="module")
def runs(config, settings):
    """Three runs that differ by their seed alone, and one with fewer pairs to judge by: this browser's, oldest first."""
    made = [finished_run(replace(config, seed=seed), settings, f"{seed:032x}") for seed in SEEDS]
    finished_run(replace(config, eval_pairs=8), settings, OTHER)
    return made


@pytest.fixture(scope="module")
def owned(runs):
    return {owned_runs.BROWSER: "somebody", **{run.id: "secret" for run in runs}, OTHER: "secret"}


def text(drawn):
    Outline(drawn)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", drawn))


# ---------------------------------------------------------------- what a run changed


def diagnosed(run_id, settings, fixed=()):
    """(card, button) of the section."""
    with gr.Blocks():
        section = build_diagnosis(settings, gr.State(""))
    drawn = section.draw(run_id, fixed)
    return drawn[section.card], drawn[section.remedy]


def test_an_ended_run_fills_diagnosis_and_pairs(runs, settings):
    diagnosis, remedy = diagnosed(runs[0].id, settings)
    pairs = changes_of(runs[0].id, settings)
    found = diagnosis_of(runs[0], settings)
    assert f"{found.name} : {found.because}" in text(diagnosis) and remedy.visible
    judgement, _ = read_judgement(settings.runs_folder / runs[0].id)
    counts = judgement.confusion("after")
    cells = [
        int(count) for count in re.findall(r'<td class="(?:right|wrong)"[^>]*>(\d+)<small>', pairs)
    ]
    assert sum(cells) == 24 and cells[4:] == [
        counts[gold, answer] for gold in (0, 1) for answer in (0, 1)
    ]
    assert f"{len(judgement.fixed)} fixed, {len(judgement.broken)} newly broken" in text(pairs)
    card, remedy = diagnosed("", settings)
    assert card == "" and not remedy.visible


def test_at_the_end_three_buttons_lead_on_where_there_is_a_model(runs, settings):
    with gr.Blocks():
        section = build_diagnosis(settings, gr.State(""))
    buttons = (section.try_it, section.changes, section.more_seeds)
    assert {section.card, section.remedy, *buttons} == set(section.outputs)
    ended = section.draw(runs[0].id)
    assert [ended[button].visible for button in buttons] == [True] * 3
    for without in ("", UNKNOWN, "../x"):
        drawn = section.draw(without)
        assert [drawn[button].visible for button in buttons] == [False] * 3


def test_the_sentences_are_those_of_the_rows_or_none(runs, settings):
    judgement, which = read_judgement(settings.runs_folder / runs[0].id)
    first, *rest = sentences_of(runs[0], which, len(judgement.labels), settings)
    assert first[0].startswith("Shares of") and len(rest) == 11
    assert sentences_of(runs[0], "another digest", len(judgement.labels), settings) is None


def test_a_locked_setting_keeps_the_remedy_from_being_started(runs, settings):
    assert set(diagnosis_of(runs[0], settings).remedy.changes) == {"eval_pairs"}
    card, remedy = diagnosed(runs[0].id, settings, ["eval_pairs", "seed"])
    assert not remedy.visible and "eval_pairs" in card, "it can be read"
    assert diagnosed(runs[0].id, settings, ["dropout"])[1].visible


def test_a_remedy_is_the_runs_settings_with_one_thing_changed(runs, config, settings):
    tried, changes = (
        remedied(runs[0].id, settings),
        diagnosis_of(runs[0], settings).remedy.changes,
    )
    assert changes and asdict(tried) == {**asdict(config), **changes}
    with pytest.raises(InputError, match="no suggestion left to try"):
        remedied(UNKNOWN, settings)


# ---------------------------------------------------------------- this browser's runs


def test_the_table_has_the_shown_run_first_and_what_differs(runs, owned, settings):
    drawn = runs_list(runs[1].id, owned, settings)
    rows = re.findall(r'href="\?run=(\w+)".*?<td[^>]*>(.*?)</td>', drawn)
    assert [run_id for run_id, _ in rows] == [runs[1].id, OTHER, runs[2].id, runs[0].id]
    assert [differs for _, differs in rows] == ["–", "eval_pairs 8, seed 5", "seed 7", "seed 5"]
    assert f"{runs[1].first('done')['after']['accuracy']:.1%}" in text(drawn)


def test_where_none_is_shown_the_browsers_runs_stand_against_the_defaults(owned, settings):
    drawn = runs_list("", owned, settings)
    assert "differ from the defaults" in drawn and "(shown)" not in drawn.lower()
    rows = re.findall(r'href="\?run=(\w+)".*?<td[^>]*>(.*?)</td>', drawn)
    assert len(rows) == 4 and any("seed 7" in differs for _run_id, differs in rows)
    assert "Start a run" in runs_list("", {}, settings)


def test_behind_a_curve_are_earlier_runs_over_the_same_pairs(runs, owned, settings):
    earlier = owned_runs.earlier_runs_of(runs[0], owned, settings)
    assert [run.id for run in earlier] == [runs[2].id, runs[1].id], (
        "newest first, without itself and without other pairs"
    )
    assert [[y for _, y in points(run, "eval_loss")] for run in earlier] == [
        [event["eval_loss"] for event in run.of("evaluation")] for run in earlier
    ]
    drawn = CHARTS[0].draw(runs[0], earlier)
    assert all(f'data-run="{run.id}"' in drawn for run in earlier)
    assert all(name_of(run.id) in text(drawn) for run in earlier)
    assert "data-run" not in CHARTS[0].draw(runs[0])
    assert owned_runs.earlier_runs_of(Run(UNKNOWN, "expired"), owned, settings) == []


@pytest.mark.parametrize(
    "stored", [None, 7, "x", [], {"browser": 5}, {"../../etc": "x"}, {UNKNOWN: None}]
)
def test_whatever_the_browser_remembers(runs, settings, stored):
    assert owned_runs.runs_of(stored, settings) == [] or [
        run.state for run in owned_runs.runs_of(stored, settings)
    ] == ["expired"]
    assert "notice error" not in runs_list(runs[0].id, stored, settings)
    assert owned_runs.earlier_runs_of(runs[0], stored, settings) == []


# ---------------------------------------------------------------- stopping, and coming back


@pytest.fixture
def panel(settings):
    with gr.Blocks():
        return RunPanel(settings)


@pytest.mark.parametrize(
    ("ask", "state", "stops"),
    [
        ("ask_to_stop", "queued", True),
        ("ask_to_stop", "running", True),
        ("ask_to_stop", "stopping", False),  # a second press of the same button loses no model
        ("ask_to_stop_now", "running", False),
        ("ask_to_stop_now", "stopping", True),
        ("ask_to_stop", "done", False),
    ],
)
def test_the_button_that_keeps_the_model_never_loses_it(panel, monkeypatch, ask, state, stops):
    stopped = []
    monkeypatch.setattr(run_panel, "read_run", lambda run_id, _settings: Run(run_id, state))
    monkeypatch.setattr(run_panel, "stop_run", lambda *asked: stopped.append(asked))
    getattr(panel, ask)(UNKNOWN, {UNKNOWN: "secret"})
    assert [asked[:2] for asked in stopped] == ([(UNKNOWN, "secret")] if stops else [])


def test_each_state_has_its_button(panel, monkeypatch):
    monkeypatch.setattr(run_panel, "may_stop", lambda *_asked: True)
    shown = {}
    for state in ("queued", "running", "stopping", "done"):
        monkeypatch.setattr(
            run_panel, "read_run", lambda run_id, _settings, state=state: Run(run_id, state)
        )
        drawn = panel.draw(UNKNOWN, {})
        stop, now = drawn[panel.stop], drawn[panel.stop_now]
        shown[state] = (stop.visible and stop.interactive, bool(now.visible))
    assert shown == {
        "queued": (True, False),
        "running": (True, False),
        "stopping": (False, True),
        "done": (False, False),
    }


def test_where_no_run_is_shown_the_last_one_is_offered(panel, runs, owned):
    offered = panel.offer_last("", owned)[panel.status]
    assert f'href="?tab=fine-tune&amp;run={OTHER}"' in offered
    assert name_of(OTHER) in text(offered)
    assert "href" not in panel.offer_last("", {UNKNOWN: "expired"})[panel.status]
    assert panel.status not in panel.offer_last(runs[0].id, owned)


def test_a_look_again_takes_away_what_a_late_answer_drew(panel, runs, owned):
    """Of a run that isn't shown any more, say because the visitor has left it."""
    drawn = panel.look_again("", owned)
    assert "No run yet" in drawn[panel.status] and drawn[panel.watched] == ""
    assert set(panel.charts) <= set(drawn) and not drawn[panel.stop].visible
    shown = panel.look_again(OTHER, owned)
    assert json.loads(shown[panel.watched])["run"] == OTHER and name_of(OTHER) in text(
        shown[panel.status]
    )


# ---------------------------------------------------------------- three seeds


@pytest.fixture
def seeds(settings, config, monkeypatch):
    """(the page's part, what it started): nothing trains."""
    started = []

    def start(configs, _settings, browser, address, own_pair, joining):
        started.extend(configs)
        return [(f"{90 + number:032x}", "secret") for number in range(len(configs))]

    monkeypatch.setattr(seeds_section, "start_runs", start)
    with gr.Blocks():
        controls = {name: gr.Textbox() for name in asdict(config)}
        section = seeds_section.build_seeds(settings, controls, RunPanel(settings))
    return section, started


def test_runs_that_are_there_count_and_the_missing_start(seeds, runs, config, owned):
    page, started = seeds
    drawn = page.start(None, {runs[0].id: "secret"}, *asdict(config).values())
    message, watched, kept = (drawn[component] for component in page.outputs[:3])
    assert [one.seed for one in started] == [6, 7] and {**asdict(started[0]), "seed": 5} == asdict(
        config
    )
    assert (message, watched) == ("", runs[0].id), "the seed that the form says stays on the screen"
    assert set(kept) == {owned_runs.BROWSER, runs[0].id, f"{90:032x}", f"{91:032x}"}
    started.clear()
    drawn = page.start(None, owned, *asdict(config).values())
    assert drawn[page.message] == "" and drawn[page.panel.run_id] == runs[0].id and started == []
    page.start(None, {}, *asdict(replace(config, seed=100, dropout=0.2)).values())
    assert [one.seed for one in started] == [100, 101, 102]


def test_bad_settings_start_none(seeds, config):
    page, started = seeds
    drawn = page.start(None, {}, *{**asdict(config), "max_steps": 10**6}.values())
    assert "max_steps is 1000000" in drawn[page.message] and started == []
    assert page.panel.run_id not in drawn


def test_the_band_is_that_of_the_three(seeds, runs, owned):
    page, _ = seeds

    def look(run_id):
        answer = page.draw(run_id, owned)
        return answer[page.table], answer[page.timer]

    drawn, timer = look(runs[0].id)
    figures = [run.first("done")["after"]["accuracy"] for run in runs]
    said = text(drawn)
    assert (
        f"from {min(figures):.1%} to {max(figures):.1%}" in said
        and f"mean accuracy {sum(figures) / 3:.1%}" in said
    )
    assert [f"seed {seed}" in said for seed in SEEDS] == [True] * 3
    assert drawn.count('class="band"') == 4, "two charts, a legend each"
    assert not timer.active, "none of them goes on"
    assert look(OTHER)[0] == "", "one run makes no band"
    assert "expired" in look("../x")[0] or "notice error" in look("../x")[0]


# ---------------------------------------------------------------- taking it away


@pytest.fixture(scope="module")
def client(settings):
    with TestClient(Starlette(routes=downloads.routes(settings))) as client:
        yield client


def test_the_zip_and_the_script_are_downloads(client, runs):
    answer = client.get(f"/{downloads.ROUTE}/{runs[0].id}/model.zip")
    assert answer.headers["content-disposition"] == 'attachment; filename="paraphrase-00000000.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert (
            archive.testzip() is None
            and "paraphrase-00000000/model.safetensors" in archive.namelist()
        )
    script = client.get(f"/{downloads.ROUTE}/{runs[0].id}/train.py")
    assert script.status_code == 200 and script.headers["x-content-type-options"] == "nosniff"
    compile(script.text, "train.py", "exec")


@pytest.mark.parametrize("run_id", [UNKNOWN, "x", "..%2f..%2fetc", "%00"])
@pytest.mark.parametrize("file", ["model.zip", "train.py"])
def test_no_run_no_download(client, run_id, file):
    answer = client.get(f"/{downloads.ROUTE}/{run_id}/{file}")
    assert answer.status_code == 404 and "Traceback" not in answer.text


def test_the_script_of_a_run_stands_on_the_page_with_its_link(client, runs, settings):
    drawn = script_of(runs[0].id, settings)
    address = f"{downloads.ROUTE}/{runs[0].id}/train.py"
    assert (
        dict(Outline(drawn).attributes)["href"] == address
        and source_of(drawn) == client.get(f"/{address}").text
    )
    unknown = script_of(UNKNOWN, settings)
    assert source_of(unknown).startswith("# ") and "a" not in Outline(unknown).tags


def test_the_link_to_the_model_says_its_size(runs, settings):
    drawn = save.Saver(settings).download(runs[0].id)
    assert (
        f"{runs[0].id}/model.zip" in drawn
        and "model.safetensors" in drawn
        and re.search(r"\d (MB|kB)", drawn)
    )
    assert "has no model to save" in save.Saver(settings).download(UNKNOWN)


# ---------------------------------------------------------------- whose token


def request(host="127.0.0.1:7860", client="127.0.0.1", **headers):
    return SimpleNamespace(
        client=client and SimpleNamespace(host=client), headers={"host": host, **headers}
    )


@pytest.mark.parametrize(
    ("asked", "local"),
    [
        (request(), True),
        (request("localhost:7860"), True),
        (request("[::1]:7860", "::1"), True),
        (request("localhost"), True),
        (request("pairs.example:80"), False),
        (request(client="10.0.0.7"), False),
        (request(client=None), False),
        (request("localhost.example:80"), False),
        (request(**{"x-forwarded-for": "10.0.0.7"}), False),
        (request(""), False),
        (request(forwarded="for=10.0.0.7"), False),
        (request(**{"x-forwarded-host": "pairs.example"}), False),
        (request(via="1.1 proxy"), False),
        (request(**{CHECKED: "1"}), False),
        (request(**{"origin": "http://127.0.0.1:7860", "sec-fetch-site": "same-origin"}), True),
        (request(origin="http://127.0.0.1:7860"), True),
        (request(origin="https://pairs.example"), False),
        (request(origin="null"), False),
        (request(**{"sec-fetch-site": "cross-site"}), False),
        (request(**{"sec-fetch-site": "same-site"}), False),
    ],
)
def test_who_sits_at_this_machine(asked, local):
    assert save.is_local(asked) is local


@pytest.fixture
def pushes(monkeypatch):
    """What would have been pushed: nothing leaves."""
    sent = []
    monkeypatch.setattr(
        save.saving,
        "push",
        lambda *values, settings: sent.append((*values, settings)) or PUSHED,
    )
    return sent


def test_the_machines_own_token_serves_its_owner_alone(runs, settings, pushes, monkeypatch):
    import huggingface_hub

    page = save.Saver(settings)
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: TOKEN)
    code = save.PUSH_CODE
    assert (
        "a different machine"
        in page.push_from_here(runs[0].id, "mine", True, code, request(client="10.0.0.7"))
        and pushes == []
    )
    assert (
        "no finished run" in page.push_from_here("", "mine", True, code, request()) and pushes == []
    )
    drawn = page.push_from_here(runs[0].id, "mine", False, f" {code} ", request())
    assert pushes == [(runs[0].id, "mine", TOKEN, False, settings)]
    assert 'href="https://hub.example/ann/mine?a=1&amp;b=2"' in drawn and TOKEN not in drawn
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    assert "hf auth login" in page.push_from_here(runs[0].id, "mine", True, code, request())


@pytest.mark.parametrize(
    "code",
    [
        "",
        " ",
        "0" * 10,
        None,
        7,
        [],
        {},
        "é",
        save.PUSH_CODE[:-1],
        save.PUSH_CODE + "0",
        save.PUSH_CODE.upper() + "X",
    ],
    ids=range(11),
)  # the code is another one in each process
def test_through_a_proxy_that_says_nothing_of_its_visitors_the_token_stays_where_it_is(
    runs, settings, pushes, code
):
    """Its requests look exactly like the owner's: without the code from the terminal nothing is pushed."""
    said = save.Saver(settings).push_from_here(runs[0].id, "mine", True, code, request())
    assert "Enter the code from the app" in said and save.PUSH_CODE not in said and pushes == []


def test_a_push_that_breaks_tells_no_token(runs, settings, monkeypatch, caplog):
    def breaks(*values, settings):
        raise RuntimeError(f"with {TOKEN}")

    monkeypatch.setattr(save.saving, "push", breaks)
    token = gr.OAuthToken(TOKEN, "write-repos", 0)
    said = save.Saver(settings).push_from_space(runs[0].id, "mine", True, token)
    assert "The push failed (RuntimeError)" in said and TOKEN not in said + caplog.text


# ---------------------------------------------------------------- on a Space


@pytest.fixture(scope="module")
def space(settings):
    """The page of a Space; its routes to sign in are built in the test that starts one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gradio.routes.attach_oauth", lambda app: None)
        return build_app(replace(settings, signs_in=True, space_id="ann/pairs"))


def test_on_a_space_the_visitors_own_token_is_used_in_every_language(space, runs, pushes):
    handlers = [
        function.fn
        for function in space.fns.values()
        if function.name and function.name.startswith("push")
    ]
    assert [handler.__name__ for handler in handlers] == ["push_from_space"] * 2, (
        "one a language, and none with the machine's"
    )
    for handler, refused in zip(handlers, ("sign in with the button", "登录"), strict=True):
        signed_in = special_args(
            handler, [runs[0].id, "mine", True], request=session({"access_token": TOKEN})
        )[0]
        handler(*signed_in)
        assert (
            pushes.pop() == (runs[0].id, "mine", TOKEN, True, handlers[0].__self__.settings)
            and not pushes
        )
        nobody = special_args(handler, [runs[0].id, "mine", True], request=session())[0]
        assert refused in handler(*nobody) and not pushes


def session(info=None):
    told = {"oauth_info": {"scope": "write-repos", "expires_at": 9e9, **info}} if info else {}
    return gr.Request(
        request=Request(
            {
                "type": "http",
                "method": "GET",
                "path": "/",
                "headers": [],
                "query_string": b"",
                "client": ("127.0.0.1", 1),
                "session": told,
            }
        )
    )


def test_a_link_from_a_space_goes_to_its_page_on_the_hub(space):
    """tests/browser/test_scripts.py makes links of what the scripts are told."""
    told = [
        block.value
        for block in space.blocks.values()
        if isinstance(block, gr.HTML) and 'id="page-data-share"' in str(block.value)
    ]
    assert len(told) == 2, "a language each"
    assert all('"space": "ann/pairs"' in html.unescape(text) for text in told)
    scripts = [str(function.js) for function in space.fns.values()]
    assert sum("page.share.copy" in script for script in scripts) >= 8


SIGN_IN = """
import json, app
from starlette.testclient import TestClient
import gradio as gr
demo = app.build_app(app.page_settings())
server = gr.routes.App.create_app(demo, app_kwargs=app.app_kwargs(app.page_settings()))
answer = TestClient(server, base_url="https://ann-pairs.hf.space").get("/login/huggingface", follow_redirects=False)
print(json.dumps([answer.status_code, answer.headers.get("location", "")]))
"""


class Provider(BaseHTTPRequestHandler):
    """What the Hub says about signing in."""

    def do_GET(self):
        where = f"http://127.0.0.1:{self.server.server_port}/oauth"
        told = json.dumps(
            {"authorization_endpoint": f"{where}/authorize", "token_endpoint": f"{where}/token"}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *args):
        pass


def test_a_visitor_of_a_space_is_sent_to_the_hub_to_sign_in(tmp_path):
    """The app as a Space starts it, with what requirements.txt installs."""
    import os

    provider = HTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=provider.serve_forever, daemon=True).start()
    scopes = "openid profile write-repos"
    environment = {
        **os.environ,
        "SPACE_ID": "ann/pairs",
        "SYSTEM": "spaces",
        "SPACE_HOST": "ann-pairs.hf.space",
        "OAUTH_CLIENT_ID": "the-app",
        "OAUTH_CLIENT_SECRET": "s",
        "OAUTH_SCOPES": scopes,
        "RUNS_DIR": str(tmp_path),
        "OPENID_PROVIDER_URL": f"http://127.0.0.1:{provider.server_port}",
    }
    done = subprocess.run(
        [sys.executable, "-c", SIGN_IN],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    provider.shutdown()
    assert done.returncode == 0, done.stderr[-2000:]
    status, location = json.loads(done.stdout.splitlines()[-1])
    assert status == 302 and location.startswith(
        f"http://127.0.0.1:{provider.server_port}/oauth/authorize?"
    )
    assert "client_id=the-app" in location and "write-repos" in location


# ---------------------------------------------------------------- check yourself


def test_questions_are_about_the_form_and_the_shown_run(settings, config, runs):
    form = asdict(config)
    alone = training_shown(settings, tuple(form), "", *form.values())
    assert (alone.config, alone.train_pairs, alone.labels) == (config, 16, 2)
    assert wait_for_a_run(alone)[0] == len(OF_THE_RUN)
    assert {ask(alone, Random(0)) for ask in OF_THE_RUN} == {None}
    shown = training_shown(settings, tuple(form), runs[0].id, *form.values())
    assert wait_for_a_run(shown) == (0, "")
    end = runs[0].first("done")
    assert shown.told.right / shown.told.pairs == pytest.approx(end["after"]["accuracy"])
    question = majority_baseline(shown, Random(0))
    share = runs[0].first("start")["majority"]["accuracy"]
    assert question is None or question.choices[question.right].text == f"{share:.1%}"
