"""`pixivcrawl config`: each value with where it comes from, in a process of its own, since settings are read once in each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.live.running import environment, scrapy
from tests.test_project import ROOT

WRITTEN = """\
archive_dir = "pictures"
pixiv_api_delay = 2.5
pixiv_image_delay = 3
database_url = "postgresql+psycopg://me:secret@host/pixiv?password=secret"
"""


@pytest.mark.long
def test_each_value_comes_from_where_it_says(tmp_path: Path) -> None:
    file = tmp_path / "pixivcrawl.toml"
    file.write_text(WRITTEN)
    env = environment(
        None, tmp_path / "given", PYTHONPATH=str(ROOT), PIXIVCRAWL_CONFIG=str(file), PIXIV_PHPSESSID="11_secret"
    )
    del env["PIXIVCRAWL_ARCHIVE_DIR"], env["PIXIVCRAWL_PIXIV_API_DELAY"]
    env["PIXIVCRAWL_PIXIV_IMAGE_DELAY"] = "4"
    shown = scrapy("config", "-s", "PIXIV_API_DELAY=5", env=env)
    assert (shown.returncode, shown.stderr) == (0, "")
    rows = {row[0]: row[1:] for row in re.findall(r"^([A-Z_]+) +(\S*) +(\S.*)$", shown.stdout, re.MULTILINE)}
    assert rows["ARCHIVE_DIR"] == ("pictures", f"{file}, line 1, column 1")
    assert rows["PIXIV_API_DELAY"] == ("5", "-s")
    assert rows["PIXIV_IMAGE_DELAY"] == ("4", "PIXIVCRAWL_PIXIV_IMAGE_DELAY in the environment")
    assert rows["PIXIV_API_RETRIES"] == ("3", "default")
    assert rows["DATABASE_URL"] == ("postgresql+psycopg://me:***@host/pixiv", f"{file}, line 4, column 1")
    assert shown.stdout.endswith("reads as account 11\n")
    assert "secret" not in shown.stdout


@pytest.mark.long
def test_a_wrong_value_is_shown_and_said(tmp_path: Path) -> None:
    env = environment(None, tmp_path, PIXIVCRAWL_PIXIV_UGOIRA="gif")
    shown = scrapy("config", env=env)
    assert shown.returncode == 2
    assert re.search(r"^PIXIV_UGOIRA +gif +PIXIVCRAWL_PIXIV_UGOIRA in the environment$", shown.stdout, re.MULTILINE)
    assert shown.stderr == "pixivcrawl: PIXIV_UGOIRA: 'gif' is not known; there is zip and frames\n"
