"""Runs whose training pairs are joined by changed copies: what is trained on, what is judged, what is told."""

from dataclasses import asdict, replace

import gradio as gr
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, set_seed

from languages import speaking
from pipeline.config import TrainingConfig
from pipeline.dataset import load_raw_datasets
from pipeline.edits.changed import SAME, copy_told, held_out, noticed
from pipeline.errors import InputError
from pipeline.explain.forecast import forecast
from pipeline.explain.noticing import asked_now, told_by
from pipeline.prediction import predict
from pipeline.runs.folder import as_line, event_in
from pipeline.runs.names import name_of
from pipeline.runs.progress import Run
from pipeline.runs.queue import read_run
from pipeline.runs.supervisor import start_run
from pipeline.settings import LABELS, Settings
from pipeline.training import fine_tune, prepare
from tabs.fine_tune import launch
from tabs.fine_tune.noticed import noticed_by
from tabs.fine_tune.tab import build_tab
from tests.conftest import in_cache, tiny_checkpoint
from tests.model.test_save import finished_run


@pytest.fixture
def config(tiny):
    return TrainingConfig(
        checkpoint=tiny,
        source="embedded",
        train_pairs=40,
        eval_pairs=60,
        changed_share=0.5,
        batch_size=8,
        max_steps=2,
        eval_strategy="no",
        learning_rate=1e-2,
        warmup_steps=0.0,
        frozen_layers=0,
        precision="fp32",
    )


def pairs_of(split, count, settings):
    rows = load_raw_datasets("embedded", settings)[0][split][:count]
    return list(zip(rows["sentence1"], rows["sentence2"], rows["label"], strict=True))


def as_pairs(rows):
    return list(zip(rows["sentence1"], rows["sentence2"], rows["label"], strict=True))


def test_copies_of_training_pairs_alone_join_them(config, settings, tmp_path):
    trainer, start = prepare(config, tmp_path, settings)
    without, plain = prepare(replace(config, changed_share=0.0), tmp_path, settings)
    train = pairs_of("train", 40, settings)
    copies = [copy_told(each) for each in start["copies"]]
    assert start["train_pairs"] == 60 and len(copies) == 20 and plain["copies"] == []
    expected = [(*copy.sentences(train), copy.label) for copy in copies]
    assert as_pairs(trainer.train_dataset) == train + expected
    assert as_pairs(without.train_dataset) == train
    # Whatever joins, validation is as it was, and shares no sentence with what is trained on
    assert as_pairs(trainer.eval_dataset) == as_pairs(without.eval_dataset)
    trained = {sentence for first, second, _ in train + expected for sentence in (first, second)}
    validation = pairs_of("validation", 60, settings)
    for copy in held_out(validation):
        assert not trained & set(copy.sentences(validation))
    assert start["steps_per_epoch"] == 8 and plain["steps_per_epoch"] == 5
    assert forecast(config, settings).steps_per_epoch == 8
    again, told = prepare(config, tmp_path, settings)
    assert told["copies"] == start["copies"]
    other = prepare(replace(config, seed=7), tmp_path, settings)[1]
    assert other["copies"] != start["copies"]


