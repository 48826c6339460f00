"""The backward pass of each layer, against bare PyTorch, a difference quotient, and a calculator."""

import contextlib
import io

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from layers import play
from layers.play.backward import LOSSES, Layer, backward, exact, inside
from tests.support.calculator import holds

PICTURE = play.small_picture(5, 4, 2, seed=3)
BATCH = [play.small_picture(2, 3, 2, seed=n) for n in range(3)]


def conv(mode="zeros", bias=True, **settings):
    return play.convolve(PICTURE, 2, 3, padding_mode=mode, bias=bias, **settings).layer


def bare_conv(mode="zeros", bias=True, **settings):
    m = nn.Conv2d(2, 2, 3, padding_mode=mode, bias=bias, dtype=torch.float64, **settings)
    return lambda input, **parameters: torch.func.functional_call(m, parameters, (input[None],))[0]


DROPPED = play.dropout(torch.arange(1.0, 31).reshape(2, 3, 5).tolist(), 0.4, "Dropout1d", 2)
KEPT = (exact(DROPPED.train_output) != 0).double()
LOGITS = [[2.0, 1.0, -0.5], [0.0, 3.0, 1.0]]

# Of four tokens the last is padding; each looks at itself and those before
ATTENDED = torch.ones(4, 4).tril().bool() & torch.tensor([True, True, True, False])

# name -> (a layer of Play, the same in bare PyTorch)
CASES = {
    "conv": (conv(padding=1, stride=2), bare_conv(padding=1, stride=2)),
    "conv in groups": (conv(groups=2, bias=False), bare_conv(groups=2, bias=False)),
    "conv, mirrored": (conv("reflect", padding=2), bare_conv("reflect", padding=2)),
    "conv, dilated": (conv(padding=2, dilation=2), bare_conv(padding=2, dilation=2)),
    "conv, same": (conv("circular", padding="same"), bare_conv("circular", padding="same")),
    "pad": (
        play.padding_layer(PICTURE, (1, 2), "replicate"),
        lambda input: F.pad(input, (2, 2, 1, 1), "replicate"),
    ),
    "pool": (play.pool(PICTURE, 2, 1).layer, lambda input: F.max_pool2d(input, 2, 1)),
    "pool, padded": (
        play.pool(PICTURE, 3, 2, padding=1, dilation=2, ceil_mode=True).layer,
        nn.MaxPool2d(3, 2, 1, 2, ceil_mode=True),
    ),
    "batch norm": (
        play.batch_norm(BATCH, weight=[2.0], bias=[-1.0]).layer,
        lambda input, weight, bias: torch.func.functional_call(
            nn.BatchNorm2d(2, dtype=torch.float64), {"weight": weight, "bias": bias}, (input,)
        ),
    ),
    "batch norm, not affine": (
        play.batch_norm(BATCH, eps=0.1, affine=False).layer,
        nn.BatchNorm2d(2, eps=0.1, affine=False, dtype=torch.float64),
    ),
    "dropout": (DROPPED.layer, lambda input: input * KEPT / 0.6),
    "dropout of all": (play.dropout([[1.0, 2.0]], 1.0).layer, nn.Dropout(1.0)),
    "l1": (
        play.regression_loss([2.5, 0.0, 2.0], [3.0, -0.5, 2.0], "L1Loss").layer,
        lambda prediction: (prediction - torch.tensor([3.0, -0.5, 2.0])).abs(),
    ),
    "mse": (
        play.regression_loss([[2.5], [0.25]], [[3.0], [-0.5]]).layer,
        lambda prediction: (prediction - torch.tensor([[3.0], [-0.5]])) ** 2,
    ),
    "cross-entropy": (
        play.cross_entropy(LOGITS, [2, 1]).layer,
        lambda prediction: F.cross_entropy(prediction, torch.tensor([2, 1]), reduction="none"),
    ),
    "cross-entropy of probabilities": (
        play.cross_entropy(LOGITS, [[0.5, 0.5, 0], [0, 0.2, 0.8]]).layer,
        lambda prediction: (
            -(torch.tensor([[0.5, 0.5, 0], [0, 0.2, 0.8]]) * prediction.log_softmax(1)).sum(1)
        ),
    ),
    "embedding": (
        play.embedding([2, 3, 1, 3, 0], 5, 3, padding_idx=0).layer,
        lambda weight: nn.functional.embedding(torch.tensor([2, 3, 1, 3, 0]), weight, 0),
    ),
    "linear": (play.linear().layer, lambda input, weight, bias: input @ weight.T + bias),
    "layer norm": (
        play.layer_norm(gamma=2.0).layer,
        lambda input, weight, bias: torch.func.functional_call(
            nn.LayerNorm(4, 1e-12), {"weight": weight, "bias": bias}, (input,)
        ),
    ),
    "gelu": (play.activation("GELU").layer, nn.GELU()),
    "gelu by tanh": (play.activation("GELU, tanh").layer, nn.GELU("tanh")),
    "relu": (play.activation("ReLU", -2.5, 3).layer, nn.ReLU()),
    "softmax": (
        play.softmax(temperature=0.5, masked=1).layer,
        lambda input: F.pad((input[:, :3] / 0.5).softmax(-1), (0, 1)),
    ),
    "attention": (
        play.attention(4, 3, 1, True).layer,
        lambda query, key, value: F.scaled_dot_product_attention(
            query, key, value, ATTENDED, is_causal=False
        ),
    ),
}


