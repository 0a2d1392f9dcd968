"""`pixivcrawl demo`, as the README's first command runs it."""

from __future__ import annotations

import shutil
import urllib.request
from pathlib import Path

from tests.live.galleries import served
from tests.live.running import PROJECT, complaints, environment, ledger_files, scrapy, stored_files


def test_the_demo_archives_an_artist_and_fetches_nothing_twice(tmp_path: Path) -> None:
    shutil.copy(PROJECT / "scrapy.cfg", tmp_path)
    env = environment(None, tmp_path / "not-here", PYTHONPATH=str(PROJECT))
    # The demo sets its own pace, whatever the tests do.
    for name in [name for name in env if name.startswith("PIXIVCRAWL_PIXIV_")]:
        del env[name]
    demo = scrapy("demo", env=env, cwd=tmp_path)
    assert (demo.returncode, complaints(demo.stderr)) == (0, "")
    archive = tmp_path / "demo-archive"
    assert stored_files(archive)
    assert ledger_files(archive) == stored_files(archive)
    assert " by the first run, 0 by the second." in demo.stdout
    assert f"pixivcrawl gallery --open -s ARCHIVE_DIR={archive}" in demo.stdout
    with served(archive) as address, urllib.request.urlopen(address, timeout=30) as page:
        assert b'class="grid"' in page.read()
    assert f"Originals: {archive / 'originals'}" in demo.stdout
    assert not (tmp_path / "not-here").exists()
