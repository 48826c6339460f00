"""Notes, Hugging Face 1, first part: loading raw_datasets, checkpoints and tasks, tokenize_function
and map.
"""

import inspect
import tempfile
import time
from pathlib import Path

import torch

from layers.claims.claim import HUGGING_FACE, Evidence, Section, error_of, noted, renamed, which
from layers.claims.materials import TINY, checkpoint, raw_datasets, tiny_model, tokenizer

section = Section("tokenizing", "Hugging Face 1: tokenizing")
LOADING = HUGGING_FACE + "datasets/loading"
STREAM = HUGGING_FACE + "datasets/stream"
MAP = HUGGING_FACE + "datasets/process#map"
AUTO = HUGGING_FACE + "transformers/model_doc/auto"
CALL = (
    HUGGING_FACE
    + "transformers/main_classes/tokenizer#transformers.PreTrainedTokenizerBase.__call__"
)
PADDING = HUGGING_FACE + "transformers/pad_truncation"


@section.claim(
    "hf-load-dataset-config",
    "load_dataset takes the dataset's name and then the config's; a dataset without configs needs "
    "none, or has one called 'default'.",
    "path comes first, name second. If a dataset has several configs, a missing or misspelled "
    "name raises an error that lists them. (GLUE is called nyu-mll/glue on the Hub today. Here "
    "two folders take the place of two Hub datasets, so no network is needed.)",
    LOADING,
)
def load_dataset_config() -> Evidence:
    from datasets import load_dataset

    row = "sentence1,sentence2,label\nA cat sat.,A cat was sitting.,1\n"
    configs = "".join(
        f"- config_name: {name}\n  data_files: {name}.csv\n" for name in ("mrpc", "rte")
    )

    def load(*names):
        return load_dataset(*names, cache_dir=f"{cache}/cache")

    with tempfile.TemporaryDirectory() as cache:
        with_configs, without = Path(cache, "glue"), Path(cache, "plain")
        with_configs.mkdir(), without.mkdir()
        (with_configs / "README.md").write_text(f"---\nconfigs:\n{configs}---\n")  # as on the Hub
        for file in (with_configs / "mrpc.csv", with_configs / "rte.csv", without / "train.csv"):
            file.write_text(row)
        named = load(str(with_configs), "mrpc")["train"].config_name
        missing, misspelled = (
            error_of(load, str(with_configs)),
            error_of(load, str(with_configs), "mprc"),
        )
        by_itself = load(str(without))["train"].config_name
    parameters = list(inspect.signature(load_dataset).parameters)[:2]
    needed = missing is not None and misspelled is not None
    return noted(
        parameters == ["path", "name"] and named == "mrpc" and needed and by_itself == "default",
        parameters=parameters,
        config_named=named,
        config_without_a_name=by_itself,
        misspelled=str(misspelled).splitlines()[0].replace(cache, "…"),
    )


@section.claim(
    "hf-print-raw-dataset",
    "After raw_datasets = load_dataset(…), print(raw_dataset) shows the structure.",
    "This raises a NameError: the variable is raw_datasets, with an s. print(raw_datasets) shows "
    "splits, columns and rows.",
    LOADING,
    reviewed="corrected",
)
def print_raw_dataset() -> Evidence:
    loaded, origin = raw_datasets()
    snippet = 'raw_datasets = load_dataset("glue", "mrpc")\nprint(raw_dataset)\n'
    printed = []
    names = {
        "load_dataset": lambda *names: loaded,
        "print": lambda thing: printed.append(str(thing)),
    }
    error = error_of(exec, snippet, dict(names))
    mended = error_of(
        exec, snippet.replace("print(raw_dataset)", "print(raw_datasets)"), dict(names)
    )
    return noted(
        error is None,
        error=str(error),
        with_an_s=printed[0][:60] + " …" if mended is None else str(mended),
        data=origin,
    )


