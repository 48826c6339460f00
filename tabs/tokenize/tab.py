"""Tokenize: a raw pair -> its tokens; a few rows -> their padded batch."""

from dataclasses import dataclass
from functools import partial

import gradio as gr

from languages import _
from pipeline.settings import CHECKPOINTS, EMBEDDED_CHECKPOINT, Settings
from pipeline.task import MRPC, SPLITS
from tabs.address import Shared, press_open
from tabs.check_yourself import build_check_yourself
from tabs.class_room.membership import Membership
from tabs.errors import public
from tabs.pair import build_pair
from tabs.questions import questions
from tabs.share import build_share
from tabs.tokenize.api import tokenize_endpoint
from tabs.tokenize.batch import BatchGrid
from tabs.tokenize.batched import build_batched
from tabs.tokenize.check import tokens_shown
from tabs.tokenize.checkpoints import build_checkpoints
from tabs.tokenize.inputs import BatchInputs, PairInputs
from tabs.tokenize.listeners import explain_cells
from tabs.tokenize.other_ways import build_other_ways
from tabs.tokenize.padding import build_padding
from tabs.tokenize.padding_costs import build_padding_costs
from tabs.tokenize.pair import PairGrid
from tabs.tokenize.scripts import build_scripts
from tabs.which_pairs import build_choice
from views.markup import notice
from views.tokens import hint
from web.first_paint import Opening

TENSORS = ("input_ids", "token_type_ids", "attention_mask")  # that the batch's cells can show
LISTEN = "page.tokens.listen(element, trigger, watch)"
PICTURE = "page.batch.listen(element, trigger, watch)"


@dataclass(frozen=True)
class TokenizeTab:
    """The tab's grids, and what app.py wires to the rest."""

    pair: PairGrid
    batch: BatchGrid
    choice: gr.Dropdown
    bring: gr.Button
    shared: Shared
    openings: tuple[Opening, ...]


