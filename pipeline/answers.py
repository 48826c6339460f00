"""An evaluation's answers pair by pair, as a run leaves them in its folder.

What is told of a pair, its share, depends on how many labels there are. Of two it is P(label 1), a
number; of more it is the probabilities of all labels in their order, a list.

>>> share_of([0.25, 0.75]), share_of([0.25, 0.7, 0.05])
(0.75, [0.25, 0.7, 0.05])
>>> answer_of(0.75), answer_of([0.25, 0.7, 0.05]), probability_of(0.75, 0)
(1, 1, 0.25)
>>> are_shares([0.5, 1]), are_shares([[0.2, 0.3, 0.5]]), are_shares([float("nan")])
(True, True, False)
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
Share = float | Sequence[float]  # P(label 1) of two labels, all probabilities of more


# ---------------------------------------------------------------- what is told of one pair


def share_of(probabilities: Sequence[float]) -> Share:
    """The share of a pair whose labels have these probabilities, in the order of the labels."""
    return probabilities[1] if len(probabilities) == 2 else list(probabilities)


def answer_of(share: Share) -> int:
    """The number of the label that a share gives: the most probable one, the first of equals."""
    if isinstance(share, Sequence):
        return max(range(len(share)), key=share.__getitem__)
    return int(share > 0.5)


def probability_of(share: Share, label: int) -> float:
    """The probability that a share gives the label of that number."""
    if isinstance(share, Sequence):
        return share[label]
    return share if label == 1 else 1 - share


def labels_told(share: Share) -> int:
    """How many labels a share is about."""
    return len(share) if isinstance(share, Sequence) else 2


def rounded(share: Share) -> Share:
    """A share in three decimals that gives the same answer.

    >>> rounded(0.12345), rounded(0.50001), rounded(0.5)
    (0.123, 0.501, 0.5)
    >>> rounded([0.39999, 0.40001, 0.2])
    [0.4, 0.401, 0.2]
    """
    if isinstance(share, Sequence):
        short = [round(each, 3) for each in share]
        answer = answer_of(share)
        if answer_of(short) != answer:
            short[answer] = round(short[answer] + 0.001, 3)
        return short
    near = round(share, 3)
    return 0.501 if share > 0.5 >= near else near


def are_shares(values: Any, labels: int | None = None) -> bool:
    """Whether what was read from a file is a list of shares, all of as many labels (of `labels`,
    where it is given). NaN is no probability.
    """
    if not isinstance(values, list):
        return False
    if not any(isinstance(value, list) for value in values):
        return labels in (2, None) and _are_probabilities(values)
    lengths = {len(value) if isinstance(value, list) else 2 for value in values}
    wanted = lengths == {labels} if labels else len(lengths) == 1
    return wanted and min(lengths) > 2 and all(map(_are_probabilities, values))


def _are_probabilities(values: list) -> bool:
    return all(type(value) in (int, float) and 0 <= value <= 1 for value in values)


# ---------------------------------------------------------------- what an evaluation answered


class Answers:
    """Wraps a `compute_metrics` and keeps what the last evaluation answered: no second pass over
    the pairs is needed.
    """

    def __init__(self, compute_metrics: Callable) -> None:
        self.compute_metrics = compute_metrics
        self.last: tuple | None = None  # logits (pairs, labels), labels (pairs,)
        # Of the last evaluation, once they were asked for
        self._shares: list[Share] | None = None
        self._order: list[int] | None = None

    def __call__(self, eval_pred: Any) -> dict[str, float]:
        """As `compute_metrics`."""
        self.last, self._shares, self._order = tuple(eval_pred)[:2], None, None
        return self.compute_metrics(eval_pred)

    def remember(self, shares: list[Share]) -> None:
        """What an earlier run was answered by the same weights: `shares` gives it back."""
        self.last, self._shares, self._order = None, shares, None

    def shares(self, trainer: "Trainer") -> list[Share] | None:
        """The share of each row of the evaluation's dataset, or None where the rows' order
        can't be told, or where a logit is NaN or infinite: the model has no answer then.
        """
        if self._shares is None:
            self._shares = self._by_row(trainer)
        return self._shares

    def order(self, trainer: "Trainer") -> list[int] | None:
        """The row of each pair in the order in which the last evaluation judged them, or None where
        that can't be told.

        Trainer may have sorted the pairs by length: its data loader, built anew, draws the same
        order again.
        """
        if self._order is None and self.last is not None and trainer.args.world_size == 1:
            _logits, labels = self.last
            order = [row for batch in trainer.get_eval_dataloader().batch_sampler for row in batch]
            gold = trainer.eval_dataset["label"]
            if [gold[row] for row in order] == labels.tolist():
                self._order = order
        return self._order

    def _by_row(self, trainer: "Trainer") -> list[Share] | None:
        order = self.order(trainer)
        if order is None or self.last is None:
            return None
        import torch

        logits, _labels = self.last
        probabilities = torch.tensor(logits, dtype=torch.float64).softmax(-1)  # (pairs, labels)
        if not probabilities.isfinite().all():
            return None
        shares: list[Share] = [0.0] * len(order)
        for row, each in zip(order, probabilities.tolist(), strict=True):
            shares[row] = share_of(each)
        return shares


def digest(rows: "Dataset") -> str:
    """Which pairs these are, without keeping them: a corpus may not be copied into every run's
    folder. A task of one sentence has no second ones.
    """
    second = list(rows["sentence2"]) if "sentence2" in rows.column_names else []
    return hashlib.blake2b(
        repr((list(rows["sentence1"]), second)).encode(), digest_size=16
    ).hexdigest()


def write_answers(
    folder: Path, dataset: "Dataset", before: list[Share] | None, after: list[Share] | None
) -> None:
    """Leave predictions.json in a run's folder; nothing where either evaluation could not be told
    pair by pair. Raises OSError.
    """
    if before is None or after is None:
        return
    values = {
        "pairs": digest(dataset),
        "labels": list(dataset["label"]),
        "before": before,
        "after": after,
    }
    (folder / "predictions.part").write_text(json.dumps(values))
    (folder / "predictions.part").replace(folder / ANSWERS_FILE)
