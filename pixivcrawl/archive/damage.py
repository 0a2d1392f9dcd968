"""The one exception of all proofs, apart from them: to catch it costs no decoder's import."""

from __future__ import annotations

from typing import Literal

from pixivcrawl.api.wording import one_line

DamageKind = Literal[
    "not an image",
    "wrong format",
    "wrong size",
    "cut short",
    "broken",
    "checksum",
    "decoder warning",
    "wrong frames",
    "unsafe archive",
    "bomb",
]

LONGEST_REASON = 300


class Damaged(Exception):
    """The file is not the whole picture: `reason` in one line for people, `kind` for programs."""

    def __init__(self, reason: str, kind: DamageKind) -> None:
        # Decoders quote what they find in the file.
        self.reason = one_line(reason, LONGEST_REASON)
        super().__init__(self.reason)
        self.kind = kind

    @property
    def only_warned(self) -> bool:
        """Length, format and size are right and the picture decodes to its end: only the strict decoder complained."""
        return self.kind == "decoder warning"
