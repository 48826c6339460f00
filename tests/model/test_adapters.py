"""The two embedded adapters, and the recipes that make them."""

import json
from dataclasses import replace

import pytest

from pipeline.config import TrainingConfig
from pipeline.dataset import load_raw_datasets
from pipeline.errors import InputError
from pipeline.hub.sources import EMBEDDED_ADAPTERS, adapter_files, checkpoint_files
from pipeline.model import load_model
from pipeline.settings import ADAPTERS, EMBEDDED_CHECKPOINT, READY, WARMED, Settings
from pipeline.tokenization import load_tokenizer
from pipeline.training import evaluate_checkpoint, fine_tune
from recipes import adapters
from recipes.changed_pairs import Mixture

# They judge hundreds of pairs and train the real checkpoint
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_is_small_and_nothing_but_weights(name):
    files = checkpoint_files(name, settings=Settings())
    assert files.origin.place == "embedded" and not files.origin.stands_in
    assert {path.name for path in files.adapter.iterdir()} - {"record.json"} == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "README.md",
    }
    assert (files.adapter / "adapter_model.safetensors").stat().st_size <= 2 * 2**20
    config = json.loads((files.adapter / "adapter_config.json").read_text())
    assert (
        config["base_model_name_or_path"] == EMBEDDED_CHECKPOINT and config["peft_type"] == "LORA"
    )


@pytest.mark.parametrize("name", ADAPTERS)
def test_it_becomes_a_standard_sequence_classifier_that_can_learn(name):
    from transformers import BertForSequenceClassification

    model, _ = load_model(name, settings=Settings())
    assert type(model) is BertForSequenceClassification and not model.training
    assert all(parameter.requires_grad for parameter in model.parameters())
    raw = dict(load_model(EMBEDDED_CHECKPOINT, settings=Settings())[0].named_parameters())
    changed = {key for key, value in model.named_parameters() if not value.equal(raw[key])}
    assert (
        "bert.encoder.layer.5.attention.self.query.weight" in changed
        and "classifier.weight" in changed
    )
    assert "bert.embeddings.word_embeddings.weight" not in changed


def test_there_are_only_these_two():
    assert {path.name for path in EMBEDDED_ADAPTERS.iterdir()} == {
        name.removeprefix("adapter:") for name in ADAPTERS
    }
    with pytest.raises(InputError, match="not a checkpoint id"):
        checkpoint_files("adapter:../pairs", settings=Settings())


@pytest.mark.parametrize(
    "name, split, pairs, accuracy, f1",
    [
        (READY, "validation", 408, 0.815, 0.87),
        (READY, "test", 150, 0.82, 0.87),
        (WARMED, "validation", 150, 0.72, 0.79),
    ],
)
def test_the_figures_on_the_card(mrpc_folder, name, split, pairs, accuracy, f1):
    """Floors below the card's figures, or what they are on the first pairs: another processor rounds differently.

    All of test is `benchmarks quality`'s.
    """
    found = evaluate_checkpoint(
        name, "folder", split, first=pairs, settings=Settings(mrpc_folder=mrpc_folder)
    )
    assert found["accuracy"] >= accuracy and found["f1"] >= f1
    card = (adapter_files(name).adapter / "README.md").read_text()
    assert f"{split}" in card


def test_the_ready_adapter_on_the_pairs_whose_train_split_it_learned():
    found = evaluate_checkpoint(READY, "shortcut", "test", settings=Settings())
    assert found["accuracy"] > found["majority"]["accuracy"]


def test_a_short_run_from_the_warm_start_learns_where_the_raw_checkpoint_stays(
    mrpc_folder, tmp_path
):
    """A sixth of the default run: the warm start has left the majority, the raw checkpoint has not."""
    settings = Settings(mrpc_folder=mrpc_folder)
    config = TrainingConfig(
        source="folder", train_pairs=320, max_steps=20, eval_pairs=80, eval_strategy="no"
    )
    after = {}
    for name in (WARMED, EMBEDDED_CHECKPOINT):
        *_, end = fine_tune(
            replace(config, checkpoint=name),
            tmp_path / name.replace(":", "_").replace("/", "_"),
            settings,
        )
        assert end["event"] == "done", end
        after[name] = end["after"]
    assert after[WARMED]["loss"] < after[EMBEDDED_CHECKPOINT]["loss"] - 0.02
    assert after[WARMED]["accuracy"] > after[EMBEDDED_CHECKPOINT]["accuracy"]


# ---------------------------------------------------------------- the recipes, small


