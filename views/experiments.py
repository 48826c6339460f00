"""What is tried with a visitor's own pair or rows: other ways to tokenize, padding, Dataset.map."""

from collections.abc import Sequence
from itertools import groupby

from markupsafe import Markup

from languages import _, ngettext, say
from pipeline.explain.experiments import Answer, Cost, MapTimes, Split, Way
from pipeline.hub.sources import Origin
from pipeline.settings import LABELS
from views.markup import origin_line, sentences
from views.render import macro, render

ANSWERS = {
    "alone": say("alone"),
    "padded": say("padded"),
    "padded, mask removed": say("padded, mask removed"),
}
STRATEGIES = {
    "dynamic": say("dynamic"),
    "longest in dataset": say("longest in dataset"),
    "grouped by length": say("grouped by length"),
}
# Below this, the best turn is still one while another program had the core
FEW_TURNS = 3
ROUNDING = 1e-4  # float32 sums in another order differ by less
MOST_BATCHES = 4  # that are listed


# ---------------------------------------------------------------- other ways to tokenize


def ways(made: Sequence[Way]) -> Markup:
    """Ways to tokenize one pair, each with its tokens, and what their numbers say.

    made: sentence 1 alone, sentence 2 alone, the pair, the pair swapped.
    """
    return render("ways.html", ways=made, comparison=_comparison(*made))


def _comparison(first: Way, second: Way, pair: Way, swapped: Way) -> str:
    apart, together = len(first.tokens) + len(second.tokens), len(pair.tokens)
    fewer = apart - together
    said = _(
        "Separately: {first} + {second} = {total} tokens in two rows, and a classifier like this "
        "one never sees both at once. As a pair: {together} in one row",
        first=len(first.tokens),
        second=len(second.tokens),
        total=apart,
        together=together,
    )
    said += (
        ngettext(", {count} special token fewer.", ", {count} special tokens fewer.", fewer)
        if fewer > 0
        else _(".")
    )
    types = [_types_of(swapped, sentence) for sentence in (1, 2)]
    if not (swapped.type_ids and all(types)):
        return said
    return sentences(
        said,
        _(
            "Swapped, sentence 2 has type {second_type} and sentence 1 type {first_type}: the "
            "type tells the place, not the sentence.",
            second_type=types[1],
            first_type=types[0],
        ),
    )


def _types_of(way: Way, sentence: int) -> str:
    """The token_type_ids of a sentence's tokens, as text."""
    types = {token.type_id or 0 for token in way.tokens if token.sentence == sentence}
    return _(" and ").join(map(str, sorted(types)))


def checkpoints(splits: Sequence[Split], origins: Sequence[Origin], same: str = "") -> Markup:
    """Two checkpoints' Splits of one pair, side by side; what only one cuts so has a dashed frame.

    same: why both are one tokenizer, which is drawn once then, as there is nothing to compare.
    """
    if same:
        splits = splits[:1]
    sides = [
        {
            "split": split,
            "said": _about_split(split, compared=not same),
            "origin_line": "" if same else origin_line(origin, origin.stands_in),
        }
        for split, origin in zip(splits, origins, strict=False)
    ]
    return render("checkpoints.html", sides=sides, same=same)


def _about_split(split: Split, compared: bool) -> str:
    count, entries = len(split.tokens), split.entries
    special = " ".join(token.piece for token in split.tokens if token.sentence is None)
    if not compared:
        return ngettext(
            "{count} token from a vocabulary of {entries:,} entries. Special tokens: {special}",
            "{count} tokens from a vocabulary of {entries:,} entries. Special tokens: {special}",
            count,
            entries=entries,
            special=special,
        )
    return ngettext(
        "{count} token from a vocabulary of {entries:,} entries; {differing} of them (dashed) "
        "stand for characters that are no single token of the other. Special tokens: {special}",
        "{count} tokens from a vocabulary of {entries:,} entries; {differing} of them (dashed) "
        "stand for characters that are no single token of the other. Special tokens: {special}",
        count,
        entries=entries,
        differing=len(split.differs),
        special=special,
    )


# ---------------------------------------------------------------- padding


def logits_with_padding(answers: Sequence[Answer]) -> Markup:
    """Answers of the same pair alone, padded, and padded without its mask."""
    heads = [
        _("the pair"),
        *(f"logit {label}" for label in LABELS),
        _("off by"),
        _("positions"),
        _("mask 1"),
        "P(equivalent)",
    ]
    return render(
        "logits_with_padding.html",
        heads=heads,
        rows=[_row_of_answer(answer) for answer in answers],
        verdicts=[_with_mask(answers[1]), _without_mask(answers[0], answers[2])],
    )


def _row_of_answer(answer: Answer) -> list:
    return [
        ANSWERS.get(answer.name, answer.name),
        *(f"{logit:+.6f}" for logit in answer.logits),
        _short(answer.difference),
        answer.seq_len,
        answer.attended,
        f"{answer.probabilities[1]:.4f}",
    ]


def _short(difference: float) -> str:
    return "0" if difference == 0 else f"{difference:.2g}"


