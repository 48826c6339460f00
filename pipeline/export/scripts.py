"""What a tab did -> the plain Hugging Face script that does it again, with no import of ours.

    >>> print(tokenize_script("Hi.", "Hello.").splitlines()[-1])
    print(encoding)

A script names its versions and its seed. Where something of the app stood in for the Hub (the
embedded pairs, an adapter, a run's model), the script reads the file that the app read and says
where to get it.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from textwrap import fill
from typing import TYPE_CHECKING, Any

from languages import say
from pipeline.config import EVAL_BATCH_SIZE, TrainingConfig, config_from
from pipeline.dataset import APP_PLACES, COLUMNS, app_pairs, columns_of
from pipeline.edits.changed import Copy, copy_told
from pipeline.errors import InputError
from pipeline.explain.step_by_hand import source
from pipeline.hub.checkpoint_rules import COUNTS_FROM_THE_LEFT
from pipeline.hub.sources import RUN_PREFIX
from pipeline.methods import ALPHA, RANK
from pipeline.pair_map import READ_THE_LAST, vectors_read
from pipeline.settings import ADAPTERS, CHECKPOINTS, EMBEDDED_CHECKPOINT, LABELS, Settings, has_gpu
from pipeline.task import MRPC, TASKS, Task, task_told
from pipeline.tokenization import STAND_INS
from pipeline.training import PACKAGES, best_arguments, has_fast_bf16

if TYPE_CHECKING:
    from pipeline.explain.step_by_hand import OneStep
    from pipeline.runs.progress import Run

# Where a script of the page finds what came with the app, from the folder that it is run in
EMBEDDED = "pipeline/embedded"


def tokenize_script(
    sentence1: str,
    sentence2: str | None,
    checkpoint: str = EMBEDDED_CHECKPOINT,
    max_length: int = 128,
    truncation: bool = True,
) -> str:
    """One pair's encoding, as the Tokenize tab shows it. sentence2: None for one sentence."""
    call = f"truncation=True, max_length={int(max_length)}" if truncation else "truncation=False"
    return f"""{_head("What the Tokenize tab shows", "transformers")}
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained({_base(checkpoint)!r})
encoding = tokenizer({sentence1!r},{_second(sentence2, 21)} {call})
for number, piece in zip(encoding["input_ids"], tokenizer.convert_ids_to_tokens(encoding["input_ids"])):
    print(f"{{number:>6}} {{piece}}")
print(encoding)
"""


def batch_script(
    rows: list[dict[str, Any]],
    split: str,
    place: str,
    checkpoint: str = EMBEDDED_CHECKPOINT,
    max_length: int = 128,
    truncation: bool = True,
    task: Task = MRPC,
) -> str:
    """The padded batch of some rows of a split. `place`: where the pairs came from, an Origin's."""
    call = f"truncation=True, max_length={int(max_length)}" if truncation else "truncation=False"
    return f"""{_head("The batch that the Tokenize tab shows", "transformers", "datasets", "torch")}
from datasets import load_dataset
from transformers import AutoTokenizer, DataCollatorWithPadding

{_pairs(place, task)}
rows = raw_datasets[{split!r}].select({list(rows)})
tokenizer = AutoTokenizer.from_pretrained({_base(checkpoint)!r})
{_padding_of_batch(checkpoint)}

def tokenize_function(examples):
    return tokenizer({_columns(task)}, {call})


tokenized = rows.map(tokenize_function, batched=True).remove_columns({_dropped(task)})
batch = DataCollatorWithPadding(tokenizer)([tokenized[i] for i in range(len(tokenized))])
print([len(ids) for ids in tokenized["input_ids"]])
print({{name: list(tensor.shape) for name, tensor in batch.items()}})
print(batch["input_ids"].tolist())
"""