@section.claim(
    "hf-all-splits",
    "What is loaded holds train, validation and test together; a split is taken by its name, as in "
    'tokenized_datasets["train"].',
    "A DatasetDict holds the splits that the dataset has: MRPC has three, many others have two "
    "or one. With split= you get only that split, as a Dataset. The middle one is called "
    "validation, not val.",
    LOADING,
)
def all_splits() -> Evidence:
    from datasets import load_dataset

    loaded, origin = raw_datasets()
    with tempfile.TemporaryDirectory() as folder:
        for split in ("train", "test"):
            Path(folder, f"{split}.csv").write_text("sentence1,label\nA cat sat.,1\n")
        other = load_dataset(folder, cache_dir=f"{folder}/cache")
        one = load_dataset(folder, cache_dir=f"{folder}/cache", split="train")
    return noted(
        set(loaded) == {"train", "validation", "test"} and loaded["train"].num_rows > 0,
        splits={name: split.num_rows for name, split in loaded.items()},
        data=origin,
        splits_of_another_dataset=list(other),
        with_split_train=type(one).__name__,
    )


@section.claim(
    "hf-viewer-for-a-few-rows",
    "load_dataset loads everything; to see only a few rows of a large dataset, you need the "
    "dataset server.",
    "load_dataset can do it too: streaming=True reads rows on demand (split='train[:8]' selects "
    "rows, but only after the whole download). This card reads a local file; the server itself "
    "(today the dataset viewer) needs the network.",
    STREAM,
    reviewed="corrected",
)
def viewer_for_a_few_rows() -> Evidence:
    from datasets import IterableDataset, load_dataset

    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/large.csv", "w") as file:
            file.write("number\n" + "\n".join(map(str, range(5000))))
        stream = load_dataset(
            "csv", data_files=f"{folder}/large.csv", split="train", streaming=True
        )
        three = [row["number"] for row in stream.take(3)]
    only_whole = not isinstance(stream, IterableDataset)
    return noted(only_whole, type=type(stream).__name__, three_rows=three)


@section.claim(
    "hf-checkpoint-decides-both",
    "The checkpoint determines both the model and its tokenizer.",
    "AutoTokenizer and AutoModel read which classes to use from the same folder, and the "
    "vocabulary has as many tokens as the model has embeddings.",
    AUTO,
)
def checkpoint_decides_both() -> Evidence:
    from transformers import AutoConfig, AutoTokenizer
    from transformers.models.auto.modeling_auto import MODEL_MAPPING

    config, loaded = (
        AutoConfig.from_pretrained(checkpoint()),
        AutoTokenizer.from_pretrained(checkpoint()),
    )
    model_class = MODEL_MAPPING[type(config)]
    return noted(
        len(loaded) == config.vocab_size
        and "Bert" in type(loaded).__name__
        and model_class.__name__ == "BertModel",
        tokenizer=type(loaded).__name__,
        model=model_class.__name__,
        vocabulary=(len(loaded), config.vocab_size),
    )


@section.claim(
    "hf-checkpoint-by-task",
    "The dataset tells you the task; look for models of that task on the Hub, and set checkpoint "
    "to the name of one.",
    "Half true. The models that the Hub lists under Text Classification are already fine-tuned "
    "for their own labels: use one of them to predict. To fine-tune, start from a pretrained "
    "checkpoint, such as the notes' own bert-base-uncased, which is listed under Fill-Mask: its "
    "body is reused and the head is new.",
    "https://huggingface.co/learn/llm-course/chapter3/3",
    reviewed="corrected",
)
def checkpoint_by_task() -> Evidence:
    from transformers import AutoModelForSequenceClassification

    def new_weights(folder):
        _model, loading = AutoModelForSequenceClassification.from_pretrained(
            folder, num_labels=2, output_loading_info=True
        )
        return sorted(loading["missing_keys"])

    with tempfile.TemporaryDirectory() as folder:
        tiny_model().save_pretrained(folder)  # as a model of the task is saved after its fine-tune
        of_the_task = new_weights(folder)
    to_start_from = new_weights(checkpoint())
    return noted(
        not to_start_from,
        new_weights_in_a_fine_tuned_checkpoint=of_the_task,
        new_weights_in_a_pretrained_one=to_start_from,
    )


