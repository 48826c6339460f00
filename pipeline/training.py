"""tokenized_datasets -> a fine-tuned checkpoint, told as events.

for event in fine_tune(TrainingConfig(max_steps=2), folder, Settings()):
    print(event["event"])    # start, evaluation, log, log, evaluation, done
"""

import hashlib
import json
import logging
import math
import queue
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from languages import say, say_plural
from pipeline.answers import Answers, answer_of, are_shares, rounded, share_of, write_answers
from pipeline.collation import build_data_collator
from pipeline.config import EVAL_BATCH_SIZE, TrainingConfig
from pipeline.dataset import load_raw_datasets
from pipeline.edits.changed import Copy, LabelledPair, check_can_change, held_out, joining, noticed
from pipeline.errors import InputError, is_out_of_memory
from pipeline.hub.checkpoint_rules import check_fit
from pipeline.hub.sources import (
    checkpoint_files,
    given,
    is_bundled,
    root_folder,
)
from pipeline.isolation.confine import Limits, confine, use_for_temporary_files
from pipeline.methods import merge_matrices, own_weights, save_matrices, use_method
from pipeline.metrics import METRICS, build_compute_metrics, load_metric, majority, metrics_in
from pipeline.model import check_labels, load_model, model_in, on_meta
from pipeline.pair_map import PairMap, are_points, plane_from
from pipeline.settings import Settings, has_gpu, launch, zero_gpu
from pipeline.task import MRPC, Task, task_named, told_of
from pipeline.tokenization import (
    checked_length,
    load_tokenizer,
    tokenize_datasets,
    tokenize_function,
    tokenizer_in,
)

if TYPE_CHECKING:  # importing transformers takes seconds
    import torch
    from datasets import Dataset
    from transformers import (
        PreTrainedModel,
        PreTrainedTokenizerFast,
        Trainer,
        TrainingArguments,
    )

log = logging.getLogger(__name__)
MAX_GRAD_NORM = 1.0  # Trainer's default: longer gradients are scaled down to it
MOST_MISSING = 8  # weights whose names a run tells
TEMPORARY = "temporary"  # below a confined run's folder
# Whose versions decide a curve
PACKAGES = ("torch", "transformers", "datasets", "evaluate", "accelerate", "peft")


def build_training_args(
    config: TrainingConfig, output_dir: str | Path, task: Task = MRPC
) -> "TrainingArguments":
    """The real TrainingArguments: the settings that are handed on as they are, and what is the same
    in every run. No reports go anywhere.
    """
    from transformers import TrainingArguments

    processes = launch().world_size
    in_bf16 = has_fast_bf16() if config.precision == "auto" else config.precision == "bf16"
    together_on_cpu = processes > 1 and not has_gpu()
    training_args = TrainingArguments(
        output_dir=str(output_dir),
        **config.training_arguments(),
        # the cap is kept by a callback, so that an epoch stays an epoch on the curve's axis
        max_steps=-1,
        per_device_train_batch_size=_shared_by(processes, config.batch_size),
        per_device_eval_batch_size=EVAL_BATCH_SIZE,
        max_grad_norm=MAX_GRAD_NORM,
        bf16=in_bf16,
        eval_steps=config.eval_steps if config.eval_strategy == "steps" else None,
        logging_steps=1,  # the default of 500 would log nothing in a short run
        # the default logs the mean of earlier losses, here 0, where a loss is NaN
        logging_nan_inf_filter=False,
        **best_arguments(config, task.metrics),
        data_seed=config.seed,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
        # Left to itself, Trainer trains one model in each process where there is no GPU
        # bf16 is refused on a CPU unless one says so, and on ZeroGPU Trainer would take a GPU that
        # isn't there
        use_cpu=together_on_cpu or ((in_bf16 or zero_gpu()) and not has_gpu()),
        ddp_backend="gloo" if together_on_cpu else None,
        # A pair has one label, no tokens to count. Left on, Trainer multiplies BERT's loss by the
        # number of processes: it takes a forward with **kwargs for one that divides by the count
        # itself.
        average_tokens_across_devices=False,
    )
    if (
        training_args.n_gpu > 1
    ):  # one process that sees several GPUs would multiply the batch by them
        training_args._n_gpu = 1
    return training_args


