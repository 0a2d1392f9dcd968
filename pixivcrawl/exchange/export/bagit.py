"""`export bagit`: a bag (RFC 8493) of the originals, the facts about each work with their history, and pixiv's answers.

Written here because the package `bagit` moves the files into the bag and reads each again for a checksum that the ledger has.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from pixivcrawl import __version__
from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.exchange.export.answers import answers_about, records_at
from pixivcrawl.exchange.export.choice import Result, Selection
from pixivcrawl.exchange.export.folder import Folder, Planned, opened
from pixivcrawl.exchange.export.sidecars import WORK, Documents
from pixivcrawl.exchange.export.templates import read_template
from pixivcrawl.exchange.export.view import COPY, Original, make_file, takes
from pixivcrawl.exchange.export.writing import Differs, writing

DECLARATION = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
MANIFEST, TAG_MANIFEST = "manifest-sha256.txt", "tagmanifest-sha256.txt"

ORIGINAL, FACTS, ANSWERS = "original", "facts", "answers"
"""The first word of a print; the second is the file's SHA-256."""


def export(selection: Selection, target: Path, _options: argparse.Namespace) -> Result:
    """Update the bag from the ledger. Meanwhile it has no `bagit.txt`, so that it does not look like a complete bag."""
    result, contents = Result(), Contents(selection)
    with opened(target, "bagit") as folder:
        way = "reflink" if takes(selection, target, "reflink") else COPY
        folder.plan(contents.planned())
        with storage_errors(target):
            (target / "bagit.txt").unlink(missing_ok=True)
        difference = folder.bring_in_line(contents.maker(way), result)
        files, size = write_tags(target, folder)
    result.lines.append(f"{target}: a bag of {files:,} files, {size:,} bytes: {difference}")
    return result


def write_tags(target: Path, folder: Folder) -> tuple[int, int]:
    """Write the files that make the folder a bag; returns the number of its files, and their bytes."""
    files, size = 0, 0
    with writing(target / MANIFEST) as manifest:
        for path, print_ in folder.held():
            manifest.write(f"{print_.split(' ', 2)[1]}  {path}\n".encode())
            files, size = files + 1, size + (target / path).stat().st_size
    told = f"Bag-Software-Agent: pixivcrawl {__version__}\nPayload-Oxum: {size}.{files}\n"
    for name, text in (("bag-info.txt", told), ("bagit.txt", DECLARATION)):
        with writing(target / name) as file:
            file.write(text.encode())
    sums = [
        f"{hashlib.sha256((target / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ("bag-info.txt", "bagit.txt", MANIFEST)
    ]
    with writing(target / TAG_MANIFEST) as file:
        file.write("".join(sums).encode())
    return files, size


class Contents:
    """The contents of the bag for a selection."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._documents = Documents(selection, read_template(WORK, of_files=False, ending=".json"), is_like=False)
        self._answers = answers_about(selection)

    def planned(self) -> Iterator[Planned]:
        for batch in self._selection.batches():
            for planned, _ in self._documents.of(batch):
                yield planned._replace(path=f"data/works/{planned.path}", print=f"{FACTS} {planned.print}")
            for work in batch:
                for file in work.files:
                    original = Original(file.path or "", file.sha256 or "", file.bytes)
                    part = f"{file.kind} {file.page} {file.revision}"
                    yield Planned(f"data/{original.path}", work.id, part, f"{ORIGINAL} {original} ", part)
                if self._answers.get(work.id):
                    place = f"data/answers/{work.facts['user_id'] or 0}/{work.id}.warc.gz"
                    sha256 = hashlib.sha256(self._answers_about(work.id)).hexdigest()
                    yield Planned(place, work.id, ANSWERS, f"{ANSWERS} {sha256}", f"{work.id} {ANSWERS}")

    def maker(self, way: str) -> Callable[[int, str, Path], None]:
        """Makes a planned file; originals by reflink or copy, with their checksums verified."""

        def make(work_id: int, print_: str, place: Path) -> None:
            kind, _, rest = print_.partition(" ")
            if kind == ORIGINAL:
                make_file(self._selection.archive, Original.read(print_), place, way, is_checked=True)
                return
            content = self._documents.printed(work_id, rest) if kind == FACTS else self._answers_about(work_id)
            if hashlib.sha256(content).hexdigest() != rest:
                raise Differs(f"work {work_id}: changed meanwhile: run the same command again")
            place.write_bytes(content)

        return make

    def _answers_about(self, work_id: int) -> bytes:
        return b"".join(record for _, record in records_at(self._selection, self._answers[work_id]))
