"""train() and eval(): the same pair several times in each mode, and what a forward pass keeps.

>>> pair = ("Profits rose in May.", "Profits fell in May.")
>>> twice = in_both_modes("adapter:paraphrase", *pair, settings=Settings())
>>> len(set(twice.eval)), len(set(twice.train)) > 1
(1, True)

train() and eval() set one flag, `training`, in each part of the model; Dropout reads it. Neither
says whether PyTorch keeps what the backward pass needs: `torch.no_grad()` does. What is kept is
counted by PyTorch's own hooks, byte by byte, so it is the same on each machine.
"""

from __future__ import annotations

import copy
import statistics
import threading
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from languages import say
from pipeline.errors import InputError, shown
from pipeline.explain.probing import Pair, asked_pair
from pipeline.hub.isolated import ask
from pipeline.inside.forward import Loaded, encoded, loaded
from pipeline.inside.work import check_work, forward_work
from pipeline.model import private_seed
from pipeline.prediction import checked_logits, softmax
from pipeline.settings import Settings, whole_number
from pipeline.tokenization import checked_pair
from pipeline.training import set_dropout

if TYPE_CHECKING:  # importing these takes seconds
    from torch import Tensor
    from torch.nn import Module

    from pipeline.hub.sources import Origin

TIMES = 10
MOST_DROPOUT = 0.5
BATCHES = (1, 8, 32)  # rows
# A batch that would keep more than this, by what one row keeps, is told and not measured
MOST_KEPT = 128 * 2**20


@dataclass(frozen=True)
class Kept:
    """What one forward pass keeps for the backward pass, in bytes. None: it is too much to be
    measured here. expected: rows × what one row keeps in train().
    """

    rows: int
    train: int | None  # with gradients
    eval: int | None  # with gradients: eval() alone
    no_grad: int | None  # in eval()
    expected: int


@dataclass(frozen=True)
class Modes:
    """P(label) of the same pair, TIMES times in each mode.

    dropout: the share that was dropped; own: whether it is the model's own. layers: the model's
    Dropout layers. kept: for each size of a batch. formula: what the usual formula says of one row
    in eval(), in bytes; None for an encoder whose sizes it doesn't know.
    """

    pair: Pair
    label: str
    tokens: int
    dropout: float
    is_own: bool
    layers: int
    seed: int
    train: tuple[float, ...]
    eval: tuple[float, ...]
    kept: tuple[Kept, ...]
    formula: int | None
    origin: Origin

    @property
    def mean(self) -> float:
        """The mean of the probabilities in train()."""
        return statistics.fmean(self.train)

    @property
    def spread(self) -> float:
        """Their standard deviation."""
        return statistics.stdev(self.train)


def in_both_modes(
    checkpoint: str,
    sentence1: str,
    sentence2: str | None,
    dropout: float | None = None,
    seed: int | None = None,
    max_length: int = 128,
    *,
    settings: Settings,
) -> Modes:
    """The pair in train() and in eval(). dropout: 0 to MOST_DROPOUT in each Dropout layer, None for
    the model's own; seed: of what is dropped, by default that of settings.

    Raises InputError for a bad pair, dropout or seed, or a checkpoint that can't be had.
    """
    pair = checked_pair(*asked_pair(checkpoint, sentence1, sentence2, settings), settings)
    own_or_given = settings.seed if seed is None else seed
    number = whole_number("seed", own_or_given, 0, settings.largest_seed)
    share = None if dropout is None else checked_dropout(dropout)
    return ask(
        checkpoint, _in_both_modes, pair, share, number, max_length, weights=True, settings=settings
    )


