"""The seed of all chance is the process's: who sets it, or listens to what PyTorch warns of, is
alone meanwhile.

>>> with seeded(0):
...     first = torch.rand(1)
>>> with seeded(0):
...     assert torch.equal(torch.rand(1), first)
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# Also held around whatever else sets the seed in this process, as transformers' Trainer does when
# it is made
alone = threading.Lock()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, all draws are those after `torch.manual_seed(seed)`, whoever else draws; afterwards,
    nothing has happened.
    """
    with alone, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
