"""Notes, Hugging Face 1, first part: loading raw_datasets, checkpoints and tasks, tokenize_function and map."""
# The notes' own snippets are run as they stand, with the names that are missing in them.
# ruff: noqa: F821

import inspect
import tempfile
import time

import torch

from layers.claims.claim import HUGGING_FACE, Section, error_of, noted, which
from layers.claims.materials import TINY, checkpoint, raw_datasets, tokenizer

section = Section("tokenizing", "Hugging Face 1: tokenizing")
LOADING = HUGGING_FACE + "datasets/loading"
STREAM = HUGGING_FACE + "datasets/stream"
MAP = HUGGING_FACE + "datasets/process#map"
AUTO = HUGGING_FACE + "transformers/model_doc/auto"
CALL = HUGGING_FACE + "transformers/main_classes/tokenizer#transformers.PreTrainedTokenizerBase.__call__"
PADDING = HUGGING_FACE + "transformers/pad_truncation"


@section.claim(
    "hf-load-dataset-config",
    "load_dataset takes the dataset's name and then the config's; a dataset without configs needs none, "
    "or has one called 'default'.",
    "So it is. (The Hub's name of GLUE is nyu-mll/glue today. Without network a local CSV file decides this.)",
    LOADING,
)
def load_dataset_config():
    from datasets import load_dataset_builder

    path, name = list(inspect.signature(load_dataset_builder).parameters)[:2]
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("sentence1,sentence2,label\na,b,1\n")
        file.flush()
        without = load_dataset_builder("csv", data_files=file.name).config.name
        named = load_dataset_builder("csv", "default", data_files=file.name).config.name
    return noted(
        (path, name) == ("path", "name") and without.startswith("default") and named.startswith("default"),
        parameters=[path, name], config_without_a_name=without.split("-")[0], config_named=named.split("-")[0],
    )  # fmt: skip


@section.claim(
    "hf-print-raw-dataset",
    "After raw_datasets = load_dataset(…), print(raw_dataset) shows the structure.",
    "NameError: the variable is raw_datasets, with an s. print(raw_datasets) shows splits, columns, rows.",
    LOADING,
    reviewed="corrected",
)
def print_raw_dataset():
    from datasets import DatasetDict

    loaded, origin = raw_datasets()
    error = error_of(lambda: str(raw_dataset))
    return noted(error is None and isinstance(loaded, DatasetDict), error=str(error), splits=list(loaded), data=origin)


@section.claim(
    "hf-all-splits",
    "What is loaded holds train, validation and test together; a split is taken by its name, as in "
    'tokenized_datasets["train"].',
    "So it is, unless split= was given. The middle one is called validation, not val.",
    LOADING,
)
def all_splits():
    from datasets import load_dataset

    with tempfile.TemporaryDirectory() as folder:
        for split in ("train", "validation", "test"):
            with open(f"{folder}/{split}.csv", "w") as file:
                file.write("sentence1,sentence2,label\nA cat sat.,A cat was sitting.,1\n")
        loaded = load_dataset(folder, cache_dir=f"{folder}/cache")
        one = load_dataset(folder, cache_dir=f"{folder}/cache", split="train")
    return noted(
        list(loaded) == ["train", "validation", "test"] and loaded["train"].column_names[0] == "sentence1",
        loaded=type(loaded).__name__, splits=list(loaded), with_split_train=type(one).__name__,
    )  # fmt: skip


@section.claim(
    "hf-viewer-for-a-few-rows",
    "load_dataset loads everything; to see only a few rows of a large dataset, you need the dataset server.",
    "load_dataset can do it too: streaming=True reads rows as they are asked for (split='train[:8]' picks rows, but "
    "after the whole download). Run here on a local file; the server itself (today: dataset viewer) needs the network.",
    STREAM,
    reviewed="corrected",
)
def viewer_for_a_few_rows():
    from datasets import IterableDataset, load_dataset

    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/large.csv", "w") as file:
            file.write("number\n" + "\n".join(map(str, range(5000))))
        stream = load_dataset("csv", data_files=f"{folder}/large.csv", split="train", streaming=True)
        three = [row["number"] for row in stream.take(3)]
    only_whole = not isinstance(stream, IterableDataset)
    return noted(only_whole, type=type(stream).__name__, three_rows=three)


@section.claim(
    "hf-checkpoint-decides-both",
    "The checkpoint determines both the model and its tokenizer.",
    "So it does: AutoTokenizer and AutoModel read the classes from the same folder, and their vocabularies fit.",
    AUTO,
)
def checkpoint_decides_both():
    from transformers import AutoConfig, AutoTokenizer
    from transformers.models.auto.modeling_auto import MODEL_MAPPING

    config, loaded = AutoConfig.from_pretrained(checkpoint()), AutoTokenizer.from_pretrained(checkpoint())
    model_class = MODEL_MAPPING[type(config)]
    return noted(
        len(loaded) == config.vocab_size and "Bert" in type(loaded).__name__ and model_class.__name__ == "BertModel",
        tokenizer=type(loaded).__name__, model=model_class.__name__, vocabulary=(len(loaded), config.vocab_size),
    )  # fmt: skip


