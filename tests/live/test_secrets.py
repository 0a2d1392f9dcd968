"""The session goes to the API's origin and nowhere else: no image host, no log at DEBUG, no file, no row."""

from __future__ import annotations

import gzip
import sqlite3
import zlib
from pathlib import Path

from pixivcrawl.sandbox import Sandbox, World
from tests.live.running import environment, scrapy


def everything_in(archive: Path) -> bytes:
    """Every byte of the archive, the journal and the bodies in the ledger unpacked too."""
    found = [path.read_bytes() for path in archive.rglob("*") if path.is_file()]
    found += [gzip.decompress(path.read_bytes()) for path in (archive / "journal").glob("*.gz")]
    with sqlite3.connect(archive / "archive.sqlite") as connection:
        found += [zlib.decompress(body) for (body,) in connection.execute("SELECT body FROM bodies")]
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
