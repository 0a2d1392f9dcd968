"""Runs the real command in a process of its own, against a sandbox, and reads what it left."""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from pixivcrawl.ledger.answer import Location
from tests.ledger.journals import read_answer
from tests.live.nursery import LONGEST, PROJECT, Nursery
from tests.sandbox.expected import Expected
from tests.sandbox.serving import Sandbox

_REPORTED = re.compile(
    r"archive: |reads as |faster than the default: |\w+: (complete|finished|interrupted|stopped)|  +[\d,]+  |  +[\d,]* +"
    r"|what is missing and why: |stopped at max_works=|[\d,]+ left: |\n|what each brought:|not begun: |nothing is due"
    r"|(?!pixivcrawl: ).*\(\w+ \w+=[^)]*\)(\n|: )"  # a subscription's heading, and what it brought
)


def environment(sandbox: Sandbox | None, archive: Path, *, session: bool = True, **more: str) -> dict[str, str]:
    """What a user's shell holds: nothing of the tester's own settings, the sandbox's addresses, no pace."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIXIV", "SCRAPY", "SSL_CERT"))}
    kept |= {"PIXIVCRAWL_ARCHIVE_DIR": str(archive), "PIXIVCRAWL_PIXIV_API_DELAY": "0"}
    kept |= {"PIXIVCRAWL_PIXIV_API_RETRY_DELAY": "0.05", "PIXIVCRAWL_PIXIV_IMAGE_RETRY_DELAY": "0.05"}
    kept |= {"PIXIVCRAWL_PIXIV_THROTTLE_WAIT": "0.05", "PIXIVCRAWL_PIXIV_GONE_AFTER": "0"}
    kept |= {"PIXIVCRAWL_PIXIV_LANG": "", "PIXIVCRAWL_CONFIG": os.devnull}
    if sandbox is not None:
        kept |= sandbox.environment()
        if session:
            kept["PIXIV_PHPSESSID"] = sandbox.cookie
    return kept | more


def scrapy(
    *arguments: str, env: dict[str, str], cwd: Path | None = None, timeout: float = LONGEST
) -> subprocess.CompletedProcess[str]:
    """`scrapy ...`, to its end; with an interpreter of its own where that is told something, or a folder of its own is asked for."""
    command = [sys.executable, "-m", "scrapy", *arguments]
    told = any(name.startswith("PYTHON") and os.environ.get(name) != value for name, value in env.items())
    if told or cwd is not None:
        return _ended(command, cwd=cwd or PROJECT, env=env, timeout=timeout)
    with tempfile.TemporaryDirectory() as folder:
        ended = nursery().run(*arguments, env=env, folder=Path(folder), timeout=timeout)
    return subprocess.CompletedProcess(command, ended.exit_code, ended.said, ended.errors)


def pixivcrawl(*arguments: str, env: dict[str, str], cwd: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    """`pixivcrawl ...`, to its end, from whatever folder."""
    command = [sys.executable, "-m", "pixivcrawl", *arguments]
    return _ended(command, cwd=cwd, env=env | {"PYTHONPATH": str(PROJECT)})


def scrapy_at(moment: datetime, *arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """`scrapy ...`, with a clock that shows another time."""
    command = [sys.executable, "-m", "tests.live.elsewhen", moment.isoformat(), *arguments]
    return _ended(command, cwd=PROJECT, env=env)


def _ended(
    command: list[str], *, cwd: Path, env: dict[str, str], timeout: float = LONGEST
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env=env,
        timeout=timeout,
        text=True,
        check=False,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )


def complaints(errors: str) -> str:
    """What a crawl wrote to standard error beside its report, which is its first lines and its summary."""
    return "".join(line for line in errors.splitlines(keepends=True) if not _REPORTED.match(line))


@cache
def nursery() -> Nursery:
    """One for all tests of this process."""
    one = Nursery()
    one.__enter__()
    atexit.register(one.__exit__)
    return one


def stored_files(archive: Path) -> dict[str, str]:
    """Every file under originals/, by its name relative to the archive, with its SHA-256."""
    return {
        path.relative_to(archive).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(
            Path(folder, name)
            for folder, _, names in os.walk(archive / "originals", followlinks=True)
            for name in names
        )
        if path.is_file()
    }


def show_no_rows(sandbox: Sandbox) -> None:
    """From now on an artist's list gives ids alone, so that each work is known by its own page and nothing else."""
    sandbox.faults.api("/profile/illusts", kind="replaced_field", field="works", value={})


def assert_holds(archive: Path, *expectations: Expected) -> None:
    """The archive holds exactly what the world says: every byte, the ledger in agreement, nothing half done."""
    found = stored_files(archive)
    expected = {name: what for expectation in expectations for name, what in expectation.files.items()}
    assert set(found) == set(expected)
    for name, what in expected.items():
        if isinstance(what, str):
            assert found[name] == what, name
        else:
            assert json.loads((archive / name).read_text()) == what, name
    assert ledger_files(archive) == found
    assert not list((archive / "staging").iterdir())


def ledger_files(archive: Path) -> dict[str, str]:
    """The stored files' paths and SHA-256 as the ledger has them."""
    return dict(rows(archive, "SELECT path, sha256 FROM files WHERE state = 'stored'"))


def snapshots(archive: Path) -> list[tuple[str, bytes]]:
    """The answers that are kept by their dates, oldest first."""
    kept = rows(archive, "SELECT endpoint, file, start, length FROM snapshots ORDER BY id")
    return [(endpoint, read_answer(archive / "journal", Location(*place)) or b"") for endpoint, *place in kept]


def rows(archive: Path, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(f"file:{archive / 'archive.sqlite'}?mode=ro", uri=True) as connection:
        return connection.execute(query).fetchall()
