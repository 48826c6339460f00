"""What was read of a visitor's own pairs, on one screen."""

from collections.abc import Sequence

from markupsafe import Markup

from languages import _, ngettext
from pipeline.own_pairs.pairs import SPLITS, OwnPairs
from pipeline.own_pairs.table import Table
from views.render import render

SHOWN_ROWS, MOST_CHARACTERS = 3, 160
MOST_LINES = 8  # of rows left out, and of pairs in two splits


def what_was_read(table: Table, own: OwnPairs, name: str = "") -> Markup:
    """The pairs of `table` by the columns that are chosen: what the file is, its rows, labels,
    lengths and splits, what was left out and why, and what to know before they are used. name: of
    the file, "" for a text.
    """
    return render(
        "own_pairs.html",
        name=name,
        form=table.form,
        own=own,
        first=_first_rows(own),
        splits=[(split, len(own.splits[split])) for split in SPLITS if own.splits.get(split)],
        lengths=list(own.lengths.items()),
        warnings=_warnings(own),
        left_out=own.left_out[:MOST_LINES],
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


def _warnings(own: OwnPairs) -> list[str]:
    """What to know of the rows that are kept, a sentence each."""
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
        found.append(
            ngettext(
                "{count} row has no label: a run leaves it out.",
                "{count} rows have no label: a run leaves them out.",
                own.unlabelled,
            )
        )
    return [*map(str, own.notes), *found]


def _in_two_splits(lines: Sequence[tuple[int, int]]) -> str:
    listed = ", ".join(f"{one}/{other}" for one, other in lines[:MOST_LINES])
    return ngettext(
        "{count} pair stands in two splits (lines {lines}), so that its score is too good.",
        "{count} pairs stand in two splits (lines {lines}), so that the score is too good.",
        len(lines),
        lines=listed + (", …" if len(lines) > MOST_LINES else ""),
    )
