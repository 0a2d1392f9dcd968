"""Every endpoint of the catalogue is asked by some spider, answered, parsed and kept; the two that act are asked by no spider."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixivcrawl.api.catalogue import ENDPOINTS
from pixivcrawl.ledger.journal import read_journal
from tests.live.inside import crawl
from tests.sandbox.serving import Sandbox, World

ACTIONS = {"illust.bookmark_add", "illust.like"}
ROWS_ONLY = {"files": "false", "detail": "listing"}
RUNS: tuple[tuple[str, dict[str, object]], ...] = (
    ("user", {"id": 11, "refresh": "true", "files": "false", "comments": "true"}),
    ("user", {"id": 15, "latest": "true", **ROWS_ONLY}),
    ("user", {"id": 11, "tag": "猫", **ROWS_ONLY}),
    ("ranking", {"max_works": 3, **ROWS_ONLY}),
    ("bookmarks", {"id": "me", "reread": "true", **ROWS_ONLY}),
    ("following", {"id": "me"}),
    ("followers", {"id": 901}),
    ("series", {"id": 501, **ROWS_ONLY}),
    ("feed", ROWS_ONLY),
    ("mypixiv", ROWS_ONLY),
    ("watchlist", {}),
    ("new", {"max_works": 20, **ROWS_ONLY}),
    ("top", ROWS_ONLY),
    ("tag", {"tag": "猫"}),
    ("account", {}),
    ("discovery", {"rounds": 1, **ROWS_ONLY}),
    ("discovery", {"target": "users", "rounds": 1}),
    ("collection", {"id": 701, **ROWS_ONLY}),
    ("requests", {"id": 11, **ROWS_ONLY}),
    ("related", {"id": 5000111, "depth": 1, **ROWS_ONLY}),
    *(
        ("search", {"word": "猫", "target": target, **ROWS_ONLY})
        for target in ("top", "artworks", "illustrations", "manga")
    ),
    *(
        ("requests", {"state": state, "type": kind, **ROWS_ONLY})
        for state, kinds in {
            "overview": ("all",),
            "complete": ("illust", "manga", "ugoira"),
            "creators": ("illust", "manga", "ugoira"),
            "in_progress": ("all", "illust", "manga", "ugoira"),
        }.items()
        for kind in kinds
    ),
)


@pytest.mark.long
def test_every_row_is_asked_answered_parsed_and_kept(tmp_path: Path):
    with Sandbox(World.standard(), tls=False) as sandbox:
        runs = [*RUNS, ("artwork", {"unlisted": sandbox.world.unlist(sandbox.world.work_id(21, 1))})]
        codes = {
            f"{spider} {arguments}": crawl(spider, sandbox, tmp_path, **arguments).exit_code
            for spider, arguments in runs
        }
    assert {run: code for run, code in codes.items() if code} == {}
    answers = (entry for entry in read_journal(tmp_path / "journal") if entry.type == "answer")
    kept = {entry.data["answer"].endpoint for entry in answers}
    assert set(ENDPOINTS) - kept == ACTIONS
