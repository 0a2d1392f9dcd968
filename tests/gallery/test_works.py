"""The grid of works, its box and its form, and the page of a work."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import quote, unquote_plus

import pytest

from pixivcrawl.gallery.rendering import LEAST_RATIO, MOST_RATIO, ratio, static_files
from pixivcrawl.ledger.updates import record_artwork
from tests.gallery.conftest import Visitor, visiting
from tests.gallery.making import GONE, HOSTILE, MANGA, NORMAL, R18, REVISED, UGOIRA, WITHOUT_FILES, WORKS, archive_at
from tests.ledger.making import NOW, an_artwork, connected, sqlite_url


def shown(gallery: Visitor, path: str) -> list[int]:
    answer = gallery.get(path)
    assert answer.status == 200, answer.text
    return [int(work_id) for work_id in re.findall(r'class="picture" href="/works/(\d+)', answer.text)]


def test_the_first_page_shows_every_work_the_newest_first(gallery: Visitor) -> None:
    assert shown(gallery, "/") == shown(gallery, "/works") == sorted(WORKS, reverse=True)


@pytest.mark.parametrize(
    ("text", "works"),
    [
        ("猫", [NORMAL]),
        ("#cat", [NORMAL]),
        ("kind:manga", [MANGA]),
        ("rating:r18", [R18]),
        ("is:gone", [GONE]),
        ("is:revised", [REVISED]),
        ("pages:>2", [MANGA]),
        ("kind:ugoira kind:manga", [UGOIRA, MANGA]),
        ("nothing of the kind", []),
    ],
)
def test_the_box_finds(gallery: Visitor, text: str, works: list[int]) -> None:
    assert shown(gallery, f"/works?q={quote(text)}") == works


def test_the_form_leads_to_the_address_that_the_box_has(gallery: Visitor) -> None:
    answer = gallery.get("/works?form=1&q=%E7%8C%AB&kind=illust&kind=manga&is=gone&pages=%3E2&sort=bookmarks&date=&ai=")
    assert answer.status == 302
    assert (
        unquote_plus(answer.headers["Location"])
        == "/works?q=猫 kind:illust kind:manga pages:>=3 is:gone sort:bookmarks"
    )


def test_what_a_saved_filter_hides_is_counted_and_a_click_away(tmp_path: Path) -> None:
    archive = archive_at(tmp_path)
    (tmp_path / "filters.toml").write_text(
        '[default]\nshow = "for all"\n[filter."for all"]\nrating = "safe"\n[filter.manga]\nkinds = ["manga"]\n'
    )
    with visiting(archive) as gallery:
        assert shown(gallery, "/works") == sorted(set(WORKS) - {R18}, reverse=True)
        page = gallery.get("/works").text
        assert "1 work is left out by a saved filter." in page
        assert shown(gallery, "/works?q=filter%3Anone") == sorted(WORKS, reverse=True)
        assert 'href="/works?q=filter%3Anone"' in page
        assert shown(gallery, "/works?q=filter%3Amanga") == [MANGA]
        led = gallery.get("/works?form=1&q=&filter=for+all")
        assert shown(gallery, led.headers["Location"]) == shown(gallery, "/works")
        assert gallery.get("/works?q=filter%3Aothers").status == 400


def test_an_index_that_is_damaged_within_is_said_on_the_page(tmp_path: Path) -> None:
    with visiting(archive_at(tmp_path)):
        pass
    index = tmp_path / "derived/index.sqlite"
    content = index.read_bytes()
    index.write_bytes(content[:12288] + b"\xff" * (len(content) - 12288))
    with visiting(tmp_path, follows=False) as gallery:
        answer = gallery.get("/works")
        assert (answer.status, "delete derived/" in answer.text) == (503, True)


def test_what_is_not_understood_is_said_in_a_line(gallery: Visitor) -> None:
    for path in (
        "/works?q=kind:novel",
        "/works?before=x",
        "/works?at=2021-13",
        f"/works?at={'9' * 30}",
        "/works?at=-1",
        f"/works?q={'x' * 1001}",
        "/works/1?in=kind:novel",
    ):
        answer = gallery.get(path)
        assert answer.status in (400, 404), path
        assert "Traceback" not in answer.text


def test_a_month_is_jumped_to(gallery: Visitor) -> None:
    answer = gallery.get("/works?at=2026-01")
    assert answer.status == 302
    assert shown(gallery, answer.headers["Location"]) == sorted(WORKS, reverse=True)
    assert shown(gallery, gallery.get("/works?at=2020-01").headers["Location"]) == []


def test_the_box_completes_tags_by_name_and_translation(gallery: Visitor) -> None:
    asked, texts, words = json.loads(gallery.get("/complete?q=kind:illust+%23ca").text)
    assert (asked, texts) == ("kind:illust #ca", ["kind:illust #猫"])
    assert words == ["cat (猫) · 1"]
    assert json.loads(gallery.get("/complete?q=").text) == ["", [], []]


def test_a_browser_can_search_from_its_own_box(gallery: Visitor) -> None:
    answer = gallery.get("/opensearch.xml")
    assert answer.headers["Content-Type"].startswith("application/opensearchdescription+xml")
    assert 'template="http://localhost:8490/works?q={searchTerms}"' in answer.text


@pytest.mark.parametrize("work_id", WORKS)
def test_a_work_has_a_page(gallery: Visitor, work_id: int) -> None:
    page = gallery.get(f"/works/{work_id}")
    assert page.status == 200, page.text
    assert ("SHA-256" in page.text) == (work_id != WITHOUT_FILES)
    assert gallery.get(f"/works/{work_id}/check").text.count("the one it was stored with") == page.text.count(
        " download="
    )


@pytest.mark.parametrize("hours", [-12, 14])
def test_the_first_and_the_last_of_all_times_are_shown_in_every_zone(tmp_path: Path, hours: int) -> None:
    archive_at(tmp_path)
    with connected(sqlite_url(tmp_path)) as connection:
        ends = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
        for work_id, time in enumerate(ends, 1):
            record_artwork(connection, replace(an_artwork(work_id), created=time, uploaded=time), NOW)
    with visiting(tmp_path, zone=timezone(timedelta(hours=hours))) as gallery:
        for path in ("/works?q=sort:uploaded", "/works/1", "/works/2", "/works/1/history", "/works/2/history"):
            assert gallery.get(path).status == 200, path


def test_a_work_that_is_not_here_is_said(gallery: Visitor) -> None:
    for path in ("/works/999", "/works/99999999999999999999999", "/nothing"):
        assert gallery.get(path).status == 404


def test_the_works_beside_one_are_those_of_the_search(gallery: Visitor) -> None:
    page = gallery.get(f"/works/{MANGA}?in=user:7").text
    assert f'rel="prev" href="/works/{UGOIRA}?in=user%3A7"' in page
    assert f'rel="next" href="/works/{NORMAL}?in=user%3A7"' in page
    alone = gallery.get(f"/works/{MANGA}?in=kind:manga").text
    assert 'rel="prev"' not in alone
    assert 'rel="next"' not in alone


def test_r18_is_covered_until_a_browser_chooses_otherwise(gallery: Visitor) -> None:
    assert 'class="cover"' in gallery.get("/works").text
    chosen = gallery.post("/settings", {"covered": "no", "back": "/works"})
    assert (chosen.status, chosen.headers["Location"]) == (303, "/works")
    cookie = chosen.headers["Set-Cookie"].partition(";")[0]
    assert 'class="cover"' not in gallery.get("/works", Cookie=cookie).text


def test_a_name_is_nothing_but_text(gallery: Visitor) -> None:
    for path in ("/works", f"/works/{HOSTILE}", "/complete?q=%3Cscript"):
        answer = gallery.get(path)
        assert "<script>alert" not in answer.text or answer.headers["Content-Type"].startswith("application/json")
        assert "<img src=x" not in answer.text or answer.headers["Content-Type"].startswith("application/json")
        assert "49" not in re.findall(r"\{\{.*?\}\}|>49<", answer.text)


def test_the_style_sheet_has_each_ratio_that_a_card_can_have() -> None:
    rules = dict(re.findall(r"\.(r\d+)\{--r:([0-9.]+)\}", static_files()["gallery.css"].decode()))
    widths = range(10, 1000, 7)
    assert {f"r{ratio(width, 100)}" for width in widths} <= rules.keys()
    for width in widths:
        exact = min(max(width / 100, LEAST_RATIO), MOST_RATIO)
        assert float(rules[f"r{ratio(width, 100)}"]) == pytest.approx(exact, rel=0.021)


def test_a_view_is_saved_as_a_filter_that_shows_it(tmp_path: Path) -> None:
    root = archive_at(tmp_path / "archive")
    (root / "filters.toml").write_text("# mine\n[filter.safe]\nrating = 'safe'\n", encoding="utf-8")
    with visiting(root) as gallery:
        view = "#cat 夏空 kind:illust pages:<=3"
        saved = gallery.post("/filters", {"name": "猫 in summer", "q": view})
        assert saved.status == 303
        assert shown(gallery, saved.headers["Location"]) == shown(gallery, f"/works?q={quote(view)}") == [NORMAL]
        text = (root / "filters.toml").read_text(encoding="utf-8")
        assert text.startswith("# mine\n[filter.safe]\nrating = 'safe'\n\n")
        assert tomllib.loads(text)["filter"]["猫 in summer"] == {
            "tags": ["猫"], "kinds": ["illust"], "max_pages": 3, "words": ["夏空"],
        }  # fmt: skip
        both = gallery.post("/filters", {"name": "both", "q": "filter:safe is:gone"})
        assert (both.status, "cannot say is:revised or is:gone" in both.text) == (400, True)
        for name, view in (
            ("safe", "猫"),
            ("none", "猫"),
            ("", "猫"),
            ("x", ""),
            ("x", "bookmarks:<5"),
            ("x", "filter:safe rating:r18"),
        ):
            assert gallery.post("/filters", {"name": name, "q": view}).status == 400, (name, view)
        assert gallery.post("/filters", {"name": "x", "q": "猫"}, Origin="http://evil.example").status == 403
        assert gallery.get("/filters?name=x&q=猫").status == 405
        assert (root / "filters.toml").read_text(encoding="utf-8") == text
