"""The three forms of a report tell what happened, within their limits, and a name does nothing but stand there."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, update

from pixivcrawl.api.text import size
from pixivcrawl.ledger.columns import storable
from pixivcrawl.ledger.models import ArtworkRow, ArtworkVersionRow, CrawlRow, FileRow, UserNameRow, UserRow
from pixivcrawl.ledger.queries.reports import Span
from pixivcrawl.ledger.updates import end_crawl
from pixivcrawl.reporting.collect import Limits, attention, sum_up
from pixivcrawl.reporting.list_name import list_name
from pixivcrawl.reporting.page import LIMITS, STYLE
from tests.ledger.making import DAY, NOW
from tests.reporting.making import PLACE, as_html, as_json, as_text, news, parsed
from tests.test_project import ROOT

SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text())


def test_the_text_tells_everything_once(connection: Connection) -> None:
    told = as_text(connection).splitlines()
    assert told[0] == "archive: /archive"
    for line in (
        "7 new works of 2 artists, 5 files of them stored (5.0 kB)",
        "1 work with revised images, 1 with changed words, 1 gone, 1 back, 1 artist renamed",
        "  7 artist: 4 new works, 5 files stored (5.0 kB)",
        "    6 title, failed and waits",
        "  1 title by 7 artist: images revised (before: 20260102030405), seen 2026-11-24 12:00",
        "  2 new words by 7 artist: title changed (before: title), seen 2026-11-24 12:00",
        "  2 new words by 7 artist: tags changed (before: one, two), seen 2026-11-24 12:00",
        "  4 title by 7 artist: gone (404) since 2026-11-24 12:00; 1 file kept",
        "  3 title by 8 another: back since 2026-11-25 12:00, was gone since 2026-11-24 12:00",
        "  8 other is now another, seen 2026-11-25 12:00",
        "  work 5: HTML where JSON is due; tried again from 2026-11-25 12:00",
        "  work 6 page 0: damaged: cut short; tried again from 2026-11-25 12:00",
        "  user id=7: read 4 times, 20 files stored, 28 API requests; the last time finished with failures: why",
    ):
        assert told.count(line) == 1, "\n".join(told)


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_quiet_week_is_short(connection: Connection) -> None:
    quiet = Span(NOW + 100 * DAY, NOW + 107 * DAY)
    told = as_text(connection, span=quiet).splitlines()
    assert told[3] == "0 new works of 0 artists, 0 files of them stored (0.0 kB)"
    assert len(told) == 6 or "needs a person:" in told
    assert "<h2" not in as_html(connection, span=quiet).replace('<h2 id="person">', "")


def test_what_is_left_out_is_said(connection: Connection) -> None:
    few = Limits(artists=1, works=1, lines=1)
    told = as_text(connection, limits=few)
    assert "  and 3 more" in told
    assert told.count("... (--format json has everything)") >= 3
    page = as_html(connection, limits=few)
    assert "and 3 more" in page
    assert "And 1 more artists" in page
    assert page.count('<p class="soft">and more</p>') == 2


def test_the_document_is_as_its_schema_says(connection: Connection) -> None:
    told = parsed(connection)
    jsonschema.Draft202012Validator(SCHEMA).validate(told)
    assert all(
        told[part] for part in ("artists", "new", "changed", "gone", "returned", "renamed", "failed", "lists", "runs")
    )
    assert [work["work_id"] for work in told["new"]] == [1, 2, 4, 6, 3, 5, 7]
    assert told["sums"]["works"] == len(told["new"])
    assert told["sums"]["artists"] == len({work["user_id"] for work in told["new"]} - {None})


def test_the_schema_knows_no_field_that_is_not_there(connection: Connection) -> None:
    """Nor does it let one pass that it does not know: each object names all of its fields."""
    for name, part in SCHEMA["properties"].items():
        described = part.get("items", part)
        if described.get("type") == "object":
            assert described["additionalProperties"] is False
            assert sorted(described["required"]) == sorted(described["properties"]), name
    broken = parsed(connection)
    broken["new"][0]["surprise"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(broken)


def test_an_empty_span_is_a_document_too(connection: Connection) -> None:
    from pixivcrawl.reporting.json_report import document

    told = json.loads("".join(document(connection, PLACE, Span(NOW - 9 * DAY, NOW - 8 * DAY), NOW)))
    jsonschema.Draft202012Validator(SCHEMA).validate(told)
    assert told["new"] == told["runs"] == []


# What needs a person


def test_what_lasts_needs_a_person(connection: Connection) -> None:
    (failing,) = news(connection).attention
    assert failing.startswith("user id=7 could not be read 4 times in a row (why)")
    full = news(connection, place=replace(PLACE, free=10)).attention
    assert any("0.0 kB are left" in line for line in full)


def test_a_run_that_was_refused_needs_a_person(connection: Connection) -> None:
    with taken_back(connection):
        last = connection.execute(update(CrawlRow).values(counts=None).returning(CrawlRow.id)).scalars().all()[-1]
        end_crawl(
            connection,
            last,
            outcome="stopped",
            exit_code=4,
            counts={},
            read_to_end=False,
            now=NOW,
            reason="log in again",
        )
        assert news(connection).attention == ("the last run was stopped: log in again",)


def test_nothing_needs_a_person_where_nothing_ran(connection: Connection) -> None:
    assert list(attention(connection, PLACE, sum_up([]))) == []


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"id": [11, 12], "files": True, "detail": "full", "comments": False, "tag": None}, "user id=11,12"),
        ({"id": [11], "files": False, "detail": "listing", "tag": ""}, "user id=11 files=false detail=listing"),
        ({"id": [11], "ai": False, "filter": {"kinds": ["manga"]}}, 'user id=11 filter={"kinds": ["manga"]}'),
    ],
)
def test_a_list_is_called_by_what_tells_it_from_others(arguments: dict[str, Any], name: str) -> None:
    assert list_name("user", arguments) == name


def test_sizes_are_told_in_the_unit_that_they_fill() -> None:
    assert [size(number) for number in (0, 1500, 2_000_000, 3_400_000_000, 5 * 10**12)] == [
        *("0.0 kB", "1.5 kB", "2.0 MB", "3.4 GB", "5.0 TB")
    ]


# Hostile names


@contextmanager
def taken_back(connection: Connection) -> Iterator[None]:
    point = connection.begin_nested()
    try:
        yield
    finally:
        point.rollback()


def called(connection: Connection, text: str) -> None:
    """Every text that came from outside is `text`."""
    connection.execute(update(ArtworkRow).values(title=text, unavailable_reason=text))
    connection.execute(update(ArtworkRow).where(ArtworkRow.failed_reason.is_not(None)).values(failed_reason=text))
    connection.execute(update(ArtworkVersionRow).where(ArtworkVersionRow.field == "title").values(value=text))
    connection.execute(update(ArtworkVersionRow).where(ArtworkVersionRow.field == "tags").values(value=[text, text]))
    connection.execute(update(FileRow).where(FileRow.failed_reason.is_not(None)).values(failed_reason=text))
    connection.execute(update(UserRow).values(name=text))
    connection.execute(update(UserNameRow).values(name=text))
    connection.execute(update(CrawlRow).values(reason=text, arguments={"word": text, text: text}))


class Shape(HTMLParser):
    """The tags of a page in their order, with their attributes' names, and where the attributes lead."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.addresses: set[str] = set()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.addresses |= {value or "" for name, value in attrs if name in ("href", "src")}

    def handle_comment(self, data: str) -> None:
        self.tags.append(("comment", (data,)))


