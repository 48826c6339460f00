"""The runs of a browser: it remembers their ids and the secrets with which it may stop them.

`owned` is {run id: secret, BROWSER: the browser's own name}. In place of a secret, JOINED is a run
that somebody else started with the same settings, and LEFT one that this visitor has left. It comes
from the visitor's storage and may be anything.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence

import gradio as gr

from languages import say
from pipeline.errors import InputError
from pipeline.runs.progress import Run, outline
from pipeline.runs.queue import read_run
from pipeline.runs.supervisor import may_stop
from pipeline.settings import Settings
from pipeline.task import is_own

BROWSER = "browser"  # no run's id is a word
JOINED, LEFT = "", "left"
MOST_REMEMBERED = 20  # older ones have expired anyway
MOST_READ = 40
EARLIER_RUNS = 4  # behind a chart
COMPARED = ("task_name", "source", "eval_pairs")  # what two comparable runs have in common
# Addresses of visitors are counted, not kept: what a run's folder holds of one can't be traced back
# without this key.
ADDRESS_KEY = secrets.token_bytes(32)


def address_of(request: gr.Request | None) -> str:
    """For whose network address a run counts, as a digest; "" where there is no telling."""
    host = request.client.host if request and request.client else ""
    if not host:
        return ""
    return hmac.new(ADDRESS_KEY, host.encode(errors="replace"), hashlib.sha256).hexdigest()


def remembered(owned: object) -> dict[str, str]:
    """The browser's name, drawn with its first run, and the secrets of its last runs."""
    owned = owned if isinstance(owned, dict) else {}
    name = owned.get(BROWSER)
    runs = [(run_id, secret) for run_id, secret in owned.items() if run_id != BROWSER]
    return {
        BROWSER: name if isinstance(name, str) and name else secrets.token_urlsafe(24),
        **dict(runs[-MOST_REMEMBERED:]),
    }


def with_runs(owned: dict[str, str], started: Sequence[tuple[str, str]]) -> dict[str, str]:
    """What the browser remembers after a start. started: [(run id, secret, "" for a run that was
    there already), …]
    """
    kept = {run_id: owned.get(run_id, JOINED) for run_id, _secret in started}
    return {
        **{run_id: secret for run_id, secret in owned.items() if run_id not in kept},
        **{
            run_id: secret or (JOINED if kept[run_id] == LEFT else kept[run_id])
            for run_id, secret in started
        },
    }


def has_joined(run_id: str, owned: object) -> bool:
    """Whether the browser shows somebody else's run as the one that it asked for."""
    return secret_of(run_id, owned) == JOINED


def secret_of(run_id: object, owned: object) -> object:
    """What the browser says is the run's secret, or None."""
    return owned.get(run_id) if isinstance(owned, dict) and isinstance(run_id, str) else None


def may_read_sentences(run: Run, owned: object, settings: Settings) -> bool:
    """Whether a browser may read the sentences of a run: those that a visitor brought are shown to
    who owns the run alone.
    """
    if not is_own(run.config.get("task_name")):
        return True
    return may_stop(run.id, secret_of(run.id, owned), settings)


def check_pairs(run: Run, owned: object, settings: Settings) -> None:
    """InputError where a run's settings name pairs that another visitor brought: a run like it
    would show them to whoever starts it.
    """
    if not may_read_sentences(run, owned, settings):
        raise InputError(
            say(
                "This run is on its owner's own pairs, so that only its owner can start another "
                "like it. Choose pairs in the form and start a run."
            )
        )


def config_to_repeat(run_id: str, owned: object, settings: Settings) -> dict:
    """The settings of a run that is shown, for another like it. InputError where it has expired, or
    names pairs that another visitor brought.
    """
    run = read_run(run_id, settings)
    check_pairs(run, owned, settings)
    if not run.config:
        raise InputError(say("This run has expired: its folder is gone. Start a new one."))
    return run.config


def runs_of(
    owned: object,
    settings: Settings,
    most: int = MOST_READ,
    read: Callable[[str, Settings], Run] = read_run,
) -> list[Run]:
    """This browser's runs, newest first, each as `read` tells it."""
    owned = owned if isinstance(owned, dict) else {}
    names = [name for name, secret in owned.items() if isinstance(name, str) and secret != LEFT]
    found = []
    for name in reversed(names[-most:]):
        try:
            found.append(read(name, settings))
        except InputError:  # the browser's own name, or whatever was put there
            pass
    return found


def finished_runs_of(
    owned: object,
    settings: Settings,
    most: int = MOST_READ,
    read: Callable[[str, Settings], Run] = read_run,
) -> list[Run]:
    """Those of them that have ended and left a model."""
    runs = runs_of(owned, settings, most, read)
    return [run for run in runs if run.has_model and run.first("start")]


def unfinished_runs_of(owned: object, settings: Settings) -> list[Run]:
    """Those of them that wait or run, the oldest first, those that it has joined among them."""
    return [run for run in reversed(runs_of(owned, settings)) if not run.ended]


def earlier_runs_of(run: Run, owned: object, settings: Settings) -> list[Run]:
    """The newest few of this browser's runs over the same pairs: others can't be compared."""
    if not run.config:
        return []
    others = finished_runs_of(owned, settings, 3 * EARLIER_RUNS, outline)
    return [other for other in others if other.id != run.id and _same_pairs(other, run)][
        :EARLIER_RUNS
    ]


def _same_pairs(one: Run, other: Run) -> bool:
    return all(one.config.get(name) == other.config.get(name) for name in COMPARED)
