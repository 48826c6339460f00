"""Checkpoint + pairs -> labels and probabilities.

>>> pairs = [("A cat sat.", "A cat was sitting.")]
>>> predictions, origin = predict(EMBEDDED_CHECKPOINT, pairs, settings=Settings())
>>> sorted(predictions[0].probabilities)
['equivalent', 'not_equivalent']
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from languages import say, say_plural
from pipeline.collation import collate
from pipeline.errors import InputError, NoAnswer
from pipeline.hub.checkpoint_rules import check_fit
from pipeline.hub.isolated import ask
from pipeline.hub.sources import comes_with_the_app, load_cached
from pipeline.memory import LoadCache
from pipeline.model import labels_in_order, model_in
from pipeline.serving import served
from pipeline.settings import EMBEDDED_CHECKPOINT, Settings, has_gpu
from pipeline.tokenization import (
    checked_length,
    checked_pair,
    nothing_left,
    token_view,
    tokenize_function,
    tokenizer_for,
)

if TYPE_CHECKING:  # importing these takes seconds, or goes round in a circle
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from pipeline.hub.sources import Origin


@dataclass(frozen=True)
class Prediction:
    """One pair's answer. `probabilities` is the softmax of `logits`; both by label name."""

    label: str
    probabilities: dict[str, float]
    logits: dict[str, float]
    tokens: int
    truncated: tuple[str, str]  # what truncation cut from each sentence: the model never saw it
    notes: tuple[str, ...] = ()  # why the answer may mean less than it seems


# Who asks for one pair waits for no more than these of another visitor
PAIRS_A_TURN = 32
_models = LoadCache(Settings.max_models_in_memory)


def model_for(name: str, settings: Settings) -> tuple[PreTrainedModel, Origin]:
    """load_model, made quick (serving.py) and remembered for the last few names. A stand-in is not
    remembered.
    """
    return load_cached(
        _models,
        name,
        lambda files: served(model_in(files, settings.seed)),
        weights=True,
        settings=settings,
    )


def labels_answered(checkpoint: str, settings: Settings) -> tuple[str, ...]:
    """The labels with which a model answers, in the order of its logits."""
    return ask(checkpoint, _labels_answered, weights=True, settings=settings)


def _labels_answered(checkpoint, settings):
    """`labels_answered` where the checkpoint may be opened."""
    return labels_in_order(model_for(checkpoint, settings)[0].config)


def checked_logits(logits: list[float]) -> list[float]:
    """The logits of one pair as they are. Raises NoAnswer where one of them is NaN or infinite."""
    if not all(map(math.isfinite, logits)):
        raise NoAnswer(
            say(
                "This model has no prediction for this pair: its logits are {logits}, and "
                "softmax can't turn them into probabilities. Its weights are NaN or infinite, as "
                "after a run whose loss became NaN, or so large that the computation overflows. "
                "Choose another model.",
                logits=", ".join(written(value) for value in logits),
            )
        )
    return logits


