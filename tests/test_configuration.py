from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yarl
from hypothesis import example, given
from hypothesis import strategies as st

from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.origin import read_origin
from tests.travelling import of_the_project

PROJECT = Path(__file__).resolve().parents[1]


def configured(**values: Any) -> Configuration:
    return Configuration.from_settings(of_the_project(values))


def test_the_archive_lies_beside_scrapy_cfg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT / "tests")
    assert configured().archive_dir == PROJECT / "archive"
    assert configured(ARCHIVE_DIR="elsewhere/deep").archive_dir == PROJECT / "elsewhere" / "deep"


def test_without_scrapy_cfg_the_archive_lies_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert configured().archive_dir == tmp_path / "archive"


def test_an_absolute_archive_and_its_ledger(tmp_path: Path) -> None:
    configuration = configured(ARCHIVE_DIR=str(tmp_path))
    assert configuration.archive_dir == tmp_path
    assert configuration.database_url == f"sqlite:///{tmp_path}/archive.sqlite"


def test_the_home_folder_is_understood() -> None:
    assert configured(ARCHIVE_DIR="~/pixiv").archive_dir == Path.home() / "pixiv"


def test_numbers_may_come_as_text() -> None:
    configuration = configured(PIXIV_API_DELAY="2.5", PIXIV_IMAGE_CONCURRENCY="8", PIXIV_FILE_SIZE_LIMIT=1e6)
    assert (configuration.api_delay, configuration.image_concurrency) == (2.5, 8)
    assert configuration.file_size_limit == 1_000_000


def test_the_database_password_is_not_shown() -> None:
    configuration = configured(DATABASE_URL="postgresql+psycopg://me:hunter2@host/archive")
    assert "hunter2" not in repr(configuration)
    with pytest.raises(ConfigurationError) as refused:
        configured(DATABASE_URL="mysql://me:hunter2@host/archive")
    assert "hunter2" not in str(refused.value)


def test_what_is_learned_has_bounds_that_follow_the_usual_numbers() -> None:
    usual = configured()
    assert (usual.api_delay_least, usual.image_concurrency, usual.image_concurrency_most) == (1.5, 4, 8)
    assert configured(PIXIV_API_DELAY=3).api_delay_least == 3
    assert configured(PIXIV_API_DELAY_LEAST="0.5").api_delay_least == 0.5
    assert configured(PIXIV_IMAGE_CONCURRENCY=16).image_concurrency_most == 16
    assert configured(PIXIV_IMAGE_CONCURRENCY_MOST=4).image_concurrency_most == 4


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (
            {"PIXIV_API_DELAY_LEAST": 2},
            "PIXIV_API_DELAY_LEAST: 2 is more than PIXIV_API_DELAY (1.5); lower it, or raise that",
        ),
        (
            {"PIXIV_IMAGE_CONCURRENCY": 5, "PIXIV_IMAGE_CONCURRENCY_MOST": "4"},
            "PIXIV_IMAGE_CONCURRENCY_MOST: 4 is less than PIXIV_IMAGE_CONCURRENCY (5); raise it, or lower that",
        ),
    ],
)
def test_bounds_that_cross_are_refused(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        configured(**values)
    assert str(refused.value) == says


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PIXIV_API_DELAY_LEAST", "-1"),
        ("PIXIV_API_DELAY_LEAST", "soon"),
        ("PIXIV_IMAGE_CONCURRENCY_MOST", 33),
        ("PIXIV_IMAGE_CONCURRENCY_MOST", "4.5"),
        ("ARCHIVE_DIR", "what?"),
        ("ARCHIVE_DIR", ""),
        ("ARCHIVE_DIR", "a\nb"),
        ("ARCHIVE_DIR", "a\0b"),
        ("ARCHIVE_DIR", "/" + "猫/" * 113),
        ("DATABASE_URL", "mysql://host/archive"),
        ("PIXIV_BASE_URL", "http://www.pixiv.net"),
        ("PIXIV_BASE_URL", ""),
        ("PIXIV_IMAGE_HOSTS", ""),
        ("PIXIV_BASE_URL", "https://pixiv.net"),
        ("PIXIV_BASE_URL", "https://www.pixiv.net:8443"),
        ("PIXIV_BASE_URL", "https://www.pixiv.net/ajax"),
        ("PIXIV_BASE_URL", "https://www.pixiv.net?x=1"),
        ("PIXIV_BASE_URL", "https://me:secret@www.pixiv.net"),
        ("PIXIV_BASE_URL", "https://www.pixiv.net@evil.example"),
        ("PIXIV_BASE_URL", "https://www.pixiv.net.evil.example"),
        ("PIXIV_BASE_URL", "https://www.pixiv.net\\@evil.example"),
        ("PIXIV_BASE_URL", "https://127.0.0.1.evil.example"),
        ("PIXIV_BASE_URL", "https://192.168.0.1"),
        ("PIXIV_BASE_URL", "ftp://127.0.0.1"),
        ("PIXIV_BASE_URL", "www.pixiv.net"),
        ("PIXIV_IMAGE_HOSTS", "i.pximg.net,"),
        ("PIXIV_IMAGE_HOSTS", "https://i.pximg.net"),
        ("PIXIV_IMAGE_HOSTS", "i.pximg.net/img-original"),
        ("PIXIV_IMAGE_HOSTS", "me@i.pximg.net"),
        ("PIXIV_IMAGE_HOSTS", "*.pximg.net"),
        ("PIXIV_IMAGE_HOSTS", "i.pximg.net:99999"),
        ("PIXIV_API_DELAY", "-1"),
        ("PIXIV_API_DELAY", "nan"),
        ("PIXIV_API_DELAY", "inf"),
        ("PIXIV_API_DELAY", "soon"),
        ("PIXIV_API_CONCURRENCY", 0),
        ("PIXIV_API_CONCURRENCY", True),
        ("PIXIV_API_CONCURRENCY", 1.5),
        ("PIXIV_IMAGE_CONCURRENCY", 33),
        ("PIXIV_IMAGE_DELAY", []),
        ("PIXIV_API_RETRIES", -1),
        ("PIXIV_RATE_LIMIT_WAIT", 10**6),
        ("PIXIV_FILE_SIZE_LIMIT", "1 GB"),
        ("PIXIV_MAX_PIXELS", 0),
        ("PIXIV_THROUGHPUT_WINDOW", 0),
        ("DOWNLOAD_TIMEOUT", 0),
        ("USER_AGENT", ""),
        ("USER_AGENT", "Mozilla/5.0\r\nCookie: x"),
        ("USER_AGENT", "ブラウザ"),
    ],
)
def test_a_wrong_value_is_refused_in_one_line_that_names_it(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError) as refused:
        configured(**{name: value})
    assert str(refused.value).startswith(name)
    assert str(refused.value).isprintable()
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("given_url", "base_url"),
    [
        ("https://www.pixiv.net", "https://www.pixiv.net"),
        ("https://www.pixiv.net/", "https://www.pixiv.net"),
        ("HTTPS://WWW.PIXIV.NET:443/", "https://www.pixiv.net"),
        ("http://127.0.0.1:8480/", "http://127.0.0.1:8480"),
        ("https://localhost:8480", "https://localhost:8480"),
        ("http://[::1]:8480", "http://[::1]:8480"),
    ],
)
def test_a_base_url_is_kept_in_one_form(given_url: str, base_url: str) -> None:
    assert configured(PIXIV_BASE_URL=given_url).base_url == base_url


