from __future__ import annotations

import hashlib
import os
import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixivcrawl.archive.staging import LengthMismatch, Receiver, TooLarge
from pixivcrawl.errors import StorageFailed


@given(chunks=st.lists(st.binary(max_size=50)), broken_at=st.integers(0, 20))
def test_a_body_is_received_whole_also_in_two_goes(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes], broken_at: int
) -> None:
    path = tmp_path_factory.mktemp("staging") / "body.part"
    body = b"".join(chunks)
    first = Receiver(path, len(body))
    for chunk in chunks[:broken_at]:
        first.write(chunk)
    with pytest.raises(LengthMismatch):
        first.finish(len(body) + 1)
    second = Receiver(path, len(body), resume=True)
    assert second.bytes == len(b"".join(chunks[:broken_at]))
    for chunk in chunks[broken_at:]:
        second.write(chunk)
    received = second.finish(len(body))
    assert (received.path, received.bytes) == (path, len(body))
    assert received.sha256 == hashlib.sha256(body).hexdigest()
    assert path.read_bytes() == body


def test_without_resume_it_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "body.part"
    path.write_bytes(b"from an earlier try, and longer")
    receiver = Receiver(path, 100)
    receiver.write(b"new")
    assert receiver.finish(None).sha256 == hashlib.sha256(b"new").hexdigest()
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("resume", [False, True])
def test_bytes_that_a_stored_file_shares_are_never_touched(tmp_path: Path, resume: bool) -> None:
    stored, staged = tmp_path / "stored.jpg", tmp_path / "body.part"
    stored.write_bytes(b"the original")
    os.link(stored, staged)
    receiver = Receiver(staged, 100, resume=resume)
    assert receiver.bytes == 0
    receiver.write(b"another body")
    receiver.finish(None)
    assert stored.read_bytes() == b"the original"
    assert staged.read_bytes() == b"another body"


@pytest.mark.parametrize("resume", [False, True])
def test_a_symlink_in_staging_is_not_followed(tmp_path: Path, resume: bool) -> None:
    precious, staged = tmp_path / "precious", tmp_path / "body.part"
    precious.write_bytes(b"precious")
    staged.symlink_to(precious)
    receiver = Receiver(staged, 100, resume=resume)
    receiver.write(b"body")
    receiver.finish(None)
    assert precious.read_bytes() == b"precious"
    assert not staged.is_symlink()


def test_too_large_is_noticed_before_it_is_written(tmp_path: Path) -> None:
    receiver = Receiver(tmp_path / "body.part", 5)
    receiver.write(b"12345")
    with pytest.raises(TooLarge) as refusal:
        receiver.write(b"6")
    assert refusal.value.limit == 5
    assert receiver.finish(5).bytes == 5


def test_a_part_that_is_too_large_already_is_refused(tmp_path: Path) -> None:
    (tmp_path / "body.part").write_bytes(b"123456")
    with pytest.raises(TooLarge):
        Receiver(tmp_path / "body.part", 5, resume=True)


@pytest.mark.parametrize("declared", [0, 3, 5])
def test_a_wrong_length_is_told(tmp_path: Path, declared: int) -> None:
    receiver = Receiver(tmp_path / "body.part", 100)
    receiver.write(b"1234")
    with pytest.raises(LengthMismatch) as mismatch:
        receiver.finish(declared)
    assert (mismatch.value.declared, mismatch.value.got) == (declared, 4)
    receiver.abort()
    assert list(tmp_path.iterdir()) == []


def test_abort_keeps_nothing_and_may_be_repeated(tmp_path: Path) -> None:
    receiver = Receiver(tmp_path / "body.part", 100)
    receiver.write(b"1234")
    receiver.abort()
    receiver.abort()
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_a_failure_of_storage(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="is gone"):
        Receiver(tmp_path / "missing" / "body.part", 100)


def test_a_full_disk_is_one_line_and_abort_still_clears_up(tmp_path: Path) -> None:
    receiver = Receiver(tmp_path / "body.part", 1 << 20)
    receiver._file.close()
    receiver._file = Path("/dev/full").open("wb")  # noqa: SIM115
    receiver.write(b"x" * 100)
    with pytest.raises(StorageFailed, match="the disk is full"):
        receiver.finish(None)
    receiver.abort()
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_the_body(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    receiver = Receiver(tmp_path / "body.part", 1 << 30)
    for _ in range(64):
        receiver.write(bytes(1 << 20))
    assert receiver.finish(64 << 20).bytes == 64 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000
