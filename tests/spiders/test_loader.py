from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from scrapy import Request
from scrapy.settings import Settings
from scrapy.spiderloader import SpiderLoader

from pixivcrawl.spiders.loader import LazySpiderLoader

PROJECT = Path(__file__).resolve().parents[2]
SETTINGS = Settings({"SPIDER_MODULES": ["pixivcrawl.spiders"]})


def test_it_finds_what_scrapys_own_finds() -> None:
    own, ours = SpiderLoader.from_settings(SETTINGS), LazySpiderLoader.from_settings(SETTINGS)
    assert {name: ours.load(name) for name in own.list()} == {name: own.load(name) for name in own.list()}
    assert sorted(ours.list()) == sorted(own.list())
    request = Request("https://www.pixiv.net/")
    assert sorted(ours.find_by_request(request)) == sorted(own.find_by_request(request))


@pytest.mark.parametrize("name", ["nothing", "listing", "loader", "../user", "user.UserSpider", ""])
def test_a_name_that_no_spider_has_is_refused(name: str) -> None:
    with pytest.raises(KeyError):
        LazySpiderLoader.from_settings(SETTINGS).load(name)


@pytest.mark.long
def test_a_run_imports_its_own_spider_alone() -> None:
    """So that a spider more does not make each start longer."""
    load = "LazySpiderLoader.from_settings(Settings({'SPIDER_MODULES': ['pixivcrawl.spiders']})).load('user')"
    imports = "import sys; from scrapy.settings import Settings; from pixivcrawl.spiders.loader import LazySpiderLoader"
    said = subprocess.run(
        [sys.executable, "-c", f"{imports}; {load}; print(*sys.modules)"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    modules = set(said.stdout.split())
    assert "pixivcrawl.spiders.user" in modules
    assert not modules & {f"pixivcrawl.spiders.{name}" for name in ("search", "ranking", "requests", "feed")}
