"""The pair and the model of a picture, as the page sends them back with what is asked about it."""

import json

from languages import _
from pipeline.errors import InputError
from pipeline.explain.probing import asked_pair
from pipeline.inside.forward import Pair
from pipeline.settings import Settings
from pipeline.tokenization import checked_pair

# Both sentences, each character as \\uXXXX, and a model's name
MOST_CHARACTERS = 60_000


def written_inputs(sentence1: str, sentence2: str, model: str) -> str:
    """As a picture holds them."""
    return json.dumps([sentence1, sentence2, model])


def read_inputs(written: object) -> tuple[str, str, str]:
    """(sentence1, sentence2, model) of what was sent; nothing in them is checked yet.

    Raises InputError where no picture of ours can have held it.
    """
    try:
        if not isinstance(written, str) or len(written) > MOST_CHARACTERS:
            raise ValueError
        sentence1, sentence2, model = json.loads(written)
        if not all(isinstance(text, str) for text in (sentence1, sentence2, model)):
            raise ValueError
    except (ValueError, TypeError, RecursionError):
        message = _("The page sent no pair and no model. Press Look inside, then choose again.")
        raise InputError(message) from None
    return sentence1, sentence2, model


def pair_for(model: str, sentence1: str, sentence2: str, settings: Settings) -> Pair:
    """The sentences that the model reads, checked."""
    return checked_pair(*asked_pair(model, sentence1, sentence2, settings), settings)
