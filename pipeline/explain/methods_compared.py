"""Runs that differ in their method alone, side by side: what each trains, takes and reaches.

>>> one = MethodRun("lora", "done", trained=480_000, parameters=23_000_000)
>>> f"{one.share:.1%}"
'2.1%'
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from languages import say, say_plural
from pipeline.config import RUN_SETTINGS, TrainingConfig
from pipeline.explain.evaluations import Evaluation, changed_sides, evaluations_of
from pipeline.explain.gap import error_of
from pipeline.metrics import METRICS
from pipeline.runs.pace import measured_pace
from pipeline.runs.progress import Run

METHODS = RUN_SETTINGS["method"].choices
BYTES_TO_LEARN = 12  # of a trained parameter: its gradient, AdamW's two averages, float32


def by_each_method(config: TrainingConfig) -> list[TrainingConfig]:
    """The config, and with each other method."""
    others = (method for method in METHODS if method != config.method)
    return [config, *(replace(config, method=method) for method in others)]


@dataclass(frozen=True)
class MethodRun:
    """A run by one method; None for what it hasn't told yet.

    trained, parameters: how many numbers learn, and how many there are, LoRA's among both.
    peak_bytes: the most memory that its process held, libraries included. seconds: from its first
    to its last event; step_seconds: the median step. results: {metric: (value, standard error or
    None)}.
    """

    method: str
    state: str
    trained: int | None = None
    parameters: int | None = None
    peak_bytes: int | None = None
    seconds: float | None = None
    step_seconds: float | None = None
    results: dict[str, tuple[float, float | None]] = field(default_factory=dict)

    @property
    def share(self) -> float | None:
        """The share of all parameters that learn."""
        return self.trained / self.parameters if self.trained and self.parameters else None


def method_run(run: Run) -> MethodRun:
    """A run as a row of the comparison."""
    start, end = run.first("start") or {}, (run.first(run.state) or {}) if run.ended else {}
    pace = measured_pace(run)
    after = end.get("after") or {}
    judged = {f"eval_{name}": value for name, value in after.items()}
    return MethodRun(
        run.config["method"],
        run.state,
        start.get("trained_parameters"),
        start.get("parameters"),
        end.get("peak_bytes"),
        end.get("seconds") if after else None,
        pace.pair * _pairs_a_step(run) if pace else None,
        {name: (after[name], error_of(name, judged, run)) for name in METRICS if name in after},
    )


def _pairs_a_step(run: Run) -> int:
    return run.config["batch_size"] * run.config["gradient_accumulation_steps"]


def what_lora_costs(runs: Sequence[Run]) -> list[str]:
    """LoRA beside full: sentences on what it saves and what it gives; [] before both are done."""
    done = {run.config["method"]: run for run in runs if run.state == "done"}
    if not {"lora", "full"} <= done.keys():
        return []
    lora, full = (method_run(done[name]) for name in ("lora", "full"))
    said = []
    if lora.trained and full.trained and lora.step_seconds and full.step_seconds:
        said.append(
            say(
                "lora trains {times:.0f} times fewer numbers than full: their gradients and "
                "AdamW's averages take {lora:.1f} MB, not {full:.1f} MB. A step takes {step:.2f} "
                "times as long.",
                times=full.trained / lora.trained,
                lora=BYTES_TO_LEARN * lora.trained / 1e6,
                full=BYTES_TO_LEARN * full.trained / 1e6,
                step=lora.step_seconds / full.step_seconds,
            )
        )
    return [*said, *_given(done["lora"], done["full"])]


def _given(lora: Run, full: Run) -> list[str]:
    """How many more pairs LoRA's model is right on than full's, and how many more chance brings."""
    one, other = (_kept(run) for run in (lora, full))
    if one is None or other is None:
        return []
    more = one.right - other.right
    chance = 2 * math.sqrt(changed_sides(one, other))
    counts = (
        say_plural("{count} pair more", "{count} pairs more", more)
        if more >= 0
        else say_plural("{count} pair fewer", "{count} pairs fewer", -more)
    )
    values = {"counts": counts, "pairs": one.pairs, "chance": chance}
    if abs(more) > chance:
        said = say(
            "lora's model is right on {counts} than full's, of {pairs}; chance brings up to "
            "{chance:.0f}, so this is a clear difference.",
            **values,
        )
    else:
        said = say(
            "lora's model is right on {counts} than full's, of {pairs}; chance brings up to "
            "{chance:.0f}, so this is no clear difference.",
            **values,
        )
    return [said]


def _kept(run: Run) -> Evaluation | None:
    """The evaluation of the weights that a run has kept."""
    kept = (run.first("done") or {}).get("kept_step")
    evaluations = [one for one in evaluations_of(run) if kept in (None, one.step)]
    return evaluations[-1] if evaluations else None