def best_arguments(config: TrainingConfig, metrics: Sequence[str]) -> dict[str, Any]:
    """The arguments of TrainingArguments that say which checkpoints are saved, and which one is
    loaded at the end. metrics: the task's.

    save_strategy "best" saves where an evaluation is better than all before it, and one such
    checkpoint, without the optimizer's state, is all that is kept on the disk.
    """
    chosen = config.metric_for_best_model
    if chosen == "f1" and chosen not in metrics:
        chosen = "macro_f1"
    if not config.keeps_best:
        # Early stopping watches the loss where no metric is named
        watched = {"metric_for_best_model": chosen if chosen != "none" else "loss"}
        return {"save_strategy": "no", **(watched if config.stops_early else {})}
    return {
        "save_strategy": "best",
        "load_best_model_at_end": True,
        "metric_for_best_model": chosen,
        "save_total_limit": 1,
        "save_only_model": True,
    }


def has_fast_bf16(on_gpu: bool | None = None) -> bool:
    """Whether this machine (its GPU, where it has one) multiplies bf16 matrices faster than float32
    ones.
    """
    import torch

    if has_gpu() if on_gpu is None else on_gpu:
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def _shared_by(processes, batch_size):
    """Pairs of one update for each process: a config gives the same curve on however many."""
    if batch_size % processes:
        raise InputError(
            say(
                "batch_size is {batch_size}, which {processes} processes can't share evenly. "
                "Choose a multiple of {processes}.",
                batch_size=batch_size,
                processes=processes,
            )
        )
    return batch_size // processes


def build_trainer(
    model: "PreTrainedModel",
    training_args: "TrainingArguments",
    train_dataset: "Dataset | None",
    eval_dataset: "Dataset | None",
    data_collator: Callable,
    compute_metrics: Callable | None,
    processing_class: "PreTrainedTokenizerFast",
    patience: int = 0,
) -> "Trainer":
    """The Trainer of the notes, nothing hidden. `processing_class` was called `tokenizer` when they
    were written. patience: evaluations that may be no better before it stops early; 0: any number.
    """
    from transformers import EarlyStoppingCallback, Trainer

    trainer = Trainer(
        model=model,
        args=training_args,
        train_dataset=train_dataset,
        eval_dataset=eval_dataset,
        data_collator=data_collator,
        compute_metrics=compute_metrics,
        processing_class=processing_class,
        preprocess_logits_for_metrics=_logits_alone,
        callbacks=[EarlyStoppingCallback(patience)] if patience else None,
    )
    # A classifier's loss is the mean of its batch, but Trainer takes a forward with **kwargs for
    # one that divides by the count of all accumulated batches, and would add those means up
    trainer.model_accepts_loss_kwargs = False
    return trainer


def _logits_alone(outputs: Any, labels: Any) -> Any:
    """The logits of a batch: T5 and BART answer with their encoder's hidden states besides."""
    return outputs[0] if isinstance(outputs, tuple) else outputs


def prepare(
    config: TrainingConfig, output_dir: str | Path, settings: Settings
) -> tuple["Trainer", dict[str, Any]]:
    """(Trainer, start event): names become objects, in the order of the pipeline."""
    task = task_named(config.task_name, settings)
    check_task(config, task, settings)
    raw_datasets, data_origin = load_raw_datasets(config.source, settings, task)
    metric, metric_origin = load_metric(settings, task)
    chosen = _chosen(raw_datasets, config)
    originals = len(chosen["train"])
    copies = joining(_as_pairs(chosen["train"]), config.joined_by(originals), config.seed)
    chosen["train"] = _joined(chosen["train"], copies)
    files = checkpoint_files(config.checkpoint, weights=True, settings=settings)
    # All that comes from the Hub is here; from now on a stranger's files are opened
    if settings.confines and not is_bundled(files.origin.loaded):
        confine_run(Path(output_dir), root_folder(files), settings)
        chosen = _in_memory(chosen)
    model, model_origin = model_in(files, config.seed, task.labels), files.origin
    check_weights(model, model_origin.loaded)
    with given(files):
        tokenizer, _ = load_tokenizer(model_origin.loaded, settings)  # a stand-in brings its own
    check_fit(config.checkpoint, model.config, tokenizer)
    checked_length(config.max_length, tokenizer, settings, model.config)
    set_dropout(model, config.dropout)
    use_method(model, config.method, config.frozen_layers, config.seed)
    tokenized_datasets = tokenize_datasets(chosen, tokenizer, config.max_length)
    trainer = build_trainer(
        model=model,
        training_args=build_training_args(config, output_dir, task),
        train_dataset=tokenized_datasets["train"],
        eval_dataset=tokenized_datasets["validation"],
        data_collator=build_data_collator(tokenizer),
        compute_metrics=build_compute_metrics(metric, task),
        processing_class=tokenizer,
        patience=config.early_stopping_patience if config.stops_early else 0,
    )
    pairs = len(chosen["train"])
    start = {
        "event": "start",
        "config": asdict(config),
        "task": told_of(task),
        "train_pairs": pairs,
        "eval_pairs": len(chosen["validation"]),
        "train_sample": min(config.train_eval_pairs, originals),
        "copies": [copy.told for copy in copies],
        "labels": list(chosen["validation"]["label"]),
        "total_steps": config.planned_steps(pairs),
        "steps_per_epoch": config.steps_per_epoch(pairs),
        "world_size": trainer.args.world_size,
        "pairs_a_process": trainer.args.per_device_train_batch_size,
        "majority": majority(chosen["validation"]["label"], task.metrics),
        "bf16": trainer.args.bf16,
        "missing": list(model.missing)[:MOST_MISSING],
        "parameters": model.num_parameters(),
        "trained_parameters": model.num_parameters(only_trainable=True),
        "versions": {package: version(package).partition("+")[0] for package in PACKAGES},
        "model": asdict(model_origin),
        "data": asdict(data_origin),
        "metric": asdict(metric_origin),
    }
    return trainer, start