def predict_script(
    model: str,
    sentence1: str,
    sentence2: str | None,
    max_length: int = 128,
    seed: int = Settings.seed,
    labels: Sequence[str] = LABELS,
) -> str:
    """One prediction, in float32. labels: the model's, in the order of their numbers."""
    opening = asked_once(
        "A prediction of the Predict tab",
        model,
        (sentence1, sentence2),
        max_length,
        seed,
        len(labels),
    )
    return f"""{opening}with torch.inference_mode():
    logits = model(**batch).logits[0]
probabilities = logits.softmax(-1)
print("logits", logits.tolist())
print("probabilities", probabilities.tolist())
labels = {list(labels)}
{"" if _is_well_known(model) else OWN_ORDER}print("label", labels[int(probabilities.argmax())])
"""


def asked_once(
    what: str,
    model: str,
    pair: tuple[str, str | None],
    max_length: int,
    seed: int,
    labels: int,
) -> str:
    """The first lines of a script that asks a model about one pair: its libraries, `tokenizer`,
    `model` in float32 and eval mode, `batch`. labels: how many the model has.
    """
    rounded = PAGE_IN_BF16 if not has_gpu() and has_fast_bf16(on_gpu=False) else ""
    packages = ("transformers", "torch", *(["peft"] if model in ADAPTERS else []))
    sentence1, sentence2 = pair
    return f"""{_head(what, *packages)}{rounded}
import torch
{_model(model, seed, trained=False, labels=labels)}
batch = tokenizer({sentence1!r},{_second(sentence2, 18)} truncation=True, max_length={int(max_length)}, return_tensors="pt")
model.eval()
"""


def model_lines(model: str, seed: int, labels: int) -> str:
    """Lines that load `tokenizer` and `model`, once more in a script of `asked_once`."""
    return _model(model, seed, trained=False, labels=labels).strip()


OWN_ORDER = """if {*labels} == {*model.config.id2label.values()}:
    labels = model.config.id2label  # the page reorders a checkpoint's labels to its own order
"""


def by_hand_script(step: OneStep) -> str:
    """A OneStep (pipeline/explain/step_by_hand.py) once more, by hand alone: each pair's loss, the
    norm, the weights that are followed.
    """
    config = step.config
    peft = ["peft"] if step.loaded in ADAPTERS or config.method == "lora" else []
    names = [
        each.name.partition("[")[0] for each in step.followed
    ]  # of each, the page follows the first number
    return f"""{_head("One step by hand, as the Fine-tune tab takes it", "transformers", "datasets", "torch", *peft)}
import torch
from datasets import load_dataset
from transformers import DataCollatorWithPadding

{_pairs(step.place, step.task)}
rows = {[each.row for each in step.examples]}  # the first batch that the run would draw
{_model(step.loaded, config.seed, labels=len(step.task.labels))}
{_method(config, step.loaded)}

def tokenize_function(examples):
    return tokenizer({_columns(step.task)}, truncation=True, max_length={config.max_length})


tokenized = raw_datasets["train"].select(rows).map(tokenize_function, batched=True)
tokenized = tokenized.remove_columns({_dropped(step.task)})
batch = DataCollatorWithPadding(tokenizer)([tokenized[i] for i in range(len(tokenized))])


{source()}

model.eval()  # without dropout
followed = {{name: dict(model.named_parameters())[name] for name in {names}}}
before = {{name: weight.flatten()[0].item() for name, weight in followed.items()}}
losses, norm = step_by_hand(model, batch, learning_rate={config.learning_rate!r}, weight_decay={config.weight_decay!r})
for row, loss in zip(rows, losses.tolist()):
    print("row", row, "loss", loss)
print("mean", losses.mean().item(), "norm", norm.item())
for name, weight in followed.items():
    print(name, "from", before[name], "to", weight.flatten()[0].item())
"""


# See serving.py
PAGE_IN_BF16 = """
# The page computes in bfloat16, as its processor is faster with it, and rounds each result to about
# three digits. This is float32: the logits differ by about 0.02."""


