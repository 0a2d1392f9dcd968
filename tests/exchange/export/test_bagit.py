"""`export bagit`: bags that the package `bagit` validates, whatever happened on the way."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import bagit
import pytest

from pixivcrawl.archive.warc import members, read_record
from tests.exchange.export.conftest import Export
from tests.exchange.export.crawled import is_told_of_the_reader
from tests.live.running import rows


@pytest.fixture
def bag(archive: Path, tmp_path: Path, export: Export) -> Path:
    export("bagit")
    return tmp_path / "out"


def is_valid(bag: Path) -> bool:
    return bool(bagit.Bag(str(bag)).validate())


def contents(bag: Path) -> dict[str, bytes]:
    return {
        path.relative_to(bag).as_posix(): path.read_bytes()
        for path in bag.rglob("*")
        if path.is_file() and path.name != ".pixivcrawl-bagit"
    }


def test_a_bag_holds_originals_facts_and_answers_and_is_valid(archive: Path, bag: Path) -> None:
    assert is_valid(bag)
    stored = rows(archive, "SELECT path, sha256 FROM files WHERE state = 'stored'")
    entries = bagit.Bag(str(bag)).payload_entries()
    assert {f"data/{path}": {"sha256": sha256} for path, sha256 in stored}.items() <= entries.items()
    works = [json.loads(path.read_text()) for path in bag.glob("data/works/*/*.json")]
    assert len(works) == 3
    assert {"<script>alert(1)</script>"} < {work["work"]["title"] for work in works}
    for path in bag.glob("data/answers/*/*.warc.gz"):
        records = [read_record(member.packed) for member in members(path)]
        assert {"illust.detail"} <= {record.fields["x-endpoint"] for record in records if record is not None}
    assert len(list(bag.glob("data/answers/*/*.warc.gz"))) == 3


def test_nothing_that_only_the_reader_sees_leaves_without_being_asked_for(
    archive: Path, bag: Path, tmp_path: Path, export: Export
) -> None:
    def told(folder: Path) -> set[str]:
        return {
            name
            for name, content in contents(folder).items()
            if name.startswith(("data/works", "data/answers"))
            and is_told_of_the_reader(gzip.decompress(content) if name.endswith(".gz") else content)
        }

    assert not told(bag)
    bag.rename(tmp_path / "public")
    export("bagit", "--with-private")
    assert len(told(bag)) >= 3
    assert is_valid(bag)


def test_a_second_export_is_the_same_and_one_to_elsewhere_too(bag: Path, tmp_path: Path, export: Export) -> None:
    first = contents(bag)
    export("bagit")
    assert contents(bag) == first
    bag.rename(tmp_path / "other")
    export("bagit")
    assert contents(bag) == first


def test_a_file_that_was_changed_is_named_and_the_rest_is_a_bag(archive: Path, tmp_path: Path, export: Export) -> None:
    changed = min(archive.glob("originals/11/*.png"))
    content = bytearray(changed.read_bytes())
    content[50] ^= 1
    changed.chmod(0o600)
    changed.write_bytes(content)
    run = export("bagit", code=1)
    assert f"not exported: originals/11/{changed.name}: its SHA-256 is not the one in the ledger" in run.err
    assert is_valid(tmp_path / "out")
    assert not (tmp_path / "out" / "data" / "originals" / "11" / changed.name).exists()


def test_a_folder_of_somebody_s_own_is_refused(archive: Path, tmp_path: Path, export: Export) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    assert "holds other things" in export("bagit", code=2).err
