"""A class's results as a CSV, for its teacher alone."""

import csv
import io
import math
from collections.abc import Mapping
from typing import Any

from pipeline.classes.scores import Score, read_scores
from pipeline.classes.store import Pupil, pupils_of
from pipeline.config import RUN_SETTINGS
from pipeline.export.csv_answers import as_text
from pipeline.runs.names import name_of
from pipeline.runs.progress import Run, outline, points, progress
from pipeline.settings import Settings

Cell = str | int | float | None  # None: an empty cell
OF_PUPIL = ("questions_right", "questions_asked", "guesses_right", "guesses_asked")
OF_RUN = ("run", "run_name", "started_it", "state", "steps_done", "steps")
METRICS = ("validation_accuracy", "validation_f1", "validation_loss", "validation_pairs")
ON_TEST = ("test_right", "test_pairs", "test_accuracy", "test_f1", "test_standard_error")
COLUMNS = ("pupil", *OF_PUPIL, *OF_RUN, *METRICS, *ON_TEST, *RUN_SETTINGS)


def results_csv(code: str, settings: Settings) -> str:
    """A line for each run of each pupil, and one for who has none; the columns are COLUMNS.

    What is a pupil's stands in each of their lines, and a run that several have in one of each.
    validation_: the newest evaluation on the validation pairs. Shares and losses have six decimals.
    A hidden name is a number, as in the teacher's list. Texts are no formulas (`as_text`). Raises
    InputError where there is no such class.
    """
    scores = read_scores(code, settings).of_run
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, restval=None, quoting=csv.QUOTE_NONNUMERIC)
    writer.writeheader()
    for pupil in pupils_of(code, settings):
        own = _of_pupil(pupil)
        runs = [outline(run_id, settings) for run_id in pupil.runs]
        lines = [{**own, **_of_run(run, pupil, scores.get(run.id))} for run in runs]
        writer.writerows(map(_written, lines or [own]))
    return file.getvalue()


def _of_pupil(pupil: Pupil) -> dict[str, Cell]:
    return {
        "pupil": str(pupil.shown_name),
        "questions_right": sum(pupil.answers.values()),
        "questions_asked": len(pupil.answers),
        "guesses_right": sum(pupil.guesses.values()),
        "guesses_asked": len(pupil.guesses),
    }


def _of_run(run: Run, pupil: Pupil, score: Score | None) -> dict[str, Cell]:
    """The cells of a run. One whose folder is gone has its id and the state "expired"."""
    done, steps = progress(run)
    told: dict[str, Cell] = {
        "run": run.id,
        "run_name": str(name_of(run.id)),
        "started_it": "yes" if pupil.runs[run.id] else "no",
        "state": run.state,
        # An outline leaves the log out: its last step is that of the last evaluation
        "steps_done": (steps if run.state == "done" else done) or None,
        "steps": steps or None,
        "validation_accuracy": _newest(run, "eval_accuracy"),
        "validation_f1": _newest(run, "eval_f1", "eval_macro_f1"),
        "validation_loss": _newest(run, "eval_loss"),
        "validation_pairs": (run.first("start") or {}).get("eval_pairs"),
        **{name: run.config.get(name) for name in RUN_SETTINGS},
    }
    if score:
        told |= {
            "test_right": score.right,
            "test_pairs": score.pairs,
            "test_accuracy": score.accuracy,
            "test_f1": score.f1,
            "test_standard_error": score.error,
        }
    return told


def _newest(run: Run, *names: str) -> float | None:
    """The newest value of one of these in the run's evaluations; None where there is none."""
    found = [value for name in names for _step, value in points(run, name)]
    return found[-1] if found else None


def _written(line: Mapping[str, Any]) -> dict[str, Cell]:
    return {name: _cell(name, value) for name, value in line.items()}


def _cell(name: str, value: Any) -> Cell:
    """
    >>> _cell("pupil", "=1+1"), _cell("validation_loss", 2 / 3), _cell("learning_rate", 2e-4)
    ("'=1+1", 0.666667, 0.0002)
    """
    if isinstance(value, str):
        return as_text(value)
    if isinstance(value, float) and name not in RUN_SETTINGS:
        return round(value, 6) if math.isfinite(value) else None
    return value