def run_script(run: Run, embedded: Any = EMBEDDED) -> str:
    """The script of a Run (pipeline/runs/progress.py) that has told where its model and pairs
    came from; else an InputError.

    embedded: the folder that holds what came with the app. A run that was stopped is stopped at the
    same step. Where the embedded checkpoint stood in for the one asked for, the script loads the
    one that was trained.
    """
    start = run.first("start")
    if not run.config or not start or not start.get("model") or not start.get("data"):
        raise InputError(
            say(
                "This run hasn't reported yet what it loaded. Its script appears here shortly "
                "before the first step."
            )
        )
    config = replace(config_from(run.config), checkpoint=start["model"]["loaded"])
    in_bf16 = start.get("bf16")
    if in_bf16 is None:  # a story from before it was told
        in_bf16 = has_fast_bf16() if config.precision == "auto" else config.precision == "bf16"
    end = run.first("stopped") if run.state == "stopped" else None
    return train_script(
        config,
        start["data"]["place"],
        in_bf16,
        start.get("versions"),
        (end or {}).get("step"),
        embedded,
        task_told(config.task_name, start.get("task")),
        [copy_told(each) for each in start.get("copies") or []],
    )


def train_script(
    config: TrainingConfig,
    place: str,
    in_bf16: bool,
    versions: dict[str, str] | None = None,
    stopped_at: int | None = None,
    embedded: Any = EMBEDDED,
    task: Task | None = None,
    copies: Sequence[Copy] = (),
) -> str:
    """A run's loss curve, figures and map of its validation pairs. `place`: where its pairs came from; in_bf16: what precision
    "auto" meant there. task: by default the one that the config names.

    versions: {package: version} of the worker; by default those installed here. stopped_at: the
    step at which it was stopped. copies: those that joined its training pairs.
    """
    task = task or TASKS[config.task_name]
    what = "A run of the Fine-tune tab: the same curve on the same machine"
    return f"""{_head(what, *PACKAGES, "scikit-learn", versions=versions)}
import json
from pathlib import Path

{"" if len(task.labels) > len(LABELS) else IMPORT_EVALUATE}import numpy as np
import torch
from datasets import {"Dataset, " if copies else ""}DatasetDict, {"concatenate_datasets, " if copies else ""}load_dataset
from sklearn.decomposition import PCA
from transformers import {", ".join(_of_trainer(config))}

{_pairs(place, task, embedded)}
# The first pairs of each split
for split, count in (("train", {config.train_pairs}), ("validation", {config.eval_pairs})):
    raw_datasets[split] = raw_datasets[split].select(range(min(count, len(raw_datasets[split]))))
{_copies(copies)}{_model(config.checkpoint, config.seed, embedded, labels=len(task.labels))}
{_dropout(config.checkpoint, config.dropout)}
{_method(config, config.checkpoint)}

def tokenize_function(examples):
    return tokenizer({_columns(task)}, truncation=True, max_length={config.max_length})


tokenized_datasets = DatasetDict(train=raw_datasets["train"], validation=raw_datasets["validation"]).map(
    tokenize_function, batched=True)
{MEASURED if len(task.labels) > len(LABELS) else MEASURED_BY_GLUE}

# A run ends after `epochs` or `max_steps`, whichever comes first
steps_per_epoch = -(-len(tokenized_datasets["train"]) // {config.effective_batch_size})
training_args = TrainingArguments(
    output_dir="run",
{_arguments(config.training_arguments())}
    max_steps={config.max_steps} if {config.max_steps} < {config.epochs} * steps_per_epoch else -1,
    per_device_train_batch_size={config.batch_size}, per_device_eval_batch_size={EVAL_BATCH_SIZE}, max_grad_norm=1.0,
    bf16={in_bf16}, use_cpu={"not torch.cuda.is_available()" if in_bf16 else False},
    eval_steps={config.eval_steps if config.eval_strategy == "steps" else None},
    logging_steps=1, logging_nan_inf_filter=False,
{_arguments(best_arguments(config, task.metrics))}
    data_seed={config.seed}, report_to="none", dataloader_pin_memory=False, average_tokens_across_devices=False,
)
training_args._n_gpu = min(training_args.n_gpu, 1)  # several GPUs would share larger batches
trainer = Trainer(
    model, training_args, train_dataset=tokenized_datasets["train"], eval_dataset=tokenized_datasets["validation"],
    data_collator=DataCollatorWithPadding(tokenizer), compute_metrics=compute_metrics, processing_class=tokenizer,
{_early(config)})
trainer.model_accepts_loss_kwargs = False  # the loss is a batch's mean: average it over accumulated batches
{_pair_map(config.checkpoint)}{_sample(config, copies)}{_stop(stopped_at)}print("before", trainer.evaluate())
set_seed({config.seed})  # the order of the batches is drawn now
trainer.train()
{MERGED if config.method == "lora" else ""}{_after(config)}
# Each validation pair's place on the map after each evaluation: {{step: [[x, y], ...]}}
Path("map.json").write_text(json.dumps(maps))
"""


