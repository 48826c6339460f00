"""What a checkpoint's files may say: a list of what is allowed, looked at before anything is built.

A config is a stranger's program for transformers: it names classes, files, sizes, kernels.
Everything here is read as plain JSON, and refused in one sentence where it isn't on the list.

    >>> from pipeline.hub.sources import embedded_checkpoint
    >>> check_folder("sentence-transformers/all-MiniLM-L6-v2", embedded_checkpoint())
"""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from languages import say
from pipeline.errors import SourceError
from pipeline.hub.repository import INDEX, MEBIBYTE, SMALL_FILES

# Models of text that transformers has as sequence classifiers, by config.json's model_type.
ARCHITECTURES = frozenset(
    (
        "albert",
        "bart",
        "big_bird",
        "bert",
        "camembert",
        "convbert",
        "data2vec-text",
        "deberta",
        "deberta-v2",
        "distilbert",
        "electra",
        "ernie",
        "eurobert",
        "funnel",
        "gpt2",
        "gpt_neo",
        "gpt_neox",
        "gte",
        "ibert",
        "llama",
        "longformer",
        "megatron-bert",
        "mobilebert",
        "modernbert",
        "mpnet",
        "mt5",
        "nomic_bert",
        "nystromformer",
        "opt",
        "qwen2",
        "qwen3",
        "rembert",
        "roberta",
        "roberta-prelayernorm",
        "roformer",
        "squeezebert",
        "t5",
        "umt5",
        "xlm-roberta",
        "xlm-roberta-xl",
        "xlnet",
        "xmod",
        "yoso",
    )
)
# They read from left to right, and answer from the last token that isn't padding
CAUSAL = ("gpt2", "gpt_neo", "gpt_neox", "llama", "opt", "qwen2", "qwen3")
# They count positions from the row's left end, padding included
COUNTS_FROM_THE_LEFT = (
    "albert",
    "bert",
    "big_bird",
    "convbert",
    "distilbert",
    "electra",
    "ernie",
    "gpt2",
    "gpt_neo",
    "megatron-bert",
    "mobilebert",
    "nystromformer",
    "rembert",
    "squeezebert",
    "yoso",
)


