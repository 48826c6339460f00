"""What each module of a model was given and gave, while it answered once.

with recorded(model) as calls:
    model(**batch)
calls[0].name, calls[0].gave.shape     # 'bert.embeddings.word_embeddings', (1, 12, 384)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # importing torch takes seconds
    from torch import Tensor
    from torch.nn import Module


@dataclass(frozen=True)
class Call:
    """One call of a module that has no parts of its own, in the order in which they end."""

    name: str  # its dotted name in the model
    module: Module
    given: Tensor
    gave: Tensor


@contextmanager
def recorded(model: Module) -> Iterator[list[Call]]:
    """The calls that this thread makes of the model within the block. Of other threads, who may
    share the model, none is noted.
    """
    from torch import Tensor

    calls: list[Call] = []

    def note(name):
        def hook(module, given, gave):
            if isinstance(gave, Tensor):  # ModernBERT's rotary embedding gives two
                calls.append(Call(name, module, given[0], gave))

        return hook

    with ExitStack() as stack:
        for name, module in model.named_modules():
            if not any(True for _child in module.children()):
                stack.enter_context(heard(module, note(name)))
        yield calls


@contextmanager
def heard(module: Module, hook: Callable[[Module, tuple, Any], Any]) -> Iterator[None]:
    """Within the block, `hook(module, given, gave)` hears each call that this thread makes of the
    module. What it returns, unless None, takes the place of what the module gave.
    """
    thread = threading.get_ident()

    def own(module, given, gave):
        return hook(module, given, gave) if threading.get_ident() == thread and given else None

    handle = module.register_forward_hook(own)
    try:
        yield
    finally:
        handle.remove()


def first_of(gave: Any) -> Tensor:
    """The tensor of what a layer gave: some give a tuple, hidden states first."""
    return gave[0] if isinstance(gave, tuple) else gave