LOGS = """for log in trainer.state.log_history:
    if "loss" in log:
        print("step", log["step"], "loss", log["loss"])
    elif "eval_loss" in log:
        print("step", log["step"], "evaluated", log)
"""
AFTER = f"""print("after", trainer.evaluate())
{LOGS}"""


def _after(config):
    """Lines that print a run's log and its last evaluation."""
    if not config.keeps_best:
        return AFTER
    names = ["PairMap", *(["TrainingPairs"] if config.train_eval_pairs else [])]
    quiet = "".join(f"trainer.remove_callback({name})\n" for name in names)
    return f"""{LOGS}# Trainer has loaded the best checkpoint: these aren't the last step's weights any more
print("kept step", trainer.state.best_global_step)
{quiet}print("after", trainer.evaluate())
"""


IMPORT_EVALUATE = "import evaluate\n"
MEASURED_BY_GLUE = """metric = evaluate.load("glue", "mrpc")


def compute_metrics(eval_pred):
    logits, labels = eval_pred
    return metric.compute(predictions=np.argmax(logits, axis=-1), references=labels)
"""
# evaluate's metrics of several labels are scikit-learn's, one download each
MEASURED = """

def compute_metrics(eval_pred):
    from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

    logits, labels = eval_pred
    predictions = np.argmax(logits, axis=-1)
    return {
        "accuracy": accuracy_score(labels, predictions),
        "macro_f1": f1_score(labels, predictions, average="macro", zero_division=0),
        "matthews_correlation": matthews_corrcoef(labels, predictions),
    }
"""


def _second(sentence2, indent):
    """The second argument of a tokenizer's call on a line of its own; none for one sentence."""
    return "" if sentence2 is None else f"\n{' ' * indent}{sentence2!r},"


def _columns(task):
    """The arguments of tokenize_function's call."""
    return ", ".join(f'examples["{name}"]' for name in task.sentences)


def _dropped(task):
    """The columns that no batch takes, as a list in a script."""
    return json.dumps([*task.sentences, "idx"])


def _arguments(values: dict[str, Any]) -> str:
    """Lines of a call, an argument each."""
    return "\n".join(f"    {name}={value!r}," for name, value in values.items())


def _head(what, *packages, versions=None):
    """The first lines: what this is, and the versions that it ran with."""
    known = versions or {}
    pins = (
        f"{package}=={known.get(package) or version(package).partition('+')[0]}"
        for package in packages
    )
    return f"# {what}.\n# pip install {' '.join(pins)}"


def _beside(what, part, embedded):
    """Where `part` of what came with the app lies, as a comment."""
    where = "of the app's repository" if embedded == EMBEDDED else "that came with this script"
    return (
        f"# {what} in the folder {embedded}/{part} {where}. Run this beside "
        f"{embedded.split('/')[0]}."
    )


