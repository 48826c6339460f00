"""A class's results as a CSV: what a teacher reads in a spreadsheet or with pandas."""

import csv
import io
import json

import pytest

from pipeline.classes.store import (
    add_answer,
    add_guess,
    add_runs,
    class_folder,
    create_class,
    hide_pupil,
    join_class,
)
from pipeline.config import RUN_SETTINGS
from pipeline.errors import InputError
from pipeline.export.class_csv import COLUMNS, results_csv
from pipeline.settings import Settings
from tests.support.run_folders import write_run


@pytest.fixture
def settings(tmp_path):
    return Settings(runs_folder=tmp_path / "runs")


def test_a_line_is_a_run_of_a_pupil(settings):
    code, teacher_key = create_class("", "learning_rate", {}, settings)
    shared = write_run(settings, 1, learning_rate=1e-3)
    waiting = write_run(settings, 2, "queued", learning_rate=2e-4)
    gone = f"{3:032x}"
    test = class_folder(code, settings) / "test"
    (test / "open").touch()
    score = {"right": 1380, "pairs": 1725, "accuracy": 0.8, "f1": 0.85}
    (test / f"{shared}.json").write_text(json.dumps(score))
    ada, ada_key = join_class(code, "Ada", settings)
    _id, bo_key = join_class(code, "=1+2", settings)
    join_class(code, "Grace", settings)
    add_runs(code, ada_key, {shared: True, waiting: True}, settings)
    add_runs(code, bo_key, {shared: False, gone: True}, settings)
    add_answer(code, ada_key, "tokens", True, settings)
    add_answer(code, ada_key, "padding", False, settings)
    add_guess(code, bo_key, "conv", True, settings)
    hide_pupil(code, teacher_key, ada, True, settings)

    lines = list(csv.DictReader(io.StringIO(results_csv(code, settings))))

    assert tuple(lines[0]) == COLUMNS and set(RUN_SETTINGS) < set(COLUMNS)
    assert [(line["pupil"], line["run"], line["state"], line["started_it"]) for line in lines] == [
        ("Ada", shared, "done", "yes"),
        ("Ada", waiting, "queued", "yes"),
        ("'=1+2", shared, "done", "no"),
        ("'=1+2", gone, "expired", "yes"),
        ("Grace", "", "", ""),
    ]
    first, second, third, fourth, last = lines
    assert (first["validation_accuracy"], first["validation_f1"], first["validation_loss"]) == (
        "0.75",
        "0.8",
        "0.5",
    )
    assert (first["validation_pairs"], first["steps_done"], first["steps"]) == ("40", "4", "4")
    assert (first["test_right"], first["test_accuracy"]) == ("1380", "0.8")
    assert first["test_standard_error"] == "0.009631"  # sqrt(0.8 * 0.2 / 1725)
    assert (first["learning_rate"], second["learning_rate"]) == ("0.001", "0.0002")
    assert third["test_f1"] == "0.85" and third["seed"] == "42"
    assert {second[name] for name in COLUMNS if name.startswith(("validation_", "test_"))} == {""}
    assert fourth["learning_rate"] == fourth["validation_accuracy"] == last["learning_rate"] == ""
    assert (first["questions_right"], first["questions_asked"]) == ("1", "2")
    assert (third["guesses_right"], third["guesses_asked"], last["guesses_asked"]) == (
        "1",
        "1",
        "0",
    )


def test_a_loss_that_broke_leaves_an_empty_cell_and_no_class_no_table(settings):
    code, _key = create_class("", "", {}, settings)
    run_id = write_run(settings, 1)
    _id, key = join_class(code, "Ada", settings)
    add_runs(code, key, {run_id: True}, settings)
    events = settings.runs_folder / run_id / "events.jsonl"
    events.write_text(events.read_text().replace('"eval_loss": 0.5', '"eval_loss": "NaN"'))
    [line] = csv.DictReader(io.StringIO(results_csv(code, settings)))
    assert line["validation_loss"] == "" and line["validation_accuracy"] == "0.75"
    with pytest.raises(InputError, match="no class at this link"):
        results_csv("bcdf-ghjk-mnpq", settings)
