"""`export sidecars --like gallery-dl` beside what gallery-dl itself writes of the same works: the same files, keys and values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pixivcrawl.sandbox.works import MANGA, UGOIRA, Page
from tests.commands.typing_in import type_in
from tests.exchange.fetched import Sandbox, gallery_dl
from tests.sandbox.serving import World
from tests.test_project import ROOT

OF_THE_READER = {"is_bookmarked", "is_muted", "visible", "user.is_followed"}
"""What only the account sees that asks."""

OF_THE_APP = {"tools", "comment_access_control", "restriction_attributes"}
"""What pixiv tells its app alone, and the web not."""


def documents(folder: Path) -> dict[str, dict[str, Any]]:
    """Every JSON file of a folder, with the keys of its user beside the others."""
    found = {}
    for path in sorted(folder.rglob("*.json")):
        told = json.loads(path.read_text(encoding="utf-8"))
        user = told.pop("user")
        found[path.relative_to(folder).as_posix()] = told | {f"user.{key}": value for key, value in user.items()}
    return found


def a_world() -> World:
    """An artist with a plain work, one of several pages, an R-18 manga of a series, one made by AI and an ugoira."""
    world = World.of(works=1, size=(48, 36))
    link = 'See <a href="/jump.php?https%3A%2F%2Fexample.org%2F%3Fa%3D1%26b">there</a> &amp; <strong>here</strong>'
    world.add_work(11, title='<b>x</b> & "夏"', caption=link, pages=(Page("png", 64, 48), Page("gif", 32, 24)))
    world.add_work(11, kind=MANGA, pages=(Page("jpg", 64, 48),) * 3, x_restrict=1, series_id=501, tags=("猫", "a_b"))
    world.add_work(11, ai_type=2, x_restrict=2, sanity_level=6, tags=())
    world.add_work(11, kind=UGOIRA, pages=(Page("png", 64, 48),), delays=(80, 120), tags=("moves",))
    return world


@pytest.mark.long
def test_it_is_what_gallery_dl_writes_but_for_what_only_the_app_or_the_reader_sees(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    with Sandbox(a_world()) as sandbox:
        gallery_dl(sandbox, tmp_path / "theirs", "--write-metadata", captions=True)
        run = type_in("crawl", "user", "-a", "id=11", sandbox=sandbox, archive=archive, cookie=sandbox.cookie)
        assert run.code == 0, run.err
    run = type_in("export", "sidecars", str(tmp_path / "ours"), "--all", "--like", "gallery-dl", archive=archive)
    assert run.code == 0, run.err
    theirs, ours = documents(tmp_path / "theirs"), documents(tmp_path / "ours")
    assert len(theirs) == 8
    assert ours.keys() == theirs.keys()
    for name, told in theirs.items():
        assert told.keys() - ours[name].keys() == OF_THE_READER | OF_THE_APP
        assert ours[name] == {key: value for key, value in told.items() if key in ours[name]}, name


def test_the_docs_name_what_is_left_out() -> None:
    text = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    section = text.partition("`--like gallery-dl` instead")[2].partition("## ")[0]
    assert {key for key in OF_THE_READER | OF_THE_APP if f"`{key}`" not in section} == set()
