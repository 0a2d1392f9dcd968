"""`export wacz`: web archives that the package `wacz` validates and ReplayWeb.page shows."""

from __future__ import annotations

import gzip
import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from zipfile import ZipFile

import pytest
from surt import surt as surt_of_the_internet_archive
from wacz.main import main
from warcio.archiveiterator import ArchiveIterator

from pixivcrawl.exchange.export import wacz_file
from pixivcrawl.exchange.export.wacz import surt
from tests.commands.typing_in import Typed, type_in
from tests.exchange.export.crawled import is_told_of_the_reader
from tests.live.running import rows


def exported(archive: Path, target: Path, *options: str) -> Typed:
    return type_in("export", "wacz", str(target), "--all", *options, archive=archive)


def is_valid(path: Path) -> bool:
    with redirect_stdout(io.StringIO()):
        return main(["validate", "--file", str(path)]) == 0


def records(path: Path) -> list[tuple[str, str, str, bytes]]:
    """(type, address, time, payload) of every record, whose digests are checked."""
    found = []
    with ZipFile(path) as file:
        assert file.testzip() is None
        for name in sorted(name for name in file.namelist() if name.startswith("archive/")):
            for record in ArchiveIterator(io.BytesIO(file.read(name)), check_digests="raise"):
                head = record.rec_headers
                payload = record.content_stream().read()
                found.append((record.rec_type, head["WARC-Target-URI"], head["WARC-Date"], payload))
    return found


def test_it_is_valid_and_holds_originals_answers_and_a_page_of_each_work(archive: Path, tmp_path: Path) -> None:
    target = tmp_path / "works.wacz"
    assert exported(archive, target).code == 0
    assert is_valid(target)
    held = records(target)
    stored = rows(archive, "SELECT url, path, stored FROM files WHERE url IS NOT NULL AND state = 'stored'")
    assert len(stored) == 4
    for url, path, at in stored:
        ((kind, _, date, payload),) = [record for record in held if record[1] == url]
        assert (kind, payload) == ("resource", (archive / path).read_bytes())
        assert date[:10] == str(at)[:10]
    answers = [payload for kind, _, _, payload in held if kind == "response"]
    assert len(answers) >= 3
    assert all("error" in json.loads(payload) for payload in answers)
    pages = {
        address: payload for kind, address, _, payload in held if address.startswith("https://pixivcrawl.invalid/")
    }
    assert len(pages) == 3
    assert not any(b"<script" in payload for payload in pages.values())
    assert list(tmp_path.glob("works.wacz*")) == [target]


def test_every_line_of_the_index_leads_to_its_record(archive: Path, tmp_path: Path) -> None:
    exported(archive, tmp_path / "works.wacz")
    with ZipFile(tmp_path / "works.wacz") as file:
        lines = gzip.decompress(file.read("indexes/index.cdx.gz")).decode().splitlines()
        assert lines == sorted(lines)
        head, block = file.read("indexes/index.idx").decode().splitlines()
        assert head.startswith("!meta 0 ")
        assert block.startswith(lines[0].partition("{")[0])
        for line in lines:
            key, _, told = line.split(" ", 2)
            place = json.loads(told)
            member = file.read(f"archive/{place['filename']}")[place["offset"] : place["offset"] + place["length"]]
            (record,) = ArchiveIterator(io.BytesIO(member))
            assert record.rec_headers["WARC-Target-URI"] == place["url"]
            assert surt_of_the_internet_archive(place["url"]) == key


@pytest.mark.parametrize(
    "url",
    [
        "https://i.pximg.net/img-original/img/2022/08/02/A.PNG",
        "https://www.pixiv.net/ajax/illust/5?lang=en&B=2&a=1",
        "http://127.0.0.1:8481/x/Y",
    ],
)
def test_addresses_are_sorted_as_others_do(url: str) -> None:
    assert surt(url) == surt_of_the_internet_archive(url)


def test_nothing_that_only_the_reader_sees_leaves_without_being_asked_for(archive: Path, tmp_path: Path) -> None:
    def told(path: Path) -> list[bytes]:
        with ZipFile(path) as file:
            everything = [file.read(name) for name in file.namelist()]
        return [
            content
            for content in [*everything, *(payload for *_, payload in records(path))]
            if is_told_of_the_reader(content)
        ]

    exported(archive, tmp_path / "public.wacz")
    assert not told(tmp_path / "public.wacz")
    exported(archive, tmp_path / "all.wacz", "--with-private")
    assert len(told(tmp_path / "all.wacz")) >= 3
    assert is_valid(tmp_path / "all.wacz")


def test_a_second_export_is_the_same_to_the_byte(archive: Path, tmp_path: Path) -> None:
    for name in ("one.wacz", "two.wacz", "one.wacz"):
        assert exported(archive, tmp_path / name).code == 0
    assert (tmp_path / "one.wacz").read_bytes() == (tmp_path / "two.wacz").read_bytes()


def test_a_file_that_was_changed_is_named_and_the_rest_is_valid(archive: Path, tmp_path: Path) -> None:
    changed = min(archive.glob("originals/11/*.png"))
    content = bytearray(changed.read_bytes())
    content[50] ^= 1
    changed.chmod(0o600)
    changed.write_bytes(content)
    run = exported(archive, tmp_path / "works.wacz")
    assert run.code == 1
    assert f"not exported: originals/11/{changed.name}: its SHA-256 is not the one in the ledger" in run.err
    assert is_valid(tmp_path / "works.wacz")
    assert sum(kind == "resource" for kind, *_ in records(tmp_path / "works.wacz")) == 3 + 3


def test_what_a_kill_left_is_gone_on_with(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Works that are noted are not written again; one that changed meanwhile is, and all that follow it."""
    monkeypatch.setattr(wacz_file, "NOTED_EVERY", 1)
    exported(archive, tmp_path / "whole.wacz")
    target, begun = tmp_path / "works.wacz", wacz_file.WaczFile.finish

    def killed(self: wacz_file.WaczFile) -> None:
        self._file.write(b"torn")
        raise KeyboardInterrupt

    monkeypatch.setattr(wacz_file.WaczFile, "finish", killed)
    assert exported(archive, target).code == 130
    monkeypatch.setattr(wacz_file.WaczFile, "finish", begun)
    monkeypatch.setattr("pixivcrawl.exchange.export.wacz.require_same", None)
    assert exported(archive, target).code == 0
    assert target.read_bytes() == (tmp_path / "whole.wacz").read_bytes()


def test_a_name_that_programs_do_not_know_is_refused(archive: Path, tmp_path: Path) -> None:
    for name in ("works.zip", "-"):
        run = type_in("export", "wacz", name, "--all", archive=archive)
        assert (run.code, "ends with .wacz" in run.err) == (2, True)


def test_two_at_once_are_said(archive: Path, tmp_path: Path) -> None:
    with wacz_file.opened(tmp_path / "works.wacz") as file:
        run = exported(archive, tmp_path / "works.wacz")
        assert (run.code, "another export writes it" in run.err) == (5, True)
        file.has(1, "")
