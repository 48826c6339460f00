"""The tab over the API."""

from collections.abc import Callable
from dataclasses import asdict

from pipeline.settings import EMBEDDED_CHECKPOINT, Settings
from pipeline.tokenization import pair_view
from tabs.errors import toast
from tabs.tokenize.inputs import ask


def tokenize_endpoint(settings: Settings) -> Callable[..., dict]:
    """The function that answers /tokenize. Its signature and docstring are the API's own page."""

    def tokenize(
        sentence1: str,
        sentence2: str,
        checkpoint: str = EMBEDDED_CHECKPOINT,
        max_length: int = 128,
        truncation: bool = True,
    ) -> dict:
        """Tokenize a pair of sentences as the model gets it.

        Args:
            sentence1: the first sentence, at most 2,000 characters
            sentence2: the second sentence
            checkpoint: an id of the Hub; it decides the vocabulary
            max_length: the most tokens of the pair, 8 to 512
            truncation: whether to cut what is longer

        Returns:
            tokens (one dict a token: piece, id, type_id, mask, sentence, start, end, text, role),
            full_length, cut (what truncation removed from each sentence), notes, and origin (what
            was loaded, from where, why)
        """
        pair = sentence1, sentence2, max_length, truncation
        try:
            view, origin = ask(checkpoint, pair_view, *pair, settings=settings)
        except Exception as error:
            raise toast(error) from None
        return {**asdict(view), "origin": asdict(origin)}

    return tokenize
