"""Pages with the same bytes, and pictures that look alike, as groups."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Literal

Show = Literal["all", "same", "near"]

MOST_WALKED = 5_000
"""How many pictures that have others like them are looked at for one page of groups (some 100 ms)."""

MOST_IN_GROUP = 500
"""The most pictures in one group, and pages with the same bytes; further ones form a group of their own."""

_WALKS: dict[Show, str] = {"all": "1", "same": "digest = other", "near": "digest != other"}


@dataclass(frozen=True, slots=True)
class Group:
    """Pictures that are alike, by their digests, and the works and pages that show them."""

    digests: list[int]
    places: list[tuple[int, int]]


def groups(
    connection: sqlite3.Connection,
    show: Show,
    *,
    artist: int | None = None,
    across_works: bool = False,
    after: int,
    limit: int,
) -> tuple[list[Group], int | None]:
    """The next groups, each once, and the digest after which further ones follow; of one artist, if given.

    With `same` only groups of equal bytes, with `near` only those of different bytes; `across_works` leaves out groups within one work.
    """
    found: list[Group] = []
    query = f"SELECT DISTINCT digest FROM alike WHERE {_WALKS[show]} AND digest > ? ORDER BY digest LIMIT ?"
    walked = [digest for (digest,) in connection.execute(query, (after, MOST_WALKED))]
    for digest in walked:
        digests = [digest] if show == "same" else _family(connection, digest)
        if digests[0] < digest or (show == "near" and len(digests) == 1):
            # Shown with the first of its group.
            continue
        there = sorted((place for each in digests for place in places(connection, each)), reverse=True)
        works = {work_id for work_id, _ in there}
        if len(there) < 2 or (across_works and len(works) < 2):
            continue
        if artist is not None and not _has_one_of(connection, artist, works):
            continue
        found.append(Group(digests, there))
        if len(found) == limit:
            return found, digest
    return found, walked[-1] if len(walked) == MOST_WALKED else None


def places(connection: sqlite3.Connection, digest: int) -> list[tuple[int, int]]:
    """The works and pages that have a stored file with this digest, at most as many as a group shows."""
    query = "SELECT work_id, page FROM digests WHERE digest = ? LIMIT ?"
    return connection.execute(query, (digest, MOST_IN_GROUP)).fetchall()


def _family(connection: sqlite3.Connection, digest: int) -> list[int]:
    """The digests of pictures like this one, or like one of those, in order."""
    members, ahead = {digest}, [digest]
    while ahead and len(members) < MOST_IN_GROUP:
        others = connection.execute("SELECT other FROM alike WHERE digest = ?", (ahead.pop(),))
        new = {other for (other,) in others} - members
        members |= new
        ahead += sorted(new)
    return sorted(members)


def _has_one_of(connection: sqlite3.Connection, artist: int, works: set[int]) -> bool:
    query = "SELECT 1 FROM works WHERE id = ? AND user_id = ?"
    return any(connection.execute(query, (work_id, artist)).fetchone() for work_id in works)
