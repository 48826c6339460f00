"""What LoRA added to one matrix, as pictures and in numbers."""

from markupsafe import Markup

from pipeline.explain.low_rank import LowRank, Picture
from views.inside_attention import png
from views.render import render


def low_rank_card(found: LowRank) -> Markup:
    """W₀, B, A and 2·B·A as pictures, and the number that moved furthest worked out."""
    return render(
        "low_rank.html",
        found=found,
        pictures={name: _Drawn(picture) for name, picture in found.pictures.items()},
        numbers=found.rows * found.columns,
        learned=found.rank * (found.rows + found.columns),
        terms=[(_factor(b), _factor(a)) for b, a in found.terms],
        moved_by=f"{'−' if found.added < 0 else '+'} {_signed(abs(found.added))}",
        signed=_signed,
    )


class _Drawn:
    """A picture's address, and its largest number."""

    def __init__(self, picture: Picture):
        self.address = png(picture.cells, picture.width, 256, picture.height)
        self.largest = f"{picture.largest:.3g}"


def _factor(value: float) -> str:
    """
    >>> _factor(-0.012345), _factor(0.5)
    ('(−0.0123)', '0.5')
    """
    return f"({_signed(value)})" if value < 0 else _signed(value)


def _signed(value: float) -> str:
    """
    >>> _signed(-0.012345)
    '−0.0123'
    """
    return f"{value:.3g}".replace("-", "−")