@section.claim(
    "hf-one-task-per-model",
    "In Hugging Face each model belongs to one downstream task.",
    "A checkpoint serves many: AutoModelFor… puts a head of your choice on the same body. The head decides the task; "
    "a head that the checkpoint doesn't hold starts at random and has to be trained.",
    AUTO,
    reviewed="corrected",
)
def one_task_per_model():
    from transformers import AutoConfig
    from transformers.models.auto import modeling_auto as auto

    config, heads = AutoConfig.from_pretrained(checkpoint()), {}
    for task in (
        "SEQUENCE_CLASSIFICATION",
        "TOKEN_CLASSIFICATION",
        "QUESTION_ANSWERING",
        "MASKED_LM",
        "MULTIPLE_CHOICE",
    ):
        mapping = getattr(auto, f"MODEL_FOR_{task}_MAPPING")
        if type(config) in mapping:
            heads[task] = mapping[type(config)].__name__
    return noted(len(heads) == 1, heads_for_one_checkpoint=heads)


@section.claim(
    "hf-type-ids-by-task",
    "Models that judge the relation of two sentences are given token_type_ids, those for other tasks aren't.",
    "The kind of model decides, not the task: BERT's tokenizer makes them for a single sentence too, DistilBERT's and "
    "RoBERTa's not even for pairs.",
    HUGGING_FACE + "transformers/glossary#token-type-ids",
    reviewed="corrected",
)
def type_ids_by_task():
    from transformers import BertTokenizer, DistilBertTokenizer, RobertaTokenizer

    single, pair = tokenizer()("One sentence."), tokenizer()("One sentence.", "And another.")
    made = {
        c.__name__: "token_type_ids" in c.model_input_names
        for c in (BertTokenizer, DistilBertTokenizer, RobertaTokenizer)
    }
    return noted(
        "token_type_ids" in pair and "token_type_ids" not in single and all(made.values()),
        single_sentence=list(single), by_tokenizer=made,
    )  # fmt: skip


@section.question(
    "hf-decoder-classifies",
    "Would a large model such as llama2, made for question answering and chat, be unfit for tasks like sentiment?",
    "No: a decoder takes a classification head too (LlamaForSequenceClassification reads the last token). Here a tiny "
    "one learns to tell two words apart. Whether that pays against a small encoder is another matter.",
    HUGGING_FACE + "transformers/model_doc/llama#transformers.LlamaForSequenceClassification",
)
def decoder_classifies():
    from transformers import AutoModelForSequenceClassification, LlamaConfig

    config = LlamaConfig(**TINY, vocab_size=20, num_labels=2, pad_token_id=0)
    model = AutoModelForSequenceClassification.from_config(config)
    input_ids = torch.randint(2, 20, (16, 6))  # (batch, seq_len)
    labels = torch.arange(16) % 2
    input_ids[:, 3] = labels + 4  # word 4: bad, word 5: good
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.03)
    for _ in range(20):
        optimizer.zero_grad()
        model(input_ids, labels=labels).loss.backward()
        optimizer.step()
    accuracy = (model(input_ids).logits.argmax(dim=-1) == labels).float().mean().item()
    return which(
        {"it can classify": accuracy > 0.9, "it can't": accuracy < 0.7}, model=type(model).__name__, accuracy=accuracy
    )


@section.claim(
    "hf-tokenizer-per-task",
    "Tokenizers for different tasks take different arguments, such as how many sentences.",
    "One and the same tokenizer takes a sentence, a pair, or lists of either: text_pair is optional. What you pass "
    "depends on the task, what it takes doesn't.",
    CALL,
    reviewed="corrected",
)
def tokenizer_per_task():
    one = tokenizer()("A sentence.")
    pair = tokenizer()("A sentence.", "Another.")
    rows = tokenizer()(["A sentence.", "A third."], ["Another.", "A fourth."])
    takes_all = len(one["input_ids"]) < len(pair["input_ids"]) and len(rows["input_ids"]) == 2
    return noted(not takes_all, one=len(one["input_ids"]), pair=len(pair["input_ids"]), rows=len(rows["input_ids"]))


@section.claim(
    "hf-map-every-row",
    "map hands each row of the raw dataset to tokenize_function, whatever the structure of the raw dataset.",
    "So it does (with batched=True in lists of rows), and adds the columns that come back. tokenize_function itself "
    "must know the columns' names.",
    MAP,
)
def map_every_row():
    from datasets import Dataset

    def tokenized(rows, text_of):
        seen = []

        def tokenize_function(example):
            seen.append(text_of(example))
            return tokenizer()(text_of(example))

        return rows.map(tokenize_function, load_from_cache_file=False).column_names, set(seen)

    flat, flat_seen = tokenized(Dataset.from_dict({"anything": ["a", "b c", "d"]}), lambda row: row["anything"])
    nested = Dataset.from_list([{"translation": {"en": "a"}, "n": 1}, {"translation": {"en": "b c"}, "n": 2}])
    deep, deep_seen = tokenized(nested, lambda row: row["translation"]["en"])
    return noted(
        flat_seen == {"a", "b c", "d"} and deep_seen == {"a", "b c"} and "input_ids" in flat and "input_ids" in deep,
        columns=flat, columns_of_a_nested_one=deep,
    )


