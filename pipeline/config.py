"""The settings of a run, each declared once: a field of TrainingConfig.

The form, the checks, `--help` of the command line, the API's signature, the address and the
arguments of `TrainingArguments` are derived from these declarations. To add a setting, add a field.

>>> RUN_SETTINGS["batch_size"].argument, RUN_SETTINGS["batch_size"].default
('per_device_train_batch_size', 16)
>>> TrainingConfig(eval_strategy="often").checked(Settings())
Traceback (most recent call last):
pipeline.errors.InputError: eval_strategy is 'often'. Choose one of no, steps, epoch.
"""

from collections.abc import Callable
from dataclasses import Field, asdict, dataclass, field, fields, replace
from typing import Any, cast

from languages import say
from pipeline.dataset import SOURCES
from pipeline.errors import InputError, shown
from pipeline.hub.sources import validated_checkpoint
from pipeline.settings import WARMED, Settings, whole_number
from pipeline.task import MRPC, TASKS, validated_task

# Where the form shows a setting: among the first, or folded
START, MAIN, MORE = "start", "main", "more"
# Pairs that an evaluation judges at once. Trainer sorts by length within about a quarter of all
# pairs: with 64 at once that is a single batch of MRPC's 408, with the padding of an unsorted one
EVAL_BATCH_SIZE = 16


@dataclass(frozen=True)
class RunSetting:
    """What is declared of one setting. `name`, `kind` and `default` are its field's own.

    help: one line for a visitor.
    low, high: the range of a number. cap: the field of Settings that holds `high`, where a host may
    change it.
    choices: the values of a text. check: for a text with rules of its own, value -> value, raises
    InputError.
    argument: its name in TrainingArguments, "" where it has none; trainer_default: the default
    there.
    handed_on: whether TrainingArguments gets the value as it is.
    typed: whether the form has a field for the number: its range is too wide for a slider.
    label: what the form calls it, where that isn't its name.
    """

    help: str
    low: float = 0
    high: float = 0
    cap: str = ""
    choices: tuple[str, ...] = ()
    check: Callable[[Any], Any] | None = None
    argument: str = ""
    trainer_default: Any = None
    handed_on: bool = True
    group: str = MORE
    typed: bool = False
    label: str = ""
    name: str = ""
    kind: type = str
    default: Any = None

    def most(self, settings: Settings) -> float:
        """The largest number that is allowed."""
        return getattr(settings, self.cap) if self.cap else self.high

    def allowed(self, settings: Settings) -> str:
        """What may be given, in a few words; "" for a text with rules of its own."""
        if self.choices:
            return ", ".join(self.choices)
        if self.kind in (int, float):
            return f"{self.low:g} to {self.most(settings):,.15g}"
        return ""

    def checked(self, value: Any, settings: Settings) -> Any:
        """`value` as this setting keeps it, numbers out of texts; an InputError names a bad one."""
        if self.check:
            return self.check(value)
        if self.choices:
            return _one_of(self.name, value, self.choices)
        if self.kind is bool:
            return bool(value)
        most = self.most(settings)
        if self.kind is int:
            return whole_number(self.name, value, int(self.low), int(most))
        return _number(self.name, value, self.low, most)


