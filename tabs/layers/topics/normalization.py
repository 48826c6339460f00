"""Play: nn.BatchNorm2d on a small batch, in train() and eval()."""

import gradio as gr

from languages import _
from tabs.layers.topics.controls import Controls, Played, followed_places, slider, within
from views import layers as views


def build_normalization() -> Controls:
    """The controls."""
    inputs = [
        slider(1, 3, 2, _("N, examples")),
        slider(1, 3, 2, _("C, num_features")),
        slider(1, 4, 3, _("H and W")),
        slider(1, 100, 1, _("batches seen"), _("how often training has seen this batch")),
        slider(
            0,
            1,
            0.1,
            "momentum",
            _("weight of the newest batch in the running statistics"),
            step=0.05,
        ),
        gr.Checkbox(False, label="momentum=None", info=_("a plain average of all batches instead")),
        gr.Radio(
            [1e-5, 1e-3, 0.1, 1.0],
            value=1e-5,
            label="eps",
            info=_("added to the variance to avoid division by zero"),
        ),
        gr.Checkbox(True, label="affine", info=_("whether γ and β exist")),
        slider(-3, 3, 1, _("weight γ"), step=0.5),
        slider(-3, 3, 0, _("bias β"), step=0.5),
        gr.Checkbox(True, label="track_running_stats"),
        slider(0, 20, 0, "seed", _("a new seed gives a new batch")),
    ]
    followed = followed_places(2, 2, 3, 3)
    return Controls([*inputs, *followed], followed)


def play_normalization(
    n: int,
    channels: int,
    size: int,
    passes: int,
    momentum: float,
    average: bool,
    eps: float,
    affine: bool,
    gamma: float,
    beta: float,
    track: bool,
    seed: int,
    *at: int,
) -> Played:
    """The batch, and its cell `at` = (example, channel, row, column) worked out."""
    from layers import play

    batch = [
        play.small_picture(size, size, channels, seed=100 * seed + number) for number in range(n)
    ]
    momentum = None if average else momentum
    # γ and β at their starting values are as good as not set; moved, they are set, and refused
    # without affine.
    learned = {
        name: [value]
        for name, value, start in (("weight", gamma, 1), ("bias", beta, 0))
        if value != start
    }
    made = play.batch_norm(batch, eps, momentum, affine, track, passes=passes, **learned)
    settings = {
        "eps": (eps, 1e-5),
        "momentum": (momentum, 0.1),
        "affine": (affine, True),
        "track_running_stats": (track, True),
    }
    named = [f"{name}={value!r}" for name, (value, start) in settings.items() if value != start]
    title = f"nn.BatchNorm2d({', '.join([str(channels), *named])})"
    place = within(at, batch)
    lines = play.normalized_lines(batch, made, place)
    return Played(
        place,
        lambda: views.normalization(batch, made, title, place, lines),
        lambda: made.layer,
    )
