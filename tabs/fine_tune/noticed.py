"""Does it notice a change? Changed copies among the training pairs, and what they cure."""

import gradio as gr

from languages import _
from pipeline.explain.noticing import asked_now, run_without, told_by
from pipeline.runs.names import name_of
from pipeline.runs.progress import Run, outline
from pipeline.runs.queue import read_run
from pipeline.settings import Settings
from tabs.errors import notice_on_error
from tabs.fine_tune.launch import COPIES_SHARE
from tabs.fine_tune.listeners import fold_of_the_run
from tabs.fine_tune.owned_runs import runs_of
from tabs.fine_tune.run_panel import RunPanel
from views.markup import notice, quiet
from views.noticed import noticed_bars
from views.runs import no_run_yet


def build_noticed(settings: Settings, panel: RunPanel) -> gr.Button:
    """The section, which follows the panel's run once that has ended; returns its button that
    starts a run.
    """
    with fold_of_the_run(_("Does it notice a change?"), "open-noticed") as fold:
        gr.Markdown(
            _(
                "Put “not” into one of two sentences that say the same, and most models still "
                "answer `equivalent`: in MRPC, almost the same words nearly always mean the same. "
                "Changed copies of the training pairs can cure that. An equivalent pair with one "
                "changed sentence joins as `not_equivalent`, and a sentence beside itself as "
                "`equivalent`, so that the model doesn't learn that every likeness means no."
            )
        )
        gr.Markdown(
            _(
                "The bars are about copies of validation pairs, which no run learns from. Only "
                "pairs count that the model itself calls equivalent when nothing is changed. A "
                "kind has at most 40 copies: a difference below 20 percentage points may be "
                "chance. Watch the accuracy below the bars, too: what does the cure cost?"
            )
        )
        with gr.Row():
            start = gr.Button(
                _("Fine-tune with changed copies (changed_share {share})", share=COPIES_SHARE),
                size="sm",
            )
            ask = gr.Button(_("Ask the model of a run without copies"), size="sm")
        drawn = gr.HTML(no_run_yet(), min_height=60)

        show = notice_on_error(lambda run_id, owned: noticed_by(run_id, owned, settings))
        fold.add(lambda *run: {drawn: show(*run)}, [panel.ended, panel.owned], [drawn])

    def asked(run_id: str) -> str:
        if not run_id:
            return notice(_("There is no finished run to ask. Start one first."))
        run = read_run(run_id, settings)
        return noticed_bars({_("now"): asked_now(run, settings)}, [(_("now"), _accuracy(run))])

    # In a queue of its own: it asks some four hundred pairs
    ask.click(
        notice_on_error(asked),
        panel.ended,
        drawn,
        api_visibility="private",
        concurrency_id="noticed",
        concurrency_limit=1,
    )
    return start


def noticed_by(run_id: str, owned: object, settings: Settings) -> str:
    """What stands in the section for the ended run of this id, or for none ("")."""
    if not run_id:
        return no_run_yet()
    run = read_run(run_id, settings)
    told = told_by(run)
    if not told:
        return quiet(
            _(
                "No changed copies joined this run's training pairs, so it told nothing of them. "
                "Ask its model, or start a run with copies."
            )
        )
    before, after = told
    accuracy = [(_("before"), _accuracy(run, "before")), (_("after"), _accuracy(run))]
    if without := run_without(run, runs_of(owned, settings, read=outline)):
        name = _("the same settings without copies ({name})", name=name_of(without.id))
        accuracy.append((name, _accuracy(without)))
    return noticed_bars({_("before"): before, _("after"): after}, accuracy)


def _accuracy(run: Run, when: str = "after") -> float | None:
    return ((run.first(run.state) or {}).get(when) or {}).get("accuracy")
