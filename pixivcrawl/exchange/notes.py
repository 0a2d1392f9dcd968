"""Reads other tools' notes about works: their text, and the values in it, whatever their type and however damaged."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pixivcrawl.api.bodies.parts import JAPAN
from pixivcrawl.api.images import LARGEST_ID, is_revision

LARGEST_NOTE = 4 << 20
"""Bytes; what is larger is no note."""


class Unread(Exception):
    """Why a note tells nothing; the message continues "a note that ..."."""


def read_text(path: Path, largest: int = LARGEST_NOTE) -> str | None:
    """The text of a note; None for a file that is no text or too large. Raises Unread."""
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except OSError as error:
        raise Unread(f"cannot be read: {error.strerror}") from None
    try:
        return content.decode("utf-8-sig") if len(content) <= largest else None
    except UnicodeDecodeError:
        return None


def parse(text: str | None) -> Any:
    """What a JSON note says. Raises Unread."""
    try:
        return json.loads(text or "")
    except (ValueError, RecursionError):
        raise Unread("is damaged: it is no JSON") from None


def id_in(value: Any) -> int | None:
    """A number above 0 that may be an id, also as text."""
    text = str(value) if type(value) is int and value <= LARGEST_ID else value
    is_number = type(text) is str and text.isascii() and text.isdecimal() and len(text) < 20
    return int(text) if is_number and 0 < int(text) <= LARGEST_ID else None


def revision_in(value: Any) -> str | None:
    """A time as 14 digits in Japan's zone, as in revisions; one without a zone is in UTC."""
    try:
        moment = datetime.fromisoformat(value)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(JAPAN)
    except (TypeError, ValueError, OverflowError):
        return None
    digits = f"{moment:%Y%m%d%H%M%S}"
    return digits if is_revision(digits) else None


def folded_part(part: str) -> str:
    """A name made comparable: Windows ignores case, and macOS writes accents in its own way."""
    return unicodedata.normalize("NFC", part).casefold()
