"""The object store itself, against a real server."""

from __future__ import annotations

import hashlib
import re
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pixivcrawl.archive.bucket import read_bucket
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.stores import NewFile
from pixivcrawl.archive.stores.placing import NameTaken
from pixivcrawl.archive.stores.s3 import S3Store
from pixivcrawl.errors import ConfigurationError, StorageFailed
from tests.ledger.server import Line
from tests.seaweed import SECRET, SeaweedFS, seaweedfs

pytestmark = pytest.mark.long

UPLOADED = datetime(2020, 1, 1, 12, 30, 5, tzinfo=UTC)
PATH = "originals/11/5_p0_20200101000000.jpg"


def store_at(folder: Path, address: str) -> S3Store:
    bucket = read_bucket(address)
    archive = Archive(folder, bucket)
    archive.create()
    return S3Store(archive, bucket)


def staged(folder: Path, body: bytes, path: str = PATH) -> NewFile:
    place = folder / "staging" / f"{hashlib.sha256(body).hexdigest()}.body"
    place.write_bytes(body)
    return NewFile(place, path, hashlib.sha256(body).hexdigest(), UPLOADED)


def put(store: S3Store, *files: NewFile) -> Exception | None:
    (trouble,) = store.put_new([files])
    return trouble


def test_a_file_is_whole_or_not_there_and_never_replaced(tmp_path: Path, s3: SeaweedFS, address: str):
    store, body = store_at(tmp_path, address), b"0123456789" * 300_000
    file = staged(tmp_path, body)
    assert store.head(PATH) is None
    assert put(store, file) is None
    assert not file.staged.exists()
    held = store.head(PATH)
    assert held is not None
    assert (held.bytes, held.uploaded, held.sha256) == (len(body), UPLOADED, file.sha256)
    assert put(store, staged(tmp_path, body)) is None, "the same bytes are the same file"
    other = staged(tmp_path, b"something else")
    assert isinstance(put(store, other), NameTaken)
    assert other.staged.exists()
    assert s3.held(address) == {PATH: body}
    assert b"".join(store.read(PATH, 5, 12)) == b"5678901"
    assert b"".join(store.read(PATH, len(body) - 3)) == b"789"
    folder, _, name = PATH.rpartition("/")
    assert store.listed(folder) == ([name], [])
    assert store.listed("originals") == ([], [folder.removeprefix("originals/")])
    with store.local(PATH) as copy:
        assert (copy.name, copy.read_bytes()) == (PATH.rpartition("/")[2], body)
    assert not copy.exists()


def test_bytes_that_are_not_what_was_proven_are_refused(tmp_path: Path, s3: SeaweedFS, address: str):
    store, file = store_at(tmp_path, address), staged(tmp_path, b"proven")
    file.staged.write_bytes(b"rotten")
    trouble = put(store, file)
    assert isinstance(trouble, StorageFailed)
    assert "is no more what was proven" in str(trouble)
    assert s3.held(address) == {}


def test_what_belongs_together_is_put_in_order(tmp_path: Path, s3: SeaweedFS, address: str):
    """An ugoira's frames before its zip: where the frames cannot be put, the zip is not."""
    store, frames = store_at(tmp_path, address), f"{PATH.rpartition('.')[0]}.json"
    assert put(store, staged(tmp_path, b"other frames", frames)) is None
    trouble = put(store, staged(tmp_path, b"frames", frames), staged(tmp_path, b"zip"))
    assert isinstance(trouble, NameTaken)
    assert list(s3.held(address)) == [frames]


def test_of_eight_who_write_one_name_one_wins(tmp_path: Path, s3: SeaweedFS, address: str):
    store = store_at(tmp_path, address)
    for turn in range(5):
        path = f"originals/11/{turn + 1}_p0_20200101000000.jpg"
        files = [staged(tmp_path, f"{turn} {writer}".encode(), path) for writer in range(8)]
        with ThreadPoolExecutor(8) as threads:
            troubles = list(threads.map(lambda file: put(store, file), files))
        (winner,) = [file for file, trouble in zip(files, troubles, strict=True) if trouble is None]
        assert all(isinstance(trouble, NameTaken) for trouble in troubles if trouble is not None)
        assert hashlib.sha256(s3.held(address)[path]).hexdigest() == winner.sha256


