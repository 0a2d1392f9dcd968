"""What a run brings to those who tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one crawl: its exit code, why it ended early (empty where it did not) and its counts."""

    name: str
    exit_code: int
    reason: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
