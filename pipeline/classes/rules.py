"""Which runs a class allows.

>>> one = Class("bcd2-fghj-kmnp", 0.0, "", "learning_rate", {"seed": 42}, 60, False)
>>> check_config(TrainingConfig(max_steps=60), one)
>>> check_config(TrainingConfig(max_steps=60, seed=7), one)
Traceback (most recent call last):
pipeline.errors.InputError: This class has seed = 42 for all, and you chose 7. Only learning_rate \
is yours to change.
"""

from typing import Any

from languages import say
from pipeline.classes.store import Class
from pipeline.config import RUN_SETTINGS, TrainingConfig
from pipeline.errors import InputError, shown
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
