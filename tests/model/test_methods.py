"""Each method trains the weights that it names, leaves all others as they were, and leaves a model
that any reader of a checkpoint opens."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from pipeline import training
from pipeline.config import RUN_SETTINGS, TrainingConfig
from pipeline.errors import InputError
from pipeline.hub.checkpoint_rules import check_fit
from pipeline.methods import (
    A_ENDS,
    B_ENDS,
    MATRICES_FILE,
    RANK,
    layers_of,
    linear_layers,
    merge_matrices,
    own_weights,
    use_method,
)
from pipeline.model import load_model
from pipeline.settings import Settings
from pipeline.tokenization import load_tokenizer
from pipeline.training import evaluate_checkpoint, fine_tune
from tests.conftest import in_cache
from tests.support.families import FAMILIES

METHODS = RUN_SETTINGS["method"].choices


@pytest.fixture
def config(tiny):
    return TrainingConfig(
        checkpoint=tiny,
        source="folder",
        train_pairs=32,
        eval_pairs=16,
        batch_size=8,
        max_steps=3,
        learning_rate=1e-2,
        frozen_layers=1,
        warmup_steps=0.0,
        precision="fp32",
    )


def ended(config, settings):
    """(the first event of a run, its last, its folder)."""
    folder = settings.runs_folder / ("a" * 32)
    start, *_, last = fine_tune(config, folder, settings)
    assert last["event"] == "done", last
    return start, last, folder


@pytest.mark.parametrize("method", METHODS)
def test_a_run_changes_what_its_method_trains_and_its_model_answers_alike(
    method, config, settings, monkeypatch
):
    start, _ = load_model(config.checkpoint, config.seed, settings=settings)
    before = start.state_dict()
    told, last, folder = ended(replace(config, method=method), settings)
    after = load_file(folder / "model" / "model.safetensors")
    assert after.keys() == before.keys()
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    head = {"classifier.weight", "classifier.bias"}
    above = head | {"bert.pooler.dense.weight", "bert.pooler.dense.bias"}
    layers = {name for name in before if ".layer.1." in name or ".layer.2." in name}
    linear = {name for name in layers if name.endswith(".weight") and "LayerNorm" not in name}
    expected = {"lora": above | linear, "frozen": above, "head": head, "full": above | layers}
    # A key's bias moves no softmax, so it has no gradient
    assert (
        changed | {name for name in layers & expected[method] if ".key.bias" in name}
        == (expected[method])
    )
    fixed = sum(before[name].numel() for name in expected[method])
    if method == "lora":  # in place of each W, its A and B
        fixed += sum(RANK * sum(before[name].shape) - before[name].numel() for name in linear)
        added = sum(RANK * sum(before[name].shape) for name in linear)
    assert told["trained_parameters"] == fixed
    assert told["parameters"] == start.num_parameters() + (added if method == "lora" else 0)
    assert (folder / MATRICES_FILE).exists() == (method == "lora")
    monkeypatch.setattr(training, "has_fast_bf16", lambda: False)
    asked = evaluate_checkpoint(f"run:{folder.name}", "folder", first=16, settings=settings)
    assert asked["loss"] == pytest.approx(last["after"]["loss"], abs=1e-5)


def test_the_kept_matrices_are_what_the_run_added_to_each_weight(config, settings):
    start, _ = load_model(config.checkpoint, config.seed, settings=settings)
    before = start.state_dict()
    *_events, folder = ended(
        replace(config, method="lora", metric_for_best_model="loss", eval_steps=1), settings
    )
    after, kept = (
        load_file(folder / "model" / "model.safetensors"),
        load_file(folder / MATRICES_FILE),
    )
    names = {name.removesuffix(A_ENDS) for name in kept if name.endswith(A_ENDS)}
    assert len(kept) == 2 * len(names) and names == {
        name.removesuffix(".weight")
        for name in before
        if (".layer.1." in name or ".layer.2." in name) and ".dense.weight" in name
    } | {name for name in names if name.endswith(("query", "key", "value"))}
    for name in names:
        added = 2 * kept[name + B_ENDS] @ kept[name + A_ENDS]
        assert added.abs().max() > 0
        moved = after[f"{name}.weight"] - before[f"{name}.weight"]
        assert torch.allclose(moved, added, atol=1e-6), name


def test_lora_adds_rank_times_in_and_out_and_changes_no_answer_yet(tiny, settings):
    model, _ = load_model(tiny, settings=settings)
    model.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    shapes = [
        part.weight.shape
        for layer in layers_of(model)[1:]
        for part in layer.modules()
        if isinstance(part, torch.nn.Linear)
    ]
    ids = torch.tensor([[1, 2, 3, 4]])
    with torch.inference_mode():
        plain = model(ids).logits
    above = sum(
        p.numel() for p in (*model.bert.pooler.parameters(), *model.classifier.parameters())
    )
    use_method(model, "lora", 1, 42)
    added = sum(RANK * (rows + columns) for rows, columns in shapes)
    assert shapes and model.num_parameters(only_trainable=True) == above + added
    with torch.inference_mode():
        assert torch.equal(model(ids).logits, plain)
    own = own_weights(model)  # what an evaluation at step 0 is remembered by
    assert own.keys() == before.keys() and all(torch.equal(own[n], before[n]) for n in own)


@pytest.mark.parametrize("kind", ["gpt2", "t5", "albert"])
def test_lora_finds_the_linear_layers_of_other_families(kind):
    name = f"tiny-methods/{kind}"
    FAMILIES[kind](in_cache(name))
    model, _ = load_model(name, settings=Settings())
    check_fit(name, model.config, load_tokenizer(name, settings=Settings())[0])
    frozen = 0 if kind == "albert" else 1
    use_method(model, "lora", frozen, 42)
    learning = {name for name, weights in model.named_parameters() if weights.requires_grad}
    lora_a = [name for name in learning if name.endswith(A_ENDS)]
    assert len(lora_a) >= 4 and any(not name.endswith((A_ENDS, B_ENDS)) for name in learning)
    if kind == "t5":  # its decoder's layers are among them
        assert any("decoder" in name for name in lora_a)
    for name, weights in model.named_parameters():
        if name.endswith(B_ENDS):
            torch.nn.init.normal_(weights, std=0.1)
    ids = torch.tensor([[5, 6, 7, 1]])
    with torch.inference_mode():
        adapted = model(ids).logits
        merge_matrices(model)
        merged = model(ids).logits
    assert torch.allclose(adapted, merged, atol=1e-5)
    assert not any("lora" in name for name in model.state_dict())


def test_a_model_whose_layers_are_all_frozen_gets_no_matrices(tiny, settings):
    model, _ = load_model(tiny, settings=settings)
    with pytest.raises(InputError, match="no linear layers above the frozen ones"):
        use_method(model, "lora", 3, 42)
    assert not linear_layers(model)
