"""The tab over the API."""

from collections.abc import Callable
from dataclasses import asdict

from languages import say
from pipeline.errors import InputError
from pipeline.settings import EMBEDDED_CHECKPOINT, Settings
from pipeline.task import MRPC, is_own
from pipeline.tokenization import pair_view
from tabs.errors import toast
from tabs.tokenize.inputs import PairInputs, ask, sentences_of

NO_OWN_TASK = say("task_name names somebody's own pairs. Leave it out.")


def tokenize_endpoint(settings: Settings) -> Callable[..., dict]:
    """The function that answers /tokenize. Its signature and docstring are the API's own page."""

    def tokenize(
        sentence1: str,
        sentence2: str,
        checkpoint: str = EMBEDDED_CHECKPOINT,
        max_length: int = 128,
        truncation: bool = True,
        task_name: str = MRPC.name,
    ) -> dict:
        """Tokenize a pair of sentences as the model gets it.

        Args:
            sentence1: the first sentence, at most 2,000 characters
            sentence2: the second sentence
            checkpoint: an id of the Hub; it decides the vocabulary
            max_length: the most tokens of the pair, 8 to 512
            truncation: whether to cut what is longer
            task_name: mrpc, or another task of `fine_tune`; one of single sentences, such as sst2,
                leaves sentence2 out

        Returns:
            tokens (one dict a token: piece, id, type_id, mask, sentence, start, end, text, role),
            full_length, cut (what truncation removed from each sentence), notes, and origin (what
            was loaded, from where, why)
        """
        try:
            if is_own(task_name):
                raise InputError(NO_OWN_TASK)
            inputs = PairInputs(sentence1, sentence2, checkpoint, max_length, truncation, task_name)
            pair = *sentences_of(inputs, settings), max_length, truncation
            view, origin = ask(checkpoint, pair_view, *pair, settings=settings)
        except Exception as error:
            raise toast(error) from None
        return {**asdict(view), "origin": asdict(origin)}

    return tokenize
