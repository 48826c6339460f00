"""What a run will take, against what it took: counts of the real model, the real run, the real Hub client."""

import json
import re
from dataclasses import replace

import pytest
import torch

from pipeline.config import TrainingConfig
from pipeline.errors import InputError
from pipeline.explain import forecast as forecasting
from pipeline.explain.forecast import forecast, size_of
from pipeline.methods import use_method
from pipeline.metrics import EMBEDDED_METRIC
from pipeline.model import load_model
from pipeline.runs.folder import append_event
from pipeline.runs.pace import measured_pace
from pipeline.runs.progress import Run
from pipeline.settings import EMBEDDED_CHECKPOINT, WARMED, Settings
from pipeline.tokenization import load_tokenizer
from pipeline.training import fine_tune
from tests.conftest import HF_HOME


@pytest.fixture
def config(tiny):
    return TrainingConfig(
        checkpoint=tiny,
        source="folder",
        train_pairs=40,
        eval_pairs=12,
        batch_size=8,
        epochs=2,
        max_steps=9,
        eval_steps=4,
        frozen_layers=1,
    )


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
    assert (
        expected.pairs == 64
        and expected.steps == 16
        and "There are only 64 training pairs" in " ".join(expected.notes)
    )


@pytest.mark.parametrize(
    "name, method, frozen",
    [
        (EMBEDDED_CHECKPOINT, "full", 0),
        (WARMED, "full", 2),
        ("tiny", "lora", 1),
        ("tiny", "frozen", 1),
        ("tiny_distilbert", "full", 2),
        ("tiny_distilbert", "head", 2),
    ],
)
def test_parameters_are_counted_without_loading_any(name, method, frozen, settings, request):
    name = request.getfixturevalue(name) if "tiny" in name else name
    size, loaded = size_of(name, method, frozen, settings)
    model, _ = load_model(name, settings=settings)
    use_method(model, method, frozen, 42)
    counts = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    assert loaded == name and size.parameters == sum(count for count, _ in counts)
    assert size.trainable == sum(count for count, learns in counts if learns)


@pytest.mark.parametrize(
    "method, frozen, in_bf16",
    [("full", 0, False), ("full", 3, False), ("full", 0, True), ("lora", 0, False)],
)
def test_what_the_layers_keep_for_backward_is_about_what_autograd_keeps(
    method, frozen, in_bf16, settings
):
    model, tokenizer = (
        load_model(EMBEDDED_CHECKPOINT, settings=settings)[0],
        load_tokenizer(EMBEDDED_CHECKPOINT, settings=Settings())[0],
    )
    use_method(model, method, frozen, 42)
    for module in model.train().modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    weights, kept = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}, {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    batch = tokenizer(
        ["a " * 100] * 4, padding="max_length", truncation=True, max_length=64, return_tensors="pt"
    )
    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=in_bf16),
    ):
        model(**batch, labels=torch.ones(4, dtype=torch.long))
    [part] = [
        part
        for part in forecasting.memory_parts(
            size_of(EMBEDDED_CHECKPOINT, method, frozen, settings)[0], 4, 64, in_bf16
        )
        if part.name == "activations saved for the backward pass"
    ]
    # autocast keeps bfloat16 copies of the matrices besides, whatever the batch
    copies = (
        2 * sum(p.numel() for p in model.parameters() if p.requires_grad and p.ndim > 1)
        if in_bf16
        else 0
    )
    assert 0.8 * part.bytes < sum(kept.values()) < 1.2 * part.bytes + copies


def tell_run(config, settings, name="a", slower=1.0, peak=7, **changed):
    """An earlier run's folder. Its pace: 3 s to start, 0.1 s a pair, 0.1 s a pair judged, times `slower`."""
    folder = settings.runs_folder / (name * 32)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({**config.__dict__, **changed}))
    (folder / "owner").touch()
    end = {
        "before": {"accuracy": 1, "f1": 1},
        "after": {"accuracy": 1, "f1": 1},
        "peak_bytes": peak,
    }
    events = [
        {
            "event": "start",
            "seconds": 3.0,
            "total_steps": 9,
            "eval_pairs": 12,
            "majority": {"accuracy": 0.7, "f1": 0.8},
        },
        *(
            {"event": "log", "seconds": 3.0 + 0.8 * step, "step": step, "loss": 0.7}
            for step in range(1, 10)
        ),
        {"event": "evaluation", "seconds": 3.0 + 0.8 * 9 + 1.2, "step": 9},
        {"event": "done", "seconds": 12, **end},
    ]
    events = [{**event, "seconds": event["seconds"] * slower} for event in events]
    for event in events:
        append_event(folder, event)
    return events


