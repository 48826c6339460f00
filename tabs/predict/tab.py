"""Predict: a pair in, label, probabilities and logits out."""

import secrets
from dataclasses import asdict, dataclass

import gradio as gr

from languages import _, say
from pipeline.explain.probing import record_of
from pipeline.hub.isolated import is_at_hand
from pipeline.hub.sources import RUN_PREFIX
from pipeline.prediction import predict as predict_pairs
from pipeline.prediction import predict_each, softmax_steps
from pipeline.settings import CHECKPOINTS, READY, WARMED
from tabs.address import Shared
from tabs.errors import LONGEST_TYPED, explain, public, toast
from tabs.predict import sections as predict_more
from tabs.share import build_share
from views import drawing, markup
from views.predictions import arithmetic, record_line
from web.first_paint import Opening

EXAMPLES = [
    [
        "The company said profits rose 12 percent in the third quarter.",
        "Third-quarter profits were up 12 percent, the company said.",
    ],
    [
        "The company said profits rose 12 percent in the third quarter.",
        "The company said profits fell 12 percent in the third quarter.",
    ],
    [
        "Rescuers found both hikers alive near the summit on Sunday morning.",
        "The two hikers were found alive by rescue teams close to the summit.",
    ],
    [
        "The museum will reopen in May after two years of repairs.",
        "The museum closed in May and repairs will take two years.",
    ],
]


@dataclass(frozen=True)
class PredictTab:
    """What app.py wires to the rest."""

    shared: Shared
    model: gr.Dropdown
    offered: gr.State  # the run's model that was offered last
    offer_run: object
    openings: tuple


def build_tab(settings):
    """The tab's components and wiring."""
    page = _handlers(settings)
    gr.Markdown(
        _(
            "Do the two sentences say the same? The model reads both in one sequence and answers "
            "with two logits."
        )
    )
    model = gr.Dropdown(
        _choices(),
        value=READY,
        allow_custom_value=True,
        label=_("Model"),
        info=_(
            "ready-made, with a new head, or an id of the Hub (safetensors; two labels, if it has "
            "a head); a model of "
            "yours appears here when its fine-tune ends"
        ),
    )
    with gr.Row():
        sentence1 = gr.Textbox(
            EXAMPLES[0][0], label="sentence1", lines=3, max_length=LONGEST_TYPED, min_width=280
        )
        sentence2 = gr.Textbox(
            EXAMPLES[0][1], label="sentence2", lines=3, max_length=LONGEST_TYPED, min_width=280
        )
    button = gr.Button(_("Predict"), variant="primary", elem_id="press-predict")
    answer = gr.HTML(min_height=220)
    inputs = [sentence1, sentence2, model]
    private = {"api_visibility": "private", "show_progress": "minimal"}
    # Thirty learners who press Predict at once wait for one call, not for thirty places in a queue
    together = {"batch": True, "max_batch_size": 32, "concurrency_limit": 2}
    examples = gr.Examples(
        EXAMPLES, [sentence1, sentence2], label=_("Examples"), api_visibility="private"
    )
    gr.Markdown(
        _(
            "At most {max_characters:,} characters a sentence; what is longer than {max_length} "
            "tokens together is "
            "cut, and the answer says so.",
            max_characters=settings.max_characters,
            max_length=settings.max_length,
        )
    )
    asked = [button.click, sentence1.submit, sentence2.submit]
    sections = predict_more.build_sections(settings, [sentence1, sentence2], model)
    # A model that must be asked for at the Hub would keep the others of its call waiting: it is
    # answered by itself. A change of a hidden text is an event that an answer can raise.
    later, later_chosen, first = [
        gr.Textbox("", visible="hidden") for _what in ("later", "chosen", "first")
    ]
    # A run that ends chooses its model, too: for the guided walk that is nothing that the learner
    # asked
    chosen = [
        model.change(page.answers, inputs, [answer, later_chosen], **private, **together),
        later_chosen.change(page.answer, inputs, answer, **private),
    ]
    # Where a pair is put into the fields, its answer follows
    answered = [
        gr.on(asked, page.answers, inputs, [answer, later], **private, **together),
        *(
            filled.then(page.answers, inputs, [answer, later], **private, **together)
            for filled in (examples.load_input_event, sections.taken)
        ),
        later.change(page.answer, inputs, answer, **private),
    ]
    sections.follow([*answered, *chosen])
    names = ("sentence1", "sentence2")
    fills = {examples.dataset: names, sections.take: names}
    shared = Shared(
        "predict",
        {"sentence1": sentence1, "sentence2": sentence2, "model": model, **sections.fields},
        fills,
    )
    shared.follow(*answered, done="predict")
    shared.follow(*chosen)
    build_share(settings, shared)
    public(page.predict, api_name="predict")

    def show_first(drawn):
        # Where the visitor has not asked for another by then
        drawn.then(None, [first, answer], answer, js="(first, now) => now || first", **private)

    offered = gr.State("")
    opened = Opening(
        page.opened, [*inputs, offered], [first, model], progress_on=answer, follow=show_first
    )
    return PredictTab(shared, model, offered, page.offer_run, (opened,))


