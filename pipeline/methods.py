"""Which weights a run trains: all, low-rank additions (LoRA), those above the layers, or the head.

>>> METHODS
('full', 'lora', 'frozen', 'head')
"""

from typing import TYPE_CHECKING

from languages import say
from pipeline.errors import InputError
from pipeline.model import private_seed
from pipeline.training import freeze, layers_of

if TYPE_CHECKING:  # importing transformers takes seconds
    import torch
    from transformers import PreTrainedModel

METHODS = ("full", "lora", "frozen", "head")
RANK = 8


def use_method(model: "PreTrainedModel", method: str, seed: int, rank: int = RANK) -> None:
    """Leave trainable what `method` trains, and freeze the rest of the model in place.

    full: every weight. frozen: all but embeddings and layers (BERT: pooler and classifier).
    head: what stands outside the body (BERT: the classifier). lora: as frozen, and besides each
    linear layer of the layers gets two matrices A (rank, in) and B (out, rank): W + 2·B·A. B starts
    as zeros, so the model's answers are the same before the first step; `seed` draws A.

    Raises InputError for another name, and for a model without a stack of layers of its own.
    """
    if method not in METHODS:
        raise InputError(
            say(
                "{name} is {value!r}. Choose one of {allowed}.",
                name="method",
                value=str(method)[:60],
                allowed=", ".join(METHODS),
            )
        )
    if method == "head":
        model.base_model.requires_grad_(False)
    elif method != "full":
        freeze(model, model.config.num_hidden_layers)
    if method == "lora":
        _add_matrices(model, seed, rank)


def _add_matrices(model, seed, rank):
    from peft import LoraConfig, inject_adapter_in_model

    trained = [weights for weights in model.parameters() if weights.requires_grad]
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=_linear_in_layers(model))
    with private_seed(seed):
        inject_adapter_in_model(config, model)
    for weights in trained:  # peft freezes everything but its own matrices
        weights.requires_grad_(True)


def _linear_in_layers(model: "PreTrainedModel") -> list[str]:
    import torch

    layers = layers_of(model)
    inside = set(layers.modules()) if layers is not None else set()
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and module in inside
    ]


def merge_matrices(model: "torch.nn.Module") -> None:
    """Add 2·B·A into each adapted W, in place: the model has its own class and names again, and
    any reader of a checkpoint opens it. Without LoRA's matrices nothing changes.
    """
    from peft.tuners.lora import LoraLayer

    adapted = [(name, part) for name, part in model.named_modules() if isinstance(part, LoraLayer)]
    for name, layer in adapted:
        layer.merge()
        model.set_submodule(name, layer.base_layer)


def trained_parameters(model: "torch.nn.Module") -> int:
    """How many numbers the optimizer moves."""
    return sum(weights.numel() for weights in model.parameters() if weights.requires_grad)
