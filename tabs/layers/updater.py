"""Loss and updater: d2l's, written by hand, beside PyTorch's own."""

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from languages import _
from tabs.layers.play import PRIVATE, with_reason
from tabs.layers.topics.controls import slider
from views.updater import updater_chart, updater_summary, updater_table

MOST_STEPS = 400


@dataclass(frozen=True)
class Updater:
    """The part's components, and what draws it."""

    inputs: list[Component]
    output: gr.HTML
    draw: Callable[..., Markup]


def build_updater() -> Updater:
    """The part."""
    with gr.Row(elem_classes="two-columns"):
        with gr.Column(elem_classes="knobs"):
            gr.Markdown(
                _(
                    "d2l's hand-written `squared_loss` and `sgd` against `MSELoss` and "
                    "`torch.optim.SGD`: all four combinations on linear regression, each with its "
                    "losses **summed** and **averaged** before `backward()`. d2l's `sgd` itself "
                    "divides by the batch size, `SGD` doesn't."
                ),
                elem_classes="quiet",
            )
            inputs = [
                slider(0.001, 1, 0.03, "lr", _("size of a step"), step=0.001),
                slider(1, 256, 8, "batch_size", _("examples in one step")),
                slider(1, MOST_STEPS, 60, _("steps")),
                gr.Checkbox(
                    False, label=_("½ before MSELoss too"), info=_("d2l's squared_loss has it")
                ),
                slider(0, 20, 0, "seed", _("a new seed gives new data")),
            ]
            with gr.Column(elem_classes="by-hand"):
                gr.Markdown(
                    _(
                        "The same on a classifier, one step written out: forward, loss, backward, "
                        "update."
                    ),
                    elem_classes="quiet",
                )
                by_hand = gr.Button(_("One step by hand, in Fine-tune"), size="md")
        output = gr.HTML(min_height=520, elem_classes="played")
    to_step = "() => page.openCard('open-step', 'tab-fine-tune')"
    by_hand.click(None, js=to_step, api_visibility="private")
    updater = Updater(inputs, output, with_reason(draw_updater))
    changes = [part.change for part in inputs]
    gr.on(changes, updater.draw, inputs, output, **PRIVATE, trigger_mode="always_last")
    return updater


def draw_updater(lr: float, batch_size: int, steps: int, half: bool, seed: int) -> Markup:
    """Linear regression with each combination: who agrees, the curves, the table."""
    from layers.updater import compare

    curves = compare(lr, batch_size, steps, half, seed)
    return updater_summary(curves) + updater_chart(curves) + updater_table(curves)
