"""Bodies that are flagged for it go to the disk: whole, or not at all."""

from __future__ import annotations

import gzip
import hashlib
import re
import ssl
import time
import tracemalloc
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import trustme
from scrapy import Request
from scrapy.exceptions import DownloadFailedError
from scrapy.http import Response

from pixivcrawl.archive.staging import LengthMismatch, Received, TooLarge
from pixivcrawl.downloadhandlers import transfer
from pixivcrawl.downloadhandlers.transfer import IncomingBody
from pixivcrawl.errors import StorageFailed
from tests.raw import Answering, answers, raw_server
from tests.sandbox.serving import Sandbox, World
from tests.travelling import Journey, original_url, settings_for, to_stage, travel


def staged_from(answer: Answering, folder: Path, **settings: Any) -> Journey:
    """What comes of an original whose host answers so."""
    with raw_server(answer) as raw:
        request = to_stage(f"http://{raw.host}/image.png", folder / "staging" / "it.body")
        return travel(settings_for(folder, PIXIV_IMAGE_HOSTS=raw.host, **settings), request)


def assert_nothing_is_left(folder: Path) -> None:
    assert list((folder / "staging").iterdir()) == []


def test_a_whole_body_lies_in_its_file(tmp_path: Path) -> None:
    world = World.of(works=1, size=(2400, 1800))
    with Sandbox(world) as sandbox:
        [work] = world.works_of(11, None)
        request = to_stage(original_url(sandbox, work.id), tmp_path / "staging" / "it.body")
        journey = travel(settings_for(tmp_path, sandbox), request)
        [logged] = sandbox.requests("image")
    response = journey.only
    assert (response.status, response.body) == (200, b"")
    received = response.meta["received"]
    assert received is request.meta["received"]
    content = (tmp_path / "staging" / "it.body").read_bytes()
    assert received == Received(tmp_path / "staging" / "it.body", hashlib.sha256(content).hexdigest(), len(content))
    assert received.sha256 in world.expected.artwork([work.id]).files.values()
    assert len(content) > 2 << 20, "the body is meant to come in several pieces"
    assert journey.stats["pixiv/image_bytes"] == len(content)
    assert journey.stats["pixiv/image_requests"] == 1
    assert "pixiv/api_requests" not in journey.stats
    assert logged.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", [301, 304, 403, 404, 503])
def test_only_a_200_is_staged(tmp_path: Path, status: int) -> None:
    body = b"" if status == 304 else b"no"
    journey = staged_from(answers(f"HTTP/1.1 {status} So\nContent-Type: text/plain\nContent-Length: 2", body), tmp_path)
    assert isinstance(journey.only, Response)
    assert journey.only.status == status
    assert journey.only.body == body
    assert "received" not in journey.only.meta
    assert_nothing_is_left(tmp_path)


def test_an_empty_body_is_a_body(tmp_path: Path) -> None:
    journey = staged_from(answers("HTTP/1.1 200 OK\nContent-Length: 0"), tmp_path)
    assert journey.only.meta["received"].bytes == 0


def test_a_body_without_a_length(tmp_path: Path) -> None:
    journey = staged_from(answers("HTTP/1.1 200 OK", b"x" * 100_000), tmp_path)
    assert journey.only.meta["received"].bytes == 100_000


def test_a_body_shorter_than_announced(tmp_path: Path) -> None:
    journey = staged_from(answers("HTTP/1.1 200 OK\nContent-Length: 200000", b"x" * 100_000), tmp_path)
    assert isinstance(journey.only, LengthMismatch)
    assert journey.only.declared == 200_000
    assert journey.only.got <= 100_000
    assert_nothing_is_left(tmp_path)


def test_a_body_longer_than_announced_never_brings_more(tmp_path: Path) -> None:
    """What follows is taken for the begin of another answer, and fails the transfer when it comes in time."""
    journey = staged_from(answers("HTTP/1.1 200 OK\nContent-Length: 1000", b"x" * 1001), tmp_path)
    assert isinstance(journey.only, DownloadFailedError) or journey.only.meta["received"].bytes == 1000


@pytest.mark.parametrize(
    "head",
    [
        "HTTP/1.1 200 OK\nContent-Length: -1",
        "HTTP/1.1 200 OK\nContent-Length: many",
        "HTTP/1.1 200 OK\nContent-Length: 3\nContent-Length: 5",
        "HTTP/1.1 200 OK\nTransfer-Encoding: chunked",
        "HTTP/1.1 200 OK\nX: " + "x" * 100_000,
        "SSH-2.0-OpenSSH",
        "",
    ],
)
def test_what_is_no_http_is_a_failed_transfer_in_one_line(tmp_path: Path, head: str) -> None:
    journey = staged_from(answers(head, b"hello"), tmp_path)
    assert isinstance(journey.only, DownloadFailedError)
    assert str(journey.only).isprintable()
    assert_nothing_is_left(tmp_path)