def written(value: float) -> str:
    """A number of any size in few characters: three decimals, three digits where those say too
    much, or what it is.

    >>> written(-1.1193), written(1e30), written(math.nan), written(-math.inf)
    ('-1.119', '1e+30', 'NaN', '−∞')
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:.3f}" if abs(value) < 1e6 else f"{value:.3g}"


# From here on a float64 can't tell the larger probability from 1: 1 + exp(-gap) is 1
SATURATED = math.log(2**53)


def saturation_note(logits: list[float]) -> tuple:
    """What to know of logits so far apart that softmax rounds to 0 and 1, as a tuple of one note or
    none.
    """
    gap = max(logits) - min(logits)
    if gap < SATURATED:
        return ()
    return (
        say(
            "The logits are {gap} apart; from {most:.0f} on, softmax rounds to exactly 0 and 1. "
            "Such probabilities don't measure confidence: a well-trained classifier has logits "
            "less than 20 apart, so this model's weights may be damaged.",
            gap=written(gap),
            most=SATURATED,
        ),
    )


def predict(
    checkpoint: str,
    pairs: Sequence[tuple[str, str | None]],
    max_length: int = 128,
    batch_size: int | None = None,
    *,
    settings: Settings,
) -> tuple[list[Prediction], Origin]:
    """[(sentence1, sentence2), …] -> ([Prediction, …], Origin of the model). sentence2 is None for
    a model of one sentence.

    `batch_size`: how many pairs share a forward pass; see logits_of.
    Raises InputError for an empty or overlong sentence, too many pairs, or a checkpoint that can't
    be had, and NoAnswer where a pair's logits are NaN or infinite.
    """
    pairs = _checked_pairs(pairs, settings)
    # Of a checkpoint from the Hub all at once: a stand-in could answer one part, and not the next
    size = PAIRS_A_TURN if comes_with_the_app(checkpoint) else len(pairs)
    predictions: list[Prediction] = []
    for start in range(0, len(pairs), size):
        part = pairs[start : start + size]
        answers, origin = ask(
            checkpoint,
            _predict,
            part,
            max_length,
            batch_size,
            weights=True,
            # A forward pass gives up the interpreter's lock a hundred times, and waits each time
            # while the page draws others' answers. Not on a GPU: each process takes memory there
            leaves_page=not has_gpu(),
            settings=settings,
        )
        predictions += answers
    return predictions, origin


def _predict(checkpoint, pairs, max_length, batch_size, settings):
    """`predict` where the checkpoint may be opened."""
    model, origin = model_for(checkpoint, settings)
    tokenizer, _ = tokenizer_for(origin.loaded, settings)  # a stand-in brings its own
    check_fit(origin.loaded, model.config, tokenizer)
    max_length = checked_length(max_length, tokenizer, settings, model.config)
    encodings = [tokenize_function(tokenizer, _example(pair), max_length) for pair in pairs]
    logits = logits_of(model, tokenizer, encodings, batch_size)
    predictions = [
        _prediction(model, tokenizer, pair, encoding, row, max_length)
        for pair, encoding, row in zip(pairs, encodings, logits, strict=True)
    ]
    foreign = any(map(is_foreign, {sentence for pair in pairs for sentence in pair if sentence}))
    foreign = foreign and _knows_english_only(origin, tokenizer, settings)
    about = [
        (*_unseen(pair, encoding), *(_foreign_notes(pair) if foreign else ()))
        for pair, encoding in zip(pairs, encodings, strict=True)
    ]
    return [
        replace(answer, notes=(*model.notes, *answer.notes, *notes))
        for answer, notes in zip(predictions, about, strict=True)
    ], origin


def _unseen(pair, encoding):
    """A note for each sentence of a pair of which the tokenizer made nothing."""
    return nothing_left(
        *pair, [None if which is None else which + 1 for which in encoding.sequence_ids(0)]
    )


def is_foreign(sentence: str) -> bool:
    """Whether most of its letters are of no Latin script.

    >>> is_foreign("公司利润上升了 12%。"), is_foreign("Zoë met 李 today."), is_foreign("12 + 3")
    (True, False, False)
    """
    letters = [character for character in sentence if character.isalpha()]
    return 2 * sum("LATIN" not in unicodedata.name(letter, "") for letter in letters) > len(letters)


def _knows_english_only(origin, tokenizer, settings):
    """Whether a model is one of the app's own, or was fine-tuned here from one: it has the English
    vocabulary of those.
    """
    if not comes_with_the_app(origin.loaded):
        return False
    return tokenizer.get_vocab() == tokenizer_for(EMBEDDED_CHECKPOINT, settings)[0].get_vocab()


def _foreign_notes(pair):
    foreign = [
        which
        for which, sentence in zip(("sentence1", "sentence2"), pair, strict=True)
        if sentence and is_foreign(sentence)
    ]
    return (
        (
            say(
                "This model has only read English, and most letters of {sentences} belong to "
                "another script, so its prediction here is meaningless.",
                sentences=foreign[0] if len(foreign) == 1 else say("both sentences"),
            ),
        )
        if foreign
        else ()
    )


def predict_each(
    requests: Sequence[tuple[str, str, str | None, int]], settings: Settings
) -> list[tuple[Prediction, Origin] | Exception]:
    """[(checkpoint, sentence1, sentence2, max_length), …] -> [(Prediction, Origin) or the exception
    of it, …].

    Strangers' requests in one call: a bad one is answered with its own error and
    spoils no other.
    """
    requests = list(requests)
    answers: dict[int, tuple[Prediction, Origin] | Exception] = {}
    groups: dict[tuple[str, int], list[int]] = {}
    for i, (checkpoint, sentence1, sentence2, max_length) in enumerate(requests):
        try:
            checked_pair(sentence1, sentence2, settings)
            groups.setdefault((str(checkpoint), max_length), []).append(i)
        except Exception as error:
            answers[i] = error
    for (checkpoint, max_length), group in groups.items():
        try:
            predictions, origin = predict(
                checkpoint, [requests[i][1:3] for i in group], max_length, settings=settings
            )
            answers |= {
                i: (prediction, origin) for i, prediction in zip(group, predictions, strict=True)
            }
        except NoAnswer as error:  # to one of them, and perhaps not to the others
            for i in group:
                answers[i] = predict_each([requests[i]], settings)[0] if len(group) > 1 else error
        except Exception as error:
            answers |= dict.fromkeys(group, error)
    return [answers[i] for i in range(len(requests))]


def _checked_pairs(pairs, settings):
    pairs = list(pairs)
    if not 1 <= len(pairs) <= settings.max_batch_pairs:
        raise InputError(
            say(
                "{count} pairs were given; one call takes 1 to {max_batch_pairs}. Split them.",
                count=len(pairs),
                max_batch_pairs=settings.max_batch_pairs,
            )
        )
    for pair in pairs:
        if len(pair) != 2:
            raise InputError(
                say_plural(
                    "A pair is two sentences; {count} was given.",
                    "A pair is two sentences; {count} were given.",
                    len(pair),
                )
            )
    return [checked_pair(*pair, settings) for pair in pairs]


def logits_of(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    encodings: list[dict[str, Any]],
    batch_size: int | None = None,
) -> list[list[float]]:
    """Encodings -> their logits, (pairs, labels) as nested lists. On a GPU 32 share a forward pass,
    on a CPU none, by default.

    Different pairs gain little from it on a CPU: in a batch of 32 a pair took 0.91 of its time
    alone. And in bfloat16
    its last digits would depend on the others in the batch: on who else is asking.
    """
    size = batch_size or (32 if model.device.type == "cuda" else 1)
    batches = (
        collate(tokenizer, encodings[start : start + size])
        for start in range(0, len(encodings), size)
    )
    return [row for batch in batches for row in model(**batch).tolist()]


def softmax(logits: list[float]) -> list[float]:
    """Logits -> probabilities that sum to 1.

    >>> softmax([0.0, 0.0])
    [0.5, 0.5]
    """
    import torch

    return torch.tensor(logits, dtype=torch.float64).softmax(-1).tolist()


@dataclass(frozen=True)
class SoftmaxSteps:
    """Softmax by hand, each number by label name: probability = exp(logit - shift) / total."""

    shift: float  # 0, or the largest logit where exp of it would leave the range of a float
    exps: dict[str, float]
    total: float
    probabilities: dict[str, float]
    label: str


def softmax_steps(logits: dict[str, float]) -> SoftmaxSteps:
    """Logits by label name -> SoftmaxSteps.

    >>> softmax_steps({"no": 0.0, "yes": 0.0}).probabilities
    {'no': 0.5, 'yes': 0.5}
    """
    largest = max(logits.values())
    shift = (
        largest if abs(largest) > 50 else 0.0
    )  # subtracting one number from all of them changes no share
    exps = {name: math.exp(logit - shift) for name, logit in logits.items()}
    total = sum(exps.values())
    return SoftmaxSteps(
        shift,
        exps,
        total,
        {name: value / total for name, value in exps.items()},
        max(logits, key=lambda name: logits[name]),
    )


def _prediction(model, tokenizer, pair, encoding, logits, max_length):
    names = labels_in_order(model.config)
    probabilities = softmax(checked_logits(logits))
    cut = ("", "")
    if len(encoding["input_ids"]) == max_length:  # only then can anything have been cut
        cut = token_view(tokenizer, *pair, max_length).cut
    return Prediction(
        label=names[logits.index(max(logits))],
        probabilities=dict(zip(names, probabilities, strict=True)),
        logits=dict(zip(names, logits, strict=True)),
        tokens=len(encoding["input_ids"]),
        truncated=cut,
        notes=saturation_note(logits),
    )


def _example(pair):
    return {"sentence1": pair[0], "sentence2": pair[1]}
