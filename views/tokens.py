"""Plain data -> HTML for what stands under the two grids: why a number, other ways to tokenize,
what was measured.
"""

import html
import json
from itertools import groupby

from languages import _, ngettext, say
from pipeline.settings import LABELS
from views.drawing import ROLE_NAMES, piece
from views.markup import bdi, captioned, framed, notice, origin_line, sentences, text

ROW_NAMES = {"piece": say("token")}
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
HINT = say(
    "Choose a cell, with a click or with the arrow keys: why it holds what it holds stands here."
)


def asking(asked, drawn):
    """A grid with what it was made of, so that a cell can be asked about without anything kept on
    the server.
    """
    # ASCII alone: no control character is changed on its way through the page
    return f'<div data-asked="{html.escape(json.dumps(asked))}">{drawn}</div>'


def hint():
    return f'<div class="because" role="status"><p class="quiet">{HINT}</p></div>'


def why(explained, sentence=""):
    """Why -> the cell and its reasons, read out when it changes; `sentence`: shown with the cell's
    characters marked.
    """
    name = ROW_NAMES.get(explained.row, explained.row)
    tag = (
        f'<span class="tag '
        f'{explained.role}">{text(ROLE_NAMES.get(explained.role, say("label")))}</span>'
    )
    value = f"<strong>{piece(explained.value)}</strong>"
    head = f'<p class="because-cell">{tag} {text(name)}{_where(explained)} {value}</p>'
    reasons = "".join(f"<p>{text(reason)}</p>" for reason in explained.says)
    marked = f'<p class="because-sentence">{_marked(sentence, explained)}</p>' if sentence else ""
    return f'<div class="because asked" role="status">{head}{reasons}{marked}</div>'


def why_not(message):
    """The message in the explanation's place, where a screen reader hears it."""
    return f'<div class="because" role="status">{notice(message, kind="warning")}</div>'


def _where(explained):
    of = _(" of {piece}", piece=bdi(explained.piece)) if explained.value != explained.piece else ""
    return (
        ""
        if explained.row == "labels"
        else _("{piece} at position {position}:", piece=of, position=explained.position)
    )


def _marked(sentence, explained):
    before, marked, after = (
        sentence[: explained.start],
        sentence[explained.start : explained.end],
        sentence[explained.end :],
    )
    return f"<bdi>{text(before)}<mark>{text(marked)}</mark>{text(after)}</bdi>"


# ---------------------------------------------------------------- the pair in other ways


def _under():
    said = _("Under each token: its input_id and, where there is one, its token_type_id.")
    return f'<p class="quiet">{said}</p>'


def ways(made):
    """The Ways to tokenize one pair, each as a strip of pieces, and what their numbers say."""
    return f"{_under()}{''.join(_way(way) for way in made)}{_sums(made)}"


def _way(way):
    types = (
        _(" · token_type_ids {type_ids}", type_ids=_listed(way.type_ids)) if way.type_ids else ""
    )
    count = ngettext("{count} token", "{count} tokens", len(way.tokens))
    head = (
        f"<h3>{text(way.name)} <small><code>{text(way.call)}</code> · {count}{types}</small></h3>"
    )
    return f'<section class="way">{head}{strip(way.tokens)}</section>'


def _sums(made):
    first, second, pair, swapped = made
    apart, together = len(first.tokens) + len(second.tokens), len(pair.tokens)
    said = _(
        "Separately: {first} + {second} = {total} tokens in two rows, and a classifier like this "
        "one never sees "
        "both at once. As a pair: {together} in one row",
        first=len(first.tokens),
        second=len(second.tokens),
        total=apart,
        together=together,
    )
    fewer = apart - together
    said += (
        ngettext(", {count} special token fewer.", ", {count} special tokens fewer.", fewer)
        if fewer > 0
        else _(".")
    )
    types = {
        which: sorted({token.type_id for token in swapped.tokens if token.sentence == which})
        for which in (1, 2)
    }
    if swapped.type_ids and types[1] and types[2]:
        said = sentences(
            said,
            _(
                "Swapped, sentence 2 has type {second_type} and sentence 1 type {first_type}: the "
                "type tells the place, not the sentence.",
                second_type=_listed(types[2]),
                first_type=_listed(types[1]),
            ),
        )
    return f'<p class="quiet">{text(said)}</p>'


def _listed(numbers):
    return _(" and ").join(map(str, numbers))


