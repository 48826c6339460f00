"""Logits and labels -> accuracy, F1 and Matthews correlation.

Accuracy and F1 come from `evaluate`: the GLUE metric of the Hub is used where it can be had; the
same metric as a local evaluate module where not. What `evaluate` doesn't give of a task's metrics
is computed from the answers.

    >>> compute_metrics = build_compute_metrics(load_metric(Settings())[0])
    >>> compute_metrics(([[0.1, 0.9], [0.8, 0.2]], [1, 0]))
    {'accuracy': 1.0, 'f1': 1.0, 'matthews_correlation': 1.0}
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from languages import say
from pipeline.errors import HubUnavailable
from pipeline.hub.availability import (
    ask_hub,
    download_size,
    expect_hub,
    finish_download,
    unless_missing,
)
from pipeline.hub.sources import Origin
from pipeline.settings import Settings
from pipeline.task import BINARY, MRPC, Task

if TYPE_CHECKING:
    from evaluate import EvaluationModule

Answers = Sequence[int]  # labels or predictions, as their numbers


# ---------------------------------------------------------------- what can be measured


@dataclass(frozen=True)
class Metric:
    """One figure of an evaluation.

    name: in a run's events, and after "eval_" in Trainer's log. label: on the screen.
    of: (gold labels, predictions) -> the figure. share: whether it is a share, drawn in percent and
    on the chart.
    """

    name: str
    label: str
    of: Callable[[Answers, Answers], float]
    share: bool = True

    def written(self, value: float | None) -> str:
        """
        >>> METRICS["f1"].written(0.8125), METRICS["f1"].written(float("nan"))
        ('81.2%', '–')
        """
        if value is None or not math.isfinite(value):
            return "–"
        return f"{value:.1%}" if self.share else f"{value:.3f}"


def accuracy(labels: Answers, predictions: Answers) -> float:
    """The share of right answers."""
    right = sum(gold == answer for gold, answer in zip(labels, predictions, strict=True))
    return right / len(labels)


def f1(labels: Answers, predictions: Answers) -> float:
    """F1 of label 1, as GLUE counts it; 0 where nothing was rightly predicted 1."""
    both = Counter(zip(labels, predictions, strict=True))
    hits, misses, false_alarms = both[1, 1], both[1, 0], both[0, 1]
    return 2 * hits / (2 * hits + misses + false_alarms) if hits else 0.0


def macro_f1(labels: Answers, predictions: Answers) -> float:
    """The mean of each label's own F1, over the labels that are gold or predicted somewhere."""
    both = Counter(zip(labels, predictions, strict=True))
    gold, said = Counter(labels), Counter(predictions)
    each = [2 * both[one, one] / (gold[one] + said[one]) for one in sorted({*gold, *said})]
    return sum(each) / len(each)


def matthews_correlation(labels: Answers, predictions: Answers) -> float:
    """How far predictions and gold labels go together, from -1 to 1; 0 for one answer to all."""
    pairs, gold, said = len(labels), Counter(labels), Counter(predictions)
    right = sum(one == other for one, other in zip(labels, predictions, strict=True))
    together = right * pairs - sum(gold[label] * said[label] for label in gold)
    spreads = (pairs**2 - sum(count**2 for count in counts.values()) for counts in (gold, said))
    spread = math.prod(spreads)
    return together / math.sqrt(spread) if spread else 0.0


METRICS = {
    metric.name: metric
    for metric in (
        Metric("accuracy", say("accuracy"), accuracy),
        Metric("f1", "F1", f1),
        Metric("macro_f1", "macro-F1", macro_f1),
        Metric(
            "matthews_correlation", say("Matthews correlation"), matthews_correlation, share=False
        ),
    )
}


def f1_in(figures: Mapping[str, float]) -> float | None:
    """F1 of two labels, macro-F1 of more; None where neither is among the figures."""
    return figures.get("f1", figures.get("macro_f1"))


def metrics_in(figures: Iterable[str]) -> list[Metric]:
    """The metrics among names of figures, in the order in which they are shown."""
    names = set(figures)
    return [metric for name, metric in METRICS.items() if name in names]


def scores(
    labels: Answers, predictions: Answers, metrics: Iterable[str] = BINARY
) -> dict[str, float]:
    """{metric: figure} of each of `metrics`, which are names of METRICS.

    >>> scores([1, 1, 0, 0], [1, 0, 0, 0])
    {'accuracy': 0.75, 'f1': 0.6666666666666666, 'matthews_correlation': 0.5773502691896258}
    """
    return {name: METRICS[name].of(labels, predictions) for name in metrics}


