"""The Predict tab's sections: what their handlers draw, and that its script gives the answer on the screen."""

import ast
import csv
import html
import inspect
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.classes.store import create_class, join_class, pupil_of
from pipeline.dataset import load_raw_datasets
from pipeline.explain.probing import (
    LeftOut,
    Mattered,
    Record,
    Stressed,
    leave_one_out,
    record_for,
    record_of,
    stress,
)
from pipeline.export import scripts as reproduce
from pipeline.export.csv_answers import Answered, PairRow
from pipeline.export.scripts import predict_script
from pipeline.hub import sources
from pipeline.hub.sources import Origin, embedded_checkpoint
from pipeline.prediction import Prediction, predict, softmax_steps
from pipeline.runs.folder import as_line
from pipeline.runs.queue import digest
from pipeline.settings import EMBEDDED_CHECKPOINT, LABELS, NOTES_CHECKPOINT, READY, WARMED
from tabs.predict import models as predict_models
from tabs.predict import script as predict_scripts
from tabs.predict import tab as predict_tab
from tabs.predict.answer import Answers
from tabs.predict.compare_models import add_run, compare
from tabs.predict.csv_file import build_csv_file
from tabs.predict.stress import build_stress
from tabs.predict.stress import stress as stress_section
from tabs.predict.what_mattered import leave_words_out
from tabs.predict.you_first import NO_SCORE, build_you_first, checked_score
from tests.conftest import HF_HOME, ROOT
from tests.support.warm_interpreter import run_python
from tests.unit.test_drawing import SCRIPT, Outline
from views import predictions as more
from views.markup import made_of

PAIR = ("Shares of Acme rose 12 cents on Monday .", "Acme stock was up 12 cents Monday .")


def you_first_of(settings):
    with gr.Blocks():
        return build_you_first(settings, [gr.Textbox(), gr.Textbox()], gr.Dropdown())


@pytest.fixture
def you_first(settings):
    return you_first_of(settings)


