"""Trainer as configured here, against a bare PyTorch loop, and its story as events."""

import json
import math
import sys
from dataclasses import replace

import pytest
import torch

from pipeline import training
from pipeline.collation import build_data_collator
from pipeline.config import TrainingConfig, config_from
from pipeline.dataset import load_raw_datasets
from pipeline.errors import InputError
from pipeline.explain.evidence import Evidence
from pipeline.explain.forecast import forecast
from pipeline.metrics import majority
from pipeline.model import load_model
from pipeline.runs.progress import Run, closing, kept_step
from pipeline.settings import Settings
from pipeline.task import MRPC
from pipeline.tokenization import load_tokenizer
from pipeline.training import evaluate_checkpoint, fine_tune, prepare
from tests.support.probes import panic


@pytest.fixture
def config(tiny):
    return TrainingConfig(
        checkpoint=tiny,
        source="folder",
        train_pairs=32,
        eval_pairs=16,
        batch_size=8,
        max_steps=5,
        epochs=5,
        eval_steps=2,
        learning_rate=1e-3,
        frozen_layers=0,
        train_sampling_strategy="random",
        precision="fp32",
    )


def events_of(config, folder, settings, **more):
    return list(fine_tune(config, folder, settings, **more))


def kinds(events):
    return [event["event"] for event in events]


def test_trainer_gives_the_losses_of_a_bare_loop(config, settings, tmp_path):
    trainer, _ = prepare(
        replace(config, eval_strategy="no", warmup_steps=0.0, lr_scheduler_type="constant"),
        tmp_path,
        settings,
    )
    model = load_model(config.checkpoint, config.seed, settings=settings)[0]
    for module in (
        *trainer.model.modules(),
        *model.modules(),
    ):  # the two would draw different cells to drop
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    seen = []
    collator = build_data_collator(load_tokenizer(config.checkpoint, settings=Settings())[0])
    trainer.data_collator = lambda rows: seen.append(collator(rows)) or seen[-1]
    trainer.args.max_steps = 5
    trainer.train()
    trainers_losses = [log["loss"] for log in trainer.state.log_history if "loss" in log]

    # weights and norms with weight decay, biases and LayerNorm without: as Trainer does and the papers say
    plain = {
        name for name, _ in model.named_parameters() if name.endswith("bias") or "LayerNorm" in name
    }
    groups = [
        {
            "params": [p for name, p in model.named_parameters() if (name in plain) == bare],
            "weight_decay": 0.0 if bare else config.weight_decay,
        }
        for bare in (False, True)
    ]
    optimizer, losses = (
        torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.999), eps=1e-8),
        [],
    )
    model.train()
    for batch in seen[:5]:
        loss = torch.nn.functional.cross_entropy(
            model(**{k: v for k, v in batch.items() if k != "labels"}).logits, batch["labels"]
        )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert trainers_losses == pytest.approx(losses, abs=1e-4) and len(set(losses)) == 5


def test_the_story_of_a_run_and_its_repetition(config, settings, tmp_path):
    events, again = (
        events_of(config, tmp_path / "a", settings),
        events_of(config, tmp_path / "b", settings),
    )
    assert kinds(events) == [
        "start",
        "evaluation",
        "log",
        "log",
        "evaluation",
        "log",
        "log",
        "evaluation",
        "log",
        "evaluation",
        "done",
    ]
    assert [event["step"] for event in events if event["event"] == "log"] == [1, 2, 3, 4, 5]
    figures = [
        [{k: v for k, v in event.items() if k not in ("seconds", "peak_bytes")} for event in story]
        for story in (events, again)
    ]
    assert figures[0] == figures[1]
    other = events_of(replace(config, seed=7), tmp_path / "c", settings)
    assert [e["loss"] for e in other if e["event"] == "log"] != [
        e["loss"] for e in events if e["event"] == "log"
    ]
    start, done = events[0], events[-1]
    labels = load_raw_datasets("folder", settings)[0]["validation"]["label"]
    assert (
        start["majority"] == majority(labels)
        and start["total_steps"] == 5
        and start["data"]["place"] == "folder"
    )
    assert (
        set(done["before"]) == set(done["after"]) == {"loss", *MRPC.metrics}
        and done["before"] != done["after"]
    )
    assert (tmp_path / "a" / "model" / "model.safetensors").is_file()
    rates = [event["learning_rate"] for event in events if event["event"] == "log"]
    assert rates[-1] < max(rates) / 2, "the schedule ends where the run ends"


