"""Predict: a pair in, label, probabilities and logits out."""

from dataclasses import asdict, dataclass

import gradio as gr

from pipeline.prediction import predict as predict_pairs
from pipeline.settings import CHECKPOINTS, EMBEDDED_CHECKPOINT
from tabs import drawing
from tabs.words import notice_on_error, toast

EXAMPLES = [
    ["The company said profits rose 12 percent in the third quarter.",
     "Third-quarter profits were up 12 percent, the company said."],
    ["The company said profits rose 12 percent in the third quarter.",
     "The company said profits fell 12 percent in the third quarter."],
    ["Rescuers found both hikers alive near the summit on Sunday morning.",
     "The two hikers were found alive by rescue teams close to the summit."],
    ["The museum will reopen in May after two years of repairs.",
     "The museum closed in May and repairs will take two years."],
]  # fmt: skip


@dataclass(frozen=True)
class PredictTab:
    """What app.py wires to the rest."""

    model: gr.Dropdown
    offer_run: object
    on_load: tuple


def build_tab(settings):
    """The tab's components and wiring."""
    page = _handlers(settings)
    gr.Markdown("Do the two sentences say the same? The model reads both in one sequence and answers with two logits.")
    model = gr.Dropdown(
        _choices(), value=EMBEDDED_CHECKPOINT, allow_custom_value=True, label="Model",
        info="an untrained head guesses; a model of yours appears here when its fine-tune ends",
    )  # fmt: skip
    with gr.Row():
        sentence1 = gr.Textbox(EXAMPLES[0][0], label="sentence1", lines=3, max_length=settings.max_characters, min_width=280)
        sentence2 = gr.Textbox(EXAMPLES[0][1], label="sentence2", lines=3, max_length=settings.max_characters, min_width=280)
    button = gr.Button("Predict", variant="primary")
    answer = gr.HTML(min_height=220)
    inputs = [sentence1, sentence2, model]
    private = {"api_visibility": "private", "show_progress": "minimal"}
    gr.Examples(EXAMPLES, [sentence1, sentence2], label="Examples", api_visibility="private")
    gr.Markdown(f"At most {settings.max_characters:,} characters a sentence; what is longer than "
                f"{settings.max_length} tokens together is cut, and the answer says so.")  # fmt: skip
    gr.on([button.click, sentence1.submit, sentence2.submit, model.change], page.answer, inputs, answer, **private)
    gr.api(page.predict, api_name="predict")
    return PredictTab(model, page.offer_run, (page.answer, inputs, answer))


def _choices(run=None):
    named = [(f"{name} with an untrained head", name) for name in CHECKPOINTS]
    return [(f"your fine-tune {run[4:12]}…", run), *named] if run else named


class _handlers:
    """The tab's handlers over one app's settings."""

    def __init__(self, settings):
        self.settings = settings
        self.answer = notice_on_error(1)(self.answer)

    def answer(self, sentence1, sentence2, model):
        [prediction], origin = predict_pairs(model, [(sentence1, sentence2)], self.settings.max_length, self.settings)
        untrained = origin.place != "run" and (origin.loaded in CHECKPOINTS)
        warning = drawing.notice(UNTRAINED, kind="warning") if untrained else ""
        return drawing.origin_line(str(origin), origin.stands_in) + warning + drawing.probability_bars(prediction)

    def offer_run(self, finished):
        """A model that a run left becomes the chosen one."""
        return gr.Dropdown(_choices(finished), value=finished) if finished else gr.skip()

    def predict(self, sentence1: str, sentence2: str, model: str = EMBEDDED_CHECKPOINT, max_length: int = 128) -> dict:
        """Whether two sentences are paraphrases.

        Args:
            sentence1: the first sentence, at most 2,000 characters
            sentence2: the second sentence
            model: an id of the Hub, or run:<id> for a fine-tune of this server
            max_length: the most tokens of the pair; what is longer is cut

        Returns:
            label, probabilities and logits by label, tokens, truncated (what was cut from each sentence), and origin
        """
        try:
            [prediction], origin = predict_pairs(model, [(sentence1, sentence2)], max_length, self.settings)
        except Exception as error:
            raise toast(error) from None
        return {**asdict(prediction), "origin": asdict(origin)}


UNTRAINED = (
    "This model's classification head has never been trained: its weights are random numbers, and so is this answer. "
    "Fine-tune it in the tab to the left, and compare."
)
