"""Doubtful bodies: how often, and over how long a time, the same bytes must come before they are kept as served."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

TRANSFERS = 3
"""An edge cache repeats its own damage, so that two equal transfers say little: 82 % of same-length damage only makes a decoder warn."""

LEAST_APART = timedelta(hours=1)
"""The least between two transfers that count."""

LEAST_SPAN = timedelta(days=1)
"""The least between the first transfer and the last."""


@dataclass(frozen=True, slots=True)
class DoubtfulBody:
    """The doubtful body of a file that came last: when it was first and last counted, how often, and by what names the last time."""

    sha256: str
    first: datetime
    last: datetime
    times: int = 1
    etag: str | None = None
    last_modified: str | None = None

    @property
    def as_told(self) -> dict[str, str | None]:
        """What `record_file_failed` is told of one transfer."""
        return {"served_sha256": self.sha256, "etag": self.etag, "last_modified": self.last_modified}

    @property
    def suffices(self) -> bool:
        """It is what pixiv has, and kept as served."""
        return self.times >= TRANSFERS and self.last - self.first >= LEAST_SPAN

    @property
    def next_transfer(self) -> datetime:
        """When another transfer counts and may suffice."""
        soonest = self.last + LEAST_APART
        return soonest if self.times + 1 < TRANSFERS else max(soonest, self.first + LEAST_SPAN)


def doubtful_body_of(row: Any) -> DoubtfulBody | None:
    """The doubtful body that a row of `files` knows of."""
    if row is None or row.served_sha256 is None or row.served_at is None:
        return None
    last = row.served_last or row.served_at
    return DoubtfulBody(row.served_sha256, row.served_at, last, row.served_times, row.etag, row.last_modified)


def doubtful_body_after(known: DoubtfulBody | None, came: DoubtfulBody) -> DoubtfulBody:
    """`known` after `came`, one more transfer. Other bytes begin again, and so does a clock that was set back; what comes too soon does
    not count.
    """
    if known is None or known.sha256 != came.sha256 or came.last < known.last:
        return came
    if came.last - known.last < LEAST_APART:
        return known
    return replace(came, first=known.first, times=known.times + 1)


class HasValidators(Protocol):
    """A body, by what the image host said of it; None where it said nothing."""

    @property
    def etag(self) -> str | None: ...

    @property
    def last_modified(self) -> str | None: ...


def changed_validators(before: HasValidators, now: HasValidators) -> list[str]:
    """Where the image host spoke of two bodies in other words."""
    said = (("ETag", before.etag, now.etag), ("Last-Modified", before.last_modified, now.last_modified))
    return [
        f"{name} {then} before, {since} now"
        for name, then, since in said
        if None not in (then, since) and then != since
    ]


def values_of_served(served: DoubtfulBody) -> dict[str, Any]:
    """What the file's row says of it."""
    return {
        "served_sha256": served.sha256,
        "served_at": served.first,
        "served_last": served.last,
        "served_times": served.times,
        "etag": served.etag,
        "last_modified": served.last_modified,
        "next_attempt": served.next_transfer,
    }
