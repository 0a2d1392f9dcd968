"""Classifies answers: a body, or one of the ways in which pixiv refuses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from pixivcrawl.api.bodies.artworks import IllustDetail
from pixivcrawl.api.endpoint import Body, Endpoint
from pixivcrawl.api.json_input import DocumentRefused, read_document
from pixivcrawl.api.text import one_line

LONGEST_RETRY_AFTER = 86400.0
"""Seconds for which a longer Retry-After is obeyed; a request after that gets it again."""

_FARTHEST_DATE = 30 * 86400.0
"""Seconds between an answer's own Date and the date in its Retry-After, beyond which that Date is considered wrong."""


_TOO_MANY_REQUESTS = 429

_SMALL_BODY = 4096
"""Bytes that no error's body exceeds."""

_IS_NO_ERROR = re.compile(rb'"error"\s*:\s*false')
_SAYS_TOO_MANY = re.compile(rb'"(?:message|error|reason)"\s*:\s*"[^"]*(?:rate.?limit|too many requests)', re.IGNORECASE)


class AnswerKind(StrEnum):
    BODY = "body"
    NOT_FOUND = "not found"
    LOGIN_NEEDED = "login needed"
    FORBIDDEN = "forbidden"
    MASKED = "masked"
    THROTTLED = "throttled"
    RATE_LIMITED = "rate limited"
    SERVER_ERROR = "server error"
    REDIRECTED = "redirected"
    NOT_JSON = "not JSON"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Answer:
    """A classified answer. `message` is pixiv's own, on one line, or ours if it has none; `retry_after` is in seconds.

    `status` is 0 where nothing came: no name was found, no connection made, or it broke.
    """

    kind: AnswerKind
    status: int
    message: str = ""
    retry_after: float | None = None

    def __str__(self) -> str:
        return f"{self.kind} (status {self.status})" if self.status else "no answer"


class AnswerRefused(Exception):
    """An answer that is not a body; `answer` says what it is."""

    def __init__(self, endpoint: str, answer: Answer) -> None:
        self.endpoint = endpoint
        self.answer = answer
        said = f": {answer.message}" if answer.message else ""
        super().__init__(f"{endpoint}: {answer}{said}")


def classify(
    status: int,
    content_type: str,
    payload: bytes,
    *,
    with_session: bool,
    needs_session: bool = False,
    retry_after: float | None = None,
    location: str | None = None,
) -> Answer:
    """What an answer of the API means, before its body is parsed.

    `with_session` says whether a session was sent, `needs_session` whether only the signed-in may ask, `retry_after` is in seconds,
    `location` is the header of that name.
    pixiv: 404 is a work that is deleted, private or for mypixiv only, or a user who left; without a session that it knows an endpoint
    that needs one answers 400, 401 or 403 with JSON; an HTML page (maintenance, a bot check) can come with status 200, 403
    or 503, and is no word about the work at all.
    """
    if 300 <= status < 400:
        return _redirected(status, location, retry_after)
    document, why = _document(content_type, payload)
    message = _message(document)
    is_error = isinstance(document, dict) and document.get("error", False) is not False
    kind = _kind(status, is_json=document is not None, is_error=is_error, with_session=with_session)
    if status == 400 and is_error and needs_session:
        # It can also be the question that is wrong: 400 alone proves nothing.
        kind = AnswerKind.LOGIN_NEEDED
    if kind is AnswerKind.NOT_JSON:
        came = one_line(content_type, 40) or "no type"
        message = why if "json" in content_type.lower() else f"{came} came instead of JSON"
    return Answer(kind, status, "" if kind is AnswerKind.BODY else message, retry_after)


def asks_for_pause(status: int, payload: bytes) -> bool:
    """Whether an answer of the API says that too much is asked.

    pixiv: status 429; its app's API says "Rate Limit" in an error's body, with whatever status.
    """
    if status == _TOO_MANY_REQUESTS:
        return True
    return len(payload) < _SMALL_BODY and not _IS_NO_ERROR.search(payload) and bool(_SAYS_TOO_MANY.search(payload))


def classify_body(endpoint: Endpoint[Body], body: Body, *, with_session: bool) -> Answer:
    """What a parsed body means: a work that the reader may not see, a list that may be throttled, or simply a body.

    THROTTLED and an empty list look the same; it is believed only when it comes back empty again.
    """
    if isinstance(body, IllustDetail) and (because := body.masked_because) is not None:
        kind = AnswerKind.LOGIN_NEEDED if body.x_restrict and not with_session else AnswerKind.MASKED
        return Answer(kind, 200, because)
    if endpoint.looks_throttled(body):
        return Answer(AnswerKind.THROTTLED, 200, "no rows and a total of 0")
    return Answer(AnswerKind.BODY, 200)


def retry_after(header: str, date: str, now: datetime) -> float | None:
    """The header Retry-After in seconds, from seconds or a date; None if it is neither.

    A date counts from the answer's own header Date, so that a wrong clock here does not matter; without one that can be true, from `now`.
    """
    text = header.strip()
    if re.fullmatch(r"\d{1,9}", text, re.ASCII):
        return float(text)
    moment = _moment(text)
    if moment is None:
        return None
    answered = _moment(date)
    if answered is None or not 0 <= (moment - answered).total_seconds() <= _FARTHEST_DATE:
        answered = now
    return max(0.0, (moment - answered).total_seconds())


def _moment(date: str) -> datetime | None:
    """An HTTP date; None if it is not one."""
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _kind(status: int, *, is_json: bool, is_error: bool, with_session: bool) -> AnswerKind:
    if status == _TOO_MANY_REQUESTS:
        return AnswerKind.RATE_LIMITED
    if status == 401:
        return AnswerKind.LOGIN_NEEDED
    if not is_json and status in (404, 403, 503):
        return AnswerKind.NOT_JSON
    if status == 404 and is_error:
        return AnswerKind.NOT_FOUND
    if status == 403 and is_error:
        return AnswerKind.FORBIDDEN if with_session else AnswerKind.LOGIN_NEEDED
    if status >= 500:
        return AnswerKind.SERVER_ERROR
    # Nothing is taken for gone because of an error without that status, or of a 404 that is not pixiv's.
    if is_error or not 200 <= status < 300:
        return AnswerKind.REFUSED
    return AnswerKind.BODY if is_json else AnswerKind.NOT_JSON


def _redirected(status: int, location: str | None, wait: float | None) -> Answer:
    try:
        parts = urlsplit(location or "")
    except ValueError:
        parts = urlsplit("")
    login = parts.hostname == "accounts.pixiv.net" or "login" in parts.path
    kind = AnswerKind.LOGIN_NEEDED if login else AnswerKind.REDIRECTED
    # Only the address without its query, which may hold private values.
    place = parts.netloc + parts.path
    return Answer(kind, status, one_line(f"sent to {place}") if place else "", wait)


def _document(content_type: str, payload: bytes) -> tuple[Any, str]:
    """The JSON object or list of an answer, None for anything else; and why it is none, in a few words."""
    if "html" in content_type.lower():
        return None, "the body is a page"
    if not payload:
        return None, "the body is empty"
    try:
        document = read_document(payload)
    except DocumentRefused as refused:
        return None, f"the body {refused}"
    return (document, "") if isinstance(document, (dict, list)) else (None, "the body is neither an object nor a list")


def _message(document: Any) -> str:
    """pixiv: the envelope says it in `message`, ranking.php in `error`."""
    if not isinstance(document, Mapping):
        return ""
    said = next((document[key] for key in ("message", "error") if isinstance(document.get(key), str)), "")
    return one_line(said)
