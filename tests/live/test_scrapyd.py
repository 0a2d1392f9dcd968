"""The project as an egg, deployed to a real Scrapyd and run there."""

from __future__ import annotations

import importlib.util
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from alembic import command
from scrapy.spiderloader import SpiderLoader

from pixivcrawl.ledger import engine
from tests.live.running import PROJECT, assert_holds, environment, rows
from tests.sandbox.serving import Sandbox, World
from tests.test_project import project_files, project_settings

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not (importlib.util.find_spec("scrapyd") and importlib.util.find_spec("pkg_resources")),
        reason="needs Scrapyd, and a setuptools that still has the pkg_resources which Scrapyd imports",
    ),
]

SETUP = """\
from setuptools import setup, find_packages

setup(
    name         = 'project',
    version      = '1.0',
    packages     = find_packages(),
    entry_points = {'scrapy': ['settings = settings.default']},
)
"""
"""What scrapyd-deploy (scrapyd-client 2.0) writes where there is no setup.py."""

MARK = "Mozilla/5.0 (from the egg)"


def built(folder: Path, setup: str) -> Path:
    """The egg of this project, whose default profile has a mark; in a copy, since a build leaves files behind."""
    for path in project_files():
        copy = folder / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / path, copy)
    with (folder / "settings" / "default.py").open("a") as profile:
        profile.write(f"\nUSER_AGENT = {MARK!r}\n")
    (folder / "setup.py").write_text(setup)
    built = subprocess.run(
        [sys.executable, "setup.py", "-q", "bdist_egg", "-d", folder / "made"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (egg,) = (folder / "made").glob("*.egg")
    return egg


@pytest.fixture(scope="module")
def egg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("egg"), SETUP)


@dataclass(frozen=True)
class Scrapyd:
    """A Scrapyd on loopback; `said` is what it and the runs print."""

    url: str
    folder: Path
    said: Path

    def ask(self, service: str, **arguments: str) -> dict[str, Any]:
        return self._answer(f"{self.url}/{service}.json?{urlencode(arguments)}")

    def tell(self, service: str, *arguments: tuple[str, str]) -> dict[str, Any]:
        return self._answer(f"{self.url}/{service}.json", urlencode(arguments).encode())

    def deploy(self, egg: Path, version: str) -> dict[str, Any]:
        """As `curl -F project=pixivcrawl -F version=... -F egg=@...` does."""
        boundary = uuid.uuid4().hex
        heads = {
            'name="project"': b"pixivcrawl",
            'name="version"': version.encode(),
            'name="egg"; filename="project.egg"': egg.read_bytes(),
        }
        parts = [
            b"--%s\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (boundary.encode(), head.encode(), value)
            for head, value in heads.items()
        ]
        body = b"".join([*parts, b"--%s--\r\n" % boundary.encode()])
        return self._answer(
            f"{self.url}/addversion.json", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        )

    def schedule(self, spider: str, *more: tuple[str, str]) -> str:
        """The job's id."""
        answer = self.tell("schedule", ("project", "pixivcrawl"), ("spider", spider), *more)
        assert answer["status"] == "ok", answer
        return str(answer["jobid"])

    def jobs(self, state: str) -> list[str]:
        return [job["id"] for job in self.ask("listjobs", project="pixivcrawl")[state]]

    def exit_code_of(self, job: str) -> int:
        """Waits for the job's end, which Scrapyd tells in its log alone."""
        wait_for(lambda: job in self.jobs("finished"))
        (end,) = [
            line for line in self.said.read_text().splitlines() if f"job='{job}'" in line and "started" not in line
        ]
        return 0 if "Process finished" in end else int(end.partition("exitstatus=")[2].split()[0])

    def _answer(self, url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> dict[str, Any]:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers or {}), timeout=60) as answer:
            answered: dict[str, Any] = json.load(answer)
        return answered


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def is_listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.demo()) as running:
        yield running


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def scrapyd(tmp_path: Path, sandbox: Sandbox, archive: Path) -> Iterator[Scrapyd]:
    """With the page's configuration, but for the port and how often it looks for jobs; archive and session are in its environment."""
    folder, port = tmp_path / "scrapyd", free_port()
    folder.mkdir()
    configuration = (PROJECT / "docs" / "schedule" / "scrapyd.conf").read_text()
    (folder / "scrapyd.conf").write_text(
        configuration.replace("http_port = 6800", f"http_port = {port}\npoll_interval = 0.5")
    )
    env = environment(sandbox, archive, HOME=str(folder), TMPDIR=str(tmp_path))
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "scrapyd", "--pidfile="], cwd=folder, env=env, stdout=said, stderr=said
        )
    try:
        wait_for(lambda: process.poll() is not None or is_listening(port))
        assert process.poll() is None, (folder / "said").read_text()
        yield Scrapyd(f"http://127.0.0.1:{port}", folder, folder / "said")
    finally:
        process.terminate()
        process.wait(30)


