"""Finds the session in whatever a person copied: a value, a header, a `curl` line, a cookies.txt, a browser's JSON export.

What is refused is told by what it seems to be; nothing of it is repeated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

PIXIV_DOMAINS = {"pixiv.net", "www.pixiv.net"}
_HTTP_ONLY = "#HttpOnly_"
_NAMED_VALUE = re.compile(r"[\"']?PHPSESSID[\"']?(?:\s*[:=]\s*|\s+)[\"']?([^\s\"';]+)[\"']?(?:[\s,].*)?", re.DOTALL)
"""A row of a browser's tools, with the value alone or among others: `PHPSESSID: "..."`."""
_CURL = re.compile(r"(?:[$>]\s*)?curl(?:\.exe)?\s")
_CURL_COOKIE = re.compile(
    r"""(?:(?:-H|--header)\s+\$?(['"])cookie:\s*(?P<header>.*?)\1|(?:-b|--cookie)[\s=]+\$?(['"]?)(?P<cookie>.*?)\3(?:\s-|\s*$))""",
    re.IGNORECASE | re.DOTALL,
)
_LOG_IN = "log in to pixiv in a browser and copy that cookie"


class CookieRefused(ValueError):
    """Why a text has no session, in one line."""


def cookie_header(text: str) -> str:
    """The Cookie header in a text. Raises CookieRefused."""
    text = text.strip().removeprefix("\ufeff").strip()
    if not text:
        raise CookieRefused(f"holds nothing; {_LOG_IN}")
    if "…" in text or "..." in text:
        raise CookieRefused("was shortened with dots; copy the whole value")
    if text[0] in "[{":
        return _joined(_in_json(text), "an export of cookies")
    if rows := [row for line in text.splitlines() if (row := _row(line))]:
        return _joined(((row[0], row[5], row[6]) for row in rows), "a cookies.txt")
    if text.startswith("# "):
        raise CookieRefused(f"is a cookies.txt without a cookie, so it has no PHPSESSID; {_LOG_IN}")
    if _CURL.match(text):
        return _in_curl(text)
    if re.match(r"https?://\S+$", text):
        raise CookieRefused(f"is an address, not a cookie; {_LOG_IN}")
    if text[0] == "<":
        raise CookieRefused(f"is a page, not a cookie; {_LOG_IN}")
    return _in_header(text)


def _row(line: str) -> list[str] | None:
    """The seven fields of a cookies.txt line, separated by tabs or, if an editor replaced those, by blanks."""
    line = line.strip("\r\n ").removeprefix(_HTTP_ONLY)
    for fields in (line.split("\t"), line.split()):
        if len(fields) == 7 and {fields[1].upper(), fields[3].upper()} <= {"TRUE", "FALSE"}:
            return fields
    return None


def _in_json(text: str) -> Iterator[tuple[str, str, str]]:
    """Each cookie with its domain: from a browser's list, from a list in a saved state, or from names with values."""
    try:
        content = json.loads(text)
    except ValueError:
        raise CookieRefused("begins like JSON but is not; export the whole cookies again") from None
    if isinstance(content, dict):
        # Firefox's tools copy them under a heading; a saved state has them beside other things.
        inner = content.get("Request Cookies") or content.get("cookies") or content
        content = (
            inner if isinstance(inner, list) else [{"name": name, "value": value} for name, value in inner.items()]
        )
    for each in content:
        if isinstance(each, dict) and isinstance(each.get("name"), str) and isinstance(each.get("value"), str):
            domain: Any = each.get("domain") or each.get("host") or "pixiv.net"
            yield str(domain), each["name"], each["value"]


def _joined(cookies: Iterator[tuple[str, str, str]] | Any, what: str) -> str:
    """The cookies as a browser would send them to pixiv."""
    cookies = list(cookies)
    ours = [(name, value) for domain, name, value in cookies if domain.lower().removeprefix(".") in PIXIV_DOMAINS]
    if "PHPSESSID" not in dict(ours):
        whose = (
            "of pixiv, where nobody was logged in" if ours else "of other sites alone" if cookies else "with no cookie"
        )
        raise CookieRefused(f"is {what} {whose}: it holds no PHPSESSID; {_LOG_IN}")
    return "; ".join(f"{name}={value}" for name, value in ours)


def _in_curl(text: str) -> str:
    # Windows' own shell wants a ^ before each mark.
    text = re.sub(r"\^(?:\r?\n)?|\\\r?\n", " " if "^" not in text else "", text)
    found = _CURL_COOKIE.search(text)
    if "pixiv.net" not in text:
        raise CookieRefused("is a curl line of another site; copy that of a request to www.pixiv.net")
    if found is None:
        raise CookieRefused("is a curl line without a cookie; copy that of a request that was made while logged in")
    return _in_header(found["header"] or found["cookie"] or "")


def _in_header(text: str) -> str:
    if text[:1] in "\"'`" and text[-1:] == text[:1]:
        text = text[1:-1].strip()
    text = re.sub(r"cookie:\s*", "", text, count=1, flags=re.IGNORECASE) if text[:7].lower() == "cookie:" else text
    if text[:11].lower() == "set-cookie:":
        # What follows the first pair says how long it is kept and where.
        text = text[11:].partition(";")[0].strip()
    if ";" not in text and "\n" not in text and (row := _NAMED_VALUE.fullmatch(text)):
        return f"PHPSESSID={row[1]}"
    return text if "=" in text else f"PHPSESSID={text}"
