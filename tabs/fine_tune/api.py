"""The API's function fine_tune: its signature and docstring are those of the settings of a run."""

from collections.abc import Callable
from inspect import Parameter, Signature

import gradio as gr

from pipeline.config import RUN_SETTINGS, config_from
from pipeline.runs.supervisor import start_run
from pipeline.settings import Settings
from tabs.errors import toast
from tabs.fine_tune.sections import address_of

TYPES = {**{name: one.kind for name, one in RUN_SETTINGS.items()}, "request": gr.Request}
DEFAULTS = {**{name: one.default for name, one in RUN_SETTINGS.items()}, "request": None}
SIGNATURE = Signature(
    [
        Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=DEFAULTS[name], annotation=kind)
        for name, kind in TYPES.items()
    ],
    return_annotation=dict,
)
DOCSTRING = """Start a fine-tune on this server and return at once; open the page at /?run=<id> to watch
it.

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
