"""NaN is shown as what it is: in the story, on the page, in the API, in files, and never as a loss of 0 or an answer."""

import json
import math
import re
from dataclasses import replace

import gradio as gr
import pytest

from pipeline import __main__ as command_line
from pipeline import training
from pipeline.config import TrainingConfig
from pipeline.errors import InputError, NoAnswer
from pipeline.explain.step_by_hand import one_step
from pipeline.explain.what_changed import read_judgement
from pipeline.export.csv_answers import answer_rows, read_pairs, write_answers
from pipeline.export.model import model_card
from pipeline.isolation.messages import packed, unpacked
from pipeline.prediction import checked_logits, predict, predict_each, softmax
from pipeline.runs.folder import as_line, event_in
from pipeline.runs.queue import read_run
from pipeline.settings import Settings
from pipeline.task import MRPC
from pipeline.training import evaluate_checkpoint, fine_tune
from tabs.fine_tune.api import Api
from tabs.fine_tune.changed_pairs import changes_of
from tabs.fine_tune.charts import CHARTS
from tabs.fine_tune.run_panel import RunPanel
from tabs.predict.answer import Answers
from tests.conftest import in_cache, tiny_checkpoint
from tests.model.test_save import finished_run
from views import charts
from views import runs as run_views

BROKEN_AT = 4  # the step after which a weight is NaN
PAIR = ("A cat sat.", "A cat was sitting.")
RUN_ID = "b" * 32


def strict(line):
    """Parse JSON as a browser does, which knows no NaN."""

    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    return json.loads(line, parse_constant=refuse)


def text(drawn):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", str(drawn)))


@pytest.fixture(scope="module")
def settings(small_folder, tmp_path_factory):
    return Settings(
        mrpc_folder=small_folder, runs_folder=tmp_path_factory.mktemp("runs"), data="folder"
    )


@pytest.fixture(scope="module")
def config(tiny):
    return TrainingConfig(
        checkpoint=tiny,
        source="folder",
        train_pairs=64,
        eval_pairs=16,
        batch_size=8,
        max_steps=10,
        epochs=5,
        eval_steps=3,
        frozen_layers=0,
        precision="fp32",
    )


@pytest.fixture(scope="module")
def run(config, settings):
    """A run of Trainer in which one weight becomes NaN after a step, as an overflow would leave it."""
    from transformers import TrainerCallback

    class Overflow(TrainerCallback):
        def on_step_end(self, args, state, control, model=None, **kwargs):
            if state.global_step == BROKEN_AT:
                model.classifier.bias.data[0] = math.nan

    prepare = training.prepare

    def prepare_to_break(*args):
        trainer, start = prepare(*args)
        trainer.add_callback(Overflow())
        return trainer, start

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "prepare", prepare_to_break)
        return finished_run(config, settings, RUN_ID)


def broken_checkpoint(name, change):
    """The id of a tiny checkpoint, as if downloaded earlier, after `change` has been at its state_dict."""
    from safetensors.torch import load_file, save_file

    folder = tiny_checkpoint(in_cache(name))
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return name


@pytest.fixture(scope="module")
def nan_weights():
    def change(weights):
        weights["bert.pooler.dense.weight"][0, :3] = math.nan

    return broken_checkpoint("tiny/nan", change)


@pytest.fixture(scope="module")
def huge_logits():
    """Finite weights whose logits are about 1e30 apart."""

    def change(weights):
        weights["classifier.bias"][0] = -1e30
        weights["classifier.bias"][1] = 1e30

    return broken_checkpoint("tiny/huge", change)


@pytest.fixture(scope="module")
def overflow():
    """Finite weights whose logits overflow float32."""

    def change(weights):
        weights["bert.pooler.dense.bias"][:] = 100.0  # tanh makes it 1
        weights["classifier.weight"][1] = 3e38

    return broken_checkpoint("tiny/overflow", change)


# ---------------------------------------------------------------- the story


def test_a_loss_that_is_nan_is_told_as_nan_and_never_as_0(run):
    losses = {event["step"]: event["loss"] for event in run.of("log")}
    assert all(0 < losses[step] < 5 for step in range(1, BROKEN_AT + 1))
    assert all(math.isnan(losses[step]) for step in range(BROKEN_AT + 1, 11))
    evaluations = {event["step"]: event for event in run.of("evaluation")}
    assert math.isfinite(evaluations[3]["eval_loss"]) and math.isfinite(
        evaluations[3]["eval_accuracy"]
    )
    for name in ("eval_loss", "eval_accuracy", "eval_f1"):
        assert math.isnan(evaluations[6][name]), "argmax of NaN is label 0, which is no answer"


def test_each_line_of_the_story_is_json_that_any_reader_reads(run, settings):
    lines = (settings.runs_folder / run.id / "events.jsonl").read_text().splitlines()
    assert [strict(line)["loss"] for line in lines if strict(line)["event"] == "log"][-1] == "NaN"
    assert not (settings.runs_folder / run.id / "predictions.json").exists()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.5])
