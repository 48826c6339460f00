"""Below the answer: other models, what mattered, stress, you first, a file of pairs, and the script
that does it again.
"""

import io
import secrets
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from languages import _, say
from pipeline.dataset import load_raw_datasets, random_rows, rows_at
from pipeline.errors import InputError, shown
from pipeline.explain.probing import leave_one_out, record_of, stress
from pipeline.export.csv_answers import answer_rows, read_pairs, write_answers
from pipeline.export.scripts import predict_script
from pipeline.hub.isolated import find
from pipeline.hub.sources import RUN_PREFIX
from pipeline.prediction import predict, predict_each
from pipeline.settings import EMBEDDED_CHECKPOINT, LABELS, READY, WARMED
from pipeline.tokenization import checked_pair
from tabs.address import press_open
from tabs.errors import explain, notice_on_error
from tabs.scripts import in_block, script_block
from views import markup
from views import predictions as more
from web.fair_queue import address_of
from web.uploads import room_of

NAMES = {
    EMBEDDED_CHECKPOINT: say("new head: all-MiniLM-L6-v2"),
    WARMED: say("compares, no labels"),
    READY: say("ready"),
}
NO_SCORE = {"of": 0, "you": 0, "model": 0, "equivalent": 0}
TRUTHS = [(say("they say the same"), LABELS[1]), (say("they don't"), LABELS[0])]
# The fields are far above the button that fills them
TO_THE_TOP = """(...values) => { document.querySelector("#tab-predict").scrollIntoView({block: "start"}); return values; }"""
# Asked again while it still works, a section is worked out once more for what is asked last
PRIVATE = {"api_visibility": "private", "show_progress": "minimal", "trigger_mode": "always_last"}


def compared():
    """The models that are always there, by the names under which the page lists them."""
    return [(str(label), name) for name, label in NAMES.items()]


@dataclass(frozen=True)
class Sections:
    """What predict.py wires to the rest: the event after which another pair stands in the fields;
    what redraws the script.
    """

    taken: object
    take: gr.Button  # that sets it off
    shown_script: dict
    fields: dict  # of their own, by the names that an address has for them

    def follow(self, answered):
        """After each of these events the script is that of the new answer, and so is what stands
        open.
        """
        for event in answered:
            event.then(**self.shown_script)
        press_open("of-the-answer", answered)


def build_sections(settings, pair, model):
    """The sections under the answer. `pair`: the two text fields.

    A section is worked out when it is opened, by its own button, and while it stands open whenever
    there is a new answer: nobody pays for what they don't look at.
    """
    page = _handlers(settings)
    inputs = [*pair, model]
    # Outside its section: inside, it would be read from the browser only after the section has
    # opened without it
    score = gr.BrowserState(NO_SCORE, storage_key="guesses", secret="guesses-of-this-browser")
    with gr.Accordion(_("Models side by side"), open=False, elem_id="open-models") as compare:
        fields = _compare(page, compare, pair, model)
    with gr.Accordion(_("What mattered, word by word"), open=False, elem_id="open-words") as words:
        gr.Markdown(
            _(
                "Each word is left out in turn and the model asked again, all in one batch (which "
                "may change the last "
                "digits of the answer). At most {most} words together.",
                most=settings.max_words_left_out,
            )
        )
        again = gr.Button(_("Leave each word out"), size="md", elem_classes="of-the-answer")
        gr.on(
            [words.expand, again.click], page.mattered, inputs, gr.HTML(min_height=160), **PRIVATE
        )
    with gr.Accordion(
        _("Stress it: change the pair"), open=False, elem_id="open-stress"
    ) as stressed:
        truth = gr.Radio(
            [(str(label), truth) for label, truth in TRUTHS],
            value=LABELS[1],
            label=_("Your own pair, as you read it"),
            info=_("what the answer to a changed pair should be follows from this"),
        )
        again = gr.Button(_("Change the pair"), size="md", elem_classes="of-the-answer")
        gr.on(
            [stressed.expand, again.click, truth.change],
            page.stress,
            [*inputs, truth],
            gr.HTML(min_height=300),
            **PRIVATE,
        )
    with gr.Accordion(_("You first: guess, then the model"), open=False) as first:
        taken, take = _you_first(page, first, pair, model, score)
    with gr.Accordion(_("A file of pairs"), open=False):
        _file(page, settings, model)
    with gr.Accordion(_("Reproduce: the plain script"), open=False) as reproduce:
        script = script_block(_("# Open this again after Predict"), "predict.py")
        shown_script = {
            "fn": in_block(page.script, "predict.py"),
            "inputs": inputs,
            "outputs": script,
            **PRIVATE,
        }
        reproduce.expand(**shown_script)
    return Sections(taken, take, shown_script, {**fields, "reading": truth})


