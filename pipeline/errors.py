"""The errors that a caller can act on.

ValueError
└── InputError          a visitor's value can't be used; names the value and the remedy
    ├── SourceError     a checkpoint's or a dataset's name is malformed, unknown or refused
    └── NoAnswer        a model gives no probabilities for a pair
Exception
├── HubUnavailable      the Hub is off, unreachable or too slow; something embedded stands in
└── ProcessError        a confined process gave no answer
    ├── ProcessEnded    it died: out of memory, or something in it crashed
    ├── ProcessTimeout  it took too long and was killed
    ├── ProcessBusy     no process was free in time
    └── ProcessFailed   it raised something that is no InputError
"""

from typing import Any

from languages import say


class InputError(ValueError):
    """A visitor's value that cannot be used; the message names the value and the remedy."""


class SourceError(InputError):
    """What was asked for can't be had, and no stand-in is honest; the message says what to do."""


class NoAnswer(InputError):
    """A model's logits for a pair are NaN or infinite: there is no probability, and no label."""


class HubUnavailable(Exception):
    """The Hub is off, refuses, stalls or broke off; the message is the reason, for a person."""


class ProcessError(Exception):
    """A confined process gave no answer."""


class ProcessEnded(ProcessError):
    """The process died while it was asked: out of memory, or something in it crashed."""


class ProcessTimeout(ProcessError):
    """The process gave no answer in time, and was ended."""


class ProcessBusy(ProcessError):
    """The process was taken all the time, or was ended over what another had asked: try again."""


class ProcessFailed(ProcessError):
    """What was asked raised an error that nobody foresaw; the message is for a log."""


# As CUDA, PyTorch's allocator, Python's, C++, oneDNN and the dynamic linker say it
OUT_OF_MEMORY = (
    "out of memory",
    "t allocate memory",
    "cannot allocate",
    "bad_alloc",
    "could not create a primitive",
    "start new thread",
    "failed to map segment",  # of a library that is being imported
)
# More than what an allocator keeps of freed memory, so that the system itself is asked
PROBE_BYTES = 64 * 2**20


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: the error says so, or there is none now either. A C extension that
    gets none may raise anything, such as a SystemError.
    """
    said = str(error).lower()
    if isinstance(error, MemoryError) or any(words in said for words in OUT_OF_MEMORY):
        return True
    try:
        bytes(PROBE_BYTES)  # reserved, and not filled
    except MemoryError:
        return True
    return False


def shown(value: Any) -> str:
    """A visitor's value as a message quotes it: at most 60 characters of its repr.

    >>> shown("a" * 999)[-3:], shown(10**9999)
    ('aa…', 'a number with thousands of digits')
    """
    try:
        text = repr(value)
    except ValueError:  # Python won't write out an int of more than 4,300 digits
        return say("a number with thousands of digits")
    return text if len(text) <= 60 else f"{text[:59]}…"
