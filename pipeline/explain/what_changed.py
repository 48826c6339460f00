"""The evaluation's answers pair by pair, before a run and after it -> what the run fixed and what
it broke.

>>> judgement = Judgement(labels=(1, 0, 1), before=(0.4, 0.2, 0.9), after=(0.6, 0.7, 0.8))
>>> judgement.fixed, judgement.broken, judgement.accuracy("after")
([0], [1], 0.6666666666666666)
>>> judgement.confusion("after")
{(0, 0): 0, (0, 1): 1, (1, 0): 0, (1, 1): 2}
"""

import hashlib
import json
from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True)
class Judgement:
    """One entry a validation pair, in the order of the split. `before` and `after`: P(equivalent),
    0 to 1.
    """

    labels: tuple[int, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]

    def answers(self, when):
        """The label that the model gave each pair, `when` "before" or "after" the run."""
        return [int(share > 0.5) for share in getattr(self, when)]

    def right(self, when):
        """Whether each answer was the gold label."""
        return [
            answer == label for answer, label in zip(self.answers(when), self.labels, strict=True)
        ]

    def accuracy(self, when):
        """Share of right answers."""
        return sum(self.right(when)) / len(self.labels)

    def confusion(self, when):
        """{(gold label, answer): number of pairs}, all four."""
        counts = dict.fromkeys(product((0, 1), repeat=2), 0)
        for gold, answer in zip(self.labels, self.answers(when), strict=True):
            counts[gold, answer] += 1
        return counts

    @property
    def fixed(self):
        """Rows that were wrong before and are right now, the largest change of the probability
        first.
        """
        return self._changed(to=True)

    @property
    def broken(self):
        """Rows that were right before and are wrong now, the largest change of the probability
        first.
        """
        return self._changed(to=False)

    def _changed(self, to):
        were, are = self.right("before"), self.right("after")
        rows = [row for row in range(len(self.labels)) if were[row] != are[row] and are[row] == to]
        return sorted(rows, key=lambda row: -abs(self.after[row] - self.before[row]))


def digest(sentences1, sentences2):
    """Which pairs these are, without keeping them: a corpus may not be copied into every run's
    folder.
    """
    return hashlib.blake2b(
        repr((list(sentences1), list(sentences2))).encode(), digest_size=16
    ).hexdigest()


# ---------------------------------------------------------------- inside the worker


class Answers:
    """Wraps a `compute_metrics` and keeps what the last evaluation answered: no second pass over
    the pairs is needed.
    """

    def __init__(self, compute_metrics):
        self.compute_metrics, self.last = compute_metrics, None

    def __call__(self, eval_pred):
        self.last = tuple(eval_pred)[:2]
        return self.compute_metrics(eval_pred)

    def shares(self, trainer):
        """P(equivalent) for each row of the evaluation's dataset, or None where the rows' order
        can't be told, or
        where a logit is NaN or infinite: the model has no answer then.

        Trainer may have sorted the pairs by length: its data loader, built anew, draws the same
        order again.
        """
        if self.last is None or trainer.args.world_size > 1:
            return None
        import torch

        logits, labels = self.last  # (pairs, 2), (pairs,)
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


def write(folder, dataset, before, after):
    """Leave predictions.json in a run's folder; nothing where either pass could not be told pair by
    pair.
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
    (folder / "predictions.part").replace(folder / "predictions.json")


def is_shares(values):
    """Whether a list that was read from a file holds probabilities; NaN is none."""
    return isinstance(values, list) and all(
        type(value) in (int, float) and 0 <= value <= 1 for value in values
    )


def judgement_of(values):
    """(Judgement, digest of its pairs) out of parsed predictions.json; None for anything that isn't
    one.
    """
    if not isinstance(values, dict) or not isinstance(values.get("pairs"), str):
        return None
    labels, shares = values.get("labels"), [values.get("before"), values.get("after")]
    if (
        not isinstance(labels, list)
        or not labels
        or any(type(label) is not int or label not in (0, 1) for label in labels)
    ):
        return None
    if not all(is_shares(each) and len(each) == len(labels) for each in shares):
        return None
    return Judgement(
        tuple(labels), tuple(map(float, shares[0])), tuple(map(float, shares[1]))
    ), values["pairs"]
