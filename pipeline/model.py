"""A checkpoint's files -> the real AutoModelForSequenceClassification, and what to know of it.

>>> model, origin = load_model("sentence-transformers/all-MiniLM-L6-v2", settings=Settings())
>>> type(model).__name__, model.config.num_labels
('BertForSequenceClassification', 2)
"""

from __future__ import annotations

import json
import logging
import re
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from languages import say, say_plural
from pipeline.errors import SourceError
from pipeline.hub.checkpoint_rules import check_folder, check_parameters, weights_in
from pipeline.hub.sources import (
    RUN_PREFIX,
    check_files,
    checkpoint_files,
    is_bundled,
)
from pipeline.libraries import import_models
from pipeline.settings import LABELS, READY, Settings, has_gpu

if TYPE_CHECKING:  # importing transformers takes seconds
    from transformers import PretrainedConfig, PreTrainedModel

    from pipeline.hub.sources import CheckpointFiles, Origin


log = logging.getLogger(__name__)


def private_seed(seed: int) -> AbstractContextManager:
    """A context in which what this thread draws is what it would be after set_seed(seed).

    The seed of all chance is the process's: two heads drawn at once, or beside a run or a claim of
    another visitor, would depend on who came first, and change the other's numbers.
    """
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    generator = torch.Generator().manual_seed(seed)

    class OwnChance(TorchDispatchMode):
        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            draws = any(argument.name == "generator" for argument in operation._schema.arguments)
            if draws and args and args[0].device == generator.device:
                kwargs = {"generator": generator, **(kwargs or {})}
            return operation(*args, **(kwargs or {}))

    return OwnChance()


def load_model(
    name: str, seed: int = 42, labels: tuple[str, ...] | None = None, *, settings: Settings
) -> tuple[PreTrainedModel, Origin]:
    """(AutoModelForSequenceClassification, Origin). A missing head is drawn with `seed`; labels:
    see model_in.
    """
    files = checkpoint_files(name, weights=True, settings=settings)
    return model_in(files, seed, labels), files.origin


NEW_HEAD = say(
    "This model's classification head is new: its weights are random, and so is its prediction. "
    "Fine-tune the model and compare."
)


def model_in(
    files: CheckpointFiles, seed: int = 42, labels: tuple[str, ...] | None = None
) -> PreTrainedModel:
    """CheckpointFiles with weights -> its AutoModelForSequenceClassification, float32, or a
    SourceError.

    labels: those that its head is to give, in order; a classifier of another number of labels is
    refused. By default a trained classifier keeps its own.
    Its attribute `notes` says what a reader of its answers should know: a new head, labels of
    another task.
    """
    import_models()
    import torch
    from transformers import AutoModelForSequenceClassification

    name = files.origin.asked
    check_files(files)
    check_labels(name, files.folder, labels)
    own_names = _label_names(files.folder)
    labels = labels or labels_of(files)
    if not is_bundled(files.origin.loaded):
        check_parameters(
            name,
            described_parameters(name, files.folder, len(labels)),
            held_parameters(name, files.folder),
            Settings.max_checkpoint_bytes,
        )
    has_other_head = _has_other_head(files, labels)
    try:
        with private_seed(seed):
            model, loading = AutoModelForSequenceClassification.from_pretrained(
                files.folder,
                num_labels=len(labels),
                id2label=dict(enumerate(labels)),
                label2id={label: i for i, label in enumerate(labels)},
                problem_type="single_label_classification",
                # Whatever it was saved in: in half precision most steps would be too small to move
                # a weight
                dtype=torch.float32,
                output_loading_info=True,
                trust_remote_code=False,
                local_files_only=True,
                use_safetensors=True,
                # On short inputs a CPU is faster without the fused kernel: 1.1 to 1.2 times in
                # training. On a GPU transformers takes it where the architecture has it (DeBERTa
                # has not).
                attn_implementation=None if has_gpu() else "eager",
            )
            if files.adapter:
                model = with_adapter(model, files.adapter, keeps_head=not has_other_head)
    except Exception as error:
        log.info("the model of %s", name, exc_info=error)
        raise _unloadable(name) from error
    has_new_head = has_other_head or (
        not files.adapter and _is_new_head(model, loading["missing_keys"])
    )
    if not has_new_head:
        _reorder_outputs(name, model, own_names, labels)
    # As transformers' own report on loading says it: MISSING
    model.missing = tuple(sorted(loading["missing_keys"])) if has_new_head else ()
    model.notes = (
        *([NEW_HEAD] if has_new_head else []),
        *([OTHER_HEAD] if has_other_head else []),
        *([] if has_new_head else _notes_of_labels(name, own_names, labels)),
    )
    return model.eval()


