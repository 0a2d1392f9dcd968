"""The journal: what was appended comes back, what a kill tore is passed over, and any tool that knows WARC reads it."""

from __future__ import annotations

import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scrapy import Request
from scrapy.http import Response
from warcio.archiveiterator import ArchiveIterator

from pixivcrawl.archive.warc import write_record
from pixivcrawl.errors import StorageFailed
from pixivcrawl.ledger import journal as journals
from pixivcrawl.ledger.answer import StoredAnswer, answer_to, record_of
from pixivcrawl.ledger.journal import (
    Entry,
    Journal,
    SkippedParts,
    body_of,
    cut_torn_tail,
    end_of,
    read_journal,
)
from pixivcrawl.reader import Reader
from tests.ledger.journals import read_answer
from tests.ledger.making import NOW, an_answer

MAGIC = b"\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\xff\x0c\x00sl\x08\x00"


def an_entry(number: int, body: bytes = b'{"body": "\xe7\xb5\xb5"}', **fields: Any) -> Entry:
    url = f"https://www.pixiv.net/ajax/illust/{number}?lang=en"
    answer = StoredAnswer("illust.detail", {"id": number}, body, NOW, url, **fields)
    return Entry("answer", {"answer": answer})


def an_event(number: int) -> Entry:
    return Entry("user-seen", {"user_id": number, "now": NOW.isoformat()})


def ids(folder: Path, passed_over: SkippedParts | None = None) -> list[int]:
    """Of answers and events alike."""
    return [
        entry.data["answer"].parameters["id"] if entry.type == "answer" else entry.data["user_id"]
        for entry in read_journal(folder, passed_over)
    ]


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


BODIES = st.binary() | st.sampled_from([MAGIC, MAGIC * 3, b"\x00\xff", b"\r\n\r\n", "\u2028".encode()])
HEADERS = st.lists(
    st.tuples(st.sampled_from(["Content-Type", "ETag"]), st.sampled_from(["x", "a; b=c", '"é"'])), max_size=2
)
READERS = st.sampled_from([Reader(0, 0), Reader(901), Reader()])
ANSWERS = st.builds(
    StoredAnswer,
    endpoint=st.just("illust.detail"),
    parameters=st.just({"id": 1, "word": "絵 %&", "tags": ["a", None]}),
    payload=BODIES,
    read_at=st.just(NOW),
    url=st.just("https://www.pixiv.net/ajax/illust/1?word=%E7%B5%B5"),
    status=st.sampled_from([200, 404, 500]),
    headers=HEADERS.map(tuple),
    reader=READERS,
    beside=st.sampled_from([{}, {"illust_id": 1}]),
    snapshot=st.booleans(),
    reduced=st.sampled_from(["", "userIllusts"]),
    record_id=st.uuids().map(lambda found: f"urn:uuid:{found}"),
)
ENTRIES = ANSWERS.map(lambda answer: Entry("answer", {"answer": answer})) | st.integers(1, 9).map(an_event)


@settings(max_examples=60)
@given(st.lists(st.lists(ENTRIES, max_size=4), max_size=6))
def test_what_is_appended_comes_back(batches: list[list[Entry]]):
    with_folder(lambda folder: _there_and_back(folder, batches))


def _there_and_back(folder: Path, batches: list[list[Entry]]) -> None:
    journal = Journal(folder)
    written: list[Entry] = []
    for batch in batches:
        journal.append(batch, NOW)
        written += journal.appended
    passed_over = SkippedParts()
    assert list(read_journal(folder, passed_over)) == written
    assert passed_over == SkippedParts()
    assert end_of(folder).position == journal.position
    for entry in written:
        if entry.location is not None:
            assert read_answer(folder, entry.location) == entry.data["answer"].payload


