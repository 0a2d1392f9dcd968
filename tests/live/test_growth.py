"""Every answer about a work names all works of its artist; what is kept of an artist grows with their number all the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pixivcrawl.api.trimming import without_other_works
from pixivcrawl.ledger.journal import read_journal
from tests.api.making import WORK, answer, detail, row
from tests.live.inside import crawl
from tests.live.running import environment, rows, scrapy
from tests.sandbox.serving import Sandbox, World

FACTS = "SELECT id, title, caption, user_id, page_count, width, view_count, created, detail FROM artworks ORDER BY id"
ANSWERS = "SELECT * FROM answers ORDER BY endpoint, subject_id"


def test_what_is_about_the_work_stays() -> None:
    others = {str(WORK + place): row(WORK + place) if place == 3 else None for place in range(2000)}
    whole = answer("illust.detail", detail(userIllusts=others))
    kept = json.loads(without_other_works(whole))
    expected = json.loads(whole)
    expected["body"]["userIllusts"] = {str(WORK + 3): others[str(WORK + 3)]}
    assert kept == expected
    assert without_other_works(without_other_works(whole)) == without_other_works(whole)
    for body in (detail(userIllusts=[]), detail(userIllusts=None), {"tags": ["userIllusts"]}, ["userIllusts"]):
        unchanged = answer("illust.detail", body)
        assert without_other_works(unchanged) == unchanged


def bytes_a_work(folder: Path, works: int) -> float:
    """What the journal holds of each of an artist's works in full detail."""
    with Sandbox(World.of(works=works, size=(16, 12)), tls=False) as sandbox:
        assert crawl("user", sandbox, folder, id=11, files="false").exit_code == 0
    journal = sum(path.stat().st_size for path in (folder / "journal").iterdir())
    return journal / works


@pytest.mark.long
def test_storage_grows_with_the_number_of_works(tmp_path: Path) -> None:
    few, many = bytes_a_work(tmp_path / "few", 60), bytes_a_work(tmp_path / "many", 240)
    assert many < 1.1 * few
    facts, answers = rows(tmp_path / "many", FACTS), rows(tmp_path / "many", ANSWERS)
    run = scrapy("rebuild", "--replace", env=environment(None, tmp_path / "many"))
    assert run.returncode == 0, run.stderr
    assert rows(tmp_path / "many", FACTS) == facts
    assert rows(tmp_path / "many", ANSWERS) == answers


@pytest.mark.campaign
def test_storage_of_two_thousand_works(tmp_path: Path) -> None:
    few, many = bytes_a_work(tmp_path / "few", 500), bytes_a_work(tmp_path / "many", 2000)
    assert 0.9 * few < many < 1.1 * few


def test_which_works_an_artist_has_is_kept_once_a_run(tmp_path: Path) -> None:
    with Sandbox(World.of(works=5, size=(16, 12)), tls=False) as sandbox:
        ids = ",".join(str(sandbox.world.work_id(11, number)) for number in range(1, 6))
        assert crawl("artwork", sandbox, tmp_path, id=ids, files="false").exit_code == 0
    answers = [
        json.loads(entry.data["answer"].payload)
        for entry in read_journal(tmp_path / "journal")
        if entry.type == "answer"
    ]
    named = [len(each["body"]["userIllusts"]) for each in answers if "userIllusts" in each["body"]]
    assert named.count(5) == 1
