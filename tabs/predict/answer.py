"""The answer to a pair: on the page, and over the API."""

import secrets
from collections.abc import Sequence
from dataclasses import asdict

import gradio as gr
from markupsafe import Markup

from languages import _, say
from pipeline.explain.probing import asked_pair, record_for
from pipeline.hub.isolated import is_at_hand
from pipeline.hub.sources import Origin
from pipeline.prediction import Prediction, predict, predict_each
from pipeline.settings import READY, WARMED, Settings
from tabs.errors import error_notice, toast
from views.markup import notice
from views.predictions import answer_view

WARNINGS = {
    WARMED: say(
        "This model has never seen a label: in 600 steps of distillation on the sentences of "
        "MRPC's train split it learned to say how similar two sentences are, no more. Fine-tune it "
        "under “Trainer” and compare."
    )
}


class Answers:
    """The tab's handlers over one app's settings."""

    def __init__(self, settings: Settings):
        self.settings = settings

    def answers(self, sentences1: list[str], sentences2: list[str], models: list[str]) -> list:
        """What the visitors see who asked at this moment: one place a visitor in each list.

        A model that must be asked for at the Hub first is answered by a call of its own, which a
        new value in the second list raises. Returns lists, since Gradio takes nothing else of a
        batched handler.
        """
        ready = [is_at_hand(model) for model in models]
        asked = zip(models, sentences1, sentences2, ready, strict=True)
        pairs = [
            (model, *asked_pair(model, *pair, self.settings), self.settings.max_length)
            for model, *pair, at_hand in asked
            if at_hand
        ]
        answered = iter(predict_each(pairs, self.settings))
        shown = [
            self._drawn(next(answered), asked_pair(model, *pair, self.settings))
            if at_hand
            else _wait_for(model)
            for *pair, model, at_hand in zip(sentences1, sentences2, models, ready, strict=True)
        ]
        return [shown, [gr.skip() if at_hand else secrets.token_hex(8) for at_hand in ready]]

    def answer(self, sentence1: str, sentence2: str, model: str) -> Markup:
        """The answer to one pair, or why there is none."""
        pair = asked_pair(model, sentence1, sentence2, self.settings)
        asked = [(model, *pair, self.settings.max_length)]
        [answered] = predict_each(asked, self.settings)
        return self._drawn(answered, pair)

    def _drawn(
        self, answer: tuple[Prediction, Origin] | Exception, pair: Sequence[str | None]
    ) -> Markup:
        """What the answer to a pair looks like; of an exception, its message."""
        if isinstance(answer, Exception):
            return error_notice(answer)
        prediction, origin = answer
        warning = WARNINGS.get(origin.loaded)
        notes = [warning, *prediction.notes] if warning else prediction.notes
        record = record_for(origin.loaded, self.settings)
        return answer_view(prediction, pair, origin, notes, record)

    def predict(
        self, sentence1: str, sentence2: str, model: str = READY, max_length: int = 128
    ) -> dict:
        """Whether two sentences are paraphrases, or what else a model was trained to say of them.

        Args:
            sentence1: the first sentence, at most 2,000 characters
            sentence2: the second sentence; a model of one sentence doesn't read it
            model: adapter:paraphrase, adapter:pair-warmed, an id of the Hub, or run:<id> for a
            fine-tune of this server
            max_length: the most tokens of the pair; what is longer is cut

        Returns:
            label, probabilities and logits by label, tokens, truncated (what was cut from each
            sentence), notes (why the answer may mean less than it seems), and origin
        """
        try:
            pair = asked_pair(model, sentence1, sentence2, self.settings)
            [prediction], origin = predict(model, [pair], max_length, settings=self.settings)
        except Exception as error:
            raise toast(error) from None
        return {
            **asdict(prediction),
            "notes": [str(note) for note in prediction.notes],
            "origin": asdict(origin),
        }


def _wait_for(model: str) -> Markup:
    return notice(
        _("{name} is loading. Its first prediction can take ten seconds.", name=model[:40])
    )
