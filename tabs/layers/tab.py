"""Layers: play with each layer, run every claim of the study notes, set hand-written loss and
updater beside PyTorch's.
"""

import json
import time
from collections import Counter
from dataclasses import dataclass

import gradio as gr

from languages import _, ngettext, say, told
from pipeline.errors import InputError
from tabs.address import Shared
from tabs.errors import explain, notice_on_error, public, sent, toast
from tabs.layers.play import TOPICS, build_topics, says_why
from tabs.share import build_share
from views import layers as layer_drawing
from views import markup
from web.first_paint import Opening

# What the address may call `topic`: Play's own, and the two other parts.
PARTS = {**{slug: "play" for slug in TOPICS}, "claims": "claims", "updater": "updater"}
ANY = "all"
VERDICTS = (ANY, *layer_drawing.SIGNS, layer_drawing.UNRUN)
MOST_STEPS = 400
INTRO = say(
    "The study notes, executed: **play** with PyTorch's layers, **run** what the notes claim, and "
    "see whether "
    "loss\nand updater written by hand agree with PyTorch's own."
)
CLAIMS_INTRO = say(
    "Each card is a statement or an open question of the notes, in our words, with the lines that "
    "decide "
    "it.\nNothing is judged until you run it. The last line says what counts: `noted(…)` whether "
    "the "
    "statement is true on this run,\n`which(…)` which of the possible answers it bears out, "
    "`renamed(…)` "
    "whether the old name and today's still work."
)

# The address names what is open, so that a refreshed page or a friend sees the same. (The parts:
# tabs/address.py.)
ADDRESS = """(topic) => { const url = new URL(location); url.searchParams.set("tab", "layers");
  url.searchParams.delete("claim"); url.searchParams.set("topic", topic); showAddress(url); }"""
# Cards are HTML: one listener hands a Run button's claim on, shows that it runs, and keeps links
# from loading anew.
CARD_CLICKS = """const address = (claim) => { const url = new URL(location); url.searchParams.set("tab", "layers");
  url.searchParams.delete("topic"); url.searchParams.set("claim", claim); showAddress(url); };
const show = () => setTimeout(() => { const card = element.querySelector(".claim.linked");
  if (card && card.dataset.shown !== card.id) { card.dataset.shown = card.id; card.scrollIntoView({block: "center"}); } }, 150);
element.addEventListener("click", (event) => {
  const link = event.target.closest("a.permalink");
  if (link) { event.preventDefault(); address(new URL(link.href).searchParams.get("claim")); return; }
  const button = event.target.closest("button[data-claim]");
  if (!button || button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true"); button.firstChild.textContent = RUNNING;
  address(button.dataset.claim); trigger("click", {claim: button.dataset.claim});
  window.walkOn?.("claim"); });
watch("value", show); show();"""

# Pressed as a visitor would press them, the address follows; what lies folded in the other tab is
# opened and shown.
TO_BY_HAND = """() => { document.querySelector('[role=tab][aria-controls="tab-fine-tune"]')?.click();
  const show = (tries) => { const part = document.querySelector("#one-step-by-hand");
    if (!part?.offsetParent) { if (tries) setTimeout(show, 100, tries - 1); return; }
    const fold = part.querySelector("button.label-wrap");
    if (fold && !fold.classList.contains("open")) fold.click();
    setTimeout(() => { part.scrollIntoView({block: "start"}); fold?.focus({preventScroll: true}); }, 250); };
  show(50); }"""

PRIVATE = {"api_visibility": "private", "show_progress": "hidden"}
# Some claims train for seconds: they wait for each other in a queue of their own, and never for the
# other tabs.
CLAIMS_QUEUE = {"concurrency_id": "claims", "concurrency_limit": 4}


@dataclass(frozen=True)
class LayersTab:
    """What app.py wires to the rest."""

    shared: Shared
    openings: tuple


@dataclass(frozen=True)
class Address:
    """What the page's address asks for: a part, a topic of Play or a claim, or a message that says
    why not.
    """

    part: str = ""  # "play" | "claims" | "updater"; "" where the address is about another tab
    topic: str = ""
    claim: str = ""
    section: str = ""  # of that claim
    message: str = ""


