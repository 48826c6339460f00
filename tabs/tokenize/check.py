"""Check yourself, in Tokenize: what its questions are about."""

from typing import Any

from pipeline.questions.of_tokens import Tokens, tokens_of
from pipeline.settings import Settings
from tabs.tokenize.inputs import BatchInputs, PairInputs, ask, load_rows, sentences_of


def tokens_shown(
    settings: Settings,
    sentence1: str,
    sentence2: str,
    checkpoint: str,
    max_length: int,
    truncation: bool,
    task_name: str,
    split: str,
    rows: str,
) -> Tokens:
    """The pair and the batch that stand on the page. Raises InputError for a bad one."""
    cut = checkpoint, max_length, truncation, task_name
    numbered, _origin, _task = load_rows(BatchInputs(rows, split, *cut), settings)
    sentences = sentences_of(PairInputs(sentence1, sentence2, *cut), settings)
    found: tuple[Tokens, Any] = ask(
        checkpoint, tokens_of, *sentences, numbered, max_length, truncation, settings=settings
    )
    return found[0]
