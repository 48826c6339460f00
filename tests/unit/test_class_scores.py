"""The test split of a class: who opens it, which models are judged, how often, and what of it stays."""

import json
import math
import threading
import time

import pytest

from pipeline.classes import scores as scores_module
from pipeline.classes.scores import Score, are_alike, open_test_split, read_scores
from pipeline.classes.store import add_runs, class_folder, create_class, join_class
from pipeline.errors import InputError
from pipeline.settings import Settings
from tests.support.run_folders import FIGURES, write_run

FOUND = {"right": 3, "pairs": 4, "accuracy": 0.75, "f1": 0.8}


@pytest.fixture
def settings(tmp_path):
    return Settings(runs_folder=tmp_path / "runs")


class Judge:
    """In the place of the process: what it was asked, how many at once, what it answers."""

    def __init__(self):
        self.asked, self.at_once, self.most_at_once = [], 0, 0
        self.answer = 0, [json.dumps(FOUND)]
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def __call__(self, run_id, private, settings):
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        self.asked.append(run_id)
        assert private.is_dir()
        assert self.may_go_on.wait(10)
        self.at_once -= 1
        return self.answer


@pytest.fixture
def judge(monkeypatch):
    judge = Judge()
    monkeypatch.setattr(scores_module, "said_of", judge)
    monkeypatch.setattr(scores_module, "tries", {})
    yield judge
    judge.may_go_on.set()
    until_idle()


def until_idle(seconds=10):
    """The threads that judge have nothing more to do."""
    end = time.monotonic() + seconds
    while scores_module.turns:
        assert time.monotonic() < end
        time.sleep(0.01)


def class_with(settings, *run_ids, values=None, pupils=1):
    """(code, key of the teacher) of a class whose pupils all have these runs."""
    code, teacher_key = create_class("", "", values or {}, settings)
    for number in range(pupils):
        _id, key = join_class(code, f"Child {number}", settings)
        add_runs(code, key, dict.fromkeys(run_ids, number == 0), settings)
    return code, teacher_key


def test_each_ended_run_is_judged_once_one_at_a_time_and_later_ones_as_they_end(settings, judge):
    runs = [write_run(settings, number) for number in (1, 2)]
    waiting = write_run(settings, 3, "queued")
    failed = write_run(settings, 4, "failed")
    code, key = class_with(settings, *runs, waiting, failed, pupils=3)
    assert read_scores(code, settings) == scores_module.Scores() and judge.asked == []
    judge.may_go_on.clear()
    open_test_split(code, key, settings)
    for _look in range(3):
        found = read_scores(code, settings)
        assert found.is_open and found.of_run == {} and found.waiting == tuple(runs)
    judge.may_go_on.set()
    until_idle()
    assert judge.asked == runs and judge.most_at_once == 1
    found = read_scores(code, settings)
    assert found.of_run == dict.fromkeys(runs, Score(4, 0.75, 0.8))
    assert found.waiting == found.failed == ()
    files = {path.name for path in (class_folder(code, settings) / "test").iterdir()}
    assert files == {"open", *(f"{run_id}.json" for run_id in runs)}
    # The one that waited has ended
    last = write_run(settings, 5, "stopped")
    _id, pupil_key = join_class(code, "Late", settings)
    add_runs(code, pupil_key, {last: True}, settings)
    assert read_scores(code, settings).waiting == (last,)
    until_idle()
    open_test_split(code, key, settings)
    until_idle()
    assert judge.asked == [*runs, last]
    assert json.loads((class_folder(code, settings) / "test" / f"{last}.json").read_text()) == FOUND


def test_a_server_that_starts_again_goes_on_where_the_one_before_it_was(settings, judge):
    runs = [write_run(settings, number) for number in (1, 2)]
    code, key = class_with(settings, *runs)
    folder = class_folder(code, settings) / "test"
    (folder / "open").touch()
    (folder / f"{runs[0]}.json").write_text(json.dumps({**FOUND, "accuracy": 0.5}))
    assert read_scores(code, settings).of_run == {runs[0]: Score(4, 0.5, 0.8)}
    until_idle()
    assert judge.asked == [runs[1]]


