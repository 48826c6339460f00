"""What was read of a visitor's own pairs, on one screen."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from languages import _, ngettext
from pipeline.own_pairs.pairs import SPLITS, OwnPairs
from pipeline.own_pairs.table import Table
from views.render import render

SHOWN_ROWS, MOST_CHARACTERS = 3, 160
MOST_LINES = 8  # of rows left out, and of pairs in two splits


def what_was_read(table: Table, own: OwnPairs, name: str = "", is_written: bool = False) -> Markup:
    """The pairs of `table` by the columns that are chosen: what the file is, its rows, labels,
    lengths and splits, what was left out and why, and what to know before they are used. name: of
    the file, "" for a text. is_written: in the page's own table, whose heads nobody counts as a
    line.
    """
    heads = 1 if is_written else 0
    return render(
        "own_pairs.html",
        name="" if is_written else name,
        form=_("the table that you wrote") if is_written else table.form,
        own=own,
        first=_first_rows(own),
        splits=[(split, len(own.splits[split])) for split in SPLITS if own.splits.get(split)],
        lengths=list(own.lengths.items()),
        warnings=_warnings(own, heads),
        left_out=[(line - heads, why) for line, why in own.left_out[:MOST_LINES]],
        more_left_out=max(len(own.left_out) - MOST_LINES, 0),
    )


def _first_rows(own: OwnPairs) -> list[tuple[str, str, str]]:
    """(sentence1, sentence2, label) of the first few rows, in the order of the file."""
    rows = [row for part in own.splits.values() for row in part]
    rows.sort(key=lambda row: row["idx"])
    return [
        (
            _cut(row["sentence1"]),
            _cut(row.get("sentence2") or ""),
            own.labels[row["label"]] if row["label"] >= 0 else "–",
        )
        for row in rows[:SHOWN_ROWS]
    ]


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


def _warnings(own: OwnPairs, heads: int) -> list[str]:
    """What to know of the rows that are kept, a sentence each. heads: lines that don't count."""
    found = []
    if own.refused:
        found.append(_("A run can't be made of these: {why}", why=own.refused))
    if own.duplicates:
        found.append(
            ngettext(
                "{count} row repeats the sentences of an earlier one.",
                "{count} rows repeat the sentences of earlier ones.",
                own.duplicates,
            )
        )
    if own.contradictions:
        found.append(
            ngettext(
                "{count} of the repeated rows has another label than the earlier one.",
                "{count} of the repeated rows have another label than the earlier one.",
                own.contradictions,
            )
        )
    if own.in_two_splits:
        found.append(_in_two_splits(own.in_two_splits))
    if own.unlabelled and not own.refused:
        lines = [row["line"] - heads for row in own.splits["unlabelled"]]
        found.append(
            ngettext(
                "{count} row has no label (line {lines}): a run leaves it out.",
                "{count} rows have no label (lines {lines}): a run leaves them out.",
                own.unlabelled,
                lines=_listed(map(str, lines[:MOST_LINES]), len(lines)),
            )
        )
    if len(own.counts) > 2:
        found += [
            _(
                "Only one row has the label {label}. Correct it if it is a slip: a model "
                "learns each label that there is.",
                label=f"“{label}”",
            )
            for label, count in own.counts.items()
            if count == 1
        ]
    return [*map(str, own.notes), *found]


def _in_two_splits(lines: Sequence[tuple[int, int]]) -> str:
    shown = (f"{one}/{other}" for one, other in lines[:MOST_LINES])
    return ngettext(
        "{count} pair stands in two splits (lines {lines}), so that its score is too good.",
        "{count} pairs stand in two splits (lines {lines}), so that the score is too good.",
        len(lines),
        lines=_listed(shown, len(lines)),
    )


def _listed(first: Iterable[str], count: int) -> str:
    """The first few of `count`."""
    return ", ".join(first) + (", …" if count > MOST_LINES else "")
