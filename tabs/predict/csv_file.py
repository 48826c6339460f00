"""A file of pairs: a CSV in, the same with predictions out."""

import io
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import Block
from markupsafe import Markup

from languages import _, say
from pipeline.errors import InputError
from pipeline.explain.probing import takes_pair
from pipeline.export.csv_answers import (
    Answered,
    answer_rows,
    labels_of,
    read_pairs,
    relabelled,
    write_answers,
)
from pipeline.settings import LABELS, Settings
from tabs.errors import error_notice
from views.markup import origin_line
from views.predictions import answers_table
from web.fair_queue import address_of
from web.uploads import upload_folder


@dataclass(frozen=True)
class CsvFile:
    """The section's components, and its handler."""

    settings: Settings
    result: gr.HTML
    download: gr.DownloadButton

    def predict_file(
        self,
        path: str | None,
        model: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
        request: gr.Request = None,
    ) -> dict[Block, Any]:
        """Show the first answers, and hand out the file that has them all."""
        try:
            drawn, saved = self._answered(path, model, progress, request)
        except Exception as error:
            return {self.result: error_notice(error)}
        return {self.result: drawn, self.download: gr.DownloadButton(value=saved, interactive=True)}

    def _answered(
        self,
        path: str | None,
        model: str,
        progress: gr.Progress,
        request: gr.Request | None,
    ) -> tuple[Markup, str]:
        if not path:
            raise InputError(
                say("No file is chosen. Drop a CSV with the columns sentence1 and sentence2 above.")
            )
        settings = self.settings
        limits = {"max_rows": settings.max_csv_rows, "max_bytes": settings.max_csv_bytes}
        has_pair = takes_pair(model, settings)
        how = {"name": Path(path).name, "has_pair": has_pair, **limits}
        pairs = read_pairs(path, settings, **how)
        answered, line = [], Markup("")
        progress(0, desc=_("loading the model"))
        for answers, origin in answer_rows(
            model, pairs.rows, settings.max_length, settings=settings
        ):
            answered += answers
            if origin and not line:
                line = origin_line(origin, origin.stands_in)
            progress((len(answered), len(pairs.rows)), desc=_("pairs"), unit=_("pairs"))
        labels = labels_of(answered)
        if labels != LABELS:  # a model tells its labels with its first answer
            pairs = read_pairs(path, settings, labels=labels, **how)
            answered = relabelled(answered, pairs.rows)
        drawn = line + answers_table(answered, pairs.notes)
        return drawn, self._saved(answered, pairs.columns, request)

    def _saved(
        self, answered: Sequence[Answered], columns: Sequence[str], request: gr.Request | None
    ) -> str:
        """The path of the predictions: in a folder whose name nobody can guess."""
        written = io.StringIO(newline="")
        write_answers(answered, written, columns)
        # With its mark, a spreadsheet knows that this is UTF-8
        content = written.getvalue().encode("utf-8-sig")
        uploads = upload_folder(self.settings)
        uploads.reserve(address_of(request), len(content))
        folder = uploads.folder / secrets.token_hex(16)
        folder.mkdir(parents=True)
        (folder / "predictions.csv").write_bytes(content)
        return str(folder / "predictions.csv")


def build_csv_file(settings: Settings, model: gr.Dropdown) -> CsvFile:
    """The section."""
    with gr.Accordion(_("Can it predict a file of pairs?"), open=False, elem_id="open-file"):
        gr.Markdown(
            _(
                "The first line names the columns `sentence1` and `sentence2`; commas, semicolons "
                "or tabs separate the cells. The limit is {rows:,} rows and {mebibytes} MiB. A "
                "row that can't be predicted gets an `error`; the other rows are not affected. "
                "The file comes back with all its columns. If it has a column `label` (the number "
                "or the name of one of the model's labels), the predictions are scored by it. A "
                "text that a spreadsheet would run as a formula (one that begins with `=`, `+`, "
                "`-` or `@`) gets an apostrophe before it.",
                rows=settings.max_csv_rows,
                mebibytes=settings.max_csv_bytes // 2**20,
            )
        )
        file = gr.File(label=_("CSV of pairs"), file_types=[".csv", ".tsv", ".txt"], height=130)
        ask = gr.Button(_("Predict the file"), size="md")
        waiting = _("The first predictions appear here; the file has all of them.")
        result = gr.HTML(Markup('<p class="quiet">{}</p>').format(waiting), min_height=60)
        download = gr.DownloadButton(_("Download predictions.csv"), size="md", interactive=False)
    section = CsvFile(settings, result, download)
    # One at a time and in line: a file of 2,000 pairs keeps both cores busy, and others want an
    # answer to one pair
    ask.click(
        section.predict_file,
        [file, model],
        [result, download],
        api_visibility="private",
        show_progress="full",
        show_progress_on=result,
        concurrency_limit=1,
    )
    return section
