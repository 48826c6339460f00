"""Play: a topic's controls -> its layer run on a small tensor, drawn with the formula in numbers.

Each topic is a function without arguments: it builds its controls and returns (what draws them, the
controls in that order, those of them that a click on the picture sets). layers.play, which needs
torch, is imported when the first picture is drawn.
"""

import functools
from dataclasses import dataclass

import gradio as gr

from languages import _, say
from pipeline.errors import InputError
from tabs.errors import notice_on_error, sent
from views import layers as drawing

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
DROPOUTS = ("Dropout", "Dropout1d", "Dropout2d")
LOSSES = ("MSELoss", "L1Loss", "CrossEntropyLoss")
KERNELS = {
    "as Conv2d draws it": None,
    "edges (3 × 3)": [[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]],
    "average (3 × 3)": [[1 / 9] * 3] * 3,
}
KERNEL_NAMES = dict(
    zip(
        KERNELS,
        (say("as Conv2d draws it"), say("edges (3 × 3)"), say("average (3 × 3)")),
        strict=True,
    )
)
SHAPES = {
    "(4, 6)": (4, 6),
    "(2, 3, 5) = N, C, L": (2, 3, 5),
    "(2, 3, 3, 3) = N, C, H, W": (2, 3, 3, 3),
}
EXAMPLES = {
    "MSELoss": ("2.5, 0, 2, 8", "3, -0.5, 2, 7"),
    "L1Loss": ("2.5, 0, 2, 8", "3, -0.5, 2, 7"),
    "CrossEntropyLoss": ("2, 1, 0; 0, 3, 1", "0, 2"),
}
MOST_NUMBERS = 60
FOLLOW = say("which number of the output to work out; a click on it does the same")
# A click on an output cell follows it: the page hands on where it stands, (example,) channel, row,
# column.
FOLLOW_CLICK = """element.addEventListener("click", (event) => {
  const cell = event.target.closest('[data-stage="output"] td[data-place]');
  if (cell) trigger("click", {place: cell.dataset.place.split(" ").map(Number)}); });"""


@dataclass(frozen=True)
class Topic:
    """One topic's part of the page: what is shown or hidden, and what draws it."""

    column: gr.Column
    draw: object
    inputs: list
    output: gr.HTML


def says_why(handler):
    """An impossible setting is a sentence in the picture's place. layers.play raises it as a
    ValueError.
    """

    @functools.wraps(handler)
    def tried(*values):
        try:
            if None in values:
                raise InputError(_("A number is missing. Fill in each field above."))
            return handler(*values)
        except ValueError as error:
            raise InputError(str(error)) from None

    return notice_on_error(1)(tried)


def build_topics(chosen):
    """{slug: Topic} for all of TOPICS, the chosen one visible."""
    topics = {}
    for slug, (_rest, intro, build) in TOPICS.items():
        with gr.Column(visible=slug == chosen, elem_classes="topic") as column:
            gr.Markdown(str(intro))
            with gr.Row(elem_classes="play"):
                with gr.Column(scale=2, min_width=270, elem_classes="knobs"):
                    draw, inputs, followed = build()
                with gr.Column(scale=5, min_width=300):
                    output = gr.HTML(min_height=420, js_on_load=FOLLOW_CLICK if followed else None)
        topics[slug] = Topic(column, says_why(draw), inputs, output)
        _wire(topics[slug], followed)
    return topics


def _wire(topic, followed):
    # always_last: while a slider is dragged, only its newest place is worth drawing.
    live = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "always_last"}
    gr.on([part.change for part in topic.inputs], topic.draw, topic.inputs, topic.output, **live)
    if followed:
        topic.output.click(
            _followed(len(followed)),
            None,
            followed,
            api_visibility="private",
            show_progress="hidden",
        )


def _place(number):
    return number if type(number) is int and number >= 0 else 0


def _followed(count):
    def follow(event: gr.EventData):
        place = sent(event).get("place")
        place = [_place(number) for number in place] if isinstance(place, list) else []
        return (place + [0] * count)[:count]

    return follow