# transformers' tokenizer classes for those, with or without "Fast"
TOKENIZERS = frozenset(
    f"{name}{suffix}"
    for suffix in ("Tokenizer", "TokenizerFast")
    for name in (
        "Albert",
        "Bart",
        "Bert",
        "BigBird",
        "Camembert",
        "ConvBert",
        "Deberta",
        "DebertaV2",
        "DistilBert",
        "Electra",
        "Funnel",
        "GPT2",
        "GPTNeoX",
        "Llama",
        "Longformer",
        "MobileBert",
        "MPNet",
        "PreTrained",
        "Qwen2",
        "RemBert",
        "Roberta",
        "RoFormer",
        "SqueezeBert",
        "T5",
        "XLMRoberta",
        "XLNet",
    )
) | {"PreTrainedTokenizerFast", "TokenizersBackend"}
MODELS_OF_TOKENIZERS = frozenset(("BPE", "WordPiece", "Unigram", "WordLevel"))
# Each would make transformers fetch or run something: code, kernels, another layout of the weights
FORBIDDEN = (
    "auto_map",
    "quantization_config",
    "compression_config",
    "kernel_config",
    "use_kernels",
    "adapters",
    "adapter_config",
    "peft_config",
    "custom_pipelines",
    "tokenizer_object",
    "gguf_file",
    # arguments without a name, of which the first may be a file; another file than the one looked
    # at here
    "init_inputs",
    "fast_tokenizer_files",
)
REASONS = {
    "auto_map": say("Python code of its own (auto_map), which this app never runs"),
    "quantization_config": say(
        "quantised weights (quantization_config), and a run trains weights in float32"
    ),
}
# What a config says of a model that doesn't read text, or not only text
OF_IMAGES = ("vision_config", "image_size", "num_channels", "patch_size", "image_token_id")
OF_SOUND = ("audio_config", "num_mel_bins", "feat_extract_norm", "sampling_rate", "conv_stride")
ATTENTIONS = ("eager", "sdpa")
# Of a tokenizer's config: what is opened as a file where it is a text
OPENED = re.compile(r"vocab|merges|\w*_file|\w*(?:_path|_dir|_folder)|spm|\w+_spm|sp_model")
IGNORED_PATHS = ("name_or_path", "special_tokens_map_file")  # overwritten, or not read
PLAIN_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
# All that special_tokens_map.json may name: its entries go before the files that were found
SPECIAL_TOKENS = re.compile(r"\w+_tokens?")
MOST_DEPTH, MOST_WEIGHTS_FILES = 40, 32
MOST_VOCABULARY, MOST_LABELS, MOST_ADDED_TOKENS, MOST_TOKEN_CHARACTERS = (
    300_000,
    1_000,
    20_000,
    1_000,
)
MOST_LAYERS, MOST_WIDTH, MOST_NUMBER = 96, 16_384, 1_000_000
# A text stands in each answer that has the token; these stand in none
MOST_TEXT, LONG_TEXTS = 4_000, ("precompiled_charsmap", "chat_template", "template")
LAYERS = re.compile(
    r"\w*layers?|\w*blocks?|block_sizes|block_repeats|num_hidden_groups|inner_group_num"
)
WIDTHS = re.compile(
    r"\w*hidden_size|\w*dim|\w*width|d_model|n_embd|intermediate_size|n_inner|d_ff|ffn_\w+"
    r"|embedding_size|num_\w*heads|n_heads?"
)
# A normalizer's Replace may make a text longer; all of them together may at most
MOST_STEPS, MOST_GROWTH, MOST_PATTERN = 40, 20.0, 2_000
# A template of special tokens adds to each sequence whatever it lists, and truncation doesn't count
# it
MOST_PARTS = 1_000


def check_folder(name: str, folder: Path) -> None:
    """Raises SourceError for the first thing in the checkpoint's small files that isn't allowed."""
    if any(folder.glob("adapter_*")):
        raise _not_allowed(name, say("an adapter, whose config would decide what is loaded"))
    config = _config(name, folder)
    _check_config(name, config)
    for file in ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"):
        _check_tokenizer_config(name, file, _read(name, folder, file))
    _check_tokenizer(name, _read(name, folder, "tokenizer.json"))
    _check_index(name, folder)


def _config(name: str, folder: Path) -> dict:
    config = _read(name, folder, "config.json")
    if not config:
        raise SourceError(
            say(
                "{name} has no config.json, so transformers can't tell its architecture. Choose "
                "another.",
                name=name,
            )
        )
    return config


def model_type_in(folder: Path) -> str:
    """The model_type of a folder's config.json; "" where it names none."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return str(config.get("model_type", ""))
    except (OSError, ValueError, AttributeError, RecursionError):
        return ""


def _read(name: str, folder: Path, file: str) -> dict:
    """A JSON object of the folder; {} where the file isn't there."""
    path = folder / file
    try:
        size = path.stat().st_size
        if size > SMALL_FILES.get(file, 4 * MEBIBYTE):
            raise _not_allowed(name, say("{file} of {size:.0f} MB", file=file, size=size / 10**6))
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise SourceError(
            say(
                "The {file} of {name} can't be read ({kind}). Choose another.",
                file=file,
                name=name,
                kind=type(error).__name__,
            )
        ) from None
    if not isinstance(value, dict):
        raise SourceError(
            say(
                "The {file} of {name} can't be read ({kind}). Choose another.",
                file=file,
                name=name,
                kind=type(value).__name__,
            )
        )
    for depth, key, inner in _walk(value):
        if depth > MOST_DEPTH:
            raise _not_allowed(
                name, say("{file} with more than {depth} levels", file=file, depth=MOST_DEPTH)
            )
        if len(key) > MOST_TEXT or (
            isinstance(inner, str) and len(inner) > MOST_TEXT and key not in LONG_TEXTS
        ):
            raise _not_allowed(
                name,
                say(
                    "{file} with a string of more than {most:,} characters",
                    file=file,
                    most=MOST_TEXT,
                ),
            )
    return value


