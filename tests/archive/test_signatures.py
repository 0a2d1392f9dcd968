"""How files begin, and whether there are originals in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.signatures import SNIFFED_BYTES, format_of_bytes, has_originals
from tests.archive import making

JPEG, PNG = making.jpeg(8, 8), making.png(8, 8)


@pytest.mark.parametrize(
    ("signature", "format"),
    [
        (b"\xff\xd8\xff", "jpg"),
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"GIF87a", "gif"),
        (b"GIF89a", "gif"),
        (b"PK\3\4", "zip"),
    ],
)
def test_a_format_is_known_by_every_byte_of_its_signature(signature: bytes, format: str) -> None:
    assert format_of_bytes((signature + b"more than enough")[:SNIFFED_BYTES]) == format
    for place in range(len(signature)):
        assert format_of_bytes(making.flipped(signature, place) + b"more") is None
        assert format_of_bytes(signature[:place]) is None


@pytest.mark.parametrize(
    ("path", "body", "is_original"),
    [
        ("7/101_p0_20210304140607.jpg", JPEG, True),
        ("7/101_p0_20210304140607.png", PNG, True),
        ("7/101_ugoira_20210304140607.zip", making.ugoira(8, 8), True),
        ("7/101_frame3_20210304140607.png", PNG, True),
        ("7/101_p0_20210304140607.jpg", PNG, False),
        ("7/101_p0_20210304140607.jpg", b"", False),
        ("7/101_ugoira_20210304140607.json", b"[]", False),
        ("7/cover.jpg", JPEG, False),
        ("seven/101_p0_20210304140607.jpg", JPEG, False),
        ("101_p0_20210304140607.jpg", JPEG, False),
    ],
)
def test_an_original_is_known_by_its_place_its_name_and_its_beginning(
    tmp_path: Path, path: str, body: bytes, is_original: bool
) -> None:
    archive = Archive(tmp_path)
    assert not has_originals(archive)
    for name in ("3", "8/notes.txt", "9/102_p0_20210304140607.jpg/", path):
        place = archive.originals / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.mkdir() if name.endswith("/") else place.write_bytes(body)
    assert has_originals(archive) == is_original


def test_what_a_link_leads_to_is_no_original(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive")
    (tmp_path / "picture").write_bytes(JPEG)
    (archive.originals / "7").mkdir(parents=True)
    (archive.originals / "7" / "101_p0_20210304140607.jpg").symlink_to(tmp_path / "picture")
    assert not has_originals(archive)
