"""The exception that all proofs raise, in a module of its own so that catching it imports no decoder."""

from __future__ import annotations

from typing import Literal

from pixivcrawl.api.text import one_line
from pixivcrawl.archive.verdict import Proof

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
    "unknown coding",
    "bomb",
    "too many pixels",
    "too much memory",
    "decoder died",
]

LONGEST_REASON = 300


WHERE_PIXIV_SAYS = "where pixiv says"
"""In the reason of each picture with another size than pixiv says, and of no other."""


class Damaged(Exception):
    """The file is not proven to be the whole picture: `reason` is one line for people, `kind` is for programs.

    `proof` is the proof of a doubtful picture, so that the file need not be opened again for it.
    """

    def __init__(self, reason: str, kind: DamageKind, proof: Proof | None = None) -> None:
        # Decoders quote what they find in the file.
        self.reason = one_line(reason, LONGEST_REASON)
        # All three, so that pickle can rebuild the exception in the calling process.
        super().__init__(self.reason, kind, proof)
        self.kind = kind
        self.proof = proof

    def __str__(self) -> str:
        return self.reason

    @property
    def is_no_verdict(self) -> bool:
        """Whether a limit of ours kept the file from being read to its end, so that it may be whole."""
        return self.kind in ("too many pixels", "too much memory")

    @property
    def only_warned(self) -> bool:
        """Whether the file is doubtful: length, format and size are right and it decodes to its end, but the strict decoder complained."""
        return self.kind == "decoder warning"
