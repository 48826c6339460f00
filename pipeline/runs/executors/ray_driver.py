"""The process that follows one run on a Ray cluster: `python -m pipeline.runs.executors.ray_driver
FOLDER`.

It sends what the run needs, writes its events and its files into the folder, hands a request to
stop on, and begins once more where a node is lost. Ray queues, places and ends; when this process
ends, Ray ends what it has started.
"""

import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from languages import say
from pipeline.errors import HubUnavailable, InputError, shown
from pipeline.hub.availability import run_with_deadline
from pipeline.runs import liveness
from pipeline.runs.executors.local import ROOT
from pipeline.runs.executors.ray_trainer import Trainer
from pipeline.runs.folder import (
    append_event,
    as_line,
    event_in,
    last_event,
    write_whole,
)
from pipeline.runs.parcel import Receiver, pack, task_of
from pipeline.runs.progress import ENDED
from pipeline.settings import Settings

if TYPE_CHECKING:
    import ray

CODE = ("pipeline", "languages")  # what of the app a node needs
SECONDS_BETWEEN_LOOKS = 0.2
SECONDS_TO_ANSWER = 5.0  # for the port of the cluster
WAITING_PARTS = 4  # that the node may be ahead of this process
ATTEMPTS = 2  # a run whose node is lost is begun once more


class NodeLost(Exception):
    """The node that trained a run, or the process on it, is gone."""


def main(folder: Path) -> int:
    """Follow the run of a folder to its end; the exit code."""
    settings = Settings()
    try:
        connect(settings)
        for event in events(folder, settings):
            append_event(folder, event)
        return 0
    except InputError as error:
        message = error.args[0]
    except NodeLost:
        message = say(
            "The machine that trained this run was lost, and so was the one on which it began "
            "again. Start a new run in a few minutes."
        )
    except Exception as error:
        from pipeline.training import failure_message

        message = failure_message(error)
    seconds = (last_event(folder / "events.jsonl") or {}).get("seconds", 0)
    append_event(folder, {"event": "failed", "seconds": seconds, "message": message})
    return 1


# ---------------------------------------------------------------- the cluster


def connect(settings: Settings) -> None:
    """Join the cluster. Raises InputError, within `ray_connect_seconds`, where that can't be."""
    try:
        import ray
    except ImportError:
        raise InputError(
            say(
                "Runs train on a Ray cluster here, but the package ray isn't installed on this "
                "server. Tell its host: pip install -r requirements-ray.txt."
            )
        ) from None
    address = settings.ray_address
    host, _colon, port = address.rpartition(":")
    if not host or not port.isdigit() or "/" in address:
        raise InputError(
            say(
                "RAY_ADDRESS is {value}. Tell this server's host: it has to be host:port of the "
                "cluster, such as 10.0.0.1:6379.",
                value=shown(address),
            )
        )
    code = {
        "working_dir": str(ROOT),
        "excludes": [f"/{name}" for name in os.listdir(ROOT) if name not in CODE],
    }
    try:
        # ray.init itself asks an address where nobody listens for ever
        socket.create_connection((host, int(port)), SECONDS_TO_ANSWER).close()
        run_with_deadline(
            settings.ray_connect_seconds,
            ray.init,
            address=address,
            runtime_env=code,
            log_to_driver=False,
            configure_logging=False,
        )
    except (OSError, OverflowError, RuntimeError, ValueError, HubUnavailable) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        raise InputError(
            say(
                "The cluster that trains this server's runs, at {address}, can't be reached. Try "
                "again in a few minutes, or tell this server's host.",
                address=address,
            )
        ) from None


# ---------------------------------------------------------------- a run


def events(folder: Path, settings: Settings) -> Iterator[dict]:
    """The run's events, its last one once its files are there. Raises NodeLost where two nodes were
    lost, InputError where no node had room in time.
    """
    steps = 0
    for attempt in range(ATTEMPTS):
        try:
            for event in _followed(folder, settings):
                if attempt and event["event"] == "start":
                    event |= {"message": _began_again(steps)}
                steps = event.get("step", steps)
                yield event
            return
        except NodeLost:
            if attempt + 1 == ATTEMPTS or (folder / "stop").exists():
                raise
            write_whole(folder / "events.jsonl", "")


def _never_began() -> dict:
    reason = say("It was removed from the queue before it started; nothing was trained.")
    return {"event": "stopped", "seconds": 0, "reason": reason}


def _no_room(settings: Settings) -> str:
    return say(
        "No machine of the cluster had room for this run within {minutes:.0f} minutes. Try again "
        "later.",
        minutes=settings.ray_place_seconds / 60,
    )


def _began_again(steps: int) -> str:
    return say(
        "The machine that trained this run was lost after step {steps}, so the run began again on "
        "another one.",
        steps=steps,
    )


def _followed(folder: Path, settings: Settings) -> Iterator[dict]:
    """The events of one attempt."""
    import ray

    # Ray's own retry would replay the stream from where it broke off, and a run can't go on there
    trainer: Any = (
        ray.remote(Trainer)
        .options(
            num_cpus=settings.run_cpus,
            num_gpus=settings.run_gpus,
            max_concurrency=2,
            max_restarts=0,
            max_task_retries=0,
        )
        .remote()
    )
    stream = trainer.train.options(
        num_returns="streaming", _generator_backpressure_num_objects=WAITING_PARTS
    ).remote(folder.name, task_of(folder), pack(folder, settings), settings)
    receiver = Receiver(folder, settings)
    try:
        for told, text, content in _told(stream, trainer, folder, settings):
            if told == "part":
                receiver.receive(text, content)
            elif told == "log":
                print(text, file=sys.stderr)
            elif event := event_in(text):
                if event["event"] in ENDED:
                    receiver.finish()
                yield event
    finally:
        ray.kill(trainer)


def _told(
    stream: "ray.ObjectRefGenerator", trainer: Any, folder: Path, settings: Settings
) -> Iterator[tuple[str, str, bytes]]:
    """What the trainer yields. A request to stop is handed on meanwhile; one that comes before a
    node has the run ends it.
    """
    import ray

    asked, is_placed, began = False, False, time.monotonic()
    while True:
        if (folder / "stop").exists() and not asked:
            if not is_placed:
                yield "line", as_line(_never_began()), b""
                return
            asked = True
            trainer.stop.remote()
        if not is_placed and time.monotonic() - began > settings.ray_place_seconds:
            raise InputError(_no_room(settings))
        try:
            ready, _ = ray.wait([stream], timeout=SECONDS_BETWEEN_LOOKS)
            if not ready:
                continue
            told = ray.get(next(stream))
        except StopIteration:
            return
        except (
            ray.exceptions.RayActorError,
            ray.exceptions.WorkerCrashedError,
            ray.exceptions.NodeDiedError,
            ray.exceptions.ObjectLostError,
        ) as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            raise NodeLost from error
        if not is_placed:
            is_placed = True
            liveness.claim(folder)  # the run's time counts from now on
        yield told


if __name__ == "__main__":
    code = main(Path(sys.argv[1]))
    if "ray" in sys.modules:
        sys.modules["ray"].shutdown()
    sys.stderr.flush()
    os._exit(code)  # a thread that still waits for a cluster would never end