def _pairs(place: str, task: Task = MRPC, embedded: str = EMBEDDED) -> str:
    """Lines that load the pairs which the page had from `place`, an Origin's."""
    if place in APP_PLACES:
        return _app_pairs(place, task, embedded)
    if task.is_own:
        return _own_pairs(task)
    loaded = f'raw_datasets = load_dataset("{task.repository}", "{task.config}")'
    if not task.repository:
        loaded = f'''folder = "pairs"  # the path of the files that the page read, which were in {task.variable}
raw_datasets = load_dataset("{task.form}", data_files={{
    split: f"{{folder}}/{{split}}*.{task.form}" for split in {_tuple(task.splits)}}})'''
    elif place == "folder":
        loaded = (
            f"# The page read {task.title} from a folder ({task.variable}); these are the same "
            f"rows, from the Hub.\n{loaded}"
        )
    elif task is not MRPC:
        loaded += _as_the_page_has_them(task)
    other = {own: here for here, own in task.columns.items() if own != here}
    if other:
        loaded += f"\nraw_datasets = raw_datasets.rename_columns({other})"
    if "idx" not in task.columns:
        loaded += (
            "\nraw_datasets = raw_datasets.map("
            'lambda row, number: {"idx": number}, with_indices=True)'
        )
    return loaded


def _app_pairs(place, task, embedded):
    """Lines that load the app's own pairs, which may have a column more than MRPC's."""
    path = app_pairs(place, task)
    more = [name for name in columns_of(path) if name not in COLUMNS]
    types = "".join(f', "{name}": Value("string")' for name in more)
    without = f".remove_columns({json.dumps(more)[1:-1]})" if more else ""
    return f'''{_beside("The app's own pairs,", path.name, embedded)}
from datasets import ClassLabel, Features, Value

features = Features({{"sentence1": Value("string"), "sentence2": Value("string"),
                     "label": ClassLabel(names={list(task.labels)}), "idx": Value("int32"){types}}})
raw_datasets = load_dataset("csv", features=features, data_files={{
    split: f"{embedded}/{path.name}/{{split}}.csv" for split in {_tuple(task.splits)}}}){without}'''


def own_files(task: Task) -> dict[str, str]:
    """{split: name of its file} of a visitor's own pairs, beside a script that reads them."""
    return {split: f"{OWN_FOLDER}/{split}.parquet" for split in task.splits}


OWN_FOLDER = "own-pairs"


def _own_pairs(task):
    """Lines that load a visitor's own pairs from the files beside the script."""
    columns = json.dumps([*task.sentences, "label", "idx"])
    return f"""# Your own pairs, in the files that the page gives to you alone: unpack them beside this script
from datasets import ClassLabel

raw_datasets = load_dataset("parquet", data_files={json.dumps(own_files(task))})
raw_datasets = raw_datasets.select_columns({columns})
raw_datasets = raw_datasets.cast_column("label", ClassLabel(names={list(task.labels)}))"""


def _as_the_page_has_them(task):
    """Lines that leave of a task on the Hub what the page leaves of it (pipeline/dataset.py)."""
    names = {split: task.split_names.get(split, split) for split in task.splits}
    columns = [task.columns[name] for name in task.sentences]
    whole = " and ".join(f'(row["{column}"] or "").strip()' for column in columns)
    label = task.columns["label"]
    return f'''
# As on the page: the first rows of the splits with labels, but for rows without a sentence or a label
raw_datasets = type(raw_datasets)({{
    split: raw_datasets[name].select(range(min({Settings.max_split_rows}, len(raw_datasets[name]))))
    for split, name in {names}.items()}})
raw_datasets = raw_datasets.filter(lambda row: row["{label}"] not in (None, -1) and {whole})'''


