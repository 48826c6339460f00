"""A classifier -> the same classifier made to answer one pair quickly.

    serve = served(model)
    serve(input_ids=ids, token_type_ids=types, attention_mask=mask)    # tensor([[-1.2,  1.4]])

Of a prediction for 50 tokens, half the time goes into Python between some two hundred small
operations. PyTorch has one operation for a whole encoder layer,
`torch.nn.TransformerEncoderLayer`'s fast path
(https://docs.pytorch.org/docs/stable/generated/torch.nn.TransformerEncoderLayer.html), and BERT's
layer is exactly such a layer, so the weights move over. In float32 the logits agree to 1e-5. Where
the processor multiplies bfloat16 faster they are computed in that, and agree to about 0.02.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.settings import has_gpu
from pipeline.training import has_fast_bf16

if TYPE_CHECKING:  # importing these takes seconds, or goes round in a circle
    from transformers import PreTrainedModel


def served(model: PreTrainedModel, in_bf16: bool | None = None) -> PreTrainedModel:
    """The model as a function of a batch's tensors -> logits (batch, labels), float32.

    BERT goes to fused layers; other architectures answer as they are. Unless `in_bf16` says,
    float32 on a GPU, and bfloat16 on a CPU whose processor has it. The given model is used up.
    """
    import torch
    from transformers import BertForSequenceClassification

    on_gpu = has_gpu()
    in_bf16 = not on_gpu and has_fast_bf16(on_gpu=False) if in_bf16 is None else in_bf16
    model = model.eval().to(
        device="cuda" if on_gpu else "cpu", dtype=torch.bfloat16 if in_bf16 else torch.float32
    )
    # By type: a subclass may compute something else
    return (
        _FusedBert(model)
        if type(model) is BertForSequenceClassification and _is_plain(model.config)
        else _AsItIs(model)
    )


def _is_plain(config):
    """Whether the layers are those that torch's own layer computes: absolute positions, gelu, no
    decoder.
    """
    return (
        config.hidden_act == "gelu"
        and not config.is_decoder
        and not getattr(config, "add_cross_attention", False)
    )


class _Served:
    def __init__(self, model):
        self.config, self.device, self.dtype = model.config, model.device, model.dtype
        self.notes = getattr(model, "notes", ())

    def __call__(self, **batch):
        import torch

        with torch.inference_mode():
            return self.logits(
                **{name: tensor.to(self.device) for name, tensor in batch.items()}
            ).float()


class _AsItIs(_Served):
    def __init__(self, model):
        super().__init__(model)
        self.model = model

    def logits(self, **batch):
        return self.model(**batch).logits


class _FusedBert(_Served):
    def __init__(self, model):
        super().__init__(model)
        self.embeddings, self.pooler, self.classifier = (
            model.bert.embeddings,
            model.bert.pooler,
            model.classifier,
        )
        self.layers = [
            _fused(layer, model.config).to(model.device, model.dtype)
            for layer in model.bert.encoder.layer
        ]

    def logits(self, input_ids, attention_mask, token_type_ids=None):
        hidden = self.embeddings(input_ids=input_ids, token_type_ids=token_type_ids)
        padding = None if attention_mask.all() else ~attention_mask.bool()
        for layer in self.layers:
            hidden = layer(hidden, src_key_padding_mask=padding)
        return self.classifier(self.pooler(hidden))


def _fused(layer, config):
    """transformers' BertLayer -> torch's TransformerEncoderLayer with the same weights."""
    import torch

    fused = torch.nn.TransformerEncoderLayer(
        config.hidden_size,
        config.num_attention_heads,
        config.intermediate_size,
        dropout=0.0,
        activation="gelu",
        layer_norm_eps=config.layer_norm_eps,
        batch_first=True,
    )
    attention, queries = layer.attention, layer.attention.self
    with torch.no_grad():  # torch keeps query, key and value in one matrix
        fused.self_attn.in_proj_weight.copy_(
            torch.cat([queries.query.weight, queries.key.weight, queries.value.weight])
        )
        fused.self_attn.in_proj_bias.copy_(
            torch.cat([queries.query.bias, queries.key.bias, queries.value.bias])
        )
    for mine, theirs in (
        (fused.self_attn.out_proj, attention.output.dense),
        (fused.norm1, attention.output.LayerNorm),
        (fused.linear1, layer.intermediate.dense),
        (fused.linear2, layer.output.dense),
        (fused.norm2, layer.output.LayerNorm),
    ):
        mine.load_state_dict(theirs.state_dict())
    return fused.eval()
