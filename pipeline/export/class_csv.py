"""A class's results as a CSV, for its teacher."""

import csv
import io
from collections.abc import Sequence

from pipeline.classes.board import Board, BoardRun
from pipeline.export.csv_answers import as_text

COLUMNS = (
    "pupils",
    "run",
    "name",
    "state",
    "steps",
    "accuracy",
    "f1",
    "eval_pairs",
    "test_accuracy",
    "test_f1",
    "test_pairs",
)
ANSWERS = ("pupil", "questions_right", "questions_asked", "guesses_right", "guesses_asked")


def results_csv(board: Board) -> str:
    """A row for each run, with all of its settings; then, below an empty line, one for each pupil.

    Names are a visitor's texts: no spreadsheet takes one for a formula.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    settings = list(board.the_class.values)
    writer.writerow([*COLUMNS, *settings])
    writer.writerows(_row(run, settings) for run in board.runs)
    writer.writerow([])
    writer.writerow(ANSWERS)
    for pupil in board.pupils:
        writer.writerow([as_text(str(pupil.name)), *pupil.answered, *pupil.guessed])
    return out.getvalue()


def _row(run: BoardRun, settings: Sequence[str]) -> list[object]:
    test = run.test
    scored = (test.accuracy, test.f1, test.pairs) if test else ("", "", "")
    known = ["" if value is None else value for value in (run.last, run.f1, run.pairs)]
    who = as_text("; ".join(map(str, run.pupils)))
    told = [who, run.id, run.name, run.state, run.done, *known, *scored]
    return [*told, *(as_text(str(run.config.get(name, ""))) for name in settings)]
