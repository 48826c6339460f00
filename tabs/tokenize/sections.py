"""Under the two grids of Tokenize: why a number, other ways, what padding costs and doesn't change,
batched=True, scripts.

A section is worked out when it is opened, by its own button, and while it stands open whenever the
grid above it is drawn: nobody pays for what they don't look at.
"""

import json

import gradio as gr

from languages import _
from pipeline.collation import ORDER
from pipeline.dataset import parse_rows, rows_at
from pipeline.errors import InputError, shown
from pipeline.explain import experiments
from pipeline.explain.experiments import ASKED
from pipeline.explain.why_cell import why_label, why_of_cell, why_of_token
from pipeline.export.scripts import batch_script, tokenize_script
from pipeline.settings import ADAPTERS, CHECKPOINTS
from pipeline.tokenization import (
    checked_length,
    checked_pair,
    checked_truncation,
    row_lengths,
    tokenizer_for,
)
from tabs.address import press_open
from tabs.errors import explain, notice_on_error
from tabs.scripts import in_block, script_block
from views import tokens as drawing

# Asked again while it still works, a section is worked out once more for what is asked last
PRIVATE = {"api_visibility": "private", "show_progress": "minimal", "trigger_mode": "always_last"}
# One measurement at a time: two would share the cores, and both would be wrong.
MEASURED = {**PRIVATE, "concurrency_id": "measuring", "concurrency_limit": 1}
# A grid's cells are reached with Tab and the arrow keys, or with a click. The one in focus is asked
# about, and lights up the characters that it stands for. Only one cell at a time can be reached
# with Tab: a grid of 500 would be a long way through.
ASK = """const CELLS = ".token-grid td:not(.absent), .batch-grid td";
let last = null, timer = 0, grid = null;
const place = (cell) => [...cell.parentElement.querySelectorAll("td:not(.label)")].indexOf(cell);
const light = (cell) => {
  for (const old of element.querySelectorAll(".lit")) old.classList.remove("lit");
  for (const old of element.querySelectorAll("td[aria-selected]")) old.removeAttribute("aria-selected");
  if (!cell) return;
  cell.setAttribute("aria-selected", "true");
  for (const piece of element.querySelectorAll(".piece"))
    piece.classList.toggle("lit", piece.dataset.tokens.split(" ").includes(String(place(cell))));
};
// The address has the cell that was asked about: a friend's page asks it again.
const key = () => element.querySelector(".batch-grid") ? "batch_cell" : "cell";
const named = (cell) => { const {row, line} = cell.parentElement.dataset;
  return (key() === "cell" ? row : line) + "." + (cell.matches(".label") ? "labels" : place(cell)); };
const address = (name) => { const url = new URL(location);
  if ((url.searchParams.get("tab") ?? "tokenize") !== "tokenize" || url.searchParams.get(key()) === name) return;
  name ? url.searchParams.set(key(), name) : url.searchParams.delete(key());
  showAddress(url); };
const again = () => {  // a grid was drawn: the first one, the same one, or another, of which nothing was asked yet
  const asked = element.querySelector("[data-asked]")?.dataset.asked, same = grid === null || asked === grid;
  if (!asked) return;
  const name = new URL(location).searchParams.get(key());
  const cell = name && same ? [...element.querySelectorAll(CELLS)].find((one) => named(one) === name) : null;
  if (cell) { if (grid === null) cell.scrollIntoView({block: "center", inline: "nearest"}); choose(cell); } else address(null);
  grid = asked;
};
const choose = (cell) => {
  if (cell === last) return;
  last = cell;
  for (const old of element.querySelectorAll("td[tabindex]")) old.tabIndex = -1;
  cell.tabIndex = 0;
  light(cell);
  address(named(cell));
  const {row, line} = cell.parentElement.dataset;
  const asked = {row: cell.matches(".label") ? "labels" : row ?? "", line: +(line ?? 0), position: place(cell),
                 asked: cell.closest("[data-asked]").dataset.asked};
  clearTimeout(timer);  // a key held down passes many cells; the one it stops at is asked about
  timer = setTimeout(() => { trigger("click", asked); window.walkOn?.("why"); }, 120);
};
const go = (cell) => { if (!cell) return; cell.tabIndex = 0; cell.focus(); };
const beside = (cell, way) => {
  let row = cell.parentElement;
  const at = [...row.cells].indexOf(cell);
  while ((row = way < 0 ? row.previousElementSibling : row.nextElementSibling))
    if (row.cells[at]?.matches(CELLS)) return row.cells[at];
};
element.addEventListener("click", (event) => go(event.target.closest(CELLS)));
element.addEventListener("focusin", (event) => { const cell = event.target.closest(CELLS); if (cell) choose(cell); });
element.addEventListener("keydown", (event) => {
  const cell = event.target.closest(CELLS);
  if (!cell || event.altKey || event.ctrlKey || event.metaKey) return;
  const row = [...cell.parentElement.querySelectorAll("td")];
  const to = {ArrowLeft: () => row[row.indexOf(cell) - 1], ArrowRight: () => row[row.indexOf(cell) + 1], Home: () => row[0],
              End: () => row[row.length - 1], ArrowUp: () => beside(cell, -1), ArrowDown: () => beside(cell, 1)}[event.key];
  if (!to) return;
  event.preventDefault();
  go(to());
});
watch("value", () => { last = null; clearTimeout(timer); light(null); setTimeout(again, 150); });"""
ROWS_OF_CELLS = {"pieces": "piece"}
# The most that a grid of ours writes into data-asked: both sentences with every character as
# \\uXXXX
MOST_ASKED = 60_000


