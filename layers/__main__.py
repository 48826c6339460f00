"""python -m layers [--section SLUG] [claim-id …]: run claims, print verdict, code and what the run
gave.

Exit code 0: each computed verdict is the reviewed one. 1: one differs. 2: no such claim or section.
"""

import argparse
import contextlib
import io
import sys
import textwrap
from collections import Counter
from collections.abc import Sequence

from languages import say_plural
from layers.claims import SECTIONS, Claim, Result, check, claims, find


def main(arguments: Sequence[str] | None = None) -> int:
    """Run claims and print them; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m layers", description="Run the claims of the study notes."
    )
    parser.add_argument("ids", nargs="*", metavar="claim-id", help="only these claims")
    parser.add_argument(
        "--section", help=f"only this section: {', '.join(part.slug for part in SECTIONS)}"
    )
    parser.add_argument("--brief", action="store_true", help="one line a claim")
    options = parser.parse_args(arguments)
    try:
        chosen = [find(id) for id in options.ids] or claims(options.section)
    except ValueError as error:
        parser.error(str(error))
    results = [_printed(claim, options.brief) for claim in chosen]
    _print_summary(results)
    return 0 if all(result.as_reviewed for result in results) else 1


def _printed(claim: Claim, brief: bool) -> Result:
    # Progress bars and log lines of a run are not part of what it found.
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        result = check(claim)
    if brief:
        print(f"{result.verdict:<10} {claim.id}{_differs(result)}", flush=True)
    else:
        print(card(result), end="\n\n", flush=True)
    return result


def card(result: Result) -> str:
    """One claim as text: verdict, statement, code, what the run gave, what is so, where it is
    documented.
    """
    claim = result.claim
    found = [f"{name}: {text}" for name, text in result.findings]
    return "\n".join(
        [
            f"{result.verdict.upper()}  {claim.id}  ({claim.section}, "
            f"{claim.kind}){_differs(result)}",
            textwrap.fill(claim.says, 100, initial_indent="  ", subsequent_indent="  "),
            textwrap.indent(claim.source, "    | ", lambda line: True),
            textwrap.indent("\n".join(found), "    > "),
            *(
                [f"  undecided here: needs {result.evidence.needs}"]
                if result.evidence.needs
                else []
            ),
            textwrap.fill(claim.truth, 100, initial_indent="  ", subsequent_indent="  "),
            f"  {claim.docs}",
        ]
    )


def _differs(result: Result) -> str:
    return "" if result.as_reviewed else f"   <- reviewed as {result.claim.reviewed}"


def _print_summary(results: list[Result]) -> None:
    counts = Counter(result.verdict for result in results)
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    print(
        say_plural(
            "{count} claim: {verdicts}",
            "{count} claims: {verdicts}",
            len(results),
            verdicts=verdicts,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
