"""Each kind of damage is what it is called, and nothing else is touched."""

import hashlib
import http.client
import io
import socket
import time
import zipfile
from typing import Any

import pytest
import simplejpeg
from PIL import Image

from tests.sandbox.faults import API_KINDS, IMAGE_KINDS
from tests.sandbox.serving import Sandbox, World

PICTURE, UGOIRA, MIXED = 5000111, 5000411, 5000211


def address(browser: Any, work_id: int, page: int = 0) -> str:
    if work_id == UGOIRA:
        return str(browser.body(f"/ajax/illust/{work_id}/ugoira_meta")["originalSrc"])
    return str(browser.body(f"/ajax/illust/{work_id}/pages")[page]["urls"]["original"])


def strictly_decodes(body: bytes) -> bool:
    try:
        simplejpeg.decode_jpeg(body, strict=True, min_height=1, min_width=1, colorspace="GRAY")
    except ValueError:
        return False
    return body.endswith(b"\xff\xd9")


def damaged(browser: Any, kind: str, work_id: int = PICTURE, page: int = 0) -> tuple[bytes, Any]:
    """The right body, and the reply with the damage."""
    url = address(browser, work_id, page)
    right = browser.get(url).body
    browser.sandbox.faults.image(work_id, kind=kind)
    return right, browser.get(url)


