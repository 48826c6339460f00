"""Which charts a run has. To draw another value of Trainer's log, add it to CHARTS:

    RunChart(say("Epoch"), say("passes over the pairs"), {"epoch": "epoch"}, small=True)

views/charts.py draws them.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from languages import _, say
from pipeline.explain.evaluations import evaluations_of
from pipeline.explain.gap import best_and_last, error_of, gap_of, gap_said
from pipeline.metrics import METRICS
from pipeline.runs.names import name_of
from pipeline.runs.progress import Run, kept_step, points, progress
from pipeline.task import MRPC
from pipeline.training import MAX_GRAD_NORM
from views.charts import Background, earlier_run, line_chart, mean_and_range, range_band


@dataclass(frozen=True)
class RunChart:
    """One chart over a run's steps.

    series: {name: its key in the run's log and evaluation events}
    baselines: {name: a metric of always predicting the majority class}; shares, so that the chart
        is written in percent
    earlier: the key of the line that earlier runs are compared by, "" for none
    noisy: keys that are drawn smoothed, too; logarithmic: whether that scale is offered
    limits: {name: a value}, drawn as baselines are
    errors: a metric whose validation line has bars of one standard error, "" for none
    notes: functions of a run that give a sentence below the chart, "" for none
    small: whether it stands among the small ones
    """

    title: str
    y_label: str
    series: Mapping[str, str]
    baselines: Mapping[str, str] = field(default_factory=dict)
    earlier: str = ""
    noisy: Sequence[str] = ()
    logarithmic: bool = False
    limits: Mapping[str, float] = field(default_factory=dict)
    errors: Sequence[str] = ()
    notes: Sequence[Callable[[Run], str]] = ()
    small: bool = False

    def draw(self, run: Run, earlier: Sequence[Run] = ()) -> Markup:
        """The run's lines, and those of earlier runs behind them."""
        behind = [
            earlier_run(other.id, str(name_of(other.id)), line)
            for other in earlier
            if (line := points(other, self.earlier))
        ]
        keys = {name: key for name, key in self.series.items() if key not in _untold(run)}
        return self._drawn(
            {str(name): points(run, key) for name, key in keys.items()},
            run,
            behind,
            noisy=[str(name) for name, key in self.series.items() if key in self.noisy],
            logarithmic=self.logarithmic,
            x_max=progress(run)[1],
            ended=run.ended,
            errors=self._errors(run),
            limits={str(name): value for name, value in self.limits.items()},
            marked=_marked(run) if self.baselines or self.earlier else None,
            notes=[note for made in self.notes if (note := str(made(run)))],
            small=self.small,
        )

    def _errors(self, run: Run) -> dict[str, dict[float, float]]:
        """{line: {step: standard error}} of the validation lines of `errors`."""
        return {
            str(name): {
                event["step"]: error
                for event in run.of("evaluation")
                if (error := error_of(key.removeprefix("eval_"), event, run)) is not None
            }
            for name, key in self.series.items()
            if key.removeprefix("eval_") in self.errors
        }

    def draw_range(self, runs: Sequence[Run], label: str) -> Markup:
        """The mean of several runs, and a band from the least to the most of them."""
        [(name, key)] = self.series.items()
        mean, edges = mean_and_range([points(run, key) for run in runs])
        return self._drawn({str(name): mean}, runs[0], [range_band(label, edges)] if edges else [])

    def _drawn(
        self, series: Mapping, run: Run, background: Sequence[Background], **options
    ) -> Markup:
        majority = (run.first("start") or {}).get("majority")
        return line_chart(
            str(self.title),
            series,
            _("step"),
            str(self.y_label),
            baselines={
                str(name): majority[key]
                for name, key in self.baselines.items()
                if majority and key in majority
            },
            background=background,
            rises=bool(self.baselines),
            **options,
        )


def _untold(run: Run) -> set[str]:
    """The keys of the metrics that a run's task hasn't: F1 is of two labels, macro-F1 of more."""
    told = (run.first("start") or {}).get("majority") or MRPC.metrics
    others = [name for name in METRICS if name not in told]
    return {f"{prefix}_{name}" for prefix in ("eval", "train") for name in others}


def _marked(run: Run) -> tuple[int, str] | None:
    """The step whose weights the run keeps, where that isn't the last one."""
    step = kept_step(run)
    if step is None:
        return None
    name = _("kept: step {step}", step=step) if run.ended else _("best: step {step}", step=step)
    return step, name


def _new_head(run: Run) -> str:
    """Of a checkpoint without a head, which of its weights are new, and where the loss begins."""
    missing = (run.first("start") or {}).get("missing")
    if not missing:
        return ""
    return _(
        "MISSING in the checkpoint: {names}. This head is drawn at random, so the loss begins near "
        "ln {labels} = {loss:.3f}, that of guessing.",
        names=", ".join(missing),
        labels=len(run.labels),
        loss=math.log(len(run.labels)),
    )


def _gap(run: Run) -> str:
    gap = gap_of(run)
    return gap_said(gap) if gap else ""


def _is_it_better(run: Run) -> str:
    return best_and_last(evaluations_of(run))


def _clipped(run: Run) -> str:
    """How many steps' gradients were scaled down."""
    norms = [value for _step, value in points(run, "grad_norm")]
    over = sum(value > MAX_GRAD_NORM for value in norms)
    if not norms:
        return ""
    return _(
        "{over} of {steps} steps had a longer gradient; it was scaled down to {limit:g}.",
        over=over,
        steps=len(norms),
        limit=MAX_GRAD_NORM,
    )


F1S = [METRICS["f1"], METRICS["macro_f1"]]  # a run has that of its task
TRAINING, VALIDATION = say("training"), say("validation")
CHARTS = (
    RunChart(
        say("Loss"),
        say("cross-entropy"),
        {TRAINING: "loss", VALIDATION: "eval_loss"},
        earlier="eval_loss",
        noisy=("loss",),
        logarithmic=True,
        notes=(_new_head,),
    ),
    RunChart(
        say("Accuracy"),
        say("± one standard error"),
        {TRAINING: "train_accuracy", VALIDATION: "eval_accuracy"},
        baselines={say("majority {metric}", metric=METRICS["accuracy"].label): "accuracy"},
        earlier="eval_accuracy",
        errors=("accuracy",),
        notes=(_gap, _is_it_better),
    ),
    RunChart(
        "F1",
        say("± one standard error"),
        {
            say("{metric}, {split}", metric=metric.label, split=split): f"{prefix}_{metric.name}"
            for metric in F1S
            for prefix, split in (("train", TRAINING), ("eval", VALIDATION))
        },
        baselines={say("majority {metric}", metric=metric.label): metric.name for metric in F1S},
        errors=("f1", "macro_f1"),
        small=True,
    ),
    RunChart(
        say("Gradient norm"),
        say("before clipping"),
        {"grad_norm": "grad_norm"},
        noisy=("grad_norm",),
        limits={"max_grad_norm": MAX_GRAD_NORM},
        notes=(_clipped,),
        small=True,
    ),
    RunChart(
        say("Learning rate"),
        say("of each step"),
        {"learning_rate": "learning_rate"},
        small=True,
    ),
)
# Of several runs that differ by their seed
SEED_CHARTS = (
    RunChart(say("Validation loss"), say("cross-entropy"), {say("mean"): "eval_loss"}),
    RunChart(
        say("Accuracy on validation"),
        say("percent"),
        {say("mean"): "eval_accuracy"},
        baselines={say("majority {metric}", metric=say("accuracy")): "accuracy"},
    ),
)
