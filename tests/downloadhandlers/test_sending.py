"""What leaves, to whom, at what pace, and what is made of the answer."""

from __future__ import annotations

import asyncio
import gzip
import logging
import os
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadFailedError
from scrapy.http import Response, TextResponse

from pixivcrawl.api.catalogue import SEARCH_ARTWORKS, USER_PROFILE_ALL, USER_SHORT
from pixivcrawl.errors import ConfigurationError, PauseTooLong
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.service import Ledger, ledger_of
from pixivcrawl.ledger.updates.hosts import Pace
from pixivcrawl.run_ending import RunStopping
from pixivcrawl.session import reader_of, session_from_settings
from tests.raw import answers, raw_server
from tests.sandbox.serving import Sandbox, World
from tests.travelling import PIXIV, Journey, Traveller, go, original_url, settings_for, to_stage, travel

PROJECT = Path(__file__).resolve().parents[2]

PACKED = gzip.compress(b'{"error": false, "body": {}}')


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.of(works=3)) as sandbox:
        yield sandbox


def work_ids(sandbox: Sandbox) -> list[int]:
    return [work.id for work in sandbox.world.works_of(11, None)]


def users(sandbox: Sandbox, count: int) -> list[Request]:
    return [USER_SHORT.request(sandbox.base_url, id=11) for _ in range(count)]


def arrivals(sandbox: Sandbox, kind: Any = "api") -> list[float]:
    return [logged.time for logged in sandbox.requests(kind)]