def check_task(config: TrainingConfig, task: Task, settings: Settings) -> None:
    """Raises InputError for a task that no run can learn, or not from a checkpoint of the app's, or
    not with changed copies of its pairs.
    """
    if task.refused:
        raise InputError(task.refused)
    if config.changed_share:
        check_can_change(task.title, task.labels, task.language)
    if is_bundled(config.checkpoint):
        files = checkpoint_files(config.checkpoint, settings=settings)
        check_labels(config.checkpoint, files.folder, task.labels)


def check_start(
    checkpoint: str, config: TrainingConfig, labels: tuple[str, ...], settings: Settings
) -> None:
    """Raises InputError for what would end a run of `config` as it begins: before it waits for its
    turn. labels: the task's.

    Looks at the checkpoint's config and tokenizer alone; its weights may not be here yet.
    """
    files = checkpoint_files(checkpoint, settings=settings)
    if (
        files.origin.stands_in
    ):  # it may be here when the run's turn comes; then the run itself looks
        return
    check_labels(checkpoint, files.folder, labels)
    model, tokenizer = on_meta(checkpoint, files.folder, len(labels)), tokenizer_in(files)
    check_fit(checkpoint, model.config, tokenizer)
    checked_length(config.max_length, tokenizer, settings, model.config)
    use_method(model, config.method, config.frozen_layers, config.seed)


def check_weights(model: "PreTrainedModel", name: str) -> None:
    """Raise InputError, which names the tensor, where a weight of the checkpoint `name` is NaN or
    infinite.
    """
    import torch

    for tensor, weights in model.named_parameters():
        broken = int((~torch.isfinite(weights)).sum())
        if not broken:
            continue
        raise InputError(
            say(
                "{name} has weights that are NaN or infinite: {count:,} of the {total:,} numbers "
                "in {tensor}. Everything computed with them is NaN too, and training can't "
                "repair it. Choose another checkpoint.",
                name=name,
                count=broken,
                total=weights.numel(),
                tensor=tensor,
            )
        )


def set_dropout(model: "torch.nn.Module", share: float) -> None:
    """That share of activations is dropped in training, in each dropout layer of the model."""
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = share
        # Some keep a share for a call of F.dropout: T5, BART; Llama's attention
        for name, value in list(vars(module).items()):
            if isinstance(value, float) and "dropout" in name:
                setattr(module, name, share)
        # ModernBERT puts an Identity where its config says 0
        for name, child in module.named_children():
            if type(child) is torch.nn.Identity and name.endswith(("drop", "dropout")):
                setattr(module, name, torch.nn.Dropout(share))


def confine_run(folder: Path, checkpoint: Path, settings: Settings) -> None:
    """This process, which trains from a stranger's checkpoint, gives up all but its own folder and
    the checkpoint's.
    """
    limits = Limits(
        settings.isolated_memory_bytes + 2**32,
        file_bytes=2 * settings.max_checkpoint_bytes,
        open_files=1024,
    )
    use_for_temporary_files(folder / TEMPORARY)
    confine([checkpoint], [folder], limits)


def _in_memory(raw_datasets):
    """The same rows without a file behind them: what `map` makes of them needs no place in the
    cache.
    """
    from datasets import Dataset, DatasetDict

    return DatasetDict(
        {
            split: Dataset.from_dict(rows[:], features=rows.features)
            for split, rows in raw_datasets.items()
        }
    )


def _chosen(raw_datasets, config):
    """The first pairs of each split: which ones a run saw can be said in one number."""
    from datasets import DatasetDict

    counts = {"train": config.train_pairs, "validation": config.eval_pairs}
    return DatasetDict(
        {
            split: raw_datasets[split].select(range(min(count, len(raw_datasets[split]))))
            for split, count in counts.items()
        }
    )