def read_address(query):
    """The address's values, a dict of untrusted text -> Address.

    >>> read_address({"tab": "layers", "topic": "dropout"})
    Address(part='play', topic='dropout', claim='', section='', message='')
    """
    if query.get("tab") != "layers":
        return Address()
    if claim := str(query.get("claim") or ""):
        try:
            found = _find(claim)
        except InputError as error:
            return Address(
                "claims",
                message=_("The address asks for a claim that isn't here: {error}", error=error),
            )
        return Address("claims", claim=found.id, section=found.section)
    topic = str(query.get("topic") or next(iter(TOPICS)))
    if topic not in PARTS:
        return Address(
            "play",
            message=_(
                "The address asks for the topic {topic!r}, which isn't here. Choose one below, or "
                "write one of {topics} there.",
                topic=topic[:60],
                topics=", ".join(PARTS),
            ),
        )
    return Address(PARTS[topic], topic=topic if PARTS[topic] == "play" else "")


def build_tab(settings, tabs):
    """The tab's components and wiring, inside one of the page's `tabs`."""
    page = _handlers()
    gr.Markdown(str(INTRO))
    message = gr.HTML(elem_id="layers-message")
    with gr.Tabs() as parts:
        with gr.Tab(_("Play"), id="play", elem_id="layers-play"):
            titles = [(str(title), slug) for slug, (title, *_rest) in TOPICS.items()]
            topic = gr.Radio(
                titles, value=next(iter(TOPICS)), label=_("Topic"), elem_classes="chips"
            )
            topics = build_topics(topic.value)
        with gr.Tab(_("Claims"), id="claims", elem_id="layers-claims") as claims:
            section, linked, board, show_board = _claims(page)
        with gr.Tab(_("Loss and updater"), id="updater", elem_id="layers-updater") as updater:
            show_updater = _updater()
            updater_inputs = show_updater["inputs"]
    shown = [part for one in topics.values() for part in (one.column, one.output)]
    asked = [topic, *(part for one in topics.values() for part in one.inputs)]
    topic.input(_show_topic(topics), asked, shown, **PRIVATE)
    topic.input(None, topic, None, js=ADDRESS, api_visibility="private")
    claims.select(**show_board)
    updater.select(**show_updater)
    public(page.claim, api_name="claim", **CLAIMS_QUEUE)
    shared = Shared("layers", _fields(topics, updater_inputs), for_class=False)
    build_share(settings, shared)
    shared.follow_changes(
        *(one.output.change for one in topics.values()), show_updater["outputs"].change
    )
    drawn = [tabs, parts, message, topic, section, linked, board, *shown, show_updater["outputs"]]
    opened = Opening(_open(page, topics), [*asked, *updater_inputs], drawn)
    return LayersTab(shared, (opened,))


def _open(page, topics):
    """The handler for the tab's first sight: the part, topic or claim that the address names, and
    no other before it.

    Play is drawn in any case, for the visitor may turn to it; the updater, which takes longer,
    where it is asked for.
    """
    show, draw = _show_topic(topics), says_why(draw_updater)
    count = sum(len(one.inputs) for one in topics.values())

    def opened(request: gr.Request, chosen, *values):
        address = read_address(request.query_params)
        updater = draw(*values[count:]) if address.part == "updater" else gr.skip()
        return [*page.opened(address), *show(address.topic or chosen, *values[:count]), updater]

    return opened


def _fields(topics, updater_inputs):
    """The controls by their names in the address: the topic and the control's place in it, as
    labels differ by language.
    """
    named = {**{slug: one.inputs for slug, one in topics.items()}, "updater": updater_inputs}
    return {
        f"{part}.{place}": control
        for part, controls in named.items()
        for place, control in enumerate(controls, 1)
    }


def _show_topic(topics):
    """One handler for all topics: the chosen one is shown and drawn, the others are hidden and left
    alone.
    """

    def show(chosen, *values):
        answers, values = [], iter(values)
        for slug, one in topics.items():
            own = [next(values) for _rest in one.inputs]
            answers += [
                gr.Column(visible=slug == chosen),
                one.draw(*own) if slug == chosen else gr.skip(),
            ]
        return answers

    return show


