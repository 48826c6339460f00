"""Input errors as a visitor sees them: the message, as text, never a traceback; handlers that
answer in a page's language.
"""

import functools
import html
import inspect
import logging
from collections.abc import Callable
from typing import Any

import gradio as gr
from markupsafe import Markup

from languages import DEFAULT_LANGUAGE, language, say, speaking
from pipeline.errors import InputError
from views import markup

log = logging.getLogger(__name__)
UNEXPECTED = say(
    "Something went wrong that this app doesn't handle. Try again, or try another input; the "
    "server's log has the details."
)

# A field cuts what is longer without a word: this is far above the cap, at which a sentence is
# refused with a remedy
LONGEST_TYPED = 100_000


def explain(error: BaseException) -> str:
    """The message for a visitor. What nobody foresaw goes to the log in full and to the page as one
    sentence.
    """
    if isinstance(error, InputError):
        return str(error)
    log.error("unforeseen", exc_info=error)
    return str(UNEXPECTED)


def error_notice(error: Exception) -> Markup:
    """The message of an error where the answer would stand."""
    return markup.notice(explain(error), kind="error")


def notice_on_error(handler: Callable[..., Any]) -> Callable[..., Any]:
    """A page's handler with one output, in which its errors become a notice."""

    @functools.wraps(handler)
    def guarded(*args: Any) -> Any:
        try:
            return handler(*args)
        except Exception as error:
            return markup.notice(explain(error), kind="error")

    return guarded


def sent(event: gr.EventData) -> dict:
    """What the page's script sent with an event, as a dict: an outsider's request may bring
    anything, or nothing.
    """
    told = getattr(event, "_data", None)
    return told if isinstance(told, dict) else {}


class Toast(gr.Error):
    """An error whose message is for a visitor."""


def toast(error: BaseException) -> Toast:
    """A Toast for an API call. Toasts render HTML, and the message may quote a visitor's text: it
    is escaped.
    """
    return Toast(html.escape(explain(error)), print_exception=False)


def public(function: Callable[..., Any], **kwargs: Any) -> None:
    """An endpoint of the API: one for all pages, in English."""
    if language() == DEFAULT_LANGUAGE:
        gr.api(function, **kwargs)


def in_language(handler: Callable[..., Any] | None, name: str) -> Callable[..., Any] | None:
    """A page's handler, or None, that answers in that language, whichever thread runs it."""
    if handler is None:
        return None
    if inspect.isgeneratorfunction(handler):

        @functools.wraps(handler)
        def spoken(*args, **kwargs):
            answers = handler(*args, **kwargs)
            while True:
                # Each answer may be asked for in another thread, and between two of them other
                # pages speak
                with speaking(name):
                    try:
                        answer = next(answers)
                    except StopIteration:
                        return
                yield answer
    else:

        @functools.wraps(handler)
        def spoken(*args, **kwargs):
            with speaking(name):
                return handler(*args, **kwargs)

    return spoken