def _walk(value: Any) -> Iterator[tuple[int, str, Any]]:
    """(depth, the nearest name above, value) of each value in a JSON value."""
    waiting = [(0, "", value)]
    while waiting:
        depth, name, value = waiting.pop()
        yield depth, name, value
        if depth > MOST_DEPTH:
            continue
        if isinstance(value, dict):
            waiting += [(depth + 1, str(key), each) for key, each in value.items()]
        elif isinstance(value, list):
            waiting += [(depth + 1, name, each) for each in value]


def _not_allowed(name: str, what: str) -> SourceError:
    return SourceError(
        say(
            "{name} can't be opened here: it has {what}. Choose another checkpoint.",
            name=name,
            what=what,
        )
    )


# ---------------------------------------------------------------- config.json


def _check_config(name: str, config: dict) -> None:
    kind = str(config.get("model_type"))
    if config.get("auto_map"):
        raise SourceError(
            say(
                "{name} needs Python code from its own repository (auto_map in its config.json), "
                "which this app never runs. Choose another.",
                name=name,
            )
        )
    if kind not in ARCHITECTURES:
        raise SourceError(
            say(
                "{name} {what}. Choose a model of text such as bert, roberta, electra, deberta-v2 "
                "or modernbert.",
                name=name,
                what=_what_else(config, kind[:40]),
            )
        )
    _check_forbidden(name, config)
    _check_tokenizer_class(name, config)
    for key in ("_attn_implementation", "attn_implementation", "_attn_implementation_internal"):
        if config.get(key) not in (None, *ATTENTIONS):
            raise _not_allowed(
                name,
                say(
                    "{key} = {value!r}, which would fetch a kernel",
                    key=key,
                    value=str(config[key])[:60],
                ),
            )
    for key in ("id2label", "label2id"):
        if len(config.get(key) or ()) > MOST_LABELS:
            raise _not_allowed(name, say("{count:,} labels", count=len(config[key])))
    for _depth, key, value in _walk(config):
        _check_number(name, key, value)


def _what_else(config: dict, kind: str) -> str:
    """What a model is that is not on the list, as far as its config tells."""
    if "model_type" not in config:
        return say("names no model_type in its config.json, so its architecture is unknown")
    if any(key in config for key in OF_IMAGES):
        return say("reads images ({kind!r}), not pairs of sentences", kind=kind)
    if any(key in config for key in OF_SOUND):
        return say("reads sound ({kind!r}), not pairs of sentences", kind=kind)
    if config.get("is_encoder_decoder"):
        return say(
            "is an encoder-decoder ({kind!r}), which writes text and can't be opened as a "
            "classifier here",
            kind=kind,
        )
    if any("ForCausalLM" in str(name) for name in config.get("architectures") or ()):
        return say(
            "is a decoder ({kind!r}), which continues text and can't be opened as a classifier "
            "here",
            kind=kind,
        )
    return say("has the architecture {kind!r}, which this app doesn't open", kind=kind)


def _check_forbidden(name: str, config: dict) -> None:
    for _depth, _key, value in _walk(config):
        if isinstance(value, dict):
            for key in FORBIDDEN:
                if value.get(key):
                    raise _not_allowed(name, REASONS.get(key) or say("{key} in a config", key=key))


