"""What a run leaves for its owner: a zip that loads, a card that says what is true, a push with the real Hub client."""

import io
import json
import logging
import shutil
import zipfile
from dataclasses import replace

import pytest
import yaml

from pipeline.config import TrainingConfig
from pipeline.errors import InputError
from pipeline.explain.what_changed import Judgement, read_judgement
from pipeline.export.model import (
    checked_repo_name,
    files_of,
    model_card,
    push,
    saved_run,
    zip_chunks,
    zip_name,
)
from pipeline.prediction import predict
from pipeline.runs.folder import append_event
from pipeline.runs.queue import read_run
from pipeline.settings import EMBEDDED_CHECKPOINT, READY, WARMED, Settings
from pipeline.task import MRPC
from pipeline.training import fine_tune
from tests.conftest import ROOT

TOKEN = "hf_aTokenThatNobodyElseMaySee"
PAIRS = ROOT / "pipeline" / "embedded" / "pairs"


def finished_run(config, settings, run_id="a" * 32):
    """A run told into its folder, without a process of its own."""
    folder = settings.runs_folder / run_id
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config.checked(settings).__dict__))
    for event in fine_tune(config, folder, settings):
        append_event(folder, event)
    assert event["event"] == "done", event
    return read_run(run_id, settings)


@pytest.fixture(scope="module")
def trained(tiny, small_folder, tmp_path_factory):
    """Settings whose folder of runs holds one that has ended."""
    folder = tmp_path_factory.mktemp("trained") / "runs"
    settings = Settings(mrpc_folder=small_folder, runs_folder=folder, data="folder")
    config = TrainingConfig(
        checkpoint=tiny,
        source="folder",
        train_pairs=16,
        eval_pairs=12,
        batch_size=8,
        max_steps=2,
        frozen_layers=0,
        learning_rate=1e-2,
        precision="fp32",
        seed=5,
    )
    finished_run(config, settings)
    return settings


@pytest.fixture
def run(trained, settings):
    """That run, in a folder that a test may do with what it likes."""
    shutil.copytree(trained.runs_folder, settings.runs_folder)
    return read_run("a" * 32, settings)


def unzipped(run, settings, folder):
    archive = b"".join(zip_chunks(files_of(run, settings), zip_name(run)))
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.testzip() is None
        opened.extractall(folder)
    return folder / zip_name(run)


def test_the_zip_holds_a_model_that_answers_as_the_runs_does(run, settings, tmp_path):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = unzipped(run, settings, tmp_path)
    names = {path.name for path in folder.iterdir()}
    assert {"README.md", "train.py", "model.safetensors", "config.json", "tokenizer.json"} <= names
    assert not any(name.endswith((".bin", ".pt", ".pkl")) for name in names), "no pickle goes out"
    assert (settings.runs_folder / run.id / "model" / "training_args.bin").exists(), (
        "though Trainer left one"
    )
    model, tokenizer = (
        AutoModelForSequenceClassification.from_pretrained(folder),
        AutoTokenizer.from_pretrained(folder),
    )
    logits = (
        model.eval()(**tokenizer("A cat sat.", "A cat slept.", return_tensors="pt"))
        .logits[0]
        .tolist()
    )
    [mine], _ = predict(f"run:{run.id}", [("A cat sat.", "A cat slept.")], settings=settings)
    assert list(mine.logits.values()) == pytest.approx(logits, abs=0.02) and list(
        mine.logits
    ) == list(model.config.id2label.values())


def test_the_card_is_valid_and_says_what_the_run_told(run, settings):
    card = model_card(run, "ann/mine")
    _, front, text = card.split("---\n", 2)
    front = yaml.safe_load(front)
    end, start = run.first("done"), run.first("start")
    metrics = {
        metric["type"]: metric["value"]
        for metric in front["model-index"][0]["results"][0]["metrics"]
    }
    assert metrics == {name: pytest.approx(end["after"][name], abs=1e-4) for name in MRPC.metrics}
    assert (
        front["base_model"] == run.config["checkpoint"]
        and front["datasets"] == ["nyu-mll/glue"]
        and front["license"] == "other"
    )
    assert (
        f"| accuracy | {end['before']['accuracy']:.1%} | {end['after']['accuracy']:.1%} | {start['majority']['accuracy']:.1%} |"
        in text
    )
    assert (
        "non-commercial research" in text
        and "seed 5" in text
        and "| learning_rate | 0.01 |" in text
    )
    assert all(f"{package} {version}" in text for package, version in start["versions"].items())


def test_the_zips_card_names_the_zips_folder(run, settings, tmp_path):
    card = (unzipped(run, settings, tmp_path) / "README.md").read_text()
    assert (
        "# paraphrase-aaaaaaaa\n" in card and 'model="paraphrase-aaaaaaaa")  # this folder' in card
    )