def test_chunks_that_end_early(tmp_path: Path) -> None:
    journey = staged_from(answers("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", b"5\r\nhello\r\n5\r\nwo"), tmp_path)
    assert isinstance(journey.only, DownloadFailedError)
    assert "connection broke after" in str(journey.only)
    assert_nothing_is_left(tmp_path)


@pytest.mark.parametrize("head", ["Content-Length: 5000", "X-Length: none"])
def test_a_body_over_the_limit(tmp_path: Path, head: str) -> None:
    journey = staged_from(answers(f"HTTP/1.1 200 OK\n{head}", b"x" * 5000), tmp_path, PIXIV_FILE_SIZE_LIMIT=4999)
    assert isinstance(journey.only, TooLarge)
    assert_nothing_is_left(tmp_path)


def test_a_packed_body_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress(b"a picture")
    journey = staged_from(
        answers(f"HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Length: {len(packed)}", packed), tmp_path
    )
    assert isinstance(journey.only, DownloadFailedError)
    assert_nothing_is_left(tmp_path)


def test_an_endless_slow_body_is_given_up(tmp_path: Path) -> None:
    def trickle(connection: BinaryIO, _: str) -> None:
        connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            connection.write(b"x")
            time.sleep(0.05)

    began = time.monotonic()
    journey = staged_from(trickle, tmp_path, PIXIV_THROUGHPUT_FLOOR=1000, PIXIV_THROUGHPUT_WINDOW=0.5)
    assert time.monotonic() - began < 5
    assert isinstance(journey.only, DownloadFailedError)
    assert "too slow" in str(journey.only)
    assert_nothing_is_left(tmp_path)


def test_a_slow_body_above_the_floor_is_waited_for(tmp_path: Path) -> None:
    def steady(connection: BinaryIO, _: str) -> None:
        connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 16000\r\n\r\n")
        for _piece in range(16):
            connection.write(b"x" * 1000)
            time.sleep(0.05)

    journey = staged_from(steady, tmp_path, PIXIV_THROUGHPUT_FLOOR=2000, PIXIV_THROUGHPUT_WINDOW=0.2)
    assert journey.only.meta["received"].bytes == 16_000


