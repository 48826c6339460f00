"""Play: what a layer does to a small tensor, drawn. Nothing here imports gradio."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from languages import _, ngettext, say
from views.code import code
from views.markup import notice, quiet
from views.tensors import (
    CHOSEN,
    STEP_OUTPUT,
    TIMES,
    Grid,
    GridStyle,
    Place,
    Plane,
    Stage,
    channel_grids,
    equation,
    facts,
    grid,
    largest,
    number,
    records,
    shape,
    size_table,
    stage,
    worked,
)

if TYPE_CHECKING:  # layers imports torch
    from layers.play import Window
    from layers.play.conv import Convolution
    from layers.play.dropout import Dropped
    from layers.play.losses import Losses
    from layers.play.normalization import Normalized
    from layers.play.pooling import Pooling

Planes = Sequence[Plane]
PADDING_MODES = {
    "zeros": say("zeros all around"),
    "reflect": say("mirrored at the edge cells"),
    "replicate": say("the edge cells repeat"),
    "circular": say("wraps around from the other side"),
}


def _joined(*parts: Markup) -> Markup:
    return Markup("").join(parts)


def _output_cell(at: Place) -> str:
    channel, row, column = at
    return _(
        "Output channel {channel}, row {row}, column {column}",
        channel=channel,
        row=row,
        column=column,
    )


# ---------------------------------------------------------------- convolution and padding


def convolution(made: "Convolution", window: "Window", at: Place) -> Markup:
    """Input, kernels and output, and the sum of one output cell.

    at: that cell, (channel, row, column); window: what it looks at.
    """
    _rest, _channels, height, width = made.shapes.input
    rows, columns = made.before
    weight = _(
        "weight: {shape}; {parameters} parameters with the bias",
        shape=shape(made.weight_shape),
        parameters=made.parameters,
    )
    if not made.bias:
        weight = ngettext(
            "weight: {shape}; {count} parameter",
            "weight: {shape}; {count} parameters",
            made.parameters,
            shape=shape(made.weight_shape),
        )
    padded = GridStyle(largest(made.padded), (-rows, -columns), (height, width))
    outputs = channel_grids(
        made.output, GridStyle(largest(made.output)), {at[0]: [at[1:]]}, CHOSEN, clickable=True
    )
    sums = [
        _("input {channel}: {line}", channel=channel, line=line)
        for channel, line in window.lines.items()
    ]
    size_in = _(
        "{shape}, {padding}", shape=shape(made.shapes.input), padding=_padding_of(rows, columns)
    )
    inputs = channel_grids(made.padded, padded, dict.fromkeys(window.terms, window.cells))
    kernels = list(_kernels(made, at[0], min(window.terms)))
    return _joined(
        equation(
            [
                Stage(_("Input"), size_in, inputs, "input"),
                Stage(_("Kernel"), "", kernels),
                Stage(_("Output"), shape(made.shapes.output), outputs, "output"),
            ],
            (TIMES, "="),
            hint=STEP_OUTPUT,
        ),
        worked(_output_cell(at), [*sums, _("summed, then the bias: {line}", line=window.total)]),
        code(made.code),
        quiet(weight),
        size_table(made.shapes),
    )


def _padding_of(rows: int, columns: int) -> str:
    if rows != columns:
        return _("padding {rows} and {columns}", rows=rows, columns=columns)
    return _("padding {rows}", rows=rows) if rows else _("no padding")


def _kernels(made: "Convolution", channel: int, first: int) -> Iterator[Grid]:
    """One grid a kernel of the followed output channel: the others have no part in its numbers.

    first: the first input channel that it looks at.
    """
    top = max(largest(kernels) for kernels in made.weight)
    for number_in, kernel in enumerate(made.weight[channel], first):
        caption = _("input {source} → output {channel}", source=number_in, channel=channel)
        yield grid(kernel, caption, GridStyle(top))


def paddings(picture: Planes, padded: Mapping[str, Planes | str], padding: int) -> Markup:
    """One grid a padding mode, the picture inside, its padding hatched.

    padded: {padding_mode: C × H' × W', or why that can't be}
    """
    size = len(picture[0]), len(picture[0][0])
    sizes = [
        (name, f"{length} + 2·{padding} = {length + 2 * padding}")
        for name, length in zip((_("height"), _("width")), size, strict=True)
    ]
    style = GridStyle(largest(picture), (-padding, -padding), size)
    stages = [
        stage(mode, "", [], error=planes)
        if isinstance(planes, str)
        else stage(
            mode,
            str(PADDING_MODES[mode]),
            [grid(planes[0], shape((len(planes[0]), len(planes[0][0]))), style)],
        )
        for mode, planes in padded.items()
    ]
    side_by_side = Markup('<div class="side-by-side">{}</div>').format(_joined(*stages))
    return facts(sizes, _("Padded size")) + side_by_side


# ---------------------------------------------------------------- pooling


def pooling(
    picture: Planes,
    area: Planes,
    made: "Pooling",
    window: tuple[Sequence[Place], str],
    at: Place,
    padding: Place,
    restored: Planes | str,
) -> Markup:
    """Input, output and indices, one output cell's maximum, and max_unpool2d's way back.

    area: the picture with its padding. at: that output cell, (channel, row, column). window: the
    input cells that it looks at, and their maximum in numbers. restored: what max_unpool2d gives,
    or why it isn't drawn.
    """
    channel, *rest = at
    chosen = {channel: [tuple(rest)]}
    height, width = len(picture[0]), len(picture[0][0])
    cells, line = window
    inputs = GridStyle(largest(picture), (-padding[0], -padding[1]), (height, width))
    outputs = GridStyle(largest(made.output))
    lines = [line]
    if made.indices is not None and math.isfinite(made.output[channel][rest[0]][rest[1]]):
        lines.append(_index_line(made.indices[channel][rest[0]][rest[1]], width))
    taken = channel_grids(made.output, outputs, chosen, CHOSEN, clickable=True)
    parts = [
        equation(
            [
                Stage(
                    _("Input"),
                    shape(made.shapes.input),
                    channel_grids(area, inputs, {channel: cells}),
                    "input",
                ),
                Stage(_("Output"), _("the largest value of each window"), taken, "output"),
            ],
            ("max →",),
            hint=STEP_OUTPUT,
        ),
        worked(_output_cell(at), lines),
        code(made.code),
        size_table(made.shapes),
    ]
    if made.indices is not None:
        style = GridStyle(height * width)
        parts.append(
            stage(
                _("Indices"),
                _("row · width + column of each largest value, counted separately in each channel"),
                channel_grids(made.indices, style, chosen, CHOSEN),
            )
        )
        parts.append(_unpooled(restored))
    return _joined(*parts)


def _index_line(index: int, width: int) -> str:
    """The index of the largest value, in numbers."""
    return _(
        "index: {row} · {width} + {column} = {index}",
        row=index // width,
        width=width,
        column=index % width,
        index=index,
    )


def _unpooled(restored: Planes | str) -> Markup:
    if isinstance(restored, str):
        return notice(restored)
    grids = channel_grids(restored, GridStyle(largest(restored), hatch_zeros=True))
    return stage("max_unpool2d", _("each largest value back in its place, zeros elsewhere"), grids)


# ---------------------------------------------------------------- normalization and dropout


def normalization(
    batch: Sequence[Planes],
    made: "Normalized",
    title: str,
    at: Place,
    lines: Mapping[str, str],
) -> Markup:
    """The statistics of each channel, the batch in train() and in eval(), one cell worked out.

    at: that cell, (example, channel, row, column); lines: {what: its formula in numbers}.
    """
    top_in = max(largest(images) for images in batch)
    top_out = max(largest(images) for images in (*made.train_output, *made.eval_output))
    n, channel, row, column = at
    evaluated = _("normalized with the running statistics from training")
    if not made.running_mean:
        evaluated = _("there are no running statistics, so the batch's own are used")
    sizes = shape((len(batch), len(batch[0]), len(batch[0][0]), len(batch[0][0][0])))
    trained = _("normalized with this batch's own mean and variance")
    return _joined(
        equation(
            [
                Stage(_("Input"), sizes, _examples(batch, top_in, at), "input"),
                Stage("train()", trained, _examples(made.train_output, top_out, at), "output"),
                Stage("eval()", evaluated, _examples(made.eval_output, top_out, at), "output"),
            ],
            ("→", ""),
            hint=STEP_OUTPUT,
        ),
        worked(
            _(
                "Example {n}, channel {c}, row {row}, column {column}",
                n=n,
                c=channel,
                row=row,
                column=column,
            ),
            [_("{name}: {line}", name=name, line=line) for name, line in lines.items()],
        ),
        _statistics(made),
        code(title),
    )


def _examples(batch: Sequence[Planes], top: float, at: Place) -> list[Grid]:
    """One grid an example and channel; the cell `at` is marked."""
    return [
        grid(
            plane,
            _("example {n}, channel {c}", n=n, c=c),
            GridStyle(top, marked=frozenset([at[2:]] if at[:2] == (n, c) else ()), plane=(n, c)),
            CHOSEN,
        )
        for n, images in enumerate(batch)
        for c, plane in enumerate(images)
    ]


def _statistics(made: "Normalized") -> Markup:
    columns = {
        _("mean"): made.batch_mean,
        _("variance (÷ n)"): made.batch_var,
        "running_mean": made.running_mean,
        "running_var (÷ n − 1)": made.running_var,
        _("weight γ"): made.weight,
        _("bias β"): made.bias,
    }
    rows = [
        [
            _("channel {c}", c=c),
            *(float(values[c]) if values else None for values in columns.values()),
        ]
        for c in range(len(made.batch_mean))
    ]
    caption = _(
        "One number per channel: the batch's, the running statistics, the learned parameters"
    )
    return records(("", *columns), rows, caption)


def dropout(values: list, made: "Dropped", title: str, line: str) -> Markup:
    """The input, train() with the zeroed cells hatched, and eval().

    line: a kept value in numbers.
    """
    top = max(largest([plane]) for _name, plane in [*planes(values), *planes(made.train_output)])
    plain, hatched = GridStyle(top), GridStyle(top, hatch_zeros=True)
    warning = _("PyTorch runs it, and warns: {warning}", warning=made.warning)
    scale = _("no element is left to scale")
    if made.scale is not None:
        scale = f"1 / (1 − {made.p:g}) = {number(made.scale, 4)}"
    rows = [
        (_("shape in and out"), shape(made.shape)),
        (_("zeroed"), _("{zeroed:.1%} of the elements", zeroed=made.zeroed)),
        (_("the others multiplied by"), scale),
    ]
    if line:
        rows.append((_("first element left"), line))
    trained = _("hatched: zeroed; the others are scaled up to keep the expected sum")
    return _joined(
        notice(warning, kind="warning") if made.warning else Markup(""),
        equation(
            [
                Stage(_("Input"), shape(made.shape), _plane_grids(values, plain)),
                Stage("train()", trained, _plane_grids(made.train_output, hatched)),
                Stage("eval()", _("nothing happens"), _plane_grids(made.eval_output, plain)),
            ],
            ("→", ""),
        ),
        facts(rows, _("What training did")),
        code(title),
    )


def _plane_grids(values: list, style: GridStyle) -> list[Grid]:
    return [grid(plane, name, style) for name, plane in planes(values)]


def planes(values: list, at: Place = ()) -> list[tuple[str, Plane]]:
    """Nested lists of two to four dimensions -> [(name, H × W), …].

    at: the (example, channel) that they are of.
    """
    if isinstance(values[0][0], list):
        return [plane for n, part in enumerate(values) for plane in planes(part, (*at, n))]
    if not at:
        return [(_("rows × features"), values)]
    if len(at) == 1:
        return [(_("example {n}", n=at[0]), values)]
    return [(_("example {n}, channel {c}", n=at[0], c=at[1]), values)]


# ---------------------------------------------------------------- losses


def losses(made: "Losses", title: str, formula: str, element: str) -> Markup:
    """Each loss and each reduction in numbers. element: how one of them is called."""
    rows = [
        (_("{element} {number}", element=element, number=n), line)
        for n, line in enumerate(made.lines)
    ]
    caption = _("reduction='none': {shape}", shape=shape(made.none_shape))
    count = ngettext("{count} number, above", "{count} numbers, above", len(made.lines))
    reductions = [
        ("'none'", count),
        ("'sum'", made.sum_line),
        ("'mean'", _("sum / n = {line}", line=made.mean_line)),
    ]
    return _joined(
        code(title),
        records(("", formula), rows, caption),
        facts(reductions, _("The three reductions")),
    )