def asking_cells(grid, handler, output):
    """A cell of `grid`, a gr.HTML with js_on_load=ASK, is explained in `output`."""
    # always_last: while arrow keys travel, only the newest cell is worth explaining
    grid.click(
        handler,
        None,
        output,
        api_visibility="private",
        show_progress="hidden",
        trigger_mode="always_last",
    )


def build_pair_sections(page, pair_inputs, drawn):
    """The sections under the pair's grid; returns their own fields, by the names that an address
    has for them.

    drawn: the events after which those that cost next to nothing are drawn again, and the others
    where they stand open.
    """
    sections = _Sections(page)
    with gr.Accordion(_("Separately, as a pair, swapped"), open=False, elem_id="open-ways") as ways:
        _kept_up(sections.ways, pair_inputs, gr.HTML(min_height=200), ways, drawn)
    with gr.Accordion(
        _("Two checkpoints side by side"), open=False, elem_id="open-checkpoints"
    ) as beside:
        other = gr.Dropdown(
            list(CHECKPOINTS),
            value=CHECKPOINTS[-1],
            allow_custom_value=True,
            label=_("Second checkpoint"),
            info=_("beside the one chosen above"),
        )
        again = gr.Button(_("Compare"), size="md", elem_classes="of-the-pair")
        gr.on(
            [beside.expand, other.change, again.click],
            sections.checkpoints,
            [*pair_inputs, other],
            gr.HTML(min_height=200),
            **PRIVATE,
        )
    with gr.Accordion(
        _("Padding does not change the answer"), open=False, elem_id="open-padding"
    ) as proof:
        gr.Markdown(
            _(
                "The pair goes through a model three times: alone, padded, and padded with the "
                "mask removed. The model is the app's own in float32, {description}, whichever "
                "checkpoint is chosen above.",
                description=ADAPTERS[ASKED],
            )
        )
        most = page.settings.max_added_padding
        padding = gr.Slider(
            1, most, 64, step=1, label=_("padding"), info=_("positions to add to the pair")
        )
        again = gr.Button(_("Ask the model"), size="md", elem_classes="of-the-pair")
        gr.on(
            [proof.expand, padding.release, again.click],
            sections.proof,
            [*pair_inputs, padding],
            gr.HTML(min_height=220),
            **PRIVATE,
        )
    with gr.Accordion(_("Reproduce the pair: the plain script"), open=False) as reproduce:
        _script("tokenize_pair.py", sections.pair_script, pair_inputs, reproduce, drawn)
    press_open("of-the-pair", drawn)
    return {"second_checkpoint": other, "padding": padding}


