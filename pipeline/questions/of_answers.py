"""Questions about the answer of the Predict tab."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from random import Random

from languages import say
from pipeline.hub.isolated import ask
from pipeline.hub.sources import checkpoint_files
from pipeline.model import on_meta
from pipeline.prediction import Prediction, predict, softmax
from pipeline.questions.question import Choice, Question, asked
from pipeline.settings import Settings

EMBEDDINGS, ATTENTION = say("in the embeddings"), say("in attention")
FEED_FORWARD, HEAD = say("in the feed-forward layers"), say("in the classification head")
# What the families call their parts; the first name found decides
PARTS = (
    ("classifier", HEAD),
    ("pooler", HEAD),
    ("score.", HEAD),
    ("embed", EMBEDDINGS),
    ("attention", ATTENTION),
    ("intermediate", FEED_FORWARD),
    ("ffn", FEED_FORWARD),
    ("mlp", FEED_FORWARD),
    ("output.dense", FEED_FORWARD),
    ("output.LayerNorm", FEED_FORWARD),
)
KNOWN_SHARE = 0.99  # of the parameters, without which nothing is asked about them
SAME = 5e-4  # probabilities nearer than this are told apart by nobody


@dataclass(frozen=True)
class Answer:
    """The answer that the tab shows. turned: that to the pair in the other order, None in a task of
    one sentence. parts: {part of the model: its parameters}, {} where its names are unknown.
    """

    given: Prediction
    turned: Prediction | None = None
    parts: dict[str, int] = field(default_factory=dict)


def answer_of(checkpoint: str, sentence1: str, sentence2: str | None, settings: Settings) -> Answer:
    """What the questions need of a visitor's pair and model. Raises as `predict`."""
    pairs = [(sentence1, sentence2)]
    if sentence2 is not None:
        pairs.append((sentence2, sentence1))
    predictions, _origin = predict(checkpoint, pairs, settings.max_length, settings=settings)
    parts = ask(checkpoint, _parts, settings=settings)
    return Answer(predictions[0], predictions[1] if len(predictions) > 1 else None, parts)


def _parts(checkpoint: str, settings: Settings) -> dict[str, int]:
    """Where a model's parameters are, where the checkpoint may be opened."""
    files = checkpoint_files(checkpoint, settings=settings)
    model = on_meta(files.origin.loaded, files.folder)  # names and shapes alone
    return parts_of({name: each.numel() for name, each in model.named_parameters()})


def parts_of(numbers: dict[str, int]) -> dict[str, int]:
    """{name of a parameter: its numbers} -> {part: numbers}; {} where too many names are unknown.

    >>> names = {"bert.embeddings.word.weight": 90, "bert.layer.0.attention.self.query.weight": 9}
    >>> {str(part): count for part, count in parts_of(names).items()}
    {'in the embeddings': 90, 'in attention': 9}
    """
    found: dict[str, int] = {}
    for name, count in numbers.items():
        part = next((part for sign, part in PARTS if sign in name), None)
        if part is not None:
            found[part] = found.get(part, 0) + count
    return found if sum(found.values()) >= KNOWN_SHARE * sum(numbers.values()) else {}


def _share(value: float) -> str:
    return f"{value:.1%}"


def _a_label(answer: Prediction, chance: Random) -> tuple[int, str]:
    """One of the labels: its place among the logits, and its name."""
    names = list(answer.logits)
    place = chance.randrange(len(names))
    return place, names[place]


def _logits_given(answer: Prediction) -> list[str]:
    return [
        say("“{label}”: logit {logit:.3f}", label=name, logit=logit)
        for name, logit in answer.logits.items()
    ]


def shifted_logits(shown: Answer, chance: Random) -> Question | None:
    """A probability after the same number was added to each logit."""
    answer, shift = shown.given, chance.choice((1, 2, 3, 10))
    place, label = _a_label(answer, chance)
    logits = list(answer.logits.values())
    before = softmax(logits)[place]
    after = softmax([logit + shift for logit in logits])[place]
    alone = [logit + shift * (i == place) for i, logit in enumerate(logits)]
    right = Choice(
        _share(after),
        say(
            "Every exp(logit) gets e^{shift} times larger, and so does their sum: the shares "
            "stay. Softmax sees differences of logits alone.",
            shift=shift,
        ),
    )
    wrong = [
        Choice(
            _share(softmax(alone)[place]),
            say(
                "That is what adding {shift} to the logit of “{label}” alone does. Here all get "
                "it.",
                shift=shift,
                label=label,
            ),
        ),
        Choice(
            _share(1 / len(logits)),
            say("Adding one number to all brings no two logits closer to each other."),
        ),
        Choice(
            _share(1 - before),
            say("That is what “{label}” doesn't get: the share of the others.", label=label),
        ),
        Choice(
            _share(1.0),
            say("Larger logits aren't surer ones: only the differences between them count."),
        ),
    ]
    text = say(
        "The model gave your input these logits, and “{label}” has {share}. If {shift} were added "
        "to each logit, what would “{label}” have then?",
        label=label,
        share=_share(before),
        shift=shift,
    )
    return asked(text, right, wrong, chance, _logits_given(answer))