def test_the_points_are_those_of_a_pca_of_cls(config, settings, tmp_path):
    from sklearn.decomposition import PCA

    own = ("A heron stood in the reeds.", "In the reeds stood a heron.")
    events = events_of(config, tmp_path, settings, own_pair=own)
    evaluations = [event for event in events if event["event"] == "evaluation"]
    rows = load_raw_datasets("folder", settings)[0]["validation"].select(range(16))
    tokenizer, _ = load_tokenizer(config.checkpoint, settings=settings)

    def cls(model, first, second):
        batch = tokenizer(first, second, padding=True, return_tensors="pt")
        with torch.no_grad():
            return model.base_model(**batch).last_hidden_state[:, 0].numpy()  # (pairs, hidden size)

    both = list(rows["sentence1"]), list(rows["sentence2"])
    start, _ = load_model(config.checkpoint, config.seed, settings=settings)
    run = type(start).from_pretrained(tmp_path / "model")
    fitted = PCA(2).fit(cls(start, *both))
    for one, model in ((evaluations[0], start), (evaluations[-1], run)):
        expected = fitted.transform(cls(model, *both))
        assert torch.tensor(one["points"]).numpy() == pytest.approx(expected, abs=1e-4)
        assert one["own_point"] == pytest.approx(
            fitted.transform(cls(model, [own[0]], [own[1]]))[0], abs=1e-4
        )
    assert evaluations[0]["held"] == pytest.approx(fitted.explained_variance_ratio_.sum())
    assert evaluations[0]["points"] != evaluations[-1]["points"]


@pytest.mark.parametrize(
    "strategy, evaluated", [("no", [0, 5]), ("epoch", [0, 4, 5]), ("steps", [0, 2, 4, 5])]
)
def test_evaluation_comes_as_often_as_asked(config, settings, tmp_path, strategy, evaluated):
    events = events_of(replace(config, eval_strategy=strategy), tmp_path, settings)
    assert [event["step"] for event in events if event["event"] == "evaluation"] == evaluated


def test_an_evaluation_judges_pairs_of_like_length_together(config, settings, tmp_path):
    """Trainer sorts by length within a quarter of the pairs: less than a batch of 64 here."""
    grouped = replace(
        config, source="embedded", eval_pairs=160, train_sampling_strategy="group_by_length"
    )
    trainer, _ = prepare(grouped, tmp_path, settings)

    def padding():
        masks = [batch["attention_mask"] for batch in trainer.get_eval_dataloader()]
        tokens = sum(int(mask.sum()) for mask in masks)
        return sum(mask.numel() for mask in masks) / tokens - 1

    assert padding() < 1 / 4
    trainer.args.per_device_eval_batch_size = 64
    assert padding() > 1 / 3


def test_without_type_ids_it_trains_too(
    config, settings, tmp_path, tiny_distilbert, tiny_roberta_id
):
    for name in (tiny_distilbert, tiny_roberta_id):
        events = events_of(replace(config, checkpoint=name, max_steps=2), tmp_path, settings)
        assert events[-1]["event"] == "done", events[-1]


def test_a_run_learns_what_can_be_learned(config, settings, tmp_path):
    easy = replace(
        config,
        train_pairs=64,
        max_steps=40,
        epochs=5,
        learning_rate=1e-2,
        eval_strategy="no",
        weight_decay=0.0,
    )
    done = events_of(easy, tmp_path, settings)[-1]
    assert done["after"]["loss"] < done["before"]["loss"]


