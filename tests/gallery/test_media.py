"""Files as a browser gets them."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from pixivcrawl.gallery.thumbnails import SIDES
from tests.archive.making import png
from tests.gallery.conftest import Visitor, visiting
from tests.gallery.making import NORMAL, REVISED, UGOIRA, archive_at


def files(gallery: Visitor, work_id: int) -> list[tuple[str, str, bytes]]:
    """The SHA-256, the extension and the bytes of a work's stored files."""
    with sqlite3.connect(f"file:{gallery.gallery.archive.database}?mode=ro", uri=True) as connection:
        query = (
            "SELECT sha256, extension, path FROM files WHERE artwork_id = ? AND state = 'stored' AND kind != 'frames'"
        )
        rows = connection.execute(query, (work_id,)).fetchall()
    return [(sha256, extension, (gallery.gallery.archive.root / path).read_bytes()) for sha256, extension, path in rows]


@pytest.mark.parametrize("work_id", [NORMAL, REVISED])
def test_originals_come_byte_for_byte_whether_their_work_is_named_or_not(gallery: Visitor, work_id: int) -> None:
    for sha256, extension, body in files(gallery, work_id):
        for of in ("", f"?of=w{work_id}p0"):
            answer = gallery.get(f"/originals/{sha256}.{extension}{of}")
            assert (answer.status, answer.body) == (200, body)
            assert answer.headers["Content-Type"] == "image/jpeg"
            assert answer.headers["ETag"] == f'"{sha256}"'
            assert "immutable" in answer.headers["Cache-Control"]
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_part_is_sent_and_nothing_to_whoever_has_it(gallery: Visitor) -> None:
    ((sha256, extension, body),) = files(gallery, NORMAL)
    path = f"/originals/{sha256}.{extension}"
    part = gallery.get(path, Range="bytes=10-19")
    assert (part.status, part.body, part.headers["ETag"]) == (206, body[10:20], f'"{sha256}"')
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(body)}"
    assert gallery.get(path, Range=f"bytes={len(body)}-").status == 416
    kept = gallery.get(path, If_None_Match=f'"{sha256}"')
    assert (kept.status, kept.body) == (304, b"")


def test_an_ugoira_s_zip_and_its_timing(gallery: Visitor) -> None:
    ((sha256, _, body),) = files(gallery, UGOIRA)
    assert gallery.get(f"/ugoira/{sha256}.zip").body == body
    assert json.loads(gallery.get(f"/ugoira/{sha256}.json?of=w{UGOIRA}p0").text)[0] == {
        "file": "000000.jpg",
        "delay": 60,
    }
    assert gallery.get(f"/originals/{sha256}.jpg").status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/originals/../archive.sqlite",
        "/originals/%2e%2e/archive.sqlite",
        "/originals/..%2farchive.sqlite",
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/gallery.css/../../app.py",
        "/thumbs/../../archive.sqlite",
        "/thumbs//etc/passwd",
        "/originals/" + "g" * 64 + ".jpg",
        "/originals/" + "0" * 64 + ".jpg",
        "/originals/" + "0" * 64 + ".jpg?of=../../x",
        "/originals/" + "A" * 64 + ".jpg",
        "/ugoira/" + "0" * 64 + ".json",
        "/%00",
        "/static/%00.css",
    ],
)
def test_no_path_from_outside_leads_to_a_file(gallery: Visitor, path: str) -> None:
    assert gallery.get(path).status in (400, 404)


@pytest.mark.parametrize(
    "path", ["../../outside.jpg", "/etc/passwd", "originals/7/link.jpg", "originals/7/../../outside.jpg"]
)
def test_no_row_leads_out_of_the_archive(tmp_path: Path, path: str) -> None:
    root = archive_at(tmp_path / "archive")
    (tmp_path / "outside.jpg").write_bytes(b"outside")
    (root / "originals/7/link.jpg").symlink_to(tmp_path / "outside.jpg")
    with sqlite3.connect(root / "archive.sqlite") as connection:
        connection.execute("UPDATE files SET path = ? WHERE artwork_id = ?", (path, NORMAL))
        ((sha256,),) = connection.execute("SELECT sha256 FROM files WHERE artwork_id = ?", (NORMAL,))
    with visiting(root) as gallery:
        assert gallery.get(f"/originals/{sha256}.jpg?of=w{NORMAL}p0").status == 404
        assert gallery.get(f"/thumbs/{sha256}.webp?of=w{NORMAL}p0").headers["Content-Type"] == "image/svg+xml"