def _as_pairs(rows: "Dataset") -> list[LabelledPair]:
    """The rows of a task that may have changed copies; [] for any other task."""
    if "sentence2" not in rows.column_names:
        return []
    return list(zip(rows["sentence1"], rows["sentence2"], rows["label"], strict=True))


def _joined(rows: "Dataset", copies: Sequence[Copy]) -> "Dataset":
    """Training pairs, and behind them their copies. The sampler mixes them."""
    if not copies:
        return rows
    from datasets import concatenate_datasets

    return concatenate_datasets([rows, _rows_of(copies, rows)])


def _rows_of(copies: Sequence[Copy], rows: "Dataset") -> "Dataset":
    """Copies of these rows as rows, numbered on from them."""
    from datasets import Dataset

    pairs = _as_pairs(rows)
    first, second = zip(*(copy.sentences(pairs) for copy in copies), strict=True)
    columns = {
        "sentence1": list(first),
        "sentence2": list(second),
        "label": [copy.label for copy in copies],
        "idx": list(range(len(rows), len(rows) + len(copies))),
    }
    return Dataset.from_dict(columns, features=rows.features)


def fine_tune(
    config: TrainingConfig,
    folder: str | Path,
    settings: Settings,
    should_stop: Callable[[], bool] = lambda: False,
    own_pair: tuple[str, str | None] | None = None,
) -> Iterator[dict[str, Any]]:
    """Run one fine-tune and yield its events, dicts with "event" and "seconds":

    start (config, total_steps, majority, the validation pairs' labels, the copies that joined the
    training pairs as changed.py tells them, where everything came from),
    log (step, loss, learning_rate …), evaluation (step, eval_loss, eval_accuracy, eval_f1, and
    train_loss, train_accuracy, train_f1 on a sample of the training pairs; right, how many
    validation pairs were answered rightly, shares, what answers.py tells of each, and points and
    held, what pair_map.py tells of them, where they can be told one by one; the one at step 0 is
    before any training), and last one of done, stopped, failed. done and stopped leave model and
    tokenizer in `folder`/model, and say as kept_step which step's they are where it isn't the last
    one's. Where copies joined the training pairs, they tell as noticed what changed.py's `noticed`
    gives before and after the training. `should_stop()` is asked after each step. own_pair: the
    visitor's, whose share and point go into each evaluation as "own_share" and "own_point". Raises
    InputError before the first event for a config out of bounds.
    """
    config = config.checked(settings)
    events: queue.Queue[dict[str, Any] | BaseException | None] = queue.Queue()
    began = time.monotonic()

    def told(event, **what):
        return {"event": event, "seconds": round(time.monotonic() - began, 3), **what}

    def tell(event, **what):
        events.put(told(event, **what))

    def work():
        try:
            _work(config, Path(folder), settings, should_stop, tell, own_pair)
            events.put(None)
        except BaseException as error:  # a panic of the tokenizers' Rust is no Exception
            events.put(error)

    threading.Thread(target=work, daemon=True, name="fine-tune").start()
    while isinstance(event := events.get(), dict):
        yield event
    if isinstance(event, InputError):
        yield told("failed", message=event.args[0] if event.args else "", bad_input=True)
    elif event is not None:
        yield told("failed", message=failure_message(event))


# As Python and safetensors, which is written in Rust, quote the operating system
DISK_FULL = ("no space left", "disk quota exceeded", "file too large")


def failure_message(error: BaseException) -> str:
    """What a visitor reads of an error that ended a run: its cause where one knows it, no trace."""
    if is_out_of_memory(error):
        return say("The machine ran out of memory. Choose a smaller batch size or max_length.")
    if any(words in str(error).lower() for words in DISK_FULL):
        return say(
            "The server's disk is full, so the model could not be saved. Try again later, or with "
            "a smaller checkpoint."
        )
    if "same number of <eos> tokens" in str(error):
        return say(
            "A sentence contains this checkpoint's end-of-text token, and an encoder-decoder such "
            "as T5 needs equally many of them in each pair. Take it out of the sentences, or "
            "choose an encoder such as BERT."
        )
    # What a library says may quote a path of this server's, or mean nothing to a learner: the log
    # has it
    log.error("the run failed", exc_info=error)
    return say(
        "The run stopped with an unexpected error ({kind}). Start it again, or choose another "
        "checkpoint.",
        kind=type(error).__name__,
    )