@pytest.mark.parametrize("begins", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"])
def test_silence_is_given_up(tmp_path: Path, begins: bytes) -> None:
    def silent(connection: BinaryIO, _: str) -> None:
        connection.write(begins)
        time.sleep(3)

    began = time.monotonic()
    journey = staged_from(silent, tmp_path, DOWNLOAD_TIMEOUT=0.3)
    assert time.monotonic() - began < 2.5
    assert isinstance(journey.only, DownloadFailedError)
    assert "no sign of life" in str(journey.only)
    assert_nothing_is_left(tmp_path)


class Host:
    """Has one body, which it hands over up to `cut` bytes once, then by Range as a server does; `heads` are the requests it saw."""

    def __init__(self, body: bytes, cut: int, *, etags: tuple[str, str] = ('"1"', '"1"'), answer: str = "") -> None:
        self.body, self.cut, self.etags, self.answer = body, cut, etags, answer
        self.heads: list[str] = []

    def __call__(self, connection: BinaryIO, head: str) -> None:
        self.heads.append(head)
        if len(self.heads) == 1:
            self.say(connection, f"200 OK\r\nETag: {self.etags[0]}", self.body, self.body[: self.cut])
            return
        asked = re.search(r"(?mi)^range: bytes=(\d+)-\r?$", head)
        named = re.search(r"(?mi)^if-range: (.*?)\r?$", head)
        if self.answer and asked:
            self.say(connection, self.answer, b"", b"")
        elif asked and named and named[1] == self.etags[1]:
            start = int(asked[1])
            said = f"206 Part\r\nContent-Range: bytes {start}-{len(self.body) - 1}/{len(self.body)}"
            self.say(connection, said, self.body[start:], self.body[start:])
        else:
            self.say(connection, f"200 OK\r\nETag: {self.etags[1]}", self.body, self.body)

    @staticmethod
    def say(connection: BinaryIO, head: str, declared: bytes, sent: bytes) -> None:
        connection.write(
            f"HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {len(declared)}\r\n\r\n".encode() + sent
        )


BODY = bytes(range(256)) * 1000


def fetched(host: Host, folder: Path, tries: int) -> Journey:
    with raw_server(host) as raw:
        requests = [to_stage(f"http://{raw.host}/image.png", folder / "staging" / "it.body") for _ in range(tries)]
        return travel(settings_for(folder, PIXIV_IMAGE_HOSTS=raw.host), *requests)


def assert_whole(journey: Journey, folder: Path) -> None:
    received = journey.answers[-1].meta["received"]
    assert received.sha256 == hashlib.sha256(BODY).hexdigest()
    assert [path.name for path in (folder / "staging").iterdir()] == ["it.body"]
    assert received.path.read_bytes() == BODY


def test_the_rest_of_a_broken_body_is_asked_for(tmp_path: Path) -> None:
    host = Host(BODY, 100_000)
    journey = fetched(host, tmp_path, 2)
    assert isinstance(journey.answers[0], LengthMismatch)
    assert_whole(journey, tmp_path)
    assert "Range: bytes=100000-" in host.heads[1]
    assert 'If-Range: "1"' in host.heads[1]
    assert journey.stats["pixiv/image_bytes"] == len(BODY) - 100_000


def test_so_it_is_by_a_later_run(tmp_path: Path) -> None:
    host = Host(BODY, 100_000)
    with raw_server(host) as raw:
        for _ in range(2):
            request = to_stage(f"http://{raw.host}/image.png", tmp_path / "staging" / "it.body")
            journey = travel(settings_for(tmp_path, PIXIV_IMAGE_HOSTS=raw.host), request)
    assert_whole(journey, tmp_path)
    assert "Range: bytes=100000-" in host.heads[1]


@pytest.mark.parametrize("etags", [('"1"', '"2"'), ('W/"1"', 'W/"1"')], ids=["another body", "a weak name"])
def test_another_body_is_received_from_its_beginning(tmp_path: Path, etags: tuple[str, str]) -> None:
    host = Host(BODY, 100_000, etags=etags)
    assert_whole(fetched(host, tmp_path, 2), tmp_path)


@pytest.mark.parametrize(
    "answer",
    [
        "416 No\r\nContent-Range: bytes */256000",
        "206 Part\r\nContent-Range: bytes 0-255999/256000",
        "206 Part\r\nContent-Range: bytes 100000-255999/300000",
        "206 Part",
    ],
)
def test_a_host_that_cannot_continue_is_asked_for_all_of_it(tmp_path: Path, answer: str) -> None:
    host = Host(BODY, 100_000, answer=answer)
    journey = fetched(host, tmp_path, 3)
    assert isinstance(journey.answers[1], DownloadFailedError)
    assert_whole(journey, tmp_path)
    assert "Range:" not in host.heads[2]


def test_a_body_that_was_received_whole_costs_no_request(tmp_path: Path) -> None:
    host = Host(BODY, len(BODY))
    with raw_server(host) as raw:
        for _ in range(2):
            request = to_stage(f"http://{raw.host}/image.png", tmp_path / "staging" / "it.body")
            journey = travel(settings_for(tmp_path, PIXIV_IMAGE_HOSTS=raw.host), request)
    assert_whole(journey, tmp_path)
    assert len(host.heads) == 1


def test_a_disk_that_fails_ends_the_run(tmp_path: Path) -> None:
    with raw_server(answers("HTTP/1.1 200 OK\nContent-Length: 2", b"ok")) as raw:
        request = Request(
            f"http://{raw.host}/image.png", meta={"stage_to": str(tmp_path / "no such folder" / "it.body")}
        )
        journey = travel(settings_for(tmp_path, PIXIV_IMAGE_HOSTS=raw.host), request)
    assert isinstance(journey.ended_by, StorageFailed)


@pytest.mark.long
def test_memory_does_not_grow_with_the_body(tmp_path: Path) -> None:
    size, piece = 48 << 20, bytes(1 << 20)

    def large(connection: BinaryIO, _: str) -> None:
        connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        connection.writelines(piece for _piece in range(size // len(piece)))

    with raw_server(large) as raw:
        requests = [to_stage(f"http://{raw.host}/{n}.png", tmp_path / "staging" / f"{n}.body") for n in range(4)]
        tracemalloc.start()
        try:
            journey = travel(settings_for(tmp_path, PIXIV_IMAGE_HOSTS=raw.host), *requests, at_once=True)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert [answer.meta["received"].bytes for answer in journey.answers if isinstance(answer, Response)] == [size] * 4
    assert peak < 32 << 20


def test_little_is_taken_ahead_of_a_slow_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority, size = trustme.CA(), 2 << 20
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    came: list[int] = []
    add = IncomingBody.add

    async def noted(arrival: IncomingBody, chunk: bytes) -> None:
        came.append(len(chunk))
        await add(arrival, chunk)

    monkeypatch.setattr(IncomingBody, "add", noted)
    with raw_server(answers(f"HTTP/1.1 200 OK\nContent-Length: {size}", bytes(size)), tls) as raw:
        # What writes is busy, while what is sent goes on coming.
        busy = [transfer._THREADS.submit(time.sleep, 0.5) for _ in range(2)]
        request = to_stage(f"https://{raw.host}/image.png", tmp_path / "staging" / "it.body")
        journey = travel(settings_for(tmp_path, PIXIV_IMAGE_HOSTS=raw.host), request)
    assert all(each.done() for each in busy)
    assert journey.only.meta["received"].bytes == sum(came) == size
    assert max(came) <= 1 << 17
