from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import HtmlResponse, Response

from pixivcrawl.api.catalogue import ILLUST_BOOKMARK_ADD, ILLUST_DETAIL, ILLUST_LIKE, USER_SHORT
from pixivcrawl.downloadermiddlewares.session import HostRefused, SessionMiddleware, token_in
from pixivcrawl.errors import ConfigurationError
from tests.raw import answers, raw_server
from tests.sandbox.serving import Sandbox, World
from tests.travelling import go, original_url, settings_for, to_stage, travel

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.of(works=2)) as sandbox:
        yield sandbox


@pytest.fixture
def signed_in(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("PIXIV_PHPSESSID", sandbox.cookie)
    return sandbox.cookie


def first_work(sandbox: Sandbox) -> int:
    return sandbox.world.works_of(11, None)[0].id


def test_the_cookie_goes_to_the_api_and_nowhere_else(
    sandbox: Sandbox, signed_in: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    work_id = first_work(sandbox)
    with raw_server(answers("HTTP/1.1 200 OK\nSet-Cookie: tracking=1\nContent-Length: 0")) as elsewhere:
        settings = settings_for(
            tmp_path, sandbox, PIXIV_IMAGE_HOSTS=[sandbox.image_host, elsewhere.host], LOG_LEVEL="DEBUG"
        )
        secrets = {"Cookie": "planted=1", "X-CSRF-Token": "planted", "Authorization": "planted"}
        requests = [
            ILLUST_DETAIL.request(sandbox.base_url, id=work_id),
            to_stage(original_url(sandbox, work_id), tmp_path / "staging" / "it"),
            Request(f"http://{elsewhere.host}/", headers=secrets, cookies={"planted": "2"}),
            Request(f"http://{elsewhere.host}/", headers=secrets),
            USER_SHORT.request(sandbox.base_url, id=11).replace(headers=secrets | {"User-Agent": "Mozilla/5.0"}),
        ]
        with caplog.at_level(logging.DEBUG):
            journey = travel(settings, *requests)
        for head in elsewhere.heads:
            assert not [
                name for name in ("cookie", "token", "authorization", "planted", "tracking") if name in head.lower()
            ]
    assert [getattr(answer, "status", answer) for answer in journey.answers] == [200] * 5
    for logged in sandbox.requests("api"):
        assert logged.headers["cookie"] == f"PHPSESSID={signed_in}"
        assert "planted" not in str(logged.headers)
    for logged in sandbox.requests("image"):
        assert "cookie" not in logged.headers
    assert signed_in not in caplog.text
    assert signed_in not in str(journey.stats)


def test_without_a_session_no_cookie_is_sent(sandbox: Sandbox, tmp_path: Path) -> None:
    request = USER_SHORT.request(sandbox.base_url, id=11).replace(cookies={"planted": "1"})
    travel(settings_for(tmp_path, sandbox), request)
    [logged] = sandbox.log
    assert "cookie" not in logged.headers


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_foreign_host_gets_no_request(sandbox: Sandbox, signed_in: str, tmp_path: Path, name: str) -> None:
    with raw_server(answers("HTTP/1.1 200 OK\nContent-Length: 0")) as elsewhere:
        url = f"http://{name}:{elsewhere.host.rpartition(':')[2]}/ajax/user/11"
        journey = travel(settings_for(tmp_path, sandbox), Request(url), to_stage(url, tmp_path / "staging" / "it"))
        assert elsewhere.heads == []
    for answer in journey.answers:
        assert isinstance(answer, HostRefused)
        assert str(answer).isprintable()


@pytest.mark.parametrize(
    "url",
    [
        "http://i.pximg.net/a.png",
        "https://www.pixiv.net@evil.example/",
        "file:///etc/passwd",
        "data:,x",
        "ftp://a/b",
        "s3://a/b",
    ],
)
def test_an_address_that_may_not_be_asked(tmp_path: Path, url: str) -> None:
    assert isinstance(travel(settings_for(tmp_path), Request(url)).only, HostRefused)


class TestToken:
    def test_a_post_carries_it_and_it_is_asked_for_once(self, sandbox: Sandbox, signed_in: str, tmp_path: Path) -> None:
        work_id = first_work(sandbox)
        likes = [ILLUST_LIKE.request(sandbox.base_url, illust_id=work_id) for _ in range(2)]
        bookmark = ILLUST_BOOKMARK_ADD.request(sandbox.base_url, illust_id=work_id)
        journey = travel(settings_for(tmp_path, sandbox), *likes, bookmark, at_once=True)
        assert [getattr(answer, "status", answer) for answer in journey.answers] == [200] * 3
        assert [logged.path for logged in sandbox.log].count("/") == 1
        posts = [logged for logged in sandbox.log if logged.method == "POST"]
        assert len(posts) == 3
        assert {len(logged.headers["x-csrf-token"]) for logged in posts} == {32}
        assert not [logged for logged in sandbox.log if logged.method == "GET" and "x-csrf-token" in logged.headers]

    def test_it_is_found_on_an_artists_page_where_the_front_page_is_walled(
        self, sandbox: Sandbox, signed_in: str, tmp_path: Path
    ) -> None:
        sandbox.faults.api("^/$", kind="html", status=403)
        like = ILLUST_LIKE.request(sandbox.base_url, illust_id=first_work(sandbox))
        assert travel(settings_for(tmp_path, sandbox), like).only.status == 200
        assert [logged.path for logged in sandbox.log][:2] == ["/", "/en/users/901"]

    def test_where_no_page_holds_it_nothing_is_posted(self, sandbox: Sandbox, signed_in: str, tmp_path: Path) -> None:
        sandbox.faults.api("^/$", kind="html")
        sandbox.faults.api("/en/users/901", kind="html")
        like = ILLUST_LIKE.request(sandbox.base_url, illust_id=first_work(sandbox))
        assert "no token" in str(travel(settings_for(tmp_path, sandbox), like).only)
        assert "POST" not in {logged.method for logged in sandbox.log}

    def test_it_can_be_had_by_itself(self, sandbox: Sandbox, signed_in: str, tmp_path: Path) -> None:
        tokens: list[str] = []

        async def way(crawler: Crawler) -> list[Response | BaseException]:
            middleware = crawler.get_downloader_middleware(SessionMiddleware)
            assert middleware is not None
            tokens.append(await middleware.token())
            return []

        go(settings_for(tmp_path, sandbox), way)
        assert len(tokens[0]) == 32

    def test_without_a_session_there_is_none(self, sandbox: Sandbox, tmp_path: Path) -> None:
        journey = travel(settings_for(tmp_path, sandbox), ILLUST_LIKE.request(sandbox.base_url, illust_id=1))
        assert isinstance(journey.ended_by, ConfigurationError)
        assert sandbox.log == []

    @pytest.mark.parametrize(
        "page",
        [
            f"""<meta name="global-data" id="meta-global-data" content='{{"token":"{TOKEN}","services":{{}}}}'>""",
            f"""<meta id="meta-global-data" content="{{&quot;token&quot;:&quot;{TOKEN}&quot;}}">""",
            f"""<script id="__NEXT_DATA__" type="application/json">{{"a":"{{\\"api\\":{{\\"token\\":\\"{TOKEN}\\"}}}}"}}</script>""",
        ],
    )
    def test_where_it_stands_in_the_page(self, page: str) -> None:
        assert token_in(HtmlResponse("https://www.pixiv.net/", body=f"<html>é{page}</html>".encode())) == TOKEN

    @pytest.mark.parametrize("page", [b"", b"<html>", b'{"token":""}', b'{"token":"short"}', b"\xff\xfe"])
    def test_a_page_without_it(self, page: bytes) -> None:
        assert token_in(HtmlResponse("https://www.pixiv.net/", body=page)) is None

    def test_a_page_of_backslashes_takes_no_time(self) -> None:
        body = b"\\" * 200_000 + b'"token' + b" " * 200_000
        began = time.process_time()
        assert token_in(HtmlResponse("https://www.pixiv.net/", body=body)) is None
        assert time.process_time() - began < 2