def majority(labels: Answers, metrics: Iterable[str] = BINARY) -> dict[str, Any]:
    """Figures of always predicting the majority class: what any model must beat.

    F1 counts label 1 as positive, as GLUE does: on MRPC validation 0.684 and 0.812. Of labels that
    are equally frequent the last one counts as the majority's.

    >>> majority([1, 1, 0])
    {'label': 1, 'accuracy': 0.6666666666666666, 'f1': 0.8, 'matthews_correlation': 0.0}
    """
    counts = Counter(labels)
    label = max(counts, key=lambda one: (counts[one], one))
    return {"label": label, **scores(labels, [label] * len(labels), metrics)}


# ---------------------------------------------------------------- evaluate's

# Not named "glue": evaluate and load_dataset would take a folder of that name in the working
# directory for theirs.
EMBEDDED_METRIC = Path(__file__).parent / "embedded" / "mrpc_metric"
HUB_METRIC = "evaluate-metric/glue"  # a Space, as all of evaluate's metrics are
FILES = ("glue.py",)  # what evaluate downloads of it


def load_metric(settings: Settings, task: Task = MRPC) -> "tuple[EvaluationModule | None, Origin]":
    """(evaluate.EvaluationModule with accuracy and f1, Origin). None for a task of more than two
    labels: the module's f1 is that of label 1.
    """
    if not _has_module(task):
        return None, _computed_origin(task)
    import evaluate

    try:
        return _hub_metric(settings), _hub_origin()
    except HubUnavailable as error:
        return evaluate.load(str(EMBEDDED_METRIC), keep_in_memory=True), _embedded_origin(error)


def _has_module(task: Task) -> bool:
    return len(task.labels) <= 2


def _computed_origin(task: Task) -> Origin:
    names = ", ".join(str(METRICS[name].label) for name in task.metrics)
    return Origin(names, names, "embedded", say("computed from the answers"))


def _hub_origin() -> Origin:
    return Origin("glue/mrpc", "glue/mrpc", "hub", 'evaluate.load("glue", "mrpc")')


def _embedded_origin(error: HubUnavailable) -> Origin:
    reason = say("the same metric from a local evaluate module, because {error}", error=error)
    return Origin("glue/mrpc", "mrpc_metric", "embedded", reason, stands_in=True)


def planned_metric(settings: Settings, task: Task = MRPC) -> tuple[Origin, int]:
    """(Origin, bytes to download) of what load_metric is about to return; nothing is downloaded for
    it.

    The Hub is asked once, and no longer than for anything else.
    """
    if not _has_module(task):
        return _computed_origin(task), 0
    try:
        expect_hub()
        if _is_cached():
            return _hub_origin(), 0
        with _unless_missing():
            return _hub_origin(), download_size("space", HUB_METRIC, FILES, settings)
    except HubUnavailable as error:
        return _embedded_origin(error), 0


def _is_cached() -> bool:
    """Whether evaluate has the Hub's metric among its modules."""
    from datasets import config  # evaluate's own has the same folder, and takes a second to import

    folder = (
        Path(config.HF_MODULES_CACHE)
        / "evaluate_modules"
        / "metrics"
        / HUB_METRIC.replace("/", "--")
    )
    return any(folder.glob("*/glue.py"))


def _unless_missing():
    return unless_missing(say("the Hub has no {metric}", metric=HUB_METRIC))


def _hub_metric(settings: Settings) -> "EvaluationModule":
    import evaluate
    from huggingface_hub import HfApi

    began = time.monotonic()
    # Asked by hand first: evaluate itself retries a Hub that is not there for longer than anybody
    # waits.
    with _unless_missing():
        ask_hub(settings, HfApi().space_info, HUB_METRIC, timeout=settings.hub_decision_seconds)
    return finish_download(settings, began, evaluate.load, "glue", "mrpc", keep_in_memory=True)


def build_compute_metrics(
    metric: "EvaluationModule | None", task: Task = MRPC
) -> Callable[[Any], dict[str, float]]:
    """The function that Trainer calls: (logits (n, classes), labels (n,)) -> {metric: figure}.

    All are NaN where a logit is NaN or infinite: argmax would pick label 0 there, and call it an
    answer.
    """
    import numpy as np

    def compute_metrics(eval_pred):
        logits, labels = eval_pred
        if not np.isfinite(logits).all():
            return dict.fromkeys(task.metrics, float("nan"))
        predictions = np.argmax(logits, axis=-1)  # (n,)
        figures = scores(np.asarray(labels).tolist(), predictions.tolist(), task.metrics)
        if metric is None:
            return figures
        for name, value in metric.compute(predictions=predictions, references=labels).items():
            if name in figures:
                figures[name] = float(value)
        return figures

    return compute_metrics
