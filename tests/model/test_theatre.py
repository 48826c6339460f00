"""The theatre of a run: what its page is sent, which pair is read, and whose pair is shown to whom."""

import json
from dataclasses import asdict, replace
from types import SimpleNamespace

import gradio as gr
import pytest

from pipeline.config import TrainingConfig
from pipeline.explain.evaluations import Evaluation
from pipeline.runs.folder import as_line
from pipeline.runs.own_pair import write_pair
from pipeline.runs.queue import digest
from tabs.fine_tune.run_panel import RunPanel
from tabs.fine_tune.theatre import build_sentence, build_theatre
from tests.conftest import small_pairs
from views.theatre import (
    JudgedPair,
    binned,
    bins_table,
    dots_data,
    judged_pair,
    last_said,
    own_data,
    thinned,
)

RUN, SECRET = "e" * 32, "a secret"
OWN_PAIR = ("A heron stood <b> in the reeds.", "In the reeds stood a heron.")
ROWS = small_pairs(16, 1000)  # the validation split of conftest.small_folder
LABELS = ("not_equivalent", "equivalent")


def evaluation(step, shares, own=None, labels=(1, 0, 1, 0)):
    right = sum((share > 0.5) == bool(gold) for share, gold in zip(shares, labels, strict=True))
    return Evaluation(step, 0.5, right, 4, 2, 1, labels, tuple(shares), own)


STORY = [
    evaluation(0, (0.4, 0.9, 0.6, 0.2), 0.3),
    evaluation(4, (0.6, 0.7, 0.7, 0.2), 0.45),
    evaluation(8, (0.8, 0.4, 0.45, 0.1), 0.801),
]


# ---------------------------------------------------------------- what is drawn


def test_the_script_gets_the_dots_and_the_own_apart():
    told = json.loads(dots_data(RUN, STORY))
    assert (
        told["labels"] == [1, 0, 1, 0]
        and told["names"] == list(LABELS)
        and told["steps"] == [0, 4, 8]
    )
    assert told["shares"][2] == [800, 400, 450, 100] and "own" not in told
    assert json.loads(own_data(RUN, STORY)) == {"run": RUN, "own": [300, 450, 801]}
    assert dots_data(RUN, []) == own_data(RUN, []) == ""
    untold = Evaluation(0, 0.5, 3, 4, 2)
    assert json.loads(dots_data(RUN, [untold])) == {"run": RUN} and own_data(RUN, [untold]) == ""
    without = evaluation(12, (0.4, 0.9, 0.6, 0.2))
    assert own_data(RUN, [*STORY, without]) == "", "its pair has no answer any more"


def test_the_map_has_one_frame_for_all_evaluations():
    places = [((0, 0), (4, 0), (0, 2), (4, 2)), ((-1, 0), (4, 0), (0, 2), (9, 2))]
    moved = [
        replace(one, points=points, own_point=points[1], held=0.5)
        for one, points in zip(STORY, places, strict=False)
    ]
    told = json.loads(dots_data(RUN, moved))["map"]
    assert told["size"] == [1000, 200], "as wide as from -1 to 9, as high as from 0 to 2"
    assert told["points"][0] == [[100, 200], [500, 200], [100, 0], [500, 0]]
    assert told["points"][1][0] == [0, 200] and told["points"][1][3] == [1000, 0]
    # Labels 1, 0, 1, 0: their centres are (0, 1) and (4, 1); 16 of the scatter of 20 is between
    assert "50% of the variance" in told["said"][0] and "80% of the dots" in told["said"][0]
    assert json.loads(own_data(RUN, moved))["ownPoints"] == [[500, 200], [500, 200]]
    assert "map" not in json.loads(dots_data(RUN, [*moved, STORY[2]])), "one without points"
    one_place = [replace(STORY[0], points=((1, 1),) * 4, held=float("nan"))]
    assert "map" not in json.loads(dots_data(RUN, one_place)), "all in one place"
    assert "Where the [CLS]" not in bins_table(STORY) and "Where the [CLS]" in bins_table(moved)
    assert "(0.00, 1.00)" in bins_table(moved) and "(4.00, 1.00)" in bins_table(moved)