def with_folder(check: Callable[[Path], None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check(Path(folder))


def test_any_warc_reader_reads_it(tmp_path: Path):
    journal = Journal(tmp_path)
    answer = an_entry(1, headers=(("Content-Type", "application/json"),), reader=Reader(901), status=404)
    journal.append([answer, an_event(2)], NOW)
    journal.append([an_event(3)], NOW)
    (path,) = tmp_path.iterdir()
    with path.open("rb") as file:
        records = [
            (record.rec_type, record.rec_headers, record.http_headers, record.content_stream().read())
            for record in ArchiveIterator(file, check_digests="raise")
        ]
    assert [kind for kind, *_ in records] == ["warcinfo", "response", "metadata", "metadata"]
    _, fields, http, body = records[1]
    assert fields.get_header("WARC-Target-URI") == "https://www.pixiv.net/ajax/illust/1?lang=en"
    assert (fields.get_header("X-Endpoint"), fields.get_header("X-Reader")) == ("illust.detail", "901")
    assert (http.get_statuscode(), http.get_header("Content-Type"), body) == (
        "404",
        "application/json",
        b'{"body": "\xe7\xb5\xb5"}',
    )
    lines = [json.loads(line) for line in records[2][3].splitlines()]
    record_id = answer.data["answer"].record_id
    assert lines == [
        {"number": 1, "type": "answer", "v": 1, "data": {"record": record_id}},
        {"number": 2, "type": "user-seen", "v": 1, "data": {"user_id": 2, "now": NOW.isoformat()}},
    ]
    checked = subprocess.run(
        [sys.executable, "-m", "warcio.cli", "check", path], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout) == (0, "")
    assert subprocess.run(["gzip", "-t", path], check=False).returncode == 0


def test_each_process_has_its_file_whatever_its_clock_says(tmp_path: Path):
    for number, days in enumerate((0, 30, -400), 1):
        journal = Journal(tmp_path)
        journal.append([an_event(number)], NOW + timedelta(days=days))
        journal.append([an_event(10 * number)], NOW)
    assert [path.name[:7] for path in files(tmp_path)] == ["000001-", "000002-", "000003-"]
    assert ids(tmp_path) == [1, 10, 2, 20, 3, 30]


def test_a_long_file_is_followed_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(journals, "ROTATE_AT", 5000)
    journal = Journal(tmp_path)
    for number in range(1, 7):
        journal.append([an_entry(number, os.urandom(3000))], NOW)
    assert len(files(tmp_path)) == 3
    assert ids(tmp_path) == [1, 2, 3, 4, 5, 6]
    assert end_of(tmp_path).position == journal.position


def test_nothing_to_write_makes_no_file(tmp_path: Path):
    Journal(tmp_path / "journal").append([], NOW)
    assert list(read_journal(tmp_path / "journal")) == []


@pytest.mark.parametrize("kept", [1, 10, 24, 400, 1200, -1])
def test_a_torn_batch_is_passed_over_and_then_cut(tmp_path: Path, kept: int):
    journal = Journal(tmp_path)
    journal.append([an_entry(1)], NOW)
    (path,) = tmp_path.iterdir()
    whole = path.stat().st_size
    journal.append([an_entry(2, os.urandom(500))], NOW)
    with path.open("r+b") as file:
        file.truncate(whole + kept if kept > 0 else file.seek(0, os.SEEK_END) + kept)
    assert ids(tmp_path) == [1]
    assert end_of(tmp_path).position.bytes == whole
    Journal(tmp_path).append([an_entry(3)], NOW)
    assert path.stat().st_size == whole
    assert ids(tmp_path) == [1, 3]
    gzip.decompress(path.read_bytes())


def test_a_file_that_is_torn_from_its_start_is_gone(tmp_path: Path):
    (tmp_path / "000001-20261123T120000Z.warc.gz").write_bytes(MAGIC[:7])
    Journal(tmp_path).append([an_entry(1)], NOW)
    assert ids(tmp_path) == [1]
    (path,) = tmp_path.iterdir()
    gzip.decompress(path.read_bytes())


def test_damage_in_the_middle_costs_its_batch_alone(tmp_path: Path):
    journal = Journal(tmp_path)
    ends = []
    for number in range(3):
        journal.append([an_entry(number, os.urandom(70_000))], NOW)
        ends.append(files(tmp_path)[0].stat().st_size)
    with files(tmp_path)[0].open("r+b") as file:
        file.seek(ends[0] + 1000)
        file.write(b"\x00" * 100)
    passed_over = SkippedParts()
    assert ids(tmp_path, passed_over) == [0, 2]
    assert (passed_over.missing, passed_over.stretches, passed_over.lines) == (1, 1, 0)


@given(st.binary(max_size=200), st.binary(max_size=200))
@settings(max_examples=60)
def test_rubbish_around_records_is_passed_over(before: bytes, after: bytes):
    def check(folder: Path) -> None:
        Journal(folder).append([an_entry(1)], NOW)
        (path,) = files(folder)
        whole = path.read_bytes()
        path.write_bytes(before + whole + after)
        assert ids(folder) == [1]
        cut_torn_tail(folder)
        assert path.read_bytes() == before + whole

    with_folder(check)


def test_the_end_is_found_without_reading_the_file(tmp_path: Path):
    """A file may hold gigabytes; opening it costs what its last batch costs."""
    Journal(tmp_path).append([an_entry(1)], NOW)
    (path,) = files(tmp_path)
    batch = path.read_bytes()
    with path.open("wb") as file:
        file.seek(10 << 30)
        file.write(batch)
    cut_torn_tail(tmp_path)
    assert path.stat().st_size == (10 << 30) + len(batch)
    assert end_of(tmp_path).before.bytes == 10 << 30


def test_a_long_last_batch_is_whole(tmp_path: Path):
    journal = Journal(tmp_path)
    journal.append([an_entry(1)], NOW)
    before = journal.position
    journal.append([an_entry(number, os.urandom(300_000)) for number in range(2, 6)], NOW)
    end = end_of(tmp_path)
    assert (end.before, end.position) == (before, journal.position)
    assert [entry.number for entry in end.batch] == [2, 3, 4, 5]
    cut_torn_tail(tmp_path)
    assert end_of(tmp_path) == end


def test_what_was_taken_back_is_written_again_in_its_place(tmp_path: Path):
    journal = Journal(tmp_path)
    for first in (1, 2):
        journal.append([an_entry(first)], NOW)
        journal.take_back()
        journal.append([an_entry(first, b"again")], NOW)
        journal.settle()
    passed_over = SkippedParts()
    assert ids(tmp_path, passed_over) == [1, 2]
    assert passed_over == SkippedParts()


def test_a_batch_that_is_there_twice_counts_once(tmp_path: Path):
    """As where a copy of the journal was laid over another one."""
    Journal(tmp_path).append([an_event(1), an_event(2)], NOW)
    (path,) = files(tmp_path)
    (tmp_path / "000002-20261123T120000Z.warc.gz").write_bytes(path.read_bytes())
    passed_over = SkippedParts()
    assert ids(tmp_path, passed_over) == [1, 2]
    assert passed_over == SkippedParts(repeated=2)


def test_a_folder_that_cannot_be_is_said_in_one_line(tmp_path: Path):
    (tmp_path / "journal").write_text("in the way")
    with pytest.raises(StorageFailed, match="journal") as raised:
        Journal(tmp_path / "journal").append([an_entry(1)], NOW)
    assert "\n" not in str(raised.value)


def three_files(folder: Path) -> list[list[Entry]]:
    """Two events in each."""
    written = []
    for number in (1, 3, 5):
        journal = Journal(folder)
        journal.append([an_entry(number), an_event(number + 1)], NOW)
        written.append([*journal.appended])
    return written


def test_a_lost_file_is_missed_by_its_numbers(tmp_path: Path):
    three_files(tmp_path)
    files(tmp_path)[1].unlink()
    passed_over = SkippedParts()
    assert ids(tmp_path, passed_over) == [1, 2, 5, 6]
    assert passed_over == SkippedParts(missing=2)


def test_a_late_beginning_too(tmp_path: Path):
    three_files(tmp_path)
    files(tmp_path)[0].unlink()
    passed_over = SkippedParts()
    assert ids(tmp_path, passed_over) == [3, 4, 5, 6]
    assert passed_over == SkippedParts(missing=2)


def test_the_numbers_go_on_after_a_torn_tail(tmp_path: Path):
    three_files(tmp_path)
    path = files(tmp_path)[2]
    path.write_bytes(path.read_bytes()[:-3])
    Journal(tmp_path).append([an_event(7)], NOW)
    passed_over = SkippedParts()
    assert ids(tmp_path, passed_over) == [1, 2, 3, 4, 7]
    assert passed_over == SkippedParts()
    assert [entry.number for entry in read_journal(tmp_path)] == [1, 2, 3, 4, 5]


def test_cuts_and_flips_anywhere_are_named_and_cost_no_more_than_their_batch(tmp_path: Path):
    """200 of them: what comes back was written, in its order; what does not is counted, or the end of the journal shows it."""
    written = [entry for batch in three_files(tmp_path) for entry in batch]
    whole = {path: path.read_bytes() for path in files(tmp_path)}
    position = end_of(tmp_path).position
    choose = random.Random(17)
    for _ in range(200):
        path = choose.choice([*whole])
        data = bytearray(whole[path])
        place = choose.randrange(len(data))
        if choose.random() < 0.5:
            del data[place:]
        else:
            data[place] ^= 1 << choose.randrange(8)
        path.write_bytes(data)
        passed_over = SkippedParts()
        found = list(read_journal(tmp_path, passed_over))
        assert [entry for entry in written if entry in found] == found
        lost = len(written) - len(found)
        assert lost <= 2
        if lost:
            assert passed_over.missing == lost or end_of(tmp_path).position != position
        path.write_bytes(whole[path])
    assert list(read_journal(tmp_path)) == written


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"not json",
        b"[]",
        b"7",
        b'{"type": 7, "data": {}}',
        b'{"type": "x"}',
        b'{"type":"x","data":[],"number":1}',
        b"\xff",
    ],
)
def test_a_line_that_says_nothing_is_counted(tmp_path: Path, line: bytes):
    good = json.dumps({"number": 1, "type": "user-seen", "v": 1, "data": {"user_id": 8}}).encode()
    block = line + b"\n" + good + b"\n"
    record = write_record("metadata", "urn:uuid:1", NOW, [("X-Batch-Offset", "0")], block)
    (tmp_path / "000001-20261123T120000Z.warc.gz").write_bytes(record)
    passed_over = SkippedParts()
    assert ids(tmp_path, passed_over) == [8]
    assert passed_over == SkippedParts(lines=1)