def test_stopped_runs_keep_their_model(config, settings, tmp_path):
    events = events_of(config, tmp_path, settings, should_stop=lambda: True)
    assert (events[-1]["event"], events[-1]["step"], events[-1]["reason"]) == (
        "stopped",
        1,
        "stopped by request",
    )
    assert (tmp_path / "model" / "model.safetensors").is_file()
    told = [event for event in events if event["event"] == "log"]
    assert [event["step"] for event in told if event.get("last")] == [1], (
        "while it judges and saves, its story says so"
    )
    assert not any(
        "last" in event
        for event in events_of(config, tmp_path, settings)
        if event["event"] == "log"
    )
    late = events_of(config, tmp_path, replace(settings, max_run_seconds=0.0))[-1]
    assert late["event"] == "stopped" and "the time limit of a run" in late["reason"]


def test_a_run_that_cannot_start_says_why(config, settings, tmp_path):
    failed = events_of(replace(config, source="hub"), tmp_path, settings)
    assert kinds(failed) == ["failed"] and "HF_HUB_OFFLINE" in failed[0]["message"]


def test_a_panic_ends_a_run_as_an_error_does(config, settings, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "_work", panic)
    [event] = fine_tune(config, tmp_path, settings)
    assert event["event"] == "failed" and "unexpected error (Panic)" in event["message"]


def test_a_failure_that_cannot_be_told_ends_the_run_too(config, settings, tmp_path, monkeypatch):
    def no_memory(_error):
        raise MemoryError

    monkeypatch.setattr(training, "_work", panic)
    monkeypatch.setattr(training, "failure_message", no_memory)
    with pytest.raises(MemoryError):
        list(fine_tune(config, tmp_path, settings))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory so")
def test_what_got_no_memory_may_raise_anything():
    import resource

    error = SystemError("<built-in function linear> returned NULL without setting an exception")
    assert "unexpected error (SystemError)" in training.failure_message(error)
    limits = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (2**20, limits[1]))
    try:
        message = training.failure_message(error)
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, limits)
    assert "ran out of memory" in message


@pytest.mark.parametrize(
    "name, value",
    [
        ("max_steps", 301),
        ("max_steps", 0),
        ("epochs", 51),
        ("batch_size", 65),
        ("train_pairs", 1),
        ("max_length", 7),
        ("seed", -1),
        ("seed", 2**32),
        ("learning_rate", 0),
        ("learning_rate", "nan"),
        ("learning_rate", None),
        ("warmup_steps", 1.0),
        ("weight_decay", -0.1),
        ("lr_scheduler_type", "x"),
        ("eval_strategy", "sometimes"),
        ("source", "../x"),
        ("checkpoint", "../x"),
        ("eval_steps", 1.5),
    ],
)
def test_a_setting_out_of_bounds_is_named(name, value):
    with pytest.raises(InputError):
        replace(TrainingConfig(), **{name: value}).checked(Settings())


def test_a_config_is_made_of_known_names_and_of_texts():
    with pytest.raises(InputError, match="output_dir"):
        config_from({"output_dir": "/etc"})
    assert config_from({"max_steps": "7", "learning_rate": "1e-3"}).checked(
        Settings()
    ) == TrainingConfig(max_steps=7, learning_rate=1e-3)


def test_planned_steps_end_at_whichever_comes_first():
    assert TrainingConfig(epochs=3, batch_size=16, max_steps=60).planned_steps(320) == 60
    assert TrainingConfig(epochs=2, batch_size=16, max_steps=60).planned_steps(33) == 6


def test_a_checkpoint_is_evaluated_beside_the_majority(tiny, settings):
    result = evaluate_checkpoint(tiny, "folder", "test", 9, settings=settings)
    labels = load_raw_datasets("folder", settings)[0]["test"]["label"][:9]
    assert (
        result["pairs"] == 9
        and result["majority"] == majority(labels)
        and 0 <= result["accuracy"] <= 1
    )
    for first in (0, -1):
        with pytest.raises(InputError, match=f"first is {first}"):
            evaluate_checkpoint(tiny, "folder", "test", first, settings=settings)


def test_a_checkpoint_is_evaluated_on_as_many_tokens_as_asked(tiny, settings):
    default, whole, short = (
        evaluate_checkpoint(tiny, "folder", "test", settings=settings, **asked)["loss"]
        for asked in ({}, {"max_length": 128}, {"max_length": 8})
    )
    assert default == whole != short


