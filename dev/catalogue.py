"""The catalogue of a language against the code: what is missing, what nobody says any more.

    python -m dev.catalogue                     lists both, for each language
    python -m dev.catalogue merge part.json     puts {"English": "中文"} into languages/zh.json, in the order of the code
    python -m dev.catalogue prune               takes out what nobody says
"""

import ast
import fcntl
import json
import re
import string
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("pipeline", "views", "tabs", "web", "layers")
TRANSLATED = ("_", "say")


def source_files():
    return [ROOT / "app.py", *sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))]


def calls(path):
    """(line, first argument's node) of each call of `_` or `say` in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in TRANSLATED and node.args:
            yield node.lineno, node.args[0]


def sentences():
    """{sentence: "file:line"} of all that the code says, in its order."""
    found = {}
    for path in source_files():
        for line, argument in calls(path):
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                found.setdefault(argument.value, f"{path.relative_to(ROOT)}:{line}")
    return {**found, **spoken_elsewhere(found)}


def spoken_elsewhere(found):
    """What stands in data and not in a call: the claims."""
    from layers.claims import spoken

    return {sentence: where for sentence, where in spoken().items() if sentence not in found}


def not_literal():
    """Calls whose sentence can't be read from the code: ["file:line", …]. data that is listed above goes through told()."""
    return [f"{path.relative_to(ROOT)}:{line}" for path in source_files() for line, argument in calls(path)
            if not isinstance(argument, ast.Constant) ]  # fmt: skip


def placeholders(sentence):
    """The names in braces; None for a sentence that format() couldn't read, which is fine where it has no values."""
    try:
        return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}
    except ValueError:
        return None


def read(language):
    return json.loads((ROOT / "languages" / f"{language}.json").read_text(encoding="utf-8"))


def write(language, entries):
    """In the order of the code, so that neighbours on the page are neighbours in the file."""
    order = {sentence: place for place, sentence in enumerate(sentences())}
    ordered = dict(sorted(entries.items(), key=lambda item: (order.get(item[0], len(order)), item[0])))
    text = json.dumps(ordered, ensure_ascii=False, indent=1) + "\n"
    (ROOT / "languages" / f"{language}.json").write_text(text, encoding="utf-8")


def locked(work):
    with open(ROOT / "languages" / "zh.json") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        work()


def merge(part, language="zh"):
    locked(lambda: write(language, {**read(language), **json.loads(Path(part).read_text(encoding="utf-8"))}))


def prune(language="zh"):
    said = sentences()
    locked(lambda: write(language, {key: value for key, value in read(language).items() if key in said}))


def report(language="zh"):
    """[what is wrong, …]: missing, unused, placeholders that differ."""
    said, entries = sentences(), read(language)
    wrong = [f"missing: {sentence!r} ({where})" for sentence, where in said.items() if sentence not in entries]
    wrong += [f"unused: {sentence!r}" for sentence in entries if sentence not in said]
    for sentence, translated in entries.items():
        wanted, has = placeholders(sentence) or set(), placeholders(translated) or set()
        # A plural's ending is nothing that every language has
        if wanted != has and {name for name in wanted ^ has if not re.fullmatch(r"s|s_\w+|\w+_s", name)}:
            wrong.append(f"placeholders differ: {sentence!r} -> {translated!r}")
    return wrong


if __name__ == "__main__":
    if sys.argv[1:2] == ["merge"]:
        merge(sys.argv[2])
    elif sys.argv[1:2] == ["prune"]:
        prune()
    else:
        print(*report(), *(f"not a literal: {where}" for where in not_literal()), sep="\n")