def test_no_label_reaches_the_warm_start(settings, monkeypatch, tmp_path):
    """The recipe for pair-warmed works on data whose labels are gone, and gives an adapter that loads."""
    rows = load_raw_datasets("folder", settings)[0]
    blind = {split: pairs.remove_columns("label") for split, pairs in rows.items()}
    monkeypatch.setattr(adapters, "load_raw_datasets", lambda *_: (blind, "pairs without labels"))
    adapters.pair_warmed(tmp_path / "warm", settings, pairs=32)
    assert_loads(tmp_path / "warm")


def test_the_recipe_for_the_ready_adapter(settings, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(
        adapters,
        "load_raw_datasets",
        lambda source, settings: asked.append(source) or load_raw_datasets("folder", settings),
    )
    adapters.paraphrase(tmp_path / "ready", settings, "folder", folds=2, mined=8)
    assert_loads(tmp_path / "ready")
    assert asked == ["folder", "shortcut"]


def test_the_recipe_for_noticing_moves_the_ready_adapter(settings, monkeypatch, tmp_path):
    """A part of the way to where the pairs lead, and it reads train's alone: no others are there."""
    from safetensors.torch import load_file

    train_only = {"train": load_raw_datasets("folder", settings)[0]["train"]}
    monkeypatch.setattr(adapters, "load_raw_datasets", lambda *_: (train_only, "train alone"))
    ready = load_file(adapter_files(READY).adapter / "adapter_model.safetensors")
    found = {}
    for moved in (0.0, 0.5, 1.0):
        mixture = Mixture(pairs=32, moved=moved)
        adapters.noticing(tmp_path / str(moved), settings, mixture=mixture)
        found[moved] = load_file(tmp_path / str(moved) / "adapter_model.safetensors")
    assert_loads(tmp_path / "0.5")
    for name, old in ready.items():
        assert found[0.0][name].equal(old)
        half = (old.float() + found[1.0][name].float()) / 2
        assert (found[0.5][name].float() - half).abs().max() < 1e-3
    head = "base_model.model.classifier.weight"
    assert not found[1.0][head].equal(ready[head])


def assert_loads(folder):
    import torch

    from pipeline.model import with_adapter

    raw = load_model(EMBEDDED_CHECKPOINT, settings=Settings())[0]
    batch = load_tokenizer(EMBEDDED_CHECKPOINT, settings=Settings())[0](
        "One.", "Two.", return_tensors="pt"
    )
    with torch.inference_mode():
        before = raw(**batch).logits.clone()
        after = with_adapter(raw, folder)(**batch).logits
    assert torch.isfinite(after).all() and not after.equal(before)
    assert {path.suffix for path in folder.iterdir()} <= {".safetensors", ".json", ".md"}


def test_unlabeled_pairs_carry_the_cosine_of_their_embeddings(settings):
    sentences = adapters.sentences_of(load_raw_datasets("folder", settings)[0]["train"])
    pairs = adapters.unlabeled_pairs(sentences, settings, count=20)
    first, second = (adapters.embeddings([pair[i] for pair in pairs], settings) for i in (0, 1))
    assert [cosine for *_, cosine in pairs] == pytest.approx(
        (first * second).sum(1).tolist(), abs=0.02
    )
    assert pairs == adapters.unlabeled_pairs(sentences, settings, count=20)


def test_a_teacher_starts_as_the_cosine_of_the_two_halves(settings):
    import torch

    pairs = [("Shares rose today.", "Shares were up."), ("One.", "Two.")]
    model = adapters.teacher(settings).eval()
    logits = adapters.opinions(model, pairs, settings)
    assert torch.isfinite(logits).all()
    same = adapters.opinions(model, [("The cat sat.", "The cat sat.")], settings)
    assert same[0] > logits[1]


def test_similar_pairs_are_new_ones(settings):
    rows = load_raw_datasets("folder", settings)[0]["train"]
    known = list(zip(rows["sentence1"], rows["sentence2"], strict=True))
    found = adapters.similar_pairs(adapters.sentences_of(rows), known, settings, count=10)
    assert found and len(found) <= 10
    assert not {frozenset(pair) for pair in found} & {frozenset(pair) for pair in known}


def test_the_command_makes_the_recipe_that_is_named(monkeypatch, tmp_path, capsys):
    made = []
    monkeypatch.setattr(adapters, "paraphrase", lambda *given, seed: made.append((*given, seed)))
    adapters.main(["paraphrase", "--output", str(tmp_path), "--seed", "3"])
    assert made == [(str(tmp_path), Settings(), "auto", 3)]
    assert capsys.readouterr().out == f"adapter: {tmp_path}\n"
    with pytest.raises(SystemExit):
        adapters.main(["another", "--output", str(tmp_path)])
