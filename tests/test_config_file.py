"""pixivcrawl.toml: what it says is obeyed, less than the environment and the command line; what is wrong in it is said with its place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from scrapy.settings import Settings

from pixivcrawl import config_file
from pixivcrawl.config_file import (
    VERSION,
    Written,
    found,
    own_place,
    path_named,
    read,
    refuse_others,
    refuse_unread,
)
from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import ConfigurationError
from tests.travelling import own_settings

KNOWN = ("ARCHIVE_DIR", "DATABASE_URL", "PIXIV_API_DELAY", "PIXIV_IMAGE_HOSTS", "PIXIV_COOKIE_FILE")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PIXIVCRAWL_CONFIG")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(config_file, "own_place", lambda: tmp_path / "own" / "pixivcrawl.toml")
    return tmp_path / "pixivcrawl.toml"


def checked() -> dict[str, Written]:
    """As settings/base.py reads it, and a run after it."""
    written = read()
    refuse_others(written, KNOWN)
    Configuration.from_settings(Settings(own_settings() | written))
    return written


# Where it lies


def test_the_nearest_file_is_read_and_else_ones_own(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = file.parent / "own" / "pixivcrawl.toml"
    (file.parent / "deep" / "deeper").mkdir(parents=True)
    monkeypatch.chdir("deep/deeper")
    assert found() is None
    own.parent.mkdir()
    own.touch()
    assert found() == own
    file.touch()
    assert found() == file
    monkeypatch.setenv("PIXIVCRAWL_CONFIG", "named.toml")
    assert found() == Path("named.toml").absolute()


def test_without_home_there_is_no_file_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a user whom the system does not know nobody can tell where that would be: `~` stays `~`."""
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert own_place() is None


