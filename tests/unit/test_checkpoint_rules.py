"""What well-known checkpoints say in their small files passes the list of what is allowed."""

import json

import pytest

from pipeline.errors import SourceError
from pipeline.hub.checkpoint_rules import check_folder

LABELS = {"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}
BERT = {
    "architectures": ["BertForMaskedLM"],
    "attention_probs_dropout_prob": 0.1,
    "gradient_checkpointing": False,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 768,
    "initializer_range": 0.02,
    "intermediate_size": 3072,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "model_type": "bert",
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "pad_token_id": 0,
    "position_embedding_type": "absolute",
    "transformers_version": "4.6.0.dev0",
    "type_vocab_size": 2,
    "use_cache": True,
    "vocab_size": 30522,
}
ROBERTA = {
    **BERT,
    "model_type": "roberta",
    "architectures": ["RobertaForMaskedLM"],
    "bos_token_id": 0,
    "eos_token_id": 2,
    "pad_token_id": 1,
    "max_position_embeddings": 514,
    "type_vocab_size": 1,
    "vocab_size": 50265,
}
DISTILBERT = {
    "activation": "gelu",
    "architectures": ["DistilBertForMaskedLM"],
    "attention_dropout": 0.1,
    "dim": 768,
    "dropout": 0.1,
    "hidden_dim": 3072,
    "initializer_range": 0.02,
    "max_position_embeddings": 512,
    "model_type": "distilbert",
    "n_heads": 12,
    "n_layers": 6,
    "pad_token_id": 0,
    "qa_dropout": 0.1,
    "seq_classif_dropout": 0.2,
    "sinusoidal_pos_embds": False,
    "tie_weights_": True,
    "transformers_version": "4.10.0.dev0",
    "vocab_size": 30522,
}
GPT2 = {
    "activation_function": "gelu_new",
    "architectures": ["GPT2LMHeadModel"],
    "attn_pdrop": 0.1,
    "bos_token_id": 50256,
    "embd_pdrop": 0.1,
    "eos_token_id": 50256,
    "initializer_range": 0.02,
    "layer_norm_epsilon": 1e-05,
    "model_type": "gpt2",
    "n_ctx": 1024,
    "n_embd": 768,
    "n_head": 12,
    "n_inner": None,
    "n_layer": 12,
    "n_positions": 1024,
    "resid_pdrop": 0.1,
    "summary_activation": None,
    "summary_first_dropout": 0.1,
    "summary_proj_to_labels": True,
    "summary_type": "cls_index",
    "summary_use_proj": True,
    "task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}},
    "vocab_size": 50257,
}
ALBERT = {
    **BERT,
    "model_type": "albert",
    "architectures": ["AlbertForMaskedLM"],
    "classifier_dropout_prob": 0.1,
    "down_scale_factor": 1,
    "embedding_size": 128,
    "gap_size": 0,
    "inner_group_num": 1,
    "net_structure_type": 0,
    "num_hidden_groups": 1,
    "num_memory_blocks": 0,
    "vocab_size": 30000,
}
DEBERTA = {
    **BERT,
    "model_type": "deberta-v2",
    "max_relative_positions": -1,
    "norm_rel_ebd": "layer_norm",
    "pooler_dropout": 0,
    "pooler_hidden_act": "gelu",
    "pooler_hidden_size": 768,
    "pos_att_type": "p2c|c2p",
    "position_biased_input": False,
    "position_buckets": 256,
    "relative_attention": True,
    "share_att_key": True,
    "type_vocab_size": 0,
    "vocab_size": 128100,
    "layer_norm_eps": 1e-7,
    "padding_idx": 0,
    "legacy": True,
}
MODERNBERT = {
    **BERT,
    "model_type": "modernbert",
    "architectures": ["ModernBertForMaskedLM"],
    "classifier_activation": "gelu",
    "classifier_bias": False,
    "classifier_pooling": "mean",
    "decoder_bias": True,
    "deterministic_flash_attn": False,
    "global_attn_every_n_layers": 3,
    "global_rope_theta": 160000.0,
    "local_attention": 128,
    "local_rope_theta": 10000.0,
    "max_position_embeddings": 8192,
    "mlp_bias": False,
    "norm_bias": False,
    "num_hidden_layers": 22,
    "intermediate_size": 1152,
    "pad_token_id": 50283,
    "cls_token_id": 50281,
    "reference_compile": None,
    "repad_logits_with_grad": False,
    "sparse_pred_ignore_index": -100,
    "sparse_prediction": False,
    "torch_dtype": "float32",
    "vocab_size": 50368,
    "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 160000.0}},
    "layer_types": ["full_attention", "sliding_attention"] * 11,
}
QWEN3 = {
    **BERT,
    "model_type": "qwen3",
    "vocab_size": 151936,
    "rope_theta": 1000000,
    "rope_scaling": None,
    "head_dim": 128,
    "max_window_layers": 28,
    "sliding_window": None,
    "num_key_value_heads": 8,
    "max_position_embeddings": 40960,
    "eos_token_id": 151645,
    "bos_token_id": 151643,
    "tie_word_embeddings": True,
}
TOKEN = {
    "content": "[PAD]",
    "lstrip": False,
    "normalized": False,
    "rstrip": False,
    "single_word": False,
    "special": True,
}
# As save_pretrained writes it, with what older versions and other people's machines left in it
SAVED = {
    "added_tokens_decoder": {"0": TOKEN, "100": {**TOKEN, "content": "[UNK]"}},
    "clean_up_tokenization_spaces": True,
    "cls_token": "[CLS]",
    "do_basic_tokenize": True,
    "do_lower_case": True,
    "mask_token": "[MASK]",
    "max_length": 128,
    "model_max_length": 1000000000000000019884624838656,
    "name_or_path": "/content/drive/MyDrive/sst2/checkpoint-500",
    "never_split": None,
    "pad_to_multiple_of": None,
    "pad_token": "[PAD]",
    "pad_token_type_id": 0,
    "padding_side": "right",
    "sep_token": "[SEP]",
    "special_tokens_map_file": "/root/.cache/huggingface/transformers/9d47b1.special_tokens_map.json",
    "stride": 0,
    "strip_accents": None,
    "tokenize_chinese_chars": True,
    "tokenizer_class": "BertTokenizer",
    "tokenizer_file": None,
    "truncation_side": "right",
    "truncation_strategy": "longest_first",
    "unk_token": "[UNK]",
    "init_inputs": [],
    "extra_special_tokens": {},
    "additional_special_tokens": [],
}
ANGLE = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "sep_token": "</s>",
    "pad_token": "<pad>",
    "cls_token": "<s>",
    "mask_token": {**TOKEN, "content": "<mask>", "lstrip": True},
}
SQUARE = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}
# id: (config.json, tokenizer_config.json, special_tokens_map.json)
KNOWN = {
    "google-bert/bert-base-uncased": (BERT, {"do_lower_case": True, "model_max_length": 512}, {}),
    "google-bert/bert-base-chinese": (
        {
            **BERT,
            "directionality": "bidi",
            "pooler_fc_size": 768,
            "pooler_num_fc_layers": 3,
            "pooler_num_attention_heads": 12,
            "pooler_size_per_head": 128,
            "pooler_type": "first_token_transform",
            "vocab_size": 21128,
        },
        {"do_lower_case": False, "model_max_length": 512},
        {},
    ),
    "google-bert/bert-large-cased": (
        {
            **BERT,
            "hidden_size": 1024,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "intermediate_size": 4096,
            "vocab_size": 28996,
        },
        SAVED,
        SQUARE,
    ),
    "FacebookAI/roberta-base": (ROBERTA, {"model_max_length": 512}, {}),
    "FacebookAI/roberta-large-mnli": (
        {
            **ROBERTA,
            "_num_labels": 3,
            "architectures": ["RobertaForSequenceClassification"],
            "id2label": {"0": "CONTRADICTION", "1": "NEUTRAL", "2": "ENTAILMENT"},
        },
        {"model_max_length": 512},
        {},
    ),
    "FacebookAI/xlm-roberta-base": (
        {**ROBERTA, "model_type": "xlm-roberta", "output_past": True, "vocab_size": 250002},
        {"model_max_length": 512},
        {},
    ),
    "distilbert/distilbert-base-uncased": (
        DISTILBERT,
        {"do_lower_case": True, "model_max_length": 512},
        {},
    ),
    "distilbert/distilbert-base-uncased-finetuned-sst-2-english": (
        {
            **DISTILBERT,
            "architectures": ["DistilBertForSequenceClassification"],
            "finetuning_task": "sst-2",
            "output_past": True,
            "id2label": {"0": "NEGATIVE", "1": "POSITIVE"},
            "label2id": {"NEGATIVE": 0, "POSITIVE": 1},
        },
        {"do_lower_case": True, "model_max_length": 512},
        {},
    ),
    "textattack/bert-base-uncased-SST-2": (
        {
            **BERT,
            "finetuning_task": "glue:sst2",
            "_name_or_path": "/p/qdata/jy2ma/x/",
            "pruned_heads": {},
            "torchscript": False,
            "is_decoder": False,
        },
        {**SAVED, "model_max_length": 1e30},
        SQUARE,
    ),
    "microsoft/deberta-v3-base": (DEBERTA, {"do_lower_case": False, "vocab_type": "spm"}, {}),
    "cross-encoder/nli-deberta-v3-base": (
        {**DEBERTA, "vocab_size": 128100, "architectures": ["DebertaV2ForSequenceClassification"]},
        {
            **SAVED,
            "tokenizer_class": "DebertaV2Tokenizer",
            "sp_model_kwargs": {},
            "split_by_punct": False,
            "vocab_type": "spm",
        },
        {**SQUARE, "bos_token": "[CLS]", "eos_token": "[SEP]"},
    ),
    "microsoft/mdeberta-v3-base": (
        {**DEBERTA, "vocab_size": 251000},
        {"do_lower_case": False, "vocab_type": "spm"},
        {},
    ),
    "google/electra-small-discriminator": (
        {
            **BERT,
            "model_type": "electra",
            "embedding_size": 128,
            "hidden_size": 256,
            "num_attention_heads": 4,
            "summary_activation": "gelu",
            "summary_last_dropout": 0.1,
            "summary_type": "first",
            "summary_use_proj": True,
        },
        {"do_lower_case": True, "model_max_length": 512},
        {},
    ),
    "albert/albert-base-v2": (ALBERT, {"model_max_length": 512}, {}),
    "textattack/albert-base-v2-MRPC": (
        ALBERT,
        {
            **SAVED,
            "tokenizer_class": "AlbertTokenizer",
            "keep_accents": False,
            "remove_space": True,
            "sp_model_kwargs": {},
        },
        {**SQUARE, "bos_token": "[CLS]", "eos_token": "[SEP]"},
    ),
    "answerdotai/ModernBERT-base": (
        MODERNBERT,
        {
            **SAVED,
            "model_input_names": ["input_ids", "attention_mask"],
            "tokenizer_class": "PreTrainedTokenizerFast",
        },
        SQUARE,
    ),
    "microsoft/MiniLM-L12-H384-uncased": (
        {**BERT, "hidden_size": 384, "intermediate_size": 1536},
        {},
        {},
    ),
    "nreimers/MiniLM-L6-H384-uncased": (
        {**BERT, "_name_or_path": "/home/x/MiniLM", "hidden_size": 384, "num_hidden_layers": 6},
        SAVED,
        SQUARE,
    ),
    "openai-community/gpt2": (GPT2, {"model_max_length": 1024}, {}),
    "microsoft/mpnet-base": (
        {
            **BERT,
            "model_type": "mpnet",
            "relative_attention_num_buckets": 32,
            "vocab_size": 30527,
            "bos_token_id": 0,
            "eos_token_id": 2,
            "max_position_embeddings": 514,
        },
        {"do_lower_case": True, "model_max_length": 512},
        {},
    ),
    "sentence-transformers/all-mpnet-base-v2": (
        {**BERT, "model_type": "mpnet", "relative_attention_num_buckets": 32, "vocab_size": 30527},
        {**SAVED, **ANGLE, "tokenizer_class": "MPNetTokenizer", "tokenizer_file": None},
        ANGLE,
    ),
    "cross-encoder/stsb-roberta-base": (
        {
            **ROBERTA,
            **LABELS,
            "architectures": ["RobertaForSequenceClassification"],
            "sentence_transformers": {
                "activation_fn": "torch.nn.modules.activation.Sigmoid",
                "version": "4.1.0.dev0",
            },
        },
        {
            **SAVED,
            "tokenizer_class": "RobertaTokenizer",
            "add_prefix_space": False,
            "errors": "replace",
            "trim_offsets": True,
            **ANGLE,
        },
        ANGLE,
    ),
    "cross-encoder/quora-distilroberta-base": (
        {**ROBERTA, **LABELS, "num_hidden_layers": 6, "classifier_dropout": None},
        {
            **SAVED,
            "tokenizer_class": "RobertaTokenizer",
            "name_or_path": "distilroberta-base",
            **ANGLE,
        },
        ANGLE,
    ),
    "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2": (
        {
            **BERT,
            "hidden_size": 384,
            "vocab_size": 250037,
            "_name_or_path": "old_models/paraphrase/0_Transformer",
        },
        {**SAVED, "tokenizer_class": "PreTrainedTokenizerFast", **ANGLE},
        ANGLE,
    ),
    "google-bert/bert-base-multilingual-cased": ({**BERT, "vocab_size": 119547}, {}, {}),
    "Qwen/Qwen3-Embedding-0.6B": (
        QWEN3,
        {
            **SAVED,
            "tokenizer_class": "Qwen2Tokenizer",
            "chat_template": "{{ x }}" * 2000,
            "add_bos_token": False,
            "errors": "replace",
            "split_special_tokens": False,
        },
        {"additional_special_tokens": ["<|im_start|>"], "eos_token": TOKEN},
    ),
    "intfloat/multilingual-e5-base": (
        {
            **ROBERTA,
            "model_type": "xlm-roberta",
            "vocab_size": 250002,
            "torch_dtype": "float32",
            "_attn_implementation_autoset": True,
        },
        {**SAVED, "tokenizer_class": "XLMRobertaTokenizerFast", **ANGLE},
        ANGLE,
    ),
    "almanach/camembert-base": (
        {**ROBERTA, "model_type": "camembert", "vocab_size": 32005},
        {"model_max_length": 512},
        {},
    ),
    "allenai/longformer-base-4096": (
        {
            **ROBERTA,
            "model_type": "longformer",
            "attention_mode": "longformer",
            "attention_window": [512] * 12,
            "ignore_attention_mask": False,
            "sep_token_id": 2,
            "max_position_embeddings": 4098,
        },
        {"model_max_length": 4096},
        {},
    ),
    "google/bigbird-roberta-base": (
        {
            **BERT,
            "model_type": "big_bird",
            "attention_type": "block_sparse",
            "block_size": 64,
            "num_random_blocks": 3,
            "max_position_embeddings": 4096,
            "rescale_embeddings": False,
            "use_bias": True,
            "vocab_size": 50358,
        },
        {"model_max_length": 4096, "special_tokens_map_file": None},
        ANGLE,
    ),
    "xlnet/xlnet-base-cased": (
        {
            "model_type": "xlnet",
            "architectures": ["XLNetLMHeadModel"],
            "attn_type": "bi",
            "bi_data": False,
            "clamp_len": -1,
            "d_head": 64,
            "d_inner": 3072,
            "d_model": 768,
            "end_n_top": 5,
            "ff_activation": "gelu",
            "mem_len": None,
            "n_head": 12,
            "n_layer": 12,
            "reuse_len": None,
            "same_length": False,
            "start_n_top": 5,
            "summary_type": "last",
            "task_specific_params": {"text-generation": {"do_sample": True, "max_length": 250}},
            "untie_r": True,
            "vocab_size": 32000,
        },
        {},
        {},
    ),
    "funnel-transformer/small": (
        {
            **BERT,
            "model_type": "funnel",
            "block_repeats": [1, 1, 1],
            "block_sizes": [4, 4, 4],
            "d_head": 64,
            "d_inner": 3072,
            "d_model": 768,
            "n_head": 12,
            "num_decoder_layers": 2,
            "pool_q_only": True,
            "separate_cls": True,
            "truncate_seq": True,
        },
        {"model_max_length": 512},
        {},
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_well_known_checkpoint_is_not_refused(name, tmp_path):
    for file, values in zip(
        ("config.json", "tokenizer_config.json", "special_tokens_map.json"),
        KNOWN[name],
        strict=True,
    ):
        if values:
            (tmp_path / file).write_text(json.dumps(values))
    check_folder(name, tmp_path)


# What people type that can't be a classifier of pairs here: config.json, and what is said of it
REFUSED = {
    "google/gemma-2-2b": (
        {"model_type": "gemma2", "architectures": ["Gemma2ForCausalLM"]},
        "is a decoder ('gemma2'), which continues text",
    ),
    "mistralai/Mistral-7B-v0.3": (
        {"model_type": "mistral", "architectures": ["MistralForCausalLM"]},
        "is a decoder ('mistral'), which continues text",
    ),
    "google/pegasus-xsum": (
        {"model_type": "pegasus", "is_encoder_decoder": True},
        "is an encoder-decoder ('pegasus'), which writes text",
    ),
    "Helsinki-NLP/opus-mt-en-de": (
        {"model_type": "marian", "is_encoder_decoder": True},
        "is an encoder-decoder ('marian'), which writes text",
    ),
    "google/vit-base-patch16-224": (
        {"model_type": "vit", "image_size": 224, "patch_size": 16},
        "reads images ('vit'), not pairs of sentences",
    ),
    "openai/clip-vit-base-patch32": (
        {"model_type": "clip", "text_config": {}, "vision_config": {"image_size": 224}},
        "reads images ('clip'), not pairs of sentences",
    ),
    "microsoft/resnet-50": (
        {"model_type": "resnet", "num_channels": 3},
        "reads images ('resnet'), not pairs of sentences",
    ),
    "openai/whisper-tiny": (
        {"model_type": "whisper", "is_encoder_decoder": True, "num_mel_bins": 80},
        "reads sound ('whisper'), not pairs of sentences",
    ),
    "facebook/wav2vec2-base": (
        {"model_type": "wav2vec2", "feat_extract_norm": "group"},
        "reads sound ('wav2vec2'), not pairs of sentences",
    ),
    "microsoft/phi-1": (
        {"model_type": "phi-msft", "auto_map": {"AutoConfig": "configuration_phi.PhiConfig"}},
        "needs Python code from its own repository (auto_map in its config.json)",
    ),
    "nomic-ai/nomic-embed-text-v1": (
        {"model_type": "nomic_bert", "auto_map": {"AutoModel": "nomic-ai/x--modeling.NomicBert"}},
        "needs Python code from its own repository (auto_map in its config.json)",
    ),
    "TheBloke/Llama-2-7B-GPTQ": (
        {"model_type": "llama", "quantization_config": {"quant_method": "gptq", "bits": 4}},
        "quantised weights (quantization_config)",
    ),
    "timm/resnet18.a1_in1k": (
        {"architecture": "resnet18", "num_classes": 1000},
        "names no model_type in its config.json",
    ),
    "microsoft/layoutlm-base-uncased": (
        {"model_type": "layoutlm"},
        "has the architecture 'layoutlm', which this app doesn't open",
    ),
    "BAAI/bge-only-adapter": ({}, "has no config.json"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_classifier_of_pairs_says_what_it_is_and_what_to_do(name, tmp_path):
    config, said = REFUSED[name]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(SourceError) as refused:
        check_folder(name, tmp_path)
    text = str(refused.value)
    assert text.startswith(name) and said in text and "Choose a" in text
    assert text.count(". ") == 1  # one sentence on what it is, one on what to do
