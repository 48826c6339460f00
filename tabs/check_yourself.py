"""Check yourself: questions about what a tab shows, each answered at once.

A question stays on the server until it is answered: the page holds its text and its choices, and
nothing that tells the right one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random, SystemRandom
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component
from markupsafe import Markup

from languages import _
from pipeline.errors import InputError
from pipeline.questions import QUESTIONS, Question, following, id_of
from pipeline.settings import Settings
from tabs.address import press_open
from tabs.class_room.membership import Member, Membership, count_answer, member
from tabs.errors import error_notice, sent
from views.check_yourself import check_yourself

PRIVATE = {"api_visibility": "private", "show_progress": "hidden"}
Changes = dict[Block, Any]


@dataclass(frozen=True)
class Asked:
    """A question on the page, and what was chosen, the place of a choice.

    count: how many questions the tab has now; later: what others wait for, or "".
    """

    question: Question
    count: int
    later: str = ""
    chosen: int | None = None


def none_waits(shown: Any) -> tuple[int, str]:
    """All questions of the tab can be asked from the start."""
    return 0, ""


@dataclass(frozen=True)
class CheckYourself:
    """The section's components, and its handlers.

    shown: the values of `inputs` -> what the tab shows, as its questions take it. waiting: that ->
    (how many of them can't be asked yet, what they wait for).
    asked: None or an Asked. answers: {question id: whether the first answer was right}, in the
    browser.
    """

    settings: Settings
    tab: str
    shown: Callable[..., Any]
    waiting: Callable[[Any], tuple[int, str]]
    board: gr.HTML
    asked: gr.State
    answers: gr.BrowserState

    def checked(self, kept: Any) -> dict[str, bool]:
        """The answers as the browser has stored them. Anyone may have written them: what is no
        answer to a question of this tab is left out.
        """
        known = kept if isinstance(kept, dict) else {}
        ids = map(id_of, QUESTIONS[self.tab])
        return {name: known[name] for name in ids if type(known.get(name)) is bool}

    def open(self, asked: Asked | None, answers: Any, *values: Any) -> Changes:
        """Opening the section again keeps its question."""
        return {self.asked: asked} if asked else self._next("", self.checked(answers), values)

    def renew(self, asked: Asked | None, answers: Any, *values: Any) -> Changes:
        """The tab shows something else now: a question that waits for its answer gives way to one
        about that.
        """
        if asked and asked.chosen is not None:
            return {self.asked: asked}
        return self._next("", self.checked(answers), values)

    def act(
        self,
        event: gr.EventData,
        asked: Asked | None,
        answers: Any,
        code: Any,
        kept: Any,
        *values: Any,
    ) -> Changes:
        """What a button asks for: {"choice": its place}, {"next": true} or {"over": true}. code,
        kept: the class that the page is in, as a Membership's fields say it.
        """
        told, known = sent(event), self.checked(answers)
        if told.get("over"):
            return {self.answers: {}, **self._next("", {}, values)}
        if "choice" in told and asked:
            return self._answer(asked, told["choice"], known, member(code, kept))
        return self._next(asked.question.id if asked else "", known, values)

    def _answer(
        self, asked: Asked, choice: Any, known: dict[str, bool], who: Member | None
    ) -> Changes:
        """The first choice counts, and of a question that is drawn again the first answer."""
        question = asked.question
        is_open = asked.chosen is None and type(choice) is int
        if not is_open or not 0 <= choice < len(question.choices):
            return {self.asked: asked}
        asked = replace(asked, chosen=choice)
        right = question.is_right(choice)
        count_answer(who, question.id, right, self.settings)
        known = {question.id: right, **known}
        return {self.board: self._drawn(asked, known), self.asked: asked, self.answers: known}

    def _next(self, after: str, known: dict[str, bool], values: Sequence[Any]) -> Changes:
        asks = QUESTIONS[self.tab]
        chance = Random(SystemRandom().getrandbits(64))
        try:
            shown = self.shown(*values)
            question = following(asks, shown, known, after, chance)
            if question is None:
                raise InputError(_("There is nothing to ask about this input. Try another."))
        except Exception as error:
            return {self.board: error_notice(error), self.asked: None}
        waiting, later = self.waiting(shown)
        asked = Asked(question, len(asks) - waiting, later)
        return {self.board: self._drawn(asked, known), self.asked: asked}

    def _drawn(self, asked: Asked, known: dict[str, bool]) -> Markup:
        count = max(asked.count, len(known))
        return check_yourself(asked.question, asked.chosen, known, count, asked.later)


def build_check_yourself(
    settings: Settings,
    tab: str,
    shown: Callable[..., Any],
    inputs: Sequence[Component],
    *,
    membership: Membership | None = None,
    waiting: Callable[[Any], tuple[int, str]] = none_waits,
    renewed: Sequence[Any] = (),
) -> CheckYourself:
    """The section, below everything else in its tab. shown, waiting: see CheckYourself.

    membership: of the page; a pupil's answers are counted in the class.
    renewed: events after which the tab shows something else that its questions don't tell in full.
    """
    # Outside the section: inside, it would be read from the browser only after the section has
    # opened without it
    answers = gr.BrowserState({}, storage_key=f"answers-{tab}", secret="answers-of-this-browser")
    asked = gr.State(None)
    with gr.Accordion(
        _("Check yourself"), open=False, elem_id=f"open-check-{tab}", elem_classes="check-yourself"
    ) as section:
        listen = "page.check.listen(element, trigger, watch); page.charts.listen(element)"
        board = gr.HTML(min_height=220, js_on_load=listen)
        again = gr.Button(visible="hidden", elem_classes=f"of-check-{tab}")
    check = CheckYourself(settings, tab, shown, waiting, board, asked, answers)
    of_class = membership.inputs if membership else [gr.State(""), gr.State("")]
    section.expand(check.open, [asked, answers, *inputs], [board, asked], **PRIVATE)
    again.click(check.renew, [asked, answers, *inputs], [board, asked], **PRIVATE)
    pressed = [asked, answers, *of_class, *inputs]
    board.click(check.act, pressed, [board, asked, answers], **PRIVATE)
    press_open(f"of-check-{tab}", renewed)
    return check
