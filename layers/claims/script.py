"""A claim as a script of its own: its imports, what it calls of this project, its lines, and what
they give, printed.

    >>> from layers.claims import find
    >>> print(script_of(find("conv-sum-or-average")).splitlines()[0])
    import torch
"""

import ast
import functools
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from layers.claims.claim import JUDGED, Claim, spaced

ROOT = Path(__file__).parents[2]
SAID = {  # what a judged call's first arguments are, in words to print
    "noted": ("as the notes say",),
    "renamed": ("the notes' name works", "today's name works"),
    "lacking": ("can't be decided here, for want of",),
}


@functools.cache
def script_of(claim: Claim) -> str:
    """The claim's own lines, which run alone: nothing in them is explained elsewhere."""
    module = inspect.getmodule(claim.run)
    assert module is not None
    parts = _Parts()
    body = _printed(claim.source)
    parts.add_names_of(body, module)
    seed = ["torch.manual_seed(0)"] if "import torch" in parts.imports else []
    blocks = ["\n".join(sorted(parts.imports)), *parts.definitions, "\n".join([*seed, body])]
    return "\n\n".join(filter(None, blocks)).strip() + "\n"


class _Parts:
    """What a script needs beside its own lines: imports, then definitions in the order of use."""

    def __init__(self) -> None:
        self.imports: set[str] = set()
        self.definitions: list[str] = []
        self._known: set[tuple[str, str]] = set()

    def add_names_of(self, source: str, module: ModuleType) -> None:
        """Whatever names of its module the source uses."""
        imports = _imports_of(module)
        for name in sorted(_names_in(source)):
            if (module.__name__, name) in self._known or name not in vars(module):
                continue
            self._known.add((module.__name__, name))
            if name in imports:
                self.imports.add(imports[name])
            elif name not in JUDGED:
                self._define(name, vars(module)[name], module)

    def _define(self, name: str, thing: Any, module: ModuleType) -> None:
        home = inspect.getmodule(inspect.unwrap(thing)) if callable(thing) else None
        if home is None or not home.__name__.startswith(("layers.", "languages")):
            source = _assigned(name, module)
        elif home.__name__.startswith("languages"):
            # A sentence in the reader's language: in a script it is what it is
            source = f"def {name}(text, **values):\n    return text.format(**values)"
        else:
            source = _plain(inspect.getsource(inspect.unwrap(thing)))
            self.add_names_of(source, home)
        if source not in self.definitions:
            self.definitions.append(source)


def _names_in(source: str) -> set[str]:
    """The names that a source uses and doesn't make itself."""
    nodes = list(ast.walk(ast.parse(source)))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    own = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    return {node.id for node in names} - own


@functools.cache
def _imports_of(module: ModuleType) -> dict[str, str]:
    """{name: the import that brings it} of a module's top, but for what is this project's own."""
    found = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                as_name = f" as {alias.asname}" if alias.asname else ""
                found[alias.asname or alias.name.split(".")[0]] = f"import {alias.name}{as_name}"
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module.split(".")[0] in ("layers", "languages"):
                continue
            for alias in node.names:
                as_name = f" as {alias.asname}" if alias.asname else ""
                found[alias.asname or alias.name] = (
                    f"from {node.module} import {alias.name}{as_name}"
                )
    return found


def _assigned(name: str, module: ModuleType) -> str:
    """A constant with its value: sentences as plain text."""
    value = vars(module)[name]
    if isinstance(value, Path):
        return f"{name} = Path({_in_the_repository(str(value))!r})"
    return f"{name} = {_in_the_repository(value)!r}"


def _in_the_repository(value: Any) -> Any:
    """A path of this machine as one from the repository's root, where the script is to be run."""
    return str(value).removeprefix(f"{ROOT}/") if isinstance(value, str) else value


def _plain(source: str) -> str:
    """A function without its annotations in quotation marks, which name types imported nowhere."""
    tree = ast.parse(textwrap.dedent(source))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            for argument in (
                *node.args.args,
                *node.args.kwonlyargs,
                node.args.vararg,
                node.args.kwarg,
            ):
                if argument is not None:
                    argument.annotation = None
    return ast.unparse(tree)


# ---------------------------------------------------------------- `return noted(…)` -> print(…)


def _printed(source: str) -> str:
    """The lines with each `return noted(…)` replaced by what it gives, printed."""
    lines = source.splitlines()
    tree = ast.parse(source)
    returns = [node for node in ast.walk(tree) if isinstance(node, ast.Return)]
    inner = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.Lambda))
        for node in ast.walk(function)
    }
    judged = [node for node in returns if id(node) not in inner]
    for node in sorted(judged, key=lambda one: -one.lineno):
        assert isinstance(node.value, ast.Call) and node.end_lineno
        indent = " " * node.col_offset
        printed = [line for one in _prints(node.value, source) for line in one.splitlines()]
        if node is not tree.body[-1]:
            printed.append("raise SystemExit")
        lines[node.lineno - 1 : node.end_lineno] = [indent + line for line in printed]
    return "\n".join(lines)


def _prints(call: ast.Call, source: str) -> Iterator[str]:
    assert isinstance(call.func, ast.Name)
    said = SAID.get(call.func.id, ())
    for name, value in zip(said, call.args, strict=False):
        yield _print(name, value, source)
    for value in call.args[len(said) :]:
        if not isinstance(value, ast.Dict):
            yield f"print({_segment(value, source)})"
            continue
        for key, one in zip(value.keys, value.values, strict=True):
            if key is None:
                yield f"print({_segment(one, source)})"
            elif isinstance(key, ast.Constant):
                yield _print(str(key.value), one, source)
            else:
                yield f"print({_segment(key, source)}, {_segment(one, source)})"
    for keyword in call.keywords:
        if keyword.arg is None:
            yield f"print({_segment(keyword.value, source)})"
        else:
            yield _print(spaced(keyword.arg), keyword.value, source)


def _print(name: str, value: ast.expr, source: str) -> str:
    return f"print({f'{name}:'!r}, {_segment(value, source)})"


def _segment(node: ast.expr, source: str) -> str:
    return textwrap.dedent(ast.get_source_segment(source, node) or ast.unparse(node))
