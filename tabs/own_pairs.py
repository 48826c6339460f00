"""Bring your own pairs: a panel that either tab opens. A file, a pasted text or a small table is
read, its columns are shown and can be changed, and the pairs become the page's.

The visitor's browser keeps the key to them (static/own_pairs.js), the server the pairs themselves
as long as a run that uses them, or a day (pipeline/own_pairs). What is only read is kept for some
minutes, in memory: one who reads a file to look at it leaves nothing behind.
"""

import csv
import io
import shutil
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.utils import get_upload_folder

from languages import _, say
from pipeline.errors import InputError
from pipeline.own_pairs import store
from pipeline.own_pairs.columns import Columns, guess_columns
from pipeline.own_pairs.pairs import own_pairs
from pipeline.own_pairs.read import Table, read_table
from pipeline.settings import Settings
from pipeline.task import MRPC, is_own
from tabs.errors import LONGEST_TYPED, error_notice
from tabs.fine_tune.owned_runs import address_of
from tabs.fine_tune.script import forget_packed
from tabs.which_pairs import KEY_PREFIX, choices_of, task_of_key
from views.markup import notice, quiet
from views.own_pairs import what_was_read
from views.render import render

PRIVATE = {"api_visibility": "private", "show_progress": "minimal"}
# A file may take a second of a core: so many are read at once, and of those that wait an address's
# first comes before another's second
READS = {**PRIVATE, "concurrency_id": "own-pairs", "concurrency_limit": 2}
SHOW, HIDE = "() => page.ownPairs.open()", "() => page.ownPairs.close()"
PASTED, WRITTEN = "", "table.csv"  # how a text and the table are called
HEADS = ["sentence1", "sentence2", "label"]
ENDINGS = [".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet"]
EMPTY_ROWS = 4
GONE = say(
    "Your own pairs are no longer on this server, which keeps them for a day. The page shows MRPC. "
    "Bring the file again."
)
READ_AGAIN = say("This file is no longer at hand. Choose it again, or paste the text again.")
NOTHING = say("Nothing has been read yet.")


@dataclass(frozen=True)
class RecentText:
    """What a visitor has read. since: a time.monotonic(); address: of `address_of`."""

    since: float
    content: bytes
    name: str
    address: str


class RecentTexts:
    """What visitors have read and not yet used, for some minutes. Where it gets too much, the
    oldest of the network address goes that has most: nobody pushes out what others have read.
    """

    def __init__(self, most_bytes: int, seconds: float = 900.0):
        self.most_bytes, self.seconds = most_bytes, seconds
        self.lock = threading.Lock()
        self.kept: OrderedDict[str, RecentText] = OrderedDict()

    def keep(self, content: bytes, name: str, address: str = "") -> str:
        """The key under which `get` finds them."""
        key = token_urlsafe(24)
        with self.lock:
            self._sweep()
            self.kept[key] = RecentText(time.monotonic(), content, name, address)
            while sum(len(one.content) for one in self.kept.values()) > self.most_bytes:
                del self.kept[self._one_too_many()]
        return key

    def _one_too_many(self) -> str:
        """The key of the oldest text of the address that has most."""
        taken: Counter[str] = Counter()
        for one in self.kept.values():
            taken[one.address] += len(one.content)
        [(address, _bytes)] = taken.most_common(1)
        return next(key for key, one in self.kept.items() if one.address == address)

    def get(self, key: str) -> tuple[bytes, str]:
        """(content, name); InputError where they are gone."""
        with self.lock:
            self._sweep()
            if key not in self.kept:
                raise InputError(READ_AGAIN if key else NOTHING)
            one = self.kept[key]
        return one.content, one.name

    def drop(self, key: str) -> None:
        """They are no longer wanted."""
        with self.lock:
            self.kept.pop(key, None)

    def _sweep(self) -> None:
        since = time.monotonic() - self.seconds
        for key in [key for key, one in self.kept.items() if one.since < since]:
            del self.kept[key]