def _claims(page):
    """The Claims part: filters, a button for all, the cards."""
    gr.Markdown(str(CLAIMS_INTRO))
    with gr.Row():
        # Filled when the part is first opened: the claims need torch, and nothing here may import
        # it.
        section = gr.Dropdown([], label=_("Section of the notes"), min_width=280)
        verdict = gr.Radio(
            [(str(layer_drawing.verdict_name(name)), name) for name in VERDICTS],
            value=ANY,
            label=_("Verdict"),
            info=_("as your own runs found it"),
            min_width=280,
        )
    run_all = gr.Button(_("Run all that is shown"), variant="primary")
    status = gr.HTML(layer_drawing.claim_status(_("Nothing has run yet.")), elem_id="claims-status")
    board = gr.HTML(
        min_height=400, js_on_load=CARD_CLICKS.replace("RUNNING", json.dumps(_("Running…")))
    )
    results, linked = gr.State({}), gr.State("")
    asked = [section, verdict, results, linked]
    show_board = {"fn": page.open, "inputs": asked, "outputs": [section, board], **PRIVATE}
    gr.on([section.input, verdict.input], page.board, asked, board, **PRIVATE)
    board.click(page.run, asked, [results, status, board], **PRIVATE, **CLAIMS_QUEUE)
    run_all.click(page.run_all, asked, [results, status, verdict, board], **PRIVATE, **CLAIMS_QUEUE)
    return section, linked, board, show_board


def _updater():
    """The Loss and updater part."""
    gr.Markdown(
        _(
            "d2l's `squared_loss` and `sgd`, written by hand, against `MSELoss` and "
            "`torch.optim.SGD`: all four "
            "combinations on linear regression, each with its losses **summed** and **averaged** "
            "before "
            "`backward()`. d2l's `sgd` divides by the batch size itself, `SGD` doesn't."
        )
    )
    with gr.Row():
        inputs = [
            gr.Slider(0.001, 1, 0.03, step=0.001, label="lr", info=_("how far a step goes")),
            gr.Slider(1, 256, 8, step=1, label="batch_size", info=_("examples in one step")),
            gr.Slider(1, MOST_STEPS, 60, step=1, label=_("steps")),
            gr.Checkbox(
                False, label=_("½ before MSELoss too"), info=_("d2l's squared_loss has it")
            ),
            gr.Slider(0, 20, 0, step=1, label="seed", info=_("another one, other data")),
        ]
    picture = gr.HTML(min_height=520)
    gr.Markdown(
        _("The same on a classifier, one step written out: forward, loss, backward, update.")
    )
    by_hand = gr.Button(_("One step by hand, in Fine-tune"))
    by_hand.click(None, None, None, js=TO_BY_HAND, api_visibility="private")
    show = {"fn": says_why(draw_updater), "inputs": inputs, "outputs": picture, **PRIVATE}
    gr.on([part.change for part in inputs], **show, trigger_mode="always_last")
    return show


def draw_updater(lr, batch_size, steps, half, seed):
    """Settings of linear regression -> who agrees, the curves, the table."""
    from layers.updater import compare

    curves = compare(lr, batch_size, steps, half, seed)
    return (
        layer_drawing.updater_summary(curves)
        + layer_drawing.updater_chart(curves)
        + layer_drawing.updater_table(curves)
    )


def _find(id):
    """The claim of that name; an InputError suggests the nearest."""
    from layers.claims import find

    try:
        return find(str(id)[:60])
    except ValueError as error:
        raise InputError(str(error)) from None


def result_as_dict(result):
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


