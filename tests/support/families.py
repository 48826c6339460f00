"""Tiny checkpoints of the families of transformers' classifiers, as the Hub has them: random weights, and a
tokenizer of the family's own kind, trained on a few sentences.

    folder = FAMILIES["gpt2"](folder)      # config.json, model.safetensors, tokenizer.json, tokenizer_config.json
"""

import json
from collections.abc import Callable
from pathlib import Path

from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

TEXTS = [
    "Shares of Acme rose 12 cents on Monday .",
    "Acme stock was up 34 cents Monday, 56 on Friday .",
    "The fine café fell 789 cents, he said.",
] * 20
SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 16,
}
ENCODER = {**SIZES, "max_position_embeddings": 130}
# GPT-2 and T5 call their sizes otherwise
T5 = {
    "vocab_size": 256,
    "d_model": 16,
    "d_kv": 8,
    "d_ff": 16,
    "num_layers": 3,
    "num_heads": 2,
    "dropout_rate": 0.1,
}
SQUARE = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ANGLE = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
SQUARE_PAIR = ("[CLS]:0 $A:0 [SEP]:0", "[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1")
ANGLE_PAIR = ("<s> $A </s>", "<s> $A </s> </s> $B </s>")
NAMES = {
    "[PAD]": {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]"}
    | {"sep_token": "[SEP]", "mask_token": "[MASK]"},
    "<s>": {"bos_token": "<s>", "cls_token": "<s>", "pad_token": "<pad>", "sep_token": "</s>"}
    | {"eos_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask>"},
}
TYPES = ["input_ids", "token_type_ids", "attention_mask"]
NO_TYPES = ["input_ids", "attention_mask"]


def word_pieces(special: list[str], pair: tuple[str, str]) -> Tokenizer:
    """WordPiece, as BERT's."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]" if "[UNK]" in special else "<unk>"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer, made.decoder = pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
    made.train_from_iterator(
        TEXTS, trainers.WordPieceTrainer(vocab_size=90, special_tokens=special)
    )
    return with_template(made, special, pair)


def unigram(special: list[str], pair: tuple[str, str]) -> Tokenizer:
    """Unigram, as SentencePiece's with a tokenizer.json: XLM-R, ALBERT, DeBERTa-v3, T5."""
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer, made.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    unknown = "<unk>" if "<unk>" in special else "[UNK]"
    made.train_from_iterator(
        TEXTS, trainers.UnigramTrainer(vocab_size=90, special_tokens=special, unk_token=unknown)
    )
    return with_template(made, special, pair)