def _work(config, folder, settings, should_stop, tell, own_pair):
    try:
        _train(config, folder, settings, should_stop, tell, own_pair)
    finally:
        for path in (folder / TEMPORARY, *folder.glob("checkpoint-*")):
            shutil.rmtree(path, ignore_errors=True)


def _train(config, folder, settings, should_stop, tell, own_pair):
    trainer, start = prepare(config, folder, settings)
    tell(**start)
    trainer.compute_metrics = answers = Answers(trainer.compute_metrics)
    pair_map = PairMap(trainer.model)
    own_share = _own_share(trainer, config, own_pair, pair_map)
    judged = {}  # step -> (the figures of its evaluation, each pair's share)

    def details(metrics):
        judged[trainer.state.global_step] = metrics, answers.shares(trainer)
        return {**_pair_by_pair(trainer, pair_map), **own_share()}

    judge = _sample_judge(trainer, start, pair_map)
    teller = _story_teller(tell, start["total_steps"], settings, should_stop, details, judge)
    trainer.add_callback(teller)
    _keep_quiet(trainer)
    before, shares_before = _judged_before(trainer, start, settings, teller, pair_map)
    notices = _notice_judge(trainer, config, pair_map)
    noticed_before = notices(shares_before)
    # The schedule ends where the run ends, also when max_steps cuts the last epoch short
    if start["total_steps"] < start["steps_per_epoch"] * config.epochs:
        trainer.args.max_steps = start["total_steps"]
    trainer.train()
    last, early = trainer.state.global_step, "" if teller.stopped else _why_early(trainer)
    # The weights are by now the best checkpoint's, where one was to be kept. They may already have
    # been judged; a second pass over the same weights would teach nothing.
    kept = trainer.state.best_global_step if trainer.state.best_model_checkpoint else last
    if trainer.args.should_save:  # the main process
        save_matrices(trainer.model, folder)
    merge_matrices(trainer.model)
    if kept not in judged:
        trainer.evaluate()
    after, shares_after = judged[kept]
    noticed_after = notices(shares_after)
    _save(trainer, folder / "model")
    _keep_answers(folder, trainer, shares_before, shares_after)
    if not teller.stopped and should_stop():
        teller.stopped, teller.reason = True, say("stopped by request, at its last step")
    tell(
        "stopped" if teller.stopped else "done",
        step=last,
        reason=teller.reason or early,
        before=_figures(before),
        after=_figures(after),
        peak_bytes=_peak_bytes(),
        **({"noticed": [noticed_before, noticed_after]} if noticed_before else {}),
        **({"kept_step": kept} if kept != last else {}),
        **({"early": True} if early else {}),
    )


def _why_early(trainer):
    """Why a run ended before its last step without anybody's asking; "" where it didn't."""
    from transformers import EarlyStoppingCallback

    for callback in trainer.callback_handler.callbacks:
        if not isinstance(callback, EarlyStoppingCallback):
            continue
        patience, stale = callback.early_stopping_patience, callback.early_stopping_patience_counter
        if stale >= patience and trainer.state.global_step < trainer.state.max_steps:
            return say_plural(
                "stopped early after {count} evaluation whose {metric} was no better than the best "
                "before it",
                "stopped early after {count} evaluations in a row whose {metric} was no better "
                "than the best before them",
                patience,
                metric=trainer.args.metric_for_best_model,
            )
    return ""


