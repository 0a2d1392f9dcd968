"""Workers of one machine: who is there is counted, and who is gone is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixivcrawl.fleet.machine import counted_on_machine


def test_workers_are_counted_while_they_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with counted_on_machine() as count:
        assert count() == 1
        with counted_on_machine() as count_of_second:
            assert (count(), count_of_second()) == (2, 2)
        assert count() == 1


def test_whoever_can_keep_no_state_works_as_if_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pixivcrawl").write_text("a file in the way")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with counted_on_machine() as count:
        assert count() == 1
    assert "other workers of this machine are not seen" in capsys.readouterr().err