def test_frozen_layers_stay_and_the_others_learn(config, settings, tmp_path):
    trainer, _ = prepare(replace(config, frozen_layers=1, eval_strategy="no"), tmp_path, settings)
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    trainer.args.max_steps = 2
    trainer.train()
    changed = {
        name
        for name, value in trainer.model.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert changed and not any("embeddings" in name or "layer.0." in name for name in changed)
    assert any("layer.1." in name for name in changed) and "classifier.weight" in changed


def test_more_frozen_layers_than_there_are(config, settings, tmp_path):
    with pytest.raises(InputError, match="frozen_layers is 9, but this checkpoint has 3 layers"):
        prepare(replace(config, frozen_layers=9), tmp_path, settings)


def test_dropout_is_the_runs_own(config, settings, tmp_path):
    for share in (0.0, 0.25):
        model = prepare(replace(config, dropout=share), tmp_path, settings)[0].model
        assert {module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)} == {
            share
        }


def test_precision(config, settings, tmp_path):
    from pipeline.training import has_fast_bf16

    for precision, bf16 in (("fp32", False), ("bf16", True), ("auto", has_fast_bf16())):
        assert (
            prepare(replace(config, precision=precision), tmp_path, settings)[0].args.bf16 == bf16
        )
    with pytest.raises(InputError, match="precision is 'fp8'"):
        replace(config, precision="fp8").checked(Settings())


@pytest.mark.parametrize("name", ["adapter:paraphrase", "adapter:pair-warmed"])
def test_the_embedded_adapters_start_a_run(name, settings):
    assert TrainingConfig(checkpoint=name).checked(settings).checkpoint == name


def test_accumulated_batches_are_one_larger_batch(config, settings, tmp_path):
    """Losses, gradients, steps and epochs of a run; planned steps and forecast know of it, too."""
    whole = replace(config, batch_size=8, epochs=1, dropout=0.0, weight_decay=0.0)
    parts = replace(whole, batch_size=4, gradient_accumulation_steps=2)
    told = []
    for each in (whole, parts):
        *events, done = events_of(each, tmp_path / str(each.batch_size), settings)
        start, logs = events[0], [event for event in events if event["event"] == "log"]
        told.append([(log["step"], log["epoch"], log["loss"], log["grad_norm"]) for log in logs])
        assert done["step"] == start["total_steps"] == start["steps_per_epoch"] == 4
    assert len(told[0]) == 4 and told[1] == [pytest.approx(log, rel=1e-3) for log in told[0]]
    for pairs in (1, 7, 8, 31, 33, 1000):
        assert parts.planned_steps(pairs) == whole.planned_steps(pairs)
    expected = forecast(parts, settings)
    assert expected.steps == expected.steps_per_epoch == 4 == evidence_steps(parts)


def evidence_steps(config):
    """The steps after which each of 32 pairs was seen once, as the diagnosis counts it."""
    points = [(step, 0.5) for step in range(4)]
    evidence = Evidence(config, points, points, points, points, 0.6, 0.7, 16, 32)
    return len(points) / evidence.epochs


def test_label_smoothing_raises_the_floor_of_both_losses_and_keeps_ln_2(config, settings, tmp_path):
    soft = replace(config, label_smoothing_factor=0.2, max_steps=1, dropout=0.0)
    trainer = prepare(soft, tmp_path / "prepared", settings)[0]
    head = trainer.model.classifier
    with torch.no_grad():
        head.weight.zero_()
        head.bias.zero_()
        assert trainer.evaluate()["eval_loss"] == pytest.approx(math.log(2))
        head.bias += torch.tensor([0.0, math.log(9)])  # 0.9 for label 1, everywhere
        labels = torch.tensor(trainer.eval_dataset["label"])
        logits = head.bias.detach().expand(len(labels), 2)
        expected = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=0.2)
        assert trainer.evaluate()["eval_loss"] == pytest.approx(expected.item(), rel=1e-5)
    # At the floor: the probability that the softened labels ask for
    floor = -0.9 * math.log(0.9) - 0.1 * math.log(0.1)
    right = torch.tensor([[0.0, math.log(9)]])
    lost = torch.nn.functional.cross_entropy(right, torch.tensor([1]), label_smoothing=0.2)
    assert lost.item() == pytest.approx(floor) and 0 < floor < math.log(2)
    # What is kept of the evaluation before the first step is of these labels
    losses = [
        events_of(each, tmp_path / str(each.label_smoothing_factor), settings)[1]["eval_loss"]
        for each in (soft, replace(soft, label_smoothing_factor=0.0), soft)
    ]
    assert losses[0] == losses[2] != losses[1]


