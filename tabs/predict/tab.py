"""Predict: a pair in, label, probabilities and logits out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr
from gradio.blocks import Block

from languages import _, language, say
from pipeline.hub.sources import RUN_PREFIX
from pipeline.runs.supervisor import may_stop
from pipeline.settings import READY, Settings
from tabs.address import Shared, press_open
from tabs.check_yourself import build_check_yourself
from tabs.class_room.membership import Membership
from tabs.errors import public
from tabs.fine_tune.owned_runs import has_joined, secret_of
from tabs.pair import build_pair
from tabs.predict.answer import Answers
from tabs.predict.check import answer_shown
from tabs.predict.compare_models import build_compare_models
from tabs.predict.csv_file import build_csv_file
from tabs.predict.models import choices, full_run_name, is_run
from tabs.predict.script import build_script
from tabs.predict.stress import build_stress
from tabs.predict.what_mattered import build_what_mattered
from tabs.predict.you_first import build_you_first
from tabs.questions import questions
from tabs.share import build_share
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
EXAMPLE_NAMES = (
    say("profits rose, reworded"),
    say("profits rose, profits fell"),
    say("two hikers, reworded"),
    say("a museum reopens, or closes"),
)
# Of the embedded Chinese pairs, beside those on the Chinese page
CHINESE_EXAMPLES = [
    [
        "投资人顾承远买下了酿酒企业老泉坊的120家酒馆。",
        "酿酒企业老泉坊的120家酒馆被投资人顾承远收购了。",
    ],
    [
        "受管道受损影响，国际油价周一突破每桶80美元。",
        "受管道修复影响，国际油价周一跌破每桶80美元。",
    ],
]
CHINESE_EXAMPLE_NAMES = (
    say("in Chinese: pubs bought, reworded"),
    say("in Chinese: oil prices rose, fell"),
)
PRIVATE = {"api_visibility": "private", "show_progress": "minimal"}
# Thirty learners who press Predict at once wait for one call, not for thirty places in a queue. So
# many calls may go on: two were crowded out by those of Tokenize where three hundred pressed
BATCHED = {"batch": True, "max_batch_size": 32, "concurrency_limit": 8}


@dataclass(frozen=True)
class PredictTab:
    """The tab's components, and what app.py wires to the rest."""

    answers: Answers
    pair: list[gr.Textbox]
    model: gr.Dropdown
    offered_to: list[gr.Dropdown]  # this tab's dropdown, and others that get the same offers
    answer: gr.HTML
    offered: gr.State  # the run whose model was offered last
    shared: Shared

    def open(self, sentence1: str, sentence2: str, model: str, offered: str) -> dict[Block, Any]:
        """Draw the tab when it is first seen.

        A run that the address names is listed by a name that can be read, as one that was offered
        already is.
        """
        changes = {self.answer: self.answers.answer(sentence1, sentence2, model)}
        if is_run(model) and model != offered:
            name = _("a fine-tune: {name}", name=full_run_name(model, self.answers.settings))
            changes[self.model] = gr.Dropdown(choices((name, model)))
        return changes

    def offer_run(self, finished: str, owned: object = None) -> dict[Block, Any]:
        """Choose the model that a run left. owned: the runs that the browser remembers, which tell
        whose it is.
        """
        if not finished:
            return gr.skip()
        name = full_run_name(finished, self.answers.settings)
        listed = choices((self._whose(finished.removeprefix(RUN_PREFIX), owned, name), finished))
        chosen = dict.fromkeys(self.offered_to, gr.Dropdown(listed, value=finished))
        return {**chosen, self.offered: finished}

    def _whose(self, run_id: str, owned: object, name: str) -> str:
        if may_stop(run_id, secret_of(run_id, owned), self.answers.settings):
            return _("yours: {name}", name=name)
        if has_joined(run_id, owned):
            return _("joined: {name}", name=name)
        return _("a fine-tune: {name}", name=name)

    @property
    def openings(self) -> tuple[Opening]:
        """What draws the tab when it is first seen."""
        inputs = [*self.pair, self.model, self.offered]
        outputs = [self.answer, self.model]

        def follow(opened: Any) -> None:
            press_open("of-the-answer", [opened])

        return (
            Opening(self.open, inputs, outputs, progress_on=self.answer, follow=follow, again=True),
        )


