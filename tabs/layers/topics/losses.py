"""Play: one loss in its three reductions."""

import gradio as gr

from languages import _
from pipeline.errors import InputError
from tabs.layers.topics.controls import Controls, Played, followed_places
from views import layers as views

LOSSES = ("MSELoss", "L1Loss", "CrossEntropyLoss")
EXAMPLES = {
    "MSELoss": ("2.5, 0, 2, 8", "3, -0.5, 2, 7"),
    "L1Loss": ("2.5, 0, 2, 8", "3, -0.5, 2, 7"),
    "CrossEntropyLoss": ("2, 1, 0; 0, 3, 1", "0, 2"),
}
MOST_NUMBERS = 60


def build_losses() -> Controls:
    """The controls."""
    first_prediction, first_target = EXAMPLES["MSELoss"]
    loss = gr.Radio(list(LOSSES), value="MSELoss", label=_("Loss"))
    prediction = gr.Textbox(
        first_prediction,
        label=_("prediction"),
        max_length=400,
        info=_("numbers with commas; rows (examples) with semicolons"),
    )
    target = gr.Textbox(
        first_target,
        label=_("target"),
        max_length=400,
        info=_("cross-entropy: one class index per example, or probabilities in the logits' shape"),
    )

    def example(name):
        numbers, targets = EXAMPLES[name]
        return {prediction: numbers, target: targets}

    # Another loss wants another kind of numbers: an example of its own comes with it.
    loss.input(
        example, loss, [prediction, target], api_visibility="private", show_progress="hidden"
    )
    followed = followed_places(MOST_NUMBERS - 1, MOST_NUMBERS - 1)
    return Controls([loss, prediction, target, *followed], followed)


def play_losses(loss: str, prediction: str, target: str, *at: int) -> Played:
    """A prediction and a target through one loss, in each reduction."""
    from layers import play

    predictions = parsed_numbers(prediction, _("prediction"))
    targets = parsed_numbers(target, _("target"))
    if loss == "CrossEntropyLoss":
        logits = predictions if isinstance(predictions[0], list) else [predictions]
        is_one_example = (
            len(logits) == 1
            and not isinstance(targets[0], list)
            and len(targets) == len(logits[0]) > 1
        )
        made = play.cross_entropy(logits, [targets] if is_one_example else targets)
        title, formula = "nn.CrossEntropyLoss()", _("−log softmax of the target")
        return Played(
            at, lambda: views.losses(made, title, formula, _("example")), lambda: made.layer
        )
    made = play.regression_loss(predictions, targets, loss)
    formulas = {"MSELoss": _("(prediction − target)²"), "L1Loss": _("|prediction − target|")}
    return Played(
        at,
        lambda: views.losses(made, f"nn.{loss}()", formulas[loss], _("element")),
        lambda: made.layer,
    )


def parsed_numbers(written: str, name: str) -> list:
    """Typed numbers -> a list, or a list of lists. Raises InputError.

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
                "{name} has {count} numbers; the limit is {most}. Type fewer.",
                name=name,
                count=len(rows) * len(rows[0]),
                most=MOST_NUMBERS,
            )
        )
    return rows if ";" in written else rows[0]


def _parsed_row(row: str, name: str) -> list[float]:
    numbers = []
    for part in row.split(","):
        try:
            number = float(part)
        except ValueError:
            raise InputError(
                _(
                    "{name} contains {part!r}, which is not a number. Type numbers such as 1, 2.5.",
                    name=name,
                    part=part.strip()[:30],
                )
            ) from None
        if not abs(number) <= 1e6:
            raise InputError(
                _(
                    "{name} contains {part!r}. Choose numbers from -1000000 to 1000000.",
                    name=name,
                    part=part.strip()[:30],
                )
            )
        numbers.append(number)
    return numbers
