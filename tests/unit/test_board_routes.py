"""The plain routes of a class: what anyone with the link gets, and what the teacher's key alone opens."""

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from pipeline.classes import board as boards
from pipeline.classes import scores as scores
from pipeline.classes.scores import read_scores
from pipeline.classes.store import add_runs, create_class, join_class
from pipeline.settings import Settings
from tabs.class_room.board import routes
from tests.support.run_folders import write_run
from views import board as drawn


@pytest.fixture
def settings(tmp_path):
    return Settings(runs_folder=tmp_path / "runs")


@pytest.fixture
def opened(settings):
    """(code, teacher's key, pupil's key) of a class in which Ada's run waits."""
    code, teacher_key = create_class("Which rate?", "learning_rate", {}, settings)
    _id, pupil_key = join_class(code, "Ada", settings)
    add_runs(code, pupil_key, {write_run(settings, 1, "queued"): True}, settings)
    return code, teacher_key, pupil_key


@pytest.fixture
def client(settings):
    with TestClient(Starlette(routes=routes(settings))) as client:
        yield client


def test_a_board_that_has_not_changed_is_not_sent_again(client, opened, settings):
    address = f"/gradio_api/classes/{opened[0]}/board"
    answer = client.get(address)
    assert answer.status_code == 200 and "Ada" in answer.text
    assert answer.headers["x-pupils"] == "1" and answer.headers["cache-control"] == "no-cache"
    tag = {"If-None-Match": answer.headers["etag"]}
    again = client.get(address, headers=tag)
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(f"{address}?lang=zh", headers=tag).status_code == 200


def test_a_board_is_drawn_once_for_all_who_look_and_once_for_each_view(client, opened, monkeypatch):
    drawings, draw = [], drawn.board
    monkeypatch.setattr(drawn, "board", lambda *a, **b: drawings.append(b) or draw(*a, **b))
    monkeypatch.setattr(boards, "LOOK_SECONDS", 60.0)
    address = f"/gradio_api/classes/{opened[0]}/board"
    asked = ["", "?lang=zh", "?x=seed", "?x=seed&y=<b>"]
    answers = [[client.get(address + each).text for each in asked] for _time in range(5)]
    assert len(drawings) == 3 and all(each == answers[0] for each in answers)
    assert answers[0][0] != answers[0][1]
    monkeypatch.setattr(boards, "LOOK_SECONDS", 0.0)
    client.get(address)
    assert len(drawings) == 4


@pytest.mark.parametrize("name", ["board", "board-on-the-wall", "projector", "qr.svg"])
def test_a_wrong_code_is_told_in_a_sentence(name, client, opened):
    assert client.get(f"/gradio_api/classes/{opened[0]}/{name}").status_code == 200
    for code, said in (("bcdf-ghjk-mnpq", "no class at this link"), ("x<b>", "no class's code")):
        answer = client.get(f"/gradio_api/classes/{code}/{name}")
        assert answer.status_code == 404 and said in answer.text
        assert answer.headers["content-type"].startswith("text/plain")


def test_the_teachers_key_alone_gets_the_results_and_opens_the_test_split(client, opened, settings):
    code, teacher_key, pupil_key = opened
    csv, test = (f"/gradio_api/classes/{code}/{name}" for name in ("results.csv", "test"))
    for key in ("", pupil_key, "0" * 32, "é"):
        headers = {"Authorization": f"Bearer {key}".encode()}
        for answer in (client.get(csv, headers=headers), client.post(test, headers=headers)):
            assert answer.status_code == 404 and "Only the browser that opened" in answer.text
    assert client.get(f"{csv}?key={teacher_key}").status_code == 404
    assert client.get(test).status_code == 405 and not read_scores(code, settings).is_open
    headers = {"Authorization": f"Bearer {teacher_key}"}
    answer = client.get(csv, headers=headers)
    assert answer.text.startswith('\ufeff"pupil",') and '"Ada"' in answer.text
    assert "attachment" in answer.headers["content-disposition"]
    assert client.post(test, headers=headers).status_code == 200
    assert read_scores(code, settings).is_open


def test_however_a_code_is_typed_the_link_and_the_judging_have_it_as_it_is(
    client, opened, settings, monkeypatch
):
    code, key, _pupil_key = opened
    asked = []
    monkeypatch.setattr(scores, "_judge_soon", lambda code, settings: asked.append(code))
    typed = f"/gradio_api/classes/{code.upper().replace('-', '%0A')}"
    for name in ("projector", "board-on-the-wall"):
        assert f"http://testserver/?class={code}<" in client.get(f"{typed}/{name}").text
    headers = {"Authorization": f"Bearer {key}"}
    assert client.post(f"{typed}/test", headers=headers).status_code == 200
    assert asked == [code]