def an_older_ledger(archive: Path) -> None:
    """As the first version made it, so that the migrations in the egg have something to do."""
    archive.mkdir()
    target = engine.writing_engine(engine.read_url(f"sqlite:///{archive / 'archive.sqlite'}"))
    with engine._configuration() as configuration, target.begin() as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "0001")
    target.dispose()


def test_the_egg_runs_in_scrapyd(scrapyd: Scrapyd, sandbox: Sandbox, archive: Path, egg: Path) -> None:
    an_older_ledger(archive)
    deployed = scrapyd.deploy(egg, "1")
    assert deployed["status"] == "ok", deployed
    spiders = SpiderLoader.from_settings(project_settings()).list()
    assert deployed["spiders"] == len(spiders)
    assert sorted(scrapyd.ask("listspiders", project="pixivcrawl")["spiders"]) == sorted(spiders)

    # The second waits until the first is over.
    first = scrapyd.schedule("user", ("id", "11"))
    second = scrapyd.schedule("artwork", ("id", str(sandbox.world.work_id(11, 1))), ("files", "true"))
    assert [scrapyd.exit_code_of(job) for job in (first, second)] == [0, 0]
    assert_holds(archive, sandbox.world.expected.user(11, session=True))
    assert rows(archive, "SELECT spider, exit_code FROM crawls ORDER BY id") == [("user", 0), ("artwork", 0)]
    assert rows(archive, "SELECT version_num FROM alembic_version") == [(engine.VERSION,)]
    assert len(list(archive.glob("archive.sqlite.backup-0001-*"))) == 1
    assert {request.headers["user-agent"] for request in sandbox.requests("api")} == {MARK}

    said = scrapyd.said.read_text() + "".join(log.read_text() for log in scrapyd.folder.rglob("logs/**/*.log"))
    assert f"archive: {archive}" in said
    assert f"_job={first}" in said
    assert "JOBDIR" not in said
    assert "Traceback" not in said
    assert sandbox.cookie not in said
    # Nor is a copy of the migrations left.
    assert not list(archive.parent.glob("pixivcrawl-migrations-*"))


def test_a_job_that_is_refused_or_cancelled(scrapyd: Scrapyd, sandbox: Sandbox, archive: Path, egg: Path) -> None:
    scrapyd.deploy(egg, "1")
    assert scrapyd.exit_code_of(scrapyd.schedule("user", ("id", "11"), ("setting", f"JOBDIR={archive}/jobs"))) == 2
    assert sandbox.log == []

    sandbox.faults.image(kind="slow")
    job = scrapyd.schedule("user", ("id", "11"), ("setting", "PIXIV_IMAGE_CONCURRENCY=1"))
    wait_for(lambda: len(sandbox.requests("image")) > 0)
    scrapyd.tell("cancel", ("project", "pixivcrawl"), ("job", job))
    assert scrapyd.exit_code_of(job) == 130
    sandbox.faults.clear()
    assert scrapyd.exit_code_of(scrapyd.schedule("user", ("id", "11"))) == 0
    assert_holds(archive, sandbox.world.expected.user(11, session=True))