def strip(tokens, differs=()):
    """Tokens one after another, wrapped like text; under each its id and, where there is one, its
    type.
    """
    items = "".join(
        f"<li "
        f'class="{token.role}{" differs" if token.position in differs else ""}">{piece(token.piece)}'
        f"<small>{token.id}{'' if token.type_id is None else f' · {token.type_id}'}</small></li>"
        for token in tokens
    )
    return f'<ol class="strip">{items}</ol>'


def checkpoints(pair_of_splits, origins, same=""):
    """Two checkpoints' Splits of one pair, side by side; what only one of them cuts so has a dashed
    frame.

    same: why both are one tokenizer, which is drawn once then, as there is nothing to compare.
    """
    if same:
        split = pair_of_splits[0]
        said = ngettext(
            "{count} token from a vocabulary of {entries:,} entries. Special tokens: {special}",
            "{count} tokens from a vocabulary of {entries:,} entries. Special tokens: {special}",
            len(split.tokens),
            entries=split.entries,
            special=_specials(split),
        )
        alone = (
            f'<section class="way"><p class="quiet">{text(said)}</p>{strip(split.tokens)}</section>'
        )
        return f"{notice(same, kind='warning')}{_under()}{alone}"
    sides = "".join(
        _side(split, origin) for split, origin in zip(pair_of_splits, origins, strict=True)
    )
    return f'{_under()}<div class="two-sides">{sides}</div>'


def _specials(split):
    return " ".join(token.piece for token in split.tokens if token.sentence is None)


def _side(split, origin):
    said = ngettext(
        "{count} token from a vocabulary of {entries:,} entries; {differing} of them (dashed) "
        "stand for characters that are no single token of the other. Special tokens: {special}",
        "{count} tokens from a vocabulary of {entries:,} entries; {differing} of them (dashed) "
        "stand for characters that are no single token of the other. Special tokens: {special}",
        len(split.tokens),
        entries=split.entries,
        differing=len(split.differs),
        special=_specials(split),
    )
    line = origin_line(str(origin), origin.stands_in)
    return (
        f'<section class="way">{line}<p '
        f'class="quiet">{text(said)}</p>{strip(split.tokens, split.differs)}</section>'
    )


# ---------------------------------------------------------------- padding


def proof(answers):
    """Answers of the same pair alone, padded, and padded without its mask."""
    head = _head(
        _("the pair"),
        *(f"logit {label}" for label in LABELS),
        _("off by"),
        _("positions"),
        _("mask 1"),
        "P(equivalent)",
    )
    rows = "".join(_answer(answer) for answer in answers)
    table = captioned(
        "small-table proof", _("The same pair, three times through the model"), head + rows
    )
    said = "".join(f'<p class="sum small">{text(verdict)}</p>' for verdict in _verdicts(answers))
    return framed(table, _("Logits with padding")) + said


def _head(*names):
    return "".join(["<tr>", *(f'<th scope="col">{name}</th>' for name in names), "</tr>"])


def _answer(answer):
    logits = (f"{logit:+.6f}" for logit in answer.logits)
    cells = (
        *logits,
        _off(answer.difference),
        answer.seq_len,
        answer.attended,
        f"{answer.probabilities[1]:.4f}",
    )
    name = text(ANSWERS.get(answer.name, answer.name))
    return f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _off(difference):
    return "0" if difference == 0 else f"{difference:.2g}"


ROUNDING = 1e-4  # float32 sums in another order differ by less


def _verdicts(answers):
    alone, padded, unmasked = answers
    kept = (
        _("not at all")
        if padded.difference == 0
        else _("by {difference} at most", difference=_off(padded.difference))
    )
    if padded.difference < ROUNDING:
        rounding = (
            _(", which is rounding: float32 adds in another order") if padded.difference else ""
        )
        yield _(
            "With the mask, padding moves the logits {difference}{rounding}.",
            difference=kept,
            rounding=rounding,
        )
    else:
        yield _(
            "With the mask, padding moves the logits {difference}: more than rounding explains.",
            difference=kept,
        )
    changed = _("becomes") if unmasked.label != alone.label else _("this time stays")
    yield (
        _(
            "Without it the model reads [PAD] like a word: the logits move by {difference}, and "
            "the label {changed} {label}.",
            difference=_off(unmasked.difference),
            changed=changed,
            label=unmasked.label,
        )
    )


def measuring_line():
    """Shown while the figures are being taken."""
    return f'<p class="quiet" role="status">{_("Measuring a forward pass of each…")}</p>'