def doubled_logits(shown: Answer, chance: Random) -> Question | None:
    """A probability after each logit was multiplied."""
    answer, times = shown.given, chance.choice((2, 3))
    place, label = _a_label(answer, chance)
    logits = list(answer.logits.values())
    before = softmax(logits)[place]
    after = softmax([times * logit for logit in logits])[place]
    right = Choice(
        _share(after),
        say(
            "The differences of the logits get {times} times larger, so the larger probability "
            "moves towards 100% and the others towards 0.",
            times=times,
        ),
    )
    wrong = [
        Choice(
            _share(before),
            say(
                "That is the probability as it was. Adding one number to all logits changes "
                "nothing, but multiplying them spreads them."
            ),
        ),
        Choice(
            _share(min(1.0, times * before)),
            say(
                "The probability isn't multiplied: exp(logit) is taken to the power {times}, and "
                "all are divided by their new sum.",
                times=times,
            ),
        ),
        Choice(
            _share(before**times),
            say("The shares have to be divided by their sum again, or they no longer make 100%."),
        ),
        Choice(
            _share(before / times),
            say(
                "The probability isn't divided: exp(logit) is taken to the power {times}.",
                times=times,
            ),
        ),
    ]
    text = say(
        "The model gave your input these logits, and “{label}” has {share}. If each logit were "
        "multiplied by {times}, what would “{label}” have then?",
        label=label,
        share=_share(before),
        times=times,
    )
    return asked(text, right, wrong, chance, _logits_given(answer))


def loss_of_the_pair(shown: Answer, chance: Random) -> Question | None:
    """The cross-entropy of the answer, were one of the labels the gold one."""
    answer = shown.given
    _place, label = _a_label(answer, chance)
    share = answer.probabilities[label]
    if not 0 < share < 1:
        return None
    right = Choice(
        f"{-math.log(share):.3f}",
        say(
            "−ln {share:.4f}: minus the natural logarithm of the gold label's probability.",
            share=share,
        ),
    )
    wrong = [
        Choice(
            f"{-math.log(1 - share):.3f}",
            say(
                "That is the loss if “{label}” were wrong: −ln {rest:.4f}, of all other labels "
                "together.",
                label=label,
                rest=1 - share,
            ),
        ),
        Choice(
            f"{1 - share:.3f}",
            say(
                "1 − {share:.4f} is what is missing to 100%. Cross-entropy takes the logarithm: a "
                "wrong answer costs more, the surer it is.",
                share=share,
            ),
        ),
        Choice(
            f"{-math.log10(share):.3f}",
            say("That is the logarithm to base 10. PyTorch takes the natural one."),
        ),
        Choice(
            f"{share:.3f}",
            say("That is the probability itself. A larger probability makes a smaller loss."),
        ),
    ]
    text = say(
        "The model gives “{label}” the probability {share:.4f}. If “{label}” is the gold label, "
        "what is the loss of this input?",
        label=label,
        share=share,
    )
    return asked(text, right, wrong, chance)


def the_other_order(shown: Answer, chance: Random) -> Question | None:
    """Whether the model answers the pair in the other order as it answers this one."""
    answer, turned = shown.given, shown.turned
    if turned is None:
        return None
    label = answer.label
    shares = answer.probabilities[label], turned.probabilities[label]
    figures = {"label": label, "one": _share(shares[0]), "other": _share(shares[1])}
    found = say(
        "“{label}” has {one} in your order and {other} in the other: position and token_type_ids "
        "are part of each token's embedding, so the order counts, if perhaps little.",
        **figures,
    )
    answers = {
        "same": Choice(say("exactly the same"), found),
        "near": Choice(say("the same label, with another probability"), found),
        "other": Choice(say("another label"), found),
    }
    if answer.label != turned.label:
        key = "other"
    else:
        key = "same" if abs(shares[0] - shares[1]) < SAME else "near"
    because = {
        "same": say(
            "The question may be symmetric, but the model isn't: “{label}” has {one} in one order "
            "and {other} in the other.",
            **figures,
        ),
        "near": say(
            "That was close: “{label}” has {one} in one order and {other} in the other.", **figures
        ),
        "other": say(
            "The order moves an answer, but rarely over the line: “{label}” has {one} in one order "
            "and {other} in the other.",
            **figures,
        ),
    }
    wrong = [Choice(one.text, because[name]) for name, one in answers.items() if name != key]
    text = say("What would the model answer to the same two sentences in the other order?")
    return asked(text, answers[key], wrong, chance)


def most_parameters(shown: Answer, chance: Random) -> Question | None:
    """In which part of the model most of its parameters are."""
    parts = shown.parts
    if not parts:
        return None
    total = sum(parts.values())
    most = max(parts, key=lambda part: parts[part])

    def choice(part: str) -> Choice:
        return Choice(
            part,
            say(
                "There are {count:,} of {total:,} parameters ({share:.0%}).",
                count=parts[part],
                total=total,
                share=parts[part] / total,
            ),
        )

    text = say("The model has {total:,} parameters. Where are most of them?", total=total)
    return asked(text, choice(most), [choice(part) for part in parts if part != most], chance)


QUESTIONS = (
    loss_of_the_pair,
    the_other_order,
    shifted_logits,
    doubled_logits,
    most_parameters,
)