def test_the_card_of_embedded_pairs_needs_no_mrpc_note(tiny, settings):
    config = TrainingConfig(
        checkpoint=tiny,
        source="embedded",
        train_pairs=8,
        eval_pairs=4,
        max_steps=1,
        frozen_layers=0,
    )
    card = model_card(finished_run(config, settings, "b" * 32), "mine")
    assert "Microsoft" not in card and "nyu-mll" not in card
    assert "CC0-1.0" in card and "CC0-1.0" in (PAIRS / "README.md").read_text(), (
        "the licence that the pairs' own card names"
    )


@pytest.mark.parametrize(
    ("start", "said"), [(WARMED, "without pairing and labels"), (READY, "with their labels")]
)
def test_the_card_says_that_the_start_knows_mrpcs_sentences(run, start, said):
    events = [
        {**run.events[0], "model": {**run.events[0]["model"], "loaded": start}},
        *run.events[1:],
    ]
    card = model_card(replace(run, events=events), "mine")
    assert (
        f"The start, `{start}`, was itself trained on the sentences of MRPC's train split, {said}."
        in card
    )
    assert f"`{EMBEDDED_CHECKPOINT}`, is under Apache 2.0" in card


def test_no_text_of_a_story_becomes_yaml(run, settings):
    events = [*run.events]
    events[0] = {**events[0], "model": {**events[0]["model"], "loaded": "x\nlicense: mit"}}
    with pytest.raises(InputError, match="not a checkpoint id"):
        model_card(replace(run, events=events), "mine")


def test_a_run_without_a_model_has_nothing_to_save(settings):
    with pytest.raises(InputError, match="no model to save"):
        saved_run("0" * 32, settings)


def test_a_link_in_the_models_folder_is_not_followed(run, settings):
    (settings.runs_folder / run.id / "model" / "notes.txt").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match="link"):
        files_of(run, settings)


@pytest.mark.parametrize(
    "name",
    ["", " ", "a/b", "../x", "a--b", "-a", "a.", ".a", "a" * 97, "x.git", "ä", "a b", None, 7],
)
def test_a_repository_has_a_name_that_the_hub_takes(name):
    with pytest.raises(InputError, match="not a valid repository name"):
        checked_repo_name(name)


# ---------------------------------------------------------------- the push

PUSH = """
import logging, io
from pathlib import Path
from pipeline.export.model import push
from pipeline.settings import Settings
from pipeline.errors import InputError
heard = io.StringIO()
logging.basicConfig(stream=heard, level=logging.DEBUG)
settings = Settings(runs_folder=Path({folder!r}), hub_decision_seconds={seconds})
try:
    said = push({run!r}, "mine", {token!r}, settings=settings)
except InputError as error:
    said = "refused: " + str(error)
print(json.dumps({{"said": said, "heard": heard.getvalue()}}))
"""


def pushed(client, run, settings, token=TOKEN, seconds=20, **environment):
    answer = client.ask(
        PUSH.format(folder=str(settings.runs_folder), run=run.id, token=token, seconds=seconds),
        **environment,
    )
    assert TOKEN not in answer["said"] and TOKEN not in answer["heard"], (
        "no token in a message or a log"
    )
    return answer["said"]


def test_a_push_makes_a_private_repository_with_the_model_and_never_another_time(
    run, settings, loopback, tmp_path
):
    client = loopback("--token", TOKEN, "--pushed", tmp_path)
    assert pushed(client, run, settings) == f"http://127.0.0.1:{client.port}/ann/mine"
    repo = tmp_path / "ann" / "mine"
    assert json.loads((repo / "create.json").read_text())["visibility"] == "private"
    files = files_of(run, settings, "ann/mine")
    assert {path.name for path in repo.iterdir()} == {*files, "create.json"}
    for name, content in files.items():
        assert (repo / name).read_bytes() == (
            content if isinstance(content, bytes) else content.read_bytes()
        )
    assert "You already have a repository 'mine'" in pushed(client, run, settings)
    inside = [path for path in (settings.runs_folder / run.id).rglob("*") if path.is_file()]
    assert not any(TOKEN.encode() in path.read_bytes() for path in inside), (
        "no token in the run's folder"
    )


@pytest.mark.slow
def test_each_way_in_which_a_push_fails_says_what_to_do(run, settings, loopback, tmp_path):
    stalled = loopback("--token", TOKEN, "--stall", 30)
    assert "no answer within 1 s" in pushed(stalled, run, settings, seconds=1)
    loopback.stop()
    reader = loopback("--token", TOKEN, "--token-rights", "read", "--pushed", tmp_path / "reader")
    assert "isn't allowed to create repositories" in pushed(reader, run, settings)
    loopback.stop()
    known = loopback("--token", TOKEN, "--pushed", tmp_path / "known")
    assert "You aren't signed in" in pushed(known, run, settings, token=None)
    assert "Hub doesn't know this token" in pushed(known, run, settings, token="hf_another")
    assert "HF_HUB_OFFLINE is set. Download the model instead, or unset that variable" in pushed(
        known, run, settings, HF_HUB_OFFLINE="1"
    )
    loopback.stop()
    gone = pushed(known, run, settings)
    assert "can't be reached" in gone and "Download the model instead" in gone


