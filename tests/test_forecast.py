"""What a run will take, against what it took: counts of the real model, the real run, the real Hub client."""

import doctest
import json
from dataclasses import replace

import pytest
import torch

from pipeline import forecast as forecasting
from pipeline.forecast import forecast, measured_pace, size_of
from pipeline.runs import Run
from pipeline.settings import EMBEDDED_CHECKPOINT, WARMED, InputError
from pipeline.sources import load_model, load_tokenizer
from pipeline.story import append_event
from pipeline.training import TrainingConfig, fine_tune, freeze
from tests.conftest import HF_HOME


@pytest.fixture
def config(tiny):
    return TrainingConfig(checkpoint=tiny, source="folder", train_pairs=40, eval_pairs=12, batch_size=8, epochs=2, max_steps=9,
                          eval_steps=4, frozen_layers=1)  # fmt: skip


@pytest.mark.parametrize("strategy", ["steps", "epoch", "no"])
def test_steps_and_evaluations_are_those_of_the_run(config, settings, tmp_path, strategy):
    config = replace(config, eval_strategy=strategy)
    expected = forecast(config, settings)
    told = [event["event"] for event in fine_tune(config, tmp_path, settings)]
    assert told.count("log") == expected.steps == 9
    # The run's own last evaluation is told, too
    assert told.count("evaluation") == expected.evaluations


def test_fewer_pairs_than_asked_for_are_said_and_shorten_the_run(config, settings):
    expected = forecast(replace(config, train_pairs=1000, max_steps=300), settings)
    assert expected.pairs == 64 and expected.steps == 16 and "There are 64 pairs" in " ".join(expected.notes)


@pytest.mark.parametrize("name, frozen", [(EMBEDDED_CHECKPOINT, 0), (WARMED, 2), ("tiny", 1), ("tiny_distilbert", 2)])
def test_parameters_are_counted_without_loading_any(name, frozen, settings, request):
    name = request.getfixturevalue(name) if "tiny" in name else name
    size, loaded = size_of(name, frozen, settings)
    model, _ = load_model(name, settings=settings)
    freeze(model, frozen)
    counts = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    assert loaded == name and size.parameters == sum(count for count, _ in counts)
    assert size.trainable == sum(count for count, learns in counts if learns)


@pytest.mark.parametrize("frozen, in_bf16", [(0, False), (3, False), (0, True)])
def test_what_the_layers_keep_for_backward_is_about_what_autograd_keeps(frozen, in_bf16, settings):
    model, tokenizer = load_model(EMBEDDED_CHECKPOINT, settings=settings)[0], load_tokenizer(EMBEDDED_CHECKPOINT)[0]
    freeze(model, frozen)
    for module in model.train().modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    weights, kept = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}, {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    batch = tokenizer(["a " * 100] * 4, padding="max_length", truncation=True, max_length=64, return_tensors="pt")
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), torch.autocast("cpu", torch.bfloat16, enabled=in_bf16):
        model(**batch, labels=torch.ones(4, dtype=torch.long))
    [part] = [part for part in forecasting.memory_parts(size_of(EMBEDDED_CHECKPOINT, frozen, settings)[0], 4, 64, in_bf16)
              if part.name == "kept for backward"]  # fmt: skip
    # autocast keeps bfloat16 copies of the matrices besides, whatever the batch
    copies = 2 * sum(p.numel() for p in model.parameters() if p.requires_grad and p.ndim > 1) if in_bf16 else 0
    assert 0.8 * part.bytes < sum(kept.values()) < 1.2 * part.bytes + copies


def tell_run(config, settings, name="a", slower=1.0, peak=7, **changed):
    """An earlier run's folder. Its pace: 3 s to start, 0.1 s a pair, 0.1 s a pair judged, times `slower`."""
    folder = settings.runs_folder / (name * 32)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({**config.__dict__, **changed}))
    (folder / "owner").touch()
    end = {"before": {"accuracy": 1, "f1": 1}, "after": {"accuracy": 1, "f1": 1}, "peak_bytes": peak}
    events = [{"event": "start", "seconds": 3.0, "total_steps": 9, "eval_pairs": 12, "majority": {"accuracy": 0.7, "f1": 0.8}},
              *({"event": "log", "seconds": 3.0 + 0.8 * step, "step": step, "loss": 0.7} for step in range(1, 10)),
              {"event": "evaluation", "seconds": 3.0 + 0.8 * 9 + 1.2, "step": 9}, {"event": "done", "seconds": 12, **end}]  # fmt: skip
    events = [{**event, "seconds": event["seconds"] * slower} for event in events]
    for event in events:
        append_event(folder, event)
    return events