def test_seconds_come_from_the_pace_of_an_earlier_run(config, settings):
    before = forecast(config, settings)
    assert "an estimate" in before.pace.source
    events = tell_run(config, settings)
    pace = forecast(config, settings).pace
    assert (
        (pace.start, pace.peak_bytes) == (3.0, 7)
        and pace.pair == pytest.approx(0.1)
        and pace.judged == pytest.approx(0.1)
    )
    assert (
        pace.source
        == "measured here: an earlier run with the same checkpoint, method, frozen_layers, precision, batch_size"
    )
    # Four times 12 validation pairs, and a sample of the training pairs: here all 40 of them
    seconds = 3.0 + 9 * 8 * 0.1 + 4 * (12 + 40) * 0.1
    assert forecast(config, settings).seconds == pytest.approx(seconds)
    other = forecast(replace(config, frozen_layers=0), settings)
    assert (
        other.pace.source
        == "measured here: an earlier run with the same checkpoint, method, precision, batch_size"
    )
    assert measured_pace(Run("0" * 32, "running", {"batch_size": 8}, events[:3])) is None, (
        "two steps are too few to tell"
    )


def test_one_run_while_the_machine_was_busy_decides_nothing(config, settings):
    for name, slower in (("a", 1.0), ("b", 1.2), ("c", 6.0)):
        tell_run(config, settings, name, slower)
    tell_run(config, settings, "d", 50.0, batch_size=4)
    pace = forecast(config, settings).pace
    assert (
        pace.pair == pytest.approx(0.12)
        and pace.start == pytest.approx(3.6)
        and pace.judged == pytest.approx(0.12)
    )
    assert (
        "the median of 3 earlier runs with the same checkpoint, method, frozen_layers, precision, batch_size"
        in pace.source
    )


def test_what_earlier_runs_have_in_common_is_said_and_no_more(config, settings):
    """They may be equally like this one, and differ from it in different things."""
    for name, changed in (("a", {"batch_size": 4}), ("b", {"frozen_layers": 0})):
        tell_run(config, settings, name, max_steps=2, **changed)
    assert forecast(config, settings).pace.source.endswith(
        "2 earlier runs with the same checkpoint, method, precision"
    )


def test_the_memory_that_such_a_run_took_is_what_the_next_is_expected_to_take(config, settings):
    reckoned = forecast(config, settings)
    assert reckoned.bytes == reckoned.reckoned_bytes > 500e6
    tell_run(config, settings, "a", peak=1_800_000_000)
    tell_run(config, settings, "b", peak=1_700_000_000)
    known = forecast(config, settings)
    assert known.bytes == 1_800_000_000 and known.reckoned_bytes == reckoned.bytes
    assert known.pace.peak_source.endswith(
        "runs with the same checkpoint, method, frozen_layers, precision, batch_size, max_length"
    )
    longer = forecast(replace(config, max_length=256), settings)
    assert longer.bytes == longer.reckoned_bytes, "longer batches may take more"


def test_more_frozen_layers_than_there_are(config, settings):
    with pytest.raises(InputError, match="frozen_layers is 9, but this checkpoint has 3 layers"):
        forecast(replace(config, frozen_layers=9), settings)


# ---------------------------------------------------------------- what will be downloaded


def downloads(expected):
    """{what: (bytes, from where, or why nothing)}."""
    return {download.name: (download.bytes, download.said) for download in expected.downloads}