class _handlers:
    """The Claims part's handlers. `results` is the visitor's own: {claim id: result as a dict}."""

    def __init__(self):
        self.board = notice_on_error(1)(self.board)

    def opened(self, address):
        """[the page's tab, this tab's part, message, topic, sections, linked claim, cards] that an
        address asks for.
        """
        if not address.part:
            return (gr.skip(),) * 7
        message = markup.notice(address.message, kind="error") if address.message else ""
        sections, board = gr.skip(), gr.skip()
        if address.part == "claims":
            sections, board = self.open(address.section or None, ANY, {}, address.claim)
        return (
            gr.Tabs(selected="layers"),
            gr.Tabs(selected=address.part),
            message,
            address.topic or gr.skip(),
            sections,
            address.claim,
            board,
        )

    def open(self, section, verdict, results, linked):
        """The sections to choose from, counted, and the cards of the one chosen."""
        from layers.claims import SECTIONS, claims

        choices = [
            (_("All {count} claims", count=len(claims())), ANY),
            *(
                (_("{title} ({count})", title=told(part.title), count=len(part)), part.slug)
                for part in SECTIONS
            ),
        ]
        section = section or SECTIONS[0].slug
        return gr.Dropdown(choices, value=section), self.board(section, verdict, results, linked)

    def board(self, section, verdict, results, linked):
        """The cards of a section with a verdict, as far as this visitor has run them."""
        chosen = _chosen(section)
        counts = Counter(_verdict(claim, results) for claim in chosen)
        cards = [
            _card(claim, results.get(claim.id))
            for claim in chosen
            if verdict in (ANY, _verdict(claim, results)) or claim.id == linked
        ]
        tally = layer_drawing.tally({name: counts[name] for name in VERDICTS})
        return tally + layer_drawing.claim_cards(cards, linked)

    def run(self, section, verdict, results, linked, event: gr.EventData):
        """The card whose button was pressed. It stays in sight whatever the filter."""
        try:
            claim = _find(sent(event).get("claim"))
        except InputError as error:
            return gr.skip(), markup.notice(explain(error), kind="error"), gr.skip()
        results[claim.id] = _run(claim)
        said = _(
            "{id}: {verdict}, {seconds:.2f} s.",
            id=claim.id,
            seconds=results[claim.id]["seconds"],
            verdict=layer_drawing.verdict_name(results[claim.id]["verdict"]),
        )
        return (
            results,
            layer_drawing.claim_status(said),
            self.board(section, verdict, results, claim.id),
        )

    def run_all(self, section, verdict, results, linked):
        """Every card shown, one after the other; the page is told about twice a second."""
        chosen = [claim for claim in _chosen(section) if verdict in (ANY, _verdict(claim, results))]
        # Cards would vanish from "not run yet" one by one, before anybody could read them.
        verdict, told, began = (
            (ANY if verdict == layer_drawing.UNRUN else verdict),
            0.0,
            time.monotonic(),
        )
        for done, claim in enumerate(chosen):
            if time.monotonic() - told > 0.5:
                told = time.monotonic()
                status = layer_drawing.claim_status(
                    _(
                        "Running {id}, {done} of {count}.",
                        id=claim.id,
                        done=done + 1,
                        count=len(chosen),
                    ),
                    done,
                    len(chosen),
                )
                yield (
                    results,
                    status,
                    verdict,
                    self.board(section, verdict, results, linked) if done else gr.skip(),
                )
            results[claim.id] = _run(claim)
        said = ngettext(
            "{count} claim run in {seconds:.1f} s.",
            "{count} claims run in {seconds:.1f} s.",
            len(chosen),
            seconds=time.monotonic() - began,
        )
        yield (
            results,
            layer_drawing.claim_status(said),
            verdict,
            self.board(section, verdict, results, linked),
        )

    def claim(self, id: str) -> dict:
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

            return result_as_dict(check(_find(id)))
        except Exception as error:
            raise toast(error) from None


def _chosen(section):
    from layers.claims import claims

    try:
        return claims(None if section == ANY else section)
    except ValueError as error:
        raise InputError(str(error)) from None


def _verdict(claim, results):
    return results[claim.id]["verdict"] if claim.id in results else layer_drawing.UNRUN


def _run(claim):
    from layers.claims import check

    # Each run has a number of its own, so that the card is drawn anew even where nothing else has
    # changed.
    return {**result_as_dict(check(claim)), "run": time.monotonic_ns()}


def _card(claim, result):
    from layers.claims import SECTIONS

    title = next(part.title for part in SECTIONS if part.slug == claim.section)
    return {
        "id": claim.id,
        "section": title,
        "kind": claim.kind,
        "says": claim.says,
        "truth": claim.truth,
        "docs": claim.docs,
        "source": claim.source,
        "helpers": claim.helpers,
        "result": result,
    }
