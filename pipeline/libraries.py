"""Hugging Face's libraries, imported by one thread at a time.

transformers imports its parts when they are first asked for, and they import one another. Where two
threads begin at once (a server that warms up, and its first visitor), each finds a module that the
other has half made: "cannot import name 'AutoTokenizer' from 'transformers'". So whoever asks for
such a part first calls the function here that imports it.
"""

import threading

_importing = threading.RLock()


def import_tokenizers() -> None:
    """Import what the first tokenizer needs: 2 s of a core, the first time."""
    with _importing:
        from transformers import AutoTokenizer, BertTokenizerFast, DataCollatorWithPadding  # noqa: F401


def import_models() -> None:
    """Import what the first model needs, its adapter included: as long again, the first time."""
    import_tokenizers()
    with _importing:
        import peft  # noqa: F401
        from transformers import (  # noqa: F401
            AutoConfig,
            AutoModelForSequenceClassification,
            BertForSequenceClassification,
        )


def import_captum() -> None:
    """Import captum, which brings matplotlib: 0.3 s and 30 MB, the first time."""
    import_models()
    with _importing:
        import captum.attr  # noqa: F401