def test_seconds_come_from_the_pace_of_an_earlier_run(config, settings):
    before = forecast(config, settings)
    assert "an estimate" in before.pace.source
    events = tell_run(config, settings)
    pace = forecast(config, settings).pace
    assert (pace.start, pace.peak_bytes) == (3.0, 7) and pace.pair == pytest.approx(0.1) and pace.judged == pytest.approx(0.1)
    assert "an earlier run with the same settings" in pace.source
    assert forecast(config, settings).seconds == pytest.approx(3.0 + 9 * 8 * 0.1 + 4 * 12 * 0.1)
    other = forecast(replace(config, frozen_layers=0), settings)
    assert "1 layers frozen" in other.pace.source
    assert measured_pace(Run("0" * 32, "running", {"batch_size": 8}, events[:3])) is None, "two steps are too few to tell"


def test_one_run_while_the_machine_was_busy_decides_nothing(config, settings):
    for name, slower in (("a", 1.0), ("b", 1.2), ("c", 6.0)):
        tell_run(config, settings, name, slower)
    tell_run(config, settings, "d", 50.0, batch_size=4)
    pace = forecast(config, settings).pace
    assert pace.pair == pytest.approx(0.12) and pace.start == pytest.approx(3.6) and pace.judged == pytest.approx(0.12)
    assert "the median of 3 earlier runs with the same settings" in pace.source


def test_the_memory_that_such_a_run_took_is_what_the_next_is_expected_to_take(config, settings):
    reckoned = forecast(config, settings)
    assert reckoned.bytes == reckoned.reckoned_bytes > 500e6
    tell_run(config, settings, "a", peak=1_800_000_000)
    tell_run(config, settings, "b", peak=1_700_000_000)
    known = forecast(config, settings)
    assert known.bytes == 1_800_000_000 and known.reckoned_bytes == reckoned.bytes
    longer = forecast(replace(config, max_length=256), settings)
    assert longer.bytes == longer.reckoned_bytes, "longer batches may take more"


def test_what_cannot_be_known_is_said(settings):
    expected = forecast(TrainingConfig(checkpoint="nobody/has-this", source="folder"), settings)
    assert expected.download_bytes is None and "HF_HUB_OFFLINE" in expected.download
    assert any("would stand in" in note for note in expected.warnings)
    assert forecast(TrainingConfig(checkpoint=WARMED, source="folder"), settings).download_bytes == 0


def test_more_frozen_layers_than_there_are(config, settings):
    with pytest.raises(InputError, match="frozen_layers is 9, but this checkpoint has 3 layers"):
        forecast(replace(config, frozen_layers=9), settings)


ASK = """
from pathlib import Path
from pipeline.forecast import forecast
from pipeline.settings import Settings
from pipeline.training import TrainingConfig
expected = forecast(TrainingConfig(checkpoint="some/bert", source="embedded", frozen_layers=0), Settings(runs_folder=Path({runs!r})))
print(json.dumps([expected.download_bytes, expected.download, expected.size.parameters, expected.notes]))
"""


def test_a_checkpoint_of_the_hub_is_weighed_before_it_is_downloaded(tiny, loopback, tmp_path):
    folder = next((HF_HOME / "hub" / "models--tiny--bert" / "snapshots").iterdir())
    client = loopback("--model", f"some/bert={folder}")
    size, said, parameters, _ = client.ask(ASK.format(runs=str(tmp_path)))
    wanted = [path for path in folder.iterdir() if path.suffix in (".json", ".txt", ".safetensors")]
    assert size == sum(path.stat().st_size for path in wanted) and said == "some/bert from the Hub"
    assert parameters == size_of(tiny, 0, None)[0].parameters
    assert not list(client.home.rglob("*.safetensors")), "weighed, not downloaded"


def test_the_example_in_the_text():
    assert doctest.testmod(forecasting).failed == 0
