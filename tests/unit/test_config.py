"""What is declared of a run's settings once, and all that is derived from it."""

import inspect
from dataclasses import asdict, fields, replace

import gradio as gr
import pytest

import pipeline.__main__ as command_line
from pipeline.config import (
    MORE,
    RUN_SETTINGS,
    RunSetting,
    TrainingConfig,
    config_from,
    flag_of,
    flags_of,
    renamed,
)
from pipeline.errors import InputError
from pipeline.runs.worker import train_command
from pipeline.settings import Settings
from tabs.address import Shared, opened
from tabs.fine_tune.api import build_fine_tune
from tabs.fine_tune.form import build_main_settings, build_more_settings, control

SETTINGS = Settings()
NAMES = [one.name for one in fields(TrainingConfig)]


@pytest.fixture(scope="module")
def form():
    with gr.Blocks():
        return {**build_main_settings(SETTINGS)[0], **build_more_settings(SETTINGS)}


def api(_form):
    return {
        name: parameter.default
        for name, parameter in inspect.signature(build_fine_tune(SETTINGS)).parameters.items()
        if name not in ("request", "pairs", "again")
    }


def commands(_form):
    return asdict(command_line.chosen_config(command_line.parse(["train"])))


def worker(_form):
    options = command_line.parse(train_command(TrainingConfig(), "folder")[2:])
    return asdict(command_line.chosen_config(options).checked(SETTINGS))


@pytest.mark.parametrize(
    "derived",
    [
        lambda form: {name: part.value for name, part in form.items()},
        lambda form: {name: part.value for name, part in Shared("fine-tune", form).fields.items()},
        api,
        commands,
        worker,
    ],
    ids=["form", "address", "api", "command line", "worker"],
)
def test_names_and_defaults_are_the_declared_ones(form, derived):
    found = derived(form)
    assert sorted(found) == sorted(NAMES) and found == asdict(TrainingConfig())


@pytest.mark.parametrize("one", RUN_SETTINGS.values(), ids=RUN_SETTINGS)
def test_a_setting_is_told_everywhere_as_it_is_declared(form, one, capsys):
    with pytest.raises(SystemExit):
        command_line.parse(["train", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    documented = " ".join(inspect.getdoc(build_fine_tune(SETTINGS)).split())
    told = f"{one.help} ({one.allowed(SETTINGS) or 'text'}; default: {one.default})"
    assert flag_of(one.name) in shown and _bare(told) in _bare(shown)
    assert f"{one.name}: {one.help}" in documented and one.allowed(SETTINGS) in documented
    part = form[one.name]
    assert part.info.startswith(one.help)
    if one.group != MORE:  # the names of the first settings stand in a table alone
        assert part.info == one.help
        return
    assert one.argument in f"{part.label} {part.info}"
    assert ("TrainingArguments" in part.info) == bool(one.argument)
    if isinstance(part, gr.Slider):
        assert (part.minimum, part.maximum) == (one.low, one.most(SETTINGS))
    elif isinstance(part, gr.Radio):
        assert [value for _, value in part.choices] == list(one.choices)


def _bare(text):
    """argparse breaks lines also after a hyphen."""
    return text.replace(" ", "")


@pytest.mark.parametrize("one", RUN_SETTINGS.values(), ids=RUN_SETTINGS)
def test_a_value_at_its_bounds_is_taken_and_one_beyond_is_named(one):
    good = list(one.choices) or [one.default]
    bad = "../x"
    if one.kind in (int, float):
        good, bad = [one.low, one.most(SETTINGS)], one.most(SETTINGS) + 1
    for value in good:
        assert (
            getattr(replace(TrainingConfig(), **{one.name: value}).checked(SETTINGS), one.name)
            == value
        )
    with pytest.raises(InputError, match=one.name if one.name != "checkpoint" else "checkpoint id"):
        replace(TrainingConfig(), **{one.name: bad}).checked(SETTINGS)


def test_a_flag_is_a_checkbox_and_an_option_with_its_opposite():
    flag = RunSetting("keep it", name="early", kind=bool, default=True)
    with gr.Blocks():
        box = control(flag, SETTINGS)
    assert isinstance(box, gr.Checkbox) and box.value is True and flag.checked(0, SETTINGS) is False


def test_a_config_as_flags_is_the_config_again():
    config = replace(TrainingConfig(), seed=7, learning_rate=1e-5, lr_scheduler_type="cosine")
    options = command_line.parse(["train", *flags_of(config)])
    assert command_line.chosen_config(options).checked(SETTINGS) == config


def test_an_earlier_versions_names_are_understood():
    old = {"schedule": "cosine", "warmup_ratio": 0.2, "group_by_length": True}
    config = config_from(old)
    assert (config.lr_scheduler_type, config.warmup_steps) == ("cosine", 0.2)
    assert config.train_sampling_strategy == "group_by_length"
    assert renamed({"group_by_length": "false"}) == {"train_sampling_strategy": "random"}
    with pytest.raises(InputError, match="train_sampling_strategy is"):
        config_from({"group_by_length": [[]]}).checked(SETTINGS)


def test_the_steps_follow_from_one_batch_size():
    config = TrainingConfig(epochs=2, batch_size=16, max_steps=60)
    assert config.effective_batch_size == 16
    assert config.steps_per_epoch(33) == 3 and config.planned_steps(33) == 6


# What an address says beside a tab's fields
ADDRESS = {"tab", "lang", "walk", "view", "run", "task", "hide", "lock", "open", "cell", "topic"}


def test_no_setting_is_called_as_what_an_address_says_besides(form):
    assert not set(form) & ADDRESS


def test_a_link_with_an_earlier_versions_names_still_says_the_same():
    query = {
        "tab": "fine-tune",
        "task": "Which is faster?",
        "group_by_length": "false",
        "schedule": "cosine",
        "lock": "schedule,seed",
    }
    with gr.Blocks():
        form = {**build_main_settings(SETTINGS)[0], **build_more_settings(SETTINGS)}
        address = opened(query, [Shared("fine-tune", form, renamed=renamed)])
    changed = {
        name: address.changes[part] for name, part in form.items() if part in address.changes
    }
    assert set(changed) == {"train_sampling_strategy", "lr_scheduler_type", "seed"}
    assert changed["train_sampling_strategy"]["value"] == "random"
    assert changed["lr_scheduler_type"]["value"] == "cosine"
    assert not changed["lr_scheduler_type"]["interactive"] and not changed["seed"]["interactive"]
    assert address.wrong == [] and address.task == "Which is faster?"
