"""Logits and labels -> accuracy and F1, through `evaluate`.

The GLUE metric of the Hub is used where it can be had; the same metric as a local evaluate module
where not.

    >>> compute_metrics = build_compute_metrics(load_metric()[0])
    >>> compute_metrics(([[0.1, 0.9], [0.8, 0.2]], [1, 0]))
    {'accuracy': 1.0, 'f1': 1.0}
"""

import time
from pathlib import Path

from languages import say
from pipeline.errors import HubUnavailable
from pipeline.hub.availability import ask_hub, expect_hub, finish_download, unless_missing, weighed
from pipeline.hub.sources import Origin
from pipeline.settings import Settings

# Not named "glue": evaluate and load_dataset would take a folder of that name in the working
# directory for theirs.
EMBEDDED_METRIC = Path(__file__).parent / "embedded" / "mrpc_metric"
HUB_METRIC = "evaluate-metric/glue"  # a Space, as all of evaluate's metrics are
FILES = ("glue.py",)  # what evaluate downloads of it


def load_metric(settings=None):
    """(evaluate.EvaluationModule with accuracy and f1, Origin)."""
    settings = settings or Settings()
    import evaluate

    try:
        return _hub_metric(settings), _hub_origin()
    except HubUnavailable as error:
        return evaluate.load(str(EMBEDDED_METRIC), keep_in_memory=True), _embedded_origin(error)


def _hub_origin():
    return Origin("glue/mrpc", "glue/mrpc", "hub", 'evaluate.load("glue", "mrpc")')


def _embedded_origin(error):
    reason = say("the same metric as a local evaluate module, because {error}", error=error)
    return Origin("glue/mrpc", "mrpc_metric", "embedded", reason, stands_in=True)


def metric_ahead(settings=None):
    """(Origin, bytes to download) of what load_metric is about to return; nothing is downloaded for
    it.

    The Hub is asked once, and no longer than for anything else.
    """
    try:
        expect_hub()
        if _is_cached():
            return _hub_origin(), 0
        with _unless_missing():
            return _hub_origin(), weighed("space", HUB_METRIC, FILES, settings or Settings())
    except HubUnavailable as error:
        return _embedded_origin(error), 0


def _is_cached():
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


def _hub_metric(settings):
    import evaluate
    from huggingface_hub import HfApi

    began = time.monotonic()
    # Asked by hand first: evaluate itself retries a Hub that is not there for longer than anybody
    # waits.
    with _unless_missing():
        ask_hub(settings, HfApi().space_info, HUB_METRIC, timeout=settings.hub_decision_seconds)
    return finish_download(settings, began, evaluate.load, "glue", "mrpc", keep_in_memory=True)


def build_compute_metrics(metric):
    """The function that Trainer calls: (logits (n, 2), labels (n,)) -> {"accuracy", "f1"}.

    Both are NaN where a logit is NaN or infinite: argmax would pick label 0 there, and call it an
    answer.
    """
    import numpy as np

    def compute_metrics(eval_pred):
        logits, labels = eval_pred
        if not np.isfinite(logits).all():
            return {"accuracy": float("nan"), "f1": float("nan")}
        predictions = np.argmax(logits, axis=-1)  # (n,)
        return {
            name: float(value)
            for name, value in metric.compute(predictions=predictions, references=labels).items()
        }

    return compute_metrics