def test_what_is_on_this_machine_is_not_downloaded(config, settings):
    expected = forecast(config, settings)
    assert expected.download_bytes == 0 and downloads(expected) == {
        "model": (0, "nothing: it was downloaded earlier"),
        "pairs": (0, "nothing: MRPC (folder): read from the folder in MRPC_DIR"),
        "metric": (
            0,
            "nothing: mrpc_metric (embedded): the same metric from a local evaluate module, because HF_HUB_OFFLINE is set",
        ),
    }
    ours = downloads(forecast(TrainingConfig(checkpoint=WARMED, source="embedded"), settings))
    assert ours["model"] == ours["pairs"] == (0, "nothing: it comes with the app")


def test_where_the_hub_is_off_it_is_said_what_will_stand_in(settings):
    settings = replace(settings, data="auto", mrpc_folder=None)
    expected = forecast(TrainingConfig(checkpoint="nobody/has-this"), settings)
    of = downloads(expected)
    assert expected.download_bytes == 0 and all(
        "because HF_HUB_OFFLINE is set" in said for _, said in of.values()
    )
    assert (
        f"nothing: {EMBEDDED_CHECKPOINT} (embedded): stands in for nobody/has-this"
        in of["model"][1]
    )
    assert (
        "nothing: embedded pairs (embedded): stand in for MRPC" in of["pairs"][1]
        and expected.pairs == 640
    )
    assert any("would be used instead of" in warning for warning in expected.warnings)


def test_pairs_that_are_asked_of_a_hub_that_is_off_end_the_run(settings):
    expected = forecast(TrainingConfig(source="hub"), settings)
    assert (
        expected.warnings
        == [
            "The run would fail: MRPC can't be loaded: HF_HUB_OFFLINE is set. Unset that variable and start "
            "again, or choose the embedded pairs."
        ]
        and expected.download_bytes == 0
    )


ASK = """
from pathlib import Path
from pipeline.explain.forecast import forecast
from pipeline.settings import Settings
from pipeline.config import TrainingConfig
import datasets, huggingface_hub.hf_api, torch, transformers.models.bert.modeling_bert
settings = Settings(runs_folder=Path({runs!r}), data="auto", mrpc_folder=None)
config = TrainingConfig(checkpoint={checkpoint!r}, source={source!r}, frozen_layers=0)
(expected, seconds), (_again, once_more) = timed(forecast, config, settings), timed(forecast, config, settings)
print(json.dumps({{"of": {{one.name: [one.bytes, one.said] for one in expected.downloads}}, "bytes": expected.download_bytes,
                  "parameters": expected.size.parameters, "pairs": [expected.pairs, expected.eval_pairs], "seconds": seconds,
                  "once_more": once_more, "warnings": expected.warnings}}))
import sys, os; sys.stdout.flush(); os._exit(0)
"""


@pytest.fixture
def ask(tmp_path):
    """ask(client, ...) -> what a fresh interpreter forecasts there."""
    return lambda client, checkpoint=WARMED, source="auto", **environment: client.ask(
        ASK.format(runs=str(tmp_path), checkpoint=checkpoint, source=source), **environment
    )


def test_a_checkpoint_of_the_hub_is_weighed_before_it_is_downloaded(tiny, loopback, ask):
    folder = next((HF_HOME / "hub" / "models--tiny--bert" / "snapshots").iterdir())
    client = loopback("--model", f"some/bert={folder}")
    told = ask(client, "some/bert", "embedded")
    wanted = [path for path in folder.iterdir() if path.suffix in (".json", ".txt", ".safetensors")]
    assert told["of"]["model"] == [
        sum(path.stat().st_size for path in wanted),
        "some/bert from the Hub",
    ]
    assert told["parameters"] == size_of(tiny, "full", 0, Settings())[0].parameters
    assert not list(client.home.rglob("*.safetensors")), "measured, not downloaded"


LOAD = """
from pipeline.dataset import load_raw_datasets
from pipeline.metrics import load_metric
from pipeline.settings import Settings
settings = Settings(data="auto", mrpc_folder=None)
origins = [load_raw_datasets("auto", settings)[1], load_metric(settings=settings)[1]]
print(json.dumps([origin.place for origin in origins]))
"""


