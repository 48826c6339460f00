"""A claim of the study notes, the few lines that decide it, and the one function that judges what
they gave.

    >>> verdict_of(Evidence(as_noted=False))
    'corrected'
    >>> verdict_of(Evidence(candidates={"sum": True, "average": False}))
    'answered'

A Claim holds no verdict of its own: `check()` runs it and `verdict_of` reads the evidence.
`reviewed` is what a person concluded; nothing but a comparison reads it.
"""

import ast
import inspect
import logging
import textwrap
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from languages import say
from layers.chance import seeded

log = logging.getLogger(__name__)
Run = Callable[[], "Evidence"]  # what decides a claim

PYTORCH = "https://docs.pytorch.org/docs/stable/"
HUGGING_FACE = "https://huggingface.co/docs/"
KINDS = ("claim", "open question")
WORKS, TRAINS = say("works"), say("trains")  # what a finding says of a call without an error
FAILED = "the run failed"
JUDGED = ("noted", "renamed", "which", "lacking")
VERDICTS = ("holds", "corrected", "answered", "outdated", "undecided")


@dataclass(frozen=True)
class Evidence:
    """What one run found. A claim needs `as_noted` or `name_works`, a question `candidates`."""

    as_noted: bool | None = None  # the claim, as the notes put it, is true on this run
    name_works: bool = True  # the API it names is there under that name, and not deprecated
    todays_name_works: bool = False  # asked only where the old name doesn't work
    candidates: dict[str, bool] = field(
        default_factory=dict
    )  # possible answer -> this run bears it out
    seen: dict[str, object] = field(
        default_factory=dict
    )  # what a reader should see, by its name, in order
    needs: str = ""  # what this machine lacks to decide it


def verdict_of(evidence: Evidence) -> str:
    """Evidence -> verdict. The only place where a verdict comes from."""
    if evidence.needs:
        return "undecided"
    if evidence.candidates:
        # An answer is one that stands alone: none left, or two left, leaves the question open.
        return "answered" if sum(map(bool, evidence.candidates.values())) == 1 else "undecided"
    if not evidence.name_works:
        return "outdated" if evidence.todays_name_works else "corrected"
    if evidence.as_noted is None:
        return "undecided"
    return "holds" if evidence.as_noted else "corrected"


def noted(true: object, named: dict[str, object] | None = None, /, **seen: object) -> Evidence:
    """Evidence on a claim: is it true as the notes put it? `named` and `seen` as in findings()."""
    return Evidence(as_noted=bool(true), seen=findings(named, seen))


def renamed(
    old_works: object, new_works: object, named: dict[str, object] | None = None, /, **seen: object
) -> Evidence:
    """Evidence on a name: does the notes' name still work, and does today's?"""
    return Evidence(
        as_noted=bool(old_works),
        name_works=bool(old_works),
        todays_name_works=bool(new_works),
        seen=findings(named, seen),
    )


def which(
    candidates: Mapping[str, object], named: dict[str, object] | None = None, /, **seen: object
) -> Evidence:
    """Evidence on an open question: which of the possible answers does the run bear out?"""
    answers = {answer: bool(true) for answer, true in candidates.items()}
    return Evidence(candidates=answers, seen=findings(named, seen))


def lacking(needs: str, named: dict[str, object] | None = None, /, **seen: object) -> Evidence:
    """No evidence: on this machine the claim can't be decided, for want of `needs`."""
    return Evidence(needs=needs, seen=findings(named, seen))


def findings(named: dict[str, object] | None, seen: dict[str, object]) -> dict[str, object]:
    """{name: value} of what a run found, the named ones first.

    A name in `seen` is a keyword made of words. A name in `named` stays as it stands: the
    underscores of an API name belong to it.

    >>> findings({"eval_strategy": "works"}, {"sum_over_8": 1.5})
    {'eval_strategy': 'works', 'sum over 8': 1.5}
    """
    return {**(named or {}), **{spaced(name): value for name, value in seen.items()}}


def error_of(function: Callable[..., object], *args: object, **kwargs: object) -> Exception | None:
    """The exception that a call raises, or None.

    >>> error_of(int, "x")
    ValueError("invalid literal for int() with base 10: 'x'")
    """
    try:
        function(*args, **kwargs)
    except Exception as error:
        return error
    return None


