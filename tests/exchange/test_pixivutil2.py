"""What PixivUtil2's folders tell of their files by names, notes and database: all that can be known, and nothing wrong."""

from __future__ import annotations

import json
import random
import sqlite3
from pathlib import Path

import pytest

from pixivcrawl.exchange.source import Entry, Passed, contents_of
from pixivcrawl.exchange.sources import pixivutil2, source_of
from pixivcrawl.items import Frame
from pixivcrawl.verification.claims import Claim
from tests.exchange.making import DEFAULT, LATER, PixivUtil2, Truth, found_in, small_world
from tests.sandbox.serving import World

ARTIST = 11


def works_of(world: World):
    return [work for work in world.works_of(ARTIST, world.readers[0]) if not work.gone]


def claims_in(folder: Path) -> dict[Path, Claim]:
    return {found.path: found for found in found_in(pixivutil2.SOURCE, folder) if isinstance(found, Claim)}


def passed_in(folder: Path) -> dict[str, str]:
    return {found.path.name: found.reason for found in found_in(pixivutil2.SOURCE, folder) if isinstance(found, Passed)}


def assert_all_told(made: PixivUtil2, *, with_revisions: bool = True) -> None:
    """Every file is claimed for the page that it is, and for no other revision than its own."""
    claims = claims_in(made.root)
    assert set(claims) == set(made.files)
    for path, truth in made.files.items():
        claim = claims[path]
        assert (claim.work_id, claim.page, claim.kind == "ugoira") == (truth.work_id, truth.page, truth.is_ugoira), path
        assert claim.rewritten == (path.suffix == ".ugoira")
        told = claim.recorded and claim.recorded.revision
        assert told == truth.revision if with_revisions else told in (None, truth.revision)


@pytest.fixture
def world() -> World:
    return small_world()


FORMATS = (
    (DEFAULT, DEFAULT),
    ("%member_id%/%R-18%/%image_id% %title%", "%member_id%/%R-18%/%image_id%/%page_number% %title%"),
    ("%artist%/%works_date_only% %title% [%image_id%]", "%artist%/%works_date_only% %title% [%image_id%]_%page_index%"),
)


@pytest.mark.parametrize(("single", "manga"), FORMATS)
@pytest.mark.parametrize("ugoira", [("zip",), ("zip", "ugoira", "webm", "gif", "png"), ("ugoira",)])
def test_each_format_is_read_from_the_settings(
    world: World, tmp_path: Path, single: str, manga: str, ugoira: tuple[str, ...]
) -> None:
    made = PixivUtil2(tmp_path / "pixiv", world, single=single, manga=manga, ugoira=ugoira)
    made.fetch(works_of(world))
    made.finish()
    assert source_of(contents_of(made.root)).name == "pixivutil2"
    assert_all_told(made)
    made_of_ugoira = {path.name for path in made.root.rglob("*") if path.suffix in (".webm", ".gif", ".png")} - {
        path.name for path in made.files
    }
    assert made_of_ugoira <= set(passed_in(made.root))


@pytest.mark.parametrize("said_root", ["D:\\Pictures\\pixiv", "/srv/pixiv"])
@pytest.mark.parametrize(("single", "manga"), FORMATS)
def test_a_folder_that_was_moved_is_found_in_its_database(
    world: World, tmp_path: Path, single: str, manga: str, said_root: str
) -> None:
    """Without the settings, a name that holds no id is known by the database alone."""
    made = PixivUtil2(tmp_path / "old", world, single=single, manga=manga, said_root=said_root)
    made.fetch(works_of(world))
    made.finish(settings=False)
    made.moved(tmp_path / "elsewhere" / "new name")
    assert_all_told(made)


