"""Folders of runs written by hand, in the words of a worker."""

import json
from dataclasses import asdict

from pipeline.config import TrainingConfig
from pipeline.runs.folder import as_line
from pipeline.settings import Settings

ORIGIN = {"asked": "a", "loaded": "a", "place": "embedded", "reason": "r", "stands_in": False}
FIGURES = {"loss": 0.5, "accuracy": 0.75, "f1": 0.8}


def write_run(settings: Settings, number: int, state: str = "done", after=FIGURES, **config) -> str:
    """The id of a run of that number and config with two evaluations. state: "done", "stopped",
    "failed" or "queued". after: the figures with which it ended.
    """
    run_id = f"{number:032x}"
    folder = settings.runs_folder / run_id
    folder.mkdir(parents=True)
    (folder / "owner").write_text("o")
    (folder / "config.json").write_text(json.dumps(asdict(TrainingConfig(**config))))
    if state == "queued":
        return run_id
    (folder / "worker").write_text("1 none elsewhere")
    majority = {"label": 1, "accuracy": 0.6, "f1": 0.75}
    start = {"event": "start", "seconds": 0.0, "total_steps": 4, "majority": majority}
    start |= {"model": ORIGIN, "data": ORIGIN, "metric": ORIGIN, "eval_pairs": 40}
    shares = [(0, 0.6, 0.75, 0.7), (4, 0.75, 0.8, 0.5)]  # (step, accuracy, F1, loss)
    evaluations = [
        {
            "event": "evaluation",
            "seconds": 1.0 + step,
            "step": step,
            "eval_accuracy": accuracy,
            "eval_f1": f1,
            "eval_loss": loss,
        }
        for step, accuracy, f1, loss in shares
    ]
    end = {"event": state, "seconds": 9.0, "message": "m", "before": FIGURES, "after": after}
    told = [start, *evaluations, end]
    (folder / "events.jsonl").write_text("".join(as_line(event) + "\n" for event in told))
    return run_id
