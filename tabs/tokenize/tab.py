"""Tokenize: a raw pair -> its tokens; a few rows -> their padded batch."""

from dataclasses import asdict, dataclass

import gradio as gr

from languages import _
from pipeline.collation import rows_view
from pipeline.dataset import (
    SPLITS,
    load_raw_datasets,
    parse_rows,
    random_rows,
    rows_at,
    search_rows,
)
from pipeline.errors import InputError
from pipeline.settings import CHECKPOINTS, EMBEDDED_CHECKPOINT
from pipeline.tokenization import ask_tokenizer, pair_view
from tabs.address import Shared
from tabs.errors import LONGEST_TYPED, notice_on_error, public, sent, toast
from tabs.share import build_share
from tabs.tokenize import sections as tokenize_more
from views import drawing, markup
from views import tokens as token_drawing
from web.first_paint import Opening

PAIR = (
    "The storm closed the harbor on Tuesday, leaving 300 ferry passengers stranded overnight.",
    "About 300 ferry passengers were stranded overnight after the harbor was shut by Tuesday's "
    "storm.",
)
CELLS = [
    ("pieces", "pieces"),
    ("input_ids", "input_ids"),
    ("token_type_ids", "token_type_ids"),
    ("attention_mask", "attention_mask"),
]
SHARED = (
    "sentence1",
    "sentence2",
    "checkpoint",
    "max_length",
    "truncation",
    "split",
    "rows",
    "show",
)


@dataclass(frozen=True)
class TokenizeTab:
    """What app.py wires to the rest."""

    shared: Shared
    openings: tuple


