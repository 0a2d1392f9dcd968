"""Whatever pixiv says, in whatever order: it is kept as said, and nothing that is known is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from pixivcrawl.items import Artwork, Original, Tag, User
from pixivcrawl.ledger.columns import storable
from pixivcrawl.ledger.models import ArtworkRow, ArtworkVersionRow, CrawlArtworkRow, CrawlRow, FileRow, UserNameRow
from pixivcrawl.ledger.queries import known_works, stored_files, unsettled_intents
from pixivcrawl.ledger.updates import (
    begin_crawl,
    forget_intent,
    mark_stale,
    record_artwork,
    record_file_failed,
    record_intent,
    record_listing,
    record_not_found,
    record_rows,
    record_stored,
    record_unavailable,
    record_user,
    record_withheld,
    record_work_failed,
    settle_intent,
)
from pixivcrawl.ledger.updates.state import UNSETTLED
from pixivcrawl.ledger.updates.tags import LONGEST_NAME
from pixivcrawl.ledger.updates.works import _FACTS
from pixivcrawl.reader import VISITOR
from tests.ledger.making import (
    FIRST,
    NOW,
    SECOND,
    an_artwork,
    an_original,
    as_stored,
    tag_names,
    wanted_originals,
    works_to_do,
)

A_DATABASE_FOR_ALL = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])

NASTY = st.sampled_from(
    [
        "",
        "\x00",
        "\ud800",
        "../../etc/passwd",
        "CON",
        "a/b\\c",
        "'; DROP TABLE artworks; --",
        "\u202eexe.gpj",
        "😀" * 150,
        "%s{}",
    ]
) | st.text(st.characters(), max_size=40)
NUMBERS = st.none() | st.integers(0, 2**63 - 1)
TIMES = st.none() | st.datetimes(timezones=st.just(UTC))

ARTWORKS = st.builds(
    Artwork,
    work_id=st.integers(1, 3),
    user_id=st.integers(1, 2),
    user_name=NASTY,
    title=NASTY,
    kind=st.sampled_from(["illust", "manga", "ugoira"]),
    page_count=st.integers(0, 2**63 - 1),
    detail=st.sampled_from(["listing", "full"]),
    caption=st.none() | NASTY,
    tags=st.lists(st.builds(Tag, NASTY, st.none() | NASTY), max_size=4).map(tuple),
    created=TIMES,
    uploaded=TIMES,
    width=NUMBERS,
    height=NUMBERS,
    x_restrict=NUMBERS,
    restrict=NUMBERS,
    ai_type=NUMBERS,
    sanity_level=NUMBERS,
    bookmark_count=NUMBERS,
    like_count=NUMBERS,
    comment_count=NUMBERS,
    view_count=NUMBERS,
    series_id=NUMBERS,
    revision=st.none() | st.sampled_from([FIRST, SECOND]) | NASTY,
)


def undone(connection: Connection, check: Callable[[], None]) -> None:
    """Run an example and take back what it wrote."""
    savepoint = connection.begin_nested()
    try:
        check()
    finally:
        savepoint.rollback()


def facts(connection: Connection, work_id: int) -> dict[str, Any]:
    row = connection.execute(select(ArtworkRow.__table__).where(ArtworkRow.id == work_id)).mappings().one()
    return {name: row[name] for name in (*_FACTS, "detail")}


@pytest.mark.long
@A_DATABASE_FOR_ALL
@given(st.lists(ARTWORKS, min_size=1, max_size=6))
def test_what_is_told_is_kept_and_never_lowered(connection: Connection, told: list[Artwork]):
    def check() -> None:
        before: dict[int, dict[str, Any]] = {}
        for artwork in told:
            record_artwork(connection, artwork, NOW)
            now = facts(connection, artwork.work_id)
            old = before.get(artwork.work_id, {})
            for name in _FACTS:
                value = getattr(artwork, name)
                expected = storable(value) if isinstance(value, str) else value
                assert now[name] in (expected, old.get(name)), name
                if old.get("detail") != "full" or artwork.detail == "full":
                    assert now[name] == (expected if expected is not None else old.get(name)), name
                assert now[name] is not None or old.get(name) is None
            assert now["detail"] == "full" or "full" not in (artwork.detail, old.get("detail"))
            if artwork.tags:
                names = [storable(tag.name)[:LONGEST_NAME] for tag in artwork.tags]
                assert set(tag_names(connection, [artwork.work_id])[artwork.work_id]) == set(names)
            before[artwork.work_id] = now
        versions = select(ArtworkVersionRow.id)
        count = len(connection.execute(versions).all())
        record_artwork(connection, told[-1], NOW)
        assert facts(connection, told[-1].work_id) == before[told[-1].work_id]
        assert len(connection.execute(versions).all()) == count

    undone(connection, check)


@pytest.mark.long
@A_DATABASE_FOR_ALL
@given(st.lists(ARTWORKS.map(lambda row: replace(row, detail="listing")), max_size=6), ARTWORKS)
def test_rows_never_touch_what_only_the_work_itself_tells(connection: Connection, rows: list[Artwork], full: Artwork):
    def check() -> None:
        record_artwork(connection, replace(full, detail="full"), NOW)
        before = facts(connection, full.work_id)
        for start in range(len(rows)):
            record_rows(connection, rows[start:], NOW)
        after = facts(connection, full.work_id)
        for name in ("caption", "kind", "page_count", "uploaded", "revision", "width", "height", "series_id", "detail"):
            assert after[name] == before[name], name

    undone(connection, check)


@pytest.mark.long
@A_DATABASE_FOR_ALL
@given(
    st.lists(st.builds(User, st.integers(1, 2), NASTY, st.sampled_from(["listing", "full"]), comment=NASTY), max_size=8)
)
def test_every_name_is_kept_once(connection: Connection, users: list[User]):
    def check() -> None:
        for day, user in enumerate(users):
            record_user(connection, user, NOW + timedelta(days=day))
        kept = connection.execute(select(UserNameRow.user_id, UserNameRow.name)).all()
        assert sorted(map(tuple, kept)) == sorted({(user.user_id, storable(user.name)) for user in users})

    undone(connection, check)


WORKS = (1, 2)
OTHER_LISTS: tuple[dict[str, Any], ...] = (
    {"detail": "listing"},
    {"files": False},
    {"detail": "listing", "files": False},
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["read", "revised", "gated", "row", "revised row", "row with files", "revised row with files", "intent", "stored", "failed",
             "damaged", "gone", "not found", "withheld", "masked", "stale", "list", "run", "settle", "forget"]
        ),
        st.sampled_from(WORKS),
    ),
    max_size=25,
)  # fmt: skip


@pytest.mark.long
@A_DATABASE_FOR_ALL
@given(STEPS)
def test_what_rows_repeat_of_each_other_stays_true(connection: Connection, steps: list[tuple[str, int]]):
    def check() -> None:
        now = NOW
        crawl = begin_crawl(connection, "user", {}, now)
        others = [begin_crawl(connection, "user", arguments, now) for arguments in OTHER_LISTS]
        for other in others:
            record_listing(connection, other.crawl_id, WORKS, None, now)
        stored: set[str] = set()
        for step, work_id in steps:
            now += timedelta(hours=5)
            if step == "run":
                crawl = begin_crawl(connection, "user", {}, now)
            else:
                take(connection, step, work_id, crawl.crawl_id, now)
            stored |= assert_in_line(connection, stored)
            assert_queue_is_true(connection, crawl.crawl_id, now)
            assert_rows_suffice(connection, others[0].crawl_id, now)

    undone(connection, check)


def take(connection: Connection, step: str, work_id: int, crawl_id: int, now: datetime) -> None:
    """One thing that may happen to a work in a run."""
    match step:
        case "read":
            record_artwork(connection, an_artwork(work_id, 2), now)
        case "revised":
            record_artwork(connection, an_artwork(work_id, 1, SECOND), now)
        case "gated":
            record_artwork(connection, an_artwork(work_id, availability="withheld", originals=()), now)
        case "row" | "revised row":
            revision = FIRST if step == "row" else SECOND
            record_rows(connection, [an_artwork(work_id, revision=revision, detail="listing", originals=())], now)
        case "row with files" | "revised row with files":
            revision = FIRST if step == "row with files" else SECOND
            row = an_artwork(work_id, revision=revision, detail="listing")
            originals = tuple(replace(original, guessed=True) for original in row.originals)
            record_rows(connection, [replace(row, originals=originals)], now)
        case "intent" | "stored" | "damaged":
            for original in (an_original(work_id), an_original(work_id, revision=SECOND)):
                if original in wanted_originals(connection, work_id, now) and step == "damaged":
                    record_file_failed(connection, original, "damaged", now)
                elif is_recorded(connection, original) and step != "damaged":
                    record_intent(connection, as_stored(original), now)
                    if step == "stored":
                        record_stored(connection, as_stored(original), now)
        case "failed":
            record_work_failed(connection, work_id, "502", now)
        case "stale":
            mark_stale(connection, work_id, now)
        case "list":
            record_listing(connection, crawl_id, WORKS, None, now)
        case "settle":
            for intent in unsettled_intents(connection):
                settle_intent(connection, intent, now)
        case "forget":
            for intent in unsettled_intents(connection):
                forget_intent(connection, intent, now)
        case "gone" | "masked":
            record_unavailable(connection, work_id, step, "as pixiv says", now)
        case "not found":
            record_not_found(connection, work_id, "404", now, apart=3600)
        case "withheld":
            record_withheld(connection, work_id, "R-18", now, VISITOR)


def is_recorded(connection: Connection, original: Original) -> bool:
    key = (FileRow.artwork_id == original.work_id, FileRow.page == original.page, FileRow.revision == original.revision)
    return connection.execute(select(FileRow.id).where(*key)).first() is not None


def assert_in_line(connection: Connection, stored: set[str]) -> set[str]:
    """The columns that repeat others say the same; what was stored still is. Gives what is stored now."""
    of_lists = [condition.label(suffices) for suffices, condition in UNSETTLED.items()]
    for row in connection.execute(select(ArtworkRow.__table__, *of_lists)):
        states = connection.execute(select(FileRow.state).where(FileRow.artwork_id == row.id)).scalars().all()
        if row.files_state == "complete":
            assert "stored" in states
            assert not {"wanted", "parked", "intent"} & set(states)
        elif row.files_state == "parked":
            assert not {"wanted", "intent"} & set(states)
            assert "parked" in states or row.failed_reason is not None
        assert row.files_stored == states.count("stored")
        assert row.bytes_stored == 1000 * states.count("stored")
        listed = connection.execute(
            select(CrawlRow.suffices, CrawlArtworkRow.unsettled)
            .join(CrawlRow, CrawlRow.id == CrawlArtworkRow.list_id)
            .where(CrawlArtworkRow.artwork_id == row.id)
        )
        assert all(bool(unsettled) == bool(getattr(row, suffices)) for suffices, unsettled in listed)
        assert (row.unavailable_since is None) == (row.availability in ("unknown", "available"))
    now_stored = {file.path for file in stored_files(connection)}
    assert stored <= now_stored
    return now_stored


def assert_queue_is_true(connection: Connection, crawl_id: int, now: datetime) -> None:
    """The queue holds a work exactly when the work's own rows say that something is to be done in this run."""
    queued = {
        work.work_id: work.must_be_asked for work in works_to_do(connection, crawl_id, 0, 10, reader=VISITOR, now=now)
    }
    of_list = select(CrawlRow.list_id).where(CrawlRow.id == crawl_id).scalar_subquery()
    listed = connection.execute(select(CrawlArtworkRow.artwork_id).where(CrawlArtworkRow.list_id == of_list))
    for work_id, work in known_works(connection, listed.scalars()).items():
        wanted = wanted_originals(connection, work_id, now)
        if work_id in queued and not queued[work_id]:
            assert wanted
        if work_id not in queued and work.next_attempt is None:
            assert not work.stale
            settled = work.availability in ("gone", "withheld")
            assert settled or (work.detail == "full" and not wanted)


def assert_rows_suffice(connection: Connection, crawl_id: int, now: datetime) -> None:
    """On a list that is content with rows, a work whose files are known is never asked for unless it is stale, masked or withheld."""
    queued = works_to_do(connection, crawl_id, 0, 10, reader=VISITOR, now=now, enough="named")
    for work in queued:
        files = connection.execute(
            select(FileRow.id).where(FileRow.artwork_id == work.work_id, FileRow.state != "superseded")
        ).all()
        missing = wanted_originals(connection, work.work_id, now)
        if work.must_be_asked:
            assert work.known.stale or work.known.availability in ("masked", "withheld") or not files
        else:
            assert missing
            assert all(original.guessed == (work.known.detail == "listing") for original in missing)