def _check_number(name: str, key: str, value: Any) -> None:
    """Sizes decide how much is built: nothing is built before they are known to be ordinary."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    if isinstance(value, float) and not math.isfinite(value):
        raise _not_allowed(name, say("{key} = {value}", key=key, value=value))
    most = (
        MOST_VOCABULARY
        if "vocab" in key
        else MOST_LAYERS
        if LAYERS.fullmatch(key)
        else MOST_LABELS
        if key == "num_labels"
        else MOST_WIDTH
        if WIDTHS.fullmatch(key)
        else MOST_NUMBER
    )
    if isinstance(value, int) and abs(value) > most:
        shown = (
            value
            if abs(value) < 10**15
            else say("a number of {count} digits", count=len(hex(value)))
        )
        raise _not_allowed(
            name, say("{key} = {value} (the limit is {most:,})", key=key, value=shown, most=most)
        )


# ---------------------------------------------------------------- the tokenizer's files


def _check_tokenizer_config(name: str, file: str, config: dict) -> None:
    _check_forbidden(name, config)
    _check_tokenizer_class(name, config)
    if file == "special_tokens_map.json":
        for key in config:
            if not SPECIAL_TOKENS.fullmatch(key):
                raise _not_allowed(
                    name,
                    say("{key} in {file}, which is not a special token", key=key[:60], file=file),
                )
    for key, value in config.items():
        if (
            key in IGNORED_PATHS
            or not OPENED.fullmatch(key)
            or value is None
            or isinstance(value, bool | int)
        ):
            continue
        if file == "tokenizer_config.json" and not (
            isinstance(value, str) and PLAIN_NAME.fullmatch(value)
        ):
            raise _not_allowed(
                name,
                say(
                    "{key} = {value!r} in {file}, which is not a plain file name",
                    key=key,
                    value=str(value)[:60],
                    file=file,
                ),
            )
    added = config.get("added_tokens_decoder") if file == "tokenizer_config.json" else config
    _check_added(
        name, list((added or {}).values()) if file == "tokenizer_config.json" else list(added or {})
    )


def _check_tokenizer_class(name: str, config: dict) -> None:
    kind = config.get("tokenizer_class")
    if kind is not None and (not isinstance(kind, str) or kind not in TOKENIZERS):
        raise SourceError(
            say(
                "{name} asks for the tokenizer class {kind!r}, which this app doesn't open. "
                "Choose another.",
                name=name,
                kind=str(kind)[:60],
            )
        )


def _check_added(name: str, tokens: list) -> None:
    if len(tokens) > MOST_ADDED_TOKENS:
        raise _not_allowed(name, say("{count:,} added tokens", count=len(tokens)))
    for token in tokens:
        content = token.get("content") if isinstance(token, dict) else token
        if not isinstance(content, str) or len(content) > MOST_TOKEN_CHARACTERS:
            raise _not_allowed(name, say("an added token that is not text or is very long"))


def _check_tokenizer(name: str, tokenizer: dict) -> None:
    if not tokenizer:
        return
    told = tokenizer.get("model")
    model = told if isinstance(told, dict) else {}
    # Files of before 2020 name no type: the library tries them in turn
    if model.get("type") not in (None, *MODELS_OF_TOKENIZERS):
        raise _not_allowed(
            name, say("a tokenizer model of type {kind!r}", kind=str(model["type"])[:40])
        )
    if (
        len(model.get("vocab") or ()) > MOST_VOCABULARY
        or len(model.get("merges") or ()) > MOST_NUMBER
    ):
        raise _not_allowed(
            name, say("a vocabulary of more than {most:,} tokens", most=MOST_VOCABULARY)
        )
    _check_added(name, tokenizer.get("added_tokens") or [])
    parts = [
        value
        for part in ("normalizer", "pre_tokenizer", "post_processor", "decoder")
        for _depth, _key, value in _walk(tokenizer.get(part))
    ]
    if len(parts) > MOST_PARTS:
        raise _not_allowed(
            name, say("{count:,} values in the steps of tokenizer.json", count=len(parts))
        )
    steps = [value for value in parts if isinstance(value, dict) and "type" in value]
    if len(steps) > MOST_STEPS:
        raise _not_allowed(name, say("{count} steps in tokenizer.json", count=len(steps)))
    growth = 1.0
    for step in steps:
        growth *= _growth(name, step)
    if growth > MOST_GROWTH:
        raise _not_allowed(name, say("normalizers that make a text endlessly longer"))


def _growth(name: str, step: dict) -> float:
    """By how much one step can make a text longer, at least 1."""
    if step["type"] == "Prepend":
        return 1 + len(str(step.get("prepend", ""))) / 10
    if step["type"] not in ("Replace", "Split"):
        return 1.0
    pattern = step.get("pattern")
    text = next(iter(pattern.values()), "") if isinstance(pattern, dict) and pattern else ""
    if not isinstance(text, str) or len(text) > MOST_PATTERN:
        raise _not_allowed(
            name,
            say("a pattern of more than {most} characters in tokenizer.json", most=MOST_PATTERN),
        )
    if step["type"] == "Split":
        return 1.0
    shortest = len(text) if isinstance(pattern, dict) and "String" in pattern else 1
    return max(1.0, len(str(step.get("content", "")).encode()) / max(1, shortest) / 3)


def _check_index(name: str, folder: Path) -> None:
    """Shards are files of this folder and nothing else."""
    shards = _read(name, folder, INDEX).get("weight_map") or {}
    files = set(shards.values()) if isinstance(shards, dict) else {None}
    if len(files) > MOST_WEIGHTS_FILES or not all(
        isinstance(file, str) and PLAIN_NAME.fullmatch(file) and file.endswith(".safetensors")
        for file in files
    ):
        raise _not_allowed(
            name, say("weights in {file} that lie outside its own folder", file=INDEX)
        )


# ---------------------------------------------------------------- config and weights together


def weights_in(folder: Path) -> int:
    """How many numbers the folder's safetensors hold, as their headers say; nothing is loaded."""
    from safetensors import safe_open

    numbers = 0
    for path in folder.glob("*.safetensors"):
        with safe_open(path, "pt") as file:
            numbers += sum(math.prod(file.get_slice(tensor).get_shape()) for tensor in file.keys())  # noqa: SIM118 (safe_open is no dict)
    return numbers


