"""A host's secrets, out of the reach of what strangers may name.

>>> is_secret("OAUTH_CLIENT_SECRET"), is_secret("HF_TOKEN"), is_secret("TOKENIZERS_PARALLELISM")
(True, True, False)
"""

import ctypes
import os

from pipeline.isolation.confine import SECRET_WORDS, clean_environment

# Read again by Gradio after it is imported, and no secrets: a Space's own address and user's rights
# Nor does this one hold a token
NO_SECRETS = (
    "OAUTH_CLIENT_ID",
    "OAUTH_SCOPES",
    "OPENID_PROVIDER_URL",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN",
)


def is_secret(name: str) -> bool:
    """Whether a variable of that name holds what nobody but its host should know."""
    return (
        bool(SECRET_WORDS.search(name))
        and name not in NO_SECRETS
        and not clean_environment({name: ""})
    )


def forget_secrets() -> list[str]:
    """Take the secrets out of this process's environment; the names of those that were there.

    Gradio has read what it needs of them when it was imported, and keeps it in its own memory. The
    block of text that Linux shows as /proc/<pid>/environ is overwritten as well: taking a variable
    out leaves it there. huggingface_hub's client asks without a token from now on, be it one in a
    variable or in a file below HF_HOME: a visitor could name a private model of the host's.
    """
    found = sorted(name for name in os.environ if is_secret(name))
    for name in found:
        _overwrite(name)
        del os.environ[name]
    os.environ["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1"
    return found


def _overwrite(name: str) -> None:
    """Zeros in the place of a variable's value, where the C library keeps it."""
    try:
        library = ctypes.CDLL(None)
        library.getenv.restype = ctypes.c_void_p
        place = library.getenv(os.fsencode(name))
        if place:
            ctypes.memset(place, 0, len(ctypes.string_at(place)))
    except (OSError, TypeError, AttributeError):  # Windows has no such library
        pass