OTHER_HEAD = say(
    "The start's own classification head has two labels. It was dropped, and a new one was drawn."
)


def labels_in_order(config: PretrainedConfig) -> tuple[str, ...]:
    """The names of a loaded classifier's labels, in the order of its logits."""
    return tuple(config.id2label[number] for number in sorted(config.id2label))


def labels_of(files: CheckpointFiles) -> tuple[str, ...]:
    """The labels with which a checkpoint answers: a trained classifier's own; LABELS where it has
    two without names, or no head yet.
    """
    names, count = _label_names(files.folder), _trained_labels(files.origin.asked, files.folder)
    two_unnamed = count == len(LABELS) and _is_unnamed(names)
    if files.adapter or not count or two_unnamed or names == LABELS[::-1]:
        return LABELS
    if len(set(names)) < count:  # of two labels with one name, one would be lost
        return tuple(f"LABEL_{number}" for number in range(count))
    return names


def _has_other_head(files: CheckpointFiles, labels: tuple[str, ...]) -> bool:
    """Whether an adapter's head, which has two labels, gives way to a new one."""
    return bool(files.adapter) and len(labels) != len(LABELS)


def _unloadable(name: str) -> SourceError:
    return SourceError(
        say(
            "{name} can't be loaded as a sequence classifier: its config and its weights don't "
            "fit together, or a file is damaged. Choose another.",
            name=name,
        )
    )


def described_parameters(name: str, folder: Path, labels: int = len(LABELS)) -> int:
    """How many parameters the classifier of config.json has with so many labels. Nothing is
    allocated, on PyTorch's meta device.
    """
    return sum(parameter.numel() for parameter in on_meta(name, folder, labels).parameters())


def held_parameters(name: str, folder: Path) -> int:
    """How many numbers the folder's weights hold, or a SourceError where they are damaged."""
    try:
        return weights_in(folder)
    except Exception as error:
        log.info("the weights of %s", name, exc_info=error)
        raise _unloadable(name) from error


def on_meta(name: str, folder: Path, labels: int = len(LABELS)) -> PreTrainedModel:
    """The classifier of config.json with shapes and no numbers, or a SourceError. labels: how
    many.
    """
    import_models()
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification

    check_folder(name, folder)
    try:
        config = AutoConfig.from_pretrained(
            folder, num_labels=labels, trust_remote_code=False, local_files_only=True
        )
        with torch.device("meta"):
            return AutoModelForSequenceClassification.from_config(config)
    except Exception as error:
        log.info("the config of %s", name, exc_info=error)
        raise SourceError(
            say(
                "{name} can't be a sequence classifier: its config.json is incomplete or "
                "contradicts itself. Choose another.",
                name=name,
            )
        ) from error


def _is_new_head(model, missing) -> bool:
    """Whether a weight of the last layer was not in the files."""
    inner = model.base_model_prefix
    return any(not key.startswith(f"{inner}.") and key.endswith("weight") for key in missing)


def _label_names(folder: Path) -> tuple[str, ...]:
    """The names of the labels in config.json, in order; () where it names none."""
    names = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("id2label") or {}
    try:
        return tuple(str(names[key]) for key in sorted(names, key=int))
    except (ValueError, TypeError, AttributeError):
        return ()


def _is_unnamed(names: tuple[str, ...]) -> bool:
    return all(re.fullmatch(r"LABEL_\d+", name) for name in names)


