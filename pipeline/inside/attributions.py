"""What moved the answer: integrated gradients for each token, beside leaving out each word.

>>> pair = ("Profits rose in May.", "Profits fell in May.")
>>> moved = attributions("adapter:paraphrase", *pair, settings=Settings())
>>> [(word.word, word.attribution < 0) for word in moved.words if word.word in ("rose", "fell")]
[('rose', True), ('fell', True)]
>>> moved.error < 0.05  # the attributions add up to the score minus that of the baseline
True

Integrated gradients (Sundararajan et al. 2017, https://arxiv.org/abs/1703.01365) go from a
baseline, in which each word's embedding is that of one neutral token, to the pair's own, and add
up the gradients on the way. Both methods explain one number, the score: of two labels the logit of
label 1 minus the other logit, of more labels that of the answer minus the mean of the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from languages import say
from pipeline.errors import InputError, shown
from pipeline.explain.probing import Pair, asked_pair, shortened, words_to_leave_out
from pipeline.hub.isolated import ask
from pipeline.inside.forward import Loaded, encoded, loaded
from pipeline.inside.work import MOST_WORK, check_work, forward_work
from pipeline.libraries import import_captum
from pipeline.prediction import checked_logits
from pipeline.sentence import is_blank
from pipeline.settings import Settings
from pipeline.tokenization import checked_pair, token_view

if TYPE_CHECKING:  # importing these takes seconds
    from torch import Tensor

    from pipeline.hub.sources import Origin

# Tokens that may stand in for each word's, as the tokenizer calls them. The padding token is the
# usual one (captum's tutorial on BERT)
BASELINES = ("pad_token", "unk_token", "mask_token")
# So many points on the way from the baseline, until the sum is near enough
STEPS = (16, 32, 64, 128)
NEAR_ENOUGH = 0.05  # of the difference that the attributions should add up to
CELLS_AT_ONCE = (
    512  # rows × positions of one forward pass: what is kept for the gradients is bounded
)


@dataclass(frozen=True)
class TokenMoved:
    """One token. sentence: 1, 2 or None for a special one; attribution: in logits."""

    piece: str
    sentence: int | None
    attribution: float


@dataclass(frozen=True)
class WordMoved:
    """One word. attribution: the sum of its tokens', None where truncation cut it. left_out: the
    score minus that without the word, None where nothing would be left of the sentence.
    """

    word: str
    sentence: int  # 1 or 2
    attribution: float | None
    left_out: float | None


@dataclass(frozen=True)
class Attributions:
    """A pair's score and what each token and word adds to it. label: towards which a positive
    number speaks; against: the other of two labels, None where there are more.
    """

    pair: Pair
    label: str
    against: str | None
    score: float
    baseline_score: float
    baseline: str  # the token that stands in for each word's: [PAD]
    steps: int
    tokens: tuple[TokenMoved, ...]
    words: tuple[WordMoved, ...]
    agreement: float | None  # Spearman's rank correlation of both methods over the words
    origin: Origin

    @property
    def total(self) -> float:
        """The sum of the tokens' attributions."""
        return sum(token.attribution for token in self.tokens)

    @property
    def difference(self) -> float:
        """What the sum should be: the score minus that of the baseline."""
        return self.score - self.baseline_score

    @property
    def error(self) -> float:
        """How far the sum is from that, as a share of it."""
        return abs(self.total - self.difference) / max(abs(self.difference), 1e-9)

    @property
    def is_complete(self) -> bool:
        """Whether the sum is within NEAR_ENOUGH."""
        return self.error <= NEAR_ENOUGH


def attributions(
    checkpoint: str,
    sentence1: str,
    sentence2: str | None,
    max_length: int = 128,
    baseline: str = BASELINES[0],
    *,
    settings: Settings,
) -> Attributions:
    """What moved the model's answer to the pair. baseline: one of BASELINES.

    Raises InputError for a bad pair, too many words, a checkpoint that can't be had, an
    architecture without `inputs_embeds`, or a model that would take too long.
    """
    pair = checked_pair(*asked_pair(checkpoint, sentence1, sentence2, settings), settings)
    words_to_leave_out(pair, settings)  # too many are refused before a model is opened
    if baseline not in BASELINES:
        raise InputError(
            say(
                "The baseline is {baseline}. Choose one of {baselines}.",
                baseline=shown(baseline),
                baselines=", ".join(BASELINES),
            )
        )
    return ask(
        checkpoint, _attributions, pair, max_length, baseline, weights=True, settings=settings
    )