@dataclass(frozen=True)
class OwnPairsPanel:
    """The panel's components, and their handlers.

    kept: a hidden text, the key to the pairs that this browser keeps, or "". recent_key: of what
    was read last.
    said: above the tabs, that the pairs are gone.
    """

    settings: Settings
    recent: RecentTexts
    panel: gr.Column
    file: gr.File
    report: gr.HTML
    columns: Sequence[gr.Dropdown]
    chosen: gr.Row
    use: gr.Button
    forget: gr.Button
    close: gr.Button
    recent_key: gr.State
    kept: gr.Textbox
    said: gr.HTML

    @property
    def read_outputs(self) -> list[Component]:
        """What reading fills."""
        return [self.report, *self.columns, self.chosen, self.use, self.recent_key, self.file]

    def read_file(self, path: object, request: gr.Request | None = None) -> dict[Component, Any]:
        """The file that was dropped. It goes at once: nothing of it stays where Gradio puts it."""
        try:
            if not isinstance(path, str) or not path:
                raise InputError(say("No file is chosen. Drop one with your pairs."))
            content = _taken(Path(path))
            return {**self._read(content, Path(path).name, request), self.file: None}
        except Exception as error:
            return {**self._unread(error), self.file: None}

    def read_text(self, text: object, request: gr.Request | None = None) -> dict[Component, Any]:
        """The text that was pasted."""
        try:
            if not isinstance(text, str) or not text.strip():
                raise InputError(say("The text is empty. Paste a line for each pair."))
            return self._read(text.encode(errors="replace"), PASTED, request)
        except Exception as error:
            return self._unread(error)

    def read_rows(self, rows: object, request: gr.Request | None = None) -> dict[Component, Any]:
        """The small table, a list of rows; those without a word in them don't count."""
        try:
            return self._read(_as_csv(rows), WRITTEN, request)
        except Exception as error:
            return self._unread(error)

    def _read(self, content: bytes, name: str, request: gr.Request | None) -> dict[Component, Any]:
        table = read_table(content, name, self.settings)
        columns = guess_columns(table)
        names = list(table.columns)
        none = (_("none"), "")
        first, *others = self.columns
        values = (columns.sentence2, columns.label, columns.split)
        return {
            first: gr.update(choices=names, value=columns.sentence1),
            **{
                field: gr.update(choices=[none, *names], value=value)
                for field, value in zip(others, values, strict=True)
            },
            self.chosen: gr.update(visible=True),
            self.recent_key: self.recent.keep(content, name, address_of(request)),
            **self._reported(table, name, columns),
        }

    def _unread(self, error: Exception) -> dict[Component, Any]:
        """What can't be read leaves nothing to use."""
        return {
            self.report: error_notice(error),
            self.chosen: gr.update(visible=False),
            self.use: gr.update(interactive=False),
            self.recent_key: "",
        }

    def read_columns(self, key: str, *chosen: object) -> dict[Component, Any]:
        """What was read, by other columns. chosen: sentence1, sentence2, label, split."""
        try:
            content, name = self.recent.get(key)
            table = read_table(content, name, self.settings)
            return self._reported(table, name, _columns(chosen))
        except Exception as error:
            return {self.report: error_notice(error), self.use: gr.update(interactive=False)}

    def _reported(self, table: Table, name: str, columns: Columns) -> dict[Component, Any]:
        own = own_pairs(table, columns, settings=self.settings)
        return {
            self.report: what_was_read(table, own, name, is_written=name == WRITTEN),
            self.use: gr.update(interactive=bool(own.splits)),
        }

    def make_them_the_pages(
        self,
        key: str,
        *chosen: object,
        fields: Sequence[gr.Dropdown],
        request: gr.Request | None = None,
    ) -> dict[Component, Any]:
        """Keep the pairs, and choose them in each of `fields`."""
        try:
            content, name = self.recent.get(key)
            table = read_table(content, name, self.settings)
            own = own_pairs(table, _columns(chosen), settings=self.settings)
            right = store.new_key()
            store.keep(own, self.settings, right, visitor=address_of(request))
        except Exception as error:
            return {self.report: error_notice(error)}
        self.recent.drop(key)
        kept = KEY_PREFIX + right
        listed = choices_of(self.settings, kept)
        return {
            **{field: gr.update(choices=listed, value=kept) for field in fields},
            self.kept: kept,
            self.recent_key: "",
            self.report: quiet(NOTHING),
            self.chosen: gr.update(visible=False),
            self.use: gr.update(interactive=False),
            self.panel: gr.update(visible=False),
        }

    def forget_them(
        self, kept: object, task_name: object, fields: Sequence[gr.Dropdown]
    ) -> dict[Component, Any]:
        """Remove the pairs from this server and from the choices."""
        try:
            if reference := task_of_key(kept):
                store.forget(reference, self.settings)
                forget_packed(reference, self.settings)
        except Exception as error:
            return {self.report: error_notice(error)}
        return {
            **self._unlisted(task_name, fields),
            self.report: notice(_("Your pairs are removed from this server.")),
            self.kept: "",
        }

    def _unlisted(self, task_name: object, fields: Sequence[gr.Dropdown]) -> dict[Component, Any]:
        value = {"value": MRPC.name} if is_own(task_name) else {}
        return {
            **{field: gr.update(choices=choices_of(self.settings), **value) for field in fields},
            self.forget: gr.update(visible=False),
        }

    def still_kept(self, kept: object) -> str:
        """The key, or "" where it opens nothing."""
        try:
            store.load(task_of_key(kept), self.settings)
        except InputError:
            return ""
        return str(kept)

    def list_them(
        self, kept: object, task_name: object, fields: Sequence[gr.Dropdown]
    ) -> dict[Component, Any]:
        """What this browser keeps joins the choices; where it is gone, that is said once."""
        if not kept:
            return self._unlisted(task_name, fields)
        own = self.still_kept(kept)
        if not own:
            gone = {self.said: notice(GONE, kind="warning"), self.kept: ""}
            return self._unlisted(task_name, fields) | gone
        listed = choices_of(self.settings, own)
        return {
            **{field: gr.update(choices=listed) for field in fields},
            self.forget: gr.update(visible=True),
            self.said: "",
        }

    def listen(self, fields: Sequence[gr.Dropdown], openers: Sequence[gr.Button]) -> None:
        """Wire the panel to the tabs' dropdowns, and to the buttons that open it."""
        for opener in openers:
            opener.click(None, None, self.panel, js=SHOW, api_visibility="private")
        self.close.click(None, None, self.panel, js=HIDE, api_visibility="private")
        choice = fields[0]

        def use(request: gr.Request, key: str, *chosen: object) -> dict[Component, Any]:
            return self.make_them_the_pages(key, *chosen, fields=fields, request=request)

        def forget(kept: object, task_name: object) -> dict[Component, Any]:
            return self.forget_them(kept, task_name, fields)

        def list_them(kept: object, task_name: object) -> dict[Component, Any]:
            return self.list_them(kept, task_name, fields)

        filled = [self.kept, self.recent_key, self.report, self.chosen, self.use, self.panel]
        self.use.click(use, [self.recent_key, *self.columns], [*fields, *filled], **READS)
        unlisted = [*fields, self.forget, self.report, self.kept]
        self.forget.click(forget, [self.kept, choice], unlisted, **PRIVATE)
        # The browser keeps what the server last said of it
        changed = self.kept.change(
            list_them, [self.kept, choice], [*fields, self.forget, self.said, self.kept], **PRIVATE
        )
        changed.then(
            None, self.kept, js="(kept) => page.ownPairs.keep(kept)", api_visibility="private"
        )