def _declared(default: Any, help: str, **about: Any) -> Any:
    return field(default=default, metadata={"declared": RunSetting(help, **about)})


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides a run's curve. The same config on the same machine gives the same
    curve.
    """

    checkpoint: str = _declared(
        WARMED,
        say("one of these, or a Hub id of a text model with safetensors and a fast tokenizer"),
        check=validated_checkpoint,
        group=START,
        label=say("Start from"),
    )
    # Not `task`, which an address has for a teacher's; run_glue.py, too, calls it so
    task_name: str = _declared(
        MRPC.name,
        say("which pairs and labels to learn"),
        choices=tuple(TASKS),
        check=validated_task,  # a visitor's own pairs besides
        group=START,
        label=say("Pairs"),
    )
    source: str = _declared(
        "auto",
        say("where those pairs come from; auto: the Hub, else what stands in"),
        choices=SOURCES,
        label=say("Source of the pairs"),
    )
    # The run ends after `epochs` or `max_steps`, whichever comes first. A callback keeps the cap,
    # so that an epoch stays an epoch on the curve's axis.
    max_steps: int = _declared(
        125,
        say("maximum number of optimizer steps"),
        low=1,
        cap="max_steps",
        argument="max_steps",
        trainer_default=-1,
        handed_on=False,
        group=MAIN,
    )
    learning_rate: float = _declared(
        2e-4,
        say("how large each optimizer step is"),
        low=1e-7,
        high=1e-2,
        typed=True,
        argument="learning_rate",
        trainer_default=5e-5,
        group=MAIN,
    )
    batch_size: int = _declared(
        16,
        say("pairs in one batch"),
        low=1,
        cap="max_batch_size",
        argument="per_device_train_batch_size",
        trainer_default=8,
        handed_on=False,
        group=MAIN,
    )
    train_pairs: int = _declared(2_000, say("pairs to train on"), low=2, cap="max_train_pairs")
    changed_share: float = _declared(
        0.0,
        say(
            "copies that join the training pairs, as a fraction of them: of three, two have one "
            "changed sentence (not_equivalent), and one is a sentence beside itself (equivalent)"
        ),
        high=0.5,
    )
    # 500 are all of MRPC's validation split, which has 408
    eval_pairs: int = _declared(500, say("pairs to evaluate on"), low=2, cap="max_eval_pairs")
    # Of the default run's steps and evaluations they take 5%: dev/LOG.md has the figures
    train_eval_pairs: int = _declared(
        64,
        say("training pairs to evaluate on besides; 0: none"),
        cap="max_eval_pairs",
    )
    gradient_accumulation_steps: int = _declared(
        1,
        say("batches whose gradients are added up for one optimizer step"),
        low=1,
        high=16,
        argument="gradient_accumulation_steps",
        trainer_default=1,
    )
    epochs: int = _declared(
        3,
        say("maximum number of passes over the training pairs"),
        low=1,
        cap="max_epochs",
        argument="num_train_epochs",
        trainer_default=3.0,
    )
    eval_strategy: str = _declared(
        "steps",
        say("when to evaluate (evaluation_strategy in the notes)"),
        choices=("no", "steps", "epoch"),
        argument="eval_strategy",
        trainer_default="no",
    )
    # Each costs as much as six steps: dev/LOG.md has the figures
    eval_steps: int = _declared(
        25,
        say("optimizer steps between two evaluations"),
        low=1,
        cap="max_steps",
        argument="eval_steps",
        trainer_default=None,
        handed_on=False,
    )
    # With one named, Trainer loads the best checkpoint at the end (load_best_model_at_end)
    metric_for_best_model: str = _declared(
        "none",
        say("which model to keep; none: the last step's, else the best checkpoint by this metric"),
        choices=("none", "loss", "accuracy", "f1"),
        argument="metric_for_best_model",
        trainer_default=None,
        handed_on=False,
    )
    early_stopping_patience: int = _declared(
        0,
        say(
            "evaluations in a row that are no better before the run stops early "
            "(EarlyStoppingCallback); 0: never"
        ),
        high=20,
    )
    lr_scheduler_type: str = _declared(
        "linear",
        say("how the learning rate decays"),
        choices=("linear", "cosine", "constant"),
        argument="lr_scheduler_type",
        trainer_default="linear",
    )
    # TrainingArguments takes a float below 1 for a fraction
    warmup_steps: float = _declared(
        0.1,
        say("fraction of the steps for warm-up, while the learning rate rises"),
        high=0.99,
        argument="warmup_steps",
        trainer_default=0,
    )
    weight_decay: float = _declared(
        0.01,
        say("how strongly weights are pulled towards zero"),
        high=1.0,
        argument="weight_decay",
        trainer_default=0.0,
    )
    # Trainer softens the labels of both losses. Answering one half to everything still loses ln 2;
    # the least that can be lost is no longer 0.
    label_smoothing_factor: float = _declared(
        0.0,
        say(
            "how much labels are softened; both losses then stay above 0, and predicting 0.5 for "
            "every pair still gives ln 2"
        ),
        high=0.5,
        argument="label_smoothing_factor",
        trainer_default=0.0,
    )
    max_length: int = _declared(
        128, say("the most tokens of a pair"), low=8, cap="longest_max_length"
    )
    train_sampling_strategy: str = _declared(
        "group_by_length",
        say("group_by_length: batches of similar length, so less padding"),
        choices=("group_by_length", "random"),
        argument="train_sampling_strategy",
        trainer_default="random",
    )
    method: str = _declared(
        "full",
        say(
            "which weights learn: full, all above the frozen layers; lora, matrices of rank 8 "
            "added to these; frozen, only what is above all layers; head, the classifier alone"
        ),
        choices=("full", "lora", "frozen", "head"),
    )
    # A run of a minute sees each pair once and can't overfit, so dropout only slows it: with 0 it
    # learned more, and freezing the lowest layers costs it nothing (dev/LOG.md has the figures).
    frozen_layers: int = _declared(
        2,
        say("number of bottom layers to freeze (embeddings too)"),
        cap="max_frozen_layers",
    )
    dropout: float = _declared(0.0, say("fraction of activations set to zero"), high=0.9)
    precision: str = _declared(
        "auto",
        say("precision of matrix products; auto: bf16 if it is faster on this machine"),
        choices=("auto", "fp32", "bf16"),
        argument="bf16",
        trainer_default=False,
        handed_on=False,
    )
    seed: int = _declared(
        42,
        say("same seed, same curve"),
        cap="largest_seed",
        typed=True,
        argument="seed",
        trainer_default=42,
    )

    @property
    def effective_batch_size(self) -> int:
        """Pairs in one optimizer step: a forward pass takes `batch_size` of them."""
        return self.batch_size * self.gradient_accumulation_steps

    def steps_per_epoch(self, train_pairs: int) -> int:
        """Optimizer steps of one epoch over that many pairs."""
        return -(-train_pairs // self.effective_batch_size)

    def joined_by(self, train_pairs: int) -> int:
        """Changed copies that join so many training pairs, where as many can be made."""
        return round(self.changed_share * train_pairs)

    def planned_steps(self, train_pairs: int) -> int:
        """Optimizer steps of a run over that many pairs."""
        return min(self.max_steps, self.epochs * self.steps_per_epoch(train_pairs))

    @property
    def keeps_best(self) -> bool:
        """Whether the run ends with its best checkpoint, and not with its last step."""
        return self.metric_for_best_model != "none" and self.eval_strategy != "no"

    @property
    def stops_early(self) -> bool:
        """Whether the run may end before its last step because it gets no better."""
        return self.early_stopping_patience > 0 and self.eval_strategy != "no"

    def judged_pairs(self, train_pairs: int, eval_pairs: int) -> int:
        """Pairs of one evaluation: those of validation, and a sample of the training pairs."""
        return eval_pairs + min(self.train_eval_pairs, train_pairs)

    def checked(self, settings: Settings) -> "TrainingConfig":
        """The same config with every value within its range, or an InputError that names it."""
        values = asdict(self)
        return TrainingConfig(
            **{name: one.checked(values[name], settings) for name, one in RUN_SETTINGS.items()}
        )

    def training_arguments(self) -> dict[str, Any]:
        """{argument of TrainingArguments: value} of each setting that is handed on as it is."""
        return {
            one.argument: getattr(self, name)
            for name, one in RUN_SETTINGS.items()
            if one.argument and one.handed_on
        }


def _setting(declared: Field) -> RunSetting:
    about: RunSetting = declared.metadata["declared"]
    return replace(
        about, name=declared.name, kind=cast(type, declared.type), default=declared.default
    )


RUN_SETTINGS: dict[str, RunSetting] = {one.name: _setting(one) for one in fields(TrainingConfig)}
# Names of an earlier version, in runs of the last day and in links
FORMER_NAMES = {
    "schedule": "lr_scheduler_type",
    "warmup_ratio": "warmup_steps",
    "group_by_length": "train_sampling_strategy",
}


def renamed(values: dict[str, Any]) -> dict[str, Any]:
    """Settings by name, as a run or an address has them, an earlier version's names and values
    replaced by today's.

    >>> renamed({"group_by_length": False, "seed": 7, "lock": "seed,schedule"})
    {'train_sampling_strategy': 'random', 'seed': 7, 'lock': 'seed,lr_scheduler_type'}
    """
    for old, new in ((True, "group_by_length"), (False, "random")):
        if values.get("group_by_length") in (old, str(old).lower()):
            values = {**values, "group_by_length": new}
    for fixed in ("hide", "lock"):  # an address lists what is fixed on the page
        if isinstance(values.get(fixed), str):
            names = (FORMER_NAMES.get(name, name) for name in values[fixed].split(","))
            values = {**values, fixed: ",".join(names)}
    return {FORMER_NAMES.get(name, name): value for name, value in values.items()}


def config_from(values: Any) -> TrainingConfig:
    """A dict (from a folder, a form, a command line) -> TrainingConfig, its values unchecked.

    Raises InputError for names that are no setting.
    """
    if not isinstance(values, dict):
        raise InputError(
            say(
                "The settings of a run are a dict of names and values, not {type}.",
                type=type(values).__name__,
            )
        )
    values = renamed(values)
    unknown = sorted(set(values) - set(RUN_SETTINGS))
    if unknown:
        raise InputError(
            say(
                "{unknown!r} is not a setting of a run. The settings are {known}.",
                unknown=unknown[0][:60],
                known=", ".join(sorted(RUN_SETTINGS)),
            )
        )
    return TrainingConfig(**values)


def flags_of(config: TrainingConfig) -> list[str]:
    """The config as arguments of `python -m pipeline train`.

    >>> flags_of(TrainingConfig(seed=7))[-2:]
    ['--seed', '7']
    """
    return [part for name, value in asdict(config).items() for part in _flag(name, value)]


def _flag(name: str, value: Any) -> list[str]:
    flag = flag_of(name)
    if isinstance(value, bool):
        return [flag if value else flag.replace("--", "--no-", 1)]
    return [flag, str(value)]


def flag_of(name: str) -> str:
    """A setting's name on the command line."""
    return "--" + name.replace("_", "-")


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise InputError(
            say(
                "{name} is {value!r}. Choose one of {allowed}.",
                name=name,
                value=str(value)[:60],
                allowed=", ".join(allowed),
            )
        )
    return value


def _number(name: str, value: Any, low: float, high: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(
            say(
                "{name} is {value}, which is not a number. Give a number from {low:g} to {high:g}.",
                name=name,
                value=shown(value),
                low=low,
                high=high,
            )
        ) from None
    if not low <= number <= high:  # also false for nan
        raise InputError(
            say(
                "{name} is {number:g}, but {low:g} to {high:g} is allowed. Choose a value in that "
                "range.",
                name=name,
                number=number,
                low=low,
                high=high,
            )
        )
    return number
