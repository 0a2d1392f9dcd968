"""Rows that stand in a work's place, on the lists of today: what is known of the work stays as it is."""

from __future__ import annotations

from pathlib import Path

from tests.live.inside import crawl
from tests.live.running import rows
from tests.sandbox.serving import Sandbox, World

FACTS = "SELECT id, title, user_id, width, height, page_count, availability, detail FROM artworks ORDER BY id"
TAGS = "SELECT artwork_id, name FROM artwork_tags JOIN tags ON tags.id = tag_id ORDER BY artwork_id, name"
DAY = "20230113"


def test_a_masked_row_of_a_ranking_touches_no_fact_and_keeps_its_place(tmp_path: Path):
    with Sandbox(World.standard(), tls=False) as sandbox:
        ranked = sandbox.world.rankings["daily", DAY]
        known, unknown = [work_id for work_id in ranked if sandbox.world.work(work_id).artist_id == 11][:2]
        assert crawl("artwork", sandbox, tmp_path, id=known).exit_code == 0
        facts, tags = rows(tmp_path, FACTS), rows(tmp_path, TAGS)
        names = rows(tmp_path, "SELECT id, name FROM users")
        assert tags
        sandbox.world.login_only |= {known, unknown}

        run = crawl("ranking", sandbox, tmp_path, phpsessid=None, date=DAY, files="false", detail="listing")

        assert [row for row in rows(tmp_path, FACTS) if row[0] == known] == facts
        assert [row for row in rows(tmp_path, TAGS) if row[0] == known] == tags
        assert set(names) <= set(rows(tmp_path, "SELECT id, name FROM users"))
        assert rows(tmp_path, "SELECT count(*) FROM users WHERE id = 1") == [(0,)]
        places = dict(rows(tmp_path, f"SELECT artwork_id, rank FROM ranking_entries WHERE date = '{DAY}'"))
        assert [work_id for work_id, _ in sorted(places.items(), key=lambda place: place[1])] == list(ranked)
        assert run.counts["works_listed"] == len(ranked)