def _slider(low, high, value, label, info=None, step=1):
    return gr.Slider(low, high, value, step=step, label=label, info=info)


# ---------------------------------------------------------------- convolution


def _window_knobs(kernel_size, stride, padding, most_padding=3):
    """kernel_size, stride, padding and dilation: one number for both directions, or one for each."""
    names = {
        "kernel_size": (1, 5, kernel_size),
        "stride": (1, 4, stride),
        "padding": (0, most_padding, padding),
        "dilation": (1, 3, 1),
    }
    high = [_slider(*numbers, name) for name, numbers in names.items()]
    apart = gr.Checkbox(False, label=_("a tuple: another number for the width"))
    with gr.Column(visible=False) as more:
        wide = [_slider(*numbers, _("{name}, width", name=name)) for name, numbers in names.items()]
    apart.change(
        None,
        apart,
        more,
        js="(apart) => ({visible: apart, __type__: 'update'})",
        api_visibility="private",
    )
    return [*high, apart, *wide]


def _pairs(high, apart, wide):
    """The four settings as (height, width)."""
    return [(h, w if apart else h) for h, w in zip(high, wide, strict=True)]


def _convolution():
    knobs = _window_knobs(3, 1, 1)
    with gr.Accordion(_("Channels, groups, bias"), open=False):
        in_channels = _slider(1, 4, 1, "in_channels")
        out_channels = _slider(1, 4, 1, "out_channels")
        groups = _slider(1, 4, 1, "groups", _("must divide both numbers of channels"))
        bias = gr.Checkbox(True, label="bias")
    with gr.Accordion(_("Padding mode, kernel, picture"), open=False):
        same = gr.Checkbox(
            False, label="padding='same'", info=_("as much as keeps the size, with stride 1")
        )
        mode = gr.Radio(list(PADDING_MODES), value="zeros", label="padding_mode")
        kernel = gr.Radio(
            [(str(KERNEL_NAMES[name]), name) for name in KERNELS],
            value=next(iter(KERNELS)),
            label=_("kernel"),
        )
        height, width = (
            _slider(1, 8, 6, _("picture's height")),
            _slider(1, 8, 6, _("picture's width")),
        )
        seed = _slider(0, 20, 0, "seed", _("another one, another picture and kernel"))
    followed = _follow_knobs(
        (_("output channel"), 3), (_("output row"), 14), (_("output column"), 14)
    )
    return (
        draw_convolution,
        [
            *knobs,
            in_channels,
            out_channels,
            groups,
            bias,
            same,
            mode,
            kernel,
            height,
            width,
            seed,
            *followed,
        ],
        followed,
    )


def _follow_knobs(*places):
    """One slider a place, (its name, the largest), to follow one number of the output."""
    with gr.Accordion(_("Follow one number"), open=True):
        gr.Markdown(str(FOLLOW), elem_classes="quiet")
        return [_slider(0, most, 0, name) for name, most in places]


def draw_convolution(*values):
    """The convolution's controls, in their order -> the picture."""
    from layers import play

    high, apart, wide = values[:4], values[4], values[5:9]
    in_channels, out_channels, groups, bias, same, mode, kernel, height, width, seed, *at = values[
        9:
    ]
    kernel_size, stride, padding, dilation = _pairs(high, apart, wide)
    padding = "same" if same else padding
    picture = play.small_picture(height, width, in_channels, seed)
    made = play.convolve(
        picture,
        out_channels,
        kernel_size,
        stride,
        padding,
        dilation,
        groups,
        bias,
        mode,
        KERNELS[kernel],
        seed,
    )
    at = _within(at, made.output)
    window = play.follow(made, *at, stride, made.before, dilation, groups)
    return drawing.convolution(made, window, at)


def _within(at, output):
    """(…, channel, row, column), kept inside an output, … × C × H × W, that may have become
    smaller.
    """
    place = []
    for asked in at:
        place.append(min(int(asked), len(output) - 1))
        output = output[0]
    return tuple(place)


