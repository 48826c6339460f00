"""A classifier made quick: the same logits."""

import multiprocessing

import pytest

from benchmarks.quality import accuracy, accuracy_in_float32
from pipeline.collation import collate
from pipeline.config import TrainingConfig
from pipeline.model import load_model
from pipeline.serving import served
from pipeline.settings import Settings, has_gpu
from pipeline.tokenization import load_tokenizer, tokenize_function
from pipeline.training import build_training_args

PAIRS = [
    ("Shares rose today.", "Shares were up."),
    ("One.", "Two."),
    ("The cat sat on the mat by the door.", "It rained " * 40),
]


@pytest.fixture(scope="module")
def names(tiny, tiny_distilbert, tiny_roberta_id):
    return {
        "bert": tiny,
        "distilbert": tiny_distilbert,
        "roberta": tiny_roberta_id,
        "real": "adapter:paraphrase",
    }


@pytest.mark.parametrize("which", ["bert", "distilbert", "roberta", "real"])
@pytest.mark.parametrize("in_bf16, rounding", [(False, 2e-5), (True, 0.06)])
def test_the_logits_are_the_models_own(names, which, in_bf16, rounding):
    import torch

    tokenizer, model = (
        load_tokenizer(names[which], settings=Settings())[0],
        load_model(names[which], settings=Settings())[0],
    )
    examples = {"sentence1": [a for a, _ in PAIRS], "sentence2": [b for _, b in PAIRS]}
    encodings = [
        tokenize_function(tokenizer, {key: texts[i] for key, texts in examples.items()}, 128)
        for i in range(3)
    ]
    padded = collate(tokenizer, encodings)
    with torch.inference_mode():
        expected = model(**padded).logits
    serve = served(model, in_bf16=in_bf16)
    assert (serve(**padded) - expected).abs().max() < rounding
    alone = torch.cat([serve(**collate(tokenizer, [encoding])) for encoding in encodings])
    assert (alone - expected).abs().max() < rounding and alone.dtype == torch.float32


def test_on_zero_gpu_only_the_call_has_a_gpu(tiny, monkeypatch):
    """There, torch says in the server too that it has one."""
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda **_: pytest.fail("a GPU was asked that isn't there")
    )
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    assert not has_gpu() and served(load_model(tiny, settings=Settings())[0]).device.type == "cpu"
    assert load_model(tiny, settings=Settings())[0].config._attn_implementation == "eager"
    assert build_training_args(TrainingConfig(), "unused").device.type == "cpu"
    monkeypatch.setitem(
        multiprocessing.current_process()._config, "daemon", True
    )  # as in what it forks for a call
    assert has_gpu()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert not has_gpu()


def test_serving_costs_no_accuracy():
    """Within 0.3 points, in whatever precision this processor is served; on MRPC, `python -m benchmarks quality` tells."""
    served_right, whole = (
        measure("adapter:paraphrase", "test", "shortcut", 48)
        for measure in (accuracy, accuracy_in_float32)
    )
    assert 0.75 < whole < 0.95 and abs(served_right - whole) <= 0.003


def test_berts_layers_are_fused_and_a_relative_of_another_kind_is_left_alone(tiny, tiny_roberta_id):
    from torch.nn import TransformerEncoderLayer

    assert all(
        isinstance(layer, TransformerEncoderLayer)
        for layer in served(load_model(tiny, settings=Settings())[0]).layers
    )
    assert not hasattr(served(load_model(tiny_roberta_id, settings=Settings())[0]), "layers")
    other = load_model(tiny, settings=Settings())[0]
    other.config.hidden_act = "relu"
    assert not hasattr(served(other), "layers")
