"""The results of a run, and which notices were sent; kept in the archive folder so that a timer does not repeat them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pixivcrawl.archive.failures import storage_errors

FILE_NAME = "notices.json"

_VERSION = 1

_LENGTH = 2000
"""Characters of padding, so that overwriting fits."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one crawl: its exit code, why it ended early (empty if it did not), and its counts."""

    name: str
    exit_code: int
    reason: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SentNotice:
    """When a notice was last sent, and `what` it said, so that something else is sent at once."""

    at: datetime
    what: str


def remembered(root: Path) -> dict[str, SentNotice]:
    """{event: the last notice}. A missing or unreadable file has nothing, so the notices are sent once more."""
    try:
        kept = json.loads((root / FILE_NAME).read_bytes())
        return {str(event): _told(told) for event, told in kept["told"].items()} if kept["version"] == _VERSION else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def remember(root: Path, told: Mapping[str, SentNotice]) -> None:
    """Replace the file in one step; on a full disk, which a timer would otherwise report again and again, overwrite it.

    Raises StorageFailed.
    """
    fields = {event: {**asdict(each), "at": each.at.isoformat()} for event, each in sorted(told.items())}
    text = json.dumps({"version": _VERSION, "told": fields}, indent=1).ljust(_LENGTH) + "\n"
    path = root / FILE_NAME
    beside = path.with_name(f"{path.name}.new")
    with storage_errors(path):
        try:
            beside.write_text(text, encoding="utf-8")
            beside.replace(path)
        except OSError:
            with path.open("r+", encoding="utf-8") as there:
                there.write(text)
                there.truncate()


def _told(kept: Any) -> SentNotice:
    """Raises what a strange value brings, among that ValueError for a time without a zone."""
    at = datetime.fromisoformat(kept["at"])
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return SentNotice(at, str(kept["what"]))
