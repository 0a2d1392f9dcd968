"""`export sidecars`: as the schema says, the same bytes each time, every field; and gallery-dl's key names."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import jsonschema
import pytest

from pixivcrawl.items import Artwork, columns_of
from pixivcrawl.ledger.updates import record_artwork, record_unavailable
from tests.exchange.export.conftest import Export
from tests.exchange.export.making import files_in
from tests.gallery.making import GONE, HOSTILE, MANGA, NORMAL, REVISED, SCRIPT, UGOIRA, WORKS, archive_at
from tests.ledger.making import DAY, NOW, an_artwork, connected, sqlite_url
from tests.test_project import ROOT

SCHEMA = jsonschema.Draft202012Validator(json.loads((ROOT / "docs" / "sidecar.schema.json").read_text()))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return archive_at(tmp_path / "archive")


def test_each_work_is_told_as_the_schema_says(root: Path, tmp_path: Path, export: Export):
    for options in ((), ("--with-private",)):
        export("sidecars", *options)
        told = {int(Path(name).stem): json.loads(body) for name, body in files_in(tmp_path / "out").items()}
        assert set(told) == set(WORKS)
        for sidecar in told.values():
            SCHEMA.validate(sidecar)
            assert (sidecar["private"] is not None) == bool(options)
    assert set(columns_of(Artwork)) - {"location_mask"} <= set(told[NORMAL]["work"])
    assert told[NORMAL]["tags"][0] == {"name": "猫", "translations": {"reader": "cat"}, "locked": None, "user_id": None}
    assert [former["value"] for former in told[REVISED]["history"] if former["field"] == "title"] == [
        "before it was revised"
    ]
    assert [file["revision"] for file in told[REVISED]["files"]] == sorted(
        {file["revision"] for file in told[REVISED]["files"]}
    )
    assert told[GONE]["work"]["availability"] == "gone"
    assert told[HOSTILE]["artist"]["name"] == told[HOSTILE]["work"]["title"] == SCRIPT
    assert [frame["delay"] for frame in told[UGOIRA]["files"][-1]["frames"]] == [60, 90]


def test_it_is_the_same_until_a_fact_changes(root: Path, tmp_path: Path, export: Export):
    export("sidecars")
    before = files_in(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "first")
    with connected(sqlite_url(root)) as connection:
        # Seen again, and nothing new.
        record_artwork(connection, an_artwork(MANGA, 5, title="a manga", kind="manga", book_style=1), NOW + 9 * DAY)
    export("sidecars")
    assert files_in(tmp_path / "out") == before
    with connected(sqlite_url(root)) as connection:
        record_unavailable(connection, NORMAL, "gone", "404", NOW + 10 * DAY)
    assert "1 made, 0 moved, 0 removed, 7 as they were" in export("sidecars").err
    after = files_in(tmp_path / "out")
    assert [name for name in after if after[name] != before[name]] == [f"7/{NORMAL}.json"]


def test_under_the_key_names_of_gallery_dl(root: Path, tmp_path: Path, export: Export):
    export("sidecars", "--like", "gallery-dl")
    told = {name: json.loads(body) for name, body in files_in(tmp_path / "out").items()}
    page = told[f"pixiv/7/{MANGA}_p3.jpg.json"]
    assert (page["id"], page["num"], page["page_count"], page["suffix"]) == (MANGA, 3, 5, "_p03")
    assert (page["user"]["id"], page["tags"], page["type"]) == (7, ["one", "two"], "manga")
    assert page["create_date"] == "2026-01-01T09:00:00+09:00"
    assert (page["date"], page["date_url"]) == ("2026-01-01 00:00:00", "2026-01-02 00:00:00")
    assert told[f"pixiv/7/{UGOIRA}_p0.zip.json"]["frames"] == [
        {"delay": 60, "file": "000000.jpg"},
        {"delay": 90, "file": "000001.jpg"},
    ]


def test_they_may_lie_beside_a_view(root: Path, tmp_path: Path, export: Export):
    name = "{user} ({user_id})/{title} ({id})"
    which = ("--work", str(NORMAL))
    export("view", "--name", f"{name}.{{ext}}", "--by", "copy", which=which)
    export("sidecars", "--name", name, which=which)
    assert set(files_in(tmp_path / "out")) == {
        f"artist (7)/夏空と猫 ({NORMAL}){ending}" for ending in (".jpg", ".json")
    }
    with connected(sqlite_url(root)) as connection:
        record_artwork(connection, replace(an_artwork(NORMAL, title="new"), user_name="another"), NOW + 10 * DAY)
    export("view", "--name", f"{name}.{{ext}}", "--by", "copy", which=which)
    export("sidecars", "--name", name, which=which)
    assert set(files_in(tmp_path / "out")) == {f"another (7)/new ({NORMAL}){ending}" for ending in (".jpg", ".json")}


def test_every_field_of_a_work_is_told_or_known_to_be_somewhere_else():
    """So that a new field is in the schema when it is in the ledger."""
    work = json.loads((ROOT / "docs" / "sidecar.schema.json").read_text())["$defs"]["Work"]["properties"]
    told = {field.metadata.get("column", field.name) for field in fields(Artwork)} & set(work)
    assert set(columns_of(Artwork)) - told == {"location_mask"}
