"""Pictures that are alike, in an archive whose originals are in an object store."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixivcrawl.archive.bucket import Bucket, read_bucket
from pixivcrawl.ledger import updates
from tests.archive.making import encoded
from tests.commands.typing_in import Typed, type_in
from tests.gallery.conftest import visiting
from tests.index.pictures import COPIES, drawn
from tests.index.planted import shown, store
from tests.ledger.making import NOW, connected, sqlite_url
from tests.seaweed import SeaweedFS

pytestmark = pytest.mark.long


@pytest.fixture
def bucket(s3: SeaweedFS, address: str, tmp_path: Path) -> Bucket:
    """The store of the archive at `tmp_path`: works 1 to 6, and 7, which is a copy of 3."""
    bucket, client = read_bucket(address), s3.client()
    store(tmp_path, {number: [encoded(drawn(number), "PNG")] for number in range(1, 7)})
    store(tmp_path, {7: [COPIES["half the size"](drawn(3))]})
    for place in [*tmp_path.glob("originals/*/*")]:
        path = place.relative_to(tmp_path).as_posix()
        client.put_object(Bucket=bucket.name, Key=bucket.key(path), Body=place.read_bytes())
        place.unlink()
    client.put_object(Bucket=bucket.name, Key=bucket.key(".name"), Body=b"its name\n")
    with connected(sqlite_url(tmp_path)) as connection:
        updates.use_store(connection, "its name", str(bucket), NOW)
    return bucket


def similar(archive: Path, address: str, *words: str | Path) -> Typed:
    return type_in("similar", *map(str, words), archive=archive, ORIGINALS_STORE=address)


def test_a_picture_is_found_and_copies_are_shown_side_by_side(
    s3: SeaweedFS, address: str, bucket: Bucket, tmp_path: Path
):
    copy = tmp_path / "copy.webp"
    copy.write_bytes(COPIES["as a WebP"](drawn(3)))
    with visiting(tmp_path, bucket=bucket) as gallery:
        assert "pixivcrawl similar fetches and looks at them." in gallery.get("/duplicates").text
        assert not list(shown(gallery))
    told = similar(tmp_path, address, copy)
    assert told.code == 0, told.err
    assert {line.split("work ")[1].split()[0] for line in told.out.splitlines()} == {"3", "7"}
    with visiting(tmp_path, bucket=bucket) as gallery:
        assert "not looked at" not in gallery.get("/duplicates").text
        assert list(shown(gallery)) == [{3, 7}]
    assert not list((tmp_path / "staging").iterdir()), "what was fetched is gone"


def test_a_picture_that_is_not_there_is_looked_at_when_it_is_back(
    s3: SeaweedFS, address: str, bucket: Bucket, tmp_path: Path
):
    copy = tmp_path / "copy.webp"
    copy.write_bytes(COPIES["as a WebP"](drawn(7)))
    (path,) = [path for path in s3.held(address) if "/3_p0_" in path]
    body = s3.held(address)[path]
    s3.client().delete_object(Bucket=bucket.name, Key=bucket.key(path))
    told = similar(tmp_path, address, copy)
    assert (told.code, "not analysed yet: 1 picture" in told.err) == (0, True), told.err
    s3.client().put_object(Bucket=bucket.name, Key=bucket.key(path), Body=body)
    assert similar(tmp_path, address, copy).err.count("not analysed yet") == 0


def test_a_store_that_is_away_is_one_line(address: str, bucket: Bucket, tmp_path: Path):
    copy = tmp_path / "copy.webp"
    copy.write_bytes(COPIES["as a WebP"](drawn(3)))
    away = f"{address.partition('?')[0]}?endpoint=http://127.0.0.1:1"
    told = similar(tmp_path, away, copy)
    assert (told.code, told.out, told.err.count("\n")) == (5, "", 1), told.err
    assert "does not answer" in told.err
