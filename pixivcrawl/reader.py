"""Who reads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: an account, None if its session does not say which, or 0 for a visitor.

    `session` is another number for another session, and gives nothing of it away; 0 for nobody, None where it is not known (runs of old).
    """

    user_id: int | None = None
    session: int | None = None

    @property
    def is_visitor(self) -> bool:
        return self.user_id == 0


VISITOR = Reader(0, 0)
