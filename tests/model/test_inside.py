"""A pair's way through the model, against PyTorch's own functions on the bare weights."""

import math
import re
import threading
from functools import cache

import pytest
import torch
from torch.nn import functional

from pipeline.errors import InputError
from pipeline.inside import by_hand
from pipeline.inside.calls import recorded
from pipeline.inside.forward import encoded, loaded
from pipeline.inside.layer_answers import layer_answers
from pipeline.inside.way_through import way_through
from pipeline.model import load_model
from pipeline.prediction import predict
from pipeline.settings import READY, Settings
from tests.conftest import in_cache
from tests.support.families import FAMILIES

PAIR = ("Shares of Acme rose 12 cents.", "Acme stock was up 12 cents.")
ENCODERS = ("deberta-v2", "distilbert", "electra", "modernbert", "mpnet", "roberta", "xlm-roberta")
QUICK = ("modernbert", "roberta")


@pytest.fixture(scope="module")
def way():
    return way_through(READY, PAIR, token=3, label=1, settings=Settings())


@cache
def tiny(kind, **changes):
    """The id of a tiny checkpoint of that family."""
    name = f"tiny-inside/{kind}{len(changes)}"
    FAMILIES[kind](in_cache(name), **changes)
    return name


def part(way, name):
    return next(each for each in way.parts if each.name == name)


# ---------------------------------------------------------------- BERT, from its weights alone


