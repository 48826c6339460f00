"""What the page's address asks of the Layers tab: a part, a topic of Play, or a claim."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from languages import _
from pipeline.errors import InputError
from tabs.layers.claims import find_claim
from tabs.layers.topics import TOPICS

# What the address may call `topic`: Play's own, and the two other parts.
PARTS = {**dict.fromkeys(TOPICS, "play"), "claims": "claims", "updater": "updater"}


@dataclass(frozen=True)
class Address:
    """A part, a topic of Play or a claim, or a message that says why not."""

    part: str = ""  # "play" | "claims" | "updater"; "" where the address is about another tab
    topic: str = ""
    claim: str = ""
    section: str = ""  # of that claim
    message: str = ""


def read_address(query: Mapping[str, Any]) -> Address:
    """The address's values, untrusted text -> what it asks for.

    >>> read_address({"tab": "layers", "topic": "dropout"})
    Address(part='play', topic='dropout', claim='', section='', message='')
    """
    if query.get("tab") != "layers":
        return Address()
    if claim := str(query.get("claim") or ""):
        try:
            found = find_claim(claim)
        except InputError as error:
            message = _("The address asks for a claim that doesn't exist: {error}", error=error)
            return Address("claims", message=message)
        return Address("claims", claim=found.id, section=found.section)
    topic = str(query.get("topic") or next(iter(TOPICS)))
    if topic not in PARTS:
        message = _(
            "The address asks for the topic {topic!r}, which doesn't exist. Choose one below, or "
            "write one of {topics} in the address.",
            topic=topic[:60],
            topics=", ".join(PARTS),
        )
        return Address("play", message=message)
    return Address(PARTS[topic], topic=topic if PARTS[topic] == "play" else "")