def _padding():
    padding = _slider(0, 6, 2, "padding")
    height, width = _slider(1, 8, 4, _("picture's height")), _slider(1, 8, 4, _("picture's width"))
    seed = _slider(0, 20, 0, "seed", _("another one, another picture"))
    return draw_padding, [padding, height, width, seed], []


def draw_padding(padding, height, width, seed):
    """One picture padded in each mode; a mode that can't says why."""
    from layers import play

    picture = play.small_picture(height, width, seed=seed)

    def padded(mode):
        try:
            return play.pad_picture(picture, padding, mode)
        except ValueError as error:
            return str(error)

    return drawing.paddings(picture, {mode: padded(mode) for mode in PADDING_MODES}, padding)


# ---------------------------------------------------------------- pooling


def _pooling():
    knobs = _window_knobs(2, 2, 0)
    default = gr.Checkbox(
        False, label=_("stride left out"), info=_("None, the default: as large as kernel_size")
    )
    ceil_mode = gr.Checkbox(
        False, label="ceil_mode", info=_("round up: keep a window that sticks out")
    )
    indices = gr.Checkbox(
        True, label="return_indices", info=_("where each largest value stood, for max_unpool2d")
    )
    with gr.Accordion(_("Picture"), open=False):
        channels = _slider(1, 3, 1, _("channels"))
        negative = gr.Checkbox(
            False,
            label=_("negative numbers"),
            info=_("with zeros for padding, those at the border would never be taken"),
        )
        height, width = (
            _slider(1, 8, 5, _("picture's height")),
            _slider(1, 8, 5, _("picture's width")),
        )
        seed = _slider(0, 20, 0, "seed", _("another one, another picture"))
    followed = _follow_knobs(
        (_("output channel"), 2), (_("output row"), 9), (_("output column"), 9)
    )
    return (
        draw_pooling,
        [*knobs, default, ceil_mode, indices, channels, negative, height, width, seed, *followed],
        followed,
    )


def draw_pooling(*values):
    """Max pooling's controls, in their order -> the picture."""
    from layers import play

    high, apart, wide = values[:4], values[4], values[5:9]
    default, ceil_mode, indices, channels, negative, height, width, seed, *at = values[9:]
    kernel_size, stride, padding, dilation = _pairs(high, apart, wide)
    picture = play.small_picture(height, width, channels, seed)
    if negative:
        picture = [[[value - 10 for value in row] for row in plane] for plane in picture]
    made = play.pool(
        picture, kernel_size, None if default else stride, padding, dilation, indices, ceil_mode
    )
    stride, at = kernel_size if default else stride, _within(at, made.output)
    area = play.pooled_area(picture, made.output, kernel_size, stride, padding, dilation)
    cells = play.window_cells(*at[1:], kernel_size, stride, padding, dilation)
    window = cells, play.largest_of(area, at[0], cells, padding)
    tiles = stride == kernel_size and padding == (0, 0) and dilation == (1, 1) and not ceil_mode
    restored = (
        play.unpool(picture, kernel_size)
        if tiles
        else (
            _(
                "max_unpool2d is drawn where windows lie side by side: stride = kernel_size, "
                "padding 0, dilation 1, no ceil_mode."
            )
        )
    )
    return drawing.pooling(picture, area, made, window, at, padding, restored)


# ---------------------------------------------------------------- normalization and dropout


