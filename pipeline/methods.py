"""Which weights a run trains: all above the frozen layers, low-rank additions to them (LoRA), those
above the body's layers, or the head.

With LoRA a linear layer computes with W + 2·B·A: W stays, A (rank, in) and B (out, rank) learn. In
the end 2·B·A is added into W, so that the model is as any other.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from languages import say, say_plural
from pipeline.errors import InputError
from pipeline.model import private_seed

if TYPE_CHECKING:  # importing transformers takes seconds
    import torch
    from transformers import PreTrainedModel

RANK, ALPHA = 8, 16  # alpha / rank = 2 is what B·A is multiplied by
MATRICES_FILE = "lora.safetensors"  # in a run's folder, before they were added into the weights
TURNED = "fan_in_fan_out"  # in the file, as peft calls it
A_ENDS, B_ENDS = ".lora_A.default.weight", ".lora_B.default.weight"  # as peft names them


def use_method(model: "PreTrainedModel", method: str, frozen_layers: int, seed: int) -> None:
    """Leave trainable what `method` of a checked config trains, and freeze the rest in place.

    full: every weight above `frozen_layers` layers. head: what stands outside the body (BERT: the
    classifier). frozen: the head and the body's pooler. lora: as frozen, and besides each linear
    layer of the layers above `frozen_layers` gets A and B. B starts as zeros, so the answers are
    the same before the first step; `seed` draws A.

    Raises InputError where the model has fewer layers than `frozen_layers`, or no linear ones.
    """
    if method in ("full", "lora"):
        freeze(model, frozen_layers)
    if method == "full":
        return
    adapted = linear_layers(model) if method == "lora" else []
    for name, weights in model.base_model.named_parameters():
        weights.requires_grad_(method != "head" and "pooler" in name)
    if method == "lora":
        _add_matrices(model, adapted, seed)


def linear_layers(model: "PreTrainedModel") -> list[str]:
    """Names of the linear layers inside the body's layers that aren't frozen."""
    import torch
    from transformers.pytorch_utils import Conv1D  # as GPT-2 calls a linear layer

    inside = _in_stacks(model.base_model)
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, (torch.nn.Linear, Conv1D))
        and module in inside
        and module.weight.requires_grad
    ]


def _in_stacks(body):
    """All modules within a ModuleList of the body."""
    import torch

    return {
        inner
        for module in body.modules()
        if isinstance(module, torch.nn.ModuleList)
        for inner in module.modules()
    }


def _add_matrices(model, names, seed):
    from peft import LoraConfig, inject_adapter_in_model

    if not names:
        raise InputError(
            say(
                "method is lora, but this checkpoint has no linear layers above the frozen ones. "
                "Choose another method, or fewer frozen_layers."
            )
        )
    trained = [weights for weights in model.parameters() if weights.requires_grad]
    config = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=names)
    with private_seed(seed):
        inject_adapter_in_model(config, model)
    for weights in trained:  # peft freezes everything but its own matrices
        weights.requires_grad_(True)


# ---------------------------------------------------------------- LoRA's matrices


def matrices_of(model: "torch.nn.Module") -> "dict[str, torch.Tensor]":
    """{name as peft has it: A or B of a linear layer}; {} without LoRA."""
    return {
        name: weights.detach()
        for name, weights in model.named_parameters()
        if name.endswith((A_ENDS, B_ENDS))
    }


def own_weights(model: "torch.nn.Module") -> "dict[str, torch.Tensor]":
    """The model's state under the names that it has without LoRA, and without A and B."""
    matrices = matrices_of(model)
    return {
        name.replace(".base_layer.", "."): weights
        for name, weights in model.state_dict().items()
        if name not in matrices
    }


def save_matrices(model: "torch.nn.Module", folder: Path) -> None:
    """Leave A and B of each linear layer in a run's folder, without LoRA nothing. Raises
    OSError.
    """
    from safetensors.torch import save_file

    if matrices := matrices_of(model):
        kept = {name: weights.cpu().contiguous() for name, weights in matrices.items()}
        # GPT-2 keeps its W as (in, out), and so does a reader of the file need to know
        turned = any(getattr(part, "fan_in_fan_out", False) for part in model.modules())
        save_file(kept, folder / MATRICES_FILE, {TURNED: str(turned)})


def merge_matrices(model: "torch.nn.Module") -> None:
    """Add 2·B·A into each adapted W, in place: the model has its own class and names again, and
    any reader of a checkpoint opens it. Without LoRA nothing changes.
    """
    from peft.tuners.lora import LoraLayer

    adapted = [(name, part) for name, part in model.named_modules() if isinstance(part, LoraLayer)]
    for name, layer in adapted:
        layer.merge()
        model.set_submodule(name, layer.base_layer)


# ---------------------------------------------------------------- frozen layers


def freeze(model: "PreTrainedModel", layers: int) -> None:
    """The embeddings and the lowest `layers` layers of the encoder stay as they are; 0 freezes
    nothing.

    Raises InputError where the model has fewer layers, or shares one set of weights among them.
    """
    if not layers:
        return
    found = layers_of(model)
    if found is None or layers > len(found):
        has = (
            say_plural("has {count} layer", "has {count} layers", len(found))
            if found is not None
            else say("has no stack of layers with separate weights")
        )
        raise InputError(
            say(
                "frozen_layers is {layers}, but this checkpoint {extent}. Choose a smaller "
                "number, or 0.",
                layers=layers,
                extent=has,
            )
        )
    for part in (*embeddings_of(model), *found[:layers]):
        part.requires_grad_(False)


def layers_of(model: "PreTrainedModel") -> "torch.nn.ModuleList | None":
    """The ModuleList of the body's layers, wherever an architecture keeps it; None where there is
    none.

    ALBERT has one layer that is run twelve times, so there is no lowest one to freeze.
    """
    import torch

    lists = [
        module for module in model.base_model.modules() if isinstance(module, torch.nn.ModuleList)
    ]
    return next((each for each in lists if len(each) == model.config.num_hidden_layers), None)


def embeddings_of(model: "PreTrainedModel") -> "list[torch.nn.Module]":
    """The parts of the body that turn ids into vectors: a module called embeddings, else every
    Embedding that is in no layer (T5's first layers have one, of relative positions).
    """
    import torch

    body = model.base_model
    if hasattr(body, "embeddings"):
        return [body.embeddings]
    in_layers = _in_stacks(body)
    return [
        module
        for module in body.modules()
        if isinstance(module, torch.nn.Embedding) and module not in in_layers
    ]
