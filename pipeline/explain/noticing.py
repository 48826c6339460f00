"""What a run's model notices: as the run told it, or asked now."""

from collections.abc import Iterable

from languages import say
from pipeline.config import config_from
from pipeline.dataset import load_raw_datasets
from pipeline.edits.changed import Noticed, check_can_change, held_out, noticed
from pipeline.errors import InputError
from pipeline.hub.sources import RUN_PREFIX
from pipeline.prediction import predict
from pipeline.runs.progress import Run
from pipeline.settings import LABELS, Settings
from pipeline.task import task_named


def told_by(run: Run) -> tuple[Noticed, Noticed] | None:
    """What was noticed before and after a run that copies had joined; None for any other."""
    end = run.first(run.state) or {}
    before, after = end.get("noticed") or ({}, {})
    return (before, after) if after else None


def asked_now(run: Run, settings: Settings) -> Noticed:
    """What the model that a run has left notices of the same copies as a run tells. Raises
    InputError where it left none, or its pairs have no changed copies.
    """
    if not run.answers:
        raise InputError(say("This run has left no model to ask. Start a run, and wait for it."))
    config = config_from(run.config)
    task = task_named(config.task_name, settings)
    check_can_change(task.title, task.labels, task.language)
    rows = load_raw_datasets(config.source, settings, task)[0]["validation"][: config.eval_pairs]
    pairs = list(zip(rows["sentence1"], rows["sentence2"], rows["label"], strict=True))
    copies = held_out(pairs)
    changed = sorted({copy.row for copy in copies})
    asked = [copy.sentences(pairs) for copy in copies] + [pairs[row][:2] for row in changed]
    labels: list[int] = []
    for start in range(0, len(asked), settings.max_batch_pairs):
        part = asked[start : start + settings.max_batch_pairs]
        name = f"{RUN_PREFIX}{run.id}"
        answers, _origin = predict(name, part, config.max_length, settings=settings)
        labels += [LABELS.index(answer.label) for answer in answers]
    whole = dict(zip(changed, labels[len(copies) :], strict=True))
    return noticed(copies, labels[: len(copies)], whole)


def run_without(run: Run, others: Iterable[Run]) -> Run | None:
    """The first of `others` that has left a model and the settings of `run`, but no copies."""
    for other in others:
        as_run = {**other.config, "changed_share": run.config.get("changed_share")}
        if not other.config.get("changed_share") and as_run == run.config and other.answers:
            return other
    return None
