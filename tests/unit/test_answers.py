"""What an evaluation tells pair by pair, of two labels and of more."""

import json
import random

import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset, Features, Value

from pipeline.answers import (
    Answers,
    answer_of,
    are_shares,
    digest,
    probability_of,
    rounded,
    share_of,
    write_answers,
)
from pipeline.explain.what_changed import Judgement, read_judgement

THREE = ("entailment", "neutral", "contradiction")


class OneByOne:
    """As much of a Trainer as Answers asks for: its rows, drawn in the order given."""

    def __init__(self, labels, order):
        self.eval_dataset = {"label": labels}
        self.args = type("Args", (), {"world_size": 1})()
        self.order = order

    def get_eval_dataloader(self):
        return type("Loader", (), {"batch_sampler": [self.order[:2], self.order[2:]]})()


@pytest.mark.parametrize("count", [2, 3, 6])
def test_each_row_gets_its_own_share_back_in_any_order(count):
    rng = np.random.default_rng(count)
    logits = rng.normal(size=(5, count))
    labels = [row % count for row in range(5)]
    order = [3, 1, 4, 0, 2]
    answers = Answers(lambda eval_pred: {})
    answers((logits[order], np.array(labels)[order]))
    shares = answers.shares(OneByOne(labels, order))
    expected = torch.tensor(logits).softmax(-1).tolist()
    assert are_shares(shares, count) and not are_shares(shares, count + 1)
    for row, share in enumerate(shares):
        assert answer_of(share) == logits[row].argmax()
        assert [probability_of(share, label) for label in range(count)] == pytest.approx(
            expected[row]
        )
    logits[2, 0] = np.nan
    answers((logits[order], np.array(labels)[order]))
    assert answers.shares(OneByOne(labels, order)) is None


def test_rounding_changes_no_answer():
    draw = random.Random(1)
    for _try in range(2000):
        count = draw.randint(2, 7)
        near = [1 + draw.random() * 1e-4 for _label in range(count)]
        probabilities = [one / sum(near) for one in near]
        share = share_of(probabilities)
        assert answer_of(rounded(share)) == answer_of(share) == np.argmax(probabilities)
        assert are_shares([rounded(share)], count)


@pytest.mark.parametrize(
    "foreign",
    [
        "<b>",
        [[0.5, 0.5]],  # two labels are told by one number
        [[0.2, 0.3, 0.5], 0.5],
        [[0.2, 0.3, 0.5], [0.2, 0.2, 0.2, 0.4]],
        [[0.2, 0.3, "x"]],
        [[0.2, 0.3, 1.5]],
        [[0.2, 0.3, float("nan")]],
        [[0.2, 0.3, [0.5]]],
    ],
)
def test_foreign_shares_are_none(foreign):
    assert not are_shares(foreign)


# ---------------------------------------------------------------- before and after

BEFORE = ([0.6, 0.3, 0.1], [0.1, 0.2, 0.7], [0.3, 0.4, 0.3], [0.5, 0.3, 0.2])
AFTER = ([0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.4, 0.3, 0.3], [0.1, 0.1, 0.8])
GOLD = (1, 2, 1, 2)


def test_a_run_of_three_labels_is_judged_by_its_answers(tmp_path):
    features = Features(
        sentence1=Value("string"), sentence2=Value("string"), label=ClassLabel(names=THREE)
    )
    rows = Dataset.from_dict(
        {"sentence1": list("abcd"), "sentence2": list("efgh"), "label": list(GOLD)}, features
    )
    write_answers(tmp_path, rows, list(BEFORE), list(AFTER))
    judgement, pairs = read_judgement(tmp_path, 3)
    assert pairs == digest(rows) and read_judgement(tmp_path, 2) is None
    assert judgement == Judgement(GOLD, BEFORE, AFTER)
    assert judgement.answers("after") == [1, 1, 0, 2] and judgement.accuracy("before") == 0.5
    # row 3 gains 0.6 of its gold label's probability, row 0 0.4
    assert judgement.fixed == [3, 0] and judgement.broken == [1, 2]
    counts = judgement.confusion("after")
    assert sum(counts.values()) == 4 and counts[2, 1] == counts[1, 0] == 1 and len(counts) == 9
    told = json.loads((tmp_path / "predictions.json").read_text())
    (tmp_path / "predictions.json").write_text(json.dumps({**told, "labels": [1, 2, 1, 3]}))
    assert read_judgement(tmp_path, 3) is None


def test_the_sentences_of_a_task_of_one_are_told_apart_too():
    one = Dataset.from_dict({"sentence1": ["a", "b"], "label": [0, 1]})
    other = Dataset.from_dict({"sentence1": ["a", "c"], "label": [0, 1]})
    assert digest(one) == digest(one) != digest(other)
