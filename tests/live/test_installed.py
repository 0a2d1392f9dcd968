"""The project in an environment of its own, as a wheel and as an editable checkout: from any folder, with no name but its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.live.running import environment, stored_files
from tests.test_project import ROOT, project_files

pytestmark = pytest.mark.long


@pytest.fixture(params=["wheel", "editable"])
def programs(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where the programs of an environment are that holds the project, and of others what this one holds."""
    for path in project_files():
        copy = tmp_path / "tree" / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, copy)
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(venv)}))
    (packages / "others.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    programs = venv / Path(sysconfig.get_path("scripts")).name
    how = ["--editable", "tree"] if request.param == "editable" else ["./tree"]
    pip = [sys.executable, "-m", "pip", "--python", programs / "python", "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", *how], cwd=tmp_path, check=True)
    return programs


def test_the_demo_runs_within_a_foreign_project(programs: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "scrapy.cfg").write_text("[settings]\ndefault = foreign.settings\n")
    env = environment(None, tmp_path / "not-here", PATH=os.defpath)
    demo = subprocess.run(
        [programs / "pixivcrawl", "demo"], cwd=elsewhere, env=env, text=True, capture_output=True, check=False
    )
    assert demo.returncode == 0, demo.stderr
    assert "Images fetched: 19 by the first run, 0 by the second." in demo.stdout
    # Nobody has put the environment on the path yet.
    assert f"Look at it with: {programs / 'pixivcrawl'} gallery --open" in demo.stdout
    assert stored_files(elsewhere / "demo-archive")
    assert not (tmp_path / "not-here").exists()
    for name in ("settings", "pipelines"):
        code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({name!r}) is not None)"
        assert subprocess.run([programs / "python", "-c", code], cwd=elsewhere, env=env, check=False).returncode == 0, (
            name
        )
