from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy.settings import Settings

from pixivcrawl.errors import ConfigurationError
from pixivcrawl.session import Session, read_session, session_from_settings

VALUE = "901_AbCdEfGhIjKlMnOpQrStUvWxYz012345"

COOKIES_TXT = f"""# Netscape HTTP Cookie File
# a comment

#HttpOnly_.pixiv.net\tTRUE\t/\tTRUE\t1999999999\tPHPSESSID\t{VALUE}
.pixiv.net\tTRUE\t/\tTRUE\t1999999999\tp_ab_id\t3
www.pixiv.net\tFALSE\t/\tTRUE\t0\tyuid_b\tQ0
accounts.pixiv.net\tFALSE\t/\tTRUE\t0\telsewhere\tno
.evil.example\tTRUE\t/\tTRUE\t0\tforeign\tno
.notpixiv.net\tTRUE\t/\tTRUE\t0\tforeign\tno
"""


def in_file(folder: Path, content: str | bytes, mode: int = 0o600) -> Path:
    file = folder / "cookie"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    file.chmod(mode)
    return file


def test_no_session_is_no_error() -> None:
    assert read_session({}, None) is None
    assert read_session({"PIXIV_PHPSESSID": " ", "PIXIV_COOKIE": ""}, None) is None


def test_from_the_environment() -> None:
    assert read_session({"PIXIV_PHPSESSID": VALUE}, None) == Session(f"PHPSESSID={VALUE}", 901)
    assert read_session({"PIXIV_COOKIE": f"a=b; PHPSESSID={VALUE}; c=d"}, None) == Session(
        f"a=b; PHPSESSID={VALUE}; c=d", 901
    )


def test_the_environment_comes_before_a_file(tmp_path: Path) -> None:
    session = read_session({"PIXIV_PHPSESSID": VALUE}, in_file(tmp_path, "PHPSESSID=1_other"))
    assert session is not None
    assert session.user_id == 901


@pytest.mark.parametrize(
    "content",
    [
        VALUE,
        f"{VALUE}\r\n",
        f"PHPSESSID={VALUE}\n",
        f"Cookie: PHPSESSID={VALUE}\n",
        f"\N{ZERO WIDTH NO-BREAK SPACE}PHPSESSID={VALUE}",
        f"\n\n  PHPSESSID={VALUE}  \n\n",
    ],
)
def test_a_file_with_a_header(tmp_path: Path, content: str) -> None:
    assert read_session({}, in_file(tmp_path, content)) == Session(f"PHPSESSID={VALUE}", 901)


def test_of_a_cookies_txt_only_pixivs_cookies_are_used(tmp_path: Path) -> None:
    assert read_session({}, in_file(tmp_path, COOKIES_TXT)) == Session(f"PHPSESSID={VALUE}; p_ab_id=3; yuid_b=Q0", 901)


def test_a_cookies_txt_of_another_site_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no PHPSESSID"):
        read_session({}, in_file(tmp_path, COOKIES_TXT.replace("pixiv.net", "evil.example")))


@pytest.mark.parametrize("name", ["PIXIV_PHPSESSID", "PIXIV_COOKIE"])
@pytest.mark.parametrize("given", ["PHPSESSID={}", "'{}'", '"PHPSESSID={}"', "Cookie: PHPSESSID={}", "PHPSESSID: {}"])
def test_what_is_pasted_into_the_environment_is_read_as_from_a_file(name: str, given: str) -> None:
    assert read_session({name: given.format(VALUE)}, None) == Session(f"PHPSESSID={VALUE}", 901)


@pytest.mark.parametrize("value", ["opaque", "_x", "12a_x", "٣_x", "9" * 30 + "_x"])
def test_a_session_that_does_not_tell_its_user(value: str) -> None:
    if value.isascii():
        session = read_session({"PIXIV_PHPSESSID": value}, None)
        assert session is not None
        assert session.user_id is None
    else:
        with pytest.raises(ConfigurationError):
            read_session({"PIXIV_PHPSESSID": value}, None)


