"""What an answer means."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixivcrawl.api import catalogue
from pixivcrawl.api.answers import (
    Answer,
    AnswerKind,
    AnswerRefused,
    asks_for_pause,
    classify,
    classify_body,
    retry_after,
)
from tests.api.making import answer, detail, search

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=UTF-8"
BODY = b'{"error": false, "message": "", "body": {}}'
REFUSAL = '{"error": true, "message": "該当作品は\\n削除\u202eされた", "body": []}'.encode()
PAGE = b"<!DOCTYPE html><html><title>Just a moment...</title></html>"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HEADERS = st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ \d+:\d+:\d+ .*")


@pytest.mark.parametrize(
    ("status", "content_type", "payload", "with_session", "kind"),
    [
        (200, JSON, BODY, True, AnswerKind.BODY),
        (200, "", BODY, True, AnswerKind.BODY),
        (200, JSON, b'{"contents": [], "mode": "daily"}', True, AnswerKind.BODY),
        (200, JSON, REFUSAL, True, AnswerKind.REFUSED),
        (200, JSON, b'{"error": "no"}', True, AnswerKind.REFUSED),
        (200, HTML, PAGE, True, AnswerKind.NOT_JSON),
        (200, JSON, PAGE, True, AnswerKind.NOT_JSON),
        (200, HTML, BODY, True, AnswerKind.NOT_JSON),
        (200, JSON, b"", True, AnswerKind.NOT_JSON),
        (200, JSON, BODY[:-3], True, AnswerKind.NOT_JSON),
        (200, JSON, b'"text"', True, AnswerKind.NOT_JSON),
        (204, JSON, b"", True, AnswerKind.NOT_JSON),
        (400, JSON, REFUSAL, True, AnswerKind.REFUSED),
        (400, HTML, PAGE, True, AnswerKind.REFUSED),
        (401, JSON, REFUSAL, False, AnswerKind.LOGIN_NEEDED),
        (401, JSON, REFUSAL, True, AnswerKind.LOGIN_NEEDED),
        (403, JSON, REFUSAL, False, AnswerKind.LOGIN_NEEDED),
        (403, JSON, REFUSAL, True, AnswerKind.FORBIDDEN),
        (403, HTML, PAGE, False, AnswerKind.NOT_JSON),
        (404, JSON, REFUSAL, True, AnswerKind.NOT_FOUND),
        (404, HTML, PAGE, True, AnswerKind.NOT_JSON),
        (404, JSON, b'{"hello": "world"}', True, AnswerKind.REFUSED),
        (403, JSON, b"[]", False, AnswerKind.REFUSED),
        (405, JSON, REFUSAL, True, AnswerKind.REFUSED),
        (429, JSON, REFUSAL, True, AnswerKind.RATE_LIMITED),
        (429, HTML, PAGE, True, AnswerKind.RATE_LIMITED),
        (500, JSON, REFUSAL, True, AnswerKind.SERVER_ERROR),
        (502, HTML, PAGE, True, AnswerKind.SERVER_ERROR),
        (503, HTML, PAGE, True, AnswerKind.NOT_JSON),
        (503, JSON, REFUSAL, True, AnswerKind.SERVER_ERROR),
    ],
)
def test_the_kind_of_an_answer(
    status: int, content_type: str, payload: bytes, with_session: bool, kind: AnswerKind
) -> None:
    judged = classify(status, content_type, payload, with_session=with_session)
    assert (judged.kind, judged.status) == (kind, status)


def test_the_message_is_pixivs_on_one_line() -> None:
    assert classify(404, JSON, REFUSAL, with_session=True).message == "該当作品は 削除 された"
    assert classify(404, JSON, b'{"error": "There is no such page."}', with_session=True).message == (
        "There is no such page."
    )
    long = json.dumps({"error": True, "message": "x" * 10_000}).encode()
    assert len(classify(404, JSON, long, with_session=True).message) == 120
    assert classify(200, HTML, PAGE, with_session=True).message == "text/html; charset=UTF-8 came instead of JSON"
    assert classify(200, JSON, BODY, with_session=True).message == ""


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"", "the body is empty"),
        (b"5", "the body is neither an object nor a list"),
        (b'{"body": {', "the body is not JSON (Expecting property name enclosed in double quotes at character 10)"),
        (b'{"body": 1, "body": 2}', "the body has the key 'body' twice"),
        (b'{"body": NaN}', "the body has NaN, which is not JSON"),
        (b"\xff\xfe{", "the body is not UTF-8 (at byte 0)"),
    ],
)
def test_json_that_cannot_be_read_is_refused_with_the_reason(payload: bytes, said: str) -> None:
    answer = classify(200, JSON, payload, with_session=True)
    assert (answer.kind, answer.message) == (AnswerKind.NOT_JSON, said)


@pytest.mark.parametrize(
    ("location", "kind", "message"),
    [
        ("https://accounts.pixiv.net/login?return_to=secret", AnswerKind.LOGIN_NEEDED, "accounts.pixiv.net/login"),
        ("/login.php", AnswerKind.LOGIN_NEEDED, "/login.php"),
        ("https://example.org/elsewhere?token=secret", AnswerKind.REDIRECTED, "example.org/elsewhere"),
        ("https://[broken", AnswerKind.REDIRECTED, ""),
        (None, AnswerKind.REDIRECTED, ""),
    ],
)
def test_a_redirection(location: str | None, kind: AnswerKind, message: str) -> None:
    judged = classify(302, HTML, b"", with_session=True, location=location)
    assert judged.kind is kind
    assert judged.message == (f"sent to {message}" if message else "")
    assert "secret" not in judged.message


@pytest.mark.parametrize(
    ("status", "payload", "asks"),
    [
        (429, b"", True),
        (200, b'{"error":true,"message":"Rate Limit","body":[]}', True),
        (403, b'{"error": {"user_message": "", "message": "Rate Limit", "reason": ""}}', True),
        (200, b'{"error": "Too many requests"}', True),
        (200, REFUSAL, False),
        (200, b'{"error": false, "message": "rate limit", "body": {}}', False),
        (200, b'{"error":true,"message":"","body":{"title":"rate limit"}}', False),
        (200, PAGE, False),
    ],
)
def test_what_asks_for_a_pause(status: int, payload: bytes, *, asks: bool) -> None:
    assert asks_for_pause(status, payload) is asks


def test_how_long_to_wait_is_kept() -> None:
    assert classify(429, JSON, REFUSAL, with_session=True, retry_after=30.0).retry_after == 30.0
    assert classify(503, HTML, PAGE, with_session=True, retry_after=30.0).retry_after == 30.0
    assert classify(429, JSON, REFUSAL, with_session=True).retry_after is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Mon, 23 Nov 2026 12:03:20 GMT", 200.0),
        ("Mon, 23 Nov 2026 21:03:20 +0900", 200.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("9" * 400, None),
        ("Mon, 99 Nov 2026 12:03:20 GMT", None),
    ],
)
def test_retry_after(header: str, seconds: float | None) -> None:
    assert retry_after(header, "", NOW) == seconds


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Mon, 23 Nov 2026 11:00:00 GMT", 3800.0),
        ("", 200.0),
        ("yesterday", 200.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 200.0),
        ("Wed, 23 Nov 2099 12:00:00 GMT", 200.0),
    ],
)
def test_a_date_counts_from_the_answers_own(date: str, seconds: float) -> None:
    assert retry_after("Mon, 23 Nov 2026 12:03:20 GMT", date, NOW) == seconds


@given(HEADERS, HEADERS, st.datetimes())
def test_no_header_breaks_the_reading(header: str, date: str, now: datetime) -> None:
    seconds = retry_after(header, date, now.replace(tzinfo=UTC))
    assert seconds is None or seconds >= 0


@given(st.integers(100, 599), st.text(max_size=30), st.binary(), st.booleans(), st.text() | st.none())
def test_no_answer_breaks_the_judgement(
    status: int, content_type: str, payload: bytes, with_session: bool, location: str | None
) -> None:
    judged = classify(status, content_type, payload, with_session=with_session, location=location)
    assert judged.message.isprintable()
    assert judged.kind is not AnswerKind.BODY or 200 <= status < 300


@given(st.binary() | st.sampled_from([PAGE, BODY, REFUSAL, b""]), st.sampled_from([JSON, HTML, "text/plain"]))
def test_only_pixivs_own_404_says_that_something_is_gone(payload: bytes, content_type: str) -> None:
    judged = classify(404, content_type, payload, with_session=True)
    assert (judged.kind is AnswerKind.NOT_FOUND) == (content_type != HTML and payload == REFUSAL)


def test_what_a_body_means() -> None:
    endpoint = catalogue.ILLUST_DETAIL
    hidden = {"original": None}

    def judged(*, with_session: bool, **changes: object) -> Answer:
        body = endpoint.parse(answer(endpoint.name, detail(**changes)))
        return classify_body(endpoint, body, with_session=with_session)

    assert judged(with_session=True).kind is AnswerKind.BODY
    assert judged(with_session=False, urls=hidden, xRestrict=1).kind is AnswerKind.LOGIN_NEEDED
    assert judged(with_session=True, urls=hidden, xRestrict=1).kind is AnswerKind.MASKED
    assert judged(with_session=False, urls=hidden).kind is AnswerKind.MASKED
    assert judged(with_session=False, urls=hidden).message == "the original is not shown"

    listing = catalogue.SEARCH_MANGA
    for body, kind in ((search("manga"), AnswerKind.BODY), ({"manga": {"data": [], "total": 0}}, AnswerKind.THROTTLED)):
        parsed = listing.parse(answer(listing.name, body))
        assert classify_body(listing, parsed, with_session=True).kind is kind


def test_a_refusal_says_what_happened() -> None:
    refused = AnswerRefused("illust.detail", classify(404, JSON, REFUSAL, with_session=True))
    assert str(refused) == "illust.detail: not found (status 404): 該当作品は 削除 された"
    assert refused.answer.kind is AnswerKind.NOT_FOUND
    bare = AnswerRefused("ranking", Answer(AnswerKind.RATE_LIMITED, 429, retry_after=timedelta(minutes=1).seconds))
    assert str(bare) == "ranking: rate limited (status 429)"


def test_where_nothing_came_no_server_is_blamed() -> None:
    nothing = Answer(AnswerKind.SERVER_ERROR, 0, "Cannot connect to host www.pixiv.net:443 [Name or service not known]")
    assert str(AnswerRefused("user.full", nothing)) == f"user.full: no answer: {nothing.message}"
    assert (
        str(AnswerRefused("user.full", Answer(AnswerKind.SERVER_ERROR, 500))) == "user.full: server error (status 500)"
    )
