from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixivcrawl.errors import ConfigurationError
from pixivcrawl.verification.checkpoint import CheckpointFile, Position, Progress
from pixivcrawl.verification.findings import Finding, RowKey
from pixivcrawl.verification.sampling import CIRCLE, Sample, next_window, read_sample, read_since

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PATHS = [f"originals/7/{work}_p0_20260102030405.jpg" for work in range(1, 1500)]


def test_twenty_samples_of_five_percent_read_every_file_once() -> None:
    end, read = None, []
    for _ in range(20):
        window = next_window(read_sample("5%"), end, ())
        read += [path for path in PATHS if window.holds(path)]
        end = window.end
    # Widths are whole numbers: a file at the very seam may be read twice, none is left out.
    assert set(read) == set(PATHS)
    assert len(read) <= len(PATHS) + 1


@given(count=st.integers(1, 2000), start=st.integers(0, CIRCLE - 1))
def test_a_number_of_files_is_exact_and_the_next_ones_are_others(count: int, start: int) -> None:
    first = next_window(Sample(count=count), start, PATHS)
    chosen = {path for path in PATHS if first.holds(path)}
    assert len(chosen) == min(count, len(PATHS))
    second = next_window(Sample(count=count), first.end, PATHS)
    both = chosen | {path for path in PATHS if second.holds(path)}
    assert len(both) == min(2 * count, len(PATHS))


@pytest.mark.parametrize("text", ["", "0", "0%", "101%", "-5", "5 files", "1e3", "٥%", "nan%"])
def test_what_is_no_sample_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="5%"):
        read_sample(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("7d", NOW - timedelta(days=7)),
        ("90m", NOW - timedelta(minutes=90)),
        ("2w", NOW - timedelta(days=14)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
    ],
)
def test_since_is_a_moment(text: str, moment: datetime) -> None:
    assert read_since(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "7", "d", "999999w", "2026-13-01", "-1d", "1y"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="7d"):
        read_since(text, NOW)


OPTIONS = {"deep": True, "sample": "5%", "since": None}


def test_a_stopped_verification_is_remembered_as_it_was(tmp_path: Path) -> None:
    finding = Finding("changed", "originals/7/\udcff.jpg", "why", RowKey(1, 0, "20260102030405", "image"), "a", "b")
    window = next_window(Sample(share=0.05), None, ())
    progress = Progress(OPTIONS, window, NOW, Position(7, 9), 3, 400, [finding])
    CheckpointFile(tmp_path).save(progress)
    assert CheckpointFile(tmp_path).unfinished(OPTIONS) == progress
    assert CheckpointFile(tmp_path).unfinished({**OPTIONS, "deep": False}) is None
    CheckpointFile(tmp_path).finish(sampled_to=window.end)
    assert CheckpointFile(tmp_path).unfinished(OPTIONS) is None
    assert CheckpointFile(tmp_path).sampled_to == window.end


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 1, "unfinished": {"options": {}}, "sampled_to": -1}'])
def test_a_damaged_memory_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "verify.json").write_text(text)
    memory = CheckpointFile(tmp_path)
    assert (memory.unfinished({}), memory.sampled_to) == (None, None)


def test_a_disk_that_cannot_be_written_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    memory = CheckpointFile(tmp_path / "gone")
    for _ in range(2):
        memory.save(Progress({}, next_window(Sample(share=1), 0, ())))
    assert capsys.readouterr().err.count("cannot be written") == 1