def build_batch_sections(page, batch_inputs, drawn):
    """The sections under the batch; as above."""
    sections = _Sections(page)
    rows_inputs = batch_inputs[:-1]  # what the cells show makes no difference here
    with gr.Accordion(_("What padding costs"), open=False, elem_id="open-costs") as costs:
        gr.Markdown(
            drawing.sentences(
                _(
                    "The rows above in batches, padded in four ways: **dynamic**, to the longest "
                    "of each batch; to **max_length**; "
                    "to the **longest in dataset**, here of these rows; dynamic, but with rows "
                    "**grouped by length**. Rows longer "
                    "than max_length are cut."
                ),
                ORDER,
            )
        )
        size = gr.Slider(1, page.settings.max_rows, 2, step=1, label="batch_size")
        again = gr.Button(_("Measure"), size="md", elem_classes="of-the-batch")
        table = gr.HTML(min_height=260)
        counted = gr.on(
            [costs.expand, size.release, again.click],
            sections.costs,
            [*rows_inputs, size],
            table,
            **PRIVATE,
        )
        counted.success(sections.measured, [*rows_inputs, size], table, **MEASURED)
    with gr.Accordion(_("Why batched=True"), open=False, elem_id="open-batched") as batched:
        gr.Markdown(
            _(
                "`Dataset.map` hands the tokenizer one row a call, or with `batched=True` a "
                "thousand: fewer calls, "
                "and a tokenizer that works on many texts at once. The first {max_mapped_rows} "
                "rows of the split, "
                "both ways, in turns.",
                max_mapped_rows=page.settings.max_mapped_rows,
            )
        )
        again = gr.Button(_("Time it"), size="md")
        gr.on(
            [batched.expand, again.click],
            sections.map_times,
            rows_inputs,
            gr.HTML(min_height=180),
            **MEASURED,
        )
    with gr.Accordion(_("Reproduce the batch: the plain script"), open=False) as reproduce:
        _script("batch.py", sections.batch_script, rows_inputs, reproduce, drawn)
    press_open("of-the-batch", drawn)
    return {"batch_size": size}


def _script(name, handler, inputs, section, drawn):
    """Code that is copied or downloaded."""
    script = script_block(_("# Open this again after the grid is drawn"), name)
    _kept_up(in_block(handler, name), inputs, script, section, drawn)


def _kept_up(handler, inputs, output, section, drawn):
    """What costs next to nothing is drawn when its section is opened and whenever the grid above it
    is.
    """
    section.expand(handler, inputs, output, **PRIVATE)
    for event in drawn:
        event.then(handler, inputs, output, **PRIVATE)


class _Sections:
    """The sections' handlers over the tab's `page`, which checks checkpoint, max_length and split."""

    def __init__(self, page):
        self.page, self.settings = page, page.settings
        for name in ("ways", "checkpoints", "proof", "measured", "map_times"):
            setattr(self, name, notice_on_error(1)(getattr(self, name)))

    def _lengths(self, rows, split, checkpoint, max_length):
        """Tokens of each chosen row, cut at max_length, and max_length."""
        dataset, _rest = self.page.split(split)
        examples = rows_at(dataset, parse_rows(rows, self.settings))
        lengths, most = self.page.ask(checkpoint, row_lengths, examples, max_length)[0]
        # What is measured for these lengths is computed in the page's process, whoever's tokenizer
        # counted them
        if not 0 <= max(lengths, default=0) <= most <= self.settings.longest_max_length:
            raise InputError(
                _(
                    "This checkpoint's tokenizer makes more than max_length = {most} tokens of a "
                    "row. Choose "
                    "another checkpoint.",
                    most=shown(most),
                )
            )
        return lengths, most

    def ways(self, sentence1, sentence2, checkpoint, max_length, truncation):
        ways, _rest = self.page.ask(
            checkpoint, experiments.ways_of, sentence1, sentence2, max_length, truncation
        )
        return drawing.ways(ways)

    def checkpoints(self, sentence1, sentence2, checkpoint, max_length, truncation, other):
        (first, here), (second, there) = (
            self.page.ask(name, experiments.split_of, sentence1, sentence2, max_length, truncation)
            for name in (checkpoint, other)
        )
        splits = experiments.compare_splits(first, second)
        return drawing.checkpoints(splits, (here, there), experiments.why_the_same(here, there))

    def proof(self, sentence1, sentence2, checkpoint, max_length, truncation, padding):
        max_length = checked_length(
            max_length, tokenizer_for(ASKED, self.settings)[0], self.settings
        )
        pair = checked_pair(sentence1, sentence2, self.settings)
        answers = experiments.padding_proof(
            *pair,
            padding,
            max_length,
            checked_truncation(truncation),
            settings=self.settings,
        )
        return drawing.proof(answers)

    def costs(self, rows, split, checkpoint, max_length, truncation, batch_size):
        """What can be counted at once; what has to be measured follows."""
        try:
            lengths, max_length = self._lengths(rows, split, checkpoint, max_length)
            batch_size = experiments.checked_batch_size(batch_size, len(lengths), self.settings)
        except InputError:
            return drawing.measuring_line()  # `measured` says what is wrong
        return drawing.costs(
            experiments.padding_costs(lengths, batch_size, max_length), lengths, measuring=True
        )

    def measured(self, rows, split, checkpoint, max_length, truncation, batch_size):
        lengths, max_length = self._lengths(rows, split, checkpoint, max_length)
        batch_size = experiments.checked_batch_size(batch_size, len(lengths), self.settings)
        return drawing.costs(
            experiments.measured_costs(lengths, batch_size, max_length, settings=self.settings),
            lengths,
        )

    def map_times(self, rows, split, checkpoint, max_length, truncation):
        dataset, origin = self.page.split(split)
        rows = dataset.select_columns(["sentence1", "sentence2"])[: self.settings.max_mapped_rows]
        times, _rest = self.page.ask(checkpoint, experiments.map_times, rows, max_length)
        return drawing.map_times(times, str(origin))

    def pair_script(self, sentence1, sentence2, checkpoint, max_length, truncation):
        """The script of what is on the screen: where another checkpoint stands in for the one
        asked, the script has that.
        """
        try:
            (_none, max_length), origin = self.page.ask(checkpoint, row_lengths, [], max_length)
            pair = checked_pair(sentence1, sentence2, self.settings)
            script = tokenize_script(
                *pair, origin.loaded, max_length, checked_truncation(truncation)
            )
        except Exception as error:
            return _comment(explain(error))
        return _standing_in(origin) + script

    def batch_script(self, rows, split, checkpoint, max_length, truncation):
        try:
            (_none, max_length), origin = self.page.ask(checkpoint, row_lengths, [], max_length)
            dataset, place = self.page.split(split)
            rows = [row["row"] for row in rows_at(dataset, parse_rows(rows, self.settings))]
            script = batch_script(
                rows, split, place.place, origin.loaded, max_length, checked_truncation(truncation)
            )
        except Exception as error:
            return _comment(explain(error))
        return _standing_in(origin) + script