def test_of_many_evaluations_the_first_and_the_last_are_shown():
    many = [evaluation(step, (0.4, 0.9, 0.6, 0.2)) for step in range(301)]
    steps = [one.step for one in thinned(many)]
    assert len(steps) == 24 and (steps[0], steps[-1]) == (0, 300) and steps == sorted(set(steps))
    apart = {later - step for step, later in zip(steps, steps[1:], strict=False)}
    assert apart <= {13, 14}
    assert thinned(many[:5]) == many[:5]


def test_the_table_counts_each_pair_once_and_never_across_the_line():
    shares = [0.0, 0.1, 0.101, 0.499, 0.5, 0.501, 0.9, 0.95, 1.0]
    rows = binned(shares, [0, 1, 0, 1, 0, 1, 0, 1, 0])
    assert sum(first + second for _bin, first, second in rows) == len(shares)
    lower = sum(first + second for _bin, first, second in rows[:5])
    assert lower == sum(share <= 0.5 for share in shares)
    assert rows[0] == ("0.0 – 0.1", 1, 1) and rows[9] == ("0.9 – 1.0", 1, 1)
    assert "step 8" in bins_table(STORY) and bins_table([]) == ""


def test_the_last_evaluation_is_said_against_the_one_before():
    assert "After each evaluation" in last_said([])
    assert "Before training: 2 of 4 right" in last_said(STORY[:1])
    assert "After step 8: 3 of 4 right" in last_said(STORY) and "step 4" in last_said(STORY)


# ---------------------------------------------------------------- of three labels

THREE = ("entailment", "neutral", "contradiction")
SHARES = (
    ([0.6, 0.3, 0.1], [0.1, 0.2, 0.7]),
    ([0.2, 0.5, 0.3], [0.3, 0.4, 0.3]),
)
OWN = ([0.3, 0.3, 0.4], [0.7, 0.2, 0.1])
STORY_OF_THREE = [
    Evaluation(step, 0.5, 1, 2, 1, 1, (1, 2), shares, own, THREE)
    for step, shares, own in zip((0, 4), SHARES, OWN, strict=True)
]


def test_a_dot_of_three_labels_is_at_its_gold_labels_probability():
    told = json.loads(dots_data(RUN, STORY_OF_THREE))
    assert told["names"] == list(THREE) and told["labels"] == [1, 2]
    assert told["shares"] == [[300, 700], [500, 300]] and told["answers"] == [[0, 2], [1, 1]]
    assert "answers" not in json.loads(dots_data(RUN, STORY))
    own = json.loads(own_data(RUN, STORY_OF_THREE))
    assert own == {"run": RUN, "own": [400, 700], "ownAnswers": [2, 0]}
    table = bins_table(STORY_OF_THREE)
    assert all(f"gold label {name}" in table for name in THREE)
    assert binned([0.5, 0.3], [1, 2], 3)[4] == ("0.4 – 0.5", 0, 1, 0)


def test_a_pair_of_three_labels_is_read_with_each_probability():
    shares = [(one.step, one.shares[0]) for one in STORY_OF_THREE]
    pair = JudgedPair("#0", ("One.", None), "neutral", shares, 4)
    drawn = judged_pair(pair, THREE)
    assert "P(entailment) = <b>20.0%" in drawn and "P(contradiction) = <b>30.0%" in drawn
    assert "✓ right" in drawn and "Before training entailment; neutral by step 4." in drawn
    assert "sentence 2" not in drawn, "a task of one sentence has none"
    still = judged_pair(replace(pair, shares=[(0, SHARES[1][0]), (4, SHARES[1][0])]), THREE)
    assert "and the same since" in still
    own = judged_pair(JudgedPair("your pair", None, "", shares, 0), THREE)
    assert "prediction" in own and "Before training" not in own


# ---------------------------------------------------------------- the section


