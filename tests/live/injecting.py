"""Faults that no file system here can be made to show, planted in the command's own process before any of our code runs."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent


def injecting(folder: Path, code: str) -> dict[str, str]:
    """The environment in which every Python process first runs `code`."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(dedent(code), encoding="utf-8")
    return {"PYTHONPATH": str(folder)}