class TestAnswer:
    def test_a_body_in_memory(self, sandbox: Sandbox, tmp_path: Path) -> None:
        journey = travel(settings_for(tmp_path, sandbox), *users(sandbox, 1))
        assert isinstance(journey.only, TextResponse)
        assert journey.only.json()["body"]["userId"] == "11"
        assert journey.stats["pixiv/api_requests"] == 1

    def test_a_packed_body_is_unpacked(self, tmp_path: Path) -> None:
        head = f"HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Encoding: gzip\nContent-Length: {len(PACKED)}"
        with raw_server(answers(head, PACKED)) as raw:
            request = USER_SHORT.request(f"http://{raw.host}", id=11)
            journey = travel(settings_for(tmp_path, PIXIV_BASE_URL=f"http://{raw.host}"), request)
            assert "Accept-Encoding: gzip, deflate" in raw.heads[0]
        assert journey.only.json() == {"error": False, "body": {}}
        assert "Content-Encoding" not in journey.only.headers

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (PACKED[:20], f"the connection broke within a packed body of {len(PACKED)}"),
            (PACKED[:-8] + bytes(8), "the body cannot be unpacked"),
            (PACKED[:11] + bytes(len(PACKED) - 11), "the body cannot be unpacked"),
        ],
        ids=["cut", "wrong checksum", "zeroed"],
    )
    def test_a_packed_body_that_is_not_whole(self, tmp_path: Path, body: bytes, said: str) -> None:
        head = f"HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Length: {len(PACKED)}"
        with raw_server(answers(head, body)) as raw:
            journey = travel(settings_for(tmp_path, PIXIV_IMAGE_HOSTS=raw.host), Request(f"http://{raw.host}/"))
        assert isinstance(journey.only, DownloadFailedError)
        assert str(journey.only).startswith(said)

    def test_a_gzip_stream_without_its_end_is_no_empty_body(self, tmp_path: Path) -> None:
        head = "HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Length: 20"
        with raw_server(answers(head, gzip.compress(bytes(5000))[:20])) as raw:
            journey = travel(settings_for(tmp_path, PIXIV_IMAGE_HOSTS=raw.host), Request(f"http://{raw.host}/"))
        assert "cannot be unpacked" in str(journey.only)

    @pytest.mark.parametrize(
        "head", ["HTTP/1.1 200 OK\nContent-Length: -1", "HTTP/1.1 200 OK\nX-Long: " + "x" * 9000, "no HTTP"]
    )
    def test_what_is_no_http_is_said_to_be_that(self, tmp_path: Path, head: str) -> None:
        with raw_server(answers(head, b"{}")) as raw:
            journey = travel(settings_for(tmp_path, PIXIV_IMAGE_HOSTS=raw.host), Request(f"http://{raw.host}/"))
        assert str(journey.only) == f"{raw.host}: its answer cannot be read as HTTP"

    @pytest.mark.long
    @pytest.mark.parametrize("encoding", ["identity", "gzip"])
    def test_a_body_over_the_limit_is_a_failed_transfer(self, tmp_path: Path, encoding: str) -> None:
        body = bytes(3 << 20) if encoding == "identity" else gzip.compress(bytes(300 << 20), 9)
        head = f"HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Encoding: {encoding}\nContent-Length: {len(body)}"
        with raw_server(answers(head, body)) as raw:
            settings = settings_for(tmp_path, PIXIV_IMAGE_HOSTS=raw.host, DOWNLOAD_MAXSIZE=2 << 20)
            journey = travel(settings, Request(f"http://{raw.host}/"))
        assert isinstance(journey.only, DownloadFailedError)
        assert "longer than the limit" in str(journey.only)

    def test_a_redirect_is_not_followed(self, sandbox: Sandbox, tmp_path: Path) -> None:
        with raw_server(answers("HTTP/1.1 200 OK\nContent-Length: 0")) as elsewhere:
            head = f"HTTP/1.1 302 Found\nLocation: http://{elsewhere.host}/\nContent-Length: 0"
            with raw_server(answers(head)) as raw:
                settings = settings_for(tmp_path, PIXIV_IMAGE_HOSTS=[raw.host, elsewhere.host])
                journey = travel(settings, to_stage(f"http://{raw.host}/a.png", tmp_path / "staging" / "a"))
            assert elsewhere.heads == []
        assert journey.only.status == 302

    def test_headers_that_are_no_text(self, tmp_path: Path) -> None:
        with raw_server(
            answers("HTTP/1.1 404 Ü\nX-Odd: \u00ff\u00fe\nSet-Cookie: a=b\nSet-Cookie: c=d\nContent-Length: 0")
        ) as raw:
            journey = travel(settings_for(tmp_path, PIXIV_IMAGE_HOSTS=raw.host), Request(f"http://{raw.host}/"))
        assert journey.only.headers.getlist("Set-Cookie") == [b"a=b", b"c=d"]

    def test_an_address_is_sent_as_the_catalogue_wrote_it(self, sandbox: Sandbox, tmp_path: Path) -> None:
        head = "HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: 2"
        with raw_server(answers(head, b"{}")) as raw:
            request = SEARCH_ARTWORKS.request(f"http://{raw.host}", word="..")
            travel(settings_for(tmp_path, PIXIV_BASE_URL=f"http://{raw.host}"), request)
            assert raw.heads[0].startswith("GET /ajax/search/artworks/%2E%2E?")

    @pytest.mark.parametrize(
        ("host", "said"),
        [("127.0.0.1:1", "no connection"), ("no-such-host.invalid", "no such host")],
    )
    def test_nobody_there(self, tmp_path: Path, host: str, said: str) -> None:
        journey = travel(settings_for(tmp_path, PIXIV_IMAGE_HOSTS=host), Request(f"https://{host}/"))
        assert isinstance(journey.only, DownloadFailedError)
        assert said in str(journey.only)
        assert str(journey.only).startswith(host)