def _compare(page, section, pair, model):
    chosen = gr.CheckboxGroup(
        compared(),
        value=list(NAMES),
        label=_("Models"),
        info=_("a model of yours joins them when its fine-tune ends"),
    )
    other = gr.Textbox("", label=_("And an id of the Hub"), placeholder="owner/name", max_length=96)
    again = gr.Button(_("Compare"), size="md", elem_classes="of-the-answer")
    gr.on(
        [section.expand, again.click, other.submit],
        page.compare,
        [*pair, chosen, other],
        gr.HTML(min_height=200),
        **PRIVATE,
    )
    model.change(
        page.offer, [model, chosen], chosen, api_visibility="private", show_progress="hidden"
    )
    return {"models": chosen, "other_model": other}


def _you_first(page, section, pair, model, score):
    guessing = gr.HTML(min_height=130)
    with gr.Row():
        same = gr.Button(_("They say the same"), interactive=False)
        differ = gr.Button(_("They don't"), interactive=False)
    revealed = gr.HTML()
    score_line = gr.HTML(more.score_line(NO_SCORE))
    with gr.Row():
        following = gr.Button(_("Next pair"), variant="primary", size="md")
        take = gr.Button(_("Take this pair above"), size="md")
        over = gr.Button(_("Start over"), size="md")
    quiz = gr.State(None)  # on the server: the label can't be read in the page
    drawn = [guessing, revealed, score_line, quiz, same, differ]
    section.expand(page.open_quiz, [quiz, score], drawn, **PRIVATE)
    following.click(page.next_pair, [quiz, score], drawn, **PRIVATE)
    for button, handler in ((same, page.guess_same), (differ, page.guess_differ)):
        button.click(
            handler,
            [quiz, score, model],
            [revealed, score_line, quiz, score, same, differ],
            **PRIVATE,
        )
    over.click(page.start_over, None, [score_line, score], **PRIVATE)
    return take.click(page.take, quiz, [revealed, *pair], js=TO_THE_TOP, **PRIVATE), take


def _file(page, settings, model):
    gr.Markdown(
        _(
            "The first line names the columns, `sentence1` and `sentence2`; commas, semicolons or "
            "tabs stand between "
            "cells. At most {rows:,} rows and {mebibytes} MiB. A row that can't be answered gets "
            "an `error` and spoils "
            "no other. All columns come back; where there is a column `label` (0 or 1), the "
            "answers are scored by it. "
            "In the file that comes back, a text that a spreadsheet would run as a formula (one "
            "that begins with `=`, "
            "`+`, `-` or `@`) has an apostrophe before it.",
            rows=settings.max_csv_rows,
            mebibytes=settings.max_csv_bytes // 2**20,
        )
    )
    file = gr.File(label=_("CSV of pairs"), file_types=[".csv", ".tsv", ".txt"], height=130)
    ask = gr.Button(_("Predict the file"), size="md")
    waiting = _("The first answers appear here; the file has them all.")
    result = gr.HTML(f'<p class="quiet">{waiting}</p>', min_height=60)
    download = gr.DownloadButton(_("Download predictions.csv"), size="md", interactive=False)
    # One at a time and in line: a file of 2,000 pairs keeps both cores busy, and others want an
    # answer to one pair
    ask.click(
        page.file,
        [file, model],
        [result, download],
        api_visibility="private",
        show_progress="full",
        show_progress_on=result,
        concurrency_limit=1,
    )