def _normalization():
    n, channels = _slider(1, 3, 2, _("N, examples")), _slider(1, 3, 2, _("C, num_features"))
    size = _slider(1, 4, 3, _("H and W"))
    passes = _slider(1, 100, 1, _("batches seen"), _("how many times training has met this batch"))
    momentum = _slider(
        0, 1, 0.1, "momentum", _("the newest batch's weight in the running statistics"), step=0.05
    )
    average = gr.Checkbox(
        False, label="momentum=None", info=_("the plain average of all batches instead")
    )
    eps = gr.Radio(
        [1e-5, 1e-3, 0.1, 1.0],
        value=1e-5,
        label="eps",
        info=_("added to the variance: no division by zero"),
    )
    affine = gr.Checkbox(True, label="affine", info=_("whether γ and β exist"))
    gamma, beta = (
        _slider(-3, 3, 1, _("weight γ"), step=0.5),
        _slider(-3, 3, 0, _("bias β"), step=0.5),
    )
    track = gr.Checkbox(True, label="track_running_stats")
    seed = _slider(0, 20, 0, "seed", _("another one, another batch"))
    followed = _follow_knobs((_("example"), 2), (_("channel"), 2), (_("row"), 3), (_("column"), 3))
    return (
        draw_normalization,
        [
            n,
            channels,
            size,
            passes,
            momentum,
            average,
            eps,
            affine,
            gamma,
            beta,
            track,
            seed,
            *followed,
        ],
        followed,
    )


def draw_normalization(
    n, channels, size, passes, momentum, average, eps, affine, gamma, beta, track, seed, *at
):
    """A batch through BatchNorm2d in train() and eval()."""
    from layers import play

    batch = [
        play.small_picture(size, size, channels, seed=100 * seed + number) for number in range(n)
    ]
    momentum = None if average else momentum
    # γ and β at their starting values are as good as not set; moved, they are set, and refused
    # without affine.
    learned = {
        name: [value]
        for name, value, start in (("weight", gamma, 1), ("bias", beta, 0))
        if value != start
    }
    made = play.batch_norm(batch, eps, momentum, affine, track, passes=passes, **learned)
    said = {
        "eps": (eps, 1e-5),
        "momentum": (momentum, 0.1),
        "affine": (affine, True),
        "track_running_stats": (track, True),
    }
    settings = "".join(
        f", {name}={value!r}" for name, (value, default) in said.items() if value != default
    )
    at = _within(at, batch)
    return drawing.normalization(
        batch,
        made,
        f"nn.BatchNorm2d({channels}{settings})",
        at,
        play.normalized_lines(batch, made, at),
    )


def _dropout():
    layer = gr.Radio(
        list(DROPOUTS), value="Dropout", label=_("Layer"), info=_("which elements fall together")
    )
    shape = gr.Radio(list(SHAPES), value="(2, 3, 3, 3) = N, C, H, W", label=_("The input's shape"))
    p = _slider(
        0,
        1,
        0.5,
        "p",
        _("probability of an element, or of a whole channel, to be zeroed"),
        step=0.05,
    )
    seed = _slider(0, 20, 0, "seed", _("another one, another draw"))
    return draw_dropout, [layer, shape, p, seed], []


def draw_dropout(layer, shape, p, seed):
    """The numbers 1, 2, 3, … through a dropout in train() and eval()."""
    from layers import play

    values = _counted(SHAPES[shape])
    made = play.dropout(values, p, layer, seed)
    return drawing.dropout(values, made, f"nn.{layer}(p={p:g})", _first_kept(values, made))


def _first_kept(values, made):
    """The first element that training left, in numbers; "" where none is left."""
    from layers.play.worked import scaled_up

    left = next(
        (
            (before, after)
            for before, after in zip(_numbers(values), _numbers(made.train_output), strict=True)
            if after
        ),
        None,
    )
    return scaled_up(left[0], made.p, left[1]) if left else ""


def _numbers(values):
    """Nested lists of any depth, flat."""
    return (
        [number for part in values for number in _numbers(part)]
        if isinstance(values, list)
        else [values]
    )


def _counted(sizes, start=1):
    """1, 2, 3, … in the shape given.

    >>> _counted((2, 2))
    [[1.0, 2.0], [3.0, 4.0]]
    """
    if not sizes:
        return float(start)
    inner = 1
    for size in sizes[1:]:
        inner *= size
    return [_counted(sizes[1:], start + place * inner) for place in range(sizes[0])]


# ---------------------------------------------------------------- losses