class TestPatience:
    @pytest.mark.parametrize(
        "drip",
        [b"X-Header: drip\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"],
        ids=["headers", "answers before the answer"],
    )
    def test_a_head_without_end_is_given_up(self, tmp_path: Path, drip: bytes) -> None:
        def dripping(connection: BinaryIO, _: str) -> None:
            connection.write(b"HTTP/1.1 200 OK\r\n" if drip.startswith(b"X") else b"")
            for _piece in range(100):
                connection.write(drip)
                time.sleep(0.1)

        with raw_server(dripping) as raw:
            request = USER_SHORT.request(f"http://{raw.host}", id=11)
            settings = settings_for(
                tmp_path, PIXIV_BASE_URL=f"http://{raw.host}", DOWNLOAD_TIMEOUT=0.5, PIXIV_API_RETRIES=0
            )
            began = time.monotonic()
            journey = travel(settings, request)
            assert time.monotonic() - began < 5
        assert "no sign of life" in str(journey.only)

    @pytest.mark.long
    def test_a_connection_may_wait_longer_for_its_next_request(self, tmp_path: Path) -> None:
        """Bodies longer than aiohttp's buffer, of which it reads the end only when it is asked for."""
        world = World.of(works=4, size=(400, 300))
        with Sandbox(world) as sandbox:
            sandbox.faults.api("/ajax/user/11", kind="status:429", retry_after=1, times=1)

            async def way(crawler: Crawler) -> list[Response | BaseException]:
                answers: list[Response | BaseException] = []
                for work in world.works_of(11, None):
                    request = to_stage(original_url(sandbox, work.id), tmp_path / "staging" / str(work.id))
                    asking = (crawler.engine.download_async(each) for each in (request, *users(sandbox, 1)))
                    answers += await asyncio.gather(*asking, return_exceptions=True)
                    await asyncio.sleep(0.8)
                return answers

            journey = go(settings_for(tmp_path, sandbox, DOWNLOAD_TIMEOUT=0.5), way)
            asked = [logged.path for logged in sandbox.requests("image")]
            sizes = [len(path.read_bytes()) for path in (tmp_path / "staging").iterdir()]
        assert [answer.status for answer in journey.answers] == [200] * 8
        assert min(sizes) > 1 << 15
        assert len(asked) == len(set(asked)) == 4
        assert len(sandbox.requests("api")) == 5


class TestPace:
    def test_one_at_a_time_and_a_pause_after_each_answer(self, tmp_path: Path) -> None:
        with Sandbox(World.of(works=1), delay=0.1) as sandbox:
            settings = settings_for(tmp_path, sandbox, PIXIV_API_DELAY=0.2)
            travel(settings, *users(sandbox, 4), at_once=True)
            times = arrivals(sandbox)
        assert len(times) == 4
        assert all(later - earlier >= 0.29 for earlier, later in pairwise(times))

    def test_images_do_not_wait_for_the_api(self, sandbox: Sandbox, tmp_path: Path) -> None:
        settings = settings_for(tmp_path, sandbox, PIXIV_API_DELAY=1)
        images = [
            to_stage(original_url(sandbox, work_id), tmp_path / "staging" / str(work_id))
            for work_id in work_ids(sandbox)
        ]
        travel(settings, *users(sandbox, 2), *images, at_once=True)
        assert max(arrivals(sandbox, "image")) < min(arrivals(sandbox)) + 1

    def test_crawls_of_one_process_share_it(self, sandbox: Sandbox, tmp_path: Path) -> None:
        """Two engines, each with its own handlers, on one loop."""
        settings = settings_for(tmp_path / "one", sandbox, PIXIV_API_DELAY=0.2)

        async def way(crawler: Crawler) -> list[Response | BaseException]:
            other = Crawler(Second, settings_for(tmp_path / "two", sandbox, PIXIV_API_DELAY=0.2))
            both = await asyncio.gather(ask_twice(crawler), other.crawl_async())
            return both[0]

        class Second(Traveller):
            journey = Journey()

            @staticmethod
            async def way(crawler: Crawler) -> list[Response | BaseException]:
                return await ask_twice(crawler)

        async def ask_twice(crawler: Crawler) -> list[Response | BaseException]:
            return [await crawler.engine.download_async(request) for request in users(sandbox, 2)]

        go(settings, way)
        times = arrivals(sandbox)
        assert len(times) == 4
        assert all(later - earlier >= 0.19 for earlier, later in pairwise(times))