@pytest.mark.parametrize("note", ["raw", "json", "txt", "xmp"])
def test_notes_of_each_kind_tell_what_they_know(world: World, tmp_path: Path, note: str) -> None:
    made = PixivUtil2(tmp_path, world, notes=(note,), writes_timing=False)
    made.fetch(works_of(world))
    made.finish(database=False)
    assert_all_told(made, with_revisions=False)
    claims = claims_in(tmp_path)
    for path, truth in made.files.items():
        work = world.work(truth.work_id)
        recorded = claims[path].recorded
        assert work is not None
        assert recorded is not None
        assert (recorded.user_id, recorded.page_count) == (ARTIST, len(work.pages))
        if truth.is_ugoira:
            assert recorded.frames == tuple(Frame(f"{at:06}.jpg", delay) for at, delay in enumerate(work.delays))
        elif len(work.pages) == 1:
            assert (recorded.width, recorded.height) == (work.first.width, work.first.height)
        # The tool's own notes name no address but an ugoira's; a work revised before it was fetched may have been two.
        if note == "raw" or (truth.is_ugoira and note != "xmp"):
            assert recorded.revision == (truth.revision if work.created == work.uploaded else None)


def test_a_note_that_is_written_again_does_not_make_an_older_picture_a_newer_one(world: World, tmp_path: Path) -> None:
    """PixivUtil2 leaves a file of that name where it lies, and writes what pixiv says of the work by then."""
    made = PixivUtil2(tmp_path, world)
    work = works_of(world)[0]
    made.fetch([work])
    revised = world.revise(work.id)
    made.put(f"artist/{work.id}.json", made._note(revised, "raw", "big"), None, LATER)
    for note in tmp_path.rglob("*.json"):
        note.write_bytes(made._note(revised, "raw", "big"))
    made.finish(database=False)
    (claim,) = claims_in(tmp_path).values()
    assert claim.recorded is not None
    assert claim.recorded.revision is None


def test_the_lists_of_the_database_are_known_works(world: World, tmp_path: Path) -> None:
    made = PixivUtil2(tmp_path, world)
    works = works_of(world)
    made.fetch(works)
    made.rows.append((77, 9, "**BLACKLISTED**", "**BLACKLISTED**", None, None, None))
    made.rows.append((78, 9, "told of, never fetched", "N/A", None, None, None))
    made.finish()
    found = {entry for entry in found_in(pixivutil2.SOURCE, tmp_path) if isinstance(entry, Entry)}
    assert found == {Entry(work.id, ARTIST) for work in works}
    assert "1 work that PixivUtil2 was told to leave out" in passed_in(tmp_path)["db.sqlite"]


def test_a_database_in_use_is_read_as_its_last_commit_left_it(world: World, tmp_path: Path) -> None:
    made = PixivUtil2(tmp_path, world, single="%title%", manga="%title% %page_index%")
    # No two of these bear the same title.
    made.fetch(works_of(world)[-9:])
    made.finish()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with sqlite3.connect(tmp_path / "db.sqlite") as writing:
        writing.execute("PRAGMA cache_size = 1")
        writing.execute("BEGIN EXCLUSIVE")
        writing.execute("UPDATE pixiv_master_image SET save_name = 'half done' || randomblob(500)")
        writing.execute("UPDATE pixiv_manga_image SET page = page + 1000")
        assert_all_told(made)
        writing.rollback()
    writing.close()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_database_of_an_earlier_version_is_read(world: World, tmp_path: Path) -> None:
    made = PixivUtil2(tmp_path, world)
    made.fetch(works_of(world))
    made.finish(settings=False, database=False)
    with sqlite3.connect(tmp_path / "db.sqlite") as connection:
        connection.execute(
            "CREATE TABLE pixiv_master_image (image_id INTEGER PRIMARY KEY, member_id INTEGER, title TEXT, save_name TEXT, "
            "created_date DATE, last_update_date DATE)"
        )
        connection.executemany(
            "INSERT INTO pixiv_master_image VALUES (?, ?, ?, ?, ?, ?)", (row[:6] for row in made.rows)
        )
    connection.close()
    assert_all_told(made, with_revisions=False)