def bert(weights, ids, types, heads, layers):
    """BERT's hidden states and logits by torch.nn.functional. ids, types (1, positions)."""

    def linear(name, x):
        return functional.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def norm(name, x):
        weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return functional.layer_norm(x, x.shape[-1:], weight, bias, 1e-12)

    def in_heads(x):
        return x.view(1, -1, heads, x.shape[-1] // heads).transpose(1, 2)

    begin = "bert.embeddings"
    x = weights[f"{begin}.word_embeddings.weight"][ids]
    x = x + weights[f"{begin}.token_type_embeddings.weight"][types]
    x = x + weights[f"{begin}.position_embeddings.weight"][: ids.shape[1]]
    states = [norm(f"{begin}.LayerNorm", x)]
    for number in range(layers):
        layer, x = f"bert.encoder.layer.{number}", states[-1]
        parts = [in_heads(linear(f"{layer}.attention.self.{name}", x)) for name in QKV]
        mixed = functional.scaled_dot_product_attention(*parts).transpose(1, 2).flatten(2)
        mixed = linear(f"{layer}.attention.output.dense", mixed)
        x = norm(f"{layer}.attention.output.LayerNorm", x + mixed)
        wide = functional.gelu(linear(f"{layer}.intermediate.dense", x))
        x = norm(f"{layer}.output.LayerNorm", x + linear(f"{layer}.output.dense", wide))
        states.append(x)
    pooled = linear("bert.pooler.dense", states[-1][:, 0]).tanh()
    return states, linear("classifier", pooled)


QKV = ("query", "key", "value")


def test_it_is_what_bare_pytorch_computes(way):
    model, _ = load_model(READY, settings=Settings())
    weights = {name: value.detach() for name, value in model.named_parameters()}
    ids = torch.tensor([way.ids])
    types = torch.tensor([[1 if which == 1 else 0 for which in way.sentences]])
    types[0, -1] = 1  # the last separator is of the second sentence
    states, logits = bert(weights, ids, types, way.heads, way.layers)
    assert [*way.logits.values()] == pytest.approx(logits[0].tolist(), abs=1e-5)
    for strip, state in zip(part(way, "row").strips, states, strict=True):
        assert strip == pytest.approx(state[0, 0].tolist(), abs=1e-5)
    assert part(way, "layers").steps[-1].numbers == pytest.approx(
        states[-1][0, 3].tolist(), abs=1e-5
    )
    assert part(way, "embeddings").steps[-1].numbers == pytest.approx(
        states[0][0, 3].tolist(), abs=1e-5
    )
    target = torch.tensor([1])
    assert way.loss == pytest.approx(functional.cross_entropy(logits, target).item(), abs=1e-5)


def test_it_says_so(way):
    assert way.agrees and way.difference < 1e-5
    assert [each.unexplained for each in way.parts] == [()] * len(way.parts)
    assert [each.name for each in way.parts] == [
        "input",
        "embeddings",
        "layers",
        "row",
        "pooler",
        "classifier",
    ]
    steps = [each.kind for each in part(way, "layers").steps]
    assert steps == [
        *("linear", "linear", "linear", "weights", "mixed", "linear", "sum", "norm"),
        *("linear", "gelu", "linear", "sum", "norm"),
    ]


def test_a_formula_that_is_not_the_models_is_noticed(monkeypatch):
    monkeypatch.setitem(by_hand.FUNCTIONS, "gelu", by_hand.gelu_by_tanh)
    other = way_through(READY, PAIR, settings=Settings())
    assert not other.agrees and not part(other, "layers").agrees
    assert part(other, "embeddings").agrees and part(other, "pooler").agrees


def test_the_parameters_add_up(way):
    model, _ = load_model(READY, settings=Settings())
    own = {
        "embeddings": model.bert.embeddings,
        "layers": model.bert.encoder,
        "pooler": model.bert.pooler,
        "classifier": model.classifier,
    }
    counted = {each.name: each.parameters for each in way.parts if each.parameters}
    assert counted == {
        name: sum(parameter.numel() for parameter in module.parameters())
        for name, module in own.items()
    }
    assert sum(counted.values()) == way.parameters == model.num_parameters()


def test_it_ends_in_the_logits_of_predict(way):
    predictions, _ = predict(READY, [PAIR], settings=Settings())
    assert way.predicted == predictions[0].logits
    rounding = 0.02 if way.in_bf16 else 1e-5
    assert [*way.logits.values()] == pytest.approx([*way.predicted.values()], abs=rounding)


def value_of(formula):
    """The left side of a written formula, computed."""
    text = formula.replace("−", "-").replace("·", "*").replace("√", "sqrt").replace("[", "(")
    names = {"sqrt": math.sqrt, "exp": math.exp, "tanh": math.tanh, "ln": math.log}
    names["Φ"] = lambda x: 0.5 * (1 + math.erf(x / 2**0.5))
    return eval(text, {"__builtins__": {}}, names)


def test_the_written_formulas_are_true(way):
    written = [each.worked for each in (step for part in way.parts for step in part.steps)]
    whole = [each.rpartition(" = ") for each in written if "…" not in each and " = " in each]
    whole = [(left.rpartition(" = ")[2], right) for left, _equals, right in whole]
    checked = 0
    for left, right in whole:
        if not re.search(r"[xy\[W]", left):
            checked += 1
            assert value_of(left) == pytest.approx(value_of(right), rel=5e-3, abs=2e-3), left
    assert checked >= 9


# ---------------------------------------------------------------- the families


@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=() if k in QUICK else pytest.mark.slow) for k in ENCODERS]
)
def test_each_family_is_followed(kind):
    name = tiny(kind)
    way = way_through(name, PAIR, label=0, settings=Settings())
    model, _ = load_model(name, settings=Settings())
    assert way.agrees and way.parameters == model.num_parameters()
    assert sum(each.parameters for each in way.parts) == way.parameters
    assert [each.unexplained for each in way.parts] == [()] * len(way.parts)
    batch = encoded(loaded(name, Settings()), [PAIR], 128, Settings())
    with torch.inference_mode():
        own = model(**batch.tensors, labels=torch.tensor([0]))
    assert [*way.logits.values()] == pytest.approx(own.logits[0].tolist(), abs=1e-5)
    assert way.loss == pytest.approx(own.loss.item(), abs=1e-5)
    # Where positions enter the scores, that is said instead of a formula
    kinds = {each.kind for each in part(way, "layers").steps}
    positions = kind in ("deberta-v2", "modernbert", "mpnet")
    assert ("model's weights" if positions else "weights") in kinds


