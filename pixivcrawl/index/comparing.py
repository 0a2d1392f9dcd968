"""Compares pictures by their hashes, in a worker process: three million in some milliseconds, without a search structure."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pixivcrawl.batched import batched
from pixivcrawl.index import schema

MOST_BITS = 24
"""Bits of 128 that may differ. Copies of drawn pictures had 10 at most, trimmed ones 20; of a million pairs of other ones, none so few."""

MOST_COLOURS = 16.0
"""Levels by which colours may differ in the mean: copies had 5, one that was made lighter 14."""

MOST_CANDIDATES = 24
"""How many of the nearest get a closer look."""

_DIGESTS_A_QUERY = 500


Hashed = tuple[int, int, int, bytes]
"""A picture by its file's digest, with its hashes across and down, and its colours."""

Candidate = tuple[int, int]
"""A picture that may look like another, by its digest, and how many bits of their hashes differ."""


def candidates(path: Path, asked: Sequence[Hashed]) -> list[list[Candidate]]:
    """For each picture, the nearest ones in the index at `path` and among those given, which may look like it."""
    with closing(schema.open_for_reading(path)) as connection:
        digests, across, down = _hashes(connection, asked)
        return [_candidates(connection, one, digests, across, down, asked) for one in asked]


def _hashes(
    connection: sqlite3.Connection, asked: Sequence[Hashed]
) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.uint64]]:
    """The hashes of every picture, in three columns."""
    stored = [packed for (packed,) in connection.execute("SELECT packed FROM hashes")]
    rows = np.frombuffer(
        b"".join([*stored, *(schema.PACKED.pack(*each[:3]) for each in asked)]),
        dtype=[("digest", "<i8"), ("across", "<u8"), ("down", "<u8")],
    )
    digests, across, down = (np.ascontiguousarray(rows[name]) for name in ("digest", "across", "down"))
    return digests, across, down


def _candidates(
    connection: sqlite3.Connection,
    one: Hashed,
    digests: NDArray[np.int64],
    across: NDArray[np.uint64],
    down: NDArray[np.uint64],
    asked: Sequence[Hashed],
) -> list[Candidate]:
    digest, own_across, own_down, own_colours = one
    bits = differing_bits(own_across, own_down, across, down)
    near = np.flatnonzero(bits <= MOST_BITS)
    found = dict(zip(digests[near].tolist(), bits[near].tolist(), strict=True))
    found.pop(digest, None)
    fresh = {each[0]: each[3] for each in asked}
    nearest: list[Candidate] = []
    for some in batched(sorted(found, key=lambda other: (found[other], other)), _DIGESTS_A_QUERY):
        colours = fresh | dict(
            connection.execute(
                f"SELECT digest, colours FROM looks WHERE digest IN ({', '.join('?' * len(some))})", some
            )
        )
        nearest += [
            (other, found[other])
            for other in some
            if other in colours and _distance(own_colours, colours[other]) <= MOST_COLOURS
        ]
        if len(nearest) >= MOST_CANDIDATES:
            break
    return nearest[:MOST_CANDIDATES]


def differing_bits(
    own_across: int, own_down: int, across: NDArray[np.uint64], down: NDArray[np.uint64]
) -> NDArray[np.uint8]:
    """How many of a picture's 128 bits differ from each of the others."""
    bits: NDArray[np.uint8] = np.bitwise_count(across ^ np.uint64(own_across))
    bits += np.bitwise_count(down ^ np.uint64(own_down))
    return bits


def _distance(one: bytes, other: bytes) -> float:
    first, second = (np.frombuffer(each, dtype=np.uint8).astype(np.int16) for each in (one, other))
    return float(np.abs(first - second).mean())