def _with_mask(padded: Answer) -> str:
    if padded.difference == 0:
        moved = _("not at all")
    else:
        moved = _("by {difference} at most", difference=_short(padded.difference))
    if padded.difference >= ROUNDING:
        return _(
            "With the mask, padding moves the logits {difference}: more than rounding explains.",
            difference=moved,
        )
    rounding = _(", which is rounding: float32 adds in another order") if padded.difference else ""
    return _(
        "With the mask, padding moves the logits {difference}{rounding}.",
        difference=moved,
        rounding=rounding,
    )


def _without_mask(alone: Answer, unmasked: Answer) -> str:
    changed = _("becomes") if unmasked.label != alone.label else _("this time stays")
    return _(
        "Without it the model reads [PAD] like a word: the logits move by {difference}, and "
        "the label {changed} {label}.",
        difference=_short(unmasked.difference),
        changed=changed,
        label=unmasked.label,
    )


def measuring_line() -> Markup:
    """Shown while the figures are being taken."""
    return macro("status", _("Measuring a forward pass of each…"))


def padding_costs(costs: Sequence[Cost], lengths: Sequence[int], measuring: bool = False) -> Markup:
    """What padding the same rows costs in each way, and what a forward pass over them took.

    lengths: tokens a row.
    """
    caption = ngettext(
        "{count} row of {shortest} to {longest} tokens, {total} together",
        "{count} rows of {shortest} to {longest} tokens, {total} together",
        len(lengths),
        shortest=min(lengths),
        longest=max(lengths),
        total=sum(lengths),
    )
    rows = [
        (
            cost,
            STRATEGIES.get(cost.strategy, cost.strategy),
            _milliseconds(cost),
            listed_batches(cost.batches),
        )
        for cost in costs
    ]
    return render(
        "padding_costs.html",
        caption=caption,
        rows=rows,
        too_few_rows=_too_few_to_group(costs, lengths),
        status=measuring_line() if measuring else macro("status", _how_measured(costs)),
    )


def _too_few_to_group(costs: Sequence[Cost], lengths: Sequence[int]) -> str:
    """Why grouping changed nothing: transformers sorts a quarter of the rows at a time, and that
    has to be two batches.
    """
    batches = {cost.strategy: sorted(cost.batches) for cost in costs}
    size = costs[0].batches[0][0]
    same = batches.get("dynamic") == batches.get("grouped by length")
    if not (same and 1 < size <= len(lengths) < 8 * size):
        return ""
    return _(
        "Grouping by length made the same batches here: it sorts a quarter of the rows at a time, "
        "so it needs at least {count} rows for batches of {size}. Choose more rows above, such as "
        "0-31.",
        count=8 * size,
        size=size,
    )


def listed_batches(batches: Sequence[tuple[int, int]], most: int = MOST_BATCHES) -> str:
    """(rows, seq_len) of each batch -> the first few, as text.

    >>> listed_batches([(4, 52), (4, 52), (4, 45)])
    '4 × 52 (2 times), 4 × 45'
    """
    groups = [(len(list(same)), shape) for shape, same in groupby(batches)]
    said = [
        f"{rows} × {seq_len}{_(' ({count} times)', count=count) if count > 1 else ''}"
        for count, (rows, seq_len) in groups[:most]
    ]
    left = sum(count for count, _shape in groups[most:])
    return _(", ").join(said) + (_(", {left} more", left=left) if left else "")


def _milliseconds(cost: Cost) -> str:
    if cost.seconds is None:
        return "…"
    took = _("{milliseconds:,.0f} ms", milliseconds=cost.seconds * 1000)
    return took if cost.measured else _("about {time}", time=took)


def _how_measured(costs: Sequence[Cost]) -> str:
    turns = costs[0].turns
    said = ngettext(
        "Measured just now on this machine, which others may be using: the embedded checkpoint in "
        "float32, each shape of a batch in {count} turn. Summed over a way's batches.",
        "Measured just now on this machine, which others may be using: the embedded checkpoint in "
        "float32, each shape of a batch in {count} turns. The best turn counts; summed over a "
        "way's batches.",
        turns,
    )
    noise = _(
        "With so few turns much of it is noise: go by the cells, or measure again when the "
        "machine is less busy."
    )
    about = _("“about”: measuring it would have taken too long; reckoned from its cells.")
    return sentences(
        said,
        noise if turns < FEW_TURNS else "",
        "" if all(cost.measured for cost in costs) else about,
    )


# ---------------------------------------------------------------- Dataset.map


def map_times(times: MapTimes) -> Markup:
    """Dataset.map one by one and batched, and how many times as fast."""
    rows = [
        (name, f"{seconds * 1000:,.0f}", f"{times.rows / seconds:,.0f}")
        for name, seconds in (
            (_("one by one"), times.one_by_one),
            ("batched=True", times.batched),
        )
    ]
    if times.turns > 1:
        turns = _("best of {turns} turns each", turns=times.turns)
    else:
        turns = _("one turn each")
    said = _(
        "batched=True was {ratio:.1f} times as fast just now, with {input_ids}.",
        ratio=times.ratio,
        input_ids=_("the same input_ids") if times.same else _("different input_ids"),
    )
    caption = ngettext(
        "{count} row, {turns}, no cache", "{count} rows, {turns}, no cache", times.rows, turns=turns
    )
    return render("map_times.html", caption=caption, rows=rows, said=said)
