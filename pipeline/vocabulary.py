"""What a tokenizer's vocabulary lacks: characters that become its unknown token.

>>> from pipeline.settings import EMBEDDED_CHECKPOINT, Settings
>>> from pipeline.tokenization import tokenizer_for
>>> tokenizer, _ = tokenizer_for(EMBEDDED_CHECKPOINT, Settings())
>>> tokenizer.tokenize("油价上涨")
['[UNK]', '[UNK]', '上', '[UNK]']
>>> unknown_characters(tokenizer, ["油价上涨"])
('油价涨', 4)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from languages import say
from pipeline.settings import CHINESE_CHECKPOINT

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

# A lone emoji explains itself at its cell; a share of this size says what the sentences are worth
MANY = 0.1
CHINESE_CHARACTER = re.compile("[一-鿿]")


def unknown_characters(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> tuple[str, int]:
    """(the characters that become the unknown token, how many characters there are).

    Blanks are left out, and so is an unknown token that was typed. A tokenizer of bytes has no
    unknown characters.
    """
    if not texts:
        return "", 0
    encodings = tokenizer(list(texts), add_special_tokens=False, return_offsets_mapping=True)
    unknown = [
        text[start:end]
        for text, ids, offsets in zip(
            texts, encodings["input_ids"], encodings["offset_mapping"], strict=True
        )
        for id, (start, end) in zip(ids, offsets, strict=True)
        if id == tokenizer.unk_token_id and text[start:end] != tokenizer.unk_token
    ]
    return "".join("".join(unknown).split()), sum(len("".join(text.split())) for text in texts)


def unknown_notes(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> list[str]:
    """One sentence on the unknown token where it stands for many of the texts' characters, and on
    a checkpoint that knows them where they are Chinese; else none.
    """
    unknown, count = unknown_characters(tokenizer, texts)
    if len(unknown) <= MANY * count:
        return []
    about = {"share": f"{len(unknown) / count:.0%}", "unknown": tokenizer.unk_token}
    if 2 * len(CHINESE_CHARACTER.findall(unknown)) < len(unknown):
        return [
            say(
                "{share} of the characters become {unknown}: this checkpoint's vocabulary doesn't "
                "have them, so its model can't tell one from another.",
                **about,
            )
        ]
    return [
        say(
            "{share} of the characters become {unknown}: this checkpoint's vocabulary doesn't have "
            "them, so its model can't tell one from another. {checkpoint} has Chinese characters.",
            checkpoint=CHINESE_CHECKPOINT,
            **about,
        )
    ]
