"""Repositories that mean harm, each a tiny checkpoint with one thing wrong, by a name that says what."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.conftest import tiny_checkpoint, with_few_pieces

SECRET_FILE = "/proc/self/environ"


def changed(file: str, **values: object) -> Callable[[Path], None]:
    """A change that puts values into a JSON file of the folder."""

    def change(folder: Path) -> None:
        path = folder / file
        before = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({**before, **values}))

    return change


def without(file: str, name: str) -> Callable[[Path], None]:
    """A change that takes a value out of a JSON file of the folder."""

    def change(folder: Path) -> None:
        path = folder / file
        path.write_text(
            json.dumps(
                {key: value for key, value in json.loads(path.read_text()).items() if key != name}
            )
        )

    return change


def together(*changes: Callable[[Path], None]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        for each in changes:
            each(folder)

    return change


def tokenizer_part(part: str, value: object) -> Callable[[Path], None]:
    return changed("tokenizer.json", **{part: value})


def written(file: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / file).write_bytes(content)


def replaces(count: int, text: str) -> dict:
    step = {"type": "Replace", "pattern": {"String": "a"}, "content": text}
    return {"type": "Sequence", "normalizers": [step] * count}


def weights_of(value: float) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        from safetensors.numpy import load_file, save_file

        path = folder / "model.safetensors"
        tensors = {name: np.full_like(tensor, value) for name, tensor in load_file(path).items()}
        save_file(tensors, path, metadata={"format": "pt"})

    return change


def nested(depth: int) -> Callable[[Path], None]:
    return written(
        "config.json", b'{"model_type": "bert", "x": ' + b"[" * depth + b"]" * depth + b"}"
    )


def odd(how: str) -> Callable[[Path], None]:
    return written(".odd", how.encode())


def linked(folder: Path) -> None:
    (folder / "vocab.txt").unlink()
    os.symlink(SECRET_FILE, folder / "vocab.txt")


# A backtracking pattern: Oniguruma and Python's re both take exponential time for "aaaa…!"
ENDLESS = r"(a+)+$"
CONFIG, TOKENIZER = "config.json", "tokenizer_config.json"
HOSTILE: dict[str, Callable[[Path], None]] = {
    # files that are none of its own
    "vocab-environ": changed(TOKENIZER, tokenizer_class="MPNetTokenizer", vocab=SECRET_FILE),
    "vocab-file-environ": changed(TOKENIZER, vocab_file=SECRET_FILE),
    "vocab-zero": changed(TOKENIZER, tokenizer_class="MPNetTokenizer", vocab="/dev/zero"),
    "vocab-token-file": changed(TOKENIZER, vocab="/home/host/.cache/huggingface/token"),
    "vocab-traversal": changed(TOKENIZER, vocab_file="../../../../../../etc/passwd"),
    "vocab-list-of-paths": changed(TOKENIZER, vocab=[SECRET_FILE]),
    "merges-environ": changed(TOKENIZER, tokenizer_class="GPT2Tokenizer", merges=SECRET_FILE),
    "merges-file-passwd": changed(TOKENIZER, merges_file="/etc/passwd"),
    "tokenizer-file-elsewhere": changed(TOKENIZER, tokenizer_file="/tmp/other/tokenizer.json"),
    "spm-file": changed(TOKENIZER, spm_file="/etc/shadow"),
    "sp-model": changed(TOKENIZER, sp_model="/etc/shadow"),
    "source-spm": changed(TOKENIZER, source_spm="/etc/shadow"),
    "model-path": changed(TOKENIZER, model_path="/etc/shadow"),
    "emoji-file": changed(TOKENIZER, emoji_file="~/.bashrc"),
    "windows-path": changed(TOKENIZER, vocab_file="C:\\secrets\\vocab.txt"),
    "special-tokens-vocab-file": together(
        changed(TOKENIZER, tokenizer_class="MPNetTokenizer"),
        without(TOKENIZER, "added_tokens_decoder"),
        changed("special_tokens_map.json", vocab_file=SECRET_FILE),
    ),
    "special-tokens-vocab": changed("special_tokens_map.json", vocab=SECRET_FILE),
    "init-inputs": changed(TOKENIZER, tokenizer_class="MPNetTokenizer", init_inputs=[SECRET_FILE]),
    "fast-tokenizer-files": changed(TOKENIZER, fast_tokenizer_files=["../../tokenizer.4.0.json"]),
    "gguf-file": changed(TOKENIZER, gguf_file="/etc/passwd"),
    "tokenizer-object": changed(TOKENIZER, tokenizer_object="x"),
    # code, kernels, adapters, other layouts
    "auto-map-tokenizer": changed(TOKENIZER, auto_map={"AutoTokenizer": ["own.Own", None]}),
    "auto-map-model": changed(CONFIG, auto_map={"AutoModelForSequenceClassification": "own.Own"}),
    "auto-map-of-another": changed(CONFIG, auto_map={"AutoConfig": "other/repo--own.Own"}),
    "unknown-tokenizer-class": changed(TOKENIZER, tokenizer_class="EvilTokenizer"),
    "any-class-of-transformers": changed(TOKENIZER, tokenizer_class="Trainer"),
    "tokenizer-class-in-config": together(
        without(TOKENIZER, "tokenizer_class"),
        changed(CONFIG, tokenizer_class="LayoutLMv3Tokenizer"),
    ),
    "processor-class": changed(TOKENIZER, tokenizer_class="LayoutLMv3Tokenizer"),
    "tokenizer-class-list": changed(TOKENIZER, tokenizer_class=["BertTokenizer"]),
    "quantised": changed(
        CONFIG, quantization_config={"quant_method": "bitsandbytes", "load_in_8bit": True}
    ),
    "quantised-empty-method": changed(CONFIG, quantization_config={"quant_method": "evil"}),
    "kernel-attention": changed(CONFIG, _attn_implementation="kernels-community/flash-attn"),
    "kernel-attention-2": changed(CONFIG, attn_implementation="evil/kernel:run"),
    "kernel-config": changed(CONFIG, kernel_config={"x": "evil/kernel"}),
    "adapters-key": changed(CONFIG, adapters={"adapters": {"a": "b"}}),
    "adapter-endless-regex": written(
        "adapter_config.json",
        json.dumps(
            {"peft_type": "LORA", "target_modules": ENDLESS + "!", "base_model_name_or_path": "x"}
        ).encode(),
    ),
    "adapter-other-model": written(
        "adapter_config.json", b'{"peft_type": "LORA", "base_model_name_or_path": "/etc"}'
    ),
    # sizes
    "layers-billion": changed(CONFIG, num_hidden_layers=10**9),
    "layers-negative": changed(CONFIG, num_hidden_layers=-(10**12)),
    "vocabulary-25-million": changed(CONFIG, vocab_size=25_000_000),
    "vocabulary-larger-than-weights": changed(CONFIG, vocab_size=290_000, hidden_size=16_000),
    "hidden-huge": changed(CONFIG, hidden_size=10**8),
    "intermediate-huge": changed(CONFIG, intermediate_size=10**9),
    "positions-huge": changed(CONFIG, max_position_embeddings=10**12),
    "number-of-thousand-digits": written(
        CONFIG, b'{"model_type": "bert", "hidden_size": 1' + b"0" * 4000 + b"}"
    ),
    "labels-300000": changed(CONFIG, id2label={str(n): "x" for n in range(300_000)}),
    "labels-5000": changed(CONFIG, id2label={str(n): str(n) for n in range(5000)}),
    "num-labels-huge": changed(CONFIG, num_labels=10**9),
    "config-90-mb": written(CONFIG, b'{"model_type": "bert", "x": "' + b"y" * 90_000_000 + b'"}'),
    "config-nested": nested(100),
    "config-nested-deep": nested(100_000),
    "config-infinity": written(CONFIG, b'{"model_type": "bert", "layer_norm_eps": Infinity}'),
    "config-no-object": written(CONFIG, b"[1, 2]"),
    "config-other-architecture": changed(CONFIG, model_type="clip"),
    "config-markup": changed(CONFIG, model_type="<img src=x onerror=alert(1)>"),
    "added-tokens-many": changed(
        TOKENIZER, added_tokens_decoder={str(n): {"content": f"t{n}"} for n in range(30_000)}
    ),
    "special-token-long": changed("special_tokens_map.json", unk_token="x" * 100_000),
    "piece-long": tokenizer_part(
        "model", {"type": "WordLevel", "vocab": {"x" * 100_000: 0}, "unk_token": "x"}
    ),
    "added-token-long": changed(TOKENIZER, added_tokens_decoder={"7": {"content": "x" * 100_000}}),
    # the tokenizer's own program
    "normalizers-chained": tokenizer_part("normalizer", replaces(39, "aa")),
    "normalizers-hundred": tokenizer_part("normalizer", replaces(100, "a")),
    "normalizer-long": tokenizer_part("normalizer", replaces(1, "a" * 100_000)),
    "normalizer-endless-regex": tokenizer_part(
        "normalizer", {"type": "Replace", "pattern": {"Regex": r"(\w+\s?)+$"}, "content": " "}
    ),
    "pretokenizer-endless-regex": tokenizer_part(
        "pre_tokenizer",
        {
            "type": "Split",
            "pattern": {"Regex": r"(?:(?:\w|\s)+)+!"},
            "behavior": "Isolated",
            "invert": False,
        },
    ),
    "pretokenizer-pattern-long": tokenizer_part(
        "pre_tokenizer",
        {
            "type": "Split",
            "pattern": {"Regex": "a" * 100_000},
            "behavior": "Isolated",
            "invert": False,
        },
    ),
    "tokenizer-model-unknown": tokenizer_part("model", {"type": "Evil"}),
    "tokenizer-no-json": written("tokenizer.json", b"{"),
    "tokenizer-nested": written(
        "tokenizer.json", b'{"model": ' + b"[" * 10**5 + b"]" * 10**5 + b"}"
    ),
    "post-processor-many": tokenizer_part(
        "post_processor",
        {
            "type": "Sequence",
            "processors": [
                {
                    "type": "ByteLevel",
                    "add_prefix_space": True,
                    "trim_offsets": True,
                    "use_regex": True,
                }
            ]
            * 500,
        },
    ),
    "post-processor-long": tokenizer_part(
        "post_processor",
        {
            "type": "TemplateProcessing",
            "single": [{"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [
                {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
                {"Sequence": {"id": "B", "type_id": 1}},
            ],
            "special_tokens": {
                "[CLS]": {"id": "[CLS]", "ids": [101] * 50_000, "tokens": ["[CLS]"] * 50_000}
            },
        },
    ),
    # weights
    "index-elsewhere": written(
        "model.safetensors.index.json",
        json.dumps({"metadata": {}, "weight_map": {"x": "../../../../etc/passwd"}}).encode(),
    ),
    "index-absolute": written(
        "model.safetensors.index.json", b'{"weight_map": {"x": "/dev/zero"}}'
    ),
    "weights-noise": written("model.safetensors", os.urandom(5000)),
    "weights-header-huge": written("model.safetensors", (2**62).to_bytes(8, "little") + b"{}"),
    "weights-nan": weights_of(float("nan")),
    "weights-1e30": weights_of(1e30),
    # repositories that the Hub itself would answer oddly about
    "odd-500": odd("500"),
    "odd-429": odd("429"),
    "odd-403": odd("403"),
    "odd-retry-after": odd("retry-after"),
    "odd-redirect": odd("redirect"),
    "odd-endless": odd("endless"),
    "odd-empty": odd("empty"),
    "odd-more": odd("more"),
    "odd-stalls": odd("stalls"),
    "odd-link": linked,
}


def repositories(folder: Path) -> dict[str, Path]:
    """{"evil/<name>": its folder}, made below `folder`."""
    template = with_few_pieces(tiny_checkpoint(folder / "template"))
    made = {}
    for name, change in HOSTILE.items():
        path = folder / name
        shutil.copytree(template, path)
        change(path)
        made[f"evil/{name}"] = path
    return made
