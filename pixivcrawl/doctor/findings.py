"""Findings, for people and programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from pixivcrawl.api.text import one_line
from pixivcrawl.errors import PixivcrawlError

State = Literal["ok", "warning", "problem"]

LONGEST = 400
"""Characters of a finding that are shown."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. `found` says what was found, and what to do next if it is not ok.

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
    """A finding for an error that would end a run."""
    return Finding(check, "problem", str(error), error.exit_code)


def exit_code(findings: Iterable[Finding]) -> int:
    """The exit code of the first problem; 0 if there are only warnings."""
    return next((finding.exit_code for finding in findings if finding.state == "problem"), 0)
