"""Play: softmax over the rows of a small matrix."""

from languages import _
from tabs.layers.topics.controls import Controls, Played, followed_places, played, slider


def build_softmax() -> Controls:
    """The controls."""
    inputs = [
        slider(1, 4, 2, _("rows")),
        slider(2, 6, 4, _("columns")),
        slider(
            0.1, 5, 1, _("temperature"), _("the scores are divided by it: small is sharp"), step=0.1
        ),
        slider(0, 5, 0, _("masked"), _("so many last columns are set to −∞ before")),
        slider(0, 20, 0, "seed", _("a new seed gives new numbers")),
    ]
    followed = followed_places(3, 5)
    return Controls([*inputs, *followed], followed)


def play_softmax(
    rows: int, columns: int, temperature: float, masked: int, seed: int, *at: int
) -> Played:
    """Rows of scores as shares, and the share at `at` worked out."""
    from layers import play

    return played(play.softmax(rows, columns, temperature, masked, seed, at))
