"""A pair's way through the model: each part with its shape, its parameters, its numbers.

>>> pair = ("A cat sat.", "A cat was sitting.")
>>> way = way_through("adapter:paraphrase", pair, settings=Settings())
>>> [(part.name, part.shape, part.parameters) for part in way.parts][1:3]
[('embeddings', (1, 12, 384), 11918592), ('layers', (1, 12, 384), 10646784)]
>>> sum(part.parameters for part in way.parts) == way.parameters, way.agrees
(True, True)

No architecture is named here: each module without parts of its own is heard (calls.py), computed
again from its weights (by_hand.py), and what stands between two of them is found by its numbers.
Where nothing fits, the step is missing and `unexplained` says after which module.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from languages import say
from pipeline.errors import InputError
from pipeline.hub.checkpoint_rules import CAUSAL
from pipeline.hub.isolated import ask
from pipeline.inside.by_hand import (
    MOST_NUMBERS,
    Step,
    attention_steps,
    between,
    number,
    step,
    worked_out,
)
from pipeline.inside.calls import Call, first_of, heard, recorded
from pipeline.inside.forward import Encoded, Loaded, Pair, encoded, loaded
from pipeline.prediction import predict
from pipeline.settings import Settings, has_gpu, whole_number
from pipeline.training import has_fast_bf16

if TYPE_CHECKING:  # importing torch takes seconds
    from torch import Tensor
    from torch.nn import ModuleList

    from pipeline.hub.sources import Origin

# Embeddings before the layers, what the head makes of one row after them
NAMES = {
    "input": say("input"),
    "embeddings": say("embeddings"),
    "layers": say("layers"),
    "row": say("the first row"),
    "pooler": say("pooler"),
    "classifier": say("classifier"),
    "rest": say("not on the way"),
}
DOES = {
    "embedding": say("a row of a table, looked up by its number"),
    "linear": say("W·x + b: each number of the result weighs all numbers of x"),
    "norm": say("mean 0 and variance 1 for each token, then times γ plus β"),
    "dropout": say("drops a share p in train(); in eval() nothing happens"),
    "gelu": say("x · Φ(x): lets large numbers through, small ones in part"),
    "gelu by tanh": say("x · Φ(x), approximated by tanh"),
    "tanh": say("squeezes each number between −1 and 1"),
    "relu": say("negative numbers become 0"),
    "sum": say("added, number by number"),
    "weights": say("how much a token takes of each token; the sum of a row is 1"),
    "model's weights": say(
        "the model's own weights. Positions enter its scores (rotary or relative), which isn't "
        "worked out here."
    ),
    "mixed": say("the values of all tokens, mixed by these weights"),
    "row": say("the first token's row alone goes on; the others are left behind"),
    "mean": say("the mean of all rows goes on"),
    "gate": say("the activated half times the other half"),
    "half": say("the first half of the numbers"),
    "softmax": say("logits to probabilities that sum to 1"),
    "loss": say("−ln of the probability of the right label: 0 where the model is sure and right"),
}


@dataclass(frozen=True)
class Part:
    """A station of the way. Its steps are those of the chosen layer and token."""

    name: str  # a key of NAMES
    shape: tuple[int, ...]  # of what goes on from here
    parameters: int
    numbers: tuple[float, ...]  # the first token's first, of what goes on from here
    steps: tuple[Step, ...] = ()
    unexplained: tuple[str, ...] = ()  # before which modules something isn't worked out
    difference: float = 0.0  # the largest of all its steps, those of all layers included
    agrees: bool = True
    strips: tuple[tuple[float, ...], ...] = ()  # the first row before and after each layer


@dataclass(frozen=True)
class WayThrough:
    """All that is drawn of one pair's way."""

    origin: Origin
    pieces: tuple[str, ...]
    ids: tuple[int, ...]
    sentences: tuple[int | None, ...]  # of each token: 0, 1, or None for a special one
    parts: tuple[Part, ...]
    parameters: int
    layers: int
    heads: int
    layer: int  # the one whose steps are shown, from 1
    token: int
    logits: dict[str, float]  # by label
    probabilities: dict[str, float]
    predicted: dict[str, float]  # the logits that Predict shows
    in_bf16: bool  # whether Predict computes in bfloat16 here
    label: int | None  # the right one, where it is told
    loss: float | None

    @property
    def agrees(self) -> bool:
        """Whether all that was computed again is what the model computed."""
        return all(part.agrees for part in self.parts)

    @property
    def difference(self) -> float:
        """The largest between the two."""
        return max(part.difference for part in self.parts)