def test_a_server_that_is_killed_and_comes_back_is_waited_for(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory):
    with seaweedfs(tmp_path_factory.mktemp("own")) as server:
        store, address = store_at(tmp_path, server.address("x")), server.address("x")
        files = [
            staged(tmp_path, bytes([number]) * 100_000, f"originals/11/{number + 1}_p0_20200101000000.jpg")
            for number in range(60)
        ]
        before, after = files[:20], files[20:]
        assert store.put_new([[file] for file in before]) == [None] * len(before)
        with ThreadPoolExecutor(1) as thread:
            sent = thread.submit(store.put_new, [[file] for file in after])
            server.stop(signal.SIGKILL)
            server.start()
            assert sent.result() == [None] * len(after)
        held = server.held(address)
        assert {path: hashlib.sha256(body).hexdigest() for path, body in held.items()} == {
            file.path: file.sha256 for file in files
        }


@pytest.mark.parametrize("careless", [()], indirect=True)
def test_a_server_that_stays_away_is_waited_for_once(
    tmp_path: Path, careless: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pixivcrawl.archive.stores.s3.PATIENCE", 0.5)
    store = store_at(tmp_path, careless)
    store._send(".trial", b"a trial", hashlib.sha256(b"a trial").hexdigest())
    monkeypatch.setattr(Careless, "do_HEAD", lambda self: self._say(503, "SlowDown"))
    for _ in range(3):
        with pytest.raises(StorageFailed):
            store.head("originals/1.jpg")
    assert [record.getMessage() for record in caplog.records if "trying again" in record.getMessage()] == [
        f"{read_bucket(careless)} does not answer: trying again for 0 s"
    ]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "x"}, "refuses the secret key"),
        ({"AWS_ACCESS_KEY_ID": "x"}, "does not know the access key"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "needs credentials, and there are none"),
    ],
)
def test_wrong_credentials_are_said(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, str], says: str
):
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StorageFailed, match=says) as refused:
        store_at(tmp_path, address).try_out()
    assert SECRET not in str(refused.value)