def _comment(message):
    """A message as lines of Python that do nothing, whatever a visitor's text in it holds."""
    return "".join(f"# {line}\n" for line in message.splitlines())


def _standing_in(origin):
    return (
        _("# {loaded} stands in for {asked}.\n", loaded=origin.loaded, asked=shown(origin.asked))
        if origin.stands_in
        else ""
    )


# ---------------------------------------------------------------- why


def why_of_pair(page, asked):
    """What a click on the pair's grid sent -> the explanation. Whatever is wrong with it is said in
    its place.
    """

    def explained():
        grid = _grid(asked)
        names = ("sentence1", "sentence2", "max_length", "truncation")
        made, _rest = page.ask(
            grid.get("checkpoint"),
            why_of_token,
            *map(grid.get, names),
            asked.get("position"),
            asked.get("row"),
        )
        return drawing.why(made)

    return _said(explained)


def why_of_batch(page, asked):
    """What a click on the batch's grid sent -> the explanation, with the row's own sentence."""

    def explained():
        grid = _grid(asked)
        dataset, _rest = page.split(grid.get("split"))
        rows = rows_at(dataset, parse_rows(grid.get("rows"), page.settings))
        line = asked.get("line")
        if type(line) is not int or not 0 <= line < len(rows):
            raise InputError(
                _(
                    "Line {line} is not there: the batch has lines 0 to {count}.",
                    line=shown(line),
                    count=len(rows) - 1,
                )
            )
        if asked.get("row") == "labels":
            return drawing.why(why_label(rows[line].get("label")))
        show = grid.get("show")
        row = ROWS_OF_CELLS.get(show, show) if isinstance(show, str) else show
        made, _rest = page.ask(
            grid.get("checkpoint"),
            why_of_cell,
            rows,
            line,
            grid.get("max_length"),
            grid.get("truncation"),
            asked.get("position"),
            row,
        )
        sentence = rows[line].get(f"sentence{made.sentence}", "")
        return drawing.why(made, sentence)

    return _said(explained)


def _grid(asked):
    """What a grid was made of, as it says itself in data-asked: a dict of values that are checked
    like any other input.
    """
    written = asked.get("asked") if isinstance(asked, dict) else None
    try:
        grid = (
            json.loads(written) if isinstance(written, str) and len(written) <= MOST_ASKED else None
        )
    except (ValueError, RecursionError):
        grid = None
    if not isinstance(grid, dict):
        raise InputError(
            _("The page sent no cell of a grid. Draw the grid again, then choose a cell.")
        )
    return grid


def _said(explained):
    try:
        return explained()
    except Exception as error:
        return drawing.why_not(explain(error))
