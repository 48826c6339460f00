"""Which charts a run has. To draw another value of Trainer's log, add it to CHARTS:

    RunChart(say("Gradient norm"), say("L2 norm"), {"grad_norm": "grad_norm"})

views/charts.py draws them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from languages import _, say
from pipeline.metrics import METRICS
from pipeline.runs.names import name_of
from pipeline.runs.progress import Run, points, progress
from pipeline.task import MRPC
from views.charts import Background, earlier_run, line_chart, mean_and_range, range_band


@dataclass(frozen=True)
class RunChart:
    """One chart over a run's steps.

    series: {name: its key in the run's log and evaluation events}
    baselines: {name: a metric of always predicting the majority class}; shares, so that the chart
        is written in percent
    earlier: the key of the line that earlier runs are compared by, "" for none
    noisy: keys that are drawn smoothed, too; logarithmic: whether that scale is offered
    """

    title: str
    y_label: str
    series: Mapping[str, str]
    baselines: Mapping[str, str] = field(default_factory=dict)
    earlier: str = ""
    noisy: Sequence[str] = ()
    logarithmic: bool = False

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
        )

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
    return {f"eval_{name}" for name in METRICS if name not in told}


SHARES = [metric for metric in METRICS.values() if metric.share]  # on one axis, in percent
CHARTS = (
    RunChart(
        say("Loss"),
        say("cross-entropy"),
        {say("training"): "loss", say("validation"): "eval_loss"},
        earlier="eval_loss",
        noisy=("loss",),
        logarithmic=True,
    ),
    RunChart(
        say("Accuracy and F1"),
        say("on validation"),
        {metric.label: f"eval_{metric.name}" for metric in SHARES},
        baselines={say("majority {metric}", metric=metric.label): metric.name for metric in SHARES},
        earlier="eval_accuracy",
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
