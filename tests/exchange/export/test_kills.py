"""Exports that are killed anywhere, while the ledger changes: they go on, and end as one that nobody disturbed.

`-m campaign` kills each of them 50 times.
"""

from __future__ import annotations

import json
import random
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from pixivcrawl.items import Facts, User
from pixivcrawl.ledger.updates import record_artwork, record_facts
from tests.exchange.export.killing import EXPORTS, Killer
from tests.exchange.export.making import archive_of
from tests.ledger.making import DAY, NOW, an_artwork, connected, sqlite_url

WORKS = 80


@pytest.fixture
def killer(tmp_path: Path) -> Iterator[Killer]:
    works = [
        an_artwork(number, 1 + number % 3, title=f"title {number % 40}", series_id=number % 5 or None)
        for number in range(1, WORKS + 1)
    ]
    killer = Killer(archive_of(tmp_path / "archive", works, body=b"of a picture " * 500))
    yield killer
    killer.close()


def change(root: Path, number: int) -> None:
    """An artist gets another name, and some works another title, as it happens between two exports."""
    with connected(sqlite_url(root)) as connection:
        record_facts(connection, Facts(users=(User(7, f"artist {number}"),)), NOW + number * DAY)
        for work_id in range(1 + number % 7, WORKS + 1, 7):
            pages, title = 1 + work_id % 3, f"title {(work_id + number) % 40}"
            work = an_artwork(work_id, pages, title=title, user_name=f"artist {number}", series_id=work_id % 5 or None)
            record_artwork(connection, work, NOW + number * DAY)


def held(folder: Path) -> dict[str, tuple[bytes, str | None]]:
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), str(path.readlink()) if path.is_symlink() else None)
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".pixivcrawl-")
    }


def whole(path: Path) -> bool:
    """Whether a file with a name of its own is all of it."""
    readers: dict[str, Callable[[], object]] = {
        ".cbz": lambda: zipfile.ZipFile(path).testzip() is None,
        ".wacz": lambda: zipfile.ZipFile(path).testzip() is None,
        ".json": lambda: json.loads(path.read_bytes()),
        ".csv": lambda: path.read_bytes().count(b"\r\n") == WORKS + 1,
        ".jpg": lambda: path.read_bytes().startswith(b"of a picture " * 500) and path.read_bytes()[-1:].isdigit(),
    }
    return bool(readers[path.suffix]())


@pytest.mark.parametrize(
    ("export", "kills"),
    [
        *(pytest.param(export, 2, marks=pytest.mark.long) for export in ("view by hardlink", "cbz by series")),
        *(pytest.param(export, 50, marks=pytest.mark.campaign) for export in EXPORTS if export != "video"),
    ],
)
def test_killed_anywhere_an_export_goes_on(killer: Killer, tmp_path: Path, export: str, kills: int):
    dice, root, out = random.Random(export), tmp_path / "archive", tmp_path / "out"
    for folder in (out, tmp_path / "undisturbed"):
        folder.mkdir()
    began = time.monotonic()
    killer.run(export, tmp_path / "undisturbed")
    lasts, killed, number = time.monotonic() - began, 0, 0
    while killed < kills:
        number += 1
        assert number < kills * 20
        if killer.run(export, out, partial(time.sleep, dice.uniform(0, lasts))):
            killed += 1
        else:
            # Sooner, then: a busy machine is slow to kill.
            lasts *= 0.8
        broken = [
            path
            for path in out.rglob("*.*")
            if path.suffix in (".cbz", ".json", ".csv", ".jpg", ".wacz") and not whole(path)
        ]
        assert broken == []
        if not number % 2:
            change(root, number)
    assert not killer.run(export, out)
    killer.run(export, tmp_path / "undisturbed")
    assert held(out) == held(tmp_path / "undisturbed")
    (tmp_path / "fresh").mkdir()
    killer.run(export, tmp_path / "fresh")
    assert held(out) == held(tmp_path / "fresh")
