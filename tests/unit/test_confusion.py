"""What follows from a confusion matrix, against scikit-learn."""

import re

import pytest
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from pipeline.explain.confusion import Confusion
from pipeline.metrics import METRICS
from views.confusion import matrices
from views.numbers import percentage_points
from views.runs import gain

LABELS = ("not_equivalent", "equivalent")
THREE = ("entailment", "neutral", "contradiction")


def binary(hits, alarms, misses, rest):
    """Of the pairs of label 1 so many hits and misses; of those of label 0 so many false alarms."""
    return Confusion(((rest, alarms), (misses, hits)))


@pytest.mark.parametrize(
    "counts", [(190, 19, 89, 110), (0, 0, 3, 5), (4, 4, 0, 0), (0, 7, 2, 1), (1, 0, 0, 0)]
)
def test_the_formulas_are_what_a_library_computes(counts):
    confusion = binary(*counts)
    gold = [1] * (counts[0] + counts[2]) + [0] * (counts[1] + counts[3])
    said = [1] * counts[0] + [0] * counts[2] + [1] * counts[1] + [0] * counts[3]
    expected = [
        precision_score(gold, said, zero_division=0),
        recall_score(gold, said, zero_division=0),
        f1_score(gold, said, zero_division=0),
        accuracy_score(gold, said),
    ]
    formulas = confusion.formulas()
    assert [formula.value or 0.0 for formula in formulas] == pytest.approx(expected)
    for formula in formulas:  # what is written is what is computed
        over, under = (eval(part.replace("·", "*")) for part in (formula.over, formula.under))
        assert (over, under) == (formula.over_value, formula.under_value)
    counts = {(0, 0): counts[3], (0, 1): counts[1], (1, 0): counts[2], (1, 1): counts[0]}
    assert Confusion.of(counts) == confusion


def test_a_formula_says_its_numbers():
    written = [formula.written for formula in binary(190, 19, 89, 110).formulas()]
    assert written == [
        "precision = 190 / (190 + 19) = 90.9%",
        "recall = 190 / (190 + 89) = 68.1%",
        "F1 = 2 · 190 / (2 · 190 + 19 + 89) = 77.9%",
        "accuracy = (190 + 110) / 408 = 73.5%",
    ]
    assert binary(0, 0, 3, 5).formulas()[0].written == "precision = 0 / (0 + 0) = –"


def test_always_the_majority_is_of_the_same_pairs():
    always = binary(190, 19, 89, 110).always_majority()
    assert always == binary(279, 129, 0, 0)
    assert [f"{formula.value:.1%}" for formula in always.formulas()] == [
        "68.4%",
        "100.0%",
        "81.2%",
        "68.4%",
    ]
    assert binary(1, 4, 2, 3).always_majority() == binary(0, 0, 3, 7)
    assert binary(2, 1, 0, 1).majority_label == 1, "as pipeline.metrics.majority has it"


def test_each_matrix_stands_over_its_formulas_and_the_majority_beside_them():
    drawn = matrices(
        [("Before", "one", binary(3, 2, 1, 4)), ("After", "two", binary(4, 1, 0, 5))], LABELS
    )
    items = re.findall(r"<li>(.*?)</li>", drawn)
    assert len(items) == 12 and items[0] == "precision = 3 / (3 + 2) = 60.0%"
    assert items[4] == "precision = 4 / (4 + 1) = 80.0%"
    assert "Always “not_equivalent”" in drawn and "there is no such pair" in items[8]
    cells = re.findall(r'<td class="(right|wrong)"[^>]*>(\d+)', drawn)
    assert cells[:4] == [("right", "4"), ("wrong", "2"), ("wrong", "1"), ("right", "3")]


def test_a_difference_is_that_of_the_shown_numbers():
    # 72.059% and 78.922% are shown as 72.1% and 78.9%; they are 6.863 points apart
    assert percentage_points(0.78922, 0.72059) == "+6.8 percentage points"
    assert percentage_points(0.5, 0.5) == "+0.0 percentage points"
    assert percentage_points(0.70, float("nan")) == "–"
    assert gain(METRICS["accuracy"], 0.72059, 0.78922) == "+6.8 percentage points"
    assert gain(METRICS["matthews_correlation"], 0.3434, 0.4906) == "+0.148"


# ---------------------------------------------------------------- of three labels and more


@pytest.mark.parametrize(
    "rows",
    [
        ((5, 1, 0), (2, 6, 3), (0, 1, 4)),
        ((0, 0, 0), (2, 6, 3), (0, 1, 4)),
        ((0, 0, 0), (0, 6, 3), (0, 1, 4)),
        ((3, 0, 0, 1), (0, 2, 0, 2), (1, 0, 0, 0), (4, 0, 0, 9)),
    ],
)
def test_the_macro_means_are_what_a_library_computes(rows):
    numbers = range(len(rows))
    gold = [g for g in numbers for a in numbers for _pair in range(rows[g][a])]
    said = [a for g in numbers for a in numbers for _pair in range(rows[g][a])]
    confusion = Confusion(rows)
    asked = {"labels": list(numbers), "zero_division": 0}
    measures = precision_score, recall_score, f1_score
    for place, measure in enumerate(measures):
        each = [confusion.of_label(label)[place].value or 0.0 for label in numbers]
        assert each == pytest.approx(list(measure(gold, said, average=None, **asked)))
        mean = measure(gold, said, average="macro", zero_division=0)  # of the labels there are
        assert confusion.macro()[place].value == pytest.approx(mean)
    macro, accuracy = confusion.formulas()
    assert macro.name == "macro-F1" and accuracy.value == accuracy_score(gold, said)
    assert eval(accuracy.over) == accuracy.over_value


def test_a_larger_matrix_has_each_labels_figures_beneath():
    confusion = Confusion(((5, 1, 0), (2, 6, 3), (0, 1, 4)))
    drawn = matrices([("Before", "one", confusion)], THREE)
    cells = re.findall(r'<td class="(right|wrong)"[^>]*>(\d+)', drawn)
    assert [int(count) for _kind, count in cells] == [5, 1, 0, 2, 6, 3, 0, 1, 4]
    assert [place for place, (kind, _count) in enumerate(cells) if kind == "right"] == [0, 4, 8]
    assert "5 / (5 + 2)" in drawn and "mean (macro)" in drawn and "macro-F1 = (" in drawn
    assert "Always “neutral”" in drawn and "11 / 22" not in drawn
    assert "accuracy = (0 + 11 + 0) / 22 = 50.0%" in drawn
    assert "by-label" not in matrices([("Before", "one", binary(3, 2, 1, 4))], LABELS)