def build_tab(settings):
    """The tab's components and wiring."""
    page = _handlers(settings)
    with gr.Row():
        checkpoint = gr.Dropdown(
            list(CHECKPOINTS),
            value=EMBEDDED_CHECKPOINT,
            allow_custom_value=True,
            label=_("Checkpoint"),
            info=_("decides the vocabulary; an id of the Hub with a fast tokenizer works too"),
            scale=2,
            min_width=280,
        )
        max_length = gr.Slider(
            8,
            settings.longest_max_length,
            settings.max_length,
            step=1,
            label="max_length",
            info=_("the most tokens of a pair"),
        )
        truncation = gr.Checkbox(
            True, label="truncation", info=_("cut what is longer than max_length")
        )
    gr.Markdown(_("## 1 · One pair becomes tokens"))
    with gr.Row():
        sentence1 = gr.Textbox(
            PAIR[0], label="sentence1", lines=2, max_length=LONGEST_TYPED, min_width=280
        )
        sentence2 = gr.Textbox(
            PAIR[1], label="sentence2", lines=2, max_length=LONGEST_TYPED, min_width=280
        )
    button = gr.Button(_("Tokenize"), variant="primary", elem_id="press-tokenize")
    waiting = markup.notice(_("The tokenizer is being loaded…"), kind="info")
    tokens = gr.HTML(waiting, min_height=360, js_on_load=tokenize_more.ASK)
    why_token = gr.HTML(token_drawing.hint())
    more_of_pair = gr.Column()
    gr.Markdown(_("## 2 · Rows become a padded batch"))
    with gr.Row():
        split = gr.Radio(list(SPLITS), value="train", label=_("Split"))
        rows = gr.Textbox(
            "0-7",
            label=_("Rows"),
            info=_("such as 0-7 or 3, 5, 12; at most {max_rows}", max_rows=settings.max_rows),
            elem_id="field-rows",
        )
        words = gr.Textbox(
            "",
            label=_("Search"),
            info=_("rows with all of these words"),
            placeholder=_("for example: police"),
        )
        shuffle = gr.Button(_("Random rows"), scale=0, elem_id="press-random-rows")
    show = gr.Radio(
        [(_("tokens"), "pieces"), *CELLS[1:]], value="pieces", label=_("Show in each cell")
    )
    batch = gr.HTML(waiting, min_height=360, js_on_load=tokenize_more.ASK)
    why_cell = gr.HTML(token_drawing.hint())
    tables = gr.HTML(min_height=300)
    with gr.Row():
        look = gr.Number(
            0,
            precision=0,
            label=_("Take a row as the pair above"),
            info=_("its number in the split"),
        )
        take = gr.Button(_("Use this row"), scale=0)

    pair_inputs = [sentence1, sentence2, checkpoint, max_length, truncation]
    batch_inputs = [rows, split, checkpoint, max_length, truncation, show]
    settings_changed = [checkpoint.change, max_length.release, truncation.change]
    pair_outputs, batch_outputs = [tokens, why_token], [batch, why_cell, tables]
    private = {"api_visibility": "private", "show_progress": "minimal"}
    pair_drawn = gr.on(
        [button.click, sentence1.submit, sentence2.submit, *settings_changed],
        page.pair,
        pair_inputs,
        pair_outputs,
        **private,
    )
    batch_drawn = gr.on(
        [rows.submit, split.change, show.change, *settings_changed],
        page.batch,
        batch_inputs,
        batch_outputs,
        **private,
    )
    found = words.submit(page.search, [words, *batch_inputs], [*batch_outputs, rows], **private)
    drawn_by_lot = shuffle.click(page.shuffle, batch_inputs, [*batch_outputs, rows], **private)
    taken = take.click(
        page.take, [look, split, *pair_inputs[2:]], [*pair_outputs, sentence1, sentence2], **private
    )
    tokenize_more.asking_cells(tokens, page.why_token, why_token)
    tokenize_more.asking_cells(batch, page.why_cell, why_cell)
    with more_of_pair:
        own = tokenize_more.build_pair_sections(page, pair_inputs, [pair_drawn, taken])
    own |= tokenize_more.build_batch_sections(
        page, batch_inputs, [batch_drawn, found, drawn_by_lot]
    )
    fields = dict(
        zip(
            SHARED,
            [sentence1, sentence2, checkpoint, max_length, truncation, split, rows, show],
            strict=True,
        )
    )
    fields |= own
    pair = ("sentence1", "sentence2")
    shared = Shared(
        "tokenize", fields, fills={look: pair, take: pair, words: ("rows",), shuffle: ("rows",)}
    )
    shared.follow(pair_drawn, taken, done="pair")
    shared.follow(batch_drawn, found, drawn_by_lot, done="batch")
    build_share(settings, shared)
    public(page.tokenize, api_name="tokenize")
    return TokenizeTab(
        shared,
        (
            Opening(page.first_pair, pair_inputs, [tokens], prerender=True),
            Opening(page.first_batch, batch_inputs, [batch, tables], prerender=True),
        ),
    )