@section.claim(
    "hf-function-order",
    "The notes' order: first raw_datasets.map(tokenize_function), below it def tokenize_function.",
    "Run from top to bottom that is a NameError: def must come before the map that uses it.",
    HUGGING_FACE + "transformers/training",
    reviewed="corrected",
)
def function_order():
    loaded, _ = raw_datasets()
    snippet = (
        "tokenized_datasets = raw_datasets.map(tokenize_function, batched=True)\n"
        "def tokenize_function(example):\n"
        "    return tokenizer(example['sentence1'], example['sentence2'], truncation=True)\n"
    )
    error = error_of(exec, snippet, {"raw_datasets": loaded, "tokenizer": tokenizer()})
    return noted(error is None, error=str(error))


@section.claim(
    "hf-tokenize-name",
    "tokenize_function says: return tokenize(example[…], …).",
    "NameError: the object loaded above is called tokenizer.",
    CALL,
    reviewed="corrected",
)
def tokenize_name():
    def tokenize_function(example):
        return tokenize(example["sentence1"], example["sentence2"], truncation=True)

    error = error_of(tokenize_function, {"sentence1": "A cat sat.", "sentence2": "A cat was sitting."})
    return noted(error is None, error=str(error))


@section.claim(
    "hf-padding-default",
    "Padding in tokenize_function is 'longest' by default.",
    "Nothing is padded by default (padding=False): rows keep their own lengths, the collator pads later. "
    "padding=True is what means 'longest'. That lengths differ afterwards shows just this: 'longest' would make all "
    "rows of one call equally long.",
    PADDING,
    reviewed="corrected",
)
def padding_default():
    sentences = ["Short.", "A sentence that is longer by a few words."]
    lengths = {}
    for name, arguments in (("default", {}), ("longest", {"padding": "longest"}), ("True", {"padding": True})):
        lengths[name] = [len(ids) for ids in tokenizer()(sentences, truncation=True, **arguments)["input_ids"]]
    return noted(
        lengths["default"] == lengths["longest"],
        lengths=lengths, default=inspect.signature(tokenizer().__call__).parameters["padding"].default,
    )  # fmt: skip


@section.claim(
    "hf-batched-same-rows",
    "batched=True doesn't return a dataset cut into batches: rows go to tokenize_function in batches, "
    "and the results are put together again.",
    "So it is: as many rows as before, each with the same input_ids as one by one.",
    HUGGING_FACE + "datasets/about_map_batch",
)
def batched_same_rows():
    loaded, origin = raw_datasets()
    rows = loaded["train"].select(range(8))

    def tokenize_function(example):
        return tokenizer()(example["sentence1"], example["sentence2"], truncation=True)

    batched = rows.map(tokenize_function, batched=True, load_from_cache_file=False)
    single = rows.map(tokenize_function, load_from_cache_file=False)
    return noted(list(batched["input_ids"]) == list(single["input_ids"]), rows=len(batched), data=origin)


@section.claim(
    "hf-batched-thousand",
    "The batches that map makes hold 1000 rows.",
    "So they do by default: batch_size=1000. It has nothing to do with the batch size of training.",
    HUGGING_FACE + "datasets/package_reference/main_classes#datasets.Dataset.map",
)
def batched_thousand():
    from datasets import Dataset

    sizes = []
    Dataset.from_dict({"n": list(range(2500))}).map(
        lambda batch: sizes.append(len(batch["n"])), batched=True, load_from_cache_file=False
    )
    return noted(sizes == [1000, 1000, 500], batches=sizes)


@section.claim(
    "hf-batched-faster",
    "Batches are handed over to be faster.",
    "They are: a fast tokenizer takes a list in one call.",
    HUGGING_FACE + "datasets/about_map_batch",
)
def batched_faster():
    sentences = ["A sentence of several words, no more."] * 500

    def seconds(function):
        began = time.perf_counter()
        function()
        return time.perf_counter() - began

    one_by_one = min(seconds(lambda: [tokenizer()(sentence) for sentence in sentences]) for _ in range(3))
    in_one_call = min(seconds(lambda: tokenizer()(sentences)) for _ in range(3))
    return noted(in_one_call < one_by_one, one_by_one=round(one_by_one, 4), in_one_call=round(in_one_call, 4))


@section.claim(
    "hf-batched-only-for-speed",
    "Speed is all that batched=True is for.",
    "It also lets the function return more rows than it got, or fewer: long texts cut into several rows, say.",
    HUGGING_FACE + "datasets/about_map_batch#input-size--output-size",
    reviewed="corrected",
)
def batched_only_for_speed():
    from datasets import Dataset

    texts = Dataset.from_dict({"text": ["one two three", "four"]})

    def split_words(batch):
        return {"word": [word for text in batch["text"] for word in text.split()]}

    words = texts.map(split_words, batched=True, remove_columns=["text"], load_from_cache_file=False)
    return noted(len(words) == len(texts), rows_in=len(texts), rows_out=len(words))
