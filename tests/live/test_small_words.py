"""What a run and `pixivcrawl status` say of what was known, of what is left, and of one thing or several."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.typing_in import Typed, type_in
from tests.live.running import assert_holds
from tests.sandbox.serving import Sandbox, World

WORKS = 5


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.of(works=WORKS, size=(32, 24)), tls=False) as running:
        yield running


def archived(sandbox: Sandbox, folder: Path, *words: str, **more: object) -> Typed:
    arguments = [part for word in words for part in ("-a", word)]
    command = ("crawl", "user", "-a", "id=11", *arguments)
    return type_in(*command, sandbox=sandbox, archive=folder, cookie=sandbox.cookie, **more)


def summary(run: Typed) -> list[str]:
    """The lines after the heading, without their indentation."""
    lines = [" ".join(line.split()) for line in run.err.splitlines()]
    return lines[next(place for place, line in enumerate(lines) if line.startswith("user: ")) + 1 :]


def artist(folder: Path) -> str:
    """The artist's line of the status."""
    told = type_in("status", archive=folder).out.splitlines()
    return next((line for line in told if line.startswith("  11 ")), "")


def test_what_was_known_and_what_is_new(tmp_path: Path, sandbox: Sandbox) -> None:
    assert summary(archived(sandbox, tmp_path))[:2] == ["5 works listed", "5 new"]
    assert summary(archived(sandbox, tmp_path))[:2] == ["5 works listed", "5 known"]
    for _ in range(2):
        sandbox.world.add_work(11)
    assert summary(archived(sandbox, tmp_path))[:3] == ["7 works listed", "5 known", "2 new"]


def test_a_list_that_max_works_ended(tmp_path: Path, sandbox: Sandbox) -> None:
    run = archived(sandbox, tmp_path, "max_works=3")
    assert (run.code, summary(run)[0], summary(run)[-1]) == (0, "3 works listed", "stopped at max_works=3")
    assert "list not read to its end" in artist(tmp_path)
    assert "stopped at" not in archived(sandbox, tmp_path).err
    assert "5 works, 5 complete, 0 missing, 0 unavailable" in artist(tmp_path)


def test_what_is_left_of_a_run_that_was_ended(tmp_path: Path, sandbox: Sandbox) -> None:
    run = archived(sandbox, tmp_path, PIXIV_API_BUDGET=6)
    assert (run.code, "3 left: run the same command again" in summary(run)) == (1, True)
    assert "5 works, 5 complete, 0 missing, " in artist(tmp_path), (
        "all pictures are here, and three details are to come"
    )
    sandbox.world.habits.sessions_last, sandbox.world.habits.refuses_unknown = 0, True
    lost = archived(sandbox, tmp_path, PIXIV_API_BUDGET=100)
    assert (lost.code, summary(lost)[-2]) == (4, "3 left: run the same command again")
    sandbox.world.habits.sessions_last = None
    assert " left: " not in archived(sandbox, tmp_path).err
    assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))


def test_an_artist_whose_list_could_not_be_read_lacks_nobody_knows_what(tmp_path: Path, sandbox: Sandbox) -> None:
    first = sandbox.world.work_id(11, 1)
    assert type_in("crawl", "artwork", "-a", f"id={first}", sandbox=sandbox, archive=tmp_path).code == 0
    assert "1 work, 1 complete, 0 missing, 0 unavailable; 1 file, " in artist(tmp_path)
    sandbox.faults.api("/profile/all", kind="status:500")
    run = archived(sandbox, tmp_path, PIXIV_API_RETRIES=0)
    assert (run.code, "1 list not read to an end" in summary(run)) == (1, True)
    assert "1 work, 1 complete, list not read to its end, 0 unavailable" in artist(tmp_path)


def test_one_of_anything_is_one(tmp_path: Path, sandbox: Sandbox) -> None:
    run = archived(sandbox, tmp_path, "max_works=1")
    assert {"1 work listed", "1 work asked for", "1 file stored"} <= set(summary(run))
    told = type_in("status", archive=tmp_path).out
    assert "1 work of 1 artist: 1 complete" in told
    assert "; 1 file stored, 2 API requests" in told
