"""Who is answered, and what every answer says to the browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gallery.conftest import Visitor, visiting
from tests.gallery.making import NORMAL, archive_at

FOREIGN = "http://evil.example"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8490",
        "localhost",
        "localhost:1",
        "127.0.0.1.evil.example:8490",
        "localhost:8490.",
        "",
    ],
)
def test_a_foreign_host_is_refused(gallery: Visitor, host: str) -> None:
    assert gallery.get("/", Host=host).status in (400, 403)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": FOREIGN},
        {"Origin": "null"},
        {"Origin": "http://localhost:8491"},
        {"Origin": "https://localhost:8490"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"},
        {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "no-cors"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "cors", "Origin": FOREIGN},
    ],
)
def test_what_another_site_asks_for_is_refused(gallery: Visitor, headers: dict[str, str]) -> None:
    for path in ("/", f"/works/{NORMAL}", "/complete?q=a"):
        assert gallery.get(path, **headers).status == 403
    assert gallery.post("/shelf", {"work": "1", "field": "favourite", "value": "1"}, **headers).status == 403


def test_a_link_of_another_page_may_lead_here(gallery: Visitor) -> None:
    assert gallery.get("/works", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate").status == 200


def test_a_form_that_names_no_origin_is_refused(gallery: Visitor) -> None:
    form = {"work": "1", "field": "favourite", "value": "1"}
    assert gallery.ask("POST", "/shelf", headers={}, data=form).status == 403
    assert gallery.ask("POST", "/shelf", headers={"Sec_Fetch_Site": "cross-site"}, data=form).status == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_other_methods_are_refused(gallery: Visitor, method: str) -> None:
    assert gallery.ask(method, "/works", headers={}).status in (403, 405)


@pytest.mark.parametrize(
    "path", ["/works", f"/works/{NORMAL}", "/nothing", "/works?q=kind:no", "/static/gallery.css", "/complete?q=a"]
)
def test_every_answer_forbids_what_is_not_from_here(gallery: Visitor, path: str) -> None:
    headers = gallery.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:")
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_no_page_has_a_style_or_a_script_within_it(gallery: Visitor) -> None:
    for path in ("/works", f"/works/{NORMAL}", "/shelf", "/nothing"):
        text = gallery.get(path).text
        assert " style=" not in text
        assert "<style" not in text
        assert "<script>" not in text
        assert " onclick" not in text


@pytest.mark.parametrize(
    "back", ["http://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nX: 1", ""]
)
def test_a_form_leads_to_no_other_site(gallery: Visitor, back: str) -> None:
    answer = gallery.post("/settings", {"covered": "yes", "back": back})
    assert (answer.status, answer.headers["Location"]) == (303, "/works")


# With a key


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    with visiting(archive_at(tmp_path_factory.mktemp("keyed")), key="the-key") as visitor:
        yield visitor


@pytest.mark.parametrize(
    "path", ["/", "/works", "/static/gallery.css", "/?key=another", "/works?key=", "/originals/" + "0" * 64 + ".jpg"]
)
def test_nothing_is_shown_without_the_key(keyed: Visitor, path: str) -> None:
    assert keyed.get(path).status == 403
    assert keyed.get(path, Cookie="pixivcrawl_key=another").status == 403


def test_a_cookie_that_is_no_text_is_no_key(keyed: Visitor) -> None:
    sent = b"GET / HTTP/1.1\r\nHost: localhost:8490\r\nCookie: pixivcrawl_key=\xe7\x8c\r\nConnection: close\r\n\r\n"
    assert keyed.send(sent).startswith(b"HTTP/1.1 403")


def test_the_address_with_the_key_gives_a_cookie_that_no_script_and_no_other_site_has(keyed: Visitor) -> None:
    answer = keyed.get("/?key=the-key")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert answer.headers["Refresh"] == "0; url=/"
    assert keyed.get("/works", Cookie="pixivcrawl_key=the-key").status == 200