@pytest.mark.parametrize("spoilt", ["cut", "noise", "empty"])
def test_a_damaged_database_is_named_and_the_rest_is_read(world: World, tmp_path: Path, spoilt: str) -> None:
    made = PixivUtil2(tmp_path, world)
    made.fetch(works_of(world))
    made.finish()
    path = tmp_path / "db.sqlite"
    content = path.read_bytes()
    noise = content[:100] + random.Random(1).randbytes(len(content) - 100)
    path.write_bytes({"cut": content[: len(content) // 2], "noise": noise, "empty": b""}[spoilt])
    assert "a database that" in passed_in(tmp_path)["db.sqlite"]
    assert_all_told(made, with_revisions=False)


def test_what_is_reduced_converted_or_nameless_is_passed_over_with_its_reason(world: World, tmp_path: Path) -> None:
    made = PixivUtil2(tmp_path, world, ugoira=("zip", "gif", "png", "webm"))
    work = next(work for work in works_of(world) if work.is_ugoira)
    made.fetch([work])
    odd = {
        "5000111_p0_master1200 - x.jpg": "reduced",
        "holiday.jpg": "neither its name nor a database",
        f"{work.id}_ugoira1920x1080 - t.webp": "converted: pixiv has no webp",
    }
    for name in odd:
        made.put(f"a (11)/{name}", b"any", None, LATER)
    made.put("a (11)/5000112_p0 - x.json", b'{"illustId": "5000112", ', None, LATER)
    made.finish()
    passed = passed_in(tmp_path)
    assert {name: passed[name][: len(reason)] for name, reason in odd.items()} == odd
    assert passed["5000112_p0 - x.json"] == "a note that is damaged: it is no JSON"
    assert [reason for name, reason in passed.items() if name.endswith((".gif", ".png"))] == [
        "converted: an ugoira as gif",
        "converted: an ugoira as png",
    ]
    assert set(claims_in(tmp_path)) == set(made.files)


def test_a_zip_of_a_works_pages_is_to_be_unpacked(world: World, tmp_path: Path) -> None:
    """createPixivArchive: the database names the zip, and its pages by their names in it."""
    made = PixivUtil2(tmp_path, world, single="%member_id%/%image_id%", manga="%member_id%/%image_id%/%page_number%")
    work = next(work for work in works_of(world) if len(work.pages) == 3)
    made.put(f"11/{work.id}.zip", b"PK\3\4", None, LATER)
    made.rows.append((work.id, ARTIST, "t", f"D:\\p\\11\\{work.id}.zip", None, None, "manga"))
    made.pages = [(work.id, page, f"{page + 1}.png", None, None) for page in range(3)]
    made.finish()
    assert passed_in(tmp_path) == {f"{work.id}.zip": "a zip of pages: unpack it, and import its folder"}


def test_a_name_and_a_database_that_contradict_each_other_claim_nothing(world: World, tmp_path: Path) -> None:
    made = PixivUtil2(tmp_path, world)
    first, second = works_of(world)[:2]
    made.fetch([first])
    made.pages = [(second.id, page, path, *more) for _, page, path, *more in made.pages]
    made.rows = [(second.id, *row[1:]) for row in made.rows]
    made.finish()
    assert claims_in(tmp_path) == {}


def test_two_rows_of_one_path_tell_nothing(world: World, tmp_path: Path) -> None:
    """A format without ids: the second work's picture lies where the first one's lay."""
    made = PixivUtil2(tmp_path, world, single="%artist%/picture", manga="%artist%/picture %page_index%")
    made.fetch(
        [
            work
            for work in works_of(world)
            if len(work.pages) == 1 and work.first.extension == "jpg" and not work.is_ugoira
        ]
    )
    made.finish()
    assert claims_in(tmp_path) == {}


def test_truths_are_those_of_the_world(world: World, tmp_path: Path) -> None:
    made = PixivUtil2(tmp_path, world)
    made.fetch(works_of(world)[:1])
    ((path, truth),) = made.files.items()
    assert isinstance(truth, Truth)
    note = next(path.parent.glob("*.json"))
    assert truth.revision in json.loads(note.read_text())["urls"]["original"].replace("/", "")
