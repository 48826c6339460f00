"""Questions about what a learner's page shows, with answers computed from it.

question.py            what a question is, and which comes next
of_tokens.py           the pair and the batch of Tokenize
of_runs.py, curves.py  the form and the run of Fine-tune
of_model.py            the pair's way through Model
of_answers.py          the answer of Predict
of_layers.py           small cases for Layers

A question is a function: (what the tab shows, chance) -> Question, or None where there is nothing
to ask. To add one, write it and name it in its module's QUESTIONS. Its name is its id.
"""

from pipeline.questions import of_answers, of_layers, of_model, of_runs, of_tokens
from pipeline.questions.question import Ask, Choice, Question, following, id_of

__all__ = ["IDS", "QUESTIONS", "Ask", "Choice", "Question", "following", "id_of"]

QUESTIONS: dict[str, tuple[Ask, ...]] = {
    "tokenize": of_tokens.QUESTIONS,
    "model": of_model.QUESTIONS,
    "fine-tune": of_runs.QUESTIONS,
    "predict": of_answers.QUESTIONS,
    "layers": of_layers.QUESTIONS,
}
IDS = frozenset(id_of(ask) for asks in QUESTIONS.values() for ask in asks)