def bytes_and_merges(special: list[str], pair: tuple[str, str] | None) -> Tokenizer:
    """Byte-level BPE, as GPT-2's; without a template nothing is added to a pair."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        TEXTS,
        trainers.BpeTrainer(vocab_size=320, special_tokens=special, initial_alphabet=alphabet),
    )
    return with_template(made, special, pair) if pair else made


def with_template(made: Tokenizer, special: list[str], pair: tuple[str, str]) -> Tokenizer:
    numbers = [(token, number) for number, token in enumerate(special)]
    made.post_processor = processors.TemplateProcessing(
        single=pair[0], pair=pair[1], special_tokens=numbers
    )
    return made


def checkpoint(
    config: str, made: Tokenizer, told: dict, classifier: str = "", **sizes: object
) -> Callable[..., Path]:
    """A function that makes the checkpoint in a folder and returns it.

    config: the name of the family's config class; told: what tokenizer_config.json says; classifier: the class that
    config.json names, where the head is in the files (default: the body alone, as pretraining leaves it).
    """

    def make(folder: Path, **changes: object) -> Path:
        import torch
        import transformers

        torch.manual_seed(0)
        numbers = {
            f"{name.removesuffix('_token')}_token_id": made.token_to_id(token)
            for name, token in told.items()
            if name in ("bos_token", "eos_token", "pad_token", "cls_token", "sep_token") and token
        }
        # Ten times the usual: what a model of 16 numbers a token reads must show in its logits
        usual = {"vocab_size": made.get_vocab_size(), "initializer_range": 0.2}
        values = {**usual, **numbers, **sizes, **changes}
        values = {name: value for name, value in values.items() if value is not None}
        architecture = getattr(transformers, classifier) if classifier else transformers.AutoModel
        settings = getattr(transformers, config)(**values)
        model = architecture(settings) if classifier else architecture.from_config(settings)
        model.save_pretrained(folder)
        made.save(str(folder / "tokenizer.json"))
        (folder / "tokenizer_config.json").write_text(json.dumps(told))
        return folder

    return make


def told(special: list[str], kind: str, columns: list[str], **more: object) -> dict:
    return {
        **NAMES[special[0]],
        "tokenizer_class": kind,
        "model_input_names": columns,
        "model_max_length": 128,
        **more,
    }


XLNET = ["<unk>", "<cls>", "<sep>", "<pad>", "<mask>", "<s>", "</s>", "<eod>", "<eop>"]
END = "<|endoftext|>"
SQUARED = word_pieces(SQUARE, SQUARE_PAIR)
ANGLED = bytes_and_merges(ANGLE, ANGLE_PAIR)
UNIGRAM = unigram(ANGLE, ANGLE_PAIR)
SQUARED_UNIGRAM = unigram(SQUARE, SQUARE_PAIR)
T5_SPECIAL = ["<pad>", "</s>", "<unk>"]
T5_UNIGRAM = unigram(T5_SPECIAL, ("$A </s>", "$A </s> $B </s>"))
T5_TOLD = {
    "pad_token": "<pad>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "tokenizer_class": "T5Tokenizer",
    "model_input_names": NO_TYPES,
    "model_max_length": 512,
}
ENDED = bytes_and_merges([END], None)
GPT2_TOLD = {
    "bos_token": END,
    "eos_token": END,
    "unk_token": END,
    "tokenizer_class": "GPT2Tokenizer",
    "model_max_length": 1024,
}
GPT2 = {"n_embd": 16, "n_layer": 3, "n_head": 2, "n_positions": 128}
DECODER = {**ENCODER, "num_key_value_heads": 2, "head_dim": 8}
FAMILIES = {
    "albert": checkpoint(
        "AlbertConfig",
        SQUARED_UNIGRAM,
        told(SQUARE, "AlbertTokenizer", TYPES),
        embedding_size=16,
        **ENCODER,
    ),
    "bart": checkpoint(
        "BartConfig",
        ANGLED,
        told(ANGLE, "BartTokenizer", NO_TYPES),
        d_model=16,
        encoder_layers=3,
        decoder_layers=3,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        max_position_embeddings=130,
        decoder_start_token_id=2,
    ),
    "deberta-v2": checkpoint(
        "DebertaV2Config",
        SQUARED_UNIGRAM,
        told(SQUARE, "DebertaV2Tokenizer", TYPES),
        type_vocab_size=0,
        relative_attention=True,
        position_buckets=256,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type="p2c|c2p",
        max_relative_positions=-1,
        position_biased_input=False,
        **ENCODER,
    ),
    "distilbert": checkpoint(
        "DistilBertConfig",
        SQUARED,
        told(SQUARE, "DistilBertTokenizer", NO_TYPES),
        dim=16,
        n_layers=3,
        n_heads=2,
        hidden_dim=16,
        max_position_embeddings=130,
    ),
    "electra": checkpoint(
        "ElectraConfig",
        SQUARED,
        told(SQUARE, "ElectraTokenizer", TYPES),
        embedding_size=8,
        **ENCODER,
    ),
    "gpt2": checkpoint("GPT2Config", ENDED, GPT2_TOLD, **GPT2),
    "gpt_neox": checkpoint(
        "GPTNeoXConfig",
        ENDED,
        {**GPT2_TOLD, "tokenizer_class": "GPTNeoXTokenizer"},
        vocab_size=384,  # its class adds a padding token of its own
        **ENCODER,
    ),
    "modernbert": checkpoint(
        "ModernBertConfig",
        bytes_and_merges(SQUARE, ("[CLS] $A [SEP]", "[CLS] $A [SEP] $B [SEP]")),
        told(SQUARE, "PreTrainedTokenizerFast", NO_TYPES, model_max_length=8192),
        local_attention=8,
        bos_token_id=2,
        eos_token_id=3,
        **SIZES,
        max_position_embeddings=8192,
    ),
    "mpnet": checkpoint(
        "MPNetConfig",
        word_pieces(ANGLE, ANGLE_PAIR),
        told(ANGLE, "MPNetTokenizer", NO_TYPES),
        **ENCODER,
    ),
    "mt5": checkpoint("MT5Config", T5_UNIGRAM, T5_TOLD, **T5, feed_forward_proj="gated-gelu"),
    "qwen3": checkpoint(
        "Qwen3Config",
        bytes_and_merges([END, "<|im_end|>"], None),
        {
            **GPT2_TOLD,
            "eos_token": "<|im_end|>",
            "pad_token": END,
            "bos_token": None,
            "padding_side": "left",
            "tokenizer_class": "Qwen2Tokenizer",
        },
        **DECODER,
        pad_token_id=None,
        bos_token_id=None,
    ),
    "roberta": checkpoint(
        "RobertaConfig",
        ANGLED,
        told(ANGLE, "RobertaTokenizer", NO_TYPES),
        type_vocab_size=1,
        **ENCODER,
    ),
    "t5": checkpoint("T5Config", T5_UNIGRAM, T5_TOLD, **T5),
    "xlm-roberta": checkpoint(
        "XLMRobertaConfig",
        UNIGRAM,
        told(ANGLE, "XLMRobertaTokenizer", NO_TYPES),
        type_vocab_size=1,
        **ENCODER,
    ),
    "xlnet": checkpoint(
        "XLNetConfig",
        unigram(XLNET, ("$A:0 <sep>:0 <cls>:2", "$A:0 <sep>:0 $B:1 <sep>:1 <cls>:2")),
        {
            **{f"{name[1:-1]}_token": name for name in XLNET[:5]},
            "bos_token": "<s>",
            "eos_token": "</s>",
            "tokenizer_class": "XLNetTokenizer",
            "padding_side": "left",
            "pad_token_type_id": 3,
            "model_input_names": TYPES,
        },
        d_model=16,
        n_layer=3,
        n_head=2,
        d_inner=16,
    ),
}
