"""A PostgreSQL server of a test's own: with a password, a folder that can be lost, and whoever runs it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest


def programs() -> Path | None:
    """The folder of the server's programs; None where there is no server."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda each: int(each.parts[-3]))
    found = str(debian[-1]) if debian else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


@dataclass(frozen=True)
class Server:
    """Its files are under `folder`; `environment` is the shell's of the user who runs it."""

    folder: Path
    port: int
    environment: dict[str, str]

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def run(self, script: str) -> str:
        """What a script of the shell says that the server's user runs to its end."""
        command = ["sh", "-ex", "-c", script]
        if os.getuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        # Into a file, because what it leaves in the background would keep a pipe open.
        with tempfile.TemporaryFile("w+") as said:
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=self.environment,
                stdout=said,
                stderr=subprocess.STDOUT,
                timeout=120,
                check=False,
            )
            said.seek(0)
            assert done.returncode == 0, said.read()
            said.seek(0)
            return said.read()

    def lose(self) -> None:
        """Kill all its processes and what receives its changes with SIGKILL, and remove its folder and its sockets."""
        postmaster = int((self.data / "postmaster.pid").read_text().splitlines()[0])
        own = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for process in (postmaster, *map(int, own), *self._receivers()):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        shutil.rmtree(self.data)
        # A socket's lock names the process; one that nobody has waited for yet passes for alive, and another server does not start.
        for left in self.folder.glob(".s.PGSQL.*"):
            left.unlink()

    def _receivers(self) -> Iterator[int]:
        for line in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                words = line.read_text().split("\0")
                if words[0].endswith("pg_receivewal") and any(word.startswith(str(self.folder)) for word in words):
                    yield int(line.parent.name)


@contextmanager
def own_server() -> Iterator[Server]:
    """A server that listens on a port of 127.0.0.1, where it asks for a password, and on a socket."""
    if (where := programs()) is None or sys.platform != "linux":
        pytest.skip("PostgreSQL's server is not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    # A socket's path has to be short.
    with tempfile.TemporaryDirectory(prefix="pg", dir="/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        if os.getuid() == 0:
            shutil.chown(folder, "postgres")
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off"
        its_own = {
            "PATH": f"{where}:{os.environ['PATH']}",
            "PGDATA": str(folder / "data"),
            "PGHOST": str(folder),
            "PGPORT": str(port),
            "PGUSER": "postgres",
            "SERVER_OPTIONS": options,
        }
        server = Server(folder, port, its_own)
        server.run("initdb --username postgres --auth-local trust --auth-host scram-sha-256 --no-sync")
        server.run('pg_ctl start --wait --log "$PGDATA/log" --options "$SERVER_OPTIONS"')
        try:
            yield server
        finally:
            if server.data.exists():
                server.lose()