# ---------------------------------------------------------------- answers pair by pair

OWN_PAIR = ("A heron stood in the reeds.", "In the reeds stood a heron.")


def shares_by(model_folder, pairs):
    """P(equivalent) of each pair as transformers alone gives it for a saved model."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(model_folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    encodings = [tokenizer(*pair, return_tensors="pt") for pair in pairs]
    with torch.no_grad():
        return [model(**each).logits.softmax(-1)[0, 1].item() for each in encodings]


def curve(events):
    """What an own pair may not change: every number of the story but its own."""
    hidden = ("seconds", "peak_bytes", "own_share", "own_point")
    return [{k: v for k, v in event.items() if k not in hidden} for event in events]


def test_each_evaluation_tells_what_it_answered_pair_by_pair(config, settings, tmp_path):
    grouped = replace(config, train_sampling_strategy="group_by_length")
    events = events_of(grouped, tmp_path, settings)
    start, done = events[0], events[-1]
    evaluations = [event for event in events if event["event"] == "evaluation"]
    assert len(start["labels"]) == start["eval_pairs"] == 16 and len(evaluations) == 4
    for event in evaluations:
        said = [int(share > 0.5) for share in event["shares"]]
        right = sum(one == gold for one, gold in zip(said, start["labels"], strict=True))
        assert event["right"] == right == round(16 * event["eval_accuracy"])
        assert all(share == round(share, 3) for share in event["shares"])
    # In the rows' order, whatever the order in which they were evaluated: the saved model says so
    rows = load_raw_datasets("folder", settings)[0]["validation"][:16]
    pairs = list(zip(rows["sentence1"], rows["sentence2"], strict=True))
    shares = shares_by(tmp_path / "model", pairs)
    assert evaluations[-1]["shares"] == pytest.approx(shares, abs=2e-3) and len(set(shares)) > 8
    assert evaluations[-1]["eval_loss"] == done["after"]["loss"]
    # What was kept of the evaluation before the first step is told alike
    again = events_of(grouped, tmp_path / "again", settings)
    assert curve(again) == curve(events) and "own_share" not in events[1]


def test_the_own_pair_is_judged_and_changes_nothing(config, settings, tmp_path):
    drops = replace(config, dropout=0.3)  # each step draws random numbers
    without = events_of(drops, tmp_path / "a", settings)
    told = events_of(drops, tmp_path / "b", settings, own_pair=OWN_PAIR)
    assert curve(told) == curve(without)
    shares = [event["own_share"] for event in told if event["event"] == "evaluation"]
    assert len(shares) == 4 and not any("own_share" in event for event in without)
    assert shares[-1] == pytest.approx(shares_by(tmp_path / "b" / "model", [OWN_PAIR])[0], abs=1e-3)
    assert OWN_PAIR[0] not in repr(told), "the events hold its probability, not its words"


# ---------------------------------------------------------------- training pairs, early stopping, the best checkpoint


def evaluations(events):
    return [event for event in events if event["event"] == "evaluation"]


def test_a_sample_of_the_training_pairs_is_judged_as_validation_is(config, settings, tmp_path):
    sampled = replace(config, train_eval_pairs=10, dropout=0.3)
    events = events_of(sampled, tmp_path / "a", settings)
    assert events[0]["train_sample"] == 10
    told = evaluations(events)
    assert all({"train_loss", "train_accuracy", "train_f1"} <= set(event) for event in told)
    # Every third or so of the 32 pairs; the saved model says what it answers them
    rows = load_raw_datasets("folder", settings)[0]["train"].select(range(32))
    rows = rows.select([number * 32 // 10 for number in range(10)])
    shares = shares_by(
        tmp_path / "a" / "model", zip(rows["sentence1"], rows["sentence2"], strict=True)
    )
    right = [(share > 0.5) == bool(gold) for share, gold in zip(shares, rows["label"], strict=True)]
    assert told[-1]["train_accuracy"] == pytest.approx(sum(right) / 10)
    gold = [share if label else 1 - share for share, label in zip(shares, rows["label"])]
    assert told[-1]["train_loss"] == pytest.approx(-sum(map(math.log, gold)) / 10, abs=1e-4)
    # It changes nothing of the run, whose dropout draws random numbers; nor does what was kept
    without = events_of(replace(sampled, train_eval_pairs=0), tmp_path / "b", settings)
    again = events_of(sampled, tmp_path / "c", settings)
    assert curve(again) == curve(events)
    assert [log for log in curve(events) if log["event"] == "log"] == [
        log for log in curve(without) if log["event"] == "log"
    ]
    assert not any("train_loss" in event for event in without)


@pytest.fixture
def spoiled(config):
    """So large a learning rate that validation gets worse."""
    return replace(config, max_steps=12, eval_steps=1, learning_rate=1e-2, warmup_steps=0.0)


@pytest.mark.parametrize("metric, sign", [("loss", -1), ("accuracy", 1), ("f1", 1)])
def test_the_best_checkpoint_is_what_the_run_leaves(metric, sign, spoiled, settings, tmp_path):
    events = events_of(replace(spoiled, metric_for_best_model=metric), tmp_path, settings)
    *_, end = events
    told = evaluations(events)[1:]
    best = max(told, key=lambda event: sign * event[f"eval_{metric}"])
    assert end["event"] == "done" and end["step"] == 12, "without patience it goes on to its end"
    assert (
        end.get("kept_step", 12)
        == best["step"]
        == kept_step(Run("", "done", vars(spoiled) | {"metric_for_best_model": metric}, events))
    )
    assert end["after"]["loss"] == best["eval_loss"]
    rows = load_raw_datasets("folder", settings)[0]["validation"][:16]
    pairs = zip(rows["sentence1"], rows["sentence2"], strict=True)
    assert shares_by(tmp_path / "model", pairs) == pytest.approx(best["shares"], abs=2e-3)
    kept = json.loads((tmp_path / "predictions.json").read_text())
    assert [round(share, 3) for share in kept["after"]] == pytest.approx(best["shares"], abs=2e-3)
    assert not list(tmp_path.glob("checkpoint-*")), "the disk holds the model once"


def test_a_run_stops_early_where_it_gets_no_better(spoiled, settings, tmp_path):
    losses = [
        event["eval_loss"] for event in evaluations(events_of(spoiled, tmp_path / "a", settings))
    ]
    stale, best, stops = 0, math.inf, None
    for step, loss in enumerate(losses[1:], 1):
        stale, best = (0, loss) if loss < best else (stale + 1, best)
        if stale == 2 and stops is None:
            stops = step
    assert stops and stops < 12, losses
    for metric, kept in (("none", stops), ("loss", stops - 2)):
        early = replace(spoiled, early_stopping_patience=2, metric_for_best_model=metric)
        events = events_of(early, tmp_path / metric, settings)
        end = events[-1]
        assert (end["event"], end["step"], end.get("kept_step", stops)) == ("done", stops, kept)
        assert (
            end["early"] and "2 evaluations in a row" in end["reason"] and "loss" in end["reason"]
        )
        assert evaluations(events)[-1]["last"] == 1
        assert closing(Run("", "running", vars(early), events[:-1]))
        assert end["after"]["loss"] == losses[kept]


def test_early_stopping_without_evaluations_says_so(config, settings, tmp_path):
    never = replace(
        config, eval_strategy="no", early_stopping_patience=1, metric_for_best_model="loss"
    )
    assert events_of(never, tmp_path, settings)[-1]["step"] == 5
    notes = " ".join(map(str, forecast(never, settings).notes))
    assert "early_stopping_patience has no effect" in notes
    assert "metric_for_best_model has no effect" in notes
