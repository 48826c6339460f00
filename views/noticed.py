"""Which changes a run's model notices, before and after the run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from languages import _, say
from pipeline.edits.changed import LOOKED_FOR, SAME, Noticed
from pipeline.explain.probing import CHANGES
from views.numbers import percent
from views.render import render

KIND_NAMES = {kind: change for change, kind, *_rest in CHANGES} | {
    SAME: say("the same sentence twice: called equivalent")
}


@dataclass(frozen=True)
class NoticedShare:
    """A bar. text: the share; count: of how many it is; width: 0 to 1."""

    text: str
    count: str
    width: float


def noticed_bars(
    told: Mapping[str, Noticed], accuracy: Sequence[tuple[str, float | None]]
) -> Markup:
    """A bar for each kind of change and each time. told: {"before": …, "after": …} by the names of
    its columns. accuracy: what stands under the bars, (name, share from 0 to 1).
    """
    kinds = [kind for kind in LOOKED_FOR if any(kind in counts for counts in told.values())]
    rows = [
        (KIND_NAMES[kind], [_share(counts.get(kind)) for counts in told.values()]) for kind in kinds
    ]
    figures = [(name, percent(share)) for name, share in accuracy if share is not None]
    return render("noticed.html", heads=[_("change"), *told], rows=rows, accuracy=figures)


def _share(counts: list[int] | None) -> NoticedShare | None:
    """None where no pair of the kind was recognised as equivalent."""
    if not counts:
        return None
    part, whole = counts
    count = _("{part} of {whole}", part=part, whole=whole)
    return NoticedShare(f"{part / whole:.0%}", count, part / whole)
