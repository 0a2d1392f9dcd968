"""Users, rankings, hosts, bodies."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from pixivcrawl.items import RankingEntry, User
from pixivcrawl.ledger.answer import Location
from pixivcrawl.ledger.models import AccountRow, AnswerRow, RankingEntryRow, SnapshotRow, UserNameRow, UserRow
from pixivcrawl.ledger.queries import HostPause, host_pauses, kept_pace, pauses_left, requests_spent, user_detail
from pixivcrawl.ledger.updates import (
    clear_pause,
    note_answers,
    pause_host,
    record_artwork,
    record_ranking,
    record_rows,
    record_user,
    record_user_name,
    record_user_seen,
    record_user_unavailable,
    share_pace,
    spend_request,
    take_request,
)
from pixivcrawl.ledger.updates.hosts import Pace
from pixivcrawl.reader import VISITOR, Reader
from tests.ledger.making import DAY, HOUR, NOW, a_row, an_answer, an_artwork


def user(connection: Connection, user_id: int = 7) -> Any:
    return connection.execute(select(UserRow.__table__).where(UserRow.id == user_id)).one()


def names(connection: Connection) -> list[tuple[Any, ...]]:
    query = select(UserNameRow.name, UserNameRow.first_seen, UserNameRow.last_seen).order_by(UserNameRow.id)
    return [tuple(row) for row in connection.execute(query)]


class TestUsers:
    def test_are_known_from_a_work_by_name_alone(self, connection: Connection):
        record_artwork(connection, an_artwork(), NOW)
        assert (user(connection).name, user(connection).detail) == ("artist", "listing")
        assert user_detail(connection, 7) == "listing"
        assert user_detail(connection, 8) is None

    def test_are_described_by_their_own_page(self, connection: Connection):
        record_user(connection, User(7, "artist", "full", "acct", "hello", "https://example.org", None), NOW)
        record_user(connection, User(7, "artist", "listing", comment=None), NOW)
        assert user_detail(connection, 7) == "full"
        row = user(connection)
        assert (row.account, row.comment, row.webpage, row.image) == ("acct", "hello", "https://example.org", None)
        assert row.availability == "available"

    def test_have_the_account_that_their_works_told_last(self, connection: Connection):
        record_artwork(connection, an_artwork(1, user_account="first"), NOW)
        record_rows(connection, [a_row(2, user_account="second"), a_row(3)], NOW)
        assert user(connection).account == "second"
        record_artwork(connection, an_artwork(1), NOW)
        assert user(connection).account == "second"

    def test_keep_the_names_they_bore(self, connection: Connection):
        for day, name in enumerate(["a", "a", "b", "a", "\x00"]):
            record_user_name(connection, 7, name, NOW + day * DAY)
        assert names(connection) == [
            ("a", NOW, NOW + 3 * DAY),
            ("b", NOW + 2 * DAY, NOW + 2 * DAY),
            ("\ufffd", NOW + 4 * DAY, NOW + 4 * DAY),
        ]
        assert user(connection).name == "\ufffd"

    def test_are_not_written_for_every_work(self, connection: Connection):
        record_user_name(connection, 7, "a", NOW)
        record_user_name(connection, 7, "a", NOW + HOUR)
        assert user(connection).last_seen == NOW
        record_user_name(connection, 7, "a", NOW + DAY)
        assert user(connection).last_seen == NOW + DAY

    def test_who_left_keep_all_and_may_come_back(self, connection: Connection):
        record_user(connection, User(7, "artist", "full", comment="hello"), NOW)
        record_user_unavailable(connection, 7, "gone", "404", NOW + DAY)
        record_user_unavailable(connection, 7, "gone", "404", NOW + 2 * DAY)
        row = user(connection)
        assert (row.availability, row.unavailable_reason, row.unavailable_since) == ("gone", "404", NOW + DAY)
        assert (row.name, row.comment, row.detail) == ("artist", "hello", "full")
        record_user_seen(connection, 7, NOW + 3 * DAY)
        row = user(connection)
        assert (row.availability, row.unavailable_since, row.last_seen) == ("available", None, NOW + 3 * DAY)

    def test_who_never_existed_are_remembered(self, connection: Connection):
        record_user_unavailable(connection, 8, "gone", "404", NOW)
        assert (user(connection, 8).name, user(connection, 8).detail) == (None, None)


def test_ranks_are_kept_for_works_that_nobody_archives(connection: Connection):
    entries = [RankingEntry("daily", "complex", "20261122", rank, 0, 1000 + rank) for rank in range(1, 51)]
    record_ranking(connection, entries, NOW)
    record_ranking(connection, [RankingEntry("daily", "complex", "20261122", 9, 3, 1001)], NOW)
    record_ranking(connection, [RankingEntry("weekly", "complex", "20261122", 1, 3, 1001)], NOW)
    record_ranking(connection, [], NOW)
    rows = connection.execute(select(RankingEntryRow.mode, RankingEntryRow.artwork_id, RankingEntryRow.rank)).all()
    assert len(rows) == 51
    assert ("daily", 1001, 9) in rows
    assert ("weekly", 1001, 1) in rows


def test_what_an_account_has_learned_of_a_host_is_its_own(connection: Connection):
    mine, other, nameless = Reader(901), Reader(902), Reader(None, 7)
    learned = Pace(2.25, 1.5, refused_at=NOW)
    assert kept_pace(connection, "www.pixiv.net", mine) is None
    assert share_pace(connection, "www.pixiv.net", mine, learned) == learned
    assert share_pace(connection, "www.pixiv.net", nameless, Pace(1.425, 1.5, 12)) == Pace(1.425, 1.5, 12)
    assert kept_pace(connection, "www.pixiv.net", mine) == learned
    assert kept_pace(connection, "www.pixiv.net", nameless) == Pace(1.425, 1.5, 12)
    for host, reader in (("www.pixiv.net", other), ("www.pixiv.net", VISITOR), ("i.pximg.net", mine)):
        assert kept_pace(connection, host, reader) is None


def test_of_two_runs_the_one_that_was_refused_last_is_right(connection: Connection):
    first, later = Pace(2.25, 1.5, refused_at=NOW), Pace(3.375, 1.5, refused_at=NOW + HOUR)
    for pace, holds in (
        (Pace(1.5, 1.5, 100), Pace(1.5, 1.5, 100)),
        (first, first),
        (later, later),
        (first, later),
        (Pace(1.5, 1.5, 200), later),
        (replace(later, answers=100), replace(later, answers=100)),
    ):
        assert share_pace(connection, "www.pixiv.net", Reader(901), pace) == holds


def test_pauses_are_kept_until_cleared(connection: Connection):
    pause_host(connection, "www.pixiv.net", NOW + timedelta(seconds=200), NOW)
    pause_host(connection, "www.pixiv.net", NOW + timedelta(seconds=400, microseconds=1), NOW + HOUR)
    pause_host(connection, "i.pximg.net", NOW, NOW)
    clear_pause(connection, "i.pximg.net")
    clear_pause(connection, "nobody.example")
    (pause,) = host_pauses(connection)
    # On a server its clock is everybody's: here it is the time of the test, and so it lasts from now.
    began = NOW + HOUR if connection.dialect.name == "sqlite" else pause.since
    assert pause == HostPause("www.pixiv.net", began, began + timedelta(seconds=400, microseconds=1) - HOUR)


def test_a_pause_is_the_account_s_or_everybody_s(connection: Connection):
    pause_host(connection, "www.pixiv.net", NOW + HOUR, NOW, 901)
    pause_host(connection, "i.pximg.net", NOW + timedelta(minutes=1), NOW)
    both, one = (pauses_left(connection, account, NOW) for account in (901, 902))
    assert both == pytest.approx({"www.pixiv.net": 3600, "i.pximg.net": 60}, abs=5)
    assert one.keys() == {"i.pximg.net"}
    assert pauses_left(connection, 901, NOW - timedelta(days=1)) == pytest.approx(both, abs=5), (
        "a clock that was set back"
    )
    clear_pause(connection, "www.pixiv.net", 902)
    clear_pause(connection, "www.pixiv.net")
    assert pauses_left(connection, 901, NOW).keys() == both.keys()
    clear_pause(connection, "www.pixiv.net", 901)
    assert pauses_left(connection, 901, NOW).keys() == one.keys()


def test_of_a_day_s_requests_each_is_taken_once_and_an_account_takes_its_own(connection: Connection):
    taken = [take_request(connection, "www.pixiv.net", account, 3, NOW) for account in (901, 902, 901, 901, 901, 902)]
    assert taken == [True, True, True, True, False, True]
    spend_request(connection, "www.pixiv.net", 903, NOW)
    assert [requests_spent(connection, "www.pixiv.net", NOW, account) for account in (901, 902, 903)] == [3, 2, 1]
    assert requests_spent(connection, "www.pixiv.net", NOW) == 3
    connection.execute(update(AccountRow).values(spent_on="20200101"))
    assert take_request(connection, "www.pixiv.net", 901, 3, NOW)
    assert requests_spent(connection, "www.pixiv.net", NOW, 901) == 1


def note(connection: Connection, number: int, *answer: Any, **named: Any) -> None:
    note_answers(connection, "", [(an_answer(*answer, **named), Location("000001.warc.gz", number, 10))])


class TestAnswers:
    def test_where_the_last_one_about_a_work_or_user_lies(self, connection: Connection):
        note(connection, 1, "illust.detail", {"id": 1}, b"", NOW)
        note(connection, 2, "illust.detail", {"id": "1"}, b"", NOW + DAY)
        note(connection, 3, "user.full", {"id": 1, "full": 1}, b"", NOW)
        rows = connection.execute(select(AnswerRow.endpoint, AnswerRow.subject_id, AnswerRow.start, AnswerRow.read_at))
        assert sorted(map(tuple, rows)) == [("illust.detail", 1, 2, NOW + DAY), ("user.full", 1, 3, NOW)]

    def test_others_are_in_the_journal_alone(self, connection: Connection):
        note(connection, 1, "user.profile_all", {"id": 1}, b"{}", NOW)
        note(connection, 2, "illust.detail", {"id": "no number"}, b"{}", NOW)
        assert connection.execute(select(AnswerRow.endpoint)).all() == []
        assert connection.execute(select(SnapshotRow.endpoint)).all() == []

    @pytest.mark.parametrize("endpoint", ["me.extra", "illust.detail"])
    def test_snapshots_are_all_kept(self, connection: Connection, endpoint: str):
        for day in range(2):
            note(connection, day, endpoint, {"id": 1, "a": ["絵"]}, b"", NOW + day * DAY, snapshot=True)
        rows = connection.execute(select(SnapshotRow.parameters, SnapshotRow.start).order_by(SnapshotRow.read_at))
        assert [*map(tuple, rows)] == [({"id": 1, "a": ["絵"]}, 0), ({"id": 1, "a": ["絵"]}, 1)]
