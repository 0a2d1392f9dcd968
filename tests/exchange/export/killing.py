"""Exports in processes of their own, which are killed when they are told to be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.test_project import ROOT

OPTIONS: dict[str, Any] = {
    "name": None,
    "by": None,
    "like": None,
    "columns": None,
    "dry_run": False,
    "unchecked": False,
    "format": None,
}
EXPORTS: dict[str, dict[str, Any]] = {
    "view by copy": {"by": "copy", "name": "{user}/{title}/{page}.{ext}"},
    "view by symlink": {"by": "symlink", "name": "{user}/{title} {page}.{ext}"},
    "view by hardlink": {"by": "hardlink"},
    "cbz": {},
    "cbz by series": {"by": "series"},
    "sidecars": {"name": "{user}/{title}"},
    "sidecars like gallery-dl": {"like": "gallery-dl"},
    "list": {"columns": "csv"},
    "bagit": {},
    "wacz": {},
    "video": {},
}

FILES = {"list": "works.csv", "wacz": "works.wacz"}
"""The forms that are a file."""


class Killer:
    """Runs exports in processes of their own, and kills those that it is told to."""

    def __init__(self, root: Path) -> None:
        self._root = root
        command = [sys.executable, "-m", "tests.exchange.export.killed"]
        self._forks = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, export: str, target: Path, wait: Callable[[], object] | None = None) -> bool:
        """Whether it was killed, when `wait` returned."""
        assert self._forks.stdin is not None
        assert self._forks.stdout is not None
        form = export.partition(" ")[0]
        target = target / FILES[form] if form in FILES else target
        asked = [str(self._root), form, str(target), OPTIONS | EXPORTS[export]]
        print(json.dumps(asked), file=self._forks.stdin, flush=True)
        child = int(self._forks.stdout.readline())
        if wait is not None:
            wait()
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        status = int(self._forks.stdout.readline())
        assert status in (0, signal.SIGKILL)
        return status != 0

    def close(self) -> None:
        self._forks.communicate()