def test_a_number_comes_back_as_it_was_written(value):
    event = {"event": "log", "seconds": 1.0, "step": 3, "loss": value}
    again = event_in(json.dumps(strict(as_line(event))))
    assert repr(again) == repr(event)
    end = {
        "event": "done",
        "seconds": 1.0,
        "step": 3,
        "before": None,
        "after": {"accuracy": value, "f1": value},
    }
    assert repr(event_in(as_line(end))) == repr(end)


@pytest.mark.parametrize(
    "line",
    [
        '{"event": "log", "seconds": 0, "step": "NaN", "loss": 0.5}',
        '{"event": "log", "seconds": "NaN", "step": 1, "loss": 0.5}',
        '{"event": "log", "seconds": 0, "step": 1, "loss": "nan"}',
        '{"event": "log", "seconds": 0, "step": 1, "loss": "1"}',
    ],
)
def test_no_other_text_is_taken_for_a_number(line):
    event = event_in(line)
    assert event is None or math.isnan(event["seconds"])


def test_a_text_that_says_nan_stays_a_text():
    failed = {"event": "failed", "seconds": 1.0, "message": "NaN"}
    assert event_in(as_line(failed)) == failed


# ---------------------------------------------------------------- the page and the API


def test_the_curve_breaks_and_says_so(run, settings):
    drawn, scores, *_ = (chart.draw(run) for chart in CHARTS)
    assert (
        "training: NaN or infinite at 6 of 10 points, first at step 5; the line breaks there."
        in text(drawn)
    )
    assert "validation: NaN or infinite at 3 of 5 points, first at step 6" in text(drawn)
    for path in re.findall(r' d="([^"]*)"', drawn):
        assert not re.search("nan|inf", path, re.IGNORECASE)
    assert "<td>NaN</td>" in drawn and "training NaN" in text(drawn)
    for line in ("training", "validation"):
        assert f"{line}: NaN or infinite at 3 of 5 points, first at step 6" in text(scores)
    assert "a gap of" not in text(scores)


def test_a_line_goes_on_behind_its_break():
    series = {"loss": [(1, 0.5), (2, 0.6), (3, math.inf), (4, 0.7), (5, 0.8)]}
    drawn = charts.line_chart("Loss", series, baselines={}, x_label="step", y_label="loss", x_max=5)
    [path] = [d for d in re.findall(r'<path d="([^"]*)"', drawn) if d.count("L") > 1]
    assert re.sub("[^ML]", "", path) == "MLML", (
        "no line between the points on both sides of the break"
    )


def test_a_curve_of_nothing_but_nan_waits_for_no_step():
    drawn = charts.line_chart(
        "Loss", {"loss": [(1, math.nan)]}, baselines={}, x_label="step", y_label="loss", x_max=5
    )
    assert (
        "loss: NaN or infinite at 1 of 1 points" in text(drawn)
        and "appears with the first step" not in drawn
    )


def panel(settings):
    with gr.Blocks():
        return RunPanel(settings)


def test_a_run_that_became_nan_offers_no_model(run, settings):
    page = panel(settings)
    drawn = page.draw(run.id, {})
    assert (
        not run.answers
        and "makes no predictions" in text(drawn[page.result])
        and "model is ready" not in text(drawn[page.result])
    )
    assert page.finished not in drawn, "Predict's model stays what it is"
    told = Api(settings).run_status(run.id)
    assert told["model"] == "" and told["state"] == "done"
    assert told["after"] == dict.fromkeys(("loss", *MRPC.metrics))
    assert strict(json.dumps(told)) == told
    with pytest.raises(InputError, match="no model to save"):
        model_card(run, "x")


def test_a_run_that_became_nan_has_no_pairs_to_compare(run, settings):
    assert read_judgement(settings.runs_folder / run.id) is None
    assert "makes no predictions: its logits are NaN" in text(changes_of(run.id, settings))


def test_its_log_says_nan(run):
    rows = text(run_views.log_table(run_views.log_rows(run)))
    assert "NaN" in rows and "nan" not in rows


# ---------------------------------------------------------------- weights that are NaN from the start


def test_weights_that_are_nan_are_named_before_anything_is_trained(
    nan_weights, config, settings, tmp_path
):
    events = list(fine_tune(replace(config, checkpoint=nan_weights), tmp_path, settings))
    assert [event["event"] for event in events] == ["failed"]
    expected = "tiny/nan has weights that are NaN or infinite: 3 of the 256 numbers in bert.pooler.dense.weight."
    assert (
        events[0]["message"].startswith(expected)
        and "Choose another checkpoint" in events[0]["message"]
    )
    for call in (
        lambda: evaluate_checkpoint(nan_weights, "folder", settings=settings),
        lambda: one_step(replace(config, checkpoint=nan_weights), settings),
    ):
        with pytest.raises(InputError, match="weights that are NaN or infinite"):
            call()


def test_logits_that_overflow_have_no_accuracy(overflow, settings):
    with pytest.raises(InputError, match="logits of tiny/overflow are NaN or infinite"):
        evaluate_checkpoint(overflow, "folder", settings=settings)


# ---------------------------------------------------------------- predictions


