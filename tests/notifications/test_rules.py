"""What is told, and what was told already."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from pixivcrawl.configuration import NOTICES
from pixivcrawl.errors import StorageFailed
from pixivcrawl.ledger.queries import UNREACHABLE, Missing
from pixivcrawl.notifications.rules import LONGEST_DIGEST, WEEK, Notice, digest_begins, notices, settled
from pixivcrawl.notifications.state import FILE_NAME, Outcome, SentNotice, remember, remembered
from pixivcrawl.reporting.collect import Place
from tests.ledger.making import DAY, HOUR, NOW

ROOMY = Place(Path("/archive"), free=10**12, disk_low=10**9)
FULL = replace(ROOMY, free=10**8)
DONE = Outcome("user id=11", 0)
REFUSED = Outcome("user id=11", 4, "pixiv no longer takes the session: log in again")
BROKEN = Missing(5, 0, "image", "damaged: cut short", 1, NOW)


def owed(
    *outcomes: Outcome,
    failed: tuple[Missing, ...] = (),
    place: Place = ROOMY,
    told: dict[str, SentNotice] | None = None,
    on: Collection[str] = NOTICES,
) -> list[Notice]:
    return notices(on, outcomes, failed, place, told or {}, NOW)


def after(*made: Notice, ago: timedelta = HOUR) -> dict[str, SentNotice]:
    return {notice.event: SentNotice(NOW - ago, notice.what) for notice in made}


def test_a_good_run_owes_nothing() -> None:
    assert owed(DONE) == []
    assert owed() == []


@pytest.mark.parametrize(
    ("outcome", "failed", "place", "event", "said"),
    [
        (REFUSED, (), ROOMY, "refused", "log in again"),
        (Outcome("a", 5, "the disk is full: free space"), (), ROOMY, "failures", "the disk is full"),
        (Outcome("a", 1, counts={"lists_failed": 1}), (), ROOMY, "failures", "could not be read to their end"),
        (Outcome("a", 1, counts={"errors": 1}), (), ROOMY, "failures", "see the log"),
        (Outcome("a", 1, counts={UNREACHABLE: 3}), (), ROOMY, "failures", "could not be reached"),
        (
            Outcome("a", 1, counts={"files_failed": 1}),
            (BROKEN,),
            ROOMY,
            "failures",
            "work 5 page 0: damaged: cut short",
        ),
        (DONE, (), FULL, "disk_low", "100.0 MB are left"),
    ],
)
def test_each_event_is_told(outcome: Outcome, failed: tuple[Missing, ...], place: Place, event: str, said: str) -> None:
    (notice,) = owed(outcome, failed=failed, place=place)
    assert notice.event == event
    assert said in notice.body
    assert owed(outcome, failed=failed, place=place, on={"digest"}) == []


def test_what_waits_or_has_spent_its_budget_is_no_failure() -> None:
    assert owed(Outcome("a", 1, "the 5 API requests of this day are spent", {"works_waiting": 3})) == []


@pytest.mark.parametrize(("place", "outcome"), [(ROOMY, REFUSED), (FULL, DONE)])
def test_the_same_is_told_once_a_day(place: Place, outcome: Outcome) -> None:
    made = owed(outcome, place=place)
    assert owed(outcome, place=place, told=after(*made)) == []
    assert owed(outcome, place=place, told=after(*made, ago=DAY)) == made
    assert owed(outcome, place=place, told=after(*made, ago=-DAY)) == made, "the clock was set back"


def test_a_list_that_fails_day_after_day_is_told_once_a_week_and_another_at_once() -> None:
    failing = Outcome("user id=11", 1, "gone", {"lists_failed": 1})
    made = owed(failing)
    assert owed(failing, told=after(*made, ago=6 * DAY)) == []
    assert owed(failing, told=after(*made, ago=7 * DAY)) == made
    assert owed(replace(failing, name="user id=12"), told=after(*made)) != []
    assert owed(failing, failed=(BROKEN,), told=after(*made)) != []


def test_what_is_over_is_forgotten() -> None:
    assert settled([DONE], ROOMY) == {"refused", "disk_low"}
    assert settled([DONE, REFUSED], FULL) == set()
    assert settled([], ROOMY) == {"disk_low"}, "a sync that ran nothing says nothing of the session"


def test_a_digest_is_due_once_a_week() -> None:
    def begins(ago: timedelta) -> object:
        return digest_begins({"digest": SentNotice(NOW - ago, "")}, NOW)

    assert digest_begins({}, NOW) == NOW - WEEK
    assert begins(6 * DAY) is None
    assert begins(WEEK - timedelta(minutes=20)) == NOW - WEEK + timedelta(minutes=20), "a timer comes when it comes"
    assert begins(9 * DAY) == NOW - 9 * DAY, "it goes on from the last one"
    assert begins(90 * DAY) == NOW - LONGEST_DIGEST
    assert begins(-90 * DAY) == NOW - WEEK, "the clock was set back"


def test_notices_of_hostile_text_are_plain_lines() -> None:
    nasty = "\x1b[2J\u202ea\u2028\nb\x00" * 1000
    failed = tuple(Missing(number, 0, "image", nasty, 1, NOW) for number in range(11))
    made = owed(Outcome(nasty, 4, nasty), Outcome(nasty, 5, nasty), failed=failed, place=FULL)
    assert [notice.event for notice in made] == ["refused", "failures", "disk_low"]
    for notice in made:
        assert notice.title.isprintable()
        assert all(line.isprintable() for line in notice.body.split("\n"))


def test_what_was_told_is_remembered(tmp_path: Path) -> None:
    told = {"refused": SentNotice(NOW, "x"), "digest": SentNotice(NOW - DAY, "y")}
    remember(tmp_path, told)
    assert remembered(tmp_path) == told
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_where_no_new_file_can_be_made_the_old_one_is_written_over(tmp_path: Path) -> None:
    """As on a full disk, of which a timer would otherwise tell every quarter of an hour."""
    remember(tmp_path, {})
    size = (tmp_path / FILE_NAME).stat().st_size
    (tmp_path / f"{FILE_NAME}.new").mkdir()
    for told in (
        {"failures": SentNotice(NOW, "x" * 16), "refused": SentNotice(NOW, "y" * 16)},
        {"failures": SentNotice(NOW, "z")},
    ):
        remember(tmp_path, told)
        assert remembered(tmp_path) == told
        assert (tmp_path / FILE_NAME).stat().st_size == size
    (tmp_path / FILE_NAME).unlink()
    with pytest.raises(StorageFailed, match="gone while it was in use"):
        remember(tmp_path, {})


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b"\xff", b'{"version": 1, "told": {"a": 1}}', b'{"version": 9, "told": {}}', b"[" * 9999,
                b'{"version": 1, "told": {"a": {"at": "2026-01-01", "what": ""}}}', b'{"version": 1, "told": []}'],
)  # fmt: skip
def test_a_strange_memory_holds_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    assert remembered(tmp_path) == {}
