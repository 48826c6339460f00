"""Check yourself, in Predict: what its questions are about."""

from pipeline.explain.probing import asked_pair
from pipeline.questions.of_answers import Answer, answer_of
from pipeline.settings import Settings


def answer_shown(settings: Settings, sentence1: str, sentence2: str, model: str) -> Answer:
    """The model's answer to the pair on the page. Raises InputError for a bad one."""
    pair = asked_pair(model, sentence1, sentence2, settings)
    return answer_of(model, *pair, settings)