def _notes_of_labels(name: str, names: tuple[str, ...], labels: tuple[str, ...]) -> tuple[str, ...]:
    """What to know of a trained head whose labels in config.json are `names`, not LABELS."""
    own, read, known = ({*map(str.casefold, each)} for each in (names, labels, LABELS))
    if own <= known or _is_unnamed(names) or name.startswith(RUN_PREFIX):
        return ()
    if own == read:
        return (
            say(
                "This model answers with its own labels, {names}: those of the task that it was "
                "trained for.",
                names=", ".join(names)[:80],
            ),
        )
    return (
        say(
            "This model calls its labels {names}: it was trained for another task. Here they are "
            "read as {labels}, in that order, which may be meaningless.",
            names=", ".join(names)[:80],
            labels=", ".join(labels)[:80],
        ),
    )


def _reorder_outputs(
    name: str, model: PreTrainedModel, names: tuple[str, ...], labels: tuple[str, ...]
) -> None:
    """The logits change places where a checkpoint has the same labels in another order."""
    import torch

    own, wanted = [*map(str.casefold, names)], [*map(str.casefold, labels)]
    if own == wanted or sorted(own) != sorted(wanted):
        return
    order = [own.index(label) for label in wanted]
    last = [
        module
        for module in model.modules()
        if isinstance(module, torch.nn.Linear) and module.out_features == len(labels)
    ][-1:]
    if not last:
        raise SourceError(
            say(
                "{name} has the labels in another order, and no last layer in which they can "
                "be reordered. Choose another.",
                name=name,
            )
        )
    with torch.no_grad():
        for parameter in last[0].parameters():
            parameter.copy_(parameter[order].clone())


def with_adapter(model: PreTrainedModel, folder: Path, keeps_head: bool = True) -> PreTrainedModel:
    """The same model class with a LoRA adapter (safetensors in peft's format) added into its
    weights.

    W becomes W + alpha/r · B·A for each adapted linear layer (Hu et al. 2021,
    https://arxiv.org/abs/2106.09685); pooler and classifier are replaced whole, the classifier only
    where the adapter's is kept.
    """
    from peft import PeftModel

    adapted = PeftModel.from_pretrained(
        model, folder, local_files_only=True, ignore_mismatched_sizes=not keeps_head
    )
    merged = adapted.merge_and_unload()
    return merged.requires_grad_(True)  # peft had frozen everything but the adapter


def check_labels(name: str, folder: Path, labels: tuple[str, ...] | None = None) -> None:
    """A checkpoint that was trained to give another number of labels than these is refused, not
    silently re-headed; and so is a run's whose head is another task's: a run's head is never drawn.

    labels: None where any number of two or more will do.
    """
    architectures, count = _config_head(name, folder)
    classifier = name == READY or any("ForSequenceClassification" in part for part in architectures)
    wanted = len(labels) if labels else max(count, len(LABELS))
    if classifier and count != wanted:
        raise SourceError(
            say_plural(
                "{name} classifies into {count} label, but {wanted} are needed here. Choose "
                "another.",
                "{name} classifies into {count} labels, but {wanted} are needed here. Choose "
                "another.",
                count,
                name=name,
                wanted=wanted,
            )
        )
    if name.startswith(RUN_PREFIX) and not classifier:
        named = ", ".join(map(str, architectures))[:80]
        raise SourceError(
            say(
                "{name}… is not a sequence classifier but {named}. Start a new run.",
                name=name[:12],
                named=named,
            )
            if named
            else say(
                "{name}… is not a sequence classifier: its config.json names no architecture. "
                "Start a new run.",
                name=name[:12],
            )
        )


def _trained_labels(name: str, folder: Path) -> int:
    """How many labels a trained classifier has; 0 for a checkpoint that is none."""
    architectures, count = _config_head(name, folder)
    return count if any("ForSequenceClassification" in part for part in architectures) else 0


def _config_head(name: str, folder: Path) -> tuple[list[str], int]:
    """(The architectures of config.json, how many labels it names; two where it names none)."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        architectures = [str(part) for part in config.get("architectures") or []]
        return architectures, len(config.get("id2label") or LABELS)
    except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise SourceError(
            say(
                "The {file} of {name} can't be read ({kind}). Choose another.",
                file=path.name,
                name=name,
                kind=type(error).__name__,
            )
        ) from error
