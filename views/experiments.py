"""What is tried with a visitor's own pair or rows: other ways to tokenize, padding, Dataset.map."""

from collections.abc import Sequence
from itertools import groupby

from markupsafe import Markup

from languages import _, say
from pipeline.collation import ORDER, batched_rows
from pipeline.explain.experiments import Answer, Cost, MapTimes, Split, Way
from pipeline.hub.sources import Origin
from pipeline.settings import LABELS
from views.markup import origin_line
from views.render import element, render

ANSWERS = {
    "alone": say("alone"),
    "padded": say("padded"),
    "padded, mask removed": say("padded, mask removed"),
}
STRATEGIES = {
    "dynamic": say("dynamic: as the collator does"),
    "grouped by length": say("grouped by length"),
    "longest in dataset": say("longest in the dataset"),
    "max_length": say("to max_length"),
}
# Below this, the best turn is still one while another program had the core
FEW_TURNS = 3
ROUNDING = 1e-4  # float32 sums in another order differ by less
LISTED_BATCHES = 4


def ways(made: Sequence[Way]) -> Markup:
    """Ways to tokenize one pair, each with its tokens, and what their numbers say.

    made: sentence 1 alone, sentence 2 alone, the pair, the pair swapped.
    """
    return render("ways.html", ways=made, types=[_types(made[-1], which) for which in (1, 2)])


def _types(way: Way, sentence: int) -> list[int]:
    """The token_type_ids of a sentence's tokens; none where the tokenizer makes none."""
    if not way.type_ids:
        return []
    return sorted({token.type_id or 0 for token in way.tokens if token.sentence == sentence})


def checkpoints(splits: Sequence[Split], origins: Sequence[Origin], same: str = "") -> Markup:
    """Two checkpoints' Splits of one pair, side by side; what only one cuts so has a dashed frame.

    same: why both are one tokenizer, which is drawn once then, as there is nothing to compare.
    """
    lines = [origin_line(origin, origin.stands_in) for origin in origins]
    sides = [(splits[0], "")] if same else list(zip(splits, lines, strict=True))
    return render("checkpoints.html", sides=sides, same=same)


def logits_with_padding(answers: Sequence[Answer]) -> Markup:
    """Answers of the same pair alone, padded, and padded without its mask."""
    return render(
        "logits_with_padding.html",
        answers=answers,
        names=ANSWERS,
        labels=LABELS,
        rounding=ROUNDING,
        short=_short,
    )


def _short(difference: float) -> str:
    return "0" if difference == 0 else f"{difference:.2g}"


def padding_costs(costs: Sequence[Cost], rows: Sequence[tuple[int, int]], size: int) -> Markup:
    """What padding the same rows costs in each way: a picture of its batches, and what a forward
    pass over them took, where that was measured.

    rows: of each row its tokens before sentence 2, and all of them; size: rows a batch.
    """
    lengths = [own for _first, own in rows]
    widest = max(seq_len for cost in costs for _rows, seq_len in cost.batches)
    pictures = []
    for cost in sorted(costs, key=_place_of):
        chunks = batched_rows(lengths, size, cost.strategy)
        batches = [
            (_percent(seq_len, widest), [_bar(*rows[row], seq_len) for row in chunk])
            for chunk, (_rows, seq_len) in zip(chunks, cost.batches, strict=True)
        ]
        pictures.append((cost, batches))
    return render(
        "padding_costs.html",
        costs=costs,
        pictures=pictures,
        size=size,
        strategies=STRATEGIES,
        milliseconds=_milliseconds,
        listed=listed_batches,
        measured=costs[0].seconds is not None,
        has_too_few_rows=_has_too_few_to_group(costs, lengths),
        few_turns=FEW_TURNS,
        order=_with_code(str(ORDER)),
    )


def _with_code(text: str) -> Markup:
    """A text whose names stand between backticks, as Markup."""
    parts = enumerate(text.split("`"))
    return Markup("").join(element("code", part) if at % 2 else part for at, part in parts)


def _place_of(cost: Cost) -> int:
    """From the least padding to the most, as a rule: the order of STRATEGIES."""
    return list(STRATEGIES).index(cost.strategy)


def _bar(first: int, own: int, seq_len: int) -> tuple[float, float]:
    """Percent of a row of `seq_len` positions that sentence 1 takes, and all its tokens."""
    return _percent(min(first, seq_len), seq_len), _percent(min(own, seq_len), seq_len)


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1)


def _has_too_few_to_group(costs: Sequence[Cost], lengths: Sequence[int]) -> bool:
    """Whether grouping changed nothing for want of rows: transformers sorts a quarter of them at a
    time, and that has to be two batches.
    """
    batches = {cost.strategy: sorted(cost.batches) for cost in costs}
    size = costs[0].batches[0][0]
    same = batches.get("dynamic") == batches.get("grouped by length")
    return same and 1 < size <= len(lengths) < 8 * size


def listed_batches(batches: Sequence[tuple[int, int]]) -> str:
    """(rows, seq_len) of each batch -> the first few, as text.

    >>> listed_batches([(4, 52), (4, 52), (4, 45)])
    '4 × 52 (2 times), 4 × 45'
    """
    groups = [(len(list(same)), shape) for shape, same in groupby(batches)]
    said = [
        f"{rows} × {seq_len}{_(' ({count} times)', count=count) if count > 1 else ''}"
        for count, (rows, seq_len) in groups[:LISTED_BATCHES]
    ]
    left = sum(count for count, _shape in groups[LISTED_BATCHES:])
    return _(", ").join(said) + (_(", {left} more", left=left) if left else "")


def _milliseconds(cost: Cost) -> str:
    if cost.seconds is None:
        return "…"
    took = _("{milliseconds:,.0f} ms", milliseconds=cost.seconds * 1000)
    return took if cost.measured else _("about {time}", time=took)


def map_times(times: MapTimes) -> Markup:
    """Dataset.map one by one and batched, and how many times as fast."""
    seconds = {_("one by one"): times.one_by_one, "batched=True": times.batched}
    rows = [
        (name, f"{took * 1000:,.0f}", f"{times.rows / took:,.0f}") for name, took in seconds.items()
    ]
    return render("map_times.html", times=times, rows=rows)