@pytest.mark.parametrize("side", SIDES)
def test_a_thumbnail_is_a_small_webp_that_is_drawn_once(gallery: Visitor, side: int) -> None:
    for work_id in (NORMAL, UGOIRA):
        sha256 = files(gallery, work_id)[0][0]
        answer = gallery.get(f"/thumbs/{sha256}.webp?of=w{work_id}p0&side={side}")
        assert answer.headers["Content-Type"] == "image/webp"
        assert max(Image.open(io.BytesIO(answer.body)).size) <= side
        lies = gallery.gallery.archive.root / f"derived/thumbnails/{sha256[:2]}/{sha256}-{side}.webp"
        before = lies.stat().st_mtime_ns
        assert gallery.get(f"/thumbs/{sha256}.webp?of=w{work_id}p0&side={side}").body == answer.body
        assert lies.stat().st_mtime_ns == before


def bomb() -> bytes:
    """A picture of a billion pixels in some bytes."""
    small = png(16, 16)
    return re.sub(rb"IHDR.{8}", b"IHDR" + (40_000).to_bytes(4, "big") * 2, small, flags=re.DOTALL)


@pytest.mark.parametrize("body", [b"", b"no picture", png()[:200], bomb()], ids=["empty", "text", "cut", "bomb"])
def test_a_picture_that_cannot_be_drawn_has_a_placeholder_and_the_gallery_goes_on(tmp_path: Path, body: bytes) -> None:
    root = archive_at(tmp_path / "archive")
    with visiting(root) as gallery:
        ((sha256, _, _),) = files(gallery, NORMAL)
        (path,) = (root / "originals/7").glob(f"{NORMAL}_*")
        path.write_bytes(body)
        answer = gallery.get(f"/thumbs/{sha256}.webp?of=w{NORMAL}p0")
        assert (answer.status, answer.headers["Content-Type"]) == (200, "image/svg+xml")
        assert "immutable" not in answer.headers["Cache-Control"]
        assert not list((root / "derived/thumbnails").rglob("*.webp"))
        path.unlink()
        assert gallery.get(f"/originals/{sha256}.jpg").status == 404
        other = files(gallery, REVISED)[0][0]
        assert gallery.get(f"/thumbs/{other}.webp").headers["Content-Type"] == "image/webp"
        assert "differs" not in gallery.get(f"/works/{NORMAL}/check").text
        assert "it is not there" in gallery.get(f"/works/{NORMAL}/check").text


def test_a_disk_that_fills_leaves_nothing_of_a_thumbnail(tmp_path: Path) -> None:
    root = archive_at(tmp_path / "archive")
    disk = root / "derived/thumbnails"
    disk.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "pixivcrawl-test", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        with visiting(root) as gallery:
            ((sha256, _, _),) = files(gallery, NORMAL)
            for side in SIDES:
                gallery.get(f"/thumbs/{sha256}.webp?side={side}")
            (disk / "filled").write_bytes(bytes(shutil.disk_usage(disk).free))
            ((other, _, _),) = [file for file in files(gallery, REVISED) if file[0] != sha256][:1]
            assert gallery.get(f"/thumbs/{other}.webp?side={SIDES[-1]}").headers["Content-Type"] == "image/svg+xml"
            (disk / "filled").unlink()
            assert not [path for path in disk.rglob("*") if path.is_file() and path.suffix != ".webp"]
            assert gallery.get(f"/thumbs/{other}.webp").headers["Content-Type"] == "image/webp"
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.long
def test_the_store_keeps_its_limit(tmp_path: Path) -> None:
    root = archive_at(tmp_path / "archive")
    with visiting(root) as gallery:
        gallery.gallery.thumbnails._most_bytes = 200_000
        for work_id in (NORMAL, REVISED, UGOIRA):
            for sha256, _, _ in files(gallery, work_id):
                for side in SIDES:
                    gallery.get(f"/thumbs/{sha256}.webp?side={side}")
        kept = [path.stat().st_size for path in (root / "derived/thumbnails").rglob("*.webp")]
        assert 0 < sum(kept) <= 200_000


def test_the_bytes_that_were_stored_are_those_that_are_sent(gallery: Visitor) -> None:
    for sha256, extension, _ in files(gallery, NORMAL):
        assert hashlib.sha256(gallery.get(f"/originals/{sha256}.{extension}").body).hexdigest() == sha256
