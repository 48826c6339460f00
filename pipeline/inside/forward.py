"""A checkpoint opened so that one can look inside, and a batch as it gets it.

>>> opened = loaded("adapter:paraphrase", Settings())
>>> len(opened.layers), opened.parameters
(6, 22713986)
>>> batch = encoded(opened, [("A cat sat.", "A cat was sitting.")], 128, Settings())
>>> batch.pieces[0][:3], batch.tensors["input_ids"].shape
(['[CLS]', 'a', 'cat'], torch.Size([1, 12]))

Predict answers in bfloat16 where the processor is fast at it (pipeline/serving.py). Here everything
is float32, with attention computed step by step ("eager"), since only that shows its weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.collation import collate
from pipeline.hub.checkpoint_rules import check_fit
from pipeline.hub.sources import load_cached
from pipeline.memory import LoadCache
from pipeline.model import labels_in_order, model_in
from pipeline.settings import Settings
from pipeline.tokenization import checked_length, checked_pair, tokenize_function, tokenizer_for

if TYPE_CHECKING:  # importing these takes seconds
    from torch import Tensor
    from torch.nn import Module, ModuleList
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from pipeline.hub.sources import Origin

# Beside the models that Predict keeps: a class looks at few
_models = LoadCache(2)
Pair = tuple[str, str | None]


@dataclass(frozen=True)
class Loaded:
    """A classifier to look into: the real objects, on the processor, in eval mode. All visitors
    share it, so whoever changes it (train mode, hooks) works on a copy or takes it back.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    origin: Origin

    @property
    def encoder(self) -> Module:
        """The model without what belongs to the task: embeddings, layers and perhaps a pooler."""
        return self.model.base_model

    @property
    def layers(self) -> ModuleList | None:
        """The encoder's layers in order; None where it has no plain list of them."""
        from torch.nn import ModuleList

        count = getattr(self.model.config, "num_hidden_layers", None)
        lists = [part for part in self.encoder.modules() if isinstance(part, ModuleList)]
        return next((part for part in lists if len(part) == count), None)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of its labels, in the order of its logits."""
        return labels_in_order(self.model.config)

    @property
    def parameters(self) -> int:
        """How many numbers are learned, each counted once."""
        return sum(parameter.numel() for parameter in self.model.parameters())


@dataclass(frozen=True)
class Encoded:
    """A batch as the model gets it: tensors (rows, positions), and whose positions they are."""

    tensors: Mapping[str, Tensor]  # input_ids, attention_mask and perhaps token_type_ids
    pieces: list[list[str]]  # [row][position]
    sentences: list[list[int | None]]  # 0 or 1; None for a special token and for padding


def loaded(checkpoint: str, settings: Settings) -> Loaded:
    """The checkpoint, where it may be opened (see pipeline.hub.isolated.ask); remembered for the
    last few names.
    """
    model, origin = load_cached(
        _models,
        checkpoint,
        lambda files: model_in(files, settings.seed),
        weights=True,
        settings=settings,
    )
    tokenizer, _ = tokenizer_for(origin.loaded, settings)  # a stand-in brings its own
    check_fit(origin.loaded, model.config, tokenizer)
    # Nothing happens where it is eager already: on a GPU model_in leaves the choice to transformers
    model.set_attn_implementation("eager")
    return Loaded(model, tokenizer, origin)


def encoded(opened: Loaded, pairs: Sequence[Pair], max_length: int, settings: Settings) -> Encoded:
    """Pairs -> the batch that the collator makes of them. Raises InputError for a sentence or a
    length that can't be taken.
    """
    tokenizer = opened.tokenizer
    length = checked_length(max_length, tokenizer, settings, opened.model.config)
    examples = [
        dict(zip(("sentence1", "sentence2"), checked_pair(*pair, settings), strict=True))
        for pair in pairs
    ]
    encodings = [tokenize_function(tokenizer, example, length) for example in examples]
    batch = collate(tokenizer, encodings)
    width = batch["input_ids"].shape[1]
    sentences = []
    for encoding in encodings:
        of_row = list(encoding.sequence_ids(0))
        padding = [None] * (width - len(of_row))
        on_the_left = tokenizer.padding_side == "left"
        sentences.append([*padding, *of_row] if on_the_left else [*of_row, *padding])
    pieces = [tokenizer.convert_ids_to_tokens(row) for row in batch["input_ids"].tolist()]
    device = opened.model.device
    tensors = {name: tensor.to(device) for name, tensor in batch.items()}
    return Encoded(tensors, pieces, sentences)
