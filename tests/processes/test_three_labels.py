"""A run of three labels, and one of single sentences: all that shows their answers."""

import csv
import html
import io
import json
import re
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest

from pipeline import __main__ as command_line
from pipeline.config import TrainingConfig
from pipeline.explain.evaluations import evaluations_of
from pipeline.explain.probing import record_for
from pipeline.explain.step_by_hand import one_step as step_by_hand
from pipeline.explain.what_changed import read_judgement
from pipeline.own_pairs.columns import guess_columns
from pipeline.own_pairs.pairs import own_pairs
from pipeline.own_pairs.read import read_table
from pipeline.own_pairs.store import keep
from pipeline.prediction import predict
from pipeline.runs.queue import read_run
from pipeline.runs.supervisor import start_run
from pipeline.settings import READY, Settings
from tabs.fine_tune.changed_pairs import changes_of
from tabs.fine_tune.charts import CHARTS
from tabs.fine_tune.diagnosis import build_diagnosis, diagnosis_of
from tabs.fine_tune.run_panel import RunPanel
from tabs.fine_tune.theatre import build_sentence, build_theatre
from tabs.predict.answer import Answers
from tabs.predict.compare_models import compare
from tabs.predict.csv_file import build_csv_file
from tabs.predict.stress import stress
from tabs.predict.what_mattered import leave_words_out
from tests.processes.test_runs import until
from tests.support.in_process import InProcess, trained
from views.one_step import one_step

NAMES = ("animal", "tool", "weather")
WORDS = (("heron", "otter", "badger"), ("hammer", "chisel", "saw"), ("fog", "hail", "drizzle"))
PAIR = ("A heron was seen on day 3.", "People spoke of the heron.")


def as_csv(columns, rows):
    written = io.StringIO()
    csv.writer(written).writerows([columns, *rows])
    return written.getvalue().encode()


