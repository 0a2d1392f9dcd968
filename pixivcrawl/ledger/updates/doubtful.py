"""Doubtful bodies: how often, and over how long a time, the same bytes must come before they are kept as served."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

TRANSFERS = 3
"""How many equal transfers are needed. An edge cache repeats its own damage, so that two say little: 82 % of same-length damage only makes
a decoder warn."""

LEAST_APART = timedelta(hours=1)
"""The least time between two transfers that count."""

LEAST_SPAN = timedelta(days=1)
"""The least time between the first transfer and the last."""


@dataclass(frozen=True, slots=True)
class DoubtfulBody:
    """The latest doubtful body of a file: when it was first and last counted, how often, and its validators the last time."""

    sha256: str
    first: datetime
    last: datetime
    times: int = 1
    etag: str | None = None
    last_modified: str | None = None

    @property
    def as_told(self) -> dict[str, str | None]:
        """The arguments of `record_file_failed` for one transfer."""
        return {"served_sha256": self.sha256, "etag": self.etag, "last_modified": self.last_modified}

    @property
    def suffices(self) -> bool:
        """Whether it is certainly what pixiv has, and so is kept as served."""
        return self.times >= TRANSFERS and self.last - self.first >= LEAST_SPAN

    @property
    def next_transfer(self) -> datetime:
        """When another transfer counts and may suffice."""
        soonest = self.last + LEAST_APART
        return soonest if self.times + 1 < TRANSFERS else max(soonest, self.first + LEAST_SPAN)


def doubtful_body_of(row: Any) -> DoubtfulBody | None:
    """The doubtful body in a row of `files`."""
    if row is None or row.served_sha256 is None or row.served_at is None:
        return None
    last = row.served_last or row.served_at
    return DoubtfulBody(row.served_sha256, row.served_at, last, row.served_times, row.etag, row.last_modified)


def doubtful_body_after(known: DoubtfulBody | None, came: DoubtfulBody) -> DoubtfulBody:
    """`known` after one more transfer, `came`. Other bytes, or a clock that was set back, restart the count; a transfer too soon after the
    last does not count.
    """
    if known is None or known.sha256 != came.sha256 or came.last < known.last:
        return came
    if came.last - known.last < LEAST_APART:
        return known
    return replace(came, first=known.first, times=known.times + 1)


class HasValidators(Protocol):
    """The validators of a body, as the image host sent them; None for one that it did not send."""

    @property
    def etag(self) -> str | None: ...

    @property
    def last_modified(self) -> str | None: ...


def changed_validators(before: HasValidators, now: HasValidators) -> list[str]:
    """The validators that differ between two bodies."""
    said = (("ETag", before.etag, now.etag), ("Last-Modified", before.last_modified, now.last_modified))
    return [
        f"{name} {then} before, {since} now"
        for name, then, since in said
        if None not in (then, since) and then != since
    ]


def values_of_served(served: DoubtfulBody) -> dict[str, Any]:
    """The columns for it in the file's row."""
    return {
        "served_sha256": served.sha256,
        "served_at": served.first,
        "served_last": served.last,
        "served_times": served.times,
        "etag": served.etag,
        "last_modified": served.last_modified,
        "next_attempt": served.next_transfer,
    }