def checked_dropout(value: Any) -> float:
    """A share from 0 to MOST_DROPOUT, or an InputError."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= MOST_DROPOUT:
        raise InputError(
            say(
                "dropout is {value}. Choose a number from 0 to {most}.",
                value=shown(value),
                most=MOST_DROPOUT,
            )
        )
    return float(value)


def _in_both_modes(
    checkpoint: str,
    pair: Pair,
    dropout: float | None,
    seed: int,
    max_length: int,
    *,
    settings: Settings,
) -> Modes:
    """`in_both_modes` where the checkpoint may be opened."""
    import torch

    opened = loaded(checkpoint, settings)
    model = own_modes(opened)
    if dropout is not None:
        set_dropout(model, dropout)
    inputs = encoded(opened, [pair], max_length, settings).tensors
    rows = 2 * TIMES + 3 * sum(BATCHES[:2])
    check_work(checkpoint, rows * forward_work(opened, inputs["input_ids"].shape[1]))
    labels = opened.labels
    with torch.no_grad():
        logits = checked_logits(model.eval()(**inputs).logits[0].tolist())
        followed = 1 if len(labels) == 2 else logits.index(max(logits))

        def probability() -> float:
            return softmax(model(**inputs).logits[0].tolist())[followed]

        in_eval = tuple(probability() for _time in range(TIMES))
        model.train()
        with private_seed(seed):
            in_train = tuple(probability() for _time in range(TIMES))
    layers = [part for part in model.modules() if isinstance(part, torch.nn.Dropout)]
    return Modes(
        pair,
        labels[followed],
        inputs["input_ids"].shape[1],
        (layers[0].p if layers else 0.0) if dropout is None else dropout,
        dropout is None,
        len(layers),
        seed,
        in_train,
        in_eval,
        tuple(_kept_by_batches(model, inputs, seed)),
        formula_of(model.config, inputs["input_ids"].shape[1]),
        opened.origin,
    )


def own_modes(opened: Loaded) -> Module:
    """A copy of the model whose modes are its own; its weights are the shared ones."""
    tensors = [*opened.model.parameters(), *opened.model.buffers()]
    return copy.deepcopy(opened.model, {id(tensor): tensor for tensor in tensors})


# ---------------------------------------------------------------- what a forward pass keeps


def kept_bytes(model: Module, compute: Callable[[], Any]) -> int:
    """How many bytes PyTorch keeps of a computation for its backward pass; the weights, which are
    there anyway, aside.
    """
    import torch

    own = {tensor.untyped_storage().data_ptr() for tensor in model.parameters()}
    storages: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        # Held until all is counted: of what is freed, the address may be given out again
        result = compute()
    total = sum(storages.values())
    del result
    return total


_measuring = threading.Lock()  # what many visitors' batches keep at once would add up


def _kept_by_batches(model: Module, inputs: Mapping[str, Tensor], seed: int) -> list[Kept]:
    """What a batch of the same row keeps, for each of BATCHES."""
    import torch

    found: list[Kept] = []
    for rows in BATCHES:
        batch = {name: each.expand(rows, -1) for name, each in inputs.items()}
        expected = rows * (found[0].train or 0) if found else 0
        if expected > MOST_KEPT:
            found.append(Kept(rows, None, None, None, expected))
            continue

        def measured(training: bool, off: bool, batch: dict[str, Tensor] = batch) -> int:
            model.train(training)
            with _measuring, private_seed(seed), torch.no_grad() if off else nullcontext():
                return kept_bytes(model, lambda: model(**batch).logits)

        train = measured(True, False)
        found.append(
            Kept(rows, train, measured(False, False), measured(False, True), expected or train)
        )
    return found


def formula_of(config: Any, positions: int) -> int | None:
    """What one row keeps in eval(), in bytes, roughly: 4 × layers × positions × (8·hidden +
    2·intermediate + heads·positions), after Korthikanti et al. 2022, https://arxiv.org/abs/2205.05198

    There it is half precision with dropout; here float32 without. Of each layer these stay:
    queries, keys and values, the attention's weights and its result, what goes into and comes out
    of two LayerNorms, and the feed-forward layer before and after its activation. None where the
    config has no such sizes.
    """
    layers, hidden, heads, intermediate = (
        getattr(config, name, 0)
        for name in ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size")
    )
    intermediate = intermediate or getattr(config, "hidden_dim", 0)  # DistilBERT's name for it
    if not (layers and hidden and heads and intermediate):
        return None
    return 4 * layers * positions * (8 * hidden + 2 * intermediate + heads * positions)
