"""What came of a run, and what was told of earlier ones: kept in the archive folder, so that a timer does not tell it again and again."""

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
"""Characters, so that what is written over it finds its room there."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one crawl: its exit code, why it ended early (empty where it did not) and its counts."""

    name: str
    exit_code: int
    reason: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """When something was told last, and `what` it was, so that something else is told at once."""

    at: datetime
    what: str


def remembered(root: Path) -> dict[str, Told]:
    """{what notices are about: the last one}. A file that is not there or not to be read holds nothing: it is told once more then."""
    try:
        kept = json.loads((root / FILE_NAME).read_bytes())
        return {str(event): _told(told) for event, told in kept["told"].items()} if kept["version"] == _VERSION else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def remember(root: Path, told: Mapping[str, Told]) -> None:
    """Replace the file in one step; on a full disk, where a timer would otherwise tell of it again and again, write over it.

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


def _told(kept: Any) -> Told:
    """Raises what a strange value brings, among that ValueError for a time without a zone."""
    at = datetime.fromisoformat(kept["at"])
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return Told(at, str(kept["what"]))