@section.claim(
    "hf-checkpoint-old-name",
    'checkpoint = "bert-base-uncased": this is the model\'s name on the Hub.',
    "Today it is google-bert/bert-base-uncased: on the Hub each model is listed under its owner, "
    "and transformers' own pages use the full name. The Hub redirects the short name, so the "
    "notes' line still works. (The installed transformers decides this card; the Hub isn't "
    "asked.)",
    "https://huggingface.co/google-bert/bert-base-uncased",
    reviewed="outdated",
)
def checkpoint_old_name() -> Evidence:
    import transformers

    files = (Path(transformers.__file__).parent / "models" / "bert").glob("*.py")
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    mentions = {"google-bert/bert-base-uncased": text.count("google-bert/bert-base-uncased")}
    mentions["bert-base-uncased"] = text.count("bert-base-uncased") - sum(mentions.values())
    return renamed(
        mentions["bert-base-uncased"] > 0,
        mentions["google-bert/bert-base-uncased"] > 0,
        mentions_in_transformers=mentions,
    )


@section.claim(
    "hf-one-task-per-model",
    "In Hugging Face each model belongs to one downstream task.",
    "A checkpoint serves many tasks: AutoModelFor… puts a head of your choice on the same body. "
    "The head decides the task; a head that the checkpoint doesn't contain starts with random "
    "weights and has to be trained.",
    AUTO,
    reviewed="corrected",
)
def one_task_per_model() -> Evidence:
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
    "Models for the relation between two sentences get token_type_ids; models for other tasks "
    "don't.",
    "The kind of model decides, not the task: BERT's tokenizer makes them even for a single "
    "sentence, and DistilBERT's and RoBERTa's tokenizers don't make them even for pairs.",
    HUGGING_FACE + "transformers/glossary#token-type-ids",
    reviewed="corrected",
)
def type_ids_by_task() -> Evidence:
    from transformers import BertTokenizer, DistilBertTokenizer, RobertaTokenizer

    single, pair = tokenizer()("One sentence."), tokenizer()("One sentence.", "And another.")
    made = {
        c.__name__: "token_type_ids" in c.model_input_names
        for c in (BertTokenizer, DistilBertTokenizer, RobertaTokenizer)
    }
    return noted(
        "token_type_ids" in pair and "token_type_ids" not in single and all(made.values()),
        single_sentence=list(single),
        by_tokenizer=made,
    )


@section.question(
    "hf-decoder-classifies",
    "Is a large model such as llama2, made for question answering and chat, unsuitable for tasks "
    "like sentiment analysis?",
    "No: a decoder can have a classification head too (LlamaForSequenceClassification reads the "
    "last token that isn't padding), and you can also simply ask a chat model in words. Here a "
    "tiny decoder learns from 64 rows to tell two words apart and is right on 64 others. Whether "
    "this is worth the cost compared with a small encoder is another question.",
    HUGGING_FACE + "transformers/model_doc/llama#transformers.LlamaForSequenceClassification",
)
def decoder_classifies() -> Evidence:
    from transformers import AutoModelForSequenceClassification, LlamaConfig

    config = LlamaConfig(**TINY, vocab_size=9, num_labels=2, pad_token_id=0)
    model = AutoModelForSequenceClassification.from_config(config)
    input_ids = torch.randint(6, 9, (128, 6))  # (rows, seq_len)
    labels = torch.arange(128) % 2
    input_ids[:, 3] = labels + 4  # word 4: bad, word 5: good
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.03)
    for _ in range(40):
        optimizer.zero_grad()
        model(input_ids[:64], labels=labels[:64]).loss.backward()
        optimizer.step()
    right = model(input_ids[64:]).logits.argmax(dim=-1) == labels[64:]
    accuracy = right.float().mean().item()
    return which(
        {"it can classify": accuracy > 0.9, "it can't": accuracy < 0.7},
        model=type(model).__name__,
        accuracy_on_64_other_rows=accuracy,
    )


@section.claim(
    "hf-tokenizer-per-task",
    "The arguments of the tokenizer differ from task to task, for example in the number of "
    "sentences.",
    "The task decides what you pass: one sentence for sentiment, two for paraphrase. Every "
    "tokenizer takes either, and lists of either, since text_pair is optional.",
    CALL,
)
def tokenizer_per_task() -> Evidence:
    sentiment = tokenizer()("A sentence.")
    paraphrase = tokenizer()("A sentence.", "Another.")
    rows = tokenizer()(["A sentence.", "A third."], ["Another.", "A fourth."])
    separators = [
        ids.count(tokenizer().sep_token_id)
        for ids in (sentiment["input_ids"], paraphrase["input_ids"])
    ]
    optional = inspect.signature(tokenizer().__call__).parameters["text_pair"].default is None
    return noted(
        separators == [1, 2] and len(rows["input_ids"]) == 2 and optional,
        {
            "[SEP] with one sentence": separators[0],
            "[SEP] with two": separators[1],
            "text_pair is optional": optional,
        },
        rows=len(rows["input_ids"]),
    )


