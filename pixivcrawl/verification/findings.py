"""What a verification finds, one line each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from pixivcrawl.api.text import one_line, plural, size
from pixivcrawl.items import FileKind

FindingKind = Literal[
    "missing", "changed", "unreadable", "proof failed", "not proven", "unknown", "extra", "time changed"
]
"""In the order of reporting.

missing: a row without its file. changed: size, SHA-256 or type of the file differ. unreadable: the system does not allow reading it.
proof failed: the bytes are those that were stored, but not a whole picture. not proven: the bytes are those that were stored, but their
proof would take more memory than it may. unknown: a file with a name of pixivcrawl's form, without a row. extra: a file with any other
name. time changed: only the file's time differs; no damage.
"""

KINDS: tuple[FindingKind, ...] = get_args(FindingKind)
HARMLESS: FindingKind = "time changed"
OF_ROWS: frozenset[FindingKind] = frozenset({"missing", "changed", "unreadable", "proof failed"})
"""Damage to what a row stands for; the file, if there is one, is not what it should be."""

_LONGEST_NAME = 400
_LONGEST_LINE = 900


@dataclass(frozen=True, slots=True)
class RowKey:
    """Which row of `files` a finding is about."""

    work_id: int
    page: int
    revision: str
    kind: FileKind


@dataclass(frozen=True, slots=True)
class Finding:
    """`path` is relative to the archive; `row` is None for a file without one.

    `expected` is the SHA-256 that the ledger has for the row, `found` that of the bytes which lie at `path` (None when they were not read).
    `lies_at` names the path where the expected bytes were found.
    """

    kind: FindingKind
    path: str
    reason: str
    row: RowKey | None = None
    expected: str | None = None
    found: str | None = None
    lies_at: str | None = None

    def __str__(self) -> str:
        elsewhere = f"; lies at {one_line(self.lies_at, _LONGEST_NAME)}" if self.lies_at else ""
        return one_line(f"{self.kind}: {one_line(self.path, _LONGEST_NAME)}: {self.reason}{elsewhere}", _LONGEST_LINE)

    def as_json(self) -> dict[str, Any]:
        """The finding as plain JSON values."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def finding_of(fields: dict[str, Any]) -> Finding:
    """The finding that `as_json` gave. Raises TypeError or ValueError for anything else."""
    row = fields.get("row")
    finding = Finding(**{**fields, "row": None if row is None else RowKey(**row)})
    if finding.kind not in KINDS or not isinstance(finding.path, str) or not isinstance(finding.reason, str):
        raise ValueError("not a finding")
    return finding


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Sorted by kind, then path; a finding whose bytes were found elsewhere says where they are."""
    found = list(findings)
    where: dict[str, str] = {}
    for finding in sorted(found, key=lambda each: each.path, reverse=True):
        if finding.found is not None and finding.found != finding.expected:
            where[finding.found] = finding.path
    placed = [
        replace(finding, lies_at=where[finding.expected])
        if finding.kind in OF_ROWS and finding.expected in where and finding.expected != finding.found
        else finding
        for finding in found
    ]
    return sorted(placed, key=lambda each: (KINDS.index(each.kind), each.path))


def summary(findings: Sequence[Finding], files: int, bytes_read: int) -> str:
    """One line about all findings."""
    counts = Counter(finding.kind for finding in findings)
    said = ", ".join(f"{counts[kind]:,} {kind}" for kind in KINDS if counts[kind])
    whole = "" if is_damaged(findings) else "whole"
    return f"{plural(files, 'file')} checked, {size(bytes_read)} read: {', '.join(filter(None, [whole, said]))}"


def is_damaged(findings: Iterable[Finding]) -> bool:
    """Whether anything but a file's time is wrong."""
    return any(finding.kind != HARMLESS for finding in findings)
