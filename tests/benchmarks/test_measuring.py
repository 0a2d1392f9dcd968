"""The benchmarks' own arithmetic, and that each of the three commands says how it is used."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks.archive import SHAPES
from benchmarks.measuring import PROJECT, medians, paired, run, table
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


@pytest.mark.parametrize("name", ["archive", "ledger", "nothing_new"])
def test_each_command_says_how_it_is_used(name: str):
    said = import_module(f"benchmarks.{name}")._parser().format_help()
    assert f"python -m benchmarks.{name}" in said
    assert "--json FILE" in said


@pytest.mark.long
@pytest.mark.parametrize(
    "words",
    [
        ("archive", "--shapes", "trial", "--delays", "0", "--rounds", "1", "--contenders", "ours", "curl", "stock"),
        ("ledger", "--works", "200", "--record", "20"),
        ("nothing_new", "--works", "20", "--rounds", "1"),
    ],
)
def test_each_command_measures(tmp_path: Path, words: tuple[str, ...]):
    command = [sys.executable, "-m", f"benchmarks.{words[0]}", *words[1:], "--folder", str(tmp_path)]
    done = subprocess.run(
        [*command, "--json", str(tmp_path / "figures.json")], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "figures.json").exists()