def _tuple(names):
    return f"({', '.join(json.dumps(name) for name in names)})"


def _base(model):
    """What transformers loads first for a model of ours."""
    if model in ADAPTERS:
        return EMBEDDED_CHECKPOINT
    return model_folder(model.removeprefix(RUN_PREFIX)) if model.startswith(RUN_PREFIX) else model


def model_folder(run_id: str) -> str:
    """The folder in a run's download, by which two runs can be told apart."""
    return f"paraphrase-{run_id[:8]}"


def _model(model, seed, embedded=EMBEDDED, trained=True, labels=2):
    """Lines that load tokenizer and model; a head that the checkpoint hasn't is drawn with `seed`.

    trained: the script goes on to train it, which takes gradients. labels: how many it has.
    """
    where = (
        "\n# The run's model: Fine-tune, Download the model; unpack it here"
        if model.startswith(RUN_PREFIX)
        else ""
    )
    lines = f"""from transformers import AutoModelForSequenceClassification, AutoTokenizer, set_seed
{where}
tokenizer = AutoTokenizer.from_pretrained({_base(model)!r})
set_seed({seed})  # draws the head where the checkpoint has none
model = AutoModelForSequenceClassification.from_pretrained(
    {_base(model)!r}, num_labels={labels}, attn_implementation=None if torch.cuda.is_available() else "eager")"""
    if model in ADAPTERS:
        part = f"adapters/{model.removeprefix('adapter:')}"
        # The adapter's head has two labels; of another number, the new head stays
        other = ", ignore_mismatched_sizes=True" if labels != len(LABELS) else ""
        lines += f"""
{_beside("The adapter is", part, embedded)}
from peft import PeftModel

model = PeftModel.from_pretrained(model, {f"{embedded}/{part}"!r}{other}).merge_and_unload()"""
        if trained:
            lines += "\nmodel.requires_grad_(True)  # peft had frozen everything but the adapter"
    if _is_well_known(model):
        return lines
    return f"{lines}\n{_padding('model.config.model_type')}{PADDED}"


def _padding(model_type):
    """Lines that let a tokenizer pad as pipeline/tokenization.py does. model_type: an expression
    for the checkpoint's.
    """
    names = fill(json.dumps(COUNTS_FROM_THE_LEFT)[1:-1], 96, **dict.fromkeys(INDENTS, " " * 8))
    tokens = " or ".join(f"tokenizer.{token}" for token in STAND_INS)
    return f"""if tokenizer.pad_token is None:  # GPT-2 and its kin: another special token stands in
    tokenizer.pad_token = {tokens}
if {model_type} in (  # they count positions from the row's left end
{names},
):
    tokenizer.padding_side = "right"
"""


INDENTS = ("initial_indent", "subsequent_indent")


def _padding_of_batch(checkpoint):
    if _is_well_known(checkpoint):
        return ""
    config = f"AutoConfig.from_pretrained({_base(checkpoint)!r})"
    return f"from transformers import AutoConfig\n\n{_padding(f'{config}.model_type')}"


# As pipeline/hub/checkpoint_rules.py and pipeline/training.py do for families that BERT is not one
# of
PADDED = """model.config.pad_token_id = tokenizer.pad_token_id  # a decoder answers from the last token before the padding
if model.config.is_encoder_decoder and getattr(model.config, "decoder_start_token_id", None) is None:
    model.config.decoder_start_token_id = model.config.pad_token_id  # T5's decoder begins with padding
# T5 and BART answer with more than logits; Trainer's metrics take the logits alone
model.config.keys_to_ignore_at_inference = ["past_key_values", "encoder_last_hidden_state"]"""


def _is_well_known(model):
    """Whether a model is one that the page offers: a BERT or a near relation."""
    return model in (*CHECKPOINTS, *ADAPTERS)


