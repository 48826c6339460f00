"""Under which names the tab lists models."""

from languages import _, say
from pipeline.errors import InputError
from pipeline.hub.sources import RUN_PREFIX
from pipeline.runs.folder import read_config, run_folder
from pipeline.runs.names import name_of
from pipeline.settings import CHECKPOINTS, EMBEDDED_CHECKPOINT, READY, WARMED, Settings
from views.runs import run_label

SHORT_NAMES = {
    EMBEDDED_CHECKPOINT: say("new head: all-MiniLM-L6-v2"),
    WARMED: say("prepared for pairs, no labels"),
    READY: say("ready"),
}


def is_run(model: object) -> bool:
    """Whether this is the model of a fine-tune on this server."""
    return isinstance(model, str) and model.startswith(RUN_PREFIX)


def short_name(model: str) -> str:
    """A model's name in a table or a message."""
    if model in SHORT_NAMES:
        return str(SHORT_NAMES[model])
    return _("a fine-tune: {name}", name=run_name(model)) if is_run(model) else model


def run_name(model: str) -> str:
    """What the run that left a model is called."""
    return str(name_of(model.removeprefix(RUN_PREFIX)))


def full_run_name(model: str, settings: Settings) -> str:
    """Its name and the settings in which it differs from the defaults."""
    run_id = model.removeprefix(RUN_PREFIX)
    try:
        config = read_config(run_folder(run_id, settings)) or {}
    except InputError:  # no run's id
        config = {}
    return run_label(run_id, config)


def choices(*first: tuple[str, str]) -> list[tuple[str, str]]:
    """[(name, model), ...] of the models to choose from, after those that come first."""
    return [
        *first,
        (_("ready: all-MiniLM-L6-v2, fine-tuned on MRPC"), READY),
        (_("all-MiniLM-L6-v2, prepared for pairs without labels (pair-warmed)"), WARMED),
        *((_("new head: {name}", name=name), name) for name in CHECKPOINTS),
    ]
