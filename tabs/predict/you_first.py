"""You first: the visitor guesses the label of a pair of the data, then the model does."""

from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block

from languages import _, say
from pipeline.dataset import load_raw_datasets, random_rows, rows_at
from pipeline.errors import InputError
from pipeline.explain.probing import check_judges_meaning, check_takes_pair, record_of
from pipeline.prediction import predict
from pipeline.settings import LABELS, Settings
from tabs.class_room.membership import Member, Membership, count_guess, member
from tabs.errors import error_notice
from tabs.predict.listeners import PRIVATE
from tabs.predict.models import short_name
from views import predictions

NO_SCORE = {"of": 0, "you": 0, "model": 0, "equivalent": 0}
Changes = dict[Block, Any]


def checked_score(score: Any) -> dict[str, int]:
    """The score that the browser has stored. Anyone may have written it: odd ones count as none."""
    if not isinstance(score, dict) or any(type(score.get(name)) is not int for name in NO_SCORE):
        return NO_SCORE
    kept = {name: score[name] for name in NO_SCORE}
    return kept if all(0 <= number <= kept["of"] <= 10**6 for number in kept.values()) else NO_SCORE


@dataclass(frozen=True)
class YouFirst:
    """The section's components, and its handlers.

    `quiz` is None or {"row": its number in the validation split, "open": whether it waits for a
    guess}. It stays on the server, so that the label can't be read in the page.
    """

    settings: Settings
    sentences: list[gr.Textbox]  # of the tab
    pair: gr.HTML
    result: gr.HTML
    score_line: gr.HTML
    quiz: gr.State
    score: gr.BrowserState
    same: gr.Button
    differ: gr.Button
    take: gr.Button  # puts the pair into the tab's fields

    def open(self, quiz: dict | None, score: Any) -> Changes:
        """Opening the section again keeps the pair that waits for a guess."""
        return {self.quiz: quiz} if quiz else self.next_pair(quiz, score)

    def next_pair(self, quiz: dict | None, score: Any) -> Changes:
        """Another pair, drawn at random."""
        try:
            dataset, origin = self._validation()
            row = random_rows(dataset, 1)[0]
            while quiz and row == quiz["row"] and len(dataset) > 1:
                row = random_rows(dataset, 1)[0]
            [pair] = rows_at(dataset, [row])
        except Exception as error:
            return {self.pair: error_notice(error)}
        where = _(
            "Row {row} of the validation pairs of {origin}, whichever pairs are chosen elsewhere.",
            row=row,
            origin=origin,
        )
        return {
            self.pair: predictions.guess_pair(pair, where),
            self.result: "",
            self.score_line: predictions.score_line(checked_score(score)),
            self.quiz: {"row": row, "open": True},
            self.same: gr.Button(interactive=True),
            self.differ: gr.Button(interactive=True),
        }

    def guess_same(
        self, quiz: dict | None, score: Any, model: str, code: Any = "", kept: Any = ""
    ) -> Changes:
        """The visitor says that the two sentences are equivalent. code, kept: the class that the
        page is in, as a Membership's fields say it.
        """
        return self._guess(LABELS[1], quiz, score, model, member(code, kept))

    def guess_differ(
        self, quiz: dict | None, score: Any, model: str, code: Any = "", kept: Any = ""
    ) -> Changes:
        """The visitor says that they aren't. code, kept: as above."""
        return self._guess(LABELS[0], quiz, score, model, member(code, kept))

    def _guess(
        self, guess: str, quiz: dict | None, score: Any, model: str, who: Member | None
    ) -> Changes:
        """A guess counts once, and only if the model has answered, too."""
        try:
            if not quiz or not quiz["open"]:
                raise InputError(say("You have answered this pair. Press “Next pair”."))
            row = self._row(quiz)
            pair = row["sentence1"], row["sentence2"]
            check_takes_pair(model, self.settings)
            [answer], origin = predict(
                model, [pair], self.settings.max_length, settings=self.settings
            )
            check_judges_meaning(answer)
        except Exception as error:
            return {self.result: error_notice(error)}
        gold = LABELS[row["label"]]
        count_guess(who, f"pair-{quiz['row']}", guess == gold, self.settings)
        score = checked_score(score)
        score = {
            "of": score["of"] + 1,
            "you": score["you"] + (guess == gold),
            "model": score["model"] + (answer.label == gold),
            "equivalent": score["equivalent"] + (gold == LABELS[1]),
        }
        name = _("the model ({name})", name=short_name(origin.loaded))
        record = record_of(origin.loaded)
        return {
            self.result: predictions.guess_result(guess, gold, answer, name, record),
            self.score_line: predictions.score_line(score),
            self.quiz: {**quiz, "open": False},
            self.score: score,
            self.same: gr.Button(interactive=False),
            self.differ: gr.Button(interactive=False),
        }

    def take_pair(self, quiz: dict | None) -> Changes:
        """The pair goes into the tab's own fields."""
        try:
            if not quiz:
                raise InputError(say("There is no pair yet. Press “Next pair”."))
            row = self._row(quiz)
        except Exception as error:
            return {self.result: error_notice(error)}
        sentence1, sentence2 = self.sentences
        return {sentence1: row["sentence1"], sentence2: row["sentence2"]}

    def start_over(self) -> Changes:
        """The score begins at nothing."""
        return {self.score_line: predictions.score_line(NO_SCORE), self.score: NO_SCORE}

    def _row(self, quiz: dict) -> dict:
        [row] = rows_at(self._validation()[0], [quiz["row"]])
        return row

    def _validation(self):
        raw_datasets, origin = load_raw_datasets("auto", self.settings)
        return raw_datasets["validation"], origin


def build_you_first(
    settings: Settings,
    sentences: list[gr.Textbox],
    model: gr.Dropdown,
    membership: Membership | None = None,
) -> YouFirst:
    """The section. sentences: the two text fields of the tab. membership: of the page; a pupil's
    guesses are counted in the class.
    """
    # Outside the section: inside, it would be read from the browser only after the section has
    # opened without it
    score = gr.BrowserState(NO_SCORE, storage_key="guesses", secret="guesses-of-this-browser")
    with gr.Accordion(_("Can you beat the model?"), open=False, elem_id="open-guess") as section:
        pair = gr.HTML(min_height=130)
        with gr.Row():
            same = gr.Button(_("They mean the same"), interactive=False)
            differ = gr.Button(_("They don't"), interactive=False)
        result = gr.HTML()
        score_line = gr.HTML(predictions.score_line(NO_SCORE))
        with gr.Row():
            following = gr.Button(_("Next pair"), variant="primary", size="md")
            take = gr.Button(_("Use this pair above"), size="md")
            over = gr.Button(_("Reset the score"), size="md")
        quiz = gr.State(None)
    shown = YouFirst(settings, sentences, pair, result, score_line, quiz, score, same, differ, take)
    new_pair = [pair, result, score_line, quiz, same, differ]
    section.expand(shown.open, [quiz, score], new_pair, **PRIVATE)
    following.click(shown.next_pair, [quiz, score], new_pair, **PRIVATE)
    guessed = [result, score_line, quiz, score, same, differ]
    asked = [quiz, score, model, *(membership.inputs if membership else [])]
    same.click(shown.guess_same, asked, guessed, **PRIVATE)
    differ.click(shown.guess_differ, asked, guessed, **PRIVATE)
    over.click(shown.start_over, None, [score_line, score], **PRIVATE)
    return shown
