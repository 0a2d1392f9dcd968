"""The session goes to the API's origin and nowhere else: no image host, no log at DEBUG, no file, no row."""

from __future__ import annotations

import gzip
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.live.running import PROJECT, complaints, environment, scrapy
from tests.sandbox.serving import Sandbox, World


def everything_in(archive: Path) -> bytes:
    """Every byte of the archive, the journal unpacked too."""
    found = [path.read_bytes() for path in archive.rglob("*") if path.is_file()]
    found += [gzip.decompress(path.read_bytes()) for path in (archive / "journal").glob("*.gz")]
    return b"\n".join(found)


def test_the_session_reaches_the_api_alone(tmp_path: Path):
    archive, log = tmp_path / "archive", tmp_path / "log"
    with Sandbox(World.demo(), tls=True) as sandbox:
        work_id = sandbox.world.works_of(11, sandbox.world.readers[0])[0].id
        sandbox.faults.image(work_id, kind="redirect")
        sandbox.faults.api(rf"/ajax/illust/{work_id + 100}$", kind="status:500")
        env = environment(sandbox, archive)
        run = scrapy("crawl", "user", "-a", "id=11", "-L", "DEBUG", "--logfile", str(log), env=env)
        assert run.returncode == 1
        token = sandbox.cookie
        status = scrapy("status", "--all", env=env)
        assert any(token in logged.headers.get("cookie", "") for logged in sandbox.requests(kind="api"))
        assert all(token not in str(logged.headers) for logged in sandbox.requests(kind="image"))
    assert log.stat().st_size > 0
    said = run.stdout + run.stderr + status.stdout + status.stderr + log.read_text()
    assert token not in said
    assert token.encode() not in everything_in(archive)


class CommandLines:
    """Looks at the arguments of every process on this machine, again and again, for a text that must be in none."""

    def __init__(self, secret: str) -> None:
        self.found: set[str] = set()
        self.looks = 0
        self._secret = secret.encode()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> CommandLines:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.is_set():
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    arguments = file.read_bytes()
                except OSError:
                    continue  # It has ended.
                if self._secret in arguments:
                    self.found.add(arguments.decode(errors="replace"))
            self.looks += 1
            time.sleep(0.05)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_cookie_file_is_warned_of_once_and_shown_nowhere(tmp_path: Path):
    """The second run's file is readable by everyone, and pixiv refuses what is asked, at LOG_LEVEL=DEBUG."""
    archive, file = tmp_path / "archive", tmp_path / "cookie"
    with Sandbox(World.of(works=2, size=(64, 48))) as sandbox, CommandLines(sandbox.cookie) as lines:
        file.write_text(f"PHPSESSID={sandbox.cookie}\n")
        env = environment(sandbox, archive, session=False, PIXIV_COOKIE_FILE=str(file))
        file.chmod(0o600)
        tight = scrapy("crawl", "user", "-a", "id=11", env=env)
        assert (tight.returncode, complaints(tight.stderr)) == (0, "")
        file.chmod(0o644)
        sandbox.faults.api("/ajax/user/", kind="login")
        loose = scrapy("crawl", "user", "-a", "id=11", "-a", "reread=true", "-L", "DEBUG", env=env)
        assert loose.returncode != 0
        [warning] = [line for line in loose.stderr.splitlines() if str(file) in line]
        assert f"chmod 600 {file}" in warning
        asked = {logged.headers.get("cookie") for logged in sandbox.requests(kind="api")}
        assert asked == {f"PHPSESSID={sandbox.cookie}"}
        secret = sandbox.cookie.partition("_")[2]
    assert lines.looks > 5
    assert not lines.found
    assert secret not in tight.stderr + loose.stderr
    assert secret.encode() not in everything_in(archive)


def test_the_look_at_the_arguments_finds_what_is_there():
    command = [sys.executable, "-c", "import time; time.sleep(30)", "planted-secret"]
    with CommandLines("planted-secret") as lines, subprocess.Popen(command, cwd=PROJECT) as process:
        until = time.monotonic() + 20
        while not lines.found and time.monotonic() < until:
            time.sleep(0.05)
        process.kill()
    assert lines.found
