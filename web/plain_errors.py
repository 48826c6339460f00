"""Whatever goes wrong between a request and its answer, as one plain sentence in the page's
language.

Gradio 6.31: it tells a visitor what its components, its checks of files and a failed handler say:
library text, as HTML. Here that is said once more, by value and remedy, or, where nobody foresaw
it, as one sentence; the whole of it goes to the log.
"""

import numbers
from pathlib import Path

import gradio as gr
from fastapi.exceptions import RequestValidationError
from gradio.route_utils import FnIndexInferError
from gradio.utils import get_upload_folder
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from languages import DEFAULT_LANGUAGE, say, say_plural, speaking
from pipeline.errors import InputError, shown
from tabs.errors import UNEXPECTED, Toast, explain, toast
from web.fair_queue import UNKNOWN, FairQueue
from web.gate import CLOSED, refusal

MOST_CHOICES = 12  # that a message lists
NOT_UPLOADED = say(
    "This file was not uploaded here, or it is no longer stored. Choose the file again."
)


class AppBlocks(gr.Blocks):
    """gr.Blocks with a fair queue, whose errors are plain. spoken: {number of a function: the
    language of its page}.
    """

    def __init__(self, *args, **kwargs):
        self.function_languages = {}
        super().__init__(*args, **kwargs)

    def queue(self, *args, **kwargs):
        """As Blocks.queue, with a queue that network addresses share."""
        super().queue(*args, **kwargs)
        # Gradio 6.31: it names the class of its queue itself, and hands it what it has worked out
        self._queue.__class__ = FairQueue
        self._queue.ANALYTICS_MAX_EVENTS = 1  # nobody reads them
        return self

    async def preprocess_data(self, block_fn, inputs, state, explicit_call=False):
        """As Gradio's; raises a Toast that names the value and the remedy."""
        with speaking(self.function_languages.get(block_fn._id, DEFAULT_LANGUAGE)):
            try:
                _check_files(inputs)
                return await super().preprocess_data(block_fn, inputs, state, explicit_call)
            except Exception as error:
                raise toast(_foreseen(block_fn.inputs, inputs, state) or error) from None

    async def process_api(self, block_fn, *args, **kwargs):
        """As Gradio's; raises nothing but a Toast."""
        number = block_fn if isinstance(block_fn, int) else block_fn._id
        try:
            return await super().process_api(block_fn, *args, **kwargs)
        except Toast:
            raise
        except Exception as error:
            with speaking(self.function_languages.get(number, DEFAULT_LANGUAGE)):
                raise toast(error) from None


def _check_files(value):
    """Raises InputError for a file that doesn't lie in the folder of uploads.

    Gradio 6.31: its own check looks at no file where the app is mounted in another, and fetches
    what is named by an address, however large.
    """
    if isinstance(value, dict):
        if "path" in value and "meta" in value and not _is_uploaded(value["path"]):
            raise InputError(NOT_UPLOADED)
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for part in value:
            _check_files(part)


def _is_uploaded(path):
    try:
        return isinstance(path, str) and Path(path).resolve(strict=True).is_relative_to(
            Path(get_upload_folder()).resolve()
        )
    except (
        OSError,
        ValueError,
        RuntimeError,
    ):  # not there, not a path, a link that leads to itself
        return False


def _foreseen(components, inputs, state):
    """An InputError for the first value that its component can't take; None where all of them look
    well.
    """
    if len(inputs) < len(components):
        return InputError(
            say_plural(
                "The request has {count} value, but {wanted} are needed. Load the page again.",
                "The request has {count} values, but {wanted} are needed. Load the page again.",
                len(inputs),
                wanted=len(components),
            )
        )
    for component, value in zip(components, inputs, strict=False):
        if not component.stateful:
            if state is not None and component._id in state:
                component = state[component._id]
            if message := _wrong(component, value):
                return InputError(message)
    return None


def _wrong(component, value):
    """What is wrong with a value for a component, and the remedy; None where it can be taken."""
    name = component.label or type(component).__name__
    if isinstance(component, (gr.Radio, gr.Dropdown, gr.CheckboxGroup)):
        return _not_chosen(component, name, value)
    if isinstance(component, (gr.Slider, gr.Number)):
        return _no_number(component, name, value)
    if isinstance(component, gr.File) and value is not None:
        path = value.get("path") if isinstance(value, dict) else None
        endings = tuple(component.file_types or ("",))
        if isinstance(path, str) and not path.lower().endswith(endings):
            return say(
                "{name} takes files that end with {endings}. Choose another file.",
                name=name,
                endings=", ".join(endings),
            )
        return NOT_UPLOADED
    return None


def _not_chosen(component, name, value):
    if getattr(component, "allow_custom_value", False):
        return None
    known = [choice for _label, choice in component.choices]
    several = isinstance(component, gr.CheckboxGroup) or getattr(component, "multiselect", False)
    chosen = value if several and isinstance(value, list) else [value]
    strangers = [one for one in chosen if one not in known and (one is not None or several)]
    if not strangers:
        return None
    listed = ", ".join(str(choice) for choice in known[:MOST_CHOICES]) + (
        ", …" if len(known) > MOST_CHOICES else ""
    )
    return say(
        "{name}: {value} isn't an option here. Choose one of {choices}.",
        name=name,
        value=shown(strangers[0]),
        choices=listed,
    )


def _no_number(component, name, value):
    low, high = component.minimum, component.maximum
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        if value is None and not isinstance(component, gr.Slider):
            return None
        return say(
            "{name} is {value}, which is not a number. Give a number.",
            name=name,
            value=shown(value),
        )
    if (low is None or value >= low) and (high is None or value <= high):
        return None
    if low is not None and high is not None:
        return say(
            "{name} is {number}, but {low} to {high} is allowed here. Choose a value in that "
            "range.",
            name=name,
            number=shown(value),
            low=low,
            high=high,
        )
    return say(
        "{name} is {number}, which is too small or too large here. Choose another value.",
        name=name,
        number=shown(value),
    )


# ---------------------------------------------------------------- what never reaches a handler

MALFORMED = say("This request has the wrong names or types of values for its address.")


def _answer(message, status):
    async def answer(request, error):
        return refusal(request.scope, message, status)

    return answer


async def _refused(request, error):
    """What Gradio refuses. Of a file it quotes the path, and of what isn't there nothing that
    helps: those are said anew.
    """
    if error.status_code == 404 or "/gradio_api/file" in request.scope["path"]:
        return refusal(request.scope, CLOSED, error.status_code)
    return JSONResponse({"detail": error.detail}, error.status_code, error.headers)


def _of_names(message, status):
    """For what gradio_client raises where a call by names (/call/v2) has names of its own."""

    async def answer(request, error):
        if "/gradio_api/call/v2/" in request.scope["path"]:
            return refusal(request.scope, message, status)
        return refusal(request.scope, explain(error), 500)

    return answer


# For app_kwargs: each error that a route lets out, as an answer in plain words. The log has the
# last kind in full.
EXCEPTION_HANDLERS = {
    HTTPException: _refused,
    FnIndexInferError: _answer(UNKNOWN, 404),
    RequestValidationError: _answer(MALFORMED, 422),
    KeyError: _of_names(UNKNOWN, 404),
    TypeError: _of_names(MALFORMED, 422),
    Exception: _answer(UNEXPECTED, 500),
}