def test_cut_under_a_true_length(own: Any):
    right = own.get(address(own, PICTURE)).body
    own.sandbox.faults.image(PICTURE, kind="cut_declared")
    with pytest.raises(http.client.IncompleteRead) as caught:
        own.get(address(own, PICTURE))
    assert caught.value.partial == right[: len(right) // 2]
    assert caught.value.expected == len(right) - len(right) // 2
    assert own.sandbox.requests("image")[-1].bytes_sent == len(right) // 2


def test_cut_without_a_length(own: Any):
    right, reply = damaged(own, "cut_undeclared")
    assert "Content-Length" not in reply.headers
    assert reply.headers["Transfer-Encoding"] == "chunked"
    assert reply.body == right[: len(right) // 2]


def test_cut_under_a_length_that_agrees(own: Any):
    right, reply = damaged(own, "cut_relabelled")
    assert reply.headers["Content-Length"] == str(len(right) // 2)
    assert reply.body == right[: len(right) // 2]
    assert not strictly_decodes(reply.body)


def test_a_zeroed_half_keeps_its_end(own: Any):
    right, reply = damaged(own, "zeroed_half")
    assert len(reply.body) == len(right)
    assert reply.body.endswith(b"\0\0\xff\xd9")
    with Image.open(io.BytesIO(reply.body)) as picture:
        picture.load()  # a lenient decoder takes it
    assert strictly_decodes(right)
    assert not strictly_decodes(reply.body)


@pytest.mark.parametrize("number", range(1, 13))
def test_a_zeroed_hole_breaks_the_stream(own: Any, number: int):
    own.sandbox.world.add_work(15)
    work = own.sandbox.world.add_work(15, title=f"hole {number}")
    right, reply = damaged(own, "zeroed_hole", work.id)
    middle = len(right) // 2
    assert reply.body[middle - 2048 : middle + 2048] == bytes(4096)
    assert (reply.body[: middle - 2048], reply.body[middle + 2048 :]) == (
        right[: middle - 2048],
        right[middle + 2048 :],
    )
    assert not strictly_decodes(reply.body)


def test_a_hole_in_a_png_fails_its_checksum(own: Any):
    own.sandbox.faults.image(MIXED, page=0, kind="zeroed_hole")
    with Image.open(io.BytesIO(own.get(address(own, MIXED)).body)) as picture, pytest.raises((SyntaxError, OSError)):
        picture.verify()
    assert (
        own.get(address(own, MIXED, 1)).body
        == own.sandbox.world.pictures.original(own.sandbox.world.work(MIXED), 1).whole
    )


def test_a_web_page_and_a_placeholder(own: Any):
    _, page = damaged(own, "html")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html")
    assert b"<html" in page.body
    own.sandbox.faults.clear()
    _, placeholder = damaged(own, "placeholder")
    assert (placeholder.status, placeholder.headers["Content-Type"]) == (200, "image/png")
    with Image.open(io.BytesIO(placeholder.body)) as picture:
        assert picture.size == (360, 360)


@pytest.mark.parametrize(("page", "form", "other"), [(0, "PNG", "JPEG"), (1, "JPEG", "PNG"), (2, "GIF", "JPEG")])
def test_wrong_size_and_wrong_format(own: Any, page: int, form: str, other: str):
    told = own.body(f"/ajax/illust/{MIXED}/pages")[page]
    _, smaller = damaged(own, "wrong_size", MIXED, page)
    with Image.open(io.BytesIO(smaller.body)) as picture:
        picture.load()
        assert (picture.format, picture.size) == (form, (told["width"] // 2, told["height"] // 2))
    own.sandbox.faults.clear()
    _, foreign = damaged(own, "wrong_format", MIXED, page)
    with Image.open(io.BytesIO(foreign.body)) as picture:
        picture.load()
        assert (picture.format, picture.size) == (other, (told["width"], told["height"]))


def test_bad_zips(own: Any):
    right, reply = damaged(own, "bad_zip", UGOIRA)
    assert len(reply.body) == len(right)
    assert zipfile.ZipFile(io.BytesIO(reply.body)).testzip() is not None
    own.sandbox.faults.clear()
    _, shorter = damaged(own, "missing_frame", UGOIRA)
    archive = zipfile.ZipFile(io.BytesIO(shorter.body))
    assert archive.testzip() is None
    assert len(archive.namelist()) == 5
    own.sandbox.faults.clear()
    own.sandbox.faults.image(kind="bad_zip")
    assert (
        own.get(address(own, PICTURE)).body
        == own.sandbox.world.pictures.original(own.sandbox.world.work(PICTURE), 0).whole
    )


def test_a_whole_body_without_a_length(own: Any):
    right, reply = damaged(own, "no_length")
    assert "Content-Length" not in reply.headers
    assert reply.body == right


@pytest.mark.parametrize("status", [403, 404, 429, 503])
def test_statuses(own: Any, status: int):
    _, reply = damaged(own, f"status:{status}")
    assert reply.status == status
    own.sandbox.faults.api("/ajax/illust/", kind=f"status:{status}", retry_after=7)
    refused = own.get("/ajax/illust/5000111")
    assert (refused.status, refused.headers["Retry-After"], refused.json["error"]) == (status, "7", True)
    assert own.get("/ajax/user/11").status == 200


def test_a_redirect_leads_to_another_host(own: Any):
    _, reply = damaged(own, "redirect")
    assert reply.status == 302
    assert reply.headers["Location"].startswith("http://localhost:")
    own.get(reply.headers["Location"])
    assert own.sandbox.log[-1].host.startswith("localhost:"), "a crawler that followed shows in the log"


def test_slow_trickles_without_end(own: Any):
    url = address(own, PICTURE)
    own.sandbox.faults.image(PICTURE, kind="slow")
    host, _, port = own.sandbox.image_host.partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        path = url.partition(own.sandbox.image_host)[2]
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nReferer: https://www.pixiv.net/\r\n\r\n".encode())
        started = time.monotonic()
        received = b""
        while time.monotonic() - started < 1:
            received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"Content-Length: 5" in head
    assert 1 <= len(body) <= 10


def test_times_and_the_order_of_orders(own: Any):
    url = address(own, PICTURE)
    always = own.sandbox.faults.image(kind="status:503")
    twice = own.sandbox.faults.image(PICTURE, kind="status:403", times=2)
    assert [own.get(url).status for _ in range(4)] == [403, 403, 503, 503]
    assert (always.served, twice.served) == (2, 2)
    own.sandbox.faults.clear()
    assert own.get(url).status == 200


def test_thumbnails_stay_whole(own: Any):
    own.sandbox.faults.image(kind="html")
    url = own.body("/ajax/illust/5000111")["urls"]["regular"]
    assert own.get(url).headers["Content-Type"] == "image/jpeg"


@pytest.mark.parametrize("status", [200, 403, 503])
def test_html_where_json_is_due(own: Any, status: int):
    own.sandbox.faults.api("/ajax/user/11", kind="html", status=status)
    reply = own.get("/ajax/user/11")
    assert (reply.status, reply.headers["Content-Type"]) == (status, "text/html; charset=utf-8")


def test_distorted_json(own: Any):
    faults, path = own.sandbox.faults, "/ajax/illust/5000211"
    faults.api(f"{path}$", kind="missing_field", field="urls.original", times=2)
    assert own.body(f"{path}/pages")[0]["urls"]["original"]
    body = own.body(f"{path}?lang=en")
    assert own.body(path).keys() == body.keys()
    assert "original" not in body["urls"]
    assert "regular" in body["urls"]
    faults.api(f"{path}/pages", kind="missing_field", field="urls.original", times=1)
    assert not any("original" in page["urls"] for page in own.body(f"{path}/pages"))
    faults.api(path, kind="missing_field", times=1)
    assert set(own.get(path).json) == {"error", "message"}
    faults.api(path, kind="not_object", times=1)
    assert own.get(path).json == []
    faults.api(path, kind="unknown_json", times=1)
    assert own.get(path).json == {"hello": "world"}
    faults.api(path, kind="login", times=1)
    assert (own.get(path).status, own.get(path).status) == (401, 200)
    faults.api("ranking", kind="missing_field", field="contents.illust_id", times=1)
    assert "illust_id" not in own.get("/ranking.php?format=json").json["contents"][0]


def test_a_throttled_search_looks_empty(own: Any):
    own.sandbox.faults.api(r"/ajax/search/.*[?&]p=2\b", kind="empty", times=1)
    path = "/ajax/search/artworks/rain?word=rain&p="
    replies = [own.get(f"{path}{number}") for number in (1, 2, 2)]
    assert [reply.status for reply in replies] == [200, 200, 200]
    listings = [reply.json["body"]["illustManga"] for reply in replies]
    assert [bool(listing["data"]) for listing in listings] == [True, False, True]
    assert listings[1]["total"] == 0
    own.sandbox.faults.api("/profile/all", kind="empty", times=1)
    assert own.body("/ajax/user/11/profile/all")["illusts"] == []


def test_disconnect(own: Any):
    own.sandbox.faults.api("/ajax/user/11", kind="disconnect", times=1)
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        own.get("/ajax/user/11")
    assert own.sandbox.log[-1].status == 0
    assert own.get("/ajax/user/11").status == 200


def test_unknown_kinds_are_refused(own: Any):
    with pytest.raises(ValueError, match="no fault is called"):
        own.sandbox.faults.image(kind="cut")
    with pytest.raises(ValueError, match="no fault is called"):
        own.sandbox.faults.api("/", kind="zeroed_half")


def test_a_random_plan_is_the_same_for_the_same_seed(browse: Any):
    kinds = [
        kind for kind in (*IMAGE_KINDS, *API_KINDS, "status:429") if kind not in ("slow", "disconnect", "cut_declared")
    ]

    def outcome(seed: int, share: float) -> list[tuple[int, str]]:
        world = World.demo()
        with Sandbox(world) as sandbox:
            browser = browse(sandbox)
            urls = [f"/ajax/illust/{work.id}" for work in world.works_of(11, None)]
            urls += [
                browser.body(f"/ajax/illust/{work.id}")["urls"]["original"]
                for work in world.works_of(11, None)
                if not (work.gone or work.is_ugoira)
            ]
            sandbox.faults.random(seed, share, kinds)
            replies = [browser.get(url) for _ in range(3) for url in urls]
            ports = (sandbox.base_url.rpartition(":")[2], sandbox.image_host.rpartition(":")[2])
        found = []
        for reply in replies:
            body = reply.body
            for port, name in zip(ports, (b"api", b"image"), strict=True):
                body = body.replace(port.encode(), name)
            found.append((reply.status, hashlib.sha256(body).hexdigest()))
        return found

    first = outcome(1, 0.3)
    right = outcome(1, 0)
    assert first == outcome(1, 0.3)
    assert first != outcome(2, 0.3)
    wrong = sum(one != other for one, other in zip(first, right, strict=True))
    assert 0.15 < wrong / len(first) < 0.45


def test_any_body_in_place_of_an_image(own: Any):
    url = address(own, PICTURE)
    own.sandbox.faults.image(PICTURE, kind="replaced", body=b"anything")
    reply = own.get(url)
    assert (reply.status, reply.body) == (200, b"anything")
    assert (reply.headers["Content-Type"], reply.headers["Content-Length"]) == ("image/jpeg", "8")


def test_any_value_in_place_of_a_field(own: Any):
    right = own.body(f"/ajax/illust/{MIXED}/pages")
    own.sandbox.faults.api("/pages$", kind="replaced_field", field="urls.original", value="\ud800")
    own.sandbox.faults.api(rf"/illust/{MIXED}$", kind="replaced_field", field="", value=[7])
    pages = own.body(f"/ajax/illust/{MIXED}/pages")
    assert [page["urls"].pop("original") for page in pages] == ["\ud800"] * 3
    for page in right:
        del page["urls"]["original"]
    assert pages == right
    assert own.body(f"/ajax/illust/{MIXED}") == [7]
    own.sandbox.faults.api("/illust/", kind="replaced_field", field="no.such", value=1)
    assert "no" not in own.body(f"/ajax/illust/{PICTURE}")


def test_redirects_lead_where_they_are_told_to(own: Any):
    url = address(own, PICTURE)
    own.sandbox.faults.image(PICTURE, kind="redirect", location="file:///etc/passwd")
    own.sandbox.faults.api(rf"/illust/{MIXED}$", kind="redirect", location="http://10.0.0.1/")
    for asked, location in ((url, "file:///etc/passwd"), (f"/ajax/illust/{MIXED}", "http://10.0.0.1/")):
        reply = own.get(asked)
        assert (reply.status, reply.headers["Location"]) == (302, location)


@pytest.mark.parametrize("kind", ["replaced", "replaced_field"])
def test_what_needs_an_option_never_comes_by_chance(own: Any, kind: str):
    with pytest.raises(ValueError, match="no fault is called"):
        own.sandbox.faults.random(1, 1.0, [kind])


def test_half_of_the_rows(own: Any):
    asked = f"/touch/ajax/illust/details/many?illust_ids[]={PICTURE}&illust_ids[]={UGOIRA}&illust_ids[]={MIXED}"
    right = own.body(asked)["illust_details"]
    own.sandbox.faults.api("/details/many", kind="halved", field="illust_details")
    assert own.body(asked)["illust_details"] == [right[0], right[2]]


def test_late_is_right_after_a_while(own: Any):
    asked = f"/ajax/illust/{PICTURE}"
    right = own.body(asked)
    own.sandbox.faults.api(asked, kind="late", seconds=0.3)
    begun = time.monotonic()
    assert own.body(asked) == right
    assert time.monotonic() - begun >= 0.3


def test_a_refusal_says_what_it_is_told_to(own: Any):
    own.sandbox.faults.api(rf"/illust/{PICTURE}$", kind="status:400", message="\x1b[2J")
    reply = own.get(f"/ajax/illust/{PICTURE}")
    assert (reply.status, reply.json) == (400, {"error": True, "message": "\x1b[2J", "body": []})