@pytest.mark.parametrize(
    "environment",
    [
        {"PIXIV_PHPSESSID": f"{VALUE}\r\nX-Evil: 1"},
        {"PIXIV_PHPSESSID": f"{VALUE}\0"},
        {"PIXIV_PHPSESSID": f"PHPSESSID={VALUE}; PHPSESSID=2_b"},
        {"PIXIV_PHPSESSID": f"{VALUE}; a=b"},
        {"PIXIV_PHPSESSID": f"{VALUE} and more"},
        {"PIXIV_PHPSESSID": f"{VALUE}ü"},
        {"PIXIV_COOKIE": f"PHPSESSID={VALUE}\nHost: evil.example"},
        {"PIXIV_COOKIE": f"a=b\r\nX-Evil: 1; PHPSESSID={VALUE}"},
        {"PIXIV_COOKIE": f"a=\xfc; PHPSESSID={VALUE}"},
        {"PIXIV_COOKIE": f"XPHPSESSID={VALUE}"},
        {"PIXIV_COOKIE": "PHPSESSID="},
        {"PIXIV_COOKIE": "PHPSESSID=" + "x" * 20_000},
    ],
)
def test_what_is_no_cookie_is_refused_and_never_repeated(environment: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_session(environment, None)
    assert str(refused.value).isprintable()
    assert VALUE not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("content", ["", "<html>", b"\xff\xfe\x00", "a=b", "PHPSESSID=1_a\nPHPSESSID=2_b", "one\ntwo"])
def test_a_file_without_a_session_is_refused(tmp_path: Path, content: str | bytes) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_session({}, in_file(tmp_path, content))
    assert str(refused.value).startswith("PIXIV_COOKIE_FILE")


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for file in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ConfigurationError, match="cannot be read"):
            read_session({}, file)


@pytest.mark.parametrize(
    ("mode", "warnings"), [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1), (0o620, 1), (0o602, 1), (0o666, 1)]
)
def test_loose_permissions_are_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, warnings: int
) -> None:
    file = in_file(tmp_path, VALUE, mode)
    with caplog.at_level(logging.DEBUG):
        for _ in range(3):
            read_session({}, file)
    assert len(caplog.records) == warnings
    assert VALUE not in caplog.text


def test_a_credential_of_systemd_has_no_other_readers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its access list for the service's user shows in the mode as a right of the group."""
    file = tmp_path / "session"
    file.write_text(VALUE)
    file.chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read_session({}, file) is not None
    assert not caplog.records
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path.parent))
    read_session({}, file)
    assert len(caplog.records) == 1


def test_the_session_is_in_no_representation() -> None:
    session = read_session({"PIXIV_PHPSESSID": VALUE}, None)
    assert VALUE not in f"{session!r} {session!s}"


def test_where_the_settings_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scrapy.cfg").touch()
    (tmp_path / "deep").mkdir()
    in_file(tmp_path, VALUE)
    monkeypatch.chdir(tmp_path / "deep")
    expected = Session(f"PHPSESSID={VALUE}", 901)
    assert session_from_settings(Settings()) is None
    assert session_from_settings(Settings({"PIXIV_COOKIE_FILE": "cookie"})) == expected
    monkeypatch.setenv("PIXIV_COOKIE_FILE", str(tmp_path / "cookie"))
    assert session_from_settings(Settings({"PIXIV_COOKIE_FILE": "missing"})) == expected


@given(st.text(max_size=60))
def test_whatever_is_given_is_a_clean_header_or_refused(text: str) -> None:
    for name in ("PIXIV_PHPSESSID", "PIXIV_COOKIE"):
        try:
            session = read_session({name: text}, None)
        except ConfigurationError:
            continue
        assert session is None or (
            session.cookie.isascii() and session.cookie.isprintable() and "PHPSESSID=" in session.cookie
        )