# Where a number is 0 or two are the largest, the slope is another on either side; PyTorch gives the
# padding of an Embedding no gradient, though the output changes with it.
KINKED = {"l1", "relu", "pool", "pool, padded", "embedding"}


def bare_loss(output, loss, at, upstream):
    """L, as each choice of a loss names it."""
    return {
        "one": lambda: output[inside(at, output.shape)],
        "sum": output.sum,
        "mean": output.mean,
        "drawn": lambda: (output * torch.tensor(upstream)).sum(),
    }[loss]()


numbers = st.lists(st.integers(0, 9), min_size=4, max_size=4).map(tuple)


@pytest.mark.parametrize("name", CASES)
@given(loss=st.sampled_from(LOSSES), at=numbers, leaf=st.integers(0, 2), place=numbers)
def test_each_gradient_is_pytorchs_and_its_terms_add_up(name, loss, at, leaf, place):
    layer, bare = CASES[name]
    made = backward(layer, loss, at, (leaf, *place))
    leaves = {one: tensor.clone().requires_grad_() for one, tensor in layer.leaves.items()}
    bare_loss(bare(**leaves), loss, at, made.upstream).backward()
    for one, tensor in leaves.items():
        torch.testing.assert_close(
            torch.tensor(made.gradients[one]).to(tensor.grad), tensor.grad, rtol=1e-6, atol=1e-6
        )
    if name not in KINKED:
        assert made.quotient == pytest.approx(made.gradient, abs=1e-5)
    added = sum(term.upstream * term.local for term in made.terms)
    assert added == pytest.approx(made.gradient, abs=1e-9)
    assert made.gradient == pytest.approx(leaves[made.leaf].grad[made.place].item(), abs=1e-6)
    assert bool(made.line) == bool(made.terms)
    if made.terms:
        holds(made.line)
        holds(made.local[1])


@pytest.mark.parametrize("name", CASES)
def test_a_local_derivative_is_how_much_the_output_changes(name):
    """A difference quotient knows nothing of autograd."""
    layer, _bare = CASES[name]
    for leaf, tensor in enumerate(layer.leaves.values()):
        made = backward(layer, "sum", (), (leaf, *[1] * tensor.dim()))
        step = torch.zeros_like(tensor)
        step[made.place] = 1e-6
        ends = [layer.run(**{**layer.leaves, made.leaf: tensor + way * step}) for way in (1, -1)]
        changed = (ends[0] - ends[1]) / 2e-6
        for term in made.terms:
            assert term.local == pytest.approx(changed[term.place].item(), abs=1e-5)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("loss", LOSSES)
def test_the_script_prints_the_same_gradients(name, loss):
    made = backward(CASES[name][0], loss, (0, 1), (0, 0, 1))
    names = {}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(made.script, name, "exec"), names)
    assert printed.getvalue().count("tensor(") == len(made.gradients)
    for leaf, gradient in made.gradients.items():
        torch.testing.assert_close(names[leaf].grad, torch.tensor(gradient, dtype=torch.float64))


def test_a_place_outside_is_moved_inside():
    made = backward(CASES["conv"][0], "one", (9, 9, 9), (7, 0, 9, 9, 9))
    assert (made.number, made.loss) == ("∂L/∂bias[0]", "output[1, 2, 1]")


def test_an_unknown_loss_is_refused():
    with pytest.raises(ValueError, match="loss is 'max'. Choose one of one, sum"):
        backward(CASES["pool"][0], "max", (), ())


def test_what_reaches_nothing_has_no_terms():
    layer = Layer({"input": exact([1.0, 2.0])}, lambda input: input[:1], "input[:1]", None)
    made = backward(layer, "sum", (), (0, 1))
    assert (made.terms, made.line, made.local, made.gradient) == ([], "", ("", ""), 0)


def test_what_is_measured_knows_nothing_of_padding_idx():
    made = backward(CASES["embedding"][0], "sum", (), (0, 0, 0))
    assert (made.gradient, made.quotient) == (0, pytest.approx(1))
    assert made.measured == "measured: when it moves by 0.0001, L moves 1 times as far"
    assert "padding_idx gets none" in made.without