def way_through(
    checkpoint: str,
    pair: Pair,
    max_length: int = 128,
    layer: Any = None,
    token: Any = 0,
    label: Any = None,
    *,
    settings: Settings,
) -> WayThrough:
    """The pair's way through the checkpoint's classifier, in float32.

    layer: whose steps are shown, from 1 (default: the last); token: whose numbers, by position.
    label: the right one, by its number. Raises InputError where one of them isn't there, and for a
    model that is no encoder with a plain list of layers.
    """
    way = ask(
        checkpoint,
        _way_through,
        pair,
        max_length,
        layer,
        token,
        label,
        weights=True,
        settings=settings,
    )
    predictions, _origin = predict(checkpoint, [pair], max_length, settings=settings)
    return WayThrough(**way, predicted=predictions[0].logits, in_bf16=predicts_in_bf16())


def predicts_in_bf16() -> bool:
    """Whether Predict computes in bfloat16 on this processor (pipeline/serving.py)."""
    return not has_gpu() and has_fast_bf16(on_gpu=False)


def encoder_layers(opened: Loaded) -> ModuleList:
    """The encoder's layers in order. Raises InputError for a model whose inside is not shown here,
    which is no encoder or has no plain list of them.
    """
    config, name = opened.model.config, opened.origin.loaded
    if config.is_encoder_decoder or config.model_type in CAUSAL:
        kind = say("an encoder-decoder") if config.is_encoder_decoder else say("a decoder")
        raise InputError(
            say(
                "{name} is {kind}; this tab follows encoders such as BERT, whose tokens all see "
                "each other. Choose one of those.",
                name=name,
                kind=kind,
            )
        )
    if opened.layers is None or config.model_type == "xlnet":
        raise InputError(
            say(
                "{name} ({architecture}) has no plain list of layers that could be followed one "
                "by one. Choose a model such as bert, distilbert, roberta, electra, modernbert "
                "or deberta-v2.",
                name=name,
                architecture=config.model_type,
            )
        )
    return opened.layers


@dataclass(frozen=True)
class Walk:
    """What one forward pass left behind."""

    calls: list[Call]
    entered: list[Tensor]  # what each layer was given (1, positions, width)
    left: list[Tensor]  # what each layer gave
    attentions: Sequence[Tensor]  # (1, heads, positions, positions) a layer; () without
    logits: Tensor  # (1, labels)


def walked(opened: Loaded, batch: Encoded) -> Walk:
    """One forward pass, heard."""
    import torch

    entered: list[Tensor] = []
    left: list[Tensor] = []

    def note(_layer, given, gave):
        entered.append(given[0])
        left.append(first_of(gave))

    with torch.inference_mode(), ExitStack() as stack:
        calls = stack.enter_context(recorded(opened.model))
        for layer in encoder_layers(opened):
            stack.enter_context(heard(layer, note))
        answer = opened.model(**batch.tensors, output_attentions=True)
    return Walk(calls, entered, left, answer.attentions or (), answer.logits)


def _way_through(checkpoint, pair, max_length, layer, token, label, settings):
    """`way_through` where the checkpoint may be opened, as keywords of a WayThrough."""
    import torch

    opened = loaded(checkpoint, settings)
    encoder_layers(opened)  # before anything is computed
    batch = encoded(opened, [pair], max_length, settings)
    with torch.inference_mode():
        return _followed(opened, batch, layer, token, label)


def _followed(opened, batch, layer, token, label):
    positions, count = len(batch.pieces[0]), len(opened.layers)
    layer = whole_number("layer", count if layer is None else layer, 1, count)
    token = whole_number("token", token, 0, positions - 1)
    labels = opened.labels
    if label is not None:
        label = whole_number("label", label, 0, len(labels) - 1)
    walk = walked(opened, batch)
    probabilities = walk.logits[0].double().softmax(-1).tolist()
    return {
        "origin": opened.origin,
        "pieces": tuple(batch.pieces[0]),
        "ids": tuple(batch.tensors["input_ids"][0].tolist()),
        "sentences": tuple(batch.sentences[0]),
        "parts": tuple(_parts(opened, batch, walk, layer, token, label)),
        "parameters": opened.parameters,
        "layers": count,
        "heads": walk.attentions[0].shape[1] if walk.attentions else 0,
        "layer": layer,
        "token": token,
        "logits": dict(zip(labels, walk.logits[0].tolist(), strict=True)),
        "probabilities": dict(zip(labels, probabilities, strict=True)),
        "label": label,
        "loss": None if label is None else _loss(walk.logits, label).item(),
    }