def check_parameters(name: str, described: int, held: int, most_bytes: int) -> None:
    """What config.json describes must be what the files hold, but for a head: the rest would be
    drawn by chance.
    """
    if described > 2.5 * held + 5_000_000:
        raise SourceError(
            say(
                "{name} describes a model of {described:,} parameters in its config.json, but "
                "its files hold {held:,}. Choose another.",
                name=name,
                described=described,
                held=held,
            )
        )
    if 4 * described > 1.25 * most_bytes:
        raise SourceError(
            say(
                "{name} takes {size:.1f} GB in float32; the limit here is {most:.1f} GB. Choose "
                "a smaller one.",
                name=name,
                size=4 * described / 10**9,
                most=most_bytes / 10**9,
            )
        )


def check_fit(name: str, config: Any, tokenizer: Any) -> None:
    """Raises SourceError where a tokenizer makes numbers that its model has no row for; sets what
    it lacks.

    config: the model's. A decoder finds the end of a padded row by config.pad_token_id, and an
    encoder-decoder begins its answer with config.decoder_start_token_id.
    """
    if config.pad_token_id is None or config.model_type in CAUSAL:
        config.pad_token_id = tokenizer.pad_token_id
    if config.is_encoder_decoder and getattr(config, "decoder_start_token_id", None) is None:
        config.decoder_start_token_id = config.pad_token_id
    if len(tokenizer) > config.vocab_size:
        raise SourceError(
            say(
                "{name} has a tokenizer with {pieces:,} tokens, but its model has embeddings for "
                "{rows:,}: the two don't match. Choose another.",
                name=name,
                pieces=len(tokenizer),
                rows=config.vocab_size,
            )
        )
    types = getattr(config, "type_vocab_size", None)
    if "token_type_ids" in tokenizer.model_input_names and types == 1:
        tokenizer.model_input_names = [
            column for column in tokenizer.model_input_names if column != "token_type_ids"
        ]
