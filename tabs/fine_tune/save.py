"""Save an ended run's model: a zip to download, a repository to push to."""

import secrets
from dataclasses import dataclass

import gradio as gr
from starlette.requests import Request

from languages import _, say
from pipeline.errors import InputError
from pipeline.export import model as saving
from pipeline.settings import Settings
from tabs.errors import error_notice
from tabs.fine_tune.downloads import model_address
from tabs.fine_tune.listeners import Together
from views.markup import notice
from views.numbers import format_bytes
from views.runs import download_link, no_run_yet, pushed_to
from web.gate import CHECKED, LOOPBACK, is_foreign

# Another one each time the server starts; app.py writes it to the terminal
PUSH_CODE = secrets.token_hex(5)
SIGNED_OUT = say("First sign in with the button beside this one, then push.")
NO_TOKEN = say(
    "This machine has no token of yours. Run `hf auth login` in a terminal here with a write "
    "token (huggingface.co/settings/tokens), and push again."
)
NOT_HERE = say(
    "This page is open on a different machine from the app, and the app's token isn't yours. "
    "Download the model, or open the page on the app's machine."
)
NO_CODE = say("Enter the code from the app's terminal: the token belongs to the machine's owner.")


def build_save(settings: Settings, ended: gr.State, fold: Together) -> None:
    """The part of a card; `ended` holds the id of an ended run, or "". fold: that it stands in."""
    on_space = settings.signs_in
    link = gr.HTML(no_run_yet())
    with gr.Row():
        name = gr.Textbox(
            "my-paraphrase-classifier",
            label=_("Repository"),
            info=_("its name in your account"),
            min_width=240,
        )
        private = gr.Checkbox(
            True,
            label="private",
            info=_("only you see it; you can change that later on the Hub"),
            min_width=240,
        )
    with gr.Row():
        if on_space:
            gr.LoginButton(size="md", min_width=200)
        push = gr.Button(_("Push to my Hub account"), min_width=200)
    # For the token of this machine's owner: no header proves that somebody sits at the machine,
    # a code in its terminal does
    code = gr.Textbox(
        "",
        label=_("Code"),
        info=_("shown in the app's terminal"),
        type="password",
        max_length=40,
        visible=not on_space,
    )
    answer = gr.HTML()
    gr.Markdown(
        _(
            "Includes a model card (metrics, settings, seed, versions) and the script that trains "
            "the model again. The token is used for this push only and isn't stored."
        )
    )
    saver = Saver(settings)
    fold.add(lambda run_id: {link: saver.download(run_id)}, [ended], [link])
    pushes, asked = (saver.push_from_space, []) if on_space else (saver.push_from_here, [code])
    push.click(
        pushes,
        [ended, name, private, *asked],
        answer,
        api_visibility="private",
        concurrency_id="push",
        concurrency_limit=2,
    )


@dataclass(frozen=True)
class Saver:
    """The section's handlers."""

    settings: Settings

    def download(self, run_id: str) -> str:
        """The link to an ended run's zip and its size, or why there is none."""
        if not run_id:
            return no_run_yet()
        try:
            files = saving.files_of(saving.saved_run(run_id, self.settings), self.settings)
            size = sum(map(_size_of, files.values()))
        except Exception as error:
            return error_notice(error)
        hint = _("{size}, no pickle: {files}", size=format_bytes(size), files=", ".join(files))
        return download_link(model_address(run_id), _("Download the model"), hint)

    def push_from_space(
        self, run_id: str, name: str, private: bool, token: gr.OAuthToken | None
    ) -> str:
        """With the token of whoever signed in, and never with the server's own."""
        return self._push(run_id, name, private, token.token if token else None, SIGNED_OUT)

    def push_from_here(
        self, run_id: str, name: str, private: bool, code: object, request: gr.Request
    ) -> str:
        """With the token of this machine's owner, for somebody who sits at this machine and reads
        its terminal.
        """
        if not is_local(request):
            return notice(NOT_HERE, kind="error")
        if not isinstance(code, str) or not secrets.compare_digest(
            code.strip().encode(errors="replace"), PUSH_CODE.encode()
        ):
            return notice(NO_CODE, kind="error")
        from huggingface_hub import get_token

        return self._push(run_id, name, private, get_token(), NO_TOKEN)

    def _push(self, run_id: str, name: str, private: bool, token: str | None, no_token: str) -> str:
        if not run_id:
            return notice(_("There is no finished run to push. Start one first."), kind="error")
        if not token:
            return notice(no_token, kind="error")
        try:
            return pushed_to(saving.push(run_id, name, token, private, settings=self.settings))
        except InputError as error:
            return notice(error, kind="error")
        except Exception as error:
            # The log gets no traceback of a call that had the token in its hands
            failed = _(
                "The push failed ({error}). Try again later, or download the model.",
                error=type(error).__name__,
            )
            return notice(failed, kind="error")


def _size_of(content) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def is_local(request: Request) -> bool:
    """Whether a request looks as if made on the app's own machine, by the app's own page or a
    program.

    A proxy or tunnel on this machine that says nothing of its visitors looks so, too: so this alone
    opens nothing.
    """
    host = request.headers.get("host", "").rpartition(":")[0].strip("[]") or request.headers.get(
        "host", ""
    )
    forwarded = any(
        name in request.headers
        for name in ("x-forwarded-for", "x-forwarded-host", "forwarded", "via", CHECKED)
    )
    here = bool(request.client) and request.client.host in LOOPBACK and host in LOOPBACK
    return here and not forwarded and not is_foreign(request.headers)