def logits_by(model_folder, pairs):
    """(pairs, labels), as transformers alone gives them for a saved model, one pair at a time."""
    model = AutoModelForSequenceClassification.from_pretrained(model_folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    with torch.no_grad():
        return torch.cat([model(**tokenizer(*pair, return_tensors="pt")).logits for pair in pairs])


@pytest.fixture(scope="module")
def torn():
    """A tiny checkpoint that calls one half of the changed pairs equivalent, the other not."""
    folder = in_cache("tiny/torn")
    tiny_checkpoint(folder)
    pairs = pairs_of("validation", 60, Settings())
    logits = logits_by(folder, [copy.sentences(pairs) for copy in held_out(pairs)])
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    with torch.no_grad():
        model.classifier.bias[1] -= (logits[:, 1] - logits[:, 0]).median()
    model.save_pretrained(folder)
    return "tiny/torn"


@pytest.mark.parametrize("strategy", ["group_by_length", "random"])
def test_what_was_noticed_equals_a_recount(strategy, torn, config, settings, tmp_path):
    config = replace(config, checkpoint=torn, train_sampling_strategy=strategy, learning_rate=1e-7)
    events = list(fine_tune(config, tmp_path, settings))
    assert events[-1]["event"] == "done", events[-1]
    validation = pairs_of("validation", 60, settings)
    copies = held_out(validation)
    pairs = [copy.sentences(validation) for copy in copies]
    answers = logits_by(tmp_path / "model", pairs).argmax(-1).tolist()
    whole = logits_by(tmp_path / "model", [pair[:2] for pair in validation]).argmax(-1).tolist()
    before, after = events[-1]["noticed"]
    assert after == noticed(copies, answers, whole)
    assert 0 < after[SAME][0] < after[SAME][1] == 40, "one answer to all would hide a mistake"
    assert set(before) == set(after) > {SAME, "negate", "number"}
    assert event_in(as_line(events[-1]))["noticed"] == [before, after]
    assert event_in(as_line(events[0]))["copies"] == events[0]["copies"]


def test_being_judged_changes_nothing_of_the_run(config, settings, tmp_path):
    """Dropout draws random numbers: the same ones, whether copies were judged before or not."""
    config = replace(config, dropout=0.3)
    events = list(fine_tune(config, tmp_path / "a", settings))
    trainer, _ = prepare(config, tmp_path / "b", settings)
    set_seed(config.seed)
    trainer.args.max_steps = 2
    trainer.train()
    told = [event["loss"] for event in events if event["event"] == "log"]
    assert told == [log["loss"] for log in trainer.state.log_history if "loss" in log]


def test_a_run_without_copies_is_judged_by_none(config, settings, tmp_path):
    events = list(fine_tune(replace(config, changed_share=0.0), tmp_path, settings))
    assert "noticed" not in events[-1] and events[0]["copies"] == []


def test_a_task_without_copies_is_refused_before_it_waits(config, settings, tmp_path):
    chinese = replace(config, task_name="embedded-zh", source="auto")
    with pytest.raises(InputError, match="changed_share makes changed copies of English pairs"):
        start_run(chinese, settings)
    with pytest.raises(InputError, match="Set changed_share to 0"):
        prepare(chinese, tmp_path, settings)
    said = " ".join(map(str, forecast(chinese, settings).warnings))
    assert "The run would fail: changed_share" in said


# ---------------------------------------------------------------- the section


@pytest.fixture(scope="module")
def runs(torn, small_folder, tmp_path_factory):
    """Settings whose folder of runs holds one with copies (c…) and the same without (d…)."""
    folder = tmp_path_factory.mktemp("noticed") / "runs"
    settings = Settings(mrpc_folder=small_folder, runs_folder=folder, data="folder")
    config = TrainingConfig(
        checkpoint=torn,
        source="embedded",
        train_pairs=16,
        eval_pairs=60,
        changed_share=0.5,
        batch_size=8,
        max_steps=1,
        eval_strategy="no",
        learning_rate=1e-7,
        frozen_layers=0,
        precision="fp32",
    )
    finished_run(config, settings, "c" * 32)
    finished_run(replace(config, changed_share=0.0), settings, "d" * 32)
    return settings


def test_the_section_shows_two_bars_a_kind_and_what_the_cure_costs(runs):
    with_copies, without = (read_run(each * 32, runs) for each in "cd")
    before, after = told_by(with_copies)
    owned = {without.id: "", with_copies.id: ""}
    drawn = noticed_by(with_copies.id, owned, runs)
    assert drawn.count('class="bar') == 2 * len(after)
    part, whole = after[SAME]
    assert f"<strong>{part / whole:.0%}</strong> <small>{part} of {whole}</small>" in drawn
    accuracy = without.events[-1]["after"]["accuracy"]
    assert f"the same settings without copies ({name_of(without.id)})" in drawn
    assert f"<strong>{accuracy:.1%}</strong></p>" in drawn
    assert "without copies (" not in noticed_by(with_copies.id, {}, runs)
    assert "Ask its model" in noticed_by(without.id, owned, runs) and told_by(without) is None
    with speaking("zh"):
        assert "副本" in noticed_by(without.id, owned, runs)


def test_a_model_asked_now_is_counted_by_its_own_answers(runs):
    """As Predict gives them: in bfloat16 this checkpoint, torn between two answers, gives others."""
    run = read_run("d" * 32, runs)
    pairs = pairs_of("validation", 60, runs)
    copies = held_out(pairs)
    asked = [*(copy.sentences(pairs) for copy in copies), *(pair[:2] for pair in pairs)]
    said = [predict(f"run:{run.id}", [pair], settings=runs)[0][0].label for pair in asked]
    labels = [LABELS.index(label) for label in said]
    expected = noticed(copies, labels[: len(copies)], labels[len(copies) :])
    assert asked_now(run, replace(runs, max_batch_pairs=16)) == expected
    assert set(expected) > {SAME, "negate"}
    with pytest.raises(InputError, match="no model to ask"):
        asked_now(Run("e" * 32, "failed"), runs)


def test_the_button_starts_the_form_with_copies(runs, monkeypatch):
    with gr.Blocks():
        page = build_tab(runs).launch
    started = []
    monkeypatch.setattr(
        launch, "start_run", lambda config, *_, **__: started.append(config) or ("0" * 32, "key")
    )
    values = {**asdict(TrainingConfig()), "max_steps": 7}
    form = [values[name] for name in page.controls]
    drawn = page.start_with_copies(None, [], {}, *form)
    assert drawn[page.controls["changed_share"]] == started[0].changed_share == 0.3
    assert started[0].max_steps == 7
    refused = page.start_with_copies(None, ["changed_share"], {}, *form)
    assert "has changed_share fixed" in refused[page.panel.status] and len(started) == 1
