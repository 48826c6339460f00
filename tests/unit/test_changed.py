"""Changed copies of pairs: their labels, what they are made of, what of them is noticed."""

import json
from collections import Counter

import pytest
from datasets import Dataset

from pipeline.dataset import load_raw_datasets
from pipeline.edits.changed import (
    CHANGES,
    SAME,
    Copy,
    are_copies,
    are_noticed,
    check_can_change,
    copy_told,
    held_out,
    joining,
    noticed,
)
from pipeline.edits.editor import changed_pair
from pipeline.errors import InputError
from pipeline.runs.folder import is_event
from pipeline.settings import LABELS, Settings
from pipeline.task import TASKS


def pairs_of(split):
    rows: Dataset = load_raw_datasets("embedded", Settings())[0][split]
    return list(zip(rows["sentence1"], rows["sentence2"], rows["label"], strict=True))


@pytest.fixture(scope="module")
def train():
    return pairs_of("train")


@pytest.mark.parametrize("made", [lambda pairs: joining(pairs, 90, 3), held_out])
def test_the_label_of_each_copy_follows_from_its_change(made, train):
    """An equivalent pair with one change is not equivalent; a sentence beside itself is."""
    copies = made(train)
    for copy in copies:
        first, second, label = train[copy.row]
        sentences = copy.sentences(train)
        if copy.kind == SAME:
            assert sentences in [(first, first), (second, second)]
            assert LABELS[copy.label] == "equivalent"
        else:
            assert label == LABELS.index("equivalent")
            assert LABELS[copy.label] == "not_equivalent"
            # The same as Stress it shows, by the editor's own way
            assert sentences == changed_pair(copy.kind, (first, second)) != (first, second)
    assert {"negate", "number", "date", "opposite", "name", SAME} <= {each.kind for each in copies}


def test_copies_that_join_are_as_many_as_asked_and_of_all_kinds(train):
    copies = joining(train, 90, seed=3)
    kinds = Counter(copy.kind for copy in copies)
    assert len(copies) == 90 and kinds[SAME] == 30
    assert kinds["negate"] < 22 and kinds["opposite"] > 5, "the least used kind comes first"
    changed = [copy.row for copy in copies if copy.kind != SAME]
    assert len(set(changed)) == len(changed) and not any("shuffle" in each.kind for each in copies)
    assert joining(train, 90, seed=3) == copies != joining(train, 90, seed=4)
    assert joining(train, 0, seed=3) == []
    # Six pairs can't give ninety: two changed ones for each sentence beside itself all the same
    few = Counter(copy.kind == SAME for copy in joining(train[:6], 90, seed=3))
    assert 0 < few[False] <= 6 and few[True] == few[False] // 2


def test_held_out_copies_are_always_the_same_and_bounded(train):
    copies = held_out(train, 5)
    assert copies == held_out(train, 5)
    assert max(Counter(copy.kind for copy in copies).values()) == 5


def test_a_copy_told_through_json_is_the_copy_again(train):
    copies = joining(train, 60, seed=1)
    told = json.loads(json.dumps([copy.told for copy in copies]))
    assert are_copies(told) and [copy_told(each) for each in told] == copies
    for foreign in (
        None,
        [["shuffle", 0, 1, []]],
        [["same", -1, 1, []]],
        [["same", 0, 3, []]],
        [["negate", 0, 1, [[0, 1]]]],
        [["negate", 0, 1, [[0, 1, "x" * 999]]]],
    ):
        assert not are_copies(foreign)


def test_only_recognised_pairs_count():
    copies = [Copy("number", row, 2) for row in (0, 1, 2)] + [Copy(SAME, 2, 1), Copy(SAME, 0, 1)]
    # Whoever answers "not equivalent" to everything has noticed nothing
    assert noticed(copies, [0] * 5, [0] * 3) == {SAME: [0, 2]}
    assert noticed(copies, [0, 1, 0, 1, 0], [1, 1, 0]) == {"number": [1, 2], SAME: [1, 2]}


def test_a_foreign_count_is_no_event():
    end = {"event": "done", "seconds": 1.0, "noticed": [{}, {"negate": [3, 4]}]}
    assert is_event(end) and are_noticed({kind: [0, 1] for kind in CHANGES})
    for counts in ({"negate": [5, 4]}, {"<b>": [1, 2]}, {"negate": [0, 0]}, {"negate": 3}, []):
        assert not is_event({**end, "noticed": [{}, counts]})


@pytest.mark.parametrize("name", ["mrpc", "csv"])
def test_english_pairs_of_our_labels_can_be_changed(name):
    task = TASKS[name]
    check_can_change(task.title, task.labels, task.language)


@pytest.mark.parametrize("name", ["embedded-zh", "qqp", "sst2", "mnli", "rte"])
def test_other_tasks_say_in_a_sentence_that_they_have_no_copies(name):
    task = TASKS[name]
    with pytest.raises(InputError, match="Set changed_share to 0, or choose mrpc"):
        check_can_change(task.title, task.labels, task.language)