def build_tab(settings: Settings, membership: Membership | None = None) -> TokenizeTab:
    """The tab's components and wiring. membership: of the page, which class it is in."""
    waiting = notice(_("The tokenizer is being loaded…"))
    with gr.Row(elem_classes="two-columns"):
        with gr.Column(elem_classes="controls"):
            sentence1, sentence2 = build_pair()
            checkpoint = gr.Dropdown(
                list(CHECKPOINTS),
                value=EMBEDDED_CHECKPOINT,
                allow_custom_value=True,
                label=_("checkpoint: sets the vocabulary"),
            )
            max_length = gr.Slider(
                8, settings.longest_max_length, settings.max_length, step=1, label="max_length"
            )
            with gr.Row(elem_classes="in-a-line"):
                truncation = gr.Checkbox(True, label="truncation", container=False)
                tokenize = gr.Button(
                    _("Tokenize"), variant="primary", size="md", elem_id="press-tokenize"
                )
        with gr.Column(elem_id="tokens", elem_classes="sheet"):
            tokens = gr.HTML(waiting, js_on_load=LISTEN)
            why = gr.HTML(hint())

    with gr.Column(elem_id="batch", elem_classes="sheet"):
        with gr.Row(elem_classes="two-columns"):
            with gr.Column(elem_classes="controls"):
                choice, bring = build_choice(settings, MRPC.name, info=str(MRPC.about))
                split = gr.Radio(list(SPLITS), value="train", label=_("Split"))
                rows = gr.Textbox(
                    "0-7",
                    label=_("Rows, at most {max_rows}", max_rows=settings.max_rows),
                    placeholder="0-7, 12",
                    elem_id="field-rows",
                )
                words = gr.Textbox(
                    "",
                    label=_("Search: rows with all of these words"),
                    placeholder=_("for example: police"),
                    elem_id="field-search",
                )
                shuffle = gr.Button(_("Random rows"), size="md", elem_id="press-random-rows")
            with gr.Column(elem_id="batch-side"):
                refusal = gr.HTML(elem_id="batch-refusal")
                show = gr.Radio(
                    [(_("tokens"), "pieces"), *zip(TENSORS, TENSORS, strict=True)],
                    value="pieces",
                    label=_("Show in each cell"),
                    show_label=False,
                    container=False,
                    elem_id="batch-show",
                )
                grid = gr.HTML(waiting, js_on_load=PICTURE, elem_id="batch-grid")
                told = gr.HTML(hint())
        batch = BatchGrid(
            settings,
            choice,
            split,
            rows,
            sentence2,
            seen_rows=gr.State("0-7"),
            seen_words=gr.State(""),
            cut_rows=gr.State(""),
            refusal=refusal,
            grid=grid,
            explanation=told,
            costs=gr.HTML(),
            tables=gr.HTML(render=False),
        )
        with gr.Row(elem_classes="in-a-line"):
            size = gr.Slider(1, settings.max_rows, 2, step=1, label="batch_size")
            resized = build_padding_costs(
                settings,
                size,
                [rows, split, checkpoint, max_length, truncation, choice],
                batch.costs,
            )
    pair = PairGrid(settings, sentence1, sentence2, grid=tokens, explanation=why, told=told)
    number = gr.Number(0, precision=0, visible="hidden")
    take = gr.Button(visible="hidden", elem_id="take-row")
    pause = gr.Button(visible="hidden", elem_id="typing-pauses")  # pressed by static/tokens.js

    # ---- the grids

    pair_inputs = PairInputs(sentence1, sentence2, checkpoint, max_length, truncation, choice)
    batch_inputs = BatchInputs(rows, split, checkpoint, max_length, truncation, choice, show)
    drawn = [*batch_inputs, size]
    private = {"api_visibility": "private", "show_progress": "minimal"}
    changed = [checkpoint.change, max_length.release, truncation.change]
    asked = [tokenize.click, sentence1.submit, sentence2.submit, choice.change, *changed]
    taken = [number, split, *pair_inputs[2:]]
    filled = [*pair.outputs, sentence1, sentence2, told]
    pair_events = [
        gr.on(asked, pair.draw, pair_inputs, pair.outputs, **private),
        take.click(
            pair.take_row, taken, filled, js="(...values) => page.batch.take(values)", **private
        ),
    ]
    # The tokens follow each key, also one in another tab's fields, the newest first; all else waits
    # until typing pauses. (`input` misses a paste: tabs/pair.py)
    at_a_key = {**private, "show_progress": "hidden", "trigger_mode": "always_last"}
    typed = [sentence1.change, sentence2.change]
    gr.on(typed, pair.follow, pair_inputs, pair.outputs, **at_a_key)
    pair_events.append(pause.click(None, js="() => []", api_visibility="private"))
    asked = [rows.submit, split.change, *changed]
    found = batch.found_outputs
    batch_events = [
        choice.change(batch.choose, [batch.cut_rows, *drawn], batch.chosen_outputs, **private),
        gr.on(asked, batch.draw, drawn, batch.outputs, **private),
        rows.blur(batch.leave_rows, [batch.seen_rows, *drawn], batch.outputs, **private),
        words.submit(batch.search, [words, *drawn], found, **private),
        words.blur(batch.leave_words, [batch.seen_words, words, *drawn], found, **private),
        shuffle.click(batch.shuffle, drawn, found, **private),
    ]
    shown = show.change(None, show, js="(show) => page.batch.show(show)", api_visibility="private")
    explain_cells(pair.grid, pair.explain, pair.explanation)
    explain_cells(batch.grid, batch.explain, batch.explanation, [choice])

    # ---- questions

    fields = {**pair_inputs._asdict(), "split": split, "rows": rows, "show": show}
    inputs = batch_inputs[:-1]  # what the cells show makes no difference here
    with questions():
        padding, asks_model = build_padding(settings, pair_inputs)
        fields |= build_checkpoints(settings, pair_inputs) | padding
        build_other_ways(settings, pair_inputs, pair_events)
        with gr.Accordion(
            _("What does the model get, and where do the other columns go?"),
            open=False,
            elem_id="open-columns",
        ):
            batch.tables.render()
        build_batched(settings, inputs)
        build_scripts(settings, (pair_inputs, pair_events), (inputs, batch_events))
    build_check_yourself(
        settings,
        "tokenize",
        partial(tokens_shown, settings),
        [*pair_inputs, split, rows],
        membership=membership,
        renewed=[*pair_events, *batch_events],
    )
    press_open("of-the-pair", pair_events)
    fields["batch_size"] = size

    # ---- the address, the walk, the API

    of_the_pair = ("sentence1", "sentence2")
    fills = {
        take: of_the_pair,
        words: ("rows",),
        shuffle: ("rows",),
        bring: ("task_name",),
    }
    shared = Shared("tokenize", fields, fills=fills)
    shared.follow(*pair_events, done="pair")
    shared.follow(*batch_events, done="batch")
    shared.follow(shown, resized)
    build_share(settings, shared)
    public(tokenize_endpoint(settings), api_name="tokenize")
    openings = (
        Opening(pair.open, pair_inputs, [pair.grid], prerender=True, again=True),
        Opening(batch.open, drawn, batch.opened, prerender=True, again=True),
        asks_model,
    )
    return TokenizeTab(pair, batch, choice, bring, shared, openings)