class _handlers:
    """The tab's handlers over one app's settings: each calls the pipeline and draws what comes
    back.
    """

    def __init__(self, settings):
        self.settings = settings
        # The explanation and the tables under a grid go when the grid does
        self.pair = notice_on_error(2, clears=1)(self.pair)
        self.batch = notice_on_error(3, clears=2)(self.batch)
        self.search = notice_on_error(4, clears=2)(self.search)
        self.shuffle = notice_on_error(4, clears=2)(self.shuffle)
        self.take = notice_on_error(4, clears=1)(self.take)

    def ask(self, checkpoint, function, *arguments):
        """(function(tokenizer, *arguments, settings), Origin of the tokenizer), where that
        checkpoint may be opened.
        """
        return ask_tokenizer(
            checkpoint, function, *arguments, self.settings, settings=self.settings
        )

    def split(self, split):
        """(the rows of a split, where they came from)."""
        if split not in SPLITS:
            raise InputError(
                _(
                    "{split!r} is not a split. Choose one of {splits}.",
                    split=str(split)[:60],
                    splits=", ".join(SPLITS),
                )
            )
        raw_datasets, origin = load_raw_datasets(settings=self.settings)
        return raw_datasets[split], origin

    def pair(self, sentence1, sentence2, checkpoint, max_length, truncation):
        view, origin = self.ask(checkpoint, pair_view, sentence1, sentence2, max_length, truncation)
        asked = {
            "sentence1": sentence1,
            "sentence2": sentence2,
            "checkpoint": checkpoint,
            "max_length": max_length,
            "truncation": truncation,
        }
        grid = token_drawing.asking(asked, drawing.token_grid(view))
        line = markup.origin_line(str(origin), origin.stands_in)
        return f"{line}{grid}", token_drawing.hint()

    def first_pair(self, *values):
        """The grid alone: it may stand in the page already, and a cell of it be explained by now."""
        return self.pair(*values)[0]

    def first_batch(self, *values):
        grid, _why, tables = self.batch(*values)
        return grid, tables

    def batch(self, rows, split, checkpoint, max_length, truncation, show):
        dataset, data_origin = self.split(split)
        examples = rows_at(dataset, parse_rows(rows, self.settings))
        view, origin = self.ask(checkpoint, rows_view, examples, max_length, truncation)
        lines = [markup.origin_line(str(where), where.stands_in) for where in (data_origin, origin)]
        if show not in view.tensors and show != "pieces":
            lines.append(
                markup.notice(
                    _("This checkpoint's batch has no {show}; the tokens are shown.", show=show),
                    kind="info",
                )
            )
            show = "pieces"
        asked = {
            "rows": rows,
            "split": split,
            "checkpoint": checkpoint,
            "max_length": max_length,
            "truncation": truncation,
            "show": show,
        }
        grid = token_drawing.asking(asked, drawing.batch_grid(view, show))
        return (
            "".join([*lines, grid]),
            token_drawing.hint(),
            drawing.shapes_table(view) + drawing.columns_table(view),
        )

    def why_token(self, event: gr.EventData):
        return tokenize_more.why_of_pair(self, sent(event))

    def why_cell(self, event: gr.EventData):
        return tokenize_more.why_of_batch(self, sent(event))

    def search(self, words, rows, split, *rest):
        dataset, _rest = self.split(split)
        if not words.strip():
            raise InputError(_("The search is empty. Type a word, such as police."))
        found = search_rows(dataset, words[:200], 8)
        if not found:
            raise InputError(
                _(
                    "No row of {split} has all of {words!r} in it. Try fewer words.",
                    split=split,
                    words=words[:60],
                )
            )
        rows = ", ".join(map(str, found))
        return *self.batch(rows, split, *rest), rows

    def shuffle(self, rows, split, *rest):
        dataset, _rest = self.split(split)
        rows = ", ".join(map(str, random_rows(dataset, 8)))
        return *self.batch(rows, split, *rest), rows

    def take(self, number, split, *rest):
        dataset, _rest = self.split(split)
        if number is None:
            raise InputError(_("No row number is given. Type one, such as 0."))
        [row] = rows_at(dataset, [int(number)])
        pair = row["sentence1"], row["sentence2"]
        return *self.pair(*pair, *rest), *pair

    def tokenize(
        self,
        sentence1: str,
        sentence2: str,
        checkpoint: str = EMBEDDED_CHECKPOINT,
        max_length: int = 128,
        truncation: bool = True,
    ) -> dict:
        """Tokenize a pair of sentences as the model gets it.

        Args:
            sentence1: the first sentence, at most 2,000 characters
            sentence2: the second sentence
            checkpoint: an id of the Hub; it decides the vocabulary
            max_length: the most tokens of the pair, 8 to 512
            truncation: whether to cut what is longer

        Returns:
            tokens (one dict a token: piece, id, type_id, mask, sentence, start, end, text, role),
            full_length, cut (what truncation removed from each sentence), notes, and origin (what
            was loaded, from where, why)
        """
        try:
            view, origin = self.ask(
                checkpoint, pair_view, sentence1, sentence2, max_length, truncation
            )
        except Exception as error:
            raise toast(error) from None
        return {**asdict(view), "origin": asdict(origin)}