@pytest.mark.parametrize("kind", ["gpt2", pytest.param("bart", marks=pytest.mark.slow), "albert"])
def test_others_are_refused_in_a_sentence(kind):
    with pytest.raises(InputError, match="Choose"):
        way_through(tiny(kind), PAIR, settings=Settings())


@pytest.mark.parametrize("name, value", [("layer", 7), ("layer", 0), ("token", 99), ("label", 2)])
def test_what_is_not_there_is_refused(name, value):
    with pytest.raises(InputError, match=name):
        way_through(READY, PAIR, settings=Settings(), **{name: value})


def test_others_who_ask_the_same_model_are_not_heard():
    opened = loaded(READY, Settings())
    batch = encoded(opened, [PAIR], 128, Settings())
    with torch.inference_mode(), recorded(opened.model) as calls:
        other = threading.Thread(target=lambda: opened.model(**batch.tensors))
        other.start()
        other.join()
        assert calls == []
        opened.model(**batch.tensors)
    assert len(calls) == 75
    assert not any(
        module._forward_hooks for module in opened.model.modules() if not module._modules
    )


# ---------------------------------------------------------------- the answer, layer by layer

OTHER = ("A cat was sitting.", "A cat sat.")


def test_the_last_layers_answer_is_the_models_and_the_others_are_the_heads():
    found = layer_answers(READY, PAIR, OTHER, settings=Settings())
    model, _ = load_model(READY, settings=Settings())
    opened = loaded(READY, Settings())
    with torch.inference_mode():
        one, other = (
            model(**encoded(opened, [pair], 128, Settings()).tensors, output_hidden_states=True)
            for pair in (PAIR, OTHER)
        )
        for answer, hidden, others in zip(
            found.answers, one.hidden_states, other.hidden_states, strict=True
        ):
            logits = model.classifier(model.bert.pooler(hidden))[0]
            assert [*answer.logits.values()] == pytest.approx(logits.tolist(), abs=1e-5)
            alike = functional.cosine_similarity(hidden[0, 0], others[0, 0], 0).item()
            assert answer.cosine == pytest.approx(alike, abs=1e-5)
    assert [*found.answers[-1].logits.values()] == pytest.approx(one.logits[0].tolist(), abs=1e-5)


def test_before_the_first_layer_every_pair_has_one_answer():
    here, there = (layer_answers(READY, pair, OTHER, settings=Settings()) for pair in (PAIR, OTHER))
    first = [*here.answers[0].logits.values()]
    assert first == pytest.approx([*there.answers[0].logits.values()], abs=1e-6)
    assert [each.cosine for each in there.answers] == pytest.approx([1] * 7, abs=1e-6)
    assert here.answers[-1].cosine < 0.999


@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=() if k in QUICK else pytest.mark.slow) for k in ENCODERS]
)
def test_each_familys_head_answers_after_each_layer(kind):
    name = tiny(kind)
    found = layer_answers(name, PAIR, OTHER, settings=Settings())
    model, _ = load_model(name, settings=Settings())
    with torch.inference_mode():
        batch = encoded(loaded(name, Settings()), [PAIR], 128, Settings())
        logits = model(**batch.tensors).logits[0].tolist()
    assert [*found.answers[-1].logits.values()] == pytest.approx(logits, abs=1e-5)
    assert len({str(each.logits) for each in found.answers}) == len(found.answers)


def test_a_head_that_reads_the_mean_of_all_rows_is_followed_too():
    name = tiny("modernbert", classifier_pooling="mean")
    way = way_through(name, PAIR, settings=Settings())
    assert way.agrees and [step.kind for step in part(way, "row").steps] == ["mean"]
    found = layer_answers(name, PAIR, OTHER, settings=Settings())
    last = [*found.answers[-1].logits.values()]
    assert last == pytest.approx([*way.logits.values()], abs=1e-5)
