"""What was found, in words for a person and for a program."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from pixivcrawl.api.wording import one_line
from pixivcrawl.errors import PixivcrawlError

State = Literal["ok", "warning", "problem"]

LONGEST = 400
"""Characters of what was found that are shown."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `found` says how it is, with what to do next where it is not ok.

    `exit_code` is what a run would end with for it; 0 unless it is a problem.
    """

    check: str
    state: State
    found: str
    exit_code: int = 0

    def __str__(self) -> str:
        return f"{self.state:<8} {self.check:<13} {one_line(self.found, LONGEST)}"

    def as_json(self) -> dict[str, Any]:
        return {
            "check": self.check,
            "state": self.state,
            "found": one_line(self.found, LONGEST),
            "exit_code": self.exit_code,
        }


def ok(check: str, found: str) -> Finding:
    return Finding(check, "ok", found)


def warning(check: str, found: str) -> Finding:
    return Finding(check, "warning", found)


def problem(check: str, error: PixivcrawlError) -> Finding:
    """The error that would end a run."""
    return Finding(check, "problem", str(error), error.exit_code)


def exit_code(findings: Iterable[Finding]) -> int:
    """That of the first problem; 0 where there are warnings alone."""
    return next((finding.exit_code for finding in findings if finding.state == "problem"), 0)
