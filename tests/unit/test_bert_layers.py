"""BERT's own layers in Play, forward, against bare PyTorch and a calculator."""

import contextlib
import io
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from layers import play
from layers.play.attention import attention_mask
from layers.play.backward import exact
from tests.support.calculator import holds

sizes = st.integers(1, 5)
places = st.tuples(st.integers(0, 4), st.integers(0, 4))


def output_of(made):
    """Its output, after a look at what goes with it: the lines hold, one is of the output's number."""
    output = exact(made.steps[-1].values)
    assert list(made.steps[-1].looked_at) == [made.at]
    for _name, line in made.lines:
        if line.endswith("∞"):
            continue
        holds(line)
    results = [line.replace("−", "-").rsplit(" ", 1)[-1] for _name, line in made.lines]
    shown = [float(one) for one in results if "∞" not in one]
    assert any(one == pytest.approx(output[made.at].item(), abs=1e-4) for one in shown)
    return output


def same(ours, bare):
    torch.testing.assert_close(ours, bare.detach(), rtol=1e-6, atol=1e-6)


def filled(module, layer):
    """A module of torch.nn with the layer's parameters."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(layer.leaves[name])
    return module


@given(sizes, sizes, sizes, st.booleans(), st.integers(0, 20), places)
def test_linear_is_nn_linear(rows, ins, outs, bias, seed, at):
    made = play.linear(rows, ins, outs, bias, seed, at)
    module = filled(nn.Linear(ins, outs, bias, dtype=torch.float64), made.layer)
    same(output_of(made), module(made.layer.leaves["input"]))
    assert eval(made.code, {"nn": nn}).weight.shape == module.weight.shape
    parameters = sum(parameter.numel() for parameter in module.parameters())
    assert f"; {parameters} parameter" in made.notes[0]


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=8),
    sizes,
    st.sampled_from([None, 0, 3]),
    st.integers(0, 20),
    places,
)
def test_embedding_is_nn_embedding(ids, dim, padding_idx, seed, at):
    made = play.embedding(ids, 6, dim, padding_idx, seed, at)
    module = nn.Embedding(6, dim, padding_idx, dtype=torch.float64)
    same(output_of(made), filled(module, made.layer)(torch.tensor(ids)))
    assert padding_idx is None or not made.layer.leaves["weight"][padding_idx].any()


def test_an_embeddings_gradient_adds_up_for_an_id_that_comes_twice_and_spares_padding():
    made = play.backward(
        play.embedding([2, 3, 1, 3, 0], 5, 2, padding_idx=0).layer, "sum", (), (0, 3)
    )
    assert made.gradients["weight"] == [[0, 0], [1, 1], [1, 1], [2, 2], [0, 0]]
    assert made.line == "1·1 + 1·1 = 2" and [term.place for term in made.terms] == [(1, 0), (3, 0)]


@given(
    st.integers(2, 5),
    st.integers(2, 6),
    st.sampled_from([1e-12, 1e-5, 0.1, 1.0]),
    st.sampled_from([-2.0, 1.0, 0.5]),
    st.integers(0, 20),
    places,
)
def test_layer_norm_is_nn_layer_norm_beside_batch_norm(rows, features, eps, gamma, seed, at):
    made = play.layer_norm(rows, features, eps, gamma, 1.5, seed, at)
    layer, batch = nn.LayerNorm(features, eps), nn.BatchNorm1d(features, eps)
    input = made.layer.leaves["input"]
    for module in (layer, batch):
        filled(module.double(), made.layer)
    varied = input.var(1, unbiased=False).min() > 1e-6, input.var(0, unbiased=False).min() > 1e-6
    if varied[0] and varied[1]:
        same(output_of(made), layer(input))
        same(exact(made.beside[0][-1].values), batch(input))
    statistics = exact(made.steps[1].values)
    same(statistics[:, 0], input.mean(1))
    # One look says which numbers share a mean: a row here, a column there
    assert {place[0] for place in made.steps[0].looked_at} == {made.at[0]}
    assert {place[1] for place in made.beside[0][0].looked_at} == {made.at[1]}


def test_a_single_row_has_no_batch_to_normalize_over():
    assert play.layer_norm(1, 4).beside == []


@given(
    st.sampled_from(list(play.ACTIVATIONS)),
    st.sampled_from([-5.0, -2.5, 0.0]),
    st.sampled_from([0.5, 3.0]),
    st.integers(2, 9),
    places,
)
def test_activations_are_torchs(name, low, high, count, at):
    made = play.activation(name, low, high, count, at)
    bare = {"GELU": nn.GELU(), "GELU, tanh": nn.GELU("tanh"), "ReLU": nn.ReLU()}
    input = made.layer.leaves["input"]
    same(output_of(made), bare[name](input))
    assert input[0] == low and input[-1] == high
    for step in made.beside[0]:
        same(exact(step.values), bare[step.title](input))


@given(
    sizes,
    st.integers(2, 6),
    st.sampled_from([0.1, 0.5, 1.0, 3.0]),
    st.integers(0, 1),
    st.integers(0, 20),
    places,
)
def test_softmax_is_torchs(rows, columns, temperature, masked, seed, at):
    made = play.softmax(rows, columns, temperature, masked, seed, at)
    scores = made.layer.leaves["input"] / temperature
    scores[:, columns - masked :] = -math.inf
    output = output_of(made)
    same(output, nn.Softmax(dim=-1)(scores))
    same(output.sum(1), torch.ones(rows, dtype=torch.float64))
    assert not output[:, columns - masked :].any()


@given(sizes, st.integers(1, 4), st.integers(0, 2), st.booleans(), st.integers(0, 20), places)
def test_attention_is_torchs(positions, size, padded, causal, seed, at):
    padded = min(padded, positions - 1)
    made = play.attention(positions, size, padded, causal, seed, at)
    leaves = made.layer.leaves.values()
    may_look = torch.ones(positions, positions, dtype=torch.bool)
    may_look[:, positions - padded :] = False
    may_look &= torch.ones(positions, positions).tril().bool() if causal else may_look
    output = output_of(made)
    same(output, F.scaled_dot_product_attention(*leaves, attn_mask=may_look))
    assert torch.equal(attention_mask(positions, padded, causal) == 0, may_look)
    weights = exact(made.steps[3].values)
    assert not weights[~may_look].any()


@pytest.mark.parametrize(
    "made",
    [
        play.linear(),
        play.embedding([1, 1, 0], padding_idx=0),
        play.layer_norm(),
        play.activation("GELU, tanh"),
        play.softmax(masked=2, temperature=0.5),
        play.attention(4, 3, 1, True),
    ],
    ids=lambda made: made.code,
)
def test_the_script_prints_the_same_output(made):
    names, said = {}, io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(made.script, made.code, "exec"), names)
    same(exact(made.steps[-1].values), names["output"])
    assert said.getvalue().count("tensor(") == 2


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: play.embedding([7], 6), "ids contain 7, but the table has 6 rows"),
        (lambda: play.embedding([0.5], 6), "ids contain 0.5"),
        (lambda: play.embedding([1] * 9, 6), "Give 1 to 8"),
        (lambda: play.embedding([1], 99), "num_embeddings is 99"),
        (lambda: play.linear(99), "rows is 99"),
        (lambda: play.activation("SiLU"), "layer is 'SiLU'. Choose one of GELU"),
        (lambda: play.activation("ReLU", 2, 1), "from 2 to 1. Choose a lower"),
        (lambda: play.softmax(temperature=0), "temperature is 0"),
        (lambda: play.softmax(2, 3, masked=3), "masked is 3. Choose a whole number from 0 to 2"),
        (lambda: play.attention(3, padded=3), "padded is 3"),
    ],
)
def test_what_is_impossible_says_why(build, message):
    with pytest.raises(ValueError, match=message):
        build()