@section.claim(
    "hf-map-every-row",
    "map hands each row of the raw dataset to tokenize_function, whatever the structure of the "
    "raw dataset.",
    "map knows nothing about the columns: it passes each row to the function (with batched=True, "
    "many rows at once) and adds the columns that come back. tokenize_function must know the "
    "names of the columns.",
    MAP,
)
def map_every_row() -> Evidence:
    from datasets import Dataset

    def tokenized(rows, text_of):
        seen = []

        def tokenize_function(example):
            seen.append(text_of(example))
            return tokenizer()(text_of(example))

        return rows.map(tokenize_function, load_from_cache_file=False).column_names, set(seen)

    flat, flat_seen = tokenized(
        Dataset.from_dict({"anything": ["a", "b c", "d"]}), lambda row: row["anything"]
    )
    nested = Dataset.from_list(
        [{"translation": {"en": "a"}, "n": 1}, {"translation": {"en": "b c"}, "n": 2}]
    )
    deep, deep_seen = tokenized(nested, lambda row: row["translation"]["en"])
    return noted(
        flat_seen == {"a", "b c", "d"}
        and deep_seen == {"a", "b c"}
        and "input_ids" in flat
        and "input_ids" in deep,
        columns=flat,
        columns_of_a_nested_one=deep,
    )


@section.claim(
    "hf-map-efficient",
    "Tokenizing is usually done with map, which is quite efficient.",
    "There are three reasons: batched=True passes many rows at once; the result is an Arrow file "
    "on disk, which needn't fit into memory; and it is cached under a fingerprint of the data "
    "and the function, so nothing is computed the second time.",
    HUGGING_FACE + "datasets/about_cache",
)
def map_efficient() -> Evidence:
    from datasets import Dataset

    with tempfile.TemporaryDirectory() as folder:
        file, log = Path(folder, "rows.csv"), Path(folder, "calls")
        file.write_text("sentence\n" + "A cat sat.\n" * 2500)
        log.touch()
        log_name = str(log)  # a text: what the function refers to is part of its fingerprint

        def tokenize_function(example):
            with open(log_name, "a") as calls:
                calls.write(".")
            return tokenizer()(example["sentence"])

        rows, calls = Dataset.from_csv(str(file), cache_dir=folder), []
        for _ in range(2):
            tokenized = rows.map(tokenize_function, batched=True)
            calls.append(log.stat().st_size - sum(calls))
        kept_in = {Path(part["filename"]).suffix for part in tokenized.cache_files}
    return noted(
        calls == [3, 0] and kept_in == {".arrow"},
        calls_the_first_time=calls[0],
        calls_the_second_time=calls[1],
        kept_in=sorted(kept_in),
    )


@section.claim(
    "hf-function-order",
    "The notes' order: first raw_datasets.map(tokenize_function), below it def tokenize_function.",
    "Run from top to bottom, this raises a NameError: def must come before the map that uses it.",
    HUGGING_FACE + "transformers/training",
    reviewed="corrected",
)
def function_order() -> Evidence:
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
    "This raises a NameError: the object loaded above is called tokenizer.",
    CALL,
    reviewed="corrected",
)
def tokenize_name() -> Evidence:
    from transformers import AutoTokenizer

    snippet = (
        "tokenizer = AutoTokenizer.from_pretrained(checkpoint)\n"
        "def tokenize_function(example):\n"
        '    return tokenize(example["sentence1"], example["sentence2"], truncation=True)\n'
        "encoding = tokenize_function(example)\n"
    )
    example = {"sentence1": "A cat sat.", "sentence2": "A cat was sitting."}
    names = {"AutoTokenizer": AutoTokenizer, "checkpoint": checkpoint(), "example": example}
    error = error_of(exec, snippet, dict(names))
    mended = dict(names)
    exec(snippet.replace("return tokenize(", "return tokenizer("), mended)
    return noted(error is None, error=str(error), with_tokenizer=list(mended["encoding"]))


