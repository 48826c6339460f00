"""Plain data -> HTML: a prediction's probabilities. Every text is escaped; nothing here imports
gradio.
"""


from languages import _, ngettext
from pipeline.prediction import written
from views.charts import is_finite
from views.markup import captioned, framed, notice, text


def probability_bars(prediction):
    """The label, both probabilities as bars, the logits they come from, and what the model never
    saw.
    """
    rows = "".join(
        _bar(name, share, prediction.logits[name], name == prediction.label)
        for name, share in prediction.probabilities.items()
    )
    head = "".join(
        f'<th scope="col">{name}</th>' for name in (_("label"), _("probability"), _("logit"))
    )
    table = captioned("bars", _("softmax of the logits"), f"<tr>{head}</tr>{rows}")
    cut = "".join(
        notice(
            _("Cut from sentence {which}, never seen by the model: {part}", which=which, part=part),
            kind="warning",
        )
        for which, part in enumerate(prediction.truncated, 1)
        if part
    )
    tokens = ngettext("{count} token", "{count} tokens", prediction.tokens)
    return (
        f'<p class="answer">{text(prediction.label)} <small>{tokens}</small></p>'
        f"{framed(table, _('Probabilities'))}{cut}"
    )


def _bar(name, share, logit, chosen):
    """The share as text and as a bar under it; the answer is marked by a sign as well as by colour."""
    drawn = share if is_finite(share) else 0
    share_text = f"{share:.1%}" if is_finite(share) else "–"
    bar = f'<span>{share_text}</span><span class="bar" style="--share:{drawn:.4f}"></span>'
    row = f'<th scope="row">{text(name)}</th><td>{bar}</td><td>{written(logit)}</td>'
    return f'<tr class="{"chosen" if chosen else ""}">{row}</tr>'