class TestLearning:
    @pytest.mark.long
    def test_a_later_run_of_the_same_account_knows_that_it_was_refused(
        self, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And runs of another one do not."""
        sandbox.faults.api("user/11", kind="status:429", times=1, retry_after=1)

        def gap(session: str) -> float:
            monkeypatch.setenv("PIXIV_PHPSESSID", session)
            since = len(sandbox.requests("api"))
            travel(settings_for(tmp_path, sandbox, PIXIV_API_DELAY=0.4), *users(sandbox, 2))
            *_, before, last = arrivals(sandbox)[since:]
            return last - before

        mine, other = sandbox.cookie, sandbox.premium_cookie
        assert gap(mine) >= 0.6
        assert 0.4 <= gap(other) < 0.6
        assert 0.6 <= gap(mine) < 0.9

    @pytest.mark.long
    def test_a_run_under_way_hears_of_what_another_was_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pixivcrawl.downloadhandlers.ANSWERS_A_WRITE", 2)
        with Sandbox(World.of(works=1)) as sandbox:
            monkeypatch.setenv("PIXIV_PHPSESSID", sandbox.cookie)
            host = sandbox.base_url.partition("//")[2]

            async def way(crawler: Crawler) -> list[Response | BaseException]:
                first = [await crawler.engine.download_async(request) for request in users(sandbox, 2)]
                refused = Pace(0.6, 0.2, refused_at=datetime.now(UTC))
                reader = reader_of(session_from_settings(crawler.settings))
                await ledger_of(crawler).write(updates.share_pace, host, reader, refused)
                return [*first, *[await crawler.engine.download_async(request) for request in users(sandbox, 4)]]

            go(settings_for(tmp_path, sandbox, PIXIV_API_DELAY=0.2), way)
            gaps = [later - earlier for earlier, later in pairwise(arrivals(sandbox))]
        assert gaps[-1] >= 0.6

    def test_images_are_up_to_twice_as_many_at_once_where_they_come_quickly(self, tmp_path: Path) -> None:
        with Sandbox(World.of(works=60), delay=0.1) as sandbox:
            images = [
                to_stage(original_url(sandbox, work_id), tmp_path / "staging" / str(work_id))
                for work_id in work_ids(sandbox)
            ]
            travel(settings_for(tmp_path, sandbox), *images, at_once=True)
            times = arrivals(sandbox, "image")
        assert max(sum(begin <= each < begin + 0.09 for each in times) for begin in times[:4]) == 4
        assert max(sum(begin <= each < begin + 0.09 for each in times) for begin in times) == 8

    def test_a_refused_image_makes_them_fewer_at_once(self, tmp_path: Path) -> None:
        with Sandbox(World.of(works=80), delay=0.1) as sandbox:
            works = work_ids(sandbox)
            sandbox.faults.image(works[50], kind="status:503", times=1)
            images = [
                to_stage(original_url(sandbox, work_id), tmp_path / "staging" / str(work_id)) for work_id in works
            ]
            travel(settings_for(tmp_path, sandbox), *images, at_once=True)
            asked = sandbox.requests("image")
        refused = next(place for place, logged in enumerate(asked) if logged.status == 503)
        times = [logged.time for logged in asked[refused + 8 : refused + 13]]
        assert max(sum(begin <= each < begin + 0.09 for each in times) for begin in times) <= 5


class TestTooManyRequests:
    @pytest.mark.long
    def test_nothing_is_lost_and_nothing_leaves_meanwhile(self, sandbox: Sandbox, tmp_path: Path) -> None:
        sandbox.faults.api("profile/all", kind="status:429", times=2, retry_after=1)
        requests = [USER_PROFILE_ALL.request(sandbox.base_url, id=11), *users(sandbox, 5)]
        journey = travel(settings_for(tmp_path, sandbox), *requests, at_once=True)
        assert [getattr(answer, "status", answer) for answer in journey.answers] == [200] * 6
        times = arrivals(sandbox)
        first, second = (logged.time for logged in sandbox.requests("api") if logged.status == 429)
        assert not [each for each in times if first < each < first + 1 or second < each < second + 1]
        assert len(times) == 8
        assert journey.stats["pixiv/api_requests"] == 8

    def test_without_a_length_it_waits_as_long_as_the_settings_say_then_longer(
        self, sandbox: Sandbox, tmp_path: Path
    ) -> None:
        sandbox.faults.api("user/11", kind="status:429", times=2)
        journey = travel(settings_for(tmp_path, sandbox, PIXIV_RATE_LIMIT_WAIT=0.3), *users(sandbox, 1))
        assert journey.only.status == 200
        first, second, third = arrivals(sandbox)
        assert second - first >= 0.29
        assert third - second >= 0.59

    def test_the_image_host_too_and_it_alone(self, sandbox: Sandbox, tmp_path: Path) -> None:
        sandbox.faults.image(kind="status:429", times=1)
        settings = settings_for(tmp_path, sandbox, PIXIV_RATE_LIMIT_WAIT=1)
        request = to_stage(original_url(sandbox, work_ids(sandbox)[0]), tmp_path / "staging" / "it")
        journey = travel(settings, request, *users(sandbox, 3), at_once=True)
        assert request.meta["received"].bytes > 0
        assert [getattr(answer, "status", answer) for answer in journey.answers] == [200] * 4
        first, second = arrivals(sandbox, "image")
        assert second - first >= 0.99
        assert max(arrivals(sandbox)) < first + 0.9

    @pytest.mark.long
    def test_a_restart_within_the_pause_waits_too(self, sandbox: Sandbox, tmp_path: Path) -> None:
        sandbox.faults.api("user/11", kind="status:429", times=1, retry_after=2)
        stopped = stop_once_answered(settings_for(tmp_path, sandbox), sandbox, *users(sandbox, 1))
        assert [type(answer) for answer in stopped] == [RunStopping]
        [refused] = arrivals(sandbox)
        assert time.time() < refused + 1.5
        journey = travel(settings_for(tmp_path, sandbox), *users(sandbox, 2))
        assert [getattr(answer, "status", answer) for answer in journey.answers] == [200, 200]
        assert arrivals(sandbox)[1] - refused >= 1.95

    def test_a_pause_longer_than_a_run_may_wait_ends_it(self, sandbox: Sandbox, tmp_path: Path) -> None:
        sandbox.faults.api("/ajax/user/11", kind="status:429", retry_after=30 * 86400, times=1)
        settings = settings_for(tmp_path, sandbox)
        for sent in (1, 1):
            began = time.monotonic()
            journey = travel(settings, *users(sandbox, 2), at_once=True)
            assert time.monotonic() - began < 10
            assert isinstance(journey.ended_by, PauseTooLong)
            assert "until " in str(journey.ended_by)
            assert len(arrivals(sandbox)) == sent, "the pause is kept, and nothing else was sent"
        ledger = Ledger.open(f"sqlite:///{tmp_path / 'archive.sqlite'}", read_only=True)
        [pause] = ledger.read_now(queries.host_pauses)
        ledger.close()
        assert pause.until - pause.since == timedelta(days=1)

    @pytest.mark.long
    def test_how_long_a_run_may_wait_is_a_setting(self, sandbox: Sandbox, tmp_path: Path) -> None:
        sandbox.faults.api("/ajax/user/11", kind="status:429", retry_after=2, times=1)
        assert isinstance(
            travel(settings_for(tmp_path, sandbox, LONGEST_WAIT=1), *users(sandbox, 1)).ended_by, PauseTooLong
        )
        journey = travel(settings_for(tmp_path, sandbox, LONGEST_WAIT=3), *users(sandbox, 1))
        assert (journey.only.status, journey.ended_by) == (200, None)

    def test_a_good_answer_ends_the_pause_in_the_ledger_too(self, sandbox: Sandbox, tmp_path: Path) -> None:
        sandbox.faults.api("user/11", kind="status:429", times=1)
        travel(settings_for(tmp_path, sandbox), *users(sandbox, 1))
        ledger = Ledger.open(f"sqlite:///{tmp_path}/archive.sqlite")
        assert list(ledger.read_now(queries.host_pauses)) == []
        ledger.close()

    def test_a_clock_that_was_set_back_makes_no_pause_longer(self, sandbox: Sandbox, tmp_path: Path) -> None:
        host = sandbox.base_url.partition("//")[2]
        ledger = Ledger.open(f"sqlite:///{tmp_path}/archive.sqlite")
        then = datetime.now(UTC) + timedelta(days=3650)
        ledger.write_now(updates.pause_host, host, then + timedelta(seconds=0.5), then)
        ledger.close()
        began = time.time()
        travel(settings_for(tmp_path, sandbox), *users(sandbox, 1))
        [arrival] = arrivals(sandbox)
        assert 0.45 <= arrival - began < 5

    @pytest.mark.parametrize("close_spider", [False, True])
    def test_who_waits_does_not_hold_up_the_end(
        self, sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture, *, close_spider: bool
    ) -> None:
        sandbox.faults.api("user/11", kind="status:429", retry_after=500)
        began = time.monotonic()
        with caplog.at_level(logging.WARNING):
            stopped = stop_once_answered(
                settings_for(tmp_path, sandbox), sandbox, *users(sandbox, 20), close_spider=close_spider
            )
        assert time.monotonic() - began < 100
        assert [type(answer) for answer in stopped] == [RunStopping] * 20
        assert len(sandbox.requests("api")) == 1
        assert len([line for line in caplog.messages if "asks for a pause" in line]) == 1


def stop_once_answered(settings: Any, sandbox: Sandbox, *requests: Request, close_spider: bool = False) -> list[object]:
    """Let the scheduler send the requests, and stop the run (or close the spider) soon after the first answer.

    Gives what callbacks and errbacks got.
    """
    came: list[object] = []

    def wait_for_answer() -> None:
        while not any(each.status for each in sandbox.requests("api")):
            time.sleep(0.01)

    async def way(crawler: Crawler) -> list[Response | BaseException]:
        for request in requests:
            crawler.engine.crawl(
                request.replace(callback=came.append, errback=lambda failure: came.append(failure.value))
            )

        async def stop() -> None:
            await asyncio.to_thread(wait_for_answer)
            await asyncio.sleep(0.3)
            await (crawler.engine.close_spider_async() if close_spider else crawler.stop_async())

        asyncio.get_running_loop().stopping = asyncio.ensure_future(stop())  # type: ignore[attr-defined]
        return []

    go(settings, way)
    return came


class TestProxy:
    def test_a_plain_request_goes_through_it(self, tmp_path: Path) -> None:
        with raw_server(answers("HTTP/1.1 200 OK\nContent-Length: 2", b"ok")) as proxy:
            request = to_stage("http://127.0.0.1:9/a.png", tmp_path / "staging" / "it")
            request.meta["proxy"] = f"http://{proxy.host}"
            travel(settings_for(tmp_path, PIXIV_IMAGE_HOSTS="127.0.0.1:9"), request)
            [head] = proxy.heads
        assert request.meta["received"].bytes == 2
        assert head.startswith("GET http://127.0.0.1:9/a.png HTTP/1.1")

    def test_an_encrypted_one_goes_through_it_unseen(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The origin never sees the proxy's password, the proxy never sees the session."""
        with Sandbox(World.of(works=1), tls=True) as sandbox, raw_server(tunnel) as proxy:
            monkeypatch.setenv("SSL_CERT_FILE", str(sandbox.ca_file))
            monkeypatch.setenv("PIXIV_PHPSESSID", sandbox.cookie)
            [request] = users(sandbox, 1)
            request.meta["proxy"] = f"http://me:pass@{proxy.host}"
            journey = travel(settings_for(tmp_path, sandbox), request)
            [logged] = sandbox.log
        assert journey.only.status == 200
        assert proxy.heads[0].startswith("CONNECT 127.0.0.1:")
        assert "Proxy-Authorization: Basic bWU6cGFzcw==" in proxy.heads[0]
        assert sandbox.cookie not in "".join(proxy.heads)
        assert "proxy-authorization" not in logged.headers
        assert sandbox.cookie in logged.headers["cookie"]

    def test_loopback_is_never_asked_through_the_environments_proxy(
        self, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        assert travel(settings_for(tmp_path, sandbox), *users(sandbox, 1)).only.status == 200

    @pytest.mark.parametrize(
        ("proxy", "said"),
        [("http://me:hunter2@127.0.0.1:1", "the proxy cannot be reached"), (None, "the proxy answered 407")],
    )
    def test_one_that_fails_is_named_without_its_password(self, tmp_path: Path, proxy: str | None, said: str) -> None:
        with raw_server(answers("HTTP/1.1 407 No\nContent-Length: 0")) as refusing:
            meta = {"proxy": proxy or f"http://me:hunter2@{refusing.host}"}
            request = Request("https://127.0.0.1:9/", meta=meta)
            journey = travel(settings_for(tmp_path, PIXIV_IMAGE_HOSTS="127.0.0.1:9"), request)
        assert said in str(journey.only)
        assert "hunter2" not in f"{journey.only!r} {journey.only.__cause__!r}"

    def test_one_of_another_kind_ends_the_run(self, tmp_path: Path) -> None:
        request = Request("https://127.0.0.1:9/", meta={"proxy": "gopher://127.0.0.1:9050"})
        journey = travel(settings_for(tmp_path, PIXIV_IMAGE_HOSTS="127.0.0.1:9"), request)
        assert isinstance(journey.ended_by, ConfigurationError)

    @pytest.mark.parametrize(
        "proxy", ["http://127.0.0.1:99999", "http://[::1", " http://127.0.0.1:1 ", "://", "ftp://x"]
    )
    def test_one_in_the_environment_that_cannot_be_read_ends_the_run(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: str
    ) -> None:
        forget_proxies(monkeypatch)
        monkeypatch.setenv("https_proxy", proxy)
        journey = travel(settings_for(tmp_path, PIXIV_IMAGE_HOSTS="pixiv.invalid"), Request("https://pixiv.invalid/"))
        assert isinstance(journey.ended_by, ConfigurationError)
        assert "HTTPS_PROXY" in str(journey.ended_by)

    def test_a_proxy_whose_name_is_not_found_is_said_to_be_that(self, tmp_path: Path) -> None:
        request = Request("https://127.0.0.1:9/", meta={"proxy": "http://proxy.invalid:8080"})
        journey = travel(settings_for(tmp_path, PIXIV_IMAGE_HOSTS="127.0.0.1:9"), request)
        assert str(journey.only) == "127.0.0.1:9: no such host as the proxy, or no network"

    @pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
    def test_socks_takes_the_name_and_the_password_and_looks_up_the_host(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
    ) -> None:
        with Sandbox(World.of(works=1), tls=True) as sandbox, socks_proxy(b"me", b"pass") as proxy:
            monkeypatch.setenv("SSL_CERT_FILE", str(sandbox.ca_file))
            requests = users(sandbox, 2)
            for request in requests:
                request.meta["proxy"] = f"{scheme}://me:pass@{proxy.host}"
            journey = travel(settings_for(tmp_path, sandbox), *requests)
            logged = sandbox.log
        assert [answer.status for answer in journey.answers] == [200, 200]
        assert proxy.hosts == ["127.0.0.1"], "one connection for both"
        assert "proxy-authorization" not in logged[0].headers

    @pytest.mark.parametrize("name", ["all_proxy", "ALL_PROXY", "https_proxy"])
    @pytest.mark.parametrize(
        "dead", ["socks5://127.0.0.1:1", "socks4://127.0.0.1:1", "http://127.0.0.1:1", "127.0.0.1:1"]
    )
    def test_no_proxy_that_the_environment_names_is_passed_over(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, dead: str
    ) -> None:
        forget_proxies(monkeypatch)
        monkeypatch.setenv(name, dead)
        # Without the proxy it would be: no such host.
        journey = travel(settings_for(tmp_path, PIXIV_IMAGE_HOSTS="pixiv.invalid"), Request("https://pixiv.invalid/"))
        assert isinstance(journey.only, DownloadFailedError)
        assert "proxy" in str(journey.only)


def forget_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@dataclass
class SocksProxy:
    """`hosts` are those that it connected to, as they were named."""

    host: str
    hosts: list[str] = field(default_factory=list)


@contextmanager
def socks_proxy(user: bytes, password: bytes) -> Iterator[SocksProxy]:
    """A SOCKS 5 proxy that asks for a name and a password (RFC 1928 and 1929)."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            version, methods = self.rfile.read(2)
            assert version == 5
            assert 2 in self.rfile.read(methods)
            self.wfile.write(b"\x05\x02")
            assert self.rfile.read(1) == b"\x01"
            given = [self.rfile.read(self.rfile.read(1)[0]) for _ in range(2)]
            self.wfile.write(b"\x01\x00" if given == [user, password] else b"\x01\x01")
            _, command, _, kind = self.rfile.read(4)
            assert command == 1
            name = (
                self.rfile.read(self.rfile.read(1)[0]).decode() if kind == 3 else socket.inet_ntoa(self.rfile.read(4))
            )
            proxy.hosts.append(name)
            port = int.from_bytes(self.rfile.read(2), "big")
            self.wfile.write(b"\x05\x00\x00\x01" + bytes(6))
            carry_between(self.connection, (name, port))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        proxy = SocksProxy(f"127.0.0.1:{server.server_address[1]}")
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield proxy
        finally:
            server.shutdown()


def tunnel(connection: BinaryIO, head: str) -> None:
    """What a proxy does for CONNECT."""
    host, port = head.split()[1].split(":")
    connection.write(b"HTTP/1.1 200 Connected\r\n\r\n")
    carry_between(connection._sock, (host, int(port)))  # type: ignore[attr-defined]


def carry_between(client: socket.socket, address: tuple[str, int]) -> None:
    """Bytes to and fro."""
    with socket.create_connection(address) as server:

        def carry(source: socket.socket, target: socket.socket) -> None:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

        back = threading.Thread(target=carry, args=(server, client), daemon=True)
        back.start()
        carry(client, server)
        back.join()


SCRIPT = """
import sys
from scrapy import Request, Spider
from scrapy.crawler import {process}
from scrapy.utils.project import get_project_settings

class Asking(Spider):
    name = "asking"

    async def start(self):
        yield Request(sys.argv[1], callback=self.parse)
        yield Request(sys.argv[2], callback=self.parse, headers={{"Referer": "{referer}"}}, meta={{"stage_to": sys.argv[3]}})

    def parse(self, response):
        print("answer", response.status, len(response.body), getattr(response.meta.get("received"), "bytes", None))

process = {process}(get_project_settings())
process.settings.set("ITEM_PIPELINES", {{}})
process.crawl(Asking)
process.start()
"""


@pytest.mark.long
@pytest.mark.parametrize("process", ["AsyncCrawlerProcess", "CrawlerProcess"])
def test_under_every_kind_of_process(process: str, tmp_path: Path) -> None:
    with Sandbox(World.of(works=1), tls=True) as sandbox:
        [work_id] = work_ids(sandbox)
        urls = [f"{sandbox.base_url}/ajax/user/11", original_url(sandbox, work_id), str(tmp_path / "it.part")]
        said = subprocess.run(
            [sys.executable, "-c", SCRIPT.format(process=process, referer=PIXIV), *urls],
            cwd=PROJECT,
            env=os.environ
            | sandbox.environment()
            | {"PIXIVCRAWL_ARCHIVE_DIR": str(tmp_path), "PIXIVCRAWL_PIXIV_API_DELAY": "0"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    lines = sorted(line for line in said.stdout.splitlines() if line.startswith("answer"))
    assert len(lines) == 2, said.stderr
    assert lines[0] == f"answer 200 0 {(tmp_path / 'it.part').stat().st_size}"
    assert lines[1].startswith("answer 200 ")
    assert "Error" not in said.stderr