@pytest.fixture
def theatre(settings):
    """The section over one run of eight pairs: its folder as a worker leaves it."""
    folder = settings.runs_folder / RUN
    folder.mkdir(parents=True)
    config = TrainingConfig(source="folder", eval_pairs=8)
    (folder / "config.json").write_text(json.dumps(asdict(config)))
    (folder / "owner").write_text(digest(SECRET))
    write_pair(folder, OWN_PAIR)
    told = [0.9 if label else 0.2 for label in ROWS["label"][:8]]
    events = [
        {
            "event": "start",
            "seconds": 0,
            "total_steps": 4,
            "eval_pairs": 8,
            "labels": ROWS["label"][:8],
            "majority": {"label": 1, "accuracy": 0.625, "f1": 0.77},
        },
        evaluated(0, [1 - share for share in told], 0.3),
        evaluated(4, told, 0.7),
    ]
    (folder / "events.jsonl").write_text("".join(as_line(event) + "\n" for event in events))
    with gr.Blocks():
        panel = RunPanel(settings)
        section = build_theatre(settings, panel, build_sentence())
    assert panel.sections == [(section.draw, section.outputs)]
    return section


def evaluated(step, shares, own):
    figures = {"eval_loss": 0.5, "eval_accuracy": 0.5}
    told = {"right": 8 if step else 0, "shares": shares, "own_share": own}
    return {"event": "evaluation", "seconds": step, "step": step, **figures, **told}


def asked(**values):
    """What the page's script sends with a choice."""
    return SimpleNamespace(_data=values)


def test_the_owner_sees_the_own_dot_and_nobody_else(theatre):
    owned = {RUN: SECRET}
    mine = theatre.draw(RUN, owned)
    assert json.loads(mine[theatre.own])["own"] == [300, 700]
    assert len(json.loads(mine[theatre.data])["labels"]) == 8
    for stranger in ({}, None, {RUN: "another"}, {RUN: 7}, "x"):
        seen = theatre.draw(RUN, stranger)
        assert theatre.own not in seen and seen[theatre.data] == mine[theatre.data]
        assert "heron" not in "".join(map(str, seen.values()))
        assert "heron" not in theatre.read(RUN, stranger, asked(row="own", step=4))
    drawn = theatre.read(RUN, owned, asked(row="own", step=4))
    assert "A heron stood &lt;b&gt; in the reeds." in drawn and "70.0%" in drawn
    assert "Before training 30.0%; it crossed the line by step 4." in drawn
    assert "gold label" not in drawn, "nobody knows it"


def test_a_pair_is_read_with_its_label_and_its_way(theatre):
    drawn = theatre.read(RUN, {}, asked(row=3, step=4))
    assert ROWS["sentence1"][3] in drawn and ROWS["sentence2"][3] in drawn and "#3" in drawn
    assert ROWS["label"][3] == 0 and "20.0%" in drawn and "✓ right" in drawn
    assert "it crossed the line by step 4" in drawn
    before = theatre.read(RUN, {}, asked(row=3, step=0))
    assert "80.0%" in before and "✗ wrong" in before and "crossed" not in before


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"row": 8, "step": 4},
        {"row": -1, "step": 4},
        {"row": True, "step": 4},
        {"row": "3", "step": 4},
        {"row": 3, "step": 3},
        {"row": 3},
        {"row": [3], "step": [4]},
        {"row": "<b>", "step": {}},
    ],
)
def test_whatever_the_page_sends(theatre, values):
    drawn = theatre.read(RUN, {}, asked(**values))
    assert "Point at a dot" in drawn and "Shares of" not in drawn


def test_sentences_of_other_pairs_are_not_shown(theatre, settings):
    events = settings.runs_folder / RUN / "events.jsonl"
    flipped = json.dumps([1 - label for label in ROWS["label"][:8]])
    events.write_text(events.read_text().replace(json.dumps(ROWS["label"][:8]), flipped))
    drawn = theatre.read(RUN, {}, asked(row=3, step=4))
    assert "no longer here" in drawn and "Shares of" not in drawn and "#3" in drawn


def test_a_run_that_is_gone_or_none(theatre):
    assert theatre.draw("", {}) == gr.skip()
    assert theatre.draw("0" * 32, {})[theatre.data] == ""
    assert "is not a run" in theatre.draw("../x", {})[theatre.sentence]