def test_a_name_is_looked_at_before_anything_is_sent(run, settings, caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(InputError, match="not a valid repository name"):
        push(run.id, "../x", TOKEN, settings=settings)
    assert TOKEN not in caplog.text


# ---------------------------------------------------------------- pair by pair


def test_the_answers_kept_are_those_of_the_evaluation(run, settings):
    judgement, _ = read_judgement(settings.runs_folder / run.id)
    end = run.first("done")
    for when in ("before", "after"):
        assert judgement.accuracy(when) == pytest.approx(end[when]["accuracy"])
        counts = judgement.confusion(when)
        f1 = 2 * counts[1, 1] / max(2 * counts[1, 1] + counts[0, 1] + counts[1, 0], 1)
        assert f1 == pytest.approx(end[when]["f1"]) and sum(counts.values()) == 12


def test_the_answers_stand_in_the_rows_order_whatever_the_batches(tiny, settings):
    """Trainer evaluates pairs grouped by length; the same pairs one by one through the saved model say which is which."""
    import torch

    from pipeline.dataset import load_raw_datasets
    from pipeline.model import load_model
    from pipeline.tokenization import load_tokenizer

    config = TrainingConfig(
        checkpoint=tiny,
        source="embedded",
        train_pairs=32,
        eval_pairs=30,
        batch_size=8,
        max_steps=4,
        frozen_layers=0,
        learning_rate=1e-2,
        precision="fp32",
        train_sampling_strategy="group_by_length",
    )
    run = finished_run(config, settings, "c" * 32)
    judgement, _ = read_judgement(settings.runs_folder / run.id)
    rows = load_raw_datasets("embedded", settings)[0]["validation"].select(range(30))
    tokenizer = load_tokenizer(tiny, settings=Settings())[0]
    for name, when in ((tiny, "before"), (f"run:{run.id}", "after")):
        model = load_model(name, config.seed, settings=settings)[0]
        with torch.inference_mode():
            alone = [
                model(
                    **tokenizer(
                        row["sentence1"],
                        row["sentence2"],
                        truncation=True,
                        max_length=128,
                        return_tensors="pt",
                    )
                )
                .logits[0]
                .double()
                .softmax(-1)[1]
                .item()
                for row in rows
            ]
        assert getattr(judgement, when) == pytest.approx(alone, abs=1e-5) and len(set(alone)) > 20
    assert judgement.labels == tuple(rows["label"])


def test_answers_before_are_remembered_with_the_figures_and_a_damaged_memory_is_made_again(
    run, tiny, settings
):
    [kept] = settings.runs_folder.glob("before/*.json")
    values, first = json.loads(kept.read_text()), read_judgement(settings.runs_folder / run.id)[0]
    assert values["shares"] == list(first.before)
    for damage in (
        {**values, "shares": values["shares"][:-1]},
        {**values, "shares": [2.0] * 12},
        {},
        [],
    ):
        kept.write_text(json.dumps(damage))
        again = finished_run(
            TrainingConfig(**run.config),
            settings,
            f"{len(list(settings.runs_folder.iterdir())):032x}",
        )
        assert read_judgement(settings.runs_folder / again.id)[0] == first
        assert json.loads(kept.read_text())["shares"] == list(first.before)


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "[]",
        "{",
        '{"pairs": 1}',
        '{"pairs": "x", "labels": [1], "before": [0.5], "after": [0.5, 0.5]}',
        '{"pairs": "x", "labels": [2], "before": [0.5], "after": [0.5]}',
        '{"pairs": "x", "labels": [true], "before": [0.5], "after": [0.5]}',
        '{"pairs": "x", "labels": [1], "before": ["<b>"], "after": [0.5]}',
        '{"pairs": "x", "labels": [1], "before": [1.5], "after": [0.5]}',
        '{"pairs": "x", "labels": [], "before": [], "after": []}',
    ],
)
def test_damaged_predictions_are_no_judgement(damage, tmp_path):
    (tmp_path / "predictions.json").write_text(damage)
    assert read_judgement(tmp_path) is None


def test_what_was_fixed_and_what_was_broken():
    judgement = Judgement((1, 1, 0, 0, 1), (0.4, 0.1, 0.3, 0.6, 0.9), (0.6, 0.9, 0.8, 0.7, 0.95))
    assert judgement.fixed == [1, 0] and judgement.broken == [2]
    assert judgement.accuracy("before") == 0.4 and judgement.accuracy("after") == 0.6