def build_tab(
    settings: Settings,
    membership: Membership | None = None,
    others: Sequence[gr.Dropdown] = (),
) -> PredictTab:
    """The tab's components and wiring. membership: of the page, which class it is in. others:
    dropdowns of other tabs that are offered a run's model, too.
    """
    answers = Answers(settings)
    with gr.Row(elem_classes="two-columns"):
        with gr.Column(elem_classes="controls"):
            pair = build_pair()
            model = gr.Dropdown(
                choices(),
                value=READY,
                allow_custom_value=True,
                label=_("Model"),
                info=_("or a Hub id; your model joins the list when its fine-tune ends"),
            )
            button = gr.Button(_("Predict"), variant="primary", elem_id="press-predict")
            with gr.Column(elem_classes="examples"):
                in_chinese = language() == "zh"
                names = (*EXAMPLE_NAMES, *(CHINESE_EXAMPLE_NAMES if in_chinese else ()))
                examples = gr.Examples(
                    [*EXAMPLES, *(CHINESE_EXAMPLES if in_chinese else ())],
                    pair,
                    label=_("Examples"),
                    example_labels=[str(name) for name in names],
                    api_visibility="private",
                )
                gr.Markdown(
                    _(
                        "At most {max_characters:,} characters per sentence. A pair longer than "
                        "{max_length} tokens is truncated, and the answer shows what was cut.",
                        max_characters=settings.max_characters,
                        max_length=settings.max_length,
                    ),
                    elem_classes="quiet",
                )
        answer = gr.HTML(min_height=420, elem_id="answer")
    inputs = [*pair, model]
    with questions():
        build_what_mattered(settings, inputs)
        fields = build_stress(settings, inputs)
        fields = build_compare_models(settings, pair, model) | fields
        you_first = build_you_first(settings, pair, model, membership)
        build_csv_file(settings, model)
        script = build_script(settings, inputs)

    # A model that must be asked for at the Hub would keep the others of its call waiting: it is
    # answered by itself. A change of a hidden text is an event that an answer can raise.
    later, later_chosen = [gr.Textbox("", visible="hidden") for _place in range(2)]
    # A run that ends chooses its model, too: for the guided walk, a learner asked for nothing
    chosen = [
        model.change(answers.answers, inputs, [answer, later_chosen], **PRIVATE, **BATCHED),
        later_chosen.change(answers.answer, inputs, answer, **PRIVATE),
    ]
    asked = [button.click, *(sentence.submit for sentence in pair)]
    # Where a pair is put into the fields, which are far above the button, its answer follows
    taken = you_first.take.click(
        you_first.take_pair,
        you_first.quiz,
        [you_first.result, *pair],
        js="(quiz) => page.predict.toTheTop(quiz)",
        **PRIVATE,
    )
    filled = [examples.load_input_event, taken]
    answered = [
        gr.on(asked, answers.answers, inputs, [answer, later], **PRIVATE, **BATCHED),
        *(
            event.then(answers.answers, inputs, [answer, later], **PRIVATE, **BATCHED)
            for event in filled
        ),
        later.change(answers.answer, inputs, answer, **PRIVATE),
    ]
    # After each new answer, the script is that of this answer, and so is what stands open
    for event in [*answered, *chosen]:
        event.then(**script)
    press_open("of-the-answer", [*answered, *chosen])
    build_check_yourself(
        settings,
        "predict",
        partial(answer_shown, settings),
        inputs,
        membership=membership,
        renewed=[*answered, *chosen],
    )

    names = ("sentence1", "sentence2")
    shared = Shared(
        "predict",
        {**dict(zip(names, pair, strict=True)), "model": model, **fields},
        {examples.dataset: names, you_first.take: names},
    )
    shared.follow(*answered, done="predict")
    shared.follow(*chosen)
    build_share(settings, shared)
    public(answers.predict, api_name="predict")
    offered_to = [model, *others]
    return PredictTab(answers, pair, model, offered_to, answer, gr.State(""), shared)
