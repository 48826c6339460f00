"""Claims of the study notes as cards. Nothing here imports gradio."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from languages import _, ngettext, say, told
from views.code import script
from views.render import macro, render

if TYPE_CHECKING:  # layers imports torch
    from layers.claims import Claim

SIGNS = {"holds": "✓", "corrected": "≠", "answered": "→", "outdated": "↻", "undecided": "?"}
UNRUN = "not run yet"
VERDICT_NAMES = {
    "holds": say("holds"),
    "corrected": say("corrected"),
    "answered": say("answered"),
    "outdated": say("outdated"),
    "undecided": say("undecided"),
    UNRUN: say("not run yet"),
    "all": say("all"),
}


def verdict_name(verdict: str) -> str:
    """A verdict in the reader's language."""
    return str(VERDICT_NAMES.get(verdict, verdict))


def claim_cards(cards: Iterable[tuple["Claim", Mapping | None]], linked: str = "") -> Markup:
    """Claims, each with the result of its run or None; the one with the id `linked` is framed."""
    shown = [_card(claim, result) for claim, result in cards]
    if not shown:
        message = _("No claim of this section has this verdict. Choose another section, or “all”.")
        return macro("paragraph", "quiet", message)
    return render("claims.html", cards=shown, linked=linked)


def _card(claim: "Claim", result: Mapping | None) -> dict[str, Any]:
    """What the template draws of a claim. result: as tabs.layers.claims.result_as_dict makes it."""
    from layers.claims import SECTIONS
    from layers.claims.guess import guesses_at
    from layers.claims.script import script_of

    card = {
        "id": claim.id,
        "section": told(next(part.title for part in SECTIONS if part.slug == claim.section)),
        "kind": told(claim.kind),
        "says": told(claim.says),
        "script": script(script_of(claim), f"{claim.id}.py"),
        "guesses": [told(guess) for guess in guesses_at(claim)],
        "guess": "",
        "verdict": "",
        "badge": verdict_name(UNRUN),
        "run": 0,
    }
    if result is None:
        return card
    return {
        **card,
        "verdict": result["verdict"],
        "badge": f"{SIGNS[result['verdict']]} {verdict_name(result['verdict'])}",
        "run": result["run"],
        "guess": told(result["guess"]) if result.get("guess") else "",
        "guessed_right": result.get("guessed_right"),
        "findings": [(told(name), value) for name, value in result["findings"]],
        "answer": told(result["answer"]) if result["answer"] else "",
        "truth": told(claim.truth),
        "needs": result["needs"],
        "as_reviewed": result["as_reviewed"],
        "seconds": _duration(result["seconds"]),
        "docs": claim.docs,
    }


def _duration(seconds: float) -> str:
    if seconds < 1:
        return _("{milliseconds:,.0f} ms", milliseconds=seconds * 1000)
    return _("{seconds:.1f} s", seconds=seconds)


def claim_status(message: str, done: int = 0, total: int = 0) -> Markup:
    """What is running or has run; read out when it changes."""
    return render("claim_status.html", message=message, done=done, total=total)


def guess_score(guessed: Sequence[bool]) -> Markup:
    """How many of a reader's first guesses at a section's claims were right; nothing before any."""
    if not guessed:
        return Markup("")
    right, of = sum(guessed), len(guessed)
    said = ngettext(
        "Guesses at these claims: {right} of {count} right.",
        "Guesses at these claims: {right} of {count} right.",
        of,
        right=right,
    )
    return macro("paragraph", "score", said)


def tally(counts: Mapping[str, int]) -> Markup:
    """{verdict: how many} of a section's claims, as one line of badges."""
    badges = [
        (verdict.split()[0], f"{SIGNS.get(verdict, '○')} {count} {verdict_name(verdict)}")
        for verdict, count in counts.items()
        if count
    ]
    return render("tally.html", badges=badges)
