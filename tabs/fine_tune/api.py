"""The API's functions: start a run, ask where it stands, stop it.

The signature and the docstring of fine_tune are those of the settings of a run.
"""

import math
from collections.abc import Callable, Mapping
from inspect import Parameter, Signature

import gradio as gr

from pipeline.config import RUN_SETTINGS, config_from
from pipeline.runs.folder import is_number
from pipeline.runs.progress import Run, progress
from pipeline.runs.queue import read_run
from pipeline.runs.supervisor import start_run, stop_run
from pipeline.settings import Settings
from tabs.errors import toast
from tabs.fine_tune.owned_runs import address_of
from views.runs import run_message

TYPES = {**{name: one.kind for name, one in RUN_SETTINGS.items()}, "request": gr.Request}
DEFAULTS = {**{name: one.default for name, one in RUN_SETTINGS.items()}, "request": None}
SIGNATURE = Signature(
    [
        Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=DEFAULTS[name], annotation=kind)
        for name, kind in TYPES.items()
    ],
    return_annotation=dict,
)
DOCSTRING = """Start a fine-tune on this server and return at once; /?run=<id> shows it.

Args:
{settings}

Returns:
    run (its id, for `run_status`), secret (whoever has it may stop the run, with `stop_run`), and
    model (its name for `predict` once it is done)
"""


def build_fine_tune(settings: Settings) -> Callable[..., dict]:
    """The function that starts a run over these settings."""

    def fine_tune(*given, **named):
        values = SIGNATURE.bind(*given, **named)
        values.apply_defaults()
        request = values.arguments.pop("request")
        try:
            config = config_from(values.arguments)
            run_id, secret = start_run(config, settings, address=address_of(request))
        except Exception as error:
            raise toast(error) from None
        return {"run": run_id, "secret": secret, "model": f"run:{run_id}"}

    fine_tune.__signature__ = SIGNATURE
    fine_tune.__annotations__ = {**TYPES, "return": dict}
    fine_tune.__doc__ = DOCSTRING.format(settings="\n".join(described(settings)))
    return fine_tune


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