@pytest.fixture
def csv_file(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    with gr.Blocks():
        return build_csv_file(settings, gr.Dropdown())


def shown(update):
    """What a gr.Button(...) returned by a handler changes."""
    return update if isinstance(update, dict) else update.constructor_args


# ---------------------------------------------------------------- wiring


def test_one_public_endpoint_and_a_batched_answer(settings):
    with gr.Blocks() as demo:
        predict_tab.build_tab(settings)
    functions = list(demo.fns.values())
    assert {
        function.api_name for function in functions if function.api_visibility != "private"
    } == {"predict"}
    # Another model, Predict; an example, a pair from the guessing game: they answer by themselves
    batched = [function for function in functions if function.name == "answers"]
    assert [function.batch for function in batched] == [True] * 4
    # What must be asked for at the Hub first is answered by a call of its own
    alone = [function for function in functions if function.name == "answer"]
    raised = {(output._id, "change") for function in batched for output in function.outputs[1:]}
    assert {target for function in alone for target in function.targets} == raised and len(
        raised
    ) == 2
    assert not any(function.batch for function in alone)
    handlers = [inspect.unwrap(function.fn) for function in functions if function.fn]
    handlers = [getattr(handler, "func", handler) for handler in handlers]
    assert {getattr(handler, "__name__", "") for handler in handlers} >= {
        "compare",
        "leave_words_out",
        "stress",
        "next_pair",
        "guess_same",
        "predict_file",
        "script",
    }


def test_a_strangers_model_of_the_hub_keeps_nobody_waiting(tiny, settings, monkeypatch):
    """It gets an answer of its own, later, as a run does: both are opened in processes of their own."""
    page = Answers(settings)
    monkeypatch.setattr(sources, "checkpoint_files", lambda name, *more: pytest.fail(name))
    models = ["some/slow-model", f"run:{'a' * 32}", "no/../id"]
    drawn, later = page.answers([PAIR[0]] * 3, [PAIR[1]] * 3, models)
    assert (
        "some/slow-model" in drawn[0]
        and "<table" not in drawn[0]
        and len(later[0]) == len(later[1]) == 16
    )
    assert "not a checkpoint id" in drawn[2] and later[2] == gr.skip()
    monkeypatch.undo()
    drawn, later = page.answers([PAIR[0]], [PAIR[1]], [EMBEDDED_CHECKPOINT])
    assert "<table" in drawn[0] and later == [gr.skip()]


# ---------------------------------------------------------------- arithmetic


def test_the_answer_holds_its_arithmetic(tiny, settings):
    drawn = Answers(settings).answer(*PAIR, tiny)
    told = predict(tiny, [PAIR], settings=settings)[0][0]
    steps = softmax_steps(told.logits)
    lines = re.findall(r"<code>(.*?)</code>", drawn)
    assert len(lines) == 6
    for name, value in told.logits.items():
        assert f"exp({value:.4f}) = {steps.exps[name]:.4f}" in lines
        assert (
            f"{name}: {steps.exps[name]:.4f} / {steps.total:.4f} = {told.probabilities[name]:.4f}"
            in lines
        )
    assert lines[2].endswith(f"= {steps.total:.4f}") and lines[-1].endswith(
        f"so the prediction is {told.label}"
    )


@pytest.mark.parametrize(
    "logits", [[1000.0, -1000.0], [-800.0, -800.0], [0.0, 0.0], [float("nan"), 1.0], [1e-9, 60.0]]
)
def test_any_logits_can_be_written_out(logits):
    logits = dict(zip(LABELS, logits))
    drawn = more.arithmetic(softmax_steps(logits), logits)
    Outline(drawn)
    assert "so the prediction is" in drawn and ("subtracted first" in drawn) == (
        max(map(abs, logits.values())) > 50
    )


# ---------------------------------------------------------------- how far to believe it


def test_the_answer_is_marked_as_that_of_its_pair_and_tells_the_rail(tiny, settings):
    [drawn], _later = Answers(settings).answers([PAIR[0]], [PAIR[1]], [EMBEDDED_CHECKPOINT])
    told = predict(EMBEDDED_CHECKPOINT, [PAIR], settings=settings)[0][0]
    assert f'<section class="predicted"{made_of(*PAIR)}>' in drawn
    share = told.probabilities[told.label]
    assert f'data-station="prediction">{told.label} · {share:.1%}<' in drawn
    logits = " · ".join(f"{value:.2f}" for value in told.logits.values()).replace("-", "−")
    assert f'data-station="model">logits {logits}<' in drawn


def test_a_run_of_ones_own_says_how_often_it_is_wrong(settings):
    run = "d" * 32
    folder = settings.runs_folder / run
    folder.mkdir(parents=True)
    assert record_for(f"run:{run}", settings) is None, "it has left no figures"
    (folder / "config.json").write_text("{}")
    majority = {"label": 0, "accuracy": 0.66, "f1": 0.0}
    start = {"event": "start", "seconds": 0.1, "total_steps": 3, "majority": majority}
    start["eval_pairs"] = 408
    figures = {"accuracy": 0.75, "f1": 0.8, "loss": 0.5}
    done = {"event": "done", "seconds": 1.0, "before": figures, "after": figures}
    with open(folder / "events.jsonl", "w") as events:
        events.writelines(as_line(event) + "\n" for event in (start, done))
    record = record_for(f"run:{run}", settings)
    assert record == Record(0.75, 0.66, {}, 408, "not_equivalent")
    said = more.record_line(record)
    assert "right on 75.0% of the 408 validation pairs of its run" in said
    assert "about one in 4 of such pairs wrong" in said and "Nobody has measured" in said
    assert record_for("run:../x", settings) is None
    assert record_for(READY, settings) == record_of(READY)


def test_the_ready_model_says_how_often_it_is_wrong(settings):
    drawn, record = Answers(settings).answer(*PAIR, READY), record_of(READY)
    assert (
        f"right on {record.accuracy:.1%} of MRPC" in drawn
        and f"right on {record.majority:.1%}" in drawn
    )
    assert (
        f"gets about one in {record.one_wrong_in} of such pairs wrong" in drawn
        and "insert “not”, change a number" in drawn
    )
    for model, says in (
        (EMBEDDED_CHECKPOINT, "classification head is new"),
        (WARMED, "has never seen a label"),
    ):
        drawn = Answers(settings).answer(*PAIR, model)
        assert says in drawn and "it gets about one in" not in drawn


def test_where_the_ready_model_fails_its_record_is_told(settings):
    rows, drawn = (
        stress(READY, *PAIR, settings=settings)[0],
        stress_section(settings, *PAIR, READY, "equivalent"),
    )
    assert any(row.right is False for row in rows)  # else another pair is needed here
    assert (
        "It noticed these shares" in drawn
        and "insert “not” {:.1%}".format(record_of(READY).noticed["insert “not”"]) in drawn
    )
    assert "It noticed these shares" not in stress_section(settings, *PAIR, WARMED, "equivalent")
    wrong = Prediction(
        LABELS[0], {LABELS[0]: 0.8, LABELS[1]: 0.2}, dict.fromkeys(LABELS, 0.1), 9, ("", "")
    )
    assert "it gets about one in" in more.guess_result(
        LABELS[1], LABELS[1], wrong, "model", record_of(READY)
    )
    assert "it gets about one in" not in more.guess_result(
        LABELS[1], LABELS[0], wrong, "model", record_of(READY)
    )


def test_a_model_that_overlooks_nothing_is_not_blamed():
    drawn = more.record_line(Record(0.99, 0.66, {"insert “not”": 0.97}))
    assert "about one in 100 of such pairs wrong" in drawn and "overlooks" not in drawn


# ---------------------------------------------------------------- models side by side


def test_a_run_of_an_address_is_listed_by_a_name(settings):
    run = "run:" + "c" * 32
    with gr.Blocks():
        tab = predict_tab.build_tab(settings)
    opened = tab.open(*PAIR, run, "")
    assert "notice error" in opened[tab.answer], "it isn't there"
    choices = opened[tab.model].choices
    assert choices[0] == ("a fine-tune: Okapi", run)
    assert len(choices) == len(predict_models.choices()) + 1
    assert list(tab.open(*PAIR, "../x", "")) == [tab.answer]
    assert list(tab.open(*PAIR, run, run)) == [tab.answer], "one's own keeps its name"
    offered = tab.offer_run(run)
    assert shown(offered[tab.model])["value"] == offered[tab.offered] == run
    assert tab.offer_run("") == gr.skip()


def test_a_run_is_offered_as_ones_own_as_joined_or_as_anybodys(settings, tmp_path):
    settings = replace(settings, runs_folder=tmp_path)
    run_id, run = "c" * 32, "run:" + "c" * 32
    (tmp_path / run_id).mkdir()
    (tmp_path / run_id / "owner").write_text(digest("secret"))
    with gr.Blocks():
        tab = predict_tab.build_tab(settings)

    def name(owned):
        return tab.offer_run(run, owned)[tab.model].choices[0][0]

    assert name({run_id: "secret"}) == "yours: Okapi"
    assert name({run_id: ""}) == "joined: Okapi"
    for stranger in ({}, None, {run_id: "another"}, {run_id: "left"}):
        assert name(stranger) == "a fine-tune: Okapi"


def test_each_model_has_a_row_and_a_bad_one_spoils_no_other(tiny, settings):
    drawn = compare(settings, *PAIR, [EMBEDDED_CHECKPOINT, WARMED], "no/../id")
    rows = re.findall(r"<tr.*?</tr>", drawn)[1:]
    assert (
        len(rows) == 3
        and "classification head is new" in rows[0]
        and "is not a checkpoint id" in rows[2]
    )
    told = predict(WARMED, [PAIR], settings=settings)[0][0]
    assert (
        f"{told.logits['equivalent']:.3f}" in rows[1]
        and f"{told.probabilities['equivalent']:.1%}" in rows[1]
    )
    assert "head is new" not in rows[1]
    [alone] = re.findall(r"<tr.*?</tr>", compare(settings, *PAIR, [], f" {tiny} "))[1:]
    assert tiny in alone


def test_a_stand_in_is_named_as_one(settings):
    drawn = compare(settings, *PAIR, [], NOTES_CHECKPOINT)
    assert EMBEDDED_CHECKPOINT in drawn and f"stands in for {NOTES_CHECKPOINT}" in drawn


def test_a_stand_in_is_not_compared_with_itself(settings):
    drawn = compare(settings, *PAIR, [EMBEDDED_CHECKPOINT, WARMED], NOTES_CHECKPOINT)
    rows = re.findall(r"<tr.*?</tr>", drawn)[1:]
    assert len(rows) == 3 and "already has a row: there is nothing to compare" in rows[2]
    twice = compare(settings, *PAIR, [NOTES_CHECKPOINT, "google-bert/bert-large-uncased"], "")
    assert twice.count("there is nothing to compare") == 1, "nor are two stand-ins"


def test_whether_the_models_agree_is_said():
    def said(*labels):
        shares = dict.fromkeys(LABELS, 0.5)
        answers = [Prediction(label, shares, shares, 9, ("", "")) for label in labels]
        return more.models_table([(str(n), answer, "") for n, answer in enumerate(answers)])

    assert "All 2 models predict equivalent." in said(LABELS[1], LABELS[1])
    assert "The models disagree: 1 not_equivalent, 2 equivalent." in said(*LABELS, LABELS[1])
    assert "models" not in said(LABELS[1]).partition("<div")[0], "one agrees with nobody"


def test_how_many_models(settings):
    assert "No model is chosen" in compare(settings, *PAIR, [], " ")
    assert "7 models are chosen; the limit is 6" in compare(
        settings, *PAIR, [f"a/{n}" for n in range(7)], ""
    )
    assert "sentence1 is empty" in compare(settings, "", "b", [WARMED], "")
    assert compare(settings, *PAIR, [WARMED], WARMED).count('scope="row"') == 1


def test_ones_own_run_joins_the_others():
    run = "run:" + "a" * 32
    offered = shown(add_run(run, [WARMED, "run:" + "b" * 32]))
    assert offered["value"] == [WARMED, run] and offered["choices"][-1] == (
        "a fine-tune: Antelope",
        run,
    )
    assert shown(add_run(WARMED, [])) == gr.skip() and shown(add_run(None, [])) == gr.skip()


# ---------------------------------------------------------------- what mattered, and stress


def test_each_word_shows_its_change(tiny, settings):
    drawn = leave_words_out(settings, *PAIR, tiny)
    found = leave_one_out(tiny, *PAIR, settings=settings)
    words = re.findall(
        r'<span class="worth( up| down| )?" style="[^"]*" title="[^"]*">([^<]*)<small>([^<]*)</small>',
        drawn,
    )
    assert [word for _, word, _ in words[: len(found.words)]] == [word.word for word in found.words]
    table = re.findall(
        r"<tr><th scope=\"row\"><bdi>(.*?)</bdi></th><td>(\d)</td><td>[\d.]+%</td><td>([-+\d.]+)</td>",
        drawn,
    )
    changes = [abs(float(change)) for _, _, change in table]
    assert len(table) == len(found.words) and changes == sorted(changes, reverse=True)
    assert drawn.startswith(f"<div{made_of(*PAIR)}>"), "it is dimmed once another pair is typed"


def mattered(*changes, label="equivalent"):
    words = [
        LeftOut(
            1,
            n * 2,
            n * 2 + 1,
            "a",
            Prediction(label, dict.fromkeys(LABELS, 0.5), {}, 3, ("", "")),
            change,
        )
        for n, change in enumerate(changes)
    ]
    whole = Prediction("equivalent", dict.fromkeys(LABELS, 0.5), {}, 3, ("", ""))
    return Mattered(
        "a " * len(changes),
        "b",
        whole,
        words,
        max(map(abs, changes)),
        Origin("x", "x", "hub", "why"),
    )


def test_direction_is_told_by_class_and_sign():
    drawn = more.words_left_out(mattered(-0.3, 0.2, 0.001)).partition("</div>")[0]
    assert re.findall(r'class="worth ?(\w*)".*?<small>(.*?)</small>', drawn) == [
        ("down", "-30"),
        ("up", "+20"),
        ("", "0"),
    ]


def test_small_changes_look_small_and_a_flip_is_marked():
    assert "--share:0.020" in more.words_left_out(
        mattered(0.001)
    ) and "--share:1.000" in more.words_left_out(mattered(0.4))
    flipped = more.words_left_out(mattered(-0.3, label="not_equivalent"))
    assert "-30 ⇄" in flipped and "⇄ not_equivalent" in flipped
    assert "-30 ⇄" not in more.words_left_out(mattered(-0.3))


def test_stress_is_honest_about_failures(tiny, settings):
    drawn = stress_section(settings, *PAIR, tiny, "equivalent")
    rows = stress(tiny, *PAIR, settings=settings)[0]
    wrong = [row.change for row in rows if row.right is False]
    known = [row for row in rows if row.right is not None]
    assert (
        wrong
        and f"Right on {len(known) - len(wrong)} of {len(known)}" in drawn
        and f"Wrong on: {', '.join(wrong)}." in drawn
    )
    assert drawn.count("✗ wrong") == len(wrong) and drawn.count("✓ right") == len(known) - len(
        wrong
    )
    open_rows = stress_section(settings, *PAIR, tiny, "not_equivalent")
    assert open_rows.count("– open") == sum(row.prediction is not None for row in rows[3:])
    assert "truth is 'x'" in html.unescape(stress_section(settings, *PAIR, tiny, "x"))


def test_no_verdict_before_the_visitors_own(settings):
    with gr.Blocks():
        fields = build_stress(settings, [gr.Textbox(), gr.Textbox(), gr.Dropdown()])
    assert fields["reading"].value is None
    drawn = stress_section(settings, *PAIR, READY, fields["reading"].value)
    assert "do they mean the same?" in drawn and "<table" not in drawn


def test_a_record_is_told_only_where_the_model_failed_at_something_of_it():
    record = Record(0.8, 0.66, {"insert “not”": 0.1})
    for change, right, told in (
        ("insert “not”", False, True),
        ("insert “not”", True, False),
        ("as it is", False, False),
    ):
        label = LABELS[0] if right else LABELS[1]
        answer = Prediction(
            label, dict.fromkeys(LABELS, 0.5), dict.fromkeys(LABELS, 0.1), 9, ("", "")
        )
        drawn = more.stress_table([Stressed(change, "a", "b", LABELS[0], "", answer)], record)
        assert ("It noticed these shares" in drawn) == told
        assert "only if the result is surely" in drawn


def test_what_was_changed_is_marked():
    plain = Stressed("as it is", "A cat sat.", "A dog ran.", "equivalent", "")
    answer = Prediction(
        LABELS[1], dict.fromkeys(LABELS, 0.5), dict.fromkeys(LABELS, 0.1), 9, ("", "")
    )
    changed = Stressed("x", "A cat not sat.", "A dog ran.", LABELS[0], "", answer)
    drawn = more.stress_table([plain, changed])
    assert "<p><bdi>A cat <mark>not</mark> sat.</bdi></p>" in drawn
    assert "<p><bdi>A dog ran.</bdi></p>" in drawn and drawn.count("<mark>") == 1


# ---------------------------------------------------------------- you first


def test_the_label_stays_on_the_server_until_the_guess(you_first, settings):
    changes = you_first.next_pair(None, {})
    drawn, quiz = changes[you_first.pair], changes[you_first.quiz]
    row = load_raw_datasets("auto", settings)[0]["validation"][quiz["row"]]
    assert quiz == {"row": row["idx"], "open": True} and changes[you_first.result] == ""
    assert (
        row["sentence1"] in drawn
        and row["sentence2"] in drawn
        and not re.search("equivalent|label", drawn)
    )
    assert f"Row {quiz['row']} of the validation pairs of MRPC (folder)" in drawn
    assert shown(changes[you_first.same])["interactive"]
    assert shown(changes[you_first.differ])["interactive"]


def test_a_guess_counts_for_both_and_once(you_first, tiny, settings):
    rows = load_raw_datasets("auto", settings)[0]["validation"]
    score = {}
    for number in range(4):
        gold = LABELS[rows[number]["label"]]
        told = predict(
            tiny, [(rows[number]["sentence1"], rows[number]["sentence2"])], settings=settings
        )[0][0]
        before = checked_score(score)
        changes = you_first.guess_same({"row": number, "open": True}, score, tiny)
        drawn, line = changes[you_first.result], changes[you_first.score_line]
        quiz, score = changes[you_first.quiz], changes[you_first.score]
        assert quiz == {"row": number, "open": False} and not any(
            shown(changes[button])["interactive"] for button in (you_first.same, you_first.differ)
        )
        assert score["of"] == number + 1 and score["model"] - before["model"] == (
            told.label == gold
        )
        assert score["you"] == score["equivalent"] and score["you"] - before["you"] == (
            gold == "equivalent"
        )
        assert drawn.count("✓ right") == (gold == "equivalent") + (told.label == gold)
    assert f"{score['you']} of 4" in line and f"{score['model']} of 4" in line
    again = you_first.guess_differ(quiz, score, tiny)
    assert "have answered this pair" in again[you_first.result] and len(again) == 1
    other = you_first.guess_differ({"row": 0, "open": True}, {}, tiny)[you_first.score]
    assert other["you"] == (rows[0]["label"] == 0)


def test_a_pupils_first_guesses_are_counted_in_the_class(you_first, tiny, settings):
    code, teacher = create_class("", "", {}, settings)
    key = join_class(code, "Ann", settings)[1]
    labels = load_raw_datasets("auto", settings)[0]["validation"]["label"]
    mine, hers = json.dumps({"pupil": key}), json.dumps({"teacher": teacher})
    for guess, kept in ((you_first.guess_same, mine), (you_first.guess_differ, mine)):
        guess({"row": 3, "open": True}, {}, tiny, code, kept)
    you_first.guess_same({"row": 4, "open": True}, {}, tiny, code, hers)
    assert pupil_of(code, key, settings).guesses == {"pair-3": labels[3] == 1}


def test_a_model_that_fails_costs_nobody_a_point(you_first):
    failed = you_first.guess_same({"row": 0, "open": True}, {}, "no/../id")
    assert "is not a checkpoint id" in failed[you_first.result] and len(failed) == 1


def test_another_pair_each_time_and_opening_again_keeps_it(you_first):
    quiz = None
    for _ in range(20):
        following = you_first.next_pair(quiz, {})[you_first.quiz]
        assert quiz is None or following["row"] != quiz["row"]
        quiz = following
    assert you_first.open(quiz, {}) == {you_first.quiz: quiz}
    assert you_first.pair in you_first.open(None, {})


def test_the_pair_can_be_taken_above(you_first, settings):
    row = load_raw_datasets("auto", settings)[0]["validation"][3]
    taken = you_first.take_pair({"row": 3, "open": True})
    assert list(taken.items()) == list(
        zip(you_first.sentences, (row["sentence1"], row["sentence2"]), strict=True)
    )
    assert "no pair yet" in you_first.take_pair(None)[you_first.result]


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        "x",
        7,
        {"of": 1},
        {"of": 1, "you": 2, "model": 0, "equivalent": 0},
        {"of": "<b>", "you": 0, "model": 0, "equivalent": 0},
        {"of": -1, "you": -1, "model": -1, "equivalent": -1},
        {"of": 10**9, "you": 0, "model": 0, "equivalent": 0},
        {"of": True, "you": True, "model": True, "equivalent": True},
        {"of": 1.5, "you": 1, "model": 1, "equivalent": 1},
    ],
)
def test_a_score_that_no_game_wrote_counts_as_none(stored):
    assert checked_score(stored) == NO_SCORE


