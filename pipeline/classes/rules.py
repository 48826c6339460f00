"""Which runs a class allows.

>>> one = Class("bcd2-fghj-kmnp", 0.0, "", "learning_rate", {"seed": 42}, 60, False)
>>> check_config(TrainingConfig(max_steps=60), one)
>>> check_config(TrainingConfig(max_steps=60, seed=7), one)
Traceback (most recent call last):
pipeline.errors.InputError: This class has seed = 42 for all, and you chose 7. Only learning_rate \
is yours to change.
"""

import json
from dataclasses import asdict
from typing import Any

from languages import say, say_plural, sentences
from pipeline.classes.store import Class
from pipeline.config import RUN_SETTINGS, TrainingConfig
from pipeline.errors import InputError, shown
from pipeline.runs.queue import digest
from pipeline.task import is_own


def locked_values(the_class: Class) -> dict[str, Any]:
    """{setting: its value} of all that pupils can't change. A class's cap of steps lowers the
    locked number of steps, too.
    """
    if not the_class.open_setting:
        return {}
    values = {
        name: the_class.values[name]
        for name in RUN_SETTINGS
        if name in the_class.values and name != the_class.open_setting
    }
    if the_class.max_steps is not None and "max_steps" in values:
        values["max_steps"] = min(values["max_steps"], the_class.max_steps)
    return values


def first_values(the_class: Class) -> dict[str, Any]:
    """{setting: its value} with which a pupil's form begins: all of the class's, within its cap."""
    values = dict(the_class.values)
    if the_class.max_steps is not None and "max_steps" in values:
        values["max_steps"] = min(values["max_steps"], the_class.max_steps)
    return values


def check_config(config: TrainingConfig, the_class: Class) -> None:
    """Raises InputError where the class doesn't allow a run of that checked config."""
    if the_class.is_closed:
        raise InputError(
            say(
                "This class is closed, so no more runs start in it. Leave the class to go on alone."
            )
        )
    if is_own(config.task_name):
        raise InputError(
            say(
                "In a class nobody learns from own pairs: the class would see what is shown to "
                "nobody else. Choose other pairs."
            )
        )
    if the_class.max_steps is not None and config.max_steps > the_class.max_steps:
        raise InputError(
            say(
                "max_steps is {value}, and this class allows at most {most}. Choose fewer.",
                value=config.max_steps,
                most=the_class.max_steps,
            )
        )
    for name, value in locked_values(the_class).items():
        if getattr(config, name) != value:
            raise InputError(
                say(
                    "This class has {name} = {value} for all, and you chose {chosen}. Only {open} "
                    "is yours to change.",
                    name=name,
                    value=value,
                    chosen=shown(getattr(config, name)),
                    open=the_class.open_setting,
                )
            )


def rules_in_words(the_class: Class) -> str:
    """What pupils may do, in one to three sentences."""
    if the_class.is_closed:
        return say("The class is closed: no more runs start in it.")
    what = (
        say("In it, only {name} can be changed.", name=the_class.open_setting)
        if the_class.open_setting
        else say("In it, every setting can be changed.")
    )
    if the_class.max_steps is None:
        return what
    most = say_plural(
        "A run has at most {count} step.",
        "A run has at most {count} steps.",
        the_class.max_steps,
    )
    return sentences(what, most)


def version_of_rules(the_class: Class) -> str:
    """A text that differs once the class's settings, cap or end do, and not with its task."""
    rules = {name: value for name, value in asdict(the_class).items() if name != "task"}
    return digest(json.dumps(rules, sort_keys=True))[:16]