@pytest.mark.parametrize("setting", ["ARCHIVE_DIR", "PIXIV_COOKIE_FILE"])
def test_a_home_that_nobody_knows_is_said(setting: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{setting}: the home folder in '~nosuchuser/pixiv' is unknown"):
        path_named(Settings({setting: "~nosuchuser/pixiv"}), setting)


def test_a_path_counts_from_the_folder_of_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('archive_dir = "pictures"\n')
    (file.parent / "deep").mkdir()
    monkeypatch.chdir("deep")
    assert path_named(Settings(checked()), "ARCHIVE_DIR") == file.parent / "pictures"


# What it says


def test_a_profile_takes_the_place_of_what_stands_above_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('archive_dir = "a"\npixiv_api_delay = 2.5\n[profiles.second]\narchive_dir = "b"\n')
    assert checked() == {"ARCHIVE_DIR": "a", "PIXIV_API_DELAY": "2.5"}
    monkeypatch.setenv("PIXIVCRAWL_AS", "second")
    assert checked() == {"ARCHIVE_DIR": "b", "PIXIV_API_DELAY": "2.5"}


def test_a_list_is_what_commas_make(file: Path) -> None:
    file.write_text('pixiv_image_hosts = ["i.pximg.net", "127.0.0.1:8481"]\n')
    assert checked() == {"PIXIV_IMAGE_HOSTS": "i.pximg.net,127.0.0.1:8481"}


def test_the_sandbox_profile_does_not_read_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made-up works never lie beside real ones."""
    file.write_text('archive_dir = "real"\n')
    monkeypatch.setenv("SCRAPY_PROJECT", "sandbox")
    assert read() == {}


@pytest.mark.parametrize(
    ("written", "line", "column", "said"),
    [
        ('archive_dir "a"', 1, 13, "Expected '='"),
        ('\n\narchive_dir = "a', 3, 17, "(?i)unterminated|expected|illegal"),
        ("archive_dir = 'a'\narchive_dir = 'b'", 2, 18, "overwrite"),
        (f"version = {VERSION + 1}", 1, 1, "is for a later pixivcrawl .version 2, this one knows 1.: update"),
        ("version = 'one'", 1, 1, "version: 1 is the only known version"),
        ("\n  archiv_dir = 'a'", 2, 3, "no setting 'archiv_dir'; did you mean archive_dir"),
        ("colour = 'red'", 1, 1, "no setting 'colour'; pixivcrawl config lists them"),
        ("pixiv_phpsessid = '11_secret'", 1, 1, "keep the session in a file of its own"),
        ("# pixiv_api_delay\n\npixiv_api_delay = 'fast'", 3, 1, "PIXIV_API_DELAY: 'fast' is not a number of seconds"),
        ("pixiv_api_delay = -1", 1, 1, "PIXIV_API_DELAY: '-1' is not a number of seconds"),
        ("database_url = 'mysql://me:secret@host/x'", 1, 1, "DATABASE_URL: begin it with"),
        ("archive_dir = 1979-05-27", 1, 1, "archive_dir: give a text, a number"),
        ("[pace]\npixiv_api_delay = 2", 1, 2, r"there is no table \[pace\]"),
        ("profiles = 'second'", 1, 1, r"write each profile as \[profiles.NAME\]"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_its_place(
    file: Path, written: str, line: int, column: int, said: str
) -> None:
    file.write_text(written)
    with pytest.raises(ConfigurationError, match=said) as refused:
        checked()
    message = str(refused.value)
    assert message.startswith(f"{file}, line {line}, column {column}: ")
    assert message.isprintable()
    assert "secret" not in message


@pytest.mark.parametrize(
    ("written", "said"),
    [("[profiles.second]\n", "no profile 'third': there are second"), ("", "no profile 'third': it has none")],
)
def test_a_profile_that_is_not_there_is_said(
    file: Path, monkeypatch: pytest.MonkeyPatch, written: str, said: str
) -> None:
    monkeypatch.setenv("PIXIVCRAWL_AS", "third")
    with pytest.raises(ConfigurationError, match=r"no pixivcrawl\.toml with a profile 'third'"):
        read()
    file.write_text(written)
    with pytest.raises(ConfigurationError, match=said):
        read()


def test_a_file_that_cannot_be_read_is_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_bytes(b"archive_dir = '\xff'")
    with pytest.raises(ConfigurationError, match="not UTF-8 text"):
        read()
    monkeypatch.setenv("PIXIVCRAWL_CONFIG", str(file.parent / "none.toml"))
    with pytest.raises(
        ConfigurationError, match=r"cannot be read .No such file or directory.; name another with --config"
    ):
        read()


@pytest.mark.parametrize(("mode", "said"), [(0o600, False), (0o644, False), (0o664, True), (0o646, True)])
def test_a_file_that_others_can_change_is_said(
    file: Path, capsys: pytest.CaptureFixture[str], mode: int, said: bool
) -> None:
    file.write_text('archive_dir = "a"\n')
    file.chmod(mode)
    assert read() == {"ARCHIVE_DIR": "a"}
    assert ("others can change it; prevent that with: chmod go-w" in capsys.readouterr().err) is said


# The environment


@pytest.mark.parametrize(
    ("variable", "instead"),
    [
        ("PIXIV_API_DELAY", "name it PIXIVCRAWL_PIXIV_API_DELAY"),
        ("PIXIVCRAWL_PIXIV_PHPSESSID", "name it PIXIV_PHPSESSID"),
        ("PIXIVCRAWL_PIXIV_API_DELY", "did you mean PIXIVCRAWL_PIXIV_API_DELAY?"),
        ("PIXIVCRAWL_API_DELAY", "did you mean PIXIVCRAWL_PIXIV_API_DELAY?"),
    ],
)
def test_a_variable_that_nothing_reads_is_one_line(variable: str, instead: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        refuse_unread([variable], set(KNOWN))
    assert str(refused.value) == f"{variable} in the environment is not read: {instead}"


def test_other_variables_are_nobodys_mistake() -> None:
    others = (
        "PIXIVCRAWL_CONFIG",
        "PIXIVCRAWL_AS",
        "PIXIVCRAWL_NOTICE_URLS",
        "PIXIVCRAWL_TEST_POSTGRES",
        "ARCHIVE_DIR",
        "HOME",
    )
    refuse_unread(
        [*others, "PIXIV_PHPSESSID", "PIXIV_COOKIE_FILE", *(f"PIXIVCRAWL_{name}" for name in KNOWN)], set(KNOWN)
    )
