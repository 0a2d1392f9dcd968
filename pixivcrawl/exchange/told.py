"""Converts values in other tools' notes, whatever their type and however damaged."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import Any

from pixivcrawl.api.bodies.parts import JAPAN
from pixivcrawl.api.images import LARGEST_ID, is_revision
from pixivcrawl.items import Frame


def number_told(value: Any) -> int | None:
    """A number above 0 that may be an id, also as text."""
    text = str(value) if type(value) in (int, str) else ""
    is_number = text.isascii() and text.isdecimal() and len(text) < 20 and 0 < int(text) <= LARGEST_ID
    return int(text) if is_number else None


def moment_told(value: Any) -> str | None:
    """A time as 14 digits in Japan's zone, as in revisions; one without a zone is in UTC."""
    try:
        moment = datetime.fromisoformat(value)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(JAPAN)
    except (TypeError, ValueError, OverflowError):
        return None
    digits = f"{moment:%Y%m%d%H%M%S}"
    return digits if is_revision(digits) else None


def frames_told(value: Any) -> tuple[Frame, ...] | None:
    """An ugoira's frames, in pixiv's form."""
    try:
        frames = tuple(Frame(frame["file"], frame["delay"]) for frame in value)
    except (TypeError, KeyError):
        return None
    is_plain = all(type(frame.file) is str and type(frame.delay) is int for frame in frames)
    return frames if frames and is_plain else None


def folded_part(part: str) -> str:
    """A name made comparable: Windows ignores case, and macOS writes accents in its own way."""
    return unicodedata.normalize("NFC", part).casefold()
