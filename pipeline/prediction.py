"""Checkpoint + pairs -> labels and probabilities.

    >>> predictions, origin = predict("sentence-transformers/all-MiniLM-L6-v2", [("A cat sat.", "A cat was sitting.")])
    >>> sorted(predictions[0].probabilities)
    ['equivalent', 'not_equivalent']
"""

from dataclasses import dataclass
from functools import lru_cache

from pipeline.collation import collate
from pipeline.settings import InputError, Settings
from pipeline.sources import load_model
from pipeline.tokenization import checked_length, checked_pair, token_view, tokenize_function, tokenizer_for


@dataclass(frozen=True)
class Prediction:
    """One pair's answer. `probabilities` is the softmax of `logits`; both by label name."""

    label: str
    probabilities: dict[str, float]
    logits: dict[str, float]
    tokens: int
    truncated: tuple[str, str]  # what truncation cut from each sentence: the model never saw it


@lru_cache(maxsize=Settings.max_models_in_memory)
def _kept_model(name, settings):
    import torch

    model, origin = load_model(name, settings.seed, settings)
    return model.to("cuda" if torch.cuda.is_available() else "cpu"), origin


def model_for(name, settings=None):
    """load_model, remembered for the last few names. A stand-in is not remembered."""
    model, origin = _kept_model(name, settings or Settings())
    if origin.stands_in:
        _kept_model.cache_clear()
    return model, origin


def predict(checkpoint, pairs, max_length=128, settings=None, batch_size=32):
    """[(sentence1, sentence2), …] -> ([Prediction, …], Origin of the model).

    Raises InputError for an empty or overlong sentence, too many pairs, or a checkpoint that can't be had.
    """
    settings = settings or Settings()
    pairs = _checked_pairs(pairs, settings)
    tokenizer, _ = tokenizer_for(checkpoint, settings)
    max_length = checked_length(max_length, tokenizer, settings)
    model, origin = model_for(checkpoint, settings)
    encodings = [tokenize_function(tokenizer, _example(pair), max_length) for pair in pairs]
    logits = [row for start in range(0, len(pairs), batch_size)
              for row in batch_logits(model, tokenizer, encodings[start : start + batch_size])]  # fmt: skip
    predictions = [_prediction(model, tokenizer, pair, encoding, row, max_length)
                   for pair, encoding, row in zip(pairs, encodings, logits, strict=True)]  # fmt: skip
    return predictions, origin


def _checked_pairs(pairs, settings):
    pairs = list(pairs)
    if not 1 <= len(pairs) <= settings.max_batch_pairs:
        raise InputError(f"{len(pairs)} pairs were given; 1 to {settings.max_batch_pairs} go in one call. Split them.")
    for pair in pairs:
        if len(pair) != 2:
            raise InputError(f"A pair is two sentences; {len(pair)} were given.")
    return [checked_pair(*pair, settings) for pair in pairs]


def batch_logits(model, tokenizer, encodings):
    """Encodings of a batch -> its logits, (batch, 2) as nested lists."""
    import torch

    with torch.inference_mode():
        batch = collate(tokenizer, encodings).to(model.device)  # (batch, seq_len)
        return model(**batch).logits.float().tolist()  # (batch, 2)


def softmax(logits):
    """Logits -> probabilities that sum to 1.

    >>> softmax([0.0, 0.0])
    [0.5, 0.5]
    """
    import torch

    return torch.tensor(logits, dtype=torch.float64).softmax(-1).tolist()


def _prediction(model, tokenizer, pair, encoding, logits, max_length):
    names = [model.config.id2label[i] for i in range(len(logits))]
    probabilities = softmax(logits)
    cut = ("", "")
    if len(encoding["input_ids"]) == max_length:  # only then can anything have been cut
        cut = token_view(tokenizer, *pair, max_length).cut
    return Prediction(
        label=names[logits.index(max(logits))],
        probabilities=dict(zip(names, probabilities, strict=True)),
        logits=dict(zip(names, logits, strict=True)),
        tokens=len(encoding["input_ids"]),
        truncated=cut,
    )


def _example(pair):
    return {"sentence1": pair[0], "sentence2": pair[1]}