@pytest.mark.parametrize(
    "answer, tries",
    [((1, ["Killed"]), 2), ((-9, []), 2), ((0, ["no JSON"]), 2), ((2, ["error: gone"]), 1)],
)
def test_a_model_that_cannot_be_judged_is_given_up_for_good(answer, tries, settings, judge):
    run_id = write_run(settings, 1)
    code, key = class_with(settings, run_id)
    judge.answer = answer
    open_test_split(code, key, settings)
    for _look in range(4):
        until_idle()
        found = read_scores(code, settings)
    assert found.failed == (run_id,) and found.of_run == {} and found.waiting == ()
    assert judge.asked == [run_id] * tries
    scores_module.tries.clear()  # as a restarted server
    assert read_scores(code, settings).failed == (run_id,)
    until_idle()
    assert len(judge.asked) == tries


def test_a_result_that_a_full_disk_does_not_keep_is_told_and_tried_twice(
    settings, judge, monkeypatch
):
    run_id = write_run(settings, 1)
    code, key = class_with(settings, run_id)

    def full(*_written):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(scores_module, "write_whole", full)
        open_test_split(code, key, settings)
        for _look in range(4):
            until_idle()
            found = read_scores(code, settings)
    assert judge.asked == [run_id] * 2 and found.failed == (run_id,)
    assert found.of_run == {} and found.waiting == ()
    scores_module.tries.clear()  # a restarted server, with room on the disk
    assert read_scores(code, settings).waiting == (run_id,)
    until_idle()
    assert list(read_scores(code, settings).of_run) == [run_id]


def test_a_stranger_opens_nothing(settings, judge):
    code, _key = class_with(settings, write_run(settings, 1))
    _id, pupil_key = join_class(code, "Eve", settings)
    for key in ("", None, pupil_key, "0" * 32):
        with pytest.raises(InputError, match="Only the browser that opened this class"):
            open_test_split(code, key, settings)
    assert not read_scores(code, settings).is_open and judge.asked == []


def test_what_has_no_labelled_test_split_or_no_answers_is_not_judged(settings, judge):
    without = write_run(settings, 1, task_name="rte")
    broken = write_run(settings, 2, after={**FIGURES, "loss": math.nan})
    code, key = class_with(settings, without, values={"task_name": "rte"})
    with pytest.raises(InputError, match="rte has no test split with labels"):
        open_test_split(code, key, settings)
    assert not read_scores(code, settings).is_open
    good = write_run(settings, 3, task_name="paws")
    _id, pupil_key = join_class(code, "Ada", settings)
    add_runs(code, pupil_key, {broken: True, good: True}, settings)
    open_test_split(code, key, settings)
    until_idle()
    assert judge.asked == [good] and list(read_scores(code, settings).of_run) == [good]


def test_two_classes_take_turns(settings, judge):
    first = [write_run(settings, number) for number in (1, 2, 3)]
    second = [write_run(settings, number) for number in (11, 12)]
    code, key = class_with(settings, *first)
    other, other_key = class_with(settings, *second)
    judge.may_go_on.clear()
    open_test_split(code, key, settings)
    open_test_split(other, other_key, settings)
    judge.may_go_on.set()
    until_idle()
    assert judge.asked[:4] == [first[0], second[0], first[1], second[1]]
    assert sorted(judge.asked) == sorted([*first, *second])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"failed": true}',
        '{"pairs": 0, "accuracy": 0.5, "f1": 0.5}',
        '{"pairs": 4, "accuracy": 2, "f1": 0.5}',
        '{"pairs": 4, "accuracy": 0.5, "f1": NaN}',
        '{"pairs": true, "accuracy": 0.5, "f1": 0.5}',
        '{"pairs": 4, "accuracy": "<b>", "f1": 0.5}',
    ],
)
def test_a_file_that_is_no_score_is_none(text, settings, judge):
    run_id = write_run(settings, 1)
    code, key = class_with(settings, run_id)
    folder = class_folder(code, settings) / "test"
    (folder / "open").touch()
    (folder / f"{run_id}.json").write_text(text)
    (folder / "x.json").write_text(json.dumps(FOUND))
    found = read_scores(code, settings)
    assert found.of_run == {} and found.failed == (run_id,) and judge.asked == []


def test_scores_within_noise_are_alike():
    one = Score(408, 332 / 408, 0.87)
    assert one.right == 332
    assert one.error == pytest.approx(math.sqrt(332 * 76 / 408**3))
    assert are_alike(one, Score(408, 327 / 408, 0.86))
    # Two standard errors of the difference are 2·sqrt(2)·0.0193 = 5.4 points
    assert are_alike(one, Score(408, 311 / 408, 0.8)) and not are_alike(one, Score(408, 0.75, 0.8))
    many = Score(100_000, 0.814, 0.8)
    assert not are_alike(many, Score(100_000, 0.801, 0.8))
