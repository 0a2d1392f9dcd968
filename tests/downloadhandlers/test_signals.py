"""What somebody hears who listens to Scrapy's signals of a download, of answers in memory and of originals on their way to the disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from inspect import signature
from pathlib import Path
from typing import Any, ClassVar

import pytest
from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadFailedError, StopDownload
from scrapy.http import Request, Response
from scrapy.statscollectors import MemoryStatsCollector
from scrapy.utils._download_handlers import check_stop_download, make_response, normalize_bind_address

from pixivcrawl.api.catalogue import USER_SHORT
from tests.live.inside import crawl
from tests.sandbox.serving import Sandbox, World
from tests.travelling import go, original_url, settings_for, to_stage


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.of(works=2)) as sandbox:
        yield sandbox


def heard_of(sandbox: Sandbox, archive: Path, request: Request, *listeners: tuple[Any, Callable[..., None]]) -> Any:
    """What came of a request while these listened to the signals."""

    async def way(crawler: Crawler) -> list[Response | BaseException]:
        for signal, listener in listeners:
            crawler.signals.connect(listener, signal, weak=False)
        try:
            return [await crawler.engine.download_async(request)]
        except (DownloadFailedError, StopDownload) as error:
            return [error]

    return go(settings_for(archive, sandbox), way).only


def an_original(sandbox: Sandbox, archive: Path) -> Request:
    [work, *_] = sandbox.world.works_of(11, None)
    return to_stage(original_url(sandbox, work.id), archive / "staging" / "it.body")


def test_who_listens_hears_the_headers_and_every_byte(sandbox: Sandbox, tmp_path: Path) -> None:
    for request in (USER_SHORT.request(sandbox.base_url, id=11), an_original(sandbox, tmp_path)):
        lengths: list[int | None] = []
        body = bytearray()

        def headers(body_length: int | None, lengths: list[int | None] = lengths) -> None:
            lengths.append(body_length)

        def came(data: bytes, body: bytearray = body) -> None:
            body.extend(data)

        response = heard_of(
            sandbox, tmp_path, request, (signals.headers_received, headers), (signals.bytes_received, came)
        )
        staged = request.meta.get("received")
        assert bytes(body) == (staged.path.read_bytes() if staged else response.body)
        assert lengths in ([len(body)], [None])


def stop(fail: bool = True) -> None:
    raise StopDownload(fail=fail)


@pytest.mark.parametrize("signal", [signals.headers_received, signals.bytes_received], ids=["headers", "bytes"])
def test_who_listens_may_stop_an_answer(sandbox: Sandbox, tmp_path: Path, signal: Any) -> None:
    # An address alone, as of `scrapy fetch`: nobody judges what is left of the answer.
    request = Request(f"{sandbox.base_url}/ajax/user/11", dont_filter=True)
    assert isinstance(heard_of(sandbox, tmp_path, request, (signal, stop)), StopDownload)
    response = heard_of(sandbox, tmp_path, request, (signal, lambda: stop(fail=False)))
    assert "download_stopped" in response.flags
    assert bool(response.body) is (signal is signals.bytes_received)


@pytest.mark.parametrize("fail", [True, False])
@pytest.mark.parametrize("signal", [signals.headers_received, signals.bytes_received], ids=["headers", "bytes"])
def test_an_original_that_was_stopped_is_never_taken_for_whole(
    sandbox: Sandbox, tmp_path: Path, signal: Any, fail: bool
) -> None:
    request = an_original(sandbox, tmp_path)
    answer = heard_of(sandbox, tmp_path, request, (signal, lambda: stop(fail)))
    assert isinstance(answer, DownloadFailedError)
    assert "received" not in request.meta
    assert not (tmp_path / "staging" / "it.body").exists()


class Listener(MemoryStatsCollector):
    """Counts the signals that a crawl sends of its requests."""

    heard: ClassVar[Counter[str]] = Counter()
    bodies: ClassVar[list[int]] = []

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        for name in ("request_reached_downloader", "response_downloaded", "response_received"):
            crawler.signals.connect(self._hear(name), getattr(signals, name), weak=False)

    def _hear(self, name: str) -> Callable[..., None]:
        def hear(request: Request, response: Response | None = None) -> None:
            self.heard[name] += 1
            if name == "response_received" and response is not None and "stage_to" in request.meta:
                assert response.request is request
                self.bodies.append(len(response.body))

        return hear


def test_every_request_of_a_crawl_is_told(sandbox: Sandbox, tmp_path: Path) -> None:
    Listener.heard.clear()
    crawl("user", sandbox, tmp_path, settings={"STATS_CLASS": Listener}, id=11)
    sent = len(sandbox.log)
    assert Listener.heard == {
        "request_reached_downloader": sent,
        "response_downloaded": sent,
        "response_received": sent,
    }
    assert set(Listener.bodies) == {0}, "an original goes to the disk, not into its response"


def test_scrapys_helpers_are_as_they_were() -> None:
    """They are private: when Scrapy changes them, see in its _base_streaming.py how its own handlers send these signals."""
    assert list(signature(check_stop_download).parameters) == ["signal", "crawler", "request", "kwargs"]
    assert list(signature(make_response).parameters)[:4] == ["url", "status", "headers", "body"]
    assert "stop_download" in signature(make_response).parameters
    assert normalize_bind_address("127.0.0.9") == ("127.0.0.9", 0)
