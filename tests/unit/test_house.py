"""The rules of the house: which way imports run, and what importing must not do."""

import ast
import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT

# Inside pipeline/ a later room may import an earlier one, never back.
ROOMS = [
    "errors",
    "settings",
    "sentence",
    "edits",
    "isolation",
    "libraries",
    "memory",
    "hub",
    "own_pairs",
    "task",
    "dataset",
    "vocabulary",
    "tokenization",
    "collation",
    "model",
    "methods",
    "metrics",
    "config",
    "pair_map",
    "presets",
    "answers",
    "training",
    "serving",
    "prediction",
    "runs",
    "explain",
    "inside",
    "questions",
    "classes",
    "export",
]
READ_THE_ENVIRONMENT = ("settings", "__main__", "worker", "zero_gpu", "confine", "secrets")
# app.py, the tabs, and the checks that look at the page from outside
MAY_IMPORT_GRADIO = ("app.py", "tabs/", "web/", "tests/", "benchmarks/", "dev/")


def python_files():
    ours = ("pipeline", "recipes", "layers", "views", "tabs", "web", "tests", "benchmarks", "dev")
    return [
        *ROOT.glob("*.py"),
        *(path for folder in ours for path in (ROOT / folder).rglob("*.py")),
    ]


def imported(path):
    """Every module that a file imports, at its top or inside a function."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def module_names(package):
    """The dotted names of a package's modules."""
    files = sorted((ROOT / package).rglob("*.py"))
    dotted = (".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files)
    return [name.removesuffix(".__init__") for name in dotted]


def modules_after(code):
    code += "\nimport sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_the_machine_has_no_screen():
    loaded = modules_after("""
import importlib, pkgutil, pipeline
for module in pkgutil.iter_modules(pipeline.__path__, "pipeline."):
    importlib.import_module(module.name)
assert "pipeline.training" in __import__("sys").modules""")
    assert "gradio" not in loaded and "pipeline" in loaded


def test_importing_the_machine_does_no_work():
    modules = [
        name
        for name in module_names("pipeline")
        if "__main__" not in name and ".embedded." not in name
    ]
    loaded = modules_after("import " + ", ".join(modules))
    assert not loaded & {"torch", "transformers", "datasets", "evaluate", "sklearn", "pandas"}


def test_only_the_page_imports_gradio():
    strangers = [
        path
        for path in python_files()
        if any(name.split(".")[0] == "gradio" for name in imported(path))
        and not str(path.relative_to(ROOT)).startswith(MAY_IMPORT_GRADIO)
    ]
    assert strangers == [] and "gradio" in imported(ROOT / "app.py")


def test_a_room_imports_earlier_ones_only():
    back = set()
    for path in sorted((ROOT / "pipeline").rglob("*.py")):
        room = path.relative_to(ROOT / "pipeline").parts[0].removesuffix(".py")
        names = imported(path)
        assert not any(
            name.split(".")[0] in ("app", "tabs", "views", "web", "recipes") for name in names
        ), path
        if room in ROOMS:
            later = ROOMS[ROOMS.index(room) + 1 :]
            rooms_used = {name.split(".")[1] for name in names if name.startswith("pipeline.")}
            back |= {(room, other) for other in later if other in rooms_used}
    assert back == set()


def test_the_environment_is_read_in_settings_alone():
    # A worker gets this process's environment, tokenizers hear of the fork to come, and the command
    # line sets what libraries read.
    for path in (ROOT / "pipeline").rglob("*.py"):
        if path.stem not in READ_THE_ENVIRONMENT:
            assert "os.environ" not in path.read_text(), path


def test_every_room_has_its_place():
    kept = {path.stem for path in (ROOT / "pipeline").iterdir() if path.stem[0].isalpha()}
    assert kept - {"embedded"} == set(ROOMS)


@pytest.mark.parametrize(
    "checks", [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]]
)
def test_lint_format_and_types(checks):
    done = subprocess.run([sys.executable, "-m", *checks], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def untyped(path):
    """`name` of each public function and method of a file that lacks an annotation."""
    body = ast.parse(path.read_text()).body
    classes = [node for node in body if isinstance(node, ast.ClassDef) and node.name[0] != "_"]
    functions = [(node, []) for node in body if isinstance(node, ast.FunctionDef)]
    functions += [
        (node, node.args.args[:1])
        for each in classes
        for node in each.body
        if isinstance(node, ast.FunctionDef)
    ]
    for node, itself in functions:
        arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
        lacks = any(each.annotation is None for each in arguments if each not in itself)
        if not node.name.startswith("_") and (lacks or node.returns is None):
            yield f"{path.relative_to(ROOT)}: {node.name}"


@pytest.mark.parametrize("folder", ["pipeline", "layers", "views"])
def test_public_functions_are_typed(folder):
    files = [path for path in (ROOT / folder).rglob("*.py") if "embedded" not in path.parts]
    assert [name for path in files for name in untyped(path)] == []


def test_the_map_in_the_readme_is_true():
    """Each folder and each stage stands in it, and whatever stands in it is there."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    tree = readme.partition("## The map")[2].partition("```\n")[2].partition("```")[0]
    folders = set(re.findall(r"\b([\w]+)/", tree))
    files = set(re.findall(r"[\w]+\.(?:py|css|js|md)\b", tree))
    tracked = subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines()
    there = {part for path in tracked for part in path.split("/")}
    assert folders | files <= there, (folders | files) - there
    tops = {path.split("/")[0] for path in tracked if "/" in path and path.endswith(".py")}
    stages = {path.name for path in (ROOT / "pipeline").glob("[a-z]*.py")}
    assert tops <= folders and stages <= files, (tops - folders, stages - files)


DOCUMENTS = (
    "README.md",
    "README.zh.md",
    "CONTRIBUTING.md",
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name):
    document = ROOT / name
    links = re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8"))
    targets = {link.partition("#")[0] for link in links if "://" not in link}
    missing = {target for target in targets if target and not (document.parent / target).exists()}
    assert missing == set()


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/ARCHITECTURE.md", "docs/HOSTING.md"])
def test_a_document_names_files_that_are_there(name):
    named = re.findall(r"`([\w/]+\.(?:py|js|css|html))", (ROOT / name).read_text(encoding="utf-8"))
    tracked = subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines()
    assert [
        file for file in named if not any(f"/{path}".endswith(f"/{file}") for path in tracked)
    ] == []


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_no_script_that_is_handed_out_hides_a_module():
    """A file tokenize.py would be what every script beside it imports for Python's own."""
    names = {
        name
        for path in (ROOT / "tabs").rglob("*.py")
        for name in re.findall(r'"(\w+)\.py"', path.read_text())
    }
    assert {"train", "predict", "batch"} <= names and not names & sys.stdlib_module_names


# ---------------------------------------------------------------- what tests may know


def private_names(path):
    """The dotted names behind an underscore that a file takes from modules of ours: `from x import _y`, `x._y`."""
    tree = ast.parse(path.read_text())
    modules, taken = {}, set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                if (ROOT / (name.replace(".", "/") + ".py")).exists() or is_package(name):
                    modules[alias.asname or alias.name] = name
                elif alias.name.startswith("_") and is_ours(node.module):
                    taken.add(name)
        elif isinstance(node, ast.Import):
            modules |= {a.asname or a.name: a.name for a in node.names if is_ours(a.name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.match("_[a-z]", node.attr):
            module = modules.get(ast.unparse(node.value))
            if module:
                taken.add(f"{module}.{node.attr}")
    return taken


def is_package(name):
    return (ROOT / name.replace(".", "/") / "__init__.py").exists()


def is_ours(name):
    top = name.split(".")[0]
    return (ROOT / top).is_dir() or (ROOT / f"{top}.py").exists()


def test_tests_import_no_private_name():
    taken = {name for path in (ROOT / "tests").rglob("*.py") for name in private_names(path)}
    assert taken == set()