class _handlers:
    """The sections' handlers over one app's settings: each calls the pipeline and draws what comes
    back.
    """

    def __init__(self, settings):
        self.settings = settings
        for name, outputs in (
            ("compare", 1),
            ("mattered", 1),
            ("stress", 1),
            ("next_pair", 6),
            ("take", 3),
            ("file", 2),
        ):
            setattr(self, name, notice_on_error(outputs)(getattr(self, name)))

    # ---- models side by side

    def offer(self, model, chosen):
        """A fine-tune of the visitor's joins the models to compare."""
        if not isinstance(model, str) or not model.startswith(RUN_PREFIX):
            return gr.skip()
        kept = [name for name in chosen if name in NAMES]
        return gr.CheckboxGroup([*compared(), (_name_of(model), model)], value=[*kept, model])

    def compare(self, sentence1, sentence2, chosen, other):
        pair = checked_pair(sentence1, sentence2, self.settings)
        models = list(
            dict.fromkeys([*chosen, *([other.strip()] if other and other.strip() else [])])
        )
        if not models:
            raise InputError(say("No model is chosen. Tick one, or give an id of the Hub."))
        if len(models) > self.settings.max_models_compared:
            raise InputError(
                say(
                    "{count} models are chosen; {most} is the most. Untick some.",
                    count=len(models),
                    most=self.settings.max_models_compared,
                )
            )
        answers = predict_each(
            [(model, *pair, self.settings.max_length) for model in models], self.settings
        )
        return more.models_table(
            pair, [_compared(model, answer) for model, answer in zip(models, answers, strict=True)]
        )

    # ---- what mattered, and stress

    def mattered(self, sentence1, sentence2, model):
        found = leave_one_out(
            model, sentence1, sentence2, self.settings.max_length, settings=self.settings
        )
        line = markup.origin_line(str(found.origin), found.origin.stands_in)
        return f"{line}{more.mattered(found)}"

    def stress(self, sentence1, sentence2, model, truth):
        rows, origin = stress(
            model, sentence1, sentence2, truth, self.settings.max_length, settings=self.settings
        )
        line = markup.origin_line(str(origin), origin.stands_in)
        return f"{line}{more.stress_table(rows, record_of(origin.loaded))}"

    # ---- you first

    def open_quiz(self, quiz, score):
        """Opening the section again keeps the pair that waits for a guess."""
        return (gr.skip(),) * 6 if quiz else self.next_pair(quiz, score)

    def next_pair(self, quiz, score):
        dataset, origin = self._validation()
        row = random_rows(dataset, 1)[0]
        while quiz and row == quiz["row"] and len(dataset) > 1:
            row = random_rows(dataset, 1)[0]
        [pair] = rows_at(dataset, [row])
        where = _("Row {row} of the validation pairs of {origin}.", row=row, origin=origin)
        return (
            more.guess_pair(pair, where),
            "",
            more.score_line(_checked_score(score)),
            {"row": row, "open": True},
            gr.Button(interactive=True),
            gr.Button(interactive=True),
        )

    def guess_same(self, quiz, score, model):
        return self._guess(LABELS[1], quiz, score, model)

    def guess_differ(self, quiz, score, model):
        return self._guess(LABELS[0], quiz, score, model)

    def _guess(self, guess, quiz, score, model):
        """A guess counts once, and only if the model has answered, too."""
        try:
            if not quiz or not quiz["open"]:
                raise InputError(say("This pair has been answered. Press Next pair."))
            [row] = rows_at(self._validation()[0], [quiz["row"]])
            [answer], origin = predict(
                model,
                [(row["sentence1"], row["sentence2"])],
                self.settings.max_length,
                settings=self.settings,
            )
        except Exception as error:
            return markup.notice(explain(error), kind="error"), *(gr.skip(),) * 5
        gold, score = LABELS[row["label"]], _checked_score(score)
        right = {
            "of": True,
            "you": guess == gold,
            "model": answer.label == gold,
            "equivalent": gold == LABELS[1],
        }
        score = {name: score[name] + right[name] for name in NO_SCORE}
        who = _("the model ({name})", name=_name_of(origin.loaded))
        said = more.reveal(guess, gold, answer, who, record_of(origin.loaded))
        done = gr.Button(interactive=False)
        return said, more.score_line(score), {**quiz, "open": False}, score, done, done

    def take(self, quiz):
        if not quiz:
            raise InputError(say("There is no pair yet. Press Next pair."))
        [row] = rows_at(self._validation()[0], [quiz["row"]])
        return gr.skip(), row["sentence1"], row["sentence2"]

    def start_over(self):
        return more.score_line(NO_SCORE), NO_SCORE

    def _validation(self):
        raw_datasets, origin = load_raw_datasets(settings=self.settings)
        return raw_datasets["validation"], origin

    # ---- a file

    def file(self, path, model, progress=gr.Progress(), request: gr.Request = None):  # noqa: B008
        if not path:
            raise InputError(
                say("No file is chosen. Drop a CSV with the columns sentence1 and sentence2 above.")
            )
        limits = {"max_rows": self.settings.max_csv_rows, "max_bytes": self.settings.max_csv_bytes}
        pairs = read_pairs(path, self.settings, name=Path(path).name, **limits)
        rows = pairs.rows
        answered, origin = [], None
        progress(0, desc=_("loading the model"))
        for answers, told in answer_rows(
            model, rows, self.settings.max_length, settings=self.settings
        ):
            answered, origin = answered + answers, origin or told
            progress((len(answered), len(rows)), desc=_("pairs"), unit=_("pairs"))
        line = markup.origin_line(str(origin), origin.stands_in) if origin else ""
        drawn = more.answers_table(answered, line, pairs.notes)
        return drawn, gr.DownloadButton(
            value=self._saved(answered, pairs.columns, request), interactive=True
        )

    def _saved(self, answered, columns, request):
        """The path of the predictions: in gradio's own folder of files, in one whose name nobody
        can guess.
        """
        written = io.StringIO(newline="")
        write_answers(answered, written, columns)
        content = written.getvalue().encode(
            "utf-8-sig"
        )  # with its mark, a spreadsheet knows that this is UTF-8
        room = room_of(self.settings)
        room.take(address_of(request), len(content))
        folder = room.folder / secrets.token_hex(16)
        folder.mkdir(parents=True)
        (folder / "predictions.csv").write_bytes(content)
        return str(folder / "predictions.csv")

    # ---- reproduce

    def script(self, sentence1, sentence2, model):
        """The script of what is on the screen: where another model stands in for the one asked, the
        script has that.
        """
        try:
            pair = checked_pair(sentence1, sentence2, self.settings)
            origin = find(model, True, self.settings).origin
        except Exception as error:
            return "\n".join(f"# {line}" for line in explain(error).splitlines())
        script = predict_script(origin.loaded, *pair, self.settings.max_length, self.settings.seed)
        if not origin.stands_in:
            return script
        return (
            "# "
            + _("{loaded} stands in for {asked}.", loaded=origin.loaded, asked=shown(origin.asked))
            + "\n"
            + script
        )


def _name_of(model):
    if model in NAMES:
        return str(NAMES[model])
    return _("yours: fine-tune {run}…", run=model[4:12]) if model.startswith(RUN_PREFIX) else model


def _compared(model, answer):
    """A model's name, its Prediction or None, and where it came from or why there is none."""
    if isinstance(answer, Exception):
        return _name_of(model) if isinstance(model, str) else shown(model), None, explain(answer)
    prediction, origin = answer
    where = str(origin)
    if prediction.notes:
        # What stands in says why in whole sentences, anything else in one without its full stop
        where = markup.sentences(
            where if origin.stands_in else _("{origin}.", origin=where),
            *(str(note) for note in prediction.notes),
        )
    return _name_of(model), prediction, where


def _checked_score(score):
    """The score as the browser's storage has it, which anyone may have written; anything odd counts
    as none.
    """
    if not isinstance(score, dict) or any(type(score.get(name)) is not int for name in NO_SCORE):
        return NO_SCORE
    kept = {name: score[name] for name in NO_SCORE}
    return kept if all(0 <= number <= kept["of"] <= 10**6 for number in kept.values()) else NO_SCORE