@dataclass(frozen=True)
class Claim:
    """One card. `says` is the notes' statement or question, `truth` what is so, in our words."""

    id: str
    section: str
    kind: str
    says: str
    truth: str
    docs: str
    reviewed: str
    run: Run

    @property
    def source(self) -> str:
        """The body that decides it, without decorator, `def` line and docstring: for a page."""
        lines = textwrap.dedent(inspect.getsource(self.run)).splitlines()
        [function] = ast.parse("\n".join(lines)).body
        assert isinstance(function, ast.FunctionDef)
        return textwrap.dedent("\n".join(lines[function.body[0].lineno - 1 :]))

    @property
    def names(self) -> list[str]:
        """What the run may call its findings and its answers, read from its code, in its order."""
        judged = self._calls(JUDGED)
        return [key for node in judged for one in node.args for key in _keys(one)] + [
            spaced(keyword.arg) for node in judged for keyword in node.keywords if keyword.arg
        ]

    @property
    def candidates(self) -> list[str]:
        """The possible answers to an open question, read from its code; [] of a claim."""
        return [key for node in self._calls(("which",)) for key in _keys(node.args[0])]

    def _calls(self, names: Collection[str]) -> list[ast.Call]:
        """The calls of functions of these names, in the order of the code."""
        calls = [node for node in ast.walk(ast.parse(self.source)) if isinstance(node, ast.Call)]
        return [one for one in calls if isinstance(one.func, ast.Name) and one.func.id in names]


def _keys(node: ast.expr) -> list[str]:
    """The texts among the keys of a dict's literal; [] of anything else."""
    keys = node.keys if isinstance(node, ast.Dict) else []
    values = [key.value for key in keys if isinstance(key, ast.Constant)]
    return [value for value in values if isinstance(value, str)]


@dataclass(frozen=True)
class Result:
    """A claim that has been run."""

    claim: Claim
    evidence: Evidence
    seconds: float

    @property
    def verdict(self) -> str:
        """The one that the evidence gives."""
        return verdict_of(self.evidence)

    @property
    def as_reviewed(self) -> bool:
        """Whether the run bears the review out; one that could decide nothing at least doesn't
        contradict it.
        """
        return bool(self.evidence.needs) or self.verdict == self.claim.reviewed

    @property
    def findings(self) -> list[tuple[str, str]]:
        """What the run gave, as [(name, text)] for a page or a terminal."""
        seen = [(name, shown(value)) for name, value in self.evidence.seen.items()]
        return seen + [
            (answer, say("yes") if true else say("no"))
            for answer, true in self.evidence.candidates.items()
        ]

    @property
    def answer(self) -> str | None:
        """The one answer left to an open question, else None."""
        left = [answer for answer, true in self.evidence.candidates.items() if true]
        return left[0] if len(left) == 1 else None


def spaced(name: str) -> str:
    """A keyword as words: sum_over_8 -> sum over 8."""
    return name.replace("_", " ")


def shown(value: object) -> str:
    """A value as text, numbers to four digits.

    >>> shown({"a": (0.123456, 2)})
    'a: (0.1235, 2)'
    """
    if isinstance(value, bool) or not isinstance(value, (float, dict, list, tuple)):
        return str(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {shown(entry)}" for key, entry in value.items())
    inside = ", ".join(shown(entry) for entry in value)
    if isinstance(value, list):
        return f"[{inside}]"
    return f"({inside},)" if len(value) == 1 else f"({inside})"


def check(claim: Claim) -> Result:
    """Run one claim -> Result. A run that fails is evidence of nothing: undecided, with the error
    shown.
    """
    began = time.perf_counter()
    with seeded(0):
        try:
            evidence = claim.run()
        except Exception as error:
            log.warning("a claim that can't be run", exc_info=error)
            said = f"{type(error).__name__}: {error}"
            # A text that names a file of this machine is for the log alone
            evidence = Evidence(seen={FAILED: type(error).__name__ if "/" in said else said})
    return Result(claim, evidence, time.perf_counter() - began)


class Section(list):
    """The claims of one section of the notes, in the notes' order."""

    def __init__(self, slug: str, title: str) -> None:
        super().__init__()
        self.slug, self.title = slug, title

    def claim(
        self,
        id: str,
        says: str,
        truth: str,
        docs: str,
        reviewed: str = "holds",
        kind: str = "claim",
    ) -> Callable[[Run], Run]:
        """Decorator: the function below decides this claim."""

        def register(run: Run) -> Run:
            self.append(Claim(id, self.slug, kind, says, truth, docs, reviewed, run))
            return run

        return register

    def question(self, id: str, says: str, truth: str, docs: str) -> Callable[[Run], Run]:
        """Decorator: the function below answers this open question."""
        return self.claim(id, says, truth, docs, reviewed="answered", kind="open question")
