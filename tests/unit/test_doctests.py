"""Every example in a docstring gives what it says. One test a module, so that a failure names it."""

import doctest
import importlib

import pytest

from tests.conftest import ROOT

FOLDERS = ("pipeline", "layers", "views", "web", "tabs", "recipes", "benchmarks", "dev")


def with_examples():
    """The dotted names of the modules that hold an example, in the same order everywhere."""
    files = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    found = [
        path for path in [*sorted(ROOT.glob("*.py")), *files] if ">>> " in path.read_text("utf-8")
    ]
    dotted = (".".join(path.relative_to(ROOT).with_suffix("").parts) for path in found)
    return [name.removesuffix(".__init__") for name in dotted]


@pytest.mark.parametrize("name", with_examples())
def test_the_examples_of(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0 and result.failed == 0
