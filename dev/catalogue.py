"""The catalogues against the code: what is missing, unused, or can't be translated.

    python -m dev.catalogue                     lists it, and ends with 1 if there is any
    python -m dev.catalogue merge part.json     puts {"English": "中文"} into the Chinese catalogue
    python -m dev.catalogue merge part.json fr  the same for another language
    python -m dev.catalogue prune               takes out what the code no longer says
    python -m dev.catalogue start fr            a catalogue with everything left to translate
    python -m dev.catalogue join base ours theirs   git's merge of two catalogues, into `ours`

Git merges lines, which leaves messages without their translations. Once in a clone,
git config merge.catalogue.driver ".venv/bin/python -m dev.catalogue join %O %A %B" lets it merge
messages. What is unused afterwards goes with `prune`.

The key of a plural is its singular, and its translation one text, or a list of them where the
language has several forms.
"""

import ast
import fcntl
import io
import json
import re
import string
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

from languages import DEFAULT_LANGUAGE, LANGUAGES, Message, path_of

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("languages", "pipeline", "layers", "views", "tabs", "web")
KEYWORDS = {"_": 1, "say": 1, "ngettext": 2, "say_plural": 2}  # {function: how many texts it takes}
NAME = re.compile(r"(f1|[a-z]+)(_(f1|[a-z]+))*")  # of a placeholder
HEADER = (
    "# The English text in the code is the key. python -m dev.catalogue merge puts translations in."
)
OTHERS = [name for name in LANGUAGES if name != DEFAULT_LANGUAGE]


# ---------------------------------------------------------------- what the code says


def source_files(suffix: str = ".py") -> list[Path]:
    folders = [ROOT / name for name in FOLDERS]
    found = sorted(path for folder in folders for path in folder.rglob(f"*{suffix}"))
    return [ROOT / "app.py", *found] if suffix == ".py" else found


def said_in(path: Path) -> Iterator[tuple[int, tuple[str | None, ...]]]:
    """(line, texts) of each call in a Python file or a template; None for what is no literal.

    Babel's own extractor reads Python by tokens. It would miss a call inside an f-string or inside
    the arguments of another call.
    """
    code = path.read_bytes()
    if path.suffix == ".py":
        nodes = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
        calls = [
            (node.lineno, node.func.id, [getattr(text, "value", None) for text in node.args])
            for node in nodes
            if isinstance(node.func, ast.Name) and node.func.id in KEYWORDS
        ]
    else:
        found = babel_extract(io.BytesIO(code), list(KEYWORDS), [], {"silent": "no"})
        calls = [
            (line, name, texts if isinstance(texts, tuple) else [texts])
            for line, name, texts, _ in found
        ]
    for line, name, texts in calls:
        texts = [text if isinstance(text, str) else None for text in texts]
        yield line, tuple([*texts, None, None][: KEYWORDS[name]])


def calls_by_place() -> Iterator[tuple[str, tuple[str | None, ...]]]:
    """("file:line", texts) of each call of the app."""
    for path in source_files() + source_files(".html"):
        for line, texts in said_in(path):
            yield f"{path.relative_to(ROOT)}:{line}", texts


def messages() -> dict[Message, str]:
    """{message: where it is said}"""
    said = {texts if len(texts) > 1 else texts[0]: where for where, texts in calls_by_place()}
    return told() | {
        message: where for message, where in said.items() if None not in forms(message)
    }


def told() -> dict[Message, str]:
    """What stands in data rather than in a call, and goes through languages.told: the claims."""
    from layers.claims import spoken

    return spoken()


def not_literal() -> list[str]:
    """["file:line", …] of the calls whose text can't be read from the code."""
    return [where for where, texts in calls_by_place() if None in texts]


# ---------------------------------------------------------------- the catalogues


def read(language: str) -> Catalog:
    """The catalogue of a language, empty where there is none yet."""
    if not path_of(language).exists():
        return Catalog(language, project="pairs", version="1", header_comment=HEADER, fuzzy=False)
    with path_of(language).open("rb") as file:
        return read_po(file)


def as_written(catalog: Catalog) -> bytes:
    """The file: sorted, without line numbers, so that two changes seldom touch the same line."""
    for message in catalog:
        message.flags.discard("python-format")
        message.flags.discard("python-brace-format")
    file = io.BytesIO()
    write_po(file, catalog, width=0, no_location=True, sort_output=True)
    return file.getvalue()


def write(language: str, catalog: Catalog) -> None:
    path_of(language).parent.mkdir(parents=True, exist_ok=True)
    path_of(language).write_bytes(as_written(catalog))


