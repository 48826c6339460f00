"""Claims: each statement of the study notes as a card, run on the spot."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component

from languages import _, ngettext, say, told
from pipeline.errors import InputError
from pipeline.settings import Settings
from tabs.class_room.membership import Membership, count_guess, member
from tabs.errors import error_notice, sent, toast
from tabs.layers.play import PRIVATE
from views import claims as views

if TYPE_CHECKING:  # layers imports torch
    from layers.claims import Claim, Result

ALL = "all"
VERDICTS = (ALL, *views.SIGNS, views.UNRUN)
INTRO = say(
    "Each card is a statement or an open question from the study notes behind this page, with the "
    "whole script that decides it: copy it and run it yourself. The verdict is computed when you "
    "press “Run”."
)
# Some claims train for seconds: they wait for each other in a queue of their own, and never for the
# other tabs.
QUEUE = {"concurrency_id": "claims", "concurrency_limit": 4}
TELL_EVERY = 0.5  # seconds, while claims run
GUESSED = ("guess", "guessed_right")  # of a result on the page: what was guessed before it
Changes = dict[Block, Any]
Results = dict[str, dict]  # {claim id: result_as_dict}, a visitor's own


def find_claim(claim_id: str) -> "Claim":
    """The claim of that name. Raises InputError, which suggests the nearest."""
    from layers.claims import find

    try:
        return find(str(claim_id)[:60])
    except ValueError as error:
        raise InputError(str(error)) from None


def claims_of(section: str) -> list["Claim"]:
    """The claims of a section, or of all. Raises InputError."""
    from layers.claims import claims

    try:
        return claims(None if section == ALL else section)
    except ValueError as error:
        raise InputError(str(error)) from None


def result_as_dict(result: "Result") -> dict[str, Any]:
    """A Result as plain data: what the API answers, and what the page keeps."""
    claim = result.claim
    return {
        "id": claim.id,
        "section": claim.section,
        "kind": claim.kind,
        "says": claim.says,
        "verdict": result.verdict,
        "answer": result.answer,
        "findings": [list(finding) for finding in result.findings],
        "truth": claim.truth,
        "code": claim.source,
        "docs": claim.docs,
        "seconds": result.seconds,
        "as_reviewed": result.as_reviewed,
        "needs": result.evidence.needs,
    }


def run_claim(claim: "Claim") -> dict[str, Any]:
    """Its result, with a number of its own: the card is drawn anew even if nothing has changed."""
    from layers.claims import check

    return {**result_as_dict(check(claim)), "run": time.monotonic_ns()}


def claim(id: str) -> dict:
    """Run one claim of the study notes on the spot.

    Args:
        id: such as conv-sum-or-average; `python -m layers --brief` lists all

    Returns:
        verdict (holds, corrected, answered, outdated or undecided: computed from this run),
        findings (pairs of name and text), answer (to an open question), says, truth, code,
        docs, section, kind, seconds, as_reviewed, and needs (what this machine lacks to decide
        it)
    """
    try:
        from layers.claims import check

        return result_as_dict(check(find_claim(id)))
    except Exception as error:
        raise toast(error) from None


def guess_sent(claim: "Claim", place: Any) -> str | None:
    """The guess that the page sent with a claim, by its place; None for none, or for no place."""
    from layers.claims.guess import guesses_at

    guesses = guesses_at(claim)
    return guesses[place] if type(place) is int and 0 <= place < len(guesses) else None


def is_right(claim: "Claim", guess: str, result: dict[str, Any]) -> bool | None:
    """Whether a result of result_as_dict bears the guess out; None where it decided nothing."""
    from layers.claims.guess import borne_out

    return borne_out(claim, guess, result["verdict"], result["answer"])


def checked_guesses(kept: Any) -> dict[str, bool]:
    """{claim id: whether the first guess at it was right}, as the browser has stored it. Anyone may
    have written it: what is no claim's is left out.
    """
    from layers.claims import claims

    known = kept if isinstance(kept, dict) else {}
    ids = [claim.id for claim in claims()]
    return {name: known[name] for name in ids if type(known.get(name)) is bool}


def _verdict(claim: "Claim", results: Results) -> str:
    return results[claim.id]["verdict"] if claim.id in results else views.UNRUN


def is_so(claim: "Claim", verdict: str, results: Results) -> bool:
    """Whether a card has this verdict: as the visitor's own run found it, or, before that, as a
    reviewer concluded.
    """
    found = _verdict(claim, results)
    return verdict in (ALL, found) or (found == views.UNRUN and verdict == claim.reviewed)


@dataclass(frozen=True)
class Claims:
    """The part's components, and its handlers."""

    settings: Settings
    section: gr.Dropdown
    verdict: gr.Radio
    status: gr.HTML
    board: gr.HTML
    results: gr.State
    linked: gr.State  # the id of the claim that the address names
    guesses: gr.BrowserState  # {claim id: whether the first guess was right}

    @property
    def inputs(self) -> list[Component]:
        """What the handlers take."""
        return [self.section, self.verdict, self.results, self.linked, self.guesses]

    def open(
        self, section: str | None, verdict: str, results: Results, linked: str, guesses: Any
    ) -> Changes:
        """The sections to choose from, counted, and the cards of the one chosen."""
        from layers.claims import SECTIONS, claims

        choices = [
            (_("All {count} claims", count=len(claims())), ALL),
            *(
                (_("{title} ({count})", title=told(part.title), count=len(part)), part.slug)
                for part in SECTIONS
            ),
        ]
        section = section or SECTIONS[0].slug
        return {
            self.section: gr.Dropdown(choices, value=section),
            **self.show(section, verdict, results, linked, guesses),
        }

    def show(
        self, section: str, verdict: str, results: Results, linked: str, guesses: Any
    ) -> Changes:
        """The cards of a section with a verdict, as far as this visitor has run them."""
        try:
            chosen = claims_of(section)
        except InputError as error:
            return {self.board: error_notice(error)}
        counts = Counter(_verdict(claim, results) for claim in chosen)
        cards = [
            (claim, results.get(claim.id))
            for claim in chosen
            if is_so(claim, verdict, results) or claim.id == linked
        ]
        tally = views.tally({name: counts[name] for name in VERDICTS})
        ids = {claim.id for claim in chosen}
        guessed = [right for name, right in checked_guesses(guesses).items() if name in ids]
        return {self.board: tally + views.guess_score(guessed) + views.claim_cards(cards, linked)}

    def run(
        self,
        section: str,
        verdict: str,
        results: Results,
        linked: str,
        guesses: Any,
        code: Any,
        kept: Any,
        event: gr.EventData,
    ) -> Changes:
        """Run the card whose button was pressed, and judge the guess that goes with it, if any. It
        stays in sight whatever the filter. code, kept: as a Membership's fields say them.
        """
        told = sent(event)
        try:
            claim = find_claim(told.get("claim"))
        except InputError as error:
            return {self.status: error_notice(error)}
        before = results.get(claim.id)
        result = results[claim.id] = run_claim(claim)
        known = checked_guesses(guesses)
        if before:  # its verdict has been seen: what was guessed before counts
            result |= {name: before[name] for name in GUESSED if name in before}
        elif (guess := guess_sent(claim, told.get("guess"))) is not None:
            right = is_right(claim, guess, result)
            result |= {"guess": guess, "guessed_right": right}
            if right is not None:
                known = {claim.id: right, **known}
                count_guess(member(code, kept), claim.id, right, self.settings)
        message = _(
            "{id}: {verdict}, {seconds:.2f} s.",
            id=claim.id,
            seconds=result["seconds"],
            verdict=views.verdict_name(result["verdict"]),
        )
        return {
            self.results: results,
            self.guesses: known,
            self.status: views.claim_status(message),
            **self.show(section, verdict, results, claim.id, known),
        }

    def run_all(
        self, section: str, verdict: str, results: Results, linked: str, guesses: Any
    ) -> Iterator[Changes]:
        """Run every card shown, one after the other; the page is told about twice a second."""
        chosen = [claim for claim in claims_of(section) if is_so(claim, verdict, results)]
        # Cards would vanish from "not run yet" one by one, before anybody could read them.
        if verdict == views.UNRUN:
            verdict = ALL
        began = time.monotonic()
        last_told = 0.0
        for done, claim in enumerate(chosen):
            if time.monotonic() - last_told > TELL_EVERY:
                last_told = time.monotonic()
                message = _(
                    "Running {id}, {done} of {count}.",
                    id=claim.id,
                    done=done + 1,
                    count=len(chosen),
                )
                changes = {
                    self.results: results,
                    self.status: views.claim_status(message, done, len(chosen)),
                    self.verdict: verdict,
                }
                yield (
                    {**changes, **self.show(section, verdict, results, linked, guesses)}
                    if done
                    else changes
                )
            results[claim.id] = run_claim(claim)
        message = ngettext(
            "{count} claim run in {seconds:.1f} s.",
            "{count} claims run in {seconds:.1f} s.",
            len(chosen),
            seconds=time.monotonic() - began,
        )
        yield {
            self.results: results,
            self.status: views.claim_status(message),
            self.verdict: verdict,
            **self.show(section, verdict, results, linked, guesses),
        }