def _loss():
    loss = gr.Radio(list(LOSSES), value="MSELoss", label=_("Loss"))
    predict = gr.Textbox(
        EXAMPLES["MSELoss"][0],
        label=_("prediction"),
        max_length=400,
        info=_("numbers with commas; rows (examples) with semicolons"),
    )
    target = gr.Textbox(
        EXAMPLES["MSELoss"][1],
        label=_("target"),
        max_length=400,
        info=_("cross-entropy: a class index an example, or probabilities of the logits' shape"),
    )
    # Another loss wants another kind of numbers: an example of its own comes with it.
    loss.input(
        EXAMPLES.get, loss, [predict, target], api_visibility="private", show_progress="hidden"
    )
    return draw_losses, [loss, predict, target], []


def draw_losses(loss, predict, target):
    """A prediction and a target through one loss, in each reduction."""
    from layers import play

    predictions, targets = (
        parsed_numbers(predict, _("prediction")),
        parsed_numbers(target, _("target")),
    )
    if loss == "CrossEntropyLoss":
        logits = predictions if isinstance(predictions[0], list) else [predictions]
        one_example = (
            len(logits) == 1
            and not isinstance(targets[0], list)
            and len(targets) == len(logits[0]) > 1
        )
        made = play.cross_entropy(logits, [targets] if one_example else targets)
        return drawing.losses(
            made, "nn.CrossEntropyLoss()", _("−log softmax of the target"), _("example")
        )
    made = play.regression_loss(predictions, targets, loss)
    formula = {"MSELoss": _("(prediction − target)²"), "L1Loss": _("|prediction − target|")}[loss]
    return drawing.losses(made, f"nn.{loss}()", formula, _("element"))


def parsed_numbers(written, name):
    """Typed numbers -> a list, or a list of lists.

    >>> parsed_numbers("1, 2; 3, 4", "target")
    [[1.0, 2.0], [3.0, 4.0]]
    """
    rows = [_parsed_row(row, name) for row in written.split(";") if row.strip()]
    if not rows:
        raise InputError(_("{name} is empty. Type numbers such as 1, 2.5.", name=name))
    if len({len(row) for row in rows}) > 1:
        raise InputError(
            _(
                "{name} has rows of {lengths} numbers. Make them equally long.",
                name=name,
                lengths=", ".join(str(len(row)) for row in rows),
            )
        )
    if len(rows) * len(rows[0]) > MOST_NUMBERS:
        raise InputError(
            _(
                "{name} has {count} numbers. Type {most} at most.",
                name=name,
                count=len(rows) * len(rows[0]),
                most=MOST_NUMBERS,
            )
        )
    return rows if ";" in written else rows[0]


def _parsed_row(row, name):
    numbers = []
    for part in row.split(","):
        try:
            numbers.append(float(part))
        except ValueError:
            said = _(
                "{name} has {part!r} in it, which is no number. Type numbers such as 1, 2.5.",
                name=name,
                part=part.strip()[:30],
            )
            raise InputError(said) from None
        if not abs(numbers[-1]) <= 1e6:
            raise InputError(
                _(
                    "{name} has {part!r} in it. Choose numbers from -1000000 to 1000000.",
                    name=name,
                    part=part.strip()[:30],
                )
            )
    return numbers


TOPICS = {
    "convolution": (
        say("Convolution"),
        say("A kernel slides over the picture; each stop gives one number of the output."),
        _convolution,
    ),
    "padding": (
        say("Padding modes"),
        say("What `padding_mode` puts round a picture before the kernel slides over it."),
        _padding,
    ),
    "pooling": (
        say("Max pooling"),
        say("Each window leaves its largest value; nothing is learned here."),
        _pooling,
    ),
    "normalization": (
        "BatchNorm",
        say(
            "Each channel to mean 0 and variance 1, then times γ plus β. `train()` takes the "
            "batch's own statistics, `eval()` the running ones."
        ),
        _normalization,
    ),
    "dropout": (
        "Dropout",
        say(
            "In `train()` some elements are zeroed and the others scaled up; in `eval()` nothing "
            "happens."
        ),
        _dropout,
    ),
    "loss": (
        say("Losses"),
        say("One loss in its three reductions: every element's own, their sum, their mean."),
        _loss,
    ),
}
