"""The benchmarks' own arithmetic, and that each of their commands says how it is used."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks import pace
from benchmarks.archive import SHAPES
from benchmarks.measuring import PROJECT, medians, paired, run, table
from benchmarks.paced import API_SECONDS, Allowance
from benchmarks.served import image_addresses


def test_what_a_command_costs_is_its_own(tmp_path: Path):
    held = bytearray(100_000_000)
    busy = "import time; until = time.process_time() + 0.2\nwhile time.process_time() < until: pass\nprint('done')"
    cost = run([sys.executable, "-I", "-S", "-c", busy], output=tmp_path / "said")
    assert (cost.exit_code, cost.output) == (0, "done\n")
    assert cost.seconds >= 0.2
    assert 0.2 <= cost.processor < 1
    assert cost.peak < len(held) / 2


def test_ratios_are_of_runs_in_the_same_round():
    rows = [
        {"contender": name, "round": turn, "time": time}
        for name, times in {"ours": (1.0, 10.0, 3.0), "theirs": (2.0, 20.0, 3.0)}.items()
        for turn, time in enumerate(times)
    ]
    assert paired(rows, "theirs", "ours", "time") == 0.5
    assert paired(rows, "ours", "ours", "time") == 1.0
    assert {row["contender"]: (row["time"], row["runs"]) for row in medians(rows, ("contender",))} == {
        "ours": (3.0, 3),
        "theirs": (3.0, 3),
    }


def test_a_table_leaves_a_cell_empty_for_what_was_not_measured():
    lines = table([{"name": "a", "time": 1.5}, {"name": "b", "time": None}], {"name": str, "time": str}).splitlines()
    assert lines == ["| name | time |", "|------|------|", "| a    | 1.5  |", "| b    |      |"]


def test_the_shapes_are_the_ones_that_the_page_names():
    files = {name: len(image_addresses(SHAPES[name], "https://127.0.0.1")) for name in ("small", "real", "large")}
    assert files == {"small": 1127, "real": 215, "large": 64}


def test_the_shape_at_pixiv_s_pace_has_the_works_that_it_is_to_have():
    works = pace.SHAPES["pixiv"].world().works()
    assert (len(works), sum(work.is_ugoira for work in works), sum(len(work.pages) > 1 for work in works)) == (
        300,
        45,
        75,
    )
    assert len(image_addresses(pace.SHAPES["pixiv"], "https://127.0.0.1")) == 570


def refused_at(pause: float, requests: int) -> list[int]:
    """Which of so many requests are refused, each sent `pause` seconds after the answer to the one before."""
    allowance = Allowance()
    times = [number * (API_SECONDS + pause) for number in range(requests)]
    return [number for number, now in enumerate(times) if not allowance.takes(now)]


def test_pixiv_s_limit_is_the_one_that_was_measured():
    without_pause = refused_at(0, 300)
    assert 180 <= without_pause[0] <= 190
    assert without_pause == list(range(without_pause[0], 300))
    assert refused_at(1.2, 20_000) == []
    assert len(refused_at(1.1, 20_000)) > 0


def test_after_a_refusal_nothing_is_answered_for_200_seconds():
    allowance = Allowance(tokens=1)
    assert [allowance.takes(now) for now in (0, 0.1, 100, 200, 200.2)] == [True, False, False, False, True]


@pytest.mark.parametrize("name", ["archive", "pace", "ledger", "nothing_new", "store"])
def test_each_command_says_how_it_is_used(name: str):
    said = import_module(f"benchmarks.{name}")._parser().format_help()
    assert f"python -m benchmarks.{name}" in said
    assert "--json FILE" in said


@pytest.mark.long
@pytest.mark.parametrize(
    "words",
    [
        ("archive", "--shapes", "trial", "--delays", "0", "--rounds", "1", "--contenders", "ours", "curl", "stock"),
        ("pace", "--shape", "trial", "--contenders", "listing"),
        ("ledger", "--works", "200", "--record", "20"),
        ("nothing_new", "--works", "20", "--rounds", "1"),
        ("store", "--works", "3", "--size", "96x72", "--rounds", "1"),
    ],
)
def test_each_command_measures(tmp_path: Path, words: tuple[str, ...]):
    command = [sys.executable, "-m", f"benchmarks.{words[0]}", *words[1:], "--folder", str(tmp_path)]
    done = subprocess.run(
        [*command, "--json", str(tmp_path / "figures.json")], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "figures.json").exists()