@section.claim(
    "hf-padding-default",
    "Padding in tokenize_function is 'longest' by default.",
    "Nothing is padded by default (padding=False): rows keep their own lengths, and the collator "
    "pads later. padding=True means 'longest'. The different lengths afterwards show it: "
    "'longest' would make all rows of one call equally long.",
    PADDING,
    reviewed="corrected",
)
def padding_default() -> Evidence:
    sentences = ["Short.", "A sentence that is longer by a few words."]
    lengths = {}
    for name, arguments in (
        ("default", {}),
        ("longest", {"padding": "longest"}),
        ("True", {"padding": True}),
    ):
        lengths[name] = [
            len(ids) for ids in tokenizer()(sentences, truncation=True, **arguments)["input_ids"]
        ]
    return noted(
        lengths["default"] == lengths["longest"],
        lengths=lengths,
        default=inspect.signature(tokenizer().__call__).parameters["padding"].default,
    )


@section.claim(
    "hf-batched-same-rows",
    "batched=True doesn't return a dataset cut into batches: rows go to tokenize_function in "
    "batches, and the results are put together again.",
    "map writes the results of all calls into one dataset, so the batches leave no trace: there "
    "are as many rows as before, with the same input_ids as row by row.",
    HUGGING_FACE + "datasets/about_map_batch",
)
def batched_same_rows() -> Evidence:
    loaded, origin = raw_datasets()
    rows = loaded["train"].select(range(8))

    def tokenize_function(example):
        return tokenizer()(example["sentence1"], example["sentence2"], truncation=True)

    batched = rows.map(tokenize_function, batched=True, load_from_cache_file=False)
    single = rows.map(tokenize_function, load_from_cache_file=False)
    return noted(
        list(batched["input_ids"]) == list(single["input_ids"]), rows=len(batched), data=origin
    )


@section.claim(
    "hf-batched-thousand",
    "The batches that map makes hold 1000 rows.",
    "1000 is the default batch_size of map; the last batch gets the remaining rows. It has "
    "nothing to do with the batch size of training.",
    HUGGING_FACE + "datasets/package_reference/main_classes#datasets.Dataset.map",
)
def batched_thousand() -> Evidence:
    from datasets import Dataset

    sizes = []
    Dataset.from_dict({"n": list(range(2500))}).map(
        lambda batch: sizes.append(len(batch["n"])), batched=True, load_from_cache_file=False
    )
    return noted(sizes == [1000, 1000, 500], batches=sizes)


@section.claim(
    "hf-batched-faster",
    "Rows are passed in batches because that is faster.",
    "Each call has a fixed cost: one call for a thousand rows pays it once, and a fast tokenizer "
    "processes a list without returning to Python.",
    HUGGING_FACE + "datasets/about_map_batch",
)
def batched_faster() -> Evidence:
    from datasets import Dataset

    rows = Dataset.from_dict({"sentence": ["A sentence of several words, no more."] * 1000})

    def tokenize_function(example):
        return tokenizer()(example["sentence"])

    def seconds(batched):
        began = time.perf_counter()
        rows.map(tokenize_function, batched=batched, load_from_cache_file=False)
        return time.perf_counter() - began

    one_by_one = min(seconds(batched=False) for _ in range(2))
    in_batches = min(seconds(batched=True) for _ in range(2))
    return noted(
        in_batches < one_by_one, one_by_one=round(one_by_one, 4), in_batches=round(in_batches, 4)
    )


@section.claim(
    "hf-batched-only-for-speed",
    "batched=True is only there for speed.",
    "It also lets the function return more or fewer rows than it got, for example when it cuts "
    "long texts into several rows.",
    HUGGING_FACE + "datasets/about_map_batch#input-size--output-size",
    reviewed="corrected",
)
def batched_only_for_speed() -> Evidence:
    from datasets import Dataset

    texts = Dataset.from_dict({"text": ["one two three", "four"]})

    def split_words(batch):
        return {"word": [word for text in batch["text"] for word in text.split()]}

    words = texts.map(
        split_words, batched=True, remove_columns=["text"], load_from_cache_file=False
    )
    return noted(len(words) == len(texts), rows_in=len(texts), rows_out=len(words))
