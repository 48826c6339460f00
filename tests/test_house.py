"""The rules of the house: which way imports run, and what importing must not do."""

import ast
import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT

STAGES = ["settings", "checkpoint_rules", "sources", "memory", "dataset", "tokenization", "collation", "why", "metrics", "judgement", "training",
          "by_hand", "story", "life", "sweeping", "workers", "executors", "runs", "health", "forecast", "evidence", "remedies",
          "diagnosis", "serving", "prediction", "shortcut", "corruption", "stress", "experiments", "probing", "cells", "tables",
          "adapters", "reproduce", "saving"]  # fmt: skip
# app.py, the tabs, and the checks that look at the page from outside
MAY_IMPORT_GRADIO = ("app.py", "tabs/", "tests/", "benchmarks/", "dev/")


def python_files():
    ours = ("pipeline", "recipes", "layers", "tabs", "tests", "benchmarks", "dev")
    return [*ROOT.glob("*.py"), *(path for folder in ours for path in (ROOT / folder).rglob("*.py"))]


def imported(path):
    """Every module that a file imports, at its top or inside a function."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def modules_after(code):
    code += "\nimport sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_the_machine_has_no_screen():
    loaded = modules_after("""
import importlib, pkgutil, pipeline
for module in pkgutil.iter_modules(pipeline.__path__, "pipeline."):
    importlib.import_module(module.name)
assert "pipeline.training" in __import__("sys").modules""")
    assert "gradio" not in loaded and "pipeline" in loaded


def test_importing_the_machine_does_no_work():
    loaded = modules_after("import " + ", ".join(f"pipeline.{stage}" for stage in STAGES))
    assert not loaded & {"torch", "transformers", "datasets", "evaluate", "sklearn", "pandas"}


def test_only_the_page_imports_gradio():
    strangers = [path for path in python_files() if any(name.split(".")[0] == "gradio" for name in imported(path))
                 and not str(path.relative_to(ROOT)).startswith(MAY_IMPORT_GRADIO)]  # fmt: skip
    assert strangers == [] and "gradio" in imported(ROOT / "app.py")


@pytest.mark.parametrize("place, stage", enumerate(STAGES))
def test_a_stage_imports_earlier_ones_only(place, stage):
    names = imported(ROOT / "pipeline" / f"{stage}.py")
    wrong = [later for later in STAGES[place:] if f"pipeline.{later}" in names]
    assert wrong == [] and not any(name.split(".")[0] in ("app", "tabs") for name in names)


def test_the_environment_is_read_in_settings_alone():
    # workers hands its own environment on to a process that trains, executors tells tokenizers of the fork to come; the
    # command line sets what libraries read
    for stage in set(STAGES) - {"settings", "workers", "executors"}:
        assert "os.environ" not in (ROOT / "pipeline" / f"{stage}.py").read_text(), stage


def test_every_stage_has_its_place():
    assert {path.stem for path in (ROOT / "pipeline").glob("[a-z]*.py")} == set(STAGES)


def test_ruff_finds_nothing():
    done = subprocess.run([sys.executable, "-m", "ruff", "check", "."], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_map_in_the_readme_is_true():
    """Each file of the house stands in it, and whatever stands in it is there."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    tree = readme.partition("## The map")[2].partition("```\n")[2].partition("```")[0]
    named = set(re.findall(r"[\w.]+\.(?:py|css|md)\b", tree))
    kept = ("tabs", "pipeline", "pipeline/hub", "pipeline/isolation", "benchmarks", "dev")
    files = {path.name for folder in kept for path in (ROOT / folder).glob("*.py")}
    assert files - named - {"__init__.py"} <= {"__main__.py"}, files - named
    folders = ("", "tabs", "pipeline", "pipeline/hub", "pipeline/isolation", "layers", "languages", "benchmarks", "dev", "docs")
    assert named - {path.name for folder in folders for path in (ROOT / folder).glob("*")} == set()


@pytest.mark.parametrize("name", ["README.md", "README.zh.md", "CONTRIBUTING.md"])
def test_links_lead_somewhere(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    targets = {target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target}
    assert {target for target in targets if target and not (ROOT / target).exists()} == set()


def test_no_script_that_is_handed_out_hides_a_module():
    """A file tokenize.py would be what every script beside it imports for Python's own."""
    names = {name for path in (ROOT / "tabs").glob("*.py") for name in re.findall(r'"(\w+)\.py"', path.read_text())}
    assert {"train", "predict", "batch"} <= names and not names & sys.stdlib_module_names
