"""How much a model computes for a pair, and how much of that is allowed for one answer.

Operations are counted: a clock would give the same pair other numbers on a busy machine.
"""

from __future__ import annotations

from languages import say
from pipeline.errors import InputError
from pipeline.inside.forward import Loaded

# Multiplications and additions for one answer: some 15 s of a core at worst
MOST_WORK = 1.2e12


def forward_work(opened: Loaded, positions: int) -> float:
    """Multiplications and additions of one forward pass of one row: two for each weight that a
    position meets, which those of an embedding aren't. Backward takes twice as many.
    """
    embeddings = opened.model.get_input_embeddings().weight.numel()
    return 2.0 * (opened.parameters - embeddings) * positions


def check_work(checkpoint: str, work: float) -> None:
    """Raise InputError for more than MOST_WORK."""
    if work > MOST_WORK:
        raise InputError(
            say(
                "{name} is too large for this: it takes {work:,.0f} billion operations, and "
                "{most:,.0f} are allowed here. Choose a smaller model or shorter sentences.",
                name=checkpoint[:80],
                work=work / 1e9,
                most=MOST_WORK / 1e9,
            )
        )
