"""The text of a file, whichever of the usual encodings it is in."""

from languages import say
from pipeline.errors import InputError

# The commonest characters of Chinese: two of five in a text are among them
COMMON = frozenset(
    "，。、“”的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能"
    "而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起"
    "看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与"
)


def text_of(content: bytes, name: str) -> tuple[str, tuple[str, ...]]:
    """(the text of a file's bytes, notes on how it was read).

    UTF-8, UTF-16 and GB18030 are read; `name` is what messages call the file. Raises InputError for
    anything else.
    """
    try:
        return content.decode(_unicode_of(content)), ()
    except UnicodeDecodeError:
        text = _chinese(content)
    if text is None:
        raise InputError(
            say(
                "{name} can't be read as a CSV in UTF-8. In a spreadsheet, save it as “CSV UTF-8”.",
                name=name,
            )
        )
    return text, (
        say(
            "This file is not in UTF-8; it was read as GB18030, the encoding of Chinese "
            "spreadsheets."
        ),
    )


def _unicode_of(content: bytes) -> str:
    """The encoding of Unicode that a file's first bytes show: by its mark, or by the zeros that
    UTF-16 puts beside ASCII.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    return {(True, False): "utf-16-be", (False, True): "utf-16-le"}.get(
        (content[:1] == b"\0", content[1:2] == b"\0"), "utf-8-sig"
    )


def _chinese(content: bytes) -> str | None:
    """The text if these bytes are GB18030, of which GBK and GB2312 are parts; None for another
    encoding.

    It reads nearly any two bytes as some character, but those of another encoding make rare ones,
    and no Chinese text is without the common ones.
    """
    try:
        text = content.decode("gb18030")
    except UnicodeDecodeError:
        return None
    foreign = [character for character in text if not character.isascii()]
    kana = [character for character in foreign if "\u3040" <= character <= "\u30ff"]
    simple = sum(
        len(character.encode("gb2312", errors="ignore")) == 2 for character in foreign
    ) - len(kana)
    common = sum(character in COMMON for character in foreign)
    return text if simple >= 0.9 * len(foreign) and common >= 0.15 * len(foreign) else None