def _loss(logits, label):
    return logits[0].logsumexp(-1) - logits[0, label]


# ---------------------------------------------------------------- the parts


def _parts(opened, batch, walk, layer, token, label):
    """The parts in order. What a part needs of the model's structure is in _Structure."""
    structure = _Structure(opened, walk.calls)
    shape = batch.tensors["input_ids"].shape
    start = _section(structure.embeddings, [], token, shape)
    inside = [
        _section(calls, [("x", entered)], token, shape, attention, left)
        for calls, entered, left, attention in zip(
            structure.layers,
            walk.entered,
            walk.left,
            walk.attentions or [None] * len(walk.left),
            strict=True,
        )
    ]
    after, row, pooler, classifier = _head(
        _section(structure.after, [("x", walk.left[-1])], token, shape)
    )
    counts = structure.parameters()
    yield Part("input", tuple(shape), 0, tuple(batch.tensors["input_ids"][0, :6].tolist()))
    yield _part("embeddings", walk.entered[0], counts, start)
    chosen = inside[layer - 1]
    shown = _Section([*chosen.steps, *after.steps], chosen.missing)
    yield _part("layers", walk.left[-1], counts, shown, [*inside, after])
    states = [walk.entered[0], *walk.left]
    strips = tuple(tuple(state[0, 0, :MOST_NUMBERS].tolist()) for state in states)
    yield _part("row", None, counts, row, strips=strips)
    if pooler.steps:
        yield _part("pooler", None, counts, pooler)
    answer = _Section([*classifier.steps, *_answer(walk.logits, label)], classifier.missing)
    yield _part("classifier", walk.logits, counts, answer)
    if counts["rest"]:
        yield Part("rest", (), counts["rest"], ())


@dataclass(frozen=True)
class _Section:
    """Steps that follow one another, and the modules whose input or output is not explained."""

    steps: list[Step]
    missing: list[str]


def _part(name, gave, counts, shown, checked=None, strips=()):
    """A Part. gave: what goes on from it, where its last step doesn't say; shown: the section whose
    steps are kept; checked: those that count for its difference (default: the one that is shown).
    """
    checked = checked or [shown]
    known = [each for section in checked for each in section.steps if each.difference is not None]
    missing = dict.fromkeys(each for section in checked for each in section.missing)
    if gave is None:
        shape, numbers = shown.steps[-1].shape, shown.steps[-1].numbers
    else:
        shape, numbers = tuple(gave.shape), gave.flatten()[:6].tolist()
    return Part(
        name,
        tuple(shape),
        counts[name],
        tuple(numbers[:6]),
        tuple(shown.steps),
        tuple(missing),
        max((each.difference for each in known), default=0.0),
        all(each.agrees for each in known),
        strips,
    )


def _section(calls, known, token, shape, attention=None, end=None):
    """The steps of calls that follow one another. known: (name, tensor) of what they begin with.

    attention: a layer's weights; end: what the layer gave, where that is no call's.
    """
    known, steps, missing, projections = list(known), [], [], []
    prefix = _common_prefix([call.name for call in calls])
    for call in calls:
        if not _follows_tokens(call.given, shape, is_layer=end is not None):
            continue  # of relative positions, or of attention's weights
        name = call.name.removeprefix(prefix)
        if call.given.is_floating_point() and not _is_known(call.given, known):
            found = _before(call.given, known, projections, attention, token)
            steps += found
            missing += [] if found else [name]
            if len(found) > 1:
                attention = None  # a layer attends once
            known += [(each.name, call.given) for each in found[-1:]]
        own = worked_out(call.module, call.given, call.gave, name, token)
        if own and (own.kind != "dropout" or call.given.dim() == 2):
            steps.append(own)
        elif not own and not _is_same(call.given, call.gave):
            missing.append(name)
        if own and own.kind == "linear":
            projections.append(call.gave)
        if not _is_known(call.gave, known):  # dropout gives what it was given
            known.append((name, call.gave))
    if end is not None and not _is_known(end, known):
        found = between(known, end, token)
        steps += [found] if found else []
        missing += [] if found else [say("the layer's end")]
    return _Section(steps, missing)


def _before(given, known, projections, attention, token):
    """The steps by which a call's input comes from what is known; [] where they aren't found.
    projections: what the section's linear layers gave so far.
    """
    if attention is not None and given.dim() == 3:
        joint = [each for each in projections if each.shape[-1] == 3 * given.shape[-1]][:1]
        chosen = joint or [each for each in projections if each.shape == given.shape][:3]
        if len(chosen) in (1, 3):
            found = attention_steps(chosen, attention, given, token)
            if found:
                return found
    found = between(known, given, token) if known else None
    return [found] if found else []


