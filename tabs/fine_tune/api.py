"""The API's functions: start a run, ask where it stands, stop it.

The signature and the docstring of fine_tune are those of the settings of a run.
"""

import math
from collections.abc import Callable, Mapping
from inspect import Parameter, Signature

import gradio as gr

from languages import say
from pipeline.config import RUN_SETTINGS, config_from
from pipeline.errors import InputError
from pipeline.own_pairs import store
from pipeline.own_pairs.columns import guess_columns
from pipeline.own_pairs.pairs import own_pairs
from pipeline.own_pairs.read import read_table
from pipeline.runs.folder import is_number
from pipeline.runs.progress import Run, progress
from pipeline.runs.queue import read_run
from pipeline.runs.supervisor import start_run, stop_run
from pipeline.settings import Settings
from pipeline.task import is_own
from tabs.errors import toast
from tabs.fine_tune.owned_runs import address_of
from views.runs import run_message

MORE = {
    "pairs": (str, ""),
    "again": (bool, False),
    "request": (gr.Request, None),
}  # {name: (type, default)}
TYPES = {
    **{name: one.kind for name, one in RUN_SETTINGS.items()},
    **{name: kind for name, (kind, _default) in MORE.items()},
}
DEFAULTS = {
    **{name: one.default for name, one in RUN_SETTINGS.items()},
    **{name: default for name, (_kind, default) in MORE.items()},
}
SIGNATURE = Signature(
    [
        Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=DEFAULTS[name], annotation=kind)
        for name, kind in TYPES.items()
    ],
    return_annotation=dict,
)
NAMES_PAIRS = say("task_name names somebody's own pairs. Give yours as the argument pairs.")
DOCSTRING = """Start a fine-tune on this server and return at once; /?run=<id> shows it.

Args:
{settings}
    pairs: your own pairs in place of task_name, the text of a CSV, a TSV or JSON lines; its columns
        are guessed by their names and contents
    again: whether to train it all the same where a run with the same settings waits, runs or is
        done here; else that run is the answer

Returns:
    run (its id, for `run_status`), secret (whoever has it may stop the run, with `stop_run`), model
    (its name for `predict` once it is done), joined (whether that run was there already: same
    settings, same seed, same curve; its secret is ""), and pairs, what was read of yours: rows,
    labels, splits and left_out (line and reason of each row that can't be used)
"""


def build_fine_tune(settings: Settings) -> Callable[..., dict]:
    """The function that starts a run over these settings."""

    def fine_tune(*given, **named):
        values = SIGNATURE.bind(*given, **named)
        values.apply_defaults()
        request, text, again = (
            values.arguments.pop(name) for name in ("request", "pairs", "again")
        )
        address, read = address_of(request), {}
        try:
            if is_own(values.arguments["task_name"]):
                raise InputError(NAMES_PAIRS)
            if text:
                values.arguments["task_name"], read = kept_pairs(text, address, settings)
            config = config_from(values.arguments)
            joining = None if again else {}
            run_id, secret = start_run(config, settings, address=address, joining=joining)
        except Exception as error:
            if read:  # nobody could ever use them
                store.forget(values.arguments["task_name"], settings)
            raise toast(error) from None
        return {
            "run": run_id,
            "secret": secret,
            "model": f"run:{run_id}",
            "joined": not secret,
            **read,
        }

    fine_tune.__signature__ = SIGNATURE
    fine_tune.__annotations__ = {**TYPES, "return": dict}
    fine_tune.__doc__ = DOCSTRING.format(settings="\n".join(described(settings)))
    return fine_tune


def kept_pairs(text: object, address: str, settings: Settings) -> tuple[str, dict]:
    """(the task's name of the pairs in a text, what was read of them). InputError where a run can't
    be made of them.
    """
    content = str(text).encode(errors="replace")
    table = read_table(content, "", settings)
    own = own_pairs(table, guess_columns(table), settings=settings)
    if own.refused:
        raise InputError(own.refused)
    read = {
        "rows": own.rows,
        "labels": own.counts,
        "splits": {split: len(rows) for split, rows in own.splits.items()},
        "left_out": [[line, str(why)] for line, why in own.left_out],
    }
    return store.keep(own, settings, visitor=address), {"pairs": read}


def described(settings: Settings) -> list[str]:
    """A line of the docstring for each setting: its help, and what may be given."""
    return [
        f"    {name}: {one.help.english}" + (f" ({allowed})" if allowed else "")
        for name, one in RUN_SETTINGS.items()
        for allowed in [one.allowed(settings)]
    ]


class Api:
    """The functions over one app's settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.fine_tune = build_fine_tune(settings)

    def run_status(self, run: str) -> dict:
        """Where a run stands.

        Args:
            run: its id, as `fine_tune` gave it

        Returns:
            state (queued, running, stopping, done, stopped, failed or expired), message, place in
            the queue and wait in seconds, step and total_steps, before and after (loss, accuracy
            and F1, once it has ended; null for what is NaN or infinite), and model (its name for
            `predict`, "" while there is none, or where its weights are NaN)
        """
        try:
            return run_as_data(read_run(run, self.settings))
        except Exception as error:
            raise toast(error) from None

    def stop_run(self, run: str, secret: str) -> dict:
        """Ask a run to stop after its next step and keep its model; asked again, some seconds
        later, it ends at once without.

        Args:
            run: its id, as `fine_tune` gave it
            secret: its secret, as `fine_tune` gave it

        Returns:
            where the run stands, as `run_status` says it
        """
        try:
            stop_run(run, secret, self.settings)
            return run_as_data(read_run(run, self.settings))
        except Exception as error:
            raise toast(error) from None


def run_as_data(run: Run) -> dict:
    """A run as JSON can say it."""
    done, total = progress(run)
    end = (run.first(run.state) if run.ended else None) or {}
    return {
        "state": run.state,
        "message": run_message(run),
        "place": run.place,
        "wait": run.wait,
        "step": done,
        "total_steps": total,
        "before": _metrics(end.get("before")),
        "after": _metrics(end.get("after")),
        "model": f"run:{run.id}" if run.answers else "",
    }


def _metrics(values: Mapping | None) -> dict | None:
    """Loss, accuracy and F1 as JSON can say them, which has no NaN."""
    return {
        name: value if is_number(value) and math.isfinite(value) else None
        for name, value in (values or {}).items()
    } or None