def training_sample(train_dataset: "Dataset", pairs: int) -> "Dataset | None":
    """So many of the training pairs, evenly spread over them: the same ones at each evaluation, and
    not only those of one label where the file is sorted by it. None for 0.
    """
    total = len(train_dataset)
    count = min(pairs, total)
    return train_dataset.select([row * total // count for row in range(count)]) if count else None


def _judged_sample(trainer, start):
    """The training pairs that each evaluation judges; None for none. No copy is among them: beside
    validation, which has none either, they are to show what is known by heart.
    """
    originals = trainer.train_dataset.select(range(start["train_pairs"] - len(start["copies"])))
    return training_sample(originals, start["train_sample"])


def _sample_judge(trainer, start, pair_map):
    """A function that gives train_loss, train_accuracy … of a sample of the training pairs, judged
    as validation is, without dropout; {} where none are to be judged. It leaves the run as it is.
    """
    sample = _judged_sample(trainer, start)
    if sample is None:
        return dict
    return lambda: _predicted_aside(trainer, sample, "train", pair_map).metrics


def _predicted_aside(trainer, rows, prefix, pair_map):
    """Trainer's PredictionOutput of other pairs than those of validation; it leaves the run as it
    is.
    """
    import torch

    answers = trainer.compute_metrics
    trainer.compute_metrics = answers.compute_metrics  # `answers` holds those of validation
    try:
        # A data loader draws a seed, and the run's own chance shouldn't depend on this one
        with torch.random.fork_rng(devices=[]), pair_map.paused():
            return trainer.predict(rows, metric_key_prefix=prefix)
    finally:
        trainer.compute_metrics = answers


def _notice_judge(trainer, config, pair_map):
    """A function: the validation pairs' shares -> what changed.py's `noticed` gives of their
    changed copies, judged by the same weights; {} without copies in training, or where the answers
    can't be told one by one.
    """
    rows = trainer.eval_dataset
    copies = held_out(_as_pairs(rows)) if config.changed_share else []
    if not copies:
        return lambda shares: {}
    columns = rows.select_columns(["sentence1", "sentence2", "label", "idx"])
    made = _rows_of(copies, columns).map(
        partial(tokenize_function, trainer.processing_class, max_length=config.max_length),
        batched=True,
    )

    def notices(shares):
        if shares is None:
            return {}
        predicted = _predicted_aside(trainer, made, "copies", pair_map).predictions.argmax(-1)
        # As in answers.py: the pairs may have been sorted by length
        order = [row for batch in trainer.get_test_dataloader(made).batch_sampler for row in batch]
        answers = dict(zip(order, predicted.tolist(), strict=True))
        by_row = [answers[row] for row in range(len(copies))]
        return noticed(copies, by_row, [answer_of(share) for share in shares])

    return notices


def _pair_by_pair(trainer, pair_map):
    """What the last evaluation answered, pair by pair: {} where that can't be told. The logits are
    those that Trainer's evaluation gave.
    """
    shares = trainer.compute_metrics.shares(trainer)
    if shares is None:
        return {}
    shares = [rounded(share) for share in shares]
    labels = trainer.eval_dataset["label"]
    right = sum(answer_of(share) == gold for share, gold in zip(shares, labels, strict=True))
    points = pair_map.told(trainer.compute_metrics.order(trainer))
    return {"right": right, "shares": shares, **points}


def _own_share(trainer, config, pair, pair_map):
    """A function that gives {"own_share": the share of the visitor's pair, as answers.py tells it,
    and "own_point"}, {} without a pair or where it is NaN. It leaves the run as it is: dropout is
    off, so no random number is drawn.
    """
    if pair is None:
        return dict
    import torch

    columns = trainer.eval_dataset.column_names  # a task of one sentence has no sentence2
    both = zip(("sentence1", "sentence2"), pair, strict=True)
    sentences = {name: sentence for name, sentence in both if name in columns}
    encoding = tokenize_function(trainer.processing_class, sentences, config.max_length)
    batch = trainer.data_collator([dict(encoding)])  # (1, seq_len)

    def own_share():
        model = trainer.model
        was_training = model.training
        model.eval()
        try:
            with torch.no_grad(), trainer.accelerator.autocast():
                logits = model(**batch.to(trainer.args.device)).logits  # (1, labels)
        finally:
            model.train(was_training)
        probabilities = logits[0].double().softmax(-1).tolist()
        if not all(map(math.isfinite, probabilities)):
            return {}
        return {"own_share": rounded(share_of(probabilities)), **pair_map.own_point()}

    return own_share


def _keep_answers(folder, trainer, before, after):
    try:
        write_answers(folder, trainer.eval_dataset, before, after)
    except OSError:  # a full disk costs the comparison pair by pair, not the run
        pass


def _peak_bytes():
    """The most memory that this process has taken so far; None where the system doesn't tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _judged_before(trainer, start, settings, teller, pair_map):
    """The evaluation at step 0. Every learner of a class starts from the same weights and pairs,
    and judging those takes
    longer than all else before the first step: once it is done, figures and answers are kept beside
    the runs.

    (figures, the share of each pair or None).
    """
    from transformers import set_seed

    digest = _weights_and_pairs(trainer, _judged_sample(trainer, start))
    path = settings.runs_folder / "before" / f"{digest}.json"
    alone = trainer.args.world_size == 1
    # Not of the task itself: a confined worker can no longer read a visitor's pairs
    metrics = [one.name for one in metrics_in(start["majority"])]
    names = [*(f"eval_{name}" for name in ("loss", *metrics)), "epoch"]
    if start["train_sample"]:
        names += [name.replace("eval_", "train_") for name in names[:-1]]
    known = _kept_figures(path, len(trainer.eval_dataset), names) if alone else None
    if known:
        shares = known.pop("shares")
        trainer.compute_metrics.remember(shares)
        pair_map.remember(plane_from(known.pop("plane")), known.pop("points"))
        teller.on_evaluate(trainer.args, trainer.state, trainer.control, known)
    else:
        trainer.evaluate()
        known, shares = teller.last_evaluation, trainer.compute_metrics.shares(trainer)
        if shares:
            points = pair_map.told(trainer.compute_metrics.order(trainer))
            plane = asdict(pair_map.plane) if points else None
            kept = {"shares": shares, "plane": plane, "points": points}
            _keep_figures(path, {**_only(known, EVALUATED), **kept})
    # accelerate takes a model that was judged for one that is ready to train: it would leave out
    # DistributedDataParallel, and each process would train a model of its own
    trainer.model._is_accelerate_prepared = False
    set_seed(
        trainer.args.seed
    )  # sampling by length draws, and a run's curve shouldn't depend on who was here before
    return known, shares


def evaluate_start(settings: Settings, config: TrainingConfig | None = None) -> None:
    """Keep the evaluation at step 0 of a run that somebody will surely start (default: the default
    one).
    """
    config = (config or TrainingConfig()).checked(settings)
    trainer, start = prepare(config, settings.runs_folder / "before", settings)
    _keep_quiet(trainer)
    trainer.compute_metrics = Answers(trainer.compute_metrics)
    pair_map = PairMap(trainer.model)
    judge = _sample_judge(trainer, start, pair_map)
    silent = _story_teller(lambda *_, **__: None, 0, settings, lambda: False, judge_sample=judge)
    trainer.add_callback(silent)
    _judged_before(trainer, start, settings, silent, pair_map)


def _weights_and_pairs(trainer, sample):
    """A digest of all that an evaluation depends on: the weights themselves, the encodings, the
    labels, the arithmetic. sample: the training pairs that are judged besides, if any.
    """
    import torch
    import transformers

    digest = hashlib.blake2b(digest_size=16)
    args, rows = trainer.args, trainer.eval_dataset
    kind = (
        transformers.__version__,
        torch.__version__,
        str(args.device),
        args.bf16,
        args.fp16,
        args.label_smoothing_factor,  # the validation loss is of softened labels, too
        type(trainer.model).__name__,
    )
    digest.update(
        repr((kind, trainer.processing_class.padding_side, *rows.to_dict().items())).encode()
    )
    digest.update(repr(sample and sample.to_dict()).encode())
    for name, tensor in own_weights(trainer.model).items():  # LoRA's B·A is 0 by now
        digest.update(f"{name}{tensor.dtype}{tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _kept_figures(path, pairs, names):
    try:
        figures = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    whole = isinstance(figures, dict) and all(type(figures.get(name)) is float for name in names)
    whole = whole and are_shares(figures.get("shares")) and len(figures["shares"]) == pairs
    return figures if whole and _has_points(figures, pairs) else None


def _has_points(figures, pairs):
    """Whether the points of a kept evaluation are there as PairMap tells them: {} without any."""
    points = figures.get("points")
    if points == {}:
        return "plane" in figures
    if not isinstance(points, dict) or set(points) != {"points", "held"}:
        return False
    told = are_points(points["points"]) and len(points["points"]) == pairs
    return told and type(points["held"]) is float and plane_from(figures.get("plane")) is not None


def _keep_figures(path, figures):
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # In one move, under a name of its own: another run may be keeping the same
        part = path.with_name(f"{path.stem}.{threading.get_native_id()}")
        part.write_text(json.dumps(figures))
        part.replace(path)
    except OSError:  # a full disk costs the next run some seconds, not this one its life
        pass


def _save(trainer, model):
    """The whole model in its folder or none: a disk can be full in the midst of it."""
    part = model.with_name("model.part")
    try:
        trainer.save_model(str(part))
        if trainer.args.should_save:  # the main process
            shutil.rmtree(model, ignore_errors=True)
            part.replace(model)
    except Exception:
        shutil.rmtree(
            part, ignore_errors=True
        )  # it would take the room that the story's last line needs
        raise


def _keep_quiet(trainer):
    """Keep Trainer from printing each log to stdout: events and tables say it."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)


LOGGED = ("epoch", "loss", "grad_norm", "learning_rate")
EVALUATED = (
    "epoch",
    *(f"{prefix}_{name}" for prefix in ("eval", "train") for name in ("loss", *METRICS)),
)


def _only(values, names):
    return {name: float(values[name]) for name in names if name in values}


def _figures(metrics):
    names = ("loss", *METRICS)
    return {name: metrics[f"eval_{name}"] for name in names if f"eval_{name}" in metrics}


def _story_teller(
    tell, total_steps, settings, should_stop, details=lambda metrics: {}, judge_sample=dict
):
    """details: figures of an evaluation -> what else its event tells. judge_sample: gives the
    figures of a sample of the training pairs.
    """
    from transformers import TrainerCallback

    class StoryTeller(TrainerCallback):
        """Trainer's callbacks -> events, and the two reasons for which a run ends early."""

        stopped, reason, last_evaluation = False, "", None
        deadline = time.monotonic() + settings.max_run_seconds

        def on_log(self, args, state, control, logs=None, **kwargs):
            if "loss" in logs:  # the other call is the summary after the last step
                last = (
                    {"last": 1} if self.stopped else {}
                )  # told after the step's end: there, `stopped` was decided
                tell(
                    "log",
                    step=state.global_step,
                    total_steps=total_steps,
                    **_only(logs, LOGGED),
                    **last,
                )

        def on_evaluate(self, args, state, control, metrics=None, **kwargs):
            told = details(metrics)  # of validation: the sample is judged after it
            if "train_loss" not in metrics:  # nor were they kept from an earlier run
                metrics.update(_only(judge_sample(), EVALUATED))
            self.last_evaluation = metrics
            tell(
                "evaluation",
                step=state.global_step,
                total_steps=total_steps,
                **_only(metrics, EVALUATED),
                **told,
                # The early stopping's own callback comes before this one
                **({"last": 1} if state.global_step and control.should_training_stop else {}),
            )

        def why_stop(self):
            if should_stop():
                return say("stopped by request")
            late = time.monotonic() > self.deadline
            return (
                say(
                    "stopped after {max_run_seconds:g} s, the time limit of a run",
                    max_run_seconds=settings.max_run_seconds,
                )
                if late
                else ""
            )

        def on_step_end(self, args, state, control, **kwargs):
            self.reason = _as_main_says(self.why_stop(), args.world_size)
            self.stopped = bool(self.reason)
            control.should_training_stop = control.should_training_stop or self.stopped

    return StoryTeller()


def _as_main_says(value, processes):
    """The main process's `value`: were one to go on while another stops, it would wait for it for
    ever.
    """
    if processes == 1:
        return value
    from accelerate.utils import broadcast_object_list

    return broadcast_object_list([value])[0]


def evaluate_checkpoint(
    checkpoint: str,
    source: str = "auto",
    split: str = "validation",
    first: int | None = None,
    *,
    settings: Settings,
    task: Task = MRPC,
    max_length: int = TrainingConfig.max_length,
    private: Path | None = None,
) -> dict[str, Any]:
    """The Trainer's own evaluation of a checkpoint on the `first` pairs of a split: {"loss",
    each of the task's metrics, "majority", "pairs", "origins"}.

    max_length: tokens of a pair. private: a folder; with it this process gives up, for good, all
    but that folder and the checkpoint's once the pairs are here.
    Raises InputError for less than one pair, and where the logits are NaN or infinite.
    """
    if first is not None and first < 1:
        raise InputError(
            say(
                "first is {first}, but an evaluation needs at least 1 pair. Leave it out to use "
                "the whole split.",
                first=first,
            )
        )
    config = TrainingConfig(source=source, max_length=max_length)
    raw_datasets, data_origin = load_raw_datasets(source, settings, task)
    metric, metric_origin = load_metric(settings, task)
    rows = raw_datasets[split]
    rows = rows.select(range(min(first or len(rows), len(rows))))
    if private:
        files = checkpoint_files(checkpoint, weights=True, settings=settings)
        rows = _in_memory({split: rows})[split]
        confine_run(private, root_folder(files), settings)
    model, model_origin = load_model(checkpoint, config.seed, task.labels, settings=settings)
    check_weights(model, model_origin.loaded)
    tokenizer, _ = load_tokenizer(model_origin.loaded, settings)
    check_fit(checkpoint, model.config, tokenizer)
    from datasets import DatasetDict

    tokenized = tokenize_datasets(DatasetDict({split: rows}), tokenizer, config.max_length)[split]
    trainer = build_trainer(
        model,
        build_training_args(config, private or settings.runs_folder),
        None,
        tokenized,
        build_data_collator(tokenizer),
        build_compute_metrics(metric, task),
        tokenizer,
    )
    _keep_quiet(trainer)
    figures = _figures(trainer.evaluate())
    if not math.isfinite(figures["loss"]):
        raise InputError(
            say(
                "The logits of {name} are NaN or infinite for some of these pairs, so these "
                "pairs have no prediction and there is no accuracy to report. Choose another "
                "checkpoint.",
                name=model_origin.loaded,
            )
        )
    return {
        **figures,
        "majority": majority(rows["label"], task.metrics),
        "pairs": len(rows),
        "origins": [data_origin, model_origin, metric_origin],
    }