def pairs_of_three(count):
    """(sentence1, sentence2, label): what the two sentences are about."""
    for number in range(count):
        label = number % 3
        word = WORDS[label][number // 3 % 3]
        first = f"A {word} was seen on day {number}."
        yield first, f"People spoke of the {word} {number} times.", NAMES[label]


def kept(content, settings):
    table = read_table(content, "mine.csv", settings)
    return keep(own_pairs(table, guess_columns(table), settings=settings), settings)


def ended_run(task, checkpoint, settings, **values):
    """(run id, secret) of a run that has ended."""
    config = TrainingConfig(
        checkpoint=checkpoint,
        task_name=task,
        source="auto",
        train_pairs=48,
        eval_pairs=40,
        batch_size=8,
        max_steps=6,
        eval_steps=3,
        eval_strategy="steps",
        frozen_layers=0,
        learning_rate=1e-2,
        precision="fp32",
        max_length=32,
    )
    run_id, secret = start_run(replace(config, **values), settings, own_pair=PAIR)
    run = until(lambda: (run := read_run(run_id, settings)).ended and run, 120)
    assert run.state == "done", run.events[-1]
    return run_id, secret


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    return InProcess(trained).serves(Settings(runs_folder=tmp_path_factory.mktemp("runs")))


@pytest.fixture(scope="module")
def task(served):
    rows = list(pairs_of_three(180))
    return kept(as_csv(("sentence1", "sentence2", "label"), rows), served)


@pytest.fixture(scope="module")
def ended(served, task, tiny, tiny_headless):
    return ended_run(task, "tiny/headless", served)


def text(drawn):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", str(drawn))))


# ---------------------------------------------------------------- what a run of three labels tells


def test_its_events_tell_each_pairs_probabilities(ended, served):
    run = read_run(ended[0], served)
    assert run.labels == NAMES and run.has_pair
    evaluations = evaluations_of(run)
    assert [one.step for one in evaluations] == [0, 3, 6]
    for one, event in zip(evaluations, run.of("evaluation"), strict=True):
        assert len(one.shares) == one.pairs == len(one.labels)
        assert all(sum(share) == pytest.approx(1, abs=0.003) for share in one.shares)
        assert one.right == sum(one.rights) == round(event["eval_accuracy"] * one.pairs)
        assert len(one.own_share) == 3
    judgement, _pairs = read_judgement(served.runs_folder / run.id, 3)
    assert judgement.accuracy("after") == pytest.approx(run.events[-1]["after"]["accuracy"])
    assert sum(judgement.confusion("after").values()) == evaluations[0].pairs
    folder = served.runs_folder / run.id
    answers, _origin = predict(f"run:{run.id}", [PAIR], 32, settings=served)
    assert answers[0].label in NAMES
    assert json.loads((folder / "model" / "config.json").read_text())["id2label"] == {
        str(number): name for number, name in enumerate(NAMES)
    }


def test_the_theatre_reads_each_label_and_shows_others_no_sentence(ended, served):
    run_id, secret = ended
    with gr.Blocks():
        theatre = build_theatre(served, RunPanel(served), build_sentence())
    drawn = theatre.draw(run_id, {run_id: secret})
    told = json.loads(drawn[theatre.data])
    assert told["names"] == list(NAMES) and len(told["answers"]) == 3
    assert json.loads(drawn[theatre.own])["ownAnswers"]
    assert (
        "always predicting “" in drawn[theatre.sentence] or "every pair" in drawn[theatre.sentence]
    )
    assert all(f"gold label {name}" in text(drawn[theatre.table]) for name in NAMES)
    mine, theirs = (
        text(theatre.read(run_id, owned, SimpleNamespace(_data={"row": 0, "step": 6})))
        for owned in ({run_id: secret}, {})
    )
    assert all(f"P({name}) =" in mine for name in NAMES) and "was seen on day" in mine
    assert all(f"P({name}) =" in theirs for name in NAMES) and "was seen on day" not in theirs
    own = theatre.read(run_id, {run_id: secret}, SimpleNamespace(_data={"row": "own", "step": 6}))
    assert "A heron was seen on day 3." in own and "prediction" in text(own)


def test_what_it_changed_and_its_diagnosis(ended, served):
    run_id, secret = ended
    mine, theirs = (text(changes_of(run_id, served, owned)) for owned in ({run_id: secret}, {}))
    for drawn in (mine, theirs):
        assert all(f"predicted {name}" in drawn for name in NAMES) and "macro-F1 = (" in drawn
        assert "mean (macro)" in drawn and "equivalent" not in drawn
    assert "was seen on day" not in theirs
    run = read_run(run_id, served)
    judgement, _pairs = read_judgement(served.runs_folder / run_id, 3)
    if judgement.fixed or judgement.broken:
        assert "was seen on day" in mine
    found = diagnosis_of(run, served)
    assert found and "macro-F1" in found.figures and "equivalent" not in str(found)
    with gr.Blocks():
        section = build_diagnosis(served, gr.State(""))
    assert found.name in text(section.draw(run_id)[section.card])
    assert all(chart.draw(run) for chart in CHARTS)


def test_a_step_by_hand_agrees_for_three_labels(task, served):
    config = TrainingConfig(
        checkpoint="tiny/headless", task_name=task, batch_size=4, train_pairs=16, max_length=32
    )
    taken = step_by_hand(config, served)
    assert taken.loss_difference < 1e-6 and taken.weight_difference < 1e-6
    drawn = text(one_step(taken, taken.task.labels))
    assert any(name in drawn for name in NAMES)


# ---------------------------------------------------------------- its model, asked


def test_its_model_is_asked_in_the_predict_tab(ended, served):
    model = f"run:{ended[0]}"
    answers = Answers(served)
    drawn = text(answers.answer(*PAIR, model))
    [answer], _origin = predict(model, [PAIR], served.max_length, settings=served)
    assert "What does the model predict?" in drawn and "the largest one wins" in drawn
    for name in NAMES:
        assert f"{name} {answer.probabilities[name]:.1%}" in drawn
        assert f"{name}: " in drawn, "the arithmetic names each label"
    assert set(answers.predict(*PAIR, model)["probabilities"]) == set(NAMES)
    assert record_for(model, served).majority_label in NAMES
    words = text(leave_words_out(served, *PAIR, model))
    assert f"P({answer.label}) without it" in words and "is another label" in words
    assert "own labels: animal, tool, weather" in text(stress(served, *PAIR, model, "equivalent"))
    both = text(compare(served, *PAIR, [model, READY], ""))
    assert "have different labels" in both and "animal" in both and "equivalent" in both
    alone = text(compare(served, *PAIR, [model], ""))
    assert all(f"logit of {name}" in alone for name in NAMES)


def test_a_file_is_answered_with_its_labels(ended, served, tmp_path, capsys, monkeypatch):
    model = f"run:{ended[0]}"
    rows = [(first, second, label) for first, second, label in pairs_of_three(9)]
    rows[0] = (*rows[0][:2], "0")
    rows[1] = (*rows[1][:2], "TOOL")
    rows[8] = (*rows[8][:2], "stone")
    path = tmp_path / "pairs.csv"
    path.write_bytes(as_csv(("sentence1", "sentence2", "label"), rows))
    with gr.Blocks():
        section = build_csv_file(served, gr.Dropdown())
    drawn = section.predict_file(str(path), model, gr.Progress(), None)
    shown = text(drawn[section.result])
    assert "On the 8 pairs with a label" in shown and "macro-F1" in shown
    assert "label is 'stone', which is none of animal, tool, weather" in shown
    with open(drawn[section.download].value["path"], encoding="utf-8-sig", newline="") as file:
        told = list(csv.DictReader(file))
    assert list(told[0])[3:] == [
        "predicted_label",
        *[f"probability_{name}" for name in NAMES],
        *[f"logit_{name}" for name in NAMES],
        "error",
        "note",
    ]
    assert all(
        sum(float(row[f"probability_{name}"]) for name in NAMES) == pytest.approx(1, abs=1e-5)
        for row in told
    )
    monkeypatch.setenv("RUNS_DIR", str(served.runs_folder))
    assert command_line.main(["predict", "--checkpoint", model, "--csv", str(path)]) == 0
    out = capsys.readouterr().out
    assert "P(label)" in out and "macro" in out and "8 labelled pairs" in out
    assert all(f"predicted {name}" in out for name in NAMES)


# ---------------------------------------------------------------- one sentence


@pytest.fixture(scope="module")
def single(served, tiny_headless):
    rows = [
        (f"The {WORDS[label][number % 3]} of day {number} was {('fine', 'awful')[label]}.", name)
        for number in range(90)
        for label, name in [(number % 2, ("good", "bad")[number % 2])]
    ]
    return ended_run(kept(as_csv(("text", "label"), rows), served), "tiny/headless", served)


def test_a_model_of_one_sentence_is_asked_for_one(single, served, tmp_path, capsys, monkeypatch):
    run_id, secret = single
    model = f"run:{run_id}"
    run = read_run(run_id, served)
    assert not run.has_pair and set(run.labels) == {"good", "bad"}
    drawn = text(Answers(served).answer("The heron was fine.", "", model))
    assert "Sentence 2 isn't used" in drawn and "Do the two sentences" not in drawn
    [answer], _origin = predict(model, [("The heron was fine.", None)], 32, settings=served)
    assert f"{answer.label} · {answer.probabilities[answer.label]:.1%}" in drawn
    words = text(leave_words_out(served, "The heron was fine.", "unused", model))
    assert "heron" in words and "sentence 2" not in words
    assert "two sentences, and this model reads one" in text(
        stress(served, "One.", "Two.", model, "equivalent")
    )
    changes = text(changes_of(run_id, served, {run_id: secret}))
    assert "predicted good" in changes and "precision = " in changes
    path = tmp_path / "sentences.csv"
    path.write_bytes(as_csv(("sentence1", "label"), [("The fog was fine.", "good"), ("x", "bad")]))
    with gr.Blocks():
        section = build_csv_file(served, gr.Dropdown())
    shown = text(section.predict_file(str(path), model, gr.Progress(), None)[section.result])
    assert "On the 2 pairs with a label" in shown
    monkeypatch.setenv("RUNS_DIR", str(served.runs_folder))
    assert command_line.main(["predict", "--checkpoint", model, "--csv", str(path)]) == 0
    assert f"P({run.labels[1]})" in capsys.readouterr().out
    assert "two sentences" not in text(compare(served, "The fog was fine.", "", [model], ""))
