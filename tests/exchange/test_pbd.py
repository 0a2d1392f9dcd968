"""What Powerful Pixiv Downloader's folders tell by names, notes, record and settings: all that can be known, and nothing wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from pixivcrawl.exchange.source import Entry, Passed, contents_of
from pixivcrawl.exchange.sources import pbd, source_of
from pixivcrawl.items import Frame
from pixivcrawl.sandbox.works import Work
from pixivcrawl.verification.claims import Claim
from tests.exchange.making import DEFAULT_OF_PBD, LATER, PBD, found_in, small_world
from tests.sandbox.serving import World

ARTIST = 11


@pytest.fixture
def world() -> World:
    return small_world()


def works_of(world: World) -> Sequence[Work]:
    return world.works_of(ARTIST, world.readers[0])


def claims_in(folder: Path) -> dict[Path, Claim]:
    return {found.path: found for found in found_in(pbd.SOURCE, folder) if isinstance(found, Claim)}


def passed_in(folder: Path) -> dict[str, str]:
    return {found.path.name: found.reason for found in found_in(pbd.SOURCE, folder) if isinstance(found, Passed)}


def assert_told(made: PBD, *, all_of: bool = True, with_revisions: bool = True) -> None:
    """Files are claimed for the pages that they are, and for no other revision than their own."""
    claims = claims_in(made.root)
    assert set(claims) <= set(made.files)
    assert set(claims) == set(made.files) or not all_of
    for path, claim in claims.items():
        truth = made.files[path]
        assert (claim.work_id, claim.page, claim.kind == "ugoira") == (truth.work_id, truth.page, truth.is_ugoira), path
        told = claim.recorded and claim.recorded.revision
        assert told == truth.revision if with_revisions else told in (None, truth.revision)


RULES = (DEFAULT_OF_PBD, "{user_id}/{pid}/{p}-{title}", "pixiv/{title}-{user}/{id}")
NUMBERS = (
    {},
    {"first": 1},
    {"digits": 3},
    {"first": 1, "digits": 3},
    {"unnumbered": True},
    {"unnumbered": True, "first": 1},
)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("numbers", NUMBERS, ids=str)
def test_the_record_tells_each_file_whatever_its_name(
    world: World, tmp_path: Path, rule: str, numbers: dict[str, int]
) -> None:
    made = PBD(tmp_path / "Downloads", world, rule=rule, notes=(), **numbers)
    made.fetch(works_of(world))
    made.finish()
    made.moved(tmp_path / "elsewhere")
    assert source_of(contents_of(made.root)).name == "pbd"
    assert_told(made)


@pytest.mark.parametrize("numbers", NUMBERS, ids=str)
def test_without_a_record_the_works_tell_where_their_numbers_begin(
    world: World, tmp_path: Path, numbers: dict[str, int]
) -> None:
    made = PBD(tmp_path, world, **numbers)
    made.fetch(works_of(world))
    made.finish(record=False)
    assert_told(made)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("numbers", NUMBERS[:4], ids=str)
def test_the_settings_tell_the_rule_and_where_numbers_begin(
    world: World, tmp_path: Path, rule: str, numbers: dict[str, int]
) -> None:
    made = PBD(tmp_path, world, rule=rule, notes=("txt",), **numbers)
    made.fetch(works_of(world))
    made.finish(record=False, settings=True)
    assert_told(made, with_revisions=rule == DEFAULT_OF_PBD)


def test_a_rule_that_does_not_begin_with_ids_is_read_by_its_names(world: World, tmp_path: Path) -> None:
    made = PBD(tmp_path, world, rule="{user_id} {title} {id}", notes=())
    made.fetch([work for work in works_of(world) if not work.is_ugoira and "_p" not in work.title])
    made.finish(record=False)
    assert_told(made, with_revisions=False)


def test_numbers_that_may_count_from_either_claim_nothing(world: World, tmp_path: Path) -> None:
    """Of one work of three pages its second one may be here, or its first, as people have them numbered."""
    made = PBD(tmp_path, world, notes=())
    work = next(work for work in works_of(world) if len(work.pages) == 3)
    made.fetch([work])
    made.finish(record=False)
    for path in [path for path in made.files if "_p1" not in path.name]:
        path.unlink()
    assert claims_in(tmp_path) == {}
    (reason,) = passed_in(tmp_path).values()
    assert "may count from 0 or from 1" in reason


def test_works_numbered_in_both_ways_are_told_apart_by_their_notes(world: World, tmp_path: Path) -> None:
    several = [work for work in works_of(world) if len(work.pages) == 3]
    made = PBD(tmp_path, world)
    made.fetch(several[:2])
    made.first = 1
    made.fetch(several[2:])
    made.finish(record=False)
    assert_told(made)


@pytest.mark.parametrize("note", ["json", "txt"])
def test_notes_of_both_kinds_tell_what_they_know(world: World, tmp_path: Path, note: str) -> None:
    made = PBD(tmp_path, world, notes=(note,))
    made.fetch(works_of(world))
    made.finish(record=False)
    assert_told(made)
    for path, claim in claims_in(tmp_path).items():
        work = world.work(made.files[path].work_id)
        recorded = claim.recorded
        assert work is not None
        assert recorded is not None
        assert recorded.user_id == ARTIST
        assert recorded.page_count == (len(work.pages) if note == "json" else None)
        if work.is_ugoira:
            frames = tuple(Frame(f"{at:06}.jpg", delay) for at, delay in enumerate(work.delays))
            assert recorded.frames == (frames if note == "json" else None)
        elif claim.page == 0:
            assert (recorded.width, recorded.height) == (work.first.width, work.first.height)


@pytest.mark.parametrize("ugoira", ["webm", "gif", "apng"])
def test_a_converted_ugoira_is_named_and_left(world: World, tmp_path: Path, ugoira: str) -> None:
    made = PBD(tmp_path, world, ugoira=ugoira)
    made.fetch([work for work in works_of(world) if work.is_ugoira])
    made.finish()
    assert claims_in(tmp_path) == {}
    assert {reason.partition(":")[0] for reason in passed_in(tmp_path).values()} == {"converted"}


def test_a_revision_fetched_under_a_new_title_leaves_the_older_file_its_own(world: World, tmp_path: Path) -> None:
    made = PBD(tmp_path, world)
    work = next(work for work in works_of(world) if len(work.pages) == 1 and work.created == work.uploaded)
    made.fetch([work])
    world.retitle(work.id, "another title")
    made.fetch([world.revise(work.id)])
    made.finish()
    assert_told(made)


def test_the_record_names_known_works_and_no_novels(world: World, tmp_path: Path) -> None:
    made = PBD(tmp_path, world)
    works = works_of(world)
    made.fetch(works)
    made.record.append({"id": "77", "n": "novels/77.epub", "d": "2021-09-03T14:31:03+00:00"})
    made.record.append({"id": "78_p0", "n": "gone/78_p0.jpg"})
    made.finish()
    assert {entry.work_id for entry in found_in(pbd.SOURCE, tmp_path) if isinstance(entry, Entry)} == {
        78,
        *(work.id for work in works),
    }


@pytest.mark.parametrize("spoilt", [b"[{", b"[1, null, {}]", b"[" * 100_000, b"\xff\xfe", b'[{"id": 5, "n": []}]'])
def test_a_damaged_record_is_passed_over_and_the_rest_is_read(world: World, tmp_path: Path, spoilt: bytes) -> None:
    made = PBD(tmp_path, world)
    made.fetch(works_of(world))
    made.put("record-total.json", spoilt, None, LATER)
    assert_told(made)


def test_two_lines_of_one_name_tell_nothing(world: World, tmp_path: Path) -> None:
    """A rule without numbers: the last page of a work lies where the others lay."""
    made = PBD(tmp_path, world, rule="all/{title}", notes=())
    made.fetch([work for work in works_of(world) if len(work.pages) == 3][:1])
    made.finish()
    assert claims_in(tmp_path) == {}


def test_an_exported_result_is_a_list_of_notes(world: World, tmp_path: Path) -> None:
    made = PBD(tmp_path, world, notes=())
    works = works_of(world)
    made.fetch(works)
    told = [json.loads(made._note(work, "json")) for work in works]
    made.put("result-total.json", json.dumps(told).encode(), None, LATER)
    assert_told(made, with_revisions=False)
    assert all(claim.recorded is not None for claim in claims_in(tmp_path).values())
