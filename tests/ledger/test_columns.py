"""What goes into a column comes out of it, on either database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from pixivcrawl.ledger.columns import CleanText, Json, UtcTime, storable
from pixivcrawl.ledger.queries import last_crawls
from pixivcrawl.ledger.updates import record_user_seen
from tests.ledger.making import NOW, begun

TEXT = st.text(st.characters())
TIMES = st.datetimes(
    datetime(1, 1, 3),  # noqa: DTZ001 (hypothesis adds the zone)
    datetime(9999, 12, 29),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=9))]),
)


@given(TEXT)
def test_storable_text_is_utf8_without_nul(text: str):
    stored = storable(text)
    stored.encode()
    assert "\x00" not in stored
    assert len(stored) == len(text)
    assert all(new == old or new == "\ufffd" for new, old in zip(stored, text, strict=True))
    assert storable(stored) == stored


def test_only_what_cannot_be_stored_is_replaced():
    assert storable("a\x00b\ud800c\udfff絵😀\u202e/..") == "a\ufffdb\ufffdc\ufffd絵😀\u202e/.."


@given(TIMES)
def test_times_come_back_aware_and_equal(moment: datetime):
    kept = UtcTime().process_bind_param(moment, sqlite.dialect())
    back = UtcTime().process_result_value(kept, sqlite.dialect())
    assert back == moment
    assert back is not None
    assert back.tzinfo is UTC


@given(TIMES, TIMES)
def test_times_sort_as_text_does(one: datetime, other: datetime):
    def kept(moment: datetime) -> Any:
        return UtcTime().process_bind_param(moment, sqlite.dialect())

    assert (kept(one) < kept(other)) == (one < other)


def test_a_time_without_zone_is_refused():
    with pytest.raises(ValueError, match="no time zone"):
        UtcTime().process_bind_param(datetime(2026, 1, 1), postgresql.dialect())  # noqa: DTZ001


@pytest.mark.long
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | TEXT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)
    )
)
def test_json_is_text_that_any_database_takes(value: Any):
    kept = Json().process_bind_param(value, sqlite.dialect())
    assert kept is None or storable(kept) == kept


def test_equal_values_have_equal_text():
    assert Json().process_bind_param({"b": 1, "a": "絵"}, sqlite.dialect()) == '{"a":"絵","b":1}'


def test_clean_text_keeps_none():
    assert CleanText().process_bind_param(None, sqlite.dialect()) is None


def test_a_time_is_the_same_in_either_database(connection: Connection):
    begun(connection, now=NOW.astimezone(timezone(timedelta(hours=9))))
    assert last_crawls(connection, 1)[0].started == NOW
    assert last_crawls(connection, 1)[0].started.tzinfo is UTC


def test_the_largest_id_fits(connection: Connection):
    record_user_seen(connection, 2**63 - 1, NOW)
