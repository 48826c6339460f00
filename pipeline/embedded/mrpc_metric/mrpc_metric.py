"""GLUE's metric for MRPC, accuracy and F1 of label 1, as a local `evaluate` module."""

import datasets

# on a line of its own: evaluate's dependency parser stumbles over "import datasets, evaluate"
import evaluate
from sklearn.metrics import accuracy_score, f1_score


class MrpcMetric(evaluate.Metric):
    """The same two figures as evaluate.load("glue", "mrpc")."""

    def _info(self):
        features = datasets.Features(
            {"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}
        )
        return evaluate.MetricInfo(
            description="Accuracy and F1 as GLUE computes them for MRPC.",
            citation="Wang et al., GLUE, https://arxiv.org/abs/1804.07461",
            inputs_description="predictions and references: lists of 0 and 1",
            features=features,
        )

    def _compute(self, predictions, references):
        return {
            "accuracy": float(accuracy_score(references, predictions)),
            # 0 where nothing was predicted positive, as GLUE has it, without a warning for each
            # evaluation
            "f1": float(f1_score(references, predictions, zero_division=0)),
        }
