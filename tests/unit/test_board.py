"""A class's board: what it tells of runs and pupils, and how it is drawn."""

import json
import re
import secrets
from dataclasses import asdict, replace

import pytest

from languages import speaking
from pipeline.classes import board as boards
from pipeline.classes import scores
from pipeline.classes.board import Board, BoardRun, board_of, grid_of
from pipeline.classes.scores import Score, are_alike, read_scores
from pipeline.classes.store import (
    add_answer,
    add_runs,
    class_folder,
    create_class,
    hide_pupil,
    join_class,
)
from pipeline.config import TrainingConfig
from pipeline.errors import InputError
from pipeline.settings import Settings
from views import board as drawn

BASE = TrainingConfig(max_steps=60)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setattr(boards, "_boards", {})
    return replace(Settings(), runs_folder=tmp_path)


@pytest.fixture
def lesson(settings):
    """(code, key of the teacher, [key of a pupil, ...]) of a class of two."""
    code, key = create_class("Which <b>rate</b>?", "learning_rate", asdict(BASE), settings)
    return code, key, [join_class(code, name, settings)[1] for name in ("Ann", "=Bo")]


def told_run(settings, accuracies=(), state="done", **changes):
    """A run's folder as a worker leaves it: an evaluation each 30 steps. Its id."""
    run_id = secrets.token_hex(16)
    folder = settings.runs_folder / run_id
    folder.mkdir()
    (folder / "owner").write_text("somebody")
    (folder / "visitor").write_text("- -")
    if accuracies:
        (folder / "worker").write_text("999999999 1")
        start = {"event": "start", "seconds": 1, "total_steps": 60, "eval_pairs": 100}
        events = [{**start, "majority": {"accuracy": 0.6, "f1": 0.75, "label": 1}}]
        events += [
            {
                "event": "evaluation",
                "seconds": 2,
                "step": 30 * n,
                "eval_accuracy": share,
                "eval_f1": share,
                "eval_loss": 0.6,
            }
            for n, share in enumerate(accuracies)
        ]
        figures = {"accuracy": accuracies[-1], "f1": 0.8, "loss": 0.5}
        events.append({"event": state, "seconds": 9, "before": figures, "after": figures})
        text = "".join(json.dumps(event) + "\n" for event in events)
        (folder / "events.jsonl").write_text(text)
    (folder / "config.json").write_text(json.dumps(asdict(replace(BASE, **changes))))
    return run_id


def test_a_board_tells_who_runs_what_and_a_shared_run_once(settings, lesson):
    code, _key, (ann, bo) = lesson
    shared, waits = told_run(settings, (0.6, 0.7, 0.8)), told_run(settings, learning_rate=1e-3)
    add_runs(code, ann, {shared: True}, settings)
    add_runs(code, bo, {shared: False, waits: True}, settings)
    told_run(settings, (0.6, 0.9))  # of nobody in the class
    add_answer(code, ann, "tokens", True, settings)
    add_answer(code, bo, "tokens", False, settings)
    found = board_of(code, settings)
    assert {run.id for run in found.runs} == {shared, waits}
    [first] = [run for run in found.runs if run.id == shared]
    assert set(first.pupils) == {"Ann", "=Bo"} and first.last == 0.8 and first.pairs == 100
    assert first.accuracy == ((0, 0.6), (30, 0.7), (60, 0.8)) and first.is_over
    [second] = [run for run in found.runs if run.id == waits]
    assert second.state == "queued" and second.place == 1 and second.apart == ("lr 1e-3",)
    assert found.varied == ("learning_rate",) and found.majority == 0.6
    assert [pupil.answered for pupil in found.pupils] == [(1, 1), (0, 1)]


def test_however_many_look_a_board_is_read_once_a_second(settings, lesson, monkeypatch):
    code, _key, _pupils = lesson
    reads, clock = [], [100.0]
    read = boards.read_class
    monkeypatch.setattr(boards, "read_class", lambda *asked: reads.append(1) or read(*asked))
    monkeypatch.setattr(boards.time, "monotonic", lambda: clock[0])
    assert len({id(board_of(code, settings)) for _ in range(300)}) == 1 and len(reads) == 1
    clock[0] += boards.LOOK_SECONDS
    board_of(code, settings)
    assert len(reads) == 2
    with pytest.raises(InputError):
        board_of("bcdf-ghjk-mnpq", settings)


def run_of(accuracy, **config):
    values = {"learning_rate": 1e-4, "seed": 1, "max_steps": 60, **config}
    return BoardRun(
        secrets.token_hex(16), "Otter", ("Ann",), "done", values, (), accuracy=((60, accuracy),)
    )


def board_with(settings, *runs, open_setting="learning_rate"):
    code, _key = create_class("", open_setting, asdict(BASE), settings)
    the_class = board_of(code, settings).the_class
    return Board(the_class, (), runs, boards.varied([run.config for run in runs]))


