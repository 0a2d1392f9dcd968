"""A PostgreSQL server of a test's own, which may be killed, stopped for a while, and begun again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import create_engine, text

USER = "postgres"
"""Whose processes they are where the tests are root's: PostgreSQL refuses to be."""


def programs() -> Path | None:
    """The folder of PostgreSQL's programs, the newest where there are several."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda each: float(each.parts[-3]))
    found = installed[-1] if installed else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


class Postgres:
    """A server on a socket of its own while the `with` block runs."""

    def __init__(self) -> None:
        found = programs()
        assert found is not None
        self._programs = found
        # A socket's path has to be short, and the server's own user has to reach it.
        self.folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))

    def __enter__(self) -> Self:
        if os.geteuid() == 0:
            shutil.chown(self.folder, USER)
        self._run("initdb", "--pgdata", self._data, "--username", USER, "--auth", "trust", "--no-locale", "-E", "UTF8")
        self.begin()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.thaw()
        self._run("pg_ctl", "stop", "--pgdata", self._data, "--mode", "immediate", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://{USER}@/postgres?host={self.folder}"

    def begin(self) -> None:
        listens = f"-c listen_addresses='' -k {self.folder}"
        log = str(self.folder / "log")
        begin = ("pg_ctl", "start", "--silent", "--wait", "--pgdata", self._data, "--log", log, "--options", listens)
        deadline = time.monotonic() + 60
        # What a killed one left may not have ended yet.
        while self._run(*begin, check=False) != 0:
            assert time.monotonic() < deadline
            time.sleep(0.5)

    def end(self) -> None:
        """As its administrator does who restarts it."""
        self._run("pg_ctl", "stop", "--silent", "--wait", "--pgdata", self._data, "--mode", "fast")

    def kill(self) -> None:
        os.kill(self._main_process, signal.SIGKILL)

    def freeze(self) -> None:
        """It takes connections and never answers."""
        for process in self._processes():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGSTOP)

    def thaw(self) -> None:
        for process in self._processes():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    @property
    def _main_process(self) -> int:
        return int((self.folder / "data/postmaster.pid").read_text().split()[0])

    def _processes(self) -> list[int]:
        main = self._main_process
        children = subprocess.run(["pgrep", "-P", str(main)], capture_output=True, text=True, check=False).stdout
        return [main, *map(int, children.split())]

    def _run(self, program: str, *words: str, check: bool = True) -> int:
        as_user = ["runuser", "-u", USER, "--"] if os.geteuid() == 0 else []
        command = [*as_user, str(self._programs / program), *words]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.run(command, cwd="/", check=check, **quiet).returncode


def answered(url: str, statement: str) -> list[tuple[Any, ...]]:
    """The rows that a statement gives on the server at `url`."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        found = connection.execute(text(statement))
        rows = [tuple(row) for row in found] if found.returns_rows else []
    engine.dispose()
    return rows


def lose_ledger(url: str) -> None:
    """Empty the database."""
    for statement in ("DROP SCHEMA public CASCADE", "CREATE SCHEMA public"):
        answered(url, statement)