def test_embedded_pairs_say_so(you_first, settings):
    section = you_first_of(replace(settings, data="embedded"))
    drawn = section.next_pair(None, {})[section.pair]
    assert "validation pairs of embedded pairs (embedded)" in drawn


# ---------------------------------------------------------------- a file


def test_a_file_comes_back_with_predictions(csv_file, tiny, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text('sentence1,sentence2\n"=A, b.",Hello.\n,empty\n' + "One.,Two.\n" * 70)
    changes = csv_file.predict_file(str(path), tiny)
    drawn, saved = changes[csv_file.result], shown(changes[csv_file.download])["value"]
    with open(saved, newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 72 and rows[0]["sentence1"] == "'=A, b." and "sentence2" in rows[0]
    assert [bool(row["predicted_label"]) for row in rows[:3]] == [
        True,
        False,
        True,
    ] and "sentence1 is empty" in rows[1]["error"]
    assert (
        "71 pairs predicted: " in drawn
        and "1 row without a prediction" in drawn
        and "The first 10 of 72 rows" in drawn
    )
    assert tmp_path / "cache" in Path(saved).parents and len(Path(saved).parent.name) == 32


@pytest.mark.parametrize(
    "text, says",
    [
        (None, "No file is chosen"),
        ("a,b\n", "no rows with the columns"),
        ("sentence1,sentence2\n" + "a,b\n" * 9, "limit of 8"),
    ],
)
def test_a_file_that_cannot_be_used(csv_file, settings, tmp_path, text, says):
    csv_file = replace(csv_file, settings=replace(settings, max_csv_rows=8))
    path = tmp_path / "mine.csv"
    path.write_text(text or "")
    changes = csv_file.predict_file(str(path) if text else None, WARMED)
    drawn = changes[csv_file.result]
    assert says in drawn and 'role="alert"' in drawn and str(tmp_path) not in drawn
    assert csv_file.download not in changes


def test_progress_is_told_as_the_file_goes(csv_file, tiny, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("sentence1,sentence2\n" + "One.,Two.\n" * 70)
    told = []
    csv_file.predict_file(str(path), tiny, lambda progress, **more: told.append(progress))
    assert told == [0, (32, 70), (64, 70), (70, 70)]


# ---------------------------------------------------------------- text stays text


def hostile_mattered():
    whole = Prediction(SCRIPT, {"x": 0.5, SCRIPT: 0.5}, {}, 3, ("", SCRIPT))
    words = [LeftOut(1, 0, len(SCRIPT), SCRIPT, whole, 0.4), LeftOut(2, 0, len(SCRIPT), SCRIPT)]
    return more.words_left_out(
        Mattered(SCRIPT, SCRIPT, whole, words, 0.4, Origin("x", "x", "hub", "why"))
    )


ANSWER = Prediction(SCRIPT, {"x": 0.2, SCRIPT: 0.8}, {"x": 0.1, SCRIPT: 0.1}, 37, ("", ""))
STRESSED = [
    Stressed(SCRIPT, SCRIPT, SCRIPT, SCRIPT, SCRIPT, ANSWER),
    Stressed("x", SCRIPT + " a", "b" + SCRIPT, None, SCRIPT, ANSWER),
    Stressed("y", "", "", None, SCRIPT),
]
HOSTILE = {
    "models": lambda: more.models_table([(SCRIPT, ANSWER, SCRIPT), (SCRIPT, None, SCRIPT)]),
    "mattered": hostile_mattered,
    "stress": lambda: more.stress_table(STRESSED),
    "guess": lambda: more.guess_pair({"sentence1": SCRIPT, "sentence2": SCRIPT}, SCRIPT),
    "reveal": lambda: more.guess_result(SCRIPT, SCRIPT, ANSWER, SCRIPT),
    "answers": lambda: more.answers_table(
        [Answered(PairRow(2, SCRIPT, SCRIPT), ANSWER), Answered(PairRow(3, "", "", SCRIPT), None)]
    ),
}


@pytest.mark.parametrize("drawn", HOSTILE.values(), ids=HOSTILE)
def test_html_stays_text(drawn):
    outline = Outline(drawn())
    assert "script" not in outline.tags and "&lt;script&gt;" in drawn()
    for table in re.findall(r"<table.*?</table>", drawn()):
        assert "<caption>" in table and 'scope="row"' in table and 'scope="col"' in table
        assert not re.search(r"<th[^>]*></th>", table)


def test_quotes_cannot_leave_a_words_tip():
    found = mattered(0.3)
    found.words[0] = replace(found.words[0], word='a" onclick="x')
    assert "onclick" not in dict(Outline(more.words_left_out(found)).attributes)


# ---------------------------------------------------------------- reproduce


def literals(script):
    """The two sentences that a script gives its tokenizer."""
    calls = [
        node
        for node in ast.walk(ast.parse(script))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "tokenizer"
    ]
    return tuple(ast.literal_eval(argument) for argument in calls[0].args)


SENTENCES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@given(SENTENCES, SENTENCES)
def test_any_sentence_stands_in_the_script_as_it_is(first, second):
    assert literals(predict_script(WARMED, first, second)) == (first, second)


@pytest.mark.parametrize("in_bf16", [True, False])
def test_the_script_says_why_its_logits_differ(in_bf16, monkeypatch):
    monkeypatch.setattr(reproduce, "has_gpu", lambda: False)
    monkeypatch.setattr(reproduce, "has_fast_bf16", lambda on_gpu: in_bf16)
    script = predict_script(EMBEDDED_CHECKPOINT, *PAIR)
    assert ("# The page computes in bfloat16" in script) == in_bf16
    compile(script, "predict.py", "exec")


def test_the_script_on_the_page(settings):
    script = predict_scripts.script(settings, *PAIR, WARMED)
    assert literals(script) == PAIR and "pipeline/embedded/adapters/pair-warmed" in script
    imported = {
        node.module or ""
        for node in ast.walk(ast.parse(script))
        if isinstance(node, ast.ImportFrom)
    }
    assert imported == {"transformers", "peft"}
    stand_in = predict_scripts.script(settings, *PAIR, NOTES_CHECKPOINT)
    assert (
        stand_in.startswith(f"# {EMBEDDED_CHECKPOINT} stands in for")
        and f"from_pretrained({EMBEDDED_CHECKPOINT!r})" in stand_in
    )


@pytest.mark.parametrize(
    "values",
    [
        ("", "b", WARMED),
        ("a", "b", "x\nimport os"),
        ("a", "b", None),
        ("a", "b", "run:" + "0" * 32),
    ],
)
def test_what_has_no_answer_has_no_script(values, settings):
    script = predict_scripts.script(settings, *values)
    assert script and all(line.startswith("#") for line in script.splitlines())


def ran(script, cwd, **environment):
    """(label, logits) as a script prints them, run alone."""
    said = run_python(script, cwd, **environment)
    lines = dict(line.split(" ", 1) for line in said.splitlines())
    return lines["label"], json.loads(lines["logits"])


@pytest.mark.slow  # a fresh interpreter runs the script
@pytest.mark.parametrize("model", [EMBEDDED_CHECKPOINT, WARMED, READY])
def test_the_script_gives_the_answer_on_the_screen(settings, loopback, model):
    """The checkpoint comes over HTTP as from the Hub, the adapter from the repository."""
    client = loopback("--model", f"{EMBEDDED_CHECKPOINT}={embedded_checkpoint()}")
    told = predict(model, [PAIR], settings=settings)[0][0]
    label, logits = ran(predict_scripts.script(settings, *PAIR, model), ROOT, **client.environment)
    assert label == told.label and logits == pytest.approx(list(told.logits.values()), abs=0.05)


@pytest.mark.slow  # a fresh interpreter runs the script
def test_the_script_of_a_cached_checkpoint(settings, tiny):
    told = predict(tiny, [PAIR], settings=settings)[0][0]
    label, logits = ran(
        predict_scripts.script(settings, *PAIR, tiny),
        ROOT,
        HF_HUB_OFFLINE="1",
        HF_HOME=str(HF_HOME),
    )
    assert label == told.label and logits == pytest.approx(list(told.logits.values()), abs=0.05)


@pytest.mark.slow  # a fresh interpreter runs the script
def test_the_script_of_a_run(settings, tiny, tmp_path):
    from huggingface_hub import snapshot_download

    run = "c" * 32
    shutil.copytree(
        snapshot_download(tiny, local_files_only=True), settings.runs_folder / run / "model"
    )
    shutil.copytree(
        settings.runs_folder / run / "model", tmp_path / "paraphrase-cccccccc"
    )  # its download, unpacked
    told = predict(f"run:{run}", [PAIR], settings=settings)[0][0]
    label, logits = ran(
        predict_scripts.script(settings, *PAIR, f"run:{run}"), tmp_path, HF_HUB_OFFLINE="1"
    )
    assert label == told.label and logits == pytest.approx(list(told.logits.values()), abs=0.05)