def test_the_api_is_one_origin_alone() -> None:
    configuration = configured()
    for url in ("https://www.pixiv.net/ajax/illust/1", "https://www.pixiv.net:443/", "https://WWW.pixiv.net/x?y#z"):
        assert configuration.is_api(url)
    for url in (
        "http://www.pixiv.net/ajax/illust/1",
        "https://pixiv.net/",
        "https://www.pixiv.net:444/",
        "https://www.pixiv.net.evil.example/",
        "https://www.pixiv.net@evil.example/",
        "https://evil.example/https://www.pixiv.net/",
        "https://www.pixiv.net\\.evil.example/",
        "//www.pixiv.net/",
        "",
    ):
        assert not configuration.is_api(url)


def test_images_come_from_listed_hosts_alone() -> None:
    configuration = configured(PIXIV_IMAGE_HOSTS="i.pximg.net, i.example:8443,127.0.0.1:81")
    for url in (
        "https://i.pximg.net/a.jpg",
        "https://I.PXIMG.NET:443/",
        "https://i.example:8443/",
        "http://127.0.0.1:81/",
    ):
        assert configuration.may_fetch_image(url)
    for url in (
        "http://i.pximg.net/a.jpg",
        "https://i.pximg.net:8443/",
        "https://i.example/",
        "http://i.example:8443/",
        "https://127.0.0.1/",
        "https://i.pximg.net@evil.example/",
        "https://x:y@i.pximg.net/",
        "https://evil.example\\@i.pximg.net/",
        "https://evil.example#@i.pximg.net/",
        "https://evil.example/?@i.pximg.net/",
        "https://i.pximg.net.evil.example/",
        "https://i.pximg.net%2eevil.example/",
        "https://i.pximg.net.:443/",
        "https://ⅰ.pximg.net/",
        "file:///etc/passwd",
        "https://[i.pximg.net/",
        "https://i.pximg.net:port/",
        "ht\ntps://i.pximg.net/",
    ):
        assert not configuration.may_fetch_image(url)


def test_the_archives_own_hosts_are_not_the_apis() -> None:
    configuration = configured()
    assert not configuration.may_fetch_image("https://www.pixiv.net/a.jpg")
    assert not configuration.is_api("https://i.pximg.net/a.jpg")


HOSTS = ("i.pximg.net", "I.PXIMG.NET", "www.pixiv.net", "evil.example", "[::1]", "ⅰ.pximg.net", "i。pximg。net")
MARKS = (
    "http:",
    "https:",
    "//",
    "/",
    "\\",
    "@",
    ":",
    "443",
    "#",
    "?",
    "%40",
    "%2e",
    ".",
    ";",
    " ",
    "\t",
    "\n",
    "\u00ad",
    "a",
)
PIECES = st.sampled_from((*HOSTS, *MARKS))


@given(st.lists(PIECES, max_size=10).map("".join) | st.text(max_size=40))
@example("https://i.pximg.net/")
@example("https://i.pximg.net\\@evil.example/")
@example("https://evil.example\t@i.pximg.net/")
def test_the_host_that_is_allowed_is_the_host_that_is_asked(url: str) -> None:
    """What the handler connects to is read by another parser than ours."""
    if configured().may_fetch_image(url):
        asked = yarl.URL(url, encoded=True)
        assert (asked.scheme, (asked.host or "").lower(), asked.port) == ("https", "i.pximg.net", 443)
        assert asked.user is asked.password is None


@given(st.text(max_size=60))
def test_reading_an_origin_never_fails(url: str) -> None:
    origin = read_origin(url)
    assert origin is None or read_origin(f"{origin}/") == origin


def test_nothing_can_be_changed_under_way() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        configured().base_url = "https://evil.example"  # type: ignore[misc]
