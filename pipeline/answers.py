"""An evaluation's answers pair by pair, as a run leaves them in its folder.

>>> are_probabilities([0.5, 1]), are_probabilities([float("nan")])
(True, False)
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # importing these takes seconds
    from datasets import Dataset
    from transformers import Trainer

ANSWERS_FILE = "predictions.json"


class Answers:
    """Wraps a `compute_metrics` and keeps what the last evaluation answered: no second pass over
    the pairs is needed.
    """

    def __init__(self, compute_metrics: Callable) -> None:
        self.compute_metrics = compute_metrics
        self.last: tuple | None = None  # logits (pairs, 2), labels (pairs,)
        self._shares: list[float] | None = None  # of the last evaluation, once they were asked for

    def __call__(self, eval_pred: Any) -> dict[str, float]:
        """As `compute_metrics`."""
        self.last, self._shares = tuple(eval_pred)[:2], None
        return self.compute_metrics(eval_pred)

    def remember(self, shares: list[float]) -> None:
        """What an earlier run was answered by the same weights: `shares` gives it back."""
        self.last, self._shares = None, shares

    def shares(self, trainer: "Trainer") -> list[float] | None:
        """P(equivalent) for each row of the evaluation's dataset, or None where the rows' order
        can't be told, or where a logit is NaN or infinite: the model has no answer then.

        Trainer may have sorted the pairs by length: its data loader, built anew, draws the same
        order again.
        """
        if self._shares is None:
            self._shares = self._by_row(trainer)
        return self._shares

    def _by_row(self, trainer: "Trainer") -> list[float] | None:
        if self.last is None or trainer.args.world_size > 1:
            return None
        import torch

        logits, labels = self.last
        order = [row for batch in trainer.get_eval_dataloader().batch_sampler for row in batch]
        gold = trainer.eval_dataset["label"]
        if len(order) != len(labels) or any(
            gold[row] != label for row, label in zip(order, labels.tolist(), strict=True)
        ):
            return None
        equivalent = torch.tensor(logits, dtype=torch.float64).softmax(-1)[:, 1]
        if not equivalent.isfinite().all():
            return None
        shares = [0.0] * len(order)
        for row, share in zip(order, equivalent.tolist(), strict=True):
            shares[row] = share
        return shares


def digest(sentences1: Sequence[str], sentences2: Sequence[str]) -> str:
    """Which pairs these are, without keeping them: a corpus may not be copied into every run's
    folder.
    """
    pairs = repr((list(sentences1), list(sentences2)))
    return hashlib.blake2b(pairs.encode(), digest_size=16).hexdigest()


def write_answers(
    folder: Path, dataset: "Dataset", before: list[float] | None, after: list[float] | None
) -> None:
    """Leave predictions.json in a run's folder; nothing where either evaluation could not be told
    pair by pair. Raises OSError.
    """
    if before is None or after is None:
        return
    values = {
        "pairs": digest(dataset["sentence1"], dataset["sentence2"]),
        "labels": list(dataset["label"]),
        "before": before,
        "after": after,
    }
    (folder / "predictions.part").write_text(json.dumps(values))
    (folder / "predictions.part").replace(folder / ANSWERS_FILE)


def rounded(share: float) -> float:
    """A probability in three decimals, on the side of 0.5 on which it was: that is the answer.

    >>> rounded(0.12345), rounded(0.50001), rounded(0.5)
    (0.123, 0.501, 0.5)
    """
    short = round(share, 3)
    return 0.501 if share > 0.5 >= short else short


def are_probabilities(values: Any) -> bool:
    """Whether what was read from a file is a list of probabilities; NaN is none."""
    return isinstance(values, list) and all(
        type(value) in (int, float) and 0 <= value <= 1 for value in values
    )
