"""Names by which people tell runs apart."""

from dataclasses import asdict

import pytest

from languages import speaking
from pipeline.config import TrainingConfig
from pipeline.runs.names import NAMES, drawn_id, name_of, settings_apart
from views.runs import run_label

HERON = f"{[name.english for name in NAMES].index('Heron'):08x}" + "0" * 24


def test_each_name_is_one_and_stands_in_both_languages():
    english = {name.english for name in NAMES}
    with speaking("zh"):
        chinese = {str(name) for name in NAMES}
    assert len(english) == len(chinese) == len(NAMES) >= 200
    assert not english & chinese, "each has a translation"


def test_a_run_is_called_alike_everywhere():
    assert name_of(HERON) == "Heron"
    with speaking("zh"):
        assert str(name_of(HERON)) == "苍鹭"
    assert name_of("no/../id") == "no/../id" and name_of("") == ""


@pytest.mark.parametrize(
    ("changed", "label"),
    [
        ({}, "Heron"),
        ({"learning_rate": 5e-4, "max_steps": 60}, "Heron · 60 steps · lr 5e-4"),
        ({"learning_rate": 1.25e-5}, "Heron · lr 1.25e-5"),
        ({"max_steps": 1}, "Heron · 1 step"),
        ({"checkpoint": "google-bert/bert-base-uncased"}, "Heron · bert-base-uncased"),
        (
            {"batch_size": 8, "seed": 7, "dropout": 0.1, "epochs": 1},
            "Heron · batch of 8 · epochs 1 · dropout 0.1",
        ),
    ],
)
def test_beside_the_name_stand_the_settings_that_differ(changed, label):
    assert run_label(HERON, asdict(TrainingConfig(**changed))) == label


def test_two_runs_are_compared_by_what_differs_between_them():
    one, other = asdict(TrainingConfig(seed=7, max_steps=9)), asdict(TrainingConfig(max_steps=9))
    assert settings_apart(one, other) == ["seed 7"] and settings_apart(one, one) == []


def test_runs_of_a_server_have_different_names_while_there_are_any():
    taken = []
    for _run in range(120):
        taken.append(drawn_id(taken))
    assert len({name_of(run_id) for run_id in taken}) == 120
    every = [f"{number:08x}{'0' * 24}" for number in range(len(NAMES))]
    assert len(drawn_id(every)) == 32, "a new run gets an id all the same"
