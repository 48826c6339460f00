"""Check yourself without a browser: what the page may know before a guess, and what counts."""

import json
import re
from types import SimpleNamespace

import gradio as gr
import pytest

from pipeline.classes.store import create_class, join_class, pupil_of, pupils_of
from pipeline.questions import QUESTIONS, id_of
from pipeline.questions.of_layers import Played
from pipeline.settings import Settings
from tabs.check_yourself import Asked, build_check_yourself

IDS = [id_of(ask) for ask in QUESTIONS["layers"]]


SETTINGS = Settings(data="embedded")


def event(**told):
    return SimpleNamespace(_data=told)


class Page:
    """The section as a page holds it: its state, what the browser keeps, what is drawn."""

    def __init__(self, shown=Played, settings=SETTINGS, of_class=("", ""), **options):
        self.of_class = of_class
        with gr.Blocks() as self.demo:
            self.section = build_check_yourself(settings, "layers", shown, [], **options)
        self.state, self.kept, self.drawn = None, {}, ""

    def take(self, changes):
        section = self.section
        self.state = changes.get(section.asked, self.state)
        self.kept = changes.get(section.answers, self.kept)
        self.drawn = str(changes.get(section.board, self.drawn))
        return self

    def open(self):
        return self.take(self.section.open(self.state, self.kept))

    def press(self, **told):
        return self.take(self.section.act(event(**told), self.state, self.kept, *self.of_class))

    def answer(self, rightly):
        right = self.state.question.right
        return self.press(
            choice=right if rightly else (right + 1) % len(self.state.question.choices)
        )


@pytest.fixture
def page():
    return Page().open()


def test_before_a_guess_the_page_tells_the_choices_alone(page):
    question = page.state.question
    assert question.text in page.drawn
    for choice in question.choices:
        assert choice.text in page.drawn and choice.because not in page.drawn
    classes = re.findall(r'<button type="button" class="(.*?)"', page.drawn)[
        : len(question.choices)
    ]
    assert classes == [""] * len(question.choices)
    assert "disabled" not in page.drawn and "data-right" not in page.drawn


def test_a_wrong_choice_is_explained_and_so_is_the_right_one(page):
    page.answer(rightly=False)
    question = page.state.question
    chosen, right = question.choices[page.state.chosen], question.choices[question.right]
    assert str(chosen.because).replace("'", "&#39;") in page.drawn
    assert str(right.because).replace("'", "&#39;") in page.drawn
    assert page.drawn.count("disabled") == len(question.choices)
    assert page.kept == {question.id: False} and "0 of 1" in page.drawn


def test_the_first_answer_counts(page):
    first = page.state.question.id
    page.answer(rightly=False).answer(rightly=True)
    assert page.kept == {first: False}, "answered again at once"
    for _question in IDS:  # all others, and then the first once more
        page.press(next=True).answer(rightly=True)
    assert page.state.question.id == first and page.state.chosen == page.state.question.right
    assert page.kept == {**dict.fromkeys(IDS, True), first: False}
    assert f"{len(IDS) - 1} of {len(IDS)}" in page.drawn


def test_a_reset_begins_anew(page):
    page.answer(rightly=True).press(over=True)
    assert page.kept == {} and page.state.chosen is None and "0 of 0" in page.drawn


@pytest.mark.parametrize(
    "kept", [None, 7, [], "x", {"size-of-an-output": 1}, {"no-such": True}, {IDS[0]: "True"}]
)
def test_what_a_browser_may_have_stored(page, kept):
    page.kept = kept
    page.answer(rightly=True)
    assert page.kept == {page.state.question.id: True}


@pytest.mark.parametrize("choice", [-1, 4, 99, True, "0", 1.0, None, [], {}])
def test_a_choice_that_is_none_changes_nothing(page, choice):
    before = page.state
    page.press(choice=choice)
    assert page.state == before and page.kept == {}


def test_a_guess_without_a_question_gets_one():
    page = Page().press(choice=0)
    assert isinstance(page.state, Asked) and page.kept == {}


def test_opening_again_keeps_the_question_and_another_pair_asks_anew(page):
    before = page.state
    assert page.open().state is before
    page.take(page.section.renew(page.state, page.kept))
    assert page.state is not before and page.state.chosen is None
    page.answer(rightly=True)
    answered = page.state
    page.take(page.section.renew(page.state, page.kept))
    assert page.state is answered, "an answer is still being read"


def test_bad_input_is_said_where_the_question_would_stand():
    def refused():
        raise ValueError("a stranger's")

    page = Page(refused).open()
    assert 'role="alert"' in page.drawn and page.state is None


def test_questions_that_wait_are_not_counted():
    page = Page(waiting=lambda shown: (2, "They wait.")).open()
    assert f"Questions here: {len(IDS) - 2}." in page.drawn and "They wait." in page.drawn


def test_a_pupils_first_answers_are_counted_in_the_class(settings):
    code, teacher = create_class("", "", {}, settings)
    key = join_class(code, "Ann", settings)[1]
    page = Page(settings=settings, of_class=(code, json.dumps({"pupil": key}))).open()
    first = page.state.question.id
    page.answer(rightly=False).press(next=True).answer(rightly=True)
    second = page.state.question.id
    assert pupil_of(code, key, settings).answers == {first: False, second: True}
    page.press(over=True).answer(rightly=True)
    assert pupil_of(code, key, settings).answers[first] is False, "a reset forgets nothing there"
    for of_class in ((code, json.dumps({"teacher": teacher})), (code, ""), ("", "")):
        Page(settings=settings, of_class=of_class).open().answer(rightly=True)
    assert [len(pupil.answers) for pupil in pupils_of(code, settings)] == [2]


@pytest.mark.parametrize(
    "of_class", [("no-such", '{"pupil": "x"}'), (7, 7), (None, None), ("bcdf-ghjk-mnpq", "[")]
)
def test_a_class_that_is_over_takes_no_answer_away(settings, of_class):
    page = Page(settings=settings, of_class=of_class).open().answer(rightly=True)
    assert page.kept == {page.state.question.id: True} and "1 of 1" in page.drawn


def test_nothing_of_it_is_an_endpoint_of_the_api(page):
    assert {function.api_visibility for function in page.demo.fns.values()} == {"private"}
