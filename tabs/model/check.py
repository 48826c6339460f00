"""Check yourself, in Model: what its questions are about."""

from pipeline.explain.probing import asked_pair
from pipeline.questions.of_model import Looked, looked
from pipeline.settings import Settings
from pipeline.tokenization import checked_pair


def model_shown(settings: Settings, sentence1: str, sentence2: str, model: str) -> Looked:
    """The pair and the model on the page. Raises InputError for a bad one."""
    pair = checked_pair(*asked_pair(model, sentence1, sentence2, settings), settings)
    return looked(model, pair, settings)