@pytest.mark.parametrize(
    "logits, says",
    [
        ([math.nan, math.nan], "NaN, NaN"),
        ([0.5, math.inf], "0.500, ∞"),
        ([-math.inf, 1e30], r"−∞, 1e\+30"),
    ],
)
def test_logits_that_are_no_numbers_are_refused(logits, says):
    with pytest.raises(NoAnswer, match=f"its logits are {says}"):
        checked_logits(logits)
    assert checked_logits([-1.5, 2.5]) == [-1.5, 2.5]


def test_the_refusal_comes_out_of_a_confined_process_as_it_is():
    with pytest.raises(NoAnswer) as refused:
        checked_logits([math.nan, 1.0])
    again = unpacked(packed(refused.value))
    assert type(again) is NoAnswer and str(again) == str(refused.value) and again.args[0].message


def test_a_model_of_nan_answers_nobody(nan_weights, run, settings):
    for name in (nan_weights, f"run:{run.id}"):
        with pytest.raises(NoAnswer, match="no prediction for this pair.*Choose another model"):
            predict(name, [PAIR], settings=settings)
        page = Answers(settings)
        answer = text(page.answer(*PAIR, name))
        assert "no prediction for this pair" in answer and "so the prediction is" not in answer
        with pytest.raises(Exception, match="no prediction for this pair"):
            page.predict(*PAIR, name)


def test_a_pair_without_an_answer_spoils_no_other(tiny, settings, monkeypatch):
    """A model that overflows on one pair alone: its answers to the others stand."""
    from pipeline import prediction

    logits_of = prediction.logits_of

    def overflows_on_cats(model, tokenizer, encodings, batch_size=None):
        cat = tokenizer.convert_tokens_to_ids("cat")
        rows = logits_of(model, tokenizer, encodings, batch_size)
        return [
            [math.inf, 0.0] if cat in each["input_ids"] else row
            for each, row in zip(encodings, rows)
        ]

    monkeypatch.setattr(prediction, "logits_of", overflows_on_cats)
    pairs = [("One.", "Two."), PAIR, ("Three.", "Four.")]
    one, none, three = predict_each([(tiny, *pair, 128) for pair in pairs], settings)
    assert isinstance(none, NoAnswer) and one[0].label and three[0].label


def test_a_file_of_pairs_has_an_error_where_there_is_no_answer(nan_weights, settings, tmp_path):
    (tmp_path / "pairs.csv").write_text(
        "sentence1,sentence2\nA cat sat.,A cat slept.\nOne.,\nTwo.,Three.\n"
    )
    rows = read_pairs(tmp_path / "pairs.csv", settings).rows
    answered = [
        answer
        for answers, _ in answer_rows(nan_weights, rows, settings=settings)
        for answer in answers
    ]
    assert [answer.prediction for answer in answered] == [None] * 3
    with open(tmp_path / "out.csv", "w", newline="") as file:
        write_answers(answered, file)
    written = (tmp_path / "out.csv").read_text()
    assert (
        written.count("no prediction for this pair") == 2
        and written.count("sentence2 is empty") == 1
    )
    assert "equivalent" not in written.partition("\n")[2]


def test_the_command_line_says_it_and_exits_with_2(
    nan_weights, huge_logits, settings, monkeypatch, capsys
):
    monkeypatch.setattr(command_line, "Settings", lambda: settings)
    assert command_line.main(["predict", "--checkpoint", nan_weights, "--pair", *PAIR]) == 2
    told = capsys.readouterr()
    assert "no prediction for this pair" in told.err and "equivalent" not in told.out
    assert command_line.main(["evaluate", "--checkpoint", nan_weights, "--source", "folder"]) == 2
    assert "weights that are NaN" in capsys.readouterr().err
    assert command_line.main(["predict", "--checkpoint", huge_logits, "--pair", *PAIR]) == 0
    assert "note: The logits are 2e+30 apart" in capsys.readouterr().out


def test_logits_far_apart_are_answered_with_a_warning(huge_logits, tiny, settings):
    [answer], _ = predict(huge_logits, [PAIR], settings=settings)
    assert answer.label == "equivalent" and answer.probabilities["equivalent"] == 1.0
    assert (
        "2e+30 apart" in answer.notes[0]
        and "from 37 on, softmax rounds to exactly 0 and 1" in answer.notes[0]
    )
    page = Answers(settings)
    assert page.predict(*PAIR, huge_logits)["notes"] == list(answer.notes)
    drawn = text(page.answer(*PAIR, huge_logits))
    assert "weights may be damaged" in drawn and "1e+30" in drawn and "000000" not in drawn
    assert predict(tiny, [PAIR], settings=settings)[0][0].notes == ()


def test_the_warning_begins_where_softmax_rounds_to_1():
    from pipeline.prediction import SATURATED, saturation_note

    assert softmax([0.0, SATURATED + 0.1])[1] == 1.0 and softmax([0.0, SATURATED - 1])[1] < 1.0
    assert (
        saturation_note([0.0, SATURATED - 0.1]) == ()
        and len(saturation_note([0.0, SATURATED + 0.1])) == 1
    )


def test_a_run_read_twice_is_the_same(run, settings):
    assert repr(read_run(run.id, settings).events) == repr(run.events)
