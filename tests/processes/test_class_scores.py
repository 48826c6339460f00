"""A class's model judged on the test split in a process of its own, with real parts."""

import json
import shutil
import time

from pipeline.classes import scores as scores_module
from pipeline.classes.scores import open_test_split, read_scores
from pipeline.classes.store import add_runs, class_folder, create_class, join_class
from pipeline.config import TrainingConfig
from pipeline.training import evaluate_checkpoint
from tests.model.test_save import finished_run


def judged_within(code, settings, seconds=300):
    """The class's scores once nothing waits to be judged."""
    end = time.monotonic() + seconds
    while (found := read_scores(code, settings)).waiting or scores_module.turns:
        assert time.monotonic() < end, found
        time.sleep(0.1)
    return found


def test_a_model_is_judged_as_the_command_line_does_and_one_that_is_gone_is_given_up(
    tiny, settings
):
    config = TrainingConfig(
        checkpoint=tiny,
        source="folder",
        train_pairs=16,
        eval_pairs=12,
        batch_size=8,
        max_steps=2,
        frozen_layers=0,
        learning_rate=1e-2,
        precision="fp32",
        max_length=16,
    )
    good, gone = "a" * 32, "b" * 32
    for run_id in (good, gone):
        finished_run(config, settings, run_id)
    shutil.rmtree(settings.runs_folder / gone / "model")
    code, key = create_class("", "", {}, settings)
    _id, pupil_key = join_class(code, "Ada", settings)
    add_runs(code, pupil_key, {good: True, gone: True}, settings)

    open_test_split(code, key, settings)
    found = judged_within(code, settings)

    alike = evaluate_checkpoint(f"run:{good}", "folder", "test", settings=settings, max_length=16)
    score = found.of_run[good]
    assert list(found.of_run) == [good] and found.failed == (gone,)
    assert (score.pairs, score.accuracy, score.f1) == (16, alike["accuracy"], alike["f1"])
    folder = class_folder(code, settings) / "test"
    assert {path.name for path in folder.iterdir()} == {"open", f"{good}.json", f"{gone}.json"}
    kept = json.loads((folder / f"{good}.json").read_text())
    assert kept["right"] == round(16 * alike["accuracy"])
    left = {path.name for path in (settings.runs_folder / good).iterdir()}
    assert left == {"config.json", "events.jsonl", "model", "predictions.json"}