def _columns(chosen: Sequence[object]) -> Columns:
    """The columns that the dropdowns say; a cleared one says none."""
    return Columns(*(str(name or "") for name in chosen))


def _taken(path: Path) -> bytes:
    """The content of an uploaded file, which is removed with its folder."""
    content = path.read_bytes()
    folder = path.parent
    path.unlink(missing_ok=True)
    if folder.parent.resolve() == Path(get_upload_folder()).resolve():
        shutil.rmtree(folder, ignore_errors=True)
    return content


def _as_csv(rows: object) -> bytes:
    """The table's rows as a CSV with its three columns. An empty row is an empty line, which keeps
    the numbers of those below it.
    """
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    writer.writerow(HEADS)
    cells = [row for row in rows if isinstance(row, list)] if isinstance(rows, list) else []
    texts = [["" if cell is None else str(cell) for cell in row[: len(HEADS)]] for row in cells]
    kept = [row if any(cell.strip() for cell in row) else [] for row in texts]
    if not any(kept):
        raise InputError(say("The table is empty. Write a pair into a row of it."))
    writer.writerows(kept)
    return written.getvalue().encode(errors="replace")


def build_own_pairs(settings: Settings) -> OwnPairsPanel:
    """The panel, closed. `listen` wires it once the tabs are there."""
    said = gr.HTML(elem_id="own-pairs-said", padding=False)
    with gr.Column(visible=False, elem_id="own-pairs") as panel:
        with gr.Row(elem_classes="own-pairs-head"):
            gr.HTML(
                render("own_pairs_head.html"),
                js_on_load="page.ownPairs.opened(element)",
                padding=False,
            )
            close = gr.Button(_("Close"), size="sm", min_width=80, scale=0)
        with gr.Tabs():
            with gr.Tab(_("A file")):
                file = gr.File(
                    label=_("CSV, TSV, JSON lines or parquet"), file_types=ENDINGS, height=130
                )
            with gr.Tab(_("Paste")):
                text = gr.Textbox(
                    "",
                    label=_("A pair a line, with a tab, comma or semicolon between its cells"),
                    lines=6,
                    max_lines=12,
                    max_length=10 * LONGEST_TYPED,
                )
                read = gr.Button(_("Read the text"), size="md")
            with gr.Tab(_("Write")):
                rows = gr.Dataframe(
                    [[""] * len(HEADS)] * EMPTY_ROWS,
                    headers=HEADS,
                    type="array",
                    datatype="str",
                    row_count=EMPTY_ROWS,
                    column_count=len(HEADS),
                    label=_("Your pairs"),
                    interactive=True,
                    wrap=True,
                )
                read_rows = gr.Button(_("Read the table"), size="md")
        with gr.Row(visible=False, elem_classes="own-columns") as chosen:
            heads = (_("First sentence"), _("Second sentence"), _("Label"), _("Split"))
            columns = [gr.Dropdown([], label=head, min_width=130) for head in heads]
        report = gr.HTML(quiet(NOTHING), elem_id="own-pairs-report", padding=False)
        with gr.Row(elem_classes="own-pairs-end"):
            forget = gr.Button(_("Forget my pairs"), size="md", visible=False, min_width=140)
            use = gr.Button(_("Use these pairs"), variant="primary", size="md", interactive=False)
    own = OwnPairsPanel(
        settings,
        RecentTexts(16 * settings.max_csv_bytes),
        panel,
        file,
        report,
        columns,
        chosen,
        use,
        forget,
        close,
        recent_key=gr.State(""),
        kept=gr.Textbox("", visible="hidden"),
        said=said,
    )
    _listen_to(own, (file.upload, own.read_file, file), (read.click, own.read_text, text))
    _listen_to(own, (read_rows.click, own.read_rows, rows))
    gr.on(
        [field.input for field in columns],
        own.read_columns,
        [own.recent_key, *columns],
        [report, use],
        **READS,
    )
    return own


def _listen_to(own: OwnPairsPanel, *wired: tuple[Callable, Callable, Component]) -> None:
    """Read what each of these events brings."""
    for event, read, source in wired:
        event(read, source, own.read_outputs, **READS)
