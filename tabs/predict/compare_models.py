"""Models side by side: one pair, several models."""

from collections.abc import Sequence
from functools import partial

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from languages import _, say
from pipeline.errors import InputError, shown
from pipeline.explain.probing import asked_pair
from pipeline.hub.sources import Origin
from pipeline.prediction import Prediction, predict_each
from pipeline.settings import Settings
from pipeline.tokenization import checked_pair
from tabs.errors import explain, notice_on_error
from tabs.predict.listeners import OF_THE_ANSWER, PRIVATE
from tabs.predict.models import SHORT_NAMES, is_run, short_name
from views import predictions
from views.markup import of_pair, sentences


def build_compare_models(
    settings: Settings, pair: list[gr.Textbox], model: gr.Dropdown
) -> dict[str, Component]:
    """The section. Returns its fields, by the names that an address has for them."""
    with gr.Accordion(_("Do the models agree?"), open=False, elem_id="open-models") as section:
        models = gr.CheckboxGroup(
            listed(),
            value=list(SHORT_NAMES),
            label=_("Models"),
            info=_("your model joins the list when its fine-tune ends"),
        )
        other = gr.Textbox("", label=_("And a Hub id"), placeholder="owner/name", max_length=96)
        again = gr.Button(_("Compare"), **OF_THE_ANSWER)
        gr.on(
            [section.expand, again.click, other.submit],
            partial(compare, settings),
            [*pair, models, other],
            gr.HTML(min_height=200),
            **PRIVATE,
        )
    model.change(add_run, [model, models], models, api_visibility="private", show_progress="hidden")
    return {"models": models, "other_model": other}


def listed() -> list[tuple[str, str]]:
    """[(name, model), ...] of the models that are always there."""
    return [(str(name), model) for model, name in SHORT_NAMES.items()]


def add_run(model: str, chosen: list[str]) -> gr.CheckboxGroup | dict:
    """A fine-tune that is chosen above joins the models to compare."""
    if not is_run(model):
        return gr.skip()
    kept = [name for name in chosen if name in SHORT_NAMES]
    return gr.CheckboxGroup([*listed(), (short_name(model), model)], value=[*kept, model])


@notice_on_error
def compare(
    settings: Settings, sentence1: str, sentence2: str, chosen: list[str], other: str
) -> Markup:
    """One row a model: those that are chosen, and an id of the Hub."""
    other = (other or "").strip()
    models = list(dict.fromkeys([*chosen, other] if other else chosen))
    if not models:
        raise InputError(say("No model is chosen. Tick one, or type a Hub id."))
    if len(models) > settings.max_models_compared:
        raise InputError(
            say(
                "{count} models are chosen; the limit is {most}. Untick some.",
                count=len(models),
                most=settings.max_models_compared,
            )
        )
    pairs = [asked_pair(model, sentence1, sentence2, settings) for model in models]
    if all(second is not None for _first, second in pairs):
        checked_pair(sentence1, sentence2, settings)  # said once, not by each model
    asked = zip(models, pairs, strict=True)
    answers = predict_each([(model, *pair, settings.max_length) for model, pair in asked], settings)
    rows = [
        row(model, answer)
        for model, answer in zip(models, without_doubles(models, answers), strict=True)
    ]
    return of_pair((sentence1, sentence2), predictions.models_table(rows))


def without_doubles(
    models: Sequence[str], answers: Sequence[tuple[Prediction, Origin] | Exception]
) -> list[tuple[Prediction, Origin] | Exception]:
    """The answers, but for each model whose stand-in has a row of its own, why there is none: two
    rows of one model would seem to agree.
    """
    rows = set(models)
    kept: list[tuple[Prediction, Origin] | Exception] = []
    for answer in answers:
        if isinstance(answer, Exception) or not answer[1].stands_in:
            kept.append(answer)
            continue
        origin = answer[1]
        if origin.loaded in rows:
            said = say(
                "{asked} isn't available here, and its stand-in {loaded} already has a row: there "
                "is nothing to compare.",
                asked=shown(origin.asked),
                loaded=origin.loaded,
            )
            kept.append(InputError(said))
        else:
            kept.append(answer)
        rows.add(origin.loaded)
    return kept


def row(
    model: str, answer: tuple[Prediction, Origin] | Exception
) -> tuple[str, Prediction | None, str]:
    """A model's name, its Prediction or None, and where it came from or why there is none."""
    if isinstance(answer, Exception):
        return short_name(model) if isinstance(model, str) else shown(model), None, explain(answer)
    prediction, origin = answer
    about = str(origin)
    if prediction.notes:
        # What stands in says why in whole sentences, anything else in one without its full stop
        about = about if origin.stands_in else _("{origin}.", origin=about)
        about = sentences(about, *prediction.notes)
    return short_name(model), prediction, about
