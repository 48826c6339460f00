"""Settings under a name: each is allowed and found again in a form; the command line takes them."""

from dataclasses import asdict, replace

import pytest

import pipeline.__main__ as command_line
from pipeline.config import TrainingConfig
from pipeline.errors import InputError
from pipeline.presets import PAIRS, PRESETS, preset_named, preset_of
from pipeline.runs.pace import Pace, run_seconds
from pipeline.settings import Settings
from tabs.fine_tune.presets import FILLED


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_a_preset_is_settings_within_the_caps(preset):
    config = preset.config()
    assert config.checked(Settings()) == config
    default = asdict(TrainingConfig())
    differing = {name for name, value in asdict(config).items() if value != default[name]}
    assert differing == set(preset.changes), "nothing is named that doesn't differ"
    assert not differing & set(PAIRS) and differing <= set(FILLED)
    # None takes longer than the default run
    pace = Pace(0, 1.0, 1 / 3, "")
    assert run_seconds(config, pace) <= 1.2 * run_seconds(TrainingConfig(), pace)


@pytest.mark.parametrize("name", PRESETS)
def test_the_form_says_which_preset_it_is(name):
    form = asdict(PRESETS[name].config())
    assert preset_of({**form, "source": "embedded", "task_name": "rte"}) is PRESETS[name]
    assert preset_of({**form, "seed": 7}) is None


@pytest.mark.parametrize("name", PRESETS)
def test_the_command_line_takes_a_preset_and_what_is_named_besides(name):
    def chosen(*flags):
        options = command_line.parse(["train", *flags])
        return command_line.chosen_config(options).checked(Settings())

    assert chosen("--preset", name) == PRESETS[name].config()
    other = chosen("--preset", name, "--seed", "7", "--source", "embedded")
    assert other == replace(PRESETS[name].config(), seed=7, source="embedded")


def test_an_unknown_preset_is_named_and_two_sources_of_settings_are_refused():
    with pytest.raises(InputError, match="no preset 'good!'. Choose one of good, course, overfits"):
        preset_named("good!")
    options = command_line.parse(["train", "--preset", "good", "--config", "config.json"])
    with pytest.raises(InputError, match="Give one of them"):
        command_line.chosen_config(options)