@pytest.fixture
def glue_space(tmp_path):
    """Such a Space as evaluate's metrics live in; only its module is downloaded."""
    (tmp_path / "space").mkdir()
    (tmp_path / "space" / "glue.py").write_text((EMBEDDED_METRIC / "mrpc_metric.py").read_text())
    (tmp_path / "space" / "app.py").write_text("# the Space's own page\n" * 99)
    return tmp_path / "space"


def test_pairs_and_metric_of_the_hub_are_weighed_downloaded_and_then_nothing_is_left_to(
    loopback, ask, glue_folder, glue_space
):
    client = loopback(
        "--dataset", f"nyu-mll/glue={glue_folder}", "--space", f"evaluate-metric/glue={glue_space}"
    )
    told = ask(client)
    assert (
        told["of"]["pairs"][1] == "nyu-mll/glue from the Hub"
        and told["of"]["metric"][1] == "evaluate-metric/glue from the Hub"
    )
    assert told["bytes"] == told["of"]["pairs"][0] + told["of"]["metric"][0] and told["pairs"] == [
        2000,
        408,
    ]
    assert told["once_more"] < 0.5
    downloaded = [
        path
        for path in client.home.rglob("*")
        if path.is_file() and path.suffix in (".parquet", ".arrow", ".py")
    ]
    assert downloaded == [], "measured, not downloaded"

    assert client.ask(LOAD) == ["hub", "hub"]
    of_pairs = [path.stat().st_size for path in client.home.glob("hub/datasets--*/blobs/*")]
    of_metric = [
        path.stat().st_size
        for path in client.home.glob("evaluate/downloads/*")
        if path.suffix not in (".json", ".lock")
    ]
    assert (sum(of_pairs), sum(of_metric)) == (told["of"]["pairs"][0], told["of"]["metric"][0]), (
        "what was measured is what came"
    )

    earlier = [0, "nothing: it was downloaded earlier"]
    here = ask(client)
    assert (
        here["of"]["pairs"] == here["of"]["metric"] == earlier
        and here["bytes"] == 0
        and here["pairs"] == [64, 16]
    )
    loopback.stop()
    gone = ask(client)
    assert gone["of"]["pairs"] == earlier and gone["bytes"] == 0 and gone["pairs"] == [64, 16]


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags, reason",
    [
        (["--status", 503], "503|within 5 s"),
        (["--stall", 20], "within 5 s|in time"),
        (None, "can't be reached"),
    ],
)
def test_a_hub_that_fails_is_asked_once_and_its_stand_ins_are_named(
    loopback, ask, glue_folder, flags, reason
):
    client = loopback("--dataset", f"nyu-mll/glue={glue_folder}", *(flags or []))
    if flags is None:
        loopback.stop()
    told = ask(client, "some/bert")
    assert told["bytes"] == 0 and told["pairs"] == [640, 160]
    for what, stands_in in (
        ("model", EMBEDDED_CHECKPOINT),
        ("pairs", "embedded pairs"),
        ("metric", "mrpc_metric"),
    ):
        assert re.search(f"nothing: {stands_in} .embedded.: .*({reason})", told["of"][what][1]), (
            told["of"][what]
        )
    assert told["seconds"] < (7 if flags else 3) and told["once_more"] < 0.5


WEIGH = """
from pipeline.task import MRPC
from pipeline.settings import Settings
from pipeline.hub.availability import download_size
print(json.dumps(download_size("dataset", MRPC.repository, MRPC.downloads, Settings())))
"""


def test_a_mirror_that_tells_sizes_in_the_tree_alone_is_asked_there(loopback, glue_folder):
    wanted = [glue_folder / "README.md", *(glue_folder / "mrpc").iterdir()]
    size = sum(path.stat().st_size for path in wanted)
    for flags in ([], ["--sizeless"]):
        assert loopback("--dataset", f"nyu-mll/glue={glue_folder}", *flags).ask(WEIGH) == size, (
            flags
        )


def test_a_hub_without_them_says_so(loopback, ask, tmp_path):
    told = ask(loopback("--dataset", f"other/data={tmp_path}"))
    assert "because the Hub has no dataset nyu-mll/glue" in told["of"]["pairs"][1]
    assert "because the Hub has no evaluate-metric/glue" in told["of"]["metric"][1]
    assert told["bytes"] == 0 and told["warnings"] == []