def _is_known(tensor, known):
    return any(_is_same(tensor, each) for _name, each in known)


def _is_same(one, other):
    return one is other or (one.dtype == other.dtype and one.equal(other))


def _follows_tokens(given, shape, is_layer):
    """Whether a tensor has a row for each token of the pair, or is one row of the head."""
    if not given.is_floating_point():
        return given.shape[-1] == shape[-1]
    return given.shape[:2] == shape if given.dim() == 3 else given.dim() == 2 and not is_layer


def _common_prefix(names):
    """What dotted names begin with, up to a dot.

    >>> _common_prefix(["bert.layer.0.a.b", "bert.layer.0.c"]), _common_prefix(["a.b"])
    ('bert.layer.0.', 'a.')
    """
    shared = []
    for parts in zip(*(name.split(".")[:-1] for name in names), strict=False):
        if len({*parts}) > 1:
            break
        shared.append(parts[0])
    return "".join(f"{part}." for part in shared)


def _head(section):
    """The steps after the layers in four: what all rows go through, the row that is taken, what is
    made of it, the last linear layer.
    """
    steps = section.steps
    taken = next((i for i, each in enumerate(steps) if each.kind in ("row", "mean")), 0)
    last = max(i for i, each in enumerate(steps) if each.kind == "linear")
    begins = last - 1 if steps[last - 1].kind == "dropout" else last
    return (
        _Section(steps[:taken], []),
        _Section(steps[taken : taken + 1], []),
        _Section(steps[taken + 1 : begins], section.missing),
        _Section(steps[begins:], []),
    )


def _answer(logits, label):
    """softmax, and the loss where the right label is known."""
    import torch

    exps = (logits - logits.max()).exp()
    shares = exps / exps.sum()
    values = [number(value) for value in logits[0, :4]]
    total = " + ".join(f"exp({value})" for value in values)
    more = " + …" if logits.shape[-1] > len(values) else ""
    worked = f"exp({values[0]}) / ({total}{more}) = {number(shares[0, 0])}"
    yield step("softmax", "softmax", logits.softmax(-1), shares, worked)
    if label is not None:
        loss = -shares[0, label].log()
        real = torch.nn.functional.cross_entropy(logits, torch.tensor([label]).to(logits.device))
        worked = f"−ln({number(shares[0, label])}) = {number(loss)}"
        yield step("loss", "loss", real[None], loss[None], worked)


class _Structure:
    """A walk's calls by the part that they belong to, and where each parameter sits."""

    def __init__(self, opened, calls):
        names = {id(module): name for name, module in opened.model.named_modules()}
        self.model, base = opened.model, names[id(opened.encoder)]
        self.list = f"{names[id(opened.layers)]}."
        # BERT's "encoder" holds the layers; ModernBERT's hang on the model itself
        above = names[id(opened.layers)].rpartition(".")[0]
        self.container = "" if above == base else f"{above}."
        outside = [call for call in calls if not self._is_of_the_layers(call.name)]
        begins = next(i for i, call in enumerate(calls) if call.name.startswith(self.list))
        before = {id(call) for call in calls[:begins]}
        self.embeddings = [call for call in outside if id(call) in before]
        self.after = [call for call in outside if id(call) not in before]
        self.layers = [
            [call for call in calls if call.name.startswith(f"{self.list}{number}.")]
            for number in range(len(opened.layers))
        ]

    def _is_of_the_layers(self, name):
        """A layer's own, or what all of them read, such as DeBERTa's relative positions."""
        return name.startswith(self.list) or bool(
            self.container and name.startswith(self.container)
        )

    def parameters(self):
        """{part: how many}: each parameter is counted once, and in one part."""
        places = {call.name: "embeddings" for call in self.embeddings}
        # ModernBERT's last norm is of all rows; then one row goes through the head
        places |= {
            call.name: "layers" if call.given.dim() == 3 else "pooler" for call in self.after
        }
        linear = [call for call in self.after if hasattr(call.module, "out_features")]
        places[linear[-1].name] = "classifier"
        counts = Counter()
        for name, parameter in self.model.named_parameters():
            owner = name.rpartition(".")[0]
            place = "layers" if self._is_of_the_layers(name) else places.get(owner, "rest")
            counts[place] += parameter.numel()
        return counts
