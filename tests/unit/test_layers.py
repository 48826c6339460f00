"""Play and the updater, against PyTorch itself on random settings."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn

from layers import play
from layers.updater import RIGHT, compare, squared_loss

settings_2d = {
    "kernel_size": st.tuples(st.integers(1, 5), st.integers(1, 5)),
    "stride": st.tuples(st.integers(1, 4), st.integers(1, 4)),
    "padding": st.tuples(st.integers(0, 4), st.integers(0, 4)),
    "dilation": st.tuples(st.integers(1, 3), st.integers(1, 3)),
}
sizes = {"height": st.integers(1, 10), "width": st.integers(1, 10)}


def outcome(function, *args, **kwargs):
    """What a call returns, or the type of its error."""
    try:
        return function(*args, **kwargs)
    except (ValueError, RuntimeError) as error:
        return type(error)


# ---------------------------------------------------------------- convolution


@given(
    st.fixed_dictionaries(settings_2d),
    st.fixed_dictionaries(sizes),
    st.integers(1, 6),
    st.integers(1, 6),
    st.integers(1, 3),
    st.sampled_from(["zeros", "reflect", "replicate", "circular"]),
    st.booleans(),
)
def test_convolve_is_conv2d_or_refuses_where_it_fails(
    settings, size, channels, out_channels, groups, mode, bias
):
    picture = play.small_picture(**size, channels=channels)
    settings |= {"groups": groups, "padding_mode": mode, "bias": bias}
    ours = outcome(play.convolve, picture, out_channels, **settings)
    torchs = outcome(
        lambda: nn.Conv2d(channels, out_channels, **settings)(torch.tensor(picture)[None])
    )
    if ours is ValueError:
        assert torchs in (ValueError, RuntimeError)
        return
    assert torchs.shape == ours.shapes.output
    weight, bias = torch.tensor(ours.weight), torch.tensor(ours.bias) if bias else None
    output = F.conv2d(
        torch.tensor(ours.padded)[None],
        weight,
        bias,
        settings["stride"],
        0,
        settings["dilation"],
        settings["groups"],
    )
    torch.testing.assert_close(output[0], torch.tensor(ours.output), rtol=1e-4, atol=1e-4)
    assert ours.shapes.height.endswith(f"= {torchs.shape[2]}") and ours.shapes.width.endswith(
        f"= {torchs.shape[3]}"
    )
    assert ours.parameters == weight.numel() + (out_channels if bias is not None else 0)


def test_the_formula_is_worked_out_in_numbers():
    shapes = play.convolve(play.small_picture(7, 7), stride=2, padding=1).shapes
    assert shapes.height == "floor((7 + 2·1 − 1·(3 − 1) − 1) / 2) + 1 = floor(6 / 2) + 1 = 4"
    assert shapes.output == (1, 1, 4, 4)


def test_the_code_shown_makes_the_same_layer():
    shown = play.convolve(
        play.small_picture(channels=4),
        6,
        3,
        stride=2,
        padding=(1, 0),
        groups=2,
        padding_mode="reflect",
    )
    m = eval(shown.code, {"nn": nn})
    assert (
        tuple(m.weight.shape) == shown.weight_shape
        and m.padding == (1, 0)
        and m.padding_mode == "reflect"
    )


@given(
    st.integers(1, 5),
    st.integers(1, 3),
    st.fixed_dictionaries(sizes),
    st.sampled_from(["zeros", "replicate"]),
)
def test_padding_same_keeps_the_size(kernel_size, dilation, size, mode):
    picture = play.small_picture(**size)
    made = play.convolve(
        picture, 1, kernel_size, padding="same", dilation=dilation, padding_mode=mode
    )
    assert made.shapes.output == (
        1,
        1,
        size["height"],
        size["width"],
    ) and made.shapes.height.endswith(f"= {size['height']}")
    by_hand = F.conv2d(
        torch.tensor(made.padded)[None],
        torch.tensor(made.weight),
        torch.tensor(made.bias),
        dilation=dilation,
    )
    torch.testing.assert_close(by_hand[0], torch.tensor(made.output), rtol=1e-4, atol=1e-4)
    inside = [
        row[made.before[1] :][: size["width"]]
        for row in made.padded[0][made.before[0] :][: size["height"]]
    ]
    assert inside == picture[0]


@given(st.integers(0, 99))
def test_drawn_weights_have_two_digits(seed):
    made = play.convolve(play.small_picture(), 2, seed=seed)
    numbers = torch.tensor([*torch.tensor(made.weight).flatten().tolist(), *made.bias])
    torch.testing.assert_close(numbers * 100, (numbers * 100).round(), rtol=0, atol=1e-4)


def test_a_kernel_of_ones_own_is_used():
    edge = [[-1.0, 1.0]]
    output = play.convolve([[0, 0, 5, 5]], kernel_size=(1, 2), weight=edge).output
    assert output == [[[0.0, 5.0, 0.0]]]


@given(
    st.fixed_dictionaries(sizes),
    st.integers(0, 12),
    st.sampled_from(["zeros", "reflect", "replicate", "circular"]),
)
def test_pad_picture_is_pad_or_refuses_where_it_fails(size, padding, mode):
    picture = play.small_picture(**size)
    ours = outcome(play.pad_picture, picture, padding, mode)
    torch_mode = "constant" if mode == "zeros" else mode
    torchs = outcome(F.pad, torch.tensor(picture)[None], (padding,) * 4, mode=torch_mode)
    if ours is ValueError:
        assert torchs is RuntimeError
    else:
        assert ours == torchs[0].tolist()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"groups": 2},
            "groups is 2, which doesn't divide in_channels = 3. Choose groups from 1, 3,",
        ),
        ({"kernel_size": 9}, "The kernel spans 9 .* padded input has only 6. Choose a smaller"),
        ({"kernel_size": 3, "dilation": 4}, "spans 9"),
        (
            {"padding": 6, "padding_mode": "reflect"},
            "padding is 6, but 'reflect' can pad a height of 6 by at most 5",
        ),
        (
            {"padding": "same", "stride": 2},
            r"padding is 'same', but stride is \(2, 2\). Choose stride 1",
        ),
        ({"padding_mode": "zero"}, "padding_mode is 'zero'. Choose one of zeros"),
        ({"stride": 0}, "stride is 0. Choose a whole number from 1"),
        ({"kernel_size": 2.5}, "kernel_size is 2.5"),
        ({"stride": (1, 2, 3)}, r"stride is \(1, 2, 3\). Give one number, or two"),
        ({"out_channels": 1000}, "channels is 1000"),
        ({"weight": [[1.0]]}, "weight is"),
    ],
)
def test_impossible_convolutions_say_why(settings, message):
    settings = {"out_channels": 3} | settings
    with pytest.raises(ValueError, match=message):
        play.convolve(play.small_picture(channels=3), **settings)


@pytest.mark.parametrize("picture", [[], [[1, 2], [3]], [1, 2], "picture", [[["a"]]], None])
def test_what_is_no_picture_is_refused(picture):
    with pytest.raises(ValueError, match="picture"):
        play.pad_picture(picture, 1)


# ---------------------------------------------------------------- pooling


@given(
    st.fixed_dictionaries(settings_2d), st.fixed_dictionaries(sizes), st.booleans(), st.booleans()
)
def test_pool_is_max_pool2d_or_refuses_where_it_fails(settings, size, ceil_mode, default_stride):
    picture = play.small_picture(**size, channels=2)
    settings |= {"ceil_mode": ceil_mode, "return_indices": True} | (
        {"stride": None} if default_stride else {}
    )
    ours = outcome(play.pool, picture, **settings)
    torchs = outcome(lambda: nn.MaxPool2d(**settings)(torch.tensor(picture)[None]))
    if ours is ValueError:
        assert torchs in (ValueError, RuntimeError)
        return
    output, indices = torchs
    assert ours.shapes.output == output.shape
    assert ours.output == output[0].tolist() and ours.indices == indices[0].tolist()


def test_a_dropped_window_is_explained():
    shapes = play.pool(play.small_picture(4, 4), 2, stride=3, padding=1, ceil_mode=True).shapes
    assert (
        shapes.output == (1, 1, 2, 2)
        and "minus 1 = 2: the last window would start in the padding" in shapes.height
    )


def test_with_ceil_mode_a_window_may_stick_out():
    assert play.pool([[1, 2, 3]], (1, 4), stride=(1, 2), ceil_mode=True).output == [[[3.0]]]
    with pytest.raises(ValueError, match="The kernel spans 4"):
        play.pool([[1, 2, 3]], (1, 4), stride=(1, 2))


def test_unpool_puts_values_back():
    assert play.unpool([[1, 2], [4, 3]]) == [[[0, 0], [4, 0]]]
    with pytest.raises(ValueError, match="Choose a smaller kernel_size"):
        play.unpool([[1, 2], [4, 3]], 3)


def test_too_much_padding_for_a_window_says_why():
    with pytest.raises(
        ValueError, match="padding is 2, more than half of kernel_size 2. Choose padding up to 1"
    ):
        play.pool(play.small_picture(), 2, padding=2)


# ---------------------------------------------------------------- normalization and dropout


@given(
    st.integers(2, 5),
    st.integers(1, 4),
    st.floats(0, 1),
    st.booleans(),
    st.booleans(),
    st.integers(1, 4),
    st.integers(0, 99),
)
def test_batch_norm_by_hand(n, channels, momentum, affine, track, passes, seed):
    images = torch.randn(n, channels, 3, 3, generator=torch.Generator().manual_seed(seed)) * 2 + 5
    ours = play.batch_norm(
        images.tolist(), momentum=momentum, affine=affine, track_running_stats=track, passes=passes
    )
    mean, var = images.mean(dim=(0, 2, 3)), images.var(dim=(0, 2, 3), unbiased=False)
    torch.testing.assert_close(torch.tensor(ours.batch_mean), mean)
    trained = (images - mean.reshape(1, -1, 1, 1)) / torch.sqrt(var.reshape(1, -1, 1, 1) + 1e-5)
    torch.testing.assert_close(torch.tensor(ours.train_output), trained, rtol=1e-4, atol=1e-4)
    if track:
        kept = (1 - momentum) ** passes
        running = images.var(dim=(0, 2, 3)) * (1 - kept) + kept
        torch.testing.assert_close(torch.tensor(ours.running_var), running, rtol=1e-4, atol=1e-4)
    else:
        assert ours.running_mean is None and ours.eval_output == ours.train_output
    assert (ours.weight is None) == (not affine)


@pytest.mark.parametrize(
    ("batch", "settings", "message"),
    [
        ([[1.0, 2.0]], {}, r"shape \(1, 2\). BatchNorm2d needs N × C × H × W"),
        ([[[[1.0]]]], {}, "at most one value per channel"),
        ([[[[1.0, 2.0]]]], {"momentum": 2}, "momentum is 2. Choose 0 to 1"),
        ([[[[1.0, 2.0]]]], {"eps": 0}, "eps is 0"),
        ([[[[1.0, 2.0]]]], {"affine": False, "weight": [2.0]}, "affine is False"),
        ([[[[1.0, 2.0]]]], {"weight": [2.0, 3.0]}, "2 numbers were given for 1 channel. Give one."),
        ([[[[1.0, 2.0]]]], {"passes": 0}, "passes is 0"),
    ],
)
def test_impossible_normalizations_say_why(batch, settings, message):
    with pytest.raises(ValueError, match=message):
        play.batch_norm(batch, **settings)


@given(st.floats(0, 1), st.sampled_from(["Dropout", "Dropout1d", "Dropout2d"]), st.integers(0, 99))
def test_dropout_zeroes_or_scales(p, layer, seed):
    shape = {"Dropout": (4, 5), "Dropout1d": (2, 3, 4), "Dropout2d": (2, 3, 2, 2)}[layer]
    values = torch.arange(1.0, 1 + math.prod(shape)).reshape(shape)
    ours = play.dropout(values.tolist(), p, layer, seed)
    output = torch.tensor(ours.train_output)
    kept = output != 0
    assume(p < 0.999 or not kept.any())
    torch.testing.assert_close(output[kept], values[kept] * (ours.scale or 0), rtol=1e-5, atol=0)
    assert ours.eval_output == values.tolist() and ours.zeroed == pytest.approx(
        1 - kept.float().mean().item(), abs=1e-6
    )
    if layer != "Dropout":
        per_channel = kept.flatten(2).float().mean(dim=2)
        assert ((per_channel == 0) | (per_channel == 1)).all()


def test_impossible_dropouts_say_why():
    with pytest.raises(ValueError, match="p is 1.5. It is a probability"):
        play.dropout([1.0], 1.5)
    with pytest.raises(ValueError, match="layer is 'DropOut2d'. Choose one of Dropout"):
        play.dropout([1.0], layer="DropOut2d")
    with pytest.raises(ValueError, match="Dropout1d got the shape .* Give N × C × L"):
        play.dropout([[[[1.0]]]], layer="Dropout1d")


def test_dropout2d_runs_three_dimensions_and_says_what_pytorch_says():
    rows = torch.arange(1.0, 31).reshape(2, 3, 5).tolist()
    made, one_d = play.dropout(rows, 0.5, "Dropout2d", 3), play.dropout(rows, 0.5, "Dropout1d", 3)
    assert "interpreted as shape (N, C, L)" in made.warning and not one_d.warning
    assert made.train_output == one_d.train_output


def test_at_p_1_nothing_is_left_to_scale():
    made = play.dropout([1.0, 2.0], 1.0)
    assert made.scale is None and made.train_output == [0, 0] and made.zeroed == 1


# ---------------------------------------------------------------- losses


@given(
    st.lists(
        st.tuples(st.floats(-9, 9, width=32), st.floats(-9, 9, width=32)), min_size=1, max_size=9
    )
)
def test_regression_losses_by_hand(pairs):
    predict, target = map(list, zip(*pairs, strict=True))
    for loss, each in (("L1Loss", lambda x, y: abs(x - y)), ("MSELoss", lambda x, y: (x - y) ** 2)):
        ours, expected = play.regression_loss(predict, target, loss), [each(x, y) for x, y in pairs]
        assert ours.none == pytest.approx(expected, rel=1e-4, abs=1e-5) and ours.none_shape == (
            len(pairs),
        )
        assert ours.sum == pytest.approx(sum(expected), rel=1e-4, abs=1e-4)
        assert ours.mean == pytest.approx(sum(expected) / len(pairs), rel=1e-4, abs=1e-4)


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 99))
def test_cross_entropy_by_hand(n, classes, seed):
    generator = torch.Generator().manual_seed(seed)
    logits, index = (
        torch.randn(n, classes, generator=generator),
        torch.randint(0, classes, (n,), generator=generator),
    )
    expected = (-logits.log_softmax(dim=1)[torch.arange(n), index]).tolist()
    by_index = play.cross_entropy(logits.tolist(), index.tolist())
    by_one_hot = play.cross_entropy(logits.tolist(), F.one_hot(index, classes).tolist())
    assert by_index.none == pytest.approx(expected, abs=1e-5) == by_one_hot.none
    assert by_one_hot.none_shape == (n,) and by_index.mean == pytest.approx(
        sum(expected) / n, abs=1e-5
    )


@pytest.mark.parametrize(
    ("logits", "target", "message"),
    [
        ([[1.0, 2.0]], [2], r"target is \[2\], but there are 2 classes. Choose indices 0 to 1"),
        ([[1.0, 2.0]], [[0.5, 0.6]], "add up to 1"),
        ([[1.0, 2.0]], [0, 1], "target has the shape"),
        ([[1.0, 2.0]], [0.5], "whole numbers"),
        ([], [], "logits have the shape"),
    ],
)
def test_impossible_targets_say_why(logits, target, message):
    with pytest.raises(ValueError, match=message):
        play.cross_entropy(logits, target)


def test_unequal_shapes_are_refused():
    with pytest.raises(ValueError, match="Make them equal"):
        play.regression_loss([[1.0], [2.0]], [1.0, 2.0])
    with pytest.raises(ValueError, match="loss is 'Huber'"):
        play.regression_loss([1.0], [1.0], "Huber")


# ---------------------------------------------------------------- loss and updater


@given(st.sampled_from([1, 2, 4, 8, 10, 32]), st.booleans())
def test_the_right_reduction_agrees_and_the_wrong_one_is_off_by_the_batch_size(batch_size, half):
    for curve in compare(batch_size=batch_size, half=half, steps=12):
        factor = 2 if curve.loss == "MSELoss" and not half else 1
        wrong = {"sum": batch_size, "mean": 1 / batch_size}[curve.reduction]
        expected = factor if curve.right_reduction else factor * wrong
        assert curve.step_ratio == pytest.approx(expected, rel=1e-12)
        assert curve.right_reduction == (RIGHT[curve.updater] == curve.reduction)
        if expected == 1:
            assert curve.verdict.startswith("the same") and curve.largest_difference < 1e-12
        elif batch_size > 2:
            assert ("the batch size" in curve.verdict) == (not curve.right_reduction)
            assert ("no ½" in curve.verdict) == (factor == 2)


def test_eight_curves_of_which_four_agree_with_the_half_put_in():
    curves = compare(half=True)
    agree = [curve.name for curve in curves if curve.verdict == "the same to the last digit"]
    assert len(curves) == len({curve.name for curve in curves}) == 8
    assert agree == [
        "squared_loss + sgd, sum",
        "squared_loss + SGD, mean",
        "MSELoss + sgd, sum",
        "MSELoss + SGD, mean",
    ]


def test_a_curve_that_diverges_stays_plain_data():
    wild = [
        c
        for c in compare(lr=1.0, batch_size=256, steps=400)
        if c.reduction == "sum" and c.updater == "SGD"
    ]
    for curve in wild:
        assert None in curve.losses and all(
            value is None or math.isfinite(value) for value in curve.losses
        )
        assert "the batch size" in curve.verdict


def test_the_curves_fall_where_they_should():
    first = compare(steps=400)[0]
    assert first.losses[-1] < 1e-3 < first.losses[0] and len(first.losses) == 401
    assert first.weights == pytest.approx([2.0, -3.4, 4.2], abs=0.02)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": 0}, "lr is 0"),
        ({"batch_size": 300}, "batch_size is 300"),
        ({"steps": 0}, "steps is 0"),
        ({"steps": 2.5}, "steps is 2.5"),
        ({"seed": False}, "seed is False"),
    ],
)
def test_impossible_runs_say_why(settings, message):
    with pytest.raises(ValueError, match=message):
        compare(**settings)


def test_squared_loss_is_half_of_mse():
    y_hat, y = torch.randn(4, 1), torch.randn(4)
    assert torch.equal(
        2 * squared_loss(y_hat, y), nn.MSELoss(reduction="none")(y_hat, y.reshape(4, 1))
    )