@settings(max_examples=300)
@given(st.integers(0, 2**32), st.integers(0, 7), st.integers(1, 300))
def test_a_record_with_one_wrong_bit_is_never_read_as_another(place: int, bit: int, length: int):
    answer = an_answer("illust.detail", {"id": 1}, b"answer" * length, NOW)
    packed = bytearray(record_of(answer))
    packed[place % len(packed)] ^= 1 << bit
    # A few bits say nothing, as those that fill up the last byte.
    assert body_of(bytes(packed)) in (None, answer.payload)


def test_an_answer_whose_record_is_damaged_is_missing(tmp_path: Path):
    journal = Journal(tmp_path)
    journal.append([an_entry(1), an_event(2)], NOW)
    location = journal.appended[0].location
    assert location is not None
    path = tmp_path / location.file
    data = bytearray(path.read_bytes())
    data[location.offset + location.length // 2] ^= 1
    path.write_bytes(data)
    passed_over = SkippedParts()
    assert ids(tmp_path, passed_over) == [2]
    assert (passed_over.missing, passed_over.lines, passed_over.stretches) == (1, 0, 1)
    assert read_answer(tmp_path, location) is None
    assert read_answer(tmp_path, replace_file(location, "gone.warc.gz")) is None


def replace_file(location: Any, name: str) -> Any:
    return location._replace(file=name)


@pytest.mark.parametrize("status", [200, 403, 503])
def test_of_a_page_in_place_of_an_answer_the_status_alone_is_kept(status: int):
    """It may hold a token."""
    request = Request(
        "https://www.pixiv.net/ajax/illust/1", meta={"endpoint": "illust.detail", "parameters": {"id": 1}}
    )
    headers = {"Content-Type": "text/html", "Set-Cookie": "PHPSESSID=1_secret"}
    page = Response(request.url, status=status, headers=headers, body=b"<input name=tt value=secret>")
    answer = answer_to(request, page, Reader(901), NOW, is_refusal=True)
    assert (answer.status, answer.payload, answer.reduced) == (status, b"", "body")
    assert answer.headers == (("Content-Type", "text/html"),)
    said = Response(request.url, status=404, body=b'{"error":true,"message":"gone"}')
    assert answer_to(request, said, Reader(901), NOW, is_refusal=True).payload == said.body