def _dropout(model, share):
    """Lines that drop that share of activations wherever the model drops any."""
    lines = f"""for module in model.modules():
    if isinstance(module, torch.nn.Dropout):
        module.p = {share}"""
    if _is_well_known(model):
        return lines
    return f"""{lines}
    for name, value in list(vars(module).items()):  # T5 and Llama keep some shares as numbers
        if isinstance(value, float) and "dropout" in name:
            setattr(module, name, {share})
    for name, child in module.named_children():  # ModernBERT has an Identity where its share is 0
        if type(child) is torch.nn.Identity and name.endswith(("drop", "dropout")):
            setattr(module, name, torch.nn.Dropout({share}))"""


def _of_trainer(config):
    """What a script of a run imports of transformers beside the model."""
    names = ["DataCollatorWithPadding", "Trainer", "TrainerCallback", "TrainingArguments"]
    if config.stops_early:
        names.append("EarlyStoppingCallback")
    return sorted(names)


def _early(config):
    """The argument that ends the training where it gets no better."""
    if not config.stops_early:
        return ""
    return f"    callbacks=[EarlyStoppingCallback({config.early_stopping_patience})],\n"


def _copies(copies):
    """Lines that make a run's changed copies once more, and join them to the training pairs."""
    if not copies:
        return ""
    told = ",\n".join(
        f"    {(each.label, each.row, each.changed, *each.changes)}" for each in copies
    )
    return f"""
# Copies of training pairs, which join them: the label, the pair's row, which of its sentences differs, and there
# (start, end, new text) of each change. Without a change it is the pair's other sentence once more.
COPIES = [
{told},
]
originals, copies = raw_datasets["train"], []
for label, row, which, *changes in COPIES:
    pair = [originals[row]["sentence1"], originals[row]["sentence2"]]
    if not changes:
        pair = [pair[2 - which]] * 2
    for start, end, new in sorted(changes, reverse=True):
        pair[which - 1] = pair[which - 1][:start] + new + pair[which - 1][end:]
    idx = len(originals) + len(copies)
    copies.append({{"sentence1": pair[0], "sentence2": pair[1], "label": label, "idx": idx}})
raw_datasets["train"] = concatenate_datasets([originals, Dataset.from_list(copies, features=originals.features)])
"""


def _pair_map(checkpoint):
    """Lines that find each validation pair's place on the map, as pipeline/pair_map.py does."""
    read = 'vectors_read(outputs[0].detach(), keywords["attention_mask"], body.config)'
    own = ""
    if _is_well_known(checkpoint):
        read = "outputs[0][:, 0].detach()"  # of the last hidden states, [CLS]
    else:
        source = inspect.getsource(vectors_read)
        for annotation in (": Tensor", ": PretrainedConfig", " -> Tensor"):
            source = source.replace(annotation, "")
        own = f"READ_THE_LAST = {json.dumps(READ_THE_LAST)}\n\n\n{source}\n\n"
    return f"""
# The map of the validation pairs: of what the classifier reads of a pair, the two directions in which
# that varies most before training
{own}read, maps = [], {{}}


def note_vectors(body, arguments, keywords, outputs):
    if not body.training:
        read.append({read}.float().cpu())


model.base_model.register_forward_hook(note_vectors, with_kwargs=True)


class PairMap(TrainerCallback):
    plane = None

    def on_evaluate(self, args, state, control, **kwargs):
        rows = trainer.eval_dataset
        vectors = torch.cat(read)[-len(rows):].double().numpy()  # (pairs, hidden size)
        read.clear()
        # Trainer may have sorted the pairs by length
        order = [row for batch in trainer.get_eval_dataloader().batch_sampler for row in batch]
        vectors = vectors[np.argsort(order)]
        if not np.isfinite(vectors).all():
            return
        self.plane = self.plane or PCA(n_components=2, svd_solver="full").fit(vectors)
        points = self.plane.transform(vectors)  # (pairs, 2)
        maps[state.global_step] = points.round(4).tolist()
        apart = vectors - vectors.mean(0)
        held = np.square(apart @ self.plane.components_.T).sum() / np.square(apart).sum()
        labels = np.array(rows["label"])
        of_labels = [points[labels == label] for label in np.unique(labels)]
        within = sum(np.square(some - some.mean(0)).sum() for some in of_labels)
        between = 1 - within / np.square(points - points.mean(0)).sum()
        print("step", state.global_step, "map holds", held, "between labels", between)


trainer.add_callback(PairMap())
"""


