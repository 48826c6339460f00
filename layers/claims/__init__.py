"""All claims of the study notes: SECTIONS in the notes' order, claims(), find(id).

>>> find("conv-sum-or-average").kind
'open question'
"""

from languages import say
from layers.claims import (
    collating,
    conv,
    dropout,
    losses,
    normalization,
    pooling,
    tokenizing,
    torch_map,
    training,
    updater,
)
from layers.claims.claim import FAILED, KINDS, Claim, Evidence, Result, check, verdict_of

__all__ = [
    "SECTIONS",
    "Claim",
    "Evidence",
    "Result",
    "check",
    "claims",
    "find",
    "spoken",
    "verdict_of",
]

SECTIONS = [
    module.section
    for module in (
        conv,
        pooling,
        normalization,
        dropout,
        losses,
        torch_map,
        updater,
        tokenizing,
        collating,
        training,
    )
]


def claims(section: str | None = None) -> list[Claim]:
    """All claims in the notes' order, or those of one section's slug."""
    slugs = [part.slug for part in SECTIONS]
    if section is not None and section not in slugs:
        raise ValueError(
            say(
                "{section!r} is not a section of the notes. Choose one of {slugs}.",
                section=section,
                slugs=", ".join(slugs),
            )
        )
    return [claim for part in SECTIONS if section in (None, part.slug) for claim in part]


def find(id: str) -> Claim:
    """The claim with this id, or a ValueError that suggests the nearest."""
    from difflib import get_close_matches

    by_id = {claim.id: claim for claim in claims()}
    if id not in by_id:
        near = get_close_matches(str(id), by_id, n=3, cutoff=0.3)
        raise ValueError(
            say("{id!r} is not a claim. Did you mean {near}?", id=id, near=", ".join(near))
            if near
            else say("{id!r} is not a claim. Run python -m layers to list them.", id=id)
        )
    return by_id[id]


def spoken() -> dict[str, str]:
    """{sentence: where it stands} of what the cards say, for the catalogue of another language."""
    said = (
        {part.title: part.slug for part in SECTIONS}
        | dict.fromkeys(KINDS, "a card's kind")
        | {FAILED: "a run that fails"}
    )
    for claim in claims():
        said |= dict.fromkeys((claim.says, claim.truth), claim.id)
    # A name stands on several cards: the first is enough to find it.
    for claim in claims():
        for name in claim.names:
            said.setdefault(name, claim.id)
    return said
