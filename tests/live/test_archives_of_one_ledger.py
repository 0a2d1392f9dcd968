"""Two archives that share a ledger on a server, each with its folder and journal: what is in the other is not missing here."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pixivcrawl.errors import StorageFailed
from pixivcrawl.ledger.journal import read_journal
from pixivcrawl.ledger.replay import replay
from tests.canonical import dump
from tests.commands.typing_in import type_in
from tests.ledger.postgres import answered, lose_ledger
from tests.live.inside import crawl
from tests.live.running import stored_files
from tests.sandbox.serving import Sandbox, World


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.of(artists=2, works=4, size=(48, 36))) as running:
        yield running


@pytest.fixture
def archives(sandbox: Sandbox, tmp_path: Path, postgres_url: str) -> tuple[Path, Path]:
    """The first has artist 11, the second artist 12."""
    here, there = tmp_path / "here", tmp_path / "there"
    for artist, archive in ((11, here), (12, there)):
        assert crawl("user", sandbox, archive, settings={"DATABASE_URL": postgres_url}, id=artist).exit_code == 0
    return here, there


def test_what_lies_in_the_other_archive_is_named_and_not_missing(
    archives: tuple[Path, Path], postgres_url: str
) -> None:
    for archive, other in (archives, archives[::-1]):
        run = type_in("verify", archive=archive, DATABASE_URL=postgres_url)
        assert run.code == 0, run.out
        own, others = (len([*stored_files(each), *(each / "users").rglob("*.*")]) for each in (archive, other))
        checked, elsewhere = run.out.splitlines()[1:3]
        assert checked.startswith(f"{own} files checked, ")
        assert checked.endswith(": whole")
        assert elsewhere.startswith(f"in another archive of this ledger, {platform.node()}:{other}: {others} files (")


def test_what_lies_in_the_other_archive_is_neither_repaired_nor_fetched_again(
    archives: tuple[Path, Path], sandbox: Sandbox, postgres_url: str
) -> None:
    here, there = archives
    lost, damaged, *_ = sorted(stored_files(here))
    of_other = min(stored_files(there))
    (here / lost).unlink()
    (here / damaged).write_bytes(b"damaged")
    copy = here / of_other
    copy.parent.mkdir()
    copy.write_bytes(b"a damaged copy")
    run = type_in("verify", "--json", "--repair", archive=here, DATABASE_URL=postgres_url)
    said = [json.loads(line) for line in run.out.splitlines()]
    assert run.code == 1
    assert sorted((line["kind"], line["path"]) for line in said if "kind" in line) == [
        ("changed", damaged),
        ("changed", of_other),
        ("missing", lost),
    ]
    done = {line["path"]: (line["repair"], line["detail"]) for line in said if "repair" in line}
    assert done[lost][0] == "to be fetched"
    what, why = done[of_other]
    assert what == "left"
    assert why.endswith("it is a copy: the file itself is in another archive of this ledger")
    assert copy.read_bytes() == b"a damaged copy"

    asked = len(sandbox.requests("image"))
    for archive, artist in ((there, 11), (here, 12)):
        assert crawl("user", sandbox, archive, settings={"DATABASE_URL": postgres_url}, id=artist).exit_code == 0
    fetched = [Path(logged.path).name for logged in sandbox.requests("image")[asked:]]
    assert len(fetched) == 2, "what was lost and what was damaged, and nothing of the other"
    assert {*stored_files(here), *stored_files(there)} == {
        path for artist in (11, 12) for path in sandbox.world.expected.user(artist, session=True).files
    }


@pytest.mark.long
def test_what_another_archive_fetched_by_its_row_is_fetched_here_if_its_page_has_more_to_say(
    tmp_path: Path, postgres_url: str
) -> None:
    """An ugoira's zip without its timing: what reads the timing writes it beside a zip of its own."""
    with Sandbox(World.of(works=4, size=(48, 36), ugoira=100)) as sandbox:
        here, there = tmp_path / "here", tmp_path / "there"
        settings = {"DATABASE_URL": postgres_url}
        first = crawl("user", sandbox, here, settings=settings, id=11, stop_after="pictures")
        assert first.exit_code == 0
        assert stored_files(here)
        assert crawl("user", sandbox, there, settings=settings, id=11).exit_code == 0
        assert stored_files(there).keys() == sandbox.world.expected.user(11, session=True).files.keys()


@pytest.mark.long
def test_the_ledger_comes_back_from_the_journals_of_all_in_the_order_in_which_they_changed_it(
    sandbox: Sandbox, archives: tuple[Path, Path], postgres_url: str
) -> None:
    settings = {"DATABASE_URL": postgres_url}
    work_id = sandbox.world.work_id(11, 1)
    for number, archive in enumerate((archives[1], archives[0], archives[1])):
        sandbox.world._change(work_id, title=f"title {number}")
        assert crawl("user", sandbox, archive, settings=settings, id=11, reread=True, refresh=True).exit_code == 0
    # What the first one wrote last comes before what the other did.
    before = dump(archives[0], postgres_url)
    runs = "SELECT id, list_id, arguments, outcome, exit_code, started FROM crawls ORDER BY id"
    ran = answered(postgres_url, runs)
    lose_ledger(postgres_url)

    here, there = archives
    rebuilt = type_in("rebuild", "--also", str(there), archive=here, DATABASE_URL=postgres_url)
    assert rebuilt.code == 0, rebuilt.out + rebuilt.err
    assert dump(here, postgres_url) == before
    assert answered(postgres_url, runs) == ran
    asked = len(sandbox.requests("image"))
    for archive in archives:
        assert crawl("user", sandbox, archive, settings=settings, id=12).exit_code == 0
    assert len(sandbox.requests("image")) == asked
    orders = [[entry.order or 0 for entry in read_journal(archive / "journal")] for archive in archives]
    assert all(order == sorted(order) for order in orders)
    assert {*orders[0]}.isdisjoint(orders[1])


@pytest.mark.long
def test_a_rebuild_that_was_killed_is_not_taken_for_a_whole_ledger(
    sandbox: Sandbox, archives: tuple[Path, Path], postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = archives
    lose_ledger(postgres_url)

    def replay_a_part(*arguments: Any) -> None:
        replay(*arguments)
        raise StorageFailed("as if killed")

    with monkeypatch.context() as broken:
        broken.setattr("pixivcrawl.commands.rebuild.replay", replay_a_part)
        assert type_in("rebuild", "--also", str(there), archive=here, DATABASE_URL=postgres_url).code == 5
    for archive in archives:
        with pytest.raises(StorageFailed, match=r"is older than its journal \(0 of .* changes\): rebuild it"):
            crawl("user", sandbox, archive, settings={"DATABASE_URL": postgres_url}, id=11)


def test_only_archives_of_one_ledger_are_rebuilt_together(tmp_path: Path) -> None:
    for name in ("here", "copy"):
        (tmp_path / name / "journal").mkdir(parents=True)
        (tmp_path / name / ".name").write_text("one\n")
    for also, url, why in (
        ("copy", "", "a ledger in a file is of one archive"),
        ("copy", "postgresql+psycopg://nobody@/none?host=/nowhere", "the same archive"),
        ("other", "postgresql+psycopg://nobody@/none?host=/nowhere", "it has no journal/"),
    ):
        refused = type_in("rebuild", "--also", str(tmp_path / also), archive=tmp_path / "here", DATABASE_URL=url)
        assert refused.code == 2
        assert why in refused.err
