"""`scrapy upgrade`, as it is typed."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from tests.ledger.test_upgrading import OLD
from tests.live.running import environment, scrapy


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    with tarfile.open(OLD) as packed:
        packed.extractall(tmp_path / "archive", filter="data")
    return tmp_path / "archive"


def test_an_archive_of_before_is_refused_then_brought_over_then_used(archive: Path):
    env = environment(None, archive)
    refused = scrapy("crawl", "user", "-a", "id=11", env=env)
    assert (refused.returncode, refused.stderr.count("pixivcrawl: ")) == (2, 1)
    assert "scrapy upgrade" in refused.stderr
    brought = scrapy("upgrade", env=env)
    assert brought.returncode == 0, brought.stderr
    assert "brought over: 388 events of its journal" in brought.stdout
    assert "the old journal is kept: " in brought.stdout
    again = scrapy("upgrade", env=env)
    assert (again.returncode, "nothing to do" in again.stdout) == (0, True)
    assert scrapy("status", env=env).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"), [(["now"], "takes no 'now'"), (["-s", "ARCHIVE_DIR=nowhere"], "no archive at")]
)
def test_wrong_usage_is_one_line(tmp_path: Path, arguments: list[str], said: str):
    run = scrapy("upgrade", *arguments, env=environment(None, tmp_path / "nowhere"))
    assert run.returncode == 2
    assert said in run.stderr
