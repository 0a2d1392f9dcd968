"""The pictures of users: wanted once, kept when they change, and as safe as works' files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import Connection, select

from pixivcrawl.ledger.models import UserFileRow
from pixivcrawl.ledger.queries import (
    files_by_id,
    intents_of_users,
    known_works,
    served_before,
    status_missing,
    stored_files,
    unstored_places,
    wanted_pictures,
)
from pixivcrawl.ledger.updates import (
    forget_intent,
    record_file_failed,
    record_intent,
    record_lost,
    record_user_pictures,
    settle_intent,
)
from pixivcrawl.ledger.updates.doubtful import DoubtfulBody
from pixivcrawl.ledger.updates.state import newest_crawl
from tests.ledger.making import DAY, FIRST, NOW, SECOND, a_picture, archived, as_stored, begun, store


def states(connection: Connection) -> list[tuple[str, str, str]]:
    rows = connection.execute(select(UserFileRow.kind, UserFileRow.revision, UserFileRow.state)).all()
    return sorted((row.kind, row.revision, row.state) for row in rows)


def test_one_that_is_there_is_not_wanted_again_and_stays_when_another_comes(connection: Connection):
    record_user_pictures(connection, 7, [a_picture()], NOW)
    assert wanted_pictures(connection, 7, newest_crawl(connection), NOW) == [a_picture()]
    assert unstored_places(connection, [7]) == {(7, 0, FIRST, "avatar")}
    store(connection, a_picture())
    record_user_pictures(connection, 7, [a_picture()], NOW)
    assert wanted_pictures(connection, 7, newest_crawl(connection), NOW) == []
    record_user_pictures(connection, 7, [a_picture(revision=SECOND)], NOW)
    assert states(connection) == [("avatar", FIRST, "stored"), ("avatar", SECOND, "wanted")]
    assert [file.path for file in stored_files(connection)] == [as_stored(a_picture()).path]


def test_one_that_never_came_is_superseded_by_the_next_and_wanted_when_it_is_chosen_again(connection: Connection):
    for revision, others in ((FIRST, []), (SECOND, [FIRST]), (FIRST, [SECOND])):
        record_user_pictures(connection, 7, [a_picture(revision=revision)], NOW)
        expected = sorted([("avatar", revision, "wanted"), *(("avatar", other, "superseded") for other in others)])
        assert states(connection) == expected


def test_failures_wait_and_are_told(connection: Connection):
    record_user_pictures(connection, 7, [a_picture()], NOW)
    begun(connection)
    record_file_failed(connection, a_picture(), "500", NOW)
    assert wanted_pictures(connection, 7, newest_crawl(connection), NOW) == []
    assert [(each.work_id, each.kind, each.reason) for each in status_missing(connection, 20)] == [(7, "avatar", "500")]
    begun(connection, now=NOW + DAY)
    assert wanted_pictures(connection, 7, newest_crawl(connection), NOW + DAY) == [replace(a_picture(), retried=True)]


@pytest.mark.parametrize(("settle", "state"), [(settle_intent, "stored"), (forget_intent, "wanted")])
def test_what_a_kill_left_half_done_is_settled(connection: Connection, settle: Callable[..., None], state: str):
    record_user_pictures(connection, 7, [a_picture()], NOW)
    record_intent(connection, as_stored(a_picture()), NOW)
    (intent,) = intents_of_users(connection)
    settle(connection, intent, NOW)
    assert (states(connection), intents_of_users(connection)) == ([("avatar", FIRST, state)], [])


def test_the_latest_is_wanted_again_when_it_is_lost_and_an_older_one_remembered(connection: Connection):
    for revision in (FIRST, SECOND):
        record_user_pictures(connection, 7, [a_picture(revision=revision)], NOW)
        store(connection, a_picture(revision=revision))
    for revision in (FIRST, SECOND):
        record_lost(connection, 7, 0, revision, "avatar", NOW)
    assert states(connection) == [("avatar", FIRST, "superseded"), ("avatar", SECOND, "wanted")]
    assert [row.sha256 for row in connection.execute(select(UserFileRow.sha256).order_by(UserFileRow.revision))] == [
        "ab" * 32,
        None,
    ]


def test_doubtful_bytes_are_counted_as_of_any_file(connection: Connection):
    record_user_pictures(connection, 7, [a_picture()], NOW)
    begun(connection)
    record_file_failed(connection, a_picture(), "doubtful", NOW, served_sha256="cd" * 32, etag="1")
    assert served_before(connection, a_picture()) == DoubtfulBody("cd" * 32, NOW, NOW, etag="1")


def test_other_bytes_do_not_take_the_place_of_one_that_is_there(connection: Connection):
    record_user_pictures(connection, 7, [a_picture()], NOW)
    store(connection, a_picture())
    other = replace(as_stored(a_picture()).proven.staged, sha256="cd" * 32)
    with pytest.raises(ValueError, match="user 7 avatar is stored already, with other bytes"):
        record_intent(
            connection,
            replace(as_stored(a_picture()), proven=replace(as_stored(a_picture()).proven, staged=other)),
            NOW,
        )


def test_a_work_with_the_same_number_is_not_touched(connection: Connection):
    archived(connection, 7)
    before = known_works(connection, [7])
    record_user_pictures(connection, 7, [a_picture(7)], NOW)
    record_file_failed(connection, a_picture(7), "500", NOW)
    store(connection, a_picture(7))
    record_lost(connection, 7, 0, FIRST, "avatar", NOW)
    assert known_works(connection, [7]) == before
    assert sorted((file.kind, file.state) for file in files_by_id(connection, [7])) == [
        ("avatar", "wanted"),
        ("image", "stored"),
    ]