class Careless(BaseHTTPRequestHandler):
    """A store that keeps what it is sent, and of the rest only what `keeps` names."""

    protocol_version = "HTTP/1.1"
    keeps: ClassVar[frozenset[str]]
    objects: ClassVar[dict[str, str]]

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "conditions" in self.keeps and self.headers.get("If-None-Match") == "*" and self.path in self.objects:
            return self._say(412, "PreconditionFailed")
        sent = self.headers["x-amz-checksum-sha256"]
        if "wrong checksums out" in self.keeps and self.path.endswith("-wrong"):
            return self._say(400, "BadDigest")
        assert body
        self.objects[self.path] = sent
        return self._say(200)

    def do_HEAD(self) -> None:
        if self.path not in self.objects:
            return self._say(404)
        more = {"x-amz-checksum-sha256": self.objects[self.path]} if "checksums" in self.keeps else {}
        return self._say(200, more=more)

    def do_GET(self) -> None:
        self._say(404, "NoSuchKey")

    def do_DELETE(self) -> None:
        if "removals" in self.keeps:
            return self._say(403, "AccessDenied")
        if "conditions of removals" in self.keeps:
            return self._say(412, "PreconditionFailed")
        del self.objects[self.path]
        return self._say(204)

    def _say(self, status: int, code: str = "", more: dict[str, str] | None = None) -> None:
        body = f"<Error><Code>{code}</Code></Error>".encode() if code else b""
        self.send_response(status)
        for name, value in {
            "Content-Length": str(len(body)),
            "Last-Modified": "Wed, 01 Jan 2020 00:00:00 GMT",
            **(more or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def careless(request: pytest.FixtureRequest) -> Iterator[str]:
    handler = type("Handler", (Careless,), {"keeps": frozenset(request.param), "objects": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"s3://archive/x?endpoint=http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.parametrize(
    ("careless", "says"),
    [
        ((), "overwrites a file although it was told not to"),
        (("conditions",), "does not keep the SHA-256 of a file"),
        (("conditions", "checksums"), "keeps a file with a wrong SHA-256"),
        (("conditions", "checksums", "wrong checksums out"), None),
    ],
    indirect=["careless"],
)
def test_a_store_that_loses_conditions_or_checksums_is_refused(tmp_path: Path, careless: str, says: str | None):
    store = store_at(tmp_path, careless)
    if says is None:
        store.try_out()
        return
    with pytest.raises(ConfigurationError, match=says):
        store.try_out()


@pytest.mark.parametrize(
    ("careless", "fails"),
    [
        ((), (ConfigurationError, "removes a file although it is not the one that was named")),
        (("conditions of removals",), None),
        (("removals",), (StorageFailed, "does not allow this")),
    ],
    indirect=["careless"],
)
def test_a_store_that_removes_what_was_replaced_is_refused(
    tmp_path: Path, careless: str, fails: tuple[type[Exception], str] | None
):
    store = store_at(tmp_path, careless)
    if fails is None:
        store.try_removal()
        return
    with pytest.raises(fails[0], match=fails[1]):
        store.try_removal()


class Between(Careless):
    """What stands before a store and knows nothing of it while that restarts."""

    def do_GET(self) -> None:
        self.send_response(404)
        self.send_header("Content-Length", "19")
        self.end_headers()
        self.wfile.write(b"404 page not found\n")

    def do_HEAD(self) -> None:
        self._say(404)

    do_DELETE = do_PUT = do_GET  # noqa: N815 (as the server asks for it)


def test_what_stands_before_a_store_cannot_say_that_a_file_is_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pixivcrawl.archive.stores.s3.PATIENCE", 0.0)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Between)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    store = store_at(tmp_path, f"s3://archive/x?endpoint=http://127.0.0.1:{server.server_port}")
    asked: list[Callable[[], object]] = [
        lambda: store.head(PATH),
        lambda: list(store.read(PATH)),
        lambda: store.delete([PATH]),
        lambda: store.listed("originals"),
        store.name,
    ]
    for ask in asked:
        with pytest.raises(StorageFailed, match="HTTP 404"):
            ask()
    assert "HTTP 404" in str(put(store, staged(tmp_path, b"body")))
    server.shutdown()


@pytest.mark.parametrize(
    "wrong",
    [
        "s3://key:secret@archive/x",
        "https://archive/x",
        "s3:///x",
        "s3://archive/../x",
        "s3://archive/x?region=y",
        "s3://archive/x?endpoint=ftp://h",
    ],
)
def test_an_address_that_is_none_is_refused_without_being_repeated(wrong: str):
    with pytest.raises(ValueError, match="write s3://BUCKET/PREFIX") as refused:
        read_bucket(wrong)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("careless", [("conditions of removals",)], indirect=True)
def test_what_is_to_be_set_aside_and_is_gone_is_named_by_its_address(tmp_path: Path, careless: str):
    with pytest.raises(StorageFailed, match=r"^originals/1\.jpg is gone from s3://archive/x at http") as refused:
        store_at(tmp_path, careless).set_aside("originals/1.jpg", "its bytes are wrong")
    assert str(tmp_path) not in str(refused.value)


class Says(Careless):
    """A store that answers what `answers` says, in turn, and then does what is asked."""

    keeps = frozenset({"conditions", "checksums"})
    answers: ClassVar[list[tuple[int, str]]]

    def do_PUT(self) -> None:
        if not self.answers:
            return super().do_PUT()
        self.rfile.read(int(self.headers["Content-Length"]))
        return self._say(*self.answers.pop(0))

    def do_HEAD(self) -> None:
        if not self.answers:
            return super().do_HEAD()
        return self._say(self.answers.pop(0)[0])


@pytest.fixture
def saying(request: pytest.FixtureRequest) -> Iterator[str]:
    handler = type("Handler", (Says,), {"answers": list(request.param), "objects": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"s3://archive/x?endpoint=http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.parametrize(
    "saying",
    [
        [(503, "SlowDown"), (500, "InternalError")],
        [(400, "IncompleteBody"), (400, "RequestTimeout")],
        [(409, "OperationAborted"), (409, "ConditionalRequestConflict")],
    ],
    indirect=True,
)
def test_a_store_that_asks_for_another_try_gets_one(tmp_path: Path, saying: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pixivcrawl.archive.stores.s3.time.sleep", lambda _: None)
    store = store_at(tmp_path, saying)
    store._patience = 60.0
    assert put(store, staged(tmp_path, b"proven")) is None


@pytest.mark.parametrize(
    ("saying", "says"),
    [
        ([(400, "InvalidRequest")], r"failed \(HTTP 400, InvalidRequest\)"),
        ([(403, "RequestTimeTooSkewed")], "this machine's clock is wrong: set it"),
        ([(400, "ExpiredToken")], "credentials have expired"),
    ],
    indirect=["saying"],
)
def test_a_refusal_is_not_taken_for_wrong_bytes(tmp_path: Path, saying: str, says: str):
    trouble = put(store_at(tmp_path, saying), staged(tmp_path, b"proven"))
    assert isinstance(trouble, StorageFailed)
    assert re.search(says, str(trouble)), trouble


@pytest.mark.parametrize("saying", [[(400, "")]], indirect=True)
def test_credentials_that_expired_are_said_where_the_answer_has_no_body(tmp_path: Path, saying: str):
    with pytest.raises(StorageFailed, match="see to the credentials"):
        store_at(tmp_path, saying).head("originals/1.jpg")


class BreaksOff(Careless):
    """A store that sends no more than a share of what was asked for, and of the rest as `share` says nothing."""

    body: ClassVar[bytes] = hashlib.sha256(b"body").digest() * 100_000
    share: ClassVar[float]
    replaced_after: ClassVar[int]
    asked: ClassVar[list[str]]

    def do_GET(self) -> None:
        if self.headers.get("If-Match") == '"other"':
            return self._say(412, "PreconditionFailed")
        first = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        self.asked.append(f"{first} {self.headers.get('If-Match')}")
        rest = self.body[first:]
        if len(self.asked) > self.replaced_after:
            return self._say(412, "PreconditionFailed")
        self.send_response(206 if first else 200)
        for name, value in {
            "Content-Length": str(len(rest)),
            "ETag": '"tag"',
            "Last-Modified": "Wed, 01 Jan 2020 00:00:00 GMT",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(rest[: max(int(len(rest) * self.share), 2 << 20 if self.share else 0)])
        self.close_connection = True
        return None


@pytest.fixture
def breaking(request: pytest.FixtureRequest) -> Iterator[tuple[str, type[BreaksOff]]]:
    share, replaced_after = request.param
    told = {"share": share, "replaced_after": replaced_after, "asked": []}
    handler = type("Handler", (BreaksOff,), told)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"s3://archive/x?endpoint=http://127.0.0.1:{server.server_port}", handler
    server.shutdown()


@pytest.mark.parametrize("breaking", [(0.4, 99)], indirect=True)
def test_a_body_that_breaks_off_is_read_on_from_there(tmp_path: Path, breaking: tuple[str, type[BreaksOff]]):
    store = store_at(tmp_path, breaking[0])
    assert b"".join(store.read("originals/1.jpg")) == BreaksOff.body
    first, second, *_ = breaking[1].asked
    assert (first, second) == ("0 None", f'{2 << 20} "tag"')
    with store.local("originals/1.jpg") as copy:
        assert copy.read_bytes() == BreaksOff.body


@pytest.mark.parametrize(
    ("breaking", "says"),
    [
        ((0.0, 99), "does not answer .*, then run the same command again"),
        ((0.4, 1), "originals/1.jpg was replaced in .* while it was read: run the same command again"),
    ],
    indirect=["breaking"],
    ids=["never goes on", "was replaced"],
)
def test_a_body_that_cannot_be_read_on_fails(
    tmp_path: Path, breaking: tuple[str, type[BreaksOff]], monkeypatch: pytest.MonkeyPatch, says: str
):
    monkeypatch.setattr("pixivcrawl.archive.stores.s3.PATIENCE", 0.5)
    store = store_at(tmp_path, breaking[0])
    with pytest.raises(StorageFailed, match=says):
        b"".join(store.read("originals/1.jpg"))


@pytest.fixture
def line(s3: SeaweedFS) -> Iterator[Line]:
    with Line(s3.endpoint) as line:
        yield line


def through(line: Line, address: str) -> str:
    return f"{address.partition('?')[0]}?endpoint={line.url}"


def test_a_body_is_read_on_where_the_line_to_the_store_is_cut(tmp_path: Path, address: str, line: Line):
    store, body = store_at(tmp_path, through(line, address)), bytes(range(256)) * 100_000
    assert put(store, staged(tmp_path, body)) is None
    pieces = store.read(PATH)
    came = [next(pieces), next(pieces)]
    line.cut()
    line.mend()
    assert b"".join(came + list(pieces)) == body


def test_the_rest_of_a_body_is_not_that_of_another_object(tmp_path: Path, address: str, s3: SeaweedFS, line: Line):
    store, body = store_at(tmp_path, through(line, address)), bytes(range(256)) * 100_000
    assert put(store, staged(tmp_path, body)) is None
    pieces = store.read(PATH)
    came = [next(pieces)]
    key = store._bucket.key(PATH)
    s3.client().put_object(Bucket="archive", Key=key, Body=body[::-1])
    line.cut()
    line.mend()
    with pytest.raises(StorageFailed, match=f"{PATH} was replaced in .* while it was read"):
        came += pieces
    assert body.startswith(b"".join(came))