def costs(made, lengths, measuring=False):
    """The Costs of padding the same rows in each way, and what a forward pass over their batches
    took.
    """
    head = _head(
        _("padding"),
        _("forward pass"),
        _("padding cells"),
        _("cells in total"),
        _("batches, rows × length"),
    )
    rows = "".join(_cost(cost) for cost in made)
    caption = ngettext(
        "{count} row of {shortest} to {longest} tokens, {total} together",
        "{count} rows of {shortest} to {longest} tokens, {total} together",
        len(lengths),
        shortest=min(lengths),
        longest=max(lengths),
        total=sum(lengths),
    )
    table = framed(captioned("small-table bars costs", caption, head + rows), _("Costs of padding"))
    return (
        table
        + _too_few_to_group(made, lengths)
        + (measuring_line() if measuring else _measured(made))
    )


def _too_few_to_group(made, lengths):
    """Why grouping changed nothing: transformers sorts a quarter of the rows at a time, and that
    has to be two batches.
    """
    batches = {cost.strategy: sorted(cost.batches) for cost in made}
    size = made[0].batches[0][0]
    if (
        batches.get("dynamic") != batches.get("grouped by length")
        or not 1 < size <= len(lengths) < 8 * size
    ):
        return ""
    said = _(
        "Grouping by length made the same batches here: it sorts a quarter of the rows at a time, "
        "so it needs at least "
        "{count} rows for batches of {size}. Choose more rows above, such as 0-31.",
        count=8 * size,
        size=size,
    )
    return f'<p class="sum">{text(said)}</p>'


def _cost(cost):
    bar = f'<span class="bar" style="--share:{cost.share:.4f}"></span>'
    padding = f"<span>{cost.padding:,} ({cost.share:.1%})</span>{bar}"
    cells = (_milliseconds(cost), padding, f"{cost.cells:,}", _batches(cost.batches))
    name = text(STRATEGIES.get(cost.strategy, cost.strategy))
    return f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _batches(batches, most=4):
    """
    >>> _batches([(4, 52), (4, 52), (4, 45)])
    '4 × 52 (2 times), 4 × 45'
    """
    groups = [(len(list(same)), shape) for shape, same in groupby(batches)]
    said = [
        f"{rows} × {seq_len}{_(' ({count} times)', count=count) if count > 1 else ''}"
        for count, (rows, seq_len) in groups[:most]
    ]
    left = sum(count for count, _rest in groups[most:])
    return _(", ").join(said) + (_(", {left} more", left=left) if left else "")


def _milliseconds(cost):
    if cost.seconds is None:
        return "…"
    took = _("{milliseconds:,.0f} ms", milliseconds=cost.seconds * 1000)
    return took if cost.measured else _("about {time}", time=took)


def _measured(made):
    said = ngettext(
        "Measured just now on this machine, which others may be using: the embedded checkpoint in "
        "float32, each shape of a batch in {count} turn. Summed over a way's batches.",
        "Measured just now on this machine, which others may be using: the embedded checkpoint in "
        "float32, each shape of a batch in {count} turns. The best turn counts; summed over a "
        "way's batches.",
        made[0].turns,
    )
    if made[0].turns < FEW_TURNS:
        said = sentences(
            said,
            _(
                "With so few turns much of it is noise: go by the cells, or measure again when "
                "the machine "
                "is less busy."
            ),
        )
    if not all(cost.measured for cost in made):
        said = sentences(
            said, _("“about”: measuring it would have taken too long; reckoned from its cells.")
        )
    return f'<p class="quiet" role="status">{text(said)}</p>'


# ---------------------------------------------------------------- Dataset.map


def map_times(times, origin):
    """Dataset.map one by one and batched, and how many times as fast."""
    head = _head("Dataset.map", _("milliseconds"), _("rows a second"))
    ways = {_("one by one"): times.one_by_one, "batched=True": times.batched}
    rows = "".join(
        f"<tr><th "
        f'scope="row">{name}</th><td>{seconds * 1000:,.0f}</td><td>{times.rows / seconds:,.0f}</td></tr>'
        for name, seconds in ways.items()
    )
    turns = (
        _("best of {turns} turns each", turns=times.turns)
        if times.turns > 1
        else _("one turn each")
    )
    table = captioned(
        "small-table",
        ngettext(
            "{count} row, {turns}, no cache",
            "{count} rows, {turns}, no cache",
            times.rows,
            turns=turns,
        ),
        head + rows,
    )
    same = _("the same input_ids") if times.same else _("different input_ids")
    said = _(
        "batched=True was {ratio:.1f} times as fast just now, with {input_ids}.",
        ratio=times.ratio,
        input_ids=same,
    )
    table = framed(table, _("Times of Dataset.map"))
    return f'{origin_line(origin)}{table}<p class="sum small">{text(said)}</p>'
