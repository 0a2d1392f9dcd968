from __future__ import annotations

import hashlib
import os
import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixivcrawl.archive.staging import (
    Entity,
    LengthMismatch,
    Part,
    Receiver,
    TooLarge,
    forget,
    left_behind,
    left_part,
    left_whole,
)
from pixivcrawl.errors import StorageFailed


@pytest.mark.long
@given(chunks=st.lists(st.binary(max_size=50)), broken_at=st.integers(0, 20))
def test_a_body_is_received_whole_also_in_two_goes(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes], broken_at: int
) -> None:
    path = tmp_path_factory.mktemp("staging") / "it.body"
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


def test_without_resume_it_begins_again(tmp_path: Path) -> None:
    path = tmp_path / "it.body"
    path.with_name("it.body.part").write_bytes(b"from an earlier try, and longer")
    receiver = Receiver(path, 100)
    receiver.write(b"new")
    assert receiver.finish(None).sha256 == hashlib.sha256(b"new").hexdigest()
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("resume", [False, True])
def test_bytes_that_a_stored_file_shares_are_never_touched(tmp_path: Path, resume: bool) -> None:
    stored, staged = tmp_path / "stored.jpg", tmp_path / "it.body"
    stored.write_bytes(b"the original")
    os.link(stored, staged)
    os.link(stored, staged.with_name("it.body.part"))
    receiver = Receiver(staged, 100, resume=resume)
    assert receiver.bytes == 0
    receiver.write(b"another body")
    receiver.finish(None)
    assert stored.read_bytes() == b"the original"
    assert staged.read_bytes() == b"another body"


@pytest.mark.parametrize("resume", [False, True])
def test_a_symlink_in_staging_is_not_followed(tmp_path: Path, resume: bool) -> None:
    precious, staged = tmp_path / "precious", tmp_path / "it.body"
    precious.write_bytes(b"precious")
    staged.symlink_to(precious)
    staged.with_name("it.body.part").symlink_to(precious)
    receiver = Receiver(staged, 100, resume=resume)
    receiver.write(b"body")
    receiver.finish(None)
    assert precious.read_bytes() == b"precious"
    assert not staged.is_symlink()


def test_too_large_is_noticed_before_it_is_written(tmp_path: Path) -> None:
    receiver = Receiver(tmp_path / "it.body", 5)
    receiver.write(b"12345")
    with pytest.raises(TooLarge) as refusal:
        receiver.write(b"6")
    assert refusal.value.limit == 5
    assert receiver.finish(5).bytes == 5


def test_a_part_that_is_too_large_already_is_refused(tmp_path: Path) -> None:
    (tmp_path / "it.body.part").write_bytes(b"123456")
    with pytest.raises(TooLarge):
        Receiver(tmp_path / "it.body", 5, resume=True)


@pytest.mark.parametrize("declared", [0, 3, 5])
def test_a_wrong_length_is_told(tmp_path: Path, declared: int) -> None:
    receiver = Receiver(tmp_path / "it.body", 100)
    receiver.write(b"1234")
    with pytest.raises(LengthMismatch) as mismatch:
        receiver.finish(declared)
    assert (mismatch.value.declared, mismatch.value.got) == (declared, 4)
    receiver.abort()
    assert list(tmp_path.iterdir()) == []


def test_abort_keeps_nothing_and_may_be_repeated(tmp_path: Path) -> None:
    receiver = Receiver(tmp_path / "it.body", 100)
    receiver.write(b"1234")
    receiver.abort()
    receiver.abort()
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_a_failure_of_storage(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="is gone"):
        Receiver(tmp_path / "missing" / "it.body", 100)


def test_a_full_disk_is_one_line_and_abort_still_clears_up(tmp_path: Path) -> None:
    receiver = Receiver(tmp_path / "it.body", 1 << 20)
    receiver._file.close()
    receiver._file = Path("/dev/full").open("wb")  # noqa: SIM115
    receiver.write(b"x" * 100)
    with pytest.raises(StorageFailed, match="the disk is full"):
        receiver.finish(None)
    receiver.abort()
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_the_body(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    receiver = Receiver(tmp_path / "it.body", 1 << 30)
    for _ in range(64):
        receiver.write(bytes(1 << 20))
    assert receiver.finish(64 << 20).bytes == 64 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


URL = "https://i.pximg.net/img-original/img/2023/01/02/03/04/05/7_p0.jpg"
ENTITY = Entity(URL, '"abc"', 10)


def left_by_a_kill(folder: Path, *chunks: bytes) -> Path:
    """A part of the body, as it lies on the disk without anyone having closed it in good order."""
    path = folder / "it.body"
    receiver = Receiver(path, 100, entity=ENTITY)
    for chunk in chunks:
        receiver.write(chunk)
    receiver.close()
    return path


def test_a_part_says_of_which_body_it_is(tmp_path: Path) -> None:
    path = left_by_a_kill(tmp_path, b"12345")
    assert left_part(path, URL) == Part(5, ENTITY)
    assert left_part(path, URL.replace("05/7", "06/7")) is None
    assert left_whole(path, 100, URL) is None
    assert left_behind(tmp_path) == {"it.body"}


def test_a_body_that_only_lacks_its_name_is_whole(tmp_path: Path) -> None:
    received = left_whole(left_by_a_kill(tmp_path, b"12345", b"67890"), 100, URL)
    assert received is not None
    assert received.sha256 == hashlib.sha256(b"1234567890").hexdigest()
    assert [path.name for path in tmp_path.iterdir()] == ["it.body"]
    assert left_whole(tmp_path / "it.body", 100, URL) == received


def test_a_body_received_in_one_piece_leaves_no_note(tmp_path: Path) -> None:
    left_by_a_kill(tmp_path, b"1234567890")
    assert [path.name for path in tmp_path.iterdir()] == ["it.body.part"]


@pytest.mark.parametrize(
    "note", [b"", b"{", b"[]", b"null", b'{"url": 1}', b"\xff" * 20, b'{"url": "' + b"x" * 20_000 + b'"}']
)
def test_a_note_that_cannot_be_read_is_none(tmp_path: Path, note: bytes) -> None:
    path = left_by_a_kill(tmp_path, b"12345")
    (tmp_path / "it.body.part.entity").write_bytes(note)
    assert left_part(path, URL) is None


def test_nothing_is_left_of_what_is_discarded_or_begun_again(tmp_path: Path) -> None:
    forget(left_by_a_kill(tmp_path, b"12345"))
    assert list(tmp_path.iterdir()) == []
    path = left_by_a_kill(tmp_path, b"12345")
    assert Receiver(path, 100).bytes == 0
    assert left_part(path, URL) is None


def test_a_note_without_its_part_says_nothing_of_the_next_body(tmp_path: Path) -> None:
    path = left_by_a_kill(tmp_path, b"12345")
    path.with_name("it.body.part").unlink()
    another = Receiver(path, 100)
    another.write(b"abcde")
    another.close()
    assert left_part(path, URL) is None
