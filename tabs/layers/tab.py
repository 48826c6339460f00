"""Layers: play with each layer, run every claim of the study notes, set hand-written loss and
updater beside PyTorch's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component

from languages import _
from pipeline.settings import Settings
from tabs.address import Shared
from tabs.check_yourself import build_check_yourself
from tabs.class_room.membership import Membership
from tabs.errors import public
from tabs.layers.address import read_address
from tabs.layers.check import layers_played, played_controls
from tabs.layers.claims import ALL, QUEUE, Claims, build_claims, claim
from tabs.layers.play import PRIVATE, Play, build_play
from tabs.layers.updater import Updater, build_updater
from tabs.share import build_share
from views.markup import notice
from web.first_paint import Opening


@dataclass(frozen=True)
class LayersTab:
    """The tab's parts, and what app.py wires to the rest."""

    tabs: gr.Tabs  # of the page
    parts: gr.Tabs
    message: gr.HTML
    play: Play
    claims: Claims
    updater: Updater
    shared: Shared

    @property
    def openings(self) -> tuple[Opening]:
        """What draws the tab when it is first seen."""
        claims = self.claims
        inputs = {*self.play.inputs, *self.updater.inputs, claims.guesses}
        outputs = [
            *(self.tabs, self.parts, self.message, *self.play.outputs),
            *(claims.section, claims.linked, claims.board, self.updater.output),
        ]
        return (Opening(self.open, inputs, outputs, progress_on=self.play.topics[0]),)

    def open(self, values: Mapping[Component, Any], request: gr.Request) -> dict[Block, Any]:
        """Show the part, topic or claim that the address names, and no other before it.

        Play is drawn in any case, for the visitor may turn to it; the updater, which takes longer,
        where it is asked for.
        """
        address = read_address(request.query_params)
        changes: dict[Block, Any] = {}
        if address.part:
            changes = {
                self.tabs: gr.Tabs(selected="layers"),
                self.parts: gr.Tabs(selected=address.part),
                self.message: notice(address.message, "error") if address.message else "",
                self.claims.linked: address.claim,
            }
        if address.part == "claims":
            guesses = values[self.claims.guesses]
            changes |= self.claims.open(address.section or None, ALL, {}, address.claim, guesses)
        if address.part == "updater":
            drawn = self.updater.draw(*(values[part] for part in self.updater.inputs))
            changes[self.updater.output] = drawn
        return {**changes, **self.play.show(values, address.topic)}


def build_tab(settings: Settings, tabs: gr.Tabs, membership: Membership | None = None) -> LayersTab:
    """The tab's components and wiring, inside one of the page's `tabs`. membership: of the page,
    which class it is in.
    """
    message = gr.HTML(elem_id="layers-message")
    with gr.Tabs() as parts:
        with gr.Tab(_("Play"), id="play", elem_id="layers-play"):
            play = build_play()
            played = played_controls(play)
            build_check_yourself(
                settings,
                "layers",
                partial(layers_played, tuple(played)),
                list(played.values()),
                membership=membership,
            )
        with gr.Tab(_("Claims"), id="claims", elem_id="layers-claims") as claims_part:
            claims = build_claims(settings, membership)
        with gr.Tab(
            _("Loss and optimizer"), id="updater", elem_id="layers-updater"
        ) as updater_part:
            updater = build_updater()
    claims_part.select(
        claims.open,
        claims.inputs,
        [claims.section, claims.board],
        **PRIVATE,
    )
    updater_part.select(updater.draw, updater.inputs, updater.output, **PRIVATE)
    public(claim, api_name="claim", **QUEUE)
    shared = Shared("layers", _fields(play, updater), for_class=False)
    build_share(settings, shared)
    outputs = [*(panel.output for panel in play.panels.values()), updater.output]
    shared.follow_changes(*(output.change for output in outputs))
    return LayersTab(tabs, parts, message, play, claims, updater, shared)


def _fields(play: Play, updater: Updater) -> dict[str, Component]:
    """The controls by their names in the address: the topic and the control's place in it, as
    labels differ by language.
    """
    controls = {slug: panel.controls.inputs for slug, panel in play.panels.items()}
    of_parts = {
        f"{part}.{place}": control
        for part, inputs in {
            **controls,
            "updater": updater.inputs,
            "gradient": play.direction.tracked,
        }.items()
        for place, control in enumerate(inputs, 1)
    }
    return {"pass": play.direction.way, "loss": play.direction.loss, **of_parts}
