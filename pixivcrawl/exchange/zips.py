"""Reads what other tools add to an ugoira's zip."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

from pixivcrawl.archive.stores.placing import frames_in
from pixivcrawl.exchange.notes import LARGEST_NOTE
from pixivcrawl.items import Frame

TIMING = "animation.json"
"""The member that PixivUtil2 and gallery-dl (`mode: archive`) append; pixiv's own zips hold nothing but frames."""


def timing_within(path: Path) -> Any:
    """What a tool wrote into the zip about its frames; None for a zip as pixiv made it, or a damaged one. Raises OSError."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(TIMING) as member:
            return json.loads(member.read(LARGEST_NOTE))
    except (KeyError, ValueError, RecursionError, RuntimeError, EOFError, zipfile.BadZipFile, struct.error, zlib.error):
        return None


def frames_within(path: Path) -> tuple[Frame, ...] | None:
    """How long each frame is shown, as a tool wrote it into the zip. Raises OSError."""
    told = timing_within(path)
    return frames_in(told.get("frames") if isinstance(told, dict) else told)