def _attributions(
    checkpoint: str, pair: Pair, max_length: int, baseline: str, *, settings: Settings
) -> Attributions:
    """`attributions` where the checkpoint may be opened."""
    import torch

    opened = loaded(checkpoint, settings)
    batch = encoded(opened, [pair], max_length, settings)
    inputs = dict(batch.tensors)
    ids = inputs.pop("input_ids")  # (1, positions)
    is_special = torch.tensor([sentence is None for sentence in batch.sentences[0]])
    neutral_token = str(getattr(opened.tokenizer, baseline) or opened.tokenizer.pad_token)
    neutral_id = opened.tokenizer.convert_tokens_to_ids(neutral_token)
    neutral_ids = torch.where(is_special.to(ids.device), ids, neutral_id)
    embed = opened.model.get_input_embeddings()
    with torch.no_grad():
        own = embed(ids)  # (1, positions, hidden)
        neutral = embed(neutral_ids)
        whole = opened.model(input_ids=ids, **inputs).logits[0]
    checked_logits(whole.tolist())
    labels = opened.labels
    followed = 1 if len(labels) == 2 else int(whole.argmax())

    def score_of(logits: Tensor) -> Tensor:
        """(rows, labels) -> (rows,)"""
        others = (logits.sum(-1) - logits[:, followed]) / (logits.shape[-1] - 1)
        return logits[:, followed] - others

    def forward(embeddings: Tensor, rest: dict[str, Tensor]) -> Tensor:
        """(rows, positions, hidden) -> (rows,)"""
        rows = len(embeddings)
        expanded = {name: each.expand(rows, *each.shape[1:]) for name, each in rest.items()}
        return score_of(opened.model(inputs_embeds=embeddings, **expanded).logits)

    work = 3 * forward_work(opened, ids.shape[1])  # forward and back
    check_work(checkpoint, work * STEPS[0])
    try:
        with torch.no_grad():
            ends = [float(forward(each, inputs)) for each in (own, neutral)]
    except (NotImplementedError, TypeError, ValueError) as error:
        raise InputError(
            say(
                "{name} doesn't read embeddings in place of ids (inputs_embeds), which this needs. "
                "Choose another model.",
                name=checkpoint[:80],
            )
        ) from error
    by_token, steps = _integrated(forward, own, neutral, inputs, ends[0] - ends[1], work)
    left_out = _left_out(opened, pair, max_length, score_of, float(score_of(whole[None])), settings)
    tokens = token_view(opened.tokenizer, *pair, max_length).tokens
    words: list[WordMoved] = []
    for word in words_to_leave_out(pair, settings):
        of_word = [
            by_token[token.position]
            for token in tokens
            if token.sentence == word.sentence
            and token.start is not None
            and token.end is not None
            and token.start < word.end
            and token.end > word.start
        ]
        share = sum(of_word) if of_word else None
        words.append(WordMoved(word.word, word.sentence, share, left_out[len(words)]))
    return Attributions(
        pair,
        labels[followed],
        labels[1 - followed] if len(labels) == 2 else None,
        ends[0],
        ends[1],
        neutral_token,
        steps,
        tuple(
            TokenMoved(token.piece, token.sentence, share)
            for token, share in zip(tokens, by_token, strict=True)
        ),
        tuple(words),
        agreement_of(words),
        opened.origin,
    )


def _integrated(
    forward: Callable[..., Tensor],
    own: Tensor,
    neutral: Tensor,
    inputs: dict[str, Tensor],
    difference: float,
    work: float,
) -> tuple[list[float], int]:
    """([attribution of each position], steps): captum's integrated gradients, with more steps until
    their sum is near enough.
    """
    import_captum()
    from captum.attr import IntegratedGradients

    positions = own.shape[1]
    method = IntegratedGradients(forward)
    done, by_token, steps = 0, [0.0] * positions, 0
    for steps in STEPS:
        # captum would repeat each tensor among the other inputs, but hands on a dict as it is
        by_number = method.attribute(
            own,
            neutral,
            additional_forward_args=(inputs,),
            n_steps=steps,
            internal_batch_size=max(1, CELLS_AT_ONCE // positions),
        )  # (1, positions, hidden)
        by_token = by_number[0].sum(-1).tolist()
        done += steps
        near = abs(sum(by_token) - difference) <= NEAR_ENOUGH * abs(difference)
        if near or (done + 2 * steps) * work > MOST_WORK:
            break
    return by_token, steps


def _left_out(
    opened: Loaded,
    pair: Pair,
    max_length: int,
    score_of: Callable[[Tensor], Tensor],
    score: float,
    settings: Settings,
) -> list[float | None]:
    """For each word the score minus that without it; None where nothing would be left."""
    import torch

    shorter = [shortened(pair, word) for word in words_to_leave_out(pair, settings)]
    possible = [
        number
        for number, changed in enumerate(shorter)
        if not any(is_blank(sentence) for sentence in changed if sentence is not None)
    ]
    found: list[float | None] = [None] * len(shorter)
    rows = 16
    for start in range(0, len(possible), rows):
        part = possible[start : start + rows]
        batch = encoded(opened, [shorter[number] for number in part], max_length, settings)
        with torch.no_grad():
            scores = score_of(opened.model(**batch.tensors).logits).tolist()
        for number, without_it in zip(part, scores, strict=True):
            found[number] = score - without_it
    return found


FEWEST_WORDS = 4  # a rank correlation of fewer says nothing


def agreement_of(words: list[WordMoved]) -> float | None:
    """Spearman's rank correlation of both methods, -1 to 1, over the words that both judge; None
    for fewer than FEWEST_WORDS, or where one method gives all words the same.
    """
    both = [
        (word.attribution, word.left_out)
        for word in words
        if word.attribution is not None and word.left_out is not None
    ]
    if len(both) < FEWEST_WORDS or any(len(set(column)) < 2 for column in zip(*both, strict=True)):
        return None
    from scipy.stats import spearmanr

    return float(spearmanr(*zip(*both, strict=True)).statistic)
