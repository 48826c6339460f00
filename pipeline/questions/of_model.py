"""Questions about what happens between the batch and the logits, for the Model tab."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from languages import say, say_plural
from pipeline.hub.isolated import ask
from pipeline.inside.forward import Pair, encoded, loaded
from pipeline.questions.question import Choice, Question, asked
from pipeline.settings import Settings


@dataclass(frozen=True)
class Looked:
    """The pair and the model that the tab shows.

    pieces: the pair's tokens. hidden: numbers of a token between two layers. labels: how many.
    rows_on: the positions whose rows of the last layer the logits depend on. head: parameters of
    the last Linear layer, 0 where it doesn't read such a row. pad_token: as the tokenizer calls it.
    """

    pieces: tuple[str, ...]
    layers: int
    heads: int
    hidden: int
    labels: int
    rows_on: tuple[int, ...]
    head: int
    pad_token: str

    @property
    def tokens(self) -> int:
        """How many tokens the pair has."""
        return len(self.pieces)


def looked(checkpoint: str, pair: Pair, settings: Settings) -> Looked:
    """What the questions need of a visitor's pair and model. Raises InputError for a pair or a
    checkpoint that can't be taken.
    """
    return ask(checkpoint, _looked, pair, weights=True, settings=settings)


def _looked(checkpoint: str, pair: Pair, *, settings: Settings) -> Looked:
    """`looked` where the checkpoint may be opened."""
    import torch

    opened = loaded(checkpoint, settings)
    batch = encoded(opened, [pair], settings.max_length, settings)
    config = opened.model.config
    linear = [part for part in opened.model.modules() if isinstance(part, torch.nn.Linear)]
    hidden = getattr(config, "hidden_size", 0)
    last = [part for part in linear if part.out_features == config.num_labels][-1:]
    fits = bool(last) and last[0].in_features == hidden and last[0].bias is not None
    result = opened.model(**batch.tensors, output_hidden_states=True)
    states = result.hidden_states or ()
    # Which rows of the last layer the logits depend on: those with a gradient
    moved = []
    if states:
        # The first logit alone: a sum of all may not change with a row
        (gradient,) = torch.autograd.grad(result.logits[0, 0], states[-1], allow_unused=True)
        if gradient is not None:
            moved = gradient[0].abs().sum(-1).nonzero().flatten().tolist()
    return Looked(
        tuple(batch.pieces[0]),
        len(opened.layers or ()),
        getattr(config, "num_attention_heads", 0) or 0,
        hidden,
        config.num_labels,
        tuple(moved),
        sum(each.numel() for each in last[0].parameters()) if fits else 0,
        str(opened.tokenizer.pad_token),
    )


def _shape(*sizes: int) -> str:
    return f"({', '.join(map(str, sizes))})"


def attention_shape(shown: Looked, chance: Random) -> Question | None:
    """The shape of one layer's attention weights."""
    tokens, heads, hidden = shown.tokens, shown.heads, shown.hidden
    if not heads or not shown.layers:
        return None
    right = Choice(
        _shape(1, heads, tokens, tokens),
        say(
            "One pair, {heads} heads, and in each a weight for every token that looks ({tokens}) "
            "at every token ({tokens}).",
            heads=heads,
            tokens=tokens,
        ),
    )
    wrong = [
        Choice(
            _shape(1, tokens, hidden),
            say(
                "That is what goes into the layer and comes out of it: {hidden} numbers a token. "
                "Weights are between two tokens.",
                hidden=hidden,
            ),
        ),
        Choice(
            _shape(1, heads, tokens, hidden // heads),
            say(
                "Those are the queries, or the keys, or the values: each head has {hidden} / "
                "{heads} = {size} numbers a token.",
                hidden=hidden,
                heads=heads,
                size=hidden // heads,
            ),
        ),
        Choice(
            _shape(1, tokens, tokens),
            say("That is one head. Each of the {heads} heads has weights of its own.", heads=heads),
        ),
    ]
    text = say(
        "Your pair has {tokens} tokens, and the model {heads} heads a layer. Which shape do the "
        "attention weights of one layer have?",
        tokens=tokens,
        heads=heads,
    )
    return asked(text, right, wrong, chance)


def weights_of_a_head(shown: Looked, chance: Random) -> Question | None:
    """What all weights of one head add up to."""
    import torch

    tokens = shown.tokens
    if not shown.heads or not shown.layers:
        return None
    total = round(float(torch.zeros(tokens, tokens).softmax(-1).sum()))
    right = Choice(
        f"{total}",
        say("Softmax makes each row sum to 1, and there are {tokens} rows.", tokens=tokens),
    )
    wrong = [
        Choice(
            "1", say("That is one row: softmax goes along each row, not over the whole square.")
        ),
        Choice(
            f"{tokens * tokens}",
            say("That is the number of weights. Each is a share between 0 and 1."),
        ),
        Choice(f"{shown.heads}", say("That is the number of heads. The question is about one.")),
    ]
    text = say(
        "One head has {tokens} × {tokens} attention weights for your pair. What do they all add "
        "up to?",
        tokens=tokens,
    )
    return asked(text, right, wrong, chance)


def masked_columns(shown: Looked, chance: Random) -> Question | None:
    """What attention gives to padding."""
    import torch

    tokens, added = shown.tokens, chance.randrange(3, 12)
    if not shown.heads or not shown.layers:
        return None
    # Scores that are all alike, with what the mask adds: the smallest float32
    lowest = torch.finfo(torch.float32).min
    scores = torch.cat([torch.zeros(tokens), torch.full((added,), lowest)])
    held = float(scores.softmax(-1)[-1])
    right = Choice(
        say("exactly {number:g}", number=held),
        say(
            "The mask adds about {lowest:.2g} to these scores before softmax, and e to the power "
            "of that is 0. The other {tokens} weights still sum to 1.",
            lowest=lowest,
            tokens=tokens,
        ),
    )
    wrong = [
        Choice(
            f"{float(torch.zeros(tokens + added).softmax(-1)[-1]):.4f}",
            say(
                "That is 1 / {width}: an even share of all positions, as without a mask.",
                width=tokens + added,
            ),
        ),
        Choice(
            f"{lowest:.2g}",
            say(
                "That is added to the score. Softmax makes a weight of it, which is never below 0."
            ),
        ),
        Choice(
            say("small numbers that differ"),
            say(
                "That would follow if the mask lowered the scores a little. It lowers them so "
                "far that float32 has no smaller weight than 0 for them."
            ),
        ),
    ]
    text = say_plural(
        "Beside a longer pair, yours gets {count} × {pad_token}. What do the attention weights in "
        "that column hold?",
        "Beside a longer pair, yours gets {count} × {pad_token}. What do the attention weights in "
        "those columns hold?",
        added,
        pad_token=shown.pad_token,
    )
    return asked(text, right, wrong, chance)


def row_that_goes_on(shown: Looked, chance: Random) -> Question | None:
    """Which row of the last layer the classifier reads."""
    tokens, hidden = shown.tokens, shown.hidden
    if len(shown.rows_on) != 1 or tokens < 3:
        return None
    at = shown.rows_on[0]
    right = Choice(
        say("the row of {token} at position {at}", token=shown.pieces[at], at=at),
        say(
            "Only this row has a gradient from the logits. Attention has mixed the other tokens "
            "into it, layer by layer."
        ),
    )
    other = tokens - 1 if at != tokens - 1 else 0
    wrong = [
        Choice(
            say("the mean of all {tokens} rows", tokens=tokens),
            say(
                "Some models do that, as sentence embeddings do. In this one the other rows have "
                "no gradient."
            ),
        ),
        Choice(
            say("all {tokens} rows, one after another", tokens=tokens),
            say(
                "The classifier would need {tokens} × {hidden} inputs, and a pair of another "
                "length would not fit.",
                tokens=tokens,
                hidden=hidden,
            ),
        ),
        Choice(
            say("the row of {token} at position {at}", token=shown.pieces[other], at=other),
            say(
                "Models that only read from left to right do that: there the last row alone has "
                "seen all."
            )
            if at == 0
            else say("BERT and its kin do that. This model reads another one."),
        ),
    ]
    text = say(
        "{tokens} rows of {hidden} numbers leave the last layer. What of them goes on to the "
        "classifier?",
        tokens=tokens,
        hidden=hidden,
    )
    return asked(text, right, wrong, chance)


def dropped_numbers(shown: Looked, chance: Random) -> Question | None:
    """How many numbers of a row dropout sets to 0 on average."""
    if not shown.hidden:
        return None
    share = chance.choice((0.1, 0.2, 0.3))
    mode = chance.choice(("train", "eval"))
    in_train, in_eval = _dropped(shown.hidden, share), 0.0
    figures = {"hidden": shown.hidden, "share": share}
    of_train = say("{share:g} × {hidden}: each number is dropped with this probability.", **figures)
    of_eval = say("In eval() Dropout does nothing: model.eval() comes before each prediction.")
    confused_train = say("That is in train(). The question is about eval().")
    confused_eval = say("That is in eval(). The question is about train().")
    trains = mode == "train"
    right = Choice(f"{in_train:g}", of_train) if trains else Choice(f"{in_eval:g}", of_eval)
    wrong = [
        Choice(f"{in_eval:g}", confused_eval)
        if trains
        else Choice(f"{in_train:g}", confused_train),
        Choice(
            f"{shown.hidden - in_train:g}",
            say("So many stay: p is the share that is dropped, not the one that is kept."),
        ),
        Choice(
            f"{shown.hidden}",
            say("All of them dropped would leave nothing to learn from."),
        ),
    ]
    text = say(
        "A row of {hidden} numbers goes through Dropout(p={share:g}) in {mode}(). How many of "
        "them become 0, on average?",
        **figures,
        mode=mode,
    )
    return asked(text, right, wrong, chance)


def _dropped(count: int, share: float) -> float:
    """The mean of torch's own distribution of a mask: how many of so many are dropped."""
    import torch

    return round(float(torch.distributions.Binomial(count, torch.tensor(share)).mean), 1)


def parameters_of_the_head(shown: Looked, chance: Random) -> Question | None:
    """How many parameters the last layer has."""
    if not shown.head:
        return None
    figures = {"hidden": shown.hidden, "labels": shown.labels, "tokens": shown.tokens}
    right = Choice(
        f"{shown.head:,}",
        say("A weight for each of {hidden} × {labels}, and a bias for each label.", **figures),
    )
    wrong = [
        Choice(
            f"{shown.hidden * shown.labels:,}",
            say("The biases are parameters, too: one for each of the {labels} labels.", **figures),
        ),
        Choice(
            f"{shown.tokens * shown.hidden * shown.labels + shown.labels:,}",
            say(
                "It doesn't read all {tokens} tokens but one row: its size doesn't depend on the "
                "pair.",
                **figures,
            ),
        ),
        Choice(
            f"{shown.hidden * shown.hidden + shown.hidden:,}",
            say("That is a layer from {hidden} to {hidden} numbers, as the pooler.", **figures),
        ),
    ]
    text = say(
        "The last Linear layer makes {labels} logits of a row of {hidden} numbers. How many "
        "parameters does it have, biases included?",
        **figures,
    )
    return asked(text, right, wrong, chance)


QUESTIONS = (
    attention_shape,
    row_that_goes_on,
    masked_columns,
    dropped_numbers,
    parameters_of_the_head,
    weights_of_a_head,
)