def _sample(config, copies):
    """Lines that evaluate a sample of the training pairs beside validation."""
    if not config.train_eval_pairs:
        return ""
    originals = ".select(range(len(originals)))  # none of the copies" if copies else ""
    return f"""

class TrainingPairs(TrainerCallback):
    def on_evaluate(self, args, state, control, **kwargs):
        rows = trainer.train_dataset{originals}
        count = min({config.train_eval_pairs}, len(rows))
        sample = rows.select([row * len(rows) // count for row in range(count)])
        with torch.random.fork_rng(devices=[]):  # the order of the batches stays as it is
            metrics = trainer.predict(sample, metric_key_prefix="train").metrics
        print("step", state.global_step, "on training pairs", metrics)


trainer.add_callback(TrainingPairs())
"""


def _stop(step):
    """Lines that end the training where the run was stopped; the learning rate falls as if it went
    on.
    """
    if not step:
        return ""
    return f"""

class StopAsTheRun(TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        control.should_training_stop = control.should_training_stop or state.global_step >= {int(step)}


trainer.add_callback(StopAsTheRun())
"""


def _method(config, model):
    """Lines that leave trainable what the config's method trains (pipeline/methods.py)."""
    if config.method == "head":
        return "model.base_model.requires_grad_(False)  # the head alone learns\n"
    if config.method == "frozen":
        return ABOVE
    frozen = _frozen(config.frozen_layers)
    if config.method == "full":
        return frozen
    linear = "torch.nn.Linear" if _is_well_known(model) else "(torch.nn.Linear, Conv1D)"
    conv = "" if _is_well_known(model) else "from transformers.pytorch_utils import Conv1D\n"
    return f"""{frozen}
# LoRA: each linear layer of the layers that aren't frozen computes with W + {ALPHA} / {RANK} · B·A
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
{conv}
stacks = [part for part in model.base_model.modules() if isinstance(part, torch.nn.ModuleList)]
inside = {{inner for stack in stacks for inner in stack.modules()}}
linear = [name for name, part in model.named_modules()
          if part in inside and isinstance(part, {linear}) and part.weight.requires_grad]
{ABOVE}learning = [weights for weights in model.parameters() if weights.requires_grad]
set_seed({config.seed})  # draws each A; each B is zeros
inject_adapter_in_model(LoraConfig(r={RANK}, lora_alpha={ALPHA}, target_modules=linear), model)
for weights in learning:  # peft freezes everything but its own matrices
    weights.requires_grad_(True)
"""


ABOVE = """for name, weights in model.base_model.named_parameters():
    weights.requires_grad_("pooler" in name)  # no layer learns, only what stands above them
"""
MERGED = """for name, part in list(model.named_modules()):
    if isinstance(part, LoraLayer):
        part.merge()  # B·A goes into W: the model is as any other again
        model.set_submodule(name, part.base_layer)
"""


def _frozen(layers):
    if not layers:
        return ""
    return f"""body = model.base_model
encoder = next(part for part in body.modules()
               if isinstance(part, torch.nn.ModuleList) and len(part) == model.config.num_hidden_layers)
embeddings = [body.embeddings] if hasattr(body, "embeddings") else [
    part for name, part in body.named_modules()  # in a block of T5's they are of relative positions
    if isinstance(part, torch.nn.Embedding) and "block" not in name]
for part in (*embeddings, *encoder[:{layers}]):
    part.requires_grad_(False)
"""
