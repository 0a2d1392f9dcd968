"""-q: nothing but errors."""

from __future__ import annotations

from pathlib import Path

from tests.commands.typing_in import type_in
from tests.sandbox.serving import Sandbox, World


def test_what_is_well_is_not_said_and_what_is_not_is(tmp_path: Path) -> None:
    with Sandbox(World.demo()) as sandbox:
        run = type_in("crawl", "artwork", "-a", "id=5000111", "-q", sandbox=sandbox, archive=tmp_path)
        assert (run.code, run.out, run.err) == (0, "", "")
        sandbox.faults.api("illust/", kind="status:404")
        run = type_in("crawl", "artwork", "-a", "id=99", "--quiet", sandbox=sandbox, archive=tmp_path)
        assert (run.code, run.out) == (1, "")
        assert "work 99: not found" in run.err
        assert len(run.err.splitlines()) == 1
    nothing_found = type_in("verify", "-q", archive=tmp_path)
    assert (nothing_found.code, nothing_found.out, nothing_found.err) == (0, "", "")


def test_a_health_check_says_what_is_not_well_alone(tmp_path: Path) -> None:
    told = type_in("doctor", "--quiet", "--offline", archive=tmp_path)
    assert told.code == 0
    assert not [line for line in told.out.splitlines() if line.startswith("ok")]
    wrong = type_in("doctor", "--quiet", "--offline", archive=tmp_path, DATABASE_URL="mysql://x")
    assert (wrong.code, "DATABASE_URL" in wrong.out + wrong.err) == (2, True)
