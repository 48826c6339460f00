"""Each method trains the weights that it names, and leaves all others exactly as they were."""

import pytest
import torch

from pipeline.config import TrainingConfig
from pipeline.errors import InputError
from pipeline.methods import METHODS, RANK, merge_matrices, trained_parameters, use_method
from pipeline.model import load_model
from pipeline.training import layers_of, prepare


@pytest.fixture
def config(tiny):
    return TrainingConfig(
        checkpoint=tiny,
        source="folder",
        train_pairs=32,
        eval_pairs=16,
        batch_size=8,
        learning_rate=1e-3,
        frozen_layers=0,
        eval_strategy="no",
        precision="fp32",
    )


@pytest.mark.parametrize("method", METHODS)
def test_two_steps_change_what_the_method_trains(method, config, settings, tmp_path):
    trainer, _ = prepare(config, tmp_path, settings)
    model = trainer.model
    before = {name: value.clone() for name, value in model.state_dict().items()}
    linear = {
        f"{name}.weight"
        for name, part in model.named_modules()
        if isinstance(part, torch.nn.Linear) and ".layer." in name
    }
    use_method(model, method, config.seed)
    trainer.args.max_steps = 2
    trainer.train()
    merge_matrices(model)
    after = model.state_dict()
    assert after.keys() == before.keys()
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    head = {"classifier.weight", "classifier.bias"}
    above = head | {"bert.pooler.dense.weight", "bert.pooler.dense.bias"}
    expected = {"lora": above | linear, "frozen": above, "head": head}
    if method == "full":
        assert changed > above | linear and any("embeddings" in name for name in changed)
    else:
        assert changed == expected[method]


def test_lora_adds_rank_times_in_and_out_and_changes_no_answer_yet(tiny, settings):
    model, _ = load_model(tiny, settings=settings)
    model.eval()
    shapes = [p.weight.shape for p in layers_of(model).modules() if isinstance(p, torch.nn.Linear)]
    ids = torch.tensor([[1, 2, 3, 4]])
    with torch.inference_mode():
        plain = model(ids).logits
    use_method(model, "frozen", 42)
    above = trained_parameters(model)
    use_method(model, "lora", 42)
    added = sum(RANK * (rows + columns) for rows, columns in shapes)
    assert shapes and trained_parameters(model) == above + added
    with torch.inference_mode():
        assert torch.equal(model(ids).logits, plain)


def test_merging_keeps_the_answers(tiny, settings):
    model, _ = load_model(tiny, settings=settings)
    model.eval()
    use_method(model, "lora", 42)
    for name, weights in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.1)
    ids = torch.tensor([[1, 2, 3, 4]])
    with torch.inference_mode():
        adapted = model(ids).logits
        merge_matrices(model)
        merged = model(ids).logits
    assert torch.allclose(adapted, merged, atol=1e-5)


def test_another_method_is_refused(tiny, settings):
    model, _ = load_model(tiny, settings=settings)
    with pytest.raises(InputError, match="method is 'half'. Choose one of full, lora"):
        use_method(model, "half", 42)