def test_a_grid_has_the_mean_of_each_pair_of_settings(settings):
    runs = [run_of(0.7), run_of(0.8, seed=2), run_of(0.9, learning_rate=1e-3), run_of(0.5)]
    grid = grid_of(board_with(settings, *runs))
    assert (grid.x, grid.y, grid.xs, grid.ys) == ("learning_rate", "seed", (1e-4, 1e-3), (1, 2))
    assert grid.cells[1e-4, 1].mean == pytest.approx(0.6) and grid.cells[1e-4, 1].count == 2
    assert (1e-3, 2) not in grid.cells
    turned = grid_of(board_with(settings, *runs), "seed", "learning_rate")
    assert turned.cells[2, 1e-4].most == 0.8
    assert grid_of(board_with(settings, run_of(0.7))) is None, "nothing differs"
    alone = grid_of(board_with(settings, run_of(0.7), run_of(0.8, max_steps=30)), "nonsense")
    assert (alone.x, alone.y) == ("max_steps", "seed")


def test_names_are_escaped_and_a_hidden_one_is_not_shown(settings, lesson):
    code, key, (ann, bo) = lesson
    add_runs(code, ann, {told_run(settings, (0.6, 0.8)): True}, settings)
    pupil = next(pupil for pupil in boards.pupils_of(code, settings) if pupil.name == "Ann")
    hide_pupil(code, key, pupil.id, True, settings)
    html = str(drawn.board(board_of(code, settings)))
    assert "Ann" not in html and "pupil 1" in html
    assert "<b>rate" not in html and "&lt;b&gt;rate" in html
    assert bo not in html and ann not in html and key not in html
    with speaking("zh"):  # the board is kept, and each reader has their language
        assert "pupil 1" not in str(drawn.board(board_of(code, settings)))


def test_the_best_lines_have_names_that_dont_lie_on_each_other(settings):
    runs = [run_of(0.8 + n / 1000, learning_rate=1e-4 * (n + 1)) for n in range(9)]
    found = drawn.lines(board_with(settings, *runs))
    named = [line for line in found if line.name]
    assert len(found) == 9 and len(named) == drawn.NAMED
    assert [line.tone for line in found] == sorted(line.tone for line in found)
    assert {found[0].tone, found[-1].tone} == {0, drawn.TONES - 1}
    heights = sorted(line.name_y for line in named)
    gaps = [low - high for high, low in zip(heights, heights[1:], strict=False)]
    assert min(gaps) >= drawn.NAME_HEIGHT


def test_a_loss_that_broke_leaves_no_line(settings):
    found = board_with(settings, run_of(float("nan")), run_of(0.7, learning_rate=1e-3))
    assert len(drawn.lines(found)) == 1 and "NaN" not in str(drawn.board(found))


def test_an_accuracy_that_is_no_number_leaves_the_grid_of_the_others(settings):
    accuracies = {1e-4: 0.6, 5e-4: float("nan"), 1e-3: 0.8}
    runs = [run_of(accuracies[rate], learning_rate=rate) for rate in accuracies]
    html = str(drawn.board(board_with(settings, *runs)))
    assert "--full: 0%" in html and "--full: 100%" in html and "NaN" not in html


def test_the_test_split_ranks_with_its_error(settings, lesson):
    code, key, (ann, bo) = lesson
    runs = [told_run(settings, (0.6, 0.8), seed=seed) for seed in (1, 2, 3)]
    add_runs(code, ann, dict.fromkeys(runs[:2], True), settings)
    add_runs(code, bo, {runs[2]: True}, settings)
    place = class_folder(code, settings) / "test"
    assert read_scores(code, settings) == scores.Scores()
    (place / "open").touch()
    for run_id, accuracy in zip(runs, (0.801, 0.814, 0.6), strict=True):
        score = {"pairs": 408, "accuracy": accuracy, "f1": 0.8}
        (place / f"{run_id}.json").write_text(json.dumps(score))
    found = board_of(code, settings)
    assert found.is_test_open
    first, second, third = drawn.standings(found)
    assert (first.accuracy, second.accuracy, third.accuracy) == ("81.4%", "80.1%", "60.0%")
    assert first.error == "± 1.9" and second.is_alike
    assert not first.is_alike and not third.is_alike
    assert are_alike(Score(408, 0.814, 0), Score(408, 0.801, 0))
    html = re.sub(r"\s+", " ", str(drawn.board(found, is_projector=True)))
    assert "On the test split" in html and "<select" not in html


@pytest.mark.parametrize("text", ["{}", "[]", "x", '{"pairs": 0, "accuracy": 1, "f1": 1}', "7"])
def test_a_damaged_score_is_none(settings, lesson, text):
    code, _key, (ann, _bo) = lesson
    run_id = told_run(settings, (0.6, 0.8))
    place = class_folder(code, settings) / "test"
    (place / "open").touch()
    (place / f"{run_id}.json").write_text(text)
    assert read_scores(code, settings).of_run == {}


def test_a_qr_code_holds_the_link_dark_on_white():
    code = drawn.qr_code("http://127.0.0.1:7860/?class=bcdf-ghjk-mnpq")
    assert "#000" in code and "#fff" in code and code.startswith("<svg")


def test_a_board_says_how_far_the_judging_is(settings):
    board = board_with(settings, run_of(0.7))
    assert "is judged yet" in drawn.test_said(board)
    assert "On the test split" not in str(drawn.board(board))
    scored = replace(board, runs=(replace(board.runs[0], test=Score(408, 0.8, 0.8)),))
    assert drawn.test_said(scored) == ""
    busy = replace(scored, is_test_open=True, to_test=2, untested=1)
    html = str(drawn.board(busy))
    assert "1 of 3 models are judged" in html and "1 model couldn&#39;t be judged" in html
