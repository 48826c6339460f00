"""What a reader may guess before a claim is run, and whether the run bears the guess out.

>>> from layers.claims import find
>>> guesses_at(find("conv-sum-or-average"))
['averaged', 'summed']
>>> [str(guess) for guess in guesses_at(find("conv-class-and-function"))]
['It holds', "It doesn't"]
"""

from languages import say
from layers.claims.claim import Claim

HOLDS, DOES_NOT = say("It holds"), say("It doesn't")


def guesses_at(claim: Claim) -> list[str]:
    """What can be guessed: that it holds or doesn't; of an open question, its possible answers, in
    an order that doesn't depend on which is right.
    """
    return sorted(claim.candidates) or [HOLDS, DOES_NOT]


def borne_out(claim: Claim, guess: str, verdict: str, answer: str | None) -> bool | None:
    """Whether a run with that verdict and answer bears a guess out, one of `guesses_at`; None where
    it decided nothing.
    """
    if verdict == "undecided":
        return None
    if claim.candidates:
        return guess == answer
    return (guess == HOLDS) == (verdict == "holds")
