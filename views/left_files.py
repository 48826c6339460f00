"""What an ended run left: a file's beginning, Trainer.predict's arrays, Dataset.map's cache."""

from collections.abc import Sequence

from markupsafe import Markup

from languages import _
from pipeline.explain.left_files import LeftFile
from pipeline.explain.predicted import MapCall, Predicted
from views.markup import quiet, stacked_table
from views.numbers import format_bytes
from views.render import element, render, visible


def file_line(one: LeftFile) -> str:
    """A file in the list: its place in the tree, its size, what it is for."""
    folder, _slash, name = one.name.rpartition("/")
    place = f"{folder}/ {name}" if folder else name
    return f"{place} · {format_bytes(one.bytes)} · {one.what}"


def file_head(name: str, text: str) -> Markup:
    """The beginning of a file as it stands, nothing of it hidden or obeyed."""
    lines = "\n".join(map(visible, str(text).split("\n")))
    return render("file_head.html", name=name, text=lines)


def predict_arrays(told: Predicted) -> Markup:
    """What Trainer.predict returned: each part's type and shape, the first rows, the metrics."""
    means = {
        "predictions": _("a row of logits for each pair, a column for each label"),
        "label_ids": _("the gold label of each pair, as the collator gave it"),
        "metrics": _("what compute_metrics returned, with test_ before each name"),
    }
    metrics = ", ".join(f"{name} {value:.4g}" for name, value in told.metrics.items())
    values = {**told.shapes, "metrics": f"dict: {metrics}"}
    parts = [(element("code", name), values[name], what) for name, what in means.items()]
    rows = [
        (
            f"#{row}",
            ", ".join(f"{logit:+.3f}" for logit in logits),
            f"{answer} {told.labels[answer]}",
            f"{label} {told.labels[label]}",
        )
        for row, (logits, answer, label) in enumerate(told.rows)
    ]
    heads = (_("pair"), "predictions", "argmax(axis=-1)", "label_ids")
    return (
        stacked_table("predict-parts", "trainer.predict(...)", ("", "", _("what it is")), parts)
        + stacked_table("predict-rows", _("The first rows"), heads, rows)
        + quiet(_("Computed just now, in {seconds:.1f} s.", seconds=told.seconds))
    )


def map_calls(calls: Sequence[MapCall]) -> Markup:
    """Each call of Dataset.map, whether it computed, its cache's file and its milliseconds."""
    rows = [
        (
            element("code", call.call),
            _("computed") if call.computed else _("read from the cache"),
            element("code", call.file),
            f"{1000 * call.seconds:.0f}",
        )
        for call in calls
    ]
    heads = (_("call"), "", _("the cache's file"), _("milliseconds"))
    caption = _("The same rows through Dataset.map three times")
    return stacked_table("map-calls", caption, heads, rows)
