"""Caps and the environment."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.settings import Settings


@pytest.mark.parametrize("value", [1, 10, "7", 3.0])
def test_a_whole_number_within_its_cap_is_itself(value):
    checked = Settings(max_steps=10).checked("max_steps", value)
    assert checked == int(value) and type(checked) is int


@pytest.mark.parametrize(
    "value", [0, 11, -1, 1.5, "x", "", None, [], float("nan"), float("inf"), "1e2", 10**400]
)
def test_anything_else_names_the_value_and_the_range(value):
    with pytest.raises(InputError, match=r"max_steps is .*1 to 10"):
        Settings(max_steps=10).checked("max_steps", value)


@given(st.one_of(st.integers(), st.floats(), st.text()))
def test_checked_is_an_int_in_range_or_an_input_error(value):
    try:
        assert 1 <= Settings().checked("max_steps", value) <= Settings().max_steps
    except InputError:
        pass


def test_the_environment_is_read_when_settings_are_made(monkeypatch, tmp_path):
    assert Settings().mrpc_folder is None and Settings().data == "auto"
    for variable, value in (
        ("MRPC_DIR", tmp_path),
        ("RUNS_DIR", "~/somewhere"),
        ("PAIRS", "embedded"),
    ):
        monkeypatch.setenv(variable, str(value))
    made = Settings()
    assert (made.mrpc_folder, made.data) == (tmp_path, "embedded")
    assert made.runs_folder == Path.home() / "somewhere"
    monkeypatch.setenv("MRPC_DIR", "  ")
    assert Settings().mrpc_folder is None


def test_settings_cannot_be_changed_under_a_running_app():
    with pytest.raises(FrozenInstanceError):
        Settings().max_steps = 10**6
