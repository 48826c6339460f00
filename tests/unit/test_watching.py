"""One reader, many listeners: what the page's script asks of a run each second, drawn once for all."""

import json
from dataclasses import asdict

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from pipeline.config import TrainingConfig
from pipeline.runs.liveness import claim
from pipeline.runs.names import name_of
from pipeline.settings import Settings
from tabs.fine_tune import watching
from tabs.fine_tune.charts import CHARTS
from tabs.fine_tune.run_panel import mark_of
from tabs.fine_tune.watching import ROUTE, Asked, Pace, Watching, watch_route

RUN, OTHER = "a" * 32, "b" * 32
START = {
    "event": "start",
    "seconds": 1.0,
    "total_steps": 20,
    "eval_pairs": 4,
    "labels": [0, 1, 1, 1],
    "majority": {"accuracy": 0.75, "f1": 0.8, "label": 1},
}
FIGURES = {"loss": 0.5, "accuracy": 0.75, "f1": 0.8}


def step(number):
    return {"event": "log", "seconds": number, "step": number, "loss": 0.7}


def evaluation(number):
    figures = {f"eval_{name}": value for name, value in FIGURES.items()}
    shares = [0.2, 0.6, 0.7, 0.9]
    return {"event": "evaluation", "seconds": number, "step": number, "shares": shares, **figures}


def tell(folder, *events):
    with open(folder / "events.jsonl", "a") as file:
        file.writelines(json.dumps(event) + "\n" for event in events)


@pytest.fixture
def settings(tmp_path):
    return Settings(runs_folder=tmp_path)


def folder_of(settings, run_id):
    folder = settings.runs_folder / run_id
    folder.mkdir()
    (folder / "owner").write_text("somebody")
    (folder / "config.json").write_text(json.dumps(asdict(TrainingConfig())))
    claim(folder)
    tell(folder, START, evaluation(0), step(1))
    return folder


@pytest.fixture
def folder(settings):
    """Of a run that this process seems to train, after its first step."""
    return folder_of(settings, RUN)


@pytest.fixture
def ask(settings):
    """asked(run id, headers, **parameters) -> the answer."""
    with TestClient(Starlette(routes=[watch_route(settings)])) as client:

        def asked(run_id=RUN, headers=None, **said):
            where = f"/{ROUTE.format(run_id=run_id)}"
            return client.get(where, params=said, headers=headers or {})

        yield asked


def test_a_run_is_drawn_once_for_all_and_again_at_its_next_step(settings, folder, monkeypatch):
    drawn, draw = [], watching.status_of
    monkeypatch.setattr(watching, "status_of", lambda run: drawn.append(run) or draw(run))
    watched = Watching(settings)
    asked = Asked(RUN, "en", "", "-1", False)
    assert len({watched.answer(asked).etag for _page in range(200)}) == 1 and len(drawn) == 1
    tell(folder, step(2))
    etags = {watched.answer(asked).etag for _page in range(200)}
    assert len(etags) == 1 and len(drawn) == 2


def test_who_has_the_last_answer_is_told_no_more(folder, ask):
    first = ask()
    etag = {"If-None-Match": first.headers["etag"]}
    assert first.json()["mark"] == "running 1" and first.headers["content-encoding"] == "gzip"
    again = ask(headers=etag)
    assert (again.status_code, again.content) == (304, b"")
    tell(folder, step(2), evaluation(2))
    later = ask(headers=etag)
    assert later.status_code == 200 and later.json()["mark"] == "running 2"
    assert "step 2 of 20" in later.json()["parts"]["status"]


def test_a_stop_and_an_end_are_seen_at_once(folder, ask):
    assert ask().json()["mark"].startswith("running")
    (folder / "stop").touch()
    assert ask().json()["mark"].startswith("stopping")
    tell(folder, {"event": "stopped", "seconds": 3, "before": FIGURES, "after": FIGURES})
    ended = ask().json()
    assert ended["mark"].startswith("stopped") and "Stopped" in ended["parts"]["status"]


def test_what_a_page_has_and_what_is_folded_is_left_out(folder, ask):
    parts = ask(seen="-1").json()["parts"]
    always = {"status", *(f"chart{number}" for number in range(len(CHARTS)))}
    assert {*always, "sentence", "table", "dots"} == set(parts)
    assert json.loads(parts["dots"])["steps"] == [0]
    assert set(ask(seen="1").json()["parts"]) == always
    assert "0.7" in ask(seen="1", log="1").json()["parts"]["log"]


def test_each_page_has_its_language_and_its_earlier_runs(settings, folder, ask):
    assert "进行中" in ask(lang="zh").json()["parts"]["status"]
    assert ask(lang="tlh").json() == ask(lang="en").json()
    tell(folder_of(settings, OTHER), {"event": "done", "seconds": 3})
    behind = ask(behind=f"{OTHER},{'c' * 32},../etc").json()["parts"]["chart0"]
    assert str(name_of(OTHER)) in behind
    assert str(name_of(OTHER)) not in ask().json()["parts"]["chart0"]


def test_no_run_has_no_answer(settings, ask):
    assert ask("nonsense").status_code == 404 and "is not a run id" in ask("nonsense").text
    assert ask().json()["mark"] == "expired 0"


def test_a_client_without_gzip_gets_plain_json(folder, ask):
    plain = ask(headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers and plain.json()["mark"] == "running 1"


def test_answers_that_are_kept_are_bounded(settings, folder):
    watched = Watching(settings)
    for number in range(2 * watching.MOST_KEPT):
        watched.answer(Asked(RUN, "en", "", str(number), False))
    assert len(watched.kept) == watching.MOST_KEPT


def test_a_page_asks_each_second_and_less_often_where_many_watch(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(watching.time, "monotonic", lambda: clock[0])

    def asked(watchers):
        """The pace after twelve intervals in which so many pages asked."""
        pace = Pace()
        for _interval in range(12):
            for _page in range(watchers):
                clock[0] += pace.seconds / watchers
                pace.count()
        return pace

    few, many, flood = asked(30), asked(1000), asked(10_000)
    assert few.seconds == 1.0 and few.watchers == pytest.approx(30, rel=0.1)
    assert many.seconds == pytest.approx(1000 / watching.WATCHERS_A_SECOND, rel=0.1)
    assert many.watchers == pytest.approx(1000, rel=0.1)
    assert flood.seconds == watching.LONGEST_SECONDS


def test_a_mark_changes_with_state_and_evaluations():
    run = watching.Run("0" * 32, "running", {}, [evaluation(0), step(1)])
    assert mark_of(run) == "running 1"