def _choices(run=None):
    named = [
        (_("ready: all-MiniLM-L6-v2, fine-tuned on MRPC"), READY),
        (_("all-MiniLM-L6-v2 that compares pairs, has never seen a label (pair-warmed)"), WARMED),
        *((_("new head: {name}", name=name), name) for name in CHECKPOINTS),
    ]
    return [(_("yours: fine-tune {run}…", run=run[4:12]), run), *named] if run else named


class _handlers:
    """The tab's handlers over one app's settings."""

    def __init__(self, settings):
        self.settings = settings

    def answers(self, sentences1, sentences2, models):
        """Each argument a list, one entry a visitor who asked at this moment.

        [their answers, in their order, what raises a call of its own where the Hub must be asked
        first].
        """
        ready = [is_at_hand(model) for model in models]
        asked = zip(
            models, sentences1, sentences2, [self.settings.max_length] * len(models), strict=True
        )
        answered = iter(
            predict_each(
                [each for each, now in zip(asked, ready, strict=True) if now], self.settings
            )
        )
        drawn = [
            _drawn(next(answered)) if now else _awaited(model)
            for model, now in zip(models, ready, strict=True)
        ]
        return [drawn, [gr.skip() if now else secrets.token_hex(8) for now in ready]]

    def answer(self, sentence1, sentence2, model):
        [answered] = predict_each(
            [(model, sentence1, sentence2, self.settings.max_length)], self.settings
        )
        return _drawn(answered)

    def opened(self, sentence1, sentence2, model, offered):
        """As `answer`, for a tab that opens; a run that the address names is listed by a name that
        can be read, as one that was offered already is.
        """
        run = isinstance(model, str) and model.startswith(RUN_PREFIX) and model != offered
        named = [(_("a fine-tune: {run}…", run=model[4:12]), model), *_choices()] if run else []
        return self.answer(sentence1, sentence2, model), gr.Dropdown(named) if run else gr.skip()

    def offer_run(self, finished):
        """A model that a run left becomes the chosen one: (the models, what was offered)."""
        return (
            (gr.Dropdown(_choices(finished), value=finished), finished)
            if finished
            else (gr.skip(), gr.skip())
        )

    def predict(
        self, sentence1: str, sentence2: str, model: str = READY, max_length: int = 128
    ) -> dict:
        """Whether two sentences are paraphrases.

        Args:
            sentence1: the first sentence, at most 2,000 characters
            sentence2: the second sentence
            model: adapter:paraphrase, adapter:pair-warmed, an id of the Hub, or run:<id> for a
            fine-tune of this server
            max_length: the most tokens of the pair; what is longer is cut

        Returns:
            label, probabilities and logits by label, tokens, truncated (what was cut from each
            sentence), notes (why the answer may mean less than it seems), and origin
        """
        try:
            [prediction], origin = predict_pairs(
                model, [(sentence1, sentence2)], max_length, self.settings
            )
        except Exception as error:
            raise toast(error) from None
        return {
            **asdict(prediction),
            "notes": [str(note) for note in prediction.notes],
            "origin": asdict(origin),
        }


def _awaited(model):
    return markup.notice(
        _("{name} is being opened. Its first answer can take ten seconds.", name=model[:40])
    )


def _drawn(answer):
    """(Prediction, Origin), or the exception that came instead, as HTML."""
    if isinstance(answer, Exception):
        return markup.notice(explain(answer), kind="error")
    prediction, origin = answer
    warning, record = WARNINGS.get(origin.loaded), record_of(origin.loaded)
    notes = [*([warning] if warning else []), *prediction.notes]
    parts = [
        markup.origin_line(str(origin), origin.stands_in),
        *(markup.notice(note, kind="warning") for note in notes),
        drawing.probability_bars(prediction),
        record_line(record) if record else "",
        arithmetic(softmax_steps(prediction.logits), prediction.logits),
    ]
    return "".join(parts)


UNLABELED = say(
    "This model has never seen a label: it only compares how similar the two sentences are. "
    "Fine-tune it in "
    "the tab to the left, and compare."
)
WARNINGS = {WARMED: UNLABELED}