@pytest.fixture(scope="module")
def plain(connection: Connection) -> Shape:
    """The page where every name is a harmless one."""
    with taken_back(connection):
        called(connection, "plain")
        return Shape(as_html(connection))


ANY_TEXT = st.text(st.characters(exclude_categories=()), min_size=1, max_size=200)
WORST = st.text(st.sampled_from("<>&\"'/=!- \x1b\x9b\u202e\u2066\u200f\x00\n\r\tascriptjv:"), min_size=1)


@pytest.mark.parametrize(
    "text",
    [
        "</bdi></a></li><script>alert(1)</script>",
        "'\"><img src=x onerror=alert(1)>",
        "<!-- ]]> &lt; &#60;script&#62;",
        "\u202e\u2067txt.exe\x1b[2J\x1b]0;title\x07\x9b31m\u2028\u2029\ud800",
        "x" * 3000,
        "\u0301" * 300,
        " ",
    ],
)
def test_a_hostile_name_is_a_name(connection: Connection, plain: Shape, text: str) -> None:
    assert_a_name(connection, plain, text)


@pytest.mark.long
@given(text=ANY_TEXT | WORST)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_is_a_name(connection: Connection, plain: Shape, text: str) -> None:
    assert_a_name(connection, plain, text)


def assert_a_name(connection: Connection, plain: Shape, text: str) -> None:
    with taken_back(connection):
        called(connection, text)
        told, shown, document = as_text(connection), as_html(connection), as_json(connection)
    assert all(line.isprintable() and len(line) < 700 for line in told.split("\n"))
    hostile = Shape(shown)
    assert hostile.tags == plain.tags
    assert hostile.addresses == plain.addresses
    assert all(line.isprintable() for line in shown.replace(STYLE, "").split("\n"))
    assert re.fullmatch(r"[\n\x20-\x7e]*", document)
    assert "<" not in document
    titles = {work["title"] for work in json.loads(document)["new"]}
    assert titles == {storable(text)}, "the document keeps every character"


# The page


def test_the_page_asks_for_nothing_and_runs_nothing(connection: Connection) -> None:
    page = as_html(connection, limits=LIMITS)
    shape = Shape(page)
    assert {tag for tag, _ in shape.tags}.isdisjoint({"script", "link", "iframe", "object", "form", "base"})
    assert not any(name.startswith("on") or name == "style" for _, names in shape.tags for name in names)
    assert all(
        re.match(
            r"#|data:image/jpeg;|https://www\.pixiv\.net/(artworks|users)/\d+$|http://127\.0\.0\.1:8490/works/1$", to
        )
        for to in shape.addresses
    )
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page
    assert f"<style>{STYLE}</style>" in page
    assert "url(" not in STYLE


def test_the_page_can_be_read_by_everyone(connection: Connection) -> None:
    page = as_html(connection, limits=LIMITS)
    assert '<html lang="en">' in page
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page
    levels = [int(level) for level in re.findall(r"<h([1-6])", page)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    named = set(re.findall(r'aria-labelledby="(\w+)"', page))
    assert named == set(re.findall(r' id="(\w+)"', page)), "each part is called by its heading"
    assert set(re.findall(r'href="#(\w+)"', page)) | {"person"} == named
