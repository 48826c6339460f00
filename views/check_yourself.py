"""A question of "Check yourself", before and after it was answered. Nothing here imports gradio."""

from collections.abc import Mapping

from markupsafe import Markup

from languages import _
from pipeline.questions import Question
from views.charts import line_chart
from views.render import render


def check_yourself(
    question: Question,
    chosen: int | None,
    answers: Mapping[str, bool],
    count: int,
    later: str = "",
) -> Markup:
    """One question, its choices, and below it the score.

    chosen: the place of the choice that was made, None before; only then is the right one, or
    anything said of a choice, in the page. answers: {question id: whether the first answer was
    right}, of `count` questions that can be asked now. later: what others wait for, or "".
    """
    is_right = chosen is not None and question.is_right(chosen)
    return render(
        "check_yourself.html",
        question=question,
        picture=_picture(question),
        chosen=chosen,
        is_right=is_right,
        verdict="" if chosen is None else _verdict(question.choices[chosen].text, is_right),
        answered=len(answers),
        right=sum(answers.values()),
        marks=list(answers.values()),
        count=count,
        later=later,
    )


def _verdict(choice: str, is_right: bool) -> str:
    if is_right:
        return _("Right: {choice}", choice=choice)
    return _("Not this one: {choice}", choice=choice)


def _picture(question: Question) -> Markup:
    """The curves of a question that has some."""
    if not question.curves:
        return Markup("")
    curves = {str(name): points for name, points in question.curves.items()}
    noisy = next(iter(curves))  # the loss of single batches
    title, about = _("Loss"), _("cross-entropy")
    return line_chart(title, curves, _("step"), about, noisy=[noisy], ended=True)
