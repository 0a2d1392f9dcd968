"""The journal: what was appended comes back, and what a kill tore is passed over."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixivcrawl.errors import StorageFailed
from pixivcrawl.ledger.journal import Entry, Journal, PassedOver, _member, cut_torn_tail, read_journal
from tests.ledger.making import NOW

NAME = "2026-11.jsonl.gz"
MAGIC = b"\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\xff\x0c\x00PX\x08\x00"


def an_entry(number: int, body: bytes = b'{"body": "\xe7\xb5\xb5"}') -> Entry:
    told = {"endpoint": "illust.detail", "parameters": {"id": number}, "payload": body, "read_at": NOW}
    return Entry("note_body", told)


def as_read(entry: Entry, number: int) -> Entry:
    return replace(entry, arguments={**entry.arguments, "read_at": NOW.isoformat()}, number=number)


def ids(folder: Path, passed_over: PassedOver | None = None) -> list[int]:
    return [entry.arguments["parameters"]["id"] for entry in read_journal(folder, passed_over)]


BODIES = st.binary() | st.sampled_from([MAGIC, MAGIC * 3, b"\x00\xff", b"\n", "\u2028".encode()])


@settings(max_examples=60)
@given(st.lists(st.lists(BODIES, max_size=4), max_size=6))
def test_what_is_appended_comes_back(batches: list[list[bytes]]):
    with_folder(lambda folder: _there_and_back(folder, batches))


def _there_and_back(folder: Path, batches: list[list[bytes]]) -> None:
    journal = Journal(folder)
    entries = [[an_entry(number, body) for number, body in enumerate(bodies)] for bodies in batches]
    for batch in entries:
        journal.append(batch, NOW)
    written = [entry for batch in entries for entry in batch]
    passed_over = PassedOver()
    assert list(read_journal(folder, passed_over)) == [as_read(entry, n) for n, entry in enumerate(written, 1)]
    assert passed_over == PassedOver()


def with_folder(check: Any) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        check(Path(folder))


def test_any_gzip_reader_reads_it(tmp_path: Path):
    journal = Journal(tmp_path)
    journal.append([an_entry(1), an_entry(2)], NOW)
    journal.append([an_entry(3)], NOW)
    expected = [1, 2, 3]
    lines = gzip.decompress((tmp_path / NAME).read_bytes()).splitlines()
    assert [json.loads(line)["parameters"]["id"] for line in lines] == expected
    assert json.loads(lines[0]) == {
        "number": 1,
        "time": NOW.isoformat(),
        "endpoint": "illust.detail",
        "parameters": {"id": 1},
        "body": '{"body": "絵"}',
    }
    shown = subprocess.run(["gzip", "-dc", tmp_path / NAME], check=True, capture_output=True).stdout
    assert shown.splitlines() == lines


def test_each_month_has_its_file_and_a_clock_set_back_goes_on_in_the_newest(tmp_path: Path):
    journal = Journal(tmp_path)
    journal.append([an_entry(1)], NOW)
    journal.append([an_entry(2)], NOW + timedelta(days=30))
    journal.append([an_entry(3)], NOW)
    Journal(tmp_path).append([an_entry(4)], NOW - timedelta(days=400))
    assert sorted(path.name for path in tmp_path.iterdir()) == [NAME, "2026-12.jsonl.gz"]
    assert ids(tmp_path) == [1, 2, 3, 4]


def test_nothing_to_write_makes_no_file(tmp_path: Path):
    Journal(tmp_path / "journal").append([], NOW)
    assert list(read_journal(tmp_path / "journal")) == []


@pytest.mark.parametrize("kept", [1, 10, 24, 40, -1])
def test_a_torn_tail_is_passed_over_and_then_cut(tmp_path: Path, kept: int):
    journal = Journal(tmp_path)
    journal.append([an_entry(1)], NOW)
    whole = (tmp_path / NAME).stat().st_size
    journal.append([an_entry(2, os.urandom(500))], NOW)
    with (tmp_path / NAME).open("r+b") as file:
        file.truncate(whole + kept if kept > 0 else file.seek(0, os.SEEK_END) + kept)
    assert ids(tmp_path) == [1]
    Journal(tmp_path).append([an_entry(3)], NOW)
    assert ids(tmp_path) == [1, 3]
    gzip.decompress((tmp_path / NAME).read_bytes())


def test_a_file_that_is_torn_from_its_start_begins_anew(tmp_path: Path):
    (tmp_path / NAME).write_bytes(MAGIC[:7])
    Journal(tmp_path).append([an_entry(1)], NOW)
    assert ids(tmp_path) == [1]
    gzip.decompress((tmp_path / NAME).read_bytes())


def test_damage_in_the_middle_costs_its_batch_alone(tmp_path: Path):
    journal = Journal(tmp_path)
    ends = []
    for number in range(3):
        journal.append([an_entry(number, os.urandom(70_000))], NOW)
        ends.append((tmp_path / NAME).stat().st_size)
    with (tmp_path / NAME).open("r+b") as file:
        file.seek(ends[0] + 1000)
        file.write(b"\x00" * 100)
    assert ids(tmp_path) == [0, 2]


@given(st.binary(max_size=200), st.binary(max_size=200))
@settings(max_examples=60)
def test_rubbish_around_members_is_passed_over(before: bytes, after: bytes):
    def check(folder: Path) -> None:
        Journal(folder).append([an_entry(1)], NOW)
        member = (folder / NAME).read_bytes()
        (folder / NAME).write_bytes(before + member + after)
        assert ids(folder) == [1]
        cut_torn_tail(folder / NAME)
        assert (folder / NAME).read_bytes() == before + member

    with_folder(check)


def test_a_whole_tail_is_found_without_reading_the_file(tmp_path: Path):
    """A month may hold gigabytes; opening it costs what its last member costs."""
    Journal(tmp_path).append([an_entry(1)], NOW)
    member = (tmp_path / NAME).read_bytes()
    with (tmp_path / NAME).open("wb") as file:
        file.seek(10 << 30)
        file.write(member)
    cut_torn_tail(tmp_path / NAME)
    assert (tmp_path / NAME).stat().st_size == (10 << 30) + len(member)


def test_a_long_last_member_is_whole(tmp_path: Path):
    journal = Journal(tmp_path)
    journal.append([an_entry(1, os.urandom(300_000))], NOW)
    size = (tmp_path / NAME).stat().st_size
    cut_torn_tail(tmp_path / NAME)
    assert (tmp_path / NAME).stat().st_size == size > 1 << 16


def test_a_folder_that_cannot_be_is_said_in_one_line(tmp_path: Path):
    (tmp_path / "journal").write_text("in the way")
    with pytest.raises(StorageFailed, match="journal") as raised:
        Journal(tmp_path / "journal").append([an_entry(1)], NOW)
    assert "\n" not in str(raised.value)


class TestWhatWasPassedOver:
    """Three batches of two changes, a file each."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        for month in range(3):
            entries = [an_entry(2 * month + 1), an_entry(2 * month + 2)]
            Journal(tmp_path).append(entries, NOW + timedelta(days=31 * month))
        return tmp_path

    def test_a_lost_month_is_missed_by_its_numbers(self, folder: Path):
        (folder / "2026-12.jsonl.gz").unlink()
        passed_over = PassedOver()
        assert ids(folder, passed_over) == [1, 2, 5, 6]
        assert passed_over == PassedOver(missing=2)

    def test_a_late_beginning_too(self, folder: Path):
        (folder / NAME).unlink()
        passed_over = PassedOver()
        assert ids(folder, passed_over) == [3, 4, 5, 6]
        assert passed_over == PassedOver(missing=2)

    def test_rubbish_is_counted_as_bytes_and_its_changes_as_missing(self, folder: Path):
        path = folder / "2026-12.jsonl.gz"
        size = path.stat().st_size
        path.write_bytes(b"\xff" * size)
        passed_over = PassedOver()
        assert ids(folder, passed_over) == [1, 2, 5, 6]
        assert passed_over == PassedOver(stretches=1, bytes=size, missing=2)

    def test_the_numbers_go_on_after_a_torn_tail_and_after_a_torn_file(self, folder: Path):
        path = folder / "2027-01.jsonl.gz"
        path.write_bytes(path.read_bytes()[:-3])
        Journal(folder).append([an_entry(7)], NOW)
        passed_over = PassedOver()
        assert ids(folder, passed_over) == [1, 2, 3, 4, 7]
        assert passed_over == PassedOver()
        assert [entry.number for entry in read_journal(folder)] == [1, 2, 3, 4, 5]

    @pytest.mark.parametrize(
        "line",
        [b"", b"not json", b"[]", b"7", b'{"change": 7, "arguments": {}}', b'{"change": "x"}', b'{"time": 7}', b"\xff"],
    )
    def test_a_line_that_says_nothing_is_counted(self, tmp_path: Path, line: bytes):
        old = b'{"time": "2026-11-23T12:00:00+00:00", "endpoint": "user.full", "parameters": {"id": 8}, "body": "{}"}'
        (tmp_path / NAME).write_bytes(_member(line + b"\n" + old + b"\n"))
        passed_over = PassedOver()
        assert ids(tmp_path, passed_over) == [8], "a line of before there were numbers is read as ever"
        assert passed_over == PassedOver(lines=1)
