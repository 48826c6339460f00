"""Check yourself, in Fine-tune: what its questions are about."""

from collections.abc import Sequence
from typing import Any

from languages import ngettext
from pipeline.config import config_from
from pipeline.dataset import planned_pairs
from pipeline.explain.evaluations import evaluations_of
from pipeline.questions.of_runs import OF_THE_RUN, Training
from pipeline.runs.queue import read_run
from pipeline.settings import Settings
from pipeline.task import task_named


def training_shown(settings: Settings, names: Sequence[str], run_id: str, *form: Any) -> Training:
    """The form, its values by `names`, and the shown run. Raises InputError for a bad form."""
    config = config_from(dict(zip(names, form, strict=True))).checked(settings)
    task = task_named(config.task_name, settings)
    rows, _origin, _size = planned_pairs(config.source, settings, task)
    pairs = min(config.train_pairs, rows["train"])
    return Training(
        config,
        pairs + config.joined_by(pairs),
        len(task.labels),
        tuple(evaluations_of(read_run(run_id, settings))) if run_id else (),
    )


def wait_for_a_run(shown: Training) -> tuple[int, str]:
    """How many questions are about a run that isn't there yet, in a sentence."""
    if shown.told:
        return 0, ""
    count = len(OF_THE_RUN)
    said = ngettext(
        "{count} more question is about a run's own figures: start a fine-tune, and it comes with "
        "the first evaluation.",
        "{count} more questions are about a run's own figures: start a fine-tune, and they come "
        "with the first evaluation.",
        count,
    )
    return count, said