def merge(part: str, language: str = "zh") -> None:
    """Puts translations in, over what was there."""
    plurals = {message[0]: message for message in messages() if isinstance(message, tuple)}
    with _alone():
        catalog = read(language)
        for sentence, text in json.loads(Path(part).read_text(encoding="utf-8")).items():
            catalog.delete(sentence)
            if sentence in plurals:
                text = tuple(text) if isinstance(text, list) else (text,)
            catalog.add(plurals.get(sentence, sentence), text)
        write(language, catalog)


def start(language: str) -> None:
    """Adds all that is missing, untranslated, for a translator's editor."""
    with _alone():
        catalog = read(language)
        for message in messages():
            catalog.add(message)
        write(language, catalog)


def prune() -> None:
    """Takes out what the code no longer says, in every language."""
    said = messages()
    with _alone():
        for language in OTHERS:
            catalog = read(language)
            for message in list(catalog):
                if message.id and message.id not in said:
                    catalog.delete(message.id)
            write(language, catalog)


def join(base: str, ours: str, theirs: str) -> None:
    """Writes into the file `ours` what the file `theirs` has added to `base`, or changed there and
    `ours` hasn't.
    """
    was, mine, other = (read_po(io.BytesIO(Path(one).read_bytes())) for one in (base, ours, theirs))
    texts = {message.id: message.string for message in was}
    own = {message.id: message.string for message in mine}
    for message in other:
        text = message.string
        if message.id and all(forms(text)) and own.get(message.id) in (None, texts.get(message.id)):
            mine.delete(forms(message.id)[0])
            mine.add(message.id, text)
    Path(ours).write_bytes(as_written(mine))


def _alone() -> BinaryIO:
    """A lock until its block ends, so that two merges at once both count."""
    file = Path(__file__).open("rb")  # noqa: SIM115 (closed with the block that has it)
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


# ---------------------------------------------------------------- the check


def placeholders(text: str) -> set[str]:
    """The names in braces; none where format() can't read it, which is fine without values."""
    try:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError:
        return set()


def forms(text: Any) -> tuple:
    return text if isinstance(text, tuple) else (text,)


def report() -> list[str]:
    """[what is wrong, …]"""
    said = messages()
    wrong = [f"not a literal: {where}" for where in not_literal()]
    for message, where in said.items():
        if len({frozenset(placeholders(form) - {"count"}) for form in forms(message)}) > 1:
            wrong.append(f"singular and plural hold different placeholders: {message!r} ({where})")
        for name in sorted(set().union(*map(placeholders, forms(message)))):
            if not NAME.fullmatch(name):
                wrong.append(f"a placeholder's name says what it holds: {{{name}}} ({where})")
        if any("{s}" in form or "(s)" in form for form in forms(message)):
            wrong.append(f"a plural goes through say_plural or ngettext: {message!r} ({where})")
        if isinstance(message, tuple) and message[0] in said:
            wrong.append(f"gettext can't keep a sentence beside its plural: {message!r} ({where})")
    return wrong + [
        f"{language}: {what}" for language in OTHERS for what in compared(read(language), said)
    ]


def compared(catalog: Catalog, said: dict[Message, str]) -> Iterator[str]:
    """What is wrong with one catalogue."""
    if as_written(catalog) != path_of(str(catalog.locale)).read_bytes():
        yield "the file is not as merge would write it: run python -m dev.catalogue prune"
    entries = {entry.id: entry for entry in catalog if entry.id}
    for message, where in said.items():
        entry = entries.get(message)
        if entry is None or entry.fuzzy or not all(forms(entry.string)):
            yield f"missing: {message!r} ({where})"
    yield from (f"unused: {message!r}" for message in entries if message not in said)
    for message, entry in entries.items():
        yield from mistranslated(message, entry.string, catalog.num_plurals)


def mistranslated(message: Message, translation: Any, number_of_forms: int) -> Iterator[str]:
    """A translation has its message's placeholders; one of several forms may spell the count."""
    optional = {"count"} if isinstance(message, tuple) and number_of_forms > 1 else set()
    wanted = placeholders(forms(message)[-1])
    if any(
        placeholders(form) | optional != wanted | optional for form in forms(translation) if form
    ):
        yield f"placeholders differ: {message!r} -> {translation!r}"


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["merge"]:
        merge(*arguments[1:])
    elif arguments == ["prune"]:
        prune()
    elif arguments[:1] == ["join"]:
        join(*arguments[1:])
    elif arguments[:1] == ["start"]:
        start(*arguments[1:])
    elif arguments:
        print(__doc__)
        return 2
    else:
        wrong = report()
        print(*wrong, sep="\n")
        return bool(wrong)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