def build_claims(settings: Settings, membership: Membership | None = None) -> Claims:
    """The part: filters, a button for all, the cards. membership: of the page; a pupil's guesses
    are counted in the class.
    """
    with gr.Row(elem_classes="two-columns"):
        with gr.Column(elem_classes=["knobs", "claim-filters"]):
            # Filled when the part is first opened: the claims need torch, and nothing here may
            # import it.
            section = gr.Dropdown([], label=_("Section of the notes"))
            verdict = gr.Radio(
                [(views.verdict_name(name), name) for name in VERDICTS],
                value=ALL,
                label=_("Verdict"),
                info=_("from your own run; before that, a reviewer's verdict"),
            )
            run_all = gr.Button(_("Run all shown"), variant="primary")
            status = gr.HTML(views.claim_status(_("Nothing has run yet.")), elem_id="claims-status")
            gr.Markdown(str(INTRO), elem_classes="quiet")
        listen = "page.layers.listenToCards(element, trigger, watch); page.code.listen(element)"
        board = gr.HTML(min_height=400, js_on_load=listen)
    guesses = gr.BrowserState({}, storage_key="claim-guesses", secret="guesses-of-this-browser")
    claims = Claims(settings, section, verdict, status, board, gr.State({}), gr.State(""), guesses)
    inputs = claims.inputs
    of_class = membership.inputs if membership else [gr.State(""), gr.State("")]
    gr.on([section.input, verdict.input], claims.show, inputs, board, **PRIVATE)
    shown = [claims.results, guesses, status, board]
    board.click(claims.run, [*inputs, *of_class], shown, **PRIVATE, **QUEUE)
    run_all.click(
        claims.run_all, inputs, [claims.results, status, verdict, board], **PRIVATE, **QUEUE
    )
    return claims
