"""Notes and databases may have been edited, or damaged: whatever stands in one, no source fails, and the files beside it are read."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixivcrawl.exchange.source import Entry, Passed, contents_of
from pixivcrawl.exchange.sources import SOURCES

PICTURE = "5000111_p0.jpg"
ADDRESS = "https://i.pximg.net/img-original/img/2024/01/02/03/04/05/5000111_p0.jpg"
TIMING = {"frames": [{"file": "000000.jpg", "delay": 40}]}

NOTES: dict[str, dict[str, Any]] = {
    f"{PICTURE}.json": {
        "category": "pixiv", "id": 5000111, "num": 0, "user": {"id": 11}, "url": ADDRESS, "extension": "jpg", "type": "illust",
        "date_url": "2024-01-01 18:04:05", "page_count": 1, "width": 30, "height": 20, **TIMING,
    },
    "5000111_p0 - title.json": {
        "Image ID": "5000111", "Artist ID": "11", "Date": "2024-01-01T18:04:05", "Pages": 1, "Resolution": "30x20", "Ugoira Data": TIMING,
    },
    "5000111-title-meta.json": {
        "idNum": 5000111, "original": ADDRESS, "userId": "11", "date": "2024-01-01T18:04:05+00:00", "pageCount": 1, "fullWidth": 30,
        "fullHeight": 20, "type": 2, "ugoiraInfo": TIMING,
    },
    "record.json": {"id": "5000111_p0", "n": f"pixiv/name-11/{PICTURE}", "d": "2024/01/02/03/04/05"},
    "settings.json": {"downloadThread": 4, "userSetName": "{id}", "namingRuleList": ["{pid}"], "serialNoStart": 0},
}  # fmt: skip

ODD = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(),
        st.sampled_from(
            [10**40, "\ud800", "²", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+09:00", "https://[::1"]
        ),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=6,
)


@pytest.mark.parametrize("name", NOTES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_stands_in_a_note_the_file_beside_it_is_read(tmp_path: Path, name: str, data: st.DataObject):
    told = NOTES[name]
    changed = told | data.draw(st.dictionaries(st.sampled_from(sorted(told)), ODD, min_size=1, max_size=2))
    (tmp_path / PICTURE).write_bytes(b"\xff\xd8\xff")
    (tmp_path / name).write_text(json.dumps(data.draw(st.sampled_from([changed, [changed], [changed, told]]))))
    contents = contents_of(tmp_path)
    for source in SOURCES:
        source.shows_itself([*contents.pictures, *contents.others])
        found = [each for each in source.read(contents, contents.pictures) if not isinstance(each, Entry)]
        assert PICTURE in {each.path.name for each in found}, source.name


@pytest.mark.parametrize("table", ["archive (entry)", "pixiv_master_image (image_id, save_name)"])
def test_a_database_whose_list_of_tables_is_damaged_is_named(tmp_path: Path, table: str):
    path = tmp_path / "db.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"CREATE TABLE {table}")
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE", b"CREATE TA\xffLE"))
    (tmp_path / PICTURE).write_bytes(b"\xff\xd8\xff")
    contents = contents_of(tmp_path)
    found = {source.name: list(source.read(contents, contents.pictures)) for source in SOURCES}
    for name in ("gallery-dl", "pixivutil2"):
        assert path in {each.path for each in found[name] if isinstance(each, Passed)}
    assert all(
        PICTURE in {each.path.name for each in each_found if not isinstance(each, Entry)}
        for each_found in found.values()
    )
